mod unruly;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::authority::{Act, Close, Opening, Outcome, Ready, Tip};
use icn_types::canon::{List, Raw};
use icn_types::error::Coded as _;
use icn_types::id::{Digest, RecordId, UnitId};
use icn_types::record::{Kind, Record};
use icn_types::set::{RecordSet, Slot};
use icn_types::sign::Signed;
use icn_types::verdict::Verdict;

use super::{Event, Governance, Phase};
use crate::body::{BALLOT, Ballot, Choice, RECEIPT, Receipt, SHUT, Shut};
use crate::charter::Trust;
use crate::count::{Deviation, Falsehood, Recount, acknowledged};
use crate::rule::Rule;
use crate::scene::{PERIOD, Scene, TIMELOCK, figures, now, rules};
use crate::tally::Tally;

const MEMO: Kind = Kind::new(36);

fn tally_of(scene: &Scene, opening: RecordId) -> Tally {
    let vote = scene.governance.vote(scene.set(), &opening).unwrap();
    vote.tally.unwrap()
}

fn recount(scene: &Scene, close: RecordId) -> &Recount {
    scene.governance.recount(scene.set(), &close).unwrap()
}

/// What a close of these Shuts counts.
fn counted(scene: &Scene, opening: RecordId, shuts: &[RecordId]) -> BTreeSet<RecordId> {
    let slots: Vec<Slot> = shuts
        .iter()
        .map(|id| scene.set().find(id).unwrap())
        .collect();
    let opening = scene.set().find(&opening).unwrap();
    acknowledged(scene.set(), &scene.governance.index, opening, &slots)
        .into_iter()
        .map(|slot| scene.set().record(slot).id())
        .collect()
}

/// Three members vote 2 to 1, everybody counts, the registrar closes.
fn decided() -> (Scene, RecordId, RecordId) {
    let mut scene = Scene::new(4, 3, 2);
    let proposal = scene.budget(0);
    let opening = scene.open(&proposal);
    for (member, choice) in [
        (0, Choice::Yes),
        (1, Choice::Yes),
        (2, Choice::No),
        (3, Choice::Yes),
    ] {
        scene.vote(member, opening, choice);
    }
    let close = scene.finish(opening);
    (scene, opening, close)
}

#[test]
fn a_vote_runs_from_proposal_to_ready() {
    let (mut scene, opening, close) = decided();
    assert_eq!(recount(&scene, close), &Recount::Confirmed);
    let restarted = Governance::of(scene.set());
    assert_eq!(
        restarted.label_digest(&scene.set().canonical()),
        scene.governance.label_digest(&scene.set().canonical())
    );
    scene.stage.set_time(PERIOD + TIMELOCK);
    let ready = scene.ready(close);
    let vote = scene.governance.vote(scene.set(), &opening).unwrap();
    assert_eq!(vote.phase, Phase::Ready { close, ready });
    assert_eq!(vote.tally, Some(figures(3, 1, 0, 0, 4)));
    assert_eq!(vote.trust, Trust::Tellers { needed: 2, of: 3 });
    assert_eq!((vote.voted, vote.shut.len()), (4, 3));
    let kinds = |wanted: fn(&Event) -> bool| scene.events.iter().filter(|e| wanted(e)).count();
    assert_eq!(kinds(|e| matches!(e, Event::ProposalMade { .. })), 1);
    assert_eq!(kinds(|e| matches!(e, Event::Opened { .. })), 1);
    assert_eq!(kinds(|e| matches!(e, Event::BallotCast { .. })), 4);
    assert_eq!(kinds(|e| matches!(e, Event::BallotAcknowledged { .. })), 12);
    assert_eq!(kinds(|e| matches!(e, Event::Shut { .. })), 3);
    assert_eq!(kinds(|e| matches!(e, Event::Closed { .. })), 1);
    assert_eq!(kinds(|e| matches!(e, Event::ReadyMade { .. })), 1);
    assert_eq!(kinds(|e| matches!(e, Event::Broken { .. })), 0);
}

