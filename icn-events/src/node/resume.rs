//! Resume: which own chains a node may write since it was opened.
//!
//! A store that was restored from a backup does not say so. Before its first
//! record on a chain a node therefore waits until others confirm where the
//! chain ends: a peer that holds the same records of the topic does. A Seal
//! over a record that is not here proves the contrary, at any time.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;

use icn_types::authority::Tip;
use icn_types::id::{ChainId, TopicId};
use icn_types::key::PeerId;
use icn_types::resume::{Resume, Standing, Witness};
use icn_types::set::{RecordSet, Row};
use icn_types::topic::Topic;

use super::Node;

/// Own chains and who confirmed them.
#[derive(Clone, Debug)]
pub(super) struct Resuming {
    /// None asks nobody.
    needed: Option<NonZeroU16>,
    waiting: BTreeMap<ChainId, Resume>,
    confirmed: BTreeSet<ChainId>,
}

impl Resuming {
    pub(super) const fn new(needed: Option<NonZeroU16>) -> Self {
        Self {
            needed,
            waiting: BTreeMap::new(),
            confirmed: BTreeSet::new(),
        }
    }

    /// Takes note that a peer holds what this node holds of a topic, in which
    /// `chains` are its own. Answers with those that it was the last to confirm.
    pub(super) fn hear(
        &mut self,
        set: &RecordSet,
        peer: PeerId,
        chains: Vec<ChainId>,
    ) -> Vec<ChainId> {
        let mut fresh = Vec::new();
        let Some(needed) = self.needed else {
            return fresh;
        };
        for chain in chains {
            if self.confirmed.contains(&chain) {
                continue;
            }
            let resume = self.waiting.entry(chain);
            let resume = resume.or_insert_with(|| Resume::new(chain, needed));
            resume.hear(Witness::Peer(peer), row(set, chain));
            if resume.standing(set) == Standing::Confirmed {
                self.waiting.remove(&chain);
                self.confirmed.insert(chain);
                fresh.push(chain);
            }
        }
        fresh
    }

    /// Whether a chain may be written.
    pub(super) fn standing(&self, set: &RecordSet, chain: &ChainId) -> Standing {
        if let Some(record) = set.sealed_beyond(chain) {
            return Standing::Behind { record };
        }
        let Some(needed) = self.needed.filter(|_| !self.confirmed.contains(chain)) else {
            return Standing::Confirmed;
        };
        let unheard = Standing::Unconfirmed { missing: needed };
        let waiting = self.waiting.get(chain);
        waiting.map_or(unheard, |resume| resume.standing(set))
    }
}

impl Node {
    /// Whether a chain whose key this node has may be written: others must have
    /// confirmed where it ends since the node was opened, and no Seal may name a
    /// record of it that is not here. Without peers to ask
    /// ([`with_confirmations`](super::NodeSettings::with_confirmations)) the Seals
    /// alone decide.
    #[must_use]
    pub fn standing(&self, chain: &ChainId) -> Standing {
        if *chain == self.audit().chain_id() {
            return Standing::Confirmed; // nobody else follows it
        }
        self.resuming.standing(self.set(), chain)
    }

    /// Own chains that wait for others to confirm where they end, each with
    /// what is missing. Linear in the chains of this node.
    pub fn unconfirmed(&self) -> impl Iterator<Item = (ChainId, Standing)> + '_ {
        let own = self
            .replica
            .topics()
            .flat_map(|topic| self.own_chains(topic));
        own.map(|chain| (chain, self.standing(&chain)))
            .filter(|(_, standing)| *standing != Standing::Confirmed)
    }

    /// Chains of a topic that this node has the keys of.
    pub(super) fn own_chains(&self, topic: TopicId) -> Vec<ChainId> {
        let (set, office) = (self.set(), self.set().office());
        let lies_there = |chain: &&ChainId| {
            let seat = office.and_then(|office| office.seat(chain));
            let open = seat.and_then(|seat| set.open(&seat.open()));
            open.is_some_and(|open| open.chain.topic() == topic)
        };
        let mut own: Vec<ChainId> = self.watch.own().filter(lies_there).copied().collect();
        let authority = Topic::Authority(set.domain()).id();
        let is_own = |key| self.signer_with(key).is_some();
        if topic == authority && set.registrar().is_some_and(is_own) {
            own.push(set.authority());
        }
        own
    }
}

/// The end of a chain as this node knows it, and a peer with the same records.
/// A fork needs no row: it is seen in the set.
fn row(set: &RecordSet, chain: ChainId) -> Option<Row> {
    let record = set.record(*set.spine(&chain).last()?);
    let (seq, head) = (record.seq(), record.id());
    Some(Row {
        chain,
        tip: Some(Tip { seq, head }),
        fork: None,
    })
}
