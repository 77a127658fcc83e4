//! `shrink --find-max`: how many brokers of a group can leave with every hard rule and N−1 kept.
//!
//! Brokers leave in the nested order of [`order`](super::order), so that bisection on their number k is sound. What the
//! group must carry gives the most that can leave, demand ≤ limit · (Σ capacity − largest) for every resource; below
//! that real plans decide, each judged by the rules and by its headroom after the worst loss of a broker. Plans that
//! pursue no goal come first, since near its limits a group keeps them best where nothing else is wanted; plans that also
//! balance say whether more can go.

use std::collections::BTreeSet;

use super::Solve;
use super::add::Site;
use super::demand::{Demand, at_best_after_loss, carriers, limit_before_loss};
use super::headroom::{headroom, limit};
use super::least::least;
use super::order::removal_order;
use super::thresholds::{Pursuit, Threshold, tightened};
use super::until::confined;
use crate::model::load::unjudged;
use crate::model::{
    BrokerIdx, Criterion, Freedom, Goal, Groups, Home, PartitionIdx, Placement, Policy, Rule, Snapshot, TopicPartition,
    band, fleet, human,
};
use crate::optimize::{Effort, Solution};
use crate::verify::Usage;
use crate::verify::hard::{Subject, Violation, each_violation};

/// Points of the curve: enough for a line, few enough for a table.
const CURVE_POINTS: usize = 20;

/// What stands in the way of removing one broker more.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The group.
    pub group: String,
    /// How many brokers are gone then; 0 where something is wrong with all of them in place.
    pub removed: usize,
    /// The rule that would break, or the goal whose limit a loss would pass.
    pub criterion: Criterion,
    /// Its figure with one broker more removed.
    pub value: f64,
    /// What it may not pass (fall below, for brokers and racks left).
    pub limit: f64,
    /// The same in words.
    pub why: String,
}

/// How the group stands with so many brokers removed.
#[derive(Clone, Debug, PartialEq)]
pub struct CurvePoint {
    /// Brokers removed.
    pub removed: usize,
    /// By goal, the least that the busiest survivor is at after the loss of the largest broker.
    pub at_best: Vec<(Goal, f64)>,
    /// By goal, what a real plan came to after the worst loss of a broker; empty where none was made.
    pub planned: Vec<(Goal, f64)>,
    /// Whether that plan keeps every rule and N−1.
    pub holds: Option<bool>,
}

/// How many brokers of one group can leave.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupMax {
    /// The group.
    pub group: String,
    /// Its brokers that carry replicas.
    pub brokers: usize,
    /// Ids in the order in which they leave, all that replication factors and racks allow.
    pub order: Vec<i32>,
    /// Whether real plans found `count`; else it is the most that the means allow, and plans may allow fewer.
    pub is_planned: bool,
    /// How many of them can leave.
    pub count: usize,
    /// What rules out one more.
    pub binding: Option<Binding>,
    /// From none removed to a few more than can be.
    pub curve: Vec<CurvePoint>,
}

/// A plan for the largest set that can leave.
pub struct Shrunk {
    /// By group.
    pub groups: Vec<GroupMax>,
    /// Ids, in the order in which they leave, group by group.
    pub removable: Vec<i32>,
    /// The snapshot with them draining.
    pub marked: Snapshot,
    /// The plan that empties them.
    pub solution: Solution,
}

