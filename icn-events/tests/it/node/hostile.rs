//! Peers that send rubbish, lie, fork or say nothing: a node names them, keeps
//! what it has and goes on.

use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use icn_events::bus::Subscription;
use icn_events::node::{Node, NodeEvent, Progress};
use icn_ledger::Policy;
use icn_ledger::entry::{Entry, Leg, PAYMENT};
use icn_sync::wire::{Frame as Wire, Hello};
use icn_sync::{PeerFault, SyncEvent};
use icn_types::amount::Amount;
use icn_types::canon::{List, from_bytes, to_bytes};
use icn_types::error::Coded as _;
use icn_types::host::{Frame, MemoryStore, Transport as _};
use icn_types::id::{DomainId, RecordId};
use icn_types::key::{Keypair, PeerId, Signer as _};
use icn_types::record::{Content, Draft, Record};
use icn_types::set::Refusal;
use icn_types::sign::{Signed, Unverified};
use icn_types::testkit::transport::{Faulty, SendFault};
use icn_types::time::Timestamp;
use icn_types::verdict::Verdict;

use super::coop::{Registrar, Village};
use super::hours;

/// What a node told about its peers.
struct Ear {
    heard: Arc<Mutex<Vec<SyncEvent>>>,
    _subscription: Subscription,
}

impl Ear {
    fn at(node: &Node) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = heard.clone();
        let subscription = node.events().subscribe(move |event| {
            if let NodeEvent::Sync(event) = event {
                kept.lock().unwrap().push(event.clone());
            }
        });
        Self {
            heard,
            _subscription: subscription,
        }
    }

    fn faults_of(&self, peer: PeerId) -> Vec<PeerFault> {
        let heard = self.heard.lock().unwrap();
        let fault = |event: &SyncEvent| match event {
            SyncEvent::PeerFault { peer: of, fault } if *of == peer => Some(*fault),
            _ => None,
        };
        heard.iter().filter_map(fault).collect()
    }

    fn any(&self, is_it: impl Fn(&SyncEvent) -> bool) -> bool {
        self.heard.lock().unwrap().iter().any(is_it)
    }
}

/// Members trade, and the nodes agree about it.
fn assert_life_goes_on(village: &mut Village, key: u8) {
    let unit = village.coop.hours;
    let [alice, bob] = [0, 1].map(|member| village.coop.hours_of(member));
    let before = village.posted(0, unit, alice);
    let times = village.times();
    block_on(village.nodes[1].pay(&unit, &bob, &hours(alice, 1, key), times)).unwrap();
    village.until("the trade is everywhere", |v| {
        (0..v.nodes.len()).all(|node| v.posted(node, unit, alice) == before + 3_600) && v.agree()
    });
}

#[test]
fn garbage_is_named_and_changes_nothing() {
    let mut village = Village::new(71, 3);
    let guest = village.coop.guest();
    let ears: Vec<Ear> = village.nodes.iter().map(Ear::at).collect();
    let hostile = Registrar::join(&village);
    village.rounds(3);
    let records = village.nodes[0].set().len();
    let digest = village.nodes[0]
        .replica()
        .set()
        .canonical()
        .digest(village.nodes[0].governance().topic());
    for length in 0..200_u8 {
        let bytes: Vec<u8> = (0..length)
            .map(|at| at.wrapping_mul(31).wrapping_add(length))
            .collect();
        for member in 0..3 {
            hostile.send(village.peer(member), &bytes);
        }
        village.round();
    }
    for ear in &ears {
        let faults = ear.faults_of(guest);
        assert!(!faults.is_empty());
        assert!(
            faults
                .iter()
                .all(|fault| matches!(fault, PeerFault::Frame(_)))
        );
        assert!(ear.any(|event| *event == SyncEvent::PeerMuted(guest)));
    }
    let node = &village.nodes[0];
    let after = node.set().canonical().digest(node.governance().topic());
    assert_eq!(after, digest);
    let grown = node.set().len() - records;
    let seals = node.set().spine(&node.set().authority()).len();
    assert!(grown <= seals, "only the registrar wrote");
    assert_life_goes_on(&mut village, 1);
}

/// More would not fit into one commit if every byte were to be stored.
#[test]
fn one_step_takes_in_no_more_than_a_quarter_of_a_batch() {
    let mut village = Village::new(79, 3);
    village.rounds(3);
    let hostile = Registrar::join(&village);
    let frame = vec![0; 256 * 1024];
    for _ in 0..200 {
        hostile.send(village.peer(0), &frame);
    }
    let taken: Vec<usize> = (0..4).map(|_| village.round()[0].received).collect();
    assert!(taken[0] >= 64 && taken[0] < 80, "{taken:?}");
    assert!(taken.iter().sum::<usize>() >= 200, "{taken:?}");
    assert_life_goes_on(&mut village, 1);
}

