//! A result as a sheet: a verdict, key figures, sections of tables and charts. Input: a [`Sheet`]. Output: text for a
//! terminal, or one self-contained page without a script. Pure; every name goes through the template's escaping.

use std::fmt::Write as _;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

use super::style::{ASIDE, BROKEN, GOOD, HEADING, OUTSIDE, paint};
use super::table::{Align, Cell, Table};
use super::{charts, human};
use crate::capacity::NotEvaluated;

const TEMPLATE: &str = include_str!("sheet.html.j2");
const STYLE: &str = include_str!("../html/style.css");
/// What a sheet has beside a plan's page.
const SHEET_STYLE: &str = ".scroll+.scroll{margin-top:20px}.verdict strong{text-transform:none}\n";
/// Width of running text.
const TEXT_WIDTH: usize = 96;
/// Rows of a table in text; the page has all.
const TEXT_ROWS: usize = 40;

/// How a verdict is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As wanted.
    Good,
    /// Bearable, with something to see to.
    Fair,
    /// It does not do.
    Bad,
}

/// A result.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// What kind of result it is.
    pub kicker: &'static str,
    /// What it is about.
    pub title: String,
    /// Where the figures come from.
    pub meta: String,
    /// How the verdict is meant.
    pub mood: Mood,
    /// The verdict in a word or two.
    pub word: String,
    /// The verdict in a sentence, with its figures, without a full stop.
    pub verdict: String,
    /// Key figures of the page.
    pub tiles: Vec<Tile>,
    /// In order of weight.
    pub sections: Vec<Section>,
    /// What is absent.
    pub not_evaluated: Vec<NotEvaluated>,
    /// Terms and what they mean.
    pub glossary: Vec<(&'static str, &'static str)>,
}

/// A key figure.
#[derive(Clone, Debug, Serialize)]
pub struct Tile {
    /// What it is.
    pub label: &'static str,
    /// The figure.
    pub value: String,
    /// What to know about it.
    pub note: String,
}

/// A part of a sheet.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// Paragraphs.
    pub paragraphs: Vec<String>,
    /// Charts of the page: title and SVG markup made by `charts`.
    pub charts: Vec<(String, String)>,
    /// Tables.
    pub grids: Vec<Grid>,
}

/// A table.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Column headings and where their text stands.
    pub head: Vec<(&'static str, Align)>,
    /// Cells by row.
    pub rows: Vec<Vec<String>>,
}

impl Section {
    /// An empty section.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// The same with a paragraph more.
    #[must_use]
    pub fn paragraph(mut self, text: impl Into<String>) -> Self {
        self.paragraphs.push(text.into());
        self
    }

    /// The same with a chart more.
    #[must_use]
    pub fn chart(mut self, title: impl Into<String>, svg: String) -> Self {
        self.charts.push((title.into(), svg));
        self
    }

