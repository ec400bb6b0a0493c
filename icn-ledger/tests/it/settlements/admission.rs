//! What a host asks and is told about claims and settlements.

use icn_ledger::batch::{Batch, Item, authorize_all};
use icn_ledger::query::{ClaimState, Movement, Order, PageSize};
use icn_ledger::{Authorized, LedgerEvent, LedgerRule, Policies, Refusal, SettlementRequest};
use icn_types::authority::Finality;
use icn_types::id::{ChainId, OperationKey, RecordId};

use super::Loss;
use crate::market::{NOW, leg};

#[test]
fn a_settlement_is_told_as_one() {
    let mut loss = Loss::charged();
    let settlement = loss.settle();
    let (claim, payer) = (loss.claim, loss.fund.chain);
    assert_eq!(
        loss.market.events.last(),
        Some(&LedgerEvent::Settled {
            settlement,
            claim,
            payer
        })
    );
    assert_eq!(
        loss.market.events.last().and_then(LedgerEvent::record),
        Some(settlement)
    );
    loss.market.ack(loss.shop, &[leg(settlement, 0)]);
    let told = |chain: ChainId| {
        loss.query(|query| {
            let size = PageSize::new(9).unwrap();
            let lines = query.lines(&chain, Order::NewestFirst, None, size);
            let line = lines.unwrap().rows.swap_remove(0);
            let other = line.counterparty;
            (line.movement, line.change(), line.position.get(), other)
        })
    };
    let (shop, fund) = (loss.shop, loss.fund.chain);
    assert_eq!(told(fund), (Movement::Settled, -40, -40, shop));
    assert_eq!(told(shop), (Movement::Compensated, 0, 40, fund));
}

#[test]
fn a_claim_goes_from_listed_to_charged_to_paid_to_settled() {
    let mut loss = Loss::new();
    loss.charge(0);
    assert_eq!(loss.state(), ClaimState::Listed);
    loss.charge(39);
    assert_eq!(loss.state(), ClaimState::Listed, "not enough for it");
    let open = loss.charge(40);
    assert_eq!(loss.state(), ClaimState::Charged { open });
    assert_eq!(loss.query(|query| query.impairments().len()), 1);
    let settlement = loss.settle();
    assert_eq!(loss.state(), ClaimState::Paid { settlement });
    loss.market.ack_all(loss.shop);
    assert_eq!(loss.state(), ClaimState::Settled { settlement });
    assert_eq!(loss.query(|query| query.impairments().len()), 0);
    let claims = loss.query(|query| query.claims_of(&loss.member));
    assert_eq!(claims.claimed, 40, "charged for ever");
}

#[test]
fn charges_are_told_of_as_many_claims_as_they_pay() {
    let mut loss = Loss::new();
    loss.buy(30);
    let open = loss.charge(69);
    let claims = loss.query(|query| query.claims_of(&loss.member).claims);
    let states: Vec<ClaimState> = claims.iter().map(|claim| claim.state).collect();
    assert_eq!(states.len(), 2);
    assert_eq!(states[0], ClaimState::Charged { open });
    assert_eq!(states[1], ClaimState::Listed);
}

/// Admission says what is missing, and writes nothing.
#[test]
fn what_is_no_charged_claim_is_not_paid() {
    let mut loss = Loss::new();
    let request = loss.request();
    assert_eq!(loss.ask(&request), Err(Refusal::NoClaim), "it stands");
    loss.market
        .stage
        .seal_at(&loss.member, loss.sealed, Finality::Final);
    loss.market.feed();
    assert_eq!(loss.ask(&request), Err(Refusal::Uncharged), "no next Open");
    let mut loss = Loss::new();
    for charged in [0, 39] {
        loss.charge(charged);
        assert_eq!(loss.ask(&request), Err(Refusal::Uncharged));
    }
    loss.charge(40);
    let nothing = SettlementRequest {
        claim: leg(loss.claim.record, 1),
        ..request
    };
    assert_eq!(loss.ask(&nothing), Err(Refusal::NoClaim));
    let unknown = SettlementRequest {
        claim: leg(RecordId::from_bytes([0; 32]), 0),
        ..request
    };
    assert_eq!(loss.ask(&unknown), Err(Refusal::NoClaim));
    let undecided = SettlementRequest {
        key: OperationKey::from_bytes([0; 32]),
        ..request
    };
    let decided = Refusal::Rule(LedgerRule::PayDecision);
    assert_eq!(loss.ask(&undecided), Err(decided));
    let settlement = loss.settle();
    let other = loss.request();
    let paid = Err(Refusal::Settled { by: settlement });
    assert_eq!(loss.ask(&other), paid, "in transit");
    loss.market.ack_all(loss.shop);
    assert_eq!(loss.ask(&other), paid);
}

