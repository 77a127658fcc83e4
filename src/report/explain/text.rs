//! [`ExplainReport`] as a screen of text, about 100 columns wide.

use std::fmt::Write as _;

use anstyle::Style;

use super::{ExplainReport, fate};
use crate::model::{BrokerIdx, Groups, Seat};
use crate::plan::explain::{Comparison, Figures, ReplicaStory};
use crate::report::human;
use crate::report::style::{ASIDE, BROKEN, GOOD, HEADING, OUTSIDE, paint};
use crate::report::table::{Align, Cell, Table};
use crate::verify::hard::Violation;

/// Brokers named per reason; the JSON has all.
const NAMED: usize = 8;
/// Width of running text.
const TEXT_WIDTH: usize = 96;

pub(super) fn render(report: &ExplainReport<'_>) -> String {
    let mut text = headline(report);
    text.push_str(&places(report));
    text.push_str(&rules(report));
    text.push_str(&goals(report));
    for story in &report.explanation.replicas {
        text.push_str(&alternatives(report, story));
    }
    text.push_str(&leaders(report));
    text
}

fn headline(report: &ExplainReport<'_>) -> String {
    let told = &report.explanation;
    let snapshot = report.snapshot;
    let partition = snapshot.partition(told.partition);
    let groups = Groups::new(snapshot, report.policy);
    let mut text = format!(
        "{}  group {}, {} of {}, {} in, {} out\n",
        paint(HEADING, &snapshot.partition_name(told.partition)),
        groups.home_name(groups.home(partition.topic)),
        human::counted(u64::from(partition.replica_count), "replica"),
        human::bytes(snapshot.copy_size_bytes(told.partition)),
        human::rate(partition.bytes_in_per_sec),
        human::rate(partition.bytes_out_per_sec),
    );
    let count = |wanted: &str| told.replicas.iter().filter(|story| fate(story) == wanted).count() as u64;
    let mut parts: Vec<String> = Vec::new();
    for (name, word) in [
        ("moves", "between brokers"),
        ("changes_log_dir", "between log dirs"),
        ("added", "added"),
        ("removed", "removed"),
    ] {
        if count(name) > 0 {
            parts.push(format!("{} {word}", human::counted(count(name), "replica")));
        }
    }
    if told.leaders.0 != told.leaders.1 {
        parts.push("the leader changes".to_owned());
    }
    if parts.is_empty() {
        let _ = write!(text, "{} every replica and the leader", paint(GOOD, "STAYS"));
    } else {
        let _ = write!(text, "{} {}", paint(OUTSIDE, "CHANGES"), parts.join(", "));
    }
    text.push_str(".\n");
    if let Some(held) = report.held() {
        let _ = writeln!(text, "Held: {held}.");
    }
    for reason in &report.reasons {
        for line in human::wrapped(&format!("Why: {reason}"), TEXT_WIDTH) {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

fn place(report: &ExplainReport<'_>, seat: Seat) -> String {
    let rack = report.rack(seat.broker).map(|rack| format!(" ({rack})")).unwrap_or_default();
    let path = report.path(seat).map(|path| format!(" {path}")).unwrap_or_default();
    format!("broker {}{rack}{path}", report.id(seat.broker))
}

fn places(report: &ExplainReport<'_>) -> String {
    let told = &report.explanation;
    let mut table = Table::new(&[
        ("replica", Align::Left),
        ("now", Align::Left),
        ("planned", Align::Left),
        ("copied", Align::Right),
    ]);
    let leads = |leader: Option<BrokerIdx>, seat: Seat| if leader == Some(seat.broker) { ", leads" } else { "" };
    for story in &told.replicas {
        let position = story.position.map_or_else(|| "–".to_owned(), |position| position.to_string());
        let from = story.from.map_or_else(|| "–".to_owned(), |s| place(report, s) + leads(told.leaders.0, s));
        let to = match (fate(story), story.to) {
            ("stays", Some(s)) => format!("stays{}", leads(told.leaders.1, s)),
            (_, Some(s)) => format!("→ {}{}", place(report, s), leads(told.leaders.1, s)),
            (_, None) => "removed".to_owned(),
        };
        let copied = if story.copied_bytes == 0 { String::new() } else { human::bytes(story.copied_bytes) };
        table.row([position.into(), human::shorten(&from, 40).into(), human::shorten(&to, 40).into(), copied.into()]);
    }
    format!("\n{}", table.render())
}

fn rules(report: &ExplainReport<'_>) -> String {
    let (before, after) = &report.explanation.violations;
    if before.is_empty() && after.is_empty() {
        return "\nNo hard rule about it, its brokers or its log dirs is broken, now or planned.\n".to_owned();
    }
    let mut text = format!("\n{}\n", paint(HEADING, "Broken hard rules that it touches"));
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left), ("", Align::Left), ("", Align::Left)]);
    let mut rows = |when: &'static str, all: &[Violation], style: Style| {
        for violation in all {
            let figures = match (violation.value, violation.limit) {
                (Some(value), Some(limit)) => format!("{} against {}", short(value), short(limit)),
                _ => String::new(),
            };
            let rule = Cell::painted(style, violation.rule.name());
            table.row([when.into(), rule, report.subject(violation).into(), figures.into()]);
        }
    };
    rows("now", before, OUTSIDE);
    rows("planned", after, BROKEN);
    text.push_str(&table.render());
    if after.is_empty() {
        text.push_str("  planned: none\n");
    }
    text
}

