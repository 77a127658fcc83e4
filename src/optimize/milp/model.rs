//! An [`Area`] as a mixed-integer program, solved by HiGHS.
//!
//! Binaries say which brokers hold a partition's free replicas and, where that is a choice, which of them leads. Bands are
//! elastic: what lies outside is paid for at [`SLACK_PRICE`], so the state as it stands is always feasible and starts the
//! solver. Rack rules, budgets and hard limits are rows. Loads are scaled as the penalty scales them, 1 being the mean.
//!
//! HiGHS runs on one thread with a fixed seed and is limited in nodes, so that its answer never depends on the clock.

use good_lp::{
    Constraint, Expression, ProblemVariables, Solution as _, SolverModel as _, Variable, highs,
    solvers::highs::HighsProblem, variable,
};

use super::super::anneal::{LEADER_PRICE, MOVE_PRICE};
use super::super::problem::{DISK, LANES, LEADERS, NONE, Problem, REPLICAS, Vector, WRITES};
use super::super::state::{NO_LEADER, State, leader_extra};
use super::area::{Area, Item, rack_room, staying};

/// Price of one mean of excess, in mean broker disks: beyond what any bytes are worth, yet small enough for the solver's
/// tolerances.
const SLACK_PRICE: f64 = 1_000.0;
/// Bands are this much narrower here than in the search, in means: the solver's tolerance is 1e-6, the search's none.
const SOLVER_MARGIN: f64 = 4e-6;
/// Relative gap at which the solver is content: bytes are not worth proving closer.
const RELATIVE_GAP: f64 = 1e-4;

/// Where the replicas of an [`Item`] should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The partition.
    pub(crate) p: u32,
    /// Its free slots.
    pub(crate) slots: Vec<u32>,
    /// The brokers that should hold them.
    pub(crate) brokers: Vec<u32>,
    /// The broker that should lead, where one of the slots does now.
    pub(crate) leader: Option<u32>,
}

/// Solves `area` with at most `nodes` nodes of branch and bound; none where the solver found nothing better to offer.
pub(crate) fn solve(problem: &Problem<'_>, state: &State, area: &Area, nodes: i32) -> Option<Vec<Assignment>> {
    let model = Model::build(problem, state, area, Form::Whole);
    let Model { variables, cost, rows, places, leads, .. } = model;
    let mut program = quiet(variables.minimise(cost).using(highs)).set_option("mip_max_nodes", nodes);
    program = program.set_option("mip_rel_gap", RELATIVE_GAP);
    for row in rows {
        program.add_constraint(row);
    }
    let found = program.solve().ok()?;
    let chosen = |variable: &Variable| found.value(*variable) > 0.5;
    let mut assignments = Vec::with_capacity(area.items.len());
    for (i, item) in area.items.iter().enumerate() {
        let broker = |place: usize| area.brokers[item.places[place]];
        let brokers: Vec<u32> = (0..item.places.len()).filter(|&place| chosen(&places[i][place])).map(broker).collect();
        let leader = match &leads[i] {
            Some(leads) => leads.iter().position(chosen).map(broker),
            None if item.leads => brokers.first().copied(),
            None => None,
        };
        let is_whole = brokers.len() == item.slots.len() && leader.is_some() == item.leads;
        if !is_whole || leader.is_some_and(|leader| !brokers.contains(&leader)) {
            return None;
        }
        assignments.push(Assignment { p: item.p, slots: item.slots.clone(), brokers, leader });
    }
    Some(assignments)
}

/// By how much the weighted excess inside `area` could fall if replicas were divisible: what no placement within it can
/// exceed, so that a hopeless area costs one linear program. None where the solver gave no answer.
pub(crate) fn most_relief(problem: &Problem<'_>, state: &State, area: &Area) -> Option<f64> {
    let Model { variables, slack, slack_now, rows, .. } = Model::build(problem, state, area, Form::Relaxed);
    let mut program = quiet(variables.minimise(slack.clone()).using(highs));
    for row in rows {
        program.add_constraint(row);
    }
    let found = program.solve().ok()?;
    Some(slack_now - slack.eval_with(&found))
}

