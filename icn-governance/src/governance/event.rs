use icn_types::authority::{Outcome, ProposalId};
use icn_types::id::{ChainId, RecordId};
use icn_types::key::MemberId;
use icn_types::verdict::Breach;

use crate::count::Recount;
use crate::rules::VoteRule;

/// Something that became known. A notice for people and for the next crate;
/// nothing is decided by the order of events.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A member proposed something.
    ProposalMade {
        /// The record that proposes it.
        record: RecordId,
        /// The proposal.
        proposal: ProposalId,
        /// Who proposes it.
        proposer: MemberId,
    },
    /// Voting was opened.
    Opened {
        /// The opening.
        opening: RecordId,
        /// What is voted on.
        proposal: ProposalId,
    },
    /// A member voted.
    BallotCast {
        /// The opening.
        opening: RecordId,
        /// The ballot.
        ballot: RecordId,
        /// Who voted.
        member: MemberId,
    },
    /// A teller acknowledged a ballot.
    BallotAcknowledged {
        /// The opening.
        opening: RecordId,
        /// The ballot.
        ballot: RecordId,
        /// The teller's chain.
        teller: ChainId,
        /// The receipt.
        receipt: RecordId,
    },
    /// A teller ended its list.
    Shut {
        /// The opening.
        opening: RecordId,
        /// The teller's chain.
        teller: ChainId,
        /// The shut.
        shut: RecordId,
    },
    /// The registrar certified an outcome.
    Closed {
        /// The opening.
        opening: RecordId,
        /// The certificate.
        close: RecordId,
        /// What it claims.
        outcome: Outcome,
        /// Whether the ballots say so.
        recount: Recount,
    },
    /// A certificate whose recount was pending now has an answer.
    Recounted {
        /// The certificate.
        close: RecordId,
        /// The answer.
        recount: Recount,
    },
    /// A decision may take effect.
    ReadyMade {
        /// The certificate.
        close: RecordId,
        /// The record that lets it.
        ready: RecordId,
    },
    /// A record breaks a rule.
    Broken {
        /// The record.
        record: RecordId,
        /// The rule.
        breach: Breach<VoteRule>,
    },
}
