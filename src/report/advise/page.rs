//! Advice as a page: a chart, then a section per setting with every finding, its reason, source and command.

use super::{by_setting, in_words, sentence, verdict};
use crate::capacity::advise::quotas::{QuotaAdvice, default_request_percentage_total};
use crate::capacity::advise::{Advice, Finding, Value};
use crate::model::Snapshot;
use crate::report::charts::{Axis, BarChart, BarRow};
use crate::report::human;
use crate::report::sheet::{Section, Sheet, Tile};
use crate::report::table::Align::{Left, Right};

/// Bars that a chart has room for.
const CHART_ROWS: usize = 20;

/// Settings above this (open files, memory maps) would leave nothing of the others' bars.
const CHARTED_MAX: u64 = 10_000;

/// `advice` about `subject` (`brokers`, `topics`) as a page.
#[must_use]
pub fn sheet(snapshot: &Snapshot, subject: &'static str, advice: &Advice) -> Sheet {
    let mut sections: Vec<Section> = settings_chart(advice).into_iter().collect();
    sections.extend(by_setting(advice).iter().map(|(setting, findings)| section(setting, findings)));
    page(snapshot, subject, advice, sections, Vec::new())
}

/// Quotas as a page.
#[must_use]
pub fn quotas_sheet(snapshot: &Snapshot, quotas: &QuotaAdvice) -> Sheet {
    let share = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), human::percent);
    let row = |(side, name): (usize, &str)| {
        vec![name.to_owned(), share(quotas.busiest_share[side]), share(quotas.oversubscription[side])]
    };
    let request = match quotas.request_percentage_total {
        Some(total) => format!("{} here", human::count(total)),
        None => format!("{} with Kafka’s defaults", human::count(default_request_percentage_total())),
    };
    let total = Section::new("All together")
        .paragraph(
            "Kafka’s quotas count per broker. Above 100 % all clients at their quota would overload the smallest broker: \
             quotas then stop one runaway client, not all of them.",
        )
        .paragraph(format!(
            "request_percentage is out of (num.io.threads + num.network.threads) · 100, {request}, per broker."
        ))
        .grid(
            &[("", Left), ("busiest broker leads", Right), ("quotas ÷ what a broker carries", Right)],
            ["produce", "consume"].into_iter().enumerate().map(row).collect(),
        );
    let mut sections = vec![total];
    for (setting, findings) in by_setting(&quotas.advice) {
        let bar = |finding: &&Finding| match finding.advised {
            Value::Number(rate) => Some(BarRow { label: finding.subject.clone(), before: None, after: rate as f64 }),
            Value::Text(_) => None,
        };
        let mut bars: Vec<BarRow> = findings.iter().filter_map(bar).collect();
        bars.sort_by(|a, b| b.after.total_cmp(&a.after));
        bars.truncate(CHART_ROWS);
        let title = format!("{setting} advised, per broker, largest first");
        let chart = BarChart { title: title.clone(), axis: Axis::BytesPerSec, limit: None, rows: bars };
        sections.push(section(setting, &findings).chart(title, chart.svg(setting)));
    }
    let tiles = ["Produce", "Consume"].into_iter().enumerate().map(|(side, label)| Tile {
        label,
        value: share(quotas.oversubscription[side]),
        note: "of what a broker carries, all quotas together".to_owned(),
    });
    page(snapshot, "quotas", &quotas.advice, sections, tiles.collect())
}

fn page(
    snapshot: &Snapshot,
    subject: &'static str,
    advice: &Advice,
    sections: Vec<Section>,
    tiles: Vec<Tile>,
) -> Sheet {
    let (mood, word, sentence) = verdict(subject, advice);
    let settings = by_setting(advice).len() as u64;
    let findings = Tile {
        label: "Findings",
        value: human::count(advice.findings.len() as u64),
        note: format!("about {}", human::counted(settings, "setting")),
    };
    Sheet {
        kicker: "advise",
        title: snapshot.cluster.cluster_id.clone(),
        meta: format!("{subject}; captured {}", snapshot.cluster.captured_at),
        mood,
        word: word.to_owned(),
        verdict: sentence,
        tiles: [findings].into_iter().chain(tiles).collect(),
        sections,
        not_evaluated: advice.not_evaluated.clone(),
        glossary: vec![
            ("now", "What is in force, where the snapshot or a file of settings says; ? where neither does."),
            ("unless", "When the advice does not hold."),
            ("BOOTSTRAP", "The cluster’s address, which commands take from the environment."),
        ],
    }
}

/// Numbers now and advised, the first finding of each setting.
fn settings_chart(advice: &Advice) -> Option<Section> {
    let figure = |value: &Value| match value {
        Value::Number(number) if *number <= CHARTED_MAX => Some(*number as f64),
        _ => None,
    };
    let bar = |(setting, findings): &(&str, Vec<&Finding>)| {
        let first = findings.first()?;
        let before = first.now.as_ref().and_then(figure);
        Some(BarRow { label: (*setting).to_owned(), before, after: figure(&first.advised)? })
    };
    let numbers: Vec<BarRow> = by_setting(advice).iter().filter_map(bar).collect();
    let (title, rows) = if numbers.is_empty() {
        let count = |(setting, findings): &(&str, Vec<&Finding>)| BarRow {
            label: (*setting).to_owned(),
            before: None,
            after: findings.len() as f64,
        };
        ("Findings by setting", by_setting(advice).iter().map(count).collect::<Vec<_>>())
    } else {
        ("Settings that are numbers: now, where known, and advised", numbers)
    };
    if rows.is_empty() {
        return None;
    }
    let chart = BarChart { title: title.to_owned(), axis: Axis::Count, limit: None, rows };
    Some(Section::new("At a glance").chart(title, chart.svg("settings")))
}

fn section(setting: &str, findings: &[&Finding]) -> Section {
    let mut section = Section::new(setting);
    if let Some(first) = findings.first() {
        let lead = if findings.len() > 1 { format!("{}: ", first.subject) } else { String::new() };
        section = section.paragraph(sentence(&format!("{lead}{}.", first.why)));
        if !first.unless.is_empty() {
            section = section.paragraph(format!("Unless {}.", first.unless));
        }
        section = section.paragraph(format!("Source: {}.", first.source));
    }
    let rows = findings.iter().map(|finding| {
        vec![
            finding.subject.clone(),
            finding.now.as_ref().map_or_else(|| "?".to_owned(), in_words),
            in_words(&finding.advised),
            finding.command.clone().unwrap_or_default(),
        ]
    });
    section.grid(&[("of", Left), ("now", Right), ("advised", Left), ("command", Left)], rows.collect())
}
