//! Judges a whole plan: another tool's files, or a plan directory of ours with its batches, rollbacks and figures.
//!
//! Input: the snapshot and the files' contents. Output: how the cluster stands before and after, what moves, and every
//! deviation. Everything is read and simulated anew; nothing of what wrote the plan is used.

use std::collections::HashSet;
use std::path::PathBuf;

use super::obedience;
use super::reassignment::{Deviation, Wanted, elect, resolve, resolve_elections};
use super::state::State;
use super::stops;
use super::walk::Walk;
use super::{assess, movement};
use crate::ingest::kafka_files::{ID_TAKEN, StatedPlan, read_elections, read_reassignment, read_stated_plan};
use crate::ingest::{Fault, Faults};
use crate::model::{Assessment, LogDirIdx, Movement, NewBroker, PartitionIdx, Placement, Policy, Snapshot, fleet};

/// A file in memory.
#[derive(Clone, Debug, Default)]
pub struct TextFile {
    /// Where it was read, for messages.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The files of one batch.
#[derive(Clone, Debug, Default)]
pub struct BatchFiles {
    /// `reassignment.json`.
    pub reassignment: TextFile,
    /// `leader-election.json`.
    pub elections: TextFile,
    /// `rollback.json`.
    pub rollback: TextFile,
}

/// The files of a plan directory that are judged.
#[derive(Clone, Debug, Default)]
pub struct PlanDir {
    /// `plan.json`.
    pub plan: TextFile,
    /// `reassignment.json`.
    pub reassignment: TextFile,
    /// `leader-election.json`.
    pub elections: TextFile,
    /// `rollback.json`.
    pub rollback: TextFile,
    /// `batches/NNN`, by number.
    pub batches: Vec<BatchFiles>,
}

/// What the judge says of a plan.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The snapshot as it stands.
    pub before: Assessment,
    /// The snapshot with the plan carried out.
    pub after: Assessment,
    /// What is copied and changes.
    pub movement: Movement,
    /// Everything wrong with the plan, in the files' order.
    pub deviations: Vec<Deviation>,
}

/// Judges a reassignment file, with the elections that follow it if there are any.
///
/// # Errors
/// Files that are not of Kafka's shape.
pub fn judge_files(
    snapshot: &Snapshot,
    policy: &Policy,
    reassignment: &TextFile,
    elections: Option<&TextFile>,
) -> Result<Judgement, Faults> {
    Ok(judge(snapshot, policy, reassignment, elections)?.judgement)
}

/// Where the files put every replica once they are carried out; what is wrong with them is [`judge_files`]'s to tell.
///
/// # Errors
/// Files that are not of Kafka's shape.
pub fn placement_of_files(
    snapshot: &Snapshot,
    policy: &Policy,
    reassignment: &TextFile,
    elections: &TextFile,
) -> Result<Placement, Faults> {
    Ok(judge(snapshot, policy, reassignment, Some(elections))?.placement)
}

/// Judges a plan directory.
///
/// # Errors
/// Files that are not of their shape.
pub fn judge_dir(snapshot: &Snapshot, policy: &Policy, dir: &PlanDir) -> Result<Judgement, Faults> {
    let stated = read_stated_plan(&dir.plan.path, &dir.plan.bytes)?;
    let changed = changed_fleet(snapshot, &stated, dir)?;
    let original = snapshot;
    let snapshot = changed.as_ref().unwrap_or(snapshot);
    let Judged { mut judgement, wanted, placement } = judge(snapshot, policy, &dir.reassignment, Some(&dir.elections))?;
    let mut deviations = std::mem::take(&mut judgement.deviations);
    if changed.is_some() {
        judgement.before = assess(original, policy, &Placement::of(original));
    }
    let found = &mut deviations;
    check_stated(snapshot, &stated, &judgement.movement, found);
    check_order(snapshot, "reassignment.json", &wanted, found);
    check_changes(snapshot, &wanted, found);
    check_batches((snapshot, policy), &dir.batches, &placement, found)?;
    check_rollback(snapshot, &dir.rollback, &wanted, &placement, found)?;
    // The batches say again what reassignment.json says; each finding is told once, where it was first met.
    let mut told = HashSet::new();
    found.retain(|deviation| told.insert(deviation.clone()));
    judgement.deviations = deviations;
    Ok(judgement)
}

