//! First and end offsets of many partitions, one request per leader: librdkafka looks offsets up by time in batches, and
//! takes the protocol's own marks for the beginning and the end in place of a time.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::{LastLog, RdkafkaClient, settings};
use crate::live::admin::{AdminError, Answer, ErrorKind, OffsetsAnswer, TopicPartition};
use crate::live::properties::ClientProperties;

/// First and end offsets of `partitions`, as far as they are answered within `timeout` each.
pub(in crate::live) fn offsets(
    bootstrap: &str,
    properties: &ClientProperties,
    timeout: Duration,
    partitions: &[TopicPartition],
) -> BTreeMap<TopicPartition, Answer<OffsetsAnswer>> {
    if partitions.is_empty() {
        return BTreeMap::new();
    }
    let log = LastLog::default();
    let made = BaseConsumer::from_config_and_context(&settings(bootstrap, properties, timeout), log.clone());
    let both = made.and_then(|consumer: BaseConsumer<LastLog>| {
        let marks = |mark: Offset| listed(&consumer, partitions, mark, timeout);
        Ok((marks(Offset::Beginning)?, marks(Offset::End)?))
    });
    let what = |partition: &TopicPartition| format!("cannot list offsets of {partition}");
    let one = |partition: &TopicPartition| match &both {
        Err(failure) => Err(RdkafkaClient::error_with(&log, &what(partition), failure)),
        Ok((starts, ends)) => match (starts.get(partition), ends.get(partition)) {
            (Some(&start), Some(&end)) => Ok(OffsetsAnswer { start, end }),
            _ => Err(AdminError::new(ErrorKind::Other, format!("{}: nothing was answered", what(partition)))),
        },
    };
    partitions.iter().map(|partition| (partition.clone(), one(partition))).collect()
}

/// The offsets at `mark`; partitions that failed are not among them.
fn listed(
    consumer: &BaseConsumer<LastLog>,
    partitions: &[TopicPartition],
    mark: Offset,
    timeout: Duration,
) -> Result<BTreeMap<TopicPartition, i64>, KafkaError> {
    let mut asked = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        asked.add_partition_offset(&partition.topic, partition.partition, mark)?;
    }
    let found = consumer.offsets_for_times(asked, timeout)?;
    let known = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| match element.offset() {
        Offset::Offset(offset) if element.error().is_ok() => {
            Some((TopicPartition::new(element.topic(), element.partition()), offset))
        }
        _ => None,
    };
    Ok(found.elements().iter().filter_map(known).collect())
}
