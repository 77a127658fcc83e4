//! What the survivors of one case carry.
//!
//! Leadership passes to the first in-sync surviving replica in position order, as Kafka elects from the ISR; network
//! and cpu are those of that moment, with the surviving replicas alone. Disk is that after every copy that was lost has
//! been made again: within a topic's group, on active survivors, in proportion to the capacity that they have free.
//! Partitions without an in-sync survivor carry nothing and cannot be copied. Brokers that are `down` are expected back
//! and keep what they have; what `dead` brokers and offline log dirs held is copied with the rest.

use super::units::{Domain, Units, is_in_service};
use crate::capacity::NotEvaluated;
use crate::capacity::not_evaluated::broker_list;
use crate::model::load::cores_per_work;
use crate::model::{BrokerIdx, BrokerState, Goal, Groups, Home, Partition, Policy, Snapshot, Traffic};
use crate::plan::throttle::{FLOOR_BYTES_PER_SEC, HEADROOM_SHARE};

/// One goal among the survivors.
#[derive(Clone, Debug, PartialEq)]
pub struct SurvivorsUse {
    /// One of [`Goal::UTILIZATIONS`].
    pub goal: Goal,
    /// The highest utilization; none where it cannot be computed.
    pub utilization_max: Option<f64>,
    /// The broker that has it.
    pub busiest: Option<BrokerIdx>,
    /// The highest utilization among the same brokers before the case.
    pub before: Option<f64>,
}

/// What bounds the rate at which a broker copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateBound {
    /// The throttle asked for.
    Throttle,
    /// What the broker's network has left below the policy's limit.
    Headroom,
    /// Less is left than it takes to come to an end: the least that plans copy at.
    Floor,
}

impl RateBound {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttle => "throttle",
            Self::Headroom => "headroom",
            Self::Floor => "floor",
        }
    }
}

/// The rate at which a broker makes lost copies again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CopyRate {
    /// The broker.
    pub broker: BrokerIdx,
    /// [`Goal::NetworkIn`] where it receives, [`Goal::NetworkOut`] where it sends.
    pub goal: Goal,
    /// Bytes per second.
    pub bytes_per_sec: f64,
    /// What bounds it.
    pub bound: RateBound,
}

/// The survivors of one case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survivors {
    /// By goal.
    pub uses: Vec<SurvivorsUse>,
    /// Bytes to copy until every partition that survives has all its replicas again.
    pub copied_bytes: f64,
    /// Hours that takes, the slowest broker deciding, each copying at the throttle or at what its network has left; none
    /// where nobody is left to copy to.
    pub exposed_hours: Option<f64>,
    /// What decides those hours; none where nothing is copied.
    pub slowest: Option<CopyRate>,
    /// Figures that are absent.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// Loads by broker: bytes, bytes/s in, bytes/s out, cores.
type Loads = Vec<[f64; 4]>;

struct Case<'a> {
    snapshot: &'a Snapshot,
    /// By broker, whether it is in service after the case.
    up: Vec<bool>,
    /// By log dir, whether it serves after the case.
    serving: Vec<bool>,
}

impl<'a> Case<'a> {
    fn of(snapshot: &'a Snapshot, units: &Units, failed: &[u32]) -> Self {
        let mut up: Vec<bool> = (0..snapshot.brokers.len()).map(|row| is_in_service(snapshot, row)).collect();
        let mut serving: Vec<bool> = snapshot.log_dirs.iter().map(|d| d.state.is_serving()).collect();
        for unit in failed.iter().filter_map(|unit| units.units.get(*unit as usize)) {
            match unit.domain {
                Domain::Broker => up[unit.row] = false,
                Domain::LogDir => serving[unit.row] = false,
                Domain::Rack => {
                    for (row, broker) in snapshot.brokers.iter().enumerate() {
                        up[row] &= broker.rack.is_none_or(|rack| rack.row() != unit.row);
                    }
                }
            }
        }
        Self { snapshot, up, serving }
    }

