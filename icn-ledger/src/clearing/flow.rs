//! The largest circulation of a network: what every arc can carry so that no
//! node's net changes, the most in total.
//!
//! All arcs carrying all that they may is what one would like, but then some
//! nodes pass on more than they get. What has to be left over again to set that
//! right goes from these nodes to the others along arcs, and each atom of it
//! costs one for every arc on its way: the least of it is a flow of least cost,
//! and what stays on the arcs then is the largest circulation. The flow is
//! found cost by cost: all ways of the least cost together, then all of the next
//! (primal-dual, Ford and Fulkerson 1962), each time as a flow in layers (Dinic
//! 1970).

use alloc::collections::{BinaryHeap, VecDeque};
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// What may go from one node to another, in whatever is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arc {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) most: u128,
}

/// What each arc carries in a largest circulation of `nodes` nodes; which one of
/// several depends on nothing but the arcs in their order.
///
/// Costs as many rounds as there are nodes at most, each a Dijkstra search
/// and a flow in layers over the arcs.
pub(super) fn largest(nodes: usize, arcs: &[Arc]) -> Vec<u128> {
    let mut network = Network::of(nodes, arcs);
    while network.lift() {
        while let Some(layers) = network.layers() {
            network.fill(&layers);
        }
    }
    let carried = network.ways.iter().step_by(2);
    carried.take(arcs.len()).map(|way| way.left).collect()
}

/// One direction of an arc; the other one is at the next even or odd number.
#[derive(Debug)]
struct Way {
    to: usize,
    /// How much more may go.
    left: u128,
    cost: i64,
}

#[derive(Debug)]
struct Network {
    ways: Vec<Way>,
    /// Ways by the node that they leave.
    out: Vec<Vec<usize>>,
    /// The cost of the cheapest way to each node within reach. No way that is left
    /// between them costs less than the difference of its ends.
    costs: Vec<i64>,
    source: usize,
    sink: usize,
}

impl Network {
    /// Arcs first, as ways that leave something over; then what the nodes have
    /// too much or too little while every arc carries all that it may.
    fn of(nodes: usize, arcs: &[Arc]) -> Self {
        let (source, sink) = (nodes, nodes + 1);
        let mut network = Self {
            ways: Vec::with_capacity(2 * (arcs.len() + nodes)),
            out: vec![Vec::new(); nodes + 2],
            costs: vec![0; nodes + 2],
            source,
            sink,
        };
        let mut given = vec![(0, 0); nodes];
        for arc in arcs {
            network.join(arc, 1);
            given[arc.from].0 += arc.most;
            given[arc.to].1 += arc.most;
        }
        for (node, (passed, got)) in given.into_iter().enumerate() {
            let (from, to, most) = if passed > got {
                (source, node, passed - got)
            } else {
                (node, sink, got - passed)
            };
            if most > 0 {
                network.join(&Arc { from, to, most }, 0);
            }
        }
        network
    }

    fn join(&mut self, arc: &Arc, cost: i64) {
        self.out[arc.from].push(self.ways.len());
        self.ways.push(Way {
            to: arc.to,
            left: arc.most,
            cost,
        });
        self.out[arc.to].push(self.ways.len());
        self.ways.push(Way {
            to: arc.from,
            left: 0,
            cost: -cost,
        });
    }

    /// Finds what the cheapest way to the sink costs now. False when none is
    /// left.
    fn lift(&mut self) -> bool {
        let mut above: Vec<Option<i64>> = vec![None; self.out.len()];
        let mut open = BinaryHeap::from([(Reverse(0), self.source)]);
        above[self.source] = Some(0);
        while let Some((Reverse(cost), node)) = open.pop() {
            if above[node].is_some_and(|known| known < cost) {
                continue;
            }
            for &way in self.out[node]
                .iter()
                .filter(|&&way| self.ways[way].left > 0)
            {
                let to = self.ways[way].to;
                let next = cost + self.over(node, way);
                if above[to].is_none_or(|known| next < known) {
                    above[to] = Some(next);
                    open.push((Reverse(next), to));
                }
            }
        }
        // What is out of reach stays so: nothing is ever sent from there.
        for (cost, above) in self.costs.iter_mut().zip(&above) {
            *cost += above.unwrap_or_default();
        }
        above[self.sink].is_some()
    }

    /// What a way costs above the difference of its ends: never less than 0.
    fn over(&self, from: usize, way: usize) -> i64 {
        let way = &self.ways[way];
        way.cost + self.costs[from] - self.costs[way.to]
    }

    fn is_cheapest(&self, from: usize, way: usize) -> bool {
        self.ways[way].left > 0 && self.over(from, way) == 0
    }

    /// How many cheapest ways each node is from the source. None when there is
    /// no way to the sink.
    fn layers(&self) -> Option<Vec<Option<usize>>> {
        let mut layers = vec![None; self.out.len()];
        layers[self.source] = Some(0);
        let mut open = VecDeque::from([(self.source, 0)]);
        while let Some((node, layer)) = open.pop_front() {
            for &way in &self.out[node] {
                let to = self.ways[way].to;
                if layers[to].is_none() && self.is_cheapest(node, way) {
                    layers[to] = Some(layer + 1);
                    open.push_back((to, layer + 1));
                }
            }
        }
        layers[self.sink].is_some().then_some(layers)
    }

