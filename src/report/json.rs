//! The JSON that other programs read (contract §4–5): the judge's figures, excuses, movement and policies in the
//! contract's keys and order.

use std::borrow::Cow;

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeStruct, Serializer};

use super::scope_json::{FloorsView, ScopeView, TriggersView};
use crate::model::policy::{Bands, Budget, Limits};
use crate::model::{
    Assessment, Criterion, Excuse, Goal, GoalBalance, Imbalance, Movement, NotEvaluated, Policy, TopicPattern,
};
use crate::verify::Deviation;

/// Significant digits of a printed figure: more than any measurement has, few enough that 15.523 is not printed as
/// 15.522999999999998.
const SIGNIFICANT_DIGITS: usize = 12;

/// `value` with 12 digits.
#[must_use]
pub fn rounded(value: f64) -> f64 {
    let digits = SIGNIFICANT_DIGITS - 1;
    format!("{value:.digits$e}").parse().unwrap_or(value)
}

/// What the judge says of a placement: `before` and `after`.
#[must_use]
pub fn assessment(assessment: &Assessment) -> impl Serialize + '_ {
    AssessmentView(assessment)
}

struct AssessmentView<'a>(&'a Assessment);

impl Serialize for AssessmentView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut view = serializer.serialize_struct("Assessment", 5)?;
        view.serialize_field("hard", &HardView(self.0))?;
        view.serialize_field("outside", &self.0.imbalance.outside)?;
        view.serialize_field("excess", &rounded(self.0.imbalance.excess))?;
        view.serialize_field("if_preferred", &ImbalanceView::of(&self.0.if_preferred))?;
        view.serialize_field("balance", &BalanceView(self.0))?;
        view.end()
    }
}

struct HardView<'a>(&'a Assessment);

impl Serialize for HardView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.hard.iter().map(|(rule, count)| (rule.name(), count)))
    }
}

#[derive(Serialize)]
struct ImbalanceView {
    outside: u64,
    excess: f64,
}

impl ImbalanceView {
    fn of(imbalance: &Imbalance) -> Self {
        Self { outside: imbalance.outside, excess: rounded(imbalance.excess) }
    }
}

struct BalanceView<'a>(&'a Assessment);

impl Serialize for BalanceView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut groups = serializer.serialize_map(Some(self.0.balance.len()))?;
        for (group, goals) in &self.0.balance {
            groups.serialize_entry(group, &GoalsView(goals))?;
        }
        groups.end()
    }
}

struct GoalsView<'a>(&'a std::collections::BTreeMap<Goal, GoalBalance>);

impl Serialize for GoalsView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = |(goal, balance): (&Goal, &GoalBalance)| (goal.name(), GoalView::of(*goal, balance));
        serializer.collect_map(self.0.iter().map(view))
    }
}

#[derive(Serialize)]
struct GoalView {
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Figure>,
    outside: u64,
    excess: f64,
}

impl GoalView {
    fn of(goal: Goal, balance: &GoalBalance) -> Self {
        let figure = |value: f64| if goal.is_count() { Figure::Count(value as u64) } else { Figure::of(value) };
        Self {
            mean: balance.range.map(|range| rounded(range.mean)),
            min: balance.range.map(|range| figure(range.min)),
            max: balance.range.map(|range| figure(range.max)),
            outside: balance.outside,
            excess: rounded(balance.excess),
        }
    }
}

/// A number that prints as a whole one where it counts things.
#[derive(Serialize)]
#[serde(untagged)]
enum Figure {
    Count(u64),
    Measure(f64),
}

impl Figure {
    fn of(value: f64) -> Self {
        Self::Measure(rounded(value))
    }
}

/// An entry of `not_evaluated`.
#[derive(Serialize)]
pub struct NotEvaluatedView<'a> {
    what: Cow<'a, str>,
    why: Cow<'a, str>,
}

impl<'a> From<&'a NotEvaluated> for NotEvaluatedView<'a> {
    fn from(entry: &'a NotEvaluated) -> Self {
        Self { what: Cow::Borrowed(&entry.what), why: Cow::Borrowed(&entry.why) }
    }
}