pub(super) fn quiet(program: HighsProblem) -> HighsProblem {
    program.set_threads(1).set_option("parallel", "off").set_option("random_seed", 0)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Whole,
    Relaxed,
}

struct Model {
    variables: ProblemVariables,
    /// Excess at its price, bytes, moves and leadership changes, in mean broker disks.
    cost: Expression,
    /// Weighted excess, in means.
    slack: Expression,
    /// `slack` as the state stands.
    slack_now: f64,
    rows: Vec<Constraint>,
    /// By item and place.
    places: Vec<Vec<Variable>>,
    /// By item and place, where leadership is a choice.
    leads: Vec<Option<Vec<Variable>>>,
    form: Form,
}

impl Model {
    fn build(problem: &Problem<'_>, state: &State, area: &Area, form: Form) -> Self {
        let mut model = Self {
            variables: ProblemVariables::new(),
            cost: Expression::default(),
            slack: Expression::default(),
            slack_now: 0.0,
            rows: Vec::new(),
            places: Vec::new(),
            leads: Vec::new(),
            form,
        };
        for item in &area.items {
            model.add_item(problem, state, area, item);
        }
        for place in 0..area.brokers.len() {
            model.add_bands(problem, state, area, place);
        }
        model.add_spread(problem, state, area);
        model.add_prices(problem, state, area);
        if form == Form::Whole {
            // Bytes never buy excess, whatever the price of it: the sum may not rise.
            let slack = std::mem::take(&mut model.slack);
            model.rows.push(slack.clone().leq(model.slack_now));
            model.cost.add_mul(SLACK_PRICE, slack);
        }
        model
    }

    fn binary(&mut self, now: bool) -> Variable {
        let definition = match self.form {
            Form::Whole => variable().binary().initial(f64::from(u8::from(now))),
            Form::Relaxed => variable().min(0.0).max(1.0),
        };
        self.variables.add(definition)
    }

    /// The choices of one partition, with its own rules: as many replicas as now, one leader that holds one, racks.
    fn add_item(&mut self, problem: &Problem<'_>, state: &State, area: &Area, item: &Item) {
        let broker = |place: usize| area.brokers[item.places[place]];
        let holds = |b: u32| item.slots.iter().any(|&s| state.broker[s as usize] == b);
        let count = item.places.len();
        let places: Vec<Variable> = (0..count).map(|place| self.binary(holds(broker(place)))).collect();
        self.rows.push(sum(&places).eq(item.slots.len() as f64));
        let leads = item.chooses_leader().then(|| {
            let now = leader_broker(problem, state, item.p);
            let leads: Vec<Variable> = (0..count).map(|place| self.binary(now == Some(broker(place)))).collect();
            self.rows.push(sum(&leads).eq(1.0));
            for place in 0..count {
                let b = broker(place);
                let synced = problem.home_slot(item.p, b).is_none_or(|home| problem.home_in_sync(home));
                let mut row = Expression::from(leads[place]);
                if synced || now == Some(b) {
                    row -= places[place];
                }
                self.rows.push(row.leq(0.0));
            }
            leads
        });
        self.add_racks(problem, state, area, item, &places);
        self.places.push(places);
        self.leads.push(leads);
    }

