//! Carries a plan out, batch by batch, so that it can be watched, stopped, resumed and undone.
//!
//! Input: a plan's files as [`Work`], a connection, a journal. Output: a cluster as planned, told step by step as
//! [`Event`]s. What runs at any moment can be told from the cluster itself: each target is as before, on its way, as
//! wanted, or astray, so that a run that takes over from one that was killed does what any run does. The journal adds
//! what the cluster does not know: which plan it is, how far it is, which settings were changed and what they were.
//!
//! Log dirs are asked for before the reassignment that brings a replica: its broker remembers (REPLICA_NOT_AVAILABLE),
//! where afterwards it would have chosen. Nothing that runs is ever overridden; it is cancelled first, for Kafka takes
//! an overridden and cancelled reassignment back to both of its origins at once, one replica too many.

pub mod calls;
mod cancel;
mod execute;
mod gate;
pub mod guard;
pub mod hold;
pub mod journal;
pub mod look;
pub mod predict;
mod run;
mod settings;
pub mod throttle;
mod traffic;
pub mod windows;
pub mod work;

use std::time::Duration;

use self::guard::Guard;
use self::journal::{JournalError, Measured};
use self::windows::{WindowEnd, Windows};
use super::admin::AdminError;
use super::surroundings::Surroundings;
use super::{Admin, admin};

pub use self::journal::{FileJournal, Journal};
pub use self::run::{apply, cancel, drift, rollback};
pub use self::work::Work;

/// How fast copies may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// What the plan's runbook suggests, for each batch.
    Suggested,
    /// Bytes per second, of each broker and direction.
    Fixed(u64),
    /// As fast as they can.
    Unlimited,
}

/// How a plan is carried out.
#[derive(Clone, Debug)]
pub struct Options {
    /// How fast copies may be.
    pub throttle: Throttle,
    /// Leave partitions alone that are not as the snapshot has them, instead of refusing.
    pub allow_drift: bool,
    /// Take over where the journal ends.
    pub resume: bool,
    /// How often the cluster is looked at.
    pub poll: Duration,
    /// When something may begin; none for at any time.
    pub windows: Option<Windows>,
    /// What becomes of copies that run when a window ends.
    pub window_end: WindowEnd,
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A batch begins.
    Batch {
        /// 1-based.
        batch: usize,
        /// How many there are.
        of: usize,
        /// Partitions that change.
        partitions: usize,
        /// Bytes that are copied.
        bytes: u64,
        /// Bytes per second, none where nothing slows it down.
        throttle: Option<u64>,
        /// Whether it is being undone.
        is_rollback: bool,
    },
    /// How far it is.
    Progress {
        /// Bytes copied.
        done: u64,
        /// Bytes to copy in all.
        all: u64,
        /// Seconds since it began.
        seconds: f64,
        /// Partitions that are not there yet.
        left: usize,
        /// The broker with most left to copy, and how many bytes.
        slowest: Option<(i32, u64)>,
    },
    /// Nothing more is begun until these are gone.
    Held {
        /// What speaks against it.
        why: Vec<String>,
        /// Since when, seconds since 1970.
        since: f64,
    },
    /// They are gone.
    GoesOn {
        /// For how long it was held.
        held_seconds: f64,
    },
    /// A batch is through.
    Through(Measured),
    /// Anything else that the reader should know.
    Note(String),
}

/// What a run comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Batches that this run carried out or undid.
    pub batches: Vec<usize>,
    /// Reassignments and dir moves that were cancelled.
    pub cancelled: usize,
    /// Settings put back as they were found.
    pub restored: usize,
    /// Partitions that were left alone, `topic-partition`.
    pub skipped: Vec<String>,
    /// How every batch went that this run or, of a plan that was resumed, an earlier one carried out or undid.
    pub measured: Vec<Measured>,
}

/// Why a run ended before its end. What is under way goes on in Kafka; the journal says what it is.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The cluster is not as the plan takes it to be.
    #[error("{} not as in the snapshot:\n  {}", .0.len(), .0.join("\n  "))]
    Drift(Vec<String>),
    /// What was asked for does not fit what the journal or the cluster say.
    #[error("{0}")]
    Refused(String),
    /// The cluster refused or did not answer.
    #[error(transparent)]
    Cluster(#[from] AdminError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The cluster did not do what it was asked for.
    #[error("{0}")]
    Failed(String),
}

/// What carries plans out.
pub struct Apply<'a> {
    /// The cluster.
    pub admin: &'a dyn Admin,
    /// Where it is written down.
    pub journal: &'a mut dyn Journal,
    /// The clock.
    pub surroundings: &'a dyn Surroundings,
    /// What the cluster is held against.
    pub guard: &'a Guard,
    /// Who is told.
    pub tell: &'a dyn Fn(&Event),
    /// How.
    pub options: Options,
}

/// Refuses a cluster other than the plan's, and one without the reassignment API (KIP-455, Kafka 2.4).
///
/// # Errors
/// As said.
pub fn check_cluster(admin: &dyn Admin, work: &Work) -> Result<(), ApplyError> {
    let found = admin.cluster()?.cluster_id;
    if found != work.cluster_id {
        return Err(ApplyError::Refused(format!(
            "the plan is for cluster {}, this one is {found}: give the snapshot and plan of this one",
            work.cluster_id
        )));
    }
    match admin.reassignments() {
        Err(error) if error.kind == admin::ErrorKind::Unsupported => Err(ApplyError::Refused(
            "these brokers are older than Kafka 2.4 and cannot be asked to reassign: carry the plan out by its RUNBOOK.md"
                .to_owned(),
        )),
        answer => Ok(answer.map(drop)?),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests;
