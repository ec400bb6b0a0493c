//! Journals from text.

mod amount;
mod csv;
mod directive;
mod draft;
mod places;
mod resolve;
mod source;
mod sums;
mod syntax;

use alloc::collections::BTreeMap;

pub use places::Places;
pub use source::{Include, Source};

use super::decimal::{DecimalMark, Decimals};
use super::flaw::TextError;
use super::journal::Journal;
use super::word::{AccountName, Symbol};

/// How texts are read: what the caller knows about them.
///
/// The decimals of a commodity are those that the caller gives, else the most
/// of its `commodity` and `D` directives, else the most that any of its amounts
/// has. All of it is known before any transaction is judged, so no amount is
/// accepted or refused because of what stands before or after it.
#[derive(Clone, Debug, Default)]
pub struct Import {
    decimals: BTreeMap<Symbol, Decimals>,
    mark: Option<DecimalMark>,
    conversion: Conversion,
}

/// What becomes of a transaction that balances at its prices, but not in each
/// commodity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "refused or booked")]
pub enum Conversion {
    /// It is refused.
    #[default]
    Refuse,
    /// Each commodity is balanced by a posting to this account, which thus
    /// holds what was given for what.
    Through(AccountName),
}

impl Import {
    /// Nothing known: no decimals, no decimal mark, conversions refused.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Amounts of the commodity have these decimals, whatever the text says.
    #[must_use]
    pub fn with_decimals(mut self, symbol: Symbol, decimals: Decimals) -> Self {
        self.decimals.insert(symbol, decimals);
        self
    }

    /// The decimal mark where the text declares none: by `decimal-mark`, else
    /// by a `commodity` directive, else by `D`.
    #[must_use]
    pub const fn with_decimal_mark(mut self, mark: DecimalMark) -> Self {
        self.mark = Some(mark);
        self
    }

    /// What becomes of conversions.
    #[must_use]
    pub fn with_conversion(mut self, conversion: Conversion) -> Self {
        self.conversion = conversion;
        self
    }

    /// Reads a journal of hledger or ledger, and the files that it includes;
    /// `include` answers with them. Returns with it where everything stands.
    /// O(n log n) in the length of all.
    ///
    /// # Errors
    /// [`TextError`] at the first line that is wrong: in its form, then in its
    /// numbers and sums, then in its decimals, then in what it asserts.
    pub fn journal(
        &self,
        source: Source,
        include: impl FnMut(&Include<'_>) -> Option<Source>,
    ) -> Result<(Journal, Places), TextError> {
        let files = source::load(source, include)?;
        let drafts = syntax::read(&files, self.mark)?;
        resolve::journal(drafts, self, &files)
    }

    /// Reads CSV with one row per posting and the columns of
    /// [`Format::Csv`](super::Format::Csv) by name, in any order. `date`,
    /// `account` and `amount` must be there; with `txnidx`, rows of one number
    /// that follow each other are one transaction, without it each row has to
    /// balance. `credit` and `debit`, which hledger writes too, are not read.
    ///
    /// # Errors
    /// [`TextError`] as for [`journal`](Self::journal). The line is the first
    /// of its row.
    pub fn csv(&self, source: Source) -> Result<(Journal, Places), TextError> {
        let files = source::single(source);
        let rows = csv::rows(&files)?;
        let drafts = csv::read(&rows, self.mark, &files)?;
        resolve::journal(drafts, self, &files)
    }
}
