//! Several requests at once: every answer is the one that would have come if
//! each draft had been stored before the next request.

use icn_ledger::batch::{Batch, Item, authorize_all};
use icn_ledger::{
    Authorized, HoldRequest, Ledger, Leg, LegId, PaymentRequest, Policies, Policy, RefundRequest,
    Refusal, Request, ResolveRequest, Unit, UnitCode,
};
use icn_types::canon::List;
use icn_types::error::{Coded as _, Fault};
use icn_types::id::{ChainId, RecordId};
use icn_types::record::{Draft, Place};
use icn_types::testkit::stage::GRANT;
use proptest::prelude::*;

use crate::columns::cases;
use crate::market::{Market, NOW, amount, follow, leg};

type Answers = Vec<Result<Authorized, Refusal>>;

fn item(chain: ChainId, request: impl Into<Request>) -> Item {
    let request = request.into();
    Item {
        chain,
        request,
        at: NOW,
    }
}

fn pay(market: &mut Market, payer: ChainId, payee: ChainId, atoms: u64) -> Item {
    let request = market.request(&[(payee, atoms)]);
    item(payer, request)
}

fn ask(market: &Market, batch: Batch, items: &[Item]) -> Answers {
    let none = Policies::NONE;
    authorize_all(&market.stage.set, [&market.ledger], batch, items, &none)
}

fn drafts(answers: &Answers) -> Vec<Draft> {
    let drafts = answers.iter().filter_map(|answer| match answer {
        Ok(Authorized::Draft(draft)) => Some(draft.clone()),
        _ => None,
    });
    drafts.collect()
}

/// Stores drafts in their order.
fn store(market: &mut Market, answers: &Answers) -> Vec<RecordId> {
    let submit = |draft| {
        let id = market.submit(draft);
        assert_eq!(market.verdict(&id), "valid");
        id
    };
    drafts(answers).into_iter().map(submit).collect()
}

fn one_by_one(market: &mut Market, items: &[Item]) -> Answers {
    let one = |item: &Item| {
        let (ledger, set, chain) = (&market.ledger, &market.stage.set, &item.chain);
        let none = Policy::NONE;
        let answer = match &item.request {
            Request::Payment(request) => ledger.authorize(set, chain, request, item.at, &none),
            Request::Hold(request) => ledger.authorize_hold(set, chain, request, item.at, &none),
            Request::Resolve(request) => ledger.authorize_resolve(set, chain, request, item.at),
            Request::Refund(request) => {
                ledger.authorize_refund(set, chain, request, item.at, &none)
            }
            other => panic!("another request: {other:?}"),
        };
        if let Ok(Authorized::Draft(draft)) = &answer {
            market.submit(draft.clone());
        }
        answer
    };
    items.iter().map(one).collect()
}

#[test]
fn later_items_see_what_earlier_ones_spend_and_where_they_stand() {
    let mut market = Market::new(3);
    let [a, b, c] = market.chains[..] else {
        panic!("three accounts");
    };
    let items = [
        pay(&mut market, a, b, 70),
        pay(&mut market, c, b, 90),
        pay(&mut market, a, c, 31),
        pay(&mut market, a, c, 30),
    ];
    let answers = ask(&market, Batch::Independent, &items);
    assert_eq!(answers[2], Err(Refusal::Limit { spendable: 30 }));
    let places: Vec<_> = drafts(&answers)
        .iter()
        .map(|draft| draft.header().seq())
        .collect();
    assert_eq!(places, [0, 0, 1]);
    let stored = store(&mut market, &answers);
    assert_eq!(stored.len(), 3);
    assert_eq!(market.spendable(a), 0);
}

#[test]
fn a_refused_item_of_an_atomic_batch_writes_nothing() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let good = pay(&mut market, a, b, 60);
    let items = [
        good.clone(),
        pay(&mut market, a, b, 41),
        pay(&mut market, b, a, 1),
    ];
    let (before, spendable) = (market.stage.set.len(), market.spendable(a));
    let answers = ask(&market, Batch::Atomic, &items);
    let undone = Err(Refusal::Undone { item: 1 });
    let limit = Err(Refusal::Limit { spendable: 40 });
    assert_eq!(answers, [undone.clone(), limit, undone]);
    assert_eq!(market.stage.set.len(), before);
    assert_eq!(market.spendable(a), spendable);
    let refusal = answers[0].clone().unwrap_err();
    assert_eq!(refusal.code(), "authorize.undone");
    assert_eq!(refusal.fault(), Fault::Caller);

    // Nothing burnt the key.
    let answers = ask(&market, Batch::Atomic, &[good]);
    assert_eq!(store(&mut market, &answers).len(), 1);
}

#[test]
fn an_atomic_batch_without_a_refusal_is_the_independent_one() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let items = [
        pay(&mut market, a, b, 60),
        pay(&mut market, b, a, 40),
        pay(&mut market, a, b, 40),
    ];
    let atomic = ask(&market, Batch::Atomic, &items);
    assert_eq!(atomic, ask(&market, Batch::Independent, &items));
    assert_eq!(store(&mut market, &atomic).len(), 3);
    assert!(ask(&market, Batch::Atomic, &[]).is_empty());
}

