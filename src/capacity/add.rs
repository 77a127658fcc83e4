//! `--add COUNT[xMODEL][@RACK][/GROUP]`: which brokers are added, with which hardware, in which racks.
//!
//! Input: what the operator asked for, the snapshot, the machine catalogue. Output: [`NewBroker`]s with ids from the
//! snapshot's highest on, and what was assumed where the operator left something open.

use std::collections::BTreeMap;

use crate::ingest::catalogue::{Catalogue, Figure, Machine};
use crate::model::{BrokerIdx, Goal, Groups, Home, NewBroker, NewLogDir, Policy, Snapshot};

/// No cluster has more brokers than this: a larger count is a slip of the pen.
const COUNT_MAX: u32 = 10_000;

/// One `--add`, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddSpec {
    /// How many.
    pub count: u32,
    /// Machine model; none takes the hardware of the group's commonest broker.
    pub model: Option<String>,
    /// The rack of all; none spreads them over the group's racks, those with the fewest brokers first.
    pub rack: Option<String>,
    /// Resource group.
    pub group: Option<String>,
}

impl AddSpec {
    /// Reads `4`, `4xi3en.3xlarge`, `2@rack-a`, `4xm7g.large@rack-a/logs`.
    ///
    /// # Errors
    /// What is wrong, for clap to print.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (count, rest) = text.split_at(digits);
        let form = "write COUNT[xMODEL][@RACK][/GROUP], e.g. 4, 4xi3en.3xlarge or 2@rack-a";
        let count: u32 = count.parse().map_err(|_| format!("{text:?} does not begin with a count: {form}"))?;
        if count == 0 || count > COUNT_MAX {
            return Err(format!("{count} brokers cannot be added: the count is from 1 to {COUNT_MAX}"));
        }
        // A rack's name may hold slashes (`/dc1/r7`), a group's may not: the group is behind the last one.
        let (front, group) = match rest.rsplit_once('/') {
            Some((front, group)) => (front, Some(group)),
            None => (rest, None),
        };
        let (model, rack) = match front.split_once('@') {
            Some((model, rack)) => (model, Some(rack)),
            None => (front, None),
        };
        let model = match model.strip_prefix('x') {
            Some(model) => Some(model),
            None if model.is_empty() => None,
            None => return Err(format!("{model:?} after the count means nothing: {form}")),
        };
        for (part, what) in [(model, "model after x"), (rack, "rack after @"), (group, "group after /")] {
            if part.is_some_and(|part| part.trim().is_empty()) {
                return Err(format!("the {what} is empty: {form}"));
            }
        }
        let owned = |part: Option<&str>| part.map(str::to_owned);
        Ok(Self { count, model: owned(model), rack: owned(rack), group: owned(group) })
    }
}

/// What a broker is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Hardware {
    /// Name in the machine catalogue.
    pub machine_model: Option<String>,
    /// Cores.
    pub cpu_cores: Option<f64>,
    /// Bytes per second.
    pub network_in_capacity_bytes_per_sec: Option<f64>,
    /// Bytes per second.
    pub network_out_capacity_bytes_per_sec: Option<f64>,
    /// Log dirs, ascending by path.
    pub log_dirs: Vec<NewLogDir>,
}

impl Hardware {
    /// That of one of the snapshot's brokers.
    #[must_use]
    pub fn of(snapshot: &Snapshot, broker: BrokerIdx) -> Self {
        let row = snapshot.broker(broker);
        let dirs = &snapshot.log_dirs[row.log_dir_rows()];
        Self {
            machine_model: row.machine_model.clone(),
            cpu_cores: row.cpu_cores,
            network_in_capacity_bytes_per_sec: row.network_in_capacity_bytes_per_sec,
            network_out_capacity_bytes_per_sec: row.network_out_capacity_bytes_per_sec,
            log_dirs: dirs
                .iter()
                .map(|dir| NewLogDir {
                    path: dir.path.clone(),
                    capacity_bytes: dir.capacity_bytes,
                    write_capacity_bytes_per_sec: dir.write_capacity_bytes_per_sec,
                })
                .collect(),
        }
    }

