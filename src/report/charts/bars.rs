//! Horizontal bars before and after against a limit, or one bar per row; figures stand beside them.

use plotters::chart::ChartBuilder;
use plotters::element::{PathElement, Rectangle};
use plotters::style::{Color as _, IntoFont as _, TRANSPARENT};

use super::canvas::{Caption, Drawn, picture, text_width};
use super::ink::Ink;
use super::{LABEL_SIZE, Place, label};
use crate::report::human;

/// What the bars count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Fractions of a capacity.
    Share,
    /// Bytes.
    Bytes,
}

/// One row of bars.
#[derive(Clone, Debug, PartialEq)]
pub struct BarRow {
    /// Whose figures these are.
    pub label: String,
    /// Before the plan; none where there is nothing to compare with.
    pub before: Option<f64>,
    /// After the plan, or the one figure.
    pub after: f64,
}

/// Bars by row.
#[derive(Clone, Debug, PartialEq)]
pub struct BarChart {
    /// What is shown.
    pub title: String,
    /// What the bars count.
    pub axis: Axis,
    /// What no bar should pass.
    pub limit: Option<f64>,
    /// Top to bottom.
    pub rows: Vec<BarRow>,
}

const WIDTH: u32 = 760;
const BAR_HEIGHT: i32 = 9;
const ROW_HEIGHT: i32 = 28;
const TOP: i32 = 22;
const AXIS_HEIGHT: u32 = 26;
/// Labels are cut to this many characters.
const LABEL_CHARACTERS: usize = 26;

impl Axis {
    /// How many of the figures' units one unit of the axis is: bytes are shown in the unit of the largest.
    fn scale(self, most: f64) -> (f64, &'static str) {
        match self {
            Self::Share => (0.01, "%"),
            Self::Bytes => {
                let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
                let step = (0..units.len()).rev().find(|step| most >= 1024_f64.powi(*step as i32)).unwrap_or(0);
                (1024_f64.powi(step as i32), units[step])
            }
        }
    }

    fn format(self, value: f64) -> String {
        match self {
            Self::Share => human::percent(value),
            Self::Bytes => human::bytes_f64(value),
        }
    }
}

impl BarRow {
    fn figures(&self, axis: Axis) -> String {
        let after = axis.format(self.after);
        self.before.map_or(after.clone(), |before| format!("{} → {after}", axis.format(before)))
    }
}

impl BarChart {
    /// The chart as an SVG picture; `id` is unique on the page.
    #[must_use]
    pub fn svg(&self, id: &str) -> String {
        let height = TOP + ROW_HEIGHT * i32::try_from(self.rows.len()).unwrap_or(0);
        let size = (WIDTH, height.unsigned_abs() + AXIS_HEIGHT + 4);
        let description = self.description();
        picture(Caption { id, title: &self.title, description: &description }, size, |area| {
            let labels: Vec<String> = self.rows.iter().map(|r| human::shorten(&r.label, LABEL_CHARACTERS)).collect();
            let widest = |texts: &mut dyn Iterator<Item = &str>| {
                texts.map(|text| text_width(text, LABEL_SIZE)).max().unwrap_or(0)
            };
            let figures: Vec<String> = self.rows.iter().map(|row| row.figures(self.axis)).collect();
            let left = widest(&mut labels.iter().map(String::as_str)) + 10;
            let right = widest(&mut figures.iter().map(String::as_str)) + 14;
            let most = self.rows.iter().flat_map(|row| [row.before.unwrap_or(0.0), row.after]);
            let most = most.chain(self.limit).fold(0.0, f64::max);
            let (scale, unit) = self.axis.scale(most);
            let end = if most > 0.0 { most / scale * 1.04 } else { 1.0 };
            let mut chart = ChartBuilder::on(area)
                .margin_top(TOP)
                .margin_right(right)
                .x_label_area_size(AXIS_HEIGHT)
                .y_label_area_size(left.unsigned_abs())
                .build_cartesian_2d(0.0..end, 0.0..self.rows.len().max(1) as f64)?;
            let tick = |value: &f64| format!("{} {unit}", human::figure(*value).trim_end_matches(".00"));
            chart
                .configure_mesh()
                .disable_y_mesh()
                .disable_y_axis()
                .x_labels(7)
                .x_label_formatter(&tick)
                .axis_style(Ink::Grid.color())
                .bold_line_style(Ink::Grid.color())
                .light_line_style(TRANSPARENT)
                .x_label_style(("sans-serif", LABEL_SIZE).into_font().color(&Ink::Muted.color()))
                .draw()?;
            // Only the values' axis is plotters' affair: rows are placed here, since its ticks miss the bars' middles.
            let x = |value: f64| chart.backend_coord(&(value / scale, 0.0)).0;
            let rows = || (0..).zip(&self.rows).map(|(row, bars)| (TOP + row * ROW_HEIGHT, bars));
            for (top, row) in rows() {
                if let Some(before) = row.before {
                    let bar = [(x(0.0), top + 3), (x(before), top + 3 + BAR_HEIGHT)];
                    area.draw(&Rectangle::new(bar, Ink::Before.color().filled()))?;
                }
            }
            for (top, row) in rows() {
                let top = if row.before.is_some() { top + 4 + BAR_HEIGHT } else { top + 8 };
                let bar = [(x(0.0), top), (x(row.after), top + BAR_HEIGHT)];
                area.draw(&Rectangle::new(bar, Ink::After.color().filled()))?;
            }
            self.limit_line(area, x, height)?;
            for ((top, row), (name, figure)) in rows().zip(labels.iter().zip(&figures)) {
                let middle = top + ROW_HEIGHT / 2 - 1;
                label(area, name, (left - 8, middle), Ink::Text, LABEL_SIZE, Place::LeftOf)?;
                let longest = row.before.unwrap_or(0.0).max(row.after);
                let beside = x(longest).max(x(0.0)) + 6;
                // A figure that would stand on the limit's line goes behind it.
                let line = self.limit.map(&x);
                let width = text_width(figure, LABEL_SIZE);
                let hidden = line.is_some_and(|line| beside < line + 4 && beside + width > line - 4);
                let place = if hidden { line.unwrap_or(beside) + 6 } else { beside };
                label(area, figure, (place, middle), Ink::Muted, LABEL_SIZE, Place::RightOf)?;
            }
            Ok(())
        })
    }

