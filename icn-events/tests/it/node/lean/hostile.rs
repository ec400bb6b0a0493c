//! Whatever hostile writers send, in any order and with or without content.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::executor::block_on;
use icn_events::node::{Node, Saved, verify_store};
use icn_ledger::entry::{ACK, NOTE, PAYMENT};
use icn_ledger::{Authorized, Policy};
use icn_types::authority::{
    Act, Consent, Finality, Raise, Recall, Seal, SealRow, Sealed, Start, Tip, Vote, VoteTerms,
    Voter,
};
use icn_types::canon::{List, to_bytes};
use icn_types::host::LocalNetwork;
use icn_types::id::{ChainId, RecordId};
use icn_types::key::{Keypair, Signature, Signer as _};
use icn_types::record::{Content, Draft, Kind, Place, Record};
use icn_types::set::{RecordSet, Slot};
use icn_types::sign::Signed;
use icn_types::testkit::stage::key_of;
use icn_types::time::Timestamp;

use super::super::coop::{Registrar, copy};
use super::super::evidence::evidence;
use super::super::hours;
use super::{CHARLIE, Mixed, set_digests};

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.roll(all.len())].clone())
    }
}

struct World {
    mixed: Mixed,
    stranger: Registrar,
    dice: Dice,
    seed: u64,
    /// What was written and not told, or told without its content.
    withheld: Vec<Signed<Record>>,
    /// First places of epochs.
    starts: Vec<(ChainId, Place)>,
    registrars: BTreeMap<RecordId, Keypair>,
    written: u64,
    /// The record of everything that was ever written, too.
    wrote: Vec<String>,
    lean_at_end: usize,
    compared: usize,
}

fn says(node: &Node) -> Vec<(String, String)> {
    let set = node.set();
    let mut all = vec![("digests".into(), format!("{:?}", set_digests(node)))];
    let mut add = |what: String, says: String| all.push((what, says));
    add("evidence".into(), format!("{:?}", evidence(node)));
    for (chain, _) in set.chains() {
        let own = format!(
            "{:?} {:?} {:?} {:?} {:?}",
            set.spine(&chain)
                .iter()
                .map(|s| s.index())
                .collect::<Vec<_>>(),
            set.fork(&chain)
                .map(|(one, other)| (one.index(), other.index())),
            set.sealed_len(&chain),
            set.is_frozen(&chain),
            set.newest_seal(&chain),
        );
        add(format!("chain {chain}"), own);
    }
    for slot in set.slots() {
        add(
            format!("verdict {}", slot.index()),
            format!("{:?} {}", set.verdict(slot), set.is_bare(slot)),
        );
    }
    for ledger in node.ledgers() {
        let columns = ledger.columns(set);
        add(
            "columns".into(),
            format!("{:?}", columns.accounts().collect::<Vec<_>>()),
        );
        add(
            "transit".into(),
            format!("{:?}", columns.in_transit().collect::<Vec<_>>()),
        );
        add(
            "held".into(),
            format!("{:?}", columns.held().collect::<Vec<_>>()),
        );
        let waiting: BTreeMap<_, Vec<Slot>> = ledger
            .waiting()
            .map(|(id, slots)| {
                let mut slots = slots.to_vec();
                slots.sort_unstable();
                // One that came bare first may stand twice.
                slots.dedup();
                (id, slots)
            })
            .collect();
        add("waiting".into(), format!("{waiting:?}"));
        for slot in set.slots() {
            add(
                format!("judged {}", slot.index()),
                format!("{:?}", ledger.verdict(slot)),
            );
        }
        for (chain, _) in set.chains() {
            add(
                format!("positions {chain}"),
                format!("{:?}", ledger.positions(set, &chain)),
            );
        }
    }
    all
}

