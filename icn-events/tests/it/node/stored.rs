//! Derived rows: what a store tells without its node, and what becomes of rows
//! that are missing, old or wrong.

use std::num::NonZeroU32;
use std::sync::Arc;

use futures::executor::block_on;
use icn_events::node::{Difference, NodeError, Stored, verify_store};
use icn_governance::body::Choice;
use icn_ledger::Column;
use icn_types::attested::RunningHash;
use icn_types::canon::{Raw, Reason};
use icn_types::canonical;
use icn_types::error::Coded as _;
use icn_types::host::{Batch, MemoryStore, Present, RowError, Scan, Space, Store as _, Table};
use icn_types::id::ChainId;
use icn_types::record::Record;
use icn_types::sign::Unverified;

use super::coop::{Coop, SPACES, Village, copy};
use super::{budget, hours, propose_and_vote};

const CHAINS: Table<ChainId, u32> = Table::new("node/chain", 1);
const PLACES: Table<(u32, u64, u64), Present> = Table::new("node/place", 1);
const DERIVED: Table<(), Derivation> = Table::new("node/derived", 1);

const RECORDS: Table<u64, Raw> = Table::new("node/record", 1);
const HASH: Table<(), RunningHash> = Table::new("node/hash", 1);

struct Derivation {
    records: u64,
    edition: u16,
}
canonical!(Derivation { records, edition });

/// A budget is paid and hours are traded; some of them still travel.
fn busy(seed: u64) -> Village {
    let mut village = Village::new(seed, 3);
    let proposal = budget(&village);
    let id = proposal.id();
    propose_and_vote(&mut village, proposal, &[Choice::Yes; 3]);
    village.until("the payment is recorded", |v| {
        let paid = |node: &icn_events::node::Node| node.audit().payment(node.set(), &id, 0);
        v.nodes.iter().all(|node| paid(node).is_some()) && v.agree()
    });
    let unit = village.coop.hours;
    let [alice, bob, charlie] = [0, 1, 2].map(|member| village.coop.hours_of(member));
    for (number, (node, payer, payee)) in (0..).zip([(1, bob, alice), (2, charlie, bob)]) {
        let times = village.times();
        let request = hours(payee, 3, number);
        block_on(village.nodes[node].pay(&unit, &payer, &request, times)).unwrap();
    }
    village
}

fn differences(coop: &Coop, store: &MemoryStore) -> Vec<Difference> {
    block_on(verify_store(&coop.genesis, store)).unwrap()
}

fn edit(store: &MemoryStore, edit: impl FnOnce(&mut Batch)) {
    let mut batch = Batch::new();
    edit(&mut batch);
    block_on(store.commit(batch)).unwrap();
}

fn clear(store: &MemoryStore, space: Space) {
    for row in block_on(store.scan(&Scan::all(space))).unwrap().rows {
        edit(store, |batch| batch.delete(row.key).unwrap());
    }
}

fn number(store: &MemoryStore, chain: &ChainId) -> u32 {
    let mut found = block_on(store.read(&[CHAINS.key(chain)])).unwrap();
    CHAINS.decode_value(&found.remove(0).unwrap()).unwrap()
}

#[test]
fn rows_agree_with_the_journal_after_every_step() {
    let mut village = busy(61);
    for _ in 0..12 {
        village.round();
        for store in &village.stores {
            assert_eq!(differences(&village.coop, store), []);
        }
    }
}

#[test]
fn store_tells_where_accounts_stand_and_what_lies_at_a_place() {
    let mut village = busy(62);
    village.rounds(12);
    for (node, store) in village.nodes.iter().zip(&village.stores) {
        let stored = Stored::new(Arc::new(store.clone()));
        for ledger in node.ledgers() {
            for (chain, column) in ledger.columns(node.set()).accounts() {
                assert_eq!(block_on(stored.account(&chain)).unwrap(), column);
            }
        }
        for slot in node.set().slots() {
            let record = node.set().record(slot);
            let found = block_on(stored.records(&record.chain(), record.seq())).unwrap();
            let ids: Vec<_> = found.iter().map(|found| found.claim().id()).collect();
            assert_eq!(ids, [record.id()]);
        }
        let nobody = ChainId::from_bytes([9; 32]);
        let none = block_on(stored.account(&nobody)).unwrap();
        assert_eq!(none, Column::default());
        assert!(block_on(stored.records(&nobody, 0)).unwrap().is_empty());
    }
}

