//! What an engine that speaks PromQL worked out over a window, as traffic of a snapshot.
//!
//! Input: [`Measured`], means by series and statistics of simultaneous totals, brokers by the names that metrics have for
//! them. Output: series as the traffic module takes them, and the files beside a snapshot's own: `history.csv`,
//! `clients.csv`.

use std::collections::{BTreeMap, BTreeSet};

use super::metrics::rates::RATE_MAX;
use super::metrics::signals::{Form, MetricNames, Quantity};
use super::metrics::{Engine, Origin, Sample, Series, SeriesSet, named};
use super::summary::{Summary, few};
use super::text::{broker_id, is_printable, is_topic_name};
use crate::ingest::catalogue::{Catalogue, Machine};
use crate::ingest::render;
use crate::model::clients::Client;
use crate::model::history::{Series as HistorySeries, Subject};
use crate::model::{History, Metric, Snapshot, Window};
use crate::writer::OutputFile;

/// Figures of an engine.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What they are of, and what they stand for.
    pub window: Window,
    /// Whether names of brokers end in their ids, as those of pods do: `my-cluster-kafka-2`.
    pub names_are_numbered: bool,
    /// Means over the window.
    pub(crate) series: Vec<MeasuredSeries>,
    /// Simultaneous totals.
    pub(crate) totals: BTreeMap<Quantity, Total>,
    /// Filesystems of brokers' machines.
    pub(crate) disks: Vec<MeasuredDisk>,
    /// What was measured before.
    pub(crate) history: Vec<MeasuredHistory>,
    /// Clients, by identity.
    pub clients: Vec<Client>,
    /// What was taken from elsewhere than usual, in words.
    pub derived: Vec<String>,
    /// What could not be had, and what that means, in words.
    pub missing: Vec<String>,
}

/// What is measured, on which broker, of which topic and partition.
type Subjects<'m> = (Quantity, Option<i32>, Option<&'m str>, Option<u32>);

/// A mean and what it is of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MeasuredSeries {
    pub(crate) quantity: Quantity,
    /// As metrics call it.
    pub(crate) broker: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) partition: Option<u32>,
    pub(crate) value: f64,
}

/// What all series of a quantity carried together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Total {
    /// The window's statistic of it.
    pub(crate) statistic: f64,
    /// Its mean over the window.
    pub(crate) mean: f64,
}

/// A filesystem.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MeasuredDisk {
    /// As metrics call it.
    pub(crate) broker: Option<String>,
    pub(crate) mountpoint: String,
    pub(crate) size_bytes: f64,
    pub(crate) available_bytes: Option<f64>,
}

/// Values over time and what they are of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MeasuredHistory {
    pub(crate) metric: Metric,
    /// Whether values are cores in use, to be divided by the broker's.
    pub(crate) is_cores: bool,
    /// As metrics call it.
    pub(crate) broker: Option<String>,
    pub(crate) topic: Option<String>,
    /// Seconds since 1970 and values.
    pub(crate) points: Vec<(i64, f64)>,
}

/// Who brokers are, by what metrics call them.
pub(super) struct Brokers<'a> {
    names: &'a MetricNames,
    hosts: BTreeMap<String, i32>,
    ids: BTreeSet<i32>,
    are_numbered: bool,
}

impl<'a> Brokers<'a> {
    pub(super) fn new(snapshot: &Snapshot, names: &'a MetricNames, are_numbered: bool) -> Self {
        let hosts = snapshot.brokers.iter().filter_map(|broker| Some((broker.host.clone()?, broker.id)));
        let ids = snapshot.brokers.iter().map(|broker| broker.id).collect();
        Self { names, hosts: super::unique_hosts(hosts), ids, are_numbered }
    }

    pub(super) fn find(&self, text: &str) -> Option<i32> {
        let numbered = || {
            let host = text.split([':', '.']).next().unwrap_or_default();
            host.rsplit_once('-').and_then(|(_, id)| broker_id(id)).filter(|id| self.ids.contains(id))
        };
        let known = broker_id(text).or_else(|| named(text, self.names, &self.hosts));
        known.or_else(|| if self.are_numbered { numbered() } else { None })
    }
}

