//! The protocol client for what librdkafka cannot ask: log dirs, reassignments, throttles, elections, and offsets of
//! many partitions at once. The only user of `krafka` and, with the other client, of an asynchronous runtime, which
//! never leaves this file: every function here waits for its answer (docs/adr-kafka-protocol.md).

mod tail;

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::time::Duration;

use krafka::Kafka;
use krafka::admin::{
    AdminClient, AlterPartitionReassignmentsOptions, AlterReplicaLogDirsOptions, ClientQuotaFilter, ConfigOp,
    ConfigResource, DescribeClientQuotasOptions, DescribeClusterOptions, DescribeLogDirsOptions, ElectLeadersOptions,
    ElectionType, IncrementalAlterConfigsOptions, ListOffsetsOptions, ListPartitionReassignmentsOptions,
    LogDirDescription, OffsetSpec, TopicPartitionReplica,
};
use krafka::auth::{AuthConfig, TlsConfig};
use krafka::error::{ErrorCode, KrafkaError};

use super::admin::{
    AdminError, Answer, BrokerAnswer, ClusterAnswer, ConfigChange, ErrorKind, LogDirAnswer, LogDirs, OffsetsAnswer,
    QuotaAnswer, Replica, Resource, RunningReassignment, TopicPartition,
};
use super::properties::{ClientProperties, Mechanism, Pem};

/// Dialling takes no longer than this, whatever a whole call may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Partitions of one call for offsets, which asks every leader at once for its own: a few megabytes, should one lead them
/// all. Fewer would only wait more often for a broker that does not answer.
const OFFSETS_PER_CALL: usize = 100_000;

/// What a call over several items answers, as the crate has it.
type Answers<K, T> = Result<HashMap<K, Result<T, KrafkaError>>, KrafkaError>;

/// A connected client.
pub(super) struct KrafkaAdmin {
    runtime: tokio::runtime::Runtime,
    kafka: Kafka,
    admin: AdminClient,
    timeout: Duration,
}

