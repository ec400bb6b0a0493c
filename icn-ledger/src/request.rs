//! Requests: what somebody wants to be authored.

use alloc::vec::Vec;

use icn_types::amount::Amount;
use icn_types::canon::List;
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::record::{Attachment, Content, Header};
use icn_types::set::{RecordSet, Slot};
use icn_types::time::Timestamp;

use crate::account::Account;
use crate::bundle::BundleRequest;
use crate::entry::{
    DecisionRef, Entry, Hold, LEGS_MAX, Leg, LegRef, Payment, RESOLVED_MAX, Refund, Resolution,
    Resolve,
};
use crate::legs::LegId;
use crate::refusal::Refusal;
use crate::settle::SettlementRequest;
use crate::unit::Unit;

/// A payment that somebody wants to make.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a caller states")]
pub struct PaymentRequest {
    /// Who is paid how much.
    pub legs: List<Leg, 1, LEGS_MAX>,
    /// Names the operation: asking again with the same key pays once.
    pub key: OperationKey,
    /// The Ready and the number of the action that a shared account carries
    /// out.
    pub decision: Option<(RecordId, u16)>,
    /// The date that reports should use, where it is not the record's.
    pub effective: Option<Timestamp>,
    /// A text beside the record.
    pub memo: Option<Attachment>,
    /// What it is paid for, anywhere.
    pub cause: Option<RecordId>,
}

/// An amount that somebody wants to set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a caller states")]
pub struct HoldRequest {
    /// Who may get how much at most.
    pub leg: Leg,
    /// The one chain that will say who gets what.
    pub resolver: ChainId,
    /// Names the operation: asking again with the same key holds once.
    pub key: OperationKey,
    /// The Ready and the number of the action that a shared account sets aside
    /// for.
    pub decision: Option<(RecordId, u16)>,
    /// When the resolver should give back what is left.
    pub expires: Option<Timestamp>,
    /// The date that reports should use, where it is not the record's.
    pub effective: Option<Timestamp>,
    /// A text beside the record.
    pub memo: Option<Attachment>,
    /// What it is set aside for, anywhere.
    pub cause: Option<RecordId>,
}

/// Holds that their resolver wants to end together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a caller states")]
pub struct ResolveRequest {
    /// Each hold with what its payee gets, in atoms; the rest goes back.
    pub holds: List<(RecordId, u64), 1, RESOLVED_MAX>,
    /// A text beside the record.
    pub memo: Option<Attachment>,
    /// Why, anywhere.
    pub cause: Option<RecordId>,
}

/// A leg some of which somebody wants to pay back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a caller states")]
pub struct RefundRequest {
    /// A leg that the account acknowledged.
    pub original: LegId,
    /// How much.
    pub amount: Amount,
    /// Names the operation: asking again with the same key pays back once.
    pub key: OperationKey,
    /// The Ready and the number of the action that a shared account carries
    /// out.
    pub decision: Option<(RecordId, u16)>,
    /// The date that reports should use, where it is not the record's.
    pub effective: Option<Timestamp>,
    /// A text beside the record.
    pub memo: Option<Attachment>,
    /// What it is paid back for, anywhere.
    pub cause: Option<RecordId>,
}

/// Anything that an account may ask for under a name of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// Pay.
    Payment(PaymentRequest),
    /// Set aside.
    Hold(HoldRequest),
    /// End holds.
    Resolve(ResolveRequest),
    /// Pay back.
    Refund(RefundRequest),
    /// Say what belongs together.
    Bundle(BundleRequest),
    /// Pay a claim.
    Settlement(SettlementRequest),
}

impl Request {
    /// The Ready and the number of the action that it carries out: a node asks
    /// whether the ballots confirm the decision before it carries it out.
    #[must_use]
    pub const fn decision(&self) -> Option<(RecordId, u16)> {
        match self {
            Self::Payment(request) => request.decision,
            Self::Hold(request) => request.decision,
            Self::Refund(request) => request.decision,
            Self::Settlement(request) => Some(request.decision),
            Self::Resolve(_) | Self::Bundle(_) => None,
        }
    }
}

