//! Advice, shown: text, JSON and page. Input: findings of [`capacity::advise`](crate::capacity::advise). Pure.

mod page;

pub use page::{quotas_sheet, sheet};

use std::fmt::Write as _;

use serde::Serialize;

use crate::capacity::NotEvaluated;
use crate::capacity::advise::quotas::{QuotaAdvice, default_request_percentage_total};
use crate::capacity::advise::{Advice, Finding, Value};
use crate::model::Snapshot;
use crate::report::human;
use crate::report::json::{NotEvaluatedView, not_evaluated, rounded};
use crate::report::layout::to_bytes;
use crate::report::sheet::Mood;
use crate::report::style::{ASIDE, GOOD, HEADING, OUTSIDE, paint};
use crate::report::table::{Align, Cell, Table};

/// Rows of one setting: the JSON has all.
const ROWS: usize = 12;
/// Width of a paragraph.
const WIDTH: usize = 96;
/// Width of a subject.
const SUBJECT_WIDTH: usize = 50;

/// `advice` for people; `subject` is what it is about: `brokers`, `topics`.
#[must_use]
pub fn to_text(snapshot: &Snapshot, subject: &str, advice: &Advice) -> String {
    let mut text = heading(snapshot);
    text.push_str(&findings(advice));
    text.push_str(&absent(&advice.not_evaluated));
    text.push('\n');
    text.push_str(&verdict_text(subject, advice));
    text
}

/// `advice` for programs.
#[must_use]
pub fn to_json(advice: &Advice) -> Vec<u8> {
    to_bytes(&AdviceView::of(advice))
}

/// Quotas for people.
#[must_use]
pub fn quotas_to_text(snapshot: &Snapshot, quotas: &QuotaAdvice) -> String {
    let mut text = heading(snapshot);
    text.push_str(&findings(&quotas.advice));
    let _ = writeln!(text, "\n{}", paint(HEADING, "All together"));
    let mut table = Table::new(&[
        ("", Align::Left),
        ("busiest broker leads", Align::Right),
        ("quotas ÷ what a broker carries", Align::Right),
    ]);
    let share = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), human::percent);
    for (side, name) in ["produce", "consume"].into_iter().enumerate() {
        let sum = quotas.oversubscription[side];
        let style = if sum.is_some_and(|sum| sum > 1.0) { OUTSIDE } else { anstyle::Style::new() };
        table.row([name.into(), share(quotas.busiest_share[side]).into(), Cell::painted(style, share(sum))]);
    }
    text.push_str(&table.render());
    text.push_str(
        "  Above 100 % all clients at their quota would overload the smallest broker: quotas then stop one runaway client,\n  \
         not all of them.\n",
    );
    let total = match quotas.request_percentage_total {
        Some(total) => format!("{} here", human::count(total)),
        None => format!("{} with Kafka's defaults", human::count(default_request_percentage_total())),
    };
    let _ = writeln!(
        text,
        "  request_percentage is out of (num.io.threads + num.network.threads) · 100, {total}, per broker."
    );
    text.push_str(&absent(&quotas.advice.not_evaluated));
    text.push('\n');
    text.push_str(&verdict_text("quotas", &quotas.advice));
    text
}

/// Quotas for programs.
#[must_use]
pub fn quotas_to_json(quotas: &QuotaAdvice) -> Vec<u8> {
    let [produce, consume] = quotas.oversubscription.map(|sum| sum.map(rounded));
    let [produce_share, consume_share] = quotas.busiest_share.map(|share| share.map(rounded));
    to_bytes(&QuotasView {
        advice: AdviceView::of(&quotas.advice),
        busiest_broker_share: SidesView { produce: produce_share, consume: consume_share },
        oversubscription: SidesView { produce, consume },
        request_percentage_total: quotas.request_percentage_total,
    })
}

fn heading(snapshot: &Snapshot) -> String {
    let info = &snapshot.cluster;
    format!("{}  captured {}\n", paint(HEADING, &info.cluster_id), info.captured_at)
}

fn findings(advice: &Advice) -> String {
    by_setting(advice).iter().map(|(setting, findings)| section(setting, findings)).collect()
}

/// The findings by setting, in the order in which settings come first.
fn by_setting(advice: &Advice) -> Vec<(&'static str, Vec<&Finding>)> {
    let mut settings: Vec<(&'static str, Vec<&Finding>)> = Vec::new();
    for finding in &advice.findings {
        match settings.iter_mut().find(|(setting, _)| *setting == finding.setting) {
            Some((_, findings)) => findings.push(finding),
            None => settings.push((finding.setting, vec![finding])),
        }
    }
    settings
}

fn section(setting: &str, findings: &[&Finding]) -> String {
    let mut text = format!("\n{}\n", paint(HEADING, setting));
    let mut table =
        Table::new(&[("", Align::Left), ("now", Align::Right), ("", Align::Left), ("advised", Align::Left)]);
    for finding in findings.iter().take(ROWS) {
        let now = finding.now.as_ref().map_or_else(|| "?".to_owned(), in_words);
        table.row([
            human::shorten(&finding.subject, SUBJECT_WIDTH).into(),
            now.into(),
            "→".into(),
            Cell::painted(OUTSIDE, in_words(&finding.advised)),
        ]);
    }
    text.push_str(&table.render());
    if findings.len() > ROWS {
        let more = human::count((findings.len() - ROWS) as u64);
        let _ = writeln!(text, "  {}", paint(ASIDE, &format!("and {more} more: --format json has all")));
    }
    let Some(first) = findings.first() else { return text };
    let lead = if findings.len() > 1 { format!("{}: ", first.subject) } else { String::new() };
    let mut paragraph = |words: &str| {
        for line in human::wrapped(words, WIDTH) {
            let _ = writeln!(text, "  {line}");
        }
    };
    paragraph(&sentence(&format!("{lead}{}.", first.why)));
    if !first.unless.is_empty() {
        paragraph(&format!("Unless {}.", first.unless));
    }
    paragraph(&format!("Source: {}.", first.source));
    if let Some(command) = &first.command {
        let _ = writeln!(text, "  {}", paint(ASIDE, &format!("→ {command}")));
    }
    text
}

/// `text` with its first letter in upper case.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn in_words(value: &Value) -> String {
    match value {
        Value::Number(number) => human::count(*number),
        Value::Text(text) => text.clone(),
    }
}

