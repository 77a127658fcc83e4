//! `topics.csv`: rows sorted by name.

use std::collections::HashMap;

use super::brokers::group;
use super::files::SourceFile;
use super::table::{Column, Row, Table, optional, required};
use crate::ingest::codes;
use crate::ingest::fault::Faults;
use crate::model::{Topic, TopicIdx};

const TOPIC: usize = 0;
const RESOURCE_GROUP: usize = 1;
const MIN_INSYNC_REPLICAS: usize = 2;
const CLEANUP_POLICY: usize = 3;
const RETENTION_MS: usize = 4;
const RETENTION_BYTES: usize = 5;

const COLUMNS: &[Column] = &[
    required("topic"),
    optional("resource_group"),
    optional("min_insync_replicas"),
    optional("cleanup_policy"),
    optional("retention_ms"),
    optional("retention_bytes"),
];

/// A row, its group still by name.
pub(super) struct TopicRow {
    offset: u32,
    /// The topic without group and partitions, which come when all are known.
    pub(super) topic: Topic,
    /// Group name.
    pub(super) group: Option<String>,
}

/// The table, ascending by name.
pub(super) struct Topics<'f> {
    /// For findings.
    pub(super) table: Table<'f>,
    /// Rows, each name once.
    pub(super) rows: Vec<TopicRow>,
    by_name: HashMap<Vec<u8>, TopicIdx>,
}

impl<'f> Topics<'f> {
    /// Reads the table; none where its header is unsound.
    pub(super) fn read(file: &'f SourceFile, faults: &mut Faults) -> Option<Self> {
        let mut table = Table::open(file, COLUMNS, faults)?;
        let mut rows = table.rows(|(): &mut (), row| parse(row));
        rows.sort_by(|a, b| (&a.topic.name, a.offset).cmp(&(&b.topic.name, b.offset)));
        let mut kept: Vec<TopicRow> = Vec::with_capacity(rows.len());
        for row in rows {
            match kept.last() {
                Some(first) if first.topic.name == row.topic.name => {
                    table.error(row.offset, Some(TOPIC), codes::DUPLICATE_ROW, |table| {
                        let line = table.line(first.offset);
                        let message = format!("topic {:?} is listed twice, first in line {line}", row.topic.name);
                        (message, "remove one of the rows".to_owned())
                    });
                }
                _ => kept.push(row),
            }
        }
        let names = kept.iter().enumerate();
        let by_name = names.map(|(at, row)| (row.topic.name.clone().into_bytes(), TopicIdx::new(at))).collect();
        Some(Self { table, rows: kept, by_name })
    }

    /// The topic called `name`.
    pub(super) fn find(&self, name: &[u8]) -> Option<TopicIdx> {
        self.by_name.get(name).copied()
    }

    /// Warns of groups that topics name and no broker does, once per group: nowhere may such topics' replicas sit, or
    /// the brokers' groups were forgotten.
    pub(super) fn check_groups(&mut self, is_broker_group: impl Fn(&str) -> bool) {
        let mut orphans: std::collections::BTreeMap<&str, (u32, usize)> = std::collections::BTreeMap::new();
        for row in &self.rows {
            if let Some(group) = row.group.as_deref().filter(|group| !is_broker_group(group)) {
                let entry = orphans.entry(group).or_insert((row.offset, 0));
                *entry = (entry.0.min(row.offset), entry.1 + 1);
            }
        }
        for (group, (offset, count)) in orphans {
            let message = format!("resource group {group:?} of {count} topics is named by no broker");
            let help = "name it in brokers.csv, or correct it here".to_owned();
            self.table.warning(offset, Some(RESOURCE_GROUP), codes::GROUP_WITHOUT_BROKER, message, help);
        }
    }
}

fn parse(row: &mut Row<'_>) -> Option<TopicRow> {
    let name = row.needed_text(TOPIC);
    let group = group(row, RESOURCE_GROUP);
    let min_insync_replicas = row.whole(MIN_INSYNC_REPLICAS, i32::MAX as u64);
    let topic = Topic {
        name: name?.to_owned(),
        group: None,
        min_insync_replicas: min_insync_replicas.and_then(|n| u32::try_from(n).ok()),
        cleanup_policy: row.text(CLEANUP_POLICY).map(str::to_owned),
        retention_ms: retention(row, RETENTION_MS),
        retention_bytes: retention(row, RETENTION_BYTES),
        first_partition: 0,
        partition_count: 0,
    };
    Some(TopicRow { offset: row.offset, topic, group })
}

/// A retention as Kafka has it: −1 is "without limit", and so, in practice, is the largest 64-bit number.
fn retention(row: &mut Row<'_>, column: usize) -> Option<i64> {
    let value = row.whole_or_minus_one(column, i64::MAX as u64)?;
    Some(value.map_or(-1, |v| i64::try_from(v).unwrap_or(i64::MAX)))
}
