//! Which claims there are, and what becomes of what settled them.

use icn_ledger::Refusal;
use icn_types::authority::Tip;
use icn_types::id::RecordId;

use super::{Fund, Loss, Named, Parted, Twofold, settle};
use crate::holds::rest;
use crate::market::{Market, follow, leg};

/// Of several legs of one record only the paid one changes its source.
#[test]
fn one_leg_of_a_record_is_settled_and_the_other_keeps_its_doubt() {
    let mut two = Twofold::new();
    let open = two.market.reopen(two.member, None, 42);
    let named = two.named(1, 30, open);
    let swapped = settle(&mut two.market, &mut two.fund.clone(), named);
    assert_eq!(two.market.verdict(&swapped), "settle.leg");
    two.market.reopen(two.fund.chain, None, 0);
    let named = two.named(0, 30, open);
    let settlement = settle(&mut two.market, &mut two.fund, named);
    let (mut market, shop) = (two.market, two.shop);
    market.ack(shop, &[leg(settlement, 0)]);
    let seal = market.seal(two.fund.chain);
    market.note(shop, &[seal, settlement]);
    assert_eq!(market.spendable(shop), 100 + 30 + 12);
    let more = market.pay(shop, two.member, 30 + 100 + 13);
    assert_eq!(market.verdict(&more), "limit.floor");
}

/// The hold falls, so its payer owes the payee's part.
#[test]
fn a_part_of_a_dropped_hold_is_settled() {
    let mut parted = Parted::new();
    let open = parted.market.reopen(parted.payer, None, 30);
    let settlement = parted.settle(parted.taken(), 30, open);
    let Parted {
        mut market,
        fund,
        payee,
        resolver,
        resolve,
        ..
    } = parted;
    assert_eq!((market.posted(payee), market.spendable(payee)), (30, 120));
    assert_eq!(market.column(fund.chain).contested, 30);
    let seal = market.seal(fund.chain);
    market.note(payee, &[seal, settlement]);
    assert_eq!(market.spendable(payee), 130);
    // A Seal over the Resolve finds nothing any more that it could seal.
    let seal = market.seal(resolver);
    market.note(payee, &[seal, resolve]);
    assert_eq!(market.spendable(payee), 130);
}

/// The hold stands and the Resolve falls, so the resolver owes what both sides
/// took by it.
#[test]
fn both_parts_of_a_dropped_resolve_are_settled() {
    let mut parted = Parted::new();
    let (payer, payee) = (parted.payer, parted.payee);
    let back = rest(parted.resolve, 0);
    parted.market.ack(payer, &[back]);
    // The payee's part waits for a Seal over its hold, and is sealed by none.
    let seal = parted.market.seal(payer);
    parted.market.note(payee, &[seal, parted.hold]);
    let open = parted.market.reopen(parted.resolver, None, 50);
    parted.settle(parted.taken(), 30, open);
    parted.settle((payer, back), 20, open);
    let Parted {
        mut market,
        fund,
        resolver,
        ..
    } = parted;
    let seal = market.seal(fund.chain);
    let head = market.tip(fund.chain).unwrap().head;
    market.note(payee, &[seal, head]);
    market.note(payer, &[seal, head]);
    assert_eq!(market.spendable(payee), 130);
    assert_eq!(market.spendable(payer), 70);
    assert_eq!(market.column(resolver).contested, -50);
    assert_eq!(market.column(fund.chain).contested, 50);
}

/// An Open of another chain, or one that the record came after, charges
/// nothing of it.
#[test]
fn only_an_open_that_leaves_the_record_out_shows_a_claim() {
    let mut loss = Loss::new();
    let before = loss.market.stage.open_of(&loss.member);
    loss.charge(40);
    let good = loss.named();
    let shop = loss.market.stage.open_of(&loss.shop);
    let cases = [
        (Named { open: shop, ..good }, "settle.open"),
        (
            Named {
                open: before,
                ..good
            },
            "settle.stands",
        ),
        (
            Named {
                open: loss.fund.ready,
                ..good
            },
            "settle.open",
        ),
        (Named { head: None, ..good }, "settle.head"),
    ];
    for (named, code) in cases {
        let id = settle(&mut loss.market, &mut loss.fund.clone(), named);
        assert_eq!(loss.market.verdict(&id), code);
        loss.market.reopen(loss.fund.chain, None, 0);
    }
    let id = settle(&mut loss.market, &mut loss.fund, good);
    assert_eq!(loss.market.verdict(&id), "valid");
}

/// A payment on the path that the Open starts at stands, however it is charged.
#[test]
fn what_an_open_lets_stand_is_no_claim() {
    let mut loss = Loss::new();
    let tip = loss.market.tip(loss.member);
    let open = loss.market.reopen(loss.member, tip, 40);
    let named = Named {
        open,
        head: tip.map(|tip| tip.head),
        ..loss.named()
    };
    let id = settle(&mut loss.market, &mut loss.fund, named);
    assert_eq!(loss.market.verdict(&id), "settle.stands");
}

/// An account that was charged cannot pay what it is charged with.
#[test]
fn a_shared_account_does_not_settle_its_own_claims() {
    let mut market = Market::new(2);
    let shop = market.chains[0];
    let mut fund = Fund::open(&mut market, 1);
    let (ready, key) = (fund.ready, fund.key(&market));
    let late = market.pay_decided(fund.chain, &[ready], (shop, 40), (0, key));
    market.ack(shop, &[leg(late, 0)]);
    let open = market.reopen(fund.chain, None, 40);
    fund.paid = 0;
    let named = Named {
        leg: (shop, 40),
        claim: leg(late, 0),
        open,
        head: None,
    };
    let own = settle(&mut market, &mut fund, named);
    assert_eq!(market.verdict(&own), "settle.own");
    let mut other = Fund::open(&mut market, 2);
    let id = settle(&mut market, &mut other, named);
    assert_eq!(market.verdict(&id), "valid");
}

