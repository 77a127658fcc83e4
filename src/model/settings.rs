//! Brokers' settings as they are in force, by Kafka's names.

use std::collections::BTreeMap;

/// Settings by broker, and those that hold for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerSettings {
    /// Made for the whole cluster, or in a properties file that all share.
    pub cluster: BTreeMap<String, String>,
    /// By broker id.
    pub brokers: BTreeMap<i32, BTreeMap<String, String>>,
}

impl BrokerSettings {
    /// What `key` is on broker `id`: its own value, else the cluster's; none where neither is known.
    #[must_use]
    pub fn value(&self, id: i32, key: &str) -> Option<&str> {
        let own = self.brokers.get(&id).and_then(|settings| settings.get(key));
        own.or_else(|| self.cluster.get(key)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brokers_own_setting_counts_before_the_clusters() {
        let one = |value: &str| BTreeMap::from([("num.io.threads".to_owned(), value.to_owned())]);
        let settings = BrokerSettings { cluster: one("8"), brokers: BTreeMap::from([(2, one("16"))]) };
        let value = |id| settings.value(id, "num.io.threads");
        assert_eq!((value(1), value(2), settings.value(1, "x")), (Some("8"), Some("16"), None));
    }
}
