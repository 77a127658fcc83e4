//! Where one replica of a plan could be instead: brokers that rules and room rule out, by reason, and the others ranked
//! by the excess that the change would bring.
//!
//! Only two brokers' loads change, so that a broker is ranked in time independent of the cluster's size. The ranking
//! leaves out that means shift where copies differ in size from what they replace; what is listed is judged anew.

use std::collections::BTreeMap;

use super::pairs::Pairs;
use crate::model::load::{Traffic, capacity, cores_per_work, has_serving_log_dir, write_amplification};
use crate::model::placement::seat_size_bytes;
use crate::model::{
    BrokerIdx, BrokerState, Goal, Groups, Home, Loads, LogDirIdx, LogDirState, PartitionIdx, Placement, Policy,
    RackIdx, Seat, Snapshot, band,
};
use crate::verify::Usage;
use crate::verify::assess::{GoalFigures, band_brokers, goal_figures};

/// Why some brokers may not take a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barred {
    /// The reason's stable name.
    pub code: &'static str,
    /// The reason in words.
    pub why: String,
    /// Those brokers, ascending.
    pub brokers: Vec<BrokerIdx>,
}

/// A place that is open to a replica.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Where.
    pub seat: Seat,
    /// The change of excess it would bring, as far as two brokers' loads, the topic's spread and its leaders', and who
    /// shares partitions with whom decide.
    pub excess_change: f64,
    /// The change of bytes copied between brokers.
    pub bytes_change: i128,
}

/// One goal of one group: figures by broker, whether they are shares of capacities.
struct Standing {
    goal: Goal,
    figures: GoalFigures,
    is_share: bool,
}

/// Replicas of the topic, or its leaders, by broker.
struct Crowd {
    counts: Vec<u64>,
    /// The most inside the band; none where the goal is off.
    limit: Option<u64>,
}

impl Crowd {
    fn new(
        snapshot: &Snapshot,
        policy: &Policy,
        hosts: impl Iterator<Item = BrokerIdx>,
        (goal, limit): (Goal, impl Fn(u64) -> u64),
    ) -> Self {
        let mut counts = vec![0; snapshot.brokers.len()];
        hosts.for_each(|b| counts[b.row()] += 1);
        let limit = policy.bands.is_on(goal).then(|| limit(counts.iter().sum()));
        Self { counts, limit }
    }
}

/// The plan as places are looked for in it.
pub struct Places<'a> {
    snapshot: &'a Snapshot,
    policy: &'a Policy,
    groups: &'a Groups,
    planned: &'a Placement,
    usage: &'a Usage,
    partition: PartitionIdx,
    home: Home,
    cores_per_work: f64,
    /// Racks among eligible brokers.
    racks: usize,
    /// By group.
    standings: Vec<Vec<Standing>>,
    /// Each broker's group and its row in the group's figures, where its loads are compared.
    rows: Vec<Option<(usize, usize)>>,
    spread: Crowd,
    leaders: Crowd,
    /// Who shares partitions with whom.
    pairs: Pairs,
    /// Brokers all of whose replicas in the snapshot name a dir.
    dirs_planned: Vec<bool>,
}

/// Reasons in the order they are looked for: each broker is told the first that holds.
const REASONS: [&str; 10] = [
    "hosts",
    "inactive",
    "resource_group",
    "no_receive",
    "excluded",
    "log_dirs",
    "rack",
    "log_dir_capacity",
    "broker_limit",
    "offline_resident",
];

