//! The hard rules (contract §3): one violation each, with its subject, so that reports can name what counts count.

use std::collections::BTreeMap;

use super::usage::Usage;
use crate::model::load::unjudged;
use crate::model::{
    BrokerIdx, Goal, Groups, Home, LogDirIdx, PartitionIdx, Placement, Policy, RackIdx, Rule, Seat, Snapshot, band,
};

/// One broken rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// What breaks it.
    pub subject: Subject,
    /// The figure, where the rule has one (racks: replicas in the fullest rack or racks used; utilizations; counts).
    pub value: Option<f64>,
    /// What the figure may not pass.
    pub limit: Option<f64>,
}

/// What breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A partition as a whole.
    Partition(PartitionIdx),
    /// One replica.
    Replica(PartitionIdx, BrokerIdx),
    /// A broker.
    Broker(BrokerIdx),
    /// A log dir.
    LogDir(LogDirIdx),
}

/// Violations by rule; counts of zero are absent.
#[must_use]
pub fn violations(
    snapshot: &Snapshot,
    policy: &Policy,
    groups: &Groups,
    placement: &Placement,
    usage: &Usage,
) -> BTreeMap<Rule, u64> {
    let mut counts = BTreeMap::new();
    each_violation(snapshot, policy, groups, placement, usage, |v| *counts.entry(v.rule).or_insert(0) += 1);
    counts
}

/// Calls `found` with every violation: partitions in order, then brokers and their log dirs.
pub fn each_violation(
    snapshot: &Snapshot,
    policy: &Policy,
    groups: &Groups,
    placement: &Placement,
    usage: &Usage,
    mut found: impl FnMut(Violation),
) {
    let racks = Racks::new(snapshot, groups);
    for p in snapshot.partition_indices() {
        if unjudged(snapshot, p).is_none() {
            partition_violations(snapshot, groups, &racks, p, placement.seats(p), &mut found);
        }
    }
    for broker in snapshot.broker_indices().filter(|&b| snapshot.broker(b).state.is_active()) {
        broker_violations(snapshot, policy, usage, broker, &mut found);
    }
}

/// Calls `found` with every rule about partitions and replicas that `p` breaks with its replicas on `seats`.
pub fn partition_violations(
    snapshot: &Snapshot,
    groups: &Groups,
    racks: &Racks,
    p: PartitionIdx,
    seats: &[Seat],
    found: &mut impl FnMut(Violation),
) {
    let mut report = |rule, subject| found(Violation { rule, subject, value: None, limit: None });
    let home = groups.home(snapshot.partition(p).topic);
    if seats.iter().enumerate().any(|(i, seat)| seats[..i].iter().any(|s| s.broker == seat.broker)) {
        report(Rule::DuplicateReplica, Subject::Partition(p));
    }
    for seat in seats {
        let state = snapshot.broker(seat.broker).state;
        if state.is_leaving() {
            report(Rule::InactiveBroker, Subject::Replica(p, seat.broker));
        }
        if state.is_active() {
            if seat.log_dir.is_some_and(|d| !snapshot.log_dir(d).state.is_serving()) {
                report(Rule::OfflineLogDir, Subject::Replica(p, seat.broker));
            }
            if !groups.admits(home, seat.broker) {
                report(Rule::ResourceGroup, Subject::Replica(p, seat.broker));
            }
        }
    }
    if let Some((value, limit)) = racks.broken(home, seats, snapshot) {
        found(Violation { rule: Rule::Rack, subject: Subject::Partition(p), value: Some(value), limit: Some(limit) });
    }
}

/// Calls `found` with every limit that `broker`, an active one, or a dir of it passes.
pub fn broker_violations(
    snapshot: &Snapshot,
    policy: &Policy,
    usage: &Usage,
    broker: BrokerIdx,
    found: &mut impl FnMut(Violation),
) {
    let mut check = |rule, subject, value: Option<f64>, limit: f64| {
        if let Some(value) = value.filter(|&v| band::exceeds(v, limit)) {
            found(Violation { rule, subject, value: Some(value), limit: Some(limit) });
        }
    };
    let limits = &policy.limits;
    let subject = Subject::Broker(broker);
    let utilization = |goal| usage.utilization(snapshot, broker, goal);
    check(Rule::DiskCapacity, subject, utilization(Goal::Disk), limits.disk);
    for row in snapshot.broker(broker).log_dir_rows() {
        let dir = LogDirIdx::new(row);
        if snapshot.log_dir(dir).state.is_serving() {
            let value = usage.log_dir_utilization(snapshot, dir);
            check(Rule::LogDirCapacity, Subject::LogDir(dir), value, limits.log_dir);
        }
    }
    check(Rule::NetworkInCapacity, subject, utilization(Goal::NetworkIn), limits.network_in);
    check(Rule::NetworkOutCapacity, subject, utilization(Goal::NetworkOut), limits.network_out);
    check(Rule::CpuCapacity, subject, utilization(Goal::Cpu), limits.cpu);
    let replicas = usage.load(broker, Goal::Replicas);
    check(Rule::ReplicaCount, subject, replicas, f64::from(limits.replicas_per_broker));
}

/// How many racks each home's eligible brokers span; 0 where none names a rack and the rule is skipped.
#[derive(Clone, Debug)]
pub struct Racks {
    by_group: Vec<usize>,
    any_grouped: usize,
}

impl Racks {
    /// Counts the racks among the eligible brokers of every home.
    #[must_use]
    pub fn new(snapshot: &Snapshot, groups: &Groups) -> Self {
        let count = |home| {
            let eligible = groups.eligible(snapshot, home);
            let mut racks: Vec<RackIdx> = eligible.iter().filter_map(|&b| snapshot.broker(b).rack).collect();
            racks.sort_unstable();
            racks.dedup();
            racks.len()
        };
        Self {
            by_group: (0..groups.names().len()).map(|g| count(Home::Group(g))).collect(),
            any_grouped: count(Home::AnyGrouped),
        }
    }

    /// The number of racks among the brokers eligible for `home`.
    #[must_use]
    pub fn count(&self, home: Home) -> usize {
        match home {
            Home::Group(group) => self.by_group[group],
            Home::AnyGrouped => self.any_grouped,
        }
    }

    /// Where `seats` break the rack rule, the offending figure and its limit: replicas in the fullest rack against
    /// ⌈f/R⌉, or racks used against min(f, R).
    fn broken(&self, home: Home, seats: &[Seat], snapshot: &Snapshot) -> Option<(f64, f64)> {
        let racks = self.count(home);
        if racks == 0 || seats.is_empty() {
            return None;
        }
        let rack = |seat: &Seat| snapshot.broker(seat.broker).rack;
        let (mut used, mut fullest) = (0, 0);
        for (i, seat) in seats.iter().enumerate() {
            let Some(own) = rack(seat) else { continue };
            if !seats[..i].iter().any(|s| rack(s) == Some(own)) {
                used += 1;
                fullest = fullest.max(seats[i..].iter().filter(|s| rack(s) == Some(own)).count());
            }
        }
        let cap = band::rack_cap(seats.len(), racks);
        let need = seats.len().min(racks);
        if fullest > cap {
            Some((fullest as f64, cap as f64))
        } else {
            (used < need).then_some((used as f64, need as f64))
        }
    }
}
