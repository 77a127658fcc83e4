//! Columns of text for a terminal: aligned by what a character takes up there, painted after measuring.

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use super::style::{HEADING, paint};

/// Characters between columns.
const GAP: &str = "  ";

/// Where a column's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// A piece of text and how it is painted.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// `text` in `style`.
    #[must_use]
    pub fn painted(style: Style, text: impl Into<String>) -> Self {
        Self { text: text.into(), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), style: Style::new() }
    }
}

/// Rows of cells under a heading, indented by two.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    aligns: Vec<Align>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these columns; a heading that is empty in every column is left out.
    #[must_use]
    pub fn new(columns: &[(&str, Align)]) -> Self {
        let heading: Vec<Cell> = columns.iter().map(|(name, _)| Cell::painted(HEADING, *name)).collect();
        let has_heading = columns.iter().any(|(name, _)| !name.is_empty());
        Self {
            aligns: columns.iter().map(|(_, align)| *align).collect(),
            rows: if has_heading { vec![heading] } else { Vec::new() },
        }
    }

    /// Adds a row; cells beyond the columns are dropped, missing ones are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().take(self.aligns.len()).collect());
    }

    /// The table as lines of text.
    #[must_use]
    pub fn render(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.text.width()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.aligns.len()).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::from(GAP);
            let mut pending = 0;
            for (column, cell) in row.iter().enumerate() {
                let room = widths[column].saturating_sub(cell.text.width());
                let (before, after) = if self.aligns[column] == Align::Right { (room, 0) } else { (0, room) };
                if !cell.text.is_empty() {
                    line.push_str(&" ".repeat(pending + before));
                    line.push_str(&paint(cell.style, &cell.text));
                    pending = 0;
                } else {
                    pending += before;
                }
                // Blanks are written only when something follows, so that no line ends in them.
                pending += after + GAP.len();
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_what_is_seen_and_lines_end_in_no_blanks() {
        let mut table = Table::new(&[("name", Align::Left), ("size", Align::Right), ("", Align::Left)]);
        table.row(["東京".into(), "1".into(), "x".into()]);
        table.row(["b".into(), "".into(), "".into()]);
        table.row(["c".into(), Cell::painted(Style::new(), "1234567"), "y".into()]);
        let plain = crate::report::sample::plain(&table.render());
        assert_eq!(plain, "  name     size\n  東京        1  x\n  b\n  c     1234567  y\n");
    }
}
