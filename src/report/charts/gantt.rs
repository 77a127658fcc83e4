//! Steps one after the other on a time axis: each a bar from its start to when half of all runs have ended, and a paler
//! one on to when nine of ten have. What is at risk has an ink of its own and is named beside the row.

use plotters::chart::ChartBuilder;
use plotters::element::Rectangle;
use plotters::style::{Color as _, IntoFont as _, TRANSPARENT};

use super::canvas::{Area, Caption, DrawError, Drawn, picture, text_width};
use super::ink::Ink;
use super::{LABEL_SIZE, Place, label};
use crate::report::human;

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct GanttRow {
    /// What it is.
    pub label: String,
    /// Seconds from the beginning.
    pub start: f64,
    /// Seconds from the beginning until half of all runs have ended.
    pub end_p50: f64,
    /// Until nine of ten have; none where some never end.
    pub end_p90: Option<f64>,
    /// Whether one more failure would do harm meanwhile.
    pub is_at_risk: bool,
}

/// Steps, top to bottom.
#[derive(Clone, Debug, PartialEq)]
pub struct Gantt {
    /// What is shown.
    pub title: String,
    /// In order of their starts.
    pub rows: Vec<GanttRow>,
}

const WIDTH: u32 = 1010;
const ROW_HEIGHT: i32 = 22;
const BAR_HEIGHT: i32 = 12;
const TOP: i32 = 8;
const AXIS_HEIGHT: u32 = 26;
/// Labels are cut to this many characters.
const LABEL_CHARACTERS: usize = 28;

/// The unit of a time axis that ends at `seconds`: its length in seconds, its name.
pub(super) fn time_unit(seconds: f64) -> (f64, &'static str) {
    match seconds {
        s if s >= 4.0 * 86_400.0 => (86_400.0, "d"),
        s if s >= 2.0 * 3_600.0 => (3_600.0, "h"),
        s if s >= 120.0 => (60.0, "min"),
        _ => (1.0, "s"),
    }
}

impl GanttRow {
    fn last(&self) -> f64 {
        self.end_p90.unwrap_or(self.end_p50).max(self.end_p50)
    }

    fn figures(&self) -> String {
        let middle = human::duration(self.end_p50 - self.start);
        let figures = match self.end_p90 {
            Some(end) if end <= self.end_p50 => middle,
            Some(end) => format!("{middle}, 9 of 10 in {}", human::duration(end - self.start)),
            None => format!("{middle}, may never end"),
        };
        if self.is_at_risk { format!("{figures}, at risk") } else { figures }
    }
}

impl Gantt {
    /// The chart as an SVG picture; `id` is unique on the page.
    #[must_use]
    pub fn svg(&self, id: &str) -> String {
        let bottom = TOP + ROW_HEIGHT * i32::try_from(self.rows.len()).unwrap_or(0);
        let size = (WIDTH, bottom.unsigned_abs() + AXIS_HEIGHT + 4);
        let description = self.rows.last().map_or_else(
            || "Nothing to show.".to_owned(),
            |row| {
                format!(
                    "{} steps, the last of them done after {}. The table below has all figures.",
                    self.rows.len(),
                    human::duration(row.end_p50)
                )
            },
        );
        let caption = Caption { id, title: &self.title, description: &description };
        picture(caption, size, |area| self.draw(area))
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let labels: Vec<String> = self.rows.iter().map(|r| human::shorten(&r.label, LABEL_CHARACTERS)).collect();
        let figures: Vec<String> = self.rows.iter().map(GanttRow::figures).collect();
        let widest = |texts: &[String]| texts.iter().map(|t| text_width(t, LABEL_SIZE)).max().unwrap_or(0);
        let (left, right, end) = self.ruler(area, widest(&labels) + 10, widest(&figures) + 16)?;
        let x = |seconds: f64| left + (f64::from(right - left) * seconds / end).round() as i32;
        let bar = |row: usize, from: f64, to: f64, ink: Ink| {
            let top = TOP + ROW_HEIGHT * i32::try_from(row).unwrap_or(0) + (ROW_HEIGHT - BAR_HEIGHT) / 2;
            // A step too short to be seen is still there.
            let (from, to) = (x(from), x(to).max(x(from) + 1));
            area.draw(&Rectangle::new([(from, top), (to, top + BAR_HEIGHT)], ink.color().filled()))
        };
        for (offset, row) in self.rows.iter().enumerate().filter(|(_, row)| row.last() > row.end_p50) {
            bar(offset, row.end_p50, row.last(), Ink::Before)?;
        }
        for (offset, row) in self.rows.iter().enumerate() {
            bar(offset, row.start, row.end_p50, if row.is_at_risk { Ink::FarAbove } else { Ink::After })?;
        }
        let middles = (0..).map(|row| TOP + row * ROW_HEIGHT + ROW_HEIGHT / 2);
        for (middle, (name, figure)) in middles.zip(labels.iter().zip(&figures)) {
            label(area, name, (left - 8, middle), Ink::Text, LABEL_SIZE, Place::LeftOf)?;
            let edge = i32::try_from(WIDTH).unwrap_or(0) - 2;
            label(area, figure, (edge, middle), Ink::Muted, LABEL_SIZE, Place::LeftOf)?;
        }
        Ok(())
    }

