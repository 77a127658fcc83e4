//! How long a broker's memory holds what it writes: (RAM − heap − what the operating system keeps) ÷ write rate. Consumers
//! that lag by more read from disk. Apache Kafka's documentation (docs/ops, "Hardware and OS") wants 30 s of writes in
//! memory; Netflix service-capacity-modeling plans for ten minutes.

use std::collections::BTreeMap;

use super::{Assumptions, GIB, Traffic};
use crate::capacity::NotEvaluated;
use crate::capacity::not_evaluated::broker_list;
use crate::ingest::catalogue::Catalogue;
use crate::model::{BrokerIdx, BrokerState, Snapshot};

/// One broker's page cache.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CacheTime {
    /// The broker.
    pub broker: BrokerIdx,
    /// Memory left to the page cache, bytes.
    pub cache_bytes: f64,
    /// What is written to its disks, the cleaner's at least, bytes per second.
    pub write_bytes_per_sec: f64,
    /// Seconds of writes that fit.
    pub seconds: f64,
}

/// The cache times of all brokers in service that have the figures, ascending by id.
pub(super) fn cache_times(
    snapshot: &Snapshot,
    catalogue: &Catalogue,
    traffic: &Traffic,
    assumptions: &Assumptions,
    missing: &mut Vec<NotEvaluated>,
) -> Vec<CacheTime> {
    let mut times = Vec::new();
    let mut without: BTreeMap<&'static str, Vec<BrokerIdx>> = BTreeMap::new();
    for broker in snapshot.broker_indices() {
        if matches!(snapshot.broker(broker).state, BrokerState::Down | BrokerState::Dead) {
            continue;
        }
        let write_bytes_per_sec = traffic.brokers[broker.row()].disk_write();
        match cache_bytes(snapshot, broker, catalogue, assumptions) {
            Err(why) => without.entry(why).or_default().push(broker),
            Ok(_) if write_bytes_per_sec <= 0.0 => without.entry("nothing is written to").or_default().push(broker),
            Ok(cache_bytes) => {
                let seconds = cache_bytes / write_bytes_per_sec;
                times.push(CacheTime { broker, cache_bytes, write_bytes_per_sec, seconds });
            }
        }
    }
    for (why, brokers) in without {
        missing.push(NotEvaluated::new("page_cache", format!("{why} {}", broker_list(snapshot, &brokers))));
    }
    times
}

fn cache_bytes(
    snapshot: &Snapshot,
    broker: BrokerIdx,
    catalogue: &Catalogue,
    assumptions: &Assumptions,
) -> Result<f64, &'static str> {
    let model = snapshot.broker(broker).machine_model.as_deref().ok_or("no machine model is known of")?;
    let machine = catalogue.get(model).ok_or("the catalogue does not know the machine model of")?;
    let ram = machine.ram_gib.as_ref().ok_or("the catalogue has no memory size for the machine model of")?.value * GIB;
    let heap = machine.heap_gib.as_ref().map_or(assumptions.heap_bytes, |heap| heap.value * GIB);
    let left = ram - heap - assumptions.os_reserve_bytes;
    if left > 0.0 { Ok(left) } else { Err("heap and operating system leave no memory on") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::traffic::classes;
    use crate::model::fixture::Fixture;
    use crate::model::{LogDirState, Policy};

    fn times(model: Option<&str>, produced: f64) -> (Vec<CacheTime>, Vec<NotEvaluated>) {
        let mut snapshot = Fixture::default()
            .broker(1, "", "", BrokerState::Alive)
            .dir(1, "/d", 1_000, LogDirState::Online, 0)
            .partition(("t", 0), 1, (produced, 0.0), &[(1, "/d", 1, true)])
            .build();
        snapshot.brokers[0].machine_model = model.map(str::to_owned);
        let mut missing = Vec::new();
        let traffic = classes::traffic(&snapshot, &Policy::default(), 0.5, false, &mut Vec::new());
        let times = cache_times(&snapshot, &Catalogue::builtin(), &traffic, &Assumptions::default(), &mut missing);
        (times, missing)
    }

    #[test]
    fn sixty_four_gib_at_60_mb_per_second_hold_about_a_thousand_seconds() {
        // m7g.4xlarge has 64 GiB; 6 for the heap and 2 for the system leave 56.
        let (times, missing) = times(Some("m7g.4xlarge"), 60e6);
        assert_eq!(times[0].cache_bytes, 56.0 * GIB);
        assert!((times[0].seconds - 1_002.2).abs() < 0.1, "{}", times[0].seconds);
        assert!(missing.is_empty());
    }

    #[test]
    fn without_a_model_memory_or_writes_there_is_no_figure() {
        let why = |model, produced| times(model, produced).1.remove(0).why;
        assert_eq!(why(None, 60e6), "no machine model is known of broker 1");
        assert_eq!(why(Some("nobody"), 60e6), "the catalogue does not know the machine model of broker 1");
        assert_eq!(why(Some("m7g.large"), 60e6), "heap and operating system leave no memory on broker 1");
        assert_eq!(why(Some("m7g.4xlarge"), 0.0), "nothing is written to broker 1");
    }
}
