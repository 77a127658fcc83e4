//! The files of a plan directory (contract §5), all but the page: JSON for programs and for Kafka's tools, CSV for
//! spreadsheets, the runbook for people. Input: a plan. Output: bytes by path; `writer` writes them.

use std::borrow::Cow;
use std::path::PathBuf;

use serde::Serialize;

use super::frontier::{self, PointView};
use super::html::Section;
use super::origin_json::{SnapshotView, ToolView};
use super::pace_json::{self, DurationsView};
use super::{copysets, json, layout};
use crate::model::{Assessment, Policy, Seat, Snapshot};
use crate::optimize::replication::FactorChange;
use crate::plan::rollback::{batch_rollbacks, rollback};
use crate::plan::runbook::{self, batch_name};
use crate::plan::{Batch, Move, MoveKind, Plan, kafka_json};
use crate::writer::OutputFile;

/// Version of plan.json's shape.
const FORMAT: u32 = 1;

/// Header of moves.csv (contract §5).
const MOVES_HEADER: [&str; 10] = [
    "batch",
    "topic",
    "partition",
    "kind",
    "from_broker",
    "from_log_dir",
    "to_broker",
    "to_log_dir",
    "bytes",
    "reason",
];

/// What a command adds to the files of its plan.
pub struct Extras<'a, E: Serialize> {
    /// Keys of plan.json beside the contract's for every plan; a struct or map.
    pub keys: &'a E,
    /// Sections of the runbook.
    pub runbook: runbook::Extra,
    /// The kind of plan and its section of the page.
    pub page: Section,
}

/// Every file of the plan directory.
#[must_use]
pub fn plan_files(snapshot: &Snapshot, policy: &Policy, plan: &Plan) -> Vec<OutputFile> {
    files_with(snapshot, policy, plan, None::<&Extras<'_, ()>>)
}

/// Every file of the plan directory, with what its command adds.
#[must_use]
pub fn plan_files_with<E: Serialize>(
    snapshot: &Snapshot,
    policy: &Policy,
    plan: &Plan,
    extras: &Extras<'_, E>,
) -> Vec<OutputFile> {
    files_with(snapshot, policy, plan, Some(extras))
}

fn files_with<E: Serialize>(
    snapshot: &Snapshot,
    policy: &Policy,
    plan: &Plan,
    extras: Option<&Extras<'_, E>>,
) -> Vec<OutputFile> {
    let runbook = extras.map_or_else(runbook::Extra::default, |extras| extras.runbook.clone());
    let page = super::html::plan_page_with(snapshot, policy, plan, extras.map(|extras| &extras.page));
    let rollback = rollback(snapshot, plan);
    let elections: Vec<_> = {
        let mut elected: Vec<_> = plan.batches.iter().flat_map(|batch| batch.elections.iter().copied()).collect();
        elected.sort_unstable();
        elected
    };
    let entries = kafka_json::entries(snapshot, &plan.placement);
    let mut files = vec![
        file("plan.json", layout::to_bytes(&plan_view(snapshot, policy, plan, extras.map(|extras| extras.keys)))),
        file("reassignment.json", layout::to_bytes(&kafka_json::reassignment(snapshot, &entries))),
        file("leader-election.json", layout::to_bytes(&kafka_json::elections(snapshot, &elections))),
        file("rollback.json", layout::to_bytes(&kafka_json::reassignment(snapshot, &rollback.entries))),
        file("rollback-leader-election.json", layout::to_bytes(&kafka_json::elections(snapshot, &rollback.elections))),
        file("moves.csv", moves_csv(snapshot, &plan.moves)),
        file("RUNBOOK.md", runbook::render_with(snapshot, plan, &runbook).into_bytes()),
        file("report.html", page.into_bytes()),
    ];
    if !plan.frontier.is_empty() {
        files.push(file("frontier.csv", frontier::csv(&plan.frontier)));
    }
    let rollbacks = batch_rollbacks(snapshot, &plan.batches);
    for (index, (batch, rollback)) in plan.batches.iter().zip(&rollbacks).enumerate() {
        let folder = format!("batches/{}", batch_name(index + 1, plan.batches.len()));
        let reassignment = kafka_json::reassignment(snapshot, &batch.entries);
        let elections = kafka_json::elections(snapshot, &batch.elections);
        let rollback = kafka_json::reassignment(snapshot, rollback);
        files.push(file(&format!("{folder}/reassignment.json"), layout::to_bytes(&reassignment)));
        files.push(file(&format!("{folder}/leader-election.json"), layout::to_bytes(&elections)));
        files.push(file(&format!("{folder}/rollback.json"), layout::to_bytes(&rollback)));
    }
    files
}

/// The text of `plan.json` among `files`, for commands that print what they write.
#[must_use]
pub fn plan_json(files: &[OutputFile]) -> Cow<'_, str> {
    let found = files.iter().find(|file| file.path.as_os_str() == "plan.json");
    found.map_or(Cow::Borrowed(""), |file| String::from_utf8_lossy(&file.bytes))
}

