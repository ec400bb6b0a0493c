//! An author's own policy: caps on what an account sends in some time. The
//! records are all that is counted, and nobody else is asked by it.

use core::num::NonZeroU64;
use std::collections::BTreeMap;

use icn_ledger::batch::{Batch, Item, authorize_all};
use icn_ledger::bundle::{BundleRequest, Due, Terms, authorize_bundle};
use icn_ledger::{
    Authorized, Cap, HoldRequest, Leg, LegId, PaymentRequest, Policies, Policy, Refusal, Request,
    ResolveRequest,
};
use icn_types::authority::Grant;
use icn_types::canon::List;
use icn_types::error::{Coded as _, Fault};
use icn_types::id::{ChainId, RecordId};
use icn_types::time::Timestamp;
use proptest::prelude::*;

use crate::columns::cases;
use crate::hold_admission::{holding, refunding};
use crate::market::{Market, NOW, amount, leg};

/// So much that no grant stands in the way.
const WIDE: Grant = Grant {
    floor: -1_000_000,
    ceiling: 1_000_000,
    float: 1_000_000,
};

fn cap(most: u64, millis: u64) -> Cap {
    Cap::new(most, NonZeroU64::new(millis).unwrap())
}

fn policy<const N: usize>(caps: [Cap; N]) -> Policy {
    Policy::new(List::new(caps).unwrap())
}

const fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

type Answer = Result<Authorized, Refusal>;

const fn refused(cap: Cap, left: u128) -> Answer {
    Err(Refusal::Velocity { cap, left })
}

/// Asks with a policy, and stores what is drafted.
fn ask(
    market: &mut Market,
    chain: ChainId,
    request: impl Into<Request>,
    millis: u64,
    policy: &Policy,
) -> Answer {
    let answer = answer(market, &chain, &request.into(), at(millis), policy);
    if let Ok(Authorized::Draft(draft)) = &answer {
        let id = market.submit(draft.clone());
        assert_eq!(market.verdict(&id), "valid");
    }
    answer
}

fn answer(
    market: &Market,
    chain: &ChainId,
    request: &Request,
    at: Timestamp,
    policy: &Policy,
) -> Answer {
    let (ledger, set) = (&market.ledger, &market.stage.set);
    match request {
        Request::Payment(request) => ledger.authorize(set, chain, request, at, policy),
        Request::Hold(request) => ledger.authorize_hold(set, chain, request, at, policy),
        Request::Refund(request) => ledger.authorize_refund(set, chain, request, at, policy),
        Request::Resolve(request) => ledger.authorize_resolve(set, chain, request, at),
        other => panic!("another request: {other:?}"),
    }
}

fn resolving(hold: RecordId, part: u64) -> ResolveRequest {
    ResolveRequest {
        holds: List::new([(hold, part)]).unwrap(),
        memo: None,
        cause: None,
    }
}

/// The second spend in the window is refused, and nothing but the first one was
/// written down.
#[test]
fn velocity_is_checked_and_not_recorded() {
    let mut market = Market::with_grant(2, WIDE);
    let (a, b) = (market.chains[0], market.chains[1]);
    let (cap, mut free) = (cap(100, 1000), market.clone());
    let policy = policy([cap]);
    let (first, second) = (market.request(&[(b, 60)]), market.request(&[(b, 41)]));
    let paid = ask(&mut market, a, first.clone(), 10, &policy);
    assert_eq!(
        paid,
        ask(&mut free, a, first, 10, &Policy::NONE),
        "no byte tells of a policy"
    );
    let before = market.stage.set.len();
    let too_much = ask(&mut market, a, second.clone(), 1009, &policy);
    assert_eq!(too_much, refused(cap, 40));
    assert_eq!(ask(&mut market, a, second.clone(), 1009, &policy), too_much);
    assert_eq!(market.stage.set.len(), before, "a refusal writes nothing");
    let refusal = too_much.unwrap_err();
    assert_eq!(refusal.code(), "authorize.velocity");
    assert_eq!(refusal.fault(), Fault::Rule);
    let said = "payment is above the 40 atoms that are left of 100 atoms in 1000 ms";
    assert_eq!(refusal.to_string(), said);

    let later = ask(&mut market, a, second, 1010, &policy);
    assert!(matches!(later, Ok(Authorized::Draft(_))), "{later:?}");
}

#[test]
fn a_record_of_somebody_else_is_never_asked_about_a_policy() {
    let mut market = Market::with_grant(2, WIDE);
    let (a, b) = (market.chains[0], market.chains[1]);
    let strict = policy([cap(1, u64::MAX)]);
    // Its own writer allows itself more than we would.
    let request = market.request(&[(b, 500)]);
    ask(&mut market, a, request, 0, &Policy::NONE).unwrap();
    let own = market.request(&[(a, 2)]);
    assert_eq!(
        ask(&mut market, b, own, 0, &strict),
        refused(strict.caps()[0], 1)
    );
    // Taking sends nothing.
    let taken = market.ack_all(b).unwrap();
    assert_eq!(market.verdict(&taken), "valid");
    assert_eq!(market.posted(b), 500);
}

