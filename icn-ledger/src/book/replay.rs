//! A book from the bytes of its entries, and the proof that it is that book.

use super::Book;
use super::entry::{Entry, read_linked};
use super::error::{ReplayError, ReplayReason, VerifyError};
use super::query::Standing;

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

    /// Computes everything again from the bytes of the entries: ids, links, the
    /// rules of each entry, every position and hold. Cost is that of
    /// [`replay`](Self::replay).
    ///
    /// # Errors
    /// [`VerifyError`] with the first thing that is not what the entries make of
    /// it.
    pub fn verify(&self) -> Result<(), VerifyError> {
        let again = Self::replay(self.entries().map(|entry| entry.bytes()))?;
        if again.head() != self.head() {
            return Err(VerifyError::Head);
        }
        let mut cells = self.cells.all().zip(again.cells.all());
        let found =
            cells.find(|((_, here), (_, there))| Standing::of(*here) != Standing::of(*there));
        if let Some(((cell, _), _)) = found {
            let (account, unit) = (cell.account, cell.unit);
            return Err(VerifyError::Standing { account, unit });
        }
        if let Some(entry) = self.cells.first_difference(&again.cells) {
            return Err(VerifyError::Steps { entry });
        }
        if self.open_holds().eq(again.open_holds()) {
            Ok(())
        } else {
            Err(VerifyError::Holds)
        }
    }
}

#[cfg(test)]
mod tests {
    use icn_types::amount::Amount;
    use icn_types::error::Coded as _;
    use icn_types::id::{DomainId, OperationKey};
    use icn_types::time::Timestamp;

    use super::super::request::{Hold, Request};
    use super::super::{AccountKey, EntryNumber, Limits, UnitKey, VerifyError};
    use super::Book;
    use crate::unit::{Scale, Unit, UnitCode};

    /// One open hold.
    fn book() -> (Book, AccountKey, UnitKey) {
        let mut book = Book::new();
        let amount = Amount::new(1).unwrap();
        let unit = Unit {
            issuer: DomainId::from_bytes([1; 32]),
            code: UnitCode::new("hours").unwrap(),
            scale: Scale::new(1).unwrap(),
            min_leg: amount,
        };
        let unit = book.define(unit).unwrap();
        let mut open = |name: &str| {
            book.open(&name.parse().unwrap(), unit, Limits::UNBOUNDED)
                .unwrap()
        };
        let (payer, payee) = (open("a"), open("b"));
        let hold = Hold {
            payer,
            payee,
            unit,
            amount,
        };
        let key = OperationKey::from_bytes([1; 32]);
        let request = Request::new(key, Timestamp::from_millis(0), hold);
        book.post(&request).unwrap();
        assert_eq!(book.verify(), Ok(()));
        (book, payer, unit)
    }

    #[test]
    fn a_changed_position_is_found() {
        let (mut book, account, unit) = book();
        let cell = book.cell(account, unit).unwrap();
        book.cells.forge(cell);
        let error = book.verify().unwrap_err();
        assert_eq!(error, VerifyError::Standing { account, unit });
        assert_eq!(error.code(), "book.verify.standing");
    }

    #[test]
    fn a_changed_hold_is_found() {
        let (mut book, ..) = book();
        let entry = EntryNumber::new(3);
        book.holds.resolve(entry, Some(entry));
        let error = book.verify().unwrap_err();
        assert_eq!(error, VerifyError::Holds);
        assert_eq!(error.code(), "book.verify.holds");
    }

    #[test]
    fn a_changed_head_is_found() {
        let (mut book, ..) = book();
        book.log.forge();
        let error = book.verify().unwrap_err();
        assert_eq!(error, VerifyError::Head);
        assert_eq!(error.code(), "book.verify.head");
    }

    #[test]
    fn a_changed_entry_is_found_by_the_next_one() {
        let (mut book, ..) = book();
        book.log.cut(EntryNumber::new(2));
        let error = book.verify().unwrap_err();
        let VerifyError::Entry(replay) = error else {
            panic!("{error}");
        };
        assert_eq!(replay.number, 2);
        assert_eq!(error.code(), replay.code());
    }
}