impl From<NotEvaluated> for NotEvaluatedView<'_> {
    fn from(entry: NotEvaluated) -> Self {
        Self { what: Cow::Owned(entry.what), why: Cow::Owned(entry.why) }
    }
}

/// `not_evaluated`, in the contract's form.
#[must_use]
pub fn not_evaluated(entries: &[NotEvaluated]) -> Vec<NotEvaluatedView<'_>> {
    entries.iter().map(NotEvaluatedView::from).collect()
}

/// An excuse: `rule` or `goal` by what it is about, neither where it is about none.
#[derive(Serialize)]
pub struct ExcuseView<'a> {
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<&'static str>,
    value: Option<f64>,
    limit: Option<f64>,
    why: &'a str,
    remedy: &'a str,
}

impl<'a> From<&'a Excuse> for ExcuseView<'a> {
    fn from(excuse: &'a Excuse) -> Self {
        let (rule, goal) = match excuse.criterion {
            Some(Criterion::Rule(rule)) => (Some(rule.name()), None),
            Some(Criterion::Goal(goal)) => (None, Some(goal.name())),
            None => (None, None),
        };
        Self {
            subject: &excuse.subject,
            rule,
            goal,
            value: excuse.value.map(rounded),
            limit: excuse.limit.map(rounded),
            why: &excuse.why,
            remedy: &excuse.remedy,
        }
    }
}

/// What `verify` prints of a movement; a plan adds the bound.
#[derive(Serialize)]
pub struct MovementView {
    inter_broker_bytes: u64,
    intra_broker_bytes: u64,
    replica_moves: u64,
    log_dir_moves: u64,
    leader_changes: u64,
    partitions_changed: u64,
}

impl From<&Movement> for MovementView {
    fn from(movement: &Movement) -> Self {
        Self {
            inter_broker_bytes: movement.inter_broker_bytes,
            intra_broker_bytes: movement.intra_broker_bytes,
            replica_moves: movement.replica_moves,
            log_dir_moves: movement.log_dir_moves,
            leader_changes: movement.leader_changes,
            partitions_changed: movement.partitions_changed,
        }
    }
}

/// One of `verify`'s findings.
#[derive(Serialize)]
pub struct DeviationView<'a> {
    code: &'static str,
    subject: &'a str,
    message: &'a str,
}

impl<'a> From<&'a Deviation> for DeviationView<'a> {
    fn from(deviation: &'a Deviation) -> Self {
        Self { code: deviation.code, subject: &deviation.subject, message: &deviation.message }
    }
}

/// A policy with every default filled in, in the shape of a policy file.
#[must_use]
pub fn policy(policy: &Policy) -> impl Serialize + '_ {
    PolicyView {
        default_group: policy.default_group.as_deref().unwrap_or(""),
        excess_tolerance: policy.excess_tolerance,
        limits: LimitsView::of(&policy.limits),
        bands: BandsView::of(&policy.bands),
        triggers: TriggersView(policy),
        floors: FloorsView(policy),
        weights: WeightsView(policy),
        topics: TopicsView {
            exclude: texts(&policy.exclude),
            frozen: texts(&policy.frozen),
            only: policy.only.as_deref().map(texts),
        },
        brokers: BrokersView { no_receive: policy.no_receive.iter().copied().collect() },
        pin: PinView(policy),
        budget: BudgetView::of(&policy.budget),
        scope: ScopeView::of(&policy.scope),
    }
}

#[derive(Serialize)]
struct PolicyView<'a> {
    default_group: &'a str,
    excess_tolerance: f64,
    limits: LimitsView,
    bands: BandsView,
    triggers: TriggersView<'a>,
    floors: FloorsView<'a>,
    weights: WeightsView<'a>,
    topics: TopicsView<'a>,
    brokers: BrokersView,
    pin: PinView<'a>,
    budget: BudgetView,
    /// Set by flags alone; absent where the whole cluster is planned for every goal.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<ScopeView<'a>>,
}