#[test]
fn a_leg_that_its_payee_left_or_refused_is_no_claim() {
    let mut loss = Loss::new();
    let [left, refused] = [20, 10].map(|atoms| {
        let id = loss.market.pay(loss.member, loss.shop, atoms);
        leg(id, 0)
    });
    loss.market.refuse(loss.shop, &[refused]);
    loss.charge(100);
    for claim in [left, refused] {
        let request = SettlementRequest {
            claim,
            ..loss.request()
        };
        assert_eq!(loss.ask(&request), Err(Refusal::NoClaim));
    }
}

#[test]
fn a_claim_of_a_chain_that_forks_waits_for_a_seal() {
    let mut loss = Loss::new();
    let twin = loss
        .market
        .pay_after(loss.member, loss.sealed, loss.shop, 1);
    assert_eq!(loss.market.verdict(&twin), "valid");
    let request = loss.request();
    assert_eq!(loss.state(), ClaimState::Listed);
    assert_eq!(loss.ask(&request), Err(Refusal::Uncharged));
}

#[test]
fn a_settlement_that_is_asked_for_again_is_the_first_one() {
    let mut loss = Loss::charged();
    let request = loss.request();
    let Ok(Authorized::Draft(draft)) = loss.ask(&request) else {
        panic!("a draft");
    };
    let first = loss.market.submit(draft);
    assert_eq!(loss.ask(&request), Ok(Authorized::Again(first)));
    loss.market.ack_all(loss.shop);
    loss.market.seal(loss.member);
    loss.charge(50);
    assert_eq!(
        loss.ask(&request),
        Ok(Authorized::Again(first)),
        "whatever Open is in force by now"
    );
    let conflict = Err(Refusal::KeyConflict { first });
    let other = SettlementRequest {
        claim: leg(loss.claim.record, 1),
        ..request
    };
    assert_eq!(loss.ask(&other), conflict);
    let caused = SettlementRequest {
        cause: Some(first),
        ..request
    };
    assert_eq!(loss.ask(&caused), conflict);
}

/// A payment out of the same envelope took the key.
#[test]
fn a_key_of_a_payment_is_none_of_a_settlement() {
    let mut loss = Loss::charged();
    let request = loss.request();
    let (ready, to) = (loss.fund.ready, (loss.shop, 1));
    let paid = loss
        .market
        .pay_decided(loss.fund.chain, &[ready], to, (0, request.key));
    assert_eq!(loss.market.verdict(&paid), "valid");
    let conflict = Err(Refusal::KeyConflict { first: paid });
    assert_eq!(loss.ask(&request), conflict);
}

/// What was only drafted counts for the rest of its batch.
#[test]
fn a_batch_settles_a_claim_once() {
    let mut loss = Loss::charged();
    let (first, second) = (loss.request(), loss.request());
    let conflict = SettlementRequest {
        claim: leg(loss.claim.record, 1),
        ..first
    };
    let items = [first.clone(), first, second, conflict].map(|request| Item {
        chain: loss.fund.chain,
        request: request.into(),
        at: NOW,
    });
    let decisions = items.each_ref().map(|item| item.request.decision());
    assert_eq!(decisions, [Some((loss.fund.ready, 0)); 4]);
    let (set, ledger) = (&loss.market.stage.set, &loss.market.ledger);
    let answers = authorize_all(set, [ledger], Batch::Independent, &items, &Policies::NONE);
    let [Ok(Authorized::Draft(draft)), again, settled, conflict] = &answers[..] else {
        panic!("a draft first: {answers:?}");
    };
    let id = draft.header().id();
    assert_eq!(*again, Ok(Authorized::Again(id)));
    assert_eq!(*settled, Err(Refusal::Settled { by: id }));
    assert_eq!(*conflict, Err(Refusal::KeyConflict { first: id }));
    assert_eq!(loss.market.submit(draft.clone()), id);
    assert_eq!(loss.market.verdict(&id), "valid");
}
