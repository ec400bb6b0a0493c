//! How final a position is: how far others rely on the path of its account.

use icn_types::id::{ChainId, RecordId};
use icn_types::set::{RecordSet, Slot};

use crate::columns::Columns;
use crate::entry::{ACK, Entry, NOTE};
use crate::ledger::Ledger;
use crate::legs::{self, LegId};
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
        let spine = set.spine(chain);
        // A record waits while the one before it does.
        let len = spine.partition_point(|&slot| !ledger.verdict(slot).is_waiting());
        Self {
            ledger,
            set,
            columns,
            path: &spine[..len],
            sealed: set.sealed_len(chain).min(len),
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
        if matches!(record.kind(), ACK | NOTE) || !self.ledger.verdict(slot).is_valid() {
            return false; // nothing of it is there to be taken
        }
        let is_other = |by: RecordId| {
            let by = self.set.find(&by).map(|by| self.set.record(by).chain());
            by.is_some_and(|by| by != record.chain())
        };
        match Entry::of(record) {
            Some(Entry::Hold(hold)) => {
                hold.resolver != record.chain() && self.columns.hold(&record.id()).is_none()
            }
            Some(entry) => legs::sent(self.set, slot, &entry).any(|(leg, _)| {
                let record = record.id();
                let by = self.columns.taken_by(self.set, &LegId { record, leg });
                by.is_some_and(is_other)
            }),
            None => false,
        }
    }
}
