//! Admission: may I author it? Asked by the author's own node only, never
//! about a record of somebody else.
//!
//! Every answer is a draft to sign or a typed refusal. Nothing is written
//! here: a refusal leaves no trace and may be asked again at any time.
//!
//! Every draft claims the time that it is given, or that of the record before it
//! where that is later: time does not go back along a chain.

use alloc::vec::Vec;

use icn_types::canon::List;
use icn_types::id::{ChainId, RecordId};
use icn_types::record::{Draft, REFS_MAX};
use icn_types::set::RecordSet;
use icn_types::time::Timestamp;

use crate::author::Author;
use crate::entry::{Ack, Entry, Note, Refuse, TAKEN_MAX};
use crate::ledger::Ledger;
use crate::legs::LegId;
use crate::policy::Policy;
use crate::position;
use crate::refusal::Refusal;
use crate::request::{
    HoldRequest, PaymentRequest, RefundRequest, Requested, ResolveRequest, again, references,
};
use crate::unit::Unit;

/// A record that may be authored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the two answers there are")]
#[expect(clippy::large_enum_variant, reason = "matched where it is returned")]
pub enum Authorized {
    /// Sign this.
    Draft(Draft),
    /// The same request was authored before: this is its record.
    Again(RecordId),
}

impl Authorized {
    /// The record, which a draft names before it is signed.
    #[must_use]
    pub fn id(&self) -> RecordId {
        match self {
            Self::Draft(draft) => draft.header().id(),
            Self::Again(id) => *id,
        }
    }
}

impl Ledger {
    /// Whether the writer of `chain` may make a payment now: by the rules, and
    /// by its own `policy`, which narrows them ([`Policy::NONE`] does not).
    ///
    /// A request whose key was used answers with the first record under it, or
    /// with a conflict when that was made from another request; no cap has a say
    /// in that. A raise of the epoch is named along, and so are Seals where the
    /// limit needs them. Who has no account in this ledger is not paid: nobody
    /// could take it or send it back.
    ///
    /// # Errors
    /// [`Refusal`] when it may not: [`Limit`](Refusal::Limit) by the grant,
    /// [`Velocity`](Refusal::Velocity) by the policy, others by other rules or
    /// because the chain cannot be written now. Nothing is written.
    pub fn authorize(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        request: &PaymentRequest,
        at: Timestamp,
        policy: &Policy,
    ) -> Result<Authorized, Refusal> {
        self.admit_request(set, chain, request, at, policy)
    }

    /// Whether the writer of `chain` may set an amount aside now; in all else
    /// like [`authorize`](Self::authorize).
    ///
    /// # Errors
    /// [`Refusal`] when it may not. Nothing is written.
    pub fn authorize_hold(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        request: &HoldRequest,
        at: Timestamp,
        policy: &Policy,
    ) -> Result<Authorized, Refusal> {
        self.admit_request(set, chain, request, at, policy)
    }

    /// Whether the writer of `chain` may pay back some of a leg now; in all
    /// else like [`authorize`](Self::authorize).
    ///
    /// # Errors
    /// [`Refusal`] when it may not. Nothing is written.
    pub fn authorize_refund(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        request: &RefundRequest,
        at: Timestamp,
        policy: &Policy,
    ) -> Result<Authorized, Refusal> {
        self.admit_request(set, chain, request, at, policy)
    }

    /// Whether the writer of `chain` may end holds now, all or none. The holds
    /// name the operation: the same request answers with the first Resolve. It
    /// sends nothing of the writer's, so no policy is asked.
    ///
    /// # Errors
    /// [`Refusal`] when it may not. Nothing is written.
    pub fn authorize_resolve(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        request: &ResolveRequest,
        at: Timestamp,
    ) -> Result<Authorized, Refusal> {
        self.admit_request(set, chain, request, at, &Policy::NONE)
    }

    pub(crate) fn admit_request<R: Requested>(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        request: &R,
        at: Timestamp,
        policy: &Policy,
    ) -> Result<Authorized, Refusal> {
        if let Some(first) = request.first(set, &self.account(set, chain)) {
            let first = set.record(first);
            return again(request, first.header(), first.content()).map(Authorized::Again);
        }
        request.check(|chain| self.unit_of(set, chain))?;
        let author = Author::of(self, set, *chain, at)?;
        let granted = author.grant(request, policy)?;
        Ok(Authorized::Draft(granted.draft))
    }

