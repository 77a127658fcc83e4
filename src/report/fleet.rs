//! `fleet`: one row per cluster, the most urgent first, as text, page, JSON and CSV. Input: sorted rows. Pure.

use std::path::PathBuf;

use serde::Serialize;

use super::charts::{Axis, BarChart, BarRow};
use super::json::{NotEvaluatedView, not_evaluated, rounded};
use super::sheet::{Mood, Section, Sheet, Tile};
use super::table::Align::{Left, Right};
use super::what_if::{optional, or_dash};
use super::{human, layout};
use crate::capacity::NotEvaluated;
use crate::capacity::fleet::{FleetVerdict, Row, Standing, Totals, full_next, totals, unsafe_clusters};
use crate::writer::OutputFile;

/// Clusters that the chart has room for.
const CHART_ROWS: usize = 20;

/// A chart's id, its title, what its bars count, and a cluster's figure.
type FleetChart = (&'static str, &'static str, Axis, fn(&Standing) -> Option<f64>);

/// Charts beside that of the tightest resources.
const CHARTS: [FleetChart; 2] = [
    ("full", "Days until the first limit is reached, the fewest first", Axis::Hours, |standing| {
        standing.headroom_days.as_ref().ok().map(|days| days * 24.0)
    }),
    ("copies", "What rebalancing copies between brokers, most first", Axis::Bytes, |standing| {
        standing.rebalance.map(|rebalance| rebalance.bytes as f64)
    }),
];

fn in_days(days: f64) -> String {
    human::counted(days.round() as u64, "day")
}

/// Clusters that an entry names; fleet.json has all.
const NAMED: usize = 3;

/// What is absent from rows; days by reason, with the clusters where not all share it.
fn absent(rows: &[Row]) -> Vec<NotEvaluated> {
    let standings = || rows.iter().filter_map(|row| Some((row, row.standing.as_ref().ok()?)));
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for (row, standing) in standings() {
        let Err(why) = &standing.headroom_days else { continue };
        match reasons.iter_mut().find(|(known, _)| known == why) {
            Some((_, names)) => names.push(&row.name),
            None => reasons.push((why, vec![&row.name])),
        }
    }
    let count = standings().count();
    let days = reasons.into_iter().map(|(why, names)| {
        let what = if names.len() == count {
            "headroom_days".to_owned()
        } else {
            format!("headroom_days of {}", list(&names))
        };
        NotEvaluated::new(what, why)
    });
    let mut absent: Vec<NotEvaluated> = days.collect();
    if standings().any(|(_, standing)| standing.rebalance.is_none()) {
        absent.push(NotEvaluated::new("rebalance_bytes", "--no-plan was given"));
    }
    absent
}

