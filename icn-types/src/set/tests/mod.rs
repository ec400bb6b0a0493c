mod damage;
mod decisions;
mod evidence;
mod format;
mod hostile;
mod outline;
mod receivers;
mod reference;
mod reopened;
mod roll;
mod twins;
mod worlds;

use alloc::vec::Vec;

use super::*;
use crate::authority::{Consent, Finality, Grant, RollChange, Start, Tip};
use crate::canon::List;
use crate::chain::Owner;
use crate::error::Coded as _;
use crate::id::UnitId;
use crate::key::Signer as _;
use crate::record::{Content, Draft, Place};
use crate::testkit::stage::{GRANT, Stage, key_of};
use crate::time::Timestamp;
use crate::verdict::Breach;

const NOTE: Kind = Kind::new(67);
const UNIT: UnitId = UnitId::from_bytes([1; 32]);

fn two() -> (Stage, ChainId, ChainId) {
    let mut stage = Stage::new(1, 4);
    let ledger = stage.ledger(UNIT);
    let a = stage.open_member(0, &ledger, Some(GRANT));
    let b = stage.open_member(1, &ledger, Some(GRANT));
    (stage, a, b)
}

fn note(stage: &mut Stage, chain: &ChainId, number: u64) -> RecordId {
    stage.write(chain, NOTE, &[], &number)
}

fn note_after(stage: &mut Stage, chain: &ChainId, prev: Option<Tip>, number: u64) -> Tip {
    let head = stage.write_after(chain, prev, NOTE, &[], &number);
    Tip {
        seq: prev.map_or(0, |tip| tip.seq + 1),
        head,
    }
}

fn spine_ids(set: &RecordSet, chain: &ChainId) -> Vec<RecordId> {
    set.spine(chain)
        .iter()
        .map(|&slot| set.record(slot).id())
        .collect()
}

fn verdict(stage: &Stage, id: &RecordId) -> Verdict<AuthorityRule> {
    stage.set.verdict(stage.set.find(id).unwrap())
}

fn broken(stage: &Stage, id: &RecordId) -> &'static str {
    match verdict(stage, id) {
        Verdict::Invalid(breach) => breach.code(),
        other => panic!("expected a breach, found {other:?}"),
    }
}

#[test]
fn a_chain_without_a_fork_is_its_own_spine() {
    let (mut stage, a, _) = two();
    let ids: Vec<_> = (0..5).map(|n| note(&mut stage, &a, n)).collect();
    assert_eq!(spine_ids(&stage.set, &a), ids);
    assert!(stage.set.is_straight());
    assert_eq!(stage.set.bends(), 0);
}

#[test]
fn a_fork_ends_the_spine_and_is_evidence_of_its_two_lowest_ids() {
    let (mut stage, a, _) = two();
    let first = note(&mut stage, &a, 0);
    let at = stage.tip(&a);
    let mut branches: Vec<RecordId> = (1..4)
        .map(|n| note_after(&mut stage, &a, at, n).head)
        .collect();
    branches.sort();
    assert_eq!(spine_ids(&stage.set, &a), [first]);
    let (low, high) = stage.set.fork(&a).unwrap();
    assert_eq!(
        [low, high].map(|slot| stage.set.record(slot).id()),
        branches[..2]
    );
    assert_eq!(stage.set.canonical().beside().len(), 2);
}

#[test]
fn the_digest_tells_whether_a_record_beside_a_spine_is_bare() {
    let (mut stage, a, _) = two();
    let heads = [1, 2].map(|number| note_after(&mut stage, &a, None, number).head);
    let topic = stage.ledger(UNIT).id();
    let record = stage.records.last().unwrap();
    let others = stage
        .records
        .iter()
        .filter(|other| other.id() != record.id());
    let mut set = stage.replay(others);
    let bare = Record::bare(record.header().clone(), *record.signature());
    set.receive(bare).unwrap();
    let contents = |set: &RecordSet| heads.map(|id| set.canonical().irregular(topic)[&id]);
    let digest = |set: &RecordSet| set.canonical().digest(topic);
    assert_eq!(contents(&set), [true, false]);
    assert_ne!(digest(&set), digest(&stage.set));
    set.insert(record.clone()).unwrap();
    assert_eq!(contents(&set), [true, true]);
    assert_eq!(digest(&set), digest(&stage.set));
}

