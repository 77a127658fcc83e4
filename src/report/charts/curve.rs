//! Two quantities against each other: points in order, joined by a line, each with its number.

use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement};
use plotters::style::{Color as _, IntoFont as _, TRANSPARENT};

use super::bars::Axis;
use super::canvas::{Area, Caption, Drawn, picture};
use super::ink::Ink;
use super::{LABEL_SIZE, Place, label};

/// One quantity's values and name.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    /// What the axis is called.
    pub name: String,
    /// What the values are in; none for plain numbers.
    pub axis: Option<Axis>,
    /// One per point.
    pub values: Vec<f64>,
}

/// Points by two quantities.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// What is shown.
    pub title: String,
    /// What is to be seen in it.
    pub description: String,
    /// From left to right.
    pub x: Quantity,
    /// From bottom to top.
    pub y: Quantity,
}

const SIZE: (u32, u32) = (720, 320);
const AXIS_HEIGHT: u32 = 44;
const AXIS_WIDTH: u32 = 66;
const RADIUS: i32 = 5;
/// Points nearer than this in both directions share a number.
const CROWDED: i32 = 14;

impl Quantity {
    fn most(&self) -> f64 {
        self.values.iter().copied().fold(0.0, f64::max)
    }

    /// How many of the values' units one unit of the axis is, and its name.
    fn scale(&self) -> (f64, &'static str) {
        self.axis.map_or((1.0, ""), |axis| axis.scale(self.most()))
    }

    fn end(&self) -> f64 {
        let most = self.most() / self.scale().0;
        if most > 0.0 { most * 1.08 } else { 1.0 }
    }

    fn title(&self) -> String {
        match self.scale().1 {
            "" => self.name.clone(),
            unit => format!("{}, {unit}", self.name),
        }
    }
}

impl Curve {
    /// The chart as an SVG picture; `id` is unique on the page.
    #[must_use]
    pub fn svg(&self, id: &str) -> String {
        let caption = Caption { id, title: &self.title, description: &self.description };
        picture(caption, SIZE, |area| self.draw(area))
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let mut chart = ChartBuilder::on(area)
            .margin_top(18)
            .margin_right(18)
            .x_label_area_size(AXIS_HEIGHT)
            .y_label_area_size(AXIS_WIDTH)
            .build_cartesian_2d(0.0..self.x.end(), 0.0..self.y.end())?;
        // `{}` prints the shortest digits: 20, not 20.0.
        let plain = |value: &f64| format!("{}", (value * 1e6).round() / 1e6);
        chart
            .configure_mesh()
            .x_labels(8)
            .y_labels(6)
            .x_label_formatter(&plain)
            .y_label_formatter(&plain)
            .axis_style(Ink::Grid.color())
            .bold_line_style(Ink::Grid.color())
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", LABEL_SIZE).into_font().color(&Ink::Muted.color()))
            .draw()?;
        let (x_scale, y_scale) = (self.x.scale().0, self.y.scale().0);
        let point = |(x, y): (&f64, &f64)| chart.backend_coord(&(x / x_scale, y / y_scale));
        let points: Vec<(i32, i32)> = self.x.values.iter().zip(&self.y.values).map(point).collect();
        area.draw(&PathElement::new(points.clone(), Ink::Before.color()))?;
        for &at in &points {
            area.draw(&Circle::new(at, RADIUS, Ink::After.color().filled()))?;
        }
        let mut labelled: Option<(i32, i32)> = None;
        for (number, &(x, y)) in points.iter().enumerate() {
            // Where points crowd, the first of them alone has its number; the table has all.
            if labelled.is_none_or(|(left, top)| x - left >= CROWDED || (y - top).abs() >= CROWDED) {
                label(area, &(number + 1).to_string(), (x + 8, y - 9), Ink::Text, LABEL_SIZE, Place::RightOf)?;
                labelled = Some((x, y));
            }
        }
        let (width, height) = (SIZE.0.cast_signed(), SIZE.1.cast_signed());
        let middle = AXIS_WIDTH.cast_signed() + (width - AXIS_WIDTH.cast_signed()) / 2;
        label(area, &self.x.title(), (middle, height - 9), Ink::Text, LABEL_SIZE, Place::On)?;
        label(area, &self.y.title(), (4, 9), Ink::Text, LABEL_SIZE, Place::RightOf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(f64, f64)]) -> String {
        let x = Quantity {
            name: "copied <b>".to_owned(),
            axis: Some(Axis::Bytes),
            values: points.iter().map(|p| p.0).collect(),
        };
        let y = Quantity { name: "excess".to_owned(), axis: None, values: points.iter().map(|p| p.1).collect() };
        Curve { title: "t".to_owned(), description: "d".to_owned(), x, y }.svg("c")
    }

    #[test]
    fn every_point_has_its_number_and_the_axes_their_names_and_units() {
        let svg = curve(&[(0.0, 2.0), (3.0 * 1024_f64.powi(3), 0.5), (8.0 * 1024_f64.powi(3), 0.0)]);
        assert!(svg.contains(">copied &lt;b&gt;, GiB</text>") && svg.contains(">excess</text>"), "{svg}");
        assert!((1..=3).all(|n| svg.contains(&format!(">{n}</text>"))), "{svg}");
        assert_eq!(svg.matches("a5 5 0 1 0 10 0").count(), 3, "a circle per point: {svg}");
    }

    #[test]
    fn one_point_or_none_is_no_failure() {
        assert!(curve(&[]).contains("</svg>"));
        assert!(curve(&[(0.0, 0.0)]).contains("</svg>"));
    }
}
