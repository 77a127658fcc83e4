//! Another replication factor for some topics, within the same rules.
//!
//! Input: a snapshot and a policy whose `only` patterns name the topics. Output: the snapshot as it would be with the
//! wanted factor, which the search then balances, and the solution against the snapshot as it is. Removed are replicas
//! on brokers or dirs that must be left first, then those that keep racks used, those out of sync, those whose broker
//! gains most; never the leader's unless pins leave no other, and never so many that fewer in-sync replicas stay than
//! `min.insync.replicas` asks for. Added are replicas on the brokers where they cost the goals least, racks kept, below
//! every hard limit. A partition gets the whole factor or stays as it is, with an excuse.

mod change;

use super::{BoundKind, Environment, LowerBound, Options, Solution, StopReason, optimize};
use crate::model::{
    BrokerIdx, Excuse, Freedom, Groups, Placement, Policy, Replica, Seat, Snapshot, TopicIdx, TopicPattern,
};
use change::{Change, Changed};

/// A replication factor that was asked for, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactorChange {
    /// The factor.
    pub factor: u32,
    /// Partitions that get more replicas.
    pub raised: u64,
    /// Partitions that get fewer.
    pub lowered: u64,
    /// Partitions that keep another factor, unjudged ones included.
    pub kept: u64,
    /// Those of them that rules, room or a budget keep from it.
    pub unmet: u64,
    /// Replicas added.
    pub added_replicas: u64,
    /// Replicas removed.
    pub removed_replicas: u64,
    /// Bytes that the added replicas copy: what every plan with this factor copies at least.
    pub added_bytes: u64,
}

/// Finds where every replica should sit once the topics that `policy.only` names have `factor` replicas.
///
/// # Errors
/// In words with numbers, what rules the factor out before anything is searched: more replicas than eligible brokers, or
/// fewer than a topic's `min.insync.replicas`.
pub fn optimize_with_factor(
    snapshot: &Snapshot,
    policy: &Policy,
    factor: u32,
    options: &Options,
    env: &Environment<'_>,
) -> Result<(Solution, FactorChange), String> {
    let groups = Groups::new(snapshot, policy);
    let topics = matched(snapshot, policy);
    for &topic in &topics {
        refuse(snapshot, &groups, topic, factor)?;
    }
    let Changed { snapshot: wanted, done, mut excuses, is_over_budget } =
        Change::of(snapshot, policy, &groups, &topics, factor);
    let mut policy = policy.clone();
    let spent = |allowed: u64, used: u64| allowed.saturating_sub(used);
    policy.budget.max_moved_bytes = policy.budget.moved_bytes_max(snapshot).map(|max| spent(max, done.added_bytes));
    policy.budget.max_moved_share = None;
    policy.budget.max_moves = policy.budget.max_moves.map(|max| spent(max, done.added_replicas));
    let mut solution = optimize(&wanted, &policy, options, env);
    restore_residents(snapshot, &wanted, &mut solution.placement);
    // The search's bound counts from the wanted state, in which the added replicas are there already; it proves nothing
    // from the snapshot on. Every plan with this factor copies the added replicas at least.
    solution.lower_bound = LowerBound { bytes: done.added_bytes, kind: BoundKind::Shedding };
    if is_over_budget && solution.stop_reason == StopReason::Done {
        solution.stop_reason = StopReason::Budget;
    }
    excuses.extend(excluded(snapshot, &policy));
    excuses.append(&mut solution.excuses);
    solution.excuses = excuses;
    Ok((solution, done))
}

/// The topics that the policy's `only` names and does not exclude.
fn matched(snapshot: &Snapshot, policy: &Policy) -> Vec<TopicIdx> {
    let topics = (0..snapshot.topics.len()).map(TopicIdx::new);
    topics.filter(|&t| policy.freedom(&snapshot.topic(t).name) != Freedom::Fixed).collect()
}

/// One excuse per topic that is named and yet excluded.
fn excluded(snapshot: &Snapshot, policy: &Policy) -> Vec<Excuse> {
    let any = |patterns: &[TopicPattern], name: &str| patterns.iter().any(|p| p.matches(name));
    let named = |name: &str| policy.only.as_ref().is_none_or(|only| any(only, name));
    let topics = snapshot.topics.iter().filter(|t| named(&t.name) && any(&policy.exclude, &t.name));
    let excuse = |topic: &crate::model::Topic| Excuse {
        subject: topic.name.clone(),
        criterion: None,
        value: None,
        limit: None,
        why: "keeps its replicas: the policy excludes it, so that it gets no entry".to_owned(),
        remedy: "take it out of the policy's topics.exclude".to_owned(),
    };
    topics.map(excuse).collect()
}

fn refuse(snapshot: &Snapshot, groups: &Groups, topic: TopicIdx, factor: u32) -> Result<(), String> {
    let facts = snapshot.topic(topic);
    let partitions = &snapshot.partitions[facts.partition_rows()];
    let home = groups.home(topic);
    let eligible = groups.eligible(snapshot, home).len();
    if partitions.iter().any(|p| p.replica_count < factor) && factor as usize > eligible {
        return Err(format!(
            "topic {:?} cannot have {factor} replicas: group {} has {eligible} active brokers, and a broker holds one \
             replica of a partition",
            facts.name,
            groups.home_name(home)
        ));
    }
    let needed = facts.min_insync_replicas.unwrap_or(1);
    if partitions.iter().any(|p| p.replica_count > factor) && factor < needed {
        return Err(format!(
            "topic {:?} has min.insync.replicas {needed}: with {factor} of them its producers with acks=all would be \
             refused; lower that setting first",
            facts.name
        ));
    }
    Ok(())
}

/// Where the search moved a replica to a broker whose own one was removed, that one stays instead: nothing is copied. A
/// partition whose own one was on a failed dir goes back to where the change of its factor left it, for Kafka wants
/// such a replica off the broker first.
fn restore_residents(snapshot: &Snapshot, wanted: &Snapshot, placement: &mut Placement) {
    for p in snapshot.partition_indices() {
        let (old, new) = (snapshot.replicas_of(p), wanted.replicas_of(p));
        if old.len() <= new.len() {
            continue;
        }
        let removed = |broker: BrokerIdx| {
            let is_kept = new.iter().any(|r| r.broker == broker);
            old.iter().find(|r| r.broker == broker).filter(|_| !is_kept)
        };
        let is_lost = |r: &&Replica| r.log_dir.is_some_and(|d| !snapshot.log_dir(d).state.is_serving());
        let seats = placement.seats(p);
        if seats.iter().filter_map(|seat| removed(seat.broker)).any(|r| is_lost(&r)) {
            for (seat, replica) in placement.seats_mut(p).iter_mut().zip(new) {
                *seat = Seat { broker: replica.broker, log_dir: replica.log_dir };
            }
            placement.set_leader(p, wanted.partition(p).leader);
            continue;
        }
        for seat in placement.seats_mut(p) {
            if let Some(resident) = removed(seat.broker) {
                seat.log_dir = resident.log_dir;
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests;
