//! One row: its values, each with a finding where it is wrong.

use csv::ByteRecord;

use super::{Finding, Findings, Table};
use crate::ingest::codes;
use crate::ingest::fault::Severity;
use crate::ingest::nearest::nearest;
use crate::ingest::snapshot_dir::field::{self, NumberError, shown};

/// One row while it is parsed.
pub(in crate::ingest::snapshot_dir) struct Row<'r> {
    pub(super) table: &'r Table<'r>,
    pub(super) record: &'r ByteRecord,
    /// Where the row starts.
    pub(in crate::ingest::snapshot_dir) offset: u32,
    pub(super) findings: &'r mut Findings,
}

impl<'r> Row<'r> {
    /// The value in `column`, none where it is missing or empty.
    pub(in crate::ingest::snapshot_dir) fn raw(&self, column: usize) -> Option<&'r [u8]> {
        let field = self.table.fields[column]?;
        Some(field::trimmed(self.record.get(field)?)).filter(|bytes| !bytes.is_empty())
    }

    /// The value in a column that must have one.
    pub(in crate::ingest::snapshot_dir) fn needed(&mut self, column: usize) -> Option<&'r [u8]> {
        let value = self.raw(column);
        if value.is_none() {
            let name = self.table.columns[column].name;
            self.error(Some(column), codes::EMPTY_VALUE, || (format!("{name} is empty"), format!("fill in {name}")));
        }
        value
    }

    /// A name in a column that must have one.
    pub(in crate::ingest::snapshot_dir) fn needed_text(&mut self, column: usize) -> Option<&'r str> {
        self.needed(column)?;
        self.text(column)
    }

    /// A name, none where it is missing, empty or holds control characters, which would garble every output.
    pub(in crate::ingest::snapshot_dir) fn text(&mut self, column: usize) -> Option<&'r str> {
        let bytes = self.raw(column)?;
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.chars().any(char::is_control) => Some(text),
            _ => {
                let name = self.table.columns[column].name;
                self.error(Some(column), codes::CONTROL_CHARACTER, || {
                    (format!("{name} {} holds control characters", shown(bytes)), "remove them".to_owned())
                });
                None
            }
        }
    }

    /// A whole number from 0 to `max`, none where it is missing, empty or wrong.
    pub(in crate::ingest::snapshot_dir) fn whole(&mut self, column: usize, max: u64) -> Option<u64> {
        let bytes = self.raw(column)?;
        field::whole(bytes, max).map_err(|e| self.bad_number(column, bytes, e, "a whole number in digits")).ok()
    }

    /// A number from 0 to `max`, none where it is missing, empty or wrong.
    pub(in crate::ingest::snapshot_dir) fn real(&mut self, column: usize, max: u64) -> Option<f64> {
        let bytes = self.raw(column)?;
        field::real(bytes, max).map_err(|e| self.bad_number(column, bytes, e, "a number such as 1250000.5")).ok()
    }

    /// A capacity: a number above 0, none where it is missing, empty or wrong.
    pub(in crate::ingest::snapshot_dir) fn capacity(&mut self, column: usize) -> Option<f64> {
        let value = self.real(column, field::NUMBER_MAX)?;
        if value > 0.0 {
            return Some(value);
        }
        let name = self.table.columns[column].name;
        self.error(Some(column), codes::ZERO_CAPACITY, || {
            (
                format!("{name} is 0"),
                "write what the hardware can do, or leave it empty where that is unknown".to_owned(),
            )
        });
        None
    }

    /// A whole number, or none for −1; the outer option is none where the value is missing, empty or wrong.
    pub(in crate::ingest::snapshot_dir) fn whole_or_minus_one(
        &mut self,
        column: usize,
        max: u64,
    ) -> Option<Option<u64>> {
        let bytes = self.raw(column)?;
        let help = "a whole number in digits, or -1";
        field::whole_or_minus_one(bytes, max).map_err(|e| self.bad_number(column, bytes, e, help)).ok()
    }

    /// One of `allowed`, by its name; none where it is missing, empty or wrong.
    pub(in crate::ingest::snapshot_dir) fn choice<T: Copy>(
        &mut self,
        column: usize,
        allowed: &[(&'static str, T)],
    ) -> Option<T> {
        let bytes = self.raw(column)?;
        if let Some(&(_, value)) = allowed.iter().find(|(name, _)| name.as_bytes() == bytes) {
            return Some(value);
        }
        let name = self.table.columns[column].name;
        self.error(Some(column), codes::NOT_ALLOWED, || {
            let names: Vec<&str> = allowed.iter().map(|&(name, _)| name).collect();
            let near = nearest(&String::from_utf8_lossy(bytes), names.iter().copied()).unwrap_or_default();
            (format!("{name} {} is none of {}", shown(bytes), names.join(", ")), format!("the nearest is {near}"))
        });
        None
    }

    /// Records an error at `column`.
    pub(in crate::ingest::snapshot_dir) fn error(
        &mut self,
        column: Option<usize>,
        code: &'static str,
        words: impl FnOnce() -> (String, String),
    ) {
        let (offset, field) = (self.offset, column.and_then(|c| self.table.fields[c]));
        self.findings.push(|| {
            let (message, help) = words();
            Finding { severity: Severity::Error, code, offset, field, message, help }
        });
    }

    fn bad_number(&mut self, column: usize, bytes: &[u8], error: NumberError, wanted: &'static str) {
        let name = self.table.columns[column].name;
        let code = match error {
            NumberError::NotANumber | NumberError::NotWhole => codes::NOT_A_NUMBER,
            NumberError::NotFinite | NumberError::Negative | NumberError::TooLarge { .. } => codes::OUT_OF_RANGE,
        };
        self.error(Some(column), code, || (format!("{name} {} {error}", shown(bytes)), format!("write {wanted}")));
    }

    /// Whether the row is as wide as the header.
    pub(super) fn has_width(&mut self) -> bool {
        let (width, found) = (self.table.width, self.record.len());
        if width != found {
            self.error(None, codes::ROW_WIDTH, || {
                (format!("the row has {found} fields, the header {width}"), "quote fields that hold commas".to_owned())
            });
        }
        width == found
    }
}
