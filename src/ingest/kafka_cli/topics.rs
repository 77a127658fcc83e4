//! `kafka-topics --describe`: topics, replica lists, leaders, ISR, running reassignments.
//!
//! Read as Kafka 1.1 to 4.x print it: with and without `TopicId`, a space after the colon, `Elr`, and the columns of a
//! running reassignment; columns that are not known are ignored. `Replicas` during a move lists the target first, then
//! what is left over.

use std::collections::BTreeMap;

use super::codes;
use super::configs::TopicConfig;
use super::summary::few;
use super::text::{Line, Place, Reader, broker_id, broker_ids, excerpt, is_topic_name, lines};

const TOOL: &str = "kafka-topics --describe";

/// Topics by name.
pub(super) type Topics = BTreeMap<String, TopicRow>;

/// What is described of a topic.
#[derive(Debug, Default)]
pub(super) struct TopicRow {
    /// `PartitionCount` of the header, where there is one.
    declared: Option<(u32, Place)>,
    /// The first mention.
    first: Place,
    /// Whether the topic is being deleted, which takes until all its brokers are there.
    pub(super) is_marked_for_deletion: bool,
    /// From the header's `Configs`.
    pub(super) config: TopicConfig,
    /// By number.
    pub(super) partitions: BTreeMap<u32, PartitionRow>,
}

/// What is described of a partition.
#[derive(Debug)]
pub(super) struct PartitionRow {
    pub(super) leader: Option<i32>,
    pub(super) replicas: Vec<i32>,
    pub(super) isr: Vec<i32>,
    pub(super) adding: Vec<i32>,
    pub(super) removing: Vec<i32>,
    pub(super) place: Place,
}

/// A column of a row: its name and value, and where the value starts in the line.
struct Field<'t> {
    key: &'t str,
    value: &'t str,
    offset: usize,
}

/// Reads the file.
pub(super) fn read(text: &str, reader: &mut Reader<'_>) -> Topics {
    let mut topics = Topics::new();
    for line in lines(text) {
        let fields = fields(line.text);
        let has = |key: &str| fields.iter().any(|f| f.key == key);
        if has("Topic") && has("Partition") {
            partition(line, &fields, &mut topics, reader);
        } else if has("Topic") && has("PartitionCount") {
            header(line, &fields, &mut topics, reader);
        } else if !line.text.is_empty() {
            reader.unknown(line);
        }
    }
    reader.finish(TOOL);
    check_counts(&topics, reader);
    check_isr(&topics, reader);
    if topics.is_empty() {
        reader.nothing("topics", TOOL);
    }
    topics
}

/// The columns that Kafka is known to print, for lines whose tabs were lost; longer names before their endings.
const COLUMNS: [&str; 14] = [
    "Removing Replicas",
    "Adding Replicas",
    "ReplicationFactor",
    "MarkedForDeletion",
    "PartitionCount",
    "LastKnownElr",
    "Partition",
    "Replicas",
    "Configs",
    "TopicId",
    "Leader",
    "Topic",
    "Isr",
    "Elr",
];

fn fields(text: &str) -> Vec<Field<'_>> {
    if text.trim_start().contains('\t') { tabbed(text) } else { spaced(text) }
}

fn tabbed(text: &str) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    let mut start = 0;
    for part in text.split('\t') {
        if let Some((key, value)) = part.split_once(':') {
            let trimmed = value.trim_start();
            let offset = start + part.len() - trimmed.len();
            fields.push(Field { key: key.trim(), value: trimmed.trim_end(), offset });
        }
        start += part.len() + 1;
    }
    fields
}

