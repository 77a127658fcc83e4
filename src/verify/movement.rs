//! What carrying a placement out copies and changes (contract §5).

use crate::model::{Movement, PartitionIdx, Placement, Seat, Snapshot};

/// Movement from the snapshot to `after`, carried out with its elections.
#[must_use]
pub fn movement(snapshot: &Snapshot, after: &Placement) -> Movement {
    let mut total = Movement::default();
    for p in snapshot.partition_indices() {
        let part = partition_movement(snapshot, p, after.seats(p));
        total.inter_broker_bytes += part.inter_broker_bytes;
        total.intra_broker_bytes += part.intra_broker_bytes;
        total.replica_moves += part.replica_moves;
        total.log_dir_moves += part.log_dir_moves;
        total.partitions_changed += part.partitions_changed;
        total.leader_changes += u64::from(after.leader(p) != snapshot.partition(p).leader);
    }
    total
}

/// Movement of one partition to `seats`, its leader aside.
#[must_use]
pub fn partition_movement(snapshot: &Snapshot, partition: PartitionIdx, seats: &[Seat]) -> Movement {
    let mut total = Movement::default();
    let replicas = snapshot.replicas_of(partition);
    for seat in seats {
        let Some(resident) = replicas.iter().find(|r| r.broker == seat.broker) else {
            total.replica_moves += 1;
            total.inter_broker_bytes += snapshot.copy_size_bytes(partition);
            continue;
        };
        // A seat without a dir stays wherever the replica is: nothing was asked of the broker.
        if seat.log_dir.is_some() && resident.log_dir != seat.log_dir {
            total.log_dir_moves += 1;
            total.intra_broker_bytes += resident.size_bytes;
        }
    }
    let same = replicas.len() == seats.len()
        && replicas.iter().zip(seats).all(|(r, s)| r.broker == s.broker && r.log_dir == s.log_dir);
    total.partitions_changed = u64::from(!same);
    total
}
