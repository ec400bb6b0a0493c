//! The solver: the most is taken away, nobody's net changes, in any order.

use std::collections::{BTreeMap, BTreeSet};

use icn_ledger::clearing::{
    CLEARED_MAX, ClearingError, OBLIGATIONS_MAX, Obligation, REDUCTIONS_MAX, SOLVER, Solution,
    digest_of, solve,
};
use icn_types::amount::Amount;
use icn_types::id::ChainId;
use proptest::prelude::*;

use super::{account, by_invoice, is_largest, nets, office, owed, owes, terms};
use crate::market::amount;

/// What is to hold of every solution.
fn solved(obligations: &[Obligation], least: u64) -> Solution {
    let solution = solve(terms(), amount(least), obligations).unwrap();
    for clearing in solution.clearings() {
        assert!(nets(clearing.reductions()).values().all(|net| *net == 0));
        assert!(clearing.dues().len() <= CLEARED_MAX);
        let dues = clearing.dues().into_iter().map(|due| due.amount.get());
        assert!(dues.into_iter().all(|atoms| atoms % least == 0));
        assert_eq!(clearing.terms(), &terms());
        assert_eq!(clearing.solver(), SOLVER);
        assert_eq!(clearing.input(), digest_of(obligations));
    }
    assert!(nets(solution.left_out()).values().all(|net| *net == 0));
    let clearings = solution.clearings().iter();
    let reduced = clearings.flat_map(|one| one.reductions());
    let reduced: Vec<_> = reduced.chain(solution.left_out()).copied().collect();
    assert!(is_largest(obligations, &reduced), "more could be paid");
    solution
}

/// The most that reductions take away, by trying all of them.
fn most(obligations: &[Obligation], reduced: &mut Vec<u64>) -> u64 {
    let Some(next) = obligations.get(reduced.len()) else {
        let mut nets: BTreeMap<ChainId, i64> = BTreeMap::new();
        for (one, by) in obligations.iter().zip(&*reduced) {
            *nets.entry(one.debtor).or_default() -= i64::try_from(*by).unwrap();
            *nets.entry(one.creditor).or_default() += i64::try_from(*by).unwrap();
        }
        let is_round = nets.values().all(|net| *net == 0);
        return if is_round { reduced.iter().sum() } else { 0 };
    };
    let mut best = 0;
    for by in 0..=next.amount.get() {
        reduced.push(by);
        best = best.max(most(obligations, reduced));
        reduced.pop();
    }
    best
}

fn lists(accounts: usize, most: u64, len: usize) -> impl Strategy<Value = Vec<Obligation>> {
    let one = (0..accounts, 1..accounts, 1..=most);
    let one = one.prop_map(move |(from, step, atoms)| (from, (from + step) % accounts, atoms));
    proptest::collection::vec(one, 0..=len).prop_map(|list| owed(&list))
}

proptest! {
    #[test]
    fn of_a_few_obligations_as_much_is_taken_away_as_can_be(obligations in lists(4, 3, 7)) {
        let total = solved(&obligations, 1).total();
        prop_assert_eq!(total, most(&obligations, &mut Vec::new()).into());
    }

    #[test]
    fn of_many_obligations_nothing_more_can_be_taken_away(obligations in lists(30, 1_000, 400)) {
        solved(&obligations, 1);
    }

    #[test]
    fn the_order_of_obligations_changes_nothing(
        (one, other) in lists(8, 50, 40).prop_flat_map(|list| {
            (Just(list.clone()), Just(list).prop_shuffle())
        })
    ) {
        let least = amount(1);
        prop_assert_eq!(solve(terms(), least, &one), solve(terms(), least, &other));
        prop_assert_eq!(digest_of(&one), digest_of(&other));
    }

    /// Where all are multiples of the least leg nothing is lost by it.
    #[test]
    fn every_due_is_a_multiple_of_the_least_leg(
        obligations in lists(8, 50, 60),
        least in 1..20_u64,
    ) {
        let solution = solve(terms(), amount(least), &obligations).unwrap();
        for due in solution.clearings().iter().flat_map(|one| one.dues()) {
            prop_assert_eq!(due.amount.get() % least, 0);
        }
        let whole = obligations.iter().map(|one| {
            let amount = amount(one.amount.get() * least);
            Obligation { amount, ..*one }
        });
        let scaled = solved(&whole.collect::<Vec<_>>(), least).total();
        let plain = solved(&obligations, 1).total();
        prop_assert_eq!(scaled, plain * u128::from(least));
    }
}

