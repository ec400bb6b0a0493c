//! A roll that could not recall its registrar is none.

use super::*;
use crate::authority::{RECALL_VOTES_MAX, Recall, Vote, Voter};
use crate::canon::to_bytes;
use crate::hash::sha256;
use crate::key::{Inception, MemberId, Signature};
use crate::record::{CONTENT_LEN_MAX, REFS_MAX};

#[test]
fn a_roll_never_becomes_too_small_for_a_recall() {
    let without = |charter: &mut Charter| charter.recovery = List::empty();
    let mut stage = Stage::with_charter(1, 5, without);
    let leave = |stage: &mut Stage, member: usize| {
        let change = RollChange {
            join: List::empty(),
            leave: List::new([stage.members()[member].inception.id()]).unwrap(),
        };
        let allowed = stage.set.office().unwrap().check_roll(&change);
        let id = stage.act(&Act::Roll(change), &[]);
        (allowed, id)
    };
    let (allowed, id) = leave(&mut stage, 0);
    assert_eq!(allowed, Ok(()));
    assert!(verdict(&stage, &id).is_valid());
    let (allowed, id) = leave(&mut stage, 1);
    assert_eq!(allowed, Err(AuthorityRule::RollRecall));
    assert_eq!(broken(&stage, &id), "roll.recall");
    let mut stage = Stage::new(1, 4);
    let (allowed, id) = leave(&mut stage, 0);
    assert_eq!(allowed, Ok(()), "the charter names a recovery key");
    assert!(verdict(&stage, &id).is_valid());
}

#[test]
fn a_roll_never_becomes_too_large_for_a_recall() {
    let mut stage = Stage::new(1, 511);
    let community = stage.members()[0].inception.community;
    let key = stage.draw_key().public_key();
    let join = |stage: &mut Stage, members: u64| {
        let newcomer = |number| Inception {
            community,
            key,
            recovery: key_of(stage.set.len() as u64, "newcomer", number).public_key(),
        };
        let mut join: Vec<_> = (0..members).map(newcomer).collect();
        join.sort_by_key(Inception::id);
        let change = RollChange {
            join: List::new(join).unwrap(),
            leave: List::empty(),
        };
        stage.act(&Act::Roll(change), &[])
    };
    for members in [512, 512] {
        let id = join(&mut stage, members);
        assert!(verdict(&stage, &id).is_valid());
    }
    let id = join(&mut stage, 1);
    assert_eq!(stage.set.office().unwrap().roll().len(), 1535);
    assert_eq!(broken(&stage, &id), "roll.recall");
}

#[test]
fn office_after_an_earlier_record_is_the_one_that_stood_there() {
    let mut stage = Stage::new(1, 4);
    let office = |stage: &Stage, id: &RecordId| {
        let office = stage.set.office_after(id)?;
        Some((office.roll_digest(), office.voters()))
    };
    let before = stage.set.record(stage.set.office_tip().unwrap()).id();
    let four = office(&stage, &before);
    let leaves = RollChange {
        join: List::empty(),
        leave: List::new([stage.members()[0].inception.id()]).unwrap(),
    };
    let after = stage.act(&Act::Roll(leaves), &[]);
    let three = office(&stage, &after);
    assert_eq!(office(&stage, &before), four, "a fold is as good");
    let (four, three) = (four.unwrap(), three.unwrap());
    assert_ne!(four.0, three.0);
    let voters = |(_, voters): (_, Vec<(Voter, _)>)| voters.into_iter().map(|(voter, _)| voter);
    assert!(
        voters(four).eq(stage
            .members()
            .iter()
            .map(|one| Voter::Member(one.inception.id()))
            .collect::<BTreeSet<_>>())
    );
    assert!(
        voters(three).eq([Voter::Key(0)]),
        "a small roll recalls by key"
    );
    assert_eq!(office(&stage, &RecordId::from_bytes([7; 32])), None);
}

#[test]
fn the_largest_recall_fits_into_a_record() {
    let vote = |number: usize| {
        let mut id = [0xff; 32];
        id[..2].copy_from_slice(&u16::try_from(number).unwrap().to_be_bytes());
        Vote {
            voter: Voter::Member(MemberId::from_bytes(id)),
            signature: Signature::from_bytes([0xff; 64]),
        }
    };
    let recall = Recall {
        successor: key_of(1, "successor", 0).public_key(),
        votes: List::new((0..RECALL_VOTES_MAX).map(vote).collect::<Vec<_>>()).unwrap(),
    };
    let refs =
        (0..REFS_MAX as u64).map(|number| RecordId::from_bytes(sha256(&number.to_be_bytes())));
    let content = Content::new(refs.collect(), None, &recall).unwrap();
    assert!(to_bytes(&content).len() <= CONTENT_LEN_MAX);
}
