//! Cuts a circulation into parts that one Resolve can post, each of them a
//! circulation.
//!
//! A circulation is a sum of rings, in each of which everybody pays one and is
//! paid by another. The shortest ring through the first pair is taken off until
//! nothing is left, and put into the first part with room for it. Participants
//! who are joined by no ring share no part.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec;
use alloc::vec::Vec;

use icn_types::amount::Amount;

use super::{CLEARED_MAX, REDUCTIONS_MAX};

/// What one participant pays to another.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) debtor: usize,
    pub(super) creditor: usize,
    /// Obligations by number with the atoms that are paid of them.
    pub(super) paid: VecDeque<(usize, u64)>,
}

/// By how many atoms which obligation is reduced.
pub(super) type Reduced = BTreeMap<usize, u64>;

/// A circulation in parts.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Each fits one clearing.
    pub(super) fitting: Vec<Reduced>,
    /// Rings that fit none.
    pub(super) left_out: Reduced,
}

/// Cuts a circulation of `nodes` participants in which every pair pays a
/// multiple of `least`, and so it does in every part.
///
/// Costs one search over the pairs for each of at most two rings for each
/// obligation.
pub(super) fn cut(nodes: usize, least: u64, pairs: Vec<Pair>) -> Parts {
    let mut rings = Rings::of(nodes, least, pairs);
    let groups = rings.groups(nodes);
    let mut by_group: BTreeMap<usize, Vec<Part>> = BTreeMap::new();
    let mut left_out = Reduced::new();
    while let Some(ring) = rings.take() {
        if !Part::default().has_room(&ring) {
            ring.reduce(&mut left_out);
            continue;
        }
        let group = by_group.entry(groups[ring.first]).or_default();
        match group.iter_mut().find(|part| part.has_room(&ring)) {
            Some(part) => part.add(&ring),
            None => {
                let mut part = Part::default();
                part.add(&ring);
                group.push(part);
            }
        }
    }
    let parts = by_group.into_values().flatten();
    Parts {
        fitting: parts.map(|part| part.reduced).collect(),
        left_out,
    }
}

/// Everybody pays the same to the next one, and the last to the first.
#[derive(Debug)]
struct Ring {
    /// One of them.
    first: usize,
    atoms: u64,
    pairs: Vec<usize>,
    /// Obligations that are paid, each once.
    paid: Vec<(usize, u64)>,
}

impl Ring {
    fn reduce(&self, reduced: &mut Reduced) {
        for (obligation, atoms) in &self.paid {
            *reduced.entry(*obligation).or_default() += atoms;
        }
    }
}

/// What is left of a circulation.
#[derive(Debug)]
struct Rings {
    least: u64,
    pairs: Vec<Pair>,
    /// Pairs by debtor.
    out: Vec<Vec<usize>>,
    /// Nothing is left of the pairs before.
    next: usize,
}

impl Rings {
    fn of(nodes: usize, least: u64, pairs: Vec<Pair>) -> Self {
        let mut out = vec![Vec::new(); nodes];
        for (at, pair) in pairs.iter().enumerate() {
            out[pair.debtor].push(at);
        }
        Self {
            least,
            pairs,
            out,
            next: 0,
        }
    }

    /// The lowest of those with whom each node is joined by what is paid.
    fn groups(&self, nodes: usize) -> Vec<usize> {
        let mut lower: Vec<usize> = (0..nodes).collect();
        for pair in self.pairs.iter().filter(|pair| !pair.paid.is_empty()) {
            let ends = [pair.debtor, pair.creditor].map(|node| lowest(&mut lower, node));
            lower[ends[0].max(ends[1])] = ends[0].min(ends[1]);
        }
        (0..nodes).map(|node| lowest(&mut lower, node)).collect()
    }

    /// Takes the shortest ring through the first pair that is left.
    fn take(&mut self) -> Option<Ring> {
        let paying = |pair: &Pair| !pair.paid.is_empty();
        self.next += self.pairs[self.next..].iter().position(paying)?;
        let Pair {
            debtor, creditor, ..
        } = self.pairs[self.next];
        let mut pairs = vec![self.next];
        pairs.extend(self.way(creditor, debtor)?);
        // As much as there is of one obligation in each, in steps of the least:
        // each is the shortest at most twice.
        let fronts = pairs.iter().filter_map(|&at| self.pairs[at].paid.front());
        let most = fronts.map(|(_, atoms)| *atoms).min()?;
        let atoms = (most - most % self.least).max(self.least);
        let mut paid = Vec::with_capacity(pairs.len());
        for &at in &pairs {
            take_from(&mut self.pairs[at].paid, atoms, &mut paid);
        }
        Some(Ring {
            first: debtor,
            atoms,
            pairs,
            paid,
        })
    }

    /// The shortest way along pairs of which something is left.
    fn way(&self, from: usize, to: usize) -> Option<Vec<usize>> {
        let mut by: Vec<Option<usize>> = vec![None; self.out.len()];
        let mut open = VecDeque::from([from]);
        while let Some(node) = open.pop_front() {
            if node == to {
                break;
            }
            let paying = self.out[node].iter().copied();
            for at in paying.filter(|&at| !self.pairs[at].paid.is_empty()) {
                let creditor = self.pairs[at].creditor;
                if by[creditor].is_none() {
                    by[creditor] = Some(at);
                    open.push_back(creditor);
                }
            }
        }
        let mut way = Vec::new();
        let mut node = to;
        while node != from {
            let at = by[node]?;
            way.push(at);
            node = self.pairs[at].debtor;
        }
        way.reverse();
        Some(way)
    }
}

/// Where going to a lower node ends; halves the way for the next time.
fn lowest(lower: &mut [usize], mut node: usize) -> usize {
    while lower[node] != node {
        lower[node] = lower[lower[node]];
        node = lower[node];
    }
    node
}

/// Takes so many atoms from the front.
fn take_from(from: &mut VecDeque<(usize, u64)>, mut atoms: u64, paid: &mut Vec<(usize, u64)>) {
    while let Some((obligation, left)) = from.front_mut()
        && atoms > 0
    {
        let taken = atoms.min(*left);
        paid.push((*obligation, taken));
        atoms -= taken;
        *left -= taken;
        if *left == 0 {
            from.pop_front();
        }
    }
}

/// What one clearing holds.
#[derive(Debug, Default)]
struct Part {
    reduced: Reduced,
    /// Atoms by pair.
    sums: BTreeMap<usize, u64>,
}

impl Part {
    fn has_room(&self, ring: &Ring) -> bool {
        let is_within = |at: &usize| {
            let sum = self.sums.get(at).copied().unwrap_or_default();
            sum.saturating_add(ring.atoms) <= Amount::MAX
        };
        let new = ring.pairs.iter().filter(|at| !self.sums.contains_key(at));
        let paid = ring.paid.iter().map(|(obligation, _)| obligation);
        let reduced = paid.filter(|obligation| !self.reduced.contains_key(obligation));
        self.sums.len() + new.count() <= CLEARED_MAX
            && self.reduced.len() + reduced.count() <= REDUCTIONS_MAX
            && ring.pairs.iter().all(is_within)
    }

    fn add(&mut self, ring: &Ring) {
        for &at in &ring.pairs {
            *self.sums.entry(at).or_default() += ring.atoms;
        }
        ring.reduce(&mut self.reduced);
    }
}
