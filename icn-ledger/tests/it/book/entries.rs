//! Entries, their bytes, and a book from them.

use icn_ledger::book::{
    Action, Batch, Book, BookError, CauseId, Close, Entry, EntryId, Exchange, Hold, LimitChange,
    Limits, Memo, OpenError, Posted, QueryError, Refund, ReplayError, ReplayReason, Resolve,
    StepNumber, StructureError, Transfer, UnitKey,
};
use icn_ledger::rate::{Known, Rate};
use icn_types::canon::{Decode as _, Encode as _, Reader, Reason, Writer};
use icn_types::error::Coded as _;
use icn_types::hash::sha256;
use icn_types::id::Hex;

use super::{Coop, amount, date, part, request};

fn bytes_of(book: &Book) -> Vec<Vec<u8>> {
    book.entries().map(|entry| entry.bytes().to_vec()).collect()
}

fn replay(entries: &[Vec<u8>]) -> Result<Book, ReplayError> {
    Book::replay(entries.iter().map(Vec::as_slice))
}

/// The bytes of an entry after another one, as an outsider would write them.
pub(super) fn forged(book: &Book, entry: &Entry) -> Vec<u8> {
    let mut w = Writer::new();
    w.array(3);
    w.text("icn/ledger/book-entry/v1");
    book.head().encode(&mut w);
    entry.encode(&mut w);
    w.into_bytes()
}

/// A book with one entry of every kind.
pub(super) fn every_kind() -> Coop {
    let mut coop = Coop::new();
    let (alice, bob, hours) = (coop.alice, coop.bob, coop.hours);
    let mut pay = request(1, coop.pay(10));
    pay.cause = Some(CauseId::from_bytes([1; 32]));
    pay.decision = Some(CauseId::from_bytes([2; 32]));
    pay.memo = Some(Memo::new("ten hours").unwrap());
    let paid = coop.book.post(&pay).unwrap().number();
    let hold = Hold {
        payer: bob,
        payee: alice,
        unit: hours,
        amount: amount(5),
    };
    let held = coop.book.post(&request(2, hold)).unwrap().number();
    let refund = Refund {
        original: paid,
        back: coop.pay(10).reversed(),
    };
    let change = LimitChange {
        account: bob,
        unit: hours,
        limits: Limits::from(-5),
    };
    let resolve = Resolve {
        hold: held,
        posted: Some(amount(4)),
    };
    let close = Close { through: date(9) };
    for (number, action) in (3..).zip([
        Action::from(resolve),
        Action::from(refund),
        Action::from(change),
        Action::from(close),
    ]) {
        coop.book.post(&request(number, action)).unwrap();
    }
    coop
}

#[test]
fn an_id_is_the_hash_of_bytes_that_name_the_entry_before() {
    let coop = every_kind();
    let mut prev = None;
    for entry in coop.book.entries() {
        assert_eq!(*entry.id().as_bytes(), sha256(entry.bytes()));
        let mut r = Reader::new(entry.bytes()).unwrap();
        r.array_of(3).unwrap();
        r.tag("icn/ledger/book-entry/v1").unwrap();
        assert_eq!(Option::decode(&mut r), Ok(prev));
        assert_eq!(Entry::decode(&mut r), Ok(entry.read().unwrap()));
        prev = Some(entry.id());
    }
    assert_eq!(prev, coop.book.head());
    // Changes with the format only.
    assert_eq!(
        Hex(coop.book.head().unwrap().as_bytes()).to_string(),
        "cec2e9127d2585dbb8fa45c9513bf3bc2b3b3b5fbd01893af17c05ff994ef175"
    );
}

