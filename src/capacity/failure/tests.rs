//! Known answers, and small clusters against every set of failures written out.

use proptest::prelude::*;

use super::*;
use crate::model::fixture::Fixture;
use crate::model::{BrokerState, Goal, LogDirState};

const GB: u64 = 1_000_000_000;

fn question(failures: &[(Domain, usize)]) -> Question {
    Question {
        failures: failures.to_vec(),
        method: Method::Auto,
        cases: 4_000,
        seed: 1,
        afr: None,
        repair_hours: 12.0,
        throttle_bytes_per_sec: 1e6,
    }
}

fn ask(snapshot: &Snapshot, question: &Question) -> FailureReport {
    failure(snapshot, &Policy::default(), question).unwrap()
}

/// Brokers 0…n−1 over three racks, two dirs each, and partitions with the replicas (broker, in sync).
fn cluster(brokers: i32, partitions: &[Vec<(i32, bool)>]) -> Snapshot {
    let mut fixture = Fixture::default();
    for id in 0..brokers {
        fixture = fixture
            .broker(id, ["a", "b", "c"][id as usize % 3], "", BrokerState::Alive)
            .dir(id, "/d0", 100 * GB, LogDirState::Online, 0)
            .dir(id, "/d1", 100 * GB, LogDirState::Online, 0);
    }
    for (number, replicas) in partitions.iter().enumerate() {
        let dir = |id: i32| ["/d0", "/d1"][(id as usize + number) % 2];
        let rows: Vec<(i32, &str, u64, bool)> = replicas.iter().map(|(id, sync)| (*id, dir(*id), GB, *sync)).collect();
        let leader = replicas.iter().find(|r| r.1).map_or(-1, |r| r.0);
        fixture = fixture.partition(("t", number as u32), leader, (1_000.0, 500.0), &rows);
    }
    fixture.build()
}

fn synced(brokers: &[i32]) -> Vec<(i32, bool)> {
    brokers.iter().map(|b| (*b, true)).collect()
}

/// Every partition's replicas on three brokers, going round.
fn ring(brokers: i32, partitions: i32) -> Snapshot {
    let replicas = |p: i32| synced(&[p % brokers, (p + 1) % brokers, (p + 1 + p / brokers % 4 + 1) % brokers]);
    cluster(brokers, &(0..partitions).map(replicas).collect::<Vec<_>>())
}

#[test]
fn the_mean_of_lost_partitions_is_that_of_the_formula_whatever_the_placement() {
    let snapshot = ring(12, 60);
    for k in 3..=5_u64 {
        let report = ask(&snapshot, &question(&[(Domain::Broker, k as usize)]));
        assert!(report.risk.is_exact);
        let ways = |n: u64, k: u64| chance::combinations(n, k).unwrap() as f64;
        let formula = 60.0 * ways(k, 3) / ways(12, 3);
        assert!((report.risk.mean.unwrap()[0] - formula).abs() < 1e-9, "{k}");
        let sampled = Question { method: Method::MonteCarlo, ..question(&[(Domain::Broker, k as usize)]) };
        assert!((ask(&snapshot, &sampled).risk.mean.unwrap()[0] - formula).abs() < 1e-9, "means need no sample");
    }
}

#[test]
fn as_many_failures_as_replicas_lose_something_as_often_as_there_are_copysets() {
    let snapshot = ring(12, 60);
    let report = ask(&snapshot, &question(&[(Domain::Broker, 3)]));
    let copysets = report.copysets.unwrap();
    assert_eq!(copysets.size, 3);
    assert!((copysets.p_any_lost - report.risk.any[0].p).abs() < 1e-12);
    assert!((copysets.possible - 220.0).abs() < 1e-9);
    // One permutation of twelve brokers cut into threes: four sets, and each broker has two companions.
    let least = copysets.alternatives[0];
    assert_eq!((least.permutations, least.scatter_width), (1, 2));
    assert!((least.p_any_lost - 4.0 / 220.0).abs() < 1e-12);
}

