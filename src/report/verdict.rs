//! What `verify` prints: before, after, movement, and everything wrong with the plan.

use std::fmt::Write;

use serde::Serialize;

use super::human;
use super::json::{self, DeviationView, MovementView};
use super::layout;
use crate::model::{Assessment, Goal, Rule};
use crate::verify::Judgement;

/// How many findings the text lists; all are in the JSON.
const LISTED: usize = 50;

/// The judgement as JSON: `before`, `after`, `movement`, `faults`.
#[must_use]
pub fn to_json(judgement: &Judgement) -> Vec<u8> {
    layout::to_bytes(&View {
        before: json::assessment(&judgement.before),
        after: json::assessment(&judgement.after),
        movement: (&judgement.movement).into(),
        faults: judgement.deviations.iter().map(DeviationView::from).collect(),
    })
}

#[derive(Serialize)]
struct View<'a, B: Serialize, A: Serialize> {
    before: B,
    after: A,
    movement: MovementView,
    faults: Vec<DeviationView<'a>>,
}

/// The judgement for people: what is broken, what is outside, what moves, what is wrong.
#[must_use]
pub fn to_text(judgement: &Judgement) -> String {
    let mut text = String::new();
    let (before, after) = (&judgement.before, &judgement.after);
    let _ = writeln!(text, "{:<34}{:>12}{:>12}", "", "before", "after");
    for rule in Rule::ALL {
        let counts = (before.hard_count(rule), after.hard_count(rule));
        if counts != (0, 0) {
            let _ = writeln!(text, "{:<34}{:>12}{:>12}", format!("rule {}", rule.name()), counts.0, counts.1);
        }
    }
    if before.hard_total() + after.hard_total() == 0 {
        let _ = writeln!(text, "{:<34}{:>12}{:>12}", "hard rules broken", 0, 0);
    }
    for (group, goal) in goals(before, after) {
        let outside = |a: &Assessment| a.balance.get(group).and_then(|g| g.get(&goal)).map_or(0, |b| b.outside);
        let counts = (outside(before), outside(after));
        if counts != (0, 0) {
            let name = format!("outside {} ({group})", goal.name());
            let _ = writeln!(text, "{name:<34}{:>12}{:>12}", counts.0, counts.1);
        }
    }
    let (old, new) = (before.imbalance, after.imbalance);
    let _ = writeln!(text, "{:<34}{:>12}{:>12}", "outside in all", old.outside, new.outside);
    let _ = writeln!(text, "{:<34}{:>12.4}{:>12.4}", "excess in all", old.excess, new.excess);
    let moved = &judgement.movement;
    let _ = writeln!(
        text,
        "\nentries {}, replicas between brokers {} ({}), between log dirs {} ({}), leaders {}",
        moved.partitions_changed,
        moved.replica_moves,
        human::bytes(moved.inter_broker_bytes),
        moved.log_dir_moves,
        human::bytes(moved.intra_broker_bytes),
        moved.leader_changes
    );
    findings(&mut text, judgement);
    text
}

fn findings(text: &mut String, judgement: &Judgement) {
    let deviations = &judgement.deviations;
    let broken = judgement.after.hard_total();
    if broken > 0 {
        let _ = writeln!(text, "\nhard rules stay broken in {broken} places after the plan");
    }
    if deviations.is_empty() {
        text.push_str("\nThe files are sound: Kafka takes them and they do what they say.\n");
    } else {
        let _ = writeln!(text, "\nfaults: {}", deviations.len());
    }
    for deviation in deviations.iter().take(LISTED) {
        let _ = writeln!(text, "  {}: {} [{}]", deviation.subject, deviation.message, deviation.code);
    }
    if deviations.len() > LISTED {
        let _ = writeln!(text, "  … and {} more; --format json lists all", deviations.len() - LISTED);
    }
}

/// The groups and goals of either assessment, in the order of reports.
fn goals<'a>(before: &'a Assessment, after: &'a Assessment) -> Vec<(&'a str, Goal)> {
    let all = before.balance.iter().chain(&after.balance);
    let mut goals: Vec<(&str, Goal)> =
        all.flat_map(|(group, goals)| goals.keys().map(move |goal| (group.as_str(), *goal))).collect();
    goals.sort_unstable();
    goals.dedup();
    goals
}
