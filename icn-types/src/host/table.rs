mod key;

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::{Batch, Key, LimitError, Scan, Space, StoredRow};
use crate::canon::{self, Decode, DecodeError, Encode, Reader, Writer};
use crate::error::{Coded, Fault};

use key::key_bytes;
pub use key::{KeyReader, TableKey};

/// Typed rows of one space.
///
/// A row's key is the [`TableKey`] encoding of a `K`, which orders like the `K`
/// itself. Its value is a format byte and the canonical bytes of a `V`. The
/// format changes when old rows can no longer be read as a `V`.
///
/// ```
/// use icn_types::host::{Batch, StoredRow, Table};
///
/// /// Text of a note by (author, number).
/// const NOTES: Table<(u32, u64), u64> = Table::new("example/note", 1);
///
/// let mut batch = Batch::new();
/// NOTES.absent(&mut batch, &(7, 1))?;
/// NOTES.put(&mut batch, &(7, 1), &42)?;
///
/// let row = StoredRow { key: NOTES.key(&(7, 1)), value: NOTES.value(&42)? };
/// assert_eq!(NOTES.decode(&row)?, ((7, 1), 42));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Table<K, V> {
    space: Space,
    format: u8,
    row: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Table<K, V> {
    /// The table that owns the space of that name, written in that format.
    ///
    /// # Panics
    /// When the name is no [`Space`]; for a constant that is a compile error.
    #[must_use]
    pub const fn new(name: &'static str, format: u8) -> Self {
        Self {
            space: Space::new(name),
            format,
            row: PhantomData,
        }
    }

    /// The space of the table.
    #[must_use]
    pub const fn space(&self) -> Space {
        self.space
    }

    /// Every row, lowest key first.
    #[must_use]
    pub const fn scan(&self) -> Scan {
        Scan::all(self.space)
    }
}

impl<K: TableKey, V> Table<K, V> {
    /// The key of a row.
    #[must_use]
    pub fn key(&self, key: &K) -> Key {
        Key::of_table(self.space, key_bytes(key))
    }

    /// Rows whose key starts with the parts in `prefix`: for a table of
    /// `(A, B, C)` an `A` or an `(A, B)`.
    #[must_use]
    pub fn scan_within<P: TableKey>(&self, prefix: &P) -> Scan {
        Scan::prefix(self.space, key_bytes(prefix))
    }

    /// Rows from key `from` up to, but without, key `to`.
    #[must_use]
    pub fn scan_range(&self, from: &K, to: &K) -> Scan {
        Scan::range(self.space, key_bytes(from), key_bytes(to))
    }

    /// Demands that there is no row with that key.
    ///
    /// # Errors
    /// [`LimitError`] when the batch is full.
    pub fn absent(&self, batch: &mut Batch, key: &K) -> Result<(), LimitError> {
        batch.absent(self.key(key))
    }

    /// Takes the row with that key away, if there is one.
    ///
    /// # Errors
    /// [`LimitError`] when the batch is full.
    pub fn delete(&self, batch: &mut Batch, key: &K) -> Result<(), LimitError> {
        batch.delete(self.key(key))
    }

    /// The key of a row that a scan found.
    ///
    /// # Errors
    /// [`RowError::Space`] or [`RowError::Key`].
    pub fn decode_key(&self, key: &Key) -> Result<K, RowError> {
        if key.space() != self.space {
            return Err(RowError::Space {
                space: self.space,
                found: key.space(),
            });
        }
        let mut reader = KeyReader(key.as_bytes());
        K::read(&mut reader)
            .filter(|_| reader.0.is_empty())
            .ok_or(RowError::Key { space: self.space })
    }
}

impl<K, V: Encode> Table<K, V> {
    /// The stored bytes of a value.
    ///
    /// # Errors
    /// [`LimitError::Value`] when no reader would take them any more.
    pub fn value(&self, value: &V) -> Result<Vec<u8>, LimitError> {
        // Most rows are small and stay in memory for long in a memory store.
        let mut writer = Writer::with_capacity(48);
        writer.item(&[self.format]);
        value.encode(&mut writer);
        let bytes = writer.into_bytes();
        if bytes.len() > canon::LEN_MAX {
            return Err(LimitError::Value { len: bytes.len() });
        }
        Ok(bytes)
    }
}

impl<K: TableKey, V: Encode> Table<K, V> {
    /// Writes a row.
    ///
    /// # Errors
    /// [`LimitError`] when the value is too long or the batch is full.
    pub fn put(&self, batch: &mut Batch, key: &K, value: &V) -> Result<(), LimitError> {
        batch.put(self.key(key), self.value(value)?)
    }

