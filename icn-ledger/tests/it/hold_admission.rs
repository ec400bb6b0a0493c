//! Admission of holds, Resolves and refunds, and parts that are taken by
//! themselves.

use icn_ledger::{
    Authorized, HoldRequest, Ledger, Leg, LegId, Policy, RefundRequest, Refusal, ResolveRequest,
};
use icn_types::canon::List;
use icn_types::id::{ChainId, RecordId};
use icn_types::record::Draft;
use icn_types::set::RecordSet;
use icn_types::testkit::stage::GRANT;
use icn_types::time::Timestamp;

use crate::holds::{part, rest};
use crate::market::{Market, NOW, amount, leg};

type Admission<R> = fn(&Ledger, &RecordSet, &ChainId, &R, Timestamp) -> Result<Authorized, Refusal>;

const HOLD: Admission<HoldRequest> =
    |ledger, set, chain, request, at| ledger.authorize_hold(set, chain, request, at, &Policy::NONE);
const RESOLVE: Admission<ResolveRequest> = Ledger::authorize_resolve;
const REFUND: Admission<RefundRequest> = |ledger, set, chain, request, at| {
    ledger.authorize_refund(set, chain, request, at, &Policy::NONE)
};

fn ask<R>(
    market: &Market,
    chain: ChainId,
    admit: Admission<R>,
    request: &R,
) -> Result<Authorized, Refusal> {
    admit(&market.ledger, &market.stage.set, &chain, request, NOW)
}

fn draft<R>(market: &Market, chain: ChainId, admit: Admission<R>, request: &R) -> Draft {
    match ask(market, chain, admit, request) {
        Ok(Authorized::Draft(draft)) => draft,
        other => panic!("expected a draft, found {other:?}"),
    }
}

fn submit<R>(market: &mut Market, chain: ChainId, admit: Admission<R>, request: &R) -> RecordId {
    let draft = draft(market, chain, admit, request);
    let id = market.submit(draft);
    assert_eq!(market.verdict(&id), "valid");
    assert_eq!(
        ask(market, chain, admit, request),
        Ok(Authorized::Again(id))
    );
    id
}

pub(crate) fn holding(
    market: &mut Market,
    payee: ChainId,
    atoms: u64,
    resolver: ChainId,
) -> HoldRequest {
    HoldRequest {
        leg: Leg {
            payee,
            amount: amount(atoms),
        },
        resolver,
        key: market.key(),
        decision: None,
        expires: Some(Timestamp::from_millis(9)),
        effective: None,
        memo: None,
        cause: None,
    }
}

pub(crate) fn resolving(holds: &[(RecordId, u64)]) -> ResolveRequest {
    ResolveRequest {
        holds: List::new(holds).unwrap(),
        memo: None,
        cause: None,
    }
}

pub(crate) fn refunding(market: &mut Market, original: LegId, atoms: u64) -> RefundRequest {
    RefundRequest {
        original,
        amount: amount(atoms),
        key: market.key(),
        decision: None,
        effective: None,
        memo: None,
        cause: None,
    }
}

fn three() -> (Market, [ChainId; 3]) {
    let market = Market::new(3);
    let chains = [market.chains[0], market.chains[1], market.chains[2]];
    (market, chains)
}

