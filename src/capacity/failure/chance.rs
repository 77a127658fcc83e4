//! Counts of cases, chances and their intervals: the arithmetic of drawing k of n. Pure functions.

/// The 97.5 % quantile of the standard normal distribution, to double precision (tables such as NIST/SEMATECH
/// e-Handbook of Statistical Methods, 1.3.6.7.1, have 1.960).
const Z_975: f64 = 1.959_963_984_540_054;

/// Ways to draw `k` of `n`; none from 2^64 on.
pub(super) fn combinations(n: u64, k: u64) -> Option<u64> {
    if k > n {
        return Some(0);
    }
    let mut ways: u128 = 1;
    for step in 0..k.min(n - k) {
        // Divides without remainder: after each step this is a number of combinations itself.
        ways = ways.checked_mul(u128::from(n - step))? / u128::from(step + 1);
        if ways > u128::from(u64::MAX) {
            return None;
        }
    }
    u64::try_from(ways).ok()
}

/// The same as a float, for any size.
pub(super) fn combinations_f64(n: u64, k: u64) -> f64 {
    if k > n {
        return 0.0;
    }
    (0..k.min(n - k)).fold(1.0, |ways, step| ways * (n - step) as f64 / (step + 1) as f64)
}

/// The chance that of `touched` certain units exactly certain `failed` ones are among the `take` drawn of `of`:
/// C(of − touched, take − failed) ÷ C(of, take), the hypergeometric distribution without its binomial factor.
pub(super) fn pattern_chance(of: usize, take: usize, touched: usize, failed: usize) -> f64 {
    if failed > take || touched - failed > of - take {
        return 0.0;
    }
    let falling = |from: usize, steps: usize| (0..steps).fold(1.0, |product, step| product * (from - step) as f64);
    falling(take, failed) * falling(of - take, touched - failed) / falling(of, touched)
}

/// Wilson's score interval at 95 % for `hits` of `cases` (E. B. Wilson, JASA 22, 1927; the form that Brown, Cai and
/// DasGupta recommend in Statistical Science 16, 2001). It stays within 0–1 and is no point at 0 hits.
#[must_use]
pub fn wilson_95(hits: u64, cases: u64) -> (f64, f64) {
    if cases == 0 {
        return (0.0, 1.0);
    }
    let (n, z2) = (cases as f64, Z_975 * Z_975);
    let p = hits as f64 / n;
    let middle = p + z2 / (2.0 * n);
    let half = Z_975 * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    // Where nothing or everything hit, the end is exact; rounding would leave it a little off.
    let low = if hits == 0 { 0.0 } else { ((middle - half) / scale).max(0.0) };
    let high = if hits == cases { 1.0 } else { ((middle + half) / scale).min(1.0) };
    (low, high)
}

/// P(N = `count`) for N ~ Poisson(`mean`).
pub(super) fn poisson(mean: f64, count: usize) -> f64 {
    (1..=count).fold((-mean).exp(), |p, step| p * mean / step as f64)
}

/// P(N ≥ `count`) for N ~ Poisson(`mean`). Summed upwards from `count`, so that small tails keep their digits.
#[must_use]
pub fn poisson_at_least(mean: f64, count: usize) -> f64 {
    if count == 0 {
        return 1.0;
    }
    let below: f64 = (0..count).map(|n| poisson(mean, n)).sum();
    if below < 0.9 {
        return 1.0 - below;
    }
    let mut term = poisson(mean, count);
    let mut sum = 0.0;
    let mut next = count;
    while term > sum * f64::EPSILON {
        sum += term;
        next += 1;
        term *= mean / next as f64;
    }
    sum
}

/// Sets of `k` out of 0…n−1 in lexicographic order.
#[derive(Clone, Debug)]
pub(super) struct Combination {
    n: usize,
    members: Vec<usize>,
}

