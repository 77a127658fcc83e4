//! What of a policy narrows one run, as plan.json tells it: triggers, floors and the flags in force.

use serde::Serialize;
use serde::ser::Serializer;

use crate::model::{Goal, Policy, Scope};

/// Every goal's trigger: a share of the mean, or "never".
pub(super) struct TriggersView<'a>(pub(super) &'a Policy);

impl Serialize for TriggersView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let goals = self.0.bands.spoken_of().filter(|goal| goal.has_trigger());
        serializer.collect_map(goals.map(|goal| (goal.name(), Trigger::of(self.0.trigger(goal)))))
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Trigger {
    Share(f64),
    Word(&'static str),
}

impl Trigger {
    fn of(share: f64) -> Self {
        if share.is_finite() { Self::Share(share) } else { Self::Word("never") }
    }
}

/// Every utilization's floor.
pub(super) struct FloorsView<'a>(pub(super) &'a Policy);

impl Serialize for FloorsView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let floor = |goal: Goal| self.0.floors.get(&goal).copied().unwrap_or(0.0);
        serializer.collect_map(Goal::UTILIZATIONS.into_iter().map(|goal| (goal.name(), floor(goal))))
    }
}

/// The flags that confine a run; none where there are none.
#[derive(Serialize)]
pub(super) struct ScopeView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    only_goal: Option<Vec<&'static str>>,
    leadership_only: bool,
    exclude_broker: Vec<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    relieve_disks: bool,
}

impl<'a> ScopeView<'a> {
    /// The view of `scope`, none where it confines nothing.
    pub(super) fn of(scope: &'a Scope) -> Option<Self> {
        (*scope != Scope::default()).then(|| Self {
            only_goal: scope.goals.as_ref().map(|goals| goals.iter().map(|goal| goal.name()).collect()),
            leadership_only: scope.leadership_only,
            exclude_broker: scope.exclude_brokers.iter().copied().collect(),
            group: scope.group.as_deref(),
            relieve_disks: scope.relieve_disks,
        })
    }
}
