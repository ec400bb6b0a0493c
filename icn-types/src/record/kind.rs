use crate::canon::{Decode, DecodeError, Encode, Reader, Writer};

/// What a record says, as a number that its topic gives a meaning.
///
/// 0 to 31 belong to the authority chain and are defined here; the domain
/// crates number their own: governance from 32, ledger from 64, audit from 96.
/// Which kinds an epoch may use is decided by the format in its Open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind(u16);

impl Kind {
    /// Founds a domain.
    pub const CHARTER: Self = Self(0);
    /// Starts an epoch of a chain.
    pub const OPEN: Self = Self(1);
    /// Fixes prefixes of chains.
    pub const SEAL: Self = Self(2);
    /// Takes over Opens of a dropped branch.
    pub const ADOPT: Self = Self(3);
    /// Replaces the registrar.
    pub const RECALL: Self = Self(4);
    /// Adds members to the roll or removes them.
    pub const ROLL: Self = Self(5);
    /// Raises the credit of an epoch.
    pub const RAISE: Self = Self(6);
    /// Opens voting on a proposal.
    pub const OPENING: Self = Self(7);
    /// Claims the outcome of a vote.
    pub const CLOSE: Self = Self(8);
    /// Lets an accepted decision take effect.
    pub const READY: Self = Self(9);
    /// Releases the next tranche of an envelope.
    pub const RELEASE: Self = Self(10);

    /// The kind with this number.
    #[must_use]
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl Encode for Kind {
    fn encode(&self, w: &mut Writer) {
        self.0.encode(w);
    }
}

impl Decode for Kind {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u16::decode(r).map(Self)
    }
}
