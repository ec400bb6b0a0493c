//! Entries: what a record on a ledger chain says.
//!
//! Every leg goes out of the author's own account, so an entry is balanced by
//! construction and one signature is enough. Records are named by their
//! position in the refs of the content, so no id stands twice.

use icn_types::amount::Amount;
use icn_types::canon::{DecodeError, List, Raw};
use icn_types::canonical;
use icn_types::id::{ChainId, OperationKey};
use icn_types::record::{Attachment, Content, Kind, Record};
use icn_types::time::Timestamp;

use crate::remark::Remark;
use crate::settle::{SETTLEMENT, Settlement};

/// Pays out of the author's account.
pub const PAYMENT: Kind = Kind::new(64);
/// Takes legs that were sent to the author.
pub const ACK: Kind = Kind::new(65);
/// Takes legs that were sent to the author and sends them back.
pub const REFUSE: Kind = Kind::new(66);
/// Names Seals and heads, or nothing.
pub const NOTE: Kind = Kind::new(67);
/// Sets an amount aside until its resolver says who gets it.
pub const HOLD: Kind = Kind::new(68);
/// Says who gets what of holds.
pub const RESOLVE: Kind = Kind::new(69);
/// Pays back some of a leg that the author took.
pub const REFUND: Kind = Kind::new(70);

/// Most legs of one payment.
pub const LEGS_MAX: usize = 64;

/// Most legs that one acknowledgement or refusal takes.
pub const TAKEN_MAX: usize = 256;

/// Most holds that one Resolve ends: each sends two legs.
pub const RESOLVED_MAX: usize = 128;

/// The body of a record on a ledger chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// Pays.
    Payment(Payment),
    /// Takes legs.
    Ack(Ack),
    /// Takes legs and sends them back.
    Refuse(Refuse),
    /// Only refs.
    Note(Note),
    /// Sets aside.
    Hold(Hold),
    /// Ends holds.
    Resolve(Resolve),
    /// Pays back.
    Refund(Refund),
    /// Pays a claim.
    Settlement(Settlement),
    /// Says something and moves nothing.
    Remark(Remark),
}

impl Entry {
    /// Reads the body of a ledger record. `None` when the kind is none of the
    /// ledger's.
    ///
    /// # Errors
    /// [`DecodeError`] when the body is not the one of its kind.
    pub fn read(kind: Kind, content: &Content) -> Result<Option<Self>, DecodeError> {
        Ok(Some(match kind {
            PAYMENT => Self::Payment(content.read()?),
            ACK => Self::Ack(content.read()?),
            REFUSE => Self::Refuse(content.read()?),
            NOTE => Self::Note(content.read()?),
            HOLD => Self::Hold(content.read()?),
            RESOLVE => Self::Resolve(content.read()?),
            REFUND => Self::Refund(content.read()?),
            SETTLEMENT => Self::Settlement(content.read()?),
            _ => return Ok(Remark::read(kind, content)?.map(Self::Remark)),
        }))
    }

    /// The entry of a stored record, if its content is here and is one.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        Self::read(record.kind(), record.content()?).ok()?
    }

    /// The decided action that it carries out, if it says so.
    #[must_use]
    pub const fn decision(&self) -> Option<DecisionRef> {
        match self {
            Self::Payment(body) => body.decision,
            Self::Hold(body) => body.decision,
            Self::Refund(body) => body.decision,
            Self::Settlement(body) => Some(body.decision),
            _ => None,
        }
    }

    /// The date that reports should use, where it is not the record's.
    #[must_use]
    pub const fn effective(&self) -> Option<Timestamp> {
        match self {
            Self::Payment(body) => body.effective,
            Self::Hold(body) => body.effective,
            Self::Refund(body) => body.effective,
            Self::Settlement(body) => body.effective,
            _ => None,
        }
    }

    /// The operation key of an entry that has one.
    #[must_use]
    pub const fn key(&self) -> Option<OperationKey> {
        match self {
            Self::Payment(payment) => Some(payment.key),
            Self::Hold(hold) => Some(hold.key),
            Self::Refund(refund) => Some(refund.key),
            Self::Settlement(settlement) => Some(settlement.key),
            Self::Remark(Remark::Bundle(bundle)) => Some(bundle.key),
            _ => None,
        }
    }

    /// Kind and body as they stand in a record.
    #[must_use]
    pub fn body(&self) -> (Kind, Raw) {
        match self {
            Self::Payment(body) => (PAYMENT, Raw::of(body)),
            Self::Ack(body) => (ACK, Raw::of(body)),
            Self::Refuse(body) => (REFUSE, Raw::of(body)),
            Self::Note(body) => (NOTE, Raw::of(body)),
            Self::Hold(body) => (HOLD, Raw::of(body)),
            Self::Resolve(body) => (RESOLVE, Raw::of(body)),
            Self::Refund(body) => (REFUND, Raw::of(body)),
            Self::Settlement(body) => (SETTLEMENT, Raw::of(body)),
            Self::Remark(remark) => remark.body(),
        }
    }
}

