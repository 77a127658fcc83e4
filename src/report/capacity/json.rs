//! [`CapacityReport`] as JSON: the contract's keys (§6) first, then what explains them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::CapacityReport;
use crate::capacity::traffic::{Classes, Matrix, RackTraffic};
use crate::model::Snapshot;
use crate::plan::Plan;
use crate::report::check::json::HotSpotView;
use crate::report::forecast;
use crate::report::frontier::PointView;
use crate::report::headroom;
use crate::report::json::{ExcuseView, MovementView, assessment, rounded};
use crate::report::json::{NotEvaluatedView, not_evaluated};
use crate::report::layout::to_bytes;
use crate::report::origin_json::{SnapshotView, ToolView};
use crate::report::pace_json::pace;
use crate::report::shrink::GroupView;

/// Version of the file's shape.
const FORMAT: u32 = 1;

/// The report as JSON text.
pub(super) fn render(report: &CapacityReport<'_>) -> Vec<u8> {
    let snapshot = report.snapshot;
    let load = &report.load;
    to_bytes(&View {
        format: FORMAT,
        tool: ToolView::this(),
        snapshot: SnapshotView::of(snapshot),
        verdict: report.verdict_name(),
        binding: headroom::binding(&report.check.headroom).map(|h| BindingView {
            resource_group: &h.group,
            goal: h.goal.name(),
            verdict: h.verdict.name(),
            utilization_max: rounded(headroom::worst(h)),
            limit: h.limit,
        }),
        headroom: headroom::json(snapshot, report.policy, &report.check.headroom),
        forecast: report.forecast.map(|forecast| forecast::view(snapshot, forecast)),
        hot_spots: report.check.hot_spots.iter().map(|spot| HotSpotView::of(snapshot, spot)).collect(),
        hard: report.check.assessment.hard.iter().map(|(rule, count)| (rule.name(), *count)).collect(),
        traffic: load.has_traffic.then(|| TrafficView::of(report)),
        cross_rack: load.racks.as_ref().map(|racks| CrossRackView::of(report, racks)),
        page_cache: load
            .cache
            .iter()
            .map(|time| CacheView {
                broker_id: snapshot.broker(time.broker).id,
                cache_bytes: rounded(time.cache_bytes),
                write_bytes_per_sec: rounded(time.write_bytes_per_sec),
                seconds: rounded(time.seconds),
            })
            .collect(),
        retention: RetentionView::of(report),
        limits: LimitsView::of(report),
        cost: CostView::of(report),
        rebalance: report.plan.map(|plan| rebalance(snapshot, plan)),
        shrink: report.shrink.iter().map(GroupView::from).collect(),
        excuses: report.excuses.iter().map(ExcuseView::from).collect(),
        assumptions: AssumptionsView::of(report),
        not_evaluated: not_evaluated(&report.not_evaluated),
    })
}

#[derive(Serialize)]
struct View<'a, H: Serialize, F: Serialize, P: Serialize> {
    format: u32,
    tool: ToolView,
    snapshot: SnapshotView<'a>,
    verdict: &'static str,
    binding: Option<BindingView<'a>>,
    headroom: H,
    forecast: Option<F>,
    hot_spots: Vec<HotSpotView<'a>>,
    hard: BTreeMap<&'static str, u64>,
    traffic: Option<TrafficView<'a>>,
    cross_rack: Option<CrossRackView<'a>>,
    page_cache: Vec<CacheView>,
    retention: RetentionView<'a>,
    limits: LimitsView<'a>,
    cost: CostView<'a>,
    rebalance: Option<P>,
    shrink: Vec<GroupView<'a>>,
    excuses: Vec<ExcuseView<'a>>,
    assumptions: AssumptionsView,
    not_evaluated: Vec<NotEvaluatedView<'a>>,
}

#[derive(Serialize)]
struct BindingView<'a> {
    resource_group: &'a str,
    goal: &'static str,
    verdict: &'static str,
    utilization_max: f64,
    limit: f64,
}

#[derive(Serialize)]
struct ClassesView {
    produce_bytes_per_sec: f64,
    replication_in_bytes_per_sec: f64,
    reassignment_in_bytes_per_sec: f64,
    network_in_bytes_per_sec: f64,
    consume_bytes_per_sec: f64,
    consume_nearest_bytes_per_sec: Option<f64>,
    replication_out_bytes_per_sec: f64,
    reassignment_out_bytes_per_sec: f64,
    network_out_bytes_per_sec: f64,
    network_out_nearest_bytes_per_sec: Option<f64>,
    disk_write_bytes_per_sec: f64,
    cleaner_read_bytes_per_sec: f64,
    cleaner_write_bytes_per_sec: f64,
}

