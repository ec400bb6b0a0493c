//! Decisions: what the authority chain says about votes, from the opening to
//! what may take effect.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use crate::authority::{Action, Close, Opening, Outcome, Ready, Release};
use crate::id::RecordId;
use crate::key::MemberId;
use crate::record::Record;
use crate::time::Timestamp;

use super::RecordSet;
use super::arena::Slot;
use super::office::Office;
use super::registry::{close_of, opening_of};
use super::rule::AuthorityRule as Rule;

/// How far one opening has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    opening: Opening,
    at: Timestamp,
    close: Option<(RecordId, Timestamp, Outcome)>,
    ready: Option<(RecordId, Timestamp)>,
    /// The last Release and its tranche by action, where there is one.
    released: BTreeMap<u16, (RecordId, u16)>,
}

impl Decision {
    /// What the opening froze.
    #[must_use]
    pub const fn opening(&self) -> &Opening {
        &self.opening
    }

    /// When the opening claims to have been written.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The certificate: its record, its stated time and its outcome.
    #[must_use]
    pub const fn close(&self) -> Option<(RecordId, Timestamp, Outcome)> {
        self.close
    }

    /// The record that lets it take effect.
    #[must_use]
    pub fn ready(&self) -> Option<RecordId> {
        self.ready.map(|(id, _)| id)
    }

    /// The last Release of an envelope, which stands for all before it. `None`
    /// while there is nothing but the first tranche.
    #[must_use]
    pub fn last_release(&self, action: u16) -> Option<RecordId> {
        self.released.get(&action).map(|(id, _)| *id)
    }

    /// The tranche of an envelope that may be released next, and from when on.
    /// `None` before the Ready, after the last one and for other actions.
    #[must_use]
    pub fn next_tranche(&self, action: u16) -> Option<(u16, Timestamp)> {
        let (_, ready) = self.ready?;
        let Action::Envelope(envelope) = self.opening.actions.get(usize::from(action))? else {
            return None;
        };
        let tranche = self.released.get(&action).map_or(1, |(_, last)| last + 1);
        (tranche < envelope.tranches).then(|| (tranche, envelope.due(ready, tranche)))
    }
}

/// What an Opening froze: a function of its own path, whatever the office in
/// force has decided since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    opening: Opening,
    at: Timestamp,
    roll: Arc<[MemberId]>,
}

impl Frozen {
    pub(super) const fn new(opening: Opening, at: Timestamp, roll: Arc<[MemberId]>) -> Self {
        Self { opening, at, roll }
    }

    /// The body of the Opening.
    #[must_use]
    pub const fn opening(&self) -> &Opening {
        &self.opening
    }

    /// When it claims to have been written.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The roll on the record date, ascending.
    #[must_use]
    pub fn roll(&self) -> &[MemberId] {
        &self.roll
    }

    /// Whether the member may vote. O(log n) in the roll.
    #[must_use]
    pub fn is_on_roll(&self, member: &MemberId) -> bool {
        self.roll.binary_search(member).is_ok()
    }
}

impl Office {
    pub(super) fn check_opening(&self, opening: &Opening) -> Result<(), Rule> {
        if opening.roll != self.roll_digest() {
            return Err(Rule::OpeningRoll);
        }
        if self.opened.contains_key(&opening.proposal) {
            return Err(Rule::OpeningTwice);
        }
        Ok(())
    }

    pub(super) fn check_close(&self, record: &Record, close: &Close) -> Result<(), Rule> {
        let decision = self
            .decisions
            .get(&close.opening)
            .ok_or(Rule::CloseOpening)?;
        if !record.refs().contains(&close.opening) {
            return Err(Rule::CloseOpening);
        }
        if decision.close.is_some() {
            return Err(Rule::CloseTwice);
        }
        if close.shuts.len() != usize::from(decision.opening.terms.needed) {
            return Err(Rule::CloseShuts);
        }
        Ok(())
    }

    pub(super) fn check_ready(&self, record: &Record, close: RecordId) -> Result<(), Rule> {
        let closed_by = |decision: &&Decision| decision.close.is_some_and(|(id, ..)| id == close);
        let decision = self.decisions.values().find(closed_by);
        let decision = decision.ok_or(Rule::ReadyClose)?;
        let Some((_, at, Outcome::Accepted)) = decision.close else {
            return Err(Rule::ReadyClose);
        };
        if !record.refs().contains(&close) {
            return Err(Rule::ReadyClose);
        }
        if decision.ready.is_some() {
            return Err(Rule::ReadyTwice);
        }
        if record.at() < at.saturating_add(decision.opening.terms.timelock) {
            return Err(Rule::ReadyEarly);
        }
        Ok(())
    }

