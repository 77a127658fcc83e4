//! `evenkeel fleet`: many clusters at a glance, the most urgent first.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rayon::prelude::*;

use super::common::{self, EffortArg, Format, parse_duration};
use super::exit::{CliError, Verdict};
use super::progress::Progress;
use crate::capacity::fleet::{self, Row};
use crate::capacity::forecast::{ForecastOptions, forecast};
use crate::ingest::catalogue::Catalogue;
use crate::ingest::{history, policy, snapshot_dir};
use crate::model::Policy;
use crate::optimize::{self, Environment};
use crate::plan::{self, Pacing};
use crate::report;

const EXAMPLES: &str = "\
Examples:
  evenkeel fleet snapshots/
  evenkeel fleet snapshots/eu snapshots/us --policy gentle --out fleet
  evenkeel fleet snapshots/ --no-plan --format json | jq '.clusters[] | select(.verdict == \"broken\")'

Exit status: 0 no rule is broken; 3 some cluster breaks one; 2 some snapshot cannot be read (the others are shown).";

/// Arguments of `evenkeel fleet`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Snapshot directories, or directories whose subdirectories are
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Policy for all clusters: a file (TOML), or the name of a shipped policy
    #[arg(long, value_name = "NAME|FILE")]
    policy: Option<PathBuf>,
    /// Directory of machine models beside the built-in ones
    #[arg(long, value_name = "DIR")]
    machines: Option<PathBuf>,
    /// Do not plan: leaves open how many bytes a rebalance would copy
    #[arg(long)]
    no_plan: bool,
    /// Output on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Directory to write fleet.html, fleet.json and fleet.csv to
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace what is already there
    #[arg(long, requires = "out")]
    force: bool,
    /// Seed of every random choice
    #[arg(long, default_value_t = 0, help_heading = "Common options")]
    seed: u64,
    /// Threads; the answer does not depend on them [default: all]
    #[arg(long, value_name = "N", help_heading = "Common options")]
    threads: Option<usize>,
    /// How much work to spend on each plan: steps, not seconds
    #[arg(long, value_enum, default_value = "quick", help_heading = "Common options")]
    effort: EffortArg,
    /// Stop each plan here even if steps are left
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration, help_heading = "Common options")]
    time_limit: Duration,
}

/// Runs the command.
///
/// # Errors
/// Bad input, or what the system refused; a snapshot that cannot be read, once the others are shown.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    if let Some(dir) = &args.out {
        common::refuse_existing(dir, args.force)?;
    }
    let catalogue = common::catalogue(args.machines.as_deref())?;
    let policy = match &args.policy {
        Some(path) => {
            let (policy, warnings) = policy::read(path)?;
            common::warn(&warnings);
            policy
        }
        None => Policy::default(),
    };
    let mut dirs = Vec::new();
    for dir in &args.dirs {
        dirs.extend(snapshots_in(dir));
    }
    let rows = common::on_threads(args.threads, || {
        let progress = Progress::new();
        let done = AtomicUsize::new(0);
        let row = |dir: &PathBuf| {
            let row = row_of(dir, &catalogue, &policy, args);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            progress.show("clusters", done as f64 / dirs.len() as f64);
            row
        };
        let mut rows: Vec<Row> = dirs.par_iter().map(row).collect();
        fleet::sort(&mut rows);
        rows
    })?;
    match args.format {
        Format::Text => common::print(&report::fleet::sheet(&rows).to_text())?,
        Format::Json => common::print(&String::from_utf8_lossy(&report::fleet::json(&rows)))?,
    }
    if let Some(dir) = &args.out {
        common::write(dir, &report::fleet::files(&rows), args.force)?;
    }
    let unreadable = fleet::totals(&rows).unreadable;
    if unreadable > 0 {
        return Err(CliError::Usage(format!("{unreadable} of {} snapshots cannot be read; why is above", rows.len())));
    }
    Ok(if report::fleet::is_any_broken(&rows) { Verdict::Broken } else { Verdict::Done })
}

/// The snapshots that `dir` means: itself, or its subdirectories by name where it holds no snapshot's files.
fn snapshots_in(dir: &Path) -> Vec<PathBuf> {
    let has_files = ["cluster.toml", "brokers.csv", "brokers.csv.gz"].iter().any(|name| dir.join(name).exists());
    let listing = if has_files { None } else { std::fs::read_dir(dir).ok() };
    let is_hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let entries = listing.into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.is_dir() && !is_hidden(path)).collect();
    found.sort();
    if found.is_empty() { vec![dir.to_owned()] } else { found }
}

fn row_of(dir: &Path, catalogue: &Catalogue, policy: &Policy, args: &Args) -> Row {
    let name = dir.display().to_string();
    let snapshot = match snapshot_dir::read(dir, catalogue) {
        Ok((snapshot, _)) => snapshot,
        Err(faults) => return fleet::unreadable(name, faults.to_string()),
    };
    if let Some(path) = &args.policy {
        let faults = policy::check_against(policy, &snapshot, path);
        if faults.has_errors() {
            return fleet::unreadable(name, faults.to_string());
        }
    }
    let forecast = match history::read(dir, &snapshot) {
        Ok((history, _)) => history.filter(|history| !history.is_empty()).map(|history| {
            let options = ForecastOptions { seed: args.seed, ..ForecastOptions::default() };
            forecast(&snapshot, policy, &history, &options)
        }),
        Err(faults) => return fleet::unreadable(name, faults.to_string()),
    };
    let plan = (!args.no_plan).then(|| {
        let expired = common::deadline(args.time_limit);
        let environment = Environment { expired: &expired, progress: &|_, _| () };
        let options = optimize::Options { seed: args.seed, effort: args.effort.into() };
        plan::build(
            &snapshot,
            policy,
            optimize::optimize(&snapshot, policy, &options, &environment),
            &Pacing::default(),
        )
    });
    fleet::row(name, &snapshot, policy, plan.as_ref(), forecast.as_ref())
}
