//! Snapshots of a ledger with forks: what is read back at whatever moment goes
//! on as if it had never been away.

use icn_ledger::entry::{NOTE, PAYMENT};
use icn_ledger::query::{PageSize, Register};
use icn_ledger::{Ledger, Note};
use icn_types::authority::Tip;
use icn_types::id::{ChainId, RecordId};
use icn_types::record::Record;
use icn_types::set::RecordSet;
use icn_types::sign::Signed;
use proptest::prelude::*;

use crate::beside::awaited_branch;
use crate::market::{Market, leg};
use crate::snapshots::{Asked, Away, again, assert_same, kept_back, wishes};

const fn tip_at(seq: u64, head: RecordId) -> Option<Tip> {
    Some(Tip { seq, head })
}

/// Hears of a market's records again. After each of them a ledger is read back,
/// and all that were go on together with the one that never was.
fn goes_on_wherever_it_is_read_back(market: &Market) {
    let domain = market.stage.domain();
    let mut set = RecordSet::new(domain);
    let mut whole = Ledger::new(domain, market.unit);
    let mut restored: Vec<Ledger> = Vec::new();
    for record in &market.stage.records {
        let slot = set.insert(record.clone()).unwrap().slot();
        let events = whole.update(&set, slot);
        let refreshed = whole.refresh(&set);
        for ledger in &mut restored {
            assert_eq!(ledger.update(&set, slot), events);
            assert_eq!(ledger.refresh(&set), refreshed);
            assert_same(&whole, ledger, &set);
        }
        restored.push(again(&whole, &set, market.unit).unwrap());
    }
    assert_eq!(whole.label_digest(&set), market_digest(market));
}

fn market_digest(market: &Market) -> icn_types::id::Digest {
    market.ledger.label_digest(&market.stage.set)
}

fn send(market: &mut Market, record: Signed<Record>) {
    market.stage.set.insert(record.clone()).unwrap();
    market.stage.records.push(record);
    market.feed();
}

/// Three accounts, of which the first paid the second on two branches.
fn forked() -> (Market, [ChainId; 3], [RecordId; 2]) {
    let mut market = Market::new(3);
    let [a, b, c] = *market.chains.clone() else {
        panic!("three accounts");
    };
    let first = market.pay(a, c, 3);
    market.ack(c, &[leg(first, 0)]);
    let prev = market.tip(a);
    let branches = [10, 20].map(|atoms| market.pay_after(a, prev, b, atoms));
    assert!(market.stage.set.fork(&a).is_some());
    (market, [a, b, c], branches)
}

#[test]
fn open_fork_goes_on_after_it_is_read_back() {
    let (mut market, [a, b, c], [one, other]) = forked();
    market.pay_after(a, tip_at(1, one), c, 1);
    market.pay_after(a, tip_at(1, other), c, 1);
    market.pay(b, c, 4);
    market.ack_all(c);
    let prev = market.stage.set.spine(&a)[0];
    let prev = tip_at(0, market.stage.set.id(prev));
    market.pay_after(a, prev, c, 2);
    market.pay(c, a, 2);
    goes_on_wherever_it_is_read_back(&market);
}

#[test]
fn fork_that_a_seal_settles_goes_on_after_it_is_read_back() {
    for honoured in [None, Some(0), Some(1)] {
        let (mut market, [a, b, c], branches) = forked();
        let head = honoured.map(|at: usize| branches[at]);
        let prev = market.stage.set.spine(&a)[0];
        let prev = tip_at(0, market.stage.set.id(prev));
        let late = kept_back(&mut market, |market| {
            let payment = market.payment(&[(c, 7)]);
            let at = tip_at(1, branches[0]);
            market.stage.write_after(&a, at, PAYMENT, &[], &payment);
        });
        market.reopen(a, head.map_or(prev, |head| tip_at(1, head)), 0);
        send(&mut market, late);
        market.pay(a, b, 5);
        market.ack_all(b);
        market.pay(b, a, 6);
        market.ack_all(a);
        let taken = market.column(b).posted;
        assert_eq!(taken, [5, 15, 25][honoured.map_or(0, |at| at + 1)] - 6);
        goes_on_wherever_it_is_read_back(&market);
    }
}

