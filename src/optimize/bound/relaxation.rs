//! The placement problem of a small cluster, leaders and log dirs left out, and its Lagrangian: for any prices of bands and
//! of topics' limits, what remains falls apart into one choice per partition that is made exactly.
//!
//! Whoever names the prices, the value bounds every plan as good as ours (Geoffrion 1974); a linear program's duals make
//! it as high as the program's own optimum, and nothing that the solver says is taken on trust (Neumaier & Shcherbina 2004).

use super::super::problem::{NONE, Problem, row};
use super::super::state::State;
use super::Fate;
use super::edges::{Edges, LANES};
use super::shedding::may_leave;
use crate::model::Freedom;

/// What sums of floats may be off by, relative to the sum of what is added up: far above (n + 8) units in the last place.
const ROUNDING: f64 = 1e-11;

/// A partition that may move.
pub(crate) struct Item {
    /// Its replicas.
    pub(crate) wanted: usize,
    /// The most of them in one rack.
    pub(crate) rack_cap: usize,
    /// Bytes of a copy.
    pub(crate) copy: f64,
    pub(super) network_in: f64,
    /// Its places in [`Relaxation::places`].
    pub(crate) places: std::ops::Range<usize>,
}

/// A broker that may hold a replica of a partition.
pub(crate) struct Place {
    broker: u32,
    /// The broker's rack where the rule counts it, else [`NONE`].
    pub(crate) rack: u32,
    /// Bytes of the replica there.
    bytes: f64,
    /// Bytes copied to have it there.
    pub(crate) cost: f64,
    /// Row of its topic's limit on that broker, [`NONE`] without one.
    pub(crate) crowd: u32,
}

/// The edges of a broker in one of [`LANES`], what never moves taken off.
pub(crate) struct Band {
    pub(crate) column: usize,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

/// Whether a place is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    Open,
    In,
    Out,
}

/// Bytes per unit of each row: above 0 for what is beyond an upper edge, below 0 for what a lower edge lacks.
#[derive(Clone, Debug)]
pub(crate) struct Prices {
    pub(crate) bands: Vec<f64>,
    pub(crate) crowds: Vec<f64>,
}

/// The problem.
pub(crate) struct Relaxation {
    pub(crate) items: Vec<Item>,
    pub(crate) places: Vec<Place>,
    /// What the policy or a rule decides.
    pub(crate) holds: Vec<Hold>,
    pub(crate) bands: Vec<Band>,
    /// By row: how many replicas of a topic a broker may have beside those that never move.
    pub(crate) crowds: Vec<f64>,
    /// By broker and column: the row in `bands`, [`NONE`] without one.
    band_of: Vec<[u32; 3]>,
}

impl Relaxation {
    /// That of `problem` with at most `places_max` places; none where it has more.
    pub(super) fn new(
        problem: &Problem<'_>,
        before: &State,
        edges: &Edges,
        fates: &[Fate],
        places_max: usize,
    ) -> Option<Self> {
        let mut relaxation = Self {
            items: Vec::new(),
            places: Vec::new(),
            holds: Vec::new(),
            bands: Vec::new(),
            crowds: Vec::new(),
            band_of: vec![[NONE; 3]; problem.brokers.len()],
        };
        let mut crowds = Crowds::new(problem, edges);
        let mut base = vec![[0.0; 3]; problem.brokers.len()];
        for dir in problem.snapshot.log_dirs.iter().filter(|d| d.state.is_serving()) {
            base[dir.broker.row()][0] += dir.other_used_bytes as f64;
        }
        for p in 0..row(problem.partitions.len()) {
            let judged = problem.partitions[p as usize].freedom != Freedom::Fixed;
            let moves = |s: usize| fates[s] == Fate::Leaves || may_leave(problem, edges, row(s));
            if judged && problem.slots(p).any(moves) {
                relaxation.add_item(problem, before, edges, fates, p, &mut crowds);
            } else {
                for s in problem.slots(p) {
                    let (b, demand) = (before.broker[s], before.demand_here(problem, row(s)));
                    (0..3).for_each(|column| base[b as usize][column] += demand[LANES[column]]);
                    crowds.take(problem, p, b);
                }
            }
            if relaxation.places.len() > places_max {
                return None;
            }
        }
        relaxation.crowds = crowds.room;
        for (b, facts) in problem.brokers.iter().enumerate().filter(|(_, facts)| facts.in_band) {
            debug_assert!(facts.active, "bands are those of active brokers");
            for (column, base) in base[b].iter().enumerate() {
                let (least, most) = (edges.low[b][column] - base, edges.high[b][column] - base);
                if most.is_finite() {
                    relaxation.band_of[b][column] = row(relaxation.bands.len());
                    relaxation.bands.push(Band { column, least, most });
                }
            }
        }
        Some(relaxation)
    }

    fn add_item(
        &mut self,
        problem: &Problem<'_>,
        before: &State,
        edges: &Edges,
        fates: &[Fate],
        p: u32,
        crowds: &mut Crowds,
    ) {
        let facts = &problem.partitions[p as usize];
        let topic = &problem.topics[facts.topic as usize];
        let first = self.places.len();
        for b in 0..row(problem.brokers.len()) {
            let here = || problem.slots(p).filter(|&s| before.broker[s] == b);
            let home = here().next().is_some();
            let stays = here().any(|s| fates[s] != Fate::Leaves);
            let broker = &problem.brokers[b as usize];
            let comes = !home && broker.receives && (topic.group == NONE || topic.group == broker.group);
            if !stays && !comes {
                continue;
            }
            let held = here().any(|s| fates[s] != Fate::Leaves && !may_leave(problem, edges, row(s)));
            self.holds.push(if held { Hold::In } else { Hold::Open });
            self.places.push(Place {
                broker: b,
                rack: if topic.racks == 0 { NONE } else { broker.rack },
                bytes: problem.bytes_on(p, b),
                cost: if home { 0.0 } else { facts.copy_bytes },
                crowd: crowds.row(problem, p, b),
            });
        }
        let wanted = usize::from(facts.slot_count);
        self.items.push(Item {
            wanted,
            rack_cap: wanted.div_ceil(topic.racks.max(1) as usize),
            copy: facts.copy_bytes,
            network_in: facts.traffic.network_in,
            places: first..self.places.len(),
        });
    }

