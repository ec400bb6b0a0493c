//! Whatever hostile writers send, in any order, with or without its content, a lean
//! node says what the node of its store says.
//!
//! In each world the lean node is alone with a stranger who has the keys of the
//! members and of every registrar. The stranger writes entries after any record of a
//! chain, payments and acknowledgements twice, and records that name what nobody has
//! yet; acts on any branch, Recalls that adopt whatever there is, Seals of any head
//! and the next epochs after them. Some of it comes without its content or late.
//! In between the node saves, opens again, and is compared.

mod writing;

use std::fmt::{Debug, Display};

use futures::executor::block_on;
use icn_events::node::{Node, Saved, verify_store};
use icn_types::id::{ChainId, RecordId};
use icn_types::key::Keypair;
use icn_types::record::{Kind, Place, Record};
use icn_types::set::Slot;
use icn_types::sign::Signed;

use super::super::coop::Registrar;
use super::super::evidence::evidence;
use super::random::Dice;
use super::{CHARLIE, Mixed, set_digests};

#[test]
fn lean_node_is_the_node_of_its_store_whatever_hostile_writers_send() {
    let (mut compared, mut lean) = (0, 0);
    for seed in 700..706 {
        let mut world = World::new(seed);
        for _ in 0..60 {
            world.deed();
            world.pass();
        }
        world.end();
        compared += world.compared;
        lean += world.lean;
    }
    assert!(
        compared > 100 && lean > 50,
        "{lean} of {compared} without the history"
    );
}

struct World {
    seed: u64,
    mixed: Mixed,
    stranger: Registrar,
    dice: Dice,
    /// What was written and not told, or told without its content.
    withheld: Vec<Signed<Record>>,
    /// First places of epochs that the stranger opened.
    starts: Vec<(ChainId, Place)>,
    /// Keys of registrars, by the charter or the Recall that names them.
    registrars: Vec<(RecordId, Keypair)>,
    written: u64,
    /// How often both were compared, and how often without the history.
    compared: usize,
    lean: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut mixed = Mixed::with_past(seed);
        let set = mixed.village.nodes[0].set();
        let charter = set.id(set.slot(0).unwrap());
        let registrar = mixed.village.coop.registrar.clone();
        mixed.village.nodes.clear();
        let stranger = Registrar::join(&mixed.village);
        mixed.rounds_alone(1);
        Self {
            seed,
            mixed,
            stranger,
            dice: Dice(seed),
            withheld: Vec::new(),
            starts: Vec::new(),
            registrars: vec![(charter, registrar)],
            written: 0,
            compared: 0,
            lean: 0,
        }
    }

    /// The stranger writes something, or tells some of what was withheld.
    fn deed(&mut self) {
        let node = self.mixed.whole();
        let written = match self.dice.roll(10) {
            0..=5 => self.entry(&node).into_iter().collect(),
            6..=8 => self.acts(node.set()).unwrap_or_default(),
            _ => return self.complete(),
        };
        for record in written {
            match self.dice.roll(8) {
                0 => self.withheld.push(record),
                1 if record.kind() != Kind::RECALL => {
                    let bare = Record::bare(record.header().clone(), *record.signature());
                    let peer = self.mixed.village.peer(CHARLIE);
                    self.stranger.repeat([bare.claim()], peer);
                    self.withheld.push(record);
                }
                _ => self.tell(record),
            }
            self.mixed.rounds_alone(1);
        }
    }

    fn complete(&mut self) {
        for _ in 0..self.withheld.len().min(3) {
            let at = self.dice.roll(self.withheld.len());
            let record = self.withheld.remove(at);
            self.tell(record);
            self.mixed.rounds_alone(1);
        }
    }

    fn tell(&self, record: Signed<Record>) {
        let peer = self.mixed.village.peer(CHARLIE);
        self.stranger.tell(peer, &[record]);
    }

    /// Time passes, and the node saves or opens again.
    fn pass(&mut self) {
        match self.dice.roll(6) {
            0 => self.save(),
            1 | 2 => {
                self.mixed.reopen();
                if self.dice.roll(2) == 0 {
                    self.compare();
                }
            }
            3 => self.compare(),
            4 => self.mixed.rounds_alone(3),
            _ => self.mixed.rounds_alone(1),
        }
    }

    /// After it saved, nothing that anybody asks or says has it read its history.
    fn save(&mut self) {
        let saved = block_on(self.mixed.lean.save()).unwrap();
        assert_eq!(saved, Saved::Written, "seed {}", self.seed);
        let store = &self.mixed.village.stores[CHARLIE];
        let genesis = &self.mixed.village.coop.genesis;
        let found = block_on(verify_store(genesis, store)).unwrap();
        assert_eq!(found, [], "seed {}", self.seed);
        self.mixed.reopen();
        assert!(!self.mixed.lean.has_history(), "opens, seed {}", self.seed);
        self.compare();
        assert!(
            !self.mixed.lean.has_history(),
            "answers, seed {}",
            self.seed
        );
        self.mixed.rounds_alone(1);
        assert!(!self.mixed.lean.has_history(), "steps, seed {}", self.seed);
    }

    fn compare(&mut self) {
        if self.dice.roll(2) == 0 {
            self.go_on();
        }
        let whole = says(&self.mixed.whole());
        let lean = self.mixed.ask(says);
        for (one, other) in lean.iter().zip(&whole) {
            assert_eq!(one, other, "seed {}", self.seed);
        }
        assert_eq!(lean.len(), whole.len(), "seed {}", self.seed);
        self.compared += 1;
        self.lean += usize::from(!self.mixed.lean.has_history());
    }

    /// Both go on from the same store at the same times.
    fn go_on(&mut self) {
        let mut whole = self.mixed.whole();
        for _ in 0..6 {
            self.mixed.village.now += 700;
            let times = self.mixed.village.times();
            block_on(self.mixed.lean.step(times)).unwrap();
            block_on(whole.step(times)).unwrap();
        }
        let said = |node: &Node| (evidence(node), set_digests(node), node.set().len());
        assert_eq!(self.mixed.ask(said), said(&whole), "seed {}", self.seed);
    }

    /// Labels look at the whole history.
    fn end(&mut self) {
        self.mixed.rounds_alone(2);
        self.compare();
        let labels = |node: &Node| -> Vec<_> {
            let ledgers = node.ledgers();
            let labels = ledgers.map(|ledger| ledger.label_digest(node.set()));
            labels.collect()
        };
        let whole = labels(&self.mixed.whole());
        assert_eq!(self.mixed.ask(labels), whole, "seed {}", self.seed);
    }
}