impl Combination {
    /// The set of rank `rank` (0-based); ranks are below [`combinations`], which must be known.
    pub(super) fn of_rank(n: usize, k: usize, mut rank: u64) -> Self {
        let mut members = Vec::with_capacity(k);
        let mut next = 0;
        for left in (1..=k).rev() {
            // Sets that begin with `next` come first: as many as there are ways to draw the others behind it.
            while next < n {
                let with_next = combinations((n - next - 1) as u64, left as u64 - 1).unwrap_or(u64::MAX);
                if rank < with_next {
                    break;
                }
                rank -= with_next;
                next += 1;
            }
            members.push(next);
            next += 1;
        }
        Self { n, members }
    }

    pub(super) fn members(&self) -> &[usize] {
        &self.members
    }

    /// Goes on to the next set; from the last to the first, and says so.
    pub(super) fn advance(&mut self) -> bool {
        let k = self.members.len();
        for at in (0..k).rev() {
            if self.members[at] < self.n - (k - at) {
                self.members[at] += 1;
                for later in at + 1..k {
                    self.members[later] = self.members[later - 1] + 1;
                }
                return true;
            }
        }
        self.members.iter_mut().enumerate().for_each(|(at, member)| *member = at);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_are_counted_exactly_or_not_at_all() {
        assert_eq!(combinations(30, 4), Some(27_405));
        assert_eq!(combinations(3_600, 3), Some(7_769_521_200));
        assert_eq!((combinations(5, 0), combinations(5, 5), combinations(5, 6)), (Some(1), Some(1), Some(0)));
        assert_eq!(combinations(3_600, 1_800), None);
        assert!((combinations_f64(30, 4) - 27_405.0).abs() < 1e-6);
    }

    #[test]
    fn patterns_are_the_hypergeometric_distribution() {
        // Three certain of 30 among 4 drawn: C(27,1)/C(30,4).
        assert!((pattern_chance(30, 4, 3, 3) - 27.0 / 27_405.0).abs() < 1e-15);
        let total: f64 = [1.0, 3.0, 3.0, 1.0].iter().zip(0..).map(|(ways, j)| ways * pattern_chance(30, 4, 3, j)).sum();
        assert!((total - 1.0).abs() < 1e-12);
        assert!(pattern_chance(3, 3, 2, 1).abs() < 1e-15, "all fail");
    }

    #[test]
    fn wilsons_interval_is_that_of_the_literature() {
        // Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263 → 0.2553–0.3662, 0 of 20 → 0–0.1611.
        let (low, high) = wilson_95(81, 263);
        assert!((low - 0.2553).abs() < 5e-5 && (high - 0.3662).abs() < 5e-5, "{low} {high}");
        let (low, high) = wilson_95(0, 20);
        assert!(low.abs() < 1e-15 && (high - 0.1611).abs() < 5e-5, "{high}");
        assert_eq!(wilson_95(20, 20).1.to_bits(), 1.0_f64.to_bits());
    }

    #[test]
    fn disks_of_a_large_cluster_fail_together_as_poisson_says() {
        // Backblaze's 1.57 % a year, 3,600 disks, 12 hours to repair.
        let mean: f64 = 3_600.0 * 0.0157 * 12.0 / 8_760.0;
        assert!((mean - 0.077).abs() < 0.0005, "{mean}");
        assert!((poisson_at_least(mean, 2) - 0.0028).abs() < 0.00005, "{}", poisson_at_least(mean, 2));
        assert!((poisson_at_least(mean, 3) - 7e-5).abs() < 0.5e-5, "{}", poisson_at_least(mean, 3));
        assert!((poisson_at_least(5.0, 3) - 0.875_347_98).abs() < 1e-8);
    }

    #[test]
    fn ranks_name_the_sets_in_order() {
        let mut walked = Combination::of_rank(6, 3, 0);
        for rank in 0..20 {
            assert_eq!(Combination::of_rank(6, 3, rank).members(), walked.members(), "{rank}");
            assert_eq!(walked.advance(), rank < 19);
        }
        assert_eq!(walked.members(), [0, 1, 2]);
        assert_eq!(Combination::of_rank(2, 0, 0).members(), [0_usize; 0]);
    }
}
