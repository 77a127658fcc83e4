//! `quotas.csv`: the quotas in force, as `snapshot kafka` writes them beside a snapshot. Read by itself, from wherever it is.

use std::collections::BTreeMap;
use std::path::Path;

use super::field::NUMBER_MAX;
use super::files::SourceFile;
use super::table::{Column, Row, Table, optional};
use crate::ingest::codes;
use crate::ingest::fault::Faults;
use crate::model::clients::{Entity, Part, Quota};

/// The file's name in a snapshot's directory.
pub const FILE: &str = "quotas.csv";

/// What stands for every user or client id without a quota of their own, as Kafka's tools and ZooKeeper write it.
pub const DEFAULT_NAME: &str = "<default>";

/// The largest figure of the file, bytes per second or percent: more is no limit to any broker.
pub const FIGURE_MAX: f64 = NUMBER_MAX as f64;

const USER: usize = 0;
const CLIENT_ID: usize = 1;
const FIGURES: usize = 2;

/// The file's columns; a cell without a figure is a quota that is not set.
pub const COLUMN_NAMES: [&str; 6] =
    ["user", "client_id", "producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate"];

const COLUMNS: &[Column] = &{
    let [a, b, c, d, e, f] = COLUMN_NAMES;
    [optional(a), optional(b), optional(c), optional(d), optional(e), optional(f)]
};

/// Reads the quotas in the file at `path`, plain or gzipped (`.gz`), ascending by entity; with warnings.
///
/// # Errors
/// Every fault in the file.
pub fn read(path: &Path) -> Result<(Vec<Quota>, Faults), Faults> {
    let mut faults = Faults::default();
    let quotas = match SourceFile::read(path) {
        Ok(file) => parse(&file, &mut faults),
        Err(fault) => {
            faults.push(*fault);
            Vec::new()
        }
    };
    if faults.has_errors() { Err(faults) } else { Ok((quotas, faults)) }
}

fn parse(file: &SourceFile, faults: &mut Faults) -> Vec<Quota> {
    let Some(mut table) = Table::open(file, COLUMNS, faults) else { return Vec::new() };
    let rows = table.rows(|(): &mut (), row| Some(parse_row(row)));
    let mut quotas: BTreeMap<Entity, (u32, Quota)> = BTreeMap::new();
    for (offset, quota) in rows {
        match quotas.get(&quota.entity) {
            Some((first, _)) => {
                let first = *first;
                table.error(offset, Some(USER), codes::DUPLICATE_ROW, |table| {
                    let line = table.line(first);
                    let message = format!("the same user and client_id are listed twice, first in line {line}");
                    (message, "keep one row per user and client_id, with all its quotas".to_owned())
                });
            }
            None => {
                quotas.insert(quota.entity.clone(), (offset, quota));
            }
        }
    }
    table.report(faults);
    quotas.into_values().map(|(_, quota)| quota).collect()
}

fn parse_row(row: &mut Row<'_>) -> (u32, Quota) {
    let part = |name: Option<&str>| match name {
        None => Part::Absent,
        Some(DEFAULT_NAME) => Part::Default,
        Some(name) => Part::Named(name.to_owned()),
    };
    let entity = Entity { user: part(row.text(USER)), client_id: part(row.text(CLIENT_ID)) };
    let [produce, consume, request, mutation] = [0, 1, 2, 3].map(|figure| row.real(FIGURES + figure, NUMBER_MAX));
    let quota = Quota {
        entity,
        producer_byte_rate: produce,
        consumer_byte_rate: consume,
        request_percentage: request,
        controller_mutation_rate: mutation,
    };
    (row.offset, quota)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may fail loudly")]
mod tests {
    use super::*;
    use crate::ingest::render;

    fn read_bytes(bytes: &[u8]) -> Result<(Vec<Quota>, Faults), Faults> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        std::fs::write(&path, bytes).unwrap();
        read(&path)
    }

    #[test]
    fn what_is_written_reads_back() {
        let named = |name: &str| Part::Named(name.to_owned());
        let quota = |user: Part, client_id: Part, produce: Option<f64>, request: Option<f64>| Quota {
            entity: Entity { user, client_id },
            producer_byte_rate: produce,
            consumer_byte_rate: None,
            request_percentage: request,
            controller_mutation_rate: None,
        };
        let quotas = [
            quota(named("CN=a, O=\"b\""), named("load er"), Some(1_048_576.0), None),
            quota(named("etl"), Part::Default, Some(0.5), None),
            quota(Part::Default, Part::Absent, None, Some(50.5)),
            quota(Part::Absent, Part::Default, Some(7.0), None),
        ];
        let file = render::quotas_file(&quotas);
        assert_eq!(file.path.to_str(), Some(FILE));
        let (read, faults) = read_bytes(&file.bytes).unwrap();
        assert_eq!((read.as_slice(), faults), (&quotas[..], Faults::default()));
        assert_eq!(read_bytes(&render::quotas_file(&[]).bytes).unwrap().0, []);
    }

    #[test]
    fn every_fault_is_found_at_its_place() {
        let faults = read_bytes(b"user,client_id,producer_byte_rate\na,,x\nb,,-1\nc,,1\nc,,2\n").unwrap_err();
        let found: Vec<_> = faults.list.iter().map(|f| (f.code, f.line.unwrap(), f.column.unwrap())).collect();
        let wanted = [(codes::NOT_A_NUMBER, 2, 4), (codes::OUT_OF_RANGE, 3, 4), (codes::DUPLICATE_ROW, 5, 1)];
        assert_eq!(found, wanted);
    }
}
