//! `evenkeel forecast`: when each group reaches its limits, from the snapshot's history.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::common::{self, Format, InputArgs};
use super::exit::{CliError, Verdict};
use crate::capacity::forecast::{self, ForecastOptions};
use crate::ingest::{history, nearest};
use crate::model::{Goal, History, Policy, Snapshot};
use crate::report;

const EXAMPLES: &str = "\
Examples:
  evenkeel forecast snapshot
  evenkeel forecast snapshot --horizon 365d --threshold disk=0.85 --threshold cpu=60%
  evenkeel forecast snapshot --out forecast
  evenkeel forecast snapshot --format json | jq '.series[] | {resource_group, goal, days_to_threshold}'

The snapshot directory holds history.csv (or .csv.gz, or history.parquet) with the columns timestamp, broker_id?, topic?,
metric, value; docs/forecast.md says how to get one and how to read the answer.

Exit status: 0 done; 2 bad usage or input, or no history; 1 anything else.";

/// Arguments of `evenkeel forecast`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// How far ahead, e.g. 90d
    #[arg(long, value_name = "DURATION", default_value = "180d", value_parser = common::parse_duration)]
    horizon: Duration,
    /// Utilization to forecast the day of, as disk=0.85 or disk=85%; several for a goal are allowed, the first counts
    /// most [default: the policy's limits, and 100 % for disk]
    #[arg(long = "threshold", value_name = "GOAL=SHARE", value_parser = parse_threshold)]
    thresholds: Vec<(Goal, f64)>,
    /// Directory to write report.html, forecast.json and forecast.csv to
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace a directory that is already there
    #[arg(long)]
    force: bool,
}

/// Reads `disk=0.85` or `disk=85%`.
fn parse_threshold(text: &str) -> Result<(Goal, f64), String> {
    let names = Goal::UTILIZATIONS.map(Goal::name);
    let (name, share) = text.split_once('=').ok_or_else(|| format!("`{text}` has no =; try disk=0.85"))?;
    let goal = Goal::UTILIZATIONS.into_iter().find(|goal| goal.name() == name.trim());
    let goal = goal.ok_or_else(|| {
        let near = nearest::nearest(name, names).unwrap_or_default();
        format!("`{name}` is none of {}; the nearest is {near}", names.join(", "))
    })?;
    let share = share.trim();
    let (digits, unit) = share.strip_suffix('%').map_or((share, 1.0), |digits| (digits.trim(), 0.01));
    let value = digits.parse::<f64>().map_err(|_| format!("`{share}` is not a share; try 0.85 or 85%"))? * unit;
    if value > 0.0 && value <= 1.0 {
        Ok((goal, value))
    } else {
        Err(format!("{share} is not above 0 and at most 1; 85 percent is 0.85 or 85%"))
    }
}

/// Runs the command.
///
/// # Errors
/// Bad input, no history, or what the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    if let Some(out) = &args.out {
        common::refuse_existing(out, args.force)?;
    }
    let options = args.options()?;
    common::on_threads(args.input.search.threads, || {
        let (snapshot, policy, history) = load(&args.input)?;
        let forecast = forecast::forecast(&snapshot, &policy, &history, &options);
        match args.input.format {
            Format::Text => common::print(&report::forecast::to_text(&snapshot, &forecast))?,
            Format::Json => {
                common::print(&String::from_utf8_lossy(&report::forecast::to_json(&snapshot, &forecast)))?;
            }
        }
        if let Some(out) = &args.out {
            common::write(out, &report::forecast::files(&snapshot, &forecast), args.force)?;
        }
        Ok(Verdict::Done)
    })?
}

impl Args {
    fn options(&self) -> Result<ForecastOptions, CliError> {
        const DAY_SEC: u64 = 86_400;
        let days = u32::try_from(self.horizon.as_secs() / DAY_SEC).unwrap_or(u32::MAX);
        let most = ForecastOptions::HORIZON_DAYS_MAX;
        if !(1..=most).contains(&days) {
            return Err(CliError::Usage(format!("--horizon must be from 1d to {most}d")));
        }
        let mut thresholds: BTreeMap<Goal, Vec<f64>> = BTreeMap::new();
        for (goal, share) in &self.thresholds {
            thresholds.entry(*goal).or_default().push(*share);
        }
        Ok(ForecastOptions { horizon_days: days, thresholds, seed: self.input.search.seed })
    }
}

fn load(input: &InputArgs) -> Result<(Snapshot, Policy, History), CliError> {
    let (snapshot, policy) = common::load(input)?;
    let (history, warnings) = history::read(&input.snapshot, &snapshot)?;
    common::warn(&warnings);
    match history {
        Some(history) if !history.is_empty() => Ok((snapshot, policy, history)),
        found => {
            let what = if found.is_some() { "the history has no rows" } else { "there is no history.csv" };
            let dir = input.snapshot.display();
            Err(CliError::Usage(format!(
                "{dir}: {what}, and without a past nothing can be forecast\n  help: add history.csv (or .csv.gz, or \
                 history.parquet) with the columns timestamp,broker_id,topic,metric,value, one row per day and broker for \
                 a few months; docs/forecast.md has queries that export it"
            )))
        }
    }
}
