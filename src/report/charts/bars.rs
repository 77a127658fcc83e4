//! Horizontal bars before and after against a limit, or one bar per row; figures stand beside them.

use plotters::chart::ChartBuilder;
use plotters::element::{PathElement, Rectangle};
use plotters::style::{Color as _, IntoFont as _, TRANSPARENT};

use super::canvas::{Area, Caption, DrawError, Drawn, picture, text_width};
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
    /// Bytes per second.
    BytesPerSec,
    /// Whole things.
    Count,
    /// US dollars.
    Usd,
    /// Hours.
    Hours,
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

/// Two stand beside each other on a wide page without being shrunk.
const WIDTH: u32 = 504;
const BAR_HEIGHT: i32 = 9;
const ROW_HEIGHT: i32 = 28;
const TOP: i32 = 22;
const AXIS_HEIGHT: u32 = 26;
/// Labels are cut to this many characters.
const LABEL_CHARACTERS: usize = 20;

impl Axis {
    /// How many of the figures' units one unit of the axis is: bytes are shown in the unit of the largest.
    pub(super) fn scale(self, most: f64) -> (f64, &'static str) {
        match self {
            Self::Share => (0.01, "%"),
            Self::Bytes => in_unit(most, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]),
            Self::BytesPerSec => in_unit(most, ["B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s", "PiB/s"]),
            Self::Count => (1.0, ""),
            Self::Usd => (1.0, "$"),
            Self::Hours if most >= 48.0 => (24.0, "d"),
            Self::Hours => (1.0, "h"),
        }
    }

    fn format(self, value: f64) -> String {
        match self {
            Self::Share => human::percent(value),
            Self::Bytes => human::bytes_f64(value),
            Self::BytesPerSec => human::rate(value),
            Self::Count => human::mean_count(value),
            Self::Usd => human::usd(value),
            Self::Hours => human::duration(value * 3_600.0),
        }
    }
}

/// The largest of `units`, each 1,024 of the one before, that keeps a whole part of `most`.
fn in_unit(most: f64, units: [&'static str; 6]) -> (f64, &'static str) {
    let step = (0..units.len()).rev().find(|step| most >= 1024_f64.powi(*step as i32)).unwrap_or(0);
    (1024_f64.powi(step as i32), units[step])
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
        let caption = Caption { id, title: &self.title, description: &description };
        picture(caption, size, |area| self.draw(area, height))
    }

    fn draw(&self, area: &Area<'_>, bottom: i32) -> Drawn {
        let labels: Vec<String> = self.rows.iter().map(|r| human::shorten(&r.label, LABEL_CHARACTERS)).collect();
        let figures: Vec<String> = self.rows.iter().map(|row| row.figures(self.axis)).collect();
        let widest = |texts: &[String]| texts.iter().map(|t| text_width(t, LABEL_SIZE)).max().unwrap_or(0);
        let ruler = self.ruler(area, widest(&labels) + 10, widest(&figures) + 16)?;
        let tops = || (0..).map(|row| TOP + row * ROW_HEIGHT);
        for (top, row) in tops().zip(&self.rows) {
            if let Some(before) = row.before {
                ruler.bar(area, top + 3, before, Ink::Before)?;
            }
        }
        // A second pass, so that the canvas makes one path of all bars of an ink.
        for (top, row) in tops().zip(&self.rows) {
            let offset = if row.before.is_some() { 4 + BAR_HEIGHT } else { 8 };
            ruler.bar(area, top + offset, row.after, Ink::After)?;
        }
        if let Some(limit) = self.limit {
            let x = ruler.x(limit);
            area.draw(&PathElement::new(vec![(x, TOP - 4), (x, bottom)], Ink::Limit.color()))?;
            let text = format!("limit {}", self.axis.format(limit));
            label(area, &text, (x, TOP - 13), Ink::Limit, LABEL_SIZE, Place::On)?;
        }
        for (top, (name, figure)) in tops().zip(labels.iter().zip(&figures)) {
            let middle = top + ROW_HEIGHT / 2 - 1;
            label(area, name, (ruler.left - 8, middle), Ink::Text, LABEL_SIZE, Place::LeftOf)?;
            let edge = i32::try_from(WIDTH).unwrap_or(0) - 2;
            label(area, figure, (edge, middle), Ink::Muted, LABEL_SIZE, Place::LeftOf)?;
        }
        Ok(())
    }

    /// Draws the values' axis with its grid, between margins for labels and figures. Only this is plotters' affair: rows
    /// are placed by hand, since its ticks miss the bars' middles.
    fn ruler(&self, area: &Area<'_>, left: i32, right: i32) -> Result<Ruler, DrawError> {
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
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_labels(5)
            // `{}` prints the shortest digits: 20, not 20.0.
            .x_label_formatter(&|value: &f64| format!("{} {unit}", (value * 1e6).round() / 1e6).trim_end().to_owned())
            .axis_style(Ink::Grid.color())
            .bold_line_style(Ink::Grid.color())
            .light_line_style(TRANSPARENT)
            .x_label_style(("sans-serif", LABEL_SIZE).into_font().color(&Ink::Muted.color()))
            .draw()?;
        let x = |value: f64| chart.backend_coord(&(value, 0.0)).0;
        Ok(Ruler { left: x(0.0), right: x(end), end: end * scale })
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

/// Where values stand on the axis.
struct Ruler {
    left: i32,
    right: i32,
    /// The value at `right`.
    end: f64,
}

impl Ruler {
    fn x(&self, value: f64) -> i32 {
        self.left + (f64::from(self.right - self.left) * value / self.end).round() as i32
    }

    fn bar(&self, area: &Area<'_>, top: i32, value: f64, ink: Ink) -> Drawn {
        area.draw(&Rectangle::new([(self.left, top), (self.x(value), top + BAR_HEIGHT)], ink.color().filled()))
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