impl KrafkaAdmin {
    /// Connects; each later call takes at most `timeout`.
    pub(super) fn connect(bootstrap: &str, properties: &ClientProperties, timeout: Duration) -> Answer<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| AdminError::new(ErrorKind::Other, format!("cannot start a client: {e}")))?;
        let builder = Kafka::builder(bootstrap)
            .client_id("evenkeel")
            .security(auth(properties)?)
            .request_timeout(timeout)
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .allow_auto_create_topics(false);
        let connected = runtime.block_on(async { tokio::time::timeout(timeout, builder.connect()).await });
        let kafka = match connected {
            Ok(connected) => connected.map_err(|e| error(&format!("cannot connect to {bootstrap}"), &e))?,
            Err(_) => {
                let message = format!("cannot connect to {bootstrap}: no answer within {} s", timeout.as_secs_f64());
                return Err(AdminError::new(ErrorKind::Unreachable, message));
            }
        };
        let admin = kafka.admin().default_api_timeout(timeout);
        Ok(Self { runtime, kafka, admin, timeout })
    }

    fn wait<T>(&self, call: impl Future<Output = T>) -> T {
        self.runtime.block_on(call)
    }

    pub(super) fn cluster(&self) -> Answer<ClusterAnswer> {
        let found = self.wait(self.admin.describe_cluster(DescribeClusterOptions::default()));
        let found = found.map_err(|e| error("cannot describe the cluster", &e))?;
        let broker = |b: krafka::admin::ClusterBroker| (b.id, BrokerAnswer { host: b.host, rack: b.rack });
        Ok(ClusterAnswer { cluster_id: found.cluster_id, brokers: found.brokers.into_iter().map(broker).collect() })
    }

    pub(super) fn log_dirs(&self, brokers: &[i32]) -> BTreeMap<i32, Answer<LogDirs>> {
        let found = self.wait(self.admin.describe_log_dirs(brokers.to_vec(), DescribeLogDirsOptions::default()));
        each(
            brokers,
            found,
            "cannot describe log dirs",
            |id| format!("of broker {id}"),
            |dirs| dirs.into_iter().map(log_dir).collect(),
        )
        .into_iter()
        .map(|(id, dirs)| (id, dirs.and_then(|dirs: Vec<_>| dirs.into_iter().collect())))
        .collect()
    }

    pub(super) fn reassignments(&self) -> Answer<BTreeMap<TopicPartition, RunningReassignment>> {
        let options = ListPartitionReassignmentsOptions::default();
        let found = self.wait(self.admin.list_partition_reassignments(options));
        let found = found.map_err(|e| error("cannot list partition reassignments", &e))?;
        let running = |r: krafka::admin::PartitionReassignment| RunningReassignment {
            replicas: r.replicas,
            adding: r.adding_replicas,
            removing: r.removing_replicas,
        };
        Ok(found.into_iter().map(|(p, r)| (ours(&p), running(r))).collect())
    }

    pub(super) fn quotas(&self) -> Answer<Vec<QuotaAnswer>> {
        let options = DescribeClientQuotasOptions::default();
        let found = self.wait(self.admin.describe_client_quotas(ClientQuotaFilter::all(), options));
        let found = found.map_err(|e| error("cannot describe client quotas", &e))?;
        let mut quotas: Vec<QuotaAnswer> = found
            .into_iter()
            .map(|(entity, values)| QuotaAnswer { entity: entity.0, values: values.into_iter().collect() })
            .collect();
        quotas.sort_by(|a, b| a.entity.cmp(&b.entity));
        Ok(quotas)
    }

    pub(super) fn offsets(&self, partitions: &[TopicPartition]) -> BTreeMap<TopicPartition, Answer<OffsetsAnswer>> {
        let mut answers = BTreeMap::new();
        for chunk in partitions.chunks(OFFSETS_PER_CALL) {
            let start = self.offsets_at(chunk, OffsetSpec::Earliest);
            let mut end = self.offsets_at(chunk, OffsetSpec::Latest);
            for (partition, start) in start {
                let unknown = || Err(AdminError::new(ErrorKind::Other, "no end offset was answered"));
                let end = end.remove(&partition).unwrap_or_else(unknown);
                let both = start.and_then(|start| Ok(OffsetsAnswer { start, end: end? }));
                answers.insert(partition, both);
            }
        }
        answers
    }

    fn offsets_at(&self, partitions: &[TopicPartition], spec: OffsetSpec) -> BTreeMap<TopicPartition, Answer<i64>> {
        let asked: Vec<_> = partitions.iter().map(|p| (theirs(p), spec)).collect();
        let found = self.wait(self.admin.list_offsets(asked, ListOffsetsOptions::default()));
        let found = found.map(|answers| answers.into_iter().map(|(p, answer)| (ours(&p), answer)).collect());
        each(partitions, found, "cannot list offsets", |p| format!("of {p}"), |listed| listed.offset)
    }

    pub(super) fn alter_configs(&self, changes: &[ConfigChange]) -> BTreeMap<Resource, Answer<()>> {
        if changes.is_empty() {
            return BTreeMap::new();
        }
        let mut by_resource: BTreeMap<Resource, Vec<ConfigOp>> = BTreeMap::new();
        for change in changes {
            let operation = match &change.value {
                Some(value) => ConfigOp::set(&change.key, value),
                None => ConfigOp::delete(&change.key),
            };
            by_resource.entry(change.resource.clone()).or_default().push(operation);
        }
        let named = |resource: &Resource| match resource {
            Resource::Broker(id) => ConfigResource::broker(*id),
            Resource::Topic(name) => ConfigResource::topic(name),
        };
        let asked: Vec<_> = by_resource.iter().map(|(resource, ops)| (named(resource), ops.clone())).collect();
        let options = IncrementalAlterConfigsOptions::default();
        let found = self.wait(self.admin.incremental_alter_configs(asked, options));
        let resources: Vec<Resource> = by_resource.into_keys().collect();
        let found = found.map(|mut answers| {
            let one = |r: &Resource| answers.remove(&named(r)).map(|answer| (r.clone(), answer));
            resources.iter().filter_map(one).collect()
        });
        each(&resources, found, "cannot alter configs", |r| format!("of {r}"), |()| ())
    }

    pub(super) fn alter_log_dirs(&self, moves: &[(Replica, String)]) -> BTreeMap<Replica, Answer<()>> {
        let replica = |(p, broker): &Replica| TopicPartitionReplica::new(&p.topic, p.partition, *broker);
        let asked: Vec<_> = moves.iter().map(|(r, path)| (replica(r), path.clone())).collect();
        let found = self.wait(self.admin.alter_replica_log_dirs(asked, AlterReplicaLogDirsOptions::default()));
        let replicas: Vec<Replica> = moves.iter().map(|(r, _)| r.clone()).collect();
        let found = found.map(|answers| {
            let key = |r: TopicPartitionReplica| (TopicPartition::new(r.topic, r.partition), r.broker_id);
            answers.into_iter().map(|(r, answer)| (key(r), answer)).collect()
        });
        each(&replicas, found, "cannot choose the log dir", |(p, id)| format!("of {p} on broker {id}"), |()| ())
    }

    pub(super) fn reassign(
        &self,
        targets: &[(TopicPartition, Option<Vec<i32>>)],
    ) -> BTreeMap<TopicPartition, Answer<()>> {
        let asked: Vec<_> = targets.iter().map(|(p, replicas)| (theirs(p), replicas.clone())).collect();
        let options = AlterPartitionReassignmentsOptions::default();
        let found = self.wait(self.admin.alter_partition_reassignments(asked, options));
        let found = found.map(|answers| answers.into_iter().map(|(p, answer)| (ours(&p), answer)).collect());
        let partitions: Vec<TopicPartition> = targets.iter().map(|(p, _)| p.clone()).collect();
        each(&partitions, found, "cannot alter the reassignment", |p| format!("of {p}"), |()| ())
    }

    pub(super) fn elect_preferred(&self, partitions: &[TopicPartition]) -> BTreeMap<TopicPartition, Answer<()>> {
        let asked = Some(partitions.iter().map(theirs).collect());
        let options = ElectLeadersOptions::default();
        let found = self.wait(self.admin.elect_leaders(ElectionType::Preferred, asked, options));
        let found = found.map(|answers| answers.into_iter().map(|(p, answer)| (ours(&p), answer)).collect());
        each(partitions, found, "cannot elect the leader", |p| format!("of {p}"), |()| ())
    }
}

