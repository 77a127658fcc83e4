//! Exit statuses (contract §4) and the one place where errors become them.

use std::process::ExitCode;

use crate::ingest::Faults;

/// Done.
pub const DONE: u8 = 0;
/// It failed: I/O, no cluster, a bug.
pub const FAILED: u8 = 1;
/// Bad usage or bad input.
pub const BAD_INPUT: u8 = 2;
/// A verdict: a hard rule is broken.
pub const VERDICT: u8 = 3;

/// Why a command ended without doing what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The input is refused.
    #[error("{0}")]
    Input(#[from] Faults),
    /// The command line asks for something that cannot be.
    #[error("error: {0}")]
    Usage(String),
    /// Reading or writing failed.
    #[error("error: {what}: {source}")]
    Io {
        /// What was being done, with the path.
        what: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Anything else that is not the caller's fault.
    #[error("error: {0}")]
    Failed(String),
}

impl CliError {
    /// The exit status for this error.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Input(_) | Self::Usage(_) => BAD_INPUT,
            Self::Io { .. } | Self::Failed(_) => FAILED,
        }
    }
}

/// What a command that ran to its end found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to object to.
    Done,
    /// A hard rule is broken.
    Broken,
}

/// The process's exit code.
#[must_use]
pub fn code(result: &Result<Verdict, CliError>) -> ExitCode {
    ExitCode::from(match result {
        Ok(Verdict::Done) => DONE,
        Ok(Verdict::Broken) => VERDICT,
        Err(error) => error.status(),
    })
}