impl<'a> Places<'a> {
    /// Counts what does not depend on the replica.
    #[must_use]
    pub fn new(
        snapshot: &'a Snapshot,
        policy: &'a Policy,
        groups: &'a Groups,
        planned: &'a Placement,
        usage: &'a Usage,
        partition: PartitionIdx,
    ) -> Self {
        let topic = snapshot.partition(partition).topic;
        let home = groups.home(topic);
        let eligible = groups.eligible(snapshot, home);
        let mut racks: Vec<RackIdx> = eligible.iter().filter_map(|&b| snapshot.broker(b).rack).collect();
        racks.sort_unstable();
        racks.dedup();
        let mut rows = vec![None; snapshot.brokers.len()];
        let mut standing = |group: usize| {
            let brokers = band_brokers(snapshot, groups, group);
            brokers.iter().enumerate().for_each(|(row, b)| rows[b.row()] = Some((group, row)));
            let known = |goal| brokers.iter().all(|&b| capacity(snapshot, b, goal).is_some());
            let one = |goal: Goal| {
                let figures = goal_figures(snapshot, policy, usage, &brokers, goal)?;
                Some(Standing { goal, figures, is_share: !goal.is_count() && known(goal) })
            };
            Goal::BROKER.into_iter().filter_map(one).collect()
        };
        let standings = (0..groups.names().len()).map(&mut standing).collect();
        let partitions = || snapshot.topic(topic).partition_rows().map(PartitionIdx::new);
        let hosts = partitions().flat_map(|p| planned.seats(p)).map(|seat| seat.broker);
        let leaders = partitions().filter_map(|p| planned.leader(p));
        let of_replicas = |total| band::topic_spread(total, eligible.len(), &policy.bands);
        let of_leaders = |total| band::leaders_per_topic(total, eligible.len(), &policy.bands);
        let mut dirs_planned = vec![true; snapshot.brokers.len()];
        snapshot.replicas.iter().filter(|r| r.log_dir.is_none()).for_each(|r| dirs_planned[r.broker.row()] = false);
        Self {
            standings,
            rows,
            cores_per_work: cores_per_work(snapshot).unwrap_or(0.0),
            racks: racks.len(),
            spread: Crowd::new(snapshot, policy, hosts, (Goal::TopicSpread, of_replicas)),
            leaders: Crowd::new(snapshot, policy, leaders, (Goal::LeadersPerTopic, of_leaders)),
            pairs: Pairs::new(snapshot, policy, groups, |p| planned.seats(p).iter().map(|s| s.broker).collect()),
            dirs_planned,
            snapshot,
            policy,
            groups,
            planned,
            usage,
            partition,
            home,
        }
    }

    /// Every other place of the replica at `position`, best first, and the brokers it may not go to, by reason.
    #[must_use]
    pub fn of(&self, position: usize) -> (Vec<Ranked>, Vec<Barred>) {
        let seats = self.planned.seats(self.partition);
        let Some(&seat) = seats.get(position) else { return (Vec::new(), Vec::new()) };
        let mut open = Vec::new();
        let mut closed: BTreeMap<(usize, String), Vec<BrokerIdx>> = BTreeMap::new();
        for broker in self.snapshot.broker_indices().filter(|&b| b != seat.broker) {
            match self.place(seats, seat, broker) {
                Ok(place) => open.push(place),
                Err((code, why)) => {
                    let order = REASONS.iter().position(|reason| *reason == code).unwrap_or(REASONS.len());
                    closed.entry((order, why)).or_default().push(broker);
                }
            }
        }
        open.sort_by(|a, b| {
            let by_excess = a.excess_change.total_cmp(&b.excess_change);
            by_excess.then(a.bytes_change.cmp(&b.bytes_change)).then(a.seat.broker.cmp(&b.seat.broker))
        });
        let barred = |((order, why), brokers): ((usize, String), Vec<BrokerIdx>)| Barred {
            code: REASONS.get(order).copied().unwrap_or("other"),
            why,
            brokers,
        };
        (open, closed.into_iter().map(barred).collect())
    }

    fn place(&self, seats: &[Seat], seat: Seat, broker: BrokerIdx) -> Result<Ranked, (&'static str, String)> {
        self.admits(seats, seat, broker)?;
        let log_dir = self.log_dir(broker)?;
        let place = Seat { broker, log_dir };
        let leads = self.planned.leader(self.partition) == Some(seat.broker);
        let (gone, come) = (self.loads(seat, leads), self.loads(place, leads));
        self.within_limits(broker, &come)?;
        let excess_change = self.excess_change(seat.broker, &gone, -1.0)
            + self.excess_change(broker, &come, 1.0)
            + self.crowd_change(&self.spread, seat.broker, broker)
            + if leads { self.crowd_change(&self.leaders, seat.broker, broker) } else { 0.0 }
            + self.pairs_change(seats, seat.broker, broker);
        let copy = i128::from(self.snapshot.copy_size_bytes(self.partition));
        let fresh = |b: BrokerIdx| i128::from(!self.snapshot.replicas_of(self.partition).iter().any(|r| r.broker == b));
        let bytes_change = copy * (fresh(broker) - fresh(seat.broker));
        Ok(Ranked { seat: place, excess_change, bytes_change })
    }