fn ours(partition: &krafka::admin::TopicPartition) -> TopicPartition {
    TopicPartition::new(partition.topic.clone(), partition.partition)
}

fn theirs(partition: &TopicPartition) -> krafka::admin::TopicPartition {
    krafka::admin::TopicPartition::new(&partition.topic, partition.partition)
}

/// An answer per item asked for: its own, the call's failure, or that there was none.
fn each<K, T, U>(
    asked: &[K],
    answers: Answers<K, T>,
    what: &str,
    of: impl Fn(&K) -> String,
    convert: impl Fn(T) -> U,
) -> BTreeMap<K, Answer<U>>
where
    K: Clone + Ord + std::hash::Hash,
{
    let mut answers = match answers {
        Ok(answers) => answers,
        Err(failure) => {
            return asked
                .iter()
                .map(|key| (key.clone(), Err(error(&format!("{what} {}", of(key)), &failure))))
                .collect();
        }
    };
    let one = |key: &K| {
        let what = format!("{what} {}", of(key));
        match answers.remove(key) {
            Some(Ok(value)) => Ok(convert(value)),
            Some(Err(failure)) => Err(error(&what, &failure)),
            None => Err(AdminError::new(ErrorKind::Other, format!("{what}: it was left out of the answer"))),
        }
    };
    let mut one = one;
    asked.iter().map(|key| (key.clone(), one(key))).collect()
}

/// A dir that has failed is an answer; any other refusal is not.
fn log_dir((path, found): (String, Result<LogDirDescription, KrafkaError>)) -> Answer<(String, LogDirAnswer)> {
    match found {
        Ok(dir) => {
            let bytes = |n: i64| u64::try_from(n).unwrap_or(0);
            let mut replicas: Vec<_> =
                dir.replicas.iter().map(|(p, r)| (ours(p), bytes(r.size), r.is_future)).collect();
            replicas.sort();
            let answer = LogDirAnswer {
                is_online: true,
                is_cordoned: dir.is_cordoned,
                total_bytes: dir.total_bytes.map(bytes),
                usable_bytes: dir.usable_bytes.map(bytes),
                replicas,
            };
            Ok((path, answer))
        }
        Err(failure) => {
            let answer = error(&format!("cannot describe {path}"), &failure);
            if answer.kind == ErrorKind::StorageError { Ok((path, LogDirAnswer::default())) } else { Err(answer) }
        }
    }
}

fn error(what: &str, failure: &KrafkaError) -> AdminError {
    let kind = match failure {
        KrafkaError::Network(_) | KrafkaError::Timeout { .. } => ErrorKind::Unreachable,
        KrafkaError::Auth { .. } => ErrorKind::Authentication,
        KrafkaError::Config { .. } => ErrorKind::Configuration,
        KrafkaError::Protocol { kind: krafka::error::ProtocolErrorKind::UnknownApiVersion, .. } => {
            ErrorKind::Unsupported
        }
        KrafkaError::Broker { code, .. } => kind_of(*code),
        _ => ErrorKind::Other,
    };
    if let (ErrorKind::Denied, KrafkaError::Broker { code, .. }) = (kind, failure) {
        // The brokers' own text prints the whole request.
        return AdminError::new(kind, format!("{what}: the principal may not ({code:?})"));
    }
    let cause = std::error::Error::source(failure).map(|cause| cause.to_string());
    let told = failure.to_string();
    // The crate's own text often ends in its cause already.
    let rest = cause.filter(|cause| !told.contains(cause.as_str())).map(|c| format!(": {c}")).unwrap_or_default();
    AdminError::new(kind, format!("{what}: {told}{rest}"))
}

