//! A cluster as it stood at one moment: what a snapshot directory holds, validated and indexed.
//!
//! Input: rows that ingestion has checked against each other. Output: tables sorted so that everything about a broker,
//! a topic or a partition is contiguous. Invariants (held by ingestion, relied on by every stage):
//! - `brokers` ascend by id, `log_dirs` by (broker, path), `topics` by name, `partitions` by (topic, number), and
//!   `replicas` by (partition, position) with positions 0…f−1;
//! - every index points into its table; a leader is one of its partition's replicas;
//! - numbers are finite and not negative, capacities above zero.

use std::ops::Range;

use super::index::{BrokerIdx, GroupIdx, LogDirIdx, PartitionIdx, RackIdx, TopicIdx};

/// The group that everything belongs to where no broker names a group, and under which brokers and topics without one
/// are reported.
pub const DEFAULT_GROUP: &str = "default";

/// What `cluster.toml` says of the whole snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterInfo {
    /// Kafka's cluster id.
    pub cluster_id: String,
    /// When the cluster was read (RFC 3339, UTC).
    pub captured_at: String,
    /// Where the snapshot came from, for the reader.
    pub source: String,
    /// The brokers' Kafka version, if known.
    pub kafka_version: Option<String>,
    /// What the traffic figures stand for.
    pub window: Option<Window>,
    /// SHA-256 of the snapshot's files in name order, in hexadecimal; empty for a snapshot that was never on disk.
    pub sha256: String,
}

/// The time range and statistic behind the traffic figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Start (RFC 3339, UTC).
    pub start: String,
    /// End (RFC 3339, UTC).
    pub end: String,
    /// What the figures are: mean, p50, p95, p99 or max.
    pub statistic: Statistic,
}

/// The statistic over [`Window`] that the traffic figures are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// Arithmetic mean.
    Mean,
    /// Median.
    P50,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
    /// Maximum.
    Max,
}

impl Statistic {
    /// All statistics, in the contract's order.
    pub const ALL: [Self; 5] = [Self::Mean, Self::P50, Self::P95, Self::P99, Self::Max];

    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Max => "max",
        }
    }
}

/// What a broker is for, as the operator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BrokerState {
    /// In service.
    Alive,
    /// In service and empty: just added.
    New,
    /// In service, to be emptied.
    Draining,
    /// Not answering, expected back: receives nothing and is not emptied.
    Down,
    /// Gone for good: its replicas are replaced.
    Dead,
}

impl BrokerState {
    /// All states, in the contract's order.
    pub const ALL: [Self; 5] = [Self::Alive, Self::New, Self::Draining, Self::Down, Self::Dead];

    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::New => "new",
            Self::Draining => "draining",
            Self::Down => "down",
            Self::Dead => "dead",
        }
    }

    /// Whether the broker is to hold replicas: `alive` and `new` ones.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Alive | Self::New)
    }

    /// Whether replicas are to leave the broker: `draining` and `dead` ones.
    #[must_use]
    pub fn is_leaving(self) -> bool {
        matches!(self, Self::Draining | Self::Dead)
    }
}

/// A row of `brokers.csv`, completed from the machine catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Broker {
    /// Kafka's broker id.
    pub id: i32,
    /// Failure domain.
    pub rack: Option<RackIdx>,
    /// Resource group: the topics of a group live on its brokers only.
    pub group: Option<GroupIdx>,
    /// What the broker is for.
    pub state: BrokerState,
    /// Name in the machine catalogue.
    pub machine_model: Option<String>,
    /// Host name, for the reader.
    pub host: Option<String>,
    /// Cores.
    pub cpu_cores: Option<f64>,
    /// Share of the cores in use when the snapshot was taken (0–1).
    pub cpu_utilization: Option<f64>,
    /// What the network can carry in, bytes per second.
    pub network_in_capacity_bytes_per_sec: Option<f64>,
    /// What the network can carry out, bytes per second.
    pub network_out_capacity_bytes_per_sec: Option<f64>,
    /// What the broker was measured to receive, bytes per second.
    pub measured_network_in_bytes_per_sec: Option<f64>,
    /// What the broker was measured to send, bytes per second.
    pub measured_network_out_bytes_per_sec: Option<f64>,
    /// First row of the broker's log dirs; they are contiguous.
    pub first_log_dir: u32,
    /// How many log dirs the broker has.
    pub log_dir_count: u32,
}

