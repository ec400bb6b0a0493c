//! The memory store keeps the laws; each law catches a store that breaks it.

#![expect(
    clippy::unwrap_used,
    reason = "parts of valid batches fit into batches"
)]

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures::FutureExt as _;
use futures::executor::block_on;
use icn_types::host::{
    Batch, Key, MemoryStore, Order, Page, Precondition, Scan, Space, Store, StoreError,
    StoreErrorKind, Write,
};
use icn_types::testkit::Violation;
use icn_types::testkit::arb::batch as arb;
use icn_types::testkit::store::{
    LAWS, Recording, StoreFactory, batches_equal_the_model, check_all, violations,
};
use proptest::collection::vec;
use proptest::prelude::*;

#[test]
fn memory_store_keeps_the_laws() {
    block_on(check_all(&Sound)).unwrap();
}

#[test]
fn each_law_catches_a_store_that_breaks_it() {
    for law in LAWS {
        let found = block_on(violations(&Broken { law }));
        assert!(found.iter().any(|v| v.law() == *law), "{law}: {found:?}");
    }
}

struct Sound;

impl StoreFactory for Sound {
    type Store = MemoryStore;

    fn fresh(&self) -> Result<MemoryStore, StoreError> {
        Ok(MemoryStore::new())
    }

    fn reopen(&self, _: MemoryStore) -> Result<Option<MemoryStore>, StoreError> {
        Ok(None)
    }
}

/// Makes stores that break the law of that name.
struct Broken {
    law: &'static str,
}

struct BrokenStore {
    law: &'static str,
    inner: MemoryStore,
    commits: AtomicUsize,
}

impl StoreFactory for Broken {
    type Store = BrokenStore;

    fn fresh(&self) -> Result<BrokenStore, StoreError> {
        Ok(BrokenStore {
            law: self.law,
            inner: MemoryStore::new(),
            commits: AtomicUsize::new(0),
        })
    }

    fn reopen(&self, store: BrokenStore) -> Result<Option<BrokenStore>, StoreError> {
        if self.law == "reopened_store_keeps_what_was_committed" {
            return self.fresh().map(Some);
        }
        Ok(Some(store))
    }
}

/// Pending once.
#[derive(Default)]
struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A way to break paging: the next page starts after so many rows.
const BY_PLACE: &str = "paging by place";

const CROWDED: Space = Space::new("crowded");

fn put_all(preconditions: Vec<Precondition>, writes: Vec<Write>) -> Batch {
    let mut batch = Batch::new();
    for precondition in preconditions {
        match precondition {
            Precondition::Absent(key) => batch.absent(key).unwrap(),
            Precondition::Equals(key, value) => batch.equals(key, value).unwrap(),
        }
    }
    for write in writes {
        match write {
            Write::Put(key, value) => batch.put(key, value).unwrap(),
            Write::Delete(key) => batch.delete(key).unwrap(),
        }
    }
    batch
}

fn crowd(write: Write) -> Write {
    match write {
        Write::Put(key, value) => Write::Put(Key::new(CROWDED, key.as_bytes()).unwrap(), value),
        Write::Delete(key) => Write::Delete(Key::new(CROWDED, key.as_bytes()).unwrap()),
    }
}

