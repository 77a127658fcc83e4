//! `evenkeel apply`: carries a plan out on a running cluster.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod tell;

use self::tell::Teller;
use super::common::{self, Format, InputArgs};
use super::exit::{CliError, Verdict};
use super::live::ClusterArgs;
use super::verify;
use crate::ingest::policy::parse_bytes;
use crate::live::Admin;
use crate::live::admin::Resource;
use crate::live::apply::guard::Guard;
use crate::live::apply::journal::{JournalError, Standing};
use crate::live::apply::windows::{WindowEnd, Windows};
use crate::live::apply::work::Step;
use crate::live::apply::{self, Apply, ApplyError, FileJournal, Options, Throttle, Work, calls, throttle};
use crate::live::surroundings::System;
use crate::model::{Policy, Snapshot};
use crate::verify::plan_dir::{PlanDir, judge_dir};

const EXAMPLES: &str = "\
The cluster is read again first; partitions that are not as in the snapshot are listed and nothing
is done. Then each batch: throttle, log dirs, reassignments, elections; what was set is put back as
it was found. The journal (PLAN.journal) is written before each step: a run that was killed is
taken over with --resume. While a broker that is needed is away, a partition of any topic has fewer
replicas in sync than in the snapshot or than min.insync.replicas, or disks or networks that are
copied to are past the policy's limits, nothing more is begun. With --window, nothing begins outside the
windows, nor what would not end within one. Each batch is told with how long it took and how long
it was predicted to take.

Examples:
  evenkeel apply snapshot plan --bootstrap-server broker1:9092 --dry-run
  evenkeel apply snapshot plan --bootstrap-server broker1:9092 --throttle 50MiB
  evenkeel apply snapshot plan --bootstrap-server broker1:9092 --window 22:00-24:00,00:00-06:00
  evenkeel apply snapshot plan --bootstrap-server broker1:9092 --resume
  evenkeel apply snapshot plan --bootstrap-server broker1:9092 --cancel    # what runs, no more
  evenkeel apply snapshot plan --bootstrap-server broker1:9092 --rollback  # all, last batch first

Exit status: 0 done; 2 bad usage or input, a drifted cluster, a journal of another plan; 1 anything
else, such as a cluster that refuses: the journal then says how far it came.";

/// The help's heading of what concerns the plan.
const PLAN: &str = "Plan";

/// Arguments of `evenkeel apply`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// Plan directory
    plan: PathBuf,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// What each broker may copy in and out per second, or `unlimited` [default: what the runbook suggests]
    #[arg(long, help_heading = PLAN, value_name = "SIZE", value_parser = parse_throttle)]
    throttle: Option<Throttle>,
    /// Print every call and make none
    #[arg(long, help_heading = PLAN, conflicts_with_all = ["resume", "cancel", "rollback"])]
    dry_run: bool,
    /// Go on where the journal ends
    #[arg(long, help_heading = PLAN, conflicts_with_all = ["cancel", "rollback"])]
    resume: bool,
    /// Cancel what is under way and put settings back
    #[arg(long, help_heading = PLAN, conflicts_with = "rollback")]
    cancel: bool,
    /// Undo every batch that was begun, the last one first
    #[arg(long, help_heading = PLAN)]
    rollback: bool,
    /// Leave partitions alone that are not as in the snapshot, instead of refusing
    #[arg(long, help_heading = PLAN)]
    allow_drift: bool,
    /// Where it is written down how far it is [default: beside the plan, PLAN.journal]
    #[arg(long, help_heading = PLAN, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// When batches, copies and elections may begin, such as 01:00-06:00; repeat it or list several [default: at any time]
    #[arg(long, help_heading = PLAN, value_name = "FROM-UNTIL[,…]", value_delimiter = ',')]
    window: Vec<String>,
    /// The windows' time zone, such as Europe/Berlin [default: the system's]
    #[arg(long, help_heading = PLAN, value_name = "ZONE", requires = "window")]
    window_zone: Option<String>,
    /// Whose replicas must be in sync for anything to begin
    #[arg(long, help_heading = PLAN, value_enum, default_value_t)]
    watch: WatchArg,
    /// What becomes of copies that run when a window ends
    #[arg(long, help_heading = PLAN, value_enum, default_value_t, requires = "window")]
    window_end: WindowEndArg,
    /// How often the cluster is looked at
    #[arg(long, help_heading = PLAN, value_name = "DURATION", default_value = "2s", value_parser = common::parse_duration)]
    poll: Duration,
}