#[test]
fn phases_follow_each_other() {
    let mut scene = Scene::new(4, 2, 2);
    let opening = scene.open_text();
    let phase = |scene: &Scene| {
        let vote = scene.governance.vote(scene.set(), &opening);
        vote.unwrap().phase
    };
    assert_eq!(phase(&scene), Phase::Running);
    scene.shut(0, opening);
    assert_eq!(phase(&scene), Phase::Running);
    scene.shut(1, opening);
    assert_eq!(phase(&scene), Phase::Shut);
    let close = crate::author::draft_close(scene.set(), &scene.governance, &opening, now(PERIOD));
    let close = scene.submit(close.unwrap());
    let outcome = Outcome::Rejected;
    assert_eq!(phase(&scene), Phase::Closed { close, outcome });
}

#[test]
fn the_last_ballot_of_a_chain_counts_even_if_only_another_teller_saw_it() {
    let mut scene = Scene::new(4, 2, 2);
    let opening = scene.open_text();
    let chain = scene.members[0];
    let first = scene.vote(0, opening, Choice::Yes);
    let second = scene.vote_on(&chain, opening, Choice::No, &[first]);
    let third = scene.vote_on(&chain, opening, Choice::Abstain, &[second]);
    scene.acknowledge(0, &[first]);
    assert_eq!(tally_of(&scene, opening), figures(1, 0, 0, 0, 4));
    scene.acknowledge(1, &[third]);
    // Nobody acknowledged the second, yet the third replaces the first by it.
    assert_eq!(tally_of(&scene, opening), figures(0, 0, 1, 0, 4));
    let current = scene
        .governance
        .ballot_of(scene.set(), &opening, &scene.member(0));
    assert_eq!(current, Some(third));
}

#[test]
fn a_member_with_two_devices_has_one_vote() {
    let mut scene = Scene::new(4, 1, 1);
    let device = scene.second_device(0);
    let opening = scene.open_text();
    let one = scene.vote(0, opening, Choice::Yes);
    let other = scene.vote_on(&device, opening, Choice::No, &[]);
    scene.acknowledge(0, &[one]);
    scene.acknowledge(0, &[other]);
    let tally = tally_of(&scene, opening);
    let lowest = if one < other { (1, 0) } else { (0, 1) };
    assert_eq!((tally.yes(), tally.no()), lowest);
    // Nor does it matter which of the two was stored first.
    let authority = scene.set().authority();
    let of_office = |record: &&Signed<Record>| record.chain() == authority;
    let (acts, rest): (Vec<_>, Vec<_>) = scene.stage.records.iter().partition(of_office);
    let (set, governance) = scene.replica(acts.into_iter().chain(rest.into_iter().rev()));
    assert!(set.find(&other) < set.find(&one));
    assert_eq!(governance.vote(&set, &opening).unwrap().tally, Some(tally));
    let last = scene.vote_on(&device, opening, Choice::Abstain, &[one, other]);
    scene.acknowledge(0, &[last]);
    assert_eq!(tally_of(&scene, opening), figures(0, 0, 1, 0, 4));
}

#[test]
fn a_ballot_does_not_replace_those_of_others() {
    let mut scene = Scene::new(4, 1, 1);
    let opening = scene.open_text();
    let victim = scene.vote(1, opening, Choice::Yes);
    let chain = scene.members[0];
    let greedy = scene.vote_on(&chain, opening, Choice::No, &[victim]);
    scene.acknowledge(0, &[victim]);
    scene.acknowledge(0, &[greedy]);
    assert_eq!(tally_of(&scene, opening), figures(1, 1, 0, 0, 4));
}

