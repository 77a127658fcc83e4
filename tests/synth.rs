//! Synthetic snapshots: what is asked for is what is there, and every invariant of the model holds.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use evenkeel::ingest::{SynthError, SynthFaults, SynthSpec, synthesize};
use evenkeel::model::{Assessment, BrokerState, LogDirState, Placement, Policy, Rule, Snapshot};
use evenkeel::verify::assess;

fn judge(snapshot: &Snapshot) -> Assessment {
    assess(snapshot, &Policy::default(), &Placement::of(snapshot))
}

fn well_kept() -> SynthSpec {
    SynthSpec { brokers: 24, partitions: 1_000, log_dirs: 3, drift: 0.0, ..SynthSpec::default() }
}

fn everything_broken() -> SynthSpec {
    SynthSpec {
        brokers: 45,
        partitions: 2_000,
        log_dirs: 2,
        groups: 3,
        expanded: 4,
        heterogeneous: true,
        drift: 0.7,
        replication: vec![(2, 1.0), (3, 6.0), (4, 1.0)],
        faults: SynthFaults {
            dead: 2,
            draining: 1,
            down: 2,
            offline_dirs: 3,
            cordoned: 4,
            rack_violations: 11,
            wrong_group: 6,
            reassigning: 5,
            no_leader: 3,
        },
        ..SynthSpec::default()
    }
}

/// What ingestion promises of every snapshot (the model's invariants), and what no cluster can be.
fn check_invariants(s: &Snapshot) {
    assert!(s.brokers.windows(2).all(|w| w[0].id < w[1].id));
    assert!(s.topics.windows(2).all(|w| w[0].name < w[1].name));
    assert!(s.racks.windows(2).all(|w| w[0] < w[1]) && s.groups.windows(2).all(|w| w[0] < w[1]));
    let mut dirs = 0;
    for (row, broker) in s.brokers.iter().enumerate() {
        assert_eq!(broker.log_dir_rows().start, dirs);
        dirs = broker.log_dir_rows().end;
        let own = &s.log_dirs[broker.log_dir_rows()];
        assert!(own.iter().all(|d| d.broker.row() == row) && own.windows(2).all(|w| w[0].path < w[1].path));
        assert!(broker.network_in_capacity_bytes_per_sec.unwrap() > 0.0 && broker.cpu_cores.unwrap() > 0.0);
        assert!((0.0..=1.0).contains(&broker.cpu_utilization.unwrap_or(0.0)));
    }
    assert_eq!(dirs, s.log_dirs.len());
    let (mut partitions, mut replicas) = (0, 0);
    for (row, topic) in s.topics.iter().enumerate() {
        assert_eq!(topic.partition_rows().start, partitions);
        partitions = topic.partition_rows().end;
        for (number, p) in s.partitions[topic.partition_rows()].iter().enumerate() {
            assert_eq!((p.topic.row(), p.number as usize, p.replica_rows().start), (row, number, replicas));
            replicas = p.replica_rows().end;
        }
    }
    assert_eq!((partitions, replicas), (s.partitions.len(), s.replicas.len()));
    check_replicas(s);
}

fn check_replicas(s: &Snapshot) {
    let mut used: Vec<u64> = s.log_dirs.iter().map(|d| d.other_used_bytes).collect();
    for p in s.partition_indices() {
        let rows = s.replicas_of(p);
        let hosts: BTreeSet<_> = rows.iter().map(|r| r.broker).collect();
        assert_eq!(hosts.len(), rows.len(), "{} sits twice on a broker", s.partition_name(p));
        if let Some(leader) = s.partition(p).leader {
            let leading = rows.iter().find(|r| r.broker == leader).unwrap();
            assert!(leading.in_sync, "{} is led by a replica that is not in sync", s.partition_name(p));
        }
        for replica in rows {
            let (broker, dir) = (s.broker(replica.broker), s.log_dir(replica.log_dir.unwrap()));
            assert_eq!(dir.broker, replica.broker);
            used[replica.log_dir.unwrap().row()] += replica.size_bytes;
            assert_ne!(broker.state, BrokerState::New, "a new broker is empty");
            let serves = !matches!(broker.state, BrokerState::Dead | BrokerState::Down);
            assert!(!replica.in_sync || (serves && dir.state != LogDirState::Offline));
        }
    }
    for (dir, used) in s.log_dirs.iter().zip(used) {
        assert!(used <= dir.capacity_bytes.unwrap(), "{} of broker {:?} is overfull", dir.path, dir.broker);
    }
}

