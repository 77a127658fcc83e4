//! How many brokers of each group can leave, for people and programs: sentences, the chart and the keys that `shrink` and
//! `report` share. Input: what `capacity::shrink` found. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::capacity::sheet::{Cell, Sheet, figures, words};
use super::charts::{CurveChart, CurveLine};
use super::html::ChartView;
use super::human;
use super::json::rounded;
use crate::capacity::headroom::limit;
use crate::capacity::shrink::{Binding, CurvePoint, GroupMax};
use crate::model::{Criterion, Goal, Policy, Rule};

/// The binding whose figure is furthest towards or beyond its limit.
#[must_use]
pub fn tightest(groups: &[GroupMax]) -> Option<&Binding> {
    let ratio = |b: &Binding| if b.limit > 0.0 { b.value / b.limit } else { f64::MAX };
    groups.iter().filter_map(|group| group.binding.as_ref()).max_by(|a, b| ratio(a).total_cmp(&ratio(b)))
}

/// What rules out one broker more, or any, in a sentence.
#[must_use]
pub fn binding(binding: &Binding) -> String {
    let is_as_it_stands = binding.removed == 0;
    match binding.criterion {
        Criterion::Goal(_) => {
            let (value, limit) = (human::percent(binding.value), human::percent(binding.limit));
            let case = if is_as_it_stands { "with all of them in place" } else { "with one more gone" };
            format!("{case} {} would be {value}, limit {limit}", binding.why)
        }
        Criterion::Rule(Rule::DuplicateReplica | Rule::Rack) if binding.limit > 0.0 => binding.why.clone(),
        Criterion::Rule(_) if is_as_it_stands => {
            format!("even with all of them in place a plan leaves {}", binding.why)
        }
        Criterion::Rule(_) => format!("one more gone leaves {}", binding.why),
    }
}

/// How many of a group's brokers can go, in a sentence.
#[must_use]
pub fn max(group: &GroupMax) -> String {
    let why = group.binding.as_ref().map_or_else(String::new, |b| format!(": {}", binding(b)));
    let brokers = human::counted(group.brokers as u64, "broker");
    let (most, means) = if group.is_planned { ("", "") } else { ("at most ", " by the means alone") };
    format!("Group {}: {most}{} of {brokers} can go{means}{why}", group.group, group.count)
}

/// What would let more brokers go.
#[must_use]
pub fn relief(binding: &Binding) -> &'static str {
    match binding.criterion {
        Criterion::Goal(Goal::Disk) | Criterion::Rule(Rule::DiskCapacity | Rule::LogDirCapacity) => {
            "shorter retention, larger disks or a higher limits.disk would let more go"
        }
        Criterion::Goal(Goal::Cpu) | Criterion::Rule(Rule::CpuCapacity) => {
            "more cores per broker or a higher limits.cpu would let more go"
        }
        Criterion::Goal(_) | Criterion::Rule(Rule::NetworkInCapacity | Rule::NetworkOutCapacity) => {
            "faster networks, less traffic or a higher limit would let more go"
        }
        Criterion::Rule(Rule::DuplicateReplica | Rule::Rack) if binding.limit > 0.0 => {
            "a lower replication factor would let more go"
        }
        Criterion::Rule(_) => "what is broken or kept by the policy has to be resolved first",
    }
}

/// Use after the loss of a broker over its limit, by brokers removed: lines are the least there can be, dots real plans.
/// `row` tells the charts of a page apart.
#[must_use]
pub fn chart(policy: &Policy, row: usize, group: &GroupMax) -> ChartView {
    let of = |goal: Goal| -> Option<CurveLine> {
        let limit = limit(policy, goal)?;
        let share = |figures: &[(Goal, f64)]| figure(figures, goal).map(|value| value / limit);
        let line: Vec<(f64, f64)> =
            group.curve.iter().filter_map(|p| Some((p.removed as f64, share(&p.at_best)?))).collect();
        let dots = group.curve.iter().filter_map(|p| Some((p.removed as f64, share(&p.planned)?)));
        (!line.is_empty()).then(|| CurveLine { name: goal.name().to_owned(), line: line.clone(), dots: dots.collect() })
    };
    let title = format!("Group {}: use after a broker’s loss, as a share of its limit", group.group);
    let mark = format!("{}{} can go", if group.is_planned { "" } else { "at most " }, group.count);
    let chart = CurveChart {
        title: title.clone(),
        x_title: "brokers removed".to_owned(),
        mark: Some((group.count as f64, mark)),
        curves: Goal::UTILIZATIONS.into_iter().filter_map(of).collect(),
    };
    let goals: Vec<Goal> = Goal::UTILIZATIONS
        .into_iter()
        .filter(|g| group.curve.iter().any(|p| p.at_best.iter().any(|(a, _)| a == g)))
        .collect();
    let mut head = vec!["removed".to_owned(), "kept".to_owned()];
    head.extend(goals.iter().flat_map(|g| [format!("{} at best", g.name()), format!("{} planned", g.name())]));
    let cells = |p: &CurvePoint| {
        let kept = p.holds.map_or("", |holds| if holds { "✓" } else { "✗" });
        let mut row = vec![p.removed.to_string(), kept.to_owned()];
        for goal in &goals {
            let text = |figures| figure(figures, *goal).map_or_else(String::new, human::percent);
            row.extend([text(&p.at_best), text(&p.planned)]);
        }
        row
    };
    ChartView { title, svg: chart.svg(&format!("shrink-{row}")), head, rows: group.curve.iter().map(cells).collect() }
}

