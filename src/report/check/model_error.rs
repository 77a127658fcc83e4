//! How well the load model meets what was measured: without that, nobody trusts a plan.
//!
//! Input: the judge's loads and the brokers' measured network figures. Output: per broker and direction both figures,
//! and per direction Σ|modelled − measured| ÷ Σ measured. That weighted error is taken rather than the mean of relative
//! errors, in which an idle broker's few bytes would outweigh everything.

use crate::model::{BrokerIdx, Goal, Snapshot};
use crate::verify::Usage;

/// Modelled against measured network figures.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelError {
    /// Brokers and directions that have a measured figure, furthest off first.
    pub brokers: Vec<BrokerError>,
    /// One per direction that has measured figures, in before out.
    pub totals: Vec<TotalError>,
}

/// One broker, one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrokerError {
    /// The broker.
    pub broker: BrokerIdx,
    /// [`Goal::NetworkIn`] or [`Goal::NetworkOut`].
    pub goal: Goal,
    /// What the model says, bytes per second.
    pub modelled_bytes_per_sec: f64,
    /// What was measured, bytes per second.
    pub measured_bytes_per_sec: f64,
}

impl BrokerError {
    /// Modelled ÷ measured − 1; none where nothing was measured to flow.
    #[must_use]
    pub fn relative(&self) -> Option<f64> {
        let measured = self.measured_bytes_per_sec;
        (measured > 0.0).then(|| self.modelled_bytes_per_sec / measured - 1.0)
    }

    fn distance(&self) -> f64 {
        (self.modelled_bytes_per_sec - self.measured_bytes_per_sec).abs()
    }
}

/// One direction over all brokers that have a measured figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TotalError {
    /// [`Goal::NetworkIn`] or [`Goal::NetworkOut`].
    pub goal: Goal,
    /// How many brokers have a figure.
    pub brokers: usize,
    /// Σ|modelled − measured| ÷ Σ measured; none where nothing was measured to flow.
    pub mean_absolute: Option<f64>,
    /// Σ modelled ÷ Σ measured − 1: what is off everywhere alike, such as protocol overhead.
    pub bias: Option<f64>,
}

/// Compares `usage`, of the snapshot as it stands, with what was measured; none where nothing was.
#[must_use]
pub fn model_error(snapshot: &Snapshot, usage: &Usage) -> Option<ModelError> {
    let mut brokers = Vec::new();
    for broker in snapshot.broker_indices() {
        let row = snapshot.broker(broker);
        let measured = [
            (Goal::NetworkIn, row.measured_network_in_bytes_per_sec),
            (Goal::NetworkOut, row.measured_network_out_bytes_per_sec),
        ];
        for (goal, measured) in measured {
            if let (Some(measured_bytes_per_sec), Some(modelled_bytes_per_sec)) = (measured, usage.load(broker, goal)) {
                brokers.push(BrokerError { broker, goal, modelled_bytes_per_sec, measured_bytes_per_sec });
            }
        }
    }
    if brokers.is_empty() {
        return None;
    }
    let totals = [Goal::NetworkIn, Goal::NetworkOut].into_iter().filter_map(|goal| total(&brokers, goal)).collect();
    brokers.sort_by(|a, b| b.distance().total_cmp(&a.distance()).then((a.broker, a.goal).cmp(&(b.broker, b.goal))));
    Some(ModelError { brokers, totals })
}

fn total(brokers: &[BrokerError], goal: Goal) -> Option<TotalError> {
    let own: Vec<&BrokerError> = brokers.iter().filter(|b| b.goal == goal).collect();
    let sum = |figure: fn(&BrokerError) -> f64| own.iter().map(|b| figure(b)).sum::<f64>();
    let measured = sum(|b| b.measured_bytes_per_sec);
    let share = |value: f64| (measured > 0.0).then(|| value / measured);
    (!own.is_empty()).then(|| TotalError {
        goal,
        brokers: own.len(),
        mean_absolute: share(sum(BrokerError::distance)),
        bias: share(sum(|b| b.modelled_bytes_per_sec) - measured),
    })
}
