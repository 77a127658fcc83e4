//! The configuration file of `--prometheus-config`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Labels, Measure, Preset, codes};
use crate::ingest::fault::{Faults, Severity};
use crate::ingest::toml_reader::{Bounds, TomlCodes, TomlReader};

const CODES: TomlCodes = TomlCodes {
    syntax: codes::SYNTAX,
    unknown_key: (codes::UNKNOWN_KEY, Severity::Error),
    value: codes::VALUE,
    range: codes::RANGE,
};

const KEYS: [&str; 16] = [
    "url",
    "preset",
    "bearer_token_file",
    "user",
    "password_file",
    "ca_file",
    "insecure",
    "step_seconds",
    "timeout_seconds",
    "concurrency",
    "metrics",
    "labels",
    "match",
    "headers",
    "rate_range_seconds",
    "attempts",
];

const LABEL_KEYS: [&str; 5] = ["broker", "topic", "partition", "user", "client_id"];

const SECONDS: Bounds =
    Bounds { min: 0.0, max: 86_400.0, above_min: true, below_max: false, words: "above 0, at most 86400" };

/// How an engine is reached, and what it calls things.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PrometheusConfig {
    /// Where it is; the command line may say so instead.
    pub url: Option<String>,
    /// What metrics are called where this file does not say.
    pub preset: Option<Preset>,
    /// A file with a token for `Authorization: Bearer`.
    pub bearer_token_file: Option<PathBuf>,
    /// A user for `Authorization: Basic`.
    pub user: Option<String>,
    /// A file with that user's password.
    pub password_file: Option<PathBuf>,
    /// A file with the authorities that are trusted in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether any certificate is taken for good.
    pub insecure: bool,
    /// Time between two moments of a percentile.
    pub step: Option<Duration>,
    /// Time over which a moment's rate is taken; the step where it is not said.
    pub rate_range: Option<Duration>,
    /// How long one query may take.
    pub timeout: Option<Duration>,
    /// Queries at a time.
    pub concurrency: Option<usize>,
    /// How often a query is asked at most.
    pub attempts: Option<u32>,
    /// Selectors by what they measure; empty where there is no such metric.
    pub metrics: BTreeMap<Measure, String>,
    /// Labels that every series must have.
    pub matchers: BTreeMap<String, String>,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
    /// Labels, where not the preset's.
    labels: BTreeMap<&'static str, Vec<String>>,
}

