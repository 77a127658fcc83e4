//! The fluid simulation against arithmetic, and against durations measured on Kafka 4.3 (six brokers, a topic of 200
//! partitions, replication factor 2, 300 MB on leaders).

use super::*;

const MB: f64 = 1e6;

/// Flows of (leader, receiver, bytes, bytes/s written, bytes/s followed).
fn pace(flows: &[(usize, usize, f64, f64, f64)]) -> Pace {
    let flow = |&(from, to, bytes, written, followed): &(usize, usize, f64, f64, f64)| {
        ((BrokerIdx::new(from), BrokerIdx::new(to)), Flow { copies: 20.0, bytes, written, followed })
    };
    Pace { flows: flows.iter().map(flow).collect(), ..Pace::default() }
}

/// `leaders` that send `mb_in` in all to each of `receivers`.
fn spread(leaders: usize, receivers: usize, mb_in: f64, written_mb: f64) -> Pace {
    let share = 1.0 / leaders as f64;
    let flow = |i: usize| {
        let written = written_mb * MB * share;
        (i % leaders, 10 + i / leaders, mb_in * MB * share, written, written)
    };
    pace(&(0..leaders * receivers).map(flow).collect::<Vec<_>>())
}

fn fluid(pace: &Pace, throttle: f64) -> Option<f64> {
    between_brokers(pace, throttle, Run { burst_bytes: 0.0, fades: false })
}

#[test]
fn flows_share_quotas_fairly_and_speed_up_when_others_end() {
    // Both flows leave broker 0 at 5 each; the small one ends after 4 s, then the large one has 10.
    let both = pace(&[(0, 1, 20.0, 0.0, 0.0), (0, 2, 60.0, 0.0, 0.0)]);
    assert!((fluid(&both, 10.0).unwrap() - 8.0).abs() < 1e-9);
    // 0→2 and 1→2 share broker 2's quota, 1→3 takes what 1→2 leaves of broker 1's: 5, 5 and 5 at first.
    let chain = pace(&[(0, 2, 50.0, 0.0, 0.0), (1, 2, 50.0, 0.0, 0.0), (1, 3, 50.0, 0.0, 0.0)]);
    assert!((fluid(&chain, 10.0).unwrap() - 10.0).abs() < 1e-9);
}

#[test]
fn what_is_written_is_copied_and_what_followers_read_takes_quota() {
    assert!((fluid(&pace(&[(0, 1, 100.0, 5.0, 0.0)]), 10.0).unwrap() - 20.0).abs() < 1e-9);
    assert!((fluid(&pace(&[(0, 1, 100.0, 0.0, 5.0)]), 10.0).unwrap() - 20.0).abs() < 1e-9);
    assert_eq!(fluid(&pace(&[(0, 1, 100.0, 10.0, 0.0)]), 10.0), None);
}

#[test]
fn eleven_terabytes_a_broker_take_87_hours_where_15_of_50_mb_are_written_meanwhile() {
    let hours = fluid(&pace(&[(0, 1, 11e12, 15.0 * MB, 0.0)]), 50.0 * MB).unwrap() / 3_600.0;
    // 11 TB ÷ 35 MB/s; without what is written it would be 61.
    assert!((hours - 87.3).abs() < 0.05, "{hours}");
}

#[test]
fn what_is_written_fades_as_partitions_end_and_not_before() {
    let seconds = |copies: f64| {
        let flow = Flow { copies, bytes: 100.0, written: 5.0, followed: 0.0 };
        let pace = Pace { flows: [((BrokerIdx::new(0), BrokerIdx::new(1)), flow)].into(), ..Pace::default() };
        between_brokers(&pace, 10.0, Run { burst_bytes: 0.0, fades: true }).unwrap()
    };
    assert!((seconds(1.0) - 20.0).abs() < 1e-9, "one partition is written to until its end");
    // Two, one after the other: 50 at 10 − 5, 50 at 10 − 2.5.
    assert!((seconds(2.0) - (10.0 + 50.0 / 7.5)).abs() < 1.0, "{}", seconds(2.0));
    // Many: b/w · ln(T ÷ (T − w)).
    assert!((seconds(1e6) - 20.0 * 2.0_f64.ln()).abs() < 0.5, "{}", seconds(1e6));
}

/// Whether `measured` seconds are within the interval at `throttle_mb`.
fn check(pace: &Pace, throttle_mb: f64, response_bytes: f64, measured: f64) {
    let durations = simulate_with(pace, throttle_mb * MB, response_bytes).first();
    let (p10, p90) = (durations.p10.unwrap(), durations.p90.unwrap());
    assert!(p10 <= measured && measured <= p90, "measured {measured}, predicted {durations:?}");
    assert!(durations.p10 <= durations.p50 && durations.p50 <= durations.p90, "{durations:?}");
    // The middle is nearer to what was measured than bytes ÷ throttle − 50 %.
    let middle = durations.p50.unwrap();
    assert!((middle / measured - 1.0).abs() < 0.35, "measured {measured}, predicted {durations:?}");
}

#[test]
fn measured_durations_are_within_the_predicted_span() {
    let default = FETCH_RESPONSE_MAX_BYTES;
    // A: 200 partitions to two receivers, 155.2 MB each, 5 MB/s.
    check(&spread(4, 2, 155.2, 0.0), 5.0, default, 25.2);
    // B: 100 partitions to one receiver, 3 MB/s.
    check(&spread(5, 1, 155.2, 0.0), 3.0, default, 44.1);
    // C: 50 partitions from one leader to four receivers, 80 MB out, 2 MB/s.
    check(&spread(1, 4, 20.0, 0.0), 2.0, default, 22.5);
    // E: B with 3 MB/s written to the topic, half of it to the partitions that move.
    check(&spread(5, 1, 155.2, 1.5), 3.0, default, 72.8);
    // F: 100 partitions from two leaders to one receiver, 2.5 MB/s.
    check(&spread(2, 1, 320.5, 0.0), 2.5, default, 107.0);
    // A2 and B2: the same as A and B with replica.fetch.response.max.bytes of 1 MiB.
    check(&spread(4, 2, 166.5, 0.0), 5.0, 1_048_576.0, 35.5);
    check(&spread(5, 1, 166.5, 0.0), 3.0, 1_048_576.0, 57.3);
}

