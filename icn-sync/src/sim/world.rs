//! Replicas with disks on a simulated network.

use std::collections::BTreeMap;
use std::sync::Arc;

use icn_types::id::{Digest, DomainId, TopicId};
use icn_types::key::PeerId;
use icn_types::time::Ticks;
use icn_types::topic::Topic;

use crate::{Committed, Config, Input, Replica, RestoreError, SyncEvent, VectorClock};

use super::net::{Net, Weather};

/// One node: a replica, what it stored, and what it reported.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Node {
    /// The replica.
    pub replica: Replica,
    /// Everything durable, in the order of storing.
    pub disk: Vec<Vec<u8>>,
    /// Every event so far.
    pub events: Vec<SyncEvent>,
    peers: Vec<PeerId>,
    topics: Vec<Topic>,
}

/// Nodes of one domain.
#[derive(Clone, Debug)]
pub struct World {
    /// The network.
    pub net: Net,
    domain: DomainId,
    topics: Vec<Topic>,
    config: Config,
    now: Ticks,
    nodes: BTreeMap<PeerId, Node>,
}

impl World {
    /// No nodes yet.
    #[must_use]
    pub fn new(seed: u64, domain: DomainId, topics: Vec<Topic>, config: Config) -> Self {
        Self {
            net: Net::new(seed, Weather::fair()),
            domain,
            topics,
            config,
            now: Ticks::default(),
            nodes: BTreeMap::new(),
        }
    }

    /// Adds an empty node that listens to `peers` and follows all topics.
    ///
    /// # Errors
    /// [`RestoreError`] when a topic belongs to another domain.
    pub fn add(&mut self, id: PeerId, peers: Vec<PeerId>) -> Result<(), RestoreError> {
        self.add_following(id, peers, self.topics.clone())
    }

    /// Adds an empty node that follows these topics alone.
    ///
    /// # Errors
    /// [`RestoreError`] when a topic belongs to another domain.
    pub fn add_following(
        &mut self,
        id: PeerId,
        peers: Vec<PeerId>,
        topics: Vec<Topic>,
    ) -> Result<(), RestoreError> {
        let node = Node {
            replica: self.boot(&peers, &topics, &[])?,
            disk: Vec::new(),
            events: Vec::new(),
            peers,
            topics,
        };
        self.nodes.insert(id, node);
        Ok(())
    }

    fn boot(
        &self,
        peers: &[PeerId],
        topics: &[Topic],
        disk: &[Vec<u8>],
    ) -> Result<Replica, RestoreError> {
        Replica::restore(
            self.domain,
            topics.iter().copied(),
            peers.iter().copied(),
            self.config,
            disk,
        )
    }

    /// Connects every node with the peers that it listens to.
    pub fn connect_all(&mut self) {
        let links: Vec<(PeerId, PeerId)> = self
            .nodes
            .iter()
            .flat_map(|(id, node)| node.peers.iter().map(|peer| (*id, *peer)))
            .collect();
        for (id, peer) in links {
            self.input(id, Input::PeerUp(peer));
        }
    }

    /// Loses everything of a node but its disk, and connects it again.
    ///
    /// # Errors
    /// [`RestoreError`] when the disk does not give the records back.
    pub fn restart(&mut self, id: PeerId) -> Result<(), RestoreError> {
        let Some(node) = self.nodes.get(&id) else {
            return Ok(());
        };
        let replica = self.boot(&node.peers, &node.topics, &node.disk)?;
        let peers = node.peers.clone();
        if let Some(node) = self.nodes.get_mut(&id) {
            node.replica = replica;
        }
        for peer in peers {
            self.input(peer, Input::PeerDown(id));
            self.input(peer, Input::PeerUp(id));
            self.input(id, Input::PeerUp(peer));
        }
        Ok(())
    }

    /// Gives an input to a node now: stores, then sends.
    pub fn input(&mut self, to: PeerId, input: Input) {
        let Some(node) = self.nodes.get_mut(&to) else {
            return;
        };
        let step = node.replica.handle(input, self.now);
        for stored in step.stored() {
            node.disk.push(stored.bytes.clone());
        }
        node.events.extend_from_slice(step.events());
        let durable = Committed::i_vouch_that_all_is_durable_through(step.number());
        for (peer, bytes) in step.release(durable).unwrap_or_default() {
            self.net.send(self.now, to, peer, bytes);
        }
    }

    /// Lets time pass: frames arrive and deadlines come.
    pub fn run_for(&mut self, millis: u64) {
        let end = self.now.saturating_add(millis);
        while let Some(next) = self.next_event().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            while let Some(delivery) = self.net.receive(self.now) {
                let (from, bytes) = (delivery.from, delivery.bytes);
                self.input(delivery.to, Input::Frame { from, bytes });
            }
            let due = |node: &Node| {
                node.replica
                    .next_deadline()
                    .is_some_and(|at| at <= self.now)
            };
            let woken: Vec<PeerId> = self
                .nodes
                .iter()
                .filter(|(_, node)| due(node))
                .map(|(id, _)| *id)
                .collect();
            for id in woken {
                self.input(id, Input::Wake);
            }
        }
        self.now = end;
    }

    fn next_event(&self) -> Option<Ticks> {
        let deadlines = self
            .nodes
            .values()
            .filter_map(|node| node.replica.next_deadline());
        deadlines.chain(self.net.next_arrival()).min()
    }

    /// The present time.
    #[must_use]
    pub const fn now(&self) -> Ticks {
        self.now
    }

    /// Clock of a topic at a node.
    pub fn clock(&mut self, id: &PeerId, topic: TopicId) -> Option<Arc<VectorClock>> {
        self.nodes.get_mut(id)?.replica.clock(topic)
    }

    /// A node.
    #[must_use]
    pub fn node(&self, id: &PeerId) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// All nodes, ascending by id.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = (&PeerId, &Node)> {
        self.nodes.iter()
    }

    /// Set digests of all followed topics, for each node.
    pub fn digests(&mut self) -> Vec<Vec<Digest>> {
        self.nodes
            .values_mut()
            .map(|node| {
                let topics: Vec<_> = node.replica.topics().collect();
                let clocks = topics.iter().filter_map(|topic| node.replica.clock(*topic));
                clocks.map(|clock| clock.digest()).collect()
            })
            .collect()
    }

    /// Whether all nodes have equal digests; they must follow the same topics.
    pub fn agrees(&mut self) -> bool {
        let digests = self.digests();
        digests.windows(2).all(|pair| pair[0] == pair[1])
    }

    /// Records sent by all nodes so far.
    #[must_use]
    pub fn records_sent(&self) -> u64 {
        let counters = self.nodes.values().map(|node| node.replica.counters());
        counters.map(|counters| counters.records_sent).sum()
    }
}
