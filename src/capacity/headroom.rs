//! How close each group's brokers are to their limits, now and after the loss of a broker or a rack.
//!
//! A loss is taken at its worst once everything has been copied again: what the lost brokers carried is spread over the
//! group's survivors in proportion to their capacity, so the busiest survivor ends at its own utilization plus
//! Σ lost load ÷ Σ surviving capacity. Of all brokers (racks) the one whose loss ends highest counts. That N−1 state is
//! what Cruise Control's capacity thresholds are to be held against (Netflix service-capacity-modeling plans node
//! recovery alike).

use crate::model::load::capacity;
use crate::model::{BrokerIdx, Goal, Groups, Placement, Policy, Snapshot, band};
use crate::verify::Usage;
use crate::verify::assess::band_brokers;

/// Whether a goal's limit holds, and after what it no longer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeadroomVerdict {
    /// The limit holds even after a rack is lost, or where there is no second rack, after a broker is.
    Ok,
    /// It holds after the loss of any one broker, but not of a rack.
    RackLossExceeds,
    /// It holds now, but not after the loss of some broker.
    BrokerLossExceeds,
    /// It is passed today.
    Exceeded,
}

impl HeadroomVerdict {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::RackLossExceeds => "rack_loss_exceeds",
            Self::BrokerLossExceeds => "broker_loss_exceeds",
            Self::Exceeded => "exceeded",
        }
    }
}

/// The state after a loss.
#[derive(Clone, Debug, PartialEq)]
pub struct AfterLoss {
    /// What was lost: `broker 5` or `rack a`.
    pub lost: String,
    /// The highest utilization among the survivors, a fraction.
    pub utilization_max: f64,
}

/// One goal of one group against its limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Headroom {
    /// Resource group.
    pub group: String,
    /// One of [`Goal::UTILIZATIONS`].
    pub goal: Goal,
    /// Σ load ÷ Σ capacity of the group.
    pub utilization_mean: f64,
    /// The highest utilization among the group's brokers, a fraction.
    pub utilization_max: f64,
    /// The broker that has it.
    pub busiest: BrokerIdx,
    /// The policy's hard limit, a fraction.
    pub limit: f64,
    /// After the worst loss of one broker; none where the group has only one.
    pub broker_lost: Option<AfterLoss>,
    /// After the worst loss of one rack; none where the group's brokers are in fewer than two racks.
    pub rack_lost: Option<AfterLoss>,
    /// What that means.
    pub verdict: HeadroomVerdict,
}

/// Every group's headroom by goal, groups by name, goals in their order. Goals for which a broker of the group lacks a
/// capacity are absent: a fraction of an unknown whole is no figure. So are all but disk where no traffic is known.
#[must_use]
pub fn headroom(snapshot: &Snapshot, policy: &Policy, placement: &Placement) -> Vec<Headroom> {
    let groups = Groups::new(snapshot, policy);
    let usage = Usage::of(snapshot, placement);
    let has_traffic = has_traffic(snapshot);
    let mut all = Vec::new();
    for (number, name) in groups.names().iter().enumerate() {
        let brokers = band_brokers(snapshot, &groups, number);
        for goal in Goal::UTILIZATIONS.into_iter().filter(|goal| *goal == Goal::Disk || has_traffic) {
            all.extend(Group { snapshot, usage: &usage, brokers: &brokers, goal }.headroom(name, policy));
        }
    }
    all
}

/// Whether any partition has a traffic figure. Unknown rates count as 0 (contract §1); where all do, a utilization of
/// network or cpu would be no finding.
#[must_use]
pub fn has_traffic(snapshot: &Snapshot) -> bool {
    snapshot.partitions.iter().any(|p| p.bytes_in_per_sec > 0.0 || p.bytes_out_per_sec > 0.0)
}

/// The hard limit of `goal`, one of [`Goal::UTILIZATIONS`], as a fraction; none for others.
#[must_use]
pub fn limit(policy: &Policy, goal: Goal) -> Option<f64> {
    match goal {
        Goal::Disk => Some(policy.limits.disk),
        Goal::NetworkIn => Some(policy.limits.network_in),
        Goal::NetworkOut => Some(policy.limits.network_out),
        Goal::Cpu => Some(policy.limits.cpu),
        _ => None,
    }
}

struct Group<'a> {
    snapshot: &'a Snapshot,
    usage: &'a Usage,
    brokers: &'a [BrokerIdx],
    goal: Goal,
}

/// One broker's load and capacity towards the goal in question.
#[derive(Clone, Copy)]
struct Share {
    broker: BrokerIdx,
    load: f64,
    capacity: f64,
}

impl Share {
    fn utilization(&self) -> f64 {
        self.load / self.capacity
    }
}

