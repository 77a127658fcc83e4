//! Which partitions are riskiest, what would lower that, and what it copies.
//!
//! Riskiest are those whose own chance to be lost, then offline, then under min ISR is highest; among equals those that
//! most of the worst cases hit, for then it is the set that they share, not their number of copies, that is at fault
//! (copysets, Cidon et al., USENIX ATC 2013). For each the best of three remedies is taken: replicas that are behind are
//! healed where they stand; one replica moves to the broker that lowers the chance, or leaves the worst cases, most;
//! below three replicas one is added where that is safer than any move. A move keeps the racks as spread as they are and the log dir
//! below its limit. Chances are exact; the worst cases are counted again with all remedies carried out.

use std::cmp::Ordering;

use super::cases::Case;
use super::expected::chances;
use super::units::{Remains, Standing, Tally, Units, remains_without};
use crate::model::{BrokerIdx, Groups, LogDirIdx, LogDirState, PartitionIdx, Policy, RackIdx, Snapshot};

/// Partitions that remedies are looked for: more than anybody moves because of one answer.
const ADVISED_MAX: usize = 1_000;

/// Replicas below which another one is advised (AWS MSK: three).
const REPLICAS_LEAST: usize = 3;

/// Chances that differ by less are the same.
const SAME: f64 = 1e-12;

/// What lowers a partition's risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Have the replicas that are behind catch up.
    Heal,
    /// Move the replica of one broker to another.
    Move {
        /// Where it is.
        from: BrokerIdx,
        /// Where it would be.
        to: BrokerIdx,
    },
    /// Add a replica.
    Add {
        /// Where.
        to: BrokerIdx,
    },
}

/// A partition and its remedy.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskyPartition {
    /// `topic-partition`.
    pub partition: String,
    /// What to do.
    pub remedy: Remedy,
    /// What that copies at most, bytes.
    pub bytes: u64,
    /// The chance that it is lost, offline, under min ISR in the failures asked for.
    pub chance: [f64; 3],
    /// The same afterwards.
    pub chance_after: [f64; 3],
    /// How many of the worst cases hit it, as hard as the worst of them hits any.
    pub worst_cases: u64,
    /// The same afterwards.
    pub worst_cases_after: u64,
}

/// What to move first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remedies {
    /// The riskiest first; only partitions that a remedy helps.
    pub list: Vec<RiskyPartition>,
    /// Σ of their bytes.
    pub bytes: u64,
    /// The worst cases, in their order, with all remedies carried out.
    pub worst_after: Vec<Tally>,
}

/// A broker that may receive, with its emptiest online log dir.
struct Target {
    broker: BrokerIdx,
    standing: Standing,
    /// Bytes on the dir, and what it may hold; none where its capacity is unknown.
    room: Option<(f64, f64)>,
}

impl Target {
    /// Share of what may be used; 0 where that is not known.
    fn used(&self) -> f64 {
        self.room.map_or(0.0, |(used, limit)| used / limit)
    }

    fn takes(&self, bytes: u64) -> bool {
        self.room.is_none_or(|(used, limit)| used + bytes as f64 <= limit)
    }
}

struct Search<'a> {
    snapshot: &'a Snapshot,
    units: &'a Units,
    groups: Groups,
    /// By broker.
    targets: Vec<Option<Target>>,
    worst: &'a [Case],
    /// Which of lost, offline, under min ISR the worst case is about.
    kind: usize,
}

/// How a partition stands in the cases.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Standings {
    chance: [f64; 3],
    worst_cases: u64,
}

impl Standings {
    /// Less when at more risk.
    fn safer(&self, other: &Self) -> Ordering {
        let by_chance = self
            .chance
            .iter()
            .zip(other.chance)
            .map(|(a, b)| if (a - b).abs() <= SAME { Ordering::Equal } else { b.total_cmp(a) });
        by_chance.fold(Ordering::Equal, Ordering::then).then(other.worst_cases.cmp(&self.worst_cases))
    }
}

