use alloc::vec::Vec;

use icn_types::authority::{Act, RollChange};
use icn_types::canon::List;
use icn_types::chain::Owner;
use icn_types::key::{Inception, Signer as _};
use icn_types::record::Kind;
use icn_types::testkit::stage::key_of;

use crate::body::{BALLOT, Ballot, Choice, PROPOSAL, RECEIPT, Receipt, SHUT, Shut};
use crate::governance::Event;
use crate::scene::{PERIOD, Scene};

#[test]
fn a_proposal_lies_on_a_chain_of_its_proposer() {
    let mut scene = Scene::new(4, 1, 1);
    let proposal = scene.text(1);
    let stolen = scene.propose(0, &proposal);
    let own = scene.propose(1, &proposal);
    assert_eq!(scene.broken(&stolen), "proposal.proposer");
    assert!(scene.is_valid(&own));
    let (record, known) = scene.governance.proposal(&proposal.id()).unwrap();
    assert_eq!((record, known), (own, &proposal));
}

#[test]
fn a_copied_proposal_has_another_name() {
    let mut scene = Scene::new(4, 1, 1);
    let original = scene.text(1);
    let mut copy = original.clone();
    copy.proposer = scene.member(0);
    scene.propose(0, &copy);
    assert_ne!(copy.id(), original.id());
    assert!(scene.governance.proposal(&original.id()).is_none());
}

#[test]
fn a_ballot_names_a_valid_opening() {
    let mut scene = Scene::new(4, 1, 1);
    let opening = scene.open_text();
    let proposal = scene.text(2);
    let record = scene.propose(2, &proposal);
    let ballot = Ballot {
        opening,
        choice: Choice::Yes,
    };
    let unnamed = scene
        .stage
        .write(&scene.members[0].clone(), BALLOT, &[], &ballot);
    scene.sync();
    let elsewhere = scene.vote(1, record, Choice::Yes);
    assert_eq!(scene.broken(&unnamed), "ballot.opening");
    assert_eq!(scene.broken(&elsewhere), "ballot.opening");
}

#[test]
fn a_ballot_for_an_invalid_opening_is_invalid() {
    let mut scene = Scene::new(4, 1, 1);
    let proposal = scene.text(0);
    let record = scene.propose(0, &proposal);
    let mut opening = scene.opening(record, &proposal);
    opening.roll = icn_types::id::Digest::from_bytes([0; 32]);
    let opening = scene.act(&Act::Opening(opening), &[]);
    let ballot = scene.vote(1, opening, Choice::Yes);
    assert_eq!(scene.broken(&ballot), "invalid.ref");
}

#[test]
fn only_the_roll_of_the_opening_votes() {
    let mut scene = Scene::new(4, 1, 1);
    let before = scene.open_text();
    let key = key_of(7, "newcomer", 0);
    let newcomer = Inception {
        community: scene.stage.members()[0].inception.community,
        key: key.public_key(),
        recovery: key_of(7, "newcomer", 1).public_key(),
    };
    let leaver = scene.member(3);
    let change = RollChange {
        join: List::new([newcomer.clone()]).unwrap(),
        leave: List::new([leaver]).unwrap(),
    };
    scene.act(&Act::Roll(change), &[]);
    let after = scene.open_text();
    let chain = scene.stage.governance();
    let chain = chain.chain(Owner::Member(newcomer.id(), 0));
    let chain = scene.stage.open(chain, key, None);
    // The leaver was on the roll when the first vote opened, and only then.
    let of_leaver = scene.vote(3, before, Choice::No);
    let of_leaver_later = scene.vote(3, after, Choice::No);
    let later = scene.vote_on(&chain, after, Choice::Yes, &[]);
    let earlier = scene.vote_on(&chain, before, Choice::Yes, &[]);
    assert!(scene.is_valid(&of_leaver));
    assert_eq!(scene.broken(&of_leaver_later), "ballot.roll");
    assert!(scene.is_valid(&later));
    assert_eq!(scene.broken(&earlier), "ballot.roll");
}

#[test]
fn a_chain_of_nobody_does_not_vote() {
    let mut scene = Scene::new(4, 1, 1);
    let opening = scene.open_text();
    let teller = scene.tellers[0];
    let ballot = scene.vote_on(&teller, opening, Choice::Yes, &[]);
    assert_eq!(scene.broken(&ballot), "ballot.roll");
}

#[test]
fn a_second_ballot_names_the_first() {
    let mut scene = Scene::new(4, 1, 1);
    let opening = scene.open_text();
    let first = scene.vote(0, opening, Choice::Yes);
    let chain = scene.members[0];
    let named = scene.vote_on(&chain, opening, Choice::No, &[first]);
    let unnamed = scene.vote_on(&chain, opening, Choice::Yes, &[first]);
    assert!(scene.is_valid(&named));
    assert_eq!(scene.broken(&unnamed), "ballot.again");
}

