//! What a batch asks of each broker: bytes out, in and between dirs, and what is written to them meanwhile.
//!
//! Kafka's throttle is bytes per second and broker, in and out apart. Two things eat into it, both measured on a real
//! cluster: what producers write to a moving partition meanwhile has to be copied as well, and the traffic of its
//! in-sync followers counts against the leader's quota though nothing delays it. A throttle below the latter never ends.

use std::collections::BTreeMap;

use super::MoveKind;
use super::change::Change;
use crate::model::{BrokerIdx, PartitionIdx, Snapshot};

/// Copies that share a source and a destination.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Flow {
    /// Replicas to be copied.
    pub copies: f64,
    /// To be copied.
    pub bytes: f64,
    /// Written to these partitions meanwhile, which is to be copied as well, bytes per second.
    pub written: f64,
    /// What the source sends to these partitions' in-sync followers, bytes per second: it counts against the quota.
    pub followed: f64,
}

/// What one batch asks of the brokers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pace {
    /// Between brokers, by leader and receiver.
    pub flows: BTreeMap<(BrokerIdx, BrokerIdx), Flow>,
    /// Between dirs, by broker.
    pub log_dirs: BTreeMap<BrokerIdx, Flow>,
}

/// How long a batch takes if every broker copies at its throttle all the time, and who decides that.
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
        Self::led_by(snapshot, changes, |p| snapshot.partition(p).leader)
    }

    /// The same with copies from `leader`. What comes from nowhere known is not paced.
    #[must_use]
    pub fn led_by(
        snapshot: &Snapshot,
        changes: &[(PartitionIdx, Vec<Change>)],
        leader: impl Fn(PartitionIdx) -> Option<BrokerIdx>,
    ) -> Self {
        let mut pace = Self::default();
        for (partition, changes) in changes {
            let row = snapshot.partition(*partition);
            let mut followed = row.bytes_in_per_sec * f64::from(row.replica_count.saturating_sub(1));
            for change in changes {
                let Some(to) = change.to else { continue };
                let broker = to.seat.broker;
                let flow = if change.kind == MoveKind::LogDir {
                    pace.log_dirs.entry(broker).or_default()
                } else if let Some(leader) = leader(*partition) {
                    let flow = pace.flows.entry((leader, broker)).or_default();
                    // Its followers are counted once, however many copies are made of it.
                    flow.followed += std::mem::take(&mut followed);
                    flow
                } else {
                    continue;
                };
                flow.copies += 1.0;
                flow.bytes += to.bytes as f64;
                flow.written += row.bytes_in_per_sec;
            }
        }
        pace
    }

    /// By broker that copies between brokers: out and in, each (bytes, bytes per second of the quota that go to what is
    /// written meanwhile and, out, to followers).
    #[must_use]
    pub fn by_broker(&self) -> BTreeMap<BrokerIdx, [(f64, f64); 2]> {
        let mut brokers: BTreeMap<BrokerIdx, [(f64, f64); 2]> = BTreeMap::new();
        for (&(from, to), flow) in &self.flows {
            let out = &mut brokers.entry(from).or_default()[0];
            *out = (out.0 + flow.bytes, out.1 + flow.followed + flow.written);
            let into = &mut brokers.entry(to).or_default()[1];
            *into = (into.0 + flow.bytes, into.1 + flow.written);
        }
        brokers
    }

    /// The rate that the throttle must exceed for the batch to end at all, bytes per second.
    #[must_use]
    pub fn least_throttle_bytes_per_sec(&self) -> f64 {
        let of_broker = |streams: &[(f64, f64); 2]| streams[0].1.max(streams[1].1);
        let between_dirs = self.log_dirs.values().map(|flow| flow.written);
        self.by_broker().values().map(of_broker).chain(between_dirs).fold(0.0, f64::max)
    }

    /// The largest over all brokers of bytes in, bytes out and bytes between dirs, each over what the throttle leaves.
    #[must_use]
    pub fn estimate(&self, throttle_bytes_per_sec: f64) -> Estimate {
        let mut worst = Estimate { seconds: Some(0.0), busiest: None };
        let between = self.by_broker().into_iter().flat_map(|(broker, streams)| streams.map(|stream| (broker, stream)));
        let within = self.log_dirs.iter().map(|(broker, flow)| (*broker, (flow.bytes, flow.written)));
        let mut streams: Vec<_> = between.chain(within).filter(|(_, (bytes, _))| *bytes > 0.0).collect();
        streams.sort_by_key(|(broker, _)| *broker);
        for (broker, (bytes, written)) in streams {
            let rate = throttle_bytes_per_sec - written;
            let seconds = (rate > 0.0).then(|| bytes / rate);
            let is_longer = match (seconds, worst.seconds) {
                (Some(new), Some(old)) => new > old,
                (None, Some(_)) => true,
                (_, None) => false,
            };
            if is_longer {
                worst = Estimate { seconds, busiest: Some(broker) };
            }
        }
        worst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(flows: &[(usize, usize, f64, f64, f64)]) -> Pace {
        let flow = |&(from, to, bytes, written, followed): &(usize, usize, f64, f64, f64)| {
            ((BrokerIdx::new(from), BrokerIdx::new(to)), Flow { copies: 1.0, bytes, written, followed })
        };
        Pace { flows: flows.iter().map(flow).collect(), ..Pace::default() }
    }

    #[test]
    fn the_busiest_direction_decides() {
        let estimate = pace(&[(0, 1, 100.0, 0.0, 0.0), (0, 2, 300.0, 0.0, 0.0)]).estimate(10.0);
        assert_eq!(estimate, Estimate { seconds: Some(40.0), busiest: Some(BrokerIdx::new(0)) });
    }

    #[test]
    fn what_is_written_meanwhile_slows_the_copies_and_may_stop_them() {
        assert_eq!(pace(&[(0, 1, 100.0, 5.0, 0.0)]).estimate(10.0).seconds, Some(20.0));
        assert_eq!(pace(&[(0, 1, 100.0, 0.0, 10.0)]).estimate(10.0).seconds, None);
        assert!((pace(&[(0, 1, 100.0, 3.0, 10.0)]).least_throttle_bytes_per_sec() - 13.0).abs() < 1e-12);
    }
}