#[test]
fn an_open_seal_settles_a_fork_and_a_later_fork_below_it_changes_nothing() {
    let (mut stage, a, _) = two();
    note(&mut stage, &a, 0);
    let root = stage.tip(&a);
    let honoured = note_after(&mut stage, &a, root, 1);
    note_after(&mut stage, &a, root, 2);
    stage.seal_at(&a, Some(honoured), Finality::Open);
    assert_eq!(stage.set.spine(&a).len(), 2);
    let later = note_after(&mut stage, &a, Some(honoured), 3);
    assert_eq!(stage.set.spine(&a).len(), 3);
    let before = spine_ids(&stage.set, &a);
    note_after(&mut stage, &a, None, 9);
    note_after(&mut stage, &a, root, 8);
    assert_eq!(spine_ids(&stage.set, &a), before);
    assert_eq!(before[2], later.head);
}

#[test]
fn a_contradicting_seal_row_counts_for_nothing_and_neither_do_later_ones() {
    let (mut stage, a, _) = two();
    let one = note_after(&mut stage, &a, None, 1);
    let other = note_after(&mut stage, &a, None, 2);
    let other2 = note_after(&mut stage, &a, Some(other), 3);
    stage.seal_at(&a, Some(one), Finality::Open);
    let before = spine_ids(&stage.set, &a);
    let contradicting = stage.seal_at(&a, Some(other2), Finality::Open);
    assert!(verdict(&stage, &contradicting).is_valid());
    assert_eq!(spine_ids(&stage.set, &a), before);
    let one2 = note_after(&mut stage, &a, Some(one), 4);
    let one3 = note_after(&mut stage, &a, Some(one2), 5);
    stage.seal_at(&a, Some(one3), Finality::Open);
    assert_eq!(stage.set.sealed_len(&a), 1);
}

#[test]
fn after_a_final_seal_only_the_next_epoch_counts() {
    let (mut stage, a, _) = two();
    note(&mut stage, &a, 0);
    let sealed = stage.tip(&a);
    let old_open = stage.open_of(&a);
    let old_key = stage.key(&a).clone();
    stage.reopen(&a, sealed, 0);
    let place = Place::Entry {
        topic: stage.ledger(UNIT).id(),
        chain: a,
        epoch: old_open,
        seq: 1,
        prev: sealed.map(|tip| tip.head),
    };
    let content = Content::new(Vec::new(), None, &1_u64).unwrap();
    let late = Draft::new(place, NOTE, Timestamp::default(), content).unwrap();
    stage.sign(late, &old_key);
    assert_eq!(stage.set.spine(&a).len(), 1);
    let next = note(&mut stage, &a, 2);
    assert_eq!(spine_ids(&stage.set, &a)[1], next);
    assert!(stage.set.fork(&a).is_none());
}

#[test]
fn what_a_final_seal_ended_stays_ended_under_later_seals_of_the_same_head() {
    let (mut stage, a, _) = two();
    note(&mut stage, &a, 0);
    let sealed = stage.tip(&a);
    let dropped = note_after(&mut stage, &a, sealed, 1);
    stage.reopen(&a, sealed, 0);
    stage.seal_at(&a, sealed, Finality::Open);
    assert_eq!(stage.set.spine(&a).len(), 1, "after a checkpoint");
    stage.reopen(&a, sealed, 0);
    let next = note(&mut stage, &a, 2);
    assert_eq!(spine_ids(&stage.set, &a)[1..], [next]);
    assert!(stage.set.fork(&a).is_none());
    let others = stage.records.iter();
    let mut late = stage.replay(others.filter(|record| record.id() != dropped.head));
    let record = stage
        .records
        .iter()
        .find(|record| record.id() == dropped.head);
    late.insert(record.unwrap().clone()).unwrap();
    assert_eq!(spine_ids(&late, &a), spine_ids(&stage.set, &a));
}

#[test]
fn a_row_stands_where_it_says_before_its_head_is_stored() {
    let (mut stage, a, _) = two();
    assert_eq!(stage.set.newest_row(&a), None);
    let head = note(&mut stage, &a, 1);
    stage.seal(&a, Finality::Open);
    let tip = Some(Tip { seq: 0, head });
    let acts = stage.records.iter();
    let part = stage.replay(acts.filter(|record| record.id() != head));
    assert_eq!((part.newest_row(&a), part.sealed_len(&a)), (tip, 0));
    assert_eq!(
        (stage.set.newest_row(&a), stage.set.sealed_len(&a)),
        (tip, 1)
    );
}

