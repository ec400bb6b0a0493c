//! A book as rows, and out of them.

use std::collections::BTreeMap;

use icn_ledger::book::{
    AccountKey, AccountRow, Book, Changes, Close, Entry, EntryNumber, Hold, LimitChange, Limits,
    Opening, Refund, Request, Resolve, Restore, RestoreError, Run, Saved, UnitKey, VerifyError,
};
use icn_types::canon::{Encode as _, Writer, from_bytes, to_bytes};
use icn_types::error::Coded as _;
use proptest::prelude::*;

use super::entries::{every_kind, forged};
use super::histories::{any_request, compare_lists, compare_places, place_in, start};
use super::{Coop, amount, date, request, unit};

/// What a store holds of a book, as bytes.
#[derive(Clone, Default)]
struct Rows {
    saved: Saved,
    runs: BTreeMap<u32, Vec<u8>>,
    accounts: BTreeMap<(u32, u32), Vec<u8>>,
}

impl Rows {
    fn of(book: &Book) -> Self {
        let mut rows = Self::default();
        rows.save(book);
        rows
    }

    fn save(&mut self, book: &Book) {
        let Some(Changes {
            saved,
            runs,
            accounts,
            ..
        }) = book.changes(&self.saved).unwrap()
        else {
            return;
        };
        self.saved = from_bytes(&to_bytes(&saved)).unwrap();
        for (first, run) in runs {
            self.runs.insert(first.get(), to_bytes(&run));
        }
        for ((account, unit), row) in accounts {
            let key = (account.get(), unit.get());
            self.accounts.insert(key, to_bytes(&row));
        }
    }

    fn restore(&self) -> Result<Book, RestoreError> {
        let mut restore = Restore::new();
        for (first, run) in &self.runs {
            let run: Run = from_bytes(run).unwrap();
            restore.run(EntryNumber::new(*first), &run)?;
        }
        let accounts = self.accounts.iter().map(|(&(account, unit), row)| {
            let key = (AccountKey::new(account), UnitKey::new(unit));
            (key, from_bytes::<AccountRow>(row).unwrap())
        });
        restore.finish(&self.saved, accounts)
    }
}

/// The steps of an entry: accounts in units, by the order of their opening, and
/// what changed.
type Steps<'a> = &'a [(u32, i64)];

