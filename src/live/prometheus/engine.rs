//! An engine that speaks PromQL over HTTP: Prometheus, Thanos, Mimir, VictoriaMetrics. Input: a query and a moment.
//! Output: its series; or what the engine, or whatever stands before it, said instead.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use crate::ingest::prometheus::answer::{Answer, Data, Element};
use crate::live::http::{Address, Http, HttpError, HttpErrorKind, Reply};

/// Why a query has no answer, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}\n  help: {help}")]
pub struct PrometheusError {
    /// What went wrong, a lowercase fragment.
    pub message: String,
    /// The next action.
    pub help: String,
}

impl PrometheusError {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

impl From<HttpError> for PrometheusError {
    fn from(error: HttpError) -> Self {
        let help = match error.kind {
            HttpErrorKind::Unreachable => "check the address, and that the engine answers within timeout_seconds",
            HttpErrorKind::Tls => "give the authority that signed its certificate as ca_file in --prometheus-config",
            HttpErrorKind::TooLarge => "ask for less: match = { … } in --prometheus-config keeps to one cluster",
            HttpErrorKind::Configuration => "check the address and the files named in --prometheus-config",
        };
        Self::new(error.to_string(), help)
    }
}

/// A series: labels, and values by seconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) points: Vec<(f64, f64)>,
}

/// How a query is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum When {
    /// At one moment, seconds since 1970.
    At(i64),
    /// At all moments from the first to the second, so many seconds apart.
    Range(i64, i64, i64),
}

/// What engines said beside their answers, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Remarks {
    /// Warnings: an answer may lack something.
    pub(super) warnings: BTreeSet<String>,
    /// Remarks that change nothing.
    pub(super) infos: BTreeSet<String>,
    /// Whether an engine said that an answer is partial.
    pub(super) is_partial: bool,
    /// Values that are not numbers, left out.
    pub(super) not_finite: usize,
}

/// An engine. Queries may be asked from many threads at once.
pub(super) struct Engine {
    http: Http,
    base: Address,
    remarks: Mutex<Remarks>,
}

impl Engine {
    pub(super) fn new(http: Http, base: Address) -> Self {
        Self { http, base, remarks: Mutex::default() }
    }

    /// What was said beside all answers so far.
    pub(super) fn remarks(&self) -> Remarks {
        self.remarks.lock().map(|remarks| remarks.clone()).unwrap_or_default()
    }

    /// The series that `query` gives; values that are no numbers are left out.
    pub(super) fn ask(&self, query: &str, when: When) -> Result<Vec<Found>, PrometheusError> {
        let (path, times) = match when {
            When::At(time) => ("api/v1/query", vec![("time", time.to_string())]),
            When::Range(start, end, step) => (
                "api/v1/query_range",
                vec![("start", start.to_string()), ("end", end.to_string()), ("step", step.to_string())],
            ),
        };
        let address = self.base.join(path);
        let mut parameters = vec![("query", query)];
        parameters.extend(times.iter().map(|(name, value)| (*name, value.as_str())));
        let mut reply = self.http.post_form(&address, &parameters)?;
        // Proxies that let nobody write refuse forms; queries here are short enough for most addresses.
        if reply.status == 405 {
            reply = self.http.get(&address, &parameters)?;
        }
        self.read(&address, &reply)
    }

    fn read(&self, address: &Address, reply: &Reply) -> Result<Vec<Found>, PrometheusError> {
        let answer: Answer = match serde_json::from_slice(&reply.body) {
            Ok(answer) => answer,
            Err(error) => return Err(no_answer(address, reply, &error)),
        };
        if answer.status != "success" {
            let kind = answer.error_type.unwrap_or_else(|| answer.status.clone());
            let message = shown(&answer.error.unwrap_or_default());
            let told = format!("{address}: {} ({kind}): {message}", status_words(reply.status));
            return Err(PrometheusError::new(told, refusal_help(reply.status, &kind)));
        }
        let data = answer.data.ok_or_else(|| {
            PrometheusError::new(format!("{address}: the answer has no data"), "check that this is a PromQL endpoint")
        })?;
        let found = elements(address, data)?;
        let mut not_finite = 0;
        let series = found.into_iter().map(|element| {
            let (points, odd): (Vec<_>, Vec<_>) = element.points().partition(|(t, v)| t.is_finite() && v.is_finite());
            not_finite += odd.len();
            Found { labels: element.metric, points }
        });
        let series: Vec<Found> = series.filter(|found| !found.points.is_empty()).collect();
        if let Ok(mut remarks) = self.remarks.lock() {
            let (infos, warnings): (Vec<String>, Vec<String>) =
                answer.warnings.unwrap_or_default().into_iter().partition(|text| text.starts_with(INFO));
            remarks.warnings.extend(warnings.iter().map(|text| shown(text)));
            remarks.infos.extend(infos.iter().chain(&answer.infos.unwrap_or_default()).map(|text| shown(text)));
            remarks.is_partial |= answer.is_partial;
            remarks.not_finite += not_finite;
        }
        Ok(series)
    }
}

