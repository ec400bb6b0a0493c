//! Admission: what an author's own node drafts and refuses.

use core::num::{NonZeroU16, NonZeroU64};
use std::collections::BTreeSet;

use icn_ledger::{
    Authorized, Cap, Finality, LedgerRule, LegId, PaymentRequest, Policy, Refusal, Unit, UnitCode,
};
use icn_types::authority::{Finality as SealFinality, Grant};
use icn_types::canon::List;
use icn_types::chain::Owner;
use icn_types::error::{Coded as _, Fault};
use icn_types::id::{ChainId, RecordId};
use icn_types::resume::Standing;
use icn_types::testkit::stage::GRANT;

use crate::hold_admission::holding;
use crate::market::{Market, NOW, amount, leg};

fn draft(market: &Market, payer: ChainId, request: &PaymentRequest) -> icn_types::record::Draft {
    match market.authorize(payer, request) {
        Ok(Authorized::Draft(draft)) => draft,
        other => panic!("expected a draft, found {other:?}"),
    }
}

#[test]
fn a_key_pays_once_however_often_it_is_asked() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let request = market.request(&[(b, 10)]);
    let paid = draft(&market, a, &request);
    let paid = market.submit(paid);
    assert_eq!(market.authorize(a, &request), Ok(Authorized::Again(paid)));
    let tip = market.tip(a);
    market.reopen(a, tip, 0);
    assert_eq!(market.authorize(a, &request), Ok(Authorized::Again(paid)));
    let conflict = Err(Refusal::KeyConflict { first: paid });
    let other_amount = PaymentRequest {
        legs: market.request(&[(b, 11)]).legs,
        ..request
    };
    let other_cause = PaymentRequest {
        cause: Some(paid),
        ..request
    };
    assert_eq!(market.authorize(a, &other_amount), conflict);
    assert_eq!(market.authorize(a, &other_cause), conflict);
}

#[test]
fn a_refusal_names_what_is_left_and_writes_nothing() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    market.pay(a, b, 30);
    let request = market.request(&[(b, 50), (b, 21)]);
    let before = market.stage.set.len();
    let refusal = Err(Refusal::Limit { spendable: 70 });
    assert_eq!(market.authorize(a, &request), refusal);
    assert_eq!(market.authorize(a, &request), refusal);
    assert_eq!(market.stage.set.len(), before);
}

#[test]
fn a_draft_names_the_raise_and_the_seals_that_it_needs() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.pay(a, b, 60);
    market.ack(b, &[leg(payment, 0)]);
    let raise = market.stage.raise(&b, -110);
    market.feed();
    let little = market.request(&[(a, 130)]);
    let little = draft(&market, b, &little);
    assert_eq!(little.content().refs(), [raise]);

    let request = market.request(&[(a, 170)]);
    assert_eq!(
        market.authorize(b, &request),
        Err(Refusal::Limit { spendable: 130 })
    );
    market.seal(a);
    let covered = draft(&market, b, &request);
    assert_eq!(covered.content().refs().len(), 3);
    let paid = market.submit(covered);
    assert_eq!(market.verdict(&paid), "valid");
    let more = market.request(&[(a, 1)]);
    assert_eq!(
        market.authorize(b, &more),
        Err(Refusal::Limit { spendable: 0 })
    );
}

#[test]
fn a_chain_that_cannot_be_written_says_why() {
    let mut market = Market::new(4);
    let [frozen, forked, ended, payee] = market.chains[..] else {
        panic!("four accounts");
    };
    let request = market.request(&[(payee, 1)]);
    let nobody = ChainId::from_bytes([9; 32]);
    assert_eq!(market.authorize(nobody, &request), Err(Refusal::NoOpen));
    let governance = market.stage.governance();
    let elsewhere = market.stage.open_member(0, &governance, None);
    market.feed();
    assert_eq!(market.authorize(elsewhere, &request), Err(Refusal::NoOpen));

    market.stage.seal(&frozen, SealFinality::Final);
    market.feed();
    assert_eq!(market.authorize(frozen, &request), Err(Refusal::Frozen));

    market.pay_after(forked, None, payee, 1);
    market.pay_after(forked, None, payee, 2);
    assert_eq!(market.authorize(forked, &request), Err(Refusal::Forked));

    let record = market.pay(ended, payee, 101);
    assert_eq!(
        market.authorize(ended, &request),
        Err(Refusal::Ended { record })
    );

    market.stage.reopen_with(&payee, None, 0, None);
    market.feed();
    let other_way = market.request(&[(frozen, 1)]);
    assert_eq!(market.authorize(payee, &other_way), Err(Refusal::NoGrant));
    let to_itself = market.request(&[(ended, 1)]);
    let tip = market.tip(ended);
    market.reopen(ended, tip, 0);
    assert_eq!(
        market.authorize(ended, &to_itself),
        Err(Refusal::Rule(LedgerRule::PaySelf))
    );
}

