//! `what-if isolate`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::or_dash;
use crate::capacity::isolate::{Assignment, ClassNeed, Isolation, Need, Peaks};
use crate::model::{Goal, Snapshot};
use crate::plan::Plan;
use crate::report::charts::{Axis, BarChart, BarRow};
use crate::report::json::{NotEvaluatedView, not_evaluated, rounded};
use crate::report::sheet::{Mood, Section, Sheet, Tile};
use crate::report::table::Align::{Left, Right};
use crate::report::{human, layout};

/// What isolation takes, who gets which brokers, and the plan that brings it about.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// The snapshot as it stands.
    pub snapshot: &'a Snapshot,
    /// What the classes need.
    pub isolation: &'a Isolation,
    /// Who gets which brokers; none where there are too few.
    pub assignment: Option<&'a Assignment>,
    /// The plan for the regrouped snapshot; none without an assignment.
    pub plan: Option<&'a Plan>,
}

impl Answer<'_> {
    fn is_short(&self) -> bool {
        self.assignment.is_none()
    }

    fn is_broken(&self) -> bool {
        self.plan.is_some_and(|plan| plan.after.hard_total() > 0)
    }

    /// Ids of the brokers of `class`.
    fn brokers(&self, class: usize) -> Vec<i32> {
        let of_class = |assignment: &Assignment| {
            let brokers = self.snapshot.brokers.iter().zip(&assignment.class_of_broker);
            brokers.filter(|(_, of)| **of == Some(class)).map(|(broker, _)| broker.id).collect()
        };
        self.assignment.map(of_class).unwrap_or_default()
    }
}

/// The answer for people.
#[must_use]
pub fn sheet(answer: &Answer<'_>) -> Sheet {
    let found = answer.isolation;
    let survives = answer.assignment.is_some_and(|assignment| assignment.survives_loss);
    let copied = or_dash(answer.plan, |plan| human::bytes(plan.movement.inter_broker_bytes));
    let end = match answer.assignment {
        None => format!(
            "; {} active are fewer than the {} that the classes need without any to lose",
            human::counted(found.brokers_active, "broker"),
            human::count(found.classes.iter().map(|class| class.brokers).sum())
        ),
        Some(_) if survives => format!("; the {} there are suffice, and {copied} are copied", found.brokers_active),
        Some(_) => format!(
            "; with the {} there are not every class can lose one ({} short), and {copied} are copied",
            found.brokers_active,
            human::count(found.brokers_missing)
        ),
    };
    let verdict = format!(
        "{} take {} with one to lose in each, {} more than sharing them all ({}){end}",
        classes(found.classes.len()),
        human::counted(found.brokers_needed, "broker"),
        human::count(found.extra_brokers),
        human::count(found.shared.brokers_n_minus_1)
    );
    let (mood, word) = match (answer.is_short(), answer.is_broken(), survives) {
        (true, _, _) => (Mood::Bad, "Too few brokers"),
        (_, true, _) => (Mood::Bad, "Rules stay broken"),
        (_, _, false) => (Mood::Fair, "None to lose"),
        _ => (Mood::Good, "It fits"),
    };
    let mut sections = vec![class_section(answer), resource_section(found)];
    sections.extend(answer.plan.zip(answer.assignment).map(|(plan, assignment)| plan_section(plan, assignment)));
    Sheet {
        kicker: "what-if isolate",
        title: answer.snapshot.cluster.cluster_id.clone(),
        meta: format!("captured {}", answer.snapshot.cluster.captured_at),
        mood,
        word: word.to_owned(),
        verdict,
        tiles: vec![
            Tile {
                label: "Brokers needed",
                value: human::count(found.brokers_needed),
                note: format!("{} there are", human::count(found.brokers_active)),
            },
            Tile {
                label: "Extra brokers",
                value: human::count(found.extra_brokers),
                note: format!("sharing takes {}", human::count(found.shared.brokers_n_minus_1)),
            },
            Tile { label: "Copied", value: copied, note: "to bring each class home".to_owned() },
        ],
        sections,
        not_evaluated: found.not_evaluated.clone(),
        glossary: vec![
            ("class", "Topics that are to have brokers of their own; it becomes a resource group."),
            ("one to lose", "The load is still below every limit when one broker of the class is lost (N−1)."),
            ("binding", "What decides how many brokers a class needs."),
        ],
    }
}

