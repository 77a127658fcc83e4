//! Headroom as text, JSON and excuses: how far each group is from its limits now and after the worst loss of a broker or a
//! rack. Input: what `capacity` found. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::human;
use super::json::rounded;
use super::style::{BROKEN, GOOD, OUTSIDE};
use super::table::{Align, Cell, Table};
use crate::capacity::relief::{Relief, relief};
use crate::capacity::{Headroom, HeadroomVerdict};
use crate::model::{Criterion, Excuse, Goal, Groups, Policy, Snapshot};
use crate::verify::Usage;

/// A verdict in words.
#[must_use]
pub fn in_words(verdict: HeadroomVerdict) -> &'static str {
    match verdict {
        HeadroomVerdict::Ok => "holds",
        HeadroomVerdict::RackLossExceeds => "not after a rack is lost",
        HeadroomVerdict::BrokerLossExceeds => "not after a broker is lost",
        HeadroomVerdict::Exceeded => "exceeded now",
    }
}

/// The highest utilization of the three states: now, after the worst broker is lost, after the worst rack is.
#[must_use]
pub fn worst(headroom: &Headroom) -> f64 {
    let lost = [&headroom.broker_lost, &headroom.rack_lost].into_iter().flatten().map(|loss| loss.utilization_max);
    lost.fold(headroom.utilization_max, f64::max)
}

/// The group and goal that come nearest to their limit, or furthest beyond: the worst verdict first, then the highest
/// share of the limit in the state that the verdict is about.
#[must_use]
pub fn binding(all: &[Headroom]) -> Option<&Headroom> {
    let share = |h: &Headroom| (h.verdict, judged_utilization(h) / h.limit);
    all.iter().reduce(|a, b| {
        let (x, y) = (share(a), share(b));
        if (y.0, y.1) > (x.0, x.1) { b } else { a }
    })
}

/// The utilization that the verdict is about.
fn judged_utilization(headroom: &Headroom) -> f64 {
    let after = |loss: &Option<crate::capacity::headroom::AfterLoss>| loss.as_ref().map(|l| l.utilization_max);
    match headroom.verdict {
        HeadroomVerdict::Exceeded => headroom.utilization_max,
        HeadroomVerdict::BrokerLossExceeds => after(&headroom.broker_lost).unwrap_or(headroom.utilization_max),
        HeadroomVerdict::RackLossExceeds => after(&headroom.rack_lost).unwrap_or(headroom.utilization_max),
        HeadroomVerdict::Ok => worst(headroom),
    }
}

/// What was lost where the verdict is about a loss: ` after broker 5 is lost`.
fn after_what(headroom: &Headroom) -> String {
    let loss = match headroom.verdict {
        HeadroomVerdict::BrokerLossExceeds => &headroom.broker_lost,
        HeadroomVerdict::RackLossExceeds => &headroom.rack_lost,
        HeadroomVerdict::Exceeded => &None,
        HeadroomVerdict::Ok => {
            let both = [&headroom.broker_lost, &headroom.rack_lost];
            both.into_iter()
                .find(|loss| loss.as_ref().is_some_and(|l| l.utilization_max >= worst(headroom)))
                .unwrap_or(&None)
        }
    };
    loss.as_ref().map_or_else(String::new, |loss| format!(" after {} is lost", loss.lost))
}

/// What binds, in a sentence without its full stop.
#[must_use]
pub fn binding_in_words(headroom: &Headroom) -> String {
    let verb = if headroom.verdict == HeadroomVerdict::Ok { "comes nearest to its limit" } else { "binds" };
    format!("{} of group {} {verb}: {}", headroom.goal.name(), headroom.group, state_in_words(headroom))
}

/// The figures that the verdict is about: `61.0 % now, 95.0 % after broker 5 is lost, limit 80.0 %`.
#[must_use]
pub fn state_in_words(headroom: &Headroom) -> String {
    let lost = match after_what(headroom) {
        lost if lost.is_empty() => lost,
        lost => format!(", {}{lost}", human::percent(judged_utilization(headroom))),
    };
    format!("{} now{lost}, limit {}", human::percent(headroom.utilization_max), human::percent(headroom.limit))
}