/// A run as somebody else would write it.
fn run(entries: &[(Vec<u8>, Steps<'_>)]) -> Vec<u8> {
    let mut w = Writer::new();
    w.array(entries.len());
    for (bytes, steps) in entries {
        w.array(2);
        w.bytes(bytes);
        w.array(steps.len() * 2);
        for (account, change) in *steps {
            account.encode(&mut w);
            w.int(*change);
        }
    }
    w.into_bytes()
}

fn bytes_of(book: &Book, number: u32) -> Vec<u8> {
    let entry = book.entry(EntryNumber::new(number)).unwrap();
    entry.bytes().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_book_out_of_its_rows_is_the_same_book_and_goes_on(
        requests in prop::collection::vec((any_request(), any::<bool>(), any::<bool>()), 1..60),
    ) {
        let (mut book, mut plain) = start();
        let mut rows = Rows::default();
        for (request, is_saved, is_reopened) in requests {
            let request = place_in(&plain, request);
            let result = book.post(&request);
            prop_assert_eq!(
                result.map_err(|error| error.code()).map(|posted| posted.number().get()),
                plain.post(&request)
            );
            if is_saved {
                rows.save(&book);
                prop_assert_eq!(rows.clone().runs, Rows::of(&book).runs, "runs follow from the entries");
            }
            if is_saved && is_reopened {
                book = rows.restore().unwrap();
                compare_places(&book, &plain);
                compare_lists(&book, &plain);
            }
        }
        rows.save(&book);
        let again = rows.restore().unwrap();
        prop_assert_eq!(again.head(), book.head());
        prop_assert_eq!(again.verify(), Ok(()));
        prop_assert!(again.accounts().eq(book.accounts()) && again.units().eq(book.units()));
        compare_places(&again, &plain);
        compare_lists(&again, &plain);
    }
}

#[test]
fn a_posting_touches_the_last_run_and_its_own_accounts() {
    let mut coop = Coop::new();
    let mut rows = Rows::of(&coop.book);
    for number in 0..100 {
        coop.book
            .post(&request(number, coop.pay(1)))
            .unwrap_or_else(|error| panic!("{error}"));
        let changes = coop.book.changes(&rows.saved).unwrap().unwrap();
        let own = [coop.alice, coop.bob].map(|account| (account, coop.hours));
        assert!(changes.accounts.iter().map(|(key, _)| *key).eq(own));
        let [(first, _)] = &changes.runs[..] else {
            panic!("{} runs", changes.runs.len());
        };
        assert!(rows.runs.range(first.get() + 1..).next().is_none());
        rows.save(&coop.book);
        assert_eq!(coop.book.changes(&rows.saved), Ok(None));
    }
    assert!(rows.runs.len() > 3, "{} runs", rows.runs.len());
    assert!(rows.runs.values().all(|run| run.len() < 4000));
}

#[test]
fn every_kind_of_entry_comes_back() {
    let mut coop = every_kind();
    let void = Hold {
        payer: coop.alice,
        payee: coop.bob,
        unit: coop.hours,
        amount: amount(3),
    };
    let held = coop.book.post(&request(70, void)).unwrap().number();
    let mut rows = Rows::of(&coop.book);
    let open = rows.restore().unwrap();
    assert!(open.open_holds().eq(coop.book.open_holds()));
    let resolve = Resolve {
        hold: held,
        posted: None,
    };
    coop.book.post(&request(71, resolve)).unwrap();
    // A hold that ends without a step still touches its accounts.
    let changes = coop.book.changes(&rows.saved).unwrap().unwrap();
    assert_eq!(changes.accounts.len(), 2);
    rows.save(&coop.book);
    let book = rows.restore().unwrap();
    assert_eq!(book.verify(), Ok(()));
    assert!(book.open_holds().eq(coop.book.open_holds()));
    assert!(book.closes().eq(coop.book.closes()));
    assert_eq!(book.trial_balance(), coop.book.trial_balance());
    for (account, _) in book.accounts() {
        assert_eq!(
            book.standing(account, coop.hours),
            coop.book.standing(account, coop.hours)
        );
    }
}

#[test]
fn an_empty_book_has_no_rows() {
    assert_eq!(Book::new().changes(&Saved::default()), Ok(None));
    assert_eq!(Rows::default().restore().unwrap().len(), 0);
}

#[test]
fn a_store_of_another_book_is_refused_both_ways() {
    let mut coop = Coop::new();
    let rows = Rows::of(&coop.book);
    let error = Book::new().changes(&rows.saved).unwrap_err();
    assert_eq!(error, RestoreError::Head);
    let mut other = Book::new();
    for code in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"] {
        other.define(unit(code)).unwrap();
    }
    assert_eq!(other.changes(&rows.saved), Err(RestoreError::Head));
    coop.book.post(&request(1, coop.pay(1))).unwrap();
    let mixed = Rows {
        saved: Rows::of(&coop.book).saved,
        ..rows
    };
    let error = mixed.restore().unwrap_err();
    assert_eq!(error, RestoreError::Head);
    assert_eq!(error.code(), "book.restore.head");
}

/// A book of several runs.
fn long() -> (Coop, Rows) {
    let mut coop = Coop::new();
    for number in 0..100 {
        coop.book.post(&request(number, coop.pay(1))).unwrap();
    }
    let rows = Rows::of(&coop.book);
    (coop, rows)
}

#[test]
fn a_missing_run_is_a_gap() {
    let (_, rows) = long();
    for first in rows.runs.keys() {
        let mut less = rows.clone();
        less.runs.remove(first);
        let error = less.restore().unwrap_err();
        let is_last = rows.runs.keys().next_back() == Some(first);
        if is_last {
            assert_eq!(error, RestoreError::Head);
        } else {
            let entry = EntryNumber::new(*first);
            assert_eq!(error, RestoreError::Gap { entry });
            assert_eq!(error.code(), "book.restore.gap");
        }
    }
}

#[test]
fn a_flipped_bit_of_a_run_is_noticed_where_it_counts() {
    let (coop, rows) = long();
    let first = *rows.runs.keys().nth(1).unwrap();
    for at in 0..rows.runs[&first].len() {
        let mut bytes = rows.runs[&first].clone();
        bytes[at] ^= 1;
        let Ok(run) = from_bytes::<Run>(&bytes) else {
            continue; // the table says that the row cannot be read
        };
        let mut changed = rows.clone();
        changed.runs.insert(first, to_bytes(&run));
        assert!(changed.restore().is_err(), "bit at {at}");
    }
    assert_eq!(rows.restore().unwrap().head(), coop.book.head());
}

#[test]
fn bytes_that_are_no_entry_are_refused() {
    let mut rows = Rows::default();
    rows.runs.insert(0, run(&[(vec![0x80], &[])]));
    let error = rows.restore().unwrap_err();
    let entry = EntryNumber::new(0);
    let RestoreError::Bytes { entry: at, source } = error else {
        panic!("{error}");
    };
    assert_eq!((at, error.code()), (entry, source.code()));
}

#[test]
fn an_entry_that_names_another_one_is_refused() {
    let (coop, mut rows) = (Coop::new(), Rows::default());
    rows.runs.insert(
        0,
        run(&[
            (bytes_of(&coop.book, 0), &[]),
            (bytes_of(&coop.book, 2), &[]),
        ]),
    );
    let entry = EntryNumber::new(1);
    let error = rows.restore().unwrap_err();
    assert_eq!(error, RestoreError::Link { entry });
    assert_eq!(error.code(), "book.restore.link");
}

#[test]
fn steps_have_to_add_up_and_to_be_of_accounts_that_there_are() {
    let mut coop = Coop::new();
    let rows = Rows::of(&coop.book);
    let next = u32::try_from(coop.book.len()).unwrap();
    coop.book.post(&request(1, coop.pay(5))).unwrap();
    let steps: [Steps<'_>; 2] = [&[(2, -5), (0, 4)], &[(99, -5), (0, 5)]];
    for steps in steps {
        let mut rows = rows.clone();
        rows.runs
            .insert(next, run(&[(bytes_of(&coop.book, next), steps)]));
        let error = rows.restore().unwrap_err();
        let entry = EntryNumber::new(next);
        assert_eq!(error, RestoreError::Steps { entry });
        assert_eq!(error.code(), "book.restore.steps");
    }
}

#[test]
fn an_entry_that_no_book_wrote_is_refused() {
    let coop = Coop::new();
    let (alice, bob, hours, nowhere) = (coop.alice, coop.bob, coop.hours, UnitKey::new(9));
    let rows = Rows::of(&coop.book);
    let limits = Limits::UNBOUNDED;
    let opening = |name: &str, unit| {
        let name = name.parse().unwrap();
        Entry::Opening(Opening { name, unit, limits })
    };
    let asked = |action: Request| Entry::Request(action);
    let nothing = EntryNumber::new(0);
    let hold = Hold {
        payer: bob,
        payee: alice,
        unit: nowhere,
        amount: amount(1),
    };
    let refund = Refund {
        original: nothing,
        back: icn_ledger::book::Transfer::between(alice, bob, nowhere, amount(1)),
    };
    let change = LimitChange {
        account: alice,
        unit: nowhere,
        limits,
    };
    let resolve = Resolve {
        hold: nothing,
        posted: None,
    };
    for entry in [
        Entry::Unit(unit("hours")),
        opening("new", nowhere),
        opening("members:alice", hours),
        asked(request(1, hold)),
        asked(request(1, refund)),
        asked(request(1, change)),
        asked(request(1, resolve)),
    ] {
        let mut rows = rows.clone();
        let next = u32::try_from(coop.book.len()).unwrap();
        rows.runs
            .insert(next, run(&[(forged(&coop.book, &entry), &[])]));
        let error = rows.restore().unwrap_err();
        let entry = EntryNumber::new(next);
        assert_eq!(error, RestoreError::Effect { entry });
        assert_eq!(error.code(), "book.restore.effect");
    }
}

#[test]
fn a_hold_is_not_resolved_twice_out_of_rows() {
    let mut coop = Coop::new();
    let hold = Hold {
        payer: coop.bob,
        payee: coop.alice,
        unit: coop.hours,
        amount: amount(1),
    };
    let hold = coop.book.post(&request(1, hold)).unwrap().number();
    let resolve = Resolve { hold, posted: None };
    coop.book.post(&request(2, resolve)).unwrap();
    let mut rows = Rows::of(&coop.book);
    let again = forged(&coop.book, &Entry::Request(request(3, resolve)));
    let next = u32::try_from(coop.book.len()).unwrap();
    rows.runs.insert(next, run(&[(again, &[])]));
    let entry = EntryNumber::new(next);
    let error = rows.restore().unwrap_err();
    assert_eq!(error, RestoreError::Effect { entry });
}

#[test]
fn rows_of_accounts_have_to_be_those_of_the_entries() {
    let coop = every_kind();
    let rows = Rows::of(&coop.book);
    let other = Rows::of(&Coop::new().book);
    let place = |(account, unit): (u32, u32)| RestoreError::Account {
        account: AccountKey::new(account),
        unit: UnitKey::new(unit),
    };
    for key in rows.accounts.keys() {
        let mut less = rows.clone();
        less.accounts.remove(key);
        assert_eq!(less.restore().unwrap_err(), place(*key));
        let mut old = rows.clone();
        let is_old = old.accounts.insert(*key, other.accounts[key].clone());
        if is_old != Some(other.accounts[key].clone()) {
            let error = old.restore().unwrap_err();
            assert_eq!(error, place(*key));
            assert_eq!(error.code(), "book.restore.account");
        }
    }
    let mut more = rows.clone();
    more.accounts.insert((9, 0), rows.accounts[&(0, 0)].clone());
    assert_eq!(more.restore().unwrap_err(), place((9, 0)));
}

#[test]
fn steps_that_only_fit_in_sum_are_found_by_verify() {
    let mut coop = Coop::new();
    let rows = Rows::of(&coop.book);
    let next = u32::try_from(coop.book.len()).unwrap();
    coop.book.post(&request(1, coop.pay(5))).unwrap();
    coop.book.post(&request(2, coop.pay(7))).unwrap();
    let close = Close { through: date(9) };
    coop.book.post(&request(3, close)).unwrap();
    let entry = |number| bytes_of(&coop.book, next + number);
    // Cells by the order of their opening: Alice and Bob in hours.
    let (alice, bob) = (0, 2);
    let mut forged = Rows::of(&coop.book);
    forged.runs = rows.runs;
    forged.runs.insert(
        next,
        run(&[
            (entry(0), &[(bob, -7), (alice, 7)]),
            (entry(1), &[(bob, -5), (alice, 5)]),
            (entry(2), &[]),
        ]),
    );
    let book = forged.restore().unwrap();
    let error = book.verify().unwrap_err();
    let entry = EntryNumber::new(next);
    assert_eq!(error, VerifyError::Steps { entry });
    assert_eq!(error.code(), "book.verify.steps");
}
