//! A book in a store: the plain ledger of one host, durable.
//!
//! Whoever has one program that decides what comes after what keeps its [`Book`]
//! here. What a change wrote is in the store before the caller has the answer,
//! all of it or nothing; opening reads rows, and applies no entry again.
//!
//! ```
//! use std::sync::Arc;
//!
//! use icn_events::book::{StoredBook, StoredBookError};
//! use icn_ledger::book::{BookError, Limits, Posted, Request, Transfer};
//! use icn_ledger::unit::Scale;
//! use icn_ledger::{Unit, UnitCode};
//! use icn_types::amount::Amount;
//! use icn_types::host::MemoryStore;
//! use icn_types::id::{DomainId, OperationKey};
//! use icn_types::time::Timestamp;
//!
//! # futures::executor::block_on(async {
//! let store = Arc::new(MemoryStore::new());
//! let mut stored = StoredBook::open(store.clone()).await?;
//! let hours = Unit {
//!     issuer: DomainId::from_bytes([7; 32]),
//!     code: UnitCode::new("hours").ok_or("a code")?,
//!     scale: Scale::new(1).ok_or("a scale")?,
//!     min_leg: Amount::new(1)?,
//! };
//! let (alice, bob) = ("members:alice".parse()?, "members:bob".parse()?);
//! let credit = Limits::between(-40, 40)?;
//! // Everything that one change writes goes into one commit.
//! let (hours, alice, bob) = stored
//!     .change(|book| {
//!         let hours = book.define(hours)?;
//!         Ok::<_, icn_ledger::book::OpenError>((
//!             hours,
//!             book.open(&alice, hours, credit)?,
//!             book.open(&bob, hours, credit)?,
//!         ))
//!     })
//!     .await??;
//! let pay = Transfer::between(bob, alice, hours, Amount::new(10)?);
//! let request = Request::new(OperationKey::from_bytes([1; 32]), Timestamp::from_millis(0), pay);
//! let posted: Result<Posted, BookError> = stored.change(|book| book.post(&request)).await?;
//! posted?;
//!
//! let again = StoredBook::open(store).await?;
//! assert_eq!(again.book()?.standing(alice, hours)?.position.get(), 10);
//! again.book()?.verify()?; // reads and decides every entry again
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).map_err(|error| error.to_string())?;
//! # Ok::<(), String>(())
//! ```

mod error;

use std::num::NonZeroU32;
use std::sync::Arc;

use icn_ledger::book::{AccountKey, AccountRow, Book, EntryNumber, Restore, Run, Saved, UnitKey};
use icn_types::host::{Batch, Store, Table};

pub use error::StoredBookError;

/// Entries with their steps, by the number of the first one.
const RUNS: Table<u32, Run> = Table::new("book/run", 1);

/// Where accounts stand, by account and unit. Derived.
const ACCOUNTS: Table<(u32, u32), AccountRow> = Table::new("book/account", 1);

/// How far the other rows go: changed by every commit, so that of two who write
/// to one store the second fails.
const HEAD: Table<(), Saved> = Table::new("book/head", 1);

/// Rows that are read at once.
const ROWS_PER_PAGE: NonZeroU32 = NonZeroU32::new(1024).unwrap();

/// A book and the store that holds it. A store holds one book.
pub struct StoredBook {
    store: Arc<dyn Store>,
    /// None while a commit is under way, and after one that did not succeed.
    book: Option<Book>,
    saved: Saved,
}

impl std::fmt::Debug for StoredBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredBook")
            .field("saved", &self.saved)
            .field("interrupted", &self.book.is_none())
            .finish_non_exhaustive()
    }
}

impl StoredBook {
    /// Opens the book in a store; an empty one where none is.
    ///
    /// Entries are hashed, and must lead to the head that the store names; what
    /// they did to positions is taken from the rows, which must agree with each
    /// other. Cost is linear in the bytes that are stored.
    ///
    /// # Errors
    /// [`StoredBookError`]: the store fails, or what it holds is not a book.
    pub async fn open(store: Arc<dyn Store>) -> Result<Self, StoredBookError> {
        let found = store.read(&[HEAD.key(&())]).await?.pop().flatten();
        let saved = found.map(|bytes| HEAD.decode_value(&bytes)).transpose()?;
        let saved = saved.unwrap_or_default();
        let mut restore = Restore::new();
        let mut scan = Some(RUNS.scan().limit(ROWS_PER_PAGE));
        while let Some(current) = scan {
            let page = store.scan(&current).await?;
            for row in page.rows {
                let (first, run) = RUNS.decode(&row)?;
                restore.run(EntryNumber::new(first), &run)?;
            }
            scan = page.next;
        }
        let mut accounts = Vec::new();
        let mut scan = Some(ACCOUNTS.scan().limit(ROWS_PER_PAGE));
        while let Some(current) = scan {
            let page = store.scan(&current).await?;
            for row in page.rows {
                let ((account, unit), row) = ACCOUNTS.decode(&row)?;
                accounts.push(((AccountKey::new(account), UnitKey::new(unit)), row));
            }
            scan = page.next;
        }
        let book = Some(restore.finish(&saved, accounts)?);
        Ok(Self { store, book, saved })
    }

    /// The book as the store holds it.
    ///
    /// # Errors
    /// [`StoredBookError::Interrupted`] after a change that did not end.
    pub fn book(&self) -> Result<&Book, StoredBookError> {
        self.book.as_ref().ok_or(StoredBookError::Interrupted)
    }

    /// Changes the book, and answers when everything that it wrote is durable,
    /// by one commit. That touches the last run of entries, further ones, and the
    /// accounts of the new entries.
    ///
    /// Dropping the future is a crash: the store holds all of the change or
    /// nothing of it.
    ///
    /// # Errors
    /// [`StoredBookError`] when the change may not be durable. Open the book
    /// again then; this one answers [`StoredBookError::Interrupted`].
    pub async fn change<T>(
        &mut self,
        change: impl FnOnce(&mut Book) -> T,
    ) -> Result<T, StoredBookError> {
        let mut book = self.book.take().ok_or(StoredBookError::Interrupted)?;
        let answer = change(&mut book);
        if let Some(changes) = book.changes(&self.saved)? {
            let mut batch = Batch::new();
            if self.saved.entries() == 0 {
                HEAD.absent(&mut batch, &())?;
            } else {
                HEAD.equals(&mut batch, &(), &self.saved)?;
            }
            HEAD.put(&mut batch, &(), &changes.saved)?;
            for (first, run) in &changes.runs {
                RUNS.put(&mut batch, &first.get(), run)?;
            }
            for ((account, unit), row) in &changes.accounts {
                ACCOUNTS.put(&mut batch, &(account.get(), unit.get()), row)?;
            }
            self.store.commit(batch).await?;
            self.saved = changes.saved;
        }
        self.book = Some(book);
        Ok(answer)
    }
}
