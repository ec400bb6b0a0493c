//! One test per attack or disorder that once moved a set.

use alloc::vec::Vec;

use super::reference::{Reference, drawn};
use super::*;
use crate::authority::{Recall, Seal, SealRow, Sealed, Vote, Voter};
use crate::key::Keypair;

fn entry(topic: TopicId, chain: ChainId, epoch: RecordId, prev: Option<Tip>, number: u64) -> Draft {
    let place = Place::Entry {
        topic,
        chain,
        epoch,
        seq: prev.map_or(0, |tip| tip.seq + 1),
        prev: prev.map(|tip| tip.head),
    };
    let content = Content::new(Vec::new(), None, &number).unwrap();
    Draft::new(place, NOTE, Timestamp::default(), content).unwrap()
}

/// A stranger's Recall after `honoured`, with a vote that counts for nothing.
fn stranger(stage: &Stage, honoured: &Record, key: &Keypair) -> Signed<Record> {
    let recall = Recall {
        successor: key.public_key(),
        votes: List::new([Vote {
            voter: Voter::Key(9),
            signature: key.sign(b"nothing").unwrap(),
        }])
        .unwrap(),
    };
    let place = Place::Succession {
        topic: honoured.topic(),
        chain: stage.set.authority(),
        seq: honoured.seq() + 1,
        prev: honoured.id(),
    };
    let content = Content::new(Vec::new(), None, &recall).unwrap();
    Draft::new(place, Kind::RECALL, Timestamp::default(), content)
        .unwrap()
        .sign(key)
        .unwrap()
}

fn last_act(stage: &Stage) -> Record {
    let authority = stage.set.authority();
    let records = stage.records.iter().rev();
    let last = records.clone().find(|record| record.chain() == authority);
    last.unwrap().clone().into_inner()
}

#[test]
fn recall_of_a_stranger_does_not_fork_the_registrar() {
    let (mut stage, a, _) = two();
    note(&mut stage, &a, 0);
    let honoured = last_act(&stage);
    stage.seal(&a, Finality::Open);
    let key = stage.draw_key();
    let garbage = stranger(&stage, &honoured, &key);
    let before = drawn(&stage.set);
    let len = stage.set.len();
    assert_eq!(stage.set.insert(garbage.clone()), Err(Refusal::Recall));
    let sent = crate::canon::from_bytes(&garbage.to_bytes()).unwrap();
    assert_eq!(stage.set.receive(sent), Err(Refusal::Recall));
    assert_eq!(stage.set.len(), len, "nothing is stored");
    assert!(stage.set.is_straight());
    assert_eq!(drawn(&stage.set), before);
    assert_eq!(Reference::new(&stage.set).picture(), before);
    assert!(stage.set.next_place(&stage.set.authority()).is_some());
}

#[test]
fn recall_of_a_head_that_is_not_valid_is_not_stored() {
    let (mut stage, a, _) = two();
    let root = last_act(&stage);
    stage.seal_at(&a, None, Finality::Final);
    let wrong = stage.seal_at(&a, None, Finality::Final);
    let mut later = stage.clone();
    later.recall(root.id(), &[]);
    let recall = later.records.last().unwrap();
    assert_eq!(recall.prev(), Some(root.id()));
    assert!(stage.set.insert(recall.clone()).is_ok(), "of a Valid head");
    let key = stage.draw_key();
    let wrong = stage.set.record(stage.set.find(&wrong).unwrap()).clone();
    let garbage = stranger(&stage, &wrong, &key);
    let refusal = stage.set.signatory(&garbage).unwrap_err();
    assert_eq!(refusal, Refusal::Recall, "before any signature");
}

#[test]
fn recall_of_a_head_that_waits_is_asked_for_again() {
    let (mut stage, a, _) = two();
    let seal = stage.seal(&a, Finality::Open);
    stage.recall(seal, &[]);
    let [recall, sealed] = [0, 1].map(|back| stage.records[stage.records.len() - 1 - back].clone());
    assert_eq!(sealed.id(), seal);
    let mut set = stage.replay(stage.records.iter().take(stage.records.len() - 2));
    let bare = Record::bare(sealed.header().clone(), *sealed.signature());
    let bare = bare.verify(&sealed.key().prepare()).unwrap();
    set.insert(bare).unwrap();
    assert_eq!(set.insert(recall.clone()), Err(Refusal::MissingPrev(seal)));
    set.insert(sealed).unwrap();
    let slot = set.insert(recall).unwrap().slot();
    assert!(set.verdict(slot).is_valid());
}

