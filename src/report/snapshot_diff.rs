//! What changed between two snapshots, as text and JSON. Input: [`Diff`]. Pure.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::human;
use super::table::{Align, Table};
use crate::verify::diff::{Changes, Diff, Totals};

/// Rows of a list that the text shows; the JSON has all.
const ROWS_MAX: usize = 10;

/// The text: a headline, then what changed.
#[must_use]
pub fn text(diff: &Diff) -> String {
    let [(cluster, from), (other, to)] = &diff.clusters;
    let mut text = format!("{}\n{cluster}, {from} to {to}\n", headline(diff));
    if cluster != other {
        let _ = writeln!(text, "the snapshots are of different clusters: the later one is of {other}");
    }
    text.push_str(&totals(&diff.totals));
    text.push_str(&changes("brokers", &diff.brokers, i32::to_string));
    text.push_str(&changes("log dirs", &diff.log_dirs, |(id, path)| format!("{id}:{path}")));
    text.push_str(&changes("topics", &diff.topics, String::clone));
    text.push_str(&moved(diff));
    text.push_str(&traffic(diff));
    text
}

fn headline(diff: &Diff) -> String {
    if diff.is_empty() {
        return "nothing changed".to_owned();
    }
    let replicas: u64 = diff.moved.values().map(|moved| moved.replicas).sum();
    let bytes = diff.moved.values().fold(0_u64, |sum, moved| sum.saturating_add(moved.bytes));
    format!(
        "{} moved between brokers ({}), {} changed, {} added and {} removed",
        human::counted(replicas, "replica"),
        human::bytes(bytes),
        human::counted(diff.leaders_changed, "leader"),
        human::counted(diff.brokers.added.len() as u64, "broker"),
        diff.brokers.removed.len()
    )
}

fn totals([before, after]: &[Totals; 2]) -> String {
    let mut table = Table::new(&[("", Align::Left), ("before", Align::Right), ("after", Align::Right)]);
    let mut row = |name: &str, before: String, after: String| table.row([name.into(), before.into(), after.into()]);
    row("brokers", human::count(before.brokers), human::count(after.brokers));
    row("topics", human::count(before.topics), human::count(after.topics));
    row("partitions", human::count(before.partitions), human::count(after.partitions));
    row("replicas", human::count(before.replicas), human::count(after.replicas));
    row("size", human::bytes(before.size_bytes), human::bytes(after.size_bytes));
    row("produced", human::rate(before.bytes_in_per_sec), human::rate(after.bytes_in_per_sec));
    row("consumed", human::rate(before.bytes_out_per_sec), human::rate(after.bytes_out_per_sec));
    format!("\n{}", table.render())
}

fn changes<K>(title: &str, changes: &Changes<K>, name: impl Fn(&K) -> String) -> String {
    let Changes { added, removed, changed } = changes;
    if added.is_empty() && removed.is_empty() && changed.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{title}\n");
    for (what, keys) in [("added", added), ("removed", removed)] {
        if !keys.is_empty() {
            let names: Vec<String> = keys.iter().take(ROWS_MAX).map(&name).collect();
            let _ = writeln!(text, "  {what}: {}{}", names.join(", "), more(keys.len()));
        }
    }
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left), ("", Align::Left)]);
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
    for change in changed.iter().take(ROWS_MAX) {
        let values = format!("{} → {}", value(&change.before), value(&change.after));
        table.row([name(&change.of).into(), change.field.into(), values.into()]);
    }
    text + &table.render() + &rest(changed.len())
}

fn moved(diff: &Diff) -> String {
    let facts = [
        (diff.partitions_added, "partition", "added"),
        (diff.partitions_removed, "partition", "removed"),
        (diff.partitions_reassigned, "partition", "placed otherwise"),
        (diff.log_dir_moves, "replica", "moved between log dirs of its broker"),
        (diff.replicas_added, "replica", "added"),
        (diff.replicas_removed, "replica", "removed"),
        (diff.leaders_changed, "leader", "changed"),
        (diff.isr_changed, "partition", "with another ISR"),
    ];
    let lines: Vec<String> = facts
        .iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, noun, what)| format!("  {} {what}\n", human::counted(*number, noun)))
        .collect();
    let mut text = if lines.is_empty() { String::new() } else { format!("\nplacement\n{}", lines.concat()) };
    if !diff.moved.is_empty() {
        let mut pairs: Vec<_> = diff.moved.iter().collect();
        pairs.sort_by(|a, b| b.1.bytes.cmp(&a.1.bytes).then(b.1.replicas.cmp(&a.1.replicas)));
        let columns =
            [("from", Align::Right), ("to", Align::Right), ("replicas", Align::Right), ("bytes", Align::Right)];
        let mut table = Table::new(&columns);
        for ((from, to), moved) in pairs.iter().take(ROWS_MAX) {
            let cells = [from.to_string(), to.to_string(), human::count(moved.replicas), human::bytes(moved.bytes)];
            table.row(cells.map(Into::into));
        }
        text += &format!("\nreplicas moved between brokers\n{}{}", table.render(), rest(pairs.len()));
    }
    text
}