#[test]
fn a_seal_before_the_first_record_keeps_the_ended_epoch_out() {
    let (mut stage, a, _) = two();
    let old_open = stage.open_of(&a);
    let old_key = stage.key(&a).clone();
    stage.reopen(&a, None, 0);
    let place = Place::Entry {
        topic: stage.ledger(UNIT).id(),
        chain: a,
        epoch: old_open,
        seq: 0,
        prev: None,
    };
    let content = Content::new(Vec::new(), None, &1_u64).unwrap();
    stage.sign(
        Draft::new(place, NOTE, Timestamp::default(), content).unwrap(),
        &old_key,
    );
    assert!(stage.set.spine(&a).is_empty());
    note(&mut stage, &a, 2);
    assert_eq!(stage.set.spine(&a).len(), 1);
}

#[test]
fn equal_sets_in_any_order_of_arrival_have_equal_digests() {
    let (mut stage, a, b) = two();
    note(&mut stage, &a, 0);
    let root = stage.tip(&a);
    let honoured = note_after(&mut stage, &a, root, 1);
    let lost = note_after(&mut stage, &a, root, 2);
    stage.write(&b, NOTE, &[lost.head], &1_u64);
    stage.seal_at(&a, Some(honoured), Finality::Open);
    note(&mut stage, &b, 2);
    let topics = stage.topics();
    let digests = |set: &RecordSet| {
        topics
            .iter()
            .map(|topic| set.canonical().digest(*topic))
            .collect::<Vec<_>>()
    };
    let expected = digests(&stage.set);
    let mut records = stage.records.clone();
    for round in 0..records.len() {
        records.rotate_left(round % 3 + 1);
        records.reverse();
        assert_eq!(digests(&stage.replay(&records)), expected, "round {round}");
    }
}

/// Found by worlds of icn-sync: the head of the later, contradicting row came
/// first, so the answer for the last row was known while the earlier was not.
#[test]
fn a_row_counts_when_its_head_comes_after_that_of_a_contradicting_row() {
    let (mut stage, a, _) = two();
    let one = note_after(&mut stage, &a, None, 1);
    let other = note_after(&mut stage, &a, None, 2);
    let other2 = note_after(&mut stage, &a, Some(other), 3);
    stage.seal_at(&a, Some(one), Finality::Open);
    stage.seal_at(&a, Some(other2), Finality::Open);
    assert_eq!(stage.set.sealed_len(&a), 1);
    let late = |id: RecordId| id == one.head;
    let (last, first): (Vec<_>, Vec<_>) =
        stage.records.iter().partition(|record| late(record.id()));
    let set = stage.replay(first.into_iter().chain(last));
    assert_eq!(set.sealed_len(&a), 1);
}

/// Found by worlds of icn-sync: the epoch that the dropped Seal had ended and
/// the one that it made room for both go on after the sealed record.
#[test]
fn a_recall_that_drops_a_final_seal_shows_the_fork_that_it_had_hidden() {
    let (mut stage, a, _) = two();
    note(&mut stage, &a, 0);
    let root = stage.tip(&a);
    let honoured = stage.seal(&a, Finality::Open);
    note_after(&mut stage, &a, root, 1);
    stage.reopen(&a, root, 0);
    note(&mut stage, &a, 2);
    assert_eq!(stage.set.spine(&a).len(), 2);
    stage.recall(honoured, &[]);
    assert_eq!(stage.set.spine(&a).len(), 1);
    assert!(stage.set.fork(&a).is_some());
    let recall_first = stage
        .replay(stage.records.iter().rev())
        .canonical()
        .digest(stage.ledger(UNIT).id());
    let recall_last = stage.set.canonical().digest(stage.ledger(UNIT).id());
    assert_eq!(recall_first, recall_last);
}

#[test]
fn a_record_whose_content_is_missing_changes_the_digest_until_it_comes() {
    let (mut stage, a, _) = two();
    note(&mut stage, &a, 0);
    let last = stage.records.last().unwrap().clone();
    let topic = stage.ledger(UNIT).id();
    let complete = stage.set.canonical().digest(topic);
    let mut set = stage.replay(&stage.records[..stage.records.len() - 1]);
    let bare = Record::bare(last.header().clone(), *last.signature());
    set.receive(bare).unwrap();
    assert_ne!(set.canonical().digest(topic), complete);
    assert_eq!(
        set.insert(last)
            .map(|added| matches!(added, Added::Completed(_))),
        Ok(true)
    );
    assert_eq!(set.canonical().digest(topic), complete);
}

