//! `what-if` and `fleet` as a user runs them: published figures, the contract's keys, faults with their places, and
//! plans that the judge accepts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use evenkeel::capacity::isolate::{assign, isolate, regroup};
use evenkeel::ingest::scenario::classes;
use evenkeel::ingest::{SynthSpec, render, synthesize};
use evenkeel::model::{Placement, Policy, Snapshot};
use evenkeel::verify::assess;
use proptest::prelude::*;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(arguments: &[&str]) -> Output {
    Command::cargo_bin("evenkeel").unwrap().current_dir(root()).args(arguments).output().unwrap()
}

/// What a run that ends with `status` prints to stdout.
fn prints(arguments: &[&str], status: i32) -> String {
    let output = run(arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(arguments: &[&str], status: i32) -> Value {
    let mut all = arguments.to_vec();
    all.extend(["--format", "json"]);
    serde_json::from_str(&prints(&all, status)).unwrap()
}

/// Every key of the contract is there, null only where `not_evaluated` says why.
fn has_keys(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value.get(key).is_some(), "{key} is missing");
    }
    assert!(value["not_evaluated"].is_array());
}

const MIRROR: [&str; 3] = ["what-if", "mirror", "fixtures/scenarios/mirror-five-sites.toml"];
const FEDERATION: [&str; 3] = ["what-if", "federation", "fixtures/scenarios/federation-sixty-clusters.toml"];
const UPGRADE: [&str; 5] = ["what-if", "upgrade", "fixtures/demo", "--scenario", "fixtures/scenarios/upgrade.toml"];
const ISOLATE: [&str; 7] = [
    "what-if",
    "isolate",
    "fixtures/demo",
    "--classes",
    "fixtures/scenarios/isolate-three-classes.toml",
    "--effort",
    "quick",
];

const THREE_KINDS: [&str; 7] = [
    "what-if",
    "isolate",
    "fixtures/isolate",
    "--classes",
    "fixtures/scenarios/isolate-business-online-offline.toml",
    "--effort",
    "quick",
];
const FAILURE: [&str; 5] = ["what-if", "failure", "fixtures/failure", "--log-dirs", "3"];
const FLEET: [&str; 4] = ["fleet", "fixtures/demo", "fixtures/contract-example", "fixtures/history"];

fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    base.iter().chain(more).copied().collect()
}

#[test]
fn five_active_sites_take_twenty_processes_and_forty_with_redundancy() {
    let once = json(&with(&MIRROR, &["--topology", "active-active"]), 0);
    let twice = json(&with(&MIRROR, &["--topology", "active-active", "--redundancy", "2"]), 0);
    let keys = ["flows", "processes", "wan_bytes_per_sec", "wan_monthly_cost", "per_flow", "per_site"];
    has_keys(&once, &keys);
    assert_eq!((&once["flows"], &once["processes"], &twice["processes"]), (&20.into(), &20.into(), &40.into()));
    // 120 + 80 + 30 + 20 + 25 MB/s to four others each.
    assert_eq!(once["wan_bytes_per_sec"].as_f64(), Some(1.1e9));
    let flows = once["per_flow"].as_array().unwrap();
    let sum: f64 = flows.iter().map(|flow| flow["bytes_per_sec"].as_f64().unwrap()).sum();
    assert_eq!(sum, 1.1e9);
    let arriving = once["per_site"]["hangzhou"]["bytes_in_per_sec"].as_f64();
    assert_eq!(arriving, Some(155e6), "what the four others send");
    assert_eq!(once["per_site"]["hangzhou"]["disk_bytes"].as_f64(), Some(155e6 * 86_400.0 * 3.0));
    let hub = json(&with(&MIRROR, &["--topology", "hub-and-spoke"]), 0);
    assert_eq!((&hub["flows"], hub["wan_bytes_per_sec"].as_f64()), (&4.into(), Some(155e6)));
    let standby = json(&with(&MIRROR, &["--topology", "active-standby"]), 0);
    assert_eq!((&standby["flows"], standby["wan_bytes_per_sec"].as_f64()), (&4.into(), Some(480e6)));
}

