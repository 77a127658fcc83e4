//! What every source of a snapshot has in common: flags, reading of files, and the giving of what was imported.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cli::common::{self, Format};
use crate::cli::exit::{CliError, Verdict};
use crate::ingest::catalogue::Catalogue;
use crate::ingest::kafka_cli::{Imported, Source, Summary, rfc3339};
use crate::ingest::render::HistoryFormat;
use crate::ingest::{Fault, Faults, codes, render};

/// Where the snapshot goes, and what is added to what the source knows.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct OutputArgs {
    /// Directory to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace the directory if it exists
    #[arg(long)]
    force: bool,
    /// What the operator knows: groups, machine models, capacities (docs/inventory.md)
    #[arg(long, value_name = "FILE")]
    pub(super) inventory: Option<PathBuf>,
    /// Directory of machine models beside the built-in ones
    #[arg(long, value_name = "DIR")]
    machines: Option<PathBuf>,
    /// Output on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl OutputArgs {
    /// Refuses a directory that is there already, before any work is done for it.
    pub(super) fn check(&self) -> Result<(), CliError> {
        common::refuse_existing(&self.out, self.force)
    }

    /// The machine models.
    pub(super) fn catalogue(&self) -> Result<Catalogue, CliError> {
        common::catalogue(self.machines.as_deref())
    }

    /// Writes the snapshot, its history as `format` says, and prints what was derived and what is missing.
    pub(super) fn give(&self, imported: &Imported, format: HistoryFormat) -> Result<Verdict, CliError> {
        let Imported { snapshot, summary, history, beside } = imported;
        let history = history.as_ref().map(|history| render::history_file(history, format)).transpose();
        let mut files = render::snapshot_files(snapshot);
        files.extend(history.map_err(CliError::Failed)?);
        files.extend(beside.iter().cloned());
        common::write(&self.out, &files, self.force)?;
        common::warn(&summary.warnings);
        let out = self.out.display();
        common::print(&match self.format {
            Format::Text => format!("{out}: {summary}\nnext: evenkeel check {out}\n"),
            Format::Json => format!("{:#}\n", json(summary, &self.out)),
        })?;
        Ok(Verdict::Done)
    }
}

fn json(summary: &Summary, out: &Path) -> serde_json::Value {
    let warnings: Vec<String> = summary.warnings.list.iter().map(ToString::to_string).collect();
    serde_json::json!({
        "snapshot": out.display().to_string(),
        "contents": summary.contents,
        "derived": summary.derived,
        "missing": summary.missing,
        "inventory_lines": summary.inventory_lines,
        "warnings": warnings,
    })
}

/// What saved files do not tell of themselves.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct SavedArgs {
    /// Kafka's cluster id
    #[arg(long, value_name = "ID")]
    pub(super) cluster_id: Option<String>,
    /// When the files were saved (RFC 3339, UTC) [default: now]
    #[arg(long, value_name = "TIME")]
    captured_at: Option<String>,
    /// The brokers' Kafka version
    #[arg(long, value_name = "VERSION")]
    pub(super) kafka_version: Option<String>,
}

impl SavedArgs {
    /// The time that was given, else the present one.
    pub(super) fn captured_at(&self) -> String {
        self.captured_at.clone().unwrap_or_else(|| rfc3339(unix_seconds(SystemTime::now()) as i64))
    }
}

/// Seconds since 1970; a clock before that reads 0.
pub(super) fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// A file's text; none where it cannot be read, which is then reported.
pub(super) fn read(path: &Path, faults: &mut Faults) -> Option<Source> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let fault = Fault::error(codes::UNREADABLE, path, format!("the file cannot be read: {error}"));
            faults.push(fault.help("check the path and its permissions"));
            return None;
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => Some(Source { path: path.to_owned(), text }),
        Err(error) => {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = before.iter().filter(|&&b| b == b'\n').count() as u64 + 1;
            let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
            let column = String::from_utf8_lossy(&before[line_start..]).chars().count() as u64 + 1;
            let fault = Fault::error(codes::NOT_UTF8, path, "bytes that are not UTF-8").at(line, column);
            faults.push(fault.help("save it as it is, uncompressed and in UTF-8"));
            None
        }
    }
}
