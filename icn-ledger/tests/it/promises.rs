//! What the design promises of any ledger, case by case: what is no fork, what
//! decides nothing, and what no order of arrival changes.

use icn_ledger::entry::PAYMENT;
use icn_ledger::{Authorized, Ledger, Policy, Refusal};
use icn_types::authority::Act;
use icn_types::id::RecordId;
use icn_types::record::{Content, Draft, Record};
use icn_types::set::RecordSet;
use icn_types::sign::Signed;
use icn_types::testkit::stage::GRANT;
use icn_types::time::Timestamp;

use crate::market::{Market, NOW, follow, hours, leg};

const FAR: Timestamp = Timestamp::from_millis(u64::MAX);

#[test]
fn authors_who_write_at_once_from_the_same_records_fork_nothing() {
    let mut market = Market::new(3);
    let [a, b, c] = market.chains[..] else {
        panic!("three accounts");
    };
    let mut elsewhere = market.clone();
    let one = market.pay(a, c, 10);
    let other = elsewhere.pay(b, c, 20);
    let set = market.stage.replay(
        market
            .stage
            .records
            .iter()
            .chain(elsewhere.stage.records.last()),
    );
    let ledger = follow(&set, market.unit);
    assert!(set.is_straight());
    for id in [one, other] {
        assert!(ledger.verdict(set.find(&id).unwrap()).is_valid());
    }
    assert_eq!(ledger.columns(&set).account(&c).incoming, 30);
}

/// Every order of `left` after `first`.
fn orders(left: &[usize], first: &[usize], visit: &mut impl FnMut(&[usize])) {
    if left.is_empty() {
        visit(first);
    }
    for (at, one) in left.iter().enumerate() {
        let rest = [&left[..at], &left[at + 1..]].concat();
        orders(&rest, &[first, &[*one]].concat(), visit);
    }
}

#[test]
fn fork_of_four_counts_alike_in_every_order() {
    let mut market = Market::new(3);
    let [a, b, c] = market.chains[..] else {
        panic!("three accounts");
    };
    let start = market.stage.records.len();
    let branches = [1, 2, 3].map(|atoms| market.pay_after(a, None, b, atoms));
    market.ack(b, &[leg(branches[0], 0), leg(branches[2], 0)]);
    market.pay_after(a, None, c, 5);
    let (founding, late) = market.stage.records.split_at(start);
    let mut found = None;
    let all: Vec<usize> = (0..late.len()).collect();
    orders(&all, &[], &mut |order| {
        // An acknowledgement that comes early is stored and waits.
        let records = order.iter().map(|&at| &late[at]);
        let set = market.stage.replay(founding.iter().chain(records));
        let ledger = follow(&set, market.unit);
        let canonical = set.canonical().digest(ledger.topic());
        let seen = (
            canonical,
            ledger.label_digest(&set),
            ledger.recount(&set).account(&a),
        );
        assert_eq!(*ledger.columns(&set), ledger.recount(&set));
        assert_eq!(*found.get_or_insert(seen), seen, "{order:?}");
    });
    let (.., column) = found.unwrap();
    assert_eq!(
        (column.posted, column.contested, column.charged),
        (0, -4, 4)
    );
}

/// Three payments, each at the time that `clock` gives it.
fn trade_at(mut market: Market, clock: fn(u64) -> u64) {
    let (a, b) = (market.chains[0], market.chains[1]);
    for (number, (from, to)) in (0..).zip([(a, b), (b, a), (a, b)]) {
        let payment = market.payment(&[(to, 40)]);
        let content = Content::new(Vec::new(), None, &payment).unwrap();
        let draft = market
            .stage
            .draft_after(&from, market.tip(from), PAYMENT, content.clone());
        let at = Timestamp::from_millis(clock(number));
        let draft = Draft::new(*draft.header().place(), PAYMENT, at, content).unwrap();
        let payment = market.submit(draft);
        let ack = market.ack(to, &[leg(payment, 0)]);
        assert_eq!(
            [market.verdict(&payment), market.verdict(&ack)],
            ["valid"; 2]
        );
    }
    assert_eq!([market.posted(a), market.posted(b)], [-40, 40]);
    assert_eq!([market.spendable(a), market.spendable(b)], [40, 80]);
}

#[test]
fn hostile_clocks_move_no_verdict_and_no_balance() {
    let market = Market::new(2);
    let clocks: [fn(u64) -> u64; 4] = [|n| n, |_| 0, |_| u64::MAX, |n| u64::MAX - n];
    for clock in clocks {
        trade_at(market.clone(), clock);
    }
}

