//! A set put together from its outline.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::authority::Tip;
use crate::canon::DecodeError;
use crate::error::{Coded, Fault};
use crate::id::{ChainId, DomainId, RecordId, TopicId};
use crate::record::{Kind, Record};

use super::RecordSet;
use super::arena::{EpochNumber, Slot};
use super::outline::{CHAIN_LEN, ROW_LEN};
use super::spine::Movement;
use super::spines::ChainNumber;

/// Why pages and bodies make no set. Whoever meets one reads the whole history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutlineError {
    /// A page of so many bytes is longer or shorter than it says.
    #[error("page of {0} bytes is longer or shorter than it says")]
    Length(usize),
    /// A chain is listed twice, in a topic that is not its own, or without a
    /// record.
    #[error("chain {0} is listed twice, in another topic or without a record")]
    Chain(ChainId),
    /// The record with this index lies on a chain that is not listed before it,
    /// or begins one out of turn.
    #[error("record {0} lies on a chain that is not listed")]
    Unlisted(usize),
    /// The record with this index follows none of its chain that stands before it.
    #[error("record {0} follows none of its chain")]
    Prev(usize),
    /// A record stands at two places.
    #[error("record {0} stands at two places")]
    Twice(RecordId),
    /// The authority chain begins with a record that does not found the domain.
    #[error("record {0} does not found the domain")]
    Domain(RecordId),
    /// The epoch of the record with this index has no Open for its chain that
    /// starts or goes on there.
    #[error("epoch of record {0} has no open for it")]
    Epoch(usize),
    /// There are more records or chains than a set can hold.
    #[error("outline has more records than a set can hold")]
    Full,
    /// A body belongs to no record: there is none with this index.
    #[error("there is no record {0} that a body could belong to")]
    Unknown(usize),
    /// The bytes of a body are no record.
    #[error("body is no record")]
    Decode(#[source] DecodeError),
    /// The body is not that of the record with this index.
    #[error("body is not that of record {0}")]
    Body(usize),
    /// The record of the authority chain with this index has no body.
    #[error("record {0} of the authority chain has no body")]
    Missing(usize),
}

impl Coded for OutlineError {
    fn code(&self) -> &'static str {
        match self {
            Self::Length(_) => "outline.length",
            Self::Chain(_) => "outline.chain",
            Self::Unlisted(_) => "outline.unlisted",
            Self::Prev(_) => "outline.prev",
            Self::Twice(_) => "outline.twice",
            Self::Domain(_) => "outline.domain",
            Self::Epoch(_) => "outline.epoch",
            Self::Full => "outline.full",
            Self::Unknown(_) => "outline.unknown",
            Self::Decode(error) => error.code(),
            Self::Body(_) => "outline.body",
            Self::Missing(_) => "outline.missing",
        }
    }

    /// The store kept something else than what it was given.
    fn fault(&self) -> Fault {
        Fault::Environment
    }
}

/// A set that is put together from the pages of its [outline](super::Outline) and
/// the bodies of those of its records that are to be at hand.
///
/// It trusts the pages as far as they fit together: the names of records without
/// a body are taken as they stand, and no signature is checked. Whatever the bytes
/// are, the set that comes out of them answers every question without a panic.
/// Once a page was refused, nothing comes of the sketch but that error.
#[derive(Clone, Debug)]
pub struct Sketch {
    set: RecordSet,
    /// How many chains have a record.
    begun: usize,
    /// The records of the authority chain.
    acts: Vec<Slot>,
    /// The Opens of epochs, in the order of their numbers.
    opens: Vec<Slot>,
    numbers: BTreeMap<Slot, EpochNumber>,
    /// The first records of epochs with an Open.
    starts: Vec<Slot>,
    refused: Option<OutlineError>,
}

/// One row of a page. Slots are counted from 1; 0 is none.
struct Row {
    id: RecordId,
    prev: u32,
    chain: ChainNumber,
    open: u32,
}

