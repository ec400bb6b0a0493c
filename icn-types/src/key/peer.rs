use core::fmt;

use super::public::PublicKey;

/// A node on the network: the key of its transport, and nothing else.
///
/// A peer is not a member. A member's records arrive over any peer, and a
/// peer's key signs no record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(PublicKey);

impl PeerId {
    /// The peer that proves itself with `key`.
    #[must_use]
    pub const fn new(key: PublicKey) -> Self {
        Self(key)
    }

    /// The transport key.
    #[must_use]
    pub const fn key(&self) -> PublicKey {
        self.0
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({})", crate::id::Hex(&self.0.as_bytes()[..4]))
    }
}

impl crate::canon::Encode for PeerId {
    fn encode(&self, w: &mut crate::canon::Writer) {
        self.0.encode(w);
    }
}

impl crate::canon::Decode for PeerId {
    fn decode(r: &mut crate::canon::Reader<'_>) -> Result<Self, crate::canon::DecodeError> {
        PublicKey::decode(r).map(Self)
    }
}
