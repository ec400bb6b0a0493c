//! Plain-text accounting: journals of hledger, ledger and beancount, and CSV.
//!
//! A [`Journal`] holds what all of them say. It comes out of a book
//! ([`Journal::from_book`]), out of replicated ledgers
//! ([`Journal::from_ledgers`]) or out of text ([`Import`]), is shown in any
//! [`Format`], and is booked whole or not at all ([`Journal::book`]).
//!
//! ```
//! use icn_ledger::book::{Book, CauseId, Limits};
//! use icn_ledger::text::{Booking, Format, Import, Journal, Sides, Source, Symbol};
//! use icn_ledger::unit::Scale;
//! use icn_ledger::{Unit, UnitCode};
//! use icn_types::amount::Amount;
//! use icn_types::error::Coded;
//! use icn_types::id::DomainId;
//!
//! let text = "
//! 2024-01-30 * (12) Bakery | bread  ; order: 7
//!     members:alice  -3.50 EUR
//!     members:bakery
//! ";
//! let source = Source::new("may.journal".into(), text.into());
//! let (journal, places) = Import::new().journal(source, |_include| None)?;
//! assert_eq!(journal.transactions()[0].tag("order"), Some("7"));
//!
//! let euros = Unit {
//!     issuer: DomainId::from_bytes([7; 32]),
//!     code: UnitCode::new("EUR").ok_or("a code")?,
//!     scale: Scale::new(100).ok_or("a scale")?,
//!     min_leg: Amount::new(1)?,
//! };
//! let booking = Booking::new(CauseId::from_bytes([1; 32]))
//!     .with_unit(Symbol::new("EUR").ok_or("a symbol")?, euros)
//!     .with_limits(Limits::from(-300));
//! let mut book = Book::new();
//! let error = journal.book(&mut book, &booking).map_err(|broken| places.locate(broken));
//! let error = error.err().ok_or("a limit of three euros")?;
//! assert_eq!((error.line, error.code()), (2, "book.limit.floor"));
//! assert!(book.is_empty());
//!
//! journal.book(&mut book, &booking.with_limits(Limits::UNBOUNDED))?;
//! let again = Journal::from_book(&book, Sides::DebitRaises)?;
//! assert_eq!(again.balances(), journal.balances());
//! assert!(again.show(Format::Hledger).to_string().contains("-3.50 EUR = -3.50 EUR"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is read
//!
//! The subset of journals that hledger and ledger read alike: dates with `-`,
//! `/` or `.` and secondary dates; status marks, codes, payees and notes;
//! comments, comment blocks and tags; amounts with digit groups and commodities
//! on either side, quoted or not; one amount left out; balance assertions;
//! prices of amounts (`@`, `@@`), kept as a comment `price: ...`; the directives
//! `account`, `commodity`, `D`, `P`, `decimal-mark`, `include`, `payee` and
//! `tag`. Everything else is refused with its line, for it could change amounts:
//! virtual postings, balance assignments, lots, expressions, automated and
//! periodic transactions, aliases, dates of single postings; and an account like
//! `check fund`, which ledger takes for a command, where no status mark stands
//! before it. Comments between transactions are not kept.
//!
//! A number that one tool would read as another is refused too. Where they
//! differ otherwise: days come in their order, as in hledger, and an assertion
//! counts what stands before it then; an assertion without a commodity is about
//! bare numbers, and `D` says what these count, as in hledger; sums and
//! assertions are exact, without a tolerance; two commodities without a price
//! are never taken for a conversion.

mod balances;
mod booking;
mod date;
mod decimal;
mod export;
mod flaw;
mod journal;
mod listed;
mod read;
mod replicated;
mod sides;
mod units;
mod word;
mod write;

pub use balances::Balances;
pub use booking::Booking;
pub use date::Date;
pub use decimal::{ATOMS_MAX, Decimal, DecimalMark, Decimals};
pub use export::ExportError;
pub use flaw::{Flaw, Mismatch, TextError};
pub use journal::{
    Assertion, Broken, Journal, MarketPrice, Money, Posting, Reach, Span, Status, Transaction,
};
pub use read::{Conversion, Import, Include, Places, Source};
pub use replicated::LedgerExportError;
pub use sides::Sides;
pub use word::{AccountName, Code, Comment, Description, Symbol, TEXT_MAX};
pub use write::{Format, Shown};

/// Columns of a CSV file, in the order in which they are written.
const COLUMNS: [&str; 13] = [
    "txnidx",
    "date",
    "date2",
    "status",
    "code",
    "description",
    "comment",
    "account",
    "amount",
    "commodity",
    "posting-status",
    "posting-comment",
    "balance-assertion",
];
