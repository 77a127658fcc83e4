//! Where the partitions of logical topics lie: ranges of their numbers, one for each physical cluster.
//!
//! As Tencent PCG draws it: eight logical partitions over two clusters are four physical ones in each. A cluster that is
//! added gets as many new partitions as the others have, numbered on from the last; none that is there moves. Clients see
//! more partitions then, which is what keyed topics lose by ([`keyed_partitions_kept`]). A cluster that is lost takes its
//! range along: keyless producers write to the others, keys of that range wait.

use super::keyed_partitions_kept;
use crate::ingest::scenario::federation::{Federation, LogicalTopic};

/// A topic's partitions in one physical cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The topic's clusters are numbered from 1.
    pub cluster: u64,
    /// The first logical partition there.
    pub first: u64,
    /// How many.
    pub partitions: u64,
    /// Whether the cluster is one that is added.
    pub is_added: bool,
}

/// What the loss of physical clusters does to a topic, those with most of its partitions lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopicLoss {
    /// Logical partitions that are away.
    pub partitions: u64,
    /// Their share, which is that of the keys that wait.
    pub share: f64,
    /// What each partition that is left is written, as a multiple of before; none where none is left.
    pub rate_factor: Option<f64>,
}

/// A logical topic over physical clusters.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicMap {
    /// The topic's name.
    pub name: String,
    /// Whether producers choose partitions by key.
    pub is_keyed: bool,
    /// Logical partitions today.
    pub partitions_before: u64,
    /// Logical partitions once clusters are added.
    pub partitions_after: u64,
    /// By cluster, those that are added last.
    pub ranges: Vec<Range>,
    /// The share of keys that keep their partition when clusters are added; none for a topic without keys.
    pub keys_kept: Option<f64>,
    /// What the scenario's number of lost clusters does to it today.
    pub loss: TopicLoss,
}

/// The maps of all topics of `scenario`.
#[must_use]
pub(super) fn maps(scenario: &Federation) -> Vec<TopicMap> {
    scenario.topics.iter().map(|topic| map(topic, scenario.clusters_lost)).collect()
}

fn map(topic: &LogicalTopic, clusters_lost: u64) -> TopicMap {
    let (least, more) = (topic.partitions / topic.clusters, topic.partitions % topic.clusters);
    let each = topic.partitions.div_ceil(topic.clusters);
    let mut ranges: Vec<Range> = Vec::new();
    for cluster in 1..=topic.clusters + topic.clusters_added {
        let is_added = cluster > topic.clusters;
        let partitions = if is_added { each } else { least + u64::from(cluster <= more) };
        let first = ranges.last().map_or(0, |last| last.first + last.partitions);
        ranges.push(Range { cluster, first, partitions, is_added });
    }
    let partitions_after = ranges.iter().map(|range| range.partitions).sum();
    // The first clusters have most.
    let lost = ranges.iter().filter(|range| !range.is_added && range.cluster <= clusters_lost);
    let away: u64 = lost.map(|range| range.partitions).sum();
    let left = topic.partitions - away;
    TopicMap {
        name: topic.name.clone(),
        is_keyed: topic.is_keyed,
        partitions_before: topic.partitions,
        partitions_after,
        ranges,
        keys_kept: topic.is_keyed.then(|| keyed_partitions_kept(topic.partitions, partitions_after)),
        loss: TopicLoss {
            partitions: away,
            share: away as f64 / topic.partitions as f64,
            rate_factor: (left > 0).then(|| topic.partitions as f64 / left as f64),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(partitions: u64, clusters: u64, clusters_added: u64) -> LogicalTopic {
        LogicalTopic { name: "t".to_owned(), partitions, clusters, clusters_added, is_keyed: true }
    }

    #[test]
    fn the_published_topic_has_four_of_its_eight_partitions_in_each_of_two_clusters() {
        let found = map(&topic(8, 2, 1), 1);
        let ranges: Vec<_> = found.ranges.iter().map(|r| (r.cluster, r.first, r.partitions, r.is_added)).collect();
        assert_eq!(ranges, [(1, 0, 4, false), (2, 4, 4, false), (3, 8, 4, true)]);
        assert_eq!((found.partitions_after, found.keys_kept), (12, Some(1.0 / 3.0)));
        assert_eq!(found.loss, TopicLoss { partitions: 4, share: 0.5, rate_factor: Some(2.0) });
    }

    #[test]
    fn partitions_that_do_not_divide_lie_as_evenly_as_they_can() {
        let found = map(&topic(10, 4, 0), 2);
        assert_eq!(found.ranges.iter().map(|range| range.partitions).collect::<Vec<_>>(), [3, 3, 2, 2]);
        assert_eq!((found.partitions_after, found.keys_kept), (10, Some(1.0)), "nothing is added, every key stays");
        assert_eq!((found.loss.partitions, found.loss.rate_factor), (6, Some(2.5)));
    }

    #[test]
    fn a_topic_in_one_cluster_does_not_survive_its_loss() {
        let found = map(&topic(6, 1, 0), 1);
        assert_eq!(found.loss, TopicLoss { partitions: 6, share: 1.0, rate_factor: None });
        assert_eq!(map(&topic(6, 1, 0), 0).loss.rate_factor, Some(1.0));
    }

    #[test]
    fn what_is_there_keeps_its_number_and_every_number_is_somewhere_once() {
        for (partitions, clusters, added) in [(1, 1, 3), (7, 3, 2), (12, 12, 1), (100, 7, 0)] {
            let [before, after] = [0, added].map(|added| map(&topic(partitions, clusters, added), 0));
            assert_eq!(before.ranges[..], after.ranges[..clusters as usize], "no data moves");
            let numbers: Vec<u64> = after.ranges.iter().flat_map(|r| r.first..r.first + r.partitions).collect();
            assert_eq!(numbers, (0..after.partitions_after).collect::<Vec<_>>());
        }
    }
}
