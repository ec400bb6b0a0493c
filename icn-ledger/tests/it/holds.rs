//! Holds: who may resolve them, who takes which part, and what counts.

use icn_ledger::entry::{HOLD, RESOLVE, RESOLVED_MAX};
use icn_ledger::{Finality, Held, LedgerEvent, Resolution, Resolve};
use icn_types::amount::Position;
use icn_types::canon::List;
use icn_types::id::{ChainId, RecordId};
use icn_types::testkit::stage::GRANT;

use crate::market::{Market, amount, leg};

/// Number of the leg that goes to the payee of the n-th hold of a Resolve.
pub(crate) const fn part(resolve: RecordId, n: u8) -> icn_ledger::LegId {
    leg(resolve, 2 * n)
}

/// The leg that goes back to its payer.
pub(crate) const fn rest(resolve: RecordId, n: u8) -> icn_ledger::LegId {
    leg(resolve, 2 * n + 1)
}

/// Payer, payee and resolver.
fn three() -> (Market, [ChainId; 3]) {
    let market = Market::new(3);
    let chains = [market.chains[0], market.chains[1], market.chains[2]];
    (market, chains)
}

#[test]
fn a_hold_waits_for_its_resolver_and_its_parts_for_both_sides() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 50), z);
    assert_eq!(market.verdict(&hold), "valid");
    let column = market.column(a);
    assert_eq!((column.posted, column.held), (-50, 50));
    assert_eq!(market.column(b).incoming, 0, "nothing is sent yet");
    let columns = market.ledger.columns(&market.stage.set);
    let held: Vec<(RecordId, Held)> = columns.unresolved(z).collect();
    assert_eq!(held, [(hold, columns.hold(&hold).unwrap())]);
    assert_eq!(
        (held[0].1.payer, held[0].1.payee, held[0].1.amount),
        (a, b, amount(50))
    );
    drop(columns);

    let resolve = market.resolve(z, &[(hold, 30)]);
    assert_eq!(market.verdict(&resolve), "valid");
    let column = market.column(a);
    assert_eq!(
        (column.posted, column.held, column.outgoing, column.incoming),
        (-50, 0, 50, 20)
    );
    assert_eq!(market.column(b).incoming, 30);
    assert_eq!(market.ledger.columns(&market.stage.set).held().len(), 0);

    market.ack(b, &[part(resolve, 0)]);
    market.ack(a, &[rest(resolve, 0)]);
    assert_eq!([market.posted(a), market.posted(b)], [-30, 30]);
    assert_eq!(market.posted(z), 0);
    let columns = market.ledger.columns(&market.stage.set);
    assert_eq!(columns.in_transit().len(), 0);
}

#[test]
fn parts_are_taken_on_either_side_first() {
    for payer_first in [false, true] {
        let (mut market, [a, b, z]) = three();
        let hold = market.hold(a, (b, 50), z);
        let resolve = market.resolve(z, &[(hold, 30)]);
        let mut takings = [(b, part(resolve, 0)), (a, rest(resolve, 0))];
        if payer_first {
            takings.reverse();
        }
        for (chain, leg) in takings {
            let ack = market.ack(chain, &[leg]);
            assert_eq!(market.verdict(&ack), "valid");
        }
        assert_eq!([market.posted(a), market.posted(b)], [-30, 30]);
    }
}

#[test]
fn a_void_hold_goes_back_whole_and_a_full_one_leaves_nothing() {
    let (mut market, [a, b, z]) = three();
    let holds = [10, 20].map(|atoms| market.hold(a, (b, atoms), z));
    let resolve = market.resolve(z, &[(holds[0], 0), (holds[1], 20)]);
    assert_eq!(market.verdict(&resolve), "valid");
    let columns = market.ledger.columns(&market.stage.set);
    let legs: Vec<_> = columns.in_transit().map(|(leg, _)| leg).collect();
    drop(columns);
    assert_eq!(legs, [rest(resolve, 0), part(resolve, 1)]);
    for nothing in [part(resolve, 0), rest(resolve, 1), leg(resolve, 4)] {
        for chain in [a, b] {
            let tip = market.tip(chain);
            let ack = market.ack(chain, &[nothing]);
            assert_eq!(market.verdict(&ack), "ack.payee");
            market.reopen(chain, tip, 0);
        }
    }
    market.ack_all(a);
    market.ack_all(b);
    assert_eq!([market.posted(a), market.posted(b)], [-20, 20]);
}

