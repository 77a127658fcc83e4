//! The answer in the contract's keys (contract §6), with more beside them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::capacity::failure::{
    Chance, Copysets, FailureReport, Incidents, Remedies, Remedy, Risk, RiskyPartition, Survivors, Tally,
};
use crate::model::{BrokerIdx, Snapshot};
use crate::report::copysets::Figures;
use crate::report::json::{NotEvaluatedView, not_evaluated, rounded};
use crate::report::layout::to_bytes;

/// `report` as JSON text.
#[must_use]
pub fn to_json(snapshot: &Snapshot, report: &FailureReport) -> Vec<u8> {
    let absent = Survivors::default();
    let survivors = report.worst.first().map_or(&absent, |case| &case.survivors);
    to_bytes(&View {
        cluster_id: &snapshot.cluster.cluster_id,
        failures: report
            .draws
            .iter()
            .map(|d| FailuresView { kind: d.domain.name(), failing: d.take, of: d.of })
            .collect(),
        risk: RiskView::of(&report.risk),
        worst: report
            .worst
            .iter()
            .map(|case| WorstView {
                failed: &case.failed,
                tally: TallyView::of(&case.tally),
                survivors: after(&case.survivors),
                re_replication: CopyView::of(snapshot, &case.survivors, report.throttle_bytes_per_sec),
            })
            .collect(),
        survivors: after(survivors),
        survivors_before: survivors.uses.iter().map(|u| (u.goal.name(), u.before.map(rounded))).collect(),
        re_replication: CopyView::of(snapshot, survivors, report.throttle_bytes_per_sec),
        advice: report.remedies.as_ref().map(|remedies| AdviceView::of(snapshot, remedies)),
        before: BeforeView {
            brokers_failed: report.failed_before[0],
            log_dirs_failed: report.failed_before[1],
            tally: TallyView::of(&report.before),
        },
        partitions: report.partitions,
        curve: report.curve.iter().map(|p| PointView { k: p.k, risk: RiskView::of(&p.risk) }).collect(),
        incidents: report.incidents.as_ref().map(IncidentsView::of),
        copysets: report.copysets.as_ref().map(CopysetsView::of),
        not_evaluated: not_evaluated(&report.not_evaluated),
    })
}

/// The highest utilization by goal.
fn after(survivors: &Survivors) -> BTreeMap<&'static str, Option<f64>> {
    survivors.uses.iter().map(|u| (u.goal.name(), u.utilization_max.map(rounded))).collect()
}

#[derive(Serialize)]
struct View<'a> {
    cluster_id: &'a str,
    failures: Vec<FailuresView>,
    #[serde(flatten)]
    risk: RiskView,
    worst: Vec<WorstView<'a>>,
    survivors: BTreeMap<&'static str, Option<f64>>,
    survivors_before: BTreeMap<&'static str, Option<f64>>,
    re_replication: CopyView,
    advice: Option<AdviceView<'a>>,
    before: BeforeView,
    partitions: u64,
    curve: Vec<PointView>,
    incidents: Option<IncidentsView>,
    copysets: Option<CopysetsView<'a>>,
    not_evaluated: Vec<NotEvaluatedView<'a>>,
}

#[derive(Serialize)]
struct FailuresView {
    kind: &'static str,
    failing: usize,
    of: usize,
}

#[derive(Serialize)]
struct RiskView {
    method: &'static str,
    cases: u64,
    p_any_offline: f64,
    p_any_under_min_isr: f64,
    p_any_lost: f64,
    expected_offline: Option<f64>,
    expected_under_min_isr: Option<f64>,
    expected_lost: Option<f64>,
    ci95: IntervalsView,
}

#[derive(Serialize)]
struct IntervalsView {
    p_any_offline: [f64; 2],
    p_any_under_min_isr: [f64; 2],
    p_any_lost: [f64; 2],
}

impl RiskView {
    fn of(risk: &Risk) -> Self {
        let [lost, offline, under] = risk.any;
        let mean = |slot: usize| risk.mean.map(|means| rounded(means[slot]));
        let ends = |chance: Chance| [rounded(chance.low), rounded(chance.high)];
        Self {
            method: if risk.is_exact { "exact" } else { "monte-carlo" },
            cases: risk.cases,
            p_any_offline: rounded(offline.p),
            p_any_under_min_isr: rounded(under.p),
            p_any_lost: rounded(lost.p),
            expected_offline: mean(1),
            expected_under_min_isr: mean(2),
            expected_lost: mean(0),
            ci95: IntervalsView {
                p_any_offline: ends(offline),
                p_any_under_min_isr: ends(under),
                p_any_lost: ends(lost),
            },
        }
    }
}

#[derive(Serialize)]
struct TallyView {
    offline: u64,
    under_min_isr: u64,
    lost: u64,
}

impl TallyView {
    fn of(tally: &Tally) -> Self {
        Self { offline: tally.offline, under_min_isr: tally.under_min_isr, lost: tally.lost }
    }
}

#[derive(Serialize)]
struct WorstView<'a> {
    failed: &'a [String],
    #[serde(flatten)]
    tally: TallyView,
    survivors: BTreeMap<&'static str, Option<f64>>,
    re_replication: CopyView,
}

#[derive(Serialize)]
struct BeforeView {
    brokers_failed: u64,
    log_dirs_failed: u64,
    #[serde(flatten)]
    tally: TallyView,
}

