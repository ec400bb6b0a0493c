mod rows;

use std::sync::{Arc, Mutex, MutexGuard};
use std::vec::Vec;

use alloc::boxed::Box;

use super::{
    Batch, Key, KeyBytes, Order, Page, Scan, Space, Store, StoreError, StoreErrorKind, StoredRow,
    Write,
};
use rows::Rows;

/// A store in memory: complete but for durability.
///
/// Clones share their contents. Rows are found by hash and put in order when a
/// scan asks for it: a read or write costs O(1), a page O(log n) and its rows,
/// and O(log n) more, once, for each row that is new to the order. One lock is
/// held during each call and never across an await.
///
/// ```
/// use icn_types::host::{Batch, MemoryStore, Store, Table};
///
/// const NOTES: Table<u64, u64> = Table::new("example/note", 1);
/// # futures::executor::block_on(async {
/// let store = MemoryStore::new();
/// let mut batch = Batch::new();
/// NOTES.put(&mut batch, &1, &42)?;
/// store.commit(batch).await?;
///
/// let values = store.read(&[NOTES.key(&1), NOTES.key(&2)]).await?;
/// assert_eq!(NOTES.decode_value(values[0].as_deref().unwrap())?, 42);
/// assert_eq!(values[1], None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    spaces: Arc<Mutex<Spaces>>,
}

/// A handful, each named in code, so that searching them in a row is quickest.
#[derive(Debug, Default)]
struct Spaces(Vec<(Space, Rows)>);

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A thread that panicked inside may have left half a batch, so nothing is
    /// answered from then on.
    fn lock(&self) -> Result<MutexGuard<'_, Spaces>, StoreError> {
        self.spaces
            .lock()
            .map_err(|_| StoreError::new(StoreErrorKind::Closed))
    }
}

#[cfg_attr(not(target_family = "wasm"), async_trait::async_trait)]
#[cfg_attr(target_family = "wasm", async_trait::async_trait(?Send))]
impl Store for MemoryStore {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let spaces = self.lock()?;
        Ok(keys
            .iter()
            .map(|key| spaces.value(key).map(<[u8]>::to_vec))
            .collect())
    }

    async fn scan(&self, scan: &Scan) -> Result<Page, StoreError> {
        self.lock()?.page(scan)
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.lock()?.apply(batch)
    }
}

impl Spaces {
    fn rows(&self, space: Space) -> Option<&Rows> {
        let found = self.0.iter().find(|(known, _)| *known == space);
        found.map(|(_, rows)| rows)
    }

    fn rows_mut(&mut self, space: Space) -> Option<&mut Rows> {
        let found = self.0.iter_mut().find(|(known, _)| *known == space);
        found.map(|(_, rows)| rows)
    }

    /// The rows of a space, which is there from now on.
    fn rows_of(&mut self, space: Space) -> &mut Rows {
        let found = self.0.iter().position(|(known, _)| *known == space);
        let at = found.unwrap_or_else(|| {
            self.0.push((space, Rows::default()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }

    fn value(&self, key: &Key) -> Option<&[u8]> {
        self.rows(key.space())?.value(key.bytes())
    }

    fn page(&mut self, scan: &Scan) -> Result<Page, StoreError> {
        let Some(rows) = self.rows_mut(scan.space()) else {
            return Page::collect(scan, core::iter::empty());
        };
        let rows = rows.within(scan.from(), scan.to());
        let stored = |(key, value): (&KeyBytes, &[u8])| {
            Ok(StoredRow {
                key: Key::new(scan.space(), key.clone())
                    .map_err(|e| StoreError::new(StoreErrorKind::Corrupt).because(e))?,
                value: value.to_vec(),
            })
        };
        match scan.order() {
            Order::Ascending => Page::collect(scan, rows.map(stored)),
            Order::Descending => Page::collect(scan, rows.rev().map(stored)),
        }
    }

    fn apply(&mut self, batch: Batch) -> Result<(), StoreError> {
        for precondition in batch.preconditions() {
            let key = precondition.key();
            if !precondition.holds(self.value(key)) {
                return Err(StoreError::new(StoreErrorKind::Conflict).in_space(key.space()));
            }
        }
        // Memory is waited for once, not once for each write.
        for write in batch.writes() {
            let key = write.key();
            if let Some(rows) = self.rows(key.space()) {
                rows.warm(key.bytes());
            }
        }
        let (_, writes) = batch.into_parts();
        for write in writes {
            match write {
                Write::Put(key, value) => {
                    self.rows_of(key.space()).put(key.into_bytes(), value);
                }
                Write::Delete(key) => {
                    if let Some(rows) = self.rows_mut(key.space()) {
                        rows.delete(key.bytes());
                    }
                }
            }
        }
        Ok(())
    }
}
