//! An account as rows and back, field by field.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use icn_types::index::{Directory, Index};
use icn_types::set::{RecordSet, Slot};

use super::{Account, LegAt, Part, Source};
use crate::bounds::Sums;
use crate::decided::Taken;
use crate::settle::Settlements;
use crate::snapshot::{Cell, Pages, Reading, RestoreError, Row, Sum, number};

impl Account {
    pub(crate) fn write(&self, into: &mut Pages) {
        let Self {
            sums,
            unsealed,
            parts,
            taken,
            refused,
            operations,
            answered,
            resolved,
            refunded,
            cover,
            floor,
            envelopes,
            given,
            closed,
            ruled,
            settlements,
        } = self;
        into.row(sums);
        into.row(&(*floor, *closed));
        into.table(
            unsealed
                .iter()
                .map(|(&source, &atoms)| (source, Sum(atoms))),
        );
        let parts: Vec<Part> = parts.values().flatten().copied().collect();
        into.table(parts.into_iter());
        into.table(taken.iter().copied());
        into.table(refused.iter().copied());
        let operations: Vec<_> = operations.iter().copied().collect();
        into.table(operations.into_iter());
        let entries: Vec<_> = answered.entries().collect();
        into.table(entries.into_iter());
        into.table(answered.spilled().map(|(key, slot)| (*key, number(slot))));
        into.table(resolved.iter().map(|(&hold, &by)| (hold, by)));
        into.table(refunded.iter().map(|(&leg, &sum)| (leg, sum)));
        let heads: Vec<Slot> = cover.values().flatten().copied().collect();
        into.table(heads.into_iter());
        into.table(
            envelopes
                .iter()
                .map(|(&envelope, &taken)| (envelope, taken)),
        );
        into.table(given.iter().map(|(&giver, &atoms)| (giver, Sum(atoms))));
        into.table(ruled.iter().copied());
        settlements.write(into);
    }

    /// The account that was written.
    pub(crate) fn read<P: AsRef<[u8]>>(from: &mut Reading<'_, P>) -> Result<Self, RestoreError> {
        let set = from.set();
        let sums = from.row()?;
        let (floor, closed) = from.row()?;
        let unsealed = from.table()?.into_iter();
        Ok(Self {
            sums,
            floor,
            closed,
            unsealed: unsealed
                .map(|(source, Sum(atoms))| (source, atoms))
                .collect(),
            parts: grouped(from.table()?, |part: &Part| part.hold.chain),
            taken: from.table()?.into_iter().collect(),
            refused: from.table()?.into_iter().collect(),
            operations: read_operations(from)?,
            answered: read_answered(from)?,
            resolved: from.table()?.into_iter().collect(),
            refunded: from.table()?.into_iter().collect(),
            cover: grouped(from.table()?, |head| set.chain(*head)),
            envelopes: from.table()?.into_iter().collect(),
            given: {
                let given = from.table()?.into_iter();
                given.map(|(giver, Sum(atoms))| (giver, atoms)).collect()
            },
            ruled: from.table()?.into_iter().collect(),
            settlements: Settlements::read(from)?,
        })
    }
}

fn grouped<K: Ord, T>(rows: Vec<T>, by: impl Fn(&T) -> K) -> BTreeMap<K, Vec<T>> {
    let mut groups: BTreeMap<K, Vec<T>> = BTreeMap::new();
    for row in rows {
        groups.entry(by(&row)).or_default().push(row);
    }
    groups
}

fn read_operations<P: AsRef<[u8]>>(
    from: &mut Reading<'_, P>,
) -> Result<Directory<icn_types::id::OperationKey, Slot>, RestoreError> {
    let rows = from.table()?;
    let mut operations = Directory::new();
    operations.reserve(rows.len());
    for (at, (key, slot)) in rows.into_iter().enumerate() {
        if operations.insert(key, slot) != at {
            return Err(from.bad_row()); // a key has one record
        }
    }
    Ok(operations)
}

type Answered = Index<(icn_types::id::ChainId, icn_types::id::OperationKey)>;

/// The keys are in records that need not be at hand, so that the index is read as
/// it lay.
fn read_answered<P: AsRef<[u8]>>(from: &mut Reading<'_, P>) -> Result<Answered, RestoreError> {
    let entries: Vec<(u32, Slot)> = from.table()?;
    let entries: Vec<_> = entries
        .into_iter()
        .map(|(spread, slot)| (spread, number(slot.index())))
        .collect();
    let spilled: Vec<(_, Slot)> = from.table()?;
    let spilled = spilled.into_iter().map(|(key, slot)| (key, slot.index()));
    Index::restore(&entries, spilled).ok_or_else(|| from.bad_row())
}

impl Cell for LegAt {
    const LEN: usize = Slot::LEN + u8::LEN;

    fn put(&self, into: &mut Vec<u8>) {
        (self.slot, self.leg).put(into);
    }

    fn take(from: &mut Row<'_>) -> Option<Self> {
        let (slot, leg) = Cell::take(from)?;
        Some(Self { slot, leg })
    }
}

/// Its chain is the one that the record lies on.
impl Cell for Source {
    const LEN: usize = Slot::LEN;

    fn put(&self, into: &mut Vec<u8>) {
        self.slot.put(into);
    }

    fn take(from: &mut Row<'_>) -> Option<Self> {
        let slot = Slot::take(from)?;
        let chain = RecordSet::chain_of(from.set(), slot);
        Some(Self { chain, slot })
    }
}

impl Cell for Part {
    const LEN: usize = 2 * Source::LEN + Sum::LEN;

    fn put(&self, into: &mut Vec<u8>) {
        (self.hold, self.resolve, Sum(self.amount)).put(into);
    }

    fn take(from: &mut Row<'_>) -> Option<Self> {
        let (hold, resolve, Sum(amount)) = Cell::take(from)?;
        Some(Self {
            hold,
            resolve,
            amount,
        })
    }
}

impl Cell for Sums {
    const LEN: usize = 4 * Sum::LEN;

    fn put(&self, into: &mut Vec<u8>) {
        let Self {
            sealed,
            unsealed,
            sent,
            held,
        } = *self;
        (Sum(sealed), Sum(unsealed), Sum(sent), Sum(held)).put(into);
    }

    fn take(from: &mut Row<'_>) -> Option<Self> {
        let (Sum(sealed), Sum(unsealed), Sum(sent), Sum(held)) = Cell::take(from)?;
        Some(Self {
            sealed,
            unsealed,
            sent,
            held,
        })
    }
}

/// Payments are records, so that 32 bits count them.
impl Cell for Taken {
    const LEN: usize = Sum::LEN + u32::LEN;

    fn put(&self, into: &mut Vec<u8>) {
        let payments = u32::try_from(self.payments).unwrap_or(u32::MAX);
        (Sum(self.total), payments).put(into);
    }

    fn take(from: &mut Row<'_>) -> Option<Self> {
        let (Sum(total), payments): (_, u32) = Cell::take(from)?;
        Some(Self {
            total,
            payments: payments.into(),
        })
    }
}
