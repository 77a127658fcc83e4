//! How long each stage takes on clusters of an everyday size: search, judgement, plan, rendering.
//!
//! `cargo bench --bench stages` takes about a minute. Whole cases with their results are `cargo bench --bench cases`.

#![expect(clippy::unwrap_used, reason = "a benchmark may fail loudly")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion};
use evenkeel::ingest::{SynthSpec, synthesize};
use evenkeel::model::{Placement, Policy, Snapshot};
use evenkeel::optimize::{Effort, Environment, Options, Solution, optimize};
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
        b.iter_batched(|| solution.clone(), |s| plan::build(snapshot, &policy, s, &plan::Pacing::default()), BatchSize::LargeInput);
    });
    let plan = plan::build(snapshot, &policy, solution, &plan::Pacing::default());
    criterion.bench_function(&id("render the plan"), |b| {
        b.iter(|| report::plan_files(snapshot, &policy, black_box(&plan)));
    });
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
    criterion.final_summary();
}