/// Groups and goals as a table of text.
#[must_use]
pub fn table<'a>(snapshot: &Snapshot, rows: impl IntoIterator<Item = &'a Headroom>) -> Table {
    let mut table = Table::new(&[
        ("group", Align::Left),
        ("goal", Align::Left),
        ("limit", Align::Right),
        ("now", Align::Right),
        ("", Align::Left),
        ("broker lost", Align::Right),
        ("", Align::Left),
        ("rack lost", Align::Right),
        ("", Align::Left),
        ("verdict", Align::Left),
    ]);
    for row in rows {
        let share = |value: f64| {
            let style = if crate::model::band::exceeds(value, row.limit) { OUTSIDE } else { anstyle::Style::new() };
            Cell::painted(style, human::percent(value))
        };
        let loss = |loss: &Option<crate::capacity::headroom::AfterLoss>| match loss {
            Some(loss) => [share(loss.utilization_max), human::shorten(&loss.lost, NAME_WIDTH).into()],
            None => ["–".into(), "".into()],
        };
        let [broker, broker_name] = loss(&row.broker_lost);
        let [rack, rack_name] = loss(&row.rack_lost);
        let style = match row.verdict {
            HeadroomVerdict::Ok => GOOD,
            HeadroomVerdict::RackLossExceeds => OUTSIDE,
            HeadroomVerdict::BrokerLossExceeds | HeadroomVerdict::Exceeded => BROKEN,
        };
        table.row([
            human::shorten(&row.group, NAME_WIDTH).into(),
            row.goal.name().into(),
            human::percent(row.limit).into(),
            share(row.utilization_max),
            format!("broker {}", snapshot.broker(row.busiest).id).into(),
            broker,
            broker_name,
            rack,
            rack_name,
            Cell::painted(style, in_words(row.verdict)),
        ]);
    }
    table
}

/// Width of names in the table of text.
const NAME_WIDTH: usize = 16;

/// One excuse per group and goal whose limit is passed now or after a loss, with what would change it.
#[must_use]
pub fn excuses(snapshot: &Snapshot, policy: &Policy, usage: &Usage, all: &[Headroom]) -> Vec<Excuse> {
    let passed = all.iter().filter(|h| h.verdict != HeadroomVerdict::Ok);
    let excuse = |h: &Headroom| Excuse {
        subject: format!("group {}", h.group),
        criterion: Some(Criterion::Goal(h.goal)),
        value: Some(judged_utilization(h)),
        limit: Some(h.limit),
        why: format!(
            "{} of the busiest broker{}, {} allowed",
            human::percent(judged_utilization(h)),
            if h.verdict == HeadroomVerdict::Exceeded { " now".to_owned() } else { after_what(h) },
            human::percent(h.limit)
        ),
        remedy: remedy(relief(snapshot, policy, usage, h)),
    };
    passed.map(excuse).collect()
}

fn remedy(relief: Option<Relief>) -> String {
    match relief {
        Some(Relief { utilization_even, brokers_to_add: 0 }) => {
            format!("rebalance: spread evenly, the survivors would be at {}", human::percent(utilization_even))
        }
        Some(Relief { utilization_even, brokers_to_add }) => format!(
            "add at least {} of the group's mean size, for spread evenly the survivors would still be at {}; or cut load",
            human::counted(brokers_to_add, "broker"),
            human::percent(utilization_even)
        ),
        None => "add brokers in another rack, for nobody would survive".to_owned(),
    }
}

/// By group name, then goal name.
pub type HeadroomMap = BTreeMap<String, BTreeMap<&'static str, HeadroomView>>;

/// The contract's `headroom {group: {goal: …}}` of every group of `snapshot`; goals that cannot be evaluated have nulls.
#[must_use]
pub fn json(snapshot: &Snapshot, policy: &Policy, all: &[Headroom]) -> HeadroomMap {
    let groups = Groups::new(snapshot, policy);
    let of_group = |name: &String| {
        let view = |goal: Goal| {
            let found = all.iter().find(|h| h.group == *name && h.goal == goal);
            let view = found.map_or_else(|| HeadroomView::empty(policy, goal), |h| HeadroomView::of(snapshot, h));
            (goal.name(), view)
        };
        (name.clone(), Goal::UTILIZATIONS.into_iter().map(view).collect())
    };
    groups.names().iter().map(of_group).collect()
}

/// One goal of one group; figures are null where they cannot be computed.
#[derive(Debug, Default, Serialize)]
pub struct HeadroomView {
    utilization_mean: Option<f64>,
    utilization_max: Option<f64>,
    busiest_broker: Option<i32>,
    limit: Option<f64>,
    after_largest_broker_lost: Option<f64>,
    broker_lost: Option<String>,
    after_largest_rack_lost: Option<f64>,
    rack_lost: Option<String>,
    verdict: Option<&'static str>,
}

