//! The answer as a screen of text.

use std::fmt::Write as _;

use super::{asked, chance, once_in};
use crate::capacity::failure::{Chance, Copysets, FailureReport, Incidents, SurvivorsUse};
use crate::model::Snapshot;
use crate::report::human;
use crate::report::sheet::Mood;
use crate::report::style::{ASIDE, BROKEN, GOOD, HEADING, OUTSIDE, by_count, paint};
use crate::report::table::{Align, Cell, Table};

/// Width of a worst case's names.
const FAILED_WIDTH: usize = 60;

/// Partitions of the advice that are shown; the JSON has more.
const ADVISED: usize = 5;

/// Width of a partition's name.
const PARTITION_WIDTH: usize = 32;

/// Width of running text.
const TEXT_WIDTH: usize = 94;

/// `report` for people: ANSI styles, about 100 columns.
#[must_use]
pub fn to_text(snapshot: &Snapshot, report: &FailureReport) -> String {
    let mut text = heading(snapshot, report);
    text.push_str(&risk(report));
    text.push_str(&curve(report));
    text.push_str(&worst(report));
    text.push_str(&survivors(snapshot, report));
    text.push_str(&advice(snapshot, report));
    text.push_str(&report.incidents.as_ref().map_or_else(String::new, |i| incidents(report, i)));
    text.push_str(&report.copysets.as_ref().map_or_else(String::new, copysets));
    text.push_str(&absent(report));
    text.push('\n');
    text.push_str(&verdict(report));
    text
}

fn heading(snapshot: &Snapshot, report: &FailureReport) -> String {
    let info = &snapshot.cluster;
    let mut text = format!("{}  captured {}\n", paint(HEADING, &info.cluster_id), info.captured_at);
    let how = if report.risk.is_exact { "every case counted" } else { "a sample of cases" };
    let cases = human::counted(report.risk.cases, "case");
    let _ = writeln!(text, "{} fail at once: {cases}, {how}", asked(&report.draws));
    let [brokers, dirs] = report.failed_before;
    if brokers + dirs > 0 {
        let line = format!(
            "failed already, in every case: {}, {}, which alone leave {} lost, {} offline, {} under min ISR",
            human::counted(brokers, "broker"),
            human::counted(dirs, "log dir"),
            human::count(report.before.lost),
            human::count(report.before.offline),
            human::count(report.before.under_min_isr)
        );
        let _ = writeln!(text, "{}", paint(OUTSIDE, &line));
    }
    text
}

fn risk(report: &FailureReport) -> String {
    let mut table = Table::new(&[
        ("partitions", Align::Left),
        ("any", Align::Right),
        ("95 % interval", Align::Right),
        ("on average", Align::Right),
        ("worst case", Align::Right),
        ("", Align::Left),
    ]);
    let meanings = [
        ("lost", "every replica is on what failed"),
        ("offline", "every in-sync replica is"),
        ("under min ISR", "acks=all is refused, reads go on"),
    ];
    let worst = report.worst.first().map(|case| case.tally.figures()).unwrap_or_default();
    for (slot, (name, meaning)) in meanings.into_iter().enumerate() {
        let mean = report.risk.mean.map_or_else(|| "–".to_owned(), |means| human::figure(means[slot]));
        table.row([
            name.into(),
            chance(report.risk.any[slot].p).into(),
            interval(report.risk.any[slot]).into(),
            mean.into(),
            Cell::painted(by_count(worst[slot], if slot == 2 { OUTSIDE } else { BROKEN }), human::count(worst[slot])),
            Cell::painted(ASIDE, meaning),
        ]);
    }
    format!("\n{}", table.render())
}

fn interval(chance: Chance) -> String {
    if chance.is_exact() { "exact".to_owned() } else { human::percent_range(chance.low, chance.high) }
}

