//! The capacity report: what the cluster can still carry, what binds, what would change it. Input: a snapshot, a policy,
//! the machine catalogue, and what a rebalance would do, if asked for. Output: a [`CapacityReport`], rendered as text for
//! the terminal and as the files of the report directory. Pure; loads and rules are the judge's figures.

mod files;
mod json;
mod plan_sheets;
pub(crate) mod sheet;
pub(crate) mod sheets;
mod text;

use super::check::CheckReport;
use super::headroom;
use crate::capacity::add::Site;
use crate::capacity::shrink::{GroupMax, at_most};
use crate::capacity::traffic::{Assumptions, LoadModel};
use crate::capacity::{Forecast, HeadroomVerdict, NotEvaluated};
use crate::ingest::catalogue::Catalogue;
use crate::model::{Criterion, Excuse, Goal, Placement, Policy, Snapshot, band};
use crate::plan::Plan;
use crate::verify::Usage;
use crate::writer::OutputFile;

pub use files::{REPORT_JSON, report_json};

/// What was searched and forecast for the report, each where it was asked for and can be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Studies<'a> {
    /// What a rebalance would do.
    pub plan: Option<&'a Plan>,
    /// When limits are reached; needs a history.
    pub forecast: Option<&'a Forecast>,
    /// How many brokers can go by real plans; without it the means alone say how many at most.
    pub shrink: Option<&'a [GroupMax]>,
}

/// Everything that the capacity report says.
#[derive(Clone, Debug)]
pub struct CapacityReport<'a> {
    /// What is reported on.
    pub snapshot: &'a Snapshot,
    /// What it is held against.
    pub policy: &'a Policy,
    /// What a rebalance would do; none where it was not asked for.
    pub plan: Option<&'a Plan>,
    /// When limits are reached; none without a history.
    pub forecast: Option<&'a Forecast>,
    /// How many brokers each group could spare.
    pub shrink: Vec<GroupMax>,
    /// Rules, bands, hot spots and headroom.
    pub check: CheckReport<'a>,
    /// Loads by broker and log dir.
    pub usage: Usage,
    /// Where the bytes flow and what they cost.
    pub load: LoadModel,
    /// Broken rules, then limits passed now or after a loss, then the load model's findings, then what no rule judges.
    pub excuses: Vec<Excuse>,
    /// What is absent, and why.
    pub not_evaluated: Vec<NotEvaluated>,
}

impl<'a> CapacityReport<'a> {
    /// Reports on `snapshot` as it stands, and on what `studies` say of it.
    #[must_use]
    pub fn of(
        snapshot: &'a Snapshot,
        policy: &'a Policy,
        catalogue: &Catalogue,
        assumptions: Assumptions,
        studies: Studies<'a>,
    ) -> Self {
        let Studies { plan, forecast, shrink } = studies;
        let site = Site { snapshot, policy, catalogue };
        let shrink = shrink.map_or_else(|| at_most(&site), <[GroupMax]>::to_vec);
        let check = CheckReport::of(snapshot, policy);
        let load = LoadModel::of(snapshot, policy, catalogue, assumptions);
        let usage = Usage::of(snapshot, &Placement::of(snapshot));
        let mut excuses: Vec<Excuse> = check.excuses.iter().filter(|e| e.criterion.is_some()).cloned().collect();
        excuses.extend(of_load(snapshot, policy, &load));
        excuses.extend(check.excuses.iter().filter(|e| e.criterion.is_none()).cloned());
        let mut not_evaluated = check.not_evaluated.clone();
        not_evaluated.extend(load.not_evaluated.iter().cloned());
        not_evaluated.extend(forecast_missing(forecast));
        if plan.is_none() {
            not_evaluated.push(NotEvaluated::new("rebalance", "--no-plan was given"));
        }
        Self { snapshot, policy, plan, forecast, shrink, check, usage, load, excuses, not_evaluated }
    }

    /// The worst verdict of all groups and goals, [`HeadroomVerdict::Exceeded`] where a hard rule is broken.
    #[must_use]
    pub fn verdict(&self) -> HeadroomVerdict {
        let worst = self.check.headroom.iter().map(|h| h.verdict).max().unwrap_or(HeadroomVerdict::Ok);
        if self.check.is_broken() { HeadroomVerdict::Exceeded } else { worst }
    }

