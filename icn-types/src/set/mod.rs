//! The set: all well-formed records of one domain that a replica holds, and
//! what follows from them alone.
//!
//! Everything here is a function of the set: no clock, no arrival order, no
//! local setting. Two sets with equal canonical parts answer every question
//! with equal bytes.
//!
//! - A record is **well-formed** when its signature fits the key in the Open
//!   of its epoch and it follows its predecessor; a Recall when it follows a
//!   Valid record and enough votes sign it. Only such records are stored.
//! - The **spine** of a chain is its sealed path and the unforked records after
//!   it. Seals decide, then "exactly one child"; validity plays no part.
//! - The **canonical set** is all spines, the two lowest ids at each open fork,
//!   and the stored ancestors of these, with the proposals that Openings name
//!   and the Shuts that Closes name. It is what replicas exchange, and the only
//!   thing that labels, columns and digests depend on.
//! - The **outline** of a set is where its records stand. A set that came out of
//!   one answers as the set itself until somebody asks for a record that is not
//!   **at hand**.

mod added;
mod admission;
mod arena;
mod beside;
mod canonical;
mod decisions;
mod evidence;
mod next;
mod office;
mod outline;
mod registry;
mod rehearse;
mod rows;
mod rule;
mod sketch;
mod spine;
mod spines;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

pub use added::Added;
pub use admission::{Refusal, Signatory};
pub use arena::Slot;
pub use beside::{Beside, BesideParts};
pub use canonical::{Canonical, Label, Pair, Row};
pub use decisions::{Decision, Frozen};
pub use evidence::{ClaimedEquivocation, Equivocation, NoProof};
pub use office::{Office, Seat};
pub use outline::Outline;
pub use rule::AuthorityRule;
pub use sketch::{OutlineError, Sketch};
pub use spines::ChainNumber;

use crate::authority::{Act, Charter, Open};
use crate::id::{ChainId, DomainId, RecordId, TopicId};
use crate::key::PublicKey;
use crate::record::{Kind, Record};
use crate::sign::Signed;
use crate::topic::{Topic, authority_chain};
use crate::verdict::{NeedsUpgrade, Verdict};

use admission::Epoch;
use arena::{Arena, EpochNumber};
use registry::Registry;
use spine::Spine;
use spines::{Paths, Spines};

/// All well-formed records of one domain that a replica holds.
///
/// Records are only ever added; none leaves because of a fork. Memory is
/// linear in what was added. Adding a record to the end of a chain costs
/// O(log n); a fork, a late Seal or a Recall costs the length of the chains
/// that it touches.
#[derive(Debug, Clone)]
pub struct RecordSet {
    domain: DomainId,
    authority: ChainId,
    authority_topic: TopicId,
    governance_topic: TopicId,
    arena: Arena,
    spines: Spines,
    registry: Registry,
    recalls: Vec<Slot>,
    recall: Option<Slot>,
    /// Valid records from the start of the authority spine.
    valid: usize,
    /// The last of them: where the office in force stands.
    tip: Option<Slot>,
    /// Chains with a sealed head that is not stored yet.
    unseated: BTreeSet<ChainId>,
    /// Records stored without their content.
    bare: BTreeSet<Slot>,
    /// Chains with records beside their spine.
    crooked: BTreeSet<ChainId>,
    bends: u64,
    /// The same of each topic where there are any.
    bent: BTreeMap<TopicId, u64>,
}

impl RecordSet {
    /// An empty set of the domain whose charter has this id.
    #[must_use]
    pub fn new(domain: DomainId) -> Self {
        Self {
            domain,
            authority: authority_chain(domain),
            authority_topic: Topic::Authority(domain).id(),
            governance_topic: Topic::Governance(domain).id(),
            arena: Arena::new(),
            spines: Spines::default(),
            registry: Registry::new(domain),
            recalls: Vec::new(),
            recall: None,
            valid: 0,
            tip: None,
            unseated: BTreeSet::new(),
            bare: BTreeSet::new(),
            crooked: BTreeSet::new(),
            bends: 0,
            bent: BTreeMap::new(),
        }
    }

