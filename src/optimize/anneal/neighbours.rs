//! What lies near what: brokers that can stand in for each other, and replicas of about the same size or traffic.
//!
//! Most random pairs differ so much that no temperature lets them change places. Drawn from these lists, they pass often
//! enough that a walk of a few steps per replica comes as far as ten times as many without (docs/solver.md).

use rand_pcg::Pcg64Mcg;

use super::super::balance::is_free;
use super::super::problem::{NONE, PartitionFacts, Problem, row};
use super::{below, pick};

/// Whose replicas may stand in for another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// Those of a broker.
    Broker(u32),
    /// Those of brokers that may give to the same.
    Givers(u32),
}

/// The lists, made once for all members of a portfolio.
pub(crate) struct Neighbours {
    /// Brokers that receive.
    receivers: Vec<u32>,
    /// Brokers that receive, by class: one group's in one rack.
    classes: Vec<Vec<u32>>,
    /// Each broker's class.
    class: Vec<u32>,
    /// Which brokers may give what a broker is to receive: those with the same number.
    givers: Vec<u32>,
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
        // Where racks need not keep their shares, any of the group's brokers may give.
        let apart = problem.racks_apart(false);
        let givers = |b: usize| {
            let facts = &problem.brokers[b];
            let all = facts.group != NONE && !apart[facts.group as usize];
            if all { facts.group } else { row(apart.len()) + class[b] }
        };
        let givers: Vec<u32> = (0..problem.brokers.len()).map(givers).collect();
        let (sizes, traffic) = rayon::join(
            || Order::new(problem, &givers, |facts| facts.copy_bytes),
            || Order::new(problem, &givers, network_in),
        );
        Self { receivers, classes, class, givers, sizes, traffic }
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

    /// All that may give what `broker` is to receive.
    pub(super) fn givers_to(&self, broker: u32) -> Source {
        Source::Givers(self.givers[broker as usize])
    }

    /// A replica that goals may move and that sits in the snapshot where `from` says, which could do what `slot` does: three
    /// times of four one near it in size and rather smaller, else one that is written about as much. None where the list
    /// ends first.
    pub(super) fn stand_in(&self, problem: &Problem<'_>, rng: &mut Pcg64Mcg, slot: u32, from: Source) -> Option<u32> {
        let facts = &problem.partitions[problem.slot_partition[slot as usize] as usize];
        if below(rng, 4) > 0 {
            near(rng, self.sizes.of(from), facts.copy_bytes, 1)
        } else {
            // Where the bytes written decide, what is written alike may well be smaller, be it written a little more or less.
            near(rng, self.traffic.of(from), network_in(facts), 2)
        }
    }
}

fn network_in(facts: &PartitionFacts) -> f64 {
    facts.traffic.network_in
}

/// Replicas in the snapshot that goals may move, in the order of one figure: figure and slot, ascending. What is near in
/// single precision is near enough, in half the memory.
struct Order {
    of_broker: Vec<Vec<(f32, u32)>>,
    of_givers: Vec<Vec<(f32, u32)>>,
}

impl Order {
    fn new(problem: &Problem<'_>, givers: &[u32], figure: impl Fn(&PartitionFacts) -> f64) -> Self {
        let mut of_broker = vec![Vec::new(); problem.brokers.len()];
        for slot in (0..row(problem.home_broker.len())).filter(|&s| is_free(problem, s)) {
            let facts = &problem.partitions[problem.slot_partition[slot as usize] as usize];
            of_broker[problem.home_broker[slot as usize] as usize].push((figure(facts) as f32, slot));
        }
        let mut of_givers = vec![Vec::new(); givers.iter().max().map_or(0, |last| *last as usize + 1)];
        for (b, list) in of_broker.iter_mut().enumerate() {
            sort(list);
            of_givers[givers[b] as usize].extend_from_slice(list);
        }
        of_givers.iter_mut().for_each(|list| sort(list));
        Self { of_broker, of_givers }
    }

    fn of(&self, from: Source) -> &[(f32, u32)] {
        match from {
            Source::Broker(broker) => &self.of_broker[broker as usize],
            Source::Givers(number) => &self.of_givers[number as usize],
        }
    }
}

fn sort(list: &mut [(f32, u32)]) {
    list.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
}

/// One of `list` near `figure`, `quarters` of four above it, else below; each doubling of the distance in the list is as
/// likely as the one before.
fn near(rng: &mut Pcg64Mcg, list: &[(f32, u32)], figure: f64, quarters: u64) -> Option<u32> {
    let place = list.partition_point(|&(other, _)| other < figure as f32);
    let doublings = below(rng, u64::from(usize::BITS - list.len().leading_zeros()).max(1));
    let distance = 1 + below(rng, 1 << doublings) as usize;
    let there = if below(rng, 4) < quarters { place + distance } else { place.checked_sub(distance)? };
    list.get(there).map(|&(_, slot)| slot)
}
