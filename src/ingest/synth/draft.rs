//! The cluster while it is being made up: who hosts what, kept with its loads, so that placing, settling and drifting
//! are a few lines each.
//!
//! Invariant: `hosts` follows the partitions' replica rows; a leader is one of its partition's hosts; `loads` is what
//! `hosts` and `leaders` imply.

use super::fleet::Fleet;
use super::scale::Hardware;
use crate::model::band::rack_cap;
use crate::model::{Loads, Partition, Reassignment, Topic, Traffic};

/// Loads that are held against a capacity: bytes, bytes in, bytes out, work. The rest are counts.
const CAPACITY_LOADS: usize = 4;

/// The cluster while it is being made up.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// The brokers.
    pub fleet: Fleet,
    /// What a small machine can do.
    pub hardware: Hardware,
    /// Ascending by name.
    pub topics: Vec<Topic>,
    /// Each topic's group.
    pub homes: Vec<usize>,
    /// By topic, then number.
    pub partitions: Vec<Partition>,
    /// Each partition's size on its leader; relative until scaled.
    pub size_bytes: Vec<f64>,
    /// Broker rows by replica row; empty until placed.
    pub hosts: Vec<u32>,
    /// Broker row that leads each partition; empty until placed.
    pub leaders: Vec<u32>,
    /// By broker, with work in place of cores.
    pub loads: Vec<Loads>,
    /// By broker, what makes a load relative to its group's mean: 1 is the mean's share.
    pub relative: Vec<Loads>,
    /// How many racks each group's active brokers span.
    pub rack_counts: Vec<usize>,
    /// Replica rows in running reassignments, ascending.
    pub reassignments: Vec<(usize, Reassignment)>,
    /// Partitions without a leader, ascending.
    pub leaderless: Vec<usize>,
}

impl Draft {
    /// Brokers without topics.
    pub(super) fn empty(fleet: Fleet) -> Self {
        let brokers = fleet.machines.len();
        Self {
            rack_counts: fleet.rack_counts(),
            fleet,
            hardware: Hardware::default(),
            topics: Vec::new(),
            homes: Vec::new(),
            partitions: Vec::new(),
            size_bytes: Vec::new(),
            hosts: Vec::new(),
            leaders: Vec::new(),
            loads: vec![Loads::default(); brokers],
            relative: vec![Loads::default(); brokers],
            reassignments: Vec::new(),
            leaderless: Vec::new(),
        }
    }

    /// Appends a partition; its replicas' rows follow the last one's.
    pub(super) fn push_partition(&mut self, mut partition: Partition, size_bytes: f64) {
        partition.first_replica = self.partitions.last().map_or(0, |p| p.first_replica + p.replica_count);
        self.partitions.push(partition);
        self.size_bytes.push(size_bytes);
    }

    /// How many replicas there are, placed or not.
    pub(super) fn replica_count(&self) -> usize {
        self.partitions.last().map_or(0, |p| p.replica_rows().end)
    }

    /// The group of partition `p`.
    pub(super) fn home(&self, p: usize) -> usize {
        self.homes[self.partitions[p].topic.row()]
    }

    /// The broker rows that host partition `p`, in position order.
    pub(super) fn hosts_of(&self, p: usize) -> &[u32] {
        &self.hosts[self.partitions[p].replica_rows()]
    }

    /// The host at `position` of partition `p`.
    pub(super) fn host(&self, p: usize, position: usize) -> usize {
        self.hosts[self.partitions[p].first_replica as usize + position] as usize
    }

    /// What a replica of partition `p` puts on its broker.
    pub(super) fn replica_load(&self, p: usize, leads: bool) -> Loads {
        let partition = &self.partitions[p];
        let traffic = Traffic::of(partition, partition.replica_count as usize);
        if leads {
            [self.size_bytes[p], traffic.network_in, traffic.leader_network_out, traffic.leader_work, 1.0, 1.0, 0.0]
        } else {
            [self.size_bytes[p], traffic.network_in, 0.0, traffic.follower_work, 1.0, 0.0, 0.0]
        }
    }