impl PrometheusConfig {
    /// Reads the file at `path`; files that it names are relative to it.
    ///
    /// # Errors
    /// Every fault in the file.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let mut reader = TomlReader::new(path, text, &CODES);
        let mut config = Self::default();
        if let Some(root) = reader.root() {
            reader.check_keys("", &root, &KEYS);
            for (key, value) in &root {
                config.take(&mut reader, path, key.get_ref(), value);
            }
        }
        reader.report(&mut faults);
        if faults.has_errors() { Err(faults) } else { Ok(config) }
    }

    fn take<'t>(&mut self, reader: &mut TomlReader<'t>, path: &Path, key: &str, value: &Spanned<DeValue<'t>>) {
        let beside = |name: String| path.parent().unwrap_or(Path::new("")).join(name);
        match key {
            "url" => self.url = reader.string(key, value),
            "preset" => self.preset = preset(reader, value),
            "bearer_token_file" => self.bearer_token_file = reader.string(key, value).map(beside),
            "user" => self.user = reader.string(key, value),
            "password_file" => self.password_file = reader.string(key, value).map(beside),
            "ca_file" => self.ca_file = reader.string(key, value).map(beside),
            "insecure" => match value.get_ref().as_bool() {
                Some(insecure) => self.insecure = insecure,
                None => reader.wrong_kind(key, value, "true or false"),
            },
            "step_seconds" => self.step = seconds(reader, key, value),
            "rate_range_seconds" => self.rate_range = seconds(reader, key, value),
            "timeout_seconds" => self.timeout = seconds(reader, key, value),
            "concurrency" => {
                self.concurrency = reader.whole(key, value, 1, 64).and_then(|number| usize::try_from(number).ok());
            }
            "attempts" => self.attempts = reader.whole(key, value, 1, 20).and_then(|n| u32::try_from(n).ok()),
            "metrics" => self.take_metrics(reader, value),
            "labels" => self.take_labels(reader, value),
            "match" => self.matchers = texts(reader, "match", value, is_label),
            "headers" => self.headers = texts(reader, "headers", value, |name| !name.is_empty()),
            _ => {}
        }
    }

    fn take_metrics<'t>(&mut self, reader: &mut TomlReader<'t>, value: &Spanned<DeValue<'t>>) {
        let Some(table) = reader.table("metrics", value) else { return };
        let known = Measure::ALL.map(Measure::name);
        reader.check_keys("metrics", table, &known);
        for (key, value) in table {
            let Some(measure) = Measure::ALL.into_iter().find(|m| m.name() == key.get_ref().as_ref()) else { continue };
            let Some(text) = reader.string(measure.name(), value) else { continue };
            match selector(&text) {
                Some(text) => drop(self.metrics.insert(measure, text)),
                None => reader.error(
                    value.span(),
                    codes::VALUE,
                    format!("{text:?} is no selector"),
                    "write a metric's name, with matchers in braces if need be: name{label=\"value\"}; \"\" for none",
                ),
            }
        }
    }

    fn take_labels<'t>(&mut self, reader: &mut TomlReader<'t>, value: &Spanned<DeValue<'t>>) {
        let Some(table) = reader.table("labels", value) else { return };
        reader.check_keys("labels", table, &LABEL_KEYS);
        for (key, value) in table {
            let Some(known) = LABEL_KEYS.into_iter().find(|known| *known == key.get_ref().as_ref()) else { continue };
            let names: Vec<String> = match value.get_ref() {
                DeValue::Array(list) if known == "broker" => {
                    list.iter().filter_map(|entry| reader.string(known, entry)).collect()
                }
                _ => reader.string(known, value).into_iter().collect(),
            };
            if let Some(wrong) = names.iter().find(|name| !is_label(name)) {
                let help = "letters, digits and underscores, no digit first";
                reader.error(value.span(), codes::VALUE, format!("{wrong:?} is no label's name"), help);
            } else if !names.is_empty() {
                self.labels.insert(known, names);
            }
        }
    }

    /// The selector of `measure`: this file's, else that of `preset`; with the matchers that every series must have.
    #[must_use]
    pub fn selector(&self, preset: Preset, measure: Measure) -> Option<String> {
        let own = self.metrics.get(&measure).map(String::as_str);
        let text = own.or_else(|| preset.selector(measure)).filter(|text| !text.is_empty())?;
        let (name, inside) = text.split_once('{').unwrap_or((text, "}"));
        let inside = inside.trim_end_matches('}');
        let matchers = self.matchers.iter().map(|(label, value)| format!("{label}={}", quoted(value)));
        let all: Vec<String> = Some(inside.to_owned()).filter(|t| !t.is_empty()).into_iter().chain(matchers).collect();
        Some(format!("{name}{{{}}}", all.join(",")))
    }

    /// What labels are called: as this file says, else as in `preset`.
    #[must_use]
    pub fn labels(&self, preset: Preset) -> Labels {
        let mut labels = preset.labels();
        let one = |key: &str| self.labels.get(key).and_then(|names| names.first()).cloned();
        if let Some(names) = self.labels.get("broker") {
            labels.broker.clone_from(names);
        }
        for (key, slot) in [
            ("topic", &mut labels.topic),
            ("partition", &mut labels.partition),
            ("user", &mut labels.user),
            ("client_id", &mut labels.client_id),
        ] {
            if let Some(name) = one(key) {
                *slot = name;
            }
        }
        labels
    }
}

fn preset<'t>(reader: &mut TomlReader<'t>, value: &Spanned<DeValue<'t>>) -> Option<Preset> {
    let name = reader.string("preset", value)?;
    let found = Preset::by_name(&name);
    if found.is_none() {
        let known = Preset::ALL.map(Preset::name).join(", ");
        reader.error(
            value.span(),
            codes::VALUE,
            format!("there is no preset {name:?}"),
            format!("write one of {known}"),
        );
    }
    found
}

