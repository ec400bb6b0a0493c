//! What the records of a governance topic say.
//!
//! Members write proposals and ballots, tellers write receipts and shuts. The
//! registrar's part (Opening, Close, Ready) lies on the authority chain, so
//! that whoever follows only money can check what a decision allows.

use alloc::vec::Vec;

use icn_types::authority::{ACTIONS_MAX, Action, ProposalId};
use icn_types::canon::{Decode, DecodeError, Encode, List, Raw, Reader, Reason, Writer};
use icn_types::canonical;
use icn_types::hash;
use icn_types::id::RecordId;
use icn_types::key::MemberId;
use icn_types::record::{Attachment, Content, Kind};

/// A member proposes something.
pub const PROPOSAL: Kind = Kind::new(32);
/// A member votes.
pub const BALLOT: Kind = Kind::new(33);
/// A teller acknowledges ballots.
pub const RECEIPT: Kind = Kind::new(34);
/// A teller ends its list of one vote.
pub const SHUT: Kind = Kind::new(35);

/// Most ballots that one receipt acknowledges.
pub const RECEIPT_MAX: usize = 256;

/// The body of a record in a governance topic.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// A member proposes something.
    Proposal(Proposal),
    /// A member votes.
    Ballot(Ballot),
    /// A teller acknowledges ballots.
    Receipt(Receipt),
    /// A teller ends its list of one vote.
    Shut(Shut),
}

impl Body {
    /// Reads the body of a governance record. `None` when the kind is none of
    /// this topic's.
    ///
    /// # Errors
    /// [`DecodeError`] when the body is not the one of its kind.
    pub fn read(kind: Kind, content: &Content) -> Result<Option<Self>, DecodeError> {
        Ok(Some(match kind {
            PROPOSAL => Self::Proposal(content.read()?),
            BALLOT => Self::Ballot(content.read()?),
            RECEIPT => Self::Receipt(content.read()?),
            SHUT => Self::Shut(content.read()?),
            _ => return Ok(None),
        }))
    }

    /// Kind and body as they stand in a record.
    #[must_use]
    pub fn body(&self) -> (Kind, Raw) {
        match self {
            Self::Proposal(body) => (PROPOSAL, Raw::of(body)),
            Self::Ballot(body) => (BALLOT, Raw::of(body)),
            Self::Receipt(body) => (RECEIPT, Raw::of(body)),
            Self::Shut(body) => (SHUT, Raw::of(body)),
        }
    }
}

/// What a member proposes.
///
/// Proposer and nonce are part of it, so nobody can take its name by
/// proposing the same first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Proposal {
    /// The member who proposes; the record lies on a chain of that member.
    pub proposer: MemberId,
    /// Any 32 bytes; another nonce makes another proposal.
    pub nonce: [u8; 32],
    /// What is to be decided.
    pub subject: Subject,
    /// The words, beside the record.
    pub text: Option<Attachment>,
}
canonical!(Proposal = "icn/governance/proposal/v1" { proposer, nonce, subject, text });

impl Proposal {
    /// The proposal's name: SHA-256 of its canonical bytes.
    #[must_use]
    pub fn id(&self) -> ProposalId {
        ProposalId::from_bytes(hash::of(self))
    }
}

/// What is to be decided. Each kind has a rule of its own in the charter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "signed data: its shapes are the format"
)]
pub enum Subject {
    /// A text that binds people and moves nothing.
    Text,
    /// A budget: what happens if it is accepted.
    Actions(List<Action, 1, ACTIONS_MAX>),
}

impl Subject {
    /// What happens if it is accepted.
    #[must_use]
    pub fn actions(&self) -> &[Action] {
        match self {
            Self::Text => &[],
            Self::Actions(actions) => actions,
        }
    }
}

impl Encode for Subject {
    /// `null` or the list of actions.
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Text => w.null(),
            Self::Actions(actions) => actions.encode(w),
        }
    }
}

impl Decode for Subject {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Option::decode(r)?.map_or(Self::Text, Self::Actions))
    }
}

/// One vote of one member.
///
/// It replaces every ballot of the same member and opening that the record
/// refs. A record on the same chain must ref the one before it, so on a chain
/// the last one counts; a member with two devices names the ballot of the
/// other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Ballot {
    /// The opening; the record refs it.
    pub opening: RecordId,
    /// What the member says.
    pub choice: Choice,
}
canonical!(Ballot = "icn/governance/ballot/v1" { opening, choice });

/// What a ballot says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "signed data: its shapes are the format"
)]
pub enum Choice {
    /// For it.
    Yes,
    /// Against it.
    No,
    /// Present, neither for nor against.
    Abstain,
    /// Against it, and it should not happen even if most agree.
    Veto,
}

impl Encode for Choice {
    fn encode(&self, w: &mut Writer) {
        w.uint(match self {
            Self::Yes => 0,
            Self::No => 1,
            Self::Abstain => 2,
            Self::Veto => 3,
        });
    }
}

impl Decode for Choice {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match r.uint()? {
            0 => Self::Yes,
            1 => Self::No,
            2 => Self::Abstain,
            3 => Self::Veto,
            _ => return Err(r.error(Reason::Value("ballot.choice"))),
        })
    }
}

/// A teller acknowledges ballots: each voter's receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    ballots: List<u16, 1, RECEIPT_MAX>,
}
canonical!(Receipt = "icn/governance/receipt/v1" { ballots } where check);

impl Receipt {
    fn check(self) -> Result<Self, Reason> {
        if self.ballots.is_sorted_by(|a, b| a < b) {
            Ok(self)
        } else {
            Err(Reason::Value("receipt.order"))
        }
    }

    /// A receipt for the ballots at these positions in the record's refs.
    /// `None` when there are none, more than [`RECEIPT_MAX`], or they do not
    /// ascend.
    #[must_use]
    pub fn new(positions: Vec<u16>) -> Option<Self> {
        let ballots = List::new(positions).ok()?;
        Self { ballots }.check().ok()
    }

    /// Positions of the ballots in the record's refs, ascending.
    #[must_use]
    pub fn positions(&self) -> &[u16] {
        &self.ballots
    }
}

/// A teller ends its list: what it acknowledges later does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Shut {
    /// The opening; the record refs it.
    pub opening: RecordId,
}
canonical!(Shut = "icn/governance/shut/v1" { opening });

#[cfg(test)]
mod tests;
