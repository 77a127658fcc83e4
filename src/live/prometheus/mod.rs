//! Traffic from an engine that speaks PromQL. Input: where it is, a window, a statistic, what metrics are called.
//! Output: [`Measured`], what the engine worked out; what it has not, in words.
//!
//! Series get their means over the window, and simultaneous totals their statistic (contract §1: a sum of single
//! percentiles would invent load, and a topic that is busy for an hour a day has a p95 of nothing).

mod clients;
mod disks;
mod engine;
mod past;
mod query;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub use self::engine::PrometheusError;

use self::engine::{Engine, Found, When};
use self::query::{Queries, duration};
use super::http::{Address, Credentials, Http, HttpSettings, Secret};
use crate::ingest::fault::{Fault, Faults};
use crate::ingest::kafka_cli::measured::{MeasuredSeries, Total};
use crate::ingest::kafka_cli::{Measured, Quantity, rfc3339};
use crate::ingest::prometheus::{Labels, Measure, Preset, PrometheusConfig, codes};
use crate::model::{Statistic, Window};

/// Queries at a time: what a shared Prometheus (20 at most, by default) can spare.
const CONCURRENCY: usize = 4;

/// How long one query may take: as long as engines let one run by default (two minutes).
const TIMEOUT: Duration = Duration::from_secs(125);

/// A week has 2,016 moments five minutes apart: finer ones cost more and change no percentile by much.
const STEP_MAX_SEC: i64 = 300;

/// Shorter windows have this many moments.
const MOMENTS: i64 = 200;

/// Less of the window than this is told.
const COVERED_SHARE: f64 = 0.98;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// What metrics are called.
    pub preset: Preset,
    /// The time that figures are of, up to now.
    pub window: Duration,
    /// What they stand for.
    pub statistic: Statistic,
    /// How far back the history goes, and the time between its points; none for no history.
    pub history: Option<(Duration, Duration)>,
}

/// An engine, ready to be asked.
pub struct Prometheus {
    engine: Engine,
    config: PrometheusConfig,
}

