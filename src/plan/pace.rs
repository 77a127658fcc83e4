//! How long a batch takes at a throttle, and which throttle to begin with.
//!
//! Kafka's throttle is bytes per second and broker, in and out apart, so the busiest broker decides. Two things eat
//! into it, both measured on a real cluster: what producers write to a moving partition meanwhile has to be copied as
//! well, and the traffic of its in-sync followers counts against the leader's quota though nothing delays it. A
//! throttle below the latter never ends.

use super::change::{Change, Standing};
use super::{Batch, MoveKind, Plan};
use crate::model::{BrokerIdx, PartitionIdx, Snapshot};

/// 50 MiB/s, what ordinary machines carry beside their work: under half of a 1 Gbit/s network.
const LEAST_THROTTLE_BYTES_PER_SEC: u64 = 50 << 20;

/// Throttles are suggested in steps of 10 MiB/s: a figure that an operator can read aloud.
const THROTTLE_STEP_BYTES_PER_SEC: u64 = 10 << 20;

/// What one batch asks of each broker.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    brokers: Vec<BrokerPace>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct BrokerPace {
    in_bytes: u64,
    out_bytes: u64,
    dir_bytes: u64,
    /// Written to the partitions that are copied here, bytes per second.
    in_written: f64,
    /// Sent by leaders here to the in-sync followers of partitions that move, bytes per second.
    out_written: f64,
}

/// What each batch of `plan` asks of the brokers, in their order.
#[must_use]
pub fn paces(snapshot: &Snapshot, plan: &Plan) -> Vec<Pace> {
    let mut standing = Standing::new(snapshot);
    let pace = |batch: &Batch| {
        let pace = Pace::of(snapshot, &standing.changes(batch));
        standing.advance(batch);
        pace
    };
    plan.batches.iter().map(pace).collect()
}

/// How long a batch takes and who decides that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Seconds; none where the throttle is below what is written meanwhile.
    pub seconds: Option<f64>,
    /// The busiest broker; none where nothing is copied.
    pub busiest: Option<BrokerIdx>,
}

impl Pace {
    /// Adds up what `changes`, a batch's, copy. Copies come from the snapshot's leader.
    #[must_use]
    pub fn of(snapshot: &Snapshot, changes: &[(PartitionIdx, Vec<Change>)]) -> Self {
        let mut brokers = vec![BrokerPace::default(); snapshot.brokers.len()];
        for (partition, changes) in changes {
            let row = snapshot.partition(*partition);
            let mut copies = 0;
            for change in changes {
                let Some(to) = change.to else { continue };
                let broker = &mut brokers[to.seat.broker.row()];
                if change.kind == MoveKind::LogDir {
                    broker.dir_bytes += to.bytes;
                    continue;
                }
                copies += 1;
                broker.in_bytes += to.bytes;
                broker.in_written += row.bytes_in_per_sec;
                if let Some(leader) = row.leader {
                    brokers[leader.row()].out_bytes += to.bytes;
                }
            }
            if let Some(leader) = row.leader.filter(|_| copies > 0) {
                let followers = f64::from(row.replica_count.saturating_sub(1));
                brokers[leader.row()].out_written += row.bytes_in_per_sec * followers;
            }
        }
        Self { brokers }
    }

    /// The rate that the throttle must exceed for the batch to end at all, bytes per second.
    #[must_use]
    pub fn least_throttle_bytes_per_sec(&self) -> f64 {
        let of_copying = self.brokers.iter().filter(|b| b.in_bytes + b.out_bytes > 0);
        of_copying.map(|b| b.in_written.max(b.out_written)).fold(0.0, f64::max)
    }

    /// The largest over all brokers of bytes in, bytes out and bytes between dirs, each over what the throttle leaves.
    #[must_use]
    pub fn estimate(&self, throttle_bytes_per_sec: f64) -> Estimate {
        let mut worst = Estimate { seconds: Some(0.0), busiest: None };
        for (row, broker) in self.brokers.iter().enumerate() {
            let streams =
                [(broker.in_bytes, broker.in_written), (broker.out_bytes, broker.out_written), (broker.dir_bytes, 0.0)];
            for (bytes, written) in streams.into_iter().filter(|(bytes, _)| *bytes > 0) {
                let rate = throttle_bytes_per_sec - written;
                let seconds = (rate > 0.0).then(|| bytes as f64 / rate);
                let is_longer = match (seconds, worst.seconds) {
                    (Some(new), Some(old)) => new > old,
                    (None, Some(_)) => true,
                    (_, None) => false,
                };
                if is_longer {
                    worst = Estimate { seconds, busiest: Some(BrokerIdx::new(row)) };
                }
            }
        }
        worst
    }
}

/// The throttle to begin with: enough for an ordinary machine, and twice what must be exceeded.
#[must_use]
pub fn suggested_throttle_bytes_per_sec(least_bytes_per_sec: f64) -> u64 {
    let twice = (2.0 * least_bytes_per_sec).min(1e15) as u64;
    LEAST_THROTTLE_BYTES_PER_SEC.max(twice.div_ceil(THROTTLE_STEP_BYTES_PER_SEC) * THROTTLE_STEP_BYTES_PER_SEC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(in_bytes: u64, in_written: f64, out_bytes: u64, out_written: f64) -> Pace {
        Pace { brokers: vec![BrokerPace { in_bytes, out_bytes, dir_bytes: 0, in_written, out_written }] }
    }

    #[test]
    fn the_busiest_direction_decides() {
        let estimate = pace(100, 0.0, 400, 0.0).estimate(10.0);
        assert_eq!(estimate, Estimate { seconds: Some(40.0), busiest: Some(BrokerIdx::new(0)) });
    }

    #[test]
    fn what_is_written_meanwhile_slows_the_copies_and_may_stop_them() {
        assert_eq!(pace(100, 5.0, 0, 0.0).estimate(10.0).seconds, Some(20.0));
        assert_eq!(pace(100, 0.0, 100, 10.0).estimate(10.0).seconds, None);
        assert!((pace(100, 3.0, 100, 10.0).least_throttle_bytes_per_sec() - 10.0).abs() < 1e-12);
    }

    #[test]
    fn the_suggested_throttle_is_round_and_well_above_the_least() {
        assert_eq!(suggested_throttle_bytes_per_sec(0.0), 52_428_800);
        assert_eq!(suggested_throttle_bytes_per_sec(40_000_001.0), 83_886_080);
    }
}
