//! A proven lower bound on the bytes that any plan as good as ours copies between brokers.
//!
//! *As good* means: no rule's count is higher and no (group, goal) excess is higher. The argument (docs/solver.md has it
//! in full): a replica that must leave where it is copies its partition's largest size; beyond those, every broker above
//! a band's upper edge must lose at least what lies above it, and the cheapest way to lose so much of one goal is a
//! covering knapsack over its replicas; every broker below a lower edge must gain. Each copy leaves one broker and
//! reaches one, so what leaves all brokers of a class and what reaches them both bound the bytes within it. Copies bring
//! the largest size, so the mean may grow: upper edges are taken at the greatest mean that a plan copying no more than
//! ours can reach.
//!
//! Where that leaves a gap and the cluster is small, the Lagrangian of all bands at once is tried, at prices found by
//! subgradients, by a linear program, and by branch and bound over it.
//!
//! Goals that our plan leaves with excess are left out, which only lowers the bound. Where our plan leaves a rule about
//! replicas broken, another plan may leave others where they are, and nothing is claimed.

mod ascent;
mod departures;
mod edges;
mod exact;
mod filling;
mod knapsack;
mod receivers;
pub(crate) mod relaxation;
mod shedding;

use rayon::prelude::*;

use self::ascent::ascend;
use self::edges::{Edges, frees_the_frozen};
use self::exact::{Budget, climb};
use self::filling::{Filling, Lack, Pool};
use self::relaxation::Relaxation;
use self::shedding::{Surplus, may_leave, must_leave, must_leave_together, spared, surplus};
use super::Effort;
use super::problem::{NONE, Problem, row};
use super::repair::{fault, rack_broken};
use super::solution::{BoundKind, LowerBound};
use super::state::State;
use crate::model::Freedom;

/// Slack for sums of floats, relative: far above their error, far below anything that matters.
const SLACK: f64 = 1e-8;

/// A gap below this needs no dearer proof.
const NEGLIGIBLE: f64 = 1e-4;

/// Proves a bound for the plan `after` of the snapshot `before`: the cheapest proof first, dearer ones while a gap is left
/// and `effort` and the cluster's size allow them.
pub(crate) fn lower_bound(problem: &Problem<'_>, before: &State, after: &State, effort: Effort) -> LowerBound {
    let none = LowerBound { bytes: 0, kind: BoundKind::Shedding };
    let judged = |p: &u32| problem.partitions[*p as usize].freedom != Freedom::Fixed;
    let mut partitions = (0..row(problem.partitions.len())).filter(judged);
    let broken =
        |p: u32| rack_broken(problem, after, p) || problem.slots(p).any(|s| fault(problem, after, row(s)).is_some());
    if partitions.any(broken) {
        return none;
    }
    let bytes: f64 = Classes::new(problem, frees_the_frozen(problem, before)).total(problem, before, after);
    let shedding = claim(bytes * (1.0 - SLACK), BoundKind::Shedding, after);
    if suffices(shedding, after) {
        return shedding;
    }
    relaxed(problem, before, after, Budget::of(effort)).into_iter().fold(shedding, stronger)
}

/// What is claimed where so many bytes are proven. A plan that copies more than ours needs no proof: the bound may not pass
/// our own bytes.
fn claim(bytes: f64, kind: BoundKind, after: &State) -> LowerBound {
    debug_assert!(bytes <= after.copied_bytes * (1.0 + SLACK) + 1.0, "our plan beats its own {} bound", kind.name());
    LowerBound { bytes: bytes.max(0.0).ceil().min(after.copied_bytes) as u64, kind }
}

fn suffices(bound: LowerBound, after: &State) -> bool {
    bound.bytes as f64 >= after.copied_bytes * (1.0 - NEGLIGIBLE)
}

/// The better bound, the first where they are equal.
fn stronger(one: LowerBound, other: LowerBound) -> LowerBound {
    if other.bytes > one.bytes { other } else { one }
}

