//! `kafka-log-dirs --describe`: which replica lies where and how large it is.
//!
//! Two lines of text, then one of JSON. A dir that failed is listed with its error and without its replicas; a broker
//! that does not answer is not listed at all. An `isFuture` entry is the copy that a running move between the dirs of a
//! broker is making.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::rc::Rc;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::codes;
use super::text::{Place, Reader, is_printable, topic_partition};
use crate::ingest::fault::Faults;

const TOOL: &str = "kafka-log-dirs --describe";

/// What the error of a failed dir ends in; others are refusals to answer, which tell nothing of the dir.
const FAILED_DIR: &str = "KafkaStorageException";

/// The most that sizes may add up to: with room for another such sum, 64 bits hold every total.
const TOTAL_BYTES_MAX: u64 = 1 << 62;

/// What all files say.
#[derive(Debug, Default)]
pub(super) struct LogDirs {
    /// By broker and path: whether the dir is online.
    pub(super) dirs: BTreeMap<(i32, String), bool>,
    /// Brokers that answered.
    pub(super) reporting: BTreeSet<i32>,
    /// In the order of the files.
    pub(super) entries: Vec<Entry>,
    total_bytes: u64,
}

/// A replica, or the future copy of one.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) broker: i32,
    pub(super) path: Rc<str>,
    pub(super) topic: String,
    pub(super) partition: u32,
    pub(super) size_bytes: u64,
    pub(super) is_future: bool,
}

#[derive(Deserialize)]
struct Answer {
    brokers: Vec<BrokerAnswer>,
}

#[derive(Deserialize)]
struct BrokerAnswer {
    #[serde(deserialize_with = "broker")]
    broker: i32,
    #[serde(rename = "logDirs")]
    log_dirs: Vec<DirAnswer>,
}

#[derive(Deserialize)]
struct DirAnswer {
    #[serde(rename = "logDir", deserialize_with = "path")]
    log_dir: String,
    error: Option<String>,
    #[serde(default)]
    partitions: Vec<ReplicaAnswer>,
}

#[derive(Deserialize)]
struct ReplicaAnswer {
    partition: Name,
    #[serde(deserialize_with = "size")]
    size: u64,
    #[serde(rename = "isFuture", default)]
    is_future: bool,
}

/// `topic-partition`.
struct Name(String, u32);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl Visitor<'_> for NameVisitor {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a topic's name, a dash and a partition's number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Name, E> {
                let parts = topic_partition(text);
                parts
                    .map(|(topic, number)| Name(topic.to_owned(), number))
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

fn broker<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    let id = i32::deserialize(deserializer)?;
    if id < 0 { Err(de::Error::custom(format!("{id} is no broker id"))) } else { Ok(id) }
}

/// The most that a snapshot holds of one replica: more is no size of a disk.
const SIZE_BYTES_MAX: u64 = 1 << 53;

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let bytes = u64::deserialize(deserializer)?;
    if bytes > SIZE_BYTES_MAX {
        return Err(de::Error::custom(format!("{bytes} bytes are more than {SIZE_BYTES_MAX}")));
    }
    Ok(bytes)
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let path = String::deserialize(deserializer)?;
    if is_printable(&path) { Ok(path) } else { Err(de::Error::custom(format!("{path:?} is no path of a log dir"))) }
}

/// Reads a file on top of those before it.
pub(super) fn read(path: &Path, text: &str, log_dirs: &mut LogDirs, faults: &mut Faults) {
    let mut reader = Reader::new(path, faults);
    let mut start = 0;
    let mut found = false;
    while let Some(offset) = next_document(text, start) {
        found = true;
        let mut documents = serde_json::Deserializer::from_str(&text[offset..]).into_iter::<Answer>();
        match documents.next() {
            Some(Ok(answer)) => {
                let place = Place { line: line_number(text, offset), column: 1 };
                take(answer, place, log_dirs, &mut reader);
                start = offset + documents.byte_offset();
            }
            Some(Err(error)) => {
                let help = format!("capture again: the line after {TOOL}'s messages should be whole");
                let (place, message) = json_fault(text, offset, &error);
                return reader.error(codes::LOG_DIRS_JSON, place, message, help);
            }
            None => break,
        }
    }
    if !found {
        reader.nothing("JSON", TOOL);
    }
}

/// The next line at or after `start` that begins a JSON object.
fn next_document(text: &str, start: usize) -> Option<usize> {
    let begins = |at: usize| at == 0 || text[..at].ends_with('\n') || text[..at].ends_with('\u{feff}');
    text[start..].match_indices('{').map(|(at, _)| start + at).find(|&at| begins(at))
}

fn line_number(text: &str, offset: usize) -> u64 {
    text[..offset].bytes().filter(|&b| b == b'\n').count() as u64 + 1
}

/// Where in the whole file `error` is, which counts from `offset` and in bytes; and its message without that count.
pub(super) fn json_fault(text: &str, offset: usize, error: &serde_json::Error) -> (Place, String) {
    let lines_before = line_number(text, offset) - 1;
    let line = text[offset..].lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
    let before = (0..=error.column().saturating_sub(1).min(line.len())).rev().find_map(|end| line.get(..end));
    let column = before.unwrap_or_default().chars().count() as u64 + 1;
    let full = error.to_string();
    let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(message, _)| message);
    (Place { line: lines_before + error.line().max(1) as u64, column }, message.to_owned())
}

