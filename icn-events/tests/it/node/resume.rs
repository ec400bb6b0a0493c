//! A store that comes back from a backup: nothing is written before others
//! confirm where the own chains end.

use std::num::NonZeroU16;
use std::sync::Arc;

use futures::executor::block_on;
use icn_events::node::{AuthorError, Authored};
use icn_types::error::{Coded as _, Fault};
use icn_types::host::MemoryStore;
use icn_types::id::ChainId;
use icn_types::resume::Standing;

use super::coop::{Registrar, Village, copy};
use super::{hours, records};

/// Opens a node on a store as a host does that says nothing about backups, or
/// asks so many peers.
pub(super) fn open(village: &mut Village, member: usize, store: MemoryStore, peers: Option<u16>) {
    village.stores[member] = store.clone();
    let settings = village
        .coop
        .settings(member, Arc::new(store), &village.network);
    let peers = peers.map_or(Some(NonZeroU16::MIN), NonZeroU16::new);
    village.nodes[member] = block_on(settings.with_confirmations(peers).open()).unwrap();
}

pub(super) fn cut(village: &Village, member: usize, is_linked: bool) {
    for other in (0..village.nodes.len()).filter(|&other| other != member) {
        let (one, other) = (village.peer(member), village.peer(other));
        if is_linked {
            village.network.reconnect(one, other);
        } else {
            village.network.disconnect(one, other);
        }
    }
}

fn pay(village: &mut Village, amount: u64, key: u8) -> Result<Authored, AuthorError> {
    let unit = village.coop.hours;
    let [alice, bob] = [0, 1].map(|member| village.coop.hours_of(member));
    let times = village.times();
    block_on(village.nodes[1].pay(&unit, &bob, &hours(alice, amount, key), times))
}

fn assert_unconfirmed(error: &AuthorError, own: ChainId) {
    let AuthorError::Unconfirmed { chain, standing } = error else {
        panic!("{error:?}");
    };
    assert_eq!(*chain, own);
    assert_ne!(*standing, Standing::Confirmed);
    assert_eq!(
        (error.code(), error.fault()),
        ("node.unconfirmed", Fault::Environment)
    );
}

#[test]
fn restored_backup_writes_nothing_until_a_peer_confirms_and_forks_nothing() {
    let mut village = Village::new(71, 3);
    village.rounds(10);
    let backup = copy(&village.stores[1]);
    let first = pay(&mut village, 1, 7).unwrap();
    village.until("the payment is everywhere", |v| v.agree());
    cut(&village, 1, false);
    open(&mut village, 1, backup, None);
    let bob = village.coop.hours_of(1);
    for _ in 0..20 {
        assert_unconfirmed(&pay(&mut village, 2, 8).unwrap_err(), bob);
        village.rounds(1);
    }
    assert!(
        village.nodes[1]
            .unconfirmed()
            .any(|(chain, _)| chain == bob)
    );
    cut(&village, 1, true);
    village.until("the own chains are confirmed", |v| {
        v.nodes[1].unconfirmed().next().is_none()
    });
    // What was forgotten is known again, and the chain goes on after it.
    assert_eq!(
        pay(&mut village, 1, 7).unwrap(),
        Authored::Again(first.id())
    );
    pay(&mut village, 2, 8).unwrap();
    village.until("nodes agree", |v| {
        v.agree() && v.posted(0, v.coop.hours, v.coop.hours_of(0)) == 3 * 3600
    });
    assert_eq!(village.forks(), []);
}

/// Shows what the rule is for: the same without it.
#[test]
fn restored_backup_that_asks_nobody_forks_its_chain() {
    let mut village = Village::new(72, 3);
    village.rounds(10);
    let backup = copy(&village.stores[1]);
    pay(&mut village, 1, 7).unwrap();
    village.until("the payment is everywhere", |v| v.agree());
    cut(&village, 1, false);
    open(&mut village, 1, backup, Some(0));
    pay(&mut village, 2, 8).unwrap();
    cut(&village, 1, true);
    village.rounds(40);
    let set = village.nodes[0].set();
    assert!(!set.is_straight(), "two records at one position");
}

