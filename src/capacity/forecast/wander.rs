//! Whether a series wanders: its errors last from day to day, so that many days are worth few independent ones.
//!
//! Of n errors of which a day's carries the share ρ of the day's before, n·(1 − ρ) ÷ (1 + ρ) are worth independent ones
//! (Bayley and Hammersley, J. R. Stat. Soc. Suppl. 8, 1946). A conformal band of 90 % is an error's rank ⌈(n + 1)·0.9⌉,
//! which n have only from nine on: with fewer, what was measured on the past says little of what is to come.

use super::changepoint::last_change;
use super::daily::Daily;
use super::fit::{Fit, Model, deseasonalised, least_squares, weekday_effects};

/// Independent errors that a band of 90 % needs at least.
pub(super) const INDEPENDENT_MIN: f64 = 9.0;

/// How much a series' errors last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Persistence {
    /// The share of a day's error that is in the next day's, 0 to 1.
    pub(super) kept: f64,
    /// How many independent errors the days are worth.
    pub(super) independent: f64,
}

/// The persistence of what `fitted`, of `model`, leaves of `daily`; a level is compared with a line, since a trend beside
/// it is no noise, and of a series that changed what follows the change counts. None where nothing is left.
pub(super) fn persistence(daily: &Daily, model: Model, fitted: &Fit) -> Option<Persistence> {
    let fitted = match model {
        Model::Naive | Model::Seasonal => least_squares(daily)?.fit,
        _ => fitted.clone(),
    };
    let start = match model {
        Model::Changepoint => last_change(&deseasonalised(daily, &weekday_effects(daily).unwrap_or_default())),
        _ => None,
    };
    let rows = start.unwrap_or(0)..daily.len();
    let errors: Vec<(i64, f64)> = rows.map(|row| (daily.days[row], daily.values[row])).collect();
    of_errors(&errors.into_iter().map(|(day, value)| (day, value - fitted.value_at(day))).collect::<Vec<_>>())
}

/// The same of errors by day.
fn of_errors(errors: &[(i64, f64)]) -> Option<Persistence> {
    let squares: f64 = errors.iter().map(|(_, error)| error * error).sum();
    let followed = errors.windows(2).filter(|pair| pair[1].0 - pair[0].0 == 1);
    let lagged: f64 = followed.map(|pair| pair[0].1 * pair[1].1).sum();
    let kept = (lagged / squares).clamp(0.0, 1.0);
    (squares > 0.0).then(|| Persistence { kept, independent: errors.len() as f64 * (1.0 - kept) / (1.0 + kept) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_last_are_worth_fewer_days() {
        // 1·1 − 1·1 + 1·1 of 4: a quarter is kept, and 4 · 0.75 ÷ 1.25 are independent.
        let found = of_errors(&[(0, 1.0), (1, 1.0), (2, -1.0), (3, -1.0)]);
        assert_eq!(found, Some(Persistence { kept: 0.25, independent: 2.4 }));
        let apart = of_errors(&[(0, 1.0), (2, 1.0), (4, 1.0)]);
        assert_eq!(apart.map(|p| p.independent), Some(3.0), "no day follows another");
        assert_eq!(of_errors(&[(0, 1.0), (1, -1.0)]).map(|p| p.independent), Some(2.0), "never more than there are");
        assert_eq!(of_errors(&[(0, 0.0), (1, 0.0)]), None);
    }
}
