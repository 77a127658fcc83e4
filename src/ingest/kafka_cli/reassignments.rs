//! `kafka-reassign-partitions --list`: reassignments under way.
//!
//! For clusters whose `kafka-topics --describe` does not show them yet (before Kafka 2.6), and to be sure: rows read
//! `orders-3: replicas: 4,2,3,1. adding: 4. removing: 1.`. Moves between the dirs of a broker never appear here.

use std::collections::BTreeMap;

use super::codes;
use super::text::{Line, Place, Reader, broker_ids, excerpt, lines, topic_partition};

const TOOL: &str = "kafka-reassign-partitions --list";

/// A reassignment under way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Running {
    pub(super) adding: Vec<i32>,
    pub(super) removing: Vec<i32>,
    pub(super) place: Place,
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
        found.insert((topic.to_owned(), partition), Running { adding, removing, place: line.place(0) });
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
    fn a_bad_id_is_found_at_its_place() {
        let (_, faults) = parse("Current partition reassignments:\nt-0: replicas: 1,2. adding: 1,q. removing: 2.\n");
        let fault = faults.list.first().map(|f| (f.code, f.line, f.column));
        assert_eq!(fault, Some((codes::REASSIGNMENT_ROW, Some(2), Some(31))));
    }
}
