use core::fmt;

use crate::canon::{Decode, DecodeError, Encode, Reader, Reason, Writer};
use crate::error::{Coded, Fault};

use super::signature::{BadSignature, Signature};

/// An admitted Ed25519 public key, 32 bytes.
///
/// Its point is on the curve, spelled canonically and of prime order, so one
/// signature never fits two messages and every verifier agrees. Text form:
/// `did:key`, one spelling per key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

/// Why 32 bytes are not admitted as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes name no point of the curve.
    #[error("key is not a point of the curve")]
    NotAPoint,
    /// The point is spelled in a way that RFC 8032 does not write.
    #[error("key is not spelled canonically")]
    NotCanonical,
    /// The point lies in the small subgroup.
    #[error("key has a small order")]
    Weak,
    /// The point has a part in the small subgroup.
    #[error("key has a torsion part")]
    Mixed,
}

impl KeyError {
    /// Stable code of the error.
    #[must_use]
    pub const fn as_code(self) -> &'static str {
        match self {
            Self::NotAPoint => "key.point",
            Self::NotCanonical => "key.canonical",
            Self::Weak => "key.weak",
            Self::Mixed => "key.mixed",
        }
    }
}

impl Coded for KeyError {
    fn code(&self) -> &'static str {
        self.as_code()
    }

    fn fault(&self) -> Fault {
        Fault::Peer
    }
}

impl PublicKey {
    /// Admits a key. Costs about one signature check; done once per key.
    ///
    /// # Errors
    /// [`KeyError`] when the bytes are no point, another spelling of one, of
    /// small order, or have a torsion part.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let key =
            ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::NotAPoint)?;
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        let point = key.to_edwards();
        if point.compress().to_bytes() != bytes {
            return Err(KeyError::NotCanonical);
        }
        if !point.is_torsion_free() {
            return Err(KeyError::Mixed);
        }
        Ok(Self(bytes))
    }

    pub(super) const fn from_signing_key(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key's bytes as RFC 8032 spells them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key made ready for many checks; saves a tenth of each.
    #[must_use]
    pub fn prepare(&self) -> VerifyingKey {
        VerifyingKey::new(*self)
    }

    /// Checks one signature over `message`.
    ///
    /// # Errors
    /// [`BadSignature`] when the strict rule does not accept it.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        self.prepare().verify(message, signature)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", crate::id::Hex(&self.0[..4]))
    }
}

impl Encode for PublicKey {
    fn encode(&self, w: &mut Writer) {
        w.bytes(&self.0);
    }
}

impl Decode for PublicKey {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = r.clone();
        Self::from_bytes(r.fixed()?).map_err(|error| start.error(Reason::Value(error.as_code())))
    }
}

/// An admitted key with its curve point unpacked.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    key: PublicKey,
    /// `None` never occurs for an admitted key; it refuses everything.
    point: Option<ed25519_dalek::VerifyingKey>,
}

impl VerifyingKey {
    fn new(key: PublicKey) -> Self {
        Self {
            key,
            point: ed25519_dalek::VerifyingKey::from_bytes(&key.0).ok(),
        }
    }

    /// The key itself.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey {
        self.key
    }

    /// Checks one signature over `message`: about 25 microseconds.
    ///
    /// # Errors
    /// [`BadSignature`] when the strict rule does not accept it.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        use ed25519_dalek::Verifier as _;

        // For an admitted key the strict rule is plain verification plus "R is
        // not of small order"; plain verification already compares R bytewise,
        // so only the eight canonical spellings remain to be refused.
        let bytes = signature.as_bytes();
        let point = self.point.as_ref().ok_or(BadSignature)?;
        if SMALL_ORDER.iter().any(|small| bytes[..32] == *small) {
            return Err(BadSignature);
        }
        point
            .verify(message, &ed25519_dalek::Signature::from_bytes(bytes))
            .map_err(|_| BadSignature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)
    }
}

/// The eight points whose order divides the cofactor, canonically spelled.
pub(super) const SMALL_ORDER: [[u8; 32]; 8] = small_order();

const fn small_order() -> [[u8; 32]; 8] {
    const Y8A: [u8; 32] = [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ];
    const Y8B: [u8; 32] = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ];
    let mut one = [0; 32];
    one[0] = 1;
    let mut minus_one = [0xff; 32];
    minus_one[0] = 0xec;
    minus_one[31] = 0x7f;
    let zero = [0; 32];
    [
        one,
        minus_one,
        zero,
        negated(zero),
        Y8A,
        negated(Y8A),
        Y8B,
        negated(Y8B),
    ]
}

/// The same y with the other sign of x.
const fn negated(mut y: [u8; 32]) -> [u8; 32] {
    y[31] |= 0x80;
    y
}