    fn survives(&self, row: usize) -> bool {
        let replica = &self.snapshot.replicas[row];
        self.up[replica.broker.row()] && replica.log_dir.is_none_or(|d| self.serving[d.row()])
    }

    /// Who leads `partition` after the case, by replica row.
    fn leader(&self, partition: &Partition) -> Option<usize> {
        let rows = || partition.replica_rows().filter(|row| self.survives(*row));
        let holds = |row: usize| Some(self.snapshot.replicas[row].broker) == partition.leader;
        let stays = rows().find(|row| holds(*row));
        stays.or_else(|| rows().find(|row| self.snapshot.replicas[*row].in_sync))
    }

    /// Whether a copy was lost that is to be made again: its broker is not merely away.
    fn is_gone(&self, row: usize) -> bool {
        !self.survives(row) && self.snapshot.broker(self.snapshot.replicas[row].broker).state != BrokerState::Down
    }

    fn capacity_bytes(&self, broker: BrokerIdx) -> Option<f64> {
        let rows = self.snapshot.broker(broker).log_dir_rows().filter(|row| self.serving[*row]);
        let bytes = rows.map(|row| self.snapshot.log_dirs[row].capacity_bytes).sum::<Option<u64>>()?;
        (bytes > 0).then_some(bytes as f64)
    }

    fn has_dir(&self, broker: BrokerIdx) -> bool {
        self.snapshot.broker(broker).log_dir_rows().any(|row| self.serving[row])
    }

    /// Loads after failover, without what is copied again; and by home the bytes to copy, by broker the bytes it sends.
    fn loads(&self, groups: &Groups, cores: f64) -> (Loads, Vec<(Home, f64)>, Vec<f64>) {
        let snapshot = self.snapshot;
        let mut loads = vec![[0.0; 4]; snapshot.brokers.len()];
        for (dir, serves) in snapshot.log_dirs.iter().zip(&self.serving) {
            if *serves {
                loads[dir.broker.row()][0] += dir.other_used_bytes as f64;
            }
        }
        let mut to_copy: Vec<(Home, f64)> = groups.homes().into_iter().map(|home| (home, 0.0)).collect();
        let mut sent = vec![0.0; snapshot.brokers.len()];
        for index in snapshot.partition_indices() {
            let partition = snapshot.partition(index);
            let leader = self.leader(partition);
            let survivors = partition.replica_rows().filter(|row| self.survives(*row)).count();
            let traffic = Traffic::of(partition, survivors);
            for row in partition.replica_rows().filter(|row| self.survives(*row)) {
                let replica = &snapshot.replicas[row];
                let load = &mut loads[replica.broker.row()];
                load[0] += replica.size_bytes as f64;
                let Some(leader) = leader else { continue };
                load[1] += traffic.network_in;
                load[2] += if row == leader { traffic.leader_network_out } else { 0.0 };
                load[3] += cores * if row == leader { traffic.leader_work } else { traffic.follower_work };
            }
            let Some(leader) = leader else { continue };
            let gone = partition.replica_rows().filter(|row| self.is_gone(*row)).count();
            let bytes = snapshot.copy_size_bytes(index) as f64 * gone as f64;
            let home = groups.home(partition.topic);
            if let Some((_, sum)) = to_copy.iter_mut().find(|(other, _)| *other == home) {
                *sum += bytes;
            }
            sent[snapshot.replicas[leader].broker.row()] += bytes;
        }
        (loads, to_copy, sent)
    }

