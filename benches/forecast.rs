//! How fast histories are forecast: a thousand series of two years by day, each with all models and their backtests. The
//! limit is 10 s.

#![expect(clippy::unwrap_used, reason = "a benchmark may fail loudly")]

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use evenkeel::capacity::forecast::{Daily, analyse};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use rayon::prelude::*;

const SERIES: u64 = 1_000;
const DAYS: i64 = 730;
const HORIZON_DAYS: u32 = 180;

/// Growth, a weekly season and noise; a third of the series change their slope.
fn series(seed: u64) -> Daily {
    let mut rng = Pcg64::seed_from_u64(seed);
    let slope = rng.random_range(0.0..0.3);
    let bend = if seed.is_multiple_of(3) { rng.random_range(200..600_i64) } else { DAYS };
    let value = |day: i64| {
        let season = if day % 7 < 2 { -6.0 } else { 2.4 };
        100.0 + slope * day as f64 + (day - bend).max(0) as f64 * 0.5 + season + rng.random_range(-3.0..3.0)
    };
    Daily { days: (0..DAYS).collect(), values: (0..DAYS).map(value).collect() }
}

fn main() {
    let all: Vec<Daily> = (0..SERIES).map(series).collect();
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(1))
        .measurement_time(Duration::from_secs(10))
        .configure_from_args();
    criterion.bench_function("forecast/1,000 series of 730 days", |b| {
        b.iter(|| all.par_iter().map(|daily| analyse(black_box(daily), HORIZON_DAYS).unwrap()).collect::<Vec<_>>());
    });
    criterion.final_summary();
}
