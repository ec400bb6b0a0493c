//! Refunds: of what, to whom, and how much at most.

use icn_ledger::entry::REFUND;
use icn_ledger::{LedgerEvent, LegRef, Refund};
use icn_types::id::ChainId;
use icn_types::testkit::stage::GRANT;

use crate::holds::{part, rest};
use crate::market::{Market, amount, leg};

/// Customer and shop; the shop acknowledged 50.
fn shop() -> (Market, ChainId, ChainId, icn_ledger::LegId) {
    let mut market = Market::new(3);
    let (customer, shop) = (market.chains[0], market.chains[1]);
    let payment = market.pay(customer, shop, 50);
    market.ack(shop, &[leg(payment, 0)]);
    (market, customer, shop, leg(payment, 0))
}

#[test]
fn a_refund_is_one_leg_back_to_whoever_paid() {
    let (mut market, customer, shop, original) = shop();
    let refund = market.refund(shop, original, 20);
    assert_eq!(market.verdict(&refund), "valid");
    assert_eq!(market.posted(shop), 30);
    assert_eq!(market.column(customer).incoming, 20);
    market.ack_all(customer);
    assert_eq!([market.posted(customer), market.posted(shop)], [-30, 30]);
    let told = LedgerEvent::Refunded {
        refund,
        original,
        payer: shop,
    };
    assert!(market.events.contains(&told));
    assert_eq!(told.record(), Some(refund));
}

#[test]
fn refunds_of_one_leg_never_exceed_it_over_all_epochs() {
    let (mut market, _, shop, original) = shop();
    for atoms in [20, 30] {
        let refund = market.refund(shop, original, atoms);
        assert_eq!(market.verdict(&refund), "valid");
        let tip = market.tip(shop);
        market.reopen(shop, tip, 0);
    }
    let more = market.refund(shop, original, 1);
    assert_eq!(market.verdict(&more), "refund.sum");
}

#[test]
fn double_refund_is_refused_whole() {
    let (mut market, customer, shop, original) = shop();
    let tip = market.tip(shop);
    let too_much = market.refund(shop, original, 51);
    assert_eq!(market.verdict(&too_much), "refund.sum");
    market.reopen(shop, tip, 0);
    market.refund(shop, original, 50);
    let again = market.refund(shop, original, 50);
    assert_eq!(market.verdict(&again), "refund.sum");
    market.ack_all(customer);
    assert_eq!([market.posted(customer), market.posted(shop)], [0, 0]);
}

#[test]
fn each_leg_is_refunded_for_itself() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.payment(&[(b, 10), (b, 20)]);
    let payment = market.post(a, &[], &payment);
    market.ack(b, &[leg(payment, 0), leg(payment, 1)]);
    for (number, atoms) in [(0, 10), (1, 20)] {
        let refund = market.refund(b, leg(payment, number), atoms);
        assert_eq!(market.verdict(&refund), "valid");
    }
}

#[test]
fn a_part_of_a_hold_is_refunded_to_its_payer() {
    let mut market = Market::new(3);
    let [a, b, z] = market.chains[..] else {
        panic!("three accounts");
    };
    let hold = market.hold(a, (b, 50), z);
    let [one, two] = [30, 20].map(|atoms| market.resolve_after(z, None, &[(hold, atoms)]));
    market.ack(b, &[part(one, 0)]);
    let tip = market.tip(b);
    let of_the_other_branch = market.refund(b, part(two, 0), 1);
    assert_eq!(market.verdict(&of_the_other_branch), "refund.source");
    market.reopen(b, tip, 0);
    let refund = market.refund(b, part(one, 0), 30);
    assert_eq!(market.verdict(&refund), "valid");
    assert_eq!(market.column(a).incoming, 30);
    let more = market.refund(b, part(one, 0), 1);
    assert_eq!(market.verdict(&more), "refund.sum");
}