    /// The verdict's name in files: `broken` where a hard rule is, else the worst headroom's.
    #[must_use]
    pub fn verdict_name(&self) -> &'static str {
        if self.check.is_broken() { "broken" } else { self.verdict().name() }
    }

    /// The verdict in a word or two.
    #[must_use]
    pub fn verdict_in_words(&self) -> &'static str {
        match self.verdict() {
            _ if self.check.is_broken() => "broken",
            HeadroomVerdict::Ok => "holds",
            HeadroomVerdict::RackLossExceeds => "not without a rack",
            HeadroomVerdict::BrokerLossExceeds => "not without a broker",
            HeadroomVerdict::Exceeded => "exceeded",
        }
    }

    /// The verdict in a sentence without its full stop.
    #[must_use]
    pub fn headline(&self) -> String {
        let broken = self.check.assessment.hard_total();
        let lead = match self.verdict() {
            _ if broken > 0 => format!("{} of hard rules now", super::human::counted(broken, "violation")),
            HeadroomVerdict::Exceeded => "a limit is exceeded now".to_owned(),
            HeadroomVerdict::BrokerLossExceeds => "the loss of one broker exceeds a limit".to_owned(),
            HeadroomVerdict::RackLossExceeds => "the loss of any broker is survived, that of a rack is not".to_owned(),
            HeadroomVerdict::Ok if self.check.headroom.is_empty() => "no limit could be evaluated".to_owned(),
            HeadroomVerdict::Ok => "every limit holds, also after every loss that was evaluated".to_owned(),
        };
        let binding = headroom::binding(&self.check.headroom).map(headroom::binding_in_words);
        binding.map_or(lead.clone(), |binding| format!("{lead}; {binding}"))
    }

    /// The report for the terminal, whose files are in `out_dir`.
    #[must_use]
    pub fn to_text(&self, out_dir: &std::path::Path) -> String {
        text::render(self, out_dir)
    }

    /// Every file of the report directory.
    #[must_use]
    pub fn files(&self) -> Vec<OutputFile> {
        files::files(self)
    }
}

/// Why there are no days to thresholds, where there are none. What single series lack stands in the forecast.
fn forecast_missing(forecast: Option<&Forecast>) -> Option<NotEvaluated> {
    let why = match forecast {
        None => "a report looks at one moment; days to a threshold need a history of the loads",
        Some(forecast) if forecast.series.is_empty() => {
            "no series could be forecast; forecast.not_evaluated has each one's reason"
        }
        Some(_) => return None,
    };
    Some(NotEvaluated::new("forecast", why))
}

/// What the load model finds wanting.
fn of_load(snapshot: &Snapshot, policy: &Policy, load: &LoadModel) -> Vec<Excuse> {
    let mut excuses = Vec::new();
    let least = load.assumptions.cache_seconds_min;
    for time in load.cache.iter().filter(|time| band::falls_short(time.seconds, least)) {
        excuses.push(Excuse {
            subject: format!("broker {}", snapshot.broker(time.broker).id),
            criterion: None,
            value: Some(time.seconds),
            limit: Some(least),
            why: format!("memory holds {:.0} s of what is written, {least:.0} s wanted", time.seconds),
            remedy: "more memory, or fewer replicas there: consumers that lag by more read from disk".to_owned(),
        });
    }
    let limit = policy.limits.disk;
    for (broker, utilization) in load.retention.utilization.iter().filter(|(_, u)| band::exceeds(*u, limit)) {
        excuses.push(Excuse {
            subject: format!("broker {}", snapshot.broker(*broker).id),
            criterion: Some(Criterion::Goal(Goal::Disk)),
            value: Some(*utilization),
            limit: Some(limit),
            why: format!(
                "disks would be at {} once every topic has reached its retention, {} allowed",
                super::human::percent(*utilization),
                super::human::percent(limit)
            ),
            remedy: "shorten the retention of what grows most (tables/retention.csv), or add disks".to_owned(),
        });
    }
    for row in load.limits.rows.iter().filter(|row| !row.is_hard && row.value > row.limit) {
        excuses.push(Excuse {
            subject: row.subject.clone(),
            criterion: None,
            value: Some(row.value as f64),
            limit: Some(row.limit as f64),
            why: format!(
                "{} {}, limit {} ({})",
                super::human::count(row.value),
                if row.subject == "cluster" { "partitions" } else { "replicas" },
                super::human::count(row.limit),
                row.source
            ),
            remedy: "fewer partitions, or more brokers: recovery and shutdown take longer with each".to_owned(),
        });
    }
    excuses
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests;
