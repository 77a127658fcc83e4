//! Who the brokers are: `kafka-cluster list-endpoints` (Kafka 4), `kafka-broker-api-versions` (any version) or ZooKeeper's
//! shell (before Kafka 4).
//!
//! The first prints a table, the second one heading per broker such as `host:9092 (id: 1 rack: r1 isFenced: false) ->
//! (`, the third the JSON that a broker registers, which says its rack and not its id: that is in the path
//! `/brokers/ids/1`, on a line of its own before it. All name hosts and racks, which need `--all` from `kafka-configs`.

use std::collections::BTreeMap;

use super::codes;
use super::text::{Line, Reader, broker_id, excerpt, is_printable, is_zookeeper_noise, lines};

const TOOL: &str = "kafka-cluster list-endpoints, kafka-broker-api-versions or zookeeper-shell";

/// Where brokers register in ZooKeeper, by id.
const ZOOKEEPER_PATH: &str = "/brokers/ids/";

/// What a broker registers in ZooKeeper (Kafka's `BrokerIdZNode`, versions 2 to 5).
#[derive(serde::Deserialize)]
struct Registration {
    /// None where no listener is plaintext.
    host: Option<String>,
    rack: Option<String>,
    #[serde(default)]
    endpoints: Vec<String>,
}

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
    let mut registered: Option<i32> = None;
    for line in lines(text) {
        let words: Vec<&str> = line.text.split_whitespace().collect();
        if words.starts_with(&["ID", "HOST"]) {
            columns = Some(words);
        } else if let Some(id) = zookeeper_id(line, &words, reader) {
            registered = id;
        } else if line.text.starts_with('{') {
            registration(line, registered.take(), &mut endpoints, reader);
        } else if is_zookeeper_noise(line.text) {
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

/// The id of a line that ends in a broker's path, such as `get /brokers/ids/1`; none within where it is no number.
fn zookeeper_id(line: Line<'_>, words: &[&str], reader: &mut Reader<'_>) -> Option<Option<i32>> {
    let last = words.last()?;
    let (_, id) = last.split_once(ZOOKEEPER_PATH)?;
    let known = broker_id(id);
    if known.is_none() {
        let message = format!("{:?} is no broker id", excerpt(id));
        let place = line.place(line.text.len() - id.len());
        reader.error(codes::BROKER_ROW, place, message, "write the path as /brokers/ids/1");
    }
    Some(known)
}

fn registration(line: Line<'_>, id: Option<i32>, endpoints: &mut Endpoints, reader: &mut Reader<'_>) {
    let Some(id) = id else {
        let help = "write /brokers/ids/ID on a line before what ZooKeeper holds there";
        return reader.error(codes::BROKER_ROW, line.place(0), "nothing says which broker this is of", help);
    };
    match serde_json::from_str::<Registration>(line.text) {
        Ok(found) => {
            let of_endpoint = || {
                let (_, address) = found.endpoints.first()?.split_once("://")?;
                Some(address.rsplit_once(':')?.0.to_owned())
            };
            let host = found.host.clone().or_else(of_endpoint);
            add(id, host.as_deref(), found.rack.as_deref().unwrap_or_default(), endpoints);
        }
        Err(error) => {
            let column = error.column().saturating_sub(1).min(line.text.len());
            let message = format!("this is not what a broker registers: {error}");
            reader.error(codes::BROKER_ROW, line.place(column), message, "capture the brokers again");
        }
    }
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
    fn what_brokers_register_in_zookeeper_names_racks_too() {
        for version in ["1.1.1", "2.1.1"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kafka-cli").join(version);
            let (found, faults) = parse(&std::fs::read_to_string(path.join("brokers.txt")).unwrap_or_default());
            assert_eq!(faults, Faults::default(), "{version}");
            assert_eq!(found.len(), 3);
            assert_eq!(found[&2], endpoint("127.0.0.1", Some("rack-2")));
        }
        // Listeners without plaintext; the shell's words about the node; a prompt before what was typed.
        let text = "[zk: z1(CONNECTED) 0] get /brokers/ids/7\n{\"host\":null,\"port\":-1,\"rack\":\"r 1\",\"version\":5,\
                    \"endpoints\":[\"SASL_SSL://b7.example:9093\"]}\ncZxid = 0x1b\nctime = Sat Nov 21\n\
                    /brokers/ids/8\n{\"host\":\"b8\",\"port\":9092,\"version\":4,\"endpoints\":[]}\n";
        let (found, faults) = parse(text);
        assert_eq!(faults, Faults::default());
        assert_eq!(found[&7], endpoint("b7.example", Some("r 1")));
        assert_eq!(found[&8], endpoint("b8", None));
    }

    #[test]
    fn a_registration_that_is_nobodys_or_broken_is_an_error() {
        let (_, faults) = parse("{\"host\":\"a\"}\n/brokers/ids/x\n{}\n/brokers/ids/1\n{\"host\":5}\n");
        let found: Vec<_> = faults.list.iter().map(|f| (f.code, f.line, f.column)).collect();
        let row = |line, column| (codes::BROKER_ROW, Some(line), Some(column));
        let wanted = [row(1, 1), row(2, 14), row(3, 1), row(5, 9), (codes::NOTHING_FOUND, None, None)];
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_broken_id_is_an_error_and_prose_a_warning() {
        let (_, faults) = parse("Hello\nb1:9092 (id: x rack: r1) -> (\n");
        let codes: Vec<&str> = faults.list.iter().map(|f| f.code).collect();
        assert_eq!(codes, [codes::BROKER_ROW, codes::UNKNOWN_LINE, codes::NOTHING_FOUND]);
    }
}
