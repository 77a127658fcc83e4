//! What is asked of a running cluster, whichever client asks: one trait, so that the protocol crates behind it can be
//! exchanged and the executor be tried without a cluster. Names are those of Kafka's protocol.
//!
//! Calls over several items answer per item: one broker that is silent or one topic that is denied leaves the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A partition by topic and number, in Kafka's order of both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// Topic name.
    pub topic: String,
    /// Partition number.
    pub partition: i32,
}

impl TopicPartition {
    /// Partition `partition` of `topic`.
    #[must_use]
    pub fn new(topic: impl Into<String>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// A replica: a partition and the broker that holds it.
pub type Replica = (TopicPartition, i32);

/// What kind of refusal or failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// No broker answered in time.
    Unreachable,
    /// The credentials or a certificate were refused.
    Authentication,
    /// There is no ticket to show, or it was refused.
    Kerberos,
    /// The principal may not do this.
    Denied,
    /// The brokers are too old for it.
    Unsupported,
    /// The broker holds no replica of it (yet): `REPLICA_NOT_AVAILABLE`.
    ReplicaNotAvailable,
    /// The broker has no such log dir: `LOG_DIR_NOT_FOUND`.
    LogDirNotFound,
    /// The log dir has failed: `KAFKA_STORAGE_ERROR`.
    StorageError,
    /// Nothing is under way that could be cancelled: `NO_REASSIGNMENT_IN_PROGRESS`.
    NoReassignment,
    /// There is no such topic or partition.
    NotFound,
    /// The client is set up wrongly: a certificate that cannot be read, an address that is none.
    Configuration,
    /// Anything else that the cluster answered.
    Other,
}

/// Why a call failed. Holds no secret: clients name users and hosts, never passwords.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AdminError {
    /// The kind.
    pub kind: ErrorKind,
    /// What was asked of whom and what came back, a lowercase fragment.
    pub message: String,
}

impl AdminError {
    /// An error of this kind.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// The answer to one call, or to one item of it.
pub type Answer<T> = Result<T, AdminError>;

/// `DescribeCluster`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterAnswer {
    /// Kafka's cluster id.
    pub cluster_id: String,
    /// Brokers that are registered and not fenced, by id; controllers are not among them.
    pub brokers: BTreeMap<i32, BrokerAnswer>,
}

/// A broker that serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerAnswer {
    /// Host name that it advertises.
    pub host: String,
    /// `broker.rack`.
    pub rack: Option<String>,
}

/// `Metadata` of all topics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicsAnswer {
    /// Every partition that the principal may see.
    pub partitions: BTreeMap<TopicPartition, PartitionAnswer>,
    /// Topics that are listed with an error, and why.
    pub refused: BTreeMap<String, String>,
}

/// A partition's metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionAnswer {
    /// Who leads, none where nobody does.
    pub leader: Option<i32>,
    /// Broker ids, the preferred leader first; during a reassignment the target, then what is left over.
    pub replicas: Vec<i32>,
    /// Replicas in sync.
    pub isr: Vec<i32>,
}

/// `DescribeLogDirs`: one dir of a broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogDirAnswer {
    /// Whether it works; a failed dir lists nothing.
    pub is_online: bool,
    /// Whether it takes no new replicas (KIP-1066).
    pub is_cordoned: bool,
    /// Size of the volume behind it, where the broker tells (Kafka 3.3, KIP-827).
    pub total_bytes: Option<u64>,
    /// What is free there.
    pub usable_bytes: Option<u64>,
    /// What lies in it: bytes, and whether it is the copy that a move between dirs is making.
    pub replicas: Vec<(TopicPartition, u64, bool)>,
}

/// Log dirs of a broker by path.
pub type LogDirs = BTreeMap<String, LogDirAnswer>;

/// `ListPartitionReassignments`: one that is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunningReassignment {
    /// All replicas, both sides.
    pub replicas: Vec<i32>,
    /// Those being copied.
    pub adding: Vec<i32>,
    /// Those that leave at the end.
    pub removing: Vec<i32>,
}

