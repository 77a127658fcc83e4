//! The frontier for people, programs and spreadsheets: a table, plan.json's `frontier`, frontier.csv. Pure; every figure
//! is the judge's.

use std::fmt::Write as _;

use serde::Serialize;

use super::human;
use super::json::rounded;
use super::style::{ASIDE, BROKEN, HEADING, OUTSIDE, by_count, paint};
use super::table::{Align, Cell, Table};
use crate::plan::frontier::{Confined, Point};

/// The share of what can be had that the text looks for a cheap point for.
const MOST_OF_IT: f64 = 0.8;

/// A point of the frontier: an object of plan.json, a row of frontier.csv.
#[derive(Serialize)]
pub struct PointView {
    inter_broker_bytes: u64,
    excess: f64,
    outside: u64,
    replica_moves: u64,
    hard_total: u64,
    leader_changes: u64,
    intra_broker_bytes: u64,
    lower_bound_bytes: u64,
    /// The budget that leads to this plan again: `--max-moved-bytes`.
    max_moved_bytes: Option<u64>,
}

impl From<&Point> for PointView {
    fn from(point: &Point) -> Self {
        Self {
            inter_broker_bytes: point.movement.inter_broker_bytes,
            excess: rounded(point.excess),
            outside: point.outside,
            replica_moves: point.movement.replica_moves,
            hard_total: point.hard_total,
            leader_changes: point.movement.leader_changes,
            intra_broker_bytes: point.movement.intra_broker_bytes,
            lower_bound_bytes: point.lower_bound.bytes,
            max_moved_bytes: match point.confined {
                Confined::MaxMovedBytes(bytes) => Some(bytes),
                Confined::HardRules | Confined::Nothing => None,
            },
        }
    }
}

/// frontier.csv: one row per point.
#[must_use]
pub fn csv(points: &[Point]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let rows = points.iter().try_for_each(|point| writer.serialize(PointView::from(point)));
    debug_assert!(rows.is_ok(), "memory takes every row and all rows have one shape");
    writer.into_inner().unwrap_or_default()
}

/// What leads to a point again, in words.
#[must_use]
pub fn how(point: &Point) -> String {
    match point.confined {
        Confined::HardRules => "hard rules alone".to_owned(),
        Confined::MaxMovedBytes(bytes) => format!("--max-moved-bytes {bytes}"),
        Confined::Nothing => "no budget".to_owned(),
    }
}

/// Where most of the balance is had for a part of the bytes, in a sentence; none where no point stands out.
#[must_use]
pub fn knee(points: &[Point]) -> Option<String> {
    let (first, last) = (points.first()?, points.last()?);
    let gain = first.excess - last.excess;
    let bytes = |point: &Point| point.movement.inter_broker_bytes as f64;
    let extra = bytes(last) - bytes(first);
    if gain <= 0.0 || extra <= 0.0 {
        return None;
    }
    let enough = |point: &&Point| first.excess - point.excess >= MOST_OF_IT * gain;
    let (number, point) = points.iter().enumerate().find(|(_, point)| enough(point))?;
    let is_last = number + 1 == points.len();
    (!is_last).then(|| {
        format!(
            "Plan {} has {} of what can be had in balance for {} of the bytes that full balance costs.",
            number + 1,
            human::percent((first.excess - point.excess) / gain),
            human::percent(if bytes(last) > 0.0 { bytes(point) / bytes(last) } else { 0.0 })
        )
    })
}

/// The frontier as a table; empty without points.
#[must_use]
pub fn text(points: &[Point]) -> String {
    if points.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        ("", Align::Right),
        ("copied", Align::Right),
        ("excess", Align::Right),
        ("outside", Align::Right),
        ("replicas", Align::Right),
        ("leaders", Align::Right),
        ("proven least", Align::Right),
        ("hard rules broken", Align::Right),
        ("how", Align::Left),
    ]);
    for (number, point) in points.iter().enumerate() {
        let bound = if point.lower_bound.bytes == 0 { "–".to_owned() } else { human::bytes(point.lower_bound.bytes) };
        table.row([
            (number + 1).to_string().into(),
            human::bytes(point.movement.inter_broker_bytes).into(),
            human::figure(point.excess).into(),
            Cell::painted(by_count(point.outside, OUTSIDE), human::count(point.outside)),
            human::count(point.movement.replica_moves).into(),
            human::count(point.movement.leader_changes).into(),
            bound.into(),
            Cell::painted(by_count(point.hard_total, BROKEN), human::count(point.hard_total)),
            Cell::painted(ASIDE, how(point)),
        ]);
    }
    let mut text = format!(
        "\n{}  plans that no other dominates; the last is written\n{}",
        paint(HEADING, "Frontier"),
        table.render()
    );
    if let Some(knee) = knee(points) {
        let _ = writeln!(text, "{knee}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Movement;
    use crate::optimize::{BoundKind, LowerBound};

    const GIB: u64 = 1 << 30;

    fn point(confined: Confined, gib: u64, excess: f64) -> Point {
        let movement =
            Movement { inter_broker_bytes: gib * GIB, replica_moves: gib, leader_changes: 3, ..Movement::default() };
        let lower_bound = LowerBound { bytes: gib * GIB / 2, kind: BoundKind::Shedding };
        Point { confined, movement, hard_total: 0, outside: (excess * 10.0) as u64, excess, lower_bound }
    }

    fn points() -> Vec<Point> {
        vec![
            point(Confined::HardRules, 0, 4.0),
            point(Confined::MaxMovedBytes(20 * GIB), 20, 0.5),
            point(Confined::Nothing, 80, 0.0),
        ]
    }

    #[test]
    fn the_table_says_how_to_get_each_plan_and_where_most_of_the_balance_is_had() {
        insta::assert_snapshot!(crate::report::sample::plain(&text(&points())));
        assert_eq!(text(&[]), "");
    }

    #[test]
    fn no_point_stands_out_where_only_the_last_is_good() {
        let all = [point(Confined::HardRules, 0, 4.0), point(Confined::Nothing, 80, 0.0)];
        assert_eq!(knee(&all), None);
        assert_eq!(knee(&all[..1]), None);
    }

    #[test]
    fn the_csv_has_a_row_per_point_and_leaves_the_ends_budgets_empty() {
        let csv = String::from_utf8(csv(&points())).unwrap_or_default();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[0].starts_with("inter_broker_bytes,excess,outside,replica_moves,hard_total,"), "{}", lines[0]);
        assert!(lines[1].ends_with(',') && lines[2].ends_with(&format!(",{}", 20 * GIB)), "{csv}");
    }
}
