//! An account pays by and by out of an envelope: the sum on its path stays
//! within what is released, and no payee takes more than the envelope holds.

use icn_ledger::batch::{Batch, Item, authorize_all};
use icn_ledger::bundle::{BundleRequest, Due, Terms, authorize_bundle};
use icn_ledger::entry::{HOLD, PAYMENT};
use icn_ledger::query::{Register, bundle};
use icn_ledger::{Authorized, DecisionRef, LedgerRule, PaymentRequest, Policies, Refusal};
use icn_types::authority::{Act, Action, Envelope, ProposalId, Release, Tip, envelope_key};
use icn_types::canon::List;
use icn_types::chain::Owner;
use icn_types::id::{ChainId, OperationKey, RecordId, UnitId};
use icn_types::testkit::stage::GRANT;

use crate::market::{Market, NOW, amount, leg};
use crate::treasury::decide;

const PROPOSAL: ProposalId = ProposalId::from_bytes([5; 32]);
const INTERVAL: u64 = 1000;

/// Three tranches of 30, for one payee or for anybody.
fn envelope(payer: ChainId, payee: Option<ChainId>, unit: UnitId) -> Envelope {
    Envelope {
        payer,
        payee,
        unit,
        tranche: amount(30),
        tranches: 3,
        interval: INTERVAL,
    }
}

/// A treasury with an envelope, with the Ready of its decision.
fn treasury(payee: impl Fn(&Market) -> Option<ChainId>) -> (Market, ChainId, RecordId) {
    let mut market = Market::new(3);
    let key = market.stage.draw_key();
    let chain = market.topic().chain(Owner::Shared(0));
    let treasury = market.stage.open(chain, key, Some(GRANT));
    market.feed();
    let action = Action::Envelope(envelope(treasury, payee(&market), market.unit.id()));
    let ready = decide(&mut market, PROPOSAL, &[action]);
    (market, treasury, ready)
}

fn for_anybody() -> (Market, ChainId, RecordId) {
    treasury(|_| None)
}

fn for_one() -> (Market, ChainId, RecordId) {
    treasury(|market| Some(market.chains[0]))
}

fn key(market: &Market, number: u64) -> OperationKey {
    envelope_key(market.stage.domain(), PROPOSAL, 0, number)
}

fn release(market: &mut Market, ready: RecordId, tranche: u16) -> RecordId {
    market.stage.set_time(INTERVAL * u64::from(tranche));
    let release = Release {
        ready,
        action: 0,
        tranche,
    };
    let id = market.stage.act(&Act::Release(release), &[ready]);
    market.feed();
    let set = &market.stage.set;
    assert!(set.verdict(set.find(&id).unwrap()).is_valid());
    id
}

/// The payment of that number out of the envelope, right or wrong.
fn pay(
    market: &mut Market,
    treasury: ChainId,
    refs: &[RecordId],
    to: (ChainId, u64),
    number: u64,
) -> RecordId {
    let key = key(market, number);
    market.pay_decided(treasury, refs, to, (0, key))
}

#[test]
fn payments_out_of_an_envelope_add_up_to_what_is_released() {
    let (mut market, treasury, ready) = for_anybody();
    let [a, b, _] = market.chains[..] else {
        panic!("three accounts");
    };
    let first = pay(&mut market, treasury, &[ready], (a, 20), 0);
    let second = pay(&mut market, treasury, &[ready], (b, 10), 1);
    let one = release(&mut market, ready, 1);
    let third = pay(&mut market, treasury, &[ready, one], (a, 25), 2);
    let drawn = market.ledger.drawn(&market.stage.set, &ready, 0).unwrap();
    assert_eq!((drawn.released, drawn.paid, drawn.payments), (60, 55, 3));
    assert_eq!(drawn.left(), 5);
    assert_eq!((drawn.next, drawn.release), (key(&market, 3), Some(one)));
    let two = release(&mut market, ready, 2);
    let fourth = pay(&mut market, treasury, &[ready, two], (b, 35), 3);
    for id in [first, second, third, fourth] {
        assert_eq!(market.verdict(&id), "valid");
    }
    let more = pay(&mut market, treasury, &[ready, one, two], (a, 1), 4);
    assert_eq!(market.verdict(&more), "pay.envelope", "all of it is paid");
}