#[test]
fn what_a_book_says_of_an_entry_is_what_was_asked() {
    let coop = every_kind();
    let last = coop.book.entries().next_back().unwrap();
    assert_eq!(last.date(), Some(date(6)));
    assert!(!last.is_late(), "a close is not dated into its own period");
    let close = Close { through: date(9) };
    assert_eq!(last.read(), Ok(Entry::Request(request(6, close))));
    let first = coop.book.entries().next().unwrap();
    assert_eq!(first.date(), None);
    assert!(matches!(first.read(), Ok(Entry::Unit(_))));
}

#[test]
fn a_date_in_a_closed_period_is_accepted_and_labelled_late() {
    let mut coop = every_kind();
    for (number, at, is_late) in [(20, 9, true), (21, 10, false)] {
        let mut pay = request(
            number,
            Transfer::between(coop.bank, coop.bob, coop.hours, amount(1)),
        );
        pay.date = date(at);
        let posted = coop.book.post(&pay).unwrap();
        assert_eq!(coop.book.entry(posted.number()).unwrap().is_late(), is_late);
    }
    assert_eq!(coop.book.late().count(), 1);
    let lines = coop.book.lines(coop.bob, coop.hours, None).unwrap();
    assert_eq!(lines.filter(|line| line.is_late).count(), 1);
    assert!(coop.book.closes().map(|(_, through)| through).eq([date(9)]));
}

#[test]
fn a_book_comes_back_from_its_bytes_and_from_no_others() {
    let coop = every_kind();
    let entries = bytes_of(&coop.book);
    let copy = replay(&entries).unwrap();
    assert_eq!(copy.head(), coop.book.head());
    assert_eq!(copy.trial_balance(), coop.book.trial_balance());
    for at in 0..entries.len() {
        for byte in 0..entries[at].len() {
            let mut damaged = entries.clone();
            damaged[at][byte] ^= 1;
            match replay(&damaged) {
                // An entry that still reads well is another entry: the next one
                // does not name it, and the head is another one.
                Ok(book) => assert!(at == entries.len() - 1 && book.head() != copy.head()),
                Err(error) => assert!(error.number >= at as u64 && error.number <= at as u64 + 1),
            }
        }
        let mut missing = entries.clone();
        missing.remove(at);
        if at < entries.len() - 1 {
            assert_eq!(replay(&missing).unwrap_err().reason, ReplayReason::Link);
        }
    }
}

#[test]
fn an_entry_that_the_book_would_not_have_written_is_refused_with_its_number() {
    let coop = every_kind();
    let Coop {
        book,
        alice,
        bob,
        hours,
        ..
    } = &coop;
    let after = |entry: &Entry| {
        let mut entries = bytes_of(book);
        let number = entries.len() as u64;
        entries.push(forged(book, entry));
        let error = replay(&entries).unwrap_err();
        assert_eq!(error.number, number);
        (error.reason, error.code())
    };
    let own = Transfer::between(*bob, *bob, *hours, amount(1));
    let refused = BookError::Structure(StructureError::PaysItself { account: *bob });
    assert_eq!(
        after(&Entry::Request(request(9, own))),
        (ReplayReason::Refused(refused), "book.self")
    );
    let mut openings = book.entries().filter_map(|entry| match entry.read() {
        Ok(Entry::Opening(opening)) => Some(opening),
        _ => None,
    });
    let mut opening = openings.next().unwrap();
    assert_eq!(
        after(&Entry::Opening(opening.clone())),
        (ReplayReason::Again, "book.replay.again")
    );
    opening.limits = Limits::UNBOUNDED;
    assert_eq!(
        after(&Entry::Opening(opening)),
        (
            ReplayReason::NotOpened(OpenError::Limits { account: *alice }),
            "book.open.limits"
        )
    );
    let again = book.entries().next_back().unwrap().read().unwrap();
    assert_eq!(after(&again), (ReplayReason::Again, "book.replay.again"));

    let broken = Book::replay([&[0x80][..]]).unwrap_err();
    assert_eq!(broken.code(), Reason::Count.code());
    let mut first = bytes_of(book);
    first.remove(0);
    assert_eq!(replay(&first).unwrap_err().code(), "book.replay.link");
}

