//! Nodes that come late, and followers of the accounts alone.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::executor::block_on;
use icn_events::node::NodeSettings;
use icn_governance::body::Choice;
use icn_ledger::{Ledger, Unit};
use icn_sync::{Committed, Config, Input, Replica};
use icn_types::host::{Frame, Incoming, LocalTransport, MemoryStore, Transport as _};
use icn_types::key::Keypair;
use icn_types::record::Record;
use icn_types::topic::Topic;

use super::coop::{Registrar, Village};
use super::{budget, hours, propose_and_vote};

/// A village with a history: a budget, trades and a rotated key.
fn with_history(seed: u64) -> Village {
    let mut village = Village::new(seed, 3);
    let unit = village.coop.hours;
    let [alice, bob, charlie] = [0, 1, 2].map(|member| village.coop.hours_of(member));
    let proposal = budget(&village);
    propose_and_vote(&mut village, proposal, &[Choice::Yes; 3]);
    for (number, (node, payer, payee)) in
        (0..).zip([(1, bob, alice), (2, charlie, bob), (0, alice, charlie)])
    {
        let times = village.times();
        let request = hours(payee, 2, number);
        block_on(village.nodes[node].pay(&unit, &payer, &request, times)).unwrap();
        village.rounds(5);
    }
    let credits = village.coop.credits;
    village.until("the budget is paid", |v| {
        v.posted(2, credits, v.coop.supplier()) == 5_000 && v.agree()
    });
    let new = Keypair::from_seed(&[79; 32]);
    let old = village.coop.members[1].key.clone();
    let tip = village.tip(0, &bob);
    Registrar::join(&village).rotate(&mut village, bob, tip, &old, &new);
    let settings = village
        .coop
        .settings(1, Arc::new(village.stores[1].clone()), &village.network)
        .with_signer(Arc::new(new));
    village.nodes[1] = block_on(settings.open()).unwrap();
    let treasurer = Keypair::from_seed(&[80; 32]);
    let (treasury, old) = (village.coop.treasury(), village.coop.treasury_key.clone());
    let tip = village.tip(0, &treasury);
    Registrar::join(&village).rotate(&mut village, treasury, tip, &old, &treasurer);
    let times = village.times();
    block_on(village.nodes[1].pay(&unit, &bob, &hours(charlie, 1, 9), times)).unwrap();
    village.until("all is acknowledged", |v| {
        v.posted(0, unit, charlie) == 3_600 && v.agree()
    });
    village
}

#[test]
fn node_with_the_genesis_alone_catches_up() {
    let mut village = with_history(61);
    let transport = Arc::new(village.network.join(village.coop.guest()));
    let store = MemoryStore::new();
    let settings = NodeSettings::new(
        village.coop.genesis.clone(),
        Arc::new(store.clone()),
        transport,
    );
    village
        .nodes
        .push(block_on(settings.unwrap().open()).unwrap());
    village.stores.push(store);
    assert!(!village.agree());
    village.until("the new node agrees", |v| v.agree() && v.labels_agree());
    let unit = village.coop.hours;
    for member in 0..3 {
        let account = village.coop.hours_of(member);
        assert_eq!(
            village.posted(3, unit, account),
            village.posted(0, unit, account)
        );
    }
    // It confirms the vote by itself, though it has no say.
    let node = &village.nodes[3];
    let (_, decision) = node.set().office().unwrap().decisions().next().unwrap();
    let close = decision.close().unwrap().0;
    assert!(
        node.governance()
            .recount(node.set(), &close)
            .unwrap()
            .is_confirmed()
    );
    assert_eq!(
        node.audit().lines(node.set()).count(),
        0,
        "nobody opened its log"
    );
}

/// A replica of the accounts and the authority, without votes.
struct Follower {
    replica: Replica,
    transport: LocalTransport,
    ledgers: Vec<Ledger>,
}

