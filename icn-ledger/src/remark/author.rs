//! Drafts of remarks, and remarks that are made once.

use alloc::vec::Vec;

use icn_types::canon::{List, to_bytes};
use icn_types::id::{ChainId, RecordId};
use icn_types::record::{Attachment, Content, Draft};
use icn_types::set::RecordSet;
use icn_types::time::Timestamp;

use super::{Assertion, Dispute, EVIDENCE_MAX, Outcome, PeriodClose, Remark, Ruling};
use crate::author::Author;
use crate::authorize::Authorized;
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

/// A remark that somebody wants to make.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "what a caller states")]
pub enum RemarkRequest {
    /// Says what the position after a record of any account is.
    Assert {
        /// The record.
        about: RecordId,
        /// Position of its account after it, in atoms.
        position: i64,
    },
    /// Closes the account up to a date that has passed.
    Close {
        /// The last date of the period.
        until: Timestamp,
    },
    /// Disputes a leg.
    Dispute(DisputeRequest),
    /// Says how a dispute ended.
    Rule {
        /// The dispute.
        dispute: RecordId,
        /// How it ended.
        ruling: Ruling,
        /// A text beside the record.
        memo: Option<Attachment>,
    },
}

impl RemarkRequest {
    /// The record that it is about, if any, and what is said of it.
    fn remark(&self) -> (Option<RecordId>, Remark) {
        match self {
            Self::Assert { about, position } => {
                let assertion = Assertion {
                    reference: 0,
                    position: *position,
                };
                (Some(*about), Remark::Assertion(assertion))
            }
            Self::Close { until } => (None, Remark::Close(PeriodClose { until: *until })),
            Self::Dispute(request) => {
                let dispute = Dispute {
                    leg: LegRef {
                        reference: 0,
                        leg: request.leg.leg,
                    },
                    evidence: request.evidence.clone(),
                    mediator: request.mediator,
                    memo: request.memo,
                };
                (Some(request.leg.record), Remark::Dispute(dispute))
            }
            Self::Rule {
                dispute,
                ruling,
                memo,
            } => {
                let outcome = Outcome {
                    dispute: 0,
                    ruling: *ruling,
                    memo: *memo,
                };
                (Some(*dispute), Remark::Outcome(outcome))
            }
        }
    }
}

impl Ledger {
    /// Whether the writer of `chain` may make a remark now. A remark says all
    /// that there is to it, so it is its own operation key: the same one again
    /// answers with the first. Linear in the chain.
    ///
    /// # Errors
    /// [`Refusal::Future`] and [`Refusal::NoAccount`] as the drafts below;
    /// others when the chain cannot be written now, or a rule says no.
    pub fn authorize_remark(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        request: &RemarkRequest,
        at: Timestamp,
    ) -> Result<Authorized, Refusal> {
        if let Some(first) = self.remarked(set, chain, request)? {
            return Ok(Authorized::Again(first));
        }
        self.draft_remark(set, chain, request, at)
            .map(Authorized::Draft)
    }

    /// The posted record of a chain that makes a remark.
    fn remarked(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        request: &RemarkRequest,
    ) -> Result<Option<RecordId>, Refusal> {
        let (about, remark) = request.remark();
        let (kind, body) = remark.body();
        let refs: Vec<RecordId> = about.into_iter().collect();
        let content = Content::new(refs, None, &body).ok_or(Refusal::Invalid)?;
        let bytes = to_bytes(&content);
        let is_said = |slot| {
            let header = set.record(slot).header();
            header.kind() == kind && header.names(&bytes) && self.verdict(slot).is_valid()
        };
        let first = set.spine(chain).iter().find(|&&slot| is_said(slot));
        Ok(first.map(|&slot| set.id(slot)))
    }

    fn draft_remark(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        request: &RemarkRequest,
        at: Timestamp,
    ) -> Result<Draft, Refusal> {
        match request {
            RemarkRequest::Close { until } if *until > at => {
                return Err(Refusal::Future { until: *until });
            }
            RemarkRequest::Dispute(dispute) => {
                position::of_ledger(self, set, &dispute.mediator)?;
            }
            _ => {}
        }
        let (about, remark) = request.remark();
        let author = Author::of(self, set, *chain, at)?;
        let refs: Vec<RecordId> = about.into_iter().collect();
        author.draft(refs, None, &Entry::Remark(remark))
    }

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
        let request = RemarkRequest::Assert { about, position };
        self.draft_remark(set, chain, &request, at)
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
        self.draft_remark(set, chain, &RemarkRequest::Close { until }, at)
    }

    /// Disputes a leg.
    ///
    /// # Errors
    /// [`Refusal::NoAccount`] when nobody writes the mediator's account in this
    /// ledger. Others when the chain cannot be written now, the leg is
    /// not its own, or the mediator is a side of it.
    pub fn draft_dispute(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        request: &DisputeRequest,
        at: Timestamp,
    ) -> Result<Draft, Refusal> {
        let request = RemarkRequest::Dispute(request.clone());
        self.draft_remark(set, chain, &request, at)
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
        let request = RemarkRequest::Rule {
            dispute,
            ruling,
            memo,
        };
        self.draft_remark(set, chain, &request, at)
    }
}
