//! Every rule has an entry that breaks it.

use std::collections::BTreeSet;

use icn_ledger::entry::{ACK, LEGS_MAX, NOTE, PAYMENT, REFUSE};
use icn_ledger::{Ack, DecisionRef, LedgerEvent, LedgerRule, LegRef, Note, Unit};
use icn_types::authority::Grant;
use icn_types::canon::List;
use icn_types::error::{Coded as _, Fault};
use icn_types::id::RecordId;
use icn_types::record::Kind;
use icn_types::testkit::stage::GRANT;
use icn_types::verdict::Breach;

use crate::market::{Market, amount, leg};

#[test]
fn codes_are_unique_and_name_a_rule() {
    let codes: BTreeSet<_> = LedgerRule::ALL.iter().map(LedgerRule::code).collect();
    assert_eq!(codes.len(), LedgerRule::ALL.len());
    assert!(LedgerRule::ALL.is_sorted(), "in order of precedence");
    assert!(
        LedgerRule::ALL
            .iter()
            .all(|rule| rule.fault() == Fault::Rule)
    );
}

#[test]
fn nobody_pays_their_own_chain() {
    let mut market = Market::new(2);
    let a = market.chains[0];
    let id = market.pay(a, a, 1);
    assert_eq!(market.verdict(&id), "pay.self");
}

#[test]
fn a_leg_below_the_least_amount_is_no_payment() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    market.unit = Unit {
        min_leg: amount(5),
        ..market.unit
    };
    let topic = market.topic();
    let chain = market.stage.open_member(0, &topic, Some(GRANT));
    market.restart();
    let enough = market.pay(chain, b, 5);
    assert_eq!(market.verdict(&enough), "valid");
    let little = market.pay(chain, a, 4);
    assert_eq!(market.verdict(&little), "pay.min");
}

#[test]
fn a_chain_uses_an_operation_key_once_in_all_epochs() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.payment(&[(b, 1)]);
    let first = market.post(a, &[], &payment);
    let tip = market.tip(a);
    market.reopen(a, tip, 0);
    let again = market.post(a, &[], &payment);
    assert_eq!(market.verdict(&first), "valid");
    assert_eq!(market.verdict(&again), "pay.key");
}

#[test]
fn a_key_of_an_invalid_payment_stays_free() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let mut payment = market.payment(&[(b, 101)]);
    let too_much = market.post(a, &[], &payment);
    assert_eq!(market.verdict(&too_much), "limit.floor");
    let tip = market.tip(a);
    market.reopen(a, tip, 0);
    payment.legs = market.payment(&[(b, 100)]).legs;
    let again = market.post(a, &[], &payment);
    assert_eq!(market.verdict(&again), "valid");
}

#[test]
fn a_member_has_no_decision_to_carry_out() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let mut payment = market.payment(&[(b, 1)]);
    payment.decision = Some(DecisionRef {
        ready: 0,
        action: 0,
    });
    let id = market.post(a, &[], &payment);
    assert_eq!(market.verdict(&id), "pay.decision");
}

#[test]
fn without_a_grant_nothing_is_sent_or_acknowledged_but_refused() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let sent = [market.pay(b, a, 1), market.pay(b, a, 2)].map(|id| leg(id, 0));
    market.stage.reopen_with(&a, None, 0, None);
    market.feed();
    let before = market.stage.tip(&a);
    let refusal = market.refuse(a, &[sent[0]]);
    assert_eq!(market.verdict(&refusal), "valid");
    let pay = market.pay_after(a, market.tip(a), b, 1);
    assert_eq!(market.verdict(&pay), "limit.grant");
    let ack = market.ack_after(a, market.tip(a), &[sent[1]]);
    assert_eq!(market.verdict(&ack), "limit.grant");
    assert_eq!(before, None);
}