#[test]
fn records_below_a_seal_go_on_after_they_are_read_back() {
    let (mut market, [a, b, c], [one, _]) = forked();
    market.reopen(a, tip_at(1, one), 0);
    market.pay(a, b, 1);
    market.seal(c);
    let mut dead = None;
    for seq in 0..3 {
        let id = market.pay_after(c, dead, b, 2);
        dead = tip_at(seq, id);
    }
    // Somebody names the branch, so that it counts, and takes from it.
    let named = market.stage.set.find(&dead.unwrap().head).unwrap();
    let named = market.stage.set.id(named);
    market.note(b, &[named]);
    market.note(b, &[named]);
    market.ack(b, &[leg(named, 0)]);
    assert_eq!(market.column(c).charged, 2);
    market.pay(b, c, 1);
    goes_on_wherever_it_is_read_back(&market);
}

#[test]
fn contested_payment_is_charged_after_it_is_read_back() {
    let (mut market, [a, b, c], [one, other]) = forked();
    market.ack(b, &[leg(one, 0)]);
    let column = market.column(a);
    assert_eq!((column.contested, column.charged), (-10, 10));
    market.pay(c, b, 1);
    let prev = market.stage.set.spine(&a)[0];
    market.reopen(a, tip_at(0, market.stage.set.id(prev)), 10);
    market.ack(b, &[leg(other, 0)]);
    market.pay(a, b, 2);
    market.ack_all(b);
    assert_eq!(market.column(a).charged, 30);
    goes_on_wherever_it_is_read_back(&market);
}

#[test]
fn contested_holds_and_resolves_go_on_after_they_are_read_back() {
    let mut market = Market::new(3);
    let [a, b, z] = *market.chains.clone() else {
        panic!("three accounts");
    };
    let hold = market.hold(a, (b, 30), z);
    let forks = [5, 6].map(|atoms| market.hold_after(a, tip_at(0, hold), (b, atoms), z));
    market.resolve(z, &[(forks[0], 5)]);
    market.ack_all(b);
    let prev = market.tip(z);
    let resolves = [30, 0].map(|atoms| market.resolve_after(z, prev, &[(hold, atoms)]));
    market.ack(b, &[leg(resolves[0], 0)]);
    assert_eq!(market.column(z).charged, 30);
    assert_eq!(market.column(a).held, 30);
    market.reopen(z, prev, 30);
    market.reopen(a, tip_at(0, hold), 0);
    market.resolve(z, &[(hold, 10)]);
    market.ack_all(a);
    assert_eq!(market.column(a).held, 0);
    goes_on_wherever_it_is_read_back(&market);
}

#[test]
fn record_that_is_awaited_makes_its_branch_count_after_it_is_read_back() {
    let (mut market, [a, b], late, _) = awaited_branch();
    market.pay(b, a, 1);
    assert_eq!(market.column(b).contested, 0);
    send(&mut market, late);
    assert_eq!(market.column(b).contested, 10);
    market.pay(b, a, 1);
    goes_on_wherever_it_is_read_back(&market);
}

#[test]
fn epoch_that_an_invalid_record_ended_is_ended_after_it_is_read_back() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let over = market.pay(a, b, 1000);
    let end = tip_at(0, over);
    let after = |market: &mut Market| {
        kept_back(market, |market| {
            let payment = market.payment(&[(b, 1)]);
            market.stage.write_after(&a, end, PAYMENT, &[], &payment);
        })
    };
    let [first, second, third] = core::array::from_fn(|_| after(&mut market));
    send(&mut market, first.clone());
    market.reopen(a, end, 0);
    send(&mut market, second.clone());
    market.pay(a, b, 2);
    send(&mut market, third.clone());
    let verdict = |record: &Signed<Record>| market.verdict(&record.id());
    assert_eq!([&first, &second, &third].map(verdict), ["invalid.ended"; 3]);
    goes_on_wherever_it_is_read_back(&market);
}

#[test]
fn ledger_whose_labels_nobody_counted_is_not_written_down() {
    let (mut market, [a, b, _], _) = forked();
    let set = market.stage.set.clone();
    assert!(market.ledger.snapshot(&set).is_some());
    let prev = tip_at(0, set.id(set.spine(&a)[0]));
    let payment = market.payment(&[(b, 1)]);
    let stage = &mut market.stage;
    let dead = stage.write_after(&a, prev, PAYMENT, &[], &payment);
    stage.write(&b, NOTE, &[dead], &Note::default());
    let (set, ledger) = (&market.stage.set, &mut market.ledger);
    for slot in set.slots().skip(set.len() - 2) {
        ledger.update(set, slot);
    }
    assert!(ledger.snapshot(set).is_none());
    ledger.refresh(set);
    assert!(ledger.snapshot(set).is_some());
}

