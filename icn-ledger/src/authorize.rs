//! Admission: may I author it? Asked by the author's own node only, never
//! about a record of somebody else.
//!
//! Every answer is a draft to sign or a typed refusal. Nothing is written
//! here: a refusal leaves no trace and may be asked again at any time.

use icn_types::canon::List;
use icn_types::id::{ChainId, RecordId};
use icn_types::record::{Draft, REFS_MAX};
use icn_types::set::RecordSet;
use icn_types::time::Timestamp;

use crate::author::Author;
use crate::entry::{Ack, Entry, Note, Refuse};
use crate::ledger::Ledger;
use crate::legs::LegId;
use crate::refusal::Refusal;
use crate::request::{
    HoldRequest, PaymentRequest, RefundRequest, Request, ResolveRequest, is_made_from, references,
};

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

impl Ledger {
    /// Whether the writer of `chain` may make a payment now.
    ///
    /// A request whose key was used answers with the first record under it, or
    /// with a conflict when that was made from another request. A raise of the
    /// epoch is named along, and so are Seals where the limit needs them.
    ///
    /// # Errors
    /// [`Refusal`] when it may not. Nothing is written.
    pub fn authorize(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        request: &PaymentRequest,
        at: Timestamp,
    ) -> Result<Authorized, Refusal> {
        self.admit_request(set, chain, request, at)
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
    ) -> Result<Authorized, Refusal> {
        self.admit_request(set, chain, request, at)
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
    ) -> Result<Authorized, Refusal> {
        self.admit_request(set, chain, request, at)
    }

    /// Whether the writer of `chain` may end holds now, all or none. The holds
    /// name the operation: the same request answers with the first Resolve.
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
        self.admit_request(set, chain, request, at)
    }

    pub(crate) fn admit_request<R: Request>(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        request: &R,
        at: Timestamp,
    ) -> Result<Authorized, Refusal> {
        if let Some(first) = request.first(set, &self.account(set, chain)) {
            let id = set.record(first).id();
            return if is_made_from(set, first, request) {
                Ok(Authorized::Again(id))
            } else {
                Err(R::conflict(id))
            };
        }
        let author = Author::of(self, set, *chain, at)?;
        let mut refs = request.refs();
        let decision = request.decision();
        refs.extend(decision.and_then(|decision| author.release(decision)));
        refs.extend(author.raise());
        let plain = author.write(request, refs.clone());
        if let Err(Refusal::Limit { .. }) = plain {
            let cover = author.cover(REFS_MAX.saturating_sub(refs.len()));
            if !cover.is_empty() {
                refs.extend(cover);
                return author.write(request, refs).map(Authorized::Draft);
            }
        }
        plain.map(Authorized::Draft)
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
        let author = Author::of(self, set, *chain, at)?;
        let transit = self.columns(set).transit(&leg);
        transit
            .filter(|transit| transit.payee == *chain)
            .ok_or(Refusal::NoLeg)?;
        let (refs, legs) = references(&[leg])?;
        let entry = Entry::Refuse(Refuse {
            legs: List::new(legs).map_err(|_| Refusal::Invalid)?,
        });
        author.draft(refs, None, &entry)
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