#[test]
fn the_same_request_again_is_answered_before_any_cap() {
    let mut market = Market::with_grant(2, WIDE);
    let (a, b) = (market.chains[0], market.chains[1]);
    let none = policy([cap(0, u64::MAX)]);
    let request = market.request(&[(b, 60)]);
    let Ok(Authorized::Draft(paid)) = ask(&mut market, a, request.clone(), 0, &Policy::NONE) else {
        panic!("a first time");
    };
    let first = paid.header().id();
    let again = ask(&mut market, a, request.clone(), 0, &none);
    assert_eq!(again, Ok(Authorized::Again(first)));
    let other = PaymentRequest {
        cause: Some(first),
        ..request
    };
    let conflict = ask(&mut market, a, other, 0, &none);
    assert_eq!(conflict, Err(Refusal::KeyConflict { first }));
    let new = market.request(&[(b, 1)]);
    assert_eq!(
        ask(&mut market, a, new, 0, &none),
        refused(none.caps()[0], 0)
    );
}

#[test]
fn the_first_cap_that_says_no_is_named() {
    let mut market = Market::with_grant(2, WIDE);
    let (a, b) = (market.chains[0], market.chains[1]);
    let (day, hour) = (cap(100, 24), cap(30, 1));
    let policy = policy([day, hour]);
    for (millis, atoms, left) in [
        (0, 31, Some((hour, 30))),
        (0, 30, None),
        (0, 1, Some((hour, 0))),
        (1, 30, None),
        (2, 30, None),
        (3, 11, Some((day, 10))),
        (3, 10, None),
        (23, 1, Some((day, 0))),
        (24, 30, None),
    ] {
        let request = market.request(&[(b, atoms)]);
        let answer = ask(&mut market, a, request, millis, &policy);
        match left {
            Some((cap, left)) => assert_eq!(answer, refused(cap, left), "at {millis}"),
            None => assert!(answer.is_ok(), "at {millis}: {answer:?}"),
        }
    }
}

#[test]
fn holds_and_refunds_count_and_what_comes_back_makes_no_room() {
    let mut market = Market::with_grant(3, WIDE);
    let [a, b, resolver] = market.chains[..] else {
        panic!("three accounts");
    };
    let (cap, all) = (cap(100, 1000), &Policy::NONE);
    let policy = policy([cap]);
    let received = market.request(&[(a, 50)]);
    let Ok(Authorized::Draft(received)) = ask(&mut market, b, received, 0, all) else {
        panic!("a first time");
    };
    market.ack_all(a);
    let request = holding(&mut market, b, 60, resolver);
    let Ok(Authorized::Draft(hold)) = ask(&mut market, a, request, 0, &policy) else {
        panic!("a first time");
    };
    let back = refunding(&mut market, leg(received.header().id(), 0), 30);
    ask(&mut market, a, back, 0, &policy).unwrap();
    let request = market.request(&[(b, 11)]);
    let full = refused(cap, 10);
    assert_eq!(ask(&mut market, a, request.clone(), 1, &policy), full);
    // All of the hold comes back, and a payment is refused.
    let released = resolving(hold.header().id(), 0);
    ask(&mut market, resolver, released, 1, &policy).unwrap();
    market.ack_all(a).unwrap();
    assert_eq!(ask(&mut market, a, request.clone(), 2, &policy), full);
    let last = market.request(&[(b, 10)]);
    let Ok(Authorized::Draft(last)) = ask(&mut market, a, last, 2, &policy) else {
        panic!("ten are left");
    };
    let (set, last) = (&market.stage.set, leg(last.header().id(), 0));
    let refusal = market.ledger.draft_refusal(set, &b, last, NOW).unwrap();
    market.submit(refusal);
    market.ack_all(a).unwrap();
    assert_eq!(
        ask(&mut market, a, request.clone(), 3, &policy),
        refused(cap, 0)
    );
    assert!(ask(&mut market, a, request, 1000, &policy).is_ok());
}

