//! The stable codes of what can be wrong with Cruise Control's answers; docs/snapshot-cruise-control.md explains them.

/// A file is not JSON of the documented shape.
pub const SHAPE: &str = "E370";
/// Cruise Control answered with its progress or an error instead of what was asked for.
pub const NOT_AN_ANSWER: &str = "E371";
/// A value that cannot be: a negative size, an id below 0, a name that Kafka does not allow.
pub const VALUE: &str = "E372";
/// Two statements that cannot both hold.
pub const CONTRADICTION: &str = "E373";
/// The cluster's state leaves partitions out.
pub const INCOMPLETE: &str = "E374";
/// A size or rate is more than can be counted.
pub const TOO_LARGE: &str = "E375";

/// Answers disagree with each other: something changed between them.
pub const DISAGREEMENT: &str = "W370";
/// A capacity or broker set names what the cluster does not have.
pub const UNUSED: &str = "W371";
/// Partitions of which Cruise Control knows no load.
pub const WITHOUT_LOAD: &str = "W372";
/// A file that would say more is not there.
pub const MISSING_FILE: &str = "W373";
