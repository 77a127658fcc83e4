//! Joins what the tools said into the tables of a snapshot.
//!
//! Each source knows a part: topics who holds and leads what, log dirs where and how large, configs and endpoints racks.
//! They were taken one after the other, so that they may disagree in details; what follows from that is named.

use std::collections::hash_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::brokers::Endpoints;
use super::codes;
use super::configs::Configs;
use super::log_dirs::LogDirs;
use super::reassignments::Reassignments;
use super::summary::{Summary, count, few};
use super::text::Place;
use super::topics::{PartitionRow, TopicRow, Topics};
use crate::ingest::fault::{Fault, Faults};
use crate::ingest::inventory::id_ranges;
use crate::model::{
    Broker, BrokerIdx, BrokerState, LogDir, LogDirIdx, LogDirState, Partition, RackIdx, Reassignment, Replica,
    Snapshot, Topic, TopicIdx,
};

/// All sources but the metrics, each read.
#[derive(Default)]
pub(super) struct Capture {
    pub(super) topics: Topics,
    pub(super) log_dirs: LogDirs,
    pub(super) configs: Configs,
    pub(super) endpoints: Endpoints,
    /// With the file's path.
    pub(super) running: Option<(PathBuf, Reassignments)>,
    /// Brokers that serve although they did not describe their log dirs.
    pub(super) alive: BTreeSet<i32>,
}

impl Capture {
    /// Brokers by those host names that only one of them has.
    pub(super) fn hosts(&self) -> BTreeMap<String, i32> {
        super::unique_hosts(self.endpoints.iter().filter_map(|(id, e)| Some((e.host.clone()?, *id))))
    }

    /// A topic that is marked for deletion has no leaders and no future, and need not be placed.
    pub(super) fn leave_out_deleted(&mut self, summary: &mut Summary) {
        let marked: Vec<String> = self
            .topics
            .iter()
            .filter(|(_, topic)| topic.is_marked_for_deletion)
            .map(|(name, _)| name.clone())
            .collect();
        self.topics.retain(|_, topic| !topic.is_marked_for_deletion);
        if !marked.is_empty() {
            let number = count(marked.len(), "topic");
            summary.derived.push(format!("{number} marked for deletion: left out ({})", few(&marked)));
        }
    }

    /// All brokers that any source names, controllers left out.
    fn broker_ids(&self) -> BTreeSet<i32> {
        let partitions = self.topics.values().flat_map(|topic| topic.partitions.values());
        let holders = partitions.flat_map(|p| p.replicas.iter().copied());
        let configured = self.configs.brokers.iter().filter(|(_, c)| !c.is_controller_only).map(|(id, _)| *id);
        let mut ids: BTreeSet<i32> = holders.chain(configured).collect();
        ids.extend(self.log_dirs.reporting.iter().copied());
        ids.extend(self.endpoints.keys().copied());
        ids
    }
}

/// Where a replica lies.
#[derive(Clone, Copy)]
struct Located {
    log_dir: LogDirIdx,
    size_bytes: u64,
}

/// The tables while they are filled, and what is worth telling.
struct Assembly<'c> {
    capture: &'c Capture,
    snapshot: Snapshot,
    /// By topic, partition and broker; looked up only.
    located: HashMap<(&'c str, u32, i32), Located>,
    /// Offline dirs per broker.
    offline: BTreeMap<i32, Vec<LogDirIdx>>,
    told: Told,
}

/// What happened to replicas that no dir lists, by broker.
#[derive(Default)]
struct Told {
    on_down: BTreeMap<i32, usize>,
    on_offline: BTreeMap<i32, usize>,
    without_files: Vec<String>,
    not_yet_copied: Vec<String>,
    size_unknown: Vec<String>,
    reassigning: Vec<String>,
}

/// Builds the snapshot; `topics_path` is where disagreements are reported.
pub(super) fn assemble(capture: &Capture, topics_path: &Path, summary: &mut Summary, faults: &mut Faults) -> Snapshot {
    let mut assembly = Assembly {
        capture,
        snapshot: Snapshot::default(),
        located: HashMap::new(),
        offline: BTreeMap::new(),
        told: Told::default(),
    };
    assembly.brokers();
    assembly.locate(summary);
    for (name, topic) in &capture.topics {
        assembly.topic(name, topic);
    }
    assembly.check_absent(topics_path, faults);
    assembly.check_running(faults);
    assembly.tell(topics_path, summary, faults);
    assembly.snapshot
}

