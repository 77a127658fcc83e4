//! `evenkeel rebalance`: heals, drains and balances the snapshot as it stands.

use std::path::PathBuf;

use super::common::{self, Format, InputArgs, SearchArgs};
use super::exit::{CliError, Verdict};
use super::pace::PaceArgs;
use super::progress::Progress;
use super::scope::ScopeArgs;
use crate::model::{Policy, Snapshot};
use crate::optimize::replication::optimize_with_factor;
use crate::optimize::{self, Environment};
use crate::plan::frontier::plan_with_frontier;
use crate::plan::{self, Outcome, Pacing, Plan};
use crate::report;

const EXAMPLES: &str = "\
Examples:
  evenkeel rebalance snapshot --out plan
  evenkeel rebalance snapshot --policy gentle --out plan --force
  evenkeel rebalance snapshot --only-goal disk --max-moved-bytes 2TiB --out plan
  evenkeel rebalance snapshot --relieve-disks --out plan
  evenkeel rebalance snapshot --frontier 6 --out plan
  evenkeel rebalance snapshot --replication-factor 3 --topics 'orders.*' --out plan
  evenkeel rebalance snapshot --deadline 6h --batch-duration 30m --out plan
  evenkeel rebalance snapshot --out plan --format json | jq .movement

Exit status: 0 every hard rule holds after the plan; 3 one stays broken (the plan is written all the same);
2 bad usage or input; 1 anything else.";

/// Arguments of `evenkeel rebalance`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    pace: PaceArgs,
    /// Directory to write the plan to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace a plan that is already there
    #[arg(long)]
    force: bool,
    /// Show N plans from hard rules alone to everything in its band, bytes against excess; the last is written
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=100))]
    #[arg(conflicts_with = "replication_factor")]
    frontier: Option<u16>,
    /// Give the topics that --topics names so many replicas, then balance them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    #[arg(requires = "topics", conflicts_with_all = ["leadership_only", "relieve_disks"])]
    replication_factor: Option<u16>,
}

/// Runs the command.
///
/// # Errors
/// Bad input, or what the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    common::refuse_existing(&args.out, args.force)?;
    let pacing = args.pace.pacing()?;
    common::on_threads(args.input.search.threads, || {
        let (snapshot, mut policy) = common::load(&args.input)?;
        args.scope.resolve(&mut policy, &snapshot)?;
        let plan = plan(&snapshot, &policy, args, &pacing)?;
        let files = report::plan_files(&snapshot, &policy, &plan);
        match args.input.format {
            Format::Text => common::print(&report::text::rebalance(&snapshot, &policy, &plan, &args.out))?,
            Format::Json => common::print(&report::plan_json(&files))?,
        }
        common::write(&args.out, &files, args.force)?;
        Ok(if plan.outcome == Outcome::Infeasible { Verdict::Broken } else { Verdict::Done })
    })?
}

/// Searches as the flags ask, and turns the answer into a plan.
fn plan(snapshot: &Snapshot, policy: &Policy, args: &Args, pacing: &Pacing) -> Result<Plan, CliError> {
    let search = &args.input.search;
    if let Some(factor) = args.replication_factor {
        let (solution, change) = with_progress(search, |options, env| {
            optimize_with_factor(snapshot, policy, u32::from(factor), options, env)
        })
        .map_err(CliError::Usage)?;
        return Ok(plan::with_factor(plan::build(snapshot, policy, solution, pacing), change));
    }
    Ok(match args.frontier {
        Some(points) => with_progress(search, |options, env| {
            plan_with_frontier((snapshot, policy, pacing), usize::from(points), options, env)
        }),
        None => self::search(snapshot, policy, search, pacing),
    })
}

/// Searches under a progress display and turns the answer into a plan.
pub(super) fn search(snapshot: &Snapshot, policy: &Policy, args: &SearchArgs, pacing: &Pacing) -> Plan {
    with_progress(args, |options, env| {
        let solution = optimize::optimize(snapshot, policy, options, env);
        (env.progress)("plan", 0.98);
        plan::build(snapshot, policy, solution, pacing)
    })
}

/// Runs `work` with the options, the clock and the progress display that `args` ask for.
fn with_progress<T>(args: &SearchArgs, work: impl FnOnce(&optimize::Options, &Environment<'_>) -> T) -> T {
    let progress = Progress::new();
    let expired = common::deadline(args.time_limit);
    let environment = Environment { expired: &expired, progress: &|stage, share| progress.show(stage, share) };
    work(&optimize::Options { seed: args.seed, effort: args.effort.into() }, &environment)
}