#[test]
fn an_author_waits_for_what_it_would_rely_on() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let missing = RecordId::from_bytes([7; 32]);
    let mut request = market.request(&[(b, 1)]);
    request.decision = Some((missing, 0));
    assert_eq!(
        market.authorize(a, &request),
        Err(Refusal::Waiting { record: missing })
    );
    let waiting = market.note(a, &[missing]);
    request.decision = None;
    assert_eq!(
        market.authorize(a, &request),
        Err(Refusal::Waiting { record: waiting })
    );
    let payment = market.pay(b, a, 101);
    let tip = market.tip(b);
    market.reopen(b, tip, 0);
    request.decision = Some((payment, 0));
    assert_eq!(market.authorize(b, &request), Err(Refusal::Invalid));
}

#[test]
fn a_node_that_lacks_the_start_of_its_epoch_waits_for_it() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let head = market.pay(a, b, 1);
    let tip = market.tip(a);
    market.reopen(a, tip, 0);
    let records = market.stage.records.iter();
    let behind = market
        .stage
        .replay(records.filter(|record| record.id() != head));
    let ledger = crate::market::follow(&behind, market.unit);
    let request = market.request(&[(b, 1)]);
    assert_eq!(
        ledger.authorize(&behind, &a, &request, NOW, &Policy::NONE),
        Err(Refusal::Waiting { record: head })
    );
}

/// What is sent to nobody, or to an account of another unit, could neither be
/// taken nor sent back.
#[test]
fn nobody_is_paid_or_resolves_who_has_no_account_in_the_unit() {
    let mut market = Market::new(3);
    let [a, b, c] = market.chains[..] else {
        panic!("three accounts");
    };
    let other = Unit {
        code: UnitCode::new("bread").unwrap(),
        ..market.unit
    };
    let topic = market.stage.ledger(other.id());
    let elsewhere = market.stage.open_member(1, &topic, Some(GRANT));
    let treasury = market.topic().chain(Owner::Shared(0));
    market.feed();
    for stranger in [elsewhere, treasury.id(), ChainId::from_bytes([9; 32])] {
        let refused = Err(Refusal::NoAccount { chain: stranger });
        let paying = market.request(&[(b, 1), (stranger, 1)]);
        assert_eq!(market.authorize(a, &paying), refused);
        for (payee, resolver) in [(stranger, c), (b, stranger)] {
            let request = holding(&mut market, payee, 1, resolver);
            let set = &market.stage.set;
            let asked = market
                .ledger
                .authorize_hold(set, &a, &request, NOW, &Policy::NONE);
            assert_eq!(asked, refused);
        }
    }
    let paying = market.request(&[(treasury.id(), 1)]);
    let key = market.stage.draw_key();
    market.stage.open(treasury, key, Some(GRANT));
    market.feed();
    draft(&market, a, &paying);
}

#[test]
fn everything_that_arrived_is_acknowledged_in_one_record() {
    let mut market = Market::new(3);
    let [a, b, c] = market.chains[..] else {
        panic!("three accounts");
    };
    assert_eq!(market.ack_all(c), None);
    let payment = market.payment(&[(c, 1), (b, 2), (c, 4)]);
    let payment = market.post(a, &[], &payment);
    market.pay(b, c, 8);
    let own = market.pay(c, a, 5);
    market.refuse(a, &[leg(own, 0)]);
    let ack = market.ack_all(c).unwrap();
    assert_eq!(market.verdict(&ack), "valid");
    assert_eq!(market.posted(c), 13);
    assert_eq!(market.column(c).incoming, 0);
    assert_eq!(market.ack_all(c), None);
    let set = &market.stage.set;
    let finality = |number| market.ledger.finality(set, &leg(payment, number));
    assert_eq!(finality(0), Some(Finality::Acknowledged));
    assert_eq!(finality(1), Some(Finality::Local));
    assert_eq!(finality(3), None);
}