#[test]
fn nothing_is_stored_under_a_recall_that_is_not_valid() {
    let (mut stage, _, _) = two();
    let charter = stage.records[0].id();
    let recall = stage.recall(last_act(&stage).id(), &[charter]);
    assert_eq!(broken(&stage, &recall), "adopt.open");
    let (topic, chain) = (stage.records[0].topic(), stage.set.authority());
    let seq = stage.records.last().unwrap().seq();
    let tip = Tip { seq, head: recall };
    let under = entry(topic, chain, recall, Some(tip), 1);
    let under = under.sign(stage.registrar()).unwrap();
    assert_eq!(stage.set.insert(under).unwrap_err().code(), "set.epoch");
}

#[test]
fn records_under_a_waiting_recall_are_asked_for_again() {
    let (mut stage, a, _) = two();
    let root = last_act(&stage);
    let open = stage.reopen(&a, None, 0);
    let recall = stage.recall(root.id(), &[open]);
    let seal = stage.seal(&a, Finality::Open);
    let mut set = RecordSet::new(stage.domain());
    let mut late = Vec::new();
    for record in stage.records.clone() {
        match record.kind() {
            Kind::SEAL if record.id() != seal => late.push(record),
            _ if record.id() == seal => {
                assert_eq!(set.insert(record), Err(Refusal::MissingEpoch(recall)),);
            }
            _ if record.id() == open => late.push(record),
            _ => drop(set.insert(record).unwrap()),
        }
    }
    for record in late {
        set.insert(record).unwrap();
    }
    assert!(set.verdict(set.find(&recall).unwrap()).is_valid());
    assert!(set.insert(stage.records.last().unwrap().clone()).is_ok());
}

#[test]
fn open_on_a_members_own_chain_sets_no_key_for_anybody() {
    let (mut stage, a, b) = two();
    note(&mut stage, &b, 0);
    let victim = stage
        .ledger(UNIT)
        .chain(Owner::Member(stage.members()[1].inception.id(), 0));
    assert_eq!(victim.id(), b);
    let thief = stage.draw_key();
    let open = stage.open_body(victim, &thief, Start::First, 0, None, &thief);
    let id = stage.write(&a, Kind::OPEN, &[], &open);
    let forged = entry(victim.topic(), b, id, None, 9).sign(&thief).unwrap();
    assert_eq!(stage.set.insert(forged).unwrap_err().code(), "set.epoch");
    assert!(stage.set.open(&id).is_none());
    assert!(stage.set.fork(&b).is_none());
}

#[test]
fn seal_of_a_header_under_a_foreign_branch_does_not_depend_on_what_else_is_stored() {
    let (mut stage, a, _) = two();
    let base = last_act(&stage).id();
    let first = stage.open_of(&a);
    stage.reopen(&a, None, 0);
    let on_branch = note_after(&mut stage, &a, None, 1);
    let header = stage
        .set
        .record(stage.set.find(&on_branch.head).unwrap())
        .clone();
    let row = SealRow {
        chain: a,
        open: first,
        sealed: Some(Sealed {
            header: header.header().clone(),
            signature: *header.signature(),
        }),
        finality: Finality::Open,
    };
    let rows = List::new([row]).unwrap();
    let seal = stage.act_after(base, &Act::Seal(Seal { rows }), &[]);
    assert_eq!(broken(&stage, &seal), "seal.header");
    let sealing = stage.set.find(&seal).unwrap();
    let mut kin: Vec<_> = stage.set.back(sealing).collect();
    kin.reverse();
    let mut alone = RecordSet::new(stage.domain());
    for slot in kin {
        let id = stage.set.record(slot).id();
        let record = stage.records.iter().find(|record| record.id() == id);
        alone.insert(record.unwrap().clone()).unwrap();
    }
    let slot = alone.find(&seal).unwrap();
    assert_eq!(alone.verdict(slot), stage.set.verdict(sealing));
}

