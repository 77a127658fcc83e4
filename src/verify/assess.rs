//! The judge: broken rules and bands of any placement (contract §3), counted anew from the snapshot.

use std::collections::BTreeMap;

use super::hard;
use super::shared::{GroupBalance, leaders_per_topic, log_dir_writes, scatter_width, topic_spread};
use super::usage::Usage;
use crate::model::band;
use crate::model::load::{capacity, has_serving_log_dir};
use crate::model::{
    Assessment, BrokerIdx, Goal, GoalBalance, Groups, Home, Imbalance, Placement, Policy, Range, Snapshot,
};

/// Judges `placement`, a state of `snapshot`'s cluster, under `policy`.
#[must_use]
pub fn assess(snapshot: &Snapshot, policy: &Policy, placement: &Placement) -> Assessment {
    let groups = Groups::new(snapshot, policy);
    let usage = Usage::of(snapshot, placement);
    let mut by_seats = topic_spread(snapshot, policy, &groups, placement);
    by_seats.extend(scatter_width(snapshot, policy, &groups, placement));
    by_seats.extend(log_dir_writes(snapshot, policy, &groups, &usage));
    let balance_with = |usage: &Usage, placement: &Placement| {
        let mut others = leaders_per_topic(snapshot, policy, &groups, placement);
        others.extend(by_seats.iter().cloned());
        balance(snapshot, policy, &groups, usage, others)
    };
    let balance = balance_with(&usage, placement);
    let preferred = placement.with_preferred_leaders();
    let if_preferred = imbalance(&balance_with(&Usage::of(snapshot, &preferred), &preferred));
    Assessment {
        hard: hard::violations(snapshot, policy, &groups, placement, &usage),
        imbalance: imbalance(&balance),
        if_preferred,
        balance,
    }
}

/// The brokers whose loads a group's goals compare: active, of the group, with a serving log dir.
#[must_use]
pub fn band_brokers(snapshot: &Snapshot, groups: &Groups, group: usize) -> Vec<BrokerIdx> {
    let mut brokers = groups.eligible(snapshot, Home::Group(group));
    brokers.retain(|&b| has_serving_log_dir(snapshot, b));
    brokers
}

/// The band of `goal` over `brokers` and each one's figure in it: utilizations where every broker's capacity is known,
/// else loads; counts for counts. None where nothing can be compared.
#[must_use]
pub fn goal_figures(
    snapshot: &Snapshot,
    policy: &Policy,
    usage: &Usage,
    brokers: &[BrokerIdx],
    goal: Goal,
) -> Option<GoalFigures> {
    if brokers.is_empty() || !policy.bands.is_on(goal) || (goal == Goal::Cpu && !usage.has_cpu) {
        return None;
    }
    let loads: Vec<f64> = brokers.iter().map(|&b| usage.load(b, goal)).collect::<Option<_>>()?;
    let total: f64 = loads.iter().sum();
    let share = policy.bands.of(goal);
    if goal.is_count() {
        let (low, high) = band::count(total as u64, brokers.len(), share);
        let mean = total / brokers.len() as f64;
        return Some(GoalFigures { mean, band: (low as f64, high as f64), values: loads });
    }
    let capacities: Option<Vec<f64>> = brokers.iter().map(|&b| capacity(snapshot, b, goal)).collect();
    let (mean, values) = match capacities {
        Some(capacities) => {
            let mean = total / capacities.iter().sum::<f64>();
            (mean, loads.iter().zip(&capacities).map(|(load, capacity)| load / capacity).collect())
        }
        None => (total / brokers.len() as f64, loads),
    };
    Some(GoalFigures { mean, band: band::utilization(mean, share), values })
}

/// How brokers stand towards one goal.
#[derive(Clone, Debug, PartialEq)]
pub struct GoalFigures {
    /// Σ load ÷ Σ capacity, or the mean load or count.
    pub mean: f64,
    /// Lowest and highest value inside.
    pub band: (f64, f64),
    /// One per broker, in the order asked for.
    pub values: Vec<f64>,
}

