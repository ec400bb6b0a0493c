use std::sync::Arc;

use icn_sync::sim::{Rng, World};
use icn_sync::wire::{Envelope, FRAME_LEN_MAX, Frame, Hello, Mark, Trace, Want};
use icn_sync::{Budget, Config, Input, PeerFault, Replica, Step, SyncEvent};
use icn_types::authority::Finality;
use icn_types::canon::{List, from_bytes, to_bytes};
use icn_types::error::{Coded, Fault};
use icn_types::id::{Digest, DomainId};
use icn_types::key::PeerId;
use icn_types::record::{Content, Draft, Place, Record};
use icn_types::sign::{Signed, Unverified};
use icn_types::testkit::stage::{GRANT, Stage};

use crate::drama::{NOTE, UNIT, peer};
use crate::steps::{account, at, local, release, replica};

fn send(replica: &mut Replica, from: PeerId, bytes: Vec<u8>, millis: u64) -> Step {
    replica.handle(Input::Frame { from, bytes }, at(millis))
}

fn fresh(records: &[&Record]) -> Vec<u8> {
    let envelopes: Vec<_> = records.iter().map(|record| Envelope::of(record)).collect();
    to_bytes(&Frame::Fresh(List::new(envelopes).unwrap()))
}

fn faults(step: &Step) -> Vec<&'static str> {
    let faults = step.events().iter().filter_map(|event| match event {
        SyncEvent::PeerFault { fault, .. } => {
            assert_eq!(fault.fault(), Fault::Peer);
            Some(fault.code())
        }
        _ => None,
    });
    faults.collect()
}

/// A replica that holds all of a stage but the last record, with peer 1 up.
fn almost(stage: &Stage) -> (Replica, Signed<Record>) {
    let mut replica = replica(stage);
    let (last, first) = stage.records.split_last().unwrap();
    for record in first {
        let _stored = release(replica.handle(local(record), at(0)));
    }
    let _hello = release(replica.handle(Input::PeerUp(peer(1)), at(0)));
    (replica, last.clone())
}

#[test]
fn each_fault_has_its_code_and_nothing_of_it_is_stored() {
    let (stage, chain) = account(2);
    let other = Stage::new(8, 4);
    let (mut replica, _) = almost(&stage);
    let before = replica.set().len();

    let stranger = send(&mut replica, peer(77), vec![0xff; 9], 0);
    assert_eq!(faults(&stranger), ["sync.peer.stranger"]);

    let garbage = send(&mut replica, peer(1), vec![0xff; 9], 0);
    assert_eq!(faults(&garbage), ["sync.peer.frame"]);

    let mut envelope = to_bytes(&Frame::Fresh(
        List::new([Envelope::of(&stage.records[0])]).unwrap(),
    ));
    let end = envelope.len() - 1;
    envelope[end] ^= 0xff;
    let unreadable = send(&mut replica, peer(1), envelope, 0);
    assert_eq!(faults(&unreadable), ["sync.peer.record"]);

    let elsewhere = stage.governance();
    let mut votes = stage.clone();
    let vote = votes.open_member(0, &elsewhere, None);
    votes.write(&vote, NOTE, &[], &1_u64);
    let vote = fresh(&[votes.records.last().unwrap()]);
    assert_eq!(
        faults(&send(&mut replica, peer(1), vote, 0)),
        ["sync.peer.topic"]
    );

    let content = Content::new(Vec::new(), None, &5_u64).unwrap();
    let forged = stage.draft_after(&chain, stage.tip(&chain), NOTE, content);
    let forged = forged.sign(stage.registrar()).unwrap();
    let mut whole = crate::steps::replica(&stage);
    for record in &stage.records {
        let _stored = release(whole.handle(local(record), at(0)));
    }
    let _hello = release(whole.handle(Input::PeerUp(peer(1)), at(0)));
    let step = send(&mut whole, peer(1), fresh(&[&forged]), 0);
    assert_eq!(faults(&step), ["sync.peer.refused"]);
    assert!(step.stored().is_empty());

    let hello = Frame::Hello(Hello {
        domain: other.domain(),
        topics: List::new([stage.ledger(UNIT).id()]).unwrap(),
    });
    let step = send(&mut replica, peer(1), to_bytes(&hello), 0);
    assert_eq!(faults(&step), ["sync.peer.domain"]);
    assert_eq!(replica.set().len(), before);
}

