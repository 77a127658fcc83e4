//! `clients.csv`: what quotas are advised from. Read by itself, from wherever it is.

use std::collections::BTreeMap;
use std::path::Path;

use super::field::NUMBER_MAX;
use super::files::SourceFile;
use super::table::{Column, Row, Table, optional, required};
use crate::ingest::codes;
use crate::ingest::fault::Faults;
use crate::model::clients::{Client, ClientIdentity};

const USER: usize = 0;
const CLIENT_ID: usize = 1;
const PRODUCE: usize = 2;
const CONSUME: usize = 3;
const THROTTLE_MS: usize = 4;

const COLUMNS: &[Column] = &[
    optional("user"),
    optional("client_id"),
    required("produce_bytes_per_sec"),
    required("consume_bytes_per_sec"),
    optional("throttle_ms"),
];

/// Reads the clients in the file at `path`, plain or gzipped (`.gz`), ascending by user, then client id; with warnings.
///
/// # Errors
/// Every fault in the file.
pub fn read(path: &Path) -> Result<(Vec<Client>, Faults), Faults> {
    let mut faults = Faults::default();
    let clients = match SourceFile::read(path) {
        Ok(file) => parse(&file, &mut faults),
        Err(fault) => {
            faults.push(*fault);
            Vec::new()
        }
    };
    if faults.has_errors() { Err(faults) } else { Ok((clients, faults)) }
}

fn parse(file: &SourceFile, faults: &mut Faults) -> Vec<Client> {
    let Some(mut table) = Table::open(file, COLUMNS, faults) else { return Vec::new() };
    let rows = table.rows(|(): &mut (), row| parse_row(row));
    let mut clients: BTreeMap<ClientIdentity, (u32, Client)> = BTreeMap::new();
    for (offset, client) in rows {
        match clients.get(&client.identity) {
            Some((first, _)) => {
                let first = *first;
                table.error(offset, Some(USER), codes::DUPLICATE_ROW, |table| {
                    let line = table.line(first);
                    let message = format!("the same user and client_id are listed twice, first in line {line}");
                    (message, "keep one row per user and client_id, with its whole traffic".to_owned())
                });
            }
            None => {
                clients.insert(client.identity.clone(), (offset, client));
            }
        }
    }
    table.report(faults);
    clients.into_values().map(|(_, client)| client).collect()
}

fn parse_row(row: &mut Row<'_>) -> Option<(u32, Client)> {
    let mut rate = |column| {
        row.needed(column)?;
        row.real(column, NUMBER_MAX)
    };
    let (produce, consume) = (rate(PRODUCE), rate(CONSUME));
    let throttle_ms = row.real(THROTTLE_MS, NUMBER_MAX);
    let identity =
        ClientIdentity { user: row.text(USER).map(str::to_owned), client_id: row.text(CLIENT_ID).map(str::to_owned) };
    let client = Client { identity, produce_bytes_per_sec: produce?, consume_bytes_per_sec: consume?, throttle_ms };
    Some((row.offset, client))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may fail loudly")]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<(Vec<Client>, Faults), Faults> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clients.csv");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn clients_are_read_in_order_whatever_the_columns_are() {
        let text = "produce_bytes_per_sec,client_id,consume_bytes_per_sec,user\n5,b,0,\n1.5,,2e3,zoe\n0,a,7,adam\n";
        let (clients, faults) = read_text(text).unwrap();
        assert!(faults.list.is_empty());
        let names: Vec<_> =
            clients.iter().map(|c| (c.identity.user.as_deref(), c.identity.client_id.as_deref())).collect();
        assert_eq!(names, [(None, Some("b")), (Some("adam"), Some("a")), (Some("zoe"), None)]);
        assert!((clients[2].consume_bytes_per_sec - 2_000.0).abs() < 1e-9 && clients[2].throttle_ms.is_none());
    }

    #[test]
    fn every_fault_is_found_at_its_place() {
        let header = "user,client_id,produce_bytes_per_sec,consume_bytes_per_sec,throttle_ms,quota\n";
        let faults = read_text(&format!("{header}a,,1,x,,\nb,,-1,,0,\na,,2,2,,\nc,,1,1,,\nc,,1,1,,\n")).unwrap_err();
        let found: Vec<_> = faults.list.iter().map(|f| (f.code, f.line.unwrap(), f.column.unwrap())).collect();
        let wanted = [
            (codes::UNKNOWN_COLUMN, 1, 72),
            (codes::NOT_A_NUMBER, 2, 6),
            (codes::OUT_OF_RANGE, 3, 4),
            (codes::EMPTY_VALUE, 3, 7),
            (codes::DUPLICATE_ROW, 6, 1),
        ];
        assert_eq!(found, wanted);
        let missing = read(Path::new("/nowhere/clients.csv")).unwrap_err();
        assert_eq!(missing.list[0].code, codes::UNREADABLE);
        let no_rates = read_text("user\na\n").unwrap_err();
        assert!(no_rates.list.iter().all(|f| f.code == codes::MISSING_COLUMN) && no_rates.list.len() == 2);
    }
}
