//! `evenkeel expand`: adds brokers, plans, compares before and after.

use std::path::PathBuf;

use super::common::{self, InputArgs};
use super::exit::{CliError, Verdict};
use super::pace::PaceArgs;
use super::resize::{self, Searcher};
use crate::capacity::add::{AddSpec, Added, Site};
use crate::capacity::change::{Asked, Change, Direction, OnlyToNew};
use crate::capacity::thresholds::{Pursuit, Threshold, tightened};
use crate::capacity::until::{compare, confined};
use crate::model::{Policy, Snapshot};
use crate::plan::Plan;

const EXAMPLES: &str = "\
Examples:
  evenkeel expand snapshot --add 4 --out plan                      four like the commonest broker, over its racks
  evenkeel expand snapshot --add 4xi3en.3xlarge --out plan         four of a machine model
  evenkeel expand snapshot --add 2@rack-a --add 2xi3en.6xlarge@rack-b/logs --out plan
  evenkeel expand snapshot --until 'disk<=60%,network_out<=50%' --out plan
  evenkeel expand snapshot --until 'disk<=60%' --model i3en.3xlarge,i3en.6xlarge,i4i.4xlarge --out plan
  evenkeel expand snapshot --add 4 --only-to-new --out plan --format json | jq .only_to_new

Exit status: 0 every hard rule holds after the plan; 3 one stays broken, or no number of brokers reaches --until (the plan
is written all the same); 2 bad usage or input; 1 anything else.";

/// Arguments of `evenkeel expand`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(group = clap::ArgGroup::new("how-many").required(true).args(["add", "until"]))]
pub struct Args {
    /// Brokers to add; may be given more than once. Ids go on from the highest; without MODEL the hardware is that of the
    /// group's commonest broker; without RACK the racks with the fewest of the group's brokers come first
    #[arg(long, value_name = "COUNT[xMODEL][@RACK][/GROUP]", value_delimiter = ',', value_parser = AddSpec::parse)]
    add: Vec<AddSpec>,
    /// Add as few brokers as keep every broker of a group at or below these: disk, network_in, network_out, cpu as
    /// shares of their capacity, replicas as a count; e.g. disk<=70%,replicas<=2000
    #[arg(long, value_name = "GOAL<=VALUE", value_delimiter = ',', value_parser = Threshold::parse)]
    until: Vec<Threshold>,
    /// Machine models: what is added where --add names none, or with --until all that are compared, the cheapest planned
    #[arg(long, value_name = "MODEL", value_delimiter = ',')]
    model: Vec<String>,
    /// With --until, the one resource group that is expanded [default: all]
    #[arg(long, value_name = "GROUP", requires = "until")]
    group: Option<String>,
    /// Copy onto the new brokers alone, and say what that costs against copying anywhere
    #[arg(long)]
    only_to_new: bool,
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
    common::on_threads(args.input.search.threads, || expand(args))?
}

fn expand(args: &Args) -> Result<Verdict, CliError> {
    let pacing = args.pace.pacing()?;
    let (original, free_policy) = common::load(&args.input)?;
    let catalogue = common::catalogue(args.input.machines.as_deref())?;
    let forecast = common::forecast_of(&args.input, &original, &free_policy)?;
    let mut policy = free_policy.clone();
    if args.only_to_new {
        policy.no_receive.extend(original.brokers.iter().map(|broker| broker.id));
    }
    let searcher = Searcher::new(&args.input.search);
    let site = Site { snapshot: &original, policy: &policy, catalogue: &catalogue };
    let (added, mut asked) = chosen(args, &site, &searcher)?;
    let planned = crate::model::fleet::with_brokers(&original, &added.brokers)
        .ok_or_else(|| CliError::Usage("no broker id is left above the highest".to_owned()))?;
    let search = |policy: &Policy, pursuit: Pursuit| {
        let tight = search_policy(args, policy, &planned);
        let solution = searcher.solve(&planned, &pursuit.of(tight), searcher.effort());
        resize::plan((&original, &planned), policy, solution, &pacing)
    };
    let mut plan = search(&policy, Pursuit::Balance);
    if args.only_to_new {
        asked.only_to_new = Some(against(&plan, &search(&free_policy, Pursuit::Balance)));
    }
    if let Some(option) = asked.until.as_ref().and_then(|(_, found)| found.options.first()) {
        let is_kept = |plan: &Plan| option.is_kept(&planned, &policy, &plan.placement, &args.until);
        if !is_kept(&plan) {
            let strict = search(&policy, Pursuit::Rules);
            if is_kept(&strict) {
                plan = strict;
                asked.assumptions.push("thresholds come before balance: a plan for both passed one of them".to_owned());
            }
        }
    }
    drop(searcher);
    let change = Change {
        direction: Direction::Expand,
        original: &original,
        planned: &planned,
        policy: &policy,
        catalogue: &catalogue,
        added: added.brokers,
        removed: Vec::new(),
        forecast: forecast.as_ref(),
    };
    let change = change.outcome(&plan, asked);
    resize::deliver(&args.input, (&args.out, args.force), (&planned, &policy), &plan, &change)
}

/// The brokers to add, and what was asked and assumed about them.
fn chosen(args: &Args, site: &Site<'_>, searcher: &Searcher<'_>) -> Result<(Added, Asked), CliError> {
    if args.until.is_empty() {
        let model = match args.model.as_slice() {
            [] => None,
            [one] => Some(one),
            _ => return Err(CliError::Usage("several --model are compared with --until; --add takes one".to_owned())),
        };
        let with_model = |spec: &AddSpec| AddSpec { model: spec.model.clone().or(model.cloned()), ..spec.clone() };
        let specs: Vec<AddSpec> = args.add.iter().map(with_model).collect();
        let added = site.brokers(&specs).map_err(CliError::Usage)?;
        let asked = Asked { assumptions: added.assumptions.clone(), ..Asked::default() };
        return Ok((added, asked));
    }
    for (row, threshold) in args.until.iter().enumerate() {
        if args.until[..row].iter().any(|earlier| earlier.goal == threshold.goal) {
            return Err(CliError::Usage(format!("--until names {} twice", threshold.goal.name())));
        }
    }
    let group = resize::group(site.snapshot, site.policy, args.group.as_ref())?;
    let mut models: Vec<Option<String>> = args.model.iter().cloned().map(Some).collect();
    if models.is_empty() {
        models.push(None);
    }
    let solve = |snapshot: &Snapshot, policy: &Policy, effort| searcher.solve(snapshot, policy, effort);
    let found = compare(site, &args.until, &models, group, &solve).map_err(CliError::Usage)?;
    let added = found.options.first().map(|option| option.added.clone()).unwrap_or_default();
    let asked =
        Asked { assumptions: added.assumptions.clone(), until: Some((args.until.clone(), found)), ..Asked::default() };
    Ok((added, asked))
}

/// What the search is to keep: the policy with the thresholds as limits, confined to the group that is expanded.
fn search_policy(args: &Args, policy: &Policy, planned: &Snapshot) -> Policy {
    let tight = tightened(policy, &args.until);
    match &args.group {
        Some(group) => confined(&tight, planned, group),
        None => tight,
    }
}

fn against(plan: &Plan, free: &Plan) -> OnlyToNew {
    let imbalance = |plan: &Plan| plan.after.imbalance;
    OnlyToNew {
        inter_broker_bytes: (plan.movement.inter_broker_bytes, free.movement.inter_broker_bytes),
        excess: (imbalance(plan).excess, imbalance(free).excess),
        outside: (imbalance(plan).outside, imbalance(free).outside),
    }
}
