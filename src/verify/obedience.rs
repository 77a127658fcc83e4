//! Whether a plan keeps what the policy asks beside rules and goals: excluded and frozen topics, brokers that receive
//! nothing, pins, budgets.

use super::reassignment::{Deviation, Wanted};
use crate::model::{Assessment, BrokerIdx, BrokerState, Freedom, Movement, Policy, Snapshot};

/// Reports every entry and total in which a plan disobeys `policy`.
pub fn check(
    snapshot: &Snapshot,
    policy: &Policy,
    wanted: &[Wanted],
    (before, movement): (&Assessment, &Movement),
    found: &mut Vec<Deviation>,
) {
    for entry in wanted {
        let name = || snapshot.partition_name(entry.partition);
        let topic = &snapshot.topic(snapshot.partition(entry.partition).topic).name;
        match policy.freedom(topic) {
            Freedom::Fixed => {
                found.push(Deviation::new("excluded_topic", name(), format!("topic {topic:?} is to get no entry")));
            }
            Freedom::RepairOnly if before.hard_total() == 0 && !only_resizes(snapshot, entry) => {
                let message = format!("topic {topic:?} moves only to repair a hard rule, and none is broken");
                found.push(Deviation::new("frozen_topic", name(), message));
            }
            Freedom::RepairOnly | Freedom::Free => {}
        }
        let hosts = |broker: BrokerIdx| snapshot.replicas_of(entry.partition).iter().any(|r| r.broker == broker);
        let arrivals = entry.wishes.iter().filter(|wish| !hosts(wish.broker));
        for id in arrivals.map(|wish| snapshot.broker(wish.broker).id).filter(|id| policy.no_receive.contains(id)) {
            let message = format!("brings a replica to broker {id}, which is to receive nothing");
            found.push(Deviation::new("no_receive", name(), message));
        }
        for broker in policy.pinned(snapshot, entry.partition) {
            // A dead broker keeps nothing, whatever is pinned to it.
            let is_dead = snapshot.broker(broker).state == BrokerState::Dead;
            if !is_dead && hosts(broker) && !entry.wishes.iter().any(|wish| wish.broker == broker) {
                let message = format!("leaves broker {}, where a replica is pinned", snapshot.broker(broker).id);
                found.push(Deviation::new("pin_broken", name(), message));
            }
        }
    }
    let mut budget = |what: &str, spent: u64, allowed: Option<u64>| {
        if let Some(allowed) = allowed.filter(|&allowed| spent > allowed) {
            let message = format!("the plan takes {spent} {what}, the budget allows {allowed}");
            found.push(Deviation::new("budget_exceeded", "budget", message));
        }
    };
    budget("bytes between brokers", movement.inter_broker_bytes, policy.budget.moved_bytes_max(snapshot));
    budget("replica moves", movement.replica_moves, policy.budget.max_moves);
}

/// Whether an entry changes its partition's replication factor and moves none of its replicas meanwhile: that is asked
/// for by name, while frozen topics are kept from being balanced.
fn only_resizes(snapshot: &Snapshot, entry: &Wanted) -> bool {
    let replicas = snapshot.replicas_of(entry.partition);
    let stays = |broker: BrokerIdx| entry.wishes.iter().any(|wish| wish.broker == broker);
    let staying = replicas.iter().filter(|replica| stays(replica.broker)).count();
    replicas.len() != entry.wishes.len() && staying == replicas.len().min(entry.wishes.len())
}
