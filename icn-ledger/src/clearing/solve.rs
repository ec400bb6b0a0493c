//! The solver: which reductions take away the most.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use icn_types::amount::Amount;
use icn_types::canon::{Encode as _, Writer};
use icn_types::hash::Hasher;
use icn_types::id::{ChainId, Digest};

use super::cut::{Pair, Reduced, cut};
use super::flow::{Arc, largest};
use super::{Clearing, ClearingError, Obligation, Reduction, Terms, follows};

/// Most obligations that are cleared together.
pub const OBLIGATIONS_MAX: usize = 4096;

/// Version of the solver. Another one may find another solution that takes away
/// as much.
pub const SOLVER: u16 = 1;

/// The reductions that take away the most, cut into what is carried out
/// together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solution {
    clearings: Vec<Clearing>,
    left_out: Vec<Reduction>,
}

impl Solution {
    /// Each of them stands for itself: participants who have nothing to do with
    /// each other are in different ones, and the sum of all is the solution. One
    /// that fails takes nothing from the others.
    #[must_use]
    pub fn clearings(&self) -> &[Clearing] {
        &self.clearings
    }

    /// Reductions of the solution that no clearing can hold, ascending by
    /// obligation: of rings of more members than one Resolve posts holds, or of
    /// more obligations than a clearing has.
    #[must_use]
    pub fn left_out(&self) -> &[Reduction] {
        &self.left_out
    }

    /// By how much all obligations fall together, in atoms; what is left out is
    /// not part of it.
    #[must_use]
    pub fn total(&self) -> u128 {
        self.clearings.iter().map(Clearing::total).sum()
    }
}

/// Finds the reductions that take away the most of `obligations` while everybody
/// pays exactly what it receives: the largest circulation.
///
/// What one participant pays to another is a multiple of `least`, the least leg
/// of the unit; with 1 nothing takes away more, with more nothing in such steps.
/// The answer depends on the obligations and not on their order. Of one debtor
/// and creditor, the lowest ids are paid first.
///
/// Costs at most as many rounds as there are participants, each a shortest-path
/// search and a flow in layers over all pairs of debtor and creditor, and then one
/// search for each of at most 2 n cycles of n obligations.
///
/// ```
/// use icn_ledger::clearing::{Obligation, ObligationId, Terms, solve};
/// use icn_types::amount::Amount;
/// use icn_types::id::{ChainId, TopicId};
/// use icn_types::time::Timestamp;
///
/// let owes = |id, debtor, creditor, atoms| {
///     Ok::<_, icn_types::amount::AmountError>(Obligation {
///         id: ObligationId::from_bytes([id; 32]),
///         debtor: ChainId::from_bytes([debtor; 32]),
///         creditor: ChainId::from_bytes([creditor; 32]),
///         amount: Amount::new(atoms)?,
///     })
/// };
/// let terms = Terms {
///     topic: TopicId::from_bytes([7; 32]),
///     resolver: ChainId::from_bytes([9; 32]),
///     expires: Timestamp::from_millis(0),
/// };
/// // One and two owe each other, but the long way round takes away more.
/// let owed = [owes(1, 1, 2, 10)?, owes(2, 2, 1, 10)?, owes(3, 2, 3, 10)?, owes(4, 3, 1, 10)?];
/// let solution = solve(terms, Amount::new(1)?, &owed)?;
/// assert_eq!(solution.total(), 30);
/// let reduced = solution.clearings()[0].reductions();
/// assert_eq!(reduced.iter().map(|one| one.obligation.id).collect::<Vec<_>>(), [
///     owed[0].id, owed[2].id, owed[3].id,
/// ]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ClearingError::Many`] above [`OBLIGATIONS_MAX`], [`ClearingError::Twice`],
/// [`ClearingError::Own`], and [`ClearingError::Resolver`] where the clearing
/// chain takes part.
pub fn solve(
    terms: Terms,
    least: Amount,
    obligations: &[Obligation],
) -> Result<Solution, ClearingError> {
    let (len, max) = (obligations.len(), OBLIGATIONS_MAX);
    if len > max {
        return Err(ClearingError::Many { len, max });
    }
    let obligations = ascending(obligations);
    let mut before = None;
    for obligation in &obligations {
        follows(before, obligation, &terms.resolver)?;
        before = Some(obligation.id);
    }
    let (nodes, owed) = network(&obligations);
    let pairs = circulate(nodes, owed, least);
    let parts = cut(nodes, least.get(), pairs);
    let reductions = |reduced: Reduced| {
        let reduction = |(at, atoms): (usize, u64)| {
            Some(Reduction {
                obligation: *obligations.get(at)?,
                by: Amount::new(atoms).ok()?,
            })
        };
        reduced
            .into_iter()
            .filter_map(reduction)
            .collect::<Vec<_>>()
    };
    let input = digest(&obligations);
    let clearings = parts.fitting.into_iter();
    let clearings = clearings.map(|part| Clearing::new(terms, SOLVER, input, reductions(part)));
    Ok(Solution {
        clearings: clearings.collect::<Result<_, _>>()?,
        left_out: reductions(parts.left_out),
    })
}