#[test]
fn a_request_is_carried_out_once_whatever_it_asks_for() {
    let (mut market, [a, b, z]) = three();
    let request = holding(&mut market, b, 50, z);
    let hold = submit(&mut market, a, HOLD, &request);
    let columns = market.ledger.columns(&market.stage.set);
    let expires = columns.hold(&hold).unwrap().expires;
    drop(columns);
    assert_eq!(expires, Some(Timestamp::from_millis(9)));
    let conflict = Err(Refusal::KeyConflict { first: hold });
    for other in [
        HoldRequest {
            resolver: a,
            ..request.clone()
        },
        HoldRequest {
            expires: None,
            ..request.clone()
        },
    ] {
        assert_eq!(ask(&market, a, HOLD, &other), conflict);
    }
    let mut payment = market.request(&[(b, 50)]);
    payment.key = request.key;
    assert_eq!(market.authorize(a, &payment), conflict, "one space of keys");

    let resolve = submit(&mut market, z, RESOLVE, &resolving(&[(hold, 30)]));
    for atoms in [29, 51] {
        let otherwise = resolving(&[(hold, atoms)]);
        assert_eq!(
            ask(&market, z, RESOLVE, &otherwise),
            Err(Refusal::Resolved { first: resolve })
        );
    }
    market.ack_all(b);
    let request = refunding(&mut market, part(resolve, 0), 10);
    let refund = submit(&mut market, b, REFUND, &request);
    let other = RefundRequest {
        amount: amount(11),
        ..request
    };
    assert_eq!(
        ask(&market, b, REFUND, &other),
        Err(Refusal::KeyConflict { first: refund })
    );
}

#[test]
fn parts_and_refunds_are_taken_like_any_leg() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 50), z);
    let resolve = market.resolve(z, &[(hold, 30)]);
    let taken = [market.ack_all(a), market.ack_all(b)].map(Option::unwrap);
    assert!(taken.iter().all(|id| market.verdict(id) == "valid"));
    market.refund(b, part(resolve, 0), 30);
    market.ack_all(a);
    assert_eq!([market.posted(a), market.posted(b)], [0, 0]);
    assert_eq!(market.ack_all(a), None);
    assert_eq!(market.ack_all(b), None);
}

#[test]
fn parts_are_left_alone_while_payer_or_resolver_forks() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 50), z);
    let resolve = market.resolve(z, &[(hold, 30)]);
    let tip = market.tip(z);
    for atoms in [1, 2] {
        market.pay_after(z, tip, b, atoms);
    }
    assert_eq!(market.ack_all(b), None);
    market.seal_at(z, tip);
    let incoming = |market: &Market| market.column(b).incoming;
    assert_eq!(incoming(&market), 30);
    for atoms in [1, 2] {
        market.pay_after(a, market.tip(a), b, atoms);
    }
    assert_eq!(market.ack_all(b), None);
    assert_eq!(incoming(&market), 30);
    let ack = market.ack(b, &[part(resolve, 0)]);
    assert_eq!(market.verdict(&ack), "valid", "admission, not validity");
}

#[test]
fn a_second_part_of_one_hold_is_not_drafted() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 50), z);
    let one = market.resolve_after(z, None, &[(hold, 30)]);
    market.ack(b, &[part(one, 0)]);
    market.ack(a, &[rest(one, 0)]);
    market.reopen(z, None, 0);
    market.resolve(z, &[(hold, 40)]);
    assert_eq!(market.column(b).incoming, 40, "in transit for ever");
    assert_eq!(market.ack_all(b), None);
    assert_eq!(market.ack_all(a), None);
}

#[test]
fn a_hold_above_the_limit_is_refused_and_names_seals_where_they_help() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 50), z);
    let resolve = market.resolve(z, &[(hold, 50)]);
    market.ack(b, &[part(resolve, 0)]);
    let request = holding(&mut market, a, 150, z);
    let limit = Err(Refusal::Limit { spendable: 120 });
    assert_eq!(ask(&market, b, HOLD, &request), limit);
    market.seal(a);
    assert_eq!(ask(&market, b, HOLD, &request), limit, "one of two");
    market.seal(z);
    let draft = draft(&market, b, HOLD, &request);
    assert_eq!(draft.content().refs().len(), 4, "two seals and two heads");
    let held = market.submit(draft);
    assert_eq!(market.verdict(&held), "valid");
    assert_eq!(market.spendable(b), 0);
}

/// Writes what names Seals for an account, if there is anything to name.
fn cover(market: &mut Market, account: ChainId) -> Option<RecordId> {
    let draft = market
        .ledger
        .draft_cover(&market.stage.set, &account, NOW)
        .unwrap();
    draft.map(|draft| market.submit(draft))
}

