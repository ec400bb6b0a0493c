//! Requests of the host: what becomes of them, and those about votes.

use icn_governance::author::{Drafted, Refusal as VoteRefusal, draft_ballot, draft_proposal};
use icn_governance::body::{Ballot, Choice, Proposal};
use icn_ledger::Refusal as MoneyRefusal;
use icn_ledger::member::CreditRefusal;
use icn_types::error::{Coded, Fault};
use icn_types::id::{ChainId, RecordId, TopicId, UnitId};
use icn_types::record::Draft;
use icn_types::resume::Standing;
use icn_types::set::AuthorityRule;
use icn_types::time::Times;
use icn_types::verdict::Breach;

use super::error::NodeError;
use super::{Node, SharedSigner};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the two outcomes of a granted request"
)]
pub enum Authored {
    /// The record was written and is durable.
    New(RecordId),
    /// The same request was granted before, by this record.
    Again(RecordId),
}

impl Authored {
    /// The record.
    #[must_use]
    pub const fn id(self) -> RecordId {
        match self {
            Self::New(id) | Self::Again(id) => id,
        }
    }
}

/// Why a request was not granted. Nothing was written, unless the node itself
/// failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorError {
    /// A rule of voting says no.
    #[error("vote is refused")]
    Vote(#[from] VoteRefusal),
    /// A rule of the ledger says no.
    #[error("entry is refused")]
    Money(#[from] MoneyRefusal),
    /// The member's devices get no more credit, or not so.
    #[error("credit is refused")]
    Credit(#[from] CreditRefusal),
    /// The act would break a rule of the authority chain.
    #[error("act would be invalid by {}", .0.code())]
    Act(Breach<AuthorityRule>),
    /// The batch has more requests than one commit takes.
    #[error("batch has more than {max} requests")]
    Batch {
        /// The most requests.
        max: usize,
    },
    /// The authority chain cannot be written now: it forks, a record that the
    /// act names is not decided, or a chain was sealed further than this node
    /// holds it.
    #[error("authority chain cannot be written now")]
    NoPlace,
    /// More is claimed of an account than an Open can charge, so none is written.
    #[error("{claimed} atoms are claimed of chain {chain}, more than an Open can charge")]
    Claimed {
        /// The account.
        chain: ChainId,
        /// How much is claimed, in atoms.
        claimed: u128,
    },
    /// A Recall is not signed by more than two thirds of the voters.
    #[error("recall is not signed by more than two thirds")]
    Votes,
    /// The owner did not agree to just these terms: signed others, or signed
    /// at another last record than the one that is known here.
    #[error("owner of chain {0} did not agree to these terms")]
    Terms(ChainId),
    /// The owner agreed to a next epoch of the chain and writes nothing until
    /// its Open is here, or until the owner [withdraws](Node::withdraw).
    #[error("chain {0} waits for the epoch that its owner agreed to")]
    Agreed(ChainId),
    /// The chain is not confirmed by others since the node was opened: it may
    /// go on further than this store knows. Ask again later; a chain that
    /// forks needs a Seal and a new Open.
    #[error("end of chain {chain} is not confirmed by others")]
    Unconfirmed {
        /// The chain.
        chain: ChainId,
        /// What is missing.
        standing: Standing,
    },
    /// This node has no key of the chain.
    #[error("node has no key of chain {0}")]
    NoKey(ChainId),
    /// Decided money moves with its audit line, and the audit log of this node
    /// takes none now: it is frozen, forks, ends soon, its key is not here, or
    /// its signer does not sign.
    #[error("audit log of this node takes no line now")]
    NoAudit,
    /// Nobody would follow a chain in a topic that this node does not follow.
    #[error("node does not follow topic {0}")]
    NoTopic(TopicId),
    /// This node keeps no accounts in the unit.
    #[error("node keeps no accounts in unit {0}")]
    NoUnit(UnitId),
    /// The node failed.
    #[error("node failed")]
    Node(#[from] NodeError),
}

impl Coded for AuthorError {
    fn code(&self) -> &'static str {
        match self {
            Self::Vote(refusal) => refusal.code(),
            Self::Money(refusal) => refusal.code(),
            Self::Credit(refusal) => refusal.code(),
            Self::Act(breach) => breach.code(),
            Self::Batch { .. } => "node.batch",
            Self::NoPlace => "node.no_place",
            Self::Claimed { .. } => "node.claimed",
            Self::Votes => "node.votes",
            Self::Terms(_) => "node.terms",
            Self::Agreed(_) => "node.agreed",
            Self::Unconfirmed { .. } => "node.unconfirmed",
            Self::NoKey(_) => "node.key",
            Self::NoAudit => "node.no_audit",
            Self::NoTopic(_) => "node.no_topic",
            Self::NoUnit(_) => "node.no_unit",
            Self::Node(error) => error.code(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Vote(refusal) => refusal.fault(),
            Self::Money(refusal) => refusal.fault(),
            Self::Credit(refusal) => refusal.fault(),
            Self::Act(_) | Self::Claimed { .. } => Fault::Rule,
            Self::Unconfirmed { .. } | Self::NoPlace | Self::Agreed(_) | Self::NoAudit => {
                Fault::Environment
            }
            Self::NoKey(_)
            | Self::Votes
            | Self::NoTopic(_)
            | Self::NoUnit(_)
            | Self::Terms(_)
            | Self::Batch { .. } => Fault::Caller,
            Self::Node(error) => error.fault(),
        }
    }
}

impl Node {
    /// Writes a proposal on a member's chain.
    ///
    /// # Errors
    /// [`AuthorError`] when it is refused or the node fails.
    pub async fn propose(
        &mut self,
        chain: &ChainId,
        proposal: Proposal,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        self.ready()?;
        let at = self.not_before_tip(chain, times.now);
        let drafted = draft_proposal(self.set(), self.governance(), chain, proposal, at)?;
        self.author_vote(chain, drafted, times).await
    }

    /// Casts a member's ballot in the vote that `opening` started.
    ///
    /// # Errors
    /// [`AuthorError`] when it is refused or the node fails.
    pub async fn vote(
        &mut self,
        chain: &ChainId,
        opening: RecordId,
        choice: Choice,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        self.ready()?;
        let ballot = Ballot { opening, choice };
        let at = self.not_before_tip(chain, times.now);
        let drafted = draft_ballot(self.set(), self.governance(), chain, ballot, at)?;
        self.author_vote(chain, drafted, times).await
    }

    async fn author_vote(
        &mut self,
        chain: &ChainId,
        drafted: Drafted,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        match drafted {
            Drafted::Again(id) => Ok(Authored::Again(id)),
            Drafted::New(draft) => self.author(chain, *draft, times).await,
        }
    }

    /// Writes a record on a chain of this node, if others confirmed its end.
    async fn author(
        &mut self,
        chain: &ChainId,
        draft: Draft,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        let id = draft.header().id();
        self.store_all(vec![(*chain, draft)], &[], times).await?;
        Ok(Authored::New(id))
    }

    /// The signer of a chain that this node may write now.
    pub(super) fn writer(&self, chain: &ChainId) -> Result<SharedSigner, AuthorError> {
        let signer = self.signer_of(chain).ok_or(AuthorError::NoKey(*chain))?;
        let standing = self.standing(chain);
        if standing != Standing::Confirmed {
            let chain = *chain;
            return Err(AuthorError::Unconfirmed { chain, standing });
        }
        if self.agreed.rests(self.set(), chain) {
            return Err(AuthorError::Agreed(*chain));
        }
        Ok(signer.clone())
    }
}
