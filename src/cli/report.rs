//! `evenkeel report`: what the cluster can still carry, as a page, Markdown, JSON and CSV.

use std::path::PathBuf;

use super::common::{self, Format, InputArgs};
use super::exit::{CliError, Verdict};
use super::resize::Searcher;
use crate::capacity::add::Site;
use crate::capacity::shrink::find_counts;
use crate::capacity::traffic::Assumptions;
use crate::model::{Policy, Snapshot};
use crate::report::capacity::{CapacityReport, Studies, report_json};

const EXAMPLES: &str = "\
Examples:
  evenkeel report snapshot --out report
  evenkeel report snapshot --out report --no-plan --force
  evenkeel report snapshot --out report --cross-rack-price 0
  evenkeel report snapshot --out report --frontier 6 --shrink-curve
  evenkeel report snapshot --out report --format json | jq .headroom

The rebalance and all other plans in the report are searched with --effort quick, whatever the flag says; `evenkeel
rebalance` searches longer. Up to 10,000 partitions the frontier has 5 plans and the shrink curve has plans unless
--no-plan is given; above, both have to be asked for.

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
    #[arg(long, conflicts_with_all = ["frontier", "shrink_curve"])]
    no_plan: bool,
    /// Draw bytes copied against balance, N plans from hard rules alone to everything in its band; 0 for none
    #[arg(long, value_name = "N", value_parser = parse_frontier)]
    frontier: Option<usize>,
    /// Say by real plans, not by the means alone, how many brokers could go
    #[arg(long)]
    shrink_curve: bool,
    /// Price of a gigabyte between racks in each direction, US dollars; 0 where racks are no availability zones
    #[arg(long, value_name = "USD", default_value_t = 0.01, value_parser = parse_price)]
    cross_rack_price: f64,
}

/// Up to so many partitions everything is drawn without being asked for: it takes seconds at most.
const SMALL_PARTITIONS: usize = 10_000;
/// Plans of the frontier where nobody says how many: enough to see where it bends.
const FRONTIER_PLANS: usize = 5;
/// More plans would not be told apart.
const FRONTIER_MAX: usize = 100;

/// Reads the number of plans on the frontier: none, or at least its two ends.
fn parse_frontier(text: &str) -> Result<usize, String> {
    let plans = text.trim().parse::<usize>().ok().filter(|plans| *plans <= FRONTIER_MAX && *plans != 1);
    plans.ok_or_else(|| format!("`{text}` is no number of plans; give 2 to {FRONTIER_MAX}, or 0 for no frontier"))
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
        let is_small = snapshot.partitions.len() <= SMALL_PARTITIONS && !args.no_plan;
        let searcher = Searcher::new(&args.input.search);
        let plan = (!args.no_plan).then(|| {
            let plans = args.frontier.unwrap_or(if is_small { FRONTIER_PLANS } else { 0 });
            searcher.rebalance(&snapshot, &policy, plans)
        });
        let site = Site { snapshot: &snapshot, policy: &policy, catalogue: &catalogue };
        let solve = |snapshot: &Snapshot, policy: &Policy, effort| searcher.solve(snapshot, policy, effort);
        let shrink = (is_small || args.shrink_curve).then(|| find_counts(&site, &solve));
        drop(searcher);
        let studies = Studies { plan: plan.as_ref(), forecast: forecast.as_ref(), shrink: shrink.as_deref() };
        let assumptions = Assumptions { cross_rack_usd_per_gb: args.cross_rack_price, ..Assumptions::default() };
        let report = CapacityReport::of(&snapshot, &policy, &catalogue, assumptions, studies);
        let files = report.files();
        match args.input.format {
            Format::Text => common::print(&report.to_text(&args.out))?,
            Format::Json => common::print(&report_json(&files))?,
        }
        common::write(&args.out, &files, args.force)?;
        Ok(Verdict::Done)
    })?
}
