//! The answer as a page: the risk by number of failures, the worst cases with their survivors, what to move first.

use super::{asked, chance, copy_rate, once_in, remedies_in_words, remedy, risk_of, verdict};
use crate::capacity::failure::{Copysets, CurvePoint, FailureReport, Incidents, Remedies, SurvivorsUse, WorstCase};
use crate::model::Snapshot;
use crate::report::charts::ink::Ink;
use crate::report::charts::{Axis, BarChart, BarRow, SurvivalChart, SurvivalLine, SurvivalPoint};
use crate::report::human;
use crate::report::sheet::{Section, Sheet, Tile};
use crate::report::table::Align::{Left, Right};

/// Partitions of the advice that the page lists; the JSON has more.
const ADVISED: usize = 20;

/// The page of `report`.
#[must_use]
pub fn sheet(snapshot: &Snapshot, report: &FailureReport) -> Sheet {
    let (mood, word, sentence) = verdict(report);
    let how = if report.risk.is_exact { "every one of" } else { "a sample of" };
    let mut sections: Vec<Section> = curve(report).into_iter().collect();
    sections.push(worst(report));
    sections.extend(report.worst.first().map(|case| survivors(snapshot, report, case)));
    let remedies = report.remedies.as_ref().filter(|remedies| !remedies.list.is_empty());
    sections.extend(remedies.map(|remedies| advice(snapshot, report, remedies)));
    sections.extend(report.incidents.as_ref().map(|found| incidents(report, found)));
    sections.extend(report.copysets.as_ref().map(copysets));
    Sheet {
        kicker: "what-if failure",
        title: snapshot.cluster.cluster_id.clone(),
        meta: format!(
            "captured {}; {} fail at once, {how} {} counted",
            snapshot.cluster.captured_at,
            asked(&report.draws),
            human::counted(report.risk.cases, "case")
        ),
        mood,
        word: word.to_owned(),
        verdict: sentence,
        tiles: tiles(report),
        sections,
        not_evaluated: report.not_evaluated.clone(),
        glossary: vec![
            ("lost", "Every replica of the partition is on what failed."),
            ("offline", "Every in-sync replica is: nobody may lead until one returns."),
            ("under min ISR", "Fewer in-sync replicas than min.insync.replicas are left: acks=all is refused."),
            ("exposed", "Until every lost copy is made again: the next failure finds fewer replicas."),
            ("copyset", "A set that some partition has all its replicas on: its failure loses that partition."),
            ("scatter width", "How many others share a copyset with one: how many can help to copy again."),
        ],
    }
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
    let exposed = report.worst.first().and_then(|case| case.survivors.exposed_hours);
    let exposed = exposed.map(|hours| Tile {
        label: "Exposed for",
        value: human::duration(hours * 3_600.0),
        note: "after the worst case".to_owned(),
    });
    (0..3).map(tile).chain(exposed).collect()
}

fn curve(report: &FailureReport) -> Option<Section> {
    let [draw] = report.draws.as_slice() else { return None };
    let point = |slot: usize| {
        move |point: &CurvePoint| {
            let chance = point.risk.any[slot];
            SurvivalPoint { k: point.k, p: chance.p, low: chance.low, high: chance.high }
        }
    };
    let inks = [Ink::Limit, Ink::After, Ink::Muted];
    let line = |(slot, (name, ink)): (usize, (&str, Ink))| SurvivalLine {
        name: name.to_owned(),
        ink,
        points: report.curve.iter().map(point(slot)).collect(),
    };
    let failing = draw.domain.name().replace('_', " ");
    let title = format!("Chance that any partition is lost, offline or under min ISR, by {failing} failing at once");
    let lines = super::KINDS.into_iter().zip(inks).enumerate().map(line).collect();
    let chart = SurvivalChart { title: title.clone(), failing, lines };
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
    let section = Section::new("Risk by number of failures").paragraph(
        "The chance that so many failures at once, any set as likely as any other, leave a partition lost, offline or \
         under its min ISR. Each step down is ten times rarer. Whiskers are 95 % intervals of sampled chances.",
    );
    let head =
        ["at once", "cases", "any lost", "any offline", "any under min ISR", "lost, mean", "under min ISR, mean"];
    let rows = report.curve.iter().map(row).collect();
    Some(section.chart(title, chart.svg("survival")).grid(&head.map(|name| (name, Right)), rows))
}

