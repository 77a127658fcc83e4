//! The goals on a partition's brokers, before and after a plan: loads, and where a policy wants them, leaders of the topic
//! and scatter widths.

use super::{Ends, GoalOnBroker, hosts};
use crate::model::load::has_serving_log_dir;
use crate::model::{BrokerIdx, Goal, Groups, PartitionIdx, Placement, Policy, Snapshot, band};
use crate::plan::pairs::Pairs;
use crate::verify::Usage;
use crate::verify::assess::{GoalFigures, band_brokers, goal_figures};

/// Every goal that compares brokers, on each broker that hosts the partition before or after; by broker, then goal.
pub(super) fn on_hosts(
    snapshot: &Snapshot,
    policy: &Policy,
    groups: &Groups,
    usages: (&Usage, &Usage),
    ends: Ends<'_>,
) -> Vec<GoalOnBroker> {
    let hosts = hosts(ends);
    let mut all = Vec::new();
    for group in 0..groups.names().len() {
        let brokers = band_brokers(snapshot, groups, group);
        if !brokers.iter().any(|b| hosts.contains(b)) {
            continue;
        }
        for goal in Goal::BROKER {
            let of = |usage| goal_figures(snapshot, policy, usage, &brokers, goal);
            if let (Some(old), Some(new)) = (of(usages.0), of(usages.1)) {
                compare(goal, &brokers, (&old, &new), &hosts, &mut all);
            }
        }
        scatter_widths(snapshot, policy, groups, &brokers, ends, &hosts, &mut all);
    }
    topic_leaders(snapshot, policy, groups, ends, &hosts, &mut all);
    all.sort_by_key(|g| (g.broker, g.goal));
    all
}

/// The figures of `goal` for those of `brokers` that are hosts.
fn compare(
    goal: Goal,
    brokers: &[BrokerIdx],
    (old, new): (&GoalFigures, &GoalFigures),
    hosts: &[BrokerIdx],
    all: &mut Vec<GoalOnBroker>,
) {
    for (row, &broker) in brokers.iter().enumerate().filter(|(_, b)| hosts.contains(b)) {
        all.push(GoalOnBroker {
            broker,
            goal,
            before: old.values[row],
            after: new.values[row],
            mean: new.mean,
            band: new.band,
            outside_before: band::distance(old.values[row], old.band) > 0.0,
            outside_after: band::distance(new.values[row], new.band) > 0.0,
        });
    }
}

/// Counts on `brokers` as figures of a goal that has an upper limit alone.
fn limited(values: Vec<f64>, mean: f64, limit: f64) -> GoalFigures {
    GoalFigures { mean, band: (0.0, limit), values }
}

/// With how many others each host shares partitions, where the policy limits that.
fn scatter_widths(
    snapshot: &Snapshot,
    policy: &Policy,
    groups: &Groups,
    brokers: &[BrokerIdx],
    (_, before, after): Ends<'_>,
    hosts: &[BrokerIdx],
    all: &mut Vec<GoalOnBroker>,
) {
    if !policy.bands.is_on(Goal::ScatterWidth) {
        return;
    }
    let figures = |placement: &Placement| {
        let hosts = |p: PartitionIdx| placement.seats(p).iter().map(|s| s.broker).collect();
        let pairs = Pairs::new(snapshot, policy, groups, hosts);
        let widths: Vec<f64> = brokers.iter().map(|b| f64::from(pairs.width(*b))).collect();
        let mean = widths.iter().sum::<f64>() / widths.len().max(1) as f64;
        limited(widths, mean, policy.bands.scatter_width)
    };
    compare(Goal::ScatterWidth, brokers, (&figures(before), &figures(after)), hosts, all);
}

/// Leaders of the partition's topic on each host that may have its replicas, where the policy limits that.
fn topic_leaders(
    snapshot: &Snapshot,
    policy: &Policy,
    groups: &Groups,
    (partition, before, after): Ends<'_>,
    hosts: &[BrokerIdx],
    all: &mut Vec<GoalOnBroker>,
) {
    if !policy.bands.is_on(Goal::LeadersPerTopic) {
        return;
    }
    let topic = snapshot.partition(partition).topic;
    let eligible = groups.eligible(snapshot, groups.home(topic));
    let judged: Vec<BrokerIdx> = eligible.iter().copied().filter(|b| has_serving_log_dir(snapshot, *b)).collect();
    let figures = |placement: &Placement| {
        let partitions = snapshot.topic(topic).partition_rows().map(PartitionIdx::new);
        let leaders: Vec<BrokerIdx> = partitions.filter_map(|p| placement.leader(p)).collect();
        let limit = band::leaders_per_topic(leaders.len() as u64, eligible.len(), &policy.bands);
        let led = |b: &BrokerIdx| leaders.iter().filter(|leader| *leader == b).count() as f64;
        limited(judged.iter().map(led).collect(), leaders.len() as f64 / eligible.len().max(1) as f64, limit as f64)
    };
    compare(Goal::LeadersPerTopic, &judged, (&figures(before), &figures(after)), hosts, all);
}
