//! What a node's store says without the node: derived rows by name, and
//! whether they agree with the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use icn_ledger::{Column, Ledger};
use icn_types::host::{Key, Page, Store, StoredRow};
use icn_types::id::ChainId;
use icn_types::record::Record;
use icn_types::set::{RecordSet, Slot};
use icn_types::sign::Unverified;

use crate::genesis::Genesis;

use super::error::NodeError;
use super::journal::rows;
use super::replay::{Replay, Unread};
use super::schema::{ACCOUNTS, AccountRow, CHAINS, PLACES, RECORDS};
use super::{books, derived, settings, start};

/// Reads a node's store, beside the node or without it.
///
/// Every answer is of one committed step. Looking something up costs a few
/// rows, whatever the length of the history; no signature is checked.
#[derive(Clone)]
pub struct Stored {
    store: Arc<dyn Store>,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stored")
    }
}

impl Stored {
    /// A reader of this store.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Where an account stood after the last step; zeros for one that nothing
    /// happened to. Two rows are read. How final that is follows from other
    /// records: ask [`Ledger::positions`] of an open node.
    ///
    /// # Errors
    /// [`NodeError::Store`] and [`NodeError::Row`].
    pub async fn account(&self, chain: &ChainId) -> Result<Column, NodeError> {
        let Some(number) = self.number(chain).await? else {
            return Ok(Column::default());
        };
        let found = self.read(ACCOUNTS.key(&number)).await?;
        let row = found
            .map(|bytes| ACCOUNTS.decode_value(&bytes))
            .transpose()?;
        Ok(row.map_or_else(Column::default, |row: AccountRow| row.column()))
    }

    /// The stored records at one place of a chain: none, one, or several
    /// where the chain forks. A record that came without its content first is
    /// answered once, complete.
    ///
    /// # Errors
    /// [`NodeError::Store`], [`NodeError::Row`], [`NodeError::Gap`] and
    /// [`NodeError::Record`].
    pub async fn records(
        &self,
        chain: &ChainId,
        seq: u64,
    ) -> Result<Vec<Unverified<Record>>, NodeError> {
        let Some(number) = self.number(chain).await? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        let mut next = Some(PLACES.scan_within(&(number, seq)));
        while let Some(scan) = next {
            let page = self.store.scan(&scan).await?;
            found.extend(positions(&page)?);
            next = page.next;
        }
        let records = self.at(&found).await?;
        let found = records
            .into_iter()
            .map(|record| (record.claim().id(), record));
        let found: BTreeMap<_, _> = found.collect();
        Ok(found.into_values().collect())
    }

    /// The last records of a chain, newest first, at most `count`; branches of
    /// a fork side by side. A record that came without its content first is
    /// answered once, complete. One page of places and that many records are
    /// read, whatever the length of the chain.
    ///
    /// # Errors
    /// [`NodeError::Store`], [`NodeError::Row`], [`NodeError::Gap`] and
    /// [`NodeError::Record`].
    pub async fn newest(
        &self,
        chain: &ChainId,
        count: NonZeroU32,
    ) -> Result<Vec<Unverified<Record>>, NodeError> {
        let Some(number) = self.number(chain).await? else {
            return Ok(Vec::new());
        };
        let scan = PLACES.scan_within(&number).descending().limit(count);
        let page = self.store.scan(&scan).await?;
        let mut seen = BTreeSet::new();
        let mut records = self.at(&positions(&page)?).await?;
        records.retain(|record| seen.insert(record.claim().id()));
        Ok(records)
    }

    /// Records of the journal, in the order asked.
    async fn at(&self, positions: &[u64]) -> Result<Vec<Unverified<Record>>, NodeError> {
        let keys: Vec<Key> = positions
            .iter()
            .map(|position| RECORDS.key(position))
            .collect();
        let rows = self.store.read(&keys).await?;
        let read = |(row, &position): (Option<Vec<u8>>, &u64)| {
            let bytes = row.ok_or(NodeError::Gap { position })?;
            let record = RECORDS.decode_value(&bytes)?.read();
            record.map_err(|source| NodeError::Record { position, source })
        };
        rows.into_iter().zip(positions).map(read).collect()
    }

    async fn number(&self, chain: &ChainId) -> Result<Option<u32>, NodeError> {
        let found = self.read(CHAINS.key(chain)).await?;
        Ok(found.map(|bytes| CHAINS.decode_value(&bytes)).transpose()?)
    }

    async fn read(&self, key: Key) -> Result<Option<Vec<u8>>, NodeError> {
        Ok(self.store.read(&[key]).await?.pop().flatten())
    }
}

/// Positions in the journal of the places of a page.
fn positions(page: &Page) -> Result<Vec<u64>, NodeError> {
    let position = |row: &StoredRow| {
        let (_, _, position) = PLACES.decode_key(&row.key)?;
        Ok(position)
    };
    page.rows.iter().map(position).collect()
}

