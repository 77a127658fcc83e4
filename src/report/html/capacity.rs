//! The page of the capacity report. Input: the report and its tables. Output: one self-contained page without a script.

use serde::Serialize;

use super::figures::{self, ChartView};
use super::rebalance::PlanView;
use super::tables::{self, ExcuseView};
use super::{LegendEntry, STYLE, Section, Tile, heat_legend, page};
use crate::capacity::shrink::GroupMax;
use crate::capacity::{Headroom, HeadroomVerdict};
use crate::model::{Goal, band};
use crate::report::capacity::CapacityReport;
use crate::report::capacity::sheet::{Cell, Sheet};
use crate::report::capacity::sheets;
use crate::report::charts::{
    self, Axis, BarChart, BarRow, RackMatrix, ThresholdChart, ThresholdRow, rack_matrix, thresholds,
};
use crate::report::{copysets, headroom, human, shrink};
use crate::verify::Usage;

/// Rows of a table on the page; the CSV files have all.
const ROWS: usize = 50;
/// Rows of a bar chart.
const FULLEST: usize = 10;

/// The page of `report`; `sheets` are the tables written beside it.
#[must_use]
pub(crate) fn capacity_page(report: &CapacityReport<'_>, sheets: &[Sheet]) -> String {
    page("capacity.html", &Page::of(report, sheets))
}

/// What the template shows.
#[derive(Serialize)]
struct Page<'a> {
    css: String,
    version: &'static str,
    cluster: &'a str,
    captured_at: &'a str,
    window: Option<String>,
    verdict: &'static str,
    mood: &'static str,
    headline: String,
    tiles: Vec<Tile>,
    thresholds: Vec<ChartView>,
    threshold_legend: Vec<LegendEntry>,
    headroom: SheetView<'a>,
    heat: ChartView,
    legend: Vec<LegendEntry>,
    copysets: Option<Section>,
    racks: Option<ChartView>,
    cross_rack: SheetView<'a>,
    price: String,
    plan: Option<PlanView>,
    shrink_planned: bool,
    shrink_lines: Vec<String>,
    shrink: Vec<ChartView>,
    limits: SheetView<'a>,
    profile: &'static str,
    crowded: Option<ChartView>,
    classes: Option<ChartView>,
    has_traffic: bool,
    groups: SheetView<'a>,
    brokers: SheetView<'a>,
    log_dirs: SheetView<'a>,
    page_cache: SheetView<'a>,
    retention: SheetView<'a>,
    retained: Option<String>,
    machines: SheetView<'a>,
    machines_total: Option<String>,
    cost: Option<ChartView>,
    forecast: Option<String>,
    excuses: Vec<ExcuseView<'a>>,
    not_evaluated: Vec<(&'a str, &'a str)>,
    assumptions: Vec<(&'static str, String)>,
    tables: Vec<&'static str>,
}

/// A table's first rows.
#[derive(Serialize)]
struct SheetView<'a> {
    name: &'static str,
    title: &'static str,
    head: Vec<CellView<'a>>,
    rows: Vec<Vec<CellView<'a>>>,
    beyond: usize,
}

#[derive(Serialize)]
struct CellView<'a> {
    text: std::borrow::Cow<'a, str>,
    is_figure: bool,
}

impl SheetView<'_> {
    fn of(sheet: &Sheet) -> Self {
        let head =
            |c: &crate::report::capacity::sheet::Column| CellView { text: c.label.into(), is_figure: c.is_figure };
        let row = |row: &Vec<Cell>| {
            let cells = row.iter().zip(&sheet.columns);
            cells.map(|(cell, c)| CellView { text: cell.human().into(), is_figure: c.is_figure }).collect()
        };
        Self {
            name: sheet.name,
            title: sheet.title,
            head: sheet.columns.iter().map(head).collect(),
            rows: sheet.rows.iter().take(ROWS).map(row).collect(),
            beyond: sheet.rows.len().saturating_sub(ROWS),
        }
    }
}

