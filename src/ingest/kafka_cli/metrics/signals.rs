//! What can be measured, and what the metrics are called that measure it.
//!
//! Names of metrics are the site's own: rule files differ. The defaults are those of the exporter's configuration in
//! docs/snapshot-kafka-cli.md; an inventory's `[metrics]` or `--metric` changes them.

use std::collections::BTreeMap;

/// What a series measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Quantity {
    /// Bytes that producers write, per topic and leading broker.
    BytesIn,
    /// Bytes that consumers read, per topic and leading broker.
    BytesOut,
    /// Records that producers write, per topic and leading broker.
    MessagesIn,
    /// Bytes that a broker copies from leaders.
    ReplicationIn,
    /// Bytes that a broker sends to followers.
    ReplicationOut,
    /// All that a broker's network receives.
    NetworkIn,
    /// All that a broker's network sends.
    NetworkOut,
    /// Cores that a broker keeps busy.
    CpuCores,
    /// Share of its cores that a broker keeps busy.
    CpuUtilization,
    /// A replica's log end offset.
    LogEndOffset,
    /// A replica's size.
    LogSize,
}

/// How samples become rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Grows, and starts from 0 when its broker restarts: a fall counts from 0.
    Counter,
    /// Grows, and falls when data is removed: a fall counts as nothing.
    Level,
    /// Is a rate (or a share) already.
    Rate,
}

/// Something that a metric can measure.
#[derive(Debug)]
pub(crate) struct Signal {
    /// What it is called on the command line, in an inventory and in files' names.
    pub(crate) name: &'static str,
    pub(crate) quantity: Quantity,
    pub(crate) form: Form,
    /// The metric's usual name, where there is one.
    pub(crate) default_metric: Option<&'static str>,
}

const fn signal(name: &'static str, quantity: Quantity, form: Form, default_metric: Option<&'static str>) -> Signal {
    Signal { name, quantity, form, default_metric }
}

/// All signals. Those that are rates have no usual name: they are recording rules or queries of a site.
pub(crate) const SIGNALS: [Signal; 19] = [
    signal(
        "bytes_in_total",
        Quantity::BytesIn,
        Form::Counter,
        Some("kafka_server_brokertopicmetrics_bytesinpersec_total"),
    ),
    signal("bytes_in_rate", Quantity::BytesIn, Form::Rate, None),
    signal(
        "bytes_out_total",
        Quantity::BytesOut,
        Form::Counter,
        Some("kafka_server_brokertopicmetrics_bytesoutpersec_total"),
    ),
    signal("bytes_out_rate", Quantity::BytesOut, Form::Rate, None),
    signal(
        "messages_in_total",
        Quantity::MessagesIn,
        Form::Counter,
        Some("kafka_server_brokertopicmetrics_messagesinpersec_total"),
    ),
    signal("messages_in_rate", Quantity::MessagesIn, Form::Rate, None),
    signal(
        "replication_in_total",
        Quantity::ReplicationIn,
        Form::Counter,
        Some("kafka_server_brokertopicmetrics_replicationbytesinpersec_all_total"),
    ),
    signal("replication_in_rate", Quantity::ReplicationIn, Form::Rate, None),
    signal(
        "replication_out_total",
        Quantity::ReplicationOut,
        Form::Counter,
        Some("kafka_server_brokertopicmetrics_replicationbytesoutpersec_all_total"),
    ),
    signal("replication_out_rate", Quantity::ReplicationOut, Form::Rate, None),
    signal("network_in_total", Quantity::NetworkIn, Form::Counter, None),
    signal("network_in_rate", Quantity::NetworkIn, Form::Rate, None),
    signal("network_out_total", Quantity::NetworkOut, Form::Counter, None),
    signal("network_out_rate", Quantity::NetworkOut, Form::Rate, None),
    signal("cpu_seconds_total", Quantity::CpuCores, Form::Counter, Some("process_cpu_seconds_total")),
    signal("cpu_utilization", Quantity::CpuUtilization, Form::Rate, None),
    signal("log_end_offset", Quantity::LogEndOffset, Form::Level, Some("kafka_log_log_logendoffset")),
    signal("log_end_offset_rate", Quantity::LogEndOffset, Form::Rate, None),
    signal("log_size", Quantity::LogSize, Form::Level, Some("kafka_log_log_size")),
];

/// The signal called `name`, as an offset into [`SIGNALS`].
pub(crate) fn by_name(name: &str) -> Option<usize> {
    SIGNALS.iter().position(|s| s.name == name)
}

/// What a site calls its metrics and labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricNames {
    /// Per signal, the metric that is it.
    metrics: [Option<String>; SIGNALS.len()],
    /// The label with the broker's id; `instance` is tried where it is absent.
    pub(crate) broker_label: String,
    /// The label with the topic.
    pub(crate) topic_label: String,
    /// The label with the partition's number.
    pub(crate) partition_label: String,
    /// Brokers by the value of `broker_label` or `instance`, with or without its port.
    pub(crate) instances: BTreeMap<String, i32>,
}

impl Default for MetricNames {
    fn default() -> Self {
        Self {
            metrics: std::array::from_fn(|signal| SIGNALS[signal].default_metric.map(str::to_owned)),
            broker_label: "broker".to_owned(),
            topic_label: "topic".to_owned(),
            partition_label: "partition".to_owned(),
            instances: BTreeMap::new(),
        }
    }
}

impl MetricNames {
    /// Makes `metric` the signal at offset `signal`.
    pub(crate) fn set_metric(&mut self, signal: usize, metric: &str) {
        // A metric is one signal: what it was by default, it no longer is.
        for slot in self.metrics.iter_mut().filter(|slot| slot.as_deref() == Some(metric)) {
            *slot = None;
        }
        if let Some(slot) = self.metrics.get_mut(signal) {
            *slot = Some(metric.to_owned());
        }
    }

    /// The signal that `metric` is.
    pub(crate) fn signal_of(&self, metric: &str) -> Option<usize> {
        self.metrics.iter().position(|name| name.as_deref() == Some(metric))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_and_its_usual_metric_is_documented() {
        let page = include_str!("../../../../docs/snapshot-kafka-cli.md");
        for signal in &SIGNALS {
            assert!(page.contains(&format!("`{}`", signal.name)), "{}", signal.name);
            assert!(signal.default_metric.is_none_or(|name| page.contains(&format!("`{name}`"))), "{}", signal.name);
        }
    }

    #[test]
    fn a_metric_is_one_signal() {
        let mut names = MetricNames::default();
        let usual = "kafka_server_brokertopicmetrics_bytesinpersec_total";
        assert_eq!(names.signal_of(usual), by_name("bytes_in_total"));
        names.set_metric(by_name("network_in_total").unwrap_or_default(), usual);
        assert_eq!(names.signal_of(usual), by_name("network_in_total"));
    }
}
