//! Every error of a book, in order of precedence. None writes anything.

use icn_ledger::book::{
    AccountKey, AccountName, Batch, BookError, Close, EntryNumber, Hold, LimitChange, Limits,
    LimitsError, Memo, MemoError, NameError, OpenError, Refund, Request, Resolve, RuleError,
    StructureError, Transfer, UnitKey,
};
use icn_types::amount::Amount;
use icn_types::error::{Coded as _, Fault};

use super::{Coop, amount, date, part, request, unit};

/// Refused with this code, and the book is as it was.
fn refuse(coop: &mut Coop, request: &Request, code: &str) -> BookError {
    let (head, rows) = (coop.book.head(), coop.book.trial_balance());
    let error = coop.book.post(request).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert_eq!(coop.book.head(), head);
    assert_eq!(coop.book.trial_balance(), rows);
    error
}

#[test]
fn a_wrong_handle_is_refused_before_anything_else() {
    let mut coop = Coop::new();
    let (nobody, nothing) = (AccountKey::new(99), UnitKey::new(99));
    let hours = coop.hours;
    let pay = Transfer::between(nobody, coop.alice, hours, amount(1));
    refuse(&mut coop, &request(1, pay), "book.account");
    let pay = Transfer::between(coop.bob, coop.alice, nothing, amount(1));
    refuse(&mut coop, &request(1, pay), "book.unit");
    let unused = coop.book.define(unit("unused")).unwrap();
    let pay = Transfer::between(coop.bob, coop.alice, unused, amount(1));
    let error = refuse(&mut coop, &request(1, pay), "book.not_open");
    let not_open = StructureError::NotOpen {
        account: coop.bob,
        unit: unused,
    };
    assert_eq!(error, BookError::Structure(not_open));
    assert_eq!(error.fault(), Fault::Caller);
}

#[test]
fn a_payment_that_does_not_fit_together_is_refused() {
    let mut coop = Coop::new();
    let (alice, bob, hours, euros) = (coop.alice, coop.bob, coop.hours, coop.euros);
    let own = Transfer::between(bob, bob, hours, amount(1));
    refuse(&mut coop, &request(1, own), "book.self");
    let uneven = Transfer::new([part(bob, hours, 2)], [part(alice, hours, 3)]).unwrap();
    refuse(&mut coop, &request(1, uneven), "book.balance");
    let mixed = Transfer::new([part(bob, hours, 2)], [part(alice, euros, 2)]).unwrap();
    refuse(&mut coop, &request(1, mixed), "book.balance");
    let mut dear = unit("dear");
    dear.min_leg = amount(10);
    let dear = coop.book.define(dear).unwrap();
    for name in ["members:alice", "members:bob"] {
        let name = name.parse().unwrap();
        coop.book.open(&name, dear, Limits::UNBOUNDED).unwrap();
    }
    let small = Transfer::between(bob, alice, dear, amount(9));
    refuse(&mut coop, &request(1, small), "book.minimum");
    assert!(Transfer::new([], [part(alice, hours, 1)]).is_err());
    assert!(Transfer::new([part(bob, hours, 1)], [part(alice, hours, 1); 65]).is_err());
}

#[test]
fn a_key_used_for_another_request_is_refused_whatever_else_is_wrong_with_it() {
    let mut coop = Coop::new();
    let paid = coop.book.post(&request(1, coop.pay(10))).unwrap();
    let beyond = request(1, coop.pay(1000));
    let error = refuse(&mut coop, &beyond, "book.key");
    let first = paid.number();
    assert_eq!(error, BookError::KeyConflict { first });
    let mut later = request(1, coop.pay(10));
    later.date = date(2);
    refuse(&mut coop, &later, "book.key");
}