impl Group<'_> {
    fn headroom(&self, name: &str, policy: &Policy) -> Option<Headroom> {
        if self.goal == Goal::Cpu && !self.usage.has_cpu {
            return None;
        }
        let limit = limit(policy, self.goal)?;
        let share = |&broker: &BrokerIdx| {
            let load = self.usage.load(broker, self.goal)?;
            Some(Share { broker, load, capacity: capacity(self.snapshot, broker, self.goal)? })
        };
        let shares: Vec<Share> = self.brokers.iter().map(share).collect::<Option<_>>()?;
        let busiest = *shares.iter().max_by(|a, b| a.utilization().total_cmp(&b.utilization()))?;
        let (broker_lost, rack_lost) = (self.after_broker_loss(&shares), self.after_rack_loss(&shares));
        let exceeds = |loss: &Option<AfterLoss>| loss.as_ref().is_some_and(|l| band::exceeds(l.utilization_max, limit));
        let verdict = if band::exceeds(busiest.utilization(), limit) {
            HeadroomVerdict::Exceeded
        } else if exceeds(&broker_lost) {
            HeadroomVerdict::BrokerLossExceeds
        } else if exceeds(&rack_lost) {
            HeadroomVerdict::RackLossExceeds
        } else {
            HeadroomVerdict::Ok
        };
        Some(Headroom {
            group: name.to_owned(),
            goal: self.goal,
            utilization_mean: shares.iter().map(|s| s.load).sum::<f64>()
                / shares.iter().map(|s| s.capacity).sum::<f64>(),
            utilization_max: busiest.utilization(),
            busiest: busiest.broker,
            limit,
            broker_lost,
            rack_lost,
            verdict,
        })
    }

    fn after_broker_loss(&self, shares: &[Share]) -> Option<AfterLoss> {
        let name = |share: &Share| format!("broker {}", self.snapshot.broker(share.broker).id);
        worst(shares.iter().map(|lost| (name(lost), after(shares, |s| s.broker == lost.broker))))
    }

    fn after_rack_loss(&self, shares: &[Share]) -> Option<AfterLoss> {
        let rack_of = |share: &Share| self.snapshot.broker(share.broker).rack;
        let racks = self.snapshot.racks.iter().enumerate();
        worst(racks.map(|(row, name)| {
            let is_lost = |s: &Share| rack_of(s).is_some_and(|rack| rack.row() == row);
            let any = shares.iter().any(is_lost);
            (format!("rack {name}"), if any { after(shares, is_lost) } else { None })
        }))
    }
}

/// The highest utilization among the survivors once they carry everything; none where nobody survives.
fn after(shares: &[Share], is_lost: impl Fn(&Share) -> bool) -> Option<f64> {
    let (mut lost_load, mut surviving_capacity, mut highest) = (0.0, 0.0, None);
    for share in shares {
        if is_lost(share) {
            lost_load += share.load;
        } else {
            surviving_capacity += share.capacity;
            highest = Some(share.utilization().max(highest.unwrap_or(0.0)));
        }
    }
    highest.map(|u: f64| u + lost_load / surviving_capacity)
}

