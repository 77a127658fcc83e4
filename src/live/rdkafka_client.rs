//! librdkafka, the client for metadata and configs, and the consumer of a topic's last records. The only user of
//! `rdkafka`; see docs/adr-kafka-protocol.md for why it is not the only client.

mod offsets;
mod reach;
mod tail;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, ConfigSource, OwnedResourceSpecifier, ResourceSpecifier};
use rdkafka::config::{ClientConfig, FromClientConfigAndContext as _, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::admin::{
    AdminError, Answer, BrokerAnswer, ClusterAnswer, ConfigAnswer, Configs, ErrorKind, PartitionAnswer, Resource,
    TopicPartition, TopicsAnswer,
};
use super::properties::{ClientProperties, Mechanism, Pem};

pub(super) use self::offsets::offsets;
pub(super) use self::reach::reach;
pub(super) use self::tail::{Unread, tail};

/// Topics of one request for configs: each answers with some forty settings.
const TOPICS_PER_CALL: usize = 500;

/// Errors of librdkafka say little; what it logs before them says why. The last such line is kept.
#[derive(Clone, Default)]
struct LastLog(Arc<Mutex<String>>);

impl ClientContext for LastLog {
    fn log(&self, level: RDKafkaLogLevel, _facility: &str, message: &str) {
        if (level as i32) <= (RDKafkaLogLevel::Error as i32) {
            self.keep(message);
        }
    }

    fn error(&self, _error: KafkaError, reason: &str) {
        self.keep(reason);
    }
}

impl LastLog {
    fn keep(&self, message: &str) {
        if let Ok(mut kept) = self.0.lock()
            // What follows from the reason is not to hide it.
            && (kept.is_empty() || !message.contains("brokers are down"))
        {
            *kept = message.lines().next().unwrap_or_default().to_owned();
        }
    }

    /// ` (what was logged last)`, or nothing.
    fn aside(&self) -> String {
        let kept = self.0.lock().map(|kept| kept.clone()).unwrap_or_default();
        if kept.is_empty() { kept } else { format!(" ({kept})") }
    }
}

/// A client; it connects with its first call.
pub(super) struct RdkafkaClient {
    client: AdminClient<LastLog>,
    log: LastLog,
    timeout: Duration,
    runtime: tokio::runtime::Runtime,
}

impl RdkafkaClient {
    /// A client whose calls take at most `timeout`.
    pub(super) fn new(bootstrap: &str, properties: &ClientProperties, timeout: Duration) -> Answer<Self> {
        let fail = |e: String| AdminError::new(ErrorKind::Configuration, format!("cannot set up librdkafka: {e}"));
        let log = LastLog::default();
        let config = settings(bootstrap, properties, timeout);
        let client = AdminClient::from_config_and_context(&config, log.clone()).map_err(|e| fail(e.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|e| fail(e.to_string()))?;
        Ok(Self { client, log, timeout, runtime })
    }

    /// Racks are not among what metadata tells; configs do.
    pub(super) fn cluster(&self) -> Answer<ClusterAnswer> {
        let found = self.client.inner().fetch_metadata(None, self.timeout);
        let metadata = found.map_err(|e| self.error("cannot read the brokers' metadata", &e))?;
        let broker =
            |b: &rdkafka::metadata::MetadataBroker| (b.id(), BrokerAnswer { host: b.host().to_owned(), rack: None });
        Ok(ClusterAnswer {
            cluster_id: self.client.inner().fetch_cluster_id(self.timeout).unwrap_or_default(),
            brokers: metadata.brokers().iter().map(broker).collect(),
        })
    }

    pub(super) fn topics(&self) -> Answer<TopicsAnswer> {
        let found = self.client.inner().fetch_metadata(None, self.timeout);
        let metadata = found.map_err(|e| self.error("cannot read the topics' metadata", &e))?;
        let mut answer = TopicsAnswer::default();
        for topic in metadata.topics() {
            if let Some(error) = topic.error() {
                let code = RDKafkaErrorCode::from(error);
                answer.refused.insert(topic.name().to_owned(), code.to_string());
                continue;
            }
            for partition in topic.partitions() {
                let found = PartitionAnswer {
                    leader: Some(partition.leader()).filter(|id| *id >= 0),
                    replicas: partition.replicas().to_vec(),
                    isr: partition.isr().to_vec(),
                };
                answer.partitions.insert(TopicPartition::new(topic.name(), partition.id()), found);
            }
        }
        Ok(answer)
    }

    /// All calls are sent before the first answer is waited for; a broker's configs take a call of their own.
    pub(super) fn configs(&self, resources: &[Resource]) -> BTreeMap<Resource, Answer<Configs>> {
        let options = AdminOptions::new().request_timeout(Some(self.timeout));
        let (brokers, topics): (Vec<&Resource>, Vec<&Resource>) =
            resources.iter().partition(|r| matches!(r, Resource::Broker(_)));
        let calls: Vec<&[&Resource]> = brokers.chunks(1).chain(topics.chunks(TOPICS_PER_CALL)).collect();
        let named: Vec<Vec<ResourceSpecifier<'_>>> =
            calls.iter().map(|call| call.iter().map(|resource| specifier(resource)).collect()).collect();
        let sent: Vec<_> = named.iter().map(|call| self.client.describe_configs(call, &options)).collect();
        let mut answers = BTreeMap::new();
        for (call, sent) in calls.iter().zip(sent) {
            let what = |r: &Resource| format!("cannot describe configs of {r}");
            match self.runtime.block_on(sent) {
                Err(failure) => {
                    for resource in *call {
                        answers.insert((*resource).clone(), Err(self.error(&what(resource), &failure)));
                    }
                }
                Ok(found) => {
                    for (resource, found) in call.iter().zip(found) {
                        let one = match found {
                            // rdkafka drops the error of a single resource and leaves it without settings, which no
                            // broker or topic is. Taken for an answer, what was set there would be lost by `apply`.
                            Ok(found) if found.entries.is_empty() => {
                                let why = "nothing was answered: the principal may lack DescribeConfigs, or it is gone";
                                Err(AdminError::new(ErrorKind::Denied, format!("{}: {why}", what(resource))))
                            }
                            Ok(found) => Ok(configs_of(found)),
                            Err(code) => Err(error_of(code, format!("{}: {code}", what(resource)))),
                        };
                        answers.insert((*resource).clone(), one);
                    }
                }
            }
        }
        answers
    }

    fn error(&self, what: &str, failure: &KafkaError) -> AdminError {
        Self::error_with(&self.log, what, failure)
    }

    fn error_with(log: &LastLog, what: &str, failure: &KafkaError) -> AdminError {
        let aside = log.aside();
        let message = format!("{what}: {failure}{aside}");
        let code = failure.rdkafka_error_code();
        if aside.contains("GSSAPI") {
            return AdminError::new(ErrorKind::Kerberos, message);
        }
        let refused = ["uthentication", "SASL", "certificate", "SSL"].iter().any(|word| aside.contains(word));
        if refused {
            return AdminError::new(ErrorKind::Authentication, message);
        }
        code.map_or_else(|| AdminError::new(ErrorKind::Other, message.clone()), |code| error_of(code, message.clone()))
    }
}

fn specifier(resource: &Resource) -> ResourceSpecifier<'_> {
    match resource {
        Resource::Broker(id) => ResourceSpecifier::Broker(*id),
        Resource::Topic(name) => ResourceSpecifier::Topic(name),
    }
}

fn configs_of(found: rdkafka::admin::ConfigResource) -> Configs {
    let wanted = match found.specifier {
        OwnedResourceSpecifier::Broker(_) => ConfigSource::DynamicBroker,
        _ => ConfigSource::DynamicTopic,
    };
    let entry = |entry: rdkafka::admin::ConfigEntry| {
        let value = entry.value.filter(|_| !entry.is_sensitive);
        (entry.name, ConfigAnswer { value, is_own: entry.source == wanted })
    };
    found.entries.into_iter().map(entry).collect()
}

fn error_of(code: RDKafkaErrorCode, message: String) -> AdminError {
    let kind = match code {
        RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed => ErrorKind::Authentication,
        RDKafkaErrorCode::BrokerTransportFailure
        | RDKafkaErrorCode::AllBrokersDown
        | RDKafkaErrorCode::OperationTimedOut
        | RDKafkaErrorCode::RequestTimedOut
        | RDKafkaErrorCode::Resolve => ErrorKind::Unreachable,
        RDKafkaErrorCode::ClusterAuthorizationFailed | RDKafkaErrorCode::TopicAuthorizationFailed => ErrorKind::Denied,
        RDKafkaErrorCode::UnsupportedFeature | RDKafkaErrorCode::UnsupportedVersion => ErrorKind::Unsupported,
        RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => ErrorKind::NotFound,
        _ => ErrorKind::Other,
    };
    AdminError::new(kind, message)
}

/// librdkafka's settings for `properties`.
fn settings(bootstrap: &str, properties: &ClientProperties, timeout: Duration) -> ClientConfig {
    let mut config = ClientConfig::new();
    let millis = timeout.as_millis().clamp(1_000, 300_000).to_string();
    config.set("bootstrap.servers", bootstrap).set("client.id", "evenkeel");
    config.set("socket.timeout.ms", &millis).set("allow.auto.create.topics", "false");
    config.set("security.protocol", properties.security_protocol());
    // Whatever is logged goes through the context above.
    config.set_log_level(RDKafkaLogLevel::Error);
    if let Some(sasl) = &properties.sasl {
        config.set("sasl.mechanism", sasl.mechanism.name());
        if sasl.mechanism == Mechanism::Gssapi {
            // The ticket is there already (`kerberos`): librdkafka runs no command to take one where there is no time
            // before which to renew it.
            config.set("sasl.kerberos.min.time.before.relogin", "0");
            if let Some(name) = &sasl.kerberos.service_name {
                config.set("sasl.kerberos.service.name", name);
            }
        } else {
            config.set("sasl.username", &sasl.username).set("sasl.password", sasl.password.expose());
        }
    }
    if properties.is_encrypted {
        let tls = &properties.tls;
        let parts = [
            (&tls.ca, "ssl.ca.location", "ssl.ca.pem"),
            (&tls.certificate, "ssl.certificate.location", "ssl.certificate.pem"),
            (&tls.key, "ssl.key.location", "ssl.key.pem"),
        ];
        for (pem, by_path, by_text) in parts {
            match pem {
                Some(Pem::File(path)) => drop(config.set(by_path, path.display().to_string())),
                Some(Pem::Text(text)) => drop(config.set(by_text, text.expose())),
                None => {}
            }
        }
    }
    config
}
