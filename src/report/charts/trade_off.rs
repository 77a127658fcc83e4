//! How long something takes at each rate: a line through the middles, a band around it, and the rate that must not be
//! passed.

use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement, Polygon};
use plotters::style::{Color as _, IntoFont as _, TRANSPARENT};

use super::canvas::{Area, Caption, Drawn, picture};
use super::gantt::time_unit;
use super::ink::Ink;
use super::{LABEL_SIZE, Place, label};
use crate::report::human;

/// Durations at one rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TradeOffPoint {
    /// Bytes per second.
    pub bytes_per_sec: f64,
    /// Seconds: p10, p50, p90.
    pub seconds: [f64; 3],
}

/// Durations over rates.
#[derive(Clone, Debug, PartialEq)]
pub struct TradeOff {
    /// What is shown.
    pub title: String,
    /// By rate, ascending.
    pub points: Vec<TradeOffPoint>,
    /// The rate that must not be passed.
    pub limit_bytes_per_sec: Option<f64>,
}

const WIDTH: u32 = 1010;
const HEIGHT: u32 = 240;
const TOP: i32 = 22;
const LEFT: u32 = 64;
const BOTTOM: u32 = 28;

impl TradeOff {
    /// The chart as an SVG picture; `id` is unique on the page.
    #[must_use]
    pub fn svg(&self, id: &str) -> String {
        let ends = self.points.first().zip(self.points.last());
        let description = ends.map_or_else(
            || "Nothing to show.".to_owned(),
            |(first, last)| {
                format!(
                    "From {} at {} to {} at {}. The table below has all figures.",
                    human::duration(first.seconds[1]),
                    human::rate(first.bytes_per_sec),
                    human::duration(last.seconds[1]),
                    human::rate(last.bytes_per_sec)
                )
            },
        );
        let caption = Caption { id, title: &self.title, description: &description };
        picture(caption, (WIDTH, HEIGHT), |area| self.draw(area))
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let most = self.points.iter().map(|p| p.seconds[2]).fold(0.0, f64::max);
        let fastest = self.points.iter().map(|p| p.bytes_per_sec).fold(0.0, f64::max).max(1.0);
        let (unit, unit_name) = time_unit(most);
        let mut chart = ChartBuilder::on(area)
            .margin_top(TOP)
            .margin_right(24)
            .x_label_area_size(BOTTOM)
            .y_label_area_size(LEFT)
            .build_cartesian_2d(0.0..fastest * 1.03, 0.0..(most / unit * 1.05).max(1e-9))?;
        chart
            .configure_mesh()
            .x_labels(8)
            .y_labels(5)
            .x_label_formatter(&|value: &f64| human::rate(*value))
            .y_label_formatter(&|value: &f64| format!("{} {unit_name}", (value * 1e6).round() / 1e6))
            .axis_style(Ink::Grid.color())
            .bold_line_style(Ink::Grid.color())
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", LABEL_SIZE).into_font().color(&Ink::Muted.color()))
            .draw()?;
        let at = |rate: f64, seconds: f64| chart.backend_coord(&(rate, seconds / unit));
        let line = |which: usize| self.points.iter().map(move |p| (p.bytes_per_sec, p.seconds[which]));
        if self.points.len() > 1 {
            let low = line(0).map(|(rate, seconds)| at(rate, seconds));
            let high = line(2).rev().map(|(rate, seconds)| at(rate, seconds));
            area.draw(&Polygon::new(low.chain(high).collect::<Vec<_>>(), Ink::JustBelow.color().filled()))?;
        }
        let middle: Vec<(i32, i32)> = line(1).map(|(rate, seconds)| at(rate, seconds)).collect();
        area.draw(&PathElement::new(middle.clone(), Ink::After.color()))?;
        for point in middle {
            area.draw(&Circle::new(point, 3, Ink::After.color().filled()))?;
        }
        if let Some(limit) = self.limit_bytes_per_sec.filter(|limit| (0.0..=fastest).contains(limit)) {
            let ((x, top), (_, bottom)) = (at(limit, most), at(limit, 0.0));
            area.draw(&PathElement::new(vec![(x, top), (x, bottom)], Ink::Limit.color()))?;
            let text = format!("headroom {}", human::rate(limit));
            label(area, &text, (x, TOP - 10), Ink::Limit, LABEL_SIZE, Place::On)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_the_band_and_the_limit_are_drawn() {
        let point = |rate: f64| TradeOffPoint { bytes_per_sec: rate, seconds: [9e10 / rate, 1e11 / rate, 2e11 / rate] };
        let points = vec![point(1e7), point(2e7), point(4e7)];
        let svg = TradeOff { title: "hours".to_owned(), points, limit_bytes_per_sec: Some(3e7) }.svg("sweep");
        assert!(svg.contains("class=\"sl\"") && svg.contains("headroom 28.6 MiB/s"), "{svg}");
        assert!(svg.contains("class=\"f2\"") && svg.contains("class=\"sa\""), "{svg}");
        let empty = TradeOff { title: "hours".to_owned(), points: Vec::new(), limit_bytes_per_sec: None };
        assert!(empty.svg("sweep").contains("Nothing to show."));
    }
}