impl<'a> Page<'a> {
    fn of(report: &'a CapacityReport<'_>, sheets: &[Sheet]) -> Self {
        let info = &report.snapshot.cluster;
        let load = &report.load;
        let shown = [rack_chart(report), limits_chart(report), classes_chart(report), cost_chart(report)];
        let [racks, crowded, classes, cost] = shown;
        let after = report.plan.map(|plan| Usage::of(report.snapshot, &plan.placement));
        Self {
            css: format!("{STYLE}{}", charts::css()),
            version: env!("CARGO_PKG_VERSION"),
            cluster: &info.cluster_id,
            captured_at: &info.captured_at,
            window: info.window.as_ref().map(|w| format!("{} of {} to {}", w.statistic.name(), w.start, w.end)),
            verdict: report.verdict_in_words(),
            mood: mood(report.verdict()),
            headline: report.headline(),
            tiles: tiles(report),
            thresholds: threshold_charts(report),
            threshold_legend: threshold_legend(),
            headroom: SheetView::of(&sheets::headroom(report)),
            heat: figures::heat_map(report.snapshot, report.policy, &report.usage, after.as_ref()),
            legend: heat_legend(),
            copysets: copysets::section(report.snapshot, report.policy, report.plan),
            racks,
            cross_rack: SheetView::of(&sheets::cross_rack(report)),
            price: format!("{}", load.assumptions.cross_rack_usd_per_gb),
            plan: report.plan.zip(after.as_ref()).map(|(plan, after)| PlanView::of(report, plan, after)),
            shrink_planned: report.shrink.iter().all(|max| max.is_planned),
            shrink_lines: report.shrink.iter().map(shrink_line).collect(),
            shrink: report.shrink.iter().enumerate().map(|(row, max)| shrink::chart(report.policy, row, max)).collect(),
            limits: SheetView::of(&sheets::limits(report)),
            profile: load.limits.profile.name(),
            crowded,
            classes,
            has_traffic: load.has_traffic,
            groups: SheetView::of(&sheets::groups(report)),
            brokers: SheetView::of(&sheets::brokers(report)),
            log_dirs: SheetView::of(&sheets::log_dirs(report)),
            page_cache: SheetView::of(&sheets::page_cache(report)),
            retention: SheetView::of(&sheets::retention(report)),
            retained: retained(report),
            machines: SheetView::of(&sheets::machines(report)),
            machines_total: load
                .cost
                .machines_monthly
                .as_ref()
                .map(|(total, currency)| format!("{} {currency}", human::money(*total))),
            cost,
            forecast: report.forecast.map(|forecast| crate::report::forecast::section(report.snapshot, forecast)),
            excuses: tables::excuses(&report.excuses),
            not_evaluated: report.not_evaluated.iter().map(|n| (n.what.as_str(), n.why.as_str())).collect(),
            assumptions: assumptions(report),
            tables: sheets.iter().map(|sheet| sheet.name).collect(),
        }
    }
}

fn mood(verdict: HeadroomVerdict) -> &'static str {
    match verdict {
        HeadroomVerdict::Ok => "good",
        HeadroomVerdict::RackLossExceeds => "fair",
        HeadroomVerdict::BrokerLossExceeds | HeadroomVerdict::Exceeded => "bad",
    }
}

fn tiles(report: &CapacityReport<'_>) -> Vec<Tile> {
    let cluster = &report.load.traffic.cluster;
    let all = &report.check.headroom;
    let holds = all.iter().filter(|h| h.verdict == HeadroomVerdict::Ok).count();
    let mut tiles = vec![
        Tile {
            label: "Limits that hold",
            value: format!("{holds} of {}", all.len()),
            note: "now and after each loss evaluated".to_owned(),
        },
        Tile {
            label: "Hard rules broken",
            value: human::count(report.check.assessment.hard_total()),
            note: format!("{} outside their bands", human::count(report.check.assessment.imbalance.outside)),
        },
    ];
    tiles.extend(report.forecast.map(super::forecast::tiles).unwrap_or_default());
    if report.load.has_traffic {
        tiles.push(Tile {
            label: "Network in",
            value: human::rate(cluster.network_in()),
            note: format!("{} produced", human::rate(cluster.produce)),
        });
        tiles.push(Tile {
            label: "Network out",
            value: human::rate(cluster.network_out()),
            note: format!("{} consumed", human::rate(cluster.consume)),
        });
    }
    if let (Some(racks), Some(cost)) = (&report.load.racks, &report.load.cost.cross_rack) {
        tiles.push(Tile {
            label: "Between racks",
            value: human::rate(racks.total().crossing()),
            note: format!("{} a month", human::usd(cost.total_usd())),
        });
    }
    if let Some((total, currency)) = &report.load.cost.machines_monthly {
        tiles.push(Tile { label: "Machines", value: human::money(*total), note: format!("{currency} a month") });
    }
    tiles
}

fn threshold_legend() -> Vec<LegendEntry> {
    thresholds::LEGEND.into_iter().map(|(ink, text)| LegendEntry { letter: ink.letter(), text, symbol: "" }).collect()
}

