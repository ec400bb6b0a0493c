use icn_sync::sim::{Weather, World};
use icn_sync::{Committed, Config, Input, Replica, RestoreError, Step, SyncEvent};
use icn_types::authority::{Finality, Tip};
use icn_types::canon::to_bytes;
use icn_types::error::Coded;
use icn_types::id::{ChainId, RecordId};
use icn_types::record::Record;
use icn_types::set::{Beside, RecordSet, Sketch};
use icn_types::sign::Signed;
use icn_types::testkit::stage::{GRANT, Stage};
use icn_types::time::Ticks;

use crate::drama::{NOTE, UNIT, peer};

/// A cooperative with one account that has `records` records.
pub(crate) fn account(records: u64) -> (Stage, ChainId) {
    let mut stage = Stage::new(7, 4);
    let ledger = stage.ledger(UNIT);
    let chain = stage.open_member(0, &ledger, Some(GRANT));
    for number in 0..records {
        stage.write(&chain, NOTE, &[], &number);
    }
    (stage, chain)
}

/// An empty replica with peers 1 and 2.
pub(crate) fn replica(stage: &Stage) -> Replica {
    let peers = [peer(1), peer(2)];
    Replica::new(
        stage.domain(),
        [stage.ledger(UNIT)],
        peers,
        Config::default(),
    )
    .unwrap()
}

pub(crate) const fn at(millis: u64) -> Ticks {
    Ticks::from_millis(millis)
}

pub(crate) fn local(record: &Signed<Record>) -> Input {
    Input::Local(Box::new(record.clone()))
}

pub(crate) fn release(step: Step) -> Vec<(icn_types::key::PeerId, Vec<u8>)> {
    let durable = Committed::i_vouch_that_all_is_durable_through(step.number());
    step.release(durable).unwrap()
}

/// Two nodes that know each other; the first one holds everything.
fn pair(stage: &Stage, config: Config) -> World {
    let mut world = World::new(1, stage.domain(), vec![stage.ledger(UNIT)], config);
    world.add(peer(1), vec![peer(2)]).unwrap();
    world.add(peer(2), vec![peer(1)]).unwrap();
    for record in &stage.records {
        world.input(peer(1), local(record));
    }
    world
}

#[test]
fn frames_come_out_only_when_their_step_is_durable() {
    let (stage, _) = account(1);
    let mut replica = replica(&stage);
    let first = replica.handle(local(&stage.records[0]), at(0));
    let second = replica.handle(Input::PeerUp(peer(1)), at(0));
    assert_eq!(first.stored().len(), 1);
    assert_eq!(first.stored()[0].bytes, stage.records[0].to_bytes());

    let early = Committed::i_vouch_that_all_is_durable_through(first.number());
    let late = Committed::i_vouch_that_all_is_durable_through(second.number());
    let refused = second.release(early).unwrap_err();
    assert_eq!(refused.code(), "sync.step.uncommitted");
    let second = *refused.0;
    assert!(!second.release(late).unwrap().is_empty());
    assert!(
        first.release(late).is_ok(),
        "one token serves earlier steps"
    );
}

#[test]
fn equal_inputs_give_equal_steps() {
    let (stage, _) = account(3);
    let run = || {
        let mut replica = replica(&stage);
        let mut frames = Vec::new();
        for (number, record) in (0..).zip(&stage.records) {
            frames.extend(release(replica.handle(local(record), at(number))));
        }
        frames.extend(release(replica.handle(Input::PeerUp(peer(1)), at(9))));
        frames
    };
    assert_eq!(run(), run());
}

#[test]
fn a_replica_restored_from_its_records_alone_has_the_same_clocks() {
    let (stage, _) = account(5);
    let mut replica = replica(&stage);
    let mut disk = Vec::new();
    for record in &stage.records {
        let step = replica.handle(local(record), at(0));
        disk.extend(step.stored().iter().map(|stored| stored.bytes.clone()));
    }
    let topics = [stage.ledger(UNIT)];
    let restored = Replica::restore(stage.domain(), topics, [], Config::default(), &disk);
    let mut restored = restored.unwrap();
    for topic in replica.topics().collect::<Vec<_>>() {
        assert_eq!(replica.clock(topic), restored.clock(topic));
    }
}

