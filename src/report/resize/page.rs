//! The section of report.html: headroom before and after, hours by throttle, cost, the shrink curve.

use super::words;
use crate::capacity::FleetChange;
use crate::capacity::change::Direction;
use crate::capacity::until::Comparison;
use crate::model::{Excuse, Policy};
use crate::report::charts::{Axis, BarChart, BarRow};
use crate::report::html::{ChartView, Section, TableView};
use crate::report::{human, shrink};

/// The section of `change`.
pub(super) fn section(policy: &Policy, change: &FleetChange, excuses: &[Excuse]) -> Section {
    let (kind, title) = match change.direction {
        Direction::Expand => ("Expansion", "The brokers that are added"),
        Direction::Shrink => ("Shrink", "The brokers that leave"),
    };
    let mut lead = vec![format!("{}.", words::deed(change))];
    lead.extend(words::headroom(change).map(|line| format!("{line}.")));
    lead.extend(words::cost(&change.cost).map(|line| format!("{line}.")));
    for group in change.asked.find_max.iter().flatten() {
        let relief =
            group.binding.as_ref().map_or_else(String::new, |b| format!(" What would help: {}.", shrink::relief(b)));
        lead.push(format!("{}.{relief}", shrink::max(group)));
    }
    lead.extend(excuses.iter().map(|excuse| format!("After the plan, {}.", words::excuse(excuse))));
    let mut tables = headroom_tables(change);
    tables.extend(days_table(change));
    tables.extend(until_table(change));
    tables.extend(only_to_new_table(change));
    let mut charts: Vec<ChartView> = hours_chart(change).into_iter().collect();
    for (row, group) in change.asked.find_max.iter().flatten().enumerate() {
        charts.push(shrink::chart(policy, row, group));
    }
    let assumed = change.asked.assumptions.iter().map(|line| format!("Assumed: {line}."));
    let kept = change.left_behind.iter().map(|(id, replicas)| {
        format!("Broker {id} keeps {}: their partitions get no entry.", human::counted(*replicas, "replica"))
    });
    let missing = change.not_evaluated.iter().map(|m| format!("Not evaluated: {}: {}.", m.what, m.why));
    Section { kind, title: title.to_owned(), lead, tables, charts, notes: kept.chain(assumed).chain(missing).collect() }
}

fn strings(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn headroom_tables(change: &FleetChange) -> Vec<TableView> {
    let mut groups: Vec<&str> = change.headroom_after.iter().map(|h| h.group.as_str()).collect();
    groups.dedup();
    let table = |group: &str| {
        let row = |after: &crate::capacity::Headroom| {
            let before = change.headroom_before.iter().find(|h| h.group == group && h.goal == after.goal);
            let old = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
            vec![
                after.goal.name().to_owned(),
                old(before.map(|h| human::percent(h.utilization_max))),
                human::percent(after.utilization_max),
                old(before.map(|h| words::loss(h.broker_lost.as_ref()))),
                words::loss(after.broker_lost.as_ref()),
                old(before.map(|h| words::loss(h.rack_lost.as_ref()))),
                words::loss(after.rack_lost.as_ref()),
                human::percent(after.limit),
                after.verdict.name().replace('_', " "),
            ]
        };
        TableView {
            title: format!("Headroom of group {group}"),
            head: strings(&[
                "goal",
                "busiest",
                "after",
                "largest broker lost",
                "after",
                "largest rack lost",
                "after",
                "limit",
                "after the plan",
            ]),
            rows: change.headroom_after.iter().filter(|h| h.group == group).map(row).collect(),
        }
    };
    groups.into_iter().map(table).collect()
}

fn days_table(change: &FleetChange) -> Option<TableView> {
    let row = |days: &crate::capacity::change::HeadroomDays| {
        let (before, after) = words::days(days);
        vec![days.group.clone(), days.goal.name().to_owned(), before, after]
    };
    let table = || TableView {
        title: "Days until the busiest broker reaches the limit, at the growth that the history forecasts".to_owned(),
        head: strings(&["group", "goal", "before", "after"]),
        rows: change.days.iter().map(row).collect(),
    };
    (!change.days.is_empty()).then(table)
}

fn until_table(change: &FleetChange) -> Option<TableView> {
    let (thresholds, Comparison { options, .. }) = change.asked.until.as_ref()?;
    let asked: Vec<String> =
        thresholds.iter().map(|t| format!("{} ≤ {}", t.goal.name(), words::figure(t.goal, t.most))).collect();
    let mut rows = Vec::new();
    for option in options {
        let cost = words::month(option);
        rows.extend(option.needs.iter().map(|need| {
            let plans = need.plans.to_string();
            vec![
                words::model(option),
                need.group.clone(),
                words::need(need),
                words::need_binding(need),
                plans,
                cost.clone(),
            ]
        }));
    }
    Some(TableView {
        title: format!("Brokers needed until {}", asked.join(", ")),
        head: strings(&["model", "group", "brokers", "with one fewer", "plans tried", "added cost a month"]),
        rows,
    })
}

fn only_to_new_table(change: &FleetChange) -> Option<TableView> {
    let cost = change.asked.only_to_new?;
    let row = |name: &str, bytes: u64, excess: f64, outside: u64| {
        vec![name.to_owned(), human::bytes(bytes), human::figure(excess), human::count(outside)]
    };
    Some(TableView {
        title: "What copying onto new brokers alone costs".to_owned(),
        head: strings(&["", "copied between brokers", "excess", "outside"]),
        rows: vec![
            row("this plan", cost.inter_broker_bytes.0, cost.excess.0, cost.outside.0),
            row("free to copy anywhere", cost.inter_broker_bytes.1, cost.excess.1, cost.outside.1),
        ],
    })
}

fn hours_chart(change: &FleetChange) -> Option<ChartView> {
    if change.hours.sweep.iter().all(|at| at.hours == Some(0.0)) {
        return None;
    }
    let label = |throttle: u64| {
        let is_suggested = throttle == change.hours.suggested.throttle_bytes_per_sec;
        format!("{}{}", human::rate(throttle as f64), if is_suggested { " ★" } else { "" })
    };
    let bars = change
        .hours
        .sweep
        .iter()
        .filter_map(|at| Some(BarRow { label: label(at.throttle_bytes_per_sec), before: None, after: at.hours? }));
    let title = "How long the copies take, by throttle (★ is what RUNBOOK.md suggests)".to_owned();
    let chart = BarChart { title: title.clone(), axis: Axis::Hours, limit: None, rows: bars.collect() };
    let rows = change.hours.sweep.iter().map(|at| vec![label(at.throttle_bytes_per_sec), words::hours(at)]);
    Some(ChartView {
        title,
        svg: chart.svg("move-hours"),
        head: strings(&["throttle per broker", "copies take"]),
        rows: rows.collect(),
    })
}
