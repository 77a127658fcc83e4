//! Which brokers each class gets, so that few bytes have to move, and the snapshot with classes as resource groups.

use super::Isolation;
use crate::model::{BrokerIdx, BrokerState, GroupIdx, PartitionIdx, Snapshot};

/// Brokers by class.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// How many active brokers each class gets, by class.
    pub quotas: Vec<u64>,
    /// Whether every class can lose a broker.
    pub survives_loss: bool,
    /// The class of each broker; none for those that are leaving.
    pub class_of_broker: Vec<Option<usize>>,
    /// Bytes of replicas that sit on a broker of their class already.
    pub resident_bytes: u64,
    /// Bytes of all replicas on active brokers.
    pub total_bytes: u64,
}

/// Passes over all pairs of brokers at most; each exchange brings more bytes home, so that few are needed.
const EXCHANGE_PASSES: usize = 20;

/// Gives each class the brokers that hold most of it already: each rack gives each class its share, by pairs of broker
/// and class, most resident bytes first; then exchanges within racks while they keep more bytes in place.
/// None where there are fewer active brokers than the classes need.
#[must_use]
pub fn assign(snapshot: &Snapshot, isolation: &Isolation) -> Option<Assignment> {
    let active: Vec<BrokerIdx> = snapshot.broker_indices().filter(|&b| snapshot.broker(b).state.is_active()).collect();
    let (quotas, survives_loss) = quotas(isolation, active.len() as u64)?;
    let resident = resident_bytes(snapshot, isolation);
    let mut class_of_broker = vec![None; snapshot.brokers.len()];
    deal(snapshot, &active, &quotas, &resident, &mut class_of_broker);
    exchange(snapshot, &active, &resident, &mut class_of_broker);
    let bytes = |broker: &BrokerIdx, class: usize| resident[broker.row()][class];
    let resident_bytes =
        active.iter().filter_map(|b| class_of_broker[b.row()].map(|class| bytes(b, class))).sum::<u64>();
    let total_bytes = active.iter().map(|b| resident[b.row()].iter().sum::<u64>()).sum();
    // A broker that is down comes back with what it holds: most of it is to belong there.
    for broker in snapshot.broker_indices().filter(|&b| snapshot.broker(b).state == BrokerState::Down) {
        let most = (0..quotas.len()).reduce(|a, b| if bytes(&broker, b) > bytes(&broker, a) { b } else { a });
        class_of_broker[broker.row()] = most;
    }
    Some(Assignment { quotas, survives_loss, class_of_broker, resident_bytes, total_bytes })
}

/// Each class's needs, with one broker to lose where there are enough; spare brokers go to the class with the most load
/// on its own.
fn quotas(isolation: &Isolation, active: u64) -> Option<(Vec<u64>, bool)> {
    let with_loss: Vec<u64> = isolation.classes.iter().map(|class| class.brokers_n_minus_1).collect();
    let without: Vec<u64> = isolation.classes.iter().map(|class| class.brokers).collect();
    let fits = |quotas: &Vec<u64>| quotas.iter().sum::<u64>() <= active;
    let survives_loss = fits(&with_loss);
    let mut quotas = Some(if survives_loss { with_loss } else { without }).filter(fits)?;
    for _ in quotas.iter().sum::<u64>()..active {
        let pressure = |row: usize| {
            let needs = isolation.classes[row].needs.iter().filter_map(|need| need.brokers);
            needs.max().unwrap_or(0).max(1) as f64 / quotas[row].max(1) as f64
        };
        let neediest = (0..quotas.len()).reduce(|a, b| if pressure(b) > pressure(a) { b } else { a })?;
        quotas[neediest] += 1;
    }
    Some((quotas, survives_loss))
}

/// Bytes by broker and class.
fn resident_bytes(snapshot: &Snapshot, isolation: &Isolation) -> Vec<Vec<u64>> {
    let mut resident = vec![vec![0_u64; isolation.classes.len()]; snapshot.brokers.len()];
    for (topic, &class) in snapshot.topics.iter().zip(&isolation.class_of_topic) {
        for partition in topic.partition_rows().map(PartitionIdx::new) {
            for replica in snapshot.replicas_of(partition) {
                resident[replica.broker.row()][class] += replica.size_bytes;
            }
        }
    }
    resident
}

