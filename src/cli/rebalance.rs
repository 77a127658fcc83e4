//! `evenkeel rebalance`.

use super::exit::{CliError, Verdict};

/// Arguments of `evenkeel rebalance`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// Bad input, or what the system refused.
pub fn run(_args: &Args) -> Result<Verdict, CliError> {
    Err(CliError::Failed("not built yet".to_owned()))
}