#[test]
fn records_of_chains_without_an_open_are_refused() {
    let (mut stage, a, _) = two();
    note(&mut stage, &a, 0);
    let mut empty = RecordSet::new(stage.domain());
    let record = stage.records.last().unwrap().clone();
    assert_eq!(
        empty.insert(record).unwrap_err().code(),
        "set.missing.epoch"
    );
    assert!(empty.is_empty());
}

#[test]
fn a_record_replayed_in_another_place_is_refused() {
    let (mut stage, a, b) = two();
    let other = Stage::new(2, 4);
    note(&mut stage, &a, 0);
    let open = stage.open_of(&a);
    let (topic, key) = (stage.ledger(UNIT).id(), stage.key(&a).clone());
    let draft = |topic, chain, epoch, seq, prev| {
        let place = Place::Entry {
            topic,
            chain,
            epoch,
            seq,
            prev,
        };
        let content = Content::new(Vec::new(), None, &5_u64).unwrap();
        Draft::new(place, NOTE, Timestamp::default(), content)
            .unwrap()
            .sign(&key)
            .unwrap()
    };
    let head = stage.tip(&a).map(|tip| tip.head);
    let mut refuse = |record, code| assert_eq!(stage.set.insert(record).unwrap_err().code(), code);
    refuse(draft(topic, b, open, 1, head), "set.epoch");
    refuse(
        draft(Topic::Governance(other.domain()).id(), a, open, 1, head),
        "set.epoch",
    );
    refuse(draft(topic, a, head.unwrap(), 1, head), "set.epoch");
    refuse(draft(topic, a, open, 5, head), "set.place");
    refuse(
        draft(topic, a, open, 1, Some(RecordId::from_bytes([9; 32]))),
        "set.missing.prev",
    );
    assert_eq!(
        stage
            .set
            .insert(other.records[0].clone())
            .unwrap_err()
            .code(),
        "set.domain"
    );
}

#[test]
fn a_record_under_another_key_is_refused() {
    let (mut stage, a, _) = two();
    let content = Content::new(Vec::new(), None, &5_u64).unwrap();
    let draft = stage.draft_after(&a, None, NOTE, content);
    let record = draft.sign(&stage.draw_key()).unwrap();
    assert_eq!(
        stage.set.insert(record.clone()).unwrap_err().code(),
        "set.signature"
    );
    let bare = Record::bare(record.header().clone(), *record.signature());
    assert_eq!(stage.set.receive(bare).unwrap_err().code(), "set.signature");
}

#[test]
fn a_charter_without_its_content_is_refused() {
    let stage = Stage::new(1, 4);
    let charter = &stage.records[0];
    let mut set = RecordSet::new(stage.domain());
    let bare = Record::bare(charter.header().clone(), *charter.signature());
    assert_eq!(set.receive(bare).unwrap_err().code(), "set.missing.content");
}

#[test]
fn followers_of_different_topics_have_equal_authority_digests() {
    let (mut stage, a, _) = two();
    let other = stage.open_member(2, &stage.governance(), None);
    note(&mut stage, &a, 0);
    let root = stage.records[stage.records.len() - 2].id();
    let row = stage.seal_row(&a, stage.tip(&a), Finality::Open);
    let seal = |rows| {
        Act::Seal(crate::authority::Seal {
            rows: List::new(rows).unwrap(),
        })
    };
    let dropped = stage.act_after(root, &seal([row]), &[]);
    stage.recall(root, &[]);
    stage.write(&a, NOTE, &[dropped], &1_u64);
    note(&mut stage, &other, 2);
    let (ledger, governance) = (stage.ledger(UNIT).id(), stage.governance().id());
    let without = |topic| {
        stage.replay(
            stage
                .records
                .iter()
                .filter(|record| record.topic() != topic),
        )
    };
    let authority = Topic::Authority(stage.domain()).id();
    let digests = [&stage.set, &without(ledger), &without(governance)]
        .map(|set| set.canonical().digest(authority));
    assert!(!stage.set.canonical().irregular(ledger).is_empty());
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
}

#[test]
fn a_ref_out_of_another_topic_makes_nothing_canonical() {
    let (mut stage, a, _) = two();
    let other = stage.open_member(2, &stage.governance(), None);
    note(&mut stage, &a, 0);
    let root = stage.tip(&a);
    let mut branches: Vec<Tip> = (1..4)
        .map(|n| note_after(&mut stage, &a, root, n))
        .collect();
    branches.sort_by_key(|tip| tip.head);
    stage.write(&other, NOTE, &[branches[2].head], &1_u64);
    let third = stage.set.find(&branches[2].head).unwrap();
    assert!(!stage.set.canonical().contains(third));
    let ledger = stage.ledger(UNIT).id();
    let governance = stage.governance().id();
    let alone = stage.replay(
        stage
            .records
            .iter()
            .filter(|record| record.topic() != governance),
    );
    assert_eq!(
        stage.set.canonical().digest(ledger),
        alone.canonical().digest(ledger)
    );
}

