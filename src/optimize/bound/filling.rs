//! The least bytes that must come to brokers that lack something: covering knapsacks over all that could come.

use std::sync::OnceLock;

use super::super::problem::{NONE, Problem, row};
use super::edges::{Edges, LANES};
use super::knapsack::Items;
use super::receivers::{Candidate, Receivers};
use super::shedding::may_leave;

/// Candidates beyond these are not looked at; where more are needed, limits hardly bind.
const CANDIDATES_MAX: usize = 20_000;

/// A need so many times below another is not looked at closer.
const CLOSE: f64 = 8.0;

/// Copies that could come to a broker of a group.
pub(super) struct Pool<C> {
    /// By group, then lane.
    items: Vec<[Items; 3]>,
    /// The same copies one by one, the cheapest; made where they are looked at.
    cheapest: Vec<[OnceLock<Cheapest>; 3]>,
    /// How many replicas of a partition that may move a class of a group ends with at most.
    in_class: C,
}

/// The copies of a goal that bring most per byte, in this order.
struct Cheapest {
    copies: Vec<Candidate>,
    /// Bytes for what they bring, of the cheapest that is left out.
    next_price: f64,
}

impl<C: Fn(usize, u32) -> u32> Pool<C> {
    pub(super) fn new(problem: &Problem<'_>, in_class: C) -> Self {
        let groups = 0..problem.groups.names().len();
        let of_lane = |group, column| Items::new(copies(problem, group, column).map(|c| (c.gain, c.cost)).collect());
        Self {
            items: groups.clone().map(|group| [0, 1, 2].map(|column| of_lane(group, column))).collect(),
            cheapest: groups.map(|_| [const { OnceLock::new() }; 3]).collect(),
            in_class,
        }
    }

    fn cheapest(&self, problem: &Problem<'_>, group: usize, column: usize) -> &Cheapest {
        self.cheapest[group][column].get_or_init(|| {
            let come = |copy: Candidate| Candidate { copies: (self.in_class)(group, copy.partition), ..copy };
            let mut copies: Vec<Candidate> =
                copies(problem, group, column).map(come).filter(|copy| copy.gain > 0.0 && copy.copies > 0).collect();
            let order = |a: &Candidate, b: &Candidate| {
                (a.cost * b.gain).total_cmp(&(b.cost * a.gain)).then(a.partition.cmp(&b.partition))
            };
            let mut next_price = f64::INFINITY;
            if copies.len() > CANDIDATES_MAX {
                let (_, next, _) = copies.select_nth_unstable_by(CANDIDATES_MAX, order);
                next_price = next.cost / next.gain;
                copies.truncate(CANDIDATES_MAX);
            }
            copies.sort_unstable_by(order);
            Cheapest { copies, next_price }
        })
    }
}

/// What a copy of each partition brings to a broker of `group` for a goal, and what it costs.
fn copies(problem: &Problem<'_>, group: usize, column: usize) -> impl Iterator<Item = Candidate> {
    let belongs = move |topic: u32| {
        let own = problem.topics[topic as usize].group;
        own == NONE || own as usize == group
    };
    let partitions = problem.partitions.iter().enumerate().filter(move |(_, facts)| belongs(facts.topic));
    partitions.map(move |(p, facts)| Candidate {
        partition: row(p),
        topic: facts.topic,
        gain: gain(problem, row(p), column),
        cost: facts.copy_bytes,
        copies: 0,
    })
}

/// What a copy of partition `p` brings for a goal.
fn gain(problem: &Problem<'_>, p: u32, column: usize) -> f64 {
    let facts = &problem.partitions[p as usize];
    match column {
        0 => facts.copy_bytes,
        1 => facts.traffic.network_in,
        _ => 1.0,
    }
}

/// A broker that lacks something.
#[derive(Clone, Debug)]
pub(super) struct Lack {
    /// What it lacks most dearly: an offset in [`LANES`].
    column: usize,
    need: f64,
    /// What must come to it, were it alone.
    bytes: f64,
    /// Replicas that may stay.
    resident: Vec<u32>,
}

/// The cluster that copies come to.
#[derive(Clone, Copy)]
pub(super) struct Filling<'a, C> {
    pub(super) problem: &'a Problem<'a>,
    pub(super) edges: &'a Edges,
    pub(super) pool: &'a Pool<C>,
}

