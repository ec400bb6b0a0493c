//! What a host asks: lines, pages, positions and statements, over histories
//! with forks, Seals, re-opens and dates in any order.

use std::collections::BTreeSet;

use icn_ledger::query::{
    Cursor, CursorError, Dates, Disputes, Line, Listed, Movement, Order, Page, PageSize, Query,
    Register, Snapshot,
};
use icn_ledger::{Authorized, Entry, Finality, Ledger, LegId};
use icn_types::amount::Position;
use icn_types::authority::Grant;
use icn_types::error::Coded as _;
use icn_types::id::{ChainId, RecordId};
use icn_types::set::{Label, RecordSet};
use icn_types::testkit::stage::GRANT;
use icn_types::time::Timestamp;
use proptest::prelude::*;

use crate::columns::{Step, World, cases, steps};
use crate::market::{Market, amount, leg};

fn size(rows: u16) -> PageSize {
    PageSize::new(rows).unwrap()
}

const fn millis(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Everything that a listing gives, page by page.
fn all<T>(rows: u16, ask: impl Fn(Option<Cursor>, PageSize) -> Page<T>) -> Vec<T> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = ask(after, size(rows));
        assert!(page.rows.len() <= usize::from(rows));
        found.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

fn lines(query: &Query<'_>, chain: &ChainId, order: Order, rows: u16) -> Vec<Line> {
    all(rows, |after, size| {
        query.lines(chain, order, after, size).unwrap()
    })
}

fn by_date(query: &Query<'_>, dates: Dates, order: Order, rows: u16) -> Vec<Listed> {
    all(rows, |after, size| query.by_date(dates, order, after, size))
}

fn accounts(market: &Market) -> &[ChainId] {
    &market.chains
}

/// A history of forks and broken rules, or a long one without.
fn play(steps: &[Step], is_honest: bool) -> Market {
    if is_honest {
        trade(steps)
    } else {
        World::play(steps).market
    }
}

/// Valid payments, acknowledgements and refusals, dated in any order.
fn trade(steps: &[Step]) -> Market {
    let grant = Grant {
        floor: -1_000_000,
        ..GRANT
    };
    let mut market = Market::with_grant(4, grant);
    for step in steps {
        trade_step(&mut market, *step);
    }
    market
}

pub(crate) fn trade_step(market: &mut Market, (what, who, whom, which): Step) {
    let chain = market.chains[usize::from(who)];
    let other = market.chains[usize::from(whom)];
    let at = u64::from(which % 16) * 10;
    market.stage.set_time(at);
    let incoming = market.ledger.columns(&market.stage.set);
    let incoming = incoming.incoming(chain).map(|(leg, _)| leg).next();
    match (what, incoming) {
        (8.., Some(leg)) if what % 4 == 0 && is_payment(market, leg) => {
            market.refuse(chain, &[leg]);
        }
        (8.., Some(leg)) => {
            market.ack(chain, &[leg]);
        }
        (7, _) => {
            market.seal(chain);
        }
        (6, _) => {
            let (set, until) = (&market.stage.set, millis(at));
            let close = market.ledger.draft_close(set, &chain, until, until);
            if let Ok(draft) = close {
                market.submit(draft);
            }
        }
        _ if who != whom => {
            let mut payment = market.payment(&[(other, u64::from(which) + 1)]);
            let stated = millis(u64::from(which / 16) * 10);
            payment.effective = (what % 2 == 0).then_some(stated);
            market.post(chain, &[], &payment);
        }
        _ => {}
    }
}

fn is_payment(market: &Market, leg: LegId) -> bool {
    let set = &market.stage.set;
    let record = set.record(set.find(&leg.record).unwrap());
    matches!(Entry::of(record), Some(Entry::Payment(_)))
}

/// What posted records of an account send and take, from the entries alone.
fn tally(set: &RecordSet, ledger: &Ledger, chain: &ChainId) -> i128 {
    let valid = set
        .spine(chain)
        .iter()
        .filter(|&&slot| ledger.verdict(slot).is_valid());
    let sum = |legs: &[icn_ledger::Leg]| -> i128 {
        legs.iter().map(|leg| i128::from(leg.amount.get())).sum()
    };
    let named = |slot: icn_types::set::Slot, leg: icn_ledger::LegRef| {
        let id = set.record(slot).refs()[usize::from(leg.reference)];
        let sender = set.record(set.find(&id).unwrap());
        match Entry::of(sender).unwrap() {
            Entry::Payment(payment) => payment.legs[usize::from(leg.leg)].amount,
            Entry::Refuse(refuse) => {
                let original = refuse.legs[usize::from(leg.leg)];
                let id = sender.refs()[usize::from(original.reference)];
                let payment = set.record(set.find(&id).unwrap());
                let Some(Entry::Payment(payment)) = Entry::of(payment) else {
                    panic!("a refusal is of payments");
                };
                payment.legs[usize::from(original.leg)].amount
            }
            other => panic!("{other:?} sends nothing"),
        }
    };
    valid
        .map(|&slot| match Entry::of(set.record(slot)).unwrap() {
            Entry::Payment(payment) => -sum(&payment.legs),
            Entry::Ack(ack) => {
                let taken = ack.legs.iter().map(|leg| named(slot, *leg));
                taken.map(|amount| i128::from(amount.get())).sum()
            }
            _ => 0,
        })
        .sum()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn statements_of_any_range_add_up(
        steps in steps(),
        is_honest in any::<bool>(),
        first in 0_u64..20,
        length in 0_u64..20,
        rows in 1_u16..6,
    ) {
        let market = &play(&steps, is_honest);
        let set = &market.stage.set;
        let mut register = Register::new();
        let query = register.query(set, &market.ledger);
        for chain in accounts(market) {
            let last = first + length;
            let mut after = None;
            let mut closing = None;
            let mut seen = Vec::new();
            loop {
                let page = query.statement(chain, first, last, after, size(rows)).unwrap();
                page.check().unwrap();
                let opens_at = first.checked_sub(1).and_then(|seq| query.position_at(chain, seq));
                match (closing, opens_at) {
                    (Some(closing), _) => prop_assert_eq!(page.opening, closing),
                    (None, Some(known)) => prop_assert_eq!(page.opening, known.position),
                    (None, None) => {}
                }
                closing = Some(page.closing);
                seen.extend(page.lines);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            if let Some(known) = query.position_at(chain, last) {
                prop_assert_eq!(closing, Some(known.position));
            }
            let naive: Vec<Line> = lines(&query, chain, Order::OldestFirst, 7)
                .into_iter()
                .filter(|line| (first..=last).contains(&line.seq))
                .collect();
            prop_assert_eq!(seen, naive);
        }
    }

    #[test]
    fn position_after_the_last_record_is_the_position_now(
        steps in steps(),
        is_honest in any::<bool>(),
    ) {
        let market = &play(&steps, is_honest);
        let set = &market.stage.set;
        let mut register = Register::new();
        let query = register.query(set, &market.ledger);
        for chain in accounts(market) {
            let now = market.ledger.positions(set, chain);
            let all = lines(&query, chain, Order::OldestFirst, 5);
            let last = all.last().map_or(Position::ZERO, |line| line.position);
            prop_assert_eq!(last, now.posted);
            prop_assert_eq!(last.get(), tally(set, &market.ledger, chain));
            let changes: i128 = all.iter().map(Line::change).sum();
            prop_assert_eq!(changes, now.posted.get());
            let end = millis(u64::MAX);
            prop_assert_eq!(query.position_on(chain, end).position, now.posted);
            let Some(&tip) = set.spine(chain).last() else { continue };
            let Some(known) = query.position_at(chain, set.record(tip).seq()) else { continue };
            prop_assert_eq!(known.position, now.posted);
            let seat = set.office().and_then(|office| office.seat(chain)).unwrap();
            if set.record(tip).epoch() == Some(seat.open()) {
                prop_assert_eq!(query.limits_at(chain, set.record(tip).seq()), now.limits);
            }
        }
    }

    #[test]
    fn answers_by_date_are_those_of_a_plain_filter(
        steps in steps(),
        is_honest in any::<bool>(),
        from in 0_u64..180,
        length in 0_u64..180,
        rows in 1_u16..6,
    ) {
        let market = &play(&steps, is_honest);
        let mut register = Register::new();
        let query = register.query(&market.stage.set, &market.ledger);
        let dates = Dates { from: millis(from), until: millis(from + length) };
        for chain in accounts(market) {
            let mut naive = lines(&query, chain, Order::OldestFirst, 100);
            naive.sort_by_key(|line| (line.date, line.seq, line.number));
            let before: i128 =
                naive.iter().filter(|line| line.date < dates.from).map(Line::change).sum();
            let until: i128 =
                naive.iter().filter(|line| line.date <= dates.until).map(Line::change).sum();
            prop_assert_eq!(query.position_on(chain, dates.until).position.get(), until);
            let mut after = None;
            let mut closing = Position::new(before);
            let mut seen = Vec::new();
            loop {
                let page = query.statement_by_date(chain, dates, after, size(rows)).unwrap();
                page.check().unwrap();
                prop_assert_eq!(page.opening, closing);
                closing = page.closing;
                seen.extend(page.lines.iter().map(Line::date_cursor));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            prop_assert_eq!(closing.get(), until);
            let naive = naive.iter().filter(|line| {
                (dates.from..=dates.until).contains(&line.date)
            });
            prop_assert_eq!(seen, naive.map(Line::date_cursor).collect::<Vec<_>>());
        }
    }

    #[test]
    fn listings_by_date_name_every_valid_canonical_entry_once(
        steps in steps(),
        is_honest in any::<bool>(),
        from in 0_u64..180,
        length in 0_u64..180,
        rows in 1_u16..6,
    ) {
        let market = &play(&steps, is_honest);
        let set = &market.stage.set;
        let canonical = set.canonical();
        let mut register = Register::new();
        let query = register.query(set, &market.ledger);
        let dates = Dates { from: millis(from), until: millis(from + length) };
        let mut naive: Vec<(Timestamp, RecordId, Label)> = canonical
            .slots()
            .filter(|&slot| market.ledger.verdict(slot).is_valid())
            .map(|slot| {
                let id = set.record(slot).id();
                (query.entry(&id).unwrap().date, id, canonical.label(slot))
            })
            .filter(|(date, ..)| (dates.from..=dates.until).contains(date))
            .collect();
        naive.sort_unstable();
        let row = |row: Listed| (row.date, row.record, row.label);
        let rows_of = |order| -> Vec<_> {
            by_date(&query, dates, order, rows).into_iter().map(row).collect()
        };
        prop_assert_eq!(&rows_of(Order::OldestFirst), &naive);
        naive.reverse();
        prop_assert_eq!(&rows_of(Order::NewestFirst), &naive);
    }

    #[test]
    fn answers_depend_on_the_set_and_not_on_its_arrival(
        steps in steps(),
        salt in any::<u64>(),
    ) {
        let world = World::play(&steps);
        let market = &world.market;
        let (set, ledger) = world.replica(world.shuffled(salt, |_| true));
        let (mut here, mut there) = (Register::new(), Register::new());
        let here = here.query(&market.stage.set, &market.ledger);
        let there = there.query(&set, &ledger);
        for chain in accounts(market) {
            let order = Order::NewestFirst;
            prop_assert_eq!(lines(&here, chain, order, 9), lines(&there, chain, order, 4));
        }
        let order = Order::OldestFirst;
        prop_assert_eq!(
            by_date(&here, Dates::ALL, order, 9),
            by_date(&there, Dates::ALL, order, 4)
        );
        let asserted = |query: &Query<'_>, rows| {
            all(rows, |after, size| query.assertions(order, after, size))
        };
        prop_assert_eq!(asserted(&here, 9), asserted(&there, 2));
        for which in [Disputes::All, Disputes::Open, Disputes::Ended] {
            let disputed = |query: &Query<'_>, rows| {
                all(rows, |after, size| query.disputes(which, order, after, size))
            };
            prop_assert_eq!(disputed(&here, 9), disputed(&there, 2));
        }
        let (mine, theirs) = (here.trial_balance(), there.trial_balance());
        prop_assert_eq!(mine.digest(), theirs.digest());
        prop_assert_eq!(mine.labels(), theirs.labels());
        prop_assert_eq!(here.snapshot(), there.snapshot());
    }

    /// The same steps give the same set, so one register can follow them all.
    #[test]
    fn register_that_grew_is_the_one_that_is_built_anew(steps in steps()) {
        let mut grown = Register::new();
        for end in (0..=steps.len()).step_by(15) {
            let world = World::play(&steps[..end]);
            let market = &world.market;
            let query = grown.query(&market.stage.set, &market.ledger);
            let unit = *market.ledger.unit();
            let (ledger, anew) = Register::with_ledger(&market.stage.set, unit);
            let anew = anew.view(&market.stage.set, &ledger);
            for chain in accounts(market) {
                let order = Order::OldestFirst;
                prop_assert_eq!(lines(&query, chain, order, 9), lines(&anew, chain, order, 9));
            }
            let all = (Dates::ALL, Order::OldestFirst);
            prop_assert_eq!(
                by_date(&query, all.0, all.1, 9),
                by_date(&anew, all.0, all.1, 9)
            );
        }
    }

    #[test]
    fn trial_balance_of_any_part_of_a_history_is_zero(
        steps in steps(),
        salt in any::<u64>(),
        share in 1..=u8::MAX,
    ) {
        let world = World::play(&steps);
        let (set, ledger) = world.replica(world.shuffled(salt, |lot| lot <= share));
        let mut register = Register::new();
        let query = register.query(&set, &ledger);
        let balance = query.trial_balance();
        prop_assert_eq!(balance.sum(), 0);
        let in_transit = i128::try_from(balance.in_transit()).unwrap();
        prop_assert_eq!(balance.posted() + balance.contested() + in_transit, 0);
        prop_assert!(balance.needs_upgrade().is_none());
    }

    /// What was known stays known, whatever is dated back or forks later.
    #[test]
    fn position_as_known_then_is_the_one_that_was_shown_then(
        steps in steps(),
        cut in 0_usize..60,
    ) {
        let early = World::play(&steps[..cut.min(steps.len())]);
        let shown: Vec<Position> = {
            let market = &early.market;
            let positions = accounts(market).iter();
            positions.map(|chain| market.ledger.positions(&market.stage.set, chain).posted).collect()
        };
        let snapshot = {
            let mut register = Register::new();
            register.query(&early.market.stage.set, &early.market.ledger).snapshot()
        };
        let kept = Snapshot::new(snapshot.digest(), snapshot.tips());
        prop_assert_eq!(&kept, &snapshot);
        let late = World::play(&steps);
        let mut register = Register::new();
        let query = register.query(&late.market.stage.set, &late.market.ledger);
        for (chain, shown) in accounts(&late.market).iter().zip(shown) {
            let known = query.position_as_known(chain, &kept).unwrap();
            prop_assert_eq!(known.position, shown);
        }
    }
}

/// Two members who paid each other `count` times, one leg each.
fn busy(count: u64) -> Market {
    let mut market = Market::new(2);
    for number in 0..count {
        let (payer, payee) = (market.chains[0], market.chains[1]);
        market.stage.set_time(number);
        let paid = market.pay(payer, payee, 1);
        market.ack(payee, &[leg(paid, 0)]);
        let back = market.pay(payee, payer, 1);
        market.ack(payer, &[leg(back, 0)]);
    }
    market
}

#[test]
fn pages_meet_each_row_once_while_others_are_appended() {
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let mut market = busy(7);
        let chain = market.chains[0];
        let mut register = Register::new();
        let query = register.query(&market.stage.set, &market.ledger);
        let before = lines(&query, &chain, order, 50);
        let before: BTreeSet<_> = before.iter().map(Line::cursor).collect();
        let entries = by_date(&query, Dates::ALL, order, 50);
        let entries: BTreeSet<_> = entries.iter().map(|row| row.record).collect();
        let (mut met, mut dated) = (Vec::new(), Vec::new());
        let (mut after, mut after_date) = (None, None);
        for turn in 0..8 {
            let query = register.query(&market.stage.set, &market.ledger);
            if turn == 0 || after.is_some() {
                let page = query.lines(&chain, order, after, size(3)).unwrap();
                met.extend(page.rows.iter().map(Line::cursor));
                after = page.next;
            }
            if turn == 0 || after_date.is_some() {
                let page = query.by_date(Dates::ALL, order, after_date, size(5));
                dated.extend(page.rows.iter().map(|row| row.record));
                after_date = page.next;
            }
            let other = market.chains[1];
            market.stage.set_time(3);
            market.pay(other, chain, 1);
            market.pay(chain, other, 1);
        }
        let unique: BTreeSet<_> = met.iter().copied().collect();
        assert_eq!(unique.len(), met.len(), "a line came twice");
        assert!(before.is_subset(&unique), "a line was skipped");
        let unique: BTreeSet<_> = dated.iter().copied().collect();
        assert_eq!(unique.len(), dated.len(), "an entry came twice");
        assert_eq!((before.len(), entries.len()), (14, 28));
        assert!(entries.is_subset(&unique), "an entry was skipped");
    }
}

