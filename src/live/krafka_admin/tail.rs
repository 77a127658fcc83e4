//! Records that librdkafka is built without a codec for: those compressed with Zstandard. No consumer group is joined and
//! nothing is committed.

use std::time::Duration;

use krafka::consumer::Consumer;
use krafka::error::KrafkaError;

use super::{KrafkaAdmin, error};
use crate::live::admin::{AdminError, Answer, ErrorKind};
use crate::live::rdkafka_client::Unread;

/// How long one poll waits; silence is counted in these.
const POLL: Duration = Duration::from_millis(500);

impl KrafkaAdmin {
    /// Calls `take` with the value of every record of `topic` that `unread` names, a record without a value being an empty
    /// one. Within a partition they come in order. `progress` is told the share that is read (0–1).
    pub(in crate::live) fn read(
        &self,
        topic: &str,
        mut unread: Unread,
        take: &mut dyn FnMut(&[u8]),
        progress: &dyn Fn(f64),
    ) -> Answer<()> {
        let fail = |failure: KrafkaError| error(&format!("cannot read topic {topic}"), &failure);
        let consumer = self.wait(self.consumer(topic, &unread)).map_err(fail)?;
        let left = |unread: &Unread| unread.values().map(|(at, end)| (end - at) as f64).sum::<f64>();
        let all = left(&unread).max(1.0);
        let mut silent = Duration::ZERO;
        while !unread.is_empty() {
            let records = self.wait(consumer.poll(POLL)).map_err(fail)?;
            silent = if records.is_empty() { silent + POLL } else { Duration::ZERO };
            for record in &records {
                let Some((at, end)) = unread.get_mut(&record.partition) else { continue };
                if record.offset < *end {
                    take(record.value.as_deref().unwrap_or_default());
                }
                *at = record.offset.saturating_add(1);
            }
            self.wait(past_what_holds_no_records(&consumer, topic, &mut unread));
            unread.retain(|_, (at, end)| at < end);
            progress(1.0 - left(&unread) / all);
            if silent >= self.timeout {
                let message = format!("topic {topic}: {} partitions gave nothing for {:?}", unread.len(), self.timeout);
                return Err(AdminError::new(ErrorKind::Unreachable, message));
            }
        }
        // Nobody waits for what a reader of no group says at its end.
        drop(self.wait(consumer.close()));
        Ok(())
    }

    async fn consumer(&self, topic: &str, unread: &Unread) -> Result<Consumer, KrafkaError> {
        let builder = self.kafka.consumer_without_group().enable_auto_commit(false).metrics_push(false);
        let consumer = builder.build().await?;
        consumer.assign(topic, unread.keys().copied().collect()).await?;
        for (partition, (at, _)) in unread {
            consumer.seek(topic, *partition, *at).await?;
        }
        Ok(consumer)
    }
}

/// Control records and compaction may leave nothing at the last offsets: the consumer's position passes them.
async fn past_what_holds_no_records(consumer: &Consumer, topic: &str, unread: &mut Unread) {
    for (partition, (at, _)) in unread.iter_mut() {
        if let Some(position) = consumer.position(topic, *partition).await {
            *at = position.max(*at);
        }
    }
}