#[test]
fn a_measured_move_between_dirs_is_within_the_predicted_span() {
    let flow = Flow { copies: 10.0, bytes: 101.3 * MB, ..Flow::default() };
    let pace = Pace { log_dirs: [(BrokerIdx::new(0), flow)].into(), ..Pace::default() };
    check(&pace, 3.0, FETCH_RESPONSE_MAX_BYTES, 37.4);
}

#[test]
fn a_throttle_below_what_followers_read_never_ends() {
    // H: 1 MB/s, and 1 MB/s written per leader to the partitions that move; 14.7 MB came in 42 s, then it was cancelled.
    let pace = pace(&[(0, 10, 155.2 * MB, MB, MB), (1, 10, 155.2 * MB, MB, MB)]);
    assert_eq!(simulate(&pace, MB), Runs::default());
    assert_eq!(simulate(&pace, MB).next(), Durations::default());
    assert!(simulate(&pace, 8.0 * MB).first().p90.is_some());
}

#[test]
fn many_flows_end_when_the_busiest_quota_is_done() {
    let flows: Vec<_> = (0..1_600).map(|i| (i % 40, 40 + i / 40, 1e9 + i as f64 * 1e5, 0.0, 0.0)).collect();
    let run = Run { burst_bytes: 0.0, fades: false };
    let pace = pace(&flows);
    let busiest = busiest_quota(&pace, 1e8, run).unwrap();
    assert!((busiest - pace.estimate(1e8).seconds.unwrap()).abs() < 1e-6);
    let followed = fluid(&pace, 1e8).unwrap();
    assert!(followed >= busiest * 0.999 && followed < busiest * 1.1, "{followed} {busiest}");
}

#[test]
fn a_single_partition_is_followed_to_its_end_in_one_step_and_two_in_two() {
    let steps = |copies: f64| {
        let run = Run { burst_bytes: 0.0, fades: true };
        let flow = Flow { copies, bytes: 100.0, written: 5.0, followed: 0.0 };
        let (mut streams, quotas) = streams([((BrokerIdx::new(0), BrokerIdx::new(1)), &flow)].into_iter(), run);
        let mut steps = 0;
        while streams[0].rest > 1e-6 * flow.bytes {
            share_quotas(&mut streams, quotas, 10.0, run);
            advance(&mut streams, run).unwrap();
            steps += 1;
        }
        steps
    };
    assert_eq!((steps(1.0), steps(2.0), steps(1e6)), (1, 2, 20));
}

#[test]
fn a_batch_right_after_another_may_wait_for_the_quotas_window_and_many_wait_once() {
    // 60 MB at 1 MB/s, from one leader to one receiver; fetches so small that bursts do not count.
    let runs = simulate_with(&pace(&[(0, 1, 60.0 * MB, 0.0, 0.0)]), MB, 0.0);
    let (first, next, among) = (runs.first(), runs.next(), runs.among_many());
    let seconds = |durations: Durations| [durations.p10, durations.p50, durations.p90].map(Option::unwrap);
    let near = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(near(seconds(first), [57.0 - 11.0 + 1.0, 60.0 - 5.5 + 2.0, 64.2 + 5.0]), "{first:?}");
    assert!(near(seconds(next), [57.0 - 11.0 + 1.0, 60.0 + 2.0, 64.2 + 11.0 + 5.0]), "{next:?}");
    assert!(near(seconds(among), [57.0 + 1.0, 60.0 + 2.0, 64.2 + 5.0]), "{among:?}");
    // Elections alone wait for no quota.
    assert_eq!(seconds(simulate(&Pace::default(), MB).next()), OVERHEAD_SECONDS);
}

#[test]
fn batches_measured_one_after_another_are_within_their_spans() {
    // Kafka 4.3, one leader, 1 MB/s a broker, fetches of 256 KiB, one batch right after the other: 10.5 MB three times,
    // then 4.5 and 3 MB. The first passed as credit; the last was through only when the window had room again.
    let runs = |bytes: f64| simulate_with(&pace(&[(0, 1, bytes, 0.0, 0.0)]), MB, 262_144.0);
    let measured =
        [(10_507_938.0, 0.6), (10_507_938.0, 11.3), (10_507_938.0, 11.1), (4_503_402.0, 2.0), (3_002_268.0, 9.4)];
    for (row, &(bytes, seconds)) in measured.iter().enumerate() {
        let span = if row == 0 { runs(bytes).first() } else { runs(bytes).next() };
        // A run that needs no tool of Kafka's saves the second that its start takes.
        assert!(span.p10.unwrap() - 1.0 <= seconds && seconds <= span.p90.unwrap(), "{seconds}: {span:?}");
    }
    let many = measured[1..].iter().map(|(bytes, _)| runs(*bytes).among_many());
    let whole = many.fold(runs(measured[0].0).first(), Durations::then);
    let seconds: f64 = measured.iter().map(|(_, seconds)| seconds).sum();
    assert!(whole.p10.unwrap() <= seconds && seconds <= whole.p90.unwrap(), "{seconds}: {whole:?}");
}
