//! What members of a portfolio found, put together: brokers that exchange nothing with the rest, such as those of a rack
//! where each keeps its share, may have their best in another member than the rest.
//!
//! Where two placements differ, every replica that sits elsewhere links two brokers; one in another rack links those of all
//! its partition's replicas. What is linked is taken whole or not at all, so racks and hosts stay as valid as they were.

use super::anneal::Quality;
use super::problem::{Problem, row};
use super::state::State;
use super::trim::DRIFT;

/// `best`, with what is better in `other` taken from there part by part. `settle` brings a combination into the bands again,
/// for leaders stay what they were and means follow what was copied.
pub(crate) fn combine(problem: &Problem<'_>, best: &mut State, other: &State, settle: impl Fn(&mut State)) {
    for part in parts(problem, best, other) {
        if !promises(problem, &part, best, other) {
            continue;
        }
        let mut combined = best.clone();
        for &slot in &part {
            combined.relocate(problem, slot, other.broker[slot as usize], other.dir[slot as usize]);
        }
        settle(&mut combined);
        // Each of the two kept the budget and its log dirs' limits; what is put together need not.
        let fits = combined.keeps_budget(problem) && !overfills(problem, best, &combined);
        if fits && Quality::of(problem, &combined).beats(problem, &Quality::of(problem, best)) {
            *best = combined;
        }
    }
}

/// Whether a log dir is beyond its limit in `combined` and fuller than in `best`.
fn overfills(problem: &Problem<'_>, best: &State, combined: &State) -> bool {
    let bytes = best.dir_bytes.iter().zip(&combined.dir_bytes);
    problem.dirs.iter().zip(bytes).any(|(dir, (&old, &new))| dir.serving && new > dir.limit_bytes && new > old)
}