#[test]
fn unknown_kinds_of_entries_and_actions_are_refused() {
    let mut w = Writer::new();
    w.array(2);
    w.uint(9);
    w.null();
    let bytes = w.into_bytes();
    let mut r = Reader::new(&bytes).unwrap();
    let reason = |code| Reason::Value(code);
    assert_eq!(
        Entry::decode(&mut r).unwrap_err().reason(),
        reason("book.entry")
    );
    let mut r = Reader::new(&bytes).unwrap();
    assert_eq!(
        Action::decode(&mut r).unwrap_err().reason(),
        reason("book.action")
    );
    let mut w = Writer::new();
    w.array(2);
    w.int(1);
    w.int(0);
    let bytes = w.into_bytes();
    let mut r = Reader::new(&bytes).unwrap();
    assert_eq!(
        Limits::decode(&mut r).unwrap_err().reason(),
        reason("book.limits.order")
    );
}

#[test]
fn an_exchange_moves_two_units_at_once_and_keeps_what_rounding_leaves() {
    let mut coop = Coop::new();
    let bank = coop.bank;
    let rest = "bank:rounding".parse().unwrap();
    let rest_account = coop
        .book
        .open(&rest, coop.hours, Limits::UNBOUNDED)
        .unwrap();
    coop.book
        .open(&rest, coop.euros, Limits::UNBOUNDED)
        .unwrap();
    let exchange = Exchange {
        payer: coop.bob,
        payee: coop.bob,
        through: bank,
        residue: rest_account,
        paid_in: coop.hours,
        received_in: coop.euros,
    };
    let position = |coop: &Coop, account, unit: UnitKey| {
        coop.book.standing(account, unit).unwrap().position.get()
    };
    // 40 at 2 for 15: 37.5 would do for five, 38 whole ones, and two are left.
    let rate = Rate::new(amount(15), amount(2));
    let sold = rate.convert(Known::Paid(amount(40))).unwrap();
    coop.book
        .post(&request(1, exchange.transfer(&sold)))
        .unwrap();
    for (account, in_hours, in_euros) in [(coop.bob, -40, 5), (bank, 38, -5), (rest_account, 2, 0)]
    {
        assert_eq!(position(&coop, account, coop.hours), in_hours);
        assert_eq!(position(&coop, account, coop.euros), in_euros);
    }
    // Three at 15 for 2: one whole one buys seven and a half.
    let rate = Rate::new(amount(2), amount(15));
    let bought = rate.convert(Known::Received(amount(3))).unwrap();
    coop.book
        .post(&request(2, exchange.transfer(&bought)))
        .unwrap();
    for (account, in_hours, in_euros) in [(coop.bob, -41, 8), (bank, 39, -12), (rest_account, 2, 4)]
    {
        assert_eq!(position(&coop, account, coop.hours), in_hours);
        assert_eq!(position(&coop, account, coop.euros), in_euros);
    }
    assert!(
        coop.book
            .trial_balance()
            .iter()
            .all(|row| row.is_balanced())
    );
    // At an even rate nothing is left.
    let rate = Rate::new(amount(1), amount(1));
    let even = rate.convert(Known::Paid(amount(1))).unwrap();
    assert_eq!(exchange.transfer(&even).payees.len(), 2);
    coop.book
        .post(&request(3, exchange.transfer(&even)))
        .unwrap();
}

#[test]
fn a_cursor_of_another_list_is_refused() {
    let coop = every_kind();
    let (bob, carol, hours) = (coop.bob, coop.carol, coop.hours);
    let line = coop.book.lines(bob, hours, None).unwrap().next().unwrap();
    for cursor in [line.step, StepNumber::new(99)] {
        let error = coop.book.lines(carol, hours, Some(cursor)).unwrap_err();
        assert_eq!(error, QueryError::Cursor);
        assert_eq!(error.code(), "book.query.cursor");
    }
}

