//! How the cluster stands after each batch, counted anew only where the batch changed something.
//!
//! Input: the snapshot, then the simulated state after each batch with the partitions that changed. Output: a [`Stand`]
//! for each. Formulas are those of [`assess`](super::assess); what does not depend on a changed partition is kept, so
//! that a batch costs what it changes and the brokers, whatever the size of the cluster.

use std::collections::{BTreeMap, HashMap};

use super::assess::load_excess;
use super::hard::{Racks, broker_violations, partition_violations};
use super::scatter::Meetings;
use super::shared::{Limit, beyond};
use super::state::State;
use super::usage::Usage;
use crate::model::load::{has_serving_log_dir, unjudged};
use crate::model::{
    BrokerIdx, Goal, Groups, Home, PartitionIdx, Policy, Rule, Seat, Snapshot, TopicIdx, band, placement::Placement,
};

/// Violations and excess after a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Stand {
    /// Violations by rule; counts of zero are absent.
    pub(super) hard: BTreeMap<Rule, u64>,
    /// Summed over all groups and goals.
    pub(super) excess: f64,
}

impl Stand {
    /// The sum of all hard counts.
    pub(super) fn hard_total(&self) -> u64 {
        self.hard.values().sum()
    }
}

/// The cluster as the batches so far leave it.
pub(super) struct Walk<'a> {
    snapshot: &'a Snapshot,
    policy: &'a Policy,
    groups: Groups,
    racks: Racks,
    usage: Usage,
    /// What `usage` and the counts stand for.
    state: State<'a>,
    /// Violations of rules about partitions and replicas.
    partition_rules: BTreeMap<Rule, u64>,
    /// By home: its eligible brokers, none where topics are not judged. Looked up, never iterated.
    eligible: HashMap<Home, Option<usize>>,
    /// The goals about topics that are on.
    crowds: Vec<Crowd>,
    /// Who shares partitions with whom.
    meetings: Meetings,
}

/// What brokers have of each topic: replicas, or leaders.
struct Crowd {
    goal: Goal,
    limit: Limit,
    /// By topic: how many by broker.
    counts: Vec<BTreeMap<BrokerIdx, u64>>,
    excess: f64,
}

impl Crowd {
    /// Adds a partition's replicas or leader, or takes them away again.
    fn count(&mut self, topic: TopicIdx, seats: &[Seat], leader: Option<BrokerIdx>, is_gone: bool) {
        let leads = self.goal == Goal::LeadersPerTopic;
        let hosts = seats.iter().map(|seat| seat.broker).filter(|_| !leads).chain(leader.filter(|_| leads));
        let counts = &mut self.counts[topic.row()];
        for broker in hosts {
            let count = counts.entry(broker).or_insert(0);
            *count = if is_gone { count.saturating_sub(1) } else { *count + 1 };
        }
    }
}

impl<'a> Walk<'a> {
    /// The snapshot as it stands.
    pub(super) fn new(snapshot: &'a Snapshot, policy: &'a Policy) -> Self {
        let groups = Groups::new(snapshot, policy);
        let judged = |home| {
            let eligible = groups.eligible(snapshot, home);
            eligible.iter().any(|&b| has_serving_log_dir(snapshot, b)).then_some(eligible.len())
        };
        let goals = [
            (Goal::TopicSpread, band::topic_spread as Limit),
            (Goal::LeadersPerTopic, band::leaders_per_topic as Limit),
        ];
        let crowds = goals.into_iter().filter(|(goal, _)| policy.bands.is_on(*goal)).map(|(goal, limit)| Crowd {
            goal,
            limit,
            counts: vec![BTreeMap::new(); snapshot.topics.len()],
            excess: 0.0,
        });
        let mut walk = Self {
            snapshot,
            policy,
            racks: Racks::new(snapshot, &groups),
            usage: Usage::of(snapshot, &Placement::of(snapshot)),
            state: State::of(snapshot),
            partition_rules: BTreeMap::new(),
            eligible: groups.homes().into_iter().map(|home| (home, judged(home))).collect(),
            crowds: crowds.collect(),
            meetings: Meetings::new(snapshot, policy),
            groups,
        };
        for p in snapshot.partition_indices() {
            let seats = walk.state.seats(p);
            walk.count_rules(p, &seats, false);
            walk.meetings.count(&seats, false);
            let (topic, leader) = (snapshot.partition(p).topic, walk.state.leader(p));
            walk.crowds.iter_mut().for_each(|crowd| crowd.count(topic, &seats, leader, false));
        }
        let topics: Vec<TopicIdx> = (0..snapshot.topics.len()).map(TopicIdx::new).collect();
        let excesses = walk.topic_excesses(&topics);
        walk.crowds.iter_mut().zip(excesses).for_each(|(crowd, excess)| crowd.excess = excess);
        walk
    }

