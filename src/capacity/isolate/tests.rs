//! Known answers for needs, assignments and shares of racks.

use super::assign::shares;
use super::*;
use crate::ingest::scenario::classes::parse;
use crate::model::fixture::Fixture;
use crate::model::history::{Series, Subject};
use crate::model::{BrokerState, LogDirState, Metric, Placement, Rule};
use crate::verify::assess;
use std::path::Path;

const GB: u64 = 1_000_000_000;

/// Six brokers of 1,000 GB in three racks; `log` holds most on 1–3, `pay` on 4–6.
fn cluster() -> Snapshot {
    let mut fixture = Fixture::default();
    for id in 1..=6 {
        let rack = ["a", "b", "c"][(id as usize - 1) % 3];
        fixture = fixture.broker(id, rack, "", BrokerState::Alive).dir(id, "/d", 1000 * GB, LogDirState::Online, 0);
    }
    let on = |brokers: &[i32], gb: u64| brokers.iter().map(|&b| (b, "/d", gb * GB, true)).collect::<Vec<_>>();
    fixture
        .partition(("log.a", 0), 1, (1e6, 1e6), &on(&[1, 2, 3], 500))
        .partition(("log.b", 0), 4, (1e6, 1e6), &on(&[4, 2, 3], 20))
        .partition(("pay.a", 0), 5, (1e6, 0.0), &on(&[5, 6], 300))
        .build()
}

const CLASSES: &str = "[[classes]]\nname = \"log\"\npatterns = [\"log.*\"]\n\
                       [[classes]]\nname = \"pay\"\npatterns = [\"pay.*\"]\nheadroom = 1.0\nlimits = { disk = 0.5 }\n";

fn isolated(snapshot: &Snapshot, text: &str) -> Isolation {
    let classes = parse(Path::new("c.toml"), text).unwrap();
    let class_of_topic = classes.assign(snapshot).unwrap();
    isolate(snapshot, &Policy::default(), &classes, class_of_topic, None)
}

#[test]
fn needs_are_load_over_what_may_be_used_of_the_smallest_broker() {
    let found = isolated(&cluster(), CLASSES);
    let (log, pay) = (&found.classes[0], &found.classes[1]);
    // log: 1,560 GB at 0.8 of 1,000 GB; its factor of 3 decides. pay: 600 GB twice at 0.5 of 1,000 GB.
    assert_eq!((log.needs[0].load, log.needs[0].brokers), (1560e9, Some(2)));
    assert_eq!((log.brokers, log.brokers_n_minus_1, log.binding), (3, 3, "replication_factor"));
    assert_eq!((pay.needs[0].load, pay.needs[0].limit, pay.needs[0].brokers), (1200e9, 0.5, Some(3)));
    assert_eq!((pay.brokers, pay.brokers_n_minus_1, pay.binding), (3, 4, "disk"));
    // Shared: 2,160 GB at 800 GB a broker.
    assert_eq!((found.shared.brokers, found.shared.brokers_n_minus_1), (3, 4));
    assert_eq!((found.brokers_needed, found.extra_brokers, found.brokers_missing), (7, 3, 1));
    assert_eq!(found.sum_of_peaks[0], (Goal::Disk, 2160e9));
    assert_eq!(found.peak_of_sums, None);
    assert!(found.not_evaluated.iter().any(|entry| entry.what == "peak_of_sums"));
    assert!(found.not_evaluated.iter().any(|entry| entry.what == "network_in"), "no capacities are known");
}

#[test]
fn brokers_go_to_the_class_that_fills_them_already() {
    let snapshot = cluster();
    let found = isolated(&snapshot, CLASSES);
    let assignment = assign(&snapshot, &found).unwrap();
    assert!(!assignment.survives_loss, "seven would be needed");
    assert_eq!(assignment.class_of_broker, [0, 0, 0, 1, 1, 1].map(Some));
    assert_eq!(assignment.quotas, [3, 3]);
    // All but log.b's replica on broker 4.
    assert_eq!((assignment.resident_bytes, assignment.total_bytes), (2140 * GB, 2160 * GB));
    let names = ["log".to_owned(), "pay".to_owned()];
    let regrouped = regroup(&snapshot, &names, &found.class_of_topic, &assignment);
    let judged = assess(&regrouped, &Policy::default(), &Placement::of(&regrouped));
    assert_eq!(judged.hard_count(Rule::ResourceGroup), 1, "the replica on broker 4 is to leave");
}

#[test]
fn with_too_few_brokers_there_is_no_assignment() {
    let snapshot = cluster();
    let text = CLASSES.replace("headroom = 1.0", "headroom = 3.0");
    let found = isolated(&snapshot, &text);
    assert_eq!((found.classes[1].brokers, found.brokers_missing), (5, 3));
    assert_eq!(assign(&snapshot, &found), None);
}

