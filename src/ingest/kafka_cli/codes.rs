//! The stable codes of what can be wrong with a capture; docs/snapshot-kafka-cli.md explains each to operators.

/// A row of `kafka-topics --describe` lacks a column or has a value that cannot be read.
pub const TOPIC_ROW: &str = "E320";
/// A partition is described twice.
pub const DUPLICATE_PARTITION: &str = "E321";
/// A topic has fewer or more partitions than its header says: the capture is cut off or filtered.
pub const PARTITION_COUNT: &str = "E322";
/// A leader holds no replica.
pub const LEADER: &str = "E323";
/// A file holds nothing of what it should.
pub const NOTHING_FOUND: &str = "E324";
/// The JSON of `kafka-log-dirs --describe` is malformed.
pub const LOG_DIRS_JSON: &str = "E325";
/// A broker answered for a log dir with an error other than its failure.
pub const LOG_DIR_ANSWER: &str = "E326";
/// A log dir is described twice.
pub const DUPLICATE_LOG_DIR: &str = "E327";
/// A config has a value that it cannot have.
pub const CONFIG_VALUE: &str = "E328";
/// A row of the brokers' list cannot be read.
pub const BROKER_ROW: &str = "E329";
/// A row of `kafka-reassign-partitions --list` cannot be read.
pub const REASSIGNMENT_ROW: &str = "E330";
/// A metrics file is neither a Prometheus answer nor a scrape, or is malformed.
pub const METRICS_SYNTAX: &str = "E331";
/// Prometheus answered a query with an error.
pub const METRICS_ANSWER: &str = "E332";
/// What a metrics file holds is not said.
pub const METRICS_SIGNAL: &str = "E333";
/// Which broker a scrape is of, or when it was taken, is not said.
pub const SCRAPE_ORIGIN: &str = "E334";
/// A name or flag for metrics means nothing.
pub const METRIC_NAME: &str = "E335";
/// A time is not RFC 3339 in UTC.
pub const TIME: &str = "E336";
/// Sizes add up to more than can be counted, or rows are more than can be numbered.
pub const TOO_LARGE: &str = "E337";
/// A name that Kafka does not allow.
pub const BAD_NAME: &str = "E338";
/// A quota is no number, or given twice and not as the same.
pub const QUOTA: &str = "E339";

/// An inventory is not TOML.
pub const INVENTORY_SYNTAX: &str = "E350";
/// An inventory has a key that means nothing.
pub const INVENTORY_UNKNOWN_KEY: &str = "E351";
/// An inventory's value is of the wrong kind, or none of those allowed.
pub const INVENTORY_VALUE: &str = "E352";
/// An inventory's number is out of its range.
pub const INVENTORY_RANGE: &str = "E353";
/// An inventory's topic pattern does not compile.
pub const INVENTORY_PATTERN: &str = "E354";
/// The inventory says of a broker what the capture disproves.
pub const INVENTORY_CONTRADICTION: &str = "E355";

/// Lines that are not understood are ignored.
pub const UNKNOWN_LINE: &str = "W320";
/// Captures disagree with each other: something changed between them.
pub const DISAGREEMENT: &str = "W321";
/// Whether a capture is complete cannot be seen.
pub const COMPLETENESS: &str = "W322";
/// Metrics that are not used.
pub const METRICS_IGNORED: &str = "W323";
/// Metrics that stand for less than was asked for.
pub const METRICS_LIMITED: &str = "W324";
/// An entry of the inventory matches nothing.
pub const INVENTORY_UNUSED: &str = "W350";
/// The inventory and the capture differ on something that the inventory may overrule.
pub const INVENTORY_DIFFERS: &str = "W351";
