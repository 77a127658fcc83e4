//! `kafka-configs --describe`: what brokers and topics are set to, as far as a snapshot holds it.
//!
//! `--all` prints every setting, without it only those changed at run time: `broker.rack` is among the former. Values
//! may hold commas, spaces and equals signs; a line's value ends before its last ` sensitive=`. Kafka before 2.5 puts
//! a topic's settings on one line, as the header of `kafka-topics --describe` does to this day.

use std::collections::BTreeMap;

use super::codes;
use super::text::{Line, Place, Reader, broker_id, excerpt, is_printable, is_topic_name, lines};

const TOOL: &str = "kafka-configs --describe";

/// What a snapshot holds of a topic's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TopicConfig {
    pub(super) min_insync_replicas: Option<u32>,
    pub(super) cleanup_policy: Option<String>,
    pub(super) retention_ms: Option<i64>,
    pub(super) retention_bytes: Option<i64>,
}

/// What a snapshot uses of a broker's settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct BrokerConfig {
    pub(super) rack: Option<String>,
    /// Log dirs that take nothing new (KIP-1066); `*` stands for all.
    pub(super) cordoned: Vec<String>,
    /// Whether `process.roles` says that the node is a controller alone.
    pub(super) is_controller_only: bool,
    /// What topics without a setting of their own take.
    pub(super) topic_defaults: TopicConfig,
    retention: Retention,
}

/// Kafka takes the finest unit that is set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Retention {
    ms: Option<i64>,
    minutes: Option<i64>,
    hours: Option<i64>,
}

/// All that the files say.
#[derive(Clone, Debug, Default)]
pub(super) struct Configs {
    pub(super) brokers: BTreeMap<i32, BrokerConfig>,
    pub(super) topics: BTreeMap<String, TopicConfig>,
    /// The cluster-wide broker settings made at run time.
    pub(super) cluster: BrokerConfig,
}

/// Whom the lines that follow are about.
pub(super) enum Entity {
    Broker(i32),
    Cluster,
    Topic(String),
    /// Users, clients, groups: not ours.
    Other,
}

impl Configs {
    /// Reads a file on top of those before it.
    pub(super) fn read(&mut self, text: &str, reader: &mut Reader<'_>) {
        let mut entity = None;
        let mut found = false;
        for line in lines(text) {
            if let Some((named, rest)) = heading(line, reader) {
                found = true;
                self.mention(&named);
                // The text after "are" starts where the line has that much left.
                let offset = line.text.len() - rest.len();
                self.read_inline(&named, line, rest, offset, reader);
                entity = Some(named);
            } else if let Some(entity) = entity.as_ref().filter(|_| line.text.starts_with([' ', '\t'])) {
                self.read_entry(entity, line, reader);
            } else if !line.text.is_empty() {
                reader.unknown(line);
            }
        }
        reader.finish(TOOL);
        if !found {
            reader.nothing("configs", TOOL);
        }
    }

    /// What a topic without a setting of its own takes: the cluster's, else the brokers' where they agree.
    pub(super) fn topic_defaults(&self) -> TopicConfig {
        let brokers: Vec<TopicConfig> = self.brokers.values().map(BrokerConfig::effective_topic_defaults).collect();
        let agreed = TopicConfig {
            min_insync_replicas: agreed(&brokers, |c| c.min_insync_replicas),
            cleanup_policy: agreed(&brokers, |c| c.cleanup_policy.clone()),
            retention_ms: agreed(&brokers, |c| c.retention_ms),
            retention_bytes: agreed(&brokers, |c| c.retention_bytes),
        };
        self.cluster.effective_topic_defaults().or(&agreed)
    }

    fn mention(&mut self, entity: &Entity) {
        match entity {
            Entity::Broker(id) => drop(self.brokers.entry(*id).or_default()),
            Entity::Topic(name) => drop(self.topics.entry(name.clone()).or_default()),
            Entity::Cluster | Entity::Other => {}
        }
    }

    fn read_inline(&mut self, entity: &Entity, line: Line<'_>, text: &str, offset: usize, reader: &mut Reader<'_>) {
        for (key, value, start) in config_list(text) {
            self.set(entity, key, value, line.place(offset + start), reader);
        }
    }