impl World {
    fn new(seed: u64) -> Self {
        let mut mixed = Mixed::with_past(seed);
        let charter = {
            let set = mixed.village.nodes[0].set();
            set.id(set.slot(0).unwrap())
        };
        let registrar = mixed.village.coop.registrar.clone();
        mixed.village.nodes.clear();
        let stranger = Registrar::join(&mixed.village);
        mixed.village.now += 100;
        block_on(mixed.lean.step(mixed.village.times())).unwrap();
        Self {
            mixed,
            stranger,
            dice: Dice(seed),
            seed,
            withheld: Vec::new(),
            starts: Vec::new(),
            registrars: BTreeMap::from([(charter, registrar)]),
            written: 0,
            wrote: Vec::new(),
            lean_at_end: 0,
            compared: 0,
        }
    }

    fn whole(&self) -> Node {
        let store = copy(&self.mixed.village.stores[CHARLIE]);
        let settings =
            self.mixed
                .village
                .coop
                .settings(CHARLIE, Arc::new(store), &LocalNetwork::new());
        block_on(settings.open()).unwrap()
    }

    fn step(&mut self, rounds: usize) {
        for _ in 0..rounds {
            self.mixed.village.now += 100;
            let times = self.mixed.village.times();
            block_on(self.mixed.lean.step(times)).unwrap();
        }
    }

    fn at(&mut self) -> Timestamp {
        self.written += 1;
        Timestamp::from_millis(self.mixed.village.now + self.written)
    }

    /// A record to follow: the tip, a branch, or any.
    fn after(&mut self, set: &RecordSet, chain: &ChainId) -> Option<Slot> {
        let all: Vec<Slot> = set
            .slots()
            .filter(|slot| set.chain(*slot) == *chain)
            .collect();
        let tips: Vec<Slot> = all
            .iter()
            .copied()
            .filter(|slot| !all.iter().any(|other| set.prev(*other) == Some(*slot)))
            .collect();
        let recent = &all[all.len().saturating_sub(5)..];
        match self.dice.roll(8) {
            0 => self.dice.pick(&all),
            1 | 2 => self.dice.pick(recent),
            3 => set.spine(chain).last().copied(),
            _ => self.dice.pick(&tips),
        }
    }

    fn key_of(&self, chain: &ChainId) -> Keypair {
        let coop = &self.mixed.village.coop;
        if *chain == coop.treasury() {
            return coop.treasury_key.clone();
        }
        for member in 0..3 {
            if [coop.hours_of(member), coop.voice_of(member)].contains(chain) {
                return coop.members[member].key.clone();
            }
        }
        coop.supplier_key.clone()
    }

    fn entry(&mut self, set: &RecordSet) -> Option<Signed<Record>> {
        let coop = &self.mixed.village.coop;
        let chains = [
            coop.hours_of(1),
            coop.hours_of(1),
            coop.hours_of(0),
            coop.voice_of(1),
            coop.supplier(),
        ];
        let chain = self.dice.pick(&chains)?;
        let started: Vec<Place> = self
            .starts
            .iter()
            .filter(|(of, _)| *of == chain)
            .map(|(_, place)| *place)
            .collect();
        let place = if self.dice.roll(3) == 0 && !started.is_empty() {
            self.dice.pick(&started)?
        } else if self.dice.roll(25) == 0 {
            let first = set.slots().find(|slot| set.chain(*slot) == chain)?;
            *set.record(first).header().place()
        } else {
            let after = self.after(set, &chain)?;
            set.record(after).header().next_place()?
        };
        let at = self.at();
        let topic = set
            .slots()
            .find(|slot| set.chain(*slot) == chain)
            .map(|slot| set.topic(slot));
        let near: Vec<RecordId> = set
            .slots()
            .filter(|slot| Some(set.topic(*slot)) == topic || set.chain(*slot) == set.authority())
            .map(|slot| set.id(slot))
            .collect();
        let key = u8::try_from(self.written % 200).unwrap() + 50;
        let paid = (self.dice.roll(2) == 0)
            .then(|| self.payment(&chain, key))
            .flatten();
        let acked = (self.dice.roll(3) == 0)
            .then(|| self.ack(set, &chain))
            .flatten();
        let (kind, content) = match paid.map(|c| (PAYMENT, c)).or(acked.map(|c| (ACK, c))) {
            Some(found) => found,
            None => {
                let mut refs = Vec::new();
                for _ in 0..self.dice.roll(3) {
                    refs.extend(self.dice.pick(&near));
                }
                if self.dice.roll(3) == 0 {
                    let withheld: Vec<RecordId> = self
                        .withheld
                        .iter()
                        .filter(|record| Some(record.topic()) == topic)
                        .map(|record| record.id())
                        .collect();
                    refs.extend(self.dice.pick(&withheld));
                }
                refs.sort_unstable();
                refs.dedup();
                (NOTE, Content::new(refs, None, &self.written)?)
            }
        };
        let draft = Draft::new(place, kind, at, content)?;
        draft.sign(&self.key_of(&chain)).ok()
    }

