//! Figures in the runbook and in notes, as people write them.

/// A count and what is counted: `1 partition`, `2 partitions`.
#[must_use]
pub fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Bytes in the largest binary unit that keeps a whole part.
#[must_use]
pub fn size(bytes: f64) -> String {
    let mut value = bytes;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            let digits = usize::from(unit != "B" && value < 100.0 && value.fract() > 0.0);
            return format!("{value:.digits$} {unit}");
        }
        value /= 1024.0;
    }
    format!("{value:.1} PiB")
}

/// Bytes per second.
#[must_use]
pub fn rate(bytes_per_sec: f64) -> String {
    format!("{}/s", size(bytes_per_sec))
}

/// A duration in hours and minutes; without one, that it never ends.
#[must_use]
pub fn duration(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else { return "never (the throttle is below what is written meanwhile)".to_owned() };
    let minutes = (seconds / 60.0).ceil().min(1e12) as u64;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("about {} min", minutes.max(1)),
        (hours, minutes) => format!("about {hours} h {minutes:02} min"),
    }
}