/// What a clearing says of all obligations that its solver was given: SHA-256
/// over the ASCII text `icn/ledger/obligations/v1` and the array of them,
/// ascending by id. Costs O(n log n).
#[must_use]
pub fn digest_of(obligations: &[Obligation]) -> Digest {
    digest(&ascending(obligations))
}

fn digest(ascending: &[Obligation]) -> Digest {
    let mut w = Writer::new();
    w.array(ascending.len());
    for obligation in ascending {
        obligation.encode(&mut w);
    }
    let mut hasher = Hasher::new();
    hasher.update(b"icn/ledger/obligations/v1");
    hasher.update(&w.into_bytes());
    Digest::from_bytes(hasher.finish())
}

fn ascending(obligations: &[Obligation]) -> Vec<Obligation> {
    let mut obligations = obligations.to_vec();
    obligations.sort_by_key(|obligation| obligation.id);
    obligations
}

/// Obligations by number with their atoms, by debtor and creditor.
type Owed = BTreeMap<(usize, usize), Vec<(usize, u64)>>;

/// How many participants there are, and what each owes each other one. They are
/// numbered ascending.
fn network(obligations: &[Obligation]) -> (usize, Owed) {
    let sides = |obligation: &Obligation| [obligation.debtor, obligation.creditor];
    let mut names: Vec<ChainId> = obligations.iter().flat_map(sides).collect();
    names.sort_unstable();
    names.dedup();
    let number = |name: &ChainId| names.partition_point(|known| known < name);
    let mut owed = Owed::new();
    for (at, obligation) in obligations.iter().enumerate() {
        let pair = (number(&obligation.debtor), number(&obligation.creditor));
        let amount = obligation.amount.get();
        owed.entry(pair).or_default().push((at, amount));
    }
    (names.len(), owed)
}

/// What of it is paid when the most goes round.
fn circulate(nodes: usize, owed: Owed, least: Amount) -> Vec<Pair> {
    let step = u128::from(least.get());
    let arc = |(&(from, to), owed): (&(usize, usize), &Vec<(usize, u64)>)| {
        let atoms: u128 = owed.iter().map(|(_, atoms)| u128::from(*atoms)).sum();
        let most = atoms / step;
        Arc { from, to, most }
    };
    let arcs: Vec<Arc> = owed.iter().map(arc).collect();
    let carried = largest(nodes, &arcs);
    let pair = |(((debtor, creditor), owed), steps)| Pair {
        debtor,
        creditor,
        paid: first_of(owed, steps * step),
    };
    owed.into_iter().zip(carried).map(pair).collect()
}

/// The first so many atoms of what is owed.
fn first_of(owed: Vec<(usize, u64)>, mut atoms: u128) -> VecDeque<(usize, u64)> {
    let mut paid = VecDeque::new();
    for (obligation, owed) in owed {
        let part = u128::from(owed).min(atoms);
        atoms -= part;
        if let Ok(part) = u64::try_from(part)
            && part > 0
        {
            paid.push_back((obligation, part));
        }
    }
    paid
}
