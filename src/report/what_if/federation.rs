//! `what-if federation`.

use serde::Serialize;

use super::{gigabits, optional, or_dash};
use crate::capacity::federation::FederationPlan;
use crate::ingest::scenario::federation::Federation;
use crate::report::charts::{Axis, BarChart, BarRow};
use crate::report::json::{NotEvaluatedView, not_evaluated, rounded};
use crate::report::sheet::{Mood, Section, Sheet, Tile};
use crate::report::table::Align::{Left, Right};
use crate::report::{human, layout};

/// The answer for people.
#[must_use]
pub fn sheet(scenario: &Federation, found: &FederationPlan) -> Sheet {
    let after_loss = or_dash(found.cpu_utilization_after_loss, human::percent);
    let max = scenario.cluster.clusters_max;
    let verdict = format!(
        "{} takes {} of {} brokers ({} in all): CPU at {}, {after_loss} with {} lost{}",
        gigabits(scenario.demand_bytes_per_sec),
        human::counted(found.clusters_needed, "physical cluster"),
        human::count(scenario.cluster.brokers),
        human::count(found.brokers),
        human::percent(found.cpu_utilization),
        human::counted(scenario.clusters_lost, "cluster"),
        max.map_or_else(String::new, |max| format!("; one logical cluster takes {} at most", human::count(max)))
    );
    let mut sections = vec![need_section(scenario, found), grow_section(scenario, found)];
    if !found.years.is_empty() {
        sections.push(year_section(scenario, found));
    }
    sections.push(keys_section(scenario, found));
    Sheet {
        kicker: "what-if federation",
        title: gigabits(scenario.demand_bytes_per_sec),
        meta: format!("in clusters of {} brokers", human::count(scenario.cluster.brokers)),
        mood: if found.exceeds_clusters_max { Mood::Bad } else { Mood::Good },
        word: if found.exceeds_clusters_max { "Too large".to_owned() } else { "It fits".to_owned() },
        verdict,
        tiles: vec![
            Tile {
                label: "Physical clusters",
                value: human::count(found.clusters_needed),
                note: or_dash(max, |max| format!("of {} at most", human::count(max))),
            },
            Tile { label: "Brokers", value: human::count(found.brokers), note: "in all clusters".to_owned() },
            Tile {
                label: "CPU",
                value: human::percent(found.cpu_utilization),
                note: format!("{after_loss} after the loss"),
            },
            Tile {
                label: "Keys that stay",
                value: or_dash(found.keyed_partitions_kept, human::percent),
                note: "when partitions are added".to_owned(),
            },
        ],
        sections,
        not_evaluated: found.not_evaluated.clone(),
        glossary: vec![
            ("logical cluster", "What clients see: one name, topics whose partitions lie in several clusters."),
            ("physical cluster", "An ordinary Kafka cluster behind the logical one, lost or added as a whole."),
        ],
    }
}

fn need_section(scenario: &Federation, found: &FederationPlan) -> Section {
    let row = |what: &str, clusters: u64, cpu: f64, why: String| {
        vec![what.to_owned(), human::count(clusters), human::percent(cpu), why]
    };
    let decides = |is: bool| if is { "decides".to_owned() } else { String::new() };
    Section::new("Physical clusters")
        .paragraph(format!(
            "One cluster carries {} ({}) at {} CPU; the measured broker carried {} at {}.",
            human::rate(found.cluster_bytes_per_sec),
            gigabits(found.cluster_bytes_per_sec),
            human::percent(scenario.cpu_limit),
            human::rate(scenario.broker.bytes_in_per_sec),
            human::percent(scenario.broker.cpu_utilization)
        ))
        .grid(
            &[("for", Left), ("clusters", Right), ("CPU at most", Right), ("", Left)],
            vec![
                row(
                    "the demand",
                    found.clusters_for_demand,
                    scenario.cpu_limit,
                    decides(found.clusters_for_demand >= found.clusters_for_loss),
                ),
                row(
                    &format!("it with {} lost", human::counted(scenario.clusters_lost, "cluster")),
                    found.clusters_for_loss,
                    scenario.cpu_limit_after_loss,
                    decides(found.clusters_for_loss > found.clusters_for_demand),
                ),
            ],
        )
}

fn grow_section(scenario: &Federation, found: &FederationPlan) -> Section {
    let rows = found.grow.iter().map(|path| {
        vec![
            path.path.to_owned(),
            or_dash(path.minutes, |minutes| human::duration(minutes * 60.0)),
            or_dash(path.bytes_moved, human::bytes_f64),
            human::rate(path.bytes_per_sec_added),
        ]
    });
    Section::new("Two ways to grow")
        .paragraph(format!(
            "A cluster is added whole and takes new partitions at once. Brokers added to one cluster ({}) wait until \
             their share of its data is copied.",
            human::count(scenario.grow.brokers_added)
        ))
        .grid(&[("way", Left), ("takes", Right), ("copies", Right), ("brings", Right)], rows.collect())
}

