//! The same clusters given to evenkeel and to what else there is, one judge for all.
//!
//! `cargo bench --bench peers -- [FILTER] [--without-kafka] [--csv] [--threads N]` prints a row for every named case and
//! planner: the bytes copied between brokers, the moves, what stays outside by two policies, wall and processor seconds, and
//! peak memory.
//! Every planner runs in a process of its own. docs/peers.md says how to read it and what it does not show.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark may fail loudly")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use evenkeel::ingest::policy;
use evenkeel::model::{Freedom, Placement, Policy, Snapshot};
use evenkeel::optimize::{Effort, Environment, Options, optimize};

#[expect(dead_code, reason = "what `benches/cases` measures")]
#[path = "../cases/generators.rs"]
mod generators;
mod greedy;
mod judge;
mod kafka;
#[path = "../cases/memory.rs"]
mod memory;

use judge::judge;

/// Columns, in the order of [`row`].
const COLUMNS: [&str; 13] = [
    "case",
    "replicas",
    "planner",
    "GiB copied",
    "moves",
    "leader changes",
    "outside ±10 %",
    "of it topics",
    "excess ±10 %",
    "outside ±9 %",
    "wall s",
    "cpu s",
    "peak MiB",
];

/// Who plans. The names are the table's.
const STANDS: &str = "as it stands";
const EVENKEEL: &str = "evenkeel";
const EVENKEEL_CC: &str = "evenkeel, cruise-control";
const GREEDY: &str = "goal by goal";
const GENERATE: &str = "Kafka --generate";

/// What was asked for.
#[derive(Debug, Default)]
struct Request {
    filter: String,
    csv: bool,
    without_kafka: bool,
    threads: usize,
    /// The one case and planner of this process.
    only: Option<(String, String)>,
}

impl Request {
    fn parse() -> Self {
        let mut request = Self::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // What cargo passes to every benchmark.
                "--bench" => {}
                "--csv" => request.csv = true,
                "--without-kafka" => request.without_kafka = true,
                "--threads" => request.threads = arguments.next().unwrap().parse().unwrap(),
                "--only" => request.only = arguments.next().zip(arguments.next()),
                flag if flag.starts_with("--") => panic!("unknown flag {flag}"),
                filter => filter.clone_into(&mut request.filter),
            }
        }
        request
    }
}

/// A plan and what it took.
struct Outcome {
    placement: Placement,
    /// Wall and processor seconds, and peak memory in MiB.
    spent: Option<(f64, f64, u64)>,
}

/// Processor seconds of this process's threads and of the children that it has waited for, from Linux's `/proc`.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The name, which may hold blanks, ends at the last parenthesis; times in hundredths of seconds are the 14th to 17th.
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(4);
    fields.map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

fn plan(planner: &str, snapshot: &Snapshot) -> Outcome {
    let policy = Policy::default();
    let excluded: Vec<bool> = snapshot.topics.iter().map(|t| policy.freedom(&t.name) != Freedom::Free).collect();
    let timed = |work: &dyn Fn() -> Placement| {
        memory::reset_peak();
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let placement = work();
        let spent = Some((start.elapsed().as_secs_f64(), cpu_seconds() - cpu, memory::peak_mib()));
        Outcome { placement, spent }
    };
    match planner {
        STANDS => Outcome { placement: Placement::of(snapshot), spent: None },
        EVENKEEL => timed(&|| search(snapshot, &policy)),
        EVENKEEL_CC => timed(&|| search(snapshot, &cruise_control())),
        GREEDY => timed(&|| greedy::rebalance(snapshot, &excluded)),
        GENERATE => {
            let run = kafka::generate(snapshot, &excluded);
            Outcome { placement: run.placement, spent: Some((run.seconds, run.cpu_seconds, run.peak_mib)) }
        }
        other => panic!("unknown planner {other}"),
    }
}

fn search(snapshot: &Snapshot, policy: &Policy) -> Placement {
    let env = Environment { expired: &|| false, progress: &|_, _| {} };
    optimize(snapshot, policy, &Options { seed: 0, effort: Effort::Normal }, &env).placement
}

/// The shipped policy with Cruise Control's bands; what may not move is the same for all.
fn cruise_control() -> Policy {
    let name = Path::new("cruise-control");
    let (shipped, _) = policy::parse(name, policy::shipped(name).unwrap()).unwrap();
    Policy { frozen: Policy::default().frozen, ..shipped }
}

/// The cells of one planner on one case.
fn row(case: &str, planner: &str, snapshot: &Snapshot) -> Vec<String> {
    let Outcome { placement, spent } = plan(planner, snapshot);
    let verdict = judge(snapshot, &Policy::default(), &placement);
    let theirs = judge(snapshot, &cruise_control(), &placement);
    let mut row = vec![
        case.to_owned(),
        snapshot.replicas.len().to_string(),
        planner.to_owned(),
        format!("{:.1}", verdict.bytes as f64 / f64::from(1 << 30)),
        verdict.moves.to_string(),
        verdict.leader_changes.to_string(),
        verdict.outside.to_string(),
        verdict.topic_spread.to_string(),
        format!("{:.3}", verdict.excess),
        theirs.outside.to_string(),
    ];
    let [wall, cpu, peak] = spent.map_or(["–"; 3].map(str::to_owned), |(wall, cpu, peak)| {
        [format!("{wall:.2}"), format!("{cpu:.2}"), peak.to_string()]
    });
    row.extend([wall, cpu, peak]);
    row
}

fn print_row(cells: &[String], csv: bool) {
    if csv {
        println!("{}", cells.iter().map(|cell| format!("\"{cell}\"")).collect::<Vec<_>>().join(","));
    } else {
        println!("| {} |", cells.join(" | "));
    }
}

/// Runs one planner on one case in a process of its own and returns its row.
fn run_apart(case: &str, planner: &str, request: &Request) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--only", case, planner, "--threads", &request.threads.to_string()]);
    let output = child.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{planner} failed on {case}");
    String::from_utf8(output.stdout).unwrap().trim_end().split('\t').map(str::to_owned).collect()
}

fn main() {
    let request = Request::parse();
    let cases = generators::compared();
    if let Some((only, planner)) = &request.only {
        let case = cases.iter().find(|case| case.name == *only).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(request.threads).build().unwrap();
        let snapshot = case.snapshot();
        return println!("{}", pool.install(|| row(&case.name, planner, &snapshot)).join("\t"));
    }
    let mut planners = vec![STANDS, EVENKEEL, EVENKEEL_CC, GREEDY];
    match kafka::missing() {
        _ if request.without_kafka => {}
        Some(missing) => eprintln!("Kafka's --generate is left out: {missing}"),
        None => planners.push(GENERATE),
    }
    print_row(&COLUMNS.map(str::to_owned), request.csv);
    if !request.csv {
        println!("|{}", "---|".repeat(COLUMNS.len()));
    }
    for case in cases.iter().filter(|case| case.name.contains(&request.filter)) {
        for planner in &planners {
            print_row(&run_apart(&case.name, planner, &request), request.csv);
        }
    }
}