mod office {
    use super::*;

    #[test]
    fn an_open_needs_the_consent_of_the_key_in_force_or_of_its_recovery_key() {
        let (mut stage, a, _) = two();
        let chain = stage
            .ledger(UNIT)
            .chain(Owner::Member(stage.members()[0].inception.id(), 0));
        stage.seal(&a, Finality::Final);
        let start = Start::After {
            prior: stage.open_of(&a),
            tip: None,
        };
        let new = stage.draw_key();
        let forged = stage.open_body(chain, &new, start, 0, Some(GRANT), &new);
        let id = stage.act(&Act::Open(forged), &[]);
        assert_eq!(broken(&stage, &id), "open.consent");

        let (mut stage, a, _) = two();
        stage.seal(&a, Finality::Final);
        let start = Start::After {
            prior: stage.open_of(&a),
            tip: None,
        };
        let mut open = stage.open_body(chain, &new, start, 0, Some(GRANT), &new);
        let recovery = key_of(1, "chain-recovery", 0);
        let terms = crate::canon::to_bytes(&open.consent_terms(stage.domain()));
        open.consent = Consent::Recovery(recovery.sign(&terms).unwrap());
        let id = stage.act(&Act::Open(open), &[]);
        assert!(verdict(&stage, &id).is_valid());
    }

    #[test]
    fn consent_covers_key_recovery_grant_and_start() {
        let (mut stage, a, _) = two();
        stage.seal(&a, Finality::Final);
        let chain = stage
            .ledger(UNIT)
            .chain(Owner::Member(stage.members()[0].inception.id(), 0));
        let start = Start::After {
            prior: stage.open_of(&a),
            tip: None,
        };
        let owner = stage.key(&a).clone();
        let new = stage.draw_key();
        let honest = stage.open_body(chain, &new, start, 0, Some(GRANT), &owner);
        let thief = stage.draw_key().public_key();
        let changed: [fn(&mut Open, PublicKey); 4] = [
            |open, thief| open.key = thief,
            |open, thief| open.recovery = thief,
            |open, _| open.grant = Some(Grant { floor: -1, ..GRANT }),
            |open, _| open.format = crate::authority::FORMAT + 1,
        ];
        for change in changed {
            let mut copy = stage.clone();
            let mut open = honest.clone();
            change(&mut open, thief);
            let id = copy.act(&Act::Open(open), &[]);
            assert_eq!(broken(&copy, &id), "open.consent");
        }
        let id = stage.act(&Act::Open(honest), &[]);
        assert!(verdict(&stage, &id).is_valid());
    }

    #[test]
    fn an_open_follows_the_current_one_at_its_final_seal() {
        let (stage, a, _) = two();
        let chain = stage
            .ledger(UNIT)
            .chain(Owner::Member(stage.members()[0].inception.id(), 0));
        let owner = stage.key(&a).clone();
        let prior = stage.open_of(&a);
        let attempt = |stage: &mut Stage, start| {
            let open = stage.open_body(chain, &owner, start, 0, Some(GRANT), &owner);
            stage.act(&Act::Open(open), &[])
        };
        let mut s = stage.clone();
        let id = attempt(&mut s, Start::First);
        assert_eq!(broken(&s, &id), "open.order");
        let mut s = stage.clone();
        let id = attempt(&mut s, Start::After { prior, tip: None });
        assert_eq!(broken(&s, &id), "open.head");
        let mut s = stage;
        note(&mut s, &a, 1);
        s.seal(&a, Finality::Final);
        let id = attempt(&mut s, Start::After { prior, tip: None });
        assert_eq!(broken(&s, &id), "open.head");
    }

    #[test]
    fn strangers_and_the_registrar_have_no_chain_to_open() {
        let mut stage = Stage::new(1, 4);
        let key = stage.draw_key();
        let stranger = crate::key::MemberId::from_bytes([3; 32]);
        for owner in [Owner::Member(stranger, 0), Owner::Registrar] {
            let mut stage = stage.clone();
            let chain = stage.ledger(UNIT).chain(owner);
            let open = stage.open_body(chain, &key, Start::First, 0, None, &key);
            let id = stage.act(&Act::Open(open), &[]);
            assert_eq!(broken(&stage, &id), "open.owner");
        }
    }