#[test]
fn a_batch_draws_on_an_envelope_payment_by_payment() {
    let (mut market, treasury, ready) = for_anybody();
    let payee = market.chains[0];
    let item = |market: &mut Market, atoms, number| {
        let request = PaymentRequest {
            key: key(market, number),
            decision: Some((ready, 0)),
            ..market.request(&[(payee, atoms)])
        };
        Item {
            chain: treasury,
            request: request.into(),
            at: NOW,
        }
    };
    let items = [
        item(&mut market, 20, 0),
        item(&mut market, 11, 1),
        item(&mut market, 10, 2),
        item(&mut market, 10, 1),
    ];
    let set = &market.stage.set;
    let answers = authorize_all(
        set,
        [&market.ledger],
        Batch::Independent,
        &items,
        &Policies::NONE,
    );
    let refused = |rule| Err(Refusal::Rule(rule));
    assert_eq!(answers[1], refused(LedgerRule::PayEnvelope));
    assert_eq!(
        answers[2],
        refused(LedgerRule::PayDecision),
        "not the next key"
    );
    for answer in answers {
        if let Ok(Authorized::Draft(draft)) = answer {
            let id = market.submit(draft);
            assert_eq!(market.verdict(&id), "valid");
        }
    }
    let drawn = market.ledger.drawn(&market.stage.set, &ready, 0).unwrap();
    assert_eq!((drawn.paid, drawn.payments), (30, 2));
}

#[test]
fn an_envelope_pays_what_is_due_by_a_bundle_under_its_own_key() {
    let (mut market, treasury, ready) = for_anybody();
    let [a, b, _] = market.chains[..] else {
        panic!("three accounts");
    };
    let due = |payer, atoms| Due {
        payer,
        payee: a,
        amount: amount(atoms),
    };
    let request = BundleRequest {
        terms: Terms::Dues(List::of([due(treasury, 20), due(b, 5)])),
        key: market.key(),
        memo: None,
        cause: None,
    };
    let both = |market: &Market, payers: &[ChainId]| {
        let set = &market.stage.set;
        authorize_bundle(
            set,
            [&market.ledger],
            &a,
            &request,
            payers,
            NOW,
            &Policies::NONE,
        )
    };
    let undecided = both(&market, &[b, treasury]);
    assert_eq!(undecided, Err(Refusal::Rule(LedgerRule::PayDecision)));
    let submit = |market: &mut Market, authorized| match authorized {
        Authorized::Draft(draft) => market.submit(draft),
        Authorized::Again(id) => panic!("a first time, not {id}"),
    };
    let stated = both(&market, &[]).unwrap().bundle;
    let id = submit(&mut market, stated);
    let payment = PaymentRequest {
        key: key(&market, 0),
        decision: Some((ready, 0)),
        ..request.terms.request(id, &treasury).unwrap().unwrap()
    };
    let drawn = market.authorize(treasury, &payment).unwrap();
    submit(&mut market, drawn);
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    let found = bundle(&[&query], &id).unwrap();
    let left: Vec<_> = found.dues.iter().map(|owed| owed.left()).collect();
    assert_eq!(left, [0, 5]);
}

#[test]
fn several_accounts_are_paid_by_one_payment() {
    let (mut market, treasury, ready) = for_anybody();
    let legs = [(market.chains[0], 10), (market.chains[1], 20)];
    let by = (0, key(&market, 0));
    let payment = market.decided(&[ready], &legs, by);
    let paid = market.post(treasury, &[ready], &payment);
    assert_eq!(market.verdict(&paid), "valid");
    let more = pay(&mut market, treasury, &[ready], legs[0], 1);
    assert_eq!(market.verdict(&more), "pay.envelope");
}

