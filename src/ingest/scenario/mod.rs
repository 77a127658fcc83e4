//! Scenarios: TOML files that describe a change to be weighed. Input: a file. Output: its figures, each in its range,
//! or every fault by line and column.

pub mod classes;
pub mod codes;
pub mod federation;
pub mod sites;
pub mod upgrade;

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Faults, Severity};
use super::toml_reader::{Bounds, TomlCodes, TomlReader};

type Value<'t> = Spanned<DeValue<'t>>;

const CODES: TomlCodes = TomlCodes {
    syntax: codes::SYNTAX,
    unknown_key: (codes::UNKNOWN_KEY, Severity::Error),
    value: codes::VALUE,
    range: codes::RANGE,
};

/// A rate, size or price: more than there will ever be is a slip of the pen.
const NOT_NEGATIVE: Bounds =
    Bounds { min: 0.0, max: 1e18, above_min: false, below_max: false, words: "from 0 to 1e18" };
/// What is divided by.
const POSITIVE: Bounds =
    Bounds { min: 0.0, max: 1e18, above_min: true, below_max: false, words: "above 0 and at most 1e18" };
/// A share of a whole that may be nothing.
const SHARE: Bounds = Bounds { min: 0.0, max: 1.0, above_min: false, below_max: false, words: "from 0 to 1" };
/// A utilization that is aimed at or was measured.
const UTILIZATION: Bounds =
    Bounds { min: 0.0, max: 1.0, above_min: true, below_max: false, words: "above 0 and at most 1" };

/// The text of the scenario at `path`.
///
/// # Errors
/// The file cannot be read.
fn text_of(path: &Path) -> Result<String, Faults> {
    std::fs::read_to_string(path).map_err(|error| {
        let mut faults = Faults::default();
        let fault = Fault::error(codes::SYNTAX, path, format!("the scenario cannot be read: {error}"));
        faults.push(fault.help("give the path of a TOML file; docs/ has an example for each what-if"));
        faults
    })
}

/// `value`, or what `reader` found wrong.
fn finish<T>(reader: TomlReader<'_>, value: Option<T>) -> Result<T, Faults> {
    let mut faults = Faults::default();
    reader.report(&mut faults);
    match value {
        Some(value) if !faults.has_errors() => Ok(value),
        _ => Err(faults),
    }
}

/// One table of a scenario while it is read: what is asked of it by key is there in its kind and range, or a fault.
struct Keys<'r, 'v, 't> {
    reader: &'r mut TomlReader<'t>,
    table: &'v DeTable<'t>,
    /// Where faults about the table as a whole stand.
    span: Range<usize>,
    name: &'static str,
}

impl<'r, 'v, 't> Keys<'r, 'v, 't> {
    /// The table, whose keys are `known`; `name` is what messages call it, empty at the top.
    fn new(
        reader: &'r mut TomlReader<'t>,
        table: &'v DeTable<'t>,
        span: Range<usize>,
        name: &'static str,
        known: &[&str],
    ) -> Self {
        reader.check_keys(name, table, known);
        Self { reader, table, span, name }
    }

    fn value(&self, key: &str) -> Option<&'v Value<'t>> {
        self.table.get(key)
    }

    fn missing(&mut self, key: &str, help: &str) {
        let place = if self.name.is_empty() { "the scenario".to_owned() } else { format!("an entry of {}", self.name) };
        self.reader.error(self.span.clone(), codes::VALUE, format!("{place} lacks {key}"), help);
    }

    fn number(&mut self, key: &str, bounds: Bounds) -> Option<f64> {
        let value = self.value(key)?;
        self.reader.number(key, value, bounds)
    }

    fn required(&mut self, key: &str, bounds: Bounds) -> Option<f64> {
        if self.value(key).is_none() {
            self.missing(key, &format!("write {key} = a number {}", bounds.words));
        }
        self.number(key, bounds)
    }

    fn whole(&mut self, key: &str, min: u64, max: u64) -> Option<u64> {
        let value = self.value(key)?;
        self.reader.whole(key, value, min, max)
    }

    fn boolean(&mut self, key: &str) -> Option<bool> {
        let value = self.value(key)?;
        let found = value.get_ref().as_bool();
        if found.is_none() {
            self.reader.wrong_kind(key, value, "true or false");
        }
        found
    }

    /// A name: not empty, without control characters.
    fn text(&mut self, key: &str) -> Option<String> {
        let value = self.value(key)?;
        let text = self.reader.string(key, value)?;
        if text.is_empty() || text.contains(char::is_control) {
            let message = format!("{key} is empty or has control characters");
            self.reader.error(value.span(), codes::VALUE, message, "write a name");
            return None;
        }
        Some(text)
    }

    fn required_text(&mut self, key: &str) -> Option<String> {
        if self.value(key).is_none() {
            self.missing(key, &format!("write {key} = \"…\""));
        }
        self.text(key)
    }

    /// The tables of the list `key`.
    fn tables(&mut self, key: &'static str) -> Vec<(&'v DeTable<'t>, Range<usize>)> {
        let list = self.value(key).and_then(|value| self.reader.list(key, value));
        let mut tables = Vec::new();
        for entry in list.unwrap_or_default() {
            tables.extend(self.reader.table(key, entry).map(|table| (table, entry.span())));
        }
        tables
    }

    /// The table `key`.
    fn table(&mut self, key: &'static str) -> Option<(&'v DeTable<'t>, Range<usize>)> {
        let value = self.value(key)?;
        self.reader.table(key, value).map(|table| (table, value.span()))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may fail loudly")]
mod tests;
