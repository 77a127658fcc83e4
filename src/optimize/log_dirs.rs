//! Evens log dirs within brokers, once replicas have their brokers.
//!
//! A dir is too full beyond the hard limit or its band. Replicas that are arriving anyway are redirected first, for that
//! copies nothing; then the smallest resident replica that is large enough goes to the dir with most room (multiway
//! number partitioning by largest deficit), until every dir is inside or nothing helps.

use super::balance::is_free;
use super::problem::{NONE, Problem, row};
use super::state::State;
use crate::model::policy::Bands;
use crate::model::{Goal, band};

/// Changes per broker: a guard against a broker with ten thousand replicas that cannot be evened.
const CHANGES_MAX: usize = 2_000;

/// Evens the dirs of every broker.
pub(crate) fn even_log_dirs(problem: &Problem<'_>, state: &mut State) {
    for broker in 0..row(problem.brokers.len()) {
        let facts = &problem.brokers[broker as usize];
        if facts.in_band && facts.dirs_planned && !facts.excluded && problem.in_scope(facts.group) {
            let pursued = is_pursued(problem, state, broker);
            even_broker(problem, state, broker, pursued);
        }
    }
}

/// Whether the dirs of `broker` are to be evened: the run is after that, and some dir is beyond the goal's trigger.
pub(super) fn is_pursued(problem: &Problem<'_>, state: &State, broker: u32) -> bool {
    let policy = problem.policy;
    if !policy.scope.pursues(Goal::LogDir) {
        return false;
    }
    let Some(&trigger) = policy.triggers.get(&Goal::LogDir) else { return true };
    let bands = Bands { log_dir: trigger.max(policy.bands.log_dir), ..policy.bands.clone() };
    let Some((mean, serving)) = serving_dirs(problem, state, broker) else { return false };
    trigger.is_finite() && serving.iter().any(|&(_, share)| band::exceeds(share, band::log_dir(mean, &bands)))
}

/// Σ over dirs of the distance beyond the band ÷ their broker's mean, as the contract reports it.
pub(crate) fn log_dir_excess(problem: &Problem<'_>, state: &State) -> f64 {
    let bands = &problem.policy.bands;
    let mut sum = 0.0;
    for broker in 0..row(problem.brokers.len()) {
        if let Some((mean, serving)) = serving_dirs(problem, state, broker).filter(|_| bands.log_dir > 0.0) {
            let limit = band::log_dir(mean, bands);
            sum +=
                serving.iter().map(|&(_, share)| (share - limit).max(0.0)).sum::<f64>() / mean.max(f64::MIN_POSITIVE);
        }
    }
    sum
}

/// The mean utilization of the serving dirs of a broker in band, and each one's; none where a capacity is unknown or
/// nothing is on them.
fn serving_dirs(problem: &Problem<'_>, state: &State, broker: u32) -> Option<(f64, Vec<(u32, f64)>)> {
    let facts = &problem.brokers[broker as usize];
    let (first, count) = facts.dirs;
    let serving: Vec<u32> = (first..first + count).filter(|&d| problem.dirs[d as usize].serving).collect();
    let capacity = |d: u32| problem.dirs[d as usize].capacity_bytes;
    let total: f64 = serving.iter().map(|&d| capacity(d)).sum();
    let mean = serving.iter().map(|&d| state.dir_bytes[d as usize]).sum::<f64>() / total;
    let shares = serving.into_iter().map(|d| (d, state.dir_bytes[d as usize] / capacity(d))).collect();
    (facts.in_band && total.is_finite() && mean > 0.0).then_some((mean, shares))
}

fn even_broker(problem: &Problem<'_>, state: &mut State, broker: u32, pursued: bool) {
    for _ in 0..CHANGES_MAX {
        let Some(ceilings) = ceilings(problem, state, broker, pursued) else { return };
        let over = |&(dir, ceiling): &(u32, f64)| (state.dir_bytes[dir as usize] - ceiling, dir);
        let worst = ceilings.iter().map(over).max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        let Some((excess, dir)) = worst.filter(|w| w.0 > 0.0) else { return };
        // Where the goal is not pursued only the hard limit is worth a copy.
        let limit = problem.dirs[dir as usize].limit_bytes;
        let copies = pursued || state.dir_bytes[dir as usize] > limit;
        if !relieve(problem, state, (broker, copies), dir, excess, &ceilings) {
            return;
        }
    }
}