    /// The catalogue's figures for `machine`, log dirs one per disk. Where the catalogue has no local disks, storage is
    /// attached as the operator likes, and the dirs are `like`'s.
    #[must_use]
    pub fn of_machine(machine: &Machine, like: &Self) -> Self {
        let network = machine.network_capacity_bytes_per_sec();
        let value = |figure: &Option<Figure<f64>>| figure.as_ref().map(|f| f.value);
        let mut sizes: Vec<(Option<u64>, Option<f64>)> = Vec::new();
        for disk in &machine.disks {
            // Bounds on the catalogue's figures keep both within their types.
            let size = value(&disk.size_gib).map(|gib| (gib * (1_u64 << 30) as f64) as u64);
            sizes.extend(vec![(size, disk.write_bytes_per_sec()); value(&disk.count).unwrap_or(1.0) as usize]);
        }
        let log_dirs = if sizes.is_empty() {
            like.log_dirs.clone()
        } else {
            let path = |row: usize| match like.log_dirs.get(row).filter(|_| like.log_dirs.len() == sizes.len()) {
                Some(dir) => dir.path.clone(),
                None => format!("/data{:0width$}", row + 1, width = sizes.len().to_string().len()),
            };
            let dirs = sizes.iter().enumerate();
            let dir = |(row, &(capacity_bytes, write_capacity_bytes_per_sec))| NewLogDir {
                path: path(row),
                capacity_bytes,
                write_capacity_bytes_per_sec,
            };
            dirs.map(dir).collect()
        };
        Self {
            machine_model: Some(machine.id.clone()),
            cpu_cores: machine.cpu_cores(),
            network_in_capacity_bytes_per_sec: network,
            network_out_capacity_bytes_per_sec: network,
            log_dirs,
        }
    }
}

/// The broker of `group` whose hardware most others of it have: of the active ones, else of all; the first by id of the
/// commonest, none where the group has no broker.
#[must_use]
pub fn commonest(snapshot: &Snapshot, groups: &Groups, group: usize) -> Option<BrokerIdx> {
    let of_group = |b: &BrokerIdx| groups.of_broker(*b) == Some(group);
    let mut pool = groups.eligible(snapshot, Home::Group(group));
    if pool.is_empty() {
        pool = snapshot.broker_indices().filter(of_group).collect();
    }
    let mut kinds: Vec<(Hardware, BrokerIdx, usize)> = Vec::new();
    for &broker in &pool {
        let hardware = Hardware::of(snapshot, broker);
        match kinds.iter_mut().find(|(kind, ..)| *kind == hardware) {
            Some((_, _, count)) => *count += 1,
            None => kinds.push((hardware, broker, 1)),
        }
    }
    let most = kinds.iter().map(|(.., count)| *count).max()?;
    kinds.iter().find(|(.., count)| *count == most).map(|(_, broker, _)| *broker)
}

/// Brokers to be added, and what was assumed of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Added {
    /// Ascending by id.
    pub brokers: Vec<NewBroker>,
    /// Assumptions in words, each once.
    pub assumptions: Vec<String>,
}

/// Who adds: what brokers are resolved against.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    /// The cluster.
    pub snapshot: &'a Snapshot,
    /// Its policy.
    pub policy: &'a Policy,
    /// Machine models.
    pub catalogue: &'a Catalogue,
}

