use crate::canon::{Decode, DecodeError, Encode, Reader, Reason, Writer};
use crate::canonical;
use crate::chain::Chain;
use crate::id::{ChainId, Digest, DomainId, RecordId};
use crate::key::{PublicKey, Signature};

/// Starts an epoch of a chain: from here on `key` writes it.
///
/// No balance is carried over; a position is a fold over the chain. Only the
/// charge is stated, as a number that entries use by value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Open {
    /// The chain, by its definition.
    pub chain: Chain,
    /// The key that writes the epoch.
    pub key: PublicKey,
    /// The key that may consent to the next Open when `key` is lost.
    pub recovery: PublicKey,
    /// Newest format that the epoch may use, from 1.
    pub format: u16,
    /// Where the epoch starts.
    pub start: Start,
    /// Atoms charged to the owner in all earlier epochs together.
    pub charged: u64,
    /// Hash of the list of claims behind `charged`; none while it is zero.
    pub claims: Option<Digest>,
    /// Credit of a ledger account; none for every other chain.
    pub grant: Option<Grant>,
    /// The owner's agreement.
    pub consent: Consent,
}
canonical!(Open = "icn/types/open/v1" {
    chain, key, recovery, format, start, charged, claims, grant, consent
} where check);

impl Open {
    fn check(self) -> Result<Self, Reason> {
        if self.format == 0 {
            return Err(Reason::Value("open.format"));
        }
        if (self.charged == 0) != self.claims.is_none() {
            return Err(Reason::Value("open.claims"));
        }
        Ok(self)
    }

    /// What the owner signs.
    #[must_use]
    pub fn consent_terms(&self, domain: DomainId) -> ConsentTerms {
        ConsentTerms {
            domain,
            chain: self.chain.id(),
            start: self.start,
            key: self.key,
            recovery: self.recovery,
            format: self.format,
            grant: self.grant,
        }
    }
}

/// A record on a chain, by position and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Tip {
    /// Position on the chain.
    pub seq: u64,
    /// The record there.
    pub head: RecordId,
}
canonical!(Tip { seq, head });

/// Where an epoch starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "signed data: its shapes are the format"
)]
pub enum Start {
    /// The chain's first epoch.
    First,
    /// After a final Seal of the epoch before.
    After {
        /// The Open of the epoch before.
        prior: RecordId,
        /// The sealed record; none when the chain was sealed before its first.
        tip: Option<Tip>,
    },
}

impl Start {
    /// The Open of the epoch before.
    #[must_use]
    pub const fn prior(&self) -> Option<RecordId> {
        match self {
            Self::First => None,
            Self::After { prior, .. } => Some(*prior),
        }
    }

    /// The record that the epoch's first one follows.
    #[must_use]
    pub const fn tip(&self) -> Option<Tip> {
        match self {
            Self::First => None,
            Self::After { tip, .. } => *tip,
        }
    }
}

impl Encode for Start {
    /// `null` or `[prior, tip or null]`.
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::First => w.null(),
            Self::After { prior, tip } => {
                w.array(2);
                prior.encode(w);
                tip.encode(w);
            }
        }
    }
}

impl Decode for Start {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if r.null()? {
            return Ok(Self::First);
        }
        r.array_of(2)?;
        Ok(Self::After {
            prior: Decode::decode(r)?,
            tip: Decode::decode(r)?,
        })
    }
}

/// Credit of one epoch of an account, in atoms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Grant {
    /// Lowest position that payments may reach: zero or negative.
    pub floor: i64,
    /// Highest position that an acknowledgement may reach: zero or positive.
    pub ceiling: i64,
    /// Incoming credit that may be spent before its payment is sealed.
    pub float: u64,
}
canonical!(Grant { floor, ceiling, float } where check);

impl Grant {
    fn check(self) -> Result<Self, Reason> {
        if self.floor > 0 || self.ceiling < 0 || i64::try_from(self.float).is_err() {
            return Err(Reason::Value("grant.range"));
        }
        Ok(self)
    }
}

/// Raises the credit of a running epoch. The account adopts it by naming it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Raise {
    /// The Open of the epoch.
    pub open: RecordId,
    /// The new floor; only a lower one than before changes anything.
    pub floor: i64,
}
canonical!(Raise = "icn/types/raise/v1" { open, floor } where check);

impl Raise {
    fn check(self) -> Result<Self, Reason> {
        if self.floor > 0 {
            return Err(Reason::Value("grant.range"));
        }
        Ok(self)
    }
}

/// The owner's agreement to an Open, by value, or the decision that replaces
/// it.
///
/// A registrar alone can open nothing: the terms are signed with the key of
/// the epoch before, or with its recovery key. For the first epoch of a
/// member's chain these are the keys of the member's inception; for every
/// other first epoch it is the new key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "signed data: its shapes are the format"
)]
pub enum Consent {
    /// Signed with the key in force; a receiver's key agrees to nothing.
    Current(Signature),
    /// Signed with the recovery key in force.
    Recovery(Signature),
    /// A decision appointed this writer: a receivership. The chain is an
    /// account with an earlier epoch, and each such action opens one epoch.
    Decision {
        /// The Ready of the decision; the record refs it.
        ready: RecordId,
        /// Which action of its opening: a
        /// [`Receive`](super::Action::Receive) of this chain for this key and
        /// this recovery key.
        action: u16,
    },
}

impl Encode for Consent {
    /// `[0 or 1, signature]` or `[2, ready, action]`.
    fn encode(&self, w: &mut Writer) {
        let mut signed = |by, signature: &Signature| {
            w.array(2);
            w.uint(by);
            signature.encode(w);
        };
        match self {
            Self::Current(signature) => signed(0, signature),
            Self::Recovery(signature) => signed(1, signature),
            Self::Decision { ready, action } => {
                w.array(3);
                w.uint(2);
                ready.encode(w);
                action.encode(w);
            }
        }
    }
}

impl Decode for Consent {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let items = r.array()?;
        match (r.uint()?, items) {
            (0, 2) => Signature::decode(r).map(Self::Current),
            (1, 2) => Signature::decode(r).map(Self::Recovery),
            (2, 3) => Ok(Self::Decision {
                ready: Decode::decode(r)?,
                action: Decode::decode(r)?,
            }),
            _ => Err(r.error(Reason::Value("consent.kind"))),
        }
    }
}

/// What an owner agrees to: everything about the epoch but the charge, which
/// the registrar answers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct ConsentTerms {
    /// The domain, so that no consent counts in another one.
    pub domain: DomainId,
    /// The chain.
    pub chain: ChainId,
    /// Where the epoch starts.
    pub start: Start,
    /// The new key.
    pub key: PublicKey,
    /// The new recovery key.
    pub recovery: PublicKey,
    /// The format of the epoch.
    pub format: u16,
    /// The credit of the epoch.
    pub grant: Option<Grant>,
}
canonical!(ConsentTerms = "icn/types/consent/v1" { domain, chain, start, key, recovery, format, grant });
