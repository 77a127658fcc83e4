//! Excuses for people: broken rules and partitions left out, each with its numbers and what would mend it; and long
//! lists of excuses drawn together by what they have in common. Pure.

use crate::model::load::unjudged;
use crate::model::{Criterion, Excuse, Groups, PartitionIdx, Placement, Policy, Rule, Snapshot, Unjudged};
use crate::report::human;
use crate::verify::Usage;
use crate::verify::hard::{Subject, Violation, each_violation};

/// One excuse per violation of a hard rule in `placement`, in the judge's order.
#[must_use]
pub fn of_violations(snapshot: &Snapshot, policy: &Policy, placement: &Placement, usage: &Usage) -> Vec<Excuse> {
    let groups = Groups::new(snapshot, policy);
    let mut excuses = Vec::new();
    each_violation(snapshot, policy, &groups, placement, usage, |violation| {
        excuses.push(Excuse {
            subject: subject(snapshot, violation.subject),
            criterion: Some(Criterion::Rule(violation.rule)),
            value: violation.value,
            limit: violation.limit,
            why: why(snapshot, &groups, placement, &violation),
            remedy: remedy(violation.rule).to_owned(),
        });
    });
    excuses
}

fn subject(snapshot: &Snapshot, subject: Subject) -> String {
    match subject {
        Subject::Partition(p) | Subject::Replica(p, _) => snapshot.partition_name(p),
        Subject::Broker(b) => format!("broker {}", snapshot.broker(b).id),
        Subject::LogDir(d) => {
            let dir = snapshot.log_dir(d);
            format!("broker {} {}", snapshot.broker(dir.broker).id, dir.path)
        }
    }
}

fn why(snapshot: &Snapshot, groups: &Groups, placement: &Placement, violation: &Violation) -> String {
    let (value, limit) = (violation.value.unwrap_or(0.0), violation.limit.unwrap_or(0.0));
    match (violation.rule, violation.subject) {
        (Rule::DuplicateReplica, _) => "two of its replicas sit on one broker".to_owned(),
        (Rule::InactiveBroker, Subject::Replica(_, b)) => {
            let broker = snapshot.broker(b);
            format!("a replica is on broker {}, which is {}", broker.id, broker.state.name())
        }
        (Rule::OfflineLogDir, Subject::Replica(p, b)) => {
            let seat = placement.seats(p).iter().find(|seat| seat.broker == b);
            let path = seat.and_then(|s| s.log_dir).map_or("a log dir", |d| snapshot.log_dir(d).path.as_str());
            format!("a replica is on {path} of broker {}, which is offline", snapshot.broker(b).id)
        }
        (Rule::ResourceGroup, Subject::Replica(p, b)) => {
            let home = groups.home_name(groups.home(snapshot.partition(p).topic));
            let at = groups.of_broker(b).map_or("no group", |g| groups.names()[g].as_str());
            format!("it belongs to group {home}, a replica is on broker {} of {at}", snapshot.broker(b).id)
        }
        (Rule::Rack, _) if value > limit => format!("{value:.0} replicas in one rack, {limit:.0} allowed"),
        (Rule::Rack, _) => format!("replicas in {value:.0} racks, {limit:.0} wanted"),
        (Rule::ReplicaCount, _) => {
            format!("{} replicas, limit {}", human::mean_count(value), human::mean_count(limit))
        }
        _ => format!("{} used, limit {}", human::percent(value), human::percent(limit)),
    }
}

/// What mends a broken rule.
fn remedy(rule: Rule) -> &'static str {
    match rule {
        Rule::DuplicateReplica => "rebalance gives each replica a broker of its own",
        Rule::InactiveBroker => "rebalance replaces the replica on an active broker",
        Rule::OfflineLogDir => "replace the disk, or let rebalance move the replica to another broker",
        Rule::ResourceGroup => "rebalance moves the replica to its group, or correct the topic's group",
        Rule::Rack => "rebalance spreads the replicas over racks",
        Rule::DiskCapacity | Rule::LogDirCapacity => "rebalance moves replicas away; else add disks or cut retention",
        Rule::NetworkInCapacity | Rule::NetworkOutCapacity | Rule::CpuCapacity => {
            "rebalance moves leaders and replicas away; else add brokers"
        }
        Rule::ReplicaCount => "rebalance moves replicas away; else add brokers or cut partitions",
    }
}

/// Why a partition is judged by no rule and gets no entry, and what would change that.
#[must_use]
pub fn explain(why: Unjudged) -> (&'static str, &'static str) {
    match why {
        Unjudged::NoLeader => {
            ("it has no leader, so nothing can be copied from it", "bring a broker with an in-sync replica back")
        }
        Unjudged::ReplicaOnDownBroker => (
            "a replica is on a broker that is down, and Kafka refuses plans that name it",
            "bring the broker back, or declare it dead",
        ),
        Unjudged::Reassigning => {
            ("a reassignment is under way", "let it finish or cancel it, then capture the cluster again")
        }
    }
}

