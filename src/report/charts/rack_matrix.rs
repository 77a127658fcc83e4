//! Bytes per second from rack to rack as a table of coloured cells: the darker, the more crosses. What stays in its rack
//! is grey. A matrix says more than a flow diagram from four racks on.

use plotters::element::Rectangle;
use plotters::style::Color as _;

use super::canvas::{Caption, Drawn, picture, text_width};
use super::ink::Ink;
use super::{LABEL_SIZE, Place, label};
use crate::report::human;

/// Rates between racks.
#[derive(Clone, Debug, PartialEq)]
pub struct RackMatrix {
    /// What is shown.
    pub title: String,
    /// The racks' names.
    pub racks: Vec<String>,
    /// Bytes per second by source, then destination.
    pub rates: Vec<Vec<f64>>,
}

/// More do not fit the page; the table has them.
pub const MOST_RACKS: usize = 10;

const CELL_WIDTH: i32 = 86;
const CELL_HEIGHT: i32 = 30;
const TOP: i32 = 44;
const NAME_CHARACTERS: usize = 12;

impl RackMatrix {
    /// The matrix as an SVG picture; `id` is unique on the page. Racks beyond [`MOST_RACKS`] are left out.
    #[must_use]
    pub fn svg(&self, id: &str) -> String {
        let names: Vec<String> =
            self.racks.iter().take(MOST_RACKS).map(|name| human::shorten(name, NAME_CHARACTERS)).collect();
        let left = names.iter().map(|name| text_width(name, LABEL_SIZE)).max().unwrap_or(0).max(30) + 30;
        let count = i32::try_from(names.len()).unwrap_or(0);
        let size = ((left + count * CELL_WIDTH + 8).max(240), TOP + count * CELL_HEIGHT + 6);
        let description = self.description();
        let caption = Caption { id, title: &self.title, description: &description };
        picture(caption, (size.0.unsigned_abs(), size.1.unsigned_abs()), |area| -> Drawn {
            let most = self.most();
            label(area, "from ↓  to →", (0, 10), Ink::Muted, LABEL_SIZE, Place::RightOf)?;
            let cells = || {
                let rows = (0..).zip(self.rates.iter().take(names.len()));
                rows.flat_map(|(y, row)| {
                    (0..).zip(row.iter().take(count.unsigned_abs() as usize)).map(move |(x, v)| (x, y, *v))
                })
            };
            let corner = |x: i32, y: i32| (left + x * CELL_WIDTH, TOP + y * CELL_HEIGHT);
            for ink in [Ink::Nothing, Ink::JustBelow, Ink::Below, Ink::FarBelow] {
                for (x, y, _) in cells().filter(|(x, y, rate)| shade(*x == *y, *rate, most) == ink) {
                    let (x, y) = corner(x, y);
                    let cell = [(x, y), (x + CELL_WIDTH - 2, y + CELL_HEIGHT - 2)];
                    area.draw(&Rectangle::new(cell, ink.color().filled()))?;
                }
            }
            for (number, name) in (0..).zip(&names) {
                let (x, y) = corner(number, number);
                label(area, name, (x + CELL_WIDTH / 2 - 1, TOP - 12), Ink::Text, LABEL_SIZE, Place::On)?;
                label(area, name, (left - 8, y + CELL_HEIGHT / 2 - 1), Ink::Text, LABEL_SIZE, Place::LeftOf)?;
            }
            for (x, y, rate) in cells() {
                let (x, y) = corner(x, y);
                let middle = (x + CELL_WIDTH / 2 - 1, y + CELL_HEIGHT / 2 - 1);
                label(area, &human::rate(rate), middle, Ink::Mark, LABEL_SIZE, Place::On)?;
            }
            Ok(())
        })
    }

    /// The highest rate between two racks.
    fn most(&self) -> f64 {
        let rows = self.rates.iter().enumerate();
        let crossing = rows.flat_map(|(y, row)| row.iter().enumerate().filter(move |(x, _)| *x != y));
        crossing.map(|(_, rate)| *rate).fold(0.0, f64::max)
    }

    fn description(&self) -> String {
        let racks = self.racks.len();
        format!(
            "{racks} racks by {racks}; at most {} flow from one to another. The table below has all figures.",
            human::rate(self.most())
        )
    }
}

/// The colour of a cell by its share of the highest rate between racks.
fn shade(is_within: bool, rate: f64, most: f64) -> Ink {
    match rate / most {
        _ if is_within || most <= 0.0 => Ink::Nothing,
        share if share > 2.0 / 3.0 => Ink::FarBelow,
        share if share > 1.0 / 3.0 => Ink::Below,
        _ => Ink::JustBelow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(racks: usize) -> RackMatrix {
        RackMatrix {
            title: "t".to_owned(),
            racks: (0..racks).map(|n| format!("rack-<{n}>")).collect(),
            rates: (0..racks).map(|y| (0..racks).map(|x| ((x + y) * 1_048_576) as f64).collect()).collect(),
        }
    }

    #[test]
    fn every_cell_has_its_rate_and_names_are_text() {
        let svg = matrix(3).svg("m");
        assert_eq!(svg.matches("MiB/s</text>").count(), 8, "one cell is 0 B/s");
        assert!(svg.contains("rack-&lt;2&gt;") && !svg.contains("<2>"));
        assert!(svg.contains("at most 3.00 MiB/s flow from one to another"));
    }

    #[test]
    fn many_racks_are_cut_and_none_is_no_failure() {
        assert_eq!(matrix(12).svg("m").matches("/s</text>").count(), MOST_RACKS * MOST_RACKS);
        assert!(matrix(0).svg("m").ends_with("</svg>"));
    }
}
