//! Records that came before what they follow, in bounded numbers.

use std::collections::{BTreeMap, BTreeSet};

use icn_types::id::{ChainId, RecordId, TopicId};
use icn_types::key::PeerId;

use crate::config::Config;
use crate::wire::Envelope;

/// Per peer and chain the earliest record that cannot be stored yet. The rest
/// of a blocked chain is fetched by range once the first one fits.
#[derive(Clone, Debug, Default)]
pub(crate) struct EarlyRecords {
    records: BTreeMap<(PeerId, ChainId), Early>,
    by_missing: BTreeMap<RecordId, BTreeSet<(PeerId, ChainId)>>,
    topics: BTreeMap<TopicId, Load>,
    /// Order of arrival, to give way to newer ones of the same peer.
    arrivals: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Early {
    pub(crate) envelope: Envelope,
    pub(crate) topic: TopicId,
    pub(crate) seq: u64,
    pub(crate) missing: RecordId,
    pub(crate) arrival: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Load {
    records: usize,
    len: usize,
}

/// What is known of a record before it can be stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notice {
    pub(crate) from: PeerId,
    pub(crate) chain: ChainId,
    pub(crate) topic: TopicId,
    pub(crate) seq: u64,
    pub(crate) missing: RecordId,
}

impl EarlyRecords {
    /// Keeps a record if it is the earliest of its chain from this peer and
    /// there is room. Answers whether it is now kept.
    pub(crate) fn keep(&mut self, notice: Notice, envelope: Envelope, config: &Config) -> bool {
        let key = (notice.from, notice.chain);
        if self
            .records
            .get(&key)
            .is_some_and(|kept| kept.seq <= notice.seq)
        {
            return false;
        }
        self.remove(key);
        if self.of_peer(notice.from).count() >= config.early_per_peer {
            let oldest = self
                .of_peer(notice.from)
                .min_by_key(|(_, early)| early.arrival)
                .map(|(key, _)| key);
            oldest.map(|key| self.remove(key));
        }
        let load = self.topics.entry(notice.topic).or_default();
        let len = envelope.as_bytes().len();
        if load.records >= config.early_per_topic || load.len + len > config.early_len_per_topic {
            return false;
        }
        load.records += 1;
        load.len += len;
        self.arrivals += 1;
        self.by_missing
            .entry(notice.missing)
            .or_default()
            .insert(key);
        let early = Early {
            envelope,
            topic: notice.topic,
            seq: notice.seq,
            missing: notice.missing,
            arrival: self.arrivals,
        };
        self.records.insert(key, early);
        true
    }

    /// Takes out what waited for a record.
    pub(crate) fn released_by(&mut self, stored: &RecordId) -> Vec<(PeerId, Envelope)> {
        let keys = self.by_missing.get(stored).cloned().unwrap_or_default();
        keys.into_iter()
            .filter_map(|key| Some((key.0, self.remove(key)?.envelope)))
            .collect()
    }

    /// Drops what came from a peer that is gone.
    pub(crate) fn drop_peer(&mut self, peer: PeerId) {
        let keys: Vec<_> = self.of_peer(peer).map(|(key, _)| key).collect();
        for key in keys {
            self.remove(key);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    fn of_peer(&self, peer: PeerId) -> impl Iterator<Item = ((PeerId, ChainId), &Early)> {
        let first = (peer, ChainId::from_bytes([0; 32]));
        self.records
            .range(first..)
            .take_while(move |((from, _), _)| *from == peer)
            .map(|(key, early)| (*key, early))
    }

    fn remove(&mut self, key: (PeerId, ChainId)) -> Option<Early> {
        let early = self.records.remove(&key)?;
        if let Some(load) = self.topics.get_mut(&early.topic) {
            load.records -= 1;
            load.len -= early.envelope.as_bytes().len();
        }
        if let Some(keys) = self.by_missing.get_mut(&early.missing) {
            keys.remove(&key);
            if keys.is_empty() {
                self.by_missing.remove(&early.missing);
            }
        }
        Some(early)
    }
}
