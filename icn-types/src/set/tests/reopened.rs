//! Sets that are put together from their outlines again and again, in worlds of
//! forks and bare records: equal to the ones that stayed, or they say that they
//! missed a record.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::outline::{Seen, assert_same_parts, bodies, drawn_up, needed, pages};
use super::worlds::{Copies, Dice, stage_of};
use super::*;
use crate::authority::{Close, DecisionTerms, Opening, Outcome, ProposalId};
use crate::canon::Raw;

/// Which records of a set are at hand once it is opened again.
type AtHand = fn(&RecordSet, &BesideParts) -> BTreeSet<Slot>;

/// What every set [needs](needed), and what tells which records beside the spines
/// are canonical: the least.
fn needed_beside(set: &RecordSet, parts: &BesideParts) -> BTreeSet<Slot> {
    let canonical = parts.canonical.iter().map(|(_, slot)| *slot);
    let naming = parts.awaited.iter().map(|(_, slot)| *slot);
    let mut needed = needed(set);
    needed.extend(canonical.chain(naming));
    needed
}

/// The same, as a node has it: with siblings and all votes.
fn kept_by_a_node(set: &RecordSet, parts: &BesideParts) -> BTreeSet<Slot> {
    let votes = Topic::Governance(set.domain()).id();
    let mut kept = needed_beside(set, parts);
    kept.extend(set.all_siblings().flatten());
    kept.extend(set.slots().filter(|slot| set.topic(*slot) == votes));
    kept
}

/// A set that came out of its outline, and what is kept of it beside.
struct Lean {
    set: RecordSet,
    beside: Beside,
    /// What the set knows and `beside` was not told of yet.
    behind: Vec<Slot>,
}

impl Lean {
    /// Opened from what a set and its `Beside` say, with bodies out of `whole`.
    fn of(set: &RecordSet, beside: &mut Beside, whole: &RecordSet, at_hand: AtHand) -> Self {
        let parts = beside.parts(set);
        let bodies = bodies(whole);
        let at_hand = at_hand(set, &parts).into_iter();
        let at_hand = at_hand.map(|slot| (slot.index(), &bodies[slot.index()]));
        let set = drawn_up(set.domain(), &pages(set), at_hand).unwrap();
        let beside = Beside::restored(&set, parts);
        Self {
            set,
            beside,
            behind: Vec::new(),
        }
    }

    fn catch_up(&mut self) {
        for slot in self.behind.drain(..) {
            self.beside.update(&self.set, slot);
        }
    }
}

/// A set that is given records one by one, and one that is opened from its outline
/// now and then. Once that missed a record it is none any more.
struct Pair {
    at_hand: AtHand,
    whole: RecordSet,
    beside: Beside,
    lean: Option<Lean>,
    met: Met,
}

/// What the sets of a pair were and did.
#[derive(Default)]
struct Met {
    compared: usize,
    missed: usize,
    crooked: usize,
    bare: usize,
    awaiting: usize,
    reopened: usize,
}

impl Met {
    fn add(&mut self, other: &Self) {
        self.compared += other.compared;
        self.missed += other.missed;
        self.crooked += other.crooked;
        self.bare += other.bare;
        self.awaiting += other.awaiting;
        self.reopened += other.reopened;
    }
}

impl Pair {
    fn new(domain: DomainId, at_hand: AtHand) -> Self {
        Self {
            at_hand,
            whole: RecordSet::new(domain),
            beside: Beside::new(),
            lean: None,
            met: Met::default(),
        }
    }

    /// Whether the record was added or completed. Beside the lean set nobody hears
    /// of it yet.
    fn insert(&mut self, record: &Signed<Record>) -> bool {
        let added = self.whole.insert(record.clone());
        let news = match &added {
            Ok(Added::New(slot) | Added::Completed(slot)) => Some(*slot),
            _ => None,
        };
        if let Some(slot) = news {
            self.beside.update(&self.whole, slot);
        }
        if let Some(lean) = &mut self.lean {
            let early = lean.set.insert(record.clone());
            lean.behind.extend(news);
            let is_alike = early == added;
            assert!(self.forget_what_missed() || is_alike);
        }
        news.is_some()
    }

