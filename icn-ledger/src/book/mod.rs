//! A book: the plain ledger of a host that brings its own order.
//!
//! Who has one program that decides what comes after what needs no more than
//! this: accounts with limits in several units, payments of several payers and
//! payees, holds, refunds, closed periods, statements. A book is a value. What it
//! accepted is a list of entries, each linked to the one before it by hash; the
//! host stores their bytes, and [`Book::replay`] makes the same book of them.
//!
//! ```
//! use icn_ledger::book::{Book, BookError, Limits, Posted, Request, RuleError, Transfer};
//! use icn_ledger::unit::Scale;
//! use icn_ledger::{Unit, UnitCode};
//! use icn_types::amount::Amount;
//! use icn_types::id::{DomainId, OperationKey};
//! use icn_types::time::Timestamp;
//!
//! let mut book = Book::new();
//! let hours = book.define(Unit {
//!     issuer: DomainId::from_bytes([7; 32]),
//!     code: UnitCode::new("hours").ok_or("a code")?,
//!     scale: Scale::new(1).ok_or("a scale")?,
//!     min_leg: Amount::new(1)?,
//! })?;
//! let credit = Limits::between(-40, 40)?;
//! let alice = book.open(&"members:alice".parse()?, hours, credit)?;
//! let bob = book.open(&"members:bob".parse()?, hours, credit)?;
//!
//! // Alice worked ten hours for Bob: Bob pays Alice.
//! let request = |key, hours_worked| -> Result<_, Box<dyn std::error::Error>> {
//!     let pay = Transfer::between(bob, alice, hours, Amount::new(hours_worked)?);
//!     let key = OperationKey::from_bytes([key; 32]);
//!     Ok(Request::new(key, Timestamp::from_millis(0), pay))
//! };
//! let paid = book.post(&request(1, 10)?)?;
//! assert_eq!(book.standing(alice, hours)?.position.get(), 10);
//! assert_eq!(book.standing(bob, hours)?.position.get(), -10);
//!
//! // Asked again with the same key, it is still one payment.
//! assert_eq!(book.post(&request(1, 10)?)?, Posted::Again(paid.number(), paid.id()));
//!
//! // A refusal says why and writes nothing.
//! let refused = book.post(&request(2, 31)?);
//! let floor = RuleError::Floor { account: bob, unit: hours, available: 30 };
//! assert_eq!(refused, Err(BookError::Rule(floor)));
//!
//! // The bytes of the entries are the book.
//! let copy = Book::replay(book.entries().map(|entry| entry.bytes()))?;
//! assert_eq!(copy.head(), book.head());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it is kept
//!
//! Accounts and units are small numbers, positions a table. Entry bytes lie one
//! after the other in the order of the record; so do the steps by which
//! positions changed, each linked to the step before it of the same account. No
//! step of [`Book::post`] counts accounts or entries.

mod batch;
mod causes;
mod cells;
mod entry;
mod error;
mod exchange;
mod holds;
mod index;
mod limits;
mod lines;
mod log;
mod name;
mod open;
mod perform;
mod plan;
mod post;
mod query;
mod replay;
mod request;
mod restore;
mod snapshot;
mod statement;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use icn_types::id::UnitId;
use icn_types::time::Timestamp;

use crate::unit::Unit;
use causes::Causes;
use cells::{CellKey, Cells};
use holds::{Holds, Refunds};
use index::Index;
use log::Log;
use plan::Move;

pub use crate::batch::Batch;
pub use entry::{Entry, Opening, Recorded};
pub use error::{
    BookError, OpenError, QueryError, ReplayError, ReplayReason, RestoreError, RuleError,
    StructureError, VerifyError,
};
pub use exchange::Exchange;
pub use limits::{Limits, LimitsError};
pub use lines::{Line, Lines};
pub use name::{
    AccountKey, AccountName, CauseId, EntryId, EntryNumber, Memo, MemoError, NameError, StepNumber,
    UnitKey,
};
pub use post::Posted;
pub use query::Standing;
pub use request::{
    Action, Close, Hold, LimitChange, PARTS_MAX, Part, Refund, Request, Resolve, Transfer,
};
pub use restore::Restore;
pub use snapshot::{AccountRow, Changes, Run, Saved};
pub use statement::{AsOf, Assertion, Span, Statement, TrialRow};

/// A ledger in one order.
///
/// Keys of units and accounts mean something in the book that gave them, and in
/// every book replayed from its entries.
#[derive(Clone, Debug, Default)]
pub struct Book {
    log: Log,
    by_key: Index,
    causes: Causes,
    units: Vec<Unit>,
    units_by_id: BTreeMap<UnitId, UnitKey>,
    accounts: Vec<AccountName>,
    accounts_by_name: BTreeMap<AccountName, AccountKey>,
    cells: Cells,
    holds: Holds,
    refunds: Refunds,
    closes: Vec<(EntryNumber, Timestamp)>,
    limit_steps: Vec<LimitStep>,
    /// Of the request that is looked at; kept for its room.
    moves: Vec<Move>,
}

/// A change of limits, and what was before.
#[derive(Clone, Copy, Debug)]
struct LimitStep {
    cell: CellKey,
    before: Limits,
}

impl Book {
    /// An empty book.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}
