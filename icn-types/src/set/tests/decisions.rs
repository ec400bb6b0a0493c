//! Openings, closes and readies: each rule of theirs is broken once.

use super::*;
use crate::authority::{Close, DecisionTerms, Opening, Outcome, ProposalId, Ready};
use crate::canon::Raw;
use crate::id::Digest;

const TIMELOCK: u64 = 500;

fn stage() -> Stage {
    Stage::new(1, 4)
}

fn opening(stage: &Stage, proposal: u8) -> Opening {
    Opening {
        proposal: ProposalId::from_bytes([proposal; 32]),
        record: RecordId::from_bytes([8; 32]),
        actions: List::empty(),
        rule: Raw::of(&0_u64),
        roll: stage.set.office().unwrap().roll_digest(),
        terms: DecisionTerms {
            tellers: List::new([ChainId::from_bytes([1; 32]), ChainId::from_bytes([2; 32])])
                .unwrap(),
            needed: 1,
            period: 100,
            timelock: TIMELOCK,
        },
    }
}

fn open(stage: &mut Stage, proposal: u8) -> RecordId {
    let opening = opening(stage, proposal);
    stage.act(&Act::Opening(opening), &[])
}

fn close_with(
    stage: &mut Stage,
    opening: RecordId,
    refs: &[RecordId],
    outcome: Outcome,
    shuts: &[u8],
) -> RecordId {
    let shuts: Vec<_> = shuts
        .iter()
        .map(|byte| RecordId::from_bytes([*byte; 32]))
        .collect();
    let close = Close {
        opening,
        outcome,
        shuts: List::new(shuts).unwrap(),
        tally: Raw::of(&0_u64),
    };
    stage.act(&Act::Close(close), refs)
}

fn close(stage: &mut Stage, opening: RecordId, outcome: Outcome) -> RecordId {
    close_with(stage, opening, &[opening], outcome, &[7])
}

fn ready(stage: &mut Stage, close: RecordId) -> RecordId {
    stage.act(&Act::Ready(Ready { close }), &[close])
}

#[test]
fn a_decision_goes_from_opening_to_close_to_ready() {
    let mut stage = stage();
    stage.set_time(10);
    let opening = open(&mut stage, 1);
    stage.set_time(200);
    let close = close(&mut stage, opening, Outcome::Accepted);
    stage.set_time(200 + TIMELOCK);
    let ready = ready(&mut stage, close);
    assert!(verdict(&stage, &ready).is_valid());
    let decision = stage.set.office().unwrap().decision(&opening).unwrap();
    assert_eq!(decision.at(), Timestamp::from_millis(10));
    let closed = (close, Timestamp::from_millis(200), Outcome::Accepted);
    assert_eq!(decision.close(), Some(closed));
    assert_eq!(decision.ready(), Some(ready));
    assert_eq!(stage.set.office().unwrap().decisions().len(), 1);
}

#[test]
fn a_decision_is_found_by_its_ready_while_that_is_in_force() {
    let mut stage = stage();
    let openings = [1, 2].map(|proposal| open(&mut stage, proposal));
    let closes = openings.map(|opening| close(&mut stage, opening, Outcome::Accepted));
    stage.set_time(TIMELOCK);
    let readies = closes.map(|close| ready(&mut stage, close));
    let of = |stage: &Stage, id: &RecordId| stage.set.decision_of(id).cloned();
    for (opening, id) in openings.iter().zip(&readies) {
        let decision = stage.set.office().unwrap().decision(opening).cloned();
        assert_eq!(of(&stage, id), decision);
        assert!(decision.is_some());
    }
    let twice = ready(&mut stage, closes[0]);
    assert_eq!(broken(&stage, &twice), "ready.twice");
    let others = [twice, closes[0], openings[0], stage.records[0].id()];
    assert_eq!(others.map(|id| of(&stage, &id)), [const { None }; 4]);
    assert_eq!(of(&stage, &RecordId::from_bytes([9; 32])), None, "not here");
    stage.recall(closes[1], &[]);
    assert_eq!(readies.map(|id| of(&stage, &id)), [const { None }; 2]);
    let closed = closes.map(|close| stage.set.closed_by(&close).is_some());
    assert_eq!(closed, [true; 2], "the recall honours them");
}

#[test]
fn a_vote_runs_from_its_opening_to_its_close() {
    let mut stage = stage();
    let before = stage.records.last().unwrap().id();
    let [first, second] = [1, 2].map(|proposal| open(&mut stage, proposal));
    let running = |stage: &Stage| {
        let office = stage.set.office().unwrap();
        let running = office.running().map(|(opening, _)| *opening);
        let opened = [1, 2].map(|one| office.opening_of(&ProposalId::from_bytes([one; 32])));
        (running.collect::<Vec<_>>(), opened)
    };
    let mut both = Vec::from([first, second]);
    both.sort_unstable();
    assert_eq!(running(&stage), (both, [Some(first), Some(second)]));
    let certificate = close(&mut stage, first, Outcome::Rejected);
    let rest = (Vec::from([second]), [Some(first), Some(second)]);
    assert_eq!(running(&stage), rest);
    let decision = stage.set.office().unwrap().decision(&first);
    assert_eq!(stage.set.closed_by(&certificate), decision);
    for other in [first, second, before] {
        assert_eq!(stage.set.closed_by(&other), None);
    }
    let twice = close(&mut stage, first, Outcome::Accepted);
    assert_eq!(stage.set.closed_by(&twice), None, "it is not valid");
    stage.recall(before, &[]);
    assert_eq!(running(&stage), (Vec::new(), [None; 2]));
}

