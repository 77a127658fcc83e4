//! What lies near what: brokers that can stand in for each other, and replicas of about the same size or traffic.
//!
//! Most random pairs differ so much that no temperature lets them change places. Drawn from these lists, they pass often
//! enough that a walk of a few steps per replica comes as far as ten times as many without (docs/solver.md).

use rand_pcg::Pcg64Mcg;

use super::super::balance::is_free;
use super::super::problem::{PartitionFacts, Problem, row};
use super::{below, pick};

/// The lists, made once for all members of a portfolio.
pub(crate) struct Neighbours {
    /// Brokers that receive.
    receivers: Vec<u32>,
    /// Brokers that receive, by class: one group's in one rack.
    classes: Vec<Vec<u32>>,
    /// Each broker's class.
    class: Vec<u32>,
    /// Replicas by the bytes of a copy.
    sizes: Order,
    /// Replicas by the bytes per second written to them.
    traffic: Order,
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
        let (sizes, traffic) =
            rayon::join(|| Order::new(problem, |facts| facts.copy_bytes), || Order::new(problem, network_in));
        Self { receivers, classes, class, sizes, traffic }
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

    /// A replica that `broker` has in the snapshot and that goals may move, which could do what `slot` does: three times of
    /// four one near it in size and rather smaller, else one that is written about as much. None where the list ends first.
    pub(super) fn stand_in(&self, problem: &Problem<'_>, rng: &mut Pcg64Mcg, slot: u32, broker: u32) -> Option<u32> {
        let facts = &problem.partitions[problem.slot_partition[slot as usize] as usize];
        let home = problem.home_broker[slot as usize] == broker;
        if below(rng, 4) > 0 {
            self.sizes.near(rng, broker, home.then_some(slot), facts.copy_bytes, 1)
        } else {
            // Where the bytes written decide, what is written alike may well be smaller, be it written a little more or less.
            self.traffic.near(rng, broker, home.then_some(slot), network_in(facts), 2)
        }
    }
}

fn network_in(facts: &PartitionFacts) -> f64 {
    facts.traffic.network_in
}

/// Each broker's replicas in the snapshot that goals may move, in the order of one figure.
struct Order {
    /// Figure and slot, ascending, by broker.
    lists: Vec<Vec<(f64, u32)>>,
    /// Each of those slots' place in its list.
    rank: Vec<u32>,
}

impl Order {
    fn new(problem: &Problem<'_>, figure: impl Fn(&PartitionFacts) -> f64) -> Self {
        let mut lists = vec![Vec::new(); problem.brokers.len()];
        for slot in (0..row(problem.home_broker.len())).filter(|&s| is_free(problem, s)) {
            let facts = &problem.partitions[problem.slot_partition[slot as usize] as usize];
            lists[problem.home_broker[slot as usize] as usize].push((figure(facts), slot));
        }
        let mut rank = vec![0; problem.home_broker.len()];
        for list in &mut lists {
            list.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            for (place, &(_, slot)) in (0..).zip(list.iter()) {
                rank[slot as usize] = place;
            }
        }
        Self { lists, rank }
    }

    /// One of `broker`'s replicas near `figure`, `quarters` of four above it, else below; each doubling of the distance in
    /// the list is as likely as the one before. `member` is the replica that the figure is of, where it is in that list.
    fn near(&self, rng: &mut Pcg64Mcg, broker: u32, member: Option<u32>, figure: f64, quarters: u64) -> Option<u32> {
        let list = &self.lists[broker as usize];
        let place = member.map_or_else(
            || list.partition_point(|&(other, _)| other < figure),
            |slot| self.rank[slot as usize] as usize,
        );
        let doublings = below(rng, u64::from(usize::BITS - list.len().leading_zeros()).max(1));
        let distance = 1 + below(rng, 1 << doublings) as usize;
        let there = if below(rng, 4) < quarters { place + distance } else { place.checked_sub(distance)? };
        list.get(there).map(|&(_, slot)| slot)
    }
}
