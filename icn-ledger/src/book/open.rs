//! Units and accounts: what has to be there before anything is posted.

use alloc::collections::btree_map::Entry;

use icn_types::id::UnitId;

use super::Book;
use super::entry::Opening;
use super::error::OpenError;
use super::limits::Limits;
use super::name::{AccountKey, AccountName, UnitKey};
use crate::unit::Unit;

impl Book {
    /// Defines a unit. One that is there already keeps its key, and nothing is
    /// written.
    ///
    /// # Errors
    /// [`OpenError::Full`] when the book has no room.
    pub fn define(&mut self, unit: Unit) -> Result<UnitKey, OpenError> {
        if let Some(key) = self.unit_key(&unit.id()) {
            return Ok(key);
        }
        let number = self.log.next().ok_or(OpenError::Full)?;
        let key = self.add_unit(unit).ok_or(OpenError::Full)?;
        self.log.append(number, &unit, None, false);
        Ok(key)
    }

    /// Gives a unit its key. `None` when it has one or there are too many.
    pub(super) fn add_unit(&mut self, unit: Unit) -> Option<UnitKey> {
        let key = UnitKey::new(u32::try_from(self.units.len()).ok()?);
        let Entry::Vacant(free) = self.units_by_id.entry(unit.id()) else {
            return None;
        };
        free.insert(key);
        self.units.push(unit);
        Some(key)
    }

    /// Opens an account in a unit, with its limits there. An account may be
    /// open in several units. Opening it again in the same way changes nothing;
    /// limits are changed by a [`LimitChange`](super::LimitChange).
    ///
    /// # Errors
    /// - [`OpenError::Unit`] when the unit is not defined in this book;
    /// - [`OpenError::Limits`] when it is open in the unit with other limits;
    /// - [`OpenError::Full`] when the book has no room.
    pub fn open(
        &mut self,
        name: &AccountName,
        unit: UnitKey,
        limits: Limits,
    ) -> Result<AccountKey, OpenError> {
        if unit.index() >= self.units.len() {
            return Err(OpenError::Unit { unit });
        }
        if let Some(account) = self.account_key(name)
            && let Some(cell) = self.cells.find(account, unit)
        {
            return if self.cells.view(cell).limits == limits {
                Ok(account)
            } else {
                Err(OpenError::Limits { account })
            };
        }
        let number = self.log.next().ok_or(OpenError::Full)?;
        let account = self.add_account(name, unit, limits);
        let account = account.ok_or(OpenError::Full)?;
        let opening = Opening {
            name: name.clone(),
            unit,
            limits,
        };
        self.log.append(number, &opening, None, false);
        Ok(account)
    }

    /// Opens an account in a further unit. `None` when there are too many.
    pub(super) fn add_account(
        &mut self,
        name: &AccountName,
        unit: UnitKey,
        limits: Limits,
    ) -> Option<AccountKey> {
        let known = self.account_key(name);
        let next = u32::try_from(self.accounts.len()).ok()?;
        let account = known.unwrap_or_else(|| AccountKey::new(next));
        self.cells.open(account, unit, limits)?;
        if known.is_none() {
            self.accounts.push(name.clone());
            self.accounts_by_name.insert(name.clone(), account);
        }
        Some(account)
    }

    /// The key of a unit.
    #[must_use]
    pub fn unit_key(&self, unit: &UnitId) -> Option<UnitKey> {
        self.units_by_id.get(unit).copied()
    }

    /// The definition of a unit.
    #[must_use]
    pub fn unit(&self, unit: UnitKey) -> Option<&Unit> {
        self.units.get(unit.index())
    }

    /// Every unit, in the order of their definition.
    pub fn units(&self) -> impl Iterator<Item = (UnitKey, &Unit)> {
        (0..).map(UnitKey::new).zip(&self.units)
    }

    /// The key of an account.
    #[must_use]
    pub fn account_key(&self, name: &AccountName) -> Option<AccountKey> {
        self.accounts_by_name.get(name).copied()
    }

    /// The name of an account.
    #[must_use]
    pub fn account(&self, account: AccountKey) -> Option<&AccountName> {
        self.accounts.get(account.index())
    }

    /// Every account, in the order of their opening.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountKey, &AccountName)> {
        (0..).map(AccountKey::new).zip(&self.accounts)
    }
}
