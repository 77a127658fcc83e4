//! What would bring a group below a limit that it passes now or after a loss: an even spread if that is enough, else how
//! many brokers at least.
//!
//! However load is placed, the busiest of the survivors carries at least Σ load ÷ Σ surviving capacity, and on brokers of
//! the group's mean capacity c the limit τ wants Σ load ≤ τ·(Σ surviving capacity + k·c): the lower bound of every
//! sizing, k = ⌈(Σ load ÷ τ − Σ surviving capacity) ÷ c⌉. Added brokers are taken to be outside what is lost.

use crate::model::load::capacity;
use crate::model::{BrokerIdx, Goal, Groups, Policy, Snapshot, band};
use crate::verify::Usage;
use crate::verify::assess::band_brokers;

use super::headroom::{Headroom, HeadroomVerdict};

/// What would change a verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relief {
    /// The utilization of all survivors if load were spread evenly; the least that any placement reaches.
    pub utilization_even: f64,
    /// Brokers of the group's mean capacity to add at least; 0 where an even spread is enough.
    pub brokers_to_add: u64,
}

/// What would bring `headroom` below its limit in the state that passes it, `usage` being the loads it was found on; none
/// where nothing is passed.
#[must_use]
pub fn relief(snapshot: &Snapshot, policy: &Policy, usage: &Usage, headroom: &Headroom) -> Option<Relief> {
    let groups = Groups::new(snapshot, policy);
    let group = groups.names().iter().position(|name| *name == headroom.group)?;
    let brokers = band_brokers(snapshot, &groups, group);
    let sum = |figure: &dyn Fn(BrokerIdx) -> Option<f64>| brokers.iter().map(|&b| figure(b)).sum::<Option<f64>>();
    let load = sum(&|b| usage.load(b, headroom.goal))?;
    let total = sum(&|b| capacity(snapshot, b, headroom.goal))?;
    let lost = lost_capacity(snapshot, &brokers, headroom.goal, headroom.verdict)?;
    least(load, total, lost, brokers.len(), headroom.limit)
}

/// The largest capacity that the verdict's loss takes away; none where the verdict is fine.
fn lost_capacity(snapshot: &Snapshot, brokers: &[BrokerIdx], goal: Goal, verdict: HeadroomVerdict) -> Option<f64> {
    let own = |b: BrokerIdx| capacity(snapshot, b, goal).unwrap_or(0.0);
    match verdict {
        HeadroomVerdict::Ok => None,
        HeadroomVerdict::Exceeded => Some(0.0),
        HeadroomVerdict::BrokerLossExceeds => Some(brokers.iter().map(|&b| own(b)).fold(0.0, f64::max)),
        HeadroomVerdict::RackLossExceeds => {
            let of_rack = |row: usize| {
                let in_rack = |b: &&BrokerIdx| snapshot.broker(**b).rack.is_some_and(|rack| rack.row() == row);
                brokers.iter().filter(in_rack).map(|&b| own(b)).sum::<f64>()
            };
            Some((0..snapshot.racks.len()).map(of_rack).fold(0.0, f64::max))
        }
    }
}

/// The module's formula.
fn least(load: f64, total: f64, lost: f64, brokers: usize, limit: f64) -> Option<Relief> {
    let surviving = total - lost;
    if surviving <= 0.0 || limit <= 0.0 || brokers == 0 {
        return None;
    }
    let utilization_even = load / surviving;
    let mean = total / brokers as f64;
    let wanted = ((load / limit - surviving) / mean).ceil();
    let brokers_to_add = if band::exceeds(utilization_even, limit) { wanted.max(1.0) as u64 } else { 0 };
    Some(Relief { utilization_even, brokers_to_add })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_brokers_at_seventy_five_percent_survive_one_loss_only_with_one_more() {
        // 750 of 1,000; without the largest 750 of 900 = 83.3 %; 750 ÷ 0.80 = 937.5, 37.5 more, one broker of 100.
        let found = least(750.0, 1_000.0, 100.0, 10, 0.80).map(|r| (r.utilization_even, r.brokers_to_add));
        assert_eq!(found, Some((750.0 / 900.0, 1)));
    }

    #[test]
    fn where_an_even_spread_is_enough_nobody_is_added() {
        assert_eq!(least(700.0, 1_000.0, 100.0, 10, 0.80).map(|r| r.brokers_to_add), Some(0));
        assert_eq!(least(720.0, 1_000.0, 100.0, 10, 0.80).map(|r| r.brokers_to_add), Some(0), "at the limit");
    }

    #[test]
    fn where_nobody_survives_there_is_no_answer() {
        assert_eq!(least(1.0, 100.0, 100.0, 1, 0.8), None);
    }
}
