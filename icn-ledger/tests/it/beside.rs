//! Records beside the spines: whoever holds a key may write any number of
//! them. One that is canonical counts; the others cost no recount.

use icn_ledger::entry::{NOTE, PAYMENT};
use icn_ledger::ledger::Refreshed;
use icn_ledger::query::{PageSize, Quarantined, Query, Register};
use icn_ledger::{Ledger, Note};
use icn_types::authority::{Act, DecisionTerms, Finality, Opening, ProposalId, Tip};
use icn_types::canon::{List, Raw};
use icn_types::hash::sha256;
use icn_types::id::{ChainId, RecordId};
use icn_types::record::{Kind, Record};
use icn_types::set::{RecordSet, Slot};
use icn_types::sign::Signed;
use proptest::prelude::*;

use crate::columns::{World, cases, steps};
use crate::market::{Market, leg};
use crate::snapshots::kept_back;

/// How many records a hostile writer adds.
const HOSTILE: u64 = 256;

fn quarantine(query: &Query<'_>) -> Vec<Quarantined> {
    query.quarantine(None, PageSize::new(500).unwrap()).rows
}

fn evidence(query: &Query<'_>) -> Vec<(RecordId, RecordId)> {
    let proofs = query.evidence();
    proofs.iter().map(|proof| proof.ids()).collect()
}

fn without_content(record: &Signed<Record>) -> Signed<Record> {
    Record::bare(record.header().clone(), *record.signature())
        .verify(&record.key().prepare())
        .unwrap()
}

/// A replica that hears of records now and then, and counts now and then.
struct Replica {
    set: RecordSet,
    ledger: Ledger,
    register: Register,
    /// Stored, and the ledger was not told.
    untold: Vec<Slot>,
    chance: [u8; 32],
    /// How often columns were compared that nobody had counted anew.
    maintained: usize,
}

impl Replica {
    fn new(market: &Market, salt: u64) -> Self {
        let domain = market.stage.domain();
        Self {
            set: RecordSet::new(domain),
            ledger: Ledger::new(domain, market.unit),
            register: Register::new(),
            untold: Vec::new(),
            chance: sha256(&salt.to_be_bytes()),
            maintained: 0,
        }
    }

    fn one_in(&mut self, times: u8) -> bool {
        self.chance = sha256(&self.chance);
        self.chance[0].is_multiple_of(times)
    }

    /// Adds records until nothing more goes in, some first without content.
    fn hear(&mut self, mut left: Vec<&Signed<Record>>) {
        let mut is_new = true;
        while is_new {
            is_new = false;
            left.retain(|record| {
                let is_bare = record.kind() != Kind::CHARTER
                    && self.set.find(&record.id()).is_none()
                    && self.one_in(4);
                let copy = if is_bare {
                    without_content(record)
                } else {
                    (*record).clone()
                };
                let Ok(added) = self.set.insert(copy) else {
                    is_new |= is_bare;
                    return true;
                };
                is_new = true;
                self.untold.push(added.slot());
                if !self.one_in(4) {
                    self.tell();
                }
                is_bare
            });
        }
        self.tell();
    }

    /// What is maintained is what a ledger and a register say that are new.
    fn tell(&mut self) {
        for slot in std::mem::take(&mut self.untold) {
            self.ledger.update(&self.set, slot);
        }
        if self.one_in(3) {
            self.register.update(&self.set, &self.ledger);
        }
        if !self.one_in(4) {
            let refreshed = self.ledger.refresh(&self.set);
            self.maintained += usize::from(refreshed == Refreshed::Nothing);
        }
        let asks = self.one_in(3);
        let (set, ledger) = (&self.set, &self.ledger);
        assert_eq!(*ledger.columns(set), ledger.recount(set));
        if !asks {
            return;
        }
        let (fresh, mut register) = Register::with_ledger(set, *ledger.unit());
        assert_eq!(ledger.label_digest(set), fresh.label_digest(set));
        let (grown, new) = (
            self.register.query(set, ledger),
            register.query(set, &fresh),
        );
        assert_eq!(quarantine(&grown), quarantine(&new));
        assert_eq!(evidence(&grown), evidence(&new));
    }
}

