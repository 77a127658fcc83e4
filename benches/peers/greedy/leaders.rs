//! The goals of leaders: how many each broker has, and what producers write to them.

use super::Rule;
use super::actions::Action;
use super::state::{Slot, State};

/// Every broker has its share of leaders: leadership first, then replicas that lead.
pub(super) fn counts(state: &mut State<'_>) {
    let (low, high) = state.limits.leaders;
    for broker in state.brokers() {
        if state.leaders[broker] > high {
            give_leadership(state, broker, high);
            if state.leaders[broker] > high {
                give_leaders(state, broker, high);
            }
        } else if state.leaders[broker] < low {
            take_leadership(state, broker, low);
            if state.leaders[broker] < low {
                take_leaders(state, broker, low);
            }
        }
    }
}

/// The replicas of `broker` that lead, or that do not.
fn ranks(state: &State<'_>, broker: usize, leading: bool) -> Vec<Slot> {
    let mut slots: Vec<Slot> =
        state.replicas[broker].iter().copied().filter(|s| state.leads(*s) == leading && state.may_move(*s)).collect();
    slots.sort_unstable();
    slots
}

fn stays_inside(state: &State<'_>, action: Action) -> bool {
    let (from, to) = state.ends(action);
    let (low, high) = state.limits.leaders;
    state.leaders[to] < high && state.leaders[from] > low
}

fn attempt(state: &mut State<'_>, action: Action) -> bool {
    state.try_action(action, Rule::LeaderReplicaDistribution, |s| stays_inside(s, action))
}

fn give_leadership(state: &mut State<'_>, broker: usize, high: i64) {
    for slot in ranks(state, broker, true) {
        let followers: Vec<Slot> = state.siblings(slot).filter(|s| *s != slot).collect();
        followers.into_iter().any(|to| attempt(state, Action::Lead { to }));
        if state.leaders[broker] <= high {
            return;
        }
    }
}

fn give_leaders(state: &mut State<'_>, broker: usize, high: i64) {
    for slot in ranks(state, broker, true) {
        let mut takers: Vec<usize> = state.brokers().filter(|b| *b != broker && state.leaders[*b] < high).collect();
        takers.sort_by_key(|b| (state.leaders[*b], *b));
        takers.into_iter().any(|to| attempt(state, Action::Move { slot, to }));
        if state.leaders[broker] <= high {
            return;
        }
    }
}

fn take_leadership(state: &mut State<'_>, broker: usize, low: i64) {
    for to in ranks(state, broker, false) {
        attempt(state, Action::Lead { to });
        if state.leaders[broker] >= low {
            return;
        }
    }
}

fn take_leaders(state: &mut State<'_>, broker: usize, low: i64) {
    let mut givers: Vec<usize> = state.brokers().filter(|b| *b != broker && state.leaders[*b] > low).collect();
    givers.sort_by_key(|b| (state.leaders[*b], std::cmp::Reverse(*b)));
    while let Some(giver) = givers.pop() {
        for slot in ranks(state, giver, true) {
            if !attempt(state, Action::Move { slot, to: broker }) {
                continue;
            }
            if state.leaders[broker] >= low {
                return;
            }
            if givers.last().is_some_and(|next| state.leaders[giver] < state.leaders[*next]) {
                let at = givers.partition_point(|b| state.leaders[*b] <= state.leaders[giver]);
                givers.insert(at, giver);
                break;
            }
        }
    }
}

/// No broker takes much more from producers than the mean: leadership goes to the follower whose broker takes least.
pub(super) fn bytes_in(state: &mut State<'_>) {
    let high = state.limits.leader_bytes_in;
    for broker in state.brokers() {
        let mut slots = ranks(state, broker, true);
        slots.sort_by(|a, b| state.bytes_in(*b).total_cmp(&state.bytes_in(*a)).then(a.cmp(b)));
        for slot in slots {
            if state.leader_bytes_in[broker] <= high {
                break;
            }
            let mut followers: Vec<Slot> = state.siblings(slot).filter(|s| *s != slot).collect();
            let taken = |s: &Slot| state.leader_bytes_in[state.host[*s]];
            followers.sort_by(|a, b| taken(a).total_cmp(&taken(b)).then(a.cmp(b)));
            let fits = |s: &State<'_>, to: Slot| s.leader_bytes_in[s.host[to]] + s.bytes_in(to) <= high;
            let rule = Rule::LeaderBytesIn;
            followers.into_iter().any(|to| state.try_action(Action::Lead { to }, rule, |s| fits(s, to)));
        }
    }
}
