//! Utilization against limits by resource: now, after the worst loss of a broker, after that of a rack. One bar each, and
//! each row has a limit of its own.

use plotters::element::{PathElement, Rectangle};
use plotters::style::Color as _;

use super::canvas::{Area, Caption, Drawn, picture, text_width};
use super::ink::Ink;
use super::{LABEL_SIZE, Place, label};
use crate::report::human;

/// One resource.
#[derive(Clone, Debug, PartialEq)]
pub struct ThresholdRow {
    /// The resource's name.
    pub label: String,
    /// What no bar should pass, a fraction.
    pub limit: f64,
    /// Now, a fraction.
    pub now: f64,
    /// What the worst broker to lose is called, and the fraction after.
    pub broker_lost: Option<(String, f64)>,
    /// What the worst rack to lose is called, and the fraction after.
    pub rack_lost: Option<(String, f64)>,
}

/// Bars by resource.
#[derive(Clone, Debug, PartialEq)]
pub struct ThresholdChart {
    /// What is shown.
    pub title: String,
    /// Top to bottom.
    pub rows: Vec<ThresholdRow>,
}

/// Two stand beside each other on a wide page without being shrunk.
const WIDTH: i32 = 504;
const BAR_HEIGHT: i32 = 10;
/// Bars stand so far apart that their figures do not touch.
const BAR_PITCH: i32 = 17;
const ROW_GAP: i32 = 14;
const TOP: i32 = 22;
const AXIS_HEIGHT: i32 = 24;
const FIGURE_SIZE: f64 = 11.0;
const FIGURE_CHARACTERS: usize = 28;

/// The inks of the bars, in their order, and what they mean.
pub const LEGEND: [(Ink, &str); 3] =
    [(Ink::Before, "now"), (Ink::After, "after the worst loss of a broker"), (Ink::Worse, "after that of a rack")];

impl ThresholdRow {
    /// Ink, value and figure of each bar.
    fn bars(&self) -> Vec<(Ink, f64, String)> {
        let mut bars = vec![(Ink::Before, self.now, human::percent(self.now))];
        for (ink, lost) in [(Ink::After, &self.broker_lost), (Ink::Worse, &self.rack_lost)] {
            if let Some((name, value)) = lost {
                let text = format!("{} without {name}", human::percent(*value));
                bars.push((ink, *value, human::shorten(&text, FIGURE_CHARACTERS)));
            }
        }
        bars
    }

    fn height(&self) -> i32 {
        BAR_PITCH * i32::try_from(self.bars().len()).unwrap_or(0) + ROW_GAP
    }
}

impl ThresholdChart {
    /// The chart as an SVG picture; `id` is unique on the page.
    #[must_use]
    pub fn svg(&self, id: &str) -> String {
        let bottom = TOP + self.rows.iter().map(ThresholdRow::height).sum::<i32>();
        let description = self.description();
        let caption = Caption { id, title: &self.title, description: &description };
        let size = (WIDTH.unsigned_abs(), (bottom + AXIS_HEIGHT).unsigned_abs());
        picture(caption, size, |area| self.draw(area, bottom))
    }