impl Site<'_> {
    /// The brokers that `specs` ask for, in their order.
    ///
    /// # Errors
    /// A model, rack or group that cannot be, with what can.
    pub fn brokers(&self, specs: &[AddSpec]) -> Result<Added, String> {
        let groups = Groups::new(self.snapshot, self.policy);
        let mut added = Added::default();
        for spec in specs {
            let (rack, group) = self.whole_rack(spec);
            let number = self.group(&groups, group, &mut added.assumptions)?;
            let mut hardware = self.hardware(&groups, number, spec.model.as_deref(), &mut added.assumptions)?;
            if !self.policy.bands.is_on(Goal::DiskWrites) {
                // Plans state what they add: figures that nothing is held against stay out of them.
                hardware.log_dirs.iter_mut().for_each(|dir| dir.write_capacity_bytes_per_sec = None);
            }
            if let Some(rack) = rack.filter(|rack| !self.snapshot.racks.iter().any(|r| r == rack)) {
                note(&mut added.assumptions, format!("rack {rack} is new to the cluster"));
            }
            for _ in 0..spec.count {
                let rack = rack.map(str::to_owned).or_else(|| self.emptiest_rack(&groups, number, &added.brokers));
                added.brokers.push(self.broker(&groups, number, &hardware, rack, added.brokers.len())?);
            }
        }
        Ok(added)
    }

    /// The rack and group that `spec` means: what holds a slash may be a rack as a whole.
    fn whole_rack<'s>(&'s self, spec: &'s AddSpec) -> (Option<&'s str>, Option<&'s str>) {
        let (Some(rack), Some(group)) = (&spec.rack, &spec.group) else {
            return (spec.rack.as_deref(), spec.group.as_deref());
        };
        let whole = format!("{rack}/{group}");
        match self.snapshot.racks.iter().find(|known| **known == whole) {
            Some(known) => (Some(known), None),
            None => (Some(rack), Some(group)),
        }
    }

    /// The number of the group called `name`; where none is called, the policy's default group, else the largest.
    ///
    /// # Errors
    /// There is no such group.
    pub fn group(&self, groups: &Groups, name: Option<&str>, assumptions: &mut Vec<String>) -> Result<usize, String> {
        let names = groups.names();
        let number = |name: &str| names.iter().position(|known| known == name);
        if let Some(name) = name {
            return number(name).ok_or_else(|| {
                format!("{name:?} is no resource group of the cluster; there are {}", names.join(", "))
            });
        }
        let fallback = self.policy.default_group.as_deref().and_then(number);
        let size = |group: usize| groups.eligible(self.snapshot, Home::Group(group)).len();
        // Of equally large groups the first by name: `max_by_key` keeps the last it meets.
        let largest = (0..names.len()).rev().max_by_key(|&group| size(group));
        let chosen = fallback.or(largest).ok_or("the cluster has no resource group")?;
        if names.len() > 1 {
            let why = if fallback.is_some() { "the policy's default" } else { "the largest" };
            note(assumptions, format!("no group is named: brokers join {}, {why}", names[chosen]));
        }
        Ok(chosen)
    }

    /// The hardware of `model`, or of the group's commonest broker.
    ///
    /// # Errors
    /// An unknown model, or a group without a broker to go by.
    pub fn hardware(
        &self,
        groups: &Groups,
        group: usize,
        model: Option<&str>,
        assumptions: &mut Vec<String>,
    ) -> Result<Hardware, String> {
        let (snapshot, name) = (self.snapshot, &groups.names()[group]);
        let common = commonest(snapshot, groups, group)
            .or_else(|| snapshot.broker_indices().next())
            .ok_or_else(|| format!("group {name} has no broker to take the hardware of: name a machine model"))?;
        let (like, id) = (Hardware::of(snapshot, common), snapshot.broker(common).id);
        let Some(model) = model else {
            note(
                assumptions,
                format!("new brokers of group {name} have the hardware of broker {id}, its commonest kind"),
            );
            return Ok(like);
        };
        if let Some(machine) = self.catalogue.get(model) {
            if machine.disks.is_empty() {
                note(
                    assumptions,
                    format!(
                        "{model} has no local disks: its log dirs are like broker {id}'s, and its price is without them"
                    ),
                );
            }
            return Ok(Hardware::of_machine(machine, &like));
        }
        let same = snapshot.broker_indices().find(|&b| snapshot.broker(b).machine_model.as_deref() == Some(model));
        if let Some(broker) = same {
            let id = snapshot.broker(broker).id;
            note(assumptions, format!("{model} is not in the catalogue: new brokers are like broker {id}"));
            return Ok(Hardware::of(snapshot, broker));
        }
        let near = self.catalogue.nearest(model, 3).join(", ");
        Err(format!("{model:?} is no machine model; the nearest are {near}: `evenkeel models list` has all"))
    }

    /// The rack of the group's active brokers with the fewest of them, `added` included; the first by name of equals.
    fn emptiest_rack(&self, groups: &Groups, group: usize, added: &[NewBroker]) -> Option<String> {
        let snapshot = self.snapshot;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for broker in groups.eligible(snapshot, Home::Group(group)) {
            if let Some(rack) = snapshot.broker(broker).rack {
                *counts.entry(&snapshot.racks[rack.row()]).or_default() += 1;
            }
        }
        if counts.is_empty() {
            counts.extend(snapshot.racks.iter().map(|rack| (rack.as_str(), 0)));
        }
        let name = self.group_name(groups, group);
        for broker in added.iter().filter(|broker| broker.group == name) {
            if let Some(rack) = &broker.rack {
                *counts.entry(rack).or_default() += 1;
            }
        }
        counts.into_iter().min_by_key(|(_, count)| *count).map(|(rack, _)| rack.to_owned())
    }

    fn group_name(&self, groups: &Groups, group: usize) -> Option<String> {
        self.snapshot.is_grouped().then(|| groups.names()[group].clone())
    }

    fn broker(
        &self,
        groups: &Groups,
        group: usize,
        hardware: &Hardware,
        rack: Option<String>,
        offset: usize,
    ) -> Result<NewBroker, String> {
        let highest = self.snapshot.brokers.last().map_or(0, |broker| broker.id);
        let id = i32::try_from(offset + 1).ok().and_then(|offset| highest.checked_add(offset));
        Ok(NewBroker {
            id: id.ok_or("no broker id is left above the highest")?,
            rack,
            group: self.group_name(groups, group),
            machine_model: hardware.machine_model.clone(),
            cpu_cores: hardware.cpu_cores,
            network_in_capacity_bytes_per_sec: hardware.network_in_capacity_bytes_per_sec,
            network_out_capacity_bytes_per_sec: hardware.network_out_capacity_bytes_per_sec,
            log_dirs: hardware.log_dirs.clone(),
        })
    }
}

