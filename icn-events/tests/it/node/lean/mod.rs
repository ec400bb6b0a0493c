//! A lean node is the node of the same store, and reads its history only when
//! something asks for it.

mod forks;
mod history;
mod hostile;
mod openings;
mod random;
mod row;
mod saved;
mod waiting;

use std::sync::Arc;

use futures::executor::block_on;
use icn_events::node::{AuthorError, Authored, LeanNode, Node, NodeError, Saved};
use icn_governance::body::{Choice, Proposal};
use icn_ledger::entry::{NOTE, PAYMENT};
use icn_ledger::{LegId, PaymentRequest};
use icn_types::host::{LocalNetwork, Store};
use icn_types::id::{ChainId, Digest, TopicId};
use icn_types::record::{Content, Draft, Place, Record};
use icn_types::sign::Signed;

use super::coop::{Registrar, Village, copy};
use super::{budget, hours, opening_of, propose_and_vote};

/// Two nodes and a lean one, of the third member.
struct Mixed {
    village: Village,
    lean: LeanNode,
}

const CHARLIE: usize = 2;

impl Mixed {
    fn with_past(seed: u64) -> Self {
        Self::of(with_past(seed))
    }

    /// The same village with its third node opened from a snapshot.
    fn of(mut village: Village) -> Self {
        village.nodes.truncate(CHARLIE);
        let lean = open_saved(&village, CHARLIE);
        Self { village, lean }
    }

    fn reopen(&mut self) {
        self.lean = open(&self.village);
    }

    fn round(&mut self) {
        self.village.round();
        let times = self.village.times();
        block_on(self.lean.step(times)).unwrap();
    }

    fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        for _ in 0..2_000 {
            if done(self) {
                return;
            }
            self.round();
        }
        panic!("never: {what}");
    }

    fn ask<T>(&mut self, question: impl Fn(&Node) -> T) -> T {
        block_on(self.lean.ask(question)).unwrap()
    }

    /// A node that opens on a copy of the lean node's store and reads it all.
    fn whole(&self) -> Node {
        let store = Arc::new(copy(&self.village.stores[CHARLIE]));
        let settings = self
            .village
            .coop
            .settings(CHARLIE, store, &LocalNetwork::new());
        block_on(settings.open()).unwrap()
    }

    /// Steps the lean node while the others are away.
    fn rounds_alone(&mut self, count: usize) {
        for _ in 0..count {
            self.village.now += 100;
            let times = self.village.times();
            block_on(self.lean.step(times)).unwrap();
        }
    }

    /// Tells the lean node of records, while the others are away, until it holds
    /// them with their content.
    fn hear(&mut self, records: &[Signed<Record>]) {
        let stranger = Registrar::join(&self.village);
        for _ in 0..50 {
            let missing: Vec<Signed<Record>> = self.ask(|node| {
                let set = node.set();
                let is_whole = |slot| !set.is_bare(slot);
                let is_missing =
                    |record: &&Signed<Record>| !set.find(&record.id()).is_some_and(is_whole);
                records.iter().filter(is_missing).cloned().collect()
            });
            if missing.is_empty() {
                return;
            }
            for some in missing.chunks(64) {
                self.village.now += 20_000; // forks are taken in at a rate
                stranger.tell(self.village.peer(CHARLIE), some);
                self.rounds_alone(3);
            }
        }
        panic!("never told");
    }

    /// Tells the lean node of a record without its content, while the others are
    /// away.
    fn hear_bare(&mut self, record: &Record) {
        let stranger = Registrar::join(&self.village);
        let bare = Record::bare(record.header().clone(), *record.signature());
        stranger.repeat([bare.claim()], self.village.peer(CHARLIE));
        self.rounds_alone(3);
        let id = record.id();
        let is_bare = |node: &Node| {
            let set = node.set();
            set.find(&id).is_some_and(|slot| set.is_bare(slot))
        };
        assert!(self.ask(is_bare));
    }

    /// Posted hours of a member, as the lean node sees them.
    fn posted(&mut self, member: usize) -> i128 {
        let (unit, chain) = (self.village.coop.hours, self.hours_of(member));
        self.ask(|node| {
            let ledger = node.ledger(&unit).unwrap();
            ledger.positions(node.set(), &chain).posted.get()
        })
    }

    fn hours_of(&self, member: usize) -> ChainId {
        self.village.coop.hours_of(member)
    }

    fn pay(&mut self, request: &PaymentRequest) -> Result<Authored, AuthorError> {
        let (unit, own) = (self.village.coop.hours, self.hours_of(CHARLIE));
        let times = self.village.times();
        let pay = async |node: &mut Node| node.pay(&unit, &own, request, times).await;
        block_on(self.lean.act(pay))
    }

    /// A second record where Bob's last one stands, as his old store would write it.
    fn twin_of_the_last(&self) -> Signed<Record> {
        let set = self.village.nodes[1].set();
        let bob = self.hours_of(1);
        let tip = set.record(*set.spine(&bob).last().unwrap());
        let place = Place::Entry {
            topic: tip.topic(),
            chain: bob,
            epoch: tip.epoch().unwrap(),
            seq: tip.seq(),
            prev: tip.prev(),
        };
        let content = Content::new(Vec::new(), None, &7_u64).unwrap();
        let draft = Draft::new(place, NOTE, tip.at(), content).unwrap();
        draft.sign(&self.village.coop.members[1].key).unwrap()
    }

    /// Whether all three hold the same records.
    fn agree(&mut self) -> bool {
        let first = set_digests(&self.village.nodes[0]);
        let of_lean = self.ask(set_digests);
        let shared =
            |(topic, _): &&(TopicId, Digest)| first.iter().any(|(other, _)| other == topic);
        self.village.agree() && of_lean.iter().filter(shared).all(|row| first.contains(row))
    }
}

