//! Where quotes open and close: the CSV reader does not say.

/// Follows CSV's quoting byte by byte: a quote opens a field only at its start, and a doubled one stays inside.
#[derive(Default)]
pub(super) struct QuoteScan {
    /// Whether the next byte is within quotes.
    pub(super) inside: bool,
    /// Whether the quote just seen was the second of a pair.
    pub(super) doubled: bool,
    mid_field: bool,
    after_closing: bool,
}

impl QuoteScan {
    /// Follows `byte`.
    pub(super) fn step(&mut self, byte: u8) {
        self.doubled = false;
        if self.inside {
            if byte == b'"' {
                self.inside = false;
                self.after_closing = true;
            }
            return;
        }
        match byte {
            b'"' if self.after_closing => {
                self.inside = true;
                self.doubled = true;
            }
            b'"' if !self.mid_field => self.inside = true,
            _ => {}
        }
        self.mid_field = !matches!(byte, b',' | b'\n' | b'\r');
        self.after_closing = false;
    }
}