impl Measured {
    /// The means, brokers by their ids; those that `snapshot` does not have are named.
    pub(super) fn series_set(&self, snapshot: &Snapshot, names: &MetricNames) -> SeriesSet {
        let brokers = Brokers::new(snapshot, names, self.names_are_numbered);
        let mut set = SeriesSet { engine: Some(self.engine()), ..SeriesSet::default() };
        let mut unknown = BTreeSet::new();
        // Several names of one broker, as after it moved to another address, add up.
        let mut sums: BTreeMap<Subjects<'_>, f64> = BTreeMap::new();
        for series in &self.series {
            let broker = series.broker.as_deref().and_then(|text| brokers.find(text));
            if let Some(name) = series.broker.as_ref().filter(|_| broker.is_none()) {
                // Machines beside the brokers' are no news.
                if series.quantity == Quantity::CpuUtilization {
                    continue;
                }
                unknown.insert(name.clone());
            }
            *sums.entry((series.quantity, broker, series.topic.as_deref(), series.partition)).or_default() +=
                series.value;
        }
        for ((quantity, broker, topic, partition), value) in sums {
            let samples = vec![Sample { unix_seconds: 0.0, value }];
            let topic = topic.map(str::to_owned);
            set.list.push(Series {
                quantity,
                form: Form::Rate,
                origin: Origin::Engine,
                broker,
                topic,
                partition,
                samples,
            });
        }
        set.unknown_instances = unknown.into_iter().collect();
        set
    }

    fn engine(&self) -> Engine {
        Engine { window: self.window.clone(), totals: self.totals.clone() }
    }

    /// `clients.csv`, where there is anything to write to it.
    pub(super) fn clients_file(&self, summary: &mut Summary) -> Option<OutputFile> {
        let is_sound = |text: &Option<String>| text.as_ref().is_none_or(|text| is_printable(text));
        let (sound, odd): (Vec<&Client>, Vec<&Client>) =
            self.clients.iter().partition(|c| is_sound(&c.identity.user) && is_sound(&c.identity.client_id));
        if !odd.is_empty() {
            summary.missing.push(format!("{} clients whose names hold control characters", odd.len()));
        }
        (!sound.is_empty()).then(|| render::clients_file(&sound))
    }

    /// The history, where there is any.
    pub(super) fn history(
        &self,
        snapshot: &Snapshot,
        names: &MetricNames,
        catalogue: &Catalogue,
        summary: &mut Summary,
    ) -> Option<History> {
        let brokers = Brokers::new(snapshot, names, self.names_are_numbered);
        let mut found: BTreeMap<(Metric, Subject), BTreeMap<i64, f64>> = BTreeMap::new();
        let mut coreless = BTreeSet::new();
        for series in &self.history {
            let broker_id = series.broker.as_deref().map(|text| brokers.find(text));
            let is_named = series.topic.as_ref().is_none_or(|topic| is_topic_name(topic));
            // A broker that nobody knows is in the whole cluster's sum all the same.
            let broker_id = match broker_id {
                Some(None) => continue,
                Some(known) => known,
                None => None,
            };
            let divisor = match (series.is_cores, broker_id) {
                (false, _) => 1.0,
                (true, Some(id)) => match cores(snapshot, catalogue, id) {
                    Some(cores) => cores,
                    None => {
                        coreless.insert(id.to_string());
                        continue;
                    }
                },
                (true, None) => continue,
            };
            if !is_named {
                continue;
            }
            let points = found.entry((series.metric, Subject { broker_id, topic: series.topic.clone() })).or_default();
            for (time, value) in series.points.iter().filter(|(_, value)| value.is_finite() && *value >= 0.0) {
                *points.entry(*time).or_default() += (value / divisor).min(RATE_MAX);
            }
        }
        if !coreless.is_empty() {
            let ids: Vec<String> = coreless.into_iter().collect();
            summary.missing.push(format!(
                "cpu in the history of brokers {}: metrics count cores in use. Give cpu_cores in the inventory",
                few(&ids)
            ));
        }
        let filled = found.into_iter().filter(|(_, points)| !points.is_empty());
        let series = filled.map(|((metric, subject), points)| {
            let bound = |value: f64| if metric == Metric::Cpu { value.min(1.0) } else { value };
            let (times_sec, values): (Vec<i64>, Vec<f64>) =
                points.into_iter().map(|(time, value)| (time, bound(value))).unzip();
            HistorySeries { metric, subject, times_sec, values }
        });
        let history = History { series: series.collect() };
        (!history.is_empty()).then_some(history)
    }
}

