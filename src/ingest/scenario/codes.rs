//! The stable codes of what can be wrong with a scenario; docs/errors.md explains each to operators.

/// A scenario file cannot be read or is not TOML.
pub const SYNTAX: &str = "E460";
/// A key means nothing.
pub const UNKNOWN_KEY: &str = "E461";
/// A value is of the wrong kind, missing, or none of those allowed.
pub const VALUE: &str = "E462";
/// A number is out of its range.
pub const RANGE: &str = "E463";
/// A topic pattern does not compile.
pub const PATTERN: &str = "E464";
/// A name stands twice.
pub const DUPLICATE: &str = "E465";
/// A flow between sites has no link.
pub const NO_LINK: &str = "E466";
/// A site that is not listed.
pub const UNKNOWN_SITE: &str = "E467";
/// A machine that the catalogue does not have.
pub const UNKNOWN_MACHINE: &str = "E468";
/// A class matches no topic.
pub const EMPTY_CLASS: &str = "E469";
/// A topic belongs to no class.
pub const UNCLASSED: &str = "E470";