fn worst(report: &FailureReport) -> Section {
    let row = |(number, case): (u64, &WorstCase)| {
        let mut row = vec![human::count(number), case.failed.join(", ")];
        row.extend(case.tally.figures().map(human::count));
        row
    };
    let how = if report.risk.is_exact { "None is worse." } else { "Sampled, then searched: there may be worse." };
    Section::new("Worst cases")
        .paragraph(format!("Most lost first, then most offline, then most under min ISR. {how}"))
        .grid(
            &[("case", Right), ("failed", Left), ("lost", Right), ("offline", Right), ("under min ISR", Right)],
            (1..).zip(&report.worst).map(row).collect(),
        )
}

/// The busiest survivor by goal: a chart of the worst case, a table of all.
fn survivors(snapshot: &Snapshot, report: &FailureReport, worst: &WorstCase) -> Section {
    let bar = |row: &SurvivorsUse| {
        Some(BarRow { label: row.goal.name().to_owned(), before: row.before, after: row.utilization_max? })
    };
    let rows: Vec<BarRow> = worst.survivors.uses.iter().filter_map(bar).collect();
    let mut section = Section::new("Survivors").paragraph(
        "The highest utilization among them: network and cpu once leadership has passed to the first in-sync survivor, \
         disk once every lost copy has been made again in its group.",
    );
    if let Some(rate) = worst.survivors.slowest {
        section = section.paragraph(copy_rate(snapshot, &rate));
    }
    if !rows.is_empty() {
        let title = "The busiest survivor of the worst case, before and after";
        let chart = BarChart { title: title.to_owned(), axis: Axis::Share, limit: Some(1.0), rows };
        section = section.chart(title, chart.svg("survivors"));
    }
    let cases = (1..).zip(&report.worst).flat_map(|(number, case): (u64, &WorstCase)| {
        let percent = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), human::percent);
        case.survivors.uses.iter().map(move |row| {
            let broker = row.busiest.map(|b| format!("broker {}", snapshot.broker(b).id)).unwrap_or_default();
            let hours = case.survivors.exposed_hours.map(|hours| human::duration(hours * 3_600.0));
            vec![
                human::count(number),
                row.goal.name().to_owned(),
                percent(row.before),
                percent(row.utilization_max),
                broker,
                human::bytes_f64(case.survivors.copied_bytes),
                hours.unwrap_or_else(|| "–".to_owned()),
            ]
        })
    });
    section.grid(
        &[
            ("case", Right),
            ("goal", Left),
            ("before", Right),
            ("after", Right),
            ("busiest", Left),
            ("to copy", Right),
            ("exposed for", Right),
        ],
        cases.collect(),
    )
}

fn advice(snapshot: &Snapshot, report: &FailureReport, remedies: &Remedies) -> Section {
    let rows = remedies.list.iter().take(ADVISED).map(|risky| {
        let [before, after] = risk_of(risky);
        vec![risky.partition.clone(), remedy(snapshot, risky.remedy), human::bytes(risky.bytes), before, after]
    });
    Section::new("What to do first").paragraph(remedies_in_words(report, remedies)).grid(
        &[("riskiest partitions", Left), ("do", Left), ("copies", Right), ("risk", Left), ("then", Left)],
        rows.collect(),
    )
}

fn incidents(report: &FailureReport, incidents: &Incidents) -> Section {
    let noun = report.draws.first().map_or("unit", |draw| draw.domain.noun());
    let [lost, offline, under] = incidents.per_year.map(once_in);
    let rows = incidents
        .at_once
        .iter()
        .map(|at| vec![at.k.to_string(), chance(at.p_at_least), once_in(at.per_year)])
        .collect();
    Section::new("How often")
        .paragraph(format!(
            "{} of which {:.2} % fail in a year and take {} to repair, failing apart from each other. Real failures come \
             in batches: these figures are a floor.",
            human::counted(incidents.units as u64, noun),
            incidents.afr * 100.0,
            human::duration(incidents.repair_hours * 3_600.0)
        ))
        .paragraph(format!("Partitions lost {lost}, offline {offline}, under min ISR {under}."))
        .grid(&[("away at once", Right), ("share of time", Right), ("comes about", Right)], rows)
}

fn copysets(copysets: &Copysets) -> Section {
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
    let mut section = Section::new("Copysets").paragraph(format!(
        "Sets of {} {members} that some partition has all its replicas on. Fewer sets are hit more rarely and lose more at \
         once; the average stays. Any lost: when as many fail as a set has.",
        copysets.size
    ));
    for set in copysets.riskiest.iter().filter(|set| set.partitions > 1) {
        let (partitions, bytes) = (human::counted(set.partitions, "partition"), human::bytes(set.bytes));
        section = section.paragraph(format!(
            "{partitions} share {}: moving one replica of each copies {bytes}.",
            set.members.join(", ")
        ));
    }
    section.grid(&[("placement", Left), ("sets", Right), ("scatter width", Right), ("any lost", Right)], rows)
}
