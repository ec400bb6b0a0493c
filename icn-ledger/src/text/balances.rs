//! What accounts add up to.

use alloc::collections::BTreeMap;

use super::journal::{Assertion, Money, Reach, Span};
use super::word::{AccountName, Symbol};

/// Balances of accounts by commodity, in atoms; zero where nothing was added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balances {
    atoms: BTreeMap<AccountName, BTreeMap<Symbol, i128>>,
}

impl Balances {
    /// Adds to one of them. A sum of fewer than 10^10 amounts is exact.
    pub(super) fn add(&mut self, account: &AccountName, amount: &Money) {
        let of_account = match self.atoms.get_mut(account) {
            Some(of_account) => of_account,
            None => self.atoms.entry(account.clone()).or_default(),
        };
        match of_account.get_mut(&amount.symbol) {
            Some(sum) => *sum = sum.saturating_add(amount.atoms),
            None => {
                of_account.insert(amount.symbol.clone(), amount.atoms);
            }
        }
    }

    /// The balance of an account in one commodity.
    #[must_use]
    pub fn of(&self, account: &AccountName, symbol: &Symbol) -> i128 {
        self.atoms
            .get(account)
            .and_then(|of_account| of_account.get(symbol))
            .copied()
            .unwrap_or_default()
    }

    /// The balance of an account and all below it in one commodity. O(n) in
    /// these accounts.
    #[must_use]
    pub fn within(&self, account: &AccountName, symbol: &Symbol) -> i128 {
        self.below(account)
            .filter_map(|(_, of_account)| of_account.get(symbol))
            .sum()
    }

    /// Every balance, zeros included, by account and commodity.
    pub fn iter(&self) -> impl Iterator<Item = (&AccountName, &Symbol, i128)> {
        self.atoms.iter().flat_map(|(account, of_account)| {
            of_account
                .iter()
                .map(move |(symbol, atoms)| (account, symbol, *atoms))
        })
    }

    fn below(
        &self,
        account: &AccountName,
    ) -> impl Iterator<Item = (&AccountName, &BTreeMap<Symbol, i128>)> {
        let account = account.clone();
        let from = account.clone();
        self.atoms
            .range(from..)
            .take_while({
                let account = account.clone();
                move |(other, _)| other.as_str().starts_with(account.as_str())
            })
            .filter(move |(other, _)| other.is_within(&account))
    }

    /// Where an assertion about the account is wrong: commodity, asserted and
    /// actual balance.
    pub(super) fn contradiction(
        &self,
        account: &AccountName,
        assertion: &Assertion,
    ) -> Option<(Symbol, i128, i128)> {
        let Money { atoms, symbol } = &assertion.balance;
        let balance = |symbol: &Symbol| match assertion.reach {
            Reach::Alone => self.of(account, symbol),
            Reach::Below => self.within(account, symbol),
        };
        let found = balance(symbol);
        if found != *atoms {
            return Some((symbol.clone(), *atoms, found));
        }
        if assertion.span == Span::One {
            return None;
        }
        self.below(account)
            .flat_map(|(_, of_account)| of_account.keys())
            .filter(|other| *other != symbol)
            .find_map(|other| {
                let found = balance(other);
                (found != 0).then(|| (other.clone(), 0, found))
            })
    }
}
