//! `expand` and `shrink`: the fewest and the most brokers against every count tried, and the commands end to end.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use evenkeel::capacity::add::{AddSpec, Site};
use evenkeel::capacity::demand::{carriers, limit_before_loss};
use evenkeel::capacity::headroom::{headroom, limit};
use evenkeel::capacity::shrink::{at_most, find_counts, find_max};
use evenkeel::capacity::thresholds::{Pursuit, Threshold, tightened};
use evenkeel::capacity::until::{busiest, compare, confined};
use evenkeel::ingest::catalogue::Catalogue;
use evenkeel::ingest::{SynthSpec, synthesize};
use evenkeel::model::{Goal, Groups, Policy, Snapshot, band, fleet};
use evenkeel::optimize::{Effort, Environment, Options, Solution, optimize};
use evenkeel::verify::assess;
use serde_json::Value;

fn solve(snapshot: &Snapshot, policy: &Policy, effort: Effort) -> Solution {
    let environment = Environment { expired: &|| false, progress: &|_, _| {} };
    optimize(snapshot, policy, &Options { seed: 0, effort }, &environment)
}

/// What plans go after: either kind may be the one that keeps everything.
const PURSUITS: [Pursuit; 2] = [Pursuit::Rules, Pursuit::Balance];

fn small(seed: u64, disk_utilization: f64) -> Snapshot {
    let base = SynthSpec { brokers: 9, partitions: 120, racks: 3, log_dirs: 1, ..SynthSpec::default() };
    synthesize(&SynthSpec { disk_utilization, drift: 0.3, seed, ..base }).unwrap()
}

#[test]
fn the_fewest_brokers_until_a_threshold_are_what_trying_every_count_finds() {
    let (policy, catalogue) = (Policy::default(), Catalogue::builtin());
    for (seed, most) in [(1, "disk<=40%"), (2, "disk<=45%"), (3, "replicas<=30")] {
        let snapshot = small(seed, 0.55);
        let site = Site { snapshot: &snapshot, policy: &policy, catalogue: &catalogue };
        let thresholds = [Threshold::parse(most).unwrap()];
        let found = compare(&site, &thresholds, &[None], None, &solve).unwrap();
        let need = found.options[0].needs[0].clone();
        let holds = |count: u32| {
            let spec = AddSpec { count, model: None, rack: None, group: None };
            let specs: Vec<AddSpec> = if count > 0 { vec![spec] } else { Vec::new() };
            let expanded = fleet::with_brokers(&snapshot, &site.brokers(&specs).unwrap().brokers).unwrap();
            let tight = tightened(&policy, &thresholds);
            PURSUITS.into_iter().any(|pursuit| {
                let placement = solve(&expanded, &pursuit.of(tight.clone()), Effort::Quick).placement;
                let figures = busiest(&expanded, &policy, &placement, "default", &thresholds);
                figures.iter().all(|(threshold, value)| !band::exceeds(*value, threshold.most))
            })
        };
        let brute = (0..20).find(|&count| holds(count)).unwrap() as usize;
        assert_eq!(need.count, Some(brute), "seed {seed}, {most}: {need:?}");
        assert!(need.lower_bound <= brute && brute > 0, "seed {seed}: {need:?}");
        let binding = need.binding.unwrap();
        assert!(binding.value > binding.limit, "one fewer does not do: {binding:?}");
    }
}

