//! Records by small number: what every structure of a set points with, and
//! the keys that some of them state.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::id::RecordId;
use crate::record::Record;

use super::admission::Epoch;
use super::index::Index;
use super::spines::SpineNumber;

/// A stored record, by the order in which this set happened to store it.
///
/// A slot means something in one set only; it is never sent, stored or used
/// to decide an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u32);

impl Slot {
    pub(super) const FIRST: Self = Self(0);
    pub(super) const LAST: Self = Self(u32::MAX);

    /// The number, for tables indexed by slot.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    #[cfg(test)]
    pub(super) const fn numbered(number: u32) -> Self {
        Self(number)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) record: Record,
    pub(super) prev: Option<Slot>,
    /// The chain that it lies on.
    pub(super) spine: SpineNumber,
    /// Records that name this one as `prev`, ascending by id.
    pub(super) children: Vec<Slot>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Arena {
    nodes: Vec<Node>,
    by_id: Index,
    /// Epochs by the record that starts them, once its content is here.
    epochs: BTreeMap<RecordId, Epoch>,
}

impl Arena {
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).map(Slot)
    }

    pub(super) fn find(&self, id: &RecordId) -> Option<Slot> {
        self.by_id.find(id, |slot| self.record(slot).id())
    }

    pub(super) fn node(&self, slot: Slot) -> &Node {
        &self.nodes[slot.index()]
    }

    pub(super) fn record(&self, slot: Slot) -> &Record {
        &self.nodes[slot.index()].record
    }

    pub(super) fn complete(&mut self, slot: Slot, copy: Record) {
        self.nodes[slot.index()].record.complete(copy);
    }

    pub(super) fn epoch(&self, id: &RecordId) -> Option<&Epoch> {
        self.epochs.get(id)
    }

    /// Reads the epoch that a record starts, if it starts one. Done once: a
    /// key costs as much to admit as a signature to check.
    pub(super) fn learn_epoch(&mut self, slot: Slot) {
        let record = self.record(slot);
        if let Some(epoch) = Epoch::of(slot, record) {
            self.epochs.insert(record.id(), epoch);
        }
    }

    /// Stores a record after its predecessor. `None` when the set is full.
    pub(super) fn push(
        &mut self,
        record: Record,
        prev: Option<Slot>,
        spine: SpineNumber,
    ) -> Option<Slot> {
        let slot = Slot(u32::try_from(self.nodes.len()).ok()?);
        let id = record.id();
        if let Some(prev) = prev {
            let at = self.rank(&self.node(prev).children, &id);
            self.nodes[prev.index()].children.insert(at, slot);
        }
        self.by_id.insert(id, slot);
        self.nodes.push(Node {
            record,
            prev,
            spine,
            children: Vec::new(),
        });
        Some(slot)
    }

    /// Where `id` belongs among slots that ascend by id.
    pub(super) fn rank(&self, slots: &[Slot], id: &RecordId) -> usize {
        slots.partition_point(|&slot| self.record(slot).id() < *id)
    }

    /// The record and everything before it on its chain, newest first.
    pub(super) fn back(&self, from: Option<Slot>) -> impl Iterator<Item = Slot> + '_ {
        core::iter::successors(from, |&slot| self.node(slot).prev)
    }

    /// The chain up to and including `head`, oldest first.
    pub(super) fn path(&self, head: Option<Slot>) -> Vec<Slot> {
        let mut path: Vec<Slot> = self.back(head).collect();
        path.reverse();
        path
    }

    /// Whether `ancestor` lies on the chain up to and including `head`. Walks
    /// only the distance between them.
    pub(super) fn on_path(&self, ancestor: Slot, head: Slot) -> bool {
        let depth = self.record(ancestor).seq();
        self.back(Some(head))
            .take_while(|&slot| self.record(slot).seq() >= depth)
            .any(|slot| slot == ancestor)
    }
}
