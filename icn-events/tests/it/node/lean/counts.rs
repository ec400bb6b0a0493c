//! The snapshot of a domain without ledgers, whose row of counts is damaged.

use std::sync::Arc;

use futures::executor::block_on;
use icn_events::genesis::{FirstEpoch, Founding, Genesis, Peer};
use icn_events::node::{LeanNode, Node, NodeSettings, Saved, verify_store};
use icn_governance::charter::Rules;
use icn_governance::rule::Rule;
use icn_ledger::entry::NOTE;
use icn_sync::wire::{Envelope, Frame as Wire};
use icn_types::authority::{Charter, FORMAT};
use icn_types::canon::{List, Raw, to_bytes};
use icn_types::chain::Owner;
use icn_types::host::{
    Batch, Frame, LocalNetwork, MemoryStore, Scan, Space, Store as _, Transport as _,
};
use icn_types::key::{Inception, PeerId, Signer as _};
use icn_types::record::{Content, Draft};
use icn_types::testkit::stage::key_of;
use icn_types::time::{Ticks, Times, Timestamp};
use icn_types::topic::Topic;

use super::super::coop::copy;
use super::set_digests;

#[test]
fn any_number_in_the_row_of_a_snapshot_without_ledgers_may_be_another_one() {
    let key = |role: &str, number| key_of(77, role, number);
    let (member, audit) = (key("member", 0), key("audit", 0));
    let inception = Inception {
        community: [77; 32],
        key: member.public_key(),
        recovery: key("recovery", 0).public_key(),
    };
    let rules = Rules {
        text: Rule::majority(),
        budget: Rule::majority(),
        receivership: Rule::two_thirds_of_roll(),
        tellers: List::new([0]).unwrap(),
        needed: 1,
        period: 1_000,
        timelock: 500,
    };
    let charter = Charter {
        nonce: [77; 32],
        format: FORMAT,
        registrar: key("registrar", 0).public_key(),
        recovery: List::new([key("recovery", 0).public_key()]).unwrap(),
        roll: List::new([inception.clone()]).unwrap(),
        seal_interval: 2_000,
        rules: Raw::of(&rules),
    };
    let registrar = key("registrar", 0);
    let mut founding = Founding::new(charter, &registrar, Timestamp::from_millis(1)).unwrap();
    let domain = founding.domain();
    let peers = [1, 2].map(|number| PeerId::new(key("transport", number).public_key()));
    let voice = Topic::Governance(domain).chain(Owner::Member(inception.id(), 0));
    let log = Topic::Audit(domain, peers[0]).chain(Owner::Node(peers[0]));
    for (chain, signer) in [(voice, &member), (log, &audit)] {
        let epoch = FirstEpoch {
            chain,
            key: signer.public_key(),
            recovery: key("recovery", 0).public_key(),
            grant: None,
        };
        founding.open(epoch, signer).unwrap();
    }
    for peer in peers {
        founding.peer(Peer::new(peer, "local").unwrap());
    }
    let genesis = Genesis::parse(&founding.finish().unwrap().to_text()).unwrap();
    let network = LocalNetwork::new();
    let open = |store: &MemoryStore| -> LeanNode {
        let transport = Arc::new(network.join(peers[0]));
        let store = Arc::new(store.clone());
        let settings = NodeSettings::new(genesis.clone(), store, transport).unwrap();
        let settings = settings.with_confirmations(None);
        let settings = settings.with_signer(Arc::new(audit.clone()));
        block_on(settings.open_lean()).unwrap()
    };
    let store = MemoryStore::new();
    let mut lean = open(&store);
    let guest = network.join(peers[1]);
    let mut now = 10_000;
    let mut step = |lean: &mut LeanNode| {
        now += 100;
        let times = Times {
            now: Timestamp::from_millis(now),
            ticks: Ticks::from_millis(now),
        };
        block_on(lean.step(times)).unwrap();
    };
    step(&mut lean);
    let place = |node: &Node| node.set().next_place(&voice.id()).unwrap();
    let place = block_on(lean.ask(place)).unwrap();
    let fork = [1_u64, 2].map(|body| {
        let content = Content::new(Vec::new(), None, &body).unwrap();
        let draft = Draft::new(place, NOTE, Timestamp::from_millis(5_000), content).unwrap();
        draft.sign(&member).unwrap()
    });
    let envelopes: Vec<Envelope> = fork.iter().map(|record| Envelope::of(record)).collect();
    let frame = to_bytes(&Wire::Fresh(List::new(envelopes).unwrap()));
    block_on(guest.send(peers[0], Frame::new(&frame))).unwrap();
    for _ in 0..5 {
        step(&mut lean);
    }
    let is_forked = |node: &Node| node.set().fork(&voice.id()).is_some();
    assert!(block_on(lean.ask(is_forked)).unwrap());
    assert_eq!(block_on(lean.save()).unwrap(), Saved::Written);
    let digests = block_on(lean.ask(set_digests)).unwrap();
    drop(lean);
    let scan = Scan::all(Space::new("node/snapshot"));
    let row = block_on(store.scan(&scan)).unwrap().rows.remove(0);
    let mut wrong = Vec::new();
    for at in 0..row.value.len() {
        for bit in 0..8 {
            let mut value = row.value.clone();
            value[at] ^= 1 << bit;
            let store = copy(&store);
            let mut batch = Batch::new();
            batch.put(row.key.clone(), value).unwrap();
            block_on(store.commit(batch)).unwrap();
            let mut lean = open(&store);
            let found = block_on(lean.ask(set_digests)).unwrap();
            if found != digests {
                let said = block_on(verify_store(&genesis, &store)).unwrap();
                wrong.push((at, bit, said));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?} of {:02x?}", row.value);
}
