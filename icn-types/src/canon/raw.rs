use alloc::vec::Vec;

use super::{Decode, DecodeError, Encode, Reader, Writer, to_bytes};

/// One canonical item whose type is known to somebody else.
///
/// A record's body is one: icn-types carries it, a domain crate reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw(Vec<u8>);

impl Raw {
    /// The canonical bytes of `value`.
    #[must_use]
    pub fn of<T: Encode + ?Sized>(value: &T) -> Self {
        Self(to_bytes(value))
    }

    /// Reads the item as a `T`.
    ///
    /// # Errors
    /// [`DecodeError`] when the item is no `T`.
    pub fn read<T: Decode>(&self) -> Result<T, DecodeError> {
        super::from_bytes(&self.0)
    }

    /// The canonical bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Encode for Raw {
    fn encode(&self, w: &mut Writer) {
        w.item(&self.0);
    }
}

impl Decode for Raw {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.item().map(|bytes| Self(bytes.to_vec()))
    }
}
