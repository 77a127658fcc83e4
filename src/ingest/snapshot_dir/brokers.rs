//! `brokers.csv`: rows sorted by id, completed from the machine catalogue.

use std::collections::BTreeMap;

use super::field::NUMBER_MAX;
use super::files::SourceFile;
use super::table::{Column, Row, Table, optional, required};
use crate::ingest::catalogue::Catalogue;
use crate::ingest::codes;
use crate::ingest::fault::Faults;
use crate::model::snapshot::DEFAULT_GROUP;
use crate::model::{Broker, BrokerIdx, BrokerState};

const BROKER_ID: usize = 0;
const RACK: usize = 1;
const RESOURCE_GROUP: usize = 2;
const STATE: usize = 3;
const MACHINE_MODEL: usize = 4;
const HOST: usize = 5;
const CPU_CORES: usize = 6;
const CPU_UTILIZATION: usize = 7;
const NETWORK_IN_CAPACITY: usize = 8;
const NETWORK_OUT_CAPACITY: usize = 9;
const MEASURED_NETWORK_IN: usize = 10;
const MEASURED_NETWORK_OUT: usize = 11;

/// The columns, in the contract's order.
const COLUMNS: &[Column] = &[
    required("broker_id"),
    optional("rack"),
    optional("resource_group"),
    required("state"),
    optional("machine_model"),
    optional("host"),
    optional("cpu_cores"),
    optional("cpu_utilization"),
    optional("network_in_capacity_bytes_per_sec"),
    optional("network_out_capacity_bytes_per_sec"),
    optional("measured_network_in_bytes_per_sec"),
    optional("measured_network_out_bytes_per_sec"),
];

/// Kafka's ids are 32-bit and signed.
pub(super) const ID_MAX: u64 = i32::MAX as u64;

/// A row, its rack and group still by name.
pub(super) struct BrokerRow {
    offset: u32,
    /// The broker without rack, group and log dirs, which come when all names are known.
    pub(super) broker: Broker,
    /// Rack name.
    pub(super) rack: Option<String>,
    /// Group name.
    pub(super) group: Option<String>,
}

/// The table, ascending by id.
pub(super) struct Brokers<'f> {
    /// For findings.
    pub(super) table: Table<'f>,
    /// Rows, ascending by id, each id once.
    pub(super) rows: Vec<BrokerRow>,
}

impl<'f> Brokers<'f> {
    /// Reads the table; none where its header is unsound.
    pub(super) fn read(file: &'f SourceFile, catalogue: &Catalogue, faults: &mut Faults) -> Option<Self> {
        let mut table = Table::open(file, COLUMNS, faults)?;
        let mut rows = table.rows(|(): &mut (), row| parse(row));
        rows.sort_by_key(|row| (row.broker.id, row.offset));
        let mut kept: Vec<BrokerRow> = Vec::with_capacity(rows.len());
        for row in rows {
            match kept.last() {
                Some(first) if first.broker.id == row.broker.id => {
                    table.error(row.offset, Some(BROKER_ID), codes::DUPLICATE_ROW, |table| {
                        let message = format!(
                            "broker {} is listed twice, first in line {}",
                            row.broker.id,
                            table.line(first.offset)
                        );
                        (message, "remove one of the rows".to_owned())
                    });
                }
                _ => kept.push(row),
            }
        }
        if kept.is_empty() && !table.findings.lost_rows {
            table.error(0, None, codes::NO_BROKERS, |_| {
                ("the cluster has no brokers".to_owned(), "add a row for each broker".to_owned())
            });
        }
        let mut brokers = Self { table, rows: kept };
        brokers.complete(catalogue);
        Some(brokers)
    }

    /// The broker with Kafka id `id`.
    pub(super) fn find(&self, id: i32) -> Option<BrokerIdx> {
        self.rows.binary_search_by_key(&id, |row| row.broker.id).ok().map(BrokerIdx::new)
    }

