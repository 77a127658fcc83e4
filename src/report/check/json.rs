//! [`CheckReport`] as JSON: the contract's `before` at the top level, and beside it what explains it.

use serde::Serialize;

use super::CheckReport;
use super::hot_spots::HotSpot;
use super::model_error::{BrokerError, ModelError, TotalError};
use super::topic_leaders::TopicLeaders;
use crate::model::Snapshot;
use crate::report::excuses::{UnjudgedPartitions, explain};
use crate::report::headroom;
use crate::report::json::{self, ExcuseView, rounded};
use crate::report::json::{NotEvaluatedView, not_evaluated};
use crate::report::layout::to_bytes;

/// The report as JSON text.
pub(super) fn render(report: &CheckReport<'_>) -> Vec<u8> {
    let snapshot = report.snapshot;
    let broker_id = |broker| snapshot.broker(broker).id;
    let crowded = report.crowded.iter();
    to_bytes(&View {
        assessment: json::assessment(&report.assessment),
        headroom: headroom::json(snapshot, report.policy, &report.headroom),
        model_error: report.model_error.as_ref().map(|error| ModelErrorView::of(snapshot, error)),
        hot_spots: report.hot_spots.iter().map(|spot| HotSpotView::of(snapshot, spot)).collect(),
        crowded: crowded
            .map(|(broker, replicas)| CrowdedView { broker_id: broker_id(*broker), replicas: *replicas })
            .collect(),
        leaders_per_topic: report.topic_leaders.iter().map(|l| TopicLeadersView::of(snapshot, l)).collect(),
        excuses: report.excuses.iter().map(ExcuseView::from).collect(),
        unjudged: report.unjudged.iter().map(|unjudged| UnjudgedView::of(snapshot, unjudged)).collect(),
        not_evaluated: not_evaluated(&report.not_evaluated),
    })
}

#[derive(Serialize)]
struct View<'a, A: Serialize, H: Serialize> {
    #[serde(flatten)]
    assessment: A,
    headroom: H,
    model_error: Option<ModelErrorView>,
    hot_spots: Vec<HotSpotView<'a>>,
    crowded: Vec<CrowdedView>,
    leaders_per_topic: Vec<TopicLeadersView<'a>>,
    excuses: Vec<ExcuseView<'a>>,
    unjudged: Vec<UnjudgedView>,
    not_evaluated: Vec<NotEvaluatedView<'a>>,
}

#[derive(Serialize)]
struct ModelErrorView {
    totals: Vec<TotalView>,
    brokers: Vec<BrokerErrorView>,
}

impl ModelErrorView {
    fn of(snapshot: &Snapshot, error: &ModelError) -> Self {
        Self {
            totals: error.totals.iter().map(TotalView::of).collect(),
            brokers: error.brokers.iter().map(|broker| BrokerErrorView::of(snapshot, broker)).collect(),
        }
    }
}

#[derive(Serialize)]
struct TotalView {
    goal: &'static str,
    brokers: usize,
    mean_absolute: Option<f64>,
    bias: Option<f64>,
}

impl TotalView {
    fn of(total: &TotalError) -> Self {
        Self {
            goal: total.goal.name(),
            brokers: total.brokers,
            mean_absolute: total.mean_absolute.map(rounded),
            bias: total.bias.map(rounded),
        }
    }
}

#[derive(Serialize)]
struct BrokerErrorView {
    broker_id: i32,
    goal: &'static str,
    modelled_bytes_per_sec: f64,
    measured_bytes_per_sec: f64,
    relative: Option<f64>,
}

impl BrokerErrorView {
    fn of(snapshot: &Snapshot, error: &BrokerError) -> Self {
        Self {
            broker_id: snapshot.broker(error.broker).id,
            goal: error.goal.name(),
            modelled_bytes_per_sec: rounded(error.modelled_bytes_per_sec),
            measured_bytes_per_sec: rounded(error.measured_bytes_per_sec),
            relative: error.relative().map(rounded),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct HotSpotView<'a> {
    goal: &'static str,
    broker_id: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_dir: Option<&'a str>,
    value: f64,
    limit: f64,
}

impl<'a> HotSpotView<'a> {
    pub(crate) fn of(snapshot: &'a Snapshot, spot: &HotSpot) -> Self {
        Self {
            goal: spot.goal.name(),
            broker_id: snapshot.broker(spot.broker).id,
            log_dir: spot.log_dir.map(|dir| snapshot.log_dir(dir).path.as_str()),
            value: rounded(spot.value),
            limit: spot.limit,
        }
    }
}

#[derive(Serialize)]
struct CrowdedView {
    broker_id: i32,
    replicas: u64,
}

#[derive(Serialize)]
struct TopicLeadersView<'a> {
    topic: &'a str,
    broker_id: i32,
    leaders: u64,
    mean: f64,
    limit: u64,
    network_out_bytes_per_sec: f64,
}

impl<'a> TopicLeadersView<'a> {
    fn of(snapshot: &'a Snapshot, leaders: &TopicLeaders) -> Self {
        Self {
            topic: &snapshot.topic(leaders.topic).name,
            broker_id: snapshot.broker(leaders.broker).id,
            leaders: leaders.leaders,
            mean: rounded(leaders.mean),
            limit: leaders.limit,
            network_out_bytes_per_sec: rounded(leaders.network_out_bytes_per_sec),
        }
    }
}

#[derive(Serialize)]
struct UnjudgedView {
    reason: &'static str,
    why: &'static str,
    remedy: &'static str,
    partitions: Vec<String>,
}

impl UnjudgedView {
    fn of(snapshot: &Snapshot, unjudged: &UnjudgedPartitions) -> Self {
        let (why, remedy) = explain(unjudged.reason);
        let partitions = unjudged.partitions.iter().map(|&p| snapshot.partition_name(p)).collect();
        Self { reason: unjudged.name(), why, remedy, partitions }
    }
}