#[test]
fn a_clock_that_jumps_back_opens_no_cap() {
    let mut market = Market::with_grant(2, WIDE);
    let (a, b) = (market.chains[0], market.chains[1]);
    let cap = cap(100, 1000);
    let policy = policy([cap]);
    let pay = |market: &mut Market, atoms, millis| {
        let request = market.request(&[(b, atoms)]);
        ask(market, a, request, millis, &policy)
    };
    pay(&mut market, 90, 5000).unwrap();
    assert_eq!(pay(&mut market, 11, 10), refused(cap, 10));
    // What is written meanwhile hides nothing of what came before.
    for millis in [0, 7, 3] {
        let Ok(Authorized::Draft(draft)) = pay(&mut market, 1, millis) else {
            panic!("some is left");
        };
        assert_eq!(draft.header().at(), at(5000), "time stands still");
    }
    assert_eq!(pay(&mut market, 8, 5999), refused(cap, 7));
    assert!(pay(&mut market, 100, 6000).is_ok());
}

#[test]
fn what_no_longer_stands_does_not_count_and_a_new_epoch_forgets_nothing() {
    let mut market = Market::with_grant(2, WIDE);
    let (a, b) = (market.chains[0], market.chains[1]);
    let cap = cap(100, 1000);
    let policy = policy([cap]);
    let pay = |market: &mut Market, atoms| {
        let request = market.request(&[(b, atoms)]);
        ask(market, a, request, 0, &policy)
    };
    pay(&mut market, 60).unwrap();
    let tip = market.tip(a);
    pay(&mut market, 30).unwrap();
    market.reopen(a, tip, 0);
    assert_eq!(pay(&mut market, 41), refused(cap, 40), "30 are void");
    assert!(pay(&mut market, 40).is_ok());
}

#[test]
fn payments_of_a_bundle_are_within_the_policy_of_each_payer() {
    let mut market = Market::with_grant(3, WIDE);
    let [a, b, payee] = market.chains[..] else {
        panic!("three accounts");
    };
    let due = |payer, atoms| Due {
        payer,
        payee,
        amount: amount(atoms),
    };
    let request = BundleRequest {
        terms: Terms::Dues(List::of([due(a, 20), due(b, 30)])),
        key: market.key(),
        memo: None,
        cause: None,
    };
    let bundle = |market: &Market, policies: &Policies| {
        let (set, ledgers) = (&market.stage.set, [&market.ledger]);
        authorize_bundle(set, ledgers, &a, &request, &[a, b], NOW, policies)
    };
    let cap = cap(29, 1);
    let strict = Policies::NONE.with(b, policy([cap]));
    assert_eq!(
        bundle(&market, &strict).map(|_| ()),
        refused(cap, 29).map(|_| ())
    );
    let strict = Policies::all(policy([cap])).with(b, Policy::NONE);
    assert_eq!(bundle(&market, &strict).unwrap().payments.len(), 2);
}

#[test]
fn items_of_a_batch_leave_less_of_a_cap_to_each_other() {
    let mut market = Market::with_grant(2, WIDE);
    let (a, b) = (market.chains[0], market.chains[1]);
    let cap = cap(100, 10);
    let policies = Policies::NONE.with(a, policy([cap]));
    let pays = [
        (a, b, 60, 5),
        (a, b, 41, 0),
        (b, a, 500, 0),
        (a, b, 40, 5),
        (a, b, 1, 14),
    ];
    let items = pays.map(|(chain, payee, atoms, millis)| Item {
        chain,
        request: market.request(&[(payee, atoms)]).into(),
        at: at(millis),
    });
    let (set, ledgers) = (&market.stage.set, [&market.ledger]);
    let each = authorize_all(set, ledgers, Batch::Independent, &items, &policies);
    assert_eq!(
        each[1],
        refused(cap, 40),
        "and time does not go back in between"
    );
    assert_eq!(each[4], refused(cap, 0));
    assert!([0, 2, 3].iter().all(|&item| each[item].is_ok()), "{each:?}");
    let all = authorize_all(set, ledgers, Batch::Atomic, &items, &policies);
    assert_eq!(all[0], Err(Refusal::Undone { item: 1 }));
}

/// What an account sent, counted from a list of its own.
#[derive(Default)]
struct Sent {
    last: u64,
    sent: Vec<(u64, u128)>,
}

impl Sent {
    /// The time that a record claims now.
    fn at(&self, millis: u64) -> u64 {
        self.last.max(millis)
    }

    /// The first cap that forbids to send so much more.
    fn forbids(&self, policy: &Policy, now: u64, atoms: u128) -> Option<Refusal> {
        policy.caps().iter().find_map(|&cap| {
            let inside = |at: u64| now < at.saturating_add(cap.millis().get());
            let sent = self.sent.iter().filter(|(at, _)| inside(*at));
            let left = u128::from(cap.most()).saturating_sub(sent.map(|(_, atoms)| atoms).sum());
            (atoms > left).then_some(Refusal::Velocity { cap, left })
        })
    }
}

/// A step of a history: what is done, by whom, how much, at what time.
type Step = (u8, u8, u64, u64);

