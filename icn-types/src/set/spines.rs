//! All spines: by chain for whoever asks, by number for stored records.

use alloc::vec::Vec;
use core::slice;

use crate::id::{ChainId, RecordId, TopicId};
use crate::index::Index;

use super::RecordSet;
use super::arena::{Arena, Slot};
use super::spine::{Movement, Spine};

/// A chain, by the order in which this set happened to store its first record.
///
/// It means something in one set only; it is never sent, stored or used to
/// decide an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChainNumber(u32);

impl ChainNumber {
    pub(super) const fn counted(number: u32) -> Self {
        Self(number)
    }

    pub(super) const fn number(self) -> u32 {
        self.0
    }

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The spine of every chain with a stored record.
///
/// A record knows the number of its chain, so that asking whether it lies on
/// its spine searches for nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Spines {
    by_chain: Index<ChainId>,
    spines: Vec<Spine>,
}

impl Spines {
    /// The number of a chain, which from now on has a spine. `None` when there
    /// are no more numbers.
    pub(super) fn number(&mut self, chain: ChainId, topic: TopicId) -> Option<ChainNumber> {
        if let Some(number) = self.find(&chain) {
            return Some(number);
        }
        let number = u32::try_from(self.spines.len()).ok()?;
        self.by_chain.insert(&chain, self.spines.len());
        self.spines.push(Spine::new(chain, topic));
        Some(ChainNumber(number))
    }

    /// The number of a chain with a stored record.
    pub(super) fn find(&self, chain: &ChainId) -> Option<ChainNumber> {
        let is = |at: usize| matches!(self.spines.get(at), Some(spine) if spine.chain == *chain);
        let number = self.by_chain.find(chain, is)?;
        u32::try_from(number).ok().map(ChainNumber)
    }

    pub(super) fn numbered(&self, number: ChainNumber) -> &Spine {
        &self.spines[number.index()]
    }

    pub(super) fn numbered_mut(&mut self, number: ChainNumber) -> &mut Spine {
        &mut self.spines[number.index()]
    }

    pub(super) fn of(&self, chain: &ChainId) -> Option<&Spine> {
        self.find(chain).map(|number| self.numbered(number))
    }

    pub(super) fn of_mut(&mut self, chain: &ChainId) -> Option<&mut Spine> {
        let number = self.find(chain)?;
        Some(self.numbered_mut(number))
    }

    pub(super) const fn len(&self) -> usize {
        self.spines.len()
    }

    /// Chains in the order of their numbers, which is that of their first
    /// records, from the first one that starts at a slot of this index or later.
    pub(super) fn starting_from(&self, index: usize) -> &[Spine] {
        let is_earlier = |spine: &Spine| {
            let root = spine.roots().iter().min();
            root.is_none_or(|root| root.index() < index)
        };
        let before = self.spines.partition_point(is_earlier);
        self.spines.get(before..).unwrap_or_default()
    }

    /// In the order of their numbers, which differs from set to set.
    pub(super) fn iter(&self) -> slice::Iter<'_, Spine> {
        self.spines.iter()
    }

    /// Ascending by chain. Costs O(n log n).
    pub(super) fn ascending(&self) -> Vec<&Spine> {
        let mut spines: Vec<&Spine> = self.spines.iter().collect();
        spines.sort_unstable_by_key(|spine| spine.chain);
        spines
    }
}

/// Which records come before which.
#[derive(Clone, Copy)]
pub(super) struct Paths<'a> {
    pub(super) arena: &'a Arena,
    pub(super) spines: &'a Spines,
}

impl Paths<'_> {
    pub(super) fn find(self, id: &RecordId) -> Option<Slot> {
        self.arena.find(id)
    }

    fn on_spine(self, slot: Slot) -> bool {
        let spine = self.spines.numbered(self.arena.node(slot).spine);
        spine.contains(self.arena, slot)
    }

    /// Whether `ancestor` lies on the chain up to and including `head`. A walk
    /// between them only where `head` lies beside its spine.
    pub(super) fn on_path(self, ancestor: Slot, head: Slot) -> bool {
        if self.on_spine(head) {
            let (above, below) = (self.arena.node(head), self.arena.node(ancestor));
            self.on_spine(ancestor) && below.spine == above.spine && below.seq <= above.seq
        } else {
            self.arena.on_path(ancestor, head)
        }
    }
}

impl RecordSet {
    pub(super) const fn paths(&self) -> Paths<'_> {
        Paths {
            arena: &self.arena,
            spines: &self.spines,
        }
    }

    /// Whether `ancestor` lies on the chain up to and including `head`. Costs
    /// the distance between them, nothing where both lie on a spine.
    #[must_use]
    pub fn on_path(&self, ancestor: Slot, head: Slot) -> bool {
        self.paths().on_path(ancestor, head)
    }

    /// Whether the record lies on its chain's spine.
    #[must_use]
    pub fn on_spine(&self, slot: Slot) -> bool {
        self.paths().on_spine(slot)
    }

    /// The name of a stored record, without a look at what it says.
    #[must_use]
    pub fn id(&self, slot: Slot) -> RecordId {
        self.arena.id(slot)
    }

    /// The chain of a record. It and [`topic`](Self::topic) cost less than to
    /// ask the record itself.
    #[must_use]
    pub fn chain(&self, slot: Slot) -> ChainId {
        self.spines.numbered(self.chain_of(slot)).chain
    }

    /// The topic of a record.
    #[must_use]
    pub fn topic(&self, slot: Slot) -> TopicId {
        self.spines.numbered(self.chain_of(slot)).topic
    }

    /// A record's position on its chain.
    #[must_use]
    pub fn seq(&self, slot: Slot) -> u64 {
        self.arena.node(slot).seq
    }

    /// The number of a record's chain.
    #[must_use]
    pub fn chain_of(&self, slot: Slot) -> ChainNumber {
        self.arena.node(slot).spine
    }

    /// The number of a chain, if a record of it is stored.
    #[must_use]
    pub fn chain_number(&self, chain: &ChainId) -> Option<ChainNumber> {
        self.spines.find(chain)
    }

    /// Whether every stored record lies on a spine. Nothing is contested,
    /// void or beside a chain then.
    #[must_use]
    pub fn is_straight(&self) -> bool {
        self.crooked.is_empty()
    }

    /// A number that changes whenever a record left a spine, an open fork
    /// became another one, or a Seal or Recall moved a spine.
    ///
    /// While it stays, spines only grew and forks stayed. Records may have come
    /// to lie beside them: of these, only one that a canonical record names, or
    /// comes to name, is canonical.
    #[must_use]
    pub const fn bends(&self) -> u64 {
        self.bends
    }

    /// The same for the chains of one topic alone.
    #[must_use]
    pub fn bends_in(&self, topic: &TopicId) -> u64 {
        self.bent.get(topic).copied().unwrap_or_default()
    }

    /// Takes note of what happened to a spine.
    pub(super) fn moved(&mut self, chain: ChainId, movement: Movement, is_straight: bool) {
        if movement == Movement::Bent {
            self.bends += 1;
            if let Some(spine) = self.spines.of(&chain) {
                *self.bent.entry(spine.topic).or_default() += 1;
            }
        }
        if is_straight {
            self.crooked.remove(&chain);
        } else {
            self.crooked.insert(chain);
        }
    }
}
