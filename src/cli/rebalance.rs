//! `evenkeel rebalance`: heals, drains and balances the snapshot as it stands.

use std::path::PathBuf;

use super::common::{self, Format, InputArgs, SearchArgs};
use super::exit::{CliError, Verdict};
use super::pace::PaceArgs;
use super::progress::Progress;
use super::scope::ScopeArgs;
use crate::model::{Policy, Snapshot};
use crate::optimize::{self, Environment};
use crate::plan::{self, Outcome, Pacing, Plan};
use crate::report;

const EXAMPLES: &str = "\
Examples:
  evenkeel rebalance snapshot --out plan
  evenkeel rebalance snapshot --policy gentle --out plan --force
  evenkeel rebalance snapshot --only-goal disk --max-moved-bytes 2TiB --out plan
  evenkeel rebalance snapshot --relieve-disks --out plan
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
        let plan = search(&snapshot, &policy, &args.input.search, &pacing);
        let files = report::plan_files(&snapshot, &policy, &plan);
        match args.input.format {
            Format::Text => common::print(&report::text::rebalance(&snapshot, &policy, &plan, &args.out))?,
            Format::Json => common::print(&report::plan_json(&files))?,
        }
        common::write(&args.out, &files, args.force)?;
        Ok(if plan.outcome == Outcome::Infeasible { Verdict::Broken } else { Verdict::Done })
    })?
}

/// Searches under a progress display and turns the answer into a plan.
fn search(snapshot: &Snapshot, policy: &Policy, args: &SearchArgs, pacing: &Pacing) -> Plan {
    let progress = Progress::new();
    let expired = common::deadline(args.time_limit);
    let environment = Environment { expired: &expired, progress: &|stage, share| progress.show(stage, share) };
    let options = optimize::Options { seed: args.seed, effort: args.effort.into() };
    let solution = optimize::optimize(snapshot, policy, &options, &environment);
    progress.show("plan", 0.98);
    plan::build(snapshot, policy, solution, pacing)
}
