//! Covering knapsacks: the least bytes that bring so much relief, with replicas divisible and with whole ones.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Nodes after which the search for the whole optimum stops with what is proven by then. Items that decide are few; where
/// they are not, the divisible optimum is as good (docs/solver.md, "The bound").
const NODES: usize = 300;
/// A need that is met but for this share of it counts as met: sums of floats are no better.
const MET: f64 = 1e-9;
/// What a sum of a million floats may be off by, relative, and some more.
const ROUNDING: f64 = 1e-9;

/// Items by cost per relief, the cheapest first.
pub(super) struct Items {
    /// Sums over the items up to each: (relief, cost).
    sums: Vec<(f64, f64)>,
}

impl Items {
    /// Of `(relief, cost)` pairs; those that relieve nothing are left out.
    pub(super) fn new(mut items: Vec<(f64, f64)>) -> Self {
        items.retain(|(relief, _)| *relief > 0.0);
        items.sort_by(|a, b| (a.1 * b.0).total_cmp(&(b.1 * a.0)));
        let mut sum = (0.0, 0.0);
        for item in &mut items {
            sum = (sum.0 + item.0, sum.1 + item.1);
            *item = sum;
        }
        Self { sums: items }
    }

    /// The least cost of a divisible choice that relieves `need` (Dantzig 1957); all of the items where they do not.
    pub(super) fn divisible(&self, need: f64) -> f64 {
        self.from(0, need)
    }

    /// The same without the first `first` items.
    fn from(&self, first: usize, need: f64) -> f64 {
        let at = self.before(first);
        let wanted = at.0 + need;
        let last = first + self.sums[first..].partition_point(|(relief, _)| *relief < wanted);
        let below = self.before(last);
        match self.sums.get(last) {
            Some(next) => below.1 - at.1 + (next.1 - below.1) / (next.0 - below.0) * (wanted - below.0),
            None => below.1 - at.1,
        }
    }

    fn before(&self, index: usize) -> (f64, f64) {
        index.checked_sub(1).map_or((0.0, 0.0), |last| self.sums[last])
    }

    /// Whether the items from `first` on relieve `need`, as far as sums of floats can tell.
    fn suffice(&self, first: usize, need: f64) -> bool {
        self.sums.last().is_some_and(|all| all.0 * (1.0 + ROUNDING) - self.before(first).0 >= need * (1.0 - MET))
    }

    /// The least cost of whole items that relieve `need`, or what is proven of it: branch and bound, the least bound
    /// first. Stopping early leaves the least bound of what is open.
    pub(super) fn whole(&self, need: f64) -> f64 {
        let divisible = self.divisible(need);
        if !self.suffice(0, need) {
            return divisible;
        }
        let mut open = BinaryHeap::from([Node { bound: divisible, first: 0, need, cost: 0.0 }]);
        for _ in 0..NODES {
            let Some(node) = open.pop() else { break };
            if node.need <= need * MET {
                return node.bound;
            }
            // Where rounding alone keeps a part open, nothing is left to decide.
            let Some(item) = self.sums.get(node.first) else { return node.bound };
            let below = self.before(node.first);
            let (relief, cost) = (item.0 - below.0, item.1 - below.1);
            for (left, cost) in [(node.need - relief, node.cost + cost), (node.need, node.cost)] {
                let first = node.first + 1;
                if left <= need * MET {
                    open.push(Node { bound: cost.max(node.bound), first, need: 0.0, cost });
                } else if self.suffice(first, left) {
                    let bound = (cost + self.from(first, left)).max(node.bound);
                    open.push(Node { bound, first, need: left, cost });
                }
            }
        }
        // What is open costs no less than the least of it.
        open.peek().map_or(divisible, |node| node.bound)
    }
}

/// A part of the search: the items before `first` are decided.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// No choice of this part costs less.
    bound: f64,
    first: usize,
    /// What is still to be relieved.
    need: f64,
    /// What is chosen costs.
    cost: f64,
}

impl Ord for Node {
    /// The greatest is the next to look at: the least bound, among equals the furthest decided.
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound).then(self.first.cmp(&other.first)).then(other.need.total_cmp(&self.need))
    }
}

impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Node {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least cost of every subset.
    fn least(items: &[(f64, f64)], need: f64) -> f64 {
        let cost = |set: u32| {
            let chosen = (0..items.len()).filter(|i| set >> i & 1 == 1);
            chosen.fold((0.0, 0.0), |sum: (f64, f64), i| (sum.0 + items[i].0, sum.1 + items[i].1))
        };
        let enough = (0..1_u32 << items.len()).map(cost).filter(|(relief, _)| *relief >= need);
        enough.map(|(_, cost)| cost).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn the_whole_optimum_is_that_of_every_subset_and_no_less_than_the_divisible_one() {
        let mut seed = 7_u64;
        let mut draw = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (1 + (seed >> 33) % most) as f64
        };
        let mut dearer = 0;
        for _ in 0..200 {
            let pairs: Vec<(f64, f64)> = (0..8).map(|_| (draw(20), draw(50))).collect();
            let need = draw(60).min(pairs.iter().map(|(relief, _)| relief).sum());
            let items = Items::new(pairs.clone());
            let (whole, divisible) = (items.whole(need), items.divisible(need));
            assert!((whole - least(&pairs, need)).abs() < 1e-6, "{whole} for {need} of {pairs:?}");
            assert!(divisible <= whole + 1e-9);
            dearer += u32::from(whole > divisible + 0.5);
        }
        assert!(dearer > 100, "whole items hardly ever cost more: {dearer}");
    }

    #[test]
    fn items_that_do_not_suffice_cost_all_there_is() {
        assert_eq!(Items::new(vec![(1.0, 5.0), (0.0, 3.0)]).whole(4.0), 5.0);
        assert_eq!(Items::new(Vec::new()).whole(4.0), 0.0);
    }
}
