//! The journal read back, when a node is opened.

use icn_sync::RestoreError;
use icn_types::attested::{Reading, RunningHash, Unreadable};
use icn_types::canon::from_bytes;
use icn_types::host::{Batch, Store};
use icn_types::id::DomainId;
use icn_types::set::{Added, RecordSet, Slot};

use crate::genesis::Genesis;

use super::error::NodeError;
use super::journal::End;
use super::schema::{HASH, IDENTITY, Identity, ONLY, RECORDS};

/// The store of a node, before its records are read.
pub(super) struct Unread<'a> {
    store: &'a dyn Store,
    domain: DomainId,
    /// The hash that was written with the records.
    written: Option<RunningHash>,
    /// Nothing was ever written.
    is_new: bool,
}

/// The records of a journal.
pub(super) struct Replay {
    pub(super) set: RecordSet,
    /// The record at each position. One that first came without its content
    /// stands at two.
    pub(super) slots: Vec<Slot>,
    pub(super) end: End,
}

/// Reads the records of a store, the genesis if it is new.
pub(super) async fn replay(store: &dyn Store, genesis: &Genesis) -> Result<Replay, NodeError> {
    let mut unread = Unread::of(store, genesis.domain()).await?;
    unread.found(genesis).await?;
    if let Some(replay) = unread.attested().await? {
        return Ok(replay);
    }
    let replay = unread.verified().await?;
    replay.end.attest(store).await?;
    Ok(replay)
}

impl<'a> Unread<'a> {
    /// A store of this domain, or a new one.
    pub(super) async fn of(store: &'a dyn Store, domain: DomainId) -> Result<Self, NodeError> {
        let keys = [IDENTITY.key(&ONLY), HASH.key(&())];
        let mut found = store.read(&keys).await?;
        let (hash, identity) = (found.pop().flatten(), found.pop().flatten());
        let identity = identity.map(|identity| IDENTITY.decode_value(&identity));
        let identity = identity.transpose()?;
        if identity.is_some_and(|identity| identity != Identity { domain }) {
            return Err(NodeError::OtherDomain);
        }
        Ok(Self {
            store,
            domain,
            written: hash.map(|hash| HASH.decode_value(&hash)).transpose()?,
            is_new: identity.is_none(),
        })
    }

    /// Puts the genesis into a new store.
    pub(super) async fn found(&mut self, genesis: &Genesis) -> Result<(), NodeError> {
        if !self.is_new {
            return Ok(());
        }
        let (domain, mut batch, mut end) = (self.domain, Batch::new(), End::default());
        IDENTITY.absent(&mut batch, &ONLY)?;
        IDENTITY.put(&mut batch, &ONLY, &Identity { domain })?;
        let records: Vec<_> = genesis.records().iter().map(|one| one.to_bytes()).collect();
        end.append(&mut batch, records.iter().map(Vec::as_slice))?;
        self.store.commit(batch).await?;
        (self.written, self.is_new) = (Some(end.hash()), false);
        Ok(())
    }

    /// The store.
    pub(super) const fn store(&self) -> &'a dyn Store {
        self.store
    }

    /// What it is about.
    pub(super) const fn domain(&self) -> DomainId {
        self.domain
    }

    /// The hash that was written with the records.
    pub(super) const fn written(&self) -> Option<RunningHash> {
        self.written
    }

    /// The records as they are. None unless they lead to the hash that was
    /// written with them.
    async fn attested(&self) -> Result<Option<Replay>, NodeError> {
        let Some(written) = self.written else {
            return Ok(None);
        };
        let mut reading = Reading::new(self.domain);
        let slots = match self.read(|bytes| reading.take(bytes)).await {
            // Whoever verifies them finds the same, or what is to blame for it.
            Err(NodeError::Record { .. } | NodeError::Restore(_)) => return Ok(None),
            slots => slots?,
        };
        let set = reading.finish(written);
        Ok(set.map(|set| Replay::new(set, slots, written)))
    }

    /// The records, the signature of each checked.
    pub(super) async fn verified(&self) -> Result<Replay, NodeError> {
        let (mut set, mut hash) = (RecordSet::new(self.domain), RunningHash::new());
        let verify = |bytes: &[u8]| {
            let record = from_bytes(bytes).map_err(Unreadable::Decode)?;
            hash.add(bytes);
            set.receive(record).map_err(Unreadable::Refused)
        };
        let slots = self.read(verify).await?;
        Ok(Replay::new(set, slots, hash))
    }

    /// Where the records at all positions went.
    async fn read(
        &self,
        take: impl FnMut(&[u8]) -> Result<Added, Unreadable>,
    ) -> Result<Vec<Slot>, NodeError> {
        let slots = self.range(0, u64::MAX, take).await?;
        if slots.is_empty() && !self.is_new {
            return Err(NodeError::Gap { position: 0 });
        }
        Ok(slots)
    }

    /// The same from position `first` up to, but without, `end`.
    pub(super) async fn range(
        &self,
        first: u64,
        end: u64,
        mut take: impl FnMut(&[u8]) -> Result<Added, Unreadable>,
    ) -> Result<Vec<Slot>, NodeError> {
        let mut slots = Vec::new();
        let (mut next, mut scan) = (first, Some(RECORDS.scan_range(&first, &end)));
        while let Some(current) = scan {
            let page = self.store.scan(&current).await?;
            for row in &page.rows {
                if RECORDS.decode_key(&row.key)? != next {
                    return Err(NodeError::Gap { position: next });
                }
                let added = take(RECORDS.canonical(&row.value)?);
                slots.push(added.map_err(|error| unreadable(next, error))?.slot());
                next += 1;
            }
            scan = page.next;
        }
        Ok(slots)
    }
}

impl Replay {
    fn new(set: RecordSet, slots: Vec<Slot>, hash: RunningHash) -> Self {
        let end = End::new(slots.len() as u64, hash);
        Self { set, slots, end }
    }
}

fn unreadable(position: u64, error: Unreadable) -> NodeError {
    match error {
        Unreadable::Decode(source) => NodeError::Record { position, source },
        Unreadable::Refused(refusal) => RestoreError::Refused(refusal).into(),
    }
}
