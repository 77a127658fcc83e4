//! What could not be computed, and why: the entry that stands beside every figure that is absent.

use crate::model::{BrokerIdx, Snapshot};

/// A figure that is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotEvaluated {
    /// The figure, as a path of the JSON output: `headroom.core.cpu`.
    pub what: String,
    /// What is missing for it.
    pub why: String,
}

impl NotEvaluated {
    /// `what` is absent because of `why`.
    #[must_use]
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}

/// Brokers named in a reason; more would hide the reason.
const NAMED: usize = 5;

/// `broker 3`, `brokers 3, 4`, `brokers 1, 2, 3, 4, 5 and 7 more`.
#[must_use]
pub fn broker_list(snapshot: &Snapshot, brokers: &[BrokerIdx]) -> String {
    let ids: Vec<String> = brokers.iter().take(NAMED).map(|&b| snapshot.broker(b).id.to_string()).collect();
    let more = match brokers.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("broker{} {}{more}", if brokers.len() == 1 { "" } else { "s" }, ids.join(", "))
}
