//! A shared account pays what was decided, once, whoever writes its chain.

use core::num::NonZeroU64;

use icn_ledger::entry::{HOLD, PAYMENT};
use icn_ledger::{
    Authorized, Cap, DecisionRef, Hold, Leg, Payment, PaymentRequest, Policy, RefundRequest,
    Refusal,
};
use icn_types::authority::{Action, ProposalId, operation_key};
use icn_types::canon::List;
use icn_types::chain::Owner;
use icn_types::id::{ChainId, OperationKey, RecordId, UnitId};
use icn_types::testkit::stage::GRANT;

use crate::market::{Market, NOW, amount, leg};

const PROPOSAL: ProposalId = ProposalId::from_bytes([5; 32]);

/// A market whose last account is a treasury.
fn treasury() -> (Market, ChainId, ChainId) {
    let mut market = Market::new(3);
    let key = market.stage.draw_key();
    let chain = market.topic().chain(Owner::Shared(0));
    let treasury = market.stage.open(chain, key, Some(GRANT));
    market.feed();
    let payee = market.chains[0];
    (market, treasury, payee)
}

pub(crate) fn action(payer: ChainId, payee: ChainId, unit: UnitId, atoms: u64) -> Action {
    Action::Pay {
        payer,
        payee,
        unit,
        amount: amount(atoms),
    }
}

/// Opening, Close and Ready of one decision; the Ready.
pub(crate) fn decide(market: &mut Market, proposal: ProposalId, actions: &[Action]) -> RecordId {
    let ready = market.stage.decide(proposal, actions);
    market.feed();
    let set = &market.stage.set;
    assert!(set.verdict(set.find(&ready).unwrap()).is_valid());
    ready
}

fn key(market: &Market, number: u16) -> OperationKey {
    operation_key(market.stage.domain(), PROPOSAL, number)
}

/// A payment for action 0 under the one ref that it has.
fn paying(market: &Market, payee: ChainId, atoms: u64) -> Payment {
    Payment {
        legs: List::new([Leg {
            payee,
            amount: amount(atoms),
        }])
        .unwrap(),
        key: key(market, 0),
        decision: Some(DecisionRef {
            ready: 0,
            action: 0,
        }),
        effective: None,
        memo: None,
    }
}

#[test]
fn a_decided_action_is_paid_as_decided() {
    let (mut market, treasury, payee) = treasury();
    let unit = market.unit.id();
    let ready = decide(&mut market, PROPOSAL, &[action(treasury, payee, unit, 40)]);
    let payment = paying(&market, payee, 40);
    let id = market.post(treasury, &[ready], &payment);
    assert_eq!(market.verdict(&id), "valid");
}

#[test]
fn a_shared_account_sets_aside_what_was_decided_and_pays_it_then_no_more() {
    let (mut market, treasury, payee) = treasury();
    let (unit, arbiter) = (market.unit.id(), market.chains[1]);
    let ready = decide(&mut market, PROPOSAL, &[action(treasury, payee, unit, 40)]);
    let payment = paying(&market, payee, 40);
    let holding = |atoms| Hold {
        leg: Leg {
            payee,
            amount: amount(atoms),
        },
        resolver: arbiter,
        key: payment.key,
        decision: payment.decision,
        expires: None,
        effective: None,
        memo: None,
    };
    let other_amount = market.write(treasury, HOLD, &[ready], &holding(41));
    assert_eq!(market.verdict(&other_amount), "pay.decision");
    market.reopen(treasury, None, 0);
    let hold = market.write(treasury, HOLD, &[ready], &holding(40));
    assert_eq!(market.verdict(&hold), "valid");
    let paid_too = market.post(treasury, &[ready], &payment);
    assert_eq!(market.verdict(&paid_too), "pay.key");
    let resolve = market.resolve(arbiter, &[(hold, 40)]);
    market.ack(payee, &[leg(resolve, 0)]);
    assert_eq!(market.posted(payee), 40);
}

