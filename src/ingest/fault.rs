//! Faults in what was read: where, which, and what to do about it.
//!
//! A fault is data, not an exception: readers collect all they find, up to [`Faults::CAP`], so that an operator mends
//! a file in one go. Codes are stable; docs/errors.md lists them.

use std::fmt;
use std::path::{Path, PathBuf};

/// How bad a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The input is refused.
    Error,
    /// The input is taken, with what the message says.
    Warning,
}

/// One thing wrong with the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// How bad it is.
    pub severity: Severity,
    /// Stable code: `E…` for errors, `W…` for warnings.
    pub code: &'static str,
    /// The file.
    pub file: PathBuf,
    /// 1-based line, where the fault has one.
    pub line: Option<u64>,
    /// 1-based column in characters, where the fault has one.
    pub column: Option<u64>,
    /// What is wrong: a lowercase fragment with the value and the limit.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Fault {
    /// An error about `file` as a whole.
    #[must_use]
    pub fn error(code: &'static str, file: &Path, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, file, message.into())
    }

    /// A warning about `file` as a whole.
    #[must_use]
    pub fn warning(code: &'static str, file: &Path, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, file, message.into())
    }

    fn new(severity: Severity, code: &'static str, file: &Path, message: String) -> Self {
        Self { severity, code, file: file.to_owned(), line: None, column: None, message, help: None }
    }

    /// The same fault at a line and column (both 1-based).
    #[must_use]
    pub fn at(mut self, line: u64, column: u64) -> Self {
        self.line = Some(line);
        self.column = Some(column);
        self
    }

    /// The same fault with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        if let Some(column) = self.column {
            write!(f, "{column}:")?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, " {severity}[{}]: {}", self.code, self.message)?;
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// The faults of one reading, in the order of the files and their lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Those kept.
    pub list: Vec<Fault>,
    /// How many errors were found beyond those kept.
    pub errors_beyond_cap: u64,
}

impl Faults {
    /// How many errors are kept: more would scroll away the first, which usually explains the rest.
    pub const CAP: usize = 50;

    /// Adds `fault`, or counts it where the cap is reached.
    pub fn push(&mut self, fault: Fault) {
        if fault.severity == Severity::Error && self.error_count() >= Self::CAP {
            self.errors_beyond_cap += 1;
        } else {
            self.list.push(fault);
        }
    }

    /// Adds all of `other`, in its order.
    pub fn extend(&mut self, other: Self) {
        other.list.into_iter().for_each(|fault| self.push(fault));
        self.errors_beyond_cap += other.errors_beyond_cap;
    }

    /// Whether any error was found.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|f| f.severity == Severity::Error)
    }

    fn error_count(&self) -> usize {
        self.list.iter().filter(|f| f.severity == Severity::Error).count()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (offset, fault) in self.list.iter().enumerate() {
            if offset > 0 {
                writeln!(f)?;
            }
            write!(f, "{fault}")?;
        }
        if self.errors_beyond_cap > 0 {
            write!(f, "\n… and {} more errors", self.errors_beyond_cap)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
