//! `--until`: the fewest brokers of a machine model after which no broker of a group passes given thresholds.
//!
//! The start is what the group must carry over what its brokers may use, ⌈(demand ÷ τ − Σ capacity) ÷ capacity⌉; from
//! there real plans decide: each count is planned with the thresholds as hard limits and judged by its busiest broker.
//! Counts are nested, the brokers of a smaller one being among those of a larger, so that bisection finds the least.

use super::add::{AddSpec, Added, Site};
use super::cost::{HOURS_PER_MONTH, price_hour};
use super::demand::{Demand, capacities, carriers};
use super::least::least;
use super::thresholds::{Pursuit, Threshold, tightened};
use super::{NotEvaluated, Solve};
use crate::model::load::cores_per_work;
use crate::model::{BrokerIdx, Goal, Groups, Placement, Policy, Snapshot, band, fleet};
use crate::optimize::Effort;
use crate::verify::Usage;

/// The search ends at this many times the brokers that the bound and the group come to: what more than that cannot
/// bring about, brokers cannot.
const END_FACTOR: usize = 2;

/// A goal that stands in the way of fewer brokers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binding {
    /// The goal.
    pub goal: Goal,
    /// What the busiest broker would be at with one broker fewer, or the mean where that alone rules it out.
    pub value: f64,
    /// The threshold.
    pub limit: f64,
}

/// What one group needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// The group.
    pub group: String,
    /// The fewest brokers; none where no number brought the thresholds about.
    pub count: Option<usize>,
    /// No fewer can do.
    pub lower_bound: usize,
    /// What rules out one fewer; none where no broker is needed.
    pub binding: Option<Binding>,
    /// The busiest broker's figure by goal with `count` brokers, or with the most that were tried.
    pub reached: Vec<(Threshold, f64)>,
    /// Real plans that were made.
    pub plans: usize,
}

/// What one machine model comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelOption {
    /// The model; none for the hardware of each group's commonest broker.
    pub model: Option<String>,
    /// By group.
    pub needs: Vec<Need>,
    /// The brokers and what was assumed of them.
    pub added: Added,
    /// Price of the added brokers in a month; none where one is unknown.
    pub monthly_cost: Option<f64>,
    /// Whether the machines have no disks of their own, so that storage comes on top of the price.
    pub is_without_storage: bool,
    /// ISO 4217 code.
    pub currency: Option<String>,
    /// Why a price is unknown.
    pub not_evaluated: Vec<NotEvaluated>,
}

impl ModelOption {
    /// Whether the thresholds hold in every group.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.needs.iter().all(|need| need.count.is_some())
    }
}

/// Several machine models side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Cheapest first: those that reach the thresholds before those that do not, those whose price leaves storage out
    /// after those whose price does not, those of unknown price last, fewer brokers first among equals.
    pub options: Vec<ModelOption>,
    /// The models that cannot be held to a threshold, and why.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// Compares `models` in `group`, or in every group.
///
/// # Errors
/// An unknown model, or no model that can be held to the thresholds: a figure that the snapshot or the catalogue lacks.
pub fn compare(
    site: &Site<'_>,
    thresholds: &[Threshold],
    models: &[Option<String>],
    group: Option<usize>,
    solve: &Solve<'_>,
) -> Result<Comparison, String> {
    let groups = Groups::new(site.snapshot, site.policy);
    for model in models {
        site.hardware(&groups, group.unwrap_or(0), model.as_deref(), &mut Vec::new())?;
    }
    let mut comparison = Comparison::default();
    let mut refusal = None;
    for model in models {
        match option(site, thresholds, model.as_deref(), group, solve) {
            Ok(option) => comparison.options.push(option),
            Err(why) => {
                let what = format!("until with {}", model.as_deref().unwrap_or("the commonest hardware"));
                comparison.not_evaluated.push(NotEvaluated::new(what, why.clone()));
                refusal.get_or_insert(why);
            }
        }
    }
    if let Some(why) = refusal.filter(|_| comparison.options.is_empty()) {
        return Err(why);
    }
    comparison.options.sort_by(|a, b| {
        let rank = |o: &ModelOption| (!o.is_reached(), o.monthly_cost.is_none(), o.is_without_storage);
        let price = |o: &ModelOption| o.monthly_cost.unwrap_or(0.0);
        let count = |o: &ModelOption| o.added.brokers.len();
        rank(a).cmp(&rank(b)).then(price(a).total_cmp(&price(b))).then(count(a).cmp(&count(b)))
    });
    Ok(comparison)
}