#[derive(Serialize)]
struct LimitsView {
    disk: f64,
    network_in: f64,
    network_out: f64,
    cpu: f64,
    log_dir: f64,
    replicas_per_broker: u32,
}

impl LimitsView {
    fn of(limits: &Limits) -> Self {
        Self {
            disk: limits.disk,
            network_in: limits.network_in,
            network_out: limits.network_out,
            cpu: limits.cpu,
            log_dir: limits.log_dir,
            replicas_per_broker: limits.replicas_per_broker,
        }
    }
}

#[derive(Serialize)]
struct BandsView {
    disk: f64,
    network_in: f64,
    network_out: f64,
    cpu: f64,
    replicas: f64,
    leaders: f64,
    topic_spread: f64,
    topic_spread_slack: u32,
    log_dir: f64,
    log_dir_floor: f64,
    #[serde(flatten)]
    optional: std::collections::BTreeMap<&'static str, Figure>,
}

impl BandsView {
    fn of(bands: &Bands) -> Self {
        Self {
            disk: bands.disk,
            network_in: bands.network_in,
            network_out: bands.network_out,
            cpu: bands.cpu,
            replicas: bands.replicas,
            leaders: bands.leaders,
            topic_spread: bands.topic_spread,
            topic_spread_slack: bands.topic_spread_slack,
            log_dir: bands.log_dir,
            log_dir_floor: bands.log_dir_floor,
            optional: optional_bands(bands),
        }
    }
}

/// The bands of optional goals that are on, by key: nothing speaks of the others.
fn optional_bands(bands: &Bands) -> std::collections::BTreeMap<&'static str, Figure> {
    let mut keys = std::collections::BTreeMap::new();
    for goal in bands.spoken_of().filter(|goal| goal.is_optional()) {
        let band = bands.of(goal);
        let is_whole = goal == Goal::ScatterWidth;
        keys.insert(goal.name(), if is_whole { Figure::Count(band as u64) } else { Figure::Measure(band) });
        if goal == Goal::LeadersPerTopic {
            keys.insert("leaders_per_topic_slack", Figure::Count(u64::from(bands.leaders_per_topic_slack)));
        }
    }
    keys
}

struct WeightsView<'a>(&'a Policy);

impl Serialize for WeightsView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.bands.spoken_of().map(|goal| (goal.name(), self.0.weight(goal))))
    }
}

#[derive(Serialize)]
struct TopicsView<'a> {
    exclude: Vec<&'a str>,
    frozen: Vec<&'a str>,
    /// Set by a flag alone; absent where every topic may change.
    #[serde(skip_serializing_if = "Option::is_none")]
    only: Option<Vec<&'a str>>,
}

fn texts(patterns: &[TopicPattern]) -> Vec<&str> {
    patterns.iter().map(TopicPattern::text).collect()
}

#[derive(Serialize)]
struct BrokersView {
    no_receive: Vec<i32>,
}

struct PinView<'a>(&'a Policy);

impl Serialize for PinView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pins = self.0.pin.iter().map(|(p, brokers)| (format!("{}-{}", p.topic, p.partition), brokers));
        serializer.collect_map(pins)
    }
}

#[derive(Serialize)]
struct BudgetView {
    max_moved_bytes: Allowance,
    max_moved_share: Allowance,
    max_moves: Allowance,
}

impl BudgetView {
    fn of(budget: &Budget) -> Self {
        let allowance = |limit: Option<u64>| limit.map_or(Allowance::Word("unlimited"), Allowance::Limit);
        Self {
            max_moved_bytes: allowance(budget.max_moved_bytes),
            max_moved_share: budget.max_moved_share.map_or(Allowance::Word("unlimited"), Allowance::Share),
            max_moves: allowance(budget.max_moves),
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Allowance {
    Limit(u64),
    Share(f64),
    Word(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_rounded_where_binary_fractions_show() {
        assert_eq!(rounded(15.522_999_999_999_998).to_string(), "15.523");
        assert_eq!(rounded(0.0), 0.0);
        assert_eq!(rounded(1.0 / 3.0).to_string(), "0.333333333333");
    }
}
