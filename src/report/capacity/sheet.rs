//! A table of typed figures that every output draws on: CSV has bare numbers with their unit in the column's name, HTML and
//! Markdown have them as people write them.

use crate::report::human;
use crate::report::json::rounded;

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    /// Words.
    Text(String),
    /// Bytes.
    Bytes(f64),
    /// Bytes per second.
    Rate(f64),
    /// A fraction.
    Share(f64),
    /// A whole number.
    Count(u64),
    /// Seconds.
    Seconds(f64),
    /// A plain figure.
    Figure(f64),
    /// Money; the column or a neighbour says in which currency.
    Money(f64),
    /// A figure that cannot be computed.
    Missing,
}

impl Cell {
    /// The cell of a figure that may be missing.
    pub(crate) fn some(value: Option<f64>, cell: fn(f64) -> Self) -> Self {
        value.map_or(Self::Missing, cell)
    }

    /// The bare value: a number without unit, fractions as fractions; empty where there is none.
    pub(crate) fn bare(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Bytes(value) => format!("{value:.0}"),
            Self::Rate(value)
            | Self::Share(value)
            | Self::Seconds(value)
            | Self::Figure(value)
            | Self::Money(value) => rounded(*value).to_string(),
            Self::Count(count) => count.to_string(),
            Self::Missing => String::new(),
        }
    }

    /// The value as people write it; a dash where there is none.
    pub(crate) fn human(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Bytes(value) => human::bytes_f64(*value),
            Self::Rate(value) => human::rate(*value),
            Self::Share(value) => human::percent(*value),
            Self::Count(count) => human::count(*count),
            Self::Seconds(value) => human::duration(*value),
            Self::Figure(value) => human::figure(*value),
            Self::Money(value) => human::money(*value),
            Self::Missing => "–".to_owned(),
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::Text(text.into())
    }
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// In CSV, with its unit.
    pub(crate) key: &'static str,
    /// For people.
    pub(crate) label: &'static str,
    /// Whether figures stand in it.
    pub(crate) is_figure: bool,
}

/// A column of words.
pub(crate) const fn words(key: &'static str, label: &'static str) -> Column {
    Column { key, label, is_figure: false }
}

/// A column of figures.
pub(crate) const fn figures(key: &'static str, label: &'static str) -> Column {
    Column { key, label, is_figure: true }
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sheet {
    /// The CSV file's name without its ending.
    pub(crate) name: &'static str,
    /// For people.
    pub(crate) title: &'static str,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Sheet {
    /// The table as a CSV file.
    pub(crate) fn csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let header = writer.write_record(self.columns.iter().map(|column| column.key));
        let rows = self.rows.iter().try_for_each(|row| writer.write_record(row.iter().map(Cell::bare)));
        debug_assert!(header.is_ok() && rows.is_ok(), "memory takes every row and all rows have one width");
        writer.into_inner().unwrap_or_default()
    }

    /// The first `most` rows as a Markdown table, with a line on how many there are beyond.
    pub(crate) fn markdown(&self, most: usize) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut text = line(self.columns.iter().map(|column| column.label.to_owned()).collect());
        text.push_str(&line(
            self.columns.iter().map(|c| if c.is_figure { "---:" } else { "---" }.to_owned()).collect(),
        ));
        for row in self.rows.iter().take(most) {
            text.push_str(&line(row.iter().map(|cell| markdown_text(&cell.human())).collect()));
        }
        let beyond = self.rows.len().saturating_sub(most);
        if beyond > 0 {
            text.push_str(&format!("\n{beyond} more in tables/{}.csv.\n", self.name));
        }
        text
    }
}

/// `text` so that Markdown shows it as it is.
pub(crate) fn markdown_text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' => safe.extend(['\\', c]),
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            '\n' | '\r' => safe.push(' '),
            _ => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        Sheet {
            name: "t",
            title: "T",
            columns: vec![words("name", "name"), figures("rate_bytes_per_sec", "rate"), figures("share", "share")],
            rows: vec![
                vec!["a|b,<i>".into(), Cell::Rate(1_048_576.0), Cell::Share(0.5)],
                vec!["c".into(), Cell::Missing, Cell::Share(1.0 / 3.0)],
            ],
        }
    }

    #[test]
    fn csv_has_bare_numbers_and_nothing_where_there_is_no_figure() {
        let csv = String::from_utf8(sheet().csv()).unwrap_or_default();
        assert_eq!(csv, "name,rate_bytes_per_sec,share\n\"a|b,<i>\",1048576,0.5\nc,,0.333333333333\n");
    }

    #[test]
    fn markdown_has_figures_as_people_write_them_and_lets_no_markup_through() {
        let text = sheet().markdown(1);
        let want = "| name | rate | share |\n| --- | ---: | ---: |\n| a\\|b,&lt;i> | 1.00 MiB/s | 50.0 % |\n\n1 more in \
                    tables/t.csv.\n";
        assert_eq!(text, want);
    }
}