#[test]
fn a_well_kept_cluster_breaks_no_rule_and_lies_within_every_band() {
    for spec in [
        well_kept(),
        SynthSpec { heterogeneous: true, brokers: 25, racks: 5, partitions: 2_000, ..well_kept() },
        SynthSpec { racks: 0, ..well_kept() },
        SynthSpec { log_dirs: 1, brokers: 6, partitions: 400, ..well_kept() },
    ] {
        let snapshot = synthesize(&spec).unwrap();
        check_invariants(&snapshot);
        let judged = judge(&snapshot);
        assert_eq!(judged.hard_total(), 0, "{spec:?}: {:?}", judged.hard);
        assert_eq!(judged.imbalance.outside, 0, "{spec:?}: {:?}", judged.balance);
    }
}

#[test]
fn mean_utilizations_are_what_the_spec_says() {
    use evenkeel::model::Goal;
    let judged = judge(&synthesize(&well_kept()).unwrap());
    let mean = |goal| judged.balance["default"][&goal].range.unwrap().mean;
    assert!((mean(Goal::Disk) - 0.455).abs() < 0.01, "{}", mean(Goal::Disk));
    assert!((mean(Goal::NetworkIn).max(mean(Goal::NetworkOut)) - 0.30).abs() < 0.01);
    assert!((mean(Goal::Cpu) - 0.35).abs() < 0.01, "{}", mean(Goal::Cpu));
}

#[test]
fn drift_unbalances_and_keeps_racks_and_groups() {
    let mut excess = 0.0;
    for drift in [0.2, 0.5, 1.0] {
        let spec = SynthSpec { drift, groups: 2, brokers: 30, ..well_kept() };
        let snapshot = synthesize(&spec).unwrap();
        check_invariants(&snapshot);
        let judged = judge(&snapshot);
        assert!(judged.imbalance.excess > excess + 1.0, "drift {drift}: {:?}", judged.imbalance);
        excess = judged.imbalance.excess;
        assert_eq!(judged.hard_count(Rule::Rack) + judged.hard_count(Rule::ResourceGroup), 0);
    }
}

#[test]
fn every_fault_is_there_as_often_as_asked() {
    let spec = everything_broken();
    let s = synthesize(&spec).unwrap();
    check_invariants(&s);
    let brokers = |state| s.brokers.iter().filter(|b| b.state == state).count();
    assert_eq!(brokers(BrokerState::Dead), 2);
    assert_eq!(brokers(BrokerState::Draining), 1);
    assert_eq!(brokers(BrokerState::Down), 2);
    assert_eq!(brokers(BrokerState::New), 4);
    let dirs = |state| s.log_dirs.iter().filter(|d| d.state == state).count();
    assert_eq!((dirs(LogDirState::Offline), dirs(LogDirState::Cordoned)), (3, 4));
    assert_eq!(s.partitions.iter().filter(|p| p.leader.is_none()).count(), 3);
    let moving = |p: &evenkeel::model::Partition| s.replicas[p.replica_rows()].iter().any(|r| r.reassignment.is_some());
    assert_eq!(s.partitions.iter().filter(|p| moving(p)).count(), 5);
    let judged = judge(&s);
    assert_eq!(judged.hard_count(Rule::Rack), 11);
    assert_eq!(judged.hard_count(Rule::ResourceGroup), 6);
    assert!(judged.hard_count(Rule::InactiveBroker) > 0 && judged.hard_count(Rule::OfflineLogDir) > 0);
    assert_eq!(judged.hard_count(Rule::DuplicateReplica), 0);
}

