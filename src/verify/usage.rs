//! What a placement puts on every broker and log dir, counted anew from the snapshot.

use crate::model::load::{capacity, cores_per_work, has_serving_log_dir, write_amplification};
use crate::model::placement::seat_size_bytes;
use crate::model::{BrokerIdx, Goal, Loads, LogDirIdx, Placement, Snapshot, Traffic};

/// Loads by broker and bytes by log dir.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// Each broker's loads in [`Goal::BROKER`]'s order: bytes on serving dirs (or on no dir), bytes/s in, bytes/s out,
    /// cores, replicas, leaders, bytes/s written to serving dirs (or to no dir). Cores are 0 where no broker has cpu figures.
    pub loads: Vec<Loads>,
    /// Bytes on each log dir, other use included.
    pub log_dir_bytes: Vec<u64>,
    /// Whether cpu can be computed.
    pub has_cpu: bool,
}

impl Usage {
    /// Counts `placement` on `snapshot`.
    #[must_use]
    pub fn of(snapshot: &Snapshot, placement: &Placement) -> Self {
        let cores = cores_per_work(snapshot);
        let amplifications: Vec<f64> = snapshot.topics.iter().map(write_amplification).collect();
        let mut broker_bytes = vec![0_u64; snapshot.brokers.len()];
        let mut log_dir_bytes: Vec<u64> = snapshot.log_dirs.iter().map(|d| d.other_used_bytes).collect();
        for dir in snapshot.log_dirs.iter().filter(|d| d.state.is_serving()) {
            broker_bytes[dir.broker.row()] += dir.other_used_bytes;
        }
        let mut loads = vec![Loads::default(); snapshot.brokers.len()];
        for p in snapshot.partition_indices() {
            let seats = placement.seats(p);
            let partition = snapshot.partition(p);
            let traffic = Traffic::of(partition, seats.len());
            let written = partition.bytes_in_per_sec * amplifications[partition.topic.row()];
            let mut leader = placement.leader(p);
            for &seat in seats {
                let leads = leader == Some(seat.broker);
                if leads {
                    // A partition has one leader even where a broken snapshot lists its broker twice.
                    leader = None;
                }
                let bytes = seat_size_bytes(snapshot, p, seat);
                if let Some(dir) = seat.log_dir {
                    log_dir_bytes[dir.row()] += bytes;
                }
                if seat.log_dir.is_none_or(|d| snapshot.log_dir(d).state.is_serving()) {
                    broker_bytes[seat.broker.row()] += bytes;
                    loads[seat.broker.row()][6] += written;
                }
                add_traffic(&mut loads[seat.broker.row()], &traffic, leads, cores.unwrap_or(0.0));
            }
        }
        for (load, bytes) in loads.iter_mut().zip(broker_bytes) {
            load[0] = bytes as f64;
        }
        Self { loads, log_dir_bytes, has_cpu: cores.is_some() }
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

fn add_traffic(load: &mut Loads, traffic: &Traffic, leads: bool, cores_per_work: f64) {
    load[1] += traffic.network_in;
    load[3] += cores_per_work * if leads { traffic.leader_work } else { traffic.follower_work };
    load[4] += 1.0;
    if leads {
        load[2] += traffic.leader_network_out;
        load[5] += 1.0;
    }
}