impl ClassesView {
    fn of(report: &CapacityReport<'_>, classes: &Classes) -> Self {
        let has_nearest = report.load.traffic.has_nearest;
        Self {
            produce_bytes_per_sec: rounded(classes.produce),
            replication_in_bytes_per_sec: rounded(classes.replication_in),
            reassignment_in_bytes_per_sec: rounded(classes.reassignment_in),
            network_in_bytes_per_sec: rounded(classes.network_in()),
            consume_bytes_per_sec: rounded(classes.consume),
            consume_nearest_bytes_per_sec: has_nearest.then(|| rounded(classes.consume_nearest)),
            replication_out_bytes_per_sec: rounded(classes.replication_out),
            reassignment_out_bytes_per_sec: rounded(classes.reassignment_out),
            network_out_bytes_per_sec: rounded(classes.network_out()),
            network_out_nearest_bytes_per_sec: has_nearest.then(|| rounded(classes.network_out_nearest())),
            disk_write_bytes_per_sec: rounded(classes.disk_write()),
            cleaner_read_bytes_per_sec: rounded(classes.cleaner_read),
            cleaner_write_bytes_per_sec: rounded(classes.cleaner_write),
        }
    }
}

#[derive(Serialize)]
struct TrafficView<'a> {
    cluster: ClassesView,
    groups: BTreeMap<&'a str, ClassesView>,
    brokers: Vec<BrokerView>,
    log_dirs: Vec<LogDirView<'a>>,
    reassignment_left_bytes: u64,
}

#[derive(Serialize)]
struct BrokerView {
    broker_id: i32,
    #[serde(flatten)]
    classes: ClassesView,
}

#[derive(Serialize)]
struct LogDirView<'a> {
    broker_id: i32,
    log_dir: &'a str,
    write_bytes_per_sec: f64,
    /// Of what its disk can write; absent where that is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    write_utilization: Option<f64>,
}

impl<'a> TrafficView<'a> {
    fn of(report: &'a CapacityReport<'_>) -> Self {
        let (snapshot, traffic) = (report.snapshot, &report.load.traffic);
        let groups = traffic.groups.iter().map(|(name, own)| (name.as_str(), ClassesView::of(report, own)));
        let brokers = snapshot.brokers.iter().zip(&traffic.brokers);
        let dirs = snapshot.log_dirs.iter().enumerate();
        Self {
            cluster: ClassesView::of(report, &traffic.cluster),
            groups: groups.collect(),
            brokers: brokers
                .map(|(row, own)| BrokerView { broker_id: row.id, classes: ClassesView::of(report, own) })
                .collect(),
            log_dirs: dirs
                .map(|(row, dir)| LogDirView {
                    broker_id: snapshot.broker(dir.broker).id,
                    log_dir: &dir.path,
                    write_bytes_per_sec: rounded(traffic.log_dir_write[row]),
                    write_utilization: traffic.write_utilization(snapshot, row).map(rounded),
                })
                .collect(),
            reassignment_left_bytes: traffic.reassignment_left_bytes.values().sum(),
        }
    }
}

#[derive(Serialize)]
struct CrossRackView<'a> {
    produce_bytes_per_sec: f64,
    replication_bytes_per_sec: f64,
    consume_bytes_per_sec: f64,
    total_bytes_per_sec: f64,
    consume_nearest_bytes_per_sec: f64,
    total_nearest_bytes_per_sec: f64,
    usd_per_month: Option<f64>,
    usd_per_month_nearest: Option<f64>,
    racks: &'a [String],
    matrix_bytes_per_sec: Vec<Vec<f64>>,
}

impl<'a> CrossRackView<'a> {
    fn of(report: &CapacityReport<'a>, racks: &RackTraffic) -> Self {
        let names: &'a [String] = &report.snapshot.racks;
        let crossing = |matrix: &Matrix| rounded(matrix.crossing());
        let total = racks.total();
        let row = |from: usize| (0..names.len()).map(|to| rounded(total.get(from, to))).collect();
        let cost = report.load.cost.cross_rack;
        Self {
            produce_bytes_per_sec: crossing(&racks.produce),
            replication_bytes_per_sec: crossing(&racks.replication),
            consume_bytes_per_sec: crossing(&racks.consume),
            total_bytes_per_sec: crossing(&total),
            consume_nearest_bytes_per_sec: crossing(&racks.consume_nearest),
            total_nearest_bytes_per_sec: crossing(&racks.total_nearest()),
            usd_per_month: cost.map(|cost| rounded(cost.total_usd())),
            usd_per_month_nearest: cost.map(|cost| rounded(cost.total_nearest_usd())),
            racks: names,
            matrix_bytes_per_sec: (0..names.len()).map(row).collect(),
        }
    }
}

#[derive(Serialize)]
struct CacheView {
    broker_id: i32,
    cache_bytes: f64,
    write_bytes_per_sec: f64,
    seconds: f64,
}

