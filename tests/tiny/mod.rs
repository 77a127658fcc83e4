//! Random clusters of three or four brokers and a handful of partitions, every row drawn by itself: replicas of one
//! partition differ in size, so that copies make means grow.

use evenkeel::model::{
    Broker, BrokerIdx, BrokerState, Goal, LogDir, LogDirIdx, LogDirState, Partition, Policy, RackIdx, Replica,
    Snapshot, Topic, TopicIdx,
};
use proptest::prelude::*;

const GB: u64 = 1_000_000_000;
/// The most placements that a cluster may have: each is judged in some microseconds.
const MOST_PLACEMENTS: usize = 20_000;
/// Bands of the goals that are on.
const BANDS: [f64; 4] = [0.0, 0.2, 0.45, 0.8];

/// What is wrong with the last broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Nothing,
    Draining,
    Dead,
    New,
    /// Its last dir has failed.
    OfflineDir,
}

/// A partition as drawn.
#[derive(Clone, Debug)]
pub(crate) struct TinyPartition {
    replicas: usize,
    size_gb: u64,
    /// How much smaller the second replica is, in percent.
    lag_percent: u64,
    bytes_in_per_sec: u32,
    bytes_out_per_sec: u32,
    /// Offsets that the brokers, dirs and leader are chosen by.
    places: (usize, usize, usize, usize),
}

/// A cluster as drawn.
#[derive(Clone, Debug)]
pub(crate) struct Tiny {
    /// Sizes of the brokers: 1 or 2.
    sizes: Vec<u64>,
    dirs: usize,
    racks: usize,
    trouble: Trouble,
    partitions: Vec<TinyPartition>,
    /// Offsets into [`BANDS`] of disk, network in, network out, replicas, leaders, log dirs.
    bands: [usize; 6],
}

/// A cluster whose placements can all be looked at.
pub(crate) fn tiny() -> impl Strategy<Value = Tiny> {
    let places = (0_usize..4, 0_usize..4, 0_usize..2, 0_usize..2);
    let partition = (1_usize..=2, 1_u64..=40, 0_u64..=40, 0_u32..=100, 0_u32..=100, places).prop_map(
        |(replicas, size_gb, lag_percent, bytes_in_per_sec, bytes_out_per_sec, places)| TinyPartition {
            replicas,
            size_gb,
            lag_percent,
            bytes_in_per_sec,
            bytes_out_per_sec,
            places,
        },
    );
    let trouble = prop_oneof![
        5 => Just(Trouble::Nothing),
        2 => Just(Trouble::Draining),
        1 => Just(Trouble::Dead),
        2 => Just(Trouble::New),
        1 => Just(Trouble::OfflineDir),
    ];
    let sizes = prop::collection::vec(1_u64..=2, 3..=4);
    let bands = prop::array::uniform6(0_usize..BANDS.len());
    (sizes, 1_usize..=2, 0_usize..=2, trouble, prop::collection::vec(partition, 2..=5), bands).prop_filter_map(
        "too many placements",
        |(sizes, dirs, racks, trouble, partitions, bands)| {
            let tiny = Tiny { sizes, dirs, racks, trouble, partitions, bands };
            (tiny.placements() <= MOST_PLACEMENTS).then_some(tiny)
        },
    )
}

impl Tiny {
    fn placements(&self) -> usize {
        let (brokers, dirs) = (self.sizes.len(), self.dirs);
        let ways = |p: &TinyPartition| match p.replicas {
            1 => brokers * dirs,
            _ => brokers * (brokers - 1) * dirs * dirs,
        };
        self.partitions.iter().map(ways).product()
    }

    /// The policy that it is judged by.
    pub(crate) fn policy(&self) -> Policy {
        let mut policy = Policy::default();
        let goals = [Goal::Disk, Goal::NetworkIn, Goal::NetworkOut, Goal::Replicas, Goal::Leaders, Goal::LogDir];
        for (goal, band) in goals.into_iter().zip(self.bands) {
            *policy.bands.of_mut(goal) = BANDS[band];
        }
        policy.bands.topic_spread_slack = 1;
        policy.bands.log_dir_floor = 0.1;
        policy
    }

