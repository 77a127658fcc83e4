//! What carrying one partition from where it stands to a list of seats does: which copies are made, which vanish.
//!
//! Input: the replicas as they stand, the wanted seats. Output: the replicas afterwards and the changes between, each
//! added replica paired with the removed one it most plausibly replaces. The one place of the plan that compares seats.

use std::collections::HashMap;

use super::{Batch, MoveKind};
use crate::model::{PartitionIdx, RackIdx, Seat, Snapshot};

/// A replica where it stands, and the bytes it holds there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Where.
    pub seat: Seat,
    /// Its size.
    pub bytes: u64,
}

/// A replica's move, appearance or disappearance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Between brokers or between dirs of one.
    pub kind: MoveKind,
    /// What vanishes once the copy is made; none where the replication factor grows.
    pub from: Option<Held>,
    /// What is copied; none where the replication factor shrinks.
    pub to: Option<Held>,
}

impl Change {
    /// Bytes copied.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.to.map_or(0, |held| held.bytes)
    }
}

/// The replicas of `partition` as the snapshot has them.
#[must_use]
pub fn held_in(snapshot: &Snapshot, partition: PartitionIdx) -> Vec<Held> {
    let held =
        |r: &crate::model::Replica| Held { seat: Seat { broker: r.broker, log_dir: r.log_dir }, bytes: r.size_bytes };
    snapshot.replicas_of(partition).iter().map(held).collect()
}

/// What turns `standing` into `target`: the replicas afterwards in `target`'s order, and the changes in that order,
/// those that only vanish last. A copy to another broker brings `copy_bytes`.
#[must_use]
pub fn transition(
    snapshot: &Snapshot,
    standing: &[Held],
    target: &[Seat],
    copy_bytes: u64,
) -> (Vec<Held>, Vec<Change>) {
    let mut kept = vec![false; standing.len()];
    let residents: Vec<Option<usize>> = target.iter().map(|&seat| resident(standing, &mut kept, seat)).collect();
    let mut leaving: Vec<(usize, Held)> = standing.iter().copied().enumerate().filter(|(i, _)| !kept[*i]).collect();
    let mut after = Vec::with_capacity(target.len());
    let mut changes: Vec<(usize, Change)> = Vec::new();
    for (position, (&seat, resident)) in target.iter().zip(&residents).enumerate() {
        match resident.map(|i| standing[i]) {
            // A seat without a dir asks nothing of the broker: the replica stays wherever it is.
            Some(held) if seat.log_dir.is_none() || held.seat == seat => after.push(held),
            Some(held) => {
                let to = Held { seat, bytes: held.bytes };
                after.push(to);
                changes.push((position, Change { kind: MoveKind::LogDir, from: Some(held), to: Some(to) }));
            }
            None => {
                let to = Held { seat, bytes: copy_bytes };
                after.push(to);
                changes.push((position, Change { kind: MoveKind::Replica, from: None, to: Some(to) }));
            }
        }
    }
    pair(snapshot, &mut changes, &mut leaving);
    let vanished = leaving.into_iter().map(|(_, held)| Change { kind: MoveKind::Replica, from: Some(held), to: None });
    (after, changes.into_iter().map(|(_, change)| change).chain(vanished).collect())
}

/// The standing replica that `seat` keeps: on the same dir if there is one, else on the same broker.
fn resident(standing: &[Held], kept: &mut [bool], seat: Seat) -> Option<usize> {
    let free = |i: &usize| !kept[*i] && standing[*i].seat.broker == seat.broker;
    let found =
        (0..standing.len()).filter(free).find(|&i| standing[i].seat == seat).or_else(|| (0..standing.len()).find(free));
    if let Some(i) = found {
        kept[i] = true;
    }
    found
}

/// Gives each added replica the leaving one it replaces: of its rack if there is one, then of its position, then any.
/// Same rack first keeps every half-done state as spread as both ends are.
fn pair(snapshot: &Snapshot, changes: &mut [(usize, Change)], leaving: &mut Vec<(usize, Held)>) {
    let rack = |held: &Held| -> Option<RackIdx> { snapshot.broker(held.seat.broker).rack };
    for round in 0..3 {
        for (position, change) in changes.iter_mut() {
            let Some(to) = change.to.filter(|_| change.from.is_none()) else { continue };
            let fits = |(old, held): &(usize, Held)| match round {
                0 => rack(held).is_some() && rack(held) == rack(&to),
                1 => old == position,
                _ => true,
            };
            if let Some(i) = leaving.iter().position(fits) {
                change.from = Some(leaving.remove(i).1);
            }
        }
    }
}

/// Where partitions stand between batches: the snapshot, and what the batches so far made of it.
pub struct Standing<'a> {
    snapshot: &'a Snapshot,
    /// Looked up, never iterated: its order is arbitrary.
    moved: HashMap<PartitionIdx, Vec<Held>>,
}

impl<'a> Standing<'a> {
    /// The snapshot itself.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, moved: HashMap::new() }
    }

    /// The replicas of `partition` as they stand.
    #[must_use]
    pub fn held(&self, partition: PartitionIdx) -> Vec<Held> {
        self.moved.get(&partition).cloned().unwrap_or_else(|| held_in(self.snapshot, partition))
    }

    /// What `batch` does from here, entry by entry.
    #[must_use]
    pub fn changes(&self, batch: &Batch) -> Vec<(PartitionIdx, Vec<Change>)> {
        let one = |entry: &super::Entry| {
            let copy_bytes = self.snapshot.copy_size_bytes(entry.partition);
            let (_, changes) = transition(self.snapshot, &self.held(entry.partition), &entry.seats, copy_bytes);
            (entry.partition, changes)
        };
        batch.entries.iter().map(one).collect()
    }

    /// Carries `batch` out.
    pub fn advance(&mut self, batch: &Batch) {
        for entry in &batch.entries {
            let copy_bytes = self.snapshot.copy_size_bytes(entry.partition);
            let (after, _) = transition(self.snapshot, &self.held(entry.partition), &entry.seats, copy_bytes);
            self.moved.insert(entry.partition, after);
        }
    }
}