/// One chart per group.
fn threshold_charts(report: &CapacityReport<'_>) -> Vec<ChartView> {
    let mut by_group: Vec<(&str, Vec<&Headroom>)> = Vec::new();
    for headroom in &report.check.headroom {
        match by_group.last_mut() {
            Some((name, rows)) if *name == headroom.group => rows.push(headroom),
            _ => by_group.push((&headroom.group, vec![headroom])),
        }
    }
    let chart = |(number, (name, rows)): (usize, (&str, Vec<&Headroom>))| {
        let title = format!("Group {name}");
        let lost = |loss: &Option<crate::capacity::headroom::AfterLoss>| {
            loss.as_ref().map(|loss| (loss.lost.clone(), loss.utilization_max))
        };
        let bars = rows.iter().map(|h| ThresholdRow {
            label: h.goal.name().to_owned(),
            limit: h.limit,
            now: h.utilization_max,
            broker_lost: lost(&h.broker_lost),
            rack_lost: lost(&h.rack_lost),
        });
        let chart = ThresholdChart { title: format!("{title}: utilization against limits"), rows: bars.collect() };
        let cell = |value: &Option<(String, f64)>| {
            value.as_ref().map_or("–".to_owned(), |(name, value)| format!("{} ({name})", human::percent(*value)))
        };
        let table = chart.rows.iter().zip(&rows).map(|(row, h)| {
            vec![
                row.label.clone(),
                human::percent(row.limit),
                human::percent(row.now),
                cell(&row.broker_lost),
                cell(&row.rack_lost),
                headroom::in_words(h.verdict).to_owned(),
            ]
        });
        ChartView {
            title,
            svg: chart.svg(&format!("thresholds-{number}")),
            head: ["", "limit", "now", "without the worst broker", "without the worst rack", "the limit"]
                .map(str::to_owned)
                .to_vec(),
            rows: table.collect(),
        }
    };
    by_group.into_iter().enumerate().map(chart).collect()
}

/// Bytes per second from rack to rack; none where racks are unknown or there is only one.
fn rack_chart(report: &CapacityReport<'_>) -> Option<ChartView> {
    let total = report.load.racks.as_ref()?.total();
    let names = &report.snapshot.racks;
    if names.len() < 2 {
        return None;
    }
    let rates: Vec<Vec<f64>> =
        (0..names.len()).map(|from| (0..names.len()).map(|to| total.get(from, to)).collect()).collect();
    let title = match names.len() {
        n if n > rack_matrix::MOST_RACKS => {
            format!("Bytes per second from rack to rack: the first {} of {n} racks", rack_matrix::MOST_RACKS)
        }
        _ => "Bytes per second from rack to rack".to_owned(),
    };
    let rows = names.iter().zip(&rates).map(|(name, row)| {
        let mut cells = vec![name.clone()];
        cells.extend(row.iter().map(|rate| human::rate(*rate)));
        cells
    });
    let rows = rows.collect();
    let head = std::iter::once("from ↓ to →".to_owned()).chain(names.iter().cloned()).collect();
    let chart = RackMatrix { title: title.clone(), racks: names.clone(), rates };
    Some(ChartView { title, svg: chart.svg("racks"), head, rows })
}

/// The brokers with most replicas against the hard limit.
fn limits_chart(report: &CapacityReport<'_>) -> Option<ChartView> {
    let replicas = &report.load.limits.replicas;
    let mut rows: Vec<BarRow> = report
        .snapshot
        .broker_indices()
        .filter(|&b| report.snapshot.broker(b).state.is_active())
        .map(|b| BarRow {
            label: format!("broker {}", report.snapshot.broker(b).id),
            before: None,
            after: replicas[b.row()] as f64,
        })
        .collect();
    rows.sort_by(|a, b| b.after.total_cmp(&a.after));
    rows.truncate(FULLEST);
    if rows.is_empty() {
        return None;
    }
    let title = format!("Replicas by broker: the {} with most", rows.len());
    // The limit of 10,000 would leave nothing to see of bars of a hundred: it stands in the table.
    let limit = f64::from(report.policy.limits.replicas_per_broker);
    let is_near = rows.first().is_some_and(|row| row.after > limit / 10.0);
    let chart = BarChart { title, axis: Axis::Count, limit: is_near.then_some(limit), rows };
    Some(bar_view(chart, "crowded", "replicas"))
}

