use core::fmt;

use crate::canon::{Decode, DecodeError, Encode, Reader, Writer};
use crate::error::{Coded, Fault};

use super::public::PublicKey;

/// An Ed25519 signature, 64 bytes. Whether it is good depends on a key and a
/// message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature([u8; 64]);

impl Signature {
    /// The signature with exactly these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The bytes of the signature.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", crate::id::Hex(&self.0[..4]))
    }
}

impl Encode for Signature {
    fn encode(&self, w: &mut Writer) {
        w.bytes(&self.0);
    }
}

impl Decode for Signature {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.fixed().map(Self)
    }
}

/// A signature does not fit its key and message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signature does not fit its key and message")]
#[non_exhaustive]
pub struct BadSignature;

impl Coded for BadSignature {
    fn code(&self) -> &'static str {
        "key.signature"
    }

    fn fault(&self) -> Fault {
        Fault::Peer
    }
}

/// A signer could not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key is not there at present: locked, unplugged or out of reach.
    #[error("signing key is not available")]
    Unavailable,
    /// The owner of the key refused.
    #[error("signing was refused")]
    Refused,
}

impl Coded for SignError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unavailable => "key.signer.unavailable",
            Self::Refused => "key.signer.refused",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Environment
    }
}

/// Signs with a key that the host keeps.
///
/// Authoring is two-step (a draft gives its signing bytes, a signature makes
/// it a record), so key stores that answer later do without this trait.
pub trait Signer {
    /// The key under which [`sign`](Self::sign) signs.
    fn public_key(&self) -> PublicKey;

    /// Signs `message` as RFC 8032 says, with nothing put before it.
    ///
    /// # Errors
    /// [`SignError`] when the key is out of reach or its owner refuses.
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError>;
}

impl<S: Signer + ?Sized> Signer for &S {
    fn public_key(&self) -> PublicKey {
        (**self).public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        (**self).sign(message)
    }
}

/// A key pair in memory, made from a seed that the caller chose.
///
/// Erased when dropped; never shown by `Debug`.
#[derive(Clone)]
pub struct Keypair(ed25519_dalek::SigningKey);

impl Keypair {
    /// The pair of a 32-byte seed (RFC 8032, 5.1.5). The same seed gives the
    /// same pair; drawing it at random is up to the caller.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }
}

impl Signer for Keypair {
    fn public_key(&self) -> PublicKey {
        PublicKey::from_signing_key(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        use ed25519_dalek::Signer as _;
        Ok(Signature(self.0.sign(message).to_bytes()))
    }
}

impl fmt::Debug for Keypair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keypair({:?})", self.public_key())
    }
}
