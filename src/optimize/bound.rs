//! A proven lower bound on the bytes that any plan as good as ours copies between brokers.
//!
//! *As good* means: no rule's count is higher and no (group, goal) excess is higher. The argument (docs/solver.md has it
//! in full): a replica that must leave where it is copies its partition's largest size; beyond those, every broker above
//! a band's upper edge must lose at least what lies above it, and the cheapest way to lose so much of one goal is a
//! fractional knapsack over its replicas; every broker below a lower edge must gain. Each copy leaves one broker and
//! reaches one, so what leaves all brokers of a class and what reaches them both bound the bytes within it. Copies bring
//! the largest size, so the mean may grow: upper edges are taken at the greatest mean that a plan copying no more than
//! ours can reach.
//!
//! Goals that our plan leaves with excess are left out, which only lowers the bound. Where our plan leaves a rule about
//! replicas broken, another plan may leave others where they are, and nothing is claimed.

use super::problem::{NONE, Problem, row};
use super::repair::{fault, rack_broken};
use super::solution::{BoundKind, LowerBound};
use super::state::State;
use crate::model::{Freedom, band};

/// Slack for sums of floats, relative: far above their error, far below anything that matters.
const SLACK: f64 = 1e-8;

/// Proves a bound for the plan `after` of the snapshot `before`.
pub(crate) fn lower_bound(problem: &Problem<'_>, before: &State, after: &State) -> LowerBound {
    let none = LowerBound { bytes: 0, kind: BoundKind::Shedding };
    let judged = |p: &u32| problem.partitions[*p as usize].freedom != Freedom::Fixed;
    let mut partitions = (0..row(problem.partitions.len())).filter(judged);
    let broken =
        |p: u32| rack_broken(problem, after, p) || problem.slots(p).any(|s| fault(problem, after, row(s)).is_some());
    if partitions.any(broken) {
        return none;
    }
    let bytes: f64 = Classes::new(problem).total(problem, before, after);
    debug_assert!(bytes * (1.0 - SLACK) <= after.copied_bytes * (1.0 + SLACK) + 1.0, "our plan beats its own bound");
    // A plan that copies more than ours needs no proof; the bound may not pass our own bytes.
    let bytes = (bytes * (1.0 - SLACK)).min(after.copied_bytes).max(0.0);
    LowerBound { bytes: bytes.ceil().min(after.copied_bytes) as u64, kind: BoundKind::Shedding }
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

impl Classes {
    fn new(problem: &Problem<'_>) -> Self {
        let mut by_rack = vec![true; problem.groups.names().len()];
        for facts in problem.partitions.iter().filter(|facts| facts.freedom != Freedom::Fixed) {
            let topic = &problem.topics[facts.topic as usize];
            if topic.group != NONE && (topic.racks == 0 || !u32::from(facts.slot_count).is_multiple_of(topic.racks)) {
                by_rack[topic.group as usize] = false;
            }
        }
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
        let pool = Pool::new(problem);
        let proven = |edges: &Edges| {
            let (leave, come) = self.shedding(problem, before, edges, &pool, &fates);
            self.sum(&flows, &leave, &come) - edges.slack_bytes
        };
        let edges = Edges::new(problem, before, after);
        let with_disk = proven(&edges);
        if edges.slack_bytes > 0.0 { forced.max(with_disk).max(proven(&edges.without_disk())) } else { with_disk }
    }

    /// What must leave beyond what is forced, and what must come, by class.
    fn shedding(
        &self,
        problem: &Problem<'_>,
        before: &State,
        edges: &Edges,
        pool: &Pool,
        fates: &[Fate],
    ) -> (Vec<f64>, Vec<f64>) {
        let (mut leave, mut come) = (vec![0.0; self.keys.len()], vec![0.0; self.keys.len()]);
        for (b, _) in problem.brokers.iter().enumerate().filter(|(_, facts)| facts.in_band) {
            let without = |unwanted: &[Fate]| -> Vec<u32> {
                let slots = before.on_broker[b].iter().copied();
                slots.filter(|&s| !unwanted.contains(&fates[s as usize])).collect()
            };
            let class = self.of_broker[b] as usize;
            leave[class] += must_leave(problem, before, edges, b, &without(&[Fate::Leaves, Fate::MayMend]));
            come[class] += must_come(problem, edges, pool, b, &without(&[Fate::Leaves]));
        }
        (leave, come)
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
    (0..fates.len()).all(|s| {
        let p = problem.slot_partition[s] as usize;
        let facts = &problem.brokers[before.broker[s] as usize];
        let anywhere = problem.topics[problem.partitions[p].topic as usize].group == NONE;
        let off_band = facts.active && facts.group != NONE && !facts.in_band;
        let fixed = problem.partitions[p].freedom == Freedom::Fixed;
        !(anywhere && fates[s] != Fate::Open) && (!off_band || fixed || fates[s] == Fate::Leaves)
    })
}

/// The edges of the bands that every plan as good as ours meets, in loads.
struct Edges {
    /// Per broker: the most of disk bytes, bytes in and replicas; infinite where nothing is claimed.
    high: Vec<[f64; 3]>,
    /// Per broker: the least of the same.
    low: Vec<[f64; 3]>,
    /// Disk bytes that brokers may together stay outside by: our plan's own excess, nothing where it is inside.
    slack_bytes: f64,
    /// Whether our plan keeps every topic within its limit.
    spread_holds: bool,
}

/// The lanes that only copies change: disk bytes, bytes in, replicas.
const LANES: [usize; 3] = [0, 1, 4];

impl Edges {
    fn new(problem: &Problem<'_>, before: &State, after: &State) -> Self {
        let brokers = problem.brokers.len();
        let mut edges = Self {
            high: vec![[f64::INFINITY; 3]; brokers],
            low: vec![[0.0; 3]; brokers],
            slack_bytes: 0.0,
            spread_holds: after.spread.mendable(problem, &after.broker) <= SLACK
                && !frozen_moved(problem, before, after),
        };
        for group in 0..problem.groups.names().len() {
            let is_member = |b: &usize| problem.brokers[*b].in_band && problem.brokers[*b].group as usize == group;
            let members: Vec<usize> = (0..brokers).filter(is_member).collect();
            for (column, lane) in LANES.into_iter().enumerate() {
                edges.fill(problem, before, after, &members, column, lane);
            }
        }
        edges
    }

    fn fill(
        &mut self,
        problem: &Problem<'_>,
        before: &State,
        after: &State,
        members: &[usize],
        column: usize,
        lane: usize,
    ) {
        let goal = crate::model::Goal::BROKER[lane];
        if members.is_empty() || !problem.is_on(lane) {
            return;
        }
        let known = !goal.is_count() && members.iter().all(|&b| problem.brokers[b].capacity[lane] > 0.0);
        let capacity = |b: usize| if known { problem.brokers[b].capacity[lane] } else { 1.0 };
        let total: f64 = members.iter().map(|&b| after.load[b][lane]).sum();
        let room: f64 = members.iter().map(|&b| capacity(b)).sum();
        // In disk bytes, plans differ by how much larger copies are than what they replace.
        let growth = if lane == 0 { greatest_growth(problem, before, after, members) } else { 0.0 };
        let least_total = if lane == 0 { total - growth } else { total };
        let share = problem.policy.bands.of(goal);
        let edge = |b: usize| {
            if goal.is_count() {
                let (low, high) = band::count(total.round() as u64, members.len(), share);
                (low as f64, high as f64)
            } else {
                let low = least_total / room * (1.0 - share) * capacity(b) * (1.0 - SLACK);
                let high = (total + growth) / room * (1.0 + share) * capacity(b) * (1.0 + SLACK);
                (low, high)
            }
        };
        let excess = excess(after, members, lane, share, capacity);
        if excess > 0.0 && lane != 0 {
            return;
        }
        // In disk bytes a broker may stay outside by so many bytes as all together may in any plan as good as ours.
        let largest = members.iter().map(|&b| capacity(b)).fold(0.0, f64::max);
        self.slack_bytes += excess * (total + growth) / room * largest * (1.0 + SLACK);
        for &b in members {
            let (low, high) = edge(b);
            self.low[b][column] = low;
            self.high[b][column] = high;
        }
    }

    /// The same without the disk lane, for where its slack costs more than it proves.
    fn without_disk(mut self) -> Self {
        self.high.iter_mut().for_each(|high| high[0] = f64::INFINITY);
        self.low.iter_mut().for_each(|low| low[0] = 0.0);
        self.slack_bytes = 0.0;
        self
    }
}

/// The excess of our plan in `lane` over `members`: Σ distance to the band ÷ mean, 0 within the contract's tolerance.
fn excess(after: &State, members: &[usize], lane: usize, share: f64, capacity: impl Fn(usize) -> f64) -> f64 {
    let total: f64 = members.iter().map(|&b| after.load[b][lane]).sum();
    let mean = total / members.iter().map(|&b| capacity(b)).sum::<f64>();
    if mean <= 0.0 {
        return 0.0;
    }
    let band = if crate::model::Goal::BROKER[lane].is_count() {
        let (low, high) = band::count(total.round() as u64, members.len(), share);
        (low as f64, high as f64)
    } else {
        band::utilization(mean, share)
    };
    members.iter().map(|&b| band::distance(after.load[b][lane] / capacity(b), band)).sum::<f64>() / mean
}

/// Whether a topic that goals may not move did move: another plan might then put it better and spend the excess elsewhere.
fn frozen_moved(problem: &Problem<'_>, before: &State, after: &State) -> bool {
    after.moved.iter().any(|&s| {
        let p = problem.slot_partition[s as usize] as usize;
        let topic = &problem.topics[problem.partitions[p].topic as usize];
        !topic.free && topic.spread_limit != NONE && before.broker[s as usize] != after.broker[s as usize]
    })
}

/// The most that a group's disk bytes can differ between two plans that copy no more than ours, because copies bring
/// the partition's largest size.
fn greatest_growth(problem: &Problem<'_>, before: &State, after: &State, members: &[usize]) -> f64 {
    let mut growths: Vec<(f64, f64)> = Vec::new();
    for &b in members {
        for &slot in &before.on_broker[b] {
            let p = problem.slot_partition[slot as usize];
            let copy = problem.partitions[p as usize].copy_bytes;
            let own = before.demand_here(problem, slot)[0];
            if copy > own && copy > 0.0 {
                growths.push(((copy - own) / copy, copy));
            }
        }
    }
    growths.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut bytes, mut growth) = (after.copied_bytes, 0.0);
    for (rate, copy) in growths {
        if bytes <= 0.0 {
            break;
        }
        growth += rate * copy.min(bytes);
        bytes -= copy;
    }
    growth
}

/// Whether goals may move `slot`, so that shedding may count on it.
fn may_leave(problem: &Problem<'_>, slot: u32) -> bool {
    super::balance::is_free(problem, slot)
}

/// The least bytes that broker `b` must lose beyond what is forced.
fn must_leave(problem: &Problem<'_>, before: &State, edges: &Edges, b: usize, resident: &[u32]) -> f64 {
    let sums = sums(problem, before, b, resident);
    let mut least: f64 = 0.0;
    for (column, lane) in LANES.into_iter().enumerate() {
        let excess = sums[column] - edges.high[b][column];
        if excess > 0.0 {
            let items = resident.iter().filter(|&&s| may_leave(problem, s)).map(|&s| item(problem, before, s, lane));
            least = least.max(knapsack(items.collect(), excess));
        }
    }
    if edges.spread_holds { least.max(spread_bytes(problem, before, b, resident)) } else { least }
}

/// What stays on broker `b` in each of [`LANES`] once forced replicas have left.
fn sums(problem: &Problem<'_>, before: &State, b: usize, resident: &[u32]) -> [f64; 3] {
    let dirs = problem.snapshot.brokers[b].log_dir_rows();
    let serving = problem.snapshot.log_dirs[dirs].iter().filter(|d| d.state.is_serving());
    let mut sums = [serving.map(|d| d.other_used_bytes as f64).sum(), 0.0, 0.0];
    for &slot in resident {
        let demand = before.demand_here(problem, slot);
        for (column, lane) in LANES.into_iter().enumerate() {
            sums[column] += demand[lane];
        }
    }
    sums
}

/// What `slot` relieves in `lane` and the bytes that costs.
fn item(problem: &Problem<'_>, before: &State, slot: u32, lane: usize) -> (f64, f64) {
    let p = problem.slot_partition[slot as usize];
    (before.demand_here(problem, slot)[lane], problem.partitions[p as usize].copy_bytes)
}

/// The least bytes of a fractional choice of `(relief, bytes)` items whose relief sums to `need`.
fn knapsack(mut items: Vec<(f64, f64)>, need: f64) -> f64 {
    items.retain(|(relief, _)| *relief > 0.0);
    items.sort_by(|a, b| (a.1 * b.0).total_cmp(&(b.1 * a.0)));
    let (mut need, mut bytes) = (need, 0.0);
    for (relief, cost) in items {
        if need <= 0.0 {
            break;
        }
        bytes += cost * (need / relief).min(1.0);
        need -= relief;
    }
    bytes
}

/// The least bytes that bring broker `b`'s topics down to their limits.
fn spread_bytes(problem: &Problem<'_>, before: &State, b: usize, resident: &[u32]) -> f64 {
    let mut by_topic: Vec<(u32, f64)> = resident
        .iter()
        .filter(|&&s| may_leave(problem, s))
        .map(|&s| &problem.partitions[problem.slot_partition[s as usize] as usize])
        .filter(|facts| problem.topics[facts.topic as usize].spread_limit != NONE)
        .map(|facts| (facts.topic, facts.copy_bytes))
        .collect();
    by_topic.sort_by(|x, y| x.0.cmp(&y.0).then(x.1.total_cmp(&y.1)));
    let mut bytes = 0.0;
    for same in by_topic.chunk_by(|x, y| x.0 == y.0) {
        let topic = same[0].0;
        let limit = problem.topics[topic as usize].spread_limit as usize;
        if same.len() > limit && before.spread.judges(problem, topic, row(b)) {
            bytes += same[..same.len() - limit].iter().map(|(_, copy)| copy).sum::<f64>();
        }
    }
    bytes
}

/// Copies that could come to a broker of a group, cheapest first for each lane: prefix sums of relief and bytes.
struct Pool {
    /// By group, then lane.
    prefixes: Vec<[Vec<(f64, f64)>; 3]>,
}

impl Pool {
    fn new(problem: &Problem<'_>) -> Self {
        let groups = problem.groups.names().len();
        let mut prefixes = Vec::with_capacity(groups);
        for group in 0..groups {
            let belongs = |topic: u32| {
                let own = problem.topics[topic as usize].group;
                own == NONE || own as usize == group
            };
            let of_lane = |column: usize| {
                let items = problem.partitions.iter().filter(|facts| belongs(facts.topic));
                let items = items.map(|facts| match column {
                    0 => (facts.copy_bytes, facts.copy_bytes),
                    1 => (facts.traffic.network_in, facts.copy_bytes),
                    _ => (1.0, facts.copy_bytes),
                });
                let mut items: Vec<(f64, f64)> = items.filter(|(gain, _)| *gain > 0.0).collect();
                items.sort_by(|a, b| (a.1 * b.0).total_cmp(&(b.1 * a.0)));
                let mut sum = (0.0, 0.0);
                for item in &mut items {
                    sum = (sum.0 + item.0, sum.1 + item.1);
                    *item = sum;
                }
                items
            };
            prefixes.push([of_lane(0), of_lane(1), of_lane(2)]);
        }
        Self { prefixes }
    }

    /// The least bytes of a fractional choice of copies that brings `need`.
    fn cost(&self, group: usize, column: usize, need: f64) -> f64 {
        let prefix = &self.prefixes[group][column];
        let after = prefix.partition_point(|(gain, _)| *gain < need);
        let (gain, bytes) = if after == 0 { (0.0, 0.0) } else { prefix[after - 1] };
        match prefix.get(after) {
            Some(next) => bytes + (next.1 - bytes) * (need - gain) / (next.0 - gain),
            None => bytes,
        }
    }
}

/// The least bytes that must come to broker `b`.
fn must_come(problem: &Problem<'_>, edges: &Edges, pool: &Pool, b: usize, resident: &[u32]) -> f64 {
    let mut least: f64 = 0.0;
    let group = problem.brokers[b].group as usize;
    let sums = resident_sums(problem, b, resident);
    for (column, sum) in sums.into_iter().enumerate() {
        let need = edges.low[b][column] - sum;
        if need > 0.0 {
            least = least.max(pool.cost(group, column, need));
        }
    }
    least
}

/// What broker `b` keeps at most in each of [`LANES`]: its resident replicas at their partitions' sizes in the snapshot.
fn resident_sums(problem: &Problem<'_>, b: usize, resident: &[u32]) -> [f64; 3] {
    let dirs = problem.snapshot.brokers[b].log_dir_rows();
    let serving = problem.snapshot.log_dirs[dirs].iter().filter(|d| d.state.is_serving());
    let mut sums = [serving.map(|d| d.other_used_bytes as f64).sum(), 0.0, 0.0];
    for &slot in resident {
        let p = problem.slot_partition[slot as usize];
        sums[0] += problem.bytes_on(p, row(b));
        sums[1] += problem.partitions[p as usize].traffic.network_in;
        sums[2] += 1.0;
    }
    sums
}