#[test]
fn sealed_header_lies_in_the_topic_of_its_chain() {
    let (mut stage, a, _) = two();
    let draft = entry(stage.governance().id(), a, stage.open_of(&a), None, 1);
    let record = draft.sign(stage.key(&a)).unwrap();
    let row = SealRow {
        chain: a,
        open: stage.open_of(&a),
        sealed: Some(Sealed {
            header: record.header().clone(),
            signature: *record.signature(),
        }),
        finality: Finality::Open,
    };
    let rows = List::new([row]).unwrap();
    let seal = stage.act(&Act::Seal(Seal { rows }), &[]);
    assert_eq!(broken(&stage, &seal), "seal.header");
}

#[test]
fn sealed_head_that_comes_late_counts_though_a_later_row_never_will() {
    let (mut stage, a, _) = two();
    let one = note_after(&mut stage, &a, None, 1);
    stage.seal_at(&a, Some(one), Finality::Open);
    let two = note_after(&mut stage, &a, Some(one), 2);
    stage.seal_at(&a, Some(two), Finality::Open);
    let beside = note_after(&mut stage, &a, Some(one), 3);
    stage.seal_at(&a, Some(beside), Finality::Open);
    assert_eq!(stage.set.sealed_len(&a), 2);
    let is_two = |record: &&Signed<Record>| record.id() == two.head;
    let late = stage.records.iter().find(is_two).unwrap().clone();
    let mut set = stage.replay(stage.records.iter().filter(|record| !is_two(record)));
    assert_eq!(set.sealed_len(&a), 1);
    set.insert(late).unwrap();
    assert_eq!(drawn(&set), drawn(&stage.set));
}

#[test]
fn final_row_that_a_recall_drops_lets_the_fork_show_again() {
    let (mut stage, a, _) = two();
    note(&mut stage, &a, 0);
    let tip = stage.tip(&a);
    stage.seal_at(&a, tip, Finality::Open);
    let honoured = last_act(&stage).id();
    let late = stage.draft_after(
        &a,
        tip,
        NOTE,
        Content::new(Vec::new(), None, &7_u64).unwrap(),
    );
    let old = stage.key(&a).clone();
    stage.reopen(&a, tip, 0);
    note(&mut stage, &a, 1);
    stage.sign(late, &old);
    assert_eq!(stage.set.spine(&a).len(), 2);
    stage.recall(honoured, &[]);
    assert_eq!(stage.set.spine(&a).len(), 1);
    assert!(stage.set.fork(&a).is_some());
    assert_eq!(drawn(&stage.set), Reference::new(&stage.set).picture());
}

#[test]
fn chain_of_which_nothing_is_canonical_has_no_row() {
    let (mut stage, a, _) = two();
    let topic = stage.ledger(UNIT).id();
    let late = stage.draft_after(
        &a,
        None,
        NOTE,
        Content::new(Vec::new(), None, &7_u64).unwrap(),
    );
    let old = stage.key(&a).clone();
    stage.reopen(&a, None, 0);
    let before = stage.set.canonical().digest(topic);
    stage.sign(late, &old);
    assert!(stage.set.canonical().rows(topic).is_empty());
    assert_eq!(stage.set.canonical().digest(topic), before);
}

#[test]
fn row_that_an_adopted_open_follows_does_not_stop_later_rows_for_good() {
    let (mut stage, a, _) = two();
    let base = last_act(&stage).id();
    let one = note_after(&mut stage, &a, None, 1);
    let dropped = stage.reopen(&a, None, 0);
    let first = stage.records[1].id();
    let header = stage.set.record(stage.set.find(&one.head).unwrap()).clone();
    let row = SealRow {
        chain: a,
        open: first,
        sealed: Some(Sealed {
            header: header.header().clone(),
            signature: *header.signature(),
        }),
        finality: Finality::Open,
    };
    let rows = List::new([row]).unwrap();
    let honoured = stage.act_after(base, &Act::Seal(Seal { rows }), &[]);
    stage.recall(honoured, &[dropped]);
    assert_eq!(stage.set.sealed_len(&a), 1, "the adopted row is below");
    let seal = stage.seal_at(&a, Some(one), Finality::Open);
    let sealing = stage.set.find(&seal).unwrap();
    assert!(verdict(&stage, &seal).is_valid());
    assert_eq!(stage.set.effective_heads(sealing).count(), 1);
    assert_eq!(drawn(&stage.set), Reference::new(&stage.set).picture());
}
