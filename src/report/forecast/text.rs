//! A forecast as a screen of text.

use std::fmt::Write as _;

use super::{Urgency, days_in_words, headline, notes, percentiles, remedy, share_or_dash};
use crate::capacity::Forecast;
use crate::model::Snapshot;
use crate::report::human;
use crate::report::style::{ASIDE, BROKEN, GOOD, HEADING, OUTSIDE, paint};
use crate::report::table::{Align, Cell, Table};

/// Width of notes.
const NOTE_WIDTH: usize = 94;

pub(super) fn render(snapshot: &Snapshot, forecast: &Forecast) -> String {
    let info = &snapshot.cluster;
    let horizon = human::counted(u64::from(forecast.horizon_days), "day");
    let mut text = format!("{}  captured {}, {horizon} ahead\n", paint(HEADING, &info.cluster_id), info.captured_at);
    text.push_str(&series(snapshot, forecast));
    let notes = notes(forecast).into_iter().map(|(whom, note)| format!("{whom}: {note}"));
    text.push_str(&list("Notes", notes));
    let missing = forecast.not_evaluated.iter().map(|missing| format!("{}: {}", missing.what, missing.why));
    text.push_str(&list("Not evaluated", missing));
    let (urgency, sentence) = headline(forecast);
    let (style, word) = match urgency {
        Urgency::Passed => (BROKEN, "PASSED"),
        Urgency::Ahead => (OUTSIDE, "AHEAD"),
        Urgency::None => (GOOD, "CLEAR"),
        Urgency::Unknown => (OUTSIDE, "UNKNOWN"),
    };
    let _ = writeln!(text, "\n{} {sentence}.", paint(style, word));
    if let Some(remedy) = remedy(forecast) {
        human::wrapped(&format!("{remedy}."), NOTE_WIDTH).iter().for_each(|line| {
            let _ = writeln!(text, "{line}");
        });
        text.push_str("Next: evenkeel expand SNAPSHOT --add COUNT --out PLAN\n");
    }
    text
}

/// The answer as a section of another command's text.
pub(in crate::report) fn summary(forecast: &Forecast) -> String {
    let (urgency, sentence) = headline(forecast);
    let style = match urgency {
        Urgency::Passed => BROKEN,
        Urgency::Ahead | Urgency::Unknown => OUTSIDE,
        Urgency::None => GOOD,
    };
    let mut text = format!("\n{}\n", paint(HEADING, "Forecast"));
    let lines = human::wrapped(&format!("{sentence}."), NOTE_WIDTH).into_iter().map(|line| paint(style, &line));
    let remedy = remedy(forecast).map(|remedy| human::wrapped(&format!("{remedy}."), NOTE_WIDTH)).unwrap_or_default();
    for line in lines.chain(remedy) {
        let _ = writeln!(text, "  {line}");
    }
    text
}

fn series(snapshot: &Snapshot, forecast: &Forecast) -> String {
    if forecast.series.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        ("group", Align::Left),
        ("goal", Align::Left),
        ("model", Align::Left),
        ("MAPE", Align::Right),
        ("held", Align::Right),
        ("today", Align::Right),
        ("in 30 d", Align::Right),
        ("threshold", Align::Right),
        ("p10", Align::Right),
        ("p50", Align::Right),
        ("p90", Align::Right),
        ("fullest broker", Align::Left),
    ]);
    for series in &forecast.series {
        for (row, threshold) in series.thresholds.iter().enumerate() {
            let days = percentiles(threshold.days, forecast.horizon_days);
            let (broker, utilization) = series.busiest;
            let busiest = format!(
                "{} at {}: {} d",
                snapshot.broker(broker).id,
                human::percent(utilization),
                days_in_words(threshold.busiest_days.and_then(|days| days.p50), forecast.horizon_days)
            );
            // What belongs to the series stands in its first row alone.
            let once = |text: String| Cell::from(if row == 0 { text } else { String::new() });
            let mut cells = vec![
                once(series.group.clone()),
                once(series.goal.name().to_owned()),
                once(series.model.name().to_owned()),
                once(share_or_dash(series.backtest.mape)),
                once(share_or_dash(series.backtest.coverage95)),
                once(human::percent(series.today)),
                once(human::percent((series.today + series.growth_30_days).max(0.0))),
                human::percent(threshold.utilization).into(),
            ];
            let style = if threshold.days.is_some_and(|days| days.p50.is_some_and(|p50| p50 <= forecast.horizon_days)) {
                OUTSIDE
            } else {
                anstyle::Style::new()
            };
            cells.extend(days.map(|days| Cell::painted(style, days)));
            cells.push(Cell::painted(ASIDE, busiest));
            table.row(cells);
        }
    }
    let legend = "held: how often past values were within bands of 95 %; p10, p50, p90: days until one path in ten, every \
                  second, nine in ten have reached the threshold; fullest broker: the same p50 for today's fullest";
    let lines: Vec<String> =
        human::wrapped(legend, NOTE_WIDTH).iter().map(|l| format!("  {}\n", paint(ASIDE, l))).collect();
    format!("\n{}{}", table.render(), lines.concat())
}

fn list(heading: &str, items: impl Iterator<Item = String>) -> String {
    let mut text = String::new();
    for item in items {
        if text.is_empty() {
            let _ = writeln!(text, "\n{}", paint(HEADING, heading));
        }
        for (row, line) in human::wrapped(&item, NOTE_WIDTH).iter().enumerate() {
            let _ = writeln!(text, "{}{line}", if row == 0 { "  " } else { "    " });
        }
    }
    text
}