#[derive(Serialize)]
struct CopyView {
    bytes: f64,
    throttle_bytes_per_sec: f64,
    exposed_hours: Option<f64>,
    slowest: Option<SlowestView>,
}

/// The broker that decides how long it takes.
#[derive(Serialize)]
struct SlowestView {
    broker_id: i32,
    goal: &'static str,
    bytes_per_sec: f64,
    bound: &'static str,
}

impl CopyView {
    fn of(snapshot: &Snapshot, survivors: &Survivors, throttle_bytes_per_sec: f64) -> Self {
        Self {
            bytes: rounded(survivors.copied_bytes),
            throttle_bytes_per_sec,
            exposed_hours: survivors.exposed_hours.map(rounded),
            slowest: survivors.slowest.map(|rate| SlowestView {
                broker_id: snapshot.broker(rate.broker).id,
                goal: rate.goal.name(),
                bytes_per_sec: rounded(rate.bytes_per_sec),
                bound: rate.bound.name(),
            }),
        }
    }
}

/// Partitions of the advice that are listed; the totals count all.
const LISTED: usize = 100;

#[derive(Serialize)]
struct AdviceView<'a> {
    partitions: usize,
    bytes: u64,
    worst_after: Vec<TallyView>,
    moves: Vec<RemedyView<'a>>,
}

#[derive(Serialize)]
struct RemedyView<'a> {
    partition: &'a str,
    remedy: &'static str,
    from_broker: Option<i32>,
    to_broker: Option<i32>,
    bytes: u64,
    chance: KindsView,
    chance_after: KindsView,
    worst_cases: u64,
    worst_cases_after: u64,
}

impl<'a> AdviceView<'a> {
    fn of(snapshot: &Snapshot, remedies: &'a Remedies) -> Self {
        let id = |broker: BrokerIdx| Some(snapshot.broker(broker).id);
        let view = |risky: &'a RiskyPartition| {
            let (remedy, from_broker, to_broker) = match risky.remedy {
                Remedy::Heal => ("heal", None, None),
                Remedy::Move { from, to } => ("move", id(from), id(to)),
                Remedy::Add { to } => ("add", None, id(to)),
            };
            RemedyView {
                partition: &risky.partition,
                remedy,
                from_broker,
                to_broker,
                bytes: risky.bytes,
                chance: KindsView::of(risky.chance),
                chance_after: KindsView::of(risky.chance_after),
                worst_cases: risky.worst_cases,
                worst_cases_after: risky.worst_cases_after,
            }
        };
        Self {
            partitions: remedies.list.len(),
            bytes: remedies.bytes,
            worst_after: remedies.worst_after.iter().map(TallyView::of).collect(),
            moves: remedies.list.iter().take(LISTED).map(view).collect(),
        }
    }
}

#[derive(Serialize)]
struct PointView {
    k: usize,
    #[serde(flatten)]
    risk: RiskView,
}

#[derive(Serialize)]
struct IncidentsView {
    units: usize,
    afr: f64,
    repair_hours: f64,
    away_mean: f64,
    at_once: Vec<AtOnceView>,
    per_year: KindsView,
}

#[derive(Serialize)]
struct AtOnceView {
    k: usize,
    p_at_least: f64,
    per_year: f64,
}

#[derive(Serialize)]
struct KindsView {
    offline: f64,
    under_min_isr: f64,
    lost: f64,
}

impl KindsView {
    fn of(figures: [f64; 3]) -> Self {
        let [lost, offline, under_min_isr] = figures.map(rounded);
        Self { offline, under_min_isr, lost }
    }
}

impl IncidentsView {
    fn of(incidents: &Incidents) -> Self {
        let at_once = incidents.at_once.iter().map(|at| AtOnceView {
            k: at.k,
            p_at_least: rounded(at.p_at_least),
            per_year: rounded(at.per_year),
        });
        Self {
            units: incidents.units,
            afr: incidents.afr,
            repair_hours: incidents.repair_hours,
            away_mean: rounded(incidents.away_mean),
            at_once: at_once.collect(),
            per_year: KindsView::of(incidents.per_year),
        }
    }
}

#[derive(Serialize)]
struct CopysetsView<'a> {
    kind: &'static str,
    #[serde(flatten)]
    figures: Figures,
    riskiest: Vec<CopysetView<'a>>,
    alternatives: Vec<AlternativeView>,
}

#[derive(Serialize)]
struct CopysetView<'a> {
    members: &'a [String],
    partitions: u64,
    examples: &'a [String],
    bytes_to_break_up: u64,
}

#[derive(Serialize)]
struct AlternativeView {
    permutations: u64,
    distinct: f64,
    scatter_width: u64,
    p_any_lost_at_size: f64,
}

impl<'a> CopysetsView<'a> {
    fn of(copysets: &'a Copysets) -> Self {
        Self {
            kind: copysets.domain.name(),
            figures: Figures::of(copysets),
            riskiest: copysets
                .riskiest
                .iter()
                .map(|set| CopysetView {
                    members: &set.members,
                    partitions: set.partitions,
                    examples: &set.examples,
                    bytes_to_break_up: set.bytes,
                })
                .collect(),
            alternatives: copysets
                .alternatives
                .iter()
                .map(|a| AlternativeView {
                    permutations: a.permutations,
                    distinct: a.distinct,
                    scatter_width: a.scatter_width,
                    p_any_lost_at_size: rounded(a.p_any_lost),
                })
                .collect(),
        }
    }
}
