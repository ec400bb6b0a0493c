//! The journal: records in the store, in the order of their arrival.

use std::num::NonZeroU32;
use std::sync::Arc;

use icn_types::attested::{Reading, RunningHash};
use icn_types::canon::{Decode, Raw, from_bytes};
use icn_types::host::{Batch, Store, Table, TableKey};
use icn_types::id::{DomainId, RecordId};
use icn_types::record::Record;

use crate::genesis::Genesis;

use super::error::NodeError;
use super::schema::{HASH, IDENTITY, Identity, ONLY, RECORDS};

/// Records that are read at once when a store is opened.
const RECORDS_PER_PAGE: NonZeroU32 = NonZeroU32::new(4096).unwrap();

/// Where the next record goes.
#[derive(Debug)]
pub(super) struct Journal {
    store: Shared,
    next: u64,
    /// Over all records before `next`.
    hash: RunningHash,
}

/// A store has no `Debug` of its own.
struct Shared(Arc<dyn Store>);

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

/// What a store holds when it is opened.
pub(super) struct Stored {
    /// The records.
    pub(super) reading: Reading,
    /// The hash that was written with them.
    pub(super) written: Option<RunningHash>,
}

impl Stored {
    /// The names of the records, in their order.
    pub(super) fn ids(&self) -> Vec<RecordId> {
        self.reading.records().map(Record::id).collect()
    }

    /// Whether the hash over the records is the one that was written.
    pub(super) fn is_attested(&self) -> bool {
        self.written == Some(self.reading.hash())
    }
}

impl Journal {
    /// Opens the store of one domain and reads what it holds; one that holds
    /// nothing gets the genesis first.
    pub(super) async fn open(
        store: Arc<dyn Store>,
        genesis: &Genesis,
    ) -> Result<(Self, Stored), NodeError> {
        let mut stored = stored(&*store, genesis.domain()).await?;
        let mut journal = Self {
            store: Shared(store),
            next: stored.reading.len() as u64,
            hash: stored.reading.hash(),
        };
        if stored.reading.is_empty() {
            let records: Vec<_> = genesis.records().iter().map(|one| one.to_bytes()).collect();
            let mut batch = Batch::new();
            IDENTITY.absent(&mut batch, &ONLY)?;
            let domain = genesis.domain();
            IDENTITY.put(&mut batch, &ONLY, &Identity { domain })?;
            journal.append(&mut batch, records.iter().map(Vec::as_slice))?;
            journal.commit(batch).await?;
            for (position, bytes) in (0..).zip(&records) {
                read(&mut stored.reading, position, bytes)?;
            }
            stored.written = Some(journal.hash);
        }
        Ok((journal, stored))
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
    pub(super) async fn attest(&self) -> Result<(), NodeError> {
        let mut batch = Batch::new();
        RECORDS.absent(&mut batch, &self.next)?;
        HASH.put(&mut batch, &(), &self.hash)?;
        self.commit(batch).await
    }

    /// The store behind it.
    pub(super) fn store(&self) -> &dyn Store {
        &*self.store.0
    }

    pub(super) async fn commit(&self, batch: Batch) -> Result<(), NodeError> {
        Ok(self.store.0.commit(batch).await?)
    }
}

/// What a store of this domain holds; no records when it is new.
pub(super) async fn stored(store: &dyn Store, domain: DomainId) -> Result<Stored, NodeError> {
    let keys = [IDENTITY.key(&ONLY), HASH.key(&())];
    let mut found = store.read(&keys).await?;
    let (hash, identity) = (found.pop().flatten(), found.pop().flatten());
    let mut stored = Stored {
        reading: Reading::new(),
        written: hash.map(|hash| HASH.decode_value(&hash)).transpose()?,
    };
    let Some(identity) = identity else {
        return Ok(stored);
    };
    if IDENTITY.decode_value(&identity)? != (Identity { domain }) {
        return Err(NodeError::OtherDomain);
    }
    let (mut next, mut scan) = (0, Some(RECORDS.scan().limit(RECORDS_PER_PAGE)));
    while let Some(current) = scan {
        let page = store.scan(&current).await?;
        for row in &page.rows {
            if RECORDS.decode_key(&row.key)? != next {
                return Err(NodeError::Gap { position: next });
            }
            read(&mut stored.reading, next, RECORDS.canonical(&row.value)?)?;
            next += 1;
        }
        scan = page.next;
    }
    Ok(stored)
}

fn read(reading: &mut Reading, position: u64, bytes: &[u8]) -> Result<(), NodeError> {
    let taken = reading.take(bytes);
    taken.map_err(|source| NodeError::Record { position, source })
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
