//! What a plan does to copysets, where the policy gives a scatter width: how many sets of brokers hold a whole partition,
//! and how likely it is that as many failures at once lose one (Cidon et al., USENIX ATC 2013).

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;

use serde::Serialize;

use super::charts::{Axis, BarChart, BarRow};
use super::html::{ChartView, Section, TableView};
use super::human;
use super::json::rounded;
use crate::capacity::failure::{Copysets, broker_copysets};
use crate::model::{BrokerIdx, Goal, Placement, Policy, Snapshot};
use crate::plan::Plan;

/// The key `copysets` of plan.json.
#[derive(Serialize)]
pub(super) struct Change {
    /// Bytes of the moves whose reason it is. Its whole price is what the plan copies beyond one without the goal.
    moved_bytes: u64,
    before: Figures,
    after: Figures,
}

/// What every answer about copysets tells, under these keys.
#[derive(Serialize)]
pub(super) struct Figures {
    size: usize,
    distinct: u64,
    possible: f64,
    p_any_lost_at_size: f64,
    scatter_width_mean: f64,
    scatter_width_max: u64,
}

impl Figures {
    pub(super) fn of(copysets: &Copysets) -> Self {
        Self {
            size: copysets.size,
            distinct: copysets.distinct,
            possible: copysets.possible,
            p_any_lost_at_size: rounded(copysets.p_any_lost),
            scatter_width_mean: rounded(copysets.scatter_width_mean),
            scatter_width_max: copysets.scatter_width_max,
        }
    }
}

/// What `plan` does to the copysets of `snapshot`'s brokers; none where the policy gives no scatter width.
pub(super) fn change(snapshot: &Snapshot, policy: &Policy, plan: &Plan) -> Option<Change> {
    if !policy.bands.is_on(Goal::ScatterWidth) {
        return None;
    }
    let before = Figures::of(&broker_copysets(snapshot)?);
    let after = Figures::of(&broker_copysets(&carried_out(snapshot, &plan.placement))?);
    let for_it = plan.moves.iter().filter(|m| m.reason.starts_with(Goal::ScatterWidth.name()));
    Some(Change { moved_bytes: for_it.map(|m| m.bytes).sum(), before, after })
}

/// The same in words; empty where there is none.
pub(super) fn text(snapshot: &Snapshot, policy: &Policy, plan: &Plan) -> String {
    let Some(Change { moved_bytes, before, after }) = change(snapshot, policy, plan) else { return String::new() };
    let mut text = String::new();
    let percent = |p: f64| format!("{:.2} %", 100.0 * p);
    let _ = writeln!(
        text,
        "{} → {} sets of {} brokers hold a whole partition: {} failures lose one with {} → {}\n\
         a broker shares partitions with {:.1} → {:.1} others; moves that name that as their reason copy {}",
        human::count(before.distinct),
        human::count(after.distinct),
        after.size,
        after.size,
        percent(before.p_any_lost_at_size),
        percent(after.p_any_lost_at_size),
        before.scatter_width_mean,
        after.scatter_width_mean,
        human::bytes(moved_bytes),
    );
    text
}

/// The section of a page: how copysets stand and, with a plan, what becomes of them; none where the policy gives no
/// scatter width.
pub(super) fn section(snapshot: &Snapshot, policy: &Policy, plan: Option<&Plan>) -> Option<Section> {
    if !policy.bands.is_on(Goal::ScatterWidth) {
        return None;
    }
    let now = broker_copysets(snapshot)?;
    let size = now.size;
    let widths = (widths(snapshot, &Placement::of(snapshot)), plan.map(|plan| widths(snapshot, &plan.placement)));
    let mut rows = vec![row("now", &Figures::of(&now), &widths.0)];
    let mut notes = Vec::new();
    if let (Some(Change { moved_bytes, after, .. }), Some(widths)) =
        (plan.and_then(|plan| change(snapshot, policy, plan)), &widths.1)
    {
        rows.push(row("planned", &after, widths));
        notes.push(format!("Moves that name the scatter width as their reason copy {}.", human::bytes(moved_bytes)));
    }
    let head = ["", "sets", "there could be", "any lost", "others, mean", "others, most"].map(str::to_owned).to_vec();
    Some(Section {
        kind: "",
        title: "Copysets".to_owned(),
        lead: vec![format!(
            "Sets of {size} brokers that some partition has all its replicas on, and with how many others a broker shares \
             partitions: the policy wants {} at most. Fewer sets are hit more rarely and lose more at once; the average \
             stays. Any lost: when {size} brokers fail.",
            policy.bands.scatter_width
        )],
        tables: vec![TableView { title: "Sets and others".to_owned(), head, rows }],
        charts: vec![widest(policy, &widths.0, widths.1.as_deref())],
        notes,
    })
}

