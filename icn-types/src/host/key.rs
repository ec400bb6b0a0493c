use alloc::vec::Vec;
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

use super::LimitError;
use crate::id::Hex;
use crate::index::{Spread, spread_bytes};

/// Longest key, in bytes.
pub const KEY_LEN_MAX: usize = 1024;

/// Longest name of a space, in bytes.
pub const SPACE_LEN_MAX: usize = 64;

/// Name of a keyspace. Equal keys of two spaces are different keys.
///
/// A space has one owner: the crate that declares it as a constant, usually
/// inside a [`Table`](super::Table).
///
/// ```
/// use icn_types::host::Space;
///
/// const ENTRIES: Space = Space::new("ledger/entry");
/// assert_eq!(ENTRIES.as_str(), "ledger/entry");
/// ```
#[derive(Clone, Copy, Debug, Eq)]
pub struct Space(&'static str);

impl Space {
    /// The space of that name: 1 to [`SPACE_LEN_MAX`] visible ASCII characters.
    ///
    /// # Panics
    /// When the name is another one; for a constant that is a compile error.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(
            !bytes.is_empty() && bytes.len() <= SPACE_LEN_MAX,
            "a space has 1 to 64 characters"
        );
        let mut at = 0;
        while at < bytes.len() {
            assert!(bytes[at].is_ascii_graphic(), "a space is visible ASCII");
            at += 1;
        }
        Self(name)
    }

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl PartialEq for Space {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Hash for Space {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PartialOrd for Space {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Space {
    /// By name. Usually both are the same constant.
    fn cmp(&self, other: &Self) -> Ordering {
        if core::ptr::eq(self.0, other.0) {
            Ordering::Equal
        } else {
            self.0.cmp(other.0)
        }
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A key: bytes of at most [`KEY_LEN_MAX`] in a space.
///
/// Keys of one space are ordered by their bytes; the empty key is the first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    space: Space,
    bytes: KeyBytes,
}

impl Key {
    /// The key with these bytes.
    ///
    /// # Errors
    /// [`LimitError::Key`] when there are more than [`KEY_LEN_MAX`].
    pub fn new(space: Space, bytes: impl Into<KeyBytes>) -> Result<Self, LimitError> {
        let bytes = bytes.into();
        if bytes.len() > KEY_LEN_MAX {
            return Err(LimitError::Key { len: bytes.len() });
        }
        Ok(Self { space, bytes })
    }

    /// Keys of tables are short by construction: a tuple of fixed widths.
    pub(super) const fn of_table(space: Space, bytes: KeyBytes) -> Self {
        Self { space, bytes }
    }

    /// The space of the key.
    #[must_use]
    pub const fn space(&self) -> Space {
        self.space
    }

    /// The bytes of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    #[cfg(feature = "std")]
    pub(super) const fn bytes(&self) -> &KeyBytes {
        &self.bytes
    }

    /// The bytes of the key, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> KeyBytes {
        self.bytes
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.space, Hex(&self.bytes))
    }
}

/// Bytes of a key, ordered as bytes.
///
/// Up to 46 bytes (an id, a number and a prefix) lie inside the value, so that
/// building, moving and comparing usual keys touches no heap.
#[derive(Clone)]
pub struct KeyBytes(Repr);

#[derive(Clone)]
enum Repr {
    /// Zeros behind the first `len`.
    Short { len: u8, bytes: [u8; SHORT] },
    /// More than fit inside.
    Long(Vec<u8>),
}

/// Makes [`KeyBytes`] 48 bytes.
const SHORT: usize = 46;

impl KeyBytes {
    /// No bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self(Repr::Short {
            len: 0,
            bytes: [0; SHORT],
        })
    }

    /// Appends bytes.
    pub fn push(&mut self, more: &[u8]) {
        match &mut self.0 {
            Repr::Short { len, bytes } => {
                let start = usize::from(*len);
                let end = start.saturating_add(more.len());
                match (bytes.get_mut(start..end), u8::try_from(end)) {
                    (Some(free), Ok(end)) => {
                        free.copy_from_slice(more);
                        *len = end;
                    }
                    _ => {
                        let mut long = Vec::with_capacity(end);
                        long.extend_from_slice(&bytes[..start]);
                        long.extend_from_slice(more);
                        self.0 = Repr::Long(long);
                    }
                }
            }
            Repr::Long(bytes) => bytes.extend_from_slice(more),
        }
    }

    /// The first eight bytes, zeros after the last: ordered as the bytes are,
    /// but for keys that end within them.
    fn head(&self) -> u64 {
        let first = match &self.0 {
            Repr::Short { bytes, .. } => bytes.first_chunk(),
            Repr::Long(bytes) => bytes.first_chunk(),
        };
        first.map_or(0, |first| u64::from_be_bytes(*first))
    }

    /// The least key that is greater than `self`.
    pub(super) fn next(&self) -> Self {
        let mut next = self.clone();
        next.push(&[0]);
        next
    }

    /// The least bytes that are greater than all that start with `self`, if
    /// there are any.
    pub(super) fn past_prefix(&self) -> Option<Self> {
        let kept = self.iter().rposition(|&byte| byte < 0xff)?;
        let mut past = Self::from(&self[..kept]);
        past.push(&[self[kept].saturating_add(1)]);
        Some(past)
    }
}

impl Default for KeyBytes {
    fn default() -> Self {
        Self::new()
    }
}

impl From<&[u8]> for KeyBytes {
    fn from(key: &[u8]) -> Self {
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..key.len()), u8::try_from(key.len())) {
            (Some(used), Ok(len)) => {
                used.copy_from_slice(key);
                Self(Repr::Short { len, bytes })
            }
            _ => Self(Repr::Long(key.to_vec())),
        }
    }
}

impl<const N: usize> From<&[u8; N]> for KeyBytes {
    fn from(bytes: &[u8; N]) -> Self {
        Self::from(bytes.as_slice())
    }
}

impl From<Vec<u8>> for KeyBytes {
    fn from(bytes: Vec<u8>) -> Self {
        if bytes.len() > SHORT {
            Self(Repr::Long(bytes))
        } else {
            Self::from(bytes.as_slice())
        }
    }
}

impl Deref for KeyBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Short { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Long(bytes) => bytes,
        }
    }
}

impl Borrow<[u8]> for KeyBytes {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl PartialEq for KeyBytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for KeyBytes {}

impl PartialOrd for KeyBytes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for KeyBytes {
    /// As bytes. The first eight nearly always decide, and as one number they
    /// do so without a loop.
    fn cmp(&self, other: &Self) -> Ordering {
        let heads = self.head().cmp(&other.head());
        heads.then_with(|| (**self).cmp(&**other))
    }
}

impl Spread for KeyBytes {
    fn spread(&self) -> u32 {
        spread_bytes(self)
    }
}

impl Hash for KeyBytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hex(self), f)
    }
}
