//! Three members and three payments: Bob pays Alice 10 hours, Charlie pays
//! Bob 5, Alice pays Charlie 3.

use icn_ledger::{Finality, LedgerEvent};
use icn_types::authority::Grant;

use crate::market::{Market, leg};

const GRANT: Grant = Grant {
    floor: -5000,
    ceiling: 5000,
    float: 5000,
};

#[test]
fn three_payments_leave_the_positions_that_people_expect() {
    let mut market = Market::with_grant(3, GRANT);
    let [alice, bob, charlie] = market.chains[..] else {
        panic!("three accounts");
    };
    market.pay(bob, alice, 10);
    market.pay(charlie, bob, 5);
    assert!(market.ack_all(alice).is_some());
    market.pay(alice, charlie, 3);
    assert!(market.ack_all(bob).is_some());
    assert!(market.ack_all(charlie).is_some());
    let positions = [alice, bob, charlie].map(|chain| market.posted(chain));
    assert_eq!(positions, [7, -5, -2]);
    assert_eq!(market.spendable(alice), 5007);
    assert_eq!(market.spendable(charlie), 4998);
}

#[test]
fn a_payment_is_in_transit_until_its_payee_takes_it_and_final_once_both_are_sealed() {
    let mut market = Market::with_grant(2, GRANT);
    let (alice, bob) = (market.chains[0], market.chains[1]);
    let payment = market.pay(bob, alice, 10);
    let sent = leg(payment, 0);
    let finality = |market: &Market| market.ledger.finality(&market.stage.set, &sent);
    assert_eq!(finality(&market), Some(Finality::Local));
    assert_eq!((market.posted(bob), market.posted(alice)), (-10, 0));
    assert_eq!(market.column(bob).outgoing, 10);
    assert_eq!(market.column(alice).incoming, 10);

    let ack = market.ack(alice, &[sent]);
    assert_eq!(finality(&market), Some(Finality::Acknowledged));
    assert_eq!((market.posted(bob), market.posted(alice)), (-10, 10));
    assert_eq!(market.column(alice).incoming, 0);

    market.seal(bob);
    assert_eq!(finality(&market), Some(Finality::Acknowledged));
    market.seal(alice);
    assert_eq!(finality(&market), Some(Finality::Sealed));
    assert_eq!(
        market.ledger.finality(&market.stage.set, &leg(ack, 0)),
        None,
        "an acknowledgement sends nothing"
    );
    assert_eq!(
        market.events,
        [
            LedgerEvent::Paid {
                payment,
                payer: bob
            },
            LedgerEvent::Acknowledged {
                ack,
                leg: sent,
                payee: alice
            },
        ]
    );
}

#[test]
fn a_payment_with_many_legs_moves_each_of_them_once() {
    let mut market = Market::with_grant(4, GRANT);
    let [a, b, c, d] = market.chains[..] else {
        panic!("four accounts");
    };
    let payment = market.payment(&[(b, 1), (c, 2), (b, 4), (d, 8)]);
    let payment = market.post(a, &[], &payment);
    market.ack(b, &[leg(payment, 2), leg(payment, 0)]);
    market.refuse(d, &[leg(payment, 3)]);
    let positions = [a, b, c, d].map(|chain| market.posted(chain));
    assert_eq!(positions, [-15, 5, 0, -0]);
    assert_eq!(market.column(a).incoming, 8, "the returned leg");
    assert!(market.ack_all(a).is_some());
    assert_eq!(market.posted(a), -7);
    assert_eq!(market.column(c).incoming, 2);
}

#[test]
fn a_payment_lowers_the_payer_and_raises_the_payee_by_the_same_amount() {
    let mut market = Market::with_grant(2, GRANT);
    let (a, b) = (market.chains[0], market.chains[1]);
    for atoms in [1, 7, 4992] {
        let before = [market.posted(a), market.posted(b)];
        let payment = market.pay(a, b, atoms);
        market.ack(b, &[leg(payment, 0)]);
        let moved = i128::from(atoms);
        assert_eq!(
            [market.posted(a), market.posted(b)],
            [before[0] - moved, before[1] + moved]
        );
    }
}
