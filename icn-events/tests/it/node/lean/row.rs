//! The row that says what a snapshot is: where any byte of it is another one, there
//! is no snapshot.

use std::sync::Arc;

use futures::executor::block_on;
use icn_events::genesis::{FirstEpoch, Founding, Genesis, Peer};
use icn_events::node::{LeanNode, Node, NodeSettings, Saved};
use icn_governance::charter::Rules;
use icn_governance::rule::Rule;
use icn_ledger::entry::NOTE;
use icn_sync::wire::{Envelope, Frame as Wire};
use icn_types::authority::{Charter, FORMAT};
use icn_types::canon::{List, Raw, to_bytes};
use icn_types::chain::{Chain, Owner};
use icn_types::host::{
    Batch, Frame, LocalNetwork, MemoryStore, Scan, Space, Store as _, Transport as _,
};
use icn_types::key::{Inception, Keypair, PeerId, PublicKey, Signer as _};
use icn_types::record::{Content, Draft, Place};
use icn_types::testkit::stage::key_of;
use icn_types::time::{Ticks, Times, Timestamp};
use icn_types::topic::Topic;

use super::super::coop::copy;
use super::forks::{end_of, note_after, tell};
use super::{CHARLIE, Mixed, open_on, set_digests, with_past};

/// Asserts that a node opens lean on a store, and reads its history and stands where
/// it stood once such bits of any byte of the snapshot's row are flipped.
fn is_none_with_any_flip(
    store: &MemoryStore,
    flips: &[u8],
    open: impl Fn(MemoryStore) -> LeanNode,
) {
    let mut sound = open(copy(store));
    let digests = block_on(sound.ask(set_digests)).unwrap();
    assert!(!sound.has_history());
    let scan = Scan::all(Space::new("node/snapshot"));
    let row = block_on(store.scan(&scan)).unwrap().rows.remove(0);
    for at in 0..row.value.len() {
        for flip in flips {
            let mut value = row.value.clone();
            value[at] ^= flip;
            let mut batch = Batch::new();
            batch.put(row.key.clone(), value).unwrap();
            let damaged = copy(store);
            block_on(damaged.commit(batch)).unwrap();
            let mut lean = open(damaged);
            assert!(lean.has_history(), "byte {at} ^ {flip}");
            let found = block_on(lean.ask(set_digests)).unwrap();
            assert_eq!(found, digests, "byte {at} ^ {flip}");
        }
    }
}

#[test]
fn snapshot_is_none_whatever_byte_of_its_row_is_another_one() {
    let mut village = with_past(605);
    let last = end_of(&village, &village.coop.voice_of(1));
    let fork = [1, 2].map(|body| note_after(&village, 1, &last, body));
    tell(&mut village, &fork);
    let village = Mixed::of(village).village;
    let store = &village.stores[CHARLIE];
    let open = |store| open_on(&village, Arc::new(store)).unwrap();
    is_none_with_any_flip(store, &[1, 2, 3, 0x80], open);
}

/// A domain of one member and two peers, without accounts.
struct Hamlet {
    genesis: Genesis,
    network: LocalNetwork,
    member: Keypair,
    audit: Keypair,
    voice: Chain,
    peers: [PeerId; 2],
}

impl Hamlet {
    fn found() -> Self {
        let key = |role: &str, number| key_of(77, role, number);
        let (member, audit, registrar) = (key("member", 0), key("audit", 0), key("registrar", 0));
        let recovery = key("recovery", 0).public_key();
        let inception = Inception {
            community: [77; 32],
            key: member.public_key(),
            recovery,
        };
        let charter = charter(&inception, registrar.public_key());
        let mut founding = Founding::new(charter, &registrar, Timestamp::from_millis(1)).unwrap();
        let domain = founding.domain();
        let peers = [1, 2].map(|number| PeerId::new(key("transport", number).public_key()));
        let voice = Topic::Governance(domain).chain(Owner::Member(inception.id(), 0));
        let log = Topic::Audit(domain, peers[0]).chain(Owner::Node(peers[0]));
        for (chain, signer) in [(voice, &member), (log, &audit)] {
            let epoch = FirstEpoch {
                chain,
                key: signer.public_key(),
                recovery,
                grant: None,
            };
            founding.open(epoch, signer).unwrap();
        }
        for peer in peers {
            founding.peer(Peer::new(peer, "local").unwrap());
        }
        Self {
            genesis: Genesis::parse(&founding.finish().unwrap().to_text()).unwrap(),
            network: LocalNetwork::new(),
            member,
            audit,
            voice,
            peers,
        }
    }

    /// The node of the first peer.
    fn open(&self, store: MemoryStore) -> LeanNode {
        let transport = Arc::new(self.network.join(self.peers[0]));
        let settings = NodeSettings::new(self.genesis.clone(), Arc::new(store), transport).unwrap();
        let settings = settings.with_confirmations(None);
        let settings = settings.with_signer(Arc::new(self.audit.clone()));
        block_on(settings.open_lean()).unwrap()
    }

    /// Two ballots of the member for one place, as another peer tells them.
    fn fork(&self, place: Place) -> Vec<u8> {
        let envelopes = [1_u64, 2].map(|body| {
            let content = Content::new(Vec::new(), None, &body).unwrap();
            let draft = Draft::new(place, NOTE, Timestamp::from_millis(5_000), content).unwrap();
            Envelope::of(&draft.sign(&self.member).unwrap())
        });
        to_bytes(&Wire::Fresh(List::new(envelopes).unwrap()))
    }

    /// The store of a node that heard of a fork and saved.
    fn forked(&self) -> MemoryStore {
        let store = MemoryStore::new();
        let mut lean = self.open(store.clone());
        let guest = self.network.join(self.peers[1]);
        let voice = self.voice.id();
        let place = |node: &Node| node.set().next_place(&voice).unwrap();
        let fork = self.fork(block_on(lean.ask(place)).unwrap());
        for step in 0..6 {
            let now = 10_000 + 100 * step;
            let times = Times {
                now: Timestamp::from_millis(now),
                ticks: Ticks::from_millis(now),
            };
            block_on(lean.step(times)).unwrap();
            if step == 0 {
                block_on(guest.send(self.peers[0], Frame::new(&fork))).unwrap();
            }
        }
        let is_forked = |node: &Node| node.set().fork(&voice).is_some();
        assert!(block_on(lean.ask(is_forked)).unwrap());
        assert_eq!(block_on(lean.save()).unwrap(), Saved::Written);
        store
    }
}

fn charter(inception: &Inception, registrar: PublicKey) -> Charter {
    let rules = Rules {
        text: Rule::majority(),
        budget: Rule::majority(),
        receivership: Rule::two_thirds_of_roll(),
        tellers: List::new([0]).unwrap(),
        needed: 1,
        period: 1_000,
        timelock: 500,
    };
    Charter {
        nonce: inception.community,
        format: FORMAT,
        registrar,
        recovery: List::new([inception.recovery]).unwrap(),
        roll: List::new([inception.clone()]).unwrap(),
        seal_interval: 2_000,
        rules: Raw::of(&rules),
    }
}

#[test]
fn snapshot_without_ledgers_is_none_whatever_bit_of_its_row_is_another_one() {
    let hamlet = Hamlet::found();
    let bits = [1, 2, 4, 8, 16, 32, 64, 128];
    is_none_with_any_flip(&hamlet.forked(), &bits, |store| hamlet.open(store));
}
