//! Hard rules and excess while batches are put together, kept step by step.
//!
//! Input: what one partition's step changes. Output: what it adds to the counts and the excess, and how the cluster
//! stands after any number of steps. Formulas and usage are the judge's own; only what a step touches is counted anew.
//! Within a batch the bands stay where they were at its start; `Ledger::standing` sets them anew, so that what is
//! said of a finished batch is exact.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::change::Held;
use super::crowds::Crowds;
use super::pairs::Pairs;
use crate::model::load::{capacity, cores_per_work, unjudged, write_amplification};
use crate::model::{
    BrokerIdx, Goal, Groups, Loads, LogDirIdx, PartitionIdx, Placement, Policy, Rule, Seat, Snapshot, TopicIdx,
    Traffic, band,
};
use crate::verify::Usage;
use crate::verify::assess::{band_brokers, goal_figures, log_dir_utilizations};
use crate::verify::hard::{Racks, broker_violations, partition_violations};

/// Excess that summing in another order may add, relative.
const ROUNDING: f64 = 1e-9;

/// How the cluster stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// Violations by rule; counts of zero are absent.
    pub hard: BTreeMap<Rule, u64>,
    /// Summed over all groups and goals.
    pub excess: f64,
}

impl Standing {
    /// Whether coming here from `before` makes something worse: a rule's count, or the excess unless a rule is repaired
    /// for it (contract §3: no excess rises but for what repairing a hard rule forces).
    #[must_use]
    pub fn is_worse_than(&self, before: &Self) -> bool {
        let total = |standing: &Self| standing.hard.values().sum::<u64>();
        let rises = |(rule, count): (&Rule, &u64)| *count > before.hard.get(rule).copied().unwrap_or(0);
        let is_higher = self.excess > before.excess + ROUNDING * before.excess.max(1.0);
        self.hard.iter().any(rises) || (is_higher && total(self) >= total(before))
    }
}

/// What a step does to loads, dirs, topics and its partition's rules.
#[derive(Clone, Debug, Default)]
pub(super) struct Effect {
    topic: Option<TopicIdx>,
    /// By broker: the change of its loads, and of the topic's replicas there.
    brokers: Vec<(BrokerIdx, Loads, i64)>,
    dirs: Vec<(LogDirIdx, i64)>,
    rules: Vec<(Rule, i64)>,
    /// The partition's brokers before and after; empty where nobody asks who shares partitions with whom.
    hosts: (Vec<BrokerIdx>, Vec<BrokerIdx>),
}

impl Effect {
    /// Violations of rules about partitions and replicas, more or fewer.
    pub(super) fn partition_rules(&self) -> i64 {
        self.rules.iter().map(|(_, change)| change).sum()
    }

    fn broker(&mut self, broker: BrokerIdx) -> (&mut Loads, &mut i64) {
        let found = self.brokers.iter().position(|(b, ..)| *b == broker);
        let row = found.unwrap_or_else(|| {
            self.brokers.push((broker, Loads::default(), 0));
            self.brokers.len() - 1
        });
        let (_, loads, replicas) = &mut self.brokers[row];
        (loads, replicas)
    }
}

/// What a broker adds to the counts and the excess of all.
#[derive(Clone, Copy, Debug, Default)]
struct Strain {
    hard: i64,
    excess: f64,
}

/// A goal's band in a group.
#[derive(Clone, Copy, Debug)]
struct Frame {
    mean: f64,
    band: (f64, f64),
    is_share: bool,
}

type Frames = [Option<Frame>; Goal::BROKER.len()];

/// The cluster as the steps so far leave it.
pub(super) struct Ledger<'a> {
    snapshot: &'a Snapshot,
    policy: &'a Policy,
    groups: Groups,
    racks: Racks,
    usage: Usage,
    cores_per_work: f64,
    /// The brokers that each group's goals compare.
    group_brokers: Vec<Vec<BrokerIdx>>,
    frames: Vec<Frames>,
    /// By broker: the group in whose bands it is.
    group_of: Vec<Option<usize>>,
    capacities: Vec<[Option<f64>; Goal::BROKER.len()]>,
    strains: Vec<Strain>,
    partition_rules: BTreeMap<Rule, i64>,
    spread: Crowds,
    leaders: Crowds,
    pairs: Pairs,
    /// Steps carried out or taken back so far.
    now: u64,
    /// By broker: when it last changed, in such steps.
    changed_at: Vec<u64>,
    /// When the bands were last set.
    refreshed_at: u64,
}

