//! The fullest brokers and log dirs. Input: a snapshot and the judge's usage. Output: at most [`PER_GOAL`] per goal.

use std::cmp::Reverse;

use crate::model::{BrokerIdx, Goal, LogDirIdx, Policy, Snapshot};
use crate::verify::Usage;

/// How many are named per goal: the next ones are seldom what hurts first, and the text stays a screen high.
pub const PER_GOAL: usize = 3;

/// A broker or log dir that is among the fullest of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct HotSpot {
    /// What is used.
    pub goal: Goal,
    /// The broker.
    pub broker: BrokerIdx,
    /// The log dir, for [`Goal::LogDir`].
    pub log_dir: Option<LogDirIdx>,
    /// Used share of the capacity.
    pub value: f64,
    /// The hard limit of that share.
    pub limit: f64,
}

/// The hard limit of a goal's utilization; none for counts and topic spread.
#[must_use]
pub fn limit_of(policy: &Policy, goal: Goal) -> Option<f64> {
    let limits = &policy.limits;
    match goal {
        Goal::Disk => Some(limits.disk),
        Goal::NetworkIn => Some(limits.network_in),
        Goal::NetworkOut => Some(limits.network_out),
        Goal::Cpu => Some(limits.cpu),
        Goal::LogDir => Some(limits.log_dir),
        Goal::Replicas
        | Goal::Leaders
        | Goal::TopicSpread
        | Goal::DiskWrites
        | Goal::LogDirWrites
        | Goal::LeadersPerTopic
        | Goal::ScatterWidth => None,
    }
}

/// The fullest active brokers and their serving log dirs by goal, fullest first; what has no known capacity is absent.
#[must_use]
pub fn hot_spots(snapshot: &Snapshot, policy: &Policy, usage: &Usage) -> Vec<HotSpot> {
    let mut all = Vec::new();
    for goal in Goal::ALL {
        let Some(limit) = limit_of(policy, goal) else { continue };
        let spot = |broker, log_dir, value: f64| HotSpot { goal, broker, log_dir, value, limit };
        let active = snapshot.broker_indices().filter(|&b| snapshot.broker(b).state.is_active());
        let mut spots: Vec<HotSpot> = if goal == Goal::LogDir {
            let dirs = active.flat_map(|b| snapshot.broker(b).log_dir_rows()).map(LogDirIdx::new);
            let serving = dirs.filter(|&d| snapshot.log_dir(d).state.is_serving());
            let used = serving.filter_map(|d| usage.log_dir_utilization(snapshot, d).map(|share| (d, share)));
            used.map(|(d, share)| spot(snapshot.log_dir(d).broker, Some(d), share)).collect()
        } else {
            active.filter_map(|b| usage.utilization(snapshot, b, goal).map(|share| spot(b, None, share))).collect()
        };
        spots.retain(|spot| spot.value > 0.0);
        spots.sort_by(|a, b| b.value.total_cmp(&a.value).then(a.broker.cmp(&b.broker)).then(a.log_dir.cmp(&b.log_dir)));
        spots.truncate(PER_GOAL);
        all.extend(spots);
    }
    all
}

/// Active brokers with 4,000 replicas or more, most replicas first: from there on contract §3 wants a warning, and KIP-578
/// names that number as the most that a broker should host.
#[must_use]
pub fn crowded(snapshot: &Snapshot, usage: &Usage) -> Vec<(BrokerIdx, u64)> {
    const WARNING_REPLICAS: u64 = 4_000;
    let active = snapshot.broker_indices().filter(|&b| snapshot.broker(b).state.is_active());
    let counted = active.map(|b| (b, usage.load(b, Goal::Replicas).unwrap_or(0.0) as u64));
    let mut crowded: Vec<(BrokerIdx, u64)> = counted.filter(|(_, replicas)| *replicas >= WARNING_REPLICAS).collect();
    crowded.sort_by_key(|(broker, replicas)| (Reverse(*replicas), *broker));
    crowded
}
