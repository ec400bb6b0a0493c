//! Journals out of books, and into them.

use icn_ledger::book::{
    self, AccountKey, Action, Book, BookError, CauseId, Close, Hold, Limits, Memo, Part, Posted,
    Refund, Request, Resolve, RuleError, Transfer, UnitKey,
};
use icn_ledger::text::{Booking, Broken, Flaw, Format, Import, Journal, Sides};
use icn_ledger::unit::Scale;
use icn_ledger::{Unit, UnitCode};
use icn_types::amount::Amount;
use icn_types::error::Coded as _;
use icn_types::id::{DomainId, OperationKey};
use icn_types::time::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

use super::chance::{account, symbol};
use super::{read, source};

const DAY: u64 = 86_400_000;

fn unit(code: &str, scale: u64) -> Unit {
    Unit {
        issuer: DomainId::from_bytes([7; 32]),
        code: UnitCode::new(code).unwrap(),
        scale: Scale::new(scale).unwrap(),
        min_leg: Amount::new(1).unwrap(),
    }
}

fn amount(atoms: u64) -> Amount {
    Amount::new(atoms).unwrap()
}

/// Three members of a cooperative, open in all of its units.
struct Coop {
    book: Book,
    units: Vec<UnitKey>,
    members: Vec<AccountKey>,
    day: u64,
}

impl Coop {
    fn new(units: &[Unit]) -> Self {
        let mut book = Book::new();
        let units: Vec<_> = units
            .iter()
            .map(|unit| book.define(*unit).unwrap())
            .collect();
        let mut members = Vec::new();
        for name in ["members:alice", "members:bob", "members:charlie", "members"] {
            for &unit in &units {
                let name = name.parse().unwrap();
                members.push(book.open(&name, unit, Limits::UNBOUNDED).unwrap());
            }
        }
        members.dedup();
        Self {
            book,
            units,
            members,
            day: 0,
        }
    }

    fn post(&mut self, action: impl Into<Action>) -> Posted {
        self.day += 1;
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.day.to_be_bytes());
        let date = Timestamp::from_millis(self.day * DAY);
        let request = Request::new(OperationKey::from_bytes(key), date, action);
        self.book.post(&request).unwrap()
    }

    fn pay(&mut self, payer: usize, payee: usize, atoms: u64) -> Posted {
        let (payer, payee) = (self.members[payer], self.members[payee]);
        self.post(Transfer::between(
            payer,
            payee,
            self.units[0],
            amount(atoms),
        ))
    }

    fn journal(&self, sides: Sides) -> Journal {
        Journal::from_book(&self.book, sides).unwrap()
    }
}

/// Name, commodity and balance of every account that has one.
fn balances(journal: &Journal) -> Vec<(String, String, i128)> {
    let balances = journal.balances();
    let some = balances.iter().filter(|(.., atoms)| *atoms != 0);
    some.map(|(name, symbol, atoms)| (name.to_string(), symbol.to_string(), atoms))
        .collect()
}

fn booking() -> Booking {
    Booking::new(CauseId::from_bytes([9; 32])).with_limits(Limits::UNBOUNDED)
}

#[test]
fn the_holder_of_credit_has_a_debit_balance_unless_asked_otherwise() {
    // Bob pays Alice 5 and Charlie pays her 2: the community owes Alice 7.
    let mut coop = Coop::new(&[unit("hours", 1)]);
    coop.pay(1, 0, 5);
    coop.pay(2, 0, 2);
    let expected = |sign: i128| {
        [("alice", 7), ("bob", -5), ("charlie", -2)]
            .map(|(name, atoms)| (format!("members:{name}"), "hours".to_string(), sign * atoms))
    };
    assert_eq!(balances(&coop.journal(Sides::default())), expected(1));
    assert_eq!(balances(&coop.journal(Sides::CreditRaises)), expected(-1));
}

