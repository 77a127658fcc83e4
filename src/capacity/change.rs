//! What adding or removing brokers comes to: headroom and cost before and after, hours, what could not be computed.

use std::collections::{BTreeMap, BTreeSet};

use super::NotEvaluated;
use super::cost::{MonthlyCost, monthly_cost};
use super::forecast::Forecast;
use super::headroom::{Headroom, headroom};
use super::hours::{Hours, HoursAt, hours};
use super::not_evaluated::of_headroom;
use super::shrink::GroupMax;
use super::thresholds::Threshold;
use super::until::Comparison;
use crate::ingest::catalogue::Catalogue;
use crate::model::{BrokerIdx, Goal, NewBroker, Placement, Policy, Snapshot};
use crate::plan::Plan;

/// By group and goal, how much its load grows in a day, as a share of today's; what a forecast from history says.
pub type Growth = BTreeMap<(String, Goal), f64>;

/// The median growth of each series that `forecast` has, as [`GoalForecast::growth_per_day`] says.
///
/// [`GoalForecast::growth_per_day`]: super::forecast::GoalForecast::growth_per_day
#[must_use]
pub fn growth(forecast: &Forecast) -> Growth {
    let of =
        |series: &super::forecast::GoalForecast| Some(((series.group.clone(), series.goal), series.growth_per_day()?));
    forecast.series.iter().filter_map(of).collect()
}

/// Which way the number of brokers changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Brokers are added.
    Expand,
    /// Brokers are emptied, to be taken away.
    Shrink,
}

/// How long the busiest broker stays below its limit.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadroomDays {
    /// The group.
    pub group: String,
    /// The goal.
    pub goal: Goal,
    /// Days until the limit is reached, with the brokers as they were; 0 where it is passed.
    pub before: f64,
    /// The same afterwards.
    pub after: f64,
}

/// What copying onto new brokers alone costs against a plan that may copy anywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnlyToNew {
    /// Bytes copied between brokers by this plan and by the free one.
    pub inter_broker_bytes: (u64, u64),
    /// Excess after this plan and after the free one.
    pub excess: (f64, f64),
    /// Outside their bands after this plan and after the free one.
    pub outside: (u64, u64),
}

/// What is asked of the change beside the plan itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// What was assumed where the operator left something open.
    pub assumptions: Vec<String>,
    /// The thresholds of `--until` and the options by machine model, the one that is planned first.
    pub until: Option<(Vec<Threshold>, Comparison)>,
    /// What `--only-to-new` costs.
    pub only_to_new: Option<OnlyToNew>,
    /// What `--find-max` found, by group.
    pub find_max: Option<Vec<GroupMax>>,
}

/// What the change comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetChange {
    /// Which way.
    pub direction: Direction,
    /// Brokers added, ascending by id.
    pub added: Vec<NewBroker>,
    /// Ids of brokers removed, in the order in which they leave.
    pub removed: Vec<i32>,
    /// Replicas that stay on removed brokers, by broker id: their partitions get no entry.
    pub left_behind: BTreeMap<i32, u64>,
    /// Before.
    pub headroom_before: Vec<Headroom>,
    /// After the plan.
    pub headroom_after: Vec<Headroom>,
    /// Where growth is known.
    pub days: Vec<HeadroomDays>,
    /// How long the plan takes.
    pub hours: Hours,
    /// What the brokers cost.
    pub cost: MonthlyCost,
    /// What else was asked.
    pub asked: Asked,
    /// Everything that is absent.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// Who changes.
pub struct Change<'a> {
    /// Which way.
    pub direction: Direction,
    /// The cluster as it stands.
    pub original: &'a Snapshot,
    /// With brokers added or draining: what the plan is for.
    pub planned: &'a Snapshot,
    /// The policy.
    pub policy: &'a Policy,
    /// Machine models, for prices.
    pub catalogue: &'a Catalogue,
    /// Brokers added.
    pub added: Vec<NewBroker>,
    /// Ids of brokers removed.
    pub removed: Vec<i32>,
    /// What the history says of growth; none without one.
    pub forecast: Option<&'a Forecast>,
}

impl Change<'_> {
    /// What the change comes to once `plan` is carried out.
    #[must_use]
    pub fn outcome(self, plan: &Plan, asked: Asked) -> FleetChange {
        let gone: BTreeSet<i32> = self.removed.iter().copied().collect();
        let (cost, unpriced) = monthly_cost(self.original, self.catalogue, &self.added, &gone);
        let headroom_before = headroom(self.original, self.policy, &Placement::of(self.original));
        let headroom_after = headroom(self.planned, self.policy, &plan.placement);
        let growth = self.forecast.map(growth).unwrap_or_default();
        let days = days(&headroom_before, &headroom_after, &growth);
        let hours = hours(plan);
        let mut not_evaluated = of_headroom(self.planned, self.policy, &headroom_after);
        not_evaluated.extend(without_days(&headroom_after, &days, &growth, self.forecast));
        not_evaluated.extend(unpriced);
        not_evaluated.extend(plan.timetable.not_evaluated.iter().cloned());
        not_evaluated.extend(hours.sweep.iter().filter(|at| at.hours.is_none()).map(endless));
        if let Some((_, Comparison { options, not_evaluated: refused })) = &asked.until {
            not_evaluated.extend(options.iter().flat_map(|option| option.not_evaluated.iter().cloned()));
            not_evaluated.extend(refused.iter().cloned());
        }
        FleetChange {
            direction: self.direction,
            left_behind: left_behind(self.planned, &plan.placement, &gone),
            headroom_before,
            headroom_after,
            days,
            hours,
            cost,
            asked,
            not_evaluated,
            added: self.added,
            removed: self.removed,
        }
    }
}

