//! The capacity report's tables, one function each.

use super::CapacityReport;
use super::plan_sheets;
use super::sheet::{Cell, Column, Sheet, figures, words};
use crate::capacity::headroom::AfterLoss;
use crate::capacity::traffic::{Classes, RackTraffic};
use crate::model::{BrokerState, Criterion};
use crate::report::headroom::in_words;
use crate::report::shrink;

/// Every table, in the order of the page. Empty ones are among them: which files there are does not depend on the figures,
/// so that programs find them and `--force` knows them again.
pub(super) fn all(report: &CapacityReport<'_>) -> Vec<Sheet> {
    vec![
        headroom(report),
        crate::report::forecast::sheet(report.snapshot, report.forecast),
        hot_spots(report),
        rack_matrix(report),
        cross_rack(report),
        plan_sheets::goals(report.plan),
        plan_sheets::batches(report.plan),
        plan_sheets::frontier(report.plan),
        shrink::sheet(report.policy, &report.shrink),
        limits(report),
        groups(report),
        brokers(report),
        log_dirs(report),
        page_cache(report),
        retention(report),
        machines(report),
        excuses(report),
        not_evaluated(report),
    ]
}

pub(crate) fn headroom(report: &CapacityReport<'_>) -> Sheet {
    let share = |loss: &Option<AfterLoss>| Cell::some(loss.as_ref().map(|l| l.utilization_max), Cell::Share);
    let name = |loss: &Option<AfterLoss>| loss.as_ref().map_or(Cell::Missing, |l| l.lost.clone().into());
    Sheet {
        name: "headroom",
        title: "Headroom by group and resource",
        columns: vec![
            words("resource_group", "group"),
            words("goal", "resource"),
            figures("limit", "limit"),
            figures("utilization_mean", "mean"),
            figures("utilization_max", "most"),
            figures("busiest_broker", "broker"),
            figures("after_largest_broker_lost", "broker lost"),
            words("broker_lost", "which"),
            figures("after_largest_rack_lost", "rack lost"),
            words("rack_lost", "which"),
            words("verdict", "the limit"),
        ],
        rows: report
            .check
            .headroom
            .iter()
            .map(|h| {
                vec![
                    h.group.clone().into(),
                    h.goal.name().into(),
                    Cell::Share(h.limit),
                    Cell::Share(h.utilization_mean),
                    Cell::Share(h.utilization_max),
                    Cell::Text(report.snapshot.broker(h.busiest).id.to_string()),
                    share(&h.broker_lost),
                    name(&h.broker_lost),
                    share(&h.rack_lost),
                    name(&h.rack_lost),
                    in_words(h.verdict).into(),
                ]
            })
            .collect(),
    }
}

fn hot_spots(report: &CapacityReport<'_>) -> Sheet {
    let snapshot = report.snapshot;
    Sheet {
        name: "hot_spots",
        title: "Hot spots",
        columns: vec![
            words("goal", "resource"),
            figures("broker_id", "broker"),
            words("log_dir", "log dir"),
            figures("value", "used"),
            figures("limit", "limit"),
        ],
        rows: report
            .check
            .hot_spots
            .iter()
            .map(|spot| {
                let dir = spot.log_dir.map_or(String::new(), |dir| snapshot.log_dir(dir).path.clone());
                vec![
                    spot.goal.name().into(),
                    Cell::Text(snapshot.broker(spot.broker).id.to_string()),
                    dir.into(),
                    Cell::Share(spot.value),
                    Cell::Share(spot.limit),
                ]
            })
            .collect(),
    }
}

/// Bytes per second from rack to rack by class; empty where racks are not known.
fn rack_matrix(report: &CapacityReport<'_>) -> Sheet {
    let rows = report.load.racks.as_ref().map_or_else(Vec::new, |racks| rack_rows(&report.snapshot.racks, racks));
    Sheet {
        name: "racks",
        title: "Traffic between racks",
        columns: vec![
            words("from_rack", "from"),
            words("to_rack", "to"),
            figures("produce_bytes_per_sec", "produce"),
            figures("replication_bytes_per_sec", "replication"),
            figures("consume_bytes_per_sec", "consume"),
            figures("consume_nearest_bytes_per_sec", "consume, KIP-392"),
            figures("total_bytes_per_sec", "all"),
        ],
        rows,
    }
}

