//! A step looks at what happened, however many chains there are.

use futures::executor::block_on;
use icn_events::node::EpochRequest;
use icn_governance::body::Choice;
use icn_types::key::Signer as _;
use icn_types::resume::Standing;

use super::coop::{Coop, Registrar, Village, copy};
use super::resume::{cut, open};
use super::{budget, hours, propose_and_vote, records};

/// Enough to tell a look at each from a look at few; founding them takes longest.
const CHAINS: u32 = 2_000;

/// Chains that each node looked at in so many rounds.
fn looked(village: &mut Village, rounds: usize) -> [usize; 2] {
    let mut looked = [0; 2];
    for _ in 0..rounds {
        for (sum, progress) in looked.iter_mut().zip(village.round()) {
            *sum += progress.looked;
        }
    }
    looked
}

/// The first node has the keys of all these chains, and seals them; for the
/// second they are chains of others.
#[test]
fn step_touches_no_idle_chain_however_many_there_are() {
    let mut village = Village::of(Coop::found_with_funds(101, 2, CHAINS));
    let first = village.round();
    assert!(first[0].looked > CHAINS as usize, "each was looked at once");
    assert!(first[1].looked < 10, "{:?}", first[1]);
    village.rounds(10);
    // Longer than the interval of Seals.
    assert_eq!(looked(&mut village, 50), [0, 0]);

    let (unit, alice, bob) = (
        village.coop.hours,
        village.coop.hours_of(0),
        village.coop.hours_of(1),
    );
    let times = village.times();
    block_on(village.nodes[1].pay(&unit, &bob, &hours(alice, 1, 1), times)).unwrap();
    let busy = looked(&mut village, 60);
    assert_eq!(village.posted(0, unit, alice), 3_600);
    let set = village.nodes[0].set();
    assert!(set.sealed_len(&alice) > 1, "and it named a Seal");
    assert!(
        busy.iter().all(|&looked| (1..40).contains(&looked)),
        "{busy:?}"
    );
    village.rounds(50);
    assert_eq!(looked(&mut village, 50), [0, 0]);

    let proposal = budget(&village);
    propose_and_vote(&mut village, proposal, &[Choice::Yes; 2]);
    let busy = looked(&mut village, 100);
    let (credits, supplier) = (village.coop.credits, village.coop.supplier());
    assert_eq!(village.posted(1, credits, supplier), 5_000);
    // Two tellers in each step while the vote runs.
    assert!(
        busy.iter().all(|&looked| (1..400).contains(&looked)),
        "{busy:?}"
    );
    village.rounds(50);
    assert_eq!(looked(&mut village, 50), [0, 0]);
}

/// A node that was opened just now looks at everything. In whatever moment that
/// happens, it writes what the node would have written that did not.
#[test]
fn node_that_looks_at_what_happened_writes_what_one_does_that_looks_at_all() {
    const SEED: u64 = 103;
    let mut village = Village::new(SEED, 3);
    let hostile = Registrar::join(&village);
    let unit = village.coop.hours;
    let accounts = [0, 1, 2].map(|member| village.coop.hours_of(member));
    let (mut compared, mut written) = (0, 0);
    for round in 0..150_u64 {
        let times = village.times();
        let member = usize::try_from(round % 3).unwrap();
        if round % 7 == 0 {
            let request = hours(accounts[(member + 1) % 3], 1, u8::try_from(round).unwrap());
            let paid = village.nodes[member].pay(&unit, &accounts[member], &request, times);
            let _ = block_on(paid); // refused once the account forks
        }
        if round == 10 {
            let proposal = budget(&village);
            propose_and_vote(&mut village, proposal, &[Choice::Yes; 3]);
        }
        if round == 60 {
            let fork = super::evidence::fork(&village, 2);
            hostile.tell(village.peer(0), &fork);
        }
        let mut twins = Village::wake(SEED, village.copies(), village.now);
        let (own, all) = (village.round(), twins.round());
        for (own, all) in own.iter().zip(all) {
            if own.received == 0 {
                assert_eq!(own.authored, all.authored, "round {round}");
                compared += 1;
                written += own.authored;
            }
        }
    }
    assert!(compared > 50 && written > 5, "{compared} {written}");
}

/// Alice pays Bob an hour, whose node is cut off and hears of it from a guest.
fn pay_bob_aside(village: &mut Village, guest: &Registrar) {
    let [alice, bob] = [0, 1].map(|member| village.coop.hours_of(member));
    let (unit, times) = (village.coop.hours, village.times());
    block_on(village.nodes[0].pay(&unit, &alice, &hours(bob, 1, 1), times)).unwrap();
    guest.repeat(&records(village, 0, &alice), village.peer(1));
    village.rounds(5);
    let [one, other] = [0, 1].map(|node| records(village, node, &alice));
    assert_eq!(one, other, "Bob's node knows of it");
    assert!(records(village, 1, &bob).is_empty(), "and took nothing");
}

#[test]
fn chain_that_waited_to_be_confirmed_is_looked_at_once_it_is() {
    let mut village = Village::new(105, 3);
    let guest = Registrar::join(&village);
    village.rounds(10);
    cut(&village, 1, false);
    let store = copy(&village.stores[1]);
    open(&mut village, 1, store, None);
    pay_bob_aside(&mut village, &guest);
    cut(&village, 1, true);
    let bob = village.coop.hours_of(1);
    village.until("the chain is confirmed", |v| {
        v.nodes[1].standing(&bob) == Standing::Confirmed
    });
    village.rounds(2);
    assert!(!records(&village, 1, &bob).is_empty());
}

#[test]
fn chain_that_rested_is_looked_at_once_its_owner_withdraws() {
    let mut village = Village::new(106, 3);
    let guest = Registrar::join(&village);
    village.rounds(10);
    let (bob, key) = (
        village.coop.hours_of(1),
        village.coop.members[1].key.public_key(),
    );
    let next = EpochRequest {
        chain: bob,
        key,
        recovery: key,
        grant: None,
    };
    block_on(village.nodes[1].agree_to_epoch(&next)).unwrap();
    pay_bob_aside(&mut village, &guest);
    village.rounds(50);
    block_on(village.nodes[1].withdraw(&bob)).unwrap();
    village.round();
    assert!(!records(&village, 1, &bob).is_empty());
}
