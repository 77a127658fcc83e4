//! Brokers × goals before and after, one cell each, coloured by how far it is from its group's mean. Cells outside their
//! band carry a mark as well: colour alone says nothing.

use plotters::element::{Polygon, Rectangle};
use plotters::style::Color as _;

use super::canvas::{Area, Caption, Drawn, picture, text_width};
use super::ink::Ink;
use super::{LABEL_SIZE, Place, label};

/// One group's brokers.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatGroup {
    /// The group's name.
    pub name: String,
    /// Column labels: broker ids.
    pub brokers: Vec<String>,
    /// By row of [`HeatMap::rows`], then broker.
    pub before: Vec<Vec<HeatCell>>,
    /// The same with the plan carried out; empty where there is no plan to compare with.
    pub after: Vec<Vec<HeatCell>>,
}

/// One broker's figure towards one goal.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatCell {
    /// The figure as people write it; empty where there is none.
    pub text: String,
    /// The figure over its group's mean; none where there is no figure.
    pub ratio: Option<f64>,
    /// On which side of its band it lies.
    pub side: Side,
}

/// Where a figure lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Below the band.
    Below,
    /// In the band.
    Inside,
    /// Above the band.
    Above,
}

impl Side {
    /// The symbol that stands for it in tables; nothing inside.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Below => "▼",
            Self::Inside => "",
            Self::Above => "▲",
        }
    }
}

/// A heat map of the whole cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// Row labels: goals.
    pub rows: Vec<String>,
    /// Groups, side by side.
    pub groups: Vec<HeatGroup>,
}

/// Width that the cells share where they fit: with the labels a chart of 1,010 pixels.
const CELLS_WIDTH: i32 = 900;
/// A cell narrower than this shows nothing.
const NARROWEST_CELL: i32 = 3;
/// A wider one looks like a table with holes.
const WIDEST_CELL: i32 = 84;
/// From this width on a figure fits into a cell.
const CELL_WITH_FIGURE: i32 = 46;
const ROW_HEIGHT: i32 = 24;
const LABELS_WIDTH: i32 = 88;
const GROUP_GAP: i32 = 8;
const HEADER_HEIGHT: i32 = 40;
const PANEL_GAP: i32 = 34;
const FIGURE_SIZE: f64 = 11.0;

/// The colour of a cell. The inner edges are the band's, which [`HeatCell::side`] knows.
fn ink(cell: &HeatCell) -> Ink {
    match (cell.side, cell.ratio) {
        (_, None) => Ink::Nothing,
        (Side::Inside, _) => Ink::Inside,
        (Side::Below, Some(ratio)) if ratio < 0.5 => Ink::FarBelow,
        (Side::Below, Some(ratio)) if ratio < 0.75 => Ink::Below,
        (Side::Below, _) => Ink::JustBelow,
        (Side::Above, Some(ratio)) if ratio > 2.0 => Ink::Beyond,
        (Side::Above, Some(ratio)) if ratio > 1.5 => Ink::FarAbove,
        (Side::Above, Some(ratio)) if ratio > 1.25 => Ink::Above,
        (Side::Above, _) => Ink::JustAbove,
    }
}

/// What the colours mean, in the order of the scale.
pub const LEGEND: [(Ink, &str); 8] = [
    (Ink::FarBelow, "below 0.5 × mean"),
    (Ink::Below, "0.5–0.75"),
    (Ink::JustBelow, "0.75 to band"),
    (Ink::Inside, "in its band"),
    (Ink::JustAbove, "band to 1.25"),
    (Ink::Above, "1.25–1.5"),
    (Ink::FarAbove, "1.5–2"),
    (Ink::Beyond, "above 2 × mean"),
];

impl HeatMap {
    /// The map as an SVG picture; `id` is unique on the page.
    #[must_use]
    pub fn svg(&self, id: &str, description: &str) -> String {
        let layout = Layout::of(self);
        if !self.is_compared() {
            let caption = Caption { id, title: "Brokers by goals", description };
            return picture(caption, layout.size(), |area| layout.panel(area, 0, "Now", |group| &group.before));
        }
        let caption = Caption { id, title: "Brokers by goals, before and after the plan", description };
        picture(caption, layout.size(), |area| {
            layout.panel(area, 0, "Before", |group| &group.before)?;
            layout.panel(area, layout.panel_height() + PANEL_GAP, "After", |group| &group.after)
        })
    }
}

impl HeatMap {
    fn is_compared(&self) -> bool {
        self.groups.iter().any(|group| !group.after.is_empty())
    }
}

