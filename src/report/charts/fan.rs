//! A fan: the past, the forecast with its band, the threshold, and when it is first reached.

use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement, Polygon};
use plotters::style::{Color as _, IntoFont as _, TRANSPARENT};

use super::canvas::{Area, Caption, Drawn, picture, text_width};
use super::ink::Ink;
use super::{LABEL_SIZE, Place, label};
use crate::report::human;

/// One day of the forecast; shares are fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FanPoint {
    /// Days from today.
    pub day: i64,
    /// Lower end of the band.
    pub low: f64,
    /// The forecast.
    pub middle: f64,
    /// Upper end.
    pub high: f64,
}

/// A forecast with its past.
#[derive(Clone, Debug, PartialEq)]
pub struct FanChart {
    /// What is shown.
    pub title: String,
    /// Days from today (not above 0) and shares, ascending.
    pub past: Vec<(i64, f64)>,
    /// From today on, ascending.
    pub points: Vec<FanPoint>,
    /// What should not be reached.
    pub threshold: Option<f64>,
    /// Days from today at which it is, with what each is called; those beyond the last point are not drawn.
    pub marks: Vec<(i64, &'static str)>,
}

/// Two stand beside each other on a wide page without being shrunk.
const WIDTH: u32 = 504;
const HEIGHT: u32 = 236;
const TOP: i32 = 30;
const RIGHT: i32 = 14;
const AXIS_HEIGHT: u32 = 26;
const AXIS_WIDTH: u32 = 52;
/// The band may leave the picture above this multiple of everything else, rather than flatten it.
const BAND_OVER_REST_MAX: f64 = 1.6;
const MARK_RADIUS: u32 = 4;

impl FanChart {
    /// The chart as an SVG picture; `id` is unique on the page.
    #[must_use]
    pub fn svg(&self, id: &str) -> String {
        let description = self.description();
        let caption = Caption { id, title: &self.title, description: &description };
        picture(caption, (WIDTH, HEIGHT), |area| self.draw(area))
    }

    /// The highest share that is drawn.
    fn top(&self) -> f64 {
        let highest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
        let rest = highest(&mut self.past.iter().map(|(_, share)| *share))
            .max(highest(&mut self.points.iter().map(|p| p.middle)))
            .max(self.threshold.unwrap_or(0.0));
        let band = highest(&mut self.points.iter().map(|p| p.high));
        let top = band.min(rest * BAND_OVER_REST_MAX).max(rest) * 1.05;
        if top > 0.0 { top } else { 1.0 }
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let top = self.top();
        let days = || self.past.iter().map(|(day, _)| *day).chain(self.points.iter().map(|p| p.day));
        let (first, last) = (days().min().unwrap_or(0), days().max().unwrap_or(1));
        let mut chart = ChartBuilder::on(area)
            .margin_top(TOP)
            .margin_right(RIGHT)
            .x_label_area_size(AXIS_HEIGHT)
            .y_label_area_size(AXIS_WIDTH)
            .build_cartesian_2d(first as f64..last.max(first + 1) as f64, 0.0..top)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(7)
            .y_labels(6)
            .x_label_formatter(&|day: &f64| day_label(*day))
            .y_label_formatter(&|share: &f64| format!("{:.0} %", share * 100.0))
            .axis_style(Ink::Grid.color())
            .bold_line_style(Ink::Grid.color())
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", LABEL_SIZE).into_font().color(&Ink::Muted.color()))
            .draw()?;
        let at = |day: i64, share: f64| chart.backend_coord(&(day as f64, share.clamp(0.0, top)));
        let above = self.points.iter().map(|p| at(p.day, p.high));
        let below = self.points.iter().rev().map(|p| at(p.day, p.low));
        area.draw(&Polygon::new(above.chain(below).collect::<Vec<_>>(), Ink::JustBelow.color().filled()))?;
        let past: Vec<_> = self.past.iter().map(|&(day, share)| at(day, share)).collect();
        area.draw(&PathElement::new(past, Ink::Muted.color()))?;
        let middle: Vec<_> = self.points.iter().map(|p| at(p.day, p.middle)).collect();
        area.draw(&PathElement::new(middle, Ink::After.color()))?;
        let (left, bottom) = at(0, 0.0);
        area.draw(&PathElement::new(vec![(left, bottom), at(0, top)], Ink::Grid.color()))?;
        let Some(threshold) = self.threshold else { return Ok(()) };
        let line = vec![at(first, threshold), at(last, threshold)];
        let over = line.first().copied().unwrap_or_default();
        area.draw(&PathElement::new(line, Ink::Limit.color()))?;
        let text = format!("threshold {}", human::percent(threshold));
        label(area, &text, (over.0 + 4, over.1 - 9), Ink::Limit, LABEL_SIZE, Place::RightOf)?;
        // Neighbours' labels stand on either side of the line, and one that would cover another's is left out.
        let mut free_from = [i32::MIN; 2];
        for (row, &(day, name)) in self.marks.iter().filter(|(day, _)| *day <= last).enumerate() {
            let (x, y) = at(day, threshold);
            area.draw(&Circle::new((x, y), MARK_RADIUS, Ink::Limit.color().filled()))?;
            let half = text_width(name, LABEL_SIZE) / 2 + 3;
            let (side, offset) = if row % 2 == 0 { (0, 14) } else { (1, -13) };
            if x - half > free_from[side] {
                label(area, name, (x, y + offset), Ink::Text, LABEL_SIZE, Place::On)?;
                free_from[side] = x + half;
            }
        }
        Ok(())
    }

