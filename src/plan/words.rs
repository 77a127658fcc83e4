//! Durations in the runbook and in notes, as people write them.

use crate::model::human;

/// A duration in whole minutes at least; without one, that it never ends.
pub fn duration(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else { return "never (the throttle is below what is written meanwhile)".to_owned() };
    let minutes = (seconds / 60.0).ceil().clamp(1.0, 1e12);
    format!("about {}", human::duration(minutes * 60.0))
}