/// The figure of `goal` among a point's.
fn figure(figures: &[(Goal, f64)], goal: Goal) -> Option<f64> {
    figures.iter().find(|(own, _)| *own == goal).map(|(_, value)| *value)
}

/// The curves as a table, a row per group, brokers removed and goal.
pub(crate) fn sheet(policy: &Policy, groups: &[GroupMax]) -> Sheet {
    let mut rows = Vec::new();
    for (group, point, goal) in groups.iter().flat_map(|group| {
        let of_point = move |point| Goal::UTILIZATIONS.into_iter().map(move |goal| (group, point, goal));
        group.curve.iter().flat_map(of_point)
    }) {
        let Some(at_best) = figure(&point.at_best, goal) else { continue };
        rows.push(vec![
            group.group.clone().into(),
            Cell::Count(point.removed as u64),
            goal.name().into(),
            Cell::Share(at_best),
            Cell::some(figure(&point.planned, goal), Cell::Share),
            Cell::some(limit(policy, goal), Cell::Share),
            point.holds.map_or(Cell::Missing, |holds| if holds { "yes" } else { "no" }.into()),
        ]);
    }
    Sheet {
        name: "shrink",
        title: "Use after a broker’s loss, by brokers removed",
        columns: vec![
            words("resource_group", "group"),
            figures("brokers_removed", "removed"),
            words("goal", "resource"),
            figures("at_best", "at best"),
            figures("planned", "planned"),
            figures("limit", "limit"),
            words("kept", "kept"),
        ],
        rows,
    }
}

/// What stands in the way, as an object.
#[derive(Serialize)]
pub struct BindingView<'a> {
    resource_group: &'a str,
    removed: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<&'static str>,
    value: f64,
    limit: f64,
    why: &'a str,
}

impl<'a> From<&'a Binding> for BindingView<'a> {
    fn from(binding: &'a Binding) -> Self {
        let (rule, goal) = match binding.criterion {
            Criterion::Rule(rule) => (Some(rule.name()), None),
            Criterion::Goal(goal) => (None, Some(goal.name())),
        };
        Self {
            resource_group: &binding.group,
            removed: binding.removed,
            rule,
            goal,
            value: rounded(binding.value),
            limit: rounded(binding.limit),
            why: &binding.why,
        }
    }
}

/// A group, as an object.
#[derive(Serialize)]
pub struct GroupView<'a> {
    resource_group: &'a str,
    brokers: usize,
    planned: bool,
    count: usize,
    order: &'a [i32],
    binding: Option<BindingView<'a>>,
    curve: Vec<PointView>,
}

#[derive(Serialize)]
struct PointView {
    removed: usize,
    holds: Option<bool>,
    at_best: BTreeMap<&'static str, f64>,
    planned: BTreeMap<&'static str, f64>,
}

impl From<&CurvePoint> for PointView {
    fn from(point: &CurvePoint) -> Self {
        let by_goal = |figures: &[(Goal, f64)]| figures.iter().map(|(g, value)| (g.name(), rounded(*value))).collect();
        let (at_best, planned) = (by_goal(&point.at_best), by_goal(&point.planned));
        Self { removed: point.removed, holds: point.holds, at_best, planned }
    }
}

impl<'a> From<&'a GroupMax> for GroupView<'a> {
    fn from(max: &'a GroupMax) -> Self {
        Self {
            resource_group: &max.group,
            brokers: max.brokers,
            planned: max.is_planned,
            count: max.count,
            order: &max.order,
            binding: max.binding.as_ref().map(BindingView::from),
            curve: max.curve.iter().map(PointView::from).collect(),
        }
    }
}
