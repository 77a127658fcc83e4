//! Noisy neighbours: which topics make the busiest moment that all share, which classes peak in it, and on whose brokers.
//!
//! With a history of topics the moment is when the sum of all is greatest, and each topic counts with what it had then:
//! one that peaks at another time is a good neighbour however high its own peak. Without one every topic counts with the
//! snapshot's figure, whose statistic the window names, and nothing is known of times. A topic is a neighbour to the
//! classes whose topics have replicas on brokers of its own.

use std::collections::BTreeSet;

use super::Demand;
use super::peaks::{Load, TopicSeries, most, sum};
use crate::model::{BrokerIdx, Goal, History, PartitionIdx, Snapshot, TopicIdx};

/// Topics named for each resource.
const NAMED: usize = 3;

/// A class or a topic in the shared peak.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its load in that moment.
    pub load: f64,
    /// What that is of all, a fraction.
    pub share: f64,
    /// What its load then is of its own peak: 1 where they coincide; none without a history.
    pub coincidence: Option<f64>,
}

/// A topic that is much of the shared peak.
#[derive(Clone, Debug, PartialEq)]
pub struct NoisyTopic {
    /// The topic.
    pub topic: TopicIdx,
    /// Its class, an offset into the file's.
    pub class: usize,
    /// What it is of the peak.
    pub part: Part,
    /// Other classes that have replicas on its brokers, ascending.
    pub neighbours: Vec<usize>,
    /// Brokers that it shares with them.
    pub brokers_shared: u64,
}

/// The busiest moment of one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedPeak {
    /// One of [`Goal::UTILIZATIONS`].
    pub goal: Goal,
    /// When, in seconds since 1970; none where the snapshot's figures stand in for a history.
    pub time_sec: Option<i64>,
    /// The load of all topics together then.
    pub load: f64,
    /// By class.
    pub classes: Vec<Part>,
    /// Topics that have neighbours of other classes, those with most load first.
    pub topics: Vec<NoisyTopic>,
}

/// The shared peaks of all resources that topics have a load of, each from `history` where that has every topic.
pub(super) fn shared_peaks(
    snapshot: &Snapshot,
    history: Option<&History>,
    class_of_topic: &[usize],
    class_count: usize,
    cores_per_work: Option<f64>,
) -> Vec<SharedPeak> {
    let series = history.map(TopicSeries::of);
    let places = Places::of(snapshot, class_of_topic, class_count);
    let mut found = Vec::new();
    for (row, goal) in Goal::UTILIZATIONS.into_iter().enumerate() {
        if goal == Goal::Cpu && cores_per_work.is_none() {
            continue;
        }
        let cores = cores_per_work.unwrap_or(0.0);
        let measured =
            series.as_ref().and_then(|series| measured(snapshot, series, goal, cores, class_of_topic, class_count));
        let figures = measured.unwrap_or_else(|| stated(snapshot, row, cores, class_of_topic, class_count));
        if figures.total > 0.0 {
            found.push(figures.peak(goal, class_of_topic, &places));
        }
    }
    found
}

/// Loads in the shared peak, and the peaks that are each one's own.
struct Figures {
    time_sec: Option<i64>,
    total: f64,
    /// By class, then by topic: load in the peak, own peak where it is known.
    classes: Vec<(f64, Option<f64>)>,
    topics: Vec<(f64, Option<f64>)>,
}

/// From the history; none where it lacks a topic, or a time at which all topics have a value.
fn measured(
    snapshot: &Snapshot,
    series: &TopicSeries<'_>,
    goal: Goal,
    cores_per_work: f64,
    class_of_topic: &[usize],
    class_count: usize,
) -> Option<Figures> {
    let load = |row: usize| series.load(snapshot, TopicIdx::new(row), goal, cores_per_work).ok();
    let loads: Vec<Load> =
        (0..class_of_topic.len()).map(|row| load(row).map(Option::unwrap_or_default)).collect::<Option<_>>()?;
    let total = sum(&loads.iter().filter(|load| !load.is_empty()).cloned().collect::<Vec<_>>())?;
    let (time, total) = total.into_iter().reduce(|a, b| if b.1 > a.1 { b } else { a })?;
    let at = |load: &Load| load.get(&time).copied().unwrap_or(0.0);
    let classes = (0..class_count).map(|class| {
        let own = loads.iter().zip(class_of_topic).filter(|(load, of)| **of == class && !load.is_empty());
        let summed = sum(&own.map(|(load, _)| load.clone()).collect::<Vec<_>>()).unwrap_or_default();
        (at(&summed), Some(most(&summed)))
    });
    Some(Figures {
        time_sec: Some(time),
        total,
        classes: classes.collect(),
        topics: loads.iter().map(|load| (at(load), Some(most(load)))).collect(),
    })
}