    /// Rules and flags that rule `broker` out, room aside.
    fn admits(&self, seats: &[Seat], seat: Seat, broker: BrokerIdx) -> Result<(), (&'static str, String)> {
        let row = self.snapshot.broker(broker);
        let bar = |code, why: String| Err((code, why));
        if seats.iter().any(|s| s.broker == broker) {
            return bar("hosts", "holds a replica of it already".to_owned());
        }
        if !row.state.is_active() {
            return bar("inactive", format!("is {}", BrokerState::name(row.state)));
        }
        if !self.groups.admits(self.home, broker) {
            let own = self.groups.of_broker(broker).map_or("no group", |g| self.groups.names()[g].as_str());
            let want = self.groups.home_name(self.home);
            return bar("resource_group", format!("is of {own}, the topic of {want}"));
        }
        if self.policy.no_receive.contains(&row.id) {
            return bar("no_receive", "the policy lets it receive nothing".to_owned());
        }
        if self.policy.scope.exclude_brokers.contains(&row.id) {
            return bar("excluded", "a flag excludes it".to_owned());
        }
        let dirs = &self.snapshot.log_dirs[row.log_dir_rows()];
        if !dirs.iter().any(|dir| dir.state == LogDirState::Online) {
            return bar("log_dirs", "has no online log dir that is not cordoned".to_owned());
        }
        self.rack(seats, seat, broker)
    }

    /// Whether the rack rule holds no worse with the replica of `seat` on `broker`.
    fn rack(&self, seats: &[Seat], seat: Seat, broker: BrokerIdx) -> Result<(), (&'static str, String)> {
        if self.racks == 0 {
            return Ok(());
        }
        let rack = |b: BrokerIdx| self.snapshot.broker(b).rack;
        let Some(target) = rack(broker) else {
            return Err(("rack", "names no rack".to_owned()));
        };
        let cap = band::rack_cap(seats.len(), self.racks);
        let others = || seats.iter().filter(|s| s.broker != seat.broker).filter_map(|s| rack(s.broker));
        let there = others().filter(|&r| r == target).count();
        let name = |r: RackIdx| self.snapshot.racks[r.row()].as_str();
        if there >= cap {
            let replicas = if there == 1 { "1 replica".to_owned() } else { format!("{there} replicas") };
            return Err(("rack", format!("its rack, {}, holds {replicas} of it already, {cap} at most", name(target))));
        }
        let Some(source) = rack(seat.broker).filter(|&r| r != target) else { return Ok(()) };
        let is_last = !others().any(|r| r == source);
        let is_used = others().any(|r| r == target);
        let used = 1 + {
            let mut racks: Vec<RackIdx> = others().collect();
            racks.sort_unstable();
            racks.dedup();
            racks.len()
        };
        if is_last && is_used && used <= seats.len().min(self.racks) {
            return Err(("rack", format!("{}, the rack it leaves, would be without a replica", name(source))));
        }
        Ok(())
    }

    /// The dir that the replica would go to: its own where the broker has one in the snapshot, else the one left emptiest.
    fn log_dir(&self, broker: BrokerIdx) -> Result<Option<LogDirIdx>, (&'static str, String)> {
        let resident = self.snapshot.replicas_of(self.partition).iter().find(|r| r.broker == broker);
        if let Some(dir) = resident.and_then(|r| r.log_dir) {
            return if self.snapshot.log_dir(dir).state.is_serving() {
                Ok(Some(dir))
            } else {
                Err(("offline_resident", "its own replica is on an offline dir and has to leave first".to_owned()))
            };
        }
        if resident.is_some() || !self.dirs_planned[broker.row()] {
            return Ok(None);
        }
        let bytes = self.snapshot.copy_size_bytes(self.partition);
        let rows = self.snapshot.broker(broker).log_dir_rows();
        let filled = |row: usize| {
            let dir = &self.snapshot.log_dirs[row];
            let used = (self.usage.log_dir_bytes[row] + bytes) as f64;
            let share = dir.capacity_bytes.map(|capacity| used / capacity as f64);
            let fits = share.is_none_or(|share| !band::exceeds(share, self.policy.limits.log_dir));
            // Where capacities are unknown, dirs compare by bytes alone.
            (dir.state == LogDirState::Online && fits).then_some((share.unwrap_or(used), row))
        };
        let best = rows.filter_map(filled).min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        best.map(|(_, row)| Some(LogDirIdx::new(row)))
            .ok_or_else(|| ("log_dir_capacity", "no log dir has room for it below its limit".to_owned()))
    }

