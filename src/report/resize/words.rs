//! Sentences and cells that text, page and runbook share.

use std::collections::BTreeMap;

use crate::capacity::change::{Direction, FleetChange, HeadroomDays};
use crate::capacity::cost::MonthlyCost;
use crate::capacity::headroom::AfterLoss;
use crate::capacity::hours::HoursAt;
use crate::capacity::until::{ModelOption, Need};
use crate::capacity::{Headroom, HeadroomVerdict};
use crate::model::{Excuse, Goal, NewBroker, Policy, Snapshot};
use crate::plan::Plan;
use crate::report::{self, human};
use crate::verify::Usage;

/// Ids listed in a sentence; files have all.
const IDS: usize = 12;

/// One per limit that the plan leaves passed, now or after a loss, with what would change it.
pub(super) fn excuses(planned: &Snapshot, policy: &Policy, plan: &Plan, change: &FleetChange) -> Vec<Excuse> {
    let usage = Usage::of(planned, &plan.placement);
    report::headroom::excuses(planned, policy, &usage, &change.headroom_after)
}

/// An excuse of these in a sentence.
pub(super) fn excuse(excuse: &Excuse) -> String {
    let goal = excuse.criterion.map_or("headroom", |criterion| criterion.name());
    format!("{goal} of {}: {}; what would change it: {}", excuse.subject, excuse.why, excuse.remedy)
}

/// `3, 7–9`; beyond a dozen pieces the rest is counted.
pub(super) fn ids(ids: &[i32]) -> String {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    let mut runs: Vec<(i32, i32)> = Vec::new();
    for id in sorted {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(id) => *last = id,
            _ => runs.push((id, id)),
        }
    }
    let shown = runs.iter().take(IDS).map(|&(first, last)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first}–{last}"),
    });
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if runs.len() > IDS {
        text.push_str(" and more");
    }
    text
}

/// What is done to the brokers, in a sentence.
pub(super) fn deed(change: &FleetChange) -> String {
    match change.direction {
        Direction::Expand if change.added.is_empty() => "No broker is added".to_owned(),
        Direction::Expand => {
            let all: Vec<i32> = change.added.iter().map(|broker| broker.id).collect();
            format!("Adds {} ({}){}", human::counted(all.len() as u64, "broker"), ids(&all), places(&change.added))
        }
        Direction::Shrink if change.removed.is_empty() => "No broker can go".to_owned(),
        Direction::Shrink => {
            let all = human::counted(change.removed.len() as u64, "broker");
            format!("Empties {all} ({})", ids(&change.removed))
        }
    }
}

/// `: 2 × i3en.3xlarge in rack-a, 1 × i3en.3xlarge in rack-b of group logs`.
fn places(added: &[NewBroker]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for broker in added {
        let mut place = broker.machine_model.clone().unwrap_or_default();
        for (word, name) in [("in", &broker.rack), ("of group", &broker.group)] {
            if let Some(name) = name {
                place.push_str(&format!(" {word} {name}"));
            }
        }
        *counts.entry(place.trim().to_owned()).or_default() += 1;
    }
    let parts: Vec<String> = counts
        .into_iter()
        .filter(|(place, _)| !place.is_empty())
        .map(|(place, n)| {
            if place.starts_with("in ") || place.starts_with("of ") {
                format!("{n} {place}")
            } else {
                format!("{n} × {place}")
            }
        })
        .collect();
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}

/// The goal that is nearest to its limit, or furthest beyond, once the largest broker is lost.
pub(super) fn tightest_headroom(all: &[Headroom]) -> Option<&Headroom> {
    let value = |h: &Headroom| h.broker_lost.as_ref().map_or(h.utilization_max, |loss| loss.utilization_max) / h.limit;
    all.iter().max_by(|a, b| value(a).total_cmp(&value(b)))
}