/// The most bytes that each serving dir of `broker` should hold; none where a capacity is unknown. Where the goal is not
/// pursued, a dir that was fuller at the start may stay so.
pub(super) fn ceilings(problem: &Problem<'_>, state: &State, broker: u32, pursued: bool) -> Option<Vec<(u32, f64)>> {
    let (first, count) = problem.brokers[broker as usize].dirs;
    let serving: Vec<u32> = (first..first + count).filter(|&d| problem.dirs[d as usize].serving).collect();
    let capacity = |d: u32| problem.dirs[d as usize].capacity_bytes;
    let total: f64 = serving.iter().map(|&d| capacity(d)).sum();
    if !total.is_finite() || total <= 0.0 {
        return None;
    }
    let mean = serving.iter().map(|&d| state.dir_bytes[d as usize]).sum::<f64>() / total;
    let bands = &problem.policy.bands;
    let soft = if bands.log_dir > 0.0 { band::log_dir(mean, bands) } else { f64::INFINITY };
    let limit = |d: u32| problem.policy.limits.log_dir * capacity(d);
    let given = |d: u32| if pursued { 0.0 } else { state.home_dir_bytes[d as usize] };
    let ceiling = |d: u32| (soft * capacity(d)).max(given(d)).min(limit(d)) * (1.0 - 1e-9);
    Some(serving.into_iter().map(|d| (d, ceiling(d))).collect())
}

/// Moves one replica off `dir`, a resident one only where `copies` allows it; whether one could be.
fn relieve(
    problem: &Problem<'_>,
    state: &mut State,
    (broker, copies): (u32, bool),
    dir: u32,
    excess: f64,
    ceilings: &[(u32, f64)],
) -> bool {
    let room = |&(d, ceiling): &(u32, f64)| (ceiling - state.dir_bytes[d as usize], d);
    let open = ceilings.iter().filter(|(d, _)| *d != dir && problem.dirs[*d as usize].receives).map(room);
    let Some((most, target)) = open.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1))) else { return false };
    let bytes_of = |slot: u32| state.bytes_on(problem, slot, broker);
    let movable = |slot: &u32| {
        let bytes = bytes_of(*slot);
        state.dir[*slot as usize] == dir
            && bytes > 0.0
            && bytes <= most
            && may_change_dir(problem, state, (broker, copies), *slot)
    };
    let found = state.on_broker[broker as usize].iter().copied().filter(movable).min_by(|&a, &b| {
        let rank = |slot: u32| {
            let resident = state.home_of(problem, slot, broker).is_some();
            (resident, waste(bytes_of(slot), excess))
        };
        let (x, y) = (rank(a), rank(b));
        x.0.cmp(&y.0).then(x.1.total_cmp(&y.1)).then(a.cmp(&b))
    });
    let Some(slot) = found else { return false };
    debug_assert_ne!(target, NONE, "a receiving dir has a row");
    state.relocate(problem, slot, broker, target);
    true
}

/// Whether `slot` may go to another dir of `broker`: where it is arriving anyway, or copies between dirs are allowed.
pub(super) fn may_change_dir(problem: &Problem<'_>, state: &State, (broker, copies): (u32, bool), slot: u32) -> bool {
    state.home_of(problem, slot, broker).is_none()
        || (copies && problem.brokers[broker as usize].dirs_movable && is_free(problem, slot))
}

/// How ill `bytes` suits an excess: what it moves beyond it, or, where it is not enough, what others must still move on
/// top of a little for being one of several.
fn waste(bytes: f64, excess: f64) -> f64 {
    if bytes >= excess { bytes - excess } else { 0.25 * excess + (excess - bytes) }
}