impl HeadroomView {
    fn of(snapshot: &Snapshot, headroom: &Headroom) -> Self {
        let (broker, rack) = (headroom.broker_lost.as_ref(), headroom.rack_lost.as_ref());
        Self {
            utilization_mean: Some(rounded(headroom.utilization_mean)),
            utilization_max: Some(rounded(headroom.utilization_max)),
            busiest_broker: Some(snapshot.broker(headroom.busiest).id),
            limit: Some(rounded(headroom.limit)),
            after_largest_broker_lost: broker.map(|loss| rounded(loss.utilization_max)),
            broker_lost: broker.map(|loss| loss.lost.clone()),
            after_largest_rack_lost: rack.map(|loss| rounded(loss.utilization_max)),
            rack_lost: rack.map(|loss| loss.lost.clone()),
            verdict: Some(headroom.verdict.name()),
        }
    }

    fn empty(policy: &Policy, goal: Goal) -> Self {
        Self { limit: crate::capacity::headroom::limit(policy, goal).map(rounded), ..Self::default() }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::capacity::headroom;
    use crate::capacity::not_evaluated::{NO_TRAFFIC, of_headroom};
    use crate::model::Placement;
    use crate::report::sample;

    fn of(snapshot: &Snapshot) -> Vec<Headroom> {
        headroom(snapshot, &Policy::default(), &Placement::of(snapshot))
    }

    #[test]
    fn what_is_exceeded_now_binds_before_what_a_loss_would_exceed() {
        let snapshot = sample::contract_example();
        let all = of(&snapshot);
        let binding = binding(&all).unwrap();
        assert_eq!((binding.group.as_str(), binding.goal), ("core", Goal::NetworkOut));
        assert_eq!(binding_in_words(binding), "network_out of group core binds: 122 % now, limit 80.0 %");
    }

    #[test]
    fn figures_that_are_missing_are_null_and_say_why() {
        let mut snapshot = sample::contract_example();
        snapshot.brokers[2].network_in_capacity_bytes_per_sec = None;
        let all = of(&snapshot);
        let json = serde_json::to_value(json(&snapshot, &Policy::default(), &all)).unwrap();
        let view = &json["core"]["network_in"];
        assert_eq!((&view["utilization_max"], &view["verdict"]), (&serde_json::Value::Null, &serde_json::Value::Null));
        assert_eq!(json["core"]["disk"]["utilization_max"], 0.49);
        assert_eq!(json["online"]["disk"]["after_largest_broker_lost"], serde_json::Value::Null);
        let missing = of_headroom(&snapshot, &Policy::default(), &all);
        let why = |what: &str| missing.iter().find(|m| m.what == what).unwrap().why.clone();
        assert_eq!(why("headroom.core.network_in"), "network_in_capacity_bytes_per_sec is missing for broker 3");
        assert_eq!(
            why("headroom.online.*.after_largest_broker_lost"),
            "the group has one broker, and nobody survives it"
        );
    }

    #[test]
    fn without_any_traffic_figure_only_disks_are_judged() {
        let mut snapshot = sample::contract_example();
        for partition in &mut snapshot.partitions {
            (partition.bytes_in_per_sec, partition.bytes_out_per_sec) = (0.0, 0.0);
        }
        let all = of(&snapshot);
        assert!(all.iter().all(|h| h.goal == Goal::Disk), "{all:?}");
        let missing = of_headroom(&snapshot, &Policy::default(), &all);
        let network = missing.iter().find(|m| m.what == "headroom.core.network_in").unwrap();
        assert_eq!(network.why, NO_TRAFFIC);
    }

    #[test]
    fn every_limit_that_is_passed_has_an_excuse_with_a_remedy() {
        let snapshot = sample::contract_example();
        let all = of(&snapshot);
        let usage = Usage::of(&snapshot, &Placement::of(&snapshot));
        let excuses = excuses(&snapshot, &Policy::default(), &usage, &all);
        let passed = all.iter().filter(|h| h.verdict != HeadroomVerdict::Ok).count();
        assert_eq!(excuses.len(), passed);
        let out = excuses.iter().find(|e| e.criterion == Some(Criterion::Goal(Goal::NetworkOut))).unwrap();
        assert_eq!(out.why, "122 % of the busiest broker now, 80.0 % allowed");
        assert_eq!(out.remedy, "rebalance: spread evenly, the survivors would be at 35.8 %");
    }
}
