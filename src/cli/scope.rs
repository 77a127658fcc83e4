//! The flags that confine one run: how much may move, what may change, which goals are pursued.
//!
//! Input: flags and the policy that a file or the defaults gave. Output: the policy in force. A name that the snapshot
//! lacks is refused: it would quietly confine the run to nothing, or to nothing less.

use super::common::EndOfHeading;
use super::exit::CliError;
use crate::ingest::nearest::nearest;
use crate::ingest::policy::parse_bytes;
use crate::model::{Goal, Groups, Policy, Snapshot, TopicPattern};

/// What one run is confined to.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Scope")]
pub struct ScopeArgs {
    /// Copy at most this much between brokers, e.g. 500GiB; repairs come first. Takes the place of the policy's budget
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    max_moved_bytes: Option<u64>,
    /// Move at most this many replicas between brokers; repairs come first
    #[arg(long, value_name = "N")]
    max_moves: Option<u64>,
    /// Pursue these goals alone and only keep the others from getting worse: disk, network_in, network_out, cpu,
    /// replicas, leaders, topic_spread, log_dir
    #[arg(long, value_name = "GOAL", value_delimiter = ',', value_parser = parse_goal)]
    only_goal: Vec<Goal>,
    /// Change only topics that match; may be given more than once
    #[arg(long, value_name = "PATTERN", value_parser = TopicPattern::new)]
    topics: Vec<TopicPattern>,
    /// Copy nothing at all: change leaders only
    #[arg(long, conflicts_with = "relieve_disks")]
    leadership_only: bool,
    /// Move nothing to or from these brokers, leadership neither
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    exclude_broker: Vec<i32>,
    /// Plan only the topics and brokers of this resource group
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Only relieve the fullest disks, now: brokers and log dirs above their disk band or limit shed to the others
    #[arg(long, conflicts_with = "only_goal")]
    relieve_disks: bool,
    #[command(flatten)]
    end: EndOfHeading,
}

impl ScopeArgs {
    /// Writes what the flags say over `policy`.
    ///
    /// # Errors
    /// A broker, group or topic that `snapshot` lacks, or a goal that the policy switches off.
    pub fn resolve(&self, policy: &mut Policy, snapshot: &Snapshot) -> Result<(), CliError> {
        if let Some(bytes) = self.max_moved_bytes {
            policy.budget.max_moved_bytes = Some(bytes);
            policy.budget.max_moved_share = None;
        }
        policy.budget.max_moves = self.max_moves.or(policy.budget.max_moves);
        policy.scope.leadership_only = self.leadership_only;
        policy.scope.relieve_disks = self.relieve_disks;
        self.goals(policy)?;
        self.topics(policy, snapshot)?;
        self.brokers(policy, snapshot)?;
        self.group(policy, snapshot)
    }

    fn goals(&self, policy: &mut Policy) -> Result<(), CliError> {
        let flag = if self.relieve_disks { "--relieve-disks" } else { "--only-goal" };
        let wanted = if self.relieve_disks { &[Goal::Disk][..] } else { &self.only_goal };
        if let Some(off) = wanted.iter().find(|goal| !policy.bands.is_on(**goal)) {
            let name = off.name();
            return Err(CliError::Usage(format!(
                "{flag} pursues {name}, which the policy switches off: bands.{name} = 0"
            )));
        }
        if !self.only_goal.is_empty() {
            policy.scope.goals = Some(self.only_goal.iter().copied().collect());
        }
        Ok(())
    }

    fn topics(&self, policy: &mut Policy, snapshot: &Snapshot) -> Result<(), CliError> {
        for pattern in &self.topics {
            if !snapshot.topics.iter().any(|topic| pattern.matches(&topic.name)) {
                let near = nearest(pattern.text(), snapshot.topics.iter().map(|t| t.name.as_str()));
                let help = near.map(|near| format!("; the nearest is {near}")).unwrap_or_default();
                return Err(CliError::Usage(format!("--topics {:?} matches no topic{help}", pattern.text())));
            }
        }
        if !self.topics.is_empty() {
            policy.only = Some(self.topics.clone());
        }
        Ok(())
    }

    fn brokers(&self, policy: &mut Policy, snapshot: &Snapshot) -> Result<(), CliError> {
        if let Some(id) = self.exclude_broker.iter().find(|&&id| snapshot.broker_by_id(id).is_none()) {
            return Err(CliError::Usage(format!("--exclude-broker names broker {id}, which the snapshot lacks")));
        }
        policy.scope.exclude_brokers = self.exclude_broker.iter().copied().collect();
        Ok(())
    }

    fn group(&self, policy: &mut Policy, snapshot: &Snapshot) -> Result<(), CliError> {
        let Some(group) = &self.group else { return Ok(()) };
        let groups = Groups::new(snapshot, policy);
        if !groups.names().contains(group) {
            let known = groups.names().join(", ");
            return Err(CliError::Usage(format!("--group {group:?} is no resource group; there are {known}")));
        }
        policy.scope.group = Some(group.clone());
        Ok(())
    }
}

/// Reads a goal's name; hyphens will do for underscores.
fn parse_goal(text: &str) -> Result<Goal, String> {
    Goal::by_name(&text.trim().replace('-', "_")).ok_or_else(|| {
        let near = nearest(text, Goal::ALL.iter().map(|goal| goal.name())).unwrap_or_default();
        format!("no goal is called {text:?}; the nearest is {near}")
    })
}