fn worst(losses: impl Iterator<Item = (String, Option<f64>)>) -> Option<AfterLoss> {
    let evaluated = losses.filter_map(|(lost, utilization)| Some((lost, utilization?)));
    let highest = evaluated.reduce(|a, b| if b.1 > a.1 { b } else { a });
    highest.map(|(lost, utilization_max)| AfterLoss { lost, utilization_max })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capacity::not_evaluated;
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerState, LogDirState};

    /// Brokers 1… with (rack, capacity, bytes): one partition each, without traffic.
    fn disks(brokers: &[(&str, u64, u64)]) -> Snapshot {
        let mut fixture = Fixture::default();
        for (row, &(rack, capacity, bytes)) in brokers.iter().enumerate() {
            let id = row as i32 + 1;
            fixture = fixture
                .broker(id, rack, "", BrokerState::Alive)
                .dir(id, "/d", capacity, LogDirState::Online, 0)
                .partition(("t", row as u32), id, (0.0, 0.0), &[(id, "/d", bytes, true)]);
        }
        fixture.build()
    }

    fn disk(snapshot: &Snapshot) -> Headroom {
        let all = headroom(snapshot, &Policy::default(), &Placement::of(snapshot));
        all.into_iter().find(|h| h.goal == Goal::Disk).unwrap()
    }

    fn close(loss: Option<&AfterLoss>, lost: &str, utilization: f64) -> bool {
        loss.is_some_and(|l| l.lost == lost && (l.utilization_max - utilization).abs() < 1e-12)
    }

    #[test]
    fn what_is_lost_is_spread_over_the_survivors_by_capacity() {
        // Losing broker 2 brings 1 from 0.60 to 0.60 + 30/200; losing 1 brings the others to 0.30 + 60/200 only. Rack a
        // holds 90 of 120, all of which broker 3 has to take.
        let found = disk(&disks(&[("a", 100, 60), ("a", 100, 30), ("b", 100, 30)]));
        assert!((found.utilization_mean - 0.4).abs() < 1e-12 && (found.utilization_max - 0.6).abs() < 1e-12);
        assert!(close(found.broker_lost.as_ref(), "broker 2", 0.75), "{found:?}");
        assert!(close(found.rack_lost.as_ref(), "rack a", 1.2), "{found:?}");
        assert_eq!(found.verdict, HeadroomVerdict::RackLossExceeds);
    }

    #[test]
    fn capacities_that_differ_weigh_what_they_hold() {
        // Without broker 3 (300 of 600 bytes): 60/100 + 300/400; without 1: 150/300 + 60/900.
        let found = disk(&disks(&[("", 100, 60), ("", 300, 150), ("", 600, 300)]));
        assert!(close(found.broker_lost.as_ref(), "broker 3", 0.6 + 300.0 / 400.0), "{found:?}");
        assert_eq!(found.rack_lost, None, "nobody names a rack");
        assert_eq!(found.verdict, HeadroomVerdict::BrokerLossExceeds);
    }

    #[test]
    fn the_verdict_is_the_first_state_that_passes_the_limit() {
        let verdict = |brokers: &[(&str, u64, u64)]| disk(&disks(brokers)).verdict;
        assert_eq!(verdict(&[("a", 100, 81), ("b", 100, 0)]), HeadroomVerdict::Exceeded);
        assert_eq!(verdict(&[("a", 100, 50), ("b", 100, 40)]), HeadroomVerdict::BrokerLossExceeds);
        assert_eq!(verdict(&[("a", 100, 40), ("b", 100, 40)]), HeadroomVerdict::Ok, "0.8 is the limit, not beyond it");
        assert_eq!(verdict(&[("a", 100, 80)]), HeadroomVerdict::Ok, "one broker: no loss to be evaluated");
    }

    #[test]
    fn a_goal_without_capacities_is_absent_and_says_whose_is_missing() {
        let mut snapshot = disks(&[("", 100, 10), ("", 100, 10)]);
        snapshot.brokers[0].network_in_capacity_bytes_per_sec = Some(5.0);
        snapshot.partitions.iter_mut().for_each(|partition| partition.bytes_in_per_sec = 1.0);
        let all = headroom(&snapshot, &Policy::default(), &Placement::of(&snapshot));
        assert_eq!(all.iter().map(|h| h.goal).collect::<Vec<_>>(), [Goal::Disk]);
        let missing = not_evaluated::of_headroom(&snapshot, &Policy::default(), &all);
        let said: Vec<String> = missing.into_iter().map(|m| format!("{}: {}", m.what, m.why)).collect();
        let wanted = [
            "headroom.default.network_in: network_in_capacity_bytes_per_sec is missing for broker 2",
            "headroom.default.network_out: network_out_capacity_bytes_per_sec is missing for brokers 1, 2",
            "headroom.default.cpu: no broker has cpu_utilization and cpu_cores",
            "headroom.default.*.after_largest_rack_lost: the group's brokers are in fewer than two racks",
        ];
        assert_eq!(said, wanted);
    }

    proptest! {
        #[test]
        fn one_broker_more_never_leaves_less_headroom(
            brokers in prop::collection::vec((0_usize..3, 50_u64..500, 0_u64..400), 2..7),
            more in (0_usize..3, 50_u64..500),
        ) {
            let racks = ["a", "b", "c"];
            let mut rows: Vec<(&str, u64, u64)> = brokers.iter().map(|&(r, c, b)| (racks[r], c, b)).collect();
            let before = disk(&disks(&rows));
            // A rack that is new could be lost as well, with nothing on it; it takes none of the others' room away.
            rows.push((racks[more.0], more.1, 0));
            let after = disk(&disks(&rows));
            let is_no_more = |old: &Option<AfterLoss>, new: &Option<AfterLoss>| match (old, new) {
                (Some(old), Some(new)) => new.utilization_max <= old.utilization_max + 1e-12,
                _ => true,
            };
            prop_assert!(after.utilization_max <= before.utilization_max);
            prop_assert!(is_no_more(&before.broker_lost, &after.broker_lost), "{before:?} {after:?}");
            prop_assert!(is_no_more(&before.rack_lost, &after.rack_lost), "{before:?} {after:?}");
            prop_assert!(after.verdict <= before.verdict || before.rack_lost.is_none(), "{before:?} {after:?}");
        }
    }
}
