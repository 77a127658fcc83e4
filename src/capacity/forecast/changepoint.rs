//! Where a series last changed its level or slope: one line against two, by the Bayesian information criterion
//! (Schwarz, Ann. Statist. 6, 1978), repeated on what follows the change.

use super::daily::Daily;

/// A segment has at least this many days: shorter, and a line follows whatever noise there is.
const SEGMENT_DAYS_MIN: usize = 14;
/// Changes that are looked for, one after the other.
const CHANGES_MAX: usize = 4;
/// Parameters of one line, its variance included.
const LINE_PARAMETERS: f64 = 3.0;
/// Parameters of two lines and where the second begins.
const TWO_LINES_PARAMETERS: f64 = 6.0;

/// The row at which the last segment begins; none where one line is as good.
pub(super) fn last_change(daily: &Daily) -> Option<usize> {
    let sums = Sums::of(daily);
    let mut start = 0;
    for _ in 0..CHANGES_MAX {
        let Some(next) = best_change(&sums, start, daily.len()) else { break };
        start = next;
    }
    (start > 0).then_some(start)
}

/// The row between `start` and `end` from which a line of its own pays for its parameters, by the lowest criterion.
fn best_change(sums: &Sums, start: usize, end: usize) -> Option<usize> {
    let n = (end - start) as f64;
    let whole = sums.residual(start, end);
    let floor = sums.noise_floor(start, end);
    let criterion = |squares: f64, parameters: f64| n * ((squares + floor) / n).ln() + parameters * n.ln();
    let candidates = start + SEGMENT_DAYS_MIN..(end + 1).saturating_sub(SEGMENT_DAYS_MIN);
    let scored = candidates.map(|at| (sums.residual(start, at) + sums.residual(at, end), at));
    let (squares, at) = scored.min_by(|a, b| a.0.total_cmp(&b.0))?;
    (criterion(squares, TWO_LINES_PARAMETERS) < criterion(whole, LINE_PARAMETERS)).then_some(at)
}

/// Prefix sums from which any segment's least squares residual is had at once.
struct Sums {
    /// By row: Σt, Σy, Σt², Σty, Σy² over the rows before, with t and y about their means, to keep digits.
    rows: Vec<[f64; 5]>,
}

impl Sums {
    fn of(daily: &Daily) -> Self {
        let n = daily.len().max(1) as f64;
        let mean_t = daily.days.iter().map(|&day| day as f64).sum::<f64>() / n;
        let mean_y = daily.values.iter().sum::<f64>() / n;
        let mut rows = vec![[0.0; 5]];
        let mut sums = [0.0; 5];
        for (&day, &value) in daily.days.iter().zip(&daily.values) {
            let (t, y) = (day as f64 - mean_t, value - mean_y);
            for (sum, term) in sums.iter_mut().zip([t, y, t * t, t * y, y * y]) {
                *sum += term;
            }
            rows.push(sums);
        }
        Self { rows }
    }

    fn between(&self, start: usize, end: usize) -> [f64; 5] {
        std::array::from_fn(|term| self.rows[end][term] - self.rows[start][term])
    }

    /// The sum of squares that the segment's own line leaves.
    fn residual(&self, start: usize, end: usize) -> f64 {
        let n = (end - start) as f64;
        let [t, y, tt, ty, yy] = self.between(start, end);
        let (tt, ty, yy) = (tt - t * t / n, ty - t * y / n, yy - y * y / n);
        if tt > 0.0 { (yy - ty * ty / tt).max(0.0) } else { yy.max(0.0) }
    }

    /// What rounding alone may leave: without it an exact line would be split for digits beyond the last.
    fn noise_floor(&self, start: usize, end: usize) -> f64 {
        self.between(start, end)[4].abs() * 1e-9 + f64::MIN_POSITIVE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(value: impl Fn(i64) -> f64) -> Daily {
        Daily { days: (0..120).collect(), values: (0..120).map(value).collect() }
    }

    /// Zigzag noise, so that lines are not exact.
    fn noise(day: i64) -> f64 {
        if day % 2 == 0 { 0.4 } else { -0.4 }
    }

    #[test]
    fn the_knot_is_found_where_the_slope_or_level_changes() {
        let bent = series(|day| noise(day) + if day < 70 { 100.0 } else { 100.0 + 2.0 * (day - 70) as f64 });
        assert!(last_change(&bent).is_some_and(|at| (68..=72).contains(&at)), "{:?}", last_change(&bent));
        let stepped = series(|day| noise(day) + if day < 50 { 100.0 } else { 60.0 });
        assert_eq!(last_change(&stepped), Some(50));
    }

    #[test]
    fn the_last_of_several_changes_counts() {
        let twice = series(|day| noise(day) + [10.0, 50.0, 20.0][usize::try_from(day / 40).unwrap_or(0)]);
        assert_eq!(last_change(&twice), Some(80));
    }

    #[test]
    fn a_straight_line_has_no_knot() {
        assert_eq!(last_change(&series(|day| 5.0 + 0.3 * day as f64)), None);
        assert_eq!(last_change(&series(|day| 5.0 + 0.3 * day as f64 + noise(day))), None);
        assert_eq!(last_change(&series(|_| 7.0)), None);
        assert_eq!(last_change(&Daily { days: vec![1, 2], values: vec![1.0, 9.0] }), None);
    }
}
