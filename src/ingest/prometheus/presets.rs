//! What common set-ups call their metrics and labels.
//!
//! Sources: prometheus/jmx_exporter, `examples/kafka-2_0_0.yml` and `examples/kafka-kraft-3_0_0.yml`;
//! strimzi/strimzi-kafka-operator, `packaging/examples/metrics/kafka-metrics.yaml` and its pod monitor,
//! `prometheus-install/pod-monitors/kafka-resources-metrics.yaml`; Amazon MSK's open monitoring, whose JMX exporter has no
//! rules and thus its own default names; confluentinc/jmx-monitoring-stacks, `shared-assets/jmx-exporter/kafka_broker.yml`.
//! What brokers export by each of them is in fixtures/prometheus/presets.

use super::{Labels, Measure};

/// A set-up whose names are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// The JMX exporter with its example rules for Kafka, or with those of docs/snapshot-kafka-cli.md.
    #[default]
    JmxExporter,
    /// Strimzi's example rules, scraped by its pod monitor.
    Strimzi,
    /// Amazon MSK's open monitoring.
    Msk,
    /// Confluent's jmx-monitoring-stacks.
    Confluent,
}

/// The JMX exporter's example rules drop `PerSec` from names, those of our documentation keep it; each broker exports
/// by one of them.
const EXPORTER: &[(Measure, &str)] = &[
    (Measure::BytesIn, r#"{__name__=~"kafka_server_brokertopicmetrics_bytesin(persec)?_total",topic!=""}"#),
    (Measure::BytesOut, r#"{__name__=~"kafka_server_brokertopicmetrics_bytesout(persec)?_total",topic!=""}"#),
    (Measure::MessagesIn, r#"{__name__=~"kafka_server_brokertopicmetrics_messagesin(persec)?_total",topic!=""}"#),
    (Measure::BytesInAll, r#"{__name__=~"kafka_server_brokertopicmetrics_bytesin(persec)?(_all)?_total",topic=""}"#),
    (Measure::BytesOutAll, r#"{__name__=~"kafka_server_brokertopicmetrics_bytesout(persec)?(_all)?_total",topic=""}"#),
    (
        Measure::MessagesInAll,
        r#"{__name__=~"kafka_server_brokertopicmetrics_messagesin(persec)?(_all)?_total",topic=""}"#,
    ),
    (
        Measure::ReplicationIn,
        r#"{__name__=~"kafka_server_brokertopicmetrics_replicationbytesin(persec)?(_all)?_total",topic=""}"#,
    ),
    (
        Measure::ReplicationOut,
        r#"{__name__=~"kafka_server_brokertopicmetrics_replicationbytesout(persec)?(_all)?_total",topic=""}"#,
    ),
    (Measure::CpuSeconds, "process_cpu_seconds_total{}"),
    (Measure::LogEndOffset, r#"kafka_log_log_logendoffset{is_future!="true"}"#),
    (Measure::LogSize, r#"kafka_log_log_size{is_future!="true"}"#),
    (Measure::ClientProduce, r#"kafka_server_quota_byte_rate{resource=~"Produce.*"}"#),
    (Measure::ClientConsume, r#"kafka_server_quota_byte_rate{resource=~"Fetch.*"}"#),
    (Measure::ClientThrottle, r#"kafka_server_quota_throttle_time{resource=~"(Produce|Fetch).*"}"#),
    (Measure::DiskSize, r#"node_filesystem_size_bytes{fstype!~"tmpfs|overlay|squashfs"}"#),
    (Measure::DiskAvailable, r#"node_filesystem_avail_bytes{fstype!~"tmpfs|overlay|squashfs"}"#),
];

const STRIMZI: &[(Measure, &str)] = &[
    (Measure::BytesIn, r#"kafka_server_brokertopicmetrics_bytesin_total{topic!=""}"#),
    (Measure::BytesOut, r#"kafka_server_brokertopicmetrics_bytesout_total{topic!=""}"#),
    (Measure::MessagesIn, r#"kafka_server_brokertopicmetrics_messagesin_total{topic!=""}"#),
    (Measure::BytesInAll, r#"kafka_server_brokertopicmetrics_bytesin_total{topic=""}"#),
    (Measure::BytesOutAll, r#"kafka_server_brokertopicmetrics_bytesout_total{topic=""}"#),
    (Measure::MessagesInAll, r#"kafka_server_brokertopicmetrics_messagesin_total{topic=""}"#),
    (Measure::ReplicationIn, r#"kafka_server_brokertopicmetrics_replicationbytesin_total{topic=""}"#),
    (Measure::ReplicationOut, r#"kafka_server_brokertopicmetrics_replicationbytesout_total{topic=""}"#),
    (Measure::CpuSeconds, "process_cpu_seconds_total{}"),
    (Measure::LogEndOffset, "kafka_log_log_logendoffset{}"),
    (Measure::LogSize, "kafka_log_log_size{}"),
];

const MSK: &[(Measure, &str)] = &[
    (Measure::BytesIn, r#"kafka_server_BrokerTopicMetrics_Count{name="BytesInPerSec",topic!=""}"#),
    (Measure::BytesOut, r#"kafka_server_BrokerTopicMetrics_Count{name="BytesOutPerSec",topic!=""}"#),
    (Measure::MessagesIn, r#"kafka_server_BrokerTopicMetrics_Count{name="MessagesInPerSec",topic!=""}"#),
    (Measure::BytesInAll, r#"kafka_server_BrokerTopicMetrics_Count{name="BytesInPerSec",topic=""}"#),
    (Measure::BytesOutAll, r#"kafka_server_BrokerTopicMetrics_Count{name="BytesOutPerSec",topic=""}"#),
    (Measure::MessagesInAll, r#"kafka_server_BrokerTopicMetrics_Count{name="MessagesInPerSec",topic=""}"#),
    (Measure::ReplicationIn, r#"kafka_server_BrokerTopicMetrics_Count{name="ReplicationBytesInPerSec",topic=""}"#),
    (Measure::ReplicationOut, r#"kafka_server_BrokerTopicMetrics_Count{name="ReplicationBytesOutPerSec",topic=""}"#),
    (Measure::CpuIdleSeconds, r#"node_cpu_seconds_total{mode="idle"}"#),
    (Measure::LogEndOffset, r#"kafka_log_Log_Value{name="LogEndOffset",is_future!="true"}"#),
    (Measure::LogSize, r#"kafka_log_Log_Value{name="Size",is_future!="true"}"#),
    (Measure::ClientProduce, "kafka_server_Produce_byte_rate{}"),
    (Measure::ClientConsume, "kafka_server_Fetch_byte_rate{}"),
    (Measure::ClientThrottle, r#"{__name__=~"kafka_server_(Produce|Fetch)_throttle_time"}"#),
    (Measure::DiskSize, r#"node_filesystem_size_bytes{fstype!~"tmpfs|overlay|squashfs"}"#),
    (Measure::DiskAvailable, r#"node_filesystem_avail_bytes{fstype!~"tmpfs|overlay|squashfs"}"#),
];

const CONFLUENT: &[(Measure, &str)] = &[
    (Measure::BytesIn, r#"kafka_server_brokertopicmetrics_bytesinpersec{topic!=""}"#),
    (Measure::BytesOut, r#"kafka_server_brokertopicmetrics_bytesoutpersec{topic!=""}"#),
    (Measure::MessagesIn, r#"kafka_server_brokertopicmetrics_messagesinpersec{topic!=""}"#),
    (Measure::BytesInAll, r#"kafka_server_brokertopicmetrics_bytesinpersec{topic=""}"#),
    (Measure::BytesOutAll, r#"kafka_server_brokertopicmetrics_bytesoutpersec{topic=""}"#),
    (Measure::MessagesInAll, r#"kafka_server_brokertopicmetrics_messagesinpersec{topic=""}"#),
    (Measure::ReplicationIn, r#"kafka_server_brokertopicmetrics_replicationbytesinpersec{topic=""}"#),
    (Measure::ReplicationOut, r#"kafka_server_brokertopicmetrics_replicationbytesoutpersec{topic=""}"#),
    (Measure::CpuSeconds, "process_cpu_seconds_total{}"),
    (Measure::LogEndOffset, "kafka_log_log_logendoffset{}"),
    (Measure::LogSize, "kafka_log_log_size{}"),
    (Measure::ClientProduce, "kafka_server_produce_byte_rate{}"),
    (Measure::ClientConsume, "kafka_server_fetch_byte_rate{}"),
    (Measure::ClientThrottle, r#"{__name__=~"kafka_server_(produce|fetch)_throttle_time"}"#),
    (Measure::DiskSize, r#"node_filesystem_size_bytes{fstype!~"tmpfs|overlay|squashfs"}"#),
    (Measure::DiskAvailable, r#"node_filesystem_avail_bytes{fstype!~"tmpfs|overlay|squashfs"}"#),
];

impl Preset {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::JmxExporter, Self::Strimzi, Self::Msk, Self::Confluent];

    /// The name used on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::JmxExporter => "jmx-exporter",
            Self::Strimzi => "strimzi",
            Self::Msk => "msk",
            Self::Confluent => "confluent",
        }
    }

    /// The preset called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }

    /// The selector of what measures `measure`, where the set-up exports it.
    #[must_use]
    pub fn selector(self, measure: Measure) -> Option<&'static str> {
        let table = match self {
            Self::JmxExporter => EXPORTER,
            Self::Strimzi => STRIMZI,
            Self::Msk => MSK,
            Self::Confluent => CONFLUENT,
        };
        table.iter().find(|(known, _)| *known == measure).map(|(_, selector)| *selector)
    }

    /// What labels are called.
    #[must_use]
    pub fn labels(self) -> Labels {
        let broker: &[&str] = match self {
            Self::JmxExporter => &["broker", "broker_id", "instance"],
            Self::Strimzi => &["kubernetes_pod_name", "pod", "instance"],
            Self::Msk => &["broker_id", "instance"],
            Self::Confluent => &["broker", "hostname", "instance"],
        };
        // The exporter's example writes Kafka's `client-id` as clientId; the other rules keep it, and the exporter
        // replaces what no label's name may hold.
        let client_id = if self == Self::JmxExporter { "clientId" } else { "client_id" };
        Labels {
            broker: broker.iter().map(|name| (*name).to_owned()).collect(),
            topic: "topic".to_owned(),
            partition: "partition".to_owned(),
            user: "user".to_owned(),
            client_id: client_id.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_and_its_names_are_documented() {
        let page = include_str!("../../../docs/snapshot-prometheus.md");
        for preset in Preset::ALL {
            assert!(page.contains(&format!("`{}`", preset.name())), "{}", preset.name());
            assert_eq!(Preset::by_name(preset.name()), Some(preset));
            for label in preset.labels().broker {
                assert!(page.contains(&format!("`{label}`")), "{label}");
            }
            for selector in Measure::ALL.into_iter().filter_map(|measure| preset.selector(measure)) {
                assert!(selector.ends_with('}') && page.contains(&format!("`{selector}`")), "{selector}");
            }
        }
    }

    #[test]
    fn every_preset_has_what_traffic_takes() {
        for preset in Preset::ALL {
            for measure in [Measure::BytesIn, Measure::BytesOut, Measure::MessagesIn, Measure::LogEndOffset] {
                assert!(preset.selector(measure).is_some(), "{} {}", preset.name(), measure.name());
            }
        }
    }
}
