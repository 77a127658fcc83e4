//! Isolation: what classes of topics need as resource groups of their own, against sharing all brokers.
//!
//! Per resource a class needs ⌈load · (1 + headroom) ÷ (limit · capacity)⌉ brokers (where they differ, as many as carry
//! it whichever they are), never fewer than its largest replication factor, and equally many in each rack where that
//! factor reaches the racks, for then each rack holds its part of everything. N−1 takes one more than the load does, so
//! that the rest carries it all while one is lost.
//! Mafengwo split its clusters into log, full-subscription and customized ones, vivo into resource groups.

pub mod assign;
pub mod limits;
mod neighbours;
mod peaks;

pub use assign::{Assignment, assign, regroup};
pub use limits::{ClassLimit, class_limits, with_class_limits};
pub use neighbours::{NoisyTopic, Part, SharedPeak};
pub use peaks::Peaks;

use std::collections::BTreeSet;

use super::NotEvaluated;
use super::catch_up::units;
use crate::ingest::scenario::classes::{Class, Classes};
use crate::model::load::{capacity, cores_per_work};
use crate::model::{BrokerIdx, Goal, History, Policy, RackIdx, Snapshot, Traffic};

/// What a class needs for one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// One of [`Goal::UTILIZATIONS`].
    pub goal: Goal,
    /// Today's load with the class's headroom: bytes, bytes per second, cores.
    pub load: f64,
    /// The share of a broker that may be used.
    pub limit: f64,
    /// Brokers that takes; none where a broker's capacity is unknown.
    pub brokers: Option<u64>,
}

/// What a class needs.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassNeed {
    /// The class's name.
    pub name: String,
    /// Its topics.
    pub topics: u64,
    /// Its partitions.
    pub partitions: u64,
    /// The largest replication factor among its topics.
    pub replication_factor_max: u64,
    /// By resource.
    pub needs: Vec<Need>,
    /// Brokers for load and replicas.
    pub brokers: u64,
    /// Brokers so that the load is still carried while one is lost.
    pub brokers_n_minus_1: u64,
    /// What decides `brokers`: a goal, `replication_factor`, `replica_count`, or `rack`, to which it was rounded up.
    pub binding: &'static str,
    /// When its topics peaked, by resource, as far as the history has each of them; empty without one.
    pub peaks: Vec<Peaks>,
}

/// What isolation takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Isolation {
    /// By class, in the file's order.
    pub classes: Vec<ClassNeed>,
    /// The same for all topics on the same brokers.
    pub shared: ClassNeed,
    /// Σ over classes of each one's peak, by resource: of the history where `peak_of_sums` has the resource, else the
    /// snapshot's figures, whose statistic the window names.
    pub sum_of_peaks: Vec<(Goal, f64)>,
    /// The peak of the classes' sum, by resource, as far as the history has every topic; none without one.
    pub peak_of_sums: Option<Vec<(Goal, f64)>>,
    /// By resource, the busiest moment and who makes it.
    pub shared_peaks: Vec<SharedPeak>,
    /// Active brokers there are.
    pub brokers_active: u64,
    /// Σ of the classes' brokers with one lost each.
    pub brokers_needed: u64,
    /// That, less what sharing takes with one lost: the price of isolation.
    pub extra_brokers: u64,
    /// What is needed and not there.
    pub brokers_missing: u64,
    /// The class of each topic.
    pub class_of_topic: Vec<usize>,
    /// What is absent above.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// What `classes` need of the brokers of `snapshot`; `class_of_topic` is what [`Classes::assign`] says, `history`