    /// Sends all that goes from layer to layer.
    fn fill(&mut self, layers: &[Option<usize>]) {
        let mut tried = vec![0; self.out.len()];
        let mut path: Vec<usize> = Vec::new();
        let mut node = self.source;
        loop {
            if node == self.sink {
                node = self.send(&mut path);
                continue;
            }
            let below = layers[node].map(|layer| layer + 1);
            let next = self.out[node][tried[node]..]
                .iter()
                .position(|&way| layers[self.ways[way].to] == below && self.is_cheapest(node, way));
            if let Some(skipped) = next {
                tried[node] += skipped;
                let way = self.out[node][tried[node]];
                path.push(way);
                node = self.ways[way].to;
            } else if let Some(way) = path.pop() {
                node = self.ways[way ^ 1].to;
                tried[node] += 1;
            } else {
                return;
            }
        }
    }

    /// Sends what a whole path lets through and goes back to where it is full.
    fn send(&mut self, path: &mut Vec<usize>) -> usize {
        let most = path.iter().map(|&way| self.ways[way].left).min();
        let most = most.unwrap_or_default();
        for &way in path.iter() {
            self.ways[way].left -= most;
            self.ways[way ^ 1].left += most;
        }
        let full = path.iter().position(|&way| self.ways[way].left == 0);
        let full = full.unwrap_or_default();
        let from = path.get(full).map(|&way| self.ways[way ^ 1].to);
        path.truncate(full);
        from.unwrap_or(self.source)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Listed = (usize, usize, u128);

    fn arcs(listed: &[Listed]) -> Vec<Arc> {
        let arc = |&(from, to, most)| Arc { from, to, most };
        listed.iter().map(arc).collect()
    }

    fn is_circulation(nodes: usize, arcs: &[Arc], carried: &[u128]) -> bool {
        let mut passed = vec![0; nodes];
        let mut got = vec![0; nodes];
        for (arc, &by) in arcs.iter().zip(carried) {
            passed[arc.from] += by;
            got[arc.to] += by;
        }
        let mut each = arcs.iter().zip(carried);
        passed == got && each.all(|(arc, by)| *by <= arc.most)
    }

    /// The most that any circulation carries, by trying all of them.
    fn most(nodes: usize, arcs: &[Arc], carried: &mut Vec<u128>) -> u128 {
        let Some(arc) = arcs.get(carried.len()) else {
            let is_one = is_circulation(nodes, arcs, carried);
            return if is_one { carried.iter().sum() } else { 0 };
        };
        let mut best = 0;
        for by in 0..=arc.most {
            carried.push(by);
            best = best.max(most(nodes, arcs, carried));
            carried.pop();
        }
        best
    }

    /// Whether going round some cycle, up on arcs with room and down on arcs
    /// that carry something, would carry more: Bellman and Ford's search.
    fn can_be_improved(nodes: usize, arcs: &[Arc], carried: &[u128]) -> bool {
        let mut gains = vec![0_i64; nodes];
        let mut steps = Vec::new();
        for (arc, &by) in arcs.iter().zip(carried) {
            if by < arc.most {
                steps.push((arc.from, arc.to, 1));
            }
            if by > 0 {
                steps.push((arc.to, arc.from, -1));
            }
        }
        for _ in 0..=nodes {
            let mut is_raised = false;
            for &(from, to, gain) in &steps {
                if gains[from] + gain > gains[to] {
                    gains[to] = gains[from] + gain;
                    is_raised = true;
                }
            }
            if !is_raised {
                return false;
            }
        }
        true
    }

    fn total(nodes: usize, listed: &[Listed]) -> u128 {
        let arcs = arcs(listed);
        let carried = largest(nodes, &arcs);
        assert!(is_circulation(nodes, &arcs, &carried), "{listed:?}");
        assert!(!can_be_improved(nodes, &arcs, &carried), "{listed:?}");
        carried.iter().sum()
    }

    fn listed(nodes: usize, most: u128, len: usize) -> impl Strategy<Value = Vec<Listed>> {
        let arc = (0..nodes, 1..nodes, 0..=most);
        let arc = arc.prop_map(move |(from, step, most)| (from, (from + step) % nodes, most));
        proptest::collection::vec(arc, 0..=len)
    }

    #[test]
    fn nothing_circulates_where_there_is_no_cycle() {
        assert_eq!(total(0, &[]), 0);
        assert_eq!(total(4, &[(0, 1, 9), (1, 2, 9), (0, 2, 9), (2, 3, 1)]), 0);
    }

    #[test]
    fn a_ring_carries_what_its_narrowest_arc_does() {
        assert_eq!(total(3, &[(0, 1, 5), (1, 2, 3), (2, 0, 9)]), 9);
    }

    /// Going round the first cycle, 0 to 1 and back, would carry no more than 20.
    #[test]
    fn a_short_cycle_gives_way_to_a_long_one() {
        let long = [(0, 1, 10), (1, 0, 10), (1, 2, 10), (2, 3, 10), (3, 0, 10)];
        assert_eq!(total(4, &long), 40);
    }

    #[test]
    fn no_amounts_are_too_large() {
        let most = 4096 * u128::from(u64::MAX);
        assert_eq!(total(2, &[(0, 1, most), (1, 0, most)]), 2 * most);
    }

    proptest! {
        #[test]
        fn a_small_network_carries_as_much_as_any_circulation(listed in listed(4, 2, 7)) {
            let arcs = arcs(&listed);
            prop_assert_eq!(total(4, &listed), most(4, &arcs, &mut Vec::new()));
        }

        #[test]
        fn no_cycle_improves_what_a_network_carries(listed in listed(12, 1_000, 60)) {
            total(12, &listed);
        }
    }
}
