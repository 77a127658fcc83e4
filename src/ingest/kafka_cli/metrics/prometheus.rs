//! Answers of Prometheus' `/api/v1/query_range` and `/api/v1/query`.
//!
//! Functions such as `rate` drop a metric's name: what such an answer holds, its file's name or the command line says.
//! Values are strings, for JSON has no `NaN`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::signals::MetricNames;
use super::{Collector, Labels, Origin, Sample, Tag, broker_of, tag};
use crate::ingest::fault::{Fault, Faults};
use crate::ingest::kafka_cli::log_dirs::json_fault;
use crate::ingest::kafka_cli::{MetricSource, codes};

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(rename = "errorType")]
    error_type: Option<String>,
    error: Option<String>,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    result_type: Option<String>,
    result: Option<Vec<Element>>,
}

#[derive(Deserialize)]
struct Element {
    metric: Labels,
    values: Option<Vec<(f64, Number)>>,
    value: Option<(f64, Number)>,
}

/// A number in a string.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;
        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number in a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                text.parse().map(Number).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(NumberVisitor)
    }
}

const HELP: &str = "save the answer of /api/v1/query_range as it is";

/// Reads an answer into `collector`.
pub(super) fn read(
    source: &MetricSource,
    names: &MetricNames,
    hosts: &BTreeMap<String, i32>,
    collector: &mut Collector,
    faults: &mut Faults,
) {
    let path = &source.file.path;
    let text = &source.file.text;
    let answer: Answer = match serde_json::from_str(text) {
        Ok(answer) => answer,
        Err(error) => {
            let (place, message) = json_fault(text, 0, &error);
            faults.push(Fault::error(codes::METRICS_SYNTAX, path, message).at(place.line, place.column).help(HELP));
            return;
        }
    };
    if answer.status != "success" {
        let kind = answer.error_type.unwrap_or_else(|| answer.status.clone());
        let message = format!("Prometheus refused the query: {kind}: {}", answer.error.unwrap_or_default());
        faults.push(Fault::error(codes::METRICS_ANSWER, path, message).help("mend the query and save its answer"));
        return;
    }
    let result = answer.data.and_then(|data| data.result_type.and(data.result));
    let Some(result) = result else {
        let message = "this is no answer to a query: it has no result";
        faults.push(Fault::error(codes::METRICS_ANSWER, path, message).help(HELP));
        return;
    };
    if result.is_empty() {
        let message = "the query's result is empty";
        faults
            .push(Fault::warning(codes::METRICS_IGNORED, path, message).help("check the metric's name and the range"));
    }
    take(source, result, names, hosts, collector, faults);
}

fn take(
    source: &MetricSource,
    result: Vec<Element>,
    names: &MetricNames,
    hosts: &BTreeMap<String, i32>,
    collector: &mut Collector,
    faults: &mut Faults,
) {
    let path = &source.file.path;
    let told = match tag(source, faults) {
        Some(Tag::Signal(signal)) => Some(signal),
        Some(Tag::Broker(_)) | None => None,
    };
    let mut nameless = 0_u64;
    let mut ignored: BTreeSet<String> = BTreeSet::new();
    for Element { mut metric, values, value } in result {
        let name = metric.remove("__name__");
        let Some(signal) = told.or_else(|| name.as_deref().and_then(|name| names.signal_of(name))) else {
            match name {
                Some(name) => drop(ignored.insert(name)),
                None => nameless += 1,
            }
            continue;
        };
        let broker = broker_of(&metric, names, hosts, &mut collector.set.unknown_instances);
        let pairs = values.unwrap_or_default().into_iter().chain(value);
        let samples = pairs.map(|(unix_seconds, Number(value))| Sample { unix_seconds, value }).collect();
        collector.add(signal, Origin::Prometheus, metric, broker, samples);
    }
    if let Some(first) = ignored.first() {
        let message = format!("{} metric(s) are not used, the first being {first}", ignored.len());
        let help = "say which signal a metric is with --metric SIGNAL=NAME or in the inventory's [metrics]";
        faults.push(Fault::warning(codes::METRICS_IGNORED, path, message).help(help));
    }
    if nameless > 0 {
        let message = format!("{nameless} series have no name, as after rate(): which signal they are is not said");
        let help = "call the file by its signal, as in bytes_in_rate.json, or write --metrics bytes_in_rate=FILE";
        faults.push(Fault::error(codes::METRICS_SIGNAL, path, message).help(help));
    }
}
