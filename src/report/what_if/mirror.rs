//! `what-if mirror`.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::{gigabits, money, optional, or_dash};
use crate::capacity::mirror::{AddedUse, Mirror, RunAt, SiteLoad};
use crate::ingest::scenario::sites::{Site, Sites, Topology};
use crate::report::charts::{Axis, BarChart, BarRow};
use crate::report::json::{NotEvaluatedView, not_evaluated, rounded};
use crate::report::sheet::{Mood, Section, Sheet, Tile};
use crate::report::table::Align::{Left, Right};
use crate::report::{human, layout};

/// Flows that the chart has room for.
const CHART_ROWS: usize = 24;

/// The answer for people.
#[must_use]
pub fn sheet(sites: &Sites, found: &Mirror) -> Sheet {
    let name = |row: usize| sites.sites.get(row).map_or("", |site| site.name.as_str());
    let cost = or_dash(found.wan_monthly_cost, |cost| money(cost, &sites.currency));
    let processes = if found.processes == 1 { "process" } else { "processes" };
    let flows = found.flows.len() as u64;
    let verdict = format!(
        "{} between {} sites take {} {processes} ({} each) and carry {} ({}) between sites, {} a month",
        human::counted(flows, "flow"),
        sites.sites.len(),
        human::count(found.processes),
        human::count(found.redundancy),
        human::rate(found.wan_bytes_per_sec),
        gigabits(found.wan_bytes_per_sec),
        cost
    );
    let overloaded = found.flows.iter().filter(|flow| flow.link_utilization.is_some_and(|used| used > 1.0)).count();
    let is_passed = found.sites.iter().flat_map(|load| load.cluster.iter().flatten()).any(AddedUse::is_passed);
    let center = found.center.map_or_else(String::new, |row| match found.topology {
        Topology::HubAndSpoke => format!("; the hub is {}", name(row)),
        _ => format!("; {} is active", name(row)),
    });
    Sheet {
        kicker: "what-if mirror",
        title: found.topology.name().to_owned(),
        meta: format!("{} sites{center}", sites.sites.len()),
        mood: if overloaded > 0 || is_passed { Mood::Bad } else { Mood::Good },
        word: match (overloaded > 0, is_passed) {
            (true, _) => "Too much for a link",
            (_, true) => "Too much for a cluster",
            _ => "Mirrored",
        }
        .to_owned(),
        verdict,
        tiles: vec![
            Tile { label: "Flows", value: human::count(flows), note: semantics(found.topology).to_owned() },
            Tile {
                label: "Processes",
                value: human::count(found.processes),
                note: or_dash(found.processes_by_rate, |n| format!("{} by measured rate", human::count(n))),
            },
            Tile {
                label: "Between sites",
                value: gigabits(found.wan_bytes_per_sec),
                note: human::rate(found.wan_bytes_per_sec),
            },
            Tile { label: "A month", value: cost, note: "730 hours, GB of 10^9 bytes".to_owned() },
        ],
        sections: [flow_section(sites, found), site_section(sites, found)]
            .into_iter()
            .chain(cluster_section(sites, found))
            .collect(),
        not_evaluated: found.not_evaluated.clone(),
        glossary: vec![
            ("flow", "What one site sends to one other. Every event crosses each pair of sites at most once."),
            (
                "process",
                "A mirroring process of a flow, such as a MirrorMaker 2 worker; redundant ones share its load.",
            ),
            ("catch-up", "How long a flow needs after an outage: what was missed over what it copies beyond new data."),
        ],
    }
}

fn semantics(topology: Topology) -> &'static str {
    match topology {
        Topology::HubAndSpoke => "n − 1: every spoke to the hub",
        Topology::ActiveActive => "n · (n − 1): every site to every other",
        Topology::ActiveStandby => "n − 1: the active site to every standby",
    }
}

