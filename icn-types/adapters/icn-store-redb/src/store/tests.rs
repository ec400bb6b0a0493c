//! What callers hear when the disk fails below redb, or redb itself does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use futures::FutureExt as _;
use futures::executor::block_on;
use futures::future::join_all;
use icn_types::host::Table;
use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use super::*;
use crate::writer::QUEUE_LEN;

const ROWS: Table<u64, u64> = Table::new("test/row", 1);

/// What a step of the disk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Work,
    Fail,
    Panic,
}

/// What the three kinds of steps do from now on.
#[derive(Clone, Copy, Debug)]
struct Mood {
    read: Step,
    write: Step,
    sync: Step,
}

const SOUND: Mood = Mood {
    read: Step::Work,
    write: Step::Work,
    sync: Step::Work,
};

/// A disk in memory that fails on demand.
#[derive(Clone, Debug)]
struct Disk {
    bytes: Arc<InMemoryBackend>,
    mood: Arc<Mutex<Mood>>,
    /// Whoever holds it holds up each sync.
    gate: Arc<Mutex<()>>,
    /// Syncs that met a closed gate.
    waiting: Arc<AtomicUsize>,
}

impl Disk {
    fn new() -> Self {
        Self {
            bytes: Arc::new(InMemoryBackend::new()),
            mood: Arc::new(Mutex::new(SOUND)),
            gate: Arc::default(),
            waiting: Arc::default(),
        }
    }

    fn feel(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    fn step(&self, of: fn(&Mood) -> Step) -> std::io::Result<()> {
        let step = of(&self.mood.lock().unwrap_or_else(PoisonError::into_inner));
        match step {
            Step::Work => Ok(()),
            Step::Fail => Err(std::io::Error::other("disk on fire")),
            Step::Panic => panic!("disk on fire"),
        }
    }

    fn store(&self) -> RedbStore {
        let mut builder = Database::builder();
        // Nothing is answered from memory.
        builder.set_cache_size(0);
        RedbStore::start(builder.create_with_backend(self.clone()).unwrap()).unwrap()
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> std::io::Result<u64> {
        self.bytes.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.step(|mood| mood.read)?;
        self.bytes.read(offset, out)
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.bytes.set_len(len)
    }

    fn sync_data(&self) -> std::io::Result<()> {
        self.step(|mood| mood.sync)?;
        if self.gate.try_lock().is_err() {
            self.waiting.fetch_add(1, Ordering::AcqRel);
            drop(self.gate.lock().unwrap_or_else(PoisonError::into_inner));
        }
        self.bytes.sync_data()
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
        self.step(|mood| mood.write)?;
        self.bytes.write(offset, bytes)
    }
}

fn row(number: u64) -> Batch {
    let mut batch = Batch::new();
    batch.put(ROWS.key(&number), vec![7; 200]).unwrap();
    batch
}

fn kind<T>(answer: Result<T, StoreError>) -> Option<StoreErrorKind> {
    answer.err().map(|error| error.kind())
}

/// Everything that is asked after a failure.
fn assert_closed(store: &RedbStore) {
    let closed = Some(StoreErrorKind::Closed);
    assert_eq!(kind(block_on(store.commit(row(9)))), closed);
    assert_eq!(kind(block_on(store.commit(Batch::new()))), closed);
    assert_eq!(kind(block_on(store.read(&[ROWS.key(&0)]))), closed);
    assert_eq!(kind(block_on(store.scan(&ROWS.scan()))), closed);
}

#[test]
fn disk_that_fails_to_write_closes_the_store() {
    let moods = [
        Mood {
            write: Step::Fail,
            ..SOUND
        },
        Mood {
            write: Step::Panic,
            ..SOUND
        },
        Mood {
            sync: Step::Fail,
            ..SOUND
        },
        Mood {
            sync: Step::Panic,
            ..SOUND
        },
    ];
    for mood in moods {
        let disk = Disk::new();
        let store = disk.store();
        block_on(store.commit(row(0))).unwrap();
        disk.feel(mood);
        let answers = block_on(join_all((1..300).map(|number| store.commit(row(number)))));
        for answer in answers {
            let error = answer.unwrap_err();
            assert!(
                matches!(
                    error.kind(),
                    StoreErrorKind::Uncertain | StoreErrorKind::Closed
                ),
                "{mood:?}: {error:?}"
            );
            assert!(!error.is_retryable());
        }
        assert_closed(&store);
        drop(store);
    }
}

#[test]
fn what_was_committed_outlives_a_failed_commit() {
    let disk = Disk::new();
    let store = disk.store();
    block_on(store.commit(row(0))).unwrap();
    disk.feel(Mood {
        write: Step::Fail,
        ..SOUND
    });
    assert!(block_on(store.commit(row(1))).is_err());
    drop(store);
    disk.feel(SOUND);
    let store = disk.store();
    let rows = block_on(store.read(&[ROWS.key(&0)])).unwrap();
    assert!(rows[0].is_some());
    block_on(store.commit(row(2))).unwrap();
}

#[test]
fn disk_that_fails_to_read_is_no_panic_and_no_answer() {
    for (step, expected) in [
        (Step::Fail, StoreErrorKind::Closed),
        (Step::Panic, StoreErrorKind::Corrupt),
    ] {
        let disk = Disk::new();
        let store = disk.store();
        for number in 0..100 {
            block_on(store.commit(row(number))).unwrap();
        }
        disk.feel(Mood {
            read: step,
            ..SOUND
        });
        let answer = block_on(store.scan(&ROWS.scan()));
        assert_eq!(kind(answer), Some(expected), "{step:?}");
        assert_closed(&store);
    }
}

#[test]
fn queue_takes_so_many_commits_and_the_rest_waits_outside() {
    let disk = Disk::new();
    let store = disk.store();
    let gate = disk.gate.lock().unwrap();
    let mut first = store.commit(row(0));
    assert!((&mut first).now_or_never().is_none());
    while disk.waiting.load(Ordering::Acquire) == 0 {
        std::thread::yield_now();
    }
    // The writer stands still. What was queued happens although nobody waits
    // for it, what was not queued does not.
    let mut commits: Vec<_> = (1..2000).map(|number| store.commit(row(number))).collect();
    for commit in &mut commits {
        assert!(commit.now_or_never().is_none());
    }
    drop(commits);
    drop(gate);
    block_on(first).unwrap();
    block_on(store.commit(row(5000))).unwrap();
    let scan = ROWS.scan().limit(3000.try_into().unwrap());
    let rows = block_on(store.scan(&scan)).unwrap().rows.len();
    assert!(rows > QUEUE_LEN && rows <= QUEUE_LEN + 4, "{rows} rows");
}

#[test]
fn many_more_commits_than_the_queue_takes_all_arrive() {
    let store = Disk::new().store();
    let answers = block_on(join_all((0..2000).map(|number| store.commit(row(number)))));
    assert!(answers.iter().all(Result::is_ok));
}