    /// Adds a record, or the content of one whose header is stored.
    ///
    /// # Errors
    /// [`Refusal`] when it is not well-formed relative to this set: something
    /// to ask for first, or the fault of whoever sent it. The set is unchanged.
    pub fn insert(&mut self, record: Signed<Record>) -> Result<Added, Refusal> {
        if let Some(slot) = self.arena.find(&record.id()) {
            return Ok(self.complete(slot, record.into_inner()));
        }
        let (prev, epoch) = self.admit(&record)?;
        self.check_backing(&record, prev)?;
        self.add(record.into_inner(), prev, epoch)
    }

    /// Takes over the content of a stored record, if that was missing.
    fn complete(&mut self, slot: Slot, copy: Record) -> Added {
        if copy.content().is_none() || !self.is_bare(slot) {
            return Added::Known(slot);
        }
        self.arena.complete(slot, copy);
        self.bare.remove(&slot);
        self.learn_epoch(slot);
        self.settle(slot);
        Added::Completed(slot)
    }

    /// Stores a well-formed record after its predecessor.
    fn add(
        &mut self,
        record: Record,
        prev: Option<Slot>,
        epoch: Option<EpochNumber>,
    ) -> Result<Added, Refusal> {
        let (chain, topic) = (record.chain(), record.topic());
        let is_bare = record.content().is_none();
        let spine = match prev {
            Some(prev) => self.arena.node(prev).spine,
            None => self.spines.number(chain, topic).ok_or(Refusal::Full)?,
        };
        let slot = self.arena.push(record, prev, spine, epoch);
        let slot = slot.ok_or(Refusal::Full)?;
        if is_bare {
            self.bare.insert(slot);
        }
        self.learn_epoch(slot);
        let spine = self.spines.numbered_mut(spine);
        let is_first = spine.is_empty();
        let movement = spine.add(&self.arena, slot);
        let is_straight = spine.is_straight();
        self.moved(chain, movement, is_straight);
        if is_first || self.unseated.contains(&chain) {
            self.reseat(chain);
        }
        self.settle(slot);
        Ok(Added::New(slot))
    }

    /// What a record on the authority chain changes beyond its own chain.
    fn settle(&mut self, slot: Slot) {
        if self.chain(slot) != self.authority {
            return;
        }
        if self.record(slot).kind() == Kind::RECALL && !self.recalls.contains(&slot) {
            self.recalls.push(slot);
        }
        let decided = self.registry.judge(&self.arena, slot);
        self.follow_recalls();
        let cut_back = self.tip.is_some_and(|tip| !self.on_spine(tip));
        if decided || cut_back || self.valid < self.spine(&self.authority).len() {
            self.follow_authority();
        }
    }

    /// Puts the authority chain's spine on its best Recall.
    fn follow_recalls(&mut self) {
        let recall = self.registry.best_recall(&self.arena, &self.recalls);
        if recall == self.recall {
            return;
        }
        self.recall = recall;
        if let Some(spine) = self.spines.of_mut(&self.authority) {
            let movement = spine.seal(&self.arena, recall, BTreeSet::new());
            let is_straight = spine.is_straight();
            self.moved(self.authority, movement, is_straight);
        }
    }

    /// Brings seats and seals up to the end of the Valid authority spine.
    fn follow_authority(&mut self) {
        let path = self.spines.of(&self.authority).map_or(&[][..], Spine::path);
        let grown = self
            .tip
            .is_none_or(|tip| path.get(self.valid - 1) == Some(&tip));
        let from = if grown { self.valid } else { 0 };
        let is_valid = |&&slot: &&Slot| self.registry.verdict(slot).is_valid();
        let valid = from + path[from..].iter().take_while(is_valid).count();
        let Some(&tip) = valid.checked_sub(1).and_then(|last| path.get(last)) else {
            return;
        };
        let touched: BTreeSet<ChainId> = if grown {
            path[from..valid]
                .iter()
                .flat_map(|&slot| self.registry.touched(&self.arena, slot))
                .collect()
        } else {
            self.spines.iter().map(|spine| spine.chain).collect()
        };
        self.registry.hold(&self.arena, tip);
        self.valid = valid;
        self.tip = Some(tip);
        for chain in touched {
            self.reseat(chain);
        }
    }