    /// The same with a table more.
    #[must_use]
    pub fn grid(mut self, head: &[(&'static str, Align)], rows: Vec<Vec<String>>) -> Self {
        self.grids.push(Grid { head: head.to_vec(), rows });
        self
    }
}

impl Sheet {
    /// The sheet as text with ANSI styles, about 100 columns wide.
    #[must_use]
    pub fn to_text(&self) -> String {
        let style = match self.mood {
            Mood::Good => GOOD,
            Mood::Fair => OUTSIDE,
            Mood::Bad => BROKEN,
        };
        let mut text = format!("{}  {}\n", paint(HEADING, &self.title), self.meta);
        let verdict = format!("{} {}.", self.word.to_uppercase(), self.verdict);
        for (row, line) in human::wrapped(&verdict, TEXT_WIDTH).iter().enumerate() {
            let word = self.word.to_uppercase();
            let rest = line.strip_prefix(&word).filter(|_| row == 0);
            let line = rest.map_or_else(|| line.clone(), |rest| format!("{}{rest}", paint(style, &word)));
            let _ = writeln!(text, "{line}");
        }
        for section in self.sections.iter().filter(|s| !s.grids.is_empty() || !s.paragraphs.is_empty()) {
            let _ = writeln!(text, "\n{}", paint(HEADING, &section.title));
            for paragraph in &section.paragraphs {
                human::wrapped(paragraph, TEXT_WIDTH).iter().for_each(|line| {
                    let _ = writeln!(text, "{line}");
                });
            }
            section.grids.iter().for_each(|grid| text.push_str(&grid.to_text()));
        }
        if !self.not_evaluated.is_empty() {
            let _ = writeln!(text, "\n{}", paint(HEADING, "Not evaluated"));
            for entry in &self.not_evaluated {
                for (row, line) in
                    human::wrapped(&format!("{}: {}", entry.what, entry.why), TEXT_WIDTH - 4).iter().enumerate()
                {
                    let _ = writeln!(text, "{}{line}", if row == 0 { "  " } else { "    " });
                }
            }
        }
        text
    }

    /// The sheet as a page.
    #[must_use]
    pub fn to_html(&self) -> Vec<u8> {
        let rendered = self.render();
        debug_assert!(rendered.is_ok(), "the template is part of the program: {:?}", rendered.as_ref().err());
        rendered.unwrap_or_else(|_| "<!doctype html><title>evenkeel</title>".to_owned()).into_bytes()
    }

    fn render(&self) -> Result<String, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        environment.add_template("sheet.html", TEMPLATE)?;
        let cells = |grid: &Grid, row: &Vec<String>| {
            let cell = |(text, (_, align)): (&String, &(&str, Align))| CellView {
                text: text.clone(),
                is_figure: *align == Align::Right,
            };
            row.iter().zip(&grid.head).map(cell).collect::<Vec<_>>()
        };
        let grid = |grid: &Grid| GridView {
            head: grid
                .head
                .iter()
                .map(|(name, align)| CellView { text: (*name).to_owned(), is_figure: *align == Align::Right })
                .collect(),
            rows: grid.rows.iter().map(|row| cells(grid, row)).collect(),
        };
        let section = |section: &Section| SectionView {
            title: section.title.clone(),
            paragraphs: section.paragraphs.clone(),
            charts: section
                .charts
                .iter()
                .map(|(title, svg)| ChartView { title: title.clone(), svg: svg.clone() })
                .collect(),
            grids: section.grids.iter().map(grid).collect(),
        };
        let page = Page {
            css: format!("{STYLE}{SHEET_STYLE}{}", charts::css()),
            version: env!("CARGO_PKG_VERSION"),
            kicker: self.kicker,
            title: &self.title,
            meta: &self.meta,
            mood: match self.mood {
                Mood::Good => "good",
                Mood::Fair => "fair",
                Mood::Bad => "bad",
            },
            word: &self.word,
            verdict: &self.verdict,
            tiles: &self.tiles,
            sections: self.sections.iter().map(section).collect(),
            not_evaluated: self.not_evaluated.iter().map(|entry| [entry.what.as_str(), entry.why.as_str()]).collect(),
            glossary: self.glossary.iter().map(|(term, meaning)| [*term, *meaning]).collect(),
        };
        environment.get_template("sheet.html")?.render(Serde(&page))
    }
}

impl Grid {
    fn to_text(&self) -> String {
        let mut table = Table::new(&self.head);
        for row in self.rows.iter().take(TEXT_ROWS) {
            table.row(row.iter().map(|cell| Cell::from(cell.as_str())));
        }
        let mut text = table.render();
        if self.rows.len() > TEXT_ROWS {
            let more = human::count((self.rows.len() - TEXT_ROWS) as u64);
            let _ = writeln!(
                text,
                "{}",
                paint(ASIDE, &format!("  … and {more} more: --out DIR and --format json have all"))
            );
        }
        text
    }
}

#[derive(Serialize)]
struct Page<'a> {
    css: String,
    version: &'static str,
    kicker: &'a str,
    title: &'a str,
    meta: &'a str,
    mood: &'static str,
    word: &'a str,
    verdict: &'a str,
    tiles: &'a [Tile],
    sections: Vec<SectionView>,
    not_evaluated: Vec<[&'a str; 2]>,
    glossary: Vec<[&'a str; 2]>,
}

#[derive(Serialize)]
struct SectionView {
    title: String,
    paragraphs: Vec<String>,
    charts: Vec<ChartView>,
    grids: Vec<GridView>,
}

#[derive(Serialize)]
struct ChartView {
    title: String,
    svg: String,
}

#[derive(Serialize)]
struct GridView {
    head: Vec<CellView>,
    rows: Vec<Vec<CellView>>,
}

#[derive(Serialize)]
struct CellView {
    text: String,
    is_figure: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        let rows = (0..42).map(|row| vec![format!("<{row}>"), row.to_string()]).collect();
        Sheet {
            kicker: "what if",
            title: "a & b".to_owned(),
            meta: "two sites".to_owned(),
            mood: Mood::Good,
            word: "it fits".to_owned(),
            verdict: "and more would".to_owned(),
            tiles: vec![Tile { label: "flows", value: "2".to_owned(), note: String::new() }],
            sections: vec![
                Section::new("Rows")
                    .paragraph("All of them.")
                    .grid(&[("name", Align::Left), ("figure", Align::Right)], rows),
            ],
            not_evaluated: vec![NotEvaluated::new("cost", "no price")],
            glossary: vec![("flow", "what goes from one to the other")],
        }
    }

    #[test]
    fn text_has_the_verdict_first_and_says_what_it_leaves_out() {
        let text = crate::report::sample::plain(&sheet().to_text());
        assert!(text.starts_with("a & b  two sites\nIT FITS and more would.\n\nRows\nAll of them.\n"), "{text}");
        assert!(text.contains("… and 2 more") && text.ends_with("Not evaluated\n  cost: no price\n"), "{text}");
    }

    #[test]
    fn the_page_has_all_rows_and_lets_no_markup_through() {
        let page = String::from_utf8_lossy(&sheet().to_html()).into_owned();
        assert!(page.contains("a &amp; b") && page.contains("&lt;41&gt;") && !page.contains("<41>"), "{page}");
        assert!(!page.contains("<script") && page.contains("<td class=\"n\">41"));
    }
}