#[test]
fn payer_and_payee_may_be_the_resolver() {
    let (mut market, [a, b, _]) = three();
    for resolver in [a, b] {
        let hold = market.hold(a, (b, 10), resolver);
        let resolve = market.resolve(resolver, &[(hold, 4)]);
        assert_eq!(market.verdict(&resolve), "valid");
        market.ack_all(a);
        market.ack_all(b);
    }
    assert_eq!([market.posted(a), market.posted(b)], [-8, 8]);
}

#[test]
fn sixth_hold_of_1000_on_5000_is_refused() {
    let grant = icn_types::authority::Grant {
        floor: -5000,
        ceiling: 5000,
        float: 0,
    };
    let mut market = Market::with_grant(2, grant);
    let (a, b) = (market.chains[0], market.chains[1]);
    for _ in 0..5 {
        let hold = market.hold(a, (b, 1000), b);
        assert_eq!(market.verdict(&hold), "valid");
    }
    let positions = market.ledger.positions(&market.stage.set, &a);
    assert_eq!(positions.held, 5000);
    assert_eq!(positions.posted, Position::new(-5000));
    assert_eq!(market.spendable(a), 0);
    let tip = market.tip(a);
    let sixth = market.hold(a, (b, 1000), b);
    assert_eq!(market.verdict(&sixth), "limit.floor");
    market.reopen(a, tip, 0);
    let payment = market.pay(a, b, 1);
    assert_eq!(market.verdict(&payment), "limit.floor");
}

#[test]
fn the_rest_can_be_spent_only_once_it_is_taken_and_then_within_the_float() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 100), z);
    let resolve = market.resolve(z, &[(hold, 0)]);
    assert_eq!(market.spendable(a), 0, "it may have to be waited for");
    market.ack(a, &[rest(resolve, 0)]);
    assert_eq!(market.spendable(a), u128::from(GRANT.float));
    let seal = market.seal(z);
    market.note(a, &[seal, resolve]);
    assert_eq!(market.spendable(a), 100);
}

#[test]
fn a_payee_needs_seals_over_the_hold_and_over_its_resolve() {
    for hold_first in [false, true] {
        let (mut market, [a, b, z]) = three();
        let hold = market.hold(a, (b, 50), z);
        let resolve = market.resolve(z, &[(hold, 50)]);
        market.ack(b, &[part(resolve, 0)]);
        assert_eq!(market.spendable(b), 120);
        let mut seals = [(market.seal(a), hold), (market.seal(z), resolve)];
        if !hold_first {
            seals.reverse();
        }
        market.note(b, &[seals[0].0, seals[0].1]);
        assert_eq!(market.spendable(b), 120, "one of two");
        market.note(b, &[seals[1].0, seals[1].1]);
        assert_eq!(market.spendable(b), 150);
    }
}

#[test]
fn both_seals_may_be_named_at_once_and_before_the_part_is_taken() {
    let (mut market, [a, b, z]) = three();
    let holds = [20, 30].map(|atoms| market.hold(a, (b, atoms), z));
    let resolve = market.resolve(z, &[(holds[0], 20), (holds[1], 30)]);
    let seals = [market.seal(a), market.seal(z)];
    market.ack(b, &[part(resolve, 0)]);
    let names = [seals[0], holds[1], seals[1], resolve];
    market.note(b, &names);
    assert_eq!(market.spendable(b), 120);
    market.ack(b, &[part(resolve, 1)]);
    assert_eq!(market.spendable(b), 150);
    let payment = market.pay(b, a, 150);
    assert_eq!(market.verdict(&payment), "valid");
}

#[test]
fn a_hold_obeys_the_rules_of_a_payment() {
    let (mut market, [a, b, z]) = three();
    let own = market.hold_after(a, None, (a, 1), z);
    assert_eq!(market.verdict(&own), "pay.self");
    market.reopen(a, None, 0);
    let body = market.hold_body((b, 1), z);
    let first = market.write(a, HOLD, &[], &body);
    assert_eq!(market.verdict(&first), "valid");
    let tip = market.tip(a);
    let same_key = market.write_after(a, tip, HOLD, &[], &body);
    assert_eq!(market.verdict(&same_key), "pay.key");
    market.reopen(a, tip, 0);
    let mut payment = market.payment(&[(b, 1)]);
    payment.key = body.key;
    let paid = market.post(a, &[], &payment);
    assert_eq!(market.verdict(&paid), "pay.key", "one space of keys");
}

