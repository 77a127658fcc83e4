//! What failures do, shown: text, JSON, and a page with the risk by number of failures. Input: a
//! [`FailureReport`]. Pure.

mod json;
mod sheet;
mod text;

pub use json::to_json;
pub use sheet::sheet;
pub use text::to_text;

use crate::capacity::failure::{CopyRate, Draw, FailureReport, Remedies, Remedy, RiskyPartition};
use crate::model::{Goal, Snapshot};
use crate::report::human;
use crate::report::sheet::Mood;
use crate::writer::OutputFile;

/// The directory of `--out`: the page and the figures behind it.
#[must_use]
pub fn files(snapshot: &Snapshot, report: &FailureReport) -> Vec<OutputFile> {
    vec![
        OutputFile { path: "failure.html".into(), bytes: sheet(snapshot, report).to_html() },
        OutputFile { path: "failure.json".into(), bytes: to_json(snapshot, report) },
    ]
}

/// What fails in words: `3 of 30 brokers and 1 of 90 log dirs`.
fn asked(draws: &[Draw]) -> String {
    let one = |draw: &Draw| {
        let (take, of) = (human::count(draw.take as u64), human::counted(draw.of as u64, draw.domain.noun()));
        format!("{take} of {of}")
    };
    draws.iter().map(one).collect::<Vec<_>>().join(" and ")
}

/// A chance for people: percent down to a hundredth, then one in so many; `never` for 0.
fn chance(p: f64) -> String {
    match p {
        0.0 => "never".to_owned(),
        p if p >= 1.0 => "always".to_owned(),
        p if p >= 0.9995 => "> 99.9 %".to_owned(),
        p if p >= 0.001 => human::percent(p),
        p => format!("1 in {}", human::count((1.0 / p).round().min(1e18) as u64)),
    }
}

/// Once in how long something is to be expected that happens `per_year` times a year.
fn once_in(per_year: f64) -> String {
    match per_year {
        f if f <= 0.0 => "never".to_owned(),
        f if f >= 1.0 => format!("{} times a year", human::figure(f)),
        f if f >= 1e-9 => format!("once in {} years", human::count((1.0 / f).round() as u64)),
        _ => "less than once in a billion years".to_owned(),
    }
}

/// The names of lost, offline, under min ISR, in the order of every array of three.
const KINDS: [&str; 3] = ["lost", "offline", "under min ISR"];

/// What decides how long copies are missing: `broker 3 receives at 52.4 MB/s, the throttle`.
fn copy_rate(snapshot: &Snapshot, rate: &CopyRate) -> String {
    let does = if rate.goal == Goal::NetworkIn { "receives" } else { "sends" };
    let bound = match rate.bound.name() {
        "headroom" => "what its network has left below the limit",
        "floor" => "the least a plan copies at, for its network has less left",
        _ => "the throttle",
    };
    format!(
        "Broker {} {does} longest, at {}: {bound}. Until then the next failure finds fewer replicas.",
        snapshot.broker(rate.broker).id,
        human::rate(rate.bytes_per_sec)
    )
}

/// `broker 3 → 7`, `heal`, `add on 7`.
fn remedy(snapshot: &Snapshot, remedy: Remedy) -> String {
    let id = |broker| snapshot.broker(broker).id;
    match remedy {
        Remedy::Heal => "heal what is behind".to_owned(),
        Remedy::Move { from, to } => format!("broker {} → {}", id(from), id(to)),
        Remedy::Add { to } => format!("add a replica on {}", id(to)),
    }
}

/// What a remedy changes, before and after: the worst of the chances that it lowers, else the worst cases that it leaves.
fn risk_of(risky: &RiskyPartition) -> [String; 2] {
    let lowered = (0..KINDS.len()).find(|&kind| risky.chance_after[kind] < risky.chance[kind] * (1.0 - 1e-9));
    match lowered {
        Some(kind) => [format!("{} {}", KINDS[kind], chance(risky.chance[kind])), chance(risky.chance_after[kind])],
        None => [
            format!("in {} of the worst cases", human::count(risky.worst_cases)),
            format!("in {}", human::count(risky.worst_cases_after)),
        ],
    }
}

/// What all remedies together copy and bring.
fn remedies_in_words(report: &FailureReport, remedies: &Remedies) -> String {
    let count = remedies.list.len() as u64;
    let first = report.worst.first().zip(remedies.worst_after.first());
    let brings = first.map_or_else(String::new, |(case, after)| {
        let tallies = [case.tally.figures(), after.figures()];
        let kind = (0..KINDS.len()).find(|&kind| tallies[0][kind] != tallies[1][kind]);
        kind.map_or_else(String::new, |kind| {
            let [before, after] = tallies.map(|tally| human::count(tally[kind]));
            format!("; the worst case then has {after} {} instead of {before}", KINDS[kind])
        })
    });
    format!(
        "{} can be helped; to do so copies {}{brings}. Each is weighed by itself: rebalance sees to balance and limits,          and another case may become the worst.",
        human::counted(count, "partition"),
        human::bytes(remedies.bytes)
    )
}

/// The answer: how it is meant, in a word, and in a sentence without a full stop.
fn verdict(report: &FailureReport) -> (Mood, &'static str, String) {
    let asked = asked(&report.draws);
    let [lost, offline, under] = report.risk.any;
    let worst = report.worst.first();
    let failed = worst.map(|case| case.failed.join(", ")).unwrap_or_default();
    let figures = worst.map(|case| case.tally).unwrap_or_default();
    let already = |count: u64| match count {
        0 => String::new(),
        count => format!(", {} of them already", human::count(count)),
    };
    if lost.p > 0.0 || figures.lost > 0 {
        let are = if figures.lost == 1 { "is" } else { "are" };
        let sentence = format!(
            "{asked} failing lose data {}; at worst ({failed}) {} {are} lost{}",
            likelihood(lost.p),
            human::counted(figures.lost, "partition"),
            already(report.before.lost)
        );
        (Mood::Bad, "At risk", sentence)
    } else if offline.p > 0.0 || figures.offline > 0 {
        let sentence = format!(
            "{asked} failing lose no data; partitions go offline {}, at worst ({failed}) {}{}",
            likelihood(offline.p),
            human::count(figures.offline),
            already(report.before.offline)
        );
        (Mood::Bad, "Offline", sentence)
    } else if under.p > 0.0 || figures.under_min_isr > 0 {
        let sentence = format!(
            "{asked} failing leave every partition online; writes with acks=all are refused {}, at worst ({failed}) by {}",
            likelihood(under.p),
            human::counted(figures.under_min_isr, "partition")
        );
        (Mood::Fair, "Read only", sentence)
    } else {
        (Mood::Good, "Safe", format!("{asked} failing leave every partition online and writable"))
    }
}

fn likelihood(p: f64) -> String {
    match p {
        0.0 => "in no case of the sample, but in some".to_owned(),
        p if p >= 1.0 => "in every case".to_owned(),
        p if p >= 0.001 => format!("in {} of cases", chance(p)),
        p => format!("in {} cases", chance(p)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests;
