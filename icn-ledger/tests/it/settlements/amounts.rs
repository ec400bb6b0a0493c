//! To the atom: what a charge pays for, and what a later Seal still seals.

use icn_types::authority::{Act, Finality, Seal, SealRow, Tip};
use icn_types::canon::List;
use icn_types::id::{ChainId, RecordId};

use super::claims::last_act;
use super::{Fund, Loss, Named, settle};
use crate::holds::part;
use crate::market::{Market, leg};

#[test]
fn claims_against_an_account_are_paid_up_to_its_charge() {
    let mut loss = Loss::new();
    let late = loss.market.pay(loss.member, loss.shop, 30);
    loss.market.ack(loss.shop, &[leg(late, 0)]);
    loss.charge(69);
    let first = loss.named();
    let second = Named {
        leg: (loss.shop, 30),
        claim: leg(late, 0),
        ..first
    };
    for (named, verdict) in [(first, "valid"), (second, "settle.charge")] {
        let settlement = settle(&mut loss.market, &mut loss.fund, named);
        assert_eq!(loss.market.verdict(&settlement), verdict);
    }
}

#[test]
fn what_was_settled_of_a_record_that_stands_again_is_sealed_no_more() {
    let mut market = Market::new(3);
    let (member, shop) = (market.chains[0], market.chains[1]);
    let mut fund = Fund::open(&mut market, 1);
    let (honoured, opened) = (last_act(&market), market.stage.open_of(&member));
    let late = market.post_two(member, (shop, 30), (shop, 12));
    market.ack(shop, &[leg(late, 0), leg(late, 1)]);
    let named = Named {
        leg: (shop, 30),
        claim: leg(late, 0),
        open: market.reopen(member, None, 42),
        head: None,
    };
    let settlement = settle(&mut market, &mut fund, named);
    market.ack(shop, &[leg(settlement, 0)]);
    market.stage.recall(honoured, &[]);
    market.feed();
    let seal = seal_under(&mut market, member, opened, late);
    market.note(shop, &[seal, late]);
    assert_eq!(market.spendable(shop), 132, "12, and 20 of the settlement");
}

#[test]
fn a_settled_part_that_waited_for_its_resolve_alone_is_sealed_no_more() {
    let mut market = Market::new(3);
    let [payer, payee, resolver] = market.chains[..] else {
        panic!("three accounts");
    };
    let mut fund = Fund::open(&mut market, 1);
    let hold = market.hold(payer, (payee, 50), resolver);
    let resolve = market.resolve(resolver, &[(hold, 30)]);
    market.ack(payee, &[part(resolve, 0)]);
    let seal = market.seal(payer);
    market.note(payee, &[seal, hold]);
    let (honoured, opened) = (last_act(&market), market.stage.open_of(&resolver));
    let named = Named {
        leg: (payee, 30),
        claim: part(resolve, 0),
        open: market.reopen(resolver, None, 30),
        head: None,
    };
    let settlement = settle(&mut market, &mut fund, named);
    assert_eq!(market.verdict(&settlement), "valid");
    market.ack(payee, &[leg(settlement, 0)]);
    market.stage.recall(honoured, &[]);
    market.feed();
    let seal = seal_under(&mut market, resolver, opened, resolve);
    market.note(payee, &[seal, resolve]);
    assert_eq!(market.spendable(payee), 120, "20 of the settlement");
}

#[test]
fn a_settlement_that_a_forking_payee_refused_takes_nothing_over() {
    let mut loss = Loss::charged();
    let settlement = loss.settle();
    let tip = loss.market.tip(loss.shop);
    loss.market.refuse(loss.shop, &[leg(settlement, 0)]);
    loss.market.pay_after(loss.shop, tip, loss.member, 1);
    assert_eq!(loss.stands(), [(-5, -40), (40, 40), (-40, 0)]);
}

/// Seals the first record of a chain under an Open that counts again.
fn seal_under(market: &mut Market, chain: ChainId, open: RecordId, head: RecordId) -> RecordId {
    let row = market
        .stage
        .seal_row(&chain, Some(Tip { seq: 0, head }), Finality::Open);
    let rows = List::new([SealRow { open, ..row }]).unwrap();
    let id = market.stage.act(&Act::Seal(Seal { rows }), &[]);
    market.feed();
    id
}

#[test]
fn a_settlement_has_one_leg() {
    let mut loss = Loss::charged();
    let settlement = loss.settle();
    let second = loss.market.ack(loss.shop, &[leg(settlement, 1)]);
    assert_eq!(loss.market.verdict(&second), "ack.payee");
}
