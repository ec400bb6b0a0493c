//! Snapshots: written, cut short, damaged, of another node, and none at all.

use std::sync::Arc;

use futures::executor::block_on;
use icn_events::node::{Authored, Difference, Node, verify_store};
use icn_types::hash::Hasher;
use icn_types::host::{Batch, LocalNetwork, MemoryStore, Scan, Space, Store as _, StoredRow};
use icn_types::testkit::faulty::{Fault as StoreFault, Faulty};

use super::super::coop::copy;
use super::super::hours;
use super::forks::{note_after, tell, tip_of};
use super::{CHARLIE, Mixed, open_on, set_digests, with_past};

const PAGES: Space = Space::new("node/page");
const SNAPSHOT: Space = Space::new("node/snapshot");

type Damage = Box<dyn Fn(&mut Batch)>;

fn rows(store: &MemoryStore, space: Space) -> Vec<StoredRow> {
    let mut rows = Vec::new();
    let mut scan = Some(Scan::all(space));
    while let Some(current) = scan {
        let page = block_on(store.scan(&current)).unwrap();
        rows.extend(page.rows);
        scan = page.next;
    }
    rows
}

#[test]
fn what_came_after_the_snapshot_is_there_when_the_node_opens_again() {
    let mut mixed = Mixed::with_past(403);
    let alice = mixed.hours_of(0);
    for key in 60..64 {
        mixed.pay(&hours(alice, 1, key)).unwrap();
        mixed.reopen();
        assert!(!mixed.lean.has_history());
        mixed.round();
        let again = mixed.pay(&hours(alice, 1, key)).unwrap();
        assert!(matches!(again, Authored::Again(_)), "{again:?}");
    }
    mixed.until("all is acknowledged", |m| {
        m.posted(CHARLIE) == -4 * 3600 && m.agree()
    });
    mixed.reopen();
    assert_eq!(mixed.posted(CHARLIE), -4 * 3600);
    assert!(!mixed.lean.has_history());
}

#[test]
fn damaged_snapshot_is_none_and_the_history_is_read() {
    let mixed = Mixed::with_past(410);
    let store = &mixed.village.stores[CHARLIE];
    let mut damages: Vec<Damage> = Vec::new();
    for row in rows(store, PAGES).into_iter().chain(rows(store, SNAPSHOT)) {
        let (key, mut value) = (row.key.clone(), row.value.clone());
        damages.push(Box::new(move |batch| batch.delete(key.clone()).unwrap()));
        let middle = value.len() / 2;
        value[middle] ^= 1;
        damages.push(Box::new(move |batch| {
            batch.put(row.key.clone(), value.clone()).unwrap()
        }));
    }
    assert!(damages.len() >= 10);
    for damage in damages {
        let store = copy(store);
        let mut batch = Batch::new();
        damage(&mut batch);
        block_on(store.commit(batch)).unwrap();
        let genesis = &mixed.village.coop.genesis;
        let found = block_on(verify_store(genesis, &store)).unwrap();
        let is_gone = rows(&store, SNAPSHOT).is_empty();
        assert_eq!(found.is_empty(), is_gone, "{found:?}");
        assert!(is_gone || found == [Difference::Snapshot]);
        let lean = open_on(&mixed.village, Arc::new(store)).unwrap();
        assert!(lean.has_history());
    }
}

#[test]
fn snapshot_of_another_node_is_none() {
    let mixed = Mixed::with_past(412);
    let other = {
        let store = copy(&mixed.village.stores[0]);
        let network = LocalNetwork::new();
        let settings = mixed
            .village
            .coop
            .settings(0, Arc::new(store.clone()), &network);
        let mut lean = block_on(settings.open_lean()).unwrap();
        block_on(lean.save()).unwrap();
        store
    };
    let store = copy(&mixed.village.stores[CHARLIE]);
    let mut batch = Batch::new();
    for space in [PAGES, SNAPSHOT] {
        for row in rows(&store, space) {
            batch.delete(row.key).unwrap();
        }
        for row in rows(&other, space) {
            batch.put(row.key, row.value).unwrap();
        }
    }
    block_on(store.commit(batch)).unwrap();
    let found = block_on(verify_store(&mixed.village.coop.genesis, &store)).unwrap();
    assert_eq!(found, [Difference::Snapshot]);
    let mut lean = open_on(&mixed.village, Arc::new(store)).unwrap();
    assert!(lean.has_history());
    let whole = &mixed.village.nodes[0];
    let labels = |node: &Node| {
        let ledgers = node.ledgers();
        ledgers
            .map(|ledger| ledger.label_digest(node.set()))
            .collect::<Vec<_>>()
    };
    assert_eq!(block_on(lean.ask(labels)).unwrap(), labels(whole));
}

