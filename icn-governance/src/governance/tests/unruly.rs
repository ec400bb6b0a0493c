//! Votes in which anybody may misbehave.

use proptest::prelude::*;

use super::*;

/// A vote in which everybody may misbehave, by the numbers of a seed.
fn unruly(steps: &[(u8, u8)]) -> (Scene, RecordId) {
    let mut scene = Scene::new(4, 3, 2);
    let opening = scene.open_text();
    let mut shuts = Vec::new();
    misbehave(&mut scene, opening, &mut shuts, steps);
    if let [one, .., other] = *shuts.as_slice()
        && one != other
    {
        let tally = figures(0, 0, 0, 0, 4);
        scene.close(opening, &[one, other], Outcome::Rejected, tally);
    }
    (scene, opening)
}

fn misbehave(scene: &mut Scene, opening: RecordId, shuts: &mut Vec<RecordId>, steps: &[(u8, u8)]) {
    let mut ballots = Vec::new();
    for &(what, who) in steps {
        let choices = [Choice::Yes, Choice::No, Choice::Abstain, Choice::Veto];
        let choice = choices[usize::from(who) % 4];
        let (member, teller) = (usize::from(who) % 4, usize::from(who) % 3);
        let (voter, counter) = (scene.members[member], scene.tellers[teller]);
        match what % 7 {
            0 => ballots.push(scene.vote(member, opening, choice)),
            1 => {
                let replaced: Vec<RecordId> = ballots.last().copied().into_iter().collect();
                ballots.push(scene.vote_on(&voter, opening, choice, &replaced));
            }
            2 => {
                let body = Ballot { opening, choice };
                let forked = scene
                    .stage
                    .write_after(&voter, None, BALLOT, &[opening], &body);
                ballots.push(forked);
            }
            3 | 4 => {
                let seen: BTreeSet<RecordId> = ballots
                    .iter()
                    .copied()
                    .filter(|id| scene.is_valid(id))
                    .skip(usize::from(who) % 2)
                    .collect();
                let seen: Vec<RecordId> = seen.into_iter().collect();
                if !seen.is_empty() {
                    scene.acknowledge(teller, &seen);
                }
            }
            5 => shuts.push(scene.shut(teller, opening)),
            _ => {
                let memo = u64::from(who);
                scene.stage.write_after(&counter, None, MEMO, &[], &memo);
            }
        }
        scene.sync();
    }
}

/// The same header without its content.
fn bare(record: &Signed<Record>) -> Signed<Record> {
    Record::bare(record.header().clone(), *record.signature())
        .verify(&record.key().prepare())
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_order_of_arrival_changes_nothing(
        steps in prop::collection::vec((0_u8..7, any::<u8>()), 1..24),
        keys in prop::collection::vec(any::<u32>(), 64),
    ) {
        let (scene, opening) = unruly(&steps);
        let mut shuffled: Vec<_> = scene.stage.records.iter().enumerate().collect();
        shuffled.sort_by_key(|(at, _)| (keys[at % keys.len()], *at));
        let (set, governance) = scene.replica(shuffled.into_iter().map(|(_, record)| record));
        prop_assert_eq!(set.len(), scene.set().len());
        prop_assert_eq!(
            governance.standings(&set.canonical()),
            scene.governance.standings(&scene.set().canonical())
        );
        let theirs = governance.vote(&set, &opening).unwrap();
        let ours = scene.governance.vote(scene.set(), &opening).unwrap();
        prop_assert_eq!(theirs.tally, ours.tally);
        prop_assert_eq!(theirs.phase, ours.phase);
    }

    #[test]
    fn nothing_that_comes_after_a_close_changes_its_count(
        before in prop::collection::vec((0_u8..5, any::<u8>()), 1..12),
        after in prop::collection::vec((0_u8..7, any::<u8>()), 1..12),
    ) {
        let mut scene = Scene::new(4, 3, 2);
        let opening = scene.open_text();
        misbehave(&mut scene, opening, &mut Vec::new(), &before);
        let shuts = [scene.shut(0, opening), scene.shut(1, opening)];
        let tally = figures(0, 0, 0, 0, 4);
        let close = scene.close(opening, &shuts, Outcome::Rejected, tally);
        let label = recount(&scene, close).clone();
        let ballots = counted(&scene, opening, &shuts);
        misbehave(&mut scene, opening, &mut Vec::new(), &after);
        prop_assert_eq!(&counted(&scene, opening, &shuts), &ballots);
        // Counted anew by somebody who comes to it late.
        let late = Governance::of(scene.set());
        prop_assert_eq!(late.recount(scene.set(), &close), Some(&label));
        prop_assert_eq!(recount(&scene, close), &label);
    }

    #[test]
    fn verdicts_move_once_and_headers_may_come_first(
        steps in prop::collection::vec((0_u8..7, any::<u8>()), 1..20),
        bare_first in any::<u64>(),
    ) {
        let (scene, _) = unruly(&steps);
        let topic = scene.governance.topic();
        let mut set = RecordSet::new(scene.stage.domain());
        let mut governance = Governance::new(scene.stage.domain());
        let comes_bare = |(at, record): &(usize, &Signed<Record>)| {
            record.topic() == topic && bare_first & (1 << (at % 64)) != 0
        };
        let (late, now): (Vec<_>, Vec<_>) =
            scene.stage.records.iter().enumerate().partition(comes_bare);
        let mut order: Vec<(usize, Signed<Record>)> =
            now.into_iter().map(|(at, record)| (at, record.clone())).collect();
        order.extend(late.iter().map(|(at, record)| (*at, bare(record))));
        order.sort_by_key(|(at, _)| *at);
        order.extend(late.iter().map(|(at, record)| (*at, (*record).clone())));
        let mut decided: BTreeMap<RecordId, bool> = BTreeMap::new();
        for (_, record) in order {
            let added = set.insert(record).unwrap();
            governance.update(&set, added.slot());
            for slot in set.slots() {
                let verdict = governance.verdict(slot);
                if !verdict.is_waiting() {
                    let valid = verdict.is_valid();
                    let known = *decided.entry(set.record(slot).id()).or_insert(valid);
                    prop_assert_eq!(known, valid);
                } else {
                    prop_assert!(!decided.contains_key(&set.record(slot).id()));
                }
            }
        }
        prop_assert_eq!(
            governance.standings(&set.canonical()),
            scene.governance.standings(&scene.set().canonical())
        );
    }

    #[test]
    fn nobody_is_counted_twice(
        steps in prop::collection::vec((0_u8..5, any::<u8>()), 1..24),
    ) {
        let (scene, opening) = unruly(&steps);
        let tally = tally_of(&scene, opening);
        let voted = scene.governance.vote(scene.set(), &opening).unwrap().voted;
        prop_assert!(tally.cast() <= voted as u128);
    }
}