    /// Puts the replica at `position` of partition `p` onto broker `to`, leadership with it.
    pub(super) fn relocate(&mut self, p: usize, position: usize, to: usize) {
        let from = self.host(p, position);
        let leads = self.leaders[p] as usize == from;
        let load = self.replica_load(p, leads);
        self.add(from, &load, -1.0);
        self.add(to, &load, 1.0);
        self.hosts[self.partitions[p].first_replica as usize + position] = to as u32;
        if leads {
            self.leaders[p] = to as u32;
        }
    }

    /// Makes the replica at `position` of partition `p` lead; the order of positions stays.
    pub(super) fn elect(&mut self, p: usize, position: usize) {
        let (leads, follows) = (self.replica_load(p, true), self.replica_load(p, false));
        let (old, new) = (self.leaders[p] as usize, self.host(p, position));
        self.add(old, &leads, -1.0);
        self.add(old, &follows, 1.0);
        self.add(new, &follows, -1.0);
        self.add(new, &leads, 1.0);
        self.leaders[p] = new as u32;
    }

    /// Makes the replica at `position` of partition `p` the preferred leader; who leads stays.
    pub(super) fn prefer(&mut self, p: usize, position: usize) {
        let first = self.partitions[p].first_replica as usize;
        self.hosts.swap(first, first + position);
    }

    fn add(&mut self, broker: usize, load: &Loads, sign: f64) {
        self.loads[broker].iter_mut().zip(load).for_each(|(total, part)| *total += sign * part);
    }

    /// Whether broker `to` may take the place of the replica at `position` of partition `p`: it hosts none yet and the
    /// rack rule holds after. Groups are the caller's to choose from.
    pub(super) fn fits(&self, p: usize, position: usize, to: usize) -> bool {
        let hosts = self.hosts_of(p);
        if hosts.contains(&(to as u32)) {
            return false;
        }
        let others = hosts.iter().enumerate().filter(|(i, _)| *i != position).map(|(_, h)| *h as usize);
        self.racks_hold(self.home(p), others.chain([to]), hosts.len())
    }

    /// Whether `factor` replicas on `hosts` keep the rack rule of `home`.
    pub(super) fn racks_hold(&self, home: usize, hosts: impl Iterator<Item = usize> + Clone, factor: usize) -> bool {
        let racks = self.rack_counts[home];
        if racks == 0 {
            return true;
        }
        let cap = rack_cap(factor, racks);
        let named = hosts.filter_map(|h| self.fleet.machines[h].rack);
        let mut used = 0;
        for (i, rack) in named.clone().enumerate() {
            if !named.clone().take(i).any(|r| r == rack) {
                used += 1;
                if named.clone().filter(|r| *r == rack).count() > cap {
                    return false;
                }
            }
        }
        used >= factor.min(racks)
    }

    /// Whether partition `p` keeps the rack rule as it is placed.
    pub(super) fn racks_hold_for(&self, p: usize) -> bool {
        let hosts = self.hosts_of(p);
        self.racks_hold(self.home(p), hosts.iter().map(|h| *h as usize), hosts.len())
    }

    /// Counts all loads anew, and what makes them relative to their group's mean.
    pub(super) fn recount(&mut self) {
        self.loads.fill(Loads::default());
        for p in 0..self.partitions.len() {
            for position in 0..self.partitions[p].replica_count as usize {
                let host = self.host(p, position);
                let load = self.replica_load(p, self.leaders[p] as usize == host);
                self.add(host, &load, 1.0);
            }
        }
        for members in &self.fleet.members {
            let size: f64 = members.iter().map(|&b| self.fleet.machines[b].size).sum();
            for column in 0..self.loads[0].len() {
                let total: f64 = members.iter().map(|&b| self.loads[b][column]).sum();
                for &b in members {
                    let capacity = if column < CAPACITY_LOADS { self.fleet.machines[b].size } else { 1.0 };
                    let capacities = if column < CAPACITY_LOADS { size } else { members.len() as f64 };
                    // A load that nobody has is nobody's imbalance.
                    self.relative[b][column] = if total > 0.0 { capacities / (total * capacity) } else { 0.0 };
                }
            }
        }
    }

    /// The load of broker `b` in `column`, 1 being its fair share.
    pub(super) fn share(&self, b: usize, column: usize) -> f64 {
        self.loads[b][column] * self.relative[b][column]
    }
}