impl Row {
    fn read(bytes: &[u8; ROW_LEN]) -> Self {
        let [id @ .., p0, p1, p2, p3, c0, c1, c2, c3, o0, o1, o2, o3] = *bytes;
        Self {
            id: RecordId::from_bytes(id),
            prev: u32::from_be_bytes([p0, p1, p2, p3]),
            chain: ChainNumber::counted(u32::from_be_bytes([c0, c1, c2, c3])),
            open: u32::from_be_bytes([o0, o1, o2, o3]),
        }
    }
}

/// A page in its parts.
struct Parts<'a> {
    /// The chains that begin in it, each with its topic.
    chains: &'a [[[u8; 32]; 2]],
    rows: &'a [[u8; ROW_LEN]],
}

/// `None` where there are more or fewer bytes than the page says.
fn parts(page: &[u8]) -> Option<Parts<'_>> {
    let (counts, rest) = page.split_first_chunk::<8>()?;
    let [c0, c1, c2, c3, r0, r1, r2, r3] = *counts;
    let chains = usize::try_from(u32::from_be_bytes([c0, c1, c2, c3])).ok()?;
    let rows = usize::try_from(u32::from_be_bytes([r0, r1, r2, r3])).ok()?;
    let (chains, rest) = rest.split_at_checked(chains.checked_mul(CHAIN_LEN)?)?;
    let (found, odd) = rest.as_chunks();
    (found.len() == rows && odd.is_empty()).then_some(Parts {
        chains: chains.as_chunks().0.as_chunks().0,
        rows: found,
    })
}

impl Sketch {
    /// Nothing yet of the domain.
    #[must_use]
    pub fn new(domain: DomainId) -> Self {
        Self {
            set: RecordSet::new(domain),
            begun: 0,
            acts: Vec::new(),
            opens: Vec::new(),
            numbers: BTreeMap::new(),
            starts: Vec::new(),
            refused: None,
        }
    }

    /// Makes room for so many records at once. A guess is good enough.
    pub fn reserve(&mut self, records: usize) {
        self.set.arena.reserve(records);
    }

    /// Takes the next page. Costs O(1) for each of its rows, and a place among its
    /// siblings for each that has some.
    ///
    /// # Errors
    /// Where it does not follow the pages before it:
    /// [`Length`](OutlineError::Length), [`Chain`](OutlineError::Chain),
    /// [`Unlisted`](OutlineError::Unlisted), [`Prev`](OutlineError::Prev),
    /// [`Domain`](OutlineError::Domain), [`Epoch`](OutlineError::Epoch) or
    /// [`Full`](OutlineError::Full).
    pub fn page(&mut self, bytes: &[u8]) -> Result<(), OutlineError> {
        self.check()?;
        let taken = self.take(bytes);
        self.refused = taken.err();
        taken
    }

    fn check(&self) -> Result<(), OutlineError> {
        self.refused.map_or(Ok(()), Err)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), OutlineError> {
        let Parts { chains, rows } = parts(bytes).ok_or(OutlineError::Length(bytes.len()))?;
        for [chain, topic] in chains {
            self.list(ChainId::from_bytes(*chain), TopicId::from_bytes(*topic))?;
        }
        self.set.arena.reserve(rows.len());
        let authority = self.set.spines.find(&self.set.authority);
        for row in rows {
            self.place(&Row::read(row), authority)?;
        }
        // Every chain that was listed has a record.
        match self.set.spines.iter().nth(self.begun) {
            Some(spine) => Err(OutlineError::Chain(spine.chain)),
            None => Ok(()),
        }
    }

    /// Gives the next chain its number.
    fn list(&mut self, chain: ChainId, topic: TopicId) -> Result<(), OutlineError> {
        let strays = chain == self.set.authority && topic != self.set.authority_topic;
        if strays || self.set.spines.find(&chain).is_some() {
            return Err(OutlineError::Chain(chain));
        }
        match self.set.spines.number(chain, topic) {
            Some(_) => Ok(()),
            None => Err(OutlineError::Full),
        }
    }

