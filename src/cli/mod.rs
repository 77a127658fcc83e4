//! The terminal's side: arguments, progress, exit statuses. One file per command, each with its `Args` and `run`.

pub mod advise;
pub mod apply;
pub mod check;
pub mod common;
pub mod exit;
pub mod expand;
pub mod explain;
pub mod fleet;
pub mod forecast;
pub mod live;
pub mod models;
pub mod pace;
pub mod progress;
pub mod rebalance;
pub mod report;
pub mod resize;
pub mod scope;
pub mod shrink;
pub mod snapshot;
pub mod synth;
pub mod verify;
pub mod what_if;

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
    /// Advise settings of brokers, topics and client quotas.
    Advise(advise::Args),
    /// Carry a plan out on a running cluster, batch by batch.
    Apply(Box<apply::Args>),
    /// Validate a snapshot and report broken rules, bands and hot spots.
    Check(check::Args),
    /// Add brokers and plan: headroom, hours and cost before and after.
    Expand(expand::Args),
    /// Tell why a partition's replicas move or stay, and what the next best places would cost.
    Explain(explain::Args),
    /// Many clusters at a glance, the most urgent first.
    Fleet(fleet::Args),
    /// Forecast when each group reaches its limits, from the snapshot's history.
    Forecast(forecast::Args),
    /// Show the machine models that capacities and prices come from.
    Models(models::Args),
    /// Plan for the snapshot as it stands: heal, drain, balance.
    Rebalance(rebalance::Args),
    /// Report what the cluster can still carry, what binds, and what it costs.
    Report(report::Args),
    /// Empty brokers, or find how many can go.
    Shrink(shrink::Args),
    /// Capture a cluster, or convert other tools' output, into a snapshot directory.
    Snapshot(snapshot::Args),
    /// Write a realistic synthetic snapshot.
    Synth(synth::Args),
    /// Judge any plan, without the optimizer.
    Verify(verify::Args),
    /// Weigh what has not happened: failures, isolation, federation, mirroring, an upgrade.
    #[command(subcommand)]
    WhatIf(what_if::Command),
}

/// Parses the command line, runs the command, prints what went wrong, and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.command {
        Command::Advise(args) => advise::run(args),
        Command::Apply(args) => apply::run(args),
        Command::Check(args) => check::run(args),
        Command::Expand(args) => expand::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Fleet(args) => fleet::run(args),
        Command::Forecast(args) => forecast::run(args),
        Command::Models(args) => models::run(args),
        Command::Rebalance(args) => rebalance::run(args),
        Command::Report(args) => report::run(args),
        Command::Shrink(args) => shrink::run(args),
        Command::Snapshot(args) => snapshot::run(args),
        Command::Synth(args) => synth::run(args),
        Command::Verify(args) => verify::run(args),
        Command::WhatIf(command) => what_if::run(command),
    };
    if let Err(error) = &result {
        anstream::eprintln!("{error}");
    }
    exit::code(&result)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Every command that has no commands of its own, by its path.
    fn leaves(command: &clap::Command, path: &str) -> Vec<(String, clap::Command)> {
        let path = format!("{path} {}", command.get_name());
        let below: Vec<_> = command.get_subcommands().flat_map(|command| leaves(command, &path)).collect();
        if below.is_empty() { vec![(path.trim().to_owned(), command.clone())] } else { below }
    }

    #[test]
    fn arguments_and_flags_stand_under_the_heading_that_they_belong_to() {
        let plain = [
            "snapshot",
            "policy",
            "machines",
            "format",
            "out",
            "force",
            "inventory",
            "frontier",
            "reassignment",
            "leader_election",
            "brokers",
            "log_dirs",
            "racks",
            "cluster_id",
            "captured_at",
        ];
        let searching = ["seed", "threads", "effort", "time_limit"];
        let mut out = 0;
        for (path, command) in leaves(&Cli::command(), "") {
            for argument in command.get_arguments() {
                let (id, heading) = (argument.get_id().as_str(), argument.get_help_heading());
                // The files of a capture are a heading of their own, and so is what synth makes and what apply carries out.
                let has_own = ["snapshot kafka-cli", "synth", "apply"].iter().any(|own| path.ends_with(own));
                if plain.contains(&id) && (!has_own || ["out", "force", "format"].contains(&id)) {
                    assert_eq!(heading, None, "{path}: {id}");
                }
                if argument.is_positional() {
                    assert_eq!(heading, None, "{path}: {id}");
                }
                if searching.contains(&id) && path != "evenkeel synth" {
                    assert_eq!(heading, Some("Common options"), "{path}: {id}");
                }
                out += usize::from(id == "out");
            }
        }
        assert!(out >= 10, "{out}");
    }
}