/// From the snapshot; `row` is the goal's among [`Goal::UTILIZATIONS`].
fn stated(snapshot: &Snapshot, row: usize, cores: f64, class_of_topic: &[usize], class_count: usize) -> Figures {
    let mut classes = vec![(0.0, None); class_count];
    let mut topics = Vec::with_capacity(class_of_topic.len());
    for (topic, &class) in snapshot.topics.iter().zip(class_of_topic) {
        let mut demand = Demand::default();
        topic.partition_rows().for_each(|p| demand.add(snapshot, PartitionIdx::new(p), cores));
        let load = demand.loads.get(row).copied().unwrap_or(0.0);
        classes[class].0 += load;
        topics.push((load, None));
    }
    let total = topics.iter().fold(0.0, |sum, (load, _)| sum + load);
    Figures { time_sec: None, total, classes, topics }
}

impl Figures {
    fn peak(&self, goal: Goal, class_of_topic: &[usize], places: &Places) -> SharedPeak {
        let part = |&(load, own): &(f64, Option<f64>)| Part {
            load,
            share: load / self.total,
            coincidence: own.filter(|own| *own > 0.0).map(|own| (load / own).min(1.0)),
        };
        let mut rows: Vec<usize> = (0..self.topics.len()).filter(|&row| self.topics[row].0 > 0.0).collect();
        rows.sort_by(|&a, &b| self.topics[b].0.total_cmp(&self.topics[a].0).then(a.cmp(&b)));
        let noisy = rows.into_iter().filter_map(|row| {
            let (neighbours, brokers_shared) = places.neighbours(row, class_of_topic[row]);
            let part = part(&self.topics[row]);
            (brokers_shared > 0).then(|| NoisyTopic {
                topic: TopicIdx::new(row),
                class: class_of_topic[row],
                part,
                neighbours,
                brokers_shared,
            })
        });
        SharedPeak {
            goal,
            time_sec: self.time_sec,
            load: self.total,
            classes: self.classes.iter().map(part).collect(),
            topics: noisy.take(NAMED).collect(),
        }
    }
}

/// Who is on whose brokers.
struct Places {
    /// By broker, whether each class has a replica there.
    classes: Vec<Vec<bool>>,
    /// By topic.
    brokers: Vec<BTreeSet<BrokerIdx>>,
}

impl Places {
    fn of(snapshot: &Snapshot, class_of_topic: &[usize], class_count: usize) -> Self {
        let mut classes = vec![vec![false; class_count]; snapshot.brokers.len()];
        let mut brokers = vec![BTreeSet::new(); snapshot.topics.len()];
        for partition in snapshot.partition_indices() {
            let topic = snapshot.partition(partition).topic.row();
            for replica in snapshot.replicas_of(partition) {
                classes[replica.broker.row()][class_of_topic[topic]] = true;
                brokers[topic].insert(replica.broker);
            }
        }
        Self { classes, brokers }
    }

    /// Other classes on the brokers of `topic`, which is of `class`, and how many of its brokers they are on.
    fn neighbours(&self, topic: usize, class: usize) -> (Vec<usize>, u64) {
        let others = |broker: &BrokerIdx| {
            let of_broker = self.classes[broker.row()].iter().enumerate();
            of_broker
                .filter(|(other, is_there)| *other != class && **is_there)
                .map(|(other, _)| other)
                .collect::<Vec<_>>()
        };
        let by_broker: Vec<Vec<usize>> = self.brokers[topic].iter().map(others).collect();
        let all: BTreeSet<usize> = by_broker.iter().flatten().copied().collect();
        (all.into_iter().collect(), by_broker.iter().filter(|others| !others.is_empty()).count() as u64)
    }
}