fn take(answer: Answer, place: Place, log_dirs: &mut LogDirs, reader: &mut Reader<'_>) {
    for BrokerAnswer { broker, log_dirs: dirs } in answer.brokers {
        log_dirs.reporting.insert(broker);
        for dir in dirs {
            take_dir(broker, dir, place, log_dirs, reader);
        }
    }
}

fn take_dir(broker: i32, dir: DirAnswer, place: Place, log_dirs: &mut LogDirs, reader: &mut Reader<'_>) {
    let DirAnswer { log_dir: path, error, partitions } = dir;
    if let Some(error) = error.as_deref().filter(|error| !error.ends_with(FAILED_DIR)) {
        let message = format!("broker {broker} answered {error:?} for {path}");
        let help = "let the user who runs the tool describe the cluster, and capture again";
        return reader.error(codes::LOG_DIR_ANSWER, place, message, help);
    }
    if log_dirs.dirs.insert((broker, path.clone()), error.is_none()).is_some() {
        let message = format!("{path} of broker {broker} is described twice");
        let help = "give one capture of each broker: remove what was appended";
        return reader.error(codes::DUPLICATE_LOG_DIR, place, message, help);
    }
    let path: Rc<str> = path.into();
    for ReplicaAnswer { partition: Name(topic, partition), size: size_bytes, is_future } in partitions {
        log_dirs.total_bytes = log_dirs.total_bytes.saturating_add(size_bytes);
        if log_dirs.total_bytes > TOTAL_BYTES_MAX {
            let message = format!("sizes add up to more than {TOTAL_BYTES_MAX} bytes at {topic}-{partition}");
            return reader.error(codes::TOO_LARGE, place, message, "capture the log dirs again");
        }
        log_dirs.entries.push(Entry { broker, path: Rc::clone(&path), topic, partition, size_bytes, is_future });
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn parse(text: &str) -> (LogDirs, Faults) {
        let mut faults = Faults::default();
        let mut log_dirs = LogDirs::default();
        read(Path::new("log-dirs.txt"), text, &mut log_dirs, &mut faults);
        (log_dirs, faults)
    }

    #[test]
    fn a_captured_offline_dir_is_offline_and_empty() {
        let (found, faults) = parse(include_str!("../../../fixtures/kafka-cli/offline-dir/log-dirs.txt"));
        assert_eq!(faults, Faults::default());
        assert_eq!(found.dirs.len(), 12);
        let offline: Vec<_> = found.dirs.iter().filter(|(_, online)| !**online).map(|(key, _)| key.clone()).collect();
        assert_eq!(offline, [(5, "/data/b5/disk2".to_owned())]);
        assert!(found.entries.iter().all(|e| &*e.path != "/data/b5/disk2"));
    }

    #[test]
    fn faults_are_placed_in_the_file_not_in_the_json() {
        let text = "Querying\nReceived\n{\"brokers\":[{\"broker\":1,\"logDirs\":[{\"logDir\":\"/ä\",\"error\":null,\
                    \"partitions\":[{\"partition\":\"t-x\",\"size\":1}]}]}]}\n";
        let (_, faults) = parse(text);
        let fault = faults.list.first().unwrap();
        assert_eq!((fault.code, fault.line), (codes::LOG_DIRS_JSON, Some(3)));
        let json = text.lines().nth(2).unwrap();
        let name = json[..json.find("\"t-x\"").unwrap()].chars().count() as u64;
        let column = fault.column.unwrap();
        assert!((name..=name + 6).contains(&column), "{column} near {name}");
        assert!(fault.message.contains("t-x"), "{}", fault.message);
    }

    #[test]
    fn a_refusal_is_not_taken_for_a_failed_dir() {
        let text = "{\"brokers\":[{\"broker\":1,\"logDirs\":[{\"logDir\":\"/a\",\"error\":\
                    \"org.apache.kafka.common.errors.ClusterAuthorizationException\",\"partitions\":[]}]}]}";
        assert_eq!(parse(text).1.list.first().unwrap().code, codes::LOG_DIR_ANSWER);
    }

    #[test]
    fn captures_of_several_brokers_may_follow_each_other_but_not_repeat() {
        let one = |broker: i32| {
            format!("{{\"brokers\":[{{\"broker\":{broker},\"logDirs\":[{{\"logDir\":\"/a\",\"error\":null}}]}}]}}\n")
        };
        let (found, faults) = parse(&format!("Received\n{}[exit 0]\n{}", one(1), one(2)));
        assert_eq!((found.dirs.len(), faults), (2, Faults::default()));
        assert_eq!(parse(&format!("{}{}", one(1), one(1))).1.list.first().unwrap().code, codes::DUPLICATE_LOG_DIR);
    }

    #[test]
    fn sizes_that_no_disk_has_are_refused() {
        let text = "{\"brokers\":[{\"broker\":1,\"logDirs\":[{\"logDir\":\"/a\",\"error\":null,\"partitions\":\
                    [{\"partition\":\"t-0\",\"size\":18446744073709551615}]}]}]}";
        assert_eq!(parse(text).1.list.first().unwrap().code, codes::LOG_DIRS_JSON);
    }
}
