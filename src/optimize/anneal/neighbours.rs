//! What lies near what: brokers that can stand in for each other, and replicas of about the same size.
//!
//! Most random pairs differ so much that no temperature lets them change places. Drawn from these lists, they pass often
//! enough that a walk of a few steps per replica comes as far as ten times as many without (docs/solver.md).

use rand_pcg::Pcg64Mcg;

use super::super::balance::is_free;
use super::super::problem::{Problem, row};
use super::{below, pick};

/// The lists, made once for all members of a portfolio.
pub(crate) struct Neighbours {
    /// Brokers that receive.
    receivers: Vec<u32>,
    /// Brokers that receive, by class: one group's in one rack.
    classes: Vec<Vec<u32>>,
    /// Each broker's class.
    class: Vec<u32>,
    /// Each broker's replicas in the snapshot that goals may move, smallest copy first.
    by_size: Vec<Vec<u32>>,
    /// Each of those replicas' place in its list.
    rank: Vec<u32>,
}

impl Neighbours {
    /// Sorts brokers and replicas: O(n log n).
    pub(crate) fn new(problem: &Problem<'_>) -> Self {
        let receives = |b: &u32| problem.brokers[*b as usize].receives;
        let receivers: Vec<u32> = (0..row(problem.brokers.len())).filter(receives).collect();
        let key = |b: usize| (problem.brokers[b].group, problem.brokers[b].rack);
        let mut keys: Vec<(u32, u32)> = (0..problem.brokers.len()).map(key).collect();
        keys.sort_unstable();
        keys.dedup();
        let class: Vec<u32> =
            (0..problem.brokers.len()).map(|b| row(keys.partition_point(|other| *other < key(b)))).collect();
        let mut classes = vec![Vec::new(); keys.len()];
        for &b in &receivers {
            classes[class[b as usize] as usize].push(b);
        }
        let mut by_size = vec![Vec::new(); problem.brokers.len()];
        for slot in (0..row(problem.home_broker.len())).filter(|&s| is_free(problem, s)) {
            by_size[problem.home_broker[slot as usize] as usize].push(slot);
        }
        let mut rank = vec![0; problem.home_broker.len()];
        for list in &mut by_size {
            list.sort_by(|&a, &b| bytes(problem, a).total_cmp(&bytes(problem, b)).then(a.cmp(&b)));
            for (place, &slot) in (0..).zip(list.iter()) {
                rank[slot as usize] = place;
            }
        }
        Self { receivers, classes, class, by_size, rank }
    }

    /// Any broker that receives.
    pub(super) fn receiver(&self, rng: &mut Pcg64Mcg) -> Option<u32> {
        pick(rng, &self.receivers)
    }

    /// A broker that receives, three times of four one of `broker`'s class: where each rack keeps its share of every
    /// partition, no other can take what `broker` has.
    pub(super) fn peer(&self, rng: &mut Pcg64Mcg, broker: u32) -> Option<u32> {
        let class = &self.classes[self.class[broker as usize] as usize];
        if class.is_empty() || below(rng, 4) == 0 { self.receiver(rng) } else { pick(rng, class) }
    }

    /// A replica that `broker` has in the snapshot and that goals may move, near `slot` in size: three times of four a
    /// smaller one, each doubling of the distance in the list as likely as the one before. None where the list ends first.
    pub(super) fn of_like_size(
        &self,
        problem: &Problem<'_>,
        rng: &mut Pcg64Mcg,
        slot: u32,
        broker: u32,
    ) -> Option<u32> {
        let list = &self.by_size[broker as usize];
        let place = if problem.home_broker[slot as usize] == broker {
            self.rank[slot as usize] as usize
        } else {
            list.partition_point(|&s| bytes(problem, s) < bytes(problem, slot))
        };
        let doublings = below(rng, u64::from(usize::BITS - list.len().leading_zeros()).max(1));
        let distance = 1 + below(rng, 1 << doublings) as usize;
        let there = if below(rng, 4) == 0 { place + distance } else { place.checked_sub(distance)? };
        list.get(there).copied()
    }
}

fn bytes(problem: &Problem<'_>, slot: u32) -> f64 {
    problem.partitions[problem.slot_partition[slot as usize] as usize].copy_bytes
}
