//! How long each stage takes on clusters of an everyday size: search, judgement, plan, rendering.
//!
//! `cargo bench --bench stages` takes about a minute. Whole cases with their results are `cargo bench --bench cases`.

#![expect(clippy::unwrap_used, reason = "a benchmark may fail loudly")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion};
use evenkeel::ingest::{SynthSpec, synthesize};
use evenkeel::model::{BrokerIdx, LogDirIdx, PartitionIdx, Placement, Policy, Seat, Snapshot};
use evenkeel::optimize::{BoundKind, Effort, Environment, LowerBound, Options, Solution, StopReason, optimize};
use evenkeel::plan::Pacing;
use evenkeel::{plan, report, verify};

/// Brokers and partitions.
const SIZES: [(u32, u32); 2] = [(12, 1_000), (60, 10_000)];

fn snapshot(brokers: u32, partitions: u32) -> Snapshot {
    let spec = SynthSpec { brokers, partitions, racks: 3, log_dirs: 2, drift: 0.5, seed: 1, ..SynthSpec::default() };
    synthesize(&spec).unwrap()
}

fn solve(snapshot: &Snapshot, policy: &Policy, effort: Effort) -> Solution {
    let env = Environment { expired: &|| false, progress: &|_, _| {} };
    optimize(snapshot, policy, &Options { seed: 0, effort }, &env)
}

fn bench_size(criterion: &mut Criterion, snapshot: &Snapshot) {
    let policy = Policy::default();
    let replicas = snapshot.replicas.len();
    let id = |stage: &str| format!("{stage}/{replicas} replicas");
    for (name, effort) in [("optimize quick", Effort::Quick), ("optimize normal", Effort::Normal)] {
        criterion.bench_function(&id(name), |b| {
            b.iter(|| solve(black_box(snapshot), &policy, effort));
        });
    }
    let placement = Placement::of(snapshot);
    criterion.bench_function(&id("assess"), |b| {
        b.iter(|| verify::assess(black_box(snapshot), &policy, &placement));
    });
    let solution = solve(snapshot, &policy, Effort::Quick);
    criterion.bench_function(&id("build the plan"), |b| {
        b.iter_batched(
            || solution.clone(),
            |s| plan::build(snapshot, &policy, s, &plan::Pacing::default()),
            BatchSize::LargeInput,
        );
    });
    let plan = plan::build(snapshot, &policy, solution, &plan::Pacing::default());
    criterion.bench_function(&id("render the plan"), |b| {
        b.iter(|| report::plan_files(snapshot, &policy, black_box(&plan)));
    });
}

/// How many replicas are moved where scheduling is measured.
const MOVES: usize = 100_000;

/// So many replicas sent to another broker of their rack: what is measured is scheduled, not searched.
fn many_moves(snapshot: &Snapshot) -> Solution {
    let brokers = snapshot.brokers.len();
    let mut placement = Placement::of(snapshot);
    let count = snapshot.partitions.len();
    let is_drawn = |row: &usize| (row + 1) * MOVES / count > row * MOVES / count;
    for (turn, row) in (0..count).filter(is_drawn).enumerate() {
        let partition = PartitionIdx::new(row);
        let seats = placement.seats_mut(partition);
        let Some(last) = seats.len().checked_sub(1) else { continue };
        let from = seats[last].broker;
        let rack = snapshot.broker(from).rack;
        let fits = |row: &usize| {
            let broker = BrokerIdx::new(*row);
            snapshot.broker(broker).rack == rack && seats.iter().all(|seat| seat.broker != broker)
        };
        let start = from.row() + 1 + turn % 97;
        let Some(row) = (start..start + brokers).map(|row| row % brokers).find(fits) else { continue };
        let log_dir = snapshot.broker(BrokerIdx::new(row)).log_dir_rows().next().map(LogDirIdx::new);
        seats[last] = Seat { broker: BrokerIdx::new(row), log_dir };
    }
    Solution {
        placement,
        stop_reason: StopReason::Done,
        lower_bound: LowerBound { bytes: 0, kind: BoundKind::Shedding },
        reasons: Vec::new(),
        excuses: Vec::new(),
    }
}

fn bench_scheduling(criterion: &mut Criterion) {
    let snapshot = snapshot(1_000, 333_334);
    let solution = many_moves(&snapshot);
    let batches = Pacing { batch_seconds: Some(1_800.0), ..Pacing::default() };
    for (name, pacing) in [("at once", Pacing::default()), ("in half hours", batches)] {
        criterion.bench_function(&format!("schedule {MOVES} moves {name}/{} replicas", snapshot.replicas.len()), |b| {
            let policy = Policy::default();
            b.iter_batched(
                || solution.clone(),
                |s| plan::build(&snapshot, &policy, s, &pacing),
                BatchSize::PerIteration,
            );
        });
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    for (brokers, partitions) in SIZES {
        bench_size(&mut criterion, &snapshot(brokers, partitions));
    }
    bench_scheduling(&mut criterion);
    criterion.final_summary();
}
