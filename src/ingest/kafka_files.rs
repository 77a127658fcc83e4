//! The JSON files that Kafka's own tools read, reassignments and leader elections, and the figures of a plan of ours:
//! their shapes, and how they are read. Who may be named in them is judged elsewhere. Source of the shapes:
//! `kafka-reassign-partitions` and `kafka-leader-election` of Kafka 4.3.

use std::borrow::Cow;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::fault::{Fault, Faults};
use crate::model::{NewBroker, NewLogDir};

/// A file that is not JSON of the expected shape.
const WRONG_SHAPE: &str = "E701";
/// A plan that adds brokers under ids that the snapshot has.
pub const ID_TAKEN: &str = "E703";
/// A version of the reassignment file that Kafka does not know.
const WRONG_VERSION: &str = "E702";

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

/// What plan.json says of the snapshot it was made for and of what it moves; its other keys are not looked at.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct StatedPlan {
    /// The snapshot.
    pub snapshot: StatedSnapshot,
    /// The movement.
    pub movement: StatedMovement,
    /// The brokers that the plan adds to the snapshot's.
    #[serde(default)]
    pub added: Vec<StatedBroker>,
    /// Ids of the brokers that the plan empties though the snapshot has them in service.
    #[serde(default)]
    pub removed: Vec<i32>,
    /// The snapshot with those brokers added or draining, as the plan's own `snapshot/` has it.
    #[serde(default)]
    pub planned_snapshot: Option<StatedSnapshot>,
    /// The batches, in order.
    #[serde(default)]
    pub batches: Vec<StatedBatch>,
}

/// What a plan says of one of its batches.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct StatedBatch {
    /// What it is to be carried out with, bytes per second in and out of each broker.
    #[serde(default)]
    pub throttle_bytes_per_sec: Option<u64>,
}

/// A broker that a plan adds, in the names of a snapshot's columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatedBroker {
    /// Kafka's broker id.
    pub broker_id: i32,
    /// Failure domain.
    #[serde(default)]
    pub rack: Option<String>,
    /// Resource group.
    #[serde(default)]
    pub resource_group: Option<String>,
    /// Name in the machine catalogue.
    #[serde(default)]
    pub machine_model: Option<String>,
    /// Cores.
    #[serde(default)]
    pub cpu_cores: Option<f64>,
    /// What the network can carry in.
    #[serde(default)]
    pub network_in_capacity_bytes_per_sec: Option<f64>,
    /// What the network can carry out.
    #[serde(default)]
    pub network_out_capacity_bytes_per_sec: Option<f64>,
    /// Its log dirs.
    #[serde(default)]
    pub log_dirs: Vec<StatedLogDir>,
}

/// A log dir of a broker that a plan adds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatedLogDir {
    /// Absolute path.
    pub log_dir: String,
    /// Size of the disk behind it.
    #[serde(default)]
    pub capacity_bytes: Option<u64>,
    /// Bytes per second that its disk can write; there only where the policy balances that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_capacity_bytes_per_sec: Option<f64>,
}

impl From<&NewBroker> for StatedBroker {
    fn from(broker: &NewBroker) -> Self {
        let dir = |dir: &NewLogDir| StatedLogDir {
            log_dir: dir.path.clone(),
            capacity_bytes: dir.capacity_bytes,
            write_capacity_bytes_per_sec: dir.write_capacity_bytes_per_sec,
        };
        Self {
            broker_id: broker.id,
            rack: broker.rack.clone(),
            resource_group: broker.group.clone(),
            machine_model: broker.machine_model.clone(),
            cpu_cores: broker.cpu_cores,
            network_in_capacity_bytes_per_sec: broker.network_in_capacity_bytes_per_sec,
            network_out_capacity_bytes_per_sec: broker.network_out_capacity_bytes_per_sec,
            log_dirs: broker.log_dirs.iter().map(dir).collect(),
        }
    }
}

