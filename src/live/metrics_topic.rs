//! Cruise Control's metrics topic of a running cluster. Input: a connection and how far back to look. Output: what the
//! metrics reporters wrote, as ingestion takes it.

use std::time::Duration;

use super::admin::Answer;
use super::connection::Connection;
use super::surroundings::Surroundings;
use crate::ingest::kafka_cli::reporter::Reported;

/// Brokers' clocks may be so much ahead of ours, and a report be made while the topic is read.
const CLOCKS_APART_SECONDS: f64 = 60.0;

/// Reads the records of the last `window`; `progress` is told the share that is read (0–1).
///
/// # Errors
/// There is no such topic, it may not be read, or nobody answered.
pub fn reported(
    connection: &Connection,
    topic: &str,
    window: Duration,
    surroundings: &dyn Surroundings,
    progress: &dyn Fn(f64),
) -> Answer<Reported> {
    let millis = |seconds: f64| (seconds.max(0.0) * 1_000.0) as i64;
    let now = surroundings.unix_seconds();
    let since_ms = millis(now - window.as_secs_f64());
    let mut reported = Reported::within(since_ms, millis(now + CLOCKS_APART_SECONDS));
    connection.tail(topic, since_ms, &mut |bytes| reported.take(bytes), progress)?;
    Ok(reported)
}
