//! What each goal accepts once it has had its turn.

use super::actions::Action;
use super::state::{CAPACITY, State};
use super::{RESOURCES, Rule};

/// Of `ReplicaCapacityGoal`.
const REPLICAS_MAX: usize = 10_000;

impl State<'_> {
    /// Whether every goal before `rule` accepts the action.
    pub(super) fn accepts(&self, action: Action, rule: Rule) -> bool {
        let before = |other: Rule| other < rule;
        self.is_hard_kept(action)
            && (!before(Rule::ReplicaDistribution) || self.replicas_stay(action))
            && (!before(Rule::PotentialNetworkOut) || self.potential_stays(action))
            && RESOURCES.iter().enumerate().all(|(r, goal)| !before(*goal) || self.resource_accepts(action, r))
            && (!before(Rule::TopicReplicaDistribution) || self.topics_stay(action))
            && (!before(Rule::LeaderReplicaDistribution) || self.leaders_stay(action))
    }

    /// Racks, the number of replicas, and capacities of whoever gains.
    fn is_hard_kept(&self, action: Action) -> bool {
        let (from, to) = self.ends(action);
        let fits = |broker: usize, gained: &dyn Fn(usize) -> f64| {
            (0..4).all(|r| {
                let gained = gained(r);
                gained <= 0.0 || self.load[broker][r] + gained <= CAPACITY[r] * self.capacity[broker][r]
            })
        };
        let moved = self.moved(action);
        let is_apart = match action {
            Action::Move { slot, to } => self.racks_stay(slot, to),
            Action::Swap { out, back } => self.racks_stay(out, to) && self.racks_stay(back, from),
            Action::Lead { .. } => true,
        };
        let has_place = !matches!(action, Action::Move { .. }) || self.replicas[to].len() < REPLICAS_MAX;
        is_apart && has_place && fits(to, &|r| moved[r]) && fits(from, &|r| -moved[r])
    }

    /// No other replica of the partition is in the rack that the replica goes to.
    fn racks_stay(&self, slot: usize, to: usize) -> bool {
        let Some(rack) = self.rack[to] else { return true };
        self.siblings(slot).all(|other| other == slot || self.rack[self.host[other]] != Some(rack))
    }

    fn replicas_stay(&self, action: Action) -> bool {
        let Action::Move { slot, to } = action else { return true };
        let (low, high) = self.limits.replicas;
        (self.replicas[to].len() as i64) < high && self.replicas[self.host[slot]].len() as i64 > low
    }

    /// What brokers would send if they led all they hold stays below the limit, or below the larger of the two.
    fn potential_stays(&self, action: Action) -> bool {
        let (from, to) = self.ends(action);
        let gained = match action {
            Action::Lead { .. } => return true,
            Action::Move { slot, .. } => self.potential(slot),
            Action::Swap { out, back } => self.potential(out) - self.potential(back),
        };
        let most = self.potential_out[from].max(self.potential_out[to]);
        let fits = |broker: usize, gained: f64| {
            let after = self.potential_out[broker] + gained;
            after <= CAPACITY[2] * self.capacity[broker][2] || after <= most
        };
        fits(to, gained) && (fits(from, -gained) || matches!(action, Action::Move { .. }))
    }

    /// Where both are inside towards the change, they stay inside; else they come nearer to each other.
    fn resource_accepts(&self, action: Action, resource: usize) -> bool {
        let moved = self.moved(action)[resource];
        if moved == 0.0 {
            return true;
        }
        let (mut from, mut to) = self.ends(action);
        if moved < 0.0 {
            (from, to) = (to, from);
        }
        let (low, high) = self.limits.resources[resource];
        if self.utilization(from, resource) >= low && self.utilization(to, resource) <= high {
            return self.is_inside_after(action, resource);
        }
        let before = self.load[from][resource] - self.load[to][resource];
        (before - 2.0 * moved.abs()).abs() < before.abs()
    }

    /// Whether the broker that gains of the resource stays below the upper limit and the other above the lower.
    pub(super) fn is_inside_after(&self, action: Action, resource: usize) -> bool {
        let moved = self.moved(action)[resource];
        let (mut from, mut to) = self.ends(action);
        if moved < 0.0 {
            (from, to) = (to, from);
        }
        let (low, high) = self.limits.resources[resource];
        self.load[to][resource] + moved.abs() <= high * self.capacity[to][resource]
            && self.load[from][resource] - moved.abs() >= low * self.capacity[from][resource]
    }

    fn topics_stay(&self, action: Action) -> bool {
        let goes = |slot: usize, to: usize| {
            let topic = self.topic_of(slot);
            let (low, high) = self.limits.topics[topic];
            let counts = &self.of_topic[topic];
            counts[to] < high && counts[self.host[slot]] > low
        };
        match action {
            Action::Move { slot, to } => goes(slot, to),
            Action::Swap { out, back } if self.topic_of(out) != self.topic_of(back) => {
                goes(out, self.host[back]) && goes(back, self.host[out])
            }
            _ => true,
        }
    }

    fn leaders_stay(&self, action: Action) -> bool {
        let (mut from, mut to) = self.ends(action);
        let led = |slot| i64::from(self.leads(slot));
        let gained = match action {
            Action::Move { slot, .. } => led(slot),
            Action::Lead { .. } => 1,
            Action::Swap { out, back } => led(out) - led(back),
        };
        if gained < 0 {
            (from, to) = (to, from);
        }
        let (low, high) = self.limits.leaders;
        gained == 0 || (self.leaders[to] < high && self.leaders[from] > low)
    }
}