fn cores(snapshot: &Snapshot, catalogue: &Catalogue, id: i32) -> Option<f64> {
    let broker = snapshot.brokers.iter().find(|broker| broker.id == id)?;
    let machine = broker.machine_model.as_ref().and_then(|name| catalogue.get(name));
    broker.cpu_cores.or_else(|| machine.and_then(Machine::cpu_cores)).filter(|cores| *cores > 0.0)
}

#[cfg(test)]
mod tests {
    use super::super::observed::{Observed, ObservedLogDir, ObservedPartition, ObservedRates, import};
    use super::super::{Imported, Source};
    use super::*;
    use crate::ingest::render::HistoryFormat;
    use crate::model::Statistic;
    use crate::model::clients::ClientIdentity;

    /// Topic `a` with two partitions led by broker 1, `b` with one led by 2, and `idle`; broker 2 is on host `h2`.
    fn observed(measured: Measured) -> Observed {
        let mut observed = Observed { captured_at: "2026-11-21T00:00:00Z".to_owned(), ..Observed::default() };
        for id in [1, 2] {
            observed.brokers.insert(id, (Some(format!("h{id}")), None));
            observed.reporting.insert(id);
        }
        for (topic, number, leader) in [("a", 0, 1), ("a", 1, 1), ("b", 0, 2), ("idle", 0, 1)] {
            let row = ObservedPartition {
                leader: Some(leader),
                replicas: vec![leader],
                isr: vec![leader],
                ..ObservedPartition::default()
            };
            observed.partitions.insert((topic.to_owned(), number), row);
        }
        observed.measured = Some(measured);
        observed
    }

    fn series(
        quantity: Quantity,
        broker: &str,
        topic: Option<&str>,
        partition: Option<u32>,
        value: f64,
    ) -> MeasuredSeries {
        let topic = topic.map(str::to_owned);
        MeasuredSeries { quantity, broker: Some(broker.to_owned()), topic, partition, value }
    }

    /// 60 + 20 bytes/s in the mean, 120 in the p95 of the total.
    fn measured() -> Measured {
        let (start, end) = ("2026-11-14T00:00:00Z".to_owned(), "2026-11-21T00:00:00Z".to_owned());
        Measured {
            window: Window { start, end, statistic: Statistic::P95 },
            names_are_numbered: false,
            series: vec![
                series(Quantity::BytesIn, "1", Some("a"), None, 60.0),
                series(Quantity::BytesIn, "h2:7071", Some("b"), None, 20.0),
                series(Quantity::ReplicationIn, "1", None, None, 20.0),
                series(Quantity::ReplicationIn, "2", None, None, 60.0),
                series(Quantity::CpuCores, "1", None, None, 1.0),
            ],
            totals: BTreeMap::from([
                (Quantity::BytesIn, Total { statistic: 120.0, mean: 80.0 }),
                (Quantity::NetworkIn, Total { statistic: 240.0, mean: 160.0 }),
            ]),
            disks: Vec::new(),
            history: Vec::new(),
            clients: Vec::new(),
            derived: Vec::new(),
            missing: Vec::new(),
        }
    }

