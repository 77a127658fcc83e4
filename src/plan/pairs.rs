//! With how many others each broker shares partitions, kept step by step: the goal `scatter_width`, off by
//! default, while batches are put together and places are compared.
//!
//! Input: the brokers of each partition, then what becomes of one's. Output: the excess that the change would add, and all
//! of it. The formula is the judge's. Memory grows with the square of the brokers, none where the goal is off.

use crate::model::{BrokerIdx, Goal, Groups, PartitionIdx, Policy, Snapshot};
use crate::verify::assess::band_brokers;

/// Partitions by pair of brokers, and each broker's others.
pub(super) struct Pairs {
    /// The most others; 0 where the goal is off.
    limit: f64,
    brokers: usize,
    /// A row per broker: partitions that it shares with each.
    shared: Vec<u32>,
    widths: Vec<u32>,
    /// By broker: whether it is judged.
    judged: Vec<bool>,
}

impl Pairs {
    /// The brokers of each partition as `hosts` names them.
    pub(super) fn new(
        snapshot: &Snapshot,
        policy: &Policy,
        groups: &Groups,
        hosts: impl Fn(PartitionIdx) -> Vec<BrokerIdx>,
    ) -> Self {
        let brokers = if policy.bands.is_on(Goal::ScatterWidth) { snapshot.brokers.len() } else { 0 };
        let mut pairs = Self {
            limit: if brokers > 0 { policy.bands.scatter_width } else { 0.0 },
            brokers,
            shared: vec![0; brokers * brokers],
            widths: vec![0; brokers],
            judged: vec![false; brokers],
        };
        if !pairs.is_on() {
            return pairs;
        }
        for group in 0..groups.names().len() {
            band_brokers(snapshot, groups, group).iter().for_each(|b| pairs.judged[b.row()] = true);
        }
        snapshot.partition_indices().for_each(|p| pairs.add(&[], &hosts(p)));
        pairs
    }

    /// Whether the policy gives a limit.
    pub(super) fn is_on(&self) -> bool {
        self.limit > 0.0
    }

    /// How many others `broker` shares partitions with; 0 where the goal is off.
    pub(super) fn width(&self, broker: BrokerIdx) -> u32 {
        self.widths.get(broker.row()).copied().unwrap_or(0)
    }

    /// What a partition's going from the brokers `old` to `new` would add to the excess.
    pub(super) fn change(&self, old: &[BrokerIdx], new: &[BrokerIdx]) -> f64 {
        if !self.is_on() {
            return 0.0;
        }
        let mut widths: Vec<(BrokerIdx, i64)> = Vec::new();
        for ((a, b), change) in net(old, new) {
            let count = i64::from(self.shared[a.row() * self.brokers + b.row()]);
            let more = i64::from(count + change > 0) - i64::from(count > 0);
            for broker in [a, b] {
                match widths.iter_mut().find(|(known, _)| *known == broker) {
                    Some((_, sum)) => *sum += more,
                    None => widths.push((broker, more)),
                }
            }
        }
        let beyond = |broker: BrokerIdx, more: i64| self.beyond(broker, i64::from(self.width(broker)) + more);
        widths.into_iter().map(|(broker, more)| beyond(broker, more) - beyond(broker, 0)).sum()
    }

    /// Carries that out.
    pub(super) fn add(&mut self, old: &[BrokerIdx], new: &[BrokerIdx]) {
        if !self.is_on() {
            return;
        }
        for ((a, b), change) in net(old, new) {
            for (a, b) in [(a, b), (b, a)] {
                let count = &mut self.shared[a.row() * self.brokers + b.row()];
                let before = *count;
                *count = u32::try_from(i64::from(before) + change).unwrap_or(0);
                let width = &mut self.widths[a.row()];
                *width = (*width + u32::from(*count > 0)).saturating_sub(u32::from(before > 0));
            }
        }
    }

    /// Summed over all judged brokers.
    pub(super) fn excess(&self) -> f64 {
        let brokers = (0..self.brokers).map(BrokerIdx::new);
        brokers.map(|broker| self.beyond(broker, i64::from(self.width(broker)))).sum()
    }

