//! Own chains that rest: their owner agreed to a next epoch.
//!
//! Whoever signs the terms of a next epoch says where the chain ends. A record
//! written after that would be beyond the Seal to come, so the chain rests
//! until the Open is here. The row about it is durable before the signature is
//! handed out.

use std::collections::BTreeMap;

use icn_types::host::{Batch, LimitError, Store};
use icn_types::id::{ChainId, RecordId};
use icn_types::set::RecordSet;

use super::error::NodeError;
use super::journal::rows;
use super::schema::AGREED;

/// Chains with the Open of the epoch that is to end.
#[derive(Debug, Default)]
pub(super) struct Agreed(BTreeMap<ChainId, RecordId>);

impl Agreed {
    pub(super) async fn open(store: &dyn Store) -> Result<Self, NodeError> {
        Ok(Self(rows(store, &AGREED).await?.into_iter().collect()))
    }

    /// Whether a chain rests: the epoch that its owner agreed to end goes on.
    pub(super) fn rests(&self, set: &RecordSet, chain: &ChainId) -> bool {
        let seat = set.office().and_then(|office| office.seat(chain));
        let ends = self.0.get(chain);
        ends.is_some() && ends.copied() == seat.map(|seat| seat.open())
    }

    /// The chains that rest, ascending.
    pub(super) fn resting(&self, set: &RecordSet) -> impl Iterator<Item = ChainId> {
        let chains = self.0.keys().copied();
        chains.filter(|chain| self.rests(set, chain))
    }

    pub(super) fn put(batch: &mut Batch, chain: ChainId, ends: RecordId) -> Result<(), LimitError> {
        AGREED.put(batch, &chain, &ends)
    }

    pub(super) fn delete(batch: &mut Batch, chain: ChainId) -> Result<(), LimitError> {
        AGREED.delete(batch, &chain)
    }

    /// Takes note of what is durable.
    pub(super) fn insert(&mut self, chain: ChainId, ends: RecordId) {
        self.0.insert(chain, ends);
    }

    /// Takes note of what is durable.
    pub(super) fn remove(&mut self, chain: &ChainId) {
        self.0.remove(chain);
    }
}
