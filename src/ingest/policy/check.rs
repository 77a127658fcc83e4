//! What a policy says of a cluster, checked against its snapshot: a name that is nobody's is a slip that would quietly
//! lift the protection it was meant to give.

use std::path::Path;

use crate::ingest::codes;
use crate::ingest::fault::{Fault, Faults};
use crate::ingest::nearest::nearest;
use crate::model::{Policy, Snapshot, TopicPartition};

/// Every name in `policy`, read from `path`, that `snapshot` does not have, and every pin that cannot be kept.
#[must_use]
pub fn check_against(policy: &Policy, snapshot: &Snapshot, path: &Path) -> Faults {
    let mut faults = Faults::default();
    if let Some(group) = &policy.default_group {
        check_group(group, snapshot, path, &mut faults);
    }
    for &id in policy.no_receive.iter().filter(|&&id| snapshot.broker_by_id(id).is_none()) {
        let fault = Fault::error(
            codes::POLICY_BROKER_UNKNOWN,
            path,
            format!("no_receive names broker {id}, which the snapshot lacks"),
        );
        faults.push(fault.help(format!("brokers are {}", broker_ids(snapshot))));
    }
    for (partition, ids) in &policy.pin {
        check_pin(partition, ids, snapshot, path, &mut faults);
    }
    faults
}

fn check_group(group: &str, snapshot: &Snapshot, path: &Path, faults: &mut Faults) {
    let mut groups: Vec<&str> =
        snapshot.brokers.iter().filter_map(|b| b.group).map(|g| snapshot.groups[g.row()].as_str()).collect();
    groups.sort_unstable();
    groups.dedup();
    if groups.contains(&group) {
        return;
    }
    let help = match nearest(group, groups.iter().copied()) {
        Some(near) => format!("the nearest group is {near}"),
        None => "no broker names a group: leave default_group empty".to_owned(),
    };
    let message = format!("default_group {group:?} is no broker's resource group");
    faults.push(Fault::error(codes::POLICY_GROUP_UNKNOWN, path, message).help(help));
}

fn check_pin(pin: &TopicPartition, ids: &[i32], snapshot: &Snapshot, path: &Path, faults: &mut Faults) {
    let TopicPartition { topic, partition } = pin;
    let name = format!("{topic}-{partition}");
    let found = snapshot.topic_by_name(topic).and_then(|t| snapshot.partition_by_number(t, *partition));
    match found {
        None => {
            let near = nearest(topic, snapshot.topics.iter().map(|t| t.name.as_str()));
            let known = snapshot.topic_by_name(topic).map(|t| snapshot.topic(t).partition_count);
            let help = match (known, near) {
                (Some(count), _) => format!("{topic} has {count} partitions"),
                (None, Some(near)) => format!("the nearest topic is {near}"),
                (None, None) => "the snapshot has no topics".to_owned(),
            };
            let message = format!("pin {name:?} is for a partition that the snapshot lacks");
            faults.push(Fault::error(codes::POLICY_PARTITION_UNKNOWN, path, message).help(help));
        }
        Some(index) => {
            let replicas = snapshot.replicas_of(index).len();
            if ids.len() > replicas {
                let message = format!("pin {name:?} names {} brokers for {replicas} replicas", ids.len());
                let help = "name at most as many brokers as the partition has replicas";
                faults.push(Fault::error(codes::POLICY_PINS_TOO_MANY, path, message).help(help));
            }
        }
    }
    for &id in ids.iter().filter(|&&id| snapshot.broker_by_id(id).is_none()) {
        let message = format!("pin {name:?} names broker {id}, which the snapshot lacks");
        let fault = Fault::error(codes::POLICY_BROKER_UNKNOWN, path, message);
        faults.push(fault.help(format!("brokers are {}", broker_ids(snapshot))));
    }
}

/// How many ids a message lists.
const IDS_LISTED_MAX: usize = 12;

fn broker_ids(snapshot: &Snapshot) -> String {
    let mut ids: Vec<String> = snapshot.brokers.iter().take(IDS_LISTED_MAX).map(|b| b.id.to_string()).collect();
    if snapshot.brokers.len() > IDS_LISTED_MAX {
        ids.push(format!("… {} in all", snapshot.brokers.len()));
    }
    ids.join(", ")
}
