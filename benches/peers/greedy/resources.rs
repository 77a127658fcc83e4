//! The goals of disk, network in, network out and cpu: each broker outside its band sheds or pulls, then trades.

use super::actions::Action;
use super::state::{Slot, State};
use super::{RESOURCES, Rule};

/// Network out and cpu, which leadership carries, are first balanced by it.
const BY_LEADERSHIP: [bool; 4] = [false, false, true, true];

/// Only leaders have it.
const NETWORK_OUT: usize = 2;

/// Trades looked at for one broker: what takes the place of the second that Cruise Control allows itself.
const TRADES_MAX: usize = 500_000;

/// Brings every broker inside the band of `resource`, as far as moves one by one do.
pub(super) fn distribute(state: &mut State<'_>, resource: usize) {
    let (low, high) = state.limits.resources[resource];
    for broker in state.brokers() {
        let mut sheds = state.utilization(broker, resource) > high;
        let mut pulls = state.utilization(broker, resource) < low;
        if BY_LEADERSHIP[resource] {
            sheds = sheds && !shed_leadership(state, broker, resource);
            pulls = pulls && !pull(state, broker, resource, true);
        }
        if sheds && !shed(state, broker, resource) {
            trade(state, broker, resource, true);
        }
        if pulls && !pull(state, broker, resource, false) {
            trade(state, broker, resource, false);
        }
    }
}

/// A broker's replicas by load, those that moved already first where `prefers_moved`.
fn by_load(state: &State<'_>, broker: usize, resource: usize, prefers_moved: bool) -> Vec<Slot> {
    let moved = |slot: &Slot| prefers_moved && state.origin[*slot] != broker;
    let load = |slot: &Slot| state.slot_load(*slot)[resource];
    let mut slots: Vec<Slot> = state.replicas[broker].iter().copied().filter(|s| state.may_move(*s)).collect();
    slots.sort_by(|a, b| moved(b).cmp(&moved(a)).then(load(b).total_cmp(&load(a))).then(a.cmp(b)));
    slots
}

/// The brokers that `pick` takes, the least used first.
fn least_used(state: &State<'_>, resource: usize, pick: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut brokers: Vec<usize> = state.brokers().filter(|b| pick(*b)).collect();
    let used = |b: &usize| state.utilization(*b, resource);
    brokers.sort_by(|a, b| used(a).total_cmp(&used(b)).then(a.cmp(b)));
    brokers
}

/// Gives leadership away, the heaviest first, to the least used follower; whether the broker came inside.
fn shed_leadership(state: &mut State<'_>, broker: usize, resource: usize) -> bool {
    let high = state.limits.resources[resource].1;
    for slot in by_load(state, broker, resource, false) {
        if !state.leads(slot) {
            continue;
        }
        let mut followers: Vec<Slot> = state.siblings(slot).filter(|s| *s != slot).collect();
        followers.retain(|s| state.utilization(state.host[*s], resource) < high);
        let used = |s: &Slot| state.utilization(state.host[*s], resource);
        followers.sort_by(|a, b| used(a).total_cmp(&used(b)).then(a.cmp(b)));
        for to in followers {
            let action = Action::Lead { to };
            if state.try_action(action, RESOURCES[resource], |s| s.is_inside_after(action, resource)) {
                break;
            }
        }
        if state.utilization(broker, resource) <= high {
            return true;
        }
    }
    false
}

/// Moves replicas away, the heaviest first, each to the least used broker that takes it; whether the broker came inside.
fn shed(state: &mut State<'_>, broker: usize, resource: usize) -> bool {
    let high = state.limits.resources[resource].1;
    let mut takers = least_used(state, resource, |b| state.utilization(b, resource) < high);
    for slot in by_load(state, broker, resource, true) {
        if state.slot_load(slot)[resource] == 0.0 {
            continue;
        }
        let taker = takers.iter().copied().find(|&to| {
            let action = Action::Move { slot, to };
            state.is_legit(action)
                && state.is_inside_after(action, resource)
                && state.accepts(action, RESOURCES[resource])
        });
        let Some(to) = taker else { continue };
        state.apply(Action::Move { slot, to });
        if state.utilization(broker, resource) <= high {
            return true;
        }
        takers = least_used(state, resource, |b| state.utilization(b, resource) < high);
    }
    false
}