/// One to 64 legs out of the author's account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Payment {
    /// Who is paid how much.
    pub legs: List<Leg, 1, LEGS_MAX>,
    /// Names the operation: a chain uses it once, in all epochs together.
    pub key: OperationKey,
    /// The decided action that a shared account carries out; none elsewhere.
    pub decision: Option<DecisionRef>,
    /// The date that reports should use, where it is not the record's.
    pub effective: Option<Timestamp>,
    /// A text beside the record.
    pub memo: Option<Attachment>,
}
canonical!(Payment = "icn/ledger/payment/v1" { legs, key, decision, effective, memo });

/// One amount to one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Leg {
    /// The chain that is paid. A member with two devices has two.
    pub payee: ChainId,
    /// How much.
    pub amount: Amount,
}
canonical!(Leg { payee, amount });

/// One action of a decision that takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct DecisionRef {
    /// Position of the Ready in the refs of the content.
    pub ready: u16,
    /// Which action of its opening.
    pub action: u16,
}
canonical!(DecisionRef { ready, action });

/// A leg, by the position of its record in the refs of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct LegRef {
    /// Position of the record in the refs of the content.
    pub reference: u16,
    /// Number of the leg in it: of a payment, of the legs that a refusal sends
    /// back, of the parts of a Resolve; 0 of a refund or settlement.
    pub leg: u8,
}
canonical!(LegRef { reference, leg });

/// Takes legs of payments, refunds and settlements, returned legs of refusals,
/// and parts of holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Ack {
    /// The legs.
    pub legs: List<LegRef, 1, TAKEN_MAX>,
}
canonical!(Ack = "icn/ledger/ack/v1" { legs });

/// Takes legs of payments, refunds and settlements and sends them back. Only the
/// original payer may take them then, on the path on which it paid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Refuse {
    /// The legs. The position in this list is the number of the returned leg.
    pub legs: List<LegRef, 1, TAKEN_MAX>,
}
canonical!(Refuse = "icn/ledger/refuse/v1" { legs });

/// Sets one leg aside out of the author's account. It can be spent by nobody
/// until the resolver's chain resolves it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Hold {
    /// Who may get how much at most.
    pub leg: Leg,
    /// The one chain that resolves the hold: the payer's, the payee's or any
    /// third one of the ledger.
    pub resolver: ChainId,
    /// Names the operation, in one space with the keys of payments.
    pub key: OperationKey,
    /// The decided action that a shared account sets aside for; none elsewhere.
    pub decision: Option<DecisionRef>,
    /// When the resolver should give back what is left. Advice: only a Resolve
    /// ends a hold.
    pub expires: Option<Timestamp>,
    /// The date that reports should use, where it is not the record's.
    pub effective: Option<Timestamp>,
    /// A text beside the record.
    pub memo: Option<Attachment>,
}
canonical!(Hold = "icn/ledger/hold/v1" { leg, resolver, key, decision, expires, effective, memo });

/// Ends holds that name the author as their resolver, all of them or none.
///
/// The hold at position n of the list sends two legs: 2n to its payee and
/// 2n + 1 back to its payer. A leg of nothing does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Resolve {
    /// The holds, each once.
    pub holds: List<Resolution, 1, RESOLVED_MAX>,
    /// A text beside the record.
    pub memo: Option<Attachment>,
}
canonical!(Resolve = "icn/ledger/resolve/v1" { holds, memo });

/// How one hold ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Resolution {
    /// Position of the hold in the refs of the content.
    pub hold: u16,
    /// What the payee gets, in atoms: nothing to all of it. The rest goes back.
    pub part: u64,
}
canonical!(Resolution { hold, part });

/// Pays back some of a leg that the author acknowledged, to whoever paid it.
/// All refunds of one leg together never exceed it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Refund {
    /// The leg of a payment or settlement, or the payee's part of a hold.
    pub original: LegRef,
    /// How much.
    pub amount: Amount,
    /// Names the operation, in one space with the keys of payments.
    pub key: OperationKey,
    /// The decided action that a shared account carries out; none elsewhere.
    pub decision: Option<DecisionRef>,
    /// The date that reports should use, where it is not the record's.
    pub effective: Option<Timestamp>,
    /// A text beside the record.
    pub memo: Option<Attachment>,
}
canonical!(Refund = "icn/ledger/refund/v1" { original, amount, key, decision, effective, memo });

/// Moves nothing. Its refs name Seals with the heads that they seal, so that
/// credit from below them counts as sealed from here on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Note {
    /// A text beside the record.
    pub memo: Option<Attachment>,
}
canonical!(Note = "icn/ledger/note/v1" { memo });