    #[test]
    fn seal_rows_follow_each_other_and_carry_headers_of_their_chain() {
        let (mut stage, a, b) = two();
        let one = note_after(&mut stage, &a, None, 1);
        let two = note_after(&mut stage, &a, Some(one), 2);
        stage.seal_at(&a, Some(two), Finality::Open);
        let mut s = stage.clone();
        let id = s.seal_at(&a, Some(one), Finality::Open);
        assert_eq!(broken(&s, &id), "seal.order");
        let mut s = stage.clone();
        s.seal_at(&a, Some(two), Finality::Final);
        let id = s.seal_at(&a, Some(two), Finality::Open);
        assert_eq!(broken(&s, &id), "seal.order");
        let id = stage.seal_at(&b, Some(two), Finality::Open);
        assert_eq!(broken(&stage, &id), "seal.header");
    }

    #[test]
    fn what_follows_an_invalid_act_is_ended_and_has_no_effect() {
        let (mut stage, a, _) = two();
        let one = note_after(&mut stage, &a, None, 1);
        let wrong = stage.seal_at(&a, None, Finality::Final);
        assert!(verdict(&stage, &wrong).is_valid());
        let wrong = stage.seal_at(&a, None, Finality::Final);
        assert_eq!(broken(&stage, &wrong), "seal.order");
        let after = stage.seal_at(&a, Some(one), Finality::Open);
        assert_eq!(verdict(&stage, &after), Verdict::Invalid(Breach::Ended));
    }

    #[test]
    fn unknown_kinds_and_bodies_are_invalid_not_unreadable() {
        let stage = Stage::new(1, 4);
        let prev = stage.records[0].id();
        for (kind, code) in [
            (Kind::new(31), "invalid.kind"),
            (Kind::SEAL, "invalid.body"),
        ] {
            let mut stage = stage.clone();
            let place = Place::Entry {
                topic: stage.records[0].topic(),
                chain: stage.set.authority(),
                epoch: prev,
                seq: 1,
                prev: Some(prev),
            };
            let content = Content::new(Vec::new(), None, &1_u64).unwrap();
            let draft = Draft::new(place, kind, Timestamp::default(), content).unwrap();
            let key = stage.registrar().clone();
            let id = stage.sign(draft, &key);
            assert_eq!(broken(&stage, &id), code);
        }
    }

    #[test]
    fn an_act_waits_for_what_it_refs() {
        let (mut stage, _, _) = two();
        let unknown = RecordId::from_bytes([5; 32]);
        let id = stage.act(&Act::Adopt, &[unknown]);
        assert!(verdict(&stage, &id).is_waiting());
    }

    #[test]
    fn members_join_once_and_leave_once() {
        let mut stage = Stage::new(1, 4);
        let (key, recovery) = (stage.draw_key(), stage.draw_key());
        let community = stage.members()[0].inception.community;
        let member = crate::key::Inception {
            community,
            key: key.public_key(),
            recovery: recovery.public_key(),
        };
        let join = Act::Roll(RollChange {
            join: List::new([member.clone()]).unwrap(),
            leave: List::empty(),
        });
        let id = stage.act(&join, &[]);
        assert!(verdict(&stage, &id).is_valid());
        assert_eq!(stage.set.office().unwrap().roll().len(), 5);
        let mut twice = stage.clone();
        let id = twice.act(&join, &[]);
        assert_eq!(broken(&twice, &id), "roll.member");
        let leave = Act::Roll(RollChange {
            join: List::empty(),
            leave: List::new([member.id()]).unwrap(),
        });
        let id = stage.act(&leave, &[]);
        assert!(verdict(&stage, &id).is_valid());
        let id = stage.act(&leave, &[]);
        assert_eq!(broken(&stage, &id), "roll.member");
    }

    #[test]
    fn a_raise_lowers_the_floor_of_a_current_epoch_only() {
        let (mut stage, a, _) = two();
        stage.raise(&a, -150);
        assert_eq!(
            stage.set.office().unwrap().seat(&a).unwrap().floor(),
            Some(-150)
        );
        let old = stage.open_of(&a);
        let mut higher = stage.clone();
        let id = higher.raise(&a, -120);
        assert_eq!(broken(&higher, &id), "raise.epoch");
        stage.reopen(&a, None, 0);
        let id = stage.act(
            &Act::Raise(crate::authority::Raise {
                open: old,
                floor: -500,
            }),
            &[],
        );
        assert_eq!(broken(&stage, &id), "raise.epoch");
    }
}

