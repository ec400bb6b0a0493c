//! A journal: what all the formats say, as one value.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::error::{Coded, Fault};

use super::balances::Balances;
use super::date::Date;
use super::decimal::{ATOMS_MAX, Decimal, Decimals};
use super::flaw::{Flaw, Mismatch};
use super::listed::Listed;
use super::word::{AccountName, Code, Comment, Description, Symbol};

/// Transactions that balance exactly, in the order of their days.
///
/// Whatever the order in which they come, those of one day keep theirs, and the
/// days are sorted. Every amount is a whole number of atoms of a commodity that
/// the journal declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    commodities: BTreeMap<Symbol, Decimals>,
    accounts: BTreeSet<AccountName>,
    transactions: Vec<Transaction>,
    prices: Vec<MarketPrice>,
}

/// Something that happened on a day: postings that add up to zero in each
/// commodity.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what the formats have, and no more"
)]
pub struct Transaction {
    /// The day.
    pub date: Date,
    /// Another day that some reports use.
    pub secondary: Option<Date>,
    /// Whether it was compared with the world.
    pub status: Status,
    /// A number or code.
    pub code: Option<Code>,
    /// Payee and note.
    pub description: Description,
    /// Comments and tags.
    pub comments: Vec<Comment>,
    /// What moves.
    pub postings: Vec<Posting>,
}

/// One account and by how much it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what the formats have, and no more"
)]
pub struct Posting {
    /// Whether it was compared with the world.
    pub status: Status,
    /// Whose balance changes.
    pub account: AccountName,
    /// By how much.
    pub amount: Money,
    /// What the balance is then.
    pub assertion: Option<Assertion>,
    /// Comments and tags.
    pub comments: Vec<Comment>,
}

/// A signed number of atoms of a commodity. Positive is a debit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a number and what it counts")]
pub struct Money {
    /// Atoms, by the decimals that the journal declares.
    pub atoms: i128,
    /// Of what.
    pub symbol: Symbol,
}

/// Whether something was compared with the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "no tool knows a fourth")]
pub enum Status {
    /// Nobody says.
    #[default]
    Unmarked,
    /// `!`: not yet.
    Pending,
    /// `*`: it was.
    Cleared,
}

impl Status {
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Unmarked => "",
            Self::Pending => "!",
            Self::Cleared => "*",
        }
    }

    /// Whether a posting of the account may be marked so.
    pub(super) fn check_before(self, account: &AccountName) -> Result<(), Flaw> {
        if self == Self::Unmarked && account.is_command() {
            return Err(Flaw::Command);
        }
        Ok(())
    }
}

/// What the balance of an account is after a posting, exactly.
///
/// Postings count in the order of days, and within a day in the order of the
/// file. One atom more or less fails.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what the formats have, and no more"
)]
pub struct Assertion {
    /// Which accounts are added up.
    pub reach: Reach,
    /// Which commodities it speaks of.
    pub span: Span,
    /// The balance.
    pub balance: Money,
}

/// Which accounts an assertion adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "with or without")]
pub enum Reach {
    /// The account alone: `=`.
    Alone,
    /// It and what lies below it: `=*`.
    Below,
}

/// Which commodities an assertion speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "one or all")]
pub enum Span {
    /// The one that it names: `=`.
    One,
    /// That one, and all others are zero: `==`.
    Sole,
}

/// What a commodity was worth on a day. Kept for readers; nothing uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what the formats have, and no more"
)]
pub struct MarketPrice {
    /// The day.
    pub date: Date,
    /// What has a price.
    pub of: Symbol,
    /// The price of one.
    pub price: Decimal,
    /// What the price is counted in.
    pub symbol: Symbol,
}

/// A transaction of a journal or one of its postings, by number, and what is
/// wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("transaction {transaction}: {flaw}")]
#[expect(clippy::exhaustive_structs, reason = "a place and a flaw")]
pub struct Broken {
    /// Number of the transaction, in the order of the journal.
    pub transaction: usize,
    /// Number of the posting in it; none where it is the whole.
    pub posting: Option<usize>,
    /// What is wrong.
    pub flaw: Flaw,
}

