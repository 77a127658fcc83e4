//! What the runbook of `expand` and `shrink` says beside the batches: what to do with the brokers themselves.
//! `kafka-cluster.sh unregister` is for KRaft clusters (Kafka's operations guide).

use std::fmt::Write as _;

use super::{SNAPSHOT_DIR, words};
use crate::capacity::FleetChange;
use crate::capacity::change::Direction;
use crate::model::NewBroker;
use crate::plan::runbook::Extra;
use crate::report::human;

/// Brokers listed; plan.json has all.
const LISTED: usize = 50;

/// The sections of `change`.
pub(super) fn extra(change: &FleetChange) -> Extra {
    let verify = format!(
        "`{SNAPSHOT_DIR}/` is the snapshot that this plan is for. `evenkeel verify` judges the plan by it, and by the \
         snapshot it was made from, to which it adds what plan.json says."
    );
    match change.direction {
        Direction::Expand if change.added.is_empty() => Extra::default(),
        Direction::Expand => Extra { before: before_expanding(change, &verify), after: String::new() },
        Direction::Shrink if change.removed.is_empty() => Extra::default(),
        Direction::Shrink => Extra { before: before_shrinking(change, &verify), after: after_shrinking(change) },
    }
}

fn before_expanding(change: &FleetChange, verify: &str) -> String {
    let mut text = format!(
        "## Add the brokers first\n\n{}. Kafka refuses a plan that names a broker it does not know, and `broker.rack` \
         and `log.dirs` must be as listed. Start them and wait until all answer:\n\n",
        words::deed(change)
    );
    for broker in change.added.iter().take(LISTED) {
        let _ = writeln!(text, "- {}", in_words(broker));
    }
    if change.added.len() > LISTED {
        let _ = writeln!(text, "- … and {} more, in plan.json", change.added.len() - LISTED);
    }
    let _ = write!(text, "\n{verify}\n\n");
    text
}

fn in_words(broker: &NewBroker) -> String {
    let mut text = format!("broker {}", broker.id);
    for (word, value) in [("model", &broker.machine_model), ("rack", &broker.rack), ("group", &broker.group)] {
        if let Some(value) = value {
            let _ = write!(text, ", {word} {value}");
        }
    }
    let dir = |dir: &crate::model::NewLogDir| match dir.capacity_bytes {
        Some(bytes) => format!("{} ({})", dir.path, human::bytes(bytes)),
        None => dir.path.clone(),
    };
    let dirs: Vec<String> = broker.log_dirs.iter().map(dir).collect();
    if !dirs.is_empty() {
        let _ = write!(text, ", log dirs {}", dirs.join(" "));
    }
    text
}

fn before_shrinking(change: &FleetChange, verify: &str) -> String {
    let mut text = format!(
        "## The brokers that leave\n\n{}. They serve until they are empty; create no topics meanwhile, for Kafka puts \
         new replicas on them.\n\n",
        words::deed(change)
    );
    for (id, replicas) in &change.left_behind {
        let _ = writeln!(
            text,
            "- Broker {id} keeps {}: partitions that get no entry, listed at the end. It cannot be stopped before they \
             are resolved.",
            human::counted(*replicas, "replica")
        );
    }
    if !change.left_behind.is_empty() {
        text.push('\n');
    }
    let _ = write!(text, "{verify}\n\n");
    text
}

fn after_shrinking(change: &FleetChange) -> String {
    let ids: Vec<String> = change.removed.iter().map(i32::to_string).collect();
    format!(
        "## Take the brokers away\n\n\
         Once every batch is complete, see that nothing is left on them: no partition is listed in\n\n\
         ```sh\n\
         kafka-log-dirs.sh --bootstrap-server \"$BOOTSTRAP\" --describe --broker-list {}\n\
         ```\n\n\
         Then stop one after the other. In a KRaft cluster make Kafka forget each that has stopped:\n\n\
         ```sh\n\
         for id in {}; do kafka-cluster.sh unregister --bootstrap-server \"$BOOTSTRAP\" --id \"$id\"; done\n\
         ```\n\n",
        ids.join(","),
        ids.join(" ")
    )
}
