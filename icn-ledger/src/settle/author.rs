//! Drafts of settlements.

use alloc::vec::Vec;

use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::record::{Attachment, Content, Header};
use icn_types::set::{RecordSet, Slot};
use icn_types::time::Timestamp;

use super::{Settlement, fallen, is_left_out};
use crate::account::{Account, LegAt};
use crate::authorize::Authorized;
use crate::entry::{Entry, Leg};
use crate::ledger::Ledger;
use crate::legs::{self, LegId};
use crate::policy::Policy;
use crate::position;
use crate::refusal::Refusal;
use crate::request::{self, Requested};

/// A claim that a shared account wants to pay, mostly out of an envelope: nodes
/// carry a decided payment out as a payment.
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
    /// else like [`authorize`](Self::authorize). A decision bounds it, so no
    /// policy is asked.
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
        let authored = |slot| {
            let record = set.record(slot);
            (record.header(), record.content())
        };
        let settling = Settling::of(self, set, (&account, authored), request)?;
        self.admit_request(set, chain, &settling, at, &Policy::NONE)
    }

    /// The claim with the Open that charges it. `named` names a settlement of
    /// the account.
    fn charged(
        &self,
        set: &RecordSet,
        account: &Account,
        claim: &LegId,
        named: impl Fn(Slot) -> RecordId,
    ) -> Result<Charged, Refusal> {
        let slot = set.find(&claim.record).ok_or(Refusal::NoClaim)?;
        let sent = legs::find(set, *claim).ok_or(Refusal::NoClaim)?;
        let at = LegAt {
            slot,
            leg: claim.leg,
        };
        let payee = self.account(set, &sent.payee);
        if let Some(by) = payee.settlements().replaced(at) {
            let by = set.id(by);
            return Err(Refusal::Settled { by });
        }
        if let Some(by) = account.settlements().paid(at) {
            return Err(Refusal::Settled { by: named(by) });
        }
        if !payee.has_kept(at) {
            return Err(Refusal::NoClaim);
        }
        let fallen = fallen(set, claim).ok_or(Refusal::NoClaim)?;
        let debtor = set.chain(fallen);
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
    /// The same as a record of the chain says it, or a draft.
    fn of(
        set: &RecordSet,
        first: (&Header, Option<&Content>),
        claim: &LegId,
    ) -> Result<Self, Refusal> {
        let (header, content) = first;
        let conflict = Refusal::KeyConflict { first: header.id() };
        let content = content.ok_or(conflict)?;
        let Ok(Some(Entry::Settlement(settlement))) = Entry::read(header.kind(), content) else {
            return Err(conflict);
        };
        let open = content.refs().get(usize::from(settlement.charge));
        let open = *open.ok_or(conflict)?;
        let is_same = settlement.claim(content.refs()) == Some(*claim);
        let start = set.open(&open).filter(|_| is_same).ok_or(conflict)?.start;
        Ok(Self {
            leg: settlement.leg,
            open,
            head: start.tip().map(|tip| tip.head),
        })
    }
}

/// A request with what it takes to show that the claim was charged.
pub(crate) struct Settling<'r> {
    request: &'r SettlementRequest,
    charged: Charged,
}

impl<'r> Settling<'r> {
    /// The request of an account whose records, drafted or stored, `authored`
    /// shows.
    pub(crate) fn of<'s>(
        ledger: &Ledger,
        set: &RecordSet,
        (account, authored): (&Account, impl Fn(Slot) -> (&'s Header, Option<&'s Content>)),
        request: &'r SettlementRequest,
    ) -> Result<Self, Refusal> {
        let claim = &request.claim;
        let charged = match account.operation(&request.key) {
            Some(first) => Charged::of(set, authored(first), claim)?,
            None => ledger.charged(set, account, claim, |slot| authored(slot).0.id())?,
        };
        Ok(Self { request, charged })
    }
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
