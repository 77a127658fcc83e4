//! Several clusters behind one name: `what-if federation`'s scenario (docs/what-if-federation.md).

use std::path::Path;

use toml::de::DeTable;

use super::{CODES, Keys, NOT_NEGATIVE, POSITIVE, UTILIZATION, codes, finish, text_of};
use crate::ingest::fault::Faults;
use crate::ingest::toml_reader::TomlReader;

/// A scenario of federation.
#[derive(Clone, Debug, PartialEq)]
pub struct Federation {
    /// What all producers write to the logical cluster, bytes per second.
    pub demand_bytes_per_sec: f64,
    /// Growth of that in a year, a fraction (0.5 for half as much again).
    pub growth_per_year: Option<f64>,
    /// The physical clusters.
    pub cluster: Cluster,
    /// What a broker was measured to carry.
    pub broker: MeasuredBroker,
    /// CPU utilization to plan with, a fraction.
    pub cpu_limit: f64,
    /// CPU utilization that is bearable while clusters are lost, a fraction.
    pub cpu_limit_after_loss: f64,
    /// How many physical clusters may be lost at once.
    pub clusters_lost: u64,
    /// How it grows.
    pub grow: Grow,
    /// Partitions of a keyed topic before and after.
    pub keyed: Option<(u64, u64)>,
    /// Logical topics to be mapped over physical clusters.
    pub topics: Vec<LogicalTopic>,
}

/// A topic as clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalTopic {
    /// Its name.
    pub name: String,
    /// Partitions that clients see.
    pub partitions: u64,
    /// Physical clusters that they lie in; no more than there are partitions.
    pub clusters: u64,
    /// Clusters that the topic is to grow into.
    pub clusters_added: u64,
    /// Whether producers choose partitions by key.
    pub is_keyed: bool,
}

/// What all physical clusters have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// Brokers in each.
    pub brokers: u64,
    /// How many one logical cluster takes at most.
    pub clusters_max: Option<u64>,
    /// Replicas that each holds at most.
    pub replicas_max: Option<u64>,
    /// Bytes that each stores, all replicas.
    pub stored_bytes: Option<f64>,
    /// Replication factor.
    pub replication_factor: u64,
}

/// A measurement of one broker, from which others are scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasuredBroker {
    /// What producers wrote per broker, bytes per second.
    pub bytes_in_per_sec: f64,
    /// CPU utilization meanwhile, a fraction.
    pub cpu_utilization: f64,
}

/// The two ways to grow.
#[derive(Clone, Debug, PartialEq)]
pub struct Grow {
    /// Minutes until an added cluster takes traffic.
    pub add_cluster_minutes: Option<f64>,
    /// Brokers that would be added to one physical cluster instead.
    pub brokers_added: u64,
    /// Minutes until the brokers are up, before data moves.
    pub add_brokers_minutes: f64,
    /// Throttle of replication per broker and direction, bytes per second.
    pub throttle_bytes_per_sec: Option<f64>,
}

const KEYS: [&str; 8] =
    ["demand_bytes_per_sec", "growth_per_year", "cluster", "broker", "limits", "grow", "keyed_topic", "topics"];
const TOPIC_KEYS: [&str; 5] = ["name", "partitions", "clusters", "clusters_added", "keyed"];
const CLUSTER_KEYS: [&str; 5] = ["brokers", "clusters_max", "replicas_max", "stored_bytes", "replication_factor"];
const BROKER_KEYS: [&str; 2] = ["bytes_in_per_sec", "cpu_utilization"];
const LIMIT_KEYS: [&str; 3] = ["cpu", "cpu_after_loss", "clusters_lost"];
const GROW_KEYS: [&str; 4] = ["add_cluster_minutes", "brokers_added", "add_brokers_minutes", "throttle_bytes_per_sec"];
const KEYED_KEYS: [&str; 2] = ["partitions_before", "partitions_after"];

/// Partitions of one topic beyond this are slips of the pen: Kafka clusters have some hundred thousand.
const PARTITIONS_MAX: u64 = 1_000_000;
/// Counts beyond this are slips of the pen.
const COUNT_MAX: u64 = 1_000_000_000;
/// The CPU limit where the file has none: Amazon MSK's best practices keep it under 60 %.
const CPU_LIMIT: f64 = 0.60;

/// Reads the scenario in the file at `path`.
///
/// # Errors
/// Every fault in the file.
pub fn read(path: &Path) -> Result<Federation, Faults> {
    parse(path, &text_of(path)?)
}

/// Reads the scenario in `text`, which faults call `path`.
///
/// # Errors
/// Every fault in the text.
pub fn parse(path: &Path, text: &str) -> Result<Federation, Faults> {
    let mut reader = TomlReader::new(path, text, &CODES);
    let found = reader.root().and_then(|root| federation(&mut reader, &root));
    finish(reader, found)
}

