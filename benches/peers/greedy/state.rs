//! The cluster as the greedy changes it: who hosts what, loads, counts, and the limits of every goal.
//!
//! Invariant: loads and counts are those of the hosts and leaders; limits are set once, from what no move changes.

use evenkeel::model::load::{Traffic, capacity, cores_per_work};
use evenkeel::model::{BrokerIdx, BrokerState, Goal, PartitionIdx, Placement, Snapshot};

/// Disk, network in, network out, cpu.
pub(super) type Load = [f64; 4];

/// `*.balance.threshold` of 1.10 with the margin of 0.9.
const BAND: f64 = (1.10 - 1.0) * 0.9;
/// `topic.replica.count.balance.threshold` of 3.00 with the margin.
const TOPIC_BAND: f64 = (3.00 - 1.0) * 0.9;
/// `topic.replica.count.balance.min.gap` and `max.gap`.
const TOPIC_GAPS: (i64, i64) = (2, 40);
/// `disk.capacity.threshold` and its like.
pub(super) const CAPACITY: Load = [0.80, 0.80, 0.80, 0.70];

/// A replica by its row in the snapshot.
pub(super) type Slot = usize;

pub(crate) struct State<'a> {
    snapshot: &'a Snapshot,
    /// By replica: its broker, its first broker, its partition.
    pub(super) host: Vec<usize>,
    pub(super) origin: Vec<usize>,
    pub(super) partition: Vec<usize>,
    /// By partition: its first replica and how many; who leads.
    first: Vec<usize>,
    count: Vec<usize>,
    pub(super) leader: Vec<Slot>,
    pub(super) topic: Vec<usize>,
    follower_load: Vec<Load>,
    leader_load: Vec<Load>,
    /// By broker.
    pub(super) replicas: Vec<Vec<Slot>>,
    at: Vec<usize>,
    pub(super) load: Vec<Load>,
    pub(super) capacity: Vec<Load>,
    pub(super) potential_out: Vec<f64>,
    pub(super) leader_bytes_in: Vec<f64>,
    pub(super) leaders: Vec<i64>,
    pub(super) rack: Vec<Option<usize>>,
    pub(super) is_new: Vec<bool>,
    pub(super) has_new: bool,
    /// By topic, then broker.
    pub(super) of_topic: Vec<Vec<i64>>,
    pub(super) excluded: Vec<bool>,
    pub(super) limits: Limits,
}

/// Lowest and highest inside, by goal.
pub(super) struct Limits {
    /// Of utilization.
    pub(super) resources: [(f64, f64); 4],
    pub(super) replicas: (i64, i64),
    pub(super) leaders: (i64, i64),
    pub(super) topics: Vec<(i64, i64)>,
    /// The most bytes in through leaders, the one threshold that takes no margin.
    pub(super) leader_bytes_in: f64,
}

/// ⌊mean · (1 − band)⌋ and ⌈mean · (1 + band)⌉.
fn count_band(mean: f64, band: f64) -> (i64, i64) {
    ((mean * (1.0 - band).max(0.0)).floor() as i64, (mean * (1.0 + band)).ceil() as i64)
}

/// A topic's band, widened or narrowed to the gaps around its mean.
fn topic_band(mean: f64) -> (i64, i64) {
    let (low, high) = count_band(mean, TOPIC_BAND);
    let (floor, ceiling) = (mean.floor() as i64, mean.ceil() as i64);
    let low = low.clamp((floor - TOPIC_GAPS.1).max(0), (floor - TOPIC_GAPS.0).max(0));
    (low, high.clamp(ceiling + TOPIC_GAPS.0, ceiling + TOPIC_GAPS.1))
}

