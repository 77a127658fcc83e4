//! The loads that partitions put on brokers (contract §2) and the capacities they are held against.

use super::goal::Goal;
use super::index::{BrokerIdx, PartitionIdx};
use super::snapshot::{Partition, Snapshot, Topic};

/// A load in each of [`Goal::BROKER`]'s dimensions: bytes, bytes/s in, bytes/s out, cores, replicas, leaders, bytes/s
/// written.
pub type Loads = [f64; Goal::BROKER.len()];

/// Work of a leader per byte produced (Cruise Control's `ModelUtils`: leader bytes-in weight).
pub const WORK_PER_LEADER_BYTE_IN: f64 = 0.7;
/// Work of a leader per byte sent to consumers and followers (Cruise Control: leader bytes-out weight).
pub const WORK_PER_LEADER_BYTE_OUT: f64 = 0.15;
/// Work of a follower per byte replicated (Cruise Control: follower bytes-in weight).
pub const WORK_PER_FOLLOWER_BYTE_IN: f64 = 0.15;

/// What one partition's traffic asks of the brokers that host it, bytes per second and units of work per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// Into every hosting broker.
    pub network_in: f64,
    /// Out of the leader's broker.
    pub leader_network_out: f64,
    /// Work of the leader.
    pub leader_work: f64,
    /// Work of each follower.
    pub follower_work: f64,
}

impl Traffic {
    /// The traffic of `partition` at a replication factor.
    #[must_use]
    pub fn of(partition: &Partition, replication_factor: usize) -> Self {
        let produced = partition.bytes_in_per_sec;
        let followers = replication_factor.saturating_sub(1) as f64;
        let out = partition.bytes_out_per_sec + produced * followers;
        Self {
            network_in: produced,
            leader_network_out: out,
            leader_work: WORK_PER_LEADER_BYTE_IN * produced + WORK_PER_LEADER_BYTE_OUT * out,
            follower_work: WORK_PER_FOLLOWER_BYTE_IN * produced,
        }
    }
}

/// Cores per unit of work: Σ cores in use ÷ Σ work over the brokers with both figures, measured once on the snapshot.
/// None where no broker has them or those brokers do no work: cpu is then not balanced.
#[must_use]
pub fn cores_per_work(snapshot: &Snapshot) -> Option<f64> {
    let used = |b: BrokerIdx| {
        let broker = snapshot.broker(b);
        broker.cpu_cores.zip(broker.cpu_utilization).map(|(cores, utilization)| cores * utilization)
    };
    let has_figures: Vec<bool> = snapshot.broker_indices().map(|b| used(b).is_some()).collect();
    let cores: f64 = snapshot.broker_indices().filter_map(used).sum();
    let mut work = 0.0;
    for partition in &snapshot.partitions {
        let replicas = &snapshot.replicas[partition.replica_rows()];
        let traffic = Traffic::of(partition, replicas.len());
        let mut leader = partition.leader;
        for replica in replicas {
            let leads = leader == Some(replica.broker);
            if leads {
                leader = None;
            }
            if has_figures[replica.broker.row()] {
                work += if leads { traffic.leader_work } else { traffic.follower_work };
            }
        }
    }
    (work > 0.0 && has_figures.contains(&true)).then(|| cores / work)
}

/// The capacity of `broker` that `goal`'s utilization is a fraction of: bytes on serving log dirs, bytes per second,
/// cores, bytes per second that serving log dirs can write. None where a figure is missing, and for counts.
#[must_use]
pub fn capacity(snapshot: &Snapshot, broker: BrokerIdx, goal: Goal) -> Option<f64> {
    let row = snapshot.broker(broker);
    match goal {
        Goal::Disk => {
            let serving = snapshot.log_dirs[row.log_dir_rows()].iter().filter(|d| d.state.is_serving());
            let bytes = serving.map(|d| d.capacity_bytes).sum::<Option<u64>>()?;
            (bytes > 0).then_some(bytes as f64)
        }
        Goal::NetworkIn => row.network_in_capacity_bytes_per_sec,
        Goal::NetworkOut => row.network_out_capacity_bytes_per_sec,
        Goal::Cpu => row.cpu_cores,
        Goal::DiskWrites => {
            let serving = snapshot.log_dirs[row.log_dir_rows()].iter().filter(|d| d.state.is_serving());
            let rate = serving.map(|d| d.write_capacity_bytes_per_sec).sum::<Option<f64>>()?;
            (rate > 0.0).then_some(rate)
        }
        Goal::Replicas
        | Goal::Leaders
        | Goal::TopicSpread
        | Goal::LogDir
        | Goal::LogDirWrites
        | Goal::LeadersPerTopic
        | Goal::ScatterWidth => None,
    }
}

/// The share of dirty bytes at which the log cleaner runs: Kafka's default of `min.cleanable.dirty.ratio`.
pub const CLEANER_DIRTY_RATIO: f64 = 0.5;

/// What every replica of a topic writes per byte produced: 1, and for a compacted topic the cleaner's rewriting of the
/// clean part besides, (1 − d) ÷ d at a dirty share d (`capacity::traffic::classes` derives it; a lower bound).
#[must_use]
pub fn write_amplification(topic: &Topic) -> f64 {
    let is_compacted = topic.cleanup_policy.as_deref().is_some_and(|policy| policy.contains("compact"));
    if is_compacted { 1.0 / CLEANER_DIRTY_RATIO } else { 1.0 }
}

/// Whether `broker` has a log dir that serves what it holds.
#[must_use]
pub fn has_serving_log_dir(snapshot: &Snapshot, broker: BrokerIdx) -> bool {
    snapshot.log_dirs[snapshot.broker(broker).log_dir_rows()].iter().any(|d| d.state.is_serving())
}

/// The offset (row, replica) of who leads among `brokers` of a partition, none where the leader is not among them.
#[must_use]
pub fn leader_position(leader: Option<BrokerIdx>, brokers: impl IntoIterator<Item = BrokerIdx>) -> Option<usize> {
    let leader = leader?;
    brokers.into_iter().position(|b| b == leader)
}

/// Why a partition is judged by no partition or replica rule and gets no entry (contract §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unjudged {
    /// It has no leader: nothing can be copied from.
    NoLeader,
    /// A replica sits on a broker that is down: Kafka refuses plans that name it.
    ReplicaOnDownBroker,
    /// A reassignment is under way.
    Reassigning,
}

/// Whether and why `partition` is left out of rules and plans.
#[must_use]
pub fn unjudged(snapshot: &Snapshot, partition: PartitionIdx) -> Option<Unjudged> {
    use super::snapshot::BrokerState;
    let replicas = snapshot.replicas_of(partition);
    if snapshot.partition(partition).leader.is_none() {
        Some(Unjudged::NoLeader)
    } else if replicas.iter().any(|r| snapshot.broker(r.broker).state == BrokerState::Down) {
        Some(Unjudged::ReplicaOnDownBroker)
    } else if replicas.iter().any(|r| r.reassignment.is_some()) {
        Some(Unjudged::Reassigning)
    } else {
        None
    }
}