/// The largest set that can leave `group`, or each group, and the plan that empties it, searched with `effort`; quickly,
/// or for the rules alone, where that does not keep what plans for single groups kept. Where none of these does, a broker
/// fewer leaves.
#[must_use]
pub fn find_max(site: &Site<'_>, group: Option<usize>, effort: Effort, solve: &Solve<'_>) -> Shrunk {
    let groups = Groups::new(site.snapshot, site.policy);
    let searches = searches(site, &groups, group);
    let mut found: Vec<GroupMax> = searches.iter().map(|search| search.find(solve)).collect();
    loop {
        let removable: Vec<i32> = found.iter().flat_map(|max| max.order.iter().take(max.count).copied()).collect();
        let marked = fleet::with_draining(site.snapshot, &removable.iter().copied().collect());
        let policy = final_policy(site, &searches, &marked, group.is_some());
        let mut failing = Vec::new();
        let mut ways =
            vec![(Pursuit::Balance, effort), (Pursuit::Balance, Effort::Quick), (Pursuit::Rules, Effort::Quick)];
        ways.dedup();
        for (pursuit, effort) in ways {
            let solution = solve(&marked, &pursuit.of(policy.clone()), effort);
            failing = (0..found.len())
                .filter(|&row| found[row].count > 0)
                .filter_map(|row| {
                    let judged = searches[row].judge(&marked, &solution.placement, found[row].count);
                    judged.binding.map(|binding| (row, binding))
                })
                .collect();
            if failing.is_empty() {
                return Shrunk { groups: found, removable, marked, solution };
            }
        }
        for (row, binding) in failing {
            found[row].count -= 1;
            found[row].binding = Some(binding);
        }
    }
}

/// How many brokers of each group can leave, by quick plans that are not kept.
#[must_use]
pub fn find_counts(site: &Site<'_>, solve: &Solve<'_>) -> Vec<GroupMax> {
    let groups = Groups::new(site.snapshot, site.policy);
    searches(site, &groups, None).iter().map(|search| search.find(solve)).collect()
}

/// How many brokers of each group can leave at most, by the means alone: no plan is made.
#[must_use]
pub fn at_most(site: &Site<'_>) -> Vec<GroupMax> {
    let groups = Groups::new(site.snapshot, site.policy);
    searches(site, &groups, None).iter().map(Search::at_most).collect()
}

/// A search for each group, or the one called for, that has brokers to carry anything.
fn searches<'a>(site: &'a Site<'a>, groups: &'a Groups, group: Option<usize>) -> Vec<Search<'a>> {
    let numbers = (0..groups.names().len()).filter(|&number| group.is_none_or(|wanted| wanted == number));
    let searches = numbers.map(|number| Search::new(site, groups, number));
    searches.filter(|search| !search.carriers.is_empty()).collect()
}

/// The policy of the plan for all groups: limits as tight as the group with the most room asks for, since limits are
/// not by group; the judgement afterwards is.
fn final_policy(site: &Site<'_>, searches: &[Search<'_>], marked: &Snapshot, is_one_group: bool) -> Policy {
    let mut loosest: Vec<Threshold> = Vec::new();
    let of_groups: Vec<Vec<Threshold>> = searches.iter().map(|search| search.thresholds(marked)).collect();
    for goal in Goal::UTILIZATIONS {
        let by_group = of_groups.iter().map(|all| all.iter().find(|t| t.goal == goal).map(|t| t.most));
        if let Some(most) = by_group.collect::<Option<Vec<f64>>>().and_then(|all| all.into_iter().reduce(f64::max)) {
            loosest.push(Threshold { goal, most });
        }
    }
    let policy = tightened(site.policy, &loosest);
    match searches {
        [one] if is_one_group => confined(&policy, marked, one.name()),
        _ => policy,
    }
}

/// One group's search.
struct Search<'a> {
    site: &'a Site<'a>,
    groups: &'a Groups,
    group: usize,
    demand: Demand,
    carriers: Vec<BrokerIdx>,
    order: Vec<BrokerIdx>,
}

/// What a plan came to.
struct Judged {
    removed: usize,
    /// By goal, after the worst loss of a broker.
    after_loss: Vec<(Goal, f64)>,
    /// What is wrong; none where everything is kept.
    binding: Option<Binding>,
}

impl<'a> Search<'a> {
    fn new(site: &'a Site<'a>, groups: &'a Groups, group: usize) -> Self {
        let demand = Demand::of(site.snapshot, groups, group);
        let order = removal_order(site.snapshot, groups, group, site.catalogue);
        Self { site, groups, group, demand, carriers: carriers(site.snapshot, groups, group), order }
    }