/// A village with a past: a decided payment, and hours that were paid and
/// acknowledged in a ring.
fn with_past(seed: u64) -> Village {
    let mut village = Village::new(seed, 3);
    let proposal = budget(&village);
    propose_and_vote(&mut village, proposal, &[Choice::Yes; 3]);
    let (credits, unit) = (village.coop.credits, village.coop.hours);
    let ring = [0, 1, 2].map(|member| village.coop.hours_of(member));
    for round in 0..4_u8 {
        for payer in 0..3 {
            let request = hours(ring[(payer + 1) % 3], 1, round);
            let times = village.times();
            let paid = village.nodes[payer].pay(&unit, &ring[payer], &request, times);
            block_on(paid).unwrap();
            village.rounds(3);
        }
    }
    village.until("all is paid and sealed", |v| {
        let set = v.nodes[CHARLIE].set();
        let is_sealed = |chain| set.sealed_len(chain) == set.spine(chain).len();
        v.posted(CHARLIE, credits, v.coop.supplier()) == 5_000
            && v.agree()
            && ring.iter().all(is_sealed)
    });
    village
}

fn open(village: &Village) -> LeanNode {
    open_on(village, Arc::new(village.stores[CHARLIE].clone())).unwrap()
}

/// A member's node, opened from a snapshot of what its store holds.
fn open_saved(village: &Village, member: usize) -> LeanNode {
    let open = || {
        let store = Arc::new(village.stores[member].clone());
        let settings = village.coop.settings(member, store, &village.network);
        block_on(settings.open_lean()).unwrap()
    };
    let mut lean = open();
    assert!(lean.has_history(), "there was no snapshot");
    assert_eq!(block_on(lean.save()).unwrap(), Saved::Written);
    drop(lean);
    let lean = open();
    assert!(!lean.has_history());
    lean
}

fn open_on(village: &Village, store: Arc<dyn Store>) -> Result<LeanNode, NodeError> {
    let settings = village.coop.settings(CHARLIE, store, &village.network);
    block_on(settings.open_lean())
}

fn set_digests(node: &Node) -> Vec<(TopicId, Digest)> {
    let topics = node.replica().topics();
    topics
        .map(|topic| (topic, node.set_digest(topic)))
        .collect()
}

/// Everything that a node says of its set, its accounts and its audit log.
fn all_of(node: &Node) -> (Vec<(TopicId, Digest)>, Vec<Digest>, String, usize) {
    let labels = node.ledgers().map(|ledger| ledger.label_digest(node.set()));
    let audit = node.audit().export(node.set()).unwrap();
    (set_digests(node), labels.collect(), audit, node.set().len())
}

/// The first leg of the oldest payment to a chain.
fn first_leg_to(village: &Village, payer: ChainId) -> LegId {
    let set = village.nodes[0].set();
    let payment = set.spine(&payer).iter().map(|&slot| set.record(slot));
    let payment = payment.filter(|record| record.kind() == PAYMENT);
    LegId {
        record: payment.map(Record::id).next().unwrap(),
        leg: 0,
    }
}

#[test]
fn lean_node_stands_where_the_node_of_its_store_stands() {
    let mut mixed = Mixed::with_past(401);
    let whole = mixed.whole();
    assert_eq!(mixed.ask(set_digests), set_digests(&whole));
    let columns = |node: &Node| {
        let accounts = node
            .ledgers()
            .map(|ledger| ledger.columns(node.set()).accounts().collect::<Vec<_>>());
        accounts.collect::<Vec<_>>()
    };
    assert_eq!(mixed.ask(columns), columns(&whole));
    let positions = |node: &Node| {
        let chains = node.set().chains().map(|(chain, _)| chain);
        let of = |chain| {
            node.ledgers()
                .map(|ledger| ledger.positions(node.set(), &chain))
                .collect::<Vec<_>>()
        };
        chains.map(of).collect::<Vec<_>>()
    };
    assert_eq!(mixed.ask(positions), positions(&whole));
    assert_eq!(mixed.ask(all_of), all_of(&whole));
    assert!(!mixed.lean.has_history(), "none of it asks for the past");
}