    /// Fills capacities that are missing from the brokers' machine models, and warns once per unknown model.
    fn complete(&mut self, catalogue: &Catalogue) {
        let mut unknown: BTreeMap<String, (u32, usize)> = BTreeMap::new();
        for row in &mut self.rows {
            let Some(model) = &row.broker.machine_model else { continue };
            let Some(machine) = catalogue.get(model) else {
                let entry = unknown.entry(model.clone()).or_insert((row.offset, 0));
                *entry = (entry.0.min(row.offset), entry.1 + 1);
                continue;
            };
            let broker = &mut row.broker;
            let network = machine.network_capacity_bytes_per_sec();
            broker.cpu_cores = broker.cpu_cores.or(machine.cpu_cores());
            broker.network_in_capacity_bytes_per_sec = broker.network_in_capacity_bytes_per_sec.or(network);
            broker.network_out_capacity_bytes_per_sec = broker.network_out_capacity_bytes_per_sec.or(network);
        }
        for (model, (offset, count)) in unknown {
            let near = catalogue.nearest(&model, 3).join(", ");
            let message = format!(
                "machine model {model:?} of {count} brokers is not in the catalogue: nothing is filled in from it"
            );
            let help = format!("the nearest are {near}; or add the model to a directory of your own");
            self.table.warning(offset, Some(MACHINE_MODEL), codes::UNKNOWN_MODEL, message, help);
        }
    }
}

fn parse(row: &mut Row<'_>) -> Option<BrokerRow> {
    let id = row.needed(BROKER_ID).and_then(|_| row.whole(BROKER_ID, ID_MAX));
    let states = BrokerState::ALL.map(|state| (state.name(), state));
    let state = row.needed(STATE).and_then(|_| row.choice(STATE, &states));
    let rack = row.text(RACK).map(str::to_owned);
    let group = group(row, RESOURCE_GROUP);
    let cpu_utilization = cpu_utilization(row);
    let broker = Broker {
        id: i32::try_from(id?).ok()?,
        rack: None,
        group: None,
        // The fault is recorded: any state will do for the sake of other rows' references.
        state: state.unwrap_or(BrokerState::Alive),
        machine_model: row.text(MACHINE_MODEL).map(str::to_owned),
        host: row.text(HOST).map(str::to_owned),
        cpu_cores: row.capacity(CPU_CORES),
        cpu_utilization,
        network_in_capacity_bytes_per_sec: row.capacity(NETWORK_IN_CAPACITY),
        network_out_capacity_bytes_per_sec: row.capacity(NETWORK_OUT_CAPACITY),
        measured_network_in_bytes_per_sec: row.real(MEASURED_NETWORK_IN, NUMBER_MAX),
        measured_network_out_bytes_per_sec: row.real(MEASURED_NETWORK_OUT, NUMBER_MAX),
        first_log_dir: 0,
        log_dir_count: 0,
    };
    Some(BrokerRow { offset: row.offset, broker, rack, group })
}

/// A share of the cores. What is above 1 is most likely percent, and would inflate every CPU figure a hundredfold.
fn cpu_utilization(row: &mut Row<'_>) -> Option<f64> {
    let value = row.real(CPU_UTILIZATION, NUMBER_MAX)?;
    if value <= 1.0 {
        return Some(value);
    }
    row.error(Some(CPU_UTILIZATION), codes::OUT_OF_RANGE, || {
        (format!("cpu_utilization {value} is above 1"), "write a fraction: 0.6 for 60 %".to_owned())
    });
    None
}

/// A resource group's name; the reserved one is refused, for reports use it for what has no group.
pub(super) fn group(row: &mut Row<'_>, column: usize) -> Option<String> {
    let name = row.text(column)?;
    if name == DEFAULT_GROUP {
        row.error(Some(column), codes::RESERVED_GROUP, || {
            let message = format!("no resource group can be called {DEFAULT_GROUP:?}: it stands for what has no group");
            (message, "leave the field empty, or choose another name".to_owned())
        });
        return None;
    }
    Some(name.to_owned())
}