fn flow_section(sites: &Sites, found: &Mirror) -> Section {
    let name = |row: usize| sites.sites.get(row).map_or("", |site| site.name.as_str());
    let mut largest: Vec<BarRow> = found
        .flows
        .iter()
        .map(|flow| BarRow {
            label: format!("{} → {}", name(flow.from), name(flow.to)),
            before: None,
            after: flow.bytes_per_sec,
        })
        .collect();
    largest.sort_by(|a, b| b.after.total_cmp(&a.after));
    largest.truncate(CHART_ROWS);
    let title = "Bytes per second by flow, largest first";
    let chart = BarChart { title: title.to_owned(), axis: Axis::BytesPerSec, limit: None, rows: largest };
    let rows = found.flows.iter().map(|flow| {
        vec![
            name(flow.from).to_owned(),
            name(flow.to).to_owned(),
            human::rate(flow.bytes_per_sec),
            or_dash(flow.tasks, human::count),
            or_dash(flow.link_utilization, human::percent),
            or_dash(flow.socket_buffer_bytes, human::bytes_f64),
            human::bytes_f64(flow.lag_bytes),
            or_dash(flow.catch_up_hours, |hours| human::duration(hours * 3600.0)),
            or_dash(flow.monthly_cost, |cost| money(cost, &sites.currency)),
        ]
    });
    let run_at = match found.run_at {
        RunAt::Target => {
            "Run the processes at the receiving site: a remote read that fails loses nothing, a remote write may."
        }
        RunAt::Source => {
            "Run the processes at the sending site: traffic is encrypted, and the producer bears TLS better than a broker."
        }
    };
    let outage = human::duration(sites.outage_hours * 3600.0);
    Section::new("Flows")
        .paragraph(run_at)
        .paragraph(format!("Lag and catch-up are for an outage of {outage}; all processes of a flow share the work."))
        .chart(title, chart.svg("flows"))
        .grid(
            &[
                ("from", Left),
                ("to", Left),
                ("rate", Right),
                ("tasks", Right),
                ("of link", Right),
                ("buffer", Right),
                ("lag", Right),
                ("catch-up", Right),
                ("a month", Right),
            ],
            rows.collect(),
        )
}

fn site_section(sites: &Sites, found: &Mirror) -> Section {
    let rows = sites.sites.iter().zip(&found.sites).map(|(site, load)| {
        vec![
            site.name.clone(),
            human::rate(load.produced_bytes_per_sec),
            human::rate(load.bytes_in_per_sec),
            human::rate(load.bytes_out_per_sec),
            or_dash(load.disk_bytes, human::bytes_f64),
            human::rate(load.network_in_bytes_per_sec),
            human::rate(load.network_out_bytes_per_sec),
            human::count(load.processes),
        ]
    });
    Section::new("What mirroring adds at each site")
        .paragraph("Disk and network are for mirrored data alone, all replicas, all brokers of the site together.")
        .grid(
            &[
                ("site", Left),
                ("produced", Right),
                ("arrives", Right),
                ("is sent", Right),
                ("disk", Right),
                ("network in", Right),
                ("out", Right),
                ("processes", Right),
            ],
            rows.collect(),
        )
}

/// Clusters with mirroring on top of what their snapshots have; none where no snapshot was given.
fn cluster_section(sites: &Sites, found: &Mirror) -> Option<Section> {
    let (mut rows, mut bars) = (Vec::new(), Vec::new());
    for (site, load) in sites.sites.iter().zip(&found.sites) {
        for used in load.cluster.iter().flatten() {
            let label = format!("{} {}", site.name, used.goal.name());
            bars.push(BarRow { label, before: Some(used.before), after: used.after });
            rows.push(vec![
                site.name.clone(),
                used.goal.name().to_owned(),
                human::percent(used.before),
                human::percent(used.after),
                human::percent(used.limit),
                if used.is_passed() { "passed".to_owned() } else { String::new() },
            ]);
        }
    }
    if rows.is_empty() {
        return None;
    }
    bars.truncate(CHART_ROWS);
    let title = "The busiest broker of each cluster, before and with mirroring";
    let chart = BarChart { title: title.to_owned(), axis: Axis::Share, limit: None, rows: bars };
    let section = Section::new("Clusters with mirroring on top").paragraph(
        "What is added spreads over all active brokers in proportion to their capacity, as a balanced placement has it.",
    );
    Some(
        section.chart(title, chart.svg("clusters")).grid(
            &[("site", Left), ("goal", Left), ("now", Right), ("then", Right), ("limit", Right), ("", Left)],
            rows,
        ),
    )
}

