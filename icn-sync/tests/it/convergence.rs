use core::time::Duration;

use icn_sync::sim::{Rng, Weather, World};
use icn_sync::wire::ROWS_MAX;
use icn_sync::{Budget, Config, Input};
use icn_types::chain::Owner;
use icn_types::key::PeerId;
use icn_types::testkit::stage::{GRANT, Stage};
use icn_types::topic::Topic;

use crate::drama::{Drama, NOTE, UNIT, peer};

/// A world of `count` nodes, each of which holds some of the records.
fn world(drama: &Drama, seed: u64, count: u64, share: u64, config: Config) -> World {
    let mut rng = Rng::new(seed ^ 0xabcd);
    let mut world = World::new(seed, drama.stage.domain(), drama.topics(), config);
    let ids: Vec<PeerId> = (0..count).map(peer).collect();
    for (number, id) in ids.iter().enumerate() {
        // A ring: records travel over nodes in between.
        let linked = |other: usize| {
            let distance = number.abs_diff(other);
            distance == 1 || distance == ids.len() - 1
        };
        let peers = (0..ids.len())
            .filter(|&other| other != number && linked(other))
            .map(|other| ids[other])
            .collect();
        world.add(*id, peers).unwrap();
    }
    let authority = drama.stage.set.authority();
    let written = drama.stage.records.len() as u64;
    for id in &ids {
        // Most of the authority chain, often only its older part.
        let heard = written / 3 + rng.below(written);
        for (number, record) in (0..).zip(&drama.stage.records) {
            let kept = if record.chain() == authority {
                number < heard && (number < 8 || rng.chance(970))
            } else {
                rng.chance(share)
            };
            if kept || share == 1000 {
                world.input(*id, Input::Local(Box::new(record.clone())));
            }
        }
    }
    world
}

/// Runs until all digests are equal; panics after ten virtual minutes.
fn settle(world: &mut World, what: &str) {
    for _ in 0..600 {
        world.run_for(1000);
        if world.agrees() {
            return;
        }
    }
    panic!("{what}: {:?}", world.digests());
}

fn run(seed: u64) {
    let mut drama = Drama::new(seed);
    drama.play(40);
    let count = 3 + seed % 3;
    let config = Config::default().with_answer_len(if seed.is_multiple_of(2) {
        1500
    } else {
        1 << 20
    });
    let mut world = world(&drama, seed, count, 500 + (seed % 5) * 100, config);
    world.net.set_weather(Weather::new(100, 100, 5, 400));
    world.connect_all();
    // Bad luck: a link is cut, and a node loses everything but its disk.
    world.net.cut(peer(0), peer(1));
    world.run_for(1500);
    world.restart(peer(seed % count)).unwrap();
    world.run_for(3000);
    world.net.heal();
    settle(&mut world, &format!("seed {seed}"));
    for (_, node) in world.nodes() {
        let counters = node.replica.counters();
        assert_eq!((counters.unanswered, counters.left), (0, 0), "seed {seed}");
    }

    // What they agree on is the canonical part of everything that they hold.
    let mut union = icn_types::set::RecordSet::new(drama.stage.domain());
    for (_, node) in world.nodes() {
        for bytes in &node.disk {
            union
                .receive(icn_types::canon::from_bytes(bytes).unwrap())
                .unwrap();
        }
    }
    let topics: Vec<_> = world.nodes().next().unwrap().1.replica.topics().collect();
    let expected: Vec<_> = topics
        .iter()
        .map(|topic| union.canonical().digest(*topic))
        .collect();
    assert_eq!(world.digests()[0], expected, "seed {seed}");

    // And no record is sent again.
    world.net.set_weather(Weather::fair());
    world.run_for(10_000);
    let (records, frames) = (world.records_sent(), world.net.frames());
    world.run_for(600_000);
    assert_eq!(world.records_sent(), records, "seed {seed}");
    let frames = world.net.frames() - frames;
    assert!(
        frames < 2 * 2 * count * count * 20,
        "seed {seed}: {frames} frames while idle"
    );
}

#[test]
fn nodes_with_parts_of_a_drama_end_with_equal_digests() {
    for seed in 0..100 {
        run(seed);
    }
}

