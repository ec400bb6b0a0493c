use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::*;
use crate::authority::{Act, Consent, Finality, Start, Tip};
use crate::canon::to_bytes;
use crate::chain::Owner;
use crate::error::{Coded, Fault};
use crate::id::{ChainId, UnitId};
use crate::key::Signer as _;
use crate::record::{Draft, Kind, Place, Record};
use crate::set::Added;
use crate::sign::Signed;
use crate::testkit::stage::{GRANT, Stage};
use crate::time::Timestamp;

const COUNT: Kind = Kind::new(67);
const UNIT: UnitId = UnitId::from_bytes([1; 32]);

/// A toy ledger: each chain adds up numbers, its own and those it names, and
/// never more than a hundred.
#[derive(Debug, Clone)]
struct Counters;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Count {
    total: u64,
    records: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than a hundred")]
struct TooMuch;

impl Coded for TooMuch {
    fn code(&self) -> &'static str {
        "count.limit"
    }

    fn fault(&self) -> Fault {
        Fault::Rule
    }
}

impl Rules for Counters {
    type State = Count;
    type Delta = u64;
    type Effect = u64;
    type Rule = TooMuch;

    fn start(&self) -> Count {
        Count::default()
    }

    fn judge(&self, case: &Case<'_>, state: &Count) -> Result<u64, Breach<TooMuch>> {
        if case.header.kind() != COUNT {
            return Err(Breach::Kind);
        }
        let own: u64 = case.content.read().map_err(|_| Breach::Body)?;
        let named = case.refs().filter_map(|slot| {
            let record = case.set.record(slot);
            (record.kind() == COUNT).then(|| record.content()?.read::<u64>().ok())?
        });
        let added = own + named.sum::<u64>();
        if state.total + added > 100 {
            return Err(Breach::Rule(TooMuch));
        }
        Ok(added)
    }

    fn apply(&self, _: Slot, added: u64, state: &mut Count) -> u64 {
        state.total += added;
        state.records += 1;
        added
    }
}

type Toy = Judge<Counters>;

fn two() -> (Stage, ChainId, ChainId) {
    let mut stage = Stage::new(1, 4);
    let ledger = stage.ledger(UNIT);
    let a = stage.open_member(0, &ledger, Some(GRANT));
    let b = stage.open_member(1, &ledger, Some(GRANT));
    (stage, a, b)
}

fn judge(stage: &Stage) -> Toy {
    Judge::new(Counters, stage.ledger(UNIT).id())
}

/// A set and its judge that are told everything in this order, early records
/// again and again.
fn told<'a>(
    stage: &Stage,
    records: impl IntoIterator<Item = &'a Signed<Record>>,
) -> (RecordSet, Toy) {
    let (mut set, mut judge) = (RecordSet::new(stage.domain()), judge(stage));
    let mut left: Vec<_> = records.into_iter().cloned().collect();
    loop {
        let before = left.len();
        left.retain(|record| match set.insert(record.clone()) {
            Ok(added) => {
                judge.update(&set, added.slot());
                false
            }
            Err(_) => true,
        });
        if left.len() == before {
            return (set, judge);
        }
    }
}

fn of(set: &RecordSet, judge: &Toy, id: &RecordId) -> Verdict<TooMuch> {
    set.find(id)
        .map_or(Verdict::Waiting, |slot| judge.verdict(slot))
}

fn all(stage: &Stage) -> (RecordSet, Toy) {
    told(stage, &stage.records)
}

fn code(verdict: Verdict<TooMuch>) -> &'static str {
    match verdict {
        Verdict::Invalid(breach) => breach.code(),
        Verdict::Valid => "valid",
        Verdict::Waiting => "waiting",
    }
}

fn count(stage: &mut Stage, chain: &ChainId, refs: &[RecordId], number: u64) -> RecordId {
    stage.write(chain, COUNT, refs, &number)
}

fn bare(record: &Signed<Record>) -> Signed<Record> {
    Record::bare(record.header().clone(), *record.signature())
        .verify(&record.key().prepare())
        .unwrap()
}