    #[test]
    fn a_dir_without_a_size_takes_that_of_its_filesystem() {
        let mut measured = measured();
        let disk = |broker: &str, mountpoint: &str, size_bytes, available_bytes| MeasuredDisk {
            broker: Some(broker.to_owned()),
            mountpoint: mountpoint.to_owned(),
            size_bytes,
            available_bytes: Some(available_bytes),
        };
        measured.disks = vec![
            disk("h1:9100", "/", 10.0, 1.0),
            disk("h1:9100", "/d", 1_000.0, 600.0),
            disk("h2:9100", "/", 5_000.0, 5_000.0),
            disk("h9:9100", "/d", 7.0, 7.0),
        ];
        let mut observed = observed(measured);
        let dir = |replicas| ObservedLogDir { is_online: true, replicas, ..ObservedLogDir::default() };
        observed.log_dirs.insert((1, "/d/kafka".to_owned()), dir(vec![(("a".to_owned(), 0), 250, false)]));
        observed.log_dirs.insert((2, "/e/1".to_owned()), dir(Vec::new()));
        observed.log_dirs.insert((2, "/e/2".to_owned()), dir(Vec::new()));
        let imported = imported(&observed);
        let dirs: Vec<(Option<u64>, u64)> =
            imported.snapshot.log_dirs.iter().map(|dir| (dir.capacity_bytes, dir.other_used_bytes)).collect();
        assert_eq!(dirs, [(Some(1_000), 150), (None, 0), (None, 0)]);
        let derived = imported.summary.derived.join("\n");
        assert!(derived.contains("/ of broker 2"), "{derived}");
    }

    const INVENTORY: &str = "[[brokers]]\nids = \"all\"\ncpu_cores = 4\n";

    fn imported(observed: &Observed) -> Imported {
        let inventory = Source { path: "inventory.toml".into(), text: INVENTORY.to_owned() };
        import(observed, Some(&inventory), &Catalogue::builtin())
            .map_err(|faults| format!("{faults:?}"))
            .unwrap_or_else(|faults| Imported {
                snapshot: Snapshot::default(),
                summary: Summary { contents: faults, ..Summary::default() },
                history: None,
                beside: Vec::new(),
            })
    }

    fn rates(imported: &Imported) -> Vec<f64> {
        imported.snapshot.partitions.iter().map(|p| p.bytes_in_per_sec).collect()
    }

    #[test]
    fn partitions_sum_to_the_statistic_of_the_total_and_replication_is_not_produced() {
        let mut measured = measured();
        measured.series.push(series(Quantity::LogEndOffset, "1", Some("a"), Some(0), 3.0));
        measured.series.push(series(Quantity::LogEndOffset, "1", Some("a"), Some(1), 1.0));
        let imported = imported(&observed(measured));
        assert_eq!(rates(&imported), [67.5, 22.5, 30.0, 0.0], "{}", imported.summary);
        assert_eq!(imported.snapshot.cluster.window.as_ref().map(|w| w.statistic), Some(Statistic::P95));
        let network: Vec<Option<f64>> =
            imported.snapshot.brokers.iter().map(|b| b.measured_network_in_bytes_per_sec).collect();
        assert_eq!(network, [Some(120.0), Some(120.0)]);
        assert_eq!(imported.snapshot.brokers[0].cpu_utilization, Some(0.25));
        let missing = imported.summary.missing.join("\n");
        assert!(missing.contains("1 topic, not measured (idle)"), "{missing}");
        assert!(!missing.contains("no offset tells it"), "{missing}");
    }

    #[test]
    fn readings_tell_partitions_apart_where_metrics_do_not() {
        let mut observed = observed(measured());
        for (number, messages_in_per_sec) in [(0, 1.0), (1, 3.0)] {
            let rates = ObservedRates { bytes_in_per_sec: 1e9, messages_in_per_sec };
            observed.rates.insert(("a".to_owned(), number), rates);
        }
        let imported = imported(&observed);
        assert_eq!(rates(&imported), [22.5, 67.5, 30.0, 0.0]);
        assert!(imported.summary.derived.iter().any(|line| line.contains("offsets of two readings")));
        let unsampled = super::tests::imported(&super::tests::observed(measured()));
        assert_eq!(rates(&unsampled), [45.0, 45.0, 30.0, 0.0]);
        let derived = unsampled.summary.derived.join("\n");
        assert!(derived.contains("split over partitions by equal parts (a)"), "{derived}");
    }

