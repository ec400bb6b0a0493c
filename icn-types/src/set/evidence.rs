//! Equivocation: one key, two records at one position.

use crate::canon::{Decode, DecodeError, Encode, Reader, Reason, Tagged, Writer};
use crate::id::{ChainId, RecordId};
use crate::key::{BadSignature, PublicKey, Signature, VerifyingKey};
use crate::record::{Header, Record};
use crate::sign::{Signed, Statement, Unverified};

/// Two different headers at one position of one epoch, both signed by the key
/// of that epoch. Whoever knows the epoch's Open can check it offline, from
/// under 600 bytes.
///
/// What the records say plays no part, and whether either is valid neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equivocation {
    low: Half,
    high: Half,
    key: PublicKey,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Half {
    header: Header,
    signature: Signature,
}
crate::canonical!(Half { header, signature });

/// Why two records prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoProof {
    /// Both halves are the same record.
    #[error("both halves are the same record")]
    Same,
    /// The halves stand on different chains, epochs or positions.
    #[error("halves do not stand at one position of one epoch")]
    Apart,
    /// A signature does not fit the key of the epoch.
    #[error("a half is not signed by the key of the epoch")]
    Signature,
}

impl crate::error::Coded for NoProof {
    fn code(&self) -> &'static str {
        match self {
            Self::Same => "proof.same",
            Self::Apart => "proof.apart",
            Self::Signature => "proof.signature",
        }
    }

    fn fault(&self) -> crate::error::Fault {
        crate::error::Fault::Peer
    }
}

impl From<BadSignature> for NoProof {
    fn from(_: BadSignature) -> Self {
        Self::Signature
    }
}

impl Equivocation {
    /// The proof from two records that were verified already.
    ///
    /// # Errors
    /// [`NoProof`] when they are the same record, stand apart, or were
    /// verified under different keys.
    pub fn between(one: &Signed<Record>, other: &Signed<Record>) -> Result<Self, NoProof> {
        if one.key() != other.key() {
            return Err(NoProof::Signature);
        }
        Self::pair(half(one), half(other), one.key())
    }

    /// The proof from two records of a set, which verified both under the key
    /// of their epoch.
    pub(super) fn stored(one: &Record, other: &Record, key: PublicKey) -> Result<Self, NoProof> {
        Self::pair(half(one), half(other), key)
    }

    fn pair(one: Half, other: Half, key: PublicKey) -> Result<Self, NoProof> {
        let (low, high) = if one.header.id() < other.header.id() {
            (one, other)
        } else {
            (other, one)
        };
        positions(&low.header, &high.header)?;
        Ok(Self { low, high, key })
    }

    /// Both records, lower id first.
    #[must_use]
    pub fn ids(&self) -> (RecordId, RecordId) {
        (self.low.header.id(), self.high.header.id())
    }

    /// Chain, epoch and position that were used twice.
    #[must_use]
    pub fn place(&self) -> (ChainId, Option<RecordId>, u64) {
        let record = Record::bare(self.low.header.clone(), self.low.signature);
        (
            record.claim().chain(),
            self.low.header.epoch(),
            self.low.header.seq(),
        )
    }

    /// The key that signed both.
    #[must_use]
    pub const fn key(&self) -> PublicKey {
        self.key
    }
}

fn half(record: &Record) -> Half {
    Half {
        header: record.header().clone(),
        signature: *record.signature(),
    }
}

fn positions(low: &Header, high: &Header) -> Result<(), NoProof> {
    if low.id() == high.id() {
        return Err(NoProof::Same);
    }
    use crate::record::Place::Entry;
    match (low.place(), high.place()) {
        (
            Entry {
                topic,
                chain,
                epoch,
                seq,
                ..
            },
            Entry {
                topic: topic2,
                chain: chain2,
                epoch: epoch2,
                seq: seq2,
                ..
            },
        ) if (topic, chain, epoch, seq) == (topic2, chain2, epoch2, seq2) => Ok(()),
        _ => Err(NoProof::Apart),
    }
}

/// A proof as it arrived: two halves that nobody has checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedEquivocation {
    low: Half,
    high: Half,
}

impl ClaimedEquivocation {
    /// The epoch whose key must have signed both halves.
    #[must_use]
    pub const fn epoch(&self) -> Option<RecordId> {
        self.low.header.epoch()
    }

    /// Checks both halves under the key of their epoch.
    ///
    /// # Errors
    /// [`NoProof`] when the halves are equal, stand apart or are not both
    /// signed by `key`.
    pub fn verify(self, key: &VerifyingKey) -> Result<Equivocation, NoProof> {
        for half in [&self.low, &self.high] {
            let record: Unverified<Record> = Record::bare(half.header.clone(), half.signature);
            key.verify(&record.claim().signing_bytes(), &half.signature)?;
        }
        Equivocation::pair(self.low, self.high, key.public_key())
    }
}

impl Tagged for Equivocation {
    const TAG: &'static str = "icn/types/equivocation/v1";
}

impl Encode for Equivocation {
    /// `[tag, [header, signature], [header, signature]]`, lower id first.
    fn encode(&self, w: &mut Writer) {
        w.array(3);
        w.text(Self::TAG);
        self.low.encode(w);
        self.high.encode(w);
    }
}

impl Decode for ClaimedEquivocation {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array_of(3)?;
        r.tag(Equivocation::TAG)?;
        let (low, high) = (Half::decode(r)?, Half::decode(r)?);
        if low.header.id() < high.header.id() {
            Ok(Self { low, high })
        } else {
            Err(r.error(Reason::Value("proof.order")))
        }
    }
}