/// What a node says without a look at the past, each with what it is about.
fn says(node: &Node) -> Vec<(String, String)> {
    let set = node.set();
    let mut all = vec![
        said("digests", set_digests(node)),
        said("evidence", evidence(node)),
    ];
    for (chain, _) in set.chains() {
        let seals = (
            set.sealed_len(&chain),
            set.is_frozen(&chain),
            set.newest_seal(&chain),
        );
        let stands = (set.spine(&chain), set.fork(&chain), seals);
        all.push(said(format!("chain {chain}"), stands));
    }
    let named = |what: &str, slot: Slot| format!("{what} {}", set.id(slot));
    for slot in set.slots() {
        let stands = (set.verdict(slot), set.is_bare(slot));
        all.push(said(named("record", slot), stands));
    }
    for ledger in node.ledgers() {
        let columns = ledger.columns(set);
        all.push(said("columns", columns.accounts().collect::<Vec<_>>()));
        all.push(said("in transit", columns.in_transit().collect::<Vec<_>>()));
        all.push(said("held", columns.held().collect::<Vec<_>>()));
        let waiting = ledger.waiting().flat_map(|(id, slots)| {
            let mut slots = slots.to_vec();
            slots.sort_unstable(); // in whatever order they came to wait
            slots.into_iter().map(move |slot| (id, slot))
        });
        all.push(said("waiting", waiting.collect::<Vec<_>>()));
        for slot in set.slots() {
            all.push(said(named("entry", slot), ledger.verdict(slot)));
        }
        for (chain, _) in set.chains() {
            let positions = ledger.positions(set, &chain);
            all.push(said(format!("positions {chain}"), positions));
        }
    }
    all
}

fn said(about: impl Display, what: impl Debug) -> (String, String) {
    (about.to_string(), format!("{what:?}"))
}
