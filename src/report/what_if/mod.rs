//! Answers to what-ifs: each as a [`Sheet`] for people and as JSON in the contract's keys (§6).

pub mod federation;
pub mod isolate;
pub mod mirror;
pub mod upgrade;

use std::path::PathBuf;

use super::human;
use super::json::rounded;
use super::sheet::Sheet;
use crate::writer::OutputFile;

/// An amount of money: to the unit, below a hundred to the cent.
pub(super) fn money(amount: f64, currency: &str) -> String {
    let digits = if amount.abs() < 99.995 { format!("{amount:.2}") } else { human::count(amount.round() as u64) };
    format!("{digits} {currency}")
}

/// A figure, or a dash where there is none.
pub(super) fn or_dash<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), text)
}

/// A rate as operators of networks say it.
pub(super) fn gigabits(bytes_per_sec: f64) -> String {
    format!("{} Gb/s", human::figure(bytes_per_sec * 8.0 / 1e9))
}

/// A figure as JSON has it, null where there is none.
pub(super) fn optional(value: Option<f64>) -> Option<f64> {
    value.map(rounded)
}

/// The files of a directory that holds an answer: the page and the JSON, by the what-if's name.
#[must_use]
pub fn files(name: &str, sheet: &Sheet, json: Vec<u8>) -> Vec<OutputFile> {
    vec![
        OutputFile { path: PathBuf::from(format!("{name}.html")), bytes: sheet.to_html() },
        OutputFile { path: PathBuf::from(format!("{name}.json")), bytes: json },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_cents_only_where_they_count() {
        assert_eq!(money(52.56, "USD"), "52.56 USD");
        assert_eq!(money(1_234.5, "USD"), "1\u{202f}235 USD");
        assert_eq!((gigabits(30e9), or_dash(None::<f64>, human::figure)), ("240 Gb/s".to_owned(), "–".to_owned()));
    }
}
