//! SHA-256 (FIPS 180-4), the one hash of the format.

use sha2::{Digest as _, Sha256};

use crate::canon::{self, Encode, Tagged};

/// SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 of the canonical bytes of a tagged value. The tag inside the bytes
/// keeps the hashes of different types apart.
#[must_use]
pub fn of<T: Encode + Tagged>(value: &T) -> [u8; 32] {
    sha256(&canon::to_bytes(value))
}

/// SHA-256 over parts that arrive one after the other.
#[derive(Clone, Debug, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// A hasher that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends `bytes` to the message.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Hash of everything seen.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
