//! How many replicas or leaders of each topic each broker has, while batches are put together.

use crate::model::{BrokerIdx, PartitionIdx, Snapshot, Topic, TopicIdx};

/// Replicas or leaders by topic, then broker, ascending; brokers without one are absent until they have had one.
pub(super) struct Spread {
    by_topic: Vec<Vec<(BrokerIdx, i64)>>,
}

impl Spread {
    /// The snapshot's replicas, or leaders.
    pub(super) fn of(snapshot: &Snapshot, leaders: bool) -> Self {
        let mut counts = vec![0_i64; snapshot.brokers.len()];
        let mut count = |topic: &Topic| {
            let mut row = Vec::new();
            for p in topic.partition_rows().map(PartitionIdx::new) {
                let replicas = snapshot.replicas_of(p).iter().map(|r| r.broker).filter(|_| !leaders);
                for broker in replicas.chain(snapshot.partition(p).leader.filter(|_| leaders)) {
                    let count = &mut counts[broker.row()];
                    if *count == 0 {
                        row.push((broker, 0));
                    }
                    *count += 1;
                }
            }
            row.sort_unstable();
            row.iter_mut().for_each(|(broker, count)| *count = std::mem::take(&mut counts[broker.row()]));
            row
        };
        Self { by_topic: snapshot.topics.iter().map(&mut count).collect() }
    }

    /// Of no topic at all: where the goal is off.
    pub(super) fn none() -> Self {
        Self { by_topic: Vec::new() }
    }

    /// How many of `topic` there are.
    pub(super) fn total(&self, topic: TopicIdx) -> i64 {
        self.by_topic[topic.row()].iter().map(|(_, count)| count).sum()
    }

    /// How many of `topic` are on `broker`.
    pub(super) fn count(&self, topic: TopicIdx, broker: BrokerIdx) -> i64 {
        let row = &self.by_topic[topic.row()];
        row.binary_search_by_key(&broker, |(broker, _)| *broker).map_or(0, |at| row[at].1)
    }

    /// Adds `change` of `topic` to `broker`.
    pub(super) fn add(&mut self, topic: TopicIdx, broker: BrokerIdx, change: i64) {
        let row = &mut self.by_topic[topic.row()];
        match row.binary_search_by_key(&broker, |(broker, _)| *broker) {
            Ok(at) => row[at].1 += change,
            Err(at) => row.insert(at, (broker, change)),
        }
    }

    /// Every count, by topic, then broker.
    pub(super) fn iter(&self) -> impl Iterator<Item = (TopicIdx, BrokerIdx, i64)> + '_ {
        let rows = self.by_topic.iter().enumerate();
        rows.flat_map(|(topic, row)| row.iter().map(move |(broker, count)| (TopicIdx::new(topic), *broker, *count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BrokerState;
    use crate::model::LogDirState;
    use crate::model::fixture::Fixture;

    #[test]
    fn replicas_are_counted_by_topic_and_broker_and_kept_up() {
        let broker =
            |f: Fixture, id| f.broker(id, "r", "", BrokerState::Alive).dir(id, "/d", 9, LogDirState::Online, 0);
        let snapshot = (1..=3)
            .fold(Fixture::default(), broker)
            .partition(("a", 0), 3, (0.0, 0.0), &[(3, "/d", 1, true), (1, "/d", 1, true)])
            .partition(("a", 1), 3, (0.0, 0.0), &[(3, "/d", 1, true)])
            .partition(("b", 0), 2, (0.0, 0.0), &[(2, "/d", 1, true)])
            .build();
        let mut spread = Spread::of(&snapshot, false);
        let (topic, broker) = (TopicIdx::new, BrokerIdx::new);
        let all = |spread: &Spread| spread.iter().map(|(t, b, n)| (t.row(), b.row(), n)).collect::<Vec<_>>();
        assert_eq!(all(&spread), [(0, 0, 1), (0, 2, 2), (1, 1, 1)]);
        spread.add(topic(0), broker(2), -1);
        spread.add(topic(0), broker(1), 1);
        assert_eq!(all(&spread), [(0, 0, 1), (0, 1, 1), (0, 2, 1), (1, 1, 1)]);
        assert_eq!((spread.count(topic(0), broker(1)), spread.count(topic(1), broker(0))), (1, 0));
    }
}