    /// Demands that the row with that key has exactly that value.
    ///
    /// # Errors
    /// [`LimitError`] when the value is too long or the batch is full.
    pub fn equals(&self, batch: &mut Batch, key: &K, value: &V) -> Result<(), LimitError> {
        batch.equals(self.key(key), self.value(value)?)
    }
}

impl<K, V: Decode> Table<K, V> {
    /// The value that these stored bytes say.
    ///
    /// # Errors
    /// [`RowError::Newer`], [`RowError::Older`], [`RowError::Empty`] or
    /// [`RowError::Value`].
    pub fn decode_value(&self, bytes: &[u8]) -> Result<V, RowError> {
        let space = self.space;
        canon::from_bytes(self.canonical(bytes)?).map_err(|error| RowError::Value { space, error })
    }
}

impl<K, V> Table<K, V> {
    /// The canonical bytes in these stored bytes, for whoever reads them
    /// otherwise than as a `V`.
    ///
    /// # Errors
    /// [`RowError::Newer`], [`RowError::Older`] or [`RowError::Empty`].
    pub fn canonical<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], RowError> {
        let space = self.space;
        let (&found, body) = bytes.split_first().ok_or(RowError::Empty { space })?;
        let supported = self.format;
        match found.cmp(&supported) {
            core::cmp::Ordering::Greater => Err(RowError::Newer {
                space,
                found,
                supported,
            }),
            core::cmp::Ordering::Less => Err(RowError::Older {
                space,
                found,
                supported,
            }),
            core::cmp::Ordering::Equal => Ok(body),
        }
    }
}

impl<K: TableKey, V: Decode> Table<K, V> {
    /// Key and value of a row that a scan found.
    ///
    /// # Errors
    /// [`RowError`] when the row was not written by this table.
    pub fn decode(&self, row: &StoredRow) -> Result<(K, V), RowError> {
        Ok((self.decode_key(&row.key)?, self.decode_value(&row.value)?))
    }
}

impl<K, V> Clone for Table<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Table<K, V> {}

impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({}, format {})", self.space, self.format)
    }
}

/// The value of a row that says everything by its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing to add")]
pub struct Present;

impl Encode for Present {
    fn encode(&self, w: &mut Writer) {
        w.array(0);
    }
}

impl Decode for Present {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array_of(0).map(|()| Self)
    }
}

/// A stored row is not what its table writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// Newer code wrote the row.
    #[error("row of {space} has format {found}, this code knows {supported}")]
    Newer {
        /// The space of the table.
        space: Space,
        /// Format of the row.
        found: u8,
        /// Format of the table.
        supported: u8,
    },
    /// Older code wrote the row, and nobody migrated it.
    #[error("row of {space} still has format {found}, this code needs {supported}")]
    Older {
        /// The space of the table.
        space: Space,
        /// Format of the row.
        found: u8,
        /// Format of the table.
        supported: u8,
    },
    /// The row lacks its format byte.
    #[error("row of {space} is empty")]
    Empty {
        /// The space of the table.
        space: Space,
    },
    /// The key is none of the table's keys.
    #[error("key of {space} has another shape")]
    Key {
        /// The space of the table.
        space: Space,
    },
    /// The row lies in another space.
    #[error("row of {found} was read as one of {space}")]
    Space {
        /// The space of the table.
        space: Space,
        /// The space of the row.
        found: Space,
    },
    /// The value does not decode.
    #[error("value in {space} does not decode")]
    Value {
        /// The space of the table.
        space: Space,
        /// What was wrong with it.
        #[source]
        error: DecodeError,
    },
}

impl RowError {
    /// The space of the table that was asked.
    #[must_use]
    pub const fn space(&self) -> Space {
        match self {
            Self::Newer { space, .. }
            | Self::Older { space, .. }
            | Self::Empty { space }
            | Self::Key { space }
            | Self::Space { space, .. }
            | Self::Value { space, .. } => *space,
        }
    }
}

impl Coded for RowError {
    fn code(&self) -> &'static str {
        match self {
            Self::Newer { .. } => "store.row.newer",
            Self::Older { .. } => "store.row.older",
            Self::Empty { .. } => "store.row.empty",
            Self::Key { .. } => "store.row.key",
            Self::Space { .. } => "store.row.space",
            Self::Value { .. } => "store.row.value",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Space { .. } => Fault::Caller,
            _ => Fault::Environment,
        }
    }
}

#[cfg(test)]
mod tests;
