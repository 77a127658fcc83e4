//! What `report` prints: the verdict, headroom, what would change it, what it costs, and where the files are.

use std::fmt::Write as _;
use std::path::Path;

use super::{CapacityReport, sheets};
use crate::capacity::HeadroomVerdict;
use crate::report::excuses::grouped;
use crate::report::style::{ASIDE, BROKEN, GOOD, HEADING, OUTSIDE, paint};
use crate::report::table::{Align, Table};
use crate::report::{forecast, headroom, human, shrink};

/// Groups and resources listed; the page has all.
const HEADROOM_ROWS: usize = 24;
/// Groups whose brokers that could go are named; the page has all.
const SHRINK_GROUPS: usize = 6;
/// Kinds of excuses named.
const EXCUSE_KINDS: usize = 8;
/// Width of an excuse beside its name.
const WIDTH: usize = 88;

pub(super) fn render(report: &CapacityReport<'_>, out_dir: &Path) -> String {
    let mut text = headline(report);
    let all = &report.check.headroom;
    if !all.is_empty() {
        let _ = writeln!(text, "\n{}", paint(HEADING, "Headroom"));
        text.push_str(&headroom::table(report.snapshot, all.iter().take(HEADROOM_ROWS)).render());
        if all.len() > HEADROOM_ROWS {
            let _ = writeln!(text, "  {} more in tables/headroom.csv", all.len() - HEADROOM_ROWS);
        }
    }
    text.push_str(&report.forecast.map(forecast::summary).unwrap_or_default());
    text.push_str(&traffic(report));
    text.push_str(&plan(report));
    text.push_str(&shrinking(report));
    text.push_str(&excuses(report));
    text.push_str(&not_evaluated(report));
    let dir = out_dir.display();
    let _ = writeln!(text, "\nWritten to {dir}: report.html, report.md, report.json, tables/*.csv");
    text
}

fn headline(report: &CapacityReport<'_>) -> String {
    let style = match report.verdict() {
        HeadroomVerdict::Ok => GOOD,
        HeadroomVerdict::RackLossExceeds => OUTSIDE,
        HeadroomVerdict::BrokerLossExceeds | HeadroomVerdict::Exceeded => BROKEN,
    };
    let word = report.verdict_in_words().to_uppercase();
    let info = &report.snapshot.cluster;
    let lines = human::wrapped(&format!("{}.", report.headline()), 100 - word.len());
    format!(
        "{}  captured {}\n{} {}\n",
        paint(HEADING, &info.cluster_id),
        info.captured_at,
        paint(style, &word),
        lines.join("\n")
    )
}

/// Traffic, memory, retention and money, a line each.
fn traffic(report: &CapacityReport<'_>) -> String {
    let load = &report.load;
    let cluster = &load.traffic.cluster;
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left)]);
    let mut row = |name: &str, text: String| table.row([name.into(), text.into()]);
    if load.has_traffic {
        let brokers = human::counted(sheets::in_service(report), "broker");
        row(
            "network in",
            format!(
                "{} to {brokers}: produce {}, replication {}",
                human::rate(cluster.network_in()),
                human::rate(cluster.produce),
                human::rate(cluster.replication_in + cluster.reassignment_in)
            ),
        );
        row(
            "network out",
            format!(
                "{}: consume {}, replication {}",
                human::rate(cluster.network_out()),
                human::rate(cluster.consume),
                human::rate(cluster.replication_out + cluster.reassignment_out)
            ),
        );
        row(
            "disk writes",
            format!(
                "{}, the log cleaner's {} of it",
                human::rate(cluster.disk_write()),
                human::rate(cluster.cleaner_write)
            ),
        );
    }
    if let (Some(racks), Some(cost)) = (&load.racks, &load.cost.cross_rack) {
        row(
            "between racks",
            format!(
                "{}, {} a month; with KIP-392 {}, {}",
                human::rate(racks.total().crossing()),
                human::usd(cost.total_usd()),
                human::rate(racks.total_nearest().crossing()),
                human::usd(cost.total_nearest_usd())
            ),
        );
    }
    if let Some((total, currency)) = &load.cost.machines_monthly {
        row("machines", format!("{} {currency} a month", human::money(*total)));
    }
    if let Some(least) = load.cache.iter().min_by(|a, b| a.seconds.total_cmp(&b.seconds)) {
        let id = report.snapshot.broker(least.broker).id;
        row(
            "page cache",
            format!(
                "holds {} of writes on broker {id}, the least of all; {} wanted",
                human::duration(least.seconds),
                human::duration(load.assumptions.cache_seconds_min)
            ),
        );
    }
    if !load.retention.topics.is_empty()
        && let Some((broker, utilization)) = load.retention.fullest()
    {
        row(
            "at retention",
            format!(
                "{} become {}; broker {} would be fullest at {}",
                human::bytes(load.retention.measured_bytes),
                human::bytes_f64(load.retention.retained_bytes),
                report.snapshot.broker(broker).id,
                human::percent(utilization)
            ),
        );
    }
    let rows = table.render();
    if rows.is_empty() { rows } else { format!("\n{}\n{rows}", paint(HEADING, "Traffic and cost")) }
}