#[async_trait::async_trait]
impl Store for BrokenStore {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        match self.law {
            "read_answers_in_the_order_asked" => {
                let mut keys = keys.to_vec();
                keys.sort();
                self.inner.read(&keys).await
            }
            "read_is_one_snapshot" => {
                let mut values = Vec::new();
                for key in keys {
                    values.extend(self.inner.read(std::slice::from_ref(key)).await?);
                    Pause::default().await;
                }
                Ok(values)
            }
            "spaces_are_apart" => {
                let key = |key: &Key| Key::new(CROWDED, key.as_bytes()).unwrap();
                let keys: Vec<Key> = keys.iter().map(key).collect();
                self.inner.read(&keys).await
            }
            "empty_value_is_a_value" => {
                let values = self.inner.read(keys).await?;
                let full = |value: Option<Vec<u8>>| value.filter(|value| !value.is_empty());
                Ok(values.into_iter().map(full).collect())
            }
            _ => self.inner.read(keys).await,
        }
    }

    async fn scan(&self, scan: &Scan) -> Result<Page, StoreError> {
        let mut page = self.inner.scan(scan).await?;
        match self.law {
            "scan_is_ordered_and_bounded" if scan.order() == Order::Descending => {
                page.rows.reverse();
            }
            BY_PLACE if !scan.from().is_empty() || scan.to().is_some() => {
                let whole = Scan::all(scan.space());
                page = match scan.order() {
                    Order::Ascending => self.inner.scan(&whole).await?,
                    Order::Descending => self.inner.scan(&whole.descending()).await?,
                };
                page.rows.drain(..page.rows.len().min(2));
            }
            "paging_is_stable" => page.next = page.next.map(|_| scan.clone()),
            "keys_order_as_bytes" => {
                let signed = |byte: &u8| byte.cast_signed();
                page.rows
                    .sort_by_key(|row| row.key.as_bytes().iter().map(signed).collect::<Vec<_>>());
            }
            _ => {}
        }
        Ok(page)
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let count = self.commits.fetch_add(1, Ordering::Relaxed);
        let (preconditions, mut writes) = batch.clone().into_parts();
        let only = |writes| put_all(Vec::new(), writes);
        match self.law {
            "commit_is_all_or_nothing" => {
                writes.truncate(2);
                self.inner.commit(put_all(preconditions, writes)).await
            }
            "conflict_leaves_no_trace" => {
                let checked = self.inner.commit(put_all(preconditions, Vec::new())).await;
                self.inner.commit(only(writes)).await?;
                checked
            }
            "preconditions_see_the_state_before_the_batch" => {
                self.inner.commit(only(writes)).await?;
                self.inner.commit(put_all(preconditions, Vec::new())).await
            }
            "last_write_to_a_key_wins" => {
                writes.reverse();
                self.inner.commit(put_all(preconditions, writes)).await
            }
            "commit_is_read_back" => Ok(()),
            "spaces_are_apart" => {
                let writes = writes.into_iter().map(crowd).collect();
                self.inner.commit(only(writes)).await
            }
            "empty_key_is_a_key" => {
                writes.retain(|write| !write.key().as_bytes().is_empty());
                self.inner.commit(put_all(preconditions, writes)).await
            }
            "deleting_nothing_is_ok" => {
                for write in &writes {
                    if let Write::Delete(key) = write
                        && self.inner.read(std::slice::from_ref(key)).await? == [None]
                    {
                        return Err(StoreErrorKind::Conflict.into());
                    }
                }
                self.inner.commit(batch).await
            }
            "deleted_key_is_absent" => {
                for write in &mut writes {
                    if let Write::Delete(key) = write {
                        *write = Write::Put(key.clone(), Vec::new());
                    }
                }
                self.inner.commit(put_all(preconditions, writes)).await
            }
            "largest_values_fit" if batch.bytes_len() > 1 << 16 => {
                Err(StoreErrorKind::LimitExceeded.into())
            }
            "dropped_commit_is_all_or_nothing" => {
                for write in writes {
                    self.inner.commit(only(vec![write])).await?;
                    Pause::default().await;
                }
                Ok(())
            }
            "one_of_many_wins" => {
                self.inner
                    .commit(put_all(preconditions, Vec::new()))
                    .await?;
                Pause::default().await;
                self.inner.commit(only(writes)).await
            }
            "store_equals_its_model" if count == 40 => Ok(()),
            _ => self.inner.commit(batch).await,
        }
    }
}

#[test]
fn faults_happen_where_the_plan_says() {
    use icn_types::host::Table;
    use icn_types::testkit::faulty::{Fault, Faulty};

    const ROWS: Table<u64, u64> = Table::new("test/row", 1);
    let plan = [
        (0, Fault::Refused),
        (1, Fault::UncertainDone),
        (2, Fault::UncertainLost),
    ];
    let store = Faulty::new(MemoryStore::new(), plan);
    let kinds: Vec<_> = (0..4)
        .map(|n| {
            let mut batch = Batch::new();
            ROWS.put(&mut batch, &n, &n).unwrap();
            block_on(store.commit(batch)).map_err(|error| error.kind())
        })
        .collect();
    assert_eq!(
        kinds,
        [
            Err(StoreErrorKind::Unavailable),
            Err(StoreErrorKind::Uncertain),
            Err(StoreErrorKind::Uncertain),
            Ok(()),
        ]
    );
    let page = block_on(store.scan(&ROWS.scan())).unwrap();
    let kept: Vec<_> = page
        .rows
        .iter()
        .map(|row| ROWS.decode(row).unwrap().0)
        .collect();
    assert_eq!((kept, store.calls()), (vec![1, 3], 5));
}

#[test]
fn store_that_commits_in_pieces_is_caught_by_readers() {
    let found = block_on(violations(&Broken {
        law: "dropped_commit_is_all_or_nothing",
    }));
    let laws: Vec<_> = found.iter().map(Violation::law).collect();
    assert!(laws.contains(&"commit_is_all_or_nothing"), "{laws:?}");
}

