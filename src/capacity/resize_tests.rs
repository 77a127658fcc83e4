//! How many brokers are needed and can go, on clusters small enough to be worked by hand.

#![expect(clippy::unwrap_used, reason = "a failing test may panic")]

use super::add::Site;
use super::shrink::{at_most, find_counts};
use super::thresholds::Threshold;
use super::until::{Need, compare};
use crate::ingest::catalogue::Catalogue;
use crate::model::fixture::Fixture;
use crate::model::{BrokerState, Criterion, Goal, LogDirState, Policy, Snapshot};
use crate::optimize::{Effort, Environment, Options, Solution, optimize};

fn solve(snapshot: &Snapshot, policy: &Policy, effort: Effort) -> Solution {
    let environment = Environment { expired: &|| false, progress: &|_, _| {} };
    optimize(snapshot, policy, &Options { seed: 0, effort }, &environment)
}

/// Brokers of 100 bytes that hold `partitions` of `bytes` each in turn, one replica of each.
fn cluster(brokers: i32, partitions: u32, bytes: u64) -> Snapshot {
    let broker = |fixture: Fixture, id| {
        fixture.broker(id, "", "", BrokerState::Alive).dir(id, "/d", 100, LogDirState::Online, 0)
    };
    let fixture = (1..=brokers).fold(Fixture::default(), broker);
    let partition = |fixture: Fixture, number: u32| {
        let id = number as i32 % brokers + 1;
        fixture.partition(("t", number), id, (0.0, 0.0), &[(id, "/d", bytes, true)])
    };
    (0..partitions).fold(fixture, partition).build()
}

fn need(snapshot: &Snapshot, threshold: &str) -> Need {
    let (policy, catalogue) = (Policy::default(), Catalogue::builtin());
    let site = Site { snapshot, policy: &policy, catalogue: &catalogue };
    let found = compare(&site, &[Threshold::parse(threshold).unwrap()], &[None], None, &solve).unwrap();
    found.options[0].needs[0].clone()
}

#[test]
fn the_means_call_for_two_brokers_and_whole_partitions_for_four() {
    // 280 bytes at half of 100 a broker are 5.6 brokers, two more than the four. Of 5 bytes each, ten fit on one.
    let fine = need(&cluster(4, 56, 5), "disk<=50%");
    assert_eq!((fine.lower_bound, fine.count), (2, Some(2)));
    // Of 35 bytes each, two are 70 %: every one of the eight needs a broker of its own.
    let coarse = need(&cluster(4, 8, 35), "disk<=50%");
    assert_eq!((coarse.lower_bound, coarse.count), (2, Some(4)));
    let binding = coarse.binding.unwrap();
    assert!(binding.goal == Goal::Disk && (binding.value - 0.70).abs() < 1e-12 && binding.limit == 0.5, "{binding:?}");
    // Nobody is added where it holds already, and nothing binds.
    let enough = need(&cluster(6, 8, 35), "disk<=70%");
    assert_eq!((enough.lower_bound, enough.count, enough.binding), (0, Some(0), None));
}

#[test]
fn two_of_five_brokers_can_go_by_the_means_and_by_plans() {
    // 150 bytes, and 80 % of two survivors' 200 hold them, of one's 100 not: after one more has left, the two that stay
    // would be at 150 % with one of them lost.
    let snapshot = cluster(5, 30, 5);
    let (policy, catalogue) = (Policy::default(), Catalogue::builtin());
    let site = Site { snapshot: &snapshot, policy: &policy, catalogue: &catalogue };
    for found in [at_most(&site), find_counts(&site, &solve)] {
        let binding = found[0].binding.clone().unwrap();
        assert_eq!((found[0].count, binding.removed, binding.criterion), (2, 3, Criterion::Goal(Goal::Disk)));
        assert!((binding.value - 1.5).abs() < 1e-12 && binding.limit == 0.8, "{binding:?}");
    }
}