fn plan_view<'a, E: Serialize>(
    snapshot: &'a Snapshot,
    policy: &'a Policy,
    plan: &'a Plan,
    keys: Option<&'a E>,
) -> impl Serialize + 'a {
    PlanView {
        format: FORMAT,
        tool: ToolView::this(),
        snapshot: SnapshotView::of(snapshot),
        policy: json::policy(policy),
        outcome: plan.outcome.name(),
        stop_reason: plan.stop_reason.name(),
        movement: MovementView {
            movement: (&plan.movement).into(),
            lower_bound_bytes: plan.lower_bound.bytes,
            bound_kind: plan.lower_bound.kind.name(),
            gap: plan.gap.map(json::rounded),
        },
        keys,
        before: assessment(&plan.before),
        after: assessment(&plan.after),
        frontier: (!plan.frontier.is_empty()).then(|| plan.frontier.iter().map(PointView::from).collect()),
        replication: plan.replication.as_ref().map(ReplicationView::from),
        copysets: copysets::change(snapshot, policy, plan),
        excuses: plan.excuses.iter().map(json::ExcuseView::from).collect(),
        pace: pace_json::pace(snapshot, plan),
        batches: batches(plan),
        not_evaluated: keys.is_none().then(|| json::not_evaluated(&plan.timetable.not_evaluated)),
        moves: plan.moves.iter().map(|m| MoveView::of(snapshot, m)).collect(),
    }
}

fn assessment(assessment: &Assessment) -> impl Serialize + '_ {
    json::assessment(assessment)
}

#[derive(Serialize)]
struct PlanView<'a, P: Serialize, E: Serialize, B: Serialize, A: Serialize, T: Serialize, N: Serialize> {
    format: u32,
    tool: ToolView,
    snapshot: SnapshotView<'a>,
    policy: P,
    outcome: &'static str,
    stop_reason: &'static str,
    movement: MovementView,
    #[serde(flatten)]
    keys: Option<&'a E>,
    before: B,
    after: A,
    /// Absent where no frontier was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    frontier: Option<Vec<PointView>>,
    /// Absent where no replication factor was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    replication: Option<ReplicationView>,
    /// Absent where the policy gives no scatter width.
    #[serde(skip_serializing_if = "Option::is_none")]
    copysets: Option<copysets::Change>,
    excuses: Vec<json::ExcuseView<'a>>,
    pace: T,
    batches: Vec<BatchView>,
    /// Absent where a command's own keys bring it.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_evaluated: Option<N>,
    moves: Vec<MoveView<'a>>,
}

#[derive(Serialize)]
struct MovementView {
    #[serde(flatten)]
    movement: json::MovementView,
    lower_bound_bytes: u64,
    bound_kind: &'static str,
    gap: Option<f64>,
}