    /// The cluster.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.cluster.cluster_id = "tiny".to_owned();
        snapshot.racks = (0..self.racks).map(|r| format!("r{r}")).collect();
        for (row, &size) in self.sizes.iter().enumerate() {
            self.add_broker(&mut snapshot, row, size);
        }
        // The first half of the partitions are one topic, the others another.
        let half = self.partitions.len().div_ceil(2);
        for (row, partitions) in self.partitions.chunks(half).enumerate() {
            snapshot.topics.push(Topic {
                name: format!("t{row}"),
                group: None,
                min_insync_replicas: None,
                cleanup_policy: None,
                retention_ms: None,
                retention_bytes: None,
                first_partition: u32::try_from(snapshot.partitions.len()).unwrap(),
                partition_count: u32::try_from(partitions.len()).unwrap(),
            });
            for (number, partition) in partitions.iter().enumerate() {
                self.add_partition(&mut snapshot, row, number, partition);
            }
        }
        snapshot
    }

    fn add_broker(&self, snapshot: &mut Snapshot, row: usize, size: u64) {
        let troubled = row + 1 == self.sizes.len();
        let state = match self.trouble {
            Trouble::Draining if troubled => BrokerState::Draining,
            Trouble::Dead if troubled => BrokerState::Dead,
            Trouble::New if troubled => BrokerState::New,
            _ => BrokerState::Alive,
        };
        let first_log_dir = snapshot.log_dirs.len();
        for dir in 0..self.dirs {
            let failed = troubled && dir > 0 && self.trouble == Trouble::OfflineDir;
            snapshot.log_dirs.push(LogDir {
                broker: BrokerIdx::new(row),
                path: format!("/d{dir}"),
                capacity_bytes: Some(200 * GB * size / self.dirs as u64),
                write_capacity_bytes_per_sec: None,
                state: if failed { LogDirState::Offline } else { LogDirState::Online },
                other_used_bytes: GB,
            });
        }
        snapshot.brokers.push(Broker {
            id: i32::try_from(row).unwrap() + 1,
            rack: (self.racks > 0).then(|| RackIdx::new(row % self.racks)),
            group: None,
            state,
            machine_model: None,
            host: None,
            cpu_cores: None,
            cpu_utilization: None,
            network_in_capacity_bytes_per_sec: None,
            network_out_capacity_bytes_per_sec: None,
            measured_network_in_bytes_per_sec: None,
            measured_network_out_bytes_per_sec: None,
            first_log_dir: u32::try_from(first_log_dir).unwrap(),
            log_dir_count: u32::try_from(self.dirs).unwrap(),
        });
    }

    fn add_partition(&self, snapshot: &mut Snapshot, topic: usize, number: usize, drawn: &TinyPartition) {
        // A new broker is empty.
        let hosts = self.sizes.len() - usize::from(self.trouble == Trouble::New);
        let first = drawn.places.0 % hosts;
        let second = (first + 1 + drawn.places.1 % (hosts - 1)) % hosts;
        let dirs = [drawn.places.2 % self.dirs, drawn.places.3 % self.dirs];
        let first_replica = snapshot.replicas.len();
        for (position, host) in [first, second].into_iter().take(drawn.replicas).enumerate() {
            let dir = host * self.dirs + dirs[position];
            let lag = if position == 0 { 0 } else { drawn.lag_percent };
            let serving = snapshot.log_dirs[dir].state.is_serving();
            snapshot.replicas.push(Replica {
                size_bytes: drawn.size_gb * GB * (100 - lag) / 100,
                broker: BrokerIdx::new(host),
                log_dir: Some(LogDirIdx::new(dir)),
                in_sync: serving && snapshot.brokers[host].state != BrokerState::Dead,
                reassignment: None,
            });
        }
        let leader = snapshot.replicas[first_replica..].iter().find(|r| r.in_sync).map(|r| r.broker);
        snapshot.partitions.push(Partition {
            bytes_in_per_sec: f64::from(drawn.bytes_in_per_sec),
            bytes_out_per_sec: f64::from(drawn.bytes_out_per_sec),
            messages_in_per_sec: 0.0,
            topic: TopicIdx::new(topic),
            number: u32::try_from(number).unwrap(),
            leader,
            first_replica: u32::try_from(first_replica).unwrap(),
            replica_count: u32::try_from(drawn.replicas).unwrap(),
        });
    }
}
