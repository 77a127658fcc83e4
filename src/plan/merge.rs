//! Joins batches where stopping between them would leave the cluster worse than before the first of them.
//!
//! Input: batches and how the cluster stands after each. Output: batches after each of which it stands no worse than
//! before it, but for those that have no room to be one: those are noted. Two halves of a swap end up together.

use std::collections::BTreeMap;

use super::batches::room;
use super::change::{Change, Standing as Replicas};
use super::ledger::Standing;
use super::step::{incoming, outgoing};
use super::{Batch, Entry};
use crate::model::{LogDirIdx, PartitionIdx, Snapshot};

/// `standings` has one more than `batches`: how the cluster stands before the first, and after each.
pub(super) fn merge(
    snapshot: &Snapshot,
    batches: Vec<Batch>,
    standings: &[Standing],
    notes: &mut Vec<String>,
) -> Vec<Batch> {
    let is_safe = |(before, after): (&Standing, &Standing)| !after.is_worse_than(before);
    if standings.iter().zip(standings.iter().skip(1)).all(is_safe) {
        return batches;
    }
    let mut walk = Walk { snapshot, replicas: Replicas::new(snapshot), room: room(snapshot) };
    let mut merged: Vec<Batch> = Vec::new();
    let mut first = 0;
    while first < batches.len() {
        let last = last_of(standings, first);
        let run = batches.get(first..=last).unwrap_or_default();
        let joined = if run.len() > 1 { walk.join(run) } else { None };
        let next = match joined {
            Some(batch) => {
                first = last + 1;
                batch
            }
            None => {
                if run.len() > 1 {
                    notes.push(format!(
                        "stopping after batch {} leaves the cluster worse than before it until batch {}: the log dirs \
                         have no room for their copies at once",
                        merged.len() + 1,
                        merged.len() + 1 + last - first
                    ));
                }
                first += 1;
                batches.get(first - 1).cloned().unwrap_or_default()
            }
        };
        walk.advance(&next);
        merged.push(next);
    }
    merged
}

/// The first batch from `first` on after which the cluster stands no worse than before `first`; `first` itself where
/// none makes up for it.
fn last_of(standings: &[Standing], first: usize) -> usize {
    let Some(before) = standings.get(first) else { return first };
    let after = standings.iter().skip(first + 1);
    first + after.into_iter().position(|standing| !standing.is_worse_than(before)).unwrap_or(0)
}

/// The cluster between batches.
struct Walk<'a> {
    snapshot: &'a Snapshot,
    replicas: Replicas<'a>,
    room: Vec<i128>,
}

impl Walk<'_> {
    /// `run` as one batch, none where some dir has no room for it.
    fn join(&self, run: &[Batch]) -> Option<Batch> {
        let mut entries: BTreeMap<PartitionIdx, Entry> = BTreeMap::new();
        for entry in run.iter().flat_map(|batch| &batch.entries) {
            entries.insert(entry.partition, entry.clone());
        }
        let stays =
            |entry: &Entry| self.replicas.held(entry.partition).iter().map(|h| h.seat).eq(entry.seats.iter().copied());
        let mut joined = Batch {
            entries: entries.into_values().filter(|entry| !stays(entry)).collect(),
            elections: run.iter().flat_map(|batch| batch.elections.iter().copied()).collect(),
            ..Batch::default()
        };
        joined.elections.sort_unstable();
        joined.elections.dedup();
        let changes: Vec<Change> =
            self.replicas.changes(&joined).into_iter().flat_map(|(_, changes)| changes).collect();
        joined.count(&changes);
        let mut needs: BTreeMap<LogDirIdx, i128> = BTreeMap::new();
        for (dir, bytes) in incoming(&changes) {
            *needs.entry(dir).or_insert(0) += i128::from(bytes);
        }
        needs.iter().all(|(dir, bytes)| *bytes <= self.room[dir.row()]).then_some(joined)
    }

    fn advance(&mut self, batch: &Batch) {
        for (_, changes) in self.replicas.changes(batch) {
            for (dir, bytes) in incoming(&changes) {
                self.shift(dir, -i128::from(bytes));
            }
            for (dir, bytes) in outgoing(&changes) {
                self.shift(dir, i128::from(bytes));
            }
        }
        self.replicas.advance(batch);
    }

    fn shift(&mut self, dir: LogDirIdx, bytes: i128) {
        if self.snapshot.log_dir(dir).capacity_bytes.is_some() {
            self.room[dir.row()] += bytes;
        }
    }
}