impl<'a> State<'a> {
    /// The snapshot as it stands.
    pub(super) fn new(snapshot: &'a Snapshot, excluded: &[bool]) -> Self {
        let brokers = snapshot.brokers.len();
        let cores = cores_per_work(snapshot).unwrap_or(0.0);
        let goals = [Goal::Disk, Goal::NetworkIn, Goal::NetworkOut, Goal::Cpu];
        let capacities = |b| goals.map(|goal| capacity(snapshot, b, goal).unwrap_or(f64::INFINITY));
        let mut state = Self {
            snapshot,
            host: snapshot.replicas.iter().map(|r| r.broker.row()).collect(),
            origin: snapshot.replicas.iter().map(|r| r.broker.row()).collect(),
            partition: vec![0; snapshot.replicas.len()],
            first: Vec::with_capacity(snapshot.partitions.len()),
            count: Vec::with_capacity(snapshot.partitions.len()),
            leader: Vec::with_capacity(snapshot.partitions.len()),
            topic: snapshot.partitions.iter().map(|p| p.topic.row()).collect(),
            follower_load: Vec::with_capacity(snapshot.partitions.len()),
            leader_load: Vec::with_capacity(snapshot.partitions.len()),
            replicas: vec![Vec::new(); brokers],
            at: vec![0; snapshot.replicas.len()],
            load: vec![[0.0; 4]; brokers],
            capacity: snapshot.broker_indices().map(capacities).collect(),
            potential_out: vec![0.0; brokers],
            leader_bytes_in: vec![0.0; brokers],
            leaders: vec![0; brokers],
            rack: snapshot.brokers.iter().map(|b| b.rack.map(|rack| rack.row())).collect(),
            is_new: snapshot.brokers.iter().map(|b| b.state == BrokerState::New).collect(),
            has_new: snapshot.brokers.iter().any(|b| b.state == BrokerState::New),
            of_topic: vec![vec![0; brokers]; snapshot.topics.len()],
            excluded: excluded.to_vec(),
            limits: Limits {
                resources: [(0.0, 0.0); 4],
                replicas: (0, 0),
                leaders: (0, 0),
                topics: Vec::new(),
                leader_bytes_in: 0.0,
            },
        };
        for p in snapshot.partition_indices() {
            state.add_partition(p, cores);
        }
        state.set_limits();
        state
    }

    fn add_partition(&mut self, p: PartitionIdx, cores: f64) {
        let (row, snapshot) = (self.snapshot.partition(p), self.snapshot);
        let slots = row.replica_rows();
        let traffic = Traffic::of(row, slots.len());
        let size = snapshot.copy_size_bytes(p) as f64;
        let leader = slots.clone().find(|s| Some(snapshot.replicas[*s].broker) == row.leader).unwrap_or(slots.start);
        self.first.push(slots.start);
        self.count.push(slots.len());
        self.leader.push(leader);
        self.follower_load.push([size, traffic.network_in, 0.0, cores * traffic.follower_work]);
        self.leader_load.push([size, traffic.network_in, traffic.leader_network_out, cores * traffic.leader_work]);
        for slot in slots {
            self.partition[slot] = p.row();
            self.settle(slot, self.host[slot]);
        }
    }

    fn set_limits(&mut self) {
        let brokers = self.load.len() as f64;
        let sum = |of: &[Load], r: usize| of.iter().map(|load| load[r]).sum::<f64>();
        for r in 0..4 {
            let mean = sum(&self.load, r) / sum(&self.capacity, r);
            self.limits.resources[r] = (mean * (1.0 - BAND), mean * (1.0 + BAND));
        }
        self.limits.replicas = count_band(self.host.len() as f64 / brokers, BAND);
        self.limits.leaders = count_band(self.leader.len() as f64 / brokers, BAND);
        let total = |counts: &Vec<i64>| counts.iter().sum::<i64>() as f64;
        self.limits.topics = self.of_topic.iter().map(|counts| topic_band(total(counts) / brokers)).collect();
        self.limits.leader_bytes_in = self.leader_bytes_in.iter().sum::<f64>() / brokers * 1.10;
    }

    /// Every broker, by id.
    pub(super) fn brokers(&self) -> std::ops::Range<usize> {
        0..self.load.len()
    }

    pub(super) fn leads(&self, slot: Slot) -> bool {
        self.leader[self.partition[slot]] == slot
    }

