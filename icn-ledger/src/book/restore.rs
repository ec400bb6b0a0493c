//! A book out of what a store holds of it.

use alloc::vec;
use alloc::vec::Vec;

use icn_types::id::OperationKey;

use super::Book;
use super::cells::CellKey;
use super::entry::{Opening, Outline, RequestOutline, outline};
use super::error::RestoreError;
use super::holds::Held;
use super::name::{AccountKey, EntryNumber, UnitKey};
use super::request::{Action, Hold, Refund, Resolve};
use super::snapshot::{AccountRow, Run, Saved};

/// Keys that are indexed together.
const KEYS_MAX: usize = 64;

/// Takes the runs of a store one by one, and answers with the book.
///
/// Cost is linear in what it is given; [`Book::verify`] tells whether all of it
/// follows from the entries.
///
/// ```
/// # use icn_ledger::book::{Book, Restore, Saved};
/// let book = Book::new();
/// // ... after some entries:
/// let mut restore = Restore::new();
/// if let Some(changes) = book.changes(&Saved::default())? {
///     for (first, run) in &changes.runs {
///         restore.run(*first, run)?;
///     }
///     let same = restore.finish(&changes.saved, changes.accounts)?;
///     assert_eq!(same.head(), book.head());
/// }
/// # Ok::<(), icn_ledger::book::RestoreError>(())
/// ```
#[derive(Debug, Default)]
pub struct Restore {
    book: Book,
    /// Operation keys that are not in the index yet.
    keys: Vec<(OperationKey, EntryNumber)>,
}

impl Restore {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next run; `first` is the number under which it lies.
    ///
    /// # Errors
    /// [`RestoreError`] when the run does not continue the book.
    pub fn run(&mut self, first: EntryNumber, run: &Run) -> Result<(), RestoreError> {
        if self.book.log.next() != Some(first) {
            let entry = EntryNumber::new(self.book.log.next().map_or(u32::MAX, EntryNumber::get));
            return Err(RestoreError::Gap { entry });
        }
        for (bytes, steps) in run.entries() {
            let entry = self
                .book
                .log
                .next()
                .ok_or(RestoreError::Gap { entry: first })?;
            self.entry(entry, bytes)?;
            self.book
                .load_steps(entry, steps)
                .ok_or(RestoreError::Steps { entry })?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: EntryNumber, bytes: &[u8]) -> Result<(), RestoreError> {
        let read = outline(bytes);
        let (prev, outline) = read.map_err(|source| RestoreError::Bytes { entry, source })?;
        let book = &mut self.book;
        if prev != book.log.head() {
            return Err(RestoreError::Link { entry });
        }
        let loaded = match outline {
            Outline::Unit(unit) => {
                book.log.load(entry, bytes, None, false);
                book.add_unit(unit).map(drop)
            }
            Outline::Opening(opening) => {
                book.log.load(entry, bytes, None, false);
                book.load_opening(&opening)
            }
            Outline::Request(request) => {
                let is_late = book.is_closed(request.date);
                book.log.load(entry, bytes, Some(request.date), is_late);
                self.keys.push((request.key, entry));
                self.book.load_request(entry, &request)
            }
        };
        if self.keys.len() == KEYS_MAX {
            self.index();
        }
        loaded.ok_or(RestoreError::Effect { entry })
    }

    fn index(&mut self) {
        let by_key = &mut self.book.by_key;
        by_key.touch(self.keys.iter().map(|(key, _)| key.as_bytes()));
        for (key, entry) in self.keys.drain(..) {
            by_key.insert(key.as_bytes(), entry.get());
        }
    }

    /// The book, if the store held all of it and its accounts stand where the
    /// steps lead.
    ///
    /// # Errors
    /// - [`RestoreError::Head`] when the runs end elsewhere;
    /// - [`RestoreError::Account`] when a row is missing or says something else.
    pub fn finish(
        mut self,
        saved: &Saved,
        accounts: impl IntoIterator<Item = ((AccountKey, UnitKey), AccountRow)>,
    ) -> Result<Book, RestoreError> {
        self.index();
        let book = self.book;
        if saved.entries() as usize != book.len() || saved.head() != book.head() {
            return Err(RestoreError::Head);
        }
        let mut seen = vec![false; book.cells.len()];
        for ((account, unit), row) in accounts {
            let cell = book.cells.find(account, unit);
            let is_it = cell.is_some_and(|cell| AccountRow::of(&book.cells.view(cell)) == row);
            let seen = cell
                .filter(|_| is_it)
                .and_then(|cell| seen.get_mut(cell.index()));
            *seen.ok_or(RestoreError::Account { account, unit })? = true;
        }
        if let Some(at) = seen.iter().position(|is_seen| !is_seen) {
            let (account, unit) = book.cells.place(at);
            return Err(RestoreError::Account { account, unit });
        }
        Ok(book)
    }
}

/// Takes over what was decided once. `None` where that cannot have been.
impl Book {
    fn load_steps(&mut self, entry: EntryNumber, steps: &[(CellKey, i64)]) -> Option<()> {
        let sum: i128 = steps.iter().map(|(_, change)| i128::from(*change)).sum();
        if sum != 0 || !self.cells.has_room(steps.len()) {
            return None;
        }
        for &(cell, change) in steps {
            if cell.index() >= self.cells.len() {
                return None;
            }
            self.cells.step(cell, i128::from(change), entry);
        }
        Some(())
    }

