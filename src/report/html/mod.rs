//! `report.html`: the plan on one self-contained page, without a script, for light, dark, phone and paper. Input: a
//! snapshot, a policy, a plan. Output: the page. Pure; every figure is the judge's or the plan's, and every name goes
//! through the template's escaping.

mod capacity;
mod figures;
mod forecast;
mod rebalance;
mod tables;
mod timetable;

pub(crate) use capacity::capacity_page;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

use super::charts;
use super::charts::heat_map::LEGEND;
use super::copysets;
use super::human;
use super::text::{bound, duration_line, replication, stopped, verdict};
use crate::model::{Placement, Policy, Snapshot};
use crate::plan::{Outcome, Plan};
use crate::verify::Usage;
pub use figures::ChartView;
use tables::{BatchRow, ExcuseView, GoalTable, MoveRow, RuleRow};

/// The templates by name.
const TEMPLATES: [(&str, &str); 3] = [
    ("capacity.html", include_str!("capacity.html.j2")),
    ("macros.html", include_str!("macros.html.j2")),
    ("plan.html", include_str!("plan.html.j2")),
];
const STYLE: &str = include_str!("style.css");

/// The page of `plan`.
#[must_use]
pub fn plan_page(snapshot: &Snapshot, policy: &Policy, plan: &Plan) -> String {
    plan_page_with(snapshot, policy, plan, None)
}

/// What a command puts on the page of its plan: its name for it, and a section of its own.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// What the plan is for: `Expansion`.
    pub kind: &'static str,
    /// Heading of the section.
    pub title: String,
    /// Paragraphs before anything else.
    pub lead: Vec<String>,
    /// Tables.
    pub tables: Vec<TableView>,
    /// Charts, each with its table.
    pub charts: Vec<ChartView>,
    /// Notes after everything else.
    pub notes: Vec<String>,
}

/// A table of a [`Section`].
#[derive(Clone, Debug, Serialize)]
pub struct TableView {
    /// Heading.
    pub title: String,
    /// Columns; all but the first hold figures.
    pub head: Vec<String>,
    /// Rows of cells.
    pub rows: Vec<Vec<String>>,
}

/// The page of `plan` with a command's own section.
#[must_use]
pub fn plan_page_with(snapshot: &Snapshot, policy: &Policy, plan: &Plan, section: Option<&Section>) -> String {
    page("plan.html", &Page::of(snapshot, policy, plan, section))
}

/// The page that `template` makes of `view`.
fn page(template: &str, view: &impl Serialize) -> String {
    let rendered = render(template, view);
    debug_assert!(rendered.is_ok(), "the template is part of the program: {:?}", rendered.as_ref().err());
    rendered.unwrap_or_else(|_| {
        "<!doctype html><title>evenkeel</title><p>The JSON file beside this one has what belongs here.".to_owned()
    })
}

fn render(template: &str, view: &impl Serialize) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    environment.get_template(template)?.render(Serde(view))
}

/// What the template shows.
#[derive(Serialize)]
struct Page<'a> {
    css: String,
    kind: &'static str,
    section: Option<&'a Section>,
    copysets: Option<Section>,
    version: &'static str,
    cluster: &'a str,
    captured_at: &'a str,
    window: Option<String>,
    outcome: &'static str,
    mood: &'static str,
    verdict: String,
    stopped: Option<&'static str>,
    replication: Option<String>,
    tiles: Vec<Tile>,
    rules: Vec<RuleRow>,
    groups: Vec<GoalTable>,
    preferred: String,
    legend: Vec<LegendEntry>,
    heat: ChartView,
    bars: Vec<ChartView>,
    not_drawn: Vec<String>,
    frontier: Option<ChartView>,
    frontier_knee: Option<String>,
    reasons: Option<ChartView>,
    batches: Vec<BatchRow>,
    batches_beyond: u64,
    gantt: Option<ChartView>,
    sweep: Option<ChartView>,
    takes: String,
    warnings: &'a [String],
    moves: Vec<MoveRow>,
    moves_beyond: u64,
    excuses: Vec<ExcuseView<'a>>,
}

/// A key figure.
#[derive(Serialize)]
struct Tile {
    label: &'static str,
    value: String,
    note: String,
}

#[derive(Serialize)]
struct LegendEntry {
    letter: char,
    text: &'static str,
    symbol: &'static str,
}