/// Whose replicas must be in sync for anything to begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum WatchArg {
    /// All partitions' of the cluster
    #[default]
    Cluster,
    /// Those of the partitions of the batch
    Batch,
}

/// What becomes of copies that run when a window ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum WindowEndArg {
    /// They go on, slowed down as they are, and nothing more begins
    #[default]
    Finish,
    /// They are cancelled and begin again in the next window
    Cancel,
}

impl Args {
    fn windows(&self) -> Result<Option<Windows>, CliError> {
        if self.window.is_empty() {
            return Ok(None);
        }
        let windows = Windows::parse(&self.window, self.window_zone.as_deref());
        windows.map(Some).map_err(|text| CliError::Usage(format!("--window: {text}")))
    }
}

fn parse_throttle(text: &str) -> Result<Throttle, String> {
    match text {
        "unlimited" => Ok(Throttle::Unlimited),
        text => match parse_bytes(text)? {
            0 => Err("a throttle of 0 copies nothing; write `unlimited` for none".to_owned()),
            bytes => Ok(Throttle::Fixed(bytes)),
        },
    }
}

/// Runs the command.
///
/// # Errors
/// Bad input, a drifted cluster, or what the cluster or the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    let (snapshot, policy) = common::on_threads(args.input.search.threads, || common::load(&args.input))??;
    let windows = args.windows()?;
    let work = read_work(&snapshot, &policy, &args.plan)?;
    let journal = args.journal.clone().unwrap_or_else(|| beside(&args.plan));
    let throttle = args.throttle.unwrap_or(Throttle::Suggested);
    if args.dry_run {
        return dry_run(args, &work, throttle, &journal);
    }
    let connection = args.cluster.connect()?;
    let mut file = FileJournal::open(&journal)?;
    let teller = Teller::default();
    let guard = Guard::of(&snapshot, &policy, args.watch == WatchArg::Cluster);
    let result = {
        let mut run = Apply {
            admin: &connection,
            journal: &mut file,
            surroundings: &System,
            guard: &guard,
            tell: &|event| teller.tell(event),
            options: Options {
                throttle,
                allow_drift: args.allow_drift,
                resume: args.resume,
                poll: args.poll,
                windows,
                window_end: match args.window_end {
                    WindowEndArg::Finish => WindowEnd::Finish,
                    WindowEndArg::Cancel => WindowEnd::Cancel,
                },
            },
        };
        match (args.cancel, args.rollback) {
            (true, _) => apply::cancel(&mut run, &work),
            (_, true) => apply::rollback(&mut run, &work),
            _ => apply::apply(&mut run, &work),
        }
    };
    drop(teller);
    let report = result.map_err(|error| explained(error, &journal))?;
    let did = if args.cancel {
        "cancelled"
    } else if args.rollback {
        "rolled back"
    } else {
        "applied"
    };
    common::print(&match args.input.format {
        Format::Text => tell::text(did, &report, &journal),
        Format::Json => tell::json(did, &report, &journal),
    })?;
    Ok(Verdict::Done)
}

/// Reads a plan and refuses one that is at fault: only what `verify` passes is carried out. What a policy forbids is not
/// asked again, for the plan may have been made under another.
fn read_work(snapshot: &Snapshot, policy: &Policy, dir: &Path) -> Result<Work, CliError> {
    const OF_POLICY: [&str; 5] = ["excluded_topic", "frozen_topic", "no_receive", "pin_broken", "budget_exceeded"];
    let plan: PlanDir = verify::read_plan(dir)?;
    let rollback_elections = verify::read(&dir.join("rollback-leader-election.json"))?;
    let judgement = judge_dir(snapshot, policy, &plan)?;
    let faults: Vec<String> = judgement
        .deviations
        .iter()
        .filter(|deviation| !OF_POLICY.contains(&deviation.code))
        .map(|deviation| format!("{}: {} [{}]", deviation.subject, deviation.message, deviation.code))
        .collect();
    if let Some(first) = faults.first() {
        let more = if faults.len() > 1 { format!(", and {} more faults", faults.len() - 1) } else { String::new() };
        return Err(CliError::Usage(format!(
            "the plan does not fit the snapshot: {first}{more}\n  help: evenkeel verify lists them; plan again"
        )));
    }
    Ok(Work::read(snapshot, &plan, &rollback_elections)?)
}

