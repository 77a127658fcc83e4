//! Asks a cluster all that a snapshot holds. Input: a connection. Output: [`Observed`], with what could not be had
//! named in it; only a cluster that does not answer at all is a failure.
//!
//! Rates are taken from two readings of offsets and sizes: records from what a partition's end offset grew by, bytes
//! from what its leader's log grew by. Where retention removed segments in between, which the first offset shows, bytes
//! are the records times the mean size of those that are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::admin::{
    Admin, Answer, ErrorKind, LogDirs, OffsetsAnswer, Resource, RunningReassignment, TopicPartition, TopicsAnswer,
};
use super::surroundings::Surroundings;
use super::{quotas, visible};
use crate::ingest::kafka_cli::observed::{Observed, ObservedLogDir, ObservedPartition, ObservedRates, PartitionKey};
use crate::ingest::kafka_cli::rfc3339;
use crate::model::{Statistic, Window};

/// The wait between two readings is cut into pieces of this length, so that progress shows.
const TICK: Duration = Duration::from_millis(500);

/// Captures a cluster; rates come from readings `sample` apart, and there are none where that is zero. `progress` is told
/// what is being read and how much of it all is done (0–1).
///
/// # Errors
/// No broker answered, or refused who we are, or showed us no topic.
pub fn capture(
    admin: &dyn Admin,
    sample: Duration,
    surroundings: &dyn Surroundings,
    progress: &dyn Fn(&str, f64),
) -> Answer<Observed> {
    progress("brokers", 0.0);
    let cluster = admin.cluster()?;
    let mut observed = Observed {
        cluster_id: cluster.cluster_id,
        captured_at: rfc3339(surroundings.unix_seconds() as i64),
        ..Observed::default()
    };
    for (id, broker) in cluster.brokers {
        observed.brokers.insert(id, (Some(broker.host).filter(|host| !host.is_empty()), broker.rack));
    }
    let brokers: Vec<i32> = observed.brokers.keys().copied().collect();
    progress("topics", 0.1);
    let topics = admin.topics()?;
    let running = reassignments(admin, &mut observed.missing);
    take_partitions(&topics, &running, &mut observed);
    progress("configs", 0.2);
    take_configs(admin, &brokers, &topics, &mut observed);
    observed.quotas = quotas::take(admin, &mut observed.missing);
    progress("log dirs", 0.4);
    let first = Reading::take(admin, &brokers, &topics, !sample.is_zero(), surroundings);
    visible::judge(&topics, &first.dirs, &mut observed.missing)?;
    let last = if sample.is_zero() {
        let line = "what producers write: counts as 0, for --sample 0s asks for no second reading";
        observed.missing_unless_measured.push(line.to_owned());
        first
    } else {
        wait(sample, surroundings, progress);
        progress("second reading", 0.9);
        let second = Reading::take(admin, &brokers, &topics, true, surroundings);
        take_rates(&topics, &first, &second, &mut observed);
        second
    };
    let line = "what consumers read: counts as 0, for no offset tells it";
    observed.missing_unless_measured.push(line.to_owned());
    last.into_log_dirs(&mut observed);
    progress("snapshot", 1.0);
    Ok(observed)
}

fn wait(sample: Duration, surroundings: &dyn Surroundings, progress: &dyn Fn(&str, f64)) {
    let mut waited = Duration::ZERO;
    while waited < sample {
        progress("sampling", 0.5 + 0.4 * waited.as_secs_f64() / sample.as_secs_f64());
        let piece = TICK.min(sample - waited);
        surroundings.sleep(piece);
        waited += piece;
    }
}

fn reassignments(admin: &dyn Admin, missing: &mut Vec<String>) -> BTreeMap<TopicPartition, RunningReassignment> {
    match admin.reassignments() {
        Ok(running) => running,
        Err(error) => {
            let why = match error.kind {
                ErrorKind::Unsupported => "brokers list them from Kafka 2.4 on".to_owned(),
                _ => error.to_string(),
            };
            missing.push(format!("reassignments under way: partitions count as settled ({why})"));
            BTreeMap::new()
        }
    }
}

/// Kafka's numbers are not negative; what is has no partition.
fn key(partition: &TopicPartition) -> Option<PartitionKey> {
    Some((partition.topic.clone(), u32::try_from(partition.partition).ok()?))
}

