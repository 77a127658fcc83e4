//! Arithmetic that several what-ifs share: how long catching up takes, how many of something carry a demand.

/// How long a copy that was away for `away` needs to catch up when `written` arrives meanwhile and it copies at most
/// `copied` (both per unit of the time that `away` is in): what was missed, d·w, over what the copy gains, c − w.
/// None where it never does. For a restarted broker and for a mirror after an outage alike.
#[must_use]
pub fn catch_up(away: f64, written: f64, copied: f64) -> Option<f64> {
    let missed = away * written;
    if missed == 0.0 { Some(0.0) } else { (copied > written).then(|| missed / (copied - written)) }
}

/// The least whole number of units of `capacity` (above zero) that carry `demand`: ⌈demand ÷ capacity⌉, where a
/// quotient that is whole but for rounding is whole.
#[must_use]
pub fn units(demand: f64, capacity: f64) -> u64 {
    let quotient = demand / capacity;
    let nearest = quotient.round();
    if (quotient - nearest).abs() <= 1e-9 * nearest.max(1.0) { nearest as u64 } else { quotient.ceil() as u64 }
}

/// Hours in a month, 365 · 24 ÷ 12, as cloud providers price it.
pub const HOURS_PER_MONTH: f64 = 730.0;
/// Bytes in the GB that providers charge traffic by.
pub const BYTES_PER_GB: f64 = 1e9;
/// Seconds in an hour.
pub const SECONDS_PER_HOUR: f64 = 3600.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_is_made_up_at_what_the_copy_gains() {
        // 10 minutes at 60 MB/s are 36 GB; at 100 MB/s 40 MB/s are gained: 900 s.
        assert_eq!(catch_up(600.0, 60e6, 100e6), Some(900.0));
        assert_eq!(catch_up(600.0, 0.0, 0.0), Some(0.0), "nothing was missed");
        assert_eq!(catch_up(600.0, 60e6, 60e6), None, "never, not infinity");
    }

    #[test]
    fn units_are_rounded_up_but_not_for_rounding_errors() {
        assert_eq!((units(30e9, 500e6), units(30e9 + 1e6, 500e6), units(0.0, 5.0)), (60, 61, 0));
        assert_eq!(units(0.3, 0.1), 3, "0.3 / 0.1 is a little below 3");
        assert_eq!(units(0.7, 0.1), 7, "0.7 / 0.1 is a little below 7, 0.6 / 0.2 a little below 3");
        assert_eq!(units(1.1 * 3.0, 1.1), 3, "1.1 · 3 ÷ 1.1 is a little above 3");
    }
}