    fn name(&self) -> &str {
        self.groups.names().get(self.group).map_or("", String::as_str)
    }

    fn ids(&self, removed: usize) -> BTreeSet<i32> {
        self.order.iter().take(removed).map(|&b| self.site.snapshot.broker(b).id).collect()
    }

    fn left(&self, removed: usize) -> Vec<BrokerIdx> {
        let gone: BTreeSet<BrokerIdx> = self.order.iter().take(removed).copied().collect();
        self.carriers.iter().copied().filter(|b| !gone.contains(b)).collect()
    }

    /// By goal, demand ÷ (Σ capacity − largest) with `removed` brokers gone.
    fn at_best(&self, removed: usize) -> Vec<(Goal, f64)> {
        let left = self.left(removed);
        let value = |goal| Some((goal, at_best_after_loss(self.site.snapshot, &self.demand, &left, goal)?));
        Goal::UTILIZATIONS.into_iter().filter_map(value).collect()
    }

    /// The goal whose limit even the mean passes with `removed` brokers gone, the furthest of several.
    fn ruled_out(&self, removed: usize) -> Option<Binding> {
        let limited = self.at_best(removed).into_iter();
        let limited = limited.filter_map(|(goal, value)| Some((goal, value, limit(self.site.policy, goal)?)));
        let passed = limited.filter(|(_, value, limit)| band::exceeds(*value, *limit));
        let (goal, value, limit) = passed.max_by(|a, b| (a.1 / a.2).total_cmp(&(b.1 / b.2)))?;
        let why = format!("the survivors' mean {} after the largest broker is lost", goal.name());
        Some(self.binding(removed, Criterion::Goal(goal), (value, limit), why))
    }

    /// The most that the mean lets go: it only rises with every broker that goes. None where it passes a limit already.
    fn most(&self) -> Option<usize> {
        (0..=self.order.len()).take_while(|&removed| self.ruled_out(removed).is_none()).last()
    }

    fn at_most(&self) -> GroupMax {
        self.found(false, self.most(), self.most(), &[])
    }

    fn find(&self, solve: &Solve<'_>) -> GroupMax {
        let most = self.most();
        let mut judged: Vec<Judged> = Vec::new();
        let count = most.and_then(|most| {
            let kept = least(0, most, |spared| self.keeps(Pursuit::Rules, most - spared, solve, &mut judged));
            let start = match kept {
                Some(spared) => most - spared,
                None if self.keeps(Pursuit::Balance, 0, solve, &mut judged) => 0,
                None => return None,
            };
            let more = least(1, most - start, |more| !self.keeps(Pursuit::Balance, start + more, solve, &mut judged));
            Some(more.map_or(most, |more| start + more - 1))
        });
        self.found(true, most, count, &judged)
    }

    /// Whether a plan without the first `removed` brokers keeps everything. It joins `judged` unless it fails in
    /// pursuit of the rules alone, which says nothing of a plan that balances.
    fn keeps(&self, pursuit: Pursuit, removed: usize, solve: &Solve<'_>, judged: &mut Vec<Judged>) -> bool {
        let verdict = self.plan(pursuit, removed, solve);
        let holds = verdict.binding.is_none();
        if holds || pursuit == Pursuit::Balance {
            judged.push(verdict);
        }
        holds
    }

    fn found(&self, is_planned: bool, most: Option<usize>, count: Option<usize>, judged: &[Judged]) -> GroupMax {
        // Where not even the brokers as they are keep everything, that is what binds.
        let next = count.map_or(0, |count| count + 1);
        let planned = judged.iter().find(|j| j.removed == next).and_then(|j| j.binding.clone());
        GroupMax {
            group: self.name().to_owned(),
            brokers: self.carriers.len(),
            order: self.order.iter().map(|&b| self.site.snapshot.broker(b).id).collect(),
            is_planned,
            count: count.unwrap_or(0),
            binding: planned.or_else(|| self.ruled_out(next)).or_else(|| self.at_the_floor()),
            curve: self.curve(most.unwrap_or(0), judged),
        }
    }

