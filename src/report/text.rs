//! What `rebalance` prints: whether it worked, what it costs, what it brings, and what to do next; a screen high and
//! about 100 columns wide. Input: a plan and where its files go. Output: text with ANSI styles. Pure.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use super::excuses::grouped;
use super::human;
use super::standing::{GroupStanding, Unit, standings};
use super::style::{ASIDE, BROKEN, GOOD, HEADING, OUTSIDE, by_count, paint};
use super::table::{Align, Cell, Table};
use crate::model::{Criterion, Goal, GoalBalance, Policy, Rule, Snapshot};
use crate::optimize::StopReason;
use crate::optimize::replication::FactorChange;
use crate::plan::fluid::Durations;
use crate::plan::throttle::{Basis, Headroom};
use crate::plan::{Move, MoveKind, Outcome, Plan};
use crate::verify::Usage;

/// The largest moves that are named; report.html and moves.csv have more.
const LARGEST_MOVES: usize = 5;
/// Kinds of excuses that are named.
const EXCUSE_KINDS: usize = 6;
/// Width of running text.
const TEXT_WIDTH: usize = 96;
/// Width of a reason beside a move.
const REASON_WIDTH: usize = 60;

/// The summary of `plan`, whose files are in `out_dir`.
#[must_use]
pub fn rebalance(snapshot: &Snapshot, policy: &Policy, plan: &Plan, out_dir: &Path) -> String {
    with_section(snapshot, policy, plan, out_dir, "")
}

/// The same with a command's own `section` after the headline.
#[must_use]
pub fn with_section(snapshot: &Snapshot, policy: &Policy, plan: &Plan, out_dir: &Path, section: &str) -> String {
    let mut text = headline(snapshot, plan);
    text.push_str(section);
    if plan.outcome != Outcome::Unchanged {
        text.push_str(&movement(snapshot, plan));
    }
    if let Some(change) = &plan.replication {
        let _ = writeln!(text, "{}", replication(change));
    }
    text.push_str(&super::copysets::text(snapshot, policy, plan));
    text.push_str(&super::frontier::text(&plan.frontier));
    text.push_str(&hard_rules(plan));
    text.push_str(&goals(snapshot, policy, plan));
    text.push_str(&largest_moves(snapshot, plan));
    text.push_str(&excuses(plan));
    text.push_str(&files(plan, out_dir));
    text
}

/// The outcome in a sentence, for text and page alike.
#[must_use]
pub fn verdict(plan: &Plan) -> String {
    let (before, after) = (&plan.before, &plan.after);
    let outside = |n: u64| human::count(n);
    let (hard, hard_after) = (before.hard_total(), after.hard_total());
    let unmet = plan.replication.as_ref().map_or(0, |change| change.unmet);
    match plan.outcome {
        Outcome::Infeasible if hard_after == 0 => format!(
            "{} cannot have the replication factor asked for; why and what would help is below",
            human::counted(unmet, "partition")
        ),
        Outcome::Infeasible => format!(
            "{} of hard rules stay, of {}; why and what would help is below",
            human::counted(hard_after, "violation"),
            human::count(hard.max(hard_after))
        ),
        Outcome::Unchanged if after.imbalance.outside == 0 => {
            "nothing is to be done: every hard rule holds and every goal is in its band".to_owned()
        }
        Outcome::Unchanged => format!(
            "nothing moves: every hard rule holds, and {} outside the bands cannot be improved as it stands",
            outside(after.imbalance.outside)
        ),
        Outcome::Balanced => {
            format!("{}every goal comes into its band{}", repaired(hard), was(before.imbalance.outside))
        }
        Outcome::Improved => format!(
            "{}{} outside the bands become {}, excess goes from {} to {}",
            repaired(hard),
            outside(before.imbalance.outside),
            outside(after.imbalance.outside),
            human::figure(before.imbalance.excess),
            human::figure(after.imbalance.excess)
        ),
    }
}

fn repaired(violations: u64) -> String {
    match violations {
        0 => String::new(),
        n => format!("{} of hard rules repaired, ", human::counted(n, "violation")),
    }
}

fn was(outside: u64) -> String {
    if outside == 0 { String::new() } else { format!(" ({} were outside)", human::count(outside)) }
}

/// The proof beside the bytes, for text and page alike.
#[must_use]
pub fn bound(plan: &Plan) -> String {
    let bound = plan.lower_bound;
    match plan.gap {
        _ if bound.bytes == 0 => "no bound above zero is proven".to_owned(),
        Some(gap) => format!(
            "at least {} is proven necessary ({} bound), gap {}",
            human::bytes(bound.bytes),
            bound.kind.name(),
            human::percent(gap)
        ),
        None => format!("at least {} is proven necessary ({} bound)", human::bytes(bound.bytes), bound.kind.name()),
    }
}

