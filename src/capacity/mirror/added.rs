//! A site's cluster with the load of mirroring on top of what its snapshot has.
//!
//! What arrives is written as contract §2 has it, `replication_factor` times; what is sent is read by one more consumer.
//! Both spread over the active brokers in proportion to their capacity, as a balanced placement has them, so that every
//! broker's utilization rises by what is added ÷ Σ capacity.

use super::SiteLoad;
use crate::capacity::{NotEvaluated, headroom};
use crate::model::load::{capacity, cores_per_work};
use crate::model::{BrokerIdx, Goal, Partition, Placement, Policy, Snapshot, Traffic, band};
use crate::verify::Usage;

/// One resource of a site's cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct AddedUse {
    /// One of [`Goal::UTILIZATIONS`].
    pub goal: Goal,
    /// The busiest broker.
    pub busiest: BrokerIdx,
    /// What it uses now, a fraction.
    pub before: f64,
    /// What it uses with mirroring.
    pub after: f64,
    /// The policy's limit.
    pub limit: f64,
}

impl AddedUse {
    /// Whether mirroring makes the busiest broker pass the limit, or finds it beyond.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        band::exceeds(self.after, self.limit)
    }
}

/// The cluster of a site under its mirroring `load`, `replication_factor` copies of what arrives; what is absent goes to
/// `missing`, with the site's `name`.
#[must_use]
pub fn added(
    snapshot: &Snapshot,
    policy: &Policy,
    (name, load, replication_factor): (&str, &SiteLoad, u32),
    missing: &mut Vec<NotEvaluated>,
) -> Vec<AddedUse> {
    let active: Vec<BrokerIdx> = snapshot.broker_indices().filter(|&b| snapshot.broker(b).state.is_active()).collect();
    let usage = Usage::of(snapshot, &Placement::of(snapshot));
    let mut found = Vec::new();
    for goal in Goal::UTILIZATIONS {
        let mut absent = |why: &str| {
            missing.push(NotEvaluated::new(format!("per_site.{name}.cluster.{}", goal.name()), why));
        };
        let amount = match goal {
            Goal::Disk => load.disk_bytes,
            Goal::NetworkIn => Some(load.network_in_bytes_per_sec),
            Goal::NetworkOut => Some(load.network_out_bytes_per_sec),
            _ => cores(snapshot, load, replication_factor),
        };
        let Some(limit) = headroom::limit(policy, goal) else { continue };
        let Some(amount) = amount else {
            absent(if goal == Goal::Disk {
                "how long mirrored topics are kept is not known"
            } else {
                "no broker has both cpu_cores and cpu_utilization"
            });
            continue;
        };
        let capacities: Option<Vec<f64>> = active.iter().map(|&b| capacity(snapshot, b, goal)).collect();
        let Some(total) = capacities.map(|all| all.iter().sum::<f64>()).filter(|total| *total > 0.0) else {
            absent("an active broker of the snapshot has no capacity for it");
            continue;
        };
        let uses = active.iter().filter_map(|&b| Some((b, usage.utilization(snapshot, b, goal)?)));
        if let Some((busiest, before)) = uses.reduce(|a, b| if b.1 > a.1 { b } else { a }) {
            found.push(AddedUse { goal, busiest, before, after: before + amount / total, limit });
        }
    }
    found
}

/// Cores that mirroring takes, by contract §2's weights; none where the snapshot does not tell cores per unit of work.
fn cores(snapshot: &Snapshot, load: &SiteLoad, replication_factor: u32) -> Option<f64> {
    let any = snapshot.partitions.first()?;
    let work = |bytes_in_per_sec: f64, bytes_out_per_sec: f64, factor: u32| {
        let traffic = Traffic::of(&Partition { bytes_in_per_sec, bytes_out_per_sec, ..any.clone() }, factor as usize);
        traffic.leader_work + traffic.follower_work * f64::from(factor.saturating_sub(1))
    };
    let arriving = work(load.bytes_in_per_sec, 0.0, replication_factor);
    Some((arriving + work(0.0, load.bytes_out_per_sec, 1)) * cores_per_work(snapshot)?)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerState, LogDirState};

    /// Two brokers; the first uses 40 % of its disk, leads 10 MB/s and has 100 MB/s of network.
    fn cluster() -> Snapshot {
        let mut fixture = Fixture::default();
        for id in 1..=2 {
            fixture = fixture.broker(id, "", "", BrokerState::Alive).dir(id, "/d", 1_000_000, LogDirState::Online, 0);
        }
        let mut snapshot = fixture.partition(("t", 0), 1, (10e6, 0.0), &[(1, "/d", 400_000, true)]).build();
        for broker in &mut snapshot.brokers {
            broker.network_in_capacity_bytes_per_sec = Some(100e6);
            broker.network_out_capacity_bytes_per_sec = Some(100e6);
            broker.cpu_cores = Some(10.0);
            broker.cpu_utilization = Some(0.35);
        }
        snapshot
    }

    #[test]
    fn what_mirroring_adds_comes_on_top_of_the_snapshots_figures() {
        let load = SiteLoad {
            bytes_in_per_sec: 20e6,
            bytes_out_per_sec: 10e6,
            disk_bytes: Some(1_000_000.0),
            network_in_bytes_per_sec: 40e6,
            network_out_bytes_per_sec: 30e6,
            ..SiteLoad::default()
        };
        let mut missing = Vec::new();
        let found = added(&cluster(), &Policy::default(), ("a", &load, 2), &mut missing);
        assert!(missing.is_empty(), "{missing:?}");
        let of = |goal: Goal| found.iter().find(|used| used.goal == goal).unwrap();
        let near = |used: &AddedUse, before: f64, after: f64| {
            assert!((used.before - before).abs() < 1e-12 && (used.after - after).abs() < 1e-12, "{used:?}");
        };
        near(of(Goal::Disk), 0.4, 0.9);
        near(of(Goal::NetworkIn), 0.1, 0.3);
        near(of(Goal::NetworkOut), 0.0, 0.15);
        // 7 cores do 0.7 · 10 MB/s: one per MB/s of work. Arriving: 0.7 · 20 + 0.15 · 20 on leaders, 0.15 · 20 on
        // followers; sent: 0.15 · 10. 21.5 cores on 20.
        near(of(Goal::Cpu), 0.7, 0.7 + 21.5 / 20.0);
        assert!(of(Goal::Disk).is_passed() && !of(Goal::NetworkIn).is_passed());
    }

    #[test]
    fn what_the_snapshot_does_not_know_is_absent() {
        let mut snapshot = cluster();
        snapshot.brokers[0].network_in_capacity_bytes_per_sec = None;
        snapshot.brokers.iter_mut().for_each(|broker| broker.cpu_utilization = None);
        let mut missing = Vec::new();
        let found = added(&snapshot, &Policy::default(), ("a", &SiteLoad::default(), 3), &mut missing);
        let what: Vec<&str> = missing.iter().map(|entry| entry.what.as_str()).collect();
        assert_eq!(what, ["per_site.a.cluster.disk", "per_site.a.cluster.network_in", "per_site.a.cluster.cpu"]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].before.to_bits(), found[0].after.to_bits()), (0.0_f64.to_bits(), 0.0_f64.to_bits()));
    }
}
