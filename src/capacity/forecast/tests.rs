//! Known answers for every formula, what bands hold on series of known kinds, and forecasts of small clusters.

#![expect(clippy::unwrap_used, reason = "a failing test may panic")]

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_distr::{Distribution as _, StandardNormal};

use super::backtest::conformal_quantile;
use super::*;
use crate::model::fixture::Fixture;
use crate::model::history::{Series, Subject};
use crate::model::{BrokerState, LogDirState, Metric};

fn daily(days: i64, value: impl FnMut(i64) -> f64) -> Daily {
    Daily { days: (0..days).collect(), values: (0..days).map(value).collect() }
}

/// Anscombe's first data set, whose line is 3 + 0.5·x with a slope's standard error of 0.1179 (Anscombe, The American
/// Statistician 27, 1973).
#[test]
fn least_squares_answers_as_anscombe_says() {
    let days = vec![4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
    let values = vec![4.26, 5.68, 7.24, 4.82, 6.95, 8.81, 8.04, 8.33, 10.84, 7.58, 9.96];
    let line = least_squares(&Daily { days, values }).unwrap();
    assert!((line.fit.slope - 0.5001).abs() < 1e-4);
    assert!((line.fit.level_at(0) - 3.0001).abs() < 1e-4);
    // Its residuals are hardly autocorrelated: t(9) at 97.5 % is 2.262, the published p value 0.00217.
    let half = line.slope_half_width95.unwrap();
    assert!((half - 0.2667).abs() < 0.02, "{half}");
    assert!((line.slope_p_value.unwrap() - 0.002_17).abs() < 1e-3, "{:?}", line.slope_p_value);
}

#[test]
fn correlated_noise_makes_a_slope_less_certain() {
    let p = |values: Daily| least_squares(&values).unwrap().slope_p_value.unwrap();
    let slow = daily(60, |day| 0.01 * day as f64 + (day as f64 / 3.0).sin());
    let fast = daily(60, |day| 0.01 * day as f64 + (day as f64 * 2.4).sin());
    assert!(p(slow) > 10.0 * p(fast));
}

#[test]
fn weekdays_effects_are_found_beside_a_trend() {
    let season = [3.0, 1.0, -4.0, -5.0, 0.0, 2.0, 3.0];
    let series = daily(70, |day| 50.0 + 0.2 * day as f64 + season[weekday(day)]);
    let close = |found: &[f64; 7]| found.iter().zip(season).all(|(a, b)| (a - b).abs() < 1e-9);
    assert!(close(&weekday_effects(&series).unwrap()));
    let line = least_squares(&series).unwrap().fit;
    assert!(close(&line.effects) && (line.slope - 0.2).abs() < 1e-12);
    let seasonal = fit(Model::Seasonal, &daily(70, |day| 50.0 + season[weekday(day)])).unwrap();
    assert!((seasonal.value_at(72) - 46.0).abs() < 1e-9 && (seasonal.level_at(72) - 50.0).abs() < 1e-9);
}

#[test]
fn under_three_weeks_no_weekly_pattern_is_fitted() {
    let short = daily(20, |day| if weekday(day) == 2 { 10.0 } else { 20.0 });
    assert_eq!(weekday_effects(&short), None);
    assert_eq!(fit(Model::Seasonal, &short), None);
    assert_eq!(least_squares(&short).unwrap().fit.effects, [0.0; 7]);
}

/// Worked by hand: the pairs' slopes are 1, 2, 1, 3, 1 and 0.
#[test]
fn theil_sen_is_the_median_of_slopes() {
    let series = Daily { days: vec![0, 1, 2, 4], values: vec![0.0, 1.0, 4.0, 4.0] };
    // Carried to day 4 with slope 1, the values are 4, 4, 6 and 4.
    assert_eq!(theil_sen(&series), Some((1.0, 4.0)));
}

#[test]
fn theil_sen_is_not_moved_by_a_quarter_of_wild_days() {
    let wild = daily(80, |day| if day % 4 == 1 { 1e6 } else { 10.0 + 0.5 * day as f64 });
    let (slope, level) = theil_sen(&wild).unwrap();
    assert!((slope - 0.5).abs() < 0.05 && (level - 49.5).abs() < 3.0, "{slope} {level}");
    assert!(least_squares(&wild).unwrap().fit.level > 1e5, "least squares is");
}

#[test]
fn growth_by_a_constant_rate_is_a_line_of_logarithms() {
    let fitted = fit(Model::LogLinear, &daily(60, |day| 100.0 * 1.01_f64.powi(day as i32))).unwrap();
    assert!((fitted.slope - 1.01_f64.ln()).abs() < 1e-12);
    assert!((fitted.value_at(89) / (100.0 * 1.01_f64.powi(89)) - 1.0).abs() < 1e-9);
    assert_eq!(fit(Model::LogLinear, &daily(60, |day| day as f64)), None, "0 has no logarithm");
    let wild = Fit { slope: 50.0, ..fitted };
    assert!(wild.value_at(100_000).is_finite());
}

/// Rank ⌈(n + 1)·level⌉: of nine errors at 0.8 the eighth.
#[test]
fn the_conformal_quantile_is_a_rank_of_one_more_than_there_are() {
    let errors: Vec<f64> = (1..=9).rev().map(f64::from).collect();
    assert_eq!(conformal_quantile(errors.clone(), 0.8), Some(8.0));
    assert_eq!(conformal_quantile(errors.clone(), 0.5), Some(5.0));
    assert_eq!(conformal_quantile(errors, 0.95), Some(9.0), "beyond the last: the largest");
    assert_eq!(conformal_quantile(Vec::new(), 0.5), None);
}

/// The kinds of series that the models were chosen on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Iid,
    Ar,
    NearWalk,
    Spikes,
    Changepoint,
    Exponential,
}