#[test]
fn acknowledging_stops_at_the_ceiling_and_at_256_legs() {
    let tight = Grant {
        ceiling: 300,
        ..GRANT
    };
    let mut market = Market::with_grant(6, tight);
    let payee = market.chains[5];
    for payer in 0..5 {
        let legs = [(payee, 1); 64];
        let payment = market.payment(&legs);
        market.post(market.chains[payer], &[], &payment);
    }
    assert!(market.ack_all(payee).is_some());
    assert_eq!(market.posted(payee), 256);
    assert!(market.ack_all(payee).is_some());
    assert_eq!(market.posted(payee), 300);
    assert_eq!(market.ack_all(payee), None);
    assert_eq!(market.column(payee).incoming, 20);
}

#[test]
fn nothing_is_taken_from_a_chain_that_forks_or_under_a_taken_key() {
    let mut market = Market::new(3);
    let [a, b, c] = market.chains[..] else {
        panic!("three accounts");
    };
    let first = market.pay(a, b, 1);
    let tip = market.tip(a);
    market.pay_after(a, tip, c, 2);
    market.pay_after(a, tip, c, 3);
    assert_eq!(market.ack_all(b), None, "a forks");
    market.stage.seal_at(&a, tip, SealFinality::Final);
    market.feed();
    assert!(market.ack_all(b).is_some(), "a is cut below its fork");
    assert_eq!(market.verdict(&first), "valid");

    let payment = market.payment(&[(b, 5)]);
    let old = market.post(c, &[], &payment);
    market.ack(b, &[leg(old, 0)]);
    market.reopen(c, None, 0);
    let again = market.post(c, &[], &payment);
    assert_eq!(market.verdict(&again), "valid");
    assert_eq!(market.ack_all(b), None, "its key was taken");
}

#[test]
fn a_leg_is_sent_back_by_its_payee_while_it_is_in_transit() {
    let mut market = Market::new(3);
    let [a, b, c] = market.chains[..] else {
        panic!("three accounts");
    };
    let payment = market.pay(a, b, 10);
    let sent = leg(payment, 0);
    let set = &market.stage.set;
    let refuse = |chain, leg| market.ledger.draft_refusal(set, chain, leg, NOW);
    assert_eq!(refuse(&c, sent).err(), Some(Refusal::NoLeg));
    assert_eq!(refuse(&b, leg(payment, 1)).err(), Some(Refusal::NoLeg));
    let refusal = refuse(&b, sent).unwrap();
    let refusal = market.submit(refusal);
    assert_eq!(market.verdict(&refusal), "valid");
    let set = &market.stage.set;
    let again = market.ledger.draft_refusal(set, &b, sent, NOW);
    assert_eq!(again.err(), Some(Refusal::NoLeg));
    let back = market.ledger.draft_refusal(set, &a, leg(refusal, 0), NOW);
    assert_eq!(back.err(), Some(Refusal::Rule(LedgerRule::RefuseKind)));
    assert!(market.ack_all(a).is_some());
    assert_eq!((market.posted(a), market.posted(b)), (0, 0));
}

#[test]
fn legs_are_taken_once_by_name_all_or_none() {
    let mut market = Market::new(3);
    let [a, b, c] = market.chains[..] else {
        panic!("three accounts");
    };
    let [one, other, third] = [10, 20, 30].map(|atoms| leg(market.pay(a, b, atoms), 0));
    let ask = |market: &Market, chain: ChainId, legs: &[LegId]| {
        let legs = List::new(legs).unwrap();
        let set = &market.stage.set;
        market.ledger.authorize_acks(set, &chain, &legs, NOW)
    };
    assert_eq!(ask(&market, c, &[one]), Err(Refusal::NoLeg));
    assert_eq!(
        ask(&market, b, &[one, leg(one.record, 1)]),
        Err(Refusal::NoLeg)
    );
    let Ok(Authorized::Draft(draft)) = ask(&market, b, &[one, other]) else {
        panic!("both are in transit");
    };
    let ack = market.submit(draft);
    assert_eq!(market.posted(b), 30);
    assert_eq!(ask(&market, b, &[one, other]), Ok(Authorized::Again(ack)));
    assert_eq!(
        ask(&market, b, &[one]),
        Err(Refusal::NoLeg),
        "another request"
    );
    assert_eq!(ask(&market, c, &[one, other]), Err(Refusal::NoLeg));
    let refuse = |market: &Market, chain, leg| {
        let set = &market.stage.set;
        market.ledger.authorize_refusal(set, &chain, leg, NOW)
    };
    assert_eq!(refuse(&market, b, one), Err(Refusal::NoLeg), "it is taken");
    let Ok(Authorized::Draft(draft)) = refuse(&market, b, third) else {
        panic!("in transit");
    };
    let sent_back = market.submit(draft);
    assert_eq!(refuse(&market, b, third), Ok(Authorized::Again(sent_back)));
    assert_eq!(ask(&market, b, &[third]), Err(Refusal::NoLeg));
}