#[test]
fn cursor_survives_as_text_and_as_bytes() {
    let market = busy(3);
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    let page = query
        .lines(&market.chains[0], Order::NewestFirst, None, size(2))
        .unwrap();
    let next = page.next.unwrap();
    assert_eq!(next.to_string().parse::<Cursor>(), Ok(next));
    let bytes = icn_types::canon::to_bytes(&next);
    assert_eq!(icn_types::canon::from_bytes::<Cursor>(&bytes), Ok(next));
    for (text, code) in [
        ("0g", "cursor.text"),
        ("0", "cursor.text"),
        ("00", "cursor.bytes"),
    ] {
        assert_eq!(text.parse::<Cursor>().unwrap_err().code(), code);
    }
    let upper = next.to_string().to_uppercase();
    assert_eq!(upper.parse::<Cursor>(), Err(CursorError::Text));
}

#[test]
fn cursor_of_another_listing_is_refused() {
    let market = busy(3);
    let (one, other) = (market.chains[0], market.chains[1]);
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    let page = query
        .lines(&one, Order::OldestFirst, None, size(4))
        .unwrap();
    let (by_seq, by_date) = (page.rows[3].cursor(), page.rows[3].date_cursor());
    let elsewhere = CursorError::Elsewhere;
    let ask = |chain, cursor| query.lines(chain, Order::OldestFirst, Some(cursor), size(4));
    assert_eq!(ask(&other, by_seq).unwrap_err(), elsewhere);
    assert_eq!(ask(&one, by_date).unwrap_err(), elsewhere);
    let ask = |cursor| query.statement_by_date(&one, Dates::ALL, Some(cursor), size(4));
    assert_eq!(ask(by_seq).unwrap_err(), elsewhere);
    assert!(ask(by_date).is_ok());
    assert_eq!(elsewhere.code(), "cursor.elsewhere");
}