    /// Draws the time axis with its grid; returns its pixels and the seconds at its right end.
    fn ruler(&self, area: &Area<'_>, left: i32, right: i32) -> Result<(i32, i32, f64), DrawError> {
        let most = self.rows.iter().map(GanttRow::last).fold(0.0, f64::max);
        let (unit, name) = time_unit(most);
        let end = if most > 0.0 { most / unit * 1.02 } else { 1.0 };
        let mut chart = ChartBuilder::on(area)
            .margin_top(TOP)
            .margin_right(right)
            .x_label_area_size(AXIS_HEIGHT)
            .y_label_area_size(left.unsigned_abs())
            .build_cartesian_2d(0.0..end, 0.0..self.rows.len().max(1) as f64)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_labels(8)
            .x_label_formatter(&|value: &f64| format!("{} {name}", (value * 1e6).round() / 1e6))
            .axis_style(Ink::Grid.color())
            .bold_line_style(Ink::Grid.color())
            .light_line_style(TRANSPARENT)
            .x_label_style(("sans-serif", LABEL_SIZE).into_font().color(&Ink::Muted.color()))
            .draw()?;
        let x = |value: f64| chart.backend_coord(&(value, 0.0)).0;
        Ok((x(0.0), x(end), end * unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(start: f64, end_p50: f64, end_p90: Option<f64>) -> GanttRow {
        GanttRow { label: "batch <1>".to_owned(), start, end_p50, end_p90, is_at_risk: false }
    }

    #[test]
    fn each_step_has_its_bar_its_tail_and_its_figures() {
        let rows = vec![row(0.0, 3_600.0, Some(5_400.0)), row(3_600.0, 10_800.0, None)];
        let svg = Gantt { title: "batches".to_owned(), rows }.svg("gantt");
        let bars = |ink: char| {
            let opening = format!("<path class=\"f{ink}\" d=\"");
            svg.split(&opening).skip(1).map(|s| s.split('"').next().unwrap_or("").matches('M').count()).sum::<usize>()
        };
        assert_eq!((bars('a'), bars('b')), (2, 1));
        assert!(
            svg.contains(">1 h, 9 of 10 in 1 h 30 min</text>") && svg.contains(">2 h, may never end</text>"),
            "{svg}"
        );
        assert!(svg.contains("batch &lt;1&gt;") && svg.contains(" h</text>"));
    }

    #[test]
    fn risk_has_an_ink_of_its_own_and_is_said_in_words_too() {
        let risky = GanttRow { is_at_risk: true, ..row(0.0, 1_800.0, Some(1_800.0)) };
        let svg = Gantt { title: "roll".to_owned(), rows: vec![risky] }.svg("g");
        assert!(svg.contains("<path class=\"f6\" d=\"") && svg.contains(">30 min, at risk</text>"), "{svg}");
    }

    #[test]
    fn nothing_to_show_is_no_failure() {
        assert!(Gantt { title: "batches".to_owned(), rows: Vec::new() }.svg("gantt").contains("Nothing to show."));
        let svg = Gantt { title: "batches".to_owned(), rows: vec![row(0.0, 0.0, Some(0.0))] }.svg("gantt");
        assert!(svg.contains("</svg>"));
    }
}
