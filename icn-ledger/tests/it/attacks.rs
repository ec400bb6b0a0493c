//! Attacks on money by forks, refusals, Seals and colluders.

use icn_ledger::Charge;
use icn_types::authority::{Finality, Tip};
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::index::Spread as _;
use icn_types::set::Label;
use icn_types::testkit::stage::GRANT;

use crate::holds::{part, rest};
use crate::market::{Market, leg};
use crate::settlements::{Loss, settle};

fn tip_at(seq: u64, head: RecordId) -> Option<Tip> {
    Some(Tip { seq, head })
}

fn label(market: &Market, id: &RecordId) -> Label {
    let set = &market.stage.set;
    set.canonical().label(set.find(id).unwrap())
}

fn charged(market: &Market, chain: ChainId) -> u64 {
    u64::try_from(market.column(chain).charged).unwrap()
}

#[test]
fn refusals_do_not_turn_void_payments_into_credit() {
    let mut market = Market::new(3);
    let [mallory, colluder, shop] = market.chains[..] else {
        panic!("three accounts");
    };
    let branches: Vec<RecordId> = (0..5)
        .map(|_| market.pay_after(mallory, None, colluder, 100))
        .collect();
    market.reopen(mallory, None, 0);
    let refusals: Vec<RecordId> = branches
        .iter()
        .map(|&branch| market.refuse(colluder, &[leg(branch, 0)]))
        .collect();
    assert!(refusals.iter().all(|id| market.verdict(id) == "valid"));
    let seal = market.seal(colluder);
    let head = market.tip(colluder).unwrap().head;
    let note = market.note(mallory, &[seal, head]);
    assert_eq!(market.verdict(&note), "valid");
    let tip = market.tip(mallory);
    let regain = market.ack_after(mallory, tip, &[leg(refusals[0], 0)]);
    assert_eq!(market.verdict(&regain), "ack.return");
    assert_eq!(charged(&market, mallory), 0, "a refusal charges nobody");
    let all = market.pay_after(mallory, tip, shop, 101);
    assert_eq!(market.verdict(&all), "limit.floor");
    let own = market.pay_after(mallory, tip, shop, 100);
    assert_eq!(market.verdict(&own), "valid");
}

#[test]
fn a_contradicting_seal_moves_no_label_and_seals_no_credit() {
    let mut market = Market::new(2);
    let (x, y) = (market.chains[0], market.chains[1]);
    let a = market.pay_after(x, None, y, 10);
    let b = market.pay_after(x, None, y, 90);
    let b2 = market.pay_after(x, tip_at(0, b), y, 5);
    market.seal_at(x, tip_at(0, a));
    assert_eq!(
        [a, b].map(|id| label(&market, &id)),
        [Label::Posted, Label::Void]
    );
    let contradicting = market.seal_at(x, tip_at(1, b2));
    let set = &market.stage.set;
    assert!(set.verdict(set.find(&contradicting).unwrap()).is_valid());
    assert_eq!(
        [a, b].map(|id| label(&market, &id)),
        [Label::Posted, Label::Void]
    );

    market.ack(y, &[leg(b, 0)]);
    let named = market.note(y, &[contradicting, b2]);
    assert_eq!(market.verdict(&named), "valid");
    let own_credit = u128::from(GRANT.floor.unsigned_abs());
    assert_eq!(market.spendable(y), own_credit + u128::from(GRANT.float));
}

#[test]
fn ten_forks_with_a_clean_epoch_each_buy_once() {
    let mut market = Market::new(2);
    let (mallory, shop) = (market.chains[0], market.chains[1]);
    let mut bought = 0;
    for _ in 0..10 {
        let payment = market.pay_after(mallory, None, shop, 100);
        if market.verdict(&payment) == "valid" {
            market.ack(shop, &[leg(payment, 0)]);
            bought += 100;
        }
        market.note(mallory, &[]);
        let charged = charged(&market, mallory);
        market.reopen(mallory, None, charged);
    }
    assert_eq!(bought, 100);
    assert_eq!(market.column(mallory).contested, -100);
}

/// Whoever holds the claims sees whether a registrar charged them.
#[test]
fn a_stated_charge_is_confirmed_understated_or_overstated() {
    let mut market = Market::new(2);
    let (mallory, shop) = (market.chains[0], market.chains[1]);
    let charge = |market: &Market| market.ledger.charge(&market.stage.set, &mallory);
    assert_eq!(charge(&market), Some(Charge::Confirmed));
    let payment = market.pay_after(mallory, None, shop, 100);
    market.ack(shop, &[leg(payment, 0)]);
    market.reopen(mallory, None, 0);
    assert_eq!(charge(&market), Some(Charge::Understated));
    market.reopen(mallory, None, 100);
    assert_eq!(charge(&market), Some(Charge::Confirmed));
    market.reopen(mallory, None, 101);
    assert_eq!(charge(&market), Some(Charge::Overstated));
    let nobody = ChainId::from_bytes([0; 32]);
    assert_eq!(market.ledger.charge(&market.stage.set, &nobody), None);
}