impl Coded for Broken {
    fn code(&self) -> &'static str {
        self.flaw.code()
    }

    fn fault(&self) -> Fault {
        self.flaw.fault()
    }
}

impl Journal {
    /// A journal without transactions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares a commodity and how many decimals its amounts have.
    ///
    /// # Errors
    /// [`Flaw::Declared`] when it has another number of decimals already.
    pub fn declare(&mut self, symbol: Symbol, decimals: Decimals) -> Result<(), Flaw> {
        let known = self.commodities.entry(symbol).or_insert(decimals);
        if *known == decimals {
            Ok(())
        } else {
            Err(Flaw::Declared)
        }
    }

    /// Declares an account that may have no postings.
    pub fn open(&mut self, account: AccountName) {
        self.accounts.insert(account);
    }

    /// Adds a transaction behind those of its day. O(1) when it is the latest,
    /// O(n) otherwise.
    ///
    /// # Errors
    /// [`Flaw::Empty`] without postings, [`Flaw::Command`] for an unmarked one
    /// of an account that [`is_command`](AccountName::is_command),
    /// [`Flaw::Undeclared`] for a commodity that the journal does not know,
    /// [`Flaw::Large`] for an amount above [`ATOMS_MAX`], [`Flaw::Unbalanced`]
    /// when a commodity does not add up to zero.
    pub fn push(&mut self, transaction: Transaction) -> Result<(), Flaw> {
        self.check(&transaction)?;
        for posting in &transaction.postings {
            if !self.accounts.contains(&posting.account) {
                self.accounts.insert(posting.account.clone());
            }
        }
        let date = transaction.date;
        let at = self
            .transactions
            .partition_point(|other| other.date <= date);
        self.transactions.insert(at, transaction);
        Ok(())
    }

    /// A journal with these commodities and accounts.
    pub(super) fn declaring(
        commodities: BTreeMap<Symbol, Decimals>,
        accounts: BTreeSet<AccountName>,
    ) -> Self {
        Self {
            commodities,
            accounts,
            ..Self::default()
        }
    }

    /// Takes transactions that are checked and sorted, and whose accounts are
    /// open.
    pub(super) fn set_transactions(&mut self, transactions: Vec<Transaction>) {
        self.transactions = transactions;
    }

    fn check(&self, transaction: &Transaction) -> Result<(), Flaw> {
        if transaction.postings.is_empty() {
            return Err(Flaw::Empty);
        }
        for posting in &transaction.postings {
            posting.status.check_before(&posting.account)?;
            let asserted = posting.assertion.as_ref().map(|asserted| &asserted.balance);
            for money in [Some(&posting.amount), asserted].into_iter().flatten() {
                let bounds = -ATOMS_MAX..=ATOMS_MAX;
                self.decimals(&money.symbol).ok_or(Flaw::Undeclared)?;
                bounds
                    .contains(&money.atoms)
                    .then_some(())
                    .ok_or(Flaw::Large)?;
            }
        }
        match transaction.residue().into_iter().next() {
            None => Ok(()),
            Some(Money { atoms, symbol }) => Err(Flaw::Unbalanced {
                off: self.number(&symbol, atoms),
                symbol,
            }),
        }
    }

    /// Adds a price behind those of its day.
    ///
    /// # Errors
    /// [`Flaw::Undeclared`] when the journal does not know both commodities,
    /// [`Flaw::Price`] when the price is negative, of bare numbers, or counted
    /// in what it is the price of.
    pub fn quote(&mut self, price: MarketPrice) -> Result<(), Flaw> {
        if self.decimals(&price.of).is_none() || self.decimals(&price.symbol).is_none() {
            return Err(Flaw::Undeclared);
        }
        let is_of_itself = price.of == price.symbol || price.of.as_str().is_empty();
        if price.price.is_negative() || is_of_itself {
            return Err(Flaw::Price);
        }
        let at = self
            .prices
            .partition_point(|other| other.date <= price.date);
        self.prices.insert(at, price);
        Ok(())
    }