    /// Whether the lean set missed a record. What it said is void then.
    fn forget_what_missed(&mut self) -> bool {
        let missed = self.lean.take_if(|lean| lean.set.missed()).is_some();
        self.met.missed += usize::from(missed);
        missed
    }

    fn catch_up(&mut self) {
        if let Some(lean) = &mut self.lean {
            lean.catch_up();
            self.forget_what_missed();
        }
    }

    fn compare(&mut self) {
        let Some(lean) = &mut self.lean else {
            return;
        };
        lean.catch_up();
        let part = lean.beside.canonical(&lean.set);
        if !lean.set.missed() {
            let whole = self.whole.canonical();
            assert!(part.needed().eq(whole.needed()));
            assert_same_parts(&part, &whole);
            assert!(!lean.set.missed());
            self.met.compared += 1;
        }
        self.forget_what_missed();
    }

    fn reopen(&mut self) {
        self.compare();
        let parts = self.beside.parts(&self.whole);
        assert_eq!(Beside::new().parts(&self.whole), parts);
        let lean = match &mut self.lean {
            Some(lean) => {
                assert_eq!(pages(&lean.set), pages(&self.whole));
                assert_eq!(lean.beside.parts(&lean.set), parts);
                Lean::of(&lean.set, &mut lean.beside, &self.whole, self.at_hand)
            }
            None => Lean::of(&self.whole, &mut self.beside, &self.whole, self.at_hand),
        };
        assert!(!lean.set.missed());
        assert_eq!(lean.set.bends(), 0);
        self.met.reopened += 1;
        self.met.crooked += usize::from(!lean.set.is_straight());
        self.met.bare += lean.set.bare().len();
        self.met.awaiting += parts.awaited.len();
        self.lean = Some(lean);
        self.compare();
    }

    /// Takes in copies in any order, again and again until nothing is new, and does
    /// something `after` each that was.
    fn hear(
        &mut self,
        mut queue: Vec<Signed<Record>>,
        dice: &mut Dice,
        mut after: impl FnMut(&mut Self, &mut Dice),
    ) {
        loop {
            dice.shuffle(&mut queue);
            let before = queue.len();
            queue.retain(|record| {
                let is_news = self.insert(record);
                if is_news {
                    after(self, dice);
                }
                !is_news
            });
            if queue.len() == before {
                return;
            }
        }
    }
}

/// The records of a stage, and half of them without their content, too; one of so
/// many never comes with it.
fn most_copies(stage: &Stage, dice: &mut Dice, so_many: usize) -> Vec<Signed<Record>> {
    let mut copies = Vec::new();
    for record in &stage.records {
        let of_one = Copies::of(record);
        if dice.one_in(2) {
            copies.push(of_one.copy(false));
        }
        if !dice.one_in(so_many) {
            copies.push(of_one.copy(true));
        }
    }
    copies
}

#[test]
fn worlds_of_forks_and_bare_records_are_opened_again_and_again() {
    let (mut seen, mut all) = (Seen::default(), Met::default());
    for seed in 0..60 {
        let stage = stage_of(seed);
        let mut dice = Dice(!seed);
        let copies = most_copies(&stage, &mut dice, 40);
        let mut pair = Pair::new(stage.domain(), needed_beside);
        pair.hear(copies, &mut dice, |pair, dice| {
            pair.catch_up();
            if dice.one_in(5) {
                pair.compare();
            } else if dice.one_in(8) {
                pair.reopen();
            }
        });
        pair.reopen();
        seen.add(&pair.whole);
        all.add(&pair.met);
    }
    let Seen {
        recalls, invalid, ..
    } = seen;
    assert!(
        recalls > 5 && invalid > 5,
        "{recalls} recalls, {invalid} invalid"
    );
    let Met {
        missed,
        crooked,
        bare,
        awaiting,
        reopened,
        ..
    } = all;
    assert!(
        missed > 10 && crooked > 100 && bare > 100 && awaiting > 100 && reopened > 200,
        "{reopened} opened, {missed} missed, {crooked} crooked, {bare} bare, {awaiting} awaited"
    );
}

