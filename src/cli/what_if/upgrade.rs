//! `evenkeel what-if upgrade`.

use std::path::PathBuf;

use super::OutArgs;
use crate::capacity::upgrade::upgrade;
use crate::cli::common::{self, InputArgs};
use crate::cli::exit::{CliError, Verdict};
use crate::ingest::scenario::upgrade as scenario;
use crate::report::what_if::upgrade as report;

const EXAMPLES: &str = "\
Examples:
  evenkeel what-if upgrade fixtures/demo --scenario fixtures/scenarios/upgrade.toml
  evenkeel what-if upgrade snapshot --scenario upgrade.toml --out upgrade
  evenkeel what-if upgrade snapshot --scenario upgrade.toml --format json | jq .recommended

docs/what-if-upgrade.md explains the file and every figure.";

/// Arguments of `evenkeel what-if upgrade`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// Prices, rates and durations of both ways (TOML)
    #[arg(long, value_name = "FILE")]
    scenario: PathBuf,
    #[command(flatten)]
    out: OutArgs,
}

/// Runs the command.
///
/// # Errors
/// Bad input, or what the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    args.out.check()?;
    let scenario = scenario::read(&args.scenario, &common::catalogue(args.input.machines.as_deref())?)?;
    let (snapshot, policy) = common::on_threads(args.input.search.threads, || common::load(&args.input))??;
    let found = upgrade(&snapshot, &policy, &scenario);
    let sheet = report::sheet(&snapshot, &scenario, &found);
    args.out.give(args.input.format, "upgrade", &sheet, report::json(&scenario, &found))?;
    Ok(Verdict::Done)
}
