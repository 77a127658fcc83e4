//! The last records of a topic, read without a consumer group's offsets: nothing is committed, nobody is rebalanced.
//! librdkafka asks for the group's coordinator all the same, upon which a cluster that never had a consumer group creates
//! `__consumer_offsets`.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use super::{LastLog, RdkafkaClient, settings};
use crate::live::admin::{AdminError, Answer, ErrorKind};
use crate::live::properties::ClientProperties;

/// How long one poll waits; silence is counted in these.
const POLL: Duration = Duration::from_millis(500);

impl ConsumerContext for LastLog {}

/// Calls `take` with the value of every record of `topic` that is not older than `since_ms` (milliseconds since 1970) and
/// is there when it is asked; a record without a value is an empty one. Within a partition they come in order. `progress`
/// is told the share that is read (0–1). What is left unread is compressed in a way that this librdkafka is built without.
pub(in crate::live) fn tail(
    bootstrap: &str,
    properties: &ClientProperties,
    timeout: Duration,
    (topic, since_ms): (&str, i64),
    take: &mut dyn FnMut(&[u8]),
    progress: &dyn Fn(f64),
) -> Answer<Unread> {
    let log = LastLog::default();
    let mut config = settings(bootstrap, properties, timeout);
    // The name is needed to be assigned partitions; offsets are neither read nor committed under it.
    config.set("group.id", "evenkeel").set("enable.auto.commit", "false").set("enable.partition.eof", "true");
    let consumer: BaseConsumer<LastLog> = BaseConsumer::from_config_and_context(&config, log.clone())
        .map_err(|e| AdminError::new(ErrorKind::Configuration, format!("cannot set up librdkafka: {e}")))?;
    let reader = Tail { consumer, log, timeout, topic };
    let mut open = reader.assign(since_ms)?;
    reader.read(&mut open, take, progress)?;
    Ok(open)
}

struct Tail<'t> {
    consumer: BaseConsumer<LastLog>,
    log: LastLog,
    timeout: Duration,
    topic: &'t str,
}

/// The next offset to read and the one to end before, by partition.
pub(in crate::live) type Unread = BTreeMap<i32, (i64, i64)>;

impl Tail<'_> {
    /// Where to read from and up to.
    fn assign(&self, since_ms: i64) -> Answer<Unread> {
        let (topic, consumer) = (self.topic, &self.consumer);
        let what = format!("cannot read topic {topic}");
        let metadata = consumer.fetch_metadata(Some(topic), self.timeout).map_err(|error| self.error(&what, &error))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        if let Some(code) = found.and_then(|found| found.error()).map(RDKafkaErrorCode::from) {
            return Err(super::error_of(code, format!("{what}: {code}")));
        }
        let ids: Vec<i32> = found.iter().flat_map(|found| found.partitions()).map(|p| p.id()).collect();
        if ids.is_empty() {
            return Err(AdminError::new(ErrorKind::NotFound, format!("{what}: there is no such topic")));
        }
        let mut times = TopicPartitionList::new();
        let mut ends = BTreeMap::new();
        for id in ids {
            let marks = consumer.fetch_watermarks(topic, id, self.timeout);
            let (_, end) = marks.map_err(|error| self.error(&what, &error))?;
            ends.insert(id, end);
            times.add_partition_offset(topic, id, Offset::Offset(since_ms)).map_err(|e| self.error(&what, &e))?;
        }
        let starts = consumer.offsets_for_times(times, self.timeout).map_err(|error| self.error(&what, &error))?;
        let mut open = Unread::new();
        let mut assigned = TopicPartitionList::new();
        for element in starts.elements_for_topic(topic) {
            // A partition without a record so young starts at its end.
            let (Offset::Offset(start), Some(&end)) = (element.offset(), ends.get(&element.partition())) else {
                continue;
            };
            if start < end {
                open.insert(element.partition(), (start, end));
                let offset = Offset::Offset(start);
                assigned
                    .add_partition_offset(topic, element.partition(), offset)
                    .map_err(|error| self.error(&what, &error))?;
            }
        }
        consumer.assign(&assigned).map_err(|error| self.error(&what, &error))?;
        Ok(open)
    }

    fn read(&self, open: &mut Unread, take: &mut dyn FnMut(&[u8]), progress: &dyn Fn(f64)) -> Answer<()> {
        let left = |open: &Unread| open.values().map(|(at, end)| (end - at) as f64).sum::<f64>();
        let all = left(open).max(1.0);
        let mut silent = Duration::ZERO;
        while !open.is_empty() {
            match self.consumer.poll(POLL) {
                Some(Ok(message)) => {
                    silent = Duration::ZERO;
                    let Some((at, end)) = open.get_mut(&message.partition()) else { continue };
                    if message.offset() < *end {
                        take(message.payload().unwrap_or_default());
                    }
                    *at = message.offset() + 1;
                    if *at >= *end {
                        open.remove(&message.partition());
                    }
                    continue;
                }
                // Control records and compaction may leave nothing at the last offsets.
                Some(Err(KafkaError::PartitionEOF(partition))) => drop(open.remove(&partition)),
                Some(Err(error)) if is_of_another_codec(&error) => return Ok(()),
                Some(Err(error)) if is_passing(&error) => silent += POLL,
                Some(Err(error)) => return Err(self.error(&format!("cannot read topic {}", self.topic), &error)),
                None => silent += POLL,
            }
            progress(1.0 - left(open) / all);
            if silent >= self.timeout {
                let (number, topic) = (open.len(), self.topic);
                let message = format!(
                    "topic {topic}: {number} partitions gave nothing for {:?}{}",
                    self.timeout,
                    self.log.aside()
                );
                return Err(AdminError::new(ErrorKind::Unreachable, message));
            }
        }
        Ok(())
    }

    fn error(&self, what: &str, failure: &KafkaError) -> AdminError {
        RdkafkaClient::error_with(&self.log, what, failure)
    }
}

/// Whether records are compressed in a way that librdkafka could read, but not as it is built: `_NOT_IMPLEMENTED`, which
/// its `rd_kafka_msgset_reader_decompress` answers for Zstandard then.
fn is_of_another_codec(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::NotImplemented)
}

/// Whether it is no reason to give up: librdkafka goes on trying. A group is not needed, so that one that may not be
/// described is no loss.
fn is_passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::GroupAuthorizationFailed
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::RequestTimedOut
        )
    )
}