#[test]
fn stranger_is_not_listened_to() {
    let mut village = Village::new(72, 3);
    let stranger = PeerId::new(Keypair::from_seed(&[66; 32]).public_key());
    let ears: Vec<Ear> = village.nodes.iter().map(Ear::at).collect();
    let transport = village.network.join(stranger);
    let domain = village.coop.domain();
    let topics = List::new([village.nodes[0].governance().topic()]).unwrap();
    let hello = to_bytes(&Wire::Hello(Hello { domain, topics }));
    for _ in 0..20 {
        for member in 0..3 {
            let frame = Frame::new(&hello);
            block_on(transport.send(village.peer(member), frame)).unwrap();
        }
        village.round();
    }
    for ear in &ears {
        let faults = ear.faults_of(stranger);
        assert!(!faults.is_empty());
        assert!(faults.iter().all(|fault| *fault == PeerFault::Stranger));
    }
    assert_life_goes_on(&mut village, 1);
}

#[test]
fn peer_of_another_domain_is_named() {
    let mut village = Village::new(73, 3);
    let guest = village.coop.guest();
    let ear = Ear::at(&village.nodes[0]);
    let other = DomainId::from_bytes([4; 32]);
    let topics = List::new([village.nodes[0].governance().topic()]).unwrap();
    let hello = to_bytes(&Wire::Hello(Hello {
        domain: other,
        topics,
    }));
    let foreign = Registrar::join(&village);
    foreign.send(village.peer(0), &hello);
    let times = village.times();
    block_on(village.nodes[0].step(times)).unwrap();
    let faults = ear.faults_of(guest);
    assert!(faults.contains(&PeerFault::Domain(other)), "{faults:?}");
    drop(foreign);
    assert_life_goes_on(&mut village, 1);
}

/// A payment that a member's key signs at any place.
fn payment(village: &Village, node: usize, member: usize, key: u8, at: u64) -> Signed<Record> {
    let (unit, payer) = (village.coop.hours, village.coop.hours_of(member));
    let payee = village.coop.hours_of((member + 1) % 3);
    let node = &village.nodes[node];
    let ledger = node.ledger(&unit).unwrap();
    let request = hours(payee, u64::from(key), key);
    let at = Timestamp::from_millis(at);
    let draft = match ledger
        .authorize(node.set(), &payer, &request, at, &Policy::NONE)
        .unwrap()
    {
        icn_ledger::Authorized::Draft(draft) => draft,
        icn_ledger::Authorized::Again(id) => panic!("{id} is there"),
    };
    sign(draft, &village.coop.members[member].key)
}

fn sign(draft: Draft, key: &Keypair) -> Signed<Record> {
    draft.sign(key).unwrap()
}

#[test]
fn forged_record_is_not_stored_and_mutes_its_sender() {
    let mut village = Village::new(74, 3);
    let guest = village.coop.guest();
    let ear = Ear::at(&village.nodes[0]);
    village.rounds(3);
    let honest = payment(&village, 0, 1, 5, village.now);
    let thief = Keypair::from_seed(&[67; 32]);
    assert_ne!(thief.public_key(), village.coop.members[1].key.public_key());
    // The last byte of the signature is flipped somewhere in the frame.
    let bytes = honest.to_bytes();
    let mut forged = None;
    for at in (0..bytes.len()).rev() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let read: Result<Unverified<Record>, _> = from_bytes(&changed);
        if read.is_ok() {
            forged = Some(changed);
            break;
        }
    }
    let whole = to_bytes(&Wire::Fresh(
        List::new([icn_sync::wire::Envelope::of(&honest)]).unwrap(),
    ));
    let start = whole
        .windows(bytes.len())
        .position(|part| part == bytes)
        .unwrap();
    let mut frame = whole;
    frame[start..start + bytes.len()].copy_from_slice(&forged.unwrap());
    let hostile = Registrar::join(&village);
    hostile.send(village.peer(0), &frame);
    village.rounds(2);
    let faults = ear.faults_of(guest);
    assert!(
        faults.iter().any(|fault| matches!(
            fault,
            PeerFault::Refused(Refusal::Signature) | PeerFault::Record(_)
        )),
        "{faults:?}"
    );
    assert!(village.nodes[0].set().find(&honest.id()).is_none());
    assert_life_goes_on(&mut village, 1);
}

#[test]
fn forking_member_is_convicted_everywhere_and_others_go_on() {
    let mut village = Village::new(75, 3);
    let ears: Vec<Ear> = village.nodes.iter().map(Ear::at).collect();
    village.rounds(3);
    let one = payment(&village, 0, 2, 5, village.now);
    let other = payment(&village, 0, 2, 6, village.now);
    assert_eq!((one.chain(), one.seq()), (other.chain(), other.seq()));
    let hostile = Registrar::join(&village);
    hostile.tell(village.peer(0), std::slice::from_ref(&one));
    hostile.tell(village.peer(1), std::slice::from_ref(&other));
    // A Seal may have settled on the branch that the registrar saw first, but
    // both stay as evidence.
    let holds_both = |node: &Node| {
        [one.id(), other.id()]
            .iter()
            .all(|id| node.set().find(id).is_some())
    };
    village.until("every node has both branches", |v| {
        v.nodes.iter().all(holds_both) && v.agree()
    });
    for ear in &ears {
        let proof = |event: &SyncEvent| match event {
            SyncEvent::Equivocation(proof) => {
                let (a, b): (RecordId, RecordId) = proof.ids();
                [a, b].contains(&one.id()) && [a, b].contains(&other.id())
            }
            _ => false,
        };
        assert!(ear.any(proof));
    }
    village.until("labels agree", Village::labels_agree);
    // Money from a fork is worth at most its holders' float, and the two
    // honest members trade on.
    assert_life_goes_on(&mut village, 1);
    for node in 0..3 {
        village.reopen(node);
        assert!(holds_both(&village.nodes[node]), "evidence is durable");
    }
    assert_life_goes_on(&mut village, 2);
}

