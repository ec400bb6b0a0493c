//! Questions: entries and positions.

use icn_types::amount::Position;
use icn_types::time::Timestamp;

use super::Book;
use super::cells::{CellKey, View};
use super::entry::Recorded;
use super::error::QueryError;
use super::limits::Limits;
use super::name::{AccountKey, EntryId, EntryNumber, UnitKey};

/// Where an account stands in a unit now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Standing {
    /// Positive: the others owe the account. Negative: it owes them.
    pub position: Position,
    /// Set aside to be paid, in atoms; still in the position.
    pub held_out: u128,
    /// Set aside to be received, in atoms; not yet in the position.
    pub held_in: u128,
    /// How far it may go.
    pub limits: Limits,
    /// What it may pay in atoms, negative beyond its floor; none without one.
    pub available: Option<i128>,
    /// What it may take in atoms, negative beyond its ceiling; none without
    /// one.
    pub room: Option<i128>,
}

impl Standing {
    pub(super) fn of(cell: View) -> Self {
        Self {
            position: Position::new(cell.position),
            held_out: cell.aside.out.unsigned_abs(),
            held_in: cell.aside.into.unsigned_abs(),
            limits: cell.limits,
            available: cell.available(),
            room: cell.room(),
        }
    }
}

impl Book {
    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.log.len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.log.len() == 0
    }

    /// The id of the newest entry. It stands for the whole book: books with
    /// equal heads have equal entries.
    #[must_use]
    pub fn head(&self) -> Option<EntryId> {
        self.log.head()
    }

    /// The entry with this number.
    #[must_use]
    pub fn entry(&self, number: EntryNumber) -> Option<Recorded<'_>> {
        let exists = number.index() < self.log.len();
        exists.then(|| Recorded::new(&self.log, number))
    }

    /// The entry with this id. Cost is the same in any book.
    #[must_use]
    pub fn find(&self, id: &EntryId) -> Option<Recorded<'_>> {
        let number = self.log.find(id)?;
        Some(Recorded::new(&self.log, number))
    }

    /// Every entry, in the order of the record. Their bytes are the book.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = Recorded<'_>> + ExactSizeIterator {
        #[expect(clippy::cast_possible_truncation, reason = "numbers are 32 bits wide")]
        let len = self.log.len() as u32;
        (0..len).map(|number| Recorded::new(&self.log, EntryNumber::new(number)))
    }

    /// Where an account stands in a unit. Cost is the same in any book.
    ///
    /// # Errors
    /// [`QueryError::NotOpen`] when it is not open in the unit.
    pub fn standing(&self, account: AccountKey, unit: UnitKey) -> Result<Standing, QueryError> {
        let cell = self.known_cell(account, unit)?;
        Ok(Standing::of(self.cells.view(cell)))
    }

    pub(super) fn known_cell(
        &self,
        account: AccountKey,
        unit: UnitKey,
    ) -> Result<CellKey, QueryError> {
        let cell = self.cells.find(account, unit);
        cell.ok_or(QueryError::NotOpen { account, unit })
    }

    /// The end of the last closed period.
    #[must_use]
    pub fn closed_through(&self) -> Option<Timestamp> {
        self.closes.last().map(|&(_, through)| through)
    }

    /// Whether a date lies in a closed period.
    pub(super) fn is_closed(&self, date: Timestamp) -> bool {
        self.closed_through().is_some_and(|end| date <= end)
    }
}