/// Bounds by the Lagrangian of all bands and topics' limits at once, as far as `budget` goes.
fn relaxed(problem: &Problem<'_>, before: &State, after: &State, budget: Budget) -> Vec<LowerBound> {
    if problem.policy.scope.relieve_disks {
        // Brokers that are closed to our plan for being full are not closed to every plan as good.
        return Vec::new();
    }
    // Each of them has at least one place.
    if problem.partitions.iter().filter(|facts| facts.freedom == Freedom::Free).count() > budget.places {
        return Vec::new();
    }
    let edges = Edges::new(problem, before, after);
    let edges = if edges.slack[0] > 0.0 { edges.without_disk() } else { edges };
    let (fates, _) = Classes::new(problem, edges.frozen_move).fates(problem, before);
    if !totals_are_certain(problem, before, &fates) {
        return Vec::new();
    }
    let Some(relaxation) = Relaxation::new(problem, before, &edges, &fates, budget.places) else { return Vec::new() };
    let ours = after.copied_bytes;
    let lagrangian = claim(ascend(&relaxation, ours), BoundKind::Lagrangian, after);
    if suffices(lagrangian, after) || relaxation.places.len() > budget.linear_places {
        return vec![lagrangian];
    }
    let (bytes, kind) = climb(&relaxation, ours, budget);
    vec![lagrangian, claim(bytes, kind, after)]
}

/// Brokers between which copies balance: a group, or one rack of a group where every partition that may move keeps as
/// many replicas in each rack.
struct Classes {
    /// Each broker's class, [`NONE`] where no copy can be told to be replaced there.
    of_broker: Vec<u32>,
    /// Each class's group and, where racks balance apart, rack.
    keys: Vec<(u32, u32)>,
    /// By group: whether racks balance apart.
    by_rack: Vec<bool>,
}

/// What becomes of a slot in every plan as good as ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It leaves only if the plan wants so.
    Open,
    /// It must leave where it is.
    Leaves,
    /// Its partition breaks the rack rule: it may be the one that mends it, so its leaving counts for nobody.
    MayMend,
}

/// Bytes that are certain to flow, by class.
struct Flows {
    /// What must leave the class's brokers.
    leave: Vec<f64>,
    /// By how much what comes exceeds what leaves: copies of replicas that sit outside the class and belong in it.
    inflow: Vec<f64>,
    /// Copies whose class is unknown.
    loose: f64,
}

/// What must leave beyond what is forced, and what must come, by class.
struct Shedding {
    /// For brokers' bands.
    leave: Vec<f64>,
    /// For their bands or their topics' limits, whichever takes more.
    leave_crowded: Vec<f64>,
    come: Vec<f64>,
    /// Replicas by which topics are beyond their limits.
    surplus: Vec<Surplus>,
}

impl Classes {
    /// Those of `problem`; `frozen_move` says whether plans may move what otherwise stays for repairs alone. A partition
    /// that stays where it is leaves racks apart, whatever its share of them.
    fn new(problem: &Problem<'_>, frozen_move: bool) -> Self {
        let by_rack = problem.racks_apart(frozen_move);
        let mut keys: Vec<(u32, u32)> = Vec::new();
        let mut of_broker = Vec::with_capacity(problem.brokers.len());
        for facts in &problem.brokers {
            if facts.group == NONE {
                of_broker.push(NONE);
                continue;
            }
            let key = (facts.group, if by_rack[facts.group as usize] { facts.rack } else { NONE });
            let found = keys.iter().position(|k| *k == key).unwrap_or_else(|| {
                keys.push(key);
                keys.len() - 1
            });
            of_broker.push(row(found));
        }
        Self { of_broker, keys, by_rack }
    }

