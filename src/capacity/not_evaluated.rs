//! Why figures are absent, in words that several commands share.

use super::Headroom;
use super::headroom::has_traffic;
use crate::model::load::{capacity, cores_per_work};
use crate::model::{BrokerIdx, Goal, Groups, NotEvaluated, Policy, Snapshot};
use crate::verify::assess::band_brokers;

/// Brokers named in a reason; more would hide the reason.
const NAMED: usize = 5;

/// `broker 3`, `brokers 3, 4`, `brokers 1, 2, 3, 4, 5 and 7 more`.
#[must_use]
pub fn broker_list(snapshot: &Snapshot, brokers: &[BrokerIdx]) -> String {
    let ids: Vec<String> = brokers.iter().take(NAMED).map(|&b| snapshot.broker(b).id.to_string()).collect();
    let more = match brokers.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("broker{} {}{more}", if brokers.len() == 1 { "" } else { "s" }, ids.join(", "))
}

/// What [`Headroom`] leaves out, and why.
#[must_use]
pub fn of_headroom(snapshot: &Snapshot, policy: &Policy, all: &[Headroom]) -> Vec<NotEvaluated> {
    let groups = Groups::new(snapshot, policy);
    let mut missing = Vec::new();
    for (number, group) in groups.names().iter().enumerate() {
        let brokers = band_brokers(snapshot, &groups, number);
        let own = || all.iter().filter(|h| h.group == *group);
        for goal in Goal::UTILIZATIONS.into_iter().filter(|goal| own().all(|h| h.goal != *goal)) {
            let why = why_missing(snapshot, &brokers, goal);
            missing.push(NotEvaluated::new(format!("headroom.{group}.{}", goal.name()), why));
        }
        if own().next().is_some() && own().all(|h| h.broker_lost.is_none()) {
            let why = "the group has one broker, and nobody survives it";
            missing.push(NotEvaluated::new(format!("headroom.{group}.*.after_largest_broker_lost"), why));
        }
        if own().next().is_some() && own().all(|h| h.rack_lost.is_none()) {
            let why = "the group's brokers are in fewer than two racks";
            missing.push(NotEvaluated::new(format!("headroom.{group}.*.after_largest_rack_lost"), why));
        }
    }
    missing
}

/// Why network and cpu are absent where every rate is unknown.
pub const NO_TRAFFIC: &str = "no partition has bytes_in_per_sec or bytes_out_per_sec; add them from your metrics";

fn why_missing(snapshot: &Snapshot, brokers: &[BrokerIdx], goal: Goal) -> String {
    if brokers.is_empty() {
        return "the group has no active broker with a working log dir".to_owned();
    }
    if goal != Goal::Disk && !has_traffic(snapshot) {
        return NO_TRAFFIC.to_owned();
    }
    if goal == Goal::Cpu && cores_per_work(snapshot).is_none() {
        return "no broker has cpu_utilization and cpu_cores".to_owned();
    }
    let column = match goal {
        Goal::Disk => "capacity_bytes of every log dir",
        Goal::NetworkIn => "network_in_capacity_bytes_per_sec",
        Goal::NetworkOut => "network_out_capacity_bytes_per_sec",
        _ => "cpu_cores",
    };
    let without: Vec<BrokerIdx> = brokers.iter().copied().filter(|&b| capacity(snapshot, b, goal).is_none()).collect();
    format!("{column} is missing for {}", broker_list(snapshot, &without))
}
