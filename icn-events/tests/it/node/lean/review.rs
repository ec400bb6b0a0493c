//! What the review of snapshots of crooked sets found.

use std::sync::Arc;

use futures::executor::block_on;
use icn_events::node::LeanNode;
use icn_ledger::entry::NOTE;
use icn_types::id::ChainId;
use icn_types::record::{Content, Draft, Record};
use icn_types::sign::Signed;

use super::super::coop::{Registrar, Village};
use super::{CHARLIE, Mixed, open, with_past};

/// Records after which a node that read its history writes a snapshot by itself.
const DUE: u64 = 4_200;

/// The next so many notes of Bob on one of his chains.
fn notes(village: &Village, chain: &ChainId, count: u64) -> Vec<Signed<Record>> {
    let set = village.nodes[0].set();
    let mut place = set.next_place(chain).unwrap();
    let mut notes = Vec::new();
    for body in 0..count {
        let note = note(village, &place, body);
        place = note.header().next_place().unwrap();
        notes.push(note);
    }
    notes
}

fn note(village: &Village, place: &icn_types::record::Place, body: u64) -> Signed<Record> {
    let content = Content::new(Vec::new(), None, &body).unwrap();
    let at = icn_types::time::Timestamp::from_millis(village.now);
    let draft = Draft::new(*place, NOTE, at, content).unwrap();
    draft.sign(&village.coop.members[1].key).unwrap()
}

fn step(village: &mut Village, lean: &mut LeanNode, rounds: usize) {
    for _ in 0..rounds {
        village.now += 100;
        block_on(lean.step(village.times())).unwrap();
    }
}

/// Tells the lean node of records until it holds them.
fn tell(
    village: &mut Village,
    stranger: &Registrar,
    lean: &mut LeanNode,
    records: &[Signed<Record>],
) {
    let peer = village.coop.members[CHARLIE].peer();
    for records in records.chunks(64) {
        village.now += 20_000; // forks are taken in at a rate
        stranger.tell(peer, records);
        step(village, lean, 3);
    }
    let all = |node: &icn_events::node::Node| {
        let mut records = records.iter();
        records.all(|record| node.set().find(&record.id()).is_some())
    };
    for _ in 0..50 {
        if block_on(lean.ask(all)).unwrap() {
            return;
        }
        step(village, lean, 10);
        let missing = |node: &icn_events::node::Node| {
            let missing = records
                .iter()
                .filter(|r| node.set().find(&r.id()).is_none());
            missing.cloned().collect::<Vec<_>>()
        };
        for records in block_on(lean.ask(missing)).unwrap().chunks(64) {
            stranger.tell(peer, records);
            step(village, lean, 5);
        }
    }
    let held = |node: &icn_events::node::Node| {
        let mut held = records.iter();
        held.by_ref()
            .filter(|r| node.set().find(&r.id()).is_some())
            .count()
    };
    panic!(
        "never told: {} of {}",
        block_on(lean.ask(held)).unwrap(),
        records.len()
    );
}

/// A store with a snapshot of more records than make one due, of which the node
/// wrote it by itself, and the lean node on it.
fn large(seed: u64) -> (Village, Registrar, LeanNode) {
    let mut village = with_past(seed);
    let bob = village.coop.hours_of(1);
    let past = notes(&village, &bob, DUE);
    village.nodes.truncate(CHARLIE);
    let mut lean = open(&village);
    let stranger = Registrar::join(&village);
    step(&mut village, &mut lean, 2);
    tell(&mut village, &stranger, &mut lean, &past);
    drop(lean);
    let lean = open(&village);
    assert!(lean.has_history());
    drop(lean);
    let mut lean = open(&village);
    assert!(!lean.has_history(), "it was due, so it was written");
    step(&mut village, &mut lean, 5);
    assert!(!lean.has_history());
    (village, stranger, lean)
}

/// Opens the node so many times, each time for some steps, and says how often it
/// read its history.
fn readings(village: &mut Village, openings: usize) -> usize {
    let mut readings = 0;
    for _ in 0..openings {
        let mut lean = open(village);
        step(village, &mut lean, 5);
        readings += usize::from(lean.has_history());
    }
    readings
}

#[test]
fn history_is_not_read_at_every_opening_after_a_fork_of_a_ballot_chain() {
    let (mut village, stranger, mut lean) = large(601);
    let voice = village.coop.voice_of(1);
    let place = village.nodes[0].set().next_place(&voice).unwrap();
    let fork = [1, 2].map(|body| note(&village, &place, body));
    tell(&mut village, &stranger, &mut lean, &fork);
    drop(lean);
    let readings = readings(&mut village, 4);
    assert!(readings <= 1, "{readings} of 4 openings");
}

