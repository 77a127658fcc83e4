//! Federation: how many physical clusters stand behind one logical one, and how it grows.
//!
//! After Tencent PCG's published setup: at most 60 physical clusters of 10 brokers, 240 Gb/s at 40 % CPU, a cluster
//! added in two minutes without moving data.

mod map;

pub use map::{Range, TopicLoss, TopicMap};

use super::NotEvaluated;
use super::catch_up::units;
use crate::ingest::scenario::federation::Federation;

/// One way to grow.
#[derive(Clone, Debug, PartialEq)]
pub struct GrowPath {
    /// `add cluster` or `add brokers`.
    pub path: &'static str,
    /// Minutes until the growth is usable.
    pub minutes: Option<f64>,
    /// What is copied for it.
    pub bytes_moved: Option<f64>,
    /// What producers may write more then, bytes per second.
    pub bytes_per_sec_added: f64,
}

/// The demand at a time to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Year {
    /// Years from now.
    pub year: u32,
    /// What producers write then, bytes per second.
    pub demand_bytes_per_sec: f64,
    /// Physical clusters that takes.
    pub clusters: u64,
}

/// What a federation takes.
#[derive(Clone, Debug, PartialEq)]
pub struct FederationPlan {
    /// Physical clusters needed, loss of the scenario's number of them included.
    pub clusters_needed: u64,
    /// Those for the demand alone.
    pub clusters_for_demand: u64,
    /// Those that remain bearable after the loss, the lost ones included.
    pub clusters_for_loss: u64,
    /// Brokers in all of them.
    pub brokers: u64,
    /// What producers may write to one physical cluster, bytes per second.
    pub cluster_bytes_per_sec: f64,
    /// CPU utilization with all clusters, a fraction.
    pub cpu_utilization: f64,
    /// CPU utilization with the scenario's number of clusters lost; none where none would be left.
    pub cpu_utilization_after_loss: Option<f64>,
    /// The two ways to grow.
    pub grow: Vec<GrowPath>,
    /// The share of keys that keep their partition.
    pub keyed_partitions_kept: Option<f64>,
    /// Where the partitions of the scenario's topics lie.
    pub topics: Vec<TopicMap>,
    /// What producers may write with as many clusters as one logical cluster takes, bytes per second.
    pub bytes_per_sec_max: Option<f64>,
    /// Whether more clusters are needed than one logical cluster takes.
    pub exceeds_clusters_max: bool,
    /// Demand and clusters by year, today first.
    pub years: Vec<Year>,
    /// Days until as many clusters are needed as one logical cluster takes; none where that is never.
    pub days_to_clusters_max: Option<f64>,
    /// What is absent above.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// Years that growth is shown for.
const YEARS: u32 = 5;

/// The share of keys that stay on their partition when a topic's partitions go from `before` to `after` under
/// hash modulo partitions: the residues that agree are min(n, m) of lcm(n, m), so that 8 → 12 keeps a third.
#[must_use]
pub fn keyed_partitions_kept(before: u64, after: u64) -> f64 {
    let gcd = {
        let (mut a, mut b) = (before, after);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    // min ÷ (n·m ÷ gcd) = gcd ÷ max.
    gcd as f64 / before.max(after) as f64
}

/// What `scenario` takes.
#[must_use]
pub fn federation(scenario: &Federation) -> FederationPlan {
    let mut missing = Vec::new();
    let brokers = scenario.cluster.brokers as f64;
    // CPU goes with bytes (Cruise Control's linear model), so that one measurement gives the rate at any utilization.
    let at = |cpu: f64| brokers * scenario.broker.bytes_in_per_sec * cpu / scenario.broker.cpu_utilization;
    let demand = scenario.demand_bytes_per_sec;
    let needed = |demand: f64| {
        let for_demand = units(demand, at(scenario.cpu_limit));
        let for_loss = units(demand, at(scenario.cpu_limit_after_loss)) + scenario.clusters_lost;
        (for_demand, for_loss, for_demand.max(for_loss))
    };
    let (clusters_for_demand, clusters_for_loss, clusters_needed) = needed(demand);
    let cluster_bytes_per_sec = at(scenario.cpu_limit);
    let utilization = |clusters: u64| demand / (clusters as f64 * at(1.0));
    let survivors = clusters_needed.saturating_sub(scenario.clusters_lost);
    let years = scenario.growth_per_year.map_or_else(Vec::new, |growth| {
        let year = |year: u32| {
            let demand_bytes_per_sec = demand * (1.0 + growth).powf(f64::from(year));
            Year { year, demand_bytes_per_sec, clusters: needed(demand_bytes_per_sec).2 }
        };
        (0..=YEARS).map(year).collect()
    });
    if scenario.growth_per_year.is_none() {
        missing.push(NotEvaluated::new("growth", "the scenario has no growth_per_year"));
    }
    let clusters_max = scenario.cluster.clusters_max;
    let bytes_per_sec_max = clusters_max.map(|max| {
        let alone = max as f64 * cluster_bytes_per_sec;
        let survivors = max.saturating_sub(scenario.clusters_lost) as f64;
        alone.min(survivors * at(scenario.cpu_limit_after_loss))
    });
    if clusters_max.is_none() {
        missing.push(NotEvaluated::new("limits.clusters_max", "the scenario's [cluster] has no clusters_max"));
    }
    let days_to_clusters_max = bytes_per_sec_max.zip(scenario.growth_per_year).and_then(|(max, growth)| {
        let years = (max / demand).ln() / (1.0 + growth).ln();
        (growth > 0.0 && years.is_finite()).then(|| years.max(0.0) * 365.0)
    });
    let keyed = scenario.keyed.map(|(before, after)| keyed_partitions_kept(before, after));
    if keyed.is_none() {
        missing.push(NotEvaluated::new("keyed_partitions_kept", "the scenario has no [keyed_topic]"));
    }
    let grow = vec![add_cluster(scenario, cluster_bytes_per_sec, &mut missing), {
        let rate = cluster_bytes_per_sec / brokers * scenario.grow.brokers_added as f64;
        add_brokers(scenario, demand / clusters_needed.max(1) as f64, rate, &mut missing)
    }];
    FederationPlan {
        clusters_needed,
        clusters_for_demand,
        clusters_for_loss,
        brokers: clusters_needed * scenario.cluster.brokers,
        cluster_bytes_per_sec,
        cpu_utilization: utilization(clusters_needed),
        cpu_utilization_after_loss: (survivors > 0).then(|| utilization(survivors)),
        grow,
        keyed_partitions_kept: keyed,
        topics: map::maps(scenario),
        bytes_per_sec_max,
        exceeds_clusters_max: clusters_max.is_some_and(|max| clusters_needed > max),
        years,
        days_to_clusters_max,
        not_evaluated: missing,
    }
}

fn add_cluster(scenario: &Federation, rate: f64, missing: &mut Vec<NotEvaluated>) -> GrowPath {
    let minutes = scenario.grow.add_cluster_minutes;
    if minutes.is_none() {
        missing.push(NotEvaluated::new("grow.add cluster.minutes", "the scenario's [grow] has no add_cluster_minutes"));
    }
    GrowPath { path: "add cluster", minutes, bytes_moved: Some(0.0), bytes_per_sec_added: rate }
}

/// g brokers beside B take an even share, g ÷ (B + g), of what is stored. Each receives its part at what the throttle
/// leaves beside the traffic that it follows meanwhile; each old one sends its part.
fn add_brokers(scenario: &Federation, demand: f64, rate: f64, missing: &mut Vec<NotEvaluated>) -> GrowPath {
    let (old, new) = (scenario.cluster.brokers as f64, scenario.grow.brokers_added as f64);
    let bytes_moved = scenario.cluster.stored_bytes.map(|stored| stored * new / (old + new));
    if bytes_moved.is_none() {
        missing.push(NotEvaluated::new("grow.add brokers.bytes_moved", "the scenario's [cluster] has no stored_bytes"));
    }
    let minutes = bytes_moved.zip(scenario.grow.throttle_bytes_per_sec).and_then(|(moved, throttle)| {
        let live = demand * scenario.cluster.replication_factor as f64 / (old + new);
        let left = throttle - live;
        if left <= 0.0 {
            let why = format!(
                "a broker follows {live:.0} B/s, which the throttle of {throttle:.0} B/s must exceed for copies to end"
            );
            missing.push(NotEvaluated::new("grow.add brokers.minutes", why));
            return None;
        }
        let seconds = (moved / new / left).max(moved / old / throttle);
        Some(scenario.grow.add_brokers_minutes + seconds / 60.0)
    });
    if scenario.grow.throttle_bytes_per_sec.is_none() {
        let why = "the scenario's [grow] has no throttle_bytes_per_sec";
        missing.push(NotEvaluated::new("grow.add brokers.minutes", why));
    }
    GrowPath { path: "add brokers", minutes, bytes_moved, bytes_per_sec_added: rate }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::ingest::scenario::federation::parse;
    use std::path::Path;

    const PUBLISHED: &str = "demand_bytes_per_sec = 30e9\n[cluster]\nbrokers = 10\nclusters_max = 60\n\
                             stored_bytes = 110e12\nreplication_factor = 2\n\
                             [broker]\nbytes_in_per_sec = 50e6\ncpu_utilization = 0.40\n\
                             [limits]\ncpu = 0.40\ncpu_after_loss = 0.60\n\
                             [grow]\nadd_cluster_minutes = 2\nbrokers_added = 1\nthrottle_bytes_per_sec = 200e6\n\
                             [keyed_topic]\npartitions_before = 8\npartitions_after = 12\n";

    fn plan(text: &str) -> FederationPlan {
        federation(&parse(Path::new("f.toml"), text).unwrap())
    }

    #[test]
    fn the_published_federation_is_sixty_clusters_of_ten() {
        // 240 Gb/s = 30 GB/s at 40 % CPU.
        let found = plan(PUBLISHED);
        assert_eq!((found.clusters_needed, found.brokers, found.exceeds_clusters_max), (60, 600, false));
        assert!((found.cpu_utilization - 0.40).abs() < 1e-12);
        assert!((found.cpu_utilization_after_loss.unwrap() - 0.40 * 60.0 / 59.0).abs() < 1e-12);
        assert_eq!((found.grow[0].minutes, found.grow[0].bytes_moved), (Some(2.0), Some(0.0)));
        assert!((found.bytes_per_sec_max.unwrap() - 30e9).abs() < 1.0);
    }

    #[test]
    fn added_brokers_wait_for_their_share_of_the_data() {
        let found = plan(PUBLISHED);
        // A broker among eleven takes 10 TB; it follows 500 MB/s · 2 ÷ 11 meanwhile.
        let grow = &found.grow[1];
        assert!((grow.bytes_moved.unwrap() - 10e12).abs() < 1.0);
        let minutes = 10e12 / (200e6 - 1e9 / 11.0) / 60.0;
        assert!((grow.minutes.unwrap() - minutes).abs() < 1e-6, "{grow:?}");
        let stuck = plan(&PUBLISHED.replace("200e6", "50e6"));
        assert_eq!(stuck.grow[1].minutes, None);
        assert!(stuck.not_evaluated.iter().any(|entry| entry.what == "grow.add brokers.minutes"));
    }

    #[test]
    fn eight_to_twelve_partitions_keep_a_third_of_the_keys() {
        assert_eq!(keyed_partitions_kept(8, 12), 1.0 / 3.0);
        // Counted out over a full period of residues.
        for (n, m) in [(8_u64, 12_u64), (12, 8), (3, 5), (6, 6), (1, 9), (10, 20)] {
            let same = (0..n * m).filter(|hash| hash % n == hash % m).count();
            assert_eq!(keyed_partitions_kept(n, m), same as f64 / (n * m) as f64, "{n} → {m}");
        }
    }

    #[test]
    fn the_loss_decides_where_it_asks_for_more() {
        // At 60 % bearable and 60 % planned, one cluster more than the demand takes.
        let text = PUBLISHED.replace("cpu = 0.40", "cpu = 0.60").replace("clusters_max = 60", "clusters_max = 40");
        let found = plan(&text);
        assert_eq!((found.clusters_for_demand, found.clusters_for_loss, found.clusters_needed), (40, 41, 41));
        assert!(found.exceeds_clusters_max);
    }

    #[test]
    fn growth_doubles_and_reaches_the_most_that_is_possible() {
        let text =
            PUBLISHED.replace("demand_bytes_per_sec = 30e9", "growth_per_year = 1.0\ndemand_bytes_per_sec = 15e9");
        let found = plan(&text);
        assert_eq!(found.years.iter().map(|year| year.clusters).collect::<Vec<_>>(), [30, 60, 120, 240, 480, 960]);
        assert!((found.days_to_clusters_max.unwrap() - 365.0).abs() < 1e-9);
    }
}