/// What became of the replication factor that was asked for, for text and page alike.
#[must_use]
pub fn replication(change: &FactorChange) -> String {
    let mut text = format!("Replication factor {}:", change.factor);
    let mut part = |number: u64, what: &str, detail: String| {
        if number > 0 {
            let comma = if text.ends_with(':') { "" } else { "," };
            let _ = write!(text, "{comma} {} {what}{detail}", human::counted(number, "partition"));
        }
    };
    let added =
        format!(" by {} ({})", human::counted(change.added_replicas, "replica"), human::bytes(change.added_bytes));
    part(change.raised, "raised", added);
    part(change.lowered, "lowered", format!(" by {}", human::counted(change.removed_replicas, "replica")));
    part(change.kept, "left as they are", "; why is below".to_owned());
    if text.ends_with(':') {
        text.push_str(" nothing to change, what matches has it already or gets no entry");
    }
    text + "."
}

/// Why the search stopped early, where it did.
#[must_use]
pub fn stopped(stop_reason: StopReason) -> Option<&'static str> {
    match stop_reason {
        StopReason::Done => None,
        StopReason::StepLimit => Some("The search used up its steps: --effort thorough may find better."),
        StopReason::TimeLimit => Some("The time limit cut in: a longer --time-limit may find better."),
        StopReason::Budget => Some("The policy's movement budget is used up: a larger one brings more."),
    }
}

fn headline(snapshot: &Snapshot, plan: &Plan) -> String {
    let style = match plan.outcome {
        Outcome::Infeasible => BROKEN,
        Outcome::Improved => OUTSIDE,
        Outcome::Balanced | Outcome::Unchanged => GOOD,
    };
    let cluster = paint(HEADING, &snapshot.cluster.cluster_id);
    let outcome = paint(style, &plan.outcome.name().to_uppercase());
    let mut text = format!("{cluster}  captured {}\n{outcome} {}.\n", snapshot.cluster.captured_at, verdict(plan));
    if let Some(stopped) = stopped(plan.stop_reason) {
        let _ = writeln!(text, "{}", paint(OUTSIDE, stopped));
    }
    text
}

fn movement(snapshot: &Snapshot, plan: &Plan) -> String {
    let moved = &plan.movement;
    let batches = match plan.batches.len() {
        1 => "1 batch".to_owned(),
        n => format!("{} batches", human::count(n as u64)),
    };
    let proof = if moved.inter_broker_bytes == 0 { String::new() } else { format!("; {}", bound(plan)) };
    format!(
        "\nCopies {} between brokers{proof}.\nMoves {} between brokers, {} between log dirs of a broker ({}), {}:\n{} in {batches}.\n{}",
        human::bytes(moved.inter_broker_bytes),
        human::counted(moved.replica_moves, "replica"),
        human::count(moved.log_dir_moves),
        human::bytes(moved.intra_broker_bytes),
        human::counted(moved.leader_changes, "leader change"),
        human::counted(moved.partitions_changed, "changed partition"),
        timetable(snapshot, plan)
    )
}

/// How long the plan takes, what decides that, and what to know beforehand.
fn timetable(snapshot: &Snapshot, plan: &Plan) -> String {
    let mut text = String::new();
    for line in human::wrapped(&duration_line(snapshot, plan), TEXT_WIDTH) {
        let _ = writeln!(text, "{line}");
    }
    for warning in &plan.timetable.warnings {
        for line in human::wrapped(&format!("! {warning}."), TEXT_WIDTH) {
            let _ = writeln!(text, "{}", paint(OUTSIDE, &line));
        }
    }
    text
}

/// `2 h 5 min (1 h 50 min to 2 h 30 min)`: the middle, and between what eight of ten runs end.
#[must_use]
pub fn span(durations: &Durations) -> String {
    let part = |seconds: Option<f64>| seconds.map_or_else(|| "never".to_owned(), human::duration);
    match durations.p50 {
        None => "never ends".to_owned(),
        Some(p50) => format!("{} ({} to {})", human::duration(p50), part(durations.p10), part(durations.p90)),
    }
}

