//! Changes to the set of brokers: a snapshot with brokers added to it, or with brokers marked to be emptied.
//!
//! Input: a [`Snapshot`]. Output: another one that keeps its invariants and its hash, for it describes the same cluster
//! with a wish attached. No decision is made here: who is added or removed comes from outside.

use std::collections::BTreeSet;

use super::index::{BrokerIdx, GroupIdx, RackIdx};
use super::snapshot::{Broker, BrokerState, LogDir, LogDirState, Snapshot};

/// A log dir of a broker that is to be added: online and empty.
#[derive(Clone, Debug, PartialEq)]
pub struct NewLogDir {
    /// Absolute path.
    pub path: String,
    /// Size of the disk behind it, if known.
    pub capacity_bytes: Option<u64>,
    /// Bytes per second that its disk can write, if known.
    pub write_capacity_bytes_per_sec: Option<f64>,
}

/// A broker that is to be added: empty, in state `new`.
#[derive(Clone, Debug, PartialEq)]
pub struct NewBroker {
    /// Kafka's broker id, above all of the snapshot.
    pub id: i32,
    /// Failure domain.
    pub rack: Option<String>,
    /// Resource group; none in a cluster without groups.
    pub group: Option<String>,
    /// Name in the machine catalogue.
    pub machine_model: Option<String>,
    /// Cores.
    pub cpu_cores: Option<f64>,
    /// What the network can carry in, bytes per second.
    pub network_in_capacity_bytes_per_sec: Option<f64>,
    /// What the network can carry out, bytes per second.
    pub network_out_capacity_bytes_per_sec: Option<f64>,
    /// Its log dirs.
    pub log_dirs: Vec<NewLogDir>,
}

/// `snapshot` with the brokers `added`; none where their ids do not ascend above those that are there.
#[must_use]
pub fn with_brokers(snapshot: &Snapshot, added: &[NewBroker]) -> Option<Snapshot> {
    let mut last = snapshot.brokers.last().map(|broker| broker.id);
    for broker in added {
        if last.is_some_and(|last| broker.id <= last) {
            return None;
        }
        last = Some(broker.id);
    }
    let mut expanded = snapshot.clone();
    name_racks_and_groups(&mut expanded, added);
    for broker in added {
        let row = BrokerIdx::new(expanded.brokers.len());
        let first_log_dir = expanded.log_dirs.len();
        let mut dirs: Vec<&NewLogDir> = broker.log_dirs.iter().collect();
        dirs.sort_by(|a, b| a.path.cmp(&b.path));
        dirs.dedup_by(|a, b| a.path == b.path);
        expanded.log_dirs.extend(dirs.iter().map(|dir| LogDir {
            broker: row,
            path: dir.path.clone(),
            capacity_bytes: dir.capacity_bytes,
            write_capacity_bytes_per_sec: dir.write_capacity_bytes_per_sec,
            state: LogDirState::Online,
            other_used_bytes: 0,
        }));
        let rack = broker.rack.as_ref().and_then(|rack| expanded.racks.binary_search(rack).ok());
        let group = broker.group.as_ref().and_then(|group| expanded.groups.binary_search(group).ok());
        expanded.brokers.push(Broker {
            id: broker.id,
            rack: rack.map(RackIdx::new),
            group: group.map(GroupIdx::new),
            state: BrokerState::New,
            machine_model: broker.machine_model.clone(),
            host: None,
            cpu_cores: broker.cpu_cores,
            cpu_utilization: None,
            network_in_capacity_bytes_per_sec: broker.network_in_capacity_bytes_per_sec,
            network_out_capacity_bytes_per_sec: broker.network_out_capacity_bytes_per_sec,
            measured_network_in_bytes_per_sec: None,
            measured_network_out_bytes_per_sec: None,
            first_log_dir: u32::try_from(first_log_dir).unwrap_or(u32::MAX),
            log_dir_count: u32::try_from(dirs.len()).unwrap_or(0),
        });
    }
    Some(expanded)
}

/// `snapshot` with the active brokers among `ids` draining.
#[must_use]
pub fn with_draining(snapshot: &Snapshot, ids: &BTreeSet<i32>) -> Snapshot {
    let mut marked = snapshot.clone();
    for broker in marked.brokers.iter_mut().filter(|b| b.state.is_active() && ids.contains(&b.id)) {
        broker.state = BrokerState::Draining;
    }
    marked
}

