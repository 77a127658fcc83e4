//! How good plans are and what they cost, case by case.
//!
//! `cargo bench --bench cases -- [FILTER] [--csv] [--stages] [--xxl] [--effort quick|normal|thorough] [--threads N]`
//! prints a table: for every named case what was outside before and after, the bytes copied against the proven bound,
//! and the search's seconds and peak memory. Each case runs in a process of its own, so that its memory is its own; the
//! peak is reset once the cluster is made, where the kernel allows it. It reads `/proc`, so peaks are Linux's alone.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark may fail loudly")]

use std::process::Command;
use std::sync::Mutex;
use std::time::Instant;

use evenkeel::model::{Policy, Snapshot};
use evenkeel::optimize::{Effort, Environment, Options, optimize};
use evenkeel::plan;

#[expect(dead_code, reason = "what `benches/peers` compares")]
mod generators;
mod memory;

use generators::Case;
use memory::{peak_mib, reset_peak};

/// Columns, in the order that [`run_case`] fills them; the stages' seconds follow.
const COLUMNS: [&str; 15] = [
    "case",
    "brokers",
    "partitions",
    "replicas",
    "hard before → after",
    "outside before → after",
    "excess before → after",
    "GiB copied",
    "bound GiB",
    "gap %",
    "moves",
    "leader changes",
    "search s",
    "plan s",
    "peak MiB",
];

/// The stages that the optimizer tells of, in order.
const STAGES: [&str; 6] = ["repair", "balance", "trim", "anneal", "log dirs", "bound"];

/// What was asked for.
#[derive(Clone, Debug, Default)]
struct Request {
    filter: String,
    csv: bool,
    stages: bool,
    xxl: bool,
    effort: String,
    threads: usize,
    /// The one case that this process is to run.
    only: Option<String>,
}

impl Request {
    fn parse() -> Self {
        let mut request = Self { effort: "normal".to_owned(), ..Self::default() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // What cargo passes to every benchmark.
                "--bench" => {}
                "--csv" => request.csv = true,
                "--stages" => request.stages = true,
                "--xxl" => request.xxl = true,
                "--effort" => request.effort = arguments.next().unwrap(),
                "--threads" => request.threads = arguments.next().unwrap().parse().unwrap(),
                "--case" => request.only = arguments.next(),
                flag if flag.starts_with("--") => panic!("unknown flag {flag}"),
                filter => filter.clone_into(&mut request.filter),
            }
        }
        request
    }

    fn effort(&self) -> Effort {
        match self.effort.as_str() {
            "quick" => Effort::Quick,
            "normal" => Effort::Normal,
            "thorough" => Effort::Thorough,
            other => panic!("unknown effort {other}"),
        }
    }
}

/// The seconds between stages' beginnings, from when each was told.
fn stage_seconds(told: &[(String, Instant)], end: Instant) -> Vec<f64> {
    let seconds = |stage: &&str| {
        let at = told.iter().position(|(name, _)| name == stage)?;
        let next = told.get(at + 1).map_or(end, |(_, instant)| *instant);
        Some(next.duration_since(told[at].1).as_secs_f64())
    };
    STAGES.iter().map(|stage| seconds(stage).unwrap_or(0.0)).collect()
}

/// Runs one case and returns its row.
fn run_case(case: &Case, request: &Request) -> Vec<String> {
    let snapshot = case.snapshot();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(request.threads).build().unwrap();
    reset_peak();
    pool.install(|| measure(&case.name, &snapshot, request.effort()))
}

fn measure(name: &str, snapshot: &Snapshot, effort: Effort) -> Vec<String> {
    let policy = Policy::default();
    let told = Mutex::new(Vec::new());
    let env = Environment {
        expired: &|| false,
        progress: &|stage, _| told.lock().unwrap().push((stage.to_owned(), Instant::now())),
    };
    let start = Instant::now();
    let solution = optimize(snapshot, &policy, &Options { seed: 0, effort }, &env);
    let searched = Instant::now();
    let plan = plan::build(snapshot, &policy, solution, &plan::Pacing::default());
    let planned = searched.elapsed().as_secs_f64();
    let gib = |bytes: u64| format!("{:.1}", bytes as f64 / f64::from(1 << 30));
    let (before, after) = (&plan.before, &plan.after);
    let mut row = vec![
        name.to_owned(),
        snapshot.brokers.len().to_string(),
        snapshot.partitions.len().to_string(),
        snapshot.replicas.len().to_string(),
        format!("{} → {}", before.hard_total(), after.hard_total()),
        format!("{} → {}", before.imbalance.outside, after.imbalance.outside),
        format!("{:.3} → {:.4}", before.imbalance.excess, after.imbalance.excess),
        gib(plan.movement.inter_broker_bytes),
        gib(plan.lower_bound.bytes),
        plan.gap.map_or_else(|| "–".to_owned(), |gap| format!("{:.2}", gap * 100.0)),
        plan.movement.replica_moves.to_string(),
        plan.movement.leader_changes.to_string(),
        format!("{:.2}", searched.duration_since(start).as_secs_f64()),
        format!("{planned:.2}"),
        peak_mib().to_string(),
    ];
    row.extend(stage_seconds(&told.lock().unwrap(), searched).iter().map(|s| format!("{s:.2}")));
    row
}

fn print_row(cells: &[String], csv: bool) {
    if csv {
        println!("{}", cells.iter().map(|cell| format!("\"{cell}\"")).collect::<Vec<_>>().join(","));
    } else {
        println!("| {} |", cells.join(" | "));
    }
}

fn print_head(request: &Request) {
    let mut names: Vec<String> = COLUMNS.map(str::to_owned).to_vec();
    if request.stages {
        names.extend(STAGES.map(|stage| format!("{stage} s")));
    }
    print_row(&names, request.csv);
    if !request.csv {
        println!("|{}", "---|".repeat(names.len()));
    }
}

/// Runs `name` in a process of its own and returns its row.
fn run_apart(name: &str, request: &Request) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--case", name, "--xxl", "--effort", &request.effort, "--threads", &request.threads.to_string()]);
    let output = child.stderr(std::process::Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{name} failed");
    String::from_utf8(output.stdout).unwrap().trim_end().split('\t').map(str::to_owned).collect()
}

fn main() {
    let request = Request::parse();
    let cases = generators::all(request.xxl);
    if let Some(only) = &request.only {
        let case = cases.iter().find(|case| case.name == *only).unwrap();
        return println!("{}", run_case(case, &request).join("\t"));
    }
    print_head(&request);
    for case in cases.iter().filter(|case| case.name.contains(&request.filter)) {
        let mut row = run_apart(&case.name, &request);
        if !request.stages {
            row.truncate(COLUMNS.len());
        }
        print_row(&row, request.csv);
    }
}
