//! What makes a lean node read its history, and what becomes of what it was doing.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::executor::block_on;
use icn_events::node::{AuthorError, Authored, Node, NodeEvent};
use icn_ledger::query::{Order, PageSize};
use icn_ledger::{LegId, RefundRequest};
use icn_sync::wire::{Envelope, Frame as Wire, Held, Want};
use icn_types::canon::{List, to_bytes};
use icn_types::error::{Coded as _, Fault};
use icn_types::host::{
    Batch, Frame, Key, LocalNetwork, MemoryStore, Page, Scan, Store, StoreError, Transport as _,
};
use icn_types::id::RecordId;
use icn_types::record::Record;
use icn_types::topic::Topic;

use super::super::coop::{Person, Registrar, copy};
use super::super::hours;
use super::super::money::refunding;
use super::{CHARLIE, Mixed, first_leg_to, open_on, set_digests, with_past};

fn refund(original: LegId) -> RefundRequest {
    refunding(original, 600, 90)
}

#[test]
fn refund_of_long_ago_reads_the_history_once_and_is_written_once() {
    let mut mixed = Mixed::with_past(404);
    let (unit, bob, own) = (
        mixed.village.coop.hours,
        mixed.hours_of(1),
        mixed.hours_of(CHARLIE),
    );
    let request = refund(first_leg_to(&mixed.village, bob));
    let (before, times) = (mixed.posted(CHARLIE), mixed.village.times());
    let deed = async |node: &mut Node| node.refund(&unit, &own, &request, times).await;
    let written = block_on(mixed.lean.act(deed)).unwrap();
    assert!(matches!(written, Authored::New(_)));
    assert!(mixed.lean.has_history());
    mixed.until("it is acknowledged", |m| m.posted(1) == 600 && m.agree());
    assert_eq!(mixed.posted(CHARLIE), before - 600);
}

#[test]
fn what_arrives_in_a_step_that_needs_the_history_is_taken_in_all_the_same() {
    let mut mixed = Mixed::with_past(405);
    let (unit, alice, charlie) = (
        mixed.village.coop.hours,
        mixed.hours_of(0),
        mixed.hours_of(CHARLIE),
    );
    mixed.until("links are up and quiet", |m| m.agree());
    let heard = Arc::new(std::sync::Mutex::new(0));
    let count = Arc::clone(&heard);
    let listen = |node: &Node| {
        let count = Arc::clone(&count);
        node.events().subscribe(move |event| {
            if let NodeEvent::Money { .. } = event {
                *count.lock().unwrap() += 1;
            }
        })
    };
    let subscription = mixed.ask(listen);
    let request = refund(first_leg_to(&mixed.village, charlie));
    let times = mixed.village.times();
    block_on(mixed.village.nodes[0].refund(&unit, &alice, &request, times)).unwrap();
    mixed.until("the refund is acknowledged by the lean node", |m| {
        m.posted(CHARLIE) == 600
    });
    assert!(mixed.lean.has_history());
    assert_eq!(
        *heard.lock().unwrap(),
        2,
        "refund and acknowledgement, each once"
    );
    drop(subscription);
    mixed.until("nodes agree", Mixed::agree);
}

#[test]
fn peer_that_lacks_the_past_gets_it() {
    let mut mixed = Mixed::with_past(406);
    let unit = mixed.village.coop.hours;
    // Only the lean node is left to tell a node that lost its store.
    let peers: Vec<_> = mixed
        .village
        .coop
        .members
        .iter()
        .map(Person::peer)
        .collect();
    mixed.village.stores[0] = MemoryStore::new();
    mixed.village.reopen(0);
    mixed.village.network.disconnect(peers[0], peers[1]);
    mixed.until("it has everything", |m| {
        let lost = &m.village.nodes[0];
        let positions = lost.ledger(&unit).unwrap();
        positions.positions(lost.set(), &m.hours_of(1)).posted.get() == 0
            && lost.set().len() > 60
            && {
                let digests = set_digests(&m.village.nodes[0]);
                m.ask(set_digests)
                    .iter()
                    .filter(|(topic, _)| digests.iter().any(|(other, _)| other == topic))
                    .all(|row| digests.contains(row))
            }
    });
    assert!(mixed.lean.has_history());
}

#[test]
fn question_that_needs_the_past_is_answered_from_it() {
    let mut mixed = Mixed::with_past(407);
    let (unit, own) = (mixed.village.coop.hours, mixed.hours_of(CHARLIE));
    let lines = |node: &Node| {
        let query = node.query(&unit).unwrap();
        let page = query.lines(&own, Order::NewestFirst, None, PageSize::new(50).unwrap());
        page.map(|page| page.rows.len())
    };
    let expected = 8;
    assert_eq!(mixed.ask(lines), Ok(expected));
    assert!(mixed.lean.has_history());
    let times = mixed.village.times();
    let node = block_on(mixed.lean.into_node()).unwrap();
    assert_eq!(lines(&node), Ok(expected));
    assert!(times.now.as_millis() > 0);
}

