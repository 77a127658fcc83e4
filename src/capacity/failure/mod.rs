//! What becomes of partitions when brokers, log dirs or racks fail, and what the survivors then carry.
//!
//! Input: a snapshot and how many fail at once. Output: chances, means, the worst cases, all plain figures. Every set
//! of that many in service is as likely as any other. Where there are few enough sets each is counted; else a sample is,
//! with Wilson's intervals, while means stay exact (see `expected`) and so do the chances of rare events where cut sets
//! tell. Every index comes from the snapshot's own tables.

mod cases;
mod chance;
mod copysets;
mod expected;
mod incidents;
mod remedies;
mod survivors;
mod units;

pub use chance::{poisson_at_least, wilson_95};
pub use copysets::{Alternative, Copyset, Copysets, broker_copysets};
pub use incidents::{AtOnce, DISK_AFR, Incidents};
pub use remedies::{Remedies, Remedy, RiskyPartition};
pub use survivors::{CopyRate, RateBound, Survivors, SurvivorsUse};
pub use units::{Domain, Draw, Tally};

use super::NotEvaluated;
use crate::model::{Policy, Snapshot};
use cases::{Counted, Worst};
use units::{MIN_ISR_DEFAULT, Units};

/// Replicas that enumeration may look at: about a second. Beyond, cases are sampled.
const EXACT_WORK_MAX: f64 = 1e8;

/// The curve goes to this k at least, so that it shows where risk begins.
const CURVE_LEAST: usize = 4;

/// How cases are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// All where they are few, else a sample.
    #[default]
    Auto,
    /// All, however long it takes.
    Exact,
    /// A sample.
    MonteCarlo,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// How many of each domain fail at once; none of those left out.
    pub failures: Vec<(Domain, usize)>,
    /// How cases are counted.
    pub method: Method,
    /// Cases of a sample.
    pub cases: u64,
    /// Seed of the sample.
    pub seed: u64,
    /// Share of the units that fails in a year; where none is given, log dirs have [`DISK_AFR`].
    pub afr: Option<f64>,
    /// Hours until a failed unit's replicas are whole again.
    pub repair_hours: f64,
    /// Bytes per second and broker at which lost copies are made again.
    pub throttle_bytes_per_sec: f64,
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FailureError {
    /// Nothing is to fail.
    #[error("say what fails: --brokers K, --log-dirs K, --racks K, or several of them, K at least 1")]
    NothingFails,
    /// More fail than there are.
    #[error("{asked} {} cannot fail: {present} are in service", domain.name().replace('_', " "))]
    TooMany {
        /// Of what.
        domain: Domain,
        /// How many were asked for.
        asked: usize,
        /// How many there are.
        present: usize,
    },
    /// There is none at all.
    #[error("no {} is in service{}", domain.noun(), if *domain == Domain::Rack { ": brokers.csv names no rack" } else { "" })]
    NonePresent {
        /// Of what.
        domain: Domain,
    },
    /// Enumeration was asked for and cannot be.
    #[error(
        "there are too many cases to count each: leave the method to evenkeel, or sample with --method monte-carlo"
    )]
    TooManyCases,
}

/// A chance with its 95 % interval; both ends are the chance itself where it is exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chance {
    /// The chance.
    pub p: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Chance {
    fn exact(p: f64) -> Self {
        Self { p, low: p, high: p }
    }

    /// Whether it is no estimate.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.low.to_bits() == self.high.to_bits()
    }
}

/// The risk of so many failures at once. Figures are of partitions lost, offline, under min ISR, in this order.
#[derive(Clone, Debug, PartialEq)]
pub struct Risk {
    /// Whether each case was counted.
    pub is_exact: bool,
    /// Cases that were counted.
    pub cases: u64,
    /// The chance that any partition is.
    pub any: [Chance; 3],
    /// How many are, on average; none where neither enumeration nor a formula tells.
    pub mean: Option<[f64; 3]>,
}

/// The risk of k failures.
#[derive(Clone, Debug, PartialEq)]
pub struct CurvePoint {
    /// How many fail at once.
    pub k: usize,
    /// What that brings.
    pub risk: Risk,
}

