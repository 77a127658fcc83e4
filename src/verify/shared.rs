//! The goals that are not about one broker's load: replicas and leaders of a topic on a broker, with whom a broker shares
//! partitions, and what its log dirs write.

use super::assess::band_brokers;
use super::usage::Usage;
use crate::model::load::has_serving_log_dir;
use crate::model::{
    Bands, BrokerIdx, Goal, GoalBalance, Groups, Home, PartitionIdx, Placement, Policy, Range, Snapshot, TopicIdx, band,
};

/// A group's name, a goal and how they stand.
pub(super) type GroupBalance = (String, Goal, GoalBalance);

/// Replicas of each topic on each broker; independent of who leads.
pub(super) fn topic_spread(
    snapshot: &Snapshot,
    policy: &Policy,
    groups: &Groups,
    placement: &Placement,
) -> Vec<GroupBalance> {
    let hosts = |p, found: &mut Vec<BrokerIdx>| found.extend(placement.seats(p).iter().map(|seat| seat.broker));
    per_topic(snapshot, policy, groups, (Goal::TopicSpread, band::topic_spread), hosts)
}

/// Leaders of each topic on each broker.
pub(super) fn leaders_per_topic(
    snapshot: &Snapshot,
    policy: &Policy,
    groups: &Groups,
    placement: &Placement,
) -> Vec<GroupBalance> {
    let leader = |p, found: &mut Vec<BrokerIdx>| found.extend(placement.leader(p));
    per_topic(snapshot, policy, groups, (Goal::LeadersPerTopic, band::leaders_per_topic), leader)
}

/// The most of a topic on one broker: of so many in all, on so many eligible brokers.
pub(super) type Limit = fn(u64, usize, &Bands) -> u64;

/// How many of what `count` names of a topic's partitions are on one broker, against the goal's limit.
fn per_topic(
    snapshot: &Snapshot,
    policy: &Policy,
    groups: &Groups,
    (goal, limit): (Goal, Limit),
    count: impl Fn(PartitionIdx, &mut Vec<BrokerIdx>),
) -> Vec<GroupBalance> {
    if !policy.bands.is_on(goal) {
        return Vec::new();
    }
    let homes = groups.homes().into_iter().map(|home| (home, groups.eligible(snapshot, home)));
    let homes: Vec<_> = homes.collect();
    let is_reported = |eligible: &[BrokerIdx]| eligible.iter().any(|&b| has_serving_log_dir(snapshot, b));
    let mut result: Vec<Option<GoalBalance>> =
        homes.iter().map(|(_, eligible)| is_reported(eligible).then(GoalBalance::default)).collect();
    let mut counts = vec![0_u64; snapshot.brokers.len()];
    let mut hosts = Vec::new();
    for (row, topic) in snapshot.topics.iter().enumerate() {
        let home = groups.home(TopicIdx::new(row));
        let Some(slot) = homes.iter().position(|(known, _)| *known == home) else { continue };
        let Some(balance) = &mut result[slot] else { continue };
        hosts.clear();
        topic.partition_rows().for_each(|p| count(PartitionIdx::new(p), &mut hosts));
        hosts.iter().for_each(|b| counts[b.row()] += 1);
        let limit = limit(hosts.len() as u64, homes[slot].1.len(), &policy.bands);
        for &broker in &hosts {
            // Taken once: the broker's next one finds nothing.
            let count = std::mem::take(&mut counts[broker.row()]);
            if let Some(excess) = beyond(snapshot, groups, home, (broker, count), limit) {
                balance.outside += 1;
                balance.excess += excess;
            }
        }
    }
    let named = homes.iter().zip(result);
    named.filter_map(|((home, _), balance)| Some((groups.home_name(*home).to_owned(), goal, balance?))).collect()
}

/// How far a broker with `count` of a topic of `home` passes `limit`, relative to it; none where it does not, or is not
/// judged.
pub(super) fn beyond(
    snapshot: &Snapshot,
    groups: &Groups,
    home: Home,
    (broker, count): (BrokerIdx, u64),
    limit: u64,
) -> Option<f64> {
    let is_judged = || {
        snapshot.broker(broker).state.is_active()
            && groups.admits(home, broker)
            && has_serving_log_dir(snapshot, broker)
    };
    (count > limit && is_judged()).then(|| (count - limit) as f64 / limit as f64)
}