#[test]
fn cause_that_names_nothing_decides_nothing() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.payment(&[(b, 10)]);
    let nothing = Some(RecordId::from_bytes([7; 32]));
    let content = Content::new(Vec::new(), nothing, &payment).unwrap();
    let draft = market.stage.draft_after(&a, None, PAYMENT, content);
    let id = market.submit(draft);
    assert_eq!(market.verdict(&id), "valid");
    assert_eq!(market.ledger.waiting().count(), 0);
}

/// Records of one's own topic and of the authority.
fn of_topic(market: &Market) -> Vec<&Signed<Record>> {
    let (set, topic) = (&market.stage.set, market.ledger.topic());
    let is_followed =
        |record: &&Signed<Record>| record.chain() == set.authority() || record.topic() == topic;
    market.stage.records.iter().filter(is_followed).collect()
}

#[test]
fn node_that_follows_the_ledger_alone_comes_to_the_same_verdicts() {
    let mut market = Market::new(3);
    let [a, b, c] = market.chains[..] else {
        panic!("three accounts");
    };
    let other_unit = icn_ledger::Unit {
        code: icn_ledger::UnitCode::new("bread").unwrap(),
        ..hours(market.stage.domain())
    };
    let other_topic = market.stage.ledger(other_unit.id());
    let elsewhere = market.stage.open_member(0, &other_topic, Some(GRANT));
    for branch in 0..3 {
        let beside = market.payment(&[(b, 1)]);
        market
            .stage
            .write_after(&elsewhere, None, PAYMENT, &[], &beside);
        let paid = market.pay_after(a, None, b, 10 + branch);
        market.ack(b, &[leg(paid, 0)]);
    }
    let too_much = market.pay(c, a, 1000);
    assert_eq!(market.verdict(&too_much), "limit.floor");
    let set = &market.stage.set;
    assert!(set.fork(&elsewhere).is_some() && set.fork(&a).is_some());
    let alone = market.stage.replay(of_topic(&market));
    let ledger = follow(&alone, market.unit);
    assert!(alone.len() < market.stage.set.len());
    for slot in alone.slots() {
        let id = alone.record(slot).id();
        let whole = market.stage.set.find(&id).unwrap();
        assert_eq!(ledger.verdict(slot), market.ledger.verdict(whole));
    }
    let digest = |ledger: &Ledger, set: &RecordSet| {
        (
            ledger.label_digest(set),
            set.canonical().digest(ledger.topic()),
        )
    };
    assert_eq!(
        digest(&ledger, &alone),
        digest(&market.ledger, &market.stage.set)
    );
}

#[test]
fn key_is_remembered_for_ever_and_refusals_by_nobody() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let request = market.request(&[(b, 110)]);
    let short = Err(Refusal::Limit { spendable: 100 });
    assert_eq!(market.authorize(a, &request), short);
    let gift = market.pay(b, a, 10);
    market.ack(a, &[leg(gift, 0)]);
    // A restart: everything is judged anew from what is stored.
    market.restart();
    let Ok(Authorized::Draft(draft)) = market.authorize(a, &request) else {
        panic!("funded");
    };
    let paid = market.submit(draft);
    for at in [NOW, FAR] {
        let ledger = Ledger::of(&market.stage.set, market.unit);
        let again = ledger.authorize(&market.stage.set, &a, &request, at, &Policy::NONE);
        assert_eq!(again, Ok(Authorized::Again(paid)));
    }
}

#[test]
fn registrar_who_forks_moves_no_balance_and_trade_goes_on() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let paid = market.pay(a, b, 30);
    market.ack(b, &[leg(paid, 0)]);
    let before = [market.column(a), market.column(b)];
    let authority: Vec<RecordId> = {
        let set = &market.stage.set;
        let spine = set.spine(&set.authority()).iter();
        spine.map(|&slot| set.record(slot).id()).collect()
    };
    for &from in &authority {
        let mut market = market.clone();
        for floor in [-200, -300] {
            let raise = icn_types::authority::Raise {
                open: market.stage.open_of(&a),
                floor,
            };
            market.stage.act_after(from, &Act::Raise(raise), &[]);
        }
        market.feed();
        assert!(
            market
                .stage
                .set
                .fork(&market.stage.set.authority())
                .is_some()
        );
        assert_eq!([market.column(a), market.column(b)], before);
        let more = market.pay(a, b, 70);
        let ack = market.ack(b, &[leg(more, 0)]);
        assert_eq!([market.verdict(&more), market.verdict(&ack)], ["valid"; 2]);
        assert_eq!([market.posted(a), market.posted(b)], [-100, 100]);
    }
}