impl<'c> Assembly<'c> {
    /// Brokers with their racks and log dirs.
    fn brokers(&mut self) {
        let capture = self.capture;
        let rack_of = |id: i32| {
            let configured = capture.configs.brokers.get(&id).and_then(|c| c.rack.clone());
            configured.or_else(|| capture.endpoints.get(&id).and_then(|e| e.rack.clone()))
        };
        let ids = capture.broker_ids();
        let racks: BTreeSet<String> = ids.iter().filter_map(|id| rack_of(*id)).collect();
        self.snapshot.racks = racks.into_iter().collect();
        for id in ids {
            let index = BrokerIdx::new(self.snapshot.brokers.len());
            let first = row_number(self.snapshot.log_dirs.len());
            self.log_dirs_of(id, index);
            let log_dir_count = row_number(self.snapshot.log_dirs.len()) - first;
            let rack = rack_of(id).and_then(|rack| self.snapshot.racks.binary_search(&rack).ok());
            let answered = capture.log_dirs.reporting.contains(&id) || capture.alive.contains(&id);
            self.snapshot.brokers.push(Broker {
                id,
                rack: rack.map(RackIdx::new),
                group: None,
                state: if answered { BrokerState::Alive } else { BrokerState::Down },
                machine_model: None,
                host: capture.endpoints.get(&id).and_then(|e| e.host.clone()),
                cpu_cores: None,
                cpu_utilization: None,
                network_in_capacity_bytes_per_sec: None,
                network_out_capacity_bytes_per_sec: None,
                measured_network_in_bytes_per_sec: None,
                measured_network_out_bytes_per_sec: None,
                // A broker without dirs starts at 0, as in a snapshot that is read.
                first_log_dir: if log_dir_count > 0 { first } else { 0 },
                log_dir_count,
            });
        }
    }

    fn log_dirs_of(&mut self, id: i32, broker: BrokerIdx) {
        let capture = self.capture;
        let cordoned = capture.configs.brokers.get(&id).map(|c| c.cordoned.as_slice()).unwrap_or_default();
        let of_broker = capture.log_dirs.dirs.range((id, String::new())..);
        for ((_, path), online) in of_broker.take_while(|((owner, _), _)| *owner == id) {
            let state = if !online {
                self.offline.entry(id).or_default().push(LogDirIdx::new(self.snapshot.log_dirs.len()));
                LogDirState::Offline
            } else if cordoned.iter().any(|dir| dir == path || dir == "*") {
                LogDirState::Cordoned
            } else {
                LogDirState::Online
            };
            let path = path.clone();
            self.snapshot.log_dirs.push(LogDir {
                broker,
                path,
                capacity_bytes: None,
                write_capacity_bytes_per_sec: None,
                state,
                other_used_bytes: 0,
            });
        }
    }

    /// Notes where each replica lies. What lies in a dir and is nobody's replica takes room there all the same.
    fn locate(&mut self, summary: &mut Summary) {
        let capture = self.capture;
        let mut strays: BTreeMap<(i32, &str), (usize, u64)> = BTreeMap::new();
        for entry in &capture.log_dirs.entries {
            let broker = self.snapshot.broker_by_id(entry.broker);
            let found = broker.and_then(|broker| self.snapshot.log_dir_by_path(broker, &entry.path));
            let Some(log_dir) = found else { continue };
            let row = capture.topics.get_key_value(&entry.topic);
            let known = row.filter(|(_, topic)| {
                topic.partitions.get(&entry.partition).is_some_and(|p| p.replicas.contains(&entry.broker))
            });
            if let Some((topic, _)) = known.filter(|_| !entry.is_future) {
                let here = Located { log_dir, size_bytes: entry.size_bytes };
                if let Slot::Vacant(slot) = self.located.entry((topic.as_str(), entry.partition, entry.broker)) {
                    slot.insert(here);
                    continue;
                }
            }
            let dir = &mut self.snapshot.log_dirs[log_dir.row()];
            dir.other_used_bytes = dir.other_used_bytes.saturating_add(entry.size_bytes);
            if entry.is_future {
                summary.derived.push(format!(
                    "{}-{} is being moved to {} of broker {}: it stays on its present dir, and the {} bytes copied so \
                     far count as other use of the new one",
                    entry.topic, entry.partition, entry.path, entry.broker, entry.size_bytes
                ));
            } else {
                let stray = strays.entry((entry.broker, &*entry.path)).or_default();
                *stray = (stray.0 + 1, stray.1.saturating_add(entry.size_bytes));
            }
        }
        for ((broker, path), (replicas, bytes)) in strays {
            summary.derived.push(format!(
                "{path} of broker {broker} holds {} of no listed partition: {bytes} bytes count as other use",
                count(replicas, "replica")
            ));
        }
    }

