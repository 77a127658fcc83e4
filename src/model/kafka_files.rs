//! The JSON files that Kafka's own tools read: reassignments and leader elections. Shapes only; who may be named in
//! them is judged elsewhere. Source: `kafka-reassign-partitions` and `kafka-leader-election` of Kafka 4.3.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What `log_dirs` holds where the broker chooses, or the replica stays where it is.
pub const ANY_LOG_DIR: &str = "any";

/// The only version of the reassignment file that Kafka accepts.
pub const REASSIGNMENT_VERSION: u32 = 1;

/// `--reassignment-json-file` of `kafka-reassign-partitions`. Unknown fields are ignored, as Kafka does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReassignmentFile<'a> {
    /// [`REASSIGNMENT_VERSION`]; Kafka takes a file without it for version 1.
    #[serde(default = "reassignment_version")]
    pub version: u32,
    /// One per partition.
    #[serde(borrow)]
    pub partitions: Vec<PartitionReassignment<'a>>,
}

/// The replicas that one partition is to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionReassignment<'a> {
    /// Topic name.
    #[serde(borrow)]
    pub topic: Cow<'a, str>,
    /// Partition number.
    pub partition: i64,
    /// Broker ids; the first is the preferred leader.
    pub replicas: Vec<i64>,
    /// One per replica: an absolute path or [`ANY_LOG_DIR`]. Optional; without it Kafka reads all as `any`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_dirs: Option<Vec<Cow<'a, str>>>,
}

/// `--path-to-json-file` of `kafka-leader-election`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElectionFile<'a> {
    /// The partitions whose preferred leader is to be elected.
    #[serde(borrow)]
    pub partitions: Vec<PartitionName<'a>>,
}

/// A partition by topic and number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionName<'a> {
    /// Topic name.
    #[serde(borrow)]
    pub topic: Cow<'a, str>,
    /// Partition number.
    pub partition: i64,
}

fn reassignment_version() -> u32 {
    REASSIGNMENT_VERSION
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_version_and_log_dirs_reads_as_kafka_reads_it() {
        let text = r#"{"partitions":[{"topic":"a.b","partition":3,"replicas":[2,1],"note":"x"}]}"#;
        let file: ReassignmentFile<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(file.version, 1);
        assert_eq!(file.partitions[0].replicas, [2, 1]);
        assert_eq!(file.partitions[0].log_dirs, None);
    }

    #[test]
    fn escaped_paths_are_read() {
        let text = r#"{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1],"log_dirs":["\/data"]}]}"#;
        let file: ReassignmentFile<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(file.partitions[0].log_dirs, Some(vec![Cow::Borrowed("/data")]));
    }
}