fn elements(address: &Address, data: Data) -> Result<Vec<Element>, PrometheusError> {
    data.series().map_err(|why| {
        let message = format!("{address}: {}", shown(&why));
        PrometheusError::new(message, "check that this is a PromQL endpoint, and its version")
    })
}

/// What remarks begin with: Prometheus puts them under `infos`, Thanos 0.41 under `warnings`.
const INFO: &str = "PromQL info:";

/// A text of another's in one line of bounded length: VictoriaMetrics says why only after the query, told twice.
fn shown(text: &str) -> String {
    const CHARS: usize = 1_500;
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn status_words(status: u16) -> String {
    match status {
        200 => "refused".to_owned(),
        400 => "the query was refused".to_owned(),
        422 => "the query could not be carried out".to_owned(),
        503 => "the engine gave up".to_owned(),
        other => format!("status {other}"),
    }
}

fn refusal_help(status: u16, kind: &str) -> &'static str {
    match (status, kind) {
        (401 | 403, _) => access_help(status),
        (404, _) => PATH_HELP,
        (429, _) => "the engine limits how much is asked: lower concurrency in --prometheus-config, or wait",
        (_, "timeout") | (503 | 504, _) => {
            "ask for a shorter --window, or raise the engine's query timeout and timeout_seconds"
        }
        // VictoriaMetrics answers so to queries that are none as well.
        (422, "422") => {
            "ask for a shorter --window or raise step_seconds where it is a limit; else check selectors and labels in \
             --prometheus-config"
        }
        (_, "execution") | (422, _) => {
            "the engine's limits on samples or ranges: ask for a shorter --window, or raise step_seconds"
        }
        _ => "check selectors and labels in --prometheus-config",
    }
}

const PATH_HELP: &str = "give the address before /api/v1: http://HOST:9090 for Prometheus and Thanos, …/prometheus for \
                         Mimir, …/select/0/prometheus for VictoriaMetrics' cluster";

fn access_help(status: u16) -> &'static str {
    if status == 401 {
        "give bearer_token_file, or user and password_file, in --prometheus-config; for Mimir, X-Scope-OrgID among its \
         [headers]"
    } else {
        "these credentials may not query; check them, and headers such as X-Scope-OrgID"
    }
}

/// What answered is no engine: a proxy, a login page, a web server.
fn no_answer(address: &Address, reply: &Reply, error: &serde_json::Error) -> PrometheusError {
    let quoted = match reply.excerpt() {
        text if text.is_empty() => "nothing".to_owned(),
        text => format!("{text:?}"),
    };
    let message = match (reply.status, &reply.location) {
        (status @ 300..=399, Some(location)) => format!("{address}: status {status}, sent on to {location}"),
        (200, _) if reply.content_type.contains("html") => format!("{address}: answered with a page, {quoted}"),
        (200, _) => format!("{address}: the answer is no JSON of a query: {error}"),
        (status, _) => format!("{address}: status {status}, answered {quoted}"),
    };
    let help = match reply.status {
        300..=399 => "redirects are not followed, for credentials would go with them: give the address itself",
        status @ (401 | 403) => access_help(status),
        429 | 500.. => "the engine, or a proxy before it, cannot answer now: try again, or ask for a shorter --window",
        _ => PATH_HELP,
    };
    PrometheusError::new(message, help)
}