#[test]
fn payments_votes_and_seals_go_on_without_the_history() {
    let mut mixed = Mixed::with_past(402);
    let unit = mixed.village.coop.hours;
    let alice = mixed.hours_of(0);
    let charlie = mixed.hours_of(CHARLIE);
    mixed.pay(&hours(alice, 2, 16)).unwrap();
    let times = mixed.village.times();
    let back = hours(charlie, 5, 16);
    block_on(mixed.village.nodes[0].pay(&unit, &alice, &back, times)).unwrap();
    mixed.until("both are acknowledged", |m| {
        m.posted(CHARLIE) == 3 * 3600 && m.agree()
    });
    let proposal = Proposal {
        nonce: [6; 32],
        ..budget(&mixed.village)
    };
    let id = proposal.id();
    let (times, voice) = (mixed.village.times(), mixed.village.coop.voice_of(0));
    block_on(mixed.village.nodes[0].propose(&voice, proposal, times)).unwrap();
    mixed.until("the vote is open", |m| {
        opening_of(&m.village, 0, id).is_some()
    });
    let opening = opening_of(&mixed.village, 0, id).unwrap();
    mixed.until("the lean node knows it", |m| {
        m.ask(|node| node.set().find(&opening).is_some())
    });
    let times = mixed.village.times();
    for member in 0..CHARLIE {
        let voice = mixed.village.coop.voice_of(member);
        block_on(mixed.village.nodes[member].vote(&voice, opening, Choice::Yes, times)).unwrap();
    }
    let voice = mixed.village.coop.voice_of(CHARLIE);
    let vote = async |node: &mut Node| node.vote(&voice, opening, Choice::Yes, times).await;
    block_on(mixed.lean.act(vote)).unwrap();
    let (credits, supplier) = (mixed.village.coop.credits, mixed.village.coop.supplier());
    mixed.until("the second budget is paid", |m| {
        let ledger = |node: &Node| {
            node.ledger(&credits)
                .unwrap()
                .positions(node.set(), &supplier)
                .posted
                .get()
        };
        m.ask(ledger) == 10_000 && m.agree()
    });
    mixed.until("all is sealed", |m| {
        m.ask(|node| {
            let set = node.set();
            set.sealed_len(&charlie) == set.spine(&charlie).len()
        })
    });
    assert!(!mixed.lean.has_history());
}

#[test]
fn registrar_and_treasurer_do_their_duties_without_the_history() {
    let mut village = with_past(413);
    village.nodes.remove(0);
    let mut lean = open_saved(&village, 0);
    let proposal = Proposal {
        nonce: [7; 32],
        ..budget(&village)
    };
    let (id, times) = (proposal.id(), village.times());
    let voice = village.coop.voice_of(0);
    let propose = async |node: &mut Node| node.propose(&voice, proposal.clone(), times).await;
    block_on(lean.act(propose)).unwrap();
    let mut until = |village: &mut Village, done: &dyn Fn(&Village) -> bool| {
        for _ in 0..2_000 {
            if done(village) {
                return;
            }
            village.round();
            block_on(lean.step(village.times())).unwrap();
        }
        panic!("never");
    };
    until(&mut village, &|v| {
        (0..2).all(|node| opening_of(v, node, id).is_some())
    });
    let opening = opening_of(&village, 0, id).unwrap();
    for member in 1..3 {
        let (times, voice) = (village.times(), village.coop.voice_of(member));
        block_on(village.nodes[member - 1].vote(&voice, opening, Choice::Yes, times)).unwrap();
    }
    let (credits, supplier, treasury) = (
        village.coop.credits,
        village.coop.supplier(),
        village.coop.treasury(),
    );
    until(&mut village, &|v| {
        let set = v.nodes[0].set();
        v.posted(0, credits, supplier) == 10_000
            && set.sealed_len(&treasury) == set.spine(&treasury).len()
    });
    let told = |node: &Node| node.audit().payment(node.set(), &id, 0).is_some();
    assert!(block_on(lean.ask(told)).unwrap(), "with its audit line");
    assert!(!lean.has_history());
}

#[test]
fn what_was_unsealed_at_the_snapshot_is_sealed_without_the_history() {
    let mut village = with_past(414);
    let (unit, alice) = (village.coop.hours, village.coop.hours_of(0));
    let charlie = village.coop.hours_of(CHARLIE);
    for key in 16..19 {
        let times = village.times();
        let request = hours(alice, 1, key);
        let paid = village.nodes[CHARLIE].pay(&unit, &charlie, &request, times);
        block_on(paid).unwrap();
        village.rounds(2);
    }
    let set = village.nodes[0].set();
    assert!(set.spine(&charlie).len() >= set.sealed_len(&charlie) + 2);
    village.nodes.remove(0);
    let mut lean = open_saved(&village, 0);
    let is_sealed = |node: &Node| {
        let set = node.set();
        set.sealed_len(&charlie) == set.spine(&charlie).len()
    };
    for _ in 0..400 {
        village.round();
        block_on(lean.step(village.times())).unwrap();
        if block_on(lean.ask(is_sealed)).unwrap() {
            assert!(!lean.has_history());
            return;
        }
    }
    panic!("never sealed");
}
