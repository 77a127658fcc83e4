//! How often as many fail at once, from an annual failure rate and the hours that a repair takes.
//!
//! Failures are taken to come at random and apart from each other (Poisson), each lasting as long as the repair: of n
//! units λ = n · AFR · hours ÷ 8,760 are away on average, their number is Poisson, and by PASTA a failure finds k − 1
//! others away with P(N = k − 1), which makes n · AFR · P(N = k − 1) times a year that k are away at once. Real failures
//! come in batches of one age, one firmware or one power feed: the figures are a floor, not a promise.

use super::chance::{poisson, poisson_at_least};
use super::{CurvePoint, Domain};

/// Backblaze's annual failure rate of disks over 2024, 1.57 % (Drive Stats for 2024; lifetime 1.31 %).
pub const DISK_AFR: f64 = 0.0157;

/// Hours of a year.
const YEAR_HOURS: f64 = 8_760.0;

/// How often so many are away at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AtOnce {
    /// How many.
    pub k: usize,
    /// The chance that at least so many are away at any moment.
    pub p_at_least: f64,
    /// How often a year their number reaches k.
    pub per_year: f64,
}

/// How often to expect what a case brings.
#[derive(Clone, Debug, PartialEq)]
pub struct Incidents {
    /// Units at risk.
    pub units: usize,
    /// Share of them that fails in a year.
    pub afr: f64,
    /// Hours until one is replaced and its replicas are copied again.
    pub repair_hours: f64,
    /// λ: how many are away on average.
    pub away_mean: f64,
    /// By k, as far as the curve goes.
    pub at_once: Vec<AtOnce>,
    /// Times a year that a failure leaves partitions lost, offline, under min ISR: Σ over the curve of `per_year` · P(any
    /// at k). Beyond the curve failures are too rare to matter.
    pub per_year: [f64; 3],
}

/// The rate that applies to `domain`: what was given, else Backblaze's for log dirs, which are disks.
pub(super) fn afr_of(domain: Domain, given: Option<f64>) -> Option<f64> {
    given.or((domain == Domain::LogDir).then_some(DISK_AFR))
}

/// How often to expect what `curve` says of 1…k failures among `units`.
pub(super) fn incidents(units: usize, afr: f64, repair_hours: f64, curve: &[CurvePoint]) -> Incidents {
    let failures_per_year = units as f64 * afr;
    let away_mean = failures_per_year * repair_hours / YEAR_HOURS;
    let at_once: Vec<AtOnce> = curve
        .iter()
        .map(|point| AtOnce {
            k: point.k,
            p_at_least: poisson_at_least(away_mean, point.k),
            per_year: failures_per_year * poisson(away_mean, point.k - 1),
        })
        .collect();
    let mut per_year = [0.0; 3];
    for (at, point) in at_once.iter().zip(curve) {
        for (sum, chance) in per_year.iter_mut().zip(&point.risk.any) {
            *sum += at.per_year * chance.p;
        }
    }
    Incidents { units, afr, repair_hours, away_mean, at_once, per_year }
}
