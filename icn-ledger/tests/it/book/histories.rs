//! Random histories, compared with the plain book after every step.

use icn_ledger::book::{
    AccountKey, Action, AsOf, Assertion, Batch, Book, BookError, CauseId, Close, EntryNumber, Hold,
    LimitChange, Limits, Posted, Refund, Request, Resolve, Span, Transfer, UnitKey,
};
use icn_types::amount::{Amount, Position};
use icn_types::error::Coded as _;
use icn_types::time::Timestamp;
use proptest::prelude::*;

use super::plain::{Place, Plain};
use super::{amount, date, key, part, unit};

const ACCOUNTS: u32 = 4;
const UNITS: u32 = 2;

/// Four accounts, of which two are open in both units, and what the plain book
/// knows of them.
pub(super) fn start() -> (Book, Plain) {
    let (mut book, mut plain) = (Book::new(), Plain::default());
    for code in ["hours", "euros", "empty"] {
        book.define(unit(code)).unwrap();
        plain.units += 1;
    }
    let credit = Limits::between(-60, 80).unwrap();
    for (name, unit, limits) in [
        ("a", 0, credit),
        ("b", 0, credit),
        ("c", 1, Limits::from(-30)),
        ("d", 0, Limits::UNBOUNDED),
        ("a", 1, Limits::up_to(50)),
        ("d", 1, Limits::UNBOUNDED),
    ] {
        let account = book
            .open(&name.parse().unwrap(), UnitKey::new(unit), limits)
            .unwrap();
        plain.open.push(((account.get(), unit), limits));
    }
    plain.next = 9;
    (book, plain)
}

fn places() -> impl Iterator<Item = Place> {
    (0..ACCOUNTS).flat_map(|account| (0..UNITS).map(move |unit| (account, unit)))
}

/// Mostly places that are open.
fn place() -> impl Strategy<Value = (AccountKey, UnitKey)> {
    let open = prop::sample::select(&[(0, 0), (1, 0), (3, 0), (2, 1), (0, 1), (3, 1)]);
    let wrong = prop::sample::select(&[(9, 0), (0, 9), (0, 2), (1, 1), (9, 9)]);
    prop_oneof![60 => open, 1 => wrong]
        .prop_map(|(account, unit)| (AccountKey::new(account), UnitKey::new(unit)))
}

/// Mostly two accounts that are open in one unit.
fn pair() -> impl Strategy<Value = (AccountKey, AccountKey, UnitKey)> {
    let pair = (0_usize..3, 1_usize..3, 0_u32..2).prop_map(|(payer, step, unit)| {
        let accounts = [[0, 1, 3], [2, 0, 3]][unit as usize];
        (accounts[payer], accounts[(payer + step) % 3], unit)
    });
    let any = (0..5_u32, 0..5_u32, 0..4_u32);
    prop_oneof![20 => pair, 1 => any].prop_map(|(payer, payee, unit)| {
        (
            AccountKey::new(payer),
            AccountKey::new(payee),
            UnitKey::new(unit),
        )
    })
}

fn atoms() -> impl Strategy<Value = u64> {
    prop_oneof![10 => 1_u64..30, 2 => 30_u64..100, 1 => Just(Amount::MAX)]
}

fn transfer() -> impl Strategy<Value = Transfer> {
    let several = || prop::collection::vec((place(), atoms()), 1..4);
    let sides = (several(), several(), any::<bool>());
    let mixed = sides.prop_map(|(payers, payees, is_even)| {
        let side = |list: &[((AccountKey, UnitKey), u64)]| -> Vec<_> {
            list.iter()
                .map(|&((account, unit), atoms)| part(account, unit, atoms))
                .collect()
        };
        let (payers, mut payees) = (side(&payers), side(&payees));
        if is_even {
            // Of each payer's part, one payee receives all.
            payees.resize(payers.len(), payees[0]);
            for (payer, payee) in payers.iter().zip(&mut payees) {
                (payee.unit, payee.amount) = (payer.unit, payer.amount);
            }
        }
        Transfer::new(payers, payees).unwrap()
    });
    let one = (pair(), atoms()).prop_map(|((payer, payee, unit), atoms)| {
        Transfer::between(payer, payee, unit, amount(atoms))
    });
    prop_oneof![3 => one, 1 => mixed]
}

/// An entry, mostly one that there is: counted back from the newest.
fn back() -> impl Strategy<Value = u32> {
    prop_oneof![5 => 0_u32..4, 1 => 0_u32..40]
}

