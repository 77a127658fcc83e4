//! Replicas, or leaders, of each topic on each broker, counted only where a topic is large enough to pass its limit.
//!
//! Large topics have a dense row of counts; smaller ones are counted by scanning their slots, which lie side by side.
//! Leaders have a row each.

use super::problem::{NONE, Problem, TopicFacts, row};
use super::state::NO_LEADER;
use crate::model::Goal;

/// Topics of at most so many slots are counted by scanning: cheaper than a row per broker in memory, and as fast.
const SCAN_SLOTS: u32 = 128;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// Replicas: `topic_spread`.
    Replicas,
    /// Leaders: `leaders_per_topic`.
    Leaders,
}

impl Of {
    fn goal(self) -> Goal {
        match self {
            Self::Replicas => Goal::TopicSpread,
            Self::Leaders => Goal::LeadersPerTopic,
        }
    }

    /// The most on one broker; [`NONE`] where no placement can pass it or the goal is off.
    fn limit(self, topic: &TopicFacts) -> u32 {
        match self {
            Self::Replicas => topic.spread_limit,
            Self::Leaders => topic.leader_limit,
        }
    }
}

/// Where replicas sit and who leads: each slot's broker, each partition's leading slot as an offset.
#[derive(Clone, Copy)]
pub(crate) struct Seats<'a> {
    pub(crate) broker: &'a [u32],
    pub(crate) leader: &'a [u16],
}

/// Counts and penalties of topics on brokers.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    of: Of,
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
    pub(crate) fn new(problem: &Problem<'_>, of: Of, seats: Seats<'_>) -> Self {
        let brokers = problem.brokers.len();
        let mut spread = Self {
            of,
            rows: vec![NONE; problem.topics.len()],
            counts: Vec::new(),
            brokers,
            judged: problem.brokers.iter().map(|b| b.in_band).collect(),
            penalty: 0.0,
            frozen: 0.0,
            weight: problem.policy.weight(of.goal()),
            given: None,
        };
        for (t, topic) in problem.topics.iter().enumerate() {
            if of.limit(topic) == NONE {
                continue;
            }
            if topic.slots.1 > SCAN_SLOTS || of == Of::Leaders {
                spread.rows[t] = row(spread.counts.len() / brokers);
                let start = spread.counts.len();
                spread.counts.resize(start + brokers, 0);
                each(problem, of, seats, row(t), |broker| spread.counts[start + broker as usize] += 1);
            }
        }
        spread.penalty = spread.recounted(problem, seats);
        spread
    }

    /// Replicas of topic `t` on `broker`.
    pub(crate) fn count(&self, problem: &Problem<'_>, slot_broker: &[u32], t: u32, broker: u32) -> u32 {
        debug_assert!(self.of == Of::Replicas || self.rows[t as usize] != NONE, "leaders are not scanned");
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
    pub(crate) fn settle(&mut self, problem: &Problem<'_>, seats: Seats<'_>) {
        self.frozen = self.sum(problem, seats, |t| !problem.topics[t as usize].free);
    }

    /// The change of [`Self::penalty`] if a replica of topic `t` went from `from` to `to`.
    pub(crate) fn delta(&self, problem: &Problem<'_>, slot_broker: &[u32], t: u32, from: u32, to: u32) -> f64 {
        let limit = self.limit(problem, t);
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

    /// The most of topic `t` on one broker; [`NONE`] where no placement can pass it or the goal is off.
    pub(crate) fn limit(&self, problem: &Problem<'_>, t: u32) -> u32 {
        self.of.limit(&problem.topics[t as usize])
    }

    /// Whether topic `t` has more on `broker` than its limit.
    pub(crate) fn crowds(&self, problem: &Problem<'_>, slot_broker: &[u32], t: u32, broker: u32) -> bool {
        self.judges(problem, t, broker) && self.count(problem, slot_broker, t, broker) > self.limit(problem, t)
    }

    /// Whether topic `t`'s count on `broker` is judged.
    pub(crate) fn judges(&self, problem: &Problem<'_>, t: u32, broker: u32) -> bool {
        let group = problem.topics[t as usize].group;
        self.judged[broker as usize] && (group == NONE || group == problem.brokers[broker as usize].group)
    }

    /// Follows a replica of topic `t` from `from` to `to`; `slot_broker` already names `to`.
    pub(crate) fn shift(&mut self, problem: &Problem<'_>, slot_broker: &[u32], t: u32, from: u32, to: u32) {
        let limit = self.limit(problem, t);
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

    /// Whether the penalty is what `seats` say.
    pub(crate) fn agrees(&self, problem: &Problem<'_>, seats: Seats<'_>) -> bool {
        (self.recounted(problem, seats) - self.penalty).abs() < 1e-6
    }

    /// The part of the penalty that goals may mend: that of topics which are not frozen.
    pub(crate) fn mendable(&self, problem: &Problem<'_>, seats: Seats<'_>) -> f64 {
        if self.penalty <= 0.0 {
            return 0.0;
        }
        self.sum(problem, seats, |t| problem.topics[t as usize].free)
    }

    fn recounted(&self, problem: &Problem<'_>, seats: Seats<'_>) -> f64 {
        self.sum(problem, seats, |_| true)
    }

    fn sum(&self, problem: &Problem<'_>, seats: Seats<'_>, counted: impl Fn(u32) -> bool) -> f64 {
        let mut counts = vec![0_u32; self.brokers];
        let mut penalty = 0.0;
        for t in (0..row(problem.topics.len())).filter(|&t| self.limit(problem, t) != NONE && counted(t)) {
            let limit = self.limit(problem, t);
            each(problem, self.of, seats, t, |broker| counts[broker as usize] += 1);
            each(problem, self.of, seats, t, |broker| {
                // Taken once: the broker's next one finds nothing.
                let count = std::mem::take(&mut counts[broker as usize]);
                if count > limit && self.judges(problem, t, broker) {
                    penalty += f64::from(count - limit) / f64::from(limit);
                }
            });
        }
        penalty * self.weight
    }
}

/// Tells `tell` the broker of each replica, or leader, of topic `t`.
fn each(problem: &Problem<'_>, of: Of, seats: Seats<'_>, t: u32, mut tell: impl FnMut(u32)) {
    if of == Of::Replicas {
        return slots(problem.topics[t as usize].slots).for_each(|s| tell(seats.broker[s]));
    }
    for p in problem.snapshot.topics[t as usize].partition_rows() {
        let offset = seats.leader[p];
        if offset != NO_LEADER {
            tell(seats.broker[problem.partitions[p].first_slot as usize + usize::from(offset)]);
        }
    }
}

/// A topic's slots as a range.
fn slots((first, count): (u32, u32)) -> std::ops::Range<usize> {
    first as usize..(first + count) as usize
}