/// Payer falls and payee rises, whatever the entry, on both sides.
#[test]
fn every_kind_of_entry_is_written_with_its_sign() {
    let mut coop = Coop::new(&[unit("hours", 1)]);
    let (payer, payee, hours) = (coop.members[0], coop.members[1], coop.units[0]);
    let paid = coop.pay(0, 1, 10);
    let hold = coop.post(Hold {
        payer,
        payee,
        unit: hours,
        amount: amount(4),
    });
    let resolve = |posted| Resolve {
        hold: hold.number(),
        posted,
    };
    coop.post(resolve(Some(amount(3))));
    coop.post(Refund {
        original: paid.number(),
        back: Transfer::between(payee, payer, hours, amount(6)),
    });
    coop.post(Close {
        through: Timestamp::from_millis(50 * DAY),
    });
    coop.pay(0, 1, 1);
    for (sides, sign) in [(Sides::DebitRaises, 1), (Sides::CreditRaises, -1)] {
        let journal = coop.journal(sides);
        let moved: Vec<i128> = journal
            .transactions()
            .iter()
            .map(|one| {
                let of_payee = |posting: &&icn_ledger::text::Posting| {
                    posting.account == account("members:bob")
                };
                sign * one.postings.iter().find(of_payee).unwrap().amount.atoms
            })
            .collect();
        assert_eq!(moved, [10, 3, -6, 1]);
    }
    let journal = coop.journal(Sides::default());
    let [first, resolved, refund, late] = journal.transactions() else {
        panic!("four transactions");
    };
    let id = |posted: &Posted| Some(posted.id().to_string());
    let tag = |one: &icn_ledger::text::Transaction, name| one.tag(name).map(String::from);
    assert_eq!(tag(first, "entry"), id(&paid));
    assert_eq!(tag(resolved, "hold"), id(&hold));
    assert_eq!(tag(refund, "refunds"), id(&paid));
    assert_eq!((first.tag("late"), late.tag("late")), (None, Some("yes")));
}

#[test]
fn memo_cause_and_decision_are_in_the_journal() {
    let mut coop = Coop::new(&[unit("hours", 1)]);
    let pay = Transfer::between(coop.members[0], coop.members[1], coop.units[0], amount(1));
    let key = OperationKey::from_bytes([1; 32]);
    let mut request = Request::new(key, Timestamp::from_millis(0), pay);
    request.memo = Some(Memo::new("* roof;  new tiles").unwrap());
    request.cause = Some(CauseId::from_bytes([2; 32]));
    request.decision = Some(CauseId::from_bytes([3; 32]));
    coop.book.post(&request).unwrap();
    let journal = coop.journal(Sides::default());
    let one = &journal.transactions()[0];
    assert_eq!(one.description.as_str(), "roof new tiles");
    assert_eq!(one.tag("key"), Some("01".repeat(32).as_str()));
    assert_eq!(one.tag("cause"), Some("02".repeat(32).as_str()));
    assert_eq!(one.tag("decision"), Some("03".repeat(32).as_str()));
    // The decision comes back with the journal.
    let mut book = Coop::new(&[unit("hours", 1)]).book;
    journal.book(&mut book, &booking()).unwrap();
    let decisions: Vec<_> = book
        .entries()
        .filter_map(|entry| match entry.read() {
            Ok(book::Entry::Request(request)) => Some(request.decision),
            _ => None,
        })
        .collect();
    assert_eq!(decisions, [request.decision]);
}

#[test]
fn units_without_a_decimal_scale_are_written_in_atoms() {
    let other = Unit {
        issuer: DomainId::from_bytes([8; 32]),
        ..unit("euros", 100)
    };
    let units = [
        unit("hours", 3600),
        unit("euros", 100),
        other,
        unit("big", 10_u64.pow(19)),
    ];
    let coop = Coop::new(&units);
    let journal = coop.journal(Sides::default());
    let mut names: Vec<(String, u8)> = journal
        .commodities()
        .map(|(symbol, decimals)| (symbol.to_string(), decimals.get()))
        .collect();
    names.sort();
    let mut expected = vec![
        ("big atoms".to_string(), 0),
        ("hours atoms".to_string(), 0),
        (format!("euros {}", units[1].id()), 2),
        (format!("euros {}", units[2].id()), 2),
    ];
    expected.sort();
    assert_eq!(names, expected);
}