#[test]
fn deed_that_misses_the_history_comes_to_nothing_the_first_time() {
    let mut mixed = Mixed::with_past(408);
    let (unit, bob, own) = (
        mixed.village.coop.hours,
        mixed.hours_of(1),
        mixed.hours_of(CHARLIE),
    );
    let request = refund(first_leg_to(&mixed.village, bob));
    let times = mixed.village.times();
    let records = mixed.village.nodes[0].set().len();
    let mut errors = Vec::new();
    let deed = async |node: &mut Node| {
        let _refused = node.refund(&unit, &own, &request, times).await;
        match node.step(times).await {
            Ok(_) => Ok(()),
            Err(error) => {
                errors.push((error.code(), error.fault()));
                Err(error)
            }
        }
    };
    block_on(mixed.lean.act(deed)).unwrap();
    assert_eq!(errors, [("node.not_at_hand", Fault::Environment)]);
    mixed.until("the refund is known once", |m| {
        m.agree() && m.posted(1) == 600
    });
    assert!(mixed.village.nodes[0].set().len() >= records + 2);
}

#[test]
fn fork_is_taken_in_with_the_history() {
    let mut mixed = Mixed::with_past(409);
    let twin = mixed.twin_of_the_last();
    let id = twin.id();
    let peer = mixed.village.coop.members[CHARLIE].peer();
    let registrar = Registrar::join(&mixed.village);
    mixed.round();
    registrar.tell(peer, &[twin]);
    let holds = |node: &Node| node.set().find(&id).is_some() && !node.set().is_straight();
    mixed.until("the lean node holds both", |m| m.ask(holds));
}

#[test]
fn deed_of_several_requests_is_done_again_whole() {
    let mut mixed = Mixed::with_past(497);
    let (unit, alice, bob) = (
        mixed.village.coop.hours,
        mixed.hours_of(0),
        mixed.hours_of(1),
    );
    let own = mixed.hours_of(CHARLIE);
    let (first, second) = (
        hours(alice, 1, 17),
        refund(first_leg_to(&mixed.village, bob)),
    );
    let times = mixed.village.times();
    let mut answers = Vec::new();
    let deed = async |node: &mut Node| {
        answers.push(node.pay(&unit, &own, &first, times).await?);
        node.refund(&unit, &own, &second, times).await
    };
    assert!(matches!(
        block_on(mixed.lean.act(deed)),
        Ok(Authored::New(_))
    ));
    let [Authored::New(paid), Authored::Again(again)] = answers[..] else {
        panic!("{answers:?}");
    };
    assert_eq!(paid, again);
    mixed.until("nodes agree", Mixed::agree);
}

#[test]
fn what_a_deed_reads_after_its_commit_is_read_from_the_history() {
    let mut mixed = Mixed::with_past(490);
    let (unit, alice, own) = (
        mixed.village.coop.hours,
        mixed.hours_of(0),
        mixed.hours_of(CHARLIE),
    );
    let (request, times) = (hours(alice, 1, 17), mixed.village.times());
    let deed = async |node: &mut Node| {
        node.pay(&unit, &own, &request, times).await?;
        let query = node.query(&unit).unwrap();
        let page = query.lines(&own, Order::NewestFirst, None, PageSize::new(50).unwrap());
        Ok::<_, AuthorError>(page.map(|page| page.rows.len()))
    };
    assert_eq!(block_on(mixed.lean.act(deed)).unwrap(), Ok(9));
}

#[test]
fn copy_of_an_old_record_asks_for_no_history() {
    let mut mixed = Mixed::with_past(496);
    let bob = mixed.hours_of(1);
    let set = mixed.village.nodes[1].set();
    let old = set.record(set.spine(&bob)[0]).clone();
    let peer = mixed.village.coop.members[CHARLIE].peer();
    let registrar = Registrar::join(&mixed.village);
    mixed.round();
    registrar.repeat([&old], peer);
    mixed.round();
    mixed.round();
    assert!(!mixed.lean.has_history());
}

/// A store whose reads wait while it is closed.
struct Gate {
    store: MemoryStore,
    closed: AtomicBool,
}

impl Gate {
    async fn pass(&self) {
        while self.closed.load(Ordering::Relaxed) {
            futures::pending!();
        }
    }
}

#[async_trait]
impl Store for Gate {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.pass().await;
        self.store.read(keys).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Page, StoreError> {
        self.pass().await;
        self.store.scan(scan).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.store.commit(batch).await
    }
}