    /// The replicas of a replica's partition, itself among them.
    pub(super) fn siblings(&self, slot: Slot) -> std::ops::Range<Slot> {
        let p = self.partition[slot];
        self.first[p]..self.first[p] + self.count[p]
    }

    pub(super) fn slot_load(&self, slot: Slot) -> &Load {
        let p = self.partition[slot];
        if self.leads(slot) { &self.leader_load[p] } else { &self.follower_load[p] }
    }

    /// What a replica's partition would send from the replica's broker, did it lead.
    pub(super) fn potential(&self, slot: Slot) -> f64 {
        self.leader_load[self.partition[slot]][2]
    }

    /// What a change of leadership takes along.
    pub(super) fn leadership_load(&self, slot: Slot) -> Load {
        let p = self.partition[slot];
        std::array::from_fn(|r| self.leader_load[p][r] - self.follower_load[p][r])
    }

    pub(super) fn bytes_in(&self, slot: Slot) -> f64 {
        self.leader_load[self.partition[slot]][1]
    }

    pub(super) fn utilization(&self, broker: usize, resource: usize) -> f64 {
        self.load[broker][resource] / self.capacity[broker][resource]
    }

    pub(super) fn topic_of(&self, slot: Slot) -> usize {
        self.topic[self.partition[slot]]
    }

    pub(super) fn may_move(&self, slot: Slot) -> bool {
        !self.excluded[self.topic_of(slot)]
    }

    pub(super) fn hosts(&self, broker: usize, slot: Slot) -> bool {
        self.siblings(slot).any(|s| self.host[s] == broker)
    }

    /// Moves a replica.
    pub(super) fn relocate(&mut self, slot: Slot, to: usize) {
        self.unsettle(slot);
        self.host[slot] = to;
        self.settle(slot, to);
    }

    /// Makes `slot` lead its partition.
    pub(super) fn lead(&mut self, slot: Slot) {
        let old = self.leader[self.partition[slot]];
        for slot in [old, slot] {
            self.unsettle(slot);
        }
        self.leader[self.partition[slot]] = slot;
        for slot in [old, slot] {
            self.settle(slot, self.host[slot]);
        }
    }

    fn settle(&mut self, slot: Slot, broker: usize) {
        self.at[slot] = self.replicas[broker].len();
        self.replicas[broker].push(slot);
        self.count_on(slot, broker, 1);
    }

    fn unsettle(&mut self, slot: Slot) {
        let broker = self.host[slot];
        self.replicas[broker].swap_remove(self.at[slot]);
        if let Some(&moved) = self.replicas[broker].get(self.at[slot]) {
            self.at[moved] = self.at[slot];
        }
        self.count_on(slot, broker, -1);
    }

    fn count_on(&mut self, slot: Slot, broker: usize, sign: i64) {
        let load = *self.slot_load(slot);
        let scale = sign as f64;
        self.load[broker].iter_mut().zip(load).for_each(|(sum, load)| *sum += scale * load);
        self.potential_out[broker] += scale * self.potential(slot);
        self.of_topic[self.topic[self.partition[slot]]][broker] += sign;
        if self.leads(slot) {
            self.leaders[broker] += sign;
            self.leader_bytes_in[broker] += scale * load[1];
        }
    }

    /// Where everything is: a moved replica on its broker's only log dir, and Cruise Control's new leaders preferred.
    pub(super) fn placement(&self) -> Placement {
        let mut placement = Placement::of(self.snapshot);
        for p in self.snapshot.partition_indices() {
            let first = self.first[p.row()];
            for (position, seat) in placement.seats_mut(p).iter_mut().enumerate() {
                let broker = BrokerIdx::new(self.host[first + position]);
                if broker != seat.broker {
                    let dir = self.snapshot.broker(broker).first_log_dir as usize;
                    (seat.broker, seat.log_dir) = (broker, Some(evenkeel::model::LogDirIdx::new(dir)));
                }
            }
            let leader = self.leader[p.row()];
            placement.seats_mut(p).swap(0, leader - first);
            placement.set_leader(p, Some(BrokerIdx::new(self.host[leader])));
        }
        placement
    }
}