/// The snapshot with the brokers that the plan adds or empties, where it is the one the plan was made for; the plan's
/// own copy of that needs no change.
fn changed_fleet(snapshot: &Snapshot, stated: &StatedPlan, dir: &PlanDir) -> Result<Option<Snapshot>, Faults> {
    let is_original = snapshot.cluster.sha256 == stated.snapshot.sha256;
    if !is_original || (stated.added.is_empty() && stated.removed.is_empty()) {
        return Ok(None);
    }
    let added: Vec<NewBroker> = stated.added.iter().cloned().map(NewBroker::from).collect();
    let removed = stated.removed.iter().copied().collect();
    let grown = fleet::with_brokers(snapshot, &added).ok_or_else(|| {
        let message = "the ids of the brokers in `added` do not ascend above those of the snapshot";
        let mut faults = Faults::default();
        faults.push(
            Fault::error(ID_TAKEN, &dir.plan.path, message).help("judge the plan by the snapshot it was made for"),
        );
        faults
    })?;
    Ok(Some(fleet::with_draining(&grown, &removed)))
}

struct Judged {
    judgement: Judgement,
    wanted: Vec<Wanted>,
    placement: Placement,
}

fn judge(
    snapshot: &Snapshot,
    policy: &Policy,
    reassignment: &TextFile,
    elections: Option<&TextFile>,
) -> Result<Judged, Faults> {
    let mut found = Vec::new();
    let wanted = wanted(snapshot, reassignment, &mut found)?;
    let mut state = State::of(snapshot);
    for entry in &wanted {
        state.reassign(entry.partition, &entry.wishes);
    }
    if let Some(elections) = elections {
        elect_all(snapshot, elections, &mut state, &mut found)?;
    }
    let placement = state.placement();
    let before = assess(snapshot, policy, &Placement::of(snapshot));
    let movement = movement(snapshot, &placement);
    obedience::check(snapshot, policy, &wanted, (&before, &movement), &mut found);
    let after = assess(snapshot, policy, &placement);
    let judgement = Judgement { before, after, movement, deviations: found };
    Ok(Judged { judgement, wanted, placement })
}

fn wanted(snapshot: &Snapshot, file: &TextFile, found: &mut Vec<Deviation>) -> Result<Vec<Wanted>, Faults> {
    let parsed = read_reassignment(&file.path, &file.bytes)?;
    Ok(resolve(snapshot, &parsed, found))
}

fn elect_all(
    snapshot: &Snapshot,
    file: &TextFile,
    state: &mut State<'_>,
    found: &mut Vec<Deviation>,
) -> Result<Vec<PartitionIdx>, Faults> {
    let parsed = read_elections(&file.path, &file.bytes)?;
    let elected = resolve_elections(snapshot, &parsed, found);
    elect(snapshot, state, &elected, found);
    Ok(elected)
}

/// Compares what plan.json says with what the judge counts.
fn check_stated(snapshot: &Snapshot, stated: &StatedPlan, counted: &Movement, found: &mut Vec<Deviation>) {
    let sha256 = &snapshot.cluster.sha256;
    let is_planned = stated.planned_snapshot.as_ref().is_some_and(|planned| planned.sha256 == *sha256);
    if *sha256 != stated.snapshot.sha256 && !is_planned {
        let message = format!("the plan was made for the snapshot {}, this one is {sha256}", stated.snapshot.sha256);
        found.push(Deviation::new("other_snapshot", "plan.json", message));
    }
    let moved = &stated.movement;
    let figures = [
        ("inter_broker_bytes", moved.inter_broker_bytes, counted.inter_broker_bytes),
        ("intra_broker_bytes", moved.intra_broker_bytes, counted.intra_broker_bytes),
        ("replica_moves", moved.replica_moves, counted.replica_moves),
        ("log_dir_moves", moved.log_dir_moves, counted.log_dir_moves),
        ("leader_changes", moved.leader_changes, counted.leader_changes),
        ("partitions_changed", moved.partitions_changed, counted.partitions_changed),
    ];
    for (name, stated, counted) in figures.into_iter().filter(|(_, stated, counted)| stated != counted) {
        let message = format!("plan.json says {stated}, the files come to {counted}");
        found.push(Deviation::new("movement_differs", format!("movement.{name}"), message));
    }
}

