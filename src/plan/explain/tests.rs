//! Explanations of partitions on small clusters made for one trait each.

use super::*;
use crate::model::fixture::Fixture;
use crate::model::{BrokerState, LogDirState, Rule};

/// Brokers 1…6 in racks a, b, c, a, b, c; one dir of 1 000 bytes each.
fn fixture() -> Fixture {
    (1..=6).fold(Fixture::default(), |f, id| {
        let rack = ["c", "a", "b"][id as usize % 3];
        f.broker(id, rack, "", BrokerState::Alive).dir(id, "/d", 1_000, LogDirState::Online, 0)
    })
}

/// Broker 1 holds two partitions of 100 bytes, brokers 2 and 3 their followers; 4, 5 and 6 are empty.
fn crowded() -> Snapshot {
    let replicas = [(1, "/d", 100, true), (2, "/d", 100, true), (3, "/d", 100, true)];
    fixture().partition(("t", 0), 1, (10.0, 10.0), &replicas).partition(("t", 1), 1, (10.0, 10.0), &replicas).build()
}

fn broker(snapshot: &Snapshot, id: i32) -> BrokerIdx {
    snapshot.broker_by_id(id).unwrap()
}

fn ids(snapshot: &Snapshot, brokers: &[BrokerIdx]) -> Vec<i32> {
    brokers.iter().map(|b| snapshot.broker(*b).id).collect()
}

#[test]
fn alternatives_are_the_judges_figures_of_the_changed_placement() {
    let snapshot = crowded();
    let policy = Policy::default();
    let planned = Placement::of(&snapshot);
    let told = explain(&snapshot, &policy, &planned, PartitionIdx::new(0));
    assert_eq!(told.replicas.len(), 3);
    let first = &told.replicas[0];
    let mut changed = planned.clone();
    changed.seats_mut(PartitionIdx::new(0))[0] =
        Seat { broker: broker(&snapshot, 4), log_dir: snapshot.log_dir_by_path(broker(&snapshot, 4), "/d") };
    changed.set_leader(PartitionIdx::new(0), Some(broker(&snapshot, 4)));
    let judged = verify::assess(&snapshot, &policy, &changed);
    let best = &first.alternatives[0];
    assert_eq!(snapshot.broker(best.seat.broker).id, 4, "the only empty broker of rack a");
    assert_eq!(best.figures.excess, judged.imbalance.excess);
    assert_eq!(best.figures.inter_broker_bytes, 100);
    assert_eq!(best.comparison, Comparison::MoreBalanced);
}

#[test]
fn brokers_that_may_not_take_it_are_told_by_reason() {
    let mut snapshot = crowded();
    snapshot.brokers[3].state = BrokerState::Draining;
    let planned = Placement::of(&snapshot);
    let told = explain(&snapshot, &Policy::default(), &planned, PartitionIdx::new(0));
    let barred: Vec<(&str, Vec<i32>)> =
        told.replicas[0].barred.iter().map(|b| (b.code, ids(&snapshot, &b.brokers))).collect();
    assert_eq!(barred, [("hosts", vec![2, 3]), ("inactive", vec![4]), ("rack", vec![5]), ("rack", vec![6])]);
    assert!(told.replicas[0].alternatives.is_empty());
    assert_eq!(told.replicas[0].barred[2].why, "its rack, b, holds 1 replica of it already, 1 at most");
}

#[test]
fn where_a_moved_replica_came_from_is_always_told() {
    let snapshot = crowded();
    let mut planned = Placement::of(&snapshot);
    let p = PartitionIdx::new(0);
    planned.seats_mut(p)[0] =
        Seat { broker: broker(&snapshot, 4), log_dir: snapshot.log_dir_by_path(broker(&snapshot, 4), "/d") };
    planned.set_leader(p, Some(broker(&snapshot, 4)));
    let told = explain(&snapshot, &Policy::default(), &planned, p);
    let moved = &told.replicas[0];
    assert_eq!((moved.from.map(|s| snapshot.broker(s.broker).id), moved.copied_bytes), (Some(1), 100));
    let home = moved.alternatives.iter().find(|a| a.is_home).unwrap();
    assert_eq!(snapshot.broker(home.seat.broker).id, 1);
    assert_eq!((home.figures.inter_broker_bytes, home.comparison), (0, Comparison::LessBalanced));
    assert_eq!(told.plan.inter_broker_bytes, 100);
}

#[test]
fn what_the_policy_holds_has_no_alternatives() {
    let snapshot = crowded();
    let policy = Policy { exclude: vec![crate::model::TopicPattern::literal("t")], ..Policy::default() };
    let told = explain(&snapshot, &policy, &Placement::of(&snapshot), PartitionIdx::new(1));
    assert!(told.replicas.iter().all(|r| r.held.is_some() && r.alternatives.is_empty()));
    assert!(told.leaderships.is_empty());
}

