//! The goals of replicas, of replicas of each topic, and of what brokers would send if they led all they hold.

use super::Rule;
use super::actions::Action;
use super::state::{CAPACITY, Slot, State};

/// Every broker has its share of replicas.
pub(super) fn replicas(state: &mut State<'_>) {
    let (low, high) = state.limits.replicas;
    even(state, Rule::ReplicaDistribution, (low, high), &|s, b| s.replicas[b].len() as i64, &|s, b| {
        s.replicas[b].clone()
    });
}

/// Every broker has its share of every topic.
pub(super) fn topics(state: &mut State<'_>) {
    for topic in 0..state.of_topic.len() {
        if state.excluded[topic] {
            continue;
        }
        let limits = state.limits.topics[topic];
        even(state, Rule::TopicReplicaDistribution, limits, &|s, b| s.of_topic[topic][b], &|s, b| {
            s.replicas[b].iter().copied().filter(|slot| s.topic_of(*slot) == topic).collect()
        });
    }
}

type Count<'c> = &'c dyn Fn(&State<'_>, usize) -> i64;
type Members<'c> = &'c dyn Fn(&State<'_>, usize) -> Vec<Slot>;

/// Brings the count of every broker between the limits, broker by broker.
fn even(state: &mut State<'_>, rule: Rule, limits: (i64, i64), count: Count<'_>, members: Members<'_>) {
    for broker in state.brokers() {
        if count(state, broker) > limits.1 {
            give(state, broker, rule, limits, count, members);
        } else if count(state, broker) < limits.0 && (!state.has_new || state.is_new[broker]) {
            take(state, broker, rule, limits, count, members);
        }
    }
}

/// Those that moved already first, then the smallest.
fn smallest_first(state: &State<'_>, broker: usize, mut slots: Vec<Slot>) -> Vec<Slot> {
    let key = |s: &Slot| (state.origin[*s] == broker, state.slot_load(*s)[0]);
    slots.sort_by(|a, b| {
        let ((stays_a, size_a), (stays_b, size_b)) = (key(a), key(b));
        stays_a.cmp(&stays_b).then(size_a.total_cmp(&size_b)).then(a.cmp(b))
    });
    slots
}

/// Moves replicas from `broker` to those with the fewest, until it is inside.
fn give(
    state: &mut State<'_>,
    broker: usize,
    rule: Rule,
    (low, high): (i64, i64),
    count: Count<'_>,
    members: Members<'_>,
) {
    for slot in smallest_first(state, broker, members(state, broker)) {
        let mut takers: Vec<usize> = state.brokers().filter(|b| *b != broker && count(state, *b) < high).collect();
        takers.sort_by_key(|b| (count(state, *b), *b));
        let is_wanted = |s: &State<'_>, to: usize| count(s, to) < high && count(s, broker) > low;
        takers.into_iter().any(|to| state.try_action(Action::Move { slot, to }, rule, |s| is_wanted(s, to)));
        if count(state, broker) <= high {
            return;
        }
    }
}

/// Moves replicas to `broker` from those with the most, until it is inside.
fn take(
    state: &mut State<'_>,
    broker: usize,
    rule: Rule,
    (low, high): (i64, i64),
    count: Count<'_>,
    members: Members<'_>,
) {
    let mut givers: Vec<usize> = state.brokers().filter(|b| *b != broker && count(state, *b) > low).collect();
    givers.sort_by_key(|b| (count(state, *b), std::cmp::Reverse(*b)));
    while let Some(giver) = givers.pop() {
        for slot in smallest_first(state, giver, members(state, giver)) {
            let action = Action::Move { slot, to: broker };
            if !state.try_action(action, rule, |s| count(s, broker) < high && count(s, giver) > low) {
                continue;
            }
            if count(state, broker) >= low {
                return;
            }
            if givers.last().is_some_and(|next| count(state, giver) < count(state, *next)) {
                let at = givers.partition_point(|b| count(state, *b) <= count(state, giver));
                givers.insert(at, giver);
                break;
            }
        }
    }
}

/// No broker would send more than its network allows, led it all that it holds.
pub(super) fn potential_network_out(state: &mut State<'_>) {
    let limit = |s: &State<'_>, b: usize| CAPACITY[2] * s.capacity[b][2];
    for broker in state.brokers() {
        let mut slots = state.replicas[broker].clone();
        slots.sort_unstable();
        for slot in slots {
            if state.potential_out[broker] <= limit(state, broker) {
                break;
            }
            let fits = |s: &State<'_>, b: usize| s.potential_out[b] + s.potential(slot) <= limit(s, b);
            let mut takers: Vec<usize> = state.brokers().filter(|b| *b != broker && fits(state, *b)).collect();
            takers.sort_by(|a, b| state.load[*b][2].total_cmp(&state.load[*a][2]).then(a.cmp(b)));
            let rule = Rule::PotentialNetworkOut;
            takers.into_iter().any(|to| state.try_action(Action::Move { slot, to }, rule, |s| fits(s, to)));
        }
    }
}