/// A utilization or a small count.
fn short(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

fn goals(report: &ExplainReport<'_>) -> String {
    let goals = &report.explanation.goals;
    let shown: Vec<_> = goals.iter().filter(|g| (g.outside_before || g.outside_after) && g.mean > 0.0).collect();
    if shown.is_empty() {
        return "\nEvery goal on its brokers is within its band, now and planned.\n".to_owned();
    }
    let mut table = Table::new(&[
        ("goals, of the planned mean", Align::Left),
        ("", Align::Left),
        ("now", Align::Right),
        ("planned", Align::Right),
        ("band", Align::Right),
    ]);
    for goal in shown {
        let of_mean = |value: f64| format!("{:.2}", value / goal.mean);
        let mark = |outside: bool| if outside { OUTSIDE } else { GOOD };
        table.row([
            format!("broker {}", report.id(goal.broker)).into(),
            goal.goal.name().into(),
            Cell::painted(mark(goal.outside_before), of_mean(goal.before)),
            Cell::painted(mark(goal.outside_after), of_mean(goal.after)),
            Cell::painted(ASIDE, format!("{}–{}", of_mean(goal.band.0), of_mean(goal.band.1))),
        ]);
    }
    format!("\n{}", table.render())
}

fn signed(change: f64, format: impl Fn(f64) -> String) -> String {
    if change == 0.0 {
        return "±0".to_owned();
    }
    format!("{}{}", if change < 0.0 { '−' } else { '+' }, format(change.abs()))
}

/// The cells that compare a changed plan with the plan.
fn compared(plan: &Figures, other: &Figures, comparison: Comparison) -> [Cell; 4] {
    let hard = other.hard_total as f64 - plan.hard_total as f64;
    let excess = other.excess - plan.excess;
    let excess = if excess.abs() < 5e-5 { 0.0 } else { excess };
    let bytes = other.inter_broker_bytes as f64 - plan.inter_broker_bytes as f64;
    let style = match comparison {
        Comparison::BreaksRules => BROKEN,
        Comparison::LessBalanced | Comparison::CopiesMore => OUTSIDE,
        Comparison::MendsRules | Comparison::MoreBalanced | Comparison::CopiesLess | Comparison::AsGood => GOOD,
    };
    [
        signed(hard, |value| format!("{value:.0}")).into(),
        signed(excess, |value| format!("{value:.4}")).into(),
        signed(bytes, human::bytes_f64).into(),
        Cell::painted(style, comparison.words()),
    ]
}

const COMPARED: [(&str, Align); 4] =
    [("hard rules", Align::Right), ("excess", Align::Right), ("copied", Align::Right), ("than the plan", Align::Left)];

fn alternatives(report: &ExplainReport<'_>, story: &ReplicaStory) -> String {
    let Some(to) = story.to else { return String::new() };
    let position = story.position.unwrap_or(0);
    let title = format!("Elsewhere than on broker {} (replica {position})", report.id(to.broker));
    let mut text = format!("\n{}\n", paint(HEADING, &title));
    if let Some(held) = &story.held {
        let _ = writeln!(text, "  not looked for: {held}");
        return text;
    }
    if story.alternatives.is_empty() {
        text.push_str("  nowhere: no other broker may take it\n");
    } else {
        let mut table = Table::new(&[&[("", Align::Left)][..], &COMPARED].concat());
        for other in &story.alternatives {
            let home = if other.is_home { ", hosts it now" } else { "" };
            let name = human::shorten(&format!("{}{home}", place(report, other.seat)), 44);
            let mut row = vec![Cell::from(name)];
            row.extend(compared(&report.explanation.plan, &other.figures, other.comparison));
            table.row(row);
        }
        text.push_str(&table.render());
    }
    for barred in &story.barred {
        let named: Vec<String> = barred.brokers.iter().take(NAMED).map(|b| report.id(*b).to_string()).collect();
        let more = if barred.brokers.len() > NAMED { ", …" } else { "" };
        let count = human::counted(barred.brokers.len() as u64, "broker");
        let line = format!("not {count} ({}{more}): {}", named.join(", "), barred.why);
        let _ = writeln!(text, "  {}", paint(ASIDE, &line));
    }
    text
}

fn leaders(report: &ExplainReport<'_>) -> String {
    let told = &report.explanation;
    if told.leaderships.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[&[("another leader", Align::Left)][..], &COMPARED].concat());
    for other in &told.leaderships {
        let mut row = vec![Cell::from(format!("broker {}", report.id(other.broker)))];
        match (&other.figures, other.barred) {
            (Some((figures, comparison)), _) => row.extend(compared(&told.plan, figures, *comparison)),
            (None, why) => {
                row.extend(["", "", ""].map(Cell::from));
                row.push(Cell::painted(ASIDE, format!("cannot: {}", why.unwrap_or_default())));
            }
        }
        table.row(row);
    }
    format!("\n{}", table.render())
}