/// Slots that sit elsewhere in `other` than in `one`, by what is linked.
fn parts(problem: &Problem<'_>, one: &State, other: &State) -> Vec<Vec<u32>> {
    let mut slots: Vec<u32> = one.moved.iter().chain(&other.moved).copied().collect();
    slots.retain(|&slot| one.broker[slot as usize] != other.broker[slot as usize]);
    slots.sort_unstable();
    slots.dedup();
    let mut links = Links::new(problem.brokers.len());
    for same in slots.chunk_by(|a, b| problem.slot_partition[*a as usize] == problem.slot_partition[*b as usize]) {
        let places = |slot: u32| (one.broker[slot as usize], other.broker[slot as usize]);
        let rack = |b: u32| problem.brokers[b as usize].rack;
        let crosses = same.iter().map(|&slot| places(slot)).any(|(a, b)| rack(a) != rack(b));
        for (a, b) in same.iter().map(|&slot| places(slot)) {
            links.link(a, b);
            if crosses {
                links.link(a, one.broker[same[0] as usize]);
            }
        }
    }
    let mut parts: Vec<Vec<u32>> = vec![Vec::new(); problem.brokers.len()];
    for slot in slots {
        parts[links.find(one.broker[slot as usize]) as usize].push(slot);
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Whether `part` is cheaper in `other` than in `best`, or its brokers are nearer to their bands there.
fn promises(problem: &Problem<'_>, part: &[u32], best: &State, other: &State) -> bool {
    let bytes = |state: &State| -> f64 {
        let away = part.iter().filter(|&&s| state.broker[s as usize] != problem.home_broker[s as usize]);
        away.map(|&s| problem.partitions[problem.slot_partition[s as usize] as usize].copy_bytes).sum()
    };
    let mut brokers: Vec<u32> =
        part.iter().flat_map(|&s| [best.broker[s as usize], other.broker[s as usize]]).collect();
    brokers.sort_unstable();
    brokers.dedup();
    let penalty = |state: &State| -> f64 { brokers.iter().map(|&b| state.penalty[b as usize]).sum() };
    bytes(other) < bytes(best) || penalty(other) < penalty(best) - DRIFT
}

/// Which brokers are linked, directly or by others (disjoint sets: Tarjan 1975).
struct Links {
    parent: Vec<u32>,
}

impl Links {
    fn new(brokers: usize) -> Self {
        Self { parent: (0..row(brokers)).collect() }
    }

    fn find(&mut self, broker: u32) -> u32 {
        let mut root = broker;
        while self.parent[root as usize] != root {
            self.parent[root as usize] = self.parent[self.parent[root as usize] as usize];
            root = self.parent[root as usize];
        }
        root
    }

    fn link(&mut self, one: u32, other: u32) {
        let (one, other) = (self.find(one), self.find(other));
        self.parent[one.max(other) as usize] = one.min(other);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::ingest::{SynthSpec, synthesize};
    use crate::model::Policy;
    use crate::optimize::balance::balance;
    use crate::optimize::destinations::{choose_dir, may_host, rack_allows};

    /// Sends a replica of each of `from` to a broker that may take it, in the same rack where `in_rack`.
    fn sent(problem: &Problem<'_>, state: &State, from: &[u32], in_rack: bool) -> State {
        let mut state = state.clone();
        let rack = |b: u32| problem.brokers[b as usize].rack;
        for &b in from {
            let slots = state.on_broker[b as usize].clone();
            let fits = |slot: u32, to: u32| {
                (!in_rack || rack(b) == rack(to))
                    && may_host(problem, &state, slot, to)
                    && rack_allows(problem, &state, slot, to)
            };
            let brokers = || 0..row(problem.brokers.len());
            let found = slots.iter().find_map(|&slot| Some((slot, brokers().find(|&to| to != b && fits(slot, to))?)));
            let (slot, to) = found.unwrap();
            let dir = choose_dir(problem, &state, slot, to).unwrap();
            state.relocate(problem, slot, to, dir);
        }
        state
    }

    #[test]
    fn each_rack_is_taken_from_where_it_is_best() {
        let spec = SynthSpec { brokers: 12, partitions: 300, racks: 3, drift: 0.6, seed: 3, ..SynthSpec::default() };
        let (snapshot, policy) = (synthesize(&spec).unwrap(), Policy::default());
        let problem = Problem::new(&snapshot, &policy);
        let mut good = State::new(&problem);
        good.settle(&problem);
        balance(&problem, &mut good, &|| false);
        let rack = |b: u32| problem.brokers[b as usize].rack;
        let in_rack = |wanted: u32| (0..row(problem.brokers.len())).filter(|&b| rack(b) == wanted).collect::<Vec<_>>();
        // Each has copied in vain in one rack.
        let (mut one, other) = (sent(&problem, &good, &in_rack(0), true), sent(&problem, &good, &in_rack(1), true));
        assert!(parts(&problem, &one, &other).len() >= 2, "racks are linked though nothing passed between them");
        combine(&problem, &mut one, &other, |state| state.rebase(&problem));
        one.recount(&problem);
        assert!((one.copied_bytes - good.copied_bytes).abs() < 1.0, "{} {}", one.copied_bytes, good.copied_bytes);
    }

    #[test]
    fn what_changes_racks_links_them() {
        let spec = SynthSpec { brokers: 12, partitions: 300, racks: 6, seed: 3, ..SynthSpec::default() };
        let (snapshot, policy) = (synthesize(&spec).unwrap(), Policy::default());
        let problem = Problem::new(&snapshot, &policy);
        let start = State::new(&problem);
        let moved = sent(&problem, &start, &[0, 1, 2, 3], false);
        let found = parts(&problem, &start, &moved);
        let linked = found.iter().flatten().count();
        assert_eq!(linked, 4);
        let brokers = |part: &Vec<u32>| -> Vec<u32> {
            part.iter().flat_map(|&s| [start.broker[s as usize], moved.broker[s as usize]]).collect()
        };
        for (i, part) in found.iter().enumerate() {
            let others = found[i + 1..].iter().flat_map(brokers).collect::<Vec<_>>();
            assert!(brokers(part).iter().all(|b| !others.contains(b)), "a broker in two parts");
        }
    }
}
