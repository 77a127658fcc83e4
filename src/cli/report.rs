//! `evenkeel report`: what the cluster can still carry, as a page, Markdown, JSON and CSV.

use std::path::PathBuf;

use super::common::{self, Format, InputArgs};
use super::exit::{CliError, Verdict};
use super::progress::Progress;
use crate::capacity::traffic::Assumptions;
use crate::model::{Policy, Snapshot};
use crate::optimize::{self, Effort, Environment};
use crate::plan::{self, Pacing, Plan};
use crate::report::capacity::{CapacityReport, report_json};

const EXAMPLES: &str = "\
Examples:
  evenkeel report snapshot --out report
  evenkeel report snapshot --out report --no-plan --force
  evenkeel report snapshot --out report --cross-rack-price 0
  evenkeel report snapshot --out report --format json | jq .headroom

The rebalance in the report is searched with --effort quick, whatever the flag says; `evenkeel rebalance` searches longer.

Exit status: 0 the report is written, whatever it says; 2 bad usage or input; 1 anything else.";

/// Arguments of `evenkeel report`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// Directory to write the report to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace a report that is already there
    #[arg(long)]
    force: bool,
    /// Leave out what a rebalance would do: faster on large clusters
    #[arg(long)]
    no_plan: bool,
    /// Price of a gigabyte between racks in each direction, US dollars; 0 where racks are no availability zones
    #[arg(long, value_name = "USD", default_value_t = 0.01, value_parser = parse_price)]
    cross_rack_price: f64,
}

/// Reads a price: a finite number, not negative.
fn parse_price(text: &str) -> Result<f64, String> {
    let price = text.trim().trim_start_matches('$').parse::<f64>().ok().filter(|p| p.is_finite() && *p >= 0.0);
    price.ok_or_else(|| format!("`{text}` is no price; try 0.01"))
}

/// Runs the command.
///
/// # Errors
/// Bad input, or what the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    common::refuse_existing(&args.out, args.force)?;
    common::on_threads(args.input.search.threads, || {
        let catalogue = common::catalogue(args.input.machines.as_deref())?;
        let (snapshot, policy) = common::load(&args.input)?;
        let forecast = common::forecast_of(&args.input, &snapshot, &policy)?;
        let plan = if args.no_plan { None } else { Some(search(&snapshot, &policy, args)) };
        let assumptions = Assumptions { cross_rack_usd_per_gb: args.cross_rack_price, ..Assumptions::default() };
        let report = CapacityReport::of(&snapshot, &policy, &catalogue, assumptions, plan.as_ref(), forecast.as_ref());
        let files = report.files();
        match args.input.format {
            Format::Text => common::print(&report.to_text(&args.out))?,
            Format::Json => common::print(&report_json(&files))?,
        }
        common::write(&args.out, &files, args.force)?;
        Ok(Verdict::Done)
    })?
}

/// What a rebalance would do, searched quickly.
fn search(snapshot: &Snapshot, policy: &Policy, args: &Args) -> Plan {
    let progress = Progress::new();
    let expired = common::deadline(args.input.search.time_limit);
    let environment = Environment { expired: &expired, progress: &|stage, share| progress.show(stage, share) };
    let options = optimize::Options { seed: args.input.search.seed, effort: Effort::Quick };
    let solution = optimize::optimize(snapshot, policy, &options, &environment);
    plan::build(snapshot, policy, solution, &Pacing::default())
}
