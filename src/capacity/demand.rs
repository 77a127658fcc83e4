//! What a resource group must carry wherever its replicas sit, and what that means for the number of its brokers: the
//! bounds from which searches start.

use crate::model::load::{capacity, cores_per_work, has_serving_log_dir, unjudged};
use crate::model::{BrokerIdx, Goal, Groups, Home, Snapshot, Traffic};

/// What every placement puts on the active brokers of one group at least: Σ load of the partitions at home there, other
/// use of disks aside. Leaders may be any replica, and a copy is no smaller than what it replaces, so that no plan
/// brings it down.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// Bytes of replicas.
    disk_bytes: f64,
    network_in: f64,
    network_out: f64,
    /// None where cpu cannot be computed.
    cores: Option<f64>,
    replicas: f64,
    /// The highest replication factor.
    pub max_replication: usize,
}

impl Demand {
    /// The demand of `group`, an offset into the groups' names. Partitions that get no entry are left out: where they
    /// are is not ours to say.
    #[must_use]
    pub fn of(snapshot: &Snapshot, groups: &Groups, group: usize) -> Self {
        let (mut disk_bytes, mut network_in, mut network_out, mut work) = (0.0, 0.0, 0.0, 0.0);
        let (mut replicas, mut max_replication) = (0_usize, 0);
        for p in snapshot.partition_indices() {
            let partition = snapshot.partition(p);
            if groups.home(partition.topic) != Home::Group(group) {
                continue;
            }
            let rows = snapshot.replicas_of(p);
            max_replication = max_replication.max(rows.len());
            if unjudged(snapshot, p).is_some() {
                continue;
            }
            let traffic = Traffic::of(partition, rows.len());
            disk_bytes += rows.iter().map(|r| r.size_bytes as f64).sum::<f64>();
            network_in += traffic.network_in * rows.len() as f64;
            network_out += traffic.leader_network_out;
            work += traffic.leader_work + traffic.follower_work * rows.len().saturating_sub(1) as f64;
            replicas += rows.len();
        }
        let cores = cores_per_work(snapshot).map(|cores| cores * work);
        Self { disk_bytes, network_in, network_out, cores, replicas: replicas as f64, max_replication }
    }

    /// The demand towards `goal` on `brokers`, what else is on their disks included; none where it cannot be computed
    /// and for goals that are neither a utilization nor `replicas`.
    #[must_use]
    pub fn towards(&self, snapshot: &Snapshot, brokers: &[BrokerIdx], goal: Goal) -> Option<f64> {
        match goal {
            Goal::Disk => {
                let dirs = brokers.iter().flat_map(|&b| &snapshot.log_dirs[snapshot.broker(b).log_dir_rows()]);
                let serving = dirs.filter(|dir| dir.state.is_serving());
                Some(self.disk_bytes + serving.map(|dir| dir.other_used_bytes as f64).sum::<f64>())
            }
            Goal::NetworkIn => Some(self.network_in),
            Goal::NetworkOut => Some(self.network_out),
            Goal::Cpu => self.cores,
            Goal::Replicas => Some(self.replicas),
            _ => None,
        }
    }
}

/// The capacities of `brokers` towards `goal`; none where one is unknown.
#[must_use]
pub fn capacities(snapshot: &Snapshot, brokers: &[BrokerIdx], goal: Goal) -> Option<Vec<f64>> {
    brokers.iter().map(|&b| if goal == Goal::Replicas { Some(1.0) } else { capacity(snapshot, b, goal) }).collect()
}

/// The brokers of `group` that can carry replicas: active, with a serving log dir.
#[must_use]
pub fn carriers(snapshot: &Snapshot, groups: &Groups, group: usize) -> Vec<BrokerIdx> {
    let mut brokers = groups.eligible(snapshot, Home::Group(group));
    brokers.retain(|&b| has_serving_log_dir(snapshot, b));
    brokers
}

/// What the survivors of `brokers` carry on the mean once the largest of them is lost, as a share of their capacity:
/// demand ÷ (Σ capacity − largest). No placement has its busiest survivor below that. None where a figure is missing or
/// nobody survives.
#[must_use]
pub fn at_best_after_loss(snapshot: &Snapshot, demand: &Demand, brokers: &[BrokerIdx], goal: Goal) -> Option<f64> {
    let capacities = capacities(snapshot, brokers, goal)?;
    let largest = capacities.iter().copied().fold(0.0, f64::max);
    let surviving = capacities.iter().sum::<f64>() - largest;
    (brokers.len() > 1 && surviving > 0.0).then_some(demand.towards(snapshot, brokers, goal)? / surviving)
}

