//! Reads a policy file (contract §3).
//!
//! Input: TOML in which every key may be left out. Output: a [`Policy`] in which nothing is left open, or every fault by
//! line and column. What a policy says of a certain cluster is checked against its snapshot, by [`check_against`].

mod bytes;
mod check;
mod sections;
mod shipped;

pub use bytes::parse_bytes;
pub use check::check_against;
pub use shipped::{SHIPPED, shipped, shipped_names};

use std::path::Path;

use super::codes;
use super::fault::{Fault, Faults, Severity};
use super::toml_reader::{TomlCodes, TomlReader};
use crate::model::Policy;

pub(super) const CODES: TomlCodes = TomlCodes {
    syntax: codes::POLICY_SYNTAX,
    unknown_key: (codes::POLICY_UNKNOWN_KEY, Severity::Error),
    value: codes::POLICY_VALUE,
    range: codes::POLICY_RANGE,
};

/// Reads the policy in the file at `path`, or the shipped one of that name where there is no such file; what it leaves
/// out has its default.
///
/// # Errors
/// Every fault in the file.
pub fn read(path: &Path) -> Result<(Policy, Faults), Faults> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, &text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && shipped(path).is_some() => {
            parse(path, shipped(path).unwrap_or_default())
        }
        Err(error) => {
            let mut faults = Faults::default();
            let fault = Fault::error(codes::POLICY_SYNTAX, path, format!("the policy cannot be read: {error}"));
            let help = format!("give the path of a TOML file, or the name of a shipped policy: {}", shipped_names());
            faults.push(fault.help(help));
            Err(faults)
        }
    }
}

/// Reads the policy in `text`, which faults call `path`.
///
/// # Errors
/// Every fault in the text.
pub fn parse(path: &Path, text: &str) -> Result<(Policy, Faults), Faults> {
    let mut reader = TomlReader::new(path, text, &CODES);
    let mut policy = Policy::default();
    if let Some(root) = reader.root() {
        sections::read(&mut reader, &root, &mut policy);
    }
    let mut faults = Faults::default();
    reader.report(&mut faults);
    if faults.has_errors() { Err(faults) } else { Ok((policy, faults)) }
}

#[cfg(test)]
mod tests;
