//! The classes' own limits in a plan: what the search is given of them, and whether the plan keeps them.
//!
//! The judge knows the policy's limits alone. A class's limit is searched for where it is the tighter one, as that of the
//! class's resource group, and looked at again in the placement that comes out.

use std::collections::BTreeMap;

use crate::ingest::scenario::classes::{Class, Classes};
use crate::model::policy::Limits;
use crate::model::{BrokerIdx, Goal, Placement, Policy, Snapshot, band};
use crate::verify::Usage;

/// A class's own limit after the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassLimit {
    /// The class, an offset into the file's.
    pub class: usize,
    /// One of [`Goal::UTILIZATIONS`].
    pub goal: Goal,
    /// The limit, a fraction.
    pub limit: f64,
    /// The broker of the class that uses most, and how much of it; none where a capacity is unknown.
    pub busiest: Option<(BrokerIdx, f64)>,
}

impl ClassLimit {
    /// Whether no broker of the class passes it; none where that cannot be told.
    #[must_use]
    pub fn is_kept(&self) -> Option<bool> {
        self.busiest.map(|(_, utilization)| !band::exceeds(utilization, self.limit))
    }
}

/// `policy` with the limits of `classes`, where they are tighter, as those of the groups named like them.
#[must_use]
pub fn with_class_limits(policy: &Policy, classes: &Classes) -> Policy {
    let limited = classes.list.iter().filter(|class| class.limits.iter().any(Option::is_some));
    let group_limits: BTreeMap<String, Limits> =
        limited.map(|class| (class.name.clone(), tighter(&policy.limits, class))).collect();
    Policy { group_limits, ..policy.clone() }
}

fn tighter(limits: &Limits, class: &Class) -> Limits {
    let [disk, network_in, network_out, cpu] = class.limits;
    let least = |limit: f64, own: Option<f64>| own.map_or(limit, |own| own.min(limit));
    Limits {
        disk: least(limits.disk, disk),
        network_in: least(limits.network_in, network_in),
        network_out: least(limits.network_out, network_out),
        cpu: least(limits.cpu, cpu),
        ..limits.clone()
    }
}

/// The limits of `classes` in `placement` of `regrouped`, whose groups are the classes.
#[must_use]
pub fn class_limits(regrouped: &Snapshot, classes: &Classes, placement: &Placement) -> Vec<ClassLimit> {
    let usage = Usage::of(regrouped, placement);
    let mut found = Vec::new();
    for (number, class) in classes.list.iter().enumerate() {
        let group = regrouped.group_by_name(&class.name);
        let brokers: Vec<BrokerIdx> = regrouped
            .broker_indices()
            .filter(|&b| regrouped.broker(b).state.is_active() && regrouped.broker(b).group == group)
            .collect();
        for (goal, limit) in Goal::UTILIZATIONS.into_iter().zip(class.limits) {
            let Some(limit) = limit else { continue };
            let uses: Option<Vec<(BrokerIdx, f64)>> =
                brokers.iter().map(|&b| Some((b, usage.utilization(regrouped, b, goal)?))).collect();
            let busiest = uses.and_then(|uses| uses.into_iter().reduce(|a, b| if b.1 > a.1 { b } else { a }));
            found.push(ClassLimit { class: number, goal, limit, busiest });
        }
    }
    found
}
