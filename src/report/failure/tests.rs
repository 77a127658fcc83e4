//! The answer as it is printed.

use super::*;
use crate::capacity::failure::{Domain, Method, Question, failure};
use crate::model::Policy;
use crate::report::sample;

fn answered(failures: &[(Domain, usize)]) -> (crate::model::Snapshot, FailureReport) {
    let snapshot = sample::contract_example();
    let question = Question {
        failures: failures.to_vec(),
        method: Method::Auto,
        cases: 100,
        seed: 0,
        afr: None,
        repair_hours: 12.0,
        throttle_bytes_per_sec: 50.0 * 1024.0 * 1024.0,
    };
    let report = failure(&snapshot, &Policy::default(), &question).unwrap();
    (snapshot, report)
}

#[test]
fn the_text_answers_with_figures() {
    let (snapshot, report) = answered(&[(Domain::Broker, 2)]);
    insta::assert_snapshot!(sample::plain(&to_text(&snapshot, &report)));
}

#[test]
fn the_json_has_the_contracts_keys() {
    let (snapshot, report) = answered(&[(Domain::Broker, 1), (Domain::LogDir, 1)]);
    let value: serde_json::Value = serde_json::from_slice(&to_json(&snapshot, &report)).unwrap();
    for key in [
        "method",
        "cases",
        "p_any_offline",
        "p_any_under_min_isr",
        "p_any_lost",
        "expected_offline",
        "expected_under_min_isr",
        "expected_lost",
        "ci95",
        "worst",
        "survivors",
        "not_evaluated",
    ] {
        assert!(value.get(key).is_some(), "{key}");
    }
    let worst = &value["worst"][0];
    assert!(worst["failed"][0].as_str().unwrap().starts_with("broker "));
    assert!(["offline", "under_min_isr", "lost"].iter().all(|key| worst[key].is_u64()));
    let absent: Vec<&str> =
        value["not_evaluated"].as_array().unwrap().iter().filter_map(|n| n["what"].as_str()).collect();
    for (goal, share) in value["survivors"].as_object().unwrap() {
        assert!(share.is_f64() || absent.contains(&format!("survivors.{goal}").as_str()), "{goal}");
    }
}

#[test]
fn the_page_draws_the_curve_and_lets_no_markup_through() {
    let (mut snapshot, report) = answered(&[(Domain::Broker, 2)]);
    snapshot.cluster.cluster_id = "<script>".to_owned();
    let page = String::from_utf8(sheet(&snapshot, &report).to_html()).unwrap();
    assert!(page.contains("<svg class=\"chart\"") && page.contains("&lt;script&gt;") && !page.contains("<script>"));
    assert_eq!(page.matches('\u{1b}').count(), 0);
}

#[test]
fn chances_read_well_at_any_size() {
    let cases =
        [(0.0, "never"), (1.0, "always"), (0.99999, "> 99.9 %"), (0.5, "50.0 %"), (1e-5, "1 in 100\u{202f}000")];
    for (p, text) in cases {
        assert_eq!(chance(p), text);
    }
    assert_eq!(once_in(0.0), "never");
    assert_eq!(once_in(2.0), "2.00 times a year");
    assert_eq!(once_in(0.01), "once in 100 years");
    assert_eq!(once_in(1e-12), "less than once in a billion years");
}
