//! Both clients as one [`Admin`]: librdkafka for metadata and configs, the protocol client for the rest.

use std::collections::BTreeMap;
use std::time::Duration;

use super::admin::{
    Admin, AdminError, Answer, ClusterAnswer, ConfigChange, Configs, ErrorKind, LogDirs, OffsetsAnswer, QuotaAnswer,
    Replica, Resource, RunningReassignment, TopicPartition, TopicsAnswer,
};
use super::kerberos;
use super::krafka_admin::KrafkaAdmin;
use super::properties::{ClientProperties, Mechanism};
use super::rdkafka_client::{self, RdkafkaClient};

/// A connection to a cluster.
pub struct Connection {
    /// None for Kerberos, and why.
    protocol: Answer<KrafkaAdmin>,
    client: RdkafkaClient,
    bootstrap: String,
    properties: ClientProperties,
    timeout: Duration,
}

impl Connection {
    /// Connects to the first of `bootstrap` (`host:port[,…]`) that answers; each call takes at most `timeout`. With
    /// Kerberos only metadata, configs and offsets can be had; other calls answer why.
    ///
    /// # Errors
    /// Nobody answered, or the credentials or certificates were refused.
    pub fn open(bootstrap: &str, properties: &ClientProperties, timeout: Duration) -> Answer<Self> {
        let is_kerberos = properties.sasl.as_ref().is_some_and(|sasl| sasl.mechanism == Mechanism::Gssapi);
        let protocol = if is_kerberos {
            let message = "Kerberos (GSSAPI) serves for metadata, configs and offsets only; this needs PLAIN, SCRAM or a \
                           client certificate";
            Err(AdminError::new(ErrorKind::Other, message))
        } else {
            // This one first: its errors say what was refused by whom.
            Ok(KrafkaAdmin::connect(bootstrap, properties, timeout)?)
        };
        if let Some(sasl) = properties.sasl.as_ref().filter(|_| is_kerberos) {
            kerberos::log_in(&sasl.kerberos, timeout)?;
            rdkafka_client::reach(bootstrap, properties, timeout)?;
        }
        let client = RdkafkaClient::new(bootstrap, properties, timeout)?;
        Ok(Self { protocol, client, bootstrap: bootstrap.to_owned(), properties: properties.clone(), timeout })
    }

    /// Calls `take` with the value of every record of `topic` from `since_ms` (milliseconds since 1970) until now.
    pub(super) fn tail(
        &self,
        topic: &str,
        since_ms: i64,
        take: &mut dyn FnMut(&[u8]),
        progress: &dyn Fn(f64),
    ) -> Answer<()> {
        let (bootstrap, properties) = (&self.bootstrap, &self.properties);
        let unread = rdkafka_client::tail(bootstrap, properties, self.timeout, (topic, since_ms), take, progress)?;
        if unread.is_empty() {
            return Ok(());
        }
        match &self.protocol {
            Ok(protocol) => protocol.read(topic, unread, take, progress),
            Err(_) => {
                let message = format!(
                    "cannot read topic {topic}: its records are compressed with zstd, which cannot be read with \
                     Kerberos. Set compression.type=gzip for the topic, or connect with PLAIN, SCRAM or a certificate"
                );
                Err(AdminError::new(ErrorKind::Unsupported, message))
            }
        }
    }

    /// An answer per item: the protocol client's, or why there is no such client.
    fn each<K: Clone + Ord, T>(
        &self,
        asked: impl IntoIterator<Item = K>,
        answer: impl FnOnce(&KrafkaAdmin) -> BTreeMap<K, Answer<T>>,
    ) -> BTreeMap<K, Answer<T>> {
        match &self.protocol {
            Ok(protocol) => answer(protocol),
            Err(error) => asked.into_iter().map(|key| (key, Err(error.clone()))).collect(),
        }
    }
}

impl Admin for Connection {
    fn cluster(&self) -> Answer<ClusterAnswer> {
        match &self.protocol {
            // DescribeCluster is of Kafka 2.8; before it, metadata names the brokers.
            Ok(protocol) => match protocol.cluster() {
                Err(error) if error.kind == ErrorKind::Unsupported => self.client.cluster(),
                answer => answer,
            },
            Err(_) => self.client.cluster(),
        }
    }

    fn topics(&self) -> Answer<TopicsAnswer> {
        self.client.topics()
    }

    fn log_dirs(&self, brokers: &[i32]) -> BTreeMap<i32, Answer<LogDirs>> {
        self.each(brokers.iter().copied(), |protocol| protocol.log_dirs(brokers))
    }

    fn reassignments(&self) -> Answer<BTreeMap<TopicPartition, RunningReassignment>> {
        self.protocol.as_ref().map_err(Clone::clone)?.reassignments()
    }

    fn offsets(&self, partitions: &[TopicPartition]) -> BTreeMap<TopicPartition, Answer<OffsetsAnswer>> {
        match &self.protocol {
            Ok(protocol) => protocol.offsets(partitions),
            Err(_) => rdkafka_client::offsets(&self.bootstrap, &self.properties, self.timeout, partitions),
        }
    }

    fn quotas(&self) -> Answer<Vec<QuotaAnswer>> {
        self.protocol.as_ref().map_err(Clone::clone)?.quotas()
    }

    fn configs(&self, resources: &[Resource]) -> BTreeMap<Resource, Answer<Configs>> {
        self.client.configs(resources)
    }

    fn alter_configs(&self, changes: &[ConfigChange]) -> BTreeMap<Resource, Answer<()>> {
        self.each(changes.iter().map(|change| change.resource.clone()), |protocol| protocol.alter_configs(changes))
    }

    fn alter_log_dirs(&self, moves: &[(Replica, String)]) -> BTreeMap<Replica, Answer<()>> {
        self.each(moves.iter().map(|(replica, _)| replica.clone()), |protocol| protocol.alter_log_dirs(moves))
    }

    fn reassign(&self, targets: &[(TopicPartition, Option<Vec<i32>>)]) -> BTreeMap<TopicPartition, Answer<()>> {
        self.each(targets.iter().map(|(partition, _)| partition.clone()), |protocol| protocol.reassign(targets))
    }

    fn elect_preferred(&self, partitions: &[TopicPartition]) -> BTreeMap<TopicPartition, Answer<()>> {
        self.each(partitions.iter().cloned(), |protocol| protocol.elect_preferred(partitions))
    }
}
