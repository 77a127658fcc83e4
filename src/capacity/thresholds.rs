//! `--until`: what a group's busiest broker may use at most, e.g. `disk<=70%,replicas<=2000`.

use std::collections::BTreeSet;

use crate::ingest::nearest::nearest;
use crate::model::{Goal, Policy};

/// The goals that may be held to a threshold.
pub const GOALS: [Goal; 5] = [Goal::Disk, Goal::NetworkIn, Goal::NetworkOut, Goal::Cpu, Goal::Replicas];

/// One goal's threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// One of [`GOALS`].
    pub goal: Goal,
    /// The most that any broker of a group may use: a fraction of its capacity, or replicas.
    pub most: f64,
}

impl Threshold {
    /// Reads `disk<=70%`, `cpu<=0.6` or `replicas<=2000`.
    ///
    /// # Errors
    /// What is wrong, for clap to print.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((name, value)) = text.split_once("<=") else {
            return Err(format!("{:?} is no threshold: write GOAL<=VALUE, e.g. disk<=70%", text.trim()));
        };
        let name = name.trim().replace('-', "_");
        let Some(goal) = GOALS.into_iter().find(|goal| goal.name() == name) else {
            let near = nearest(&name, GOALS.map(Goal::name)).unwrap_or_default();
            return Err(format!(
                "{name:?} is none of disk, network_in, network_out, cpu, replicas; the nearest is {near}"
            ));
        };
        let value = value.trim();
        let (digits, is_percent) = value.strip_suffix('%').map_or((value, false), |digits| (digits.trim_end(), true));
        let number: f64 = digits.parse().map_err(|_| format!("{value:?} is no number: write 70%, 0.7 or 2000"))?;
        if !number.is_finite() || number <= 0.0 {
            return Err(format!("{name}<={value} can never hold: the value must be above 0"));
        }
        match (goal, is_percent) {
            (Goal::Replicas, true) => Err(format!("replicas are counted: write replicas<={digits}")),
            (Goal::Replicas, false) if number.fract() != 0.0 || number > f64::from(u32::MAX) => {
                Err(format!("replicas are whole: {value} is not"))
            }
            (Goal::Replicas, false) => Ok(Self { goal, most: number }),
            (_, false) if number > 1.0 => {
                Err(format!("{name}<={value} is above the whole: write {value}% for a percentage"))
            }
            (_, true) if number > 100.0 => Err(format!("{name}<={value} is above 100 %")),
            (_, is_percent) => Ok(Self { goal, most: if is_percent { number / 100.0 } else { number } }),
        }
    }
}

/// `policy` with its hard limits lowered to the thresholds, so that the search holds them as it holds limits.
#[must_use]
pub fn tightened(policy: &Policy, thresholds: &[Threshold]) -> Policy {
    let mut tight = policy.clone();
    for threshold in thresholds {
        let limit = match threshold.goal {
            Goal::Disk => &mut tight.limits.disk,
            Goal::NetworkIn => &mut tight.limits.network_in,
            Goal::NetworkOut => &mut tight.limits.network_out,
            Goal::Cpu => &mut tight.limits.cpu,
            Goal::Replicas => {
                let most = threshold.most as u32;
                tight.limits.replicas_per_broker = tight.limits.replicas_per_broker.min(most);
                continue;
            }
            _ => continue,
        };
        *limit = limit.min(threshold.most);
    }
    tight
}

/// What a plan goes after. Where loads are far from even, a search that balances may leave a limit broken that one which
/// pursues nothing else keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pursuit {
    /// The hard rules, limits among them.
    Rules,
    /// These and every goal.
    Balance,
}

impl Pursuit {
    /// `policy` for a plan that goes after this.
    #[must_use]
    pub fn of(self, mut policy: Policy) -> Policy {
        if self == Self::Rules {
            policy.scope.goals = Some(BTreeSet::new());
            policy.scope.relieve_disks = false;
        }
        policy
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_as_percent_or_fraction_and_counts_as_they_are() {
        let read = |text: &str| Threshold::parse(text).unwrap();
        assert_eq!(read("disk<=70%"), Threshold { goal: Goal::Disk, most: 0.7 });
        assert_eq!(read(" network-out <= 0.6 "), Threshold { goal: Goal::NetworkOut, most: 0.6 });
        assert_eq!(read("replicas<=2000"), Threshold { goal: Goal::Replicas, most: 2000.0 });
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_can() {
        for (text, part) in [
            ("disk=70%", "write GOAL<=VALUE"),
            ("dsk<=70%", "the nearest is disk"),
            ("leaders<=9", "is none of disk"),
            ("disk<=70", "write 70%"),
            ("disk<=x%", "is no number"),
            ("disk<=0%", "above 0"),
            ("disk<=170%", "above 100 %"),
            ("replicas<=70%", "counted"),
            ("replicas<=1.5", "whole"),
            ("cpu<=nan", "above 0"),
        ] {
            let said = Threshold::parse(text).unwrap_err();
            assert!(said.contains(part), "{text}: {said}");
        }
    }

    #[test]
    fn limits_are_lowered_and_never_raised() {
        let thresholds = ["disk<=90%", "cpu<=50%", "replicas<=9"].map(|text| Threshold::parse(text).unwrap());
        let limits = tightened(&Policy::default(), &thresholds).limits;
        assert_eq!((limits.disk, limits.cpu, limits.replicas_per_broker), (0.80, 0.50, 9));
    }
}