#[test]
fn a_straight_chain_adds_up() {
    let (mut stage, a, _) = two();
    let ids: Vec<_> = (1..=4).map(|n| count(&mut stage, &a, &[], n)).collect();
    let (set, judge) = all(&stage);
    let last = set.find(&ids[3]).unwrap();
    let expected = Count {
        total: 10,
        records: 4,
    };
    assert_eq!(judge.state_at(last), Some(&expected));
    assert_eq!(judge.state(&set, Some(last)), expected);
    assert_eq!(judge.state(&set, set.find(&ids[1])).total, 3);
    assert_eq!(judge.state(&set, None), Count::default());
    assert_eq!(judge.topic(), stage.ledger(UNIT).id());
}

#[test]
fn the_state_at_an_open_fork_stays_whatever_branches_off() {
    let (mut stage, a, _) = two();
    count(&mut stage, &a, &[], 1);
    let before = count(&mut stage, &a, &[], 2);
    let prev = stage.tip(&a);
    let expected = Count {
        total: 3,
        records: 2,
    };
    for branches in 1..=4_usize {
        stage.write_after(&a, prev, COUNT, &[], &(branches as u64));
        let (set, judge) = all(&stage);
        let left = judge.state_at(set.find(&before).unwrap());
        assert_eq!(left, (branches > 1).then_some(&expected));
        assert_eq!(judge.tips().count(), branches + usize::from(branches > 1));
    }
}

#[test]
fn an_invalid_record_ends_its_epoch_and_counts_nothing() {
    let (mut stage, a, b) = two();
    count(&mut stage, &a, &[], 60);
    let over = count(&mut stage, &a, &[], 41);
    let after = count(&mut stage, &a, &[], 1);
    let naming = count(&mut stage, &b, &[over], 1);
    let tip = stage.tip(&a);
    stage.reopen(&a, tip, 0);
    let next = count(&mut stage, &a, &[], 40);
    let (set, judge) = all(&stage);
    assert_eq!(code(of(&set, &judge, &over)), "count.limit");
    assert_eq!(code(of(&set, &judge, &after)), "invalid.ended");
    assert_eq!(code(of(&set, &judge, &naming)), "invalid.ref");
    assert_eq!(code(of(&set, &judge, &next)), "valid");
    assert_eq!(judge.state(&set, set.find(&next)).total, 100);
}

#[test]
fn a_record_waits_for_a_missing_ref_even_if_another_is_invalid() {
    let (mut stage, a, b) = two();
    let over = count(&mut stage, &a, &[], 101);
    let late = count(&mut stage, &b, &[], 1);
    let naming = count(&mut stage, &b, &[over, late], 1);
    let find = |id: RecordId| stage.records.iter().find(|r| r.id() == id).unwrap();
    let hold_back = |record: &&Signed<Record>| record.id() != late;
    let others: Vec<_> = stage.records.iter().filter(hold_back).cloned().collect();
    let late_record = bare(find(late));
    let (mut set, mut judge) = told(&stage, others.iter().chain([&late_record]));
    assert_eq!(code(of(&set, &judge, &over)), "count.limit");
    assert!(of(&set, &judge, &naming).is_waiting());
    assert_eq!(
        judge
            .waiting()
            .map(|(id, slots)| (id, slots.len()))
            .collect::<Vec<_>>(),
        [(late, 2)],
        "the late record for itself, and the one that names it"
    );
    let added = set.insert(find(late).clone()).unwrap();
    assert!(matches!(added, Added::Completed(_)));
    let decided: Vec<_> = judge
        .update(&set, added.slot())
        .into_iter()
        .map(|decided| set.record(decided.slot).id())
        .collect();
    assert_eq!(decided, [late, naming]);
    assert_eq!(code(of(&set, &judge, &naming)), "invalid.ref");
    assert_eq!(judge.waiting().count(), 0);
}