    fn draw(&self, area: &Area<'_>, bottom: i32) -> Drawn {
        let widest = |texts: Vec<String>, size| texts.iter().map(|t| text_width(t, size)).max().unwrap_or(0);
        let left = widest(self.rows.iter().map(|row| row.label.clone()).collect(), LABEL_SIZE) + 12;
        let figures = self.rows.iter().flat_map(|row| row.bars().into_iter().map(|bar| bar.2)).collect();
        let right = WIDTH - widest(figures, FIGURE_SIZE) - 14;
        let values = self.rows.iter().flat_map(|row| row.bars().into_iter().map(|bar| bar.1).chain([row.limit]));
        let end = values.fold(1.0, f64::max);
        let x = |value: f64| left + (f64::from(right - left) * value / end).round() as i32;
        grid(area, end, &x, bottom)?;
        let mut tops = Vec::new();
        let mut top = TOP;
        for row in &self.rows {
            tops.push(top);
            top += row.height();
        }
        for ink in LEGEND.map(|(ink, _)| ink) {
            for (row, &top) in self.rows.iter().zip(&tops) {
                for (offset, (_, value, _)) in (0..).zip(row.bars()).filter(|(_, bar)| bar.0 == ink) {
                    let y = top + offset * BAR_PITCH + (BAR_PITCH - BAR_HEIGHT) / 2;
                    area.draw(&Rectangle::new([(left, y), (x(value), y + BAR_HEIGHT)], ink.color().filled()))?;
                }
            }
        }
        for (row, &top) in self.rows.iter().zip(&tops) {
            let ends = vec![(x(row.limit), top - 3), (x(row.limit), top + row.height() - ROW_GAP + 3)];
            area.draw(&PathElement::new(ends, Ink::Limit.color()))?;
        }
        for (row, &top) in self.rows.iter().zip(&tops) {
            let middle = top + (row.height() - ROW_GAP) / 2;
            label(area, &row.label, (left - 8, middle), Ink::Text, LABEL_SIZE, Place::LeftOf)?;
            for (offset, (_, value, text)) in (0..).zip(row.bars()) {
                let point = (right + 10, top + offset * BAR_PITCH + BAR_PITCH / 2);
                let ink = if crate::model::band::exceeds(value, row.limit) { Ink::Limit } else { Ink::Muted };
                label(area, &text, point, ink, FIGURE_SIZE, Place::RightOf)?;
            }
        }
        Ok(())
    }

    fn description(&self) -> String {
        let rows: Vec<String> = self
            .rows
            .iter()
            .map(|row| {
                let figures: Vec<String> = row.bars().into_iter().map(|bar| bar.2).collect();
                format!("{}: {}, limit {}", row.label, figures.join(", "), human::percent(row.limit))
            })
            .collect();
        if rows.is_empty() { "Nothing to show.".to_owned() } else { format!("{}.", rows.join("; ")) }
    }
}

/// Vertical lines at round shares with their figures below.
fn grid(area: &Area<'_>, end: f64, x: &dyn Fn(f64) -> i32, bottom: i32) -> Drawn {
    // As few lines as leave room for figures.
    let step = [0.25, 0.5, 1.0, 2.0, 5.0, 10.0].into_iter().find(|step| end / step <= 5.0).unwrap_or(end);
    let ticks: Vec<f64> = (0..6).map(|n| f64::from(n) * step).filter(|value| *value <= end).collect();
    for &tick in &ticks {
        area.draw(&PathElement::new(vec![(x(tick), TOP - 6), (x(tick), bottom - ROW_GAP + 6)], Ink::Grid.color()))?;
    }
    for &tick in &ticks {
        let text = format!("{:.0} %", tick * 100.0);
        label(area, &text, (x(tick), bottom + 6), Ink::Muted, LABEL_SIZE, Place::On)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, now: f64, broker: Option<f64>, rack: Option<f64>) -> ThresholdRow {
        let lost = |name: &str, value: Option<f64>| value.map(|value| (name.to_owned(), value));
        ThresholdRow {
            label: label.to_owned(),
            limit: 0.8,
            now,
            broker_lost: lost("broker 5", broker),
            rack_lost: lost("rack <a>", rack),
        }
    }

    #[test]
    fn each_state_has_a_bar_and_each_row_a_limit() {
        let rows = vec![row("disk", 0.5, Some(0.6), Some(0.9)), row("cpu", 0.2, Some(0.3), None)];
        let svg = ThresholdChart { title: "t".to_owned(), rows }.svg("t");
        for (ink, count) in [('b', 2), ('a', 2), ('w', 1)] {
            let opening = format!("<path class=\"f{ink}\" d=\"");
            let path = svg.split(&opening).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("");
            assert_eq!(path.matches('M').count(), count, "{ink}");
        }
        assert!(svg.contains("90.0 % without rack &lt;a&gt;</text>"), "{svg}");
        assert!(svg.contains("class=\"sl\"") && svg.contains(">100 %</text>"));
    }

    #[test]
    fn far_above_every_limit_still_fits() {
        let svg = ThresholdChart { title: "t".to_owned(), rows: vec![row("disk", 12.2, None, None)] }.svg("t");
        assert!(svg.contains(">500 %</text>") || svg.contains(">1000 %</text>"), "{svg}");
        assert!(ThresholdChart { title: "t".to_owned(), rows: Vec::new() }.svg("t").contains("Nothing to show."));
    }
}
