//! Why figures are absent, in words that several commands share.

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

/// The goals whose headroom has no figure in a group that has brokers, groups by name, goals in their order.
#[must_use]
pub fn of_headroom(snapshot: &Snapshot, policy: &Policy) -> Vec<(String, Goal, NotEvaluated)> {
    let groups = Groups::new(snapshot, policy);
    let has_cpu = cores_per_work(snapshot).is_some();
    let mut all = Vec::new();
    for (number, name) in groups.names().iter().enumerate() {
        let brokers = band_brokers(snapshot, &groups, number);
        if brokers.is_empty() {
            continue;
        }
        for goal in Goal::UTILIZATIONS {
            let without: Vec<i32> = brokers
                .iter()
                .filter(|&&b| capacity(snapshot, b, goal).is_none())
                .map(|&b| snapshot.broker(b).id)
                .collect();
            let why = match without.as_slice() {
                _ if goal == Goal::Cpu && !has_cpu => "no broker has cpu_utilization and cpu_cores".to_owned(),
                [] => continue,
                [one] => format!("broker {one} has no {} capacity", goal.name()),
                [first, ..] => {
                    format!(
                        "{} of {} brokers have no {} capacity, {first} first",
                        without.len(),
                        brokers.len(),
                        goal.name()
                    )
                }
            };
            let what = format!("headroom.{name}.{}", goal.name());
            all.push((name.clone(), goal, NotEvaluated::new(what, why)));
        }
    }
    all
}