#[test]
fn the_published_federation_is_what_it_was_published_as() {
    let found = json(&FEDERATION, 0);
    has_keys(&found, &["clusters_needed", "brokers", "grow", "keyed_partitions_kept", "limits"]);
    assert_eq!((&found["clusters_needed"], &found["brokers"]), (&60.into(), &600.into()));
    assert!((found["keyed_partitions_kept"].as_f64().unwrap() - 1.0 / 3.0).abs() < 1e-9);
    let grow = &found["grow"][0];
    assert_eq!((grow["path"].as_str(), grow["minutes"].as_f64()), (Some("add cluster"), Some(2.0)));
    assert_eq!(grow["bytes_moved"].as_f64(), Some(0.0));
    assert_eq!(found["grow"][1]["path"], "add brokers");
    assert_eq!(found["limits"]["clusters_max"], 60);
}

#[test]
fn an_upgrade_weighs_both_paths() {
    let found = json(&UPGRADE, 0);
    has_keys(&found, &["paths", "recommended", "why"]);
    for (path, name) in found["paths"].as_array().unwrap().iter().zip(["rebuild", "roll"]) {
        assert_eq!(path["name"], name);
        for key in ["brokers_added", "hours", "bytes_copied", "cost", "minutes_at_risk"] {
            assert!(path[key].is_number(), "{name}.{key}");
        }
    }
    assert_eq!(found["recommended"], "rebuild", "the fewest minutes at risk, as Chehaoduo chose");
}

#[test]
fn answers_read_as_they_were_read_and_as_the_docs_show_them() {
    let mirror = prints(&with(&MIRROR, &["--topology", "hub-and-spoke", "--redundancy", "2"]), 0);
    let fleet = prints(&FLEET, 3);
    let failure = prints(&FAILURE, 0);
    let classes = prints(&THREE_KINDS, 0);
    let (federation, upgrade, isolate) = (prints(&FEDERATION, 0), prints(&UPGRADE, 0), prints(&ISOLATE, 0));
    for (page, text) in [
        ("what-if-mirror", &mirror),
        ("what-if-federation", &federation),
        ("what-if-upgrade", &upgrade),
        ("what-if-isolate", &isolate),
        ("what-if-isolate", &classes),
        ("what-if-failure", &failure),
        ("fleet", &fleet),
    ] {
        let shown = fs::read_to_string(root().join(format!("docs/{page}.md"))).unwrap();
        assert!(shown.contains(text.trim_end()), "docs/{page}.md shows other figures than\n{text}");
    }
    insta::assert_snapshot!("mirror", mirror);
    insta::assert_snapshot!("federation", federation);
    insta::assert_snapshot!("upgrade", upgrade);
    insta::assert_snapshot!("isolate", isolate);
    insta::assert_snapshot!("fleet", fleet);
}

#[test]
fn a_sites_cluster_is_shown_with_mirroring_on_top() {
    let hub = with(&MIRROR, &["--topology", "hub-and-spoke"]);
    let found = json(&with(&hub, &["--snapshot", "hangzhou=fixtures/demo"]), 0);
    let cluster = &found["per_site"]["hangzhou"]["cluster"];
    for goal in ["disk", "network_in", "network_out", "cpu"] {
        let (before, after) = (cluster[goal]["before"].as_f64().unwrap(), cluster[goal]["after"].as_f64().unwrap());
        assert!(after > before && before > 0.0, "{goal}: {cluster}");
    }
    assert!(found["per_site"]["beijing"]["cluster"].is_null(), "no snapshot of it was given");
    let unknown = run(&with(&hub, &["--snapshot", "hangzhoo=fixtures/demo"]));
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("hangzhoo"));
}

