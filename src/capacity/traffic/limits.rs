//! Replicas per broker and partitions per cluster against what is known to work.
//!
//! - 10,000 replicas per broker: Cruise Control's `max.replicas.per.broker`, the policy's default.
//! - 4,000 partitions per broker and 200,000 per cluster: KIP-578, of clusters with ZooKeeper.
//! - 1,000 / 2,000 / 4,000 partitions per broker of `kafka.m7g` large and xlarge / 2xlarge / from 4xlarge on: Amazon MSK,
//!   best practices.
//!
//! For KRaft clusters no measured limit per cluster is known, so none is given.

use crate::capacity::NotEvaluated;
use crate::model::{BrokerIdx, Policy, Snapshot};

/// A count against a limit.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitRow {
    /// What is counted, as in JSON.
    pub name: &'static str,
    /// Where the count is highest relative to the limit: `broker 3` or `cluster`.
    pub subject: String,
    /// The count.
    pub value: u64,
    /// What it should not pass.
    pub limit: u64,
    /// Who says so.
    pub source: &'static str,
    /// Whether passing it breaks a hard rule of the policy.
    pub is_hard: bool,
}

impl LimitRow {
    /// The count as a share of its limit.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.value as f64 / self.limit.max(1) as f64
    }
}

/// Counts and their limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// Which metadata layer the limits are for.
    pub profile: Profile,
    /// Counts against limits.
    pub rows: Vec<LimitRow>,
    /// Replicas on each broker.
    pub replicas: Vec<u64>,
    /// Leaders on each broker.
    pub leaders: Vec<u64>,
}

/// What keeps the cluster's metadata, as the Kafka version tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Before 3.3, where KRaft was not for production.
    ZooKeeper,
    /// From 4.0 on, which has nothing else.
    KRaft,
    /// 3.3 to 3.9: either.
    Either,
    /// The version is not known.
    #[default]
    Unknown,
}

impl Profile {
    /// The profile of a Kafka version such as `3.9.1`.
    #[must_use]
    pub fn of_version(version: Option<&str>) -> Self {
        let mut numbers = version.unwrap_or_default().split(['.', '-']).map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(4..)), _) => Self::KRaft,
            (Some(Ok(3)), Some(Ok(3..))) => Self::Either,
            (Some(Ok(_)), Some(Ok(_))) => Self::ZooKeeper,
            _ => Self::Unknown,
        }
    }

    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ZooKeeper => "zookeeper",
            Self::KRaft => "kraft",
            Self::Either => "zookeeper_or_kraft",
            Self::Unknown => "unknown",
        }
    }
}

const KIP_578_PER_BROKER: u64 = 4_000;
const KIP_578_PER_CLUSTER: u64 = 200_000;

/// What Amazon MSK recommends for a machine model of its own.
fn msk_limit(model: &str) -> Option<u64> {
    match model.strip_prefix("kafka.m7g.")? {
        "large" | "xlarge" => Some(1_000),
        "2xlarge" => Some(2_000),
        size => size.strip_suffix("xlarge")?.parse::<u32>().ok().filter(|n| *n >= 4).map(|_| 4_000),
    }
}