#[derive(Serialize)]
struct ReplicationView {
    factor: u32,
    partitions_raised: u64,
    partitions_lowered: u64,
    partitions_kept: u64,
    replicas_added: u64,
    replicas_removed: u64,
    added_bytes: u64,
}

impl From<&FactorChange> for ReplicationView {
    fn from(change: &FactorChange) -> Self {
        Self {
            factor: change.factor,
            partitions_raised: change.raised,
            partitions_lowered: change.lowered,
            partitions_kept: change.kept,
            replicas_added: change.added_replicas,
            replicas_removed: change.removed_replicas,
            added_bytes: change.added_bytes,
        }
    }
}

#[derive(Serialize)]
struct BatchView {
    number: usize,
    partitions: usize,
    replica_moves: usize,
    log_dir_moves: usize,
    leader_changes: usize,
    inter_broker_bytes: u64,
    intra_broker_bytes: u64,
    throttle_bytes_per_sec: Option<u64>,
    duration_seconds: Option<DurationsView>,
}

fn batches(plan: &Plan) -> Vec<BatchView> {
    let view = |(index, batch): (usize, &Batch)| BatchView {
        number: index + 1,
        partitions: batch.entries.len(),
        replica_moves: 0,
        log_dir_moves: 0,
        leader_changes: 0,
        inter_broker_bytes: batch.inter_broker_bytes,
        intra_broker_bytes: batch.intra_broker_bytes,
        throttle_bytes_per_sec: plan.timetable.batches.get(index).map(|time| time.throttle.bytes_per_sec),
        duration_seconds: plan.timetable.batches.get(index).map(|time| (&time.durations).into()),
    };
    let mut batches: Vec<BatchView> = plan.batches.iter().enumerate().map(view).collect();
    for row in &plan.moves {
        let Some(batch) = batches.get_mut((row.batch as usize).saturating_sub(1)) else { continue };
        match row.kind {
            MoveKind::Replica => batch.replica_moves += usize::from(row.to.is_some()),
            MoveKind::LogDir => batch.log_dir_moves += 1,
            MoveKind::Leader => batch.leader_changes += 1,
        }
    }
    batches
}

/// A row of moves.csv; the fields are [`MOVES_HEADER`]'s, in its order.
#[derive(Serialize)]
struct MoveView<'a> {
    batch: u32,
    topic: &'a str,
    partition: u32,
    kind: &'static str,
    from_broker: Option<i32>,
    from_log_dir: Option<&'a str>,
    to_broker: Option<i32>,
    to_log_dir: Option<&'a str>,
    bytes: u64,
    reason: &'a str,
}

impl<'a> MoveView<'a> {
    fn of(snapshot: &'a Snapshot, row: &'a Move) -> Self {
        let partition = snapshot.partition(row.partition);
        let broker = |seat: Option<Seat>| seat.map(|s| snapshot.broker(s.broker).id);
        let path = |seat: Option<Seat>| seat.and_then(|s| s.log_dir).map(|dir| snapshot.log_dir(dir).path.as_str());
        Self {
            batch: row.batch,
            topic: &snapshot.topic(partition.topic).name,
            partition: partition.number,
            kind: row.kind.name(),
            from_broker: broker(row.from),
            from_log_dir: path(row.from),
            to_broker: broker(row.to),
            to_log_dir: path(row.to),
            bytes: row.bytes,
            reason: &row.reason,
        }
    }
}

fn moves_csv(snapshot: &Snapshot, moves: &[Move]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    let header = writer.write_record(MOVES_HEADER);
    let rows = moves.iter().try_for_each(|row| writer.serialize(MoveView::of(snapshot, row)));
    debug_assert!(header.is_ok() && rows.is_ok(), "memory takes every row and all rows have one shape");
    writer.into_inner().unwrap_or_default()
}

fn file(path: &str, bytes: Vec<u8>) -> OutputFile {
    OutputFile { path: PathBuf::from(path), bytes }
}
