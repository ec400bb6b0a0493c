use crate::canon::{Decode, DecodeError, Encode, List, Reader, Reason, Writer};
use crate::canonical;
use crate::id::{ChainId, RecordId};
use crate::key::Signature;
use crate::record::Header;

use super::epoch::Tip;

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
    /// The sealed head by position and id.
    #[must_use]
    pub fn tip(&self) -> Option<Tip> {
        self.sealed.as_ref().map(|sealed| Tip {
            seq: sealed.header.seq(),
            head: sealed.header.id(),
        })
    }

    /// Whether the row ends the epoch.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.finality == Finality::Final
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
