//! Resume: which own chains a node may write since it was opened.
//!
//! A store that was restored from a backup does not say so. Before its first
//! record on a chain a node therefore waits until others confirm where the
//! chain ends: a peer that holds the same records of the topic does.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;

use icn_types::authority::Tip;
use icn_types::id::ChainId;
use icn_types::key::PeerId;
use icn_types::resume::{Resume, Standing, Witness};
use icn_types::set::{RecordSet, Row};

/// Own chains and who confirmed them.
#[derive(Debug)]
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
    /// `chains` are its own.
    pub(super) fn hear(
        &mut self,
        set: &RecordSet,
        peer: PeerId,
        chains: impl Iterator<Item = ChainId>,
    ) {
        let Some(needed) = self.needed else {
            return;
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
            }
        }
    }

    /// Whether a chain may be written.
    pub(super) fn standing(&self, set: &RecordSet, chain: &ChainId) -> Standing {
        let Some(needed) = self.needed.filter(|_| !self.confirmed.contains(chain)) else {
            return Standing::Confirmed;
        };
        let unheard = Standing::Unconfirmed { missing: needed };
        let waiting = self.waiting.get(chain);
        waiting.map_or(unheard, |resume| resume.standing(set))
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