/// A replica that holds a stage, with peer 1 up.
fn holding(stage: &Stage, config: Config) -> Replica {
    let ledger = [stage.ledger(UNIT)];
    let mut replica = Replica::new(stage.domain(), ledger, [peer(1)], config).unwrap();
    for record in &stage.records {
        let _stored = release(replica.handle(local(record), at(0)));
    }
    let _hello = release(replica.handle(Input::PeerUp(peer(1)), at(0)));
    replica
}

/// Bytes that a frame costs when it is sent every millisecond for a second.
fn cost(replica: &mut Replica, frame: &Frame, from_millis: u64) -> usize {
    let mut cost = 0;
    for millis in from_millis..from_millis + 1000 {
        let step = send(replica, peer(1), to_bytes(frame), millis);
        cost += release(step)
            .iter()
            .map(|(_, bytes)| bytes.len())
            .sum::<usize>();
    }
    cost
}

#[test]
fn the_same_question_again_and_again_costs_no_more_than_its_budget() {
    let (stage, chain) = account(30);
    let topic = stage.ledger(UNIT).id();
    let want = Frame::Want(Want {
        topic,
        ids: List::empty(),
        chains: List::new([Trace {
            chain,
            tips: List::empty(),
            from_start: true,
        }])
        .unwrap(),
    });
    let ask = Frame::Ask(
        List::new([Mark {
            topic,
            digest: Digest::from_bytes([1; 32]),
            base: None,
        }])
        .unwrap(),
    );
    let budget = Budget {
        most: 50_000,
        per_second: 10_000,
    };
    for frame in [want, ask] {
        let mut free = holding(&stage, Config::default());
        let once = release(send(&mut free, peer(1), to_bytes(&frame), 1));
        let once: usize = once.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(cost(&mut free, &frame, 2) > 100_000, "without a bound");
        let mut replica = holding(&stage, Config::default().with_budget(budget));
        assert!(cost(&mut replica, &frame, 1) < 60_000 + 2 * once);
        assert!(replica.counters().unanswered > 0);
        let _down = release(replica.handle(Input::PeerDown(peer(1)), at(1500)));
        let _up = release(replica.handle(Input::PeerUp(peer(1)), at(1500)));
        let again = cost(&mut replica, &frame, 1500);
        assert!(
            again < 20_000 + 2 * once,
            "a new connection is no new budget"
        );
        let later = release(send(&mut replica, peer(1), to_bytes(&frame), 60_000));
        assert!(!later.is_empty(), "it comes back with time");
    }
}

#[test]
fn records_beside_stored_ones_wait_for_their_turn() {
    let (mut stage, chain) = account(2);
    let budget = Budget {
        most: 3,
        per_second: 1,
    };
    let mut replica = holding(&stage, Config::default().with_forks(budget));
    let len = replica.set().len();
    let beside: Vec<_> = (10..20_u64)
        .map(|number| stage.write_after(&chain, None, NOTE, &[], &number))
        .collect();
    let records = &stage.records[stage.records.len() - beside.len()..];
    let all = fresh(&records.iter().map(|record| &**record).collect::<Vec<_>>());
    let step = send(&mut replica, peer(1), all.clone(), 100);
    assert_eq!(step.stored().len(), 3);
    assert!(faults(&step).is_empty());
    assert_eq!(replica.counters().left, 7);
    for second in 1..=7 {
        let step = send(&mut replica, peer(1), all.clone(), 100 + second * 1000);
        assert_eq!(step.stored().len(), 1, "one a second");
    }
    assert_eq!(replica.set().len(), len + 10, "nothing is lost");
}