/// when its topics peaked.
#[must_use]
pub fn isolate(
    snapshot: &Snapshot,
    policy: &Policy,
    classes: &Classes,
    class_of_topic: Vec<usize>,
    history: Option<&History>,
) -> Isolation {
    let mut missing = Vec::new();
    let active: Vec<BrokerIdx> = snapshot.broker_indices().filter(|&b| snapshot.broker(b).state.is_active()).collect();
    let capacities = Goal::UTILIZATIONS.map(|goal| capacities(snapshot, &active, goal, &mut missing));
    let cores = cores_per_work(snapshot);
    if cores.is_none() {
        missing.push(NotEvaluated::new("cpu", "no broker has both cpu_cores and cpu_utilization"));
    }
    let count = classes.list.len();
    let mut demands = vec![Demand::default(); count + 1];
    for (topic, &class) in snapshot.topics.iter().zip(&class_of_topic) {
        for row in [class, count] {
            if let Some(demand) = demands.get_mut(row) {
                demand.topics += 1;
                let partitions = topic.partition_rows().map(crate::model::PartitionIdx::new);
                partitions.for_each(|partition| demand.add(snapshot, partition, cores.unwrap_or(0.0)));
            }
        }
    }
    let racks: BTreeSet<_> = active.iter().filter_map(|&b| snapshot.broker(b).rack).map(RackIdx::row).collect();
    let context = Context { policy, capacities, has_cpu: cores.is_some(), racks: racks.len().max(1) as u64 };
    let named = classes.list.iter().zip(&demands);
    let mut needs: Vec<ClassNeed> =
        named.map(|(class, demand)| context.need(demand, &class.name, Some(class))).collect();
    let everything = demands.last().cloned().unwrap_or_default();
    let shared = context.need(&everything, "shared", None);
    let brokers_needed: u64 = needs.iter().map(|need| need.brokers_n_minus_1).sum();
    let mut sum_of_peaks: Vec<(Goal, f64)> = (0..Goal::UTILIZATIONS.len())
        .filter(|&row| Goal::UTILIZATIONS.get(row) != Some(&Goal::Cpu) || cores.is_some())
        .filter_map(|row| Some((*Goal::UTILIZATIONS.get(row)?, demands.iter().take(count).map(|d| d.loads[row]).sum())))
        .collect();
    let mut peak_of_sums = None;
    match history {
        Some(history) => {
            let found = peaks::peaks(snapshot, history, &class_of_topic, count, cores, &mut missing);
            for (need, peaks) in needs.iter_mut().zip(found.classes) {
                need.peaks = peaks;
            }
            // Both of a pair are to come from the same figures.
            for (goal, sum) in &mut sum_of_peaks {
                let own = found.between_classes.iter().find(|peaks| peaks.goal == *goal);
                own.into_iter().for_each(|peaks| *sum = peaks.sum_of_peaks);
            }
            let known = found.between_classes.iter().map(|peaks| (peaks.goal, peaks.peak_of_sums)).collect::<Vec<_>>();
            peak_of_sums = (!known.is_empty()).then_some(known);
        }
        None => {
            let why = "a snapshot has one figure per partition; when classes peak takes a history by topic";
            missing.push(NotEvaluated::new("peak_of_sums", why));
        }
    }
    Isolation {
        shared_peaks: neighbours::shared_peaks(snapshot, history, &class_of_topic, count, cores),
        extra_brokers: brokers_needed.saturating_sub(shared.brokers_n_minus_1),
        brokers_missing: brokers_needed.saturating_sub(active.len() as u64),
        brokers_active: active.len() as u64,
        classes: needs,
        shared,
        sum_of_peaks,
        peak_of_sums,
        brokers_needed,
        class_of_topic,
        not_evaluated: missing,
    }
}

/// What each active broker could carry, capacity and what of it is used by others; none where a capacity is unknown.
type Capacities = Option<Vec<(f64, f64)>>;

fn capacities(snapshot: &Snapshot, active: &[BrokerIdx], goal: Goal, missing: &mut Vec<NotEvaluated>) -> Capacities {
    let mut found = Vec::with_capacity(active.len());
    for &broker in active {
        let Some(capacity) = capacity(snapshot, broker, goal) else {
            let why = format!("broker {} has no capacity for it", snapshot.broker(broker).id);
            missing.push(NotEvaluated::new(goal.name(), why));
            return None;
        };
        // What is on the disks beside Kafka's logs takes its part of the limit.
        let dirs = snapshot.broker(broker).log_dir_rows().filter_map(|row| snapshot.log_dirs.get(row));
        let other: f64 = dirs.filter(|dir| dir.state.is_serving()).map(|dir| dir.other_used_bytes as f64).sum();
        found.push((capacity, if goal == Goal::Disk { other } else { 0.0 }));
    }
    Some(found)
}

