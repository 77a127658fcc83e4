//! Finds where every replica should sit. Input: a snapshot and a policy. Output: a [`Solution`]. Pure: the clock and the
//! progress display come in through [`Environment`]; the judge's figures are never read here.
//!
//! Stages: `repair` → `balance` → `trim` → `anneal` → `milp` → `scatter` → `log_dirs` → `log_dir_writes` → `bound`. docs/solver.md explains
//! each.

mod aims;
mod anneal;
mod balance;
mod bound;
mod combine;
mod destinations;
mod finish;
mod floor;
mod lazy_queue;
mod leadership;
mod log_dir_writes;
mod log_dirs;
mod many;
mod milp;
mod penalty;
mod problem;
mod repair;
pub mod replication;
mod scatter;
mod search;
pub mod solution;
mod spread;
mod state;
mod trim;

pub use many::optimize_each;
pub use search::optimize;
pub use solution::{BoundKind, LowerBound, Reason, Solution, StopReason};

/// How much work the search may do; budgets count steps, never seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// Construct and trim only.
    Quick,
    /// Search until little is to be gained.
    #[default]
    Normal,
    /// Spend what a night's job may.
    Thorough,
}

/// What the search may know of the world.
pub struct Environment<'a> {
    /// Whether the time limit has passed.
    pub expired: &'a (dyn Fn() -> bool + Sync),
    /// Told the stage and how far it is (0–1).
    pub progress: &'a (dyn Fn(&str, f64) + Sync),
}

/// How to search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Seed of every random choice.
    pub seed: u64,
    /// Step budget.
    pub effort: Effort,
}
