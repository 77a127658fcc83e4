//! `what-if isolate`: text and page here, JSON in `json`.

mod json;

pub use json::json;

use super::or_dash;
use crate::capacity::isolate::{Assignment, ClassLimit, Isolation};
use crate::ingest::kafka_cli::rfc3339;
use crate::model::{Goal, Snapshot};
use crate::plan::Plan;
use crate::report::charts::{Axis, BarChart, BarRow};
use crate::report::human;
use crate::report::sheet::{Mood, Section, Sheet, Tile};
use crate::report::table::Align::{Left, Right};

/// Width of a topic's name.
const TOPIC_WIDTH: usize = 28;

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
    /// The classes' own limits after the plan.
    pub limits: &'a [ClassLimit],
}

impl<'a> Answer<'a> {
    fn class_name(&self, class: usize) -> &'a str {
        self.isolation.classes.get(class).map_or("", |class| class.name.as_str())
    }

    fn is_short(&self) -> bool {
        self.assignment.is_none()
    }

    fn is_broken(&self) -> bool {
        self.plan.is_some_and(|plan| plan.after.hard_total() > 0)
    }

    /// Whether the plan passes a limit that a class has of its own.
    #[must_use]
    pub fn passes_limits(&self) -> bool {
        self.limits.iter().any(|limit| limit.is_kept() == Some(false))
    }

    /// Where the shared peaks come from.
    fn basis(&self) -> String {
        let from = |is_measured: bool| {
            let peaks = self.isolation.shared_peaks.iter().filter(|peak| peak.time_sec.is_some() == is_measured);
            peaks.map(|peak| peak.goal.name()).collect::<Vec<_>>().join(", ")
        };
        let window = self.snapshot.cluster.window.as_ref();
        let statistic = window.map_or("an unknown statistic", |window| window.statistic.name());
        let stated = format!("from the snapshot’s figures ({statistic}), which know no times");
        match (from(true), from(false)) {
            (measured, none) if none.is_empty() => format!("From the history’s series of topics: {measured}."),
            (none, _) if none.is_empty() => {
                format!("Who has most load, {stated}: a history by topic tells whose peaks coincide.")
            }
            (measured, other) => format!("From the history’s series of topics: {measured}; {stated}: {other}."),
        }
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
        _ if answer.passes_limits() => (Mood::Bad, "A limit is passed"),
        (_, _, false) => (Mood::Fair, "None to lose"),
        _ => (Mood::Good, "It fits"),
    };
    let mut sections = vec![class_section(answer), resource_section(found), peak_section(answer)];
    sections
        .extend(answer.plan.zip(answer.assignment).map(|(plan, assignment)| plan_section(answer, plan, assignment)));
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
            ("shared peak", "The moment at which all topics together have most load, and who makes it."),
            ("coincides", "What a load is in the shared peak, of its own peak: 100 % where both are at one time."),
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

/// Who makes the busiest moment of each resource, and on whose brokers.
fn peak_section(answer: &Answer<'_>) -> Section {
    let found = answer.isolation;
    let class_name = |class: usize| answer.class_name(class);
    let mut section = Section::new("Noisy neighbours").paragraph(answer.basis());
    let (mut classes, mut topics, mut bars) = (Vec::new(), Vec::new(), Vec::new());
    for peak in &found.shared_peaks {
        let mut row = vec![peak.goal.name().to_owned(), or_dash(peak.time_sec, rfc3339), amount(peak.goal, peak.load)];
        let shares = peak.classes.iter().enumerate().map(|(class, part)| {
            let coincidence = part.coincidence.map_or_else(String::new, |c| format!(" ({})", human::percent(c)));
            format!("{} {}{coincidence}", class_name(class), human::percent(part.share))
        });
        row.push(shares.collect::<Vec<_>>().join(", "));
        classes.push(row);
        for noisy in &peak.topics {
            let name = &answer.snapshot.topic(noisy.topic).name;
            let neighbours: Vec<&str> = noisy.neighbours.iter().map(|&class| class_name(class)).collect();
            if peak.goal == Goal::NetworkIn {
                bars.push(BarRow { label: name.clone(), before: None, after: noisy.part.share });
            }
            topics.push(vec![
                peak.goal.name().to_owned(),
                human::shorten(name, TOPIC_WIDTH),
                class_name(noisy.class).to_owned(),
                human::percent(noisy.part.share),
                or_dash(noisy.part.coincidence, human::percent),
                format!("{} on {}", neighbours.join(", "), human::counted(noisy.brokers_shared, "broker")),
            ]);
        }
    }
    if !bars.is_empty() {
        let title = "Topics with neighbours of other classes: share of what is written in the shared peak";
        let chart = BarChart { title: title.to_owned(), axis: Axis::Share, limit: None, rows: bars };
        section = section.chart(title, chart.svg("neighbours"));
    }
    section.grid(&[("resource", Left), ("shared peak", Left), ("load", Right), ("of which", Left)], classes).grid(
        &[
            ("resource", Left),
            ("topic", Left),
            ("class", Left),
            ("of all", Right),
            ("coincides", Right),
            ("disturbs", Left),
        ],
        topics,
    )
}

fn plan_section(answer: &Answer<'_>, plan: &Plan, assignment: &Assignment) -> Section {
    let resident = assignment.resident_bytes as f64 / (assignment.total_bytes as f64).max(1.0);
    let section = Section::new("The plan").paragraph(format!(
        "{} of the bytes sit on brokers of their class already. The plan copies {} between brokers ({}) in {}; {} of hard \
         rules and {} outside the bands are left.",
        human::percent(resident),
        human::bytes(plan.movement.inter_broker_bytes),
        human::counted(plan.movement.replica_moves, "replica"),
        batches(plan.batches.len()),
        human::counted(plan.after.hard_total(), "violation"),
        human::count(plan.after.imbalance.outside)
    ));
    if answer.limits.is_empty() {
        return section;
    }
    let name = |class: usize| answer.class_name(class);
    let row = |limit: &ClassLimit| {
        vec![
            name(limit.class).to_owned(),
            limit.goal.name().to_owned(),
            human::percent(limit.limit),
            or_dash(limit.busiest, |(_, used)| human::percent(used)),
            or_dash(limit.busiest, |(broker, _)| format!("broker {}", answer.snapshot.broker(broker).id)),
            match limit.is_kept() {
                Some(true) => "kept",
                Some(false) => "passed",
                None => "not known",
            }
            .to_owned(),
        ]
    };
    section.paragraph("The classes’ own limits, after the plan:").grid(
        &[("class", Left), ("resource", Left), ("limit", Right), ("most used", Right), ("by", Left), ("", Left)],
        answer.limits.iter().map(row).collect(),
    )
}

fn batches(count: usize) -> String {
    if count == 1 { "1 batch".to_owned() } else { format!("{count} batches") }
}

fn classes(count: usize) -> String {
    if count == 1 { "1 class".to_owned() } else { format!("{count} classes") }
}
