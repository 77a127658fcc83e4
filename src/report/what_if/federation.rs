//! `what-if federation`.

use serde::Serialize;

use super::{gigabits, optional, or_dash};
use crate::capacity::federation::{FederationPlan, GrowPath, Range, TopicMap};
use crate::ingest::scenario::federation::Federation;
use crate::report::charts::{Axis, BarChart, BarRow};
use crate::report::json::{NotEvaluatedView, not_evaluated, rounded};
use crate::report::sheet::{Mood, Section, Sheet, Tile};
use crate::report::table::Align::{Left, Right};
use crate::report::{human, layout};

/// Ranges of one topic that a cell has room for; the JSON has all.
const RANGES: usize = 2;

/// Clusters of topics that the chart has room for.
const CHART_ROWS: usize = 24;

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
    if !found.topics.is_empty() {
        sections.push(map_section(scenario, found));
    }
    sections.push(keys_section(scenario, found));
    Sheet {
        kicker: "what-if federation",
        title: gigabits(scenario.demand_bytes_per_sec),
        meta: format!("in clusters of {} brokers", human::count(scenario.cluster.brokers)),
        mood: match found.topics.iter().any(|topic| topic.loss.rate_factor.is_none()) {
            _ if found.exceeds_clusters_max => Mood::Bad,
            true => Mood::Fair,
            false => Mood::Good,
        },
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
    let bar = |path: &GrowPath| Some(BarRow { label: path.path.to_owned(), before: None, after: path.minutes? / 60.0 });
    let bars: Vec<BarRow> = found.grow.iter().filter_map(bar).collect();
    let mut section = Section::new("Two ways to grow");
    if bars.len() > 1 {
        let title = "Hours until the growth is usable";
        let chart = BarChart { title: title.to_owned(), axis: Axis::Hours, limit: None, rows: bars };
        section = section.chart(title, chart.svg("grow"));
    }
    section
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

/// Where logical partitions lie, what growth adds, and what the loss of a cluster takes away.
fn map_section(scenario: &Federation, found: &FederationPlan) -> Section {
    let lost = human::counted(scenario.clusters_lost, "cluster");
    let mut rows = Vec::new();
    let mut bars = Vec::new();
    for topic in &found.topics {
        for range in &topic.ranges {
            let label = format!("{} {}", topic.name, range.cluster);
            let count = range.partitions as f64;
            bars.push(BarRow { label, before: Some(if range.is_added { 0.0 } else { count }), after: count });
        }
        let ranges = |is_added: bool| {
            let own = topic.ranges.iter().filter(|range| range.is_added == is_added);
            let all: Vec<String> = own.map(in_words).collect();
            if all.len() > RANGES { format!("{}, …", all[..RANGES].join(", ")) } else { all.join(", ") }
        };
        rows.push(vec![
            topic.name.clone(),
            human::count(topic.partitions_before),
            ranges(false),
            if topic.partitions_after > topic.partitions_before { ranges(true) } else { "–".to_owned() },
            or_dash(topic.keys_kept, human::percent),
            human::percent(topic.loss.share),
            topic
                .loss
                .rate_factor
                .map_or_else(|| "the topic stops".to_owned(), |by| format!("× {}", human::figure(by))),
        ]);
    }
    let stops = found.topics.iter().filter(|topic| topic.loss.rate_factor.is_none()).count() as u64;
    let verdict = match stops {
        0 => format!("Every topic survives the loss of {lost}."),
        count => format!("{} nowhere else and would stop with {lost} lost.", of_topics(count)),
    };
    let mut section = Section::new("Partitions over clusters")
        .paragraph(
            "Logical partitions by physical cluster: 1 has 0-3 reads: the first of the topic’s clusters has the partitions \
             0 to 3. What is added is numbered on, and nothing that is there moves.",
        )
        .paragraph(format!(
            "{verdict} Keyless producers then write to the partitions that are left; keys of the others wait."
        ));
    if bars.len() <= CHART_ROWS {
        let title = "Partitions by cluster, before and after growth";
        let chart = BarChart { title: title.to_owned(), axis: Axis::Count, limit: None, rows: bars };
        section = section.chart(title, chart.svg("map"));
    }
    section.grid(
        &[
            ("topic", Left),
            ("partitions", Right),
            ("clusters", Left),
            ("added", Left),
            ("keys stay", Right),
            ("away after a loss", Right),
            ("others get", Right),
        ],
        rows,
    )
}

/// `1 has 0-3`.
fn in_words(range: &Range) -> String {
    let last = range.first + range.partitions.saturating_sub(1);
    let numbers = if last == range.first { last.to_string() } else { format!("{}-{last}", range.first) };
    format!("{} has {numbers}", range.cluster)
}

fn of_topics(count: u64) -> String {
    if count == 1 { "1 topic lies".to_owned() } else { format!("{} topics lie", human::count(count)) }
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
        topics: found.topics.iter().map(TopicView::of).collect(),
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
    topics: Vec<TopicView<'a>>,
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
struct TopicView<'a> {
    name: &'a str,
    keyed: bool,
    partitions_before: u64,
    partitions_after: u64,
    clusters: Vec<RangeView>,
    keys_kept: Option<f64>,
    after_loss: LossView,
}

#[derive(Serialize)]
struct RangeView {
    cluster: u64,
    first_partition: u64,
    partitions: u64,
    added: bool,
}

/// With the scenario's number of clusters lost.
#[derive(Serialize)]
struct LossView {
    partitions_away: u64,
    share_away: f64,
    rate_factor: Option<f64>,
    survived: bool,
}

impl<'a> TopicView<'a> {
    fn of(topic: &'a TopicMap) -> Self {
        let range = |range: &Range| RangeView {
            cluster: range.cluster,
            first_partition: range.first,
            partitions: range.partitions,
            added: range.is_added,
        };
        Self {
            name: &topic.name,
            keyed: topic.is_keyed,
            partitions_before: topic.partitions_before,
            partitions_after: topic.partitions_after,
            clusters: topic.ranges.iter().map(range).collect(),
            keys_kept: optional(topic.keys_kept),
            after_loss: LossView {
                partitions_away: topic.loss.partitions,
                share_away: rounded(topic.loss.share),
                rate_factor: optional(topic.loss.rate_factor),
                survived: topic.loss.rate_factor.is_some(),
            },
        }
    }
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