fn rack_rows(names: &[String], racks: &RackTraffic) -> Vec<Vec<Cell>> {
    let total = racks.total();
    let mut rows = Vec::new();
    for (from, source) in names.iter().enumerate() {
        for (to, destination) in names.iter().enumerate() {
            let classes = [&racks.produce, &racks.replication, &racks.consume, &racks.consume_nearest, &total];
            let mut row: Vec<Cell> = vec![source.clone().into(), destination.clone().into()];
            row.extend(classes.map(|matrix| Cell::Rate(matrix.get(from, to))));
            rows.push(row);
        }
    }
    rows
}

/// What crosses racks by class and what a month of it costs.
pub(crate) fn cross_rack(report: &CapacityReport<'_>) -> Sheet {
    let mut rows = Vec::new();
    if let (Some(racks), Some(cost)) = (&report.load.racks, &report.load.cost.cross_rack) {
        let mut row = |class: &str, rate: f64, usd: f64| {
            rows.push(vec![class.into(), Cell::Rate(rate), Cell::Money(usd)]);
        };
        row("produce", racks.produce.crossing(), cost.produce_usd);
        row("replication", racks.replication.crossing(), cost.replication_usd);
        row("consume", racks.consume.crossing(), cost.consume_usd);
        row("all", racks.total().crossing(), cost.total_usd());
        row("consume, KIP-392", racks.consume_nearest.crossing(), cost.consume_nearest_usd);
        row("all, KIP-392", racks.total_nearest().crossing(), cost.total_nearest_usd());
    }
    Sheet {
        name: "cross_rack",
        title: "Traffic between racks by class, and its price",
        columns: vec![
            words("class", "class"),
            figures("bytes_per_sec", "crosses"),
            figures("usd_per_month", "$ a month"),
        ],
        rows,
    }
}

pub(crate) fn limits(report: &CapacityReport<'_>) -> Sheet {
    Sheet {
        name: "limits",
        title: "Replicas and partitions against limits",
        columns: vec![
            words("name", "what"),
            words("subject", "most on"),
            figures("value", "count"),
            figures("limit", "limit"),
            figures("share", "used"),
            words("source", "who says so"),
        ],
        rows: report
            .load
            .limits
            .rows
            .iter()
            .map(|row| {
                vec![
                    row.name.replace('_', " ").into(),
                    row.subject.clone().into(),
                    Cell::Count(row.value),
                    Cell::Count(row.limit),
                    Cell::Share(row.share()),
                    row.source.into(),
                ]
            })
            .collect(),
    }
}

const CLASSES: [Column; 12] = [
    figures("produce_bytes_per_sec", "produce"),
    figures("replication_in_bytes_per_sec", "replication in"),
    figures("reassignment_in_bytes_per_sec", "reassignment in"),
    figures("network_in_bytes_per_sec", "all in"),
    figures("consume_bytes_per_sec", "consume"),
    figures("consume_nearest_bytes_per_sec", "consume, KIP-392"),
    figures("replication_out_bytes_per_sec", "replication out"),
    figures("reassignment_out_bytes_per_sec", "reassignment out"),
    figures("network_out_bytes_per_sec", "all out"),
    figures("disk_write_bytes_per_sec", "disk writes"),
    figures("cleaner_read_bytes_per_sec", "cleaner reads"),
    figures("cleaner_write_bytes_per_sec", "cleaner writes"),
];

fn classes(report: &CapacityReport<'_>, classes: &Classes) -> [Cell; 12] {
    if !report.load.has_traffic {
        return [const { Cell::Missing }; 12];
    }
    let nearest = report.load.traffic.has_nearest.then_some(classes.consume_nearest);
    [
        Cell::Rate(classes.produce),
        Cell::Rate(classes.replication_in),
        Cell::Rate(classes.reassignment_in),
        Cell::Rate(classes.network_in()),
        Cell::Rate(classes.consume),
        Cell::some(nearest, Cell::Rate),
        Cell::Rate(classes.replication_out),
        Cell::Rate(classes.reassignment_out),
        Cell::Rate(classes.network_out()),
        Cell::Rate(classes.disk_write()),
        Cell::Rate(classes.cleaner_read),
        Cell::Rate(classes.cleaner_write),
    ]
}

