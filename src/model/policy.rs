//! What the operator wants: limits, bands, weights, exceptions and budgets, fully resolved.
//!
//! Files and flags are merged into this once (by `ingest::policy` and `cli`); nothing downstream meets a half-default.

use std::collections::{BTreeMap, BTreeSet};

use super::goal::Goal;
use super::index::{BrokerIdx, PartitionIdx};
use super::scope::Scope;
use super::snapshot::Snapshot;

/// Hard limits: utilizations are fractions of capacity. Defaults: contract §3, which takes Cruise Control's.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Of a broker's online disk capacity.
    pub disk: f64,
    /// Of a broker's inbound network capacity.
    pub network_in: f64,
    /// Of a broker's outbound network capacity.
    pub network_out: f64,
    /// Of a broker's cores.
    pub cpu: f64,
    /// Of a log dir's capacity.
    pub log_dir: f64,
    /// Replicas on one broker.
    pub replicas_per_broker: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { disk: 0.80, network_in: 0.80, network_out: 0.80, cpu: 0.70, log_dir: 0.80, replicas_per_broker: 10_000 }
    }
}

/// Soft bands: fractions of the mean on either side; 0 switches a goal off.
#[derive(Clone, Debug, PartialEq)]
pub struct Bands {
    /// Disk utilization.
    pub disk: f64,
    /// Inbound network utilization.
    pub network_in: f64,
    /// Outbound network utilization.
    pub network_out: f64,
    /// CPU utilization.
    pub cpu: f64,
    /// Replica counts.
    pub replicas: f64,
    /// Leader counts.
    pub leaders: f64,
    /// Replicas of a topic on a broker beyond the mean, as a fraction of it.
    pub topic_spread: f64,
    /// The least that `topic_spread` allows beyond the mean, in replicas.
    pub topic_spread_slack: u32,
    /// A log dir's utilization beyond its broker's mean, as a fraction of it.
    pub log_dir: f64,
    /// The utilization up to which a log dir is never called unbalanced.
    pub log_dir_floor: f64,
    /// Write utilization of a broker's disks; off by default.
    pub disk_writes: f64,
    /// A log dir's write utilization beyond its broker's mean, as a fraction of it; off by default.
    pub log_dir_writes: f64,
    /// Leaders of a topic on a broker beyond the mean, as a fraction of it; off by default.
    pub leaders_per_topic: f64,
    /// The least that `leaders_per_topic` allows beyond the mean, in leaders.
    pub leaders_per_topic_slack: u32,
    /// The most brokers that a broker shares partitions with, a whole number; off by default.
    pub scatter_width: f64,
}

impl Default for Bands {
    fn default() -> Self {
        Self {
            disk: 0.10,
            network_in: 0.10,
            network_out: 0.10,
            cpu: 0.10,
            replicas: 0.10,
            leaders: 0.10,
            topic_spread: 0.5,
            topic_spread_slack: 2,
            log_dir: 0.30,
            log_dir_floor: 0.50,
            disk_writes: 0.0,
            log_dir_writes: 0.0,
            leaders_per_topic: 0.0,
            leaders_per_topic_slack: 1,
            scatter_width: 0.0,
        }
    }
}

impl Bands {
    /// The band of `goal`; 0 where it is switched off.
    #[must_use]
    pub fn of(&self, goal: Goal) -> f64 {
        match goal {
            Goal::Disk => self.disk,
            Goal::NetworkIn => self.network_in,
            Goal::NetworkOut => self.network_out,
            Goal::Cpu => self.cpu,
            Goal::Replicas => self.replicas,
            Goal::Leaders => self.leaders,
            Goal::TopicSpread => self.topic_spread,
            Goal::LogDir => self.log_dir,
            Goal::DiskWrites => self.disk_writes,
            Goal::LogDirWrites => self.log_dir_writes,
            Goal::LeadersPerTopic => self.leaders_per_topic,
            Goal::ScatterWidth => self.scatter_width,
        }
    }