    fn topic(&mut self, name: &'c str, row: &'c TopicRow) {
        let configs = &self.capture.configs;
        let own = configs.topics.get(name).cloned().unwrap_or_default().or(&row.config);
        let config = own.or(&configs.topic_defaults());
        let index = TopicIdx::new(self.snapshot.topics.len());
        let first_partition = row_number(self.snapshot.partitions.len());
        for (&number, partition) in &row.partitions {
            self.partition(name, index, number, partition);
        }
        self.snapshot.topics.push(Topic {
            name: name.to_owned(),
            group: None,
            min_insync_replicas: config.min_insync_replicas,
            cleanup_policy: config.cleanup_policy,
            retention_ms: config.retention_ms,
            retention_bytes: config.retention_bytes,
            first_partition,
            partition_count: row_number(self.snapshot.partitions.len()) - first_partition,
        });
    }

    fn partition(&mut self, topic: &'c str, index: TopicIdx, number: u32, row: &'c PartitionRow) {
        let known = |id: i32| self.located.get(&(topic, number, id)).map(|l| l.size_bytes);
        let of_leader = row.leader.and_then(known);
        let likely_size = of_leader.or_else(|| row.replicas.iter().filter_map(|id| known(*id)).max());
        let running = self.capture.running.as_ref().and_then(|(_, r)| r.get(&(topic.to_owned(), number)));
        let (adding, removing) = running.map_or((&[][..], &[][..]), |r| (&r.adding[..], &r.removing[..]));
        let first_replica = row_number(self.snapshot.replicas.len());
        let mut is_moving = false;
        for &id in &row.replicas {
            let reassignment = if row.adding.contains(&id) || adding.contains(&id) {
                Some(Reassignment::Adding)
            } else if row.removing.contains(&id) || removing.contains(&id) {
                Some(Reassignment::Removing)
            } else {
                None
            };
            is_moving |= reassignment.is_some();
            let Some(broker) = self.snapshot.broker_by_id(id) else { continue };
            let (log_dir, size_bytes) = self.place_of((topic, number), id, reassignment, likely_size);
            let in_sync = row.isr.contains(&id);
            self.snapshot.replicas.push(Replica { size_bytes, broker, log_dir, in_sync, reassignment });
        }
        if is_moving {
            self.told.reassigning.push(format!("{topic}-{number}"));
        }
        self.snapshot.partitions.push(Partition {
            bytes_in_per_sec: 0.0,
            bytes_out_per_sec: 0.0,
            messages_in_per_sec: 0.0,
            topic: index,
            number,
            leader: row.leader.and_then(|id| self.snapshot.broker_by_id(id)),
            first_replica,
            replica_count: row_number(self.snapshot.replicas.len()) - first_replica,
        });
    }