    fn read_entry(&mut self, entity: &Entity, line: Line<'_>, reader: &mut Reader<'_>) {
        let Some((key, rest)) = line.text.split_once('=') else { return reader.unknown(line) };
        let end = rest.rfind(" sensitive=").or_else(|| rest.find(" synonyms=")).unwrap_or(rest.len());
        self.set(entity, key.trim(), rest[..end].trim(), line.place(key.len() + 1), reader);
    }

    fn set(&mut self, entity: &Entity, key: &str, value: &str, place: Place, reader: &mut Reader<'_>) {
        let result = match entity {
            Entity::Broker(id) => self.brokers.entry(*id).or_default().set(key, value),
            Entity::Cluster => self.cluster.set(key, value),
            Entity::Topic(name) => self.topics.entry(name.clone()).or_default().set(key, value),
            Entity::Other => Ok(()),
        };
        if let Err(wanted) = result {
            reject(key, value, &wanted, place, reader);
        }
    }
}

impl TopicConfig {
    /// Reads `k=v,k=v`, the form of a header of `kafka-topics --describe`.
    pub(super) fn read_list(&mut self, line: Line<'_>, text: &str, offset: usize, reader: &mut Reader<'_>) {
        for (key, value, start) in config_list(text) {
            if let Err(wanted) = self.set(key, value) {
                reject(key, value, &wanted, line.place(offset + start), reader);
            }
        }
    }

    /// Each setting, `other`'s where this has none.
    pub(super) fn or(&self, other: &Self) -> Self {
        Self {
            min_insync_replicas: self.min_insync_replicas.or(other.min_insync_replicas),
            cleanup_policy: self.cleanup_policy.clone().or_else(|| other.cleanup_policy.clone()),
            retention_ms: self.retention_ms.or(other.retention_ms),
            retention_bytes: self.retention_bytes.or(other.retention_bytes),
        }
    }

    /// Takes over a setting that a snapshot holds; an error says what its value should have been.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "min.insync.replicas" => self.min_insync_replicas = replicas(value)?,
            "cleanup.policy" => self.cleanup_policy = policy(value)?,
            "retention.ms" => self.retention_ms = limit(value)?,
            "retention.bytes" => self.retention_bytes = limit(value)?,
            _ => {}
        }
        Ok(())
    }
}

impl BrokerConfig {
    /// Takes over a setting that a snapshot uses; an error says what its value should have been.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let is_set = !value.is_empty() && value != "null";
        match key {
            "broker.rack" if is_set && !is_printable(value) => return Err("a name without control characters".into()),
            "broker.rack" => self.rack = is_set.then(|| value.to_owned()),
            "cordoned.log.dirs" => {
                let dirs = value.split(',').map(str::trim).filter(|dir| is_set && !dir.is_empty());
                self.cordoned = dirs.map(str::to_owned).collect();
            }
            "process.roles" => self.is_controller_only = value == "controller",
            "min.insync.replicas" => self.topic_defaults.min_insync_replicas = replicas(value)?,
            "log.cleanup.policy" => self.topic_defaults.cleanup_policy = policy(value)?,
            "log.retention.bytes" => self.topic_defaults.retention_bytes = limit(value)?,
            "log.retention.ms" => self.retention.ms = limit(value)?,
            "log.retention.minutes" => self.retention.minutes = limit(value)?,
            "log.retention.hours" => self.retention.hours = limit(value)?,
            _ => {}
        }
        Ok(())
    }

    fn effective_topic_defaults(&self) -> TopicConfig {
        let Retention { ms, minutes, hours } = self.retention;
        let in_ms = |amount: i64, unit_ms: i64| if amount < 0 { -1 } else { amount.saturating_mul(unit_ms) };
        let coarse = minutes.map(|m| in_ms(m, 60_000)).or_else(|| hours.map(|h| in_ms(h, 3_600_000)));
        TopicConfig { retention_ms: ms.or(coarse), ..self.topic_defaults.clone() }
    }
}

