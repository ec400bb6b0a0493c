//! Statements before and after their signature was checked.

use alloc::vec::Vec;
use core::ops::Deref;

use crate::key::{BadSignature, PublicKey, Signature, VerifyingKey};

/// Something that one key signs.
pub trait Statement {
    /// Exactly the bytes that are signed.
    fn signing_bytes(&self) -> Vec<u8>;

    /// The signature that came with them.
    fn signature(&self) -> &Signature;
}

/// A statement as it arrived: well spelled, signed by nobody knows whom.
///
/// Decoding makes these and nothing more trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unverified<T>(T);

impl<T> Unverified<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(value)
    }

    /// What the statement claims. Look, but do not act on it.
    #[must_use]
    pub const fn claim(&self) -> &T {
        &self.0
    }
}

impl<T: Statement> Unverified<T> {
    /// Checks the signature under `key`.
    ///
    /// # Errors
    /// [`BadSignature`] when it does not fit; the statement is then worthless.
    pub fn verify(self, key: &VerifyingKey) -> Result<Signed<T>, BadSignature> {
        key.verify(&self.0.signing_bytes(), self.0.signature())?;
        Ok(Signed {
            value: self.0,
            key: key.public_key(),
        })
    }
}

/// A statement whose signature was checked. Only that check makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<T> {
    value: T,
    key: PublicKey,
}

impl<T> Signed<T> {
    /// The key that signed.
    #[must_use]
    pub const fn key(&self) -> PublicKey {
        self.key
    }

    /// The statement without its proof.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Signed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
