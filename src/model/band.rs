//! The soft goals' bands (contract §3), in one place for the judge, the search and the reports.

use super::policy::Bands;

/// Relative tolerance of every comparison with a limit or a band's edge (contract §3).
pub const TOLERANCE: f64 = 1e-9;

/// Whether `value` is above `limit` by more than the tolerance.
#[must_use]
pub fn exceeds(value: f64, limit: f64) -> bool {
    value > limit + TOLERANCE * limit.abs()
}

/// Whether `value` is below `limit` by more than the tolerance.
#[must_use]
pub fn falls_short(value: f64, limit: f64) -> bool {
    value < limit - TOLERANCE * limit.abs()
}

/// How far `value` lies outside `low … high`, 0 within the tolerance.
#[must_use]
pub fn distance(value: f64, (low, high): (f64, f64)) -> f64 {
    if exceeds(value, high) {
        value - high
    } else if falls_short(value, low) {
        low - value
    } else {
        0.0
    }
}

/// The band of a utilization around its mean.
#[must_use]
pub fn utilization(mean: f64, band: f64) -> (f64, f64) {
    (mean * (1.0 - band), mean * (1.0 + band))
}

/// Bands are read to a billionth, so that count bands can be computed in whole numbers.
const BAND_UNIT: u128 = 1_000_000_000;

/// The band of a count: ⌊mean·(1−band)⌋ … ⌈mean·(1+band)⌉, mean = `total` ÷ `brokers`, in exact arithmetic.
#[must_use]
pub fn count(total: u64, brokers: usize, band: f64) -> (u64, u64) {
    let unit_band = (band * BAND_UNIT as f64).round() as u128;
    let divisor = brokers.max(1) as u128 * BAND_UNIT;
    let low = u128::from(total) * BAND_UNIT.saturating_sub(unit_band) / divisor;
    let high = (u128::from(total) * (BAND_UNIT + unit_band)).div_ceil(divisor);
    (u64::try_from(low).unwrap_or(u64::MAX), u64::try_from(high).unwrap_or(u64::MAX))
}

/// The most replicas of a topic that a broker holds without being outside: ⌈m + max(slack, spread·m)⌉, m = `total` ÷
/// `eligible`, in exact arithmetic.
#[must_use]
pub fn topic_spread(total: u64, eligible: usize, bands: &Bands) -> u64 {
    per_topic(total, eligible, (bands.topic_spread, bands.topic_spread_slack))
}

/// The most leaders of a topic that a broker has without being outside: as [`topic_spread`], of `total` leaders.
#[must_use]
pub fn leaders_per_topic(total: u64, eligible: usize, bands: &Bands) -> u64 {
    per_topic(total, eligible, (bands.leaders_per_topic, bands.leaders_per_topic_slack))
}

fn per_topic(total: u64, eligible: usize, (share, slack): (f64, u32)) -> u64 {
    let unit_spread = (share * BAND_UNIT as f64).round() as u128;
    let eligible = eligible.max(1) as u128;
    let mean = u128::from(total) * BAND_UNIT;
    let beyond = (u128::from(slack) * BAND_UNIT * eligible).max(u128::from(total) * unit_spread);
    u64::try_from((mean + beyond).div_ceil(eligible * BAND_UNIT)).unwrap_or(u64::MAX)
}

/// The highest utilization of a log dir that is not outside, `mean` being its broker's.
#[must_use]
pub fn log_dir(mean: f64, bands: &Bands) -> f64 {
    bands.log_dir_floor.max(mean * (1.0 + bands.log_dir))
}

/// The highest write utilization of a log dir that is not outside, `mean` being its broker's.
#[must_use]
pub fn log_dir_writes(mean: f64, bands: &Bands) -> f64 {
    mean * (1.0 + bands.log_dir_writes)
}

/// The most replicas that rack awareness allows in one rack: ⌈f/R⌉.
#[must_use]
pub fn rack_cap(replication_factor: usize, racks: usize) -> usize {
    replication_factor.div_ceil(racks.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_bands_round_outwards_in_whole_numbers() {
        assert_eq!(count(10, 4, 0.10), (2, 3));
        assert_eq!(count(100, 10, 0.10), (9, 11), "no rounding error may widen 11.000…2 to 12");
        assert_eq!(count(0, 3, 0.10), (0, 0));
    }

    #[test]
    fn topic_spread_allows_two_beyond_the_mean_or_half_of_it() {
        let bands = Bands::default();
        assert_eq!(topic_spread(3, 12, &bands), 3);
        assert_eq!(topic_spread(120, 12, &bands), 15);
        assert_eq!(topic_spread(48, 12, &bands), 6);
    }
}