    fn payment(&mut self, chain: &ChainId, key: u8) -> Option<Content> {
        let coop = &self.mixed.village.coop;
        let payee = [coop.hours_of(CHARLIE), coop.hours_of(0), coop.hours_of(1)];
        let (unit, at) = (coop.hours, Timestamp::from_millis(self.mixed.village.now));
        let payee = self.dice.pick(&payee)?;
        let node = self.whole();
        let request = hours(payee, 1, key);
        let authorized =
            node.ledger(&unit)?
                .authorize(node.set(), chain, &request, at, &Policy::NONE);
        match authorized.ok()? {
            Authorized::Draft(draft) => Some(draft.content().clone()),
            Authorized::Again(_) => None,
        }
    }

    /// The content of some acknowledgement of the chain once more, or of another.
    fn ack(&mut self, set: &RecordSet, chain: &ChainId) -> Option<Content> {
        let acks: Vec<Content> = set
            .slots()
            .filter(|slot| set.chain(*slot) == *chain && set.record(*slot).kind() == ACK)
            .filter_map(|slot| set.record(slot).content().cloned())
            .collect();
        self.dice.pick(&acks)
    }

    fn acts(&mut self, set: &RecordSet) -> Option<Vec<Signed<Record>>> {
        let authority = set.authority();
        let mut after = set.record(self.after(set, &authority)?).clone();
        let seed = self.seed;
        let coop = &self.mixed.village.coop;
        let chains = [
            coop.hours_of(1),
            coop.hours_of(1),
            coop.voice_of(1),
            coop.hours_of(0),
        ];
        let chain = self.dice.pick(&chains)?;
        let mut written = Vec::new();
        let mut write = |world: &mut Self, after: &mut Record, act: &Act, refs: Vec<RecordId>| {
            let place = after.header().next_place()?;
            let epoch = after.epoch().unwrap_or(after.id());
            let draft = act.draft(place, refs, world.at())?;
            let record = draft.sign(world.registrars.get(&epoch)?).ok()?;
            *after = (*record).clone();
            written.push(record);
            Some(after.id())
        };
        let opens: Vec<RecordId> = set
            .slots()
            .map(|slot| set.id(slot))
            .filter(|id| set.open(id).is_some_and(|open| open.chain.id() == chain))
            .collect();
        let seat = set.office()?.seat(&chain)?.open();
        let open = if self.dice.roll(4) == 0 {
            self.dice.pick(&opens)?
        } else {
            seat
        };
        match self.dice.roll(7) {
            0 => {
                let floor = -150_000 - i64::try_from(self.written).ok()? * 10;
                write(
                    self,
                    &mut after,
                    &Act::Raise(Raise { open, floor }),
                    Vec::new(),
                )?;
            }
            1 if self.dice.roll(2) == 0 => {
                let successor = key_of(seed, "successor", self.written);
                let honoured = after.id();
                let terms = to_bytes(&VoteTerms {
                    domain: set.domain(),
                    honoured,
                    successor: successor.public_key(),
                });
                let vote = Vote {
                    voter: Voter::Key(0),
                    signature: key_of(seed, "recovery", 0).sign(&terms).ok()?,
                };
                let recall = Recall {
                    successor: successor.public_key(),
                    votes: List::new([vote]).ok()?,
                };
                let place = Place::Succession {
                    topic: after.topic(),
                    chain: authority,
                    seq: after.seq() + 1,
                    prev: honoured,
                };
                let mut refs = Vec::new();
                for _ in 0..self.dice.roll(3) {
                    refs.extend(self.dice.pick(&opens));
                }
                if self.dice.roll(4) == 0 {
                    refs.extend(self.withheld.first().map(|record| record.id()));
                }
                refs.sort_unstable();
                refs.dedup();
                let draft = Act::Recall(recall).draft(place, refs, self.at())?;
                let record = draft.sign(&successor).ok()?;
                self.registrars.insert(record.id(), successor);
                written.push(record);
            }
            2 => {
                let adopted = self.dice.pick(&opens)?;
                write(self, &mut after, &Act::Adopt, vec![adopted])?;
            }
            number => {
                let heads: Vec<Slot> = set
                    .slots()
                    .filter(|slot| set.chain(*slot) == chain)
                    .collect();
                let head = match self.dice.roll(4) {
                    0 => self.dice.pick(&heads)?,
                    1 => *set.spine(&chain).last()?,
                    _ => self.after(set, &chain)?,
                };
                let head = set.record(head).clone();
                let finality = if number < 5 {
                    Finality::Final
                } else {
                    Finality::Open
                };
                let row = SealRow {
                    chain,
                    open,
                    sealed: Some(Sealed {
                        header: head.header().clone(),
                        signature: *head.signature(),
                    }),
                    finality,
                };
                write(
                    self,
                    &mut after,
                    &Act::Seal(Seal {
                        rows: List::new([row]).ok()?,
                    }),
                    Vec::new(),
                )?;
                if finality == Finality::Final && self.dice.roll(4) > 0 {
                    let tip = Tip {
                        seq: head.seq(),
                        head: head.id(),
                    };
                    let key = self.key_of(&chain);
                    let mut body = icn_types::authority::Open {
                        start: Start::After {
                            prior: open,
                            tip: Some(tip),
                        },
                        consent: Consent::Current(Signature::from_bytes([0; 64])),
                        ..set.open(&open)?.clone()
                    };
                    let terms = to_bytes(&body.consent_terms(set.domain()));
                    body.consent = Consent::Current(key.sign(&terms).ok()?);
                    let topic = body.chain.topic();
                    let id = write(self, &mut after, &Act::Open(body), Vec::new())?;
                    let place = Place::Entry {
                        topic,
                        chain,
                        epoch: id,
                        seq: tip.seq + 1,
                        prev: Some(tip.head),
                    };
                    self.starts.push((chain, place));
                }
            }
        }
        Some(written)
    }

