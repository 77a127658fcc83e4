//! The contract's own example: what the judge says of it must be what the contract prints.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

use std::path::Path;

use evenkeel::ingest::catalogue::Catalogue;
use evenkeel::ingest::snapshot_dir;
use evenkeel::model::{Placement, Policy};
use evenkeel::report::json;
use evenkeel::verify::assess;
use serde_json::Value;

/// Every figure of `expected` is in `found`, to four decimals.
fn assert_contains(path: &str, found: &Value, expected: &Value) {
    match expected {
        Value::Object(keys) => {
            for (key, value) in keys {
                let inner = found.get(key).unwrap_or_else(|| panic!("{path}.{key} is missing"));
                assert_contains(&format!("{path}.{key}"), inner, value);
            }
        }
        Value::Number(number) => {
            let (is, should) = (found.as_f64().unwrap(), number.as_f64().unwrap());
            assert!((is - should).abs() < 1e-4, "{path} is {is}, should be {should}");
        }
        other => assert_eq!(found, other, "{path}"),
    }
}

#[test]
fn the_contract_example_is_judged_as_the_contract_says() {
    let dir = Path::new("fixtures/contract-example");
    let (snapshot, warnings) = snapshot_dir::read(dir, &Catalogue::builtin()).unwrap();
    assert!(!warnings.has_errors());
    let found = assess(&snapshot, &Policy::default(), &Placement::of(&snapshot));
    let found = serde_json::to_value(json::assessment(&found)).unwrap();
    let expected: Value = serde_json::from_slice(&std::fs::read(dir.join("expected.json")).unwrap()).unwrap();
    assert_contains("$", &found, &expected);
    let keys = |value: &Value| value["hard"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&found), keys(&expected), "no rule beyond the expected ones is broken");
}