#[test]
fn a_tranche_counts_once_its_release_is_named() {
    let (mut market, treasury, ready) = for_anybody();
    let payee = market.chains[0];
    let released = release(&mut market, ready, 1);
    let attempt = |market: &mut Market, refs: &[RecordId]| {
        let payment = market.decided(refs, &[(payee, 31)], (0, key(market, 0)));
        let id = market
            .stage
            .write_after(&treasury, None, PAYMENT, refs, &payment);
        market.feed();
        market.verdict(&id)
    };
    assert_eq!(attempt(&mut market, &[ready]), "pay.envelope");
    let mut both = [ready, released];
    let by = (0, key(&market, 0));
    let payment = market.decided(&both, &[(payee, 31)], by);
    both.sort_unstable();
    let id = market
        .stage
        .write_after(&treasury, None, PAYMENT, &both, &payment);
    market.feed();
    assert_eq!(market.verdict(&id), "valid");
}

#[test]
fn a_release_of_another_envelope_releases_nothing() {
    let (mut market, treasury, _) = for_anybody();
    let unit = market.unit.id();
    let actions = [0, 1].map(|_| Action::Envelope(envelope(treasury, None, unit)));
    let other = ProposalId::from_bytes([6; 32]);
    let ready = decide(&mut market, other, &actions);
    let foreign = release(&mut market, ready, 1);
    let to = (market.chains[0], 31);
    let key = envelope_key(market.stage.domain(), other, 1, 0);
    let id = market.pay_decided(treasury, &[ready, foreign], to, (1, key));
    assert_eq!(market.verdict(&id), "pay.envelope");
}

#[test]
fn a_payment_that_the_envelope_does_not_describe_is_none_of_it() {
    let (mut market, treasury, ready) = for_one();
    let [payee, other, _] = market.chains[..] else {
        panic!("three accounts");
    };
    let right = key(&market, 0);
    let skipped = key(&market, 1);
    let legs_to_two = [(payee, 1), (other, 1)];
    let wrong = [
        ("another payee", vec![(other, 1)], right),
        ("another payee in a later leg", legs_to_two.to_vec(), right),
        ("another number", vec![(payee, 1)], skipped),
    ];
    for (what, legs, key) in wrong {
        let payment = market.decided(&[ready], &legs, (0, key));
        let id = market
            .stage
            .write_after(&treasury, None, PAYMENT, &[ready], &payment);
        market.feed();
        assert_eq!(market.verdict(&id), "pay.decision", "{what}");
    }
    let foreign = [
        envelope(other, None, market.unit.id()),
        envelope(treasury, None, UnitId::from_bytes([8; 32])),
    ];
    let second = ProposalId::from_bytes([6; 32]);
    let ready = decide(&mut market, second, &foreign.map(Action::Envelope));
    for number in 0..2 {
        let key = envelope_key(market.stage.domain(), second, number, 0);
        let payment = market.decided(&[ready], &[(payee, 1)], (number, key));
        let id = market
            .stage
            .write_after(&treasury, None, PAYMENT, &[ready], &payment);
        market.feed();
        assert_eq!(market.verdict(&id), "pay.decision", "envelope {number}");
    }
}

#[test]
fn the_writer_is_told_what_is_left_and_names_the_release_by_itself() {
    let (mut market, treasury, ready) = for_anybody();
    let payee = market.chains[0];
    let request = |market: &mut Market, atoms: u64| {
        let drawn = market.ledger.drawn(&market.stage.set, &ready, 0).unwrap();
        PaymentRequest {
            key: drawn.next,
            decision: Some((ready, 0)),
            ..market.request(&[(payee, atoms)])
        }
    };
    let above = request(&mut market, 31);
    let refused = market.authorize(treasury, &above);
    assert_eq!(refused, Err(Refusal::Rule(LedgerRule::PayEnvelope)));
    release(&mut market, ready, 1);
    let Ok(Authorized::Draft(draft)) = market.authorize(treasury, &above) else {
        panic!("released");
    };
    let paid = market.submit(draft);
    assert_eq!(market.verdict(&paid), "valid");
    let again = market.authorize(treasury, &above);
    assert_eq!(again, Ok(Authorized::Again(paid)));
    let nobody = RecordId::from_bytes([9; 32]);
    assert_eq!(market.ledger.drawn(&market.stage.set, &nobody, 0), None);
    assert_eq!(market.ledger.drawn(&market.stage.set, &ready, 1), None);
}