#[test]
fn history_is_not_read_at_every_opening_after_a_bare_record_below_a_seal() {
    let (mut village, stranger, mut lean) = large(602);
    let set = village.nodes[0].set();
    let bob = village.coop.hours_of(1);
    assert!(set.sealed_len(&bob) > 1);
    let first = set.record(set.spine(&bob)[0]);
    let twin = note(&village, first.header().place(), 77);
    let bare = Record::bare(twin.header().clone(), *twin.signature());
    stranger.repeat([bare.claim()], village.coop.members[CHARLIE].peer());
    step(&mut village, &mut lean, 5);
    let is_there = |node: &icn_events::node::Node| {
        let slot = node.set().find(&twin.id());
        slot.is_some_and(|slot| node.set().is_bare(slot))
    };
    assert!(block_on(lean.ask(is_there)).unwrap());
    drop(lean);
    let readings = readings(&mut village, 4);
    assert!(readings <= 1, "{readings} of 4 openings");
}

#[test]
fn history_is_not_read_at_every_opening_after_a_fork_of_an_account() {
    let (mut village, stranger, mut lean) = large(603);
    let bob = village.coop.hours_of(1);
    let place = *village.nodes[0]
        .set()
        .record(village.nodes[0].set().spine(&bob)[2])
        .header()
        .place();
    let twin = note(&village, &place, 78);
    tell(&mut village, &stranger, &mut lean, &[twin]);
    drop(lean);
    let readings = readings(&mut village, 4);
    assert!(readings <= 1, "{readings} of 4 openings");
}

#[test]
fn lean_registrar_with_a_fork_in_its_snapshot_reads_no_history() {
    let mut village = with_past(604);
    let bob = village.coop.hours_of(1);
    let place = village.nodes[0].set().next_place(&bob).unwrap();
    let fork = [1, 2].map(|body| note(&village, &place, body));
    let stranger = Registrar::join(&village);
    for node in 0..3 {
        stranger.tell(village.peer(node), &fork);
    }
    village.rounds(30);
    village.nodes.remove(0);
    let mut lean = super::open_saved(&village, 0);
    for _ in 0..60 {
        village.round();
        block_on(lean.step(village.times())).unwrap();
        assert!(!lean.has_history());
    }
    let _ = Arc::new(());
}

#[test]
fn any_byte_of_the_snapshot_row_may_be_another_one() {
    use super::super::coop::copy;
    use icn_types::host::{Batch, Scan, Space, Store as _};
    let mut village = with_past(605);
    let voice = village.coop.voice_of(1);
    let place = village.nodes[0].set().next_place(&voice).unwrap();
    let fork = [1, 2].map(|body| note(&village, &place, body));
    let stranger = Registrar::join(&village);
    for node in 0..3 {
        stranger.tell(village.peer(node), &fork);
    }
    village.rounds(30);
    let mut mixed = Mixed::of(village);
    let digests = mixed.ask(super::set_digests);
    assert!(!mixed.lean.has_history());
    let store = copy(&mixed.village.stores[CHARLIE]);
    let scan = Scan::all(Space::new("node/snapshot"));
    let row = block_on(store.scan(&scan)).unwrap().rows.remove(0);
    for at in 0..row.value.len() {
        for flip in [1, 2, 3, 0x80] {
            let mut value = row.value.clone();
            value[at] ^= flip;
            let store = copy(&store);
            let mut batch = Batch::new();
            batch.put(row.key.clone(), value).unwrap();
            block_on(store.commit(batch)).unwrap();
            let mut lean = super::open_on(&mixed.village, Arc::new(store)).unwrap();
            let found = block_on(lean.ask(super::set_digests)).unwrap();
            assert_eq!(found, digests, "byte {at} of {:02x?}", row.value);
            if !lean.has_history() {
                println!("byte {at} ^ {flip} is not noticed");
            }
        }
    }
}