    fn tell(&mut self, record: &Signed<Record>, whole: bool) {
        let peer = self.mixed.village.coop.members[CHARLIE].peer();
        if whole {
            self.stranger.tell(peer, std::slice::from_ref(record));
        } else {
            let bare = Record::bare(record.header().clone(), *record.signature());
            self.stranger.repeat([bare.claim()], peer);
        }
    }

    fn deed(&mut self) {
        let node = self.whole();
        let set = node.set();
        let written = match self.dice.roll(10) {
            0..=5 => self.entry(set).into_iter().collect(),
            6..=8 => self.acts(set).unwrap_or_default(),
            _ => {
                for _ in 0..3 {
                    if !self.withheld.is_empty() {
                        let at = self.dice.roll(self.withheld.len());
                        let record = self.withheld.remove(at);
                        self.wrote.push(format!("complete {}", record.id()));
                        self.tell(&record, true);
                        self.step(1);
                    }
                }
                Vec::new()
            }
        };
        for record in written {
            let how = self.dice.roll(8);
            self.wrote.push(format!(
                "{} {:?} on {} at {} refs {:?} how {how}",
                record.id(),
                record.kind(),
                record.chain(),
                record.seq(),
                record.refs()
            ));
            match how {
                0 => self.withheld.push(record),
                1 if record.kind() != Kind::RECALL => {
                    self.tell(&record, false);
                    self.withheld.push(record);
                }
                _ => self.tell(&record, true),
            }
            self.step(1);
        }
    }