    /// Puts a chain's spine on its last effective Seal.
    fn reseat(&mut self, chain: ChainId) {
        if chain == self.authority {
            return; // Recalls seat it, not rows
        }
        let last_row = self
            .office()
            .and_then(|office| office.seat(&chain))
            .and_then(Seat::last_row);
        let paths = Paths {
            arena: &self.arena,
            spines: &self.spines,
        };
        let (row, is_open) = self.registry.rows.last_effective(paths, last_row);
        if is_open {
            self.unseated.insert(chain);
        } else {
            self.unseated.remove(&chain);
        }
        let (tip, ended) = row.map_or((None, BTreeSet::new()), |row| {
            let tip = self.registry.rows.row(row).tip();
            (tip, self.registry.rows.ended_at(row))
        });
        let head = tip.and_then(|tip| self.arena.find(&tip.head));
        if let Some(spine) = self.spines.of_mut(&chain) {
            let movement = spine.seal(&self.arena, head, ended);
            let is_straight = spine.is_straight();
            self.moved(chain, movement, is_straight);
        }
    }

    /// Remembers the key of an epoch once the content that states it is here.
    /// Only the authority chain starts epochs, whatever kinds others use.
    fn learn_epoch(&mut self, slot: Slot) {
        if self.chain(slot) == self.authority {
            self.arena.learn_epoch(slot);
        }
    }

    /// The domain that the set is about.
    #[must_use]
    pub const fn domain(&self) -> DomainId {
        self.domain
    }

    /// The domain's authority chain.
    #[must_use]
    pub const fn authority(&self) -> ChainId {
        self.authority
    }