/// 240 days about 100 with a weekly season.
fn simulated(kind: Kind, seed: u64) -> Daily {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut normal = move || -> f64 { StandardNormal.sample(&mut rng) };
    let mut memory = 0.0;
    daily(240, |day| {
        let t = day as f64;
        let keep = match kind {
            Kind::Ar => 0.8,
            Kind::NearWalk => 0.99,
            _ => 0.0,
        };
        memory = keep * memory + 2.0 * normal();
        let trend = match kind {
            Kind::Changepoint if day >= 100 => 100.0 + (t - 100.0),
            Kind::Changepoint => 100.0,
            Kind::Exponential => 100.0 * (0.008 * t).exp(),
            _ => 100.0 + 0.1 * t,
        };
        let spike = if kind == Kind::Spikes && normal() > 1.9 { 40.0 } else { 0.0 };
        trend + [2.0, 2.0, -4.0, -5.0, 1.0, 2.0, 2.0][weekday(day)] + memory + spike
    })
}

/// The share of the last 60 days within bands of 90 % forecast from the first 180, and the coverage of 95 % that was
/// reported, over several series.
fn coverage(kind: Kind) -> (f64, f64) {
    const SERIES: u64 = 8;
    let (mut held, mut reported) = (0.0, 0.0);
    for seed in 0..SERIES {
        let whole = simulated(kind, seed);
        let analysis = analyse(&whole.head(180), 60).unwrap();
        for ahead in 1..=60_usize {
            let [low, middle, high] = analysis.at(ahead as i64);
            assert!(low <= middle && middle <= high);
            let value = whole.values[179 + ahead];
            held += f64::from(u8::from((low..=high).contains(&value))) / 60.0;
        }
        reported += analysis.backtest.coverage95.unwrap();
    }
    (held / SERIES as f64, reported / SERIES as f64)
}