#[test]
fn a_damaged_store_or_a_foreign_topic_is_refused() {
    let (stage, _) = account(1);
    let restore = |topics: Vec<_>, disk: Vec<Vec<u8>>| {
        Replica::restore(stage.domain(), topics, [], Config::default(), disk).unwrap_err()
    };
    let broken = restore(vec![], vec![vec![0xff]]);
    assert_eq!(broken.code(), "sync.restore.decode");
    let gap = restore(vec![], vec![stage.records[1].to_bytes()]);
    assert_eq!(gap.code(), "sync.restore.refused");
    let foreign = Stage::new(99, 4).ledger(UNIT);
    let error = restore(vec![foreign], vec![]);
    assert_eq!(error.code(), "sync.restore.topic");
    let RestoreError::Topic(foreign_topic) = error else {
        panic!("{error}");
    };
    assert_eq!(foreign_topic.0, foreign);
    let new = Replica::new(stage.domain(), [foreign], [], Config::default());
    assert_eq!(new.unwrap_err().code(), "sync.topic.foreign");
}

#[test]
fn a_node_that_lost_everything_but_its_disk_goes_on() {
    let (mut stage, chain) = account(5);
    let mut world = pair(&stage, Config::default());
    world.connect_all();
    world.run_for(1000);
    assert!(world.agrees());
    let before = world.records_sent();
    world.restart(peer(2)).unwrap();
    stage.write(&chain, NOTE, &[], &9_u64);
    world.input(peer(1), local(stage.records.last().unwrap()));
    world.run_for(5000);
    assert!(world.agrees());
    assert_eq!(world.records_sent(), before + 1, "nothing is sent again");
    assert_eq!(world.node(&peer(2)).unwrap().replica.set().len(), 8);
}

#[test]
fn only_what_is_missing_is_sent() {
    let (mut stage, chain) = account(300);
    let mut world = pair(&stage, Config::default());
    for record in &stage.records {
        world.input(peer(2), local(record));
    }
    for number in 0..3_u64 {
        stage.write(&chain, NOTE, &[], &(1000 + number));
        world.input(peer(1), local(stage.records.last().unwrap()));
    }
    world.connect_all();
    world.run_for(5000);
    assert!(world.agrees());
    assert_eq!(world.records_sent(), 3);
}

#[test]
fn an_answer_that_was_cut_goes_on_without_a_pause() {
    let (stage, _) = account(200);
    let mut world = pair(&stage, Config::default().with_answer_len(2000));
    world.connect_all();
    world.run_for(1900);
    assert!(world.agrees(), "before the second exchange");
    assert_eq!(world.records_sent(), stage.records.len() as u64);
}

/// Node 1 stored most of a branch beside the spine before a Seal made it the
/// spine. The start of each answer is known to it already.
#[test]
fn a_cut_answer_that_brings_nothing_new_is_gone_on_with() {
    let (mut stage, chain) = account(1);
    let root = stage.tip(&chain);
    stage.write_after(&chain, root, NOTE, &[], &900_u64);
    for number in 0..60_u64 {
        stage.write(&chain, NOTE, &[], &number);
    }
    stage.seal(&chain, Finality::Open);
    let config = Config::default().with_answer_len(1500);
    let mut world = World::new(1, stage.domain(), vec![stage.ledger(UNIT)], config);
    world.add(peer(1), vec![peer(2)]).unwrap();
    world.add(peer(2), vec![peer(1)]).unwrap();
    for record in &stage.records {
        if record.chain() == stage.set.authority() || record.seq() < 50 {
            world.input(peer(1), local(record));
        }
        world.input(peer(2), local(record));
    }
    world.connect_all();
    world.run_for(20_000);
    assert!(world.agrees());
    let node = world.node(&peer(1)).unwrap();
    assert_eq!(node.replica.set().sealed_len(&chain), 61);
}

/// Two nodes hold everything, the third nothing: it asks one of them for each
/// record and sends none of them on to the other.
#[test]
fn each_record_is_fetched_once() {
    let (stage, _) = account(60);
    let mut world = World::new(
        1,
        stage.domain(),
        vec![stage.ledger(UNIT)],
        Config::default(),
    );
    for node in 1..=3 {
        let peers = (1..=3).filter(|&other| other != node).map(peer).collect();
        world.add(peer(node), peers).unwrap();
    }
    for record in &stage.records {
        world.input(peer(1), local(record));
        world.input(peer(2), local(record));
    }
    world.connect_all();
    world.run_for(20_000);
    assert!(world.agrees());
    assert_eq!(world.records_sent(), stage.records.len() as u64);
}

