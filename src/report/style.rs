//! What text output is painted with. Renderers return text with ANSI styles in it; `cli` prints through anstream, which
//! takes them out where the reader is no terminal or `NO_COLOR` is set. No meaning hangs on colour alone.

use anstyle::{AnsiColor, Color, Style};

/// Headings.
pub const HEADING: Style = Style::new().bold();
/// As wanted.
pub const GOOD: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Green)));
/// Outside a band.
pub const OUTSIDE: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Yellow)));
/// A broken rule.
pub const BROKEN: Style = Style::new().bold().fg_color(Some(Color::Ansi(AnsiColor::Red)));
/// What explains and may be skipped.
pub const ASIDE: Style = Style::new().dimmed();

/// `text` in `style`.
#[must_use]
pub fn paint(style: Style, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{style}{text}{style:#}") }
}

/// [`GOOD`] for zero, else `otherwise`.
#[must_use]
pub fn by_count(count: u64, otherwise: Style) -> Style {
    if count == 0 { GOOD } else { otherwise }
}