/// `plan/` has its journal in `plan.journal`: outside, for a plan's directory holds the plan alone.
fn beside(plan: &Path) -> PathBuf {
    let whole = plan.canonicalize().unwrap_or_else(|_| plan.to_owned());
    let mut name = whole.file_name().unwrap_or_default().to_owned();
    name.push(".journal");
    let shown = plan.parent().filter(|_| plan.file_name() == whole.file_name());
    shown.map_or_else(|| whole.with_file_name(&name), |parent| parent.join(&name))
}

/// Prints the calls of every batch that is left.
fn dry_run(args: &Args, work: &Work, limit: Throttle, journal: &Path) -> Result<Verdict, CliError> {
    let standing = if journal.exists() {
        apply::Journal::standing(&FileJournal::open(journal)?).clone()
    } else {
        Standing::default()
    };
    let connection = args.cluster.connect()?;
    apply::check_cluster(&connection, work)?;
    let drifted = apply::drift(&connection, &work.batches, &standing)?;
    if !drifted.is_empty() && !args.allow_drift {
        return Err(ApplyError::Drift(drifted.iter().map(|(p, why)| format!("{p} {why}")).collect()).into());
    }
    let alive = connection.cluster()?.brokers;
    let mut out = String::new();
    for step in work.batches.iter().filter(|step| !standing.done.contains(&step.batch)) {
        let limit = match limit {
            Throttle::Suggested => Some(throttle::suggested_bytes_per_sec(step)),
            Throttle::Fixed(bytes) => Some(bytes),
            Throttle::Unlimited => None,
        };
        let left = drifted.iter().map(|(partition, _)| partition);
        let step = Step {
            targets: step.targets.iter().filter(|t| !left.clone().any(|p| *p == t.partition)).cloned().collect(),
            elections: step.elections.iter().filter(|p| !left.clone().any(|d| d == *p)).cloned().collect(),
            ..step.clone()
        };
        let mut resources = throttle::resources(&step);
        resources.retain(|resource| !matches!(resource, Resource::Broker(id) if !alive.contains_key(id)));
        let found: BTreeMap<_, _> = connection
            .configs(&resources)
            .into_iter()
            .map(|(resource, configs)| configs.map(|configs| (resource, configs)))
            .collect::<Result<_, _>>()?;
        let _ = writeln!(out, "batch {} of {}", step.batch, work.batches.len());
        for call in calls::calls(&step, limit, &found, &|id| alive.contains_key(&id)) {
            let _ = writeln!(out, "  {call}");
        }
    }
    for (partition, why) in &drifted {
        let _ = writeln!(out, "left alone: {partition} {why}");
    }
    let _ = writeln!(out, "nothing was done; leave out --dry-run to do it");
    common::print(&out)?;
    Ok(Verdict::Done)
}

/// An error of a run that may have begun, with what to do next.
fn explained(error: ApplyError, journal: &Path) -> CliError {
    let is_failure = matches!(error, ApplyError::Failed(_) | ApplyError::Cluster(_));
    match CliError::from(error) {
        CliError::Failed(text) if is_failure => CliError::Failed(format!(
            "{text}\n  help: {} says how far it came; --resume goes on, --cancel stops what runs, --rollback undoes all",
            journal.display()
        )),
        other => other,
    }
}

impl From<ApplyError> for CliError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Drift(_) => Self::Usage(format!(
                "partitions are {error}\n  help: take a new snapshot and plan again, or leave these alone with \
                 --allow-drift"
            )),
            ApplyError::Refused(text) => Self::Usage(text),
            ApplyError::Cluster(error) => error.into(),
            ApplyError::Journal(error) => error.into(),
            ApplyError::Failed(text) => Self::Failed(text),
        }
    }
}

impl From<JournalError> for CliError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Malformed { .. } => Self::Usage(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}