    fn limit_line(&self, area: &super::canvas::Area<'_>, x: impl Fn(f64) -> i32, bottom: i32) -> Drawn {
        let Some(limit) = self.limit else { return Ok(()) };
        let x = x(limit);
        area.draw(&PathElement::new(vec![(x, TOP - 4), (x, bottom)], Ink::Limit.color().stroke_width(2)))?;
        let text = format!("limit {}", self.axis.format(limit));
        label(area, &text, (x, TOP - 13), Ink::Limit, LABEL_SIZE, Place::On)
    }

    fn description(&self) -> String {
        let Some(first) = self.rows.first() else { return "Nothing to show.".to_owned() };
        let limit = self.limit.map_or_else(String::new, |limit| format!(", limit {}", self.axis.format(limit)));
        format!(
            "{} rows{limit}. First: {} at {}. The table below has all figures.",
            self.rows.len(),
            first.label,
            first.figures(self.axis)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(axis: Axis, limit: Option<f64>, figures: &[(Option<f64>, f64)]) -> String {
        let rows = figures.iter().map(|(before, after)| BarRow {
            label: "broker <1>".to_owned(),
            before: *before,
            after: *after,
        });
        BarChart { title: "disk".to_owned(), axis, limit, rows: rows.collect() }.svg("disk")
    }

    fn bars(svg: &str, ink: char) -> usize {
        let opening = format!("<path class=\"f{ink}\" d=\"");
        svg.split(&opening).skip(1).map(|rest| rest.split('"').next().unwrap_or("").matches('M').count()).sum()
    }

    #[test]
    fn each_row_has_its_bars_and_figures_and_the_limit_a_line() {
        let svg = chart(Axis::Share, Some(0.8), &[(Some(0.9), 0.5), (Some(0.2), 0.45), (Some(0.3), 0.4)]);
        assert_eq!((bars(&svg, 'b'), bars(&svg, 'a')), (3, 3));
        assert_eq!(svg.matches("class=\"sl\"").count(), 1);
        assert!(svg.contains(">limit 80.0 %</text>") && svg.contains(">90.0 % → 50.0 %</text>"), "{svg}");
        assert!(svg.contains("broker &lt;1&gt;") && !svg.contains("<1>"));
    }

    #[test]
    fn bytes_are_shown_in_the_unit_of_the_largest() {
        let svg = chart(Axis::Bytes, None, &[(None, 3.0 * 1024_f64.powi(4)), (None, 0.0)]);
        assert_eq!((bars(&svg, 'b'), bars(&svg, 'a')), (0, 2));
        assert!(svg.contains(">3.00 TiB</text>") && svg.contains("TiB</text>"), "{svg}");
        assert!(!svg.contains("class=\"sl\""));
    }

    #[test]
    fn nothing_to_show_is_no_failure() {
        assert!(chart(Axis::Share, None, &[]).contains("Nothing to show."));
        assert!(chart(Axis::Share, Some(0.8), &[(Some(0.0), 0.0)]).contains("</svg>"));
    }
}