impl Broker {
    /// The rows of [`Snapshot::log_dirs`] that are this broker's.
    #[must_use]
    pub fn log_dir_rows(&self) -> Range<usize> {
        let first = self.first_log_dir as usize;
        first..first + self.log_dir_count as usize
    }
}

/// Whether a log dir can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogDirState {
    /// Usable.
    Online,
    /// Failed: its replicas must leave their broker.
    Offline,
    /// Usable for what it holds, closed for anything new.
    Cordoned,
}

impl LogDirState {
    /// All states, in the contract's order.
    pub const ALL: [Self; 3] = [Self::Online, Self::Offline, Self::Cordoned];

    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Cordoned => "cordoned",
        }
    }

    /// Whether what is on the dir is served: everything but an offline dir.
    #[must_use]
    pub fn is_serving(self) -> bool {
        self != Self::Offline
    }
}

/// A row of `log_dirs.csv`, completed from the machine catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct LogDir {
    /// The broker it belongs to.
    pub broker: BrokerIdx,
    /// Absolute path.
    pub path: String,
    /// Size of the disk behind it.
    pub capacity_bytes: Option<u64>,
    /// Bytes per second that its disk can write, one after the other, if known.
    pub write_capacity_bytes_per_sec: Option<f64>,
    /// Whether it can be used.
    pub state: LogDirState,
    /// What is on the disk that no replica of the snapshot accounts for.
    pub other_used_bytes: u64,
}

/// A row of `topics.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Topic {
    /// Topic name.
    pub name: String,
    /// The group whose brokers the topic lives on.
    pub group: Option<GroupIdx>,
    /// `min.insync.replicas`.
    pub min_insync_replicas: Option<u32>,
    /// `cleanup.policy`.
    pub cleanup_policy: Option<String>,
    /// `retention.ms`; −1 is Kafka's "without limit".
    pub retention_ms: Option<i64>,
    /// `retention.bytes` per partition; −1 is Kafka's "without limit".
    pub retention_bytes: Option<i64>,
    /// First row of the topic's partitions; they are contiguous.
    pub first_partition: u32,
    /// How many partitions the topic has.
    pub partition_count: u32,
}

impl Topic {
    /// The rows of [`Snapshot::partitions`] that are this topic's.
    #[must_use]
    pub fn partition_rows(&self) -> Range<usize> {
        let first = self.first_partition as usize;
        first..first + self.partition_count as usize
    }
}

/// A row of `partitions.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    /// What producers write to the leader, bytes per second (0 when unknown).
    pub bytes_in_per_sec: f64,
    /// What consumers read, replication not counted, bytes per second (0 when unknown).
    pub bytes_out_per_sec: f64,
    /// Records written per second (0 when unknown).
    pub messages_in_per_sec: f64,
    /// The topic.
    pub topic: TopicIdx,
    /// Kafka's partition number.
    pub number: u32,
    /// The broker that leads, none where the partition is offline.
    pub leader: Option<BrokerIdx>,
    /// First row of the partition's replicas; they are contiguous, in position order.
    pub first_replica: u32,
    /// Replication factor.
    pub replica_count: u32,
}

impl Partition {
    /// The rows of [`Snapshot::replicas`] that are this partition's.
    #[must_use]
    pub fn replica_rows(&self) -> Range<usize> {
        let first = self.first_replica as usize;
        first..first + self.replica_count as usize
    }
}

/// Which side of a running reassignment a replica is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reassignment {
    /// Being copied to its broker.
    Adding,
    /// Leaving its broker when the copy is done.
    Removing,
}

/// A row of `replicas.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Replica {
    /// Bytes on disk.
    pub size_bytes: u64,
    /// The broker that hosts it.
    pub broker: BrokerIdx,
    /// Where on the broker; none where the source did not say.
    pub log_dir: Option<LogDirIdx>,
    /// Whether it is in the ISR.
    pub in_sync: bool,
    /// Its part in a running reassignment.
    pub reassignment: Option<Reassignment>,
}

