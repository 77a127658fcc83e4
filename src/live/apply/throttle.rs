//! Which settings slow a step down, and what they were before. Pure.
//!
//! Kafka slows a copy down only where both the rate of a broker and the list of a topic's replicas say so (KIP-73); for
//! moves between dirs of a broker there is a rate alone (KIP-113). Only what the step copies is listed, and only the
//! brokers that take part get a rate. All names are Kafka's.

use std::collections::{BTreeMap, BTreeSet};

use super::work::{Step, Target, ids};
use crate::live::admin::{ConfigChange, Configs, Resource, TopicPartition};
use crate::plan::throttle::without_capacities;

/// Bytes per second that a broker sends of listed replicas.
pub const LEADER_RATE: &str = "leader.replication.throttled.rate";
/// Bytes per second that a broker receives of listed replicas.
pub const FOLLOWER_RATE: &str = "follower.replication.throttled.rate";
/// Bytes per second that a broker copies between its dirs.
pub const LOG_DIR_RATE: &str = "replica.alter.log.dirs.io.max.bytes.per.second";
/// The replicas of a topic that a leader's rate is for.
pub const LEADER_REPLICAS: &str = "leader.replication.throttled.replicas";
/// The replicas of a topic that a follower's rate is for.
pub const FOLLOWER_REPLICAS: &str = "follower.replication.throttled.replicas";

/// What a step copies, as throttles see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Copies {
    sending: BTreeSet<i32>,
    receiving: BTreeSet<i32>,
    between_dirs: BTreeSet<i32>,
    leader_replicas: BTreeMap<String, BTreeSet<(i32, i32)>>,
    follower_replicas: BTreeMap<String, BTreeSet<(i32, i32)>>,
}

impl Copies {
    fn of(targets: &[Target]) -> Self {
        let mut copies = Self::default();
        for target in targets {
            let TopicPartition { topic, partition } = &target.partition;
            let adding = target.adding();
            if !adding.is_empty() {
                // Whoever holds it now may come to lead it before the copy is made.
                let holding = ids(&target.before);
                copies.sending.extend(&holding);
                copies.receiving.extend(&adding);
                let listed = |of: &mut BTreeMap<String, BTreeSet<(i32, i32)>>, brokers: &[i32]| {
                    of.entry(topic.clone()).or_default().extend(brokers.iter().map(|id| (*partition, *id)));
                };
                listed(&mut copies.leader_replicas, &holding);
                listed(&mut copies.follower_replicas, &adding);
            }
            for (id, path) in &target.after {
                let old = target.before.iter().find(|(broker, _)| broker == id);
                if old.is_some_and(|(_, dir)| path.is_some() && dir != path) {
                    copies.between_dirs.insert(*id);
                }
            }
        }
        copies
    }
}

/// Whose settings have to be read before `step` is slowed down.
#[must_use]
pub fn resources(step: &Step) -> Vec<Resource> {
    let copies = Copies::of(&step.targets);
    let brokers: BTreeSet<i32> =
        copies.sending.iter().chain(&copies.receiving).chain(&copies.between_dirs).copied().collect();
    let topics: BTreeSet<&String> = copies.leader_replicas.keys().collect();
    let brokers = brokers.into_iter().map(Resource::Broker);
    brokers.chain(topics.into_iter().map(|name| Resource::Topic(name.clone()))).collect()
}

/// The settings that slow `step` down to `bytes_per_sec`, `found` being what is set now. A list that somebody set
/// already is added to; one that names all replicas stays.
#[must_use]
pub fn changes(step: &Step, bytes_per_sec: u64, found: &BTreeMap<Resource, Configs>) -> Vec<ConfigChange> {
    let copies = Copies::of(&step.targets);
    let rate = |brokers: &BTreeSet<i32>, key: &'static str| {
        let change = move |id: &i32| ConfigChange {
            resource: Resource::Broker(*id),
            key: key.to_owned(),
            value: Some(bytes_per_sec.to_string()),
        };
        brokers.iter().map(change).collect::<Vec<_>>()
    };
    let mut changes = rate(&copies.sending, LEADER_RATE);
    changes.extend(rate(&copies.receiving, FOLLOWER_RATE));
    changes.extend(rate(&copies.between_dirs, LOG_DIR_RATE));
    for (listed, key) in [(&copies.leader_replicas, LEADER_REPLICAS), (&copies.follower_replicas, FOLLOWER_REPLICAS)] {
        for (topic, replicas) in listed {
            let resource = Resource::Topic(topic.clone());
            let now = own(found, &resource, key).unwrap_or_default();
            if let Some(value) = joined(&now, replicas).filter(|value| *value != now) {
                changes.push(ConfigChange { resource, key: key.to_owned(), value: Some(value) });
            }
        }
    }
    changes.sort();
    changes
}

/// What puts each of `changes` back: the value that was set for this very broker or topic, or none.
#[must_use]
pub fn originals(changes: &[ConfigChange], found: &BTreeMap<Resource, Configs>) -> Vec<ConfigChange> {
    let original =
        |change: &ConfigChange| ConfigChange { value: own(found, &change.resource, &change.key), ..change.clone() };
    changes.iter().map(original).collect()
}

fn own(found: &BTreeMap<Resource, Configs>, resource: &Resource, key: &str) -> Option<String> {
    found.get(resource)?.get(key).filter(|config| config.is_own)?.value.clone()
}

