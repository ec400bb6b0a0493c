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

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::{Hasher, sha256};
    use crate::id::Hex;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(
            Hex(&sha256(b"abc")).to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(Hasher::new().finish(), sha256(b""));
    }

    proptest! {
        #[test]
        fn parts_hash_as_the_whole(left: Vec<u8>, right: Vec<u8>) {
            let mut hasher = Hasher::new();
            hasher.update(&left);
            hasher.update(&right);
            prop_assert_eq!(hasher.finish(), sha256(&[left, right].concat()));
        }
    }
}
