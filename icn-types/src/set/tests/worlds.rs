//! Random worlds of sets: forking members, contradicting Seals, a forking
//! registrar and its recall, lossy and disordered delivery, and an exchange of
//! canonical records at the end.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::super::{Beside, Canonical, RecordSet, Slot};
use super::reference::{Reference, drawn, drawn_of};
use super::{NOTE, UNIT};
use crate::authority::{
    Act, Action, Close, Consent, DecisionTerms, Finality, Open, Opening, Outcome, ProposalId,
    Raise, Ready, Seal, SealRow, Sealed, Start, Tip,
};
use crate::canon::{List, Raw};
use crate::chain::{Chain, Owner};
use crate::id::{ChainId, RecordId, TopicId};
use crate::key::{Keypair, Signature};
use crate::record::{Content, Draft, Kind, Place, Record};
use crate::sign::Signed;
use crate::testkit::stage::{GRANT, Stage};
use crate::time::Timestamp;

/// Numbers from a seed (splitmix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % bound as u64).unwrap()
    }

    pub(super) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    pub(super) fn pick<T: Clone>(&mut self, items: &[T]) -> Option<T> {
        (!items.is_empty()).then(|| items[self.below(items.len())].clone())
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

/// An epoch that somebody may write in, whatever its verdict.
#[derive(Clone)]
struct Epoch {
    id: RecordId,
    chain: Chain,
    start: Option<Tip>,
}

struct World {
    stage: Stage,
    dice: Dice,
    /// The key of each epoch of any chain.
    keys: BTreeMap<RecordId, Keypair>,
    epochs: Vec<Epoch>,
    chains: Vec<Chain>,
    /// Chains whose writers fork.
    forkers: BTreeSet<ChainId>,
    /// Ends of the registrar's branches.
    branches: Vec<RecordId>,
    registrar_forks: bool,
    written: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let stage = Stage::new(seed, 4);
        let charter = stage.records[0].id();
        let mut world = Self {
            keys: BTreeMap::from([(charter, stage.registrar().clone())]),
            epochs: Vec::new(),
            chains: Vec::new(),
            forkers: BTreeSet::new(),
            branches: Vec::from([charter]),
            registrar_forks: dice.one_in(2),
            written: 0,
            stage,
            dice,
        };
        for member in 0..2 + world.dice.below(3) {
            let owner = Owner::Member(world.stage.members()[member].inception.id(), 1);
            let topic = if world.dice.one_in(4) {
                world.stage.governance()
            } else {
                world.stage.ledger(UNIT)
            };
            let chain = topic.chain(owner);
            world.chains.push(chain);
            if world.dice.one_in(2) {
                world.forkers.insert(chain.id());
            }
            let key = world.stage.members()[member].key.clone();
            let open = world
                .stage
                .open_body(chain, &key, Start::First, 0, Some(GRANT), &key);
            world.open(0, open, key);
        }
        for _ in 0..15 + world.dice.below(30) {
            world.step();
        }
        world
    }

    fn step(&mut self) {
        let branch = self.dice.below(self.branches.len());
        match self.dice.below(20) {
            0..=9 => self.note(),
            10..=13 => self.seal(branch),
            14..=15 => self.reopen(branch),
            16 => self.raise(branch),
            17 if self.registrar_forks => self.fork_registrar(),
            18 if self.registrar_forks && self.branches.len() > 1 => self.recall(),
            19 if self.registrar_forks => self.adopt(branch),
            _ => self.note(),
        }
    }

    fn ids(&self, keep: impl Fn(&Record) -> bool) -> Vec<RecordId> {
        let records = self.stage.records.iter();
        records.filter(|r| keep(r)).map(|r| r.id()).collect()
    }

    fn tip_of(&self, id: RecordId) -> Tip {
        let seq = self
            .stage
            .set
            .record(self.stage.set.find(&id).unwrap())
            .seq();
        Tip { seq, head: id }
    }

    /// Somebody writes a note; a forker anywhere in any of its epochs.
    fn note(&mut self) {
        let Some(chain) = self.dice.pick(&self.chains) else {
            return;
        };
        let forks = self.forkers.contains(&chain.id());
        let epochs: Vec<Epoch> = self
            .epochs
            .iter()
            .filter(|epoch| epoch.chain == chain)
            .cloned()
            .collect();
        let epoch = if self.dice.one_in(3) {
            self.dice.pick(&epochs)
        } else {
            epochs.last().cloned()
        };
        let Some(epoch) = epoch else { return };
        let mut places: Vec<Option<Tip>> = Vec::from([epoch.start]);
        places.extend(
            self.ids(|r| r.epoch() == Some(epoch.id))
                .into_iter()
                .map(|id| Some(self.tip_of(id))),
        );
        let prev = if forks && self.dice.one_in(3) {
            self.dice.pick(&places).unwrap()
        } else {
            *places.iter().max().unwrap()
        };
        let topic = chain.topic();
        let authority = self.stage.records[0].topic();
        let near = self.ids(|r| r.topic() == topic || r.topic() == authority);
        let refs: Vec<RecordId> = (0..self.dice.below(3))
            .filter_map(|_| self.dice.pick(&near))
            .collect();
        self.written += 1;
        let place = Place::Entry {
            topic,
            chain: chain.id(),
            epoch: epoch.id,
            seq: prev.map_or(0, |tip| tip.seq + 1),
            prev: prev.map(|tip| tip.head),
        };
        let content = Content::new(refs, None, &self.written).unwrap();
        let draft = Draft::new(place, NOTE, Timestamp::default(), content).unwrap();
        self.stage.sign(draft, &self.keys[&epoch.id]);
    }

    /// The registrar writes on one of its branches, mostly what is allowed.
    fn act(&mut self, branch: usize, act: &Act, refs: &[RecordId]) -> Option<RecordId> {
        let prev = self.branches[branch];
        let slot = self.stage.set.find(&prev).unwrap();
        let before = self.stage.set.record(slot);
        let epoch = before.epoch().unwrap_or(prev);
        let place = before.header().next_place().unwrap();
        self.written += 1;
        let at = Timestamp::from_millis(self.written);
        let draft = act.draft(place, refs.to_vec(), at).unwrap();
        let mut stage = self.stage.clone();
        let id = stage.sign(draft, &self.keys[&epoch]);
        let is_valid = stage.set.verdict(stage.set.find(&id).unwrap()).is_valid();
        if !is_valid && !self.dice.one_in(15) {
            return None;
        }
        self.stage = stage;
        self.branches[branch] = id;
        Some(id)
    }

    fn open(&mut self, branch: usize, open: Open, key: Keypair) {
        self.open_for(branch, open, key, &[]);
    }

    fn open_for(&mut self, branch: usize, open: Open, key: Keypair, refs: &[RecordId]) {
        let (chain, start) = (open.chain, open.start.tip());
        if let Some(id) = self.act(branch, &Act::Open(open), refs) {
            self.keys.insert(id, key);
            self.epochs.push(Epoch { id, chain, start });
        }
    }

    fn seal(&mut self, branch: usize) {
        let mut rows = Vec::new();
        let mut chains = self.chains.clone();
        chains.sort_by_key(Chain::id);
        for chain in chains {
            if self.dice.one_in(2) {
                let finality = if self.dice.one_in(4) {
                    Finality::Final
                } else {
                    Finality::Open
                };
                let written = self.ids(|r| r.chain() == chain.id());
                let spine: Vec<RecordId> = self
                    .stage
                    .set
                    .spine(&chain.id())
                    .iter()
                    .map(|&slot| self.stage.set.record(slot).id())
                    .collect();
                let head = if self.dice.one_in(4) {
                    self.dice.pick(&written)
                } else if self.dice.one_in(3) {
                    self.dice.pick(&spine)
                } else {
                    spine.last().copied()
                };
                rows.extend(self.row(branch, chain, head, finality));
            }
        }
        if let Ok(rows) = List::new(rows) {
            self.act(branch, &Act::Seal(Seal { rows }), &[]);
        }
    }

    fn row(
        &self,
        branch: usize,
        chain: Chain,
        head: Option<RecordId>,
        finality: Finality,
    ) -> Option<SealRow> {
        let set = &self.stage.set;
        let tip = set.find(&self.branches[branch]).unwrap();
        let open = set.registry.office_at(tip)?.seat(&chain.id())?.open();
        let sealed = head.map(|head| {
            let record = set.record(set.find(&head).unwrap());
            Sealed {
                header: record.header().clone(),
                signature: *record.signature(),
            }
        });
        Some(SealRow {
            chain: chain.id(),
            open,
            sealed,
            finality,
        })
    }

    /// The next Open of a chain that a final row ended on this branch; the
    /// final row first where there is none.
    fn reopen(&mut self, branch: usize) {
        let chain = self.dice.pick(&self.chains).unwrap();
        for attempt in 0..2 {
            let set = &self.stage.set;
            let tip = set.find(&self.branches[branch]).unwrap();
            let Some(seat) = set
                .registry
                .office_at(tip)
                .and_then(|office| office.seat(&chain.id()).copied())
            else {
                return;
            };
            let row = seat.last_row().map(|row| set.registry.rows.row(row));
            let Some(row) = row.filter(|row| row.ends(&seat.open())) else {
                let head = set
                    .spine(&chain.id())
                    .last()
                    .map(|&slot| set.record(slot).id());
                if let Some(row) = self.row(branch, chain, head, Finality::Final)
                    && attempt == 0
                {
                    let rows = List::new([row]).unwrap();
                    self.act(branch, &Act::Seal(Seal { rows }), &[]);
                }
                continue;
            };
            let start = Start::After {
                prior: seat.open(),
                tip: row.tip(),
            };
            let opened = |epoch: &&Epoch| set.open(&epoch.id).is_some_and(|o| o.start == start);
            if let Some(twin) = self.epochs.iter().find(opened).map(|epoch| epoch.id)
                && self.dice.one_in(2)
            {
                let open = set.open(&twin).unwrap().clone();
                let key = self.keys[&twin].clone();
                return self.open(branch, open, key);
            }
            let owner = self.keys[&seat.open()].clone();
            let key = self.stage.draw_key();
            let mut open = self
                .stage
                .open_body(chain, &key, start, 0, Some(GRANT), &owner);
            if self.dice.one_in(12) {
                open.consent = Consent::Current(Signature::from_bytes([1; 64]));
            }
            if self.dice.one_in(2)
                && let Some(ready) = self.appoint(branch, &open)
            {
                open.consent = Consent::Decision { ready, action: 0 };
                return self.open_for(branch, open, key, &[ready]);
            }
            return self.open(branch, open, key);
        }
    }

    /// Decides on a branch that the key of an Open receives its chain, or
    /// relies on an older decision that says something else.
    fn appoint(&mut self, branch: usize, open: &Open) -> Option<RecordId> {
        let readies = self.ids(|r| r.kind() == Kind::READY);
        if self.dice.one_in(6) {
            return self.dice.pick(&readies);
        }
        let set = &self.stage.set;
        let tip = set.find(&self.branches[branch]).unwrap();
        let roll = set.registry.office_at(tip)?.roll_digest();
        let action = Action::Receive {
            chain: open.chain.id(),
            key: open.key,
            recovery: open.recovery,
        };
        let opening = Opening {
            proposal: ProposalId::from_bytes(*open.key.as_bytes()),
            record: self.branches[branch],
            actions: List::new([action]).unwrap(),
            rule: Raw::of(&0_u64),
            roll,
            terms: DecisionTerms {
                tellers: List::new([ChainId::from_bytes([1; 32])]).unwrap(),
                needed: 1,
                period: 0,
                timelock: 0,
            },
        };
        let opening = self.act(branch, &Act::Opening(opening), &[])?;
        let close = Close {
            opening,
            outcome: Outcome::Accepted,
            shuts: List::new([opening]).unwrap(),
            tally: Raw::of(&0_u64),
        };
        let close = self.act(branch, &Act::Close(close), &[opening])?;
        self.act(branch, &Act::Ready(Ready { close }), &[close])
    }

    fn raise(&mut self, branch: usize) {
        let Some(epoch) = self.dice.pick(&self.epochs) else {
            return;
        };
        let floor = -100 - i64::try_from(self.dice.below(100)).unwrap();
        let raise = Raise {
            open: epoch.id,
            floor,
        };
        self.act(branch, &Act::Raise(raise), &[]);
    }

    fn fork_registrar(&mut self) {
        let base = self.ids(|r| {
            r.chain() == self.stage.set.authority()
                && self
                    .stage
                    .set
                    .verdict(self.stage.set.find(&r.id()).unwrap())
                    .is_valid()
        });
        let base = self.dice.pick(&base).unwrap();
        // A branch needs its office at hand.
        let slot = self.stage.set.find(&base).unwrap();
        let stage = &mut self.stage;
        stage.set.registry.hold(&stage.set.arena, slot);
        self.branches.push(base);
    }

    fn recall(&mut self) {
        let authority = self.stage.set.authority();
        let is_valid = |id: &RecordId| {
            let slot = self.stage.set.find(id).unwrap();
            self.stage.set.verdict(slot).is_valid()
        };
        let mut honoured = self.ids(|r| r.chain() == authority);
        honoured.retain(is_valid);
        let honoured = self.dice.pick(&honoured).unwrap();
        let inside: BTreeSet<RecordId> = self
            .stage
            .set
            .back(self.stage.set.find(&honoured).unwrap())
            .map(|slot| self.stage.set.record(slot).id())
            .collect();
        let adopted: Vec<RecordId> = self
            .epochs
            .iter()
            .map(|epoch| epoch.id)
            .filter(|id| !inside.contains(id) && is_valid(id))
            .collect();
        let adopted: Vec<RecordId> = adopted
            .into_iter()
            .filter(|_| !self.dice.one_in(3))
            .collect();
        let id = self.stage.recall(honoured, &adopted);
        self.keys.insert(id, self.stage.registrar().clone());
        self.branches.push(id);
    }

    fn adopt(&mut self, branch: usize) {
        let set = &self.stage.set;
        let tip = set.find(&self.branches[branch]).unwrap();
        let in_force = |epoch: &&Epoch| {
            let office = set.registry.office_at(tip)?;
            let seat = office.seat(&epoch.chain.id())?;
            Some((seat.open(), seat.key()))
        };
        let key = |epoch: &Epoch| set.open(&epoch.id).map(|open| open.key);
        let is_twin = |epoch: &&Epoch| {
            in_force(epoch).is_some_and(|(open, of)| open != epoch.id && key(epoch) == Some(of))
        };
        let twins: Vec<Epoch> = self.epochs.iter().filter(is_twin).cloned().collect();
        let open = if twins.is_empty() || self.dice.one_in(3) {
            self.dice.pick(&self.epochs)
        } else {
            self.dice.pick(&twins)
        };
        if let Some(open) = open {
            self.act(branch, &Act::Adopt, &[open.id]);
        }
    }
}