/// A broker's name, and how many others it shares partitions with.
type Width = (String, f64);

fn row(label: &str, figures: &Figures, widths: &[Width]) -> Vec<String> {
    let mean = widths.iter().map(|(_, others)| others).sum::<f64>() / widths.len().max(1) as f64;
    let most = widths.iter().map(|(_, others)| *others).fold(0.0, f64::max);
    vec![
        label.to_owned(),
        human::count(figures.distinct),
        human::count(figures.possible as u64),
        human::percent(figures.p_any_lost_at_size),
        human::mean_count(mean),
        human::mean_count(most),
    ]
}

/// Brokers that a chart shows: few enough to compare at a glance.
const WIDEST: usize = 10;

/// The brokers that share partitions with most others, against the limit.
fn widest(policy: &Policy, before: &[Width], after: Option<&[Width]>) -> ChartView {
    let limit = policy.bands.scatter_width;
    let bar = |((label, before), (_, after)): (&Width, &Width)| BarRow {
        label: label.clone(),
        before: Some(*before),
        after: *after,
    };
    let mut rows: Vec<BarRow> = before.iter().zip(after.unwrap_or(before)).map(bar).collect();
    if after.is_none() {
        rows.iter_mut().for_each(|row| row.before = None);
    }
    let total = human::count(rows.len() as u64);
    let most = |row: &BarRow| row.before.unwrap_or(0.0).max(row.after);
    // Sorting keeps the order of ids among equals.
    rows.sort_by(|a, b| most(b).total_cmp(&most(a)));
    rows.truncate(WIDEST);
    let title = format!("Others a broker shares partitions with: the {} widest of {total}", rows.len());
    let cells = |row: &BarRow| {
        let before = row.before.map_or_else(String::new, human::mean_count);
        vec![row.label.clone(), before, human::mean_count(row.after), human::mean_count(limit)]
    };
    let table = rows.iter().map(cells).collect();
    let chart = BarChart { title: title.clone(), axis: Axis::Count, limit: Some(limit), rows };
    let head = if after.is_some() { ["", "before", "after", "limit"] } else { ["", "", "now", "limit"] };
    ChartView { title, svg: chart.svg("scatter-widths"), head: head.map(str::to_owned).to_vec(), rows: table }
}

/// The active brokers, by id, as the goal counts them.
fn widths(snapshot: &Snapshot, placement: &Placement) -> Vec<Width> {
    let mut others: Vec<BTreeSet<BrokerIdx>> = vec![BTreeSet::new(); snapshot.brokers.len()];
    for p in snapshot.partition_indices() {
        let seats = placement.seats(p);
        for seat in seats {
            let met = seats.iter().map(|other| other.broker).filter(|other| *other != seat.broker);
            others[seat.broker.row()].extend(met);
        }
    }
    let active = snapshot.brokers.iter().zip(others).filter(|(broker, _)| broker.state.is_active());
    active.map(|(broker, others)| (format!("broker {}", broker.id), others.len() as f64)).collect()
}

/// `snapshot` with its replicas where `placement` has them.
fn carried_out(snapshot: &Snapshot, placement: &Placement) -> Snapshot {
    let mut next = snapshot.clone();
    for p in snapshot.partition_indices() {
        let kept: HashSet<_> = snapshot.replicas_of(p).iter().map(|r| r.broker).collect();
        next.partitions[p.row()].leader = placement.leader(p);
        for (row, seat) in snapshot.partition(p).replica_rows().zip(placement.seats(p)) {
            let replica = &mut next.replicas[row];
            (replica.broker, replica.log_dir) = (seat.broker, seat.log_dir);
            // A copy is in sync once it is made.
            replica.in_sync |= !kept.contains(&seat.broker);
        }
    }
    next
}
