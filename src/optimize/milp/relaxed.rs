//! The linear program of a [`Relaxation`]: prices for its rows and how much of each place it takes.
//!
//! Bands are elastic at a price, so that a program always has an answer. Its duals are rounded by nobody: whoever uses them
//! evaluates the Lagrangian at them.

use std::collections::BTreeMap;

use good_lp::{
    Constraint, Expression, ProblemVariables, Solution as _, SolutionWithDual as _, SolverModel as _, Variable,
    constraint::ConstraintReference, highs, solvers::DualValues as _, variable,
};

use super::super::bound::relaxation::{Hold, Prices, Relaxation};
use super::super::problem::NONE;
use super::model::quiet;

/// Programs of more places go to the interior point method without crossover: its duals are as good, and on 12,000 places
/// the simplex method takes ten times as long.
const SIMPLEX_PLACES: usize = 2_000;
/// What being outside a band by all of its width's unit costs, in units of all bytes that our plan copies.
const ELASTIC: f64 = 100.0;

/// What the solver said.
pub(crate) struct Relaxed {
    pub(crate) prices: Prices,
    /// By place, 0 … 1.
    pub(crate) values: Vec<f64>,
}

/// Solves `relaxation` with places decided by `holds`; `ours` are the bytes of a plan. None where the solver fails.
pub(crate) fn solve(relaxation: &Relaxation, holds: &[Hold], ours: f64) -> Option<Relaxed> {
    let mut program = Program::new(relaxation, holds);
    program.add_items();
    program.add_bands(ELASTIC * (ours / program.scale.bytes).max(1.0));
    program.add_crowds();
    program.solve()
}

struct Program<'a> {
    relaxation: &'a Relaxation,
    scale: Scale,
    variables: ProblemVariables,
    places: Vec<Variable>,
    cost: Expression,
    /// By band: the load of its broker in its column.
    loads: Vec<Expression>,
    /// By topic's limit: the replicas that may come under it, and how many they are.
    counts: Vec<(Expression, u32)>,
    /// Choices of partitions, and racks.
    rows: Vec<Constraint>,
    /// Rows whose duals are prices: of bands, above and below, and of topics' limits.
    upper: Vec<(usize, Constraint)>,
    lower: Vec<(usize, Constraint)>,
    crowded: Vec<(usize, Constraint)>,
}

impl<'a> Program<'a> {
    fn new(relaxation: &'a Relaxation, holds: &[Hold]) -> Self {
        let mut variables = ProblemVariables::new();
        let mut place = |hold: &Hold| {
            let (least, most) = match hold {
                Hold::Open => (0.0, 1.0),
                Hold::In => (1.0, 1.0),
                Hold::Out => (0.0, 0.0),
            };
            variables.add(variable().min(least).max(most))
        };
        let places = holds.iter().map(&mut place).collect();
        Self {
            relaxation,
            scale: Scale::of(relaxation),
            variables,
            places,
            cost: Expression::default(),
            loads: vec![Expression::default(); relaxation.bands.len()],
            counts: vec![(Expression::default(), 0); relaxation.crowds.len()],
            rows: Vec::new(),
            upper: Vec::new(),
            lower: Vec::new(),
            crowded: Vec::new(),
        }
    }

    fn unit(&self, band: usize) -> f64 {
        self.scale.columns[self.relaxation.bands[band].column]
    }

    /// As many places of each partition as it has replicas, within racks, and what they cost and load.
    fn add_items(&mut self) {
        let relaxation = self.relaxation;
        for item in &relaxation.items {
            let mut all = Expression::default();
            let mut racks: BTreeMap<u32, (Expression, usize)> = BTreeMap::new();
            for place in item.places.clone() {
                let (facts, variable) = (&relaxation.places[place], self.places[place]);
                all.add_mul(1.0, variable);
                self.cost.add_mul(facts.cost / self.scale.bytes, variable);
                for (row, load) in relaxation.loads(item, place).into_iter().filter(|(row, _)| *row != NONE) {
                    let load = load / self.unit(row as usize);
                    self.loads[row as usize].add_mul(load, variable);
                }
                if let Some((count, most)) = self.counts.get_mut(facts.crowd as usize) {
                    count.add_mul(1.0, variable);
                    *most += 1;
                }
                if facts.rack != NONE {
                    let (sum, count) = racks.entry(facts.rack).or_default();
                    sum.add_mul(1.0, variable);
                    *count += 1;
                }
            }
            self.rows.push(all.eq(item.wanted as f64));
            let tight = racks.into_values().filter(|(_, count)| *count > item.rack_cap);
            self.rows.extend(tight.map(|(sum, _)| sum.leq(item.rack_cap as f64)));
        }
    }