/// How long the whole plan takes at which throttle, and what would change that; for text and page alike.
#[must_use]
pub fn duration_line(snapshot: &Snapshot, plan: &Plan) -> String {
    let table = &plan.timetable;
    if plan.batches.iter().all(|batch| batch.inter_broker_bytes + batch.intra_broker_bytes == 0) {
        return "Nothing is copied: it takes seconds.".to_owned();
    }
    let throttle = human::rate(table.throttle.bytes_per_sec as f64);
    let id = |headroom: Headroom| snapshot.broker(headroom.broker).id;
    let basis = match table.throttle.basis {
        Basis::Given => "as asked for".to_owned(),
        Basis::Deadline => "the least that meets the deadline".to_owned(),
        Basis::Headroom(h) => format!("from what broker {} has left below {}", id(h), h.rule.name()),
        Basis::Floor(h) => format!("the least of use; broker {} has less left below {}", id(h), h.rule.name()),
        Basis::Unknown => "no network capacity is known".to_owned(),
    };
    let several = table
        .batches
        .iter()
        .any(|time| time.busiest.is_some() && time.throttle.bytes_per_sec != table.throttle.bytes_per_sec);
    let least = if several { " and more, batch by batch" } else { "" };
    let takes = match table.total.p50 {
        Some(_) => format!("Takes {}", span(&table.total)),
        None => "Never ends".to_owned(),
    };
    format!("{takes} at {throttle}{least}: {basis}; --throttle or --deadline set another.")
}

fn hard_rules(plan: &Plan) -> String {
    let broken = |rule: &Rule| plan.before.hard_count(*rule) + plan.after.hard_count(*rule) > 0;
    let rules: Vec<Rule> = Rule::ALL.into_iter().filter(broken).collect();
    if rules.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[("hard rule", Align::Left), ("before", Align::Right), ("after", Align::Right)]);
    for rule in rules {
        let (before, after) = (plan.before.hard_count(rule), plan.after.hard_count(rule));
        table.row([
            rule.name().into(),
            human::count(before).into(),
            Cell::painted(by_count(after, BROKEN), human::count(after)),
        ]);
    }
    format!("\n{}", table.render())
}

fn goals(snapshot: &Snapshot, policy: &Policy, plan: &Plan) -> String {
    let after = standings(snapshot, policy, &Usage::of(snapshot, &plan.placement));
    let names: BTreeSet<&String> = plan.before.balance.keys().chain(plan.after.balance.keys()).collect();
    let mut text = String::new();
    for name in names {
        let standing = after.iter().find(|standing| standing.name == *name);
        let mut table = Table::new(&[
            (&human::shorten(&format!("group {name}"), 24), Align::Left),
            ("outside", Align::Right),
            ("→", Align::Right),
            ("excess", Align::Right),
            ("→", Align::Right),
            ("min–max", Align::Right),
            ("→", Align::Right),
            ("band", Align::Right),
        ]);
        for goal in Goal::ALL {
            let balance = |assessment: &crate::model::Assessment| {
                assessment.balance.get(name).and_then(|goals| goals.get(&goal)).cloned()
            };
            if let (Some(old), Some(new)) = (balance(&plan.before), balance(&plan.after)) {
                table.row(goal_row(goal, standing, &old, &new));
            }
        }
        let _ = write!(text, "\n{}", table.render());
    }
    text
}

fn goal_row(goal: Goal, standing: Option<&GroupStanding>, before: &GoalBalance, after: &GoalBalance) -> [Cell; 8] {
    let standing = standing.and_then(|standing| standing.goal(goal));
    let unit = standing.map_or(Unit::Count, |standing| standing.unit);
    let range = |balance: &GoalBalance| balance.range.map_or_else(String::new, |r| unit.format_range(r.min, r.max));
    let band = standing.map_or_else(String::new, |s| unit.format_range(s.figures.band.0, s.figures.band.1));
    let style = by_count(after.outside, OUTSIDE);
    [
        goal.name().into(),
        human::count(before.outside).into(),
        Cell::painted(style, human::count(after.outside)),
        human::figure(before.excess).into(),
        Cell::painted(style, human::figure(after.excess)),
        range(before).into(),
        range(after).into(),
        Cell::painted(ASIDE, band),
    ]
}

/// The moves that copy most between brokers, largest first, by partition where they are alike; at most `most`.
#[must_use]
pub fn by_size(plan: &Plan, most: usize) -> Vec<&Move> {
    let mut moves: Vec<&Move> = plan.moves.iter().filter(|m| m.kind != MoveKind::Leader && m.to.is_some()).collect();
    moves.sort_by_key(|m| (std::cmp::Reverse(m.bytes), m.partition, m.to.map(|seat| seat.broker)));
    moves.truncate(most);
    moves
}

/// Where a move comes from and goes to: `3 → 7`, with dirs where it stays on its broker.
#[must_use]
pub fn route(snapshot: &Snapshot, row: &Move) -> String {
    let end = |seat: Option<crate::model::Seat>| {
        let Some(seat) = seat else { return "–".to_owned() };
        let id = snapshot.broker(seat.broker).id;
        match seat.log_dir.filter(|_| row.kind == MoveKind::LogDir) {
            Some(dir) => format!("{id}:{}", snapshot.log_dir(dir).path),
            None => id.to_string(),
        }
    };
    format!("{} → {}", end(row.from), end(row.to))
}

