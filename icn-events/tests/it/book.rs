//! A book in a store: durable when it answers, legal whenever it is cut off.

use std::sync::Arc;

use futures::executor::block_on;
use icn_events::book::{StoredBook, StoredBookError};
use icn_ledger::book::{
    AccountKey, Batch, Book, EntryId, Hold, Limits, Memo, Part, Request, Resolve, RestoreError,
    Transfer, UnitKey,
};
use icn_ledger::unit::Scale;
use icn_ledger::{Unit, UnitCode};
use icn_types::amount::Amount;
use icn_types::error::{Coded as _, Fault as Blame};
use icn_types::host::{Batch as Rows, Key, MemoryStore, Scan, Space, Store, StoreErrorKind};
use icn_types::id::{DomainId, OperationKey};
use icn_types::testkit::faulty::{Fault, Faulty};
use icn_types::time::Timestamp;

use super::node::crash::{Drowsy, poll_times};

const HOURS: UnitKey = UnitKey::new(0);
const ALICE: AccountKey = AccountKey::new(0);
const BOB: AccountKey = AccountKey::new(1);

fn amount(atoms: u64) -> Amount {
    Amount::new(atoms).unwrap()
}

fn request(number: u8, action: impl Into<icn_ledger::book::Action>) -> Request {
    let key = OperationKey::from_bytes([number; 32]);
    Request::new(key, Timestamp::from_millis(number.into()), action)
}

fn found(book: &mut Book) {
    let unit = Unit {
        issuer: DomainId::from_bytes([7; 32]),
        code: UnitCode::new("hours").unwrap(),
        scale: Scale::new(1).unwrap(),
        min_leg: amount(1),
    };
    let unit = book.define(unit).unwrap();
    for name in ["alice", "bob"] {
        book.open(&name.parse().unwrap(), unit, Limits::from(-1_000_000))
            .unwrap();
    }
}

/// The changes of a small history, one commit each.
fn change(book: &mut Book, number: u8) {
    let pay = Transfer::between(BOB, ALICE, HOURS, amount(10));
    match number {
        0 => found(book),
        1 => {
            let hold = Hold {
                payer: ALICE,
                payee: BOB,
                unit: HOURS,
                amount: amount(3),
            };
            book.post(&request(1, hold)).unwrap();
        }
        2 => {
            let requests = [10, 11, 12].map(|key| request(key, pay.clone()));
            let posted = book.post_all(Batch::Atomic, &requests);
            assert!(posted.iter().all(Result::is_ok));
        }
        3 => {
            let hold = book.open_holds().next().unwrap().0;
            let resolve = Resolve { hold, posted: None };
            book.post(&request(2, resolve)).unwrap();
        }
        _ => drop(book.post(&request(number, pay)).unwrap()),
    }
}

const CHANGES: u8 = 5;

/// Heads before the first and after each change.
fn heads() -> Vec<Option<EntryId>> {
    let mut book = Book::new();
    let after = |number| {
        change(&mut book, number);
        book.head()
    };
    [None].into_iter().chain((0..CHANGES).map(after)).collect()
}

fn open(store: impl Store + 'static) -> StoredBook {
    block_on(StoredBook::open(Arc::new(store))).unwrap()
}

/// Does the changes from one on; how many were answered for, and what ended it.
fn go_on(stored: &mut StoredBook, from: u8) -> (u8, Result<(), StoredBookError>) {
    for number in from..CHANGES {
        if let Err(error) = block_on(stored.change(|book| change(book, number))) {
            return (number, Err(error));
        }
    }
    (CHANGES, Ok(()))
}

/// Opens what a crash left and brings it to the end.
fn finish(store: &MemoryStore, answered: u8) {
    let heads = heads();
    let mut stored = open(store.clone());
    let head = stored.book().unwrap().head();
    let at = heads.iter().position(|known| *known == head).unwrap();
    let answered = usize::from(answered);
    assert!(at == answered || at == answered + 1, "{at} of {answered}");
    stored.book().unwrap().verify().unwrap();
    let (_, ended) = go_on(&mut stored, u8::try_from(at).unwrap());
    ended.unwrap();
    assert_eq!(open(store.clone()).book().unwrap().head(), heads[5]);
}

#[test]
fn whichever_store_call_fails_the_book_is_before_or_after_the_change() {
    let counted = Arc::new(Faulty::new(MemoryStore::new(), []));
    let mut stored = block_on(StoredBook::open(counted.clone())).unwrap();
    let opening = counted.calls();
    go_on(&mut stored, 0).1.unwrap();
    let calls = counted.calls();
    assert_eq!(calls, opening + u64::from(CHANGES), "one commit per change");
    for call in opening..calls {
        for fault in [Fault::Refused, Fault::UncertainDone, Fault::UncertainLost] {
            let store = MemoryStore::new();
            let mut stored = open(Faulty::new(store.clone(), [(call, fault)]));
            let (answered, ended) = go_on(&mut stored, 0);
            assert!(matches!(ended.unwrap_err(), StoredBookError::Store(_)));
            let error = stored.book().unwrap_err();
            assert!(matches!(error, StoredBookError::Interrupted));
            assert_eq!(error.code(), "book.interrupted");
            assert_eq!(error.fault(), Blame::Caller);
            let again = block_on(stored.change(|_| ())).unwrap_err();
            assert!(matches!(again, StoredBookError::Interrupted));
            finish(&store, answered);
        }
    }
}

