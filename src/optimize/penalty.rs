//! How far a broker's loads lie outside their bands, as one number: what balancing drives to zero.
//!
//! Loads are scaled so that 1 is the group's mean on every goal, which makes the linear part of the penalty the
//! contract's *excess*. While balancing, a quadratic part prefers relieving the worst broker first; a hard limit weighs a
//! hundred times.

use super::aims::Aims;
use super::problem::{LANES, Problem, Vector, WRITES};
use crate::model::{Goal, band};

/// Weight of the quadratic part while balancing: at 0.5 of the mean outside, twice the slope of the band's edge.
pub(crate) const CURVATURE: f64 = 1.0;

/// Weight of what lies beyond a hard limit. Large enough that no soft gain pays for it.
const HARD_WEIGHT: f64 = 100.0;

/// Weight of being beyond a hard limit at all: rules count brokers, so one broker far beyond is better than two a little.
const HARD_JUMP: f64 = 10.0;

/// The search stays this share of the mean inside every band: sums of floats and the growth of means while replicas
/// move would otherwise leave single brokers outside by a hair (docs/solver.md, "Margins").
pub(crate) const MARGIN: f64 = 2e-5;

/// The bands of every broker, in units of its group's mean.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bands {
    /// Load → ratio to the mean; 0 where the goal does not apply.
    scale: Vec<Vector>,
    low: Vec<Vector>,
    high: Vec<Vector>,
    /// `high` before hard limits narrow it.
    soft_high: Vec<Vector>,
    /// Hard limits, infinite where none applies.
    cap: Vec<Vector>,
    /// Weight of each goal.
    weight: Vector,
    /// Weight of the quadratic part.
    curvature: f64,
}

impl Bands {
    /// The bands that the policy asks for, around the means of `load`, `margin` of the mean narrower on either side.
    pub(crate) fn of(problem: &Problem<'_>, load: &[Vector], margin: f64, curvature: f64) -> Self {
        let brokers = load.len();
        let mut bands = Self {
            scale: vec![Vector::default(); brokers],
            low: vec![[f64::NEG_INFINITY; 8]; brokers],
            high: vec![[f64::INFINITY; 8]; brokers],
            soft_high: vec![[f64::INFINITY; 8]; brokers],
            cap: vec![[f64::INFINITY; 8]; brokers],
            weight: Vector::default(),
            curvature,
        };
        for lane in 0..LANES {
            bands.weight[lane] = problem.policy.weight(Goal::BROKER[lane]);
        }
        for group in 0..problem.groups.names().len() {
            let is_member = |b: &usize| {
                let facts = &problem.brokers[*b];
                facts.in_band && facts.group as usize == group
            };
            let members: Vec<usize> = (0..brokers).filter(is_member).collect();
            for lane in 0..LANES {
                bands.fill(problem, load, &members, lane, margin);
            }
        }
        bands
    }

    /// The bands that the search is after: the policy's where it pursues them, wider where it takes loads as given.
    pub(crate) fn wanted(
        problem: &Problem<'_>,
        aims: Option<&Aims>,
        load: &[Vector],
        (margin, curvature): (f64, f64),
    ) -> Self {
        let mut bands = Self::of(problem, load, margin, curvature);
        let Some(aims) = aims else { return bands };
        for b in 0..load.len() {
            if !aims.matters(b) {
                bands.low[b] = [f64::NEG_INFINITY; 8];
                bands.high[b] = [f64::INFINITY; 8];
                bands.soft_high[b] = [f64::INFINITY; 8];
                bands.cap[b] = [f64::INFINITY; 8];
                continue;
            }
            for lane in 0..LANES {
                let (scale, cap) = (bands.scale[b][lane], bands.cap[b][lane]);
                let soft = (bands.low[b][lane], bands.soft_high[b][lane], f64::INFINITY);
                let (low, soft_high) = aims.edges(problem, (b, lane), scale, soft);
                let high = aims.edges(problem, (b, lane), scale, (bands.low[b][lane], bands.high[b][lane], cap)).1;
                (bands.low[b][lane], bands.soft_high[b][lane], bands.high[b][lane]) = (low, soft_high, high);
            }
        }
        bands
    }

    fn fill(&mut self, problem: &Problem<'_>, load: &[Vector], members: &[usize], lane: usize, margin: f64) {
        let goal = Goal::BROKER[lane];
        let known = !goal.is_count() && members.iter().all(|&b| problem.brokers[b].capacity[lane] > 0.0);
        let capacity = |b: usize| if known { problem.brokers[b].capacity[lane] } else { 1.0 };
        let total: f64 = members.iter().map(|&b| load[b][lane]).sum();
        let mean = total / members.iter().map(|&b| capacity(b)).sum::<f64>();
        // Writes that are counted for log dirs alone are no load of brokers: not even ties are broken by them.
        if members.is_empty() || mean <= 0.0 || (lane == WRITES && !problem.is_on(lane)) {
            return;
        }
        let share = problem.policy.bands.of(goal);
        let (low, high) = if goal.is_count() {
            let (low, high) = band::count(total.round() as u64, members.len(), share);
            // Counts are whole: half a replica of tolerance cannot let one more in.
            ((low as f64 - 0.5) / mean, (high as f64 + 0.5) / mean)
        } else {
            (1.0 - share + margin, 1.0 + share - margin)
        };
        for &b in members {
            self.scale[b][lane] = 1.0 / (capacity(b) * mean);
            if problem.is_on(lane) {
                self.low[b][lane] = low;
                self.high[b][lane] = high;
                self.soft_high[b][lane] = high;
            }
            if let Some(limit) = hard_limit(problem, b, lane) {
                self.cap[b][lane] = limit / (capacity(b) * mean) * (1.0 - margin);
                self.high[b][lane] = self.high[b][lane].min(self.cap[b][lane]);
            }
        }
    }

