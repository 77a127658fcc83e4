//! A CSV table: its header, its rows in parallel, and findings that cost nothing until they are shown.
//!
//! Rows and findings remember byte offsets; lines and columns are counted only for the few findings that are kept.
//! A file is cut into pieces at line ends, which is sound only where no field can hold a line end: a file with a quote
//! character anywhere is one piece. Pieces have a fixed size, so that results do not depend on the thread count.

mod quotes;
mod row;

pub(super) use row::Row;

use csv::{ByteRecord, ReaderBuilder};
use rayon::prelude::*;

use self::quotes::QuoteScan;
use super::field::{self, shown};
use super::files::SourceFile;
use crate::ingest::codes;
use crate::ingest::fault::{Fault, Faults, Severity};
use crate::ingest::nearest::nearest;

/// A column that a table may have.
pub(super) struct Column {
    /// Name in the header.
    pub(super) name: &'static str,
    /// Whether the column and a value in every row must be there.
    pub(super) required: bool,
}

/// A column that must be there.
pub(super) const fn required(name: &'static str) -> Column {
    Column { name, required: true }
}

/// A column that may be missing or empty.
pub(super) const fn optional(name: &'static str) -> Column {
    Column { name, required: false }
}

/// Something found in a table.
struct Finding {
    severity: Severity,
    code: &'static str,
    /// Where the row starts.
    offset: u32,
    /// The field within the row, none for the row itself.
    field: Option<usize>,
    message: String,
    help: String,
}

/// What was found in a table so far.
#[derive(Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    errors_beyond_cap: u64,
    /// Whether rows were dropped: what others say of them cannot be judged then.
    pub(super) lost_rows: bool,
}

impl Findings {
    fn push(&mut self, make: impl FnOnce() -> Finding) {
        if self.list.len() < Faults::CAP {
            self.list.push(make());
        } else {
            self.errors_beyond_cap += 1;
        }
    }

    fn append(&mut self, mut other: Self) {
        let room = Faults::CAP.saturating_sub(self.list.len());
        self.errors_beyond_cap += other.errors_beyond_cap + other.list.len().saturating_sub(room) as u64;
        other.list.truncate(room);
        self.list.append(&mut other.list);
        self.lost_rows |= other.lost_rows;
    }
}

/// A table whose header is sound.
pub(super) struct Table<'f> {
    /// The file.
    pub(super) file: &'f SourceFile,
    columns: &'static [Column],
    /// Per column of `columns`, the field that holds it.
    fields: Vec<Option<usize>>,
    width: usize,
    /// Where the rows start.
    body: usize,
    /// What was found in the rows.
    pub(super) findings: Findings,
}

impl<'f> Table<'f> {
    /// Reads the header of `file`. Warns of unknown columns; none where required ones are missing.
    pub(super) fn open(file: &'f SourceFile, columns: &'static [Column], faults: &mut Faults) -> Option<Self> {
        let mut record = ByteRecord::new();
        let start = file.start();
        let mut reader = reader(&file.text[start..]);
        // Reading from memory cannot fail, and ragged rows are allowed: only the end of the file is left.
        if !reader.read_byte_record(&mut record).unwrap_or(false) {
            let names: Vec<&str> = columns.iter().map(|c| c.name).collect();
            let help = format!("start it with the header {}", names.join(","));
            faults.push(Fault::error(codes::EMPTY_FILE, file.path(), "the file is empty").help(help));
            return None;
        }
        let body = start + usize::try_from(reader.position().byte()).unwrap_or(file.text.len());
        let width = record.len();
        let mut table =
            Self { file, columns, fields: vec![None; columns.len()], width, body, findings: Findings::default() };
        let sound = table.match_header(&record, faults);
        sound.then_some(table)
    }