    /// Both go on from the same store at the same times.
    fn go_on(&mut self) {
        let mut whole = self.whole();
        let before = self.mixed.ask(|node| node.set().len());
        for _ in 0..6 {
            self.mixed.village.now += 700;
            let times = self.mixed.village.times();
            block_on(self.mixed.lean.step(times)).unwrap();
            block_on(whole.step(times)).unwrap();
        }
        let was_lean = !self.mixed.lean.has_history();
        let lines = |node: &Node| (evidence(node), set_digests(node), node.set().len());
        let (lean, whole) = (self.mixed.ask(lines), lines(&whole));
        self.wrote.push(format!("go on {before} {}", lean.2));
        assert_eq!(
            lean,
            whole,
            "lean {was_lean}, seed {}\n{}",
            self.seed,
            self.wrote.join("\n")
        );
    }

    fn compare(&mut self) {
        if self.dice.roll(2) == 0 {
            self.go_on();
        }
        let whole = says(&self.whole());
        let was_lean = !self.mixed.lean.has_history();
        let lean = self.mixed.ask(says);
        let is_lean = !self.mixed.lean.has_history();
        self.compared += 1;
        self.lean_at_end += usize::from(is_lean);
        for (one, other) in lean.iter().zip(&whole) {
            if one != other {
                let log = self.wrote.join("\n");
                panic!(
                    "seed {} was lean {was_lean}, is {is_lean}\nlean  {one:?}\nwhole {other:?}\n{log}",
                    self.seed
                );
            }
        }
        assert_eq!(lean.len(), whole.len());
    }

    fn run(&mut self, deeds: usize) {
        for _ in 0..deeds {
            self.deed();
            match self.dice.roll(6) {
                0 => {
                    let saved = block_on(self.mixed.lean.save()).unwrap();
                    assert_eq!(saved, Saved::Written, "seed {}", self.seed);
                    self.wrote.push("save".into());
                    let store = &self.mixed.village.stores[CHARLIE];
                    let genesis = &self.mixed.village.coop.genesis;
                    let found = block_on(verify_store(genesis, store)).unwrap();
                    assert_eq!(found, [], "seed {}\n{}", self.seed, self.wrote.join("\n"));
                    self.mixed.reopen();
                    assert!(!self.mixed.lean.has_history());
                    self.compare();
                    assert!(
                        !self.mixed.lean.has_history(),
                        "compare, seed {}\n{}",
                        self.seed,
                        self.wrote.join("\n")
                    );
                    self.step(1);
                    assert!(
                        !self.mixed.lean.has_history(),
                        "step, seed {}\n{}",
                        self.seed,
                        self.wrote.join("\n")
                    );
                }
                1 | 2 => {
                    self.wrote.push("reopen".into());
                    self.mixed.reopen();
                    if self.dice.roll(2) == 0 {
                        self.compare();
                    }
                }
                3 => self.compare(),
                4 => self.step(3),
                _ => self.step(1),
            }
        }
        self.step(2);
        self.compare();
        let labels = |node: &Node| -> Vec<_> {
            let ledgers = node.ledgers();
            ledgers
                .map(|ledger| ledger.label_digest(node.set()))
                .collect()
        };
        assert_eq!(self.mixed.ask(labels), labels(&self.whole()));
    }
}

#[test]
fn lean_node_is_the_node_of_its_store_whatever_hostile_writers_send() {
    let from: u64 = std::env::var("FROM").map_or(700, |from| from.parse().unwrap());
    let count: u64 = std::env::var("COUNT").map_or(6, |count| count.parse().unwrap());
    let (mut lean, mut compared, mut failed) = (0, 0, 0);
    for seed in from..from + count {
        let done = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            world.run(60);
            let set = world.mixed.ask(|node| node.set().len());
            (world.lean_at_end, world.compared, set)
        });
        match done {
            Ok((one, all, len)) => {
                println!("seed {seed}: {one} of {all} lean, {len} records");
                lean += one;
                compared += all;
            }
            Err(_) => {
                failed += 1;
                println!("seed {seed} FAILED");
            }
        }
    }
    println!("{lean} of {compared}");
    assert_eq!(failed, 0);
}
