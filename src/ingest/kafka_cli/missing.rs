//! Says how much a snapshot holds, what it lacks, what that costs, and the inventory's lines that would fill it.

use super::summary::{Summary, count};
use crate::ingest::catalogue::{Catalogue, Machine};
use crate::ingest::inventory::id_ranges;
use crate::model::{Broker, BrokerState, LogDirState, Snapshot};

/// What to do about what no inventory line fills, in the words of where the snapshot is from.
pub(in crate::ingest) struct MissingAdvice {
    /// Of brokers without a rack.
    pub(in crate::ingest) racks: &'static str,
    /// Of a cluster without figures of cpu use.
    pub(in crate::ingest) cpu: &'static str,
}

/// For what Kafka itself told.
pub(super) const OF_KAFKA: MissingAdvice = MissingAdvice {
    racks: "Capture brokers with `kafka-cluster list-endpoints`, or their configs with --all",
    cpu: "Give cpu_seconds_total, and brokers' cores, or cpu_utilization",
};

/// What the inventory can add: how to call it, what is lost without it, the lines that say it.
struct Gap {
    what: &'static str,
    effect: &'static str,
    lines: &'static [&'static str],
    ids: Vec<i32>,
}

/// Adds to `summary` what the finished `snapshot` holds and lacks, machine models of `catalogue` considered.
pub(in crate::ingest) fn name(
    snapshot: &Snapshot,
    catalogue: &Catalogue,
    advice: &MissingAdvice,
    summary: &mut Summary,
) {
    summary.contents = contents(snapshot);
    let of_state = |state: BrokerState| ids(snapshot, |broker| broker.state == state);
    let down = of_state(BrokerState::Down);
    if !down.is_empty() {
        let line = format!(
            "{} did not answer: down. If gone for good, say state = \"dead\" in the inventory",
            id_ranges(&down)
        );
        summary.derived.insert(0, line);
    }
    let gaps = gaps(snapshot, catalogue);
    let filled = |gap: &&Gap| !gap.ids.is_empty();
    for gap in gaps.iter().filter(filled) {
        summary.missing.push(format!("{} of {}: {}", gap.what, id_ranges(&gap.ids), gap.effect));
    }
    // One broker with figures is enough to tell what work costs.
    if snapshot.brokers.iter().all(|broker| broker.cpu_utilization.is_none()) {
        summary.missing.push(format!("cpu use: cpu is not balanced. {}", advice.cpu));
    }
    let without_rack = ids(snapshot, |broker| broker.rack.is_none());
    if !without_rack.is_empty() {
        summary.missing.push(format!(
            "racks of {}: they count towards no rack. {}",
            id_ranges(&without_rack),
            advice.racks
        ));
    }
    let mut blocks: Vec<(&[i32], Vec<&str>)> = Vec::new();
    for gap in gaps.iter().filter(filled) {
        match blocks.iter_mut().find(|(ids, _)| *ids == gap.ids) {
            Some((_, lines)) => lines.extend(gap.lines),
            None => blocks.push((&gap.ids, gap.lines.to_vec())),
        }
    }
    summary.inventory_lines = blocks.into_iter().map(|(ids, lines)| block(ids, &lines)).collect();
}

/// An entry of the inventory.
fn block(ids: &[i32], lines: &[&str]) -> String {
    let named = id_ranges(ids);
    let (_, written) = named.split_once(' ').unwrap_or_default();
    format!("[[brokers]]\nids = \"{}\"\n{}", written.replace(", ", ","), lines.join("\n"))
}

fn ids(snapshot: &Snapshot, is_meant: impl Fn(&Broker) -> bool) -> Vec<i32> {
    snapshot.brokers.iter().filter(|broker| is_meant(broker)).map(|broker| broker.id).collect()
}

fn gaps(snapshot: &Snapshot, catalogue: &Catalogue) -> [Gap; 3] {
    let model = |broker: &Broker| broker.machine_model.as_ref().and_then(|name| catalogue.get(name));
    let lacks_dir = |broker: &Broker| {
        let dirs = &snapshot.log_dirs[broker.log_dir_rows()];
        let from_model = model(broker).and_then(Machine::equal_disks).is_some_and(|(count, _)| count >= dirs.len());
        !from_model && dirs.iter().any(|dir| dir.capacity_bytes.is_none())
    };
    let lacks_network = |broker: &Broker| {
        let figures = [broker.network_in_capacity_bytes_per_sec, broker.network_out_capacity_bytes_per_sec];
        let from_model = model(broker).and_then(Machine::network_capacity_bytes_per_sec);
        from_model.is_none() && figures.contains(&None)
    };
    let cores = |broker: &Broker| broker.cpu_cores.or_else(|| model(broker).and_then(Machine::cpu_cores));
    [
        Gap {
            what: "log dirs' capacities",
            effect: "disks are balanced by bytes alone, and not held against their limits",
            lines: &["log_dir_capacity_bytes = …  # or machine_model = \"…\""],
            ids: ids(snapshot, lacks_dir),
        },
        Gap {
            what: "network capacities",
            effect: "the network is balanced by bytes alone, and not held against its limits",
            lines: &["network_in_capacity_bytes_per_sec = …", "network_out_capacity_bytes_per_sec = …"],
            ids: ids(snapshot, lacks_network),
        },
        Gap {
            what: "cores",
            effect: "cpu is not held against its limit there, nor balanced",
            lines: &["cpu_cores = …"],
            ids: ids(snapshot, |broker| cores(broker).is_none()),
        },
    ]
}

fn contents(snapshot: &Snapshot) -> String {
    let brokers = ids(snapshot, |_| true).len();
    let aside = |number: usize, what: &str| if number > 0 { format!(" ({number} {what})") } else { String::new() };
    let states: String = BrokerState::ALL
        .into_iter()
        .filter(|state| *state != BrokerState::Alive)
        .map(|state| aside(ids(snapshot, |broker| broker.state == state).len(), state.name()))
        .collect();
    let offline = snapshot.log_dirs.iter().filter(|dir| dir.state == LogDirState::Offline).count();
    format!(
        "{}{states}, {}{}, {}, {}, {}",
        count(brokers, "broker"),
        count(snapshot.log_dirs.len(), "log dir"),
        aside(offline, "offline"),
        count(snapshot.topics.len(), "topic"),
        count(snapshot.partitions.len(), "partition"),
        count(snapshot.replicas.len(), "replica"),
    )
}