    /// What a replica of `item` at `place` adds in each column, and the rows of the bands that it adds to.
    pub(crate) fn loads(&self, item: &Item, place: usize) -> [(u32, f64); 3] {
        let facts = &self.places[place];
        let rows = self.band_of[facts.broker as usize];
        [(rows[0], facts.bytes), (rows[1], item.network_in), (rows[2], 1.0)]
    }

    /// The Lagrangian at `prices` with places decided by `holds`, lowered by more than rounding: no plan as good as ours
    /// that keeps to `holds` copies less. Infinite where no choice keeps to them.
    pub(crate) fn value(&self, prices: &Prices, holds: &[Hold]) -> f64 {
        self.choose(prices, holds, &mut |_, _| {})
    }

    /// The same; `tell` learns every item and place that the least choice takes.
    pub(super) fn choose(&self, prices: &Prices, holds: &[Hold], tell: &mut dyn FnMut(&Item, usize)) -> f64 {
        let (mut sum, mut magnitude) = (0.0, 0.0);
        for (band, price) in self.bands.iter().zip(&prices.bands) {
            let edge = if *price > 0.0 { band.most } else { band.least };
            sum -= price * edge;
            magnitude += (price * edge).abs();
        }
        for (room, price) in self.crowds.iter().zip(&prices.crowds) {
            debug_assert!(*price >= 0.0, "limits are upper edges");
            sum -= price * room;
            magnitude += price * room.abs();
        }
        let mut options = Vec::new();
        for item in &self.items {
            options.clear();
            for place in item.places.clone().filter(|&place| holds[place] != Hold::Out) {
                let facts = &self.places[place];
                let crowd = prices.crowds.get(facts.crowd as usize).copied().unwrap_or(0.0);
                let mut parts = (facts.cost + crowd, facts.cost + crowd);
                for (row, load) in self.loads(item, place) {
                    let part = prices.bands.get(row as usize).map_or(0.0, |price| price * load);
                    parts = (parts.0 + part, parts.1 + part.abs());
                }
                magnitude += parts.1;
                options.push(Choice { open: holds[place] != Hold::In, value: parts.0, rack: facts.rack, place });
            }
            let Some(least) = cheapest(item, &mut options, tell) else { return f64::INFINITY };
            sum += least;
        }
        sum - ROUNDING * magnitude
    }
}

/// One place that a replica may take.
struct Choice {
    open: bool,
    value: f64,
    rack: u32,
    place: usize,
}

/// The least sum of as many options as the item wants, those held first, no more in a rack than its cap; none where there
/// are too few. Choices under such caps are a matroid, so the greedy one is least (Edmonds 1971).
fn cheapest(item: &Item, options: &mut [Choice], tell: &mut dyn FnMut(&Item, usize)) -> Option<f64> {
    options.sort_by(|x, y| x.open.cmp(&y.open).then(x.value.total_cmp(&y.value)));
    let (mut sum, mut taken) = (0.0, 0);
    let mut racks: Vec<u32> = Vec::with_capacity(item.wanted);
    for option in options.iter() {
        let beside = || racks.iter().filter(|&&rack| rack == option.rack).count();
        if taken == item.wanted || (option.rack != NONE && beside() >= item.rack_cap) {
            if option.open {
                continue;
            }
            return None;
        }
        racks.push(option.rack);
        sum += option.value;
        taken += 1;
        tell(item, option.place);
    }
    (taken == item.wanted).then_some(sum)
}

/// Rows of topics' limits on brokers.
struct Crowds {
    /// By topic: its first row, [`NONE`] where its limit is not claimed.
    first: Vec<u32>,
    room: Vec<f64>,
}

impl Crowds {
    fn new(problem: &Problem<'_>, edges: &Edges) -> Self {
        let mut crowds = Self { first: vec![NONE; problem.topics.len()], room: Vec::new() };
        if edges.spread.is_none_or(|beyond| beyond > 0.0) {
            return crowds;
        }
        for (t, topic) in problem.topics.iter().enumerate() {
            if topic.spread_limit != NONE && (topic.free || edges.frozen_move) {
                crowds.first[t] = row(crowds.room.len());
                crowds.room.resize(crowds.room.len() + problem.brokers.len(), f64::from(topic.spread_limit));
            }
        }
        crowds
    }

    fn row(&self, problem: &Problem<'_>, p: u32, broker: u32) -> u32 {
        let first = self.first[problem.partitions[p as usize].topic as usize];
        let facts = &problem.brokers[broker as usize];
        let t = problem.partitions[p as usize].topic;
        let group = problem.topics[t as usize].group;
        let judged = facts.in_band && (group == NONE || group == facts.group);
        if first == NONE || !judged { NONE } else { first + broker }
    }

    fn take(&mut self, problem: &Problem<'_>, p: u32, broker: u32) {
        let row = self.row(problem, p, broker);
        if let Some(room) = self.room.get_mut(row as usize) {
            *room -= 1.0;
        }
    }
}
