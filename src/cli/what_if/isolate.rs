//! `evenkeel what-if isolate`.

use std::path::{Path, PathBuf};

use super::{OutArgs, show};
use crate::capacity::isolate::{Isolation, assign, class_limits, isolate, regroup, with_class_limits};
use crate::cli::common::{self, Format, InputArgs, SearchArgs};
use crate::cli::exit::{CliError, Verdict};
use crate::cli::progress::Progress;
use crate::ingest::render;
use crate::ingest::scenario::classes::{self, Classes};
use crate::model::{Policy, Snapshot};
use crate::optimize::{self, Environment};
use crate::plan::{self, Pacing, Plan};
use crate::report;
use crate::report::what_if::isolate::{Answer, json, sheet};
use crate::writer::OutputFile;

const EXAMPLES: &str = "\
Examples:
  evenkeel what-if isolate fixtures/demo --classes fixtures/scenarios/isolate-three-classes.toml
  evenkeel what-if isolate snapshot --classes classes.toml --out isolated
  evenkeel verify isolated/snapshot isolated

Exit status: 0 every class has its brokers, and after the plan every hard rule and every limit of the file holds; 3 there
are too few brokers, a rule stays broken, or a limit is passed; 2 bad usage or input. docs/what-if-isolate.md explains the file and every figure.";

/// Arguments of `evenkeel what-if isolate`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// Classes by topic pattern (TOML)
    #[arg(long, value_name = "FILE")]
    classes: PathBuf,
    #[command(flatten)]
    out: OutArgs,
}

/// Runs the command.
///
/// # Errors
/// Bad input, or what the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    args.out.check()?;
    let classes = classes::read(&args.classes)?;
    common::on_threads(args.input.search.threads, || {
        let (snapshot, mut policy) = common::load(&args.input)?;
        let class_of_topic = classes.assign(&snapshot)?;
        let history = common::history(&args.input.snapshot, &snapshot)?;
        // Classes take the place of the groups that a policy could mean.
        policy.default_group = None;
        let isolation = isolate(&snapshot, &policy, &classes, class_of_topic, history.as_ref());
        let assignment = assign(&snapshot, &isolation);
        let moved = assignment.as_ref().map(|assignment| {
            let mut regrouped = regroup(&snapshot, &names(&classes), &isolation.class_of_topic, assignment);
            let files = render::snapshot_files(&regrouped);
            regrouped.cluster.sha256 = render::sha256(&files);
            let plan = search(&regrouped, &with_class_limits(&policy, &classes), &args.input.search);
            let limits = class_limits(&regrouped, &classes, &plan.placement);
            (regrouped, files, plan, limits)
        });
        let (plan, limits) = moved.as_ref().map(|(_, _, plan, limits)| (plan, &limits[..])).unzip();
        let answer = Answer {
            snapshot: &snapshot,
            isolation: &isolation,
            assignment: assignment.as_ref(),
            plan,
            limits: limits.unwrap_or_default(),
        };
        show(args.input.format, &sheet(&answer), &json(&answer))?;
        if let Some(dir) = &args.out.out {
            let mut files = report::what_if::files("isolate", &sheet(&answer), json(&answer));
            if let Some((regrouped, snapshot_files, plan, _)) = &moved {
                files.extend(report::plan_files(regrouped, &policy, plan));
                let below = |file: &OutputFile| OutputFile {
                    path: Path::new("snapshot").join(&file.path),
                    bytes: file.bytes.clone(),
                };
                files.extend(snapshot_files.iter().map(below));
            }
            common::write(dir, &files, args.out.force)?;
            if args.input.format == Format::Text {
                common::print(&where_to_look(dir, &isolation, plan.is_some()))?;
            }
        }
        let is_sound = plan.is_some_and(|plan| plan.after.hard_total() == 0) && !answer.passes_limits();
        Ok(if is_sound { Verdict::Done } else { Verdict::Broken })
    })?
}

fn names(classes: &Classes) -> Vec<String> {
    classes.list.iter().map(|class| class.name.clone()).collect()
}

fn where_to_look(dir: &Path, isolation: &Isolation, has_plan: bool) -> String {
    let dir = dir.display();
    if has_plan {
        format!(
            "\nThe plan is in {dir}; {dir}/snapshot has the classes as resource groups, which the plan is for:\n  \
             evenkeel verify {dir}/snapshot {dir}\n"
        )
    } else {
        format!("\nThere is no plan: add {} brokers first. The figures are in {dir}.\n", isolation.brokers_missing)
    }
}

/// Searches under a progress display and turns the answer into a plan.
fn search(snapshot: &Snapshot, policy: &Policy, args: &SearchArgs) -> Plan {
    let progress = Progress::new();
    let expired = common::deadline(args.time_limit);
    let environment = Environment { expired: &expired, progress: &|stage, share| progress.show(stage, share) };
    let options = optimize::Options { seed: args.seed, effort: args.effort.into() };
    let solution = optimize::optimize(snapshot, policy, &options, &environment);
    plan::build(snapshot, policy, solution, &Pacing::default())
}