#[test]
fn bands_hold_what_they_claim_and_say_where_they_do_not() {
    let kinds = [Kind::Iid, Kind::Ar, Kind::NearWalk, Kind::Spikes, Kind::Changepoint, Kind::Exponential];
    let found = kinds.map(|kind| (kind, coverage(kind)));
    let iid = found[0].1;
    for (kind, (held, reported)) in found {
        if kind == Kind::NearWalk {
            assert!(reported < iid.1 && held < iid.0, "{kind:?}: held {held}, reported {reported}");
        } else {
            assert!(held >= 0.85, "{kind:?}: bands of 90 % held {held}");
            assert!(reported >= 0.80, "{kind:?}: reported {reported}");
        }
    }
}

/// What a walk's past says of its bands is worth little, for it has few independent errors; that is told, and of others it
/// is not.
#[test]
fn a_near_random_walk_is_said_to_wander_and_no_other_kind_is() {
    let told = |kind: Kind| {
        let wanders = |seed: u64| {
            let series = simulated(kind, seed).head(180);
            let analysis = analyse(&series, 60).unwrap();
            let found = persistence(&series, analysis.model, &analysis.fit);
            found.is_some_and(|p| p.independent < wander::INDEPENDENT_MIN)
        };
        (0..12).filter(|&seed| wanders(seed)).count()
    };
    assert!(told(Kind::NearWalk) >= 7, "{}", told(Kind::NearWalk));
    for kind in [Kind::Iid, Kind::Ar, Kind::Spikes, Kind::Changepoint, Kind::Exponential] {
        assert!(told(kind) <= 1, "{kind:?}: {}", told(kind));
    }
}

#[test]
fn the_model_fits_the_kind() {
    let model = |kind| analyse(&simulated(kind, 5), 60).unwrap().model;
    assert_eq!(model(Kind::Exponential), Model::LogLinear);
    assert_eq!(model(Kind::Changepoint), Model::Changepoint);
    assert_eq!(analyse(&daily(60, |_| 5.0), 60).unwrap().model, Model::Naive, "of equals the simplest");
}

#[test]
fn what_carries_no_forecast_is_refused_with_why() {
    let why = |series: Daily| analyse(&series, 180).unwrap_err();
    assert_eq!(why(daily(13, |_| 1.0)), "13 days of history are too few, 14 are the least");
    assert_eq!(why(daily(50, |_| 0.0)), "the history is all 0");
    assert!(analyse(&daily(14, |day| 10.0 + day as f64), 180).is_ok());
}

const TB: u64 = 1_000_000_000_000;

/// Two brokers of one group with 1 TB each, half full.
fn cluster() -> Snapshot {
    let mut fixture = Fixture::default();
    for id in [1, 2] {
        fixture = fixture.broker(id, "a", "", BrokerState::Alive).dir(id, "/d", TB, LogDirState::Online, 0);
    }
    fixture.partition(("t", 0), 1, (100.0, 200.0), &[(1, "/d", TB / 2, true), (2, "/d", TB / 2, true)]).build()
}

/// The day of the fixture's `captured_at`.
fn captured_day() -> i64 {
    "2026-11-20T12:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second() / DAY_SEC
}

/// A year of a metric that ends with the snapshot's day; `value` takes the days before it, as a number not above 0.
fn past(metric: Metric, broker_id: Option<i32>, topic: Option<&str>, value: impl FnMut(i64) -> f64) -> Series {
    let subject = Subject { broker_id, topic: topic.map(str::to_owned) };
    let times_sec = (-364..=0).map(|day| (captured_day() + day) * DAY_SEC + 3_600).collect();
    Series { metric, subject, times_sec, values: (-364..=0).map(value).collect() }
}

fn of_disk(series: Vec<Series>, options: &ForecastOptions) -> GoalForecast {
    let forecast = forecast(&cluster(), &Policy::default(), &History { series }, options);
    let disk = forecast.series.into_iter().find(|series| series.goal == Goal::Disk);
    disk.unwrap_or_else(|| unreachable!("{:?}", forecast.not_evaluated))
}

