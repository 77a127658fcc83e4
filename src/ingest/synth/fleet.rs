//! The brokers: ids, racks, groups and machine sizes.

use super::spec::{SynthError, SynthSpec, can_hold};
use crate::model::BrokerState;

/// A broker before it becomes a row.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    /// Kafka's id.
    pub id: i32,
    /// Row in [`Fleet::racks`].
    pub rack: Option<usize>,
    /// Row in [`Fleet::groups`], 0 in a cluster without groups.
    pub group: usize,
    /// How many times the small machine it is.
    pub size: f64,
    /// What it is for.
    pub state: BrokerState,
}

/// The brokers of the cluster, the empty ones last.
#[derive(Clone, Debug)]
pub(super) struct Fleet {
    /// Names, ascending.
    pub racks: Vec<String>,
    /// Names, ascending; one unnamed group in a cluster without groups.
    pub groups: Vec<String>,
    /// Ascending by id.
    pub machines: Vec<Machine>,
    /// By group, the rows of brokers that hold replicas.
    pub members: Vec<Vec<usize>>,
}

/// Names of groups that companies have; numbered ones follow where these do not suffice.
const GROUP_NAMES: [&str; 8] = ["analytics", "core", "edge", "logging", "online", "payments", "search", "streaming"];

impl Fleet {
    /// Lays out the brokers of `spec`.
    pub(super) fn new(spec: &SynthSpec) -> Result<Self, SynthError> {
        let groups = group_names(spec.groups.max(1) as usize);
        let racks = (0..spec.racks as usize).map(|r| rack_name(r, spec.racks as usize)).collect();
        let mut fleet = Self { racks, members: vec![Vec::new(); groups.len()], groups, machines: Vec::new() };
        for (group, size) in group_sizes(spec.brokers as usize, fleet.groups.len()).into_iter().enumerate() {
            for rack in rack_sequence(size, fleet.racks.len(), spec.rack_skew) {
                fleet.members[group].push(fleet.machines.len());
                fleet.push(rack, group, spec.heterogeneous, BrokerState::Alive);
            }
            fleet.check_group(group, spec)?;
        }
        for extra in 0..spec.expanded as usize {
            let group = extra % fleet.groups.len();
            let rack = fleet.emptiest_rack(group);
            fleet.push(rack, group, spec.heterogeneous, BrokerState::New);
        }
        Ok(fleet)
    }

    fn push(&mut self, rack: Option<usize>, group: usize, heterogeneous: bool, state: BrokerState) {
        let row = self.machines.len();
        // Two in five are large: 5 has no factor in common with usual rack counts, so every rack gets both sizes.
        let size = if heterogeneous && matches!(row % 5, 1 | 3) { 2.0 } else { 1.0 };
        let id = i32::try_from(row + 1).unwrap_or(i32::MAX);
        self.machines.push(Machine { id, rack, group, size, state });
    }

    fn check_group(&self, group: usize, spec: &SynthSpec) -> Result<(), SynthError> {
        let sizes = self.rack_sizes(group, |_| true);
        let brokers = self.members[group].len();
        let factors = spec.replication.iter().map(|(factor, _)| *factor);
        let fits = |factor: u32| {
            let factor = factor as usize;
            factor <= brokers && (sizes.is_empty() || can_hold(&sizes, factor))
        };
        match factors.filter(|&f| !fits(f)).max() {
            None => Ok(()),
            Some(replication_factor) => {
                Err(SynthError::GroupTooSmall { brokers, racks: sizes.len(), replication_factor })
            }
        }
    }

    /// How many of a group's machines that `counts` sit in each rack that has any.
    fn rack_sizes(&self, group: usize, counts: impl Fn(&Machine) -> bool) -> Vec<usize> {
        let mut sizes = vec![0; self.racks.len()];
        for machine in self.machines.iter().filter(|m| m.group == group && counts(m)) {
            if let Some(rack) = machine.rack {
                sizes[rack] += 1;
            }
        }
        sizes.retain(|&size| size > 0);
        sizes
    }

    /// How many racks each group's active brokers span: what the rack rule counts.
    pub(super) fn rack_counts(&self) -> Vec<usize> {
        (0..self.groups.len()).map(|group| self.rack_sizes(group, |m| m.state.is_active()).len()).collect()
    }