fn year_section(scenario: &Federation, found: &FederationPlan) -> Section {
    let bars = found.years.iter().map(|year| BarRow {
        label: format!("year {}", year.year),
        before: None,
        after: year.clusters as f64,
    });
    let title = "Physical clusters by year";
    let chart = BarChart {
        title: title.to_owned(),
        axis: Axis::Count,
        limit: scenario.cluster.clusters_max.map(|max| max as f64),
        rows: bars.collect(),
    };
    let rows = found.years.iter().map(|year| {
        vec![
            year.year.to_string(),
            gigabits(year.demand_bytes_per_sec),
            human::count(year.clusters),
            human::count(year.clusters * scenario.cluster.brokers),
        ]
    });
    let limit = match found.days_to_clusters_max.map(|days| days.round() as u64) {
        None => String::new(),
        Some(0) => {
            " All clusters that one logical cluster takes are needed today: there is no room to grow.".to_owned()
        }
        Some(days) => {
            format!(" In {} all clusters that one logical cluster takes are needed.", human::counted(days, "day"))
        }
    };
    let growth = scenario.growth_per_year.unwrap_or(0.0);
    Section::new("Growth")
        .paragraph(format!("At {} a year.{limit}", human::signed_percent(growth)))
        .chart(title, chart.svg("years"))
        .grid(&[("year", Right), ("demand", Right), ("clusters", Right), ("brokers", Right)], rows.collect())
}

fn keys_section(scenario: &Federation, found: &FederationPlan) -> Section {
    let text = match (scenario.keyed, found.keyed_partitions_kept) {
        (Some((before, after)), Some(kept)) => format!(
            "A topic that goes from {before} to {after} partitions keeps {} of its keys where they are; the rest move, and \
             their order is not kept across the change. Stop keyed producers meanwhile, or give such topics all their \
             partitions at once.",
            human::percent(kept)
        ),
        _ => "Adding a cluster adds partitions; what that does to keyed topics takes [keyed_topic].".to_owned(),
    };
    Section::new("Keyed messages").paragraph(text)
}

/// The answer for programs.
#[must_use]
pub fn json(scenario: &Federation, found: &FederationPlan) -> Vec<u8> {
    layout::to_bytes(&View {
        clusters_needed: found.clusters_needed,
        brokers: found.brokers,
        clusters_for_demand: found.clusters_for_demand,
        clusters_for_loss: found.clusters_for_loss,
        cluster_bytes_per_sec: rounded(found.cluster_bytes_per_sec),
        cpu_utilization: rounded(found.cpu_utilization),
        cpu_utilization_after_loss: optional(found.cpu_utilization_after_loss),
        grow: found
            .grow
            .iter()
            .map(|path| GrowView {
                path: path.path,
                minutes: optional(path.minutes),
                bytes_moved: optional(path.bytes_moved),
                bytes_per_sec_added: rounded(path.bytes_per_sec_added),
            })
            .collect(),
        keyed_partitions_kept: optional(found.keyed_partitions_kept),
        limits: LimitsView {
            clusters_max: scenario.cluster.clusters_max,
            brokers_max: scenario.cluster.clusters_max.map(|max| max * scenario.cluster.brokers),
            bytes_per_sec_max: optional(found.bytes_per_sec_max),
            replicas_max: scenario.cluster.replicas_max.map(|max| max * found.clusters_needed),
            cpu: scenario.cpu_limit,
            cpu_after_loss: scenario.cpu_limit_after_loss,
            clusters_lost: scenario.clusters_lost,
            exceeded: found.exceeds_clusters_max,
        },
        growth: found
            .years
            .iter()
            .map(|year| YearView {
                year: year.year,
                demand_bytes_per_sec: rounded(year.demand_bytes_per_sec),
                clusters: year.clusters,
            })
            .collect(),
        days_to_clusters_max: optional(found.days_to_clusters_max),
        not_evaluated: not_evaluated(&found.not_evaluated),
    })
}

#[derive(Serialize)]
struct View<'a> {
    clusters_needed: u64,
    brokers: u64,
    clusters_for_demand: u64,
    clusters_for_loss: u64,
    cluster_bytes_per_sec: f64,
    cpu_utilization: f64,
    cpu_utilization_after_loss: Option<f64>,
    grow: Vec<GrowView>,
    keyed_partitions_kept: Option<f64>,
    limits: LimitsView,
    growth: Vec<YearView>,
    days_to_clusters_max: Option<f64>,
    not_evaluated: Vec<NotEvaluatedView<'a>>,
}

#[derive(Serialize)]
struct GrowView {
    path: &'static str,
    minutes: Option<f64>,
    bytes_moved: Option<f64>,
    bytes_per_sec_added: f64,
}

#[derive(Serialize)]
struct LimitsView {
    clusters_max: Option<u64>,
    brokers_max: Option<u64>,
    bytes_per_sec_max: Option<f64>,
    replicas_max: Option<u64>,
    cpu: f64,
    cpu_after_loss: f64,
    clusters_lost: u64,
    exceeded: bool,
}

#[derive(Serialize)]
struct YearView {
    year: u32,
    demand_bytes_per_sec: f64,
    clusters: u64,
}