    /// How far `load` lies outside broker `b`'s bands; 0 inside.
    pub(crate) fn penalty(&self, b: usize, load: &Vector) -> f64 {
        let (scale, low, high, cap) = (&self.scale[b], &self.low[b], &self.high[b], &self.cap[b]);
        let mut sum = 0.0;
        for lane in 0..8 {
            let ratio = load[lane] * scale[lane];
            let outside = (ratio - high[lane]).max(low[lane] - ratio).max(0.0);
            let beyond = (ratio - cap[lane]).max(0.0);
            sum += self.weight[lane] * self.curved(outside)
                + HARD_WEIGHT * beyond
                + if beyond > 0.0 { HARD_JUMP } else { 0.0 };
        }
        sum
    }

    /// What being `outside` by so many means weighs. The quadratic part grows no further from one mean on: next to machines
    /// many times larger, a small one's loads are a hundred means, and no soft goal may outweigh a hard limit.
    fn curved(&self, outside: f64) -> f64 {
        outside + self.curvature * outside * outside.min(1.0)
    }

    /// The linear part alone, hard limits left out: the contract's excess where weights are 1.
    pub(crate) fn excess(&self, b: usize, load: &Vector) -> f64 {
        let mut sum = 0.0;
        for (lane, load) in load.iter().enumerate() {
            let ratio = load * self.scale[b][lane];
            sum += self.weight[lane] * (ratio - self.soft_high[b][lane]).max(self.low[b][lane] - ratio).max(0.0);
        }
        sum
    }

    /// How many hard limits `load` passes on broker `b`.
    pub(crate) fn beyond(&self, b: usize, load: &Vector) -> usize {
        (0..LANES).filter(|&lane| load[lane] * self.scale[b][lane] > self.cap[b][lane] * (1.0 + 1e-9)).count()
    }

    /// The penalty that broker `b` pays for having too little.
    pub(crate) fn shortage(&self, b: usize, load: &Vector) -> f64 {
        let mut sum = 0.0;
        for (lane, load) in load.iter().enumerate() {
            let outside = (self.low[b][lane] - load * self.scale[b][lane]).max(0.0);
            sum += self.weight[lane] * self.curved(outside);
        }
        sum
    }

    /// The least room that any goal leaves broker `b` below its upper edge, in means.
    pub(crate) fn room(&self, b: usize, load: &Vector) -> f64 {
        let rooms = (0..LANES).map(|lane| self.high[b][lane] - load[lane] * self.scale[b][lane]);
        rooms.filter(|r| r.is_finite()).fold(f64::INFINITY, f64::min).min(1e9)
    }

    /// Σ over goals of the squared distance of `load` to the mean: breaks ties between placements inside the bands.
    pub(crate) fn roughness(&self, b: usize, load: &Vector) -> f64 {
        let mut sum = 0.0;
        for (load, scale) in load.iter().zip(&self.scale[b]) {
            if *scale > 0.0 {
                let off = load * scale - 1.0;
                sum += off * off;
            }
        }
        sum
    }

    /// The ratio of broker `b`'s load to the mean in `lane`.
    pub(crate) fn ratio(&self, b: usize, load: &Vector, lane: usize) -> f64 {
        load[lane] * self.scale[b][lane]
    }

    /// The hard limit on broker `b` in `lane`, in means; infinite where none applies.
    pub(crate) fn cap(&self, b: usize, lane: usize) -> f64 {
        self.cap[b][lane]
    }

    /// What one mean of excess in `lane` weighs.
    pub(crate) fn weight(&self, lane: usize) -> f64 {
        self.weight[lane]
    }

    /// Broker `b`'s band in `lane`, in means.
    pub(crate) fn band(&self, b: usize, lane: usize) -> (f64, f64) {
        (self.low[b][lane], self.high[b][lane])
    }
}

/// The hard limit on broker `b`'s load in `lane`, in the load's own unit.
fn hard_limit(problem: &Problem<'_>, b: usize, lane: usize) -> Option<f64> {
    let policy = problem.policy;
    let group = problem.groups.names().get(problem.brokers[b].group as usize);
    let limits = group.and_then(|name| policy.group_limits.get(name)).unwrap_or(&policy.limits);
    let share = match Goal::BROKER[lane] {
        Goal::Disk => limits.disk,
        Goal::NetworkIn => limits.network_in,
        Goal::NetworkOut => limits.network_out,
        Goal::Cpu => limits.cpu,
        Goal::Replicas => return Some(f64::from(limits.replicas_per_broker)),
        _ => return None,
    };
    let capacity = problem.brokers[b].capacity[lane];
    (capacity > 0.0).then_some(capacity * share)
}