#[test]
fn a_ballot_counts_only_for_its_own_opening() {
    let mut scene = Scene::new(4, 1, 1);
    let (one, other) = (scene.open_text(), scene.open_text());
    let ballot = scene.vote(0, one, Choice::Yes);
    let elsewhere = scene.vote(1, other, Choice::Yes);
    let shut_first = scene.shut(0, other);
    scene.acknowledge(0, &[ballot]);
    assert_eq!(tally_of(&scene, one), figures(1, 0, 0, 0, 4));
    assert!(counted(&scene, other, &[shut_first]).is_empty());
    assert_eq!(
        scene
            .governance
            .receipts(scene.set(), &elsewhere)
            .unwrap()
            .tellers,
        0
    );
}

#[test]
fn late_and_unacknowledged_ballots_are_not_counted() {
    let mut scene = Scene::new(4, 2, 1);
    let opening = scene.open_text();
    let in_time = scene.vote(0, opening, Choice::Yes);
    scene.acknowledge(0, &[in_time]);
    let shut = scene.shut(0, opening);
    let late = scene.vote(1, opening, Choice::No);
    scene.acknowledge(1, &[late]);
    assert!(scene.is_valid(&late));
    assert_eq!(counted(&scene, opening, &[shut]), BTreeSet::from([in_time]));
    let shuts = [shut, scene.shut(1, opening)];
    assert_eq!(
        counted(&scene, opening, &shuts),
        BTreeSet::from([in_time, late])
    );
}

#[test]
fn of_a_teller_that_forks_only_the_named_path_counts() {
    let mut scene = Scene::new(4, 1, 1);
    let opening = scene.open_text();
    let (a, b) = (
        scene.vote(0, opening, Choice::Yes),
        scene.vote(1, opening, Choice::No),
    );
    scene.acknowledge(0, &[a]);
    let shut = scene.shut(0, opening);
    let teller = scene.tellers[0];
    let receipt = Receipt::new(Vec::from([0])).unwrap();
    let head = scene
        .stage
        .write_after(&teller, None, RECEIPT, &[b], &receipt);
    let tip = Tip { seq: 0, head };
    let forked = Shut { opening };
    let other = scene
        .stage
        .write_after(&teller, Some(tip), SHUT, &[opening], &forked);
    scene.sync();
    assert_eq!(counted(&scene, opening, &[shut]), BTreeSet::from([a]));
    assert_eq!(counted(&scene, opening, &[other]), BTreeSet::from([b]));
}

/// With every subset of up to five tellers as receipts of a ballot: it is in
/// the close of every k Shuts exactly when it has n - k + 1 receipts.
#[test]
fn a_ballot_with_enough_receipts_is_in_every_close() {
    for of in 1..=5_usize {
        let mut scene = Scene::new(1 << of, u32::try_from(of).unwrap(), 1);
        let opening = scene.open_text();
        let ballots: Vec<RecordId> = (0..1 << of)
            .map(|member| scene.vote(member, opening, Choice::Yes))
            .collect();
        let mut shuts = Vec::new();
        for teller in 0..of {
            let seen: BTreeSet<RecordId> = (0..1_usize << of)
                .filter(|subset| subset & (1 << teller) != 0)
                .map(|subset| ballots[subset])
                .collect();
            let seen: Vec<RecordId> = seen.into_iter().collect();
            scene.acknowledge(teller, &seen);
            shuts.push(scene.shut(teller, opening));
        }
        for needed in 1..=of {
            let mut in_every_close: BTreeSet<RecordId> = ballots.iter().copied().collect();
            for close in (0..1_usize << of).filter(|close| close.count_ones() as usize == needed) {
                let named: Vec<RecordId> = (0..of)
                    .filter(|teller| close & (1 << teller) != 0)
                    .map(|teller| shuts[teller])
                    .collect();
                let counted = counted(&scene, opening, &named);
                in_every_close.retain(|ballot| counted.contains(ballot));
            }
            for (subset, ballot) in ballots.iter().enumerate() {
                let enough = subset.count_ones() as usize > of - needed;
                assert_eq!(in_every_close.contains(ballot), enough);
            }
        }
    }
}