#[test]
fn a_receipt_names_ballots() {
    let mut scene = Scene::new(4, 1, 1);
    let opening = scene.open_text();
    let teller = scene.tellers[0];
    let of_opening = scene.acknowledge(0, &[opening]);
    assert_eq!(scene.broken(&of_opening), "receipt.ballot");
    let mut scene = Scene::new(4, 1, 1);
    let opening = scene.open_text();
    let ballot = scene.vote(0, opening, Choice::Yes);
    let receipt = Receipt::new(Vec::from([0, 1])).unwrap();
    let past_the_end = scene.stage.write(&teller, RECEIPT, &[ballot], &receipt);
    scene.sync();
    assert_eq!(scene.broken(&past_the_end), "receipt.ballot");
}

#[test]
fn receipts_ascend_and_name_something() {
    assert!(Receipt::new(Vec::new()).is_none());
    assert!(Receipt::new(Vec::from([1, 1])).is_none());
    assert!(Receipt::new((0..257).collect()).is_none());
    assert!(Receipt::new((0..256).collect()).is_some());
}

#[test]
fn only_a_teller_of_the_vote_acknowledges_and_shuts() {
    let mut scene = Scene::new(4, 1, 1);
    let opening = scene.open_text();
    let ballot = scene.vote(0, opening, Choice::Yes);
    let chain = scene.members[1];
    let receipt = scene.acknowledge_on(&chain, &[ballot]);
    scene.stage.set_time(PERIOD);
    let chain = scene.members[2];
    let shut = scene
        .stage
        .write(&chain, SHUT, &[opening], &Shut { opening });
    scene.sync();
    assert_eq!(scene.broken(&receipt), "receipt.teller");
    assert_eq!(scene.broken(&shut), "shut.teller");
}

#[test]
fn a_ballot_is_acknowledged_once_on_a_path() {
    let mut scene = Scene::new(4, 2, 2);
    let opening = scene.open_text();
    let ballot = scene.vote(0, opening, Choice::Yes);
    let one = scene.acknowledge(0, &[ballot]);
    let other = scene.acknowledge(1, &[ballot]);
    let again = scene.acknowledge(0, &[ballot]);
    assert!(scene.is_valid(&one) && scene.is_valid(&other));
    assert_eq!(scene.broken(&again), "receipt.twice");
}

#[test]
fn nothing_is_acknowledged_after_the_shut() {
    let mut scene = Scene::new(4, 1, 1);
    let (opening, other) = (scene.open_text(), scene.open_text());
    let late = scene.vote(0, opening, Choice::Yes);
    let in_time = scene.vote(0, other, Choice::Yes);
    let shut = scene.shut(0, opening);
    let elsewhere = scene.acknowledge(0, &[in_time]);
    let after = scene.acknowledge(0, &[late]);
    assert!(scene.is_valid(&shut) && scene.is_valid(&elsewhere));
    assert_eq!(scene.broken(&after), "receipt.shut");
}

#[test]
fn a_shut_names_a_valid_opening() {
    let mut scene = Scene::new(4, 1, 1);
    let opening = scene.open_text();
    let teller = scene.tellers[0];
    scene.stage.set_time(PERIOD);
    let unnamed = scene.stage.write(&teller, SHUT, &[], &Shut { opening });
    scene.sync();
    assert_eq!(scene.broken(&unnamed), "shut.opening");
}

#[test]
fn a_shut_waits_for_the_end_of_the_period_by_stated_times() {
    for (at, valid) in [(PERIOD - 1, false), (PERIOD, true), (u64::MAX, true)] {
        let mut scene = Scene::new(4, 1, 1);
        let opening = scene.open_text();
        let teller = scene.tellers[0];
        scene.stage.set_time(at);
        let shut = scene
            .stage
            .write(&teller, SHUT, &[opening], &Shut { opening });
        scene.sync();
        if valid {
            assert!(scene.is_valid(&shut));
        } else {
            assert_eq!(scene.broken(&shut), "shut.early");
        }
    }
}

#[test]
fn a_teller_shuts_a_vote_once() {
    let mut scene = Scene::new(4, 1, 1);
    let opening = scene.open_text();
    scene.shut(0, opening);
    let again = scene.shut(0, opening);
    assert_eq!(scene.broken(&again), "shut.twice");
}

#[test]
fn foreign_kinds_and_bodies_are_invalid() {
    let mut scene = Scene::new(4, 1, 1);
    let (a, b) = (scene.members[0], scene.members[1]);
    let kind = scene.stage.write(&a, Kind::new(36), &[], &1_u64);
    let body = scene.stage.write(&b, PROPOSAL, &[], &1_u64);
    scene.sync();
    assert_eq!(scene.broken(&kind), "invalid.kind");
    assert_eq!(scene.broken(&body), "invalid.body");
}

#[test]
fn what_follows_an_invalid_record_is_ended_and_only_the_first_convicts() {
    let mut scene = Scene::new(4, 1, 1);
    let opening = scene.open_text();
    let proposal = scene.text(1);
    let bad = scene.propose(2, &proposal);
    let after = scene.vote(2, opening, Choice::Yes);
    assert_eq!(scene.broken(&bad), "proposal.proposer");
    assert_eq!(scene.broken(&after), "invalid.ended");
    let broken = |event: &&Event| matches!(event, Event::Broken { .. });
    assert_eq!(scene.events.iter().filter(broken).count(), 2);
}