    fn add_racks(&mut self, problem: &Problem<'_>, state: &State, area: &Area, item: &Item, places: &[Variable]) {
        let facts = &problem.partitions[item.p as usize];
        let racks = problem.topics[facts.topic as usize].racks;
        if racks == 0 {
            return;
        }
        let rack = |broker: u32| problem.brokers[broker as usize].rack;
        let mut inside: Vec<u32> = item.places.iter().map(|&i| rack(area.brokers[i])).filter(|&r| r != NONE).collect();
        inside.sort_unstable();
        inside.dedup();
        for target in inside {
            let there = item.places.iter().zip(places).filter(|(i, _)| rack(area.brokers[**i]) == target);
            let there: Vec<Variable> = there.map(|(_, variable)| *variable).collect();
            let room = rack_room(problem, state, &item.slots, item.p, target);
            if there.len() > room {
                self.rows.push(sum(&there).leq(room as f64));
            }
            // More replicas than racks: every rack that is used stays used.
            let used = item.slots.iter().any(|&s| rack(state.broker[s as usize]) == target);
            let last = staying(problem, state, &item.slots, item.p, target) == 0;
            if u32::from(facts.slot_count) > racks && used && last {
                self.rows.push(sum(&there).geq(1.0));
            }
        }
    }

    /// The bands and hard limits of one broker.
    fn add_bands(&mut self, problem: &Problem<'_>, state: &State, area: &Area, place: usize) {
        let b = area.brokers[place];
        let scaled = |load: &Vector, lane: usize| state.bands.ratio(b as usize, load, lane);
        for lane in 0..LANES {
            let (low, high) = state.bands.band(b as usize, lane);
            if !low.is_finite() && !high.is_finite() {
                continue;
            }
            let mut load = Expression::from(scaled(&area.base[place], lane));
            for (i, item) in area.items.iter().enumerate() {
                let Some(at) = item.places.iter().position(|&p| p == place) else { continue };
                let extra = leader_extra(problem, item.p);
                let mut demand = follower_demand(problem, item.p, b);
                if item.leads && !item.chooses_leader() {
                    demand[lane] += extra[lane];
                }
                add_term(&mut load, scaled(&demand, lane), self.places[i][at]);
                if let Some(leads) = &self.leads[i] {
                    add_term(&mut load, scaled(&extra, lane), leads[at]);
                }
            }
            let now = scaled(&state.load[b as usize], lane);
            let margin = if lane == REPLICAS || lane == LEADERS { 0.0 } else { SOLVER_MARGIN };
            let weight = state.bands.weight(lane);
            let cap = state.bands.cap(b as usize, lane);
            if cap.is_finite() {
                self.rows.push(load.clone().leq(cap.max(now)));
            }
            if high.is_finite() {
                let slack = self.elastic(weight, now - (high - margin));
                self.rows.push((load.clone() - slack).leq(high - margin));
            }
            if low.is_finite() && low > 0.0 {
                let slack = self.elastic(weight, (low + margin) - now);
                self.rows.push((load + slack).geq(low + margin));
            }
        }
    }

    /// The topics that could pass their limit on a broker of the area.
    fn add_spread(&mut self, problem: &Problem<'_>, state: &State, area: &Area) {
        let topic = |item: &Item| problem.partitions[item.p as usize].topic;
        let mut by_topic: Vec<(u32, usize)> = area.items.iter().enumerate().map(|(i, item)| (topic(item), i)).collect();
        by_topic.sort_unstable();
        for same in by_topic.chunk_by(|a, b| a.0 == b.0) {
            let t = same[0].0;
            let limit = problem.topics[t as usize].spread_limit;
            if limit == NONE {
                continue;
            }
            for (place, &b) in area.brokers.iter().enumerate() {
                let here = same.iter().filter_map(|&(_, i)| {
                    let at = area.items[i].places.iter().position(|&p| p == place)?;
                    let held = area.items[i].slots.iter().any(|&s| state.broker[s as usize] == b);
                    Some((self.places[i][at], held))
                });
                let here: Vec<(Variable, bool)> = here.collect();
                let now = state.spread.count(problem, &state.broker, t, b);
                let base = f64::from(now) - here.iter().filter(|(_, held)| *held).count() as f64;
                if !state.spread.judges(problem, t, b) || base + here.len() as f64 <= f64::from(limit) {
                    continue;
                }
                let variables: Vec<Variable> = here.into_iter().map(|(variable, _)| variable).collect();
                let price = problem.policy.weight(crate::model::Goal::TopicSpread) / f64::from(limit);
                let slack = self.elastic(price, f64::from(now) - f64::from(limit));
                self.rows.push((sum(&variables) + base - slack).leq(f64::from(limit)));
            }
        }
    }