#[test]
fn records_below_a_seal_are_in_no_clock_before_one_on_a_spine_names_them() {
    let (mut stage, chain) = account(2);
    stage.seal(&chain, Finality::Open);
    let mut replica = holding(&stage, Config::default());
    let topic = stage.ledger(UNIT).id();
    let mut beside = Vec::new();
    let mut clocks = Vec::new();
    for number in 10..74_u64 {
        beside.push(stage.write_after(&chain, None, NOTE, &[], &number));
        let step = send(
            &mut replica,
            peer(1),
            fresh(&[stage.records.last().unwrap()]),
            100,
        );
        assert_eq!(step.stored().len(), 1);
        clocks.push(replica.clock(topic).unwrap());
    }
    let (last, rest) = clocks.split_last().unwrap();
    assert!(rest.iter().all(|clock| clock.digest() == last.digest()));
    let kept = rest.iter().filter(|clock| Arc::ptr_eq(clock, last));
    assert_eq!(kept.count(), rest.len(), "none was computed again");
    assert!(last.strays().is_empty());

    stage.write(&chain, NOTE, &[beside[3]], &0_u64);
    let _step = send(
        &mut replica,
        peer(1),
        fresh(&[stage.records.last().unwrap()]),
        100,
    );
    let clock = replica.clock(topic).unwrap();
    let strays: Vec<_> = clock.strays().iter().map(|stray| stray.id).collect();
    assert_eq!(strays, [beside[3]]);
    assert_eq!(clock.digest(), replica.set().canonical().digest(topic));
}

#[test]
fn a_peer_that_forges_is_muted_for_a_while_and_others_are_not() {
    let (stage, chain) = account(2);
    let (mut replica, last) = almost(&stage);
    let _hello = release(replica.handle(Input::PeerUp(peer(2)), at(0)));
    let content = Content::new(Vec::new(), None, &5_u64).unwrap();
    let root = stage.set.record(stage.set.spine(&chain)[0]);
    let tip = icn_types::authority::Tip {
        seq: 0,
        head: root.id(),
    };
    let forged = stage.draft_after(&chain, Some(tip), NOTE, content);
    let forged = forged.sign(stage.registrar()).unwrap();

    let step = send(&mut replica, peer(1), fresh(&[&forged]), 10);
    assert!(step.events().contains(&SyncEvent::PeerMuted(peer(1))));
    let ignored = send(&mut replica, peer(1), fresh(&[&last]), 20);
    assert!(ignored.stored().is_empty() && ignored.events().is_empty());
    let heard = send(&mut replica, peer(2), fresh(&[&last]), 30);
    assert_eq!(heard.stored().len(), 1);

    let later = 10 + 600_000;
    let again = send(&mut replica, peer(1), vec![0xff], later);
    assert_eq!(
        faults(&again),
        ["sync.peer.frame"],
        "it is listened to again"
    );
}

#[test]
fn few_faults_are_forgotten_and_many_are_not() {
    let (stage, _) = account(1);
    let muted = |pause: u64| {
        let (mut replica, _) = almost(&stage);
        (0..50).any(|number| {
            let step = send(&mut replica, peer(1), vec![0xff], number * pause);
            step.events().contains(&SyncEvent::PeerMuted(peer(1)))
        })
    };
    assert!(muted(1000));
    assert!(!muted(200_000));
}

#[test]
fn a_copy_is_neither_stored_nor_checked_again() {
    let (stage, _) = account(2);
    let (mut replica, last) = almost(&stage);
    let first = send(&mut replica, peer(1), fresh(&[&last, &last]), 0);
    assert_eq!(first.stored().len(), 1);
    let checks = replica.counters().checks;
    let second = send(&mut replica, peer(1), fresh(&[&last]), 0);
    assert!(second.stored().is_empty() && second.events().is_empty());
    assert_eq!(replica.counters().checks, checks);
    assert_eq!(replica.counters().duplicates, 2);
}

