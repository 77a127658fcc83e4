//! What `apply` shows: progress on stderr, the summary on stdout.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::path::Path;

use crate::cli::progress::Progress;
use crate::ingest::kafka_cli::rfc3339;
use crate::live::apply::journal::{Measured, Span};
use crate::live::apply::{Event, Report};
use crate::report::human;

/// Shows what happens on stderr.
#[derive(Default)]
pub(super) struct Teller {
    progress: Progress,
    batch: RefCell<String>,
    told_at_seconds: Cell<f64>,
}

/// Where no bar is drawn, progress is told as often as this.
const TOLD_EVERY_SECONDS: f64 = 10.0;

impl Teller {
    pub(super) fn tell(&self, event: &Event) {
        match event {
            Event::Batch { batch, of, partitions, bytes, throttle, is_rollback } => {
                let what = if *is_rollback { "undoing batch" } else { "batch" };
                let limit = throttle.map(|t| format!(", at most {} a broker", human::rate(t as f64)));
                let copied = if *bytes > 0 { format!(", {} to copy", human::bytes(*bytes)) } else { String::new() };
                self.progress.note(&format!(
                    "{what} {batch} of {of}: {}{copied}{}",
                    human::counted(*partitions as u64, "partition"),
                    limit.unwrap_or_default()
                ));
                self.batch.replace(format!("{what} {batch}"));
                self.told_at_seconds.set(0.0);
            }
            Event::Progress { done, all, seconds, left, slowest } => {
                self.show((*done, *all), *seconds, *left, *slowest);
            }
            Event::Held { why, since } => {
                self.progress.note(&format!("held since {}: {}", rfc3339(*since as i64), why.join("; ")));
            }
            Event::GoesOn { held_seconds } => {
                self.progress.note(&format!("goes on, held for {}", human::duration(*held_seconds)));
            }
            Event::Through(measured) => {
                self.progress.note(&format!("{} took {}", self.batch.borrow(), took(measured)));
                if let Some(warning) = warning(measured) {
                    self.progress.note(&format!("warning: {} {warning}", self.batch.borrow()));
                }
            }
            Event::Note(text) => self.progress.note(&format!("note: {text}")),
        }
    }

    fn show(&self, (done, all): (u64, u64), seconds: f64, left: usize, slowest: Option<(i32, u64)>) {
        let share = if all > 0 { done as f64 / all as f64 } else { 0.0 };
        self.progress.show(&self.batch.borrow(), share);
        if self.progress.is_drawn() || seconds - self.told_at_seconds.get() < TOLD_EVERY_SECONDS {
            return;
        }
        self.told_at_seconds.set(seconds);
        let rest = if done > 0 && done < all {
            let seconds_left = seconds * (all - done) as f64 / done as f64;
            format!(", about {} left", human::duration(seconds_left))
        } else {
            String::new()
        };
        let slowest = slowest.map(|(id, bytes)| format!("; broker {id} has most to go, {}", human::bytes(bytes)));
        let left = human::counted(left as u64, "partition");
        self.progress.note(&format!(
            "  {} of {} copied, {left} to go{rest}{}",
            human::bytes(done),
            human::bytes(all),
            slowest.unwrap_or_default()
        ));
    }
}

/// `2 min 3 s (1 min 50 s to 2 min 20 s predicted), 57.5 MiB of 55.0 MiB planned at 931 KiB/s`.
fn took(measured: &Measured) -> String {
    let mut text = human::duration(measured.seconds);
    if let Some(Span { p10, p90, .. }) = measured.predicted_seconds {
        let _ = write!(text, " ({} to {} predicted)", human::duration(p10), human::duration(p90));
    }
    if measured.held_seconds >= 1.0 {
        let _ = write!(text, ", held for {} besides", human::duration(measured.held_seconds));
    }
    if measured.copied_bytes > 0 || measured.planned_bytes > 0 {
        let (copied, planned) = (human::bytes(measured.copied_bytes), human::bytes(measured.planned_bytes));
        let _ = write!(text, "; copied {copied} of {planned} planned at {}", human::rate(measured.bytes_per_sec()));
    }
    text
}