    fn beyond(&self, broker: BrokerIdx, width: i64) -> f64 {
        let width = width as f64;
        if self.judged[broker.row()] && width > self.limit { (width - self.limit) / self.limit } else { 0.0 }
    }
}

/// The pairs that a partition makes on other brokers than before, each once, and how many more or fewer.
fn net(old: &[BrokerIdx], new: &[BrokerIdx]) -> Vec<((BrokerIdx, BrokerIdx), i64)> {
    let mut net: Vec<((BrokerIdx, BrokerIdx), i64)> = Vec::new();
    if old == new {
        return net;
    }
    for (hosts, sign) in [(old, -1), (new, 1)] {
        for pair in pairs(hosts) {
            match net.iter_mut().find(|(known, _)| *known == pair) {
                Some((_, sum)) => *sum += sign,
                None => net.push((pair, sign)),
            }
        }
    }
    net.retain(|(_, change)| *change != 0);
    net
}

/// Every two different brokers of a partition, the lesser first, each pair once.
fn pairs(hosts: &[BrokerIdx]) -> Vec<(BrokerIdx, BrokerIdx)> {
    let mut hosts = hosts.to_vec();
    hosts.sort_unstable();
    hosts.dedup();
    let pairs = hosts.iter().enumerate().flat_map(|(i, a)| hosts[i + 1..].iter().map(|b| (*a, *b)));
    pairs.collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::ingest::{SynthSpec, synthesize};
    use crate::model::Placement;
    use crate::verify::assess;

    /// A cluster of nine brokers, and the excess of scatter widths that the judge finds in a placement of it.
    fn cluster() -> (Snapshot, Policy) {
        let spec = SynthSpec { brokers: 9, partitions: 30, racks: 3, drift: 0.5, seed: 3, ..SynthSpec::default() };
        let mut policy = Policy::default();
        policy.bands.scatter_width = 3.0;
        (synthesize(&spec).unwrap(), policy)
    }

    fn judged(snapshot: &Snapshot, policy: &Policy, placement: &Placement) -> f64 {
        let balance = assess(snapshot, policy, placement).balance;
        balance.values().filter_map(|goals| goals.get(&Goal::ScatterWidth)).map(|b| b.excess).sum()
    }

    fn hosts(placement: &Placement, p: PartitionIdx) -> Vec<BrokerIdx> {
        placement.seats(p).iter().map(|seat| seat.broker).collect()
    }

    #[test]
    fn changes_add_up_to_what_the_judge_counts() {
        let (snapshot, policy) = cluster();
        let groups = Groups::new(&snapshot, &policy);
        let mut placement = Placement::of(&snapshot);
        let mut pairs = Pairs::new(&snapshot, &policy, &groups, |p| hosts(&placement, p));
        let mut excess = judged(&snapshot, &policy, &placement);
        assert!(excess > 0.0 && (pairs.excess() - excess).abs() < 1e-9);
        for p in snapshot.partition_indices() {
            let old = hosts(&placement, p);
            for seat in placement.seats_mut(p) {
                seat.broker = BrokerIdx::new((seat.broker.row() + 3 * p.row()) % 9);
            }
            let new = hosts(&placement, p);
            excess += pairs.change(&old, &new);
            pairs.add(&old, &new);
            let counted = judged(&snapshot, &policy, &placement);
            assert!((excess - counted).abs() < 1e-9 && (pairs.excess() - counted).abs() < 1e-9, "{p:?}");
        }
    }

    #[test]
    fn a_policy_without_a_limit_counts_nothing() {
        let (snapshot, _) = cluster();
        let policy = Policy::default();
        let pairs = Pairs::new(&snapshot, &policy, &Groups::new(&snapshot, &policy), |_| Vec::new());
        let all: Vec<BrokerIdx> = snapshot.broker_indices().collect();
        assert_eq!((pairs.change(&[], &all), pairs.excess(), pairs.shared.len()), (0.0, 0.0, 0));
    }
}
