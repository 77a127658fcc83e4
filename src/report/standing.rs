//! How brokers stand towards the soft goals of their group, in the units that people read. Input: a snapshot and the
//! judge's usage of a placement. Output: one [`GroupStanding`] per group that has brokers to compare. Pure; every figure
//! is the judge's.

use super::human;
use crate::model::load::capacity;
use crate::model::{BrokerIdx, Goal, Groups, Policy, Snapshot};
use crate::verify::Usage;
use crate::verify::assess::{GoalFigures, band_brokers, goal_figures};

/// What a goal's figures are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A fraction of a capacity.
    Share,
    /// Bytes, where a capacity is missing.
    Bytes,
    /// Bytes per second, where a capacity is missing.
    BytesPerSec,
    /// Cores, where their number is missing.
    Cores,
    /// Whole things.
    Count,
}

impl Unit {
    /// The unit of `goal` over `brokers`: shares where every one's capacity is known, as in the judge's figures.
    #[must_use]
    pub fn of(snapshot: &Snapshot, brokers: &[BrokerIdx], goal: Goal) -> Self {
        let is_share = brokers.iter().all(|&b| capacity(snapshot, b, goal).is_some());
        match goal {
            Goal::Replicas | Goal::Leaders | Goal::TopicSpread | Goal::LeadersPerTopic | Goal::ScatterWidth => {
                Self::Count
            }
            _ if is_share => Self::Share,
            Goal::Disk | Goal::LogDir => Self::Bytes,
            Goal::NetworkIn | Goal::NetworkOut | Goal::DiskWrites | Goal::LogDirWrites => Self::BytesPerSec,
            Goal::Cpu => Self::Cores,
        }
    }

    /// `value` as people write it.
    #[must_use]
    pub fn format(self, value: f64) -> String {
        match self {
            Self::Share => human::percent(value),
            Self::Bytes => human::bytes_f64(value),
            Self::BytesPerSec => human::rate(value),
            Self::Cores => format!("{} cores", human::figure(value)),
            Self::Count => human::mean_count(value),
        }
    }

    /// `low … high` as people write it, the unit once where that reads well; one figure where both read alike.
    #[must_use]
    pub fn format_range(self, low: f64, high: f64) -> String {
        match self {
            _ if self.format(low) == self.format(high) => self.format(low),
            Self::Share => human::percent_range(low, high),
            _ => format!("{}–{}", self.format(low), self.format(high)),
        }
    }
}

/// One goal over a group's brokers.
#[derive(Clone, Debug, PartialEq)]
pub struct GoalStanding {
    /// The goal, one of [`Goal::BROKER`].
    pub goal: Goal,
    /// What its figures are counted in.
    pub unit: Unit,
    /// Mean, band and one value per broker.
    pub figures: GoalFigures,
}

/// One group's brokers and goals.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupStanding {
    /// The group's name.
    pub name: String,
    /// The brokers compared, ascending by id.
    pub brokers: Vec<BrokerIdx>,
    /// The goals that are on and can be computed, in the order of reports.
    pub goals: Vec<GoalStanding>,
}

impl GroupStanding {
    /// How the group stands towards `goal`.
    #[must_use]
    pub fn goal(&self, goal: Goal) -> Option<&GoalStanding> {
        self.goals.iter().find(|standing| standing.goal == goal)
    }
}

/// How every group that has brokers stands, groups in the order of their names.
#[must_use]
pub fn standings(snapshot: &Snapshot, policy: &Policy, usage: &Usage) -> Vec<GroupStanding> {
    let groups = Groups::new(snapshot, policy);
    let mut all = Vec::new();
    for (group, name) in groups.names().iter().enumerate() {
        let brokers = band_brokers(snapshot, &groups, group);
        if brokers.is_empty() {
            continue;
        }
        let standing = |goal| {
            let figures = goal_figures(snapshot, policy, usage, &brokers, goal)?;
            Some(GoalStanding { goal, unit: Unit::of(snapshot, &brokers, goal), figures })
        };
        let goals = Goal::BROKER.into_iter().filter_map(standing).collect();
        all.push(GroupStanding { name: name.clone(), brokers, goals });
    }
    all
}

/// The band of `goal` in words, for goals whose band is not the same for every broker.
#[must_use]
pub fn band_in_words(policy: &Policy, goal: Goal) -> String {
    let bands = &policy.bands;
    match goal {
        Goal::TopicSpread => {
            format!("≤ mean + max({}, {})", bands.topic_spread_slack, human::percent(bands.topic_spread))
        }
        Goal::LogDir => {
            format!("≤ max({}, mean + {})", human::percent(bands.log_dir_floor), human::percent(bands.log_dir))
        }
        Goal::LogDirWrites => format!("≤ mean + {}", human::percent(bands.log_dir_writes)),
        Goal::LeadersPerTopic => {
            let share = human::percent(bands.leaders_per_topic);
            format!("≤ mean + max({}, {share})", bands.leaders_per_topic_slack)
        }
        Goal::ScatterWidth => format!("≤ {}", bands.scatter_width),
        _ => format!("mean ± {}", human::percent(bands.of(goal))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Placement;
    use crate::report::sample;

    #[test]
    fn ranges_name_their_unit_once_and_equal_ends_are_one_figure() {
        assert_eq!(Unit::Share.format_range(0.279, 0.341), "27.9–34.1 %");
        assert_eq!(Unit::Share.format_range(0.01, 0.010_001), "1.0 %");
        assert_eq!(Unit::Count.format_range(2.0, 3.0), "2–3");
        assert_eq!(Unit::BytesPerSec.format_range(0.0, 1_048_576.0), "0 B/s–1.00 MiB/s");
        assert_eq!(Unit::Cores.format(2.5), "2.50 cores");
    }

    #[test]
    fn groups_stand_by_name_and_a_missing_capacity_makes_loads_of_shares() {
        let mut snapshot = sample::contract_example();
        snapshot.brokers[0].network_in_capacity_bytes_per_sec = None;
        let usage = Usage::of(&snapshot, &Placement::of(&snapshot));
        let all = standings(&snapshot, &Policy::default(), &usage);
        let units = |group: &GroupStanding| group.goals.iter().map(|g| g.unit).collect::<Vec<_>>();
        assert_eq!(all.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["core", "online"]);
        let (share, count) = (Unit::Share, Unit::Count);
        assert_eq!(units(&all[0]), [share, Unit::BytesPerSec, share, share, count, count]);
        assert_eq!(units(&all[1]), [share, share, share, share, count, count]);
    }
}