impl GoalFigures {
    fn balance(&self) -> GoalBalance {
        let distances = self.values.iter().map(|&v| band::distance(v, self.band));
        let (outside, distance) = distances.filter(|&d| d > 0.0).fold((0, 0.0), |(count, sum), d| (count + 1, sum + d));
        GoalBalance {
            range: Some(Range {
                mean: self.mean,
                min: self.values.iter().copied().fold(f64::INFINITY, f64::min),
                max: self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            }),
            outside,
            excess: if self.mean > 0.0 { distance / self.mean } else { 0.0 },
        }
    }
}

/// Excess of every goal that loads decide: not of what topics or sets of brokers have.
pub(super) fn load_excess(snapshot: &Snapshot, policy: &Policy, groups: &Groups, usage: &Usage) -> f64 {
    imbalance(&balance(snapshot, policy, groups, usage, Vec::new())).excess
}

fn balance(
    snapshot: &Snapshot,
    policy: &Policy,
    groups: &Groups,
    usage: &Usage,
    others: Vec<GroupBalance>,
) -> BTreeMap<String, BTreeMap<Goal, GoalBalance>> {
    let mut all: BTreeMap<String, BTreeMap<Goal, GoalBalance>> = BTreeMap::new();
    for (group, name) in groups.names().iter().enumerate() {
        let brokers = band_brokers(snapshot, groups, group);
        if brokers.is_empty() {
            continue;
        }
        let mut goals = BTreeMap::new();
        for goal in Goal::BROKER {
            if let Some(figures) = goal_figures(snapshot, policy, usage, &brokers, goal) {
                goals.insert(goal, figures.balance());
            }
        }
        if policy.bands.is_on(Goal::LogDir) {
            goals.insert(Goal::LogDir, log_dirs(snapshot, policy, usage, &brokers));
        }
        all.insert(name.clone(), goals);
    }
    for (name, goal, balance) in others {
        all.entry(name).or_default().insert(goal, balance);
    }
    all
}

fn imbalance(balance: &BTreeMap<String, BTreeMap<Goal, GoalBalance>>) -> Imbalance {
    let mut total = Imbalance::default();
    for goal in balance.values().flat_map(BTreeMap::values) {
        total.outside += goal.outside;
        total.excess += goal.excess;
    }
    total
}

fn log_dirs(snapshot: &Snapshot, policy: &Policy, usage: &Usage, brokers: &[BrokerIdx]) -> GoalBalance {
    let mut result = GoalBalance::default();
    for &broker in brokers {
        let Some((mean, utilizations)) = log_dir_utilizations(snapshot, usage, broker) else { continue };
        let limit = band::log_dir(mean, &policy.bands);
        for (_, utilization) in utilizations {
            if band::exceeds(utilization, limit) {
                result.outside += 1;
                result.excess += if mean > 0.0 { (utilization - limit) / mean } else { 0.0 };
            }
        }
    }
    result
}

/// The mean utilization of a broker's serving log dirs and each one's row and own; none where a capacity is missing.
#[must_use]
pub fn log_dir_utilizations(snapshot: &Snapshot, usage: &Usage, broker: BrokerIdx) -> Option<(f64, Vec<(usize, f64)>)> {
    let (mut bytes, mut capacity_bytes, mut utilizations) = (0, 0, Vec::new());
    for row in snapshot.broker(broker).log_dir_rows() {
        let dir = &snapshot.log_dirs[row];
        if dir.state.is_serving() {
            let capacity = dir.capacity_bytes?;
            bytes += usage.log_dir_bytes[row];
            capacity_bytes += capacity;
            utilizations.push((row, usage.log_dir_bytes[row] as f64 / capacity as f64));
        }
    }
    (capacity_bytes > 0).then(|| (bytes as f64 / capacity_bytes as f64, utilizations))
}
