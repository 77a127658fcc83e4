//! Chances by the number of failures, on a logarithmic scale: a line per kind of damage, whiskers where the chance is an
//! estimate. Chances of 0 have no place on the scale and are left out; the table beside the chart says so.

use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement};
use plotters::series::LineSeries;
use plotters::style::{Color as _, IntoFont as _, TRANSPARENT};

use super::canvas::{Area, Caption, Drawn, picture, text_width};
use super::ink::Ink;
use super::{LABEL_SIZE, Place, label};

/// A chance at one number of failures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurvivalPoint {
    /// How many fail at once.
    pub k: usize,
    /// The chance.
    pub p: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// One kind of damage.
#[derive(Clone, Debug, PartialEq)]
pub struct SurvivalLine {
    /// What happens: stands at the line's end.
    pub name: String,
    /// What it is drawn with.
    pub ink: Ink,
    /// By k, ascending.
    pub points: Vec<SurvivalPoint>,
}

/// The chart.
#[derive(Clone, Debug, PartialEq)]
pub struct SurvivalChart {
    /// What is shown.
    pub title: String,
    /// What fails, in the plural.
    pub failing: String,
    /// The lines.
    pub lines: Vec<SurvivalLine>,
}

const WIDTH: u32 = 760;
const HEIGHT: u32 = 320;
const TOP: i32 = 16;
const AXIS_WIDTH: u32 = 76;
const AXIS_HEIGHT: u32 = 44;
/// Chances below this are no different from never for a reader: 10⁻⁹.
const LEAST_EXPONENT: f64 = -9.0;
/// Pixels between the names at the lines' ends.
const NAME_HEIGHT: i32 = 15;

/// What a power of ten is called on the axis.
fn share_name(exponent: f64) -> String {
    let places = (-exponent - 2.0).max(0.0) as usize;
    format!("{:.places$} %", 10_f64.powf(exponent + 2.0))
}

impl SurvivalChart {
    /// The chart as an SVG picture; `id` is unique on the page.
    #[must_use]
    pub fn svg(&self, id: &str) -> String {
        let description = self.description();
        let caption = Caption { id, title: &self.title, description: &description };
        picture(caption, (WIDTH, HEIGHT), |area| self.draw(area))
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let shown = || self.lines.iter().flat_map(|line| &line.points).filter(|point| point.p > 0.0);
        let least = shown().map(|point| point.low.max(point.p / 10.0).log10()).fold(-2.0, f64::min).floor();
        let bottom = least.max(LEAST_EXPONENT);
        let most = self.lines.iter().flat_map(|line| &line.points).map(|point| point.k).max().unwrap_or(1).max(2);
        let names = self.lines.iter().map(|line| text_width(&line.name, LABEL_SIZE)).max().unwrap_or(0);
        let mut chart = ChartBuilder::on(area)
            .margin_top(TOP)
            .margin_right(names + 18)
            .x_label_area_size(AXIS_HEIGHT)
            .y_label_area_size(AXIS_WIDTH)
            .build_cartesian_2d(0.8..most as f64 + 0.2, bottom..0.0)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .disable_x_axis()
            .y_labels((-bottom) as usize + 1)
            .y_label_formatter(&|exponent: &f64| share_name(*exponent))
            .axis_style(Ink::Grid.color())
            .bold_line_style(Ink::Grid.color())
            .light_line_style(TRANSPARENT)
            .y_label_style(("sans-serif", LABEL_SIZE).into_font().color(&Ink::Muted.color()))
            .draw()?;
        let height = |p: f64| p.log10().max(bottom);
        for line in &self.lines {
            let points: Vec<&SurvivalPoint> = line.points.iter().filter(|point| point.p > 0.0).collect();
            let xy = |point: &&SurvivalPoint| (point.k as f64, height(point.p));
            chart.draw_series(LineSeries::new(points.iter().map(xy), line.ink.color()))?;
            chart.draw_series(points.iter().map(|point| Circle::new(xy(point), 3, line.ink.color().filled())))?;
            let whiskers = points.iter().filter(|point| point.low < point.high);
            chart.draw_series(whiskers.map(|point| {
                let ends = [height(point.low.max(1e-300)), height(point.high)];
                PathElement::new(ends.map(|end| (point.k as f64, end)).to_vec(), line.ink.color())
            }))?;
        }
        for k in 1..=most {
            let (x, y) = chart.backend_coord(&(k as f64, bottom));
            label(area, &k.to_string(), (x, y + 12), Ink::Muted, LABEL_SIZE, Place::On)?;
        }
        let (x, y) = chart.backend_coord(&(0.8, bottom));
        let axis = format!("{} failing at once", self.failing);
        label(area, &axis, (x, y + 32), Ink::Muted, LABEL_SIZE, Place::RightOf)?;
        // Names stand at the lines' ends, pushed apart where those meet.
        let mut ends: Vec<(i32, i32, &SurvivalLine)> = Vec::new();
        for line in &self.lines {
            let Some(last) = line.points.iter().rev().find(|point| point.p > 0.0) else { continue };
            let (x, y) = chart.backend_coord(&(last.k as f64, height(last.p)));
            ends.push((y, x, line));
        }
        ends.sort_by_key(|(y, ..)| *y);
        let mut free = i32::MIN;
        for (y, x, line) in ends {
            let at = y.max(free);
            label(area, &line.name, (x + 10, at), line.ink, LABEL_SIZE, Place::RightOf)?;
            free = at + NAME_HEIGHT;
        }
        Ok(())
    }

    fn description(&self) -> String {
        let lines: Vec<String> = self
            .lines
            .iter()
            .map(|line| {
                let figures: Vec<String> = line.points.iter().map(|p| format!("{:.2e} at {}", p.p, p.k)).collect();
                format!("{}: {}", line.name, figures.join(", "))
            })
            .collect();
        format!("Chances by number of {} failing at once. {}.", self.failing, lines.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, ink: Ink, chances: &[f64]) -> SurvivalLine {
        let points = chances.iter().zip(1..).map(|(p, k)| SurvivalPoint { k, p: *p, low: *p / 2.0, high: *p });
        SurvivalLine { name: name.to_owned(), ink, points: points.collect() }
    }

    #[test]
    fn chances_have_a_point_each_and_zeros_none() {
        let lines =
            vec![line("lost <1>", Ink::Limit, &[0.0, 0.0, 0.001]), line("offline", Ink::After, &[0.0, 0.1, 1.0])];
        let svg = SurvivalChart { title: "Risk".to_owned(), failing: "brokers".to_owned(), lines }.svg("risk");
        assert_eq!(svg.matches("a3 3 0 1 0 6 0").count(), 3, "{svg}");
        assert!(svg.contains("lost &lt;1&gt;") && svg.contains(">brokers failing at once</text>"), "{svg}");
        assert!(svg.contains(">100 %</text>") && svg.contains(">0.1 %</text>"), "{svg}");
    }

    #[test]
    fn nothing_to_show_is_no_failure() {
        let chart = SurvivalChart { title: "Risk".to_owned(), failing: "racks".to_owned(), lines: Vec::new() };
        assert!(chart.svg("risk").contains("</svg>"));
    }
}
