//! What is broken about brokers and partitions. Log dirs are [`super::dirs`]' business.

use std::collections::BTreeSet;

use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use super::draft::Draft;
use super::spec::{SynthError, SynthSpec};
use super::{below, stream};
use crate::model::{BrokerState, Reassignment};

/// Breaks what `spec` wants broken.
///
/// # Errors
/// More is to break than there is.
pub(super) fn inflict(draft: &mut Draft, spec: &SynthSpec) -> Result<(), SynthError> {
    let mut rng = stream(spec.seed, "faults");
    fail_brokers(draft, spec, &mut rng)?;
    rescue(draft, &mut rng);
    let mut order: Vec<usize> = (0..draft.partitions.len()).collect();
    order.shuffle(&mut rng);
    // Only partitions whose every replica is in service are broken further: what is asked for is then what is counted.
    let healthy = |draft: &Draft, p: usize| draft.hosts_of(p).iter().all(|&h| draft.fleet.is_active(h as usize));
    order.retain(|&p| healthy(draft, p) && draft.racks_hold_for(p));
    let faults = &spec.faults;
    break_some(draft, &mut order, "rack-violations", faults.rack_violations, |d, p| crowd_rack(d, p, &mut rng))?;
    break_some(draft, &mut order, "wrong-group", faults.wrong_group, |d, p| leave_group(d, p, &mut rng))?;
    let mut copies = Vec::new();
    break_some(draft, &mut order, "reassigning", faults.reassigning, |d, p| {
        reassignment(d, p, &mut rng).map(|copy| copies.push(copy)).is_some()
    })?;
    break_some(draft, &mut order, "no-leader", faults.no_leader, |d, p| {
        d.leaderless.push(p);
        true
    })?;
    draft.leaderless.sort_unstable();
    start_reassignments(draft, copies);
    draft.recount();
    Ok(())
}

/// Marks brokers dead, down or draining, in an order of chance that leaves every group as many as its topics need.
fn fail_brokers(draft: &mut Draft, spec: &SynthSpec, rng: &mut Pcg64) -> Result<(), SynthError> {
    let needed = spec.max_replication() as usize;
    let mut active: Vec<usize> = draft.fleet.members.iter().map(Vec::len).collect();
    let mut candidates: Vec<usize> = draft.fleet.members.concat();
    candidates.sort_unstable();
    candidates.shuffle(rng);
    let faults = &spec.faults;
    let wishes = [
        ("dead", faults.dead, BrokerState::Dead),
        ("down", faults.down, BrokerState::Down),
        ("draining", faults.draining, BrokerState::Draining),
    ];
    for (fault, wanted, state) in wishes {
        for possible in 0..wanted {
            let spare = |row: &usize| active[draft.fleet.machines[*row].group] > needed;
            let Some(at) = candidates.iter().position(spare) else {
                return Err(SynthError::TooManyFaults { fault, wanted, possible });
            };
            let row = candidates.remove(at);
            active[draft.fleet.machines[row].group] -= 1;
            draft.fleet.machines[row].state = state;
        }
    }
    draft.rack_counts = draft.fleet.rack_counts();
    Ok(())
}

/// Whether a broker answers: its replicas can lead.
pub(super) fn is_serving(state: BrokerState) -> bool {
    !matches!(state, BrokerState::Dead | BrokerState::Down)
}

/// Gives partitions whose every broker failed one that serves, and leadership to one that does: only partitions that
/// were asked to be without a leader are.
fn rescue(draft: &mut Draft, rng: &mut Pcg64) {
    let serves = |d: &Draft, row: usize| is_serving(d.fleet.machines[row].state);
    for p in 0..draft.partitions.len() {
        let factor = draft.partitions[p].replica_count as usize;
        let mut first = (0..factor).find(|&position| serves(draft, draft.host(p, position)));
        if first.is_none() {
            let mut members = draft.fleet.members[draft.home(p)].clone();
            members.retain(|&row| draft.fleet.is_active(row));
            members.shuffle(rng);
            let fitting = members.iter().copied().find(|&row| draft.fits(p, 0, row));
            if let Some(to) = fitting.or(members.first().copied()) {
                draft.relocate(p, 0, to);
                first = Some(0);
            }
        }
        if let Some(position) = first.filter(|_| !serves(draft, draft.leaders[p] as usize)) {
            draft.elect(p, position);
        }
    }
}