#[test]
fn a_record_that_came_whole_waits_no_more_for_its_content() {
    let (mut stage, a, b) = two();
    let missing = count(&mut stage, &a, &[], 1);
    let naming = count(&mut stage, &b, &[missing], 1);
    let whole = stage.records.last().unwrap().clone();
    let others = stage.records.iter();
    let others = others.filter(|record| ![missing, naming].contains(&record.id()));
    let (mut set, mut judge) = told(&stage, others);
    for record in [bare(&whole), whole] {
        let slot = set.insert(record).unwrap().slot();
        judge.update(&set, slot);
    }
    let slot = set.find(&naming).unwrap();
    assert!(judge.waiting().eq([(missing, &[slot][..])]));
}

#[test]
fn a_record_is_decided_when_it_is_asked_for_and_then_what_waited_for_it() {
    let (mut stage, a, b) = two();
    let late = count(&mut stage, &a, &[], 1);
    let naming = count(&mut stage, &b, &[late], 1);
    let is_late = |record: &&Signed<Record>| record.id() == late;
    let late_record = stage.records.iter().find(is_late).unwrap();
    let others = stage.records.iter().filter(|record| !is_late(record));
    let (mut set, mut judge) = told(&stage, others);
    let slot = set.insert(late_record.clone()).unwrap().slot();
    judge.hear(&set, slot);
    assert!(of(&set, &judge, &late).is_waiting(), "nobody asked");
    for id in [late, naming] {
        assert!(of(&set, &judge, &naming).is_waiting());
        let decided = judge.decide_next(&set).unwrap();
        assert_eq!(set.id(decided.slot), id);
        assert!(of(&set, &judge, &id).is_valid());
    }
    assert_eq!(judge.decide_next(&set), None);
}

#[test]
fn an_invalid_open_comes_before_an_ended_epoch_and_that_before_a_bad_ref() {
    let (mut stage, a, b) = two();
    let over = count(&mut stage, &a, &[], 101);
    let ended = count(&mut stage, &a, &[over], 0);
    assert_eq!(code(of_all(&stage, &ended)), "invalid.ended");
    let naming = count(&mut stage, &b, &[over], 101);
    assert_eq!(code(of_all(&stage, &naming)), "invalid.ref");
    let (id, _) = under_invalid_open(&mut stage, 1, &[over]);
    assert_eq!(code(of_all(&stage, &id)), "invalid.open");
}

fn of_all(stage: &Stage, id: &RecordId) -> Verdict<TooMuch> {
    let (set, judge) = all(stage);
    of(&set, &judge, id)
}

/// A record under an Open to which its owner did not agree.
fn under_invalid_open(stage: &mut Stage, format: u16, refs: &[RecordId]) -> (RecordId, RecordId) {
    let owner = Owner::Member(stage.members()[2].inception.id(), 0);
    let chain = stage.ledger(UNIT).chain(owner);
    let key = stage.draw_key();
    let mut open = stage.open_body(chain, &key, Start::First, 0, Some(GRANT), &key);
    open.format = format;
    let epoch = stage.act(&Act::Open(open), &[]);
    (first_of(stage, &chain, epoch, &key, refs), epoch)
}

fn first_of(
    stage: &mut Stage,
    chain: &crate::chain::Chain,
    epoch: RecordId,
    key: &crate::key::Keypair,
    refs: &[RecordId],
) -> RecordId {
    let place = Place::Entry {
        topic: chain.topic(),
        chain: chain.id(),
        epoch,
        seq: 0,
        prev: None,
    };
    let content = Content::new(refs.to_vec(), None, &1_u64).unwrap();
    let draft = Draft::new(place, COUNT, Timestamp::default(), content).unwrap();
    stage.sign(draft, key)
}

/// A record under an Open that nobody here can judge.
fn under_newer_format(stage: &mut Stage) -> (RecordId, RecordId) {
    let chain = stage
        .ledger(UNIT)
        .chain(Owner::Member(stage.members()[2].inception.id(), 0));
    let key = stage.members()[2].key.clone();
    let mut open = stage.open_body(chain, &key, Start::First, 0, Some(GRANT), &key);
    open.format = FORMAT + 1;
    let terms = to_bytes(&open.consent_terms(stage.domain()));
    open.consent = Consent::Current(key.sign(&terms).unwrap());
    let epoch = stage.act(&Act::Open(open), &[]);
    (first_of(stage, &chain, epoch, &key, &[]), epoch)
}

