//! The rows of `moves.csv`: what each batch moves, and why.

use super::change::{Change, Standing};
use super::{Batch, Move, MoveKind};
use crate::model::{PartitionIdx, Placement, Seat, Snapshot};
use crate::optimize::Reason;

/// The reason of a replica's stop on its way, where every dir it could go to was full.
const PARKING: &str = "log_dir_capacity: parked here so that others can move; its final move is in a later batch";

/// What the reason of a replica begins with that comes or goes because the replication factor changes.
pub const REPLICATION_FACTOR: &str = "replication_factor";

/// Every move, by batch, then partition; a partition's replicas in position order, then its leadership. Leadership
/// moves when the partition reaches its place: what it does in between is not listed.
#[must_use]
pub fn moves(snapshot: &Snapshot, placement: &Placement, batches: &[Batch], reasons: &[Reason]) -> Vec<Move> {
    let mut last_batch = vec![None; snapshot.partitions.len()];
    for (number, batch) in batches.iter().enumerate() {
        let changed = batch.entries.iter().map(|entry| entry.partition).chain(batch.elections.iter().copied());
        changed.for_each(|p| last_batch[p.row()] = Some(number));
    }
    let mut standing = Standing::new(snapshot);
    let mut moves = Vec::new();
    for (number, batch) in batches.iter().enumerate() {
        let row = Row { snapshot, placement, reasons, batch: u32::try_from(number + 1).unwrap_or(u32::MAX) };
        let mut changes = standing.changes(batch).into_iter().peekable();
        for partition in partitions_of(batch) {
            if let Some((_, changes)) = changes.next_if(|(p, _)| *p == partition) {
                moves.extend(changes.iter().map(|change| row.replica(partition, change)));
            }
            if last_batch[partition.row()] == Some(number) {
                moves.extend(row.leader(partition));
            }
        }
        standing.advance(batch);
    }
    moves
}

/// Partitions with an entry or an election in `batch`, ascending.
fn partitions_of(batch: &Batch) -> Vec<PartitionIdx> {
    let mut partitions: Vec<PartitionIdx> = batch.entries.iter().map(|entry| entry.partition).collect();
    partitions.extend(&batch.elections);
    partitions.sort_unstable();
    partitions.dedup();
    partitions
}

struct Row<'a> {
    snapshot: &'a Snapshot,
    placement: &'a Placement,
    reasons: &'a [Reason],
    batch: u32,
}

impl Row<'_> {
    fn replica(&self, partition: PartitionIdx, change: &Change) -> Move {
        let to = change.to.map(|held| held.seat);
        let is_final = to.is_none_or(|seat| self.placement.seats(partition).contains(&seat));
        let reason = if !is_final {
            PARKING.to_owned()
        } else if change.from.is_none() || change.to.is_none() {
            self.factor(partition).unwrap_or_else(|| self.reason(partition))
        } else {
            self.reason(partition)
        };
        let from = change.from.map(|held| held.seat);
        Move { batch: self.batch, partition, kind: change.kind, from, to, bytes: change.bytes(), reason }
    }

    fn leader(&self, partition: PartitionIdx) -> Option<Move> {
        let old = self.snapshot.partition(partition).leader;
        let new = self.placement.leader(partition);
        if old == new {
            return None;
        }
        let replicas = self.snapshot.replicas_of(partition);
        let from = replicas.iter().find(|r| Some(r.broker) == old);
        let to = self.placement.seats(partition).iter().find(|seat| Some(seat.broker) == new);
        Some(Move {
            batch: self.batch,
            partition,
            kind: MoveKind::Leader,
            from: from.map(|r| Seat { broker: r.broker, log_dir: r.log_dir }),
            to: to.copied(),
            bytes: 0,
            reason: self.reason(partition),
        })
    }

    /// `rule or goal: what changes`; the change of the replication factor where the search gave no reason, empty where
    /// there is none either.
    fn reason(&self, partition: PartitionIdx) -> String {
        match self.reasons.binary_search_by_key(&partition, |r| r.partition) {
            Ok(i) => format!("{}: {}", self.reasons[i].criterion.name(), self.reasons[i].detail),
            Err(_) => self.factor(partition).unwrap_or_default(),
        }
    }

    /// The change of the replication factor, none where it stays.
    fn factor(&self, partition: PartitionIdx) -> Option<String> {
        let (old, new) = (self.snapshot.replicas_of(partition).len(), self.placement.seats(partition).len());
        (old != new).then(|| format!("{REPLICATION_FACTOR}: {old} → {new} replicas"))
    }
}