#[test]
fn newest_records_of_a_chain_come_first_and_are_as_many_as_asked() {
    let mut village = busy(67);
    village.rounds(12);
    let (set, store) = (village.nodes[0].set(), &village.stores[0]);
    let stored = Stored::new(Arc::new(store.clone()));
    let authority = set.authority();
    let spine = set.spine(&authority).iter().rev();
    let all: Vec<_> = spine.map(|&slot| set.record(slot).id()).collect();
    for count in [1, 3, 1000] {
        let newest = stored.newest(&authority, NonZeroU32::new(count).unwrap());
        let newest = block_on(newest).unwrap();
        let ids: Vec<_> = newest.iter().map(|record| record.claim().id()).collect();
        assert_eq!(ids, all[..all.len().min(count as usize)]);
    }
}

#[test]
fn records_of_a_fork_stand_at_one_place() {
    let mut village = busy(63);
    village.rounds(12);
    let unit = village.coop.hours;
    let [alice, bob] = [0, 1].map(|member| village.coop.hours_of(member));
    // Bob comes back from a backup and pays somebody else.
    let backup = copy(&village.stores[1]);
    let times = village.times();
    block_on(village.nodes[1].pay(&unit, &bob, &hours(alice, 1, 7), times)).unwrap();
    village.rounds(6);
    village.stores[1] = backup;
    let store = Arc::new(village.stores[1].clone());
    village.network.disconnect(village.peer(1), village.peer(0));
    village.network.disconnect(village.peer(1), village.peer(2));
    village.open_on(1, store);
    let times = village.times();
    block_on(village.nodes[1].pay(&unit, &bob, &hours(alice, 2, 8), times)).unwrap();
    village.network.reconnect(village.peer(1), village.peer(0));
    village.network.reconnect(village.peer(1), village.peer(2));
    village.rounds(30);
    let (set, store) = (village.nodes[0].set(), &village.stores[0]);
    let (one, other) = set.fork(&bob).unwrap();
    let seq = set.record(one).seq();
    let stored = Stored::new(Arc::new(store.clone()));
    let found = block_on(stored.records(&bob, seq)).unwrap();
    let ids: Vec<_> = found.iter().map(|found| found.claim().id()).collect();
    assert_eq!(ids, [one, other].map(|slot| set.record(slot).id()));
    for store in &village.stores {
        assert_eq!(differences(&village.coop, store), []);
    }
}

#[test]
fn each_wrong_row_is_named() {
    let mut village = busy(64);
    village.rounds(12);
    let coop = &village.coop;
    let charlie = coop.hours_of(2);
    let changed = |change: &dyn Fn(&MemoryStore, &mut Batch)| {
        let store = copy(&village.stores[0]);
        edit(&store, |batch| change(&store, batch));
        differences(coop, &store)
    };
    let account = |store: &MemoryStore| {
        let key = Table::<u32, Present>::new("ledger/account", 1);
        key.key(&number(store, &charlie))
    };
    assert_eq!(
        changed(&|store, batch| batch.delete(account(store)).unwrap()),
        [Difference::Account(charlie)]
    );
    assert_eq!(
        changed(&|store, batch| {
            let place = (number(store, &charlie), 77, 1);
            PLACES.put(batch, &place, &Present).unwrap();
        }),
        [Difference::Places(charlie)]
    );
    assert_eq!(
        changed(&|_, batch| PLACES.put(batch, &(9999, 0, 0), &Present).unwrap()),
        [Difference::Stray]
    );
    assert_eq!(
        changed(&|_, batch| {
            let rows = Derivation {
                records: 1,
                edition: 1,
            };
            DERIVED.put(batch, &(), &rows).unwrap();
        }),
        [Difference::Derivation]
    );
    let shared = changed(&|store, batch| {
        let alice = number(store, &coop.hours_of(0));
        CHAINS.put(batch, &charlie, &alice).unwrap();
    });
    assert!(shared.contains(&Difference::Chain(charlie)), "{shared:?}");
}

#[test]
fn rows_that_are_missing_or_old_are_derived_anew() {
    let mut village = busy(65);
    village.rounds(12);
    for space in &SPACES[2..] {
        clear(&village.stores[0], *space);
    }
    village.reopen(0);
    assert_eq!(differences(&village.coop, &village.stores[0]), []);
    edit(&village.stores[0], |batch| {
        let older = Derivation {
            records: village.nodes[0].set().len() as u64,
            edition: 0,
        };
        DERIVED.put(batch, &(), &older).unwrap();
        PLACES.put(batch, &(9999, 0, 0), &Present).unwrap();
    });
    village.reopen(0);
    assert_eq!(differences(&village.coop, &village.stores[0]), []);
    village.rounds(3);
    assert_eq!(differences(&village.coop, &village.stores[0]), []);
}

/// The hash over the journal of a store.
fn hash(store: &MemoryStore) -> RunningHash {
    let mut hash = RunningHash::new();
    let mut scan = Some(RECORDS.scan());
    while let Some(current) = scan {
        let page = block_on(store.scan(&current)).unwrap();
        for row in &page.rows {
            hash.add(RECORDS.canonical(&row.value).unwrap());
        }
        scan = page.next;
    }
    hash
}