/// A record with and without its content.
pub(super) struct Copies {
    full: Signed<Record>,
    bare: Signed<Record>,
}

impl Copies {
    pub(super) fn of(full: &Signed<Record>) -> Self {
        let bare = Record::bare(full.header().clone(), *full.signature());
        Self {
            full: full.clone(),
            bare: bare.verify(&full.key().prepare()).unwrap(),
        }
    }

    pub(super) fn copy(&self, has_content: bool) -> Signed<Record> {
        if has_content {
            self.full.clone()
        } else {
            self.bare.clone()
        }
    }
}

/// Canonical records that no row covers, by the topic that needs them.
type Strays = BTreeMap<TopicId, BTreeMap<RecordId, bool>>;

struct Replica {
    set: RecordSet,
    beside: Beside,
    /// What was counted last, unless that may differ now.
    strays: Option<Strays>,
    paths: BTreeMap<ChainId, Vec<RecordId>>,
    /// What was under an effective Seal, while the registrar is honest.
    sealed: BTreeMap<ChainId, Vec<RecordId>>,
}

impl Replica {
    fn add(&mut self, record: &Signed<Record>) -> bool {
        let has = |slot| self.set.record(slot).content().is_some() || record.content().is_none();
        if self.set.find(&record.id()).is_some_and(has) {
            return false;
        }
        let (before, forks) = (self.set.bends(), self.forks());
        let Ok(added) = self.set.insert(record.clone()) else {
            return false;
        };
        self.what_is_kept_up_is_canonical(added.slot());
        let paths = self.paths();
        let grew = |(chain, path): (&ChainId, &Vec<RecordId>)| {
            let new = paths[chain].strip_prefix(path.as_slice());
            new.is_some_and(|new| new.iter().all(|id| *id == record.id()))
        };
        let stayed = self.forks() == forks && self.paths.iter().all(grew);
        let bent = self.set.bends() != before;
        assert!(stayed || bent, "a spine moved but bends did not");
        let seats =
            record.chain() == self.set.authority() || !self.paths.contains_key(&record.chain());
        assert!(!bent || !stayed || seats, "bends moved but no spine did");
        self.paths = paths;
        true
    }