/// A cluster as it stood at one moment. See the module's invariants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Cluster-wide facts.
    pub cluster: ClusterInfo,
    /// Racks by name, ascending.
    pub racks: Vec<String>,
    /// Resource groups by name, ascending; named by a broker or a topic.
    pub groups: Vec<String>,
    /// Brokers, ascending by id.
    pub brokers: Vec<Broker>,
    /// Log dirs, by broker, then path.
    pub log_dirs: Vec<LogDir>,
    /// Topics, ascending by name.
    pub topics: Vec<Topic>,
    /// Partitions, by topic, then number.
    pub partitions: Vec<Partition>,
    /// Replicas, by partition, then position.
    pub replicas: Vec<Replica>,
}

impl Snapshot {
    /// The broker at `broker`.
    #[must_use]
    pub fn broker(&self, broker: BrokerIdx) -> &Broker {
        &self.brokers[broker.row()]
    }

    /// The log dir at `log_dir`.
    #[must_use]
    pub fn log_dir(&self, log_dir: LogDirIdx) -> &LogDir {
        &self.log_dirs[log_dir.row()]
    }

    /// The topic at `topic`.
    #[must_use]
    pub fn topic(&self, topic: TopicIdx) -> &Topic {
        &self.topics[topic.row()]
    }

    /// The partition at `partition`.
    #[must_use]
    pub fn partition(&self, partition: PartitionIdx) -> &Partition {
        &self.partitions[partition.row()]
    }

    /// The replicas of `partition`, in position order.
    #[must_use]
    pub fn replicas_of(&self, partition: PartitionIdx) -> &[Replica] {
        &self.replicas[self.partition(partition).replica_rows()]
    }

    /// `topic-partition`, as Kafka's tools write it.
    #[must_use]
    pub fn partition_name(&self, partition: PartitionIdx) -> String {
        let p = self.partition(partition);
        format!("{}-{}", self.topic(p.topic).name, p.number)
    }

    /// All brokers' indices, ascending by id.
    pub fn broker_indices(&self) -> impl Iterator<Item = BrokerIdx> + use<> {
        (0..self.brokers.len()).map(BrokerIdx::new)
    }

    /// All partitions' indices, by topic, then number.
    pub fn partition_indices(&self) -> impl Iterator<Item = PartitionIdx> + use<> {
        (0..self.partitions.len()).map(PartitionIdx::new)
    }

    /// The broker with Kafka id `id`.
    #[must_use]
    pub fn broker_by_id(&self, id: i32) -> Option<BrokerIdx> {
        self.brokers.binary_search_by_key(&id, |b| b.id).ok().map(BrokerIdx::new)
    }

    /// The topic called `name`.
    #[must_use]
    pub fn topic_by_name(&self, name: &str) -> Option<TopicIdx> {
        self.topics.binary_search_by(|t| t.name.as_str().cmp(name)).ok().map(TopicIdx::new)
    }

    /// Partition `number` of `topic`.
    #[must_use]
    pub fn partition_by_number(&self, topic: TopicIdx, number: u32) -> Option<PartitionIdx> {
        let rows = self.topic(topic).partition_rows();
        let first = rows.start;
        let found = self.partitions[rows].binary_search_by_key(&number, |p| p.number).ok()?;
        Some(PartitionIdx::new(first + found))
    }

    /// The log dir of `broker` at `path`.
    #[must_use]
    pub fn log_dir_by_path(&self, broker: BrokerIdx, path: &str) -> Option<LogDirIdx> {
        let rows = self.broker(broker).log_dir_rows();
        let first = rows.start;
        let found = self.log_dirs[rows].binary_search_by(|d| d.path.as_str().cmp(path)).ok()?;
        Some(LogDirIdx::new(first + found))
    }

    /// The group called `name`.
    #[must_use]
    pub fn group_by_name(&self, name: &str) -> Option<GroupIdx> {
        self.groups.binary_search_by(|g| g.as_str().cmp(name)).ok().map(GroupIdx::new)
    }

    /// The largest size among a partition's replicas: what a copy to another broker is taken to bring.
    #[must_use]
    pub fn copy_size_bytes(&self, partition: PartitionIdx) -> u64 {
        self.replicas_of(partition).iter().map(|r| r.size_bytes).max().unwrap_or(0)
    }

    /// Whether any broker names a group; where none does, everything is one group called [`DEFAULT_GROUP`].
    #[must_use]
    pub fn is_grouped(&self) -> bool {
        self.brokers.iter().any(|b| b.group.is_some())
    }
}