/// A settlement that falls is a claim itself, against the account that wrote it.
#[test]
fn a_settlement_that_falls_is_settled_by_another_account() {
    let mut loss = Loss::charged();
    let fallen = loss.settle();
    loss.market.ack_all(loss.shop);
    let fund = loss.fund.chain;
    let open = loss.market.reopen(fund, None, 40);
    assert_eq!(loss.stands(), [(-5, -40), (45, 0), (0, 0)]);
    assert_eq!(loss.market.column(fund).charged, 40);
    let again = {
        let named = loss.named();
        loss.fund.paid = 0;
        settle(&mut loss.market, &mut loss.fund, named)
    };
    assert_eq!(loss.market.verdict(&again), "valid", "on its other path");
    assert_eq!(loss.market.ack_all(loss.shop), None, "but the shop is paid");
    let mut other = Fund::open(&mut loss.market, 2);
    let named = Named {
        claim: leg(fallen, 0),
        open,
        head: None,
        ..loss.named()
    };
    let second = settle(&mut loss.market, &mut other, named);
    assert_eq!(loss.market.verdict(&second), "valid");
    let ack = loss.market.ack_all(loss.shop).unwrap();
    assert_eq!(loss.market.verdict(&ack), "valid");
    assert_eq!(loss.market.posted(loss.shop), 45);
    let column = loss.market.column(other.chain);
    assert_eq!((column.posted, column.contested), (-40, 40));
}

/// A Recall drops the Seal and the Open that left the record out, so that it
/// stands again. The shop has what the fund paid and nothing twice; what the
/// member paid after all is the fund's.
#[test]
fn a_settled_leg_that_stands_again_is_not_paid_twice() {
    let mut loss = Loss::new();
    let honoured = last_act(&loss.market);
    loss.charge(40);
    let settlement = loss.settle();
    loss.market.ack_all(loss.shop);
    assert_eq!(loss.stands(), [(-5, -40), (45, 0), (-40, 40)]);
    loss.market.stage.recall(honoured, &[]);
    loss.market.feed();
    assert_eq!(loss.stands(), [(-45, 0), (45, 0), (-40, 40)]);
    assert_eq!(loss.market.column(loss.member).charged, 0);
    assert!(loss.query(|query| query.claims_of(&loss.member).claims.is_empty()));
    let request = loss.request();
    let by = settlement;
    assert_eq!(loss.ask(&request), Err(Refusal::Settled { by }));
    let refund = loss.market.refund(loss.shop, loss.claim, 1);
    assert_eq!(loss.market.verdict(&refund), "refund.source");
}

/// Sealed credit gives way like any other, here of a Seal that a Recall drops.
#[test]
fn credit_that_was_sealed_under_a_dropped_seal_is_replaced_too() {
    let mut market = Market::new(4);
    let (member, shop) = (market.chains[0], market.chains[1]);
    let mut fund = Fund::open(&mut market, 1);
    let honoured = last_act(&market);
    let [one, two] = [40, 30].map(|atoms| market.pay_after(member, None, shop, atoms));
    let at = |head| Some(Tip { seq: 0, head });
    let dropped = market.seal_at(member, at(one));
    market.ack(shop, &[leg(one, 0)]);
    market.note(shop, &[dropped, one]);
    assert_eq!(market.spendable(shop), 140);
    market.stage.recall(honoured, &[]);
    let open = market.reopen(member, at(two), 40);
    assert_eq!(market.column(member).charged, 40);
    let named = Named {
        leg: (shop, 40),
        claim: leg(one, 0),
        open,
        head: Some(two),
    };
    let settlement = settle(&mut market, &mut fund, named);
    assert_eq!(market.verdict(&settlement), "valid");
    market.ack(shop, &[leg(settlement, 0)]);
    assert_eq!(market.posted(shop), 40);
    assert_eq!(market.spendable(shop), 120, "until it is sealed again");
    let seal = market.seal(fund.chain);
    market.note(shop, &[seal, settlement]);
    assert_eq!(market.spendable(shop), 140);
}

pub(super) fn last_act(market: &Market) -> RecordId {
    let authority = market.stage.set.authority();
    let mut acts = market.stage.records.iter().rev();
    let last = acts.find(|record| record.chain() == authority);
    last.unwrap().id()
}

#[test]
fn settlements_count_alike_in_any_order_of_arrival() {
    let mut loss = Loss::charged();
    let first = loss.settle();
    let back = loss.market.refuse(loss.shop, &[leg(first, 0)]);
    loss.market.ack(loss.fund.chain, &[leg(back, 0)]);
    loss.settle();
    loss.market.ack_all(loss.shop);
    let expected = loss.market.ledger.label_digest(&loss.market.stage.set);
    let records = &loss.market.stage.records;
    for turn in 0..records.len() {
        let turned = records[turn..].iter().chain(&records[..turn]).rev();
        let set = loss.market.stage.replay(turned);
        let ledger = follow(&set, loss.market.unit);
        assert_eq!(ledger.label_digest(&set), expected);
        assert_eq!(ledger.recount(&set).sum(), 0);
    }
}