/// Columns of a line without tabs, as copied from a terminal: found by their names.
fn spaced(text: &str) -> Vec<Field<'_>> {
    let mut found: Vec<(usize, &str)> = Vec::new();
    for column in COLUMNS {
        let starts_word = |at: usize| at == 0 || text[..at].ends_with(char::is_whitespace);
        let is_column = |at: usize| starts_word(at) && text[at + column.len()..].starts_with(':');
        let is_free = |at: usize| !found.iter().any(|(start, name)| (*start..start + name.len()).contains(&at));
        let matches = text.match_indices(column).map(|(at, _)| at);
        if let Some(at) = matches.filter(|&at| is_column(at) && is_free(at)).min() {
            found.push((at, column));
        }
    }
    found.sort_unstable();
    let ends = found.iter().skip(1).map(|(at, _)| *at).chain([text.len()]);
    let field = |(&(at, key), end): (&(usize, &'static str), usize)| {
        let value = text[at + key.len() + 1..end].trim_end();
        let offset = end - text[at + key.len() + 1..end].trim_start().len();
        Field { key, value: value.trim_start(), offset }
    };
    found.iter().zip(ends).map(field).collect()
}

fn header(line: Line<'_>, fields: &[Field<'_>], topics: &mut Topics, reader: &mut Reader<'_>) {
    let Some(name) = topic_name(line, fields, reader) else { return };
    let Some(count) = fields.iter().find(|f| f.key == "PartitionCount") else { return };
    let place = line.place(count.offset);
    let Ok(declared) = count.value.parse::<u32>() else {
        let message = format!("PartitionCount is {:?}, not a number", excerpt(count.value));
        return reader.error(codes::TOPIC_ROW, place, message, "capture the topics again");
    };
    let topic = topics.entry(name.to_owned()).or_insert_with(|| TopicRow { first: place, ..TopicRow::default() });
    if topic.declared.is_some() {
        let message = format!("topic {name:?} is described twice");
        let help = "give one capture of each topic: remove what was appended";
        return reader.error(codes::DUPLICATE_PARTITION, place, message, help);
    }
    topic.declared = Some((declared, place));
    topic.is_marked_for_deletion = fields.iter().any(|f| f.key == "MarkedForDeletion" && f.value == "true");
    if let Some(configs) = fields.iter().find(|f| f.key == "Configs") {
        topic.config.read_list(line, configs.value, configs.offset, reader);
    }
}

fn topic_name<'t>(line: Line<'_>, fields: &[Field<'t>], reader: &mut Reader<'_>) -> Option<&'t str> {
    let field = fields.iter().find(|f| f.key == "Topic")?;
    if is_topic_name(field.value) {
        return Some(field.value);
    }
    let message = format!("{:?} is no topic name", excerpt(field.value));
    let help = "Kafka allows letters, digits, '.', '_' and '-', 249 at most";
    reader.error(codes::BAD_NAME, line.place(field.offset), message, help);
    None
}

fn partition(line: Line<'_>, fields: &[Field<'_>], topics: &mut Topics, reader: &mut Reader<'_>) {
    let Some(name) = topic_name(line, fields, reader) else { return };
    let Some((number, row)) = partition_row(line, fields, reader) else { return };
    if let Some(leader) = row.leader.filter(|leader| !row.replicas.contains(leader)) {
        let message = format!("broker {leader} leads {name}-{number} and holds no replica of it");
        reader.error(codes::LEADER, row.place, message, "capture the topics again");
    }
    let topic = topics.entry(name.to_owned()).or_insert_with(|| TopicRow { first: row.place, ..TopicRow::default() });
    let place = row.place;
    if topic.partitions.insert(number, row).is_some() {
        let help = "give one capture of each topic: remove what was appended";
        reader.error(codes::DUPLICATE_PARTITION, place, format!("{name}-{number} is described twice"), help);
    }
}