#[test]
fn a_key_pays_once_within_a_batch_too() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let request = market.request(&[(b, 10)]);
    let ten = item(a, request.clone());
    let other = PaymentRequest {
        legs: market.request(&[(b, 11)]).legs,
        ..request
    };
    let items = [ten.clone(), ten, item(a, other), pay(&mut market, a, b, 90)];
    let answers = ask(&market, Batch::Independent, &items);
    let first = drafts(&answers)[0].header().id();
    assert_eq!(answers[1], Ok(Authorized::Again(first)));
    assert_eq!(answers[2], Err(Refusal::KeyConflict { first }));
    assert_eq!(store(&mut market, &answers).len(), 2);
    let answers = ask(&market, Batch::Atomic, &items[..2]);
    assert_eq!(answers[0], Ok(Authorized::Again(first)));
    assert_eq!(answers[1], Ok(Authorized::Again(first)));
}

#[test]
fn what_was_resolved_and_paid_back_in_a_batch_is_not_so_again() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let paid = market.pay(a, b, 30);
    market.ack(b, &[leg(paid, 0)]);
    let hold = market.hold(a, (b, 20), b);
    let resolve = |part| ResolveRequest {
        holds: List::of([(hold, part)]),
        memo: None,
        cause: None,
    };
    let mut refund = |atoms| RefundRequest {
        original: leg(paid, 0),
        amount: amount(atoms),
        key: market.key(),
        decision: None,
        effective: None,
        memo: None,
        cause: None,
    };
    let items = [
        item(b, Request::Refund(refund(20))),
        item(b, Request::Refund(refund(11))),
        item(b, Request::Refund(refund(10))),
        item(b, Request::Resolve(resolve(5))),
        item(b, Request::Resolve(resolve(5))),
        item(b, Request::Resolve(resolve(6))),
    ];
    let answers = ask(&market, Batch::Independent, &items);
    let written = drafts(&answers);
    let first = written[2].header().id();
    assert_eq!(answers[1].clone().unwrap_err().code(), "refund.sum");
    assert_eq!(answers[4], Ok(Authorized::Again(first)));
    assert_eq!(answers[5], Err(Refusal::Resolved { first }));
    assert_eq!(store(&mut market, &answers).len(), 3);
}

#[test]
fn a_request_says_which_decision_it_carries_out() {
    let mut market = Market::new(2);
    let b = market.chains[1];
    let (record, key) = (RecordId::from_bytes([7; 32]), market.key());
    let decided = |decision| {
        let payment = PaymentRequest {
            decision,
            ..market.request(&[(b, 1)])
        };
        let hold = HoldRequest {
            leg: payment.legs[0],
            resolver: b,
            key,
            decision,
            expires: None,
            effective: None,
            memo: None,
            cause: None,
        };
        let refund = RefundRequest {
            original: leg(record, 0),
            amount: amount(1),
            key,
            decision,
            effective: None,
            memo: None,
            cause: None,
        };
        [payment.into(), hold.into(), refund.into()].map(|one: Request| one.decision())
    };
    let of = |decision| [decision; 3];
    let [none, third] = [None, Some((record, 3))];
    assert_eq!([none, third].map(decided), [none, third].map(of));
}

#[test]
fn a_raise_is_named_once_and_lasts_through_the_batch() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let raise = market.stage.raise(&a, -150);
    market.feed();
    let items = [pay(&mut market, a, b, 70), pay(&mut market, a, b, 80)];
    let answers = ask(&market, Batch::Atomic, &items);
    let written = drafts(&answers);
    assert_eq!(written[0].content().refs(), [raise]);
    assert!(written[1].content().refs().is_empty());
    store(&mut market, &answers);
}

#[test]
fn only_the_first_item_after_a_new_open_starts_the_epoch() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    market.pay(a, b, 10);
    let tip = market.tip(a);
    market.reopen(a, tip, 5);
    let raise = market.stage.raise(&a, -120);
    market.feed();
    let items = [pay(&mut market, a, b, 60), pay(&mut market, a, b, 44)];
    let answers = ask(&market, Batch::Atomic, &items);
    assert_eq!(drafts(&answers)[0].content().refs(), [raise]);
    let more = [&items[..], &[pay(&mut market, a, b, 2)]].concat();
    let refused = ask(&market, Batch::Independent, &more);
    assert_eq!(refused[2], Err(Refusal::Limit { spendable: 1 }));
    store(&mut market, &answers);
}

