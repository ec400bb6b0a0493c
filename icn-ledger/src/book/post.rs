//! Accepting a request: structure first, then the key, then the rules. Only
//! then is anything written.

use super::Book;
use super::entry::{Entry, key_in};
use super::error::BookError;
use super::name::{EntryId, EntryNumber};
use super::request::Request;

/// Where the entry of a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "written now or before")]
pub enum Posted {
    /// It was written now.
    First(EntryNumber, EntryId),
    /// The same request under the same key was written before, as this entry.
    Again(EntryNumber, EntryId),
}

impl Posted {
    /// The place of the entry in the order of the book.
    #[must_use]
    pub const fn number(&self) -> EntryNumber {
        match self {
            Self::First(number, _) | Self::Again(number, _) => *number,
        }
    }

    /// The id of the entry.
    #[must_use]
    pub const fn id(&self) -> EntryId {
        match self {
            Self::First(_, id) | Self::Again(_, id) => *id,
        }
    }
}

impl Book {
    /// Accepts one request.
    ///
    /// The same key and request give the first outcome again, with nothing
    /// written. Cost follows from the parts of the request alone, whatever the
    /// book holds already.
    ///
    /// # Errors
    /// The first that applies; nothing is written then, and the same request may
    /// succeed later:
    /// - [`BookError::Structure`] when it makes no sense in this book;
    /// - [`BookError::KeyConflict`] when the key names another request;
    /// - [`BookError::Full`] after 2^32 - 1 entries or steps;
    /// - [`BookError::Rule`] when what happened before forbids it.
    pub fn post(&mut self, request: &Request) -> Result<Posted, BookError> {
        let plan = self.plan(&request.action)?;
        if let Some(first) = self.entry_under(request) {
            return self.compare(first, request);
        }
        let number = self.log.next().ok_or(BookError::Full)?;
        if !self.cells.has_room(self.moves.len() + 2) || !self.causes.has_room() {
            return Err(BookError::Full);
        }
        let is_late = self.is_closed(request.date);
        self.perform(&plan, number)?;
        let id = self.record(number, request, is_late);
        Ok(Posted::First(number, id))
    }

    fn entry_under(&self, request: &Request) -> Option<EntryNumber> {
        let is_named = |number| {
            let bytes = self.log.bytes(EntryNumber::new(number));
            key_in(bytes) == Some(request.key)
        };
        let number = self.by_key.find(request.key.as_bytes(), is_named)?;
        Some(EntryNumber::new(number))
    }

    fn compare(&self, first: EntryNumber, request: &Request) -> Result<Posted, BookError> {
        match self.entry(first).map(|entry| entry.read()) {
            Some(Ok(Entry::Request(known))) if known == *request => {
                Ok(Posted::Again(first, self.log.id(first)))
            }
            _ => Err(BookError::KeyConflict { first }),
        }
    }

    /// Writes the entry of a request that was performed.
    fn record(&mut self, number: EntryNumber, request: &Request, is_late: bool) -> EntryId {
        let id = self
            .log
            .append(number, request, Some(request.date), is_late);
        self.by_key.insert(request.key.as_bytes(), number.get());
        for cause in [request.cause, request.decision].iter().flatten() {
            self.causes.insert(cause, number);
        }
        id
    }

    /// Takes the newest entry back, before anybody saw it.
    pub(super) fn undo(&mut self, request: &Request, number: EntryNumber) {
        self.log.undo();
        self.by_key.pop(request.key.as_bytes(), number.get());
        self.causes.undo(number);
        self.undo_action(&request.action, number);
    }
}
