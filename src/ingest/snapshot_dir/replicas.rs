//! `replicas.csv`: rows sorted by partition and position, and what partitions and replicas say of each other.

use rayon::slice::ParallelSliceMut;

use super::brokers::{Brokers, ID_MAX};
use super::field::{NUMBER_MAX, shown};
use super::files::SourceFile;
use super::log_dirs::LogDirs;
use super::partitions::{LEADER, NUMBER_OF_PARTITION_MAX, Partitions, name};
use super::reference::{LastTopic, broker_reference, topic_reference};
use super::table::{Column, Row, Table, optional, required};
use super::topics::Topics;
use crate::ingest::codes;
use crate::ingest::fault::Faults;
use crate::model::{BrokerIdx, LogDirIdx, Partition, PartitionIdx, Reassignment, Replica};

const TOPIC: usize = 0;
const PARTITION: usize = 1;
const POSITION: usize = 2;
const BROKER_ID: usize = 3;
const LOG_DIR: usize = 4;
const SIZE_BYTES: usize = 5;
const IN_SYNC: usize = 6;
const REASSIGNMENT: usize = 7;

const COLUMNS: &[Column] = &[
    required("topic"),
    required("partition"),
    required("position"),
    required("broker_id"),
    optional("log_dir"),
    required("size_bytes"),
    required("in_sync"),
    optional("reassignment"),
];

/// Kafka's assignments are lists of at most so many brokers.
const POSITION_MAX: u64 = i16::MAX as u64;

/// What replicas refer to; none where a table was not read.
pub(super) struct Context<'c, 'f> {
    /// `brokers.csv`.
    pub(super) brokers: Option<&'c Brokers<'f>>,
    /// `log_dirs.csv`.
    pub(super) log_dirs: Option<&'c LogDirs<'f>>,
    /// `topics.csv`.
    pub(super) topics: Option<&'c Topics<'f>>,
}

/// A row in 32 bytes: all of them are in memory while they are sorted. The model's [`Replica`] would pad it to 40.
struct ReplicaRow {
    size_bytes: u64,
    broker: BrokerIdx,
    log_dir: Option<LogDirIdx>,
    partition: PartitionIdx,
    offset: u32,
    position: u16,
    in_sync: bool,
    reassignment: Option<Reassignment>,
}

impl From<ReplicaRow> for Replica {
    fn from(row: ReplicaRow) -> Self {
        let ReplicaRow { size_bytes, broker, log_dir, in_sync, reassignment, .. } = row;
        Self { size_bytes, broker, log_dir, in_sync, reassignment }
    }
}

/// Reads the table, tells each partition which rows are its own, and judges both against each other. None where the
/// header is unsound.
pub(super) fn read<'f>(
    file: &'f SourceFile,
    context: &Context<'_, 'f>,
    mut partitions: Option<&mut Partitions<'f>>,
    faults: &mut Faults,
) -> Option<(Table<'f>, Vec<Replica>)> {
    let mut table = Table::open(file, COLUMNS, faults)?;
    let known = partitions.as_deref();
    let mut rows = table.rows(|last: &mut LastTopic, row| parse(row, context, known, last));
    let key = |row: &ReplicaRow| (row.partition, row.position, row.offset);
    if !rows.is_sorted_by_key(key) {
        rows.par_sort_unstable_by_key(key);
    }
    check_total(&mut table, &rows);
    if let Some(partitions) = partitions.as_mut() {
        let unmatched = partitions.table.findings.lost_rows || table.findings.lost_rows;
        let matcher = Matcher { context, judge: !unmatched };
        matcher.matches(&mut table, partitions, &rows);
    }
    Some((table, rows.into_iter().map(Replica::from).collect()))
}

fn parse(
    row: &mut Row<'_>,
    context: &Context<'_, '_>,
    partitions: Option<&Partitions<'_>>,
    last: &mut LastTopic,
) -> Option<ReplicaRow> {
    let topic_name = row.needed(TOPIC);
    let number = row.needed(PARTITION).and_then(|_| row.whole(PARTITION, NUMBER_OF_PARTITION_MAX));
    let position = row.needed(POSITION).and_then(|_| row.whole(POSITION, POSITION_MAX));
    let broker_id = row.needed(BROKER_ID).and_then(|_| row.whole(BROKER_ID, ID_MAX));
    let size_bytes = row.needed(SIZE_BYTES).and_then(|_| row.whole(SIZE_BYTES, NUMBER_MAX)).unwrap_or(0);
    let in_sync = row.needed(IN_SYNC).and_then(|_| row.choice(IN_SYNC, &[("true", true), ("false", false)]));
    let sides = [("adding", Reassignment::Adding), ("removing", Reassignment::Removing)];
    let reassignment = row.choice(REASSIGNMENT, &sides);
    let topic = topic_name.and_then(|name| topic_reference(row, TOPIC, name, context.topics, last));
    let partition = match (topic, number) {
        (Some(topic), Some(number)) => partition_reference(row, context, partitions, topic, number),
        _ => None,
    };
    let broker = broker_id.and_then(|id| broker_reference(row, BROKER_ID, id, context.brokers));
    let log_dir = broker.and_then(|broker| log_dir_reference(row, context, broker));
    Some(ReplicaRow {
        size_bytes,
        broker: broker?,
        log_dir,
        partition: partition?,
        offset: row.offset,
        position: u16::try_from(position?).ok()?,
        in_sync: in_sync.unwrap_or(true),
        reassignment,
    })
}

