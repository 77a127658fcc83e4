//! Lines over a count, each as a share of its own limit, with dots where something was tried: how use rises as brokers
//! leave.

use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement};
use plotters::style::{Color as _, IntoFont as _, TRANSPARENT};

use super::canvas::{Area, Caption, Drawn, picture, text_width};
use super::ink::Ink;
use super::{LABEL_SIZE, Place, label};
use crate::report::human;

/// One line and its dots: (count, share of the limit).
#[derive(Clone, Debug, PartialEq)]
pub struct CurveLine {
    /// What it shows; stands at its end.
    pub name: String,
    /// Ascending by count.
    pub line: Vec<(f64, f64)>,
    /// What was tried.
    pub dots: Vec<(f64, f64)>,
}

/// Lines over a count.
#[derive(Clone, Debug, PartialEq)]
pub struct CurveChart {
    /// What is shown.
    pub title: String,
    /// What is counted.
    pub x_title: String,
    /// A count that stands out, and its label.
    pub mark: Option<(f64, String)>,
    /// The lines.
    pub curves: Vec<CurveLine>,
}

const SIZE: (u32, u32) = (504, 300);
const TOP: i32 = 22;
const LEFT: u32 = 54;
const AXIS_HEIGHT: u32 = 44;
/// Labels at the lines' ends are at least so far apart.
const LABEL_DISTANCE: i32 = 15;
/// What is further beyond its limit is drawn at the upper edge.
const SHARE_MAX: f64 = 1.6;
/// Lines take these in turn; their names beside them tell them apart without colour.
const INKS: [Ink; 4] = [Ink::After, Ink::Beyond, Ink::Text, Ink::Muted];

impl CurveChart {
    /// The chart as an SVG picture; `id` is unique on the page.
    #[must_use]
    pub fn svg(&self, id: &str) -> String {
        let description = self.description();
        let caption = Caption { id, title: &self.title, description: &description };
        picture(caption, SIZE, |area| self.draw(area))
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let points = || self.curves.iter().flat_map(|curve| curve.line.iter().chain(&curve.dots));
        let end = points().map(|p| p.0).fold(1.0, f64::max);
        let top = points().map(|p| p.1 * 1.05).fold(1.1, f64::max).min(SHARE_MAX);
        let margin = self.curves.iter().map(|c| text_width(&c.name, LABEL_SIZE)).max().unwrap_or(0) + 14;
        let mut chart = ChartBuilder::on(area)
            .margin_top(TOP)
            .margin_right(margin)
            .x_label_area_size(AXIS_HEIGHT)
            .y_label_area_size(LEFT)
            .build_cartesian_2d(0.0..end, 0.0..top)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(6)
            .y_labels(5)
            .x_desc(self.x_title.clone())
            .x_label_formatter(&|value: &f64| {
                if value.fract().abs() < 1e-9 { format!("{value:.0}") } else { String::new() }
            })
            .y_label_formatter(&|value: &f64| format!("{:.0} %", value * 100.0))
            .axis_style(Ink::Grid.color())
            .bold_line_style(Ink::Grid.color())
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", LABEL_SIZE).into_font().color(&Ink::Muted.color()))
            .axis_desc_style(("sans-serif", LABEL_SIZE).into_font().color(&Ink::Muted.color()))
            .draw()?;
        let place = |&(x, y): &(f64, f64)| chart.backend_coord(&(x, y.min(top)));
        let (left, right) = (place(&(0.0, 0.0)).0, place(&(end, 0.0)).0);
        let limit = place(&(0.0, 1.0)).1;
        area.draw(&PathElement::new(vec![(left, limit), (right, limit)], Ink::Limit.color()))?;
        if let Some((at, text)) = &self.mark {
            let (x, floor) = place(&(*at, 0.0));
            area.draw(&PathElement::new(vec![(x, TOP - 2), (x, floor)], Ink::Muted.color()))?;
            let half = text_width(text, LABEL_SIZE) / 2;
            let middle = x.clamp(left + half, (right + margin - half).max(left + half));
            label(area, text, (middle, TOP - 11), Ink::Text, LABEL_SIZE, Place::On)?;
        }
        let mut ends = Vec::new();
        for (curve, ink) in self.curves.iter().zip(INKS.into_iter().cycle()) {
            area.draw(&PathElement::new(curve.line.iter().map(place).collect::<Vec<_>>(), ink.color()))?;
            for dot in &curve.dots {
                area.draw(&Circle::new(place(dot), 3, ink.color().filled()))?;
            }
            ends.extend(curve.line.last().map(|last| (place(last), ink, &curve.name)));
        }
        ends.sort_by_key(|((_, y), ..)| *y);
        let mut next = i32::MIN;
        for ((x, y), ink, name) in ends {
            let y = y.max(next);
            next = y + LABEL_DISTANCE;
            label(area, name, (x + 6, y), ink, LABEL_SIZE, Place::RightOf)?;
        }
        Ok(())
    }

    fn description(&self) -> String {
        let ends = self.curves.iter().filter_map(|curve| {
            let ((from, low), (to, high)) = (curve.line.first()?, curve.line.last()?);
            Some(format!("{} {} at {from} to {} at {to}", curve.name, human::percent(*low), human::percent(*high)))
        });
        let mark = self.mark.as_ref().map_or_else(String::new, |(_, text)| format!("; {text}"));
        format!(
            "Share of the limit by {}: {}{mark}. The table below has all figures.",
            self.x_title,
            ends.collect::<Vec<_>>().join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_dots_limit_and_mark_are_drawn_and_named() {
        let curve = |name: &str, last: f64| CurveLine {
            name: name.to_owned(),
            line: vec![(0.0, 0.5), (3.0, last)],
            dots: vec![(2.0, 0.8)],
        };
        let chart = CurveChart {
            title: "curve".to_owned(),
            x_title: "brokers removed".to_owned(),
            mark: Some((2.0, "2 can go".to_owned())),
            curves: vec![curve("disk", 1.2), curve("<cpu>", 9.0)],
        };
        let svg = chart.svg("shrink");
        assert_eq!(svg.matches("class=\"sl\"").count(), 1, "the limit");
        assert!(
            svg.contains(">2 can go</text>") && svg.contains(">disk</text>") && svg.contains(">&lt;cpu&gt;</text>")
        );
        assert!(svg.contains("disk 50.0 % at 0 to 120 % at 3"), "{svg}");
    }

    #[test]
    fn nothing_to_show_is_no_failure() {
        let chart = CurveChart { title: String::new(), x_title: String::new(), mark: None, curves: Vec::new() };
        assert!(chart.svg("none").contains("</svg>"));
    }
}
