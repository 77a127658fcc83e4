//! The text, keys, page and runbook of a small expansion and of a search for what can go, made by hand.

use super::*;
use crate::capacity::change::{Asked, Change, Direction};
use crate::capacity::shrink::{Binding, CurvePoint, GroupMax};
use crate::ingest::catalogue::Catalogue;
use crate::model::{Criterion, Goal, NewBroker, NewLogDir, fleet};
use crate::report::{plan_json, sample};

fn newcomer(id: i32, rack: &str, group: &str) -> NewBroker {
    NewBroker {
        id,
        rack: Some(rack.to_owned()),
        group: Some(group.to_owned()),
        machine_model: Some("i3en.3xlarge".to_owned()),
        cpu_cores: Some(12.0),
        network_in_capacity_bytes_per_sec: Some(1_562_500_000.0),
        network_out_capacity_bytes_per_sec: Some(1_562_500_000.0),
        log_dirs: vec![NewLogDir {
            path: "/data1".to_owned(),
            capacity_bytes: Some(6985 << 30),
            write_capacity_bytes_per_sec: None,
        }],
    }
}

/// A change of the contract's example, and what it is planned for.
fn change(direction: Direction, rack: &str) -> (Snapshot, Plan, FleetChange) {
    let original = sample::contract_example();
    let highest = original.brokers.last().map_or(0, |broker| broker.id);
    let group = original.groups[0].clone();
    let added = if direction == Direction::Expand { vec![newcomer(highest + 1, rack, &group)] } else { Vec::new() };
    let removed = if direction == Direction::Shrink { vec![2] } else { Vec::new() };
    let grown = fleet::with_brokers(&original, &added).unwrap_or_default();
    let planned = fleet::with_draining(&grown, &removed.iter().copied().collect());
    let plan = sample::plan(&planned);
    let binding = Binding {
        group: group.clone(),
        removed: 2,
        criterion: Criterion::Goal(Goal::Disk),
        value: 0.85,
        limit: 0.8,
        why: "the busiest survivor's disk after broker 1 is lost".to_owned(),
    };
    let point = |removed: usize, holds| CurvePoint {
        removed,
        at_best: vec![(Goal::Disk, 0.5 + 0.1 * removed as f64)],
        planned: vec![(Goal::Disk, 0.55 + 0.15 * removed as f64)],
        holds: Some(holds),
    };
    let max = GroupMax {
        group,
        brokers: 4,
        order: vec![2, 3],
        is_planned: true,
        count: 1,
        binding: Some(binding),
        curve: vec![point(0, true), point(1, true), point(2, false)],
    };
    let asked = Asked {
        assumptions: vec!["something was left open".to_owned()],
        find_max: (direction == Direction::Shrink).then(|| vec![max]),
        ..Asked::default()
    };
    let (policy, catalogue) = (Policy::default(), Catalogue::builtin());
    let change = Change {
        direction,
        original: &original,
        planned: &planned,
        policy: &policy,
        catalogue: &catalogue,
        added,
        removed,
        forecast: None,
    };
    let change = change.outcome(&plan, asked);
    (planned, plan, change)
}

fn file(files: &[OutputFile], name: &str) -> String {
    let found = files.iter().find(|file| file.path.as_os_str() == name);
    found.map(|file| String::from_utf8_lossy(&file.bytes).into_owned()).unwrap_or_default()
}

/// The part of `text` from `from` up to `to`.
fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let start = text.find(from).unwrap_or(text.len());
    text[start..].split(to).next().unwrap_or("")
}

#[test]
fn the_text_of_an_expansion() {
    let (planned, plan, change) = change(Direction::Expand, "rack-z");
    let text = sample::plain(&text::summary(&planned, &Policy::default(), &plan, &change, Path::new("plan")));
    insta::assert_snapshot!(between(&text, "Adds ", "\nCopies"));
    assert!(text.ends_with("takes it or the one you gave.\n"), "{text}");
}

#[test]
fn the_text_of_what_can_go() {
    let (planned, plan, change) = change(Direction::Shrink, "");
    let text = sample::plain(&text::summary(&planned, &Policy::default(), &plan, &change, Path::new("plan")));
    insta::assert_snapshot!(between(&text, "Empties ", "\n  headroom"));
}

#[test]
fn the_keys_of_both() {
    for (direction, name) in [(Direction::Expand, "expand"), (Direction::Shrink, "shrink")] {
        let (planned, plan, change) = change(direction, "rack-z");
        let files = files(&planned, &Policy::default(), &plan, &change);
        let json = plan_json(&files);
        let first = if direction == Direction::Expand { "  \"added\"" } else { "  \"removed\"" };
        insta::assert_snapshot!(name, between(&json, first, "\n  \"before\""));
    }
}

#[test]
fn the_runbook_says_what_to_do_with_the_brokers() {
    let (planned, plan, change) = change(Direction::Expand, "rack-z");
    let runbook = file(&files(&planned, &Policy::default(), &plan, &change), "RUNBOOK.md");
    insta::assert_snapshot!(between(&runbook, "## Add the brokers first", "Made for"));
    let (planned, plan, change) = self::change(Direction::Shrink, "");
    let runbook = file(&files(&planned, &Policy::default(), &plan, &change), "RUNBOOK.md");
    assert!(runbook.find("## Take the brokers away") > runbook.find("## Batch 1"), "{runbook}");
}

#[test]
fn the_page_has_the_section_and_lets_no_markup_through() {
    let (planned, plan, change) = change(Direction::Expand, "<script>alert(1)</script>");
    let page = file(&files(&planned, &Policy::default(), &plan, &change), "report.html");
    assert!(page.contains("Expansion plan") && page.contains("The brokers that are added"));
    assert!(page.contains("move-hours-title") && !page.contains("<script"));
    let (planned, plan, change) = self::change(Direction::Shrink, "");
    let page = file(&files(&planned, &Policy::default(), &plan, &change), "report.html");
    assert!(page.contains("Shrink plan") && page.contains("shrink-0-title") && page.contains(">1 can go</text>"));
}

#[test]
fn the_planned_snapshot_is_there_and_hashes_to_what_the_plan_says() {
    let (planned, plan, change) = change(Direction::Expand, "rack-z");
    let files = files(&planned, &Policy::default(), &plan, &change);
    let brokers = file(&files, "snapshot/brokers.csv");
    assert!(brokers.lines().last().is_some_and(|line| line.contains("rack-z") && line.contains("new")), "{brokers}");
    let sha256 = render::sha256(&render::snapshot_files(&planned));
    assert!(
        plan_json(&files)
            .contains(&format!("\"planned_snapshot\": {{\n    \"path\": \"snapshot\",\n    \"sha256\": \"{sha256}\""))
    );
}