#[test]
fn limits_are_tested_only_away_from_them_and_with_what_is_held() {
    let mut coop = Coop::new();
    coop.book.post(&request(1, coop.pay(60))).unwrap();
    let (alice, bob, carol, hours) = (coop.alice, coop.bob, coop.carol, coop.hours);
    let hold = Hold {
        payer: bob,
        payee: carol,
        unit: hours,
        amount: amount(30),
    };
    coop.book.post(&request(2, hold)).unwrap();
    let pay_11 = request(3, coop.pay(11));
    let error = refuse(&mut coop, &pay_11, "book.limit.floor");
    let floor = RuleError::Floor {
        account: bob,
        unit: hours,
        available: 10,
    };
    assert_eq!(error, BookError::Rule(floor));
    assert_eq!(error.fault(), Fault::Rule);
    refuse(
        &mut coop,
        &request(
            3,
            Hold {
                amount: amount(11),
                ..hold
            },
        ),
        "book.limit.floor",
    );

    // Carol may take 70 besides what is held for her.
    let gift = |atoms| Transfer::between(coop.bank, carol, hours, amount(atoms));
    let (gift_71, gift_70) = (request(4, gift(71)), request(4, gift(70)));
    let error = refuse(&mut coop, &gift_71, "book.limit.ceiling");
    let ceiling = RuleError::Ceiling {
        account: carol,
        unit: hours,
        room: 70,
    };
    assert_eq!(error, BookError::Rule(ceiling));
    coop.book.post(&gift_70).unwrap();

    // Bob's floor is raised above him: he may come back, and not go further.
    let change = LimitChange {
        account: bob,
        unit: hours,
        limits: Limits::between(-20, 100).unwrap(),
    };
    coop.book.post(&request(5, change)).unwrap();
    let pay_1 = request(6, coop.pay(1));
    refuse(&mut coop, &pay_1, "book.limit.floor");
    let back = Transfer::between(alice, bob, hours, amount(1));
    coop.book.post(&request(6, back)).unwrap();
}

#[test]
fn one_refused_part_undoes_the_parts_before_it() {
    let mut coop = Coop::new();
    let (alice, bob, carol, hours) = (coop.alice, coop.bob, coop.carol, coop.hours);
    let payers = [part(bob, hours, 60), part(bob, hours, 41)];
    let pay = Transfer::new(payers, [part(alice, hours, 50), part(carol, hours, 51)]).unwrap();
    refuse(&mut coop, &request(1, pay), "book.limit.floor");
    let payers = [part(bob, hours, 60), part(bob, hours, 40)];
    let pay = Transfer::new(payers, [part(alice, hours, 50), part(carol, hours, 50)]).unwrap();
    coop.book.post(&request(1, pay)).unwrap();
    assert_eq!(coop.position(bob), -100);
}

#[test]
fn a_hold_is_resolved_once_and_by_no_more_than_it_holds() {
    let mut coop = Coop::new();
    let paid = coop.book.post(&request(1, coop.pay(1))).unwrap();
    let hold = Hold {
        payer: coop.bob,
        payee: coop.alice,
        unit: coop.hours,
        amount: amount(50),
    };
    let held = coop.book.post(&request(2, hold)).unwrap().number();
    let resolve = |hold, posted: Option<u64>| Resolve {
        hold,
        posted: posted.map(amount),
    };
    let no_hold = request(3, resolve(paid.number(), None));
    refuse(&mut coop, &no_hold, "book.hold.none");
    refuse(
        &mut coop,
        &request(3, resolve(EntryNumber::new(99), None)),
        "book.hold.none",
    );
    let error = refuse(
        &mut coop,
        &request(3, resolve(held, Some(51))),
        "book.hold.part",
    );
    assert_eq!(error, BookError::Rule(RuleError::Part { held: 50 }));

    let part = request(3, resolve(held, Some(20)));
    let resolved = coop.book.post(&part).unwrap();
    assert_eq!(coop.position(coop.bob), -21);
    assert_eq!(
        coop.book.standing(coop.bob, coop.hours).unwrap().held_out,
        0
    );
    let by = resolved.number();
    let error = refuse(
        &mut coop,
        &request(4, resolve(held, None)),
        "book.hold.resolved",
    );
    assert_eq!(error, BookError::Rule(RuleError::Resolved { by }));
    // The same resolution under the same key is still done.
    assert_eq!(coop.book.post(&part).unwrap().number(), by);

    let own = Hold {
        payee: coop.bob,
        ..hold
    };
    refuse(&mut coop, &request(5, own), "book.self");
}