impl<C: Fn(usize, u32) -> u32> Filling<'_, C> {
    /// What must come to broker `b`, were it alone; none where it lacks nothing. `resident` is what may stay, but
    /// for the limits of topics where it is `crowded`.
    pub(super) fn must_come(&self, b: usize, resident: &[u32], crowded: bool) -> Option<Lack> {
        let (problem, edges) = (self.problem, self.edges);
        let group = problem.brokers[b].group as usize;
        let mut lack = Lack { column: 0, need: 0.0, bytes: 0.0, resident: Vec::new() };
        for column in 0..LANES.len() {
            let staying = if crowded { self.staying(b, column, resident) } else { resident.to_vec() };
            let need = edges.low[b][column] - self.kept(b, column, &staying);
            if need <= 0.0 {
                continue;
            }
            let items = &self.pool.items[group][column];
            let divisible = column == 0 && edges.slack[0] > 0.0;
            let any = if divisible { items.divisible(need) } else { items.whole(need) };
            let alone = Lack { column, need, bytes: any, resident: staying };
            // What is far below another need is not worth a closer look.
            if any < lack.bytes / CLOSE {
                continue;
            }
            let bytes = any.max(self.come_to(group, column, need, &[&alone]));
            if bytes > lack.bytes {
                lack = Lack { bytes, ..alone };
            }
        }
        (lack.bytes > 0.0).then_some(lack)
    }

    /// The least bytes that must come to the brokers of a class in `group` that lack something.
    pub(super) fn must_come_together(&self, group: usize, lacks: &[Lack]) -> f64 {
        let of_column = |column: usize| {
            let receivers: Vec<&Lack> = lacks.iter().filter(|lack| lack.column == column).collect();
            let apart: f64 = receivers.iter().map(|lack| lack.bytes).sum();
            let need = receivers.iter().map(|lack| lack.need).sum();
            if receivers.len() > 1 { apart.max(self.come_to(group, column, need, &receivers)) } else { apart }
        };
        (0..LANES.len()).map(of_column).sum()
    }

    /// What broker `b` may keep of `resident` for a goal: of a topic beyond its limit, those of which it has most.
    fn staying(&self, b: usize, column: usize, resident: &[u32]) -> Vec<u32> {
        let topic = |slot: u32| self.problem.partitions[self.problem.slot_partition[slot as usize] as usize].topic;
        let group = self.problem.brokers[b].group as usize;
        let mut staying = resident.to_vec();
        // Those that may not leave stay before all others.
        let may_leave = |slot: u32| may_leave(self.problem, self.edges, slot);
        let held = |slot: u32| if may_leave(slot) { self.held(b, column, slot) } else { f64::INFINITY };
        staying.sort_by(|&x, &y| topic(x).cmp(&topic(y)).then(held(y).total_cmp(&held(x))));
        let kept = staying.chunk_by(|&x, &y| topic(x) == topic(y)).flat_map(|same| {
            let most = self.limit(topic(same[0]), group).map_or(same.len(), |limit| limit as usize);
            same.iter().copied().take(most)
        });
        kept.collect()
    }

    /// What `slot` is to broker `b` for a goal.
    fn held(&self, b: usize, column: usize, slot: u32) -> f64 {
        let p = self.problem.slot_partition[slot as usize];
        if column == 0 { self.problem.bytes_on(p, row(b)) } else { gain(self.problem, p, column) }
    }

    /// What broker `b` keeps for a goal where `staying` stays, at the partitions' sizes in the snapshot.
    fn kept(&self, b: usize, column: usize, staying: &[u32]) -> f64 {
        let snapshot = self.problem.snapshot;
        let dirs = &snapshot.log_dirs[snapshot.brokers[b].log_dir_rows()];
        let other = dirs.iter().filter(|d| d.state.is_serving()).map(|d| d.other_used_bytes as f64);
        let other = if column == 0 { other.sum() } else { 0.0 };
        other + staying.iter().map(|&slot| self.held(b, column, slot)).sum::<f64>()
    }

    /// The most replicas of `topic` on each broker of `group` in every plan as good as ours, none for any number.
    fn limit(&self, topic: u32, group: usize) -> Option<u32> {
        let facts = &self.problem.topics[topic as usize];
        let limits_hold = self.edges.spread.is_some_and(|slack| slack <= 0.0);
        let is_judged = facts.group == NONE || facts.group as usize == group;
        (limits_hold && is_judged && facts.free && facts.spread_limit != NONE).then_some(facts.spread_limit)
    }

    /// The least bytes that bring `need` to `receivers` together.
    fn come_to(&self, group: usize, column: usize, need: f64, receivers: &[&Lack]) -> f64 {
        // A byte of disk costs a byte, whichever partition brings it.
        if column == 0 {
            return 0.0;
        }
        let (problem, edges) = (self.problem, self.edges);
        let limit = |topic: u32| self.limit(topic, group);
        let slots = || receivers.iter().flat_map(|lack| lack.resident.iter().copied());
        let partition = |slot: u32| problem.slot_partition[slot as usize];
        let resident = |slot: u32| {
            let p = partition(slot);
            let loss = if may_leave(problem, edges, slot) { gain(problem, p, column) } else { f64::INFINITY };
            (problem.partitions[p as usize].topic, loss)
        };
        let mut held = vec![0; problem.partitions.len()];
        slots().for_each(|slot| held[partition(slot) as usize] += 1);
        let mut residents: Vec<(u32, f64)> = slots().map(resident).collect();
        residents.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let cheapest = self.pool.cheapest(problem, group, column);
        let receivers = Receivers { count: row(receivers.len()), held, residents, limit: &limit };
        receivers.least_bytes(&cheapest.copies, cheapest.next_price, need)
    }
}
