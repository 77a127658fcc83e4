//! The page's tables as text in cells; escaping is the template's.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::{Assessment, Criterion, Excuse, Goal, GoalBalance, Policy, Rule, Snapshot};
use crate::plan::{MoveKind, Plan};
use crate::report::excuses::grouped;
use crate::report::human;
use crate::report::standing::{GroupStanding, Unit, band_in_words, standings};
use crate::report::text::{by_size, route, span};
use crate::verify::Usage;

/// Moves listed; moves.csv has all.
const MOVES: usize = 50;
/// Batches listed; plan.json has all.
const BATCHES: usize = 50;
/// Excuses listed per kind; plan.json has all.
const EXCUSES_PER_KIND: usize = 12;

/// A hard rule that is broken before or after.
#[derive(Serialize)]
pub(super) struct RuleRow {
    name: &'static str,
    meaning: &'static str,
    before: String,
    after: String,
    holds: bool,
}

pub(super) fn rules(plan: &Plan) -> Vec<RuleRow> {
    let counts = |rule| (plan.before.hard_count(rule), plan.after.hard_count(rule));
    let broken = Rule::ALL.into_iter().filter(|&rule| counts(rule) != (0, 0));
    let row = |rule: Rule| RuleRow {
        name: rule.name(),
        meaning: meaning(rule),
        before: human::count(counts(rule).0),
        after: human::count(counts(rule).1),
        holds: counts(rule).1 == 0,
    };
    broken.map(row).collect()
}

fn meaning(rule: Rule) -> &'static str {
    match rule {
        Rule::DuplicateReplica => "partitions with two replicas on one broker",
        Rule::InactiveBroker => "replicas on draining or dead brokers",
        Rule::OfflineLogDir => "replicas on failed log dirs",
        Rule::ResourceGroup => "replicas outside their resource group",
        Rule::Rack => "partitions not spread over racks",
        Rule::DiskCapacity => "brokers with disks too full",
        Rule::LogDirCapacity => "log dirs too full",
        Rule::NetworkInCapacity => "brokers that receive too much",
        Rule::NetworkOutCapacity => "brokers that send too much",
        Rule::CpuCapacity => "brokers with too little CPU",
        Rule::ReplicaCount => "brokers with too many replicas",
    }
}

/// A group's goals before and after.
#[derive(Serialize)]
pub(super) struct GoalTable {
    name: String,
    brokers: String,
    rows: Vec<GoalRow>,
}

#[derive(Serialize)]
struct GoalRow {
    goal: &'static str,
    band: String,
    outside: [String; 2],
    excess: [String; 2],
    range: [String; 2],
    inside: bool,
}

pub(super) fn goals(
    snapshot: &Snapshot,
    policy: &Policy,
    plan: &Plan,
    before: &Usage,
    after: &Usage,
) -> Vec<GoalTable> {
    let old = standings(snapshot, policy, before);
    let new = standings(snapshot, policy, after);
    let names: BTreeSet<&String> = plan.before.balance.keys().chain(plan.after.balance.keys()).collect();
    let table = |name: &String| {
        let standing = |all: &[GroupStanding]| all.iter().find(|standing| standing.name == *name).cloned();
        let (old, new) = (standing(&old), standing(&new));
        let row = |goal| {
            let balances = (balance(&plan.before, name, goal)?, balance(&plan.after, name, goal)?);
            Some(goal_row(policy, goal, balances, (old.as_ref(), new.as_ref())))
        };
        GoalTable {
            name: name.clone(),
            brokers: human::counted(old.as_ref().map_or(0, |s| s.brokers.len()) as u64, "broker"),
            rows: Goal::ALL.into_iter().filter_map(row).collect(),
        }
    };
    names.into_iter().map(table).collect()
}

fn balance<'a>(assessment: &'a Assessment, group: &str, goal: Goal) -> Option<&'a GoalBalance> {
    assessment.balance.get(group)?.get(&goal)
}