#[test]
fn the_same_spec_gives_the_same_snapshot_and_another_seed_another() {
    let spec = everything_broken();
    assert_eq!(synthesize(&spec).unwrap(), synthesize(&spec).unwrap());
    assert_ne!(synthesize(&spec).unwrap().replicas, synthesize(&SynthSpec { seed: 1, ..spec }).unwrap().replicas);
}

#[test]
fn faults_leave_the_rest_of_the_cluster_as_it_is() {
    let sound = synthesize(&well_kept()).unwrap();
    let faults = SynthFaults { draining: 2, cordoned: 1, ..SynthFaults::default() };
    let broken = synthesize(&SynthSpec { faults, ..well_kept() }).unwrap();
    assert_eq!((sound.topics, sound.partitions), (broken.topics, broken.partitions));
}

#[test]
fn counts_and_shapes_are_hit_exactly() {
    for (brokers, partitions, log_dirs, racks) in [(3, 1, 1, 3), (3, 5, 4, 0), (9, 60, 12, 3), (7, 333, 2, 2)] {
        let spec = SynthSpec { brokers, partitions, log_dirs, racks, ..SynthSpec::default() };
        let s = synthesize(&spec).unwrap();
        check_invariants(&s);
        assert_eq!((s.brokers.len(), s.partitions.len()), (brokers as usize, partitions as usize));
        assert_eq!((s.log_dirs.len(), s.racks.len()), ((brokers * log_dirs) as usize, racks as usize));
    }
}

#[test]
fn small_and_badly_broken_clusters_are_clusters_still() {
    let mut made = 0;
    for seed in 0..300_u32 {
        let faults = SynthFaults {
            dead: seed % 2,
            down: seed / 2 % 2,
            offline_dirs: seed % 3,
            cordoned: seed % 5,
            rack_violations: seed / 3 % 2,
            reassigning: seed / 5 % 3,
            no_leader: seed / 7 % 2,
            ..SynthFaults::default()
        };
        let spec = SynthSpec {
            brokers: 3 + seed % 6,
            partitions: 5 + seed % 50,
            topics: Some(1 + seed % 5),
            log_dirs: 1 + seed % 3,
            replication: vec![(1 + seed % 3, 1.0), (1 + seed / 4 % 3, 1.0)],
            disk_utilization: 0.1 + f64::from(seed % 8) / 10.0,
            drift: f64::from(seed % 4) / 3.0,
            faults,
            seed: u64::from(seed),
            ..SynthSpec::default()
        };
        if let Ok(snapshot) = synthesize(&spec) {
            check_invariants(&snapshot);
            made += 1;
        }
    }
    assert!(made >= 60, "only {made} of 300 could be made");
}

#[test]
fn what_cannot_be_is_refused_with_its_numbers() {
    let few = SynthSpec { brokers: 2, racks: 1, ..SynthSpec::default() };
    assert_eq!(
        synthesize(&few).unwrap_err(),
        SynthError::GroupTooSmall { brokers: 2, racks: 1, replication_factor: 3 }
    );
    let faults = SynthFaults { dead: 30, ..SynthFaults::default() };
    let message = synthesize(&SynthSpec { faults, ..well_kept() }).unwrap_err().to_string();
    assert_eq!(message, "30 dead wanted, only 21 possible here");
    let message = synthesize(&SynthSpec { drift: f64::NAN, ..well_kept() }).unwrap_err().to_string();
    assert_eq!(message, "drift is NaN, must be 0 to 1");
    let faults = SynthFaults { wrong_group: 1, ..SynthFaults::default() };
    let error = synthesize(&SynthSpec { faults, ..well_kept() }).unwrap_err();
    assert_eq!(error, SynthError::TooManyFaults { fault: "wrong-group", wanted: 1, possible: 0 });
}