    /// Looked at now and then.
    fn what_is_kept_up_is_canonical(&mut self, slot: Slot) {
        let may_differ = self.beside.update(&self.set, slot);
        assert!(may_differ || !self.set.on_spine(slot));
        if may_differ {
            self.strays = None;
        }
        if self.set.is_straight() || !slot.index().is_multiple_of(8) {
            return;
        }
        let counted = strays(&self.set.canonical());
        assert_eq!(strays(&self.beside.canonical(&self.set)), counted);
        if let Some(before) = self.strays.replace(counted) {
            assert_eq!(self.strays, Some(before));
        }
    }

    fn forks(&self) -> BTreeMap<ChainId, (Slot, Slot)> {
        let chains = self.set.chains();
        let fork = |(chain, _)| Some((chain, self.set.fork(&chain)?));
        chains.filter_map(fork).collect()
    }

    fn paths(&self) -> BTreeMap<ChainId, Vec<RecordId>> {
        let id = |slot| self.set.record(slot).id();
        self.set
            .chains()
            .map(|(chain, _)| {
                let spine = self.set.spine(&chain).iter();
                (chain, spine.map(|&slot| id(slot)).collect())
            })
            .collect()
    }

    fn sealed_paths_stay(&mut self) {
        let mut paths = self.paths.clone();
        for (chain, path) in &mut paths {
            path.truncate(self.set.sealed_len(chain));
            if let Some(before) = self.sealed.get(chain) {
                assert!(path.starts_with(before), "a sealed path moved");
            }
        }
        self.sealed = paths;
    }
}

