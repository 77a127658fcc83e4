//! How long a plan's copies take, by throttle: the batches one after the other, each as its busiest broker decides
//! ([`pace`](crate::plan::pace); measured on a real cluster, as said there).

use crate::model::Snapshot;
use crate::plan::Plan;
use crate::plan::pace::{Pace, paces, suggested_throttle_bytes_per_sec};

/// Throttles that are compared, bytes per second and broker: 10 MiB/s is what DataDog's kafka-kit never goes below
/// (10 MB/s), 800 MiB/s what two thirds of a 10 Gbit/s network carry.
const THROTTLES_MIB: [u64; 7] = [10, 25, 50, 100, 200, 400, 800];

const SECONDS_PER_HOUR: f64 = 3_600.0;

/// The hours that one throttle takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HoursAt {
    /// Bytes per second, in and out of each broker.
    pub throttle_bytes_per_sec: u64,
    /// Hours; none where the copies never end, since more than the throttle is written meanwhile.
    pub hours: Option<f64>,
}

/// How long a plan takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Hours {
    /// At the throttle that the runbook suggests.
    pub suggested: HoursAt,
    /// At a range of throttles, the suggested one among them, ascending.
    pub sweep: Vec<HoursAt>,
    /// What the throttle must exceed, bytes per second.
    pub least_throttle_bytes_per_sec: f64,
}

/// The hours that carrying out `plan`, one for `snapshot`, takes.
#[must_use]
pub fn hours(snapshot: &Snapshot, plan: &Plan) -> Hours {
    let paces = paces(snapshot, plan);
    let least = paces.iter().map(Pace::least_throttle_bytes_per_sec).fold(0.0, f64::max);
    let at = |throttle: u64| HoursAt {
        throttle_bytes_per_sec: throttle,
        hours: paces
            .iter()
            .map(|pace| pace.estimate(throttle as f64).seconds)
            .sum::<Option<f64>>()
            .map(|seconds| seconds / SECONDS_PER_HOUR),
    };
    let suggested = suggested_throttle_bytes_per_sec(least);
    let mut throttles: Vec<u64> = THROTTLES_MIB.map(|mib| mib << 20).to_vec();
    throttles.push(suggested);
    throttles.sort_unstable();
    throttles.dedup();
    Hours {
        suggested: at(suggested),
        sweep: throttles.into_iter().map(at).collect(),
        least_throttle_bytes_per_sec: least,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerIdx, BrokerState, LogDirIdx, LogDirState, PartitionIdx, Placement, Policy, Seat};
    use crate::optimize::{BoundKind, LowerBound, Solution, StopReason};
    use crate::plan;

    /// One partition of `bytes` that goes from broker 1 to broker 2 while `bytes_in` are written to it each second.
    fn one_move(bytes: u64, bytes_in: f64) -> Hours {
        let online = LogDirState::Online;
        let snapshot = Fixture::default()
            .broker(1, "", "", BrokerState::Alive)
            .broker(2, "", "", BrokerState::Alive)
            .dir(1, "/d", 1 << 50, online, 0)
            .dir(2, "/d", 1 << 50, online, 0)
            .partition(("t", 0), 1, (bytes_in, 0.0), &[(1, "/d", bytes, true)])
            .build();
        let mut placement = Placement::of(&snapshot);
        let seat = Seat { broker: BrokerIdx::new(1), log_dir: Some(LogDirIdx::new(1)) };
        *placement.seats_mut(PartitionIdx::new(0)).first_mut().unwrap() = seat;
        placement.set_leader(PartitionIdx::new(0), Some(seat.broker));
        let solution = Solution {
            placement,
            stop_reason: StopReason::Done,
            lower_bound: LowerBound { bytes: 0, kind: BoundKind::Shedding },
            reasons: Vec::new(),
            excuses: Vec::new(),
        };
        hours(&snapshot, &plan::build(&snapshot, &Policy::default(), solution))
    }

    #[test]
    fn the_hours_are_bytes_over_what_the_throttle_leaves() {
        // 180 GiB at 50 MiB/s: 3,686.4 s.
        let hours = one_move(180 << 30, 0.0);
        assert_eq!(hours.suggested.throttle_bytes_per_sec, 50 << 20);
        assert!((hours.suggested.hours.unwrap() - 1.024).abs() < 1e-9, "{hours:?}");
        let at_100 = hours.sweep.iter().find(|at| at.throttle_bytes_per_sec == 100 << 20).unwrap();
        assert!((at_100.hours.unwrap() - 0.512).abs() < 1e-9);
    }

    #[test]
    fn what_is_written_meanwhile_takes_its_part_as_in_eleven_terabytes_at_fifty() {
        // 11 TB per broker at 50 MB/s with 15 MB/s live: 87 h, not the 61 h that bytes over throttle would say.
        let hours = one_move(11_000_000_000_000, 15e6);
        let at_50 = hours.sweep.iter().find(|at| at.throttle_bytes_per_sec == 50 << 20).unwrap();
        let wanted = 11e12 / (52_428_800.0 - 15e6) / 3_600.0;
        assert!((at_50.hours.unwrap() - wanted).abs() < 1e-6, "{hours:?}");
        let at_10 = hours.sweep.iter().find(|at| at.throttle_bytes_per_sec == 10 << 20).unwrap();
        assert_eq!(at_10.hours, None, "10 MiB/s is less than what is written");
    }
}
