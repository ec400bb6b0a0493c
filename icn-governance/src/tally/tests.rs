use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Ordering;

use icn_types::amount::Ratio;
use icn_types::authority::Outcome;
use icn_types::canon::{from_bytes, to_bytes};
use icn_types::key::MemberId;
use proptest::prelude::*;

use super::{Excess, Tally, tally};
use crate::body::Choice;
use crate::rule::{Base, Comparator, Quorum, Rule, Share, Threshold, Tie, Turnout, Veto};

/// Compares a/b with c/d by whole parts and remainders, without a product.
fn compare_by_division(a: u128, b: u128, c: u128, d: u128) -> Ordering {
    match (a / b).cmp(&(c / d)) {
        Ordering::Equal => match (a % b, c % d) {
            (0, 0) => Ordering::Equal,
            (0, _) => Ordering::Less,
            (_, 0) => Ordering::Greater,
            // a/b < c/d exactly when d/c < b/a
            (left, right) => compare_by_division(d, right, b, left),
        },
        unequal => unequal,
    }
}

fn member(number: u8) -> MemberId {
    MemberId::from_bytes([number; 32])
}

fn votes(choices: &[Option<Choice>]) -> (BTreeMap<MemberId, u128>, BTreeMap<MemberId, Choice>) {
    let numbered = || (0_u8..).zip(choices);
    let roll = numbered().map(|(number, _)| (member(number), 1)).collect();
    let ballots = numbered()
        .filter_map(|(number, choice)| Some((member(number), (*choice)?)))
        .collect();
    (roll, ballots)
}

fn outcome(rule: &Rule, choices: &[Option<Choice>]) -> Outcome {
    let (roll, ballots) = votes(choices);
    tally(&roll, &ballots).unwrap().outcome(rule)
}

fn figures(yes: u128, no: u128, abstain: u128, veto: u128, eligible: u128) -> Tally {
    Tally::new(yes, no, abstain, veto, eligible).unwrap()
}

fn choices() -> impl Strategy<Value = Vec<Option<Choice>>> {
    let choice = prop_oneof![
        Just(None),
        Just(Some(Choice::Yes)),
        Just(Some(Choice::No)),
        Just(Some(Choice::Abstain)),
        Just(Some(Choice::Veto)),
    ];
    prop::collection::vec(choice, 0..24)
}

fn share() -> impl Strategy<Value = Share> {
    let comparator = prop_oneof![Just(Comparator::Above), Just(Comparator::AtLeast)];
    (comparator, 0_u64..=12, 1_u64..=12).prop_map(|(comparator, numerator, denominator)| Share {
        comparator,
        ratio: Ratio::new(numerator.min(denominator), denominator).unwrap(),
    })
}

fn base() -> impl Strategy<Value = Base> {
    prop_oneof![Just(Base::Decisive), Just(Base::Cast), Just(Base::Eligible)]
}

fn rule() -> impl Strategy<Value = Rule> {
    let turnout = prop_oneof![
        Just(Turnout::Cast),
        Just(Turnout::Decisive),
        Just(Turnout::Yes)
    ];
    let veto = prop_oneof![
        Just(Veto::None),
        (base(), share(), 0_u64..4).prop_map(|(base, share, minimum)| Veto::Share {
            base,
            share,
            minimum
        })
    ];
    let tie = prop_oneof![Just(Tie::Rejected), Just(Tie::Tied)];
    (turnout, share(), base(), share(), veto, tie).prop_map(
        |(turnout, quorum, base, share, veto, tie)| Rule {
            quorum: Quorum {
                turnout,
                share: quorum,
            },
            threshold: Threshold { base, share },
            veto,
            tie,
        },
    )
}

#[test]
fn every_share_of_up_to_forty_is_met_exactly_where_division_says_so() {
    for whole in 0..=40_u128 {
        for part in 0..=whole {
            for denominator in 1..=40_u64 {
                for numerator in 0..=denominator {
                    let ratio = Ratio::new(numerator, denominator).unwrap();
                    let order = (whole > 0).then(|| {
                        compare_by_division(part, whole, numerator.into(), denominator.into())
                    });
                    let above = order == Some(Ordering::Greater);
                    let at_least = above || order == Some(Ordering::Equal);
                    assert_eq!(Share::above(ratio).is_reached(part, whole), above);
                    assert_eq!(Share::at_least(ratio).is_reached(part, whole), at_least);
                }
            }
        }
    }
}

#[test]
fn each_base_divides_by_what_it_says() {
    let at_least_half = |base| Rule {
        threshold: Threshold {
            base,
            share: Share::at_least(Ratio::HALF),
        },
        ..Rule::majority()
    };
    // 3 yes, 2 no, 1 veto, 1 abstain, 8 eligible: half of 6, of 7, of 8.
    let tally = figures(3, 2, 1, 1, 8);
    assert_eq!(
        tally.outcome(&at_least_half(Base::Decisive)),
        Outcome::Accepted
    );
    assert_eq!(tally.outcome(&at_least_half(Base::Cast)), Outcome::Tied);
    assert_eq!(tally.outcome(&at_least_half(Base::Eligible)), Outcome::Tied);
}

