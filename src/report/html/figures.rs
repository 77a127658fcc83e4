//! The page's charts as data: who stands where before and after, each with the table that says the same in figures.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::{BrokerIdx, Goal, LogDirIdx, Policy, Rule, Snapshot, band};
use crate::plan::Plan;
use crate::report::charts::{Axis, BarChart, BarRow, Curve, HeatCell, HeatGroup, HeatMap, Quantity, Side};
use crate::report::check::hot_spots::limit_of;
use crate::report::frontier;
use crate::report::human;
use crate::report::standing::{GoalStanding, GroupStanding, standings};
use crate::verify::Usage;

/// Rows of a bar chart: what is fullest, few enough to compare at a glance.
const FULLEST: usize = 10;

/// A chart with its heading and its table.
#[derive(Clone, Debug, Serialize)]
pub struct ChartView {
    /// Heading.
    pub title: String,
    /// Markup made by `charts`, which escapes what it is given.
    pub svg: String,
    /// Columns of the table.
    pub head: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
}

/// The heat map of all goals that compare brokers, and its figures by broker; with a plan carried out beside it, if any.
pub(super) fn heat_map(snapshot: &Snapshot, policy: &Policy, before: &Usage, after: Option<&Usage>) -> ChartView {
    let old = standings(snapshot, policy, before);
    let new = after.map(|after| standings(snapshot, policy, after));
    let goals: Vec<Goal> =
        Goal::BROKER.into_iter().filter(|goal| old.iter().any(|group| group.goal(*goal).is_some())).collect();
    let mut map = HeatMap { rows: goals.iter().map(|goal| goal.name().to_owned()).collect(), groups: Vec::new() };
    let mut rows = Vec::new();
    let mut outside = (0, 0);
    for (number, old) in old.iter().enumerate() {
        let lines = |group: &GroupStanding| goals.iter().map(|&goal| cells(group, goal)).collect::<Vec<_>>();
        let before = lines(old);
        let after = new.as_ref().and_then(|new| new.get(number)).map(lines).unwrap_or_default();
        for (column, broker) in old.brokers.iter().enumerate() {
            let mut row = vec![snapshot.broker(*broker).id.to_string(), old.name.clone()];
            row.extend(before.iter().enumerate().map(|(line, cells)| {
                let after = after.get(line).unwrap_or(cells);
                in_words(&cells[column], &after[column])
            }));
            rows.push(row);
        }
        outside = (outside.0 + count_outside(&before), outside.1 + count_outside(&after));
        let brokers = old.brokers.iter().map(|b| snapshot.broker(*b).id.to_string()).collect();
        map.groups.push(HeatGroup { name: old.name.clone(), brokers, before, after });
    }
    let compared = if after.is_some() { format!(" before, {} after", outside.1) } else { String::new() };
    let description = format!(
        "Rows are goals, columns are brokers, colours show how far each is from its group's mean. {} figures are \
         outside their band{compared}. The table below has them all.",
        outside.0
    );
    let head = ["broker".to_owned(), "group".to_owned()].into_iter().chain(map.rows.clone()).collect();
    ChartView { title: "Distance from the group’s mean".to_owned(), svg: map.svg("heat", &description), head, rows }
}

fn count_outside(lines: &[Vec<HeatCell>]) -> usize {
    lines.iter().flatten().filter(|cell| cell.side != Side::Inside).count()
}

fn cells(group: &GroupStanding, goal: Goal) -> Vec<HeatCell> {
    match group.goal(goal) {
        Some(standing) => standing.figures.values.iter().map(|&value| cell(standing, value)).collect(),
        None => vec![HeatCell { text: String::new(), ratio: None, side: Side::Inside }; group.brokers.len()],
    }
}

fn cell(standing: &GoalStanding, value: f64) -> HeatCell {
    let figures = &standing.figures;
    let side = if band::exceeds(value, figures.band.1) {
        Side::Above
    } else if band::falls_short(value, figures.band.0) {
        Side::Below
    } else {
        Side::Inside
    };
    // Without any load everyone is at the mean.
    let ratio = if figures.mean > 0.0 { value / figures.mean } else { 1.0 };
    HeatCell { text: standing.unit.format(value), ratio: Some(ratio), side }
}