#[test]
fn receipts_say_when_a_ballot_cannot_be_left_out() {
    let mut scene = Scene::new(4, 3, 2);
    let opening = scene.open_text();
    let ballot = scene.vote(0, opening, Choice::Yes);
    let receipts = |scene: &Scene| {
        let receipts = scene.governance.receipts(scene.set(), &ballot);
        receipts.unwrap()
    };
    scene.acknowledge(2, &[ballot]);
    assert!(!receipts(&scene).is_certain());
    scene.acknowledge(0, &[ballot]);
    assert!(receipts(&scene).is_certain());
    assert_eq!((receipts(&scene).tellers, receipts(&scene).of), (2, 3));
}

#[test]
fn clocks_a_day_off_in_all_but_one_needed_teller_change_nothing() {
    let outcome = |liars: usize| {
        let mut scene = Scene::new(4, 3, 2);
        let opening = scene.open_text();
        let mut shuts = Vec::new();
        // Liars state the end of the period before anybody has voted.
        for liar in 0..liars {
            shuts.push(scene.shut(liar, opening));
        }
        let ballots = [
            scene.vote(0, opening, Choice::Yes),
            scene.vote(1, opening, Choice::Yes),
            scene.vote(2, opening, Choice::No),
        ];
        for teller in liars..3 {
            let mut seen = ballots;
            seen.sort_unstable();
            scene.acknowledge(teller, &seen);
            shuts.push(scene.shut(teller, opening));
        }
        let pairs = [[0, 1], [0, 2], [1, 2]];
        pairs.map(|pair| counted(&scene, opening, &pair.map(|at| shuts[at])).len())
    };
    assert_eq!(outcome(0), [3, 3, 3]);
    assert_eq!(outcome(1), [3, 3, 3]);
    // As many liars as a close needs can end a vote early.
    assert_eq!(outcome(2), [0, 3, 3]);
}

#[test]
fn forks_of_voters_and_tellers_after_the_close_change_nothing() {
    let (mut scene, opening, close) = decided();
    let before = tally_of(&scene, opening);
    for chain in scene
        .members
        .clone()
        .into_iter()
        .chain(scene.tellers.clone())
    {
        scene.stage.write_after(&chain, None, MEMO, &[], &2_u64);
        let again = Ballot {
            opening,
            choice: Choice::No,
        };
        scene
            .stage
            .write_after(&chain, None, BALLOT, &[opening], &again);
    }
    scene.sync();
    assert_eq!(recount(&scene, close), &Recount::Confirmed);
    assert_eq!(tally_of(&scene, opening), before);
    // Whoever gets only the canonical part finds the same.
    let canonical: BTreeSet<RecordId> = scene
        .set()
        .canonical()
        .slots()
        .map(|slot| scene.set().record(slot).id())
        .collect();
    let kept = scene
        .stage
        .records
        .iter()
        .filter(|record| canonical.contains(&record.id()));
    let (set, governance) = scene.replica(kept);
    assert_eq!(governance.recount(&set, &close), Some(&Recount::Confirmed));
    assert_eq!(
        governance.label_digest(&set.canonical()),
        scene.governance.label_digest(&scene.set().canonical())
    );
}