/// A hundred accounts on both sides; the frame that carries one new record is
/// lost. What follows depends on what moved, not on the number of accounts.
#[test]
fn a_known_peer_is_told_only_what_moved() {
    let mut stage = Stage::new(7, 4);
    let ledger = stage.ledger(UNIT);
    let mut chains = Vec::new();
    for number in 0..100 {
        let chain = ledger.chain(icn_types::chain::Owner::Shared(number));
        let key = stage.draw_key();
        chains.push(stage.open(chain, key, Some(GRANT)));
    }
    for chain in &chains {
        stage.write(chain, NOTE, &[], &1_u64);
    }
    let mut world = pair(&stage, Config::default());
    world.connect_all();
    world.run_for(10_000);
    assert!(world.agrees());
    stage.write(&chains[7], NOTE, &[], &2_u64);
    world.net.cut(peer(1), peer(2));
    world.input(peer(1), local(stage.records.last().unwrap()));
    world.run_for(1);
    world.net.heal();
    let (bytes, records) = (world.net.bytes(), world.records_sent());
    world.run_for(10_000);
    assert!(world.agrees());
    assert_eq!(world.records_sent(), records + 1);
    let bytes = world.net.bytes() - bytes;
    assert!(bytes < 4000, "{bytes} bytes; a whole clock has 8000");
}

/// Two branches of 100 after 300 common records: the trace finds the last
/// common record, so the common ones are not sent.
#[test]
fn after_a_fork_little_of_the_common_part_is_sent() {
    let (mut stage, chain) = account(300);
    let common = stage.records.len();
    let root = stage.tip(&chain);
    let mut branches = Vec::new();
    for branch in 0..2_u64 {
        let mut tip = root;
        for number in 0..100 {
            let body = branch * 1000 + number;
            let head = stage.write_after(&chain, tip, NOTE, &[], &body);
            let seq = tip.map_or(0, |tip| tip.seq + 1);
            tip = Some(Tip { seq, head });
            branches.push((branch, stage.records.last().unwrap().clone()));
        }
    }
    let topics = vec![stage.ledger(UNIT)];
    let mut world = World::new(1, stage.domain(), topics, Config::default());
    world.add(peer(1), vec![peer(2)]).unwrap();
    world.add(peer(2), vec![peer(1)]).unwrap();
    for node in 0..2 {
        for record in &stage.records[..common] {
            world.input(peer(node + 1), local(record));
        }
        for (_, record) in branches.iter().filter(|(branch, _)| *branch == node) {
            world.input(peer(node + 1), local(record));
        }
    }
    world.connect_all();
    world.run_for(20_000);
    assert!(world.agrees());
    assert!(world.records_sent() < 500, "{}", world.records_sent());
    let told = |node| {
        let events = &world.node(&peer(node)).unwrap().events;
        let proofs = events
            .iter()
            .filter(|event| matches!(event, SyncEvent::Equivocation(_)));
        proofs.count()
    };
    assert_eq!((told(1), told(2)), (1, 1));
}

#[test]
fn a_fork_is_reported_once_with_a_proof_that_strangers_can_check() {
    let (mut stage, chain) = account(1);
    let root = stage.tip(&chain);
    for number in 0..4_u64 {
        stage.write_after(&chain, root, NOTE, &[], &(50 + number));
    }
    let mut replica = replica(&stage);
    let mut proofs = Vec::new();
    for record in &stage.records {
        let step = replica.handle(local(record), at(0));
        proofs.extend(step.events().iter().filter_map(|event| match event {
            SyncEvent::Equivocation(proof) => Some(proof.clone()),
            _ => None,
        }));
    }
    let [proof] = proofs.as_slice() else {
        panic!("{proofs:?}");
    };
    let claimed: icn_types::set::ClaimedEquivocation =
        icn_types::canon::from_bytes(&to_bytes(&**proof)).unwrap();
    assert_eq!(claimed.epoch(), Some(stage.open_of(&chain)));
    let key = replica.set().open(&stage.open_of(&chain)).unwrap().key;
    assert_eq!(claimed.verify(&key.prepare()), Ok((**proof).clone()));
}