#[test]
fn cursor_whose_row_a_fork_took_away_says_so() {
    let mut market = busy(2);
    let (one, other) = (market.chains[0], market.chains[1]);
    let before = market.tip(one);
    market.pay(one, other, 1);
    let mut register = Register::new();
    let newest = {
        let query = register.query(&market.stage.set, &market.ledger);
        let page = query
            .lines(&one, Order::NewestFirst, None, size(1))
            .unwrap();
        page.next.unwrap()
    };
    market.pay_after(one, before, other, 2);
    let query = register.query(&market.stage.set, &market.ledger);
    let asked = query.lines(&one, Order::NewestFirst, Some(newest), size(1));
    assert_eq!(asked.unwrap_err(), CursorError::Moved);
    assert_eq!(CursorError::Moved.code(), "cursor.moved");
}

#[test]
fn lines_tell_both_sides_and_what_they_rest_on() {
    let mut market = Market::new(3);
    let [alice, bob, carol] = [0, 1, 2].map(|number| market.chains[number]);
    let paid = market.post_two(bob, (alice, 10), (carol, 4));
    let taken = market.ack(alice, &[leg(paid, 0)]);
    let back = market.refuse(carol, &[leg(paid, 1)]);
    market.ack(bob, &[leg(back, 0)]);
    market.seal(bob);
    market.seal(alice);
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    let told = |chain| -> Vec<_> {
        lines(&query, &chain, Order::OldestFirst, 10)
            .into_iter()
            .map(|line| {
                let side = (line.movement, line.counterparty, line.amount.get());
                (side, line.position.get(), line.finality)
            })
            .collect()
    };
    assert_eq!(
        told(bob),
        [
            ((Movement::Paid, alice, 10), -10, Finality::Sealed),
            ((Movement::Paid, carol, 4), -14, Finality::Acknowledged),
            ((Movement::Regained, carol, 4), -10, Finality::Acknowledged),
        ]
    );
    assert_eq!(
        told(alice),
        [((Movement::Received, bob, 10), 10, Finality::Sealed)]
    );
    assert_eq!(
        told(carol),
        [((Movement::Refused, bob, 4), 0, Finality::Acknowledged)]
    );
    assert_eq!(query.entry(&taken).unwrap().finality, Finality::Sealed);
    assert_eq!(query.entry(&paid).unwrap().finality, Finality::Acknowledged);
}

