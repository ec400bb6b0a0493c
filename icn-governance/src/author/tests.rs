use alloc::boxed::Box;
use alloc::vec::Vec;

use icn_types::authority::{Act, Outcome, ProposalId, RollChange};
use icn_types::canon::{List, Raw};
use icn_types::error::Coded as _;
use icn_types::id::{ChainId, RecordId};

use super::*;
use crate::body::{Ballot, Choice};
use crate::charter::certain_receipts;
use crate::count::Deviation;
use crate::rule::Rule;
use crate::scene::{PERIOD, Scene, TIMELOCK, figures, now};

fn refused<T: core::fmt::Debug>(answer: Result<T, Refusal>) -> &'static str {
    answer.unwrap_err().code()
}

fn ballot(
    scene: &Scene,
    chain: &ChainId,
    opening: RecordId,
    choice: Choice,
) -> Result<Drafted, Refusal> {
    let ballot = Ballot { opening, choice };
    draft_ballot(scene.set(), &scene.governance, chain, ballot, now(1))
}

fn leave(scene: &mut Scene, member: usize) {
    let leaver = scene.member(member);
    let change = RollChange {
        join: List::empty(),
        leave: List::new([leaver]).unwrap(),
    };
    scene.act(&Act::Roll(change), &[]);
}

#[test]
fn a_vote_is_written_by_drafts_alone() {
    let mut scene = Scene::new(4, 3, 2);
    let proposal = scene.budget(0);
    let chain = scene.members[0];
    let drafted = draft_proposal(
        scene.set(),
        &scene.governance,
        &chain,
        proposal.clone(),
        now(1),
    );
    scene.submit(drafted.unwrap());
    let drafted = draft_opening(scene.set(), &scene.governance, &proposal.id(), now(1));
    let opening = scene.submit(drafted.unwrap());
    for member in 0..3 {
        let chain = scene.members[member];
        let drafted = ballot(&scene, &chain, opening, Choice::Yes);
        scene.submit(drafted.unwrap());
    }
    scene.acknowledge_all();
    for chain in scene.tellers.clone() {
        let at = now(PERIOD + 1);
        let drafted = draft_shut(scene.set(), &scene.governance, &chain, &opening, at);
        scene.submit(drafted.unwrap());
    }
    let drafted = draft_close(scene.set(), &scene.governance, &opening, now(PERIOD + 2));
    let close = scene.submit(drafted.unwrap());
    let at = now(PERIOD + 2 + TIMELOCK);
    let drafted = draft_ready(scene.set(), &scene.governance, &close, at);
    let ready = scene.submit(drafted.unwrap());
    let slot = scene.set().find(&ready).unwrap();
    assert!(scene.set().verdict(slot).is_valid());
    let vote = scene.governance.vote(scene.set(), &opening).unwrap();
    assert_eq!(vote.tally, Some(figures(3, 0, 0, 0, 4)));
}

#[test]
fn the_same_request_gives_the_same_record() {
    let mut scene = Scene::new(4, 1, 1);
    let proposal = scene.budget(0);
    let record = scene.propose(0, &proposal);
    let chain = scene.members[0];
    let again = draft_proposal(
        scene.set(),
        &scene.governance,
        &chain,
        proposal.clone(),
        now(9),
    );
    assert_eq!(again, Ok(Drafted::Again(record)));
    let body = scene.opening(record, &proposal);
    let opening = scene.act(&Act::Opening(body), &[]);
    let again = draft_opening(scene.set(), &scene.governance, &proposal.id(), now(9));
    assert_eq!(again, Ok(Drafted::Again(opening)));
    let vote = scene.vote(0, opening, Choice::Yes);
    assert_eq!(
        ballot(&scene, &chain, opening, Choice::Yes),
        Ok(Drafted::Again(vote))
    );
    for member in 1..3 {
        scene.vote(member, opening, Choice::Yes);
    }
    let close = scene.finish(opening);
    let teller = scene.tellers[0];
    let again = draft_shut(scene.set(), &scene.governance, &teller, &opening, now(9));
    assert!(matches!(again, Ok(Drafted::Again(_))));
    let again = draft_close(scene.set(), &scene.governance, &opening, now(9));
    assert_eq!(again, Ok(Drafted::Again(close)));
    scene.stage.set_time(PERIOD + TIMELOCK);
    let ready = scene.ready(close);
    let again = draft_ready(scene.set(), &scene.governance, &close, now(9));
    assert_eq!(again, Ok(Drafted::Again(ready)));
}

