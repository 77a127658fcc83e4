//! What one run is confined to: the flags that narrow a plan beyond what a policy file says.
//!
//! A scope narrows what the search may do and want. It changes no rule, no band and no figure: the judge reports the
//! whole cluster all the same.

use std::collections::BTreeSet;

use super::goal::Goal;

/// What one run is confined to; the default is the whole cluster and every goal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// Where set, the search pursues these goals alone; the others are only kept from getting worse.
    pub goals: Option<BTreeSet<Goal>>,
    /// Nothing is copied, neither between brokers nor between log dirs: leadership alone may change.
    pub leadership_only: bool,
    /// Ids of brokers that nothing moves to or from, leadership neither.
    pub exclude_brokers: BTreeSet<i32>,
    /// Where set, only topics of this resource group change, and only brokers of it receive.
    pub group: Option<String>,
    /// Only what is too full sheds: brokers and log dirs above the upper edge of their disk bands, or their limit.
    pub relieve_disks: bool,
}

impl Scope {
    /// Whether the search is to bring `goal` into its band.
    #[must_use]
    pub fn pursues(&self, goal: Goal) -> bool {
        if self.relieve_disks {
            return matches!(goal, Goal::Disk | Goal::LogDir);
        }
        self.goals.as_ref().is_none_or(|goals| goals.contains(&goal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_without_goals_pursues_all_and_relief_disks_alone() {
        let all = Scope::default();
        assert!(Goal::ALL.into_iter().all(|goal| all.pursues(goal)));
        let disk = Scope { goals: Some(BTreeSet::from([Goal::Disk])), ..Scope::default() };
        assert_eq!(Goal::ALL.map(|goal| disk.pursues(goal)).iter().filter(|p| **p).count(), 1);
        let relief = Scope { relieve_disks: true, ..Scope::default() };
        assert!(relief.pursues(Goal::Disk) && relief.pursues(Goal::LogDir) && !relief.pursues(Goal::Replicas));
    }
}
