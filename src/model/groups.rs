//! Resource groups: which brokers a topic may sit on, and under which name things are reported (contract §3).

use super::index::{BrokerIdx, TopicIdx};
use super::policy::Policy;
use super::snapshot::{DEFAULT_GROUP, Snapshot};

/// Where a topic's replicas belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Home {
    /// On the active brokers of one group (an offset into [`Groups::names`]).
    Group(usize),
    /// On any active broker that names a group; moved only to repair a hard rule.
    AnyGrouped,
}

/// The groups of a snapshot under a policy.
#[derive(Clone, Debug)]
pub struct Groups {
    names: Vec<String>,
    brokers: Vec<Option<usize>>,
    homes: Vec<Home>,
}

impl Groups {
    /// Resolves who belongs where. Where no broker names a group, all form the one group [`DEFAULT_GROUP`].
    #[must_use]
    pub fn new(snapshot: &Snapshot, policy: &Policy) -> Self {
        if !snapshot.is_grouped() {
            return Self {
                names: vec![DEFAULT_GROUP.to_owned()],
                brokers: vec![Some(0); snapshot.brokers.len()],
                homes: vec![Home::Group(0); snapshot.topics.len()],
            };
        }
        let fallback = policy.default_group.as_deref().and_then(|name| snapshot.group_by_name(name));
        let home = |group: Option<super::index::GroupIdx>| {
            group.or(fallback).map_or(Home::AnyGrouped, |g| Home::Group(g.row()))
        };
        Self {
            names: snapshot.groups.clone(),
            brokers: snapshot.brokers.iter().map(|b| b.group.map(super::index::GroupIdx::row)).collect(),
            homes: snapshot.topics.iter().map(|t| home(t.group)).collect(),
        }
    }

    /// The groups' names; offsets into this are group numbers.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The group of `broker`, none for a broker that names none in a grouped cluster.
    #[must_use]
    pub fn of_broker(&self, broker: BrokerIdx) -> Option<usize> {
        self.brokers[broker.row()]
    }

    /// Where the replicas of `topic` belong.
    #[must_use]
    pub fn home(&self, topic: TopicIdx) -> Home {
        self.homes[topic.row()]
    }

    /// Whether replicas at home in `home` may sit on `broker`, its state aside.
    #[must_use]
    pub fn admits(&self, home: Home, broker: BrokerIdx) -> bool {
        match home {
            Home::Group(group) => self.of_broker(broker) == Some(group),
            Home::AnyGrouped => self.of_broker(broker).is_some(),
        }
    }

    /// The active brokers that replicas at home in `home` may sit on, ascending by id.
    #[must_use]
    pub fn eligible(&self, snapshot: &Snapshot, home: Home) -> Vec<BrokerIdx> {
        let active = |b: &BrokerIdx| snapshot.broker(*b).state.is_active();
        snapshot.broker_indices().filter(active).filter(|&b| self.admits(home, b)).collect()
    }

    /// The name under which a topic at home in `home` is reported.
    #[must_use]
    pub fn home_name(&self, home: Home) -> &str {
        match home {
            Home::Group(group) => &self.names[group],
            Home::AnyGrouped => DEFAULT_GROUP,
        }
    }

    /// All distinct homes of a snapshot's topics, groups first.
    #[must_use]
    pub fn homes(&self) -> Vec<Home> {
        let groups = (0..self.names.len()).map(Home::Group);
        let any = self.homes.contains(&Home::AnyGrouped).then_some(Home::AnyGrouped);
        groups.chain(any).collect()
    }
}
