//! What `check` says of a snapshot: broken rules, bands, hot spots, how good the load model is, and what it leaves out.
//! Input: a snapshot and a policy. Output: a [`CheckReport`], rendered as text or JSON. Pure; every figure is the judge's.

pub mod hot_spots;
pub(crate) mod json;
pub mod model_error;
mod text;
pub mod topic_leaders;

use hot_spots::HotSpot;
use model_error::ModelError;
use topic_leaders::TopicLeaders;

use super::excuses::{self, UnjudgedPartitions};
use super::standing::{GroupStanding, standings};
use crate::capacity::not_evaluated::of_headroom;
use crate::capacity::{Headroom, NotEvaluated, headroom};
use crate::model::{Assessment, BrokerIdx, Excuse, Placement, Policy, Snapshot};
use crate::verify::{self, Usage};

/// Everything that `check` found.
#[derive(Clone, Debug)]
pub struct CheckReport<'a> {
    /// What was checked.
    pub snapshot: &'a Snapshot,
    /// What it was held against.
    pub policy: &'a Policy,
    /// The judge's verdict on the snapshot as it stands.
    pub assessment: Assessment,
    /// Bands and figures by group.
    pub standings: Vec<GroupStanding>,
    /// How far groups are from their limits, now and after a loss.
    pub headroom: Vec<Headroom>,
    /// What of the headroom cannot be computed.
    pub not_evaluated: Vec<NotEvaluated>,
    /// The fullest brokers and log dirs.
    pub hot_spots: Vec<HotSpot>,
    /// Active brokers with so many replicas that operators are warned, most first.
    pub crowded: Vec<(BrokerIdx, u64)>,
    /// Brokers with too many leaders of one topic, those that send most first.
    pub topic_leaders: Vec<TopicLeaders>,
    /// Modelled against measured; none where nothing was measured.
    pub model_error: Option<ModelError>,
    /// One per broken rule and subject, then one per limit passed now or after a loss, then one per partition that is
    /// judged by no rule.
    pub excuses: Vec<Excuse>,
    /// The partitions that are judged by no rule.
    pub unjudged: Vec<UnjudgedPartitions>,
}

impl<'a> CheckReport<'a> {
    /// Judges `snapshot` as it stands.
    #[must_use]
    pub fn of(snapshot: &'a Snapshot, policy: &'a Policy) -> Self {
        let placement = Placement::of(snapshot);
        let usage = Usage::of(snapshot, &placement);
        let unjudged = excuses::unjudged_partitions(snapshot);
        let headroom = headroom(snapshot, policy, &placement);
        let mut excuses = excuses::of_violations(snapshot, policy, &placement, &usage);
        excuses.extend(super::headroom::excuses(snapshot, policy, &usage, &headroom));
        excuses.extend(excuses::of_unjudged(snapshot, &unjudged));
        Self {
            snapshot,
            policy,
            not_evaluated: of_headroom(snapshot, policy, &headroom),
            headroom,
            assessment: verify::assess(snapshot, policy, &placement),
            standings: standings(snapshot, policy, &usage),
            hot_spots: hot_spots::hot_spots(snapshot, policy, &usage),
            crowded: hot_spots::crowded(snapshot, &usage),
            topic_leaders: topic_leaders::topic_leaders(snapshot, policy),
            model_error: model_error::model_error(snapshot, &usage),
            excuses,
            unjudged,
        }
    }

    /// Whether a hard rule is broken.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.assessment.hard_total() > 0
    }

    /// The report for people: a screen of text with ANSI styles.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::render(self)
    }

    /// The report for programs: the contract's `before` with `headroom`, `model_error`, `hot_spots`, `excuses`,
    /// `unjudged` and `not_evaluated`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        json::render(self)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests;
