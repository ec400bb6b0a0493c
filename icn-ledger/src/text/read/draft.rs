//! What a text says, before its numbers are read.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::text::date::Date;
use crate::text::decimal::{Decimal, DecimalMark};
use crate::text::flaw::Flaw;
use crate::text::journal::{Reach, Span, Status, Transaction};
use crate::text::word::{AccountName, Comment, Symbol};

/// A line of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) file: usize,
    pub(super) line: u32,
}

impl Default for Place {
    fn default() -> Self {
        Self { file: 0, line: 1 }
    }
}

/// Everything that the texts say, in their order.
#[derive(Default)]
pub(super) struct Drafts<'a> {
    pub(super) transactions: Vec<Draft<'a>>,
    pub(super) names: Names,
    /// Amounts that show how those of their commodity are written.
    pub(super) samples: Vec<(Place, Written<'a>)>,
    /// Commodities that are declared without a sample.
    pub(super) known: BTreeSet<Symbol>,
    pub(super) prices: Vec<(Place, Date, Symbol, Written<'a>)>,
}

/// A transaction whose postings have no numbers yet.
pub(super) struct Draft<'a> {
    pub(super) place: Place,
    /// Without postings.
    pub(super) head: Transaction,
    pub(super) postings: Vec<DraftPosting<'a>>,
}

pub(super) struct DraftPosting<'a> {
    pub(super) line: u32,
    pub(super) status: Status,
    pub(super) account: AccountName,
    pub(super) amount: Option<Written<'a>>,
    pub(super) price: Option<Price<'a>>,
    pub(super) assertion: Option<(Reach, Span, Written<'a>)>,
    pub(super) comments: Vec<Comment>,
}

/// What an amount was given for.
pub(super) enum Price<'a> {
    Each(Written<'a>),
    Total(Written<'a>),
}

/// An amount as it is written.
pub(super) struct Written<'a> {
    pub(super) is_negative: bool,
    pub(super) digits: &'a str,
    pub(super) symbol: Symbol,
    /// What holds at this place.
    pub(super) marks: Marks,
}

/// Decimal marks that hold at a place of a file.
#[derive(Clone, Copy, Default)]
pub(super) struct Marks {
    /// Of the file; goes before what the commodity declares.
    pub(super) file: Option<DecimalMark>,
    /// Where neither the file nor the commodity declares one.
    pub(super) other: Option<DecimalMark>,
}

impl Written<'_> {
    /// The number, where the commodity declares this mark or none.
    pub(super) fn read(&self, commodity: Option<DecimalMark>) -> Result<Decimal, Flaw> {
        let mark = self.marks.file.or(commodity).or(self.marks.other);
        let number = Decimal::read(self.digits, mark)?;
        Ok(if self.is_negative {
            number.negated()
        } else {
            number
        })
    }

    /// The decimal mark of a sample, if it has one.
    pub(super) fn mark(&self, number: Decimal) -> Option<DecimalMark> {
        let from_end = usize::from(number.decimals().get());
        match self.digits.bytes().rev().nth(from_end) {
            Some(b'.') => Some(DecimalMark::Point),
            Some(b',') => Some(DecimalMark::Comma),
            _ => None,
        }
    }
}

/// Accounts and commodities: each is allocated once.
#[derive(Default)]
pub(super) struct Names {
    accounts: BTreeSet<AccountName>,
    symbols: BTreeSet<Symbol>,
}

impl Names {
    pub(super) fn account(&mut self, text: &str) -> Result<AccountName, Flaw> {
        if let Some(name) = self.accounts.get(text) {
            return Ok(name.clone());
        }
        let name = AccountName::new(text).ok_or(Flaw::Account)?;
        self.accounts.insert(name.clone());
        Ok(name)
    }

    pub(super) fn symbol(&mut self, text: &str) -> Result<Symbol, Flaw> {
        if let Some(symbol) = self.symbols.get(text) {
            return Ok(symbol.clone());
        }
        let symbol = Symbol::new(text).ok_or(Flaw::Symbol)?;
        self.symbols.insert(symbol.clone());
        Ok(symbol)
    }

    pub(super) fn accounts(&self) -> impl Iterator<Item = &AccountName> {
        self.accounts.iter()
    }
}
