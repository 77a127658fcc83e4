//! The capacity page's part on what a rebalance would do. Input: the report and its plan. Output: what the template shows.

use serde::Serialize;

use super::figures::{self, ChartView};
use super::tables::{self, GoalTable, RuleRow};
use super::{Tile, timetable};
use crate::capacity::Headroom;
use crate::model::Assessment;
use crate::plan::Plan;
use crate::report::capacity::CapacityReport;
use crate::report::text::{duration_line, verdict};
use crate::report::{frontier, headroom, human};
use crate::verify::Usage;

/// What a rebalance would do.
#[derive(Serialize)]
pub(super) struct PlanView {
    outcome: &'static str,
    verdict: String,
    tiles: Vec<Tile>,
    rules: Vec<RuleRow>,
    goals: Vec<GoalTable>,
    headroom: Vec<[String; 5]>,
    frontier: Option<ChartView>,
    frontier_knee: Option<String>,
    takes: String,
    gantt: Option<ChartView>,
}

impl PlanView {
    /// `after` is the usage of `plan`'s placement.
    pub(super) fn of(report: &CapacityReport<'_>, plan: &Plan, after: &Usage) -> Self {
        let (snapshot, policy) = (report.snapshot, report.policy);
        Self {
            outcome: plan.outcome.name(),
            verdict: verdict(plan),
            tiles: plan_tiles(plan),
            rules: tables::rules(plan),
            goals: tables::goals(snapshot, policy, plan, &report.usage, after),
            headroom: headroom_after(report, plan),
            frontier: figures::frontier(plan),
            frontier_knee: frontier::knee(&plan.frontier),
            takes: duration_line(snapshot, plan),
            gantt: timetable::gantt(plan),
        }
    }
}

fn plan_tiles(plan: &Plan) -> Vec<Tile> {
    let outside = |a: &Assessment| human::count(a.imbalance.outside);
    vec![
        Tile {
            label: "Copied between brokers",
            value: human::bytes(plan.movement.inter_broker_bytes),
            note: format!("at least {} is necessary", human::bytes(plan.lower_bound.bytes)),
        },
        Tile {
            label: "Outside their bands",
            value: format!("{} → {}", outside(&plan.before), outside(&plan.after)),
            note: format!(
                "excess {} → {}",
                human::figure(plan.before.imbalance.excess),
                human::figure(plan.after.imbalance.excess)
            ),
        },
        Tile {
            label: "Hard rules broken",
            value: format!("{} → {}", human::count(plan.before.hard_total()), human::count(plan.after.hard_total())),
            note: human::counted(plan.movement.leader_changes, "leader") + " changed",
        },
    ]
}

/// Group, goal, and the worst utilization after any loss, now and after the plan, with the verdict after.
fn headroom_after(report: &CapacityReport<'_>, plan: &Plan) -> Vec<[String; 5]> {
    let after = crate::capacity::headroom(report.snapshot, report.policy, &plan.placement);
    let row = |new: &Headroom| {
        let old = report.check.headroom.iter().find(|h| h.group == new.group && h.goal == new.goal)?;
        Some([
            new.group.clone(),
            new.goal.name().to_owned(),
            human::percent(headroom::worst(old)),
            human::percent(headroom::worst(new)),
            headroom::in_words(new.verdict).to_owned(),
        ])
    };
    after.iter().filter_map(row).collect()
}
