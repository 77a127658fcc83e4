//! Replicas of each topic on each broker, counted only where a topic is large enough to pass its limit.
//!
//! Large topics have a dense row of counts; smaller ones are counted by scanning their slots, which lie side by side.

use super::problem::{NONE, Problem, row};

/// Topics of at most so many slots are counted by scanning: cheaper than a row per broker in memory, and as fast.
const SCAN_SLOTS: u32 = 128;

/// Counts and penalties of topic spread.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    /// Start of each topic's row in `counts`, [`NONE`] where its slots are scanned.
    rows: Vec<u32>,
    counts: Vec<u16>,
    brokers: usize,
    /// Whether each broker is judged.
    judged: Vec<bool>,
    penalty: f64,
    /// The part of `penalty` that no goal may mend: that of frozen topics.
    frozen: f64,
    weight: f64,
    /// Where set, topics are not brought down: so much penalty is taken as given, and only more of it counts.
    given: Option<f64>,
}

impl Spread {
    /// Counts the snapshot.
    pub(crate) fn new(problem: &Problem<'_>) -> Self {
        let brokers = problem.brokers.len();
        let mut spread = Self {
            rows: vec![NONE; problem.topics.len()],
            counts: Vec::new(),
            brokers,
            judged: problem.brokers.iter().map(|b| b.in_band).collect(),
            penalty: 0.0,
            frozen: 0.0,
            weight: problem.policy.weight(crate::model::Goal::TopicSpread),
            given: None,
        };
        for (t, topic) in problem.topics.iter().enumerate() {
            if topic.spread_limit == NONE {
                continue;
            }
            if topic.slots.1 > SCAN_SLOTS {
                spread.rows[t] = row(spread.counts.len() / brokers);
                let start = spread.counts.len();
                spread.counts.resize(start + brokers, 0);
                for s in slots(topic.slots) {
                    spread.counts[start + problem.home_broker[s] as usize] += 1;
                }
            }
        }
        spread.penalty = spread.recounted(problem, &problem.home_broker);
        spread
    }

    /// Replicas of topic `t` on `broker`.
    pub(crate) fn count(&self, problem: &Problem<'_>, slot_broker: &[u32], t: u32, broker: u32) -> u32 {
        let row = self.rows[t as usize];
        if row == NONE {
            let range = slots(problem.topics[t as usize].slots);
            slot_broker[range].iter().map(|&b| u32::from(b == broker)).sum()
        } else {
            u32::from(self.counts[row as usize * self.brokers + broker as usize])
        }
    }

    /// Σ over (topic, broker) pairs of the distance beyond the limit, relative to it, weighted; what frozen topics were
    /// beyond it when [`Self::settle`] was last called left out.
    pub(crate) fn penalty(&self) -> f64 {
        self.counted(self.penalty)
    }

    /// All of the penalty, whatever is taken as given.
    pub(crate) fn total(&self) -> f64 {
        self.penalty
    }

    /// What of `penalty` counts.
    fn counted(&self, penalty: f64) -> f64 {
        let open = penalty - self.frozen;
        self.given.map_or(open, |given| (open - given).max(0.0))
    }

    /// Whether topics are to be brought down to their limits; where not, what is beyond them now is taken as given.
    pub(crate) fn pursue(&mut self, pursued: bool) {
        self.given = (!pursued).then_some(self.penalty - self.frozen);
    }

    /// Takes what frozen topics are beyond their limits as given: called once repairs are done.
    pub(crate) fn settle(&mut self, problem: &Problem<'_>, slot_broker: &[u32]) {
        self.frozen = self.sum(problem, slot_broker, |t| !problem.topics[t as usize].free);
    }

    /// The change of [`Self::penalty`] if a replica of topic `t` went from `from` to `to`.
    pub(crate) fn delta(&self, problem: &Problem<'_>, slot_broker: &[u32], t: u32, from: u32, to: u32) -> f64 {
        let limit = problem.topics[t as usize].spread_limit;
        if limit == NONE || from == to {
            return 0.0;
        }
        let mut delta = 0;
        if self.judges(problem, t, to) {
            delta += i32::from(self.count(problem, slot_broker, t, to) >= limit);
        }
        if self.judges(problem, t, from) {
            delta -= i32::from(self.count(problem, slot_broker, t, from) > limit);
        }
        let delta = self.weight * f64::from(delta) / f64::from(limit);
        if self.given.is_none() { delta } else { self.counted(self.penalty + delta) - self.counted(self.penalty) }
    }

    /// Whether topic `t`'s count on `broker` is judged.
    pub(crate) fn judges(&self, problem: &Problem<'_>, t: u32, broker: u32) -> bool {
        let group = problem.topics[t as usize].group;
        self.judged[broker as usize] && (group == NONE || group == problem.brokers[broker as usize].group)
    }

    /// Follows a replica of topic `t` from `from` to `to`; `slot_broker` already names `to`.
    pub(crate) fn shift(&mut self, problem: &Problem<'_>, slot_broker: &[u32], t: u32, from: u32, to: u32) {
        let limit = problem.topics[t as usize].spread_limit;
        if limit == NONE {
            return;
        }
        let row = self.rows[t as usize];
        if row != NONE {
            let start = row as usize * self.brokers;
            self.counts[start + from as usize] -= 1;
            self.counts[start + to as usize] += 1;
        }
        let mut delta = 0;
        if self.judges(problem, t, to) {
            delta += i32::from(self.count(problem, slot_broker, t, to) > limit);
        }
        if self.judges(problem, t, from) {
            delta -= i32::from(self.count(problem, slot_broker, t, from) >= limit);
        }
        self.penalty += self.weight * f64::from(delta) / f64::from(limit);
    }

    /// Whether counts and penalty are what `slot_broker` says.
    pub(crate) fn agrees(&self, problem: &Problem<'_>, slot_broker: &[u32]) -> bool {
        (self.recounted(problem, slot_broker) - self.penalty).abs() < 1e-6
    }

    /// The part of the penalty that goals may mend: that of topics which are not frozen.
    pub(crate) fn mendable(&self, problem: &Problem<'_>, slot_broker: &[u32]) -> f64 {
        if self.penalty <= 0.0 {
            return 0.0;
        }
        self.sum(problem, slot_broker, |t| problem.topics[t as usize].free)
    }

    fn recounted(&self, problem: &Problem<'_>, slot_broker: &[u32]) -> f64 {
        self.sum(problem, slot_broker, |_| true)
    }

    fn sum(&self, problem: &Problem<'_>, slot_broker: &[u32], counted: impl Fn(u32) -> bool) -> f64 {
        let mut counts = vec![0_u32; self.brokers];
        let mut penalty = 0.0;
        for (t, topic) in problem.topics.iter().enumerate().filter(|(_, topic)| topic.spread_limit != NONE) {
            if !counted(row(t)) {
                continue;
            }
            slots(topic.slots).for_each(|s| counts[slot_broker[s] as usize] += 1);
            for s in slots(topic.slots) {
                let broker = slot_broker[s];
                let count = std::mem::take(&mut counts[broker as usize]);
                if count > topic.spread_limit && self.judges(problem, row(t), broker) {
                    penalty += f64::from(count - topic.spread_limit) / f64::from(topic.spread_limit);
                }
            }
        }
        penalty * self.weight
    }
}

/// A topic's slots as a range.
fn slots((first, count): (u32, u32)) -> std::ops::Range<usize> {
    first as usize..(first + count) as usize
}
