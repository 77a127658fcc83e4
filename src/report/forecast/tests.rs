//! A small cluster's forecast as text, JSON, CSV and HTML.

use super::*;
use crate::capacity::ForecastOptions;
use crate::capacity::forecast::forecast;
use crate::model::fixture::Fixture;
use crate::model::history::{Series, Subject};
use crate::model::{BrokerState, History, LogDirState, Metric, Policy};
use crate::report::sample;

const TB: u64 = 1_000_000_000_000;
/// 2026-11-20T12:00:00Z, the fixture's time.
const CAPTURED_SEC: i64 = 1_795_176_000;

/// Two groups of one broker with 1 TB each, half and a fifth full; the first grows by a thousandth of its disk a day.
fn cluster() -> (Snapshot, History) {
    let snapshot = Fixture::default()
        .broker(1, "a", "<b>core", BrokerState::Alive)
        .broker(2, "a", "side", BrokerState::Alive)
        .dir(1, "/d", TB, LogDirState::Online, 0)
        .dir(2, "/d", TB, LogDirState::Online, 0)
        .topic("t", "<b>core")
        .topic("u", "side")
        .partition(("t", 0), 1, (1.0, 1.0), &[(1, "/d", TB / 2, true)])
        .partition(("u", 0), 2, (1.0, 1.0), &[(2, "/d", TB / 5, true)])
        .build();
    let days = 0..200_i64;
    let series = |broker_id: i32, value: &dyn Fn(f64) -> f64| Series {
        metric: Metric::Size,
        subject: Subject { broker_id: Some(broker_id), topic: None },
        times_sec: days.clone().map(|age| CAPTURED_SEC - (199 - age) * 86_400).collect(),
        values: days.clone().map(|age| value((age - 199) as f64) * TB as f64).collect(),
    };
    // Zigzags of a period that is no divisor of seven leave some noise.
    let noise = |day: f64| if day.rem_euclid(5.0) < 2.0 { 0.004 } else { -0.003 };
    let history = vec![series(1, &|day| 0.5 + 0.001 * day + noise(day)), series(2, &|day| 0.2 + noise(day))];
    (snapshot, History { series: history })
}

fn made() -> (Snapshot, Forecast) {
    let (snapshot, history) = cluster();
    let options = ForecastOptions { horizon_days: 365, ..ForecastOptions::default() };
    let forecast = forecast(&snapshot, &Policy::default(), &history, &options);
    (snapshot, forecast)
}

#[test]
fn the_text_of_a_small_forecast() {
    let (snapshot, forecast) = made();
    insta::assert_snapshot!(sample::plain(&to_text(&snapshot, &forecast)));
}

#[test]
fn the_json_has_the_contracts_keys_and_a_reason_for_every_null() {
    let (snapshot, forecast) = made();
    let json: serde_json::Value = serde_json::from_slice(&to_json(&snapshot, &forecast)).unwrap();
    let series = json["series"].as_array().unwrap();
    assert_eq!(series.len(), 2);
    let first = &series[0];
    assert_eq!((&first["resource_group"], &first["goal"]), (&"<b>core".into(), &"disk".into()));
    assert_eq!(first["today"], 0.5);
    assert_eq!(first["threshold"], 0.8);
    for key in ["mape", "coverage95"] {
        assert!((0.0..=1.0).contains(&first["backtest"][key].as_f64().unwrap()), "{key}");
    }
    let days = ["p10", "p50", "p90"].map(|key| first["days_to_threshold"][key].as_u64().unwrap());
    assert!(days.is_sorted() && (280..=320).contains(&days[1]), "{days:?}");
    let point = first["points"].as_array().unwrap().last().unwrap();
    assert_eq!(point["date"], "2027-11-20");
    assert!(point["p05"].as_f64() < point["p50"].as_f64() && point["p50"].as_f64() < point["p95"].as_f64());
    assert_eq!(series[1]["days_to_threshold"], serde_json::Value::Null);
    let missing = json["not_evaluated"].as_array().unwrap();
    let is_said = |m: &serde_json::Value| m["what"] == "days_to_threshold of disk of group side";
    assert!(missing.iter().any(is_said), "{missing:?}");
}

#[test]
fn the_section_escapes_names_and_draws_a_fan_for_each_series() {
    let (snapshot, forecast) = made();
    let html = section(&snapshot, &forecast);
    assert!(html.contains("&lt;b&gt;core") && !html.contains("<b>core"));
    assert_eq!(html.matches("<svg class=\"chart\"").count(), 2);
    let files = files(&snapshot, &forecast);
    let names: Vec<&str> = files.iter().filter_map(|file| file.path.to_str()).collect();
    assert_eq!(names, ["forecast.csv", "forecast.json", "report.html"]);
    let csv = String::from_utf8_lossy(&files[0].bytes).into_owned();
    assert!(
        csv.starts_with("resource_group,goal,date,p05,p50,p95\n<b>core,disk,2026-11-20,0.5,0.5,0.5\n"),
        "{csv:.200}"
    );
    assert_eq!(csv.lines().count(), 1 + 2 * 366);
}

#[test]
fn nothing_to_forecast_is_said_in_every_form() {
    let (snapshot, _) = cluster();
    let forecast = forecast(&snapshot, &Policy::default(), &History::default(), &ForecastOptions::default());
    let text = sample::plain(&to_text(&snapshot, &forecast));
    assert!(text.contains("UNKNOWN nothing could be forecast within 180 days."), "{text}");
    assert!(text.contains("disk of group side: the history has no size_bytes that covers the group"), "{text}");
    assert!(section(&snapshot, &forecast).contains("Not evaluated"));
}
