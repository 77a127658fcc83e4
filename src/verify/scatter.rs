//! Scatter widths followed batch by batch: how many partitions every two brokers share.
//!
//! Input: partitions that come and go. Output: the excess of the goal `scatter_width` as it stands, the formula that of
//! [`shared::scatter_width`](super::shared::scatter_width). Nothing is kept where the policy gives no limit.

use super::assess::band_brokers;
use crate::model::{Goal, Groups, Policy, Seat, Snapshot};

/// Partitions by pair of brokers, a row per broker.
pub(super) struct Meetings {
    /// The most others; 0 where the goal is off.
    limit: f64,
    brokers: usize,
    counts: Vec<u32>,
}

impl Meetings {
    /// No partition yet.
    pub(super) fn new(snapshot: &Snapshot, policy: &Policy) -> Self {
        let brokers = if policy.bands.is_on(Goal::ScatterWidth) { snapshot.brokers.len() } else { 0 };
        Self { limit: policy.bands.scatter_width, brokers, counts: vec![0; brokers * brokers] }
    }

    /// A partition comes to these seats, or goes from them.
    pub(super) fn count(&mut self, seats: &[Seat], is_gone: bool) {
        if self.brokers == 0 {
            return;
        }
        for (a, b) in seats.iter().flat_map(|a| seats.iter().map(move |b| (a.broker.row(), b.broker.row()))) {
            let count = &mut self.counts[a * self.brokers + b];
            *count = if is_gone { count.saturating_sub(1) } else { *count + 1 };
        }
    }

    /// The others of each judged broker beyond the limit, relative to it.
    pub(super) fn excess(&self, snapshot: &Snapshot, groups: &Groups) -> f64 {
        if self.brokers == 0 {
            return 0.0;
        }
        let judged = (0..groups.names().len()).flat_map(|group| band_brokers(snapshot, groups, group));
        let others = |row: usize| {
            let counts = self.counts[row * self.brokers..][..self.brokers].iter().enumerate();
            counts.filter(|(other, count)| *other != row && **count > 0).count() as f64
        };
        judged.map(|broker| (others(broker.row()) - self.limit).max(0.0) / self.limit).sum()
    }
}