/// The judge keeps the record under its own name, too, where it waited for its
/// content; who replays the journal never put it there.
#[test]
fn store_of_a_record_that_was_completed_and_waits_still_agrees_with_its_snapshot() {
    use icn_events::node::{Node, Saved, verify_store};
    let mut mixed = Mixed::with_past(606);
    let bob = mixed.hours_of(1);
    let place = mixed.village.nodes[0].set().next_place(&bob).unwrap();
    let absent = note(&mixed.village, &place, 1).id();
    let content = Content::new(vec![absent], None, &2_u64).unwrap();
    let at = icn_types::time::Timestamp::from_millis(mixed.village.now);
    let draft = Draft::new(place, NOTE, at, content).unwrap();
    let note = draft.sign(&mixed.village.coop.members[1].key).unwrap();
    let stranger = Registrar::join(&mixed.village);
    let peer = mixed.village.coop.members[CHARLIE].peer();
    mixed.village.nodes.clear();
    mixed.round();
    let bare = Record::bare(note.header().clone(), *note.signature());
    stranger.repeat([bare.claim()], peer);
    mixed.round();
    stranger.tell(peer, std::slice::from_ref(&note));
    mixed.until("it is whole", |m| {
        m.ask(|node| {
            let slot = node.set().find(&note.id());
            slot.is_some_and(|slot| !node.set().is_bare(slot))
        })
    });
    assert_eq!(block_on(mixed.lean.save()).unwrap(), Saved::Written);
    let store = &mixed.village.stores[CHARLIE];
    let genesis = &mixed.village.coop.genesis;
    let waiting = |node: &Node| -> Vec<_> {
        let ledgers = node.ledgers().flat_map(icn_ledger::Ledger::waiting);
        ledgers.map(|(id, slots)| (id, slots.to_vec())).collect()
    };
    let store_copy = super::super::coop::copy(store);
    let network = icn_types::host::LocalNetwork::new();
    let whole = mixed
        .village
        .coop
        .settings(CHARLIE, Arc::new(store_copy), &network);
    let whole = waiting(&block_on(whole.open()).unwrap());
    assert_eq!(block_on(verify_store(genesis, store)).unwrap(), []);
    assert_eq!(mixed.ask(waiting), whole);
}

/// Two records wait for one that nobody has. The first of them waited for an act
/// without its content before; who replays the journal finds that act judged.
#[test]
fn order_in_which_records_came_to_wait_is_no_difference_of_a_snapshot() {
    use icn_events::node::{Saved, verify_store};
    use icn_types::authority::{Act, Raise};
    let mut mixed = Mixed::with_past(607);
    let at = icn_types::time::Timestamp::from_millis(mixed.village.now);
    let accounts = [1, 0].map(|member| (member, mixed.hours_of(member)));
    let (act, waiting) = {
        let set = mixed.village.nodes[0].set();
        let coop = &mixed.village.coop;
        let seat = set.office().unwrap().seat(&accounts[0].1).unwrap();
        let raise = Act::Raise(Raise {
            open: seat.open(),
            floor: -200_000,
        });
        let place = set.next_place(&set.authority()).unwrap();
        let draft = raise.draft(place, Vec::new(), at).unwrap();
        let act = draft.sign(&coop.registrar).unwrap();
        let place = set.next_place(&accounts[0].1).unwrap();
        let mut absent = (1..).map(|body| note(&mixed.village, &place, body).id());
        let absent = absent.find(|absent| *absent > act.id()).unwrap();
        let waiting = [vec![act.id(), absent], vec![absent]];
        let waiting: Vec<Signed<Record>> = waiting
            .into_iter()
            .zip(accounts)
            .map(|(refs, (member, chain))| {
                let content = Content::new(refs, None, &2_u64).unwrap();
                let draft = Draft::new(set.next_place(&chain).unwrap(), NOTE, at, content);
                draft.unwrap().sign(&coop.members[member].key).unwrap()
            })
            .collect();
        (act, waiting)
    };
    let stranger = Registrar::join(&mixed.village);
    let peer = mixed.village.coop.members[CHARLIE].peer();
    mixed.village.nodes.clear();
    mixed.round();
    // It need not be lean for that.
    let past = |node: &icn_events::node::Node| {
        let set = node.set();
        set.slots().map(|slot| set.record(slot).seq()).max()
    };
    mixed.ask(past);
    assert!(mixed.lean.has_history());
    let bare = Record::bare(act.header().clone(), *act.signature());
    stranger.repeat([bare.claim()], peer);
    mixed.round();
    for record in waiting.iter().chain([&act]) {
        stranger.tell(peer, std::slice::from_ref(record));
        mixed.round();
    }
    mixed.until("the act is judged", |m| {
        m.ask(|node| {
            let set = node.set();
            let found = waiting.iter().all(|r| set.find(&r.id()).is_some());
            found
                && set
                    .find(&act.id())
                    .is_some_and(|slot| set.verdict(slot).is_valid())
        })
    });
    assert_eq!(block_on(mixed.lean.save()).unwrap(), Saved::Written);
    let (store, genesis) = (&mixed.village.stores[CHARLIE], &mixed.village.coop.genesis);
    assert_eq!(block_on(verify_store(genesis, store)).unwrap(), []);
}

