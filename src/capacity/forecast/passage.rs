//! When a threshold is first reached: resampled error paths around the forecast, and the percentiles of the first day
//! on which they are at or above it.
//!
//! An error has a slow part, which is how wrong level and slope turn out to be, and a fast one, the noise of days. A path
//! takes its slow part from one week of one past forecast, relative to the band at that distance, and keeps it; it takes
//! the noise week by week from any (a block bootstrap: Künsch, Ann. Statist. 17, 1989). Drawn day by day, errors would
//! cancel each other and every path would be the forecast.

use rand::RngExt as _;
use rand_pcg::Pcg64;

use super::backtest::{Bands, Origin};

/// Paths: p10 and p90 of a thousand are stable to about a day in a hundred.
const PATHS: usize = 1_000;
/// Days of a block of noise: a week, whose days belong together.
const BLOCK_DAYS: usize = 7;

/// The first days at which a threshold is reached, counted from the snapshot; percentiles over paths. None is later than
/// was simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DaysToThreshold {
    /// One path in ten is there by this day.
    pub p10: u32,
    /// Every second.
    pub p50: Option<u32>,
    /// Nine in ten.
    pub p90: Option<u32>,
}

/// What past errors are resampled from.
pub(super) struct ErrorPool {
    /// Slow parts, relative to the band.
    slow: Vec<f64>,
    /// Blocks of noise, relative to the scale.
    noise: Vec<Vec<f64>>,
}

impl ErrorPool {
    /// Cuts the origins' errors into weeks.
    pub(super) fn of(origins: &[Origin], bands: &Bands) -> Self {
        let mut pool = Self { slow: Vec::new(), noise: Vec::new() };
        for block in origins.iter().flat_map(|origin| origin.errors.chunks(BLOCK_DAYS)) {
            let mean = block.iter().map(|(_, e)| e).sum::<f64>() / block.len() as f64;
            let width = block.get(block.len() / 2).map_or(0.0, |(ahead, _)| bands.at(*ahead));
            pool.slow.push(if width > 0.0 { mean / width } else { 0.0 });
            pool.noise.push(block.iter().map(|(_, e)| e - mean).collect());
        }
        pool
    }
}

/// Error paths, relative to the scale, one value per day from tomorrow on.
pub(super) struct Paths {
    errors: Vec<Vec<f64>>,
}

impl Paths {
    /// Draws paths of `days` days whose forecasts were made `gap` days before the snapshot. Errors' signs are drawn too:
    /// the bands are as wide above as below.
    pub(super) fn draw(pool: &ErrorPool, bands: &Bands, gap: i64, days: usize, mut rng: Pcg64) -> Self {
        let widths: Vec<f64> = (0..days).map(|day| bands.at(day as i64 + 1 + gap)).collect();
        let pick = |rng: &mut Pcg64, len: usize| rng.random_range(0..u32::try_from(len).unwrap_or(u32::MAX)) as usize;
        let path = |_| {
            if pool.slow.is_empty() {
                return vec![0.0; days];
            }
            let sign = if rng.random_range(0..2_u32) == 0 { 1.0 } else { -1.0 };
            let slow = sign * pool.slow[pick(&mut rng, pool.slow.len())];
            let mut errors: Vec<f64> = widths.iter().map(|width| slow * width).collect();
            let mut day = 0;
            while day < days {
                let block = &pool.noise[pick(&mut rng, pool.noise.len())];
                errors[day..].iter_mut().zip(block).for_each(|(error, noise)| *error += noise);
                day += block.len().max(1);
            }
            errors
        };
        Self { errors: (0..PATHS).map(path).collect() }
    }

    /// When `forecast + error·scale` first is at or above `threshold`; `forecast` has a value per day from tomorrow on.
    /// None where fewer than one path in ten gets there.
    pub(super) fn first_passage(&self, forecast: &[f64], scale: f64, threshold: f64) -> Option<DaysToThreshold> {
        let first = |errors: &Vec<f64>| {
            let mut values = forecast.iter().zip(errors).map(|(value, error)| value + error * scale);
            values.position(|value| value >= threshold).and_then(|day| u32::try_from(day + 1).ok())
        };
        let mut firsts: Vec<u32> = self.errors.iter().map(|errors| first(errors).unwrap_or(u32::MAX)).collect();
        firsts.sort_unstable();
        // The nearest-rank percentile.
        let at = |percent: usize| {
            let rank = (firsts.len() * percent).div_ceil(100).max(1);
            firsts.get(rank - 1).copied().filter(|day| *day < u32::MAX)
        };
        Some(DaysToThreshold { p10: at(10)?, p50: at(50), p90: at(90) })
    }
}
