//! How JSON is laid out as text: a line per partition, move or group, which reads well, diffs well and stays small.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;

/// Containers up to this depth are laid out over lines, deeper ones inline.
const DEPTH_OVER_LINES: usize = 2;

/// `value` as JSON text: an object or array per line below the second level, with a newline at the end.
#[must_use]
pub fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Shallow::default());
    let result = value.serialize(&mut serializer);
    debug_assert!(result.is_ok(), "memory takes every byte and all keys are strings: {result:?}");
    bytes.push(b'\n');
    bytes
}

/// Lays containers out over lines down to [`DEPTH_OVER_LINES`], inline below.
#[derive(Default)]
struct Shallow {
    depth: usize,
    /// By depth, whether the open container holds anything yet: an empty one closes on its line.
    has_value: bool,
}

impl Shallow {
    fn line<W: io::Write + ?Sized>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| writer.write_all(b"  "))
    }

    fn open<W: io::Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.has_value = false;
        writer.write_all(bracket)
    }

    fn close<W: io::Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        let is_over_lines = self.depth <= DEPTH_OVER_LINES && self.has_value;
        self.depth -= 1;
        if is_over_lines {
            self.line(writer)?;
        }
        writer.write_all(bracket)
    }

    fn item<W: io::Write + ?Sized>(&mut self, writer: &mut W, is_first: bool) -> io::Result<()> {
        if !is_first {
            writer.write_all(b",")?;
        }
        match (self.depth <= DEPTH_OVER_LINES, is_first) {
            (true, _) => self.line(writer),
            (false, false) => writer.write_all(b" "),
            (false, true) => Ok(()),
        }
    }
}

impl Formatter for Shallow {
    fn begin_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"[")
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"]")
    }

    fn begin_array_value<W: io::Write + ?Sized>(&mut self, writer: &mut W, is_first: bool) -> io::Result<()> {
        self.item(writer, is_first)
    }

    fn end_array_value<W: io::Write + ?Sized>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"{")
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"}")
    }

    fn begin_object_key<W: io::Write + ?Sized>(&mut self, writer: &mut W, is_first: bool) -> io::Result<()> {
        self.item(writer, is_first)
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_object_value<W: io::Write + ?Sized>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;

    #[test]
    fn two_levels_stand_on_lines_and_the_rest_inline() {
        let value = serde_json::json!({"a": [], "b": [{"x": [1, 2]}, {}], "c": 1});
        let text = String::from_utf8(to_bytes(&value)).unwrap();
        let want = "{\n  \"a\": [],\n  \"b\": [\n    {\"x\": [1, 2]},\n    {}\n  ],\n  \"c\": 1\n}\n";
        assert_eq!(text, want);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
