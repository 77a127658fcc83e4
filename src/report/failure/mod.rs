//! What failures do, shown: text, JSON, and a page with the risk by number of failures. Input: a
//! [`FailureReport`]. Pure.

mod html;
mod json;
mod text;

pub use html::page;
pub use json::to_json;
pub use text::to_text;

use crate::capacity::failure::{Draw, FailureReport};
use crate::report::human;
use crate::writer::OutputFile;

/// The directory of `--out`: the page and the figures behind it.
#[must_use]
pub fn files(snapshot: &crate::model::Snapshot, report: &FailureReport) -> Vec<OutputFile> {
    vec![
        OutputFile { path: "failure.html".into(), bytes: page(snapshot, report).into_bytes() },
        OutputFile { path: "failure.json".into(), bytes: to_json(snapshot, report) },
    ]
}

/// What fails in words: `3 of 30 brokers and 1 of 90 log dirs`.
fn asked(draws: &[Draw]) -> String {
    let one = |draw: &Draw| {
        let (take, of) = (human::count(draw.take as u64), human::counted(draw.of as u64, draw.domain.noun()));
        format!("{take} of {of}")
    };
    draws.iter().map(one).collect::<Vec<_>>().join(" and ")
}

/// A chance for people: percent down to a hundredth, then one in so many; `never` for 0.
fn chance(p: f64) -> String {
    match p {
        0.0 => "never".to_owned(),
        p if p >= 1.0 => "always".to_owned(),
        p if p >= 0.9995 => "> 99.9 %".to_owned(),
        p if p >= 0.001 => human::percent(p),
        p => format!("1 in {}", human::count((1.0 / p).round().min(1e18) as u64)),
    }
}

/// Once in how long something is to be expected that happens `per_year` times a year.
fn once_in(per_year: f64) -> String {
    match per_year {
        f if f <= 0.0 => "never".to_owned(),
        f if f >= 1.0 => format!("{} times a year", human::figure(f)),
        f if f >= 1e-9 => format!("once in {} years", human::count((1.0 / f).round() as u64)),
        _ => "less than once in a billion years".to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests;