fn goal_row(
    policy: &Policy,
    goal: Goal,
    (before, after): (&GoalBalance, &GoalBalance),
    (old, new): (Option<&GroupStanding>, Option<&GroupStanding>),
) -> GoalRow {
    let standing = new.or(old).and_then(|group| group.goal(goal));
    let unit = standing.map_or(Unit::Count, |standing| standing.unit);
    let range = |b: &GoalBalance| b.range.map_or_else(String::new, |r| unit.format_range(r.min, r.max));
    GoalRow {
        goal: goal.name(),
        band: standing
            .map_or_else(|| band_in_words(policy, goal), |s| unit.format_range(s.figures.band.0, s.figures.band.1)),
        outside: [before, after].map(|b| human::count(b.outside)),
        excess: [before, after].map(|b| human::figure(b.excess)),
        range: [range(before), range(after)],
        inside: after.outside == 0,
    }
}

/// A batch of the plan.
#[derive(Clone, Default, Serialize)]
pub(super) struct BatchRow {
    number: usize,
    partitions: String,
    replicas: u64,
    log_dirs: u64,
    leaders: u64,
    copied: String,
    within: String,
    throttle: String,
    takes: String,
}

/// The first batches, and how many there are beyond.
pub(super) fn batches(plan: &Plan) -> (Vec<BatchRow>, u64) {
    let mut rows: Vec<BatchRow> = Vec::new();
    for (offset, batch) in plan.batches.iter().take(BATCHES).enumerate() {
        let copies = batch.inter_broker_bytes + batch.intra_broker_bytes > 0;
        let time = plan.timetable.batches.get(offset).filter(|_| copies);
        rows.push(BatchRow {
            number: offset + 1,
            partitions: human::count(batch.entries.len() as u64),
            copied: human::bytes(batch.inter_broker_bytes),
            within: human::bytes(batch.intra_broker_bytes),
            throttle: time.map_or_else(String::new, |time| human::rate(time.throttle.bytes_per_sec as f64)),
            takes: time.map_or_else(String::new, |time| span(&time.durations)),
            ..BatchRow::default()
        });
    }
    for row in &plan.moves {
        let Some(batch) = rows.get_mut((row.batch as usize).wrapping_sub(1)) else { continue };
        match row.kind {
            MoveKind::Replica => batch.replicas += u64::from(row.to.is_some()),
            MoveKind::LogDir => batch.log_dirs += 1,
            MoveKind::Leader => batch.leaders += 1,
        }
    }
    (rows, plan.batches.len().saturating_sub(BATCHES) as u64)
}

/// A move that copies bytes.
#[derive(Serialize)]
pub(super) struct MoveRow {
    partition: String,
    route: String,
    size: String,
    batch: u32,
    why: String,
}

/// The largest moves, and how many there are beyond.
pub(super) fn moves(snapshot: &Snapshot, plan: &Plan) -> (Vec<MoveRow>, u64) {
    let all = by_size(plan, usize::MAX);
    let beyond = all.len().saturating_sub(MOVES) as u64;
    let row = |row: &&crate::plan::Move| MoveRow {
        partition: snapshot.partition_name(row.partition),
        route: route(snapshot, row),
        size: human::bytes(row.bytes),
        batch: row.batch,
        why: row.reason.clone(),
    };
    (all.iter().take(MOVES).map(row).collect(), beyond)
}

/// Excuses of one kind.
#[derive(Serialize)]
pub(super) struct ExcuseView<'a> {
    about: &'static str,
    is_rule: bool,
    remedy: &'a str,
    count: u64,
    lines: Vec<ExcuseLine<'a>>,
    beyond: u64,
}

#[derive(Serialize)]
struct ExcuseLine<'a> {
    subject: &'a str,
    why: &'a str,
}

pub(super) fn excuses(excuses: &[Excuse]) -> Vec<ExcuseView<'_>> {
    grouped(excuses)
        .into_iter()
        .map(|group| ExcuseView {
            about: group.criterion.map_or("left out", Criterion::name),
            is_rule: matches!(group.criterion, Some(Criterion::Rule(_))),
            remedy: group.remedy,
            count: group.excuses.len() as u64,
            lines: group
                .excuses
                .iter()
                .take(EXCUSES_PER_KIND)
                .map(|excuse| ExcuseLine { subject: &excuse.subject, why: &excuse.why })
                .collect(),
            beyond: group.excuses.len().saturating_sub(EXCUSES_PER_KIND) as u64,
        })
        .collect()
}
