//! Means over all cases, computed partition by partition without drawing any; and chances of rare events, by cut sets.
//!
//! A partition only cares which of the few units that its replicas go with are drawn. That pattern's chance is
//! hypergeometric, domains being drawn independently, and means add up over partitions whatever their placement: with
//! replicas on f brokers each, E\[lost\] = P · C(N−f, k−f) ÷ C(N, k), for f = 3 that is P · C(k, 3) ÷ C(N, 3).
//!
//! A cut set is a least set of units whose failure does something to a partition. Where none is smaller than the k that
//! are drawn, P(any) is the number of different cut sets of size k ÷ C(N, k): exact, and no sample of rare events is.
//! With three replicas apart and k = 3, that number is what Cidon et al. call copysets (USENIX ATC 2013).

use super::chance::{combinations_f64, pattern_chance};
use super::units::{Standing, Units, remains_without, touched_by};
use crate::model::Snapshot;

/// Units that a partition's replicas may go with at most for its patterns to be written out: 2^12 of them.
const TOUCHED_MAX: usize = 12;

/// The mean numbers of partitions lost, offline and under min ISR over all cases; none where a partition's replicas go
/// with more units than can be written out.
pub(super) fn means(snapshot: &Snapshot, units: &Units) -> Option<[f64; 3]> {
    let mut means = [0.0; 3];
    for partition in snapshot.partition_indices() {
        let chances = chances(units, &units.standing_of(snapshot, partition), units.min_isr[partition.row()])?;
        means.iter_mut().zip(chances).for_each(|(mean, chance)| *mean += chance);
    }
    Some(means)
}

/// The chances that a partition with the standing `replicas` is lost, offline, under min ISR; none where they go with
/// more units than can be written out.
pub(super) fn chances(units: &Units, replicas: &[Standing], min_isr: u32) -> Option<[f64; 3]> {
    let touched = touched_by(replicas);
    if touched.len() > TOUCHED_MAX {
        return None;
    }
    let draw_of: Vec<usize> = touched.iter().map(|unit| units.draw_of(*unit)).collect();
    let mut chances = [0.0; 3];
    for mask in 0..1_u32 << touched.len() {
        let verdict = verdict(replicas, &touched, mask, min_isr);
        if !verdict.contains(&true) {
            continue;
        }
        let chance = chance_of(units, &draw_of, mask);
        for (sum, holds) in chances.iter_mut().zip(verdict) {
            *sum += if holds { chance } else { 0.0 };
        }
    }
    Some(chances)
}

/// Whether a partition is lost, offline, under min ISR when those of the `touched` units fail whose bits `mask` has.
fn verdict(replicas: &[Standing], touched: &[u32], mask: u32, min_isr: u32) -> [bool; 3] {
    let failed = |unit: u32| touched.iter().position(|t| *t == unit).is_some_and(|bit| mask >> bit & 1 == 1);
    remains_without(replicas, failed).verdict(min_isr)
}

/// The chance that of the touched units, which belong to the draws `draw_of`, exactly those of `mask` fail.
fn chance_of(units: &Units, draw_of: &[usize], mask: u32) -> f64 {
    let of_draw = |(slot, (_, draw)): (usize, &(u32, super::units::Draw))| {
        let own = || draw_of.iter().enumerate().filter(move |(_, d)| **d == slot);
        let failed = own().filter(|(bit, _)| mask >> bit & 1 == 1).count();
        pattern_chance(draw.of, draw.take, own().count(), failed)
    };
    units.draws.iter().enumerate().map(of_draw).product()
}

/// The chances that any partition is lost, offline, under min ISR, where cut sets tell; for draws from one domain.
pub(super) fn chances_by_cut_sets(snapshot: &Snapshot, units: &Units) -> [Option<f64>; 3] {
    let [(_, draw)] = units.draws.as_slice() else { return [None; 3] };
    let mut cuts: [Option<Vec<Vec<u32>>>; 3] = [const { Some(Vec::new()) }; 3];
    for partition in snapshot.partition_indices() {
        let (replicas, min_isr) = (units.standing_of(snapshot, partition), units.min_isr[partition.row()]);
        let touched = touched_by(&replicas);
        if touched.len() > TOUCHED_MAX {
            return [None; 3];
        }
        for (slot, cuts) in cuts.iter_mut().enumerate() {
            let Some(found) = cuts else { continue };
            let holds = |mask: u32| verdict(&replicas, &touched, mask, min_isr)[slot];
            match cuts_of_size(touched.len(), draw.take, holds) {
                Some(masks) => found.extend(masks.into_iter().map(|mask| members(&touched, mask))),
                None => *cuts = None,
            }
        }
    }
    let ways = combinations_f64(draw.of as u64, draw.take as u64);
    let before = units.before.figures();
    let chance = |slot: usize, cuts: Option<Vec<Vec<u32>>>| {
        // What is so already is so in every case.
        if before[slot] > 0 {
            return Some(1.0);
        }
        let mut cuts = cuts?;
        cuts.sort_unstable();
        cuts.dedup();
        Some(cuts.len() as f64 / ways)
    };
    let [lost, offline, under_min_isr] = cuts;
    [chance(0, lost), chance(1, offline), chance(2, under_min_isr)]
}

/// The sets of `size` of `touched` units for which `holds`; none where it holds for a smaller one. What holds for a set
/// holds for every set with it.
fn cuts_of_size(touched: usize, size: usize, holds: impl Fn(u32) -> bool) -> Option<Vec<u32>> {
    let sized = |wanted: usize| (0..1_u32 << touched).filter(move |mask| mask.count_ones() as usize == wanted);
    // All sets smaller by one, or all there are where fewer are touched than drawn.
    let smaller = (size - 1).min(touched);
    if sized(smaller).any(&holds) {
        return None;
    }
    Some(sized(size).filter(|mask| holds(*mask)).collect())
}

fn members(touched: &[u32], mask: u32) -> Vec<u32> {
    touched.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, unit)| *unit).collect()
}
