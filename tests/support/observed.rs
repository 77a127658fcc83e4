//! Where Kafka itself says that replicas and leaders are, read without the product's own parsers.

use std::collections::BTreeMap;

use serde_json::Value;

/// A partition's key: topic and number.
pub(crate) type Key = (String, u64);

/// One partition as Kafka describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    /// The leading broker.
    pub(crate) leader: u64,
    /// Brokers in order, the preferred leader first.
    pub(crate) replicas: Vec<u64>,
    /// The log dir of each replica, in the same order.
    pub(crate) log_dirs: Vec<String>,
    /// How many replicas are in sync.
    pub(crate) in_sync: usize,
    /// The leader's size in bytes.
    pub(crate) size_bytes: u64,
}

/// Reads the output of `kafka-topics --describe` and `kafka-log-dirs --describe`.
pub(crate) fn observe(topics: &str, log_dirs: &str) -> BTreeMap<Key, Observed> {
    let seats = seats(log_dirs);
    let mut partitions = BTreeMap::new();
    for row in topics.lines().filter(|line| line.starts_with("\tTopic: ")) {
        let fields: BTreeMap<&str, &str> = row.split('\t').filter_map(|field| field.split_once(": ")).collect();
        let ids = |name: &str| fields[name].split(',').map(|id| id.trim().parse().unwrap()).collect::<Vec<u64>>();
        let key = (fields["Topic"].to_owned(), fields["Partition"].parse().unwrap());
        let leader = fields["Leader"].parse().unwrap();
        let replicas = ids("Replicas");
        let seat = |broker: u64| &seats[&(key.clone(), broker)];
        let observed = Observed {
            leader,
            log_dirs: replicas.iter().map(|&broker| seat(broker).0.clone()).collect(),
            in_sync: ids("Isr").len(),
            size_bytes: seat(leader).1,
            replicas,
        };
        partitions.insert(key, observed);
    }
    partitions
}

/// The log dir and size of each (partition, broker); the copies of dir moves under way are left out.
fn seats(log_dirs: &str) -> BTreeMap<(Key, u64), (String, u64)> {
    let json: Value = serde_json::from_str(log_dirs.lines().find(|line| line.starts_with('{')).unwrap()).unwrap();
    let mut seats = BTreeMap::new();
    for broker in json["brokers"].as_array().unwrap() {
        for dir in broker["logDirs"].as_array().unwrap() {
            let path = dir["logDir"].as_str().unwrap();
            for replica in dir["partitions"].as_array().unwrap().iter().filter(|r| r["isFuture"] == false) {
                let (topic, number) = replica["partition"].as_str().unwrap().rsplit_once('-').unwrap();
                let key = (topic.to_owned(), number.parse().unwrap());
                let seat = (path.to_owned(), replica["size"].as_u64().unwrap());
                seats.insert((key, broker["broker"].as_u64().unwrap()), seat);
            }
        }
    }
    seats
}
