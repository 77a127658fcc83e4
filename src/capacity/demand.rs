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
            Goal::Leaders | Goal::TopicSpread | Goal::LogDir => None,
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
