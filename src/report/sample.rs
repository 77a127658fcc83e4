//! Small clusters for the tests of reports: the contract's example, and names that try to break out of a page.

use super::excuses::{of_unjudged, of_violations, unjudged_partitions};
use crate::model::{
    Broker, BrokerIdx, BrokerState, ClusterInfo, Criterion, Goal, GroupIdx, LogDir, LogDirIdx, LogDirState, Partition,
    PartitionIdx, Placement, Policy, RackIdx, Replica, Rule, Seat, Snapshot, Statistic, Topic, TopicIdx, Window,
};
use crate::optimize::{BoundKind, LowerBound, Reason, Solution, StopReason};
use crate::plan::{Pacing, Plan, build};
use crate::verify::Usage;

/// A terabyte, the size of every disk of the example.
const DISK_BYTES: u64 = 1_000_000_000_000;
/// A gigabyte, the unit of the example's replicas.
const GB: u64 = 1_000_000_000;

/// One replica of a partition: broker id, path, gigabytes.
type ReplicaRow = (i32, &'static str, u64);

/// The contract's example (contract §3), row by row.
pub(crate) fn contract_example() -> Snapshot {
    let mut snapshot = Snapshot {
        cluster: ClusterInfo {
            cluster_id: "contract-example".to_owned(),
            captured_at: "2026-11-20T12:00:00Z".to_owned(),
            source: "by hand".to_owned(),
            kafka_version: None,
            window: Some(Window {
                start: "2026-11-13T12:00:00Z".to_owned(),
                end: "2026-11-20T12:00:00Z".to_owned(),
                statistic: Statistic::P95,
            }),
            sha256: String::new(),
        },
        racks: ["a", "b", "c"].map(str::to_owned).to_vec(),
        groups: ["core", "online"].map(str::to_owned).to_vec(),
        ..Snapshot::default()
    };
    brokers(&mut snapshot);
    for (broker, path, state, other_used_bytes) in [
        (1, "/data1", LogDirState::Online, 0),
        (1, "/data2", LogDirState::Online, 0),
        (2, "/data1", LogDirState::Online, 0),
        (2, "/data2", LogDirState::Offline, 0),
        (3, "/data1", LogDirState::Online, 50 * GB),
        (3, "/data2", LogDirState::Online, 0),
        (4, "/data1", LogDirState::Online, 0),
        (4, "/data2", LogDirState::Online, 0),
        (5, "/data1", LogDirState::Online, 0),
        (6, "/data1", LogDirState::Online, 0),
        (7, "/data1", LogDirState::Online, 0),
    ] {
        let owner = &mut snapshot.brokers[broker - 1];
        if owner.log_dir_count == 0 {
            owner.first_log_dir = snapshot.log_dirs.len() as u32;
        }
        owner.log_dir_count += 1;
        let broker = BrokerIdx::new(broker - 1);
        let path = path.to_owned();
        snapshot.log_dirs.push(LogDir {
            broker,
            path,
            capacity_bytes: Some(DISK_BYTES),
            write_capacity_bytes_per_sec: None,
            state,
            other_used_bytes,
        });
    }
    // Topics and partitions ascend by name and number.
    topic(&mut snapshot, "clicks", 0, 2);
    partition(&mut snapshot, Some(3), 8e6, 8e6, &[(2, "/data2", 80), (3, "/data2", 80)]);
    partition(&mut snapshot, Some(1), 12e6, 30e6, &[(3, "/data1", 120), (1, "/data2", 120)]);
    topic(&mut snapshot, "lost", 0, 1);
    partition(&mut snapshot, None, 0.0, 0.0, &[(5, "/data1", 7)]);
    topic(&mut snapshot, "orders", 0, 1);
    partition(&mut snapshot, Some(1), 20e6, 40e6, &[(1, "/data1", 500), (2, "/data1", 490)]);
    partition(&mut snapshot, Some(1), 10e6, 10e6, &[(1, "/data1", 350), (3, "/data1", 350)]);
    partition(&mut snapshot, Some(3), 5e6, 0.0, &[(3, "/data2", 100), (5, "/data1", 100)]);
    topic(&mut snapshot, "pay", 1, 1);
    partition(&mut snapshot, Some(6), 1e6, 2e6, &[(6, "/data1", 10), (4, "/data1", 10)]);
    snapshot
}

fn brokers(snapshot: &mut Snapshot) {
    for (id, rack, group, state, cpu_cores, cpu_utilization) in [
        (1, 0, Some(0), BrokerState::Alive, 8.0, Some(0.60)),
        (2, 0, Some(0), BrokerState::Alive, 8.0, Some(0.20)),
        (3, 1, Some(0), BrokerState::Alive, 8.0, Some(0.30)),
        (4, 1, Some(0), BrokerState::New, 16.0, Some(0.0)),
        (5, 1, Some(0), BrokerState::Dead, 8.0, None),
        (6, 2, Some(1), BrokerState::Alive, 8.0, Some(0.10)),
        (7, 2, None, BrokerState::Alive, 8.0, Some(0.0)),
    ] {
        snapshot.brokers.push(Broker {
            id,
            rack: Some(RackIdx::new(rack)),
            group: group.map(GroupIdx::new),
            state,
            machine_model: None,
            host: None,
            cpu_cores: Some(cpu_cores),
            cpu_utilization,
            network_in_capacity_bytes_per_sec: Some(1e8),
            network_out_capacity_bytes_per_sec: Some(1e8),
            measured_network_in_bytes_per_sec: None,
            measured_network_out_bytes_per_sec: None,
            first_log_dir: 0,
            log_dir_count: 0,
        });
    }
}

/// Starts the next topic.
fn topic(snapshot: &mut Snapshot, name: &str, group: usize, min_insync_replicas: u32) {
    snapshot.topics.push(Topic {
        name: name.to_owned(),
        group: Some(GroupIdx::new(group)),
        min_insync_replicas: Some(min_insync_replicas),
        cleanup_policy: None,
        retention_ms: None,
        retention_bytes: None,
        first_partition: snapshot.partitions.len() as u32,
        partition_count: 0,
    });
}

/// Adds the next partition to the last topic.
fn partition(snapshot: &mut Snapshot, leader: Option<usize>, produced: f64, consumed: f64, rows: &[ReplicaRow]) {
    let row = snapshot.topics.len() - 1;
    let topic = &mut snapshot.topics[row];
    snapshot.partitions.push(Partition {
        bytes_in_per_sec: produced,
        bytes_out_per_sec: consumed,
        messages_in_per_sec: 0.0,
        topic: TopicIdx::new(row),
        number: topic.partition_count,
        leader: leader.map(|id| BrokerIdx::new(id - 1)),
        first_replica: snapshot.replicas.len() as u32,
        replica_count: rows.len() as u32,
    });
    topic.partition_count += 1;
    for &(id, path, gigabytes) in rows {
        let broker = BrokerIdx::new(id as usize - 1);
        let log_dir = snapshot.log_dirs.iter().position(|d| d.broker == broker && d.path == path);
        snapshot.replicas.push(Replica {
            size_bytes: gigabytes * GB,
            broker,
            log_dir: log_dir.map(LogDirIdx::new),
            in_sync: snapshot.brokers[broker.row()].state != BrokerState::Dead
                && log_dir.is_some_and(|d| snapshot.log_dirs[d].state.is_serving()),
            reassignment: None,
        });
    }
}

/// The example with figures that brokers measured themselves.
pub(crate) fn with_measured_network() -> Snapshot {
    let mut snapshot = contract_example();
    for (row, measured_in, measured_out) in [(0, 40e6, 120e6), (1, 30e6, 0.0), (2, 37e6, 64e6)] {
        snapshot.brokers[row].measured_network_in_bytes_per_sec = Some(measured_in);
        snapshot.brokers[row].measured_network_out_bytes_per_sec = Some(measured_out);
    }
    snapshot
}

/// The example with names that would be markup if anything let them through.
pub(crate) fn hostile() -> Snapshot {
    let mut snapshot = contract_example();
    snapshot.cluster.cluster_id = "</title><script>alert(1)</script>".to_owned();
    snapshot.groups[1] = "\"><img src=x onerror=alert(2)>".to_owned();
    snapshot.topics[2].name = "<script>alert('orders')</script>&amp;".to_owned();
    snapshot.log_dirs[0].path = "/data'\"><svg onload=alert(3)>".to_owned();
    snapshot
}

/// A cluster of `brokers` brokers with one dir and three partitions each, all in one group.
pub(crate) fn wide(brokers: usize) -> Snapshot {
    let mut snapshot = contract_example();
    let broker = Broker { group: None, rack: None, state: BrokerState::Alive, ..snapshot.brokers[0].clone() };
    let dir = snapshot.log_dirs[0].clone();
    snapshot.groups.clear();
    snapshot.brokers = (0..brokers)
        .map(|row| Broker { id: row as i32 + 1, first_log_dir: row as u32, log_dir_count: 1, ..broker.clone() })
        .collect();
    snapshot.log_dirs = (0..brokers).map(|row| LogDir { broker: BrokerIdx::new(row), ..dir.clone() }).collect();
    (snapshot.topics, snapshot.partitions, snapshot.replicas) = (Vec::new(), Vec::new(), Vec::new());
    topic(&mut snapshot, "wide", 0, 1);
    snapshot.topics[0].group = None;
    for row in 0..brokers * 3 {
        // Every third broker hosts more than its share.
        let (leader, follower) = (row % brokers / 3 * 3 + 1, row % brokers + 1);
        let leader = if leader == follower { leader % brokers + 1 } else { leader };
        let rows = [(leader as i32, "/data1", 50), (follower as i32, "/data1", 50)];
        partition(&mut snapshot, Some(leader), 1e6, 2e6, &rows);
    }
    snapshot
}

/// A plan for the example, made by hand: the dead broker's replica goes to broker 2, one of broker 1's to broker 4, and
/// a replica changes its dir. Empty for a snapshot that has no such partitions.
pub(crate) fn plan(snapshot: &Snapshot) -> Plan {
    let mut placement = Placement::of(snapshot);
    let mut reasons = Vec::new();
    let moves = [
        (1, 1, 1, 0, Criterion::Rule(Rule::LogDirCapacity), "/data1 of broker 1 at 85.0 %"),
        (3, 1, 4, 6, Criterion::Goal(Goal::Disk), "broker 4 at 0.02 of the mean disk, band 0.90–1.10"),
        (5, 1, 2, 2, Criterion::Rule(Rule::InactiveBroker), "broker 5 is dead"),
    ];
    for (row, position, broker, dir, criterion, detail) in moves {
        let partition = PartitionIdx::new(row);
        if snapshot.partitions.len() == EXAMPLE_PARTITIONS {
            let seat = Seat { broker: BrokerIdx::new(broker - 1), log_dir: Some(LogDirIdx::new(dir)) };
            placement.seats_mut(partition)[position] = seat;
            reasons.push(Reason { partition, criterion, detail: detail.to_owned() });
        }
    }
    let usage = Usage::of(snapshot, &placement);
    let mut excuses = of_violations(snapshot, &Policy::default(), &placement, &usage);
    excuses.extend(of_unjudged(snapshot, &unjudged_partitions(snapshot)));
    let lower_bound = LowerBound { bytes: 500 * GB, kind: BoundKind::Shedding };
    let stop_reason = StopReason::StepLimit;
    let solution = Solution { placement, stop_reason, lower_bound, reasons, excuses };
    build(snapshot, &Policy::default(), solution, &Pacing::default())
}

/// How many partitions the contract's example has.
const EXAMPLE_PARTITIONS: usize = 7;

/// `text` without its ANSI styles: `ESC [ … m`.
pub(crate) fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + part.split_once('m').map_or(part, |(_, rest)| rest))
}
