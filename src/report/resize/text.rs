//! What `expand` and `shrink` print: the plan's summary with headroom, hours, cost and what binds in it.

use std::fmt::Write as _;
use std::path::Path;

use super::{SNAPSHOT_DIR, words};
use crate::capacity::headroom::AfterLoss;
use crate::capacity::until::Comparison;
use crate::capacity::{FleetChange, Headroom, HeadroomVerdict};
use crate::model::{Excuse, Policy, Snapshot};
use crate::plan::Plan;
use crate::report::style::{ASIDE, BROKEN, GOOD, HEADING, OUTSIDE, paint};
use crate::report::table::{Align, Cell, Table};
use crate::report::{human, shrink, text};

/// Width of running text.
const TEXT_WIDTH: usize = 96;
/// Brokers of `--find-max`'s order that are named.
const ORDER: usize = 20;

/// The summary of `plan`, one for `planned`, whose files are in `out_dir`.
#[must_use]
pub fn summary(planned: &Snapshot, policy: &Policy, plan: &Plan, change: &FleetChange, out_dir: &Path) -> String {
    let mut all = text::with_section(
        planned,
        policy,
        plan,
        out_dir,
        &section(change, &words::excuses(planned, policy, plan, change)),
    );
    let _ = writeln!(
        all,
        "{}/{SNAPSHOT_DIR} is the snapshot with these brokers; `evenkeel verify` takes it or the one you gave.",
        out_dir.display()
    );
    all
}

fn section(change: &FleetChange, excuses: &[Excuse]) -> String {
    let mut text = String::new();
    paragraph(&mut text, &format!("{}.", words::deed(change)));
    if let Some(line) = words::headroom(change) {
        paragraph(&mut text, &format!("{line}."));
    }
    for (id, replicas) in &change.left_behind {
        let kept = human::counted(*replicas, "replica");
        let line = format!("Broker {id} keeps {kept}: their partitions get no entry, and it cannot go before that.");
        let _ = writeln!(text, "{}", paint(BROKEN, &line));
    }
    for line in &change.asked.assumptions {
        let _ = writeln!(text, "{}", paint(ASIDE, &format!("Assumed: {line}.")));
    }
    text.push_str(&find_max(change));
    text.push_str(&until(change));
    text.push_str(&only_to_new(change));
    text.push_str(&headroom(change));
    for excuse in excuses {
        for line in human::wrapped(&format!("→ {}", words::excuse(excuse)), TEXT_WIDTH) {
            let _ = writeln!(text, "  {}", paint(ASIDE, &line));
        }
    }
    text.push_str(&days(change));
    text.push_str(&hours_and_cost(change));
    text
}

fn paragraph(text: &mut String, line: &str) {
    for line in human::wrapped(line, TEXT_WIDTH) {
        let _ = writeln!(text, "{line}");
    }
}

fn find_max(change: &FleetChange) -> String {
    let Some(groups) = &change.asked.find_max else { return String::new() };
    let mut text = String::from("\n");
    for group in groups {
        paragraph(&mut text, &format!("{}.", shrink::max(group)));
        let (go, stay) = group.order.split_at(group.count.min(group.order.len()));
        let list = |ids: &[i32]| ids.iter().take(ORDER).map(i32::to_string).collect::<Vec<_>>().join(", ");
        let more = |ids: &[i32]| if ids.len() > ORDER { ", …" } else { "" };
        if !go.is_empty() {
            let _ = writeln!(text, "  In this order: {}{}.", list(go), more(go));
        }
        if let Some(next) = stay.first() {
            let _ = writeln!(text, "  {}", paint(ASIDE, &format!("Next would be {next}.")));
        }
        if let Some(binding) = &group.binding {
            let _ = writeln!(text, "  {}", paint(ASIDE, &format!("→ {}", shrink::relief(binding))));
        }
    }
    text
}

fn until(change: &FleetChange) -> String {
    let Some((thresholds, Comparison { options, .. })) = &change.asked.until else { return String::new() };
    let asked: Vec<String> =
        thresholds.iter().map(|t| format!("{} ≤ {}", t.goal.name(), words::figure(t.goal, t.most))).collect();
    let mut table = Table::new(&[
        (&format!("until {}", asked.join(", ")), Align::Left),
        ("group", Align::Left),
        ("brokers", Align::Right),
        ("one fewer", Align::Left),
        ("a month", Align::Right),
    ]);
    for option in options {
        for (row, need) in option.needs.iter().enumerate() {
            let style = if need.count.is_some() { GOOD } else { BROKEN };
            table.row([
                if row == 0 { words::model(option).into() } else { "".into() },
                human::shorten(&need.group, 24).into(),
                Cell::painted(style, words::need(need)),
                Cell::painted(ASIDE, words::need_binding(need)),
                if row == 0 { words::month(option).into() } else { "".into() },
            ]);
        }
    }
    let mut text = format!("\n{}", table.render());
    if options.len() > 1
        && let Some(first) = options.first()
    {
        let _ = writeln!(text, "  Planned below: {}.", words::model(first));
    }
    text
}

