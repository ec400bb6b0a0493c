//! Sets that come out of outlines: equal to the ones that the outlines are of,
//! as long as nobody asks for what is not at hand.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::super::outline::ROW_LEN;
use super::worlds::{Dice, stage_of, summary, summary_of};
use super::*;
use crate::canon::from_bytes;

/// The records of a set as they travel, by slot.
pub(super) fn bodies(set: &RecordSet) -> Vec<Vec<u8>> {
    let record = |slot| set.record(slot).to_bytes();
    set.slots().map(record).collect()
}

pub(super) fn pages(set: &RecordSet) -> Vec<Vec<u8>> {
    set.outline().pages().collect()
}

/// Every record of the authority chain, the last one of every spine, and those
/// without their content.
pub(super) fn needed(set: &RecordSet) -> BTreeSet<Slot> {
    let ends = set
        .chains()
        .filter_map(|(chain, _)| set.spine(&chain).last().copied());
    let acts = set
        .slots()
        .filter(|&slot| set.chain(slot) == set.authority());
    acts.chain(ends).chain(set.bare()).collect()
}

/// The set that comes out of pages with some bodies at hand.
pub(super) fn drawn_up<'a>(
    domain: DomainId,
    pages: impl IntoIterator<Item = &'a Vec<u8>>,
    bodies: impl IntoIterator<Item = (usize, &'a Vec<u8>)>,
) -> Result<RecordSet, OutlineError> {
    let mut sketch = Sketch::new(domain);
    sketch.reserve(7);
    for page in pages {
        sketch.page(page)?;
    }
    for (index, body) in bodies {
        sketch.body(index, body)?;
    }
    sketch.finish()
}

/// The set once more, from its outline and the bodies of some records.
fn opened(set: &RecordSet, at_hand: &BTreeSet<Slot>) -> RecordSet {
    let (pages, bodies) = (pages(set), bodies(set));
    let at_hand = at_hand
        .iter()
        .map(|slot| (slot.index(), &bodies[slot.index()]));
    drawn_up(set.domain(), &pages, at_hand).unwrap()
}

/// Asserts that two sets that hold the same records in the same slots answer
/// everything alike that looks at no record.
fn assert_same(one: &RecordSet, other: &RecordSet) {
    assert_same_parts(&one.canonical(), &other.canonical());
}

