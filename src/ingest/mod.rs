//! Reads what operators have: snapshot directories, policy files, other tools' output. Input: files. Output: a
//! [`Snapshot`](crate::model::Snapshot) or [`Policy`](crate::model::Policy) whose invariants hold, or every fault found.

pub mod fault;
pub mod kafka_files;
pub mod synth;

pub use fault::{Fault, Faults, Severity};
pub use synth::{SynthError, SynthFaults, SynthSpec, synthesize};
