use alloc::vec::Vec;

use super::{KEY_LEN_MAX, Key};
use crate::error::{Coded, Fault};

/// Longest value, in bytes.
pub const VALUE_LEN_MAX: usize = 1 << 20;

/// Most preconditions and writes of one batch, taken together.
pub const BATCH_OPS_MAX: usize = 1 << 20;

/// Most bytes of keys and values of one batch: what a store may have to hold
/// in memory for one commit.
pub const BATCH_LEN_MAX: usize = 64 << 20;

/// Room that a batch takes for its first write: a step of a node writes about
/// so many rows.
const USUAL_WRITES: usize = 8;

/// What one commit asks for: preconditions, and writes that happen together if
/// all of them hold.
///
/// Preconditions look at the state before the batch, whatever it writes itself.
/// Writes happen in the order in which they were added, so the last write to a
/// key wins. Values are moved, never copied; adding an operation costs O(1).
///
/// ```
/// use icn_types::host::{Batch, Key, LimitError, Space};
///
/// const NOTES: Space = Space::new("example/note");
/// let key = Key::new(NOTES, b"first")?;
/// let mut batch = Batch::new();
/// batch.absent(key.clone())?;
/// batch.put(key, b"hello".to_vec())?;
/// assert_eq!((batch.preconditions().len(), batch.writes().len()), (1, 1));
/// # Ok::<(), LimitError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    preconditions: Vec<Precondition>,
    writes: Vec<Write>,
    len: usize,
}

/// Something that must hold before a batch, or none of it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a store that ignores a precondition is broken, so all must match"
)]
pub enum Precondition {
    /// The key has no value. An empty value is a value.
    Absent(Key),
    /// The key has exactly this value.
    Equals(Key, Vec<u8>),
}

impl Precondition {
    /// The key it is about.
    #[must_use]
    pub const fn key(&self) -> &Key {
        match self {
            Self::Absent(key) | Self::Equals(key, _) => key,
        }
    }

    /// Whether it holds when its key has this value.
    #[must_use]
    pub fn holds(&self, value: Option<&[u8]>) -> bool {
        match self {
            Self::Absent(_) => value.is_none(),
            Self::Equals(_, expected) => value == Some(expected),
        }
    }
}

/// One change of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a store that ignores a write is broken, so all must match"
)]
pub enum Write {
    /// The key has this value from now on.
    Put(Key, Vec<u8>),
    /// The key has no value from now on; it need not have had one.
    Delete(Key),
}

impl Write {
    /// The key it is about.
    #[must_use]
    pub const fn key(&self) -> &Key {
        match self {
            Self::Put(key, _) | Self::Delete(key) => key,
        }
    }
}

