//! `evenkeel what-if federation`.

use std::path::PathBuf;

use super::OutArgs;
use crate::capacity::federation::federation;
use crate::cli::common::Format;
use crate::cli::exit::{CliError, Verdict};
use crate::ingest::scenario::federation as scenario;
use crate::report::what_if::federation as report;

const EXAMPLES: &str = "\
Examples:
  evenkeel what-if federation fixtures/scenarios/federation-sixty-clusters.toml
  evenkeel what-if federation federation.toml --out federation
  evenkeel what-if federation federation.toml --format json | jq .clusters_needed

docs/what-if-federation.md explains the file and every figure.";

/// Arguments of `evenkeel what-if federation`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The demand, the clusters and what a broker was measured to carry (TOML)
    scenario: PathBuf,
    /// Output on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    out: OutArgs,
}

/// Runs the command.
///
/// # Errors
/// Bad input, or what the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    args.out.check()?;
    let scenario = scenario::read(&args.scenario)?;
    let found = federation(&scenario);
    args.out.give(args.format, "federation", &report::sheet(&scenario, &found), report::json(&scenario, &found))?;
    Ok(Verdict::Done)
}