mod recall {
    use super::*;

    /// The registrar opens `a` again on a branch, and forks.
    fn forked() -> (Stage, ChainId, RecordId, RecordId) {
        let (mut stage, a, _) = two();
        note(&mut stage, &a, 0);
        let root = stage
            .records
            .iter()
            .rev()
            .find(|r| r.chain() == stage.set.authority())
            .unwrap()
            .id();
        let tip = stage.tip(&a);
        let open = stage.reopen(&a, tip, 0);
        note(&mut stage, &a, 1);
        let open_of_a = stage.records[1].id();
        let twin = Act::Raise(crate::authority::Raise {
            open: open_of_a,
            floor: -150,
        });
        stage.act_after(root, &twin, &[]);
        (stage, a, root, open)
    }

    #[test]
    fn a_forked_registrar_suspends_what_is_above_the_fork() {
        let (stage, a, root, _) = forked();
        let authority = stage.set.authority();
        assert_eq!(spine_ids(&stage.set, &authority).last(), Some(&root));
        assert!(stage.set.fork(&authority).is_some());
        assert_eq!(stage.set.sealed_len(&a), 0);
        assert_eq!(stage.set.spine(&a).len(), 2, "opens are not suspended");
    }

    #[test]
    fn a_recall_that_adopts_keeps_the_epochs_that_members_used() {
        let (mut stage, a, root, open) = forked();
        let recall = stage.recall(root, &[open]);
        assert!(verdict(&stage, &recall).is_valid());
        assert_eq!(stage.set.office().unwrap().seat(&a).unwrap().open(), open);
        assert_eq!(stage.set.spine(&a).len(), 2);
        assert_eq!(
            stage.set.sealed_len(&a),
            1,
            "with the final seal that the open follows"
        );
        let seal = stage.seal(&a, Finality::Open);
        assert!(verdict(&stage, &seal).is_valid());
        assert_eq!(stage.set.sealed_len(&a), 2);
    }

    #[test]
    fn an_adopt_takes_over_an_open_that_became_known_late() {
        let (mut stage, a, root, open) = forked();
        stage.recall(root, &[]);
        assert_ne!(stage.set.office().unwrap().seat(&a).unwrap().open(), open);
        let adopt = stage.act(&Act::Adopt, &[open]);
        assert!(verdict(&stage, &adopt).is_valid());
        assert_eq!(stage.set.office().unwrap().seat(&a).unwrap().open(), open);
        let twice = stage.act(&Act::Adopt, &[open]);
        assert_eq!(broken(&stage, &twice), "adopt.open");
    }

    /// An entry can name nothing but a Seal for what it relies on.
    #[test]
    fn a_row_that_an_adopt_took_over_is_not_the_newest_seal() {
        let (mut stage, a, root, open) = forked();
        stage.recall(root, &[]);
        let before = stage.set.newest_row(&a);
        let adopt = stage.act(&Act::Adopt, &[open]);
        let written = stage.set.find(&adopt).unwrap();
        assert_ne!(stage.set.newest_row(&a), before, "it wrote a row");
        let seal = stage.set.newest_seal(&a).map(|(seal, _)| seal);
        assert_ne!(seal, Some(written));
    }

    #[test]
    fn two_thirds_of_the_roll_are_not_enough_and_foreign_votes_count_nothing() {
        let (mut stage, _, root, _) = forked();
        let short = |count: usize, stage: &Stage| {
            let mut members = stage.members().to_vec();
            members.truncate(count);
            members
        };
        let recall = |stage: &mut Stage, people: Vec<crate::testkit::stage::Person>| {
            let successor = stage.draw_key();
            let terms = crate::canon::to_bytes(&crate::authority::VoteTerms {
                domain: stage.domain(),
                honoured: root,
                successor: successor.public_key(),
            });
            let votes: Vec<_> = people
                .iter()
                .map(|person| crate::authority::Vote {
                    voter: crate::authority::Voter::Member(person.inception.id()),
                    signature: person.key.sign(&terms).unwrap(),
                })
                .collect();
            let body = crate::authority::Recall {
                successor: successor.public_key(),
                votes: List::new(votes).unwrap(),
            };
            let before = stage.set.record(stage.set.find(&root).unwrap());
            let place = Place::Succession {
                topic: before.topic(),
                chain: before.chain(),
                seq: before.seq() + 1,
                prev: root,
            };
            let content = Content::new(Vec::new(), None, &body).unwrap();
            let draft = Draft::new(place, Kind::RECALL, Timestamp::default(), content).unwrap();
            stage.set.insert(draft.sign(&successor).unwrap())
        };
        let people = short(2, &stage);
        assert_eq!(recall(&mut stage, people), Err(Refusal::Recall));
        let people = short(3, &stage);
        let slot = recall(&mut stage, people).unwrap().slot();
        assert!(stage.set.verdict(slot).is_valid());
        let mut people = short(3, &stage);
        people[0].key = stage.draw_key();
        assert_eq!(recall(&mut stage, people), Err(Refusal::Recall));
    }