#[test]
fn each_turnout_counts_what_it_says() {
    let of = |turnout| Rule {
        quorum: Quorum {
            turnout,
            share: Share::at_least(Ratio::HALF),
        },
        ..Rule::majority()
    };
    let tally = figures(3, 1, 2, 0, 10); // 6 cast, 4 decisive, 3 yes
    assert_eq!(tally.outcome(&of(Turnout::Cast)), Outcome::Accepted);
    assert_eq!(tally.outcome(&of(Turnout::Decisive)), Outcome::NoQuorum);
    assert_eq!(tally.outcome(&of(Turnout::Yes)), Outcome::NoQuorum);
}

#[test]
fn two_thirds_of_three_is_two_and_not_one_less() {
    let rule = Rule::two_thirds_of_cast();
    assert_eq!(figures(2, 1, 0, 0, 3).outcome(&rule), Outcome::Accepted);
    assert_eq!(
        figures(199, 100, 1, 0, 300).outcome(&rule),
        Outcome::Rejected
    );
    assert_eq!(
        figures(200, 99, 1, 0, 300).outcome(&rule),
        Outcome::Accepted
    );
}

#[test]
fn a_veto_needs_its_share_and_its_least_weight() {
    let rule = Rule::majority().with_veto(Ratio::new(1, 3).unwrap(), 3);
    let vetoed = |yes, veto| figures(yes, 0, 0, veto, 100).outcome(&rule) == Outcome::Vetoed;
    assert!(vetoed(5, 3)); // 3 of 8 is more than a third
    assert!(!vetoed(6, 3)); // 3 of 9 is not
    assert!(!vetoed(1, 2)); // 2 of 3 is, but two are not enough
}

#[test]
fn a_veto_counts_as_a_no_where_it_stops_nothing() {
    assert_eq!(
        figures(2, 0, 0, 2, 4).outcome(&Rule::majority()),
        Outcome::Tied
    );
}

#[test]
fn the_quorum_comes_before_the_veto_and_the_veto_before_the_threshold() {
    let rule = Rule::majority()
        .with_quorum(Ratio::HALF)
        .with_veto(Ratio::new(1, 10).unwrap(), 1);
    assert_eq!(figures(3, 0, 0, 1, 9).outcome(&rule), Outcome::NoQuorum);
    assert_eq!(figures(3, 0, 1, 1, 9).outcome(&rule), Outcome::Vetoed);
    assert_eq!(figures(4, 0, 1, 0, 9).outcome(&rule), Outcome::Accepted);
}

#[test]
fn a_tie_is_called_what_the_rule_calls_it() {
    let tie = figures(2, 2, 1, 0, 9);
    assert_eq!(tie.outcome(&Rule::majority()), Outcome::Tied);
    let rejecting = Rule {
        tie: Tie::Rejected,
        ..Rule::majority()
    };
    assert_eq!(tie.outcome(&rejecting), Outcome::Rejected);
    assert_eq!(
        figures(0, 0, 5, 0, 9).outcome(&Rule::majority()),
        Outcome::Rejected
    );
}

#[test]
fn one_voter_with_all_the_weight_there_can_be_passes() {
    for rule in [
        Rule::majority(),
        Rule::two_thirds_of_cast(),
        Rule::majority_of_roll().with_quorum(Ratio::ONE),
    ] {
        let tally = figures(u128::MAX, 0, 0, 0, u128::MAX);
        assert_eq!(tally.outcome(&rule), Outcome::Accepted);
    }
}

#[test]
fn more_than_the_roll_cannot_be_counted() {
    assert_eq!(Tally::new(2, 1, 0, 0, 2), Err(Excess));
    assert_eq!(Tally::new(u128::MAX, 1, 0, 0, u128::MAX), Err(Excess));
    let roll = BTreeMap::from([(member(1), u128::MAX), (member(2), 1)]);
    assert_eq!(tally(&roll, &BTreeMap::new()), Err(Excess));
}

#[test]
fn a_stranger_counts_nothing() {
    let roll = BTreeMap::from([(member(1), 1)]);
    let ballots = BTreeMap::from([(member(1), Choice::No), (member(2), Choice::Yes)]);
    assert_eq!(tally(&roll, &ballots), Ok(figures(0, 1, 0, 0, 1)));
}

#[test]
fn a_no_can_make_a_motion_pass_where_noes_make_the_quorum() {
    let rule = Rule::majority().with_quorum(Ratio::HALF);
    let two_yes = [Some(Choice::Yes), Some(Choice::Yes), None, None, None, None];
    let mut one_no = two_yes;
    one_no[2] = Some(Choice::No);
    assert_eq!(outcome(&rule, &two_yes), Outcome::NoQuorum);
    assert_eq!(outcome(&rule, &one_no), Outcome::Accepted);
}