    fn match_header(&mut self, header: &ByteRecord, faults: &mut Faults) -> bool {
        let mut sound = true;
        let start = u32::try_from(self.file.start()).unwrap_or(u32::MAX);
        for (field, bytes) in header.iter().enumerate() {
            let name = field::trimmed(bytes);
            let (line, column) = self.place(start, Some(field));
            let Some(known) = self.columns.iter().position(|c| c.name.as_bytes() == name) else {
                let near = nearest(&String::from_utf8_lossy(name), self.columns.iter().map(|c| c.name));
                let message = format!("unknown column {} is ignored", shown(name));
                let fault = Fault::warning(codes::UNKNOWN_COLUMN, self.file.path(), message).at(line, column);
                faults.push(fault.help(format!("the nearest known column is {}", near.unwrap_or_default())));
                continue;
            };
            if self.fields[known].is_some() {
                let message = format!("column {} appears twice", self.columns[known].name);
                let fault = Fault::error(codes::DUPLICATE_COLUMN, self.file.path(), message).at(line, column);
                faults.push(fault.help("remove or rename one of them"));
                sound = false;
            }
            self.fields[known] = Some(field);
        }
        let (line, _) = self.place(start, None);
        for (column, field) in self.columns.iter().zip(&self.fields) {
            if column.required && field.is_none() {
                let fault =
                    Fault::error(codes::MISSING_COLUMN, self.file.path(), format!("column {} is missing", column.name));
                faults.push(fault.at(line, 1).help(format!("add {} to the header and to every row", column.name)));
                sound = false;
            }
        }
        sound
    }

    /// Whether the header names `column`.
    pub(super) fn has(&self, column: usize) -> bool {
        self.fields[column].is_some()
    }