#[test]
fn refunds_come_to_no_more_than_the_payment() {
    let mut coop = Coop::new();
    let (alice, bob, carol, hours) = (coop.alice, coop.bob, coop.carol, coop.hours);
    let paid = coop.book.post(&request(1, coop.pay(50))).unwrap().number();
    let refund = |original, from, to, atoms| Refund {
        original,
        back: Transfer::between(from, to, hours, amount(atoms)),
    };
    refuse(
        &mut coop,
        &request(2, refund(EntryNumber::new(0), alice, bob, 1)),
        "book.refund.none",
    );
    refuse(
        &mut coop,
        &request(2, refund(EntryNumber::new(99), alice, bob, 1)),
        "book.refund.none",
    );
    refuse(
        &mut coop,
        &request(2, refund(paid, carol, bob, 1)),
        "book.refund.party",
    );
    refuse(
        &mut coop,
        &request(2, refund(paid, bob, alice, 1)),
        "book.refund.party",
    );
    refuse(
        &mut coop,
        &request(2, refund(paid, alice, bob, 51)),
        "book.refund.sum",
    );
    let back = coop
        .book
        .post(&request(2, refund(paid, alice, bob, 30)))
        .unwrap();
    let error = refuse(
        &mut coop,
        &request(3, refund(paid, alice, bob, 21)),
        "book.refund.sum",
    );
    let left = RuleError::Refunded {
        account: alice,
        left: 20,
    };
    assert_eq!(error, BookError::Rule(left));
    // A refund is not refunded.
    let again = request(3, refund(back.number(), bob, alice, 1));
    refuse(&mut coop, &again, "book.refund.none");
    coop.book
        .post(&request(3, refund(paid, alice, bob, 20)))
        .unwrap();
    assert_eq!(coop.position(alice), 0);
}

#[test]
fn a_refused_refund_uses_up_nothing_of_the_payment() {
    let mut coop = Coop::new();
    let (alice, bob, carol, hours) = (coop.alice, coop.bob, coop.carol, coop.hours);
    let pay = |atoms, other| {
        let payees = [part(alice, hours, atoms), part(carol, hours, other)];
        Transfer::new([part(bob, hours, atoms + other)], payees).unwrap()
    };
    let original = coop.book.post(&request(1, pay(30, 20))).unwrap().number();
    let refund = |atoms, other| Refund {
        original,
        back: pay(atoms, other).reversed(),
    };
    refuse(&mut coop, &request(2, refund(29, 21)), "book.refund.sum");
    // Carol spent what she would have to give back.
    let spent = Transfer::between(carol, coop.bank, hours, amount(120));
    coop.book.post(&request(2, spent)).unwrap();
    refuse(&mut coop, &request(3, refund(30, 20)), "book.limit.floor");
    let gift = Transfer::between(coop.bank, carol, hours, amount(20));
    coop.book.post(&request(3, gift)).unwrap();
    coop.book.post(&request(4, refund(30, 20))).unwrap();
}

#[test]
fn an_account_that_was_paid_more_than_an_amount_gives_all_of_it_back() {
    let mut coop = Coop::new();
    let (bank, hours) = (coop.bank, coop.hours);
    let vault = "vault".parse().unwrap();
    let vault = coop.book.open(&vault, hours, Limits::UNBOUNDED).unwrap();
    let most = |account| part(account, hours, Amount::MAX);
    let pay = Transfer::new([most(bank); 2], [most(vault); 2]).unwrap();
    let original = coop.book.post(&request(1, pay.clone())).unwrap().number();
    let back = pay.reversed();
    coop.book
        .post(&request(2, Refund { original, back }))
        .unwrap();
    let back = Transfer::between(vault, bank, hours, amount(1));
    refuse(
        &mut coop,
        &request(3, Refund { original, back }),
        "book.refund.sum",
    );
}

#[test]
fn a_period_is_closed_once() {
    let mut coop = Coop::new();
    let close = |through| Close {
        through: date(through),
    };
    coop.book.post(&request(1, close(10))).unwrap();
    refuse(&mut coop, &request(2, close(10)), "book.closed");
    coop.book.post(&request(2, close(11))).unwrap();
}

