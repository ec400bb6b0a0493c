//! A book from the bytes of its entries.

use super::Book;
use super::entry::{Entry, read_linked};
use super::error::{ReplayError, ReplayReason};

impl Book {
    /// Makes a book of the bytes of its entries, oldest first. Every entry is
    /// checked as it was when it was written, so the book is the one that wrote
    /// them. Cost is linear in the bytes.
    ///
    /// Bytes that were cut off at the end are a shorter book: compare
    /// [`head`](Self::head) with what the host remembers.
    ///
    /// # Errors
    /// [`ReplayError`] with the number of the first entry that is not the next
    /// of this book.
    pub fn replay<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, ReplayError> {
        let mut book = Self::new();
        for (number, bytes) in (0..).zip(entries) {
            book.follow(bytes)
                .map_err(|reason| ReplayError { number, reason })?;
        }
        Ok(book)
    }

    fn follow(&mut self, bytes: &[u8]) -> Result<(), ReplayReason> {
        let (prev, entry) = read_linked(bytes).map_err(ReplayReason::Bytes)?;
        if prev != self.head() {
            return Err(ReplayReason::Link);
        }
        let before = self.len();
        match entry {
            Entry::Unit(unit) => drop(self.define(unit).map_err(ReplayReason::NotOpened)?),
            Entry::Opening(opening) => {
                self.open(&opening.name, opening.unit, opening.limits)
                    .map_err(ReplayReason::NotOpened)?;
            }
            Entry::Request(request) => {
                self.post(&request).map_err(ReplayReason::Refused)?;
            }
        }
        if self.len() == before {
            return Err(ReplayReason::Again);
        }
        Ok(())
    }
}
