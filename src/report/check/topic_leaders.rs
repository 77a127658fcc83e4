//! Leaders of one topic that crowd on one broker: a hot topic hurts through its leaders, which serve every producer and
//! consumer, whatever the broker's total of leaders is. Reported beside the goals, whether or not
//! a policy has the optional goal `leaders_per_topic` count it.
//!
//! Input: a snapshot and a policy. Output: the (topic, broker) pairs with more leaders than `topic_spread`'s band would
//! allow, were it about leaders, or `leaders_per_topic`'s where that is on: ⌈m + max(slack, share·m)⌉, m the topic's leaders ÷ its eligible brokers (contract §3).

use crate::model::load::Traffic;
use crate::model::{BrokerIdx, Goal, Groups, Policy, Snapshot, TopicIdx, band};

/// A broker with too many leaders of one topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicLeaders {
    /// The topic.
    pub topic: TopicIdx,
    /// The broker.
    pub broker: BrokerIdx,
    /// Its leaders of the topic.
    pub leaders: u64,
    /// The topic's leaders ÷ its eligible brokers.
    pub mean: f64,
    /// The most leaders that would not be named.
    pub limit: u64,
    /// What those leaders send to consumers and followers, bytes per second.
    pub network_out_bytes_per_sec: f64,
}

/// The pairs beyond the limit: those whose leaders send most first, then by topic and broker. None where the policy
/// switches `topic_spread` off.
#[must_use]
pub fn topic_leaders(snapshot: &Snapshot, policy: &Policy) -> Vec<TopicLeaders> {
    let is_goal = policy.bands.is_on(Goal::LeadersPerTopic);
    let limit = if is_goal { band::leaders_per_topic } else { band::topic_spread };
    if policy.bands.topic_spread <= 0.0 && !is_goal {
        return Vec::new();
    }
    let groups = Groups::new(snapshot, policy);
    let eligible: Vec<_> = groups.homes().into_iter().map(|h| (h, groups.eligible(snapshot, h).len())).collect();
    let mut counts = vec![(0_u64, 0.0_f64); snapshot.brokers.len()];
    let mut all = Vec::new();
    for (row, topic) in snapshot.topics.iter().enumerate() {
        let home = groups.home(TopicIdx::new(row));
        let brokers = eligible.iter().find(|(h, _)| *h == home).map_or(0, |(_, count)| *count);
        let partitions = &snapshot.partitions[topic.partition_rows()];
        let mut total = 0;
        for partition in partitions {
            let Some(leader) = partition.leader else { continue };
            let out = Traffic::of(partition, partition.replica_count as usize).leader_network_out;
            let count = &mut counts[leader.row()];
            *count = (count.0 + 1, count.1 + out);
            total += 1;
        }
        let limit = limit(total, brokers, &policy.bands);
        for broker in partitions.iter().filter_map(|p| p.leader) {
            // Taken once: the broker's next partition of the topic finds nothing.
            let (leaders, out) = std::mem::take(&mut counts[broker.row()]);
            if leaders > limit && brokers > 0 {
                let mean = total as f64 / brokers as f64;
                let topic = TopicIdx::new(row);
                all.push(TopicLeaders { topic, broker, leaders, mean, limit, network_out_bytes_per_sec: out });
            }
        }
    }
    all.sort_by(|a, b| {
        let by_out = b.network_out_bytes_per_sec.total_cmp(&a.network_out_bytes_per_sec);
        by_out.then(a.topic.cmp(&b.topic)).then(a.broker.cmp(&b.broker))
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerState, LogDirState};

    /// Four brokers; broker 1 leads the first `crowd` of eight partitions, the others in turn the rest.
    fn snapshot(crowd: u32) -> Snapshot {
        let mut f = (1..=4).fold(Fixture::default(), |f, id| {
            f.broker(id, "", "", BrokerState::Alive).dir(id, "/d", 1_000, LogDirState::Online, 0)
        });
        for number in 0..8 {
            let leader = if number < crowd { 1 } else { 2 + (number % 3) as i32 };
            let other = if leader == 1 { 2 } else { 1 };
            f = f.partition(("t", number), leader, (10.0, 5.0), &[(leader, "/d", 1, true), (other, "/d", 1, true)]);
        }
        f.build()
    }

    #[test]
    fn a_broker_is_named_beyond_the_mean_and_slack() {
        // m = 8 ÷ 4 = 2, limit ⌈2 + max(2, 1)⌉ = 4.
        assert!(topic_leaders(&snapshot(4), &Policy::default()).is_empty());
        let found = topic_leaders(&snapshot(5), &Policy::default());
        assert_eq!(found.len(), 1);
        let TopicLeaders { leaders, mean, limit, network_out_bytes_per_sec, .. } = found[0];
        assert_eq!((leaders, mean, limit), (5, 2.0, 4));
        assert_eq!(network_out_bytes_per_sec, 5.0 * (5.0 + 10.0), "consumers and one follower each");
    }

    #[test]
    fn nobody_is_named_where_the_goal_is_off() {
        let mut policy = Policy::default();
        policy.bands.topic_spread = 0.0;
        assert!(topic_leaders(&snapshot(8), &policy).is_empty());
    }
}
