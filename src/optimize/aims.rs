//! What the search is after where a policy or a flag narrows it: which goals it pursues, and how far the others may go.
//!
//! A goal that is not pursued is not ignored: each broker may stand as far outside its band as it stood at the start, and
//! no further. So every step that lowers the search's penalty lowers the reported excess by as much at least, and no
//! scope lets the total excess rise. Sources: contract §3 ("not the total excess rises"); Cruise Control's goals skip a
//! resource below a utilization in the same way as `[floors]`.

use super::problem::{DISK, LANES, NONE, Problem, Vector};
use super::state::State;
use crate::model::band;
use crate::model::{Goal, Policy};

/// Room around what is taken as given, in means: sums of floats and the growth of means are not a broker's doing.
const GIVEN_ROOM: f64 = 1e-7;

/// What the search is after.
#[derive(Clone, Debug)]
pub(crate) struct Aims {
    /// Loads at the start: how far each broker may stand outside bands that are not pursued.
    given: Vec<Vector>,
    /// By group: whether each lane is pursued.
    pursued: Vec<[bool; LANES]>,
    /// Whether only upper edges are pursued.
    upper_only: bool,
    /// Whether topics are brought down to their limits.
    pub(crate) topics: bool,
    /// Each broker: whether its loads matter at all.
    matters: Vec<bool>,
}

impl Aims {
    /// What the policy is after in the state as it stands; none where that is every goal everywhere.
    pub(crate) fn of(problem: &Problem<'_>, state: &State) -> Option<Self> {
        Self::held_to(problem, state, has_triggers(problem.policy))
    }

    /// As [`Self::of`], triggers and floors aside: what leadership is after.
    pub(crate) fn untriggered(problem: &Problem<'_>, state: &State) -> Option<Self> {
        Self::held_to(problem, state, false)
    }

    fn held_to(problem: &Problem<'_>, state: &State, triggers: bool) -> Option<Self> {
        let policy = problem.policy;
        let scope = &policy.scope;
        let everything = scope.goals.is_none() && scope.group.is_none() && !scope.relieve_disks;
        if everything && !triggers {
            return None;
        }
        let groups = problem.groups.names().len();
        let pursued = (0..groups).map(|group| {
            let mut lanes = [false; LANES];
            for (lane, goal) in Goal::BROKER.into_iter().enumerate() {
                lanes[lane] = scope.pursues(goal) && (!triggers || triggered(problem, state, group, lane));
            }
            lanes
        });
        Some(Self {
            given: state.load.clone(),
            pursued: pursued.collect(),
            upper_only: scope.relieve_disks,
            topics: scope.pursues(Goal::TopicSpread) && (!triggers || topics_triggered(problem, state)),
            matters: problem.brokers.iter().map(|b| problem.in_scope(b.group)).collect(),
        })
    }

    /// Nothing but the hard limits: what is beyond them sheds, and nothing else gets worse.
    pub(crate) fn limits_alone(problem: &Problem<'_>, state: &State) -> Self {
        Self {
            given: state.load.clone(),
            pursued: vec![[false; LANES]; problem.groups.names().len()],
            upper_only: false,
            topics: false,
            matters: problem.brokers.iter().map(|b| problem.in_scope(b.group)).collect(),
        }
    }

    /// The edges in force on broker `b` for `lane`, where the policy's are `low` … `high`: `scale` turns loads into
    /// means, `cap` is the hard limit.
    pub(crate) fn edges(
        &self,
        problem: &Problem<'_>,
        (b, lane): (usize, usize),
        scale: f64,
        (low, high, cap): (f64, f64, f64),
    ) -> (f64, f64) {
        let group = problem.brokers[b].group;
        let pursued = group != NONE && self.pursued[group as usize][lane];
        let given = self.given[b][lane] * scale;
        let low = if pursued && !self.upper_only { low } else { low.min(given - GIVEN_ROOM) };
        let high = if pursued { high } else { high.max((given + GIVEN_ROOM).min(cap)) };
        (low, high)
    }