#[test]
fn lines_added_between_two_pages_neither_repeat_nor_hide_one() {
    let mut coop = every_kind();
    let (bank, bob, hours) = (coop.bank, coop.bob, coop.hours);
    let all: Vec<_> = coop.book.lines(bob, hours, None).unwrap().collect();
    let first = coop.book.lines(bob, hours, None).unwrap().next().unwrap();
    let gift = Transfer::new([part(bank, hours, 1)], [part(bob, hours, 1)]).unwrap();
    coop.book.post(&request(30, gift)).unwrap();
    let rest = coop.book.lines(bob, hours, Some(first.step)).unwrap();
    assert!(rest.eq(all[1..].iter().copied()));
}

#[test]
fn a_page_by_date_starts_no_earlier_than_its_range() {
    let coop = every_kind();
    let first = coop.book.by_date(date(0)..date(2), None).next().unwrap();
    assert_eq!(first.date(), Some(date(1)));
    let later = coop.book.by_date(date(3)..date(5), Some(first.number()));
    assert!(
        later
            .filter_map(|entry| entry.date())
            .eq([date(3), date(4)])
    );
}

#[test]
fn names_are_found_by_key_and_keys_by_name() {
    let coop = Coop::new();
    for (key, name) in coop.book.accounts() {
        assert_eq!(coop.book.account_key(name), Some(key));
        assert_eq!(coop.book.account(key), Some(name));
    }
    for (key, unit) in coop.book.units() {
        assert_eq!(coop.book.unit_key(&unit.id()), Some(key));
        assert_eq!(coop.book.unit(key), Some(unit));
    }
    assert_eq!(
        (coop.book.accounts().count(), coop.book.units().count()),
        (4, 2)
    );
    assert_eq!((coop.book.len(), coop.book.is_empty()), (10, false));
}

#[test]
fn every_entry_of_a_long_book_is_found_and_a_long_batch_is_undone() {
    let mut coop = Coop::new();
    let to_and_fro = |coop: &Coop, number: u64| {
        let gift = Transfer::between(coop.bank, coop.alice, coop.hours, amount(1));
        let is_back = !number.is_multiple_of(2);
        let mut request = request(number, if is_back { gift.reversed() } else { gift });
        let cause = [u8::try_from(number % 100).unwrap(); 32];
        request.cause = Some(CauseId::from_bytes(cause));
        request
    };
    let batch = |coop: &Coop, numbers: core::ops::Range<u64>| -> Vec<_> {
        numbers.map(|number| to_and_fro(coop, number)).collect()
    };
    let first = batch(&coop, 0..150);
    assert!(
        coop.book
            .post_all(Batch::Independent, &first)
            .iter()
            .all(Result::is_ok)
    );
    let head = coop.book.head();
    let mut second = batch(&coop, 150..400);
    second.push(request(999, coop.pay(1000)));
    let results = coop.book.post_all(Batch::Atomic, &second);
    assert_eq!(results[0], Err(BookError::Undone { item: 250 }));
    assert_eq!(coop.book.head(), head);
    second.pop();
    assert!(
        coop.book
            .post_all(Batch::Atomic, &second)
            .iter()
            .all(Result::is_ok)
    );
    for entry in coop.book.entries() {
        let found = coop.book.find(&entry.id()).unwrap();
        assert_eq!(found.number(), entry.number());
    }
    for request in first.iter().chain(&second) {
        let again = coop.book.post(request).unwrap();
        assert!(matches!(again, Posted::Again(..)));
        let cause = request.cause.unwrap();
        assert!(
            coop.book
                .by_cause(&cause, None)
                .any(|entry| entry.number() == again.number())
        );
    }
    assert_eq!(
        coop.book
            .find(&EntryId::from_bytes([0; 32]))
            .map(|entry| entry.id()),
        None
    );
    assert_eq!(coop.book.verify(), Ok(()));
}
