//! What a placement puts on every broker and log dir, counted anew from the snapshot.

use crate::model::load::{capacity, cores_per_work, has_serving_log_dir, write_amplification};
use crate::model::placement::seat_size_bytes;
use crate::model::{BrokerIdx, Goal, Loads, LogDirIdx, PartitionIdx, Placement, Seat, Snapshot, Traffic};

/// Loads by broker and bytes by log dir.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// Each broker's loads in [`Goal::BROKER`]'s order: bytes on serving dirs (or on no dir), bytes/s in, bytes/s out,
    /// cores, replicas, leaders, bytes/s written to serving dirs (or to no dir). Cores are 0 where no broker has cpu figures.
    pub loads: Vec<Loads>,
    /// Bytes on each log dir, other use included.
    pub log_dir_bytes: Vec<u64>,
    /// Bytes per second written to each log dir.
    pub log_dir_writes: Vec<f64>,
    /// Whether cpu can be computed.
    pub has_cpu: bool,
    /// Cores per unit of work; 0 where no broker has cpu figures.
    cores_per_work: f64,
}

impl Usage {
    /// Counts `placement` on `snapshot`.
    #[must_use]
    pub fn of(snapshot: &Snapshot, placement: &Placement) -> Self {
        let mut usage = Self {
            loads: vec![Loads::default(); snapshot.brokers.len()],
            log_dir_bytes: snapshot.log_dirs.iter().map(|d| d.other_used_bytes).collect(),
            log_dir_writes: vec![0.0; snapshot.log_dirs.len()],
            has_cpu: false,
            cores_per_work: 0.0,
        };
        if let Some(cores) = cores_per_work(snapshot) {
            (usage.has_cpu, usage.cores_per_work) = (true, cores);
        }
        for dir in snapshot.log_dirs.iter().filter(|d| d.state.is_serving()) {
            usage.loads[dir.broker.row()][0] += dir.other_used_bytes as f64;
        }
        for p in snapshot.partition_indices() {
            usage.shift(snapshot, p, placement.seats(p), placement.leader(p), false);
        }
        usage
    }

    /// Adds what `partition` takes on `seats`, led by `leader`, or takes it away again. Bytes and counts stay whole
    /// numbers, and exact, below 2^53.
    pub(super) fn shift(
        &mut self,
        snapshot: &Snapshot,
        partition: PartitionIdx,
        seats: &[Seat],
        mut leader: Option<BrokerIdx>,
        is_gone: bool,
    ) {
        let sign = if is_gone { -1.0 } else { 1.0 };
        let row = snapshot.partition(partition);
        let traffic = Traffic::of(row, seats.len());
        let written = row.bytes_in_per_sec * write_amplification(snapshot.topic(row.topic));
        for &seat in seats {
            let leads = leader == Some(seat.broker);
            if leads {
                // A partition has one leader even where a broken snapshot lists its broker twice.
                leader = None;
            }
            let bytes = seat_size_bytes(snapshot, partition, seat);
            if let Some(dir) = seat.log_dir {
                let held = &mut self.log_dir_bytes[dir.row()];
                *held = if is_gone { held.saturating_sub(bytes) } else { held.saturating_add(bytes) };
                self.log_dir_writes[dir.row()] += sign * written;
            }
            let load = &mut self.loads[seat.broker.row()];
            if seat.log_dir.is_none_or(|d| snapshot.log_dir(d).state.is_serving()) {
                load[0] += sign * bytes as f64;
                load[6] += sign * written;
            }
            load[1] += sign * traffic.network_in;
            load[3] += sign * self.cores_per_work * if leads { traffic.leader_work } else { traffic.follower_work };
            load[4] += sign;
            if leads {
                load[2] += sign * traffic.leader_network_out;
                load[5] += sign;
            }
        }
    }

    /// The load of `broker` towards `goal`, one of [`Goal::BROKER`]; none for others.
    #[must_use]
    pub fn load(&self, broker: BrokerIdx, goal: Goal) -> Option<f64> {
        let column = Goal::BROKER.iter().position(|g| *g == goal)?;
        Some(self.loads[broker.row()][column])
    }

    /// The load of `broker` as a fraction of its capacity; none where either is unknown.
    #[must_use]
    pub fn utilization(&self, snapshot: &Snapshot, broker: BrokerIdx, goal: Goal) -> Option<f64> {
        if goal == Goal::Cpu && !self.has_cpu {
            return None;
        }
        if goal == Goal::Disk && !has_serving_log_dir(snapshot, broker) {
            return None;
        }
        Some(self.load(broker, goal)? / capacity(snapshot, broker, goal)?)
    }

    /// The bytes on `log_dir` as a fraction of its capacity; none where that is unknown.
    #[must_use]
    pub fn log_dir_utilization(&self, snapshot: &Snapshot, log_dir: LogDirIdx) -> Option<f64> {
        let capacity_bytes = snapshot.log_dir(log_dir).capacity_bytes?;
        Some(self.log_dir_bytes[log_dir.row()] as f64 / capacity_bytes as f64)
    }
}