/// How many brokers carry `load` whichever they are: the least n for which the n smallest do, which is
/// ⌈load ÷ (limit · capacity)⌉ where all are alike. Beyond those there are, more of their mean.
fn brokers_for(load: f64, limit: f64, capacities: &[(f64, f64)]) -> Option<u64> {
    let mut usable: Vec<f64> = capacities.iter().map(|(capacity, other)| (limit * capacity - other).max(0.0)).collect();
    usable.sort_by(f64::total_cmp);
    let total: f64 = usable.iter().sum();
    let (Some(&least), Some(&most)) = (usable.first(), usable.last()) else { return None };
    if total <= 0.0 {
        return None;
    }
    if least == most {
        return Some(units(load, least));
    }
    let mut left = load;
    for (taken, usable) in (0..).zip(&usable) {
        if left <= load * 1e-9 {
            return Some(taken);
        }
        left -= usable;
    }
    let there_are = usable.len() as u64;
    Some(if left <= load * 1e-9 { there_are } else { there_are + units(left, total / there_are as f64) })
}

/// What topics ask of their brokers together.
#[derive(Clone, Debug, Default)]
struct Demand {
    topics: u64,
    partitions: u64,
    replicas: u64,
    replication_factor_max: u64,
    /// By [`Goal::UTILIZATIONS`].
    loads: [f64; Goal::UTILIZATIONS.len()],
}

impl Demand {
    fn add(&mut self, snapshot: &Snapshot, partition: crate::model::PartitionIdx, cores_per_work: f64) {
        let replicas = snapshot.replicas_of(partition);
        let traffic = Traffic::of(snapshot.partition(partition), replicas.len());
        let factor = replicas.len() as f64;
        self.partitions += 1;
        self.replicas += replicas.len() as u64;
        self.replication_factor_max = self.replication_factor_max.max(replicas.len() as u64);
        for (load, goal) in self.loads.iter_mut().zip(Goal::UTILIZATIONS) {
            *load += match goal {
                Goal::Disk => replicas.iter().map(|r| r.size_bytes as f64).sum(),
                Goal::NetworkIn => traffic.network_in * factor,
                Goal::NetworkOut => traffic.leader_network_out,
                Goal::Cpu => (traffic.leader_work + traffic.follower_work * (factor - 1.0).max(0.0)) * cores_per_work,
                _ => 0.0,
            };
        }
    }
}

struct Context<'a> {
    policy: &'a Policy,
    /// By [`Goal::UTILIZATIONS`].
    capacities: [Capacities; Goal::UTILIZATIONS.len()],
    has_cpu: bool,
    /// Racks of the active brokers, 1 where they name none.
    racks: u64,
}

impl Context<'_> {
    fn need(&self, demand: &Demand, name: &str, class: Option<&Class>) -> ClassNeed {
        let headroom = class.map_or(0.0, |class| class.headroom);
        let mut needs = Vec::new();
        for (row, goal) in Goal::UTILIZATIONS.into_iter().enumerate() {
            if goal == Goal::Cpu && !self.has_cpu {
                continue;
            }
            let own = class.and_then(|class| class.limits[row]);
            let Some(limit) = own.or_else(|| super::headroom::limit(self.policy, goal)) else { continue };
            let load = demand.loads[row] * (1.0 + headroom);
            let brokers = self.capacities[row].as_deref().and_then(|known| brokers_for(load, limit, known));
            needs.push(Need { goal, load, limit, brokers });
        }
        let by_replicas = units(demand.replicas as f64, self.policy.limits.replicas_per_broker as f64);
        let mut by_load = (by_replicas, "replica_count");
        for need in &needs {
            if let Some(brokers) = need.brokers.filter(|&brokers| brokers > by_load.0) {
                by_load = (brokers, need.goal.name());
            }
        }
        let factor = demand.replication_factor_max;
        let (mut brokers, mut binding) = if factor >= by_load.0 { (factor, "replication_factor") } else { by_load };
        if factor >= self.racks && !brokers.is_multiple_of(self.racks) {
            brokers = brokers.next_multiple_of(self.racks);
            binding = "rack";
        }
        ClassNeed {
            name: name.to_owned(),
            topics: demand.topics,
            partitions: demand.partitions,
            replication_factor_max: factor,
            needs,
            brokers,
            brokers_n_minus_1: brokers.max(by_load.0 + 1),
            binding,
            peaks: Vec::new(),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests;
