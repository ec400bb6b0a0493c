//! Drafts of settlements.

use alloc::vec::Vec;

use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::record::{Attachment, Record};
use icn_types::set::{RecordSet, Slot};
use icn_types::time::Timestamp;

use super::{Settlement, fallen, is_left_out};
use crate::account::{Account, LegAt};
use crate::authorize::Authorized;
use crate::entry::{Entry, Leg};
use crate::ledger::Ledger;
use crate::legs::{self, LegId};
use crate::position;
use crate::refusal::Refusal;
use crate::request::{self, Requested};

/// A claim that a shared account wants to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a caller states")]
pub struct SettlementRequest {
    /// The leg that its payee acknowledged.
    pub claim: LegId,
    /// Names the operation: asking again with the same key pays once.
    pub key: OperationKey,
    /// The Ready and the number of the action that is carried out.
    pub decision: (RecordId, u16),
    /// The date that reports should use, where it is not the record's.
    pub effective: Option<Timestamp>,
    /// A text beside the record.
    pub memo: Option<Attachment>,
    /// What it is paid for, anywhere: the outcome of a dispute, say.
    pub cause: Option<RecordId>,
}

impl Ledger {
    /// Whether the writer of `chain` may pay a claim now, all of it; in all
    /// else like [`authorize`](Self::authorize).
    ///
    /// # Errors
    /// [`Refusal::NoClaim`] when the leg stands, or its payee did not keep it;
    /// [`Refusal::Settled`] when it was paid; [`Refusal::Uncharged`] while the
    /// Open in force of whoever owes it does not charge it. Others when the
    /// chain may not send.
    pub fn authorize_settlement(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        request: &SettlementRequest,
        at: Timestamp,
    ) -> Result<Authorized, Refusal> {
        let account = self.account(set, chain);
        let charged = match account.operation(&request.key) {
            Some(first) => Charged::of(set, first, request)?,
            None => self.charged(set, &account, &request.claim)?,
        };
        self.admit_request(set, chain, &Settling { request, charged }, at)
    }

    /// The claim with the Open that charges it.
    fn charged(
        &self,
        set: &RecordSet,
        account: &Account,
        claim: &LegId,
    ) -> Result<Charged, Refusal> {
        let slot = set.find(&claim.record).ok_or(Refusal::NoClaim)?;
        let sent = legs::find(set, *claim).ok_or(Refusal::NoClaim)?;
        let at = LegAt {
            slot,
            leg: claim.leg,
        };
        let payee = self.account(set, &sent.payee);
        let paid = payee.settlements().replaced(at);
        if let Some(by) = paid.or_else(|| account.settlements().paid(at)) {
            let by = set.record(by).id();
            return Err(Refusal::Settled { by });
        }
        if !payee.has_kept(at) {
            return Err(Refusal::NoClaim);
        }
        let fallen = fallen(set, claim).ok_or(Refusal::NoClaim)?;
        let debtor = set.record(fallen).chain();
        let (open, body) = position::epoch(set, &debtor).ok_or(Refusal::Uncharged)?;
        if !is_left_out(set, &open, fallen) {
            return Err(Refusal::Uncharged);
        }
        Ok(Charged {
            leg: Leg {
                payee: sent.payee,
                amount: sent.amount,
            },
            open,
            head: body.start.tip().map(|tip| tip.head),
        })
    }
}

/// What a settlement says of its claim beside the name of it.
struct Charged {
    leg: Leg,
    open: RecordId,
    head: Option<RecordId>,
}

impl Charged {
    /// The same as a record of the chain says it.
    fn of(set: &RecordSet, first: Slot, request: &SettlementRequest) -> Result<Self, Refusal> {
        let record: &Record = set.record(first);
        let conflict = Refusal::KeyConflict { first: record.id() };
        let settlement = super::find(set, first).ok_or(conflict)?;
        let open = record.refs().get(usize::from(settlement.charge));
        let open = *open.ok_or(conflict)?;
        let is_same = settlement.claim(record.refs()) == Some(request.claim);
        let start = set.open(&open).filter(|_| is_same).ok_or(conflict)?.start;
        Ok(Self {
            leg: settlement.leg,
            open,
            head: start.tip().map(|tip| tip.head),
        })
    }
}

/// A request with what it takes to show that the claim was charged.
struct Settling<'r> {
    request: &'r SettlementRequest,
    charged: Charged,
}

impl Requested for Settling<'_> {
    fn first(&self, _: &RecordSet, account: &Account) -> Option<Slot> {
        account.operation(&self.request.key)
    }

    fn decision(&self) -> Option<(RecordId, u16)> {
        Some(self.request.decision)
    }

    fn refs(&self) -> Vec<RecordId> {
        let (ready, _) = self.request.decision;
        let mut refs = alloc::vec![self.request.claim.record, self.charged.open, ready];
        refs.extend(self.charged.head);
        refs
    }

    fn entry(&self, refs: &[RecordId]) -> Result<Entry, Refusal> {
        Ok(Entry::Settlement(Settlement {
            leg: self.charged.leg,
            claim: request::reference(refs, &self.request.claim)?,
            charge: request::position_of(refs, &self.charged.open)?,
            key: self.request.key,
            decision: request::decision(refs, self.request.decision)?,
            effective: self.request.effective,
            memo: self.request.memo,
        }))
    }

    fn cause(&self) -> Option<RecordId> {
        self.request.cause
    }
}
