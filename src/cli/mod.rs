//! The terminal's side: arguments, progress, exit statuses. One file per command, each with its `Args` and `run`.

pub mod apply;
pub mod check;
pub mod common;
pub mod exit;
pub mod live;
pub mod progress;
pub mod rebalance;
pub mod scope;
pub mod snapshot;
pub mod synth;
pub mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Capacity planner and rebalancer for Apache Kafka: offline, minimal movement, proved.
#[derive(Debug, Parser)]
#[command(name = "evenkeel", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Carry a plan out on a running cluster, batch by batch.
    Apply(Box<apply::Args>),
    /// Validate a snapshot and report broken rules, bands and hot spots.
    Check(check::Args),
    /// Plan for the snapshot as it stands: heal, drain, balance.
    Rebalance(rebalance::Args),
    /// Capture a cluster, or convert other tools' output, into a snapshot directory.
    Snapshot(snapshot::Args),
    /// Write a realistic synthetic snapshot.
    Synth(synth::Args),
    /// Judge any plan, without the optimizer.
    Verify(verify::Args),
}

/// Parses the command line, runs the command, prints what went wrong, and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.command {
        Command::Apply(args) => apply::run(args),
        Command::Check(args) => check::run(args),
        Command::Rebalance(args) => rebalance::run(args),
        Command::Snapshot(args) => snapshot::run(args),
        Command::Synth(args) => synth::run(args),
        Command::Verify(args) => verify::run(args),
    };
    if let Err(error) = &result {
        anstream::eprintln!("{error}");
    }
    exit::code(&result)
}
