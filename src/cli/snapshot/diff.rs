//! `evenkeel snapshot diff`: what changed between two snapshots.

use std::path::PathBuf;

use crate::cli::common::{self, Format};
use crate::cli::exit::{CliError, Verdict};
use crate::ingest::snapshot_dir;
use crate::report::snapshot_diff;
use crate::verify::diff;

const EXAMPLES: &str = "\
Examples:
  evenkeel snapshot diff snapshot-monday snapshot-friday
  evenkeel snapshot diff before after --format json | jq .replicas

Exit status: 0 whether they differ or not; 2 bad usage or input.";

/// Arguments of `evenkeel snapshot diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The earlier snapshot
    before: PathBuf,
    /// The later snapshot
    after: PathBuf,
    /// Directory of machine models beside the built-in ones
    #[arg(long, value_name = "DIR")]
    machines: Option<PathBuf>,
    /// Output on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> Result<Verdict, CliError> {
    let catalogue = common::catalogue(args.machines.as_deref())?;
    let (before, warnings_before) = snapshot_dir::read(&args.before, &catalogue)?;
    let (after, warnings_after) = snapshot_dir::read(&args.after, &catalogue)?;
    common::warn(&warnings_before);
    common::warn(&warnings_after);
    let diff = diff::diff(&before, &after);
    common::print(&match args.format {
        Format::Text => snapshot_diff::text(&diff),
        Format::Json => format!("{:#}\n", snapshot_diff::json(&diff)),
    })?;
    Ok(Verdict::Done)
}