#[test]
fn a_fork_that_was_reported_before_a_restart_is_not_reported_again() {
    let (mut stage, chain) = account(1);
    let root = stage.tip(&chain);
    for number in 0..3_u64 {
        stage.write_after(&chain, root, NOTE, &[], &(50 + number));
    }
    let forks = stage.records.len();
    let mut set = RecordSet::new(stage.domain());
    for record in &stage.records[..forks - 1] {
        set.insert(record.clone()).unwrap();
    }
    assert!(set.fork(&chain).is_some());
    let topics = [stage.ledger(UNIT)];
    let mut reopened = Replica::reopen(set, Beside::new(), topics, [], Config::default()).unwrap();
    let step = reopened.handle(local(&stage.records[forks - 1]), at(0));
    assert_eq!(step.stored().len(), 1);
    assert_eq!(step.events(), []);
}

/// The set of a replica from its outline, with few records at hand.
fn lean(set: &RecordSet) -> RecordSet {
    let mut sketch = Sketch::new(set.domain());
    for page in set.outline().pages() {
        sketch.page(&page).unwrap();
    }
    let acts = set
        .slots()
        .filter(|&slot| set.chain(slot) == set.authority());
    for slot in acts.chain(set.all_siblings().flatten().copied()) {
        let bytes = set.record(slot).to_bytes();
        sketch.body(slot.index(), &bytes).unwrap();
    }
    sketch.finish().unwrap()
}

#[test]
fn a_replica_of_an_outline_and_what_is_beside_it_goes_on_alike() {
    let (mut stage, chain) = account(3);
    let topic = stage.ledger(UNIT);
    let root = stage.tip(&chain);
    let branches: Vec<RecordId> = (0..3_u64)
        .map(|number| stage.write_after(&chain, root, NOTE, &[], &(50 + number)))
        .collect();
    let mut replica = replica(&stage);
    for record in &stage.records {
        let _frames = release(replica.handle(local(record), at(0)));
    }
    let clock = replica.clock(topic.id()).unwrap();
    assert_eq!(clock.strays().len(), 2);
    let (beside, set) = (replica.beside(), lean(replica.set()));
    let beside = Beside::restored(&set, beside);
    let mut reopened = Replica::reopen(set, beside, [topic], [], Config::default()).unwrap();
    assert_eq!(reopened.digest(topic.id()), clock.digest());
    assert_eq!(reopened.clock(topic.id()), Some(clock));
    // More on a branch is in no clock.
    let seq = root.map_or(0, |root| root.seq + 1);
    let at_branch = branches.iter().map(|&head| Tip { seq, head });
    for (number, tip) in (60_u64..).zip(at_branch) {
        stage.write_after(&chain, Some(tip), NOTE, &[], &number);
        let record = local(stage.records.last().unwrap());
        let (one, other) = (
            replica.handle(record.clone(), at(1)),
            reopened.handle(record, at(1)),
        );
        assert_eq!(one.events(), other.events());
        assert_eq!(replica.clock(topic.id()), reopened.clock(topic.id()));
    }
    assert_eq!(reopened.beside(), replica.beside());
    assert!(!reopened.set().missed());
}

#[test]
fn an_own_record_that_does_not_follow_is_refused_aloud() {
    let (stage, _) = account(2);
    let mut replica = replica(&stage);
    let last = stage.records.last().unwrap();
    let step = replica.handle(local(last), at(0));
    assert!(step.stored().is_empty());
    assert!(matches!(
        step.events(),
        [SyncEvent::Refused { record, .. }] if *record == last.id()
    ));
}

#[test]
fn nothing_is_due_while_nobody_is_there() {
    let (stage, _) = account(1);
    let mut replica = replica(&stage);
    assert_eq!(replica.next_deadline(), None);
    let _frames = release(replica.handle(Input::PeerUp(peer(1)), at(5)));
    assert_eq!(replica.next_deadline(), Some(at(2005)));
    let _frames = release(replica.handle(Input::PeerDown(peer(1)), at(6)));
    assert_eq!(replica.next_deadline(), None);
}

#[test]
fn what_a_domain_waits_for_is_asked_for_at_once() {
    let (stage, _) = account(3);
    let mut world = pair(&stage, Config::default());
    for record in &stage.records[..stage.records.len() - 1] {
        world.input(peer(2), local(record));
    }
    world.net.set_weather(Weather::new(0, 0, 10, 10));
    world.connect_all();
    world.run_for(15);
    let wanted: RecordId = stage.records.last().unwrap().id();
    let topic = stage.ledger(UNIT).id();
    world.input(
        peer(2),
        Input::Missing {
            topic,
            ids: vec![wanted],
        },
    );
    world.run_for(20);
    let node = world.node(&peer(2)).unwrap();
    assert!(node.replica.set().find(&wanted).is_some());
}