fn option(
    site: &Site<'_>,
    thresholds: &[Threshold],
    model: Option<&str>,
    group: Option<usize>,
    solve: &Solve<'_>,
) -> Result<ModelOption, String> {
    let groups = Groups::new(site.snapshot, site.policy);
    let mut needs = Vec::new();
    let mut specs = Vec::new();
    for (number, name) in groups.names().iter().enumerate() {
        let is_wanted = group.is_none_or(|wanted| wanted == number);
        if !is_wanted || carriers(site.snapshot, &groups, number).is_empty() {
            continue;
        }
        let need = Search { site, groups: &groups, group: number, thresholds, model, solve }.need()?;
        // Where nothing helps, what the mean calls for is shown, so that there is a plan to look at.
        let count = need.count.unwrap_or(need.lower_bound);
        if let Some(spec) = spec(count, model, name) {
            specs.push(spec);
        }
        needs.push(need);
    }
    let added = site.brokers(&specs)?;
    let prices: Vec<Result<(f64, Option<&str>), String>> =
        added.brokers.iter().map(|b| price_hour(site.catalogue, b.machine_model.as_deref())).collect();
    let what = format!("monthly_cost of {}", model.unwrap_or("the commonest hardware"));
    let not_evaluated =
        prices.iter().find_map(|p| p.as_ref().err()).map(|why| NotEvaluated::new(what, format!("a broker {why}")));
    let currency = prices.iter().flatten().find_map(|(_, currency)| currency.map(str::to_owned));
    let hour: Option<f64> = prices.iter().map(|price| price.as_ref().ok().map(|(price, _)| *price)).sum();
    Ok(ModelOption {
        model: model.map(str::to_owned),
        needs,
        monthly_cost: hour.map(|hour| hour * HOURS_PER_MONTH),
        is_without_storage: model.and_then(|m| site.catalogue.get(m)).is_some_and(|m| m.disks.is_empty()),
        currency,
        not_evaluated: not_evaluated.into_iter().collect(),
        added,
    })
}

fn spec(count: usize, model: Option<&str>, group: &str) -> Option<AddSpec> {
    let count = u32::try_from(count).ok().filter(|&count| count > 0)?;
    Some(AddSpec { count, model: model.map(str::to_owned), rack: None, group: Some(group.to_owned()) })
}

/// The search for one group and model.
struct Search<'a> {
    site: &'a Site<'a>,
    groups: &'a Groups,
    group: usize,
    thresholds: &'a [Threshold],
    model: Option<&'a str>,
    solve: &'a Solve<'a>,
}

/// One count that was planned.
struct Tried {
    count: usize,
    values: Vec<(Threshold, f64)>,
}