fn partition_reference(
    row: &mut Row<'_>,
    context: &Context<'_, '_>,
    partitions: Option<&Partitions<'_>>,
    topic: crate::model::TopicIdx,
    number: u64,
) -> Option<PartitionIdx> {
    let (partitions, topics) = (partitions?, context.topics?);
    let found = u32::try_from(number).ok().and_then(|number| partitions.find(topics, topic, number));
    if found.is_none() && !partitions.table.findings.lost_rows {
        row.error(Some(PARTITION), codes::NOT_LISTED, || {
            let topic = &topics.rows[topic.row()].topic.name;
            let message = format!("partition {topic}-{number} is not listed in partitions.csv");
            (message, "add its row there, or remove this one".to_owned())
        });
    }
    found
}

fn log_dir_reference(row: &mut Row<'_>, context: &Context<'_, '_>, broker: BrokerIdx) -> Option<LogDirIdx> {
    let path = row.raw(LOG_DIR)?;
    let (brokers, log_dirs) = (context.brokers?, context.log_dirs?);
    let found = log_dirs.find(brokers, broker, path);
    if found.is_none() && !log_dirs.table.findings.lost_rows {
        row.error(Some(LOG_DIR), codes::NOT_LISTED, || {
            let own = &brokers.rows[broker.row()].broker;
            let paths: Vec<&str> = log_dirs.dirs[own.log_dir_rows()].iter().map(|dir| dir.path.as_str()).collect();
            let help = match paths.as_slice() {
                [] => "the broker has no rows in log_dirs.csv: add one".to_owned(),
                paths => format!("add it to log_dirs.csv, or use one of {}", paths.join(", ")),
            };
            (format!("log dir {} is not listed for broker {}", shown(path), own.id), help)
        });
    }
    found
}

/// Every copy may be as large as its partition's largest replica, and totals are counted in 64 bits.
fn check_total(table: &mut Table<'_>, rows: &[ReplicaRow]) {
    let copies = rows.chunk_by(|a, b| a.partition == b.partition).map(|own| {
        let largest = own.iter().map(|row| row.size_bytes).max().unwrap_or(0);
        u128::from(largest) * own.len() as u128
    });
    let total: u128 = copies.sum();
    if total > u128::from(super::TOTAL_BYTES_MAX) {
        table.error(0, None, codes::TOTAL_TOO_LARGE, |_| {
            let message = format!("replicas add up to {total} bytes, above {}", super::TOTAL_BYTES_MAX);
            (message, "check the unit: all sizes are bytes".to_owned())
        });
    }
}

/// Matches partitions and replicas. Where rows were lost on either side, nothing is judged: what is missing may be
/// among them.
struct Matcher<'m, 'c, 'f> {
    context: &'m Context<'c, 'f>,
    judge: bool,
}

impl Matcher<'_, '_, '_> {
    fn matches(&self, table: &mut Table<'_>, partitions: &mut Partitions<'_>, rows: &[ReplicaRow]) {
        let mut first = 0;
        for at in 0..partitions.list.len() {
            let index = PartitionIdx::new(at);
            let count = rows[first..].iter().take_while(|row| row.partition == index).count();
            let own = &rows[first..first + count];
            let partition = &mut partitions.list[at];
            partition.first_replica = u32::try_from(first).unwrap_or(u32::MAX);
            partition.replica_count = u32::try_from(count).unwrap_or(u32::MAX);
            first += count;
            if !self.judge {
                continue;
            }
            let partition = partition.clone();
            let offset = partitions.offsets[at];
            if own.is_empty() {
                partitions.table.error(offset, Some(TOPIC), codes::NO_REPLICAS, |_| {
                    let message = format!("partition {} has no rows in replicas.csv", self.name(&partition));
                    (message, "add a row for each replica, or remove this one".to_owned())
                });
                continue;
            }
            self.check_positions(table, &partition, own);
            if let Some(leader) = partition.leader.filter(|leader| own.iter().all(|row| row.broker != *leader)) {
                partitions.table.error(offset, Some(LEADER), codes::LEADER_WITHOUT_REPLICA, |_| {
                    let ids: Vec<String> = own.iter().map(|row| self.id(row.broker).to_string()).collect();
                    let name = self.name(&partition);
                    let message =
                        format!("leader {} holds no replica of {name}, brokers {} do", self.id(leader), ids.join(", "));
                    (message, "write one of them, or -1 where nobody leads".to_owned())
                });
            }
        }
    }

    /// The first row of a partition whose position is not the one that is next; those after it would only repeat it.
    fn check_positions(&self, table: &mut Table<'_>, partition: &Partition, own: &[ReplicaRow]) {
        let Some(at) = (0..own.len()).find(|&at| usize::from(own[at].position) != at) else { return };
        let (row, position) = (&own[at], own[at].position);
        let before = at.checked_sub(1).map(|before| &own[before]).filter(|before| before.position == position);
        match before {
            Some(before) => table.error(row.offset, Some(POSITION), codes::DUPLICATE_ROW, |table| {
                let (name, line) = (self.name(partition), table.line(before.offset));
                let message = format!("position {position} of {name} is listed twice, first in line {line}");
                (message, "remove one of the rows, or number the positions 0, 1, 2, …".to_owned())
            }),
            None => table.error(row.offset, Some(POSITION), codes::POSITIONS, |_| {
                let message = format!("{} has a replica at position {position} and none at {at}", self.name(partition));
                (message, "number a partition's positions 0, 1, 2, … without gaps".to_owned())
            }),
        }
    }

    fn name(&self, partition: &Partition) -> String {
        name(self.context.topics, partition)
    }

    fn id(&self, broker: BrokerIdx) -> i32 {
        self.context.brokers.map_or(-1, |brokers| brokers.rows[broker.row()].broker.id)
    }
}
