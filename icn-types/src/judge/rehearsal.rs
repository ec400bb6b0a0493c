//! Rehearsals: verdicts about what nobody has signed yet.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::{Case, ChainState, Judge, Rules};
use crate::id::RecordId;
use crate::record::Draft;
use crate::set::{RecordSet, Slot};
use crate::verdict::Verdict;

/// A chain as it would stand after drafts that nobody has signed yet.
///
/// A record's id does not depend on its signature, so that drafts can follow
/// each other. Of the judge only what is drafted on is copied, once.
#[derive(Debug, Clone)]
pub struct Rehearsal<'a, S: Clone> {
    /// The last stored record.
    stored: Option<Slot>,
    /// The last draft with its epoch.
    drafted: Option<(RecordId, RecordId)>,
    chain: Cow<'a, ChainState<S>>,
}

impl<S: Clone> Rehearsal<'_, S> {
    /// The state after the last draft.
    #[must_use]
    pub fn state(&self) -> &S {
        &self.chain.state
    }

    /// The last stored record.
    #[must_use]
    pub const fn stored(&self) -> Option<Slot> {
        self.stored
    }

    /// The epoch of the last draft; none while there is no draft.
    #[must_use]
    pub fn drafted(&self) -> Option<RecordId> {
        self.drafted.map(|(_, epoch)| epoch)
    }

    fn follows(&self, set: &RecordSet) -> Option<RecordId> {
        let stored = || Some(set.id(self.stored?));
        self.drafted.map(|(id, _)| id).or_else(stored)
    }
}

impl<R: Rules> Judge<R> {
    /// The verdict that a draft would meet, without adding it anywhere.
    /// `Waiting` when it names something that is not here or not decided.
    #[must_use]
    pub fn rehearse(&self, set: &RecordSet, draft: &Draft) -> Verdict<R::Rule> {
        let prev = draft.header().prev();
        let stored = prev.and_then(|id| set.find(&id));
        match self.rehearse_on(set, draft, &self.rehearsal(set, stored)) {
            Ok(_) => Verdict::Valid,
            Err(verdict) => verdict,
        }
    }

    /// A chain after `stored`, or before its first record, on which drafts can
    /// follow each other.
    #[must_use]
    pub fn rehearsal(&self, set: &RecordSet, stored: Option<Slot>) -> Rehearsal<'_, R::State> {
        let chain = match stored.and_then(|slot| self.chain_at(slot)) {
            Some(chain) => Cow::Borrowed(chain),
            None => Cow::Owned(self.before(set, stored)),
        };
        Rehearsal {
            stored,
            drafted: None,
            chain,
        }
    }

    /// What a draft would change that follows everything on a rehearsal.
    ///
    /// # Errors
    /// The verdict that it would meet, when that is not `Valid`; `Waiting` when
    /// it names something that is not stored or not decided, or follows
    /// something else.
    pub fn rehearse_on(
        &self,
        set: &RecordSet,
        draft: &Draft,
        rehearsal: &Rehearsal<'_, R::State>,
    ) -> Result<R::Delta, Verdict<R::Rule>> {
        let (header, content) = (draft.header(), draft.content());
        if header.prev() != rehearsal.follows(set) {
            return Err(Verdict::Waiting);
        }
        let (prev, mut named) = (rehearsal.stored, Vec::new());
        let ready = self.open_of(set, header, content, prev, &mut named);
        let (open, standing) = ready.map_err(|_| Verdict::Waiting)?;
        let case = Case {
            set,
            header,
            content,
            open,
            prev,
            named: Cow::Borrowed(&named),
            drafted: rehearsal.drafted(),
        };
        let delta = self.weigh(&case, &rehearsal.chain, standing);
        delta.map_err(Verdict::Invalid)
    }

    /// Puts a draft on a rehearsal, with what [`rehearse_on`](Self::rehearse_on)
    /// said of it. `slot` is where it would be stored.
    pub fn follow(
        &self,
        rehearsal: &mut Rehearsal<'_, R::State>,
        draft: &Draft,
        delta: R::Delta,
        slot: Slot,
    ) -> R::Effect {
        let header = draft.header();
        rehearsal.drafted = header.epoch().map(|epoch| (header.id(), epoch));
        self.rules
            .apply(slot, delta, &mut rehearsal.chain.to_mut().state)
    }
}