#[test]
fn wilsons_interval_of_a_sample_holds_the_exact_chance() {
    let snapshot = ring(14, 50);
    for k in 1..=4 {
        let exact = ask(&snapshot, &question(&[(Domain::Broker, k)])).risk;
        let sampled = Question { method: Method::MonteCarlo, ..question(&[(Domain::Broker, k)]) };
        let sampled = ask(&snapshot, &sampled).risk;
        assert!(exact.is_exact && !sampled.is_exact);
        for (exact, sampled) in exact.any.iter().zip(&sampled.any) {
            assert!((sampled.low - 1e-12..=sampled.high + 1e-12).contains(&exact.p), "{k}: {exact:?} {sampled:?}");
        }
    }
}

#[test]
fn cut_sets_tell_rare_chances_that_a_sample_would_miss() {
    // One partition among twenty brokers: three failures lose it once in 1,140.
    let snapshot = cluster(20, &[synced(&[3, 7, 11])]);
    let sampled = Question { method: Method::MonteCarlo, cases: 10, ..question(&[(Domain::Broker, 3)]) };
    let report = ask(&snapshot, &sampled);
    assert!((report.risk.any[0].p - 1.0 / 1_140.0).abs() < 1e-15 && report.risk.any[0].is_exact());
    // The search finds the case as well, which ten draws did not.
    assert_eq!(report.worst[0].failed, ["broker 3", "broker 7", "broker 11"]);
    assert_eq!(report.worst[0].tally, Tally { lost: 1, offline: 1, under_min_isr: 1 });
}

#[test]
fn the_answer_does_not_depend_on_threads() {
    let snapshot = ring(16, 80);
    let on = |threads: usize, method| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let asked = Question { method, ..question(&[(Domain::Broker, 4), (Domain::LogDir, 1)]) };
        pool.install(|| ask(&snapshot, &asked))
    };
    for method in [Method::Auto, Method::MonteCarlo] {
        assert_eq!(on(1, method), on(4, method));
    }
    let other = Question { seed: 2, method: Method::MonteCarlo, ..question(&[(Domain::Broker, 5)]) };
    assert_ne!(ask(&snapshot, &other).risk, ask(&snapshot, &Question { seed: 3, ..other.clone() }).risk);
}

#[test]
fn in_sync_replicas_and_min_isr_are_told_apart() {
    let mut snapshot = cluster(4, &[vec![(0, true), (1, true), (2, false)], synced(&[1, 2, 3])]);
    snapshot.topics[0].min_insync_replicas = Some(2);
    let report = ask(&snapshot, &question(&[(Domain::Broker, 2)]));
    // Of six pairs {0,1} takes the first partition offline, its third replica being behind.
    assert!((report.risk.any[1].p - 1.0 / 6.0).abs() < 1e-12 && report.risk.any[0].p == 0.0);
    // Under min ISR: the first when 0 or 1 fails, all pairs but {2,3}; the second with any pair of 1, 2, 3.
    assert!((report.risk.any[2].p - 1.0).abs() < 1e-12);
    assert_eq!(report.worst[0].failed, ["broker 0", "broker 1"]);
    assert_eq!(report.worst[0].tally, Tally { lost: 0, offline: 1, under_min_isr: 1 });
}

#[test]
fn what_has_failed_already_stays_failed_and_is_not_drawn() {
    let mut snapshot = cluster(4, &[vec![(0, false), (1, true)], synced(&[2, 3])]);
    snapshot.brokers[0].state = BrokerState::Down;
    let report = ask(&snapshot, &question(&[(Domain::Broker, 1)]));
    assert_eq!(report.draws, [Draw { domain: Domain::Broker, take: 1, of: 3 }]);
    assert_eq!((report.failed_before, report.before), ([1, 0], Tally::default()));
    assert_eq!(report.worst[0].failed, ["broker 1"]);
    assert_eq!(report.worst[0].tally.lost, 1, "its only other replica is on the broker that is down");
    let too_many = failure(&snapshot, &Policy::default(), &question(&[(Domain::Broker, 4)]));
    assert_eq!(too_many, Err(FailureError::TooMany { domain: Domain::Broker, asked: 4, present: 3 }));
    assert_eq!(failure(&snapshot, &Policy::default(), &question(&[])), Err(FailureError::NothingFails));
}