    #[test]
    fn a_small_roll_recalls_by_recovery_key() {
        let mut stage = Stage::new(1, 3);
        let root = stage.records[0].id();
        let recall = stage.recall(root, &[]);
        assert!(verdict(&stage, &recall).is_valid());
    }
}

mod votes {
    use super::*;
    use crate::authority::{Close, DecisionTerms, Opening, Outcome, ProposalId};
    use crate::canon::Raw;
    use crate::id::Digest;
    use crate::topic::Topic;

    fn opening(stage: &Stage, proposal: u8, record: RecordId, roll: Digest) -> Act {
        let teller = Topic::Governance(stage.domain()).chain(Owner::Teller(0));
        Act::Opening(Opening {
            proposal: ProposalId::from_bytes([proposal; 32]),
            record,
            actions: List::empty(),
            rule: Raw::of(&0_u64),
            roll,
            terms: DecisionTerms {
                tellers: List::new([teller.id()]).unwrap(),
                needed: 1,
                period: 0,
                timelock: 0,
            },
        })
    }

    #[test]
    fn an_opening_freezes_the_roll_of_its_own_branch() {
        let mut stage = Stage::new(1, 4);
        let nowhere = RecordId::from_bytes([0; 32]);
        let everybody = stage.set.office().unwrap().roll_digest();
        let before = opening(&stage, 1, nowhere, everybody);
        let before = stage.act(&before, &[]);
        let leaver = stage.members()[2].inception.id();
        let change = Act::Roll(RollChange {
            join: List::empty(),
            leave: List::new([leaver]).unwrap(),
        });
        stage.act(&change, &[]);
        let rest = stage.set.office().unwrap().roll_digest();
        let after = opening(&stage, 2, nowhere, rest);
        let after = stage.act(&after, &[]);
        let beside = opening(&stage, 3, nowhere, everybody);
        let beside = stage.act_after(before, &beside, &[]);
        for set in [stage.set.clone(), stage.replay(stage.records.iter().rev())] {
            let on_roll = |id: &RecordId| {
                let frozen = set.frozen(set.find(id).unwrap()).unwrap();
                assert!(frozen.is_on_roll(&stage.members()[0].inception.id()));
                (frozen.roll().len(), frozen.is_on_roll(&leaver))
            };
            assert_eq!(on_roll(&before), (4, true));
            assert_eq!(on_roll(&after), (3, false));
            assert_eq!(on_roll(&beside), (4, true));
        }
    }

    #[test]
    fn what_a_vote_names_stays_canonical_when_its_chain_forks_later() {
        let mut stage = Stage::new(1, 4);
        let topic = stage.governance();
        let member = stage.open_member(0, &topic, None);
        let proposal = note(&mut stage, &member, 0);
        note(&mut stage, &member, 1);
        let teller = topic.chain(Owner::Teller(0));
        let teller = stage.open(teller, key_of(1, "teller", 0), None);
        note(&mut stage, &teller, 0);
        let shut = note(&mut stage, &teller, 1);
        let roll = stage.set.office().unwrap().roll_digest();
        let act = opening(&stage, 1, proposal, roll);
        let opened = stage.act(&act, &[]);
        let close = Act::Close(Close {
            opening: opened,
            outcome: Outcome::Rejected,
            shuts: List::new([shut]).unwrap(),
            tally: Raw::of(&0_u64),
        });
        stage.act(&close, &[opened]);
        for chain in [member, teller] {
            for number in 2..5 {
                note_after(&mut stage, &chain, None, number);
            }
        }
        let canonical = stage.set.canonical();
        for named in [proposal, shut] {
            let slot = stage.set.find(&named).unwrap();
            assert!(!stage.set.on_spine(slot));
            assert!(canonical.contains(slot));
        }
        // Nothing else of the forked chains is: their two lowest ids at most.
        assert!(canonical.beside().len() <= 2 + 2 + 3);
    }
}
