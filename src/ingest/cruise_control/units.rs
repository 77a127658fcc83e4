//! Cruise Control's units in ours: a MB is 2^20 bytes, a KB 2^10 bytes. linkedin/cruise-control has them in
//! `monitor/sampling/holder/HolderUtils.java`, whose `convertUnit` divides bytes in and out by 1,024 and sizes by
//! 1,024 · 1,024; capacity files name the same units (`config/BrokerCapacityConfigFileResolver.java`).

/// Bytes of a MB.
const BYTES_PER_MB: f64 = 1_048_576.0;
/// Bytes of a KB.
const BYTES_PER_KB: f64 = 1_024.0;
/// More is no size, rate or count: what a snapshot's files take (2^53).
pub(super) const FIGURE_MAX: f64 = 9_007_199_254_740_992.0;

/// The bytes of `mb` MB; none for what is no size.
pub(super) fn bytes_of_mb(mb: f64) -> Option<u64> {
    let bytes = (mb * BYTES_PER_MB).round();
    // In range, so that the cast loses nothing.
    (bytes.is_finite() && (0.0..=FIGURE_MAX).contains(&bytes)).then_some(bytes as u64)
}

/// The bytes per second of `kb` KB/s; none for what is no rate.
pub(super) fn bytes_of_kb(kb: f64) -> Option<f64> {
    plain(kb * BYTES_PER_KB)
}

/// `value` where it is a figure: finite, not negative, not beyond what can be counted.
pub(super) fn plain(value: f64) -> Option<f64> {
    (value.is_finite() && (0.0..=FIGURE_MAX).contains(&value)).then_some(value.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_two() {
        assert_eq!((bytes_of_mb(1.5), bytes_of_kb(2.0)), (Some(1_572_864), Some(2_048.0)));
        assert_eq!((bytes_of_mb(-1.0), bytes_of_mb(f64::NAN), bytes_of_kb(1e300)), (None, None, None));
    }
}