proptest! {
    #![proptest_config(cases())]

    /// Checked inside, after every record, in whatever order forks, Seals, a
    /// Recall, contents and what names a branch come.
    #[test]
    fn columns_and_registers_that_are_kept_up_are_those_that_are_built_anew(
        steps in steps(),
        recall in any::<u8>(),
        salt in any::<u64>(),
    ) {
        let mut world = World::play(&steps);
        if recall.is_multiple_of(4) {
            world.recall(recall / 4);
        }
        let mut replica = Replica::new(&world.market, salt);
        replica.hear(world.shuffled(salt, |_| true));
        let market = &world.market;
        prop_assert_eq!(replica.set.len(), market.stage.set.len());
        let (topic, whole) = (market.ledger.topic(), &market.stage.set);
        prop_assert_eq!(replica.ledger.label_digest(&replica.set), market.ledger.label_digest(whole));
        prop_assert_eq!(replica.set.canonical().digest(topic), whole.canonical().digest(topic));
        prop_assert!(replica.maintained > 0);
    }
}

/// Two accounts. The first has three records, two of them under a Seal.
fn sealed() -> (Market, ChainId, ChainId) {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.pay(a, b, 10);
    market.pay(a, b, 1);
    market.seal(a);
    market.pay(a, b, 2);
    market.ack(b, &[leg(payment, 0)]);
    (market, a, b)
}

fn at(market: &Market, chain: ChainId, seq: u64) -> Option<Tip> {
    let slot = market.stage.set.spine(&chain)[usize::try_from(seq).unwrap()];
    let head = market.stage.set.record(slot).id();
    Some(Tip { seq, head })
}

/// One of many different payments after one place, of which the ledger does not
/// hear yet.
fn branch(market: &mut Market, (payer, payee): (ChainId, ChainId), prev: Option<Tip>) -> Tip {
    let payment = market.payment(&[(payee, 1)]);
    let stage = &mut market.stage;
    let head = stage.write_after(&payer, prev, PAYMENT, &[], &payment);
    Tip {
        seq: prev.map_or(0, |tip| tip.seq + 1),
        head,
    }
}

#[test]
fn forks_below_a_seal_count_nothing_anew() {
    let (mut market, a, b) = sealed();
    for prev in [None, at(&market, a, 0)] {
        for _ in 0..HOSTILE {
            branch(&mut market, (a, b), prev);
        }
    }
    assert_eq!(market.recounts(), 0);
    assert!(market.stage.set.fork(&a).is_none());
    let top = at(&market, a, 1);
    branch(&mut market, (a, b), top);
    assert_eq!(market.recounts(), 1, "above the Seal it is a fork");
}

#[test]
fn records_on_a_branch_that_does_not_count_count_nothing_anew() {
    let (mut market, a, b) = sealed();
    let mut dead = branch(&mut market, (a, b), None);
    let top = at(&market, a, 1);
    let mut contested = branch(&mut market, (a, b), top);
    market.feed();
    assert!(market.stage.set.fork(&a).is_some());
    for _ in 0..HOSTILE / 2 {
        dead = branch(&mut market, (a, b), Some(dead));
        contested = branch(&mut market, (a, b), Some(contested));
    }
    assert_eq!(market.recounts(), 0);
}

#[test]
fn records_after_an_epoch_that_is_sealed_for_good_count_nothing_anew() {
    let (mut market, a, b) = sealed();
    let tip = market.tip(a);
    market.stage.seal_at(&a, tip, Finality::Final);
    market.feed();
    let mut last = tip.unwrap();
    for _ in 0..HOSTILE / 2 {
        branch(&mut market, (a, b), tip);
        last = branch(&mut market, (a, b), Some(last));
    }
    assert_eq!(market.recounts(), 0);
    assert!(market.stage.set.fork(&a).is_none());
}

#[test]
fn siblings_of_an_open_fork_count_anew_only_where_its_pair_is_another() {
    let (mut market, a, b) = sealed();
    let pair = |market: &Market| market.stage.set.fork(&a);
    let prev = at(&market, a, 1);
    branch(&mut market, (a, b), prev);
    assert_eq!(market.recounts(), 1);
    let (mut counted, mut moved) = (0, 0);
    for _ in 0..HOSTILE {
        let before = pair(&market);
        branch(&mut market, (a, b), prev);
        let is_moved = pair(&market) != before;
        let recounts = market.recounts();
        assert_eq!(recounts, usize::from(is_moved));
        counted += recounts;
        moved += usize::from(is_moved);
    }
    assert_eq!(counted, moved);
    assert!(
        0 < moved && moved < 64,
        "{moved} ids are lower than two others"
    );
}