#[test]
fn register_goes_on_with_a_ledger_that_is_read_back() {
    let (mut market, [a, b, c], [one, _]) = forked();
    market.reopen(a, tip_at(1, one), 0);
    market.seal(c);
    let dead = [1, 2].map(|atoms| market.pay_after(c, None, b, atoms));
    let mut ledger = market.ledger.clone();
    let mut register = Register::new();
    for count in 1..=2 {
        market.note(b, &[dead[count - 1]]);
        let set = &market.stage.set;
        ledger.update(set, set.slots().last().unwrap());
        ledger.refresh(set);
        let query = register.query(set, &ledger);
        let all = query.quarantine(None, PageSize::new(9).unwrap());
        assert_eq!(all.rows.len(), count);
        ledger = again(&ledger, set, market.unit).unwrap();
    }
}

/// The registrar lets a record stand after all that came after its epoch.
#[test]
fn record_that_the_set_has_straight_beyond_a_snapshot_is_counted() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let first = market.pay(a, b, 1);
    let second = market.pay(a, b, 2);
    market.reopen(a, tip_at(0, first), 0);
    let pages = market.ledger.snapshot(&market.stage.set).unwrap();
    assert_eq!(market.posted(a), -1);
    market.seal_at(a, tip_at(1, second));
    let set = &market.stage.set;
    assert!(set.is_straight());
    let mut restored = Ledger::restore(set, market.unit, &pages).unwrap();
    restored.update(set, set.slots().last().unwrap());
    restored.refresh(set);
    assert_same(&market.ledger, &restored, set);
    assert_eq!(market.posted(a), -3);
}

#[test]
fn fork_that_the_set_has_beyond_a_snapshot_is_counted() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let paid = market.pay(a, b, 5);
    market.ack(b, &[leg(paid, 0)]);
    let straight = market.ledger.snapshot(&market.stage.set).unwrap();
    market.pay_after(a, None, b, 2);
    let forked = market.ledger.snapshot(&market.stage.set).unwrap();
    market.reopen(a, None, 5);
    let (set, unit) = (&market.stage.set, market.unit);
    for (pages, ahead) in [(straight, 3), (forked, 2)] {
        let mut restored = Ledger::restore(set, unit, &pages).unwrap();
        for slot in set.slots().skip(set.len() - ahead) {
            restored.update(set, slot);
        }
        assert_same(&market.ledger, &restored, set);
    }
    assert_eq!(market.column(a).charged, 5);
}

impl Away {
    fn from_market(market: &Market) -> Self {
        Self::of(&market.ledger, &market.stage.set).unwrap()
    }

    /// Hears of what was written since, and reads nothing that is not live.
    fn follow(&mut self, market: &Market) {
        let heard = self.set.len();
        let events = self.hear(&market.stage.records[heard..]);
        assert!(events.is_some(), "read what is not live");
        assert!(self.stands_like(&market.ledger, &market.stage.set));
        assert!(!self.set.missed());
    }
}

