//! Bytes per second by class, for brokers, groups, the cluster and log dirs.
//!
//! With a partition's produce rate p, consume rate c, replication factor f (Netflix service-capacity-modeling: in = X·f,
//! out = X·consumers + X·(f−1); Cruise Control's load model has the same terms):
//! - leader: p in; c to consumers and p per follower out;
//! - follower: p in; with KIP-392 the consumers of its rack out;
//! - disk: p written by every replica, and for compacted topics what the cleaner reads and writes besides.
//!
//! Compaction: the cleaner runs once a share d of the log is dirty and then reads the whole log, p/d per second, and
//! writes the clean part again, p·(1−d)/d, plus what is unique in the dirty part, which nobody knows: a lower bound.
//! At d = 0.5, Kafka's `min.cleanable.dirty.ratio`, that is 2·p read and p written.

use std::collections::BTreeMap;

use crate::capacity::NotEvaluated;
use crate::model::snapshot::DEFAULT_GROUP;
use crate::model::{BrokerIdx, Groups, LogDirState, Partition, PartitionIdx, Policy, Reassignment, Replica, Snapshot};

/// Bytes per second by class.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Classes {
    /// From producers.
    pub produce: f64,
    /// From leaders, for replicas that are not being added.
    pub replication_in: f64,
    /// From leaders, for replicas that a running reassignment adds (KIP-352). Catching up comes on top; its rate is the
    /// throttle's, which no snapshot has.
    pub reassignment_in: f64,
    /// To followers that are not being added.
    pub replication_out: f64,
    /// To replicas that a running reassignment adds.
    pub reassignment_out: f64,
    /// To consumers, all reading from leaders.
    pub consume: f64,
    /// To consumers that read in their own rack where an in-sync replica is (KIP-392); 0 where racks are unknown.
    pub consume_nearest: f64,
    /// Appended to logs on disks that work.
    pub disk_append: f64,
    /// Read by the log cleaner, at least.
    pub cleaner_read: f64,
    /// Written by the log cleaner, at least.
    pub cleaner_write: f64,
}

impl Classes {
    /// All that comes in over the network.
    #[must_use]
    pub fn network_in(&self) -> f64 {
        self.produce + self.replication_in + self.reassignment_in
    }

    /// All that goes out, consumers reading from leaders.
    #[must_use]
    pub fn network_out(&self) -> f64 {
        self.consume + self.replication_out + self.reassignment_out
    }

    /// All that goes out, consumers reading in their rack (KIP-392).
    #[must_use]
    pub fn network_out_nearest(&self) -> f64 {
        self.consume_nearest + self.replication_out + self.reassignment_out
    }

    /// All that is written to disks.
    #[must_use]
    pub fn disk_write(&self) -> f64 {
        self.disk_append + self.cleaner_write
    }

    fn add(&mut self, other: &Self) {
        self.produce += other.produce;
        self.replication_in += other.replication_in;
        self.reassignment_in += other.reassignment_in;
        self.replication_out += other.replication_out;
        self.reassignment_out += other.reassignment_out;
        self.consume += other.consume;
        self.consume_nearest += other.consume_nearest;
        self.disk_append += other.disk_append;
        self.cleaner_read += other.cleaner_read;
        self.cleaner_write += other.cleaner_write;
    }
}

/// Traffic by class.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    /// By broker, ascending by id.
    pub brokers: Vec<Classes>,
    /// By resource group, by name; brokers without one are under `default`.
    pub groups: BTreeMap<String, Classes>,
    /// The whole cluster.
    pub cluster: Classes,
    /// Bytes per second written to each log dir, the cleaner's at least; 0 for one that is offline.
    pub log_dir_write: Vec<f64>,
    /// Whether `consume_nearest` could be computed.
    pub has_nearest: bool,
    /// Bytes that running reassignments have still to copy, by destination.
    pub reassignment_left_bytes: BTreeMap<BrokerIdx, u64>,
}

impl Traffic {
    /// What log dir `row` writes as a fraction of what its disk can; none where that is unknown.
    #[must_use]
    pub fn write_utilization(&self, snapshot: &Snapshot, row: usize) -> Option<f64> {
        Some(self.log_dir_write[row] / snapshot.log_dirs[row].write_capacity_bytes_per_sec?)
    }
}

