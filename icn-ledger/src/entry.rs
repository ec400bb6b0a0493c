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

/// Pays out of the author's account.
pub const PAYMENT: Kind = Kind::new(64);
/// Takes legs that were sent to the author.
pub const ACK: Kind = Kind::new(65);
/// Takes legs that were sent to the author and sends them back.
pub const REFUSE: Kind = Kind::new(66);
/// Names Seals and heads, or nothing.
pub const NOTE: Kind = Kind::new(67);

/// Most legs of one payment.
pub const LEGS_MAX: usize = 64;

/// Most legs that one acknowledgement or refusal takes.
pub const TAKEN_MAX: usize = 256;

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
            _ => return Ok(Remark::read(kind, content)?.map(Self::Remark)),
        }))
    }

    /// The entry of a stored record, if its content is here and is one.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        Self::read(record.kind(), record.content()?).ok()?
    }

    /// Kind and body as they stand in a record.
    #[must_use]
    pub fn body(&self) -> (Kind, Raw) {
        match self {
            Self::Payment(body) => (PAYMENT, Raw::of(body)),
            Self::Ack(body) => (ACK, Raw::of(body)),
            Self::Refuse(body) => (REFUSE, Raw::of(body)),
            Self::Note(body) => (NOTE, Raw::of(body)),
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
    /// Which leg of a payment, or which returned leg of a refusal.
    pub leg: u8,
}
canonical!(LegRef { reference, leg });

/// Takes legs of payments, or returned legs of refusals.
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

/// Takes legs of payments and sends them back. Only the original payer may
/// take them then, on the path on which it paid.
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