#[test]
fn position_is_sealed_when_its_record_is() {
    let mut market = busy(2);
    let chain = market.chains[0];
    market.seal(chain);
    market.pay(chain, market.chains[1], 1);
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    let finality = |seq| query.position_at(&chain, seq).unwrap().finality;
    assert_eq!(
        (finality(3), finality(4)),
        (Finality::Sealed, Finality::Local)
    );
    assert!(query.position_at(&chain, 5).is_none());
    let statement = |last| query.statement(&chain, 0, last, None, size(9)).unwrap();
    assert_eq!(statement(3).finality, Finality::Sealed);
    assert_eq!(statement(4).finality, Finality::Local);
}

#[test]
fn entries_are_found_by_cause_and_by_key() {
    let mut market = Market::new(2);
    let (payer, payee) = (market.chains[0], market.chains[1]);
    let cause = RecordId::from_bytes([9; 32]);
    let mut ids = Vec::new();
    for number in 0..5 {
        let mut request = market.request(&[(payee, 2)]);
        request.cause = (number != 2).then_some(cause);
        request.effective = Some(millis(10 - number));
        let Ok(Authorized::Draft(draft)) = market.authorize(payer, &request) else {
            panic!("a payment within the limit");
        };
        let id = market.submit(draft);
        ids.push((id, request.key, number));
    }
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    let found = all(2, |after, size| {
        query.by_cause(cause, Order::OldestFirst, after, size)
    });
    let found: Vec<RecordId> = found.iter().map(|row| row.record).collect();
    assert_eq!(found, [ids[4].0, ids[3].0, ids[1].0, ids[0].0]);
    let found = all(3, |after, size| {
        query.by_cause(cause, Order::NewestFirst, after, size)
    });
    assert_eq!(found.len(), 4);
    assert!(found.iter().all(|row| row.cause == Some(cause)));
    for (id, key, _) in ids {
        assert_eq!(query.by_key(&payer, &key).unwrap().record, id);
        assert!(query.by_key(&payee, &key).is_none());
    }
}

