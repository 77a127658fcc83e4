//! What `explain` prints of one partition. Input: an explanation and the reasons a plan gives. Output: text or JSON. Pure;
//! every figure is the judge's.

mod json;
mod text;

use super::excuses::explain as unjudged_in_words;
use crate::model::{BrokerIdx, Freedom, Policy, Seat, Snapshot};
use crate::plan::explain::{Explanation, ReplicaStory};
use crate::verify::hard::{Subject, Violation};

/// Everything that is printed.
#[derive(Clone, Debug)]
pub struct ExplainReport<'a> {
    /// The cluster.
    pub snapshot: &'a Snapshot,
    /// What is wanted of it.
    pub policy: &'a Policy,
    /// The partition under the plan.
    pub explanation: Explanation,
    /// Why the plan changes the partition, in its own words; empty where it does not.
    pub reasons: Vec<String>,
}

impl ExplainReport<'_> {
    /// For people: a screen of text with ANSI styles.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::render(self)
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        json::render(self)
    }

    fn id(&self, broker: BrokerIdx) -> i32 {
        self.snapshot.broker(broker).id
    }

    fn rack(&self, broker: BrokerIdx) -> Option<&str> {
        self.snapshot.broker(broker).rack.map(|rack| self.snapshot.racks[rack.row()].as_str())
    }

    fn path(&self, seat: Seat) -> Option<&str> {
        seat.log_dir.map(|dir| self.snapshot.log_dir(dir).path.as_str())
    }

    /// Why nothing of the partition may change, or only some; none where goals may move it.
    fn held(&self) -> Option<String> {
        let topic = || &self.snapshot.topic(self.snapshot.partition(self.explanation.partition).topic).name;
        match (self.explanation.unjudged, self.explanation.freedom) {
            (Some(why), _) => Some(unjudged_in_words(why).0.to_owned()),
            (None, Freedom::Fixed) => Some(format!("the policy allows topic {} no entry", topic())),
            (None, Freedom::RepairOnly) => {
                Some(format!("the policy freezes topic {}: it moves only to repair a hard rule", topic()))
            }
            (None, Freedom::Free) => None,
        }
    }

    fn subject(&self, violation: &Violation) -> String {
        match violation.subject {
            Subject::Partition(p) => self.snapshot.partition_name(p),
            Subject::Replica(_, broker) => format!("its replica on broker {}", self.id(broker)),
            Subject::Broker(broker) => format!("broker {}", self.id(broker)),
            Subject::LogDir(dir) => {
                let dir = self.snapshot.log_dir(dir);
                format!("{} of broker {}", dir.path, self.id(dir.broker))
            }
        }
    }
}

/// What the plan does with a replica.
fn fate(story: &ReplicaStory) -> &'static str {
    match (story.from, story.to) {
        (Some(from), Some(to)) if from.broker != to.broker => "moves",
        (Some(from), Some(to)) if to.log_dir.is_some() && from.log_dir != to.log_dir => "changes_log_dir",
        (Some(_), Some(_)) => "stays",
        (None, _) => "added",
        (Some(_), None) => "removed",
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests;
