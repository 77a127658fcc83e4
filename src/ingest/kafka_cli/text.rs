//! What the tools' text outputs have in common: numbered lines, lists of broker ids, names, places of faults.

use std::path::Path;

use super::codes;
use crate::ingest::fault::{Fault, Faults};

/// Where something stands in its file; both 1-based, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: u64,
}

/// A line without its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'t> {
    /// 1-based.
    pub(super) number: u64,
    pub(super) text: &'t str,
}

impl Line<'_> {
    /// The place of the character at byte `offset`.
    pub(super) fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        Place { line: self.number, column: before.chars().count() as u64 + 1 }
    }
}

/// The lines of `text`; ends written by other systems are taken off too.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().zip(1..).map(|(text, number)| Line { number, text: text.trim_end() })
}

/// A file while it is read: where faults go.
pub(super) struct Reader<'a> {
    pub(super) path: &'a Path,
    pub(super) faults: &'a mut Faults,
    unknown: Option<(Place, String, u64)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(path: &'a Path, faults: &'a mut Faults) -> Self {
        Self { path, faults, unknown: None }
    }

    pub(super) fn error(&mut self, code: &'static str, at: Place, message: impl Into<String>, help: impl Into<String>) {
        self.faults.push(Fault::error(code, self.path, message).at(at.line, at.column).help(help));
    }

    pub(super) fn warning(
        &mut self,
        code: &'static str,
        at: Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.faults.push(Fault::warning(code, self.path, message).at(at.line, at.column).help(help));
    }

    /// Remembers a line that means nothing. Tools mix notes into their output, so that it is only a warning, and one
    /// for the whole file.
    pub(super) fn unknown(&mut self, line: Line<'_>) {
        match &mut self.unknown {
            Some((_, _, count)) => *count += 1,
            None => self.unknown = Some((line.place(0), excerpt(line.text), 1)),
        }
    }

    /// Reports the lines that were not understood; `tool` is the command whose output the file should be.
    pub(super) fn finish(&mut self, tool: &str) {
        if let Some((place, text, count)) = self.unknown.take() {
            let lines = if count == 1 { "a line is".to_owned() } else { format!("{count} lines are") };
            let message = format!("{lines} not understood and ignored, the first being {text:?}");
            self.warning(codes::UNKNOWN_LINE, place, message, format!("the file should be what {tool} prints"));
        }
    }

    /// Refuses a file in which nothing was found.
    pub(super) fn nothing(&mut self, what: &str, tool: &str) {
        let message = format!("no {what} in this file");
        self.faults.push(
            Fault::error(codes::NOTHING_FOUND, self.path, message)
                .help(format!("give the output of {tool}, and check that the command did not fail")),
        );
    }
}

/// What ZooKeeper's shell says of itself before the answer.
const ZOOKEEPER_NOISE: [&str; 6] =
    ["Connecting to ", "Welcome to ", "JLine support", "WATCHER::", "WatchedEvent ", "["];

/// Whether a line is no answer but of ZooKeeper's shell itself, or about a node beside what it holds (`cZxid = 0x1b`).
pub(super) fn is_zookeeper_noise(text: &str) -> bool {
    ZOOKEEPER_NOISE.iter().any(|start| text.starts_with(start)) || text.split_whitespace().nth(1) == Some("=")
}

/// The start of `text`, short enough for a message.
pub(super) fn excerpt(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let trimmed = text.trim();
    match trimmed.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &trimmed[..end]),
        None => trimmed.to_owned(),
    }
}

/// A broker id: a number from 0, as Kafka has it.
pub(super) fn broker_id(text: &str) -> Option<i32> {
    text.parse::<i32>().ok().filter(|id| *id >= 0)
}

/// The ids of a list such as `4,2,3`; the first that is none, with its byte offset in `text`, is an error.
pub(super) fn broker_ids(text: &str) -> Result<Vec<i32>, (usize, String)> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let mut offset = 0;
    let mut ids = Vec::new();
    for part in text.split(',') {
        let start = offset + (part.len() - part.trim_start().len());
        ids.push(broker_id(part.trim()).ok_or_else(|| (start, part.trim().to_owned()))?);
        offset += part.len() + 1;
    }
    Ok(ids)
}

/// Kafka's longest topic name.
const TOPIC_NAME_BYTES_MAX: usize = 249;

/// Whether Kafka allows a topic to be called `name`.
pub(in crate::ingest) fn is_topic_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    !name.is_empty() && name.len() <= TOPIC_NAME_BYTES_MAX && name.bytes().all(legal) && name != "." && name != ".."
}

/// Topic and partition of `orders-eu-3`: topic names may hold dashes, so that the last one divides.
pub(super) fn topic_partition(name: &str) -> Option<(&str, u32)> {
    let (topic, partition) = name.rsplit_once('-')?;
    let digits = !partition.is_empty() && partition.bytes().all(|b| b.is_ascii_digit());
    let number = partition.parse::<u32>().ok().filter(|n| digits && i32::try_from(*n).is_ok())?;
    is_topic_name(topic).then_some((topic, number))
}

/// Whether `text` can stand in a snapshot's cell: a rack, host or path that a terminal could not show is a mistake.
pub(in crate::ingest) fn is_printable(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_dash_divides_topic_and_partition() {
        assert_eq!(topic_partition("orders-eu-3"), Some(("orders-eu", 3)));
        assert_eq!(topic_partition("__consumer_offsets-49"), Some(("__consumer_offsets", 49)));
        for bad in ["orders", "orders-", "-3", "orders-x", "orders-+3", "orders-99999999999", "a b-1"] {
            assert_eq!(topic_partition(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_bad_id_is_found_at_its_place() {
        assert_eq!(broker_ids("4,2,3"), Ok(vec![4, 2, 3]));
        assert_eq!(broker_ids(""), Ok(Vec::new()));
        assert_eq!(broker_ids("4, x,3"), Err((3, "x".to_owned())));
        assert_eq!(broker_ids("-1"), Err((0, "-1".to_owned())));
    }

    #[test]
    fn columns_count_characters() {
        let line = Line { number: 7, text: "größe\tx" };
        assert_eq!(line.place(line.text.find('x').unwrap_or(0)), Place { line: 7, column: 7 });
    }
}