fn note(assumptions: &mut Vec<String>, text: String) {
    if !assumptions.contains(&text) {
        assumptions.push(text);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerState, LogDirState};

    fn spec(text: &str) -> AddSpec {
        AddSpec::parse(text).unwrap()
    }

    /// Group `logs` on brokers 1, 2 (rack a) and 3 (rack b), `online` on 9 (rack c).
    fn cluster() -> Snapshot {
        let online = LogDirState::Online;
        let (alive, dir) = (BrokerState::Alive, "/data");
        Fixture::default()
            .broker(1, "a", "logs", alive)
            .broker(2, "a", "logs", alive)
            .broker(3, "b", "logs", alive)
            .broker(9, "c", "online", alive)
            .dir(1, dir, 500, online, 0)
            .dir(2, dir, 100, online, 3)
            .dir(3, dir, 100, online, 5)
            .dir(9, "/x", 70, online, 0)
            .build()
    }

    fn added(specs: &[&str]) -> Result<Added, String> {
        let snapshot = cluster();
        let specs: Vec<AddSpec> = specs.iter().map(|text| spec(text)).collect();
        Site { snapshot: &snapshot, policy: &Policy::default(), catalogue: &Catalogue::builtin() }.brokers(&specs)
    }

    #[test]
    fn every_part_but_the_count_may_be_left_out() {
        let whole = |count, model: &str, rack: &str, group: &str| {
            let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            AddSpec { count, model: part(model), rack: part(rack), group: part(group) }
        };
        assert_eq!(spec("4"), whole(4, "", "", ""));
        assert_eq!(spec("4xi3en.3xlarge"), whole(4, "i3en.3xlarge", "", ""));
        assert_eq!(spec("2@rack-a"), whole(2, "", "rack-a", ""));
        assert_eq!(spec("12/logs"), whole(12, "", "", "logs"));
        assert_eq!(spec("4xm7g.large@us-east-1a/logs"), whole(4, "m7g.large", "us-east-1a", "logs"));
        assert_eq!(spec("1xx1.large"), whole(1, "x1.large", "", ""));
    }

    #[test]
    fn what_cannot_be_read_says_the_form() {
        for (text, part) in [
            ("", "does not begin with a count"),
            ("xi3en.3xlarge", "does not begin with a count"),
            ("0", "from 1 to 10000"),
            ("99999999999", "does not begin with a count"),
            ("4i3en.3xlarge", "means nothing"),
            ("4x", "model after x is empty"),
            ("4@", "rack after @ is empty"),
            ("4@a/", "group after / is empty"),
        ] {
            let said = AddSpec::parse(text).unwrap_err();
            assert!(said.contains(part), "{text:?}: {said}");
        }
    }

    #[test]
    fn ids_go_on_racks_fill_up_and_hardware_is_the_commonest() {
        let added = added(&["3/logs", "1@z/online"]).unwrap();
        let short: Vec<(i32, &str, &str, Option<u64>)> = added
            .brokers
            .iter()
            .map(|b| {
                let dir = b.log_dirs.first().unwrap();
                (b.id, b.rack.as_deref().unwrap(), b.group.as_deref().unwrap(), dir.capacity_bytes)
            })
            .collect();
        let wanted = [
            (10, "b", "logs", Some(100)),
            (11, "a", "logs", Some(100)),
            (12, "b", "logs", Some(100)),
            (13, "z", "online", Some(70)),
        ];
        assert_eq!(short, wanted, "brokers 2 and 3 are of one kind, 1 is not");
        assert!(added.assumptions.iter().any(|a| a == "rack z is new to the cluster"), "{:?}", added.assumptions);
    }

    #[test]
    fn a_model_brings_its_figures_and_a_disk_is_a_dir() {
        let added = added(&["1xi3en.6xlarge/logs"]).unwrap();
        let broker = added.brokers.first().unwrap();
        assert_eq!((broker.cpu_cores, broker.network_in_capacity_bytes_per_sec), (Some(24.0), Some(3_125_000_000.0)));
        let dirs: Vec<(&str, Option<u64>)> =
            broker.log_dirs.iter().map(|d| (d.path.as_str(), d.capacity_bytes)).collect();
        assert_eq!(dirs, [("/data1", Some(6985 << 30)), ("/data2", Some(6985 << 30))]);
    }

    #[test]
    fn a_model_without_disks_takes_those_that_are_usual() {
        let added = added(&["1xm7g.large"]).unwrap();
        assert_eq!(added.brokers.first().unwrap().log_dirs.first().unwrap().capacity_bytes, Some(100));
        let wanted = [
            "no group is named: brokers join logs, the largest",
            "m7g.large has no local disks: its log dirs are like broker 2's, and its price is without them",
        ];
        assert_eq!(added.assumptions, wanted);
    }

    #[test]
    fn names_that_are_unknown_are_refused_with_those_that_are_not() {
        let said = added(&["1xi3en.3xl"]).unwrap_err();
        assert!(said.contains("the nearest are i3en.3xlarge"), "{said}");
        let said = added(&["1/log"]).unwrap_err();
        assert!(said.contains("there are logs, online"), "{said}");
    }
}