impl From<PaymentRequest> for Request {
    fn from(request: PaymentRequest) -> Self {
        Self::Payment(request)
    }
}

impl From<HoldRequest> for Request {
    fn from(request: HoldRequest) -> Self {
        Self::Hold(request)
    }
}

impl From<ResolveRequest> for Request {
    fn from(request: ResolveRequest) -> Self {
        Self::Resolve(request)
    }
}

impl From<RefundRequest> for Request {
    fn from(request: RefundRequest) -> Self {
        Self::Refund(request)
    }
}

impl From<SettlementRequest> for Request {
    fn from(request: SettlementRequest) -> Self {
        Self::Settlement(request)
    }
}

impl From<BundleRequest> for Request {
    fn from(request: BundleRequest) -> Self {
        Self::Bundle(request)
    }
}

/// What admission asks of a request.
pub(crate) trait Requested {
    /// The record of the account that carried it out, or another request under
    /// the same name.
    fn first(&self, set: &RecordSet, account: &Account) -> Option<Slot>;

    /// The answer when that was another request.
    fn conflict(first: RecordId) -> Refusal {
        Refusal::KeyConflict { first }
    }

    /// The Ready and the number of the action that it carries out.
    fn decision(&self) -> Option<(RecordId, u16)> {
        None
    }

    /// The accounts that have to answer.
    fn parties(&self) -> Vec<ChainId> {
        Vec::new()
    }

    /// Whether what it states could ever be carried out, as far as the units of
    /// other accounts are known here.
    fn check(&self, _: impl Fn(&ChainId) -> Option<Unit>) -> Result<(), Refusal> {
        Ok(())
    }

    /// Records that the entry names.
    fn refs(&self) -> Vec<RecordId> {
        self.decision().iter().map(|(ready, _)| *ready).collect()
    }

    /// The entry, above refs in order.
    fn entry(&self, refs: &[RecordId]) -> Result<Entry, Refusal>;

    fn cause(&self) -> Option<RecordId>;
}

impl Requested for PaymentRequest {
    fn first(&self, _: &RecordSet, account: &Account) -> Option<Slot> {
        account.operation(&self.key)
    }

    fn decision(&self) -> Option<(RecordId, u16)> {
        self.decision
    }

    fn parties(&self) -> Vec<ChainId> {
        self.legs.iter().map(|leg| leg.payee).collect()
    }

    fn entry(&self, refs: &[RecordId]) -> Result<Entry, Refusal> {
        Ok(Entry::Payment(Payment {
            legs: self.legs.clone(),
            key: self.key,
            decision: if_decided(refs, self.decision)?,
            effective: self.effective,
            memo: self.memo,
        }))
    }

    fn cause(&self) -> Option<RecordId> {
        self.cause
    }
}

impl Requested for HoldRequest {
    fn first(&self, _: &RecordSet, account: &Account) -> Option<Slot> {
        account.operation(&self.key)
    }

    fn decision(&self) -> Option<(RecordId, u16)> {
        self.decision
    }

    fn parties(&self) -> Vec<ChainId> {
        [self.leg.payee, self.resolver].into()
    }

    fn entry(&self, refs: &[RecordId]) -> Result<Entry, Refusal> {
        Ok(Entry::Hold(Hold {
            leg: self.leg,
            resolver: self.resolver,
            key: self.key,
            decision: if_decided(refs, self.decision)?,
            expires: self.expires,
            effective: self.effective,
            memo: self.memo,
        }))
    }

    fn cause(&self) -> Option<RecordId> {
        self.cause
    }
}

impl Requested for ResolveRequest {
    fn first(&self, set: &RecordSet, account: &Account) -> Option<Slot> {
        let mut holds = self.holds.iter().filter_map(|(hold, _)| set.find(hold));
        holds.find_map(|hold| account.resolved(hold))
    }

