//! The journal: records in the store, in the order of their arrival.

use std::sync::Arc;

use icn_types::canon::{Raw, from_bytes};
use icn_types::host::{Batch, LimitError, Store};
use icn_types::id::DomainId;
use icn_types::record::Record;
use icn_types::set::RecordSet;
use icn_types::sign::Unverified;

use super::error::NodeError;
use super::schema::{IDENTITY, Identity, ONLY, RECORDS};

/// Rows read at once while a store is opened.
const PAGE: usize = 512;

/// Where the next record goes.
#[derive(Debug)]
pub(super) struct Journal {
    store: Arc<dyn Store>,
    next: u64,
}

impl Journal {
    /// Opens the store of one domain and reads what it holds.
    pub(super) async fn open(
        store: Arc<dyn Store>,
        domain: DomainId,
        mut found: impl FnMut(Unverified<Record>) -> Result<(), NodeError>,
    ) -> Result<Self, NodeError> {
        let identity = store.read(&[IDENTITY.key(&ONLY)]).await?;
        match identity.into_iter().next().flatten() {
            Some(bytes) if IDENTITY.decode_value(&bytes)? != (Identity { domain }) => return Err(NodeError::OtherDomain),
            _ => {}
        }
        let mut next = 0;
        let mut scan = Some(RECORDS.scan().limited(PAGE));
        while let Some(current) = scan {
            let page = store.scan(&current).await?;
            for row in page.rows() {
                let (position, raw) = RECORDS.decode(row)?;
                if position != next {
                    return Err(NodeError::Gap { position: next });
                }
                let record = from_bytes(raw.as_bytes()).map_err(|source| NodeError::Record { position, source })?;
                found(record)?;
                next += 1;
            }
            scan = page.next().cloned();
        }
        Ok(Self { store, next })
    }

    /// Puts records behind the last one. Whoever else wrote there meanwhile
    /// makes the commit fail.
    pub(super) fn append<'a>(
        &mut self,
        batch: &mut Batch,
        domain: DomainId,
        records: impl Iterator<Item = &'a Record>,
    ) -> Result<(), LimitError> {
        if self.next == 0 {
            IDENTITY.put(batch, &ONLY, &Identity { domain })?;
        }
        RECORDS.absent(batch, &self.next)?;
        for record in records {
            RECORDS.put(batch, &self.next, &Raw::of(record))?;
            self.next += 1;
        }
        Ok(())
    }

    pub(super) async fn commit(&self, batch: Batch) -> Result<(), NodeError> {
        Ok(self.store.commit(batch).await?)
    }
}