fn check_order(snapshot: &Snapshot, file: &str, wanted: &[Wanted], found: &mut Vec<Deviation>) {
    let misplaced = wanted.windows(2).find(|pair| pair[0].partition >= pair[1].partition);
    if let Some(pair) = misplaced {
        let name = |wanted: &Wanted| snapshot.partition_name(wanted.partition);
        let message = format!("{} comes after {}: not in topic, partition order", name(&pair[1]), name(&pair[0]));
        found.push(Deviation::new("out_of_order", file, message));
    }
}

/// Reports entries that ask for what is there already.
fn check_changes(snapshot: &Snapshot, wanted: &[Wanted], found: &mut Vec<Deviation>) {
    let fresh = State::of(snapshot);
    for entry in wanted {
        if fresh.seats_after(entry.partition, &entry.wishes) == fresh.seats(entry.partition) {
            let name = snapshot.partition_name(entry.partition);
            found.push(Deviation::new("unchanged_entry", name, "is listed but stays as it is"));
        }
    }
}

/// Carries the batches out one after the other: no dir may overflow, each rollback undoes its batch, each may be the
/// last, and the end is the plan's.
fn check_batches(
    (snapshot, policy): (&Snapshot, &Policy),
    batches: &[BatchFiles],
    planned: &Placement,
    found: &mut Vec<Deviation>,
) -> Result<(), Faults> {
    let mut walk = Walk::new(snapshot, policy);
    let mut stands = vec![walk.stand()];
    let mut all_entries = Vec::with_capacity(batches.len());
    let mut state = State::of(snapshot);
    let mut used = used_bytes(snapshot);
    for (index, batch) in batches.iter().enumerate() {
        let entries = wanted(snapshot, &batch.reassignment, found)?;
        check_order(snapshot, &batch.reassignment.path.display().to_string(), &entries, found);
        let mut left = Vec::new();
        let mut touched = Vec::new();
        let mut before: Vec<_> = entries.iter().map(|e| (e.partition, state.residents(e.partition))).collect();
        for (entry, (_, old)) in entries.iter().zip(&before) {
            for resident in state.reassign(entry.partition, &entry.wishes) {
                let Some(dir) = resident.seat.log_dir else { continue };
                used[dir.row()] += u128::from(resident.size_bytes);
                touched.push(dir);
            }
            let new = state.seats(entry.partition);
            left.extend(old.iter().filter(|r| !new.contains(&r.seat)).copied());
        }
        report_overflows(snapshot, index + 1, &mut touched, &used, found);
        for resident in left {
            if let Some(dir) = resident.seat.log_dir {
                used[dir.row()] -= u128::from(resident.size_bytes);
            }
        }
        let elected = elect_all(snapshot, &batch.elections, &mut state, found)?;
        walk.follow(&state, entries.iter().map(|e| e.partition).chain(elected));
        stands.push(walk.stand());
        before.sort_by_key(|(partition, _)| *partition);
        let seats = |r: &Vec<super::state::Resident>| r.iter().map(|r| r.seat).collect::<Vec<_>>();
        for undo in wanted(snapshot, &batch.rollback, found)? {
            let row = before.binary_search_by_key(&undo.partition, |(partition, _)| *partition);
            let old = row.ok().map(|row| &before[row]);
            if old.map(|(_, old)| seats(old)) != Some(state.seats_after(undo.partition, &undo.wishes)) {
                let message = format!("batch {}'s rollback does not restore what the batch changed", index + 1);
                found.push(Deviation::new("rollback_differs", snapshot.partition_name(undo.partition), message));
            }
        }
        all_entries.push(entries);
    }
    stops::check(snapshot, &all_entries, &stands, found);
    for partition in snapshot.partition_indices() {
        if state.seats(partition) != planned.seats(partition) {
            let name = snapshot.partition_name(partition);
            found.push(Deviation::new(
                "batches_differ",
                name,
                "the batches do not end at reassignment.json's replicas",
            ));
        } else if state.leader(partition) != planned.leader(partition) {
            let name = snapshot.partition_name(partition);
            found.push(Deviation::new("batches_differ", name, "the batches do not end at the plan's leader"));
        }
    }
    Ok(())
}