/// How many other brokers each broker shares a partition with (the scatter width of Cidon et al., "Copysets", USENIX ATC
/// 2013): excess is what is beyond the policy's limit, relative to it.
pub(super) fn scatter_width(
    snapshot: &Snapshot,
    policy: &Policy,
    groups: &Groups,
    placement: &Placement,
) -> Vec<GroupBalance> {
    let limit = policy.bands.scatter_width;
    if limit <= 0.0 {
        return Vec::new();
    }
    let brokers = snapshot.brokers.len();
    let mut shares = vec![false; brokers * brokers];
    for p in snapshot.partition_indices() {
        let seats = placement.seats(p);
        for (a, b) in seats.iter().flat_map(|a| seats.iter().map(move |b| (a.broker, b.broker))) {
            shares[a.row() * brokers + b.row()] |= a != b;
        }
    }
    let width = |b: &BrokerIdx| shares[b.row() * brokers..][..brokers].iter().filter(|shared| **shared).count() as f64;
    let of_group = |(group, name): (usize, &String)| {
        let widths: Vec<f64> = band_brokers(snapshot, groups, group).iter().map(width).collect();
        let beyond: Vec<f64> = widths.iter().filter(|w| **w > limit).map(|w| (w - limit) / limit).collect();
        let range = Range {
            mean: widths.iter().sum::<f64>() / widths.len() as f64,
            min: widths.iter().copied().fold(f64::INFINITY, f64::min),
            max: widths.iter().copied().fold(0.0, f64::max),
        };
        let balance = GoalBalance { range: Some(range), outside: beyond.len() as u64, excess: beyond.iter().sum() };
        (!widths.is_empty()).then(|| (name.clone(), Goal::ScatterWidth, balance))
    };
    groups.names().iter().enumerate().filter_map(of_group).collect()
}

/// What each broker's log dirs write, of what their disks can: excess is what is beyond the band, relative to the mean.
pub(super) fn log_dir_writes(
    snapshot: &Snapshot,
    policy: &Policy,
    groups: &Groups,
    usage: &Usage,
) -> Vec<GroupBalance> {
    if !policy.bands.is_on(Goal::LogDirWrites) {
        return Vec::new();
    }
    let of_group = |(group, name): (usize, &String)| {
        let brokers = band_brokers(snapshot, groups, group);
        let mut balance = GoalBalance::default();
        for (mean, shares) in brokers.iter().filter_map(|&b| write_utilizations(snapshot, usage, b)) {
            let limit = band::log_dir_writes(mean, &policy.bands);
            for (_, share) in shares.into_iter().filter(|(_, share)| band::exceeds(*share, limit)) {
                balance.outside += 1;
                balance.excess += (share - limit) / mean;
            }
        }
        (!brokers.is_empty()).then(|| (name.clone(), Goal::LogDirWrites, balance))
    };
    groups.names().iter().enumerate().filter_map(of_group).collect()
}

/// The mean write utilization of a broker's serving log dirs and each one's row and own; none where what a disk can write
/// is unknown, or nothing is written.
#[must_use]
pub fn write_utilizations(snapshot: &Snapshot, usage: &Usage, broker: BrokerIdx) -> Option<(f64, Vec<(usize, f64)>)> {
    let (mut written, mut can, mut shares) = (0.0, 0.0, Vec::new());
    for row in snapshot.broker(broker).log_dir_rows() {
        let dir = &snapshot.log_dirs[row];
        if dir.state.is_serving() {
            let rate = dir.write_capacity_bytes_per_sec.filter(|rate| *rate > 0.0)?;
            written += usage.log_dir_writes[row];
            can += rate;
            shares.push((row, usage.log_dir_writes[row] / rate));
        }
    }
    (written > 0.0).then(|| (written / can, shares))
}
