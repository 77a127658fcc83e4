//! What `expand`, `shrink` and `report` share: the search under a progress display; and how a plan for other brokers is
//! written.

use std::path::Path;

use super::common::{self, Format, InputArgs, SearchArgs};
use super::exit::{CliError, Verdict};
use super::progress::Progress;
use crate::capacity::FleetChange;
use crate::model::{Placement, Policy, Snapshot};
use crate::optimize::{self, Effort, Environment, Solution};
use crate::plan::frontier::plan_with_frontier;
use crate::plan::{self, Outcome, Pacing, Plan};
use crate::report::{self, resize};
use crate::verify;

/// Runs the optimizer as often as it takes; the time limit is for each search.
pub(super) struct Searcher<'a> {
    args: &'a SearchArgs,
    progress: Progress,
}

impl<'a> Searcher<'a> {
    pub(super) fn new(args: &'a SearchArgs) -> Self {
        Self { args, progress: Progress::new() }
    }

    pub(super) fn solve(&self, snapshot: &Snapshot, policy: &Policy, effort: Effort) -> Solution {
        self.with(effort, |options, environment| optimize::optimize(snapshot, policy, options, environment))
    }

    /// The plan that rebalances `snapshot`, searched quickly, with a frontier of so many plans, or none below two.
    pub(super) fn rebalance(&self, snapshot: &Snapshot, policy: &Policy, frontier: usize) -> Plan {
        self.with(Effort::Quick, |options, environment| {
            let pacing = Pacing::default();
            if frontier < 2 {
                let solution = optimize::optimize(snapshot, policy, options, environment);
                return plan::build(snapshot, policy, solution, &pacing);
            }
            plan_with_frontier((snapshot, policy, &pacing), frontier, options, environment)
        })
    }

    /// Runs `work` with the options, the clock and the progress display that the flags ask for.
    fn with<T>(&self, effort: Effort, work: impl FnOnce(&optimize::Options, &Environment<'_>) -> T) -> T {
        let expired = common::deadline(self.args.time_limit);
        let environment = Environment { expired: &expired, progress: &|stage, share| self.progress.show(stage, share) };
        work(&optimize::Options { seed: self.args.seed, effort }, &environment)
    }

    /// The effort that was asked for.
    pub(super) fn effort(&self) -> Effort {
        self.args.effort.into()
    }
}

/// The plan that `solution` for `planned` is; `before` is the original snapshot as it stands.
pub(super) fn plan(
    (original, planned): (&Snapshot, &Snapshot),
    policy: &Policy,
    solution: Solution,
    pacing: &Pacing,
) -> Plan {
    let mut plan = plan::build(planned, policy, solution, pacing);
    plan.before = verify::assess(original, policy, &Placement::of(original));
    plan
}

/// The number of the group called `name`, if one is called.
pub(super) fn group(snapshot: &Snapshot, policy: &Policy, name: Option<&String>) -> Result<Option<usize>, CliError> {
    let groups = crate::model::Groups::new(snapshot, policy);
    let Some(name) = name else { return Ok(None) };
    let found = groups.names().iter().position(|known| known == name);
    let known = groups.names().join(", ");
    found.map(Some).ok_or_else(|| CliError::Usage(format!("--group {name:?} is no resource group; there are {known}")))
}

/// Prints and writes the plan.
pub(super) fn deliver(
    input: &InputArgs,
    (out, force): (&Path, bool),
    (planned, policy): (&Snapshot, &Policy),
    plan: &Plan,
    change: &FleetChange,
) -> Result<Verdict, CliError> {
    let files = resize::files(planned, policy, plan, change);
    match input.format {
        Format::Text => common::print(&resize::text::summary(planned, policy, plan, change, out))?,
        Format::Json => common::print(&report::plan_json(&files))?,
    }
    common::write(out, &files, force)?;
    let is_reached =
        change.asked.until.as_ref().is_none_or(|(_, found)| found.options.first().is_none_or(|o| o.is_reached()));
    Ok(if plan.outcome == Outcome::Infeasible || !is_reached { Verdict::Broken } else { Verdict::Done })
}