    /// Σ over classes of the least bytes that must come: no less than what leaves plus the inflow.
    fn total(&self, problem: &Problem<'_>, before: &State, after: &State) -> f64 {
        let (fates, flows) = self.fates(problem, before);
        let none = vec![0.0; self.keys.len()];
        let forced = self.sum(&flows, &none, &none);
        if !totals_are_certain(problem, before, &fates) {
            return forced;
        }
        let edges = Edges::new(problem, before, after);
        let movable = |p: u32| problem.slots(p).any(|s| fates[s] != Fate::Open || may_leave(problem, &edges, row(s)));
        let in_class = |group: usize, p: u32| if movable(p) { self.replicas_in_class(problem, group, p) } else { 0 };
        let pool = Pool::new(problem, in_class);
        let proven = |edges: &Edges| {
            let shedding = self.shedding(before, Filling { problem, edges, pool: &pool }, &fates);
            let bands = self.sum(&flows, &shedding.leave, &shedding.come) - edges.slack[0];
            let Some(slack) = edges.spread else { return bands };
            let topics = self.sum(&flows, &shedding.leave_crowded, &shedding.come) - edges.slack[0];
            bands.max(topics - spared(shedding.surplus, slack))
        };
        let with_disk = proven(&edges);
        if edges.slack[0] > 0.0 {
            forced.max(with_disk).max(proven(&edges.clone().without_disk()))
        } else {
            forced.max(with_disk)
        }
    }

    /// What must leave beyond what is forced, and what must come.
    fn shedding<C: Fn(usize, u32) -> u32 + Sync>(
        &self,
        before: &State,
        filling: Filling<'_, C>,
        fates: &[Fate],
    ) -> Shedding {
        let Filling { problem, edges, .. } = filling;
        let of_broker = |b: usize| {
            let without = |unwanted: &[Fate]| -> Vec<u32> {
                let slots = before.on_broker[b].iter().copied();
                slots.filter(|&s| !unwanted.contains(&fates[s as usize])).collect()
            };
            let open = without(&[Fate::Leaves, Fate::MayMend]);
            let leave = must_leave(problem, before, edges, b, &open);
            let surplus = surplus(problem, before, edges, b, &open);
            let together = must_leave_together(problem, before, edges, b, &open);
            let crowded = leave.max(together).max(surplus.iter().map(|s| s.bytes).sum());
            let lack = filling.must_come(b, &without(&[Fate::Leaves]), !surplus.is_empty());
            (leave, crowded, surplus, lack)
        };
        let brokers: Vec<usize> = (0..problem.brokers.len()).filter(|&b| problem.brokers[b].in_band).collect();
        let found: Vec<_> = brokers.par_iter().map(|&b| of_broker(b)).collect();
        let none = vec![0.0; self.keys.len()];
        let mut sums = Shedding { leave: none.clone(), leave_crowded: none.clone(), come: none, surplus: Vec::new() };
        let mut lacks: Vec<Vec<Lack>> = vec![Vec::new(); self.keys.len()];
        for (b, (leave, crowded, surplus, lack)) in brokers.into_iter().zip(found) {
            let class = self.of_broker[b] as usize;
            sums.leave[class] += leave;
            sums.leave_crowded[class] += crowded;
            sums.surplus.extend(surplus);
            lacks[class].extend(lack);
        }
        for (class, lacks) in lacks.iter().enumerate() {
            sums.come[class] = filling.must_come_together(self.keys[class].0 as usize, lacks);
        }
        sums
    }

    /// How many replicas of partition `p` a class of `group` ends with at most.
    fn replicas_in_class(&self, problem: &Problem<'_>, group: usize, p: u32) -> u32 {
        let facts = &problem.partitions[p as usize];
        let topic = &problem.topics[facts.topic as usize];
        let replicas = u32::from(facts.slot_count);
        // A topic of no group keeps to no group's racks.
        if self.by_rack[group] && topic.group != NONE && topic.racks > 0 {
            replicas.div_ceil(topic.racks)
        } else {
            replicas
        }
    }

    fn sum(&self, flows: &Flows, leave: &[f64], come: &[f64]) -> f64 {
        let class = |c: usize| (flows.leave[c] + leave[c] + flows.inflow[c]).max(come[c]).max(0.0);
        flows.loose + (0..self.keys.len()).map(class).sum::<f64>()
    }

