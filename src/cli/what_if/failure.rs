//! `evenkeel what-if failure`: what becomes of partitions when brokers, log dirs or racks fail at once.

use std::path::PathBuf;

use crate::capacity::failure::{self, Domain, Method, Question};
use crate::cli::common::{self, Format, InputArgs};
use crate::cli::exit::{CliError, Verdict};
use crate::ingest::policy::parse_bytes;
use crate::report;

const EXAMPLES: &str = "\
Examples:
  evenkeel what-if failure snapshot --brokers 2
  evenkeel what-if failure snapshot --log-dirs 3 --repair-hours 12
  evenkeel what-if failure snapshot --racks 1 --out risk
  evenkeel what-if failure snapshot --brokers 1 --log-dirs 2
  evenkeel what-if failure snapshot --brokers 3 --format json | jq .p_any_lost

What has failed already (down and dead brokers, offline log dirs) stays failed in every case.
Exit status: 0 answered, however bad the answer; 2 bad usage or input; 1 anything else.";

/// Arguments of `evenkeel what-if failure`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// So many brokers fail at once
    #[arg(long, value_name = "K")]
    brokers: Option<usize>,
    /// So many log dirs fail at once; with --brokers or --racks, along with those
    #[arg(long, value_name = "K")]
    log_dirs: Option<usize>,
    /// So many racks fail at once
    #[arg(long, value_name = "K")]
    racks: Option<usize>,
    /// How cases are counted
    #[arg(long, value_enum, default_value_t)]
    method: MethodArg,
    /// Cases of a sample; where all are counted this has no effect
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    cases: u64,
    /// Share of what fails that does so in a year [default: 0.0157 for log dirs (Backblaze, disks, 2024), else none]
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    afr: Option<f64>,
    /// Hours until a failed one's replicas are whole again
    #[arg(long, value_name = "HOURS", default_value_t = 12.0, value_parser = parse_hours)]
    repair_hours: f64,
    /// Rate at which lost copies are made again, per broker and second
    #[arg(long, value_name = "SIZE", default_value = "50MiB", value_parser = parse_bytes)]
    throttle: u64,
    /// Directory to write failure.html and failure.json to
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace what is there already
    #[arg(long, requires = "out")]
    force: bool,
}

/// How cases are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum MethodArg {
    /// All where they are few, else a sample
    #[default]
    Auto,
    /// All, however long it takes
    Exact,
    /// A sample
    MonteCarlo,
}

impl From<MethodArg> for Method {
    fn from(method: MethodArg) -> Self {
        match method {
            MethodArg::Auto => Self::Auto,
            MethodArg::Exact => Self::Exact,
            MethodArg::MonteCarlo => Self::MonteCarlo,
        }
    }
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| *rate > 0.0 && *rate <= 1.0);
    rate.ok_or_else(|| "write a fraction above 0 and at most 1, e.g. 0.0157".to_owned())
}

fn parse_hours(text: &str) -> Result<f64, String> {
    let hours = text.parse::<f64>().ok().filter(|hours| *hours > 0.0 && *hours <= 8_760.0);
    hours.ok_or_else(|| "write hours above 0 and at most a year's 8760".to_owned())
}

/// Runs the command.
///
/// # Errors
/// Bad input, more failures than there are units, or what the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    if let Some(out) = &args.out {
        common::refuse_existing(out, args.force)?;
    }
    if args.throttle == 0 {
        return Err(CliError::Usage("--throttle must be above 0".to_owned()));
    }
    common::on_threads(args.input.search.threads, || {
        let (snapshot, policy) = common::load(&args.input)?;
        let report =
            failure::failure(&snapshot, &policy, &question(args)).map_err(|e| CliError::Usage(e.to_string()))?;
        match args.input.format {
            Format::Text => common::print(&report::failure::to_text(&snapshot, &report))?,
            Format::Json => common::print(&String::from_utf8_lossy(&report::failure::to_json(&snapshot, &report)))?,
        }
        if let Some(out) = &args.out {
            common::write(out, &report::failure::files(&snapshot, &report), args.force)?;
        }
        Ok(Verdict::Done)
    })?
}

fn question(args: &Args) -> Question {
    let takes = [(Domain::Broker, args.brokers), (Domain::LogDir, args.log_dirs), (Domain::Rack, args.racks)];
    Question {
        failures: takes.into_iter().filter_map(|(domain, take)| Some((domain, take?))).collect(),
        method: args.method.into(),
        cases: args.cases,
        seed: args.input.search.seed,
        afr: args.afr,
        repair_hours: args.repair_hours,
        throttle_bytes_per_sec: args.throttle as f64,
    }
}
