//! Where records stand in a JSON text, for faults that are seen only when records are compared.
//!
//! Input: a text that the JSON parser has accepted. Output: the byte offset of every object in an array, by the path of
//! the array's keys (`KafkaPartitionState.urp`), and of every key outside arrays. What the parser would refuse is not
//! noticed here.

use std::collections::BTreeMap;
use std::path::Path;

use crate::ingest::fault::Fault;

/// Offsets of records and keys in one text.
#[derive(Debug, Default)]
pub(super) struct Spans {
    elements: BTreeMap<String, Vec<usize>>,
    keys: BTreeMap<String, usize>,
}

/// An object or array that has not ended.
struct Open {
    is_array: bool,
    /// Of the value that follows, in an object.
    key: String,
    awaits_key: bool,
}

impl Spans {
    /// Walks through `text` once.
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut spans = Self::default();
        let mut stack: Vec<Open> = Vec::new();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'{' | b'[' => {
                    if byte == b'{' && stack.last().is_some_and(|open| open.is_array) {
                        spans.elements.entry(path(&stack)).or_default().push(at);
                    }
                    stack.push(Open { is_array: byte == b'[', key: String::new(), awaits_key: byte == b'{' });
                }
                b'}' | b']' => drop(stack.pop()),
                b',' => {
                    if let Some(open) = stack.last_mut() {
                        open.awaits_key = !open.is_array;
                    }
                }
                b'"' => {
                    let end = end_of_string(bytes, at);
                    if let Some(open) = stack.last_mut().filter(|open| open.awaits_key) {
                        open.awaits_key = false;
                        open.key = text.get(at + 1..end).unwrap_or_default().to_owned();
                        if stack.iter().all(|open| !open.is_array) {
                            spans.keys.insert(path(&stack), at);
                        }
                    }
                    at = end;
                }
                _ => {}
            }
            at += 1;
        }
        spans
    }

    /// The offset of record `index` of the array at `path`; 0 where there is none.
    pub(super) fn element(&self, path: &str, index: usize) -> usize {
        self.elements.get(path).and_then(|offsets| offsets.get(index)).copied().unwrap_or(0)
    }

    /// The offset of the key at `path`; 0 where there is none.
    pub(super) fn key(&self, path: &str) -> usize {
        self.keys.get(path).copied().unwrap_or(0)
    }
}

/// The keys of the objects that are open, joined by dots.
fn path(stack: &[Open]) -> String {
    let keys = stack.iter().filter(|open| !open.is_array).map(|open| open.key.as_str());
    keys.collect::<Vec<_>>().join(".")
}

/// The offset of the quote that ends the string which begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// `fault` at byte `offset` of `text`.
pub(super) fn at_offset(fault: Fault, text: &str, offset: usize) -> Fault {
    let before = text.get(..offset).unwrap_or_default();
    let line = before.bytes().filter(|&b| b == b'\n').count() as u64 + 1;
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() as u64 + 1;
    fault.at(line, column)
}

/// The fault that the JSON parser's `error` is.
pub(super) fn parse_fault(code: &'static str, path: &Path, error: &serde_json::Error) -> Fault {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    let fault = Fault::error(code, path, message);
    // The parser has no place for what is absent, and counts columns from 0 where a line has not begun yet.
    if error.line() > 0 { fault.at(error.line() as u64, error.column().max(1) as u64) } else { fault }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_keys_are_found_whatever_strings_hold() {
        let text = "{\"a\": {\"x\\\"}\": [ {\"k\": \"[{\"},\n  {}]},\n \"b\": [[1], {}]}";
        let spans = Spans::of(text);
        assert_eq!(spans.element("a.x\\\"}", 1), text.find("{}]}").unwrap_or(0));
        assert_eq!(spans.key("b"), text.find("\"b\"").unwrap_or(0));
        let fault = at_offset(Fault::error("E", Path::new("f"), ""), text, spans.key("b"));
        assert_eq!((fault.line, fault.column), (Some(3), Some(2)));
        assert_eq!(spans.element("nowhere", 0), 0);
    }
}