    /// What becomes of every slot, and the flows that follow from it.
    fn fates(&self, problem: &Problem<'_>, before: &State) -> (Vec<Fate>, Flows) {
        let mut fates = vec![Fate::Open; problem.slot_partition.len()];
        let classes = self.keys.len();
        let mut flows = Flows { leave: vec![0.0; classes], inflow: vec![0.0; classes], loose: 0.0 };
        for p in 0..row(problem.partitions.len()) {
            let facts = &problem.partitions[p as usize];
            if facts.freedom == Freedom::Fixed {
                continue;
            }
            for s in problem.slots(p).filter(|&s| fault(problem, before, row(s)).is_some()) {
                fates[s] = Fate::Leaves;
            }
            let broken = rack_broken(problem, before, p);
            for s in problem.slots(p) {
                // Which of two replicas on one broker goes is open; one of them does.
                if fates[s] == Fate::Open && problem.slots(p).any(|o| o != s && before.broker[o] == before.broker[s]) {
                    fates[s] = Fate::MayMend;
                }
            }
            if broken {
                problem.slots(p).filter(|&s| fates[s] == Fate::Open).collect::<Vec<_>>().iter().for_each(|&s| {
                    fates[s] = Fate::MayMend;
                });
            }
            let leaving = problem.slots(p).filter(|&s| fates[s] == Fate::Leaves).count();
            if problem.topics[facts.topic as usize].group == NONE {
                flows.loose += facts.copy_bytes * leaving.max(usize::from(broken)) as f64;
            } else if broken || leaving > 0 {
                self.partition_flows(problem, before, &fates, p, &mut flows);
            }
        }
        (fates, flows)
    }

    /// The flows of a partition that breaks a rule: every class of its group ends with its share of the replicas.
    fn partition_flows(&self, problem: &Problem<'_>, before: &State, fates: &[Fate], p: u32, flows: &mut Flows) {
        let facts = &problem.partitions[p as usize];
        let topic = &problem.topics[facts.topic as usize];
        let apart = self.by_rack[topic.group as usize];
        let share = if apart { u32::from(facts.slot_count) / topic.racks } else { u32::from(facts.slot_count) };
        for (class, _) in self.keys.iter().enumerate().filter(|(_, key)| key.0 == topic.group) {
            let here = || problem.slots(p).filter(|&s| self.of_broker[before.broker[s] as usize] as usize == class);
            let leaving = here().filter(|&s| fates[s] == Fate::Leaves).count();
            let held = here().count();
            let mut leave = leaving;
            if apart {
                // What is beyond the rack's share must leave it, be it for another reason or for this.
                leave = leave.max(held.saturating_sub(share as usize));
            } else if leaving == 0 && rack_broken(problem, before, p) && held == facts.slot_count as usize {
                leave = 1;
            }
            flows.leave[class] += facts.copy_bytes * leave as f64;
            if !apart || self.is_open(problem, class) {
                flows.inflow[class] += facts.copy_bytes * (f64::from(share) - held as f64);
            } else {
                flows.inflow[class] -= facts.copy_bytes * held as f64;
            }
        }
    }

    /// Whether a class has active brokers: a rack that only leaving brokers are in is no rack any more.
    fn is_open(&self, problem: &Problem<'_>, class: usize) -> bool {
        let rackless = self.by_rack[self.keys[class].0 as usize] && self.keys[class].1 == NONE;
        let active = |(&c, facts): (&u32, &super::problem::BrokerFacts)| c as usize == class && facts.active;
        !rackless && self.of_broker.iter().zip(&problem.brokers).any(active)
    }
}

/// Whether every plan as good as ours puts the same replicas on each group's banded brokers, so that means are the same.
fn totals_are_certain(problem: &Problem<'_>, before: &State, fates: &[Fate]) -> bool {
    let repairs = frees_the_frozen(problem, before);
    (0..fates.len()).all(|s| {
        let p = problem.slot_partition[s] as usize;
        let facts = &problem.brokers[before.broker[s] as usize];
        let anywhere = problem.topics[problem.partitions[p].topic as usize].group == NONE;
        let off_band = facts.active && facts.group != NONE && !facts.in_band;
        let fixed = problem.partitions[p].freedom == Freedom::Fixed;
        !(anywhere && !fixed && (repairs || fates[s] != Fate::Open)) && (!off_band || fixed || fates[s] == Fate::Leaves)
    })
}
