//! Journals as text, in four formats.

mod beancount;
mod csv;
mod journal;
mod names;

use core::fmt;

use super::journal::Journal;

/// The formats that a journal is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Format {
    /// For hledger, accepted by `check --strict`. Read back as the same
    /// journal.
    Hledger,
    /// For ledger, accepted with `--strict` and `--pedantic`. Read back as the
    /// same journal, but for assertions that ledger does not have: one about
    /// all commodities is written about its own, one about the accounts below
    /// or about bare numbers is left out.
    Ledger,
    /// For beancount, accepted by `bean-check`. Not read back.
    ///
    /// Names become what beancount allows, differently for each; the original
    /// is metadata of the directive that opens the account or declares the
    /// commodity. An account whose first part is none of beancount's five
    /// roots goes below `Equity`. An assertion becomes a `balance` of the next
    /// day, with the balance that the account and all below it have then.
    Beancount,
    /// One row per posting, with the columns of `hledger print -O csv` and
    /// `balance-assertion`. Read back as the same journal, but for what no
    /// posting uses: unused commodities, accounts without postings, prices.
    Csv,
}

impl Journal {
    /// The journal in one of the formats.
    ///
    /// Amounts are written with all decimals of their commodity, and every
    /// account, commodity and tag is declared where the format can.
    #[must_use]
    pub const fn show(&self, format: Format) -> Shown<'_> {
        Shown {
            journal: self,
            format,
        }
    }
}

/// A journal as text; see [`Journal::show`].
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    journal: &'a Journal,
    format: Format,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format {
            Format::Hledger => journal::write(self.journal, journal::Dialect::Hledger, f),
            Format::Ledger => journal::write(self.journal, journal::Dialect::Ledger, f),
            Format::Beancount => beancount::write(self.journal, f),
            Format::Csv => csv::write(self.journal, f),
        }
    }
}
