//! What a forecast puts among a page's key figures.

use super::Tile;
use crate::capacity::Forecast;
use crate::report::{forecast, human};

/// Tiles of days; the section has every threshold.
const MOST: usize = 3;

/// One for each threshold that is reached, the soonest first; where none is, one that says so.
pub(super) fn tiles(forecast: &Forecast) -> Vec<Tile> {
    let tile = |value: String, note: String| Tile { label: "Days to a limit", value, note };
    let reached = forecast::reached(forecast);
    if reached.is_empty() {
        let is_unknown = forecast.series.is_empty();
        let value = if is_unknown { "–".to_owned() } else { format!(">{}", forecast.horizon_days) };
        let note = if is_unknown { "nothing could be forecast" } else { "no threshold is reached" };
        return vec![tile(value, note.to_owned())];
    }
    let soonest = reached.into_iter().take(MOST).map(|(series, threshold, days)| {
        let value = match days.p90 {
            Some(p90) if p90 == days.p10 => days.p10.to_string(),
            Some(p90) => format!("{}–{p90}", days.p10),
            None => format!("{} or more", days.p10),
        };
        let subject = format!("{} of {}", series.goal.name(), series.group);
        let median = days.p50.map_or_else(String::new, |p50| format!(", median {p50}"));
        tile(value, format!("{subject} to {}{median}", human::percent(threshold.utilization)))
    });
    soonest.collect()
}