fn take_partitions(
    topics: &TopicsAnswer,
    running: &BTreeMap<TopicPartition, RunningReassignment>,
    observed: &mut Observed,
) {
    for (partition, found) in &topics.partitions {
        let Some(key) = key(partition) else { continue };
        let moving = running.get(partition).cloned().unwrap_or_default();
        let known = |ids: Vec<i32>| ids.into_iter().filter(|id| found.replicas.contains(id)).collect();
        let taken = ObservedPartition {
            leader: found.leader,
            replicas: found.replicas.clone(),
            isr: found.isr.clone(),
            adding: known(moving.adding),
            removing: known(moving.removing),
        };
        observed.partitions.insert(key, taken);
    }
    for (topic, why) in &topics.refused {
        observed.missing.push(format!("topic {topic}: left out ({why})"));
    }
}

fn take_configs(admin: &dyn Admin, brokers: &[i32], topics: &TopicsAnswer, observed: &mut Observed) {
    let names: BTreeSet<&String> = topics.partitions.keys().map(|partition| &partition.topic).collect();
    let resources: Vec<Resource> = brokers
        .iter()
        .map(|id| Resource::Broker(*id))
        .chain(names.into_iter().map(|name| Resource::Topic(name.clone())))
        .collect();
    let mut failures = Failures::default();
    for (resource, answer) in admin.configs(&resources) {
        let configs = match answer {
            Ok(configs) => configs,
            // A topic that was deleted meanwhile has none, and is found out by its log dirs too.
            Err(error) => {
                let effect = match resource {
                    Resource::Broker(_) => "configs of brokers: racks are as the cluster's description has them",
                    Resource::Topic(_) => "configs of topics: min.insync.replicas, cleanup and retention are unknown",
                };
                failures.add(effect, &error.to_string());
                continue;
            }
        };
        let values: Vec<(String, String)> =
            configs.into_iter().filter_map(|(name, config)| Some((name, config.value?))).collect();
        match resource {
            Resource::Broker(id) => drop(observed.broker_configs.insert(id, values)),
            Resource::Topic(name) => drop(observed.topic_configs.insert(name, values)),
        }
    }
    failures.tell(&mut observed.missing);
}

/// Failures of the same effect, told once with the first reason.
#[derive(Default)]
struct Failures<'a>(BTreeMap<&'a str, (usize, String)>);

impl<'a> Failures<'a> {
    fn add(&mut self, effect: &'a str, why: &str) {
        self.0.entry(effect).or_insert_with(|| (0, why.to_owned())).0 += 1;
    }

    fn tell(self, missing: &mut Vec<String>) {
        for (effect, (number, why)) in self.0 {
            let more = if number > 1 { format!(", and {} more like it", number - 1) } else { String::new() };
            missing.push(format!("{effect} ({why}{more})"));
        }
    }
}

/// Log dirs and offsets, and when they were asked for.
#[derive(Debug)]
pub(super) struct Reading {
    dirs: BTreeMap<i32, Answer<LogDirs>>,
    dirs_at: f64,
    offsets: BTreeMap<TopicPartition, Answer<OffsetsAnswer>>,
    offsets_at: f64,
}

impl Reading {
    /// Asks each of `brokers` once for its log dirs and, `with_offsets`, for the offsets of what it leads of `topics`.
    pub(super) fn take(
        admin: &dyn Admin,
        brokers: &[i32],
        topics: &TopicsAnswer,
        with_offsets: bool,
        surroundings: &dyn Surroundings,
    ) -> Self {
        // Brokers look at some moment while they are asked: the middle is nearest to all such.
        let start = surroundings.unix_seconds();
        let dirs = admin.log_dirs(brokers);
        let between = surroundings.unix_seconds();
        let led = topics.partitions.iter().filter(|(_, found)| found.leader.is_some());
        let asked: Vec<TopicPartition> = if with_offsets { led.map(|(p, _)| p.clone()).collect() } else { Vec::new() };
        let offsets = admin.offsets(&asked);
        let offsets_at = f64::midpoint(between, surroundings.unix_seconds());
        Self { dirs, dirs_at: f64::midpoint(start, between), offsets, offsets_at }
    }