/// One more chain of votes, whose writer forks, and what the registrar decides about
/// records of it: Openings and Closes that name them by value, on forks of their own.
/// Answers whether the stage's registrar is the one in office, who alone does so.
fn with_votes(stage: &mut Stage, dice: &mut Dice) -> bool {
    let set = &stage.set;
    let authority = set.authority();
    let newest = stage.records.iter().rev().find(|r| r.chain() == authority);
    let is_in_office = set.registrar() == Some(stage.registrar().public_key())
        && set.fork(&authority).is_none()
        && spine_ids(set, &authority).last() == newest.map(|r| r.id()).as_ref();
    if !is_in_office {
        return false;
    }
    let key = stage.draw_key();
    let voice = stage.governance().chain(Owner::Shared(77));
    let voice = stage.open(voice, key, None);
    let written = ballots(stage, dice, &voice);
    for number in 0..4 {
        let act = decision(stage, dice, voice, &written, number);
        let acts = stage.set.spine(&authority);
        let is_recall = |slot: &Slot| stage.set.record(*slot).kind() == Kind::RECALL;
        let own = acts.iter().rposition(is_recall).unwrap_or(0);
        let prev = dice.pick(&acts[own.max(acts.len() / 2)..]).unwrap();
        stage.act_after(stage.set.id(prev), &act, &[]);
    }
    true
}

/// Records of one chain, each after any of those before it or at the first place.
fn ballots(stage: &mut Stage, dice: &mut Dice, voice: &ChainId) -> Vec<RecordId> {
    let mut written = Vec::new();
    for body in 0..6_u64 {
        let prev = dice.pick(&written).filter(|_| !dice.one_in(3));
        let prev = prev.map(|head| Tip {
            seq: stage.set.seq(stage.set.find(&head).unwrap()),
            head,
        });
        let refs: Vec<RecordId> = dice.pick(&written).into_iter().collect();
        written.push(stage.write_after(voice, prev, NOTE, &refs, &(900 + body)));
    }
    written
}

fn decision(
    stage: &Stage,
    dice: &mut Dice,
    teller: ChainId,
    written: &[RecordId],
    number: u8,
) -> Act {
    let mut named = || dice.pick(written).unwrap();
    if number % 2 == 1 {
        return Act::Close(Close {
            opening: named(),
            outcome: Outcome::Accepted,
            shuts: List::new([named()]).unwrap(),
            tally: Raw::of(&0_u64),
        });
    }
    Act::Opening(Opening {
        proposal: ProposalId::from_bytes([number; 32]),
        record: named(),
        actions: List::empty(),
        rule: Raw::of(&0_u64),
        roll: stage.set.office().unwrap().roll_digest(),
        terms: DecisionTerms {
            tellers: List::new([teller]).unwrap(),
            needed: 1,
            period: 0,
            timelock: 0,
        },
    })
}

/// As a node that opens tells them of what is behind its snapshot.
#[test]
fn sets_from_outlines_take_in_several_records_at_once_and_votes() {
    let (mut all, mut voted) = (Met::default(), 0);
    for seed in 0..60 {
        let mut stage = stage_of(seed);
        let mut dice = Dice(!seed ^ 77);
        voted += usize::from(with_votes(&mut stage, &mut dice));
        let copies = most_copies(&stage, &mut dice, 30);
        let mut pair = Pair::new(stage.domain(), kept_by_a_node);
        pair.hear(copies, &mut dice, |pair, dice| {
            if dice.one_in(15) {
                pair.reopen();
            } else if dice.one_in(5) {
                pair.compare();
            }
        });
        pair.compare();
        all.add(&pair.met);
    }
    let Met {
        compared,
        missed,
        awaiting,
        ..
    } = all;
    assert!(
        compared > 100 && missed > 10 && awaiting > 100 && voted > 20,
        "{compared} compared, {missed} missed, {awaiting} awaited, {voted} voted"
    );
}