#[test]
fn without_a_grant_nothing_is_held_but_resolved() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 1), z);
    market.stage.reopen_with(&z, None, 0, None);
    market.feed();
    let resolve = market.resolve(z, &[(hold, 1)]);
    assert_eq!(market.verdict(&resolve), "valid");
    let held = market.hold(z, (b, 1), z);
    assert_eq!(market.verdict(&held), "limit.grant");
}

#[test]
fn a_resolve_names_holds_of_its_own_to_resolve() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 50), z);
    let payment = market.pay(a, b, 1);
    let of_other = market.resolve_after(b, None, &[(hold, 1)]);
    assert_eq!(market.verdict(&of_other), "resolve.resolver");
    let of_payment = market.resolve_after(z, None, &[(payment, 1)]);
    assert_eq!(market.verdict(&of_payment), "resolve.hold");
    let too_much = market.resolve_after(z, None, &[(hold, 51)]);
    assert_eq!(market.verdict(&too_much), "resolve.part");
    let body = Resolve {
        holds: List::new([Resolution { hold: 1, part: 1 }]).unwrap(),
        memo: None,
    };
    let of_nothing = market.write_after(z, None, RESOLVE, &[hold], &body);
    assert_eq!(market.verdict(&of_nothing), "resolve.ref");
}

#[test]
fn a_hold_is_resolved_once() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 50), z);
    let in_one_record = market.resolve_after(z, None, &[(hold, 10), (hold, 10)]);
    assert_eq!(market.verdict(&in_one_record), "resolve.twice");
    market.reopen(z, None, 0);
    let first = market.resolve(z, &[(hold, 10)]);
    assert_eq!(market.verdict(&first), "valid");
    let tip = market.tip(z);
    market.reopen(z, tip, 0);
    let second = market.resolve(z, &[(hold, 50)]);
    assert_eq!(market.verdict(&second), "resolve.twice", "over all epochs");
    market.ack_all(b);
    market.ack_all(a);
    assert_eq!([market.posted(a), market.posted(b)], [-10, 10]);
}

#[test]
fn all_holds_of_a_resolve_end_or_none() {
    let (mut market, [a, b, z]) = three();
    let ring = [
        market.hold(a, (b, 50), z),
        market.hold(b, (a, 50), z),
        market.hold(b, (a, 20), a),
    ];
    let not_its_own = market.resolve(z, &[(ring[0], 50), (ring[1], 50), (ring[2], 20)]);
    assert_eq!(market.verdict(&not_its_own), "resolve.resolver");
    assert_eq!(market.ledger.columns(&market.stage.set).held().len(), 3);
    market.reopen(z, None, 0);
    let resolve = market.resolve(z, &[(ring[0], 50), (ring[1], 50)]);
    let ack = market.ack(a, &[part(resolve, 1)]);
    assert_eq!(market.verdict(&ack), "valid");
    market.ack(b, &[part(resolve, 0)]);
    assert_eq!([market.posted(a), market.posted(b)], [0, -20]);
}

#[test]
fn a_resolve_ends_as_many_holds_as_it_has_legs_for() {
    let (mut market, [a, b, z]) = three();
    let raised = market.stage.raise(&a, -1000);
    market.feed();
    market.note(a, &[raised]);
    let holds: Vec<(RecordId, u64)> = (0..RESOLVED_MAX)
        .map(|_| (market.hold(a, (b, 2), z), 1))
        .collect();
    let resolve = market.resolve(z, &holds);
    assert_eq!(market.verdict(&resolve), "valid");
    let columns = market.ledger.columns(&market.stage.set);
    let numbers: Vec<u8> = columns.in_transit().map(|(leg, _)| leg.leg).collect();
    assert_eq!(numbers, (0..=u8::MAX).collect::<Vec<_>>());
}

#[test]
fn a_part_is_taken_by_whom_it_goes_to_and_never_refused() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 50), z);
    let unresolved = market.ack(b, &[leg(hold, 0)]);
    assert_eq!(market.verdict(&unresolved), "ack.kind");
    market.reopen(b, None, 0);
    let resolve = market.resolve(z, &[(hold, 30)]);
    let refused = market.refuse(b, &[part(resolve, 0)]);
    assert_eq!(market.verdict(&refused), "refuse.kind");
    market.reopen(b, None, 0);
    let of_the_payer = market.ack(b, &[rest(resolve, 0)]);
    assert_eq!(market.verdict(&of_the_payer), "ack.payee");
    let of_neither = market.ack(z, &[part(resolve, 0)]);
    assert_eq!(market.verdict(&of_neither), "ack.payee");
}