#[test]
fn date_that_is_stated_wins_over_the_claimed_one() {
    let mut market = Market::new(2);
    let (payer, payee) = (market.chains[0], market.chains[1]);
    market.stage.set_time(500);
    let mut payment = market.payment(&[(payee, 3)]);
    payment.effective = Some(millis(100));
    let dated = market.post(payer, &[], &payment);
    let plain = market.pay(payer, payee, 4);
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    let stated = |id| query.entry(&id).unwrap().stated.as_millis();
    assert_eq!((stated(dated), stated(plain)), (100, 500));
    let on = |date| query.position_on(&payer, millis(date)).position.get();
    assert_eq!([on(99), on(100), on(499), on(500)], [0, -3, -3, -7]);
}

#[test]
fn statement_that_was_changed_does_not_add_up() {
    let market = busy(2);
    let chain = market.chains[0];
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    let whole = query.statement(&chain, 0, 9, None, size(9)).unwrap();
    let mut wrong = whole.clone();
    wrong.lines[1].amount = amount(2);
    assert_eq!(wrong.check().unwrap_err().lines, 2);
    let mut wrong = whole.clone();
    wrong.closing = Position::new(1);
    let imbalance = wrong.check().unwrap_err();
    assert_eq!((imbalance.stated, imbalance.expected), (1, 0));
    assert_eq!(imbalance.code(), "statement.balance");
    let mut wrong = whole;
    wrong.lines.clear();
    wrong.closing = Position::new(1);
    assert!(wrong.check().is_err(), "nothing moved");
}

