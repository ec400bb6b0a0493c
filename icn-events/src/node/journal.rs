//! The journal: records in the store, in the order of their arrival.

use std::sync::Arc;

use icn_types::canon::{Raw, from_bytes};
use icn_types::host::{Batch, Store};
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
        let mut journal = Self {
            store: Shared(store),
            next: 0,
        };
        if !journal.is_ours(genesis.domain()).await? {
            let records: Vec<Vec<u8>> = genesis
                .records()
                .iter()
                .map(|record| record.to_bytes())
                .collect();
            let mut batch = Batch::new();
            IDENTITY.absent(&mut batch, &ONLY)?;
            IDENTITY.put(
                &mut batch,
                &ONLY,
                &Identity {
                    domain: genesis.domain(),
                },
            )?;
            journal.append(&mut batch, records.iter().map(Vec::as_slice))?;
            journal.commit(batch).await?;
            return Ok((journal, records));
        }
        let records = journal.read().await?;
        Ok((journal, records))
    }

    async fn is_ours(&self, domain: DomainId) -> Result<bool, NodeError> {
        let found = self
            .store
            .0
            .read(&[IDENTITY.key(&ONLY)])
            .await?
            .into_iter()
            .next()
            .flatten();
        match found {
            None => Ok(false),
            Some(bytes) if IDENTITY.decode_value(&bytes)? == (Identity { domain }) => Ok(true),
            Some(_) => Err(NodeError::OtherDomain),
        }
    }

    async fn read(&mut self) -> Result<Vec<Vec<u8>>, NodeError> {
        let mut records = Vec::new();
        let mut scan = Some(RECORDS.scan());
        while let Some(current) = scan {
            let page = self.store.0.scan(&current).await?;
            for row in &page.rows {
                let (position, raw) = RECORDS.decode(row)?;
                if position != self.next {
                    return Err(NodeError::Gap {
                        position: self.next,
                    });
                }
                let _legible: Unverified<Record> = raw
                    .read()
                    .map_err(|source| NodeError::Record { position, source })?;
                self.next += 1;
                records.push(raw.as_bytes().to_vec());
            }
            scan = page.next;
        }
        Ok(records)
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

    pub(super) async fn commit(&self, batch: Batch) -> Result<(), NodeError> {
        Ok(self.store.0.commit(batch).await?)
    }
}