    /// Adds what is copied again to the disks of the survivors; returns by broker the bytes received, or why not.
    fn copy_again(&self, groups: &Groups, loads: &mut Loads, to_copy: &[(Home, f64)]) -> Result<Vec<f64>, String> {
        let snapshot = self.snapshot;
        let mut received = vec![0.0; snapshot.brokers.len()];
        for (home, bytes) in to_copy.iter().filter(|(_, bytes)| *bytes > 0.0) {
            let mut takers = groups.eligible(snapshot, *home);
            takers.retain(|b| self.up[b.row()] && self.has_dir(*b));
            let unknown: Vec<BrokerIdx> =
                takers.iter().copied().filter(|b| self.capacity_bytes(*b).is_none()).collect();
            if takers.is_empty() {
                return Err(format!("no broker of group {} is left to copy to", groups.home_name(*home)));
            }
            if !unknown.is_empty() {
                return Err(format!("the disks of {} have no known capacity", broker_list(snapshot, &unknown)));
            }
            let free = |b: &BrokerIdx| (self.capacity_bytes(*b).unwrap_or(0.0) - loads[b.row()][0]).max(0.0);
            let room: f64 = takers.iter().map(free).sum();
            let capacity = |b: &BrokerIdx| self.capacity_bytes(*b).unwrap_or(0.0);
            let total: f64 = takers.iter().map(capacity).sum();
            // Without any room the overflow is shown in proportion to capacity: above 100 % everywhere.
            let share = |b: &BrokerIdx| if room > 0.0 { free(b) / room } else { capacity(b) / total };
            let shares: Vec<f64> = takers.iter().map(|b| bytes * share(b)).collect();
            for (broker, bytes) in takers.iter().zip(shares) {
                received[broker.row()] += bytes;
            }
        }
        for (load, bytes) in loads.iter_mut().zip(&received) {
            load[0] += bytes;
        }
        Ok(received)
    }
}

/// What the survivors of every case have in common.
pub(super) struct Crew<'a> {
    snapshot: &'a Snapshot,
    policy: &'a Policy,
    units: &'a Units,
    groups: Groups,
    /// Cores per unit of work, as contract §2 has it.
    cores: Option<f64>,
    throttle_bytes_per_sec: f64,
    /// As things are.
    today: Case<'a>,
    before: Loads,
}

impl<'a> Crew<'a> {
    /// The crew of `snapshot`, which copies again at `throttle_bytes_per_sec` per broker at most.
    pub(super) fn new(
        snapshot: &'a Snapshot,
        policy: &'a Policy,
        units: &'a Units,
        throttle_bytes_per_sec: f64,
    ) -> Self {
        let groups = Groups::new(snapshot, policy);
        let cores = cores_per_work(snapshot);
        let today = Case::of(snapshot, units, &[]);
        let (before, ..) = today.loads(&groups, cores.unwrap_or(0.0));
        Self { snapshot, policy, units, groups, cores, throttle_bytes_per_sec, today, before }
    }

    /// The survivors of the case in which `failed` fail.
    pub(super) fn survivors(&self, failed: &[u32]) -> Survivors {
        let case = Case::of(self.snapshot, self.units, failed);
        let (mut loads, to_copy, sent) = case.loads(&self.groups, self.cores.unwrap_or(0.0));
        let copied_bytes = to_copy.iter().map(|(_, bytes)| bytes).sum();
        let received = case.copy_again(&self.groups, &mut loads, &to_copy);
        let mut not_evaluated = Vec::new();
        let up: Vec<BrokerIdx> = self.snapshot.broker_indices().filter(|b| case.up[b.row()]).collect();
        let mut uses = Vec::new();
        for (column, goal) in Goal::UTILIZATIONS.into_iter().enumerate() {
            let reason = match (goal, &received) {
                (Goal::Disk, Err(why)) => Some(why.clone()),
                (Goal::Cpu, _) if self.cores.is_none() => {
                    Some("no broker has both cpu_cores and cpu_utilization".to_owned())
                }
                _ => None,
            };
            let found = reason.map_or_else(|| case.highest(&up, goal, column, &loads), Err);
            let (utilization_max, busiest) = match found {
                Ok((utilization, broker)) => (Some(utilization), Some(broker)),
                Err(why) => {
                    not_evaluated.push(NotEvaluated::new(format!("survivors.{}", goal.name()), why));
                    (None, None)
                }
            };
            let before = || self.today.highest(&up, goal, column, &self.before).ok();
            let before = utilization_max.and_then(|_| before()).map(|(utilization, _)| utilization);
            uses.push(SurvivorsUse { goal, utilization_max, busiest, before });
        }
        let slowest = received.map(|received| self.slowest(&loads, &received, &sent));
        let (exposed_hours, slowest) = match slowest {
            Ok(None) => (Some(0.0), None),
            Ok(Some((hours, rate))) => (Some(hours), Some(rate)),
            Err(why) => {
                not_evaluated.push(NotEvaluated::new("survivors.exposed_hours", why));
                (None, None)
            }
        };
        Survivors { uses, copied_bytes, exposed_hours, slowest, not_evaluated }
    }

