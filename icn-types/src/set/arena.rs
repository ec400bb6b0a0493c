//! Records by small number: what every structure of a set points with, and
//! the keys that some of them state.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::num::NonZeroU32;
use core::slice;

use crate::id::RecordId;
use crate::index::{Directory, Index};
use crate::record::Record;

use super::admission::Epoch;
use super::spines::ChainNumber;

/// A stored record, by the order in which this set happened to store it.
///
/// A slot means something in one set only; it is never sent, stored or used
/// to decide an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(NonZeroU32);

impl Slot {
    /// The least slot, for ranges over slots.
    pub const FIRST: Self = Self(NonZeroU32::MIN);
    /// The greatest slot, for ranges over slots.
    pub const LAST: Self = Self(NonZeroU32::MAX);

    /// The number, for tables indexed by slot.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// An epoch by the order in which its key became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EpochNumber(NonZeroU32);

/// Counts from one, so that none takes no room.
fn counted(index: usize) -> Option<NonZeroU32> {
    NonZeroU32::new(u32::try_from(index).ok()?.checked_add(1)?)
}

/// Where a record stands: asked far more often than what it says, and so kept
/// apart from it, in one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Node {
    id: RecordId,
    pub(super) seq: u64,
    pub(super) prev: Option<Slot>,
    /// The chain that it lies on.
    pub(super) spine: ChainNumber,
    /// Its epoch, where that is one with an Open.
    pub(super) epoch: Option<EpochNumber>,
    /// A record that names this one as `prev`.
    child: Option<Slot>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Arena {
    nodes: Vec<Node>,
    records: Vec<Record>,
    by_id: Index<RecordId>,
    /// Records that name one as `prev`, where they are several, ascending by id.
    forks: BTreeMap<Slot, Vec<Slot>>,
    /// Epochs by the record that starts them, once its content is here.
    epochs: Directory<RecordId, Epoch>,
}

impl Arena {
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..self.nodes.len()).map_while(counted).map(Slot)
    }

    pub(super) fn find(&self, id: &RecordId) -> Option<Slot> {
        let has_id = |at| self.nodes.get(at).is_some_and(|node: &Node| node.id == *id);
        self.slot(self.by_id.find(id, has_id)?)
    }

    pub(super) fn slot(&self, index: usize) -> Option<Slot> {
        let number = counted(index).filter(|_| index < self.nodes.len());
        number.map(Slot)
    }

    pub(super) fn slot_ahead(&self, ahead: usize) -> Option<Slot> {
        counted(self.nodes.len().checked_add(ahead)?).map(Slot)
    }

    pub(super) fn node(&self, slot: Slot) -> &Node {
        &self.nodes[slot.index()]
    }

    pub(super) fn id(&self, slot: Slot) -> RecordId {
        self.node(slot).id
    }

    pub(super) fn record(&self, slot: Slot) -> &Record {
        &self.records[slot.index()]
    }

    pub(super) fn complete(&mut self, slot: Slot, copy: Record) {
        self.records[slot.index()].complete(copy);
    }

    pub(super) fn epoch(&self, id: &RecordId) -> Option<&Epoch> {
        self.epochs.get(id)
    }

    /// The number of an epoch whose key is known.
    pub(super) fn epoch_number(&self, id: &RecordId) -> Option<EpochNumber> {
        counted(self.epochs.find(id)?).map(EpochNumber)
    }

    pub(super) fn numbered_epoch(&self, number: EpochNumber) -> Option<&Epoch> {
        self.epochs.at(number.0.get() as usize - 1)
    }

    /// Records that name this one as `prev`, ascending by id.
    pub(super) fn children(&self, slot: Slot) -> &[Slot] {
        match &self.node(slot).child {
            Some(child) if self.forks.is_empty() => slice::from_ref(child),
            Some(child) => match self.forks.get(&slot) {
                Some(children) => children,
                None => slice::from_ref(child),
            },
            None => &[],
        }
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
        spine: ChainNumber,
        epoch: Option<EpochNumber>,
    ) -> Option<Slot> {
        let slot = Slot(counted(self.nodes.len())?);
        let id = record.id();
        if let Some(prev) = prev {
            self.adopt(prev, slot, &id);
        }
        self.by_id.insert(&id, slot.index());
        self.nodes.push(Node {
            id,
            seq: record.seq(),
            prev,
            spine,
            epoch,
            child: None,
        });
        self.records.push(record);
        Some(slot)
    }

    /// Notes a new child.
    fn adopt(&mut self, parent: Slot, child: Slot, id: &RecordId) {
        let node = &mut self.nodes[parent.index()];
        let Some(first) = node.child else {
            node.child = Some(child);
            return;
        };
        let mut children = match self.forks.remove(&parent) {
            Some(children) => children,
            None => Vec::from([first]),
        };
        children.insert(self.rank(&children, id), child);
        self.forks.insert(parent, children);
    }

    /// Where `id` belongs among slots that ascend by id.
    pub(super) fn rank(&self, slots: &[Slot], id: &RecordId) -> usize {
        slots.partition_point(|&slot| self.node(slot).id < *id)
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
        let depth = self.node(ancestor).seq;
        self.back(Some(head))
            .take_while(|&slot| self.node(slot).seq >= depth)
            .any(|slot| slot == ancestor)
    }
}
