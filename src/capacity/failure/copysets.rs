//! Copysets: the sets of brokers (log dirs, racks) that some partition has all its replicas on. The fewer there are,
//! the less likely is a failure of as many at once to hit one, and the more is lost when it does: the mean does not
//! change (Cidon et al., "Copysets: Reducing the Frequency of Data Loss in Cloud Storage", USENIX ATC 2013).

use std::collections::{BTreeMap, BTreeSet};

use super::chance::combinations_f64;
use super::units::{Domain, Units};
use crate::model::Snapshot;

/// Copysets named: those that most partitions share.
const RISKIEST_NAMED: usize = 5;

/// Partitions of a copyset that are named.
const EXAMPLES_NAMED: usize = 5;

/// Permutations that alternatives are worked out for: scatter widths from the least to what recovers fast.
const PERMUTATIONS: [u64; 3] = [1, 2, 8];

/// A set that partitions have all their replicas on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copyset {
    /// Its members' names.
    pub members: Vec<String>,
    /// Partitions with all their replicas there.
    pub partitions: u64,
    /// The first of them by topic and number, `topic-partition`.
    pub examples: Vec<String>,
    /// What moving one replica of each elsewhere copies.
    pub bytes: u64,
}

/// What a placement by permutations of all units, cut into sets of f, would have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alternative {
    /// Permutations P.
    pub permutations: u64,
    /// Copysets, P·⌊N ÷ f⌋.
    pub distinct: f64,
    /// Scatter width, P·(f − 1) at most.
    pub scatter_width: u64,
    /// The chance that f failures at once lose a partition: copysets ÷ C(N, f).
    pub p_any_lost: f64,
}

/// The copysets of a placement.
#[derive(Clone, Debug, PartialEq)]
pub struct Copysets {
    /// Members are of this domain.
    pub domain: Domain,
    /// The commonest number of members, which partitions' replicas have in this domain.
    pub size: usize,
    /// Different sets of that size.
    pub distinct: u64,
    /// Sets of that size there could be, C(N, f).
    pub possible: f64,
    /// The chance that `size` failures at once lose a partition of these.
    pub p_any_lost: f64,
    /// By unit, how many others share a copyset with it: the mean.
    pub scatter_width_mean: f64,
    /// The most.
    pub scatter_width_max: u64,
    /// Those that most partitions share, most first.
    pub riskiest: Vec<Copyset>,
    /// What copyset placements would have.
    pub alternatives: Vec<Alternative>,
    /// Unit numbers of `riskiest`.
    pub(super) riskiest_units: Vec<Vec<u32>>,
}

/// The sets of brokers that some partition of `snapshot` has all its replicas on; none where no broker is in service.
#[must_use]
pub fn broker_copysets(snapshot: &Snapshot) -> Option<Copysets> {
    copysets(snapshot, &Units::of(snapshot, &[(Domain::Broker, 1)]))
}

/// The copysets of `snapshot` in the domain of `units`' only draw; none where there are several or no replica is known
/// to go with any unit.
pub(super) fn copysets(snapshot: &Snapshot, units: &Units) -> Option<Copysets> {
    let [(_, draw)] = units.draws.as_slice() else { return None };
    // By set, its partitions' number and bytes.
    let mut sets: BTreeMap<Vec<u32>, (u64, u64)> = BTreeMap::new();
    let mut sizes: BTreeMap<usize, u64> = BTreeMap::new();
    for partition in snapshot.partition_indices() {
        let rows = snapshot.partition(partition).replica_rows();
        // A replica that goes with no unit keeps its partition from being lost.
        if rows.clone().any(|row| units.standing[row] && units.units_of[row][0].is_none()) {
            continue;
        }
        let members = units.touched(snapshot, partition);
        if members.is_empty() {
            continue;
        }
        *sizes.entry(members.len()).or_default() += 1;
        let entry = sets.entry(members).or_default();
        entry.0 += 1;
        entry.1 = entry.1.saturating_add(snapshot.copy_size_bytes(partition));
    }
    let size = sizes.iter().max_by_key(|(_, partitions)| **partitions).map(|(size, _)| *size)?;
    let mut own: Vec<(Vec<u32>, (u64, u64))> = sets.into_iter().filter(|(members, _)| members.len() == size).collect();
    let (scatter_width_mean, scatter_width_max) = scatter(own.iter().map(|(members, _)| members));
    own.sort_by_key(|(_, (partitions, _))| std::cmp::Reverse(*partitions));
    let distinct = own.len() as u64;
    let possible = combinations_f64(draw.of as u64, size as u64);
    let (n, f) = (draw.of as u64, size as u64);
    let alternative = |permutations: u64| {
        let sets = (permutations * (n / f)) as f64;
        let sets = sets.min(possible);
        let scatter_width = (permutations * (f - 1)).min(n - 1);
        Alternative { permutations, distinct: sets, scatter_width, p_any_lost: sets / possible }
    };
    own.truncate(RISKIEST_NAMED);
    Some(Copysets {
        domain: draw.domain,
        size,
        distinct,
        possible,
        p_any_lost: distinct as f64 / possible,
        scatter_width_mean,
        scatter_width_max,
        riskiest: own
            .iter()
            .map(|(members, (partitions, bytes))| Copyset {
                members: units.names(members),
                partitions: *partitions,
                examples: examples(snapshot, units, members),
                bytes: *bytes,
            })
            .collect(),
        // Racks are too few to leave any unused, as cutting them into sets would.
        alternatives: match draw.domain {
            Domain::Rack => Vec::new(),
            Domain::Broker | Domain::LogDir => {
                PERMUTATIONS.into_iter().map(alternative).filter(|a| a.p_any_lost < 1.0).collect()
            }
        },
        riskiest_units: own.into_iter().map(|(members, _)| members).collect(),
    })
}

/// The first partitions whose replicas are on `members` and nowhere else.
fn examples(snapshot: &Snapshot, units: &Units, members: &[u32]) -> Vec<String> {
    let on_members = snapshot.partition_indices().filter(|p| {
        let mut rows = snapshot.partition(*p).replica_rows();
        let known = rows.all(|row| !units.standing[row] || units.units_of[row][0].is_some());
        known && units.touched(snapshot, *p) == members
    });
    on_members.take(EXAMPLES_NAMED).map(|p| snapshot.partition_name(p)).collect()
}

/// The mean and greatest number of others that a unit shares a set with, over the units that are in any.
fn scatter<'a>(sets: impl Iterator<Item = &'a Vec<u32>>) -> (f64, u64) {
    let mut others: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for members in sets {
        for unit in members {
            others.entry(*unit).or_default().extend(members.iter().filter(|other| *other != unit));
        }
    }
    let total: usize = others.values().map(BTreeSet::len).sum();
    let most = others.values().map(BTreeSet::len).max().unwrap_or(0);
    (total as f64 / others.len().max(1) as f64, most as u64)
}
