//! Derived rows: what a reader of the store can look up without the node.
//!
//! They follow from the journal and are written in the commit of the step that
//! changed them: places of the new records, and the accounts that these
//! touched. Whatever becomes of them, the journal can make them again.

use std::collections::{BTreeMap, BTreeSet};

use icn_ledger::Column;
use icn_types::host::{Batch, LimitError, Present, Scan, Store, Table, TableKey};
use icn_types::id::ChainId;
use icn_types::set::{RecordSet, Slot};

use super::books::Books;
use super::error::NodeError;
use super::journal::rows;
use super::schema::{ACCOUNTS, AccountRow, CHAINS, DERIVED, Derivation, PLACES};

/// Operations of one commit while rows are derived anew.
const OPS_PER_COMMIT: usize = 50_000;

/// The way in which rows are derived. Another number makes a node derive the
/// rows of an older one anew.
pub(super) const EDITION: u16 = 1;

/// Derived rows as the store holds them after the next commit.
#[derive(Debug, Default)]
pub(super) struct Derived {
    chains: BTreeMap<ChainId, u32>,
    /// Accounts with anything but zeros.
    accounts: BTreeMap<ChainId, Column>,
    records: u64,
}

/// Accounts whose rows may have changed.
#[derive(Debug, Default)]
pub(super) struct Touched {
    accounts: BTreeSet<ChainId>,
    /// A ledger counted anew.
    all: bool,
}

impl Touched {
    pub(super) fn account(&mut self, chain: ChainId) {
        self.accounts.insert(chain);
    }

    pub(super) const fn everything(&mut self) {
        self.all = true;
    }
}

impl Derived {
    /// The rows in the store, derived anew where they do not go as far as the
    /// journal or were derived in another way.
    pub(super) async fn open(
        store: &dyn Store,
        set: &RecordSet,
        books: &Books,
        stored: &[Slot],
    ) -> Result<Self, NodeError> {
        match Self::kept(store, set, books, stored.len() as u64).await? {
            Some(derived) => Ok(derived),
            None => Self::rebuild(store, set, books, stored).await,
        }
    }

    /// The rows in the store. `None` where they do not go as far as a journal of
    /// so many positions or were derived in another way.
    pub(super) async fn kept(
        store: &dyn Store,
        set: &RecordSet,
        books: &Books,
        records: u64,
    ) -> Result<Option<Self>, NodeError> {
        if derivation(store).await? != Some(current(records)) {
            return Ok(None);
        }
        Ok(Some(Self {
            chains: rows(store, &CHAINS).await?.into_iter().collect(),
            accounts: books.columns(set),
            records,
        }))
    }

    /// Derives all rows anew. Cut short, the next opening begins again.
    async fn rebuild(
        store: &dyn Store,
        set: &RecordSet,
        books: &Books,
        stored: &[Slot],
    ) -> Result<Self, NodeError> {
        clear(store, &DERIVED).await?;
        clear(store, &CHAINS).await?;
        clear(store, &PLACES).await?;
        clear(store, &ACCOUNTS).await?;
        let mut derived = Self::default();
        for slots in stored.chunks(OPS_PER_COMMIT / 2) {
            let mut batch = Batch::new();
            for &slot in slots {
                derived.put_place(&mut batch, set, slot)?;
            }
            store.commit(batch).await?;
        }
        let columns: Vec<(ChainId, Column)> = books.columns(set).into_iter().collect();
        for columns in columns.chunks(OPS_PER_COMMIT / 2) {
            let mut batch = Batch::new();
            for (chain, column) in columns {
                derived.put_account(&mut batch, *chain, *column)?;
            }
            store.commit(batch).await?;
        }
        let mut batch = Batch::new();
        DERIVED.put(&mut batch, &(), &current(stored.len() as u64))?;
        store.commit(batch).await?;
        Ok(derived)
    }

    /// Adds the rows of records that the journal is about to hold.
    pub(super) fn put(
        &mut self,
        batch: &mut Batch,
        set: &RecordSet,
        books: &Books,
        stored: impl Iterator<Item = Slot>,
        touched: Touched,
    ) -> Result<(), LimitError> {
        for slot in stored {
            self.put_place(batch, set, slot)?;
        }
        let accounts = if touched.all {
            let counted = books.columns(set).into_keys();
            counted.chain(self.accounts.keys().copied()).collect()
        } else {
            touched.accounts
        };
        for chain in accounts {
            self.put_account(batch, chain, books.column(set, &chain))?;
        }
        let derivation = Derivation {
            records: self.records,
            edition: EDITION,
        };
        DERIVED.put(batch, &(), &derivation)
    }

    /// The place of the journal's next record.
    fn put_place(
        &mut self,
        batch: &mut Batch,
        set: &RecordSet,
        slot: Slot,
    ) -> Result<(), LimitError> {
        let record = set.record(slot);
        let number = self.number(batch, record.chain())?;
        PLACES.put(batch, &(number, record.seq(), self.records), &Present)?;
        self.records += 1;
        Ok(())
    }

    fn put_account(
        &mut self,
        batch: &mut Batch,
        chain: ChainId,
        column: Column,
    ) -> Result<(), LimitError> {
        if self.accounts.get(&chain).copied().unwrap_or_default() == column {
            return Ok(());
        }
        let number = self.number(batch, chain)?;
        if column == Column::default() {
            self.accounts.remove(&chain);
            return ACCOUNTS.delete(batch, &number);
        }
        self.accounts.insert(chain, column);
        ACCOUNTS.put(batch, &number, &AccountRow::of(&column))
    }

    /// The number of a chain; a new one gets its row.
    fn number(&mut self, batch: &mut Batch, chain: ChainId) -> Result<u32, LimitError> {
        if let Some(&number) = self.chains.get(&chain) {
            return Ok(number);
        }
        // A set has fewer records than this number has values.
        let number = u32::try_from(self.chains.len()).unwrap_or(u32::MAX);
        self.chains.insert(chain, number);
        CHAINS.put(batch, &chain, &number)?;
        Ok(number)
    }
}

/// What the rows of a journal of so many records follow from.
pub(super) const fn current(records: u64) -> Derivation {
    Derivation {
        records,
        edition: EDITION,
    }
}

/// How far the rows in a store go; none while they are derived anew.
pub(super) async fn derivation(store: &dyn Store) -> Result<Option<Derivation>, NodeError> {
    let found = store.read(&[DERIVED.key(&())]).await?.pop().flatten();
    Ok(found
        .map(|bytes| DERIVED.decode_value(&bytes))
        .transpose()?)
}

/// Deletes all rows of a table.
pub(super) async fn clear<K: TableKey, V>(
    store: &dyn Store,
    table: &Table<K, V>,
) -> Result<(), NodeError> {
    let mut next: Option<Scan> = Some(table.scan());
    while let Some(scan) = next {
        let page = store.scan(&scan).await?;
        let mut batch = Batch::new();
        for row in page.rows {
            batch.delete(row.key)?;
        }
        if !batch.is_empty() {
            store.commit(batch).await?;
        }
        next = page.next;
    }
    Ok(())
}