    /// Parses every row, in file order. `parse` returns none for a row that cannot be known by its key; it is lost then.
    /// `S` is what rows of one piece share.
    pub(super) fn rows<S: Default, T: Send>(
        &mut self,
        parse: impl Fn(&mut S, &mut Row<'_>) -> Option<T> + Sync,
    ) -> Vec<T> {
        let pieces = self.pieces();
        let parsed: Vec<(Vec<T>, Findings)> =
            pieces.into_par_iter().map(|piece| self.piece_rows(piece, &parse)).collect();
        let mut rows = Vec::with_capacity(parsed.iter().map(|(piece, _)| piece.len()).sum());
        for (mut piece, findings) in parsed {
            rows.append(&mut piece);
            self.findings.append(findings);
        }
        rows
    }

    fn piece_rows<S: Default, T>(
        &self,
        (start, end): (usize, usize),
        parse: &(impl Fn(&mut S, &mut Row<'_>) -> Option<T> + Sync),
    ) -> (Vec<T>, Findings) {
        let bytes = &self.file.text[start..end];
        let mut rows = Vec::with_capacity(bytes.iter().filter(|&&b| b == b'\n').count() + 1);
        let mut findings = Findings::default();
        let mut shared = S::default();
        let mut record = ByteRecord::new();
        let mut reader = reader(bytes);
        loop {
            let offset = start + usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
            let offset = u32::try_from(offset).unwrap_or(u32::MAX);
            if !reader.read_byte_record(&mut record).unwrap_or(false) {
                break;
            }
            let mut row = Row { table: self, record: &record, offset, findings: &mut findings };
            let parsed = if row.has_width() { parse(&mut shared, &mut row) } else { None };
            match parsed {
                Some(parsed) => rows.push(parsed),
                None => findings.lost_rows = true,
            }
        }
        (rows, findings)
    }

    /// The ranges of bytes that are parsed on their own.
    fn pieces(&mut self) -> Vec<(usize, usize)> {
        let text = &self.file.text;
        if text[self.body..].contains(&b'"') {
            return vec![(self.body, self.end_of_closed_rows())];
        }
        let mut pieces = Vec::new();
        let mut start = self.body;
        while start < text.len() {
            let wanted = (start + PIECE_BYTES).min(text.len());
            let newline = text[wanted..].iter().position(|&b| b == b'\n');
            let end = newline.map_or(text.len(), |newline| wanted + newline + 1);
            pieces.push((start, end));
            start = end;
        }
        pieces
    }

    /// The end of the last row whose quotes are all closed. A quote that is never closed would swallow the rest of the
    /// file without the reader's objecting.
    fn end_of_closed_rows(&mut self) -> usize {
        let text = &self.file.text;
        let mut scan = QuoteScan::default();
        let (mut row_start, mut opened) = (self.body, self.body);
        for (offset, &byte) in text.iter().enumerate().skip(self.body) {
            let was_inside = scan.inside;
            scan.step(byte);
            if scan.inside && !was_inside && !scan.doubled {
                opened = offset;
            }
            if !scan.inside && matches!(byte, b'\n' | b'\r') {
                row_start = offset + 1;
            }
        }
        if !scan.inside {
            return text.len();
        }
        let offset = u32::try_from(opened).unwrap_or(u32::MAX);
        self.findings.push(|| Finding {
            severity: Severity::Error,
            code: codes::OPEN_QUOTE,
            offset,
            field: None,
            message: "the quote that starts here is never closed".to_owned(),
            help: "close it, or write quotes within a quoted field twice".to_owned(),
        });
        self.findings.lost_rows = true;
        row_start
    }

    /// Records an error about the row at `offset`, at `column` where one is to blame.
    pub(super) fn error(
        &mut self,
        offset: u32,
        column: Option<usize>,
        code: &'static str,
        words: impl FnOnce(&Self) -> (String, String),
    ) {
        let field = column.and_then(|c| self.fields[c]);
        let mut findings = std::mem::take(&mut self.findings);
        findings.push(|| {
            let (message, help) = words(self);
            Finding { severity: Severity::Error, code, offset, field, message, help }
        });
        self.findings = findings;
    }

    /// Records a warning about the row at `offset`, at `column` where one is to blame.
    pub(super) fn warning(
        &mut self,
        offset: u32,
        column: Option<usize>,
        code: &'static str,
        message: String,
        help: String,
    ) {
        let field = column.and_then(|c| self.fields[c]);
        // Warnings are few, one per kind: the cap is for errors.
        self.findings.list.push(Finding { severity: Severity::Warning, code, offset, field, message, help });
    }

    /// The line of the row at `offset`.
    pub(super) fn line(&self, offset: u32) -> u64 {
        self.place(offset, None).0
    }

    /// Hands what was found over, by line.
    pub(super) fn report(mut self, faults: &mut Faults) {
        let list = std::mem::take(&mut self.findings.list);
        let mut placed: Vec<Fault> = list
            .into_iter()
            .map(|f| {
                let (line, column) = self.place(f.offset, f.field);
                let fault = match f.severity {
                    Severity::Error => Fault::error(f.code, self.file.path(), f.message),
                    Severity::Warning => Fault::warning(f.code, self.file.path(), f.message),
                };
                fault.at(line, column).help(f.help)
            })
            .collect();
        placed.sort_by_key(|f| (f.line, f.column));
        placed.into_iter().for_each(|fault| faults.push(fault));
        faults.errors_beyond_cap += self.findings.errors_beyond_cap;
    }

    /// The line and column where `field` of the row at `offset` starts.
    fn place(&self, offset: u32, field: Option<usize>) -> (u64, u64) {
        let text = &self.file.text;
        let mut at = (offset as usize).min(text.len());
        // The reader leaves the second half of a CRLF and blank lines to the next row.
        while at < text.len() && matches!(text[at], b'\r' | b'\n') {
            at += 1;
        }
        let mut scan = QuoteScan::default();
        let mut left = field.unwrap_or(0);
        while left > 0 && at < text.len() {
            scan.step(text[at]);
            if text[at] == b',' && !scan.inside {
                left -= 1;
            }
            at += 1;
        }
        let blanks = text[at..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        // A field of blanks alone is where it starts.
        if text.get(at + blanks).is_some_and(|b| !matches!(b, b',' | b'\r' | b'\n')) {
            at += blanks;
        }
        self.file.place(at)
    }
}

/// About a megabyte: enough work to be worth a task, small enough to share out evenly.
const PIECE_BYTES: usize = 1 << 20;

fn reader(bytes: &[u8]) -> csv::Reader<&[u8]> {
    ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(1 << 16).from_reader(bytes)
}
