//! The journal: records in the store, in the order of their arrival.

use std::sync::Arc;

use icn_types::attested::RunningHash;
use icn_types::canon::{Decode, Raw, from_bytes};
use icn_types::host::{Batch, Store, Table, TableKey};

use super::error::NodeError;
use super::schema::{HASH, RECORDS};

/// The store with the place where its next record goes.
#[derive(Debug)]
pub(super) struct Journal {
    store: Shared,
    end: End,
}

/// The end of a journal.
#[derive(Debug, Default)]
pub(super) struct End {
    /// Where the next record goes.
    next: u64,
    /// Over all records before it.
    hash: RunningHash,
}

/// A store has no `Debug` of its own.
struct Shared(Arc<dyn Store>);

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl End {
    pub(super) const fn new(next: u64, hash: RunningHash) -> Self {
        Self { next, hash }
    }

    /// The hash over all records.
    pub(super) const fn hash(&self) -> RunningHash {
        self.hash
    }

    /// Puts records behind the last one, whose signatures were checked. Whoever
    /// else wrote there meanwhile makes the commit fail.
    pub(super) fn append<'a>(
        &mut self,
        batch: &mut Batch,
        records: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), NodeError> {
        let first = self.next;
        for bytes in records {
            if self.next == first {
                RECORDS.absent(batch, &first)?;
            }
            let raw: Raw = from_bytes(bytes).map_err(|source| NodeError::Record {
                position: self.next,
                source,
            })?;
            RECORDS.put(batch, &self.next, &raw)?;
            self.hash.add(bytes);
            self.next += 1;
        }
        if self.next != first {
            HASH.put(batch, &(), &self.hash)?;
        }
        Ok(())
    }

    /// Writes the hash over all records, each of which was verified by now.
    pub(super) async fn attest(&self, store: &dyn Store) -> Result<(), NodeError> {
        let mut batch = Batch::new();
        RECORDS.absent(&mut batch, &self.next)?;
        HASH.put(&mut batch, &(), &self.hash)?;
        Ok(store.commit(batch).await?)
    }
}

impl Journal {
    /// The journal of a store that was read to its end.
    pub(super) fn new(store: Arc<dyn Store>, end: End) -> Self {
        let store = Shared(store);
        Self { store, end }
    }

    /// Puts records behind the last one, whose signatures were checked. Whoever
    /// else wrote there meanwhile makes the commit fail.
    pub(super) fn append<'a>(
        &mut self,
        batch: &mut Batch,
        records: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), NodeError> {
        self.end.append(batch, records)
    }

    /// The hash over all records.
    pub(super) const fn hash(&self) -> RunningHash {
        self.end.hash()
    }

    /// The store behind it.
    pub(super) fn store(&self) -> &dyn Store {
        &*self.store.0
    }

    pub(super) async fn commit(&self, batch: Batch) -> Result<(), NodeError> {
        Ok(self.store.0.commit(batch).await?)
    }
}

/// All rows of a table, ascending.
pub(super) async fn rows<K: TableKey, V: Decode>(
    store: &dyn Store,
    table: &Table<K, V>,
) -> Result<Vec<(K, V)>, NodeError> {
    let mut rows = Vec::new();
    let mut scan = Some(table.scan());
    while let Some(current) = scan {
        let page = store.scan(&current).await?;
        for row in &page.rows {
            rows.push(table.decode(row)?);
        }
        scan = page.next;
    }
    Ok(rows)
}
