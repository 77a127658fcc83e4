//! `log_dirs.csv`: rows sorted by broker and path, completed from the machine catalogue.

use super::brokers::{Brokers, ID_MAX};
use super::field::NUMBER_MAX;
use super::files::SourceFile;
use super::reference::broker_reference;
use super::table::{Column, Row, Table, optional, required};
use crate::ingest::catalogue::Catalogue;
use crate::ingest::codes;
use crate::ingest::fault::Faults;
use crate::model::{BrokerIdx, LogDir, LogDirIdx, LogDirState};

const BROKER_ID: usize = 0;
const LOG_DIR: usize = 1;
const CAPACITY: usize = 2;
const STATE: usize = 3;
const OTHER_USED: usize = 4;
const WRITE_CAPACITY: usize = 5;

const COLUMNS: &[Column] = &[
    required("broker_id"),
    required("log_dir"),
    optional("capacity_bytes"),
    required("state"),
    optional("other_used_bytes"),
    optional("write_capacity_bytes_per_sec"),
];

struct LogDirRow {
    offset: u32,
    dir: LogDir,
}

/// The table, ascending by broker, then path.
pub(super) struct LogDirs<'f> {
    /// For findings.
    pub(super) table: Table<'f>,
    /// The dirs, each (broker, path) once.
    pub(super) dirs: Vec<LogDir>,
    offsets: Vec<u32>,
}

impl<'f> LogDirs<'f> {
    /// Reads the table and tells each broker in `brokers` which rows are its own; none where the header is unsound.
    pub(super) fn read(
        file: &'f SourceFile,
        mut brokers: Option<&mut Brokers<'_>>,
        catalogue: &Catalogue,
        faults: &mut Faults,
    ) -> Option<Self> {
        let mut table = Table::open(file, COLUMNS, faults)?;
        let known = brokers.as_deref();
        let mut rows = table.rows(|(): &mut (), row| parse(row, known));
        rows.sort_by(|a, b| (a.dir.broker, &a.dir.path, a.offset).cmp(&(b.dir.broker, &b.dir.path, b.offset)));
        let mut log_dirs =
            Self { table, dirs: Vec::with_capacity(rows.len()), offsets: Vec::with_capacity(rows.len()) };
        for row in rows {
            log_dirs.keep(row, known);
        }
        if let Some(brokers) = brokers.as_mut() {
            log_dirs.assign(brokers);
            log_dirs.complete(brokers, catalogue);
        }
        log_dirs.check_total();
        Some(log_dirs)
    }

    fn keep(&mut self, row: LogDirRow, brokers: Option<&Brokers<'_>>) {
        match self.dirs.last() {
            Some(first) if (first.broker, &first.path) == (row.dir.broker, &row.dir.path) => {
                let first_offset = self.offsets.last().copied().unwrap_or_default();
                let id = brokers.map_or(-1, |b| b.rows[row.dir.broker.row()].broker.id);
                self.table.error(row.offset, Some(LOG_DIR), codes::DUPLICATE_ROW, |table| {
                    let line = table.line(first_offset);
                    let message =
                        format!("log dir {:?} of broker {id} is listed twice, first in line {line}", row.dir.path);
                    (message, "remove one of the rows".to_owned())
                });
            }
            _ => {
                self.dirs.push(row.dir);
                self.offsets.push(row.offset);
            }
        }
    }

    /// The dir of `broker` at `path`.
    pub(super) fn find(&self, brokers: &Brokers<'_>, broker: BrokerIdx, path: &[u8]) -> Option<LogDirIdx> {
        let rows = brokers.rows[broker.row()].broker.log_dir_rows();
        let first = rows.start;
        let found = self.dirs[rows].binary_search_by(|dir| dir.path.as_bytes().cmp(path)).ok()?;
        Some(LogDirIdx::new(first + found))
    }

