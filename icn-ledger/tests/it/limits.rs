//! Limits: what counts as credit, and how limits go up and down.

use icn_types::authority::{Grant, Tip};
use icn_types::id::ChainId;
use icn_types::testkit::stage::GRANT;

use crate::market::{Market, leg};

/// An account with `atoms` of unsealed credit from the other one.
fn credited(atoms: u64) -> (Market, ChainId, ChainId) {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.pay(a, b, atoms);
    market.ack(b, &[leg(payment, 0)]);
    (market, a, b)
}

#[test]
fn unsealed_credit_is_spendable_up_to_the_float() {
    let (market, _, b) = credited(50);
    assert_eq!(market.spendable(b), 120);
    let (market, _, b) = credited(15);
    assert_eq!(market.spendable(b), 115);
}

#[test]
fn credit_is_sealed_once_a_seal_is_named_together_with_its_head() {
    let (mut market, a, b) = credited(50);
    let seal = market.seal(a);
    let head = market.tip(a).unwrap().head;
    market.note(b, &[seal]);
    market.note(b, &[head]);
    assert_eq!(market.spendable(b), 120, "each alone says nothing");
    market.note(b, &[seal, head]);
    assert_eq!(market.spendable(b), 150);
    let payment = market.pay(b, a, 150);
    assert_eq!(market.verdict(&payment), "valid");
}

#[test]
fn a_payment_may_name_the_seal_that_it_needs() {
    let (mut market, a, b) = credited(50);
    let seal = market.seal(a);
    let head = market.tip(a).unwrap().head;
    let tip = market.tip(b);
    let payment = market.payment(&[(a, 150)]);
    let without = market
        .stage
        .write_after(&b, tip, icn_ledger::entry::PAYMENT, &[], &payment);
    market.feed();
    assert_eq!(market.verdict(&without), "limit.floor");
    let with = market.post(b, &[seal, head], &payment);
    assert_eq!(market.verdict(&with), "valid");
}

#[test]
fn credit_that_a_payment_seals_is_not_spent_as_float_once_more() {
    let (mut market, a, b) = credited(20);
    let seal = market.seal(a);
    let head = market.tip(a).unwrap().head;
    let tip = market.tip(b);
    for (atoms, verdict) in [(121, "limit.floor"), (120, "valid")] {
        let payment = market.payment(&[(a, atoms)]);
        let refs = [seal.min(head), seal.max(head)];
        let id = market.write_after(b, tip, icn_ledger::entry::PAYMENT, &refs, &payment);
        assert_eq!(market.verdict(&id), verdict, "{atoms}");
    }
}

#[test]
fn a_seal_covers_what_is_acknowledged_later_and_a_later_seal_more() {
    let (mut market, a, b) = credited(40);
    let second = market.pay(a, b, 25);
    let first_seal = market.seal(a);
    let first_head = market.tip(a).unwrap().head;
    market.note(b, &[first_seal, first_head]);
    market.ack(b, &[leg(second, 0)]);
    assert_eq!(market.spendable(b), 165);
    let third = market.pay(a, b, 30);
    market.ack(b, &[leg(third, 0)]);
    assert_eq!(market.spendable(b), 185, "20 of 30");
    let seal = market.seal(a);
    let head = market.tip(a).unwrap().head;
    market.note(b, &[seal, head]);
    assert_eq!(market.spendable(b), 195);
    market.note(b, &[first_seal, first_head]);
    assert_eq!(market.spendable(b), 195, "an older seal takes nothing back");
    let fourth = market.pay(b, a, 20);
    market.ack(a, &[leg(fourth, 0)]);
    assert_eq!(market.spendable(b), 175);
}

#[test]
fn seals_of_a_dropped_registrar_keep_covering_for_who_named_them() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let [one, two] = [50, 30].map(|atoms| market.pay_after(a, None, b, atoms));
    let authority = market.stage.set.authority();
    let honoured = market
        .stage
        .set
        .spine(&authority)
        .last()
        .map(|&slot| market.stage.set.record(slot).id());
    let dropped = market.seal_at(a, Some(Tip { seq: 0, head: one }));
    market.note(b, &[dropped, one]);
    market.stage.recall(honoured.unwrap(), &[]);
    market.feed();
    let in_force = market.seal_at(a, Some(Tip { seq: 0, head: two }));
    market.note(b, &[in_force, two]);
    let ack = market.ack(b, &[leg(one, 0), leg(two, 0)]);
    assert_eq!(market.verdict(&ack), "valid");
    assert_eq!(market.spendable(b), 180);
    assert_eq!(
        market.posted(a),
        -30,
        "labels follow the registrar in force"
    );
}

#[test]
fn credit_from_beside_the_sealed_branch_stays_unsealed() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let branches = [50, 30, 10].map(|atoms| market.pay_after(a, None, b, atoms));
    market.ack(b, &[leg(branches[0], 0), leg(branches[1], 0)]);
    let head = branches[0];
    let seal = market.seal_at(a, Some(Tip { seq: 0, head }));
    market.note(b, &[seal, head]);
    assert_eq!(market.spendable(b), 170, "50 sealed, 20 of 30");
    market.ack(b, &[leg(branches[2], 0)]);
    assert_eq!(market.spendable(b), 170, "20 of 40");
}

#[test]
fn without_a_float_only_sealed_credit_is_spendable() {
    let strict = Grant { float: 0, ..GRANT };
    let mut market = Market::with_grant(2, strict);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.pay(a, b, 50);
    market.ack(b, &[leg(payment, 0)]);
    assert_eq!(market.spendable(b), 100);
    let seal = market.seal(a);
    let head = market.tip(a).unwrap().head;
    market.note(b, &[seal, head]);
    assert_eq!(market.spendable(b), 150);
}