/// `48.5 % ▲ → 44.1 %`, or one figure where no change is to be seen.
fn in_words(before: &HeatCell, after: &HeatCell) -> String {
    let one = |cell: &HeatCell| format!("{} {}", cell.text, cell.side.symbol()).trim_end().to_owned();
    let (before, after) = (one(before), one(after));
    if before == after { before } else { format!("{before} → {after}") }
}

/// The fullest brokers by resource, then the fullest log dirs, against their limits; and what cannot be drawn, why.
pub(super) fn bars(
    snapshot: &Snapshot,
    policy: &Policy,
    before: &Usage,
    after: &Usage,
) -> (Vec<ChartView>, Vec<String>) {
    let active: Vec<BrokerIdx> = snapshot.broker_indices().filter(|&b| snapshot.broker(b).state.is_active()).collect();
    let mut charts = Vec::new();
    let mut not_drawn = Vec::new();
    for goal in [Goal::Disk, Goal::NetworkIn, Goal::NetworkOut, Goal::Cpu] {
        let row = |&broker: &BrokerIdx| {
            let label = format!("broker {}", snapshot.broker(broker).id);
            let before = before.utilization(snapshot, broker, goal)?;
            Some(BarRow { label, before: Some(before), after: after.utilization(snapshot, broker, goal)? })
        };
        let rows: Vec<BarRow> = active.iter().filter_map(row).collect();
        if rows.is_empty() {
            not_drawn.push(format!("{}: no active broker has both figures and a capacity", goal.name()));
        } else {
            charts.push(fullest(goal, "brokers", rows, limit_of(policy, goal)));
        }
    }
    let rows = dir_rows(snapshot, &active, |dir| {
        Some((before.log_dir_utilization(snapshot, dir)?, after.log_dir_utilization(snapshot, dir)?))
    });
    if rows.is_empty() {
        not_drawn.push("log_dir: no log dir in use has a known capacity".to_owned());
    } else {
        charts.push(fullest(Goal::LogDir, "log dirs", rows, limit_of(policy, Goal::LogDir)));
    }
    if policy.bands.is_on(Goal::LogDirWrites) {
        let share = |usage: &Usage, dir: LogDirIdx| {
            let most = snapshot.log_dir(dir).write_capacity_bytes_per_sec.filter(|most| *most > 0.0)?;
            Some(usage.log_dir_writes[dir.row()] / most)
        };
        let rows = dir_rows(snapshot, &active, |dir| Some((share(before, dir)?, share(after, dir)?)));
        if rows.is_empty() {
            not_drawn.push("log_dir_writes: of no log dir in use is known what its disk can write".to_owned());
        } else {
            charts.push(fullest(Goal::LogDirWrites, "log dirs", rows, None));
        }
    }
    (charts, not_drawn)
}

/// A row for each serving log dir of `brokers` that has figures, before and after.
fn dir_rows(
    snapshot: &Snapshot,
    brokers: &[BrokerIdx],
    figures: impl Fn(LogDirIdx) -> Option<(f64, f64)>,
) -> Vec<BarRow> {
    let dirs = brokers.iter().flat_map(|&b| snapshot.broker(b).log_dir_rows()).map(LogDirIdx::new);
    let row = |dir: LogDirIdx| {
        let log_dir = snapshot.log_dir(dir);
        let label = format!("{}:{}", snapshot.broker(log_dir.broker).id, log_dir.path);
        let (before, after) = figures(dir)?;
        Some(BarRow { label, before: Some(before), after })
    };
    dirs.filter(|&d| snapshot.log_dir(d).state.is_serving()).filter_map(row).collect()
}

fn fullest(goal: Goal, noun: &str, mut rows: Vec<BarRow>, limit: Option<f64>) -> ChartView {
    let total = rows.len();
    let most = |row: &BarRow| row.before.unwrap_or(0.0).max(row.after);
    // Sorting keeps the order of ids among equals.
    rows.sort_by(|a, b| most(b).total_cmp(&most(a)));
    rows.truncate(FULLEST);
    let shown = rows.len();
    let title = if shown < total {
        format!("{}: the {shown} fullest of {} {noun}", goal.name(), human::count(total as u64))
    } else {
        format!("{}: all {noun}, fullest first", goal.name())
    };
    let chart = BarChart { title: title.clone(), axis: Axis::Share, limit, rows };
    let cells = |row: &BarRow| {
        let before = row.before.map_or_else(String::new, human::percent);
        let over = if limit.is_some_and(|limit| band::exceeds(row.after, limit)) { " ▲ over the limit" } else { "" };
        let limit = limit.map_or_else(String::new, human::percent);
        vec![row.label.clone(), before, format!("{}{over}", human::percent(row.after)), limit]
    };
    let table = chart.rows.iter().map(cells).collect();
    ChartView {
        title,
        svg: chart.svg(&format!("bars-{}", goal.name().replace('_', "-"))),
        head: ["", "before", "after", "limit"].map(str::to_owned).to_vec(),
        rows: table,
    }
}

