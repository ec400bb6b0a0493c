//! Remarks: entries that say something about money and move none.
//!
//! None of them needs a grant, and none changes what anybody may spend. What
//! an assertion says is compared, never enforced; what a dispute asks for is
//! done by ordinary entries that name it as their cause.

mod author;
mod rules;

use icn_types::authority::ProposalId;
use icn_types::canon::{Decode, DecodeError, Encode, List, Raw, Reader, Reason, Writer};
use icn_types::canonical;
use icn_types::id::ChainId;
use icn_types::record::{Attachment, Content, Kind};
use icn_types::time::Timestamp;

use crate::bundle::{BUNDLE, Bundle};
use crate::entry::LegRef;

pub use author::{DisputeRequest, RemarkRequest};

/// Says what the position after some record is.
pub const ASSERTION: Kind = Kind::new(71);
/// Closes a period of the author's own account.
pub const PERIOD_CLOSE: Kind = Kind::new(72);
/// Disputes a leg.
pub const DISPUTE: Kind = Kind::new(73);
/// Says how a dispute ended.
pub const OUTCOME: Kind = Kind::new(74);

/// Most pieces of evidence that one dispute names.
pub const EVIDENCE_MAX: usize = 16;

/// The body of a remark.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// Compares.
    Assertion(Assertion),
    /// Closes a period.
    Close(PeriodClose),
    /// Opens a dispute.
    Dispute(Dispute),
    /// Ends a dispute.
    Outcome(Outcome),
    /// Says which payments belong together.
    Bundle(Bundle),
}

impl Remark {
    pub(crate) fn read(kind: Kind, content: &Content) -> Result<Option<Self>, DecodeError> {
        Ok(Some(match kind {
            ASSERTION => Self::Assertion(content.read()?),
            PERIOD_CLOSE => Self::Close(content.read()?),
            DISPUTE => Self::Dispute(content.read()?),
            OUTCOME => Self::Outcome(content.read()?),
            BUNDLE => Self::Bundle(content.read()?),
            _ => return Ok(None),
        }))
    }

    pub(crate) fn body(&self) -> (Kind, Raw) {
        match self {
            Self::Assertion(body) => (ASSERTION, Raw::of(body)),
            Self::Close(body) => (PERIOD_CLOSE, Raw::of(body)),
            Self::Dispute(body) => (DISPUTE, Raw::of(body)),
            Self::Outcome(body) => (OUTCOME, Raw::of(body)),
            Self::Bundle(body) => (BUNDLE, Raw::of(body)),
        }
    }
}

/// Says what the records up to one of some account add up to. Whether that is
/// so follows from the ancestors of the named record; an assertion that fails
/// is reported and ends nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Assertion {
    /// Position of the named record in the refs of the content.
    pub reference: u16,
    /// Position of its account after it, in atoms.
    pub position: i64,
}
canonical!(Assertion = "icn/ledger/assertion/v1" { reference, position });

/// Closes the author's account up to a date. Later entries of the account that
/// are dated at or before it are late: they count as they would, and reports
/// show them in the period that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct PeriodClose {
    /// The last date of the period, above that of every earlier close.
    pub until: Timestamp,
}
canonical!(PeriodClose = "icn/ledger/period-close/v1" { until });

/// Disputes a leg that the author sent or that was sent to the author.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Dispute {
    /// The leg.
    pub leg: LegRef,
    /// Documents beside the record.
    pub evidence: List<Attachment, 0, EVIDENCE_MAX>,
    /// The account whose writer says how it ends; neither side of the leg.
    pub mediator: ChainId,
    /// A text beside the record.
    pub memo: Option<Attachment>,
}
canonical!(Dispute = "icn/ledger/dispute/v1" { leg, evidence, mediator, memo });

/// Says how a dispute ended, once on a path of the mediator's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Outcome {
    /// Position of the dispute in the refs of the content.
    pub dispute: u16,
    /// How it ended.
    pub ruling: Ruling,
    /// A text beside the record.
    pub memo: Option<Attachment>,
}
canonical!(Outcome = "icn/ledger/outcome/v1" { dispute, ruling, memo });

/// How a dispute ended. Money that follows from it moves by entries of its
/// own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ruling {
    /// The leg stands.
    Upheld,
    /// The leg is to be paid back.
    Reversed,
    /// Both sides agreed on something else.
    Settled,
    /// The community bears the loss.
    WrittenOff,
    /// The members decide.
    Escalated(ProposalId),
}

impl Encode for Ruling {
    /// `[0]` to `[3]`, or `[4, proposal]`.
    fn encode(&self, w: &mut Writer) {
        let number = match self {
            Self::Upheld => 0,
            Self::Reversed => 1,
            Self::Settled => 2,
            Self::WrittenOff => 3,
            Self::Escalated(proposal) => {
                w.array(2);
                w.uint(4);
                proposal.encode(w);
                return;
            }
        };
        w.array(1);
        w.uint(number);
    }
}

impl Decode for Ruling {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let items = r.array()?;
        Ok(match (r.uint()?, items) {
            (0, 1) => Self::Upheld,
            (1, 1) => Self::Reversed,
            (2, 1) => Self::Settled,
            (3, 1) => Self::WrittenOff,
            (4, 2) => Self::Escalated(Decode::decode(r)?),
            _ => return Err(r.error(Reason::Value("outcome.ruling"))),
        })
    }
}
