//! The spine of a chain: the one path that counts.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::id::{ChainId, RecordId, TopicId};
use crate::record::Kind;

use super::admission::Epoch;
use super::arena::{Arena, Slot};

/// One chain: its sealed path and the unforked records after it.
///
/// From the last effective Seal on, the spine goes child by child while
/// exactly one well-formed child exists. Validity plays no part, so every
/// replica with the same records has the same spine.
#[derive(Debug, Clone)]
pub(super) struct Spine {
    pub(super) chain: ChainId,
    pub(super) topic: TopicId,
    /// `path[seq]` is the record at `seq`.
    path: Vec<Slot>,
    /// Records that have no predecessor, ascending by id.
    roots: Vec<Slot>,
    /// How many records of the path are sealed.
    sealed: usize,
    /// Opens whose records no longer count right after the sealed ones.
    ended: BTreeSet<RecordId>,
    /// The two lowest ids where the spine forks.
    fork: Option<(Slot, Slot)>,
    /// All stored records of the chain.
    stored: usize,
}

/// What a new record or Seal did to a spine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Movement {
    /// It grew at its end, or stayed.
    Grew,
    /// A record came to lie beside it: the path and its open fork stayed.
    Beside,
    /// Something left it, or its open fork is another one.
    Bent,
}

impl Spine {
    pub(super) const fn new(chain: ChainId, topic: TopicId) -> Self {
        Self {
            chain,
            topic,
            path: Vec::new(),
            roots: Vec::new(),
            sealed: 0,
            ended: BTreeSet::new(),
            fork: None,
            stored: 0,
        }
    }

    pub(super) fn path(&self) -> &[Slot] {
        &self.path
    }

    /// Records that have no predecessor, ascending by id.
    pub(super) fn roots(&self) -> &[Slot] {
        &self.roots
    }

    pub(super) fn tip(&self) -> Option<Slot> {
        self.path.last().copied()
    }

    pub(super) const fn fork(&self) -> Option<(Slot, Slot)> {
        self.fork
    }

    pub(super) const fn sealed(&self) -> usize {
        self.sealed
    }

    /// Whether no record of the chain is stored.
    pub(super) const fn is_empty(&self) -> bool {
        self.stored == 0
    }

    /// Whether every stored record of the chain lies on the spine.
    pub(super) fn is_straight(&self) -> bool {
        self.stored == self.path.len()
    }

    pub(super) fn contains(&self, arena: &Arena, slot: Slot) -> bool {
        usize::try_from(arena.node(slot).seq).is_ok_and(|seq| self.path.get(seq) == Some(&slot))
    }

    /// Takes in a record that the arena has just stored, of a chain without
    /// Seals: where it follows the last record of a straight chain, the chain
    /// stays straight. Elsewhere the path waits to be [followed](Self::follow).
    pub(super) fn sketch(&mut self, arena: &Arena, slot: Slot) {
        let node = arena.node(slot);
        if node.prev.is_none() {
            let at = arena.rank(&self.roots, &arena.id(slot));
            self.roots.insert(at, slot);
        }
        if self.is_straight() && node.prev == self.tip() {
            self.path.push(slot);
        }
        self.stored += 1;
    }

    /// Follows the path from its start, of a chain without Seals.
    pub(super) fn follow(&mut self, arena: &Arena) {
        self.path.clear();
        self.extend(arena);
    }

    /// Takes in a record that the arena has just stored.
    pub(super) fn add(&mut self, arena: &Arena, slot: Slot) -> Movement {
        let node = arena.node(slot);
        self.stored += 1;
        if node.prev.is_none() {
            let at = arena.rank(&self.roots, &arena.id(slot));
            self.roots.insert(at, slot);
        }
        let Ok(seq) = usize::try_from(node.seq) else {
            return Movement::Beside;
        };
        let before = seq
            .checked_sub(1)
            .and_then(|seq| self.path.get(seq).copied());
        if before != node.prev || seq > self.path.len() || seq < self.sealed {
            return Movement::Beside;
        }
        let before = (self.path.len(), self.fork);
        if seq < self.path.len() && self.counts(arena, slot) {
            self.path.truncate(seq);
        }
        self.extend(arena);
        if self.tip() == Some(slot) {
            Movement::Grew
        } else if before == (self.path.len(), self.fork) {
            Movement::Beside
        } else {
            Movement::Bent
        }
    }

    /// Puts the last effective Seal at `head`, `ended` naming the Opens that
    /// final rows ended there.
    pub(super) fn seal(
        &mut self,
        arena: &Arena,
        head: Option<Slot>,
        ended: BTreeSet<RecordId>,
    ) -> Movement {
        let len = head.map_or(0, |head| self.depth(arena, head));
        if len == self.sealed && ended == self.ended && self.holds(arena, head) {
            return Movement::Grew;
        }
        let mut movement = Movement::Grew;
        if len < self.sealed || !self.holds(arena, head) {
            self.path = arena.path(head);
            movement = Movement::Bent;
        }
        self.sealed = len;
        self.ended = ended;
        if let Some(&next) = self.path.get(len) {
            // Which children count right after the Seal may have changed.
            let mut counted = self.counted(arena, head);
            if (counted.next(), counted.next()) != (Some(next), None) {
                drop(counted);
                self.path.truncate(len);
                movement = Movement::Bent;
            }
        }
        let before = (self.path.len(), self.fork);
        self.extend(arena);
        if before != (self.path.len(), self.fork) {
            movement = Movement::Bent;
        }
        movement
    }

    fn depth(&self, arena: &Arena, slot: Slot) -> usize {
        usize::try_from(arena.node(slot).seq).map_or(usize::MAX, |seq| seq.saturating_add(1))
    }

    fn holds(&self, arena: &Arena, head: Option<Slot>) -> bool {
        head.is_none_or(|head| self.contains(arena, head))
    }

    /// Right after final Seals the records of the ended epochs do not count. A
    /// Recall never counts as a child: a Valid one moves the start of the
    /// spine, and any other may come from a stranger.
    fn counts(&self, arena: &Arena, child: Slot) -> bool {
        let Some(epoch) = arena.node(child).epoch else {
            // It lies on the authority chain, where nothing but a Recall ends
            // an epoch.
            return arena.record(child).kind() != Kind::RECALL;
        };
        let right_after = self.depth(arena, child) == self.sealed.saturating_add(1);
        let open = arena.numbered_epoch(epoch).map(Epoch::id);
        let is_ended = |open| self.ended.contains(&open);
        !(right_after && open.is_some_and(is_ended))
    }

    /// Children of a record of the path that count, ascending by id.
    fn counted<'a>(
        &'a self,
        arena: &'a Arena,
        parent: Option<Slot>,
    ) -> impl Iterator<Item = Slot> + 'a {
        let children = match parent {
            Some(parent) => arena.children(parent),
            None => &self.roots,
        };
        let children = children.iter().copied();
        children.filter(|&child| self.counts(arena, child))
    }

    /// Follows the only child until there is none or more than one.
    fn extend(&mut self, arena: &Arena) {
        loop {
            let mut counted = self.counted(arena, self.tip());
            let children = (counted.next(), counted.next());
            drop(counted);
            match children {
                (Some(only), None) => self.path.push(only),
                (Some(lowest), Some(second)) => {
                    self.fork = Some((lowest, second));
                    return;
                }
                (None, _) => {
                    self.fork = None;
                    return;
                }
            }
        }
    }
}
