//! The canonical set: what labels, columns and digests depend on.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::authority::Act;
use crate::canon::to_bytes;
use crate::canonical;
use crate::hash::Hasher;
use crate::id::{ChainId, Digest, RecordId, TopicId};
use crate::record::Kind;

use super::RecordSet;
use super::arena::Slot;

/// What a Valid record counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the three places that a valid record can have"
)]
pub enum Label {
    /// On the spine of its chain.
    Posted,
    /// Beside the spine, at or above the open fork of its chain.
    Contested,
    /// Beside the spine otherwise.
    Void,
}

/// One line of a topic's clock: how far a chain goes, and its open fork.
///
/// Equal rows mean equal prefixes, because the head commits to everything
/// before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "wire format: its fields are the format"
)]
pub struct Row {
    /// The chain.
    pub chain: ChainId,
    /// Last record of the spine by position and id; none while the chain forks
    /// at its very start.
    pub tip: Option<crate::authority::Tip>,
    /// The two lowest ids of the open fork.
    pub fork: Option<Pair>,
}
canonical!(Row { chain, tip, fork });

/// Two ids, lower first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "wire format: its fields are the format"
)]
pub struct Pair {
    /// The lower id.
    pub low: RecordId,
    /// The higher id.
    pub high: RecordId,
}
canonical!(Pair { low, high });

/// The canonical part of a set at one moment.
///
/// Where all chains are straight it is simply everything. Otherwise finding it
/// costs one walk over the set.
#[derive(Debug, Clone)]
pub struct Canonical<'a> {
    set: &'a RecordSet,
    /// Canonical records beside the spines.
    beside: BTreeSet<Slot>,
    /// The same under each topic whose records need them.
    needed: Needed,
}

/// Records beside the spines, each under a topic that needs it.
pub(super) type Needed = BTreeSet<(TopicId, Slot)>;

impl RecordSet {
    /// The canonical part of this set.
    #[must_use]
    pub fn canonical(&self) -> Canonical<'_> {
        let needed = if self.is_straight() {
            BTreeSet::new()
        } else {
            self.needed()
        };
        self.canonical_with(needed)
    }

    pub(super) fn canonical_with(&self, needed: Needed) -> Canonical<'_> {
        let beside = needed.iter().map(|&(_, slot)| slot).collect();
        Canonical {
            set: self,
            beside,
            needed,
        }
    }

    /// Fork pairs and stored ancestors that lie on no spine, each under the
    /// topic that needs it.
    ///
    /// What a ledger record needs of the authority topic stands under the
    /// ledger: who follows another topic need not hold it, and the authority
    /// topics of both are equal all the same.
    pub(super) fn needed(&self) -> Needed {
        let mut needed = Needed::new();
        for spine in self.spines.iter() {
            let pair = spine.fork().into_iter().flat_map(|(low, high)| [low, high]);
            self.need(&mut needed, pair.map(|slot| (spine.topic, slot)));
            for &slot in spine.path() {
                let relied_on = self.relied_on(slot).map(|named| (spine.topic, named));
                self.need(&mut needed, relied_on);
            }
        }
        needed
    }

    /// Adds records that a topic needs, and what they rely on, where they lie
    /// beside their spines.
    pub(super) fn need(&self, needed: &mut Needed, more: impl Iterator<Item = (TopicId, Slot)>) {
        let is_beside = |&(_, slot): &(TopicId, Slot)| !self.on_spine(slot);
        let mut todo: Vec<(TopicId, Slot)> = more.filter(is_beside).collect();
        while let Some((by, slot)) = todo.pop() {
            let own = self.topic(slot);
            let topic = if own == self.authority_topic { by } else { own };
            if !self.on_spine(slot) && needed.insert((topic, slot)) {
                todo.extend(self.relied_on(slot).map(|named| (topic, named)));
            }
        }
    }

    /// Stored records that a record relies on: prev, epoch and refs, as far as
    /// these lie in its own topic or the authority topic. Nobody who follows
    /// only the other topic would know of the ref.
    pub(super) fn relied_on(&self, slot: Slot) -> impl Iterator<Item = Slot> + '_ {
        let record = self.record(slot);
        let own = self.topic(slot);
        let in_reach = move |named: &Slot| {
            let topic = self.topic(*named);
            topic == own || topic == self.authority_topic
        };
        let ids = record
            .prev()
            .into_iter()
            .chain(record.epoch())
            .chain(record.refs().iter().copied());
        let of_votes = |named: &Slot| self.topic(*named) == self.governance_topic;
        let by_value = self.named_by_value(slot).into_iter();
        let by_value = by_value.filter_map(|id| self.find(&id)).filter(of_votes);
        ids.filter_map(|id| self.find(&id))
            .filter(in_reach)
            .chain(by_value)
    }

    /// Records of the governance topic that a vote's Opening or Close names
    /// without relying on them: nobody waits for them, but whoever recounts
    /// needs them, whatever their chains fork into later.
    pub(super) fn named_by_value(&self, slot: Slot) -> Vec<RecordId> {
        if !matches!(self.record(slot).kind(), Kind::OPENING | Kind::CLOSE) {
            return Vec::new();
        }
        match self.act(slot) {
            Some(Act::Opening(opening)) => Vec::from([opening.record]),
            Some(Act::Close(close)) => close.shuts.into_vec(),
            _ => Vec::new(),
        }
    }
}

