//! What producers add to log dirs while copies run.
//!
//! A dir needs room for what is written to it until the batch ends: write rate × time, but no more than retention lets
//! the partition keep. How long a batch takes is not known before it is filled; the longest that any batch may take
//! stands in for it: `--batch-duration`, or the whole plan at its throttle.

use std::collections::BTreeMap;

use super::batches::Order;
use super::pace::Pace;
use super::words::duration;
use crate::model::{LogDirIdx, PartitionIdx, Snapshot, human};

/// Room kept for growth.
pub(super) struct Growth {
    /// By dir; only dirs that receive a copy.
    bytes: BTreeMap<LogDirIdx, u64>,
    seconds: f64,
    is_released: bool,
}

impl Growth {
    /// What the dirs that the plan copies to gain at most while a batch runs.
    pub(super) fn of(order: &Order<'_>) -> Self {
        let snapshot = order.snapshot;
        let mut bytes: BTreeMap<LogDirIdx, u64> = BTreeMap::new();
        for change in order.changes.iter().flat_map(|(_, changes)| changes) {
            bytes.extend(change.to.and_then(|held| held.seat.log_dir).map(|dir| (dir, 0)));
        }
        let whole = Pace::of(snapshot, order.changes).estimate(order.throttle_bytes_per_sec).seconds;
        // A plan that never ends at its throttle has its own warning; nothing can be kept free for ever.
        let seconds = order.pacing.batch_seconds.or(whole).unwrap_or(0.0);
        let mut dirs: Vec<LogDirIdx> = Vec::new();
        for partition in snapshot.partition_indices() {
            let grown = grown_bytes(snapshot, partition, seconds);
            if grown == 0 {
                continue;
            }
            let standing = snapshot.replicas_of(partition).iter().filter_map(|r| r.log_dir);
            let arriving = order.placement.seats(partition).iter().filter_map(|s| s.log_dir);
            dirs.clear();
            dirs.extend(standing.chain(arriving));
            dirs.sort_unstable();
            dirs.dedup();
            for dir in &dirs {
                if let Some(bytes) = bytes.get_mut(dir) {
                    *bytes = bytes.saturating_add(grown);
                }
            }
        }
        Self { bytes, seconds, is_released: false }
    }

    /// Takes the room that growth needs.
    pub(super) fn reserve(&self, room: &mut [i128]) {
        for (dir, bytes) in &self.bytes {
            room[dir.row()] = room[dir.row()].saturating_sub(i128::from(*bytes));
        }
    }

    /// Gives the room back where nothing fits otherwise; false where that has been done.
    pub(super) fn release(&mut self, room: &mut [i128]) -> bool {
        let is_first = !std::mem::replace(&mut self.is_released, true);
        for (dir, bytes) in self.bytes.iter().filter(|_| is_first) {
            room[dir.row()] = room[dir.row()].saturating_add(i128::from(*bytes));
        }
        is_first && self.bytes.values().any(|bytes| *bytes > 0)
    }

    /// What the operator should know: that growth has no room beside the copies.
    pub(super) fn notes(&self, snapshot: &Snapshot) -> Vec<String> {
        let most = self.bytes.iter().max_by_key(|(dir, bytes)| (**bytes, std::cmp::Reverse(**dir)));
        let Some((dir, bytes)) = most.filter(|(_, bytes)| self.is_released && **bytes > 0) else { return Vec::new() };
        let row = snapshot.log_dir(*dir);
        vec![format!(
            "log dirs are too full to keep room for what producers write meanwhile (up to {} in {} on {} of broker {}): \
             shorten retention, or watch disk use while batches run",
            human::bytes(*bytes),
            duration(Some(self.seconds)),
            row.path,
            snapshot.broker(row.broker).id
        )]
    }
}

/// Bytes that a replica of `partition` gains in `seconds`: what is written, as far as retention keeps it.
fn grown_bytes(snapshot: &Snapshot, partition: PartitionIdx, seconds: f64) -> u64 {
    let row = snapshot.partition(partition);
    let topic = snapshot.topic(row.topic);
    let written = row.bytes_in_per_sec * seconds;
    let deletes = topic.cleanup_policy.as_deref().is_none_or(|policy| policy.contains("delete"));
    let by_time = topic.retention_ms.filter(|ms| *ms >= 0).map(|ms| row.bytes_in_per_sec * ms as f64 / 1000.0);
    let by_size = topic.retention_bytes.filter(|bytes| *bytes >= 0).map(|bytes| bytes as f64);
    let kept = [by_time, by_size].into_iter().flatten().filter(|_| deletes).fold(f64::INFINITY, f64::min);
    let held = snapshot.replicas_of(partition).iter().map(|r| r.size_bytes).min().unwrap_or(0) as f64;
    written.min((kept - held).max(0.0)).min(1e18) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BrokerState;
    use crate::model::LogDirState;
    use crate::model::fixture::Fixture;

    #[test]
    fn growth_is_what_is_written_as_far_as_retention_keeps_it() {
        let mut snapshot = Fixture::default()
            .broker(1, "r", "", BrokerState::Alive)
            .dir(1, "/d", 10_000, LogDirState::Online, 0)
            .partition(("t", 0), 1, (2.0, 0.0), &[(1, "/d", 150, true)])
            .build();
        let grown = |snapshot: &Snapshot| grown_bytes(snapshot, PartitionIdx::new(0), 100.0);
        assert_eq!(grown(&snapshot), 200);
        snapshot.topics[0].retention_ms = Some(80_000);
        assert_eq!(grown(&snapshot), 10, "80 s of 2 bytes are 160, and 150 are there");
        snapshot.topics[0].retention_bytes = Some(100);
        assert_eq!(grown(&snapshot), 0);
        snapshot.topics[0].cleanup_policy = Some("compact".to_owned());
        assert_eq!(grown(&snapshot), 200);
    }
}
