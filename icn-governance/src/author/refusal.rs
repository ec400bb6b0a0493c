use icn_types::authority::{Outcome, ProposalId};
use icn_types::error::{Coded, Fault};
use icn_types::id::RecordId;
use icn_types::time::Timestamp;
use icn_types::verdict::Breach;

use crate::count::{Deviation, Recount};
use crate::rules::VoteRule;

/// Why an honest author does not write that now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The chain is not one of votes, has no epoch in force, forks, or does
    /// not end in Valid records.
    #[error("chain cannot be continued")]
    NoPlace,
    /// The chain belongs to no member, or to another one.
    #[error("chain belongs to somebody else")]
    NotOwner,
    /// The charter states no rules of voting that can be read.
    #[error("charter states no rules of voting")]
    NoRules,
    /// No Valid proposal of this name is here.
    #[error("proposal {0} is not known")]
    UnknownProposal(ProposalId),
    /// No Opening of this name is in force.
    #[error("opening {0} is not in force")]
    UnknownOpening(RecordId),
    /// No certificate of this name is in force.
    #[error("certificate {0} is not in force")]
    UnknownClose(RecordId),
    /// The member is not on the roll that decides.
    #[error("member is not on the roll")]
    NotOnRoll,
    /// The chain is no teller's of this vote.
    #[error("chain is no teller's of this vote")]
    NotTeller,
    /// The vote was closed.
    #[error("vote is closed")]
    Closed,
    /// A close could name only tellers that have shut.
    #[error("as many tellers have shut as a close names")]
    Late,
    /// The time for it has not come.
    #[error("too early before {until}")]
    Early {
        /// When it comes.
        until: Timestamp,
    },
    /// A close needs more Shuts than there are.
    #[error("{have} of {needed} shuts are here")]
    Shuts {
        /// Tellers that have shut.
        have: usize,
        /// How many a close names.
        needed: usize,
    },
    /// The vote was not opened as charter and proposal say.
    #[error("vote was opened otherwise than charter and proposal say")]
    Deviates(#[source] Deviation),
    /// The ballots do not confirm the certificate.
    #[error("certificate is not confirmed by a recount")]
    NotConfirmed(Recount),
    /// Only an accepted proposal takes effect.
    #[error("proposal was not accepted")]
    NotAccepted(Outcome),
    /// The record would not be Valid.
    #[error("record would break a rule")]
    Broken(Breach<VoteRule>),
    /// The record would wait for something, or be too long.
    #[error("record cannot be written")]
    Unwritable,
}

impl Coded for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NoPlace => "vote.refused.place",
            Self::NotOwner => "vote.refused.owner",
            Self::NoRules => "vote.refused.rules",
            Self::UnknownProposal(_) => "vote.refused.proposal",
            Self::UnknownOpening(_) => "vote.refused.opening",
            Self::UnknownClose(_) => "vote.refused.close",
            Self::NotOnRoll => "vote.refused.roll",
            Self::NotTeller => "vote.refused.teller",
            Self::Closed => "vote.refused.closed",
            Self::Late => "vote.refused.late",
            Self::Early { .. } => "vote.refused.early",
            Self::Shuts { .. } => "vote.refused.shuts",
            Self::Deviates(_) => "vote.refused.deviates",
            Self::NotConfirmed(_) => "vote.refused.recount",
            Self::NotAccepted(_) => "vote.refused.outcome",
            Self::Broken(breach) => breach.code(),
            Self::Unwritable => "vote.refused.unwritable",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::NoPlace | Self::Unwritable => Fault::Caller,
            _ => Fault::Rule,
        }
    }
}
