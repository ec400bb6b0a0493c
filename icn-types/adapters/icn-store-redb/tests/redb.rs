//! The redb store keeps the laws, and refuses files it must not touch.

#![expect(clippy::unwrap_used, reason = "a test without its folder has failed")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::executor::block_on;
use futures::future::join_all;
use icn_store_redb::{FILE_VERSION, OpenError, RedbStore};
use icn_types::error::Coded as _;
use icn_types::host::{Batch, Store, StoreError, StoreErrorKind, StoredRow, Table};
use icn_types::testkit::store::{StoreFactory, check_all};
use redb::{Database, TableDefinition};
use tempfile::TempDir;

const ROWS: Table<u64, u64> = Table::new("test/row", 1);

struct Files {
    folder: TempDir,
    made: AtomicUsize,
}

impl Files {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            made: AtomicUsize::new(0),
        }
    }

    fn path(&self, number: usize) -> PathBuf {
        self.folder.path().join(number.to_string())
    }
}

impl StoreFactory for Files {
    type Store = RedbStore;

    fn fresh(&self) -> Result<RedbStore, StoreError> {
        let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(RedbStore::open(self.path(number))?)
    }

    fn reopen(&self, store: RedbStore) -> Result<Option<RedbStore>, StoreError> {
        drop(store);
        let number = self.made.load(Ordering::Relaxed);
        Ok(Some(RedbStore::open(self.path(number))?))
    }
}

fn row(number: u64) -> Batch {
    let mut batch = Batch::new();
    ROWS.absent(&mut batch, &number).unwrap();
    ROWS.put(&mut batch, &number, &number).unwrap();
    batch
}

#[test]
fn redb_store_keeps_the_laws() {
    block_on(check_all(&Files::new())).unwrap();
}

#[test]
fn concurrent_commits_all_arrive_and_outlive_the_store() {
    let files = Files::new();
    let store = files.fresh().unwrap();
    let answers = block_on(join_all((0..200).map(|n| store.commit(row(n % 190)))));
    let conflicts = answers.iter().filter(|answer| answer.is_err()).count();
    assert_eq!(conflicts, 10);
    let store = files.reopen(store).unwrap().unwrap();
    let page = block_on(store.scan(&ROWS.scan())).unwrap();
    assert_eq!(page.rows.len(), 190);
}

#[test]
fn second_opener_is_refused() {
    let files = Files::new();
    let _store = files.fresh().unwrap();
    let error = RedbStore::open(files.path(1)).unwrap_err();
    assert!(matches!(error, OpenError::Locked), "{error:?}");
    assert_eq!(StoreError::from(error).kind(), StoreErrorKind::Locked);
}

#[test]
fn newer_file_is_refused() {
    let files = Files::new();
    drop(files.fresh().unwrap());
    let database = Database::open(files.path(1)).unwrap();
    let write = database.begin_write().unwrap();
    write
        .open_table(TableDefinition::<&str, u64>::new("icn store"))
        .unwrap()
        .insert("data version", FILE_VERSION + 1)
        .unwrap();
    write.commit().unwrap();
    drop(database);
    let error = RedbStore::open(files.path(1)).unwrap_err();
    assert!(
        matches!(error, OpenError::Newer { found, supported } if found == supported + 1),
        "{error:?}"
    );
    assert_eq!(StoreError::from(error).kind(), StoreErrorKind::Newer);
}

#[test]
fn damaged_file_is_refused() {
    let files = Files::new();
    drop(files.fresh().unwrap());
    let sound = std::fs::read(files.path(1)).unwrap();
    let mut flipped = sound.clone();
    flipped[..64].iter_mut().for_each(|byte| *byte ^= 0xff);
    let garbage: Vec<u8> = (0..100_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes())
        .collect();
    for bytes in [
        &[][..],
        &sound[..100],
        &sound[..sound.len() / 2],
        &flipped,
        &garbage,
    ] {
        std::fs::write(files.path(1), bytes).unwrap();
        let error = RedbStore::open(files.path(1)).unwrap_err();
        assert_eq!(
            error.code(),
            "store.redb.corrupt",
            "{} bytes: {error:?}",
            bytes.len()
        );
    }
}