fn federation<'t>(reader: &mut TomlReader<'t>, root: &DeTable<'t>) -> Option<Federation> {
    let mut keys = Keys::new(reader, root, 0..0, "", &KEYS);
    let demand_bytes_per_sec = keys.required("demand_bytes_per_sec", POSITIVE);
    let growth_per_year = keys.number("growth_per_year", NOT_NEGATIVE);
    for key in ["cluster", "broker"] {
        if keys.value(key).is_none() {
            keys.missing(&format!("[{key}]"), "docs/what-if-federation.md has an example");
        }
    }
    let topic_tables = keys.tables("topics");
    let [cluster_table, broker_table, limits, grow_table, keyed_table] =
        ["cluster", "broker", "limits", "grow", "keyed_topic"].map(|key| keys.table(key));
    let cluster =
        cluster_table.and_then(|(table, span)| cluster(&mut Keys::new(reader, table, span, "cluster", &CLUSTER_KEYS)));
    let broker = broker_table.and_then(|(table, span)| {
        let mut keys = Keys::new(reader, table, span, "broker", &BROKER_KEYS);
        let (rate, cpu) = (keys.required("bytes_in_per_sec", POSITIVE), keys.required("cpu_utilization", UTILIZATION));
        Some(MeasuredBroker { bytes_in_per_sec: rate?, cpu_utilization: cpu? })
    });
    let (mut cpu_limit, mut after_loss, mut clusters_lost) = (CPU_LIMIT, None, 1);
    if let Some((table, span)) = limits {
        let mut keys = Keys::new(reader, table, span, "limits", &LIMIT_KEYS);
        cpu_limit = keys.number("cpu", UTILIZATION).unwrap_or(cpu_limit);
        after_loss = keys.number("cpu_after_loss", UTILIZATION);
        clusters_lost = keys.whole("clusters_lost", 0, COUNT_MAX).unwrap_or(clusters_lost);
    }
    let grow = grow(reader, grow_table);
    let keyed = keyed_table.and_then(|(table, span)| {
        let mut keys = Keys::new(reader, table, span, "keyed_topic", &KEYED_KEYS);
        for key in KEYED_KEYS {
            if keys.value(key).is_none() {
                keys.missing(key, "write how many partitions the topic has before and after");
            }
        }
        keys.whole(KEYED_KEYS[0], 1, COUNT_MAX).zip(keys.whole(KEYED_KEYS[1], 1, COUNT_MAX))
    });
    let mut topics: Vec<LogicalTopic> = Vec::new();
    for (table, span) in topic_tables {
        let found = topic(&mut Keys::new(reader, table, span.clone(), "topics", &TOPIC_KEYS));
        match found {
            Some(topic) if topics.iter().any(|other| other.name == topic.name) => {
                let message = format!("topic {:?} is listed twice", topic.name);
                reader.error(span, codes::DUPLICATE, message, "give each topic one entry");
            }
            found => topics.extend(found),
        }
    }
    Some(Federation {
        demand_bytes_per_sec: demand_bytes_per_sec?,
        growth_per_year,
        cluster: cluster?,
        broker: broker?,
        cpu_limit,
        cpu_limit_after_loss: after_loss.unwrap_or(cpu_limit.max(CPU_LIMIT)),
        clusters_lost,
        grow,
        keyed,
        topics,
    })
}

fn topic(keys: &mut Keys<'_, '_, '_>) -> Option<LogicalTopic> {
    let name = keys.required_text("name");
    for key in ["partitions", "clusters"] {
        if keys.value(key).is_none() {
            keys.missing(key, "write how many partitions clients see, and in how many clusters they lie");
        }
    }
    let (partitions, clusters) =
        (keys.whole("partitions", 1, PARTITIONS_MAX), keys.whole("clusters", 1, PARTITIONS_MAX));
    let clusters_added = keys.whole("clusters_added", 0, PARTITIONS_MAX).unwrap_or(0);
    let is_keyed = keys.boolean("keyed").unwrap_or(false);
    let (name, partitions, clusters) = (name?, partitions?, clusters?);
    if clusters > partitions {
        let span = keys.value("clusters").map_or(keys.span.clone(), |value| value.span());
        let message = format!("{partitions} partitions cannot lie in {clusters} clusters");
        keys.reader.error(span, codes::RANGE, message, "name at most as many clusters as there are partitions");
        return None;
    }
    Some(LogicalTopic { name, partitions, clusters, clusters_added, is_keyed })
}

fn cluster(keys: &mut Keys<'_, '_, '_>) -> Option<Cluster> {
    if keys.value("brokers").is_none() {
        keys.missing("brokers", "write how many brokers a physical cluster has");
    }
    let brokers = keys.whole("brokers", 1, COUNT_MAX);
    let clusters_max = keys.whole("clusters_max", 1, COUNT_MAX);
    let replicas_max = keys.whole("replicas_max", 1, COUNT_MAX);
    let stored_bytes = keys.number("stored_bytes", NOT_NEGATIVE);
    let replication_factor = keys.whole("replication_factor", 1, 100).unwrap_or(3);
    Some(Cluster { brokers: brokers?, clusters_max, replicas_max, stored_bytes, replication_factor })
}

fn grow<'t>(reader: &mut TomlReader<'t>, table: Option<(&DeTable<'t>, std::ops::Range<usize>)>) -> Grow {
    let Some((table, span)) = table else {
        return Grow {
            add_cluster_minutes: None,
            brokers_added: 1,
            add_brokers_minutes: 0.0,
            throttle_bytes_per_sec: None,
        };
    };
    let mut keys = Keys::new(reader, table, span, "grow", &GROW_KEYS);
    Grow {
        add_cluster_minutes: keys.number("add_cluster_minutes", NOT_NEGATIVE),
        brokers_added: keys.whole("brokers_added", 1, COUNT_MAX).unwrap_or(1),
        add_brokers_minutes: keys.number("add_brokers_minutes", NOT_NEGATIVE).unwrap_or(0.0),
        throttle_bytes_per_sec: keys.number("throttle_bytes_per_sec", POSITIVE),
    }
}
