//! What brokers' networks carry beside the plan's copies, from readings of offsets and log sizes.
//!
//! A reading asks each broker for its offsets and log dirs once, and is taken once in [`EVERY_SECONDS`], so that its
//! cost is bounded at any number of partitions. What producers write is what logs grew by between two readings; what
//! consumers read is the snapshot's figure, for no offset tells it. Loads are the contract's: p into every broker with a
//! replica, c + p·(f−1) out of the leader.

use std::collections::BTreeMap;

use super::hold::{Cause, Objection};
use super::look::Look;
use super::work::{Step, ids};
use crate::live::admin::{Admin, TopicPartition, TopicsAnswer};
use crate::live::capture::{Reading, written};
use crate::live::surroundings::Surroundings;
use crate::model::{Placement, Policy, Snapshot, human};
use crate::verify::Usage;

/// Seconds between two readings: long enough for a rate, short enough to notice a rush hour.
pub(super) const EVERY_SECONDS: f64 = 60.0;

/// Where the limit is passed by plan, the brokers' own traffic may be so much more than in the snapshot.
const OLDER_RATES: f64 = 1.05;

/// Out of a broker and into it.
const DIRECTIONS: [(&str, &str); 2] = [("network_out", "sends"), ("network_in", "receives")];

/// What a network may carry, and what it carries in the snapshot, bytes per second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Line {
    limit: f64,
    snapshot: f64,
}

/// Networks, and what is known of them by now.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// By broker: out and in; none where the capacity is unknown.
    lines: BTreeMap<i32, [Option<Line>; 2]>,
    /// What consumers read, bytes per second.
    reads: BTreeMap<TopicPartition, f64>,
    last: Option<(f64, Reading)>,
    /// By broker, out and in, bytes per second; empty before the second reading.
    loads: BTreeMap<i32, [f64; 2]>,
}

impl Traffic {
    pub(super) fn of(snapshot: &Snapshot, policy: &Policy) -> Self {
        let usage = Usage::of(snapshot, &Placement::of(snapshot));
        let mut traffic = Self::default();
        for b in snapshot.broker_indices() {
            let (row, loads) = (snapshot.broker(b), &usage.loads[b.row()]);
            let line = |capacity: Option<f64>, limit: f64, load: f64, measured: Option<f64>| {
                Some(Line { limit: capacity? * limit, snapshot: measured.map_or(load, |measured| measured.max(load)) })
            };
            let out = line(
                row.network_out_capacity_bytes_per_sec,
                policy.limits.network_out,
                loads[2],
                row.measured_network_out_bytes_per_sec,
            );
            let into = line(
                row.network_in_capacity_bytes_per_sec,
                policy.limits.network_in,
                loads[1],
                row.measured_network_in_bytes_per_sec,
            );
            if out.is_some() || into.is_some() {
                traffic.lines.insert(row.id, [out, into]);
            }
        }
        for partition in snapshot.partitions.iter().filter(|p| !traffic.lines.is_empty() && p.bytes_out_per_sec > 0.0) {
            let topic = &snapshot.topic(partition.topic).name;
            let number = i32::try_from(partition.number).unwrap_or(-1);
            traffic.reads.insert(TopicPartition::new(topic.clone(), number), partition.bytes_out_per_sec);
        }
        traffic
    }

    /// Takes a reading where it is time for one and any network is known.
    pub(super) fn read(&mut self, admin: &dyn Admin, look: &Look, surroundings: &dyn Surroundings) {
        let now = surroundings.unix_seconds();
        let is_early = self.last.as_ref().is_some_and(|(at, _)| (0.0..EVERY_SECONDS).contains(&(now - at)));
        if self.lines.is_empty() || is_early {
            return;
        }
        let brokers: Vec<i32> = look.alive.iter().copied().collect();
        let topics = TopicsAnswer { partitions: look.partitions.clone(), ..TopicsAnswer::default() };
        let reading = Reading::take(admin, &brokers, &topics, true, surroundings);
        if let Some((_, before)) = &self.last {
            self.loads = self.carried(look, &written(&topics, before, &reading));
        }
        self.last = Some((now, reading));
    }

    /// Out of and into each broker with these rates of producers.
    fn carried(&self, look: &Look, written: &BTreeMap<&TopicPartition, f64>) -> BTreeMap<i32, [f64; 2]> {
        let mut loads: BTreeMap<i32, [f64; 2]> = BTreeMap::new();
        for (partition, found) in &look.partitions {
            let produced = written.get(partition).copied().unwrap_or(0.0);
            let read = self.reads.get(partition).copied().unwrap_or(0.0);
            for id in &found.isr {
                loads.entry(*id).or_default()[1] += produced;
            }
            if let Some(leader) = found.leader {
                let followers = found.isr.len().saturating_sub(1) as f64;
                loads.entry(leader).or_default()[0] += read + produced * followers;
            }
        }
        loads
    }

    /// Brokers that copy for `step` at `limit` and whose networks carry more than was planned and is allowed.
    pub(super) fn objections(&self, look: &Look, step: &Step, limit: Option<u64>) -> Vec<Objection> {
        let mut copying: BTreeMap<i32, [bool; 2]> = BTreeMap::new();
        for target in &step.targets {
            let adding = target.adding();
            let found = look.partitions.get(&target.partition).and_then(|found| found.leader);
            let leader = found.or_else(|| ids(&target.before).first().copied()).filter(|_| !adding.is_empty());
            leader.into_iter().for_each(|id| copying.entry(id).or_default()[0] = true);
            adding.into_iter().for_each(|id| copying.entry(id).or_default()[1] = true);
        }
        let mut objections = Vec::new();
        for (id, directions) in copying {
            let (Some(lines), Some(loads)) = (self.lines.get(&id), self.loads.get(&id)) else { continue };
            for (at, (name, verb)) in DIRECTIONS.into_iter().enumerate() {
                let Some(line) = lines[at].filter(|_| directions[at]) else { continue };
                let copies = limit.unwrap_or(0) as f64;
                if loads[at] <= line.allowed(copies) {
                    continue;
                }
                let text = format!(
                    "broker {id} {verb} {} beside the copies, which may take {}: past the limit `{name}` of {}",
                    human::rate(loads[at]),
                    human::rate(copies),
                    human::rate(line.limit)
                );
                objections.push(Objection::new(Cause::Network(id, name), text));
            }
        }
        objections
    }
}

impl Line {
    /// What the broker may carry beside `copies`: what the limit leaves, or, where the plan passes that by itself, the
    /// limit or what the snapshot has.
    fn allowed(self, copies: f64) -> f64 {
        if self.snapshot + copies <= self.limit {
            self.limit - copies
        } else {
            self.limit.max(OLDER_RATES * self.snapshot)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_take_their_part_of_a_limit_unless_the_plan_passes_it_by_itself() {
        let allowed = |snapshot: f64, copies: f64| Line { limit: 80.0, snapshot }.allowed(copies);
        assert!((allowed(30.0, 40.0) - 40.0).abs() < 1e-9);
        assert!((allowed(50.0, 40.0) - 80.0).abs() < 1e-9, "a higher throttle was asked for");
        assert!((allowed(100.0, 10.0) - 105.0).abs() < 1e-9, "passed before the plan began");
    }
}
