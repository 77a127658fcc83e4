//! Flags that say how fast and in how large steps a plan is to be carried out; for every command that writes a plan.

use std::time::Duration;

use super::common::{EndOfHeading, parse_duration};
use super::exit::CliError;
use crate::ingest::policy::parse_bytes;
use crate::plan::{LEADER_CHANGES_MAX, Pacing};

/// Steps and throttle of a plan.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Batches and throttle")]
pub struct PaceArgs {
    /// Bytes per second in and out of each broker, e.g. 50MiB [default: from network headroom]
    #[arg(long, value_name = "BYTES/s", value_parser = parse_rate, conflicts_with = "deadline")]
    throttle: Option<u64>,
    /// Find the least throttle with which nine of ten runs end in time, e.g. 6h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    deadline: Option<Duration>,
    /// No batch takes longer at its throttle, e.g. 30m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    batch_duration: Option<Duration>,
    /// No batch copies more, e.g. 500GiB
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    batch_bytes: Option<u64>,
    /// Replicas that a broker sends, and that it receives, in one batch
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_concurrent_moves_per_broker: Option<u32>,
    /// The same for all brokers of a rack together
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_concurrent_moves_per_rack: Option<u32>,
    /// Leaders that change in one batch
    #[arg(long, value_name = "N", default_value_t = LEADER_CHANGES_MAX, value_parser = clap::value_parser!(u32).range(1..))]
    max_leader_changes: u32,
    /// Copy several replicas of a partition in one batch
    #[arg(long)]
    replicas_together: bool,
    #[command(flatten)]
    end: EndOfHeading,
}

impl PaceArgs {
    /// What the flags ask for.
    ///
    /// # Errors
    /// A rate, size or duration of zero.
    pub fn pacing(&self) -> Result<Pacing, CliError> {
        let zero = |flag: &str| CliError::Usage(format!("{flag} must be above zero"));
        for (flag, duration) in [("--deadline", self.deadline), ("--batch-duration", self.batch_duration)] {
            if duration.is_some_and(|duration| duration.is_zero()) {
                return Err(zero(flag));
            }
        }
        for (flag, bytes) in [("--throttle", self.throttle), ("--batch-bytes", self.batch_bytes)] {
            if bytes == Some(0) {
                return Err(zero(flag));
            }
        }
        Ok(Pacing {
            throttle_bytes_per_sec: self.throttle,
            batch_seconds: self.batch_duration.map(|duration| duration.as_secs_f64()),
            batch_bytes: self.batch_bytes,
            deadline_seconds: self.deadline.map(|duration| duration.as_secs_f64()),
            moves_per_broker_max: self.max_concurrent_moves_per_broker,
            moves_per_rack_max: self.max_concurrent_moves_per_rack,
            leader_changes_max: self.max_leader_changes,
            is_one_replica_at_a_time: !self.replicas_together,
        })
    }
}

/// Reads a rate such as `50MiB`, `50MiB/s` or plain bytes per second.
fn parse_rate(text: &str) -> Result<u64, String> {
    parse_bytes(text.trim().trim_end_matches("/s"))
}