/// The value that all give, none where any differs or gives none.
fn agreed<T: PartialEq>(configs: &[TopicConfig], value: impl Fn(&TopicConfig) -> Option<T>) -> Option<T> {
    let first = configs.first().and_then(&value);
    if configs.iter().all(|config| value(config) == first) { first } else { None }
}

fn reject(key: &str, value: &str, wanted: &str, place: Place, reader: &mut Reader<'_>) {
    let message = format!("{key} is {:?}, not {wanted}", excerpt(value));
    reader.error(codes::CONFIG_VALUE, place, message, "capture the configs again");
}

/// Kafka writes `null` for what is not set.
fn unless_null<T>(value: &str, parsed: Option<T>, wanted: &str) -> Result<Option<T>, String> {
    if value == "null" || value.is_empty() {
        return Ok(None);
    }
    parsed.map(Some).ok_or_else(|| wanted.to_owned())
}

fn replicas(value: &str) -> Result<Option<u32>, String> {
    unless_null(value, value.parse().ok(), "a number of replicas")
}

fn limit(value: &str) -> Result<Option<i64>, String> {
    unless_null(value, value.parse().ok().filter(|n: &i64| *n >= -1), "a number from -1")
}

fn policy(value: &str) -> Result<Option<String>, String> {
    let known = |part: &str| matches!(part.trim(), "compact" | "delete" | "none");
    let all_known = value.split(',').all(known);
    unless_null(value, all_known.then(|| value.to_owned()), "compact, delete or both")
}

/// The entity that a heading names, and what follows it on the line: `Dynamic configs for broker 1 are:`, `All configs
/// for topic orders are:`, `Default configs for brokers in the cluster are:`, `Configs for topic 'orders' are k=v`.
pub(super) fn heading<'t>(line: Line<'t>, reader: &mut Reader<'_>) -> Option<(Entity, &'t str)> {
    if line.text.starts_with([' ', '\t']) {
        return None;
    }
    let (before, after) = line.text.split_once("onfigs for ")?;
    if !before.ends_with(['C', 'c']) {
        return None;
    }
    let (subject, rest) = after.split_once(" are").unwrap_or((after, ""));
    let rest = rest.trim_start_matches(':').trim_start();
    let (kind, name) = subject.split_once(' ').unwrap_or((subject, ""));
    let name = name.trim().trim_matches('\'');
    let entity = match kind.trim_matches('\'') {
        "broker" => match broker_id(name) {
            Some(id) => Entity::Broker(id),
            None => bad_name(line, subject, "broker id", reader),
        },
        "brokers" => Entity::Cluster,
        "topic" if is_topic_name(name) => Entity::Topic(name.to_owned()),
        "topic" => bad_name(line, subject, "topic name", reader),
        _ => Entity::Other,
    };
    Some((entity, rest))
}

fn bad_name(line: Line<'_>, subject: &str, wanted: &str, reader: &mut Reader<'_>) -> Entity {
    let place = line.place(line.text.find(subject).unwrap_or(0));
    let message = format!("{:?} does not end in a {wanted}", excerpt(subject));
    reader.error(codes::BAD_NAME, place, message, "capture the configs again");
    Entity::Other
}

/// Keys, values and the values' offsets of `k=v,k=v`. A comma divides only where a key and an equals sign follow: values
/// such as `compact,delete` or `0:4,1:5` hold commas too.
fn config_list(text: &str) -> Vec<(&str, &str, usize)> {
    let mut found: Vec<(&str, usize, usize)> = Vec::new();
    let mut start = 0;
    for part in text.split(',') {
        match part.split_once('=').filter(|(key, _)| is_key(key)) {
            Some((key, _)) => found.push((key, start + key.len() + 1, start + part.len())),
            None => {
                if let Some((_, _, end)) = found.last_mut() {
                    *end = start + part.len();
                }
            }
        }
        start += part.len() + 1;
    }
    found.into_iter().map(|(key, from, to)| (key.trim(), &text[from..to], from)).collect()
}