#[test]
fn only_what_was_taken_to_keep_is_refunded() {
    let mut market = Market::new(3);
    let [a, b, z] = market.chains[..] else {
        panic!("three accounts");
    };
    let kept = market.pay(a, b, 5);
    let refused = market.pay(a, b, 5);
    let untaken = market.pay(a, b, 5);
    let of_other = market.pay(a, z, 5);
    let hold = market.hold(b, (a, 5), b);
    let resolve = market.resolve(b, &[(hold, 2)]);
    market.ack(b, &[leg(kept, 0), rest(resolve, 0)]);
    let refusal = market.refuse(b, &[leg(refused, 0)]);
    market.ack(a, &[leg(refusal, 0)]);
    let note = market.note(a, &[]);
    let tip = market.tip(b);
    for source in [
        leg(refused, 0),
        leg(untaken, 0),
        leg(of_other, 0),
        leg(kept, 1),
        rest(resolve, 0),
        part(resolve, 0),
        leg(note, 0),
    ] {
        let refund = market.refund(b, source, 1);
        assert_eq!(market.verdict(&refund), "refund.source");
        market.reopen(b, tip, 0);
    }
    let tip = market.tip(a);
    let of_a_return = market.refund(a, leg(refusal, 0), 1);
    assert_eq!(market.verdict(&of_a_return), "refund.source");
    market.reopen(a, tip, 0);
    let refund = market.refund(b, leg(kept, 0), 5);
    market.ack(a, &[leg(refund, 0)]);
    let of_a_refund = market.refund(a, leg(refund, 0), 1);
    assert_eq!(market.verdict(&of_a_refund), "refund.source");
}

#[test]
fn a_refund_names_a_ref() {
    let (mut market, _, shop, original) = shop();
    let body = Refund {
        original: LegRef {
            reference: 1,
            leg: 0,
        },
        amount: amount(1),
        key: market.key(),
        decision: None,
        effective: None,
        memo: None,
    };
    let tip = market.tip(shop);
    let id = market.write_after(shop, tip, REFUND, &[original.record], &body);
    assert_eq!(market.verdict(&id), "refund.ref");
}

#[test]
fn a_refund_keeps_to_the_limit() {
    let (mut market, customer, shop, original) = shop();
    market.pay(shop, customer, 100 + GRANT.float);
    let refund = market.refund(shop, original, 1);
    assert_eq!(market.verdict(&refund), "limit.floor");
}

#[test]
fn a_refund_shares_the_keys_of_payments_on_both_sides() {
    let (mut market, customer, shop, original) = shop();
    let mut payment = market.payment(&[(customer, 1)]);
    let first = market.post(shop, &[], &payment);
    let body = Refund {
        original: LegRef {
            reference: 0,
            leg: 0,
        },
        amount: amount(1),
        key: payment.key,
        decision: None,
        effective: None,
        memo: None,
    };
    let tip = market.tip(shop);
    let same = market.write_after(shop, tip, REFUND, &[original.record], &body);
    assert_eq!(market.verdict(&same), "pay.key");

    let acked = market.ack_after(shop, None, &[original]);
    let refund = market.write_after(
        shop,
        Some(icn_types::authority::Tip {
            seq: 0,
            head: acked,
        }),
        REFUND,
        &[original.record],
        &body,
    );
    payment.key = body.key;
    assert_eq!(market.verdict(&refund), "valid");
    let both = market.ack(customer, &[leg(first, 0), leg(refund, 0)]);
    assert_eq!(market.verdict(&both), "ack.key");
}

#[test]
fn a_refund_may_be_refused_and_comes_back_on_its_own_path() {
    let (mut market, customer, shop, original) = shop();
    let refund = market.refund(shop, original, 50);
    let refusal = market.refuse(customer, &[leg(refund, 0)]);
    assert_eq!(market.verdict(&refusal), "valid");
    assert_eq!(market.column(shop).incoming, 50);
    market.ack_all(shop);
    assert_eq!([market.posted(customer), market.posted(shop)], [-50, 50]);
    let again = market.refund(shop, original, 1);
    assert_eq!(market.verdict(&again), "refund.sum", "made once is made");
    let beside = market.ack_after(shop, None, &[leg(refusal, 0)]);
    assert_eq!(market.verdict(&beside), "ack.return");
}

#[test]
fn a_refund_has_one_leg() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.pay(a, b, 10);
    market.ack(b, &[leg(payment, 0)]);
    let refund = market.refund(b, leg(payment, 0), 4);
    let second = market.ack_after(a, market.tip(a), &[leg(refund, 1)]);
    assert_eq!(market.verdict(&second), "ack.payee");
}