/// An action; entries are named by their distance from the newest.
fn action() -> impl Strategy<Value = Action> {
    let hold = (pair(), atoms()).prop_map(|((payer, payee, unit), atoms)| Hold {
        payer,
        payee,
        unit,
        amount: amount(atoms),
    });
    let resolve = (back(), prop::option::of(atoms())).prop_map(|(hold, posted)| Resolve {
        hold: EntryNumber::new(hold),
        posted: posted.map(amount),
    });
    let refund = (back(), transfer()).prop_map(|(original, back)| Refund {
        original: EntryNumber::new(original),
        back,
    });
    let limits = prop_oneof![
        Just(Limits::UNBOUNDED),
        (-50_i64..0, 0_i64..50)
            .prop_map(|(floor, ceiling)| { Limits::between(floor, ceiling).unwrap() })
    ];
    let change = (place(), limits).prop_map(|((account, unit), limits)| LimitChange {
        account,
        unit,
        limits,
    });
    let close = (0_u64..60).prop_map(|through| Close {
        through: date(through),
    });
    prop_oneof![
        8 => transfer().prop_map(Action::from),
        4 => hold.prop_map(Action::from),
        4 => resolve.prop_map(Action::from),
        4 => refund.prop_map(Action::from),
        1 => change.prop_map(Action::from),
        1 => close.prop_map(Action::from),
    ]
}

fn cause() -> impl Strategy<Value = Option<CauseId>> {
    prop::option::of((0_u8..3).prop_map(|byte| CauseId::from_bytes([byte; 32])))
}

pub(super) fn any_request() -> impl Strategy<Value = Request> {
    (0_u64..200, 0_u64..60, cause(), cause(), action()).prop_map(
        |(number, at, cause, decision, action)| Request {
            key: key(number),
            date: date(at),
            cause,
            decision,
            memo: None,
            action,
        },
    )
}

/// One atom back, from the first payee to the first payer in its unit.
fn first_atom(paid: &Transfer) -> Transfer {
    let from = paid.payees[0];
    let same_unit = paid.payers.iter().find(|part| part.unit == from.unit);
    Transfer::between(
        from.account,
        same_unit.unwrap().account,
        from.unit,
        amount(1),
    )
}

/// Turns distances from the newest entry into numbers, and some refunds into
/// ones that fit their original.
pub(super) fn place_in(plain: &Plain, mut request: Request) -> Request {
    let number = |back: EntryNumber| EntryNumber::new(plain.next.saturating_sub(1 + back.get()));
    match &mut request.action {
        Action::Resolve(resolve) => {
            resolve.hold = number(resolve.hold);
            if let Some(open) = plain.open_holds().first()
                && !request.date.as_millis().is_multiple_of(3)
            {
                resolve.hold = EntryNumber::new(*open);
            }
        }
        Action::Refund(refund) => {
            refund.original = number(refund.original);
            let original = plain.request(refund.original).map(|at| at.action.clone());
            if let Some(Action::Transfer(paid)) = original
                && !request.date.as_millis().is_multiple_of(3)
            {
                let is_whole = request.date.as_millis().is_multiple_of(2);
                refund.back = if is_whole {
                    paid.reversed()
                } else {
                    first_atom(&paid)
                };
            }
        }
        _ => {}
    }
    request
}

pub(super) fn compare_places(book: &Book, plain: &Plain) {
    for place in places() {
        let (account, unit) = (AccountKey::new(place.0), UnitKey::new(place.1));
        let standing = book.standing(account, unit);
        let Some(limits) = plain.limits(place) else {
            assert_eq!(standing.unwrap_err().code(), "book.query.not_open");
            continue;
        };
        let (standing, (held_out, held_in)) = (standing.unwrap(), plain.held(place));
        let position = plain.position(place);
        assert_eq!(standing.position.get(), position);
        assert_eq!(standing.held_out, held_out.unsigned_abs());
        assert_eq!(standing.held_in, held_in.unsigned_abs());
        assert_eq!(standing.limits, limits);
        let left = limits
            .floor()
            .map(|floor| position - held_out - i128::from(floor));
        assert_eq!(standing.available, left);
        let left = limits
            .ceiling()
            .map(|ceiling| i128::from(ceiling) - position - held_in);
        assert_eq!(standing.room, left);
        compare_lines(book, plain, place);
    }
    for row in book.trial_balance() {
        assert!(row.is_balanced());
        let of_unit = places().filter(|place| place.1 == row.unit.get());
        let owed = of_unit
            .map(|place| plain.position(place).max(0))
            .sum::<i128>();
        assert_eq!(row.owed, owed.unsigned_abs());
    }
}

