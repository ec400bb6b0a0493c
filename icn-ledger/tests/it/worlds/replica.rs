//! A replica: what one node holds, its ledger, and the same ledger read back.

use std::slice;

use icn_ledger::ledger::Refreshed;
use icn_ledger::{Ledger, Unit};
use icn_types::id::{ChainId, DomainId, RecordId};
use icn_types::record::Record;
use icn_types::set::{Added, RecordSet, Slot};
use icn_types::sign::Signed;
use icn_types::verdict::Verdict;

use crate::snapshots::Away;

/// One node: what it holds and what follows.
#[derive(Clone, Debug)]
pub(super) struct Replica {
    pub(super) set: RecordSet,
    pub(super) ledger: Ledger,
    /// The same with most bodies away, until one of them is asked for.
    away: Option<Away>,
    /// Records that came, counted.
    taken: usize,
    /// How often columns were kept up, and whether they always were as counted.
    pub(super) kept_up: usize,
    /// How often the ledger was read back, and how often beside forks.
    pub(super) read_back: usize,
    pub(super) read_back_beside: usize,
    /// How often it was compared with most bodies away, beside forks.
    pub(super) away_beside: usize,
    pub(super) is_right: bool,
}

impl Replica {
    pub(super) fn new(domain: DomainId, unit: Unit) -> Self {
        Self {
            set: RecordSet::new(domain),
            ledger: Ledger::new(domain, unit),
            away: None,
            taken: 0,
            kept_up: 0,
            read_back: 0,
            read_back_beside: 0,
            away_beside: 0,
            is_right: true,
        }
    }

    /// Whether the record brought something new.
    pub(super) fn take(&mut self, record: Signed<Record>) -> bool {
        match self.set.insert(record.clone()) {
            Ok(Added::New(slot) | Added::Completed(slot)) => {
                self.ledger.update(&self.set, slot);
                self.away
                    .take_if(|away| away.hear(slice::from_ref(&record)).is_none());
                self.compare();
                true
            }
            Ok(Added::Known(_)) | Err(_) => false,
        }
    }

    /// Now and then, but after records in a row: columns that nobody counted
    /// anew are as counted. And now and then, what follows the set from here on is
    /// read back from a snapshot.
    fn compare(&mut self) {
        self.taken += 1;
        if self.taken % 64 == 7
            && let Some(pages) = self.ledger.snapshot(&self.set)
        {
            let restored = Ledger::restore(&self.set, *self.ledger.unit(), &pages);
            self.ledger = restored.unwrap();
            self.read_back += 1;
            self.read_back_beside += usize::from(!self.set.is_straight());
            self.away = Away::of(&self.ledger, &self.set);
        }
        if self.taken.is_multiple_of(8)
            && let Some(away) = &self.away
        {
            self.is_right &= away.stands_like(&self.ledger, &self.set);
            self.away_beside += usize::from(!self.set.is_straight() && !away.set.missed());
        }
        self.away.take_if(|away| away.set.missed());
        if self.taken % 128 < 8 && self.refresh() == Refreshed::Nothing {
            let counted = self.ledger.recount(&self.set);
            self.is_right &= *self.ledger.columns(&self.set) == counted;
            self.kept_up += usize::from(!self.set.is_straight());
        }
    }

    pub(super) fn refresh(&mut self) -> Refreshed {
        self.ledger.refresh(&self.set)
    }

    /// `valid`, `waiting`, or the code of the breach.
    pub(super) fn verdict(&self, slot: Slot) -> &'static str {
        if self.set.record(slot).chain() == self.set.authority() {
            word(self.set.verdict(slot))
        } else {
            word(self.ledger.verdict(slot))
        }
    }

    pub(super) fn is_valid(&self, slot: Slot) -> bool {
        self.verdict(slot) == "valid"
    }

    pub(super) fn holds_content(&self, id: &RecordId) -> bool {
        self.set
            .find(id)
            .is_some_and(|slot| self.set.record(slot).content().is_some())
    }

    pub(super) fn forked(&self, chain: &ChainId) -> bool {
        self.set.fork(chain).is_some()
    }
}

fn word<R: icn_types::error::Coded>(verdict: Verdict<R>) -> &'static str {
    match verdict {
        Verdict::Valid => "valid",
        Verdict::Waiting => "waiting",
        Verdict::Invalid(breach) => breach.code(),
    }
}
