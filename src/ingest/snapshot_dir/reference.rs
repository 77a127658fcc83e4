//! What a row says of other tables' rows, resolved to indices.
//!
//! A reference is judged only where the table that it points into was read in full: a row lost there has a fault of its
//! own already, and would bring hundreds of others with it.

use super::brokers::Brokers;
use super::table::Row;
use super::topics::Topics;
use crate::ingest::codes;
use crate::model::{BrokerIdx, TopicIdx};

/// The broker with Kafka id `id`, named in `column`.
pub(super) fn broker_reference(
    row: &mut Row<'_>,
    column: usize,
    id: u64,
    brokers: Option<&Brokers<'_>>,
) -> Option<BrokerIdx> {
    let brokers = brokers?;
    let found = i32::try_from(id).ok().and_then(|id| brokers.find(id));
    if found.is_none() && !brokers.table.findings.lost_rows {
        row.error(Some(column), codes::NOT_LISTED, || {
            (
                format!("broker {id} is not listed in brokers.csv"),
                "add its row; a broker that is gone has state dead".to_owned(),
            )
        });
    }
    found
}

/// The topic that the last row of a piece named: rows come in runs of one topic.
#[derive(Default)]
pub(super) struct LastTopic {
    name: Vec<u8>,
    topic: Option<TopicIdx>,
}

/// The topic called `name`, named in `column`.
pub(super) fn topic_reference(
    row: &mut Row<'_>,
    column: usize,
    name: &[u8],
    topics: Option<&Topics<'_>>,
    last: &mut LastTopic,
) -> Option<TopicIdx> {
    let topics = topics?;
    if last.topic.is_some() && last.name == name {
        return last.topic;
    }
    let found = topics.find(name);
    if found.is_none() && !topics.table.findings.lost_rows {
        row.error(Some(column), codes::NOT_LISTED, || {
            let shown = super::field::shown(name);
            (format!("topic {shown} is not listed in topics.csv"), "add its row, or remove this one".to_owned())
        });
    }
    last.name.clear();
    last.name.extend_from_slice(name);
    last.topic = found;
    found
}
