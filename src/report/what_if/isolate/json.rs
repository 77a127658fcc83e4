//! The answer in the contract's keys (contract §6), with more beside them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Answer;
use crate::capacity::isolate::{ClassLimit, ClassNeed, Need, Part, Peaks, SharedPeak};
use crate::ingest::kafka_cli::rfc3339;
use crate::model::Goal;
use crate::report::json::{NotEvaluatedView, not_evaluated, rounded};
use crate::report::layout;

/// The answer for programs.
#[must_use]
pub fn json(answer: &Answer<'_>) -> Vec<u8> {
    let found = answer.isolation;
    let peaks = |peaks: &[(Goal, f64)]| peaks.iter().map(|(goal, sum)| (goal.name(), rounded(*sum))).collect();
    layout::to_bytes(&View {
        classes: (0..).zip(&found.classes).map(|(row, class)| ClassView::of(class, answer.brokers(row))).collect(),
        shared: ClassView::of(&found.shared, Vec::new()),
        sum_of_peaks: peaks(&found.sum_of_peaks),
        peak_of_sums: found.peak_of_sums.as_deref().map(peaks),
        brokers_active: found.brokers_active,
        brokers_needed: found.brokers_needed,
        extra_brokers: found.extra_brokers,
        brokers_missing: found.brokers_missing,
        noisy_neighbours: found.shared_peaks.iter().map(|peak| PeakView::of(answer, peak)).collect(),
        class_limits: answer.limits.iter().map(|limit| LimitView::of(answer, limit)).collect(),
        survives_loss: answer.assignment.map(|assignment| assignment.survives_loss),
        plan: answer.plan.map(|plan| PlanView {
            outcome: plan.outcome.name(),
            inter_broker_bytes: plan.movement.inter_broker_bytes,
            replica_moves: plan.movement.replica_moves,
            hard_total: plan.after.hard_total(),
            outside: plan.after.imbalance.outside,
            batches: plan.batches.len(),
        }),
        not_evaluated: not_evaluated(&found.not_evaluated),
    })
}

#[derive(Serialize)]
struct View<'a> {
    classes: Vec<ClassView<'a>>,
    shared: ClassView<'a>,
    sum_of_peaks: BTreeMap<&'static str, f64>,
    peak_of_sums: Option<BTreeMap<&'static str, f64>>,
    noisy_neighbours: Vec<PeakView<'a>>,
    brokers_active: u64,
    brokers_needed: u64,
    extra_brokers: u64,
    brokers_missing: u64,
    survives_loss: Option<bool>,
    plan: Option<PlanView>,
    class_limits: Vec<LimitView<'a>>,
    not_evaluated: Vec<NotEvaluatedView<'a>>,
}

#[derive(Serialize)]
struct ClassView<'a> {
    name: &'a str,
    topics: u64,
    partitions: u64,
    replication_factor_max: u64,
    brokers_needed: u64,
    brokers_n_minus_1: u64,
    binding: &'static str,
    needs: BTreeMap<&'static str, NeedView>,
    peaks: BTreeMap<&'static str, PeaksView>,
    brokers: Vec<i32>,
}

impl<'a> ClassView<'a> {
    fn of(class: &'a ClassNeed, brokers: Vec<i32>) -> Self {
        let need = |need: &Need| {
            (need.goal.name(), NeedView { load: rounded(need.load), limit: need.limit, brokers: need.brokers })
        };
        let peaks = |peaks: &Peaks| {
            let (sum_of_peaks, peak_of_sums) = (rounded(peaks.sum_of_peaks), rounded(peaks.peak_of_sums));
            (peaks.goal.name(), PeaksView { sum_of_peaks, peak_of_sums })
        };
        Self {
            name: &class.name,
            topics: class.topics,
            partitions: class.partitions,
            replication_factor_max: class.replication_factor_max,
            brokers_needed: class.brokers,
            brokers_n_minus_1: class.brokers_n_minus_1,
            binding: class.binding,
            needs: class.needs.iter().map(need).collect(),
            peaks: class.peaks.iter().map(peaks).collect(),
            brokers,
        }
    }
}

/// Of the class's topics.
#[derive(Serialize)]
struct PeaksView {
    sum_of_peaks: f64,
    peak_of_sums: f64,
}

#[derive(Serialize)]
struct NeedView {
    load: f64,
    limit: f64,
    brokers: Option<u64>,
}

#[derive(Serialize)]
struct PlanView {
    outcome: &'static str,
    inter_broker_bytes: u64,
    replica_moves: u64,
    hard_total: u64,
    outside: u64,
    batches: usize,
}

/// The busiest moment of a resource.
#[derive(Serialize)]
struct PeakView<'a> {
    goal: &'static str,
    basis: &'static str,
    time: Option<String>,
    load: f64,
    classes: BTreeMap<&'a str, PartView>,
    topics: Vec<NoisyView<'a>>,
}

#[derive(Serialize)]
struct PartView {
    load: f64,
    share: f64,
    coincidence: Option<f64>,
}

#[derive(Serialize)]
struct NoisyView<'a> {
    topic: &'a str,
    class: &'a str,
    #[serde(flatten)]
    part: PartView,
    neighbours: Vec<&'a str>,
    brokers_shared: u64,
}

impl<'a> PeakView<'a> {
    fn of(answer: &Answer<'a>, peak: &'a SharedPeak) -> Self {
        let name = |class: usize| answer.class_name(class);
        let part = |part: &Part| PartView {
            load: rounded(part.load),
            share: rounded(part.share),
            coincidence: part.coincidence.map(rounded),
        };
        Self {
            goal: peak.goal.name(),
            basis: if peak.time_sec.is_some() { "history" } else { "snapshot" },
            time: peak.time_sec.map(rfc3339),
            load: rounded(peak.load),
            classes: peak.classes.iter().enumerate().map(|(class, of)| (name(class), part(of))).collect(),
            topics: peak
                .topics
                .iter()
                .map(|noisy| NoisyView {
                    topic: &answer.snapshot.topic(noisy.topic).name,
                    class: name(noisy.class),
                    part: part(&noisy.part),
                    neighbours: noisy.neighbours.iter().map(|&class| name(class)).collect(),
                    brokers_shared: noisy.brokers_shared,
                })
                .collect(),
        }
    }
}

/// A limit that a class has of its own, after the plan.
#[derive(Serialize)]
struct LimitView<'a> {
    class: &'a str,
    goal: &'static str,
    limit: f64,
    utilization_max: Option<f64>,
    broker_id: Option<i32>,
    kept: Option<bool>,
}

impl<'a> LimitView<'a> {
    fn of(answer: &Answer<'a>, limit: &ClassLimit) -> Self {
        Self {
            class: answer.class_name(limit.class),
            goal: limit.goal.name(),
            limit: limit.limit,
            utilization_max: limit.busiest.map(|(_, used)| rounded(used)),
            broker_id: limit.busiest.map(|(broker, _)| answer.snapshot.broker(broker).id),
            kept: limit.is_kept(),
        }
    }
}
