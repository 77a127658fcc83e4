//! In which order brokers can leave, so that what is left after k of them is a subset of what is left after fewer: a
//! placement on fewer brokers is valid on more, which makes the question how many can go one of bisection.

use std::collections::{BTreeMap, BTreeSet};

use super::cost::price_hour;
use super::demand::{Demand, carriers};
use crate::ingest::catalogue::Catalogue;
use crate::model::{BrokerIdx, Groups, Home, Placement, RackIdx, Snapshot};
use crate::verify::Usage;

/// The brokers that a group must keep whatever they carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// As many as the highest replication factor, and two, so that one may be lost.
    pub brokers: usize,
    /// As many racks as the highest replication factor, or as there are.
    pub racks: usize,
}

impl Floor {
    /// What `demand` asks of a group whose brokers are in `racks` racks.
    #[must_use]
    pub fn of(demand: &Demand, racks: usize) -> Self {
        Self { brokers: demand.max_replication.max(2), racks: demand.max_replication.min(racks) }
    }
}

/// The brokers of `group` in the order in which they leave, down to [`Floor`]: from the rack that has the most of the
/// group's brokers (the first by name), there the one with the least resident bytes, then the dearest by the hour, then
/// the highest id.
#[must_use]
pub fn removal_order(snapshot: &Snapshot, groups: &Groups, group: usize, catalogue: &Catalogue) -> Vec<BrokerIdx> {
    let demand = Demand::of(snapshot, groups, group);
    let mut left = carriers(snapshot, groups, group);
    let floor = Floor::of(&demand, racks(snapshot, &left).len());
    let usage = Usage::of(snapshot, &Placement::of(snapshot));
    let price = |b: BrokerIdx| price_hour(catalogue, snapshot.broker(b).machine_model.as_deref()).map_or(0.0, |p| p.0);
    let bytes = |b: BrokerIdx| usage.load(b, crate::model::Goal::Disk).unwrap_or(0.0);
    let mut order = Vec::new();
    while left.len() > floor.brokers {
        let counts = racks(snapshot, &left);
        let may_empty = counts.len() > floor.racks;
        let rack_of = |b: BrokerIdx| snapshot.broker(b).rack;
        let crowd = |b: BrokerIdx| rack_of(b).and_then(|rack| counts.get(&rack)).copied();
        // Where only some brokers are in racks, the others receive nothing and are spared last.
        let candidates = left.iter().copied().filter(|&b| crowd(b).is_none_or(|n| n > 1 || may_empty));
        let next = candidates.min_by(|&a, &b| {
            let rank = |b: BrokerIdx| (std::cmp::Reverse(crowd(b)), rack_of(b));
            let by_rack = rank(a).cmp(&rank(b));
            let by_bytes = || bytes(a).total_cmp(&bytes(b));
            by_rack.then_with(by_bytes).then_with(|| price(b).total_cmp(&price(a))).then_with(|| b.cmp(&a))
        });
        let Some(next) = next else { break };
        left.retain(|&b| b != next);
        order.push(next);
    }
    order
}

/// How many of `brokers` are in each rack.
#[must_use]
pub fn racks(snapshot: &Snapshot, brokers: &[BrokerIdx]) -> BTreeMap<RackIdx, usize> {
    let mut counts = BTreeMap::new();
    for rack in brokers.iter().filter_map(|&b| snapshot.broker(b).rack) {
        *counts.entry(rack).or_insert(0) += 1;
    }
    counts
}

/// Why the brokers `ids` cannot leave `snapshot`: unknown or not in service, or too few brokers or racks left for the
/// replication factors of some group's topics. Empty where they can, as far as can be said before planning.
#[must_use]
pub fn objections(snapshot: &Snapshot, groups: &Groups, ids: &BTreeSet<i32>) -> Vec<String> {
    let mut found = Vec::new();
    for &id in ids {
        match snapshot.broker_by_id(id).map(|b| snapshot.broker(b).state) {
            None => found.push(format!("broker {id} is not in the snapshot")),
            Some(state) if state.is_active() || state == crate::model::BrokerState::Draining => {}
            Some(crate::model::BrokerState::Down) => found.push(format!(
                "broker {id} is down: what it holds cannot be moved; bring it back, or declare it dead and rebalance"
            )),
            Some(_) => {
                found.push(format!("broker {id} is dead: it is gone already, and rebalance replaces what it held"))
            }
        }
    }
    for home in groups.homes() {
        let most = snapshot.partition_indices().map(|p| snapshot.partition(p));
        let of_home = most.filter(|p| groups.home(p.topic) == home);
        let Some(largest) = of_home.max_by_key(|p| p.replica_count) else { continue };
        let replication = largest.replica_count as usize;
        let before = groups.eligible(snapshot, home);
        let after: Vec<BrokerIdx> = before.iter().copied().filter(|&b| !ids.contains(&snapshot.broker(b).id)).collect();
        if after.len() == before.len() {
            continue;
        }
        let (name, topic) = (group_in_words(groups, home), &snapshot.topic(largest.topic).name);
        if after.len() < replication {
            found.push(format!(
                "{name} would have {} of {} brokers left, and topic {topic} has {replication} replicas",
                after.len(),
                before.len()
            ));
            continue;
        }
        let (old, new) = (racks(snapshot, &before).len(), racks(snapshot, &after).len());
        if new < replication.min(old) {
            found.push(format!(
                "{name} would have brokers in {new} of {old} racks left, and topic {topic} has {replication} replicas"
            ));
        }
    }
    found
}