#[test]
fn racks_and_log_dirs_fail_too() {
    let snapshot = cluster(6, &[synced(&[0, 1, 2]), synced(&[0, 3, 1])]);
    let racks = ask(&snapshot, &question(&[(Domain::Rack, 2)]));
    assert_eq!((racks.risk.cases, racks.worst[0].failed.clone()), (3, vec!["rack a".to_owned(), "rack b".to_owned()]));
    assert_eq!(racks.worst[0].tally.lost, 1, "0 and 3 share rack a");
    let dirs = ask(&snapshot, &question(&[(Domain::LogDir, 3)]));
    assert_eq!(dirs.risk.cases, 220);
    assert!((dirs.risk.mean.unwrap()[0] - 2.0 / 220.0).abs() < 1e-12);
    assert_eq!(dirs.worst[0].failed, ["log dir 0:/d0", "log dir 1:/d1", "log dir 2:/d0"]);
    let incidents = dirs.incidents.unwrap();
    assert_eq!((incidents.units, incidents.afr.to_bits()), (12, DISK_AFR.to_bits()));
    assert!((incidents.at_once[0].per_year - 12.0 * DISK_AFR * poisson_at_least_zero(&incidents)).abs() < 1e-12);
    assert!(racks.incidents.is_none() && racks.not_evaluated.iter().any(|n| n.what == "incidents"));
}

/// P(N = 0), by its complement.
fn poisson_at_least_zero(incidents: &Incidents) -> f64 {
    1.0 - poisson_at_least(incidents.away_mean, 1)
}

#[test]
fn survivors_carry_leaders_and_lost_copies() {
    let mut snapshot = cluster(4, &[synced(&[0, 1, 2]), synced(&[3, 1, 2])]);
    for broker in &mut snapshot.brokers {
        broker.network_in_capacity_bytes_per_sec = Some(10_000.0);
        broker.network_out_capacity_bytes_per_sec = Some(10_000.0);
    }
    let report = ask(&snapshot, &question(&[(Domain::Broker, 1)]));
    // All single failures are alike in partitions, so that the first counts: broker 0, whose leadership goes to 1.
    assert_eq!(report.worst[0].failed, ["broker 0"]);
    let used = |goal: Goal| report.worst[0].survivors.uses.iter().find(|u| u.goal == goal).unwrap();
    // Broker 1 now leads the first partition for one follower: 500 to consumers, 1,000 to broker 2. Broker 3 leads the
    // second for two followers and sends more.
    assert!((used(Goal::NetworkOut).utilization_max.unwrap() - 0.25).abs() < 1e-12);
    assert!((used(Goal::NetworkIn).utilization_max.unwrap() - 0.2).abs() < 1e-12);
    // One gigabyte spread over 198 + 198 + 199 free: brokers 1 and 2 end at 2 + 198/595.
    let disk = (2.0 + 198.0 / 595.0) / 200.0;
    assert!((used(Goal::Disk).utilization_max.unwrap() - disk).abs() < 1e-12);
    assert!(used(Goal::Cpu).utilization_max.is_none());
    assert!(report.not_evaluated.iter().any(|n| n.what == "survivors.cpu"));
    // Broker 1, which leads now, sends the gigabyte: 1,000 seconds at 1 MB/s.
    assert!((report.worst[0].survivors.exposed_hours.unwrap() - 1_000.0 / 3_600.0).abs() < 1e-9);
}