#[test]
fn unequal_brokers_are_counted_from_the_smallest() {
    let of = |load: f64, sizes: &[f64]| brokers_for(load, 0.5, &sizes.iter().map(|&s| (s, 0.0)).collect::<Vec<_>>());
    assert_eq!(of(10.0, &[10.0, 10.0, 10.0]), Some(2));
    assert_eq!(of(10.0, &[4.0, 20.0, 10.0]), Some(3), "2 + 5 are not enough, 2 + 5 + 10 are");
    assert_eq!(of(7.0, &[4.0, 20.0, 10.0]), Some(2), "2 + 5 are just enough");
    assert_eq!(of(29.0, &[4.0, 20.0, 10.0]), Some(6), "17 there are; 12 more at a mean of 17 ÷ 3 take three");
    assert_eq!((of(0.0, &[4.0, 20.0]), of(1.0, &[])), (Some(0), None));
    assert_eq!(brokers_for(1.0, 0.5, &[(10.0, 6.0)]), None, "others use all that may be used");
    assert_eq!(brokers_for(8.0, 0.5, &[(10.0, 1.0), (10.0, 1.0)]), Some(2));
}

#[test]
fn racks_are_shared_out_so_that_no_class_lacks_one() {
    assert_eq!(shares(&[3, 5], &[3, 3, 2]), [[1, 1, 1], [2, 2, 1]]);
    assert_eq!(shares(&[2, 2], &[4]), [[2], [2]]);
}

/// A series of a topic: values from `start` on, an hour apart.
fn hourly(metric: Metric, topic: &str, start: i64, values: &[f64]) -> Series {
    let times_sec = (start..).take(values.len()).map(|hour| hour * 3_600).collect();
    Series {
        metric,
        subject: Subject { broker_id: None, topic: Some(topic.to_owned()) },
        times_sec,
        values: values.to_vec(),
    }
}

#[test]
fn classes_that_peak_at_different_times_need_less_together() {
    let snapshot = cluster();
    let classes = parse(Path::new("c.toml"), CLASSES).unwrap();
    let of = |series: Vec<Series>| {
        let class_of_topic = classes.assign(&snapshot).unwrap();
        isolate(&snapshot, &Policy::default(), &classes, class_of_topic, Some(&History { series }))
    };
    let rates = || {
        vec![
            hourly(Metric::BytesIn, "log.a", 0, &[10.0, 1.0, 1.0]),
            hourly(Metric::BytesIn, "log.b", 1, &[4.0, 2.0]),
            hourly(Metric::BytesIn, "pay.a", 0, &[1.0, 1.0, 20.0, 99.0]),
        ]
    };
    let found = of(rates());
    // log, three replicas each: 10, 1 + 4, 1 + 2, so 30; its topics' own peaks are 10 and 4, so 42. pay, two replicas: 20
    // at the third hour, for at the fourth log has no value. Together: 32, 17, 49.
    let peaks = |sum_of_peaks, peak_of_sums| Peaks { goal: Goal::NetworkIn, sum_of_peaks, peak_of_sums };
    assert_eq!(found.classes[0].peaks, [peaks(42.0, 30.0)]);
    assert_eq!(found.classes[1].peaks[0], peaks(198.0, 198.0), "alone, it has all four hours");
    assert_eq!(found.classes[1].peaks.len(), 2, "nobody reads pay, so that network_out takes no bytes_out_per_sec");
    assert_eq!(found.peak_of_sums, Some(vec![(Goal::NetworkIn, 49.0)]));
    assert_eq!(found.sum_of_peaks[1], (Goal::NetworkIn, 30.0 + 40.0), "at the three hours that all have");
    assert_eq!(found.sum_of_peaks[0], (Goal::Disk, 2160e9), "no series, so the snapshot's");
    let why = |found: &Isolation, what: &str| {
        found.not_evaluated.iter().find(|entry| entry.what == what).map(|entry| entry.why.clone()).unwrap()
    };
    let disk = "3 of 3 topics with such a load have no size_bytes by topic in the history, log.a first";
    assert_eq!(why(&found, "peak_of_sums.disk"), disk);
    let mut apart = rates();
    apart[2] = hourly(Metric::BytesIn, "pay.a", -9, &[1.0]);
    let found = of(apart);
    assert_eq!(found.peak_of_sums, None);
    assert_eq!(why(&found, "peak_of_sums.network_in"), "there is no time at which all topics have a value");
}