fn send(market: &mut Market, record: Signed<Record>) {
    market.stage.set.insert(record.clone()).unwrap();
    market.stage.records.push(record);
}

#[test]
fn records_that_only_one_beside_a_spine_awaits_count_nothing_anew() {
    let (mut market, a, b) = sealed();
    let mut names = branch(&mut market, (a, b), None);
    for _ in 0..HOSTILE / 2 {
        let named = kept_back(&mut market, |market| branch(market, (a, b), None).head);
        let (refs, stage) = ([named.id()], &mut market.stage);
        let head = stage.write_after(&a, Some(names), NOTE, &refs, &Note::default());
        names = Tip {
            seq: names.seq + 1,
            head,
        };
        assert_eq!(market.recounts(), 0);
        send(&mut market, named);
        assert_eq!(market.recounts(), 0);
    }
}

/// A branch of the second below its Seal, which took a payment of the first. Its next
/// record is kept back; the last record waits for it, and for one that nobody has.
pub(crate) fn awaited_branch() -> (Market, [ChainId; 2], Signed<Record>, RecordId) {
    let mut market = Market::new(2);
    let (a, b) = (market.chains[0], market.chains[1]);
    let payment = market.pay(a, b, 10);
    market.note(b, &[]);
    market.seal(b);
    let dead = market.ack_after(b, None, &[leg(payment, 0)]);
    assert_eq!(market.verdict(&dead), "valid");
    let late = kept_back(&mut market, |market| {
        let prev = Some(Tip { seq: 0, head: dead });
        let stage = &mut market.stage;
        stage.write_after(&b, prev, NOTE, &[], &Note::default())
    });
    let mut refs = [late.id(), RecordId::from_bytes([7; 32])];
    refs.sort_unstable();
    let waiting = market.note(a, &refs);
    (market, [a, b], late, waiting)
}

#[test]
fn record_that_a_waiting_one_awaits_counts_with_its_branch_once_it_comes() {
    let (mut market, [a, b], late, waiting) = awaited_branch();
    assert_eq!(market.column(a).outgoing, 10, "nobody needs the branch");
    send(&mut market, late);
    assert_eq!(market.recounts(), 1);
    assert_eq!(market.verdict(&waiting), "waiting");
    assert_eq!(market.column(a).outgoing, 0);
    assert_eq!(market.column(b).contested, 10);
}

#[test]
fn naming_a_branch_counts_anew_and_naming_it_again_does_not() {
    let (mut market, a, b) = sealed();
    let dead = branch(&mut market, (a, b), None).head;
    assert_eq!(market.recounts(), 0);
    for recounts in [1, 0, 0] {
        market.stage.write(&b, NOTE, &[dead], &Note::default());
        assert_eq!(market.recounts(), recounts);
    }
    let taken = leg(dead, 0);
    market.ack(b, &[taken]);
    let column = market.column(a);
    assert_eq!((column.contested, column.charged), (-1, 1));
}

#[test]
fn fork_in_another_topic_counts_nothing_anew() {
    let (mut market, ..) = sealed();
    let governance = market.stage.governance();
    let member = market.stage.open_member(0, &governance, None);
    let proposal = Kind::new(32);
    for number in 0..3_u64 {
        let stage = &mut market.stage;
        stage.write_after(&member, None, proposal, &[], &number);
    }
    assert_eq!(market.recounts(), 0);
    let set = &market.stage.set;
    assert!(set.fork(&member).is_some());
    assert_ne!(set.bends(), set.bends_in(&market.ledger.topic()));
}

#[test]
fn opening_that_names_an_entry_makes_no_branch_count() {
    let (mut market, a, b) = sealed();
    let dead = branch(&mut market, (a, b), None).head;
    assert_eq!(market.recounts(), 0);
    let opening = Opening {
        proposal: ProposalId::from_bytes([1; 32]),
        record: dead,
        actions: List::empty(),
        rule: Raw::of(&0_u64),
        roll: market.stage.set.office().unwrap().roll_digest(),
        terms: DecisionTerms {
            tellers: List::new([b]).unwrap(),
            needed: 1,
            period: 100,
            timelock: 500,
        },
    };
    let opening = market.stage.act(&Act::Opening(opening), &[]);
    assert_eq!(market.recounts(), 0);
    let set = &market.stage.set;
    assert!(set.verdict(set.find(&opening).unwrap()).is_valid());
    assert!(!set.canonical().contains(set.find(&dead).unwrap()));
}