/// Counts the traffic of `snapshot` as it stands; `has_racks` says whether every broker names one.
pub(super) fn traffic(
    snapshot: &Snapshot,
    policy: &Policy,
    dirty_ratio: f64,
    has_racks: bool,
    missing: &mut Vec<NotEvaluated>,
) -> Traffic {
    let mut counted = Traffic {
        brokers: vec![Classes::default(); snapshot.brokers.len()],
        groups: BTreeMap::new(),
        cluster: Classes::default(),
        log_dir_write: vec![0.0; snapshot.log_dirs.len()],
        has_nearest: has_racks,
        reassignment_left_bytes: BTreeMap::new(),
    };
    let racks = client_racks(snapshot);
    let mut without_dir = 0_u64;
    for index in snapshot.partition_indices() {
        let partition = snapshot.partition(index);
        let policy = snapshot.topic(partition.topic).cleanup_policy.as_deref().unwrap_or_default();
        let amplification = policy.contains("compact").then_some(dirty_ratio);
        without_dir += counted.add_partition(snapshot, index, amplification);
        if has_racks {
            for (broker, rate) in nearest(snapshot, partition, snapshot.replicas_of(index), &racks) {
                counted.brokers[broker.row()].consume_nearest += rate;
            }
        }
    }
    let groups = Groups::new(snapshot, policy);
    for broker in snapshot.broker_indices() {
        let classes = counted.brokers[broker.row()];
        let name = groups.of_broker(broker).map_or(DEFAULT_GROUP, |group| groups.names()[group].as_str());
        counted.groups.entry(name.to_owned()).or_default().add(&classes);
        counted.cluster.add(&classes);
    }
    if without_dir > 0 {
        let why = format!("{without_dir} replicas name no log dir; their writes count to the broker alone");
        missing.push(NotEvaluated::new("traffic.log_dirs", why));
    }
    if !counted.reassignment_left_bytes.is_empty() {
        let why = "the rate at which added replicas catch up is the throttle's, which a snapshot does not have; what is \
                   written to the partition meanwhile is counted";
        missing.push(NotEvaluated::new("traffic.reassignment_catch_up_bytes_per_sec", why));
    }
    counted
}

impl Traffic {
    /// Adds all but KIP-392's variant; returns how many replicas name no log dir.
    fn add_partition(&mut self, snapshot: &Snapshot, index: PartitionIdx, dirty_ratio: Option<f64>) -> u64 {
        let partition = snapshot.partition(index);
        let produced = partition.bytes_in_per_sec;
        let mut leader = partition.leader;
        let mut without_dir = 0;
        for replica in snapshot.replicas_of(index) {
            let is_added = replica.reassignment == Some(Reassignment::Adding);
            let own = &mut self.brokers[replica.broker.row()];
            let leads = leader == Some(replica.broker);
            if leads {
                // A partition has one leader even where a broken snapshot lists its broker twice.
                leader = None;
                own.produce += produced;
                own.consume += partition.bytes_out_per_sec;
            } else if is_added {
                own.reassignment_in += produced;
            } else {
                own.replication_in += produced;
            }
            let state = replica.log_dir.map(|dir| snapshot.log_dir(dir).state);
            if state != Some(LogDirState::Offline) {
                own.disk_append += produced;
                let (read, write) = dirty_ratio.map_or((0.0, 0.0), |d| cleaner(produced, d));
                own.cleaner_read += read;
                own.cleaner_write += write;
                if let Some(dir) = replica.log_dir {
                    self.log_dir_write[dir.row()] += produced + write;
                }
            }
            without_dir += u64::from(state.is_none());
            if is_added {
                let left = snapshot.copy_size_bytes(index).saturating_sub(replica.size_bytes);
                *self.reassignment_left_bytes.entry(replica.broker).or_default() += left;
            }
            if let (false, Some(source)) = (leads, partition.leader) {
                let source = &mut self.brokers[source.row()];
                let out = if is_added { &mut source.reassignment_out } else { &mut source.replication_out };
                *out += produced;
            }
        }
        without_dir
    }
}

/// What the cleaner reads and, at least, writes per second where `produced` is appended: see the module.
fn cleaner(produced: f64, dirty_ratio: f64) -> (f64, f64) {
    (produced / dirty_ratio, produced * (1.0 - dirty_ratio) / dirty_ratio)
}

/// The racks over which clients are taken to be spread evenly: those of active brokers, as rows of the racks' table.
pub(super) fn client_racks(snapshot: &Snapshot) -> Vec<usize> {
    let mut racks: Vec<usize> =
        snapshot.brokers.iter().filter(|b| b.state.is_active()).filter_map(|b| b.rack).map(|r| r.row()).collect();
    racks.sort_unstable();
    racks.dedup();
    racks
}