/// The first record of Bob's next epoch waits for one that nobody has. One more
/// record of the epoch that ended takes the account away from the record that both
/// follow, and to save the lean node asks for records that are not at hand.
#[test]
fn late_record_of_an_ended_epoch_beside_one_that_waits_leaves_the_snapshot_there() {
    use icn_events::node::Saved;
    let mut village = with_past(608);
    let bob = village.coop.hours_of(1);
    let key = village.coop.members[1].key.clone();
    let late = village.nodes[0].set().next_place(&bob).unwrap();
    let late = [1, 2].map(|body| note(&village, &late, body));
    let stranger = Registrar::join(&village);
    let tip = village.tip(0, &bob);
    stranger.rotate(&mut village, bob, tip, &key, &key);
    village.rounds(20);
    let place = village.nodes[0].set().next_place(&bob).unwrap();
    let absent = note(&village, &place, 1).id();
    let content = Content::new(vec![absent], None, &2_u64).unwrap();
    let at = icn_types::time::Timestamp::from_millis(village.now);
    let draft = Draft::new(place, NOTE, at, content).unwrap();
    let waits = draft.sign(&key).unwrap();
    for node in 0..3 {
        stranger.tell(village.peer(node), std::slice::from_ref(&waits));
    }
    village.rounds(10);
    for node in 0..3 {
        stranger.tell(village.peer(node), &late[..1]);
    }
    village.rounds(10);
    let mut mixed = Mixed::of(village);
    let is_there = |record: &Signed<Record>| {
        let id = record.id();
        move |node: &icn_events::node::Node| node.set().find(&id).is_some()
    };
    assert!(mixed.ask(is_there(&waits)));
    let peer = mixed.village.coop.members[CHARLIE].peer();
    assert!(mixed.ask(is_there(&late[0])));
    stranger.tell(peer, &late[1..]);
    mixed.until("it is there", |m| m.ask(is_there(&late[1])));
    let was_lean = !mixed.lean.has_history();
    let saved = block_on(mixed.lean.save()).unwrap();
    assert_eq!((was_lean, saved), (true, Saved::Written));
    mixed.reopen();
    assert!(!mixed.lean.has_history());
}

/// Bob signs more and more records for one place. Says how long opening takes.
#[test]
fn opening_takes_linear_time_in_the_records_at_one_place() {
    let mut village = with_past(609);
    let bob = village.coop.hours_of(1);
    let place = village.nodes[0].set().next_place(&bob).unwrap();
    let all: Vec<Signed<Record>> = (0..6_400)
        .map(|body| note(&village, &place, body))
        .collect();
    village.nodes.truncate(CHARLIE);
    let mut lean = open(&village);
    let stranger = Registrar::join(&village);
    step(&mut village, &mut lean, 2);
    let mut told = 0;
    let mut times = Vec::new();
    for count in [1_600, 3_200, 6_400] {
        let began = std::time::Instant::now();
        tell(&mut village, &stranger, &mut lean, &all[told..count]);
        let telling = began.elapsed();
        told = count;
        block_on(lean.save()).unwrap();
        drop(lean);
        let began = std::time::Instant::now();
        lean = open(&village);
        let took = began.elapsed();
        println!("{count}: told in {telling:?}, opened in {took:?}");
        assert!(!lean.has_history());
        step(&mut village, &mut lean, 1);
        times.push(took);
    }
    assert!(times[2] < times[1] * 3, "{times:?}");
}

/// The node of the store tells its ledgers of each record once, and the lean node of
/// each position behind its snapshot.
#[test]
fn record_that_came_bare_and_whole_behind_the_snapshot_waits_once() {
    use icn_events::node::Node;
    let mut mixed = Mixed::with_past(610);
    let bob = mixed.hours_of(1);
    let place = mixed.village.nodes[0].set().next_place(&bob).unwrap();
    let absent = note(&mixed.village, &place, 1).id();
    let content = Content::new(vec![absent], None, &2_u64).unwrap();
    let at = icn_types::time::Timestamp::from_millis(mixed.village.now);
    let draft = Draft::new(place, NOTE, at, content).unwrap();
    let note = draft.sign(&mixed.village.coop.members[1].key).unwrap();
    let stranger = Registrar::join(&mixed.village);
    let peer = mixed.village.coop.members[CHARLIE].peer();
    mixed.village.nodes.clear();
    mixed.round();
    let bare = Record::bare(note.header().clone(), *note.signature());
    stranger.repeat([bare.claim()], peer);
    mixed.round();
    stranger.tell(peer, std::slice::from_ref(&note));
    mixed.until("it is whole", |m| {
        m.ask(|node| {
            let slot = node.set().find(&note.id());
            slot.is_some_and(|slot| !node.set().is_bare(slot))
        })
    });
    mixed.reopen();
    assert!(!mixed.lean.has_history());
    let waiting = |node: &Node| -> Vec<_> {
        let ledgers = node.ledgers().flat_map(icn_ledger::Ledger::waiting);
        ledgers.map(|(id, slots)| (id, slots.to_vec())).collect()
    };
    let store = super::super::coop::copy(&mixed.village.stores[CHARLIE]);
    let network = icn_types::host::LocalNetwork::new();
    let whole = mixed
        .village
        .coop
        .settings(CHARLIE, Arc::new(store), &network);
    let whole = waiting(&block_on(whole.open()).unwrap());
    assert_eq!(mixed.ask(waiting), whole);
}