#[test]
fn kind_and_body_are_the_rules_to_say() {
    let (mut stage, a, b) = two();
    let kind = stage.write(&a, Kind::new(99), &[], &1_u64);
    let body = stage.write(&b, COUNT, &[], &UNIT);
    assert_eq!(code(of_all(&stage, &kind)), "invalid.kind");
    assert_eq!(code(of_all(&stage, &body)), "invalid.body");
}

#[test]
fn a_newer_format_waits_for_newer_code_and_says_so() {
    let (mut stage, a, _) = two();
    let (newer, epoch) = under_newer_format(&mut stage);
    let naming = count(&mut stage, &a, &[newer], 1);
    let (set, judge) = all(&stage);
    assert!(of(&set, &judge, &newer).is_waiting());
    assert!(of(&set, &judge, &naming).is_waiting());
    let upgrade = NeedsUpgrade {
        format: FORMAT + 1,
        since: epoch,
    };
    assert_eq!(judge.needs_upgrade(), Some(upgrade));
}

#[test]
fn an_invalid_open_of_a_newer_format_asks_for_no_upgrade() {
    let (mut stage, _, _) = two();
    let (id, _) = under_invalid_open(&mut stage, FORMAT + 1, &[]);
    let (set, judge) = all(&stage);
    assert_eq!(code(of(&set, &judge, &id)), "invalid.open");
    assert_eq!(judge.needs_upgrade(), None);
}

#[test]
fn what_lies_under_a_newer_charter_waits_and_says_so() {
    let mut stage = Stage::with_charter(1, 4, |charter| charter.format = FORMAT + 1);
    let ledger = stage.ledger(UNIT);
    let chain = stage.open_member(0, &ledger, Some(GRANT));
    let id = count(&mut stage, &chain, &[], 1);
    let (set, judge) = all(&stage);
    assert!(of(&set, &judge, &id).is_waiting());
    assert!(judge.needs_upgrade().is_some());
    assert_eq!(judge.needs_upgrade(), set.needs_upgrade());
}

#[test]
fn a_topic_out_of_reach_cannot_be_relied_on() {
    let (mut stage, a, _) = two();
    let governance = stage.governance();
    let far = stage.open_member(3, &governance, None);
    let elsewhere = stage.write(&far, COUNT, &[], &1_u64);
    let naming = count(&mut stage, &a, &[elsewhere], 1);
    let (set, judge) = all(&stage);
    assert_eq!(code(of(&set, &judge, &naming)), "invalid.ref");
    assert!(
        of(&set, &judge, &elsewhere).is_waiting(),
        "not of this topic"
    );
}

#[test]
fn a_late_decision_about_an_authority_record_wakes_what_waits_for_it() {
    let (mut stage, a, _) = two();
    let waited_for = stage.raise(&a, -200);
    let seal = stage.seal(&a, Finality::Open);
    let naming = count(&mut stage, &a, &[seal], 1);
    let late = stage
        .records
        .iter()
        .find(|r| r.id() == waited_for)
        .unwrap()
        .clone();
    let early: Vec<_> = stage
        .records
        .iter()
        .map(|r| {
            if r.id() == waited_for {
                bare(r)
            } else {
                r.clone()
            }
        })
        .collect();
    let (mut set, mut judge) = told(&stage, &early);
    assert!(of(&set, &judge, &naming).is_waiting());
    let added = set.insert(late).unwrap();
    let decided = judge.update(&set, added.slot());
    let effects: Vec<_> = decided.iter().map(|decided| decided.effect).collect();
    assert_eq!(effects.len(), 1);
    assert!(effects[0].is_some(), "a valid record has an effect");
    assert!(of(&set, &judge, &naming).is_valid());
}