    /// Bytes of each replica, by partition and broker.
    fn sizes(&self) -> BTreeMap<(&TopicPartition, i32), u64> {
        let answered = self.dirs.iter().filter_map(|(id, dirs)| Some((*id, dirs.as_ref().ok()?)));
        let listed = answered.flat_map(|(id, dirs)| dirs.values().map(move |dir| (id, dir)));
        listed
            .flat_map(|(id, dir)| dir.replicas.iter().filter(|r| !r.2).map(move |(p, bytes, _)| ((p, id), *bytes)))
            .collect()
    }

    fn into_log_dirs(self, observed: &mut Observed) {
        let mut failures = Failures::default();
        for (id, answer) in self.dirs {
            let why = match answer {
                Ok(dirs) if !dirs.is_empty() => {
                    take_log_dirs(id, dirs, observed);
                    continue;
                }
                // Every broker has one: before Kafka 3.2 it lists none to those who may not describe the cluster.
                Ok(_) => format!("broker {id} lists none: the principal may lack Describe on the cluster"),
                Err(error) if error.kind == ErrorKind::Unsupported => {
                    format!("{error}: before Kafka 2.0 capture with Kafka's tools and snapshot kafka-cli")
                }
                Err(error) => error.to_string(),
            };
            failures.add("log dirs: replicas there have no dir, and the sizes of their leaders where known", &why);
        }
        failures.tell(&mut observed.missing);
    }
}

fn take_log_dirs(id: i32, dirs: LogDirs, observed: &mut Observed) {
    observed.reporting.insert(id);
    for (path, dir) in dirs {
        let replicas = dir.replicas.iter().filter_map(|(p, bytes, is_future)| Some((key(p)?, *bytes, *is_future)));
        let taken = ObservedLogDir {
            is_online: dir.is_online,
            is_cordoned: dir.is_cordoned,
            total_bytes: dir.total_bytes,
            usable_bytes: dir.usable_bytes,
            replicas: replicas.collect(),
        };
        observed.log_dirs.insert((id, path), taken);
    }
}

fn take_rates(topics: &TopicsAnswer, first: &Reading, second: &Reading, observed: &mut Observed) {
    let (sizes_before, sizes_after) = (first.sizes(), second.sizes());
    let dirs_seconds = second.dirs_at - first.dirs_at;
    let offsets_seconds = second.offsets_at - first.offsets_at;
    if dirs_seconds <= 0.0 || offsets_seconds <= 0.0 {
        observed
            .missing_unless_measured
            .push("what producers write: the clock went backwards between the readings".to_owned());
        return;
    }
    let mut failures = Failures::default();
    let (mut by_record_size, mut unknown) = (0_usize, 0_usize);
    for (partition, found) in &topics.partitions {
        let (Some(leader), Some(key)) = (found.leader, key(partition)) else { continue };
        let size_before = sizes_before.get(&(partition, leader)).copied();
        let size_after = sizes_after.get(&(partition, leader)).copied();
        let offsets = match (first.offsets.get(partition), second.offsets.get(partition)) {
            (Some(Ok(before)), Some(Ok(after))) => Some((*before, *after)),
            (Some(Err(error)), _) | (_, Some(Err(error))) => {
                failures.add("offsets: records written count as 0", &error.to_string());
                None
            }
            _ => None,
        };
        let records = offsets.map(|(before, after)| (after.end - before.end).max(0) as f64);
        let bytes = match grown(size_before, size_after, offsets) {
            Some(Grown::Log(bytes)) => Some(bytes),
            Some(Grown::Records(bytes)) => {
                by_record_size += 1;
                Some(bytes)
            }
            None => None,
        };
        unknown += usize::from(bytes.is_none());
        let rates = ObservedRates {
            bytes_in_per_sec: bytes.unwrap_or(0.0) / dirs_seconds,
            messages_in_per_sec: records.unwrap_or(0.0) / offsets_seconds,
        };
        observed.rates.insert(key, rates);
    }
    failures.tell(&mut observed.missing_unless_measured);
    if unknown > 0 {
        observed
            .missing_unless_measured
            .push(format!("what producers write to {unknown} partitions: counts as 0, for no size told it"));
    }
    if by_record_size > 0 {
        observed.derived.push(format!(
            "retention removed records of {by_record_size} partitions between the readings: their bytes are records \
             times the mean size of those kept"
        ));
    }
    observed.derived.push(format!(
        "what producers write is the growth of offsets and logs within {dirs_seconds:.0} s: a moment, not a day; \
         snapshot kafka-cli takes metrics of longer times"
    ));
    observed.window = Some(Window {
        start: rfc3339(first.dirs_at as i64),
        end: rfc3339(second.dirs_at.ceil() as i64),
        statistic: Statistic::Mean,
    });
}

