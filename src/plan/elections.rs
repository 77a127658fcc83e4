//! Who leads once the plan is carried out, and which preferred-leader elections bring that about (contract §5).

use crate::model::{BrokerIdx, PartitionIdx, Placement, Seat, Snapshot};

/// The leader after a change to `seats`: position 0 if elected; else the old one if it still is a replica; else the
/// first replica on an active broker, as the controller picks one in the list's order.
#[must_use]
pub fn leader_after(
    snapshot: &Snapshot,
    old: Option<BrokerIdx>,
    seats: &[Seat],
    is_elected: bool,
) -> Option<BrokerIdx> {
    let first = seats.first().map(|s| s.broker);
    if is_elected && first.is_some() {
        return first;
    }
    let stays = old.filter(|leader| seats.iter().any(|s| s.broker == *leader));
    stays.or_else(|| seats.iter().map(|s| s.broker).find(|&b| snapshot.broker(b).state.is_active()))
}

/// The partitions to elect, ascending: those that `wanted` leads by another broker than the snapshot does, that broker
/// being at position 0. Nothing else can be brought about by a preferred-leader election.
#[must_use]
pub fn elected(snapshot: &Snapshot, wanted: &Placement) -> Vec<PartitionIdx> {
    let differs = |p: &PartitionIdx| {
        let leader = wanted.leader(*p);
        leader != snapshot.partition(*p).leader
            && leader.is_some()
            && leader == wanted.seats(*p).first().map(|s| s.broker)
    };
    snapshot.partition_indices().filter(differs).collect()
}

/// `wanted` with the leaders that Kafka will have once the entries are carried out and `elected` are elected.
#[must_use]
pub fn with_leaders(snapshot: &Snapshot, mut wanted: Placement, elected: &[PartitionIdx]) -> Placement {
    let mut elected = elected.iter().copied().peekable();
    for p in snapshot.partition_indices() {
        let is_elected = elected.next_if_eq(&p).is_some();
        let old = snapshot.partition(p).leader;
        // A partition without a leader gets no entry and cannot be elected: it stays without.
        let leader = old.and_then(|_| leader_after(snapshot, old, wanted.seats(p), is_elected));
        wanted.set_leader(p, leader);
    }
    wanted
}