    fn assign(&self, brokers: &mut Brokers<'_>) {
        for (row, dir) in self.dirs.iter().enumerate() {
            let broker = &mut brokers.rows[dir.broker.row()].broker;
            if broker.log_dir_count == 0 {
                broker.first_log_dir = u32::try_from(row).unwrap_or(u32::MAX);
            }
            broker.log_dir_count += 1;
        }
    }

    /// Fills missing capacities with the size of the model's disks. Where a broker has more dirs than its model has
    /// disks, some share one, and how the disk is divided is not known.
    fn complete(&mut self, brokers: &Brokers<'_>, catalogue: &Catalogue) {
        for row in &brokers.rows {
            let dirs = row.broker.log_dir_rows();
            let Some(machine) = row.broker.machine_model.as_ref().and_then(|m| catalogue.get(m)) else { continue };
            let Some((disks, size_bytes)) = machine.equal_disks() else { continue };
            if dirs.len() <= disks {
                let rate = machine.equal_disk_writes();
                let own = &mut self.dirs[dirs.clone()];
                own.iter_mut().for_each(|d| d.write_capacity_bytes_per_sec = d.write_capacity_bytes_per_sec.or(rate));
            }
            let Some(missing) = dirs.clone().find(|&d| self.dirs[d].capacity_bytes.is_none()) else { continue };
            if dirs.len() > disks {
                let message = format!(
                    "broker {} has {} log dirs and its model {} has {disks} disks: capacities stay unknown",
                    row.broker.id,
                    dirs.len(),
                    machine.id
                );
                let help = "write capacity_bytes for each log dir".to_owned();
                self.table.warning(self.offsets[missing], Some(CAPACITY), codes::DISK_COUNT, message, help);
                continue;
            }
            for dir in &mut self.dirs[dirs] {
                dir.capacity_bytes = dir.capacity_bytes.or(Some(size_bytes));
            }
        }
    }

    /// Totals over a broker's or a cluster's dirs are counted in 64 bits.
    fn check_total(&mut self) {
        let bytes = |dir: &LogDir| u128::from(dir.capacity_bytes.unwrap_or(0)) + u128::from(dir.other_used_bytes);
        let total: u128 = self.dirs.iter().map(bytes).sum();
        if total > u128::from(super::TOTAL_BYTES_MAX) {
            self.table.error(0, None, codes::TOTAL_TOO_LARGE, |_| {
                let message =
                    format!("capacities and other usage add up to {total} bytes, above {}", super::TOTAL_BYTES_MAX);
                (message, "check the unit: all sizes are bytes".to_owned())
            });
        }
    }
}

fn parse(row: &mut Row<'_>, brokers: Option<&Brokers<'_>>) -> Option<LogDirRow> {
    let id = row.needed(BROKER_ID).and_then(|_| row.whole(BROKER_ID, ID_MAX));
    let path = row.needed_text(LOG_DIR);
    let capacity_bytes = row.whole(CAPACITY, NUMBER_MAX);
    if capacity_bytes == Some(0) {
        row.error(Some(CAPACITY), codes::ZERO_CAPACITY, || {
            (
                "capacity_bytes is 0".to_owned(),
                "write the disk's size, or leave it empty where that is unknown".to_owned(),
            )
        });
    }
    let states = LogDirState::ALL.map(|state| (state.name(), state));
    let state = row.needed(STATE).and_then(|_| row.choice(STATE, &states)).unwrap_or(LogDirState::Online);
    let other_used_bytes = row.whole(OTHER_USED, NUMBER_MAX).unwrap_or(0);
    let broker = broker_reference(row, BROKER_ID, id?, brokers)?;
    let write_capacity_bytes_per_sec = row.capacity(WRITE_CAPACITY);
    let path = path?.to_owned();
    let dir = LogDir { broker, path, capacity_bytes, write_capacity_bytes_per_sec, state, other_used_bytes };
    Some(LogDirRow { offset: row.offset, dir })
}