/// Who serves the consumers of a partition, spread evenly over `racks`, when each reads in its own rack (KIP-392's
/// `RackAwareReplicaSelector`): the leader where it is in the consumer's rack, else that rack's in-sync replicas, the most
/// caught-up of which nobody can tell from a snapshot, so that they share; the leader where there is none.
pub(super) fn nearest(
    snapshot: &Snapshot,
    partition: &Partition,
    replicas: &[Replica],
    racks: &[usize],
) -> Vec<(BrokerIdx, f64)> {
    let Some(leader) = partition.leader else { return Vec::new() };
    let rack_of = |broker: BrokerIdx| snapshot.broker(broker).rack.map(|rack| rack.row());
    let share = partition.bytes_out_per_sec / racks.len().max(1) as f64;
    let mut served = Vec::new();
    for &rack in racks {
        let near: Vec<BrokerIdx> =
            replicas.iter().filter(|r| r.in_sync && rack_of(r.broker) == Some(rack)).map(|r| r.broker).collect();
        if rack_of(leader) == Some(rack) || near.is_empty() {
            served.push((leader, share));
        } else {
            served.extend(near.iter().map(|&broker| (broker, share / near.len() as f64)));
        }
    }
    served
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::ingest::{SynthFaults, SynthSpec, synthesize};
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerState, Goal, Placement};
    use crate::verify::Usage;

    /// Three brokers in three racks; one partition of three replicas, led by broker 1.
    fn three() -> Fixture {
        let fixture = (1..=3).fold(Fixture::default(), |fixture, id| {
            let rack = ["a", "b", "c"][id as usize - 1];
            fixture.broker(id, rack, "", BrokerState::Alive).dir(id, "/d", 1_000, LogDirState::Online, 0)
        });
        fixture.partition(
            ("t", 0),
            1,
            (60.0, 90.0),
            &[(1, "/d", 100, true), (2, "/d", 100, true), (3, "/d", 100, true)],
        )
    }

    fn counted(snapshot: &Snapshot) -> Traffic {
        traffic(snapshot, &Policy::default(), 0.5, true, &mut Vec::new())
    }

    #[test]
    fn a_leader_serves_consumers_and_followers_and_every_replica_receives_once() {
        let traffic = counted(&three().build());
        let leader = traffic.brokers[0];
        assert_eq!((leader.produce, leader.replication_out, leader.consume), (60.0, 120.0, 90.0));
        assert_eq!((leader.network_in(), leader.network_out()), (60.0, 210.0));
        assert_eq!((traffic.brokers[1].replication_in, traffic.brokers[1].network_out()), (60.0, 0.0));
        assert_eq!(traffic.cluster.disk_write(), 180.0);
        assert_eq!(traffic.log_dir_write, [60.0, 60.0, 60.0]);
        assert_eq!(traffic.groups["default"], traffic.cluster);
    }

    #[test]
    fn with_kip_392_each_rack_is_served_by_its_own_in_sync_replica() {
        let mut snapshot = three().build();
        let near =
            |snapshot: &Snapshot| counted(snapshot).brokers.iter().map(|b| b.consume_nearest).collect::<Vec<_>>();
        assert_eq!(near(&snapshot), [30.0, 30.0, 30.0]);
        snapshot.replicas[2].in_sync = false;
        assert_eq!(near(&snapshot), [60.0, 30.0, 0.0], "rack c falls back on the leader");
    }

    #[test]
    fn compaction_at_half_dirty_reads_twice_and_writes_once_more() {
        let mut snapshot = three().build();
        snapshot.topics[0].cleanup_policy = Some("compact,delete".to_owned());
        let leader = counted(&snapshot).brokers[0];
        assert_eq!((leader.cleaner_read, leader.cleaner_write, leader.disk_write()), (120.0, 60.0, 120.0));
        assert_eq!(cleaner(60.0, 0.25), (240.0, 180.0));
    }

    #[test]
    fn what_a_reassignment_adds_is_a_class_of_its_own() {
        let mut snapshot = three().build();
        snapshot.replicas[2].reassignment = Some(Reassignment::Adding);
        snapshot.replicas[2].size_bytes = 30;
        let mut missing = Vec::new();
        let traffic = traffic(&snapshot, &Policy::default(), 0.5, true, &mut missing);
        assert_eq!((traffic.brokers[0].replication_out, traffic.brokers[0].reassignment_out), (60.0, 60.0));
        assert_eq!((traffic.brokers[2].replication_in, traffic.brokers[2].reassignment_in), (0.0, 60.0));
        assert_eq!(traffic.reassignment_left_bytes.values().copied().collect::<Vec<_>>(), [70]);
        assert_eq!(missing[0].what, "traffic.reassignment_catch_up_bytes_per_sec");
    }

    #[test]
    fn classes_add_up_to_the_judges_network_loads() {
        let faults = SynthFaults { reassigning: 5, no_leader: 3, ..SynthFaults::default() };
        let spec = SynthSpec { brokers: 9, partitions: 200, racks: 3, groups: 2, faults, ..SynthSpec::default() };
        let snapshot = synthesize(&spec).unwrap();
        let usage = Usage::of(&snapshot, &Placement::of(&snapshot));
        let traffic = counted(&snapshot);
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs();
        for broker in snapshot.broker_indices() {
            let classes = traffic.brokers[broker.row()];
            assert!(near(classes.network_in(), usage.load(broker, Goal::NetworkIn).unwrap()));
            assert!(near(classes.network_out(), usage.load(broker, Goal::NetworkOut).unwrap()));
        }
        assert!(near(traffic.cluster.consume_nearest, traffic.cluster.consume), "consumers read no less for it");
    }
}