/// One of the worst cases.
#[derive(Clone, Debug, PartialEq)]
pub struct WorstCase {
    /// What fails: `broker 5`, `log dir 5:/d1`, `rack a`.
    pub failed: Vec<String>,
    /// What that leaves.
    pub tally: Tally,
    /// What the survivors carry then.
    pub survivors: Survivors,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub struct FailureReport {
    /// What fails, by domain.
    pub draws: Vec<Draw>,
    /// Brokers and log dirs that have failed already and stay failed in every case.
    pub failed_before: [u64; 2],
    /// How partitions stand before anything more fails; every case includes these.
    pub before: Tally,
    /// All partitions.
    pub partitions: u64,
    /// What was asked.
    pub risk: Risk,
    /// The risk of 1…k failures; empty where several domains fail together.
    pub curve: Vec<CurvePoint>,
    /// The worst cases found, worst first, each with its survivors.
    pub worst: Vec<WorstCase>,
    /// What to do about the riskiest partitions; none where their chances cannot be worked out.
    pub remedies: Option<Remedies>,
    /// The throttle behind the survivors' hours, bytes per second.
    pub throttle_bytes_per_sec: f64,
    /// How often to expect it.
    pub incidents: Option<Incidents>,
    /// The copysets that partitions form.
    pub copysets: Option<Copysets>,
    /// Topics without a known `min.insync.replicas`, for which Kafka's default counts.
    pub topics_by_default_min_isr: u64,
    /// Figures that are absent.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// Answers `question` for `snapshot`.
///
/// # Errors
/// What cannot fail, or too many cases for the method that is asked for.
pub fn failure(snapshot: &Snapshot, policy: &Policy, question: &Question) -> Result<FailureReport, FailureError> {
    let mut units = Units::of(snapshot, &asked(question)?);
    for (_, draw) in &units.draws {
        if draw.of == 0 {
            return Err(FailureError::NonePresent { domain: draw.domain });
        }
        if draw.take > draw.of {
            return Err(FailureError::TooMany { domain: draw.domain, asked: draw.take, present: draw.of });
        }
    }
    let (risk, mut worst) = risk(snapshot, &units, question)?;
    let copysets = copysets::copysets(snapshot, &units);
    if !risk.is_exact {
        let seeds = copysets.as_ref().map_or(&[][..], |c| &c.riskiest_units);
        cases::worsen(&units, &mut worst, seeds);
    }
    let remedies = remedies::remedies(snapshot, policy, &units, &worst.cases);
    let crew = survivors::Crew::new(snapshot, policy, &units, question.throttle_bytes_per_sec);
    let worst: Vec<WorstCase> = worst
        .cases
        .iter()
        .map(|case| WorstCase {
            failed: units.names(&case.failed),
            tally: case.tally,
            survivors: crew.survivors(&case.failed),
        })
        .collect();
    let draws: Vec<Draw> = units.draws.iter().map(|(_, draw)| *draw).collect();
    let curve = curve(snapshot, &mut units, question, &risk)?;
    let incidents = match draws.as_slice() {
        [draw] => incidents::afr_of(draw.domain, question.afr)
            .map(|afr| incidents::incidents(draw.of, afr, question.repair_hours, &curve)),
        _ => None,
    };
    let down = (0..snapshot.brokers.len()).filter(|row| !units::is_in_service(snapshot, *row)).count();
    let offline = snapshot.log_dirs.iter().filter(|d| !d.state.is_serving()).count();
    let defaulted = snapshot.topics.iter().filter(|t| t.min_insync_replicas.is_none()).count();
    let mut report = FailureReport {
        draws,
        failed_before: [down as u64, offline as u64],
        before: units.before,
        partitions: snapshot.partitions.len() as u64,
        risk,
        curve,
        worst,
        remedies,
        throttle_bytes_per_sec: question.throttle_bytes_per_sec,
        incidents,
        copysets,
        topics_by_default_min_isr: defaulted as u64,
        not_evaluated: Vec::new(),
    };
    report.not_evaluated = not_evaluated(&report, &units);
    Ok(report)
}

/// What is asked, by domain in order; domains of which none fail are left out.
fn asked(question: &Question) -> Result<Vec<(Domain, usize)>, FailureError> {
    let total = |domain| question.failures.iter().filter(|(d, _)| *d == domain).map(|(_, take)| take).sum();
    let asked: Vec<(Domain, usize)> =
        Domain::ALL.into_iter().map(|d| (d, total(d))).filter(|(_, take)| *take > 0).collect();
    if asked.is_empty() { Err(FailureError::NothingFails) } else { Ok(asked) }
}

/// The risk of the draws of `units`, and the worst cases that counting came across.
fn risk(snapshot: &Snapshot, units: &Units, question: &Question) -> Result<(Risk, Worst), FailureError> {
    let total = cases::case_count(units);
    let fits = |total: &u64| *total as f64 * units.work_per_case() <= EXACT_WORK_MAX;
    let exactly = match question.method {
        Method::Auto => total.filter(fits),
        Method::Exact => Some(total.ok_or(FailureError::TooManyCases)?),
        Method::MonteCarlo => None,
    };
    if let Some(total) = exactly {
        let Counted { cases, any, sum, worst } = cases::enumerate(units, total);
        let share = |count: u64| count as f64 / cases as f64;
        let any = any.map(|hits| Chance::exact(share(hits)));
        return Ok((Risk { is_exact: true, cases, any, mean: Some(sum.map(share)) }, worst));
    }
    let Counted { cases, any, worst, .. } = cases::sample(units, question.cases, question.seed);
    let by_cuts = expected::chances_by_cut_sets(snapshot, units);
    let chance = |slot: usize| {
        let (low, high) = wilson_95(any[slot], cases);
        by_cuts[slot].map_or(Chance { p: any[slot] as f64 / cases as f64, low, high }, Chance::exact)
    };
    let risk =
        Risk { is_exact: false, cases, any: [chance(0), chance(1), chance(2)], mean: expected::means(snapshot, units) };
    Ok((risk, worst))
}

/// The risk of 1…k failures, k as asked or [`CURVE_LEAST`]; `asked` is the risk that is known already.
fn curve(
    snapshot: &Snapshot,
    units: &mut Units,
    question: &Question,
    asked: &Risk,
) -> Result<Vec<CurvePoint>, FailureError> {
    let [(_, draw)] = units.draws.as_slice() else { return Ok(Vec::new()) };
    let (take, of) = (draw.take, draw.of);
    // Only what was asked for may take its time.
    let question = match question.method {
        Method::Exact => &Question { method: Method::Auto, ..question.clone() },
        Method::Auto | Method::MonteCarlo => question,
    };
    let mut points = Vec::new();
    for k in 1..=take.max(CURVE_LEAST).min(of) {
        if k == take {
            points.push(CurvePoint { k, risk: asked.clone() });
        } else {
            units.set_takes(&[k]);
            points.push(CurvePoint { k, risk: risk(snapshot, units, question)?.0 });
        }
    }
    units.set_takes(&[take]);
    Ok(points)
}

fn not_evaluated(report: &FailureReport, units: &Units) -> Vec<NotEvaluated> {
    let mut list: Vec<NotEvaluated> = Vec::new();
    for (number, case) in report.worst.iter().enumerate() {
        for missing in &case.survivors.not_evaluated {
            // What no case has is said once.
            let is_shared = number > 0 && report.worst[0].survivors.not_evaluated.contains(missing);
            let what = if number == 0 { missing.what.clone() } else { format!("worst[{number}].{}", missing.what) };
            list.extend((!is_shared).then(|| NotEvaluated::new(what, missing.why.clone())));
        }
    }
    let mut add = |what: &str, why: String| list.push(NotEvaluated::new(what, why));
    if report.risk.mean.is_none() {
        add(
            "expected_*",
            "a partition's replicas are on too many units for the formula, and there are too many cases".into(),
        );
    }
    if report.remedies.is_none() {
        add("advice", "a partition's replicas are on too many units to work out its chances".into());
    }
    match report.draws.as_slice() {
        [draw] if report.incidents.is_none() => {
            add("incidents", format!("no failure rate of {}s is known: give one with --afr", draw.domain.noun()));
        }
        [draw] => {
            if draw.domain == Domain::LogDir && units.without_dir > 0 {
                add(
                    "replicas without a log dir",
                    format!(
                        "{} replicas have no known log dir: no log dir's failure takes them along",
                        units.without_dir
                    ),
                );
            }
        }
        _ => {
            add("incidents", "failure rates are for one kind of failure at a time".into());
            add("curve", "a curve is drawn for one kind of failure at a time".into());
        }
    }
    if report.topics_by_default_min_isr > 0 {
        add(
            "min_insync_replicas",
            format!(
                "{} topics do not say: Kafka's default of {MIN_ISR_DEFAULT} is taken",
                report.topics_by_default_min_isr
            ),
        );
    }
    list
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests;
