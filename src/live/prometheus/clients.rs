//! Clients from the brokers' quota metrics: byte rates and throttle times by user and client id, brokers together.
//!
//! Quotas are set for single clients: each one's own statistic is what one goes by, and no total is invented.

use std::collections::BTreeMap;

use super::query::Queries;
use super::{Found, Notes, Prometheus, When, label};
use crate::ingest::prometheus::{Labels, Measure};
use crate::model::Statistic;
use crate::model::clients::{Client, ClientIdentity};

/// Beyond lie slips of exporters, not networks: what a snapshot's files take.
const RATE_MAX: f64 = (1_u64 << 53) as f64;

/// Asks for clients; none where the site exports none.
pub(super) fn ask(
    prometheus: &Prometheus,
    asked: &Queries<'_>,
    statistic: Statistic,
    when: When,
    notes: &mut Notes,
) -> Vec<Client> {
    let query =
        |measure, together, statistic| asked.clients(measure, together).map(|inner| asked.over_time(statistic, &inner));
    // Bytes add up over brokers; of delays, the longest is what the client waits for.
    let queries = [
        query(Measure::ClientProduce, "sum", statistic),
        query(Measure::ClientConsume, "sum", statistic),
        query(Measure::ClientThrottle, "max", Statistic::Mean),
    ];
    let asks: Vec<(usize, &String)> =
        queries.iter().enumerate().filter_map(|(at, q)| Some((at, q.as_ref()?))).collect();
    let texts: Vec<(&str, When)> = asks.iter().map(|(_, query)| (query.as_str(), when)).collect();
    let answers = prometheus.ask_all(&texts, &|_| ());
    let mut found: BTreeMap<ClientIdentity, [Option<f64>; 3]> = BTreeMap::new();
    for ((at, _), answer) in asks.into_iter().zip(answers) {
        match answer {
            Ok(series) => series.iter().for_each(|series| add(series, at, &asked.labels, &mut found)),
            Err(error) => notes.failed("clients", &error),
        }
    }
    let client = |(identity, [produce, consume, throttle_ms]): (ClientIdentity, [Option<f64>; 3])| Client {
        identity,
        produce_bytes_per_sec: produce.unwrap_or(0.0),
        consume_bytes_per_sec: consume.unwrap_or(0.0),
        throttle_ms,
    };
    found.into_iter().map(client).collect()
}

fn add(series: &Found, at: usize, labels: &Labels, found: &mut BTreeMap<ClientIdentity, [Option<f64>; 3]>) {
    let Some((_, value)) = series.points.last() else { return };
    // The exporter's example rules leave the user of `Produce, user=alice` in the resource.
    let in_resource = || Some(label(series, "resource")?.split_once("user=")?.1.trim().to_owned());
    let user = label(series, &labels.user).cloned().or_else(in_resource);
    let identity = ClientIdentity { user, client_id: label(series, &labels.client_id).cloned() };
    // Metrics without both are of no client.
    if identity == ClientIdentity::default() {
        return;
    }
    if let Some(slot) = found.entry(identity).or_default().get_mut(at) {
        let value = value.clamp(0.0, RATE_MAX);
        // Throttles of producing and fetching: the longer one. Bytes of the same client: together.
        *slot = Some(if at == 2 { slot.unwrap_or(0.0).max(value) } else { slot.unwrap_or(0.0) + value });
    }
}