#[test]
fn every_worst_case_has_survivors_that_copy_at_what_their_networks_leave() {
    let mut snapshot = cluster(4, &[synced(&[0, 1, 2]), synced(&[3, 1, 2])]);
    for broker in &mut snapshot.brokers {
        broker.network_in_capacity_bytes_per_sec = Some(100e6);
        broker.network_out_capacity_bytes_per_sec = Some(100e6);
    }
    let asked = |throttle| Question { throttle_bytes_per_sec: throttle, ..question(&[(Domain::Broker, 1)]) };
    let free = ask(&snapshot, &asked(1e9));
    assert_eq!(free.worst.len(), 4, "every single failure is among the worst");
    for case in &free.worst {
        assert!(case.survivors.uses.iter().any(|used| used.utilization_max.is_some()), "{:?}", case.failed);
        assert!(case.survivors.copied_bytes > 0.0 && case.survivors.exposed_hours.is_some());
    }
    // Broker 1 leads after broker 0 and sends the gigabyte; it sends 1,500 B/s already: 0.9 · (0.8 · 100 MB/s − that).
    let rate = free.worst[0].survivors.slowest.unwrap();
    let left = 0.9 * (80e6 - 1_500.0);
    assert_eq!((rate.broker.row(), rate.goal, rate.bound), (1, Goal::NetworkOut, RateBound::Headroom));
    assert!((rate.bytes_per_sec - left).abs() < 1e-6);
    assert!((free.worst[0].survivors.exposed_hours.unwrap() - 1e9 / left / 3_600.0).abs() < 1e-12);
    let throttled = ask(&snapshot, &asked(20e6)).worst[0].survivors.clone();
    assert_eq!(throttled.slowest.unwrap().bound, RateBound::Throttle);
    assert!((throttled.exposed_hours.unwrap() - 50.0 / 3_600.0).abs() < 1e-12);
    for broker in &mut snapshot.brokers {
        broker.network_out_capacity_bytes_per_sec = Some(1_000.0);
    }
    let full = ask(&snapshot, &asked(1e9)).worst[0].survivors.slowest.unwrap();
    assert_eq!((full.bound, full.bytes_per_sec), (RateBound::Floor, 10e6), "what never ends protects nobody");
}

#[test]
fn the_riskiest_partitions_are_named_with_what_helps_and_its_price() {
    // The first has both replicas in rack a, the second is spread: only a move of the first helps.
    let snapshot = cluster(6, &[synced(&[0, 3]), synced(&[1, 2])]);
    let remedies = ask(&snapshot, &question(&[(Domain::Rack, 1)])).remedies.unwrap();
    assert_eq!((remedies.list.len(), remedies.bytes), (1, GB));
    let risky = &remedies.list[0];
    assert_eq!((risky.partition.as_str(), risky.worst_cases, risky.worst_cases_after), ("t-0", 1, 0));
    let Remedy::Move { from, to } = risky.remedy else { unreachable!("{:?}", risky.remedy) };
    assert_eq!(snapshot.racks[snapshot.broker(from).rack.unwrap().row()], "a");
    assert_ne!(snapshot.broker(to).rack, snapshot.broker(from).rack);
    assert!((risky.chance[0] - 1.0 / 3.0).abs() < 1e-12 && risky.chance_after[0] == 0.0);
    assert_eq!(remedies.worst_after[0], Tally { lost: 0, offline: 0, under_min_isr: 0 });
}

#[test]
fn what_is_behind_is_healed_and_what_is_alone_gets_company() {
    let snapshot = cluster(6, &[vec![(0, true), (1, false), (2, true)], synced(&[3]), synced(&[3, 4, 5])]);
    let remedies = ask(&snapshot, &question(&[(Domain::Broker, 1)])).remedies.unwrap();
    let alone = &remedies.list[0];
    assert_eq!((alone.partition.as_str(), alone.bytes), ("t-1", GB));
    assert!(matches!(alone.remedy, Remedy::Add { .. }) && alone.chance[0] > 0.0 && alone.chance_after[0] == 0.0);
    // One failure cannot take a partition with two in sync: two can.
    let two = ask(&snapshot, &question(&[(Domain::Broker, 2)])).remedies.unwrap();
    let behind = two.list.iter().find(|risky| risky.partition == "t-0").unwrap();
    assert_eq!((behind.remedy, behind.bytes), (Remedy::Heal, GB));
    assert!((behind.chance[1] - 1.0 / 15.0).abs() < 1e-12 && behind.chance_after[1] == 0.0);
}