    /// Takes in what became of `changed`; nothing else may differ from what was followed before.
    pub(super) fn follow(&mut self, state: &State<'a>, changed: impl Iterator<Item = PartitionIdx>) {
        let mut changed: Vec<PartitionIdx> = changed.collect();
        changed.sort_unstable();
        changed.dedup();
        let mut topics: Vec<TopicIdx> = changed.iter().map(|p| self.snapshot.partition(*p).topic).collect();
        topics.dedup();
        let before = self.topic_excesses(&topics);
        for p in changed {
            let (old, new) = (self.state.seats(p), state.seats(p));
            self.usage.shift(self.snapshot, p, &old, self.state.leader(p), true);
            self.usage.shift(self.snapshot, p, &new, state.leader(p), false);
            self.count_rules(p, &old, true);
            self.count_rules(p, &new, false);
            self.meetings.count(&old, true);
            self.meetings.count(&new, false);
            let (topic, leaders) = (self.snapshot.partition(p).topic, (self.state.leader(p), state.leader(p)));
            for crowd in &mut self.crowds {
                crowd.count(topic, &old, leaders.0, true);
                crowd.count(topic, &new, leaders.1, false);
            }
            self.state.take_over(state, p);
        }
        let after = self.topic_excesses(&topics);
        for (crowd, (before, after)) in self.crowds.iter_mut().zip(before.into_iter().zip(after)) {
            crowd.excess += after - before;
        }
    }

    /// How it stands now.
    pub(super) fn stand(&self) -> Stand {
        let mut hard = self.partition_rules.clone();
        for broker in self.snapshot.broker_indices().filter(|&b| self.snapshot.broker(b).state.is_active()) {
            let count = &mut |v: super::hard::Violation| *hard.entry(v.rule).or_insert(0) += 1;
            broker_violations(self.snapshot, self.policy, &self.usage, broker, count);
        }
        hard.retain(|_, count| *count > 0);
        let excess = load_excess(self.snapshot, self.policy, &self.groups, &self.usage);
        let crowded: f64 = self.crowds.iter().map(|crowd| crowd.excess.max(0.0)).sum();
        Stand { hard, excess: excess + crowded + self.meetings.excess(self.snapshot, &self.groups) }
    }

    fn count_rules(&mut self, p: PartitionIdx, seats: &[Seat], is_gone: bool) {
        if unjudged(self.snapshot, p).is_some() {
            return;
        }
        let counts = &mut self.partition_rules;
        partition_violations(self.snapshot, &self.groups, &self.racks, p, seats, &mut |violation| {
            let count = counts.entry(violation.rule).or_insert(0);
            *count = if is_gone { count.saturating_sub(1) } else { *count + 1 };
        });
    }

    /// What `topics` add to the excess of each goal about topics.
    fn topic_excesses(&self, topics: &[TopicIdx]) -> Vec<f64> {
        self.crowds.iter().map(|crowd| topics.iter().map(|topic| self.topic_excess(crowd, *topic)).sum()).collect()
    }

    fn topic_excess(&self, crowd: &Crowd, topic: TopicIdx) -> f64 {
        let home = self.groups.home(topic);
        let Some(eligible) = self.eligible.get(&home).copied().flatten() else { return 0.0 };
        let counts = &crowd.counts[topic.row()];
        let limit = (crowd.limit)(counts.values().sum(), eligible, &self.policy.bands);
        counts.iter().filter_map(|(&b, &n)| beyond(self.snapshot, &self.groups, home, (b, n), limit)).sum()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::ingest::{SynthFaults, SynthSpec, synthesize};
    use crate::verify::assess;
    use crate::verify::state::Wish;

    #[test]
    fn what_is_kept_up_batch_by_batch_is_what_is_counted_anew() {
        let faults = SynthFaults { draining: 1, offline_dirs: 1, rack_violations: 3, ..SynthFaults::default() };
        let spec = SynthSpec {
            brokers: 9,
            partitions: 200,
            topics: Some(7),
            racks: 3,
            log_dirs: 2,
            drift: 0.9,
            faults,
            seed: 4,
            ..SynthSpec::default()
        };
        let snapshot = synthesize(&spec).unwrap();
        let mut policy = Policy::default();
        policy.bands.leaders_per_topic = 0.25;
        policy.bands.scatter_width = 6.0;
        let mut walk = Walk::new(&snapshot, &policy);
        let mut state = State::of(&snapshot);
        let mut stands = Vec::new();
        for batch in 0..12_usize {
            let changed: Vec<PartitionIdx> =
                snapshot.partition_indices().filter(|p| p.row() % 12 == batch || p.row() % 31 == batch).collect();
            for &p in &changed {
                let mut seats = state.seats(p);
                let broker = BrokerIdx::new((p.row() * 7 + batch) % snapshot.brokers.len());
                let dir = snapshot.broker(broker).log_dir_rows().next().map(crate::model::LogDirIdx::new);
                if p.row() % 3 == 0 {
                    seats.rotate_left(1);
                } else if !seats.iter().any(|seat| seat.broker == broker) {
                    seats[0] = Seat { broker, log_dir: dir };
                }
                let wishes: Vec<Wish> = seats.iter().map(|s| Wish { broker: s.broker, log_dir: s.log_dir }).collect();
                state.reassign(p, &wishes);
                if p.row() % 2 == 0 {
                    state.elect(p);
                }
            }
            walk.follow(&state, changed.into_iter());
            let (kept, anew) = (walk.stand(), assess(&snapshot, &policy, &state.placement()));
            assert_eq!(kept.hard, anew.hard, "after batch {batch}");
            assert!((kept.excess - anew.imbalance.excess).abs() < 1e-9, "{} {:?}", kept.excess, anew.imbalance);
            stands.push(kept);
        }
        assert!(stands.windows(2).all(|pair| pair[0] != pair[1]), "every batch changes something");
        assert!(stands.iter().any(|stand| stand.hard_total() > 0));
    }
}
