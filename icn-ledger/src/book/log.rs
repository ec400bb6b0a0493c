//! The entries in the order of the record: bytes, ids, dates.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use icn_types::canon::Writer;
use icn_types::hash::sha256;
use icn_types::time::Timestamp;

use super::entry::{Content, write_linked};
use super::index::Index;
use super::name::{EntryId, EntryNumber};

/// Every entry, append only; see [`undo`](Self::undo) for the one way back.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// The bytes of all entries, one after the other.
    bytes: Writer,
    rows: Vec<Row>,
    by_id: Index,
    dates: Dates,
    /// Entries dated into a period that was closed before.
    late: Vec<EntryNumber>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    id: EntryId,
    /// Where its bytes end.
    end: usize,
    date: Option<Timestamp>,
}

/// Requests by date.
#[derive(Clone, Debug, Default)]
struct Dates {
    /// Those dated no earlier than any before them: in order as they come.
    straight: Vec<(Timestamp, EntryNumber)>,
    /// The others.
    back: BTreeSet<(Timestamp, EntryNumber)>,
}

impl Log {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The number of the next entry; none when the book is full.
    pub(super) fn next(&self) -> Option<EntryNumber> {
        let number = u32::try_from(self.rows.len()).ok()?;
        (number < u32::MAX).then_some(EntryNumber::new(number))
    }

    pub(super) fn head(&self) -> Option<EntryId> {
        self.rows.last().map(|row| row.id)
    }

    pub(super) fn find(&self, id: &EntryId) -> Option<EntryNumber> {
        let is_named = |number| self.id(EntryNumber::new(number)) == *id;
        self.by_id
            .find(id.as_bytes(), is_named)
            .map(EntryNumber::new)
    }

    pub(super) fn id(&self, number: EntryNumber) -> EntryId {
        self.rows[number.index()].id
    }

    pub(super) fn bytes(&self, number: EntryNumber) -> &[u8] {
        let start = match number.index().checked_sub(1) {
            Some(before) => self.rows[before].end,
            None => 0,
        };
        &self.bytes.as_bytes()[start..self.rows[number.index()].end]
    }

    pub(super) fn date(&self, number: EntryNumber) -> Option<Timestamp> {
        self.rows[number.index()].date
    }

    pub(super) fn is_late(&self, number: EntryNumber) -> bool {
        self.late.binary_search(&number).is_ok()
    }

    pub(super) fn late(&self) -> &[EntryNumber] {
        &self.late
    }

    /// Appends an entry under the number that [`next`](Self::next) gave.
    pub(super) fn append<C: Content>(
        &mut self,
        number: EntryNumber,
        content: &C,
        date: Option<Timestamp>,
        is_late: bool,
    ) -> EntryId {
        let start = self.bytes.as_bytes().len();
        let prev = self.head();
        write_linked(&mut self.bytes, prev, content);
        let id = EntryId::from_bytes(sha256(&self.bytes.as_bytes()[start..]));
        let end = self.bytes.as_bytes().len();
        self.rows.push(Row { id, end, date });
        self.by_id.insert(id.as_bytes(), number.get());
        if let Some(date) = date {
            self.dates.insert(date, number);
        }
        if is_late {
            self.late.push(number);
        }
        id
    }

    /// Takes the newest entry out again, before anybody saw it.
    pub(super) fn undo(&mut self) {
        let Some(row) = self.rows.pop() else {
            return;
        };
        let number = self.next().unwrap_or(EntryNumber::new(u32::MAX));
        let end = self.rows.last().map_or(0, |before| before.end);
        self.bytes.truncate(end);
        self.by_id.pop(row.id.as_bytes(), number.get());
        if let Some(date) = row.date {
            self.dates.pop(date, number);
        }
        if self.late.last() == Some(&number) {
            self.late.pop();
        }
    }

    /// Requests by date and then by number, from a place in that order on.
    pub(super) fn by_date(
        &self,
        from: (Timestamp, EntryNumber),
    ) -> impl Iterator<Item = (Timestamp, EntryNumber)> + '_ {
        self.dates.from(from)
    }
}

#[cfg(test)]
impl Log {
    /// Gives an entry another id.
    pub(super) fn forge(&mut self, number: EntryNumber) {
        self.rows[number.index()].id = EntryId::from_bytes([9; 32]);
    }

    /// Takes the last byte of an entry for the first of the next one.
    pub(super) fn cut(&mut self, number: EntryNumber) {
        self.rows[number.index()].end -= 1;
    }
}

impl Dates {
    fn insert(&mut self, date: Timestamp, number: EntryNumber) {
        if self.straight.last().is_some_and(|&(last, _)| date < last) {
            self.back.insert((date, number));
        } else {
            self.straight.push((date, number));
        }
    }

    fn pop(&mut self, date: Timestamp, number: EntryNumber) {
        if self.straight.last() == Some(&(date, number)) {
            self.straight.pop();
        } else {
            self.back.remove(&(date, number));
        }
    }

    fn from(
        &self,
        from: (Timestamp, EntryNumber),
    ) -> impl Iterator<Item = (Timestamp, EntryNumber)> + '_ {
        let first = self.straight.partition_point(|place| *place < from);
        let mut straight = self.straight[first..].iter().copied().peekable();
        let mut back = self.back.range(from..).copied().peekable();
        core::iter::from_fn(move || match (straight.peek(), back.peek()) {
            (Some(here), Some(there)) if there < here => back.next(),
            (Some(_), _) => straight.next(),
            (None, _) => back.next(),
        })
    }
}