/// The list `now` with `replicas` added, none where it names all replicas already.
fn joined(now: &str, replicas: &BTreeSet<(i32, i32)>) -> Option<String> {
    if now.trim() == "*" {
        return None;
    }
    let mut all: Vec<String> = now.split(',').map(str::trim).filter(|r| !r.is_empty()).map(str::to_owned).collect();
    for (partition, broker) in replicas {
        let replica = format!("{partition}:{broker}");
        if !all.contains(&replica) {
            all.push(replica);
        }
    }
    Some(all.join(","))
}

/// The throttle for `step` where none is asked for: the plan's, or one that is enough where it names none.
#[must_use]
pub fn suggested_bytes_per_sec(step: &Step) -> u64 {
    step.throttle_bytes_per_sec.unwrap_or_else(|| without_capacities(least_bytes_per_sec(step)))
}

/// The rate that a throttle must exceed for `step` to end at all, bytes per second: what is written meanwhile to the
/// partitions that a broker receives, and what in-sync followers fetch of those that a broker leads, which counts
/// against the quota although nothing delays it (measured on Kafka 4.3).
#[must_use]
pub fn least_bytes_per_sec(step: &Step) -> f64 {
    let mut into: BTreeMap<i32, f64> = BTreeMap::new();
    let mut out: BTreeMap<i32, f64> = BTreeMap::new();
    for target in &step.targets {
        let adding = target.adding();
        for id in &adding {
            *into.entry(*id).or_default() += target.bytes_in_per_sec;
        }
        if let Some((leader, _)) = target.before.first().filter(|_| !adding.is_empty()) {
            let followers = target.before.len().saturating_sub(1) as f64;
            *out.entry(*leader).or_default() += target.bytes_in_per_sec * followers;
        }
    }
    into.values().chain(out.values()).copied().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::admin::ConfigAnswer;

    fn target(partition: i32, before: &[(i32, &str)], after: &[(i32, &str)], bytes_in_per_sec: f64) -> Target {
        let seats = |list: &[(i32, &str)]| list.iter().map(|(id, dir)| (*id, Some((*dir).to_owned()))).collect();
        Target {
            partition: TopicPartition::new("t", partition),
            before: seats(before),
            after: seats(after),
            out_of_sync: 0,
            copy_bytes: 100,
            bytes_in_per_sec,
        }
    }

    fn step() -> Step {
        let targets = vec![
            target(0, &[(1, "/a"), (2, "/a")], &[(1, "/a"), (3, "/a")], 10.0),
            target(1, &[(2, "/a"), (4, "/a")], &[(2, "/b"), (4, "/a")], 1e9),
            target(2, &[(1, "/a"), (2, "/a")], &[(2, "/a"), (1, "/a")], 1e9),
        ];
        Step { batch: 1, targets, ..Step::default() }
    }

    fn text(changes: &[ConfigChange]) -> Vec<String> {
        changes.iter().map(|c| format!("{} {}={}", c.resource, c.key, c.value.as_deref().unwrap_or("-"))).collect()
    }

    #[test]
    fn only_what_is_copied_is_slowed_down() {
        assert_eq!(
            text(&changes(&step(), 7, &BTreeMap::new())),
            [
                "broker 1 leader.replication.throttled.rate=7",
                "broker 2 leader.replication.throttled.rate=7",
                "broker 2 replica.alter.log.dirs.io.max.bytes.per.second=7",
                "broker 3 follower.replication.throttled.rate=7",
                "topic t follower.replication.throttled.replicas=0:3",
                "topic t leader.replication.throttled.replicas=0:1,0:2",
            ]
        );
    }

    #[test]
    fn what_somebody_set_is_added_to_and_put_back_and_inherited_values_are_not() {
        let set =
            |key: &str, value: &str, is_own| (key.to_owned(), ConfigAnswer { value: Some(value.to_owned()), is_own });
        let found = BTreeMap::from([
            (
                Resource::Topic("t".to_owned()),
                Configs::from([set(LEADER_REPLICAS, "9:9,0:1", true), set(FOLLOWER_REPLICAS, "*", true)]),
            ),
            (Resource::Broker(1), Configs::from([set(LEADER_RATE, "55", true)])),
            (Resource::Broker(2), Configs::from([set(LEADER_RATE, "66", false)])),
        ]);
        let changes = changes(&step(), 7, &found);
        assert!(text(&changes).contains(&"topic t leader.replication.throttled.replicas=9:9,0:1,0:2".to_owned()));
        assert!(!text(&changes).iter().any(|line| line.contains("follower.replication.throttled.replicas")));
        let back = text(&originals(&changes, &found));
        assert!(back.contains(&"broker 1 leader.replication.throttled.rate=55".to_owned()));
        assert!(back.contains(&"broker 2 leader.replication.throttled.rate=-".to_owned()));
        assert!(back.contains(&"topic t leader.replication.throttled.replicas=9:9,0:1".to_owned()));
    }

    #[test]
    fn a_throttle_has_to_exceed_what_is_written_to_what_is_copied() {
        // Received 10 B/s; the leader serves one follower with as much. What does not move does not count.
        assert!((least_bytes_per_sec(&step()) - 10.0).abs() < 1e-9);
    }
}