#[test]
fn a_part_is_taken_once_by_whatever_resolve() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 50), z);
    let [one, two] = [30, 20].map(|atoms| market.resolve_after(z, None, &[(hold, atoms)]));
    let in_one_record = market.ack_after(b, None, &[part(one, 0), part(two, 0)]);
    assert_eq!(market.verdict(&in_one_record), "ack.twice");
    market.reopen(b, None, 0);
    let first = market.ack(b, &[part(one, 0)]);
    assert_eq!(market.verdict(&first), "valid");
    let second = market.ack(b, &[part(two, 0)]);
    assert_eq!(market.verdict(&second), "ack.twice");
    let regained = market.ack(a, &[rest(two, 0)]);
    assert_eq!(market.verdict(&regained), "valid");
    let again = market.ack(a, &[rest(one, 0)]);
    assert_eq!(market.verdict(&again), "ack.twice");
}

#[test]
fn the_rest_is_regained_only_on_the_path_that_set_it_aside() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 50), z);
    let resolve = market.resolve(z, &[(hold, 30)]);
    let beside = market.ack_after(a, None, &[rest(resolve, 0)]);
    assert_eq!(market.verdict(&beside), "ack.hold");
    let above = market.ack(a, &[rest(resolve, 0)]);
    assert_eq!(market.verdict(&above), "valid");
}

#[test]
fn a_key_names_a_hold_or_a_payment_and_the_payee_takes_one_of_them() {
    let (mut market, [a, b, z]) = three();
    let body = market.hold_body((b, 50), z);
    let hold = market.write(a, HOLD, &[], &body);
    let mut payment = market.payment(&[(b, 50)]);
    payment.key = body.key;
    let paid = market
        .stage
        .write_after(&a, None, icn_ledger::entry::PAYMENT, &[], &payment);
    market.feed();
    let resolve = market.resolve(z, &[(hold, 50)]);
    let both = market.ack_after(b, None, &[leg(paid, 0), part(resolve, 0)]);
    assert_eq!(market.verdict(&both), "ack.key");
    market.reopen(b, None, 0);
    let of_the_hold = market.ack(b, &[part(resolve, 0)]);
    assert_eq!(market.verdict(&of_the_hold), "valid");
    let of_the_payment = market.ack(b, &[leg(paid, 0)]);
    assert_eq!(market.verdict(&of_the_payment), "ack.key");
}

#[test]
fn a_part_is_sealed_when_hold_resolve_and_ack_are() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 50), z);
    let finality = |market: &Market, leg| market.ledger.finality(&market.stage.set, &leg);
    let resolve = market.resolve(z, &[(hold, 30)]);
    let (part, rest) = (part(resolve, 0), rest(resolve, 0));
    assert_eq!(finality(&market, part), Some(Finality::Local));
    assert_eq!(
        finality(&market, leg(hold, 0)),
        None,
        "a hold sends nothing"
    );
    market.ack(b, &[part]);
    market.ack(a, &[rest]);
    market.seal(b);
    market.seal(z);
    assert_eq!(finality(&market, part), Some(Finality::Acknowledged));
    market.seal(a);
    assert_eq!(finality(&market, part), Some(Finality::Sealed));
    assert_eq!(finality(&market, rest), Some(Finality::Sealed));
}

#[test]
fn holds_and_resolves_are_told() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 50), z);
    let resolve = market.resolve(z, &[(hold, 30)]);
    let told = [
        LedgerEvent::Held { hold, payer: a },
        LedgerEvent::Resolved {
            resolve,
            hold,
            resolver: z,
        },
    ];
    assert!(told.iter().all(|event| market.events.contains(event)));
    assert_eq!(
        told.map(|event| event.record()),
        [Some(hold), Some(resolve)]
    );
}

/// A shared account sets aside what a decision granted: see `treasury`.
#[test]
fn a_hold_of_a_member_claims_no_decision() {
    let (mut market, [a, b, z]) = three();
    let mut body = market.hold_body((b, 1), z);
    body.decision = Some(icn_ledger::DecisionRef {
        ready: 0,
        action: 0,
    });
    let id = market.write_after(a, None, HOLD, &[], &body);
    assert_eq!(market.verdict(&id), "pay.decision");
}