/// An account whose name starts with a command of ledger is marked.
#[test]
fn every_account_of_a_book_can_be_exported() {
    let mut book = Book::new();
    let hours = book.define(unit("hours", 1)).unwrap();
    let names = ["assert nothing", "check:in", "check fund:a", "expr"];
    let keys = names.map(|name| {
        let name = name.parse().unwrap();
        book.open(&name, hours, Limits::UNBOUNDED).unwrap()
    });
    for (day, pair) in (1_u8..).zip(keys.windows(2)) {
        let key = OperationKey::from_bytes([day; 32]);
        let pay = Transfer::between(pair[0], pair[1], hours, amount(5));
        let date = Timestamp::from_millis(u64::from(day) * DAY);
        book.post(&Request::new(key, date, pay)).unwrap();
    }
    let journal = Journal::from_book(&book, Sides::default()).unwrap();
    for format in [Format::Hledger, Format::Ledger] {
        let text = journal.show(format).to_string();
        let marked = [
            "* assert nothing  -5",
            "* check fund:a  5",
            "* check fund:a  -5",
        ];
        assert!(marked.iter().all(|line| text.contains(line)), "{text}");
        assert!(
            !text.contains("* check:in") && !text.contains("* expr"),
            "{text}"
        );
        assert_eq!(read(&text).unwrap(), journal);
    }
    let mut again = Book::new();
    journal
        .book(
            &mut again,
            &booking().with_unit(symbol("hours"), unit("hours", 1)),
        )
        .unwrap();
    assert!(again.accounts().map(|(_, name)| name.as_str()).eq(names));
}

#[test]
fn what_no_journal_can_hold_is_refused_with_its_entry() {
    let mut coop = Coop::new(&[unit("hours", 1)]);
    coop.day = 400_000;
    let late = coop.pay(0, 1, 1);
    let error = Journal::from_book(&coop.book, Sides::default()).unwrap_err();
    let text = error.to_string();
    assert_eq!((error.entry, error.flaw), (late.number(), Flaw::Date));
    assert_eq!(text, format!("entry {}: text is no date", late.number()));
}

const WEEK: &str = "2024-01-01 bread\n  alice  -1.50 euros\n  bakery  1.50 euros\n\n\
                    2024-01-02 rolls\n  alice  -0.50 euros\n  bakery  0.50 euros\n";

fn euros() -> Booking {
    booking().with_unit(symbol("euros"), unit("euros", 100))
}

#[test]
fn a_journal_is_booked_once() {
    let mut book = Book::new();
    let journal = read(WEEK).unwrap();
    let first = journal.book(&mut book, &euros()).unwrap();
    assert!(
        first
            .iter()
            .all(|one| matches!(one, Some(Posted::First(..))))
    );
    let entries = book.len();
    let again = journal.book(&mut book, &euros()).unwrap();
    assert!(
        again
            .iter()
            .all(|one| matches!(one, Some(Posted::Again(..))))
    );
    assert_eq!(book.len(), entries);
    // One that goes on gives the rest.
    let more = format!("{WEEK}\n2024-01-03\n  bakery  1 euros\n  mill\n");
    let posted = read(&more).unwrap().book(&mut book, &euros()).unwrap();
    assert!(matches!(posted[..], [_, _, Some(Posted::First(..))]));
    // One that differs is another journal.
    let changed = WEEK.replace("0.50", "0.60");
    let broken = read(&changed)
        .unwrap()
        .book(&mut book, &euros())
        .unwrap_err();
    assert!(matches!(
        broken.flaw,
        Flaw::Book(BookError::KeyConflict { .. })
    ));
}