/// Nobody decides that money goes back but the community.
#[test]
fn a_shared_account_pays_back_only_what_was_decided() {
    let (mut market, treasury, payer) = treasury();
    let unit = market.unit.id();
    let paid = market.pay(payer, treasury, 40);
    market.ack(treasury, &[leg(paid, 0)]);
    let tip = market.tip(treasury);
    let undecided = market.refund(treasury, leg(paid, 0), 40);
    assert_eq!(market.verdict(&undecided), "pay.decision");
    market.reopen(treasury, tip, 0);
    let ready = decide(&mut market, PROPOSAL, &[action(treasury, payer, unit, 40)]);
    let request = RefundRequest {
        original: leg(paid, 0),
        amount: amount(40),
        key: key(&market, 0),
        decision: Some((ready, 0)),
        effective: None,
        memo: None,
        cause: None,
    };
    let answer =
        market
            .ledger
            .authorize_refund(&market.stage.set, &treasury, &request, NOW, &Policy::NONE);
    let Ok(Authorized::Draft(draft)) = answer else {
        panic!("expected a draft, found {answer:?}");
    };
    let refund = market.submit(draft);
    assert_eq!(market.verdict(&refund), "valid");
    assert_eq!(market.column(payer).incoming, 40);
}

#[test]
fn everything_else_is_no_payment_of_a_shared_account() {
    let (mut market, treasury, payee) = treasury();
    let (unit, other) = (market.unit.id(), market.chains[1]);
    let certified = [
        action(treasury, payee, unit, 40),
        action(other, payee, unit, 40),
        action(treasury, payee, UnitId::from_bytes([8; 32]), 40),
    ];
    let ready = decide(&mut market, PROPOSAL, &certified);
    let right = paying(&market, payee, 40);
    let with = |change: &dyn Fn(&mut Payment)| {
        let mut payment = right.clone();
        change(&mut payment);
        payment
    };
    let numbered = |market: &Market, action: u16| {
        let mut payment = paying(market, payee, 40);
        payment.decision = Some(DecisionRef { ready: 0, action });
        payment.key = key(market, action);
        payment
    };
    let one_leg = right.legs[0];
    let wrong = [
        ("no decision", with(&|p| p.decision = None)),
        ("another payee", paying(&market, other, 40)),
        ("another amount", paying(&market, payee, 39)),
        (
            "another key",
            with(&|p| p.key = OperationKey::from_bytes([4; 32])),
        ),
        (
            "two legs",
            with(&|p| p.legs = List::new([one_leg, one_leg]).unwrap()),
        ),
        ("an account of somebody else", numbered(&market, 1)),
        ("another unit", numbered(&market, 2)),
        ("no such action", numbered(&market, 3)),
        (
            "no such ref",
            with(&|p| {
                p.decision = Some(DecisionRef {
                    ready: 1,
                    action: 0,
                })
            }),
        ),
    ];
    for (what, payment) in wrong {
        let id = market
            .stage
            .write_after(&treasury, None, PAYMENT, &[ready], &payment);
        market.feed();
        assert_eq!(market.verdict(&id), "pay.decision", "{what}");
    }
    let open = market.stage.open_of(&treasury);
    let id = market
        .stage
        .write_after(&treasury, None, PAYMENT, &[open], &right);
    market.feed();
    assert_eq!(
        market.verdict(&id),
        "pay.decision",
        "a ref that is no ready"
    );
}

#[test]
fn a_second_payment_of_a_decision_can_be_made_but_never_taken() {
    let (mut market, treasury, payee) = treasury();
    let unit = market.unit.id();
    let ready = decide(&mut market, PROPOSAL, &[action(treasury, payee, unit, 40)]);
    // The old writer pays offline; the new one does not know and pays again.
    let mut payment = paying(&market, payee, 40);
    let old = market
        .stage
        .write_after(&treasury, None, PAYMENT, &[ready], &payment);
    market.reopen(treasury, None, 0);
    payment.effective = Some(icn_types::time::Timestamp::from_millis(1));
    let new = market.post(treasury, &[ready], &payment);
    let third = market.post(treasury, &[ready], &payment);
    assert_eq!(market.verdict(&old), "valid");
    assert_eq!(market.verdict(&new), "valid");
    assert_eq!(market.verdict(&third), "pay.key");
    for (first, second) in [(old, new), (new, old)] {
        let took = market.ack_after(payee, None, &[leg(first, 0)]);
        assert_eq!(market.verdict(&took), "valid");
        let tip = Some(icn_types::authority::Tip { seq: 0, head: took });
        let again = market.ack_after(payee, tip, &[leg(second, 0)]);
        assert_eq!(market.verdict(&again), "ack.key");
    }
}