#[test]
fn a_history_tells_whose_peaks_coincide_and_the_files_limits_are_kept() {
    let found = json(&THREE_KINDS, 0);
    let peaks = found["noisy_neighbours"].as_array().unwrap();
    assert!(peaks.iter().all(|peak| peak["basis"] == "history"));
    let written = peaks.iter().find(|peak| peak["goal"] == "network_in").unwrap();
    assert_eq!(written["time"], "2026-11-18T03:00:00Z", "the nightly export is the peak");
    assert_eq!(written["topics"][0]["topic"], "offline.export");
    assert_eq!(written["classes"]["offline"]["coincidence"], 1.0);
    assert!(written["classes"]["online"]["coincidence"].as_f64().unwrap() < 0.5, "online peaks in the evening");
    let apart = found["sum_of_peaks"]["network_in"].as_f64().unwrap();
    assert!(apart > found["peak_of_sums"]["network_in"].as_f64().unwrap(), "what isolation costs");
    let limits = found["class_limits"].as_array().unwrap();
    assert_eq!(limits.len(), 2);
    assert!(limits.iter().all(|limit| limit["kept"] == true), "{limits:?}");
}

#[test]
fn each_of_the_worst_failures_has_survivors_and_the_riskiest_partitions_a_price() {
    let found = json(&FAILURE, 0);
    let worst = found["worst"].as_array().unwrap();
    assert_eq!(worst.len(), 5);
    for case in worst {
        assert!(case["survivors"]["network_out"].as_f64().unwrap() > 0.0);
        assert!(case["re_replication"]["exposed_hours"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(found["survivors"], worst[0]["survivors"], "the contract's key is of the worst");
    let moves = found["advice"]["moves"].as_array().unwrap();
    assert!(!moves.is_empty() && moves.iter().all(|row| row["bytes"].as_u64().unwrap() > 0));
    let after = &found["advice"]["worst_after"][0];
    assert!(after["lost"].as_u64().unwrap() < worst[0]["lost"].as_u64().unwrap());
}

#[test]
fn logical_partitions_are_mapped_over_clusters() {
    let found = json(&FEDERATION, 0);
    let events = &found["topics"][0];
    assert_eq!((&events["partitions_before"], &events["partitions_after"]), (&8.into(), &12.into()));
    let firsts: Vec<u64> =
        events["clusters"].as_array().unwrap().iter().map(|c| c["first_partition"].as_u64().unwrap()).collect();
    assert_eq!(firsts, [0, 4, 8]);
    assert!((events["keys_kept"].as_f64().unwrap() - 1.0 / 3.0).abs() < 1e-9);
    assert_eq!(events["after_loss"]["survived"], true);
}

#[test]
fn a_fleet_says_which_cluster_is_full_next_and_which_are_not_safe() {
    let found = json(&FLEET, 3);
    assert_eq!(found["full_next"]["cluster"], "fixtures/history");
    assert!(found["full_next"]["headroom_days"].as_f64().unwrap() > 0.0);
    let unsafe_ones = found["not_safe"].as_array().unwrap();
    assert!(unsafe_ones.contains(&"fixtures/demo".into()) && unsafe_ones.contains(&"fixtures/contract-example".into()));
}

#[test]
fn an_answer_is_written_as_page_and_json() {
    let out = tempfile::tempdir().unwrap();
    let dir = out.path().join("answer");
    let arguments = with(&FEDERATION, &["--format", "json", "--out", dir.to_str().unwrap()]);
    let printed = prints(&arguments, 0);
    assert_eq!(fs::read_to_string(dir.join("federation.json")).unwrap(), printed);
    let page = fs::read_to_string(dir.join("federation.html")).unwrap();
    assert!(page.contains("<svg class=\"chart\" role=\"img\"") && !page.contains("<script"));
    assert_eq!(run(&arguments).status.code(), Some(2), "what is there is not replaced unasked");
    prints(&with(&arguments, &["--force"]), 0);
}

/// Runs `what-if` on a changed copy of a fixture; gives stderr.
fn refused(question: &str, fixture: &str, old: &str, new: &str, more: &[&str]) -> String {
    let text = fs::read_to_string(root().join("fixtures/scenarios").join(fixture)).unwrap();
    assert!(text.contains(old), "{fixture} has no {old:?}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(fixture);
    fs::write(&file, text.replacen(old, new, 1)).unwrap();
    let out = folder.path().join("out");
    let (file, out) = (file.to_str().unwrap(), out.to_str().unwrap());
    let mut arguments = vec!["what-if", question];
    match question {
        "upgrade" => arguments.extend(["fixtures/demo", "--scenario", file]),
        "isolate" => arguments.extend(["fixtures/demo", "--classes", file]),
        _ => arguments.push(file),
    }
    arguments.extend(more);
    arguments.extend(["--out", out]);
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!Path::new(out).exists(), "nothing is written");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn bad_scenarios_are_refused_with_line_and_column() {
    let topology = ["--topology", "active-active"];
    let mirror = "mirror-five-sites.toml";
    let unlinked = "between = [\"shenzhen\", \"singapore\"]";
    let text = refused("mirror", mirror, unlinked, "from = \"shenzhen\"\nto = \"singapore\"", &topology);
    assert!(text.contains("mirror-five-sites.toml:32:1: error[E466]"), "{text}");
    let text = refused("mirror", mirror, "bytes_in_per_sec = 80e6", "bytes_in_per_sec = -80e6", &topology);
    assert!(text.contains("mirror-five-sites.toml:17:20: error[E463]"), "{text}");
    let text = refused("upgrade", "upgrade.toml", "i3en.3xlarge", "i3en.3xlargo", &[]);
    assert!(text.contains("upgrade.toml:8:17: error[E468]") && text.contains("i3en.3xlarge"), "{text}");
    let classes = "patterns = [\"{telemetry,clicks,sessions,audit,search}.*\"]";
    let text = refused("isolate", "isolate-three-classes.toml", classes, "patterns = [\"nothing.*\"]", &[]);
    assert!(text.contains("isolate-three-classes.toml:4:1: error[E469]"), "{text}");
    let text = refused("federation", "federation-sixty-clusters.toml", "clusters = 12\n", "clusters = 121\n", &[]);
    assert!(text.contains("federation-sixty-clusters.toml:44:12: error[E463]"), "{text}");
    let text = refused("federation", "federation-sixty-clusters.toml", "brokers = 10", "brokers = 0", &[]);
    assert!(text.contains("federation-sixty-clusters.toml:8:11: error[E463]"), "{text}");
}

#[test]
fn an_isolation_plan_passes_the_judge_on_the_regrouped_snapshot() {
    let out = tempfile::tempdir().unwrap();
    let dir = out.path().join("isolated");
    let path = dir.to_str().unwrap();
    let found = json(&with(&ISOLATE, &["--out", path]), 0);
    has_keys(&found, &["classes", "sum_of_peaks", "peak_of_sums", "extra_brokers"]);
    assert!(found["peak_of_sums"].is_null());
    let brokers = found["classes"].as_array().unwrap().iter().map(|class| class["brokers"].as_array().unwrap().len());
    assert_eq!(brokers.sum::<usize>(), 23, "all that are active");
    let snapshot = dir.join("snapshot");
    let judged = json(&["verify", snapshot.to_str().unwrap(), path], 0);
    assert_eq!(judged["faults"].as_array().map(Vec::len), Some(0), "{}", judged["faults"]);
}

fn fleet_dirs(folder: &Path) -> Vec<PathBuf> {
    let make = |(number, drift): (usize, f64)| {
        let spec = SynthSpec { brokers: 6, partitions: 60, seed: number as u64, drift, ..SynthSpec::default() };
        let dir = folder.join(format!("c{number}"));
        fs::create_dir_all(&dir).unwrap();
        for file in render::snapshot_files(&synthesize(&spec).unwrap()) {
            fs::write(dir.join(&file.path), &file.bytes).unwrap();
        }
        dir
    };
    [0.0, 0.5, 0.0].into_iter().enumerate().map(make).collect()
}

#[test]
fn a_fleet_is_shown_whole_though_one_snapshot_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let dirs = fleet_dirs(folder.path());
    let all = folder.path().to_str().unwrap();
    let one = json(&["fleet", all, "--threads", "1"], 0);
    assert_eq!(one, json(&["fleet", all, "--threads", "4"], 0));
    assert_eq!(one["totals"]["clusters"], 3);
    assert!(one["clusters"][0]["cluster"].as_str().unwrap().ends_with("c1"), "the one that drifted comes first");
    assert!(one["clusters"][0]["headroom_days"].is_null());
    assert!(one["clusters"][0]["rebalance_bytes"].is_u64());
    let unplanned = json(&["fleet", all, "--no-plan"], 0);
    assert!(unplanned["totals"]["rebalance_bytes"].is_null());
    fs::remove_file(dirs[0].join("brokers.csv")).unwrap();
    let out = folder.path().join(".out");
    let broken = json(&["fleet", all, "fixtures/demo", "--out", out.to_str().unwrap()], 2);
    let verdicts: Vec<&str> =
        broken["clusters"].as_array().unwrap().iter().map(|row| row["verdict"].as_str().unwrap()).collect();
    assert_eq!((verdicts.len(), &verdicts[..2]), (4, &["broken", "unreadable"][..]));
    assert!(broken["clusters"][1]["error"].as_str().unwrap().contains("brokers.csv"));
    let csv = fs::read_to_string(out.join("fleet.csv")).unwrap();
    assert!(csv.starts_with("cluster,verdict,") && csv.contains("unreadable"));
    assert!(out.join("fleet.html").exists() && out.join("fleet.json").exists());
}

fn synth(seed: u64, brokers: u32, racks: u32) -> Snapshot {
    let spec = SynthSpec { brokers, partitions: 60, racks, seed, disk_utilization: 0.2, ..SynthSpec::default() };
    synthesize(&spec).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the cluster, an assignment gives each class at least its brokers, and a plan leaves no replica on a
    /// broker of another class.
    #[test]
    fn isolated_classes_end_on_their_own_brokers(seed in 0..1000_u64, brokers in 8..14_u32, racks in 1..4_u32) {
        let snapshot = synth(seed, brokers, racks);
        let text = "default_class = \"b\"\n[[classes]]\nname = \"a\"\npatterns = [\"[a-m]*\"]\n\
                    [[classes]]\nname = \"b\"\npatterns = []\n";
        let parsed = classes::parse(Path::new("c.toml"), text).unwrap();
        let Ok(class_of_topic) = parsed.assign(&snapshot) else { return Ok(()) };
        let policy = Policy::default();
        let isolation = isolate(&snapshot, &policy, &parsed, class_of_topic, None);
        let Some(assignment) = assign(&snapshot, &isolation) else { return Ok(()) };
        for (number, class) in isolation.classes.iter().enumerate() {
            let own = assignment.class_of_broker.iter().filter(|of| **of == Some(number)).count() as u64;
            prop_assert_eq!(own, assignment.quotas[number]);
            prop_assert!(own >= class.brokers);
        }
        let names = ["a".to_owned(), "b".to_owned()];
        let regrouped = regroup(&snapshot, &names, &isolation.class_of_topic, &assignment);
        let environment = evenkeel::optimize::Environment { expired: &|| false, progress: &|_, _| () };
        let options = evenkeel::optimize::Options { seed: 0, effort: evenkeel::optimize::Effort::Quick };
        let solution = evenkeel::optimize::optimize(&regrouped, &policy, &options, &environment);
        let plan = evenkeel::plan::build(&regrouped, &policy, solution, &evenkeel::plan::Pacing::default());
        let judged = assess(&regrouped, &policy, &plan.placement);
        if assignment.survives_loss {
            prop_assert_eq!(judged.hard_total(), 0, "{:?}", judged.hard);
        }
        let before = assess(&regrouped, &policy, &Placement::of(&regrouped));
        prop_assert!(judged.hard_total() <= before.hard_total());
    }
}