#[test]
fn a_transaction_that_moves_nothing_is_no_entry() {
    let mut book = Book::new();
    let text = "2024-01-01\n  a  1.00 euros\n  a  -1.00 euros\n  b  0 euros\n";
    assert_eq!(
        read(text).unwrap().book(&mut book, &euros()),
        Ok(vec![None])
    );
    // Several postings of one account are one part.
    let text = "2024-01-01\n  a  2.00 euros\n  a  -0.50 euros\n  b\n";
    let journal = read(text).unwrap();
    journal.book(&mut book, &euros()).unwrap();
    let a = book.account_key(&"a".parse().unwrap()).unwrap();
    let standing = book
        .standing(a, book.unit_key(&unit("euros", 100).id()).unwrap())
        .unwrap();
    assert_eq!(standing.position.get(), 150);
}

#[test]
fn commodities_become_units_by_their_scales() {
    let text = "2024-01-01\n  a  1.5 h\n  b\n2024-01-02\n  a  90 s\n  b\n";
    let hours = unit("hours", 3600);
    let booking = booking()
        .with_unit(symbol("h"), hours)
        .with_atoms(symbol("s"), hours)
        .with_sides(Sides::CreditRaises);
    let mut book = Book::new();
    read(text).unwrap().book(&mut book, &booking).unwrap();
    let a = book.account_key(&"a".parse().unwrap()).unwrap();
    let standing = book
        .standing(a, book.unit_key(&hours.id()).unwrap())
        .unwrap();
    assert_eq!(standing.position.get(), -5490);
}

/// Each refusal, with the line of the posting or the transaction; the book is
/// as it was.
#[test]
fn a_journal_that_cannot_be_booked_leaves_no_trace() {
    let limited = Booking::new(CauseId::from_bytes([9; 32]))
        .with_limits(Limits::between(-200, 1000).unwrap())
        .with_unit(symbol("euros"), unit("euros", 100));
    let closed =
        Booking::new(CauseId::from_bytes([9; 32])).with_unit(symbol("euros"), unit("euros", 100));
    let many: String = (0..65).map(|n| format!("  a{n}  0.01 euros\n")).collect();
    let many = format!("2024-01-03\n{many}  b\n");
    for (code, line, booking, text) in [
        ("text.date", 9, euros(), "1969-12-31\n  a  1 euros\n  b\n"),
        (
            "book.name.character",
            10,
            euros(),
            "2024-01-03\n  a(1)  1 euros\n  b\n",
        ),
        (
            "text.unit",
            10,
            euros(),
            "2024-01-03\n  a  1 dollars\n  b\n",
        ),
        (
            "text.fraction",
            10,
            euros(),
            "2024-01-03\n  a  0.001 euros\n  b\n",
        ),
        (
            "text.number.large",
            9,
            euros(),
            "2024-01-03\n  a  92233720368547758.08 euros\n  b\n",
        ),
        ("text.not_open", 2, closed, ""),
        ("text.parts", 9, euros(), &many),
        (
            "book.limit.floor",
            9,
            limited,
            "2024-01-03\n  alice  -0.01 euros\n  b\n",
        ),
    ] {
        let mut book = Book::new();
        let text = format!("{WEEK}\n{text}");
        let (journal, places) = Import::new()
            .journal(source("week", &text), |_| None)
            .unwrap();
        let broken = journal.book(&mut book, &booking).unwrap_err();
        let error = places.locate(broken);
        // A transaction of 1969 comes first in the journal, not in the file.
        assert_eq!(
            (error.code(), error.line, error.file.as_str()),
            (code, line, "week"),
            "{text}"
        );
        assert_eq!((book.len(), book.head()), (0, None));
    }
}

