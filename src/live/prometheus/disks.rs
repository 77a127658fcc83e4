//! Filesystems of brokers' machines, as the node exporter has them.

use std::collections::BTreeMap;

use super::query::Queries;
use super::{Notes, Prometheus, When, broker, label};
use crate::ingest::kafka_cli::measured::MeasuredDisk;
use crate::ingest::prometheus::Measure;

/// Asks for sizes and free space; none where the site exports none.
pub(super) fn ask(prometheus: &Prometheus, asked: &Queries<'_>, when: When, notes: &mut Notes) -> Vec<MeasuredDisk> {
    let queries = [Measure::DiskSize, Measure::DiskAvailable].map(|measure| asked.disks(measure));
    let texts: Vec<(&str, When)> = queries.iter().flatten().map(|query| (query.as_str(), when)).collect();
    let mut answers = Vec::new();
    for answer in prometheus.ask_all(&texts, &|_| ()) {
        match answer {
            Ok(found) => answers.push(found),
            Err(error) => {
                notes.failed("filesystems", &error);
                return Vec::new();
            }
        }
    }
    let mut available: BTreeMap<(Option<String>, String), f64> = BTreeMap::new();
    let key = |found: &super::Found| Some((broker(found, &asked.labels), label(found, "mountpoint")?.clone()));
    for found in answers.get(1).into_iter().flatten() {
        if let (Some(key), Some((_, bytes))) = (key(found), found.points.last()) {
            available.insert(key, *bytes);
        }
    }
    let disk = |found: &super::Found| {
        let key = key(found)?;
        let (_, size_bytes) = *found.points.last()?;
        let available_bytes = available.get(&key).copied();
        Some(MeasuredDisk { broker: key.0, mountpoint: key.1, size_bytes, available_bytes })
    };
    answers.first().into_iter().flatten().filter_map(disk).collect()
}
