//! `evenkeel check`: validates a snapshot and reports broken rules, bands and hot spots.

use super::common::{self, Format, InputArgs};
use super::exit::{CliError, Verdict};
use crate::report::check::CheckReport;

const EXAMPLES: &str = "\
Examples:
  evenkeel check snapshot
  evenkeel check snapshot --policy strict.toml
  evenkeel check snapshot --format json | jq .hard

Exit status: 0 every hard rule holds; 3 one is broken; 2 bad usage or input; 1 anything else.";

/// Arguments of `evenkeel check`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
}

/// Runs the command.
///
/// # Errors
/// Bad input, or what the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    let (snapshot, policy) = common::on_threads(args.input.search.threads, || common::load(&args.input))??;
    let report = CheckReport::of(&snapshot, &policy);
    match args.input.format {
        Format::Text => common::print(&report.to_text())?,
        Format::Json => common::print(&String::from_utf8_lossy(&report.to_json()))?,
    }
    Ok(if report.is_broken() { Verdict::Broken } else { Verdict::Done })
}