#[test]
fn neighbours_are_noisy_by_what_they_are_of_the_moment_that_all_share() {
    let mut snapshot = cluster();
    // pay.a moves in with log.b on broker 4.
    let row = snapshot.replicas.iter().position(|replica| snapshot.broker(replica.broker).id == 6).unwrap();
    snapshot.replicas[row].broker = snapshot.broker_by_id(4).unwrap();
    let classes = parse(Path::new("c.toml"), CLASSES).unwrap();
    let class_of_topic = classes.assign(&snapshot).unwrap();
    let series = vec![
        hourly(Metric::BytesIn, "log.a", 0, &[10.0, 1.0, 1.0]),
        hourly(Metric::BytesIn, "log.b", 0, &[0.0, 4.0, 2.0]),
        hourly(Metric::BytesIn, "pay.a", 0, &[40.0, 1.0, 20.0]),
    ];
    let history = History { series };
    let found = isolate(&snapshot, &Policy::default(), &classes, class_of_topic.clone(), Some(&history));
    let peak = found.shared_peaks.iter().find(|peak| peak.goal == Goal::NetworkIn).unwrap();
    // Three replicas of log, two of pay: 30 + 0 + 80 at the first hour, 49 at the third.
    assert_eq!((peak.time_sec, peak.load), (Some(0), 110.0));
    assert_eq!(peak.classes[0], Part { load: 30.0, share: 30.0 / 110.0, coincidence: Some(1.0) });
    assert_eq!(peak.topics.len(), 1, "log.a shares no broker with another class, log.b has nothing then: {peak:?}");
    let noisy = &peak.topics[0];
    assert_eq!((snapshot.topic(noisy.topic).name.as_str(), noisy.class), ("pay.a", 1));
    assert_eq!((&noisy.neighbours[..], noisy.brokers_shared), (&[0_usize][..], 1));
    assert_eq!(noisy.part, Part { load: 80.0, share: 80.0 / 110.0, coincidence: Some(1.0) });
    // Sizes have no series: the snapshot's stand in, and no time is known.
    let disk = found.shared_peaks.iter().find(|peak| peak.goal == Goal::Disk).unwrap();
    assert_eq!((disk.time_sec, disk.load), (None, 2160e9));
    assert!(disk.topics.iter().all(|noisy| noisy.part.coincidence.is_none()));
    let names: Vec<&str> = disk.topics.iter().map(|noisy| snapshot.topic(noisy.topic).name.as_str()).collect();
    assert_eq!(names, ["pay.a", "log.b"], "most load first");
    let stated = isolate(&snapshot, &Policy::default(), &classes, class_of_topic, None);
    assert!(stated.shared_peaks.iter().all(|peak| peak.time_sec.is_none()) && stated.shared_peaks.len() == 3);
}

#[test]
fn a_classs_own_limit_is_searched_for_and_looked_at_afterwards() {
    // 13, 12, 12 and 11 partitions of 40 GB on brokers of 1,000 GB: 52 % is within the band around 48 %.
    let mut fixture = Fixture::default();
    for id in 1..=4 {
        fixture = fixture.broker(id, "", "pay", BrokerState::Alive).dir(id, "/d", 1000 * GB, LogDirState::Online, 0);
    }
    fixture = fixture.topic("pay.a", "pay");
    let brokers = [(1, 13), (2, 12), (3, 12), (4, 11)].into_iter().flat_map(|(id, count)| vec![id; count]);
    for (number, id) in (0..).zip(brokers) {
        fixture = fixture.partition(("pay.a", number), id, (0.0, 0.0), &[(id, "/d", 40 * GB, true)]);
    }
    let snapshot = fixture.build();
    let text = "[[classes]]\nname = \"pay\"\npatterns = [\"pay.*\"]\nlimits = { disk = 0.5, cpu = 0.99 }\n";
    let classes = parse(Path::new("c.toml"), text).unwrap();
    let policy = with_class_limits(&Policy::default(), &classes);
    let limits = &policy.group_limits["pay"];
    assert_eq!((limits.disk, limits.cpu, limits.network_in), (0.5, 0.70, 0.80), "never wider than the policy's");
    let solve = |policy: &Policy| {
        let environment = crate::optimize::Environment { expired: &|| false, progress: &|_, _| () };
        let options = crate::optimize::Options { seed: 0, effort: crate::optimize::Effort::Quick };
        crate::optimize::optimize(&snapshot, policy, &options, &environment).placement
    };
    let disk = |policy: &Policy| class_limits(&snapshot, &classes, &solve(policy))[0].clone();
    let (without, with) = (disk(&Policy::default()), disk(&policy));
    assert_eq!((without.goal, without.is_kept()), (Goal::Disk, Some(false)), "{without:?}");
    assert_eq!(with.is_kept(), Some(true), "{with:?}");
    let cpu = &class_limits(&snapshot, &classes, &solve(&policy))[1];
    assert_eq!((cpu.goal, cpu.busiest, cpu.is_kept()), (Goal::Cpu, None, None), "what is not known is not kept");
}