impl<'a> Ledger<'a> {
    /// The snapshot as it stands.
    pub(super) fn new(snapshot: &'a Snapshot, policy: &'a Policy) -> Self {
        let groups = Groups::new(snapshot, policy);
        let mut group_of = vec![None; snapshot.brokers.len()];
        let group_brokers: Vec<_> = (0..groups.names().len()).map(|g| band_brokers(snapshot, &groups, g)).collect();
        for (group, brokers) in group_brokers.iter().enumerate() {
            brokers.iter().for_each(|b| group_of[b.row()] = Some(group));
        }
        let capacities = |b| Goal::BROKER.map(|goal| capacity(snapshot, b, goal));
        let mut ledger = Self {
            snapshot,
            policy,
            racks: Racks::new(snapshot, &groups),
            usage: Usage::of(snapshot, &Placement::of(snapshot)),
            cores_per_work: cores_per_work(snapshot).unwrap_or(0.0),
            frames: vec![Frames::default(); group_brokers.len()],
            group_brokers,
            group_of,
            capacities: snapshot.broker_indices().map(capacities).collect(),
            strains: vec![Strain::default(); snapshot.brokers.len()],
            partition_rules: BTreeMap::new(),
            spread: Crowds::new(snapshot, policy, &groups, Goal::TopicSpread),
            leaders: Crowds::new(snapshot, policy, &groups, Goal::LeadersPerTopic),
            pairs: Pairs::new(snapshot, policy, &groups, |p| {
                snapshot.replicas_of(p).iter().map(|r| r.broker).collect()
            }),
            now: 0,
            changed_at: vec![0; snapshot.brokers.len()],
            refreshed_at: 0,
            groups,
        };
        ledger.count_partitions();
        ledger.refresh();
        ledger
    }

    fn count_partitions(&mut self) {
        // Counts are whole numbers: added up in any order they come to the same.
        let count = |mut rules: BTreeMap<Rule, i64>, p: PartitionIdx| {
            let seat = |r: &crate::model::Replica| Seat { broker: r.broker, log_dir: r.log_dir };
            let seats: Vec<Seat> = self.snapshot.replicas_of(p).iter().map(seat).collect();
            for (rule, count) in self.rules_of(p, &seats) {
                *rules.entry(rule).or_insert(0) += count;
            }
            rules
        };
        let add = |mut all: BTreeMap<Rule, i64>, more: BTreeMap<Rule, i64>| {
            more.into_iter().for_each(|(rule, count)| *all.entry(rule).or_insert(0) += count);
            all
        };
        let rows = (0..self.snapshot.partitions.len()).into_par_iter().map(PartitionIdx::new);
        let rules = rows.fold(BTreeMap::new, count).reduce(BTreeMap::new, add);
        self.partition_rules = rules;
    }

    fn rules_of(&self, p: PartitionIdx, seats: &[Seat]) -> Vec<(Rule, i64)> {
        let mut rules: Vec<(Rule, i64)> = Vec::new();
        if unjudged(self.snapshot, p).is_none() {
            partition_violations(self.snapshot, &self.groups, &self.racks, p, seats, &mut |v| rules.push((v.rule, 1)));
        }
        rules
    }

    /// What turning `old`, led by the first of the pair, into `new` does.
    pub(super) fn effect(
        &self,
        partition: PartitionIdx,
        (old, old_leader): (&[Held], Option<BrokerIdx>),
        (new, new_leader): (&[Held], Option<BrokerIdx>),
    ) -> Effect {
        let row = self.snapshot.partition(partition);
        let mut effect = Effect { topic: Some(row.topic), ..Effect::default() };
        for (held, leader, sign) in [(old, old_leader, -1.0), (new, new_leader, 1.0)] {
            let traffic = Traffic::of(row, held.len());
            let written = row.bytes_in_per_sec * write_amplification(self.snapshot.topic(row.topic));
            let mut leader = leader;
            for replica in held {
                let Seat { broker, log_dir } = replica.seat;
                let leads = leader == Some(broker);
                if leads {
                    leader = None;
                }
                if let Some(dir) = log_dir {
                    let bytes = i64::try_from(replica.bytes).unwrap_or(i64::MAX);
                    effect.dirs.push((dir, if sign < 0.0 { -bytes } else { bytes }));
                }
                let is_serving = log_dir.is_none_or(|d| self.snapshot.log_dir(d).state.is_serving());
                let work = if leads { traffic.leader_work } else { traffic.follower_work };
                let (loads, replicas) = effect.broker(broker);
                *replicas += if sign < 0.0 { -1 } else { 1 };
                loads[0] += if is_serving { sign * replica.bytes as f64 } else { 0.0 };
                loads[1] += sign * traffic.network_in;
                loads[3] += sign * self.cores_per_work * work;
                loads[4] += sign;
                loads[6] += if is_serving { sign * written } else { 0.0 };
                if leads {
                    loads[2] += sign * traffic.leader_network_out;
                    loads[5] += sign;
                }
            }
        }
        self.leave_out_what_stays(&mut effect);
        if self.pairs.is_on() {
            let hosts = |held: &[Held]| held.iter().map(|h| h.seat.broker).collect();
            effect.hosts = (hosts(old), hosts(new));
        }
        let seats = |held: &[Held]| held.iter().map(|h| h.seat).collect::<Vec<_>>();
        effect.rules.extend(self.rules_of(partition, &seats(new)));
        effect.rules.extend(self.rules_of(partition, &seats(old)).into_iter().map(|(rule, n)| (rule, -n)));
        effect
    }