    fn description(&self) -> String {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else {
            return "Nothing to show.".to_owned();
        };
        let band = human::percent_range(last.low, last.high);
        let mut text = format!(
            "{} today, {} in {} days (band {band}).",
            human::percent(first.middle),
            human::percent(last.middle),
            last.day
        );
        if let Some(threshold) = self.threshold {
            let marks: Vec<String> = self.marks.iter().map(|(day, name)| format!("{name} {day}")).collect();
            let reached = if marks.is_empty() { "is not reached".to_owned() } else { marks.join(", ") };
            text.push_str(&format!(" Days to {}: {reached}.", human::percent(threshold)));
        }
        text
    }
}

fn day_label(day: f64) -> String {
    match day.round() as i64 {
        0 => "today".to_owned(),
        day if day < 0 => format!("−{} d", -day),
        day => format!("+{day} d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(threshold: Option<f64>, marks: &[(i64, &'static str)]) -> String {
        let point = |day: i64| FanPoint { day, low: 0.5, middle: 0.5 + day as f64 / 500.0, high: 0.9 };
        let past = (-100..=0).map(|day| (day, 0.5)).collect();
        let points = (0..=100).map(point).collect();
        FanChart { title: "disk <x>".to_owned(), past, points, threshold, marks: marks.to_vec() }.svg("fan")
    }

    #[test]
    fn a_fan_has_a_band_a_line_a_past_a_threshold_and_marks() {
        let svg = chart(Some(0.6), &[(20, "p10"), (50, "p50"), (80, "p90"), (400, "p99")]);
        for (class, count) in [("f2", 1), ("sm", 1), ("sa", 1), ("sl", 1), ("fl", 3)] {
            assert_eq!(svg.matches(&format!("<path class=\"{class}\"")).count(), count, "{class} in {svg}");
        }
        assert!(svg.contains(">p50</text>") && !svg.contains(">p99</text>"));
        assert!(svg.contains(">threshold 60.0 %</text>") && svg.contains(">today</text>"), "{svg}");
        assert!(svg.contains("disk &lt;x&gt;"));
        assert!(svg.contains("Days to 60.0 %: p10 20, p50 50, p90 80, p99 400."));
    }

    #[test]
    fn nothing_to_show_is_no_failure() {
        assert!(chart(None, &[]).contains("</svg>"));
        let empty =
            FanChart { title: String::new(), past: Vec::new(), points: Vec::new(), threshold: None, marks: Vec::new() };
        assert!(empty.svg("e").contains("Nothing to show."));
    }
}