#[test]
fn saving_that_is_cut_short_leaves_a_node_that_opens() {
    let mut mixed = Mixed::with_past(411);
    mixed
        .pay(&hours(mixed.village.coop.hours_of(0), 1, 70))
        .unwrap();
    let digests = mixed.ask(set_digests);
    for fault in 0.. {
        let store = copy(&mixed.village.stores[CHARLIE]);
        let faulty = Faulty::new(store.clone(), [(fault, StoreFault::Refused)]);
        let Ok(mut lean) = open_on(&mixed.village, Arc::new(faulty)) else {
            continue;
        };
        let saved = block_on(lean.save()).is_ok();
        drop(lean);
        let mut lean = open_on(&mixed.village, Arc::new(store)).unwrap();
        assert_eq!(block_on(lean.ask(set_digests)).unwrap(), digests);
        if saved {
            assert!(!lean.has_history());
            break;
        }
    }
}

#[test]
fn snapshot_row_with_any_count_is_none() {
    let mixed = Mixed::with_past(491);
    let store = copy(&mixed.village.stores[CHARLIE]);
    let row = rows(&store, SNAPSHOT).remove(0);
    let mut value = row.value.clone();
    // After the tag: the edition, and how many records.
    let records = value.windows(3).position(|end| end == b"/v2").unwrap() + 4;
    assert_eq!(value[records], 0x18, "{value:02x?}");
    let most = [0x1b, 255, 255, 255, 255, 255, 255, 255, 255];
    value.splice(records..records + 2, most);
    let mut batch = Batch::new();
    batch.put(row.key, value).unwrap();
    block_on(store.commit(batch)).unwrap();
    let lean = open_on(&mixed.village, Arc::new(store)).unwrap();
    assert!(lean.has_history());
}

/// The bytes of a page in its row: after the format and the head of a byte string.
fn page_in(row: &[u8]) -> &[u8] {
    let head = match row[1] {
        0x40..=0x57 => 2,
        0x58 => 3,
        0x59 => 4,
        _ => 6,
    };
    &row[head..]
}

/// Who can write to a store can write a snapshot whose hash is right.
#[test]
fn wrong_sum_under_a_right_hash_is_a_difference_whoever_forked() {
    for forks in [false, true] {
        let mut village = with_past(492);
        if forks {
            let tip = tip_of(&village, 1);
            let branches = [1, 2].map(|body| note_after(&village, 1, &tip, body));
            tell(&mut village, &branches);
        }
        let alice = village.coop.hours_of(0);
        let mixed = Mixed::of(village);
        let store = &mixed.village.stores[CHARLIE];
        let mut sum = alice.as_bytes().to_vec();
        sum.extend(0_i128.to_be_bytes());
        let mut edited = Batch::new();
        let mut snapshot = rows(store, SNAPSHOT).remove(0);
        let hash = snapshot.value.len() - 32;
        snapshot.value[hash..].fill(0);
        let mut hasher = Hasher::new();
        hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
        hasher.update(&snapshot.value[1..]);
        let mut edits = 0;
        for row in rows(store, PAGES) {
            let mut value = row.value;
            let found = value.windows(sum.len()).position(|part| part == sum);
            if let Some(at) = found {
                value[at + sum.len() - 1] ^= 1;
                edits += 1;
            }
            let page = page_in(&value);
            hasher.update(&(page.len() as u64).to_be_bytes());
            hasher.update(page);
            edited.put(row.key, value).unwrap();
        }
        assert_eq!(edits, 1);
        snapshot.value[hash..].copy_from_slice(&hasher.finish());
        edited.put(snapshot.key, snapshot.value).unwrap();
        let genesis = &mixed.village.coop.genesis;
        assert_eq!(block_on(verify_store(genesis, store)).unwrap(), []);
        let store = copy(store);
        block_on(store.commit(edited)).unwrap();
        let found = block_on(verify_store(genesis, &store)).unwrap();
        assert_eq!(found, [Difference::Snapshot]);
        let lean = open_on(&mixed.village, Arc::new(store)).unwrap();
        assert!(!lean.has_history(), "it is believed");
    }
}
