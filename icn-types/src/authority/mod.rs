//! What the registrar's chain says: who may write which chain, from where and
//! with which credit.
//!
//! One chain per domain holds the charter, Opens, Seals and the few decisions
//! that others act on. An **Open** starts an epoch of any chain under one key;
//! a **Seal** fixes a prefix, and a final one ends the epoch. Rotation,
//! recovery, freeze, hand-over, removal, receivership and fork resolution are
//! combinations of the two. A **Recall** replaces the registrar itself.
//!
//! The bodies are defined here; [`crate::set`] decides about them.

mod action;
mod charter;
mod decision;
mod epoch;
mod recall;
mod seal;

use alloc::vec::Vec;

use crate::canon::{DecodeError, List, Raw};
use crate::id::RecordId;
use crate::record::{Content, Draft, Kind, Place};
use crate::time::Timestamp;

pub use action::{Action, Envelope, envelope_key, operation_key};
pub use charter::{Charter, FORMAT, ROLL_MAX, RollChange};
pub use decision::{
    ACTIONS_MAX, Close, DecisionTerms, Opening, Outcome, ProposalId, Ready, Release, TELLERS_MAX,
};
pub use epoch::{Consent, ConsentTerms, Grant, Open, Raise, Start, Tip};
pub use recall::{RECALL_VOTES_MAX, Recall, Vote, VoteTerms, Voter};
pub(crate) use recall::{can_recall, recalls, recalls_by_key};
pub use seal::{Finality, SEAL_ROWS_MAX, Seal, SealRow, Sealed};

/// The body of a record on the authority chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// Founds the domain.
    Charter(Charter),
    /// Starts an epoch.
    Open(Open),
    /// Fixes prefixes.
    Seal(Seal),
    /// Takes over the Opens that the record refs.
    Adopt,
    /// Replaces the registrar.
    Recall(Recall),
    /// Changes the roll.
    Roll(RollChange),
    /// Raises the credit of an epoch.
    Raise(Raise),
    /// Opens voting.
    Opening(Opening),
    /// Claims an outcome.
    Close(Close),
    /// Lets a decision take effect.
    Ready(Ready),
    /// Releases the next tranche of an envelope.
    Release(Release),
}

impl Act {
    /// Reads the body of an authority record. `None` when the kind is none of
    /// the authority's.
    ///
    /// # Errors
    /// [`DecodeError`] when the body is not the one of its kind.
    pub fn read(kind: Kind, content: &Content) -> Result<Option<Self>, DecodeError> {
        Ok(Some(match kind {
            Kind::CHARTER => Self::Charter(content.read()?),
            Kind::OPEN => Self::Open(content.read()?),
            Kind::SEAL => Self::Seal(content.read()?),
            Kind::ADOPT => content.read::<AdoptBody>().map(|_| Self::Adopt)?,
            Kind::RECALL => Self::Recall(content.read()?),
            Kind::ROLL => Self::Roll(content.read()?),
            Kind::RAISE => Self::Raise(content.read()?),
            Kind::OPENING => Self::Opening(content.read()?),
            Kind::CLOSE => Self::Close(content.read()?),
            Kind::READY => Self::Ready(content.read()?),
            Kind::RELEASE => Self::Release(content.read()?),
            _ => return Ok(None),
        }))
    }

    /// A draft of a record that says this. `None` when it does not fit that
    /// place, or `refs` are more than a record may name.
    #[must_use]
    pub fn draft(&self, place: Place, refs: Vec<RecordId>, at: Timestamp) -> Option<Draft> {
        let (kind, body) = self.body();
        Draft::new(place, kind, at, Content::new(refs, None, &body)?)
    }

    /// Kind and body as they stand in a record.
    #[must_use]
    pub fn body(&self) -> (Kind, Raw) {
        match self {
            Self::Charter(body) => (Kind::CHARTER, Raw::of(body)),
            Self::Open(body) => (Kind::OPEN, Raw::of(body)),
            Self::Seal(body) => (Kind::SEAL, Raw::of(body)),
            Self::Adopt => (Kind::ADOPT, Raw::of(&AdoptBody {})),
            Self::Recall(body) => (Kind::RECALL, Raw::of(body)),
            Self::Roll(body) => (Kind::ROLL, Raw::of(body)),
            Self::Raise(body) => (Kind::RAISE, Raw::of(body)),
            Self::Opening(body) => (Kind::OPENING, Raw::of(body)),
            Self::Close(body) => (Kind::CLOSE, Raw::of(body)),
            Self::Ready(body) => (Kind::READY, Raw::of(body)),
            Self::Release(body) => (Kind::RELEASE, Raw::of(body)),
        }
    }
}

/// An Adopt says everything in its refs.
struct AdoptBody {}
crate::canonical!(AdoptBody = "icn/types/adopt/v1" {});

/// At most `MAX` items of which none occurs twice, in ascending order.
fn ascending<T: Ord, const MIN: usize, const MAX: usize>(items: &List<T, MIN, MAX>) -> bool {
    items.is_sorted_by(|a, b| a < b)
}