/// A file of 60 rows, and the rows.
fn filled(files: &Files) -> (Vec<u8>, Vec<StoredRow>) {
    let store = files.fresh().unwrap();
    for number in 0..60 {
        block_on(store.commit(row(number))).unwrap();
    }
    let rows = block_on(store.scan(&ROWS.scan())).unwrap().rows;
    drop(store);
    (std::fs::read(files.path(1)).unwrap(), rows)
}

/// Places all over the file, most of them near its start.
fn places(len: usize) -> impl Iterator<Item = usize> {
    let near = (0..400).step_by(3).chain((400..60_000).step_by(311));
    near.chain((60_000..len).step_by(20_011))
}

#[test]
fn damage_anywhere_is_an_error_but_no_panic() {
    let files = Files::new();
    let (sound, _) = filled(&files);
    let mut refused = 0;
    for place in places(sound.len()) {
        let mut bytes = sound.clone();
        bytes[place] ^= 0xff;
        std::fs::write(files.path(1), bytes).unwrap();
        let heard = RedbStore::open(files.path(1))
            .map_err(StoreError::from)
            .and_then(|store| {
                block_on(store.scan(&ROWS.scan()))?;
                block_on(store.read(&[ROWS.key(&7)]))?;
                block_on(store.commit(row(1000)))
            });
        if let Err(error) = heard {
            refused += 1;
            assert!(!error.is_retryable(), "{place}: {error:?}");
        }
    }
    assert!(refused > 0);
}

#[test]
fn verified_store_holds_what_was_written_or_is_refused() {
    let files = Files::new();
    let (sound, rows) = filled(&files);
    let mut refused = 0;
    for place in places(sound.len()) {
        let mut bytes = sound.clone();
        bytes[place] ^= 0x01;
        std::fs::write(files.path(1), bytes).unwrap();
        match RedbStore::open_verified(files.path(1)) {
            Ok(store) => {
                let found = block_on(store.scan(&ROWS.scan())).unwrap().rows;
                assert_eq!(found, rows, "byte {place}");
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 0);
}

#[test]
fn missing_folder_is_an_io_error() {
    let files = Files::new();
    let error = RedbStore::open(files.path(1).join("none")).unwrap_err();
    assert_eq!(error.code(), "store.redb.io");
    assert_eq!(StoreError::from(error).kind(), StoreErrorKind::Unavailable);
}

#[test]
fn missing_file_is_not_verified() {
    let files = Files::new();
    let error = RedbStore::open_verified(files.path(1)).unwrap_err();
    assert_eq!(error.code(), "store.redb.io");
    assert!(!files.path(1).exists());
}

#[test]
fn crash_while_creating_is_no_obstacle() {
    let files = Files::new();
    let this = std::process::id();
    // What crashes after making the draft and halfway through it leave.
    for (number, len) in [(0, 0), (1, 100_000)] {
        let draft = files.folder.path().join(format!("1.new-{this}-{number}"));
        std::fs::write(draft, vec![0; len]).unwrap();
    }
    let store = files.fresh().unwrap();
    block_on(store.commit(row(1))).unwrap();
    let store = files.reopen(store).unwrap().unwrap();
    assert!(block_on(store.read(&[ROWS.key(&1)])).unwrap()[0].is_some());
    // The store leaves no draft of its own.
    let names = std::fs::read_dir(files.folder.path()).unwrap().count();
    assert_eq!(names, 3);
}

#[test]
fn of_many_creators_one_makes_the_store() {
    let files = Files::new();
    for _ in 0..20 {
        let path = files.path(1);
        let opened: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| RedbStore::open(&path)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        let mut stores = 0;
        for answer in &opened {
            match answer {
                Ok(store) => {
                    block_on(store.commit(row(1))).unwrap();
                    stores += 1;
                }
                Err(error) => assert!(matches!(error, OpenError::Locked), "{error:?}"),
            }
        }
        assert_eq!(stores, 1);
        drop(opened);
        let store = RedbStore::open(&path).unwrap();
        assert!(block_on(store.read(&[ROWS.key(&1)])).unwrap()[0].is_some());
        drop(store);
        std::fs::remove_file(path).unwrap();
    }
}