#[test]
fn covers_are_drafted_for_holds_and_for_resolves() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 50), z);
    let resolve = market.resolve(z, &[(hold, 50)]);
    market.ack(b, &[part(resolve, 0)]);
    assert_eq!(cover(&mut market, b), None);
    market.seal(a);
    assert!(cover(&mut market, b).is_some());
    assert_eq!(market.spendable(b), 120);
    assert_eq!(cover(&mut market, b), None);
    market.seal(z);
    assert!(cover(&mut market, b).is_some());
    assert_eq!(market.spendable(b), 100 + 50);
    assert_eq!(cover(&mut market, b), None);
}

/// Alone it makes nothing spendable, so it would be named for ever.
#[test]
fn a_seal_over_a_resolve_is_named_once_while_its_hold_has_none() {
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 50), z);
    let resolve = market.resolve(z, &[(hold, 50)]);
    market.ack(b, &[part(resolve, 0)]);
    market.seal(z);
    assert!(cover(&mut market, b).is_some());
    assert_eq!(cover(&mut market, b), None);
    market.note(z, &[]);
    market.seal(z);
    assert_eq!(cover(&mut market, b), None, "a later one says no more");
    market.seal(a);
    assert!(cover(&mut market, b).is_some());
    assert_eq!(cover(&mut market, b), None);
    assert_eq!(market.spendable(b), 100 + 50);
}

#[test]
fn what_cannot_be_resolved_or_refunded_says_why() {
    use icn_ledger::LedgerRule as Rule;
    let (mut market, [a, b, z]) = three();
    let hold = market.hold(a, (b, 50), z);
    let payment = market.pay(a, b, 10);
    for (chain, request, rule) in [
        (b, resolving(&[(hold, 1)]), Rule::ResolveResolver),
        (z, resolving(&[(hold, 51)]), Rule::ResolvePart),
        (z, resolving(&[(payment, 1)]), Rule::ResolveHold),
        (z, resolving(&[(hold, 1), (hold, 1)]), Rule::ResolveTwice),
    ] {
        let refused = ask(&market, chain, RESOLVE, &request);
        assert_eq!(refused, Err(Refusal::Rule(rule)));
    }
    let missing = RecordId::from_bytes([7; 32]);
    let unknown = resolving(&[(hold, 1), (missing, 1)]);
    assert_eq!(
        ask(&market, z, RESOLVE, &unknown),
        Err(Refusal::Waiting { record: missing })
    );
    let untaken = refunding(&mut market, leg(payment, 0), 1);
    assert_eq!(
        ask(&market, b, REFUND, &untaken),
        Err(Refusal::Rule(Rule::RefundSource))
    );
    market.ack_all(b);
    let too_much = refunding(&mut market, leg(payment, 0), 11);
    assert_eq!(
        ask(&market, b, REFUND, &too_much),
        Err(Refusal::Rule(Rule::RefundSum))
    );
    let spent = market.pay(b, a, 100 + 10);
    assert_eq!(market.verdict(&spent), "valid");
    let poor = refunding(&mut market, leg(payment, 0), 10);
    assert_eq!(
        ask(&market, b, REFUND, &poor),
        Err(Refusal::Limit { spendable: 0 })
    );
    assert_eq!(GRANT.float, 20);
}

#[test]
fn parts_are_taken_up_to_the_ceiling() {
    let grant = icn_types::authority::Grant {
        ceiling: 20,
        ..GRANT
    };
    let mut market = Market::with_grant(2, grant);
    let (a, b) = (market.chains[0], market.chains[1]);
    let holds = [15, 10].map(|atoms| market.hold(a, (b, atoms), a));
    market.resolve(a, &[(holds[0], 15), (holds[1], 10)]);
    market.ack_all(b);
    assert_eq!((market.posted(b), market.column(b).incoming), (15, 10));
}