    /// What lies outside a band, at `weight` each; `now` outside as the state stands, where that is above zero.
    fn elastic(&mut self, weight: f64, now: f64) -> Variable {
        let now = now.max(0.0);
        let slack = self.variables.add(variable().min(0.0).initial(now));
        self.slack.add_mul(weight, slack);
        self.slack_now += weight * now;
        slack
    }

    /// Bytes, moves and leadership changes, and the budget that they must keep to.
    fn add_prices(&mut self, problem: &Problem<'_>, state: &State, area: &Area) {
        let receivers = problem.brokers.iter().filter(|b| b.receives).count().max(1);
        let unit = (problem.mean_copy_bytes * problem.slot_partition.len() as f64 / receivers as f64).max(1.0);
        let (mut bytes, mut copies) = (Expression::default(), Expression::default());
        let (mut bytes_now, mut copies_now) = (0.0, 0.0);
        for (i, item) in area.items.iter().enumerate() {
            let copy = problem.partitions[item.p as usize].copy_bytes / unit;
            let home = state.home_leader[item.p as usize];
            let first = problem.partitions[item.p as usize].first_slot as usize;
            let home_leader = (home != NO_LEADER).then(|| problem.home_broker[first + usize::from(home)]);
            for (at, &place) in item.places.iter().enumerate() {
                let b = area.brokers[place];
                if problem.home_slot(item.p, b).is_none() {
                    bytes.add_mul(copy, self.places[i][at]);
                    copies.add_mul(1.0, self.places[i][at]);
                    if item.slots.iter().any(|&s| state.broker[s as usize] == b) {
                        bytes_now += copy;
                        copies_now += 1.0;
                    }
                }
                if home_leader != Some(b) && item.leads {
                    let leads = self.leads[i].as_ref().map_or(self.places[i][at], |leads| leads[at]);
                    self.cost.add_mul(LEADER_PRICE * problem.mean_copy_bytes / unit, leads);
                }
            }
        }
        let budget = &problem.policy.budget;
        if let Some(max) = budget.max_moved_bytes {
            let left = (max as f64 - state.copied_bytes).max(0.0) / unit;
            self.rows.push(bytes.clone().leq(bytes_now + left));
        }
        if let Some(max) = budget.max_moves {
            let left = (max as f64 - state.copies as f64).max(0.0);
            self.rows.push(copies.clone().leq(copies_now + left));
        }
        self.cost += bytes;
        self.cost.add_mul(MOVE_PRICE * problem.mean_copy_bytes / unit, copies);
    }
}

/// What a follower of partition `p` takes on `broker`.
fn follower_demand(problem: &Problem<'_>, p: u32, broker: u32) -> Vector {
    let traffic = &problem.partitions[p as usize].traffic;
    let mut demand = Vector::default();
    demand[DISK] = problem.bytes_on(p, broker);
    demand[1] = traffic.network_in;
    demand[3] = traffic.follower_work;
    demand[REPLICAS] = 1.0;
    demand[WRITES] = problem.partitions[p as usize].written;
    demand
}

fn leader_broker(problem: &Problem<'_>, state: &State, p: u32) -> Option<u32> {
    let offset = state.leader[p as usize];
    let first = problem.partitions[p as usize].first_slot as usize;
    (offset != NO_LEADER).then(|| state.broker[first + usize::from(offset)])
}

fn add_term(sum: &mut Expression, factor: f64, variable: Variable) {
    if factor != 0.0 {
        sum.add_mul(factor, variable);
    }
}

fn sum(variables: &[Variable]) -> Expression {
    variables.iter().sum()
}