#[test]
fn every_step_writes_the_hash_over_its_journal() {
    let mut village = busy(68);
    for _ in 0..6 {
        village.round();
        for store in &village.stores {
            let found = block_on(store.read(&[HASH.key(&())])).unwrap().remove(0);
            assert_eq!(HASH.decode_value(&found.unwrap()).unwrap(), hash(store));
        }
    }
}

#[test]
fn without_its_hash_a_journal_is_verified_and_hashed_again() {
    let mut village = busy(69);
    village.rounds(3);
    let set_hash = |store: &MemoryStore, other: Option<RunningHash>| {
        edit(store, |batch| match other {
            Some(other) => HASH.put(batch, &(), &other).unwrap(),
            None => HASH.delete(batch, &()).unwrap(),
        });
    };
    for other in [None, Some(RunningHash::new())] {
        let store = &village.stores[0];
        set_hash(store, other);
        assert_eq!(differences(&village.coop, store), [Difference::Hash]);
        village.reopen(0);
        assert_eq!(differences(&village.coop, &village.stores[0]), []);
    }
    village.rounds(3);
    assert_eq!(differences(&village.coop, &village.stores[0]), []);
}

#[test]
fn whoever_writes_to_the_store_is_believed_until_the_store_is_verified() {
    let mut village = busy(70);
    village.rounds(3);
    let store = &village.stores[0];
    // A signature of somebody else, in the last record.
    let last = block_on(store.scan(&RECORDS.scan().descending())).unwrap();
    let row = &last.rows[0];
    let record: Unverified<Record> = RECORDS.decode_value(&row.value).unwrap().read().unwrap();
    let signature = record.claim().signature().as_bytes();
    let at = row.value.windows(64).position(|part| part == signature);
    let mut value = row.value.clone();
    value[at.unwrap() + 40] ^= 1;
    edit(store, |batch| batch.put(row.key.clone(), value).unwrap());
    let settings = || {
        let store = Arc::new(store.clone());
        village.coop.settings(0, store, &village.network)
    };
    // Damage does not lead to the hash, so the signature is checked.
    let error = block_on(settings().open()).unwrap_err();
    assert_eq!(error.code(), "sync.restore.refused");
    // Who writes the hash as well is taken at their word.
    let forged = hash(store);
    edit(store, |batch| HASH.put(batch, &(), &forged).unwrap());
    let node = block_on(settings().open()).unwrap();
    assert_eq!(node.set().len(), village.nodes[0].set().len());
    let error = block_on(verify_store(&village.coop.genesis, store)).unwrap_err();
    assert_eq!(error.code(), "sync.restore.refused");
}

#[test]
fn content_that_its_header_does_not_name_is_found_whatever_hash_is_there() {
    let village = Village::new(71, 3);
    let store = &village.stores[0];
    let last = block_on(store.scan(&RECORDS.scan().descending())).unwrap();
    let row = &last.rows[0];
    let record: Unverified<Record> = RECORDS.decode_value(&row.value).unwrap().read().unwrap();
    let body = record.claim().content().unwrap().body().as_bytes();
    let mut value = row.value.clone();
    assert!(value.ends_with(body));
    let intact = hash(store);
    *value.last_mut().unwrap() ^= 1;
    edit(store, |batch| batch.put(row.key.clone(), value).unwrap());
    let position = RECORDS.decode_key(&row.key).unwrap();
    for written in [Some(intact), Some(RunningHash::new()), None] {
        edit(store, |batch| match &written {
            Some(hash) => HASH.put(batch, &(), hash).unwrap(),
            None => HASH.delete(batch, &()).unwrap(),
        });
        let store = Arc::new(store.clone());
        let settings = village.coop.settings(0, store, &village.network);
        let error = block_on(settings.open()).unwrap_err();
        let NodeError::Record {
            position: found,
            source,
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!(found, position);
        assert_eq!(source.reason(), Reason::Value("record.content"));
    }
}

#[test]
fn newer_rows_are_left_to_newer_code() {
    let village = Village::new(66, 3);
    edit(&village.stores[0], |batch| {
        batch.put(DERIVED.key(&()), [2, 0]).unwrap();
    });
    let newer = |error| matches!(error, NodeError::Row(RowError::Newer { .. }));
    let (genesis, store) = (&village.coop.genesis, &village.stores[0]);
    assert!(newer(block_on(verify_store(genesis, store)).unwrap_err()));
    let settings = village
        .coop
        .settings(0, Arc::new(store.clone()), &village.network);
    assert!(newer(block_on(settings.open()).unwrap_err()));
}
