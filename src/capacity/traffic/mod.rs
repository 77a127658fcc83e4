//! The load model: where the bytes of a snapshot flow, by class. Input: a snapshot, the machine catalogue, assumptions.
//! Output: a [`LoadModel`]. Pure.
//!
//! Classes are Kafka's own: produce, replication, consume, reassignment (KIP-352 counts the traffic of replicas that are
//! being added apart from other replication). Their sums are the judge's network loads (contract §2). What the snapshot
//! lacks the input for is absent and listed in [`LoadModel::not_evaluated`].

pub mod cache;
pub mod classes;
pub mod cost;
pub mod limits;
pub mod racks;
pub mod retention;

use super::NotEvaluated;
use super::headroom::has_traffic;
use crate::ingest::catalogue::Catalogue;
use crate::model::{Policy, Snapshot};

pub use cache::CacheTime;
pub use classes::{Classes, Traffic};
pub use cost::{Cost, MachineCost};
pub use limits::{LimitRow, Limits};
pub use racks::{Matrix, RackTraffic};
pub use retention::{Retention, TopicRetention};

/// What the snapshot does not say and the load model takes as given. Every one is printed with the figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assumptions {
    /// Kafka's heap where the catalogue has none. Default 6 GiB: what Apache Kafka's documentation shows for production
    /// (`-Xmx6g -Xms6g`, docs/ops, "Java version").
    pub heap_bytes: f64,
    /// What the operating system keeps of the memory. Default 2 GiB.
    pub os_reserve_bytes: f64,
    /// Seconds of writes that memory should hold. Default 30: Apache Kafka's documentation (docs/ops, "Hardware and OS").
    pub cache_seconds_min: f64,
    /// `min.cleanable.dirty.ratio`: from which share of dirty bytes on the cleaner runs. Default 0.5, Kafka's default.
    pub dirty_ratio: f64,
    /// Price of a gigabyte (10^9 bytes) between racks in each direction, US dollars. Default 0.01: what AWS takes between
    /// availability zones.
    pub cross_rack_usd_per_gb: f64,
}

/// Bytes in a GiB.
const GIB: f64 = (1_u64 << 30) as f64;

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            heap_bytes: 6.0 * GIB,
            os_reserve_bytes: 2.0 * GIB,
            cache_seconds_min: 30.0,
            dirty_ratio: 0.5,
            cross_rack_usd_per_gb: 0.01,
        }
    }
}

/// All that the load model says of a snapshot as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadModel {
    /// What was taken as given.
    pub assumptions: Assumptions,
    /// Whether any partition has a traffic figure; without, `traffic` is all zeros and no finding.
    pub has_traffic: bool,
    /// Bytes per second by class: brokers, groups, cluster, log dirs.
    pub traffic: Traffic,
    /// Bytes per second between racks; none where a broker names no rack, or no traffic is known.
    pub racks: Option<RackTraffic>,
    /// Seconds of writes that brokers' memory holds, by broker that has the figures.
    pub cache: Vec<CacheTime>,
    /// Disk use once every topic has reached its retention.
    pub retention: Retention,
    /// Replicas and partitions against their limits.
    pub limits: Limits,
    /// Monthly cost of machines and of traffic between racks.
    pub cost: Cost,
    /// What is absent above, and why.
    pub not_evaluated: Vec<NotEvaluated>,
}

impl LoadModel {
    /// The load model of `snapshot` as it stands.
    #[must_use]
    pub fn of(snapshot: &Snapshot, policy: &Policy, catalogue: &Catalogue, assumptions: Assumptions) -> Self {
        let mut missing = Vec::new();
        let has_traffic = has_traffic(snapshot);
        let racks = if has_traffic { racks::rack_traffic(snapshot, &mut missing) } else { None };
        if !has_traffic {
            let why = "no partition has bytes_in_per_sec or bytes_out_per_sec; add them from your metrics";
            missing.extend(["traffic", "cross_rack"].map(|what| NotEvaluated::new(what, why)));
        } else if snapshot.partitions.iter().all(|p| p.bytes_out_per_sec <= 0.0) {
            let why = "no partition has bytes_out_per_sec: it counts as 0, and what goes out is a lower bound";
            missing.push(NotEvaluated::new("traffic.consume_bytes_per_sec", why));
        }
        let traffic = classes::traffic(snapshot, policy, assumptions.dirty_ratio, racks.is_some(), &mut missing);
        let cache = cache::cache_times(snapshot, catalogue, &traffic, &assumptions, &mut missing);
        let retention = retention::retention(snapshot, &mut missing);
        let limits = limits::limits(snapshot, policy, &mut missing);
        let cost = cost::cost(snapshot, catalogue, racks.as_ref(), assumptions.cross_rack_usd_per_gb, &mut missing);
        Self { assumptions, has_traffic, traffic, racks, cache, retention, limits, cost, not_evaluated: missing }
    }
}
