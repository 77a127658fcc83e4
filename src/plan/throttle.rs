//! Which throttle to set: what the brokers' networks have left beside their work.
//!
//! Kafka's tool sets one rate for every broker of a plan, out and in, so the broker with the least headroom decides.
//! Headroom is capacity × the policy's limit − what the broker sends or receives, in the snapshot or after the plan,
//! whichever is more. What a leader sends to in-sync followers of partitions that move counts against its quota though
//! it is no new traffic, and is added. Of the headroom nine tenths are used, and never less than 10 MB/s: `max(10 MB/s, 0.9 · (capacity − use))`
//! is DataDog kafka-kit's rule (autothrottle), whose operators found less to stall replication.

use super::pace::Pace;
use crate::model::{BrokerIdx, Placement, Policy, Rule, Snapshot};
use crate::verify::Usage;

/// kafka-kit's `-min-rate`: 10 MB/s.
pub const FLOOR_BYTES_PER_SEC: f64 = 10e6;

/// kafka-kit's `-max-tx-rate` and `-max-rx-rate`: 90 %.
pub const HEADROOM_SHARE: f64 = 0.9;

/// Where the limits leave nothing, a throttle is at least so many times what it must exceed: one that never ends is of
/// no use to anybody.
const ABOVE_LEAST: f64 = 1.5;

/// 50 MiB/s where no capacity is known: what ordinary machines carry beside their work, under half of a 1 Gbit/s network.
const UNKNOWN_BYTES_PER_SEC: u64 = 50 << 20;

/// Throttles without a capacity are in steps of 10 MiB/s: a figure that an operator can read aloud.
const UNKNOWN_STEP_BYTES_PER_SEC: u64 = 10 << 20;

/// Throttles from headroom are rounded down to 100 kB/s.
const STEP_BYTES_PER_SEC: f64 = 1e5;

/// Where a throttle comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Basis {
    /// `--throttle`.
    Given,
    /// The least that meets `--deadline`.
    Deadline,
    /// What a broker has left.
    Headroom(Headroom),
    /// A broker has less left than the floor.
    Floor(Headroom),
    /// No capacity is known of the brokers that copy.
    Unknown,
}

impl Basis {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Deadline => "deadline",
            Self::Headroom(_) => "headroom",
            Self::Floor(_) => "floor",
            Self::Unknown => "default",
        }
    }
}

/// The least that a broker has left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Headroom {
    /// The broker.
    pub broker: BrokerIdx,
    /// `network_out_capacity` or `network_in_capacity`.
    pub rule: Rule,
    /// Capacity × limit − use, bytes per second; below 0 where the limit is passed without any copy.
    pub bytes_per_sec: f64,
    /// What is sent to in-sync followers of partitions that move: no new traffic, but part of the quota.
    pub followed_bytes_per_sec: f64,
}

impl Headroom {
    /// The highest throttle that keeps the broker below its limit, bytes per second.
    #[must_use]
    pub fn throttle_max_bytes_per_sec(&self) -> f64 {
        (self.bytes_per_sec + self.followed_bytes_per_sec).max(0.0)
    }
}

/// A rate for `--throttle`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throttle {
    /// Bytes per second, in and out of each broker.
    pub bytes_per_sec: u64,
    /// Where it comes from.
    pub basis: Basis,
}

/// What each broker's network has left.
#[derive(Clone, Debug)]
pub struct Networks {
    /// By broker: out and in, bytes per second; none where the capacity is unknown.
    left: Vec<[Option<f64>; 2]>,
}

impl Networks {
    /// Counts what brokers carry now and with `after`.
    #[must_use]
    pub fn of(snapshot: &Snapshot, policy: &Policy, after: &Placement) -> Self {
        let usages = [Usage::of(snapshot, &Placement::of(snapshot)), Usage::of(snapshot, after)];
        let left = |broker: BrokerIdx| {
            let row = snapshot.broker(broker);
            let used = |column: usize, measured: Option<f64>| {
                usages.iter().map(|usage| usage.loads[broker.row()][column]).chain(measured).fold(0.0, f64::max)
            };
            let out = used(2, row.measured_network_out_bytes_per_sec);
            let into = used(1, row.measured_network_in_bytes_per_sec);
            [
                row.network_out_capacity_bytes_per_sec.map(|capacity| capacity * policy.limits.network_out - out),
                row.network_in_capacity_bytes_per_sec.map(|capacity| capacity * policy.limits.network_in - into),
            ]
        };
        Self { left: snapshot.broker_indices().map(left).collect() }
    }

    /// The least that is left in a direction that `pace` copies in; none where no capacity is known.
    #[must_use]
    pub fn least(&self, pace: &Pace) -> Option<Headroom> {
        let mut least: Option<Headroom> = None;
        let mut followed = vec![0.0; self.left.len()];
        for (&(from, _), flow) in &pace.flows {
            followed[from.row()] += flow.followed;
        }
        for (broker, streams) in pace.by_broker() {
            let rules = [Rule::NetworkOutCapacity, Rule::NetworkInCapacity];
            for ((left, (bytes, _)), rule) in self.left[broker.row()].iter().zip(streams).zip(rules) {
                let Some(bytes_per_sec) = left.filter(|_| bytes > 0.0) else { continue };
                let is_out = rule == Rule::NetworkOutCapacity;
                let followed_bytes_per_sec = if is_out { followed[broker.row()] } else { 0.0 };
                let headroom = Headroom { broker, rule, bytes_per_sec, followed_bytes_per_sec };
                let sum = |headroom: &Headroom| headroom.bytes_per_sec + headroom.followed_bytes_per_sec;
                if least.is_none_or(|least| sum(&headroom) < sum(&least)) {
                    least = Some(headroom);
                }
            }
        }
        least
    }