#[derive(Serialize)]
struct RetentionView<'a> {
    topics_evaluated: usize,
    measured_bytes: u64,
    retained_bytes: f64,
    fullest_broker: Option<i32>,
    utilization_max: Option<f64>,
    topics: Vec<TopicView<'a>>,
}

#[derive(Serialize)]
struct TopicView<'a> {
    topic: &'a str,
    measured_bytes: u64,
    retained_bytes: f64,
}

impl<'a> RetentionView<'a> {
    fn of(report: &CapacityReport<'a>) -> Self {
        let retention = &report.load.retention;
        let fullest = retention.fullest().filter(|_| !retention.topics.is_empty());
        let topic = |t: &crate::capacity::traffic::TopicRetention| TopicView {
            topic: &report.snapshot.topic(t.topic).name,
            measured_bytes: t.measured_bytes,
            retained_bytes: rounded(t.retained_bytes),
        };
        Self {
            topics_evaluated: retention.topics.len(),
            measured_bytes: retention.measured_bytes,
            retained_bytes: rounded(retention.retained_bytes),
            fullest_broker: fullest.map(|(broker, _)| report.snapshot.broker(broker).id),
            utilization_max: fullest.map(|(_, utilization)| rounded(utilization)),
            topics: retention.topics.iter().map(topic).collect(),
        }
    }
}

#[derive(Serialize)]
struct LimitsView<'a> {
    profile: &'static str,
    rows: Vec<LimitView<'a>>,
}

#[derive(Serialize)]
struct LimitView<'a> {
    name: &'static str,
    subject: &'a str,
    value: u64,
    limit: u64,
    hard: bool,
    source: &'static str,
}

impl<'a> LimitsView<'a> {
    fn of(report: &'a CapacityReport<'_>) -> Self {
        let limits = &report.load.limits;
        let row = |row: &'a crate::capacity::traffic::LimitRow| LimitView {
            name: row.name,
            subject: &row.subject,
            value: row.value,
            limit: row.limit,
            hard: row.is_hard,
            source: row.source,
        };
        Self { profile: limits.profile.name(), rows: limits.rows.iter().map(row).collect() }
    }
}

#[derive(Serialize)]
struct CostView<'a> {
    machines_monthly: Option<f64>,
    currency: Option<&'a str>,
    cross_rack_usd_monthly: Option<f64>,
    machines: Vec<MachineView<'a>>,
}

#[derive(Serialize)]
struct MachineView<'a> {
    machine_model: &'a str,
    brokers: u64,
    price_hour: f64,
    price_month: f64,
    currency: &'a str,
}

impl<'a> CostView<'a> {
    fn of(report: &'a CapacityReport<'_>) -> Self {
        let cost = &report.load.cost;
        let machine = |m: &'a crate::capacity::traffic::MachineCost| MachineView {
            machine_model: &m.model,
            brokers: m.brokers,
            price_hour: m.price_hour,
            price_month: rounded(m.monthly()),
            currency: &m.currency,
        };
        Self {
            machines_monthly: cost.machines_monthly.as_ref().map(|(total, _)| rounded(*total)),
            currency: cost.machines_monthly.as_ref().map(|(_, currency)| currency.as_str()),
            cross_rack_usd_monthly: cost.cross_rack.map(|cost| rounded(cost.total_usd())),
            machines: cost.machines.iter().map(machine).collect(),
        }
    }
}

fn rebalance<'a>(snapshot: &Snapshot, plan: &'a Plan) -> impl Serialize + use<'a> {
    RebalanceView {
        pace: pace(snapshot, plan),
        frontier: plan.frontier.iter().map(PointView::from).collect(),
        outcome: plan.outcome.name(),
        movement: (&plan.movement).into(),
        lower_bound_bytes: plan.lower_bound.bytes,
        before: assessment(&plan.before),
        after: assessment(&plan.after),
    }
}

#[derive(Serialize)]
struct RebalanceView<B: Serialize, A: Serialize, P: Serialize> {
    outcome: &'static str,
    movement: MovementView,
    lower_bound_bytes: u64,
    before: B,
    after: A,
    pace: P,
    frontier: Vec<PointView>,
}

#[derive(Serialize)]
struct AssumptionsView {
    heap_bytes: f64,
    os_reserve_bytes: f64,
    cache_seconds_min: f64,
    min_cleanable_dirty_ratio: f64,
    cross_rack_usd_per_gb: f64,
    clients: &'static str,
}

impl AssumptionsView {
    fn of(report: &CapacityReport<'_>) -> Self {
        let given = &report.load.assumptions;
        Self {
            heap_bytes: given.heap_bytes,
            os_reserve_bytes: given.os_reserve_bytes,
            cache_seconds_min: given.cache_seconds_min,
            min_cleanable_dirty_ratio: given.dirty_ratio,
            cross_rack_usd_per_gb: given.cross_rack_usd_per_gb,
            clients: "spread evenly over the racks of active brokers",
        }
    }
}
