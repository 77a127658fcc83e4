//! `evenkeel shrink`: empties brokers, or finds how many can go.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::common::{self, InputArgs};
use super::exit::{CliError, Verdict};
use super::pace::PaceArgs;
use super::resize::{self, Searcher};
use crate::capacity::add::Site;
use crate::capacity::change::{Asked, Change, Direction};
use crate::capacity::order::objections;
use crate::capacity::shrink::find_max;
use crate::model::{Groups, Policy, Snapshot};
use crate::optimize::Solution;

const EXAMPLES: &str = "\
Examples:
  evenkeel shrink snapshot --remove 7,12 --out plan
  evenkeel shrink snapshot --find-max --out plan
  evenkeel shrink snapshot --find-max --group logs --out plan --format json | jq '.removable, .binding'

Exit status: 0 every hard rule holds after the plan; 3 one stays broken (the plan is written all the same);
2 bad usage or input, too few brokers or racks left among it; 1 anything else.";

/// Arguments of `evenkeel shrink`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["remove", "find_max"]))]
pub struct Args {
    /// Ids of the brokers to empty
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    remove: Vec<i32>,
    /// Find the largest set that can go while every hard rule holds and the loss of one broker more keeps every limit
    #[arg(long)]
    find_max: bool,
    /// With --find-max, the one resource group that is shrunk [default: all]
    #[arg(long, value_name = "GROUP", requires = "find_max")]
    group: Option<String>,
    /// Directory to write the plan to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace a plan that is already there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    pace: PaceArgs,
    #[command(flatten)]
    input: InputArgs,
}

/// Runs the command.
///
/// # Errors
/// Bad input, or what the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    common::refuse_existing(&args.out, args.force)?;
    common::on_threads(args.input.search.threads, || shrink(args))?
}

/// Who leaves, and the plan for it.
struct Chosen {
    removed: Vec<i32>,
    planned: Snapshot,
    solution: Solution,
    asked: Asked,
}

fn shrink(args: &Args) -> Result<Verdict, CliError> {
    let pacing = args.pace.pacing()?;
    let (original, policy) = common::load(&args.input)?;
    let catalogue = common::catalogue(args.input.machines.as_deref())?;
    let forecast = common::forecast_of(&args.input, &original, &policy)?;
    let searcher = Searcher::new(&args.input.search);
    let chosen = if args.find_max {
        let site = Site { snapshot: &original, policy: &policy, catalogue: &catalogue };
        let group = resize::group(&original, &policy, args.group.as_ref())?;
        let solve = |snapshot: &Snapshot, policy: &Policy, effort| searcher.solve(snapshot, policy, effort);
        let found = find_max(&site, group, searcher.effort(), &solve);
        let asked = Asked { find_max: Some(found.groups), ..Asked::default() };
        Chosen { removed: found.removable, planned: found.marked, solution: found.solution, asked }
    } else {
        named(&args.remove, &original, &policy, &searcher)?
    };
    drop(searcher);
    let Chosen { removed, planned, solution, asked } = chosen;
    let plan = resize::plan((&original, &planned), &policy, solution, &pacing);
    let change = Change {
        direction: Direction::Shrink,
        original: &original,
        planned: &planned,
        policy: &policy,
        catalogue: &catalogue,
        added: Vec::new(),
        removed,
        forecast: forecast.as_ref(),
    };
    let change = change.outcome(&plan, asked);
    resize::deliver(&args.input, (&args.out, args.force), (&planned, &policy), &plan, &change)
}

/// The brokers that `--remove` names.
fn named(ids: &[i32], original: &Snapshot, policy: &Policy, searcher: &Searcher<'_>) -> Result<Chosen, CliError> {
    let wanted: BTreeSet<i32> = ids.iter().copied().collect();
    let objections = objections(original, &Groups::new(original, policy), &wanted);
    if !objections.is_empty() {
        return Err(CliError::Usage(format!("--remove cannot be done: {}", objections.join("\n  and: "))));
    }
    let planned = crate::model::fleet::with_draining(original, &wanted);
    let solution = searcher.solve(&planned, policy, searcher.effort());
    Ok(Chosen { removed: wanted.into_iter().collect(), planned, solution, asked: Asked::default() })
}