/// `a, b, c and 2 more`.
fn list(names: &[&str]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let shown: Vec<&str> = names.iter().take(NAMED).copied().collect();
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

/// The fleet for people; `rows` are sorted.
#[must_use]
pub fn sheet(rows: &[Row]) -> Sheet {
    let totals = totals(rows);
    let verdict = format!(
        "of {}: {} with a broken rule ({}), {} that could not be read, {} at risk once a broker is lost; {} outside their \
         bands{}",
        human::counted(totals.clusters, "cluster"),
        human::count(totals.broken),
        human::counted(totals.hard_total, "violation"),
        human::count(totals.unreadable),
        human::count(totals.at_risk),
        human::count(totals.outside),
        totals
            .rebalance_bytes
            .map_or_else(String::new, |bytes| format!(", rebalancing all copies {}", human::bytes(bytes)))
    );
    let next = full_next(rows).map_or_else(String::new, |(row, days, group, goal)| {
        format!(". Full next: {}, {goal} of {group} in {}", row.name, in_days(days))
    });
    let not_safe = unsafe_clusters(rows);
    let not_safe = if not_safe.is_empty() { String::new() } else { format!(". Not safe: {}", list(&not_safe)) };
    let verdict = format!("{verdict}{next}{not_safe}");
    let urgent = totals.broken + totals.unreadable;
    let (mood, word) = match (urgent, totals.at_risk) {
        (0, 0) => (Mood::Good, "None urgent".to_owned()),
        (0, _) => (Mood::Fair, "None urgent".to_owned()),
        _ => (Mood::Bad, format!("{} urgent", human::count(urgent))),
    };
    Sheet {
        kicker: "fleet",
        title: "Fleet".to_owned(),
        meta: human::counted(totals.clusters, "cluster"),
        mood,
        word,
        verdict,
        tiles: tiles(rows, &totals),
        sections: sections(rows),
        not_evaluated: absent(rows),
        glossary: vec![
            ("broken", "A hard rule does not hold: replicas together, on dying brokers, or beyond a capacity."),
            ("at risk", "A limit is passed, or would be once the worst broker is lost and its load spread."),
            ("outside", "Brokers, dirs or (topic, broker) pairs that are outside a goal's band."),
            ("days", "Until the first limit is reached, by the median forecast of the cluster's history."),
            ("tightest", "The resource nearest to its limit once the worst broker of its group is lost."),
        ],
    }
}

fn tiles(rows: &[Row], totals: &Totals) -> Vec<Tile> {
    let next = full_next(rows);
    vec![
        Tile {
            label: "Clusters",
            value: human::count(totals.clusters),
            note: human::counted(totals.brokers, "broker"),
        },
        Tile {
            label: "Broken",
            value: human::count(totals.broken),
            note: human::counted(totals.hard_total, "violation"),
        },
        Tile {
            label: "Full next",
            value: or_dash(next, |(_, days, ..)| in_days(days)),
            note: next.map_or_else(|| "no history says".to_owned(), |(row, ..)| row.name.clone()),
        },
        Tile { label: "At risk", value: human::count(totals.at_risk), note: "once a broker is lost".to_owned() },
        Tile {
            label: "To be copied",
            value: or_dash(totals.rebalance_bytes, human::bytes),
            note: format!("of {}", human::bytes(totals.stored_bytes)),
        },
    ]
}

fn sections(rows: &[Row]) -> Vec<Section> {
    let table = rows.iter().map(|row| match &row.standing {
        Ok(standing) => cells(row, standing),
        Err(why) => {
            debug_assert!(!why.is_empty(), "what cannot be read says why");
            vec![row.name.clone(), row.verdict.name().to_owned()]
        }
    });
    let tightest = |row: &Row| {
        let used = row.standing.as_ref().ok()?.tightest.as_ref()?;
        Some(BarRow { label: row.name.clone(), before: None, after: used.utilization / used.limit })
    };
    let mut bars: Vec<BarRow> = rows.iter().filter_map(tightest).collect();
    bars.sort_by(|a, b| b.after.total_cmp(&a.after));
    bars.truncate(CHART_ROWS);
    let title = "Nearest to a limit once the worst broker is lost, as a share of the limit";
    let mut section = Section::new("Clusters, the most urgent first");
    if !bars.is_empty() {
        let chart = BarChart { title: title.to_owned(), axis: Axis::Share, limit: Some(1.0), rows: bars };
        section = section.chart(title, chart.svg("tightest"));
    }
    for (id, title, axis, figure) in CHARTS {
        let bar = |row: &Row| {
            let after = figure(row.standing.as_ref().ok()?)?;
            Some(BarRow { label: row.name.clone(), before: None, after })
        };
        let mut bars: Vec<BarRow> = rows.iter().filter_map(bar).collect();
        bars.sort_by(
            |a, b| if axis == Axis::Hours { a.after.total_cmp(&b.after) } else { b.after.total_cmp(&a.after) },
        );
        bars.truncate(CHART_ROWS);
        if !bars.is_empty() {
            let chart = BarChart { title: title.to_owned(), axis, limit: None, rows: bars };
            section = section.chart(title, chart.svg(id));
        }
    }
    let section = section.grid(
        &[
            ("cluster", Left),
            ("verdict", Left),
            ("", Left),
            ("rules", Right),
            ("outside", Right),
            ("excess", Right),
            ("tightest", Right),
            ("copies", Right),
            ("left", Right),
            ("days", Right),
        ],
        table.collect(),
    );
    let error = |row: &Row| {
        let why = row.standing.as_ref().err()?;
        let faults: Vec<&str> = why.lines().filter(|line| !line.starts_with(' ')).collect();
        let more = if faults.len() > 1 { format!("; {} more in fleet.json", faults.len() - 1) } else { String::new() };
        Some(vec![row.name.clone(), format!("{}{more}", faults.first().unwrap_or(&""))])
    };
    let errors: Vec<Vec<String>> = rows.iter().filter_map(error).collect();
    let mut sections = vec![section];
    if !errors.is_empty() {
        sections.push(Section::new("Could not be read").grid(&[("cluster", Left), ("why", Left)], errors));
    }
    sections
}

fn cells(row: &Row, standing: &Standing) -> Vec<String> {
    vec![
        row.name.clone(),
        row.verdict.name().to_owned(),
        human::counted(standing.brokers, "broker"),
        human::count(standing.hard_total),
        human::count(standing.outside),
        human::figure(standing.excess),
        or_dash(standing.tightest.as_ref(), |t| {
            format!("{} {} of {}", t.goal, human::percent(t.utilization), human::percent(t.limit))
        }),
        or_dash(standing.rebalance, |rebalance| human::bytes(rebalance.bytes)),
        or_dash(standing.rebalance, |rebalance| {
            if rebalance.hard_total > 0 {
                human::counted(rebalance.hard_total, "violation")
            } else {
                human::count(rebalance.outside)
            }
        }),
        or_dash(standing.headroom_days.as_ref().ok(), |days| human::mean_count(*days)),
    ]
}

/// The fleet for programs.
#[must_use]
pub fn json(rows: &[Row]) -> Vec<u8> {
    let absent = absent(rows);
    layout::to_bytes(&View {
        clusters: rows.iter().map(RowView::of).collect(),
        totals: TotalsView::of(&totals(rows)),
        full_next: full_next(rows).map(|(row, headroom_days, resource_group, goal)| NextView {
            cluster: &row.name,
            headroom_days,
            resource_group,
            goal,
        }),
        not_safe: unsafe_clusters(rows),
        not_evaluated: not_evaluated(&absent),
    })
}

/// The fleet's files: page, JSON, CSV.
#[must_use]
pub fn files(rows: &[Row]) -> Vec<OutputFile> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = rows.iter().try_for_each(|row| writer.serialize(RowView::of(row)));
    debug_assert!(written.is_ok(), "memory takes every row and all rows have one shape");
    let file = |name: &str, bytes| OutputFile { path: PathBuf::from(name), bytes };
    vec![
        file("fleet.html", sheet(rows).to_html()),
        file("fleet.json", json(rows)),
        file("fleet.csv", writer.into_inner().unwrap_or_default()),
    ]
}