/// The share of their own capacity that `brokers` may use so that after the loss of any one of them the others stay
/// within `limit`: limit · (Σ capacity − largest) ÷ Σ capacity. With every utilization u at most that, the loss of
/// capacity c brings the rest to at most u + u·c ÷ (Σ − c) = u·Σ ÷ (Σ − c) ≤ limit. None as above.
#[must_use]
pub fn limit_before_loss(snapshot: &Snapshot, brokers: &[BrokerIdx], goal: Goal, limit: f64) -> Option<f64> {
    let capacities = capacities(snapshot, brokers, goal)?;
    let total: f64 = capacities.iter().sum();
    let largest = capacities.iter().copied().fold(0.0, f64::max);
    (brokers.len() > 1 && total > 0.0).then_some(limit * (total - largest) / total)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerState, LogDirState, Policy};

    /// Two brokers of 100 and 300 bytes, 5 of them other use, and one that drains; a partition on 1 and 3.
    fn cluster() -> Snapshot {
        let online = LogDirState::Online;
        let mut snapshot = Fixture::default()
            .broker(1, "", "", BrokerState::Alive)
            .broker(2, "", "", BrokerState::Alive)
            .broker(3, "", "", BrokerState::Draining)
            .dir(1, "/d", 100, online, 2)
            .dir(2, "/d", 300, online, 3)
            .dir(3, "/d", 300, online, 90)
            .partition(("t", 0), 1, (10.0, 4.0), &[(1, "/d", 30, true), (3, "/d", 20, true)])
            .build();
        snapshot.brokers[0].cpu_cores = Some(8.0);
        snapshot.brokers[0].cpu_utilization = Some(0.5);
        snapshot
    }

    #[test]
    fn demand_is_what_partitions_bring_wherever_they_sit() {
        let snapshot = cluster();
        let groups = Groups::new(&snapshot, &Policy::default());
        let demand = Demand::of(&snapshot, &groups, 0);
        let brokers = carriers(&snapshot, &groups, 0);
        let towards = |goal| demand.towards(&snapshot, &brokers, goal);
        assert_eq!(brokers.len(), 2);
        assert_eq!(demand.max_replication, 2);
        assert_eq!(towards(Goal::Disk), Some(55.0), "two replicas, and other use of those that stay");
        assert_eq!(towards(Goal::NetworkIn), Some(20.0), "p on each replica");
        assert_eq!(towards(Goal::NetworkOut), Some(14.0), "c + p·(f−1)");
        // Four cores for the leader's 0.7·10 + 0.15·14 = 9.1 units of work; a follower does 1.5 more.
        let cores = towards(Goal::Cpu).unwrap();
        assert!((cores - 4.0 / 9.1 * 10.6).abs() < 1e-12, "{cores}");
        assert_eq!(towards(Goal::Replicas), Some(2.0));
        assert_eq!(towards(Goal::LogDir), None);
    }

    #[test]
    fn a_loss_takes_the_largest_capacity_away() {
        let snapshot = cluster();
        let groups = Groups::new(&snapshot, &Policy::default());
        let (demand, brokers) = (Demand::of(&snapshot, &groups, 0), carriers(&snapshot, &groups, 0));
        assert_eq!(at_best_after_loss(&snapshot, &demand, &brokers, Goal::Disk), Some(0.55), "55 of the 100 left");
        let limit = limit_before_loss(&snapshot, &brokers, Goal::Disk, 0.8).unwrap();
        assert!((limit - 0.2).abs() < 1e-12, "0.8 · 100 ÷ 400");
        // At that limit everywhere, the loss of broker 2 brings broker 1 from 0.2 to 0.2 + 60/100.
        assert!((limit + limit * 300.0 / 100.0 - 0.8).abs() < 1e-12);
        assert_eq!(at_best_after_loss(&snapshot, &demand, &brokers, Goal::NetworkIn), None, "no capacity is known");
        assert_eq!(at_best_after_loss(&snapshot, &demand, &brokers[..1], Goal::Disk), None, "nobody survives");
    }

    proptest! {
        #[test]
        fn one_broker_more_never_leaves_the_survivors_worse_at_best(
            brokers in prop::collection::vec((50_u64..500, 0_u64..400), 2..7),
            more in 1_u64..900,
        ) {
            let at_best = |capacities: &[(u64, u64)]| {
                let mut fixture = Fixture::default();
                for (row, &(capacity, bytes)) in capacities.iter().enumerate() {
                    let id = row as i32 + 1;
                    let fixed = fixture.broker(id, "", "", BrokerState::Alive);
                    fixture = fixed.dir(id, "/d", capacity, LogDirState::Online, 0).partition(
                        ("t", row as u32), id, (0.0, 0.0), &[(id, "/d", bytes, true)],
                    );
                }
                let snapshot = fixture.build();
                let groups = Groups::new(&snapshot, &Policy::default());
                let (demand, brokers) = (Demand::of(&snapshot, &groups, 0), carriers(&snapshot, &groups, 0));
                at_best_after_loss(&snapshot, &demand, &brokers, Goal::Disk).unwrap()
            };
            let before = at_best(&brokers);
            let after = at_best(&[brokers, vec![(more, 0)]].concat());
            prop_assert!(after <= before + 1e-12, "{before} became {after}");
        }
    }
}