#[test]
fn what_a_payee_refuses_is_not_paid_once_more() {
    let (mut market, treasury, ready) = for_one();
    let payee = market.chains[0];
    let paid = pay(&mut market, treasury, &[ready], (payee, 30), 0);
    let refusal = market.refuse(payee, &[leg(paid, 0)]);
    let back = market.ack(treasury, &[leg(refusal, 0)]);
    assert_eq!(market.verdict(&back), "valid");
    let again = pay(&mut market, treasury, &[ready], (payee, 30), 1);
    assert_eq!(market.verdict(&again), "pay.envelope");
}

/// The old writer pays offline and the new one, who does not know of it, pays
/// again: their payments bear the same numbers, and the payee takes one of each.
#[test]
fn of_two_writers_payments_with_one_number_a_payee_takes_one() {
    let ways: [[u64; 2]; 2] = [[5, 25], [25, 5]];
    for picks in [[0, 0], [0, 1], [1, 0], [1, 1]] {
        let (mut market, treasury, ready) = for_one();
        let payee = market.chains[0];
        let mut paid = Vec::new();
        for (writer, amounts) in ways.iter().enumerate() {
            if writer == 1 {
                market.reopen(treasury, None, 0);
            }
            let payments = (0..).zip(amounts);
            let payments = payments.map(|(number, &atoms)| {
                pay(&mut market, treasury, &[ready], (payee, atoms), number)
            });
            paid.push(payments.collect::<Vec<_>>());
        }
        for id in paid.iter().flatten() {
            assert_eq!(market.verdict(id), "valid");
        }
        let mut tip: Option<Tip> = None;
        for (number, writer) in (0..).zip(picks) {
            let [one, other] = [writer, 1 - writer].map(|writer| leg(paid[writer][number], 0));
            let took = market.ack_after(payee, tip, &[one]);
            assert_eq!(market.verdict(&took), "valid");
            tip = Some(Tip {
                seq: number as u64,
                head: took,
            });
            let twice = market.ack_after(payee, tip, &[other]);
            assert_eq!(market.verdict(&twice), "ack.key", "number {number} twice");
        }
    }
}

/// All three tranches go out on each of two branches, in pieces that a payee
/// could combine to more than there is.
#[test]
fn a_payee_acknowledges_no_more_than_the_envelope_from_branches_of_its_payer() {
    let (mut market, treasury, ready) = for_one();
    let payee = market.chains[0];
    let one = release(&mut market, ready, 1);
    let two = release(&mut market, ready, 2);
    let refs = [ready, one, two];
    let both = |market: &mut Market, amounts: [u64; 2]| {
        let [one, two] = amounts.map(|atoms| (payee, atoms));
        [(one, 0), (two, 1)].map(|(to, number)| pay(market, treasury, &refs, to, number))
    };
    let old = both(&mut market, [80, 10]);
    market.reopen(treasury, None, 0);
    let new = both(&mut market, [10, 80]);
    let first = market.ack(payee, &[leg(old[0], 0)]);
    assert_eq!(market.verdict(&first), "valid");
    let tip = market.tip(payee);
    let beyond = market.ack_after(payee, tip, &[leg(new[1], 0)]);
    assert_eq!(market.verdict(&beyond), "ack.envelope");
    let at_once = market.ack_after(payee, None, &[leg(old[0], 0), leg(new[1], 0)]);
    assert_eq!(market.verdict(&at_once), "ack.envelope", "in one record");
    let within = market.ack_after(payee, tip, &[leg(old[1], 0)]);
    assert_eq!(market.verdict(&within), "valid");
    let refused = market.refuse(payee, &[leg(new[1], 0)]);
    assert_eq!(market.verdict(&refused), "valid", "sending back is free");
}

