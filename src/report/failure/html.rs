//! `failure.html`: the answer on one self-contained page without a script. Every name goes through the template's
//! escaping.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

use super::{asked, chance, once_in, text};
use crate::capacity::failure::{CurvePoint, FailureReport};
use crate::model::Snapshot;
use crate::report::charts::ink::Ink;
use crate::report::charts::{self, SurvivalChart, SurvivalLine, SurvivalPoint};
use crate::report::human;

const TEMPLATE: &str = include_str!("page.html.j2");
const STYLE: &str = include_str!("../html/style.css");

/// The page of `report`.
#[must_use]
pub fn page(snapshot: &Snapshot, report: &FailureReport) -> String {
    let rendered = render(&Page::of(snapshot, report));
    debug_assert!(rendered.is_ok(), "the template is part of the program: {:?}", rendered.as_ref().err());
    rendered
        .unwrap_or_else(|_| "<!doctype html><title>evenkeel</title><p>failure.json has what belongs here.".to_owned())
}

fn render(page: &Page<'_>) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("failure.html", TEMPLATE)?;
    environment.get_template("failure.html")?.render(Serde(page))
}

#[derive(Serialize)]
struct Page<'a> {
    css: String,
    version: &'static str,
    cluster: &'a str,
    captured_at: &'a str,
    asked: String,
    how: String,
    mood: &'static str,
    verdict: String,
    tiles: Vec<Tile>,
    curve: Option<CurveView>,
    tables: Vec<TableView>,
    absent: Vec<String>,
}

#[derive(Serialize)]
struct Tile {
    label: &'static str,
    value: String,
    note: String,
}

#[derive(Serialize)]
struct CurveView {
    title: String,
    /// Markup made by `charts`, which escapes what it is given.
    svg: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

#[derive(Serialize)]
struct TableView {
    title: &'static str,
    about: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    note: String,
}

/// Lost, offline, under min ISR, in the order of every array of three.
const KINDS: [(&str, Ink); 3] = [("lost", Ink::Limit), ("offline", Ink::After), ("under min ISR", Ink::Muted)];

impl<'a> Page<'a> {
    fn of(snapshot: &'a Snapshot, report: &FailureReport) -> Self {
        let [lost, offline, under] = report.risk.any;
        let mood = if lost.p > 0.0 || offline.p > 0.0 {
            "bad"
        } else if under.p > 0.0 {
            "fair"
        } else {
            "good"
        };
        let how = if report.risk.is_exact { "every one of" } else { "a sample of" };
        let mut tables = vec![worst(report), survivors(snapshot, report)];
        tables.extend(incidents(report));
        tables.extend(copysets(report));
        Self {
            css: format!("{STYLE}{}", charts::css()),
            version: env!("CARGO_PKG_VERSION"),
            cluster: &snapshot.cluster.cluster_id,
            captured_at: &snapshot.cluster.captured_at,
            asked: asked(&report.draws),
            how: format!("{how} {} counted", human::counted(report.risk.cases, "case")),
            mood,
            verdict: plain(&text::verdict(report)),
            tiles: tiles(report),
            curve: curve(report),
            tables,
            absent: report.not_evaluated.iter().map(|n| format!("{}: {}", n.what, n.why)).collect(),
        }
    }
}

/// `text` without the escape sequences that paint it on a terminal.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\u{1b}') {
        plain.push_str(&rest[..start]);
        let end = rest[start..].find('m').map_or(rest.len(), |end| start + end + 1);
        rest = &rest[end..];
    }
    plain.push_str(rest.trim_end());
    plain
}

fn tiles(report: &FailureReport) -> Vec<Tile> {
    let labels = ["Any partition lost", "Any offline", "Any under min ISR"];
    let worst = report.worst.first().map(|case| case.tally.figures()).unwrap_or_default();
    let tile = |slot: usize| {
        let mean =
            report.risk.mean.map_or_else(String::new, |means| format!("{} on average, ", human::figure(means[slot])));
        let note = format!("{mean}{} at worst", human::count(worst[slot]));
        Tile { label: labels[slot], value: chance(report.risk.any[slot].p), note }
    };
    (0..3).map(tile).collect()
}