    /// Puts a record after the one before it.
    fn place(&mut self, row: &Row, authority: Option<ChainNumber>) -> Result<(), OutlineError> {
        let (index, chain) = (self.set.len(), row.chain.index());
        let slot = self.set.slot_ahead(0).ok_or(OutlineError::Full)?;
        if chain == self.begun && chain < self.set.spines.len() {
            self.begun += 1;
        }
        if chain >= self.begun {
            return Err(OutlineError::Unlisted(index));
        }
        let (prev, seq) = self.before(row).ok_or(OutlineError::Prev(index))?;
        let is_acting = authority == Some(row.chain);
        if is_acting {
            self.acts.push(slot);
            if prev.is_none() && row.id.as_bytes() != self.set.domain.as_bytes() {
                return Err(OutlineError::Domain(row.id));
            }
        }
        let epoch = match prev.and_then(|prev| self.set.arena.node(prev).epoch) {
            _ if is_acting && row.open == 0 => None,
            Some(epoch) if self.is_of_open(epoch, row.open) => Some(epoch),
            _ => {
                let epoch = self.epoch(row.open, authority);
                self.starts.push(slot);
                Some(epoch.ok_or(OutlineError::Epoch(index))?)
            }
        };
        let arena = &mut self.set.arena;
        let placed = arena.sketch(row.id, seq, prev, row.chain, epoch);
        placed.ok_or(OutlineError::Full)?;
        let spine = self.set.spines.numbered_mut(row.chain);
        spine.sketch(&self.set.arena, slot);
        if !spine.is_straight() {
            self.set.crooked.insert(spine.chain);
        }
        Ok(())
    }

    /// The record before one, and the position after it. `None` where it lies on
    /// another chain or does not stand there yet.
    fn before(&self, row: &Row) -> Option<(Option<Slot>, u64)> {
        let Some(prev) = usize::try_from(row.prev).ok()?.checked_sub(1) else {
            return Some((None, 0));
        };
        let prev = self.set.slot(prev)?;
        let node = self.set.arena.node(prev);
        (node.spine == row.chain).then_some((Some(prev), node.seq.checked_add(1)?))
    }

    fn is_of_open(&self, epoch: EpochNumber, open: u32) -> bool {
        let known = self.opens.get(epoch.index());
        known.is_some_and(|known| known.number() == open)
    }

    /// The epoch of an Open, which gets a number when it is first named. `None`
    /// where no record of the authority chain stands there yet.
    fn epoch(&mut self, open: u32, authority: Option<ChainNumber>) -> Option<EpochNumber> {
        let slot = self.set.slot(usize::try_from(open).ok()?.checked_sub(1)?)?;
        if Some(self.set.chain_of(slot)) != authority {
            return None;
        }
        if let Some(number) = self.numbers.get(&slot) {
            return Some(*number);
        }
        let number = EpochNumber::counted(self.opens.len())?;
        self.opens.push(slot);
        self.numbers.insert(slot, number);
        Some(number)
    }

    /// Takes the bytes of the record at the [index](Slot::index) of a row that is
    /// here, as the record travels. Each record of the authority chain has to
    /// come, and each that the set has [without its content](RecordSet::is_bare):
    /// it counts as one that came so. Of the others, those come that are to be at
    /// hand.
    ///
    /// # Errors
    /// [`Unknown`](OutlineError::Unknown), [`Decode`](OutlineError::Decode) or
    /// [`Body`](OutlineError::Body): another record, one with another content, or
    /// one that does not stand there.
    pub fn body(&mut self, index: usize, bytes: &[u8]) -> Result<(), OutlineError> {
        self.check()?;
        let slot = self.set.slot(index).ok_or(OutlineError::Unknown(index))?;
        let record = Record::read_checked(bytes).map_err(OutlineError::Decode)?;
        if !self.is_of(slot, &record) {
            return Err(OutlineError::Body(index));
        }
        if record.content().is_none() {
            self.set.bare.insert(slot);
        } else {
            self.set.bare.remove(&slot);
        }
        self.set.arena.bring(slot, record);
        Ok(())
    }