    /// The unit of an account, if that is one of this ledger.
    fn unit_of(&self, set: &RecordSet, chain: &ChainId) -> Option<Unit> {
        let known = position::of_ledger(self, set, chain);
        known.ok().map(|()| *self.unit())
    }

    /// Acknowledges everything that the account may take now, up to 256 legs
    /// and its ceiling. `None` when there is nothing.
    ///
    /// Legs whose sender's chain forks are left alone: a Seal will tell which
    /// branch counts.
    ///
    /// # Errors
    /// [`Refusal`] when the chain cannot be written now.
    pub fn draft_acks(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        at: Timestamp,
    ) -> Result<Option<Draft>, Refusal> {
        let author = Author::of(self, set, *chain, at)?;
        let legs = author.takeable()?;
        if legs.is_empty() {
            return Ok(None);
        }
        let (refs, legs) = references(&legs)?;
        let entry = Entry::Ack(Ack {
            legs: List::new(legs).map_err(|_| Refusal::Invalid)?,
        });
        author.draft(refs, None, &entry).map(Some)
    }

    /// Whether the writer of `chain` may acknowledge these legs now, all or
    /// none. The legs name the operation: the same ones in the same order
    /// answer with the first acknowledgement.
    ///
    /// # Errors
    /// [`Refusal::NoLeg`] when one of them is not in transit to this account;
    /// others when the chain cannot be written now, or a rule says no.
    pub fn authorize_acks(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        legs: &List<LegId, 1, TAKEN_MAX>,
        at: Timestamp,
    ) -> Result<Authorized, Refusal> {
        let (refs, named) = references(legs)?;
        let legs_of_ack = List::new(named).map_err(|_| Refusal::Invalid)?;
        let entry = Entry::Ack(Ack { legs: legs_of_ack });
        self.admit_taking(set, chain, legs, (refs, &entry), at)
    }

    /// Whether the writer of `chain` may send one leg back now. The leg names
    /// the operation, which answers with the first refusal of it.
    ///
    /// # Errors
    /// As [`draft_refusal`](Self::draft_refusal).
    pub fn authorize_refusal(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        leg: LegId,
        at: Timestamp,
    ) -> Result<Authorized, Refusal> {
        let (refs, named) = references(&[leg])?;
        let legs = List::new(named).map_err(|_| Refusal::Invalid)?;
        let entry = Entry::Refuse(Refuse { legs });
        self.admit_taking(set, chain, &[leg], (refs, &entry), at)
    }

    /// Sends one leg back.
    ///
    /// # Errors
    /// [`Refusal`] when the leg is not in transit to this account, or the
    /// chain cannot be written now.
    pub fn draft_refusal(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        leg: LegId,
        at: Timestamp,
    ) -> Result<Draft, Refusal> {
        match self.authorize_refusal(set, chain, leg, at)? {
            Authorized::Draft(draft) => Ok(draft),
            Authorized::Again(_) => Err(Refusal::NoLeg),
        }
    }

    fn admit_taking(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        legs: &[LegId],
        (refs, entry): (Vec<RecordId>, &Entry),
        at: Timestamp,
    ) -> Result<Authorized, Refusal> {
        let columns = self.columns(set);
        let first = legs.first().and_then(|leg| columns.taken_by(set, leg));
        if let Some(first) = first.and_then(|id| set.find(&id)) {
            let record = set.record(first);
            let is_same = record.chain() == *chain
                && record.refs() == refs
                && Entry::of(record).as_ref() == Some(entry);
            return if is_same {
                Ok(Authorized::Again(record.id()))
            } else {
                Err(Refusal::NoLeg)
            };
        }
        let author = Author::of(self, set, *chain, at)?;
        let is_here = |leg| {
            columns
                .transit(set, leg)
                .is_some_and(|transit| transit.payee == *chain)
        };
        if !legs.iter().all(is_here) {
            return Err(Refusal::NoLeg);
        }
        author.draft(refs, None, entry).map(Authorized::Draft)
    }

    /// Names the newest Seals and heads that turn unsealed credit of the
    /// account into sealed credit. `None` when there are none.
    ///
    /// # Errors
    /// [`Refusal`] when the chain cannot be written now.
    pub fn draft_cover(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        at: Timestamp,
    ) -> Result<Option<Draft>, Refusal> {
        let author = Author::of(self, set, *chain, at)?;
        let refs = author.cover(REFS_MAX);
        if refs.is_empty() {
            return Ok(None);
        }
        author
            .draft(refs, None, &Entry::Note(Note::default()))
            .map(Some)
    }
}