#[test]
fn branches_of_a_fork_have_the_states_of_straight_chains() {
    let (mut stage, a, _) = two();
    count(&mut stage, &a, &[], 1);
    count(&mut stage, &a, &[], 2);
    let root = stage.tip(&a);
    let mut straight = Vec::new();
    for branch in 0..3_u64 {
        let mut alone = stage.clone();
        let mut tip = root;
        for step in 0..=branch {
            let number = 10 * (branch + 1) + step;
            let head = alone.write_after(&a, tip, COUNT, &[], &number);
            stage.write_after(&a, tip, COUNT, &[], &number);
            tip = tip.map(|tip| Tip {
                seq: tip.seq + 1,
                head,
            });
        }
        let (set, judge) = all(&alone);
        let head = tip.unwrap().head;
        straight.push((head, judge.state(&set, set.find(&head))));
    }
    for round in 0..6 {
        let mut records = stage.records.clone();
        records.rotate_left(round * 2);
        let (set, judge) = told(&stage, &records);
        for (head, state) in &straight {
            assert_eq!(&judge.state(&set, set.find(head)), state);
        }
    }
}

/// Forks, Invalid records, refs across chains and a rotation.
fn tangled() -> Stage {
    let (mut stage, a, b) = two();
    let one = count(&mut stage, &a, &[], 30);
    let root = stage.tip(&a);
    let left = stage.write_after(&a, root, COUNT, &[], &71_u64);
    let right = stage.write_after(&a, root, COUNT, &[], &5_u64);
    count(&mut stage, &b, &[one, right], 1);
    let tip = Tip {
        seq: 1,
        head: right,
    };
    let higher = stage.write_after(&a, Some(tip), COUNT, &[one], &1_u64);
    count(&mut stage, &b, &[higher], 2);
    let seal = stage.seal_at(&a, Some(tip), Finality::Open);
    count(&mut stage, &b, &[seal], 3);
    count(&mut stage, &b, &[left], 3);
    count(&mut stage, &b, &[], 3);
    let end = stage.tip(&b);
    stage.reopen(&b, end, 0);
    count(&mut stage, &b, &[seal, one], 4);
    stage
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    #[test]
    fn verdicts_are_the_same_in_every_order_and_on_every_part(
        keys in proptest::collection::vec(0_u32.., 32),
        kept in proptest::collection::vec(0_u8..8, 32),
    ) {
        let stage = tangled();
        let (whole, final_judge) = all(&stage);
        let mut records: Vec<_> = stage.records.iter().zip(keys.iter().zip(kept)).collect();
        records.sort_by_key(|(_, (key, _))| **key);
        // Some come without content first, some never come at all.
        let copies: Vec<_> = records
            .iter()
            .filter(|(_, (_, kept))| *kept > 0)
            .map(|(record, (_, kept))| match kept {
                1..3 if record.prev().is_some() => bare(record),
                _ => (*record).clone(),
            })
            .collect();
        let (mut set, mut judge) = told(&stage, &copies);
        let mut seen = BTreeSet::new();
        for slot in set.slots() {
            let (id, verdict) = (set.record(slot).id(), judge.verdict(slot));
            if !verdict.is_waiting() {
                seen.insert(id);
                proptest::prop_assert_eq!(verdict, of(&whole, &final_judge, &id));
            }
        }
        for record in stage.records.iter().chain(&stage.records) {
            if let Ok(added) = set.insert(record.clone()) {
                judge.update(&set, added.slot());
            }
        }
        for record in &stage.records {
            let id = record.id();
            let verdict = of(&set, &judge, &id);
            proptest::prop_assert_eq!(verdict, of(&whole, &final_judge, &id));
            proptest::prop_assert!(!(seen.contains(&id) && verdict.is_waiting()));
            let state = judge.state(&set, set.find(&id));
            proptest::prop_assert_eq!(state, final_judge.state(&whole, whole.find(&id)));
        }
    }

    #[test]
    fn a_rehearsal_says_what_the_verdict_will_be(
        number in 0_u64..80,
        on_a in proptest::bool::ANY,
        named in proptest::collection::vec(0_usize..18, 0..3),
    ) {
        let mut stage = tangled();
        let (mut set, mut judge) = all(&stage);
        let chains: Vec<ChainId> = stage.set.chains().map(|(chain, _)| chain).collect();
        let chains: Vec<_> = chains.into_iter().filter(|c| *c != stage.set.authority()).collect();
        let chain = chains[usize::from(on_a)];
        let refs = named.iter().filter_map(|&at| stage.records.get(at)).map(|r| r.id());
        let content = Content::new(refs.collect(), None, &number).unwrap();
        let draft = stage.draft_after(&chain, stage.tip(&chain), COUNT, content);
        let rehearsed = judge.rehearse(&set, &draft);
        let id = stage.submit(draft);
        let record = stage.records.last().unwrap().clone();
        let added = set.insert(record).unwrap();
        judge.update(&set, added.slot());
        proptest::prop_assert_eq!(of(&set, &judge, &id), rehearsed);
        proptest::prop_assert!(!rehearsed.is_waiting());
    }
}

