use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use icn_types::host::{
    Batch, Key, Order, Page, Scan, Space, Store, StoreError, StoreErrorKind, StoredRow,
};
use redb::{Database, ReadTransaction, ReadableDatabase, TableDefinition, TableError};

use crate::error::{OpenError, store_error};
use crate::writer::Writer;

/// Version of the layout of the file: one table per space, bytes to bytes.
pub const DATA_VERSION: u64 = 1;

/// No space has this name: a space is without blanks.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("icn store");
const VERSION: &str = "data version";

/// The table of a space.
pub(crate) const fn table_of(
    space: Space,
) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(space.as_str())
}

/// A store in one file.
///
/// Commits that wait at the same time share one transaction and one flush; each
/// stays atomic by itself. Reads and scans run on the polling thread and block
/// it for the time of a few page reads. Clone-free: share it as an `Arc`.
///
/// Dropping it finishes what is queued and joins the writer, so that the file
/// can be opened again at once.
#[derive(Debug)]
pub struct RedbStore {
    database: Arc<Database>,
    writer: Writer,
}

impl RedbStore {
    /// Opens the store in that file, or makes a new one where no file is.
    ///
    /// # Errors
    /// - [`OpenError::Newer`]: update this program.
    /// - [`OpenError::Locked`]: close the other one.
    /// - [`OpenError::Corrupt`]: restore the file from a copy.
    /// - [`OpenError::Io`]: path or rights are wrong, or the thread that writes
    ///   could not be started.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        // redb checks pages as it meets them, and meets hostile ones with a panic.
        let database = catch_unwind(AssertUnwindSafe(|| open_checked(path)))
            .unwrap_or_else(|_| Err(OpenError::Corrupt("file cannot be read".into())))?;
        let database = Arc::new(database);
        let writer = Writer::start(Arc::clone(&database)).map_err(OpenError::Io)?;
        Ok(Self { database, writer })
    }

    fn snapshot(&self) -> Result<ReadTransaction, StoreError> {
        if self.writer.has_failed() {
            return Err(StoreError::new(StoreErrorKind::Closed));
        }
        self.database.begin_read().map_err(store_error)
    }
}

fn open_checked(path: &Path) -> Result<Database, OpenError> {
    let is_new = match std::fs::metadata(path) {
        Ok(found) if found.len() == 0 => {
            return Err(OpenError::Corrupt("file is empty".into()));
        }
        Ok(_) => false,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(OpenError::Io(error)),
    };
    if is_new { make(path) } else { open(path) }
}

/// A new store gets its name when it is whole: a process that dies on the way
/// leaves a file beside it, which the next one replaces.
fn make(path: &Path) -> Result<Database, OpenError> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = Path::new(&unfinished);
    let create = || Database::create(unfinished).map_err(redb::Error::from);
    let database = match create().map_err(OpenError::from) {
        Err(OpenError::Corrupt(_)) => {
            std::fs::remove_file(unfinished).map_err(OpenError::Io)?;
            create()?
        }
        created => created?,
    };
    // Whoever made the store meanwhile held the lock that is ours now.
    if path.exists() {
        drop(database);
        std::fs::remove_file(unfinished).map_err(OpenError::Io)?;
        return open(path);
    }
    write_version(&database)?;
    std::fs::rename(unfinished, path).map_err(OpenError::Io)?;
    sync_folder(path).map_err(OpenError::Io)?;
    Ok(database)
}

/// Makes a new name durable; elsewhere folders cannot be opened.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) && !folder.as_os_str().is_empty() => {
            std::fs::File::open(folder)?.sync_all()
        }
        _ => Ok(()),
    }
}

fn open(path: &Path) -> Result<Database, OpenError> {
    let database = Database::open(path).map_err(redb::Error::from)?;
    match read_version(&database)? {
        Some(DATA_VERSION) => Ok(database),
        Some(found) if found > DATA_VERSION => Err(OpenError::Newer {
            found,
            supported: DATA_VERSION,
        }),
        Some(_) => Err(OpenError::Corrupt("no such data version".into())),
        // A crash between making the file and its first commit leaves no table.
        None => write_version(&database).map(|()| database),
    }
}

fn read_version(database: &Database) -> Result<Option<u64>, redb::Error> {
    let snapshot = database.begin_read()?;
    let meta = match snapshot.open_table(META) {
        Ok(meta) => meta,
        Err(TableError::TableDoesNotExist(_)) if snapshot.list_tables()?.next().is_none() => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let version = meta.get(VERSION)?.map(|found| found.value());
    Ok(Some(version.unwrap_or(0)))
}

fn write_version(database: &Database) -> Result<(), OpenError> {
    let write = || {
        let transaction = database.begin_write()?;
        transaction
            .open_table(META)?
            .insert(VERSION, DATA_VERSION)?;
        transaction.commit()?;
        Ok::<(), redb::Error>(())
    };
    Ok(write()?)
}

#[async_trait::async_trait]
impl Store for RedbStore {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let snapshot = self.snapshot()?;
        let value = |key: &Key| match snapshot.open_table(table_of(key.space())) {
            Ok(table) => table
                .get(key.as_bytes())
                .map(|found| found.map(|value| value.value().to_vec()))
                .map_err(|error| store_error(error).in_space(key.space())),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(store_error(error).in_space(key.space())),
        };
        keys.iter().map(value).collect()
    }

    async fn scan(&self, scan: &Scan) -> Result<Page, StoreError> {
        let space = scan.space();
        let in_space = |error: redb::Error| store_error(error).in_space(space);
        let snapshot = self.snapshot()?;
        let table = match snapshot.open_table(table_of(space)) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(page(scan, std::iter::empty())?),
            Err(error) => return Err(in_space(error.into())),
        };
        let rows = match scan.to() {
            Some(to) => table.range::<&[u8]>(scan.from()..to),
            None => table.range::<&[u8]>(scan.from()..),
        }
        .map_err(|error| in_space(error.into()))?;
        let stored =
            |row: Result<(redb::AccessGuard<'_, &[u8]>, redb::AccessGuard<'_, &[u8]>), _>| {
                let (key, value) =
                    row.map_err(|error: redb::StorageError| in_space(error.into()))?;
                Ok(StoredRow {
                    key: Key::new(space, key.value()).map_err(|error| {
                        StoreError::new(StoreErrorKind::Corrupt)
                            .in_space(space)
                            .because(error)
                    })?,
                    value: value.value().to_vec(),
                })
            };
        match scan.order() {
            Order::Ascending => page(scan, rows.map(stored)),
            Order::Descending => page(scan, rows.rev().map(stored)),
        }
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.writer.commit(batch).await
    }
}

fn page(
    scan: &Scan,
    rows: impl Iterator<Item = Result<StoredRow, StoreError>>,
) -> Result<Page, StoreError> {
    Page::collect(scan, rows)
}
