//! What was measured before the snapshot: time series by metric and by what they are of.
//!
//! Invariants (held by ingestion and `synth`): series ascend by (metric, subject), each once; within a series times
//! ascend strictly; values are finite and not negative, one for each time.

/// What a series measures; the units are in the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// What producers write, bytes per second.
    BytesIn,
    /// What consumers read, replication not counted, bytes per second.
    BytesOut,
    /// Bytes on disk: of a broker or cluster all replicas, of a topic one copy.
    Size,
    /// Share of the cores in use (0–1).
    Cpu,
    /// Records written per second.
    MessagesIn,
}

impl Metric {
    /// All metrics, in the contract's order.
    pub const ALL: [Self; 5] = [Self::BytesIn, Self::BytesOut, Self::Size, Self::Cpu, Self::MessagesIn];

    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BytesIn => "bytes_in_per_sec",
            Self::BytesOut => "bytes_out_per_sec",
            Self::Size => "size_bytes",
            Self::Cpu => "cpu_utilization",
            Self::MessagesIn => "messages_in_per_sec",
        }
    }
}

/// What a series is of: a broker, a topic, a topic on a broker, or, where both are none, the whole cluster. Brokers and
/// topics may be gone from the snapshot since.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// Kafka's broker id.
    pub broker_id: Option<i32>,
    /// Topic name.
    pub topic: Option<String>,
}

/// One subject's values of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What is measured.
    pub metric: Metric,
    /// Of what.
    pub subject: Subject,
    /// Seconds since 1970-01-01T00:00:00Z, strictly ascending.
    pub times_sec: Vec<i64>,
    /// The value at each time, in the metric's unit.
    pub values: Vec<f64>,
}

/// All series of a snapshot directory. See the module's invariants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Ascending by (metric, subject).
    pub series: Vec<Series>,
}

impl History {
    /// The series of `metric`, in their order.
    pub fn of(&self, metric: Metric) -> impl Iterator<Item = &Series> {
        self.series.iter().filter(move |series| series.metric == metric)
    }

    /// Whether there is no value at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }
}