fn class_section(answer: &Answer<'_>) -> Section {
    let found = answer.isolation;
    let all = || found.classes.iter().chain(std::iter::once(&found.shared));
    let bars = all().map(|class| BarRow {
        label: class.name.clone(),
        before: Some(class.brokers as f64),
        after: class.brokers_n_minus_1 as f64,
    });
    let title = "Brokers by class: for the load → with one to lose";
    let chart = BarChart { title: title.to_owned(), axis: Axis::Count, limit: None, rows: bars.collect() };
    let rows = all().enumerate().map(|(number, class)| {
        vec![
            class.name.clone(),
            human::count(class.topics),
            human::count(class.partitions),
            human::count(class.brokers),
            human::count(class.brokers_n_minus_1),
            class.binding.to_owned(),
            id_ranges(&answer.brokers(number)),
        ]
    });
    Section::new("Classes").chart(title, chart.svg("classes")).grid(
        &[
            ("class", Left),
            ("topics", Right),
            ("partitions", Right),
            ("brokers", Right),
            ("one to lose", Right),
            ("binding", Left),
            ("gets", Left),
        ],
        rows.collect(),
    )
}

/// `1-4, 7`.
fn id_ranges(ids: &[i32]) -> String {
    let mut ranges: Vec<(i32, i32)> = Vec::new();
    for &id in ids {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(id) => *last = id,
            _ => ranges.push((id, id)),
        }
    }
    let text = |(first, last): (i32, i32)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    ranges.into_iter().map(text).collect::<Vec<_>>().join(", ")
}

fn amount(goal: Goal, value: f64) -> String {
    match goal {
        Goal::Disk => human::bytes_f64(value),
        Goal::NetworkIn | Goal::NetworkOut => human::rate(value),
        _ => format!("{} cores", human::figure(value)),
    }
}

fn resource_section(found: &Isolation) -> Section {
    let mut rows = Vec::new();
    for class in &found.classes {
        for need in &class.needs {
            rows.push(vec![
                class.name.clone(),
                need.goal.name().to_owned(),
                amount(need.goal, need.load),
                human::percent(need.limit),
                or_dash(need.brokers, human::count),
            ]);
        }
    }
    let sums: Vec<String> =
        found.sum_of_peaks.iter().map(|(goal, sum)| format!("{} {}", goal.name(), amount(*goal, *sum))).collect();
    let together = |peaks: &Vec<(Goal, f64)>| {
        let all = peaks.iter().map(|(goal, sum)| format!("{} {}", goal.name(), amount(*goal, *sum)));
        format!("Peak of their sum, all at one time: {}.", all.collect::<Vec<_>>().join(", "))
    };
    let mut section =
        Section::new("Load by resource").paragraph(format!("Sum of the classes’ peaks: {}.", sums.join(", ")));
    if let Some(peaks) = &found.peak_of_sums {
        section = section.paragraph(together(peaks));
    }
    for class in found.classes.iter().filter(|class| !class.peaks.is_empty()) {
        let pairs = class.peaks.iter().map(|peaks| {
            let [apart, together] = [peaks.sum_of_peaks, peaks.peak_of_sums].map(|load| amount(peaks.goal, load));
            format!("{} {together} of {apart}", peaks.goal.name())
        });
        let pairs: Vec<String> = pairs.collect();
        section =
            section.paragraph(format!("Peak of {} against its topics’ own peaks: {}.", class.name, pairs.join(", ")));
    }
    section.grid(&[("class", Left), ("resource", Left), ("load", Right), ("limit", Right), ("brokers", Right)], rows)
}

fn plan_section(plan: &Plan, assignment: &Assignment) -> Section {
    let resident = assignment.resident_bytes as f64 / (assignment.total_bytes as f64).max(1.0);
    Section::new("The plan").paragraph(format!(
        "{} of the bytes sit on brokers of their class already. The plan copies {} between brokers ({}); {} of hard rules \
         and {} outside the bands are left.",
        human::percent(resident),
        human::bytes(plan.movement.inter_broker_bytes),
        human::counted(plan.movement.replica_moves, "replica"),
        human::counted(plan.after.hard_total(), "violation"),
        human::count(plan.after.imbalance.outside)
    ))
}

