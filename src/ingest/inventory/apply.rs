//! Writes an inventory over a captured snapshot.

use std::collections::BTreeSet;

use super::{BrokerEntry, BrokerSettings, Ids, Inventory, id_ranges, range_text};
use crate::ingest::fault::{Fault, Faults};
use crate::ingest::kafka_cli::codes;
use crate::model::{Broker, BrokerState, GroupIdx, LogDir, LogDirState, RackIdx, Snapshot};

impl Inventory {
    /// Writes what the inventory says over `snapshot`, in which a broker that did not answer is `down`.
    ///
    /// What Kafka itself reported of failures stands: a broker that did not answer never becomes `alive`, an offline
    /// dir never `online`. Returned are warnings, and errors for what the capture disproves.
    pub fn apply(&self, snapshot: &mut Snapshot) -> Faults {
        let mut faults = Faults::default();
        let settings: Vec<BrokerSettings> = snapshot.brokers.iter().map(|b| self.broker(b.id)).collect();
        let mut racks: Vec<Option<String>> =
            snapshot.brokers.iter().map(|b| b.rack.map(|rack| snapshot.racks[rack.row()].clone())).collect();
        let mut broker_groups: Vec<Option<String>> = Vec::new();
        let mut other_racks = Vec::new();
        for ((broker, said), rack) in snapshot.brokers.iter_mut().zip(&settings).zip(&mut racks) {
            self.set_state(broker, said.state, &mut faults);
            set_figures(broker, said);
            for dir in &mut snapshot.log_dirs[broker.log_dir_rows()] {
                self.set_log_dir(broker.id, dir, said, &mut faults);
            }
            let known = broker.group.map(|group| snapshot.groups[group.row()].clone());
            broker_groups.push(said.resource_group.clone().or(known));
            if rack.is_some() && said.rack.is_some() && *rack != said.rack {
                other_racks.push(broker.id);
            }
            *rack = said.rack.clone().or_else(|| rack.take());
        }
        let topic_group = |topic: &crate::model::Topic| {
            let known = topic.group.map(|group| snapshot.groups[group.row()].clone());
            self.topic_group(&topic.name).map(str::to_owned).or(known)
        };
        let topic_groups: Vec<Option<String>> = snapshot.topics.iter().map(topic_group).collect();
        set_names(snapshot, &racks, &broker_groups, &topic_groups);
        if !other_racks.is_empty() {
            let message = format!("rack differs from Kafka's own for {}", id_ranges(&other_racks));
            let help = "the inventory's is taken; Kafka goes by broker.rack when it places new topics";
            faults.push(Fault::warning(codes::INVENTORY_DIFFERS, &self.path, message).help(help));
        }
        self.report_unused(snapshot, &mut faults);
        faults
    }

    fn set_state(&self, broker: &mut Broker, said: Option<BrokerState>, faults: &mut Faults) {
        let Some(said) = said else { return };
        let answered = broker.state != BrokerState::Down;
        let id = broker.id;
        match said {
            BrokerState::Dead if answered => {
                let message = format!("broker {id} is said to be dead, but it answered");
                let help = "say that it is draining: then it is emptied from its own copies";
                faults.push(
                    self.at_entry(Fault::error(codes::INVENTORY_CONTRADICTION, &self.path, message), id).help(help),
                );
            }
            BrokerState::Alive | BrokerState::New | BrokerState::Draining if !answered => {
                let message =
                    format!("broker {id} is said to be {}, but it did not answer: it stays down", said.name());
                let help = "once it is gone for good, say that it is dead: then its replicas are replaced";
                faults
                    .push(self.at_entry(Fault::warning(codes::INVENTORY_DIFFERS, &self.path, message), id).help(help));
            }
            _ => broker.state = said,
        }
    }

    /// `fault` at the first entry that gives broker `id` a state.
    fn at_entry(&self, fault: Fault, id: i32) -> Fault {
        let gives = |entry: &&BrokerEntry| entry.ids.contains(id) && entry.settings.state.is_some();
        match self.brokers.iter().find(gives) {
            Some(BrokerEntry { place: (line, column), .. }) => fault.at(*line, *column),
            None => fault,
        }
    }