#[test]
fn a_changed_mind_replaces_the_ballots_of_every_device() {
    let mut scene = Scene::new(4, 1, 1);
    let device = scene.second_device(0);
    let opening = scene.open_text();
    let one = scene.vote(0, opening, Choice::Yes);
    let drafted = ballot(&scene, &device, opening, Choice::No).unwrap();
    let Drafted::New(draft) = &drafted else {
        panic!("another choice is another request");
    };
    assert!(draft.content().refs().contains(&one));
    let two = scene.submit(drafted);
    scene.acknowledge_all();
    let vote = scene.governance.vote(scene.set(), &opening).unwrap();
    assert_eq!(vote.tally, Some(figures(0, 1, 0, 0, 4)));
    let member = scene.member(0);
    let current = scene.governance.ballot_of(scene.set(), &opening, &member);
    assert_eq!(current, Some(two));
    // Back on the first device: the last there and the one in force are named.
    let first = scene.members[0];
    let drafted = ballot(&scene, &first, opening, Choice::Veto).unwrap();
    let three = scene.submit(drafted);
    let current = scene.governance.ballot_of(scene.set(), &opening, &member);
    assert_eq!(current, Some(three));
}

#[test]
fn one_of_two_contradicting_ballots_is_no_answer_to_a_request() {
    let mut scene = Scene::new(4, 1, 1);
    let device = scene.second_device(0);
    let opening = scene.open_text();
    let one = scene.vote(0, opening, Choice::Yes);
    let two = scene.vote_on(&device, opening, Choice::No, &[]);
    for choice in [Choice::Yes, Choice::No] {
        let Ok(Drafted::New(draft)) = ballot(&scene, &device, opening, choice) else {
            panic!("only a new ballot settles it");
        };
        let refs = draft.content().refs();
        assert!(refs.contains(&one) && refs.contains(&two));
    }
}

#[test]
fn only_members_propose_and_only_for_themselves() {
    let mut scene = Scene::new(4, 1, 1);
    let draft = |scene: &Scene, chain: &ChainId, proposal: &Proposal| {
        draft_proposal(
            scene.set(),
            &scene.governance,
            chain,
            proposal.clone(),
            now(1),
        )
    };
    let proposal = scene.text(1);
    let (other, teller) = (scene.members[0], scene.tellers[0]);
    assert_eq!(
        refused(draft(&scene, &other, &proposal)),
        "vote.refused.owner"
    );
    assert_eq!(
        refused(draft(&scene, &teller, &proposal)),
        "vote.refused.owner"
    );
    let nowhere = ChainId::from_bytes([3; 32]);
    assert_eq!(
        refused(draft(&scene, &nowhere, &proposal)),
        "vote.refused.place"
    );
    leave(&mut scene, 1);
    let own = scene.members[1];
    assert_eq!(refused(draft(&scene, &own, &proposal)), "vote.refused.roll");
}

#[test]
fn a_forked_or_broken_chain_is_not_continued() {
    let mut scene = Scene::new(4, 1, 1);
    let opening = scene.open_text();
    let chain = scene.members[1];
    let proposal = scene.text(0);
    scene.propose(1, &proposal); // of somebody else, so it ends the epoch
    let ended = ballot(&scene, &chain, opening, Choice::Yes);
    assert_eq!(refused(ended), "invalid.ended");
    let second = scene.text(2);
    scene
        .stage
        .write_after(&chain, None, crate::body::PROPOSAL, &[], &second);
    scene.sync();
    let forked = ballot(&scene, &chain, opening, Choice::Yes);
    assert_eq!(refused(forked), "vote.refused.place");
}

#[test]
fn what_is_not_known_is_not_opened_voted_on_or_made_ready() {
    let scene = Scene::new(4, 1, 1);
    let proposal = ProposalId::from_bytes([1; 32]);
    let record = RecordId::from_bytes([1; 32]);
    let (set, governance) = (scene.set(), &scene.governance);
    let chain = scene.members[0];
    assert_eq!(
        refused(draft_opening(set, governance, &proposal, now(1))),
        "vote.refused.proposal"
    );
    assert_eq!(
        refused(ballot(&scene, &chain, record, Choice::Yes)),
        "vote.refused.opening"
    );
    assert_eq!(
        refused(draft_shut(set, governance, &chain, &record, now(1))),
        "vote.refused.opening"
    );
    assert_eq!(
        refused(draft_close(set, governance, &record, now(1))),
        "vote.refused.opening"
    );
    assert_eq!(
        refused(draft_ready(set, governance, &record, now(1))),
        "vote.refused.close"
    );
}