#[test]
fn partitions_that_share_a_copyset_are_moved_apart() {
    let snapshot = cluster(6, &[synced(&[0, 1, 2]), synced(&[0, 1, 2]), synced(&[3, 4, 5])]);
    let report = ask(&snapshot, &question(&[(Domain::Broker, 3)]));
    let remedies = report.remedies.unwrap();
    assert_eq!(report.worst[0].tally.lost, 2);
    let shared: Vec<&RiskyPartition> = remedies.list.iter().filter(|risky| risky.partition != "t-2").collect();
    // No move changes a partition's own chance; it leaves the case that takes both.
    assert!(!shared.is_empty() && shared.iter().all(|risky| risky.chance[0] == risky.chance_after[0]));
    assert!(remedies.worst_after[0].lost < 2, "{remedies:?}");
}

/// What a case leaves, counted without any table.
fn by_hand(snapshot: &Snapshot, failed: &[String]) -> [u64; 3] {
    let mut counts = [0; 3];
    for p in snapshot.partition_indices() {
        let row = snapshot.partition(p);
        let gone = |replica: &&crate::model::Replica| {
            let broker = snapshot.broker(replica.broker);
            let dir = replica.log_dir.map(|d| snapshot.log_dir(d));
            let names = [
                Some(format!("broker {}", broker.id)),
                dir.map(|d| format!("log dir {}:{}", broker.id, d.path)),
                broker.rack.map(|r| format!("rack {}", snapshot.racks[r.row()])),
            ];
            matches!(broker.state, BrokerState::Down | BrokerState::Dead)
                || dir.is_some_and(|d| d.state == LogDirState::Offline)
                || names.into_iter().flatten().any(|name| failed.contains(&name))
        };
        let left: Vec<_> = snapshot.replicas_of(p).iter().filter(|r| !gone(r)).collect();
        let in_sync = left.iter().filter(|r| r.in_sync).count() as u32;
        let min_isr = snapshot.topic(row.topic).min_insync_replicas.unwrap_or(1);
        let verdict = [left.is_empty(), in_sync == 0, in_sync < min_isr];
        counts.iter_mut().zip(verdict).for_each(|(count, holds)| *count += u64::from(holds));
    }
    counts
}

/// The names of everything that can fail, by domain.
fn names(snapshot: &Snapshot, domain: Domain) -> Vec<String> {
    let units = Units::of(snapshot, &[(domain, 1)]);
    units.units.iter().map(|unit| unit.name.clone()).collect()
}