#[test]
fn the_floor_is_reached_and_not_passed() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let reaches = market.pay(a, b, 100);
    let passes = market.pay(a, b, 1);
    assert_eq!(market.verdict(&reaches), "valid");
    assert_eq!(market.verdict(&passes), "limit.floor");
}

#[test]
fn legs_are_added_up_beyond_64_bits() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let most = [(b, i64::MAX.unsigned_abs()); LEGS_MAX];
    let payment = market.payment(&most);
    let id = market.post(a, &[], &payment);
    assert_eq!(market.verdict(&id), "limit.floor");
}

#[test]
fn a_taken_leg_names_a_ref() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.pay(a, b, 1);
    let legs = [LegRef {
        reference: 1,
        leg: 0,
    }];
    let body = Ack {
        legs: List::new(legs).unwrap(),
    };
    let ack = market.stage.write(&b, ACK, &[payment], &body);
    market.feed();
    assert_eq!(market.verdict(&ack), "ack.ref");
}

#[test]
fn only_records_that_send_can_be_taken() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let note = market.note(a, &[]);
    let tip = market.tip(b);
    let of_a_note = market.ack_after(b, tip, &[leg(note, 0)]);
    assert_eq!(market.verdict(&of_a_note), "ack.kind");
    let open = market.stage.open_of(&a);
    let of_an_open = market.ack_after(b, tip, &[leg(open, 0)]);
    assert_eq!(market.verdict(&of_an_open), "ack.kind");
}

#[test]
fn a_returned_leg_is_not_refused_once_more() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.pay(a, b, 1);
    let refusal = market.refuse(b, &[leg(payment, 0)]);
    let again = market.refuse(a, &[leg(refusal, 0)]);
    assert_eq!(market.verdict(&again), "refuse.kind");
}

#[test]
fn a_leg_is_taken_by_its_payee_only() {
    let mut market = Market::new(3);
    let [a, b, c] = market.chains[..] else {
        panic!("three accounts");
    };
    let payment = market.pay(a, b, 1);
    let tip = market.tip(b);
    let other = market.ack(c, &[leg(payment, 0)]);
    assert_eq!(market.verdict(&other), "ack.payee");
    let beyond = market.ack_after(b, tip, &[leg(payment, 1)]);
    assert_eq!(market.verdict(&beyond), "ack.payee");
    let refusal = market.refuse(b, &[leg(payment, 0)]);
    let own_return = market.ack_after(b, market.tip(b), &[leg(refusal, 0)]);
    assert_eq!(market.verdict(&own_return), "ack.payee");
    let beyond = market.ack(a, &[leg(refusal, 1)]);
    assert_eq!(market.verdict(&beyond), "ack.payee");
}

#[test]
fn a_return_is_taken_only_on_the_path_that_paid() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.pay(a, b, 1);
    let refusal = market.refuse(b, &[leg(payment, 0)]);
    let beside = market.ack_after(a, None, &[leg(refusal, 0)]);
    assert_eq!(market.verdict(&beside), "ack.return");
    let above = market.ack(a, &[leg(refusal, 0)]);
    assert_eq!(market.verdict(&above), "valid");
}

#[test]
fn one_key_of_a_payer_is_taken_once_in_all_epochs() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.payment(&[(b, 1)]);
    let [one, two] = [None, Some(())].map(|noted| {
        let mut payment = payment.clone();
        payment.memo = noted.and_then(|()| icn_types::record::Attachment::new(&[0; 32], b"2"));
        market.stage.write_after(&a, None, PAYMENT, &[], &payment)
    });
    market.feed();
    let both = market.ack_after(b, None, &[leg(one, 0), leg(two, 0)]);
    assert_eq!(market.verdict(&both), "ack.key");
    market.ack(b, &[leg(one, 0)]);
    let tip = market.tip(b);
    market.reopen(b, tip, 0);
    let second = market.ack(b, &[leg(two, 0)]);
    assert_eq!(market.verdict(&second), "ack.key");
}

