//! `evenkeel what-if`: weighs a change or a mishap that has not happened. One file per question.

pub mod failure;

use super::exit::{CliError, Verdict};

/// Arguments of `evenkeel what-if`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    question: Question,
}

/// The questions.
#[derive(Debug, clap::Subcommand)]
enum Question {
    /// What becomes of partitions when brokers, log dirs or racks fail at once.
    Failure(failure::Args),
}

/// Runs the command.
///
/// # Errors
/// Bad input, or what the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    match &args.question {
        Question::Failure(args) => failure::run(args),
    }
}