/// The answer for programs.
#[must_use]
pub fn json(sites: &Sites, found: &Mirror) -> Vec<u8> {
    let name = |row: usize| sites.sites.get(row).map_or("", |site| site.name.as_str());
    layout::to_bytes(&View {
        topology: found.topology.name(),
        center: found.center.map(name),
        redundancy: found.redundancy,
        run_at: found.run_at.name(),
        flows: found.flows.len(),
        processes: found.processes,
        processes_by_rate: found.processes_by_rate,
        wan_bytes_per_sec: rounded(found.wan_bytes_per_sec),
        wan_monthly_cost: optional(found.wan_monthly_cost),
        currency: &sites.currency,
        per_flow: found
            .flows
            .iter()
            .map(|flow| FlowView {
                from: name(flow.from),
                to: name(flow.to),
                bytes_per_sec: rounded(flow.bytes_per_sec),
                tasks: flow.tasks,
                link_utilization: optional(flow.link_utilization),
                socket_buffer_bytes: optional(flow.socket_buffer_bytes),
                lag_bytes: rounded(flow.lag_bytes),
                catch_up_hours: optional(flow.catch_up_hours),
                monthly_cost: optional(flow.monthly_cost),
            })
            .collect(),
        per_site: PerSite(sites, found),
        not_evaluated: not_evaluated(&found.not_evaluated),
    })
}

#[derive(Serialize)]
struct View<'a> {
    topology: &'static str,
    center: Option<&'a str>,
    redundancy: u64,
    run_at: &'static str,
    flows: usize,
    processes: u64,
    processes_by_rate: Option<u64>,
    wan_bytes_per_sec: f64,
    wan_monthly_cost: Option<f64>,
    currency: &'a str,
    per_flow: Vec<FlowView<'a>>,
    per_site: PerSite<'a>,
    not_evaluated: Vec<NotEvaluatedView<'a>>,
}

#[derive(Serialize)]
struct FlowView<'a> {
    from: &'a str,
    to: &'a str,
    bytes_per_sec: f64,
    tasks: Option<u64>,
    link_utilization: Option<f64>,
    socket_buffer_bytes: Option<f64>,
    lag_bytes: f64,
    catch_up_hours: Option<f64>,
    monthly_cost: Option<f64>,
}

/// Sites by name, in the file's order.
struct PerSite<'a>(&'a Sites, &'a Mirror);

impl Serialize for PerSite<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = |(site, load): (&Site, &SiteLoad)| {
            let view = SiteView {
                bytes_in_per_sec: rounded(load.bytes_in_per_sec),
                disk_bytes: optional(load.disk_bytes),
                bytes_out_per_sec: rounded(load.bytes_out_per_sec),
                produced_bytes_per_sec: rounded(load.produced_bytes_per_sec),
                network_in_bytes_per_sec: rounded(load.network_in_bytes_per_sec),
                network_out_bytes_per_sec: rounded(load.network_out_bytes_per_sec),
                processes: load.processes,
                cluster: load.cluster.as_ref().map(|uses| uses.iter().map(UseView::of).collect()),
            };
            (site.name.clone(), view)
        };
        serializer.collect_map(self.0.sites.iter().zip(&self.1.sites).map(view))
    }
}

#[derive(Serialize)]
struct SiteView {
    bytes_in_per_sec: f64,
    disk_bytes: Option<f64>,
    bytes_out_per_sec: f64,
    produced_bytes_per_sec: f64,
    network_in_bytes_per_sec: f64,
    network_out_bytes_per_sec: f64,
    processes: u64,
    /// By goal; null where no snapshot of the site was given.
    cluster: Option<BTreeMap<&'static str, UseView>>,
}

/// The busiest broker of a site's cluster.
#[derive(Serialize)]
struct UseView {
    before: f64,
    after: f64,
    limit: f64,
}

impl UseView {
    fn of(used: &AddedUse) -> (&'static str, Self) {
        (used.goal.name(), Self { before: rounded(used.before), after: rounded(used.after), limit: used.limit })
    }
}
