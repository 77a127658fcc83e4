//! Advice: settings that the snapshot gives reason to change, each with its source and with when it does not hold.
//!
//! Input: a snapshot, clients, settings in force. Output: findings. What a snapshot cannot know (settings, hosts) is
//! absent and named; no finding is made of what is as advised already.

pub mod brokers;
mod in_force;
pub mod linux;
pub mod quotas;
pub mod topics;

use super::NotEvaluated;

/// A setting's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A whole number.
    Number(u64),
    /// Anything else.
    Text(String),
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// One setting to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Kafka's name of the setting, or the system's.
    pub setting: &'static str,
    /// Whose: `broker 3`, `topic orders`, `user etl`.
    pub subject: String,
    /// What it is; none where that is not known.
    pub now: Option<Value>,
    /// What it should be.
    pub advised: Value,
    /// Why, with the figures.
    pub why: String,
    /// When the advice does not hold; empty where it always does.
    pub unless: String,
    /// Who says so.
    pub source: &'static str,
    /// How to change it; none where no one command does.
    pub command: Option<String>,
}

/// What is advised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// What to change.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub not_evaluated: Vec<NotEvaluated>,
}

impl Advice {
    fn absent(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.not_evaluated.push(NotEvaluated::new(what, why));
    }
}

/// Where the tools find the cluster; the operator fills it in.
const BOOTSTRAP: &str = "--bootstrap-server \"$BOOTSTRAP\"";

/// `text` as one word of a shell's command line.
#[must_use]
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_a_command() {
        assert_eq!(quoted("etl-1"), "etl-1");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("x'; rm -rf /"), "'x'\\''; rm -rf /'");
        assert_eq!(quoted(""), "''");
    }
}