fn group_in_words(groups: &Groups, home: Home) -> String {
    format!("group {}", groups.home_name(home))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerState, LogDirState, Policy};

    /// Brokers (id, rack, bytes); one topic with a partition of `replication` on the first ones and one per broker.
    fn cluster(brokers: &[(i32, &str, u64)], replication: usize) -> Snapshot {
        let mut fixture = Fixture::default();
        for &(id, rack, _) in brokers {
            fixture = fixture.broker(id, rack, "", BrokerState::Alive).dir(id, "/d", 1000, LogDirState::Online, 0);
        }
        for (row, &(id, _, bytes)) in brokers.iter().enumerate() {
            fixture = fixture.partition(("own", row as u32), id, (0.0, 0.0), &[(id, "/d", bytes, true)]);
        }
        let spread: Vec<(i32, &str, u64, bool)> =
            brokers.iter().take(replication).map(|&(id, ..)| (id, "/d", 0, true)).collect();
        fixture.partition(("spread", 0), spread[0].0, (0.0, 0.0), &spread).build()
    }

    fn order(snapshot: &Snapshot) -> Vec<i32> {
        let groups = Groups::new(snapshot, &Policy::default());
        let order = removal_order(snapshot, &groups, 0, &Catalogue::builtin());
        order.into_iter().map(|b| snapshot.broker(b).id).collect()
    }

    #[test]
    fn the_fullest_rack_gives_first_then_the_emptiest_broker_then_the_dearest() {
        let mut snapshot = cluster(&[(1, "a", 9), (2, "a", 5), (3, "a", 5), (4, "b", 1), (5, "b", 7), (6, "c", 0)], 2);
        // Rack a has three: of 2 and 3, equally full, the dearer one goes; then a and b are level, a is first by name.
        snapshot.brokers[1].machine_model = Some("m7g.large".to_owned());
        snapshot.brokers[2].machine_model = Some("i3en.6xlarge".to_owned());
        assert_eq!(order(&snapshot), [3, 2, 4, 1], "down to two racks and two brokers");
    }

    #[test]
    fn as_many_brokers_and_racks_stay_as_replicas_need() {
        assert_eq!(order(&cluster(&[(1, "a", 1), (2, "a", 2), (3, "b", 3), (4, "c", 4)], 3)), [1]);
        assert_eq!(order(&cluster(&[(1, "", 3), (2, "", 2), (3, "", 1)], 1)), [3], "two stay, so that one may be lost");
        assert_eq!(order(&cluster(&[(1, "a", 3), (2, "b", 2)], 2)), Vec::<i32>::new());
    }

    #[test]
    fn removals_below_the_replication_factor_or_its_racks_are_objected_to() {
        let snapshot = cluster(&[(1, "a", 1), (2, "a", 2), (3, "b", 3), (4, "c", 4)], 3);
        let groups = Groups::new(&snapshot, &Policy::default());
        let said = |ids: &[i32]| objections(&snapshot, &groups, &ids.iter().copied().collect());
        assert_eq!(said(&[1]), Vec::<String>::new());
        assert_eq!(
            said(&[3]),
            ["group default would have brokers in 2 of 3 racks left, and topic spread has 3 replicas"]
        );
        assert_eq!(said(&[1, 2]), ["group default would have 2 of 4 brokers left, and topic spread has 3 replicas"]);
        assert_eq!(said(&[1, 8]), ["broker 8 is not in the snapshot"]);
        let mut gone = snapshot.clone();
        gone.brokers[0].state = BrokerState::Down;
        assert!(objections(&gone, &groups, &BTreeSet::from([1])).iter().any(|o| o.contains("is down")));
    }
}