    /// The commodities, with their decimals.
    pub fn commodities(&self) -> impl Iterator<Item = (&Symbol, Decimals)> {
        self.commodities
            .iter()
            .map(|(symbol, decimals)| (symbol, *decimals))
    }

    /// The decimals of a commodity.
    #[must_use]
    pub fn decimals(&self, symbol: &Symbol) -> Option<Decimals> {
        self.commodities.get(symbol).copied()
    }

    /// The accounts that were declared or have postings.
    pub fn accounts(&self) -> impl Iterator<Item = &AccountName> {
        self.accounts.iter()
    }

    /// The transactions, in the order of their days.
    #[must_use]
    pub fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    /// The prices, in the order of their days.
    #[must_use]
    pub fn prices(&self) -> &[MarketPrice] {
        &self.prices
    }

    /// Atoms of a commodity as a number.
    #[must_use]
    pub fn number(&self, symbol: &Symbol, atoms: i128) -> Decimal {
        self.decimals(symbol).unwrap_or_default().show(atoms)
    }

    /// What every account adds up to, in each commodity.
    #[must_use]
    pub fn balances(&self) -> Balances {
        let mut balances = Balances::default();
        for posting in self.transactions.iter().flat_map(|one| &one.postings) {
            balances.add(&posting.account, &posting.amount);
        }
        balances
    }

    /// Compares every assertion with the balance at its place.
    ///
    /// # Errors
    /// The first that fails, with [`Flaw::Assertion`].
    pub fn check_assertions(&self) -> Result<(), Broken> {
        let mut balances = Balances::default();
        for (number, transaction) in self.transactions.iter().enumerate() {
            for (at, posting) in transaction.postings.iter().enumerate() {
                balances.add(&posting.account, &posting.amount);
                let Some(assertion) = &posting.assertion else {
                    continue;
                };
                let Some((symbol, expected, found)) =
                    balances.contradiction(&posting.account, assertion)
                else {
                    continue;
                };
                return Err(Broken {
                    transaction: number,
                    posting: Some(at),
                    flaw: Flaw::Assertion(Box::new(Mismatch {
                        expected: self.number(&symbol, expected),
                        found: self.number(&symbol, found),
                        symbol,
                    })),
                });
            }
        }
        Ok(())
    }

    /// Asserts the balance of every account and commodity at the end of each
    /// day on which it moves, in place of all assertions so far.
    ///
    /// Every format can say so: at the end of a day hledger, ledger and
    /// beancount mean the same.
    pub fn assert_days(&mut self) {
        let mut balances = Balances::default();
        for transaction in &mut self.transactions {
            for posting in &mut transaction.postings {
                balances.add(&posting.account, &posting.amount);
                let symbol = posting.amount.symbol.clone();
                posting.assertion = Some(Assertion {
                    reach: Reach::Alone,
                    span: Span::One,
                    balance: Money {
                        atoms: balances.of(&posting.account, &symbol),
                        symbol,
                    },
                });
            }
        }
        for day in self.transactions.chunk_by_mut(|a, b| a.date == b.date) {
            let mut seen = BTreeSet::new();
            let postings = day.iter_mut().flat_map(|one| &mut one.postings);
            for posting in postings.rev() {
                if !seen.insert((posting.account.clone(), posting.amount.symbol.clone())) {
                    posting.assertion = None;
                }
            }
        }
    }
}

impl Transaction {
    /// What does not add up to zero, commodity by commodity.
    pub(super) fn residue(&self) -> Vec<Money> {
        let mut sums: Listed<&Symbol, i128> = Listed::new();
        for Money { atoms, symbol } in self.postings.iter().map(|posting| &posting.amount) {
            let sum = sums.of(symbol, 0);
            *sum = sum.saturating_add(*atoms);
        }
        let off = sums
            .into_values()
            .into_iter()
            .filter(|(_, atoms)| *atoms != 0);
        off.map(|(symbol, atoms)| Money {
            atoms,
            symbol: symbol.clone(),
        })
        .collect()
    }

    /// The value of the first tag of this name among the comments of the
    /// transaction.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.comments
            .iter()
            .flat_map(Comment::tags)
            .find_map(|(other, value)| (other == name).then_some(value))
    }
}