/// Twelve partitions of one to three replicas on brokers 1, 2 and 6.
fn traffic() -> Snapshot {
    let mut f = fixture();
    for number in 0..12 {
        let rows: Vec<(i32, &str, u64, bool)> =
            [1, 2, 6][..(number as usize % 3) + 1].iter().map(|&id| (id, "/d", 10 + u64::from(number), true)).collect();
        f = f.partition(("t", number), 1, (f64::from(number), 3.0), &rows);
    }
    let mut snapshot = f.build();
    for broker in &mut snapshot.brokers {
        broker.network_in_capacity_bytes_per_sec = Some(1_000.0);
        (broker.cpu_cores, broker.cpu_utilization) = (Some(4.0), Some(0.1));
    }
    snapshot
}

/// A policy with every optional goal on.
fn with_optional_goals() -> Policy {
    let mut policy = Policy::default();
    policy.bands.disk_writes = 0.15;
    policy.bands.leaders_per_topic = 0.25;
    policy.bands.scatter_width = 2.0;
    policy
}

/// How many places were compared.
fn assert_ranking_agrees_with_the_judge(policy: &Policy) -> usize {
    let snapshot = traffic();
    let planned = Placement::of(&snapshot);
    let groups = Groups::new(&snapshot, policy);
    let usage = Usage::of(&snapshot, &planned);
    let base = verify::assess(&snapshot, policy, &planned).broker_excess();
    let mut compared = 0;
    for p in snapshot.partition_indices() {
        let places = Places::new(&snapshot, policy, &groups, &planned, &usage, p);
        for position in 0..planned.seats(p).len() {
            for place in places.of(position).0 {
                let mut changed = planned.clone();
                let old = std::mem::replace(&mut changed.seats_mut(p)[position], place.seat);
                if changed.leader(p) == Some(old.broker) {
                    changed.set_leader(p, Some(place.seat.broker));
                }
                let judged = verify::assess(&snapshot, policy, &changed).broker_excess() - base;
                assert!((judged - place.excess_change).abs() < 1e-9, "{p:?} {position} {place:?}: {judged}");
                compared += 1;
            }
        }
    }
    compared
}

#[test]
fn the_ranking_agrees_with_the_judge_where_copies_are_as_large_as_what_they_replace() {
    assert!(assert_ranking_agrees_with_the_judge(&Policy::default()) > 30);
    assert!(assert_ranking_agrees_with_the_judge(&with_optional_goals()) > 30);
}

#[test]
fn optional_goals_are_in_the_costs_and_on_the_brokers_where_the_policy_has_them() {
    let snapshot = traffic();
    let planned = Placement::of(&snapshot);
    let told = |policy: &Policy| explain(&snapshot, policy, &planned, PartitionIdx::new(2));
    let (without, with) = (told(&Policy::default()), told(&with_optional_goals()));
    let optional = [Goal::DiskWrites, Goal::LeadersPerTopic, Goal::ScatterWidth];
    assert!(without.goals.iter().all(|g| !optional.contains(&g.goal)));
    for goal in optional {
        assert!(with.goals.iter().any(|g| g.goal == goal && g.broker == broker(&snapshot, 1)), "{}", goal.name());
    }
    let on_first = |goal| with.goals.iter().find(|g| g.goal == goal && g.broker == broker(&snapshot, 1)).unwrap();
    let leaders = on_first(Goal::LeadersPerTopic);
    assert_eq!((leaders.before, leaders.mean, leaders.band.1), (12.0, 2.0, 3.0), "12 leaders, 2 a broker, slack 1");
    assert!(leaders.outside_before && leaders.outside_after);
    let width = on_first(Goal::ScatterWidth);
    assert_eq!((width.before, width.after, width.band.1, width.outside_after), (2.0, 2.0, 2.0, false));
    // The third replica elsewhere would meet brokers 1 and 2 there: a third other for both of them.
    let elsewhere = |told: &Explanation| {
        let best = &told.replicas[2].alternatives[0].figures;
        best.broker_excess - told.plan.broker_excess
    };
    assert!(elsewhere(&with) > elsewhere(&without), "the wider scatter is counted");
}

#[test]
fn rules_and_goals_that_it_touches_are_told() {
    let snapshot = fixture()
        .partition(("t", 0), 1, (10.0, 10.0), &[(1, "/d", 900, true), (4, "/d", 900, true)])
        .partition(("u", 0), 2, (0.0, 0.0), &[(2, "/d", 100, true)])
        .build();
    let told = explain(&snapshot, &Policy::default(), &Placement::of(&snapshot), PartitionIdx::new(0));
    let rules: Vec<Rule> = told.violations.0.iter().map(|v| v.rule).collect();
    let both = [Rule::DiskCapacity, Rule::LogDirCapacity];
    assert_eq!(rules, [&[Rule::Rack][..], &both, &both].concat(), "one rack for both, two full brokers");
    let disk = told.goals.iter().find(|g| g.goal == Goal::Disk && g.broker == broker(&snapshot, 1)).unwrap();
    assert!(disk.outside_before && (disk.after - 0.9).abs() < 1e-12 && (disk.mean - 1_900.0 / 6_000.0).abs() < 1e-12);
}
