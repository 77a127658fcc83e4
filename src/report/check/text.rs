//! [`CheckReport`] as a screen of text, about 100 columns wide.

use std::fmt::Write as _;

use anstyle::Style;

use super::CheckReport;
use super::hot_spots::HotSpot;
use crate::capacity::HeadroomVerdict;
use crate::model::band;
use crate::model::{BrokerState, Criterion, Excuse, Goal, GoalBalance, Rule};
use crate::report::excuses::{explain, grouped};
use crate::report::headroom;
use crate::report::human;
use crate::report::standing::{Unit, band_in_words};
use crate::report::style::{ASIDE, BROKEN, GOOD, HEADING, OUTSIDE, by_count, paint};
use crate::report::table::{Align, Cell, Table};

/// Examples named per broken rule and per reason: enough to look into, few enough to stay a screen high.
const EXAMPLES: usize = 2;
/// Rows of modelled against measured: the JSON has all.
const WORST_BROKERS: usize = 5;
/// Width of what stands beside a rule's name and count.
const DETAIL_WIDTH: usize = 72;
/// Groups and resources whose headroom is listed.
const HEADROOM_ROWS: usize = 12;
/// Width of a hot spot's name: three stand beside each other.
const HOT_SPOT_WIDTH: usize = 20;

pub(super) fn render(report: &CheckReport<'_>) -> String {
    let mut text = cluster(report);
    text.push_str(&hard_rules(report));
    text.push_str(&goals(report));
    text.push_str(&headroom(report));
    text.push_str(&hot_spots(report));
    text.push_str(&topic_leaders(report));
    text.push_str(&model_error(report));
    text.push_str(&left_out(report));
    text.push('\n');
    text.push_str(&verdict(report));
    text
}

fn cluster(report: &CheckReport<'_>) -> String {
    let snapshot = report.snapshot;
    let info = &snapshot.cluster;
    let mut text = format!("{}  captured {}", paint(HEADING, &info.cluster_id), info.captured_at);
    if let Some(window) = &info.window {
        let _ = write!(text, "\ntraffic is the {} of {} to {}", window.statistic.name(), window.start, window.end);
    }
    let in_state = |state| snapshot.brokers.iter().filter(|b| b.state == state).count();
    let states = BrokerState::ALL.into_iter().map(|state| (in_state(state), state));
    let states: Vec<String> =
        states.filter(|(n, _)| *n > 0).map(|(n, state)| format!("{n} {}", state.name())).collect();
    let bytes: u64 = snapshot.replicas.iter().map(|r| r.size_bytes).sum();
    let count = |n: usize, noun| human::counted(n as u64, noun);
    let _ = writeln!(
        text,
        "\n{} ({}), {}, {}, {}, {}, {}",
        count(snapshot.brokers.len(), "broker"),
        states.join(", "),
        count(snapshot.racks.len(), "rack"),
        count(snapshot.topics.len(), "topic"),
        count(snapshot.partitions.len(), "partition"),
        count(snapshot.replicas.len(), "replica"),
        human::bytes(bytes),
    );
    text
}

fn hard_rules(report: &CheckReport<'_>) -> String {
    let total = report.assessment.hard_total();
    if total == 0 {
        return format!("\n{}  {}\n", paint(HEADING, "Hard rules"), paint(GOOD, "all hold"));
    }
    let title = format!("{} broken", human::count(total));
    let mut text = format!("\n{}  {}\n", paint(HEADING, "Hard rules"), paint(BROKEN, &title));
    let mut table = Table::new(&[("", Align::Left), ("", Align::Right), ("", Align::Left)]);
    for group in grouped(&report.excuses) {
        let Some(Criterion::Rule(rule)) = group.criterion else { continue };
        let count = human::count(report.assessment.hard_count(rule));
        let mut lead = [Cell::painted(BROKEN, rule.name()), Cell::painted(BROKEN, count)];
        for excuse in group.excuses.iter().take(EXAMPLES) {
            let [name, count] = std::mem::replace(&mut lead, ["".into(), "".into()]);
            table.row([name, count, human::shorten(&example(excuse), DETAIL_WIDTH).into()]);
        }
        table.row(["".into(), "".into(), Cell::painted(ASIDE, format!("→ {}", group.remedy))]);
    }
    text.push_str(&table.render());
    text
}

fn example(excuse: &Excuse) -> String {
    format!("{}: {}", excuse.subject, excuse.why)
}

