//! The stable codes of what can be wrong with a client's properties file; docs/errors.md explains each to operators.

/// The file, or one that it names, cannot be read.
pub const PROPERTIES_UNREADABLE: &str = "E720";
/// A line is not of a Java properties file.
pub const PROPERTIES_SYNTAX: &str = "E721";
/// A value is none of those allowed.
pub const PROPERTIES_VALUE: &str = "E722";
/// A store of keys or certificates is in Java's own format.
pub const PROPERTIES_STORE: &str = "E723";
/// Something that another setting needs is missing.
pub const PROPERTIES_MISSING: &str = "E724";
/// A way to connect that is not supported.
pub const PROPERTIES_UNSUPPORTED: &str = "E725";
/// A key that means nothing here.
pub const PROPERTIES_UNKNOWN_KEY: &str = "W720";