fn curve(report: &FailureReport) -> String {
    let ([draw], false) = (report.draws.as_slice(), report.curve.is_empty()) else { return String::new() };
    let mut table = Table::new(&[
        ("at once", Align::Right),
        ("cases", Align::Right),
        ("any lost", Align::Right),
        ("any offline", Align::Right),
        ("any under min ISR", Align::Right),
        ("lost on average", Align::Right),
    ]);
    for point in &report.curve {
        let [lost, offline, under] = point.risk.any;
        let sampled = if point.risk.is_exact { "" } else { " sampled" };
        table.row([
            point.k.to_string().into(),
            format!("{}{sampled}", human::count(point.risk.cases)).into(),
            chance(lost.p).into(),
            chance(offline.p).into(),
            chance(under.p).into(),
            point.risk.mean.map_or_else(|| "–".to_owned(), |means| human::figure(means[0])).into(),
        ]);
    }
    format!("\n{}\n{}", paint(HEADING, &format!("Risk by {}s failing at once", draw.domain.noun())), table.render())
}

fn worst(report: &FailureReport) -> String {
    let how = if report.risk.is_exact { "the worst there are" } else { "the worst found: sampled, then searched" };
    let title = format!("{}  {}", paint(HEADING, "Worst cases"), paint(ASIDE, how));
    let mut table = Table::new(&[
        ("", Align::Right),
        ("failed", Align::Left),
        ("lost", Align::Right),
        ("offline", Align::Right),
        ("under min ISR", Align::Right),
    ]);
    for (number, case) in (1..).zip(&report.worst) {
        table.row([
            human::count(number).into(),
            human::shorten(&case.failed.join(", "), FAILED_WIDTH).into(),
            human::count(case.tally.lost).into(),
            human::count(case.tally.offline).into(),
            human::count(case.tally.under_min_isr).into(),
        ]);
    }
    format!("\n{title}\n{}", table.render())
}

