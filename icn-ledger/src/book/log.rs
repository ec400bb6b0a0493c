//! The entries in the order of the record: bytes, ids, dates.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use icn_types::canon::Writer;
use icn_types::hash::sha256;
use icn_types::time::Timestamp;

use super::entry::{Content, prev_in, write_linked};
use super::index::Index;
use super::name::{EntryId, EntryNumber};

/// Entries that are not in the index by id yet, at most.
const FRESH_MAX: usize = 64;

/// Every entry, append only; see [`undo`](Self::undo) for the one way back.
///
/// An id stands in the entry after it, so only the newest is kept beside.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// The bytes of all entries, one after the other.
    bytes: Writer,
    rows: Vec<Row>,
    head: Option<EntryId>,
    /// All but the newest entries, which are looked through one by one. Many at
    /// once are indexed faster: the processor does not wait for each in turn.
    by_id: Index,
    indexed: usize,
    /// Entries without a date.
    undated: Vec<EntryNumber>,
    /// Requests dated no earlier than any before them: in order as they come.
    straight: Vec<EntryNumber>,
    /// The other requests.
    back: BTreeSet<(Timestamp, EntryNumber)>,
    /// Entries dated into a period that was closed before.
    late: Vec<EntryNumber>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    /// Where its bytes end.
    end: usize,
    date: Timestamp,
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

    pub(super) const fn head(&self) -> Option<EntryId> {
        self.head
    }

    pub(super) fn find(&self, id: &EntryId) -> Option<EntryNumber> {
        let is_named = |number| self.id(EntryNumber::new(number)) == *id;
        let found = self.by_id.find(id.as_bytes(), is_named);
        let mut fresh = self.numbers(self.indexed).rev();
        found
            .or_else(|| fresh.find(|&number| is_named(number)))
            .map(EntryNumber::new)
    }

    pub(super) fn id(&self, number: EntryNumber) -> EntryId {
        let next = number.index() + 1;
        let stated = if next < self.rows.len() {
            prev_in(self.bytes_at(next))
        } else {
            self.head
        };
        stated.unwrap_or_else(|| EntryId::from_bytes(sha256(self.bytes(number))))
    }

    /// Numbers from a place on.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`next` gave no more numbers"
    )]
    fn numbers(&self, from: usize) -> core::ops::Range<u32> {
        from as u32..self.rows.len() as u32
    }

    pub(super) fn bytes(&self, number: EntryNumber) -> &[u8] {
        self.bytes_at(number.index())
    }

    fn bytes_at(&self, at: usize) -> &[u8] {
        let start = at.checked_sub(1).map_or(0, |before| self.rows[before].end);
        &self.bytes.as_bytes()[start..self.rows[at].end]
    }

    pub(super) fn date(&self, number: EntryNumber) -> Option<Timestamp> {
        let is_dated = self.undated.binary_search(&number).is_err();
        is_dated.then(|| self.request_date(number))
    }

    /// The date of an entry that is a request.
    pub(super) fn request_date(&self, number: EntryNumber) -> Timestamp {
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
        write_linked(&mut self.bytes, self.head, content);
        self.admit(number, start, date, is_late)
    }

    /// Appends the bytes of an entry that names [`head`](Self::head), as
    /// [`append`](Self::append) would have written them.
    pub(super) fn load(
        &mut self,
        number: EntryNumber,
        bytes: &[u8],
        date: Option<Timestamp>,
        is_late: bool,
    ) -> EntryId {
        let start = self.bytes.as_bytes().len();
        self.bytes.item(bytes);
        self.admit(number, start, date, is_late)
    }

    fn admit(
        &mut self,
        number: EntryNumber,
        start: usize,
        date: Option<Timestamp>,
        is_late: bool,
    ) -> EntryId {
        let id = EntryId::from_bytes(sha256(&self.bytes.as_bytes()[start..]));
        self.head = Some(id);
        match date {
            Some(date) if self.last_date().is_some_and(|last| date < last) => {
                self.back.insert((date, number));
            }
            Some(_) => self.straight.push(number),
            None => self.undated.push(number),
        }
        self.rows.push(Row {
            end: self.bytes.as_bytes().len(),
            date: date.unwrap_or_default(),
        });
        if is_late {
            self.late.push(number);
        }
        if self.rows.len() - self.indexed == FRESH_MAX {
            self.index();
        }
        id
    }

    /// The latest date of all requests.
    fn last_date(&self) -> Option<Timestamp> {
        self.straight.last().map(|&last| self.request_date(last))
    }

    fn index(&mut self) {
        let fresh = self.numbers(self.indexed);
        let ids: Vec<EntryId> = fresh
            .clone()
            .map(|at| self.id(EntryNumber::new(at)))
            .collect();
        self.by_id.touch(ids.iter().map(EntryId::as_bytes));
        for (id, number) in ids.iter().zip(fresh) {
            self.by_id.insert(id.as_bytes(), number);
        }
        self.indexed = self.rows.len();
    }

    /// Takes the newest entry out again, before anybody saw it.
    pub(super) fn undo(&mut self) {
        let (Some(at), Some(id)) = (self.rows.len().checked_sub(1), self.head) else {
            return;
        };
        self.head = prev_in(self.bytes_at(at));
        let date = self.rows.pop().map(|row| row.date).unwrap_or_default();
        let end = self.rows.last().map_or(0, |before| before.end);
        self.bytes.truncate(end);
        let Some(number) = self.next() else {
            return;
        };
        if at < self.indexed {
            self.by_id.pop(id.as_bytes(), number.get());
            self.indexed = at;
        }
        for list in [&mut self.undated, &mut self.straight, &mut self.late] {
            list.pop_if(|last| *last == number);
        }
        self.back.remove(&(date, number));
    }

    /// Requests by date and then by number, from a place in that order on.
    pub(super) fn by_date(
        &self,
        from: (Timestamp, EntryNumber),
    ) -> impl Iterator<Item = (Timestamp, EntryNumber)> + '_ {
        let place = |&number: &EntryNumber| (self.request_date(number), number);
        let first = self.straight.partition_point(|number| place(number) < from);
        let mut straight = self.straight[first..].iter().map(place).peekable();
        let mut back = self.back.range(from..).copied().peekable();
        core::iter::from_fn(move || match (straight.peek(), back.peek()) {
            (Some(here), Some(there)) if there < here => back.next(),
            (Some(_), _) => straight.next(),
            (None, _) => back.next(),
        })
    }
}

#[cfg(test)]
impl Log {
    /// Gives the newest entry another id.
    pub(super) fn forge(&mut self) {
        self.head = Some(EntryId::from_bytes([9; 32]));
    }

    /// Takes the last byte of an entry for the first of the next one.
    pub(super) fn cut(&mut self, number: EntryNumber) {
        self.rows[number.index()].end -= 1;
    }
}
