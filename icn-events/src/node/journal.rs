//! The journal: records in the store, in the order of their arrival.

use std::sync::Arc;

use icn_types::canon::{Decode, Raw, from_bytes};
use icn_types::host::{Batch, Store, Table, TableKey};
use icn_types::id::DomainId;
use icn_types::record::Record;
use icn_types::sign::Unverified;

use crate::genesis::Genesis;

use super::error::NodeError;
use super::schema::{IDENTITY, Identity, ONLY, RECORDS};

/// Where the next record goes.
#[derive(Debug)]
pub(super) struct Journal {
    store: Shared,
    next: u64,
}

/// A store has no `Debug` of its own.
struct Shared(Arc<dyn Store>);

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Journal {
    /// Opens the store of one domain and reads what it holds; one that holds
    /// nothing gets the genesis first.
    pub(super) async fn open(
        store: Arc<dyn Store>,
        genesis: &Genesis,
    ) -> Result<(Self, Vec<Vec<u8>>), NodeError> {
        let mut records = stored(&*store, genesis.domain()).await?;
        let mut journal = Self {
            store: Shared(store),
            next: records.len() as u64,
        };
        if records.is_empty() {
            records = genesis.records().iter().map(|one| one.to_bytes()).collect();
            let mut batch = Batch::new();
            IDENTITY.absent(&mut batch, &ONLY)?;
            let domain = genesis.domain();
            IDENTITY.put(&mut batch, &ONLY, &Identity { domain })?;
            journal.append(&mut batch, records.iter().map(Vec::as_slice))?;
            journal.commit(batch).await?;
        }
        Ok((journal, records))
    }

    /// Puts records behind the last one. Whoever else wrote there meanwhile
    /// makes the commit fail.
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
            self.next += 1;
        }
        Ok(())
    }

    /// The store behind it.
    pub(super) fn store(&self) -> &dyn Store {
        &*self.store.0
    }

    pub(super) async fn commit(&self, batch: Batch) -> Result<(), NodeError> {
        Ok(self.store.0.commit(batch).await?)
    }
}

/// The records that a store of this domain holds; none when it is new.
pub(super) async fn stored(store: &dyn Store, domain: DomainId) -> Result<Vec<Vec<u8>>, NodeError> {
    let mut found = store.read(&[IDENTITY.key(&ONLY)]).await?;
    let Some(identity) = found.pop().flatten() else {
        return Ok(Vec::new());
    };
    if IDENTITY.decode_value(&identity)? != (Identity { domain }) {
        return Err(NodeError::OtherDomain);
    }
    let mut records = Vec::new();
    for (next, (position, raw)) in (0..).zip(rows(store, &RECORDS).await?) {
        if position != next {
            return Err(NodeError::Gap { position: next });
        }
        let _legible: Unverified<Record> = raw
            .read()
            .map_err(|source| NodeError::Record { position, source })?;
        records.push(raw.as_bytes().to_vec());
    }
    Ok(records)
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