/// An Invalid record is well-formed: all of them keep it, as proof, and then
/// have nothing more to tell each other about it.
#[test]
fn member_who_overdraws_is_convicted_everywhere_and_told_of_once() {
    let mut village = Village::new(80, 3);
    village.rounds(3);
    let honest = payment(&village, 0, 2, 1, village.now);
    let Some(Entry::Payment(mut body)) = Entry::of(&honest) else {
        panic!("a payment");
    };
    let Leg { payee, amount } = body.legs[0];
    let amount = Amount::new(1_000 * amount.get()).unwrap();
    body.legs = List::new([Leg { payee, amount }]).unwrap();
    let content = Content::new(Vec::new(), None, &body).unwrap();
    let draft = Draft::new(*honest.header().place(), PAYMENT, honest.at(), content);
    let too_much = sign(draft.unwrap(), &village.coop.members[2].key);
    let hostile = Registrar::join(&village);
    hostile.tell(village.peer(0), std::slice::from_ref(&too_much));
    village.until("every node has it", |v| {
        v.nodes
            .iter()
            .all(|node| node.set().find(&too_much.id()).is_some())
            && v.agree()
    });
    let (unit, payer) = (village.coop.hours, village.coop.hours_of(2));
    for node in &village.nodes {
        let slot = node.set().find(&too_much.id()).unwrap();
        let Verdict::Invalid(breach) = node.ledger(&unit).unwrap().verdict(slot) else {
            panic!("it is beyond the floor");
        };
        assert_eq!(breach.code(), "limit.floor");
    }
    let times = village.times();
    let asked = block_on(village.nodes[2].pay(&unit, &payer, &hours(payee, 1, 9), times));
    assert_eq!(asked.unwrap_err().code(), "authorize.ended");
    assert_eq!(village.posted(0, unit, payee), 0);
    village.rounds(50);
    let stored = |progress: Vec<Progress>| progress.iter().map(|p| p.stored).sum::<usize>();
    assert_eq!((0..100).map(|_| stored(village.round())).sum::<usize>(), 0);
    assert!(village.labels_agree());
}

#[test]
fn silent_peer_holds_up_nobody() {
    let mut village = Village::new(76, 3);
    let silent = village.network.join(village.coop.guest());
    for key in 1..6 {
        assert_life_goes_on(&mut village, key);
    }
    drop(silent);
    assert_life_goes_on(&mut village, 6);
}

#[test]
fn sends_that_fail_are_made_up_for() {
    for fault in [SendFault::Busy, SendFault::NotConnected] {
        let mut village = Village::new(77, 3);
        let store = MemoryStore::new();
        let network = &village.network;
        let faults = (1..400)
            .filter(|number| number % 3 != 0)
            .map(|number| (number, fault));
        let transport = Faulty::new(network.join(village.peer(1)), faults);
        let settings = village
            .coop
            .settings_on(1, Arc::new(store.clone()), Arc::new(transport));
        village.nodes[1] = block_on(settings.open()).unwrap();
        village.stores[1] = store;
        for key in 1..6 {
            assert_life_goes_on(&mut village, key);
        }
    }
}

#[test]
fn frames_that_were_lost_are_made_up_for_after_the_link_ends() {
    let mut village = Village::new(78, 3);
    let store = MemoryStore::new();
    let transport = Faulty::new(
        village.network.join(village.peer(1)),
        [(1, SendFault::Lost), (2, SendFault::Lost)],
    );
    let settings = village
        .coop
        .settings_on(1, Arc::new(store.clone()), Arc::new(transport));
    village.nodes[1] = block_on(settings.open()).unwrap();
    village.stores[1] = store;
    let unit = village.coop.hours;
    let [alice, bob] = [0, 1].map(|member| village.coop.hours_of(member));
    let times = village.times();
    block_on(village.nodes[1].pay(&unit, &bob, &hours(alice, 1, 1), times)).unwrap();
    village.rounds(20);
    for other in [0, 2] {
        let (here, there) = (village.peer(1), village.peer(other));
        village.network.disconnect(here, there);
        village.rounds(2);
        village.network.reconnect(here, there);
    }
    village.until("the payment arrives", |v| {
        v.posted(2, unit, alice) == 3_600 && v.agree()
    });
}
