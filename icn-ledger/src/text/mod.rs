//! Plain-text accounting: journals of hledger, ledger and beancount, and CSV.

mod balances;
mod booking;
mod date;
mod decimal;
mod export;
mod flaw;
mod journal;
mod read;
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
