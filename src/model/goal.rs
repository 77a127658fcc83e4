//! The hard rules and soft goals, by the names that every file and message uses.

/// What a placement must keep (contract §3). The order is that of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// A partition's replicas sit on distinct brokers.
    DuplicateReplica,
    /// No replica on a draining or dead broker.
    InactiveBroker,
    /// No replica on an offline log dir of an active broker.
    OfflineLogDir,
    /// No replica on an active broker that is not eligible for its topic.
    ResourceGroup,
    /// Replicas spread over racks.
    Rack,
    /// A broker's disks hold at most the limit.
    DiskCapacity,
    /// A log dir holds at most the limit.
    LogDirCapacity,
    /// A broker receives at most the limit.
    NetworkInCapacity,
    /// A broker sends at most the limit.
    NetworkOutCapacity,
    /// A broker's cores work at most the limit.
    CpuCapacity,
    /// A broker hosts at most so many replicas.
    ReplicaCount,
}

impl Rule {
    /// All rules, in the order of reports.
    pub const ALL: [Self; 11] = [
        Self::DuplicateReplica,
        Self::InactiveBroker,
        Self::OfflineLogDir,
        Self::ResourceGroup,
        Self::Rack,
        Self::DiskCapacity,
        Self::LogDirCapacity,
        Self::NetworkInCapacity,
        Self::NetworkOutCapacity,
        Self::CpuCapacity,
        Self::ReplicaCount,
    ];

    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DuplicateReplica => "duplicate_replica",
            Self::InactiveBroker => "inactive_broker",
            Self::OfflineLogDir => "offline_log_dir",
            Self::ResourceGroup => "resource_group",
            Self::Rack => "rack",
            Self::DiskCapacity => "disk_capacity",
            Self::LogDirCapacity => "log_dir_capacity",
            Self::NetworkInCapacity => "network_in_capacity",
            Self::NetworkOutCapacity => "network_out_capacity",
            Self::CpuCapacity => "cpu_capacity",
            Self::ReplicaCount => "replica_count",
        }
    }
}

/// What a placement should come near (contract §3). The order is that of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Goal {
    /// Bytes on a broker's disks.
    Disk,
    /// Bytes a broker receives from producers and leaders.
    NetworkIn,
    /// Bytes a broker sends to consumers and followers.
    NetworkOut,
    /// Cores a broker needs.
    Cpu,
    /// Replicas on a broker.
    Replicas,
    /// Leaders on a broker.
    Leaders,
    /// Replicas of one topic on one broker.
    TopicSpread,
    /// Bytes on one log dir against its broker's others.
    LogDir,
    /// Bytes per second that are written to a broker's disks. Optional.
    DiskWrites,
    /// Bytes per second that are written to one log dir against its broker's others. Optional.
    LogDirWrites,
    /// Leaders of one topic on one broker. Optional.
    LeadersPerTopic,
    /// Brokers that share a partition with a broker (Cidon et al. 2013). Optional.
    ScatterWidth,
}

impl Goal {
    /// All goals, in the order of reports.
    pub const ALL: [Self; 12] = [
        Self::Disk,
        Self::NetworkIn,
        Self::NetworkOut,
        Self::Cpu,
        Self::Replicas,
        Self::Leaders,
        Self::TopicSpread,
        Self::LogDir,
        Self::DiskWrites,
        Self::LogDirWrites,
        Self::LeadersPerTopic,
        Self::ScatterWidth,
    ];

    /// The goals that compare brokers' loads. Their order is that of [`Loads`](super::Loads).
    pub const BROKER: [Self; 7] =
        [Self::Disk, Self::NetworkIn, Self::NetworkOut, Self::Cpu, Self::Replicas, Self::Leaders, Self::DiskWrites];

    /// The goals that compare shares of capacity between brokers.
    pub const UTILIZATIONS: [Self; 4] = [Self::Disk, Self::NetworkIn, Self::NetworkOut, Self::Cpu];

    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::NetworkIn => "network_in",
            Self::NetworkOut => "network_out",
            Self::Cpu => "cpu",
            Self::Replicas => "replicas",
            Self::Leaders => "leaders",
            Self::TopicSpread => "topic_spread",
            Self::LogDir => "log_dir",
            Self::DiskWrites => "disk_writes",
            Self::LogDirWrites => "log_dir_writes",
            Self::LeadersPerTopic => "leaders_per_topic",
            Self::ScatterWidth => "scatter_width",
        }
    }

    /// The goal called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|g| g.name() == name)
    }

    /// Whether the goal compares counts, whose bands are whole numbers.
    #[must_use]
    pub fn is_count(self) -> bool {
        matches!(self, Self::Replicas | Self::Leaders | Self::ScatterWidth)
    }

    /// Whether a policy may have the goal wait for a trigger: leadership waits for none, and a scatter width is a limit.
    #[must_use]
    pub fn has_trigger(self) -> bool {
        !matches!(self, Self::LeadersPerTopic | Self::ScatterWidth)
    }

    /// Whether the goal compares the log dirs of one broker, which copies nothing between brokers.
    #[must_use]
    pub fn is_of_log_dirs(self) -> bool {
        matches!(self, Self::LogDir | Self::LogDirWrites)
    }

    /// Whether the goal is off unless a policy switches it on; where it is off, nothing names it.
    #[must_use]
    pub fn is_optional(self) -> bool {
        matches!(self, Self::DiskWrites | Self::LogDirWrites | Self::LeadersPerTopic | Self::ScatterWidth)
    }
}