/// A derived row that is not what the journal gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Difference {
    /// A chain lacks its number, shares it, or has one without a record.
    Chain(ChainId),
    /// The places of a chain are not those of its records.
    Places(ChainId),
    /// An account stands elsewhere.
    Account(ChainId),
    /// Rows belong to no chain.
    Stray,
    /// The rows go less far than the journal, or were derived in another way.
    /// The next opening derives them anew.
    Derivation,
    /// The hash over the journal is missing or another one. The next opening
    /// checks every signature again.
    Hash,
    /// The snapshot is damaged, of another edition, or not what the journal gives.
    Snapshot,
}

/// Whether the derived rows of a store agree with its journal: every
/// difference, ascending; none when all is well. Nothing is written.
///
/// Reads everything: one signature check per stored record.
///
/// # Errors
/// [`NodeError`] as when a node is opened: the journal itself is damaged, or
/// the store belongs to another domain.
pub async fn verify_store(
    genesis: &Genesis,
    store: &dyn Store,
) -> Result<Vec<Difference>, NodeError> {
    let unread = Unread::of(store, genesis.domain()).await?;
    let Replay { set, slots, end } = unread.verified().await?;
    let set = &set;
    let (units, mut accounts) = (settings::units(genesis)?, BTreeMap::new());
    for unit in &units {
        let ledger = Ledger::of(set, *unit);
        accounts.extend(books::columns([&ledger].into_iter(), set));
    }
    let mut wrong = Found::read(store).await?.compare(set, &accounts, &slots);
    if derived::derivation(store).await? != Some(derived::current(slots.len() as u64)) {
        wrong.insert(Difference::Derivation);
    }
    if !slots.is_empty() && unread.written() != Some(end.hash()) {
        wrong.insert(Difference::Hash);
    }
    if !start::agrees(&unread, &units).await? {
        wrong.insert(Difference::Snapshot);
    }
    Ok(wrong.into_iter().collect())
}

/// Derived rows by the name of their chain.
#[derive(Default)]
struct Found {
    chains: BTreeMap<u32, ChainId>,
    places: BTreeMap<ChainId, BTreeSet<(u64, u64)>>,
    accounts: BTreeMap<ChainId, Column>,
    wrong: BTreeSet<Difference>,
}

impl Found {
    async fn read(store: &dyn Store) -> Result<Self, NodeError> {
        let mut found = Self::default();
        for (chain, number) in rows(store, &CHAINS).await? {
            if let Some(other) = found.chains.insert(number, chain) {
                found.wrong.extend([chain, other].map(Difference::Chain));
            }
        }
        for ((number, seq, position), _) in rows(store, &PLACES).await? {
            match found.chains.get(&number) {
                Some(chain) => {
                    found
                        .places
                        .entry(*chain)
                        .or_default()
                        .insert((seq, position));
                }
                None => found.stray(),
            }
        }
        for (number, row) in rows(store, &ACCOUNTS).await? {
            match found.chains.get(&number) {
                Some(chain) => {
                    found.accounts.insert(*chain, row.column());
                }
                None => found.stray(),
            }
        }
        Ok(found)
    }

    fn stray(&mut self) {
        self.wrong.insert(Difference::Stray);
    }

    fn compare(
        self,
        set: &RecordSet,
        accounts: &BTreeMap<ChainId, Column>,
        journal: &[Slot],
    ) -> BTreeSet<Difference> {
        let mut places: BTreeMap<ChainId, BTreeSet<(u64, u64)>> = BTreeMap::new();
        for (position, slot) in (0..).zip(journal) {
            let record = set.record(*slot);
            let of_chain = places.entry(record.chain()).or_default();
            of_chain.insert((record.seq(), position));
        }
        let mut wrong = self.wrong;
        let known: BTreeSet<ChainId> = self.chains.into_values().collect();
        let needed: BTreeSet<ChainId> = places.keys().chain(accounts.keys()).copied().collect();
        // An account that stands at zero again keeps the number that it had.
        let missing = needed.difference(&known).copied();
        wrong.extend(missing.map(Difference::Chain));
        wrong.extend(differing(&places, &self.places).map(Difference::Places));
        wrong.extend(differing(accounts, &self.accounts).map(Difference::Account));
        wrong
    }
}

/// Keys whose values are not the same in both maps.
fn differing<V: PartialEq>(
    one: &BTreeMap<ChainId, V>,
    other: &BTreeMap<ChainId, V>,
) -> impl Iterator<Item = ChainId> {
    let keys: BTreeSet<ChainId> = one.keys().chain(other.keys()).copied().collect();
    keys.into_iter()
        .filter(|key| one.get(key) != other.get(key))
}