fn histories() -> impl Strategy<Value = (Vec<(u64, u64)>, Vec<Step>)> {
    let caps = prop::collection::vec((0_u64..200, 1_u64..60), 1..4);
    let steps = prop::collection::vec((0_u8..8, 0_u8..3, 1_u64..80, 0_u64..100), 1..40);
    (caps, steps)
}

fn wish(market: &mut Market, (what, atoms): (u8, u64), payee: ChainId, kept: &[LegId]) -> Request {
    match (what, kept.last()) {
        (0..=2, _) => market.request(&[(payee, atoms)]).into(),
        (3, Some(&original)) => refunding(market, original, atoms).into(),
        _ => HoldRequest {
            leg: Leg {
                payee,
                amount: amount(atoms),
            },
            ..holding(market, payee, atoms, payee)
        }
        .into(),
    }
}

const fn atoms_of(request: &Request) -> u64 {
    match request {
        Request::Hold(request) => request.leg.amount.get(),
        Request::Refund(request) => request.amount.get(),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(cases())]

    /// A policy says no exactly where a list of all that was sent says so, and
    /// changes no draft.
    #[test]
    fn a_policy_only_narrows_and_counts_to_the_atom((caps, steps) in histories()) {
        let mut market = Market::with_grant(3, WIDE);
        let caps: Vec<Cap> = caps.into_iter().map(|(most, millis)| cap(most, millis)).collect();
        let policy = Policy::new(List::new(caps).unwrap());
        let mut lists: BTreeMap<ChainId, Sent> = BTreeMap::new();
        let mut kept: BTreeMap<ChainId, Vec<LegId>> = BTreeMap::new();
        for (what, who, atoms, millis) in steps {
            let [chain, payee] = [who, who + 1].map(|at| market.chains[usize::from(at) % 3]);
            if what >= 5 {
                match what {
                    5 => {
                        if let Some(id) = market.ack_all(chain) {
                            let record = market.stage.set.record(market.stage.set.find(&id).unwrap());
                            let list = lists.entry(chain).or_default();
                            prop_assert_eq!(record.at(), at(list.last), "as early as it may be");
                        }
                    }
                    6 => {
                        let tip = market.tip(chain);
                        market.reopen(chain, tip, 0);
                    }
                    // A restart: nothing but the records is left.
                    _ => market.restart(),
                }
                continue;
            }
            let own = kept.get(&chain).map_or(&[][..], Vec::as_slice);
            let request = wish(&mut market, (what, atoms), payee, own);
            let atoms = match &request {
                Request::Payment(request) => request.legs[0].amount.get(),
                other => atoms_of(other),
            };
            let list = lists.entry(chain).or_default();
            let now = list.at(millis);
            let forbidden = list.forbids(&policy, now, u128::from(atoms));
            let free = answer(&market, &chain, &request, at(millis), &Policy::NONE);
            let capped = ask(&mut market, chain, request.clone(), millis, &policy);
            let Ok(Authorized::Draft(draft)) = free else {
                prop_assert_eq!(&capped, &free);
                continue;
            };
            prop_assert_eq!(draft.header().at(), at(now));
            if let Some(refusal) = forbidden {
                prop_assert_eq!(capped, Err(refusal));
                continue;
            }
            let id = draft.header().id();
            prop_assert_eq!(capped, Ok(Authorized::Draft(draft)));
            list.last = now;
            list.sent.push((now, u128::from(atoms)));
            if let Request::Payment(_) = request {
                kept.entry(payee).or_default().push(leg(id, 0));
            }
        }
    }

    /// A batch answers as if each draft were stored before the next request.
    #[test]
    fn a_batch_counts_as_one_by_one((caps, steps) in histories()) {
        let mut market = Market::with_grant(3, WIDE);
        let mut policies = Policies::NONE;
        for (&chain, (most, millis)) in market.chains.iter().zip(caps) {
            policies = policies.with(chain, policy([cap(most, millis)]));
        }
        let items: Vec<Item> = steps
            .into_iter()
            .map(|(what, who, atoms, millis)| {
                let [chain, payee] = [who, who + 1].map(|at| market.chains[usize::from(at) % 3]);
                let request = wish(&mut market, (what, atoms), payee, &[]);
                Item { chain, request, at: at(millis) }
            })
            .collect();
        let (set, ledgers) = (&market.stage.set, [&market.ledger]);
        let at_once = authorize_all(set, ledgers, Batch::Independent, &items, &policies);
        let one = |item: &Item| {
            let policy = policies.of(&item.chain);
            ask(&mut market, item.chain, item.request.clone(), item.at.as_millis(), policy)
        };
        let one_by_one: Vec<Answer> = items.iter().map(one).collect();
        prop_assert_eq!(at_once, one_by_one);
    }
}