pub(crate) fn brokers(report: &CapacityReport<'_>) -> Sheet {
    let snapshot = report.snapshot;
    let mut columns = vec![
        figures("broker_id", "broker"),
        words("rack", "rack"),
        words("resource_group", "group"),
        words("state", "state"),
        figures("replicas", "replicas"),
        figures("leaders", "leaders"),
    ];
    columns.extend(CLASSES);
    let rows = snapshot.broker_indices().map(|broker| {
        let row = snapshot.broker(broker);
        let name =
            |index: Option<usize>, names: &[String]| index.and_then(|i| names.get(i)).cloned().unwrap_or_default();
        let mut cells: Vec<Cell> = vec![
            Cell::Text(row.id.to_string()),
            name(row.rack.map(|r| r.row()), &snapshot.racks).into(),
            name(row.group.map(|g| g.row()), &snapshot.groups).into(),
            row.state.name().into(),
            Cell::Count(report.load.limits.replicas[broker.row()]),
            Cell::Count(report.load.limits.leaders[broker.row()]),
        ];
        cells.extend(classes(report, &report.load.traffic.brokers[broker.row()]));
        cells
    });
    Sheet { name: "brokers", title: "Traffic by broker", columns, rows: rows.collect() }
}

pub(crate) fn groups(report: &CapacityReport<'_>) -> Sheet {
    let traffic = &report.load.traffic;
    let all = traffic.groups.iter().map(|(name, classes)| (name.as_str(), classes));
    let all = all.chain([("whole cluster", &traffic.cluster)]);
    let row = |(name, own): (&str, &Classes)| {
        let mut cells: Vec<Cell> = vec![name.into()];
        cells.extend(classes(report, own));
        cells
    };
    let mut columns = vec![words("resource_group", "group")];
    columns.extend(CLASSES);
    Sheet { name: "groups", title: "Traffic by group", columns, rows: all.map(row).collect() }
}

pub(crate) fn log_dirs(report: &CapacityReport<'_>) -> Sheet {
    let snapshot = report.snapshot;
    let usage = &report.usage;
    let traffic = Some(&report.load.traffic).filter(|_| report.load.has_traffic);
    let is_rated = snapshot.log_dirs.iter().any(|dir| dir.write_capacity_bytes_per_sec.is_some());
    let rate = |row: usize| traffic.map(|traffic| traffic.log_dir_write[row]);
    // The page shows the first rows: the ones written to most, then as the snapshot has them.
    let mut order: Vec<usize> = (0..snapshot.log_dirs.len()).collect();
    order.sort_by(|&a, &b| rate(b).unwrap_or(0.0).total_cmp(&rate(a).unwrap_or(0.0)));
    let rows = order.into_iter().map(|row| {
        let dir = &snapshot.log_dirs[row];
        let mut cells = vec![
            Cell::Text(snapshot.broker(dir.broker).id.to_string()),
            dir.path.clone().into(),
            dir.state.name().into(),
            Cell::Bytes(usage.log_dir_bytes[row] as f64),
            Cell::some(dir.capacity_bytes.map(|bytes| bytes as f64), Cell::Bytes),
            Cell::some(usage.log_dir_utilization(snapshot, crate::model::LogDirIdx::new(row)), Cell::Share),
            Cell::some(rate(row), Cell::Rate),
        ];
        let written = || traffic.and_then(|traffic| traffic.write_utilization(snapshot, row));
        cells.extend(is_rated.then(|| Cell::some(written(), Cell::Share)));
        cells
    });
    let rows = rows.collect();
    let mut columns = vec![
        figures("broker_id", "broker"),
        words("log_dir", "log dir"),
        words("state", "state"),
        figures("used_bytes", "used"),
        figures("capacity_bytes", "capacity"),
        figures("utilization", "used"),
        figures("write_bytes_per_sec", "written"),
    ];
    columns.extend(is_rated.then(|| figures("write_utilization", "of what it can write")));
    Sheet { name: "log_dirs", title: "Disk writes by log dir, most first", columns, rows }
}

