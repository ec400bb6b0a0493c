//! Drafts of remarks.

use alloc::vec::Vec;

use icn_types::canon::List;
use icn_types::id::{ChainId, RecordId};
use icn_types::record::{Attachment, Draft};
use icn_types::set::RecordSet;
use icn_types::time::Timestamp;

use super::{Assertion, Dispute, EVIDENCE_MAX, Outcome, PeriodClose, Remark, Ruling};
use crate::author::Author;
use crate::entry::{Entry, LegRef};
use crate::ledger::Ledger;
use crate::legs::LegId;
use crate::position;
use crate::refusal::Refusal;

/// A dispute that somebody wants to open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a caller states")]
pub struct DisputeRequest {
    /// A leg that the account sent or that was sent to it.
    pub leg: LegId,
    /// Documents beside the record.
    pub evidence: List<Attachment, 0, EVIDENCE_MAX>,
    /// The account whose writer says how it ends.
    pub mediator: ChainId,
    /// A text beside the record.
    pub memo: Option<Attachment>,
}

impl Ledger {
    /// Says what the position after a record of any account is.
    ///
    /// # Errors
    /// [`Refusal`] when the chain cannot be written now, or the record is none
    /// of this ledger.
    pub fn draft_assertion(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        about: RecordId,
        position: i64,
        at: Timestamp,
    ) -> Result<Draft, Refusal> {
        let assertion = Assertion {
            reference: 0,
            position,
        };
        let remark = Remark::Assertion(assertion);
        remark_on(self, set, chain, Some(about), remark, at)
    }

    /// Closes the account up to a date that has passed.
    ///
    /// # Errors
    /// [`Refusal::Future`] when `until` is above `at`: nothing dated now could
    /// be on time any more. Others when the chain cannot be written now, or
    /// was closed up to there before.
    pub fn draft_close(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        until: Timestamp,
        at: Timestamp,
    ) -> Result<Draft, Refusal> {
        if until > at {
            return Err(Refusal::Future { until });
        }
        let remark = Remark::Close(PeriodClose { until });
        remark_on(self, set, chain, None, remark, at)
    }

    /// Disputes a leg.
    ///
    /// # Errors
    /// [`Refusal::NoMediator`] when nobody writes the mediator's account in
    /// this ledger. Others when the chain cannot be written now, the leg is
    /// not its own, or the mediator is a side of it.
    pub fn draft_dispute(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        request: &DisputeRequest,
        at: Timestamp,
    ) -> Result<Draft, Refusal> {
        position::epoch(set, &request.mediator)
            .filter(|(_, open)| open.chain.topic() == self.topic())
            .ok_or(Refusal::NoMediator)?;
        let dispute = Dispute {
            leg: LegRef {
                reference: 0,
                leg: request.leg.leg,
            },
            evidence: request.evidence.clone(),
            mediator: request.mediator,
            memo: request.memo,
        };
        let about = Some(request.leg.record);
        remark_on(self, set, chain, about, Remark::Dispute(dispute), at)
    }

    /// Says how a dispute ended.
    ///
    /// # Errors
    /// [`Refusal`] when the chain cannot be written now, is not the mediator's
    /// or said so before.
    pub fn draft_outcome(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        dispute: RecordId,
        ruling: Ruling,
        memo: Option<Attachment>,
        at: Timestamp,
    ) -> Result<Draft, Refusal> {
        let outcome = Outcome {
            dispute: 0,
            ruling,
            memo,
        };
        let remark = Remark::Outcome(outcome);
        remark_on(self, set, chain, Some(dispute), remark, at)
    }
}

fn remark_on(
    ledger: &Ledger,
    set: &RecordSet,
    chain: &ChainId,
    about: Option<RecordId>,
    remark: Remark,
    at: Timestamp,
) -> Result<Draft, Refusal> {
    let author = Author::of(ledger, set, *chain, at)?;
    let refs: Vec<RecordId> = about.into_iter().collect();
    author.draft(refs, None, &Entry::Remark(remark))
}