    /// Why the order ends: too few brokers or racks for the replicas.
    fn at_the_floor(&self) -> Option<Binding> {
        let snapshot = self.site.snapshot;
        let left = self.left(self.order.len());
        let racks = super::order::racks(snapshot, &left).len();
        let floor = super::order::Floor::of(&self.demand, super::order::racks(snapshot, &self.carriers).len());
        let replication = self.demand.max_replication;
        let (rule, value, limit, why) = if left.len() <= floor.brokers {
            let why = format!("{} brokers are the least for replication factor {replication}", floor.brokers);
            (Rule::DuplicateReplica, left.len().saturating_sub(1), floor.brokers, why)
        } else {
            let why = format!("{} racks are the least for replication factor {replication}", floor.racks);
            (Rule::Rack, racks.saturating_sub(1), floor.racks, why)
        };
        let (value, limit) = (value as f64, limit as f64);
        Some(self.binding(self.order.len() + 1, Criterion::Rule(rule), (value, limit), why))
    }

    fn binding(&self, removed: usize, criterion: Criterion, (value, limit): (f64, f64), why: String) -> Binding {
        Binding { group: self.name().to_owned(), removed, criterion, value, limit, why }
    }

    /// The limits that keep N−1 for what is left in `marked`.
    fn thresholds(&self, marked: &Snapshot) -> Vec<Threshold> {
        let left = carriers(marked, self.groups, self.group);
        let threshold = |goal| {
            let limit = limit(self.site.policy, goal)?;
            Some(Threshold { goal, most: limit_before_loss(marked, &left, goal, limit)? })
        };
        Goal::UTILIZATIONS.into_iter().filter_map(threshold).collect()
    }

    /// Plans without the first `removed` brokers of the order and judges what comes out.
    fn plan(&self, pursuit: Pursuit, removed: usize, solve: &Solve<'_>) -> Judged {
        let marked = fleet::with_draining(self.site.snapshot, &self.ids(removed));
        let policy = confined(&tightened(self.site.policy, &self.thresholds(&marked)), &marked, self.name());
        let solution = solve(&marked, &pursuit.of(policy), Effort::Quick);
        self.judge(&marked, &solution.placement, removed)
    }

    /// Whether `placement` keeps every rule of the group and N−1, and leaves nothing on the first `removed` brokers.
    fn judge(&self, marked: &Snapshot, placement: &Placement, removed: usize) -> Judged {
        let all = headroom(marked, self.site.policy, placement);
        let own: Vec<_> = all.into_iter().filter(|h| h.group == self.name()).collect();
        let after_loss = own.iter().filter_map(|h| Some((h.goal, h.broker_lost.as_ref()?.utilization_max))).collect();
        let passed = own.iter().filter_map(|h| {
            let loss = h.broker_lost.as_ref()?;
            let why = format!("the busiest survivor's {} after {} is lost", h.goal.name(), loss.lost);
            let figures = (loss.utilization_max, h.limit);
            band::exceeds(figures.0, figures.1).then(|| self.binding(removed, Criterion::Goal(h.goal), figures, why))
        });
        let binding = self
            .left_behind(marked, placement, removed)
            .or_else(|| self.broken_rule(marked, placement, removed))
            .or_else(|| passed.max_by(|a, b| (a.value / a.limit).total_cmp(&(b.value / b.limit))));
        Judged { removed, after_loss, binding }
    }

