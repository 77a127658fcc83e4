//! What the search hands on: the placement it wants, why, and how good that provably is.

use crate::model::{Criterion, Excuse, PartitionIdx, Placement};

/// Why the search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// Every stage ran to its end.
    Done,
    /// The effort's step budget was used up.
    StepLimit,
    /// The time limit cut in: the answer depends on the clock.
    TimeLimit,
    /// The policy's movement budget was used up.
    Budget,
}

impl StopReason {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::StepLimit => "step_limit",
            Self::TimeLimit => "time_limit",
            Self::Budget => "budget",
        }
    }
}

/// How a lower bound was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundKind {
    /// What must leave overfull brokers or reach underfull ones (docs/solver.md).
    Shedding,
    /// A Lagrangian relaxation evaluated exactly.
    Lagrangian,
    /// Rebuilt from a linear program's duals.
    Lp,
    /// Branch and bound.
    Mip,
}

impl BoundKind {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shedding => "shedding",
            Self::Lagrangian => "lagrangian",
            Self::Lp => "lp",
            Self::Mip => "mip",
        }
    }
}

/// A proven lower bound on the bytes that any plan as good as ours copies between brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LowerBound {
    /// Bytes.
    pub bytes: u64,
    /// How it was proven.
    pub kind: BoundKind,
}

/// What a change to a partition serves, and what it did to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The partition.
    pub partition: PartitionIdx,
    /// The rule that the change repairs or the goal that it serves most.
    pub criterion: Criterion,
    /// The change in words with numbers, e.g. `broker 3 disk 0.412 → 0.398 of 0.363 … 0.444`.
    pub detail: String,
}

/// What the search hands on. In `placement` a leader is either the snapshot's, still a replica, or sits at position 0
/// and is to be elected.
#[derive(Clone, Debug)]
pub struct Solution {
    /// Where every replica should sit, who should lead.
    pub placement: Placement,
    /// Why the search ended.
    pub stop_reason: StopReason,
    /// The bound on bytes copied between brokers; 0 bytes where nothing better is proven.
    pub lower_bound: LowerBound,
    /// One per changed partition, ascending.
    pub reasons: Vec<Reason>,
    /// What could not be had, and why.
    pub excuses: Vec<Excuse>,
}
