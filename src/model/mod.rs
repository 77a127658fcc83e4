//! The vocabulary of every stage: the cluster as read, where replicas sit, what they cost, what is wanted of them.
//!
//! Imports nothing of ours, does no I/O, holds no search and no judgement. [`human`] is how every stage writes figures for people.

pub mod assessment;
pub mod band;
pub mod clients;
#[cfg(test)]
pub(crate) mod fixture;
pub mod fleet;
pub mod goal;
pub mod groups;
pub mod history;
pub mod human;
pub mod index;
pub mod load;
pub mod placement;
pub mod policy;
pub mod scope;
pub mod settings;
pub mod snapshot;

pub use assessment::{Assessment, Criterion, Excuse, GoalBalance, Imbalance, Movement, NotEvaluated, Range};
pub use fleet::{NewBroker, NewLogDir};
pub use goal::{Goal, Rule};
pub use groups::{Groups, Home};
pub use history::{History, Metric};
pub use index::{BrokerIdx, GroupIdx, LogDirIdx, PartitionIdx, RackIdx, TopicIdx};
pub use load::{Loads, Traffic, Unjudged};
pub use placement::{Placement, Seat};
pub use policy::{Bands, Freedom, Policy, TopicPartition, TopicPattern};
pub use scope::Scope;
pub use snapshot::{
    Broker, BrokerState, ClusterInfo, LogDir, LogDirState, Partition, Reassignment, Replica, Snapshot, Statistic,
    Topic, Window,
};