/// Breaks `wanted` of the partitions in `order` by `attempt`, and takes those out of it.
fn break_some(
    draft: &mut Draft,
    order: &mut Vec<usize>,
    fault: &'static str,
    wanted: u32,
    mut attempt: impl FnMut(&mut Draft, usize) -> bool,
) -> Result<(), SynthError> {
    let mut possible = 0;
    order.retain(|&p| {
        let is_broken = possible < wanted && attempt(draft, p);
        possible += u32::from(is_broken);
        !is_broken
    });
    if possible < wanted { Err(SynthError::TooManyFaults { fault, wanted, possible }) } else { Ok(()) }
}

/// Moves a replica of `p` within its group so that the rack rule breaks.
fn crowd_rack(draft: &mut Draft, p: usize, rng: &mut Pcg64) -> bool {
    let members = draft.fleet.members[draft.home(p)].clone();
    move_where(draft, p, members, rng, |d, p, position, to| {
        !d.hosts_of(p).contains(&(to as u32)) && !d.fits(p, position, to)
    })
}

/// Moves a replica of `p` to another group's broker, racks kept.
fn leave_group(draft: &mut Draft, p: usize, rng: &mut Pcg64) -> bool {
    let home = draft.home(p);
    let others = draft.fleet.members.iter().enumerate().filter(|(group, _)| *group != home);
    let strangers = others.flat_map(|(_, members)| members.iter().copied()).collect();
    move_where(draft, p, strangers, rng, Draft::fits)
}

/// Moves the first replica of `p`, from a position of chance on, that `suits` an active one of `brokers`.
fn move_where(
    draft: &mut Draft,
    p: usize,
    mut brokers: Vec<usize>,
    rng: &mut Pcg64,
    suits: impl Fn(&Draft, usize, usize, usize) -> bool,
) -> bool {
    brokers.retain(|&row| draft.fleet.is_active(row));
    brokers.shuffle(rng);
    let factor = draft.partitions[p].replica_count as usize;
    let start = below(rng, factor);
    for step in 0..factor {
        let position = (start + step) % factor;
        if let Some(&to) = brokers.iter().find(|&&to| suits(draft, p, position, to)) {
            draft.relocate(p, position, to);
            return true;
        }
    }
    false
}

/// A copy under way: the partition, the position that is replaced, the broker that is copied to.
struct Copy {
    partition: usize,
    position: usize,
    to: usize,
}

fn reassignment(draft: &Draft, p: usize, rng: &mut Pcg64) -> Option<Copy> {
    let mut members = draft.fleet.members[draft.home(p)].clone();
    members.retain(|&row| draft.fleet.is_active(row));
    members.shuffle(rng);
    let position = below(rng, draft.partitions[p].replica_count as usize);
    let to = members.into_iter().find(|&to| draft.fits(p, position, to))?;
    Some(Copy { partition: p, position, to })
}

/// Adds the copies to the partitions' replicas as Kafka lists them: the wanted ones first, those that leave last.
fn start_reassignments(draft: &mut Draft, mut copies: Vec<Copy>) {
    if copies.is_empty() {
        return;
    }
    copies.sort_unstable_by_key(|c| c.partition);
    let mut copies = copies.into_iter().peekable();
    let mut hosts = Vec::with_capacity(draft.hosts.len());
    for p in 0..draft.partitions.len() {
        let rows = draft.partitions[p].replica_rows();
        let first = hosts.len();
        hosts.extend_from_slice(&draft.hosts[rows]);
        if let Some(copy) = copies.next_if(|c| c.partition == p) {
            let leaving = std::mem::replace(&mut hosts[first + copy.position], copy.to as u32);
            hosts.push(leaving);
            draft.reassignments.push((first + copy.position, Reassignment::Adding));
            draft.reassignments.push((hosts.len() - 1, Reassignment::Removing));
        }
        let partition = &mut draft.partitions[p];
        partition.first_replica = u32::try_from(first).unwrap_or(u32::MAX);
        partition.replica_count = u32::try_from(hosts.len() - first).unwrap_or(u32::MAX);
    }
    draft.hosts = hosts;
}

/// The rows that `count` random draws without repetition give of `rows`, as long as `may` agrees to each.
pub(super) fn choose<T: Ord + std::marker::Copy>(
    mut rows: Vec<T>,
    count: u32,
    rng: &mut Pcg64,
    mut may: impl FnMut(&BTreeSet<T>, T) -> bool,
) -> BTreeSet<T> {
    rows.shuffle(rng);
    let mut chosen = BTreeSet::new();
    for row in rows {
        if chosen.len() < count as usize && may(&chosen, row) {
            chosen.insert(row);
        }
    }
    chosen
}
