//! Headroom in the contract's keys (§6): `{group: {goal: {utilization_max, limit, …}}}`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::json::rounded;
use crate::capacity::Headroom;
use crate::capacity::headroom::limit;
use crate::model::{Goal, Policy, Snapshot};

/// One goal of one group; figures are null where they cannot be computed.
#[derive(Debug, Default, Serialize)]
pub struct HeadroomView {
    utilization_mean: Option<f64>,
    utilization_max: Option<f64>,
    busiest_broker: Option<i32>,
    limit: Option<f64>,
    after_largest_broker_lost: Option<f64>,
    broker_lost: Option<String>,
    after_largest_rack_lost: Option<f64>,
    rack_lost: Option<String>,
    verdict: Option<&'static str>,
}

/// By group name, then goal name.
pub type HeadroomMap = BTreeMap<String, BTreeMap<&'static str, HeadroomView>>;

/// The figures in `headroom`, of `snapshot`'s brokers, and empty ones for `without`.
#[must_use]
pub fn view(snapshot: &Snapshot, policy: &Policy, headroom: &[Headroom], without: &[(String, Goal)]) -> HeadroomMap {
    let mut map = HeadroomMap::new();
    for (group, goal) in without {
        let empty = HeadroomView { limit: limit(policy, *goal).map(rounded), ..HeadroomView::default() };
        map.entry(group.clone()).or_default().insert(goal.name(), empty);
    }
    for one in headroom {
        let (broker, rack) = (one.broker_lost.as_ref(), one.rack_lost.as_ref());
        let view = HeadroomView {
            utilization_mean: Some(rounded(one.utilization_mean)),
            utilization_max: Some(rounded(one.utilization_max)),
            busiest_broker: Some(snapshot.broker(one.busiest).id),
            limit: Some(rounded(one.limit)),
            after_largest_broker_lost: broker.map(|loss| rounded(loss.utilization_max)),
            broker_lost: broker.map(|loss| loss.lost.clone()),
            after_largest_rack_lost: rack.map(|loss| rounded(loss.utilization_max)),
            rack_lost: rack.map(|loss| loss.lost.clone()),
            verdict: Some(one.verdict.name()),
        };
        map.entry(one.group.clone()).or_default().insert(one.goal.name(), view);
    }
    map
}
