//! What a plan.json says of its moves and snapshot: read to tell why a plan does what it does. Input: the file's bytes.
//! Output: reasons by topic and partition. Figures are not taken from it; the judge counts those anew.

use std::path::Path;

use serde::Deserialize;

use super::Faults;
use super::kafka_files::read_json;

/// The parts of plan.json that explain it.
#[derive(Debug, Default, Deserialize)]
pub struct PlannedMoves {
    /// The snapshot that the plan was made for.
    pub snapshot: SnapshotSum,
    /// Its moves.
    pub moves: Vec<PlannedMove>,
}

/// Which snapshot a plan was made for.
#[derive(Debug, Default, Deserialize)]
pub struct SnapshotSum {
    /// SHA-256 of the snapshot's files.
    pub sha256: String,
}

/// One move and why it is made.
#[derive(Debug, Deserialize)]
pub struct PlannedMove {
    /// Topic name.
    pub topic: String,
    /// Partition number.
    pub partition: u32,
    /// The rule or goal it serves, and what it changes.
    pub reason: String,
}

impl PlannedMoves {
    /// Why `partition` of `topic` moves, each reason once, in the plan's order.
    #[must_use]
    pub fn reasons(&self, topic: &str, partition: u32) -> Vec<&str> {
        let mut reasons: Vec<&str> = Vec::new();
        for row in self.moves.iter().filter(|m| m.partition == partition && m.topic == topic) {
            if !row.reason.is_empty() && !reasons.contains(&row.reason.as_str()) {
                reasons.push(&row.reason);
            }
        }
        reasons
    }
}

/// Reads a plan.json; `file` is its name in messages.
///
/// # Errors
/// Where and why it is not one.
pub fn read_planned_moves(file: &Path, bytes: &[u8]) -> Result<PlannedMoves, Faults> {
    read_json(file, bytes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_once_and_of_the_partition_alone() {
        let text = br#"{"format":1,"snapshot":{"cluster_id":"c","sha256":"ab"},"moves":[
            {"topic":"a","partition":1,"reason":"disk: x","bytes":1},
            {"topic":"a","partition":1,"reason":"disk: x"},
            {"topic":"a","partition":2,"reason":"rack: y"},
            {"topic":"a","partition":1,"reason":""}]}"#;
        let plan = read_planned_moves(Path::new("plan.json"), text).unwrap();
        assert_eq!(plan.snapshot.sha256, "ab");
        assert_eq!(plan.reasons("a", 1), ["disk: x"]);
        assert!(plan.reasons("b", 1).is_empty());
    }

    #[test]
    fn a_file_of_another_shape_is_refused() {
        assert!(read_planned_moves(Path::new("plan.json"), b"{}").is_err());
    }
}