    /// Whether `broker` passes no hard limit that it keeps now.
    fn within_limits(&self, broker: BrokerIdx, come: &Loads) -> Result<(), (&'static str, String)> {
        let limits = &self.policy.limits;
        for (lane, goal) in Goal::BROKER.into_iter().enumerate() {
            let now = self.usage.loads[broker.row()][lane];
            let (limit, unit) = match goal {
                Goal::Disk => (limits.disk, capacity(self.snapshot, broker, goal)),
                Goal::NetworkIn => (limits.network_in, capacity(self.snapshot, broker, goal)),
                Goal::NetworkOut => (limits.network_out, capacity(self.snapshot, broker, goal)),
                Goal::Cpu => (limits.cpu, capacity(self.snapshot, broker, goal).filter(|_| self.usage.has_cpu)),
                Goal::Replicas => (f64::from(limits.replicas_per_broker), Some(1.0)),
                _ => continue,
            };
            let Some(unit) = unit else { continue };
            let (before, after) = (now / unit, (now + come[lane]) / unit);
            if band::exceeds(after, limit) && !band::exceeds(before, limit) {
                return Err(("broker_limit", format!("would pass its {} limit of {limit}", goal.name())));
            }
        }
        Ok(())
    }

    /// What the replica takes on `seat`.
    fn loads(&self, seat: Seat, leads: bool) -> Loads {
        let seats = self.planned.seats(self.partition).len();
        let traffic = Traffic::of(self.snapshot.partition(self.partition), seats);
        let is_served = seat.log_dir.is_none_or(|d| self.snapshot.log_dir(d).state.is_serving());
        let bytes = if is_served { seat_size_bytes(self.snapshot, self.partition, seat) } else { 0 };
        let work = if leads { traffic.leader_work } else { traffic.follower_work };
        let (out, led) = if leads { (traffic.leader_network_out, 1.0) } else { (0.0, 0.0) };
        let topic = self.snapshot.topic(self.snapshot.partition(self.partition).topic);
        let written = if is_served { traffic.network_in * write_amplification(topic) } else { 0.0 };
        [bytes as f64, traffic.network_in, out, self.cores_per_work * work, 1.0, led, written]
    }

    /// The change of excess if `loads` came to `broker` (`sign` 1) or left it (−1), means taken as they are.
    fn excess_change(&self, broker: BrokerIdx, loads: &Loads, sign: f64) -> f64 {
        let Some((group, row)) = self.rows[broker.row()] else { return 0.0 };
        let mut change = 0.0;
        for Standing { goal, figures, is_share } in self.standings[group].iter().filter(|s| s.figures.mean > 0.0) {
            let lane = Goal::BROKER.iter().position(|g| g == goal).unwrap_or(0);
            let unit = if *is_share { capacity(self.snapshot, broker, *goal).unwrap_or(1.0) } else { 1.0 };
            let now = figures.values[row];
            let then = now + sign * loads[lane] / unit;
            change += (band::distance(then, figures.band) - band::distance(now, figures.band)) / figures.mean;
        }
        change
    }

    /// The change of excess if one of `crowd` went from one broker to another.
    fn crowd_change(&self, crowd: &Crowd, from: BrokerIdx, to: BrokerIdx) -> f64 {
        let Crowd { counts, limit: Some(limit) } = crowd else { return 0.0 };
        let judged = |b: BrokerIdx| {
            self.snapshot.broker(b).state.is_active()
                && self.groups.admits(self.home, b)
                && has_serving_log_dir(self.snapshot, b)
        };
        let mut change = 0.0;
        if judged(to) && counts[to.row()] >= *limit {
            change += 1.0;
        }
        if judged(from) && counts[from.row()] > *limit {
            change -= 1.0;
        }
        change / *limit as f64
    }
    /// The change of excess from whom brokers share partitions with, the replica on `from` going to `to`.
    fn pairs_change(&self, seats: &[Seat], from: BrokerIdx, to: BrokerIdx) -> f64 {
        if !self.pairs.is_on() {
            return 0.0;
        }
        let old: Vec<BrokerIdx> = seats.iter().map(|s| s.broker).collect();
        let new: Vec<BrokerIdx> = old.iter().map(|&b| if b == from { to } else { b }).collect();
        self.pairs.change(&old, &new)
    }
}