/// Counts replicas and partitions.
pub(super) fn limits(snapshot: &Snapshot, policy: &Policy, missing: &mut Vec<NotEvaluated>) -> Limits {
    let mut replicas = vec![0_u64; snapshot.brokers.len()];
    let mut leaders = vec![0_u64; snapshot.brokers.len()];
    snapshot.replicas.iter().for_each(|replica| replicas[replica.broker.row()] += 1);
    snapshot.partitions.iter().filter_map(|p| p.leader).for_each(|leader| leaders[leader.row()] += 1);
    let profile = Profile::of_version(snapshot.cluster.kafka_version.as_deref());
    let active = || snapshot.broker_indices().filter(|&b| snapshot.broker(b).state.is_active());
    let most = |limit_of: &dyn Fn(BrokerIdx) -> Option<u64>| {
        let counted = active().filter_map(|b| Some((b, replicas[b.row()], limit_of(b)?)));
        let share = |(_, value, limit): &(BrokerIdx, u64, u64)| *value as f64 / (*limit).max(1) as f64;
        counted.reduce(|a, b| if share(&b) > share(&a) { b } else { a })
    };
    let row = |(broker, value, limit): (BrokerIdx, u64, u64), source, is_hard| LimitRow {
        name: "replicas_per_broker",
        subject: format!("broker {}", snapshot.broker(broker).id),
        value,
        limit,
        source,
        is_hard,
    };
    let mut rows = Vec::new();
    let hard = u64::from(policy.limits.replicas_per_broker);
    rows.extend(most(&|_| Some(hard)).map(|found| row(found, "the policy; by default Cruise Control's", true)));
    rows.extend(most(&|_| Some(KIP_578_PER_BROKER)).map(|found| row(found, "KIP-578, of ZooKeeper's time", false)));
    let msk = |broker: BrokerIdx| snapshot.broker(broker).machine_model.as_deref().and_then(msk_limit);
    rows.extend(most(&msk).map(|found| row(found, "Amazon MSK, best practices", false)));
    let why = match profile {
        Profile::ZooKeeper | Profile::Either => {
            rows.push(LimitRow {
                name: "partitions_per_cluster",
                subject: "cluster".to_owned(),
                value: snapshot.partitions.len() as u64,
                limit: KIP_578_PER_CLUSTER,
                source: "KIP-578, of ZooKeeper's time",
                is_hard: false,
            });
            None
        }
        Profile::KRaft => Some("no measured limit of a KRaft cluster is known"),
        Profile::Unknown => Some("the Kafka version is not known, and limits differ by it"),
    };
    missing.extend(why.map(|why| NotEvaluated::new("limits.partitions_per_cluster", why)));
    Limits { profile, rows, replicas, leaders }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerState, LogDirState};

    #[test]
    fn versions_tell_what_keeps_the_metadata() {
        for (version, profile) in [
            (Some("2.8.1"), Profile::ZooKeeper),
            (Some("3.2.0"), Profile::ZooKeeper),
            (Some("3.9.1"), Profile::Either),
            (Some("4.1.0"), Profile::KRaft),
            (Some("4.0-SNAPSHOT"), Profile::KRaft),
            (Some("trunk"), Profile::Unknown),
            (None, Profile::Unknown),
        ] {
            assert_eq!(Profile::of_version(version), profile, "{version:?}");
        }
    }

    #[test]
    fn msk_names_a_limit_by_size() {
        let sizes = ["large", "xlarge", "2xlarge", "4xlarge", "16xlarge"];
        let found = sizes.map(|size| msk_limit(&format!("kafka.m7g.{size}")));
        assert_eq!(found, [Some(1_000), Some(1_000), Some(2_000), Some(4_000), Some(4_000)]);
        assert_eq!((msk_limit("m7g.large"), msk_limit("kafka.m7g.metal")), (None, None));
    }

    #[test]
    fn the_fullest_broker_is_held_against_each_limit() {
        let mut snapshot = Fixture::default()
            .broker(1, "", "", BrokerState::Alive)
            .broker(2, "", "", BrokerState::Alive)
            .dir(1, "/d", 1_000, LogDirState::Online, 0)
            .dir(2, "/d", 1_000, LogDirState::Online, 0)
            .partition(("t", 0), 2, (1.0, 0.0), &[(2, "/d", 1, true)])
            .build();
        let mut missing = Vec::new();
        let found = limits(&snapshot, &Policy::default(), &mut missing);
        let rows: Vec<(&str, u64, u64)> = found.rows.iter().map(|r| (r.subject.as_str(), r.value, r.limit)).collect();
        assert_eq!(rows, [("broker 2", 1, 10_000), ("broker 2", 1, 4_000)]);
        assert_eq!((found.replicas, found.leaders), (vec![0, 1], vec![0, 1]));
        assert_eq!(missing[0].what, "limits.partitions_per_cluster");
        snapshot.cluster.kafka_version = Some("2.8.0".to_owned());
        let found = limits(&snapshot, &Policy::default(), &mut Vec::new());
        assert_eq!(found.rows[2].limit, 200_000);
    }
}
