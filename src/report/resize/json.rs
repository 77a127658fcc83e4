//! The keys that `expand` and `shrink` add to plan.json (contract §6).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::capacity::FleetChange;
use crate::capacity::change::{Direction, OnlyToNew};
use crate::capacity::hours::HoursAt;
use crate::capacity::thresholds::Threshold;
use crate::capacity::until::{Comparison, ModelOption, Need};
use crate::ingest::kafka_files::StatedBroker;
use crate::model::{Excuse, Policy, Snapshot};
use crate::report::headroom::{self, HeadroomMap};
use crate::report::json::{ExcuseView, NotEvaluatedView, not_evaluated, rounded};
use crate::report::shrink::{self, BindingView, GroupView};

/// See the module.
#[derive(Serialize)]
pub(super) struct Keys<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<Vec<StatedBroker>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<&'a [i32]>,
    #[serde(flatten)]
    find_max: Option<FindMaxView<'a>>,
    planned_snapshot: PlannedView,
    assumptions: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<UntilView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    only_to_new: Option<OnlyToNewView>,
    left_behind: Vec<LeftBehindView>,
    headroom: HeadroomMap,
    headroom_before: HeadroomMap,
    headroom_excuses: Vec<ExcuseView<'a>>,
    headroom_days: Option<BTreeMap<&'a str, BTreeMap<&'static str, DaysView>>>,
    move_hours: Option<f64>,
    move_hours_by_throttle: Vec<HoursView>,
    monthly_cost: CostView<'a>,
    not_evaluated: Vec<NotEvaluatedView<'a>>,
}

#[derive(Serialize)]
struct PlannedView {
    path: &'static str,
    sha256: String,
}

#[derive(Serialize)]
struct LeftBehindView {
    broker_id: i32,
    replicas: u64,
}

#[derive(Serialize)]
struct DaysView {
    before: f64,
    after: f64,
    gained: f64,
}

#[derive(Serialize)]
struct HoursView {
    throttle_bytes_per_sec: u64,
    hours: Option<f64>,
}

impl From<&HoursAt> for HoursView {
    fn from(at: &HoursAt) -> Self {
        Self { throttle_bytes_per_sec: at.throttle_bytes_per_sec, hours: at.hours.map(rounded) }
    }
}

#[derive(Serialize)]
struct CostView<'a> {
    before: Option<f64>,
    after: Option<f64>,
    currency: Option<&'a str>,
}

#[derive(Serialize)]
struct OnlyToNewView {
    inter_broker_bytes: u64,
    free_inter_broker_bytes: u64,
    excess: f64,
    free_excess: f64,
    outside: u64,
    free_outside: u64,
}

impl From<OnlyToNew> for OnlyToNewView {
    fn from(cost: OnlyToNew) -> Self {
        Self {
            inter_broker_bytes: cost.inter_broker_bytes.0,
            free_inter_broker_bytes: cost.inter_broker_bytes.1,
            excess: rounded(cost.excess.0),
            free_excess: rounded(cost.excess.1),
            outside: cost.outside.0,
            free_outside: cost.outside.1,
        }
    }
}

#[derive(Serialize)]
struct UntilView<'a> {
    thresholds: BTreeMap<&'static str, f64>,
    options: Vec<OptionView<'a>>,
}

#[derive(Serialize)]
struct OptionView<'a> {
    model: Option<&'a str>,
    reached: bool,
    brokers: usize,
    monthly_cost: Option<f64>,
    monthly_cost_without_storage: bool,
    currency: Option<&'a str>,
    groups: Vec<NeedView<'a>>,
}

#[derive(Serialize)]
struct NeedView<'a> {
    resource_group: &'a str,
    count: Option<usize>,
    lower_bound: usize,
    plans: usize,
    binding: Option<GoalBindingView>,
    busiest: BTreeMap<&'static str, f64>,
}

#[derive(Serialize)]
struct GoalBindingView {
    goal: &'static str,
    value: f64,
    limit: f64,
}