#[test]
fn a_store_that_fails_while_a_book_opens_is_opened_later() {
    let store = MemoryStore::new();
    go_on(&mut open(store.clone()), 0).1.unwrap();
    for call in 0..3 {
        let faulty = Faulty::new(store.clone(), [(call, Fault::Refused)]);
        let error = block_on(StoredBook::open(Arc::new(faulty))).unwrap_err();
        assert!(matches!(error, StoredBookError::Store(_)));
    }
    finish(&store, CHANGES);
}

#[test]
fn a_change_that_is_dropped_at_any_await_happened_or_did_not() {
    for number in 0..CHANGES {
        let mut polls = 0;
        loop {
            let store = MemoryStore::new();
            let mut stored = open(store.clone());
            for earlier in 0..number {
                block_on(stored.change(|book| change(book, earlier))).unwrap();
            }
            let drowsy = Arc::new(Drowsy::new(store.clone()));
            let mut stored = block_on(StoredBook::open(drowsy)).unwrap();
            let changed = poll_times(stored.change(|book| change(book, number)), polls);
            let is_done = changed.is_some();
            assert_eq!(stored.book().is_ok(), is_done || polls == 0);
            finish(&store, number + u8::from(is_done));
            if is_done {
                break;
            }
            polls += 1;
        }
        assert_eq!(polls, 3, "a commit waits before and after");
    }
}

#[test]
fn of_two_who_write_to_one_store_the_second_is_refused() {
    let store = MemoryStore::new();
    let (mut one, mut other) = (open(store.clone()), open(store.clone()));
    for stored in [&mut one, &mut other] {
        block_on(stored.change(|_| ())).unwrap(); // writes nothing
    }
    block_on(one.change(|book| change(book, 0))).unwrap();
    let refused = block_on(other.change(|book| change(book, 0))).unwrap_err();
    assert_eq!(refused.code(), "store.conflict");
    let mut other = open(store);
    block_on(other.change(|book| change(book, 1))).unwrap();
    let StoredBookError::Store(error) = block_on(one.change(|book| change(book, 1))).unwrap_err()
    else {
        panic!("another error");
    };
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
}

#[test]
fn a_change_into_another_book_is_refused() {
    let store = MemoryStore::new();
    let mut stored = open(store.clone());
    block_on(stored.change(|book| change(book, 0))).unwrap();
    let error = block_on(stored.change(|book| *book = Book::new())).unwrap_err();
    assert!(matches!(
        error,
        StoredBookError::Restore(RestoreError::Head)
    ));
    assert_eq!(error.code(), "book.restore.head");
    finish(&store, 1);
}

#[test]
fn a_change_larger_than_a_batch_is_refused_and_leaves_the_store_as_it_was() {
    let store = MemoryStore::new();
    let mut stored = open(store.clone());
    block_on(stored.change(|book| change(book, 0))).unwrap();
    let memo = Memo::new(&"m".repeat(Memo::LEN_MAX)).unwrap();
    let parts = |account| {
        let part = Part {
            account,
            unit: HOURS,
            amount: amount(1),
        };
        [part; 64]
    };
    let change = |book: &mut Book| {
        for number in 0..40_000_u64 {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_be_bytes());
            let (payer, payee) = if number % 2 == 0 {
                (ALICE, BOB)
            } else {
                (BOB, ALICE)
            };
            let pay = Transfer::new(parts(payer), parts(payee)).unwrap();
            let key = OperationKey::from_bytes(key);
            let mut request = Request::new(key, Timestamp::from_millis(0), pay);
            request.memo = Some(memo.clone());
            book.post(&request).unwrap();
        }
    };
    let error = block_on(stored.change(change)).unwrap_err();
    assert!(matches!(error, StoredBookError::Limit(_)));
    finish(&store, 1);
}

#[test]
fn rows_that_nobody_wrote_are_refused() {
    let store = MemoryStore::new();
    go_on(&mut open(store.clone()), 0).1.unwrap();
    for name in ["book/head", "book/run", "book/account"] {
        let rows = block_on(store.scan(&Scan::all(Space::new(name))))
            .unwrap()
            .rows;
        for row in rows {
            let copy = copy_without(&store, &row.key);
            let error = block_on(StoredBook::open(Arc::new(copy.clone()))).unwrap_err();
            assert!(matches!(error, StoredBookError::Restore(_)), "{error:?}");
            let mut batch = Rows::new();
            batch.put(row.key.clone(), [9].to_vec()).unwrap();
            block_on(copy.commit(batch)).unwrap();
            let error = block_on(StoredBook::open(Arc::new(copy))).unwrap_err();
            assert!(matches!(error, StoredBookError::Row(_)), "{error:?}");
            assert_eq!(error.code(), "store.row.newer");
        }
    }
}

fn copy_without(store: &MemoryStore, missing: &Key) -> MemoryStore {
    let copy = MemoryStore::new();
    let mut batch = Rows::new();
    for name in ["book/head", "book/run", "book/account"] {
        let page = block_on(store.scan(&Scan::all(Space::new(name)))).unwrap();
        assert!(page.next.is_none());
        for row in page.rows {
            if row.key != *missing {
                batch.put(row.key, row.value).unwrap();
            }
        }
    }
    block_on(copy.commit(batch)).unwrap();
    copy
}
