//! Shows a [`Forecast`]: text, JSON, CSV, and a section of HTML that other pages take in. Pure.

mod html;
mod json;
mod sheet;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests;
mod text;

use std::path::PathBuf;

pub use html::section;
pub use json::view;
pub(super) use sheet::sheet;
pub(super) use text::summary;

use super::human;
use crate::capacity::forecast::{DaysToThreshold, Forecast, GoalForecast, Threshold};
use crate::model::Snapshot;
use crate::writer::OutputFile;

/// The forecast as a screen of text.
#[must_use]
pub fn to_text(snapshot: &Snapshot, forecast: &Forecast) -> String {
    text::render(snapshot, forecast)
}

/// The forecast as JSON text (contract §6, `forecast`).
#[must_use]
pub fn to_json(snapshot: &Snapshot, forecast: &Forecast) -> Vec<u8> {
    super::layout::to_bytes(&view(snapshot, forecast))
}

/// `forecast.csv`, `forecast.json` and `report.html`.
#[must_use]
pub fn files(snapshot: &Snapshot, forecast: &Forecast) -> Vec<OutputFile> {
    let file = |name: &str, bytes: Vec<u8>| OutputFile { path: PathBuf::from(name), bytes };
    vec![
        file("forecast.csv", to_csv(forecast)),
        file("forecast.json", to_json(snapshot, forecast)),
        file("report.html", html::page(snapshot, forecast).into_bytes()),
    ]
}

/// Every point as a row, for spreadsheets.
fn to_csv(forecast: &Forecast) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail, and all records are as wide as the header.
    let _ = writer.write_record(["resource_group", "goal", "date", "p05", "p50", "p95"]);
    for series in &forecast.series {
        for point in &series.points {
            let figures = [point.p05, point.p50, point.p95].map(|share| super::json::rounded(share).to_string());
            let [p05, p50, p95] = &figures;
            let _ = writer.write_record([&series.group, series.goal.name(), &point.date, p05, p50, p95]);
        }
    }
    writer.into_inner().unwrap_or_default()
}

/// The series that reaches its first threshold soonest, by its median, then its p10.
fn binding(forecast: &Forecast) -> Option<(&GoalForecast, &Threshold, DaysToThreshold)> {
    let reached = forecast.series.iter().filter_map(|series| {
        let threshold = series.thresholds.first()?;
        Some((series, threshold, threshold.days?))
    });
    reached.min_by_key(|(_, _, days)| (days.p50.unwrap_or(u32::MAX), days.p10))
}

/// The answer in a sentence, without a full stop; and whether a threshold is passed today or will be.
fn headline(forecast: &Forecast) -> (Urgency, String) {
    let Some((series, threshold, days)) = binding(forecast) else {
        let why = if forecast.series.is_empty() { "nothing could be forecast" } else { "no threshold is reached" };
        let urgency = if forecast.series.is_empty() { Urgency::Unknown } else { Urgency::None };
        return (urgency, format!("{why} within {}", human::counted(u64::from(forecast.horizon_days), "day")));
    };
    let is_passed = days.p10 == 0 && days.p50 == Some(0);
    (if is_passed { Urgency::Passed } else { Urgency::Ahead }, in_words(series, threshold, days))
}

/// When a threshold is reached, in a sentence without its full stop.
fn in_words(series: &GoalForecast, threshold: &Threshold, days: DaysToThreshold) -> String {
    let subject = format!("{} of group {}", series.goal.name(), series.group);
    let limit = human::percent(threshold.utilization);
    if days.p10 == 0 && days.p50 == Some(0) {
        return format!("{subject} is at {} already, threshold {limit}", human::percent(series.today));
    }
    let range = match (days.p50, days.p90) {
        (Some(_), Some(p90)) if p90 == days.p10 => format!("in {}", human::counted(u64::from(p90), "day")),
        (Some(p50), Some(p90)) => format!("in {}–{p90} days (median {p50})", days.p10),
        (Some(p50), None) => format!("in {} days or more (median {p50})", days.p10),
        (None, _) => format!("in {} days at the earliest (one path in ten)", days.p10),
    };
    format!("{subject} reaches {limit} {range}")
}

/// Every threshold that is reached within the horizon, the soonest first by its median, then its p10.
pub(super) fn reached(forecast: &Forecast) -> Vec<(&GoalForecast, &Threshold, DaysToThreshold)> {
    let mut all = Vec::new();
    for series in &forecast.series {
        all.extend(series.thresholds.iter().filter_map(|threshold| Some((series, threshold, threshold.days?))));
    }
    all.sort_by_key(|(_, _, days)| (days.p50.unwrap_or(u32::MAX), days.p10));
    all
}

/// [`reached`] as sentences without their full stops; one that says so where no threshold is reached.
pub(super) fn reached_in_words(forecast: &Forecast) -> Vec<String> {
    match reached(forecast) {
        all if all.is_empty() => vec![headline(forecast).1],
        all => all.into_iter().map(|(series, threshold, days)| in_words(series, threshold, days)).collect(),
    }
}

/// How soon a threshold is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Urgency {
    Passed,
    Ahead,
    None,
    Unknown,
}

/// What the binding series needs to stay below its threshold until the horizon; none where it does anyway.
fn remedy(forecast: &Forecast) -> Option<String> {
    let (series, threshold, _) = binding(forecast)?;
    let end = series.points.last()?;
    let times = |share: f64| share / threshold.utilization;
    (times(end.p95) > 1.0).then(|| {
        format!(
            "To be below {} until {}, {} of group {} needs {:.2} times its capacity by the median forecast, {:.2} times \
             by the upper end of its band (one case in twenty is above)",
            human::percent(threshold.utilization),
            end.date,
            series.goal.name(),
            series.group,
            times(end.p50).max(1.0),
            times(end.p95)
        )
    })
}

/// Each note once, with the series that it is about.
fn notes(forecast: &Forecast) -> Vec<(String, String)> {
    let mut notes: Vec<(String, Vec<String>)> = Vec::new();
    for series in &forecast.series {
        let name = format!("{} of {}", series.goal.name(), series.group);
        for note in &series.notes {
            match notes.iter_mut().find(|(known, _)| known == note) {
                Some((_, names)) => names.push(name.clone()),
                None => notes.push((note.clone(), vec![name.clone()])),
            }
        }
    }
    let whom = |names: Vec<String>| match names.len() {
        n if n == forecast.series.len() && n > 1 => "all".to_owned(),
        n if n > 4 => format!("{} and {} more", names.first().cloned().unwrap_or_default(), n - 1),
        _ => names.join(", "),
    };
    notes.into_iter().map(|(note, names)| (whom(names), note)).collect()
}

/// The days at a percentile: `–` where they are unknown, `>180` beyond the horizon.
fn days_in_words(days: Option<u32>, horizon_days: u32) -> String {
    match days {
        Some(days) if days <= horizon_days => days.to_string(),
        _ => format!(">{horizon_days}"),
    }
}

/// The three percentiles in words.
fn percentiles(threshold: Option<DaysToThreshold>, horizon_days: u32) -> [String; 3] {
    let of = |pick: fn(DaysToThreshold) -> Option<u32>| days_in_words(threshold.and_then(pick), horizon_days);
    [of(|d| Some(d.p10)), of(|d| d.p50), of(|d| d.p90)]
}

fn share_or_dash(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), human::percent)
}