#[test]
fn colluders_of_one_forker_spend_their_float_and_no_more() {
    const COLLUDERS: usize = 8;
    let mut market = Market::new(COLLUDERS + 2);
    let (mallory, shop) = (market.chains[0], market.chains[1]);
    for number in 0..COLLUDERS {
        let colluder = market.chains[2 + number];
        let branch = market.pay_after(mallory, None, colluder, 100);
        market.ack(colluder, &[leg(branch, 0)]);
        let tip = market.tip(colluder);
        let with_float = market.pay(colluder, shop, 120);
        assert_eq!(market.verdict(&with_float), "valid");
        let more = market.pay(colluder, shop, 1);
        assert_eq!(market.verdict(&more), "limit.floor");
        let at_once = market.pay_after(colluder, tip, shop, 121);
        assert_eq!(market.verdict(&at_once), "limit.floor");
    }
}

#[test]
fn two_branches_in_two_shops_are_both_charged_or_posted() {
    let mut market = Market::new(3);
    let [mallory, shop, store] = market.chains[..] else {
        panic!("three accounts");
    };
    let a = market.pay_after(mallory, None, shop, 100);
    let b = market.pay_after(mallory, None, store, 100);
    let acks = [
        market.ack(shop, &[leg(a, 0)]),
        market.ack(store, &[leg(b, 0)]),
    ];
    assert!(acks.iter().all(|id| market.verdict(id) == "valid"));
    assert_eq!(charged(&market, mallory), 200, "nothing is posted yet");

    market.stage.seal_at(&mallory, tip_at(0, a), Finality::Open);
    market.feed();
    assert_eq!(charged(&market, mallory), 100);
    let charge = charged(&market, mallory);
    market.reopen(mallory, tip_at(0, a), charge);
    let more = market.pay(mallory, shop, 1);
    assert_eq!(market.verdict(&more), "limit.floor");
    assert_eq!(market.spendable(store), 120, "floor and float");
    let too_much = market.pay(store, shop, 121);
    assert_eq!(market.verdict(&too_much), "limit.floor");
}

#[test]
fn a_late_fork_below_a_seal_changes_nothing() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.pay(a, b, 10);
    market.pay(a, b, 20);
    market.ack_all(b);
    market.seal(a);
    let before = (
        market.column(a),
        market.column(b),
        market.spendable(a),
        market.ledger.label_digest(&market.stage.set),
    );
    let late = market.pay_after(a, None, b, 99);
    assert_eq!(market.verdict(&late), "valid");
    let after = (
        market.column(a),
        market.column(b),
        market.spendable(a),
        market.ledger.label_digest(&market.stage.set),
    );
    assert_eq!(before, after);
    assert_eq!(label(&market, &payment), Label::Posted);

    let ack = market.ack(b, &[leg(late, 0)]);
    assert_eq!(market.verdict(&ack), "valid");
    assert_eq!(market.posted(a), -30, "what is sealed stays");
    assert_eq!(charged(&market, a), 99, "and what was acknowledged is owed");
}

#[test]
fn a_fork_hides_neither_the_debt_nor_the_credit_that_it_made() {
    let mut market = Market::new(2);
    let (mallory, shop) = (market.chains[0], market.chains[1]);
    let payment = market.pay(mallory, shop, 100);
    market.ack(shop, &[leg(payment, 0)]);
    assert_eq!(market.posted(mallory), -100);
    market.pay_after(mallory, None, shop, 1);
    let column = market.column(mallory);
    assert_eq!(
        (column.posted, column.contested, column.charged),
        (0, -100, 100)
    );
    assert_eq!(market.posted(shop), 100);
}

#[test]
fn a_seal_on_either_branch_decides_in_any_order_of_arrival() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let one = market.pay_after(a, None, b, 10);
    let two = market.pay_after(a, None, b, 20);
    market.ack(b, &[leg(one, 0), leg(two, 0)]);
    market.seal_at(a, tip_at(0, two));
    let expected = market.ledger.label_digest(&market.stage.set);
    let late_branch = market.stage.replay(market.stage.records.iter().rev());
    let ledger = crate::market::follow(&late_branch, market.unit);
    assert_eq!(ledger.label_digest(&late_branch), expected);
    let column = market.column(a);
    assert_eq!(
        (column.posted, column.contested, column.charged),
        (-20, -10, 10)
    );
}

