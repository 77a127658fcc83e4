//! Typed values from TOML with a fault, at its line and column, for each that is wrong.
//!
//! Used for `cluster.toml`, policies and machines alike; what differs are the codes.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Faults, Severity};
use super::nearest::nearest;

/// The codes under which a kind of file reports its faults.
pub(crate) struct TomlCodes {
    /// Not TOML.
    pub(crate) syntax: &'static str,
    /// A key that means nothing, and whether the file is refused for it.
    pub(crate) unknown_key: (&'static str, Severity),
    /// A value of the wrong kind.
    pub(crate) value: &'static str,
    /// A number out of its range.
    pub(crate) range: &'static str,
}

/// The numbers that a key takes.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// The least.
    pub(crate) min: f64,
    /// The most.
    pub(crate) max: f64,
    /// Whether `min` itself is too small.
    pub(crate) above_min: bool,
    /// Whether `max` itself is too large.
    pub(crate) below_max: bool,
    /// The bounds in words.
    pub(crate) words: &'static str,
}

/// One file while it is read.
pub(crate) struct TomlReader<'t> {
    path: &'t Path,
    text: &'t str,
    codes: &'static TomlCodes,
    found: Vec<Fault>,
}

impl<'t> TomlReader<'t> {
    /// A reader of `text`, which is the content of `path`.
    pub(crate) fn new(path: &'t Path, text: &'t str, codes: &'static TomlCodes) -> Self {
        Self { path, text, codes, found: Vec::new() }
    }

    /// The whole document, none where it is not TOML: what could be saved of it would only mislead.
    pub(crate) fn root(&mut self) -> Option<DeTable<'t>> {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            self.error(error.span().unwrap_or(0..0), self.codes.syntax, message, "see https://toml.io for the syntax");
        }
        errors.is_empty().then(|| root.into_inner())
    }

    /// Records an error at `span`.
    pub(crate) fn error(
        &mut self,
        span: Range<usize>,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let (line, column) = self.place(span.start);
        self.found.push(Fault::error(code, self.path, message).at(line, column).help(help));
    }

    /// Records what is not in `known` among the keys of `table`, which the file calls `section` (empty at the top).
    pub(crate) fn check_keys(&mut self, section: &str, table: &DeTable<'t>, known: &[&str]) {
        let (code, severity) = self.codes.unknown_key;
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref().as_ref();
            let place = if section.is_empty() { "at the top".to_owned() } else { format!("in [{section}]") };
            let near = nearest(name, known.iter().copied()).unwrap_or_default();
            let (line, column) = self.place(key.span().start);
            let message = format!("unknown key {name:?} {place}");
            let fault = match severity {
                Severity::Error => Fault::error(code, self.path, message),
                Severity::Warning => Fault::warning(code, self.path, format!("{message} is ignored")),
            };
            self.found.push(fault.at(line, column).help(format!("the nearest known key is {near}")));
        }
    }

    /// `value` as a string.
    pub(crate) fn string(&mut self, key: &str, value: &Spanned<DeValue<'t>>) -> Option<String> {
        let text = value.get_ref().as_str().map(str::to_owned);
        if text.is_none() {
            self.wrong_kind(key, value, "a string");
        }
        text
    }

    /// `value` as a list.
    pub(crate) fn list<'v>(
        &mut self,
        key: &str,
        value: &'v Spanned<DeValue<'t>>,
    ) -> Option<&'v [Spanned<DeValue<'t>>]> {
        let list = value.get_ref().as_array();
        if list.is_none() {
            self.wrong_kind(key, value, "a list");
        }
        list.map(|list| &list[..])
    }

    /// `value` as a table.
    pub(crate) fn table<'v>(&mut self, key: &str, value: &'v Spanned<DeValue<'t>>) -> Option<&'v DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_kind(key, value, "a table");
        }
        table
    }

    /// `value` as a number within `bounds`; whole numbers are taken too.
    pub(crate) fn number(&mut self, key: &str, value: &Spanned<DeValue<'t>>, bounds: Bounds) -> Option<f64> {
        let number = match value.get_ref() {
            DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|i| i as f64),
            _ => {
                self.wrong_kind(key, value, "a number");
                return None;
            }
        };
        let fits = |n: &f64| {
            let low = *n > bounds.min || (*n == bounds.min && !bounds.above_min);
            let high = *n < bounds.max || (*n == bounds.max && !bounds.below_max);
            n.is_finite() && low && high
        };
        let fitting = number.filter(fits);
        if fitting.is_none() {
            self.out_of_range(key, value, bounds.words);
        }
        fitting
    }

    /// `value` as a whole number from `min` to `max`.
    pub(crate) fn whole(&mut self, key: &str, value: &Spanned<DeValue<'t>>, min: u64, max: u64) -> Option<u64> {
        let DeValue::Integer(integer) = value.get_ref() else {
            self.wrong_kind(key, value, "a whole number");
            return None;
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|n| (min..=max).contains(n));
        if number.is_none() {
            self.out_of_range(key, value, &format!("from {min} to {max}"));
        }
        number
    }

    /// Records that `value` is not `wanted`.
    pub(crate) fn wrong_kind(&mut self, key: &str, value: &Spanned<DeValue<'t>>, wanted: &str) {
        let kind = value.get_ref().type_str();
        let article = if kind.starts_with(['a', 'i']) { "an" } else { "a" };
        let message = format!("{key} is {article} {kind}, not {wanted}");
        self.error(value.span(), self.codes.value, message, format!("write {wanted}"));
    }

    /// Records that `value` is outside `words`.
    pub(crate) fn out_of_range(&mut self, key: &str, value: &Spanned<DeValue<'t>>, words: &str) {
        let written = self.text.get(value.span()).unwrap_or_default().to_owned();
        self.error(
            value.span(),
            self.codes.range,
            format!("{key} is {written}, not {words}"),
            format!("write a number {words}"),
        );
    }

    /// Hands over what was found, by line.
    pub(crate) fn report(mut self, faults: &mut Faults) {
        self.found.sort_by_key(|f| (f.line, f.column));
        self.found.into_iter().for_each(|fault| faults.push(fault));
    }

    /// The line and column (1-based, in characters) of the byte at `offset`.
    pub(crate) fn place(&self, offset: usize) -> (u64, u64) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.bytes().filter(|&b| b == b'\n').count() as u64 + 1;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (line, before[line_start..].chars().count() as u64 + 1)
    }
}
