//! How final answers about positions are: who relies on the records that they
//! count.

use icn_ledger::Finality;
use icn_ledger::Finality::{Acknowledged, Local, Sealed};
use icn_ledger::query::{ByFinality, Dates, PageSize, Query, Register};
use icn_ledger::remark::{PERIOD_CLOSE, PeriodClose};
use icn_types::id::ChainId;
use icn_types::record::Record;
use icn_types::time::Timestamp;

use crate::market::{Market, follow, leg};

const SIZE: PageSize = PageSize::new(50).unwrap();

/// Asks a register that is built anew.
fn ask<T>(market: &Market, question: impl FnOnce(&Query<'_>) -> T) -> T {
    let mut register = Register::new();
    question(&register.query(&market.stage.set, &market.ledger))
}

/// After each record of an account.
fn after_each(market: &Market, chain: ChainId) -> Vec<Finality> {
    ask(market, |query| {
        let known = (0..).map_while(|seq| query.position_at(&chain, seq));
        known.map(|known| known.finality).collect()
    })
}

fn now(market: &Market, chain: ChainId) -> Finality {
    market.ledger.positions(&market.stage.set, &chain).finality
}

fn split(market: &Market, chain: ChainId) -> [i128; 3] {
    let ByFinality {
        sealed,
        acknowledged,
        local,
        ..
    } = ask(market, |query| query.by_finality(&chain));
    [sealed, acknowledged, local].map(|position| position.get())
}

#[test]
fn a_position_is_acknowledged_while_another_account_relies_on_it_or_on_a_later_one() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    assert_eq!(now(&market, a), Sealed, "nothing that could be taken back");
    market.pay(a, b, 1);
    market.note(a, &[]);
    let second = market.pay(a, b, 2);
    let third = market.pay(a, b, 4);
    assert_eq!(after_each(&market, a), [Local; 4]);
    market.ack(b, &[leg(second, 0)]);
    assert_eq!(
        after_each(&market, a),
        [Acknowledged, Acknowledged, Acknowledged, Local]
    );
    assert_eq!((now(&market, a), split(&market, a)), (Local, [0, -3, -4]));
    assert_eq!(now(&market, b), Local, "nobody relies on what it took");
    market.refuse(b, &[leg(third, 0)]);
    assert_eq!(
        after_each(&market, a),
        [Acknowledged; 4],
        "refused is taken"
    );
    assert_eq!(
        (now(&market, a), split(&market, a)),
        (Acknowledged, [0, -7, 0])
    );
}

#[test]
fn a_seal_makes_final_what_lies_below_it() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    market.pay(a, b, 1);
    let sealed = market.tip(a);
    let paid = market.pay(a, b, 2);
    market.pay(a, b, 4);
    market.seal_at(a, sealed);
    market.ack(b, &[leg(paid, 0)]);
    assert_eq!(after_each(&market, a), [Sealed, Acknowledged, Local]);
    assert_eq!(split(&market, a), [-1, -2, -4]);
    market.seal(a);
    assert_eq!(after_each(&market, a), [Sealed; 3]);
    assert_eq!((now(&market, a), split(&market, a)), (Sealed, [-7, 0, 0]));
}

#[test]
fn whoever_takes_from_itself_does_not_vouch_for_itself() {
    let mut market = Market::new(3);
    let [a, b, resolver] = market.chains[..] else {
        panic!("three accounts");
    };
    let own = market.hold(a, (b, 5), a);
    let resolve = market.resolve(a, &[(own, 2)]);
    market.ack(a, &[leg(resolve, 1)]);
    assert_eq!(after_each(&market, a), [Local; 3]);
    market.ack(b, &[leg(resolve, 0)]);
    assert_eq!(after_each(&market, a), [Acknowledged, Acknowledged, Local]);

    // Whoever else ends a hold relies on it.
    let hold = market.hold(a, (b, 5), resolver);
    assert_eq!(now(&market, a), Local);
    market.resolve(resolver, &[(hold, 0)]);
    assert_eq!(after_each(&market, a), [Acknowledged; 4]);
    assert_eq!(now(&market, resolver), Local);
    let back = market.ack_all(a).unwrap();
    assert_eq!(market.verdict(&back), "valid");
    assert_eq!(now(&market, resolver), Acknowledged);
}

#[test]
fn a_record_that_is_not_posted_any_more_is_local() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let paid = market.pay(a, b, 1);
    market.ack(b, &[leg(paid, 0)]);
    assert_eq!(after_each(&market, a), [Acknowledged]);
    market.pay_after(a, None, b, 2);
    let known = ask(&market, |query| query.position_after(&paid).unwrap());
    assert_eq!((known.position.get(), known.finality), (-1, Local));
    assert_eq!(after_each(&market, a), []);
}

#[test]
fn an_invalid_record_moves_nothing_and_nobody_relies_on_it() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let paid = market.pay(a, b, 10);
    market.ack(b, &[leg(paid, 0)]);
    let hold = market.hold(a, (b, 1000), b);
    assert_eq!(market.verdict(&hold), "limit.floor");
    assert_eq!(after_each(&market, a), [Acknowledged, Local]);
    assert_eq!(split(&market, a), [0, -10, 0]);
}