#[test]
fn a_ring_of_three_pays_what_the_least_of_them_owes() {
    let obligations = owed(&[(0, 1, 50), (1, 2, 30), (2, 0, 70), (0, 3, 5)]);
    let solution = solved(&obligations, 1);
    let [clearing] = solution.clearings() else {
        panic!("one clearing");
    };
    let by: Vec<u64> = by_invoice([clearing]).into_values().collect();
    assert_eq!(by, [30, 30, 30]);
    assert_eq!(clearing.total(), 90);
    assert!(solution.left_out().is_empty());
}

#[test]
fn nothing_owed_in_a_ring_is_no_clearing() {
    for list in [&[][..], &[(0, 1, 5)], &[(0, 1, 5), (1, 2, 5), (0, 2, 5)]] {
        let solution = solved(&owed(list), 1);
        assert!(solution.clearings().is_empty() && solution.left_out().is_empty());
    }
}

#[test]
fn of_one_debtor_and_creditor_the_lowest_invoices_are_paid_first() {
    let obligations = owed(&[(0, 1, 5), (0, 1, 5), (0, 1, 5), (1, 0, 7)]);
    let solution = solved(&obligations, 1);
    let by: Vec<u64> = by_invoice(solution.clearings()).into_values().collect();
    assert_eq!(by, [5, 2, 7]);
    assert_eq!(
        solution.clearings()[0].dues().len(),
        2,
        "one due for each pair"
    );
}

#[test]
fn who_has_nothing_to_do_with_each_other_shares_no_clearing() {
    let obligations = owed(&[(0, 1, 5), (2, 3, 6), (1, 0, 5), (3, 2, 6), (0, 2, 9)]);
    let solution = solved(&obligations, 1);
    let sides: Vec<BTreeSet<ChainId>> = solution
        .clearings()
        .iter()
        .map(|one| one.participants())
        .collect();
    assert_eq!(sides.len(), 2);
    for pair in [[0, 1], [2, 3]] {
        assert!(sides.contains(&pair.map(account).into_iter().collect()));
    }
}

fn ring(len: usize) -> Vec<Obligation> {
    let list: Vec<_> = (0..len).map(|at| (at, (at + 1) % len, 3)).collect();
    owed(&list)
}

#[test]
fn a_ring_that_one_resolve_cannot_post_is_left_out() {
    let solution = solved(&ring(CLEARED_MAX), 1);
    assert_eq!(solution.clearings().len(), 1);
    assert_eq!(solution.total(), 3 * CLEARED_MAX as u128);
    let solution = solved(&ring(CLEARED_MAX + 1), 1);
    assert!(solution.clearings().is_empty());
    assert_eq!(solution.left_out().len(), CLEARED_MAX + 1);
}

/// 800 rings of five in a circle: each shares its pairs with its neighbours, and
/// there are ways round all of them.
#[test]
fn short_rings_are_posted_where_a_long_one_would_be_left_out() {
    let rings = (0..800).flat_map(|at| [(at, (at + 1) % 800, 4), ((at + 4) % 800, at, 1)]);
    let solution = solved(&owed(&rings.collect::<Vec<_>>()), 1);
    assert!(solution.left_out().is_empty());
    assert_eq!(solution.total(), 4_000);
}