fn clusters() -> impl Strategy<Value = Snapshot> {
    let replicas = proptest::sample::subsequence((0..6).collect::<Vec<i32>>(), 1..=3);
    let partition = (replicas, proptest::collection::vec(any::<bool>(), 3));
    let partitions = proptest::collection::vec(partition, 1..8);
    (partitions, proptest::option::of(0_u32..4), 0..6_usize, 0..12_usize).prop_map(|(rows, min_isr, broker, dir)| {
        let rows: Vec<Vec<(i32, bool)>> =
            rows.into_iter().map(|(ids, sync)| ids.into_iter().zip(sync).collect()).collect();
        let mut snapshot = cluster(6, &rows);
        snapshot.topics[0].min_insync_replicas = min_isr;
        let states = BrokerState::ALL;
        snapshot.brokers[broker].state = states[broker % states.len()];
        snapshot.log_dirs[dir].state = if dir % 2 == 0 { LogDirState::Offline } else { LogDirState::Cordoned };
        snapshot
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(25))]

    #[test]
    fn enumeration_is_every_set_written_out(
        snapshot in clusters(), brokers in 0..3_usize, dirs in 0..3_usize, racks in 0..2_usize,
    ) {
        let takes = [(Domain::Broker, brokers), (Domain::LogDir, dirs), (Domain::Rack, racks)];
        prop_assume!(brokers + dirs + racks > 0);
        let report = ask(&snapshot, &question(&takes));
        prop_assert!(report.risk.is_exact);
        let pools: Vec<(Vec<String>, usize)> =
            takes.iter().filter(|t| t.1 > 0).map(|(domain, take)| (names(&snapshot, *domain), *take)).collect();
        let mut sets: Vec<Vec<String>> = vec![Vec::new()];
        for (pool, take) in &pools {
            let masks = (0..1_u32 << pool.len()).filter(|m| m.count_ones() as usize == *take);
            let subsets: Vec<Vec<String>> = masks
                .map(|m| (0..pool.len()).filter(|i| m >> i & 1 == 1).map(|i| pool[i].clone()).collect())
                .collect();
            sets = sets.iter().flat_map(|set| subsets.iter().map(move |more| [&set[..], more].concat())).collect();
        }
        let counts: Vec<[u64; 3]> = sets.iter().map(|set| by_hand(&snapshot, set)).collect();
        prop_assert_eq!(report.risk.cases, sets.len() as u64);
        let sampled = Question { method: Method::MonteCarlo, cases: 10, ..question(&takes) };
        let sampled = ask(&snapshot, &sampled);
        for slot in 0..3 {
            let any = counts.iter().filter(|c| c[slot] > 0).count() as f64 / counts.len() as f64;
            let mean = counts.iter().map(|c| c[slot]).sum::<u64>() as f64 / counts.len() as f64;
            prop_assert!((report.risk.any[slot].p - any).abs() < 1e-12);
            prop_assert!((report.risk.mean.unwrap()[slot] - mean).abs() < 1e-9);
            prop_assert!((sampled.risk.mean.unwrap()[slot] - mean).abs() < 1e-9, "the formula");
            let chance = sampled.risk.any[slot];
            prop_assert!(!chance.is_exact() || (chance.p - any).abs() < 1e-12, "cut sets: {:?} {}", chance, any);
        }
        let worst = counts.iter().max().unwrap();
        prop_assert_eq!(report.worst[0].tally.figures(), *worst);
        prop_assert_eq!(by_hand(&snapshot, &report.worst[0].failed), *worst);
        let remedies = report.remedies.unwrap();
        prop_assert_eq!(remedies.bytes, remedies.list.iter().map(|risky| risky.bytes).sum::<u64>());
        for risky in &remedies.list {
            let pairs = || risky.chance.iter().zip(risky.chance_after);
            prop_assert!(pairs().all(|(p, after)| (0.0..=1.0 + 1e-12).contains(p) && (0.0..=1.0 + 1e-12).contains(&after)));
            let first_change = pairs().find(|(p, after)| (*p - after).abs() > 1e-9);
            prop_assert!(first_change.is_none_or(|(p, after)| after < *p), "a remedy never raises the worst risk");
            prop_assert!(first_change.is_some() || risky.worst_cases_after < risky.worst_cases);
        }
    }

    #[test]
    fn more_failures_are_never_less_likely_to_do_harm(snapshot in clusters(), domain in 0..3_usize) {
        let Ok(report) = failure(&snapshot, &Policy::default(), &question(&[(Domain::ALL[domain], 1)])) else {
            return Ok(());
        };
        for (less, more) in report.curve.iter().zip(report.curve.iter().skip(1)) {
            for slot in 0..3 {
                let (p, next) = (less.risk.any[slot].p, more.risk.any[slot].p);
                prop_assert!((0.0..=1.0).contains(&p) && next >= p - 1e-12, "{p} then {next}");
                let means = [less, more].map(|point| point.risk.mean.unwrap()[slot]);
                prop_assert!(means[1] >= means[0] - 1e-12);
            }
        }
    }
}