proptest! {
    #[test]
    fn shares_are_exact_over_the_whole_range(
        part: u128, whole in 1_u128.., numerator: u64, denominator in 1_u64..
    ) {
        let numerator = numerator.min(denominator);
        let ratio = Ratio::new(numerator, denominator).unwrap();
        let order = compare_by_division(part, whole, numerator.into(), denominator.into());
        prop_assert_eq!(Share::above(ratio).is_reached(part, whole), order == Ordering::Greater);
        prop_assert_eq!(Share::at_least(ratio).is_reached(part, whole), order != Ordering::Less);
    }

    #[test]
    fn nothing_passes_without_a_vote_unless_nobody_needs_to_agree(
        rule in rule(), abstaining in 0_usize..9, absent in 0_usize..9
    ) {
        let mut choices = [Some(Choice::Abstain)].repeat(abstaining);
        choices.extend([None].repeat(absent));
        let trivial = rule.threshold.share == Share::at_least(Ratio::ZERO)
            || rule.threshold.share.is_reached(0, 1);
        if !trivial || rule.threshold.base == Base::Decisive || choices.is_empty() {
            prop_assert_ne!(outcome(&rule, &choices), Outcome::Accepted);
        }
    }

    #[test]
    fn who_says_what_does_not_matter_among_equals(
        rule in rule(), choices in choices(), turns in 0_usize..24
    ) {
        let mut turned = choices.clone();
        if !turned.is_empty() {
            let by = turns % turned.len();
            turned.rotate_left(by);
        }
        prop_assert_eq!(outcome(&rule, &choices), outcome(&rule, &turned));
    }

    #[test]
    fn a_change_to_yes_never_loses_a_vote(
        rule in rule(), choices in choices(), at in 0_usize..24
    ) {
        let mut changed = choices.clone();
        if let Some(choice) = changed.get_mut(at) {
            *choice = Some(Choice::Yes);
        }
        if outcome(&rule, &choices) == Outcome::Accepted {
            prop_assert_eq!(outcome(&rule, &changed), Outcome::Accepted);
        }
    }

    #[test]
    fn a_no_never_wins_a_vote_whose_quorum_is_of_yes(
        rule in rule(), choices in choices(), at in 0_usize..24
    ) {
        let rule = Rule {
            quorum: Quorum { turnout: Turnout::Yes, ..rule.quorum },
            veto: Veto::None,
            ..rule
        };
        let mut changed = choices.clone();
        match changed.get_mut(at) {
            Some(choice @ None) => *choice = Some(Choice::No),
            _ => return Ok(()),
        }
        // A share of the votes cast that is zero is met by any vote at all.
        prop_assume!(!rule.threshold.share.is_reached(0, 1));
        if outcome(&rule, &choices) != Outcome::Accepted {
            prop_assert_ne!(outcome(&rule, &changed), Outcome::Accepted);
        }
    }

    #[test]
    fn what_is_cast_never_exceeds_the_roll(choices in choices()) {
        let (roll, ballots) = votes(&choices);
        let tally = tally(&roll, &ballots).unwrap();
        prop_assert!(tally.cast() <= tally.eligible());
        prop_assert_eq!(tally.cast(), ballots.len() as u128);
    }

    #[test]
    fn rules_and_tallies_read_back_as_written(rule in rule(), choices in choices()) {
        let bytes = to_bytes(&rule);
        prop_assert_eq!(from_bytes::<Rule>(&bytes), Ok(rule));
        let (roll, ballots) = votes(&choices);
        let tally = tally(&roll, &ballots).unwrap();
        let bytes = to_bytes(&tally);
        prop_assert_eq!(from_bytes::<Tally>(&bytes), Ok(tally));
    }
}

#[test]
fn a_tally_of_more_than_the_roll_does_not_read() {
    let mut bytes = to_bytes(&figures(1, 0, 0, 0, 1));
    let last = bytes.len() - 1;
    bytes[last] = 0;
    assert_eq!(
        from_bytes::<Tally>(&bytes).unwrap_err().reason().code(),
        "tally.excess"
    );
}

proptest! {
    #[test]
    fn what_passes_a_stricter_rule_passes_the_other(
        strict in rule(),
        other in rule(),
        choices in choices(),
    ) {
        let (roll, ballots) = votes(&choices);
        let tally = tally(&roll, &ballots).unwrap();
        prop_assert!(strict.is_as_strict_as(&strict));
        if strict.is_as_strict_as(&other) && tally.outcome(&strict) == Outcome::Accepted {
            prop_assert_eq!(tally.outcome(&other), Outcome::Accepted);
        }
    }
}