    fn set_log_dir(&self, broker: i32, dir: &mut LogDir, said: &BrokerSettings, faults: &mut Faults) {
        let said = said.log_dir(&dir.path);
        dir.capacity_bytes = said.capacity_bytes.or(dir.capacity_bytes);
        dir.other_used_bytes = dir.other_used_bytes.saturating_add(said.other_used_bytes.unwrap_or(0));
        match said.state {
            Some(state) if dir.state == LogDirState::Offline && state != LogDirState::Offline => {
                let path = &dir.path;
                let message = format!("{path} of broker {broker} is said to be {}, but it is offline", state.name());
                faults.push(
                    Fault::warning(codes::INVENTORY_DIFFERS, &self.path, message)
                        .help("it stays offline: mend the disk and capture again"),
                );
            }
            Some(state) => dir.state = state,
            None => {}
        }
    }

    /// Names the entries that match nothing: usually a slip of the pen, and then something else lacks what they say.
    fn report_unused(&self, snapshot: &Snapshot, faults: &mut Faults) {
        for entry in &self.brokers {
            let (line, column) = entry.place;
            let mut warn = |message: String, help: &str| {
                faults.push(Fault::warning(codes::INVENTORY_UNUSED, &self.path, message).at(line, column).help(help));
            };
            let matched: Vec<&Broker> = snapshot.brokers.iter().filter(|b| entry.ids.contains(b.id)).collect();
            if let Ids::Ranges(ranges) = &entry.ids {
                let holds = |range: &&(i32, i32)| matched.iter().any(|b| (range.0..=range.1).contains(&b.id));
                let empty: Vec<String> = ranges.iter().filter(|r| !holds(r)).map(|r| range_text(*r)).collect();
                if !empty.is_empty() {
                    let message = format!("no broker has an id of {}", empty.join(", "));
                    warn(message, "an empty broker is captured too: check the id");
                }
            }
            let is_known = |path: &str| {
                matched.iter().any(|b| snapshot.log_dirs[b.log_dir_rows()].iter().any(|dir| dir.path == path))
            };
            for path in entry.settings.log_dirs.keys().filter(|path| !is_known(path)) {
                warn(format!("none of these brokers has a log dir {path}"), "write the path as Kafka reports it");
            }
        }
        for entry in &self.topics {
            if !snapshot.topics.iter().any(|topic| entry.pattern.matches(&topic.name)) {
                let message = format!("no topic matches {:?}", entry.pattern.text());
                let (line, column) = entry.place;
                let fault = Fault::warning(codes::INVENTORY_UNUSED, &self.path, message).at(line, column);
                faults.push(fault.help("correct the pattern or remove the entry"));
            }
        }
    }
}

fn set_figures(broker: &mut Broker, said: &BrokerSettings) {
    broker.machine_model = said.machine_model.clone().or_else(|| broker.machine_model.take());
    broker.host = said.host.clone().or_else(|| broker.host.take());
    broker.cpu_cores = said.cpu_cores.or(broker.cpu_cores);
    broker.network_in_capacity_bytes_per_sec =
        said.network_in_capacity_bytes_per_sec.or(broker.network_in_capacity_bytes_per_sec);
    broker.network_out_capacity_bytes_per_sec =
        said.network_out_capacity_bytes_per_sec.or(broker.network_out_capacity_bytes_per_sec);
}

/// Builds the tables of racks and groups anew and points brokers and topics into them.
fn set_names(
    snapshot: &mut Snapshot,
    racks: &[Option<String>],
    broker_groups: &[Option<String>],
    topic_groups: &[Option<String>],
) {
    let table = |names: &mut dyn Iterator<Item = &Option<String>>| -> Vec<String> {
        names.flatten().cloned().collect::<BTreeSet<String>>().into_iter().collect()
    };
    snapshot.racks = table(&mut racks.iter());
    snapshot.groups = table(&mut broker_groups.iter().chain(topic_groups));
    let row = |names: &[String], name: &Option<String>| names.binary_search(name.as_ref()?).ok();
    for ((broker, rack), group) in snapshot.brokers.iter_mut().zip(racks).zip(broker_groups) {
        broker.rack = row(&snapshot.racks, rack).map(RackIdx::new);
        broker.group = row(&snapshot.groups, group).map(GroupIdx::new);
    }
    for (topic, group) in snapshot.topics.iter_mut().zip(topic_groups) {
        topic.group = row(&snapshot.groups, group).map(GroupIdx::new);
    }
}