/// Adds the names of racks and groups that `added` bring, and moves every index to its name's new place.
fn name_racks_and_groups(snapshot: &mut Snapshot, added: &[NewBroker]) {
    let (racks, moved_racks) = merged(&snapshot.racks, added.iter().filter_map(|b| b.rack.as_ref()));
    let (groups, moved_groups) = merged(&snapshot.groups, added.iter().filter_map(|b| b.group.as_ref()));
    let place = |moved: &[usize], row: usize| moved.get(row).copied();
    for broker in &mut snapshot.brokers {
        broker.rack = broker.rack.and_then(|rack| place(&moved_racks, rack.row())).map(RackIdx::new);
        broker.group = broker.group.and_then(|group| place(&moved_groups, group.row())).map(GroupIdx::new);
    }
    for topic in &mut snapshot.topics {
        topic.group = topic.group.and_then(|group| place(&moved_groups, group.row())).map(GroupIdx::new);
    }
    (snapshot.racks, snapshot.groups) = (racks, groups);
}

/// All names, ascending, and where each of the old ones is now.
fn merged<'a>(old: &'a [String], more: impl Iterator<Item = &'a String>) -> (Vec<String>, Vec<usize>) {
    let names: BTreeSet<&String> = old.iter().chain(more).collect();
    let names: Vec<String> = names.into_iter().cloned().collect();
    let moved = old.iter().filter_map(|name| names.binary_search(name).ok()).collect();
    (names, moved)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::model::fixture::Fixture;

    fn cluster() -> Snapshot {
        Fixture::default()
            .broker(1, "b", "logs", BrokerState::Alive)
            .broker(4, "d", "online", BrokerState::Down)
            .dir(1, "/data", 100, LogDirState::Online, 0)
            .dir(4, "/data", 100, LogDirState::Online, 0)
            .topic("t", "online")
            .partition(("t", 0), 1, (1.0, 1.0), &[(1, "/data", 10, true)])
            .build()
    }

    fn broker(id: i32, rack: &str, group: &str) -> NewBroker {
        let dir = |path: &str| NewLogDir {
            path: path.to_owned(),
            capacity_bytes: Some(7),
            write_capacity_bytes_per_sec: None,
        };
        NewBroker {
            id,
            rack: Some(rack.to_owned()),
            group: Some(group.to_owned()),
            machine_model: None,
            cpu_cores: Some(8.0),
            network_in_capacity_bytes_per_sec: None,
            network_out_capacity_bytes_per_sec: None,
            log_dirs: vec![dir("/b"), dir("/a")],
        }
    }

    #[test]
    fn names_keep_their_bearers_where_new_ones_come_between() {
        let grown = with_brokers(&cluster(), &[broker(5, "c", "mid"), broker(7, "a", "logs")]).unwrap();
        assert_eq!(grown.racks, ["a", "b", "c", "d"]);
        assert_eq!(grown.groups, ["logs", "mid", "online"]);
        let of = |id: i32| {
            let b = grown.broker(grown.broker_by_id(id).unwrap());
            (grown.racks[b.rack.unwrap().row()].as_str(), grown.groups[b.group.unwrap().row()].as_str())
        };
        assert_eq!([1, 4, 5, 7].map(of), [("b", "logs"), ("d", "online"), ("c", "mid"), ("a", "logs")]);
        assert_eq!(grown.topics[0].group.map(|g| grown.groups[g.row()].as_str()), Some("online"));
        let paths: Vec<&str> = grown.log_dirs[2..4].iter().map(|d| d.path.as_str()).collect();
        assert_eq!(paths, ["/a", "/b"], "dirs ascend by path");
        assert_eq!(grown.brokers[3].log_dir_rows(), 4..6);
    }

    #[test]
    fn ids_that_are_taken_or_fall_are_refused() {
        assert_eq!(with_brokers(&cluster(), &[broker(4, "a", "logs")]), None);
        assert_eq!(with_brokers(&cluster(), &[broker(6, "a", "logs"), broker(5, "a", "logs")]), None);
    }

    #[test]
    fn only_brokers_in_service_are_drained() {
        let marked = with_draining(&cluster(), &BTreeSet::from([1, 4]));
        assert_eq!(marked.brokers[0].state, BrokerState::Draining);
        assert_eq!(marked.brokers[1].state, BrokerState::Down);
    }
}