#[test]
fn an_opening_states_the_roll_of_its_moment() {
    let mut stage = stage();
    let wrong = Opening {
        roll: Digest::from_bytes([3; 32]),
        ..opening(&stage, 1)
    };
    let id = stage.act(&Act::Opening(wrong), &[]);
    assert_eq!(broken(&stage, &id), "opening.roll");
}

#[test]
fn a_proposal_is_opened_once() {
    let mut stage = stage();
    open(&mut stage, 1);
    let other = open(&mut stage, 2);
    assert!(verdict(&stage, &other).is_valid());
    let again = open(&mut stage, 1);
    assert_eq!(broken(&stage, &again), "opening.twice");
}

#[test]
fn a_close_names_and_refs_an_opening_before_it() {
    let mut before = stage();
    let opening = open(&mut before, 1);
    let charter = before.records[0].id();
    for (named, refs) in [(charter, [charter]), (opening, [charter])] {
        let mut stage = before.clone();
        let id = close_with(&mut stage, named, &refs, Outcome::Accepted, &[7]);
        assert_eq!(broken(&stage, &id), "close.opening");
    }
}

#[test]
fn an_opening_of_another_branch_cannot_be_closed() {
    let mut stage = stage();
    let charter = stage.records[0].id();
    let opening = open(&mut stage, 1);
    let body = Close {
        opening,
        outcome: Outcome::Accepted,
        shuts: List::new([opening]).unwrap(),
        tally: Raw::of(&0_u64),
    };
    let id = stage.act_after(charter, &Act::Close(body), &[opening]);
    assert_eq!(broken(&stage, &id), "close.opening");
}

#[test]
fn an_opening_is_closed_once() {
    let mut stage = stage();
    let opening = open(&mut stage, 1);
    close(&mut stage, opening, Outcome::Rejected);
    let again = close(&mut stage, opening, Outcome::Accepted);
    assert_eq!(broken(&stage, &again), "close.twice");
}

#[test]
fn a_close_names_exactly_as_many_shuts_as_needed() {
    let mut stage = stage();
    let opening = open(&mut stage, 1);
    let id = close_with(&mut stage, opening, &[opening], Outcome::Accepted, &[6, 7]);
    assert_eq!(broken(&stage, &id), "close.count");
}

#[test]
fn only_an_accepted_close_that_is_named_becomes_ready() {
    for outcome in [
        Outcome::Rejected,
        Outcome::NoQuorum,
        Outcome::Vetoed,
        Outcome::Tied,
        Outcome::Withdrawn,
        Outcome::Expired,
    ] {
        let mut stage = stage();
        let opening = open(&mut stage, 1);
        let close = close(&mut stage, opening, outcome);
        stage.set_time(TIMELOCK);
        let id = ready(&mut stage, close);
        assert_eq!(broken(&stage, &id), "ready.close");
    }
    let mut stage = stage();
    let opening = open(&mut stage, 1);
    let close = close(&mut stage, opening, Outcome::Accepted);
    stage.set_time(TIMELOCK);
    let mut other = stage.clone();
    let id = ready(&mut other, opening);
    assert_eq!(broken(&other, &id), "ready.close");
    let id = stage.act(&Act::Ready(Ready { close }), &[opening]);
    assert_eq!(broken(&stage, &id), "ready.close");
}

#[test]
fn a_close_is_made_ready_once() {
    let mut stage = stage();
    let opening = open(&mut stage, 1);
    let close = close(&mut stage, opening, Outcome::Accepted);
    stage.set_time(TIMELOCK);
    ready(&mut stage, close);
    let again = ready(&mut stage, close);
    assert_eq!(broken(&stage, &again), "ready.twice");
}

#[test]
fn the_timelock_ends_to_the_millisecond() {
    let mut before = stage();
    let opening = open(&mut before, 1);
    before.set_time(1000);
    let close = close(&mut before, opening, Outcome::Accepted);
    for (at, is_early) in [(999 + TIMELOCK, true), (1000 + TIMELOCK, false)] {
        let mut stage = before.clone();
        stage.set_time(at);
        let id = ready(&mut stage, close);
        assert_eq!(!verdict(&stage, &id).is_valid(), is_early);
        if is_early {
            assert_eq!(broken(&stage, &id), "ready.early");
        }
    }
}

#[test]
fn a_recall_adopts_opens_only() {
    let mut stage = stage();
    let charter = stage.records[0].id();
    let opening = open(&mut stage, 1);
    let id = stage.recall(charter, &[opening]);
    assert_eq!(broken(&stage, &id), "adopt.open");
    let mut stage = Stage::new(1, 4);
    let id = stage.act(&Act::Adopt, &[]);
    assert_eq!(broken(&stage, &id), "adopt.open");
}