fn seconds<'t>(reader: &mut TomlReader<'t>, key: &str, value: &Spanned<DeValue<'t>>) -> Option<Duration> {
    reader.number(key, value, SECONDS).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

fn texts<'t>(
    reader: &mut TomlReader<'t>,
    section: &str,
    value: &Spanned<DeValue<'t>>,
    is_name: impl Fn(&str) -> bool,
) -> BTreeMap<String, String> {
    let Some(table): Option<&DeTable<'t>> = reader.table(section, value) else { return BTreeMap::new() };
    let mut found = BTreeMap::new();
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        if !is_name(name) {
            let message = format!("{name:?} in [{section}] is no name");
            reader.error(key.span(), codes::VALUE, message, "letters, digits and underscores, no digit first");
        } else if let Some(text) = reader.string(name, value) {
            found.insert(name.to_owned(), text);
        }
    }
    found
}

fn is_label(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(is_word) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// A selector in the form `name{…}`; what could end it early is refused.
fn selector(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() {
        return Some(String::new());
    }
    let (name, inside) = match text.split_once('{') {
        Some((name, rest)) => (name, rest.strip_suffix('}')?),
        None => (text, ""),
    };
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let is_named = !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(is_word);
    let is_closed = inside.matches('"').count() % 2 == 0 && !inside.chars().any(char::is_control);
    let is_something = !name.is_empty() || !inside.trim().is_empty();
    (is_named && is_closed && is_something).then(|| format!("{name}{{{inside}}}"))
}

/// A PromQL string.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PrometheusConfig, Faults> {
        PrometheusConfig::parse(Path::new("dir/prom.toml"), text)
    }

    #[test]
    fn a_file_says_how_an_engine_is_reached_and_what_it_calls_things() {
        let config = parse(
            "url = \"https://mimir/prometheus\"\npreset = \"strimzi\"\nbearer_token_file = \"token\"\nstep_seconds = 60\n\
             [metrics]\nbytes_in = 'in_total'\ncpu_seconds = \"\"\n[match]\ncluster = 'a\"b'\n\
             [labels]\nbroker = [\"node\", \"pod\"]\n[headers]\nX-Scope-OrgID = \"7\"",
        )
        .unwrap();
        assert_eq!(config.bearer_token_file, Some(PathBuf::from("dir/token")));
        assert_eq!((config.step, config.preset), (Some(Duration::from_secs(60)), Some(Preset::Strimzi)));
        let selector = |measure| config.selector(Preset::Strimzi, measure);
        assert_eq!(selector(Measure::BytesIn).unwrap(), r#"in_total{cluster="a\"b"}"#);
        assert_eq!(
            selector(Measure::BytesOutAll).unwrap(),
            r#"kafka_server_brokertopicmetrics_bytesout_total{topic="",cluster="a\"b"}"#
        );
        assert_eq!(selector(Measure::CpuSeconds), None);
        assert_eq!(config.labels(Preset::Strimzi).broker, ["node", "pod"]);
        assert_eq!(config.headers["X-Scope-OrgID"], "7");
    }

    #[test]
    fn every_fault_is_named_at_its_place() {
        let faults = parse(
            "preset = \"kafka\"\nstep_seconds = 0\nbearer = \"x\"\n[metrics]\nbytes_in = \"rate(x[5m])\"\n\
             bytes_inn = \"x\"\n[match]\n\"a b\" = \"c\"\n[labels]\ntopic = \"1t\"",
        )
        .unwrap_err();
        let mut found: Vec<(u64, &str)> = faults.list.iter().map(|f| (f.line.unwrap_or_default(), f.code)).collect();
        found.sort_unstable();
        let expected = [(1, codes::VALUE), (2, codes::RANGE), (3, codes::UNKNOWN_KEY), (5, codes::VALUE)];
        let rest = [(6, codes::UNKNOWN_KEY), (8, codes::VALUE), (10, codes::VALUE)];
        assert_eq!(found, [&expected[..], &rest[..]].concat());
        assert_eq!(parse("a = ").unwrap_err().list[0].code, codes::SYNTAX);
    }
}