/// What to do about the riskiest partitions; `worst` are the worst cases of the draws in `units`. None where replicas go
/// with more units than chances can be worked out for.
pub(super) fn remedies(snapshot: &Snapshot, policy: &Policy, units: &Units, worst: &[Case]) -> Option<Remedies> {
    let before = units.before.figures();
    let tally = worst.first()?.tally.figures();
    let kind = (0..3).find(|&kind| tally[kind] > before[kind]).unwrap_or(2);
    let mut search =
        Search { snapshot, units, groups: Groups::new(snapshot, policy), targets: Vec::new(), worst, kind };
    let used = used_bytes(snapshot);
    search.targets = snapshot.broker_indices().map(|broker| search.target(policy, broker, &used)).collect();
    let mut riskiest: Vec<(Standings, PartitionIdx)> = Vec::new();
    for partition in snapshot.partition_indices() {
        let standing = units.standing_of(snapshot, partition);
        // What is lost already cannot be helped by copying.
        if !standing.is_empty() {
            riskiest.push((search.standings(partition, &standing)?, partition));
        }
    }
    riskiest.sort_by(|(a, p), (b, q)| {
        let bytes = |p: &PartitionIdx| snapshot.copy_size_bytes(*p);
        a.safer(b).then(bytes(p).cmp(&bytes(q))).then(p.row().cmp(&q.row()))
    });
    // Where all are alike, those that no worst case hits are as well placed as any.
    let least = riskiest.last().map(|(standings, _)| standings.chance);
    let is_exposed = |standings: &Standings| standings.worst_cases > 0 || Some(standings.chance) != least;
    riskiest.retain(|(standings, _)| is_exposed(standings) && standings.chance.iter().any(|chance| *chance > 0.0));
    let mut found = Remedies { worst_after: worst.iter().map(|case| case.tally).collect(), ..Remedies::default() };
    for (standings, partition) in riskiest.into_iter().take(ADVISED_MAX) {
        if let Some((risky, after)) = search.remedied(partition, standings) {
            found.bytes = found.bytes.saturating_add(risky.bytes);
            search.recount(partition, &after, &mut found.worst_after);
            found.list.push(risky);
        }
    }
    Some(found)
}