fn plan(report: &CapacityReport<'_>) -> String {
    let Some(plan) = report.plan else { return String::new() };
    let mut text = format!(
        "\n{}\n  {}: {}.\n  Copies {} between brokers.\n",
        paint(HEADING, "What a rebalance would do"),
        plan.outcome.name(),
        crate::report::text::verdict(plan),
        human::bytes(plan.movement.inter_broker_bytes)
    );
    indented(&mut text, &crate::report::text::duration_line(report.snapshot, plan));
    if let Some(knee) = crate::report::frontier::knee(&plan.frontier) {
        indented(
            &mut text,
            &format!("Of {} on the frontier: {knee}", human::counted(plan.frontier.len() as u64, "plan")),
        );
    }
    text
}

/// How many brokers could go.
fn shrinking(report: &CapacityReport<'_>) -> String {
    if report.shrink.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", paint(HEADING, "Brokers that could go"));
    for group in report.shrink.iter().take(SHRINK_GROUPS) {
        indented(&mut text, &format!("{}.", shrink::max(group)));
    }
    if report.shrink.len() > SHRINK_GROUPS {
        let _ = writeln!(text, "  {} more groups in report.html", report.shrink.len() - SHRINK_GROUPS);
    }
    text
}

fn indented(text: &mut String, line: &str) {
    for line in human::wrapped(line, WIDTH + 10) {
        let _ = writeln!(text, "  {line}");
    }
}

fn excuses(report: &CapacityReport<'_>) -> String {
    let groups = grouped(&report.excuses);
    if groups.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", paint(HEADING, "Not as wanted, and what would change it"));
    let mut table = Table::new(&[("", Align::Left), ("", Align::Right), ("", Align::Left)]);
    for group in groups.iter().take(EXCUSE_KINDS) {
        let name = group.criterion.map_or("other", crate::model::Criterion::name);
        let first = group.excuses.first().map_or(String::new(), |e| format!("{}: {}", e.subject, e.why));
        table.row([name.into(), human::count(group.excuses.len() as u64).into(), human::shorten(&first, WIDTH).into()]);
        for line in human::wrapped(&format!("→ {}", group.remedy), WIDTH) {
            table.row(["".into(), "".into(), crate::report::table::Cell::painted(ASIDE, line)]);
        }
    }
    text.push_str(&table.render());
    if groups.len() > EXCUSE_KINDS {
        let _ = writeln!(text, "  {} more kinds in report.html", groups.len() - EXCUSE_KINDS);
    }
    text
}

fn not_evaluated(report: &CapacityReport<'_>) -> String {
    if report.not_evaluated.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left)]);
    for entry in &report.not_evaluated {
        let mut lead = human::shorten(&entry.what, 40);
        for line in human::wrapped(&entry.why, 72) {
            table.row([std::mem::take(&mut lead).into(), crate::report::table::Cell::painted(ASIDE, line)]);
        }
    }
    format!("\n{}\n{}", paint(HEADING, "Not evaluated"), table.render())
}