/// Who names a Seal and acknowledges beside it all the same breaks no rule:
/// the float bounds what such credit buys. An honest payee leaves it alone.
#[test]
fn an_acknowledgement_beside_a_named_seal_is_valid_but_nobody_honest_drafts_it() {
    let mut market = Market::new(2);
    let (x, y) = (market.chains[0], market.chains[1]);
    let honoured = market.pay_after(x, None, y, 10);
    let beside = market.pay_after(x, None, y, 90);
    let seal = market.seal_at(x, tip_at(0, honoured));
    market.note(y, &[seal, honoured]);
    let set = &market.stage.set;
    let draft = market
        .ledger
        .draft_acks(set, &y, icn_types::time::Timestamp::default())
        .unwrap()
        .unwrap();
    assert_eq!(draft.content().refs(), [honoured]);
    let ack = market.ack(y, &[leg(beside, 0)]);
    assert_eq!(market.verdict(&ack), "valid");
    assert_eq!(charged(&market, x), 90);
}

/// A payee's own answers race each other: whichever its chain wrote first has
/// taken the leg, and in transit never falls below zero.
#[test]
fn of_two_answers_to_one_leg_only_the_first_counts() {
    for refuse_first in [false, true] {
        let mut market = Market::new(2);
        let (x, y) = (market.chains[0], market.chains[1]);
        let payment = market.pay(x, y, 10);
        let answer = |market: &mut Market, refuse: bool| {
            if refuse {
                market.refuse(y, &[leg(payment, 0)])
            } else {
                market.ack(y, &[leg(payment, 0)])
            }
        };
        let first = answer(&mut market, refuse_first);
        let second = answer(&mut market, !refuse_first);
        assert_eq!(market.verdict(&first), "valid");
        assert_eq!(market.verdict(&second), "ack.twice");
        let returned = if refuse_first { 10 } else { 0 };
        assert_eq!(market.column(x).incoming, returned);
    }
}

/// Payer, payee and resolver; the payee took 30 of 50 by one of two Resolves at
/// one position, the payer took 50 by the other.
fn forked_resolver() -> (Market, [ChainId; 3], [RecordId; 2]) {
    let mut market = Market::new(3);
    let [a, b, z] = market.chains[..] else {
        panic!("three accounts");
    };
    let hold = market.hold(a, (b, 50), z);
    let [one, two] = [30, 0].map(|part| market.resolve_after(z, None, &[(hold, part)]));
    let acks = [
        market.ack(b, &[part(one, 0)]),
        market.ack(a, &[rest(two, 0)]),
    ];
    assert!(acks.iter().all(|id| market.verdict(id) == "valid"));
    (market, [a, b, z], [one, two])
}

#[test]
fn a_forking_resolver_pays_itself_for_what_it_gives_twice() {
    let (mut market, [a, b, z], [one, _]) = forked_resolver();
    assert_eq!([a, b].map(|chain| market.posted(chain)), [0, 30]);
    let column = market.column(z);
    assert_eq!((column.contested, column.charged), (-80, 80));
    assert_eq!(market.column(a).held, 50, "no Resolve is posted");

    market.seal_at(z, tip_at(0, one));
    let column = market.column(z);
    assert_eq!((column.contested, column.charged), (-50, 50));
    assert_eq!(market.column(a).held, 0);
    assert_eq!(market.column(a).incoming, 20, "nobody can take it any more");
    assert_eq!(market.ack_all(a), None);

    market.reopen(z, tip_at(0, one), 50);
    assert_eq!(market.spendable(z), 50);
}

#[test]
fn what_a_forking_resolver_gives_is_spent_within_the_float() {
    let (mut market, [a, b, z], [one, two]) = forked_resolver();
    assert_eq!(market.spendable(a), 100 - 50 + 20);
    assert_eq!(market.spendable(b), 100 + 20);
    let seals = [market.seal(a), market.seal_at(z, tip_at(0, one))];
    let hold = market.tip(a).unwrap().head;
    market.note(b, &[seals[0], hold, seals[1], one]);
    assert_eq!(market.spendable(b), 130, "hold and Resolve are sealed");
    let false_seal = market.seal_at(z, tip_at(0, two));
    market.note(a, &[seals[1], one, false_seal, two]);
    assert_eq!(market.spendable(a), 70, "its Resolve never is");
}