    /// The bands, elastic at `price` a unit.
    fn add_bands(&mut self, price: f64) {
        for (i, load) in std::mem::take(&mut self.loads).into_iter().enumerate() {
            let (band, unit) = (&self.relaxation.bands[i], self.unit(i));
            let [beyond, lacking] = [0, 1].map(|_| self.variables.add(variable().min(0.0)));
            self.cost.add_mul(price, beyond);
            self.cost.add_mul(price, lacking);
            self.upper.push((i, (load.clone() - beyond).leq(band.most / unit)));
            if band.least > 0.0 {
                self.lower.push((i, (load + lacking).geq(band.least / unit)));
            }
        }
    }

    /// The topics' limits that could be passed.
    fn add_crowds(&mut self) {
        for (i, (count, most)) in std::mem::take(&mut self.counts).into_iter().enumerate() {
            let room = self.relaxation.crowds[i];
            if f64::from(most) > room {
                self.crowded.push((i, count.leq(room.max(0.0))));
            }
        }
    }

    fn solve(self) -> Option<Relaxed> {
        let Self { relaxation, scale, variables, places, cost, rows, upper, lower, crowded, .. } = self;
        let mut program = quiet(variables.minimise(cost).using(highs));
        if places.len() > SIMPLEX_PLACES {
            program = program.set_option("solver", "ipm").set_option("run_crossover", "off");
        }
        for row in rows {
            program.add_constraint(row);
        }
        let mut add = |rows: Vec<(usize, Constraint)>| -> Vec<(usize, ConstraintReference)> {
            rows.into_iter().map(|(i, row)| (i, program.add_constraint(row))).collect()
        };
        let (upper, lower, crowded) = (add(upper), add(lower), add(crowded));
        let mut found = program.solve().ok()?;
        let values = places.iter().map(|place| found.value(*place)).collect();
        let duals = found.compute_dual();
        let dual = |row: ConstraintReference| {
            let dual = duals.dual(row) * scale.bytes;
            if dual.is_finite() { dual } else { 0.0 }
        };
        let unit = |i: usize| scale.columns[relaxation.bands[i].column];
        let mut prices =
            Prices { bands: vec![0.0; relaxation.bands.len()], crowds: vec![0.0; relaxation.crowds.len()] };
        upper.into_iter().for_each(|(i, row)| prices.bands[i] += (-dual(row)).max(0.0) / unit(i));
        lower.into_iter().for_each(|(i, row)| prices.bands[i] -= dual(row).max(0.0) / unit(i));
        crowded.into_iter().for_each(|(i, row)| prices.crowds[i] = (-dual(row)).max(0.0));
        Some(Relaxed { prices, values })
    }
}

/// Units near which the program's figures are: a mean copy, and the mean upper edge of each column.
struct Scale {
    bytes: f64,
    columns: [f64; 3],
}

impl Scale {
    fn of(relaxation: &Relaxation) -> Self {
        let mean = |values: &mut dyn Iterator<Item = f64>| {
            let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value.abs(), count + 1.0));
            if sum > 0.0 { sum / count } else { 1.0 }
        };
        let column = |column| mean(&mut relaxation.bands.iter().filter(|b| b.column == column).map(|b| b.most));
        Self {
            bytes: mean(&mut relaxation.items.iter().map(|item| item.copy)),
            columns: [column(0), column(1), column(2)],
        }
    }
}