fn goals(report: &CheckReport<'_>) -> String {
    let mut text = String::new();
    for (group, goals) in &report.assessment.balance {
        let standing = report.standings.iter().find(|standing| standing.name == *group);
        let brokers = standing.map_or(0, |standing| standing.brokers.len());
        let _ = writeln!(
            text,
            "\n{} {}",
            paint(HEADING, &format!("Group {group}")),
            paint(ASIDE, &format!("({} compared)", human::counted(brokers as u64, "broker")))
        );
        let mut table = Table::new(&[
            ("goal", Align::Left),
            ("mean", Align::Right),
            ("min", Align::Right),
            ("max", Align::Right),
            ("band", Align::Right),
            ("outside", Align::Right),
            ("excess", Align::Right),
        ]);
        for (goal, balance) in goals {
            let standing = standing.and_then(|standing| standing.goal(*goal));
            let unit = standing.map_or(Unit::Count, |standing| standing.unit);
            let figures = match balance.range {
                Some(r) => [r.mean, r.min, r.max].map(|value| unit.format(value)),
                None => [const { String::new() }; 3],
            };
            let band = standing.map_or_else(
                || band_in_words(report.policy, *goal),
                |s| s.unit.format_range(s.figures.band.0, s.figures.band.1),
            );
            let [mean, min, max] = figures.map(Cell::from);
            let [outside, excess] = off(balance);
            table.row([goal.name().into(), mean, min, max, Cell::painted(ASIDE, band), outside, excess]);
        }
        text.push_str(&table.render());
    }
    text
}

fn off(balance: &GoalBalance) -> [Cell; 2] {
    let style = by_count(balance.outside, OUTSIDE);
    [human::count(balance.outside), human::figure(balance.excess)].map(|text| Cell::painted(style, text))
}

/// All groups and resources where that is a screen's part, else those whose limit does not hold.
fn headroom(report: &CheckReport<'_>) -> String {
    let all = &report.headroom;
    let passed = || all.iter().filter(|h| h.verdict != HeadroomVerdict::Ok);
    let Some(binding) = headroom::binding(all) else { return String::new() };
    let title = format!(
        "{} of {} limits hold, also after every loss that was evaluated",
        all.len() - passed().count(),
        all.len()
    );
    let style = by_count(passed().count() as u64, OUTSIDE);
    let mut text = format!("\n{}  {}\n", paint(HEADING, "Headroom"), paint(style, &title));
    let table = if all.len() <= HEADROOM_ROWS {
        headroom::table(report.snapshot, all)
    } else {
        headroom::table(report.snapshot, passed().take(HEADROOM_ROWS))
    };
    if all.len() <= HEADROOM_ROWS || passed().next().is_some() {
        text.push_str(&table.render());
    }
    let _ = writeln!(text, "  {}", paint(ASIDE, &format!("→ {}", headroom::binding_in_words(binding))));
    text
}

fn hot_spots(report: &CheckReport<'_>) -> String {
    let mut text = String::new();
    if !report.hot_spots.is_empty() {
        text.push('\n');
        let ranks = ["fullest", "second", "third"].map(|rank| (rank, Align::Left));
        let mut table = Table::new(&[&[("used", Align::Left), ("limit", Align::Right)][..], &ranks].concat());
        for goal in Goal::ALL {
            let mut spots = report.hot_spots.iter().filter(|spot| spot.goal == goal).peekable();
            let Some(first) = spots.peek() else { continue };
            let mut row = vec![goal.name().into(), Cell::painted(ASIDE, human::percent(first.limit))];
            row.extend(spots.map(|spot| hot_spot(report, spot)));
            table.row(row);
        }
        text.push_str(&table.render());
    }
    if let Some((broker, replicas)) = report.crowded.first() {
        let line = format!(
            "{} with 4 000 replicas or more, broker {} has {}: recovery and shutdown get slow",
            human::counted(report.crowded.len() as u64, "broker"),
            report.snapshot.broker(*broker).id,
            human::count(*replicas)
        );
        let _ = writeln!(text, "\n{}", paint(OUTSIDE, &line));
    }
    text
}

fn hot_spot(report: &CheckReport<'_>, spot: &HotSpot) -> Cell {
    let broker = report.snapshot.broker(spot.broker).id;
    let path = spot.log_dir.map_or("", |dir| report.snapshot.log_dir(dir).path.as_str());
    let name = human::shorten(format!("broker {broker} {path}").trim_end(), HOT_SPOT_WIDTH);
    let style = if band::exceeds(spot.value, spot.limit) { BROKEN } else { Style::new() };
    Cell::painted(style, format!("{name}: {}", human::percent(spot.value)))
}