impl<'a> Page<'a> {
    fn of(snapshot: &'a Snapshot, policy: &Policy, plan: &'a Plan, section: Option<&'a Section>) -> Self {
        let info = &snapshot.cluster;
        let before = Usage::of(snapshot, &Placement::of(snapshot));
        let after = Usage::of(snapshot, &plan.placement);
        let (bars, not_drawn) = figures::bars(snapshot, policy, &before, &after);
        let (moves, moves_beyond) = tables::moves(snapshot, plan);
        let (batches, batches_beyond) = tables::batches(plan);
        let preferred = plan.after.if_preferred;
        Self {
            css: format!("{STYLE}{}", charts::css()),
            kind: section.map_or("Rebalance", |section| section.kind),
            section,
            copysets: copysets::section(snapshot, policy, Some(plan)),
            version: env!("CARGO_PKG_VERSION"),
            cluster: &info.cluster_id,
            captured_at: &info.captured_at,
            window: info.window.as_ref().map(|w| format!("{} of {} to {}", w.statistic.name(), w.start, w.end)),
            outcome: plan.outcome.name(),
            mood: mood(plan.outcome),
            verdict: verdict(plan),
            stopped: stopped(plan.stop_reason),
            replication: plan.replication.as_ref().map(replication),
            tiles: tiles(plan),
            rules: tables::rules(plan),
            groups: tables::goals(snapshot, policy, plan, &before, &after),
            preferred: format!(
                "With every preferred leader leading, as after a restart: {} outside, excess {}.",
                human::count(preferred.outside),
                human::figure(preferred.excess)
            ),
            legend: heat_legend(),
            heat: figures::heat_map(snapshot, policy, &before, Some(&after)),
            bars,
            not_drawn,
            frontier: figures::frontier(plan),
            frontier_knee: super::frontier::knee(&plan.frontier),
            reasons: figures::reasons(plan),
            batches,
            batches_beyond,
            gantt: timetable::gantt(plan),
            sweep: timetable::sweep(plan),
            takes: duration_line(snapshot, plan),
            warnings: &plan.timetable.warnings,
            moves,
            moves_beyond,
            excuses: tables::excuses(&plan.excuses),
        }
    }
}

fn heat_legend() -> Vec<LegendEntry> {
    LEGEND.into_iter().zip(["▼", "▼", "▼", "", "▲", "▲", "▲", "▲"]).map(legend_entry).collect()
}

fn legend_entry(((ink, text), symbol): ((charts::ink::Ink, &'static str), &'static str)) -> LegendEntry {
    LegendEntry { letter: ink.letter(), text, symbol }
}

/// The class of the verdict.
fn mood(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Infeasible => "bad",
        Outcome::Improved => "fair",
        Outcome::Balanced | Outcome::Unchanged => "good",
    }
}

fn tiles(plan: &Plan) -> Vec<Tile> {
    let moved = &plan.movement;
    let (before, after) = (&plan.before, &plan.after);
    let arrow = |old: String, new: String| format!("{old} → {new}");
    vec![
        Tile {
            label: "Hard rules broken",
            value: arrow(human::count(before.hard_total()), human::count(after.hard_total())),
            note: "violations".to_owned(),
        },
        Tile {
            label: "Outside their bands",
            value: arrow(human::count(before.imbalance.outside), human::count(after.imbalance.outside)),
            note: format!(
                "excess {} → {}",
                human::figure(before.imbalance.excess),
                human::figure(after.imbalance.excess)
            ),
        },
        Tile {
            label: "Copied between brokers",
            value: human::bytes(moved.inter_broker_bytes),
            note: if moved.inter_broker_bytes == 0 { "nothing is copied".to_owned() } else { bound(plan) },
        },
        Tile {
            label: "Replicas moved",
            value: human::count(moved.replica_moves),
            note: format!("{} in all", human::counted(moved.partitions_changed, "changed partition")),
        },
        Tile {
            label: "Within brokers",
            value: human::bytes(moved.intra_broker_bytes),
            note: format!("{} between log dirs", human::counted(moved.log_dir_moves, "replica")),
        },
        Tile {
            label: "Leaders changed",
            value: human::count(moved.leader_changes),
            note: "no bytes copied".to_owned(),
        },
    ]
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests;