#[test]
fn pages_of_incoming_legs_name_each_once_while_some_are_taken() {
    let mut market = Market::new(3);
    let [one, other, payee] = [0, 1, 2].map(|number| market.chains[number]);
    for _ in 0..4 {
        market.post_two(one, (payee, 1), (other, 1));
        market.pay(other, payee, 2);
    }
    let before = market.ledger.columns(&market.stage.set);
    let before: Vec<LegId> = before.incoming(payee).map(|(leg, _)| leg).collect();
    let mut register = Register::new();
    let (mut met, mut after) = (Vec::new(), None);
    loop {
        let query = register.query(&market.stage.set, &market.ledger);
        let page = query.incoming(&payee, after, size(3));
        met.extend(page.rows.iter().map(|row| row.leg));
        after = page.next;
        if after.is_none() {
            break;
        }
        let last = *met.last().unwrap();
        market.ack(payee, &[last]);
    }
    assert_eq!(met, before);
    assert_eq!(met.len(), 8);
}

#[test]
fn sizes_of_pages_are_bounded() {
    assert!(PageSize::new(0).is_none());
    assert!(PageSize::new(PageSize::MAX + 1).is_none());
    assert_eq!(size(PageSize::MAX).get(), 500);
}

#[test]
fn entry_that_nobody_knows_is_not_found() {
    let market = busy(1);
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    assert!(query.entry(&RecordId::from_bytes([3; 32])).is_none());
    assert!(
        query
            .position_after(&RecordId::from_bytes([3; 32]))
            .is_none()
    );
    let open = market.stage.open_of(&market.chains[0]);
    assert!(query.entry(&open).is_none(), "an Open is no entry");
}