    /// Whether broker `b`'s loads matter: those of other groups than the one planned do not.
    pub(crate) fn matters(&self, b: usize) -> bool {
        self.matters[b]
    }
}

/// Whether goals wait for more than their bands before they cause copies.
pub(crate) fn has_triggers(policy: &Policy) -> bool {
    !policy.triggers.is_empty() || !policy.floors.is_empty()
}

/// Whether some broker of `group` is beyond the goal's trigger, and some at its floor.
fn triggered(problem: &Problem<'_>, state: &State, group: usize, lane: usize) -> bool {
    let goal = Goal::BROKER[lane];
    let (trigger, floor) = (problem.policy.trigger(goal), problem.policy.floors.get(&goal).copied().unwrap_or(0.0));
    let member = |b: &usize| problem.brokers[*b].in_band && problem.brokers[*b].group as usize == group;
    let members: Vec<usize> = (0..problem.brokers.len()).filter(member).collect();
    let known = !goal.is_count() && members.iter().all(|&b| problem.brokers[b].capacity[lane] > 0.0);
    let capacity = |b: usize| if known { problem.brokers[b].capacity[lane] } else { 1.0 };
    let total: f64 = members.iter().map(|&b| state.load[b][lane]).sum();
    let room: f64 = members.iter().map(|&b| capacity(b)).sum();
    let (low, high) = if trigger.is_infinite() {
        return false;
    } else if goal.is_count() {
        let (low, high) = band::count(total.round() as u64, members.len(), trigger);
        (low as f64, high as f64)
    } else {
        band::utilization(total / room, trigger)
    };
    let values = || members.iter().map(|&b| state.load[b][lane] / capacity(b));
    let is_busy = !known || floor <= 0.0 || values().any(|value| value >= floor);
    is_busy && values().any(|value| band::distance(value, (low, high)) > 0.0)
}

/// Whether some broker holds more replicas of some topic than the trigger allows.
fn topics_triggered(problem: &Problem<'_>, state: &State) -> bool {
    let policy = problem.policy;
    let Some(&trigger) = policy.triggers.get(&Goal::TopicSpread) else { return true };
    if trigger.is_infinite() {
        return false;
    }
    let bands = crate::model::policy::Bands { topic_spread: policy.trigger(Goal::TopicSpread), ..policy.bands.clone() };
    (0_u32..).zip(&problem.topics).any(|(t, facts)| {
        let limit = band::topic_spread(u64::from(facts.slots.1), facts.eligible as usize, &bands);
        facts.spread_limit != NONE
            && (facts.slots.0..facts.slots.0 + facts.slots.1).any(|s| {
                let broker = state.broker[s as usize];
                state.spread.judges(problem, t, broker)
                    && u64::from(state.spread.count(problem, &state.broker, t, broker)) > limit
            })
    })
}

/// Closes the brokers and log dirs that are too full to receive anything while disks are relieved: those above the upper
/// edge of their bands or their limits.
pub(crate) fn close_what_is_full(problem: &mut Problem<'_>, state: &State) {
    if !problem.policy.scope.relieve_disks {
        return;
    }
    for b in 0..problem.brokers.len() {
        let (_, high) = state.bands.band(b, DISK);
        if state.bands.ratio(b, &state.load[b], DISK) > high {
            problem.brokers[b].receives = false;
        }
        let (first, count) = problem.brokers[b].dirs;
        let serving = || (first as usize..(first + count) as usize).filter(|&d| problem.dirs[d].serving);
        let capacity: f64 = serving().map(|d| problem.dirs[d].capacity_bytes).sum();
        if !capacity.is_finite() || capacity <= 0.0 {
            continue;
        }
        let mean = serving().map(|d| state.dir_bytes[d]).sum::<f64>() / capacity;
        let limit = problem.policy.limits.log_dir.min(band::log_dir(mean, &problem.policy.bands));
        let full: Vec<usize> =
            serving().filter(|&d| state.dir_bytes[d] > limit * problem.dirs[d].capacity_bytes).collect();
        full.into_iter().for_each(|d| problem.dirs[d].receives = false);
    }
}
