//! What restores the snapshot, whole or batch by batch, and what cannot be restored.
//!
//! Reversing a batch is as safe for the log dirs as the batch was: both have the old and the new copies on disk at
//! once, on top of the same rest.

use super::change::{Held, Standing};
use super::elections::leader_after;
use super::kafka_json;
use super::{Batch, Entry, Plan};
use crate::model::{BrokerState, LogDirState, PartitionIdx, Seat, Snapshot};

/// Entries and elections that restore an earlier state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rollback {
    /// Replica lists to restore, in topic, partition order.
    pub entries: Vec<Entry>,
    /// Partitions whose preferred leader is to be elected once the entries are done. Electing them after only some
    /// batches were rolled back is harmless: what is not rolled back is led by its preferred leader already.
    pub elections: Vec<PartitionIdx>,
    /// What stays as the plan left it, in topic, partition order.
    pub left_out: Vec<LeftOut>,
}

/// A partition that a rollback does not restore in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The partition.
    pub partition: PartitionIdx,
    /// Why, as the end of a sentence that begins with the partition.
    pub why: String,
}

/// What takes the carried-out `plan` back to the snapshot.
#[must_use]
pub fn rollback(snapshot: &Snapshot, plan: &Plan) -> Rollback {
    let mut result = Rollback::default();
    let mut refused = vec![false; snapshot.partitions.len()];
    for planned in kafka_json::entries(snapshot, &plan.placement) {
        let partition = planned.partition;
        let replicas = snapshot.replicas_of(partition);
        let seats: Vec<Seat> = replicas.iter().map(|r| Seat { broker: r.broker, log_dir: r.log_dir }).collect();
        if let Some(why) = refusal(snapshot, &planned.seats, &seats) {
            refused[partition.row()] = true;
            result.left_out.push(LeftOut { partition, why });
        } else {
            result.entries.push(Entry { partition, seats });
        }
    }
    for partition in snapshot.partition_indices().filter(|p| !refused[p.row()]) {
        restore_leader(snapshot, plan, partition, &mut result);
    }
    result.left_out.sort_by_key(|left_out| left_out.partition);
    result
}

/// What takes each of the plan's batches back to the state before it, in the batches' order; without elections.
#[must_use]
pub fn batch_rollbacks(snapshot: &Snapshot, batches: &[Batch]) -> Vec<Vec<Entry>> {
    let mut standing = Standing::new(snapshot);
    let mut rollbacks = Vec::with_capacity(batches.len());
    for batch in batches {
        let restore = |entry: &Entry| {
            let seats: Vec<Seat> = standing.held(entry.partition).iter().map(|held: &Held| held.seat).collect();
            let is_refused = refusal(snapshot, &entry.seats, &seats).is_some();
            (!is_refused).then_some(Entry { partition: entry.partition, seats })
        };
        rollbacks.push(batch.entries.iter().filter_map(restore).collect());
        standing.advance(batch);
    }
    rollbacks
}

/// Elects the preferred leader where that brings the snapshot's leader back, and says where nothing does.
fn restore_leader(snapshot: &Snapshot, plan: &Plan, partition: PartitionIdx, result: &mut Rollback) {
    let old = snapshot.partition(partition).leader;
    let led_by = plan.placement.leader(partition);
    if led_by == old {
        return;
    }
    let replicas = snapshot.replicas_of(partition);
    let seats: Vec<Seat> = replicas.iter().map(|r| Seat { broker: r.broker, log_dir: r.log_dir }).collect();
    if seats.first().map(|s| s.broker) == old {
        result.elections.push(partition);
    } else if leader_after(snapshot, led_by, &seats, false) != old {
        let id = |broker: Option<crate::model::BrokerIdx>| {
            broker.map_or_else(|| "none".to_owned(), |b| snapshot.broker(b).id.to_string())
        };
        let why = format!(
            "gets its replicas back, but not its leader: broker {} led without being the preferred leader, which no \
             election brings about",
            id(old)
        );
        result.left_out.push(LeftOut { partition, why });
    }
}

/// Why Kafka would refuse to turn `from` into `to`.
fn refusal(snapshot: &Snapshot, from: &[Seat], to: &[Seat]) -> Option<String> {
    for (position, seat) in to.iter().enumerate() {
        let broker = snapshot.broker(seat.broker);
        if matches!(broker.state, BrokerState::Dead | BrokerState::Down) {
            return Some(format!("had a replica on broker {}, which is {}", broker.id, broker.state.name()));
        }
        if to[..position].iter().any(|s| s.broker == seat.broker) {
            return Some(format!("listed broker {} twice", broker.id));
        }
        let Some(dir) = seat.log_dir.map(|dir| snapshot.log_dir(dir)) else { continue };
        if dir.state == LogDirState::Offline {
            return Some(format!("had a replica on {} of broker {}, which is offline", dir.path, broker.id));
        }
        if dir.state == LogDirState::Cordoned && !from.contains(seat) {
            return Some(format!("had a replica on {} of broker {}, which is cordoned", dir.path, broker.id));
        }
    }
    None
}