#[test]
fn step_that_was_dropped_while_it_read_the_history_is_done_by_the_next() {
    let mut mixed = Mixed::with_past(493);
    let (unit, alice, charlie) = (
        mixed.village.coop.hours,
        mixed.hours_of(0),
        mixed.hours_of(CHARLIE),
    );
    let request = refund(first_leg_to(&mixed.village, charlie));
    let times = mixed.village.times();
    block_on(mixed.village.nodes[0].refund(&unit, &alice, &request, times)).unwrap();
    let store = mixed.village.stores[CHARLIE].clone();
    let gate = Arc::new(Gate {
        store,
        closed: AtomicBool::new(false),
    });
    mixed.lean = open_on(&mixed.village, gate.clone()).unwrap();
    gate.closed.store(true, Ordering::Relaxed);
    let waits = (0..50).any(|_| {
        mixed.village.round();
        let times = mixed.village.times();
        mixed.lean.step(times).now_or_never().is_none()
    });
    assert!(waits && !mixed.lean.has_history());
    gate.closed.store(false, Ordering::Relaxed);
    mixed.until("the refund is acknowledged", |m| {
        m.posted(CHARLIE) == 600 && m.agree()
    });
}

/// What a node needs to be told to believe that its records are all there are.
struct Teller {
    /// The last records of its chain that it lost.
    lost: [Record; 2],
    held: Wire,
    /// Asks for a record that is not at hand.
    want: Wire,
}

impl Teller {
    fn of(mixed: &super::Village, old: RecordId) -> Self {
        let own = mixed.coop.hours_of(CHARLIE);
        let topic = Topic::Ledger(mixed.coop.domain(), mixed.coop.hours).id();
        let node = &mixed.nodes[CHARLIE];
        let (set, digest) = (node.set(), node.set_digest(topic));
        let spine = set.spine(&own);
        let held = Held {
            topic,
            yours: digest,
            mine: digest,
        };
        let want = Want {
            topic,
            ids: List::new([old]).unwrap(),
            chains: List::empty(),
        };
        Self {
            lost: [2, 1].map(|back| set.record(spine[spine.len() - back]).clone()),
            held: Wire::Held(List::new([held]).unwrap()),
            want: Wire::Want(want),
        }
    }
}

#[test]
fn confirmation_heard_in_a_step_that_came_to_nothing_is_void() {
    let mut village = with_past(494);
    let (unit, own, alice) = (
        village.coop.hours,
        village.coop.hours_of(CHARLIE),
        village.coop.hours_of(0),
    );
    let backup = copy(&village.stores[CHARLIE]);
    let open = |village: &super::Village, network: &LocalNetwork| {
        let settings = village
            .coop
            .settings(CHARLIE, Arc::new(backup.clone()), network);
        let settings = settings.with_confirmations(Some(NonZeroU16::MIN));
        block_on(settings.open_lean()).unwrap()
    };
    block_on(open(&village, &LocalNetwork::new()).save()).unwrap();
    // The node goes on, then its store is lost.
    for key in [16, 17] {
        let times = village.times();
        let request = hours(alice, 1, key);
        let paid = village.nodes[CHARLIE].pay(&unit, &own, &request, times);
        block_on(paid).unwrap();
    }
    let set = village.nodes[CHARLIE].set();
    let old = set.id(set.spine(&village.coop.hours_of(1))[0]);
    let Teller {
        lost: [first, second],
        held,
        want,
    } = Teller::of(&village, old);
    let network = LocalNetwork::new();
    let guest = network.join(village.coop.guest());
    let mut lean = open(&village, &network);
    assert!(!lean.has_history());
    let peer = village.coop.members[CHARLIE].peer();
    let send = |frame: &Wire| block_on(guest.send(peer, Frame::new(&to_bytes(frame)))).unwrap();
    let fresh = |record| Wire::Fresh(List::new([Envelope::of(record)]).unwrap());
    let mut step = |lean: &mut icn_events::node::LeanNode| {
        village.now += 10;
        block_on(lean.step(village.times())).unwrap();
    };
    (0..3).for_each(|_| step(&mut lean));
    send(&fresh(&second));
    step(&mut lean);
    // What came early is here, and the peer says that this is all; but the step
    // does not end, and what came early is forgotten with it.
    [fresh(&first), held, want].iter().for_each(&send);
    step(&mut lean);
    assert!(lean.has_history());
    let id = first.id();
    let tip = |node: &Node| node.set().id(*node.set().spine(&own).last().unwrap());
    assert_eq!(block_on(lean.ask(tip)).unwrap(), id);
    let (request, times) = (hours(alice, 1, 18), village.times());
    let pay = async |node: &mut Node| node.pay(&unit, &own, &request, times).await;
    let refused = block_on(lean.act(pay));
    assert!(
        matches!(refused, Err(AuthorError::Unconfirmed { .. })),
        "{refused:?}"
    );
}