    /// Whether this is the record that stands there.
    fn is_of(&self, slot: Slot, record: &Record) -> bool {
        let (set, node) = (&self.set, self.set.arena.node(slot));
        let in_epoch = node.epoch.is_none_or(|number| {
            let open = self.opens.get(number.index());
            record.epoch() == open.map(|&open| set.id(open))
        });
        in_epoch
            && record.id() == set.id(slot)
            && (record.topic(), record.chain()) == (set.topic(slot), set.chain(slot))
            && record.seq() == node.seq
            && record.prev() == node.prev.map(|prev| set.id(prev))
    }

    /// The set. Costs O(1) for each record, and for those of the authority chain
    /// what judging them costs: each that forks it, a fold over the chain.
    ///
    /// It equals the set of which the outline is in everything that looks at no
    /// record that is not [at hand](RecordSet::is_at_hand). Its
    /// [`judged`](RecordSet::judged) records are in the order of a set that was
    /// given all records in the order of their slots.
    ///
    /// # Errors
    /// [`Missing`](OutlineError::Missing) where a body did not come; where pages
    /// and bodies are of no set, [`Twice`](OutlineError::Twice) or
    /// [`Epoch`](OutlineError::Epoch); what [`page`](Self::page) said where one was
    /// refused.
    pub fn finish(mut self) -> Result<RecordSet, OutlineError> {
        self.check()?;
        self.set.arena.index().map_err(OutlineError::Twice)?;
        let mut acts = self.acts.iter();
        if let Some(missing) = acts.find(|&&slot| !self.set.is_at_hand(slot)) {
            return Err(OutlineError::Missing(missing.index()));
        }
        self.learn_epochs()?;
        let Self { mut set, acts, .. } = self;
        set.judge_again(&acts);
        Ok(set)
    }

    /// Reads the keys of all epochs, in the order of their numbers where rows name
    /// them, and checks that each starts where its first record stands.
    fn learn_epochs(&mut self) -> Result<(), OutlineError> {
        for &start in &self.starts {
            let arena = &mut self.set.arena;
            let number = arena.node(start).epoch;
            let is_known = number.is_some_and(|number| arena.numbered_epoch(number).is_some());
            let open = number.and_then(|number| self.opens.get(number.index()));
            if let Some(&open) = open.filter(|_| !is_known) {
                arena.learn_epoch(open);
            }
            if !self.set.starts_epoch(start) {
                return Err(OutlineError::Epoch(start.index()));
            }
        }
        for &act in &self.acts {
            if self.set.arena.epoch(&self.set.id(act)).is_none() {
                self.set.arena.learn_epoch(act);
            }
        }
        Ok(())
    }
}

impl RecordSet {
    /// Whether the Open of a record starts right before it, on its chain.
    fn starts_epoch(&self, slot: Slot) -> bool {
        let node = self.arena.node(slot);
        let epoch = node
            .epoch
            .and_then(|number| self.arena.numbered_epoch(number));
        let Some(open) = epoch.and_then(|epoch| epoch.open()) else {
            return false;
        };
        let before = node.prev.map(|prev| Tip {
            seq: self.seq(prev),
            head: self.id(prev),
        });
        (open.chain.id(), open.chain.topic()) == (self.chain(slot), self.topic(slot))
            && open.start.tip() == before
    }

    /// Judges the records of the authority chain, in the order of their slots,
    /// where all are here and nothing came of them yet, and puts every spine on its
    /// Seals. Nothing bent since.
    fn judge_again(&mut self, acts: &[Slot]) {
        for &act in acts {
            if self.record(act).kind() == Kind::RECALL {
                self.recalls.push(act);
            }
            self.registry.judge(&self.arena, act);
        }
        // No Recall continues a spine, whatever it follows.
        let unsure = core::mem::take(&mut self.crooked);
        for chain in unsure.into_iter().chain([self.authority]) {
            if let Some(spine) = self.spines.of_mut(&chain) {
                spine.follow(&self.arena);
                let is_straight = spine.is_straight();
                self.moved(chain, Movement::Grew, is_straight);
            }
        }
        self.follow_recalls();
        self.follow_authority();
        self.bends = 0;
        self.bent.clear();
    }
}
