//! How final a position is: how far others rely on the path of its account.

use icn_types::id::ChainId;
use icn_types::set::{RecordSet, Slot};

use crate::columns::Columns;
use crate::entry::{Entry, HOLD};
use crate::ledger::Ledger;
use crate::position::Finality;

/// The decided start of an account's spine, and who relies on it.
///
/// A position is a sum over such a path, so only the path can change it. What
/// relies on a record relies on all before it, by hash: finality never rises
/// along a path.
pub(crate) struct Reliance<'a> {
    ledger: &'a Ledger,
    set: &'a RecordSet,
    columns: &'a Columns,
    path: &'a [Slot],
    sealed: usize,
}

impl<'a> Reliance<'a> {
    pub(crate) fn of(
        ledger: &'a Ledger,
        set: &'a RecordSet,
        columns: &'a Columns,
        chain: &ChainId,
    ) -> Self {
        let path = decided(set.spine(chain), |slot| !ledger.verdict(slot).is_waiting());
        Self {
            ledger,
            set,
            columns,
            path,
            sealed: set.sealed_len(chain).min(path.len()),
        }
    }

    /// The same of its first `len` records.
    pub(crate) fn within(mut self, len: usize) -> Self {
        self.path = &self.path[..len.min(self.path.len())];
        self.sealed = self.sealed.min(len);
        self
    }

    /// How many records it has.
    pub(crate) const fn len(&self) -> usize {
        self.path.len()
    }

    /// How many of them are under a Seal that counts.
    pub(crate) const fn sealed(&self) -> usize {
        self.sealed
    }

    /// How many of them others rely on; at least those that are sealed. Costs the
    /// records after these.
    pub(crate) fn acknowledged(&self) -> usize {
        let unsealed = &self.path[self.sealed..];
        let last = unsealed.iter().rposition(|&slot| self.is_relied_on(slot));
        self.sealed + last.map_or(0, |last| last + 1)
    }

    /// How final the position after the first `records` is. Costs the others, or
    /// nothing where they are sealed.
    pub(crate) fn after(&self, records: usize) -> Finality {
        let Some(last) = records.checked_sub(1).filter(|_| records > self.sealed) else {
            return Finality::Sealed;
        };
        let mut later = self.path.get(last..).unwrap_or_default().iter();
        if later.any(|&slot| self.is_relied_on(slot)) {
            Finality::Acknowledged
        } else {
            Finality::Local
        }
    }

    /// Whether a posted record of another account took a leg that this record
    /// sent, or ended the hold that it is.
    fn is_relied_on(&self, slot: Slot) -> bool {
        let record = self.set.record(slot);
        if record.kind() == HOLD {
            return self.is_ended_by_another(slot);
        }
        let mut takers = self.columns.takers(self.set, slot);
        takers.any(|by| {
            let by = self.set.find(&by).map(|by| self.set.chain(by));
            by.is_some_and(|by| by != record.chain())
        })
    }

    fn is_ended_by_another(&self, slot: Slot) -> bool {
        let record = self.set.record(slot);
        let is_open = || self.columns.hold(&record.id()).is_some();
        match Entry::of(record) {
            Some(Entry::Hold(hold)) if self.ledger.verdict(slot).is_valid() => {
                hold.resolver != record.chain() && !is_open()
            }
            _ => false,
        }
    }
}

/// The records of a path up to the last one that is decided: a record waits while
/// the one before it does. Costs one look where all are, as they mostly are.
pub(crate) fn decided(path: &[Slot], is_decided: impl Fn(Slot) -> bool) -> &[Slot] {
    if path.last().is_none_or(|&tip| is_decided(tip)) {
        return path;
    }
    &path[..path.partition_point(|&slot| is_decided(slot))]
}
