//! How a placement stands and what it copies, counted here from the contract's formulas and nothing of `verify`.
//!
//! Input: a snapshot of one group whose capacities are known, a policy, a placement. Output: a [`Verdict`]. The program's
//! own judge is asked afterwards, and a difference ends the run.

use std::collections::BTreeMap;

use evenkeel::model::load::cores_per_work;
use evenkeel::model::{Bands, BrokerState, Goal, Placement, Policy, Snapshot};
use evenkeel::verify::{assess, movement};

/// What the table tells of a placement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    /// (Goal, broker) and (topic, broker) outside their bands.
    pub(crate) outside: u64,
    /// Of those, topics on brokers.
    pub(crate) topic_spread: u64,
    pub(crate) excess: f64,
    pub(crate) bytes: u64,
    pub(crate) moves: u64,
    pub(crate) leader_changes: u64,
}

/// Counts, and has the program count too.
pub(crate) fn judge(snapshot: &Snapshot, policy: &Policy, placement: &Placement) -> Verdict {
    let mut verdict = Verdict::default();
    count_movement(snapshot, placement, &mut verdict);
    let values = loads(snapshot, placement);
    for (goal, capacities) in capacities(snapshot) {
        let mut group: Vec<(f64, f64)> = Vec::new();
        for (broker, capacity) in snapshot.brokers.iter().zip(capacities).zip(&values[goal as usize]) {
            assert!(
                matches!(broker.0.state, BrokerState::Alive | BrokerState::New),
                "only active brokers are compared"
            );
            group.push((*capacity, broker.1));
        }
        add_goal(&group, goal, &policy.bands, &mut verdict);
    }
    add_topics(snapshot, placement, &policy.bands, &mut verdict);
    agree(snapshot, policy, placement, &verdict);
    verdict
}

/// Ends the run where the program's judge says otherwise.
fn agree(snapshot: &Snapshot, policy: &Policy, placement: &Placement, verdict: &Verdict) {
    let (theirs, moved) = (assess(snapshot, policy, placement), movement(snapshot, placement));
    assert_eq!(theirs.hard_total(), 0, "hard rules are broken: {:?}", theirs.hard);
    assert_eq!(
        (verdict.outside, verdict.bytes, verdict.moves, verdict.leader_changes),
        (theirs.imbalance.outside, moved.inter_broker_bytes, moved.replica_moves, moved.leader_changes)
    );
    assert!((verdict.excess - theirs.imbalance.excess).abs() <= 1e-6 * theirs.imbalance.excess.max(1.0));
}

fn count_movement(snapshot: &Snapshot, placement: &Placement, verdict: &mut Verdict) {
    for p in snapshot.partition_indices() {
        let old = snapshot.replicas_of(p);
        let largest = old.iter().map(|r| r.size_bytes).max().unwrap_or(0);
        let fresh =
            placement.seats(p).iter().filter(|seat| !old.iter().any(|r| r.broker == seat.broker)).count() as u64;
        verdict.moves += fresh;
        verdict.bytes += fresh * largest;
        verdict.leader_changes += u64::from(placement.leader(p) != snapshot.partition(p).leader);
    }
}

/// The goals about brokers with each broker's capacity; counts have none.
fn capacities(snapshot: &Snapshot) -> Vec<(Goal, Vec<f64>)> {
    let of = |known: &dyn Fn(usize) -> f64| (0..snapshot.brokers.len()).map(known).collect::<Vec<f64>>();
    let row = |b: usize| &snapshot.brokers[b];
    let disk = |b: usize| {
        snapshot.log_dirs[row(b).log_dir_rows()].iter().map(|dir| dir.capacity_bytes.unwrap()).sum::<u64>() as f64
    };
    vec![
        (Goal::Disk, of(&disk)),
        (Goal::NetworkIn, of(&|b| row(b).network_in_capacity_bytes_per_sec.unwrap())),
        (Goal::NetworkOut, of(&|b| row(b).network_out_capacity_bytes_per_sec.unwrap())),
        (Goal::Cpu, of(&|b| row(b).cpu_cores.unwrap())),
        (Goal::Replicas, of(&|_| 1.0)),
        (Goal::Leaders, of(&|_| 1.0)),
    ]
}

/// By goal, then broker (contract §2).
fn loads(snapshot: &Snapshot, placement: &Placement) -> [Vec<f64>; 6] {
    let mut loads: [Vec<f64>; 6] = std::array::from_fn(|_| vec![0.0; snapshot.brokers.len()]);
    for (dir, row) in snapshot.brokers.iter().enumerate().flat_map(|(b, row)| row.log_dir_rows().map(move |d| (d, b))) {
        loads[0][row] += snapshot.log_dirs[dir].other_used_bytes as f64;
    }
    let cores = cores_per_work(snapshot).unwrap();
    for p in snapshot.partition_indices() {
        let (row, old) = (snapshot.partition(p), snapshot.replicas_of(p));
        let (produced, seats) = (row.bytes_in_per_sec, placement.seats(p));
        let sent = row.bytes_out_per_sec + produced * (seats.len() as f64 - 1.0);
        let largest = old.iter().map(|r| r.size_bytes).max().unwrap_or(0);
        for seat in seats {
            let b = seat.broker.row();
            let size = old.iter().find(|r| r.broker == seat.broker).map_or(largest, |r| r.size_bytes);
            let leads = placement.leader(p) == Some(seat.broker);
            loads[0][b] += size as f64;
            loads[1][b] += produced;
            loads[3][b] += cores * if leads { 0.7 * produced + 0.15 * sent } else { 0.15 * produced };
            loads[4][b] += 1.0;
            if leads {
                loads[2][b] += sent;
                loads[5][b] += 1.0;
            }
        }
    }
    loads
}

/// One goal over all brokers, each with its load and capacity (contract §3).
fn add_goal(brokers: &[(f64, f64)], goal: Goal, bands: &Bands, verdict: &mut Verdict) {
    let share = bands.of(goal);
    let mean = brokers.iter().map(|b| b.0).sum::<f64>() / brokers.iter().map(|b| b.1).sum::<f64>();
    let (mut low, mut high) = (mean * (1.0 - share), mean * (1.0 + share));
    if matches!(goal, Goal::Replicas | Goal::Leaders) {
        // A billionth keeps a product that is whole from being rounded outwards.
        (low, high) = ((low + 1e-9).floor(), (high - 1e-9).ceil());
    }
    for (load, capacity) in brokers {
        let value = load / capacity;
        let beyond = (value - high).max(low - value);
        if beyond > 1e-9 * high {
            verdict.outside += 1;
            verdict.excess += beyond / mean;
        }
    }
}

fn add_topics(snapshot: &Snapshot, placement: &Placement, bands: &Bands, verdict: &mut Verdict) {
    for topic in &snapshot.topics {
        let mut counts: BTreeMap<usize, u64> = BTreeMap::new();
        for p in topic.partition_rows().map(evenkeel::model::PartitionIdx::new) {
            placement.seats(p).iter().for_each(|seat| *counts.entry(seat.broker.row()).or_default() += 1);
        }
        let mean = counts.values().sum::<u64>() as f64 / snapshot.brokers.len() as f64;
        let slack = f64::from(bands.topic_spread_slack).max(bands.topic_spread * mean);
        let limit = (mean + slack - 1e-9).ceil();
        for count in counts.into_values().map(|count| count as f64).filter(|count| *count > limit) {
            verdict.outside += 1;
            verdict.topic_spread += 1;
            verdict.excess += (count - limit) / limit;
        }
    }
}
