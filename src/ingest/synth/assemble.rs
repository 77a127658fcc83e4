//! The finished draft as a [`Snapshot`], with the figures that were "measured".

use rand::RngExt;
use rand_pcg::Pcg64;

use super::dirs::Dirs;
use super::draft::Draft;
use super::faults::is_serving;
use super::scale::CPU_UTILIZATION;
use super::spec::SynthSpec;
use super::stream;
use crate::model::{
    Broker, BrokerIdx, BrokerState, ClusterInfo, GroupIdx, RackIdx, Reassignment, Replica, Snapshot, Statistic, Window,
};

/// Followers' logs differ from the leader's by what they have not yet deleted: less than this share.
const FOLLOWER_DIFFERENCE: f64 = 0.004;
/// Measured figures differ from modelled ones by up to this share, as they do in life.
const MEASUREMENT_NOISE: f64 = 0.03;
/// What a broker sends and receives beside replicas' traffic: requests, metadata, acknowledgements.
const PROTOCOL_OVERHEAD: f64 = 0.02;
/// A synthetic cluster is captured at a fixed moment, for the same seed gives the same bytes.
const CAPTURED_AT: &str = "2026-11-20T12:00:00Z";
/// A week before.
const WINDOW_START: &str = "2026-11-13T12:00:00Z";

/// Builds the snapshot.
pub(super) fn assemble(mut draft: Draft, dirs: Dirs, spec: &SynthSpec) -> Snapshot {
    let mut rng = stream(spec.seed, "assemble");
    draft.recount();
    let replicas = replicas(&draft, &dirs, &mut rng);
    let brokers = brokers(&draft, spec, &mut rng);
    let mut partitions = std::mem::take(&mut draft.partitions);
    for (p, partition) in partitions.iter_mut().enumerate() {
        let has_leader = draft.leaderless.binary_search(&p).is_err();
        partition.leader = has_leader.then(|| BrokerIdx::new(draft.leaders[p] as usize));
    }
    Snapshot {
        cluster: cluster(spec),
        racks: draft.fleet.racks,
        groups: if spec.is_grouped() { draft.fleet.groups } else { Vec::new() },
        brokers,
        log_dirs: dirs.rows,
        topics: draft.topics,
        partitions,
        replicas,
    }
}

fn cluster(spec: &SynthSpec) -> ClusterInfo {
    ClusterInfo {
        cluster_id: format!("synth-{}x{}-{}", spec.brokers, spec.partitions, spec.seed),
        captured_at: CAPTURED_AT.to_owned(),
        source: "evenkeel synth".to_owned(),
        kafka_version: Some("4.1.0".to_owned()),
        window: Some(Window { start: WINDOW_START.to_owned(), end: CAPTURED_AT.to_owned(), statistic: Statistic::P95 }),
        sha256: String::new(),
    }
}

fn replicas(draft: &Draft, dirs: &Dirs, rng: &mut Pcg64) -> Vec<Replica> {
    let mut replicas = Vec::with_capacity(draft.hosts.len());
    let mut reassignments = draft.reassignments.clone();
    reassignments.sort_unstable_by_key(|(row, _)| *row);
    let mut reassignments = reassignments.into_iter().peekable();
    for (p, partition) in draft.partitions.iter().enumerate() {
        let has_leader = draft.leaderless.binary_search(&p).is_err();
        for row in partition.replica_rows() {
            let (host, log_dir) = (draft.hosts[row], dirs.of_replica[row]);
            let reassignment = reassignments.next_if(|(r, _)| *r == row).map(|(_, kind)| kind);
            let share = if reassignment == Some(Reassignment::Adding) {
                rng.random_range(0.05..0.95)
            } else if host == draft.leaders[p] {
                1.0
            } else {
                1.0 - rng.random_range(0.0..FOLLOWER_DIFFERENCE)
            };
            replicas.push(Replica {
                size_bytes: (draft.size_bytes[p] * share) as u64,
                broker: BrokerIdx::new(host as usize),
                log_dir: Some(log_dir),
                in_sync: has_leader
                    && is_serving(draft.fleet.machines[host as usize].state)
                    && dirs.rows[log_dir.row()].state.is_serving()
                    && reassignment != Some(Reassignment::Adding),
                reassignment,
            });
        }
    }
    replicas
}

fn brokers(draft: &Draft, spec: &SynthSpec, rng: &mut Pcg64) -> Vec<Broker> {
    let machines = &draft.fleet.machines;
    let cores = |row: usize| draft.hardware.cores * machines[row].size;
    let in_use: f64 = draft.fleet.members.iter().flatten().map(|&row| cores(row)).sum();
    let work: f64 = draft.loads.iter().map(|load| load[3]).sum();
    let cores_per_work = if work > 0.0 { CPU_UTILIZATION * in_use / work } else { 0.0 };
    let row = |(row, machine): (usize, &super::fleet::Machine)| {
        let load = &draft.loads[row];
        let measured = is_serving(machine.state);
        let noise = 1.0 + rng.random_range(-MEASUREMENT_NOISE..MEASUREMENT_NOISE);
        let utilization = (cores_per_work * load[3] / cores(row) * noise).min(0.99);
        let traffic = |bytes: f64| measured.then(|| (bytes * (1.0 + PROTOCOL_OVERHEAD) * noise).round());
        let network = draft.hardware.network_bytes_per_sec * machine.size;
        Broker {
            id: machine.id,
            rack: machine.rack.map(RackIdx::new),
            group: spec.is_grouped().then(|| GroupIdx::new(machine.group)),
            state: machine.state,
            machine_model: None,
            host: Some(format!("kafka-{}.example.net", machine.id)),
            cpu_cores: Some(cores(row)),
            cpu_utilization: measured.then(|| (utilization * 10_000.0).round() / 10_000.0),
            network_in_capacity_bytes_per_sec: Some(network),
            network_out_capacity_bytes_per_sec: Some(network),
            measured_network_in_bytes_per_sec: traffic(load[1]).filter(|_| machine.state != BrokerState::New),
            measured_network_out_bytes_per_sec: traffic(load[2]).filter(|_| machine.state != BrokerState::New),
            first_log_dir: u32::try_from(row).unwrap_or(u32::MAX) * spec.log_dirs,
            log_dir_count: spec.log_dirs,
        }
    };
    machines.iter().enumerate().map(row).collect()
}