/// The answer for programs.
#[must_use]
pub fn json(answer: &Answer<'_>) -> Vec<u8> {
    let found = answer.isolation;
    let peaks = |peaks: &[(Goal, f64)]| peaks.iter().map(|(goal, sum)| (goal.name(), rounded(*sum))).collect();
    layout::to_bytes(&View {
        classes: (0..).zip(&found.classes).map(|(row, class)| ClassView::of(class, answer.brokers(row))).collect(),
        shared: ClassView::of(&found.shared, Vec::new()),
        sum_of_peaks: peaks(&found.sum_of_peaks),
        peak_of_sums: found.peak_of_sums.as_deref().map(peaks),
        brokers_active: found.brokers_active,
        brokers_needed: found.brokers_needed,
        extra_brokers: found.extra_brokers,
        brokers_missing: found.brokers_missing,
        survives_loss: answer.assignment.map(|assignment| assignment.survives_loss),
        plan: answer.plan.map(|plan| PlanView {
            outcome: plan.outcome.name(),
            inter_broker_bytes: plan.movement.inter_broker_bytes,
            replica_moves: plan.movement.replica_moves,
            hard_total: plan.after.hard_total(),
            outside: plan.after.imbalance.outside,
        }),
        not_evaluated: not_evaluated(&found.not_evaluated),
    })
}

#[derive(Serialize)]
struct View<'a> {
    classes: Vec<ClassView<'a>>,
    shared: ClassView<'a>,
    sum_of_peaks: BTreeMap<&'static str, f64>,
    peak_of_sums: Option<BTreeMap<&'static str, f64>>,
    brokers_active: u64,
    brokers_needed: u64,
    extra_brokers: u64,
    brokers_missing: u64,
    survives_loss: Option<bool>,
    plan: Option<PlanView>,
    not_evaluated: Vec<NotEvaluatedView<'a>>,
}

#[derive(Serialize)]
struct ClassView<'a> {
    name: &'a str,
    topics: u64,
    partitions: u64,
    replication_factor_max: u64,
    brokers_needed: u64,
    brokers_n_minus_1: u64,
    binding: &'static str,
    needs: BTreeMap<&'static str, NeedView>,
    peaks: BTreeMap<&'static str, PeaksView>,
    brokers: Vec<i32>,
}

impl<'a> ClassView<'a> {
    fn of(class: &'a ClassNeed, brokers: Vec<i32>) -> Self {
        let need = |need: &Need| {
            (need.goal.name(), NeedView { load: rounded(need.load), limit: need.limit, brokers: need.brokers })
        };
        let peaks = |peaks: &Peaks| {
            let (sum_of_peaks, peak_of_sums) = (rounded(peaks.sum_of_peaks), rounded(peaks.peak_of_sums));
            (peaks.goal.name(), PeaksView { sum_of_peaks, peak_of_sums })
        };
        Self {
            name: &class.name,
            topics: class.topics,
            partitions: class.partitions,
            replication_factor_max: class.replication_factor_max,
            brokers_needed: class.brokers,
            brokers_n_minus_1: class.brokers_n_minus_1,
            binding: class.binding,
            needs: class.needs.iter().map(need).collect(),
            peaks: class.peaks.iter().map(peaks).collect(),
            brokers,
        }
    }
}

/// Of the class's topics.
#[derive(Serialize)]
struct PeaksView {
    sum_of_peaks: f64,
    peak_of_sums: f64,
}

#[derive(Serialize)]
struct NeedView {
    load: f64,
    limit: f64,
    brokers: Option<u64>,
}

#[derive(Serialize)]
struct PlanView {
    outcome: &'static str,
    inter_broker_bytes: u64,
    replica_moves: u64,
    hard_total: u64,
    outside: u64,
}

fn classes(count: usize) -> String {
    if count == 1 { "1 class".to_owned() } else { format!("{count} classes") }
}