impl RunningReassignment {
    /// The replica list that it ends at.
    #[must_use]
    pub fn target(&self) -> Vec<i32> {
        self.replicas.iter().copied().filter(|id| !self.removing.contains(id)).collect()
    }

    /// The brokers that held the partition before it began, in no order that matters.
    #[must_use]
    pub fn origin(&self) -> BTreeSet<i32> {
        self.replicas.iter().copied().filter(|id| !self.adding.contains(id)).collect()
    }
}

/// First and end offset of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OffsetsAnswer {
    /// The first that is kept.
    pub start: i64,
    /// The one that the next record gets.
    pub end: i64,
}

/// What has configs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// A broker, by id.
    Broker(i32),
    /// A topic, by name.
    Topic(String),
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker(id) => write!(f, "broker {id}"),
            Self::Topic(name) => write!(f, "topic {name}"),
        }
    }
}

/// `DescribeConfigs`: one value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigAnswer {
    /// The value in force; none where it is unset or secret.
    pub value: Option<String>,
    /// Whether it was set at run time for this very topic or broker, as opposed to a default that it inherits.
    pub is_own: bool,
}

/// A resource's configs by name.
pub type Configs = BTreeMap<String, ConfigAnswer>;

/// `DescribeClientQuotas`: the quotas of one entity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuotaAnswer {
    /// What it is by kind (`user`, `client-id`, `ip`): a name, or none for all without a quota of their own.
    pub entity: BTreeMap<String, Option<String>>,
    /// Quotas by Kafka's name, such as `producer_byte_rate`.
    pub values: BTreeMap<String, f64>,
}

/// `IncrementalAlterConfigs`: one change; without a value the setting is removed, so that its default holds again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigChange {
    /// Whose setting.
    pub resource: Resource,
    /// Its name.
    pub key: String,
    /// The new value.
    pub value: Option<String>,
}

/// A connection to a cluster. Every call is bounded in time.
pub trait Admin {
    /// Who is there.
    ///
    /// # Errors
    /// No broker answered.
    fn cluster(&self) -> Answer<ClusterAnswer>;

    /// All partitions: who holds, who leads, who is in sync.
    ///
    /// # Errors
    /// No broker answered.
    fn topics(&self) -> Answer<TopicsAnswer>;

    /// Log dirs of each of `brokers`.
    fn log_dirs(&self, brokers: &[i32]) -> BTreeMap<i32, Answer<LogDirs>>;

    /// Reassignments under way.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] before Kafka 2.4; denied; nobody answered.
    fn reassignments(&self) -> Answer<BTreeMap<TopicPartition, RunningReassignment>>;

    /// First and end offsets.
    fn offsets(&self, partitions: &[TopicPartition]) -> BTreeMap<TopicPartition, Answer<OffsetsAnswer>>;

    /// Quotas in force.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] before Kafka 2.6; denied; nobody answered.
    fn quotas(&self) -> Answer<Vec<QuotaAnswer>> {
        Err(AdminError::new(ErrorKind::Unsupported, "this client does not ask for quotas"))
    }

    /// Configs in force.
    fn configs(&self, resources: &[Resource]) -> BTreeMap<Resource, Answer<Configs>>;

    /// Changes configs; the answer is per resource.
    fn alter_configs(&self, changes: &[ConfigChange]) -> BTreeMap<Resource, Answer<()>>;

    /// Asks brokers to keep replicas in other log dirs. A broker without the replica answers
    /// [`ErrorKind::ReplicaNotAvailable`] and remembers the dir for when it comes.
    fn alter_log_dirs(&self, moves: &[(Replica, String)]) -> BTreeMap<Replica, Answer<()>>;

    /// Starts reassignments to these replica lists, or cancels them where there is none.
    fn reassign(&self, targets: &[(TopicPartition, Option<Vec<i32>>)]) -> BTreeMap<TopicPartition, Answer<()>>;

    /// Elects the preferred leaders.
    fn elect_preferred(&self, partitions: &[TopicPartition]) -> BTreeMap<TopicPartition, Answer<()>>;
}