/// Bytes per second that producers wrote to each partition between two readings, as far as these tell.
pub(super) fn written<'t>(
    topics: &'t TopicsAnswer,
    first: &Reading,
    second: &Reading,
) -> BTreeMap<&'t TopicPartition, f64> {
    let (sizes_before, sizes_after) = (first.sizes(), second.sizes());
    let seconds = second.dirs_at - first.dirs_at;
    let rate = |(partition, found): (&'t TopicPartition, &super::admin::PartitionAnswer)| {
        let replica = (partition, found.leader?);
        let offsets = |reading: &Reading| reading.offsets.get(partition)?.as_ref().ok().copied();
        let offsets = offsets(first).zip(offsets(second));
        let (Grown::Log(bytes) | Grown::Records(bytes)) =
            grown(sizes_before.get(&replica).copied(), sizes_after.get(&replica).copied(), offsets)?;
        Some((partition, bytes / seconds))
    };
    if seconds > 0.0 { topics.partitions.iter().filter_map(rate).collect() } else { BTreeMap::new() }
}

/// Bytes written, and what they were taken from.
enum Grown {
    Log(f64),
    Records(f64),
}

fn grown(before: Option<u64>, after: Option<u64>, offsets: Option<(OffsetsAnswer, OffsetsAnswer)>) -> Option<Grown> {
    let grew = before.zip(after).and_then(|(before, after)| after.checked_sub(before)).map(|bytes| bytes as f64);
    let Some((first, last)) = offsets else { return grew.map(Grown::Log) };
    let records = (last.end - first.end).max(0) as f64;
    if records == 0.0 {
        // Kafka writes nothing to a log without an offset for it.
        return Some(Grown::Log(0.0));
    }
    if first.start == last.start && grew.is_some() {
        return grew.map(Grown::Log);
    }
    let kept = (last.end - last.start) as f64;
    let size = after.filter(|_| kept > 0.0)? as f64;
    Some(Grown::Records(records * size / kept))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::live::admin::{
        AdminError, BrokerAnswer, ClusterAnswer, ConfigChange, Configs, LogDirAnswer, PartitionAnswer, Replica,
    };

    /// A cluster of two brokers, the second of which may not be asked for its log dirs; configs, reassignments and
    /// offsets are denied, and one topic is.
    struct Denying {
        seconds: std::cell::Cell<f64>,
    }

    fn denied<T>() -> Answer<T> {
        Err(AdminError::new(ErrorKind::Denied, "not authorized"))
    }

    impl Surroundings for Denying {
        fn unix_seconds(&self) -> f64 {
            self.seconds.get()
        }

        fn sleep(&self, duration: Duration) {
            self.seconds.set(self.seconds.get() + duration.as_secs_f64());
        }
    }

    impl Admin for Denying {
        fn cluster(&self) -> Answer<ClusterAnswer> {
            let brokers = [1, 2].map(|id| (id, BrokerAnswer { host: format!("h{id}"), rack: None }));
            Ok(ClusterAnswer { cluster_id: "c".to_owned(), brokers: brokers.into() })
        }

        fn topics(&self) -> Answer<TopicsAnswer> {
            let found = PartitionAnswer { leader: Some(1), replicas: vec![1, 2], isr: vec![1, 2] };
            let partitions = BTreeMap::from([(TopicPartition::new("t", 0), found)]);
            Ok(TopicsAnswer { partitions, refused: BTreeMap::from([("secret".to_owned(), "denied".to_owned())]) })
        }

        fn log_dirs(&self, brokers: &[i32]) -> BTreeMap<i32, Answer<LogDirs>> {
            // The log grows by 1,000 bytes a second.
            let bytes = (self.seconds.get() * 1_000.0) as u64;
            let dir = LogDirAnswer {
                is_online: true,
                replicas: vec![(TopicPartition::new("t", 0), bytes, false)],
                ..LogDirAnswer::default()
            };
            let answer = |id: i32| if id == 1 { Ok(LogDirs::from([("/d".to_owned(), dir.clone())])) } else { denied() };
            brokers.iter().map(|id| (*id, answer(*id))).collect()
        }

        fn reassignments(&self) -> Answer<BTreeMap<TopicPartition, RunningReassignment>> {
            denied()
        }

        fn offsets(&self, partitions: &[TopicPartition]) -> BTreeMap<TopicPartition, Answer<OffsetsAnswer>> {
            partitions.iter().map(|partition| (partition.clone(), denied())).collect()
        }

        fn configs(&self, resources: &[Resource]) -> BTreeMap<Resource, Answer<Configs>> {
            resources.iter().map(|resource| (resource.clone(), denied())).collect()
        }

        fn alter_configs(&self, _: &[ConfigChange]) -> BTreeMap<Resource, Answer<()>> {
            BTreeMap::new()
        }

        fn alter_log_dirs(&self, _: &[(Replica, String)]) -> BTreeMap<Replica, Answer<()>> {
            BTreeMap::new()
        }

        fn reassign(&self, _: &[(TopicPartition, Option<Vec<i32>>)]) -> BTreeMap<TopicPartition, Answer<()>> {
            BTreeMap::new()
        }

        fn elect_preferred(&self, _: &[TopicPartition]) -> BTreeMap<TopicPartition, Answer<()>> {
            BTreeMap::new()
        }
    }

    #[test]
    fn what_is_denied_is_named_and_the_rest_is_captured() {
        let cluster = Denying { seconds: std::cell::Cell::new(100.0) };
        let observed = capture(&cluster, Duration::from_secs(10), &cluster, &|_, _| {}).unwrap();
        assert_eq!(observed.partitions.len(), 1);
        assert_eq!(observed.reporting.iter().copied().collect::<Vec<_>>(), [1]);
        let rates = observed.rates[&("t".to_owned(), 0)];
        assert!((rates.bytes_in_per_sec - 1_000.0).abs() < 1.0 && rates.messages_in_per_sec == 0.0, "{rates:?}");
        let missing = [observed.missing, observed.missing_unless_measured].concat().join("\n");
        for what in [
            "reassignments under way",
            "configs of brokers",
            "configs of topics",
            "offsets",
            "log dirs",
            "topic secret",
        ] {
            assert!(missing.contains(what), "{what} in {missing}");
        }
        assert_eq!(observed.window.unwrap().start, "1970-01-01T00:01:40Z");
    }

    fn offsets(start: (i64, i64), end: (i64, i64)) -> Option<(OffsetsAnswer, OffsetsAnswer)> {
        Some((OffsetsAnswer { start: start.0, end: end.0 }, OffsetsAnswer { start: start.1, end: end.1 }))
    }

    fn bytes(found: Option<Grown>) -> Option<(f64, bool)> {
        found.map(|grown| match grown {
            Grown::Log(bytes) => (bytes, false),
            Grown::Records(bytes) => (bytes, true),
        })
    }

    #[test]
    fn bytes_are_what_the_log_grew_by() {
        assert_eq!(bytes(grown(Some(1_000), Some(1_600), offsets((0, 0), (10, 16)))), Some((600.0, false)));
    }

    #[test]
    fn where_retention_removed_records_bytes_are_records_times_their_mean_size() {
        // 40 kept records in 2,000 bytes: 50 each; 20 were written.
        assert_eq!(bytes(grown(Some(3_000), Some(2_000), offsets((0, 30), (50, 70)))), Some((1_000.0, true)));
        assert_eq!(bytes(grown(Some(3_000), Some(3_100), offsets((0, 30), (50, 70)))), Some((1_550.0, true)));
    }

    #[test]
    fn a_log_that_got_no_record_got_no_byte_whatever_was_removed() {
        assert_eq!(bytes(grown(Some(3_000), Some(2_000), offsets((0, 30), (50, 50)))), Some((0.0, false)));
    }

    #[test]
    fn without_offsets_only_growth_tells() {
        assert_eq!(bytes(grown(Some(5), Some(9), None)), Some((4.0, false)));
        assert_eq!(bytes(grown(Some(9), Some(5), None)), None);
        assert_eq!(bytes(grown(None, Some(5), None)), None);
    }
}