    /// The goals that a policy speaks of: all but the optional ones that it leaves off.
    pub fn spoken_of(&self) -> impl Iterator<Item = Goal> + '_ {
        Goal::ALL.into_iter().filter(|goal| !goal.is_optional() || self.is_on(*goal))
    }

    /// Whether `goal` is pursued and reported.
    #[must_use]
    pub fn is_on(&self, goal: Goal) -> bool {
        self.of(goal) > 0.0
    }

    /// Mutable access by goal, for policy files and flags.
    pub fn of_mut(&mut self, goal: Goal) -> &mut f64 {
        match goal {
            Goal::Disk => &mut self.disk,
            Goal::NetworkIn => &mut self.network_in,
            Goal::NetworkOut => &mut self.network_out,
            Goal::Cpu => &mut self.cpu,
            Goal::Replicas => &mut self.replicas,
            Goal::Leaders => &mut self.leaders,
            Goal::TopicSpread => &mut self.topic_spread,
            Goal::LogDir => &mut self.log_dir,
            Goal::DiskWrites => &mut self.disk_writes,
            Goal::LogDirWrites => &mut self.log_dir_writes,
            Goal::LeadersPerTopic => &mut self.leaders_per_topic,
            Goal::ScatterWidth => &mut self.scatter_width,
        }
    }
}

/// How much may move; `None` is "unlimited".
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Budget {
    /// Bytes copied between brokers.
    pub max_moved_bytes: Option<u64>,
    /// Bytes copied between brokers, as a share of the bytes that the cluster's replicas hold; with `max_moved_bytes`
    /// set too, the lesser counts.
    pub max_moved_share: Option<f64>,
    /// Replica movements between brokers.
    pub max_moves: Option<u64>,
}

impl Budget {
    /// The bytes that a plan for `snapshot` may copy between brokers; `None` is "unlimited".
    #[must_use]
    pub fn moved_bytes_max(&self, snapshot: &Snapshot) -> Option<u64> {
        let resident_bytes = || snapshot.replicas.iter().map(|r| r.size_bytes as f64).sum::<f64>();
        let share = self.max_moved_share.map(|share| (resident_bytes() * share) as u64);
        [self.max_moved_bytes, share].into_iter().flatten().min()
    }
}

/// A topic-partition by name, as policies and other tools' files give it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// Topic name.
    pub topic: String,
    /// Partition number.
    pub partition: u32,
}

/// What may be done to a topic's partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freedom {
    /// Anything that serves a rule or a goal.
    Free,
    /// Only what repairs a hard rule.
    RepairOnly,
    /// Nothing: no entry ever.
    Fixed,
}

/// What the operator wants, fully resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The group of topics that name none; where empty they may sit on any grouped broker.
    pub default_group: Option<String>,
    /// How much more than the least found excess is as good as the least.
    pub excess_tolerance: f64,
    /// Hard limits.
    pub limits: Limits,
    /// Limits that the search keeps in a group, by its name, in place of `limits`. They are the search's alone: rules are
    /// judged by `limits`, so that none here may be wider.
    pub group_limits: BTreeMap<String, Limits>,
    /// Soft bands.
    pub bands: Bands,
    /// A goal causes copies in a group only once some broker is so far from the mean, as a share of it; then it aims at
    /// its band. Missing = the band; infinite = never. For `topic_spread` and `log_dir`, what takes the band's place.
    pub triggers: BTreeMap<Goal, f64>,
    /// The utilization that some broker of a group must reach before a goal causes copies there; missing = 0.
    pub floors: BTreeMap<Goal, f64>,
    /// Weights of goals in the search, missing = 1; reported figures are never weighted.
    pub weights: BTreeMap<Goal, f64>,
    /// Patterns of topics that get no entry ever.
    pub exclude: Vec<TopicPattern>,
    /// Patterns of topics that move only to repair a hard rule.
    pub frozen: Vec<TopicPattern>,
    /// Where set, only topics that match one of these get entries.
    pub only: Option<Vec<TopicPattern>>,
    /// Ids of brokers that receive nothing.
    pub no_receive: BTreeSet<i32>,
    /// Brokers (ids) that must keep a replica of a partition.
    pub pin: BTreeMap<TopicPartition, Vec<i32>>,
    /// How much may move.
    pub budget: Budget,
    /// What this run is confined to.
    pub scope: Scope,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            default_group: None,
            excess_tolerance: 0.02,
            limits: Limits::default(),
            group_limits: BTreeMap::new(),
            bands: Bands::default(),
            triggers: BTreeMap::new(),
            floors: BTreeMap::new(),
            weights: BTreeMap::new(),
            exclude: Vec::new(),
            frozen: ["__consumer_offsets", "__transaction_state"].map(TopicPattern::literal).to_vec(),
            only: None,
            no_receive: BTreeSet::new(),
            pin: BTreeMap::new(),
            budget: Budget::default(),
            scope: Scope::default(),
        }
    }
}