#[derive(Serialize)]
struct View<'a> {
    clusters: Vec<RowView<'a>>,
    totals: TotalsView,
    full_next: Option<NextView<'a>>,
    not_safe: Vec<&'a str>,
    not_evaluated: Vec<NotEvaluatedView<'a>>,
}

/// The cluster that reaches a limit first.
#[derive(Serialize)]
struct NextView<'a> {
    cluster: &'a str,
    headroom_days: f64,
    resource_group: &'a str,
    goal: &'static str,
}

#[derive(Serialize)]
struct RowView<'a> {
    cluster: &'a str,
    verdict: &'static str,
    cluster_id: Option<&'a str>,
    captured_at: Option<&'a str>,
    brokers: Option<u64>,
    partitions: Option<u64>,
    stored_bytes: Option<u64>,
    hard_total: Option<u64>,
    outside: Option<u64>,
    excess: Option<f64>,
    headroom_days: Option<f64>,
    headroom_days_missing: Option<&'a str>,
    tightest_group: Option<&'a str>,
    tightest_goal: Option<&'static str>,
    tightest_utilization: Option<f64>,
    tightest_limit: Option<f64>,
    rebalance_bytes: Option<u64>,
    outside_after: Option<u64>,
    hard_total_after: Option<u64>,
    error: Option<&'a str>,
}

impl<'a> RowView<'a> {
    fn of(row: &'a Row) -> Self {
        let standing = row.standing.as_ref().ok();
        let tightest = standing.and_then(|s| s.tightest.as_ref());
        let rebalance = standing.and_then(|s| s.rebalance);
        Self {
            cluster: &row.name,
            verdict: row.verdict.name(),
            cluster_id: standing.map(|s| s.cluster_id.as_str()),
            captured_at: standing.map(|s| s.captured_at.as_str()),
            brokers: standing.map(|s| s.brokers),
            partitions: standing.map(|s| s.partitions),
            stored_bytes: standing.map(|s| s.stored_bytes),
            hard_total: standing.map(|s| s.hard_total),
            outside: standing.map(|s| s.outside),
            excess: standing.map(|s| rounded(s.excess)),
            headroom_days: optional(standing.and_then(|s| s.headroom_days.as_ref().ok().copied())),
            headroom_days_missing: standing.and_then(|s| s.headroom_days.as_ref().err().map(String::as_str)),
            tightest_group: tightest.map(|t| t.group.as_str()),
            tightest_goal: tightest.map(|t| t.goal),
            tightest_utilization: tightest.map(|t| rounded(t.utilization)),
            tightest_limit: tightest.map(|t| t.limit),
            rebalance_bytes: rebalance.map(|r| r.bytes),
            outside_after: rebalance.map(|r| r.outside),
            hard_total_after: rebalance.map(|r| r.hard_total),
            error: row.standing.as_ref().err().map(String::as_str),
        }
    }
}

#[derive(Serialize)]
struct TotalsView {
    clusters: u64,
    broken: u64,
    unreadable: u64,
    at_risk: u64,
    brokers: u64,
    partitions: u64,
    stored_bytes: u64,
    hard_total: u64,
    outside: u64,
    rebalance_bytes: Option<u64>,
}

impl TotalsView {
    fn of(totals: &Totals) -> Self {
        Self {
            clusters: totals.clusters,
            broken: totals.broken,
            unreadable: totals.unreadable,
            at_risk: totals.at_risk,
            brokers: totals.brokers,
            partitions: totals.partitions,
            stored_bytes: totals.stored_bytes,
            hard_total: totals.hard_total,
            outside: totals.outside,
            rebalance_bytes: totals.rebalance_bytes,
        }
    }
}

/// Whether some cluster's rules are broken.
#[must_use]
pub fn is_any_broken(rows: &[Row]) -> bool {
    rows.iter().any(|row| row.verdict == FleetVerdict::Broken)
}