/// 380 pairs of 20 members: several Resolves, and nothing left out.
#[test]
fn what_one_resolve_cannot_post_is_cut_into_several_clearings() {
    let mut list = Vec::new();
    for debtor in 0..20_usize {
        for creditor in (0..20).filter(|creditor| *creditor != debtor) {
            let atoms = (debtor * 7919 + creditor * 104_729) % 1_000 + 1;
            list.push((debtor, creditor, u64::try_from(atoms).unwrap()));
        }
    }
    let solution = solved(&owed(&list), 1);
    assert!(solution.left_out().is_empty());
    assert!(solution.clearings().len() >= 3, "380 pairs");
    let ids: BTreeSet<_> = solution.clearings().iter().map(|one| one.id()).collect();
    assert_eq!(ids.len(), solution.clearings().len());
}

#[test]
fn more_obligations_than_a_clearing_has_are_cut_too() {
    let mut list = vec![(0, 1, 1); REDUCTIONS_MAX];
    list.push((1, 0, REDUCTIONS_MAX as u64));
    let solution = solved(&owed(&list), 1);
    let lens = solution
        .clearings()
        .iter()
        .map(|one| one.reductions().len());
    assert_eq!(lens.collect::<Vec<_>>(), [REDUCTIONS_MAX, 2]);
    // In steps of 2048 atoms no part of it fits.
    let solution = solved_in_steps(&owed(&list), REDUCTIONS_MAX as u64);
    assert!(solution.clearings().is_empty());
    assert_eq!(solution.left_out().len(), REDUCTIONS_MAX + 1);
}

fn solved_in_steps(obligations: &[Obligation], least: u64) -> Solution {
    solve(terms(), amount(least), obligations).unwrap()
}

#[test]
fn dues_above_every_amount_are_paid_in_several_clearings() {
    let most = Amount::MAX;
    let obligations = owed(&[(0, 1, most), (0, 1, most), (1, 0, most), (1, 0, most)]);
    let solution = solved(&obligations, 1);
    assert_eq!(solution.clearings().len(), 2);
    assert_eq!(solution.total(), 4 * u128::from(most));
}

#[test]
fn as_many_obligations_as_may_be_are_solved() {
    let list: Vec<_> = (0..OBLIGATIONS_MAX)
        .map(|at| {
            let debtor = at * 31 % 97;
            let creditor = (debtor + 1 + at * at % 96) % 97;
            (
                debtor,
                creditor,
                1 + u64::try_from(at * 7919 % 5_000).unwrap(),
            )
        })
        .collect();
    let solution = solved(&owed(&list), 1);
    assert!(solution.clearings().len() > 1);
    let mut more = owed(&list);
    more.push(owes(OBLIGATIONS_MAX, 0, 1, 1));
    let many = ClearingError::Many {
        len: OBLIGATIONS_MAX + 1,
        max: OBLIGATIONS_MAX,
    };
    assert_eq!(solve(terms(), amount(1), &more), Err(many));
}

#[test]
fn obligations_of_no_sense_are_refused_by_name() {
    let good = owed(&[(0, 1, 5), (1, 0, 5)]);
    let refused = |bad: Obligation| {
        let all = [good[0], bad, good[1]];
        solve(terms(), amount(1), &all).unwrap_err()
    };
    let obligation = good[1].id;
    assert_eq!(
        refused(owes(1, 2, 3, 9)),
        ClearingError::Twice { obligation }
    );
    let bad = owes(9, 2, 2, 1);
    let obligation = bad.id;
    assert_eq!(refused(bad), ClearingError::Own { obligation });
    let of_office = Obligation {
        debtor: office(),
        ..owes(9, 2, 3, 1)
    };
    let to_office = Obligation {
        creditor: office(),
        ..owes(9, 2, 3, 1)
    };
    for bad in [of_office, to_office] {
        assert_eq!(refused(bad), ClearingError::Resolver { obligation });
    }
}