#[test]
fn closing_again_under_another_registrar_gives_the_same_key() {
    let (mut market, treasury, payee) = treasury();
    let unit = market.unit.id();
    let before = market.stage.records.last().unwrap();
    assert_eq!(before.chain(), market.stage.set.authority());
    let honoured = before.id();
    let actions = [action(treasury, payee, unit, 40)];
    let first = decide(&mut market, PROPOSAL, &actions);
    let payment = paying(&market, payee, 40);
    let paid = market.post(treasury, &[first], &payment);
    market.ack(payee, &[leg(paid, 0)]);
    // The successor starts before the decision and has to decide again.
    market.stage.recall(honoured, &[]);
    market.feed();
    let second = decide(&mut market, PROPOSAL, &actions);
    assert_ne!(first, second);
    let again = market.post(treasury, &[second], &payment);
    assert_eq!(market.verdict(&again), "pay.key");
    let request = PaymentRequest {
        legs: payment.legs.clone(),
        key: payment.key,
        decision: Some((second, 0)),
        effective: None,
        memo: None,
        cause: None,
    };
    assert_eq!(
        market.authorize(treasury, &request),
        Err(Refusal::KeyConflict { first: paid })
    );
    assert_eq!(market.posted(payee), 40);
}

#[test]
fn a_treasury_without_funds_pays_once_it_has_them() {
    let (mut market, treasury, payee) = treasury();
    let unit = market.unit.id();
    let ready = decide(&mut market, PROPOSAL, &[action(treasury, payee, unit, 115)]);
    let payment = paying(&market, payee, 115);
    let request = PaymentRequest {
        legs: payment.legs,
        key: payment.key,
        decision: Some((ready, 0)),
        effective: None,
        memo: None,
        cause: Some(ready),
    };
    let short = Err(Refusal::Limit { spendable: 100 });
    assert_eq!(market.authorize(treasury, &request), short);
    assert_eq!(market.authorize(treasury, &request), short, "and again");
    let donor = market.chains[1];
    let donation = market.pay(donor, treasury, 20);
    market.ack(treasury, &[leg(donation, 0)]);
    let Ok(Authorized::Draft(draft)) = market.authorize(treasury, &request) else {
        panic!("funded");
    };
    let paid = market.submit(draft);
    assert_eq!(market.verdict(&paid), "valid");
    assert_eq!(
        market.authorize(treasury, &request),
        Ok(Authorized::Again(paid))
    );
}

/// The community bounds what it decides by the decision itself.
#[test]
fn what_was_decided_is_under_no_policy() {
    let (mut market, treasury, payee) = treasury();
    let unit = market.unit.id();
    let ready = decide(&mut market, PROPOSAL, &[action(treasury, payee, unit, 60)]);
    let payment = paying(&market, payee, 60);
    let request = PaymentRequest {
        legs: payment.legs,
        key: payment.key,
        decision: Some((ready, 0)),
        effective: None,
        memo: None,
        cause: None,
    };
    let nothing = Cap::new(0, NonZeroU64::MAX);
    let strict = Policy::new(List::new([nothing]).unwrap());
    let (ledger, set) = (&market.ledger, &market.stage.set);
    let answer = ledger.authorize(set, &treasury, &request, NOW, &strict);
    assert_eq!(answer, market.authorize(treasury, &request));
    assert!(matches!(answer, Ok(Authorized::Draft(_))), "{answer:?}");
}