/// The cluster's traffic by class.
fn classes_chart(report: &CapacityReport<'_>) -> Option<ChartView> {
    let cluster = &report.load.traffic.cluster;
    let mut classes = vec![
        ("produce", cluster.produce),
        ("replication", cluster.replication_in),
        ("reassignment", cluster.reassignment_in),
        ("consume", cluster.consume),
        ("disk writes", cluster.disk_write()),
        ("cleaner reads", cluster.cleaner_read),
        ("cleaner writes", cluster.cleaner_write),
    ];
    classes.retain(|(_, rate)| *rate > 0.0);
    if classes.is_empty() {
        return None;
    }
    let row = |(label, after): (&str, f64)| BarRow { label: label.to_owned(), before: None, after };
    let title = "The cluster’s traffic by class".to_owned();
    let rows = classes.into_iter().map(row).collect();
    Some(bar_view(BarChart { title, axis: Axis::BytesPerSec, limit: None, rows }, "classes", "rate"))
}

/// What a month costs, where something is priced in dollars.
fn cost_chart(report: &CapacityReport<'_>) -> Option<ChartView> {
    let cost = &report.load.cost;
    let mut rows: Vec<BarRow> = Vec::new();
    let mut row = |label: String, after: f64| rows.push(BarRow { label, before: None, after });
    for machine in cost.machines.iter().filter(|machine| machine.currency == "USD") {
        row(format!("{} × {}", machine.brokers, machine.model), machine.monthly());
    }
    if let Some(cross) = &cost.cross_rack {
        row("produce across".to_owned(), cross.produce_usd);
        row("replication across".to_owned(), cross.replication_usd);
        row("consume across".to_owned(), cross.consume_usd);
        row("consume, KIP-392".to_owned(), cross.consume_nearest_usd);
    }
    if rows.iter().all(|row| row.after <= 0.0) {
        return None;
    }
    let title = "US dollars a month: machines, and traffic across racks".to_owned();
    Some(bar_view(BarChart { title, axis: Axis::Usd, limit: None, rows }, "cost", "a month"))
}

fn bar_view(chart: BarChart, id: &str, figure: &str) -> ChartView {
    let format = |value: f64| match chart.axis {
        Axis::BytesPerSec => human::rate(value),
        Axis::Usd => human::usd(value),
        _ => human::mean_count(value),
    };
    ChartView {
        title: chart.title.clone(),
        svg: chart.svg(id),
        head: vec![String::new(), figure.to_owned()],
        rows: chart.rows.iter().map(|row| vec![row.label.clone(), format(row.after)]).collect(),
    }
}

/// How many brokers of a group can go, why no more, and what would change that.
fn shrink_line(max: &GroupMax) -> String {
    let relief = max.binding.as_ref().map_or_else(String::new, |b| format!(" What would help: {}.", shrink::relief(b)));
    format!("{}.{relief}", shrink::max(max))
}

/// Disks at retention in a sentence.
fn retained(report: &CapacityReport<'_>) -> Option<String> {
    let retention = &report.load.retention;
    if retention.topics.is_empty() {
        return None;
    }
    let fullest = retention.fullest().map(|(broker, utilization)| {
        let limit = report.policy.limits.disk;
        let over = if band::exceeds(utilization, limit) { ", above" } else { ", within" };
        format!(
            " Broker {} would then be fullest at {}{over} the limit of {} for {}.",
            report.snapshot.broker(broker).id,
            human::percent(utilization),
            human::percent(limit),
            Goal::Disk.name()
        )
    });
    Some(format!(
        "{} with a retention hold {} now and {} once each has reached it.{}",
        human::counted(retention.topics.len() as u64, "topic"),
        human::bytes(retention.measured_bytes),
        human::bytes_f64(retention.retained_bytes),
        fullest.unwrap_or_default()
    ))
}

fn assumptions(report: &CapacityReport<'_>) -> Vec<(&'static str, String)> {
    let given = &report.load.assumptions;
    vec![
        ("clients", "spread evenly over the racks of active brokers".to_owned()),
        ("brokers down or dead", "their replicas’ traffic counts as if they were served".to_owned()),
        ("a loss", "everything is copied again and spread over the survivors by capacity".to_owned()),
        (
            "heap",
            format!(
                "{} where the catalogue has none (Apache Kafka's documentation)",
                human::bytes_f64(given.heap_bytes)
            ),
        ),
        ("operating system", human::bytes_f64(given.os_reserve_bytes)),
        (
            "log cleaner",
            format!(
                "runs at a dirty share of {} (Kafka's default); its writes are a lower bound",
                human::percent(given.dirty_ratio)
            ),
        ),
        ("a month", "730 hours".to_owned()),
        (
            "traffic between racks",
            format!("${} per gigabyte (10⁹ bytes) in each direction", given.cross_rack_usd_per_gb),
        ),
    ]
}
