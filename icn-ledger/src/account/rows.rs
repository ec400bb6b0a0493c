//! An account as rows and back, field by field.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use icn_types::id::{ChainId, OperationKey};
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
) -> Result<Directory<OperationKey, Slot>, RestoreError> {
    let rows = from.table()?;
    Directory::of(rows).map_err(|_| from.bad_row()) // a key has one record
}

type Answered = Index<(ChainId, OperationKey)>;

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

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::format;

    use icn_types::authority::ProposalId;
    use icn_types::id::UnitId;
    use icn_types::record::Kind;
    use icn_types::testkit::stage::{GRANT, Stage};
    use icn_types::time::Timestamp;

    use super::*;
    use crate::settle::Paid;

    const PROPOSAL: ProposalId = ProposalId::from_bytes([8; 32]);

    const fn key(number: u8) -> OperationKey {
        OperationKey::from_bytes([number; 32])
    }

    /// A set with records of three chains in turns.
    fn stage() -> Stage {
        let mut stage = Stage::new(1, 3);
        let topic = stage.ledger(UnitId::from_bytes([1; 32]));
        let chains = [0, 1, 2].map(|member| stage.open_member(member, &topic, Some(GRANT)));
        for number in 0..12_u64 {
            let chain = chains[usize::try_from(number % 3).unwrap()];
            stage.write(&chain, Kind::new(67), &[], &number);
        }
        stage
    }

    /// An account all of whose fields say something else.
    fn full(set: &RecordSet) -> Account {
        let slot = |index| set.slot(index).unwrap();
        let source = |index| Source {
            chain: set.chain_of(slot(index)),
            slot: slot(index),
        };
        let leg = |index, leg| LegAt {
            slot: slot(index),
            leg,
        };
        let part = |hold, resolve| Part {
            hold: source(hold),
            resolve: source(resolve),
            amount: 40 + resolve as i128,
        };
        let chain = |index| set.chain(slot(index));
        let parts = Vec::from([part(4, 5), part(4, 6), part(7, 8)]);
        let heads = Vec::from([slot(5), slot(8), slot(6)]);
        let mut operations = Directory::new();
        let mut settlements = Settlements::default();
        for number in 0..9 {
            operations.insert(key(9 - number), slot(usize::from(number)));
        }
        for (index, atoms) in [(5, 6), (6, 7), (7, 8)] {
            let (by, debtor) = (slot(index), chain(index));
            settlements.pay(leg(index + 1, 1), Paid { by, debtor, atoms });
        }
        settlements.regain(leg(6, 1), slot(5));
        settlements.replace(leg(9, 2), slot(10));
        let envelope = (PROPOSAL, 3);
        let taken = Taken {
            total: 77,
            payments: 5,
        };
        let spilled = [((chain(4), key(1)), 6), ((chain(5), key(2)), 7)];
        Account {
            sums: Sums {
                sealed: 1 << 70,
                unsealed: -2,
                sent: 3,
                held: 4,
            },
            unsealed: BTreeMap::from([(source(4), 11), (source(6), -12)]),
            parts: grouped(parts, |part: &Part| part.hold.chain),
            taken: BTreeSet::from([leg(3, 0), leg(3, 255), leg(4, 1)]),
            refused: BTreeSet::from([leg(4, 1)]),
            operations,
            answered: Index::restore(&[(9, 4), (9, 5), (12, 3)], spilled.into_iter()).unwrap(),
            resolved: BTreeMap::from([(slot(2), slot(3)), (slot(5), slot(3))]),
            refunded: BTreeMap::from([(leg(3, 0), u64::MAX)]),
            cover: grouped(heads, |head| set.chain(*head)),
            floor: Some(-100),
            envelopes: BTreeMap::from([(envelope, taken)]),
            given: BTreeMap::from([((chain(4), envelope), 13), ((chain(5), envelope), 14)]),
            closed: Some(Timestamp::from_millis(15)),
            ruled: BTreeSet::from([slot(11), slot(3)]),
            settlements,
        }
    }

    fn again(account: &Account, set: &RecordSet) -> Result<Account, RestoreError> {
        let mut pages = Pages::default();
        account.write(&mut pages);
        let mut pages = pages.into_vec().into_iter();
        let mut from = Reading::new(set, &mut pages);
        let account = Account::read(&mut from)?;
        from.finish().map(|()| account)
    }

    #[test]
    fn every_field_of_an_account_is_read_back() {
        let stage = stage();
        for account in [Account::default(), full(&stage.set)] {
            let read = again(&account, &stage.set).unwrap();
            assert_eq!(format!("{read:#?}"), format!("{account:#?}"));
        }
        let shown = format!("{:?}", full(&stage.set));
        assert!(!shown.contains("None") && !shown.contains("[]"), "{shown}");
        let empty = shown.matches("{}").count();
        assert_eq!(empty, 1, "keys of operations that spilled: {shown}");
    }

    #[test]
    fn what_no_account_can_say_is_no_row() {
        let stage = stage();
        let set = &stage.set;
        let bad = |account: &Account| again(account, set).unwrap_err();
        let mut account = full(set);
        account.sums.sent = 1 << 105;
        assert_eq!(bad(&account), RestoreError::Row { page: 0 });
        let mut account = full(set);
        account
            .answered
            .insert(&(set.authority(), key(3)), set.len());
        assert_eq!(bad(&account), RestoreError::Row { page: 0 });
        let crowded: Vec<(u32, u32)> = (0..8).map(|number| (0, number)).collect();
        let mut pages = Pages::default();
        pages.table(crowded.into_iter());
        pages.table(core::iter::empty::<((ChainId, OperationKey), Slot)>());
        pages.table([(key(1), 1_u32), (key(1), 2)].into_iter());
        let mut pages = pages.into_vec().into_iter();
        let mut from = Reading::new(set, &mut pages);
        let row = RestoreError::Row { page: 0 };
        assert_eq!(read_answered(&mut from).unwrap_err(), row);
        assert_eq!(read_operations(&mut from).unwrap_err(), row);
    }
}