/// Bytes on each dir, other use included.
fn used_bytes(snapshot: &Snapshot) -> Vec<u128> {
    let mut used: Vec<u128> = snapshot.log_dirs.iter().map(|dir| u128::from(dir.other_used_bytes)).collect();
    for replica in &snapshot.replicas {
        if let Some(dir) = replica.log_dir {
            used[dir.row()] += u128::from(replica.size_bytes);
        }
    }
    used
}

/// Reports each of the dirs that a batch copies to and that passes its capacity while old copies are still there.
fn report_overflows(
    snapshot: &Snapshot,
    batch: usize,
    touched: &mut Vec<LogDirIdx>,
    used: &[u128],
    found: &mut Vec<Deviation>,
) {
    touched.sort_unstable();
    touched.dedup();
    for dir in touched.iter() {
        let row = snapshot.log_dir(*dir);
        let Some(capacity) = row.capacity_bytes.filter(|&c| u128::from(c) < used[dir.row()]) else { continue };
        let subject = format!("{} of broker {}", row.path, snapshot.broker(row.broker).id);
        let message = format!(
            "holds {} bytes in batch {batch} while old and new copies both exist, its capacity is {capacity}",
            used[dir.row()]
        );
        found.push(Deviation::new("log_dir_overflow", subject, message));
    }
}

/// Carries the rollback out after the plan: what it names must be as in the snapshot again, and what it leaves out must
/// be what Kafka would refuse.
fn check_rollback(
    snapshot: &Snapshot,
    file: &TextFile,
    changed: &[Wanted],
    planned: &Placement,
    found: &mut Vec<Deviation>,
) -> Result<(), Faults> {
    let undo = wanted(snapshot, file, found)?;
    check_order(snapshot, "rollback.json", &undo, found);
    let fresh = State::of(snapshot);
    let mut state = fresh.clone();
    changed.iter().for_each(|entry| drop(state.reassign(entry.partition, &entry.wishes)));
    let mut is_named = vec![false; snapshot.partitions.len()];
    for entry in &undo {
        is_named[entry.partition.row()] = true;
        state.reassign(entry.partition, &entry.wishes);
        if state.seats(entry.partition) != fresh.seats(entry.partition) {
            let name = snapshot.partition_name(entry.partition);
            found.push(Deviation::new("rollback_differs", name, "rollback.json does not restore the snapshot"));
        }
    }
    for entry in changed.iter().filter(|entry| !is_named[entry.partition.row()]) {
        let is_changed = fresh.seats(entry.partition) != planned.seats(entry.partition);
        if is_changed && is_restorable(snapshot, entry.partition) {
            let name = snapshot.partition_name(entry.partition);
            found.push(Deviation::new(
                "rollback_incomplete",
                name,
                "could be restored but rollback.json leaves it out",
            ));
        }
    }
    Ok(())
}

/// Whether Kafka takes a file that puts `partition` back: no broker gone or listed twice, no dir closed.
fn is_restorable(snapshot: &Snapshot, partition: PartitionIdx) -> bool {
    use crate::model::{BrokerState, LogDirState};
    let replicas = snapshot.replicas_of(partition);
    replicas.iter().enumerate().all(|(position, replica)| {
        let is_gone = matches!(snapshot.broker(replica.broker).state, BrokerState::Down | BrokerState::Dead);
        let is_open = replica.log_dir.is_none_or(|dir| snapshot.log_dir(dir).state == LogDirState::Online);
        !is_gone && is_open && !replicas[..position].iter().any(|r| r.broker == replica.broker)
    })
}