impl<'a> From<&'a Need> for NeedView<'a> {
    fn from(need: &'a Need) -> Self {
        Self {
            resource_group: &need.group,
            count: need.count,
            lower_bound: need.lower_bound,
            plans: need.plans,
            binding: need.binding.map(|binding| GoalBindingView {
                goal: binding.goal.name(),
                value: rounded(binding.value),
                limit: rounded(binding.limit),
            }),
            busiest: need.reached.iter().map(|(threshold, value)| (threshold.goal.name(), rounded(*value))).collect(),
        }
    }
}

impl<'a> From<&'a (Vec<Threshold>, Comparison)> for UntilView<'a> {
    fn from((thresholds, Comparison { options, .. }): &'a (Vec<Threshold>, Comparison)) -> Self {
        let option = |option: &'a ModelOption| OptionView {
            model: option.model.as_deref(),
            reached: option.is_reached(),
            brokers: option.added.brokers.len(),
            monthly_cost: option.monthly_cost.map(rounded),
            monthly_cost_without_storage: option.is_without_storage,
            currency: option.currency.as_deref(),
            groups: option.needs.iter().map(NeedView::from).collect(),
        };
        Self {
            thresholds: thresholds.iter().map(|t| (t.goal.name(), rounded(t.most))).collect(),
            options: options.iter().map(option).collect(),
        }
    }
}

#[derive(Serialize)]
struct FindMaxView<'a> {
    removable: &'a [i32],
    count: usize,
    binding: Option<BindingView<'a>>,
    groups: Vec<GroupView<'a>>,
}

/// The keys of `change`, whose planned snapshot's files hash to `sha256`.
pub(super) fn keys<'a>(
    planned: &'a Snapshot,
    policy: &'a Policy,
    change: &'a FleetChange,
    excuses: &'a [Excuse],
    sha256: String,
) -> Keys<'a> {
    let expands = change.direction == Direction::Expand;
    let headroom = |figures| headroom::json(planned, policy, figures);
    let asked = &change.asked;
    Keys {
        added: expands.then(|| change.added.iter().map(StatedBroker::from).collect()),
        removed: (!expands).then_some(change.removed.as_slice()),
        find_max: asked.find_max.as_ref().map(|groups| FindMaxView {
            removable: &change.removed,
            count: change.removed.len(),
            binding: shrink::tightest(groups).map(BindingView::from),
            groups: groups.iter().map(GroupView::from).collect(),
        }),
        planned_snapshot: PlannedView { path: super::SNAPSHOT_DIR, sha256 },
        assumptions: &asked.assumptions,
        until: asked.until.as_ref().map(UntilView::from),
        only_to_new: asked.only_to_new.map(OnlyToNewView::from),
        left_behind: change
            .left_behind
            .iter()
            .map(|(&broker_id, &replicas)| LeftBehindView { broker_id, replicas })
            .collect(),
        headroom: headroom(&change.headroom_after),
        headroom_before: headroom(&change.headroom_before),
        headroom_excuses: excuses.iter().map(ExcuseView::from).collect(),
        headroom_days: days(change),
        move_hours: change.hours.suggested.hours.map(rounded),
        move_hours_by_throttle: change.hours.sweep.iter().map(HoursView::from).collect(),
        monthly_cost: CostView {
            before: change.cost.before.map(rounded),
            after: change.cost.after.map(rounded),
            currency: change.cost.currency.as_deref(),
        },
        not_evaluated: not_evaluated(&change.not_evaluated),
    }
}

fn days(change: &FleetChange) -> Option<BTreeMap<&str, BTreeMap<&'static str, DaysView>>> {
    let mut map: BTreeMap<&str, BTreeMap<&'static str, DaysView>> = BTreeMap::new();
    for days in &change.days {
        let (before, after) = (rounded(days.before), rounded(days.after));
        let view = DaysView { before, after, gained: rounded(days.after - days.before) };
        map.entry(&days.group).or_default().insert(days.goal.name(), view);
    }
    (!map.is_empty()).then_some(map)
}
