//! `what-if upgrade`.

use serde::Serialize;

use super::{money, optional, or_dash};
use crate::capacity::upgrade::{Comparison, UpgradePath};
use crate::ingest::scenario::upgrade::Upgrade;
use crate::model::Snapshot;
use crate::report::charts::{Gantt, GanttRow};
use crate::report::json::{NotEvaluatedView, not_evaluated, rounded};
use crate::report::sheet::{Mood, Section, Sheet, Tile};
use crate::report::table::Align::{Left, Right};
use crate::report::{human, layout};

/// The answer for people.
#[must_use]
pub fn sheet(snapshot: &Snapshot, scenario: &Upgrade, found: &Comparison) -> Sheet {
    let hours = |hours: f64| human::duration(hours * 3600.0);
    let minutes = |minutes: f64| human::duration(minutes * 60.0);
    let cost = |amount: f64| money(amount, &scenario.currency);
    let tile = |path: &UpgradePath| Tile {
        label: if path.name == "rebuild" { "Rebuild" } else { "Roll" },
        value: or_dash(path.hours, hours),
        note: format!("{}, {} at risk", or_dash(path.cost, cost), or_dash(path.minutes_at_risk, minutes)),
    };
    let rows = found.paths.iter().map(|path| {
        vec![
            path.name.to_owned(),
            human::count(path.brokers_added),
            or_dash(path.hours, hours),
            or_dash(path.bytes_copied, human::bytes_f64),
            or_dash(path.cost, cost),
            or_dash(path.minutes_at_risk, minutes),
        ]
    });
    let mut sections = vec![Section::new("Both ways").grid(
        &[
            ("way", Left),
            ("brokers added", Right),
            ("takes", Right),
            ("copies", Right),
            ("costs", Right),
            ("at risk", Right),
        ],
        rows.collect(),
    )];
    sections.extend(found.paths.iter().map(path_section));
    let mood = match found.recommended {
        None => Mood::Bad,
        Some(_) if found.paths.iter().any(|path| !path.obstacles.is_empty()) => Mood::Fair,
        Some(_) => Mood::Good,
    };
    Sheet {
        kicker: "what-if upgrade",
        title: snapshot.cluster.cluster_id.clone(),
        meta: format!("captured {}", snapshot.cluster.captured_at),
        mood,
        word: if found.recommended.is_some() { "Recommended" } else { "Undecided" }.to_owned(),
        verdict: found.why.clone(),
        tiles: found.paths.iter().map(tile).collect(),
        sections,
        not_evaluated: found.not_evaluated.clone(),
        glossary: vec![
            ("rebuild", "A new cluster beside the old one, filled by a mirror; then clients switch."),
            ("roll", "The brokers are restarted with the new version one after the other."),
            ("at risk", "Copies are missing, or clients switch: one more failure does harm."),
        ],
    }
}

fn path_section(path: &UpgradePath) -> Section {
    let title = if path.name == "rebuild" { "Rebuild, step by step" } else { "Roll, step by step" };
    let bars = path.steps.iter().map(|step| GanttRow {
        label: step.name.clone(),
        start: step.start_hours * 3600.0,
        end_p50: (step.start_hours + step.hours) * 3600.0,
        end_p90: Some((step.start_hours + step.hours) * 3600.0),
        is_at_risk: step.is_at_risk,
    });
    let rows = path.steps.iter().map(|step| {
        vec![
            step.name.clone(),
            human::duration(step.start_hours * 3600.0),
            human::duration(step.hours * 3600.0),
            if step.is_at_risk { "at risk".to_owned() } else { String::new() },
        ]
    });
    let mut section = Section::new(title);
    for condition in &path.conditions {
        section = section.paragraph(format!("First: {condition}."));
    }
    for obstacle in &path.obstacles {
        section = section.paragraph(format!("Against it: {obstacle}."));
    }
    if !path.steps.is_empty() {
        let gantt = Gantt { title: title.to_owned(), rows: bars.collect() };
        section = section
            .chart("Blue: nothing at risk. Orange: at risk", gantt.svg(path.name))
            .grid(&[("step", Left), ("begins after", Right), ("takes", Right), ("", Left)], rows.collect());
    }
    let rollback = path.rollback.iter().map(|point| vec![point.until.to_owned(), point.how.to_owned()]);
    section.grid(&[("way back until", Left), ("how", Left)], rollback.collect())
}

/// The answer for programs.
#[must_use]
pub fn json(scenario: &Upgrade, found: &Comparison) -> Vec<u8> {
    layout::to_bytes(&View {
        paths: found.paths.iter().map(PathView::of).collect(),
        recommended: found.recommended,
        why: &found.why,
        prefer: scenario.prefer.name(),
        currency: &scenario.currency,
        not_evaluated: not_evaluated(&found.not_evaluated),
    })
}

#[derive(Serialize)]
struct View<'a> {
    paths: Vec<PathView<'a>>,
    recommended: Option<&'static str>,
    why: &'a str,
    prefer: &'static str,
    currency: &'a str,
    not_evaluated: Vec<NotEvaluatedView<'a>>,
}

#[derive(Serialize)]
struct PathView<'a> {
    name: &'static str,
    brokers_added: u64,
    hours: Option<f64>,
    bytes_copied: Option<f64>,
    cost: Option<f64>,
    minutes_at_risk: Option<f64>,
    conditions: &'a [String],
    obstacles: &'a [String],
    steps: Vec<StepView<'a>>,
    rollback: Vec<RollbackView>,
}

#[derive(Serialize)]
struct StepView<'a> {
    name: &'a str,
    start_hours: f64,
    hours: f64,
    at_risk: bool,
}

#[derive(Serialize)]
struct RollbackView {
    until: &'static str,
    how: &'static str,
}

impl<'a> PathView<'a> {
    fn of(path: &'a UpgradePath) -> Self {
        Self {
            name: path.name,
            brokers_added: path.brokers_added,
            hours: optional(path.hours),
            bytes_copied: optional(path.bytes_copied),
            cost: optional(path.cost),
            minutes_at_risk: optional(path.minutes_at_risk),
            conditions: &path.conditions,
            obstacles: &path.obstacles,
            steps: path
                .steps
                .iter()
                .map(|step| StepView {
                    name: &step.name,
                    start_hours: rounded(step.start_hours),
                    hours: rounded(step.hours),
                    at_risk: step.is_at_risk,
                })
                .collect(),
            rollback: path.rollback.iter().map(|p| RollbackView { until: p.until, how: p.how }).collect(),
        }
    }
}
