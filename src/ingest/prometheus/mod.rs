//! What an engine that speaks PromQL is asked for, and how it is reached: metrics by what they measure, labels, the
//! configuration file. Input: a preset's name, a TOML file. Output: [`PrometheusConfig`], or every fault in the file.
//! `answer` has the shape of what comes back; asking is `live`'s.

pub(crate) mod answer;
pub mod codes;
mod config;
mod presets;

pub use self::config::PrometheusConfig;
pub use self::presets::Preset;

/// Something that a metric measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Bytes that producers wrote, by topic and leading broker; a counter.
    BytesIn,
    /// Bytes that consumers read, by topic and leading broker; a counter.
    BytesOut,
    /// Records that producers wrote, by topic and leading broker; a counter.
    MessagesIn,
    /// As `BytesIn`, all topics of a broker together.
    BytesInAll,
    /// As `BytesOut`, all topics of a broker together.
    BytesOutAll,
    /// As `MessagesIn`, all topics of a broker together.
    MessagesInAll,
    /// Bytes that a broker copied from leaders; a counter.
    ReplicationIn,
    /// Bytes that a broker sent to followers; a counter.
    ReplicationOut,
    /// Seconds of cpu that a broker's process used; a counter.
    CpuSeconds,
    /// Seconds that each cpu of a broker's machine was idle; a counter.
    CpuIdleSeconds,
    /// A replica's log end offset.
    LogEndOffset,
    /// A replica's size in bytes.
    LogSize,
    /// What a client writes to a broker, bytes per second.
    ClientProduce,
    /// What a client reads from a broker, bytes per second.
    ClientConsume,
    /// How long a broker delays a client's requests, milliseconds.
    ClientThrottle,
    /// Size of a filesystem of a broker's machine, bytes.
    DiskSize,
    /// What is free there, bytes.
    DiskAvailable,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::BytesIn,
        Self::BytesOut,
        Self::MessagesIn,
        Self::BytesInAll,
        Self::BytesOutAll,
        Self::MessagesInAll,
        Self::ReplicationIn,
        Self::ReplicationOut,
        Self::CpuSeconds,
        Self::CpuIdleSeconds,
        Self::LogEndOffset,
        Self::LogSize,
        Self::ClientProduce,
        Self::ClientConsume,
        Self::ClientThrottle,
        Self::DiskSize,
        Self::DiskAvailable,
    ];

    /// The name used in configuration files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BytesIn => "bytes_in",
            Self::BytesOut => "bytes_out",
            Self::MessagesIn => "messages_in",
            Self::BytesInAll => "bytes_in_all",
            Self::BytesOutAll => "bytes_out_all",
            Self::MessagesInAll => "messages_in_all",
            Self::ReplicationIn => "replication_in",
            Self::ReplicationOut => "replication_out",
            Self::CpuSeconds => "cpu_seconds",
            Self::CpuIdleSeconds => "cpu_idle_seconds",
            Self::LogEndOffset => "log_end_offset",
            Self::LogSize => "log_size",
            Self::ClientProduce => "client_produce",
            Self::ClientConsume => "client_consume",
            Self::ClientThrottle => "client_throttle",
            Self::DiskSize => "disk_size",
            Self::DiskAvailable => "disk_available",
        }
    }
}

/// What labels are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// Those that may name the broker, the first that a series has counting.
    pub broker: Vec<String>,
    /// The topic.
    pub topic: String,
    /// The partition's number.
    pub partition: String,
    /// A client's user.
    pub user: String,
    /// A client's id.
    pub client_id: String,
}
