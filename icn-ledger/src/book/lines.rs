//! Lists that are read page by page, each from an index.
//!
//! Every list is an iterator, and takes the last item of a page as the place
//! where the next page starts. Entries that were added between two pages neither
//! repeat nor hide a line.

use icn_types::amount::Position;
use icn_types::time::Timestamp;

use super::Book;
use super::cells::Steps;
use super::entry::Recorded;
use super::error::QueryError;
use super::holds::Held;
use super::name::{AccountKey, CauseId, EntryNumber, StepNumber, UnitKey};
use super::request::Hold;

/// One change of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// Its place among all changes: the cursor of the next page.
    pub step: StepNumber,
    /// The entry that made it.
    pub entry: EntryNumber,
    /// The date of the entry.
    pub date: Timestamp,
    /// What changed, in atoms; negative for a payer.
    pub change: i128,
    /// The position after it, in the order of the list.
    pub position: Position,
    /// Whether the entry is dated into a period that was closed when it came.
    pub is_late: bool,
}

/// Changes of one position, newest first.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    book: &'a Book,
    steps: Steps<'a>,
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let (number, step, change) = self.steps.next()?;
        Some(Line {
            step: number,
            entry: step.entry,
            date: self.book.log.request_date(step.entry),
            change,
            position: Position::new(step.after()),
            is_late: self.book.log.is_late(step.entry),
        })
    }
}

impl Book {
    /// Changes of a position, newest first: all of them, or those after the last
    /// line of a page. Each line costs the same in any book.
    ///
    /// # Errors
    /// - [`QueryError::NotOpen`] when the account is not open in the unit;
    /// - [`QueryError::Cursor`] when the cursor is of another list.
    pub fn lines(
        &self,
        account: AccountKey,
        unit: UnitKey,
        after: Option<StepNumber>,
    ) -> Result<Lines<'_>, QueryError> {
        let cell = self.known_cell(account, unit)?;
        let steps = self.cells.back(cell, after).ok_or(QueryError::Cursor)?;
        Ok(Lines { book: self, steps })
    }

    /// Entries that name an id as cause or decision, newest first: all of them,
    /// or those after the last entry of a page.
    pub fn by_cause(
        &self,
        cause: &CauseId,
        after: Option<EntryNumber>,
    ) -> impl Iterator<Item = Recorded<'_>> {
        let numbers = self.causes.back(cause, after);
        numbers.map(|number| Recorded::new(&self.log, number))
    }

    /// Requests dated from `from` to before `end`, in the order of date and then
    /// number: all of them, or those after the last entry of a page.
    pub fn by_date(
        &self,
        dates: core::ops::Range<Timestamp>,
        after: Option<EntryNumber>,
    ) -> impl Iterator<Item = Recorded<'_>> {
        let start = (dates.start, EntryNumber::new(0));
        let last = after.and_then(|number| Some((self.entry(number)?.date()?, number)));
        let from = last.map_or(start, |last| last.max(start));
        self.log
            .by_date(from)
            .skip_while(move |place| Some(*place) == last)
            .take_while(move |(date, _)| *date < dates.end)
            .map(|(_, number)| Recorded::new(&self.log, number))
    }

    /// Entries dated into a period that was closed when they came, in the order
    /// of the record.
    pub fn late(&self) -> impl DoubleEndedIterator<Item = Recorded<'_>> {
        let late = self.log.late().iter();
        late.map(|&number| Recorded::new(&self.log, number))
    }

    /// The ends of closed periods with the entries that closed them.
    pub fn closes(&self) -> impl DoubleEndedIterator<Item = (EntryNumber, Timestamp)> {
        self.closes.iter().copied()
    }

    /// Holds that are not resolved, oldest first, with the entries that made
    /// them.
    pub fn open_holds(&self) -> impl Iterator<Item = (EntryNumber, Hold)> {
        let hold = |held: &Held| {
            let (payer, payee) = (self.cells.of(held.payer), self.cells.of(held.payee));
            Hold {
                payer: payer.account,
                payee: payee.account,
                unit: payer.unit,
                amount: held.amount,
            }
        };
        self.holds.open().map(move |held| (held.entry, hold(held)))
    }
}
