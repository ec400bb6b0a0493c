//! What lies beside the spines and counts all the same.
//!
//! A record beside its spine is canonical only as one of a fork's pair or
//! because a canonical record names it. Whoever holds a key may write any
//! number of others, below a Seal or on a branch: those move no label, and
//! telling that they do not costs nothing but looking them up.

mod rows;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::id::{RecordId, TopicId};
use icn_types::set::{Canonical, RecordSet, Slot};

/// Canonical records of one topic beside its spines, as of the last count.
///
/// It says which record makes that count another one. While no spine moves,
/// canonical records only become more: by a record on a spine that names one
/// beside, or by one that comes late and was named before.
#[derive(Clone, Debug)]
pub(crate) struct Beside {
    topic: TopicId,
    canonical: BTreeSet<Slot>,
    /// Records that are not here, each with those that name it.
    awaited: BTreeMap<RecordId, Vec<Slot>>,
}

impl Beside {
    pub(crate) const fn new(topic: TopicId) -> Self {
        Self {
            topic,
            canonical: BTreeSet::new(),
            awaited: BTreeMap::new(),
        }
    }

    /// Takes over what a count found. Linear in the records beside the spines.
    pub(crate) fn count(&mut self, canonical: &Canonical<'_>) {
        let set = canonical.set();
        let beside = canonical.beside();
        self.canonical = beside
            .filter(|&slot| set.topic(slot) == self.topic)
            .collect();
    }

    /// Whether a record beside its spine was canonical at the last count.
    pub(crate) fn contains(&self, slot: Slot) -> bool {
        self.canonical.contains(&slot)
    }

    /// Whether a record of the topic that the set added or completed makes one
    /// canonical that was not, or tells more of one that is. Costs a search for
    /// each of its refs.
    pub(crate) fn is_moved_by(&self, set: &RecordSet, slot: Slot) -> bool {
        if !set.on_spine(slot) {
            return self.contains(slot) || self.is_awaited(set, slot);
        }
        let mut named = set.record(slot).refs().iter().filter_map(|id| set.find(id));
        named.any(|named| {
            set.topic(named) == self.topic && !set.on_spine(named) && !self.contains(named)
        })
    }

    /// Whether a canonical record names this one and was here before it.
    fn is_awaited(&self, set: &RecordSet, slot: Slot) -> bool {
        let by = self.awaited.get(&set.id(slot));
        let is_canonical = |&by: &Slot| set.on_spine(by) || self.contains(by);
        by.is_some_and(|by| by.iter().any(is_canonical))
    }

    /// Nobody awaits a record any more that is here.
    pub(crate) fn arrive(&mut self, set: &RecordSet, slot: Slot) {
        if !self.awaited.is_empty() {
            self.awaited.remove(&set.id(slot));
        }
    }

    /// Remembers what a record that waits names and is not here.
    pub(crate) fn wait(&mut self, set: &RecordSet, slot: Slot) {
        for id in set.record(slot).refs() {
            if set.find(id).is_none() {
                self.awaited.entry(*id).or_default().push(slot);
            }
        }
    }
}
