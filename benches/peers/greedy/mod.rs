//! A goal-by-goal greedy after the order, bands and acceptance that Cruise Control publishes. It is not Cruise Control.
//!
//! Input: a snapshot of active brokers with one log dir each. Output: a placement. Pure; the same input gives the same
//! placement. What was taken from where, rule by rule (docs/peers.md has the list for readers):
//! - the order of goals and their thresholds: `default.goals` and the analyzer's settings in the wiki's
//!   "Configurations"; every balance threshold t is used as (t − 1) · 0.9, its margin against churn;
//! - a goal goes through the brokers by id once; each sheds or pulls until it is inside the band, and may trade replicas
//!   where that does not do (`ResourceDistributionGoal`, "rebalance by leadership movement, replica movement, swap");
//! - an action is taken if it keeps the goal's own limits on both brokers and every goal before it accepts it
//!   (`AbstractGoal`, `actionAcceptance` of each goal). Goals after it are not asked, bytes are not weighed, and no goal
//!   is gone back to;
//! - with new brokers, replicas only go to these, or back to where they came from (`GoalUtils`).
//!
//! What differs: time limits are counts of trials, so that the answer does not depend on the clock; brokers are their own
//! hosts; a change of leadership counts for what it really moves. Hard goals come first and mend nothing here, for the
//! cases compared break none.

mod accept;
mod actions;
mod counts;
mod leaders;
mod resources;
mod state;

use evenkeel::model::{Placement, Snapshot};

pub(crate) use state::State;

/// Soft goals in Cruise Control's default order. The hard ones, `RackAwareGoal`, `ReplicaCapacityGoal` and the four
/// capacity goals, are before all of them; `MinTopicLeadersPerBrokerGoal` is for topics that somebody names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    ReplicaDistribution,
    PotentialNetworkOut,
    Disk,
    NetworkIn,
    NetworkOut,
    Cpu,
    TopicReplicaDistribution,
    LeaderReplicaDistribution,
    LeaderBytesIn,
}

/// Resources by their place in loads.
const RESOURCES: [Rule; 4] = [Rule::Disk, Rule::NetworkIn, Rule::NetworkOut, Rule::Cpu];

/// Where the replicas end. `excluded` says by topic whether it may not be moved.
pub(crate) fn rebalance(snapshot: &Snapshot, excluded: &[bool]) -> Placement {
    let mut state = State::new(snapshot, excluded);
    counts::replicas(&mut state);
    counts::potential_network_out(&mut state);
    for resource in 0..RESOURCES.len() {
        resources::distribute(&mut state, resource);
    }
    counts::topics(&mut state);
    leaders::counts(&mut state);
    leaders::bytes_in(&mut state);
    state.placement()
}
