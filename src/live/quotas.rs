//! The quotas in force, as the brokers describe them. Input: a connection. Output: the rows of `quotas.csv`; what has no
//! place there is named.

use std::collections::BTreeMap;

use super::admin::{Admin, ErrorKind};
use crate::ingest::quotas::{DEFAULT_NAME, FIGURE_MAX};
use crate::model::clients::{Entity, Part, Quota};

/// All quotas of users and client ids, ascending by entity; none, with a line in `missing`, where they cannot be had.
pub(super) fn take(admin: &dyn Admin, missing: &mut Vec<String>) -> Option<Vec<Quota>> {
    let answers = match admin.quotas() {
        Ok(answers) => answers,
        Err(error) => {
            let why = match error.kind {
                ErrorKind::Unsupported => "brokers tell them from Kafka 2.6 on".to_owned(),
                _ => error.to_string(),
            };
            missing.push(format!("quotas in force: no quotas.csv ({why})"));
            return None;
        }
    };
    let mut quotas = BTreeMap::new();
    let mut others = 0_usize;
    for answer in answers {
        match entity(&answer.entity) {
            Some(entity) => drop(quotas.insert(entity.clone(), quota(entity, &answer.values))),
            None => others += 1,
        }
    }
    if others > 0 {
        missing
            .push(format!("quotas of {others} other entities, such as addresses: quotas.csv has users and client ids"));
    }
    Some(quotas.into_values().collect())
}

/// None where it is not of users and client ids alone, or has a name that the file cannot hold.
fn entity(parts: &BTreeMap<String, Option<String>>) -> Option<Entity> {
    let mut entity = Entity { user: Part::Absent, client_id: Part::Absent };
    for (kind, name) in parts {
        let part = match name {
            None => Part::Default,
            Some(name) if name == DEFAULT_NAME || name.is_empty() || name.chars().any(char::is_control) => return None,
            Some(name) => Part::Named(name.clone()),
        };
        match kind.as_str() {
            "user" => entity.user = part,
            "client-id" => entity.client_id = part,
            _ => return None,
        }
    }
    (entity.user != Part::Absent || entity.client_id != Part::Absent).then_some(entity)
}

fn quota(entity: Entity, values: &BTreeMap<String, f64>) -> Quota {
    let usable = |value: &f64| value.is_finite() && *value >= 0.0;
    let value = |name: &str| values.get(name).copied().filter(usable).map(|value| value.min(FIGURE_MAX));
    Quota {
        entity,
        producer_byte_rate: value("producer_byte_rate"),
        consumer_byte_rate: value("consumer_byte_rate"),
        request_percentage: value("request_percentage"),
        controller_mutation_rate: value("controller_mutation_rate"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_client_ids_are_kept_and_others_are_not() {
        let parts = |parts: &[(&str, Option<&str>)]| {
            entity(&parts.iter().map(|(kind, name)| ((*kind).to_owned(), name.map(str::to_owned))).collect())
        };
        let named = |name: &str| Part::Named(name.to_owned());
        let found = |user: Part, client_id: Part| Some(Entity { user, client_id });
        assert_eq!(parts(&[("user", Some("etl")), ("client-id", None)]), found(named("etl"), Part::Default));
        assert_eq!(parts(&[("user", None)]), found(Part::Default, Part::Absent));
        assert_eq!(parts(&[("client-id", Some("load er"))]), found(Part::Absent, named("load er")));
        for other in [&[("ip", Some("10.0.0.1"))][..], &[], &[("user", Some(DEFAULT_NAME))], &[("user", Some("a\nb"))]]
        {
            assert_eq!(parts(other), None, "{other:?}");
        }
    }
}
