//! `evenkeel verify`: judges any plan, without the optimizer.

use std::path::{Path, PathBuf};

use super::common::{self, Format, InputArgs};
use super::exit::{CliError, Verdict};
use crate::report::verdict;
use crate::verify::Judgement;
use crate::verify::plan_dir::{BatchFiles, PlanDir, TextFile, judge_dir, judge_files};

/// Arguments of `evenkeel verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  evenkeel verify snapshot/ plan/
  evenkeel verify snapshot/ --reassignment theirs.json --leader-election elections.json --format json

Exit status 3: a hard rule is broken after the plan, or the plan itself is at fault.")]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// Plan directory of ours: its batches, rollbacks and figures are judged as well
    #[arg(required_unless_present = "reassignment", conflicts_with = "reassignment")]
    plan: Option<PathBuf>,
    /// Any file for kafka-reassign-partitions
    #[arg(long, value_name = "FILE")]
    reassignment: Option<PathBuf>,
    /// The file for kafka-leader-election that follows it
    #[arg(long, value_name = "FILE", requires = "reassignment")]
    leader_election: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Bad input, or what the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    let (snapshot, policy) = common::on_threads(args.input.search.threads, || common::load(&args.input))??;
    let judgement = if let Some(reassignment) = &args.reassignment {
        let elections = args.leader_election.as_deref().map(read).transpose()?;
        judge_files(&snapshot, &policy, &read(reassignment)?, elections.as_ref())?
    } else if let Some(plan) = &args.plan {
        judge_dir(&snapshot, &policy, &read_plan(plan)?)?
    } else {
        return Err(CliError::Usage("name a plan directory, or a file with --reassignment".to_owned()));
    };
    let text = match args.input.format {
        Format::Text => verdict::to_text(&judgement),
        Format::Json => String::from_utf8_lossy(&verdict::to_json(&judgement)).into_owned(),
    };
    common::print(&text)?;
    Ok(verdict_of(&judgement))
}

fn verdict_of(judgement: &Judgement) -> Verdict {
    let is_sound = judgement.after.hard_total() == 0 && judgement.deviations.is_empty();
    if is_sound { Verdict::Done } else { Verdict::Broken }
}

/// Reads the files of a plan directory.
///
/// # Errors
/// A file that is missing or cannot be read.
pub(super) fn read_plan(dir: &Path) -> Result<PlanDir, CliError> {
    let mut plan = PlanDir {
        plan: read(&dir.join("plan.json"))?,
        reassignment: read(&dir.join("reassignment.json"))?,
        elections: read(&dir.join("leader-election.json"))?,
        rollback: read(&dir.join("rollback.json"))?,
        batches: Vec::new(),
    };
    for batch in batch_dirs(&dir.join("batches"))? {
        plan.batches.push(BatchFiles {
            reassignment: read(&batch.join("reassignment.json"))?,
            elections: read(&batch.join("leader-election.json"))?,
            rollback: read(&batch.join("rollback.json"))?,
        });
    }
    Ok(plan)
}

/// The batches' folders by number; none where there is no `batches`, as in a plan that changes nothing.
fn batch_dirs(dir: &Path) -> Result<Vec<PathBuf>, CliError> {
    let fail = |source| CliError::Io { what: format!("cannot list {}", dir.display()), source };
    let listing = match std::fs::read_dir(dir) {
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        listing => listing.map_err(fail)?,
    };
    let mut batches = Vec::new();
    for entry in listing {
        let path = entry.map_err(fail)?.path();
        let number = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u64>().ok());
        batches.extend(number.map(|number| (number, path)));
    }
    batches.sort();
    Ok(batches.into_iter().map(|(_, path)| path).collect())
}

/// A file's content; one that is not there is the caller's mistake, anything else the system's.
pub(super) fn read(path: &Path) -> Result<TextFile, CliError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(TextFile { path: path.to_owned(), bytes }),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
            Err(CliError::Usage(format!("{} does not exist", path.display())))
        }
        Err(source) => Err(CliError::Io { what: format!("cannot read {}", path.display()), source }),
    }
}
