use std::fs::File;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use icn_types::host::{
    Batch, Key, Order, Page, Scan, Space, Store, StoreError, StoreErrorKind, StoredRow,
};
use redb::{Builder, Database, ReadTransaction, ReadableDatabase, TableDefinition, TableError};

use crate::error::{OpenError, store_error};
use crate::writer::Writer;

/// Version of the layout of the file: one table per space, bytes to bytes.
pub const FILE_VERSION: u64 = 1;

/// No space has this name: a space is without blanks.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("icn store");
const VERSION: &str = "data version";

/// Memory for pages of the file, in bytes. Others are read again, mostly from
/// where the operating system keeps them.
const CACHE_LEN: usize = 256 << 20;

/// Crashed drafts of one process id before making a store is given up.
const DRAFTS_MAX: u32 = 1000;

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
/// it for the time of a few page reads. Up to 256 MiB of the file are kept in
/// memory. Clone-free: share it as an `Arc`.
///
/// Dropping it finishes what is queued and joins the writer, so that the file
/// can be opened again at once.
#[derive(Debug)]
pub struct RedbStore {
    /// Goes before the writer, which closes the database.
    database: Arc<Database>,
    writer: Writer,
}

impl RedbStore {
    /// Opens the store in that file, or makes a new one where no file is.
    ///
    /// A new store gets its name when it is complete. A crash before leaves at
    /// most a file `NAME.new-P-N` beside it, which nobody opens again; the
    /// folder has to allow hard links. Cost: O(1), after a crash O(n) in the
    /// rows.
    ///
    /// # Errors
    /// - [`OpenError::Newer`]: update this program.
    /// - [`OpenError::Locked`]: close the other one.
    /// - [`OpenError::Corrupt`]: restore the file from a copy. An empty file is
    ///   a lost store, not a new one.
    /// - [`OpenError::Io`]: path or rights are wrong, or the thread that writes
    ///   could not be started.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        Self::start(guarded(|| open_or_create(path))?)
    }

    /// Opens the store in that file after checking every byte that it uses:
    /// the way to find out whether a disk still holds what was written. Cost:
    /// O(n) in the rows.
    ///
    /// # Errors
    /// Those of [`open`](Self::open). A missing file is [`OpenError::Io`].
    pub fn open_verified(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        Self::start(guarded(|| {
            let mut database = open_existing(path)?;
            match database.check_integrity().map_err(redb::Error::from)? {
                true => Ok(database),
                false => Err(OpenError::Corrupt("checksums do not fit".into())),
            }
        })?)
    }

    fn start(database: Database) -> Result<Self, OpenError> {
        let database = Arc::new(database);
        let writer = Writer::start(Arc::clone(&database)).map_err(OpenError::Io)?;
        Ok(Self { database, writer })
    }

    /// Asks a question of one snapshot. A panic inside redb becomes damage.
    fn ask<T>(
        &self,
        question: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.writer.has_failed() {
            return Err(StoreError::new(StoreErrorKind::Closed));
        }
        let answer = catch_unwind(AssertUnwindSafe(|| {
            let snapshot = self.database.begin_read().map_err(store_error)?;
            question(&snapshot)
        }));
        answer.unwrap_or_else(|_| {
            self.writer.fail();
            Err(StoreError::new(StoreErrorKind::Corrupt))
        })
    }
}

/// redb checks pages as it meets them, and meets hostile ones with a panic.
fn guarded(open: impl FnOnce() -> Result<Database, OpenError>) -> Result<Database, OpenError> {
    catch_unwind(AssertUnwindSafe(open))
        .unwrap_or_else(|_| Err(OpenError::Corrupt("file cannot be read".into())))
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_LEN);
    builder
}

fn open_or_create(path: &Path) -> Result<Database, OpenError> {
    if path.try_exists().map_err(OpenError::Io)? {
        return open_existing(path);
    }
    match create(path) {
        // Somebody else made it in the meantime.
        Err(OpenError::Io(error)) if error.kind() == ErrorKind::AlreadyExists => {
            open_existing(path)
        }
        answer => answer,
    }
}

fn open_existing(path: &Path) -> Result<Database, OpenError> {
    let database = builder().open(path).map_err(redb::Error::from)?;
    match read_version(&database)? {
        FILE_VERSION => Ok(database),
        found if found > FILE_VERSION => Err(OpenError::Newer {
            found,
            supported: FILE_VERSION,
        }),
        _ => Err(OpenError::Corrupt("no such data version".into())),
    }
}