#[test]
fn a_proposal_of_somebody_who_left_is_not_opened() {
    let mut scene = Scene::new(4, 1, 1);
    let proposal = scene.text(0);
    scene.propose(0, &proposal);
    leave(&mut scene, 0);
    let opening = draft_opening(scene.set(), &scene.governance, &proposal.id(), now(1));
    assert_eq!(refused(opening), "vote.refused.roll");
}

#[test]
fn without_rules_in_the_charter_nothing_is_opened() {
    let mut stage = icn_types::testkit::stage::Stage::new(3, 4);
    let topic = stage.governance();
    let chain = stage.open_member(0, &topic, None);
    let proposal = Proposal {
        proposer: stage.members()[0].inception.id(),
        nonce: [0; 32],
        subject: Subject::Text,
        text: None,
    };
    stage.write(&chain, crate::body::PROPOSAL, &[], &proposal);
    let mut governance = Governance::new(stage.domain());
    for record in &stage.records {
        let slot = stage.set.find(&record.id()).unwrap();
        governance.update(&stage.set, slot);
    }
    let opening = draft_opening(&stage.set, &governance, &proposal.id(), now(1));
    assert_eq!(refused(opening), "vote.refused.rules");
}

#[test]
fn strangers_latecomers_and_voters_on_closed_votes_are_told_so() {
    let mut scene = Scene::new(4, 3, 2);
    let opening = scene.open_text();
    let chain = scene.members[0];
    let teller = scene.tellers[0];
    assert_eq!(
        refused(ballot(&scene, &teller, opening, Choice::Yes)),
        "vote.refused.owner"
    );
    scene.shut(0, opening);
    assert!(ballot(&scene, &chain, opening, Choice::Yes).is_ok());
    scene.shut(1, opening);
    assert_eq!(
        refused(ballot(&scene, &chain, opening, Choice::Yes)),
        "vote.refused.late"
    );
    scene.finish_rest(opening);
    assert_eq!(
        refused(ballot(&scene, &chain, opening, Choice::Yes)),
        "vote.refused.closed"
    );
    leave(&mut scene, 3);
    let later = scene.open_text();
    let leaver = scene.members[3];
    assert_eq!(
        refused(ballot(&scene, &leaver, later, Choice::Yes)),
        "vote.refused.roll"
    );
}

#[test]
fn a_ballot_is_late_when_no_receipts_could_make_it_certain() {
    for (tellers, needed) in [(1, 1), (4, 3), (5, 2), (5, 4)] {
        let mut scene = Scene::new(4, tellers, needed);
        let opening = scene.open_text();
        let chain = scene.members[0];
        for teller in 0..tellers as usize {
            let vote = scene.governance.vote(scene.set(), &opening).unwrap();
            let certain = certain_receipts(&vote.frozen.opening().terms);
            let left = tellers as usize - teller;
            let drafted = ballot(&scene, &chain, opening, Choice::Yes);
            assert_eq!(drafted.is_ok(), left >= certain);
            scene.shut(teller, opening);
        }
    }
}

#[test]
fn a_teller_acknowledges_in_batches_and_only_what_is_new() {
    let mut scene = Scene::new(260, 1, 1);
    let opening = scene.open_text();
    for member in 0..260 {
        scene.vote(member, opening, Choice::Yes);
    }
    let teller = scene.tellers[0];
    let mut sizes = Vec::new();
    while let Some(draft) = draft_receipts(scene.set(), &scene.governance, &teller, now(1)).unwrap()
    {
        sizes.push(draft.content().refs().len());
        scene.submit(Drafted::New(draft));
    }
    assert_eq!(sizes, [256, 4]);
    let member = scene.members[0];
    let nothing = draft_receipts(scene.set(), &scene.governance, &member, now(1));
    assert_eq!(nothing, Ok(None));
}