#[test]
fn an_atomic_batch_leaves_nothing_when_an_item_fails() {
    let mut coop = Coop::new();
    let items = [request(1, coop.pay(60)), request(2, coop.pay(60))];
    let before = coop.book.head();
    let results = coop.book.post_all(Batch::Atomic, &items);
    assert_eq!(results[0], Err(BookError::Undone { item: 1 }));
    assert_eq!(results[0].unwrap_err().code(), "book.undone");
    assert_eq!(results[1].unwrap_err().code(), "book.limit.floor");
    assert_eq!(coop.book.head(), before);
    let results = coop.book.post_all(Batch::Independent, &items);
    assert!(results[0].is_ok());
    assert_eq!(results[1].unwrap_err().code(), "book.limit.floor");
}

#[test]
fn an_account_is_opened_in_a_known_unit_and_with_one_pair_of_limits() {
    let mut coop = Coop::new();
    let alice: AccountName = "members:alice".parse().unwrap();
    let credit = Limits::between(-100, 100).unwrap();
    assert_eq!(coop.book.open(&alice, coop.hours, credit), Ok(coop.alice));
    let error = coop
        .book
        .open(&alice, coop.hours, Limits::UNBOUNDED)
        .unwrap_err();
    let account = coop.alice;
    assert_eq!(error, OpenError::Limits { account });
    assert_eq!(error.code(), "book.open.limits");
    let unit = UnitKey::new(99);
    let error = coop.book.open(&alice, unit, credit).unwrap_err();
    assert_eq!(error, OpenError::Unit { unit });
    assert_eq!(error.code(), "book.open.unit");
}

#[test]
fn a_text_that_is_no_name_is_refused_where_it_goes_wrong() {
    for (text, error) in [
        ("", NameError::Empty),
        ("a::b", NameError::Empty),
        ("a:", NameError::Empty),
        (" a", NameError::Character { at: 0 }),
        ("a:b ", NameError::Character { at: 3 }),
        ("a:b  c", NameError::Character { at: 4 }),
        ("a;b", NameError::Character { at: 1 }),
        ("a\tb", NameError::Character { at: 1 }),
        ("ab\u{a0}c", NameError::Character { at: 2 }),
        ("\u{85}", NameError::Character { at: 0 }),
        (&"a".repeat(251), NameError::Long),
    ] {
        assert_eq!(AccountName::new(text), Err(error), "{text:?}");
    }
    for text in ["a", "a b:c-d_e.f&g'h/i+1", "\u{17c}:\u{4e2d}\u{6587}"] {
        assert_eq!(AccountName::new(text).unwrap().as_str(), text);
    }
    assert_eq!(NameError::Empty.code(), "book.name.empty");
    assert_eq!(NameError::Long.code(), "book.name.long");
    assert_eq!(NameError::Character { at: 0 }.code(), "book.name.character");
}

#[test]
fn a_memo_is_one_bounded_line() {
    assert_eq!(Memo::new("a\nb"), Err(MemoError::Control));
    assert_eq!(Memo::new(&"a".repeat(1001)), Err(MemoError::Long));
    assert_eq!(Memo::new(&"a".repeat(1000)).unwrap().as_str().len(), 1000);
    assert_eq!(MemoError::Control.code(), "book.memo.control");
    assert_eq!(MemoError::Long.code(), "book.memo.long");
}

#[test]
fn a_floor_lies_below_its_ceiling() {
    let error: LimitsError = Limits::between(1, 0).unwrap_err();
    assert_eq!(error.code(), "book.limits.order");
    assert!(Limits::between(0, 0).is_ok());
}

#[test]
fn the_same_key_and_request_give_the_first_outcome_again_and_refusals_may_be_retried() {
    let mut coop = Coop::new();
    let (bob, bank, hours) = (coop.bob, coop.bank, coop.hours);
    let pay = request(1, coop.pay(101));
    refuse(&mut coop, &pay, "book.limit.floor");
    let gift = Transfer::between(bank, bob, hours, amount(1));
    coop.book.post(&request(2, gift)).unwrap();
    let error = refuse(&mut coop, &pay, "book.limit.ceiling");
    assert!(matches!(error, BookError::Rule(RuleError::Ceiling { .. })));
    let pay = request(1, coop.pay(100));
    let first = coop.book.post(&pay).unwrap();
    let again = coop.book.post(&pay).unwrap();
    assert_ne!(first, again);
    assert_eq!((first.number(), first.id()), (again.number(), again.id()));
    assert_eq!(coop.position(coop.alice), 100);
}
