//! What the commands share: where input comes from, how output is printed, how faults reach the reader.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::builder::Resettable;

use super::exit::CliError;
use crate::capacity::forecast::{Forecast, ForecastOptions, forecast};
use crate::ingest::catalogue::Catalogue;
use crate::ingest::{Faults, Severity, history, policy, snapshot_dir};
use crate::model::{History, Policy, Snapshot};
use crate::writer::{self, OutputFile, WriteError};

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Where input comes from.
#[derive(Debug, clap::Args)]
pub struct InputArgs {
    /// Snapshot directory
    pub snapshot: PathBuf,
    /// Policy file (TOML), or the name of a shipped policy: default, cruise-control, gentle. What a file leaves out keeps
    /// its default
    #[arg(long, value_name = "NAME|FILE")]
    pub policy: Option<PathBuf>,
    /// Directory of machine models beside the built-in ones
    #[arg(long, value_name = "DIR")]
    pub machines: Option<PathBuf>,
    /// Output on stdout
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// How hard to search; commands that do not search take these flags and need none but `--threads`.
    #[command(flatten)]
    pub search: SearchArgs,
}

/// How hard a search tries.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Common options")]
pub struct SearchArgs {
    /// Seed of every random choice
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Threads; the answer does not depend on them [default: all]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// How much work to spend: steps, not seconds
    #[arg(long, value_enum, default_value_t)]
    pub effort: EffortArg,
    /// Stop here even if steps are left, e.g. 90s, 10m
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    pub time_limit: Duration,
    #[command(flatten)]
    end: EndOfHeading,
}

/// The last field of flags that have a heading in the help: clap would go on with it over whatever follows them.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = Resettable::Reset)]
#[group(skip)]
pub struct EndOfHeading {}

/// How much work a search may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum EffortArg {
    /// Construct and trim only
    Quick,
    /// Until little is to be gained
    #[default]
    Normal,
    /// What a night's job may spend
    Thorough,
}

/// Reads a duration such as `90s`, `10m`, `6h`, `2d` or `500ms`.
///
/// # Errors
/// What is wrong, for clap to print.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| format!("`{text}` is no duration; try 90s, 10m or 6h"))?;
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        other => return Err(format!("unknown unit `{other}`; use ms, s, m, h or d")),
    };
    Duration::try_from_secs_f64(number * seconds).map_err(|e| e.to_string())
}

/// Reads the snapshot and policy that `args` name; prints warnings to stderr.
///
/// # Errors
/// Every fault found in either.
pub fn load(args: &InputArgs) -> Result<(Snapshot, Policy), CliError> {
    let catalogue = catalogue(args.machines.as_deref())?;
    let (snapshot, warnings) = snapshot_dir::read(&args.snapshot, &catalogue)?;
    warn(&warnings);
    let policy = match &args.policy {
        Some(path) => load_policy(path, &snapshot)?,
        None => Policy::default(),
    };
    Ok((snapshot, policy))
}

/// The history beside the snapshot in `dir`; none where there is no such file or it has no rows. Prints warnings to
/// stderr.
///
/// # Errors
/// Every fault found in the file.
pub fn history(dir: &Path, snapshot: &Snapshot) -> Result<Option<History>, CliError> {
    let (history, warnings) = history::read(dir, snapshot)?;
    warn(&warnings);
    Ok(history.filter(|history| !history.is_empty()))
}

/// What the snapshot's history says of the days ahead, as `evenkeel forecast` without flags does; none without a
/// history.
///
/// # Errors
/// Every fault found in the history's file.
pub fn forecast_of(args: &InputArgs, snapshot: &Snapshot, policy: &Policy) -> Result<Option<Forecast>, CliError> {
    let options = ForecastOptions { seed: args.search.seed, ..ForecastOptions::default() };
    let history = history(&args.snapshot, snapshot)?;
    Ok(history.map(|history| forecast(snapshot, policy, &history, &options)))
}

/// The machines that come with the program, and those in the directory `machines`.
///
/// # Errors
/// Every fault found in that directory.
pub fn catalogue(machines: Option<&Path>) -> Result<Catalogue, CliError> {
    Ok(match machines {
        Some(dir) => Catalogue::with_dir(dir)?,
        None => Catalogue::builtin(),
    })
}

fn load_policy(path: &Path, snapshot: &Snapshot) -> Result<Policy, CliError> {
    let (policy, warnings) = policy::read(path)?;
    warn(&warnings);
    let faults = policy::check_against(&policy, snapshot, path);
    if faults.has_errors() {
        return Err(faults.into());
    }
    warn(&faults);
    Ok(policy)
}

/// Prints the warnings among `faults` to stderr.
pub fn warn(faults: &Faults) {
    for fault in faults.list.iter().filter(|f| f.severity == Severity::Warning) {
        anstream::eprintln!("{fault}");
    }
}

/// Prints a result to stdout. A reader that went away (`| head`) is no failure.
///
/// # Errors
/// Any other failure to write.
pub fn print(text: &str) -> Result<(), CliError> {
    use std::io::Write as _;
    let written = anstream::stdout().lock().write_all(text.as_bytes());
    match written {
        Err(source) if source.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CliError::Io { what: "cannot write to stdout".to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Refuses an output directory that is there already, before any work is done for it.
///
/// # Errors
/// `dir` exists and `force` is not given.
pub fn refuse_existing(dir: &Path, force: bool) -> Result<(), CliError> {
    if !force && dir.exists() { Err(WriteError::Exists(dir.to_owned()).into()) } else { Ok(()) }
}

/// Writes a directory whole or not at all.
///
/// # Errors
/// An existing directory without `force`, or what the system refused.
pub fn write(dir: &Path, files: &[OutputFile], force: bool) -> Result<(), CliError> {
    Ok(writer::write_dir(dir, files, force)?)
}

impl From<WriteError> for CliError {
    fn from(error: WriteError) -> Self {
        if error.is_usage() { Self::Usage(error.to_string()) } else { Self::Failed(error.to_string()) }
    }
}

/// Runs `work` on a pool of `threads` threads (all cores where none is given).
///
/// # Errors
/// The system's refusal to start threads, or a count of zero.
pub fn on_threads<T: Send>(threads: Option<usize>, work: impl FnOnce() -> T + Send) -> Result<T, CliError> {
    if threads == Some(0) {
        return Err(CliError::Usage("--threads must be at least 1".to_owned()));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build();
    let pool = pool.map_err(|e| CliError::Failed(format!("cannot start threads: {e}")))?;
    Ok(pool.install(work))
}

/// A clock that runs out after `limit`.
pub fn deadline(limit: Duration) -> impl Fn() -> bool + Sync {
    let start = Instant::now();
    move || start.elapsed() >= limit
}

impl From<EffortArg> for crate::optimize::Effort {
    fn from(effort: EffortArg) -> Self {
        match effort {
            EffortArg::Quick => Self::Quick,
            EffortArg::Normal => Self::Normal,
            EffortArg::Thorough => Self::Thorough,
        }
    }
}