#[test]
fn as_many_peers_confirm_as_the_host_asks_for() {
    let mut village = Village::new(73, 3);
    village.rounds(10);
    let store = copy(&village.stores[1]);
    open(&mut village, 1, store, Some(2));
    let (one, other) = (village.peer(1), village.peer(2));
    village.network.disconnect(one, other);
    village.rounds(40);
    let bob = village.coop.hours_of(1);
    let missing = Standing::Unconfirmed {
        missing: NonZeroU16::MIN,
    };
    assert_eq!(village.nodes[1].standing(&bob), missing);
    village.network.reconnect(one, other);
    village.until("both peers confirmed", |v| {
        v.nodes[1].standing(&bob) == Standing::Confirmed
    });
    pay(&mut village, 1, 7).unwrap();
}

#[test]
fn duties_of_a_restored_node_wait_as_well() {
    let mut village = Village::new(74, 3);
    village.rounds(10);
    let backup = copy(&village.stores[0]);
    pay(&mut village, 1, 7).unwrap();
    village.until("the payment is taken and sealed", |v| {
        let set = v.nodes[2].set();
        let bob = v.coop.hours_of(1);
        v.agree() && set.sealed_len(&bob) == set.spine(&bob).len()
    });
    cut(&village, 0, false);
    open(&mut village, 0, backup, None);
    let before = village.nodes[0].set().len();
    let audit = village.nodes[0].audit().chain_id();
    village.rounds(40);
    let set = village.nodes[0].set();
    let written = set
        .slots()
        .skip(before)
        .map(|slot| set.record(slot).chain());
    let others: Vec<ChainId> = written.filter(|chain| *chain != audit).collect();
    assert_eq!(
        others,
        [],
        "the registrar seals and the payee takes nothing"
    );
    cut(&village, 0, true);
    village.until("nodes agree", Village::agree);
    village.rounds(10);
    assert_eq!(village.forks(), []);
}

/// The node was told to ask nobody, and no peer is there to say anything. But
/// the Seal over its last record is.
#[test]
fn restored_backup_writes_nothing_while_a_seal_names_what_it_lost() {
    let mut village = Village::new(104, 3);
    let guest = Registrar::join(&village);
    village.rounds(10);
    let backup = copy(&village.stores[1]);
    let first = pay(&mut village, 1, 7).unwrap();
    let [alice, bob] = [0, 1].map(|member| village.coop.hours_of(member));
    village.until("the payment is sealed", |v| {
        let set = v.nodes[0].set();
        let sealed = set.sealed_len(&bob);
        v.agree() && sealed > 0 && sealed == set.spine(&bob).len()
    });
    cut(&village, 1, false);
    open(&mut village, 1, backup, Some(0));
    let chains = [village.nodes[0].set().authority(), bob];
    let [acts, own] = chains.map(|chain| records(&village, 0, &chain));
    let to = village.peer(1);
    guest.repeat(&acts, to);
    village.rounds(3);
    let before = village.nodes[1].set().len();
    let record = own.last().unwrap().id();
    let refused = pay(&mut village, 2, 8).unwrap_err();
    assert_unconfirmed(&refused, bob);
    assert_eq!(
        village.nodes[1].standing(&bob),
        Standing::Behind { record },
        "{refused:?}"
    );
    // Nor does it acknowledge what arrives.
    let times = village.times();
    let unit = village.coop.hours;
    let paid = block_on(village.nodes[0].pay(&unit, &alice, &hours(bob, 1, 9), times)).unwrap();
    guest.repeat(&records(&village, 0, &alice), to);
    village.rounds(3);
    let node = &village.nodes[1];
    assert!(node.set().len() > before, "it takes in what others wrote");
    let written = node.set().spine(&bob);
    assert!(written.len() < own.len());

    guest.repeat(&own, to);
    village.rounds(3);
    assert_eq!(village.nodes[1].standing(&bob), Standing::Confirmed);
    assert_eq!(
        pay(&mut village, 1, 7).unwrap(),
        Authored::Again(first.id())
    );
    cut(&village, 1, true);
    village.until("nodes agree, and bob has what was paid", |v| {
        let ledger = v.nodes[1].ledger(&unit).unwrap();
        let taken = ledger.positions(v.nodes[1].set(), &bob).posted.get();
        v.agree() && taken == 0
    });
    assert!(village.nodes[1].set().find(&paid.id()).is_some());
    assert_eq!(village.forks(), []);
}