impl From<StatedBroker> for NewBroker {
    fn from(broker: StatedBroker) -> Self {
        // What is not above zero is no capacity; a snapshot could not have said so.
        let positive = |value: Option<f64>| value.filter(|v| v.is_finite() && *v > 0.0);
        let dir = |dir: StatedLogDir| NewLogDir {
            path: dir.log_dir,
            capacity_bytes: dir.capacity_bytes.filter(|&bytes| bytes > 0),
            write_capacity_bytes_per_sec: positive(dir.write_capacity_bytes_per_sec),
        };
        Self {
            id: broker.broker_id,
            rack: broker.rack,
            group: broker.resource_group,
            machine_model: broker.machine_model,
            cpu_cores: positive(broker.cpu_cores),
            network_in_capacity_bytes_per_sec: positive(broker.network_in_capacity_bytes_per_sec),
            network_out_capacity_bytes_per_sec: positive(broker.network_out_capacity_bytes_per_sec),
            log_dirs: broker.log_dirs.into_iter().map(dir).collect(),
        }
    }
}

/// Which snapshot a plan says it was made for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StatedSnapshot {
    /// SHA-256 of the snapshot's files, in hexadecimal.
    pub sha256: String,
}

/// What a plan says it moves, in the contract's keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StatedMovement {
    /// Bytes copied between brokers.
    pub inter_broker_bytes: u64,
    /// Bytes copied between dirs of one broker.
    pub intra_broker_bytes: u64,
    /// Replicas that move between brokers.
    pub replica_moves: u64,
    /// Replicas that move between dirs of their broker.
    pub log_dir_moves: u64,
    /// Partitions whose leader differs.
    pub leader_changes: u64,
    /// Entries of reassignment.json.
    pub partitions_changed: u64,
}

/// Reads a reassignment file; `file` is its name in messages.
///
/// # Errors
/// Where and why it is not one.
pub fn read_reassignment<'a>(file: &Path, bytes: &'a [u8]) -> Result<ReassignmentFile<'a>, Faults> {
    let parsed: ReassignmentFile<'a> = read_json(file, bytes)?;
    if parsed.version == REASSIGNMENT_VERSION {
        return Ok(parsed);
    }
    let message = format!("version is {}, Kafka knows version {REASSIGNMENT_VERSION} only", parsed.version);
    Err(only(Fault::error(WRONG_VERSION, file, message).help("set \"version\" to 1 or leave it out")))
}

/// Reads an election file; `file` is its name in messages.
///
/// # Errors
/// Where and why it is not one.
pub fn read_elections<'a>(file: &Path, bytes: &'a [u8]) -> Result<ElectionFile<'a>, Faults> {
    read_json(file, bytes)
}

/// Reads what a plan.json states; `file` is its name in messages.
///
/// # Errors
/// Where and why it is not one.
pub fn read_stated_plan(file: &Path, bytes: &[u8]) -> Result<StatedPlan, Faults> {
    read_json(file, bytes)
}

/// Reads JSON of the shape `T`; `file` is its name in messages.
///
/// # Errors
/// Where and why it is of another shape.
pub(super) fn read_json<'a, T: Deserialize<'a>>(file: &Path, bytes: &'a [u8]) -> Result<T, Faults> {
    serde_json::from_slice(bytes).map_err(|error| {
        let text = error.to_string();
        let message = text.split(" at line ").next().unwrap_or(&text);
        let fault = Fault::error(WRONG_SHAPE, file, message);
        // The parser counts columns from 0 where a line has not begun yet, and has no place for what is absent.
        only(if error.line() > 0 { fault.at(error.line() as u64, error.column().max(1) as u64) } else { fault })
    })
}

fn only(fault: Fault) -> Faults {
    let mut faults = Faults::default();
    faults.push(fault);
    faults
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

    #[test]
    fn a_file_of_another_shape_is_refused_at_its_line_and_column() {
        let text = b"{\n  \"partitions\": [{\"topic\": 3}]\n}";
        let fault = &read_reassignment(Path::new("plan.json"), text).unwrap_err().list[0];
        assert_eq!((fault.line, fault.column), (Some(2), Some(28)));
        assert!(fault.to_string().starts_with("plan.json:2:28: error[E701]: invalid type"), "{fault}");
    }

    #[test]
    fn a_version_that_kafka_does_not_know_is_refused() {
        let faults = read_reassignment(Path::new("r.json"), br#"{"version":2,"partitions":[]}"#).unwrap_err();
        assert_eq!(faults.list[0].code, WRONG_VERSION);
    }
}