    /// Replicas that stay cancel out exactly, and most of a step's do.
    fn leave_out_what_stays(&self, effect: &mut Effect) {
        effect.dirs.sort_unstable_by_key(|(dir, _)| *dir);
        effect.dirs.dedup_by(|more, sum| {
            let is_same = more.0 == sum.0;
            sum.1 += if is_same { more.1 } else { 0 };
            is_same
        });
        effect.dirs.retain(|(_, bytes)| *bytes != 0);
        let Effect { brokers, dirs, .. } = effect;
        brokers.retain(|(broker, loads, replicas)| {
            let changes_dirs = || dirs.iter().any(|(dir, _)| self.snapshot.log_dir(*dir).broker == *broker);
            *replicas != 0 || loads.iter().any(|load| *load != 0.0) || changes_dirs()
        });
    }

    /// What `effect` would add to the hard counts and to the excess, with the bands as they were last set.
    pub(super) fn delta(&self, effect: &Effect) -> (i64, f64) {
        let (mut hard, mut excess) = (effect.partition_rules(), 0.0);
        for (broker, change, replicas) in &effect.brokers {
            let mut loads = self.usage.loads[broker.row()];
            loads.iter_mut().zip(change).for_each(|(load, change)| *load += change);
            let (old, new) = (self.strains[broker.row()], self.strain(*broker, &loads, &effect.dirs));
            hard += new.hard - old.hard;
            excess += new.excess - old.excess;
            excess += self.spread.change(effect.topic, *broker, *replicas);
            excess += self.leaders.change(effect.topic, *broker, led(change));
        }
        (hard, excess + self.pairs.change(&effect.hosts.0, &effect.hosts.1))
    }

    /// The moment, as [`Ledger::is_as_at`] takes it.
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// Whether [`Ledger::delta`] of `effect` is certain to be what it was at `moment`. Scatter widths change with brokers that
    /// are none of the step's: where they count, nothing is certain.
    pub(super) fn is_as_at(&self, moment: u64, effect: &Effect) -> bool {
        let is_same = |(broker, ..): &(BrokerIdx, Loads, i64)| self.changed_at[broker.row()] <= moment;
        !self.pairs.is_on() && self.refreshed_at <= moment && effect.brokers.iter().all(is_same)
    }

    /// Carries `effect` out, or takes it back.
    pub(super) fn apply(&mut self, effect: &Effect, is_undone: bool) {
        let sign = if is_undone { -1 } else { 1 };
        self.now += 1;
        for (broker, change, replicas) in &effect.brokers {
            self.changed_at[broker.row()] = self.now;
            self.spread.add(effect.topic, *broker, sign * replicas);
            self.leaders.add(effect.topic, *broker, sign * led(change));
        }
        let (old, new) = &effect.hosts;
        if is_undone {
            self.pairs.add(new, old)
        } else {
            self.pairs.add(old, new)
        }
        for &(dir, bytes) in &effect.dirs {
            let used = &mut self.usage.log_dir_bytes[dir.row()];
            *used = used.saturating_add_signed(sign * bytes);
        }
        for &(rule, count) in &effect.rules {
            *self.partition_rules.entry(rule).or_insert(0) += sign * count;
        }
        for (broker, change, _) in &effect.brokers {
            let loads = &mut self.usage.loads[broker.row()];
            loads.iter_mut().zip(change).for_each(|(load, change)| *load += sign as f64 * change);
            let loads = *loads;
            self.strains[broker.row()] = self.strain(*broker, &loads, &[]);
        }
    }

