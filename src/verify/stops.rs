//! Whether a plan may be stopped after any of its batches, by a simulation that shares nothing with what made them.
//!
//! Input: what each batch wants, and how the cluster stands after each. A batch is at fault where it leaves a rule's
//! count higher than it found it, or the excess higher without repairing a rule, although some later batch makes up
//! for it and all up to that one have room to be carried out as one. A rise that nothing makes up for is the whole
//! plan's, and `before` and `after` tell of it; one that room alone forces is no fault.

use super::reassignment::{Deviation, Wanted};
use super::state::State;
use super::walk::Stand;
use crate::model::Snapshot;

/// Excess that summing in another order may add, relative.
const ROUNDING: f64 = 1e-6;

/// So many rises are looked into; a plan with more is at fault in any case.
const RISES_MAX: usize = 20;

/// Reports the batches after which nobody should have to stop. `stands` has one more than `batches`: before the first and
/// after each.
pub(super) fn check(snapshot: &Snapshot, batches: &[Vec<Wanted>], stands: &[Stand], found: &mut Vec<Deviation>) {
    let mut rises = 0;
    for (first, pair) in stands.windows(2).enumerate() {
        let [before, after] = pair else { continue };
        let Some(rise) = worsening(before, after) else { continue };
        let later = stands.iter().enumerate().skip(first + 2);
        let made_up = later.filter(|(_, later)| worsening(before, later).is_none()).map(|(number, _)| number).next();
        let Some(last) = made_up else { continue };
        rises += 1;
        if rises <= RISES_MAX && has_room(snapshot, batches, first, last) {
            let message = format!(
                "stopping after it leaves {rise}; only batch {last} makes up for that, and there is room to carry out \
                 batches {} to {last} as one",
                first + 1
            );
            found.push(Deviation::new("unsafe_stop", format!("batch {}", first + 1), message));
        }
    }
}

/// What is worse in `after`, in words; none where nothing is.
fn worsening(before: &Stand, after: &Stand) -> Option<String> {
    for (&rule, &count) in &after.hard {
        let old = before.hard.get(&rule).copied().unwrap_or(0);
        if count > old {
            return Some(format!("{count} violations of {} where there were {old}", rule.name()));
        }
    }
    let (old, new) = (before.excess, after.excess);
    let is_higher = new > old + ROUNDING * old.max(1.0);
    (is_higher && after.hard_total() >= before.hard_total())
        .then(|| format!("an excess of {new:.4} where it was {old:.4}"))
}

/// Whether batches `first` (an offset) up to `last` (exclusive) could be one: every dir holds what it held before them
/// and all that they bring for good.
fn has_room(snapshot: &Snapshot, batches: &[Vec<Wanted>], first: usize, last: usize) -> bool {
    let mut start = State::of(snapshot);
    for wanted in batches.iter().take(first).flatten() {
        start.reassign(wanted.partition, &wanted.wishes);
    }
    let run = || batches.iter().take(last).skip(first).flatten();
    let mut end = start.clone();
    run().for_each(|wanted| drop(end.reassign(wanted.partition, &wanted.wishes)));
    let mut used: Vec<u128> = snapshot.log_dirs.iter().map(|dir| u128::from(dir.other_used_bytes)).collect();
    for resident in snapshot.partition_indices().flat_map(|p| start.residents(p)) {
        if let Some(dir) = resident.seat.log_dir {
            used[dir.row()] += u128::from(resident.size_bytes);
        }
    }
    let mut touched: Vec<_> = run().map(|wanted| wanted.partition).collect();
    touched.sort_unstable();
    touched.dedup();
    for partition in touched {
        let old = start.seats(partition);
        for resident in end.residents(partition).iter().filter(|r| !old.contains(&r.seat)) {
            if let Some(dir) = resident.seat.log_dir {
                used[dir.row()] += u128::from(resident.size_bytes);
            }
        }
    }
    let fits = |(used, dir): (&u128, &crate::model::LogDir)| dir.capacity_bytes.is_none_or(|c| *used <= u128::from(c));
    used.iter().zip(&snapshot.log_dirs).all(fits)
}
