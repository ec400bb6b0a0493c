//! Records by small number: what every structure of a set points with, and
//! the keys that some of them state.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::num::NonZeroU32;
use core::slice;
use core::sync::atomic::{AtomicBool, Ordering};

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

impl EpochNumber {
    pub(super) fn counted(index: usize) -> Option<Self> {
        counted(index).map(Self)
    }

    pub(super) const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl Slot {
    /// The least slot, for ranges over slots.
    pub const FIRST: Self = Self(NonZeroU32::MIN);
    /// The greatest slot, for ranges over slots.
    pub const LAST: Self = Self(NonZeroU32::MAX);

    /// The number, counted from 1.
    pub(super) const fn number(self) -> u32 {
        self.0.get()
    }

    /// The number, for tables indexed by slot.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0.get() as usize - 1
    }

    /// The slot of a place in such a table.
    pub(crate) fn of_index(index: usize) -> Option<Self> {
        counted(index).map(Self)
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

/// Whether anybody asked for a record that is not at hand.
///
/// Orders nothing: whoever lets several threads ask waits for them before it
/// asks about that.
#[derive(Debug)]
struct Missed(AtomicBool);

impl Missed {
    const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    fn is_noted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Clone for Missed {
    fn clone(&self) -> Self {
        Self(AtomicBool::new(self.is_noted()))
    }
}

#[derive(Debug, Clone)]
pub(super) struct Arena {
    nodes: Vec<Node>,
    /// What they say. None of a record that is not at hand.
    records: Vec<Option<Record>>,
    /// Stands in for every record that is not at hand.
    stand_in: Record,
    missed: Missed,
    by_id: Index<RecordId>,
    /// Records that name one as `prev`, where they are several, ascending by id.
    forks: BTreeMap<Slot, Vec<Slot>>,
    /// Epochs by the record that starts them, once its content is here.
    epochs: Directory<RecordId, Epoch>,
}

impl Arena {
    pub(super) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            records: Vec::new(),
            stand_in: Record::stand_in(),
            missed: Missed::new(),
            by_id: Index::new(),
            forks: BTreeMap::new(),
            epochs: Directory::new(),
        }
    }

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

    #[inline]
    pub(super) fn record(&self, slot: Slot) -> &Record {
        match &self.records[slot.index()] {
            Some(record) => record,
            None => self.miss(),
        }
    }

    #[cold]
    fn miss(&self) -> &Record {
        self.note_missed();
        &self.stand_in
    }

    pub(super) fn note_missed(&self) {
        self.missed.note();
    }

    pub(super) fn is_at_hand(&self, slot: Slot) -> bool {
        self.records.get(slot.index()).is_some_and(Option::is_some)
    }

    pub(super) fn missed(&self) -> bool {
        self.missed.is_noted()
    }

    pub(super) fn complete(&mut self, slot: Slot, copy: Record) {
        if let Some(record) = &mut self.records[slot.index()] {
            record.complete(copy);
        }
    }

    pub(super) fn epoch(&self, id: &RecordId) -> Option<&Epoch> {
        self.epochs.get(id)
    }

    /// The number of an epoch whose key is known.
    pub(super) fn epoch_number(&self, id: &RecordId) -> Option<EpochNumber> {
        EpochNumber::counted(self.epochs.find(id)?)
    }

    pub(super) fn numbered_epoch(&self, number: EpochNumber) -> Option<&Epoch> {
        self.epochs.at(number.index())
    }

    /// The record that set the writer's key. Of an epoch with an Open nobody
    /// looks at the record itself.
    pub(super) fn epoch_id(&self, slot: Slot) -> Option<RecordId> {
        match self.node(slot).epoch {
            Some(number) => self.numbered_epoch(number).map(Epoch::id),
            None => self.record(slot).epoch(),
        }
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

    /// Records that share their `prev`, ascending by id.
    pub(super) fn forks(&self) -> impl Iterator<Item = &[Slot]> {
        self.forks.values().map(Vec::as_slice)
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
        let node = Node {
            id: record.id(),
            seq: record.seq(),
            prev,
            spine,
            epoch,
            child: None,
        };
        let slot = self.place(node, Some(record))?;
        self.by_id.insert(&node.id, slot.index());
        Some(slot)
    }

    /// Stores where a record stands, and what it says if that is at hand.
    fn place(&mut self, node: Node, record: Option<Record>) -> Option<Slot> {
        let slot = Slot(counted(self.nodes.len())?);
        if let Some(prev) = node.prev {
            self.adopt(prev, slot, &node.id);
        }
        self.nodes.push(node);
        self.records.push(record);
        Some(slot)
    }

    /// Room for so many more nodes at once, if there is any.
    pub(super) fn reserve(&mut self, more: usize) {
        // Whoever has no room for a guess may have room for what comes.
        let _is_there = self.nodes.try_reserve(more);
        let _is_there = self.records.try_reserve(more);
    }

    /// Stores where a record stands that is not at hand, and not to be found before [`index`](Self::index). `None` when the set is full.
    pub(super) fn sketch(
        &mut self,
        id: RecordId,
        seq: u64,
        prev: Option<Slot>,
        spine: ChainNumber,
        epoch: Option<EpochNumber>,
    ) -> Option<Slot> {
        let node = Node {
            id,
            seq,
            prev,
            spine,
            epoch,
            child: None,
        };
        self.place(node, None)
    }

    /// Lets all records be found that were sketched, of which none may stand
    /// twice.
    ///
    /// # Errors
    /// The one that does.
    pub(super) fn index(&mut self) -> Result<(), RecordId> {
        let id = |at: usize| self.nodes.get(at).map(|node: &Node| &node.id);
        let index = Index::of(self.nodes.len(), id);
        self.by_id = index.map_err(|twice| self.nodes[twice].id)?;
        Ok(())
    }

    /// Puts a record where it is not at hand.
    pub(super) fn bring(&mut self, slot: Slot, record: Record) {
        self.records[slot.index()] = Some(record);
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
