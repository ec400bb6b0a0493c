//! Steps: what one input caused, and the rule "persist before send" as types.

use icn_types::error::{Coded, Fault};
use icn_types::id::{RecordId, TopicId};
use icn_types::key::PeerId;
use icn_types::set::Slot;

use crate::event::SyncEvent;

/// Number of a step of one replica, ascending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepNumber(u64);

impl StepNumber {
    pub(crate) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// What one input caused.
///
/// Frames to send are inside and come out only against a [`Committed`], so
/// nothing is sent that a crash could take back: a node that forgets a record
/// which others hold would sign a second one at the same position.
///
/// ```compile_fail,E0616
/// fn send_without_storing(step: icn_sync::Step) {
///     let _frames = step.frames; // private
/// }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "stored records must be made durable, then frames released"]
pub struct Step {
    pub(crate) number: StepNumber,
    pub(crate) stored: Vec<Stored>,
    pub(crate) events: Vec<SyncEvent>,
    pub(crate) frames: Vec<(PeerId, Vec<u8>)>,
}

/// A record to make durable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// The record.
    pub id: RecordId,
    /// Its topic.
    pub topic: TopicId,
    /// Its place in the replica's set.
    pub slot: Slot,
    /// New, or the content of a record that was stored without it.
    pub what: StoredWhat,
    /// Canonical bytes; [`Replica::restore`](crate::Replica::restore) reads them.
    pub bytes: Vec<u8>,
}

/// What was stored of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a set adds records or contents")]
pub enum StoredWhat {
    /// A new record.
    Record,
    /// The content of a record whose header was stored before. The bytes take
    /// the place of the earlier ones.
    Content,
}

impl Step {
    /// The step's number, for [`Committed`].
    #[must_use]
    pub const fn number(&self) -> StepNumber {
        self.number
    }

    /// Records to make durable, in this order.
    #[must_use]
    pub fn stored(&self) -> &[Stored] {
        &self.stored
    }

    /// What else happened.
    #[must_use]
    pub fn events(&self) -> &[SyncEvent] {
        &self.events
    }

    /// The frames to send, once everything of this step and of every step
    /// before it is durable.
    ///
    /// # Errors
    /// [`NotCommitted`] with the step when the token covers only earlier ones.
    pub fn release(self, committed: Committed) -> Result<Vec<(PeerId, Vec<u8>)>, NotCommitted> {
        if committed.0 < self.number {
            return Err(NotCommitted(Box::new(self)));
        }
        Ok(self.frames)
    }
}

/// A host's word that steps are durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Committed(StepNumber);

impl Committed {
    /// The caller vouches that everything that this step and all steps before
    /// it stored would survive a crash right now.
    ///
    /// One token serves all steps up to this one (group commit). A host that
    /// cannot vouch drops the replica and restores it from its store.
    #[must_use]
    pub const fn i_vouch_that_all_is_durable_through(step: StepNumber) -> Self {
        Self(step)
    }
}

/// The token covers only earlier steps; the step comes back unharmed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("step is not committed")]
#[non_exhaustive]
pub struct NotCommitted(pub Box<Step>);

impl Coded for NotCommitted {
    fn code(&self) -> &'static str {
        "sync.step.uncommitted"
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}
