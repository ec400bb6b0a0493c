//! Positions: where the journal holds each record of the set.

use std::collections::BTreeMap;

/// The journal holds records in the order in which the set stored them, but for
/// those that came without their content first: they stand there once more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Positions {
    /// Records of the set.
    records: u64,
    /// Records that stand once more, by their numbers, in the order of the journal.
    again: Vec<Again>,
    /// The last positions of these.
    last: BTreeMap<u64, u64>,
}

/// A record that stands in the journal once more, whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Again {
    /// How many records of the set stand before it.
    pub(super) behind: u64,
    /// Its number among them.
    pub(super) record: u64,
}

impl Positions {
    /// Of a journal whose positions hold these records, by their number.
    pub(super) fn of(records: impl IntoIterator<Item = usize>) -> Self {
        let mut positions = Self::default();
        let records = records.into_iter();
        records.for_each(|record| positions.note(record));
        positions
    }

    /// Of a journal that holds so many records, and some of them once more. `None`
    /// where no journal can.
    pub(super) fn with_again(records: u64, again: impl IntoIterator<Item = Again>) -> Option<Self> {
        u32::try_from(records).ok()?;
        let mut positions = Self::default();
        for Again { behind, record } in again {
            if behind < positions.records || behind > records || record >= behind {
                return None;
            }
            positions.records = behind;
            positions.repeat(record);
        }
        positions.records = records;
        Some(positions)
    }

    /// The next position holds a record that is new, or one that was here before.
    pub(super) fn note(&mut self, record: usize) {
        let record = record as u64;
        if record == self.records {
            self.records += 1;
        } else {
            self.repeat(record);
        }
    }

    fn repeat(&mut self, record: u64) {
        self.last.insert(record, self.len());
        let behind = self.records;
        self.again.push(Again { behind, record });
    }

    /// Records of the set.
    pub(super) const fn records(&self) -> u64 {
        self.records
    }

    /// How many positions there are.
    pub(super) const fn len(&self) -> u64 {
        self.records + self.again.len() as u64
    }

    /// Records that stand once more, in the order of the journal.
    pub(super) fn again(&self) -> &[Again] {
        &self.again
    }

    /// The position that holds a record with all that is known of it. Costs
    /// O(log n) in those that stand there twice.
    pub(super) fn whole(&self, record: usize) -> u64 {
        let record = record as u64;
        let first = || {
            let before = self.again.partition_point(|again| again.behind <= record);
            record + before as u64
        };
        self.last.get(&record).copied().unwrap_or_else(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_is_found_where_it_stands_last() {
        for journal in [
            &[][..],
            &[0, 1, 2],
            &[0, 1, 0, 2, 3],
            &[0, 1, 0, 1, 2, 2, 3],
            &[0, 0],
            &[0, 1, 2, 3, 3, 0, 4, 5],
        ] {
            let positions = Positions::of(journal.iter().copied());
            assert_eq!(positions.len(), journal.len() as u64);
            for record in journal {
                let last = journal.iter().rposition(|other| other == record).unwrap();
                assert_eq!(positions.whole(*record), last as u64, "{journal:?}");
            }
            let records = journal.iter().max().map_or(0, |last| *last as u64 + 1);
            let again = positions.again().to_vec();
            assert_eq!(Positions::with_again(records, again), Some(positions));
        }
    }

    #[test]
    fn a_journal_holds_a_set_and_what_of_it_stands_once_more() {
        assert_eq!(Positions::with_again(u64::MAX, []), None);
        let again = |behind, record| Again { behind, record };
        let most = Positions::with_again(u64::from(u32::MAX), [again(1, 0)]);
        assert_eq!(most.unwrap().len(), 1 << 32);
        for none in [
            &[again(4, 0)][..],
            &[again(2, 2)],
            &[again(0, 0)],
            &[again(3, 0), again(2, 0)],
        ] {
            assert_eq!(Positions::with_again(3, none.iter().copied()), None);
        }
    }
}