impl Prometheus {
    /// Prepares to ask the engine at `url`, with the token `token` where the configuration names no credentials; nothing
    /// is sent.
    ///
    /// # Errors
    /// An address that is none, files that cannot be read, settings that contradict each other.
    pub fn open(url: &str, config: PrometheusConfig, config_file: &Path, token: Option<&str>) -> Result<Self, Faults> {
        let fault = |code: &'static str, message: String, help: &str| {
            let mut faults = Faults::default();
            faults.push(Fault::error(code, config_file, message).help(help));
            faults
        };
        let base = Address::parse(url)
            .map_err(|why| fault(codes::VALUE, why, "the address before /api/v1, such as http://prometheus:9090"))?;
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| {
                let message = format!("{} cannot be read: {error}", path.display());
                fault(codes::UNREADABLE, message, "check the path and its permissions")
            })
        };
        let secret = |path: &Path| {
            let text = String::from_utf8(read(path)?).map_err(|_| {
                fault(codes::UNREADABLE, format!("{} is not UTF-8", path.display()), "write the secret alone into it")
            })?;
            Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
        };
        let credentials = match (&config.bearer_token_file, &config.user, &config.password_file) {
            (Some(_), Some(_), _) => {
                let message = "bearer_token_file and user are both given".to_owned();
                return Err(fault(codes::VALUE, message, "give one way to authenticate"));
            }
            (Some(file), None, _) => Credentials::Bearer(secret(file)?),
            (None, Some(user), Some(file)) => Credentials::Basic { user: user.clone(), password: secret(file)? },
            (None, Some(_), None) | (None, None, Some(_)) => {
                let message = "user and password_file belong together".to_owned();
                return Err(fault(codes::VALUE, message, "give both"));
            }
            (None, None, None) => token.map_or(Credentials::Anonymous, |t| Credentials::Bearer(Secret::new(t.trim()))),
        };
        let defaults = HttpSettings::default();
        let settings = HttpSettings {
            credentials,
            ca_pem: config.ca_file.as_deref().map(read).transpose()?,
            insecure: config.insecure,
            headers: config.headers.iter().map(|(name, value)| (name.clone(), Secret::new(value))).collect(),
            timeout: config.timeout.unwrap_or(TIMEOUT),
            attempts: config.attempts.unwrap_or(defaults.attempts),
            ..defaults
        };
        let http = Http::new(settings)
            .map_err(|error| fault(codes::VALUE, error.message, "check the files and headers that it names"))?;
        Ok(Self { engine: Engine::new(http, base), config })
    }

    /// Asks for all of `request`, figures ending at `now` (seconds since 1970). `progress` is told how much is done (0–1).
    ///
    /// # Errors
    /// The engine does not answer, refuses, or cannot work out what producers write; anything else that it has not is
    /// named in the result.
    pub fn measure(
        &self,
        request: &Request,
        now: i64,
        progress: &(dyn Fn(f64) + Sync),
    ) -> Result<Measured, PrometheusError> {
        let mut asked = self.ask_for(request, self.window_sec(request));
        let mut notes = Notes::default();
        let held_sec = self.held(&asked, now, &mut notes)?;
        progress(0.05);
        if let Some(held_sec) = held_sec.filter(|held| (*held as f64) < COVERED_SHARE * asked.window_sec as f64) {
            let line = format!(
                "Prometheus holds {} of the {} asked for: figures are of these",
                duration(held_sec),
                duration(asked.window_sec)
            );
            notes.derived.push(line);
            asked.window_sec = held_sec;
        }
        let plan = plan(&asked, request.statistic);
        let when = When::At(now);
        let asks: Vec<(&str, When)> = plan.iter().map(|step| (step.query.as_str(), when)).collect();
        let answers = self.ask_all(&asks, &|share| progress(0.05 + 0.75 * share));
        let mut measured = Measured {
            window: Window { start: rfc3339(now - asked.window_sec), end: rfc3339(now), statistic: request.statistic },
            names_are_numbered: matches!(request.preset, Preset::Strimzi | Preset::Msk),
            series: Vec::new(),
            totals: BTreeMap::new(),
            disks: Vec::new(),
            history: Vec::new(),
            clients: Vec::new(),
            derived: Vec::new(),
            missing: Vec::new(),
        };
        take(&plan, answers, &asked.labels, &mut measured, &mut notes)?;
        measured.clients = clients::ask(self, &asked, request.statistic, when, &mut notes);
        measured.disks = disks::ask(self, &asked, when, &mut notes);
        progress(0.85);
        if let Some((back, step)) = request.history {
            let period = past::Period::new(now, back, step);
            measured.history = past::ask(self, &asked, &period, &mut notes, &|share| progress(0.85 + 0.15 * share));
        }
        notes.add(self.engine.remarks());
        (measured.derived, measured.missing) = (notes.derived, notes.missing);
        progress(1.0);
        Ok(measured)
    }

    fn window_sec(&self, request: &Request) -> i64 {
        whole_seconds(request.window).max(1)
    }

    fn ask_for(&self, request: &Request, window_sec: i64) -> Queries<'_> {
        let usual = (window_sec / MOMENTS).clamp(1, STEP_MAX_SEC);
        let step_sec = self.config.step.map_or(usual, whole_seconds).clamp(1, window_sec);
        // A rate takes two scrapes: shorter than a minute finds none with the usual intervals.
        let usual_range = if self.config.step.is_some() { step_sec } else { step_sec.max(60) };
        let range_sec = self.config.rate_range.map_or(usual_range, whole_seconds).max(1);
        let labels = self.config.labels(request.preset);
        Queries { config: &self.config, preset: request.preset, labels, window_sec, step_sec, range_sec }
    }

    /// For how long back from `now` there is traffic of producers; none where there is none at all.
    fn held(&self, asked: &Queries<'_>, now: i64, notes: &mut Notes) -> Result<Option<i64>, PrometheusError> {
        for measure in [Measure::BytesInAll, Measure::BytesIn] {
            let Some(total) = asked.total(measure) else { continue };
            let found = self.engine.ask(&asked.first_moment(&total), When::At(now))?;
            let first = found.iter().flat_map(|f| f.points.first()).map(|(_, v)| *v).min_by(f64::total_cmp);
            if let Some(first) = first {
                let held = now.saturating_sub(first.floor() as i64).saturating_add(asked.range_sec);
                return Ok(Some(held.clamp(asked.range_sec, asked.window_sec.max(asked.range_sec))));
            }
        }
        let selector = asked.selector(Measure::BytesIn).unwrap_or_default();
        notes.missing.push(format!(
            "what producers write: Prometheus has no rate of {selector} within {}. Try another preset (--metrics), name \
             the metrics in --prometheus-config, or raise step_seconds above twice the scrape interval",
            duration(asked.window_sec)
        ));
        Ok(None)
    }

    /// Asks all, a bounded number at a time; the answers are in the questions' order.
    fn ask_all(&self, asks: &[(&str, When)], progress: &(dyn Fn(f64) + Sync)) -> Vec<Answer> {
        let next = AtomicUsize::new(0);
        let answers: Vec<Mutex<Option<Answer>>> = asks.iter().map(|_| Mutex::new(None)).collect();
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let (Some((query, when)), Some(slot)) = (asks.get(at), answers.get(at)) else { break };
                let answer = self.engine.ask(query, *when);
                if let Ok(mut slot) = slot.lock() {
                    *slot = Some(answer);
                }
                progress(at as f64 / asks.len() as f64);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.config.concurrency.unwrap_or(CONCURRENCY).min(asks.len()) {
                scope.spawn(work);
            }
        });
        let answered = |slot: Mutex<Option<_>>| slot.into_inner().ok().flatten();
        // A thread that died would leave a question unanswered: that is no data, and none panics.
        answers.into_iter().map(|slot| answered(slot).unwrap_or_else(|| Ok(Vec::new()))).collect()
    }
}

fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// What is said beside figures.
#[derive(Default)]
struct Notes {
    derived: Vec<String>,
    missing: Vec<String>,
}

impl Notes {
    fn add(&mut self, remarks: engine::Remarks) {
        if remarks.is_partial {
            let line = "Prometheus' answers are partial, as it says itself: parts of its storage did not answer, and \
                        figures may be too low";
            self.missing.push(line.to_owned());
        }
        self.missing.extend(remarks.warnings.iter().map(|text| format!("what Prometheus warns of: {text}")));
        self.derived.extend(remarks.infos.iter().map(|text| format!("Prometheus remarks: {text}")));
        if remarks.not_finite > 0 {
            self.derived.push(format!("{} values of metrics that are no numbers left out", remarks.not_finite));
        }
    }

    fn failed(&mut self, what: &str, error: &PrometheusError) {
        self.missing.push(format!("{what}: the query failed ({})", error.message));
    }
}

/// The answer to one query.
type Answer = Result<Vec<Found>, PrometheusError>;

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// Means of single series.
    Means(Quantity),
    /// The mean of the total.
    TotalMean(Quantity),
    /// The statistic of the total.
    TotalStatistic(Quantity),
}

/// A query and what its answer is.
struct Step {
    purpose: Purpose,
    what: &'static str,
    query: String,
}

/// All queries for figures at one moment.
fn plan(asked: &Queries<'_>, statistic: Statistic) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut add = |purpose, what, query: Option<String>| {
        steps.extend(query.map(|query| Step { purpose, what, query }));
    };
    let all_or_topics = |all: Measure, topics: Measure| asked.total(all).or_else(|| asked.total(topics));
    let bytes_in = all_or_topics(Measure::BytesInAll, Measure::BytesIn);
    let bytes_out = all_or_topics(Measure::BytesOutAll, Measure::BytesOut);
    let messages = all_or_topics(Measure::MessagesInAll, Measure::MessagesIn);
    // Nobody may read: replication alone then is what the network carries.
    let with = |clients: &Option<String>, replication: Measure| {
        let (clients, replication) = (clients.as_ref()?, asked.total(replication)?);
        Some(format!("({clients} or vector(0)) + {replication}"))
    };
    let network_in = with(&bytes_in, Measure::ReplicationIn);
    let network_out = with(&bytes_out, Measure::ReplicationOut);
    let cores = asked.cores(asked.range_sec).map(|cores| format!("sum({cores})"));
    let share = asked.cpu_share(asked.range_sec).map(|share| format!("avg({share})"));
    for (quantity, what, total) in [
        (Quantity::BytesIn, "what producers write in all", bytes_in),
        (Quantity::BytesOut, "what consumers read in all", bytes_out),
        (Quantity::MessagesIn, "records written in all", messages),
        (Quantity::NetworkIn, "what brokers receive in all", network_in),
        (Quantity::NetworkOut, "what brokers send in all", network_out),
        (Quantity::CpuCores, "cpu of all brokers", cores),
        (Quantity::CpuUtilization, "cpu of all brokers", share),
    ] {
        let Some(total) = total else { continue };
        add(Purpose::TotalMean(quantity), what, Some(asked.over_time(Statistic::Mean, &total)));
        if statistic != Statistic::Mean {
            add(Purpose::TotalStatistic(quantity), what, Some(asked.over_time(statistic, &total)));
        }
    }
    for (quantity, what, measure) in [
        (Quantity::BytesIn, "what producers write", Measure::BytesIn),
        (Quantity::BytesOut, "what consumers read", Measure::BytesOut),
        (Quantity::MessagesIn, "records that producers write", Measure::MessagesIn),
    ] {
        add(Purpose::Means(quantity), what, asked.by_topic(measure));
    }
    for (quantity, what, measure) in [
        (Quantity::ReplicationIn, "what brokers copy from leaders", Measure::ReplicationIn),
        (Quantity::ReplicationOut, "what brokers send to followers", Measure::ReplicationOut),
    ] {
        add(Purpose::Means(quantity), what, asked.by_broker(measure));
    }
    add(Purpose::Means(Quantity::CpuCores), "brokers' cpu", asked.cores(asked.window_sec));
    add(Purpose::Means(Quantity::CpuUtilization), "brokers' cpu", asked.cpu_share(asked.window_sec));
    add(Purpose::Means(Quantity::LogEndOffset), "the growth of offsets", asked.growth(Measure::LogEndOffset));
    add(Purpose::Means(Quantity::LogSize), "the growth of logs", asked.growth(Measure::LogSize));
    steps
}

