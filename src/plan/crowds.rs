//! Replicas, or leaders, of topics that crowd on brokers while batches are put together: counts and excess, kept step by
//! step. The formulas are the judge's (contract §3).

use std::collections::HashMap;

use super::spread::Spread;
use crate::model::load::has_serving_log_dir;
use crate::model::{BrokerIdx, Goal, Groups, Home, Policy, Snapshot, TopicIdx, band};

/// The counts of one goal: `topic_spread` or `leaders_per_topic`.
pub(super) struct Crowds {
    is_on: bool,
    counts: Spread,
    /// By topic: the most on one broker that is not outside.
    limits: Vec<i64>,
    excess: f64,
    groups: Groups,
    /// By broker: whether anything on it is judged.
    judged: Vec<bool>,
}

impl Crowds {
    /// The snapshot as it stands towards `goal`.
    pub(super) fn new(snapshot: &Snapshot, policy: &Policy, groups: &Groups, goal: Goal) -> Self {
        let judged = |b: BrokerIdx| snapshot.broker(b).state.is_active() && has_serving_log_dir(snapshot, b);
        let mut crowds = Self {
            is_on: policy.bands.is_on(goal),
            counts: Spread::none(),
            limits: Vec::new(),
            excess: 0.0,
            groups: groups.clone(),
            judged: snapshot.broker_indices().map(judged).collect(),
        };
        if crowds.is_on {
            crowds.count(snapshot, policy, goal);
        }
        crowds
    }

    fn count(&mut self, snapshot: &Snapshot, policy: &Policy, goal: Goal) {
        let leaders = goal == Goal::LeadersPerTopic;
        self.counts = Spread::of(snapshot, leaders);
        let homes: HashMap<Home, usize> =
            self.groups.homes().into_iter().map(|home| (home, self.groups.eligible(snapshot, home).len())).collect();
        let limit = |topic: TopicIdx| {
            let brokers = homes.get(&self.groups.home(topic)).copied().unwrap_or(0);
            let limit = if leaders { band::leaders_per_topic } else { band::topic_spread };
            let total = u64::try_from(self.counts.total(topic)).unwrap_or(0);
            i64::try_from(limit(total, brokers, &policy.bands)).unwrap_or(i64::MAX)
        };
        self.limits = (0..snapshot.topics.len()).map(TopicIdx::new).map(limit).collect();
        self.excess = self.counts.iter().map(|(topic, broker, count)| self.beyond(topic, broker, count)).sum();
    }

    /// How far `count` of `topic` on `broker` pass the limit, relative to it.
    fn beyond(&self, topic: TopicIdx, broker: BrokerIdx, count: i64) -> f64 {
        let limit = self.limits[topic.row()];
        let is_judged = || self.judged[broker.row()] && self.groups.admits(self.groups.home(topic), broker);
        if count > limit && is_judged() { (count - limit) as f64 / limit.max(1) as f64 } else { 0.0 }
    }

    /// What `more` of `topic` on `broker` would add to the excess.
    pub(super) fn change(&self, topic: Option<TopicIdx>, broker: BrokerIdx, more: i64) -> f64 {
        let Some(topic) = topic.filter(|_| more != 0 && self.is_on) else { return 0.0 };
        let count = self.counts.count(topic, broker);
        self.beyond(topic, broker, count + more) - self.beyond(topic, broker, count)
    }

    /// Adds `more` of `topic` on `broker`.
    pub(super) fn add(&mut self, topic: Option<TopicIdx>, broker: BrokerIdx, more: i64) {
        self.excess += self.change(topic, broker, more);
        if let Some(topic) = topic.filter(|_| more != 0 && self.is_on) {
            self.counts.add(topic, broker, more);
        }
    }

    /// Summed over all topics and brokers.
    pub(super) fn excess(&self) -> f64 {
        self.excess.max(0.0)
    }
}
