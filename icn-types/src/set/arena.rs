//! Records by small number: what every structure of a set points with.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::id::RecordId;
use crate::record::Record;

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
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) record: Record,
    pub(super) prev: Option<Slot>,
    /// Records that name this one as `prev`, ascending by id.
    pub(super) children: Vec<Slot>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Arena {
    nodes: Vec<Node>,
    by_id: BTreeMap<RecordId, Slot>,
}

impl Arena {
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).map(Slot)
    }

    pub(super) fn find(&self, id: &RecordId) -> Option<Slot> {
        self.by_id.get(id).copied()
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

    /// Stores a record after its predecessor. `None` when the set is full.
    pub(super) fn push(&mut self, record: Record, prev: Option<Slot>) -> Option<Slot> {
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
