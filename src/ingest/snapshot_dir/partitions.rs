//! `partitions.csv`: rows sorted by topic and number.

use rayon::slice::ParallelSliceMut;

use super::brokers::{Brokers, ID_MAX};
use super::field::NUMBER_MAX;
use super::files::SourceFile;
use super::reference::{LastTopic, broker_reference, topic_reference};
use super::table::{Column, Row, Table, optional, required};
use super::topics::Topics;
use crate::ingest::codes;
use crate::ingest::fault::Faults;
use crate::model::{Partition, PartitionIdx, TopicIdx};

const TOPIC: usize = 0;
const PARTITION: usize = 1;
/// For the check that the leader is a replica.
pub(super) const LEADER: usize = 2;
const BYTES_IN: usize = 3;
const BYTES_OUT: usize = 4;
const MESSAGES_IN: usize = 5;

const COLUMNS: &[Column] = &[
    required("topic"),
    required("partition"),
    required("leader"),
    optional("bytes_in_per_sec"),
    optional("bytes_out_per_sec"),
    optional("messages_in_per_sec"),
];

/// The columns whose missing values count as 0.
const RATES: [usize; 3] = [BYTES_IN, BYTES_OUT, MESSAGES_IN];

/// Kafka's partition numbers are 32-bit and signed.
pub(super) const NUMBER_OF_PARTITION_MAX: u64 = i32::MAX as u64;

struct PartitionRow {
    partition: Partition,
    offset: u32,
    /// Which of [`RATES`] are unknown, one bit each.
    unknown: u8,
}

/// The table, ascending by topic, then number.
pub(super) struct Partitions<'f> {
    /// For findings.
    pub(super) table: Table<'f>,
    /// The partitions, each (topic, number) once, without replicas yet.
    pub(super) list: Vec<Partition>,
    /// Where each one's row starts.
    pub(super) offsets: Vec<u32>,
}

impl<'f> Partitions<'f> {
    /// Reads the table and tells each topic which rows are its own; none where the header is unsound.
    pub(super) fn read(
        file: &'f SourceFile,
        brokers: Option<&Brokers<'_>>,
        mut topics: Option<&mut Topics<'_>>,
        faults: &mut Faults,
    ) -> Option<Self> {
        let mut table = Table::open(file, COLUMNS, faults)?;
        let known = topics.as_deref();
        let mut rows = table.rows(|last: &mut LastTopic, row| parse(row, brokers, known, last));
        let key = |row: &PartitionRow| (row.partition.topic, row.partition.number, row.offset);
        if !rows.is_sorted_by_key(key) {
            rows.par_sort_unstable_by_key(key);
        }
        warn_of_unknown_rates(&mut table, &rows);
        let mut partitions =
            Self { table, list: Vec::with_capacity(rows.len()), offsets: Vec::with_capacity(rows.len()) };
        for row in rows {
            partitions.keep(row, known);
        }
        if let Some(topics) = topics.as_mut() {
            partitions.assign(topics);
        }
        Some(partitions)
    }

    fn keep(&mut self, row: PartitionRow, topics: Option<&Topics<'_>>) {
        let key = |p: &Partition| (p.topic, p.number);
        match self.list.last() {
            Some(first) if key(first) == key(&row.partition) => {
                let first_offset = self.offsets.last().copied().unwrap_or_default();
                self.table.error(row.offset, Some(PARTITION), codes::DUPLICATE_ROW, |table| {
                    let name = name(topics, &row.partition);
                    let message =
                        format!("partition {name} is listed twice, first in line {}", table.line(first_offset));
                    (message, "remove one of the rows".to_owned())
                });
            }
            _ => {
                self.list.push(row.partition);
                self.offsets.push(row.offset);
            }
        }
    }

    fn assign(&self, topics: &mut Topics<'_>) {
        for (row, partition) in self.list.iter().enumerate() {
            let topic = &mut topics.rows[partition.topic.row()].topic;
            if topic.partition_count == 0 {
                topic.first_partition = u32::try_from(row).unwrap_or(u32::MAX);
            }
            topic.partition_count += 1;
        }
    }

    /// Partition `number` of `topic`. Numbers nearly always run from 0, so that the place is known without a search.
    pub(super) fn find(&self, topics: &Topics<'_>, topic: TopicIdx, number: u32) -> Option<PartitionIdx> {
        let rows = topics.rows[topic.row()].topic.partition_rows();
        let first = rows.start;
        let own = &self.list[rows];
        let at = number as usize;
        if own.get(at).is_some_and(|p| p.number == number) {
            return Some(PartitionIdx::new(first + at));
        }
        own.binary_search_by_key(&number, |p| p.number).ok().map(|found| PartitionIdx::new(first + found))
    }
}

/// `topic-partition`, as Kafka's tools write it.
pub(super) fn name(topics: Option<&Topics<'_>>, partition: &Partition) -> String {
    let topic = topics.map_or("?", |t| t.rows[partition.topic.row()].topic.name.as_str());
    format!("{topic}-{}", partition.number)
}

fn parse(
    row: &mut Row<'_>,
    brokers: Option<&Brokers<'_>>,
    topics: Option<&Topics<'_>>,
    last: &mut LastTopic,
) -> Option<PartitionRow> {
    let topic_name = row.needed(TOPIC);
    let number = row.needed(PARTITION).and_then(|_| row.whole(PARTITION, NUMBER_OF_PARTITION_MAX));
    let leader_id = row.needed(LEADER).and_then(|_| row.whole_or_minus_one(LEADER, ID_MAX));
    let rates = RATES.map(|column| row.real(column, NUMBER_MAX));
    let unknown = (0..RATES.len()).filter(|&at| rates[at].is_none()).fold(0, |bits, at| bits | 1 << at);
    let topic = topic_reference(row, TOPIC, topic_name?, topics, last);
    // A leader whose row is missing is a fault, but the partition is known: its replicas can still be judged.
    let leader = leader_id.flatten().and_then(|id| broker_reference(row, LEADER, id, brokers));
    let partition = Partition {
        bytes_in_per_sec: rates[0].unwrap_or(0.0),
        bytes_out_per_sec: rates[1].unwrap_or(0.0),
        messages_in_per_sec: rates[2].unwrap_or(0.0),
        topic: topic?,
        number: u32::try_from(number?).ok()?,
        leader,
        first_replica: 0,
        replica_count: 0,
    };
    Some(PartitionRow { partition, offset: row.offset, unknown })
}

/// One warning per rate: which loads are too low because of it, the operator can tell.
fn warn_of_unknown_rates(table: &mut Table<'_>, rows: &[PartitionRow]) {
    for (at, &column) in RATES.iter().enumerate() {
        let unknown = rows.iter().filter(|row| row.unknown & 1 << at != 0);
        let Some(offset) = unknown.clone().map(|row| row.offset).min() else { continue };
        let (count, total, name) = (unknown.count(), rows.len(), COLUMNS[column].name);
        let offset = if table.has(column) { offset } else { 0 };
        let message = format!("{name} is unknown for {count} of {total} partitions and counts as 0 there");
        let help = format!("add {name} from your metrics, or expect loads that are too low");
        table.warning(offset, Some(column), codes::UNKNOWN_RATE, message, help);
    }
}