#[test]
fn the_most_brokers_that_can_go_are_what_trying_every_count_finds() {
    let (policy, catalogue) = (Policy::default(), Catalogue::builtin());
    for (seed, disk) in [(1, 0.30), (4, 0.42), (5, 0.20)] {
        let snapshot = small(seed, disk);
        let site = Site { snapshot: &snapshot, policy: &policy, catalogue: &catalogue };
        let found = find_max(&site, None, Effort::Quick, &solve);
        let group = &found.groups[0];
        let groups = Groups::new(&snapshot, &policy);
        let holds = |count: usize| {
            let gone: BTreeSet<i32> = group.order[..count].iter().copied().collect();
            let marked = fleet::with_draining(&snapshot, &gone);
            let left = carriers(&marked, &groups, 0);
            let tight = Goal::UTILIZATIONS.into_iter().filter_map(|goal| {
                Some(Threshold { goal, most: limit_before_loss(&marked, &left, goal, limit(&policy, goal)?)? })
            });
            let tight = tightened(&policy, &tight.collect::<Vec<_>>());
            PURSUITS.into_iter().any(|pursuit| {
                let placement = solve(&marked, &pursuit.of(tight.clone()), Effort::Quick).placement;
                let keeps_n_minus_1 = headroom(&marked, &policy, &placement)
                    .iter()
                    .all(|h| h.broker_lost.as_ref().is_some_and(|loss| !band::exceeds(loss.utilization_max, h.limit)));
                keeps_n_minus_1 && assess(&marked, &policy, &placement).hard_total() == 0
            })
        };
        let held: Vec<bool> = (0..=group.order.len()).map(holds).collect();
        let brute = held.iter().take_while(|held| **held).count() - 1;
        assert_eq!(held.iter().filter(|held| **held).count(), brute + 1, "fewer removed never break what more keep");
        assert_eq!((group.count, found.removable.len()), (brute, brute), "seed {seed}: {:?}", group.binding);
        let (counted, bound) = (find_counts(&site, &solve), at_most(&site));
        assert_eq!((counted[0].count, counted[0].is_planned), (brute, true), "without the last plan it is the same");
        assert!(bound[0].count >= brute && !bound[0].is_planned, "{} by the means, {brute} by plans", bound[0].count);
        assert!(bound[0].curve.iter().all(|point| point.holds.is_none() && point.planned.is_empty()));
        for goal in Goal::UTILIZATIONS {
            let line: Vec<f64> = group
                .curve
                .iter()
                .filter_map(|p| p.at_best.iter().find(|(g, _)| *g == goal).map(|(_, value)| *value))
                .collect();
            assert!(line.windows(2).all(|pair| pair[0] <= pair[1]), "{goal:?} {line:?}");
        }
        for point in group.curve.iter().filter(|point| point.holds == Some(true)) {
            for (goal, planned) in &point.planned {
                let at_best = point.at_best.iter().find(|(g, _)| g == goal).unwrap().1;
                assert!(*planned >= at_best - 1e-9, "{goal:?}: {planned} is below the bound {at_best}");
            }
        }
    }
}

/// What one group needs and spares, the others being as they are: every count tried for it alone.
#[test]
fn each_group_gets_and_spares_what_trying_every_count_finds() {
    let (policy, catalogue) = (Policy::default(), Catalogue::builtin());
    let base = SynthSpec { brokers: 12, partitions: 120, racks: 3, log_dirs: 1, groups: 2, ..SynthSpec::default() };
    let mut counts = BTreeSet::new();
    for (seed, disk, most) in [(1, 0.30, "disk<=25%"), (6, 0.25, "disk<=20%")] {
        let snapshot = synthesize(&SynthSpec { disk_utilization: disk, drift: 0.2, seed, ..base.clone() }).unwrap();
        let site = Site { snapshot: &snapshot, policy: &policy, catalogue: &catalogue };
        let groups = Groups::new(&snapshot, &policy);
        let thresholds = [Threshold::parse(most).unwrap()];
        let needs = compare(&site, &thresholds, &[None], None, &solve).unwrap().options[0].needs.clone();
        let spared = find_counts(&site, &solve);
        assert_eq!((needs.len(), spared.len()), (2, 2), "a search for each group");
        for (number, name) in groups.names().iter().enumerate() {
            let need = needs.iter().find(|need| need.group == *name).unwrap();
            let fewest = (0..20).find(|&count| reaches(&site, name, count, &thresholds)).unwrap();
            assert_eq!(need.count, Some(fewest as usize), "seed {seed}, {name}: {need:?}");
            let most = spared.iter().find(|max| max.group == *name).unwrap();
            let held: Vec<bool> =
                (0..=most.order.len()).map(|gone| spares(&site, number, &most.order[..gone])).collect();
            let brute = held.iter().take_while(|held| **held).count().saturating_sub(1);
            assert_eq!(most.count, brute, "seed {seed}, {name}: {held:?} {:?}", most.binding);
            counts.extend([fewest as usize, most.count]);
        }
    }
    assert!(counts.len() > 2, "more than one answer is put to the test: {counts:?}");
}

/// Whether `count` brokers more bring the thresholds about in a group.
fn reaches(site: &Site<'_>, name: &str, count: u32, thresholds: &[Threshold]) -> bool {
    let spec = AddSpec { count, model: None, rack: None, group: Some(name.to_owned()) };
    let specs: Vec<AddSpec> = if count > 0 { vec![spec] } else { Vec::new() };
    let expanded = fleet::with_brokers(site.snapshot, &site.brokers(&specs).unwrap().brokers).unwrap();
    let tight = confined(&tightened(site.policy, thresholds), site.snapshot, name);
    PURSUITS.into_iter().any(|pursuit| {
        let placement = solve(&expanded, &pursuit.of(tight.clone()), Effort::Quick).placement;
        let figures = busiest(&expanded, site.policy, &placement, name, thresholds);
        figures.iter().all(|(threshold, value)| !band::exceeds(*value, threshold.most))
    })
}

