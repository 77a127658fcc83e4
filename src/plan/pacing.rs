//! How fast and in how large steps a plan is to be carried out, as the operator asks for it.

/// Kafka elects leaders in one controller thread; 500 at once keep it busy for seconds, not minutes. Cruise Control's
/// default is 1,000 (`num.concurrent.leader.movements`); half of it leaves room for elections that are nobody's plan.
pub const LEADER_CHANGES_MAX: u32 = 500;

/// What batches and durations follow. The default splits a plan only where it must: for room, for leader changes, and
/// so that one replica of a partition moves at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pacing {
    /// The throttle of every batch, bytes per second in and out of each broker; none derives it from headroom.
    pub throttle_bytes_per_sec: Option<u64>,
    /// No batch is to take longer at the throttle.
    pub batch_seconds: Option<f64>,
    /// No batch is to copy more bytes, between brokers and between dirs together.
    pub batch_bytes: Option<u64>,
    /// The least throttle is looked for with which nine of ten runs end within so many seconds.
    pub deadline_seconds: Option<f64>,
    /// Replicas that a broker sends, and that it receives, in one batch: a batch's copies all run at once.
    pub moves_per_broker_max: Option<u32>,
    /// The same for all brokers of a rack together.
    pub moves_per_rack_max: Option<u32>,
    /// Partitions whose leader changes in one batch.
    pub leader_changes_max: u32,
    /// Whether only one replica of a partition is copied to another broker in one batch.
    pub is_one_replica_at_a_time: bool,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            throttle_bytes_per_sec: None,
            batch_seconds: None,
            batch_bytes: None,
            deadline_seconds: None,
            moves_per_broker_max: None,
            moves_per_rack_max: None,
            leader_changes_max: LEADER_CHANGES_MAX,
            is_one_replica_at_a_time: true,
        }
    }
}