#[test]
fn a_leg_is_taken_once() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.pay(a, b, 1);
    let sent = leg(payment, 0);
    let in_one_record = market.ack_after(b, None, &[sent, sent]);
    assert_eq!(market.verdict(&in_one_record), "ack.twice");
    let first = market.ack(b, &[sent]);
    assert_eq!(market.verdict(&first), "valid");
    let refused = market.refuse(b, &[sent]);
    assert_eq!(market.verdict(&refused), "ack.twice");
}

#[test]
fn the_ceiling_is_reached_and_not_passed_and_refusing_is_always_allowed() {
    let grant = Grant {
        ceiling: 10,
        ..GRANT
    };
    let mut market = Market::with_grant(2, grant);
    let (a, b) = (market.chains[0], market.chains[1]);
    let reaches = market.pay(a, b, 10);
    let passes = market.pay(a, b, 1);
    let ack = market.ack(b, &[leg(reaches, 0)]);
    assert_eq!(market.verdict(&ack), "valid");
    let tip = market.tip(b);
    let above = market.ack_after(b, tip, &[leg(passes, 0)]);
    assert_eq!(market.verdict(&above), "limit.ceiling");
    let refusal = market.refuse(b, &[leg(passes, 0)]);
    assert_eq!(market.verdict(&refusal), "valid");
}

#[test]
fn a_body_of_another_kind_and_an_unknown_kind_are_told_apart() {
    let mut market = Market::new(1);
    let a = market.chains[0];
    for (kind, code) in [
        (PAYMENT, "invalid.body"),
        (ACK, "invalid.body"),
        (REFUSE, "invalid.body"),
        (Kind::new(95), "invalid.kind"),
    ] {
        let id = market
            .stage
            .write_after(&a, None, kind, &[], &Note::default());
        market.feed();
        assert_eq!(market.verdict(&id), code);
    }
    let id = market.stage.write_after(&a, None, NOTE, &[], &7_u64);
    market.feed();
    assert_eq!(market.verdict(&id), "invalid.body");
}

#[test]
fn the_first_invalid_record_ends_its_epoch_and_alone_convicts() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let paid = market.pay(a, b, 1);
    let too_much = market.pay(a, b, 100);
    let after = market.pay(a, b, 1);
    assert_eq!(market.verdict(&too_much), "limit.floor");
    assert_eq!(market.verdict(&after), "invalid.ended");
    let convictions: Vec<_> = market
        .events
        .iter()
        .filter(|event| matches!(event, LedgerEvent::Convicted { .. }))
        .collect();
    assert_eq!(
        convictions,
        [&LedgerEvent::Convicted {
            record: too_much,
            chain: a,
            breach: Breach::Rule(LedgerRule::LimitFloor),
        }]
    );
    let taken = market.ack(b, &[leg(paid, 0)]);
    assert_eq!(market.verdict(&taken), "valid");
    let of_invalid = market.ack(b, &[leg(too_much, 0)]);
    assert_eq!(market.verdict(&of_invalid), "invalid.ref");
}

#[test]
fn an_entry_waits_for_what_it_names_and_for_nothing_else() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.pay(a, b, 1);
    let ack = market.ack(b, &[leg(payment, 0)]);
    let without = |missing: RecordId| {
        let records = market.stage.records.iter();
        let set = market
            .stage
            .replay(records.filter(|record| record.id() != missing));
        let ledger = crate::market::follow(&set, market.unit);
        let waits = ledger.verdict(set.find(&ack).unwrap()).is_waiting();
        let asked: Vec<RecordId> = ledger.waiting().map(|(id, _)| id).collect();
        (waits, asked, ledger.recount(&set).sum())
    };
    assert_eq!(without(payment), (true, vec![payment], 0));
    assert_eq!(
        without(RecordId::from_bytes([0; 32])),
        (false, Vec::new(), 0)
    );
}