fn kind_of(code: ErrorCode) -> ErrorKind {
    match code {
        ErrorCode::SaslAuthenticationFailed | ErrorCode::UnsupportedSaslMechanism | ErrorCode::IllegalSaslState => {
            ErrorKind::Authentication
        }
        ErrorCode::ClusterAuthorizationFailed | ErrorCode::TopicAuthorizationFailed => ErrorKind::Denied,
        ErrorCode::UnsupportedVersion => ErrorKind::Unsupported,
        ErrorCode::ReplicaNotAvailable => ErrorKind::ReplicaNotAvailable,
        ErrorCode::LogDirNotFound => ErrorKind::LogDirNotFound,
        ErrorCode::KafkaStorageException => ErrorKind::StorageError,
        ErrorCode::NoReassignmentInProgress => ErrorKind::NoReassignment,
        ErrorCode::UnknownTopicOrPartition => ErrorKind::NotFound,
        _ => ErrorKind::Other,
    }
}

/// The crate's settings for `properties`.
fn auth(properties: &ClientProperties) -> Answer<AuthConfig> {
    let sasl = properties.sasl.as_ref().map(|sasl| {
        let (user, password) = (sasl.username.clone(), sasl.password.expose().to_owned());
        match sasl.mechanism {
            Mechanism::Plain => Ok(AuthConfig::sasl_plain(user, password)),
            Mechanism::ScramSha256 => Ok(AuthConfig::sasl_scram_sha256(user, password)),
            Mechanism::ScramSha512 => Ok(AuthConfig::sasl_scram_sha512(user, password)),
            Mechanism::Gssapi => {
                let message = "Kerberos (GSSAPI) serves for metadata, configs and offsets only: log dirs and \
                               reassignments need PLAIN, SCRAM or a client certificate";
                Err(AdminError::new(ErrorKind::Unsupported, message))
            }
        }
    });
    let sasl = sasl.transpose()?;
    if !properties.is_encrypted {
        return Ok(sasl.unwrap_or_else(AuthConfig::plaintext));
    }
    let tls = tls(properties);
    Ok(match sasl {
        Some(sasl) => sasl.with_tls(tls),
        None => AuthConfig::ssl(tls),
    })
}

fn tls(properties: &ClientProperties) -> TlsConfig {
    let mut tls = TlsConfig::new();
    tls = match &properties.tls.ca {
        Some(Pem::File(path)) => tls.with_ca_cert(path.display().to_string()),
        Some(Pem::Text(text)) => tls.with_ca_cert_pem(text.expose().as_bytes().to_vec()),
        None => tls.with_native_roots(),
    };
    match (&properties.tls.certificate, &properties.tls.key) {
        (Some(Pem::File(certificate)), Some(Pem::File(key))) => {
            tls.with_client_cert(certificate.display().to_string(), key.display().to_string())
        }
        (Some(Pem::Text(certificate)), Some(Pem::Text(key))) => {
            tls.with_client_cert_pem(certificate.expose().as_bytes().to_vec(), key.expose().as_bytes().to_vec())
        }
        _ => tls,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dir_that_failed_is_an_answer_and_a_refusal_is_not() {
        let answer = |code| log_dir(("/d".to_owned(), Err(KrafkaError::broker(code, "told so"))));
        let offline = answer(ErrorCode::KafkaStorageException).map(|(_, dir)| dir.is_online);
        assert_eq!(offline, Ok(false));
        let denied = answer(ErrorCode::ClusterAuthorizationFailed).map_err(|error| error.kind);
        assert_eq!(denied, Err(ErrorKind::Denied));
    }

    #[test]
    fn every_item_asked_for_is_answered() {
        let answers = HashMap::from([(1, Ok(10)), (2, Err(KrafkaError::timeout("DescribeLogDirs")))]);
        let found = each(&[1, 2, 3], Ok(answers), "cannot ask", |id| format!("broker {id}"), |n: i32| n + 1);
        assert_eq!(found.get(&1), Some(&Ok(11)));
        assert_eq!(found.get(&2).and_then(|a| a.as_ref().err()).map(|e| e.kind), Some(ErrorKind::Unreachable));
        let left_out = found.get(&3).and_then(|a| a.as_ref().err()).map(|e| e.message.clone());
        assert_eq!(left_out.as_deref(), Some("cannot ask broker 3: it was left out of the answer"));
    }
}