    fn load_opening(&mut self, opening: &Opening) -> Option<()> {
        let known = self.account_key(&opening.name);
        let is_open = |account| self.cells.find(account, opening.unit).is_some();
        if opening.unit.index() >= self.units.len() || known.is_some_and(is_open) {
            return None;
        }
        self.add_account(&opening.name, opening.unit, opening.limits)
            .map(drop)
    }

    fn load_request(&mut self, entry: EntryNumber, request: &RequestOutline) -> Option<()> {
        if !self.causes.has_room() {
            return None;
        }
        for cause in request.causes.iter().flatten() {
            self.causes.insert(cause, entry);
        }
        match &request.action {
            None | Some(Action::Transfer(_)) => Some(()),
            Some(Action::Hold(hold)) => self.load_hold(entry, hold),
            Some(Action::Resolve(resolve)) => self.load_resolve(entry, *resolve),
            Some(Action::Refund(refund)) => self.load_refund(refund),
            Some(Action::LimitChange(change)) => {
                let cell = self.cells.find(change.account, change.unit)?;
                self.cells.set_limits(cell, change.limits);
                Some(())
            }
            Some(Action::Close(close)) => {
                self.closes.push((entry, close.through));
                Some(())
            }
        }
    }

    fn load_hold(&mut self, entry: EntryNumber, hold: &Hold) -> Option<()> {
        let held = Held {
            entry,
            payer: self.cells.find(hold.payer, hold.unit)?,
            payee: self.cells.find(hold.payee, hold.unit)?,
            amount: hold.amount,
            resolved: None,
        };
        self.set_aside(&held, i128::from(hold.amount.get()));
        self.holds.push(held);
        Some(())
    }

    fn load_resolve(&mut self, entry: EntryNumber, resolve: Resolve) -> Option<()> {
        let hold = self.holds.find(resolve.hold)?;
        if hold.resolved.is_some() {
            return None;
        }
        self.holds.resolve(hold.entry, Some(entry));
        self.set_aside(&hold, -i128::from(hold.amount.get()));
        Some(())
    }

    fn load_refund(&mut self, refund: &Refund) -> Option<()> {
        for part in refund.back.payers.iter().chain(&refund.back.payees) {
            let cell = self.cells.find(part.account, part.unit)?;
            let before = self.refunds.sum(refund.original, cell);
            let sum = before.checked_add(u128::from(part.amount.get()))?;
            self.refunds.set(refund.original, cell, sum);
        }
        Some(())
    }
}
