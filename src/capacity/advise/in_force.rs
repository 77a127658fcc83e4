//! The quotas in force: what binds a client today. Input: `quotas.csv`, as `snapshot kafka` writes it.

use std::collections::BTreeSet;

use super::quotas;
use crate::model::clients::{ClientIdentity, Entity, Quota};

/// The quotas in force, as far as they are known.
#[derive(Clone, Copy, Debug)]
pub struct InForce<'a>(Option<&'a [Quota]>);

impl<'a> InForce<'a> {
    /// All quotas of the cluster; none where they were not captured.
    #[must_use]
    pub fn new(quotas: Option<&'a [Quota]>) -> Self {
        Self(quotas)
    }

    /// Whether they were captured.
    pub(super) fn is_known(self) -> bool {
        self.0.is_some()
    }

    /// What binds `identity` today by the setting of `side`, and whose quota that is: Kafka takes the first entity of its
    /// precedence that has this very setting. A name that is left open is nobody's, so that defaults alone bind it.
    pub(super) fn binding(self, identity: &ClientIdentity, side: usize) -> Option<(f64, Entity)> {
        let value = |quota: &Quota| [quota.producer_byte_rate, quota.consumer_byte_rate][side];
        let set: BTreeSet<Entity> =
            self.0?.iter().filter(|quota| value(quota).is_some()).map(|quota| quota.entity.clone()).collect();
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        let entity = quotas::binding(&set, &name(&identity.user), &name(&identity.client_id))?;
        let rate = self.0?.iter().find(|quota| quota.entity == entity).and_then(value)?;
        Some((rate, entity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::advise::Value;
    use crate::capacity::advise::quotas::tests::{client, cluster};
    use crate::capacity::advise::quotas::{HEADROOM, quotas};
    use crate::model::Policy;
    use crate::model::clients::Part;

    fn quota(user: Part, client_id: Part, produce: Option<f64>) -> Quota {
        Quota {
            entity: Entity { user, client_id },
            producer_byte_rate: produce,
            consumer_byte_rate: None,
            request_percentage: None,
            controller_mutation_rate: None,
        }
    }

    #[test]
    fn what_is_in_force_is_told_whoever_it_is_set_for() {
        let clients = [client("etl", "", 200.0, 0.0), client("zoe", "", 200.0, 10.0), client("", "web", 100.0, 0.0)];
        let named = |name: &str| Part::Named(name.to_owned());
        let in_force = [
            quota(named("etl"), Part::Absent, Some(195.0)),
            quota(Part::Default, Part::Absent, Some(50.0)),
            // Nothing for producers: this entity does not count for them.
            quota(named("zoe"), Part::Absent, None),
        ];
        let ask = |in_force: Option<&[Quota]>| {
            quotas(&cluster(), &Policy::default(), &clients, InForce::new(in_force), None, HEADROOM).advice
        };
        let found = ask(Some(&in_force));
        let told: Vec<_> = found.findings.iter().map(|f| (f.subject.as_str(), f.setting, f.now.clone())).collect();
        // 200 · 0.75 · 1.3 = 195 is what etl has already.
        assert_eq!(
            told,
            [
                ("user zoe", "producer_byte_rate", Some(Value::Number(50))),
                ("user zoe", "consumer_byte_rate", Some(Value::from("unlimited"))),
                ("client id web", "producer_byte_rate", Some(Value::Number(50))),
            ]
        );
        assert!(found.findings[0].why.contains("the quota of every other user binds it"), "{}", found.findings[0].why);
        assert!(found.not_evaluated.iter().all(|n| n.what != "now"));
        assert!(ask(None).findings.iter().all(|f| f.now.is_none()));
        assert!(ask(None).not_evaluated.iter().any(|n| n.what == "now"));
        assert!(ask(Some(&[])).findings.iter().all(|f| f.now == Some(Value::from("unlimited"))));
    }
}
