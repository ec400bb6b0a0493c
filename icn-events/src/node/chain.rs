//! Requests about chains that nobody wrote yet: a voice in votes, an account, a
//! teller's list, the audit log of a node.
//!
//! Whoever is to write the chain signs its terms, the registrar's node writes
//! the Open. The signature travels between the two in whatever way the hosts
//! like.

use icn_types::authority::{Act, Consent, ConsentTerms, FORMAT, Grant, Open, Start};
use icn_types::canon::to_bytes;
use icn_types::chain::{Chain, Owner};
use icn_types::id::DomainId;
use icn_types::key::{PublicKey, Signature};
use icn_types::time::Times;

use crate::audit::audit_chain;

use super::Node;
use super::author::{AuthorError, Authored};
use super::error::NodeError;

/// The first epoch of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a caller states")]
pub struct ChainRequest {
    /// The chain: the topic that it lies in, and whose it is.
    pub chain: Chain,
    /// The key that writes it.
    pub key: PublicKey,
    /// The key that may replace the other when it is lost.
    pub recovery: PublicKey,
    /// Credit, for an account.
    pub grant: Option<Grant>,
}

impl ChainRequest {
    /// What is signed: for a member with the key of the roll, for anybody else
    /// with the key that writes the chain.
    #[must_use]
    pub fn terms(&self, domain: DomainId) -> ConsentTerms {
        ConsentTerms {
            domain,
            chain: self.chain.id(),
            start: Start::First,
            key: self.key,
            recovery: self.recovery,
            format: FORMAT,
            grant: self.grant,
        }
    }

    const fn open(&self, consent: Signature) -> Open {
        Open {
            chain: self.chain,
            key: self.key,
            recovery: self.recovery,
            format: FORMAT,
            start: Start::First,
            charged: 0,
            claims: None,
            grant: self.grant,
            consent: Consent::Current(consent),
        }
    }
}

impl Node {
    /// Signs that whoever is to write a chain wants it so. The node needs the
    /// member's key of the roll, or the key that is to write a chain of anybody
    /// else.
    ///
    /// # Errors
    /// [`AuthorError::NoTopic`] where nobody would follow the chain,
    /// [`AuthorError::NoKey`] without that key, or [`AuthorError::Node`] when it
    /// does not sign.
    pub fn agree_to_chain(&self, request: &ChainRequest) -> Result<Signature, AuthorError> {
        self.check_topic(&request.chain)?;
        let office = self.set().office();
        let key = match request.chain.owner() {
            Owner::Member(id, _) => office
                .and_then(|office| office.member(&id))
                .map(|member| member.key),
            _ => Some(request.key),
        };
        let terms = request.terms(self.set().domain());
        let signer = key.and_then(|key| self.signer_with(key));
        let signer = signer.ok_or(AuthorError::NoKey(terms.chain))?;
        self.sound()?;
        let signed = signer.sign(&to_bytes(&terms));
        Ok(signed.map_err(NodeError::from)?)
    }

    /// As registrar, opens a chain. With an account for a device of a member all
    /// of its devices together may owe `limit` atoms at most; of other chains
    /// it says nothing. The same chain is opened once.
    ///
    /// # Errors
    /// [`AuthorError`] when it is refused or the node fails.
    pub async fn open_chain(
        &mut self,
        request: &ChainRequest,
        consent: Signature,
        limit: u64,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        self.ready()?;
        self.check_topic(&request.chain)?;
        let (chain, open) = (request.chain, request.open(consent));
        if let Some(first) = self.epoch_with(&chain.id(), |known| *known == open) {
            return Ok(Authored::Again(first));
        }
        self.admit_credit(&open, limit)?;
        self.author_acts(&[Act::Open(open)], times).await
    }

    /// A chain lies in a topic of this node, or is the log of another one.
    fn check_topic(&self, chain: &Chain) -> Result<(), AuthorError> {
        let topic = chain.topic();
        let is_log = match chain.owner() {
            Owner::Node(peer) => *chain == audit_chain(self.set().domain(), peer),
            _ => false,
        };
        if is_log || self.replica.topics().any(|followed| followed == topic) {
            Ok(())
        } else {
            Err(AuthorError::NoTopic(topic))
        }
    }
}