fn compare_lines(book: &Book, plain: &Plain, place: Place) {
    let (account, unit) = (AccountKey::new(place.0), UnitKey::new(place.1));
    let mut position = 0;
    let mut expected = Vec::new();
    for (number, request) in &plain.accepted {
        for (at, change) in plain.changes(&request.action) {
            if at == place {
                position += change;
                expected.push((*number, request.date.as_millis(), change, position));
            }
        }
    }
    let lines: Vec<_> = book.lines(account, unit, None).unwrap().collect();
    let found = lines.iter().rev().map(|line| {
        let at = line.date.as_millis();
        (line.entry.get(), at, line.change, line.position.get())
    });
    assert!(found.eq(expected.iter().copied()));
    if let Some(middle) = lines.get(lines.len() / 2) {
        let rest = book.lines(account, unit, Some(middle.step)).unwrap();
        assert!(rest.eq(lines[lines.len() / 2 + 1..].iter().copied()));
    }
    compare_past(book, &expected, account, unit);
}

/// Number, date, change and position of a line.
type Expected = (u32, u64, i128, i128);

fn compare_past(book: &Book, expected: &[Expected], account: AccountKey, unit: UnitKey) {
    let sum = |counts: &dyn Fn(&Expected) -> bool| -> i128 {
        expected.iter().filter(|at| counts(at)).map(|at| at.2).sum()
    };
    for (cut, at) in [(9, 10), (14, 30), (20, 59), (u32::MAX, 5)] {
        let (entry, moment) = (EntryNumber::new(cut), date(at));
        for (as_of, atoms) in [
            (AsOf::Entry(entry), sum(&|line| line.0 <= cut)),
            (AsOf::Date(moment), sum(&|line| line.1 <= at)),
            (
                AsOf::Known(moment, entry),
                sum(&|line| line.0 <= cut && line.1 <= at),
            ),
        ] {
            let mut assertion = Assertion {
                account,
                unit,
                as_of,
                position: Position::new(atoms),
            };
            assert_eq!(book.check(&assertion), Ok(()));
            assertion.position = Position::new(atoms + 1);
            assert_eq!(
                book.check(&assertion).unwrap_err().code(),
                "book.query.differs"
            );
        }
        let by_date = Span::Dates(date(10)..moment);
        let by_number = Span::Entries(EntryNumber::new(12)..entry);
        for (span, is_before, is_within) in [
            (
                by_date,
                &(|line: &Expected| line.1 < 10) as &dyn Fn(&Expected) -> bool,
                &(|line: &Expected| (10..at).contains(&line.1)) as &dyn Fn(&Expected) -> bool,
            ),
            (by_number, &|line| line.0 < 12, &|line| {
                (12..cut).contains(&line.0)
            }),
        ] {
            let statement = book.statement(account, unit, &span).unwrap();
            assert!(statement.adds_up());
            assert_eq!(statement.opening.get(), sum(is_before));
            let mut lines: Vec<_> = expected.iter().filter(|line| is_within(line)).collect();
            if let Span::Dates(_) = span {
                lines.sort_by_key(|line| line.1);
            }
            let lines = lines.iter().map(|line| (line.0, line.2));
            assert!(
                statement
                    .lines
                    .iter()
                    .map(|line| (line.entry.get(), line.change))
                    .eq(lines)
            );
        }
    }
}

pub(super) fn compare_lists(book: &Book, plain: &Plain) {
    for byte in 0..3 {
        let cause = CauseId::from_bytes([byte; 32]);
        let names = |at: &&(u32, Request)| [at.1.cause, at.1.decision].contains(&Some(cause));
        let mut expected: Vec<u32> = plain.accepted.iter().filter(names).map(|at| at.0).collect();
        expected.reverse();
        let list = |after| {
            book.by_cause(&cause, after)
                .map(|entry| entry.number().get())
        };
        assert!(list(None).eq(expected.iter().copied()));
        if let Some((first, rest)) = expected.split_first() {
            assert!(list(Some(EntryNumber::new(*first))).eq(rest.iter().copied()));
        }
    }
    let mut dated: Vec<_> = plain
        .accepted
        .iter()
        .map(|at| (at.1.date.as_millis(), at.0))
        .collect();
    dated.sort_unstable();
    dated.retain(|(at, _)| (5..50).contains(at));
    let list = |after| {
        book.by_date(date(5)..date(50), after)
            .map(|entry| entry.number().get())
    };
    assert!(list(None).eq(dated.iter().map(|at| at.1)));
    if let Some((_, middle)) = dated.get(dated.len() / 2) {
        let rest = dated[dated.len() / 2 + 1..].iter().map(|at| at.1);
        assert!(list(Some(EntryNumber::new(*middle))).eq(rest));
    }
    let mut late = Vec::new();
    let mut before = Plain::default();
    for (number, request) in &plain.accepted {
        if before
            .closed_through()
            .is_some_and(|end| request.date.as_millis() <= end)
        {
            late.push(*number);
        }
        before.accepted.push((*number, request.clone()));
    }
    assert!(book.late().map(|entry| entry.number().get()).eq(late));
    assert!(
        book.open_holds()
            .map(|(entry, _)| entry.get())
            .eq(plain.open_holds())
    );
    assert_eq!(
        book.closed_through().map(Timestamp::as_millis),
        plain.closed_through()
    );
    for (number, request) in &plain.accepted {
        let entry = book.entry(EntryNumber::new(*number)).unwrap();
        assert_eq!(entry.date(), Some(request.date));
        assert_eq!(
            book.find(&entry.id()).map(|found| found.number()),
            Some(entry.number())
        );
    }
}