impl Search<'_> {
    fn name(&self) -> &str {
        self.groups.names().get(self.group).map_or("", String::as_str)
    }

    fn need(&self) -> Result<Need, String> {
        let (start, bound_goal) = self.start()?;
        let size = carriers(self.site.snapshot, self.groups, self.group).len();
        let end = END_FACTOR * (start + size);
        let mut tried: Vec<Tried> = Vec::new();
        let mut failure = None;
        let count = least(start, end, |count| match self.values(count) {
            Ok(values) => {
                tried.push(Tried { count, values });
                tried.last().is_some_and(|tried| holds(&tried.values))
            }
            Err(error) => {
                failure = Some(error);
                true
            }
        });
        if let Some(error) = failure {
            return Err(error);
        }
        let values = |count: usize| tried.iter().find(|t| t.count == count).map(|t| t.values.clone());
        let one_fewer =
            count.unwrap_or(end).checked_sub(1).and_then(values).or_else(|| values(end).filter(|_| count.is_none()));
        let binding = match one_fewer {
            Some(values) => worst(&values),
            None if count == Some(0) => None,
            None => bound_goal,
        };
        let reached = values(count.unwrap_or(end)).unwrap_or_default();
        Ok(Need { group: self.name().to_owned(), count, lower_bound: start, binding, reached, plans: tried.len() })
    }

    /// The fewest brokers by the means alone, and the goal that asks for them with the mean of one broker fewer.
    fn start(&self) -> Result<(usize, Option<Binding>), String> {
        let Site { snapshot, .. } = self.site;
        let brokers = carriers(snapshot, self.groups, self.group);
        let demand = Demand::of(snapshot, self.groups, self.group);
        let hardware = self.site.hardware(self.groups, self.group, self.model, &mut Vec::new())?;
        let disk: Option<u64> = hardware.log_dirs.iter().map(|dir| dir.capacity_bytes).sum();
        let (mut start, mut binding) = (0, None);
        for &threshold in self.thresholds {
            let goal = threshold.goal;
            let without =
                |what: &str| format!("{} cannot be held to a threshold in group {}: {what}", goal.name(), self.name());
            if goal == Goal::Cpu && cores_per_work(snapshot).is_none() {
                return Err(without("no broker has cpu_utilization and cpu_cores"));
            }
            let lacking = || without("a broker of it has no such capacity in the snapshot or the catalogue");
            let own: f64 = capacities(snapshot, &brokers, goal).ok_or_else(lacking)?.iter().sum();
            let each = match goal {
                Goal::Disk => disk.filter(|&bytes| bytes > 0).map(|bytes| bytes as f64),
                Goal::NetworkIn => hardware.network_in_capacity_bytes_per_sec,
                Goal::NetworkOut => hardware.network_out_capacity_bytes_per_sec,
                Goal::Cpu => hardware.cpu_cores,
                _ => Some(1.0),
            };
            let model = self.model.unwrap_or("the commonest broker");
            let each = each.ok_or_else(|| without(&format!("{model} has no known capacity")))?;
            let load = demand.towards(snapshot, &brokers, goal).ok_or_else(lacking)?;
            let missing = (load / threshold.most - own) / each;
            // What is missing by less than the comparison's tolerance is not missing.
            let count = (missing - band::TOLERANCE * (1.0 + missing.abs())).ceil().max(0.0) as usize;
            if count > start {
                let mean = load / (own + each * (count - 1) as f64);
                (start, binding) = (count, Some(Binding { goal, value: mean, limit: threshold.most }));
            }
        }
        Ok((start, binding))
    }

    /// The busiest broker's figures with `count` brokers more, after a plan that keeps the thresholds for their own sake,
    /// or where that fails after one that balances as well.
    fn values(&self, count: usize) -> Result<Vec<(Threshold, f64)>, String> {
        let Site { snapshot, policy, .. } = self.site;
        let specs: Vec<AddSpec> = spec(count, self.model, self.name()).into_iter().collect();
        let added = self.site.brokers(&specs)?;
        let expanded = fleet::with_brokers(snapshot, &added.brokers).ok_or("no broker id is left above the highest")?;
        let tight = confined(&tightened(policy, self.thresholds), snapshot, self.name());
        let after = |pursuit: Pursuit| {
            let solution = (self.solve)(&expanded, &pursuit.of(tight.clone()), Effort::Quick);
            busiest(&expanded, policy, &solution.placement, self.name(), self.thresholds)
        };
        let values = after(Pursuit::Rules);
        Ok(if holds(&values) { values } else { after(Pursuit::Balance) })
    }
}

/// Whether every threshold is kept.
fn holds(values: &[(Threshold, f64)]) -> bool {
    values.iter().all(|(threshold, value)| !band::exceeds(*value, threshold.most))
}

impl ModelOption {
    /// Whether `placement` keeps the thresholds in every group where a number of brokers was found that does.
    #[must_use]
    pub fn is_kept(
        &self,
        snapshot: &Snapshot,
        policy: &Policy,
        placement: &Placement,
        thresholds: &[Threshold],
    ) -> bool {
        let found = self.needs.iter().filter(|need| need.count.is_some());
        found.map(|need| busiest(snapshot, policy, placement, &need.group, thresholds)).all(|values| holds(&values))
    }
}

/// `policy` confined to one group, where there are groups.
#[must_use]
pub fn confined(policy: &Policy, snapshot: &Snapshot, group: &str) -> Policy {
    let mut policy = policy.clone();
    policy.scope.group = snapshot.is_grouped().then(|| group.to_owned());
    policy
}

/// The highest figure of each threshold's goal among the brokers of `group`.
#[must_use]
pub fn busiest(
    snapshot: &Snapshot,
    policy: &Policy,
    placement: &Placement,
    group: &str,
    thresholds: &[Threshold],
) -> Vec<(Threshold, f64)> {
    let groups = Groups::new(snapshot, policy);
    let Some(number) = groups.names().iter().position(|name| name == group) else { return Vec::new() };
    let brokers = carriers(snapshot, &groups, number);
    let usage = Usage::of(snapshot, placement);
    let figure = |broker: BrokerIdx, goal| match goal {
        Goal::Replicas => usage.load(broker, goal),
        _ => usage.utilization(snapshot, broker, goal),
    };
    let most = |&threshold: &Threshold| {
        let figures = brokers.iter().filter_map(|&broker| figure(broker, threshold.goal));
        (threshold, figures.fold(0.0, f64::max))
    };
    thresholds.iter().map(most).collect()
}

/// The threshold that is passed furthest.
fn worst(values: &[(Threshold, f64)]) -> Option<Binding> {
    let passed = values.iter().max_by(|a, b| (a.1 / a.0.most).total_cmp(&(b.1 / b.0.most)))?;
    Some(Binding { goal: passed.0.goal, value: passed.1, limit: passed.0.most })
}
