//! Entries of all accounts: by id, by operation key, by date, by cause.

use core::ops::Bound;

use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::set::Label;
use icn_types::time::Timestamp;

use crate::entry::Entry;
use crate::legs::{self, LegId, taken};
use crate::position::Finality;
use crate::query::Query;
use crate::query::line::stated;
use crate::query::page::{Cursor, Order, Page, PageSize, page};

/// One Valid entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// The record.
    pub record: RecordId,
    /// The account whose writer wrote it.
    pub chain: ChainId,
    /// Its position on that chain.
    pub seq: u64,
    /// The date that its author states.
    pub stated: Timestamp,
    /// The date under which reports show it: the stated one, or the first that
    /// was open on its chain.
    pub date: Timestamp,
    /// What it counts as.
    pub label: Label,
    /// The least final of what it moves; of an entry that moves nothing,
    /// whether it is sealed.
    pub finality: Finality,
    /// What it was written for.
    pub cause: Option<RecordId>,
    /// What it says.
    pub entry: Entry,
}

impl Listed {
    /// Right after this entry, in a listing by date or by cause.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor::by_date(self.date, self.record)
    }
}

/// A range of dates, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a range has two ends")]
pub struct Dates {
    /// First date.
    pub from: Timestamp,
    /// Last date.
    pub until: Timestamp,
}

impl Dates {
    /// All of time.
    pub const ALL: Self = Self {
        from: Timestamp::from_millis(0),
        until: Timestamp::from_millis(u64::MAX),
    };
}

pub(super) type Key = (Timestamp, RecordId);

impl Query<'_> {
    /// An entry by the id of its record. `None` when it is not Valid or not
    /// canonical.
    #[must_use]
    pub fn entry(&self, record: &RecordId) -> Option<Listed> {
        let label = self.label(record)?;
        let slot = self.set.find(record)?;
        let stored = self.set.record(slot);
        let entry = Entry::of(stored)?;
        Some(Listed {
            record: *record,
            chain: stored.chain(),
            seq: stored.seq(),
            stated: stated(self.set, slot, &entry),
            date: self.date(slot, &entry),
            label,
            finality: self.finality_of(record, &entry),
            cause: stored.content()?.cause(),
            entry,
        })
    }

    /// The payment, hold, refund, settlement or bundle of an account under an
    /// operation key.
    #[must_use]
    pub fn by_key(&self, chain: &ChainId, key: &OperationKey) -> Option<Listed> {
        self.entry(&self.ledger.payment(self.set, chain, key)?)
    }

    /// Entries of all accounts by date, whatever they count as.
    ///
    /// Costs O(log n) and the rows. An entry that arrives while somebody pages
    /// is met once or, before the cursor, not at all.
    #[must_use]
    pub fn by_date(
        &self,
        dates: Dates,
        order: Order,
        after: Option<Cursor>,
        size: PageSize,
    ) -> Page<Listed> {
        let Some((low, high)) = bounds(dates, order, after) else {
            return page(core::iter::empty(), size, Listed::cursor);
        };
        let keys = self.register.dates.range((low, high));
        let ids = keys.map(|(_, record)| record);
        match order {
            Order::OldestFirst => self.listed(ids, size),
            Order::NewestFirst => self.listed(ids.rev(), size),
        }
    }

    /// Entries that name `cause`, by date, whatever they count as.
    ///
    /// Costs O(log n) and the rows.
    #[must_use]
    pub fn by_cause(
        &self,
        cause: RecordId,
        order: Order,
        after: Option<Cursor>,
        size: PageSize,
    ) -> Page<Listed> {
        let Some((low, high)) = bounds(Dates::ALL, order, after) else {
            return page(core::iter::empty(), size, Listed::cursor);
        };
        let with_cause = |(date, record): Key| (cause, date, record);
        let keys = (low.map(with_cause), high.map(with_cause));
        let ids = self
            .register
            .causes
            .range(keys)
            .map(|(_, _, record)| record);
        match order {
            Order::OldestFirst => self.listed(ids, size),
            Order::NewestFirst => self.listed(ids.rev(), size),
        }
    }

    fn listed<'k>(&self, ids: impl Iterator<Item = &'k RecordId>, size: PageSize) -> Page<Listed> {
        page(ids.filter_map(|id| self.entry(id)), size, Listed::cursor)
    }

    fn finality_of(&self, record: &RecordId, entry: &Entry) -> Finality {
        let content = self.set.find(record).map(|slot| self.set.record(slot));
        let content = content.and_then(|record| record.content());
        let of_taken = |legs| {
            let legs = content.map(|content| taken(content, legs));
            legs.into_iter()
                .flatten()
                .map(|leg| self.finality(&leg))
                .min()
        };
        let own = || {
            let sent = legs::sent(self.set, self.set.find(record)?, entry);
            let record = *record;
            let legs = sent.into_iter().map(|(leg, _)| LegId { record, leg });
            legs.map(|leg| self.finality(&leg)).min()
        };
        let least = match entry {
            Entry::Payment(_) | Entry::Resolve(_) | Entry::Refund(_) | Entry::Settlement(_) => {
                own()
            }
            Entry::Ack(ack) => of_taken(&ack.legs),
            Entry::Refuse(refuse) => own().min(of_taken(&refuse.legs)),
            Entry::Hold(_) | Entry::Note(_) | Entry::Remark(_) => None,
        };
        match least {
            Some(least) => least,
            None if self.is_sealed(record) => Finality::Sealed,
            None => Finality::Local,
        }
    }
}

/// The keys that are left after a cursor. `None` when there are none.
pub(super) fn bounds(
    dates: Dates,
    order: Order,
    after: Option<Cursor>,
) -> Option<(Bound<Key>, Bound<Key>)> {
    let first = (dates.from, RecordId::from_bytes([0; 32]));
    let last = (dates.until, RecordId::from_bytes([0xff; 32]));
    let key = after.map(|after| (Timestamp::from_millis(after.key), after.record));
    let (low, high, is_range) = match (order, key) {
        (Order::OldestFirst, Some(key)) if key >= first => {
            (Bound::Excluded(key), Bound::Included(last), key < last)
        }
        (Order::NewestFirst, Some(key)) if key <= last => {
            (Bound::Included(first), Bound::Excluded(key), first < key)
        }
        _ => (Bound::Included(first), Bound::Included(last), first <= last),
    };
    is_range.then_some((low, high))
}
