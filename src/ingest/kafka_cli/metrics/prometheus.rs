//! Answers of Prometheus' `/api/v1/query_range` and `/api/v1/query`.
//!
//! Functions such as `rate` drop a metric's name: what such an answer holds, its file's name or the command line says.

use std::collections::{BTreeMap, BTreeSet};

use super::signals::MetricNames;
use super::{Collector, Origin, Sample, Tag, broker_of, tag};
use crate::ingest::fault::{Fault, Faults};
use crate::ingest::kafka_cli::log_dirs::json_fault;
use crate::ingest::kafka_cli::{MetricSource, codes};
use crate::ingest::prometheus::answer::{Answer, Data, Element};

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
    let result = answer.data.ok_or_else(|| "the answer has no data".to_owned()).and_then(Data::series);
    let result = match result {
        Ok(result) => result,
        Err(why) => {
            let message = format!("this is no answer to a query: {why}");
            faults.push(Fault::error(codes::METRICS_ANSWER, path, message).help(HELP));
            return;
        }
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
    for mut element in result {
        let name = element.metric.remove("__name__");
        let Some(signal) = told.or_else(|| name.as_deref().and_then(|name| names.signal_of(name))) else {
            match name {
                Some(name) => drop(ignored.insert(name)),
                None => nameless += 1,
            }
            continue;
        };
        let broker = broker_of(&element.metric, names, hosts, &mut collector.set.unknown_instances);
        let samples = element.points().map(|(unix_seconds, value)| Sample { unix_seconds, value }).collect();
        collector.add(signal, Origin::Prometheus, element.metric, broker, samples);
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