#[test]
fn a_place_that_was_not_read_is_the_start() {
    let (_, places) = Import::new().journal(source("x", ""), |_| None).unwrap();
    let error = places.locate(Broken {
        transaction: 5,
        posting: Some(1),
        flaw: Flaw::Empty,
    });
    assert_eq!((error.file.as_str(), error.line), ("x", 1));
}

#[test]
fn limits_of_the_book_hold_for_imports() {
    let mut coop = Coop::new(&[unit("hours", 1)]);
    let name = "members:dora".parse().unwrap();
    let dora = coop
        .book
        .open(&name, coop.units[0], Limits::from(-3))
        .unwrap();
    let text = "2024-01-01\n  members:dora  -4 hours\n  members:bob\n";
    let broken = read(text)
        .unwrap()
        .book(&mut coop.book, &booking())
        .unwrap_err();
    let floor = RuleError::Floor {
        account: dora,
        unit: coop.units[0],
        available: 3,
    };
    assert_eq!(broken.flaw, Flaw::Book(BookError::Rule(floor)));
}

/// Who pays whom how much in which unit, for two to six accounts and parts.
fn actions() -> impl Strategy<Value = Vec<(u8, usize, usize, usize, u64)>> {
    vec(
        (
            0..4_u8,
            0..4_usize,
            1..4_usize,
            0..3_usize,
            1..1_000_000_u64,
        ),
        0..12,
    )
}

fn play(actions: Vec<(u8, usize, usize, usize, u64)>) -> Coop {
    let units = [unit("hours", 3600), unit("euros", 100), unit("points", 1)];
    let mut coop = Coop::new(&units);
    let mut paid = Vec::new();
    for (kind, payer, step, unit, atoms) in actions {
        let (payer, payee) = (coop.members[payer], coop.members[(payer + step) % 4]);
        let unit = coop.units[unit];
        let pay = Transfer::between(payer, payee, unit, amount(atoms));
        match (kind, paid.pop()) {
            (0, _) => {
                let hold = coop.post(Hold {
                    payer,
                    payee,
                    unit,
                    amount: amount(atoms),
                });
                let posted = Amount::new(atoms / 3).ok();
                coop.post(Resolve {
                    hold: hold.number(),
                    posted,
                });
            }
            (1, Some((original, back))) => drop(coop.post(Refund { original, back })),
            (2, _) => {
                let part = |account, atoms| Part {
                    account,
                    unit,
                    amount: amount(atoms),
                };
                let others = coop.members.iter().filter(|&&other| other != payer);
                let payees: Vec<_> = others.map(|&other| part(other, atoms)).collect();
                coop.post(Transfer::new([part(payer, 3 * atoms)], payees).unwrap());
            }
            _ => {
                let posted = coop.post(pay.clone());
                paid.push((posted.number(), pay.reversed()));
            }
        }
    }
    coop
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_book_goes_through_text_into_another_book(
        actions in actions(),
        credit in any::<bool>(),
        format in 0..3_usize,
    ) {
        let coop = play(actions);
        let sides = if credit { Sides::CreditRaises } else { Sides::DebitRaises };
        let journal = coop.journal(sides);
        prop_assert_eq!(journal.check_assertions(), Ok(()));
        let format = [Format::Hledger, Format::Ledger, Format::Csv][format];
        let text = source("book", &journal.show(format).to_string());
        let (again, _) = match format {
            Format::Csv => Import::new().csv(text),
            _ => Import::new().journal(text, |_| None),
        }.unwrap();
        let mut copy = Coop::new(&[unit("hours", 3600), unit("euros", 100), unit("points", 1)]).book;
        let posted = again.book(&mut copy, &booking().with_sides(sides)).unwrap();
        prop_assert_eq!(posted.len(), again.transactions().len());
        for (account, _) in coop.book.accounts() {
            for (unit, _) in coop.book.units() {
                let standing = |book: &Book| book.standing(account, unit).unwrap().position;
                prop_assert_eq!(standing(&copy), standing(&coop.book));
            }
        }
    }
}
