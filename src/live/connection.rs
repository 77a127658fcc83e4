//! Both clients as one [`Admin`]: librdkafka for metadata and configs, the protocol client for the rest.

use std::collections::BTreeMap;
use std::time::Duration;

use super::admin::{
    Admin, Answer, ClusterAnswer, ConfigChange, Configs, LogDirs, OffsetsAnswer, Replica, Resource,
    RunningReassignment, TopicPartition, TopicsAnswer,
};
use super::krafka_admin::KrafkaAdmin;
use super::properties::ClientProperties;
use super::rdkafka_client::RdkafkaClient;

/// A connection to a cluster.
pub struct Connection {
    protocol: KrafkaAdmin,
    client: RdkafkaClient,
}

impl Connection {
    /// Connects to the first of `bootstrap` (`host:port[,…]`) that answers; each call takes at most `timeout`.
    ///
    /// # Errors
    /// Nobody answered, or the credentials or certificates were refused.
    pub fn open(bootstrap: &str, properties: &ClientProperties, timeout: Duration) -> Answer<Self> {
        // This one first: its errors say what was refused by whom.
        let protocol = KrafkaAdmin::connect(bootstrap, properties, timeout)?;
        let client = RdkafkaClient::new(bootstrap, properties, timeout)?;
        Ok(Self { protocol, client })
    }
}

impl Admin for Connection {
    fn cluster(&self) -> Answer<ClusterAnswer> {
        self.protocol.cluster()
    }

    fn topics(&self) -> Answer<TopicsAnswer> {
        self.client.topics()
    }

    fn log_dirs(&self, brokers: &[i32]) -> BTreeMap<i32, Answer<LogDirs>> {
        self.protocol.log_dirs(brokers)
    }

    fn reassignments(&self) -> Answer<BTreeMap<TopicPartition, RunningReassignment>> {
        self.protocol.reassignments()
    }

    fn offsets(&self, partitions: &[TopicPartition]) -> BTreeMap<TopicPartition, Answer<OffsetsAnswer>> {
        self.protocol.offsets(partitions)
    }

    fn configs(&self, resources: &[Resource]) -> BTreeMap<Resource, Answer<Configs>> {
        self.client.configs(resources)
    }

    fn alter_configs(&self, changes: &[ConfigChange]) -> BTreeMap<Resource, Answer<()>> {
        self.protocol.alter_configs(changes)
    }

    fn alter_log_dirs(&self, moves: &[(Replica, String)]) -> BTreeMap<Replica, Answer<()>> {
        self.protocol.alter_log_dirs(moves)
    }

    fn reassign(&self, targets: &[(TopicPartition, Option<Vec<i32>>)]) -> BTreeMap<TopicPartition, Answer<()>> {
        self.protocol.reassign(targets)
    }

    fn elect_preferred(&self, partitions: &[TopicPartition]) -> BTreeMap<TopicPartition, Answer<()>> {
        self.protocol.elect_preferred(partitions)
    }
}
