//! The capacity report of the contract's example and of a small made-up cluster: keys, figures, files, names as text.

use super::*;
use crate::capacity::shrink::find_counts;
use crate::capacity::traffic::Assumptions;
use crate::optimize::{Effort, Environment, Options, optimize};
use crate::plan::Pacing;
use crate::plan::frontier::plan_with_frontier;
use crate::report::sample;

fn report_of<'a>(snapshot: &'a Snapshot, policy: &'a Policy, plan: Option<&'a Plan>) -> CapacityReport<'a> {
    let studies = Studies { plan, ..Studies::default() };
    CapacityReport::of(snapshot, policy, &Catalogue::builtin(), Assumptions::default(), studies)
}

fn json(snapshot: &Snapshot) -> serde_json::Value {
    let policy = Policy::default();
    serde_json::from_str(&report_json(&report_of(snapshot, &policy, None).files())).unwrap()
}

#[test]
fn the_json_has_the_contracts_keys_and_nulls_say_why() {
    let json = json(&sample::contract_example());
    let core = &json["headroom"]["core"]["network_out"];
    assert_eq!((&core["utilization_max"], &core["limit"]), (&serde_json::json!(1.22), &serde_json::json!(0.8)));
    assert_eq!(core["verdict"], "exceeded");
    assert!(core["after_largest_broker_lost"].is_f64() && core["after_largest_rack_lost"].is_f64());
    assert_eq!(json["forecast"], serde_json::Value::Null);
    for key in ["hot_spots", "excuses", "not_evaluated"] {
        assert!(!json[key].as_array().unwrap().is_empty(), "{key}");
    }
    let missing: Vec<&str> =
        json["not_evaluated"].as_array().unwrap().iter().map(|n| n["what"].as_str().unwrap()).collect();
    for what in ["forecast", "rebalance", "page_cache", "cost.machines_monthly", "retention"] {
        assert!(missing.contains(&what), "{what} in {missing:?}");
    }
}

#[test]
fn traffic_in_the_json_is_what_the_contract_counts() {
    // 12 + 20 + 10 produced to broker 1, as in the contract's network_in of 0.42 of 100 MB/s.
    let json = json(&sample::contract_example());
    let broker = &json["traffic"]["brokers"][0];
    assert_eq!(
        (&broker["broker_id"], &broker["network_in_bytes_per_sec"]),
        (&serde_json::json!(1), &serde_json::json!(42e6))
    );
    assert_eq!(broker["network_out_bytes_per_sec"], 122e6);
    assert_eq!(json["traffic"]["cluster"]["produce_bytes_per_sec"], 56e6);
}

#[test]
fn without_any_rate_there_is_no_traffic_and_no_price_rather_than_nought() {
    let mut snapshot = sample::contract_example();
    for partition in &mut snapshot.partitions {
        (partition.bytes_in_per_sec, partition.bytes_out_per_sec) = (0.0, 0.0);
    }
    let json = json(&snapshot);
    for key in ["traffic", "cross_rack"] {
        assert_eq!(json[key], serde_json::Value::Null, "{key}");
    }
    assert_eq!(json["cost"]["cross_rack_usd_monthly"], serde_json::Value::Null);
    assert_eq!(json["headroom"]["core"]["network_in"]["utilization_max"], serde_json::Value::Null);
    let policy = Policy::default();
    let text = report_of(&snapshot, &policy, None).to_text(std::path::Path::new("report"));
    assert!(!text.contains("0 B/s") && !text.contains("$0.00"), "{text}");
}

#[test]
fn the_text_of_the_contracts_example() {
    let (snapshot, policy) = (sample::contract_example(), Policy::default());
    let plan = sample::plan(&snapshot);
    let text = report_of(&snapshot, &policy, Some(&plan)).to_text(std::path::Path::new("report"));
    insta::assert_snapshot!(sample::plain(&text));
}

#[test]
fn the_markdown_of_the_contracts_example() {
    let (snapshot, policy) = (sample::contract_example(), Policy::default());
    let files = report_of(&snapshot, &policy, None).files();
    let markdown = files.iter().find(|f| f.path.ends_with("report.md")).unwrap();
    insta::assert_snapshot!(String::from_utf8(markdown.bytes.clone()).unwrap());
}

