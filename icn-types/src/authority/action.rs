use crate::amount::Amount;
use crate::canon::{Decode, DecodeError, Encode, Reader, Reason, Writer};
use crate::canonical;
use crate::hash;
use crate::id::{ChainId, DomainId, OperationKey, UnitId};
use crate::key::PublicKey;
use crate::time::Timestamp;

use super::decision::ProposalId;

/// Something that an accepted proposal makes happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// A shared account pays, or one that the same decision puts into the
    /// hands of a receiver.
    Pay {
        /// The account that pays.
        payer: ChainId,
        /// The account that is paid.
        payee: ChainId,
        /// The unit of the amount.
        unit: UnitId,
        /// How much.
        amount: Amount,
    },
    /// Somebody else writes an account: a receivership. All that it sends is
    /// what the same decision lets it pay.
    Receive {
        /// The account.
        chain: ChainId,
        /// The key of the receiver.
        key: PublicKey,
        /// The key whose owner has the account afterwards: the only one that
        /// ends the receivership without another decision.
        recovery: PublicKey,
    },
    /// An account pays by and by, as its writer sees fit.
    Envelope(Envelope),
}

/// Money that an account may pay in several payments, released in tranches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Envelope {
    /// The account that pays.
    pub payer: ChainId,
    /// The only account that is paid; none leaves it to the writer.
    pub payee: Option<ChainId>,
    /// The unit of the amount.
    pub unit: UnitId,
    /// How much each tranche releases.
    pub tranche: Amount,
    /// How many tranches there are; the first one comes with the Ready.
    pub tranches: u16,
    /// Milliseconds from one tranche to the next.
    pub interval: u64,
}
canonical!(Envelope { payer, payee, unit, tranche, tranches, interval } where check);

impl Envelope {
    fn check(self) -> Result<Self, Reason> {
        if self.tranches == 0 {
            return Err(Reason::Value("envelope.tranches"));
        }
        Ok(self)
    }

    /// Atoms that the first `tranches` tranches release together.
    #[must_use]
    pub fn released(&self, tranches: u16) -> i128 {
        i128::from(self.tranche.get()) * i128::from(tranches.min(self.tranches))
    }

    /// When a tranche may be released, counted from the stated time of the
    /// Ready.
    #[must_use]
    pub const fn due(&self, ready: Timestamp, tranche: u16) -> Timestamp {
        ready.saturating_add(self.interval.saturating_mul(tranche as u64))
    }
}

impl Encode for Action {
    /// `[0, payer, payee, unit, amount]`, `[1, chain, key, recovery]` or
    /// `[2, envelope]`.
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Pay {
                payer,
                payee,
                unit,
                amount,
            } => {
                w.array(5);
                w.uint(0);
                payer.encode(w);
                payee.encode(w);
                unit.encode(w);
                amount.encode(w);
            }
            Self::Receive {
                chain,
                key,
                recovery,
            } => {
                w.array(4);
                w.uint(1);
                chain.encode(w);
                key.encode(w);
                recovery.encode(w);
            }
            Self::Envelope(envelope) => {
                w.array(2);
                w.uint(2);
                envelope.encode(w);
            }
        }
    }
}

impl Decode for Action {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let items = r.array()?;
        match (r.uint()?, items) {
            (0, 5) => Ok(Self::Pay {
                payer: Decode::decode(r)?,
                payee: Decode::decode(r)?,
                unit: Decode::decode(r)?,
                amount: Decode::decode(r)?,
            }),
            (1, 4) => Ok(Self::Receive {
                chain: Decode::decode(r)?,
                key: Decode::decode(r)?,
                recovery: Decode::decode(r)?,
            }),
            (2, 2) => Decode::decode(r).map(Self::Envelope),
            _ => Err(r.error(Reason::Value("action.kind"))),
        }
    }
}

/// The operation key of one action of a proposal. It depends on nothing that
/// two closings, two treasurers or two tries could differ in.
#[must_use]
pub fn operation_key(domain: DomainId, proposal: ProposalId, action: u16) -> OperationKey {
    struct ActionKey {
        domain: DomainId,
        proposal: ProposalId,
        action: u16,
    }
    canonical!(ActionKey = "icn/types/action-key/v1" { domain, proposal, action });
    OperationKey::from_bytes(hash::of(&ActionKey {
        domain,
        proposal,
        action,
    }))
}

/// The operation key of one payment out of an envelope. `number` counts the
/// payments out of it on the payer's path, from 0, over all epochs: two
/// writers who do not know of each other use the same key.
#[must_use]
pub fn envelope_key(
    domain: DomainId,
    proposal: ProposalId,
    action: u16,
    number: u64,
) -> OperationKey {
    struct EnvelopeKey {
        domain: DomainId,
        proposal: ProposalId,
        action: u16,
        number: u64,
    }
    canonical!(EnvelopeKey = "icn/types/envelope-key/v1" { domain, proposal, action, number });
    OperationKey::from_bytes(hash::of(&EnvelopeKey {
        domain,
        proposal,
        action,
        number,
    }))
}
