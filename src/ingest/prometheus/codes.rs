//! The stable codes of what can be wrong with a configuration of PromQL engines; docs/errors.md explains each to
//! operators.

/// The file, or one that it names, cannot be read.
pub const UNREADABLE: &str = "E740";
/// The file is not TOML.
pub const SYNTAX: &str = "E741";
/// A key means nothing.
pub const UNKNOWN_KEY: &str = "E742";
/// A value is of the wrong kind, or none of those allowed.
pub const VALUE: &str = "E743";
/// A number is out of its range.
pub const RANGE: &str = "E744";
