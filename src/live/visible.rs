//! What the principal may not see: brokers leave out, without a word, topics that it may not describe. What lies in the
//! log dirs gives them away.

use std::collections::{BTreeMap, BTreeSet};

use super::admin::{AdminError, Answer, ErrorKind, LogDirs, TopicsAnswer};

/// Names in `missing` the topics that only the log dirs know.
///
/// # Errors
/// [`ErrorKind::Denied`] where no topic is to be seen, although there are some or that cannot be told: a snapshot of
/// brokers alone is of no use.
pub(super) fn judge(
    topics: &TopicsAnswer,
    dirs: &BTreeMap<i32, Answer<LogDirs>>,
    missing: &mut Vec<String>,
) -> Answer<()> {
    let known: BTreeSet<&str> = topics.partitions.keys().map(|p| p.topic.as_str()).collect();
    let told: Vec<&LogDirs> = dirs.values().filter_map(|dirs| dirs.as_ref().ok()).filter(|d| !d.is_empty()).collect();
    let lying =
        told.iter().flat_map(|dirs| dirs.values()).flat_map(|dir| &dir.replicas).map(|(p, ..)| p.topic.as_str());
    let hidden: BTreeSet<&str> = lying.filter(|topic| !known.contains(topic)).collect();
    if known.is_empty() && (told.is_empty() || !hidden.is_empty()) {
        let lie = match hidden.len() {
            0 => "nor may it describe log dirs".to_owned(),
            number => format!("although log dirs hold replicas of {number}"),
        };
        return Err(AdminError::new(ErrorKind::Denied, format!("this principal sees no topic, {lie}")));
    }
    if let Some(first) = hidden.first() {
        missing.push(format!(
            "{} topics that only log dirs know, such as {first}: deleted meanwhile, or the principal may not describe \
             them; their bytes count as other use",
            hidden.len()
        ));
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::live::admin::{LogDirAnswer, PartitionAnswer, TopicPartition};

    fn seeing(topics: &[&str]) -> TopicsAnswer {
        let one = |topic: &&str| (TopicPartition::new(*topic, 0), PartitionAnswer::default());
        TopicsAnswer { partitions: topics.iter().map(one).collect(), ..TopicsAnswer::default() }
    }

    fn holding(topics: &[&str]) -> BTreeMap<i32, Answer<LogDirs>> {
        let replicas = topics.iter().map(|topic| (TopicPartition::new(*topic, 0), 10, false)).collect();
        let dir = LogDirAnswer { is_online: true, replicas, ..LogDirAnswer::default() };
        BTreeMap::from([(1, Ok(LogDirs::from([("/d".to_owned(), dir)])))])
    }

    #[test]
    fn topics_that_only_log_dirs_know_are_named_and_nothing_at_all_is_refused() {
        let denied = || BTreeMap::from([(1, Err(AdminError::new(ErrorKind::Denied, "no"))), (2, Ok(LogDirs::new()))]);
        let mut missing = Vec::new();
        assert_eq!(judge(&seeing(&["a"]), &holding(&["a"]), &mut missing), Ok(()));
        assert_eq!(judge(&seeing(&["a"]), &denied(), &mut missing), Ok(()));
        assert_eq!(judge(&seeing(&[]), &holding(&[]), &mut missing), Ok(()), "a cluster without topics");
        assert_eq!(missing, Vec::<String>::new());
        assert_eq!(judge(&seeing(&["a"]), &holding(&["a", "b", "c"]), &mut missing), Ok(()));
        assert!(missing[0].starts_with("2 topics that only log dirs know, such as b:"), "{missing:?}");
        for dirs in [holding(&["a"]), denied()] {
            assert_eq!(judge(&seeing(&[]), &dirs, &mut missing).unwrap_err().kind, ErrorKind::Denied);
        }
    }
}
