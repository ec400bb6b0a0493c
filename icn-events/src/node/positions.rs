//! Positions: where the journal holds each record of the set.

/// The journal holds records in the order in which the set stored them, but for
/// those that came without their content first: they stand there once more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Positions {
    /// Records of the set.
    records: u64,
    /// Positions at which a record stands once more, ascending, each with the
    /// number of the record.
    again: Vec<(u64, u64)>,
}

impl Positions {
    /// Of a journal whose positions hold these records, by their number.
    pub(super) fn of(records: impl IntoIterator<Item = usize>) -> Self {
        let mut positions = Self::default();
        let records = records.into_iter();
        records.for_each(|record| positions.note(record));
        positions
    }

    /// Of a journal that holds so many records, some of them once more at these
    /// positions. `None` with more than a set can hold.
    pub(super) fn with_again(records: u64, again: Vec<(u64, u64)>) -> Option<Self> {
        u32::try_from(records).ok()?;
        Some(Self { records, again })
    }

    /// The next position holds a record that is new, or one that was here before.
    pub(super) fn note(&mut self, record: usize) {
        let record = record as u64;
        if record == self.records {
            self.records += 1;
        } else {
            self.again.push((self.len(), record));
        }
    }

    /// Records of the set.
    pub(super) const fn records(&self) -> u64 {
        self.records
    }

    /// How many positions there are.
    pub(super) const fn len(&self) -> u64 {
        self.records + self.again.len() as u64
    }

    /// Positions at which a record stands once more, ascending.
    pub(super) fn again(&self) -> &[(u64, u64)] {
        &self.again
    }

    /// The position that holds a record with all that is known of it. Costs a
    /// look at those that stand there twice.
    pub(super) fn whole(&self, record: usize) -> u64 {
        let record = record as u64;
        let again = self.again.iter().find(|(_, other)| *other == record);
        if let Some(&(position, _)) = again {
            return position;
        }
        let mut position = record;
        for &(again, _) in &self.again {
            position += u64::from(again <= position);
        }
        position
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
    fn no_journal_holds_more_records_than_a_set() {
        assert_eq!(Positions::with_again(u64::MAX, vec![(0, 0)]), None);
        let most = Positions::with_again(u64::from(u32::MAX), vec![(0, 0)]);
        assert_eq!(most.unwrap().len(), 1 << 32);
    }
}
