//! Whether a bundle is Valid. Who is to pay plays no part: it binds nobody.

use alloc::collections::BTreeSet;

use super::Bundle;
use crate::account::{Account, Change};
use crate::rule::LedgerRule as Rule;

impl Bundle {
    pub(crate) fn check(&self, account: &Account) -> Result<Change, Rule> {
        let dues = self.terms.dues().map_err(|_| Rule::BundleRate)?;
        let mut pairs = BTreeSet::new();
        for due in dues {
            if due.payer == due.payee {
                return Err(Rule::BundleSelf);
            }
            if !pairs.insert((due.payer, due.payee)) {
                return Err(Rule::BundleTwice);
            }
        }
        if account.operation(&self.key).is_some() {
            return Err(Rule::PayKey);
        }
        Ok(Change::Stated(self.key))
    }
}