#[test]
fn a_date_is_as_final_as_the_close_that_covers_it() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let day = Timestamp::from_millis;
    let on = |market: &Market, date| {
        ask(market, |query| {
            let known = query.position_on(&a, day(date)).finality;
            let dates = Dates {
                from: day(0),
                until: day(date),
            };
            let statement = query.statement_by_date(&a, dates, None, SIZE).unwrap();
            assert_eq!(statement.finality, known);
            known
        })
    };
    market.stage.set_time(10);
    let paid = market.pay(a, b, 1);
    market.ack(b, &[leg(paid, 0)]);
    assert_eq!(on(&market, 10), Local, "more may be dated so");
    market.write(a, PERIOD_CLOSE, &[], &PeriodClose { until: day(10) });
    assert_eq!(on(&market, 10), Local, "nobody knows of the close");
    let later = market.pay(a, b, 1);
    market.ack(b, &[leg(later, 0)]);
    assert_eq!([on(&market, 10), on(&market, 11)], [Acknowledged, Local]);
    market.seal(a);
    assert_eq!([on(&market, 10), on(&market, 11)], [Sealed, Local]);
}

#[test]
fn a_statement_is_as_final_as_its_last_record_and_open_beyond_it() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let paid = market.pay(a, b, 1);
    market.pay(a, b, 1);
    market.ack(b, &[leg(paid, 0)]);
    let up_to = |market: &Market, last| {
        let statement = |query: &Query<'_>| query.statement(&a, 0, last, None, SIZE).unwrap();
        ask(market, |query| statement(query).finality)
    };
    assert_eq!(
        [0, 1, 2].map(|last| up_to(&market, last)),
        [Acknowledged, Local, Local]
    );
    market.seal(a);
    let found = [0, 1, 2, u64::MAX].map(|last| up_to(&market, last));
    assert_eq!(found, [Sealed, Sealed, Local, Local]);
}

/// A view knows what its register knew, whatever the ledger decided since.
#[test]
fn a_view_that_is_not_up_to_date_splits_what_it_shows() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    market.pay(a, b, 1);
    let mut register = Register::new();
    register.update(&market.stage.set, &market.ledger);
    market.pay(a, b, 2);
    market.seal(a);
    let view = register.view(&market.stage.set, &market.ledger);
    let split = view.by_finality(&a);
    assert_eq!((split.sealed.get(), split.local.get()), (-1, 0));
    let last = view.position_at(&a, 0).unwrap();
    assert_eq!((last.position.get(), last.finality), (-1, Sealed));
    assert!(view.position_at(&a, 1).is_none());
}

/// A Seal fixes which records count, not that they are here.
#[test]
fn what_is_sealed_and_waits_is_in_no_final_answer() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    market.pay(a, b, 1);
    let waits = market.pay(a, b, 2);
    market.seal(a);
    let records = market.stage.records.iter();
    let records: Vec<_> = records
        .map(|record| {
            if record.id() == waits {
                let bare = Record::bare(record.header().clone(), *record.signature());
                bare.verify(&record.key().prepare()).unwrap()
            } else {
                record.clone()
            }
        })
        .collect();
    let set = market.stage.replay(&records);
    assert_eq!(set.sealed_len(&a), 2);
    let mut ledger = follow(&set, market.unit);
    ledger.refresh(&set);
    let mut register = Register::new();
    let query = register.query(&set, &ledger);
    assert_eq!(query.by_finality(&a).sealed.get(), -1);
    let statement = |last| query.statement(&a, 0, last, None, SIZE).unwrap().finality;
    assert_eq!([statement(0), statement(1)], [Sealed, Local]);
    assert!(query.position_at(&a, 1).is_none());
}

#[test]
fn credit_is_unsealed_until_the_account_names_the_seal() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let unsealed = |market: &Market| market.ledger.positions(&market.stage.set, &b).unsealed;
    let paid = market.pay(a, b, 30);
    assert_eq!(unsealed(&market), 0, "not its credit yet");
    market.ack(b, &[leg(paid, 0)]);
    assert_eq!(unsealed(&market), 30);
    let seal = market.seal(a);
    assert_eq!(unsealed(&market), 30, "the account has not named it");
    market.note(b, &[seal, paid]);
    assert_eq!(unsealed(&market), 0);
}

#[test]
fn all_accounts_together_are_as_final_as_the_least() {
    let mut market = Market::new(3);
    let [a, b, _] = market.chains[..] else {
        panic!("three accounts");
    };
    let all = |market: &Market| ask(market, |query| query.trial_balance().finality());
    assert_eq!(all(&market), Sealed);
    let paid = market.pay(a, b, 1);
    market.seal(a);
    assert_eq!(all(&market), Sealed, "who wrote nothing takes nothing back");
    market.ack(b, &[leg(paid, 0)]);
    assert_eq!(all(&market), Local);
    let back = market.pay(b, a, 1);
    market.seal(b);
    market.ack(a, &[leg(back, 0)]);
    assert_eq!(all(&market), Local);
    market.seal(a);
    assert_eq!(all(&market), Sealed);
}