fn topic_leaders(report: &CheckReport<'_>) -> String {
    let all = &report.topic_leaders;
    if all.is_empty() {
        return String::new();
    }
    let pairs = human::counted(all.len() as u64, "broker");
    let title = format!("Leaders of one topic crowd on {pairs} (by topic)");
    let mut text = format!("\n{}\n", paint(HEADING, &title));
    let mut table = Table::new(&[
        ("topic", Align::Left),
        ("", Align::Left),
        ("leaders", Align::Right),
        ("mean", Align::Right),
        ("at most", Align::Right),
        ("they send", Align::Right),
    ]);
    for leaders in all.iter().take(WORST_BROKERS) {
        table.row([
            human::shorten(&report.snapshot.topic(leaders.topic).name, 40).into(),
            format!("broker {}", report.snapshot.broker(leaders.broker).id).into(),
            Cell::painted(OUTSIDE, human::count(leaders.leaders)),
            format!("{:.1}", leaders.mean).into(),
            human::count(leaders.limit).into(),
            human::rate(leaders.network_out_bytes_per_sec).into(),
        ]);
    }
    text.push_str(&table.render());
    text
}

fn model_error(report: &CheckReport<'_>) -> String {
    let Some(error) = &report.model_error else { return String::new() };
    let mut text = format!("\n{}\n", paint(HEADING, "Network, modelled against measured"));
    for total in &error.totals {
        let share = |value: Option<f64>, format: fn(f64) -> String| value.map_or_else(|| "–".to_owned(), format);
        let _ = writeln!(
            text,
            "  {} over {}: mean absolute error {}, bias {}",
            total.goal.name(),
            human::counted(total.brokers as u64, "broker"),
            share(total.mean_absolute, human::percent),
            share(total.bias, human::signed_percent),
        );
    }
    let mut table = Table::new(&[
        ("furthest off", Align::Left),
        ("", Align::Left),
        ("modelled", Align::Right),
        ("measured", Align::Right),
        ("error", Align::Right),
    ]);
    for broker in error.brokers.iter().take(WORST_BROKERS) {
        table.row([
            format!("broker {}", report.snapshot.broker(broker.broker).id).into(),
            broker.goal.name().into(),
            human::rate(broker.modelled_bytes_per_sec).into(),
            human::rate(broker.measured_bytes_per_sec).into(),
            broker.relative().map_or_else(|| "–".to_owned(), human::signed_percent).into(),
        ]);
    }
    text.push_str(&table.render());
    text
}

fn left_out(report: &CheckReport<'_>) -> String {
    if report.unjudged.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", paint(HEADING, "Not judged, and left alone by plans"));
    for unjudged in &report.unjudged {
        let (why, remedy) = explain(unjudged.reason);
        let names: Vec<String> =
            unjudged.partitions.iter().take(EXAMPLES).map(|&p| report.snapshot.partition_name(p)).collect();
        let more = if unjudged.partitions.len() > EXAMPLES { ", …" } else { "" };
        let count = human::counted(unjudged.partitions.len() as u64, "partition");
        let _ =
            writeln!(text, "  {count} ({}{more}): {why}\n  {}", names.join(", "), paint(ASIDE, &format!("→ {remedy}")));
    }
    text
}

/// The answer in a sentence or two, last: where the eye is when the command has ended.
fn verdict(report: &CheckReport<'_>) -> String {
    let assessment = &report.assessment;
    let rules = Rule::ALL.into_iter().filter(|&rule| assessment.hard_count(rule) > 0).count() as u64;
    let (now, preferred) = (assessment.imbalance, assessment.if_preferred);
    let mut text = String::new();
    if report.is_broken() {
        let broken = human::counted(rules, "hard rule");
        let violations = human::counted(assessment.hard_total(), "violation");
        let _ = writeln!(text, "{} {broken}, {violations} in all.", paint(BROKEN, "BROKEN"));
    } else if now.outside > 0 {
        let _ = writeln!(text, "{} every hard rule holds.", paint(OUTSIDE, "UNEVEN"));
    } else {
        let _ = writeln!(text, "{} every hard rule holds, every goal is in its band.", paint(GOOD, "EVEN"));
    }
    if now.outside > 0 {
        let _ =
            writeln!(text, "{} outside their bands, excess {}.", human::count(now.outside), human::figure(now.excess));
    }
    if preferred != now {
        let _ = writeln!(
            text,
            "With every preferred leader leading, as after a restart: {} outside, excess {}.",
            human::count(preferred.outside),
            human::figure(preferred.excess)
        );
    }
    if report.is_broken() || now.outside > 0 {
        text.push_str("Next: evenkeel rebalance SNAPSHOT --out PLAN\n");
    }
    text
}