#[test]
fn chains_of_several_units_share_a_batch() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let euro = Unit {
        code: UnitCode::new("EUR").unwrap(),
        ..market.unit
    };
    let topic = market.stage.ledger(euro.id());
    let rich = market.stage.open_member(0, &topic, Some(GRANT));
    let poor = market.stage.open_member(1, &topic, Some(GRANT));
    market.feed();
    let items = [pay(&mut market, a, b, 60), pay(&mut market, rich, poor, 60)];
    let alone = ask(&market, Batch::Independent, &items);
    assert_eq!(alone[1], Err(Refusal::NoOpen));
    let euros = follow(&market.stage.set, euro);
    let both = [&market.ledger, &euros];
    let answers = authorize_all(
        &market.stage.set,
        both,
        Batch::Atomic,
        &items,
        &Policies::NONE,
    );
    let written = drafts(&answers);
    assert_eq!(written.len(), 2);
    let topic_of = |draft: &Draft| match *draft.header().place() {
        Place::Entry { topic, .. } => topic,
        place => panic!("no place in a ledger: {place:?}"),
    };
    let topics: Vec<_> = written.iter().map(topic_of).collect();
    assert_eq!(topics, both.map(Ledger::topic));
}

/// What a batch may ask for, in small numbers.
#[derive(Clone, Debug)]
enum Wish {
    Pay(usize, usize, u64),
    Hold(usize, usize, usize, u64),
    Resolve(usize, usize, u64),
    Refund(usize, usize, u64),
    /// What an earlier item asked for, by another chain or the same.
    Repeat(usize, usize),
}

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let who = 0..3_usize;
    let atoms = 1..60_u64;
    let wish = prop_oneof![
        4 => (who.clone(), who.clone(), atoms.clone()).prop_map(|(a, b, n)| Wish::Pay(a, b, n)),
        2 => (who.clone(), who.clone(), who.clone(), atoms)
            .prop_map(|(a, b, c, n)| Wish::Hold(a, b, c, n)),
        2 => (who.clone(), 0..4_usize, 0..12_u64).prop_map(|(a, h, n)| Wish::Resolve(a, h, n)),
        2 => (who.clone(), 0..4_usize, 1..12_u64).prop_map(|(a, l, n)| Wish::Refund(a, l, n)),
        1 => (who, 0..12_usize).prop_map(|(a, at)| Wish::Repeat(a, at)),
    ];
    prop::collection::vec(wish, 0..12)
}

/// Four paid legs and four holds between three accounts.
fn history() -> (Market, Vec<LegId>, Vec<RecordId>) {
    let mut market = Market::new(3);
    let chains = market.chains.clone();
    let (mut legs, mut holds) = (Vec::new(), Vec::new());
    for at in 0..4 {
        let (payer, payee) = (chains[at % 3], chains[(at + 1) % 3]);
        let paid = market.pay(payer, payee, 10);
        market.ack(payee, &[leg(paid, 0)]);
        legs.push(leg(paid, 0));
        holds.push(market.hold(payer, (payee, 10), chains[(at + 2) % 3]));
    }
    market.seal(chains[0]);
    market.stage.raise(&chains[1], -110);
    market.feed();
    (market, legs, holds)
}

fn items(market: &mut Market, legs: &[LegId], holds: &[RecordId], wishes: &[Wish]) -> Vec<Item> {
    let chains = market.chains.clone();
    let mut items: Vec<Item> = Vec::new();
    for wish in wishes {
        let new = match *wish {
            Wish::Pay(payer, payee, atoms) => pay(market, chains[payer], chains[payee], atoms),
            Wish::Hold(payer, payee, resolver, atoms) => {
                let hold = HoldRequest {
                    leg: Leg {
                        payee: chains[payee],
                        amount: amount(atoms),
                    },
                    resolver: chains[resolver],
                    key: market.key(),
                    decision: None,
                    expires: None,
                    effective: None,
                    memo: None,
                    cause: None,
                };
                item(chains[payer], hold)
            }
            Wish::Resolve(resolver, hold, part) => {
                let resolve = ResolveRequest {
                    holds: List::of([(holds[hold], part)]),
                    memo: None,
                    cause: None,
                };
                item(chains[resolver], resolve)
            }
            Wish::Refund(payee, original, atoms) => {
                let refund = RefundRequest {
                    original: legs[original],
                    amount: amount(atoms),
                    key: market.key(),
                    decision: None,
                    effective: None,
                    memo: None,
                    cause: None,
                };
                item(chains[payee], refund)
            }
            Wish::Repeat(chain, at) => match items.get(at) {
                Some(earlier) => item(chains[chain], earlier.request.clone()),
                None => continue,
            },
        };
        items.push(new);
    }
    items
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_batch_answers_as_if_each_draft_were_stored_before_the_next(wishes in wishes()) {
        let (mut market, legs, holds) = history();
        let items = items(&mut market, &legs, &holds, &wishes);
        let independent = ask(&market, Batch::Independent, &items);
        let atomic = ask(&market, Batch::Atomic, &items);
        let mut stored = market.clone();
        let expected = one_by_one(&mut stored, &items);
        prop_assert_eq!(&independent, &expected);
        match expected.iter().position(Result::is_err) {
            None => prop_assert_eq!(&atomic, &expected),
            Some(failed) => for (at, answer) in atomic.iter().enumerate() {
                let undone = Err(Refusal::Undone { item: failed });
                prop_assert_eq!(answer, if at == failed { &expected[at] } else { &undone });
            },
        }
        store(&mut market, &independent);
        prop_assert_eq!(
            market.ledger.label_digest(&market.stage.set),
            stored.ledger.label_digest(&stored.stage.set)
        );
    }
}