/// With payees that the writer picks, nobody sees two branches at once: each
/// payee is held to its own part, and the treasury is charged with the rest.
#[test]
fn branches_of_an_open_envelope_reach_different_payees_and_charge_the_treasury() {
    let (mut market, treasury, ready) = for_anybody();
    let [a, b, _] = market.chains[..] else {
        panic!("three accounts");
    };
    let old = pay(&mut market, treasury, &[ready], (a, 30), 0);
    market.reopen(treasury, None, 0);
    let new = pay(&mut market, treasury, &[ready], (b, 30), 0);
    let acks = [market.ack(a, &[leg(old, 0)]), market.ack(b, &[leg(new, 0)])];
    assert!(acks.iter().all(|ack| market.verdict(ack) == "valid"));
    let column = market.column(treasury);
    assert_eq!(
        (column.posted, column.contested, column.charged),
        (-30, -30, 30)
    );
    let more = pay(&mut market, treasury, &[ready], (a, 1), 1);
    assert_eq!(market.verdict(&more), "pay.envelope");
}

/// A hold takes out of an envelope like a payment, whatever its part is.
#[test]
fn a_hold_draws_on_an_envelope_and_its_part_counts_for_the_payee() {
    let (mut market, treasury, ready) = for_anybody();
    let [a, b, _] = market.chains[..] else {
        panic!("three accounts");
    };
    let holding = |market: &mut Market, atoms, number| {
        let mut body = market.hold_body((a, atoms), b);
        body.key = key(market, number);
        body.decision = Some(DecisionRef {
            ready: 0,
            action: 0,
        });
        body
    };
    let too_much = holding(&mut market, 31, 0);
    let too_much = market.write(treasury, HOLD, &[ready], &too_much);
    assert_eq!(market.verdict(&too_much), "pay.envelope");
    market.reopen(treasury, None, 0);
    let whole = holding(&mut market, 30, 0);
    let hold = market.write(treasury, HOLD, &[ready], &whole);
    assert_eq!(market.verdict(&hold), "valid");
    let resolve = market.resolve(b, &[(hold, 10)]);
    market.ack(a, &[leg(resolve, 0)]);
    market.ack(treasury, &[leg(resolve, 1)]);
    let drawn = market.ledger.drawn(&market.stage.set, &ready, 0).unwrap();
    assert_eq!((drawn.paid, drawn.payments), (30, 1), "what comes back too");

    // Once more on two branches, under other keys.
    let mut refs = vec![ready];
    refs.extend([1, 2].map(|tranche| release(&mut market, ready, tranche)));
    refs.sort_unstable();
    let at = refs.iter().position(|id| *id == ready).unwrap();
    let late = |market: &mut Market, atoms, number| {
        let mut body = holding(market, atoms, number);
        body.decision = Some(DecisionRef {
            ready: u16::try_from(at).unwrap(),
            action: 0,
        });
        body
    };
    let tip = market.tip(treasury);
    let left = late(&mut market, 60, 1);
    let left = market.write_after(treasury, tip, HOLD, &refs, &left);
    let before = late(&mut market, 1, 1);
    let before = market.write(treasury, HOLD, &refs, &before);
    let right = late(&mut market, 59, 2);
    let right = market.write(treasury, HOLD, &refs, &right);
    let held = [left, before, right];
    assert_eq!(held.map(|id| market.verdict(&id)), ["valid"; 3]);
    let resolve = market.resolve(b, &[(left, 60), (right, 59)]);
    let fits = market.ack(a, &[leg(resolve, 0)]);
    assert_eq!(market.verdict(&fits), "valid", "10 and 60 of 90");
    let more = market.ack(a, &[leg(resolve, 2)]);
    assert_eq!(market.verdict(&more), "ack.envelope");
}

#[test]
fn a_payment_stands_whose_release_a_recall_dropped_and_nothing_is_left_then() {
    let (mut market, treasury, ready) = for_anybody();
    let payee = market.chains[0];
    let one = release(&mut market, ready, 1);
    let paid = pay(&mut market, treasury, &[ready, one], (payee, 50), 0);
    market.stage.recall(ready, &[]);
    market.feed();
    assert_eq!(market.verdict(&paid), "valid");
    let drawn = market.ledger.drawn(&market.stage.set, &ready, 0).unwrap();
    assert_eq!((drawn.released, drawn.paid, drawn.left()), (30, 50, 0));
}
