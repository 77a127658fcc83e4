//! `history.csv` for a synthetic snapshot: what each broker's metrics would have been on the days before it.
//!
//! Every group grows at rates of its own: sizes along a straight line, traffic by a constant factor, cores with what
//! comes in. Weekends are quiet, days are noisy, some have a spike. Each series ends at about the snapshot's figure.

use std::fmt::Write as _;
use std::path::PathBuf;

use rand::RngExt as _;
use rand_distr::{Distribution as _, StandardNormal};
use rand_pcg::Pcg64;

use super::stream;
use crate::model::{Broker, BrokerIdx, Metric, Snapshot};
use crate::writer::OutputFile;

const DAY_SEC: i64 = 86_400;
const YEAR_DAYS: f64 = 365.0;
/// The share of today's bytes that a group gained within the last year.
const SIZE_GAINED: (f64, f64) = (0.15, 0.55);
/// The exponent by which traffic grew within the last year.
const TRAFFIC_GROWTH: (f64, f64) = (0.05, 0.60);
/// Sizes of long ago are at least this share of today's.
const SIZE_SHARE_MIN: f64 = 0.05;
/// Traffic by day of the week, from Thursday on as days since 1970 are counted; the mean is 1.
const TRAFFIC_BY_WEEKDAY: [f64; 7] = [1.08, 1.06, 0.84, 0.80, 1.06, 1.08, 1.08];
/// The same for sizes, in which a week's retention evens most of it out.
const SIZE_BY_WEEKDAY: [f64; 7] = [1.004, 1.005, 1.000, 0.994, 0.996, 0.999, 1.002];
/// Standard deviation of a day's traffic, as a share.
const TRAFFIC_NOISE: f64 = 0.04;
/// The same for sizes.
const SIZE_NOISE: f64 = 0.004;
/// How much of yesterday's distance from its growth a group keeps, and the standard deviation of what is added a day, as a
/// share: growth is never as even as a line. Traffic strays [`TRAFFIC_STRAYS`] times as far as sizes.
const STRAY: (f64, f64) = (0.97, 0.003);
/// See [`STRAY`].
const TRAFFIC_STRAYS: f64 = 3.0;
/// How often a day has a spike, and how high it is.
const SPIKE: (f64, f64) = (0.01, 1.45);

/// `history.csv` with a row per day, broker and metric for the `days` days that end with the snapshot's.
#[must_use]
pub fn history_file(snapshot: &Snapshot, days: u32, seed: u64) -> OutputFile {
    let mut rng = stream(seed, "history");
    let captured = snapshot.cluster.captured_at.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_second);
    let groups: Vec<Growth> = (0..snapshot.groups.len().max(1)).map(|_| Growth::draw(&mut rng, days)).collect();
    let brokers = snapshot.broker_indices().map(|broker| Level::of(snapshot, broker)).collect::<Vec<_>>();
    let mut text = String::from("timestamp,broker_id,metric,value\n");
    for age in (0..days).rev() {
        let seconds = captured - i64::from(age) * DAY_SEC;
        let time = jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |time| time.to_string());
        let weekday = usize::try_from(seconds.div_euclid(DAY_SEC).rem_euclid(7)).unwrap_or(0);
        for (broker, level) in snapshot.brokers.iter().zip(&brokers) {
            let Some(growth) = groups.get(broker.group.map_or(0, |group| group.row())) else { continue };
            for (metric, value) in level.on_day(&mut rng, growth, age, weekday) {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{time},{},{},{value}", broker.id, metric.name());
            }
        }
    }
    OutputFile { path: PathBuf::from("history.csv"), bytes: text.into_bytes() }
}

/// How a group grew.
struct Growth {
    size_gained: f64,
    traffic: f64,
    /// By days before the snapshot, how far sizes were from their line, as a share; 0 on its day.
    strays: Vec<f64>,
}

impl Growth {
    fn draw(rng: &mut Pcg64, days: u32) -> Self {
        let mut between = |(low, high): (f64, f64)| rng.random_range(low..high);
        let (size_gained, traffic) = (between(SIZE_GAINED), between(TRAFFIC_GROWTH));
        let mut stray = 0.0;
        let mut next = |_| {
            let here = stray;
            let normal: f64 = StandardNormal.sample(rng);
            stray = STRAY.0 * stray + STRAY.1 * normal;
            here
        };
        Self { size_gained, traffic, strays: (0..days).map(&mut next).collect() }
    }
}

/// A broker's figures in the snapshot.
struct Level {
    size_bytes: f64,
    bytes_in_per_sec: f64,
    bytes_out_per_sec: f64,
    cpu_utilization: Option<f64>,
}

impl Level {
    fn of(snapshot: &Snapshot, broker: BrokerIdx) -> Self {
        let led = || snapshot.partitions.iter().filter(|partition| partition.leader == Some(broker));
        let row: &Broker = snapshot.broker(broker);
        Self {
            size_bytes: snapshot.replicas.iter().filter(|r| r.broker == broker).map(|r| r.size_bytes as f64).sum(),
            bytes_in_per_sec: led().map(|partition| partition.bytes_in_per_sec).sum(),
            bytes_out_per_sec: led().map(|partition| partition.bytes_out_per_sec).sum(),
            cpu_utilization: row.cpu_utilization,
        }
    }

    /// The metrics `age` days before the snapshot. The same draws are made whatever is there to be measured.
    fn on_day(&self, rng: &mut Pcg64, growth: &Growth, age: u32, weekday: usize) -> Vec<(Metric, f64)> {
        let age_years = f64::from(age) / YEAR_DAYS;
        let stray = growth.strays.get(age as usize).copied().unwrap_or(0.0);
        let mut noise = |deviation: f64| {
            let normal: f64 = StandardNormal.sample(rng);
            1.0 + deviation * normal.clamp(-3.0, 3.0)
        };
        let (size_noise, traffic_noise) = (noise(SIZE_NOISE), noise(TRAFFIC_NOISE));
        let (out_noise, cpu_noise) = (noise(TRAFFIC_NOISE), noise(TRAFFIC_NOISE));
        let spike = if rng.random_range(0.0..1.0) < SPIKE.0 { SPIKE.1 } else { 1.0 };
        let size = (1.0 - growth.size_gained * age_years).max(SIZE_SHARE_MIN);
        let size = size * (1.0 + stray) * SIZE_BY_WEEKDAY[weekday] * size_noise;
        let traffic = (-growth.traffic * age_years).exp() * (1.0 + TRAFFIC_STRAYS * stray).max(0.0);
        let traffic = traffic * TRAFFIC_BY_WEEKDAY[weekday] * spike;
        let mut metrics = vec![
            (Metric::BytesIn, (self.bytes_in_per_sec * traffic * traffic_noise).round()),
            (Metric::BytesOut, (self.bytes_out_per_sec * traffic * out_noise).round()),
            (Metric::Size, (self.size_bytes * size).round()),
        ];
        if let Some(utilization) = self.cpu_utilization {
            let today = (utilization * traffic * cpu_noise).clamp(0.0, 1.0);
            metrics.push((Metric::Cpu, (today * 10_000.0).round() / 10_000.0));
        }
        metrics
    }
}