/// Four accounts that trade for a while. The first is left with an open fork, the
/// second with a branch that a Seal left behind, the third with a record cut off
/// before its next epoch. Answers with the ends of what does not count.
fn tangled() -> (Market, Vec<(ChainId, Option<Tip>)>) {
    let mut market = Market::new(4);
    let [a, b, c, d] = *market.chains.clone() else {
        panic!("four accounts");
    };
    for (payer, payee) in [(a, b), (b, c), (c, d), (d, a), (a, c), (b, d)] {
        market.pay(payer, payee, 10);
        market.ack_all(payee);
    }
    let mut ends = Vec::new();
    for chain in [a, b] {
        let prev = market.tip(chain);
        let seq = prev.map_or(0, |prev| prev.seq + 1);
        let branches = [1, 2].map(|atoms| market.pay_after(chain, prev, d, atoms));
        ends.push((chain, prev));
        ends.extend(branches.map(|head| (chain, tip_at(seq, head))));
    }
    let (_, honoured) = ends.pop().unwrap();
    market.reopen(b, honoured, 0);
    let cut = market.tip(c);
    market.pay(c, d, 3);
    market.reopen(c, cut, 0);
    market.ack_all(d);
    // Under their old epochs nobody writes after `b` and `c`.
    ends.retain(|(chain, _)| *chain == a);
    (market, ends)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Others go on as ever, who forked once goes on in a next epoch, and the
    /// branches of who forks grow.
    #[test]
    fn ordinary_run_beside_forks_reads_live_records_only(
        wishes in wishes(),
        opened in 0_usize..20,
    ) {
        let (mut market, mut ends) = tangled();
        let mut away = None;
        for (number, wish) in wishes.into_iter().enumerate() {
            if number == opened {
                away = Some(Away::from_market(&market));
            }
            let chain = market.chains[wish.1];
            let asked = Asked::of(&mut market, wish);
            let draft = asked.and_then(|asked| asked.drafted_alike(&market, away.as_ref(), &chain));
            if let Some(draft) = draft {
                market.submit(draft);
            }
            if wish.3 % 4 == 0 && chain != market.chains[0] {
                market.seal(chain);
            }
            if wish.3 % 4 == 1 {
                // No sibling that is one of the pair: that moves labels.
                let at = 1 + wish.2 % (ends.len() - 1);
                let (chain, end) = ends[at];
                let head = market.pay_after(chain, end, market.chains[3], 1);
                ends[at].1 = tip_at(end.map_or(0, |end| end.seq + 1), head);
            }
            if let Some(away) = &mut away {
                away.follow(&market);
            }
        }
        let mut away = away.unwrap();
        for who in 1..4 {
            market.pay(market.chains[who], market.chains[0], 1);
            away.follow(&market);
        }
    }
}

/// Writes payments right after an open fork until one is none of its pair.
fn sibling(market: &mut Market, chain: ChainId, prev: Option<Tip>) {
    loop {
        let other = kept_back(market, |market| {
            let payment = market.payment(&[(market.chains[3], 1)]);
            let stage = &mut market.stage;
            stage.write_after(&chain, prev, PAYMENT, &[], &payment);
        });
        let mut set = market.stage.set.clone();
        set.insert(other.clone()).unwrap();
        if set.fork(&chain) == market.stage.set.fork(&chain) {
            return send(market, other);
        }
    }
}

#[test]
fn more_branches_at_an_open_fork_read_live_records_only() {
    let (mut market, ends) = tangled();
    let (chain, prev) = ends[0];
    let mut away = Away::from_market(&market);
    for _ in 0..4 {
        sibling(&mut market, chain, prev);
        away.follow(&market);
    }
}

#[test]
fn account_before_a_record_that_waits_is_read_back() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    for atoms in [20, 30] {
        market.pay(a, b, atoms);
        market.ack_all(b);
        market.note(a, &[]);
    }
    market.note(a, &[RecordId::from_bytes([7; 32])]);
    let mut away = Away::from_market(&market);
    market.pay(b, a, 1);
    away.follow(&market);
    assert_eq!(market.spendable(a), 50);
}

#[test]
fn cut_that_follows_a_record_reads_live_records_only() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.pay(a, b, 10);
    market.ack_all(b);
    market.pay(a, b, 1);
    market.pay(a, b, 1000);
    market.reopen(a, tip_at(0, payment), 0);
    let mut away = Away::from_market(&market);
    let over = market.pay(a, b, 91);
    assert_eq!(market.verdict(&over), "limit.floor");
    away.follow(&market);
}

/// The account is written down as it stands at the end of few of the branches only.
#[test]
fn snapshot_of_many_branches_is_not_larger_than_the_records() {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    for _ in 0..400 {
        market.pay(a, b, 1);
    }
    let prev = market.tip(a);
    for branch in 0..200 {
        market.pay_after(a, prev, b, 2 + branch);
    }
    let set = &market.stage.set;
    let records = set.slots().map(|slot| set.record(slot).to_bytes().len());
    let pages = market.ledger.snapshot(set).unwrap();
    let (records, pages) = (
        records.sum::<usize>(),
        pages.iter().map(Vec::len).sum::<usize>(),
    );
    assert!(pages < records, "{pages} of {records}");
}