#[test]
fn a_teller_acknowledges_only_what_would_count() {
    let mut scene = Scene::new(4, 1, 1);
    let opening = scene.open_text();
    let chain = scene.members[0];
    let mut last = scene.vote(0, opening, Choice::Yes);
    for choice in [Choice::No, Choice::Yes].repeat(4) {
        last = scene.vote_on(&chain, opening, choice, &[last]);
    }
    let teller = scene.tellers[0];
    let draft = draft_receipts(scene.set(), &scene.governance, &teller, now(1));
    let draft = draft.unwrap().unwrap();
    assert_eq!(draft.content().refs(), [last]);
    scene.submit(Drafted::New(draft));
    let nothing = draft_receipts(scene.set(), &scene.governance, &teller, now(1));
    assert_eq!(nothing, Ok(None));
}

#[test]
fn an_honest_teller_shuts_its_own_votes_in_time() {
    let mut scene = Scene::new(4, 1, 1);
    let opening = scene.open_text();
    let (teller, member) = (scene.tellers[0], scene.members[0]);
    let shut = |chain, at| draft_shut(scene.set(), &scene.governance, chain, &opening, now(at));
    assert_eq!(refused(shut(&member, PERIOD)), "vote.refused.teller");
    let early = shut(&teller, PERIOD - 1).unwrap_err();
    assert_eq!(early, Refusal::Early { until: now(PERIOD) });
    assert_eq!(early.code(), "vote.refused.early");
    assert!(shut(&teller, PERIOD).is_ok());
}

#[test]
fn a_close_waits_for_its_shuts() {
    let mut scene = Scene::new(4, 3, 2);
    let opening = scene.open_text();
    scene.shut(1, opening);
    let early = draft_close(scene.set(), &scene.governance, &opening, now(PERIOD)).unwrap_err();
    assert_eq!(early, Refusal::Shuts { have: 1, needed: 2 });
    assert_eq!(early.code(), "vote.refused.shuts");
    scene.shut(0, opening);
    let close = draft_close(scene.set(), &scene.governance, &opening, now(PERIOD));
    assert!(close.is_ok());
}

#[test]
fn an_honest_registrar_does_not_close_what_was_opened_falsely() {
    let mut scene = Scene::new(4, 1, 1);
    let proposal = scene.text(0);
    let record = scene.propose(0, &proposal);
    let mut body = scene.opening(record, &proposal);
    body.rule = Raw::of(&Rule::two_thirds_of_cast());
    let opening = scene.act(&Act::Opening(body), &[]);
    scene.shut(0, opening);
    let close = draft_close(scene.set(), &scene.governance, &opening, now(PERIOD));
    assert_eq!(refused(close), "vote.refused.deviates");
    let vote = scene.governance.vote(scene.set(), &opening).unwrap();
    assert_eq!(vote.basis, Basis::Deviates(Deviation::Rule));
}

#[test]
fn a_vote_is_not_closed_before_its_proposal_is_here() {
    let mut scene = Scene::new(4, 1, 1);
    let proposal = scene.text(0);
    let opening = scene.open(&proposal);
    scene.shut(0, opening);
    let of_proposer = scene.members[0];
    let (late, rest): (Vec<_>, Vec<_>) = scene
        .stage
        .records
        .iter()
        .partition(|record| record.chain() == of_proposer);
    let (mut set, mut governance) = scene.replica(rest);
    let basis = |set: &RecordSet, governance: &Governance| {
        let vote = governance.vote(set, &opening);
        vote.unwrap().basis
    };
    assert_eq!(basis(&set, &governance), Basis::Pending);
    let close = draft_close(&set, &governance, &opening, now(PERIOD));
    assert_eq!(close, Err(Refusal::UnknownProposal(proposal.id())));
    let added = set.insert(late[0].clone()).unwrap();
    governance.update(&set, added.slot());
    assert_eq!(basis(&set, &governance), Basis::Sound(Rule::majority()));
    assert!(draft_close(&set, &governance, &opening, now(PERIOD)).is_ok());
}