    /// The throttle for `pace`.
    #[must_use]
    pub fn throttle(&self, pace: &Pace) -> Throttle {
        let Some(headroom) = self.least(pace) else {
            let bytes_per_sec = without_capacities(pace.least_throttle_bytes_per_sec());
            return Throttle { bytes_per_sec, basis: Basis::Unknown };
        };
        let share = HEADROOM_SHARE * headroom.bytes_per_sec;
        let followed = headroom.followed_bytes_per_sec;
        let (rate, basis) = if share < FLOOR_BYTES_PER_SEC {
            let useful = ABOVE_LEAST * pace.least_throttle_bytes_per_sec();
            ((FLOOR_BYTES_PER_SEC + followed).max(useful), Basis::Floor(headroom))
        } else {
            (share + followed, Basis::Headroom(headroom))
        };
        let rate = (rate / STEP_BYTES_PER_SEC).floor() * STEP_BYTES_PER_SEC;
        Throttle { bytes_per_sec: rate.min(1e15) as u64, basis }
    }
}

/// The throttle where no capacity is known: enough for an ordinary machine, and twice what must be exceeded.
#[must_use]
pub fn without_capacities(least_bytes_per_sec: f64) -> u64 {
    let twice = (2.0 * least_bytes_per_sec).min(1e15) as u64;
    UNKNOWN_BYTES_PER_SEC.max(twice.div_ceil(UNKNOWN_STEP_BYTES_PER_SEC) * UNKNOWN_STEP_BYTES_PER_SEC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BrokerState;
    use crate::model::fixture::Fixture;
    use crate::plan::pace::Flow;

    /// Two brokers with 100 MB/s each way; broker 1 leads 20 MB/s that nobody follows and 10 MB/s are read.
    fn networks(capacity: Option<f64>) -> Networks {
        let mut snapshot = Fixture::default()
            .broker(1, "r", "", BrokerState::Alive)
            .broker(2, "r", "", BrokerState::Alive)
            .partition(("t", 0), 1, (20e6, 10e6), &[(1, "", 5, true)])
            .build();
        for broker in &mut snapshot.brokers {
            broker.network_in_capacity_bytes_per_sec = capacity;
            broker.network_out_capacity_bytes_per_sec = capacity;
        }
        Networks::of(&snapshot, &Policy::default(), &Placement::of(&snapshot))
    }

    fn copy(followed: f64) -> Pace {
        let flow = Flow { copies: 1.0, bytes: 1.0, followed, ..Flow::default() };
        Pace { flows: [((BrokerIdx::new(0), BrokerIdx::new(1)), flow)].into(), ..Pace::default() }
    }

    #[test]
    fn nine_tenths_of_the_least_headroom_are_used() {
        // Broker 1 out: 100 · 0.8 − 10 = 70; broker 2 in: 80.
        let throttle = networks(Some(100e6)).throttle(&copy(0.0));
        assert_eq!(throttle.bytes_per_sec, 63_000_000);
        let Basis::Headroom(headroom) = throttle.basis else { unreachable!("{throttle:?}") };
        assert_eq!((headroom.broker.row(), headroom.rule), (0, Rule::NetworkOutCapacity));
    }

    #[test]
    fn what_followers_read_already_is_no_new_traffic() {
        assert_eq!(networks(Some(100e6)).throttle(&copy(7e6)).bytes_per_sec, 70_000_000);
        let headroom = networks(Some(100e6)).least(&copy(7e6)).map(|h| h.throttle_max_bytes_per_sec());
        assert!(headroom.is_some_and(|most| (most - 77e6).abs() < 1.0), "{headroom:?}");
    }

    #[test]
    fn ten_megabytes_a_second_are_the_least() {
        let throttle = networks(Some(20e6)).throttle(&copy(0.0));
        assert_eq!(throttle.bytes_per_sec, 10_000_000);
        assert!(matches!(throttle.basis, Basis::Floor(h) if (h.bytes_per_sec - 6e6).abs() < 1.0));
    }

    #[test]
    fn where_the_limit_is_passed_anyway_the_throttle_still_ends() {
        assert_eq!(networks(Some(10e6)).throttle(&copy(30e6)).bytes_per_sec, 45_000_000);
    }

    #[test]
    fn without_capacities_the_throttle_is_round_and_well_above_the_least() {
        assert_eq!(networks(None).throttle(&copy(0.0)).bytes_per_sec, 52_428_800);
        let throttle = networks(None).throttle(&copy(40_000_001.0));
        assert_eq!((throttle.bytes_per_sec, throttle.basis), (83_886_080, Basis::Unknown));
    }
}