    /// Dir and size of the replica of `partition` on broker `id`; `likely_size` is its leader's or largest sibling's.
    fn place_of(
        &mut self,
        (topic, number): (&'c str, u32),
        id: i32,
        reassignment: Option<Reassignment>,
        likely_size: Option<u64>,
    ) -> (Option<LogDirIdx>, u64) {
        if let Some(located) = self.located.get(&(topic, number, id)) {
            return (Some(located.log_dir), located.size_bytes);
        }
        let answered = self.capture.log_dirs.reporting.contains(&id);
        let offline = self.offline.get(&id).map(Vec::as_slice).unwrap_or_default();
        if answered && offline.is_empty() {
            let told = match reassignment {
                Some(Reassignment::Adding) => &mut self.told.not_yet_copied,
                _ => &mut self.told.without_files,
            };
            told.push(format!("{topic}-{number} on broker {id}"));
            return (None, 0);
        }
        *if answered { &mut self.told.on_offline } else { &mut self.told.on_down }.entry(id).or_default() += 1;
        if likely_size.is_none() {
            self.told.size_unknown.push(format!("{topic}-{number}"));
        }
        let log_dir = if let &[only] = offline { Some(only) } else { None };
        (log_dir, likely_size.unwrap_or(0))
    }

    /// A broker that does not answer but is in the ISR answered a moment ago, or was left out of the capture.
    fn check_absent(&self, topics_path: &Path, faults: &mut Faults) {
        let partitions = self.capture.topics.values().flat_map(|topic| topic.partitions.values());
        let serving: BTreeSet<i32> = partitions.flat_map(|p| p.isr.iter().copied().chain(p.leader)).collect();
        let down = self.snapshot.brokers.iter().filter(|b| b.state == BrokerState::Down).map(|b| b.id);
        let absent: Vec<i32> = down.filter(|id| serving.contains(id)).collect();
        if !absent.is_empty() {
            let message = format!("{} did not describe log dirs, but topics show as in sync there", id_ranges(&absent));
            let help = "taken as down: capture topics and log dirs again, of all brokers, if they are not";
            faults.push(Fault::warning(codes::DISAGREEMENT, topics_path, message).help(help));
        }
    }

    /// Reassignments of partitions that the topics do not show that way: they began or ended between the captures.
    fn check_running(&self, faults: &mut Faults) {
        let Some((path, running)) = &self.capture.running else { return };
        let mut odd: Vec<(String, Place)> = Vec::new();
        for ((topic, number), entry) in running {
            let row = self.capture.topics.get(topic).and_then(|t| t.partitions.get(number));
            if !row.is_some_and(|row| entry.adding.iter().all(|id| row.replicas.contains(id))) {
                odd.push((format!("{topic}-{number}"), entry.place));
            }
        }
        if let Some((_, place)) = odd.first() {
            let names: Vec<String> = odd.iter().map(|(name, _)| name.clone()).collect();
            let number = count(names.len(), "reassignment");
            let message = format!("{number} do not show in the topics' capture: {}", few(&names));
            let fault = Fault::warning(codes::DISAGREEMENT, path, message).at(place.line, place.column);
            faults.push(fault.help("capture again once they are through"));
        }
    }

    fn tell(&mut self, topics_path: &Path, summary: &mut Summary, faults: &mut Faults) {
        let told = std::mem::take(&mut self.told);
        for (id, replicas) in told.on_down {
            summary.derived.push(format!(
                "the log dirs of broker {id} are unknown: its {} have no log dir, and their leaders' sizes",
                count(replicas, "replica")
            ));
        }
        for (id, replicas) in told.on_offline {
            summary.derived.push(self.offline_line(id, replicas));
        }
        if !told.reassigning.is_empty() {
            let number = count(told.reassigning.len(), "partition");
            summary.derived.push(format!("a reassignment of {number} is under way: {}", few(&told.reassigning)));
        }
        if !told.not_yet_copied.is_empty() {
            let number = count(told.not_yet_copied.len(), "replica");
            let line =
                format!("{number} being added have no files yet: size 0, no log dir ({})", few(&told.not_yet_copied));
            summary.derived.push(line);
        }
        if !told.size_unknown.is_empty() {
            let number = count(told.size_unknown.len(), "replica");
            summary.missing.push(format!("sizes of {number} that no broker told: 0 ({})", few(&told.size_unknown)));
        }
        if !told.without_files.is_empty() {
            let number = count(told.without_files.len(), "replica");
            let message = format!("{number} have no files on brokers that answered: {}", few(&told.without_files));
            let help = "taken as empty, without a log dir: capture the log dirs of all topics, after the topics";
            faults.push(Fault::warning(codes::DISAGREEMENT, topics_path, message).help(help));
        }
    }

    fn offline_line(&self, id: i32, replicas: usize) -> String {
        let offline = self.offline.get(&id).map(Vec::as_slice).unwrap_or_default();
        let paths: Vec<&str> = offline.iter().map(|dir| self.snapshot.log_dir(*dir).path.as_str()).collect();
        let number = count(replicas, "replica");
        match paths.as_slice() {
            [only] => {
                format!("{number} of broker {id} lie on {only}, which is offline; they have their leaders' sizes")
            }
            several => format!(
                "{number} of broker {id} lie on one of its offline dirs {}: they have no log dir, and their leaders' \
                 sizes",
                several.join(", ")
            ),
        }
    }
}

/// Row numbers are 32 bits: a text with more rows would not fit into memory.
fn row_number(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}