fn traffic(diff: &Diff) -> String {
    if diff.traffic.is_empty() {
        return String::new();
    }
    let columns =
        [("topic", Align::Left), ("produced", Align::Right), ("consumed", Align::Right), ("size", Align::Right)];
    let mut table = Table::new(&columns);
    let rates = |[before, after]: [f64; 2]| format!("{} → {}", human::rate(before), human::rate(after));
    for change in diff.traffic.iter().take(ROWS_MAX) {
        let [before, after] = change.size_bytes;
        let size = format!("{} → {}", human::bytes(before), human::bytes(after));
        let cells = [change.topic.clone(), rates(change.bytes_in_per_sec), rates(change.bytes_out_per_sec), size];
        table.row(cells.map(Into::into));
    }
    format!("\nsize and traffic by topic\n{}{}", table.render(), rest(diff.traffic.len()))
}

fn more(number: usize) -> String {
    match number.saturating_sub(ROWS_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    }
}

fn rest(number: usize) -> String {
    match number.saturating_sub(ROWS_MAX) {
        0 => String::new(),
        more => format!("  and {more} more: see --format json\n"),
    }
}

/// The JSON: every change.
#[must_use]
pub fn json(diff: &Diff) -> Value {
    let [before, after] = &diff.clusters;
    let snapshot = |(id, at): &(String, String), totals: &Totals| {
        json!({
            "cluster_id": id, "captured_at": at,
            "brokers": totals.brokers, "topics": totals.topics, "partitions": totals.partitions,
            "replicas": totals.replicas, "size_bytes": totals.size_bytes,
            "bytes_in_per_sec": totals.bytes_in_per_sec, "bytes_out_per_sec": totals.bytes_out_per_sec,
        })
    };
    let moved: Vec<Value> = diff
        .moved
        .iter()
        .map(|((from, to), m)| json!({"from_broker": from, "to_broker": to, "replicas": m.replicas, "bytes": m.bytes}))
        .collect();
    let pair = |[before, after]: [f64; 2]| json!({"before": before, "after": after});
    let traffic: Vec<Value> = diff
        .traffic
        .iter()
        .map(|t| {
            let [size_before, size_after] = t.size_bytes;
            json!({
                "topic": t.topic, "size_bytes": {"before": size_before, "after": size_after},
                "bytes_in_per_sec": pair(t.bytes_in_per_sec), "bytes_out_per_sec": pair(t.bytes_out_per_sec),
            })
        })
        .collect();
    json!({
        "is_empty": diff.is_empty(),
        "before": snapshot(before, &diff.totals[0]),
        "after": snapshot(after, &diff.totals[1]),
        "brokers": json_changes(&diff.brokers, |id| json!({"broker_id": id})),
        "log_dirs": json_changes(&diff.log_dirs, |(id, path)| json!({"broker_id": id, "log_dir": path})),
        "topics": json_changes(&diff.topics, |topic| json!({"topic": topic})),
        "partitions": {
            "added": diff.partitions_added, "removed": diff.partitions_removed,
            "reassigned": diff.partitions_reassigned, "leaders_changed": diff.leaders_changed,
            "isr_changed": diff.isr_changed,
        },
        "replicas": {
            "added": diff.replicas_added, "removed": diff.replicas_removed, "log_dir_moves": diff.log_dir_moves,
            "moved": moved,
        },
        "traffic": traffic,
    })
}

fn json_changes<K>(changes: &Changes<K>, key: impl Fn(&K) -> Value) -> Value {
    let keys = |keys: &[K]| keys.iter().map(&key).collect::<Vec<Value>>();
    let changed: Vec<Value> = changes
        .changed
        .iter()
        .map(|c| {
            let mut value = key(&c.of);
            value["field"] = json!(c.field);
            value["before"] = json!(c.before);
            value["after"] = json!(c.after);
            value
        })
        .collect();
    json!({"added": keys(&changes.added), "removed": keys(&changes.removed), "changed": changed})
}
