//! An answer of `/api/v1/query` or `/api/v1/query_range` as Prometheus and its kin write it, whoever asked. Source: the
//! engines' HTTP API, and the answers of each that fixtures/prometheus holds.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

/// What came back: data, or why there is none, and what is said beside.
#[derive(Deserialize)]
pub(crate) struct Answer {
    /// `success`, or anything else for a refusal.
    pub(crate) status: String,
    #[serde(rename = "errorType")]
    pub(crate) error_type: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) data: Option<Data>,
    #[serde(default)]
    pub(crate) warnings: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) infos: Option<Vec<String>>,
    /// VictoriaMetrics: some of its storage nodes did not answer.
    #[serde(default, rename = "isPartial")]
    pub(crate) is_partial: bool,
}

/// What a query gave.
#[derive(Deserialize)]
pub(crate) struct Data {
    #[serde(rename = "resultType")]
    result_type: Option<String>,
    result: Option<Outcome>,
}

impl Data {
    /// The series; a scalar is one without labels.
    ///
    /// # Errors
    /// Why there is none, a lowercase fragment.
    pub(crate) fn series(self) -> Result<Vec<Element>, String> {
        match (self.result_type.as_deref(), self.result) {
            (Some("vector" | "matrix"), Some(Outcome::Series(series))) => Ok(series),
            (Some("scalar"), Some(Outcome::Moment(time, text))) => {
                let value = text.parse().map_err(|_| format!("the scalar {text:?} is no number"))?;
                Ok(vec![Element { metric: BTreeMap::new(), values: None, value: Some((time, Number(value))) }])
            }
            (Some(kind @ ("vector" | "matrix" | "scalar")), Some(_)) => {
                Err(format!("the answer is called a {kind}, and is none"))
            }
            (Some(other), Some(_)) => Err(format!("the answer is a {other}, not a vector")),
            (None, _) | (_, None) => Err("the answer has no result".to_owned()),
        }
    }
}

/// A series: labels, and values at one moment or at several.
#[derive(Deserialize)]
pub(crate) struct Element {
    #[serde(default)]
    pub(crate) metric: BTreeMap<String, String>,
    values: Option<Vec<(f64, Number)>>,
    value: Option<(f64, Number)>,
}

impl Element {
    /// Its values by seconds since 1970, those that are no numbers included.
    pub(crate) fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        let all = self.values.iter().flatten().chain(&self.value);
        all.map(|(time, Number(value))| (*time, *value))
    }
}

/// A number in a string, for JSON has no `NaN`.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;
        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number in a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                text.parse().map(Number).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(NumberVisitor)
    }
}

/// What `result` holds: series, or for a scalar and a string a moment and a text.
enum Outcome {
    Series(Vec<Element>),
    Moment(f64, String),
}

/// One item of `result`.
enum Item {
    Series(Element),
    Time(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OutcomeVisitor;
        impl<'de> Visitor<'de> for OutcomeVisitor {
            type Value = Outcome;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("series, or a time and a value")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Outcome, A::Error> {
                let (mut series, mut time, mut text) = (Vec::new(), None, None);
                while let Some(item) = items.next_element()? {
                    match item {
                        Item::Series(element) => series.push(element),
                        Item::Time(seconds) => time = Some(seconds),
                        Item::Text(value) => text = Some(value),
                    }
                }
                match (series.is_empty(), time, text) {
                    (_, None, None) => Ok(Outcome::Series(series)),
                    (true, Some(time), Some(text)) => Ok(Outcome::Moment(time, text)),
                    _ => Err(de::Error::custom("a result that is neither series nor a value")),
                }
            }
        }
        deserializer.deserialize_seq(OutcomeVisitor)
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemVisitor;
        impl<'de> Visitor<'de> for ItemVisitor {
            type Value = Item;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a series, a time or a value")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Item, A::Error> {
                Element::deserialize(MapAccessDeserializer::new(map)).map(Item::Series)
            }

            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Item, E> {
                Ok(Item::Time(seconds))
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Item, E> {
                Ok(Item::Time(seconds as f64))
            }

            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Item, E> {
                Ok(Item::Time(seconds as f64))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Item, E> {
                Ok(Item::Text(text.to_owned()))
            }
        }
        deserializer.deserialize_any(ItemVisitor)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn series(data: &str) -> Result<Vec<Element>, String> {
        let answer: Answer =
            serde_json::from_str(&format!("{{\"status\":\"success\",\"data\":{data}}}")).map_err(|e| e.to_string())?;
        answer.data.unwrap().series()
    }

    fn points(data: &str) -> Vec<(f64, f64)> {
        series(data).unwrap().iter().flat_map(Element::points).collect()
    }

    #[test]
    fn vectors_matrices_and_scalars_are_series_whatever_comes_first() {
        let vector = r#"{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1,"2.5"]}]}"#;
        assert_eq!(points(vector), [(1.0, 2.5)]);
        assert_eq!(series(vector).unwrap()[0].metric["a"], "b");
        let matrix =
            r#"{"result":[{"metric":{},"values":[[1.5,"2"],[2.5,"+Inf"]]},{"values":[]}],"resultType":"matrix"}"#;
        assert_eq!(points(matrix), [(1.5, 2.0), (2.5, f64::INFINITY)]);
        assert_eq!(points(r#"{"resultType":"scalar","result":[7,"3"]}"#), [(7.0, 3.0)]);
        assert_eq!(points(r#"{"resultType":"vector","result":[]}"#), []);
    }

    #[test]
    fn what_is_no_series_is_told() {
        for (data, told) in [
            (r#"{"resultType":"string","result":[1,"x"]}"#, "the answer is a string, not a vector"),
            (r#"{"resultType":"scalar","result":[1,"x"]}"#, "the scalar \"x\" is no number"),
            (r#"{"resultType":"vector","result":[1,"2"]}"#, "called a vector, and is none"),
            (r#"{"resultType":"vector"}"#, "no result"),
            (r#"{"result":[]}"#, "no result"),
            (r#"{"resultType":"vector","result":[1]}"#, "neither series nor a value"),
            (r#"{"resultType":"vector","result":[{"value":[1,2]}]}"#, "a number in a string"),
            (r#"{"resultType":"vector","result":[true]}"#, "a series, a time or a value"),
        ] {
            let refused = series(data).err().unwrap();
            assert!(refused.contains(told), "{data}: {refused}");
        }
    }
}