    /// Hours until the last broker has sent and received its part, and what decided; none where nothing is copied.
    fn slowest(&self, loads: &Loads, received: &[f64], sent: &[f64]) -> Option<(f64, CopyRate)> {
        let mut slowest: Option<(f64, CopyRate)> = None;
        for broker in self.snapshot.broker_indices() {
            for (goal, column, bytes) in
                [(Goal::NetworkIn, 1, received[broker.row()]), (Goal::NetworkOut, 2, sent[broker.row()])]
            {
                if bytes <= 0.0 {
                    continue;
                }
                let rate = self.rate(broker, goal, loads[broker.row()][column]);
                let hours = bytes / rate.bytes_per_sec / 3_600.0;
                if slowest.is_none_or(|(most, _)| hours > most) {
                    slowest = Some((hours, rate));
                }
            }
        }
        slowest
    }

    /// What `broker` may copy at beside its `load`: the throttle, or what its network has left below the limit, by the
    /// rule and the floor that plans use (kafka-kit's autothrottle).
    fn rate(&self, broker: BrokerIdx, goal: Goal, load: f64) -> CopyRate {
        let throttle = self.throttle_bytes_per_sec;
        let of = |bytes_per_sec: f64, bound: RateBound| CopyRate { broker, goal, bytes_per_sec, bound };
        let limit =
            if goal == Goal::NetworkIn { self.policy.limits.network_in } else { self.policy.limits.network_out };
        let Some(capacity) = crate::model::load::capacity(self.snapshot, broker, goal) else {
            return of(throttle, RateBound::Throttle);
        };
        let left = (capacity * limit - load) * HEADROOM_SHARE;
        match (left < throttle, left < FLOOR_BYTES_PER_SEC.min(throttle)) {
            (false, _) => of(throttle, RateBound::Throttle),
            (true, false) => of(left, RateBound::Headroom),
            (true, true) => of(FLOOR_BYTES_PER_SEC.min(throttle), RateBound::Floor),
        }
    }
}

impl Case<'_> {
    /// The highest utilization among `up`, or why there is none. `column` is the goal's in `loads`.
    fn highest(&self, up: &[BrokerIdx], goal: Goal, column: usize, loads: &Loads) -> Result<(f64, BrokerIdx), String> {
        let mut brokers = up.to_vec();
        if goal == Goal::Disk {
            brokers.retain(|b| self.has_dir(*b));
        }
        let capacity = |b: BrokerIdx| match goal {
            Goal::Disk => self.capacity_bytes(b),
            _ => crate::model::load::capacity(self.snapshot, b, goal),
        };
        let unknown: Vec<BrokerIdx> = brokers.iter().copied().filter(|b| capacity(*b).is_none()).collect();
        if !unknown.is_empty() {
            return Err(format!("no known capacity for {}", broker_list(self.snapshot, &unknown)));
        }
        let utilizations = brokers.iter().filter_map(|b| Some((loads[b.row()][column] / capacity(*b)?, *b)));
        let highest = utilizations.reduce(|a, b| if b.0 > a.0 { b } else { a });
        highest.ok_or_else(|| "no broker survives".to_owned())
    }
}