#[test]
fn a_frame_above_the_limit_is_refused_unread() {
    let (stage, _) = account(1);
    let (mut replica, _) = almost(&stage);
    let step = send(&mut replica, peer(1), vec![0x83; FRAME_LEN_MAX + 1], 0);
    let [SyncEvent::PeerFault { fault, .. }] = step.events() else {
        panic!("{:?}", step.events());
    };
    let PeerFault::Frame(error) = fault else {
        panic!("{fault}");
    };
    assert_eq!(error.code(), "canon.limit");
}

/// A header that names an Open which nobody wrote.
fn rootless(stage: &Stage, number: u64) -> Unverified<Record> {
    let mut made_up = [0; 32];
    made_up[..8].copy_from_slice(&number.to_be_bytes());
    let owner = icn_types::chain::Owner::Shared(u32::try_from(number).unwrap());
    let place = Place::Entry {
        topic: stage.ledger(UNIT).id(),
        chain: stage.ledger(UNIT).chain(owner).id(),
        epoch: icn_types::id::RecordId::from_bytes(made_up),
        seq: 0,
        prev: None,
    };
    let content = Content::new(Vec::new(), None, &number).unwrap();
    let draft = Draft::new(place, NOTE, icn_types::time::Timestamp::default(), content).unwrap();
    let signed = draft.sign(stage.registrar()).unwrap();
    from_bytes(&signed.to_bytes()).unwrap()
}

#[test]
fn a_flood_of_chains_without_an_open_leaves_no_trace() {
    let (stage, _) = account(2);
    let (mut replica, last) = almost(&stage);
    let before = replica.set().len();
    let mut frames = 0;
    for number in 0..2000 {
        let record = rootless(&stage, number);
        let step = send(&mut replica, peer(1), fresh(&[record.claim()]), number);
        assert!(step.stored().is_empty());
        frames += release(step).len();
    }
    let counters = replica.counters();
    assert_eq!(replica.set().len(), before);
    assert_eq!(counters.early, 256, "the bound per peer");
    assert_eq!(counters.checks, 0);
    assert!(counters.requests <= 1, "{counters:?}");
    assert!(frames < 20, "{frames} frames for 2000");
    let step = send(&mut replica, peer(1), fresh(&[&last]), 3000);
    assert_eq!(step.stored().len(), 1, "and what is well-formed is stored");
    let _gone = release(replica.handle(Input::PeerDown(peer(1)), at(3001)));
    assert_eq!(replica.counters().early, 0);
}

#[test]
fn a_record_that_came_early_is_stored_when_its_time_comes() {
    let (stage, _) = account(3);
    let mut younger = replica(&stage);
    let count = stage.records.len();
    let last = &stage.records[count - 1];
    for record in &stage.records[..count - 2] {
        let _stored = release(younger.handle(local(record), at(0)));
    }
    let _hello = release(younger.handle(Input::PeerUp(peer(1)), at(0)));
    let early = send(&mut younger, peer(1), fresh(&[last]), 1);
    assert!(early.stored().is_empty() && early.events().is_empty());
    let step = younger.handle(local(&stage.records[count - 2]), at(2));
    let stored: Vec<_> = step.stored().iter().map(|stored| stored.id).collect();
    assert_eq!(stored, [stage.records[count - 2].id(), last.id()]);
    assert_eq!(younger.counters().early, 0);
}