pub(crate) fn page_cache(report: &CapacityReport<'_>) -> Sheet {
    let mut times = report.load.cache.clone();
    times.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let row = |time: &crate::capacity::traffic::CacheTime| {
        vec![
            Cell::Text(report.snapshot.broker(time.broker).id.to_string()),
            Cell::Bytes(time.cache_bytes),
            Cell::Rate(time.write_bytes_per_sec),
            Cell::Seconds(time.seconds),
            Cell::Seconds(report.load.assumptions.cache_seconds_min),
        ]
    };
    Sheet {
        name: "page_cache",
        title: "How long memory holds what is written, shortest first",
        columns: vec![
            figures("broker_id", "broker"),
            figures("cache_bytes", "page cache"),
            figures("write_bytes_per_sec", "written"),
            figures("cache_seconds", "holds"),
            figures("cache_seconds_min", "at least"),
        ],
        rows: times.iter().map(row).collect(),
    }
}

pub(crate) fn retention(report: &CapacityReport<'_>) -> Sheet {
    let mut topics = report.load.retention.topics.clone();
    let growth = |t: &crate::capacity::traffic::TopicRetention| t.retained_bytes - t.measured_bytes as f64;
    // The sort is stable: equal growth stays in the order of names.
    topics.sort_by(|a, b| growth(b).total_cmp(&growth(a)));
    let row = |topic: &crate::capacity::traffic::TopicRetention| {
        vec![
            report.snapshot.topic(topic.topic).name.clone().into(),
            Cell::Bytes(topic.measured_bytes as f64),
            Cell::Bytes(topic.retained_bytes),
        ]
    };
    Sheet {
        name: "retention",
        title: "Topics at their retention, largest growth first",
        columns: vec![
            words("topic", "topic"),
            figures("measured_bytes", "measured"),
            figures("retained_bytes", "at retention"),
        ],
        rows: topics.iter().map(row).collect(),
    }
}

pub(crate) fn machines(report: &CapacityReport<'_>) -> Sheet {
    let row = |machine: &crate::capacity::traffic::MachineCost| {
        vec![
            machine.model.clone().into(),
            Cell::Count(machine.brokers),
            machine.price_hour.to_string().into(),
            Cell::Money(machine.monthly()),
            machine.currency.clone().into(),
        ]
    };
    Sheet {
        name: "machines",
        title: "Machines and their price",
        columns: vec![
            words("machine_model", "machine model"),
            figures("brokers", "brokers"),
            figures("price_hour", "an hour"),
            figures("price_month", "a month"),
            words("currency", "currency"),
        ],
        rows: report.load.cost.machines.iter().map(row).collect(),
    }
}

fn excuses(report: &CapacityReport<'_>) -> Sheet {
    let rows = report.excuses.iter().map(|excuse| {
        let figure =
            |value: Option<f64>| value.map_or(Cell::Missing, |v| crate::report::json::rounded(v).to_string().into());
        vec![
            excuse.criterion.map_or("", Criterion::name).into(),
            excuse.subject.clone().into(),
            figure(excuse.value),
            figure(excuse.limit),
            excuse.why.clone().into(),
            excuse.remedy.clone().into(),
        ]
    });
    Sheet {
        name: "excuses",
        title: "Not as wanted, and what would change it",
        columns: vec![
            words("rule_or_goal", "rule or goal"),
            words("subject", "where"),
            figures("value", "value"),
            figures("limit", "limit"),
            words("why", "why"),
            words("remedy", "what would change it"),
        ],
        rows: rows.collect(),
    }
}

fn not_evaluated(report: &CapacityReport<'_>) -> Sheet {
    let row = |entry: &crate::capacity::NotEvaluated| vec![entry.what.clone().into(), entry.why.clone().into()];
    Sheet {
        name: "not_evaluated",
        title: "Not evaluated, and why",
        columns: vec![words("what", "what"), words("why", "why")],
        rows: report.not_evaluated.iter().map(row).collect(),
    }
}

/// Brokers that serve: all but those down or dead.
pub(super) fn in_service(report: &CapacityReport<'_>) -> u64 {
    let down = |state: BrokerState| matches!(state, BrokerState::Down | BrokerState::Dead);
    report.snapshot.brokers.iter().filter(|b| !down(b.state)).count() as u64
}
