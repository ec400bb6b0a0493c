//! The vector clock of a topic: what two replicas compare.

use std::collections::BTreeMap;
use std::sync::Arc;

use icn_types::id::{ChainId, Digest, TopicId};
use icn_types::set::{Beside, BesideParts, RecordSet, Row, Slot};

use crate::wire::Stray;

/// What a replica holds of one topic, committed to by a digest.
///
/// Rows are `(chain, seq, head)`, ascending by chain; a head commits to
/// everything before it, so equal rows mean equal prefixes. Strays are the
/// canonical records that no row covers: fork pairs and what others rely on
/// beside a spine, and records whose content is missing. An honest topic has
/// none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorClock {
    digest: Digest,
    rows: Vec<Row>,
    strays: Vec<Stray>,
}

impl VectorClock {
    /// The set digest: equal exactly when the canonical records are.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Rows, ascending by chain.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Canonical records that no row covers, ascending by id.
    #[must_use]
    pub fn strays(&self) -> &[Stray] {
        &self.strays
    }

    /// The row of a chain.
    #[must_use]
    pub fn row(&self, chain: &ChainId) -> Option<&Row> {
        let at = self
            .rows
            .binary_search_by_key(chain, |row| row.chain)
            .ok()?;
        self.rows.get(at)
    }
}

/// Clocks of all followed topics, computed again only after a change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clocks {
    computed: BTreeMap<TopicId, Arc<VectorClock>>,
    beside: Beside,
}

impl Clocks {
    /// Of a set of which this is known.
    pub(crate) const fn new(beside: Beside) -> Self {
        Self {
            computed: BTreeMap::new(),
            beside,
        }
    }

    /// The set digest of a topic, whether it is followed or not.
    pub(crate) fn digest(&self, set: &RecordSet, topic: TopicId) -> Digest {
        let known = self.beside.known(set);
        known.unwrap_or_else(|| set.canonical()).digest(topic)
    }

    /// What is known of the set, looked for where it is not.
    pub(crate) fn beside(&mut self, set: &RecordSet) -> BesideParts {
        self.beside.parts(set)
    }

    /// Takes note of a record that the set added or completed. One that lies
    /// beside its spine and that nothing canonical names is in no clock.
    pub(crate) fn note(&mut self, set: &RecordSet, slot: Slot) {
        if self.beside.update(set, slot) {
            self.computed.clear();
        }
    }

    /// Costs one walk over the rows, or over the set where a spine moved since
    /// the last time.
    pub(crate) fn read(
        &mut self,
        set: &RecordSet,
        topics: impl IntoIterator<Item = TopicId>,
        topic: TopicId,
    ) -> Option<Arc<VectorClock>> {
        if self.computed.is_empty() {
            let canonical = self.beside.canonical(set);
            for topic in topics {
                let strays = canonical.irregular(topic).into_iter();
                let clock = VectorClock {
                    digest: canonical.digest(topic),
                    rows: canonical.rows(topic),
                    strays: strays.map(|(id, content)| Stray { id, content }).collect(),
                };
                self.computed.insert(topic, Arc::new(clock));
            }
        }
        self.computed.get(&topic).cloned()
    }
}