/// Three nodes; the record of one account comes without its content, and
/// nobody has it.
#[test]
fn a_withheld_content_stops_nobody_and_is_completed_when_it_comes() {
    let (mut stage, withheld) = account(1);
    let header_only = stage.records.last().unwrap().clone();
    let ledger = stage.ledger(UNIT);
    let honest = stage.open_member(1, &ledger, Some(GRANT));
    for number in 0..20_u64 {
        stage.write(&honest, NOTE, &[], &number);
    }
    let mut world = World::new(5, stage.domain(), vec![ledger], Config::default());
    for number in 1..=3 {
        let peers = (1..=4).filter(|&other| other != number).map(peer).collect();
        world.add(peer(number), peers).unwrap();
    }
    world.connect_all();
    for record in &stage.records {
        if record.chain() != withheld {
            world.input(peer(1), local(record));
        }
    }
    let bare = Record::bare(header_only.header().clone(), *header_only.signature());
    let frame = |record: &Record| Input::Frame {
        from: peer(4),
        bytes: fresh(&[record]),
    };
    world.input(peer(2), frame(bare.claim()));
    world.run_for(60_000);
    assert!(world.agrees());
    for (_, node) in world.nodes() {
        assert_eq!(node.replica.set().spine(&honest).len(), 20);
        assert_eq!(node.replica.set().bare().len(), 1);
    }
    let (sent, events) = (
        world.records_sent(),
        world.node(&peer(3)).unwrap().events.len(),
    );
    world.run_for(3_600_000);
    assert_eq!(world.records_sent(), sent, "nobody asks for ever");
    assert_eq!(world.node(&peer(3)).unwrap().events.len(), events);

    world.input(peer(2), frame(&header_only));
    world.run_for(10_000);
    assert!(world.agrees());
    for (_, node) in world.nodes() {
        assert_eq!(node.replica.set().bare().len(), 0);
    }
    world.restart(peer(3)).unwrap();
    assert!(
        world.agrees(),
        "the completed record came back from the disk"
    );
}

/// Peer 4 sits between two nodes and answers every request with noise or not
/// at all; they have each other.
#[test]
fn noise_from_one_peer_stops_no_exchange_between_others() {
    let (stage, _) = account(40);
    let mut world = World::new(
        3,
        stage.domain(),
        vec![stage.ledger(UNIT)],
        Config::default(),
    );
    world.add(peer(1), vec![peer(2), peer(4)]).unwrap();
    world.add(peer(2), vec![peer(1), peer(4)]).unwrap();
    for record in &stage.records {
        world.input(peer(1), local(record));
    }
    world.connect_all();
    let mut rng = Rng::new(9);
    for _ in 0..50 {
        for to in [peer(1), peer(2)] {
            let len = rng.index(200);
            let bytes = (0..len).map(|_| rng.draw().to_le_bytes()[0]).collect();
            world.input(
                to,
                Input::Frame {
                    from: peer(4),
                    bytes,
                },
            );
        }
        world.run_for(50);
    }
    assert!(world.agrees());
    let muted = |event: &SyncEvent| *event == SyncEvent::PeerMuted(peer(4));
    assert!(world.nodes().all(|(_, node)| node.events.iter().any(muted)));
}

/// A peer claims to be ahead on every chain and never sends anything.
#[test]
fn a_boaster_delays_nobody_for_long() {
    use icn_sync::wire::{ClockPage, StraysPage};
    use icn_types::authority::Tip;
    use icn_types::id::{Digest, RecordId};
    use icn_types::set::Row;

    let (stage, chain) = account(30);
    let mut world = World::new(
        3,
        stage.domain(),
        vec![stage.ledger(UNIT)],
        Config::default(),
    );
    world.add(peer(1), vec![peer(2)]).unwrap();
    world.add(peer(2), vec![peer(1), peer(4)]).unwrap();
    world.connect_all();
    world.run_for(100);
    let boast = |topic, chain| {
        let digest = Digest::from_bytes([3; 32]);
        let row = Row {
            chain,
            tip: Some(Tip {
                seq: 1_000_000,
                head: RecordId::from_bytes([9; 32]),
            }),
            fork: None,
        };
        let rows = Frame::Clock(ClockPage {
            topic,
            digest,
            base: None,
            after: None,
            rows: List::new([row]).unwrap(),
            ends: true,
        });
        let strays = Frame::Strays(StraysPage {
            topic,
            digest,
            after: None,
            strays: List::empty(),
            ends: true,
            answers: false,
        });
        [to_bytes(&rows), to_bytes(&strays)]
    };
    let authority = icn_types::topic::Topic::Authority(stage.domain()).id();
    world.net.cut(peer(1), peer(2));
    for record in &stage.records {
        world.input(peer(1), local(record)); // what it pushes is lost
    }
    world.run_for(1);
    world.net.heal();
    // It is always a little faster than the honest peer.
    for _ in 0..100 {
        let frames = [
            boast(stage.ledger(UNIT).id(), chain),
            boast(authority, stage.set.authority()),
        ];
        for bytes in frames.into_iter().flatten() {
            world.input(
                peer(2),
                Input::Frame {
                    from: peer(4),
                    bytes,
                },
            );
        }
        world.run_for(100);
    }
    assert!(world.agrees());
    assert_eq!(
        world.node(&peer(2)).unwrap().replica.set().len(),
        stage.records.len()
    );
}

