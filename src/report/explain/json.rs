//! [`ExplainReport`] as JSON.

use serde::Serialize;

use super::{ExplainReport, fate};
use crate::model::{Groups, Seat};
use crate::plan::explain::{Figures, GoalOnBroker, ReplicaStory};
use crate::report::json::rounded;
use crate::report::layout::to_bytes;
use crate::verify::hard::Violation;

pub(super) fn render(report: &ExplainReport<'_>) -> Vec<u8> {
    let told = &report.explanation;
    let partition = report.snapshot.partition(told.partition);
    let groups = Groups::new(report.snapshot, report.policy);
    let id = |broker: Option<crate::model::BrokerIdx>| broker.map(|b| report.id(b));
    let violations = |all: &[Violation]| all.iter().map(|v| ViolationView::of(report, v)).collect();
    to_bytes(&View {
        partition: report.snapshot.partition_name(told.partition),
        resource_group: groups.home_name(groups.home(partition.topic)).to_owned(),
        held: report.held(),
        reasons: &report.reasons,
        leader: Ends { before: id(told.leaders.0), after: id(told.leaders.1) },
        plan: FiguresView::of(&told.plan),
        replicas: told.replicas.iter().map(|story| ReplicaView::of(report, story)).collect(),
        leaders: told
            .leaderships
            .iter()
            .map(|l| LeaderView {
                broker_id: report.id(l.broker),
                barred: l.barred,
                result: l
                    .figures
                    .as_ref()
                    .map(|(figures, comparison)| ResultView::of(&told.plan, figures, comparison.name())),
            })
            .collect(),
        rules: Ends { before: violations(&told.violations.0), after: violations(&told.violations.1) },
        goals: told.goals.iter().map(|goal| GoalView::of(report, goal)).collect(),
    })
}

#[derive(Serialize)]
struct View<'a> {
    partition: String,
    resource_group: String,
    held: Option<String>,
    reasons: &'a [String],
    leader: Ends<Option<i32>>,
    plan: FiguresView,
    replicas: Vec<ReplicaView<'a>>,
    leaders: Vec<LeaderView>,
    rules: Ends<Vec<ViolationView>>,
    goals: Vec<GoalView>,
}

#[derive(Serialize)]
struct Ends<T> {
    before: T,
    after: T,
}

#[derive(Serialize)]
struct FiguresView {
    hard_total: u64,
    outside: u64,
    excess: f64,
    inter_broker_bytes: u64,
}

impl FiguresView {
    fn of(figures: &Figures) -> Self {
        Self {
            hard_total: figures.hard_total,
            outside: figures.outside,
            excess: rounded(figures.excess),
            inter_broker_bytes: figures.inter_broker_bytes,
        }
    }
}

/// A changed plan and what the change makes of it.
#[derive(Serialize)]
struct ResultView {
    comparison: &'static str,
    #[serde(flatten)]
    figures: FiguresView,
    hard_change: i64,
    excess_change: f64,
    bytes_change: i64,
}

impl ResultView {
    fn of(plan: &Figures, figures: &Figures, comparison: &'static str) -> Self {
        let change = |new: u64, old: u64| i64::try_from(i128::from(new) - i128::from(old)).unwrap_or(i64::MAX);
        Self {
            comparison,
            figures: FiguresView::of(figures),
            hard_change: change(figures.hard_total, plan.hard_total),
            excess_change: rounded(figures.excess - plan.excess),
            bytes_change: change(figures.inter_broker_bytes, plan.inter_broker_bytes),
        }
    }
}

#[derive(Serialize)]
struct SeatView<'a> {
    broker_id: i32,
    rack: Option<&'a str>,
    log_dir: Option<&'a str>,
}

impl<'a> SeatView<'a> {
    fn of(report: &'a ExplainReport<'_>, seat: Seat) -> Self {
        Self { broker_id: report.id(seat.broker), rack: report.rack(seat.broker), log_dir: report.path(seat) }
    }
}

#[derive(Serialize)]
struct ReplicaView<'a> {
    position: Option<usize>,
    fate: &'static str,
    from: Option<SeatView<'a>>,
    to: Option<SeatView<'a>>,
    copied_bytes: u64,
    held: Option<&'a str>,
    alternatives: Vec<AlternativeView<'a>>,
    barred: Vec<BarredView<'a>>,
}

#[derive(Serialize)]
struct AlternativeView<'a> {
    #[serde(flatten)]
    seat: SeatView<'a>,
    is_home: bool,
    #[serde(flatten)]
    result: ResultView,
}

#[derive(Serialize)]
struct BarredView<'a> {
    code: &'static str,
    why: &'a str,
    broker_ids: Vec<i32>,
}

impl<'a> ReplicaView<'a> {
    fn of(report: &'a ExplainReport<'_>, story: &'a ReplicaStory) -> Self {
        let plan = &report.explanation.plan;
        let alternatives = story.alternatives.iter().map(|other| AlternativeView {
            seat: SeatView::of(report, other.seat),
            is_home: other.is_home,
            result: ResultView::of(plan, &other.figures, other.comparison.name()),
        });
        let barred = story.barred.iter().map(|barred| BarredView {
            code: barred.code,
            why: &barred.why,
            broker_ids: barred.brokers.iter().map(|b| report.id(*b)).collect(),
        });
        Self {
            position: story.position,
            fate: fate(story),
            from: story.from.map(|seat| SeatView::of(report, seat)),
            to: story.to.map(|seat| SeatView::of(report, seat)),
            copied_bytes: story.copied_bytes,
            held: story.held.as_deref(),
            alternatives: alternatives.collect(),
            barred: barred.collect(),
        }
    }
}

#[derive(Serialize)]
struct LeaderView {
    broker_id: i32,
    barred: Option<&'static str>,
    #[serde(flatten)]
    result: Option<ResultView>,
}

#[derive(Serialize)]
struct ViolationView {
    rule: &'static str,
    subject: String,
    value: Option<f64>,
    limit: Option<f64>,
}

impl ViolationView {
    fn of(report: &ExplainReport<'_>, violation: &Violation) -> Self {
        Self {
            rule: violation.rule.name(),
            subject: report.subject(violation),
            value: violation.value.map(rounded),
            limit: violation.limit.map(rounded),
        }
    }
}

#[derive(Serialize)]
struct GoalView {
    broker_id: i32,
    goal: &'static str,
    before: f64,
    after: f64,
    mean: f64,
    low: f64,
    high: f64,
    outside_before: bool,
    outside_after: bool,
}

impl GoalView {
    fn of(report: &ExplainReport<'_>, goal: &GoalOnBroker) -> Self {
        Self {
            broker_id: report.id(goal.broker),
            goal: goal.goal.name(),
            before: rounded(goal.before),
            after: rounded(goal.after),
            mean: rounded(goal.mean),
            low: rounded(goal.band.0),
            high: rounded(goal.band.1),
            outside_before: goal.outside_before,
            outside_after: goal.outside_after,
        }
    }
}