struct Layout<'a> {
    map: &'a HeatMap,
    cell_width: i32,
}

impl<'a> Layout<'a> {
    fn of(map: &'a HeatMap) -> Self {
        let columns = map.groups.iter().map(|group| group.brokers.len()).sum::<usize>().max(1);
        let share = CELLS_WIDTH / i32::try_from(columns).unwrap_or(i32::MAX);
        Self { map, cell_width: share.clamp(NARROWEST_CELL, WIDEST_CELL) }
    }

    fn width_of(&self, group: &HeatGroup) -> i32 {
        self.cell_width * i32::try_from(group.brokers.len()).unwrap_or(0)
    }

    fn panel_height(&self) -> i32 {
        HEADER_HEIGHT + ROW_HEIGHT * i32::try_from(self.map.rows.len()).unwrap_or(0)
    }

    fn size(&self) -> (u32, u32) {
        let cells: i32 = self.map.groups.iter().map(|group| self.width_of(group) + GROUP_GAP).sum();
        // A margin on the right keeps the last broker's label from being cut.
        let width = (LABELS_WIDTH + cells + 24).max(360);
        let height = if self.map.is_compared() { 2 * self.panel_height() + PANEL_GAP } else { self.panel_height() };
        (width.unsigned_abs(), (height + 6).unsigned_abs())
    }

    fn panel<'g>(
        &'g self,
        area: &Area<'_>,
        top: i32,
        title: &str,
        cells: impl Fn(&'g HeatGroup) -> &'g Vec<Vec<HeatCell>>,
    ) -> Drawn {
        let rows_top = top + HEADER_HEIGHT;
        label(area, title, (0, top + 8), Ink::Text, LABEL_SIZE + 2.0, Place::RightOf)?;
        for (row, name) in (0..).zip(&self.map.rows) {
            let middle = rows_top + row * ROW_HEIGHT + ROW_HEIGHT / 2;
            label(area, name, (LABELS_WIDTH - 8, middle), Ink::Text, LABEL_SIZE, Place::LeftOf)?;
        }
        let mut left = LABELS_WIDTH;
        for group in &self.map.groups {
            self.header(area, (left, top), group)?;
            self.cells(area, (left, rows_top), cells(group))?;
            left += self.width_of(group) + GROUP_GAP;
        }
        Ok(())
    }

    /// The group's name and as many broker ids as fit.
    fn header(&self, area: &Area<'_>, (left, top): (i32, i32), group: &HeatGroup) -> Drawn {
        if self.map.groups.len() > 1 {
            let room = self.width_of(group) + GROUP_GAP;
            let fits = (room / text_width("n", LABEL_SIZE).max(1)).unsigned_abs() as usize;
            let name = crate::report::human::shorten(&group.name, fits);
            label(area, &name, (left.max(LABELS_WIDTH), top + 8), Ink::Muted, LABEL_SIZE, Place::RightOf)?;
        }
        let widest = group.brokers.iter().map(|id| text_width(id, LABEL_SIZE)).max().unwrap_or(0) + 8;
        let step = (widest + self.cell_width - 1) / self.cell_width;
        for (column, id) in (0..).zip(&group.brokers) {
            if column % step.max(1) == 0 {
                let middle = left + column * self.cell_width + self.cell_width / 2;
                label(area, id, (middle, top + HEADER_HEIGHT - 9), Ink::Muted, LABEL_SIZE, Place::On)?;
            }
        }
        Ok(())
    }

    /// Cells sorted by ink, so that the canvas makes one path of each; marks and figures on top.
    fn cells(&self, area: &Area<'_>, (left, top): (i32, i32), rows: &[Vec<HeatCell>]) -> Drawn {
        let mut cells: Vec<(Ink, (i32, i32), &HeatCell)> = Vec::new();
        for (row, line) in (0..).zip(rows) {
            for (column, cell) in (0..).zip(line) {
                cells.push((ink(cell), (left + column * self.cell_width, top + row * ROW_HEIGHT), cell));
            }
        }
        cells.sort_by_key(|(ink, place, _)| (*ink, place.1, place.0));
        // Wide cells have a seam of one pixel; narrow ones would be all seam.
        let seam = i32::from(self.cell_width > 5);
        for (ink, (x, y), _) in &cells {
            let corner = (x + self.cell_width - seam, y + ROW_HEIGHT - 1);
            area.draw(&Rectangle::new([(*x, *y), corner], ink.color().filled()))?;
        }
        for (_, place, cell) in &cells {
            self.mark(area, *place, cell.side)?;
        }
        if self.cell_width >= CELL_WITH_FIGURE {
            for (_, (x, y), cell) in &cells {
                let middle = (x + self.cell_width / 2, y + ROW_HEIGHT / 2);
                label(area, &cell.text, middle, Ink::Mark, FIGURE_SIZE, Place::On)?;
            }
        }
        Ok(())
    }