impl Policy {
    /// The weight of `goal` in the search.
    #[must_use]
    pub fn weight(&self, goal: Goal) -> f64 {
        self.weights.get(&goal).copied().unwrap_or(1.0)
    }

    /// How far from the mean some broker must be before `goal` causes copies; the band where no trigger is set.
    #[must_use]
    pub fn trigger(&self, goal: Goal) -> f64 {
        let band = self.bands.of(goal);
        self.triggers.get(&goal).map_or(band, |trigger| trigger.max(band))
    }

    /// What may be done to the partitions of the topic called `name`, by patterns alone.
    #[must_use]
    pub fn freedom(&self, name: &str) -> Freedom {
        let any = |patterns: &[TopicPattern]| patterns.iter().any(|p| p.matches(name));
        if any(&self.exclude) || self.only.as_ref().is_some_and(|only| !any(only)) {
            Freedom::Fixed
        } else if any(&self.frozen) {
            Freedom::RepairOnly
        } else {
            Freedom::Free
        }
    }

    /// Brokers of `snapshot` that must keep a replica of `partition`.
    #[must_use]
    pub fn pinned(&self, snapshot: &Snapshot, partition: PartitionIdx) -> Vec<BrokerIdx> {
        if self.pin.is_empty() {
            return Vec::new();
        }
        let p = snapshot.partition(partition);
        let key = TopicPartition { topic: snapshot.topic(p.topic).name.clone(), partition: p.number };
        let ids = self.pin.get(&key).map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|&id| snapshot.broker_by_id(id)).collect()
    }
}

/// A glob over topic names: `*` any run, `?` any character, `[…]` a class, `{a,b}` alternatives.
#[derive(Clone, Debug)]
pub struct TopicPattern {
    text: String,
    /// None where the text has no special character: it is compared as it is.
    glob: Option<globset::GlobMatcher>,
}

impl TopicPattern {
    /// Compiles `text`.
    ///
    /// # Errors
    /// What is wrong with the pattern, in words.
    pub fn new(text: &str) -> Result<Self, String> {
        if !text.contains(['*', '?', '[', ']', '{', '}', '\\']) {
            return Ok(Self::literal(text));
        }
        let glob = globset::Glob::new(text).map_err(|e| e.kind().to_string())?;
        Ok(Self { text: text.to_owned(), glob: Some(glob.compile_matcher()) })
    }

    /// A pattern that matches `name` alone.
    #[must_use]
    pub fn literal(name: &str) -> Self {
        Self { text: name.to_owned(), glob: None }
    }

    /// Whether the topic called `name` is meant.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.glob.as_ref().map_or(self.text == name, |glob| glob.is_match(name))
    }

    /// The pattern as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl PartialEq for TopicPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