    /// The rack that has the fewest of a group's brokers, among those that have any.
    fn emptiest_rack(&self, group: usize) -> Option<usize> {
        let mut sizes = vec![0_usize; self.racks.len()];
        self.machines.iter().filter(|m| m.group == group).filter_map(|m| m.rack).for_each(|r| sizes[r] += 1);
        (0..sizes.len()).filter(|&r| sizes[r] > 0).min_by_key(|&r| (sizes[r], r))
    }

    /// Whether the broker at `row` may hold and receive replicas.
    pub(super) fn is_active(&self, row: usize) -> bool {
        self.machines[row].state.is_active()
    }
}

fn group_names(count: usize) -> Vec<String> {
    let mut names: Vec<String> = GROUP_NAMES.iter().take(count).map(|&n| n.to_owned()).collect();
    names.extend((names.len()..count).map(|n| format!("team-{:05}", n + 1)));
    names.sort_unstable();
    names
}

/// `rack-a`, `rack-b`, … where letters suffice, zero-padded numbers beyond.
fn rack_name(rack: usize, count: usize) -> String {
    match u8::try_from(rack) {
        Ok(offset) if count <= 26 => format!("rack-{}", char::from(b'a' + offset)),
        _ => format!("rack-{:05}", rack + 1),
    }
}

/// Splits brokers among groups: the first half as large again as the last, none empty.
fn group_sizes(brokers: usize, groups: usize) -> Vec<usize> {
    let weights: Vec<f64> = (0..groups).map(|g| 1.5 - 0.5 * g as f64 / groups as f64).collect();
    apportion(brokers, &weights)
}

/// The racks of `size` brokers in id order: alternating as long as racks have brokers left. None without racks.
fn rack_sequence(size: usize, racks: usize, skew: f64) -> Vec<Option<usize>> {
    if racks == 0 {
        return vec![None; size];
    }
    let span = (racks.max(2) - 1) as f64;
    let weights: Vec<f64> = (0..racks).map(|r| 1.0 + skew - 2.0 * skew * r as f64 / span).collect();
    let mut left = apportion(size, &weights);
    let mut sequence = Vec::with_capacity(size);
    while sequence.len() < size {
        for (rack, left) in left.iter_mut().enumerate().filter(|(_, left)| **left > 0) {
            *left -= 1;
            sequence.push(Some(rack));
        }
    }
    sequence
}

/// Splits `total` by `weights`: one each while there are enough, the rest by highest averages (D'Hondt), which never
/// leaves a remainder to argue about. Weights are above zero.
pub(super) fn apportion(total: usize, weights: &[f64]) -> Vec<usize> {
    let each = usize::from(total >= weights.len());
    let mut parts = vec![each; weights.len()];
    for _ in each * weights.len()..total {
        let next = (0..weights.len()).max_by(|&a, &b| {
            let average = |i: usize| weights[i] / (parts[i] + 1) as f64;
            average(a).total_cmp(&average(b)).then(b.cmp(&a))
        });
        if let Some(next) = next {
            parts[next] += 1;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apportioned_parts_sum_to_the_total_and_follow_the_weights() {
        assert_eq!(apportion(10, &[1.0, 1.0, 1.0]), [4, 3, 3]);
        assert_eq!(apportion(12, &[1.5, 1.0, 0.5]), [6, 4, 2]);
        assert_eq!(apportion(2, &[1.0, 5.0, 1.0]).iter().sum::<usize>(), 2);
    }

    #[test]
    fn racks_alternate_until_the_small_ones_are_used_up() {
        let racks: Vec<usize> = rack_sequence(6, 3, 0.5).into_iter().flatten().collect();
        assert_eq!(racks, [0, 1, 2, 0, 1, 0]);
    }

    #[test]
    fn a_group_that_cannot_hold_its_replicas_apart_is_refused() {
        let spec = SynthSpec { brokers: 4, groups: 2, ..SynthSpec::default() };
        let error = Fleet::new(&spec).err();
        assert_eq!(error, Some(SynthError::GroupTooSmall { brokers: 2, racks: 2, replication_factor: 3 }));
    }
}