fn check(set: &RecordSet) {
    let expected = Reference::new(set).picture();
    assert_eq!(drawn(set), expected);
}

/// Everything that two sets with the same records agree about.
pub(super) fn summary(set: &RecordSet) -> impl PartialEq + core::fmt::Debug + use<> {
    summary_of(&set.canonical())
}

/// The same where the canonical part is known.
pub(super) fn summary_of(canonical: &Canonical<'_>) -> impl PartialEq + core::fmt::Debug + use<> {
    let set = canonical.set();
    let verdicts: BTreeMap<RecordId, _> = set
        .slots()
        .filter(|&slot| set.chain(slot) == set.authority())
        .map(|slot| (set.id(slot), set.verdict(slot)))
        .map(|(id, verdict)| (id, alloc::format!("{verdict:?}")))
        .collect();
    let seats: Vec<_> = set
        .office()
        .into_iter()
        .flat_map(super::super::Office::seats)
        .map(|(chain, seat)| (*chain, seat.open(), seat.key(), seat.floor()))
        .collect();
    let places: Vec<_> = set
        .chains()
        .map(|(chain, _)| set.next_place(&chain))
        .collect();
    let tip = set.office_tip().map(|slot| set.id(slot));
    let digests = digests_of(canonical);
    (drawn_of(canonical), digests, verdicts, seats, places, tip)
}