fn curve(report: &FailureReport) -> Option<CurveView> {
    let [draw] = report.draws.as_slice() else { return None };
    let point = |slot: usize| {
        move |point: &CurvePoint| {
            let chance = point.risk.any[slot];
            SurvivalPoint { k: point.k, p: chance.p, low: chance.low, high: chance.high }
        }
    };
    let line = |(slot, (name, ink)): (usize, (&str, Ink))| SurvivalLine {
        name: name.to_owned(),
        ink,
        points: report.curve.iter().map(point(slot)).collect(),
    };
    let failing = draw.domain.name().replace('_', " ");
    let title = format!("Chance that any partition is lost, offline or under min ISR, by {failing} failing at once");
    let chart =
        SurvivalChart { title: title.clone(), failing, lines: KINDS.into_iter().enumerate().map(line).collect() };
    let row = |point: &CurvePoint| {
        let with_interval = |slot: usize| {
            let c = point.risk.any[slot];
            let interval =
                if c.is_exact() { String::new() } else { format!(" ({})", human::percent_range(c.low, c.high)) };
            format!("{}{interval}", chance(c.p))
        };
        let mean = |slot: usize| point.risk.mean.map_or_else(|| "–".to_owned(), |means| human::figure(means[slot]));
        let cases = human::count(point.risk.cases);
        vec![point.k.to_string(), cases, with_interval(0), with_interval(1), with_interval(2), mean(0), mean(2)]
    };
    let head =
        ["at once", "cases", "any lost", "any offline", "any under min ISR", "lost, mean", "under min ISR, mean"];
    Some(CurveView {
        title,
        svg: chart.svg("survival"),
        head: head.map(str::to_owned).to_vec(),
        rows: report.curve.iter().map(row).collect(),
    })
}

fn head(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn worst(report: &FailureReport) -> TableView {
    let row = |case: &crate::capacity::failure::WorstCase| {
        let mut row = vec![case.failed.join(", ")];
        row.extend(case.tally.figures().map(human::count));
        row
    };
    let how = if report.risk.is_exact { "None is worse." } else { "Sampled, then searched: there may be worse." };
    TableView {
        title: "Worst cases",
        about: format!("Most lost first, then most offline, then most under min ISR. {how}"),
        head: head(&["failed", "lost", "offline", "under min ISR"]),
        rows: report.worst.iter().map(row).collect(),
        note: String::new(),
    }
}

fn survivors(snapshot: &Snapshot, report: &FailureReport) -> TableView {
    let survivors = &report.survivors;
    let percent = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), human::percent);
    let row = |row: &crate::capacity::failure::SurvivorsUse| {
        let broker = row.busiest.map(|b| format!("broker {}", snapshot.broker(b).id)).unwrap_or_default();
        vec![row.goal.name().to_owned(), percent(row.before), percent(row.utilization_max), broker]
    };
    let hours = survivors.exposed_hours.map_or_else(String::new, |hours| {
        let rate = human::rate(report.throttle_bytes_per_sec);
        format!(", {} at {rate} per broker", human::duration(hours * 3_600.0))
    });
    TableView {
        title: "Survivors of the worst case",
        about: "The highest utilization among them: network and cpu once leadership has passed to the first in-sync \
                survivor, disk once every lost copy has been made again in its group."
            .to_owned(),
        head: head(&["goal", "before", "after", "busiest"]),
        rows: survivors.uses.iter().map(row).collect(),
        note: format!("{} to copy again{hours}.", human::bytes_f64(survivors.copied_bytes)),
    }
}

fn incidents(report: &FailureReport) -> Option<TableView> {
    let incidents = report.incidents.as_ref()?;
    let noun = report.draws.first().map_or("unit", |draw| draw.domain.noun());
    let [lost, offline, under] = incidents.per_year.map(once_in);
    Some(TableView {
        title: "How often",
        about: format!(
            "{} of which {:.2} % fail in a year and take {} to repair, failing apart from each other. Real failures \
             come in batches: these figures are a floor.",
            human::counted(incidents.units as u64, noun),
            incidents.afr * 100.0,
            human::duration(incidents.repair_hours * 3_600.0)
        ),
        head: head(&["away at once", "share of time", "comes about"]),
        rows: incidents
            .at_once
            .iter()
            .map(|at| vec![at.k.to_string(), chance(at.p_at_least), once_in(at.per_year)])
            .collect(),
        note: format!("Partitions lost {lost}, offline {offline}, under min ISR {under}."),
    })
}

fn copysets(report: &FailureReport) -> Option<TableView> {
    let copysets = report.copysets.as_ref()?;
    let members = copysets.domain.name().replace('_', " ");
    let mut rows = vec![vec![
        "now".to_owned(),
        human::count(copysets.distinct),
        human::mean_count(copysets.scatter_width_mean),
        chance(copysets.p_any_lost),
    ]];
    rows.extend(copysets.alternatives.iter().map(|a| {
        vec![
            format!("copysets of {}", human::counted(a.permutations, "permutation")),
            human::count(a.distinct as u64),
            human::count(a.scatter_width),
            chance(a.p_any_lost),
        ]
    }));
    let shared = copysets.riskiest.iter().filter(|set| set.partitions > 1).map(|set| {
        let (partitions, bytes) = (human::counted(set.partitions, "partition"), human::bytes(set.bytes));
        format!("{partitions} share {}: moving one replica of each copies {bytes}.", set.members.join(", "))
    });
    Some(TableView {
        title: "Copysets",
        about: format!(
            "Sets of {} {members} that some partition has all its replicas on. Fewer sets are hit more rarely and lose \
             more at once; the average stays.",
            copysets.size
        ),
        head: head(&["placement", "sets", "scatter width", "any lost at that many failures"]),
        rows,
        note: shared.collect::<Vec<_>>().join(" "),
    })
}
