//! What years of operation do to a balanced placement: topics made before the cluster was last expanded sit on its
//! older brokers, some brokers were favoured by hand-made reassignments, restarts have moved leadership about. Racks
//! and groups are kept; nothing passes what the hardware can do.

use rand::RngExt;
use rand_pcg::Pcg64;

use super::draft::Draft;
use super::scale::{CPU_UTILIZATION, NETWORK_UTILIZATION};
use super::spec::SynthSpec;
use super::topics::log_normal;
use super::{below, stream};

/// The share of brokers that the last expansion brought.
const YOUNG_SHARE: f64 = 0.35;
/// How many destinations are looked at before a replica stays.
const TRIES: usize = 4;

/// Lets `draft` drift as far as `spec` says.
pub(super) fn drift(draft: &mut Draft, spec: &SynthSpec) {
    if spec.drift <= 0.0 {
        return;
    }
    let mut rng = stream(spec.seed, "drift");
    let ceilings = ceilings(spec);
    concentrate(draft, spec.drift, &ceilings, &mut rng);
    favour(draft, spec.drift, &ceilings, &mut rng);
    mislead(draft, spec.drift, &ceilings, &mut rng);
    draft.recount();
}

/// How many times its fair share of bytes, bytes in, bytes out and work a broker may get: most of what it can do, and
/// with much drift more than the limits of the default policy.
fn ceilings(spec: &SynthSpec) -> [f64; 4] {
    let beyond = 0.15 * spec.drift;
    [
        (0.74 + beyond) / spec.disk_utilization.max(0.01),
        (0.74 + beyond) / NETWORK_UTILIZATION,
        (0.74 + beyond) / NETWORK_UTILIZATION,
        (0.64 + beyond) / CPU_UTILIZATION,
    ]
}

/// Topics of before the last expansion leave the young brokers.
fn concentrate(draft: &mut Draft, drift: f64, ceilings: &[f64; 4], rng: &mut Pcg64) {
    let old = |members: &[usize]| members.len() - (members.len() as f64 * YOUNG_SHARE) as usize;
    let first_young: Vec<usize> = draft.fleet.members.iter().map(|members| old(members)).collect();
    for topic in 0..draft.topics.len() {
        if !rng.random_bool(0.6 * drift) {
            continue;
        }
        let home = draft.homes[topic];
        let members = draft.fleet.members[home].clone();
        let (old, young) = members.split_at(first_young[home]);
        for p in draft.topics[topic].partition_rows() {
            for position in 0..draft.partitions[p].replica_count as usize {
                let is_young = young.first().is_some_and(|&first| draft.host(p, position) >= first);
                if is_young && rng.random_bool(0.8 * drift) {
                    let candidates: Vec<usize> = (0..TRIES).map(|_| old[below(rng, old.len())]).collect();
                    send(draft, p, position, candidates, ceilings);
                }
            }
        }
    }
}

/// Replicas follow the appeal that chance gave each broker.
fn favour(draft: &mut Draft, drift: f64, ceilings: &[f64; 4], rng: &mut Pcg64) {
    let appeal: Vec<f64> = draft.fleet.machines.iter().map(|_| log_normal(0.0, 1.0, rng)).collect();
    for p in 0..draft.partitions.len() {
        if !rng.random_bool(0.4 * drift) {
            continue;
        }
        let members = &draft.fleet.members[draft.home(p)];
        let position = below(rng, draft.partitions[p].replica_count as usize);
        let mut candidates: Vec<usize> = (0..TRIES).map(|_| members[below(rng, members.len())]).collect();
        let here = appeal[draft.host(p, position)];
        candidates.retain(|&b| appeal[b] > here);
        candidates.sort_by(|&a, &b| appeal[b].total_cmp(&appeal[a]).then(a.cmp(&b)));
        send(draft, p, position, candidates, ceilings);
    }
}

/// Leadership follows another appeal; of what moved, a third is not the preferred leader.
fn mislead(draft: &mut Draft, drift: f64, ceilings: &[f64; 4], rng: &mut Pcg64) {
    let appeal: Vec<f64> = draft.fleet.machines.iter().map(|_| log_normal(0.0, 1.0, rng)).collect();
    for p in 0..draft.partitions.len() {
        if !rng.random_bool(0.5 * drift) {
            continue;
        }
        let hosts = draft.hosts_of(p);
        let best = (0..hosts.len())
            .max_by(|&a, &b| appeal[hosts[a] as usize].total_cmp(&appeal[hosts[b] as usize]).then(b.cmp(&a)))
            .unwrap_or(0);
        let stays_preferred = rng.random_bool(1.0 / 3.0);
        if best > 0 && has_room(draft, p, draft.host(p, best), true, ceilings) {
            draft.elect(p, best);
            if !stays_preferred {
                draft.prefer(p, best);
            }
        }
    }
}

/// Moves a replica to the first of `candidates` that may take it and has room.
fn send(draft: &mut Draft, p: usize, position: usize, candidates: Vec<usize>, ceilings: &[f64; 4]) {
    let leads = draft.leaders[p] as usize == draft.host(p, position);
    let goes = |&to: &usize| draft.fits(p, position, to) && has_room(draft, p, to, leads, ceilings);
    if let Some(to) = candidates.into_iter().find(goes) {
        draft.relocate(p, position, to);
    }
}

fn has_room(draft: &Draft, p: usize, to: usize, leads: bool, ceilings: &[f64; 4]) -> bool {
    let load = draft.replica_load(p, leads);
    let after = |column: usize| (draft.loads[to][column] + load[column]) * draft.relative[to][column];
    (0..ceilings.len()).all(|column| after(column) <= ceilings[column])
}