#[test]
fn a_cover_names_only_seals_that_help() {
    let mut market = Market::new(3);
    let [a, b, c] = market.chains[..] else {
        panic!("three accounts");
    };
    let cover = |market: &Market| {
        let set = &market.stage.set;
        market.ledger.draft_cover(set, &b, NOW).unwrap()
    };
    market.pay(a, b, 30);
    market.pay(c, b, 30);
    market.ack_all(b);
    assert_eq!(cover(&market), None);
    let seal = market.seal(a);
    let draft = cover(&market).unwrap();
    let head = market.tip(a).unwrap().head;
    let mut named = [seal, head];
    named.sort_unstable();
    assert_eq!(draft.content().refs(), named);
    market.submit(draft);
    assert_eq!(market.spendable(b), 150);
    market.note(a, &[]);
    market.seal(a);
    assert_eq!(cover(&market), None, "nothing from a is unsealed");
    market.seal(c);
    let draft = cover(&market).unwrap();
    market.submit(draft);
    assert_eq!(market.spendable(b), 160);
}

#[test]
fn a_cover_names_no_head_that_is_invalid() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    market.pay(a, b, 30);
    market.ack_all(b);
    let invalid = market.pay(a, b, 71);
    assert_eq!(market.verdict(&invalid), "limit.floor");
    market.seal(a);
    let set = &market.stage.set;
    assert_eq!(market.ledger.draft_cover(set, &b, NOW), Ok(None));
}

#[test]
fn refusals_have_codes_of_their_own() {
    let (first, record) = (RecordId::from_bytes([1; 32]), RecordId::from_bytes([2; 32]));
    let refusals = [
        Refusal::KeyConflict { first },
        Refusal::Limit { spendable: 0 },
        Refusal::Velocity {
            cap: Cap::new(0, NonZeroU64::MIN),
            left: 0,
        },
        Refusal::NoGrant,
        Refusal::NoOpen,
        Refusal::Frozen,
        Refusal::Ended { record },
        Refusal::Forked,
        Refusal::Waiting { record },
        Refusal::NoLeg,
        Refusal::Rule(LedgerRule::PayMin),
        Refusal::Invalid,
        Refusal::Resolved { first },
        Refusal::Unconfirmed {
            missing: NonZeroU16::MIN,
        },
        Refusal::NoClaim,
        Refusal::Uncharged,
        Refusal::Settled { by: record },
        Refusal::Future { until: NOW },
        Refusal::NoAccount {
            chain: ChainId::from_bytes([3; 32]),
        },
        Refusal::NoDue {
            payer: ChainId::from_bytes([3; 32]),
        },
        Refusal::SmallDue {
            payer: ChainId::from_bytes([3; 32]),
            amount: amount(1),
            least: amount(2),
        },
        Refusal::Undone { item: 0 },
    ];
    let codes: BTreeSet<_> = refusals.iter().map(Refusal::code).collect();
    assert_eq!(codes.len(), refusals.len());
    let faults = refusals.map(|refusal| refusal.fault());
    assert_eq!(faults[0], Fault::Caller);
    assert_eq!(faults[1], Fault::Rule);
    assert_eq!(faults[8], Fault::Environment);
}

#[test]
fn writer_whose_head_nobody_confirmed_is_refused() {
    let missing = NonZeroU16::MIN;
    let record = RecordId::from_bytes([1; 32]);
    let refused = |standing| Refusal::resume(standing).unwrap_err();
    let unconfirmed = refused(Standing::Unconfirmed { missing });
    assert_eq!(unconfirmed, Refusal::Unconfirmed { missing });
    assert_eq!(unconfirmed.code(), "authorize.unconfirmed");
    assert_eq!(unconfirmed.fault(), Fault::Environment);
    assert_eq!(
        refused(Standing::Behind { record }),
        Refusal::Waiting { record }
    );
    assert_eq!(refused(Standing::Forked), Refusal::Forked);
    assert_eq!(Refusal::resume(Standing::Confirmed), Ok(()));
}