/// Bytes copied by the rule or goal that they serve; none where nothing is copied.
pub(super) fn reasons(plan: &Plan) -> Option<ChartView> {
    let mut by_reason: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for row in plan.moves.iter().filter(|row| row.bytes > 0) {
        let total = by_reason.entry(criterion_name(&row.reason)).or_default();
        total.0 += row.bytes;
        total.1 += 1;
    }
    let mut totals: Vec<(&str, (u64, u64))> = by_reason.into_iter().collect();
    totals.sort_by_key(|(name, (bytes, _))| (std::cmp::Reverse(*bytes), *name));
    let row = |(name, (bytes, _)): &(&str, (u64, u64))| BarRow {
        label: (*name).to_owned(),
        before: None,
        after: *bytes as f64,
    };
    let title = "Bytes copied, by the rule or goal they serve".to_owned();
    let rows: Vec<BarRow> = totals.iter().map(row).collect();
    if rows.is_empty() {
        return None;
    }
    let chart = BarChart { title: title.clone(), axis: Axis::Bytes, limit: None, rows };
    let cells = |(name, (bytes, moves)): &(&str, (u64, u64))| {
        vec![(*name).to_owned(), human::bytes(*bytes), human::count(*moves)]
    };
    Some(ChartView {
        title,
        svg: chart.svg("reasons"),
        head: ["", "copied", "moves"].map(str::to_owned).to_vec(),
        rows: totals.iter().map(cells).collect(),
    })
}

/// Bytes against excess, plan by plan; none where no frontier was asked for.
pub(super) fn frontier(plan: &Plan) -> Option<ChartView> {
    let points = &plan.frontier;
    let (first, last) = (points.first()?, points.last()?);
    let title = "What balance costs: bytes copied against excess".to_owned();
    let description = format!(
        "{} plans, from {} copied at excess {} to {} at {}. {}",
        points.len(),
        human::bytes(first.movement.inter_broker_bytes),
        human::figure(first.excess),
        human::bytes(last.movement.inter_broker_bytes),
        human::figure(last.excess),
        frontier::knee(points).unwrap_or_default()
    );
    let x = Quantity {
        name: "copied between brokers".to_owned(),
        axis: Some(Axis::Bytes),
        values: points.iter().map(|p| p.movement.inter_broker_bytes as f64).collect(),
    };
    let y = Quantity { name: "excess".to_owned(), axis: None, values: points.iter().map(|p| p.excess).collect() };
    let head = ["plan", "copied", "excess", "outside", "replicas", "hard rules broken", "how"];
    let row = |(number, point): (usize, &crate::plan::frontier::Point)| {
        vec![
            (number + 1).to_string(),
            human::bytes(point.movement.inter_broker_bytes),
            human::figure(point.excess),
            human::count(point.outside),
            human::count(point.movement.replica_moves),
            human::count(point.hard_total),
            frontier::how(point),
        ]
    };
    Some(ChartView {
        svg: Curve { title: title.clone(), description, x, y }.svg("frontier"),
        title,
        head: head.map(str::to_owned).to_vec(),
        rows: points.iter().enumerate().map(row).collect(),
    })
}

/// The rule or goal that a move's reason begins with.
fn criterion_name(reason: &str) -> &'static str {
    let name = reason.split(':').next().unwrap_or_default();
    let rules = Rule::ALL.into_iter().map(Rule::name);
    let known = rules.chain(Goal::ALL.into_iter().map(Goal::name)).chain([crate::plan::moves::REPLICATION_FACTOR]);
    known.into_iter().find(|known| *known == name).unwrap_or("other")
}