/// The groups and goals without days, and why: one entry for all without a history.
fn without_days(
    all: &[Headroom],
    days: &[HeadroomDays],
    growth: &Growth,
    forecast: Option<&Forecast>,
) -> Vec<NotEvaluated> {
    let Some(forecast) = forecast else {
        let why = "no growth is known: the plan was made without a forecast from history";
        return vec![NotEvaluated::new("headroom_days", why)];
    };
    let entry = |one: &Headroom| {
        let what = format!("headroom_days.{}.{}", one.group, one.goal.name());
        let why = match growth.get(&(one.group.clone(), one.goal)) {
            Some(rate) if *rate <= 0.0 => "by the history it does not grow".to_owned(),
            Some(_) => "it has no load before or after".to_owned(),
            None => {
                let subject = format!("{} of group {}", one.goal.name(), one.group);
                let refused = forecast.not_evaluated.iter().find(|m| m.what == subject || m.what == "forecast");
                refused.map_or_else(|| "its growth is not known".to_owned(), |missing| missing.why.clone())
            }
        };
        NotEvaluated::new(what, why)
    };
    let has_days = |one: &&Headroom| days.iter().any(|d| d.group == one.group && d.goal == one.goal);
    let mut missing: Vec<NotEvaluated> = all.iter().filter(|one| !has_days(one)).map(entry).collect();
    if missing.is_empty() && days.is_empty() {
        missing.push(NotEvaluated::new("headroom_days", "no headroom has a figure"));
    }
    missing
}

fn endless(at: &HoursAt) -> NotEvaluated {
    let what = format!("move_hours at {} bytes per second", at.throttle_bytes_per_sec);
    NotEvaluated::new(what, "the copies never end: more than the throttle is written meanwhile")
}

fn left_behind(snapshot: &Snapshot, placement: &Placement, gone: &BTreeSet<i32>) -> BTreeMap<i32, u64> {
    let mut counts = vec![0_u64; snapshot.brokers.len()];
    for p in snapshot.partition_indices() {
        placement.seats(p).iter().for_each(|seat| counts[seat.broker.row()] += 1);
    }
    let rows = counts.into_iter().enumerate().map(|(row, count)| (snapshot.broker(BrokerIdx::new(row)).id, count));
    rows.filter(|(id, count)| *count > 0 && gone.contains(id)).collect()
}

/// Days until the busiest broker reaches the limit while all loads grow by the same share of today's each day:
/// (limit ÷ utilization − 1) ÷ growth. None without growth or load.
#[must_use]
pub fn days_to_limit(headroom: &Headroom, growth_per_day: Option<f64>) -> Option<f64> {
    let growth = growth_per_day.filter(|growth| growth.is_finite() && *growth > 0.0)?;
    let is_loaded = headroom.utilization_max > 0.0;
    is_loaded.then(|| ((headroom.limit / headroom.utilization_max - 1.0) / growth).max(0.0))
}

fn days(before: &[Headroom], after: &[Headroom], growth: &Growth) -> Vec<HeadroomDays> {
    let of = |new: &Headroom| {
        let rate = growth.get(&(new.group.clone(), new.goal)).copied();
        let old = before.iter().find(|old| old.group == new.group && old.goal == new.goal)?;
        let (before, after) = (days_to_limit(old, rate)?, days_to_limit(new, rate)?);
        Some(HeadroomDays { group: new.group.clone(), goal: new.goal, before, after })
    };
    after.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::HeadroomVerdict;

    fn at(utilization_max: f64) -> Headroom {
        Headroom {
            group: "g".to_owned(),
            goal: Goal::Disk,
            utilization_mean: utilization_max,
            utilization_max,
            busiest: BrokerIdx::new(0),
            limit: 0.8,
            broker_lost: None,
            rack_lost: None,
            verdict: HeadroomVerdict::Ok,
        }
    }

    #[test]
    fn days_are_the_room_over_the_growth_and_absent_without_it() {
        // From 0.5 to 0.8 is 60 % more; at 1 % of today's load a day that is 60 days.
        assert!(days_to_limit(&at(0.5), Some(0.01)).is_some_and(|days| (days - 60.0).abs() < 1e-9));
        assert_eq!(days_to_limit(&at(0.9), Some(0.01)), Some(0.0), "passed already");
        assert_eq!(days_to_limit(&at(0.5), None), None);
        assert_eq!(days_to_limit(&at(0.5), Some(0.0)), None, "never is no number");
        let growth = Growth::from([(("g".to_owned(), Goal::Disk), 0.01)]);
        let gained = days(&[at(0.64)], &[at(0.5)], &growth);
        assert!(matches!(gained.as_slice(), [d] if (d.before - 25.0).abs() < 1e-9 && (d.after - 60.0).abs() < 1e-9));
    }
}
