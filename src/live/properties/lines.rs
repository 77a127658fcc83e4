//! The lines of a Java properties file: keys, values and where they stand. Source of the format: `java.util.Properties`.

use std::path::Path;

use super::Secret;
use crate::ingest::{Fault, Faults};
use crate::live::codes;

/// A key and its value. The value may be a secret, whatever the key.
#[derive(Clone, Debug)]
pub(super) struct Property {
    pub(super) key: String,
    pub(super) value: Secret,
    /// 1-based, of the key.
    pub(super) line: u64,
    /// 1-based, in characters.
    pub(super) column: u64,
}

/// Reads all properties of `text`, in order.
pub(super) fn read(path: &Path, text: &str, faults: &mut Faults) -> Vec<Property> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Vec::new();
    let mut lines = text.lines().zip(1u64..);
    while let Some((first, line)) = lines.next() {
        let start = first.trim_start();
        if start.is_empty() || start.starts_with(['#', '!']) {
            continue;
        }
        let column = (first.chars().count() - start.chars().count()) as u64 + 1;
        let mut logical = start.to_owned();
        // An odd number of backslashes at the end continues the line; the next one's leading blanks do not count.
        while logical.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1 {
            logical.pop();
            let Some((next, _)) = lines.next() else { break };
            logical.push_str(next.trim_start());
        }
        let (key, value) = split(&logical);
        match (unescape(key), unescape(value)) {
            (Some(key), Some(value)) => found.push(Property { key, value: Secret::new(value), line, column }),
            _ => {
                let message = "a \\u is not followed by four hexadecimal digits";
                let help = "write a backslash twice where one is meant";
                faults.push(Fault::error(codes::PROPERTIES_SYNTAX, path, message).at(line, column).help(help));
            }
        }
    }
    found
}

/// Key and value: divided by the first `=`, `:` or blank that is not escaped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.char_indices().find(|(_, c)| {
        let divides = !escaped && (matches!(c, '=' | ':') || c.is_whitespace());
        escaped = !escaped && *c == '\\';
        divides
    });
    let Some((end, _)) = end else { return (line, "") };
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, value.trim_start())
}

/// `text` with its escapes resolved, none where one is cut off.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.chars().count() == 4)?;
                out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    Some(out)
}