    /// Replicas that stay on a removed broker: those of partitions that get no entry, else those for which the others
    /// have no room, with the resource that by the means is nearest to its limit.
    fn left_behind(&self, marked: &Snapshot, placement: &Placement, removed: usize) -> Option<Binding> {
        let gone: BTreeSet<BrokerIdx> = self.order.iter().take(removed).copied().collect();
        let on_gone = |p: PartitionIdx| placement.seats(p).iter().filter(|seat| gone.contains(&seat.broker)).count();
        let (mut bound, mut stay) = (0, 0);
        for p in marked.partition_indices() {
            stay += on_gone(p);
            bound += if self.gets_no_entry(marked, p) { on_gone(p) } else { 0 };
        }
        let limited = self.at_best(removed).into_iter();
        let limited = limited.filter_map(|(goal, value)| Some((goal, value, limit(self.site.policy, goal)?)));
        let tightest = limited.max_by(|a, b| (a.1 / a.2).total_cmp(&(b.1 / b.2)));
        match tightest {
            _ if stay == 0 => None,
            Some((goal, value, limit)) if bound == 0 => {
                let why = format!(
                    "{} would find no room, and the survivors' mean {} after the largest broker is lost",
                    human::counted(stay as u64, "replica"),
                    goal.name()
                );
                Some(self.binding(removed, Criterion::Goal(goal), (value, limit), why))
            }
            _ => {
                let why = format!("{bound} replicas that cannot leave, for their partitions get no entry");
                Some(self.binding(removed, Criterion::Rule(Rule::InactiveBroker), (stay as f64, 0.0), why))
            }
        }
    }

    /// Whether the partition stays as it is whatever happens.
    fn gets_no_entry(&self, marked: &Snapshot, p: PartitionIdx) -> bool {
        let partition = marked.partition(p);
        let topic = &marked.topic(partition.topic).name;
        let key = TopicPartition { topic: topic.clone(), partition: partition.number };
        let policy = self.site.policy;
        unjudged(marked, p).is_some() || policy.freedom(topic) == Freedom::Fixed || policy.pin.contains_key(&key)
    }

    /// The first rule, in the order of reports, that the group breaks, with its worst figure.
    fn broken_rule(&self, marked: &Snapshot, placement: &Placement, removed: usize) -> Option<Binding> {
        let usage = Usage::of(marked, placement);
        let mut own: Vec<Violation> = Vec::new();
        each_violation(marked, self.site.policy, self.groups, placement, &usage, |violation| {
            if self.concerns(marked, violation.subject) {
                own.push(violation);
            }
        });
        let rule = own.iter().map(|violation| violation.rule).min()?;
        let of_rule: Vec<&Violation> = own.iter().filter(|violation| violation.rule == rule).collect();
        let figures = of_rule.iter().filter_map(|v| v.value.zip(v.limit));
        let worst = figures.max_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
        let figures = worst.unwrap_or((of_rule.len() as f64, 0.0));
        let why = format!("{} of rule {}", human::counted(of_rule.len() as u64, "violation"), rule.name());
        Some(self.binding(removed, Criterion::Rule(rule), figures, why))
    }

    fn concerns(&self, marked: &Snapshot, subject: Subject) -> bool {
        let is_own = |b: BrokerIdx| self.groups.of_broker(b) == Some(self.group);
        match subject {
            Subject::Broker(broker) => is_own(broker),
            Subject::LogDir(dir) => is_own(marked.log_dir(dir).broker),
            Subject::Partition(p) => self.groups.home(marked.partition(p).topic) == Home::Group(self.group),
            Subject::Replica(p, broker) => {
                is_own(broker) || self.groups.home(marked.partition(p).topic) == Home::Group(self.group)
            }
        }
    }

    /// From none removed to two more than the means allow, what was planned among them.
    fn curve(&self, most: usize, judged: &[Judged]) -> Vec<CurvePoint> {
        let end = (most + 2).min(self.order.len());
        let step = end.div_ceil(CURVE_POINTS).max(1);
        let mut counts: BTreeSet<usize> = (0..=end).step_by(step).chain([end]).collect();
        counts.extend(judged.iter().map(|j| j.removed));
        let point = |removed| {
            let planned = judged.iter().find(|j| j.removed == removed);
            CurvePoint {
                removed,
                at_best: self.at_best(removed),
                planned: planned.map(|j| j.after_loss.clone()).unwrap_or_default(),
                holds: planned.map(|j| j.binding.is_none()),
            }
        };
        counts.into_iter().map(point).collect()
    }
}