impl<'a> Canonical<'a> {
    /// The set that this is the canonical part of.
    #[must_use]
    pub const fn set(&self) -> &'a RecordSet {
        self.set
    }

    /// Whether the record belongs to the canonical part.
    #[must_use]
    pub fn contains(&self, slot: Slot) -> bool {
        self.set.on_spine(slot) || self.beside.contains(&slot)
    }

    /// Canonical records beside the spines.
    pub fn beside(&self) -> impl ExactSizeIterator<Item = Slot> + '_ {
        self.beside.iter().copied()
    }

    /// The same, each under a topic whose records need it.
    pub(super) fn needed(&self) -> impl Iterator<Item = (TopicId, Slot)> + '_ {
        self.needed.iter().copied()
    }

    /// All canonical records, spines first, ascending by chain.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        self.set
            .spines
            .ascending()
            .into_iter()
            .flat_map(|spine| spine.path().iter().copied())
            .chain(self.beside())
    }

    /// What a Valid canonical record counts as.
    #[must_use]
    pub fn label(&self, slot: Slot) -> Label {
        if self.set.on_spine(slot) {
            return Label::Posted;
        }
        match self.set.fork(&self.set.chain(slot)) {
            Some((low, _)) if self.set.seq(slot) >= self.set.seq(low) => Label::Contested,
            _ => Label::Void,
        }
    }

    /// The rows of a topic, ascending by chain: its committed vector clock. A
    /// chain that has nothing on its spine and no fork has no row.
    #[must_use]
    pub fn rows(&self, topic: TopicId) -> Vec<Row> {
        let spines = self.set.spines.ascending().into_iter();
        spines
            .filter(|spine| spine.topic == topic)
            .map(|spine| self.row(spine))
            .filter(|row| row.tip.is_some() || row.fork.is_some())
            .collect()
    }

    fn row(&self, spine: &super::Spine) -> Row {
        Row {
            chain: spine.chain,
            tip: spine.tip().map(|slot| crate::authority::Tip {
                seq: self.set.seq(slot),
                head: self.set.id(slot),
            }),
            fork: spine.fork().map(|(low, high)| Pair {
                low: self.set.id(low),
                high: self.set.id(high),
            }),
        }
    }

    /// Ids of canonical records that a topic needs and no row covers,
    /// ascending: those beside the spines, each with whether its content is
    /// here, and those on a spine of the topic whose content is missing.
    #[must_use]
    pub fn irregular(&self, topic: TopicId) -> BTreeMap<RecordId, bool> {
        let all = (topic, Slot::FIRST)..=(topic, Slot::LAST);
        let beside = self.needed.range(all).map(|&(_, slot)| slot);
        let bare = self
            .set
            .bare()
            .filter(|&slot| self.set.on_spine(slot) && self.set.topic(slot) == topic);
        beside
            .chain(bare)
            .map(|slot| (self.set.id(slot), !self.set.is_bare(slot)))
            .collect()
    }

    /// The set digest of a topic: equal exactly when the canonical records that
    /// the topic needs are, contents included. It does not depend on which
    /// other topics this replica follows.
    ///
    /// SHA-256 over the rows and the irregular records, both ascending.
    #[must_use]
    pub fn digest(&self, topic: TopicId) -> Digest {
        let mut hasher = Hasher::new();
        hasher.update(b"icn/types/set-digest/v1");
        for row in self.rows(topic) {
            hasher.update(&to_bytes(&row));
        }
        for (id, has_content) in self.irregular(topic) {
            hasher.update(id.as_bytes());
            hasher.update(&[u8::from(has_content)]);
        }
        Digest::from_bytes(hasher.finish())
    }
}