impl Follower {
    fn join(village: &Village) -> Self {
        let coop = &village.coop;
        let units: Vec<Unit> = coop
            .genesis
            .units()
            .iter()
            .map(|raw| raw.read().unwrap())
            .collect();
        let topics = units
            .iter()
            .map(|unit| Topic::Ledger(coop.domain(), unit.id()));
        let peers = coop.members.iter().map(super::coop::Person::peer);
        let mut follower = Self {
            replica: Replica::new(coop.domain(), topics, peers, Config::default()).unwrap(),
            transport: village.network.join(coop.guest()),
            ledgers: units
                .iter()
                .map(|unit| Ledger::new(coop.domain(), *unit))
                .collect(),
        };
        for record in coop.genesis.records() {
            follower.input(Input::Local(Box::new(record.clone())), village);
        }
        follower
    }

    fn step(&mut self, village: &Village) {
        while let Some(arrived) = self.transport.recv().now_or_never() {
            let input = match arrived.unwrap() {
                Incoming::Up(peer) => Input::PeerUp(peer),
                Incoming::Down(peer) => Input::PeerDown(peer),
                Incoming::Frame { from, frame } => Input::Frame {
                    from,
                    bytes: frame.as_bytes().to_vec(),
                },
            };
            self.input(input, village);
        }
        for number in 0..self.ledgers.len() {
            let ledger = &self.ledgers[number];
            let set = self.replica.set();
            let missing = ledger.waiting().map(|(id, _)| id);
            let ids = missing.filter(|id| set.find(id).is_none()).collect();
            let topic = ledger.topic();
            self.input(Input::Missing { topic, ids }, village);
        }
        self.input(Input::Wake, village);
    }

    fn input(&mut self, input: Input, village: &Village) {
        let step = self.replica.handle(input, village.times().ticks);
        for stored in step.stored() {
            for ledger in &mut self.ledgers {
                ledger.update(self.replica.set(), stored.slot);
            }
        }
        for ledger in &mut self.ledgers {
            ledger.refresh(self.replica.set());
        }
        let durable = Committed::i_vouch_that_all_is_durable_through(step.number());
        for (peer, bytes) in step.release(durable).unwrap() {
            // Refused until the link is up, and told again later.
            let _refused = block_on(self.transport.send(peer, Frame::from(bytes)));
        }
    }
}

#[test]
fn follower_of_the_accounts_alone_judges_every_record_alike() {
    let mut village = with_history(62);
    let mut follower = Follower::join(&village);
    let topics: Vec<_> = follower.ledgers.iter().map(Ledger::topic).collect();
    let is_there = |follower: &Follower, village: &Village| {
        topics.iter().all(|topic| {
            follower.replica.set().canonical().digest(*topic) == village.nodes[0].set_digest(*topic)
        })
    };
    for _ in 0..600 {
        village.round();
        follower.step(&village);
        if is_there(&follower, &village) {
            break;
        }
    }
    assert!(is_there(&follower, &village));
    let governance = Topic::Governance(village.coop.domain()).id();
    assert!(
        follower
            .replica
            .set()
            .chains()
            .all(|(_, topic)| topic != governance)
    );
    let mut judged = 0;
    for own in &follower.ledgers {
        let set = follower.replica.set();
        for node in &village.nodes {
            let full = node.ledger(&own.unit().id()).unwrap();
            let of_topic = |record: &Record| record.topic() == own.topic();
            for slot in node
                .set()
                .slots()
                .filter(|slot| of_topic(node.set().record(*slot)))
            {
                let here = set.find(&node.set().record(slot).id()).unwrap();
                assert_eq!(full.verdict(slot), own.verdict(here));
                judged += usize::from(full.verdict(slot).is_valid());
            }
            assert_eq!(full.label_digest(node.set()), own.label_digest(set));
        }
    }
    assert!(judged >= 3 * 10, "{judged} records are no history");
}