pub(super) fn is_key(text: &str) -> bool {
    let key = text.trim();
    key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::ingest::fault::Faults;

    fn read(texts: &[&str]) -> (Configs, Faults) {
        let mut faults = Faults::default();
        let mut configs = Configs::default();
        for text in texts {
            configs.read(text, &mut Reader::new(Path::new("configs.txt"), &mut faults));
        }
        (configs, faults)
    }

    #[test]
    fn values_with_commas_stay_whole() {
        let text = "leader.replication.throttled.replicas=0:1,0:2,cleanup.policy=compact,delete,preallocate=true";
        let list: Vec<(&str, &str)> = config_list(text).into_iter().map(|(k, v, _)| (k, v)).collect();
        let wanted = [
            ("leader.replication.throttled.replicas", "0:1,0:2"),
            ("cleanup.policy", "compact,delete"),
            ("preallocate", "true"),
        ];
        assert_eq!(list, wanted);
    }

    #[test]
    fn captured_broker_settings_give_the_rack_and_what_topics_take() {
        let (configs, faults) = read(&[include_str!("../../../fixtures/kafka-cli/healthy/broker-configs-1.txt")]);
        assert_eq!(faults, Faults::default());
        assert_eq!(configs.brokers[&1].rack.as_deref(), Some("rack-1"));
        assert!(configs.brokers[&1].cordoned.is_empty());
        assert!(!configs.brokers[&1].is_controller_only);
        let defaults = configs.topic_defaults();
        assert_eq!(defaults.retention_ms, Some(7 * 24 * 3_600_000));
        assert_eq!(defaults.cleanup_policy.as_deref(), Some("delete"));
        assert_eq!((defaults.min_insync_replicas, defaults.retention_bytes), (Some(1), Some(-1)));
    }

    #[test]
    fn captured_topic_settings_are_read() {
        let (configs, faults) = read(&[include_str!("../../../fixtures/kafka-cli/healthy/topic-configs.txt")]);
        assert_eq!(faults, Faults::default());
        assert_eq!(configs.topics["clicks"].retention_bytes, Some(200_000_000));
        assert_eq!(configs.topics["orders"].min_insync_replicas, Some(2));
        assert_eq!(configs.topics["audit.log"].retention_ms, Some(86_400_000));
        assert_eq!(configs.topics["hot_single"], TopicConfig::default());
    }

    #[test]
    fn older_forms_are_read() {
        let (configs, faults) = read(&[
            "Configs for topic 'orders' are retention.ms=1,cleanup.policy=compact,delete\nConfigs for broker 3 are",
        ]);
        assert_eq!(faults, Faults::default());
        assert_eq!(configs.topics["orders"].retention_ms, Some(1));
        assert_eq!(configs.topics["orders"].cleanup_policy.as_deref(), Some("compact,delete"));
        assert!(configs.brokers.contains_key(&3));
    }

    #[test]
    fn brokers_that_disagree_give_no_default_and_the_cluster_overrules_them() {
        let brokers = "All configs for broker 1 are:\n  log.retention.hours=1 sensitive=false synonyms={}\n\
                       All configs for broker 2 are:\n  log.retention.hours=2 sensitive=false synonyms={}\n";
        assert_eq!(read(&[brokers]).0.topic_defaults().retention_ms, None);
        let cluster = "Default configs for brokers in the cluster are:\n  log.retention.ms=5 sensitive=false\n";
        assert_eq!(read(&[brokers, cluster]).0.topic_defaults().retention_ms, Some(5));
    }

    #[test]
    fn values_that_cannot_be_are_found_at_their_place() {
        let (_, faults) = read(&["Dynamic configs for topic t are:\n  retention.ms=soon sensitive=false synonyms={}"]);
        let fault = faults.list.first().unwrap();
        assert_eq!((fault.code, fault.line, fault.column), (codes::CONFIG_VALUE, Some(2), Some(16)));
    }

    #[test]
    fn cordoned_dirs_are_a_list() {
        let (configs, _) =
            read(&["All configs for broker 1 are:\n  cordoned.log.dirs=/a, /b sensitive=false synonyms={}"]);
        assert_eq!(configs.brokers[&1].cordoned, ["/a", "/b"]);
    }
}
