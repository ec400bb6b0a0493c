//! One thread that writes, so that commits in flight share a transaction.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use futures::channel::{mpsc, oneshot};
use futures::lock::Mutex;
use futures::{SinkExt, StreamExt};
use icn_types::host::{Batch, Space, StoreError, StoreErrorKind, Write};
use redb::{Database, ReadableTable, Table, WriteTransaction};

use crate::error::kind_of;
use crate::store::table_of;

/// Batches that wait; a commit beyond them waits before it is queued.
pub(crate) const QUEUE_LEN: usize = 256;

/// Most bytes of keys and values in one transaction, so that a flush stays
/// short. One batch may exceed it.
const GROUP_BYTES_MAX: usize = 16 << 20;

type Answer = Result<(), StoreError>;

struct Request {
    batch: Batch,
    answer: oneshot::Sender<Answer>,
}

/// The queue and the thread behind it.
#[derive(Debug)]
pub(crate) struct Writer {
    /// One sender for all: every clone of it would add a place to the queue.
    queue: Option<Mutex<mpsc::Sender<Request>>>,
    thread: Option<JoinHandle<()>>,
    failed: Arc<AtomicBool>,
}

impl Writer {
    pub(crate) fn start(database: Arc<Database>) -> std::io::Result<Self> {
        let (queue, requests) = mpsc::channel(QUEUE_LEN);
        let failed = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&failed);
        let thread = std::thread::Builder::new()
            .name("icn-store-redb".into())
            .spawn(move || run(&database, requests, &flag))?;
        Ok(Self {
            queue: Some(Mutex::new(queue)),
            thread: Some(thread),
            failed,
        })
    }

    /// Whether something failed earlier: nothing is answered after that.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// From now on nothing is answered.
    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::Release);
    }

    pub(crate) async fn commit(&self, batch: Batch) -> Answer {
        let closed = || StoreError::new(StoreErrorKind::Closed);
        if self.has_failed() {
            return Err(closed());
        }
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        let (answer, outcome) = oneshot::channel();
        queue
            .lock()
            .await
            .send(Request { batch, answer })
            .await
            .map_err(|_| closed())?;
        outcome
            .await
            .unwrap_or_else(|_| Err(StoreError::new(StoreErrorKind::Uncertain)))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // It catches its own panics; there is nobody to tell.
            drop(thread.join());
        }
    }
}

fn run(database: &Database, mut requests: mpsc::Receiver<Request>, failed: &AtomicBool) {
    while let Some(first) = futures::executor::block_on(requests.next()) {
        if failed.load(Ordering::Acquire) {
            refuse(first);
            break;
        }
        let mut len = first.batch.bytes_len();
        let mut group = vec![first];
        while len < GROUP_BYTES_MAX && group.len() < QUEUE_LEN {
            let Ok(request) = requests.try_recv() else {
                break;
            };
            len = len.saturating_add(request.batch.bytes_len());
            group.push(request);
        }
        let (batches, answers): (Vec<_>, Vec<_>) =
            group.into_iter().map(|r| (r.batch, r.answer)).unzip();
        match write_group(database, batches) {
            Ok(verdicts) => {
                for (answer, verdict) in answers.into_iter().zip(verdicts) {
                    // A caller that went away learns the outcome by reading.
                    drop(answer.send(verdict));
                }
            }
            Err(failure) => {
                // Before the answers, so that whoever hears one finds it closed.
                failed.store(true, Ordering::Release);
                failure.tell(answers);
                break;
            }
        }
    }
    // It stays until the store goes, and so is the last to hold the database:
    // after a panic closing may panic again, which is no caller's business.
    while let Some(request) = futures::executor::block_on(requests.next()) {
        refuse(request);
    }
}

/// Tells a caller whose batch was never begun.
fn refuse(request: Request) {
    drop(
        request
            .answer
            .send(Err(StoreError::new(StoreErrorKind::Closed))),
    );
}

enum Failure {
    /// The transaction was not committed.
    Before(redb::Error),
    /// Committing failed: it may be in the file.
    During(redb::Error),
    /// redb met what it did not expect; how far it got is unknown.
    Panic,
}

impl Failure {
    fn tell(self, answers: Vec<oneshot::Sender<Answer>>) {
        let (kind, cause) = match self {
            Self::Before(error) => (kind_of(&error), Some(Arc::new(error))),
            Self::During(error) => (StoreErrorKind::Uncertain, Some(Arc::new(error))),
            Self::Panic => (StoreErrorKind::Uncertain, None),
        };
        for answer in answers {
            let error = StoreError::new(kind);
            let error = match &cause {
                Some(cause) => error.because(Arc::clone(cause)),
                None => error,
            };
            drop(answer.send(Err(error)));
        }
    }
}

/// One verdict per batch, all of them true and durable.
fn write_group(database: &Database, batches: Vec<Batch>) -> Result<Vec<Answer>, Failure> {
    catch_unwind(AssertUnwindSafe(|| {
        write_group_unguarded(database, batches)
    }))
    .unwrap_or(Err(Failure::Panic))
}

fn write_group_unguarded(database: &Database, batches: Vec<Batch>) -> Result<Vec<Answer>, Failure> {
    let transaction = database
        .begin_write()
        .map_err(|error| Failure::Before(error.into()))?;
    let verdicts = {
        let mut tables = Tables::of(&transaction);
        batches
            .into_iter()
            .map(|batch| tables.apply(batch))
            .collect::<Result<Vec<_>, _>>()
            .map_err(Failure::Before)?
    };
    transaction
        .commit()
        .map_err(|error| Failure::During(error.into()))?;
    Ok(verdicts)
}

/// Tables that the transaction has opened; a table is opened once.
struct Tables<'t> {
    transaction: &'t WriteTransaction,
    open: BTreeMap<Space, Table<'t, &'static [u8], &'static [u8]>>,
}

impl<'t> Tables<'t> {
    const fn of(transaction: &'t WriteTransaction) -> Self {
        Self {
            transaction,
            open: BTreeMap::new(),
        }
    }

    /// A conflict is found before the first write, so it leaves no trace.
    fn apply(&mut self, batch: Batch) -> Result<Answer, redb::Error> {
        for precondition in batch.preconditions() {
            let key = precondition.key();
            let table = self.table(key.space())?;
            let value = table.get(key.as_bytes())?;
            if !precondition.holds(value.as_ref().map(redb::AccessGuard::value)) {
                let conflict = StoreError::new(StoreErrorKind::Conflict).in_space(key.space());
                return Ok(Err(conflict));
            }
        }
        let mut by_space: BTreeMap<Space, Vec<&Write>> = BTreeMap::new();
        for write in batch.writes() {
            by_space.entry(write.key().space()).or_default().push(write);
        }
        for (space, mut writes) in by_space {
            // Neighbours share pages. The sort is stable, so the last write to a
            // key stays the last; it moves pointers, as writes are large.
            writes.sort_by(|left, right| left.key().as_bytes().cmp(right.key().as_bytes()));
            let table = self.table(space)?;
            for write in writes {
                match write {
                    Write::Put(key, value) => drop(table.insert(key.as_bytes(), value.as_slice())?),
                    Write::Delete(key) => drop(table.remove(key.as_bytes())?),
                }
            }
        }
        Ok(Ok(()))
    }

    fn table(
        &mut self,
        space: Space,
    ) -> Result<&mut Table<'t, &'static [u8], &'static [u8]>, redb::Error> {
        match self.open.entry(space) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let table = self.transaction.open_table(table_of(space))?;
                Ok(entry.insert(table))
            }
        }
    }
}