    /// A triangle at the upper edge that points up, or at the lower edge that points down; in cells too narrow for one,
    /// a bar at that edge.
    fn mark(&self, area: &Area<'_>, (x, y): (i32, i32), side: Side) -> Drawn {
        let (edge, inwards) = match side {
            Side::Inside => return Ok(()),
            Side::Above => (y + 1, 1),
            Side::Below => (y + ROW_HEIGHT - 2, -1),
        };
        let style = Ink::Mark.color().filled();
        if self.cell_width < 8 {
            let ends = [(x, edge), (x + self.cell_width.min(4), edge + 2 * inwards)];
            let (top, bottom) = (ends[0].1.min(ends[1].1), ends[0].1.max(ends[1].1));
            return area.draw(&Rectangle::new([(ends[0].0, top), (ends[1].0, bottom)], style));
        }
        let half = (self.cell_width / 4).clamp(2, 4);
        // Beside a figure the mark keeps to the corner.
        let middle = if self.cell_width >= CELL_WITH_FIGURE { x + half + 2 } else { x + self.cell_width / 2 };
        let base = edge + (half + 1) * inwards;
        area.draw(&Polygon::new(vec![(middle - half, base), (middle, edge), (middle + half, base)], style))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(brokers: usize) -> HeatMap {
        let cell = |i: usize| {
            let (ratio, side) = match i % 3 {
                0 => (0.4, Side::Below),
                1 => (1.0, Side::Inside),
                _ => (1.6, Side::Above),
            };
            HeatCell { text: format!("{ratio}"), ratio: Some(ratio), side }
        };
        let lines = || vec![(0..brokers).map(cell).collect(), (0..brokers).map(cell).collect()];
        let group = HeatGroup {
            name: "g<1>".to_owned(),
            brokers: (0..brokers).map(|i| i.to_string()).collect(),
            before: lines(),
            after: lines(),
        };
        HeatMap { rows: vec!["disk".to_owned(), "cpu".to_owned()], groups: vec![group.clone(), group] }
    }

    /// How many shapes the paths of `class` hold.
    fn shapes(svg: &str, class: &str) -> usize {
        let opening = format!("<path class=\"{class}\" d=\"");
        svg.split(&opening).skip(1).map(|rest| rest.split('"').next().unwrap_or("").matches('M').count()).sum()
    }

    #[test]
    fn every_cell_is_drawn_once_in_its_colour() {
        let svg = map(9).svg("heat", "d");
        // Two panels, two groups, two rows, nine brokers: a third each.
        for class in ["f0", "f3", "f6"] {
            assert_eq!(shapes(&svg, class), 2 * 2 * 2 * 3, "{class}");
        }
        assert_eq!(shapes(&svg, "fk"), 2 * 2 * 2 * 6, "those outside carry a mark");
        assert!(svg.contains("g&lt;1&gt;") && !svg.contains("g<1>"));
    }

    #[test]
    fn many_brokers_stay_small_and_one_path_per_colour() {
        let svg = map(300).svg("heat", "d");
        assert!(svg.matches("<path").count() <= 2 * 2 * 4, "{}", svg.matches("<path").count());
        assert!(svg.len() < 120_000, "{} bytes", svg.len());
    }

    #[test]
    fn figures_stand_in_cells_that_are_wide_enough() {
        assert!(map(6).svg("heat", "d").contains(">1.6</text>"));
        assert!(!map(60).svg("heat", "d").contains(">1.6</text>"));
    }

    #[test]
    fn without_a_plan_there_is_one_panel() {
        let mut map = map(9);
        map.groups.iter_mut().for_each(|group| group.after.clear());
        let svg = map.svg("heat", "d");
        assert_eq!(shapes(&svg, "f3"), 2 * 2 * 3);
        assert!(svg.contains(">Now</text>") && !svg.contains(">After</text>"), "{svg}");
    }

    #[test]
    fn a_cluster_without_brokers_is_an_empty_map() {
        let svg = HeatMap { rows: Vec::new(), groups: Vec::new() }.svg("heat", "d");
        assert_eq!(shapes(&svg, "f3"), 0);
        assert!(svg.ends_with("</svg>"));
    }
}
