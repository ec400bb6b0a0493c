//! The memory store keeps the laws; each law catches a store that breaks it.

#![expect(
    clippy::unwrap_used,
    reason = "parts of valid batches fit into batches"
)]

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures::executor::block_on;
use icn_types::host::{
    Batch, Key, MemoryStore, Order, Page, Precondition, Scan, Space, Store, StoreError,
    StoreErrorKind, Write,
};
use icn_types::testkit::store::{LAWS, StoreFactory, check_all, violations};

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
