//! Who the brokers are: `kafka-cluster list-endpoints` (Kafka 4) or `kafka-broker-api-versions` (any version).
//!
//! The former prints a table, the latter one heading per broker such as `host:9092 (id: 1 rack: r1 isFenced: false) ->
//! (`. Both name hosts and racks, which need `--all` from `kafka-configs`.

use std::collections::BTreeMap;

use super::codes;
use super::text::{Line, Reader, broker_id, excerpt, is_printable, lines};

const TOOL: &str = "kafka-cluster list-endpoints or kafka-broker-api-versions";

/// What is known of a broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) host: Option<String>,
    pub(super) rack: Option<String>,
}

/// Brokers by id; controllers are left out.
pub(super) type Endpoints = BTreeMap<i32, Endpoint>;

/// Reads the file.
pub(super) fn read(text: &str, reader: &mut Reader<'_>) -> Endpoints {
    let mut endpoints = Endpoints::new();
    let mut columns: Option<Vec<&str>> = None;
    for line in lines(text) {
        let words: Vec<&str> = line.text.split_whitespace().collect();
        if words.starts_with(&["ID", "HOST"]) {
            columns = Some(words);
        } else if line.text.contains(" (id: ") {
            heading(line, &mut endpoints, reader);
        } else if let Some(columns) = columns.as_ref().filter(|_| words.first().is_some_and(|w| is_number(w))) {
            row(line, columns, &words, &mut endpoints, reader);
        } else if !line.text.is_empty() && !line.text.starts_with([' ', '\t', ')']) {
            reader.unknown(line);
        }
    }
    reader.finish(TOOL);
    if endpoints.is_empty() {
        reader.nothing("brokers", TOOL);
    }
    endpoints
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_digit() || b == b'-')
}

/// A row of the table: hosts and states are single words, so that the rack is what is between them.
fn row(line: Line<'_>, columns: &[&str], words: &[&str], endpoints: &mut Endpoints, reader: &mut Reader<'_>) {
    let Some(rack_column) = columns.iter().position(|c| *c == "RACK") else { return reader.unknown(line) };
    let after = columns.len() - rack_column - 1;
    let (Some(id), true) = (words.first().and_then(|w| broker_id(w)), words.len() >= columns.len() - 1) else {
        let message = format!("{:?} is no row of brokers", excerpt(line.text));
        return reader.error(codes::BROKER_ROW, line.place(0), message, "capture the brokers again");
    };
    if words.last() == Some(&"controller") {
        return;
    }
    let rack = words.get(rack_column..words.len().saturating_sub(after)).unwrap_or_default().join(" ");
    add(id, words.get(1).copied(), &rack, endpoints);
}

fn heading(line: Line<'_>, endpoints: &mut Endpoints, reader: &mut Reader<'_>) {
    let Some((address, rest)) = line.text.split_once(" (id: ") else { return };
    let (inside, _) = rest.split_once(')').unwrap_or((rest, ""));
    let (id, rest) = inside.split_once(' ').unwrap_or((inside, ""));
    let Some(id) = broker_id(id) else {
        let place = line.place(address.len() + " (id: ".len());
        let message = format!("{:?} is no broker id", excerpt(id));
        return reader.error(codes::BROKER_ROW, place, message, "capture the brokers again");
    };
    let rack = rest.split_once("rack: ").map_or("", |(_, rack)| rack);
    let rack = rack.split_once(" isFenced:").map_or(rack, |(rack, _)| rack);
    let host = address.trim().rsplit_once(':').map(|(host, _)| host);
    add(id, host, rack.trim(), endpoints);
}

fn add(id: i32, host: Option<&str>, rack: &str, endpoints: &mut Endpoints) {
    let known = |text: &str| (is_printable(text) && text != "null").then(|| text.to_owned());
    // A broker has a row per listener; they agree on the rack.
    endpoints.entry(id).or_insert_with(|| Endpoint { host: host.and_then(known), rack: known(rack) });
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::ingest::fault::Faults;

    fn parse(text: &str) -> (Endpoints, Faults) {
        let mut faults = Faults::default();
        let found = read(text, &mut Reader::new(Path::new("brokers.txt"), &mut faults));
        (found, faults)
    }

    fn endpoint(host: &str, rack: Option<&str>) -> Endpoint {
        Endpoint { host: Some(host.to_owned()), rack: rack.map(str::to_owned) }
    }

    #[test]
    fn the_captured_table_names_racks() {
        let (found, faults) = parse(include_str!("../../../fixtures/kafka-cli/healthy/brokers.txt"));
        assert_eq!(faults, Faults::default());
        assert_eq!(found.len(), 6);
        assert_eq!(found[&5], endpoint("127.0.0.1", Some("rack-2")));
    }

    #[test]
    fn racks_may_be_missing_or_hold_spaces_and_controllers_are_left_out() {
        let text = "ID  HOST  PORT  RACK  STATE  ENDPOINT_TYPE\n1 a 9092 null unfenced broker\n\
                    2 b 9092 row 7 fenced broker\n1000 c 9093 null unfenced controller\n";
        let (found, faults) = parse(text);
        assert_eq!(faults, Faults::default());
        assert_eq!(found.len(), 2);
        assert_eq!(found[&1], endpoint("a", None));
        assert_eq!(found[&2], endpoint("b", Some("row 7")));
    }

    #[test]
    fn api_versions_name_racks_too() {
        let text = "b1.example:9092 (id: 1 rack: r1 isFenced: false) -> (\n\tProduce(0): 0 to 9 [usable: 9],\n)\n\
                    b2.example:9092 (id: 2 rack: null) -> (\n)\n";
        let (found, faults) = parse(text);
        assert_eq!(faults, Faults::default());
        assert_eq!(found[&1], endpoint("b1.example", Some("r1")));
        assert_eq!(found[&2], endpoint("b2.example", None));
    }

    #[test]
    fn a_broken_id_is_an_error_and_prose_a_warning() {
        let (_, faults) = parse("Hello\nb1:9092 (id: x rack: r1) -> (\n");
        let codes: Vec<&str> = faults.list.iter().map(|f| f.code).collect();
        assert_eq!(codes, [codes::BROKER_ROW, codes::UNKNOWN_LINE, codes::NOTHING_FOUND]);
    }
}
