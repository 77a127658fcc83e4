//! Stretches of time by row, one below the other, on an axis of hours; what is at risk has an ink of its own and is
//! named beside the row.

use plotters::chart::ChartBuilder;
use plotters::element::Rectangle;
use plotters::style::{Color as _, IntoFont as _, TRANSPARENT};

use super::canvas::{Area, Caption, Drawn, picture, text_width};
use super::ink::Ink;
use super::{LABEL_SIZE, Place, label};
use crate::report::human;

/// A stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub struct GanttRow {
    /// What is done.
    pub label: String,
    /// Hours from the start.
    pub start_hours: f64,
    /// How long, hours.
    pub hours: f64,
    /// Whether something is at risk meanwhile.
    pub is_at_risk: bool,
}

/// Stretches of time, top to bottom.
#[derive(Clone, Debug, PartialEq)]
pub struct Gantt {
    /// What is shown.
    pub title: String,
    /// Top to bottom.
    pub rows: Vec<GanttRow>,
}

const WIDTH: u32 = 760;
const ROW_HEIGHT: i32 = 24;
const BAR_HEIGHT: i32 = 12;
const TOP: i32 = 6;
const AXIS_HEIGHT: u32 = 26;
/// Labels are cut to this many characters.
const LABEL_CHARACTERS: usize = 36;

impl GanttRow {
    fn figure(&self) -> String {
        let duration = human::duration(self.hours * 3600.0);
        if self.is_at_risk { format!("{duration}, at risk") } else { duration }
    }
}

impl Gantt {
    /// The chart as an SVG picture; `id` is unique on the page.
    #[must_use]
    pub fn svg(&self, id: &str) -> String {
        let bottom = TOP + ROW_HEIGHT * i32::try_from(self.rows.len()).unwrap_or(0);
        let size = (WIDTH, bottom.unsigned_abs() + AXIS_HEIGHT + 4);
        let end = self.rows.iter().map(|row| row.start_hours + row.hours).fold(0.0, f64::max);
        let description =
            format!("{} steps in {}. The table below has all figures.", self.rows.len(), human::duration(end * 3600.0));
        let caption = Caption { id, title: &self.title, description: &description };
        picture(caption, size, |area| self.draw(area, end))
    }

    fn draw(&self, area: &Area<'_>, end: f64) -> Drawn {
        let labels: Vec<String> = self.rows.iter().map(|row| human::shorten(&row.label, LABEL_CHARACTERS)).collect();
        let figures: Vec<String> = self.rows.iter().map(GanttRow::figure).collect();
        let widest = |texts: &[String]| texts.iter().map(|t| text_width(t, LABEL_SIZE)).max().unwrap_or(0);
        // Days read better where hours would be many.
        let (unit_hours, unit) = if end > 96.0 { (24.0, "d") } else { (1.0, "h") };
        let end_units = if end > 0.0 { end / unit_hours * 1.02 } else { 1.0 };
        let mut chart = ChartBuilder::on(area)
            .margin_top(TOP)
            .margin_right(widest(&figures) + 16)
            .x_label_area_size(AXIS_HEIGHT)
            .y_label_area_size((widest(&labels) + 10).unsigned_abs())
            .build_cartesian_2d(0.0..end_units, 0.0..self.rows.len().max(1) as f64)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_labels(6)
            .x_label_formatter(&|value: &f64| format!("{} {unit}", (value * 1e6).round() / 1e6))
            .axis_style(Ink::Grid.color())
            .bold_line_style(Ink::Grid.color())
            .light_line_style(TRANSPARENT)
            .x_label_style(("sans-serif", LABEL_SIZE).into_font().color(&Ink::Muted.color()))
            .draw()?;
        let x = |hours: f64| chart.backend_coord(&(hours / unit_hours, 0.0)).0;
        for ink in [Ink::After, Ink::FarAbove] {
            for (number, row) in (0..).zip(&self.rows) {
                if row.is_at_risk == (ink == Ink::FarAbove) {
                    let top = TOP + number * ROW_HEIGHT + (ROW_HEIGHT - BAR_HEIGHT) / 2;
                    let (left, right) = (x(row.start_hours), x(row.start_hours + row.hours));
                    // What is too short to be seen is a hair line.
                    let corners = [(left, top), (right.max(left + 2), top + BAR_HEIGHT)];
                    area.draw(&Rectangle::new(corners, ink.color().filled()))?;
                }
            }
        }
        let (left, right) = (x(0.0) - 8, i32::try_from(WIDTH).unwrap_or(0) - 2);
        for (number, (name, figure)) in (0..).zip(labels.iter().zip(&figures)) {
            let middle = TOP + number * ROW_HEIGHT + ROW_HEIGHT / 2;
            label(area, name, (left, middle), Ink::Text, LABEL_SIZE, Place::LeftOf)?;
            label(area, figure, (right, middle), Ink::Muted, LABEL_SIZE, Place::LeftOf)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_a_bar_and_risk_is_said_in_words_too() {
        let row = |label: &str, start_hours, hours, is_at_risk| GanttRow {
            label: label.to_owned(),
            start_hours,
            hours,
            is_at_risk,
        };
        let rows =
            vec![row("mirror", 0.0, 2.0, false), row("a <b>", 2.0, 0.5, true), row("run both", 2.5, 24.0, false)];
        let svg = Gantt { title: "rebuild".to_owned(), rows }.svg("g");
        let bars = |ink: char| {
            let paths = svg.split(&format!("<path class=\"f{ink}\" d=\"")).skip(1).collect::<Vec<_>>();
            paths.iter().map(|path| path.split('"').next().unwrap_or("").matches('M').count()).sum::<usize>()
        };
        assert_eq!((bars('a'), bars('6')), (2, 1), "{svg}");
        assert!(svg.contains(">30 min, at risk</text>") && svg.contains("a &lt;b&gt;"), "{svg}");
        assert!(svg.contains("3 steps in 1 d 2 h."), "{svg}");
    }

    #[test]
    fn nothing_to_do_is_drawn_without_a_fault() {
        let svg = Gantt { title: "none".to_owned(), rows: Vec::new() }.svg("g");
        assert!(svg.ends_with("</svg>") && !svg.contains("NaN"));
    }
}