/// Sizes that grow by `per_day` of the disks' capacity and stand at half of it today.
fn linear(per_day: f64) -> Vec<Series> {
    let value = move |day: i64| TB as f64 * (0.5 + per_day * day as f64);
    [1, 2].map(|id| past(Metric::Size, Some(id), None, value)).to_vec()
}

#[test]
fn a_straight_line_reaches_its_threshold_on_the_day_that_arithmetic_says() {
    let disk = of_disk(linear(0.001), &ForecastOptions { horizon_days: 600, ..ForecastOptions::default() });
    assert_eq!(disk.source, Source::Brokers);
    assert!((disk.today - 0.5).abs() < 1e-12 && (disk.growth_30_days - 0.03).abs() < 1e-9);
    let reached = |threshold: &Threshold| threshold.days.map(|d| (d.p10, d.p50, d.p90));
    // (0.8 − 0.5) ÷ 0.001 = 300; rounding may leave the sum a hair below on that day.
    let (p10, p50, p90) = reached(&disk.thresholds[0]).unwrap();
    assert!((300..=301).contains(&p10) && p50 == Some(p10) && p90 == Some(p10), "{p10} {p50:?} {p90:?}");
    assert_eq!(disk.thresholds[1].utilization, 1.0);
    assert!((500..=501).contains(&reached(&disk.thresholds[1]).unwrap().0));
    assert_eq!(disk.points.len(), 601);
    assert_eq!((disk.points[0].date.as_str(), disk.points[42].date.as_str()), ("2026-11-20", "2027-01-01"));
    assert!((disk.points[100].p50 - 0.6).abs() < 1e-9);
}

#[test]
fn growth_in_a_day_is_a_share_of_todays_load_and_no_weekday_counts_as_growth() {
    // A thousandth of the disks a day, of which half are full: two thousandths of today's load.
    for horizon_days in [3, 10, 180] {
        let options = ForecastOptions { horizon_days, ..ForecastOptions::default() };
        let growth = of_disk(linear(0.001), &options).growth_per_day().unwrap();
        assert!((growth - 0.002).abs() < 1e-9, "{horizon_days}: {growth}");
    }
    let season = [3.0, 1.0, -4.0, -5.0, 0.0, 2.0, 3.0];
    let value = |day: i64| TB as f64 * (0.5 + 0.01 * season[weekday(captured_day() + day)]);
    let series = [1, 2].map(|id| past(Metric::Size, Some(id), None, value)).to_vec();
    let even = of_disk(series, &ForecastOptions::default());
    assert!(even.growth_per_day().is_some_and(|growth| growth.abs() < 1e-4), "{:?}", even.growth_per_day());
    assert_eq!(GoalForecast { points: Vec::new(), ..even }.growth_per_day(), None);
}

#[test]
fn the_history_gives_growth_and_the_snapshot_the_level() {
    // Half of what the snapshot holds, as where a metric counts one copy of two.
    let half = linear(0.001).into_iter().map(|mut series| {
        series.values.iter_mut().for_each(|value| *value /= 2.0);
        series
    });
    let disk = of_disk(half.collect(), &ForecastOptions { horizon_days: 400, ..ForecastOptions::default() });
    assert!((disk.points[100].p50 - 0.6).abs() < 1e-9);
    assert!(disk.notes.iter().any(|note| note.contains("multiplied by 2.00")), "{:?}", disk.notes);
}