#[test]
fn every_table_is_a_file_and_all_rows_have_its_width() {
    let (snapshot, policy) = (sample::contract_example(), Policy::default());
    let plan = sample::plan(&snapshot);
    let files = report_of(&snapshot, &policy, Some(&plan)).files();
    let tables: Vec<_> = files.iter().filter(|f| f.path.starts_with("tables")).collect();
    assert!(tables.len() >= 11, "{}", tables.len());
    for table in tables {
        let mut reader = csv::Reader::from_reader(table.bytes.as_slice());
        assert!(reader.records().all(|record| record.is_ok()), "{}", table.path.display());
        let header = reader.headers().unwrap();
        let keys: std::collections::BTreeSet<&str> = header.iter().collect();
        assert_eq!(keys.len(), header.len(), "{}: a column's name comes twice", table.path.display());
    }
}

#[test]
fn what_a_dir_writes_is_held_against_what_its_disk_can_where_that_is_known() {
    let policy = Policy::default();
    let mut snapshot = sample::contract_example();
    let share =
        |snapshot: &Snapshot, row: usize| json(snapshot)["traffic"]["log_dirs"][row]["write_utilization"].clone();
    assert!(
        !sheets::log_dirs(&report_of(&snapshot, &policy, None)).columns.iter().any(|c| c.key == "write_utilization")
    );
    let written = json(&snapshot)["traffic"]["log_dirs"][0]["write_bytes_per_sec"].as_f64().unwrap();
    snapshot.log_dirs[0].write_capacity_bytes_per_sec = Some(4.0 * written);
    assert_eq!((share(&snapshot, 0), share(&snapshot, 1)), (serde_json::json!(0.25), serde_json::Value::Null));
    let report = report_of(&snapshot, &policy, None);
    let sheet = sheets::log_dirs(&report);
    assert_eq!(sheet.columns.last().unwrap().key, "write_utilization");
    assert!(sheet.rows.iter().all(|row| row.len() == sheet.columns.len()));
}

#[test]
fn which_files_there_are_does_not_depend_on_the_figures() {
    let policy = Policy::default();
    let names = |snapshot: &Snapshot| {
        report_of(snapshot, &policy, None).files().into_iter().map(|file| file.path).collect::<Vec<_>>()
    };
    assert_eq!(names(&Snapshot::default()), names(&sample::contract_example()));
}

#[test]
fn the_page_is_self_contained_and_every_chart_has_a_title_a_description_and_a_table() {
    let (snapshot, policy) = (sample::contract_example(), Policy::default());
    let plan = sample::plan(&snapshot);
    let page = page_of(&report_of(&snapshot, &policy, Some(&plan)));
    for word in ["<script", "<link", "<img", "<iframe", "@import", "url(", "src=", "href="] {
        assert!(!page.contains(word), "{word}");
    }
    let charts = page.matches("class=\"chart\"").count();
    assert_eq!(charts, 10, "two groups, heat map, racks, batches, two shrink curves, replicas, classes, cost");
    for part in ["role=\"img\"", "<title id=", "<desc id=", "<figcaption>", "The figures as a table"] {
        assert_eq!(page.matches(part).count(), charts, "{part}");
    }
}

#[test]
fn copysets_are_on_the_page_where_the_policy_gives_a_scatter_width() {
    let snapshot = sample::contract_example();
    let mut policy = Policy::default();
    let has_section = |policy: &Policy| page_of(&report_of(&snapshot, policy, None)).contains("<h2>Copysets</h2>");
    assert!(!has_section(&policy));
    policy.bands.scatter_width = 1.0;
    assert!(has_section(&policy));
}

