use crate::canon::{Decode, DecodeError, Encode, List, Reader, Reason, Writer};
use crate::canonical;
use crate::id::{ChainId, RecordId};
use crate::key::Signature;
use crate::record::Header;

/// Most rows of one Seal.
pub const SEAL_ROWS_MAX: usize = 256;

/// Fixes prefixes of chains, one row each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Seal {
    /// At most one row per chain, ascending by chain.
    pub rows: List<SealRow, 1, SEAL_ROWS_MAX>,
}
canonical!(Seal = "icn/types/seal/v1" { rows } where check);

impl Seal {
    fn check(self) -> Result<Self, Reason> {
        if self.rows.is_sorted_by(|a, b| a.chain < b.chain) {
            Ok(self)
        } else {
            Err(Reason::Value("seal.rows"))
        }
    }
}

/// One sealed head. The header comes by value with its signature, so nobody
/// has to wait for it, and two rows that contradict each other prove a
/// dishonest registrar or a forking member.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct SealRow {
    /// The chain.
    pub chain: ChainId,
    /// The Open of its current epoch.
    pub open: RecordId,
    /// The sealed head; none seals the chain before its first record.
    pub sealed: Option<Sealed>,
    /// Whether the epoch goes on.
    pub finality: Finality,
}
canonical!(SealRow {
    chain,
    open,
    sealed,
    finality
});

impl SealRow {
    /// Position of the sealed head, if there is one.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        self.sealed.as_ref().map(|sealed| sealed.header.seq())
    }

    /// Id of the sealed head.
    #[must_use]
    pub fn head(&self) -> Option<RecordId> {
        self.sealed.as_ref().map(|sealed| sealed.header.id())
    }
}

/// A header by value with its author's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Sealed {
    /// The sealed record's header.
    pub header: Header,
    /// Its author's signature over the header.
    pub signature: Signature,
}
canonical!(Sealed { header, signature });

/// Whether a Seal ends the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "signed data: its shapes are the format"
)]
pub enum Finality {
    /// A checkpoint; the epoch goes on.
    Open,
    /// The epoch ends here; only a next Open continues the chain.
    Final,
}

impl Encode for Finality {
    fn encode(&self, w: &mut Writer) {
        w.bool(matches!(self, Self::Final));
    }
}

impl Decode for Finality {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.bool()
            .map(|last| if last { Self::Final } else { Self::Open })
    }
}