#[test]
fn a_returned_leg_is_credit_of_the_refuser_until_it_is_sealed() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.pay(a, b, 60);
    let refusal = market.refuse(b, &[leg(payment, 0)]);
    assert_eq!(market.spendable(b), 100, "a refused leg is no credit");
    market.ack(a, &[leg(refusal, 0)]);
    assert_eq!((market.posted(a), market.posted(b)), (0, 0));
    assert_eq!(market.spendable(a), 60, "40 left, 20 of the return");
    let seal = market.seal(b);
    let head = market.tip(b).unwrap().head;
    market.note(a, &[seal, head]);
    assert_eq!(market.spendable(a), 100);
}

#[test]
fn a_raise_counts_once_the_account_names_it() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let raise = market.stage.raise(&a, -150);
    market.feed();
    let tip = market.tip(a);
    let unnamed = market.pay_after(a, tip, b, 150);
    assert_eq!(market.verdict(&unnamed), "limit.floor");
    let payment = market.payment(&[(b, 150)]);
    let named = market.post(a, &[raise], &payment);
    assert_eq!(market.verdict(&named), "valid");
    let more = market.pay(a, b, 1);
    assert_eq!(market.verdict(&more), "limit.floor");
}

#[test]
fn of_several_raises_the_lowest_floor_counts_in_any_order() {
    let mut market = Market::new(2);
    let a = market.chains[0];
    let raises = [-120, -150].map(|floor| market.stage.raise(&a, floor));
    market.feed();
    market.note(a, &[raises[1]]);
    assert_eq!(market.spendable(a), 150);
    market.note(a, &[raises[0]]);
    assert_eq!(market.spendable(a), 150);
    let tip = market.tip(a);
    market.note(a, &raises);
    assert_eq!(market.spendable(a), 150);
    assert!(tip < market.tip(a));
}

#[test]
fn a_raise_is_for_one_epoch_of_one_account() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let raise = market.stage.raise(&a, -150);
    market.feed();
    let of_another = market.note(b, &[raise]);
    assert_eq!(market.verdict(&of_another), "valid");
    assert_eq!(market.spendable(b), 100);
    market.note(a, &[raise]);
    assert_eq!(market.spendable(a), 150);
    let tip = market.tip(a);
    market.reopen(a, tip, 0);
    assert_eq!(market.spendable(a), 100, "the next epoch has its own grant");
    market.note(a, &[raise]);
    assert_eq!(market.spendable(a), 100);
}

#[test]
fn lowering_a_limit_keeps_what_was_sealed_and_charges_what_was_acknowledged() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let before = market.pay(a, b, 40);
    let sealed = market.tip(a);
    let offline = market.pay(a, b, 30);
    let unseen = market.pay(a, b, 10);
    market.ack(b, &[leg(before, 0), leg(offline, 0)]);
    assert_eq!(market.posted(a), -80);
    let lower = Grant {
        floor: -75,
        ..GRANT
    };
    market.stage.reopen_with(&a, sealed, 30, Some(lower));
    market.feed();
    let column = market.column(a);
    assert_eq!(
        (column.posted, column.contested, column.charged),
        (-40, -30, 30),
        "what nobody took counts nothing"
    );
    assert_eq!(market.verdict(&unseen), "valid");
    assert_eq!(market.spendable(a), 5, "75 without 40 sent and 30 charged");
    let tip = market.tip(a);
    let most = market.pay(a, b, 5);
    assert_eq!(market.verdict(&most), "valid");
    let more = market.pay_after(a, tip, b, 6);
    assert_eq!(market.verdict(&more), "limit.floor");
}

#[test]
fn an_account_below_its_floor_may_receive_and_refuse() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    market.pay(a, b, 100);
    let tip = market.tip(a);
    let lower = Grant {
        floor: -20,
        ..GRANT
    };
    market.stage.reopen_with(&a, tip, 0, Some(lower));
    market.feed();
    let available = market.ledger.positions(&market.stage.set, &a).limits;
    let limits = available.unwrap();
    assert_eq!((limits.available.get(), limits.spendable), (-80, 0));
    let in_two = [market.pay(b, a, 30), market.pay(b, a, 1)];
    let ack = market.ack(a, &[leg(in_two[0], 0)]);
    assert_eq!(market.verdict(&ack), "valid");
    let refusal = market.refuse(a, &[leg(in_two[1], 0)]);
    assert_eq!(market.verdict(&refusal), "valid");
    let payment = market.pay(a, b, 1);
    assert_eq!(market.verdict(&payment), "limit.floor");
}

#[test]
fn limits_of_an_epoch_are_its_own_before_its_first_valid_record() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let lower = Grant {
        floor: -20,
        ..GRANT
    };
    let limits = |market: &Market| {
        let limits = market.ledger.positions(&market.stage.set, &a).limits;
        limits.map(|limits| (limits.floor, limits.available.get()))
    };
    let wrong = market.pay(a, a, 1);
    assert_eq!(market.verdict(&wrong), "pay.self");
    assert_eq!(limits(&market), Some((-100, 100)));
    let tip = market.tip(a);
    market.reopen(a, tip, 0);
    market.pay(a, b, 10);
    let tip = market.tip(a);
    market.stage.reopen_with(&a, tip, 0, Some(lower));
    let wrong = market.pay(a, a, 1);
    assert_eq!(market.verdict(&wrong), "pay.self");
    assert_eq!(
        limits(&market),
        Some((-20, 10)),
        "not those of the epoch before"
    );
}
