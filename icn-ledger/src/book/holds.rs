//! Amounts that are set aside, and what went back of payments.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::amount::Amount;

use super::cells::CellKey;
use super::name::EntryNumber;

/// One hold and what became of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) entry: EntryNumber,
    pub(super) payer: CellKey,
    pub(super) payee: CellKey,
    pub(super) amount: Amount,
    pub(super) resolved: Option<EntryNumber>,
}

/// Every hold, in the order of their entries.
#[derive(Clone, Debug, Default)]
pub(super) struct Holds {
    holds: Vec<Held>,
    open: BTreeSet<EntryNumber>,
}

impl Holds {
    pub(super) fn push(&mut self, hold: Held) {
        self.open.insert(hold.entry);
        self.holds.push(hold);
    }

    /// Takes the newest hold out again.
    pub(super) fn undo(&mut self) -> Option<Held> {
        let hold = self.holds.pop()?;
        self.open.remove(&hold.entry);
        Some(hold)
    }

    pub(super) fn find(&self, entry: EntryNumber) -> Option<Held> {
        self.at(entry).map(|at| self.holds[at])
    }

    /// Marks a hold as resolved, or as open again.
    pub(super) fn resolve(&mut self, entry: EntryNumber, by: Option<EntryNumber>) {
        let Some(at) = self.at(entry) else {
            return;
        };
        self.holds[at].resolved = by;
        match by {
            Some(_) => self.open.remove(&entry),
            None => self.open.insert(entry),
        };
    }

    /// Those that are open, oldest first.
    pub(super) fn open(&self) -> impl Iterator<Item = &Held> {
        let held = |entry: &EntryNumber| self.at(*entry).map(|at| &self.holds[at]);
        self.open.iter().filter_map(held)
    }

    fn at(&self, entry: EntryNumber) -> Option<usize> {
        self.holds
            .binary_search_by_key(&entry, |hold| hold.entry)
            .ok()
    }
}

/// What went back of each payment, by account and in atoms: what a payer got
/// back, and what a payee gave back.
#[derive(Clone, Debug, Default)]
pub(super) struct Refunds {
    sums: BTreeMap<(EntryNumber, CellKey), u128>,
}

impl Refunds {
    pub(super) fn sum(&self, original: EntryNumber, cell: CellKey) -> u128 {
        self.sums.get(&(original, cell)).copied().unwrap_or(0)
    }

    pub(super) fn set(&mut self, original: EntryNumber, cell: CellKey, sum: u128) {
        self.sums.insert((original, cell), sum);
    }

    pub(super) fn take(&mut self, original: EntryNumber, cell: CellKey, atoms: Amount) {
        if let Some(sum) = self.sums.get_mut(&(original, cell)) {
            *sum = sum.saturating_sub(u128::from(atoms.get()));
        }
    }
}