/// Takes replicas, or leadership of those the broker has, from the most used, the heaviest first; whether the broker
/// came inside.
fn pull(state: &mut State<'_>, broker: usize, resource: usize, leadership: bool) -> bool {
    let low = state.limits.resources[resource].0;
    if state.has_new && !state.is_new[broker] {
        return false;
    }
    let mut givers = least_used(state, resource, |b| b != broker && state.utilization(b, resource) > low);
    while let Some(giver) = givers.pop() {
        for slot in by_load(state, giver, resource, false) {
            let load = state.slot_load(slot)[resource];
            if load == 0.0 || (resource == NETWORK_OUT && !state.leads(slot)) {
                continue;
            }
            let here = state.siblings(slot).find(|s| state.host[*s] == broker);
            let action = match (leadership, here) {
                (true, Some(to)) if state.leads(slot) => Action::Lead { to },
                (false, None) => Action::Move { slot, to: broker },
                _ => continue,
            };
            if !state.try_action(action, RESOURCES[resource], |s| s.is_inside_after(action, resource)) {
                continue;
            }
            if state.utilization(broker, resource) >= low {
                return true;
            }
            let used = |b: &usize| state.utilization(*b, resource);
            if givers.last().is_some_and(|next| used(&giver) < used(next)) {
                let at = givers.partition_point(|b| used(b) <= used(&giver));
                givers.insert(at, giver);
                break;
            }
        }
    }
    false
}

/// Trades replicas: heavy for light where the broker `sheds`, else light for heavy.
fn trade(state: &mut State<'_>, broker: usize, resource: usize, sheds: bool) {
    let (low, high) = state.limits.resources[resource];
    let mut partners = least_used(state, resource, |b| {
        let used = state.utilization(b, resource);
        b != broker && !state.replicas[b].is_empty() && if sheds { used < high } else { used > low }
    });
    if sheds {
        partners.reverse();
    }
    let mut left = TRADES_MAX;
    while let Some(partner) = partners.pop() {
        while trade_once(state, (broker, partner), resource, sheds, &mut left) {
            let used = state.utilization(broker, resource);
            if (sheds && used <= high) || (!sheds && used >= low) {
                return;
            }
        }
        if left == 0 {
            return;
        }
    }
}

/// The first trade between the two that is accepted; whether there was one.
fn trade_once(
    state: &mut State<'_>,
    (broker, partner): (usize, usize),
    resource: usize,
    sheds: bool,
    left: &mut usize,
) -> bool {
    let rule: Rule = RESOURCES[resource];
    let is_candidate = |state: &State<'_>, slot: &Slot| resource != NETWORK_OUT || state.leads(*slot);
    let mut own = by_load(state, broker, resource, false);
    let mut theirs = by_load(state, partner, resource, false);
    if sheds {
        own.retain(|slot| is_candidate(state, slot));
        theirs.reverse();
    } else {
        theirs.retain(|slot| is_candidate(state, slot));
        own.reverse();
    }
    for &out in &own {
        for &back in &theirs {
            let action = Action::Swap { out, back };
            let moved = state.moved(action)[resource];
            if (sheds && moved <= 0.0) || (!sheds && moved >= 0.0) {
                break;
            }
            if *left == 0 {
                return false;
            }
            *left -= 1;
            if !state.is_legit(action) {
                continue;
            }
            // The partner's next replica would change less: as Cruise Control, on to the broker's own next.
            if !state.is_inside_after(action, resource) {
                break;
            }
            if state.accepts(action, rule) {
                state.apply(action);
                return true;
            }
        }
    }
    false
}