    /// The counts and the excess of `broker` with `loads`, its dirs changed by `dirs`.
    fn strain(&self, broker: BrokerIdx, loads: &Loads, dirs: &[(LogDirIdx, i64)]) -> Strain {
        let mut strain = Strain::default();
        let row = self.snapshot.broker(broker);
        let capacities = &self.capacities[broker.row()];
        let limits = &self.policy.limits;
        if row.state.is_active() {
            let share_limits = [limits.disk, limits.network_in, limits.network_out, limits.cpu];
            for (goal, limit) in share_limits.into_iter().enumerate() {
                let is_known = goal != 3 || self.usage.has_cpu;
                let share = capacities[goal].filter(|_| is_known).map(|capacity| loads[goal] / capacity);
                strain.hard += i64::from(share.is_some_and(|share| band::exceeds(share, limit)));
            }
            strain.hard += i64::from(band::exceeds(loads[4], f64::from(limits.replicas_per_broker)));
            for dir in row.log_dir_rows().map(LogDirIdx::new) {
                let dir_row = self.snapshot.log_dir(dir);
                let Some(capacity) = dir_row.capacity_bytes.filter(|_| dir_row.state.is_serving()) else { continue };
                let share = self.dir_bytes(dir, dirs) / capacity as f64;
                strain.hard += i64::from(band::exceeds(share, limits.log_dir));
            }
        }
        let Some(group) = self.group_of[broker.row()] else { return strain };
        for (goal, frame) in self.frames[group].iter().enumerate() {
            let Some(frame) = frame.filter(|frame| frame.mean > 0.0) else { continue };
            let value = if frame.is_share { loads[goal] / capacities[goal].unwrap_or(1.0) } else { loads[goal] };
            strain.excess += band::distance(value, frame.band) / frame.mean;
        }
        if self.policy.bands.is_on(Goal::LogDir) {
            strain.excess += self.dir_excess(broker, dirs);
        }
        strain
    }

    fn dir_bytes(&self, dir: LogDirIdx, dirs: &[(LogDirIdx, i64)]) -> f64 {
        let change: i64 = dirs.iter().filter(|(d, _)| *d == dir).map(|(_, bytes)| bytes).sum();
        self.usage.log_dir_bytes[dir.row()] as f64 + change as f64
    }

    fn dir_excess(&self, broker: BrokerIdx, dirs: &[(LogDirIdx, i64)]) -> f64 {
        let rows = || self.snapshot.broker(broker).log_dir_rows().map(LogDirIdx::new);
        let serving = || rows().filter(|d| self.snapshot.log_dir(*d).state.is_serving());
        let (mut bytes, mut capacity_bytes) = (0.0, 0.0);
        for dir in serving() {
            let Some(capacity) = self.snapshot.log_dir(dir).capacity_bytes else { return 0.0 };
            bytes += self.dir_bytes(dir, dirs);
            capacity_bytes += capacity as f64;
        }
        let mean = if capacity_bytes > 0.0 { bytes / capacity_bytes } else { 0.0 };
        if mean <= 0.0 {
            return 0.0;
        }
        let limit = band::log_dir(mean, &self.policy.bands);
        let mut excess = 0.0;
        for dir in serving() {
            let capacity = self.snapshot.log_dir(dir).capacity_bytes.unwrap_or(1);
            let share = self.dir_bytes(dir, dirs) / capacity as f64;
            excess += if band::exceeds(share, limit) { (share - limit) / mean } else { 0.0 };
        }
        debug_assert!(
            !dirs.is_empty()
                || log_dir_utilizations(self.snapshot, &self.usage, broker)
                    .is_some_and(|(m, _)| (m - mean).abs() < 1e-9)
        );
        excess
    }

    /// Sets the bands to the loads as they are.
    fn refresh(&mut self) {
        self.now += 1;
        self.refreshed_at = self.now;
        for (group, brokers) in self.group_brokers.iter().enumerate() {
            for (slot, goal) in Goal::BROKER.into_iter().enumerate() {
                let figures = goal_figures(self.snapshot, self.policy, &self.usage, brokers, goal);
                let is_share = !goal.is_count() && brokers.iter().all(|b| self.capacities[b.row()][slot].is_some());
                self.frames[group][slot] = figures.map(|f| Frame { mean: f.mean, band: f.band, is_share });
            }
        }
        for broker in self.snapshot.broker_indices() {
            let loads = self.usage.loads[broker.row()];
            self.strains[broker.row()] = self.strain(broker, &loads, &[]);
        }
    }

    /// How the cluster stands, with the bands set anew.
    pub(super) fn standing(&mut self) -> Standing {
        self.refresh();
        let excess: f64 = self.strains.iter().map(|strain| strain.excess).sum();
        let mut hard: BTreeMap<Rule, u64> = BTreeMap::new();
        for (&rule, &count) in &self.partition_rules {
            if count > 0 {
                hard.insert(rule, count.unsigned_abs());
            }
        }
        for broker in self.snapshot.broker_indices().filter(|&b| self.snapshot.broker(b).state.is_active()) {
            broker_violations(self.snapshot, self.policy, &self.usage, broker, &mut |v| {
                *hard.entry(v.rule).or_insert(0) += 1;
            });
        }
        let crowded = self.spread.excess() + self.leaders.excess();
        Standing { hard, excess: excess + crowded + self.pairs.excess() }
    }
}

/// How many leaders a change of loads brings.
fn led(change: &Loads) -> i64 {
    change[5] as i64
}
