//! Turns a solution into what an operator carries out: entries, elections, batches, rollback, reasons. Input: a
//! [`Snapshot`](crate::model::Snapshot), a [`Policy`](crate::model::Policy) and a
//! [`Solution`](crate::optimize::Solution). Output: a [`Plan`]. Pure.

mod batches;
mod build;
pub mod change;
mod crowds;
mod deadlock;
pub mod elections;

pub mod explain;
pub mod fluid;
pub mod frontier;
mod growth;
pub mod kafka_json;
pub mod ledger;
mod limits;
mod merge;
pub mod moves;
pub mod pace;
mod pacing;
mod pairs;
pub mod places;
pub mod rollback;
pub mod runbook;
mod spread;
mod step;
pub mod throttle;
pub mod timetable;
mod tools;
pub mod words;

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "a failing test may panic")]
mod tests;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod pacing_tests;

pub use build::{build, with_factor};
pub use pacing::{LEADER_CHANGES_MAX, Pacing};
pub use timetable::Timetable;

use crate::model::{Assessment, Excuse, Movement, PartitionIdx, Placement, Seat};
use crate::optimize::replication::FactorChange;
use crate::optimize::{LowerBound, StopReason};

/// How the plan leaves the cluster: the first that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A hard rule stays broken.
    Infeasible,
    /// Nothing moves.
    Unchanged,
    /// Nothing is outside its band.
    Balanced,
    /// Better than before.
    Improved,
}

impl Outcome {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Infeasible => "infeasible",
            Self::Unchanged => "unchanged",
            Self::Balanced => "balanced",
            Self::Improved => "improved",
        }
    }
}

/// What a move moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MoveKind {
    /// A replica to another broker.
    Replica,
    /// A replica to another log dir of its broker.
    LogDir,
    /// Leadership alone; carries no bytes.
    Leader,
}

impl MoveKind {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Replica => "replica",
            Self::LogDir => "log_dir",
            Self::Leader => "leader",
        }
    }
}

/// One row of `moves.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// 1-based batch.
    pub batch: u32,
    /// The partition.
    pub partition: PartitionIdx,
    /// What moves.
    pub kind: MoveKind,
    /// Where from; for a leader, the old leader's seat (none where it had none).
    pub from: Option<Seat>,
    /// Where to; for a leader, the new leader's seat.
    pub to: Option<Seat>,
    /// Bytes copied.
    pub bytes: u64,
    /// The goal or rule it serves and what it changes.
    pub reason: String,
}

/// The replica list that one partition is to have.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The partition.
    pub partition: PartitionIdx,
    /// Its seats in position order.
    pub seats: Vec<Seat>,
}

/// A step of the plan: what is handed to Kafka at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Changed partitions, in topic, partition order.
    pub entries: Vec<Entry>,
    /// Partitions whose preferred leader is to be elected once the entries are done.
    pub elections: Vec<PartitionIdx>,
    /// Bytes copied between brokers.
    pub inter_broker_bytes: u64,
    /// Bytes copied between dirs of one broker.
    pub intra_broker_bytes: u64,
}

impl Batch {
    /// Adds the bytes that `changes` copy.
    fn count(&mut self, changes: &[change::Change]) {
        for change in changes {
            match change.kind {
                MoveKind::Replica => self.inter_broker_bytes += change.bytes(),
                MoveKind::LogDir => self.intra_broker_bytes += change.bytes(),
                MoveKind::Leader => {}
            }
        }
    }
}

/// What an operator carries out, and how the judge sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How it leaves the cluster.
    pub outcome: Outcome,
    /// Why the search ended.
    pub stop_reason: StopReason,
    /// What it copies and changes.
    pub movement: Movement,
    /// The proven bound on bytes copied between brokers.
    pub lower_bound: LowerBound,
    /// Bytes copied ÷ bound − 1; 0 if both are zero, none if only the bound is.
    pub gap: Option<f64>,
    /// The snapshot as it stands.
    pub before: Assessment,
    /// The snapshot with the plan carried out.
    pub after: Assessment,
    /// Where every replica ends.
    pub placement: Placement,
    /// The steps; applied in order they end at `placement`.
    pub batches: Vec<Batch>,
    /// The throttle and how long each batch takes.
    pub timetable: Timetable,
    /// Every move, by batch, then partition.
    pub moves: Vec<Move>,
    /// What could not be had, and why.
    pub excuses: Vec<Excuse>,
    /// Cheaper plans and this one, by bytes; empty where no frontier was asked for.
    pub frontier: Vec<frontier::Point>,
    /// The replication factor that was asked for, and what became of it; none where none was.
    pub replication: Option<FactorChange>,
}
