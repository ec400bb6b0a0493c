use alloc::vec::Vec;

use crate::canon::{Decode, DecodeError, Encode, List, Raw, Reason};
use crate::canonical;
use crate::id::RecordId;

/// Longest content in bytes: a Seal of 256 rows fits.
pub const CONTENT_LEN_MAX: usize = 128 * 1024;

/// Most records that one record relies on: 256 payments with their Seals.
pub const REFS_MAX: usize = 512;

/// The part of a record that its header names by hash.
///
/// `refs` are what the record relies on: they lie in its own topic or the
/// authority topic, and while one is missing the record waits. `cause` points
/// anywhere (a decision, another ledger) and never blocks or decides. `body`
/// is one value of the record's kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    refs: List<RecordId, 0, REFS_MAX>,
    cause: Option<RecordId>,
    body: Raw,
}
canonical!(Content = "icn/types/content/v1" { refs, cause, body } where check);

impl Content {
    /// The content of a record that relies on `refs`. They are put in order
    /// and named once. `None` when there are more than [`REFS_MAX`].
    #[must_use]
    pub fn new<B: Encode + ?Sized>(
        mut refs: Vec<RecordId>,
        cause: Option<RecordId>,
        body: &B,
    ) -> Option<Self> {
        refs.sort_unstable();
        refs.dedup();
        Some(Self {
            refs: List::new(refs).ok()?,
            cause,
            body: Raw::of(body),
        })
    }

    /// References are a set, so they have one spelling: strictly ascending.
    fn check(self) -> Result<Self, Reason> {
        if self.refs.is_sorted_by(|a, b| a < b) {
            Ok(self)
        } else {
            Err(Reason::Value("content.refs"))
        }
    }

    /// The records it relies on, ascending.
    #[must_use]
    pub fn refs(&self) -> &[RecordId] {
        &self.refs
    }

    /// What it was written for.
    #[must_use]
    pub const fn cause(&self) -> Option<RecordId> {
        self.cause
    }

    /// The body as it travels.
    #[must_use]
    pub const fn body(&self) -> &Raw {
        &self.body
    }

    /// The body read as a `B`.
    ///
    /// # Errors
    /// [`DecodeError`] when the body is no `B`.
    pub fn read<B: Decode>(&self) -> Result<B, DecodeError> {
        self.body.read()
    }
}
