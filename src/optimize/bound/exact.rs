//! Bounds of small clusters: the linear program's, rebuilt from its duals, and branch and bound over it.
//!
//! Every part's bound is the Lagrangian at the prices that its linear program names, so that it holds whatever the
//! solver's tolerance; a part is dropped only where that is no less than what our plan copies. The part with the least bound
//! comes next, so stopping early leaves the least bound of what is open. Budgets count parts.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::super::Effort;
use super::super::milp::relaxed;
use super::super::solution::BoundKind;
use super::relaxation::{Hold, Relaxation};

/// Nearer than this to 0 or 1 is whole.
const WHOLE: f64 = 1e-6;

/// What proving may spend.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Places up to which the Lagrangian is climbed by subgradients.
    pub(super) places: usize,
    /// Places up to which the linear program is solved.
    pub(super) linear_places: usize,
    /// Places up to which it is branched on.
    branch_places: usize,
    /// Parts that are looked at.
    parts: usize,
}

impl Budget {
    /// The budget at `effort`: some milliseconds, but for thorough effort, where it may be seconds.
    pub(super) fn of(effort: Effort) -> Self {
        let tiny = Self { places: 150, linear_places: 150, branch_places: 150, parts: 12 };
        match effort {
            Effort::Quick => tiny,
            Effort::Normal => Self { places: 1_500, ..tiny },
            Effort::Thorough => Self { places: 15_000, linear_places: 12_000, branch_places: 1_500, parts: 150 },
        }
    }
}

/// Proves what it can of a plan that copies `ours` bytes; never more than `ours`.
pub(super) fn climb(relaxation: &Relaxation, ours: f64, budget: Budget) -> (f64, BoundKind) {
    let root = part(relaxation, relaxation.holds.clone(), 0.0, ours);
    let linear = root.bound;
    if reaches(linear, ours) || relaxation.places.len() > budget.branch_places {
        return (linear.min(ours), BoundKind::Lp);
    }
    let mut open = BinaryHeap::from([root]);
    for _ in 0..budget.parts {
        let Some(Part { bound, holds, split: Some(split) }) = open.peek().cloned() else { break };
        open.pop();
        for hold in [Hold::In, Hold::Out] {
            let mut holds = holds.clone();
            holds[split] = hold;
            let child = part(relaxation, holds, bound, ours);
            if !reaches(child.bound, ours) {
                open.push(child);
            }
        }
    }
    let least = open.peek().map_or(ours, |part| part.bound);
    (least, if least.ceil() > linear.ceil() { BoundKind::Mip } else { BoundKind::Lp })
}

/// Whether a plan of whole bytes that copies no less than `bound` copies no less than `ours`.
fn reaches(bound: f64, ours: f64) -> bool {
    bound.ceil() >= ours
}

/// A part of all placements.
#[derive(Clone, Debug)]
struct Part {
    /// No plan of it copies less.
    bound: f64,
    holds: Vec<Hold>,
    /// The place to decide next, none where the program's answer is whole.
    split: Option<usize>,
}

/// The part of placements that keep to `holds`, of which `known` is proven. A part whose program is not solved has nothing to
/// be split by, and keeps what is known.
fn part(relaxation: &Relaxation, holds: Vec<Hold>, known: f64, ours: f64) -> Part {
    let Some(found) = relaxed::solve(relaxation, &holds, ours) else {
        return Part { bound: known, holds, split: None };
    };
    let bound = relaxation.value(&found.prices, &holds).max(known);
    let weight = |place: usize| {
        let half = 0.5 - (found.values[place] - 0.5).abs();
        if half > WHOLE && holds[place] == Hold::Open { half } else { 0.0 }
    };
    let split = (0..holds.len()).max_by(|&x, &y| weight(x).total_cmp(&weight(y)).then(y.cmp(&x)));
    Part { bound, split: split.filter(|&place| weight(place) > 0.0), holds }
}

impl Ord for Part {
    /// The greatest is the next to look at: that of the least bound.
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound).then(other.split.cmp(&self.split))
    }
}

impl PartialOrd for Part {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Part {}