impl Batch {
    /// A batch that asks for nothing. Committing it succeeds.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            preconditions: Vec::new(),
            writes: Vec::new(),
            len: 0,
        }
    }

    /// Demands that `key` has no value.
    ///
    /// # Errors
    /// [`LimitError::Ops`] or [`LimitError::Batch`]; the batch is unchanged.
    pub fn absent(&mut self, key: Key) -> Result<(), LimitError> {
        self.admit(1, key.as_bytes().len())?;
        self.preconditions.push(Precondition::Absent(key));
        Ok(())
    }

    /// Demands that `key` has exactly this value.
    ///
    /// # Errors
    /// [`LimitError::Value`], [`LimitError::Ops`] or [`LimitError::Batch`]; the
    /// batch is unchanged.
    pub fn equals(&mut self, key: Key, value: impl Into<Vec<u8>>) -> Result<(), LimitError> {
        let value = value.into();
        self.admit_value(&key, &value)?;
        self.preconditions.push(Precondition::Equals(key, value));
        Ok(())
    }

    /// Gives `key` this value.
    ///
    /// # Errors
    /// [`LimitError::Value`], [`LimitError::Ops`] or [`LimitError::Batch`]; the
    /// batch is unchanged.
    pub fn put(&mut self, key: Key, value: impl Into<Vec<u8>>) -> Result<(), LimitError> {
        let value = value.into();
        self.admit_value(&key, &value)?;
        if self.writes.is_empty() {
            self.writes.reserve(USUAL_WRITES);
        }
        self.writes.push(Write::Put(key, value));
        Ok(())
    }

    /// Takes the value of `key` away, if it has one.
    ///
    /// # Errors
    /// [`LimitError::Ops`] or [`LimitError::Batch`]; the batch is unchanged.
    pub fn delete(&mut self, key: Key) -> Result<(), LimitError> {
        self.admit(1, key.as_bytes().len())?;
        self.writes.push(Write::Delete(key));
        Ok(())
    }

    /// Adds everything `other` asks for; its writes come after those here.
    ///
    /// # Errors
    /// [`LimitError::Ops`] or [`LimitError::Batch`] when both together are too
    /// large; the batch is unchanged.
    pub fn merge(&mut self, other: Self) -> Result<(), LimitError> {
        self.admit(other.ops(), other.len)?;
        if self.ops() == 0 {
            *self = other;
        } else {
            self.preconditions.extend(other.preconditions);
            self.writes.extend(other.writes);
        }
        Ok(())
    }

    /// Whether it asks for nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ops() == 0
    }

    /// What must hold, in the order added.
    #[must_use]
    pub fn preconditions(&self) -> &[Precondition] {
        &self.preconditions
    }

    /// What changes, in the order added.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// Bytes of all keys and values.
    #[must_use]
    pub const fn bytes_len(&self) -> usize {
        self.len
    }

    /// Preconditions and writes, for a store that moves the values.
    #[must_use]
    pub fn into_parts(self) -> (Vec<Precondition>, Vec<Write>) {
        (self.preconditions, self.writes)
    }

    const fn ops(&self) -> usize {
        self.preconditions.len().saturating_add(self.writes.len())
    }

    fn admit_value(&mut self, key: &Key, value: &[u8]) -> Result<(), LimitError> {
        if value.len() > VALUE_LEN_MAX {
            return Err(LimitError::Value { len: value.len() });
        }
        self.admit(1, key.as_bytes().len().saturating_add(value.len()))
    }

    const fn admit(&mut self, ops: usize, len: usize) -> Result<(), LimitError> {
        if self.ops().saturating_add(ops) > BATCH_OPS_MAX {
            return Err(LimitError::Ops);
        }
        let len = self.len.saturating_add(len);
        if len > BATCH_LEN_MAX {
            return Err(LimitError::Batch);
        }
        self.len = len;
        Ok(())
    }
}

/// A key, value or batch is larger than any store has to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// The key is longer than [`KEY_LEN_MAX`].
    #[error("key of {len} bytes, at most {KEY_LEN_MAX} are allowed")]
    Key {
        /// Its length in bytes.
        len: usize,
    },
    /// The value is longer than [`VALUE_LEN_MAX`], or a typed value longer than
    /// [`canon::LEN_MAX`](crate::canon::LEN_MAX).
    #[error("value of {len} bytes is too long")]
    Value {
        /// Its length in bytes.
        len: usize,
    },
    /// More than [`BATCH_OPS_MAX`] preconditions and writes.
    #[error("batch has more than {BATCH_OPS_MAX} operations")]
    Ops,
    /// Keys and values are longer than [`BATCH_LEN_MAX`].
    #[error("batch is longer than {BATCH_LEN_MAX} bytes")]
    Batch,
}

impl Coded for LimitError {
    fn code(&self) -> &'static str {
        match self {
            Self::Key { .. } => "store.limit.key",
            Self::Value { .. } => "store.limit.value",
            Self::Ops => "store.limit.ops",
            Self::Batch => "store.limit.batch",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

#[cfg(test)]
mod tests;
