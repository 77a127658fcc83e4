//! `evenkeel explain`: why a partition's replicas move or stay, and what the next best places would cost.

use std::path::{Path, PathBuf};

use super::common::{self, Format, InputArgs};
use super::exit::{CliError, Verdict};
use super::{rebalance, verify};
use crate::ingest::nearest::nearest;
use crate::ingest::plan_moves::read_planned_moves;
use crate::model::{PartitionIdx, Placement, Policy, Snapshot};
use crate::plan::Pacing;
use crate::plan::explain::explain;
use crate::report::explain::ExplainReport;
use crate::verify::plan_dir::placement_of_files;

const EXAMPLES: &str = "\
Examples:
  evenkeel explain snapshot orders-3
  evenkeel explain snapshot orders-3 --plan plan
  evenkeel explain snapshot my-topic-12 --plan plan --format json | jq '.replicas[].alternatives'

A partition is named as Kafka's tools name it: the topic, a hyphen, the number. Without --plan the search runs first, as
rebalance would run it with the same flags.";

/// Arguments of `evenkeel explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// The partition, e.g. orders-3
    #[arg(value_name = "TOPIC-PARTITION")]
    partition: String,
    /// Plan directory that rebalance wrote for this snapshot
    #[arg(long, value_name = "DIR")]
    plan: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Bad input, an unknown partition, a plan for another snapshot, or what the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    common::on_threads(args.input.search.threads, || {
        let (snapshot, policy) = common::load(&args.input)?;
        let partition = find(&snapshot, &args.partition)?;
        let (planned, reasons) = match &args.plan {
            Some(dir) => read_plan(&snapshot, &policy, dir, partition)?,
            None => {
                let plan = rebalance::search(&snapshot, &policy, &args.input.search, &Pacing::default());
                let moves = plan.moves.iter().filter(|m| m.partition == partition && !m.reason.is_empty());
                let mut reasons: Vec<String> = moves.map(|m| m.reason.clone()).collect();
                reasons.dedup();
                (plan.placement, reasons)
            }
        };
        let explanation = explain(&snapshot, &policy, &planned, partition);
        let report = ExplainReport { snapshot: &snapshot, policy: &policy, explanation, reasons };
        common::print(&match args.input.format {
            Format::Text => report.to_text(),
            Format::Json => String::from_utf8_lossy(&report.to_json()).into_owned(),
        })?;
        Ok(Verdict::Done)
    })?
}

/// The partition called `name`: what is before its last hyphen is the topic.
fn find(snapshot: &Snapshot, name: &str) -> Result<PartitionIdx, CliError> {
    let parts = name.rsplit_once('-').and_then(|(topic, number)| Some((topic, number.parse::<u32>().ok()?)));
    let Some((topic, number)) = parts else {
        return Err(CliError::Usage(format!("{name:?} names no partition; write topic-number, e.g. orders-3")));
    };
    let Some(row) = snapshot.topic_by_name(topic) else {
        let near = nearest(topic, snapshot.topics.iter().map(|t| t.name.as_str()));
        let help = near.map(|near| format!("; the nearest is {near}")).unwrap_or_default();
        return Err(CliError::Usage(format!("topic {topic:?} is not in the snapshot{help}")));
    };
    snapshot.partition_by_number(row, number).ok_or_else(|| {
        let count = snapshot.topic(row).partition_count;
        CliError::Usage(format!("topic {topic:?} has {count} partitions, {number} is none of them"))
    })
}

/// Where a plan directory's files put every replica, and why it changes `partition`.
fn read_plan(
    snapshot: &Snapshot,
    policy: &Policy,
    dir: &Path,
    partition: PartitionIdx,
) -> Result<(Placement, Vec<String>), CliError> {
    let file = verify::read(&dir.join("plan.json"))?;
    let stated = read_planned_moves(&file.path, &file.bytes)?;
    if stated.snapshot.sha256 != snapshot.cluster.sha256 {
        return Err(CliError::Usage(format!(
            "{} was made for another snapshot: its sha256 is {}, this one's {}",
            dir.display(),
            stated.snapshot.sha256,
            snapshot.cluster.sha256
        )));
    }
    let reassignment = verify::read(&dir.join("reassignment.json"))?;
    let elections = verify::read(&dir.join("leader-election.json"))?;
    let planned = placement_of_files(snapshot, policy, &reassignment, &elections)?;
    let row = snapshot.partition(partition);
    let reasons = stated.reasons(&snapshot.topic(row.topic).name, row.number);
    Ok((planned, reasons.into_iter().map(str::to_owned).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerState, LogDirState};

    #[test]
    fn partitions_are_named_by_the_last_hyphen_and_unknown_ones_refused_with_advice() {
        let snapshot = Fixture::default()
            .broker(1, "", "", BrokerState::Alive)
            .dir(1, "/d", 10, LogDirState::Online, 0)
            .partition(("my-topic-1", 0), 1, (0.0, 0.0), &[(1, "/d", 1, true)])
            .build();
        assert_eq!(find(&snapshot, "my-topic-1-0").ok(), Some(PartitionIdx::new(0)));
        let refusal = |name: &str| find(&snapshot, name).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(refusal("my-topc-1-0").contains("the nearest is my-topic-1"), "{}", refusal("my-topc-1-0"));
        assert!(refusal("my-topic-1-7").contains("has 1 partitions, 7 is none of them"));
        assert!(refusal("orders").contains("write topic-number"));
    }
}