#[test]
fn a_rehearsal_of_what_names_something_unknown_waits() {
    let (stage, a, _) = two();
    let (set, judge) = all(&stage);
    let unknown = RecordId::from_bytes([5; 32]);
    let content = Content::new(Vec::from([unknown]), None, &1_u64).unwrap();
    let draft = stage.draft_after(&a, None, COUNT, content);
    assert!(judge.rehearse(&set, &draft).is_waiting());
    let content = Content::new(Vec::new(), None, &1_u64).unwrap();
    let after = Tip {
        seq: 3,
        head: unknown,
    };
    let draft = stage.draft_after(&a, Some(after), COUNT, content);
    assert!(judge.rehearse(&set, &draft).is_waiting());
}

proptest::proptest! {
    #[test]
    fn drafts_on_a_rehearsal_are_judged_like_stored_records(
        numbers in proptest::collection::vec(0_u64..60, 1..6),
    ) {
        let mut stage = tangled();
        let (mut set, mut judge) = all(&stage);
        let is_member = |chain: &ChainId| *chain != stage.set.authority();
        let chain = stage.set.chains().map(|(chain, _)| chain).find(is_member).unwrap();
        let (mut tip, told, base) = (stage.tip(&chain), judge.clone(), set.clone());
        let stored = tip.and_then(|tip| base.find(&tip.head));
        let mut rehearsal = told.rehearsal(&base, stored);
        let mut drafted = 0;
        for number in numbers {
            let content = Content::new(Vec::new(), None, &number).unwrap();
            let draft = stage.draft_after(&chain, tip, COUNT, content);
            let answer = told.rehearse_on(&base, &draft, &rehearsal);
            let slot = base.slot_ahead(drafted).unwrap();
            let id = stage.submit(draft.clone());
            let added = set.insert(stage.records.last().unwrap().clone()).unwrap();
            proptest::prop_assert_eq!(added.slot(), slot);
            judge.update(&set, added.slot());
            match answer {
                Ok(delta) => {
                    proptest::prop_assert!(of(&set, &judge, &id).is_valid());
                    told.follow(&mut rehearsal, &draft, delta, slot);
                    drafted += 1;
                }
                Err(verdict) => {
                    proptest::prop_assert_eq!(of(&set, &judge, &id), verdict);
                    break;
                }
            }
            proptest::prop_assert_eq!(rehearsal.state(), &judge.state(&set, Some(added.slot())));
            proptest::prop_assert_eq!(rehearsal.drafted(), draft.header().epoch());
            proptest::prop_assert_eq!(rehearsal.stored(), stored);
            tip = stage.tip(&chain);
        }
    }
}

#[test]
fn a_draft_that_follows_something_else_than_the_rehearsal_waits() {
    let (stage, a, _) = two();
    let (set, judge) = all(&stage);
    let content = || Content::new(Vec::new(), None, &1_u64).unwrap();
    let first = stage.draft_after(&a, None, COUNT, content());
    let mut rehearsal = judge.rehearsal(&set, None);
    let delta = judge.rehearse_on(&set, &first, &rehearsal).unwrap();
    judge.follow(&mut rehearsal, &first, delta, set.slot_ahead(0).unwrap());
    let again = judge.rehearse_on(&set, &first, &rehearsal);
    assert_eq!(again, Err(Verdict::Waiting));
    let head = first.header().id();
    let next = stage.draft_after(&a, Some(Tip { seq: 0, head }), COUNT, content());
    assert_eq!(judge.rehearse_on(&set, &next, &rehearsal), Ok(1));
    assert_eq!(set.slot_ahead(usize::MAX), None);
}

