//! One partition's step in a batch, and where each of its changes ends in it.

use super::change::{Change, Held};
use super::ledger::Effect;
use crate::model::{BrokerIdx, LogDirIdx, PartitionIdx, Seat};

/// One partition's part in the batch being filled.
pub(super) struct Step {
    pub(super) task: usize,
    pub(super) partition: PartitionIdx,
    /// Its replica list after the step.
    pub(super) seats: Vec<Seat>,
    /// The same with sizes.
    pub(super) after: Vec<Held>,
    pub(super) changes: Vec<Change>,
    /// Who leads before: copies come from there.
    pub(super) leader: Option<BrokerIdx>,
    pub(super) leader_after: Option<BrokerIdx>,
    /// Whether the preferred leader is elected once the copies are made.
    pub(super) elects: bool,
    pub(super) effect: Effect,
}

/// Where a change ends in an intermediate step.
pub(super) enum End {
    /// At its goal.
    Goal,
    /// On another seat: where it began, or parked.
    At(Seat),
    /// Not begun, and nothing was there before.
    Nowhere,
}

impl End {
    pub(super) fn of(from: Option<Held>) -> Self {
        from.map_or(Self::Nowhere, |held| Self::At(held.seat))
    }
}

/// What `changes` bring to dirs, one item per dir.
pub(super) fn incoming(changes: &[Change]) -> impl Iterator<Item = (LogDirIdx, u64)> + '_ {
    changes.iter().filter_map(|c| c.to).filter_map(|held| Some((held.seat.log_dir?, held.bytes)))
}

/// What `changes` free on dirs once they are done.
pub(super) fn outgoing(changes: &[Change]) -> impl Iterator<Item = (LogDirIdx, u64)> + '_ {
    changes.iter().filter_map(|c| c.from).filter_map(|held| Some((held.seat.log_dir?, held.bytes)))
}