#[test]
fn a_lie_of_one_vote_is_valid_everywhere_and_false_wherever_the_ballots_are() {
    let mut scene = Scene::new(5, 1, 1);
    let proposal = scene.budget(0);
    let opening = scene.open(&proposal);
    let ballots = [
        scene.vote(0, opening, Choice::Yes),
        scene.vote(1, opening, Choice::Yes),
    ];
    for ballot in ballots {
        scene.acknowledge(0, &[ballot]);
    }
    let shut = scene.shut(0, opening);
    let lie = figures(3, 0, 0, 0, 5);
    let close = scene.close(opening, &[shut], Outcome::Accepted, lie);
    let truth = figures(2, 0, 0, 0, 5);
    match recount(&scene, close) {
        Recount::False(Falsehood::Result(difference)) => {
            assert_eq!(difference.claimed, (Outcome::Accepted, Some(lie)));
            assert_eq!(difference.found, (Outcome::Rejected, truth));
        }
        other => panic!("expected a false result, found {other:?}"),
    }
    let slot = scene.set().find(&close).unwrap();
    assert_eq!(scene.set().verdict(slot), Verdict::Valid);
    // A follower of the authority topic alone has the same verdict, and knows
    // that it cannot know.
    let authority = scene.set().authority();
    let acts = scene
        .stage
        .records
        .iter()
        .filter(|record| record.chain() == authority);
    let (set, governance) = scene.replica(acts);
    assert_eq!(set.verdict(set.find(&close).unwrap()), Verdict::Valid);
    let waits = governance.recount(&set, &close).unwrap();
    assert_eq!(waits.code(), "recount.pending");
}

#[test]
fn a_pending_recount_is_answered_when_the_shuts_arrive() {
    let (scene, _, close) = decided();
    let authority = scene.set().authority();
    let (acts, rest): (Vec<_>, Vec<_>) = scene
        .stage
        .records
        .iter()
        .partition(|record| record.chain() == authority);
    let (mut set, mut governance) = scene.replica(acts);
    let Some(Recount::Pending(missing)) = governance.recount(&set, &close) else {
        panic!("nothing to count yet");
    };
    assert_eq!(missing.len(), 3); // the proposal and two Shuts
    let mut events = Vec::new();
    for record in rest {
        let added = set.insert(record.clone()).unwrap();
        events.extend(governance.update(&set, added.slot()));
    }
    assert_eq!(governance.recount(&set, &close), Some(&Recount::Confirmed));
    let answered = Event::Recounted {
        close,
        recount: Recount::Confirmed,
    };
    assert_eq!(events.iter().filter(|event| **event == answered).count(), 1);
}

#[test]
fn a_pending_recount_is_answered_when_the_last_ballot_arrives() {
    let (scene, _, close) = decided();
    let of_members = |record: &&Signed<Record>| scene.members.contains(&record.chain());
    let (ballots, rest): (Vec<_>, Vec<_>) = scene.stage.records.iter().partition(of_members);
    let (mut set, mut governance) = scene.replica(rest);
    for record in ballots {
        let waits = governance.recount(&set, &close).unwrap();
        assert_eq!(waits.code(), "recount.pending");
        let added = set.insert(record.clone()).unwrap();
        governance.update(&set, added.slot());
    }
    assert_eq!(governance.recount(&set, &close), Some(&Recount::Confirmed));
}

#[test]
fn a_pending_recount_is_answered_when_the_named_record_turns_out_to_be_no_vote() {
    let mut scene = Scene::new(4, 1, 1);
    let opening = scene.open_text();
    let ledger = scene.stage.ledger(UnitId::from_bytes([9; 32]));
    let account = scene.stage.open_member(0, &ledger, None);
    let elsewhere = scene.stage.write(&account, MEMO, &[], &1_u64);
    let tally = figures(0, 0, 0, 0, 4);
    let close = scene.close(opening, &[elsewhere], Outcome::Rejected, tally);
    let late = |record: &&Signed<Record>| record.chain() == account;
    let (late, rest): (Vec<_>, Vec<_>) = scene.stage.records.iter().partition(late);
    let (mut set, mut governance) = scene.replica(rest);
    let waits = governance.recount(&set, &close).unwrap();
    assert_eq!(*waits, Recount::Pending(Vec::from([elsewhere])));
    let added = set.insert(late[0].clone()).unwrap();
    governance.update(&set, added.slot());
    let answer = governance.recount(&set, &close).unwrap();
    assert_eq!(*answer, Recount::False(Falsehood::Shut(elsewhere)));
}