/// Whoever writes a branch at each of their records takes no more room.
#[test]
fn states_beside_a_spine_are_few_however_many_branches_there_are() {
    let (mut stage, a, _) = two();
    let mut tips = Vec::from([None]);
    for _ in 0..100 {
        count(&mut stage, &a, &[], 0);
        tips.push(stage.tip(&a));
    }
    stage.seal(&a, Finality::Open);
    let branches = tips[..100].iter();
    let branches: Vec<RecordId> = branches
        .map(|&tip| stage.write_after(&a, tip, COUNT, &[], &7_u64))
        .collect();
    let (mut set, mut judge) = all(&stage);
    let beside = judge.tips().filter(|tip| !set.on_spine(tip.slot));
    assert_eq!(beside.count(), BESIDE_MAX);
    assert_eq!(judge.tips().count(), BESIDE_MAX + 1, "and its end");
    let last = *set.spine(&a).last().unwrap();
    assert!(judge.state_at(last).is_some());
    assert!(again(&set, &judge).tips().eq(judge.tips()));
    // Where the state is gone, a branch goes on as well.
    for (seq, &head) in (0..).zip(&branches).step_by(9) {
        stage.write_after(&a, Some(Tip { seq, head }), COUNT, &[], &8_u64);
        let record = stage.records.last().unwrap().clone();
        let slot = set.insert(record).unwrap().slot();
        judge.update(&set, slot);
        let state = judge.state_at(slot).unwrap();
        assert_eq!((state.total, state.records), (15, seq + 2));
    }
}

/// The judge taken apart and put together again.
fn again(set: &RecordSet, judge: &Toy) -> Toy {
    let parts = Parts {
        verdicts: set.slots().map(|slot| judge.verdict(slot)).collect(),
        tips: judge
            .tips()
            .map(|tip| ChainTip {
                slot: tip.slot,
                state: tip.state.clone(),
                ended: tip.ended,
            })
            .collect(),
        waiting: judge
            .waiting()
            .map(|(id, slots)| (id, slots.to_vec()))
            .collect(),
        upgrade: judge.needs_upgrade(),
    };
    Judge::restored(Counters, judge.topic(), set, parts)
}

proptest::proptest! {
    #[test]
    fn a_judge_that_was_put_together_again_decides_the_same(
        keys in proptest::collection::vec(0_u32.., 32),
        moments in 0_u64..,
    ) {
        let stage = tangled();
        let mut records: Vec<_> = stage.records.iter().zip(keys).collect();
        records.sort_by_key(|(_, key)| *key);
        let (mut set, mut judge) = (RecordSet::new(stage.domain()), judge(&stage));
        let mut other = judge.clone();
        let mut moment = 0;
        while !records.is_empty() {
            records.retain(|(record, _)| {
                let Ok(added) = set.insert((*record).clone()) else {
                    return true;
                };
                moment += 1;
                if moments & (1 << (moment % 64)) != 0 {
                    other = again(&set, &other);
                }
                let decided = judge.update(&set, added.slot());
                assert_eq!(other.update(&set, added.slot()), decided);
                false
            });
        }
        let waiting: Vec<_> = judge.waiting().collect();
        proptest::prop_assert_eq!(other.waiting().collect::<Vec<_>>(), waiting);
        proptest::prop_assert!(other.tips().eq(judge.tips()));
        for slot in set.slots() {
            proptest::prop_assert_eq!(other.verdict(slot), judge.verdict(slot));
            let state = judge.state(&set, Some(slot));
            proptest::prop_assert_eq!(other.state(&set, Some(slot)), state);
        }
    }
}

#[test]
fn a_judge_that_was_put_together_again_knows_what_needs_an_upgrade() {
    let (mut stage, _, _) = two();
    under_newer_format(&mut stage);
    let (set, judge) = all(&stage);
    assert!(judge.needs_upgrade().is_some());
    assert_eq!(again(&set, &judge).needs_upgrade(), judge.needs_upgrade());
}