/// The racks of `active` as numbers; brokers that name none share one.
fn rack_of(snapshot: &Snapshot, broker: BrokerIdx) -> usize {
    snapshot.broker(broker).rack.map_or(0, |rack| rack.row() + 1)
}

/// How many brokers of each rack each class gets, by class and rack: in turn each class takes one from the rack of which
/// it has the fewest, so that its replicas can spread over racks as evenly as they did.
pub(super) fn shares(quotas: &[u64], sizes: &[u64]) -> Vec<Vec<u64>> {
    let mut left = sizes.to_vec();
    let mut taken = vec![vec![0_u64; sizes.len()]; quotas.len()];
    for round in 0..quotas.iter().copied().max().unwrap_or(0) {
        for (_, taken) in quotas.iter().zip(&mut taken).filter(|(quota, _)| **quota > round) {
            let open = (0..sizes.len()).filter(|&rack| left[rack] > 0);
            let Some(rack) = open.min_by_key(|&rack| (taken[rack], std::cmp::Reverse(left[rack]))) else { continue };
            taken[rack] += 1;
            left[rack] -= 1;
        }
    }
    taken
}

fn deal(
    snapshot: &Snapshot,
    active: &[BrokerIdx],
    quotas: &[u64],
    resident: &[Vec<u64>],
    class_of_broker: &mut [Option<usize>],
) {
    let mut sizes = vec![0_u64; snapshot.racks.len() + 1];
    active.iter().for_each(|&b| sizes[rack_of(snapshot, b)] += 1);
    let mut left = shares(quotas, &sizes);
    let mut pairs: Vec<(u64, BrokerIdx, usize)> = Vec::new();
    for &broker in active {
        pairs.extend((0..quotas.len()).map(|class| (resident[broker.row()][class], broker, class)));
    }
    pairs.sort_by_key(|&(bytes, broker, class)| (std::cmp::Reverse(bytes), broker.row(), class));
    for (_, broker, class) in pairs {
        let left = &mut left[class][rack_of(snapshot, broker)];
        if class_of_broker[broker.row()].is_none() && *left > 0 {
            class_of_broker[broker.row()] = Some(class);
            *left -= 1;
        }
    }
}

fn exchange(snapshot: &Snapshot, active: &[BrokerIdx], resident: &[Vec<u64>], class_of_broker: &mut [Option<usize>]) {
    for _ in 0..EXCHANGE_PASSES {
        let mut is_better = false;
        for (offset, &a) in active.iter().enumerate() {
            for &b in active.iter().skip(offset + 1).filter(|&&b| rack_of(snapshot, a) == rack_of(snapshot, b)) {
                let (Some(of_a), Some(of_b)) = (class_of_broker[a.row()], class_of_broker[b.row()]) else { continue };
                let kept = resident[a.row()][of_a] + resident[b.row()][of_b];
                if resident[a.row()][of_b] + resident[b.row()][of_a] > kept {
                    class_of_broker.swap(a.row(), b.row());
                    is_better = true;
                }
            }
        }
        if !is_better {
            return;
        }
    }
}

/// `snapshot` with the classes called `names` as resource groups of topics and brokers, in place of those it had.
#[must_use]
pub fn regroup(snapshot: &Snapshot, names: &[String], class_of_topic: &[usize], assignment: &Assignment) -> Snapshot {
    let mut groups = names.to_vec();
    groups.sort_unstable();
    let group_of = |class: usize| {
        let row = names.get(class).and_then(|name| groups.binary_search(name).ok());
        row.map(GroupIdx::new)
    };
    let mut regrouped = snapshot.clone();
    for (topic, &class) in regrouped.topics.iter_mut().zip(class_of_topic) {
        topic.group = group_of(class);
    }
    for (broker, &class) in regrouped.brokers.iter_mut().zip(&assignment.class_of_broker) {
        broker.group = class.and_then(group_of);
    }
    regrouped.groups = groups;
    regrouped.cluster.sha256.clear();
    regrouped
}