#[test]
fn outcome_and_figures_are_both_checked() {
    let code = |outcome, tally| {
        let mut scene = Scene::new(4, 1, 1);
        let opening = scene.open_text();
        let ballot = scene.vote(0, opening, Choice::Yes);
        scene.acknowledge(0, &[ballot]);
        let shut = scene.shut(0, opening);
        let close = scene.close(opening, &[shut], outcome, tally);
        recount(&scene, close).code()
    };
    let (truth, lie) = (figures(1, 0, 0, 0, 4), figures(2, 0, 0, 0, 4));
    assert_eq!(code(Outcome::Accepted, truth), "recount.confirmed");
    assert_eq!(code(Outcome::Accepted, lie), "recount.false.result");
    assert_eq!(code(Outcome::Rejected, truth), "recount.false.result");
    assert_eq!(code(Outcome::Withdrawn, truth), "recount.false.result");
}

#[test]
fn the_same_vote_is_closed_once_and_made_ready_once() {
    let (mut scene, opening, close) = decided();
    let Some(Act::Close(body)) = scene.set().act(scene.set().find(&close).unwrap()) else {
        panic!("a close");
    };
    scene.stage.set_time(PERIOD + TIMELOCK);
    scene.ready(close);
    let verdict =
        |scene: &Scene, id: &RecordId| match scene.set().verdict(scene.set().find(id).unwrap()) {
            Verdict::Invalid(breach) => breach.code(),
            other => panic!("expected a breach, found {other:?}"),
        };
    let tip = scene.stage.records.last().unwrap().id();
    let ready = Ready { close };
    let again = scene.stage.act_after(tip, &Act::Ready(ready), &[close]);
    let twice = scene.stage.act_after(tip, &Act::Close(body), &[opening]);
    assert_eq!(verdict(&scene, &again), "ready.twice");
    assert_eq!(verdict(&scene, &twice), "close.twice");
}

/// Code of the rule that the registrar's next act breaks.
fn broken_act(scene: &mut Scene, act: &Act, refs: &[RecordId]) -> &'static str {
    let id = scene.act(act, refs);
    match scene.set().verdict(scene.set().find(&id).unwrap()) {
        Verdict::Invalid(breach) => breach.code(),
        other => panic!("expected a breach, found {other:?}"),
    }
}

#[test]
fn the_registrar_keeps_the_order_of_a_vote() {
    let start = || {
        let mut scene = Scene::new(4, 2, 2);
        let proposal = scene.budget(0);
        let record = scene.propose(0, &proposal);
        let opening = scene.opening(record, &proposal);
        let id = scene.act(&Act::Opening(opening.clone()), &[]);
        let shuts = [scene.shut(0, id), scene.shut(1, id)];
        (scene, opening, id, shuts)
    };
    let close = |opening: RecordId, shuts: &[RecordId], outcome| {
        let shuts: BTreeSet<RecordId> = shuts.iter().copied().collect();
        Act::Close(Close {
            opening,
            outcome,
            shuts: List::new(shuts.into_iter().collect::<Vec<_>>()).unwrap(),
            tally: Raw::of(&figures(0, 0, 0, 0, 4)),
        })
    };
    let (mut scene, mut opening, _, _) = start();
    let twice = broken_act(&mut scene, &Act::Opening(opening.clone()), &[]);
    assert_eq!(twice, "opening.twice");
    let (mut scene, ..) = start();
    opening.roll = Digest::from_bytes([0; 32]);
    let roll = broken_act(&mut scene, &Act::Opening(opening), &[]);
    assert_eq!(roll, "opening.roll");
    let (mut scene, _, id, shuts) = start();
    let unnamed = close(id, &shuts, Outcome::Rejected);
    assert_eq!(broken_act(&mut scene, &unnamed, &[]), "close.opening");
    let (mut scene, _, id, shuts) = start();
    let too_few = close(id, &shuts[..1], Outcome::Rejected);
    assert_eq!(broken_act(&mut scene, &too_few, &[id]), "close.count");
    let (mut scene, _, id, shuts) = start();
    let rejected = scene.act(&close(id, &shuts, Outcome::Rejected), &[id]);
    let ready = Act::Ready(Ready { close: rejected });
    assert_eq!(broken_act(&mut scene, &ready, &[rejected]), "ready.close");
    let (mut scene, _, id, shuts) = start();
    let accepted = scene.act(&close(id, &shuts, Outcome::Accepted), &[id]);
    scene.stage.set_time(PERIOD + TIMELOCK - 1);
    let ready = Act::Ready(Ready { close: accepted });
    assert_eq!(broken_act(&mut scene, &ready, &[accepted]), "ready.early");
}

