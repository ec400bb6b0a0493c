//! What is asked of a book, and becomes an entry when the book accepts it.

use alloc::vec::Vec;

use icn_types::amount::Amount;
use icn_types::canon::{Decode, DecodeError, Encode, List, OutOfRange, Reader, Reason, Writer};
use icn_types::canonical;
use icn_types::id::OperationKey;
use icn_types::time::Timestamp;

use super::limits::Limits;
use super::name::{AccountKey, CauseId, EntryNumber, Memo, UnitKey};

/// Most payers, and most payees, of one transfer.
pub const PARTS_MAX: usize = 64;

/// One operation under one key.
///
/// ```
/// use icn_ledger::book::{AccountKey, Memo, Request, Transfer, UnitKey};
/// use icn_types::amount::Amount;
/// use icn_types::id::OperationKey;
/// use icn_types::time::Timestamp;
///
/// let (alice, bob, hours) = (AccountKey::new(0), AccountKey::new(1), UnitKey::new(0));
/// let pay = Transfer::between(bob, alice, hours, Amount::new(10)?);
/// let key = OperationKey::from_bytes([1; 32]);
/// let mut request = Request::new(key, Timestamp::from_millis(0), pay);
/// request.memo = Some(Memo::new("ten hours in the garden")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "hashed value: its fields are the format"
)]
pub struct Request {
    /// Names the operation: the same key and request give the first outcome
    /// again.
    pub key: OperationKey,
    /// The date that it takes effect, for reports; the order of entries is
    /// another thing and the only one that rules use.
    pub date: Timestamp,
    /// What led to it.
    pub cause: Option<CauseId>,
    /// The decision that it carries out.
    pub decision: Option<CauseId>,
    /// A line for people.
    pub memo: Option<Memo>,
    /// What is to happen.
    pub action: Action,
}
canonical!(Request {
    key,
    date,
    cause,
    decision,
    memo,
    action
});

impl Request {
    /// A request without cause, decision and memo.
    pub fn new(key: OperationKey, date: Timestamp, action: impl Into<Action>) -> Self {
        Self {
            key,
            date,
            cause: None,
            decision: None,
            memo: None,
            action: action.into(),
        }
    }
}

/// What is to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "hashed value: its variants are the format"
)]
pub enum Action {
    /// Amounts move from payers to payees.
    Transfer(Transfer),
    /// An amount is set aside.
    Hold(Hold),
    /// A hold ends.
    Resolve(Resolve),
    /// A part of a payment goes back.
    Refund(Refund),
    /// An account gets other limits.
    LimitChange(LimitChange),
    /// A period ends.
    Close(Close),
}

/// Declares the numbers by which actions are told apart in bytes: an action is
/// `[number, content]`.
macro_rules! actions {
    ($($number:tt = $action:ident),* $(,)?) => {
        impl Encode for Action {
            fn encode(&self, w: &mut Writer) {
                w.array(2);
                match self {
                    $(Self::$action(content) => {
                        w.uint($number);
                        content.encode(w);
                    })*
                }
            }
        }

        impl Decode for Action {
            fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                r.array_of(2)?;
                let unknown = r.error(Reason::Value("book.action"));
                match r.uint()? {
                    $($number => Decode::decode(r).map(Self::$action),)*
                    _ => Err(unknown),
                }
            }
        }

        $(impl From<$action> for Action {
            fn from(content: $action) -> Self {
                Self::$action(content)
            }
        })*
    };
}
const TRANSFER: u64 = 0;
actions! { TRANSFER = Transfer, 1 = Hold, 2 = Resolve, 3 = Refund, 4 = LimitChange, 5 = Close }

impl Action {
    /// Whether a transfer starts here.
    pub(super) fn is_transfer(r: &mut Reader<'_>) -> Result<bool, DecodeError> {
        r.array_of(2)?;
        Ok(r.uint()? == TRANSFER)
    }
}

/// One amount of one account in one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "hashed value: its fields are the format"
)]
pub struct Part {
    /// Whose.
    pub account: AccountKey,
    /// Of what.
    pub unit: UnitKey,
    /// How much.
    pub amount: Amount,
}
canonical!(Part {
    account,
    unit,
    amount
});

/// Amounts that move at once. Every payer falls, every payee rises, and both
/// sides have the same sum in each unit.
///
/// An account may stand several times on one side; in one unit it does not
/// stand on both.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "hashed value: its fields are the format"
)]
pub struct Transfer {
    /// Who pays what.
    pub payers: List<Part, 1, PARTS_MAX>,
    /// Who is paid what.
    pub payees: List<Part, 1, PARTS_MAX>,
}
canonical!(Transfer { payers, payees });

impl Transfer {
    /// One payer and one payee.
    #[must_use]
    pub fn between(payer: AccountKey, payee: AccountKey, unit: UnitKey, amount: Amount) -> Self {
        let side = |account| {
            let part = Part {
                account,
                unit,
                amount,
            };
            List::of([part])
        };
        Self {
            payers: side(payer),
            payees: side(payee),
        }
    }

    /// Several payers and payees.
    ///
    /// # Errors
    /// [`OutOfRange`] when a side has no part or more than [`PARTS_MAX`].
    pub fn new(
        payers: impl IntoIterator<Item = Part>,
        payees: impl IntoIterator<Item = Part>,
    ) -> Result<Self, OutOfRange> {
        Ok(Self {
            payers: List::new(payers.into_iter().collect::<Vec<_>>())?,
            payees: List::new(payees.into_iter().collect::<Vec<_>>())?,
        })
    }

    /// The same amounts the other way round.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            payers: self.payees,
            payees: self.payers,
        }
    }
}

/// An amount that is set aside. It counts against the payer's floor and the
/// payee's ceiling as if it had moved, until a [`Resolve`] ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "hashed value: its fields are the format"
)]
pub struct Hold {
    /// Who will pay.
    pub payer: AccountKey,
    /// Who will be paid.
    pub payee: AccountKey,
    /// In which unit.
    pub unit: UnitKey,
    /// How much at most.
    pub amount: Amount,
}
canonical!(Hold {
    payer,
    payee,
    unit,
    amount
});

/// Ends a hold, once: a part of it moves and the rest is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "hashed value: its fields are the format"
)]
pub struct Resolve {
    /// The hold.
    pub hold: EntryNumber,
    /// What moves, at most what is held; none voids the hold.
    pub posted: Option<Amount>,
}
canonical!(Resolve { hold, posted });

/// Moves a part of a payment back. All refunds of one payment together give
/// nobody more back than was paid, and take from nobody more than was received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "hashed value: its fields are the format"
)]
pub struct Refund {
    /// The transfer or resolved hold.
    pub original: EntryNumber,
    /// What moves: its payers were payees of the original, its payees payers.
    pub back: Transfer,
}
canonical!(Refund { original, back });

/// Gives an account other limits in a unit. What it holds stays: an account
/// beyond a new limit may only come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "hashed value: its fields are the format"
)]
pub struct LimitChange {
    /// Whose.
    pub account: AccountKey,
    /// In which unit.
    pub unit: UnitKey,
    /// From now on.
    pub limits: Limits,
}
canonical!(LimitChange {
    account,
    unit,
    limits
});

/// Ends the period up to and including a date. What is dated into it later is
/// accepted and labelled late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "hashed value: its fields are the format"
)]
pub struct Close {
    /// The last moment of the period.
    pub through: Timestamp,
}
canonical!(Close { through });