/// Makes the store under a name of its own, then gives it the name asked for,
/// unless there is such a file by now.
fn create(path: &Path) -> Result<Database, OpenError> {
    let (draft, file) = draft_beside(path).map_err(OpenError::Io)?;
    let filled = fill(file).and_then(|database| {
        std::fs::hard_link(&draft, path).map_err(OpenError::Io)?;
        Ok(database)
    });
    // It has the other name, or is of no use.
    let removed = std::fs::remove_file(&draft);
    let database = filled?;
    removed.map_err(OpenError::Io)?;
    sync_folder(path).map_err(OpenError::Io)?;
    Ok(database)
}

/// A new file that nobody else, on this machine or another, works on.
fn draft_beside(path: &Path) -> std::io::Result<(PathBuf, File)> {
    let mut number = 0_u32;
    loop {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".new-{}-{number}", std::process::id()));
        let opened = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&name);
        match opened {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && number < DRAFTS_MAX => {
                number = number.saturating_add(1);
            }
            opened => return Ok((name.into(), opened?)),
        }
    }
}

fn fill(file: File) -> Result<Database, OpenError> {
    let database = builder().create_file(file).map_err(redb::Error::from)?;
    write_version(&database)?;
    Ok(database)
}

/// A name is durable when its folder is.
#[cfg(unix)]
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

/// Other systems write names through, or offer no way to.
#[cfg(not(unix))]
const fn sync_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}

fn read_version(database: &Database) -> Result<u64, redb::Error> {
    let snapshot = database.begin_read()?;
    let version = snapshot.open_table(META)?.get(VERSION)?;
    Ok(version.map_or(0, |found| found.value()))
}

fn write_version(database: &Database) -> Result<(), OpenError> {
    let write = || {
        let transaction = database.begin_write()?;
        transaction
            .open_table(META)?
            .insert(VERSION, FILE_VERSION)?;
        transaction.commit()?;
        Ok::<(), redb::Error>(())
    };
    Ok(write()?)
}

#[async_trait::async_trait]
impl Store for RedbStore {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.ask(|snapshot| keys.iter().map(|key| value(snapshot, key)).collect())
    }

    async fn scan(&self, scan: &Scan) -> Result<Page, StoreError> {
        self.ask(|snapshot| page(snapshot, scan))
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.writer.commit(batch).await
    }
}

fn value(snapshot: &ReadTransaction, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
    let in_space = |error: redb::Error| store_error(error).in_space(key.space());
    let Some(table) = table_in(snapshot, key.space())? else {
        return Ok(None);
    };
    let found = table.get(key.as_bytes()).map_err(|e| in_space(e.into()))?;
    Ok(found.map(|value| value.value().to_vec()))
}

fn page(snapshot: &ReadTransaction, scan: &Scan) -> Result<Page, StoreError> {
    let space = scan.space();
    let in_space = |error: redb::Error| store_error(error).in_space(space);
    let Some(table) = table_in(snapshot, space)? else {
        return Page::collect(scan, std::iter::empty());
    };
    let rows = match scan.to() {
        Some(to) => table.range::<&[u8]>(scan.from()..to),
        None => table.range::<&[u8]>(scan.from()..),
    }
    .map_err(|error| in_space(error.into()))?;
    let stored = |row: Result<(Bytes<'_>, Bytes<'_>), redb::StorageError>| {
        let (key, value) = row.map_err(|error| in_space(error.into()))?;
        let damaged = |error| {
            StoreError::new(StoreErrorKind::Corrupt)
                .in_space(space)
                .because(error)
        };
        Ok(StoredRow {
            key: Key::new(space, key.value()).map_err(damaged)?,
            value: value.value().to_vec(),
        })
    };
    match scan.order() {
        Order::Ascending => Page::collect(scan, rows.map(stored)),
        Order::Descending => Page::collect(scan, rows.rev().map(stored)),
    }
}

type Bytes<'a> = redb::AccessGuard<'a, &'static [u8]>;
type Rows = redb::ReadOnlyTable<&'static [u8], &'static [u8]>;

/// The table of a space; `None` before the first write to it.
fn table_in(snapshot: &ReadTransaction, space: Space) -> Result<Option<Rows>, StoreError> {
    match snapshot.open_table(table_of(space)) {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(store_error(error).in_space(space)),
    }
}

#[cfg(test)]
mod tests;