fn false_opening(change: impl FnOnce(&mut Opening, &mut Scene)) -> &'static str {
    let mut scene = Scene::new(4, 2, 2);
    let proposal = scene.budget(0);
    let record = scene.propose(0, &proposal);
    let mut opening = scene.opening(record, &proposal);
    change(&mut opening, &mut scene);
    let opening = scene.act(&Act::Opening(opening), &[]);
    let shuts = [scene.shut(0, opening), scene.shut(1, opening)];
    let tally = figures(0, 0, 0, 0, 4);
    let close = scene.close(opening, &shuts, Outcome::Rejected, tally);
    let code = recount(&scene, close).code();
    let refused = crate::author::draft_close(scene.set(), &scene.governance, &opening, now(PERIOD));
    assert!(refused.is_ok(), "closed already");
    code
}

#[test]
fn an_opening_against_charter_or_proposal_is_found_in_every_recount() {
    assert_eq!(false_opening(|_, _| {}), "recount.confirmed");
    assert_eq!(
        false_opening(|opening, scene| {
            let other = scene.text(1);
            opening.record = scene.propose(1, &other);
        }),
        "opening.false.proposal"
    );
    assert_eq!(
        false_opening(|opening, _| opening.actions = List::empty()),
        "opening.false.actions"
    );
    assert_eq!(
        false_opening(|opening, _| opening.rule = Raw::of(&Rule::two_thirds_of_cast())),
        "opening.false.rule"
    );
    assert_eq!(
        false_opening(|opening, _| opening.rule = Raw::of(&1_u64)),
        "opening.false.rule"
    );
    assert_eq!(
        false_opening(|opening, _| opening.terms.timelock = 0),
        "opening.false.terms"
    );
}

#[test]
fn a_charter_without_rules_confirms_nothing() {
    let mut scene = Scene::new(4, 1, 1);
    let rules = scene.governance.rules_in(scene.set()).unwrap();
    scene.stage = icn_types::testkit::stage::Stage::new(8, 4);
    scene.governance = Governance::new(scene.stage.domain());
    assert_eq!(scene.governance.rules_in(scene.set()), None);
    let opening = Opening {
        proposal: icn_types::authority::ProposalId::from_bytes([0; 32]),
        record: RecordId::from_bytes([0; 32]),
        actions: List::empty(),
        rule: Raw::of(&Rule::majority()),
        roll: scene.set().office().unwrap().roll_digest(),
        terms: rules.terms(scene.stage.domain()).unwrap(),
    };
    let checked = scene.governance.check_opening(scene.set(), &opening);
    assert_eq!(checked, Err(Deviation::Charter));
}

