//! The calls that a step makes, in words and in order: what `--dry-run` prints. Pure.

use std::collections::BTreeMap;

use super::throttle;
use super::work::{Step, ids};
use crate::live::admin::{ConfigChange, Configs, Resource};

/// The calls of `step` at `bytes_per_sec`, `found` being what is set now and `is_alive` who serves.
#[must_use]
pub fn calls(
    step: &Step,
    bytes_per_sec: Option<u64>,
    found: &BTreeMap<Resource, Configs>,
    is_alive: &dyn Fn(i32) -> bool,
) -> Vec<String> {
    let mut changes = bytes_per_sec.map(|limit| throttle::changes(step, limit, found)).unwrap_or_default();
    changes.retain(|change| !matches!(change.resource, Resource::Broker(id) if !is_alive(id)));
    let mut calls: Vec<String> = changes.iter().map(config_call).collect();
    let mut dirs: BTreeMap<(i32, &str), Vec<String>> = BTreeMap::new();
    for target in &step.targets {
        for (id, dir) in target.after.iter().filter_map(|(id, dir)| Some((*id, dir.as_deref()?))) {
            if !target.before.iter().any(|(old, was)| *old == id && was.as_deref() == Some(dir)) {
                dirs.entry((id, dir)).or_default().push(target.partition.to_string());
            }
        }
    }
    for ((id, dir), partitions) in dirs {
        calls.push(format!("AlterReplicaLogDirs broker {id}: {dir} for {}", partitions.join(", ")));
    }
    for target in step.targets.iter().filter(|target| ids(&target.before) != target.replicas()) {
        let (from, to) = (ids(&target.before), target.replicas());
        calls.push(format!("AlterPartitionReassignments {}: {from:?} -> {to:?}", target.partition));
    }
    if !step.elections.is_empty() {
        let names: Vec<String> = step.elections.iter().map(ToString::to_string).collect();
        calls.push(format!("ElectLeaders preferred: {}", names.join(", ")));
    }
    calls.extend(throttle::originals(&changes, found).iter().map(config_call));
    calls
}

fn config_call(change: &ConfigChange) -> String {
    let ConfigChange { resource, key, value } = change;
    match value {
        Some(value) => format!("IncrementalAlterConfigs {resource}: set {key}={value}"),
        None => format!("IncrementalAlterConfigs {resource}: delete {key}"),
    }
}