#[test]
fn an_honest_registrar_readies_only_what_was_accepted_recounted_and_waited_for() {
    let mut scene = Scene::new(4, 1, 1);
    let (rejected, lied, good) = {
        let mut openings = Vec::new();
        for _ in 0..3 {
            let proposal = scene.budget(0);
            openings.push(scene.open(&proposal));
        }
        (openings[0], openings[1], openings[2])
    };
    for member in 0..3 {
        scene.vote(member, good, Choice::Yes);
    }
    scene.acknowledge_all();
    let shuts = [rejected, lied, good].map(|opening| scene.shut(0, opening));
    let close = draft_close(scene.set(), &scene.governance, &rejected, now(PERIOD));
    let rejected = scene.submit(close.unwrap());
    let ready = |scene: &Scene, close: &RecordId, at| {
        draft_ready(scene.set(), &scene.governance, close, now(at))
    };
    let late = PERIOD + TIMELOCK;
    assert_eq!(
        ready(&scene, &rejected, late),
        Err(Refusal::NotAccepted(Outcome::Rejected))
    );
    assert_eq!(
        refused(ready(&scene, &rejected, late)),
        "vote.refused.outcome"
    );
    let claim = figures(4, 0, 0, 0, 4);
    let lied = scene.close(lied, &shuts[1..2], Outcome::Accepted, claim);
    assert_eq!(refused(ready(&scene, &lied, late)), "vote.refused.recount");
    let close = draft_close(scene.set(), &scene.governance, &good, now(PERIOD));
    let good = scene.submit(close.unwrap());
    assert_eq!(
        refused(ready(&scene, &good, late - 1)),
        "vote.refused.early"
    );
    assert!(ready(&scene, &good, late).is_ok());
}

#[test]
fn a_registrar_whose_chain_ended_drafts_nothing() {
    let mut scene = Scene::new(4, 1, 1);
    let proposal = scene.text(0);
    let record = scene.propose(0, &proposal);
    let mut body = scene.opening(record, &proposal);
    body.roll = icn_types::id::Digest::from_bytes([0; 32]);
    scene.act(&Act::Opening(body), &[]);
    let opening = draft_opening(scene.set(), &scene.governance, &proposal.id(), now(1));
    assert_eq!(refused(opening), "vote.refused.place");
}

#[test]
fn of_a_teller_that_forks_the_shut_on_its_spine_is_named() {
    let mut scene = Scene::new(4, 1, 1);
    let opening = scene.open_text();
    let shut = scene.shut(0, opening);
    let teller = scene.tellers[0];
    let body = Shut { opening };
    scene.stage.set_time(PERIOD + 7);
    let other = scene
        .stage
        .write_after(&teller, None, crate::body::SHUT, &[opening], &body);
    scene.sync();
    let none = draft_close(scene.set(), &scene.governance, &opening, now(PERIOD));
    assert_eq!(none, Err(Refusal::Shuts { have: 0, needed: 1 }));
    // A Seal settles the fork for the one of the two, whichever came first.
    let head = shut.max(other);
    let tip = icn_types::authority::Tip { seq: 0, head };
    scene
        .stage
        .seal_at(&teller, Some(tip), icn_types::authority::Finality::Open);
    scene.sync();
    let close = draft_close(scene.set(), &scene.governance, &opening, now(PERIOD));
    let close = scene.submit(close.unwrap());
    let slot = scene.set().find(&close).unwrap();
    let Some(Act::Close(close)) = scene.set().act(slot) else {
        panic!("a close");
    };
    assert_eq!(close.shuts.into_vec(), [head]);
}

#[test]
fn a_teller_that_shut_one_vote_goes_on_with_the_others() {
    let mut scene = Scene::new(4, 1, 1);
    let (shut, running) = (scene.open_text(), scene.open_text());
    scene.vote(0, shut, Choice::Yes);
    let ballot = scene.vote(1, running, Choice::Yes);
    scene.shut(0, shut);
    let teller = scene.tellers[0];
    let draft = draft_receipts(scene.set(), &scene.governance, &teller, now(1));
    let draft = draft.unwrap().unwrap();
    assert_eq!(draft.content().refs(), [ballot]);
}

#[test]
fn too_many_refs_cannot_be_written() {
    let scene = Scene::new(4, 1, 1);
    let place = scene.set().next_place(&scene.members[0]).unwrap();
    let refs = (0..=REFS_MAX as u64)
        .map(|n| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&n.to_be_bytes());
            RecordId::from_bytes(id)
        })
        .collect();
    let body = Body::Ballot(Ballot {
        opening: RecordId::from_bytes([0; 32]),
        choice: Choice::Yes,
    });
    let written = assemble(place, refs, &body, now(0)).map(Box::new);
    assert_eq!(refused(written), "vote.refused.unwritable");
}
