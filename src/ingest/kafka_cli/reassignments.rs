//! `kafka-reassign-partitions --list`, or ZooKeeper's `/admin/reassign_partitions`: reassignments under way.
//!
//! For clusters whose `kafka-topics --describe` does not show them yet (before Kafka 2.6), and to be sure: rows read
//! `orders-3: replicas: 4,2,3,1. adding: 4. removing: 1.`. Before Kafka 2.4 ZooKeeper holds the plan that is carried out, as
//! JSON, until all of it is done, and nothing else does. Moves between the dirs of a broker never appear here.

use std::collections::BTreeMap;

use super::codes;
use super::text::{Line, Place, Reader, broker_ids, excerpt, is_zookeeper_noise, lines, topic_partition};
use super::topics::Topics;

const TOOL: &str = "kafka-reassign-partitions --list, or what ZooKeeper holds at /admin/reassign_partitions";

/// What ZooKeeper holds.
#[derive(serde::Deserialize)]
struct Plan {
    partitions: Vec<Entry>,
}

#[derive(serde::Deserialize)]
struct Entry {
    topic: String,
    partition: u32,
    replicas: Vec<i32>,
}

/// A reassignment under way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Running {
    pub(super) adding: Vec<i32>,
    pub(super) removing: Vec<i32>,
    pub(super) place: Place,
    /// Where ZooKeeper alone tells: the replicas at the end.
    target: Option<Vec<i32>>,
}

/// Reassignments by topic and partition.
pub(super) type Reassignments = BTreeMap<(String, u32), Running>;

/// Reads the file.
pub(super) fn read(text: &str, reader: &mut Reader<'_>) -> Reassignments {
    let mut found = Reassignments::new();
    let mut announced = false;
    for line in lines(text) {
        if line.text.starts_with("Current partition reassignments:")
            || line.text.starts_with("No partition reassignments found")
        {
            announced = true;
        } else if line.text.starts_with('{') {
            announced = true;
            plan(line, &mut found, reader);
        } else if line.text.starts_with("Node does not exist") {
            // Nothing is under way.
            announced = true;
        } else if is_zookeeper_noise(line.text) {
        } else if let Some((name, rest)) = line.text.split_once(": replicas:") {
            row(line, name, rest, &mut found, reader);
        } else if !line.text.is_empty() {
            reader.unknown(line);
        }
    }
    reader.finish(TOOL);
    if !announced {
        reader.nothing("list of reassignments", TOOL);
    }
    found
}

fn row(line: Line<'_>, name: &str, rest: &str, found: &mut Reassignments, reader: &mut Reader<'_>) {
    let Some((topic, partition)) = topic_partition(name.trim()) else {
        let message = format!("{:?} is no topic and partition", excerpt(name));
        return reader.error(codes::REASSIGNMENT_ROW, line.place(0), message, "capture the list again");
    };
    let base = line.text.len() - rest.len();
    let mut list = |label: &str| -> Option<Vec<i32>> {
        let Some((before, after)) = rest.split_once(label) else { return Some(Vec::new()) };
        let (text, _) = after.split_once('.').unwrap_or((after, ""));
        match broker_ids(text) {
            Ok(ids) => Some(ids),
            Err((offset, bad)) => {
                let place = line.place(base + before.len() + label.len() + offset);
                let message = format!("{:?} is no broker id", excerpt(&bad));
                reader.error(codes::REASSIGNMENT_ROW, place, message, "capture the list again");
                None
            }
        }
    };
    if let (Some(adding), Some(removing)) = (list(" adding:"), list(" removing:")) {
        found.insert((topic.to_owned(), partition), Running { adding, removing, place: line.place(0), target: None });
    }
}

fn plan(line: Line<'_>, found: &mut Reassignments, reader: &mut Reader<'_>) {
    match serde_json::from_str::<Plan>(line.text) {
        Ok(plan) => {
            for Entry { topic, partition, replicas } in plan.partitions {
                let place = line.place(0);
                let running = Running { adding: Vec::new(), removing: Vec::new(), place, target: Some(replicas) };
                found.insert((topic, partition), running);
            }
        }
        Err(error) => {
            let place = line.place(error.column().saturating_sub(1).min(line.text.len()));
            let message = format!("this is no reassignment: {error}");
            reader.error(codes::REASSIGNMENT_ROW, place, message, "capture the node again");
        }
    }
}

/// Sides of the reassignments of which only the end is known. While one runs, a partition's replicas are those of the end and
/// those that leave; of the former, who is not in sync is still being copied to.
pub(super) fn take_sides(running: &mut Reassignments, topics: &Topics) {
    for ((topic, number), running) in running {
        let row = topics.get(topic).and_then(|topic| topic.partitions.get(number));
        if let (Some(target), Some(row)) = (&running.target, row) {
            running.removing = row.replicas.iter().copied().filter(|id| !target.contains(id)).collect();
            running.adding = target.iter().copied().filter(|id| !row.isr.contains(id)).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::ingest::fault::Faults;

    fn parse(text: &str) -> (Reassignments, Faults) {
        let mut faults = Faults::default();
        let found = read(text, &mut Reader::new(Path::new("reassignments.txt"), &mut faults));
        (found, faults)
    }

    #[test]
    fn captured_rows_give_both_sides() {
        let (found, faults) = parse(include_str!("../../../fixtures/kafka-cli/reassigning/reassignments.txt"));
        assert_eq!(faults, Faults::default());
        assert_eq!(found.len(), 2);
        let running = &found[&("hot_single".to_owned(), 1)];
        assert_eq!((&running.adding[..], &running.removing[..]), (&[5, 6][..], &[2, 3][..]));
    }

    #[test]
    fn none_is_an_answer_and_silence_is_not() {
        assert_eq!(parse("No partition reassignments found.\n"), (Reassignments::new(), Faults::default()));
        assert!(parse("").1.has_errors());
    }

    #[test]
    fn zookeepers_plan_is_taken_for_a_list_and_its_absence_for_none() {
        let (found, faults) = parse(include_str!("../../../fixtures/kafka-cli/1.1.1-reassigning/reassignments.txt"));
        assert_eq!(faults, Faults::default());
        let targets: Vec<_> = found.iter().map(|((t, p), r)| (t.as_str(), *p, r.target.as_deref())).collect();
        assert_eq!(targets, [("orders", 0, Some(&[3, 2][..])), ("orders", 2, Some(&[3, 2][..]))]);
        let none = "Connecting to zk:2181\n\nWATCHER::\n\nNode does not exist: /admin/reassign_partitions\n";
        assert_eq!(parse(none), (Reassignments::new(), Faults::default()));
        let (_, faults) = parse("{\"partitions\":[{\"topic\":5}]}\n");
        let fault = faults.list.first().map(|f| (f.code, f.line, f.column));
        assert_eq!(fault, Some((codes::REASSIGNMENT_ROW, Some(1), Some(25))));
    }

    #[test]
    fn a_bad_id_is_found_at_its_place() {
        let (_, faults) = parse("Current partition reassignments:\nt-0: replicas: 1,2. adding: 1,q. removing: 2.\n");
        let fault = faults.list.first().map(|f| (f.code, f.line, f.column));
        assert_eq!(fault, Some((codes::REASSIGNMENT_ROW, Some(2), Some(31))));
    }
}