/// A report with everything that has to be searched for.
fn studied(test: impl FnOnce(&CapacityReport<'_>)) {
    let (snapshot, policy, catalogue) = (sample::contract_example(), Policy::default(), Catalogue::builtin());
    let options = Options { seed: 0, effort: Effort::Quick };
    let env = Environment { expired: &|| false, progress: &|_, _| {} };
    let plan = plan_with_frontier((&snapshot, &policy, &Pacing::default()), 4, &options, &env);
    let site = Site { snapshot: &snapshot, policy: &policy, catalogue: &catalogue };
    let solve =
        |snapshot: &Snapshot, policy: &Policy, effort| optimize(snapshot, policy, &Options { seed: 0, effort }, &env);
    let shrink = find_counts(&site, &solve);
    let studies = Studies { plan: Some(&plan), shrink: Some(&shrink), ..Studies::default() };
    test(&CapacityReport::of(&snapshot, &policy, &catalogue, Assumptions::default(), studies));
}

#[test]
fn what_was_searched_for_is_on_the_page_in_the_json_and_in_tables() {
    studied(|report| {
        let files = report.files();
        let json: serde_json::Value = serde_json::from_str(&report_json(&files)).unwrap();
        let page = page_of(report);
        let table = |name: &str| {
            let file = files.iter().find(|file| file.path.ends_with(name)).unwrap();
            csv::Reader::from_reader(file.bytes.as_slice()).into_records().count()
        };
        let frontier = json["rebalance"]["frontier"].as_array().unwrap();
        assert!(frontier.len() >= 2 && frontier.len() == table("tables/frontier.csv"), "{frontier:?}");
        let bytes: Vec<u64> = frontier.iter().map(|p| p["inter_broker_bytes"].as_u64().unwrap()).collect();
        assert!(bytes.is_sorted(), "{bytes:?}");
        let batches = report.plan.unwrap().batches.len();
        assert!(batches > 0 && table("tables/batches.csv") == batches);
        assert!(json["rebalance"]["pace"]["duration_seconds"]["p50"].as_f64().unwrap() > 0.0);
        assert_eq!(json["shrink"].as_array().unwrap().len(), 2, "a group each");
        assert_eq!(json["shrink"][0]["planned"], true);
        assert!(table("tables/shrink.csv") > 0);
        for part in ["frontier-title", "gantt-title", "shrink-0-title", "shrink-1-title", ">After</text>", "can go"] {
            assert!(page.contains(part), "{part}");
        }
    });
}

#[test]
fn without_a_search_the_means_say_how_many_brokers_can_go_at_most() {
    let json = json(&sample::contract_example());
    assert_eq!(json["rebalance"], serde_json::Value::Null);
    for group in json["shrink"].as_array().unwrap() {
        assert_eq!(group["planned"], false, "{group}");
        assert!(group["curve"].as_array().unwrap().iter().all(|point| point["holds"].is_null()), "{group}");
        assert!(group["binding"]["why"].is_string(), "what is in the way has a name: {group}");
    }
}

#[test]
fn names_from_the_cluster_are_text_wherever_they_stand() {
    let (snapshot, policy) = (sample::hostile(), Policy::default());
    let report = report_of(&snapshot, &policy, None);
    let page = page_of(&report);
    for markup in ["<script", "<img", "<svg onload", "</title><"] {
        assert!(!page.contains(markup), "{markup} got through");
    }
    let files = report.files();
    let markdown = files.iter().find(|f| f.path.ends_with("report.md")).unwrap();
    assert!(!String::from_utf8_lossy(&markdown.bytes).contains("<script"));
}

#[test]
fn an_empty_snapshot_still_makes_a_report() {
    let (snapshot, policy) = (Snapshot::default(), Policy::default());
    let report = report_of(&snapshot, &policy, None);
    assert_eq!(report.verdict(), HeadroomVerdict::Ok);
    assert!(report.headline().contains("no limit could be evaluated"));
    assert!(page_of(&report).contains("Nothing could be evaluated"));
}

#[test]
fn three_hundred_brokers_stay_a_small_page() {
    let (snapshot, policy) = (sample::wide(300), Policy::default());
    let page = page_of(&report_of(&snapshot, &policy, None));
    assert!(page.len() < 500_000, "{} bytes", page.len());
    assert!(page.contains("250 more in tables/brokers.csv."));
}

fn page_of(report: &CapacityReport<'_>) -> String {
    let files = report.files();
    String::from_utf8(files.into_iter().find(|f| f.path.ends_with("report.html")).unwrap().bytes).unwrap()
}