    pub(super) fn check_release(&self, record: &Record, release: &Release) -> Result<(), Rule> {
        let decision = self
            .readied(record, &release.ready)
            .ok_or(Rule::ReleaseReady)?;
        let action = decision.opening.actions.get(usize::from(release.action));
        let Some(Action::Envelope(_)) = action else {
            return Err(Rule::ReleaseReady);
        };
        match decision.next_tranche(release.action) {
            Some((next, due)) if next == release.tranche => {
                if record.at() < due {
                    return Err(Rule::ReleaseEarly);
                }
                Ok(())
            }
            _ => Err(Rule::ReleaseOrder),
        }
    }

    /// The decision on this path that a Ready lets take effect, if the record
    /// refs it.
    pub(super) fn readied(&self, record: &Record, ready: &RecordId) -> Option<&Decision> {
        record.refs().contains(ready).then_some(())?;
        let of_ready = |decision: &&Decision| decision.ready() == Some(*ready);
        self.decisions.values().find(of_ready)
    }

    pub(super) fn note_opening(&mut self, record: &Record, opening: &Opening) {
        self.opened.insert(opening.proposal, record.id());
        self.running.insert(record.id());
        let decision = Decision {
            opening: opening.clone(),
            at: record.at(),
            close: None,
            ready: None,
            released: BTreeMap::new(),
        };
        self.decisions.insert(record.id(), decision);
    }

    pub(super) fn note_close(&mut self, record: &Record, close: &Close) {
        if let Some(decision) = self.decisions.get_mut(&close.opening) {
            decision.close = Some((record.id(), record.at(), close.outcome));
            self.running.remove(&close.opening);
        }
    }

    pub(super) fn note_ready(&mut self, record: &Record, ready: &Ready) {
        let closed_by =
            |decision: &&mut Decision| decision.close.is_some_and(|(id, ..)| id == ready.close);
        if let Some(decision) = self.decisions.values_mut().find(closed_by) {
            decision.ready = Some((record.id(), record.at()));
        }
    }

    pub(super) fn note_release(&mut self, record: &Record, release: &Release) {
        let of_ready = |decision: &&mut Decision| decision.ready() == Some(release.ready);
        if let Some(decision) = self.decisions.values_mut().find(of_ready) {
            let last = (record.id(), release.tranche);
            decision.released.insert(release.action, last);
        }
    }
}

impl RecordSet {
    /// What a Valid Opening froze, with the roll of its moment. It depends on
    /// the ancestors of the Opening only.
    #[must_use]
    pub fn frozen(&self, opening: Slot) -> Option<&Frozen> {
        self.registry.frozen(opening)
    }

    /// The decision in force that a certificate closed. O(log n).
    #[must_use]
    pub fn closed_by(&self, close: &RecordId) -> Option<&Decision> {
        let opening = opening_of(&self.arena, self.act_slot(close)?)?;
        let decision = self.office()?.decision(&opening)?;
        let (by, ..) = decision.close()?;
        (by == *close).then_some(decision)
    }

    /// The decision in force that a Ready lets take effect. O(log n).
    #[must_use]
    pub fn decision_of(&self, ready: &RecordId) -> Option<&Decision> {
        let close = close_of(&self.arena, self.act_slot(ready)?)?;
        let decision = self.closed_by(&close)?;
        (decision.ready() == Some(*ready)).then_some(decision)
    }

    /// What the opening froze that a Valid Ready goes back to. It depends on
    /// the ancestors of the Ready only.
    #[must_use]
    pub fn readied(&self, ready: Slot) -> Option<&Frozen> {
        if self.chain(ready) != self.authority {
            return None;
        }
        self.registry.readied(&self.arena, ready)
    }

    /// A stored record of the authority chain.
    fn act_slot(&self, id: &RecordId) -> Option<Slot> {
        let slot = self.find(id)?;
        (self.chain(slot) == self.authority).then_some(slot)
    }
}