    #[test]
    fn pods_are_known_by_the_number_that_their_names_end_in() {
        let mut measured = measured();
        measured.series = vec![
            series(Quantity::BytesIn, "my-cluster-kafka-2", Some("b"), None, 80.0),
            series(Quantity::BytesIn, "b-9.x.amazonaws.com:11001", Some("a"), None, 0.0),
        ];
        let unknown = imported(&observed(Measured { names_are_numbered: false, ..measured.clone() }));
        assert!(unknown.summary.missing.join("\n").contains("my-cluster-kafka-2"));
        let known = imported(&observed(Measured { names_are_numbered: true, ..measured }));
        let missing = known.summary.missing.join("\n");
        assert!(!missing.contains("my-cluster-kafka-2") && missing.contains("b-9.x.amazonaws.com"), "{missing}");
        assert_eq!(rates(&known)[2], 120.0);
    }

    #[test]
    fn topics_that_an_exporter_leaves_out_are_not_given_to_the_others() {
        let mut measured = measured();
        measured.series.retain(|series| series.topic.as_deref() != Some("b"));
        assert_eq!(rates(&imported(&observed(measured)))[..3], [45.0, 45.0, 0.0], "60 × 120 ÷ 80, halved");
    }

    #[test]
    fn history_and_clients_are_written_beside_the_snapshot() {
        let mut measured = measured();
        let point =
            |metric, is_cores, broker: Option<&str>, topic: Option<&str>, points: &[(i64, f64)]| MeasuredHistory {
                metric,
                is_cores,
                broker: broker.map(str::to_owned),
                topic: topic.map(str::to_owned),
                points: points.to_vec(),
            };
        measured.history = vec![
            point(Metric::BytesIn, false, None, None, &[(0, 80.0), (86_400, 90.0)]),
            point(Metric::BytesIn, false, Some("h2:7071"), None, &[(0, 20.0)]),
            point(Metric::BytesIn, false, Some("2"), None, &[(0, 5.0), (86_400, f64::NAN)]),
            point(Metric::Cpu, true, Some("1"), None, &[(0, 2.0)]),
            point(Metric::Size, false, None, Some("a"), &[(0, 1000.0)]),
            point(Metric::Size, false, Some("stranger:1"), None, &[(0, 1.0)]),
        ];
        let identity = ClientIdentity { user: Some("alice, \"a\"".to_owned()), client_id: None };
        measured.clients =
            vec![Client { identity, produce_bytes_per_sec: 1.5, consume_bytes_per_sec: 0.0, throttle_ms: Some(2.0) }];
        let imported = imported(&observed(measured));
        let written = render::history_file(&imported.history.unwrap_or_default(), HistoryFormat::Csv);
        let text = |file: &OutputFile| String::from_utf8_lossy(&file.bytes).into_owned();
        let history = "timestamp,broker_id,topic,metric,value\n\
                       1970-01-01T00:00:00Z,,,bytes_in_per_sec,80\n\
                       1970-01-01T00:00:00Z,2,,bytes_in_per_sec,25\n\
                       1970-01-01T00:00:00Z,,a,size_bytes,1000\n\
                       1970-01-01T00:00:00Z,1,,cpu_utilization,0.5\n\
                       1970-01-02T00:00:00Z,,,bytes_in_per_sec,90\n";
        assert_eq!(written.as_ref().map(text), Ok(history.to_owned()));
        let clients = "user,produce_bytes_per_sec,consume_bytes_per_sec,throttle_ms\n\"alice, \"\"a\"\"\",1.5,0,2\n";
        assert_eq!(imported.beside.iter().map(text).collect::<Vec<_>>(), [clients]);
    }
}