#[test]
fn small_budgets_delay_and_never_part() {
    let mut waited = (0, 0);
    for seed in 0..10 {
        let mut drama = Drama::new(seed);
        drama.play(40);
        let budget = |most, per_second| Budget { most, per_second };
        let config = Config::default()
            .with_answer_len(1500)
            .with_budget(budget(3000, 2000))
            .with_forks(budget(1, 1));
        let mut free = world(&drama, seed, 3, 600, Config::default());
        let mut bound = world(&drama, seed, 3, 600, config);
        for (world, what) in [(&mut free, "free"), (&mut bound, "bound")] {
            world.connect_all();
            settle(world, &format!("{what} seed {seed}"));
        }
        assert_eq!(free.digests(), bound.digests(), "seed {seed}");
        for (_, node) in bound.nodes() {
            let counters = node.replica.counters();
            waited = (waited.0 + counters.unanswered, waited.1 + counters.left);
        }
    }
    assert!(waited.0 > 0 && waited.1 > 0, "the bounds bit: {waited:?}");
}

#[test]
#[ignore = "takes minutes; run it after a change to the exchange or to the set"]
fn nodes_with_parts_of_many_dramas_end_with_equal_digests() {
    for seed in 100..1500 {
        run(seed);
    }
}

#[test]
fn pauses_grow_only_while_nothing_differs() {
    let drama = Drama::new(3);
    let config = Config::default().with_exchange(Duration::from_secs(1), Duration::from_secs(8));
    let mut world = world(&drama, 3, 2, 1000, config);
    world.connect_all();
    world.run_for(60_000);
    let frames = world.net.frames();
    world.run_for(80_000);
    let idle = world.net.frames() - frames;
    assert_eq!(
        idle,
        2 * 2 * 10,
        "one digest and one answer per side each 8 s"
    );
}

/// The ledger relies on an Open that a Recall dropped. Who follows the ledger
/// needs it, who does not has no use for it; both agree about the authority.
#[test]
fn a_node_that_follows_less_agrees_on_what_it_follows_and_then_rests() {
    let mut stage = Stage::new(11, 4);
    let (ledger, governance) = (stage.ledger(UNIT), stage.governance());
    let vote = stage.open_member(0, &governance, None);
    stage.write(&vote, NOTE, &[], &1_u64);
    let honoured = stage.records[1].id();
    let account = stage.open_member(1, &ledger, Some(GRANT));
    stage.write(&account, NOTE, &[], &2_u64);
    stage.recall(honoured, &[]);

    let topics = vec![ledger, governance];
    let mut world = World::new(1, stage.domain(), topics, Config::default());
    world.add(peer(1), vec![peer(2)]).unwrap();
    let less = vec![governance];
    world.add_following(peer(2), vec![peer(1)], less).unwrap();
    for record in &stage.records {
        world.input(peer(1), Input::Local(Box::new(record.clone())));
    }
    world.connect_all();
    world.run_for(60_000);
    let authority = Topic::Authority(stage.domain()).id();
    let mut clocks = |topic| [1, 2].map(|node| world.clock(&peer(node), topic));
    let [full, part] = clocks(governance.id());
    assert_eq!(full, part);
    let [full, part] = clocks(authority);
    assert_eq!(full, part);

    world.run_for(600_000);
    let (frames, records) = (world.net.frames(), world.records_sent());
    world.run_for(600_000);
    assert_eq!(world.records_sent(), records);
    let frames = world.net.frames() - frames;
    assert!(frames < 2 * 10 * 8, "{frames} frames in ten minutes");
}

#[test]
fn clocks_longer_than_a_page_are_compared_to_the_end() {
    let mut stage = Stage::new(12, 4);
    let ledger = stage.ledger(UNIT);
    let key = stage.draw_key();
    let mut chains = Vec::new();
    for number in 0..u32::try_from(ROWS_MAX + 50).unwrap() {
        let chain = ledger.chain(Owner::Shared(number));
        chains.push(stage.open(chain, key.clone(), None));
    }
    for chain in &chains {
        stage.write(chain, NOTE, &[], &1_u64);
    }
    let mut world = World::new(1, stage.domain(), vec![ledger], Config::default());
    world.add(peer(1), vec![peer(2)]).unwrap();
    world.add(peer(2), vec![peer(1)]).unwrap();
    for record in &stage.records {
        world.input(peer(1), Input::Local(Box::new(record.clone())));
    }
    world.connect_all();
    world.run_for(20_000);
    assert!(world.agrees());
    assert_eq!(world.records_sent(), stage.records.len() as u64);
}
