//! A forecast as a section of HTML, and as a page of its own around it. The section relies on the pages' style sheet and
//! on the charts'.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

use super::{Urgency, headline, notes, percentiles, remedy, share_or_dash};
use crate::capacity::Forecast;
use crate::capacity::forecast::GoalForecast;
use crate::model::Snapshot;
use crate::report::charts::{self, FanChart, FanPoint};
use crate::report::human;

const SECTION: &str = include_str!("section.html.j2");
const PAGE: &str = include_str!("page.html.j2");
const STYLE: &str = include_str!("../html/style.css");

/// Fans drawn at most, those that reach their threshold soonest: a cluster may have many groups.
const FANS_MAX: usize = 12;
/// Days between the rows of a fan's table.
const TABLE_STEP_DAYS: usize = 30;

/// The `<section>` of a forecast: a sentence, a table of all series, the fans that matter most, notes.
#[must_use]
pub fn section(snapshot: &Snapshot, forecast: &Forecast) -> String {
    render("section.html", SECTION, &SectionView::of(snapshot, forecast))
}

pub(super) fn page(snapshot: &Snapshot, forecast: &Forecast) -> String {
    let info = &snapshot.cluster;
    let view = PageView {
        css: format!("{STYLE}{}", charts::css()),
        version: env!("CARGO_PKG_VERSION"),
        cluster: &info.cluster_id,
        captured_at: &info.captured_at,
        section: section(snapshot, forecast),
    };
    render("page.html", PAGE, &view)
}

fn render(name: &str, template: &str, view: &impl Serialize) -> String {
    let rendered = try_render(name, template, view);
    debug_assert!(rendered.is_ok(), "the template is part of the program: {:?}", rendered.as_ref().err());
    rendered.unwrap_or_default()
}

fn try_render(name: &str, template: &str, view: &impl Serialize) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template(name, template)?;
    environment.get_template(name)?.render(Serde(view))
}

#[derive(Serialize)]
struct PageView<'a> {
    css: String,
    version: &'static str,
    cluster: &'a str,
    captured_at: &'a str,
    section: String,
}

#[derive(Serialize)]
struct SectionView<'a> {
    mood: &'static str,
    word: &'static str,
    headline: String,
    remedy: Option<String>,
    horizon: String,
    rows: Vec<RowView<'a>>,
    fans: Vec<FanView>,
    fans_beyond: usize,
    notes: Vec<(String, String)>,
    missing: Vec<(&'a str, &'a str)>,
}

#[derive(Serialize)]
struct RowView<'a> {
    group: &'a str,
    goal: &'static str,
    model: &'static str,
    mape: String,
    held: String,
    today: String,
    growth: String,
    threshold: String,
    days: [String; 3],
    busiest: String,
}

#[derive(Serialize)]
struct FanView {
    title: String,
    /// Markup made by `charts`, which escapes what it is given.
    svg: String,
    rows: Vec<[String; 4]>,
}

impl<'a> SectionView<'a> {
    fn of(snapshot: &Snapshot, forecast: &'a Forecast) -> Self {
        let (urgency, headline) = headline(forecast);
        let (mood, word) = match urgency {
            Urgency::Passed => ("bad", "passed"),
            Urgency::Ahead => ("fair", "ahead"),
            Urgency::None => ("good", "clear"),
            Urgency::Unknown => ("fair", "unknown"),
        };
        let mut soonest: Vec<(usize, &GoalForecast)> = forecast.series.iter().enumerate().collect();
        let soon = |series: &GoalForecast| {
            let days = series.thresholds.first().and_then(|threshold| threshold.days);
            days.map_or((u32::MAX, u32::MAX), |days| (days.p50.unwrap_or(u32::MAX), days.p10))
        };
        soonest.sort_by_key(|(_, series)| soon(series));
        let fans_beyond = soonest.len().saturating_sub(FANS_MAX);
        soonest.truncate(FANS_MAX);
        Self {
            mood,
            word,
            headline,
            remedy: remedy(forecast),
            horizon: human::counted(u64::from(forecast.horizon_days), "day"),
            rows: forecast.series.iter().flat_map(|series| rows(snapshot, series, forecast.horizon_days)).collect(),
            fans: soonest.into_iter().map(|(row, series)| fan(row, series, forecast.horizon_days)).collect(),
            fans_beyond,
            notes: notes(forecast),
            missing: forecast.not_evaluated.iter().map(|m| (m.what.as_str(), m.why.as_str())).collect(),
        }
    }
}

fn rows<'a>(snapshot: &Snapshot, series: &'a GoalForecast, horizon_days: u32) -> Vec<RowView<'a>> {
    let (broker, utilization) = series.busiest;
    let row = |threshold: &crate::capacity::forecast::Threshold| RowView {
        group: &series.group,
        goal: series.goal.name(),
        model: series.model.name(),
        mape: share_or_dash(series.backtest.mape),
        held: share_or_dash(series.backtest.coverage95),
        today: human::percent(series.today),
        growth: human::percent((series.today + series.growth_30_days).max(0.0)),
        threshold: human::percent(threshold.utilization),
        days: percentiles(threshold.days, horizon_days),
        busiest: {
            let [_, median, _] = percentiles(threshold.busiest_days, horizon_days);
            format!("{} at {}: {median} d", snapshot.broker(broker).id, human::percent(utilization))
        },
    };
    series.thresholds.iter().map(row).collect()
}

fn fan(row: usize, series: &GoalForecast, horizon_days: u32) -> FanView {
    let title = format!("{} of group {}", series.goal.name(), series.group);
    let first = series.thresholds.first();
    let days = first.and_then(|threshold| threshold.days);
    let named = |day: Option<u32>, name| day.filter(|day| *day <= horizon_days).map(|day| (i64::from(day), name));
    let marks = days.into_iter().flat_map(|d| [named(Some(d.p10), "p10"), named(d.p50, "p50"), named(d.p90, "p90")]);
    let point = |(day, point): (usize, &crate::capacity::forecast::Point)| FanPoint {
        day: i64::try_from(day).unwrap_or(i64::MAX),
        low: point.p05,
        middle: point.p50,
        high: point.p95,
    };
    let chart = FanChart {
        title: title.clone(),
        past: series.history.clone(),
        points: series.points.iter().enumerate().map(point).collect(),
        threshold: first.map(|threshold| threshold.utilization),
        marks: marks.flatten().collect(),
    };
    let figures = series.points.iter().step_by(TABLE_STEP_DAYS);
    let cells = |point: &crate::capacity::forecast::Point| {
        let [p05, p50, p95] = [point.p05, point.p50, point.p95].map(human::percent);
        [point.date.clone(), p05, p50, p95]
    };
    FanView { title, svg: chart.svg(&format!("fan-{row}")), rows: figures.map(cells).collect() }
}
