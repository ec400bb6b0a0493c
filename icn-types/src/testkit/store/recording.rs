use alloc::boxed::Box;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Coded as _;
use crate::hash::Hasher;
use crate::host::{
    Batch, Key, Order, Page, Precondition, Scan, Store, StoreError, StoredRow, Write,
};
use crate::id::Hex;

/// Hashes every call and every answer of a store, in the order in which they
/// happen, so that two runs compare by one string.
///
/// A call counts when it is polled first and its answer when it is there, so a
/// dropped future leaves its call alone. Of an error the code and the space
/// count, not what caused it.
#[derive(Debug)]
pub struct Recording<S> {
    inner: S,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    calls: u64,
    hasher: Hasher,
}

/// What a line of the log is about.
#[derive(Clone, Copy)]
enum Line {
    Read = 0,
    Scan = 1,
    Commit = 2,
    Values = 3,
    Page = 4,
    Done = 5,
    Failed = 6,
}

impl<S> Recording<S> {
    /// Records from now on.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            log: Mutex::default(),
        }
    }

    /// The store beneath.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// Calls so far.
    pub fn calls(&self) -> u64 {
        self.log().calls
    }

    /// SHA-256 of everything so far, in 64 lower-case hex digits.
    pub fn digest(&self) -> String {
        Hex(&self.log().hasher.clone().finish()).to_string()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the call.
    fn called(&self, line: Line, write: impl FnOnce(&mut Hasher)) -> u64 {
        let mut log = self.log();
        let number = log.calls;
        log.calls = number.saturating_add(1);
        log.line(number, line, write);
        number
    }

    fn answered<T>(
        &self,
        number: u64,
        line: Line,
        answer: &Result<T, StoreError>,
        write: impl FnOnce(&mut Hasher, &T),
    ) {
        let mut log = self.log();
        match answer {
            Ok(answer) => log.line(number, line, |hasher| write(hasher, answer)),
            Err(error) => log.line(number, Line::Failed, |hasher| {
                bytes(hasher, error.code().as_bytes());
                option(hasher, error.space().map(|s| s.as_str().as_bytes()));
            }),
        }
    }
}

impl Log {
    fn line(&mut self, number: u64, line: Line, write: impl FnOnce(&mut Hasher)) {
        self.hasher.update(&number.to_be_bytes());
        self.hasher.update(&[line as u8]);
        write(&mut self.hasher);
    }
}

#[cfg_attr(not(target_family = "wasm"), async_trait::async_trait)]
#[cfg_attr(target_family = "wasm", async_trait::async_trait(?Send))]
#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for Recording<S> {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let number = self.called(Line::Read, |hasher| each(hasher, keys, key));
        let answer = self.inner.read(keys).await;
        self.answered(number, Line::Values, &answer, |hasher, values| {
            each(hasher, values, |hasher, value| {
                option(hasher, value.as_deref());
            });
        });
        answer
    }

    async fn scan(&self, scan: &Scan) -> Result<Page, StoreError> {
        let number = self.called(Line::Scan, |hasher| question(hasher, scan));
        let answer = self.inner.scan(scan).await;
        self.answered(number, Line::Page, &answer, |hasher, page| {
            each(hasher, &page.rows, row);
            each(hasher, page.next.as_slice(), question);
        });
        answer
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let number = self.called(Line::Commit, |hasher| {
            each(hasher, batch.preconditions(), precondition);
            each(hasher, batch.writes(), write);
        });
        let answer = self.inner.commit(batch).await;
        self.answered(number, Line::Done, &answer, |_, ()| {});
        answer
    }
}

fn each<T>(hasher: &mut Hasher, items: &[T], one: impl Fn(&mut Hasher, &T)) {
    length(hasher, items.len());
    for item in items {
        one(hasher, item);
    }
}

fn length(hasher: &mut Hasher, len: usize) {
    hasher.update(&u64::try_from(len).unwrap_or(u64::MAX).to_be_bytes());
}

fn bytes(hasher: &mut Hasher, bytes: &[u8]) {
    length(hasher, bytes.len());
    hasher.update(bytes);
}

fn option(hasher: &mut Hasher, value: Option<&[u8]>) {
    each(hasher, value.as_slice(), |hasher, value| {
        bytes(hasher, value);
    });
}

fn key(hasher: &mut Hasher, key: &Key) {
    bytes(hasher, key.space().as_str().as_bytes());
    bytes(hasher, key.as_bytes());
}

fn row(hasher: &mut Hasher, row: &StoredRow) {
    key(hasher, &row.key);
    bytes(hasher, &row.value);
}

fn precondition(hasher: &mut Hasher, precondition: &Precondition) {
    key(hasher, precondition.key());
    option(
        hasher,
        match precondition {
            Precondition::Absent(_) => None,
            Precondition::Equals(_, value) => Some(value),
        },
    );
}

fn write(hasher: &mut Hasher, write: &Write) {
    key(hasher, write.key());
    option(
        hasher,
        match write {
            Write::Put(_, value) => Some(value),
            Write::Delete(_) => None,
        },
    );
}

fn question(hasher: &mut Hasher, scan: &Scan) {
    bytes(hasher, scan.space().as_str().as_bytes());
    bytes(hasher, scan.from());
    option(hasher, scan.to());
    hasher.update(&[match scan.order() {
        Order::Ascending => 0,
        Order::Descending => 1,
    }]);
    hasher.update(&scan.rows_max().get().to_be_bytes());
}
