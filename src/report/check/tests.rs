//! The contract's example through `check`: text, JSON, and the figures that the contract promises of it.

use super::*;
use crate::capacity::HeadroomVerdict;
use crate::model::{BrokerState, Criterion, Reassignment};
use crate::report::sample;

fn text(snapshot: &Snapshot) -> String {
    let text = CheckReport::of(snapshot, &Policy::default()).to_text();
    sample::plain(&text)
}

fn json(snapshot: &Snapshot) -> serde_json::Value {
    serde_json::from_slice(&CheckReport::of(snapshot, &Policy::default()).to_json()).unwrap()
}

#[test]
fn the_text_of_the_contracts_example() {
    insta::assert_snapshot!(text(&sample::contract_example()));
}

#[test]
fn the_json_of_the_contracts_example() {
    let report = CheckReport::of(&sample::contract_example(), &Policy::default()).to_json();
    insta::assert_snapshot!(String::from_utf8(report).unwrap());
}

#[test]
fn the_json_has_the_figures_that_the_contract_promises() {
    let json = json(&sample::contract_example());
    let hard = serde_json::json!({
        "cpu_capacity": 1, "inactive_broker": 1, "log_dir_capacity": 1, "network_out_capacity": 1,
        "offline_log_dir": 1, "rack": 2, "resource_group": 1
    });
    assert_eq!(json["hard"], hard);
    assert_eq!(json["outside"], 22);
    assert!((json["excess"].as_f64().unwrap() - 15.523).abs() < 1e-4, "{}", json["excess"]);
    assert_eq!(json["balance"]["core"]["disk"]["max"], 0.49);
    let excuses = json["excuses"].as_array().unwrap().len();
    assert_eq!(excuses, 8 + 2 + 1, "eight violations, two limits passed, one partition without a leader");
    assert_eq!(json["model_error"], serde_json::Value::Null);
}

#[test]
fn measured_figures_are_set_beside_the_models() {
    let snapshot = sample::with_measured_network();
    let json = json(&snapshot);
    let errors = &json["model_error"];
    assert_eq!(errors["brokers"].as_array().unwrap().len(), 6);
    // Broker 1: clicks-1, orders-0 and orders-1 bring 42 MB/s in, 122 MB/s out.
    let first = |goal: &str| {
        let brokers = errors["brokers"].as_array().unwrap().iter();
        brokers.clone().find(|b| b["broker_id"] == 1 && b["goal"] == goal).unwrap().clone()
    };
    assert_eq!(first("network_in")["modelled_bytes_per_sec"], 42e6);
    assert_eq!(first("network_in")["relative"], 0.05);
    assert_eq!(first("network_out")["modelled_bytes_per_sec"], 122e6);
    let unmeasured = errors["brokers"].as_array().unwrap().iter().find(|b| b["measured_bytes_per_sec"] == 0.0);
    assert_eq!(unmeasured.unwrap()["relative"], serde_json::Value::Null, "nothing is divided by zero");
    assert!(text(&snapshot).contains("Network, modelled against measured"));
}

#[test]
fn partitions_left_out_are_counted_by_reason_and_listed_one_by_one_in_json() {
    let mut snapshot = sample::contract_example();
    snapshot.brokers[5].state = BrokerState::Down;
    snapshot.replicas[0].reassignment = Some(Reassignment::Adding);
    let policy = Policy::default();
    let report = CheckReport::of(&snapshot, &policy);
    let reasons: Vec<(&str, usize)> = report.unjudged.iter().map(|u| (u.name(), u.partitions.len())).collect();
    assert_eq!(reasons, [("no_leader", 1), ("replica_on_down_broker", 1), ("reassigning", 1)]);
    let json = json(&snapshot);
    assert_eq!(json["unjudged"][1]["partitions"], serde_json::json!(["pay-0"]));
    let unjudged =
        json["excuses"].as_array().unwrap().iter().filter(|e| e.get("rule").is_none() && e.get("goal").is_none());
    assert_eq!(unjudged.count(), 3);
}

#[test]
fn every_violation_and_every_limit_passed_has_an_excuse_with_a_reason_and_a_remedy() {
    let snapshot = sample::contract_example();
    let policy = Policy::default();
    let report = CheckReport::of(&snapshot, &policy);
    let of_rules = report.excuses.iter().filter(|e| matches!(e.criterion, Some(Criterion::Rule(_)))).count() as u64;
    assert_eq!(of_rules, report.assessment.hard_total());
    let passed = report.headroom.iter().filter(|h| h.verdict != HeadroomVerdict::Ok).count();
    let of_goals = report.excuses.iter().filter(|e| matches!(e.criterion, Some(Criterion::Goal(_)))).count();
    assert_eq!((of_goals, passed), (2, 2));
    assert!(report.excuses.iter().all(|e| !e.why.is_empty() && !e.remedy.is_empty()));
}

#[test]
fn an_even_cluster_gets_a_short_answer() {
    let snapshot = Snapshot::default();
    let text = text(&snapshot);
    assert!(text.contains("all hold"), "{text}");
    assert!(text.ends_with("EVEN every hard rule holds, every goal is in its band.\n"), "{text}");
}

#[test]
fn the_text_fits_a_hundred_columns() {
    let text = text(&sample::with_measured_network());
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest.is_some_and(|width| width <= 110), "{widest:?}\n{text}");
}