fn take(
    plan: &[Step],
    answers: Vec<Answer>,
    labels: &Labels,
    measured: &mut Measured,
    notes: &mut Notes,
) -> Result<(), PrometheusError> {
    let mut statistics: BTreeMap<Quantity, f64> = BTreeMap::new();
    let mut means: BTreeMap<Quantity, f64> = BTreeMap::new();
    for (step, answer) in plan.iter().zip(answers) {
        let found = match answer {
            Ok(found) => found,
            // Without it there is nothing to plan for.
            Err(error) if step.purpose == Purpose::Means(Quantity::BytesIn) => return Err(error),
            Err(error) => {
                notes.failed(step.what, &error);
                continue;
            }
        };
        match step.purpose {
            Purpose::Means(quantity) => {
                measured.series.extend(found.iter().filter_map(|f| series(quantity, f, labels)))
            }
            Purpose::TotalMean(quantity) => drop(sum(&found).map(|sum| means.insert(quantity, sum))),
            Purpose::TotalStatistic(quantity) => drop(sum(&found).map(|sum| statistics.insert(quantity, sum))),
        }
    }
    for (quantity, mean) in means {
        let statistic = match measured.window.statistic {
            Statistic::Mean => Some(mean),
            _ => statistics.get(&quantity).copied(),
        };
        match statistic {
            Some(statistic) => drop(measured.totals.insert(quantity, Total { statistic, mean })),
            None => notes.missing.push(format!(
                "the {} of {}: its figures are means",
                measured.window.statistic.name(),
                plan.iter().find(|s| s.purpose == Purpose::TotalMean(quantity)).map_or("a total", |s| s.what)
            )),
        }
    }
    Ok(())
}

fn sum(found: &[Found]) -> Option<f64> {
    let values: Vec<f64> = found.iter().filter_map(|f| f.points.last()).map(|(_, value)| *value).collect();
    (!values.is_empty()).then(|| values.iter().sum())
}

fn label<'f>(found: &'f Found, name: &str) -> Option<&'f String> {
    found.labels.get(name).filter(|text| !text.is_empty())
}

/// What names the broker: the first of the labels that may.
fn broker(found: &Found, labels: &Labels) -> Option<String> {
    labels.broker.iter().find_map(|name| label(found, name)).cloned()
}

fn series(quantity: Quantity, found: &Found, labels: &Labels) -> Option<MeasuredSeries> {
    // What is no number is a copy in the making: Confluent's rules have `0, is-future=true` for the copy of a move between
    // dirs.
    let partition = label(found, &labels.partition).map(|text| text.parse()).transpose().ok()?;
    let topic = label(found, &labels.topic).cloned();
    let (_, value) = found.points.last()?;
    Some(MeasuredSeries { quantity, broker: broker(found, labels), topic, partition, value: value.max(0.0) })
}