impl Search<'_> {
    /// `broker` with its emptiest online log dir, if it is active and has one; `used` are bytes by log dir.
    fn target(&self, policy: &Policy, broker: BrokerIdx, used: &[f64]) -> Option<Target> {
        let row = self.snapshot.broker(broker);
        let is_open = |dir: &usize| self.snapshot.log_dirs[*dir].state == LogDirState::Online;
        let target = |dir: usize| Target {
            broker,
            standing: Standing {
                units: self.units.units_at(self.snapshot, broker, Some(LogDirIdx::new(dir))),
                is_in_sync: true,
            },
            room: self.snapshot.log_dirs[dir]
                .capacity_bytes
                .map(|capacity| (used[dir], capacity as f64 * policy.limits.log_dir)),
        };
        let dirs = row.log_dir_rows().filter(is_open).map(target);
        let emptiest = dirs.reduce(|a, b| if b.used() < a.used() { b } else { a });
        emptiest.filter(|_| row.state.is_active())
    }

    fn standings(&self, partition: PartitionIdx, standing: &[Standing]) -> Option<Standings> {
        let min_isr = self.units.min_isr[partition.row()];
        let chance = chances(self.units, standing, min_isr)?;
        let hit = |case: &&Case| remains(standing, case).verdict(min_isr)[self.kind];
        Some(Standings { chance, worst_cases: self.worst.iter().filter(hit).count() as u64 })
    }

    /// The best remedy for `partition`, which stands as `now`, and its replicas afterwards; none where nothing helps.
    fn remedied(&mut self, partition: PartitionIdx, now: Standings) -> Option<(RiskyPartition, Vec<Standing>)> {
        let bytes = self.snapshot.copy_size_bytes(partition);
        let standing = self.units.standing_of(self.snapshot, partition);
        let behind = standing.iter().filter(|replica| !replica.is_in_sync).count() as u64;
        let healed: Vec<Standing> = standing.iter().map(|r| Standing { is_in_sync: true, ..*r }).collect();
        let mut best: Option<(Standings, Remedy, Vec<Standing>, u64)> = None;
        if behind > 0 {
            let after = self.standings(partition, &healed)?;
            if after.safer(&now) == Ordering::Greater {
                best = Some((after, Remedy::Heal, healed.clone(), bytes.saturating_mul(behind)));
            }
        }
        if best.is_none() {
            best =
                self.moved(partition, now, &standing).map(|(after, remedy, replicas)| (after, remedy, replicas, bytes));
        }
        let (after, remedy, replicas, bytes) = best?;
        if let Remedy::Move { to, .. } | Remedy::Add { to } = remedy
            && let Some(Target { room: Some((used, _)), .. }) = self.targets[to.row()].as_mut()
        {
            *used += bytes as f64;
        }
        let risky = RiskyPartition {
            partition: self.snapshot.partition_name(partition),
            remedy,
            bytes,
            chance: now.chance,
            chance_after: after.chance,
            worst_cases: now.worst_cases,
            worst_cases_after: after.worst_cases,
        };
        Some((risky, replicas))
    }

    /// The best move, or the best place for another replica where that is safer.
    fn moved(
        &self,
        partition: PartitionIdx,
        now: Standings,
        standing: &[Standing],
    ) -> Option<(Standings, Remedy, Vec<Standing>)> {
        let snapshot = self.snapshot;
        let rows = || snapshot.partition(partition).replica_rows();
        let bytes = snapshot.copy_size_bytes(partition);
        let hosts: Vec<BrokerIdx> = rows().map(|row| snapshot.replicas[row].broker).collect();
        let home = self.groups.home(snapshot.partition(partition).topic);
        let open: Vec<&Target> = self
            .targets
            .iter()
            .flatten()
            .filter(|t| self.groups.admits(home, t.broker) && !hosts.contains(&t.broker) && t.takes(bytes))
            .collect();
        let standing_rows = || rows().filter(|row| self.units.standing[*row]);
        let moves = standing_rows().enumerate().flat_map(|(position, row)| {
            let from = snapshot.replicas[row].broker;
            let (open, hosts) = (&open, &hosts);
            open.iter().filter(move |t| self.keeps_racks(hosts, from, t.broker)).map(move |target| {
                let mut replicas = standing.to_vec();
                replicas[position] = target.standing;
                (*target, Remedy::Move { from, to: target.broker }, replicas)
            })
        });
        let additions = open.iter().map(|target| {
            let replicas = standing.iter().copied().chain([target.standing]).collect();
            (*target, Remedy::Add { to: target.broker }, replicas)
        });
        let moved = self.safest(partition, now, moves);
        if hosts.len() >= REPLICAS_LEAST {
            return moved;
        }
        let added = self.safest(partition, now, additions);
        match (moved, added) {
            (Some(moved), Some(added)) if added.0.safer(&moved.0) != Ordering::Greater => Some(moved),
            (moved, added) => added.or(moved),
        }
    }

    /// The safest of `options`, the emptiest target among equals; none where none is safer than `now`.
    fn safest<'t>(
        &self,
        partition: PartitionIdx,
        now: Standings,
        options: impl Iterator<Item = (&'t Target, Remedy, Vec<Standing>)>,
    ) -> Option<(Standings, Remedy, Vec<Standing>)> {
        let mut best: Option<(Standings, f64, Remedy, Vec<Standing>)> = None;
        for (target, remedy, replicas) in options {
            let Some(after) = self.standings(partition, &replicas).filter(|s| s.safer(&now) == Ordering::Greater)
            else {
                continue;
            };
            let is_better = best.as_ref().is_none_or(|(other, used, ..)| {
                after.safer(other).then(used.total_cmp(&target.used())) == Ordering::Greater
            });
            if is_better {
                best = Some((after, target.used(), remedy, replicas));
            }
        }
        best.map(|(after, _, remedy, replicas)| (after, remedy, replicas))
    }

    /// Whether a move leaves replicas in as many racks, and no more of them in one.
    fn keeps_racks(&self, hosts: &[BrokerIdx], from: BrokerIdx, to: BrokerIdx) -> bool {
        let rack = |broker: BrokerIdx| self.snapshot.broker(broker).rack;
        let spread = |racks: &[Option<RackIdx>]| {
            let count = |wanted: &Option<RackIdx>| racks.iter().filter(|rack| *rack == wanted).count();
            let most = racks.iter().map(count).max().unwrap_or(0);
            let distinct = (0..racks.len()).filter(|&at| !racks[..at].contains(&racks[at])).count();
            (distinct, most)
        };
        let before: Vec<Option<RackIdx>> = hosts.iter().map(|&host| rack(host)).collect();
        let after: Vec<Option<RackIdx>> =
            hosts.iter().map(|&host| rack(if host == from { to } else { host })).collect();
        let ((racks, most), (racks_after, most_after)) = (spread(&before), spread(&after));
        racks_after >= racks && most_after <= most
    }

    /// Counts the worst cases with the replicas of `partition` where `after` has them.
    fn recount(&self, partition: PartitionIdx, after: &[Standing], tallies: &mut [Tally]) {
        let min_isr = self.units.min_isr[partition.row()];
        let before = self.units.standing_of(self.snapshot, partition);
        for (case, tally) in self.worst.iter().zip(tallies) {
            let [was, is] =
                [&before[..], after].map(|replicas| remains(replicas, case).verdict(min_isr).map(u64::from));
            let figure = |slot: usize, old: u64| (old + is[slot]).saturating_sub(was[slot]);
            *tally = Tally {
                lost: figure(0, tally.lost),
                offline: figure(1, tally.offline),
                under_min_isr: figure(2, tally.under_min_isr),
            };
        }
    }
}

/// What is on each log dir, bytes.
fn used_bytes(snapshot: &Snapshot) -> Vec<f64> {
    let mut used: Vec<f64> = snapshot.log_dirs.iter().map(|dir| dir.other_used_bytes as f64).collect();
    for replica in &snapshot.replicas {
        replica.log_dir.into_iter().for_each(|dir| used[dir.row()] += replica.size_bytes as f64);
    }
    used
}

fn remains(replicas: &[Standing], case: &Case) -> Remains {
    remains_without(replicas, |unit| case.failed.binary_search(&unit).is_ok())
}