fn partition_row(line: Line<'_>, fields: &[Field<'_>], reader: &mut Reader<'_>) -> Option<(u32, PartitionRow)> {
    let number = column(line, fields, "Partition", reader)?;
    let leader = column(line, fields, "Leader", reader)?;
    let replicas = column(line, fields, "Replicas", reader)?;
    let parsed = number.value.parse::<u32>().ok().filter(|n| i32::try_from(*n).is_ok());
    if parsed.is_none() {
        let message = format!("Partition is {:?}, not a number", excerpt(number.value));
        reader.error(codes::TOPIC_ROW, line.place(number.offset), message, "capture the topics again");
    }
    let is_none = leader.value.eq_ignore_ascii_case("none") || leader.value == "-1";
    let leader_id = broker_id(leader.value);
    if leader_id.is_none() && !is_none {
        let message = format!("Leader is {:?}, neither a broker id nor none", excerpt(leader.value));
        reader.error(codes::TOPIC_ROW, line.place(leader.offset), message, "capture the topics again");
        return None;
    }
    let mut ids = |key: &str| match fields.iter().find(|f| f.key == key) {
        Some(field) => id_list(line, field, reader),
        None => Some(Vec::new()),
    };
    let (isr, adding, removing) = (ids("Isr")?, ids("Adding Replicas")?, ids("Removing Replicas")?);
    let list = id_list(line, replicas, reader)?;
    if list.is_empty() {
        let place = line.place(replicas.offset);
        reader.error(codes::TOPIC_ROW, place, "Replicas is empty", "capture the topics again");
        return None;
    }
    let place = line.place(leader.offset);
    Some((parsed?, PartitionRow { leader: leader_id, replicas: list, isr, adding, removing, place }))
}

fn column<'f, 't>(
    line: Line<'_>,
    fields: &'f [Field<'t>],
    key: &str,
    reader: &mut Reader<'_>,
) -> Option<&'f Field<'t>> {
    let found = fields.iter().find(|f| f.key == key);
    if found.is_none() {
        let place = line.place(line.text.len());
        reader.error(codes::TOPIC_ROW, place, format!("the row has no column {key}"), "capture the topics again");
    }
    found
}

fn id_list(line: Line<'_>, field: &Field<'_>, reader: &mut Reader<'_>) -> Option<Vec<i32>> {
    match broker_ids(field.value) {
        Ok(ids) => Some(ids),
        Err((offset, text)) => {
            let message = format!("{} holds {:?}, which is no broker id", field.key, excerpt(&text));
            let place = line.place(field.offset + offset);
            reader.error(codes::TOPIC_ROW, place, message, "capture the topics again");
            None
        }
    }
}

/// A capture that lacks partitions would hide their load, so that it is refused.
fn check_counts(topics: &Topics, reader: &mut Reader<'_>) {
    let mut headless = Vec::new();
    for (name, topic) in topics {
        let found = topic.partitions.len();
        match topic.declared {
            Some((declared, place)) if declared as usize != found => {
                let message = format!("topic {name:?} has {declared} partitions, but {found} are described");
                let help = "capture the topics again, whole and without --under-replicated-partitions or the like";
                reader.error(codes::PARTITION_COUNT, place, message, help);
            }
            Some(_) => {}
            None => headless.push((name, topic.first)),
        }
    }
    if let Some((name, place)) = headless.first() {
        let message = format!("{} topic(s) have no header row, the first being {name:?}", headless.len());
        let help = "whether all their partitions are here cannot be seen: capture with --describe alone";
        reader.warning(codes::COMPLETENESS, *place, message, help);
    }
}

/// Brokers in an ISR that hold no replica: the list changed while Kafka answered.
fn check_isr(topics: &Topics, reader: &mut Reader<'_>) {
    let mut odd: Vec<(String, Place)> = Vec::new();
    for (name, topic) in topics {
        for (number, row) in &topic.partitions {
            if row.isr.iter().any(|id| !row.replicas.contains(id)) {
                odd.push((format!("{name}-{number}"), row.place));
            }
        }
    }
    if let Some((_, place)) = odd.first() {
        let names: Vec<String> = odd.iter().map(|(name, _)| name.clone()).collect();
        let message = format!("the ISR has brokers without a replica: {}", few(&names));
        reader.warning(codes::DISAGREEMENT, *place, message, "capture the topics again if no move is under way");
    }
}

#[cfg(test)]
#[path = "topics_tests.rs"]
mod tests;