fn digests(set: &RecordSet) -> Vec<crate::id::Digest> {
    digests_of(&set.canonical())
}

fn digests_of(canonical: &Canonical<'_>) -> Vec<crate::id::Digest> {
    let set = canonical.set();
    let topics: BTreeSet<_> = canonical.slots().map(|slot| set.topic(slot)).collect();
    topics
        .iter()
        .map(|topic| canonical.digest(*topic))
        .collect()
}

/// The stage of the world of a seed, with all its records.
pub(super) fn stage_of(seed: u64) -> Stage {
    World::new(seed).stage
}

fn strays(canonical: &Canonical<'_>) -> Strays {
    let topics: BTreeSet<TopicId> = canonical.set().chains().map(|(_, topic)| topic).collect();
    let strays = topics
        .iter()
        .map(|topic| (*topic, canonical.irregular(*topic)));
    strays.filter(|(_, strays)| !strays.is_empty()).collect()
}

/// Adds records in random order, again and again, until nothing more goes in.
fn pour(dice: &mut Dice, set: &mut RecordSet, mut records: Vec<Signed<Record>>) {
    loop {
        dice.shuffle(&mut records);
        let before = records.len();
        records.retain(|record| set.insert(record.clone()).is_err());
        if records.len() == before {
            return;
        }
    }
}

