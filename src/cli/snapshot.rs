//! `evenkeel snapshot`: captures a cluster, or converts other tools' output, into a snapshot directory.

mod cruise_control;
mod diff;
mod kafka;
mod kafka_cli;
mod output;
mod prometheus;

use super::exit::{CliError, Verdict};

/// Arguments of `evenkeel snapshot`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    source: Source,
}

/// Where a snapshot can come from.
#[derive(Debug, clap::Subcommand)]
enum Source {
    /// From a running cluster
    Kafka(Box<kafka::Args>),
    /// From the output of Kafka's own tools, Prometheus and JMX exporters
    KafkaCli(Box<kafka_cli::Args>),
    /// From saved answers of Cruise Control and its capacity files
    CruiseControl(Box<cruise_control::Args>),
    /// What changed between two snapshots
    Diff(diff::Args),
}

/// Runs the command.
///
/// # Errors
/// Bad input, or what the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    match &args.source {
        Source::Kafka(args) => kafka::run(args),
        Source::KafkaCli(args) => kafka_cli::run(args),
        Source::CruiseControl(args) => cruise_control::run(args),
        Source::Diff(args) => diff::run(args),
    }
}
