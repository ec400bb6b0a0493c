use std::num::NonZeroU16;
use std::sync::Arc;

use icn_ledger::{Policies, Policy, Unit};
use icn_sync::Config;
use icn_types::canon::Raw;
use icn_types::host::{Store, Transport};
use icn_types::id::ChainId;

use crate::genesis::Genesis;

use super::error::NodeError;
use super::{LeanNode, Node, SharedSigner};

/// Everything that a node is made of. There is no default for any port.
#[derive(Clone)]
pub struct NodeSettings {
    pub(super) genesis: Genesis,
    pub(super) units: Vec<Unit>,
    pub(super) store: Arc<dyn Store>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) signers: Vec<SharedSigner>,
    pub(super) acknowledgement: Acknowledgement,
    pub(super) policies: Policies,
    pub(super) confirmations: Option<NonZeroU16>,
    pub(super) sync: Config,
}

impl std::fmt::Debug for NodeSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeSettings")
            .field("domain", &self.genesis.domain())
            .field("units", &self.units)
            .field("signers", &self.signers.len())
            .field("acknowledgement", &self.acknowledgement)
            .field("policies", &self.policies)
            .finish_non_exhaustive()
    }
}

/// Whether incoming payments are acknowledged without being asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "either the node does it or its owner does"
)]
pub enum Acknowledgement {
    /// Everything that the account may take is taken at once.
    #[default]
    Automatic,
    /// The host decides about each payment.
    Manual,
}

impl NodeSettings {
    /// A node of the cooperative that `genesis` describes. It acknowledges what
    /// arrives, and no account of it has a policy.
    ///
    /// # Errors
    /// [`NodeError::Unit`] when the genesis names a unit that cannot be read
    /// or that another domain issues.
    pub fn new(
        genesis: Genesis,
        store: Arc<dyn Store>,
        transport: Arc<dyn Transport>,
    ) -> Result<Self, NodeError> {
        let units = units(&genesis)?;
        let node = transport.local_peer();
        let is_alone = genesis.peers().iter().all(|peer| peer.id() == node);
        Ok(Self {
            confirmations: (!is_alone).then_some(NonZeroU16::MIN),
            genesis,
            units,
            store,
            transport,
            signers: Vec::new(),
            acknowledgement: Acknowledgement::default(),
            policies: Policies::NONE,
            sync: Config::default(),
        })
    }

    /// Adds a key that the node writes with: for every chain whose epoch names
    /// it, and for the authority chain if it is the registrar's.
    #[must_use]
    pub fn with_signer(mut self, signer: SharedSigner) -> Self {
        self.signers.push(signer);
        self
    }

    /// The same with another way to treat incoming payments.
    #[must_use]
    pub const fn with_acknowledgement(mut self, acknowledgement: Acknowledgement) -> Self {
        self.acknowledgement = acknowledgement;
        self
    }

    /// The same with caps on how fast an account of this node sends when its host
    /// asks for it; without this call nothing but the limits of its grant holds
    /// the account back. What a decision lets an account send is under no policy,
    /// nor is what the node does by itself: it takes what arrives, pays what was
    /// decided and names Seals. The caps count the records of the chain, so a node
    /// that is opened again counts on.
    #[must_use]
    pub fn with_policy(mut self, chain: ChainId, policy: Policy) -> Self {
        self.policies = self.policies.with(chain, policy);
        self
    }

    /// The same with another number of peers that must confirm where an own
    /// chain ends before the node writes it for the first time after it was
    /// opened; none asks nobody.
    ///
    /// A store that was restored from a backup cannot be told from any other.
    /// Whoever writes on from an old one forks its chains, so one peer is asked
    /// unless the genesis lists no other. Ask nobody only where the store is
    /// never restored: only a Seal over what it lost holds the node back then.
    #[must_use]
    pub const fn with_confirmations(mut self, peers: Option<NonZeroU16>) -> Self {
        self.confirmations = peers;
        self
    }

    /// The same with other settings of the exchange with peers.
    #[must_use]
    pub const fn with_sync(mut self, sync: Config) -> Self {
        self.sync = sync;
        self
    }

    /// Opens the node.
    ///
    /// # Errors
    /// As [`Node::open`] says.
    pub async fn open(self) -> Result<Node, NodeError> {
        Node::open(self).await
    }

    /// Opens the node and leaves its history in the store until it is asked for.
    ///
    /// # Errors
    /// As [`LeanNode::open`] says.
    pub async fn open_lean(self) -> Result<LeanNode, NodeError> {
        LeanNode::open(self).await
    }
}

/// The units of a genesis.
pub(super) fn units(genesis: &Genesis) -> Result<Vec<Unit>, NodeError> {
    let read = |raw: &Raw| {
        let unit = raw.read::<Unit>().ok()?;
        (unit.issuer == genesis.domain()).then_some(unit)
    };
    let units = genesis.units().iter().map(read);
    units.collect::<Option<_>>().ok_or(NodeError::Unit)
}