/// Whether the group does without `gone`, every rule and N−1 kept.
fn spares(site: &Site<'_>, number: usize, gone: &[i32]) -> bool {
    let groups = Groups::new(site.snapshot, site.policy);
    let name = &groups.names()[number];
    let marked = fleet::with_draining(site.snapshot, &gone.iter().copied().collect());
    let left = carriers(&marked, &groups, number);
    let tight = Goal::UTILIZATIONS.into_iter().filter_map(|goal| {
        Some(Threshold { goal, most: limit_before_loss(&marked, &left, goal, limit(site.policy, goal)?)? })
    });
    let tight = confined(&tightened(site.policy, &tight.collect::<Vec<_>>()), &marked, name);
    PURSUITS.into_iter().any(|pursuit| {
        let placement = solve(&marked, &pursuit.of(tight.clone()), Effort::Quick).placement;
        let mut own = headroom(&marked, site.policy, &placement).into_iter().filter(|h| h.group == *name);
        let keeps = |loss: f64, limit: f64| !band::exceeds(loss, limit);
        own.all(|h| h.broker_lost.is_some_and(|loss| keeps(loss.utilization_max, h.limit)))
            && assess(&marked, site.policy, &placement).hard_total() == 0
    })
}

fn evenkeel(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    Command::new(env!("CARGO_BIN_EXE_evenkeel")).current_dir(root).args(arguments).output().unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = evenkeel(&[arguments, &["--format", "json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

const DEMO: &str = "fixtures/demo";

#[test]
fn an_expansion_is_judged_sound_by_the_original_and_by_its_own_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("plan");
    let out = out.to_str().unwrap();
    let plan =
        json(&["expand", DEMO, "--add", "2xi3en.3xlarge@rack-a", "--add", "1", "--out", out, "--effort", "quick"]);
    let added: Vec<i64> = plan["added"].as_array().unwrap().iter().map(|b| b["broker_id"].as_i64().unwrap()).collect();
    assert_eq!(added, [25, 26, 27]);
    assert_eq!(plan["added"][0]["machine_model"], "i3en.3xlarge");
    assert_eq!(plan["added"][1]["rack"], "rack-a");
    assert_eq!(plan["added"][2]["log_dirs"][2]["capacity_bytes"], 2_000_000_000_000_u64, "like the other demo brokers");
    assert!(plan["move_hours"].as_f64().unwrap() > 0.0);
    assert!(plan["monthly_cost"]["before"].is_null(), "the demo names no models");
    let disk = |when: &str| plan[when]["default"]["disk"]["after_largest_broker_lost"].as_f64().unwrap();
    assert!(disk("headroom") < disk("headroom_before"));
    let whats: Vec<&str> =
        plan["not_evaluated"].as_array().unwrap().iter().filter_map(|n| n["what"].as_str()).collect();
    assert!(whats.contains(&"monthly_cost.before") && whats.contains(&"headroom_days"), "{whats:?}");
    let check = json(&["rebalance", DEMO, "--out", &format!("{out}-rebalanced"), "--effort", "quick"]);
    assert_eq!(plan["before"], check["before"], "before is the cluster as it stands");
    assert_eq!(plan["snapshot"], check["snapshot"]);
    for snapshot in [DEMO.to_owned(), format!("{out}/snapshot")] {
        let judged = json(&["verify", &snapshot, out]);
        assert_eq!(judged["faults"], Value::Array(Vec::new()), "{snapshot}");
        assert_eq!(judged["after"]["hard"], plan["after"]["hard"], "{snapshot}");
        assert_eq!(judged["after"]["outside"], plan["after"]["outside"], "{snapshot}");
    }
    let stated = Path::new(out).join("plan.json");
    let text = std::fs::read_to_string(&stated).unwrap();
    std::fs::write(&stated, text.replacen("\"broker_id\": 25", "\"broker_id\": 3", 1)).unwrap();
    let refused = evenkeel(&["verify", DEMO, out]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("error[E703]"), "an id that is taken is refused");
    let runbook = std::fs::read_to_string(Path::new(out).join("RUNBOOK.md")).unwrap();
    assert!(runbook.contains("- broker 25, model i3en.3xlarge, rack rack-a, log dirs /data1 (6.82 TiB)"), "{runbook}");
    let page = std::fs::read_to_string(Path::new(out).join("report.html")).unwrap();
    assert!(page.contains("Expansion plan") && page.contains("move-hours-title"));
}

#[test]
fn large_machines_beside_small_ones_still_bring_the_thresholds_about() {
    // Networks of a hundredth of the new ones': balance asks for nearly all traffic on those, the threshold for disks.
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("plan");
    let out = out.to_str().unwrap();
    let until = "disk<=45%,cpu<=40%";
    let plan = json(&["expand", DEMO, "--until", until, "--model", "i3en.3xlarge", "--out", out, "--effort", "quick"]);
    let need = &plan["until"]["options"][0]["groups"][0];
    let (count, bound) = (need["count"].as_u64().unwrap(), need["lower_bound"].as_u64().unwrap());
    assert!(count <= 2 * bound + 2, "{count} brokers where the means call for {bound}");
    let reached = |goal: &str| plan["headroom"]["default"][goal]["utilization_max"].as_f64().unwrap();
    assert!(reached("disk") <= 0.45 + 1e-9 && reached("cpu") <= 0.40 + 1e-9, "{}", plan["headroom"]);
}

#[test]
fn no_balance_is_worth_a_hard_limit_however_unlike_the_machines_are() {
    let dir = tempfile::tempdir().unwrap();
    let (policy, out) = (dir.path().join("policy.toml"), dir.path().join("plan"));
    std::fs::write(&policy, "[limits]\ndisk = 0.45\ncpu = 0.40\n").unwrap();
    let (policy, out) = (policy.to_str().unwrap(), out.to_str().unwrap());
    let add = ["--add", "6xi3en.3xlarge", "--policy", policy, "--effort", "quick"];
    let plan = json(&[&["expand", DEMO, "--out", out], &add[..]].concat());
    assert!(plan["before"]["hard"]["disk_capacity"].as_u64() > Some(0), "{}", plan["before"]["hard"]);
    assert_eq!(plan["after"]["hard"], Value::Object(serde_json::Map::new()));
}

#[test]
fn a_drain_is_judged_sound_and_leaves_the_brokers_empty() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("plan");
    let out = out.to_str().unwrap();
    let plan = json(&["shrink", DEMO, "--remove", "16,19", "--out", out, "--effort", "quick"]);
    assert_eq!(plan["removed"], serde_json::json!([16, 19]));
    assert_eq!(plan["left_behind"], serde_json::json!([]));
    for snapshot in [DEMO.to_owned(), format!("{out}/snapshot")] {
        assert_eq!(json(&["verify", &snapshot, out])["faults"], Value::Array(Vec::new()), "{snapshot}");
    }
    let runbook = std::fs::read_to_string(Path::new(out).join("RUNBOOK.md")).unwrap();
    assert!(runbook.contains("--broker-list 16,19") && runbook.contains("unregister"), "{runbook}");
}

#[test]
fn what_cannot_be_is_refused_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("plan");
    let name = out.to_str().unwrap();
    for (arguments, part) in [
        (&["shrink", DEMO, "--remove", "99"][..], "broker 99 is not in the snapshot"),
        (&["shrink", DEMO, "--remove", "1,4,7,10,13,16,19,22"], "brokers in 2 of 3 racks left"),
        (&["shrink", DEMO, "--remove", "1", "--find-max"], "cannot be used with"),
        (&["shrink", DEMO], "required"),
        (&["expand", DEMO, "--add", "2xi3en"], "the nearest are"),
        (&["expand", DEMO, "--add", "2/logs"], "no resource group"),
        (&["expand", DEMO, "--add", "many"], "does not begin with a count"),
        (&["expand", DEMO, "--add", "1", "--model", "a,b"], "--until"),
        (&["expand", DEMO, "--until", "disk<=70"], "write 70%"),
        (&["expand", DEMO, "--until", "disk<=70%,disk<=60%"], "names disk twice"),
        (&["expand", DEMO, "--until", "network_out<=50%", "--model", "bare-2u-12x1tb"], "no known capacity"),
        (&["models", "show", "i3en"], "the nearest are"),
    ] {
        let is_models = arguments[0] == "models";
        let output = if is_models { evenkeel(arguments) } else { evenkeel(&[arguments, &["--out", name]].concat()) };
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty() && !out.exists(), "{arguments:?}");
    }
}
