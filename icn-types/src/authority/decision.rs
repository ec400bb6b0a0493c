use crate::canon::{Decode, DecodeError, Encode, List, Raw, Reader, Reason, Writer};
use crate::canonical;
use crate::id::{ChainId, Digest, RecordId};
use crate::name32;

use super::action::Action;

/// Most tellers of one vote.
pub const TELLERS_MAX: usize = 32;

/// Most actions of one proposal.
pub const ACTIONS_MAX: usize = 16;

name32! {
    /// A proposal: SHA-256 of what it proposes, with proposer and nonce. It
    /// stays the same whoever repeats, opens or closes it.
    ProposalId
}

/// Opens voting on a proposal and freezes everything that decides it.
///
/// Later changes of roll, rules or tellers leave a running vote alone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Opening {
    /// The proposal.
    pub proposal: ProposalId,
    /// The member's record that proposed it, for whoever follows governance.
    pub record: RecordId,
    /// What happens if it is accepted.
    pub actions: List<Action, 0, ACTIONS_MAX>,
    /// How it is decided, read by icn-governance.
    pub rule: Raw,
    /// Digest of the roll on the record date, which is this record.
    pub roll: Digest,
    /// Times and tellers.
    pub terms: DecisionTerms,
}
canonical!(Opening = "icn/types/opening/v1" { proposal, record, actions, rule, roll, terms });

/// Times and tellers of one vote.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct DecisionTerms {
    /// Teller chains, ascending.
    pub tellers: List<ChainId, 1, TELLERS_MAX>,
    /// How many of them a close must name.
    pub needed: u8,
    /// Milliseconds from the opening until tellers may shut.
    pub period: u64,
    /// Milliseconds from the close until the decision may take effect.
    pub timelock: u64,
}
canonical!(DecisionTerms { tellers, needed, period, timelock } where check);

impl DecisionTerms {
    fn check(self) -> Result<Self, Reason> {
        let needed = usize::from(self.needed);
        if !super::ascending(&self.tellers) || needed == 0 || needed > self.tellers.len() {
            return Err(Reason::Value("opening.tellers"));
        }
        Ok(self)
    }
}

/// A certificate: what the registrar claims that the vote decided.
///
/// It is a claim. Whoever holds the ballots recounts it; honest officers act
/// only on a confirmed one. It names exactly the Shuts that it counted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Close {
    /// The opening; the record refs it.
    pub opening: RecordId,
    /// What was decided.
    pub outcome: Outcome,
    /// The counted Shuts, ascending. They lie in the governance topic and do
    /// not block.
    pub shuts: List<RecordId, 1, TELLERS_MAX>,
    /// The figures, read by icn-governance.
    pub tally: Raw,
}
canonical!(Close = "icn/types/close/v1" { opening, outcome, shuts, tally } where check);

impl Close {
    fn check(self) -> Result<Self, Reason> {
        if super::ascending(&self.shuts) {
            Ok(self)
        } else {
            Err(Reason::Value("close.shuts"))
        }
    }
}

/// How a vote ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Outcome {
    /// It takes effect.
    Accepted,
    /// Enough took part, not enough agreed.
    Rejected,
    /// Not enough took part.
    NoQuorum,
    /// Enough vetoed.
    Vetoed,
    /// As many for as against, and the rule does not break ties.
    Tied,
    /// The proposer took it back.
    Withdrawn,
    /// Nobody closed it in time.
    Expired,
}

impl Encode for Outcome {
    fn encode(&self, w: &mut Writer) {
        w.uint(match self {
            Self::Accepted => 0,
            Self::Rejected => 1,
            Self::NoQuorum => 2,
            Self::Vetoed => 3,
            Self::Tied => 4,
            Self::Withdrawn => 5,
            Self::Expired => 6,
        });
    }
}

impl Decode for Outcome {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match r.uint()? {
            0 => Self::Accepted,
            1 => Self::Rejected,
            2 => Self::NoQuorum,
            3 => Self::Vetoed,
            4 => Self::Tied,
            5 => Self::Withdrawn,
            6 => Self::Expired,
            _ => return Err(r.error(Reason::Value("outcome.kind"))),
        })
    }
}

/// Lets an accepted decision take effect: nothing pays before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Ready {
    /// The certificate; the record refs it.
    pub close: RecordId,
}
canonical!(Ready = "icn/types/ready/v1" { close });

/// Releases the next tranche of an envelope, once its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Release {
    /// The Ready of the decision; the record refs it.
    pub ready: RecordId,
    /// Which action of its opening.
    pub action: u16,
    /// The tranche, from 1: the first one, 0, comes with the Ready.
    pub tranche: u16,
}
canonical!(Release = "icn/types/release/v1" { ready, action, tranche });