    fn conflict(first: RecordId) -> Refusal {
        Refusal::Resolved { first }
    }

    fn refs(&self) -> Vec<RecordId> {
        self.holds.iter().map(|(hold, _)| *hold).collect()
    }

    fn entry(&self, refs: &[RecordId]) -> Result<Entry, Refusal> {
        let holds = self.holds.iter().map(|(hold, part)| {
            Ok(Resolution {
                hold: position_of(refs, hold)?,
                part: *part,
            })
        });
        let holds = holds.collect::<Result<Vec<_>, Refusal>>()?;
        Ok(Entry::Resolve(Resolve {
            holds: List::new(holds).map_err(|_| Refusal::Invalid)?,
            memo: self.memo,
        }))
    }

    fn cause(&self) -> Option<RecordId> {
        self.cause
    }
}

impl Requested for RefundRequest {
    fn first(&self, _: &RecordSet, account: &Account) -> Option<Slot> {
        account.operation(&self.key)
    }

    fn decision(&self) -> Option<(RecordId, u16)> {
        self.decision
    }

    fn refs(&self) -> Vec<RecordId> {
        let ready = self.decision.map(|(ready, _)| ready);
        [Some(self.original.record), ready]
            .into_iter()
            .flatten()
            .collect()
    }

    fn entry(&self, refs: &[RecordId]) -> Result<Entry, Refusal> {
        Ok(Entry::Refund(Refund {
            original: reference(refs, &self.original)?,
            amount: self.amount,
            key: self.key,
            decision: if_decided(refs, self.decision)?,
            effective: self.effective,
            memo: self.memo,
        }))
    }

    fn cause(&self) -> Option<RecordId> {
        self.cause
    }
}

/// The answer to a request under whose name something was authored before.
pub(crate) fn again<R: Requested>(
    request: &R,
    first: &Header,
    content: Option<&Content>,
) -> Result<RecordId, Refusal> {
    let is_same = content.is_some_and(|content| {
        let entry = Entry::read(first.kind(), content).ok().flatten();
        content.cause() == request.cause() && entry == request.entry(content.refs()).ok()
    });
    if is_same {
        Ok(first.id())
    } else {
        Err(R::conflict(first.id()))
    }
}

fn if_decided(
    refs: &[RecordId],
    named: Option<(RecordId, u16)>,
) -> Result<Option<DecisionRef>, Refusal> {
    named.map(|named| decision(refs, named)).transpose()
}

pub(crate) fn decision(
    refs: &[RecordId],
    (ready, action): (RecordId, u16),
) -> Result<DecisionRef, Refusal> {
    Ok(DecisionRef {
        ready: position_of(refs, &ready)?,
        action,
    })
}

/// References in the order in which a content keeps them.
pub(crate) fn ordered(mut refs: Vec<RecordId>) -> Vec<RecordId> {
    refs.sort_unstable();
    refs.dedup();
    refs
}

pub(crate) fn position_of(refs: &[RecordId], id: &RecordId) -> Result<u16, Refusal> {
    let at = refs.binary_search(id).map_err(|_| Refusal::Invalid)?;
    u16::try_from(at).map_err(|_| Refusal::Invalid)
}

/// Refs and bodies of legs by name.
pub(crate) fn references(legs: &[LegId]) -> Result<(Vec<RecordId>, Vec<LegRef>), Refusal> {
    let refs = ordered(legs.iter().map(|leg| leg.record).collect());
    let legs = legs.iter().map(|leg| reference(&refs, leg));
    let legs = legs.collect::<Result<_, _>>()?;
    Ok((refs, legs))
}

pub(crate) fn reference(refs: &[RecordId], leg: &LegId) -> Result<LegRef, Refusal> {
    Ok(LegRef {
        reference: position_of(refs, &leg.record)?,
        leg: leg.leg,
    })
}
