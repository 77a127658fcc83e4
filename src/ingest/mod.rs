//! Reads what operators have: snapshot directories, policy files, other tools' output. Input: files. Output: a
//! [`Snapshot`](crate::model::Snapshot) or [`Policy`](crate::model::Policy) whose invariants hold, or every fault found.

pub mod catalogue;
pub mod codes;
pub mod cruise_control;
pub mod fault;
pub mod inventory;
pub mod kafka_cli;
pub mod kafka_files;
pub mod nearest;
pub mod plan_moves;
pub mod policy;
pub mod prometheus;
pub mod render;
pub mod scenario;
pub mod snapshot_dir;
pub mod synth;
mod toml_reader;

pub use fault::{Fault, Faults, Severity};
pub use snapshot_dir::clients;
pub use snapshot_dir::history;
pub use snapshot_dir::quotas;
pub use synth::{SynthError, SynthFaults, SynthSpec, synthesize};
