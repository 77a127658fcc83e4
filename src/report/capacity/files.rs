//! The files of the report directory: the page, Markdown for pull requests and tickets, JSON for programs, CSV for
//! spreadsheets.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::sheet::{Sheet, markdown_text};
use super::{CapacityReport, json, sheets};
use crate::report::{forecast, headroom, html, human};
use crate::writer::OutputFile;

/// The JSON file's name.
pub const REPORT_JSON: &str = "report.json";

/// Rows of a table in Markdown; the CSV files have all.
const MARKDOWN_ROWS: usize = 20;

/// Every file of the report.
pub(super) fn files(report: &CapacityReport<'_>) -> Vec<OutputFile> {
    let sheets = sheets::all(report);
    let file = |path: String, bytes: Vec<u8>| OutputFile { path: PathBuf::from(path), bytes };
    let mut files = vec![
        file("report.html".to_owned(), html::capacity_page(report, &sheets).into_bytes()),
        file("report.md".to_owned(), markdown(report, &sheets).into_bytes()),
        file(REPORT_JSON.to_owned(), json::render(report)),
    ];
    files.extend(sheets.iter().map(|sheet| file(format!("tables/{}.csv", sheet.name), sheet.csv())));
    files
}

/// The text of `report.json` among `files`, for commands that print what they write.
#[must_use]
pub fn report_json(files: &[OutputFile]) -> Cow<'_, str> {
    let found = files.iter().find(|file| file.path == Path::new(REPORT_JSON));
    found.map_or(Cow::Borrowed(""), |file| String::from_utf8_lossy(&file.bytes))
}

fn markdown(report: &CapacityReport<'_>, sheets: &[Sheet]) -> String {
    let info = &report.snapshot.cluster;
    let mut text = format!("# Capacity of {}\n\n", markdown_text(&info.cluster_id));
    let _ = write!(text, "Captured {}", markdown_text(&info.captured_at));
    if let Some(window) = &info.window {
        let _ = write!(text, "; traffic is the {} of {} to {}", window.statistic.name(), window.start, window.end);
    }
    let _ = writeln!(text, ".\n\n**Verdict:** {}.", markdown_text(&report.headline()));
    let mut lines = Vec::new();
    for headroom in report.check.headroom.iter().filter(|h| h.verdict != crate::capacity::HeadroomVerdict::Ok) {
        let (goal, group) = (headroom.goal.name(), &headroom.group);
        lines.push(format!("{goal} of group {group}: {}", headroom::state_in_words(headroom)));
    }
    lines.extend(report.forecast.map(forecast::reached_in_words).unwrap_or_default());
    if let Some((total, currency)) = &report.load.cost.machines_monthly {
        lines.push(format!("machines cost {} {currency} a month", human::money(*total)));
    }
    if let Some(cost) = &report.load.cost.cross_rack {
        lines.push(format!(
            "traffic between racks costs {} a month, {} with KIP-392",
            human::usd(cost.total_usd()),
            human::usd(cost.total_nearest_usd())
        ));
    }
    if !lines.is_empty() {
        text.push('\n');
    }
    for line in lines {
        let _ = writeln!(text, "- {}", markdown_text(&line));
    }
    for sheet in sheets.iter().filter(|sheet| !sheet.rows.is_empty()) {
        let _ = write!(text, "\n## {}\n\n{}", sheet.title, sheet.markdown(MARKDOWN_ROWS));
    }
    text
}