/// What to make of a batch that took longer or less than predicted.
fn warning(measured: &Measured) -> Option<String> {
    let span = measured.predicted_seconds.filter(|_| measured.is_as_predicted() == Some(false))?;
    Some(if measured.seconds > span.p90 {
        "took longer than predicted: look at the slowest broker's network and disks, and at what producers write; later \
         batches may take longer, too"
            .to_owned()
    } else {
        "took less time than predicted: sizes may have shrunk since the snapshot, or a throttle does not hold"
            .to_owned()
    })
}

/// The summary as text.
pub(super) fn text(did: &str, report: &Report, journal: &Path) -> String {
    let mut out = match (did, report.batches.len()) {
        ("cancelled", _) => format!("cancelled: {}", human::counted(report.cancelled as u64, "move")),
        (did, 1) => format!("{did}: 1 batch"),
        (did, batches) => format!("{did}: {} batches", human::count(batches as u64)),
    };
    if report.restored > 0 {
        let _ = write!(out, ", {} put back", human::counted(report.restored as u64, "setting"));
    }
    for measured in &report.measured {
        let mark = if measured.is_as_predicted() == Some(false) { "! " } else { "  " };
        let _ = write!(out, "\n{mark}batch {}: {}", measured.batch, took(measured));
    }
    if !report.skipped.is_empty() {
        let _ = write!(out, "\nleft alone: {}", report.skipped.join(", "));
    }
    let next = match did {
        "applied" => "take a new snapshot before planning again; --rollback undoes this",
        "cancelled" => "--resume goes on, --rollback undoes what is through",
        _ => "the cluster is as it was, but for what is left alone",
    };
    let _ = write!(out, "\njournal: {}\nnext: {next}\n", journal.display());
    out
}

/// The summary as JSON.
pub(super) fn json(did: &str, report: &Report, journal: &Path) -> String {
    let batch = |measured: &Measured| {
        serde_json::json!({
            "batch": measured.batch,
            "predicted_seconds": measured.predicted_seconds,
            "seconds": measured.seconds,
            "held_seconds": measured.held_seconds,
            "planned_bytes": measured.planned_bytes,
            "copied_bytes": measured.copied_bytes,
            "bytes_per_sec": measured.bytes_per_sec(),
            "as_predicted": measured.is_as_predicted(),
        })
    };
    let value = serde_json::json!({
        "outcome": did.replace(' ', "_"),
        "batches": report.batches,
        "measured": report.measured.iter().map(batch).collect::<Vec<_>>(),
        "cancelled": report.cancelled,
        "restored": report.restored,
        "skipped": report.skipped,
        "journal": journal.display().to_string(),
    });
    format!("{value:#}\n")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;

    fn measured(seconds: f64) -> Measured {
        Measured {
            batch: 2,
            predicted_seconds: Some(Span { p10: 100.0, p50: 110.0, p90: 130.0 }),
            seconds,
            held_seconds: 0.0,
            planned_bytes: 100 << 20,
            copied_bytes: 110 << 20,
        }
    }

    #[test]
    fn a_batch_is_told_beside_what_was_predicted_and_warned_of_where_it_differs() {
        assert_eq!(
            took(&measured(110.0)),
            "1 min 50 s (1 min 40 s to 2 min 10 s predicted); copied 110 MiB of 100 MiB planned at 1.00 MiB/s"
        );
        assert_eq!(warning(&measured(110.0)), None);
        assert!(warning(&measured(131.0)).unwrap().starts_with("took longer"));
        assert!(warning(&measured(99.0)).unwrap().starts_with("took less"));
    }

    #[test]
    fn the_summary_marks_what_was_not_as_predicted() {
        let report = Report { batches: vec![2], measured: vec![measured(200.0)], ..Report::default() };
        let text = text("applied", &report, Path::new("plan.journal"));
        assert!(text.contains("\n! batch 2: 3 min 20 s (1 min 40 s to"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&json("applied", &report, Path::new("x"))).unwrap();
        assert_eq!(json["measured"][0]["as_predicted"], false);
        assert_eq!(json["measured"][0]["predicted_seconds"]["p90"], 130.0);
    }
}