    /// Number of stored records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.arena.len()
    }

    /// Whether nothing is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.arena.len() == 0
    }

    /// A record by id.
    #[must_use]
    pub fn find(&self, id: &RecordId) -> Option<Slot> {
        self.arena.find(id)
    }

    /// The slot with this [index](Slot::index), if a record is stored there.
    #[must_use]
    pub fn slot(&self, index: usize) -> Option<Slot> {
        self.arena.slot(index)
    }

    /// The slot of the record that is added after `ahead` more. `None` beyond
    /// what a set can hold.
    #[must_use]
    pub fn slot_ahead(&self, ahead: usize) -> Option<Slot> {
        self.arena.slot_ahead(ahead)
    }

    /// A stored record.
    ///
    /// In place of one that is not [at hand](Self::is_at_hand) it answers with a
    /// header that says nothing, and notes that it was [missed](Self::missed).
    #[must_use]
    #[inline]
    pub fn record(&self, slot: Slot) -> &Record {
        self.arena.record(slot)
    }

    /// Whether what a record says is here. It is of every record that was added,
    /// bare or not; of a set that came out of a [`Sketch`], only of the records
    /// whose bodies it was given.
    #[must_use]
    pub fn is_at_hand(&self, slot: Slot) -> bool {
        self.arena.is_at_hand(slot)
    }

    /// Whether anybody asked for a record that is not [at hand](Self::is_at_hand)
    /// since the set was made, or the one that it is a clone of. Everything that
    /// was computed from the set is void then, and has to be computed again from
    /// all records.
    ///
    /// This is optimistic reading, validated at its end, as in the concurrency
    /// control of Kung and Robinson (1981): nobody stops at a record that is not
    /// here, and before an answer counts its reader asks whether one was missed.
    #[must_use]
    pub fn missed(&self) -> bool {
        self.arena.missed()
    }

    /// Notes that a record was [missed](Self::missed): for whoever keeps something
    /// that is made of all records, and is asked for it where they are not at hand.
    pub fn miss(&self) {
        self.arena.note_missed();
    }

    /// The record before this one on its chain.
    #[must_use]
    pub fn prev(&self, slot: Slot) -> Option<Slot> {
        self.arena.node(slot).prev
    }

    /// The record and everything before it on its chain, newest first.
    pub fn back(&self, from: Slot) -> impl Iterator<Item = Slot> + '_ {
        self.arena.back(Some(from))
    }

    /// Every slot, in the order in which this set stored them.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        self.arena.slots()
    }

    /// The slots of a topic's records and of the authority chain's, on which every
    /// topic relies, in the order in which this set stored them.
    pub fn slots_for(&self, topic: TopicId) -> impl Iterator<Item = Slot> + '_ {
        let tells =
            move |&slot: &Slot| self.chain(slot) == self.authority || self.topic(slot) == topic;
        self.slots().filter(tells)
    }

    /// Chains with at least one record, ascending, with their topics. Costs
    /// O(n log n) in their number.
    pub fn chains(&self) -> impl ExactSizeIterator<Item = (ChainId, TopicId)> + '_ {
        let spines = self.spines.ascending().into_iter();
        spines.map(|spine| (spine.chain, spine.topic))
    }

    /// The spine of a chain: `spine[seq]` is the record at `seq`.
    #[must_use]
    pub fn spine(&self, chain: &ChainId) -> &[Slot] {
        self.spines.of(chain).map_or(&[], Spine::path)
    }

    /// How many records of the spine are under an effective Seal.
    #[must_use]
    pub fn sealed_len(&self, chain: &ChainId) -> usize {
        self.spines.of(chain).map_or(0, Spine::sealed)
    }

    /// Whether the record lies on its chain's spine, under an effective Seal.
    #[must_use]
    pub fn is_sealed(&self, slot: Slot) -> bool {
        let sealed = self.spines.numbered(self.chain_of(slot)).sealed();
        let is_below = usize::try_from(self.seq(slot)).is_ok_and(|seq| seq < sealed);
        is_below && self.on_spine(slot)
    }

    /// The two lowest ids where a chain's spine forks, if it does.
    #[must_use]
    pub fn fork(&self, chain: &ChainId) -> Option<(Slot, Slot)> {
        self.spines.of(chain).and_then(Spine::fork)
    }

    /// Records right after the same predecessor on the same chain, wherever there
    /// are several, each time ascending by id. Costs a look at each chain.
    pub fn all_siblings(&self) -> impl Iterator<Item = &[Slot]> {
        let roots = self.spines.iter().map(Spine::roots);
        let roots = roots.filter(|roots| roots.len() > 1);
        roots.chain(self.arena.forks())
    }

    /// Records that are stored without their content.
    pub fn bare(&self) -> impl ExactSizeIterator<Item = Slot> + '_ {
        self.bare.iter().copied()
    }

    /// Whether a record is stored without its content.
    #[must_use]
    pub fn is_bare(&self, slot: Slot) -> bool {
        self.bare.contains(&slot)
    }

    /// Verdict about a record of the authority chain; `Waiting` for others.
    #[must_use]
    pub fn verdict(&self, slot: Slot) -> Verdict<AuthorityRule> {
        self.registry.verdict(slot)
    }

    /// The charter's format, if this code cannot judge it: then the authority
    /// chain waits, and everything that relies on it.
    #[must_use]
    pub const fn needs_upgrade(&self) -> Option<NeedsUpgrade> {
        self.registry.needs_upgrade()
    }

    /// Authority records with a final verdict, in the order in which this set
    /// came to decide them; it only grows.
    #[must_use]
    pub fn judged(&self) -> &[Slot] {
        self.registry.log()
    }

    /// What the authority chain has decided up to the end of the Valid part
    /// of its spine. `None` before the charter is here.
    #[must_use]
    pub fn office(&self) -> Option<&Office> {
        self.tip.and_then(|tip| self.registry.office_at(tip))
    }

    /// The record after which [`office`](Self::office) stands.
    #[must_use]
    pub const fn office_tip(&self) -> Option<Slot> {
        self.tip
    }

    /// The key that writes the authority chain: the one of the charter, or of
    /// the last Recall on the spine.
    #[must_use]
    pub fn registrar(&self) -> Option<PublicKey> {
        let epoch = self.registrar_epoch()?;
        self.arena.epoch(&epoch).map(Epoch::public_key)
    }

    /// The charter or Recall under which the registrar writes.
    fn registrar_epoch(&self) -> Option<RecordId> {
        let tip = *self.spine(&self.authority).last()?;
        Some(self.arena.epoch_id(tip).unwrap_or_else(|| self.id(tip)))
    }

    /// The charter, once it is here.
    #[must_use]
    pub fn charter(&self) -> Option<Charter> {
        match self.act(self.spine(&self.authority).first().copied()?)? {
            Act::Charter(charter) => Some(charter),
            _ => None,
        }
    }

    /// The body of a stored Open.
    #[must_use]
    pub fn open(&self, id: &RecordId) -> Option<&Open> {
        self.opened(id).map(|(_, open)| open)
    }

    /// A stored Open with its record.
    fn opened(&self, id: &RecordId) -> Option<(Slot, &Open)> {
        let epoch = self.arena.epoch(id)?;
        Some((epoch.slot(), epoch.open()?))
    }

    /// The Open of a record that follows `prev`: usually the one of `prev`,
    /// which needs no search.
    pub(crate) fn opened_after(&self, prev: Option<Slot>, id: &RecordId) -> Option<(Slot, &Open)> {
        match self.going_on(*id, prev) {
            Some((epoch, _)) => Some((epoch.slot(), epoch.open()?)),
            None => self.opened(id),
        }
    }

    /// Heads of the rows of one Seal that count: stored, and running through
    /// the heads of all earlier rows of their chain.
    pub fn effective_heads(&self, seal: Slot) -> impl Iterator<Item = Slot> + '_ {
        self.registry
            .rows
            .written_by(seal)
            .filter(|(_, row)| self.registry.rows.effective(self.paths(), *row) == Some(true))
            .filter_map(|(_, row)| self.registry.rows.row(row).tip())
            .filter_map(|tip| self.arena.find(&tip.head))
    }

    /// Whether another record stands already where this one would, after the
    /// same predecessor on the same chain. To judge it costs a fold over the
    /// chain then.
    #[must_use]
    pub fn would_fork(&self, record: &Record) -> bool {
        let there = match record.prev() {
            Some(prev) => {
                let prev = self.find(&prev);
                prev.map(|prev| self.arena.children(prev))
            }
            None => self.spines.of(&record.chain()).map(Spine::roots),
        };
        let is_other = |&slot: &Slot| self.id(slot) != record.id();
        there.unwrap_or_default().iter().any(is_other)
    }

    /// Other stored records right after the same predecessor on the same chain,
    /// ascending by id. Whatever they say, at most one of them is on the spine.
    pub fn siblings(&self, slot: Slot) -> impl Iterator<Item = Slot> + '_ {
        let all = match self.arena.node(slot).prev {
            Some(prev) => self.arena.children(prev),
            None => self.spines.numbered(self.arena.node(slot).spine).roots(),
        };
        all.iter().copied().filter(move |&other| other != slot)
    }

    /// The proof that one key signed both records for one position. Nothing is
    /// checked again: both were when they were added.
    ///
    /// # Errors
    /// [`NoProof`] when they are the same record or stand apart.
    pub fn equivocation(&self, one: Slot, other: Slot) -> Result<Equivocation, NoProof> {
        let epoch = self.arena.epoch_id(one).ok_or(NoProof::Apart)?;
        let key = self.arena.epoch(&epoch).ok_or(NoProof::Apart)?.public_key();
        Equivocation::stored(self.record(one), self.record(other), key)
    }

    /// Whether the current epoch of a chain is sealed for good, so that only
    /// a next Open continues it.
    #[must_use]
    pub fn is_frozen(&self, chain: &ChainId) -> bool {
        let seat = self.office().and_then(|office| office.seat(chain));
        seat.is_some_and(|seat| {
            let row = seat.last_row().map(|row| self.registry.rows.row(row));
            row.is_some_and(|row| row.ends(&seat.open()))
        })
    }

    /// The body of an authority record, if it has one that can be read.
    #[must_use]
    pub fn act(&self, slot: Slot) -> Option<Act> {
        (self.chain(slot) == self.authority).then_some(())?;
        registry::stored_act(&self.arena, slot)
    }
}

#[cfg(test)]
mod tests;