/// Partitions that are judged by no rule, by reason.
#[derive(Clone, Debug, PartialEq)]
pub struct UnjudgedPartitions {
    /// Why.
    pub reason: Unjudged,
    /// Which, in the snapshot's order.
    pub partitions: Vec<PartitionIdx>,
}

impl UnjudgedPartitions {
    /// The reason's name in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.reason {
            Unjudged::NoLeader => "no_leader",
            Unjudged::ReplicaOnDownBroker => "replica_on_down_broker",
            Unjudged::Reassigning => "reassigning",
        }
    }
}

/// All partitions that are judged by no rule; reasons that apply to none are absent.
#[must_use]
pub fn unjudged_partitions(snapshot: &Snapshot) -> Vec<UnjudgedPartitions> {
    let reasons = [Unjudged::NoLeader, Unjudged::ReplicaOnDownBroker, Unjudged::Reassigning];
    let mut all = reasons.map(|reason| UnjudgedPartitions { reason, partitions: Vec::new() });
    for p in snapshot.partition_indices() {
        if let Some(reason) = unjudged(snapshot, p) {
            all.iter_mut().filter(|u| u.reason == reason).for_each(|u| u.partitions.push(p));
        }
    }
    all.into_iter().filter(|u| !u.partitions.is_empty()).collect()
}

/// One excuse per partition that is judged by no rule.
#[must_use]
pub fn of_unjudged(snapshot: &Snapshot, unjudged: &[UnjudgedPartitions]) -> Vec<Excuse> {
    let excuse = |reason, p| {
        let (why, remedy) = explain(reason);
        Excuse {
            subject: snapshot.partition_name(p),
            criterion: None,
            value: None,
            limit: None,
            why: why.to_owned(),
            remedy: remedy.to_owned(),
        }
    };
    unjudged.iter().flat_map(|u| u.partitions.iter().map(move |&p| excuse(u.reason, p))).collect()
}

/// Excuses about the same rule or goal with the same remedy.
#[derive(Clone, Debug, PartialEq)]
pub struct ExcuseGroup<'a> {
    /// What they are about; none where they are about no rule or goal.
    pub criterion: Option<Criterion>,
    /// What would fix them all.
    pub remedy: &'a str,
    /// The excuses, furthest beyond their limit first.
    pub excuses: Vec<&'a Excuse>,
}

/// Draws `excuses` together: rules in the order of reports, then goals, then the rest.
#[must_use]
pub fn grouped(excuses: &[Excuse]) -> Vec<ExcuseGroup<'_>> {
    let mut groups: Vec<ExcuseGroup<'_>> = Vec::new();
    // Remedies per criterion are few, so that looking through the groups stays cheap even for many excuses.
    for excuse in excuses {
        let same = |g: &&mut ExcuseGroup<'_>| g.criterion == excuse.criterion && g.remedy == excuse.remedy;
        match groups.iter_mut().find(same) {
            Some(group) => group.excuses.push(excuse),
            None => {
                groups.push(ExcuseGroup { criterion: excuse.criterion, remedy: &excuse.remedy, excuses: vec![excuse] })
            }
        }
    }
    for group in &mut groups {
        group.excuses.sort_by(|a, b| beyond(b).total_cmp(&beyond(a)));
    }
    groups.sort_by_key(|group| (group.criterion.is_none(), group.criterion));
    groups
}

/// How far an excuse's figure is beyond its limit, relative to the limit; 0 where either is missing.
fn beyond(excuse: &Excuse) -> f64 {
    match (excuse.value, excuse.limit) {
        (Some(value), Some(limit)) if limit != 0.0 => ((value - limit) / limit).abs(),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Goal;

    fn excuse(subject: &str, criterion: Option<Criterion>, value: f64, remedy: &str) -> Excuse {
        Excuse {
            subject: subject.to_owned(),
            criterion,
            value: Some(value),
            limit: Some(1.0),
            why: String::new(),
            remedy: remedy.to_owned(),
        }
    }

    #[test]
    fn what_has_rule_and_remedy_in_common_is_one_group_with_the_worst_first() {
        let disk = Some(Criterion::Goal(Goal::Disk));
        let rack = Some(Criterion::Rule(Rule::Rack));
        let all = [
            excuse("p-0", None, 1.0, "wait"),
            excuse("broker 1", disk, 1.2, "widen"),
            excuse("broker 2", disk, 0.4, "widen"),
            excuse("p-1", rack, 2.0, "add racks"),
            excuse("broker 3", disk, 1.1, "search longer"),
        ];
        let groups = grouped(&all);
        let shape: Vec<(Option<Criterion>, Vec<&str>)> =
            groups.iter().map(|g| (g.criterion, g.excuses.iter().map(|e| e.subject.as_str()).collect())).collect();
        let want =
            [(rack, vec!["p-1"]), (disk, vec!["broker 2", "broker 1"]), (disk, vec!["broker 3"]), (None, vec!["p-0"])];
        assert_eq!(shape, want);
    }
}
