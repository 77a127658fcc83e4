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