fn only_to_new(change: &FleetChange) -> String {
    let Some(cost) = change.asked.only_to_new else { return String::new() };
    let (own, free) = cost.inter_broker_bytes;
    let mut text = String::from("\n");
    paragraph(
        &mut text,
        &format!(
            "Only new brokers receive: {} copied, excess {}, {} outside. Free to copy anywhere: {}, excess {}, {} outside.",
            human::bytes(own),
            human::figure(cost.excess.0),
            human::count(cost.outside.0),
            human::bytes(free),
            human::figure(cost.excess.1),
            human::count(cost.outside.1)
        ),
    );
    text
}

fn headroom(change: &FleetChange) -> String {
    let mut text = String::new();
    let mut groups: Vec<&str> = change.headroom_after.iter().map(|h| h.group.as_str()).collect();
    groups.dedup();
    for group in groups {
        let mut table = Table::new(&[
            (&human::shorten(&format!("headroom {group}"), 24), Align::Left),
            ("busiest", Align::Right),
            ("→", Align::Right),
            ("broker lost", Align::Right),
            ("→", Align::Right),
            ("rack lost", Align::Right),
            ("→", Align::Right),
            ("limit", Align::Right),
            ("", Align::Left),
        ]);
        for after in change.headroom_after.iter().filter(|h| h.group == group) {
            let before = change.headroom_before.iter().find(|h| h.group == group && h.goal == after.goal);
            table.row(headroom_row(before, after));
        }
        let _ = write!(text, "\n{}", table.render());
    }
    text
}

fn headroom_row(before: Option<&Headroom>, after: &Headroom) -> [Cell; 9] {
    let old =
        |pick: fn(&Headroom) -> Option<&AfterLoss>| before.map_or_else(|| "–".to_owned(), |h| words::loss(pick(h)));
    let new = |loss: Option<&AfterLoss>| {
        let is_over = loss.is_some_and(|loss| crate::model::band::exceeds(loss.utilization_max, after.limit));
        Cell::painted(if is_over { OUTSIDE } else { GOOD }, words::loss(loss))
    };
    let style = if after.verdict == HeadroomVerdict::Exceeded { BROKEN } else { GOOD };
    [
        after.goal.name().into(),
        before.map_or_else(|| "–".to_owned(), |h| human::percent(h.utilization_max)).into(),
        Cell::painted(style, human::percent(after.utilization_max)),
        old(|h| h.broker_lost.as_ref()).into(),
        new(after.broker_lost.as_ref()),
        old(|h| h.rack_lost.as_ref()).into(),
        new(after.rack_lost.as_ref()),
        human::percent(after.limit).into(),
        Cell::painted(ASIDE, after.verdict.name()),
    ]
}

fn days(change: &FleetChange) -> String {
    if change.days.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        ("days to the limit", Align::Left),
        ("", Align::Left),
        ("now", Align::Right),
        ("→", Align::Right),
        ("", Align::Left),
    ]);
    for (row, days) in change.days.iter().enumerate() {
        let (before, after) = words::days(days);
        let how = if row == 0 { "busiest broker, at the growth that the history forecasts" } else { "" };
        let group = human::shorten(&days.group, 24);
        let after = Cell::painted(if days.after < days.before { OUTSIDE } else { GOOD }, after);
        table.row([group.into(), days.goal.name().into(), before.into(), after, Cell::painted(ASIDE, how)]);
    }
    format!("\n{}", table.render())
}

fn hours_and_cost(change: &FleetChange) -> String {
    let mut text = String::from("\n");
    if change.hours.sweep.iter().any(|at| at.hours != Some(0.0)) {
        let mut table =
            Table::new(&[("throttle per broker", Align::Right), ("copies take", Align::Right), ("", Align::Left)]);
        for at in &change.hours.sweep {
            let is_suggested = at.throttle_bytes_per_sec == change.hours.suggested.throttle_bytes_per_sec;
            table.row([
                human::rate(at.throttle_bytes_per_sec as f64).into(),
                words::hours(at).into(),
                Cell::painted(HEADING, if is_suggested { "suggested" } else { "" }),
            ]);
        }
        text.push_str(&table.render());
    }
    if let Some(line) = words::cost(&change.cost) {
        paragraph(&mut text, &format!("{line}."));
    }
    for missing in &change.not_evaluated {
        let line = format!("Not evaluated: {}: {}.", missing.what, missing.why);
        for line in human::wrapped(&line, TEXT_WIDTH) {
            let _ = writeln!(text, "{}", paint(ASIDE, &line));
        }
    }
    text
}