#[test]
fn topics_stand_in_for_brokers_and_the_cluster_for_both() {
    let topic = of_disk(
        vec![past(Metric::Size, None, Some("t"), |day| 5e11 * (1.0 + 0.002 * day as f64))],
        &ForecastOptions::default(),
    );
    let whole = of_disk(
        vec![past(Metric::Size, None, None, |day| 1e12 * (1.0 + 0.002 * day as f64))],
        &ForecastOptions::default(),
    );
    assert_eq!((topic.source, whole.source), (Source::Topics, Source::Cluster));
    assert!((topic.points[100].p50 - 0.6).abs() < 1e-9 && (whole.points[100].p50 - 0.6).abs() < 1e-9);
    assert!(topic.notes.is_empty(), "one copy of two times two is the snapshot's: {:?}", topic.notes);
}

#[test]
fn a_threshold_that_is_passed_is_reached_in_no_days_and_one_far_off_never() {
    let options =
        ForecastOptions { thresholds: BTreeMap::from([(Goal::Disk, vec![0.4, 0.99])]), ..ForecastOptions::default() };
    let disk = of_disk(linear(0.000_1), &options);
    assert_eq!(disk.thresholds[0].days, Some(DaysToThreshold { p10: 0, p50: Some(0), p90: Some(0) }));
    assert_eq!(disk.thresholds[1].days, None);
}

#[test]
fn what_has_no_capacity_or_history_is_said_not_guessed() {
    let forecast =
        forecast(&cluster(), &Policy::default(), &History { series: linear(0.001) }, &ForecastOptions::default());
    let why: Vec<(&str, &str)> = forecast.not_evaluated.iter().map(|n| (n.what.as_str(), n.why.as_str())).collect();
    assert_eq!(
        why,
        [
            ("network_in of group default", "the network_in capacity of broker 1 is unknown"),
            ("network_out of group default", "the network_out capacity of broker 1 is unknown"),
            ("cpu of group default", "no broker has cpu_cores and cpu_utilization"),
        ]
    );
    let nothing = super::forecast(&cluster(), &Policy::default(), &History::default(), &ForecastOptions::default());
    assert_eq!(nothing.not_evaluated[0].why, "the history has no size_bytes that covers the group");
    assert!(nothing.series.is_empty() && nothing.not_evaluated.len() == 4);
}

fn noisy(per_day: f64, seed: u64) -> Vec<Series> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut normal = move || -> f64 { StandardNormal.sample(&mut rng) };
    let mut value = |day: i64| TB as f64 * (0.5 + per_day * day as f64 + 0.004 * normal());
    [1, 2].map(|id| past(Metric::Size, Some(id), None, &mut value)).to_vec()
}

#[test]
fn the_answer_is_the_same_at_any_thread_count_and_another_for_another_seed() {
    let run = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let options = ForecastOptions { horizon_days: 400, seed, ..ForecastOptions::default() };
        let history = History { series: noisy(0.001, 3) };
        pool.install(|| forecast(&cluster(), &Policy::default(), &history, &options))
    };
    assert_eq!(run(1, 0), run(3, 0));
    assert_eq!(run(1, 0).series[0].points, run(1, 9).series[0].points, "only paths are drawn");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn percentiles_are_ordered_and_more_growth_is_never_later(seed in 0_u64..1_000, growth in 6_u32..12) {
        let per_day = f64::from(growth) / 10_000.0;
        let options = ForecastOptions { horizon_days: 500, ..ForecastOptions::default() };
        let days = |per_day: f64| of_disk(noisy(per_day, seed), &options).thresholds[0].days;
        let slow = days(per_day).unwrap();
        let fast = days(per_day * 1.5).unwrap();
        for found in [slow, fast] {
            prop_assert!(found.p10 <= found.p50.unwrap() && found.p50.unwrap() <= found.p90.unwrap());
        }
        prop_assert!(fast.p50.unwrap() <= slow.p50.unwrap(), "{fast:?} {slow:?}");
        let disk = of_disk(noisy(per_day, seed), &options);
        for point in &disk.points {
            prop_assert!(0.0 <= point.p05 && point.p05 <= point.p50 && point.p50 <= point.p95 && point.p95.is_finite());
        }
    }
}
