//! What the judge says of a placement: broken rules, bands, movement. Plain figures, for plans and reports alike.

use std::collections::BTreeMap;

use super::goal::{Goal, Rule};

/// How one goal stands in one group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GoalBalance {
    /// Mean, least and greatest over the group's brokers; none for goals that are not compared between brokers.
    pub range: Option<Range>,
    /// Brokers, (topic, broker) pairs or log dirs outside the band.
    pub outside: u64,
    /// Their distance to the band, relative to the mean (the limit for topic spread).
    pub excess: f64,
}

/// Mean, least and greatest of a goal's figure over a group's brokers: utilizations (0–1), loads where a capacity is
/// missing, or counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Range {
    /// Σ load ÷ Σ capacity, or the mean count.
    pub mean: f64,
    /// Least.
    pub min: f64,
    /// Greatest.
    pub max: f64,
}

/// Totals over all groups and goals.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Imbalance {
    /// How many are outside their band.
    pub outside: u64,
    /// Their summed relative distance to it.
    pub excess: f64,
}

/// How a placement stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assessment {
    /// Violations by rule; counts of zero are absent.
    pub hard: BTreeMap<Rule, u64>,
    /// Totals with the leaders as they are.
    pub imbalance: Imbalance,
    /// Totals with every position 0 leading.
    pub if_preferred: Imbalance,
    /// By group name, then goal; goals that are off or cannot be computed are absent.
    pub balance: BTreeMap<String, BTreeMap<Goal, GoalBalance>>,
}

impl Assessment {
    /// The sum of all hard counts.
    #[must_use]
    pub fn hard_total(&self) -> u64 {
        self.hard.values().sum()
    }

    /// The count of one rule.
    #[must_use]
    pub fn hard_count(&self, rule: Rule) -> u64 {
        self.hard.get(&rule).copied().unwrap_or(0)
    }

    /// Excess of all goals but those of log dirs: the objective's second level.
    #[must_use]
    pub fn broker_excess(&self) -> f64 {
        let goals = self.balance.values().flat_map(|goals| goals.iter());
        goals.filter(|(goal, _)| !goal.is_of_log_dirs()).map(|(_, b)| b.excess).sum()
    }
}

/// What something is about: a rule or a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Criterion {
    /// A hard rule.
    Rule(Rule),
    /// A soft goal.
    Goal(Goal),
}

impl Criterion {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.name(),
            Self::Goal(goal) => goal.name(),
        }
    }
}

/// Why something is not as the rules and goals want it, and what would change that.
#[derive(Clone, Debug, PartialEq)]
pub struct Excuse {
    /// A broker, partition, topic, log dir or group, as `broker 5` or `orders-2`.
    pub subject: String,
    /// The rule or goal, where it is about one.
    pub criterion: Option<Criterion>,
    /// The figure that is wrong.
    pub value: Option<f64>,
    /// What it should not pass.
    pub limit: Option<f64>,
    /// Why it is so, in words with numbers.
    pub why: String,
    /// What would fix it.
    pub remedy: String,
}

/// A figure that is absent: what could not be computed is never guessed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// What carrying a placement out copies and changes (contract §5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Movement {
    /// The partition's largest replica for each broker that newly hosts it.
    pub inter_broker_bytes: u64,
    /// Sizes of replicas that change log dir on their broker.
    pub intra_broker_bytes: u64,
    /// Replicas that move between brokers.
    pub replica_moves: u64,
    /// Replicas that move between dirs of their broker.
    pub log_dir_moves: u64,
    /// Partitions whose leader differs.
    pub leader_changes: u64,
    /// Entries of `reassignment.json`.
    pub partitions_changed: u64,
}
