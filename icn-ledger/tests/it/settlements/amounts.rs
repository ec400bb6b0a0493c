//! To the atom: what a charge pays for, and what a later Seal still seals.

use icn_types::authority::{Act, Finality, Seal, SealRow, Tip};
use icn_types::canon::List;
use icn_types::id::{ChainId, RecordId};

use super::claims::last_act;
use super::{Loss, Named, Parted, Twofold, settle};
use crate::market::{Market, leg};

#[test]
fn claims_against_an_account_are_paid_up_to_its_charge() {
    let mut loss = Loss::new();
    let claim = loss.buy(30);
    loss.charge(69);
    let first = loss.named();
    let second = Named {
        leg: (loss.shop, 30),
        claim,
        ..first
    };
    for (named, verdict) in [(first, "valid"), (second, "settle.charge")] {
        let settlement = settle(&mut loss.market, &mut loss.fund, named);
        assert_eq!(loss.market.verdict(&settlement), verdict);
    }
}

#[test]
fn what_was_settled_of_a_record_that_stands_again_is_sealed_no_more() {
    let mut two = Twofold::new();
    let honoured = last_act(&two.market);
    let opened = two.market.stage.open_of(&two.member);
    let open = two.market.reopen(two.member, None, 42);
    let named = two.named(0, 30, open);
    let settlement = settle(&mut two.market, &mut two.fund, named);
    let (mut market, shop) = (two.market, two.shop);
    market.ack(shop, &[leg(settlement, 0)]);
    market.stage.recall(honoured, &[]);
    market.feed();
    let seal = seal_under(&mut market, two.member, opened, two.late);
    market.note(shop, &[seal, two.late]);
    assert_eq!(market.spendable(shop), 132, "12, and 20 of the settlement");
}

#[test]
fn a_settled_part_that_waited_for_its_resolve_alone_is_sealed_no_more() {
    let mut parted = Parted::new();
    let (payer, payee) = (parted.payer, parted.payee);
    let seal = parted.market.seal(payer);
    parted.market.note(payee, &[seal, parted.hold]);
    let opened = parted.market.stage.open_of(&parted.resolver);
    let honoured = last_act(&parted.market);
    let open = parted.market.reopen(parted.resolver, None, 30);
    parted.settle(parted.taken(), 30, open);
    let Parted {
        mut market,
        resolver,
        resolve,
        ..
    } = parted;
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