fn code_of(result: Result<Posted, BookError>) -> Result<u32, &'static str> {
    result
        .map(|posted| posted.number().get())
        .map_err(|error| error.code())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_book_is_the_plain_book_after_every_step(
        requests in prop::collection::vec(any_request(), 1..60),
    ) {
        let (mut book, mut plain) = start();
        for request in requests {
            let request = place_in(&plain, request);
            prop_assert_eq!(code_of(book.post(&request)), plain.post(&request), "{:?}", request);
            compare_places(&book, &plain);
            compare_lists(&book, &plain);
        }
        prop_assert_eq!(book.verify(), Ok(()));
        let bytes: Vec<Vec<u8>> = book.entries().map(|entry| entry.bytes().to_vec()).collect();
        let copy = Book::replay(bytes.iter().map(Vec::as_slice)).unwrap();
        prop_assert_eq!(copy.head(), book.head());
        compare_places(&copy, &plain);
        compare_lists(&copy, &plain);
    }

    #[test]
    fn an_atomic_batch_is_all_or_nothing_wherever_it_fails(
        requests in prop::collection::vec(any_request(), 1..30),
        len in 1_usize..8,
    ) {
        let (mut book, mut plain) = start();
        for batch in requests.chunks(len) {
            let mut after = plain.clone();
            let mut items = Vec::new();
            let mut expected = Vec::new();
            for request in batch {
                let request = place_in(&after, request.clone());
                expected.push(after.post(&request));
                items.push(request);
            }
            let failed = expected.iter().position(Result::is_err);
            if let Some(item) = failed {
                let code = expected[item];
                expected.fill(Err("book.undone"));
                expected[item] = code;
            }
            let results = book.post_all(Batch::Atomic, &items);
            let found: Vec<_> = results.iter().map(|result| code_of(*result)).collect();
            prop_assert_eq!(found, expected);
            if failed.is_none() {
                plain = after;
            }
            compare_places(&book, &plain);
            compare_lists(&book, &plain);
            prop_assert_eq!(book.verify(), Ok(()));
        }
        // A book that never saw the failed batches is the same to the byte.
        let (mut only, _) = start();
        for (_, request) in &plain.accepted {
            only.post(request).unwrap();
        }
        prop_assert_eq!(only.head(), book.head());
    }

    #[test]
    fn independent_items_are_posts_one_by_one(
        requests in prop::collection::vec(any_request(), 1..20),
    ) {
        let ((mut book, plain), (mut single, _)) = (start(), start());
        let requests: Vec<_> = requests.into_iter().map(|at| place_in(&plain, at)).collect();
        let results = book.post_all(Batch::Independent, &requests);
        let one_by_one: Vec<_> = requests.iter().map(|at| single.post(at)).collect();
        prop_assert_eq!(results, one_by_one);
        prop_assert_eq!(book.head(), single.head());
    }

    #[test]
    fn transfers_without_limits_come_to_the_same_in_any_order(
        (list, shuffled) in prop::collection::vec((0_u32..2, atoms(), 0_u64..60), 1..30)
            .prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())),
    ) {
        let positions = |list: &[(u32, u64, u64)]| {
            let mut book = Book::new();
            let hours = book.define(unit("hours")).unwrap();
            let mut open = |name: &str| {
                book.open(&name.parse().unwrap(), hours, Limits::UNBOUNDED).unwrap()
            };
            let accounts = [open("a"), open("b"), open("c")];
            for (number, &(payer, atoms, at)) in (0..).zip(list) {
                let (payer, payee) = (accounts[payer as usize], accounts[payer as usize + 1]);
                let pay = Transfer::between(payer, payee, hours, amount(atoms));
                book.post(&Request::new(key(number), date(at), pay)).unwrap();
            }
            accounts.map(|account| book.position(account, hours, AsOf::Date(date(30))))
        };
        prop_assert_eq!(positions(&list), positions(&shuffled));
    }
}