fn run(seed: u64) -> [usize; 5] {
    let world = World::new(seed);
    let mut dice = Dice(!seed);
    let copies: BTreeMap<RecordId, Copies> = world
        .stage
        .records
        .iter()
        .map(|record| (record.id(), Copies::of(record)))
        .collect();
    check(&world.stage.set);
    let mut replicas: Vec<Replica> = (0..3 + dice.below(3))
        .map(|_| {
            let mut replica = Replica {
                set: RecordSet::new(world.stage.domain()),
                beside: Beside::new(),
                strays: None,
                paths: BTreeMap::new(),
                sealed: BTreeMap::new(),
            };
            deliver(&world, &copies, &mut dice, &mut replica);
            replica
        })
        .collect();
    exchange(&copies, &mut replicas);
    for replica in &replicas {
        check(&replica.set);
        agree(&replicas[0].set, &replica.set);
    }
    let one = dice.below(replicas.len());
    rebuild(&copies, &mut dice, &replicas[one].set);
    let set = &replicas[0].set;
    let forks = set.chains().filter(|(chain, _)| set.fork(chain).is_some());
    let recalls = set
        .slots()
        .filter(|&slot| set.record(slot).kind() == Kind::RECALL);
    let received = |slot: &Slot| {
        let open = set.open(&set.record(*slot).id());
        open.is_some_and(|open| matches!(open.consent, Consent::Decision { .. }))
    };
    let (valid, invalid): (Vec<Slot>, Vec<Slot>) = set
        .slots()
        .filter(received)
        .partition(|&slot| set.verdict(slot).is_valid());
    [
        world.stage.records.len(),
        forks.count(),
        recalls.count(),
        valid.len(),
        invalid.len(),
    ]
}

/// Lossy, disordered, doubled, sometimes without content.
fn deliver(
    world: &World,
    copies: &BTreeMap<RecordId, Copies>,
    dice: &mut Dice,
    replica: &mut Replica,
) {
    let loss = [6, 20, 1000][dice.below(3)];
    let mut queue: Vec<Signed<Record>> = Vec::new();
    for copies in copies.values() {
        if !dice.one_in(loss) {
            queue.push(copies.copy(!dice.one_in(5)));
            if dice.one_in(3) {
                queue.push(copies.copy(!dice.one_in(3)));
            }
        }
    }
    for _ in 0..6 {
        dice.shuffle(&mut queue);
        let mut left = Vec::new();
        for record in queue {
            if !replica.add(&record) {
                left.push(record);
            } else if dice.one_in(6) {
                check(&replica.set);
            }
            if !world.registrar_forks {
                replica.sealed_paths_stay();
            }
        }
        queue = left;
    }
}

