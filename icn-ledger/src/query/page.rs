//! Pages: a bounded part of a listing, and where the next one goes on.

use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU16;
use core::str::FromStr;

use icn_types::canon::{DecodeError, from_bytes, to_bytes};
use icn_types::canonical;
use icn_types::error::{Coded, Fault};
use icn_types::id::{Hex, RecordId};
use icn_types::time::Timestamp;

/// In which direction a listing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are two directions")]
pub enum Order {
    /// From the newest row back.
    NewestFirst,
    /// From the oldest row on.
    OldestFirst,
}

/// How many rows a page has at most: 1 to 500.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageSize(NonZeroU16);

impl PageSize {
    /// The largest page.
    pub const MAX: u16 = 500;

    /// A page of `rows`. `None` for zero and for more than
    /// [`MAX`](Self::MAX).
    #[must_use]
    pub const fn new(rows: u16) -> Option<Self> {
        match NonZeroU16::new(rows) {
            Some(rows) if rows.get() <= Self::MAX => Some(Self(rows)),
            _ => None,
        }
    }

    /// The number of rows.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0.get() as usize
    }
}

/// Part of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The rows, in the order that was asked for.
    pub rows: Vec<T>,
    /// Where the next page starts; none when this one reaches the end.
    pub next: Option<Cursor>,
}

/// A place in a listing: right after one row.
///
/// It is a value, not a number of rows: what is appended before or after it
/// moves no row to another page. A host may store it, as canonical bytes or as
/// text, and go on after a restart or on another replica.
///
/// ```
/// use icn_ledger::query::Cursor;
///
/// let text = "8474\
///     69636e2f6c65646765722f637572736f722f7631\
///     07\
///     5820abababababababababababababababababababababababababababababababab\
///     00";
/// let cursor: Cursor = text.parse()?;
/// assert_eq!(cursor.to_string(), text);
/// assert!("07".parse::<Cursor>().is_err());
/// # Ok::<(), icn_ledger::query::CursorError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// What the listing is ordered by: a position on a chain, or a date.
    pub(super) key: u64,
    /// The record of the row.
    pub(super) record: RecordId,
    /// The row within the record.
    pub(super) number: u16,
}
canonical!(Cursor = "icn/ledger/cursor/v1" { key, record, number });

impl Cursor {
    /// Right after a record, in a listing by date.
    pub(super) const fn by_date(date: Timestamp, record: RecordId) -> Self {
        Self {
            key: date.as_millis(),
            record,
            number: 0,
        }
    }
}

impl fmt::Display for Cursor {
    /// The canonical bytes as lower-case hex.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&to_bytes(self)).fmt(f)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        const LEN_MAX: usize = 256;
        if text.len() > LEN_MAX || !text.len().is_multiple_of(2) {
            return Err(CursorError::Text);
        }
        let digits: Option<Vec<u8>> = text.bytes().map(digit).collect();
        let digits = digits.ok_or(CursorError::Text)?;
        let bytes: Vec<u8> = digits
            .chunks_exact(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect();
        Ok(from_bytes(&bytes)?)
    }
}

/// One spelling: lower case.
const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// Why a listing cannot go on from a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CursorError {
    /// The text is not lower-case hex of a cursor's length.
    #[error("text is no cursor")]
    Text,
    /// The bytes are not those of a cursor.
    #[error("bytes are no cursor")]
    Bytes(#[from] DecodeError),
    /// The cursor is of another listing.
    #[error("cursor is of another listing")]
    Elsewhere,
    /// The row that it stands after is not posted any more: a fork, Seal or
    /// Recall changed the history before it. Start again.
    #[error("history changed before the cursor")]
    Moved,
}

impl Coded for CursorError {
    fn code(&self) -> &'static str {
        match self {
            Self::Text => "cursor.text",
            Self::Bytes(_) => "cursor.bytes",
            Self::Elsewhere => "cursor.elsewhere",
            Self::Moved => "cursor.moved",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Moved => Fault::Environment,
            Self::Text | Self::Bytes(_) | Self::Elsewhere => Fault::Caller,
        }
    }
}

/// A page of at most `size` rows; `cursor` says where a row stands.
pub(super) fn page<T>(
    rows: impl Iterator<Item = T>,
    size: PageSize,
    cursor: impl Fn(&T) -> Cursor,
) -> Page<T> {
    let mut rows: Vec<T> = rows.take(size.get() + 1).collect();
    let has_more = rows.len() > size.get();
    rows.truncate(size.get());
    let next = rows.last().filter(|_| has_more).map(cursor);
    Page { rows, next }
}