/// A hold on a dropped branch gives nothing back that was not there, and
/// whoever set it aside owes what its payee took.
#[test]
fn a_dropped_hold_is_owed_by_its_payer() {
    let mut market = Market::new(3);
    let [a, b, z] = market.chains[..] else {
        panic!("three accounts");
    };
    let kept = market.pay_after(a, None, b, 1);
    let hold = market.hold_after(a, None, (b, 50), z);
    let resolve = market.resolve(z, &[(hold, 30)]);
    let above = tip_at(0, hold);
    let regain = market.ack_after(a, above, &[rest(resolve, 0)]);
    assert_eq!(market.verdict(&regain), "valid");
    let ack = market.ack(b, &[part(resolve, 0)]);
    assert_eq!(market.verdict(&ack), "valid");
    market.seal_at(a, tip_at(0, kept));
    let column = market.column(a);
    assert_eq!((column.posted, column.held), (-1, 0));
    assert_eq!((column.contested, column.charged), (-30, 30));
    assert_eq!(market.posted(b), 30);
    let finality = |leg| market.ledger.finality(&market.stage.set, &leg);
    assert_eq!(finality(part(resolve, 0)), None, "it comes from nowhere");
}

/// A refund is paid out of the refunder's own limit, whatever it took.
#[test]
fn refunds_do_not_turn_void_payments_into_credit() {
    let mut market = Market::new(2);
    let (mallory, colluder) = (market.chains[0], market.chains[1]);
    let branches: Vec<RecordId> = (0..5)
        .map(|_| market.pay_after(mallory, None, colluder, 100))
        .collect();
    market.reopen(mallory, None, 0);
    let legs: Vec<_> = branches.iter().map(|id| leg(*id, 0)).collect();
    market.ack(colluder, &legs);
    let refund = market.refund(colluder, legs[0], 100);
    assert_eq!(market.verdict(&refund), "valid");
    let tip = market.tip(colluder);
    let more = market.refund(colluder, legs[1], 21);
    assert_eq!(market.verdict(&more), "limit.floor", "floor and float");
    market.reopen(colluder, tip, 0);
    let rest = market.refund(colluder, legs[1], 20);
    assert_eq!(market.verdict(&rest), "valid");
}

/// Two shops with the same claim of 40. To the one the fund makes a payment,
/// to the other a settlement: only the first can spend its old credit as well.
#[test]
fn a_claim_that_is_settled_is_not_spent_a_second_time() {
    let spendable = |by_payment: bool| {
        let mut loss = Loss::charged();
        let (shop, fund) = (loss.shop, loss.fund.chain);
        let named = loss.named();
        let market = &mut loss.market;
        let paid = if by_payment {
            let key = loss.fund.key(market);
            let ready = loss.fund.ready;
            market.pay_decided(fund, &[ready], (shop, 40), (0, key))
        } else {
            settle(market, &mut loss.fund, named)
        };
        let ack = market.ack(shop, &[leg(paid, 0)]);
        assert_eq!([paid, ack].map(|id| market.verdict(&id)), ["valid"; 2]);
        let seal = market.seal(fund);
        market.note(shop, &[seal, paid]);
        market.spendable(shop)
    };
    assert_eq!(spendable(true), 100 + 40 + 20, "the float is spent as well");
    assert_eq!(spendable(false), 100 + 40);
}

#[test]
fn keys_that_were_ground_to_meet_in_an_index_are_still_two() {
    let mut market = Market::new(2);
    let (payer, payee) = (market.chains[0], market.chains[1]);
    let mut ground = [0; 32];
    ground[..8].copy_from_slice(&7_u64.to_le_bytes());
    ground[8..16].copy_from_slice(&7_u64.rotate_left(23).to_le_bytes());
    let keys = [[0; 32], ground];
    assert_eq!(keys[0].spread(), keys[1].spread());
    for key in keys {
        let mut payment = market.payment(&[(payee, 1)]);
        payment.key = OperationKey::from_bytes(key);
        let payment = market.post(payer, &[], &payment);
        assert_eq!(market.verdict(&payment), "valid");
        let ack = market.ack(payee, &[leg(payment, 0)]);
        assert_eq!(market.verdict(&ack), "valid");
    }
}

#[test]
fn legs_of_one_record_lie_apart_in_an_index() {
    let record = RecordId::from_bytes([7; 32]);
    let mut spreads: Vec<u32> = (0..=u8::MAX).map(|n| leg(record, n).spread()).collect();
    spreads.sort_unstable();
    spreads.dedup();
    assert_eq!(spreads.len(), 256);
}