pub(super) fn assert_same_parts(one_part: &Canonical<'_>, other_part: &Canonical<'_>) {
    assert_eq!(summary_of(one_part), summary_of(other_part));
    let (one, other) = (one_part.set(), other_part.set());
    assert_eq!(
        one.slots().collect::<Vec<_>>(),
        other.slots().collect::<Vec<_>>()
    );
    let together = |set: &RecordSet| {
        set.all_siblings()
            .flatten()
            .copied()
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(together(one), together(other));
    for slot in one.slots() {
        let place = |set: &RecordSet| {
            let chain = (set.chain(slot), set.topic(slot), set.chain_of(slot));
            (
                set.id(slot),
                chain,
                set.seq(slot),
                set.prev(slot),
                set.find(&set.id(slot)),
            )
        };
        assert_eq!(place(one), place(other));
        let stand = |set: &RecordSet| {
            let siblings: Vec<Slot> = set.siblings(slot).collect();
            (set.on_spine(slot), set.verdict(slot), siblings)
        };
        assert_eq!(stand(one), stand(other));
        let has_siblings = one.siblings(slot).next().is_some();
        assert_eq!(together(one).contains(&slot), has_siblings);
        assert_eq!(one_part.label(slot), other_part.label(slot));
    }
    for (chain, topic) in one.chains() {
        let chains = |set: &RecordSet| {
            let seals = (
                set.newest_seal(&chain),
                set.newest_row(&chain),
                set.sealed_beyond(&chain),
            );
            let ends = (
                set.sealed_len(&chain),
                set.is_frozen(&chain),
                set.next_start(&chain),
            );
            (seals, ends)
        };
        assert_eq!(chains(one), chains(other));
        assert_eq!(one_part.rows(topic), other_part.rows(topic));
    }
    let whole = |set: &RecordSet| {
        let office = set
            .office_tip()
            .map(|tip| set.office_after(&set.id(tip)).is_some());
        (
            set.is_straight(),
            set.registrar(),
            set.charter(),
            set.needs_upgrade(),
            office,
        )
    };
    assert_eq!(whole(one), whole(other));
}

/// Asserts that both hold the same records where both have them.
fn assert_same_records(one: &RecordSet, other: &RecordSet) {
    let records = |set: &RecordSet| bodies(set);
    assert_eq!(records(one), records(other));
}

/// A stage of honest people: members who write under several epochs and a
/// registrar who seals, raises, decides and is recalled. Everything is straight.
pub(super) struct Honest {
    pub(super) stage: Stage,
    dice: Dice,
    chains: Vec<ChainId>,
    written: u64,
}

impl Honest {
    pub(super) fn new(seed: u64) -> Self {
        let mut honest = Self {
            stage: Stage::new(seed, 3),
            dice: Dice(seed),
            chains: Vec::new(),
            written: 0,
        };
        for _ in 0..20 + honest.dice.below(40) {
            honest.step();
        }
        honest
    }

    pub(super) fn step(&mut self) {
        self.written += 1;
        let chain = self.dice.pick(&self.chains);
        let ids: Vec<RecordId> = self
            .stage
            .records
            .iter()
            .map(|record| record.id())
            .collect();
        match (self.dice.below(12), chain) {
            (0..=1, _) | (_, None) => self.open(),
            (2, Some(chain)) => {
                let spine = spine_ids(&self.stage.set, &chain);
                let sealed = self.stage.set.sealed_len(&chain);
                let at = sealed + self.dice.below(spine.len() + 1 - sealed);
                let tip = at.checked_sub(1).map(|seq| Tip {
                    seq: seq as u64,
                    head: spine[seq],
                });
                self.stage.seal_at(&chain, tip, Finality::Open);
            }
            (3, Some(chain)) => {
                let tip = self.stage.tip(&chain);
                self.stage.reopen(&chain, tip, 0);
            }
            (4, Some(chain)) => {
                self.stage
                    .raise(&chain, -100 - i64::try_from(self.written).unwrap());
            }
            (5, _) if self.dice.one_in(2) => {
                let honoured = self.stage.set.id(self.stage.set.office_tip().unwrap());
                self.stage.recall(honoured, &[]);
            }
            (_, Some(chain)) => {
                let refs: Vec<RecordId> = self.dice.pick(&ids).into_iter().collect();
                self.stage.write(&chain, NOTE, &refs, &self.written);
            }
        }
    }

    fn open(&mut self) {
        let topic = if self.dice.one_in(3) {
            self.stage.governance()
        } else {
            self.stage.ledger(UNIT)
        };
        let key = self.stage.draw_key();
        let owner = Owner::Shared(u32::try_from(self.chains.len()).unwrap());
        let chain = self.stage.open(topic.chain(owner), key, Some(GRANT));
        self.chains.push(chain);
    }
}

/// What happened in the worlds of a test.
#[derive(Default)]
pub(super) struct Seen {
    records: usize,
    pub(super) recalls: usize,
    reopened: usize,
    sealed: usize,
    pub(super) invalid: usize,
}

impl Seen {
    pub(super) fn add(&mut self, set: &RecordSet) {
        self.records += set.len();
        let acts = set
            .slots()
            .filter(|&slot| set.chain(slot) == set.authority());
        for act in acts {
            let record = set.record(act);
            self.recalls += usize::from(record.kind() == Kind::RECALL);
            let open = set.open(&record.id());
            let is_next = open.is_some_and(|open| open.start.prior().is_some());
            self.reopened += usize::from(is_next);
            self.invalid += usize::from(matches!(set.verdict(act), Verdict::Invalid(_)));
        }
        let sealed = set.chains().filter(|(chain, _)| set.sealed_len(chain) > 0);
        self.sealed += sealed.count();
    }
}

#[test]
fn a_set_from_an_outline_is_the_set_as_long_as_nobody_looks_at_records() {
    let mut seen = Seen::default();
    for seed in 0..30 {
        let honest = Honest::new(seed);
        let set = &honest.stage.set;
        assert!(set.is_straight());
        let opened = opened(set, &needed(set));
        assert_same(&opened, set);
        assert_eq!(opened.judged(), set.judged());
        assert_eq!(opened.bends(), 0);
        assert!(!opened.missed());
        seen.add(&opened);
    }
    let Seen {
        records,
        recalls,
        reopened,
        sealed,
        ..
    } = seen;
    assert!(
        records > 1000 && recalls > 20 && reopened > 50 && sealed > 50,
        "{records} records, {recalls} recalls, {reopened} reopened, {sealed} sealed"
    );
}

#[test]
fn what_comes_afterwards_is_added_as_to_the_set_itself() {
    for seed in 0..20 {
        let mut honest = Honest::new(seed);
        let mut opened = opened(&honest.stage.set, &needed(&honest.stage.set));
        let before = honest.stage.records.len();
        for _ in 0..40 {
            honest.step();
        }
        for record in &honest.stage.records[before..] {
            let claim = from_bytes(&record.to_bytes()).unwrap();
            let slot = opened.slot_ahead(0).unwrap();
            assert_eq!(opened.receive(claim), Ok(Added::New(slot)));
            assert!(opened.is_at_hand(slot));
        }
        for record in &honest.stage.records {
            let slot = opened.find(&record.id()).unwrap();
            assert_eq!(opened.insert(record.clone()), Ok(Added::Known(slot)));
        }
        assert_same(&opened, &honest.stage.set);
        assert_eq!(opened.judged(), honest.stage.set.judged());
        assert!(!opened.missed());
        // And once more, from the outline of a set that came out of one.
        let (pages, bodies) = (pages(&opened), bodies(&honest.stage.set));
        let needed = needed(&opened);
        let bodies = needed
            .iter()
            .map(|slot| (slot.index(), &bodies[slot.index()]));
        let again = drawn_up(opened.domain(), &pages, bodies).unwrap();
        assert_same(&again, &opened);
        assert!(!again.missed() && !opened.missed());
    }
}

/// With everything at hand nothing is missed, whatever comes.
#[test]
fn a_set_with_all_records_at_hand_goes_on_as_the_one_of_which_the_outline_is() {
    for seed in 0..20 {
        let stage = stage_of(seed);
        let mut whole = RecordSet::new(stage.domain());
        let mut lean = None;
        for (number, record) in stage.records.iter().enumerate() {
            let added = whole.insert(record.clone());
            if let Some(lean) = &mut lean {
                assert_eq!(RecordSet::insert(lean, record.clone()), added);
            }
            if number % 10 == 9 {
                let every = whole.slots().collect();
                lean = Some(opened(&whole, &every));
            }
        }
        let lean = lean.unwrap();
        assert_same(&lean, &whole);
        assert_same_records(&lean, &whole);
        assert!(!lean.missed());
    }
}

#[test]
fn only_a_record_that_is_not_at_hand_is_missed() {
    let honest = Honest::new(5);
    let set = &honest.stage.set;
    let needed = needed(set);
    let opened = opened(set, &needed);
    for slot in set.slots().filter(|slot| needed.contains(slot)) {
        assert!(opened.is_at_hand(slot));
        assert_eq!(opened.record(slot), set.record(slot));
        assert!(!opened.missed());
    }
    let absent: Vec<Slot> = set.slots().filter(|slot| !needed.contains(slot)).collect();
    assert!(absent.len() > 5);
    for slot in absent {
        let asked = opened.clone();
        assert!(!asked.is_at_hand(slot) && !asked.missed());
        let stand_in = asked.record(slot);
        assert!(stand_in.content().is_none() && stand_in.refs().is_empty());
        assert_eq!(asked.find(&stand_in.id()), None);
        assert!(asked.missed() && asked.clone().missed());
    }
    assert!(!opened.missed());
}

#[test]
fn a_set_that_was_filled_record_by_record_misses_nothing() {
    const fn is_shared_by_threads<T: Send + Sync>(_: &T) {}
    let (mut stage, a, _) = two();
    is_shared_by_threads(&stage.set);
    let head = note(&mut stage, &a, 0);
    note_after(&mut stage, &a, None, 1);
    for slot in stage.set.slots() {
        assert!(stage.set.is_at_hand(slot));
        assert_eq!(stage.set.record(slot).id(), stage.set.id(slot));
    }
    let record = stage.set.record(stage.set.find(&head).unwrap());
    let bare = Record::bare(record.header().clone(), *record.signature());
    let others = stage.records.iter().filter(|record| record.id() != head);
    let mut set = stage.replay(others);
    let slot = set.receive(bare).unwrap().slot();
    assert!(set.is_at_hand(slot) && set.record(slot).content().is_none());
    assert!(!set.missed() && !stage.set.missed());
}

#[test]
fn an_empty_set_has_an_outline_of_no_pages() {
    let set = RecordSet::new(DomainId::from_bytes([7; 32]));
    let outline = set.outline();
    assert!(outline.is_empty() && outline.page(0).is_none());
    assert_eq!(outline.pages().count(), outline.len());
    let opened = Sketch::new(set.domain()).finish().unwrap();
    assert!(opened.is_empty() && opened.office().is_none());
}

#[test]
fn full_pages_stay_while_the_set_grows() {
    let mut stage = Stage::new(3, 3);
    let ledger = stage.ledger(UNIT);
    let key = stage.draw_key();
    let chains: Vec<ChainId> = (0..3)
        .map(|number| stage.open(ledger.chain(Owner::Shared(number)), key.clone(), None))
        .collect();
    let mut full = Vec::new();
    while stage.set.len() <= 2 * Outline::ROWS {
        let number = stage.set.len();
        note(&mut stage, &chains[number % 3], number as u64);
        if number + 1 == Outline::ROWS {
            full = pages(&stage.set);
            let late = ledger.chain(Owner::Shared(3));
            stage.open(late, key.clone(), None);
            note(&mut stage, &late.id(), 0);
        }
    }
    let set = &stage.set;
    let now = pages(set);
    assert_eq!((full.len(), now.len()), (1, 3));
    assert_eq!(full[0], now[0]);
    assert_eq!(now[2].len(), 8 + ROW_LEN * (set.len() - 2 * Outline::ROWS));
    assert!(now.iter().all(|page| page.len() <= 512 * 1024));
    assert_eq!(set.outline().page(3), None);
    let opened = opened(set, &needed(set));
    assert_eq!(summary(&opened), summary(set));
    assert!(!opened.missed());
}

#[test]
fn no_stranger_makes_a_set_look_for_a_record() {
    let (mut stage, a, _) = two();
    let old = note(&mut stage, &a, 0);
    note(&mut stage, &a, 1);
    let (before, sealed) = (stage.open_of(&a), stage.tip(&a));
    stage.reopen(&a, sealed, 0);
    let mut opened = opened(&stage.set, &needed(&stage.set));
    let key = stage.draw_key();
    let (topic, tip) = (stage.ledger(UNIT).id(), stage.tip(&a).unwrap());
    let place = |epoch, prev: Option<Tip>| Place::Entry {
        topic,
        chain: a,
        epoch,
        seq: prev.map_or(0, |tip| tip.seq + 1),
        prev: prev.map(|tip| tip.head),
    };
    let low = Some(Tip { seq: 0, head: old });
    let charter = stage.set.id(Slot::FIRST);
    for (place, refused) in [
        (place(old, Some(tip)), Refusal::Epoch),
        (place(old, None), Refusal::Epoch),
        (place(old, low), Refusal::Epoch),
        (place(charter, low), Refusal::Epoch),
        (place(before, low), Refusal::Signature),
        (place(stage.open_of(&a), low), Refusal::Place),
    ] {
        let content = Content::new(Vec::from([old]), None, &9_u64).unwrap();
        let draft = Draft::new(place, NOTE, Timestamp::default(), content).unwrap();
        let record = draft.sign(&key).unwrap();
        let claim = from_bytes(&record.to_bytes()).unwrap();
        assert_eq!(opened.receive(claim), Err(refused));
        assert_eq!(opened.insert(record), Err(refused));
    }
    let slot = opened.find(&old).unwrap();
    let known = stage.records.iter().find(|record| record.id() == old);
    assert_eq!(
        opened.insert(known.unwrap().clone()),
        Ok(Added::Known(slot))
    );
    assert!(opened.closed_by(&old).is_none() && opened.decision_of(&old).is_none());
    assert!(opened.act(slot).is_none() && opened.readied(slot).is_none());
    assert!(!opened.missed());
}
