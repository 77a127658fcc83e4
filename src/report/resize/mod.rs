//! What `expand` and `shrink` add to a plan: keys of plan.json, a section of the text, the page and the runbook, and the
//! snapshot that the plan is for. Input: a plan and a [`FleetChange`]. Pure.

mod json;
mod page;
mod runbook;
pub mod text;
mod words;

use std::path::Path;

use super::plan_files::{Extras, plan_files_with};
use crate::capacity::FleetChange;
use crate::ingest::render;
use crate::model::{Policy, Snapshot};
use crate::plan::Plan;
use crate::writer::OutputFile;

/// The directory, below the plan's, of the snapshot with brokers added or draining.
pub const SNAPSHOT_DIR: &str = "snapshot";

/// Every file of the plan directory of `plan`, one for `planned`.
#[must_use]
pub fn files(planned: &Snapshot, policy: &Policy, plan: &Plan, change: &FleetChange) -> Vec<OutputFile> {
    let snapshot_files = render::snapshot_files(planned);
    let excuses = words::excuses(planned, policy, plan, change);
    let keys = json::keys(planned, policy, change, &excuses, render::sha256(&snapshot_files));
    let extras = Extras { keys: &keys, runbook: runbook::extra(change), page: page::section(policy, change, &excuses) };
    let mut files = plan_files_with(planned, policy, plan, &extras);
    files.extend(snapshot_files.into_iter().map(|file| {
        let path = Path::new(SNAPSHOT_DIR).join(&file.path);
        OutputFile { path, bytes: file.bytes }
    }));
    files
}

#[cfg(test)]
mod tests;