/// What headroom is left where it is least, in a sentence; none where there are no figures.
pub(super) fn headroom(change: &FleetChange) -> Option<String> {
    let after = tightest_headroom(&change.headroom_after)?;
    let figure = |h: &Headroom| h.broker_lost.as_ref().map_or(h.utilization_max, |loss| loss.utilization_max);
    let before = change.headroom_before.iter().find(|h| h.group == after.group && h.goal == after.goal);
    let was = before.map_or_else(String::new, |h| format!(" (before: {})", human::percent(figure(h))));
    let when =
        after.broker_lost.as_ref().map_or_else(|| "as it stands".to_owned(), |loss| format!("with {} lost", loss.lost));
    let verdict = match after.verdict {
        HeadroomVerdict::Ok => "within its limit even with a rack lost",
        HeadroomVerdict::RackLossExceeds => "within its limit, but not with a rack lost",
        HeadroomVerdict::BrokerLossExceeds => "over its limit: N−1 is not kept",
        HeadroomVerdict::Exceeded => "over its limit without any loss",
    };
    Some(format!(
        "Tightest after the plan is {} of group {}: {} {when}, limit {}{was}; {verdict}",
        after.goal.name(),
        after.group,
        human::percent(figure(after)),
        human::percent(after.limit)
    ))
}

/// Days before and after.
pub(super) fn days(days: &HeadroomDays) -> (String, String) {
    let whole = |days: f64| human::count(days.round() as u64);
    (whole(days.before), whole(days.after))
}

/// A figure after a loss, `–` where nobody survives.
pub(super) fn loss(loss: Option<&AfterLoss>) -> String {
    loss.map_or_else(|| "–".to_owned(), |loss| human::percent(loss.utilization_max))
}

/// The cost before and after in a sentence; none where neither is known.
pub(super) fn cost(cost: &MonthlyCost) -> Option<String> {
    let currency = cost.currency.as_deref().unwrap_or("");
    let money =
        |value: f64| format!("{} {currency}", human::count(value.round().max(0.0) as u64)).trim_end().to_owned();
    match (cost.before, cost.after) {
        (Some(before), Some(after)) => {
            let (word, difference) = if after >= before { ("more", after - before) } else { ("less", before - after) };
            Some(format!("Machines a month: {} → {}, {} {word}", money(before), money(after), money(difference)))
        }
        (None, Some(after)) => Some(format!("Machines a month afterwards: {}", money(after))),
        (Some(before), None) => Some(format!("Machines a month as it stands: {}", money(before))),
        (None, None) => None,
    }
}

/// `3 h 10 min`, or that it never ends.
pub(super) fn hours(at: &HoursAt) -> String {
    at.hours.map_or_else(|| "never".to_owned(), |hours| human::duration(hours * 3_600.0))
}

/// A figure of `goal` with its unit.
pub(super) fn figure(goal: Goal, value: f64) -> String {
    if goal.is_count() { human::mean_count(value) } else { human::percent(value) }
}

/// The name of an option.
pub(super) fn model(option: &ModelOption) -> String {
    option.model.clone().unwrap_or_else(|| "as they are".to_owned())
}

/// What a group needs, `–` where no number will do.
pub(super) fn need(need: &Need) -> String {
    need.count.map_or_else(|| "not to be reached".to_owned(), |count| count.to_string())
}

/// What rules out one fewer: `disk 72.1 % > 70.0 %`.
pub(super) fn need_binding(need: &Need) -> String {
    need.binding.map_or_else(
        || "–".to_owned(),
        |b| format!("{} {} > {}", b.goal.name(), figure(b.goal, b.value), figure(b.goal, b.limit)),
    )
}

/// What an option's brokers cost in a month.
pub(super) fn month(option: &ModelOption) -> String {
    let Some(cost) = option.monthly_cost else { return "not known".to_owned() };
    let currency = option.currency.as_deref().unwrap_or("");
    let money = format!("{} {currency}", human::count(cost.round().max(0.0) as u64));
    if option.is_without_storage { format!("{money} + storage") } else { money.trim_end().to_owned() }
}