#[test]
fn store_that_pages_by_place_is_caught() {
    let found = block_on(violations(&Broken { law: BY_PLACE }));
    let laws: Vec<_> = found.iter().map(Violation::law).collect();
    assert!(laws.contains(&"paging_is_stable"), "{laws:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn memory_store_equals_itself(batches in vec(arb::batch(), 0..20)) {
        let verdict = block_on(batches_equal_the_model(&MemoryStore::new(), batches));
        prop_assert_eq!(verdict, Ok(()));
    }

    #[test]
    fn store_that_forgets_a_batch_is_no_model(batches in vec(arb::batch(), 1..20)) {
        // It succeeds and changes something, so that there is something to forget.
        let fruitful = batches
            .into_iter()
            .find(|batch| block_on(MemoryStore::new().commit(batch.clone())).is_ok());
        let Some(mut batch) = fruitful else { return Ok(()) };
        batch.put(Key::new(arb::SPACES[0], b"seen").unwrap(), Vec::new()).unwrap();
        let forgetful = BrokenStore {
            law: "commit_is_read_back",
            inner: MemoryStore::new(),
            commits: AtomicUsize::new(0),
        };
        prop_assert!(block_on(batches_equal_the_model(&forgetful, [batch])).is_err());
    }

    #[test]
    fn same_calls_have_the_same_digest(batches in vec(arb::batch(), 2..10), scan in arb::scan()) {
        let digest = |batches: &[Batch]| {
            let store = Recording::new(MemoryStore::new());
            for batch in batches {
                drop(block_on(store.commit(batch.clone())));
                block_on(store.scan(&scan)).unwrap();
            }
            store.digest()
        };
        prop_assert_eq!(digest(&batches), digest(&batches));
        let mut other = batches.clone();
        other.reverse();
        prop_assert_eq!(digest(&batches) == digest(&other), batches == other);
    }
}

#[test]
fn random_batches_succeed_and_conflict_often() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let store = MemoryStore::new();
    let outcomes: Vec<bool> = (0..400)
        .map(|_| {
            let batch = arb::batch().new_tree(&mut runner).unwrap().current();
            block_on(store.commit(batch)).is_ok()
        })
        .collect();
    let succeeded = outcomes.iter().filter(|ok| **ok).count();
    assert!((80..=320).contains(&succeeded), "{succeeded} of 400");
}

#[test]
fn every_call_and_answer_counts_in_the_digest() {
    let key = |bytes: &[u8]| Key::new(CROWDED, bytes).unwrap();
    let rows = |rows: &[&[u8]]| {
        let inner = MemoryStore::new();
        let mut batch = Batch::new();
        for row in rows {
            batch.put(key(row), row.to_vec()).unwrap();
        }
        block_on(inner.commit(batch)).unwrap();
        Recording::new(inner)
    };
    let mut digests = std::collections::BTreeSet::new();
    let mut keep = |store: Recording<MemoryStore>| digests.insert(store.digest());

    assert!(keep(rows(&[])));
    // Answers count: one question, two stores.
    for store in [rows(&[]), rows(&[b"a"])] {
        block_on(store.read(&[key(b"a")])).unwrap();
        assert_eq!(store.calls(), 1);
        assert!(keep(store));
    }
    for store in [rows(&[]), rows(&[b"a"])] {
        block_on(store.scan(&Scan::all(CROWDED))).unwrap();
        assert!(keep(store));
    }
    for store in [rows(&[]), rows(&[b"a"])] {
        let mut batch = Batch::new();
        batch.absent(key(b"a")).unwrap();
        drop(block_on(store.commit(batch)));
        assert!(keep(store));
    }
    // A call that nobody waited for counts by itself.
    let store = rows(&[]);
    drop(store.read(&[key(b"a")]));
    assert!(!keep(store));
    let store = Recording::new(BrokenStore {
        law: "read_is_one_snapshot",
        inner: MemoryStore::new(),
        commits: AtomicUsize::new(0),
    });
    assert!(store.read(&[key(b"a")]).now_or_never().is_none());
    assert_eq!(store.calls(), 1);
    assert!(digests.insert(store.digest()));
}

#[test]
fn laws_hold_behind_a_recording() {
    struct Recorded;

    impl StoreFactory for Recorded {
        type Store = Recording<MemoryStore>;

        fn fresh(&self) -> Result<Self::Store, StoreError> {
            Ok(Recording::new(MemoryStore::new()))
        }

        fn reopen(&self, _: Self::Store) -> Result<Option<Self::Store>, StoreError> {
            Ok(None)
        }
    }

    block_on(check_all(&Recorded)).unwrap();
}