fn largest_moves(snapshot: &Snapshot, plan: &Plan) -> String {
    let moves = by_size(plan, LARGEST_MOVES);
    if moves.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        ("largest moves", Align::Left),
        ("brokers", Align::Left),
        ("size", Align::Right),
        ("why", Align::Left),
    ]);
    for row in moves {
        table.row([
            human::shorten(&snapshot.partition_name(row.partition), 32).into(),
            human::shorten(&route(snapshot, row), 32).into(),
            human::bytes(row.bytes).into(),
            Cell::painted(ASIDE, human::shorten(&row.reason, REASON_WIDTH)),
        ]);
    }
    format!("\n{}", table.render())
}

fn excuses(plan: &Plan) -> String {
    let groups = grouped(&plan.excuses);
    if groups.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", paint(HEADING, "Not as wanted, and why"));
    for group in groups.iter().take(EXCUSE_KINDS) {
        let Some(worst) = group.excuses.first() else { continue };
        let style = if matches!(group.criterion, Some(Criterion::Rule(_))) { BROKEN } else { OUTSIDE };
        let name = group.criterion.map_or("left out", Criterion::name);
        let more = match group.excuses.len() - 1 {
            0 => String::new(),
            n => format!(" (and {} more)", human::count(n as u64)),
        };
        let _ = writeln!(text, "  {} {}{more}", paint(style, name), worst.subject);
        for line in human::wrapped(&worst.why, TEXT_WIDTH) {
            let _ = writeln!(text, "    {line}");
        }
        let _ = writeln!(text, "    {}", paint(ASIDE, &format!("→ {}", group.remedy)));
    }
    if groups.len() > EXCUSE_KINDS {
        let _ = writeln!(text, "  … {} more kinds in plan.json", groups.len() - EXCUSE_KINDS);
    }
    text
}

fn files(plan: &Plan, out_dir: &Path) -> String {
    let dir = out_dir.display();
    let mut text = format!("\nWritten to {dir}: plan.json, reassignment.json, leader-election.json, rollback files, ");
    let _ = writeln!(text, "batches, moves.csv,\nRUNBOOK.md, report.html");
    if plan.outcome == Outcome::Unchanged {
        return text;
    }
    let _ = writeln!(text, "Next: look at {dir}/report.html, then follow {dir}/RUNBOOK.md");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimize::{BoundKind, LowerBound};
    use crate::report::sample;

    fn text(snapshot: &Snapshot, plan: &Plan) -> String {
        let text = rebalance(snapshot, &Policy::default(), plan, Path::new("plan"));
        sample::plain(&text)
    }

    #[test]
    fn the_summary_of_a_small_plan() {
        let snapshot = sample::contract_example();
        insta::assert_snapshot!(text(&snapshot, &sample::plan(&snapshot)));
    }

    #[test]
    fn an_empty_plan_says_that_nothing_is_to_be_done() {
        let snapshot = Snapshot::default();
        let text = text(&snapshot, &sample::plan(&snapshot));
        assert!(text.contains("UNCHANGED nothing is to be done"), "{text}");
        assert!(!text.contains("Next:") && !text.contains("Copies"), "{text}");
    }

    #[test]
    fn the_proof_says_what_is_proven_and_no_more() {
        let snapshot = sample::contract_example();
        let mut plan = sample::plan(&snapshot);
        plan.movement.inter_broker_bytes = 4_629_000_000_000;
        plan.lower_bound = LowerBound { bytes: 4_607_000_000_000, kind: BoundKind::Shedding };
        plan.gap = Some(0.005);
        assert_eq!(bound(&plan), "at least 4.19 TiB is proven necessary (shedding bound), gap 0.5 %");
        plan.lower_bound.bytes = 0;
        plan.gap = None;
        assert_eq!(bound(&plan), "no bound above zero is proven");
    }

    #[test]
    fn an_answer_that_was_cut_short_says_what_would_help() {
        for (reason, word) in [
            (StopReason::StepLimit, "--effort"),
            (StopReason::TimeLimit, "--time-limit"),
            (StopReason::Budget, "budget"),
        ] {
            assert!(stopped(reason).is_some_and(|text| text.contains(word)), "{reason:?}");
        }
        assert_eq!(stopped(StopReason::Done), None);
    }

    #[test]
    fn the_summary_fits_a_hundred_columns() {
        let snapshot = sample::contract_example();
        let text = text(&snapshot, &sample::plan(&snapshot));
        let widest = text.lines().max_by_key(|line| line.chars().count()).unwrap_or_default();
        assert!(widest.chars().count() <= 110, "{widest}");
    }
}