#[test]
fn a_close_names_valid_shuts_of_its_own_opening_one_per_teller() {
    let falsehood = |named: fn(&mut Scene, RecordId) -> [RecordId; 2]| {
        let mut scene = Scene::new(4, 2, 2);
        let opening = scene.open_text();
        let shuts = named(&mut scene, opening);
        let tally = figures(0, 0, 0, 0, 4);
        let close = scene.close(opening, &shuts, Outcome::Rejected, tally);
        recount(&scene, close).clone()
    };
    let good = falsehood(|scene, opening| [scene.shut(0, opening), scene.shut(1, opening)]);
    assert_eq!(good, Recount::Confirmed);
    let other_vote = falsehood(|scene, opening| {
        let other = scene.open_text();
        [scene.shut(0, opening), scene.shut(1, other)]
    });
    assert_eq!(other_vote.code(), "recount.false.shut");
    let no_shut = falsehood(|scene, opening| {
        let ballot = scene.vote(0, opening, Choice::Yes);
        [scene.shut(0, opening), ballot]
    });
    assert_eq!(no_shut.code(), "recount.false.shut");
    let not_even_a_vote = falsehood(|scene, opening| [scene.shut(0, opening), opening]);
    assert_eq!(not_even_a_vote.code(), "recount.false.shut");
    let invalid = falsehood(|scene, opening| {
        scene.shut(1, opening);
        [scene.shut(0, opening), scene.shut(1, opening)]
    });
    assert_eq!(invalid.code(), "recount.false.shut");
    let one_teller = falsehood(|scene, opening| {
        let shut = scene.shut(0, opening);
        let teller = scene.tellers[0];
        scene.stage.set_time(PERIOD + 1);
        let body = Shut { opening };
        let again = scene
            .stage
            .write_after(&teller, None, SHUT, &[opening], &body);
        scene.sync();
        [shut, again]
    });
    assert_eq!(one_teller.code(), "recount.false.teller");
}

#[test]
fn labels_name_what_each_record_counts_as() {
    let (mut scene, opening, close) = decided();
    let codes = |scene: &Scene| -> BTreeSet<&'static str> {
        let standings = scene.governance.standings(&scene.set().canonical());
        standings
            .iter()
            .map(|(_, standing)| standing.code())
            .collect()
    };
    assert_eq!(
        codes(&scene),
        BTreeSet::from(["label.posted", "recount.confirmed"])
    );
    let before = scene.governance.label_digest(&scene.set().canonical());
    let chain = scene.members[1];
    let ballot = Ballot {
        opening,
        choice: Choice::No,
    };
    scene
        .stage
        .write_after(&chain, None, BALLOT, &[opening], &ballot);
    let chain = scene.members[2];
    scene.stage.write(&chain, MEMO, &[], &1_u64);
    scene.sync();
    assert_eq!(
        codes(&scene),
        BTreeSet::from([
            "label.posted",
            "label.contested",
            "invalid.kind",
            "recount.confirmed"
        ])
    );
    assert_ne!(
        before,
        scene.governance.label_digest(&scene.set().canonical())
    );
    assert_eq!(recount(&scene, close), &Recount::Confirmed);
}

#[test]
fn a_certificate_that_a_recall_dropped_is_labelled_no_more() {
    let (mut scene, opening, close) = decided();
    let slot = scene.set().find(&close).unwrap();
    let honoured = scene.set().record(slot).prev().unwrap();
    scene.stage.recall(honoured, &[]);
    scene.sync();
    let standings = scene.governance.standings(&scene.set().canonical());
    assert!(standings.iter().all(|(record, _)| *record != close));
    let vote = scene.governance.vote(scene.set(), &opening).unwrap();
    assert_eq!(vote.phase, Phase::Shut);
    assert_eq!(recount(&scene, close), &Recount::Confirmed);
}

#[test]
fn a_vote_that_a_recall_dropped_is_not_in_force() {
    let (mut scene, opening, close) = decided();
    let slot = scene.set().find(&opening).unwrap();
    let honoured = scene.set().record(slot).prev().unwrap();
    scene.stage.recall(honoured, &[]);
    scene.sync();
    let vote = scene.governance.vote(scene.set(), &opening).unwrap();
    assert_eq!(vote.phase, Phase::Dropped);
    let ready = crate::author::draft_ready(scene.set(), &scene.governance, &close, now(9_999));
    assert_eq!(ready.unwrap_err().code(), "vote.refused.close");
}

#[test]
fn rules_of_a_running_vote_are_those_of_its_charter() {
    let scene = Scene::with_rules(4, &rules(2, 2));
    assert_eq!(scene.governance.rules_in(scene.set()), Some(rules(2, 2)));
}