/// The busiest survivor of each of the worst cases, by goal.
fn survivors(snapshot: &Snapshot, report: &FailureReport) -> String {
    let Some(worst) = report.worst.first().map(|case| &case.survivors) else { return String::new() };
    let mut columns = vec![("case", Align::Right)];
    columns.extend(worst.uses.iter().map(|row| (row.goal.name(), Align::Right)));
    columns.extend([("to copy", Align::Right), ("exposed for", Align::Right)]);
    let mut table = Table::new(&columns);
    let percent = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), human::percent);
    let mut before: Vec<Cell> = vec!["before".into()];
    before.extend(worst.uses.iter().map(|row| Cell::from(percent(row.before))));
    before.extend(["".into(), "".into()]);
    table.row(before);
    for (number, case) in (1..).zip(&report.worst) {
        let mut row: Vec<Cell> = vec![human::count(number).into()];
        row.extend(case.survivors.uses.iter().map(|used| {
            let over = used.utilization_max.is_some_and(|u| u > 1.0);
            Cell::painted(if over { BROKEN } else { anstyle::Style::new() }, at_broker(snapshot, used))
        }));
        row.push(human::bytes_f64(case.survivors.copied_bytes).into());
        let hours = case.survivors.exposed_hours;
        row.push(hours.map_or_else(|| "–".to_owned(), |hours| human::duration(hours * 3_600.0)).into());
        table.row(row);
    }
    let about =
        "the busiest broker of each: network and cpu once leaders have passed on, disk once all is copied again";
    let mut text = format!("\n{}\n  {}\n{}", paint(HEADING, "Survivors"), paint(ASIDE, about), table.render());
    if let Some(rate) = worst.slowest {
        for line in human::wrapped(&super::copy_rate(snapshot, &rate), TEXT_WIDTH) {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

/// `62.4 % on 7`.
fn at_broker(snapshot: &Snapshot, used: &SurvivorsUse) -> String {
    match (used.utilization_max, used.busiest) {
        (Some(share), Some(broker)) => format!("{} on {}", human::percent(share), snapshot.broker(broker).id),
        _ => "–".to_owned(),
    }
}

/// The riskiest partitions, what helps them and what that copies.
fn advice(snapshot: &Snapshot, report: &FailureReport) -> String {
    let Some(remedies) = report.remedies.as_ref().filter(|remedies| !remedies.list.is_empty()) else {
        return String::new();
    };
    let mut table = Table::new(&[
        ("riskiest partitions", Align::Left),
        ("do", Align::Left),
        ("copies", Align::Right),
        ("risk", Align::Left),
        ("then", Align::Left),
    ]);
    for risky in remedies.list.iter().take(ADVISED) {
        let [before, after] = super::risk_of(risky);
        table.row([
            human::shorten(&risky.partition, PARTITION_WIDTH).into(),
            super::remedy(snapshot, risky.remedy).into(),
            human::bytes(risky.bytes).into(),
            before.into(),
            Cell::painted(GOOD, after),
        ]);
    }
    let mut text = format!("\n{}\n{}", paint(HEADING, "What to do first"), table.render());
    for line in human::wrapped(&super::remedies_in_words(report, remedies), TEXT_WIDTH) {
        let _ = writeln!(text, "  {line}");
    }
    text
}

fn incidents(report: &FailureReport, incidents: &Incidents) -> String {
    let noun = report.draws.first().map_or("unit", |draw| draw.domain.noun());
    let mut text = format!(
        "\n{}  {}\n",
        paint(HEADING, "How often"),
        paint(
            ASIDE,
            &format!(
                "{} at {} a year, {} to repair, failures apart from each other",
                human::counted(incidents.units as u64, noun),
                format_args!("{:.2} %", incidents.afr * 100.0),
                human::duration(incidents.repair_hours * 3_600.0)
            )
        )
    );
    let mut table =
        Table::new(&[("away at once", Align::Right), ("share of time", Align::Right), ("comes about", Align::Left)]);
    for at in &incidents.at_once {
        table.row([at.k.to_string().into(), chance(at.p_at_least).into(), once_in(at.per_year).into()]);
    }
    text.push_str(&table.render());
    let [lost, offline, under] = incidents.per_year.map(once_in);
    let _ = writeln!(text, "  partitions lost {lost}, offline {offline}, under min ISR {under}");
    text
}

fn copysets(copysets: &Copysets) -> String {
    let members = copysets.domain.name().replace('_', " ");
    let mut text = format!(
        "\n{}  {}\n",
        paint(HEADING, "Copysets"),
        paint(ASIDE, &format!("sets of {} {members} that some partition has all its replicas on", copysets.size))
    );
    let mut table = Table::new(&[
        ("", Align::Left),
        ("sets", Align::Right),
        ("scatter width", Align::Right),
        (&format!("any lost at {}", copysets.size), Align::Right),
    ]);
    table.row([
        "now".into(),
        human::count(copysets.distinct).into(),
        human::mean_count(copysets.scatter_width_mean).into(),
        chance(copysets.p_any_lost).into(),
    ]);
    for alternative in &copysets.alternatives {
        table.row([
            human::counted(alternative.permutations, "permutation").into(),
            human::count(alternative.distinct as u64).into(),
            human::count(alternative.scatter_width).into(),
            chance(alternative.p_any_lost).into(),
        ]);
    }
    text.push_str(&table.render());
    text.push_str(
        "  Fewer sets are hit more rarely and lose more at once: the average stays. A wider scatter copies again faster.\n",
    );
    for set in copysets.riskiest.iter().filter(|set| set.partitions > 1).take(3) {
        let _ = writeln!(
            text,
            "  {} ({}{}) share {}; to break the set up, move one replica of each: {}",
            human::counted(set.partitions, "partition"),
            set.examples.iter().take(2).cloned().collect::<Vec<_>>().join(", "),
            if set.partitions > 2 { ", …" } else { "" },
            set.members.join(", "),
            human::bytes(set.bytes)
        );
    }
    text
}

fn absent(report: &FailureReport) -> String {
    if report.not_evaluated.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", paint(HEADING, "Not evaluated"));
    for entry in &report.not_evaluated {
        let _ = writeln!(text, "  {}: {}", entry.what, entry.why);
    }
    text
}

/// The answer in a sentence, last: where the eye is when the command has ended.
fn verdict(report: &FailureReport) -> String {
    let (mood, word, sentence) = super::verdict(report);
    let style = match mood {
        Mood::Good => GOOD,
        Mood::Fair => OUTSIDE,
        Mood::Bad => BROKEN,
    };
    format!("{} {sentence}.\n", paint(style, &word.to_uppercase()))
}