/// Canonical records go both ways until nobody learns anything.
fn exchange(copies: &BTreeMap<RecordId, Copies>, replicas: &mut [Replica]) {
    for _ in 0..60 {
        let mut news = 0;
        for from in 0..replicas.len() {
            for to in 0..replicas.len() {
                let offered: Vec<_> = drawn(&replicas[from].set)
                    .canonical
                    .into_iter()
                    .map(|(id, has_content)| copies[&id].copy(has_content))
                    .collect();
                loop {
                    let mut learned = 0;
                    for record in &offered {
                        learned += usize::from(replicas[to].add(record));
                    }
                    news += learned;
                    if learned == 0 {
                        break;
                    }
                }
            }
        }
        if news == 0 {
            return;
        }
    }
    panic!("the exchange does not end");
}

/// Asserts that two canonical sets are equal, and shows what is not.
fn same(one: &RecordSet, other: &RecordSet) {
    let (left, right) = (drawn(one).canonical, drawn(other).canonical);
    let only = |a: &BTreeMap<RecordId, bool>, b: &BTreeMap<RecordId, bool>, set: &RecordSet| {
        let ids = a.iter().filter(|(id, bit)| b.get(id) != Some(bit));
        ids.map(|(id, bit)| {
            let record = set.record(set.find(id).unwrap());
            (*id, *bit, record.chain(), record.seq(), record.kind())
        })
        .collect::<Vec<_>>()
    };
    let differ = (only(&left, &right, one), only(&right, &left, other));
    assert!(left == right, "canonical sets differ: {differ:?}");
}

fn agree(one: &RecordSet, other: &RecordSet) {
    same(one, other);
    assert_eq!(digests(one), digests(other));
    for slot in one.canonical().slots() {
        let id = one.record(slot).id();
        let twin = other.find(&id).unwrap();
        assert_eq!(one.verdict(slot), other.verdict(twin), "verdict of {id:?}");
    }
}

/// The same records in another order, and only the canonical ones.
fn rebuild(copies: &BTreeMap<RecordId, Copies>, dice: &mut Dice, set: &RecordSet) {
    let all: Vec<_> = set
        .slots()
        .map(|slot| set.record(slot))
        .map(|record| copies[&record.id()].copy(record.content().is_some()))
        .collect();
    let mut fresh = RecordSet::new(set.domain());
    pour(dice, &mut fresh, all);
    assert_eq!(fresh.len(), set.len());
    assert_eq!(summary(&fresh), summary(set));
    let canonical = drawn(set).canonical;
    let only: Vec<_> = canonical
        .iter()
        .map(|(id, has_content)| copies[id].copy(*has_content))
        .collect();
    let mut fresh = RecordSet::new(set.domain());
    pour(dice, &mut fresh, only);
    same(set, &fresh);
    assert_eq!(digests(&fresh), digests(set));
}

/// Runs the worlds of these seeds, all of them even if one fails.
fn worlds(seeds: core::ops::Range<u64>) {
    let mut seen = [0; 5];
    let mut failed = Vec::new();
    for seed in seeds {
        match std::panic::catch_unwind(|| run(seed)) {
            Ok(figures) => {
                for (sum, figure) in seen.iter_mut().zip(figures) {
                    *sum += figure;
                }
            }
            Err(_) => failed.push(seed),
        }
    }
    assert!(failed.is_empty(), "worlds {failed:?}");
    let least = [5000, 50, 50, 50, 10];
    assert!(
        seen.iter()
            .zip(least)
            .all(|(figure, least)| *figure >= least),
        "records, forks, recalls, receivers, receivers refused: {seen:?}"
    );
}

#[test]
fn the_path_to_a_record_is_what_a_walk_back_meets() {
    for seed in 0..20 {
        let set = stage_of(seed).set;
        for head in set.slots() {
            let walk: BTreeSet<Slot> = set.back(head).collect();
            for slot in set.slots() {
                assert_eq!(set.on_path(slot, head), walk.contains(&slot));
            }
        }
    }
}

#[test]
fn worlds_converge_and_every_set_is_what_the_slow_rules_say() {
    worlds(0..300);
}

#[test]
#[ignore = "takes minutes: run it optimised after a change of the rules"]
fn thousands_of_worlds_converge() {
    worlds(100_000..106_000);
}