fn absent(entries: &[NotEvaluated]) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", paint(HEADING, "Not evaluated"));
    for entry in entries {
        let lines = human::wrapped(&format!("{}: {}", entry.what, entry.why), WIDTH);
        for (number, line) in lines.iter().enumerate() {
            let _ = writeln!(text, "  {}{line}", if number > 0 { "  " } else { "" });
        }
    }
    text
}

fn verdict_text(subject: &str, advice: &Advice) -> String {
    let (mood, word, sentence) = verdict(subject, advice);
    format!("{} {sentence}.\n", paint(if mood == Mood::Good { GOOD } else { OUTSIDE }, &word.to_uppercase()))
}

/// The advice in a word, and in a sentence without a full stop.
fn verdict(subject: &str, advice: &Advice) -> (Mood, &'static str, String) {
    match advice.findings.len() as u64 {
        0 => (Mood::Good, "As advised", format!("nothing to change in {subject} as far as the snapshot tells")),
        count => (
            Mood::Fair,
            "Advice",
            format!(
                "{} about {subject}. Each command is to be read before it is run; set BOOTSTRAP first",
                human::counted(count, "finding")
            ),
        ),
    }
}

#[derive(Serialize)]
struct AdviceView<'a> {
    findings: Vec<FindingView<'a>>,
    not_evaluated: Vec<NotEvaluatedView<'a>>,
}

impl<'a> AdviceView<'a> {
    fn of(advice: &'a Advice) -> Self {
        Self {
            findings: advice.findings.iter().map(FindingView::of).collect(),
            not_evaluated: not_evaluated(&advice.not_evaluated),
        }
    }
}

#[derive(Serialize)]
struct FindingView<'a> {
    setting: &'a str,
    subject: &'a str,
    now: Option<ValueView<'a>>,
    advised: ValueView<'a>,
    why: &'a str,
    unless: &'a str,
    source: &'a str,
    command: Option<&'a str>,
}

impl<'a> FindingView<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            setting: finding.setting,
            subject: &finding.subject,
            now: finding.now.as_ref().map(ValueView::of),
            advised: ValueView::of(&finding.advised),
            why: &finding.why,
            unless: &finding.unless,
            source: finding.source,
            command: finding.command.as_deref(),
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum ValueView<'a> {
    Number(u64),
    Text(&'a str),
}

impl<'a> ValueView<'a> {
    fn of(value: &'a Value) -> Self {
        match value {
            Value::Number(number) => Self::Number(*number),
            Value::Text(text) => Self::Text(text),
        }
    }
}

#[derive(Serialize)]
struct QuotasView<'a> {
    #[serde(flatten)]
    advice: AdviceView<'a>,
    busiest_broker_share: SidesView,
    oversubscription: SidesView,
    request_percentage_total: Option<u64>,
}

#[derive(Serialize)]
struct SidesView {
    produce: Option<f64>,
    consume: Option<f64>,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::capacity::advise::{brokers, quotas, topics};
    use crate::model::Policy;
    use crate::model::clients::{Client, ClientIdentity};
    use crate::report::sample;

    fn clients() -> Vec<Client> {
        let identity = |user: Option<&str>, id: Option<&str>| ClientIdentity {
            user: user.map(str::to_owned),
            client_id: id.map(str::to_owned),
        };
        let client = |identity, produce: f64, consume: f64| Client {
            identity,
            produce_bytes_per_sec: produce,
            consume_bytes_per_sec: consume,
            throttle_ms: None,
        };
        vec![client(identity(None, Some("web")), 1e6, 0.0), client(identity(Some("etl"), Some("loader")), 0.0, 2e6)]
    }

    fn advised_quotas(snapshot: &Snapshot) -> quotas::QuotaAdvice {
        let in_force = quotas::InForce::new(None);
        quotas::quotas(snapshot, &Policy::default(), &clients(), in_force, None, quotas::HEADROOM)
    }

    #[test]
    fn quotas_read_well() {
        let snapshot = sample::contract_example();
        let found = advised_quotas(&snapshot);
        insta::assert_snapshot!(sample::plain(&quotas_to_text(&snapshot, &found)));
    }

    #[test]
    fn brokers_read_well() {
        let snapshot = sample::contract_example();
        insta::assert_snapshot!(sample::plain(&to_text(&snapshot, "brokers", &brokers::brokers(&snapshot, None))));
    }

    #[test]
    fn findings_have_the_contracts_keys() {
        let snapshot = sample::contract_example();
        let found = advised_quotas(&snapshot);
        for json in [to_json(&topics::topics(&snapshot, &Policy::default())), quotas_to_json(&found)] {
            let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
            assert!(value["not_evaluated"].is_array());
            let findings = value["findings"].as_array().unwrap();
            assert!(!findings.is_empty());
            for finding in findings {
                for key in ["setting", "now", "advised", "why", "source", "command"] {
                    assert!(finding.get(key).is_some(), "{key}");
                }
            }
        }
    }
}