#[test]
fn a_domain_is_not_another_one() {
    let (stage, _) = account(1);
    let (mut replica, _) = almost(&stage);
    let hello = Frame::Hello(Hello {
        domain: DomainId::from_bytes([1; 32]),
        topics: List::new([stage.ledger(UNIT).id()]).unwrap(),
    });
    let step = send(&mut replica, peer(1), to_bytes(&hello), 0);
    assert!(step.events().contains(&SyncEvent::PeerMuted(peer(1))));
}

#[test]
fn early_records_are_bounded_per_topic_in_number_and_bytes() {
    let (stage, _) = account(1);
    let early = |per_topic, len| {
        let config = Config::default().with_early(per_topic, len, 6);
        let peers = [peer(1), peer(2)];
        let mut replica =
            Replica::new(stage.domain(), [stage.ledger(UNIT)], peers, config).unwrap();
        for from in peers {
            let _hello = release(replica.handle(Input::PeerUp(from), at(0)));
            for number in 0..20 {
                let record = rootless(&stage, number);
                let step = send(&mut replica, from, fresh(&[record.claim()]), 0);
                assert!(step.events().is_empty(), "nobody's fault");
            }
        }
        replica.counters().early
    };
    let len = rootless(&stage, 0).claim().to_bytes().len();
    assert_eq!(early(100, 1 << 20), 12, "six of each peer");
    assert_eq!(early(10, 1 << 20), 10);
    assert_eq!(early(100, 8 * len + 9), 8);
}

#[test]
fn a_peer_that_lists_without_end_is_asked_for_a_bounded_number() {
    use icn_sync::wire::{ClockPage, Stray, StraysPage};
    use icn_types::id::{Digest, RecordId};

    let (stage, _) = account(1);
    let (mut replica, _) = almost(&stage);
    let (topic, digest) = (stage.ledger(UNIT).id(), Digest::from_bytes([3; 32]));
    let rows = Frame::Clock(ClockPage {
        topic,
        digest,
        base: None,
        after: None,
        rows: List::empty(),
        ends: true,
    });
    let _quiet = release(send(&mut replica, peer(1), to_bytes(&rows), 0));
    let mut after = None;
    let mut asked = 0;
    for page in 0..5_u8 {
        let id = |number: u16| {
            let mut bytes = [page; 32];
            bytes[1..3].copy_from_slice(&number.to_be_bytes());
            RecordId::from_bytes(bytes)
        };
        let strays: Vec<Stray> = (0..4096)
            .map(|number| Stray {
                id: id(number),
                content: true,
            })
            .collect();
        let strays = Frame::Strays(StraysPage {
            topic,
            digest,
            after,
            strays: List::new(strays).unwrap(),
            ends: false,
            answers: false,
        });
        after = Some(id(4095));
        asked += release(send(&mut replica, peer(1), to_bytes(&strays), 0)).len();
    }
    assert_eq!(replica.counters().requests, 1024);
    assert_eq!(asked, 4, "requests of 256 ids");
}
