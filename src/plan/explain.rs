//! Why a partition's replicas sit where a plan has them, and what the next best places would have cost.
//!
//! Input: a snapshot, a policy, where a plan puts every replica, a partition. Output: an [`Explanation`]. Pure. Brokers
//! are ranked by the change of excess that one replica's loads bring to both brokers under the plan's bands; the few that
//! are listed are judged anew with the whole placement, so that no figure is the ranking's.

mod goals;

use super::change::{Change, held_in, transition};
use super::elections::leader_after;
use super::places::{Barred, Places, Ranked};
use crate::model::load::{Unjudged, unjudged};
use crate::model::{Assessment, BrokerIdx, Freedom, Goal, Groups, PartitionIdx, Placement, Policy, Seat, Snapshot};
use crate::verify::hard::{Subject, Violation, each_violation};
use crate::verify::movement::partition_movement;
use crate::verify::{self, Usage};

/// Places listed per replica.
pub const LISTED: usize = 3;

/// How a plan and one change to it compare by the objective: hard counts, excess, bytes (contract §3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// The sum of all hard counts.
    pub hard_total: u64,
    /// How many are outside their band.
    pub outside: u64,
    /// Excess of all goals.
    pub excess: f64,
    /// Excess of all goals but `log_dir`: what the objective compares before bytes.
    pub broker_excess: f64,
    /// Bytes copied between brokers.
    pub inter_broker_bytes: u64,
}

impl Figures {
    fn of(assessment: &Assessment, inter_broker_bytes: u64) -> Self {
        Self {
            hard_total: assessment.hard_total(),
            outside: assessment.imbalance.outside,
            excess: assessment.imbalance.excess,
            broker_excess: assessment.broker_excess(),
            inter_broker_bytes,
        }
    }

    /// How `self` compares with `plan`, excess up to `tolerance` alike.
    #[must_use]
    pub fn against(&self, plan: &Self, tolerance: f64) -> Comparison {
        let alike = plan.broker_excess * tolerance + 1e-9;
        let excess = self.broker_excess - plan.broker_excess;
        match self.hard_total.cmp(&plan.hard_total) {
            std::cmp::Ordering::Greater => Comparison::BreaksRules,
            std::cmp::Ordering::Less => Comparison::MendsRules,
            std::cmp::Ordering::Equal if excess > alike => Comparison::LessBalanced,
            std::cmp::Ordering::Equal if excess < -alike => Comparison::MoreBalanced,
            std::cmp::Ordering::Equal => match self.inter_broker_bytes.cmp(&plan.inter_broker_bytes) {
                std::cmp::Ordering::Greater => Comparison::CopiesMore,
                std::cmp::Ordering::Less => Comparison::CopiesLess,
                std::cmp::Ordering::Equal => Comparison::AsGood,
            },
        }
    }
}

/// How an alternative compares with the plan: the first of the objective's levels in which they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// More violations of hard rules.
    BreaksRules,
    /// Fewer violations.
    MendsRules,
    /// More excess, beyond the tolerance.
    LessBalanced,
    /// Less excess, beyond the tolerance.
    MoreBalanced,
    /// More bytes between brokers.
    CopiesMore,
    /// Fewer bytes between brokers.
    CopiesLess,
    /// No difference that the objective knows.
    AsGood,
}

impl Comparison {
    /// The name used in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BreaksRules => "breaks_rules",
            Self::MendsRules => "mends_rules",
            Self::LessBalanced => "less_balanced",
            Self::MoreBalanced => "more_balanced",
            Self::CopiesMore => "copies_more",
            Self::CopiesLess => "copies_less",
            Self::AsGood => "as_good",
        }
    }

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::BreaksRules => "breaks hard rules",
            Self::MendsRules => "would mend a hard rule",
            Self::LessBalanced => "less balanced",
            Self::MoreBalanced => "more balanced",
            Self::CopiesMore => "copies more",
            Self::CopiesLess => "copies less, as balanced within the tolerance",
            Self::AsGood => "as good",
        }
    }
}

/// One other place of a replica, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternative {
    /// Where.
    pub seat: Seat,
    /// Whether the snapshot has a replica of the partition on that broker: nothing would be copied.
    pub is_home: bool,
    /// The plan with this change.
    pub figures: Figures,
    /// How it compares with the plan.
    pub comparison: Comparison,
}

/// One replica of the plan, or one that the plan removes.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaStory {
    /// Its position in the plan; none where the plan removes it.
    pub position: Option<usize>,
    /// Where it is in the snapshot; none for one that a larger replication factor adds.
    pub from: Option<Seat>,
    /// Where the plan has it; none where the plan removes it.
    pub to: Option<Seat>,
    /// Bytes that the plan copies for it.
    pub copied_bytes: u64,
    /// The best other places, best first; empty where it may not move.
    pub alternatives: Vec<Alternative>,
    /// Where it may not go, by reason, in the order the reasons are looked for.
    pub barred: Vec<Barred>,
    /// Why no other place was looked for; none where some were.
    pub held: Option<String>,
}

/// Another replica leading.
#[derive(Clone, Debug, PartialEq)]
pub struct LeaderAlternative {
    /// Who would lead.
    pub broker: BrokerIdx,
    /// Why it cannot; the figures are absent then.
    pub barred: Option<&'static str>,
    /// The plan with this leader.
    pub figures: Option<(Figures, Comparison)>,
}

/// One goal on one of the partition's brokers, in the goal's unit: utilizations, loads or counts.
#[derive(Clone, Debug, PartialEq)]
pub struct GoalOnBroker {
    /// The broker, one that hosts the partition before or after.
    pub broker: BrokerIdx,
    /// The goal.
    pub goal: Goal,
    /// Its figure in the snapshot.
    pub before: f64,
    /// Its figure with the plan carried out.
    pub after: f64,
    /// The group's mean with the plan carried out.
    pub mean: f64,
    /// The band with the plan carried out.
    pub band: (f64, f64),
    /// Whether the snapshot's figure is outside its own band.
    pub outside_before: bool,
    /// Whether the plan's figure is outside the band.
    pub outside_after: bool,
}

/// Everything about one partition under a plan.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The partition.
    pub partition: PartitionIdx,
    /// Why it gets no entry whatever the goals; none where it may.
    pub unjudged: Option<Unjudged>,
    /// What the policy allows its topic.
    pub freedom: Freedom,
    /// Who leads before and after.
    pub leaders: (Option<BrokerIdx>, Option<BrokerIdx>),
    /// The plan as a whole.
    pub plan: Figures,
    /// Its replicas: by position in the plan, then those removed.
    pub replicas: Vec<ReplicaStory>,
    /// Other leaders, by position.
    pub leaderships: Vec<LeaderAlternative>,
    /// Violations that the partition, its brokers or its dirs are part of: in the snapshot and under the plan.
    pub violations: (Vec<Violation>, Vec<Violation>),
    /// Goals on its brokers, by broker, then goal.
    pub goals: Vec<GoalOnBroker>,
}

/// Explains `partition` under the plan that ends at `planned`.
#[must_use]
pub fn explain(snapshot: &Snapshot, policy: &Policy, planned: &Placement, partition: PartitionIdx) -> Explanation {
    let groups = Groups::new(snapshot, policy);
    let now = Placement::of(snapshot);
    let usages = (Usage::of(snapshot, &now), Usage::of(snapshot, planned));
    let bytes = verify::movement(snapshot, planned).inter_broker_bytes;
    let plan = Figures::of(&verify::assess(snapshot, policy, planned), bytes);
    let topic = &snapshot.topic(snapshot.partition(partition).topic).name;
    let mut trial = Trial { snapshot, policy, placement: planned.clone(), partition, plan };
    let freedom = policy.freedom(topic);
    let held = match (unjudged(snapshot, partition), freedom) {
        (Some(_), _) => Some("the partition gets no entry".to_owned()),
        (None, Freedom::Fixed) => Some("the policy allows its topic no entry".to_owned()),
        (None, Freedom::RepairOnly | Freedom::Free) => None,
    };
    let places = Places::new(snapshot, policy, &groups, planned, &usages.1, partition);
    let (_, changes) = transition(
        snapshot,
        &held_in(snapshot, partition),
        planned.seats(partition),
        snapshot.copy_size_bytes(partition),
    );
    Explanation {
        partition,
        unjudged: unjudged(snapshot, partition),
        freedom,
        leaders: (snapshot.partition(partition).leader, planned.leader(partition)),
        plan,
        replicas: replicas(&mut trial, &places, &changes, held.as_deref()),
        leaderships: if held.is_some() { Vec::new() } else { leaderships(&mut trial) },
        violations: (
            touching(snapshot, policy, &groups, &now, &usages.0, (partition, &now, planned)),
            touching(snapshot, policy, &groups, planned, &usages.1, (partition, &now, planned)),
        ),
        goals: goals::on_hosts(snapshot, policy, &groups, (&usages.0, &usages.1), (partition, &now, planned)),
    }
}

/// The plan, to be changed in one partition and judged.
struct Trial<'a> {
    snapshot: &'a Snapshot,
    policy: &'a Policy,
    placement: Placement,
    partition: PartitionIdx,
    plan: Figures,
}

impl Trial<'_> {
    /// The figures with the partition on `seats` under `leader`; the plan is restored afterwards.
    fn judge(&mut self, seats: &[Seat], leader: Option<BrokerIdx>) -> Figures {
        let old = self.placement.seats(self.partition).to_vec();
        let old_leader = self.placement.leader(self.partition);
        let copied = |seats: &[Seat]| partition_movement(self.snapshot, self.partition, seats).inter_broker_bytes;
        let bytes = self.plan.inter_broker_bytes - copied(&old) + copied(seats);
        self.placement.seats_mut(self.partition).copy_from_slice(seats);
        self.placement.set_leader(self.partition, leader);
        let figures = Figures::of(&verify::assess(self.snapshot, self.policy, &self.placement), bytes);
        self.placement.seats_mut(self.partition).copy_from_slice(&old);
        self.placement.set_leader(self.partition, old_leader);
        figures
    }

    fn with_seat(&mut self, position: usize, place: &Ranked) -> Alternative {
        let mut seats = self.placement.seats(self.partition).to_vec();
        let old = seats[position];
        seats[position] = place.seat;
        let leader = match self.placement.leader(self.partition) {
            Some(leader) if leader == old.broker && position == 0 => Some(place.seat.broker),
            Some(leader) if leader == old.broker => {
                leader_after(self.snapshot, self.snapshot.partition(self.partition).leader, &seats, false)
            }
            leader => leader,
        };
        let figures = self.judge(&seats, leader);
        let hosts = self.snapshot.replicas_of(self.partition);
        Alternative {
            seat: place.seat,
            is_home: hosts.iter().any(|r| r.broker == place.seat.broker),
            figures,
            comparison: figures.against(&self.plan, self.policy.excess_tolerance),
        }
    }
}

fn replicas(trial: &mut Trial<'_>, places: &Places<'_>, changes: &[Change], held: Option<&str>) -> Vec<ReplicaStory> {
    let seats = trial.placement.seats(trial.partition).to_vec();
    let mut stories = Vec::with_capacity(seats.len());
    for (position, &seat) in seats.iter().enumerate() {
        let change = changes.iter().find(|change| change.to.is_some_and(|held| held.seat == seat));
        let from = change.map_or(Some(seat), |change| change.from.map(|held| held.seat));
        let held = held.map(str::to_owned).or_else(|| pinned(trial, from, seat));
        let (mut alternatives, mut barred) = (Vec::new(), Vec::new());
        if held.is_none() {
            let (ranked, closed) = places.of(position);
            barred = closed;
            let is_origin = |place: &Ranked| from.is_some_and(|from| from.broker == place.seat.broker);
            // Where it came from is always told, however far down the ranking it is.
            let origin = ranked.iter().skip(LISTED).find(|place| is_origin(place));
            alternatives =
                ranked.iter().take(LISTED).chain(origin).map(|place| trial.with_seat(position, place)).collect();
            alternatives.sort_by(|a, b| by_objective(&a.figures, &b.figures).then(a.seat.broker.cmp(&b.seat.broker)));
        }
        let copied_bytes = change.map_or(0, Change::bytes);
        stories.push(ReplicaStory {
            position: Some(position),
            from,
            to: Some(seat),
            copied_bytes,
            alternatives,
            barred,
            held,
        });
    }
    let removed = changes.iter().filter(|change| change.to.is_none()).filter_map(|change| change.from);
    stories.extend(removed.map(|held| ReplicaStory {
        position: None,
        from: Some(held.seat),
        to: None,
        copied_bytes: 0,
        alternatives: Vec::new(),
        barred: Vec::new(),
        held: Some("the plan lowers the replication factor".to_owned()),
    }));
    stories
}

/// Why the replica must stay on its broker, whatever the goals.
fn pinned(trial: &Trial<'_>, from: Option<Seat>, to: Seat) -> Option<String> {
    let stays = from.is_some_and(|from| from.broker == to.broker);
    let is_pinned = trial.policy.pinned(trial.snapshot, trial.partition).contains(&to.broker);
    (stays && is_pinned).then(|| format!("the policy pins a replica to broker {}", trial.snapshot.broker(to.broker).id))
}

/// Hard counts, then excess, then bytes.
fn by_objective(a: &Figures, b: &Figures) -> std::cmp::Ordering {
    a.hard_total
        .cmp(&b.hard_total)
        .then(a.broker_excess.total_cmp(&b.broker_excess))
        .then(a.inter_broker_bytes.cmp(&b.inter_broker_bytes))
}

fn leaderships(trial: &mut Trial<'_>) -> Vec<LeaderAlternative> {
    let seats = trial.placement.seats(trial.partition).to_vec();
    let leader = trial.placement.leader(trial.partition);
    let mut all = Vec::new();
    for seat in seats.iter().filter(|seat| Some(seat.broker) != leader) {
        let resident = trial.snapshot.replicas_of(trial.partition).iter().find(|r| r.broker == seat.broker);
        let barred = if !trial.snapshot.broker(seat.broker).state.is_active() {
            Some("its broker is not active")
        } else if resident.is_some_and(|r| !r.in_sync) {
            Some("its replica is not in sync")
        } else {
            None
        };
        let figures = barred.is_none().then(|| {
            let figures = trial.judge(&seats, Some(seat.broker));
            (figures, figures.against(&trial.plan, trial.policy.excess_tolerance))
        });
        all.push(LeaderAlternative { broker: seat.broker, barred, figures });
    }
    all
}

/// The partition with its placements before and after.
type Ends<'a> = (PartitionIdx, &'a Placement, &'a Placement);

/// Brokers that host the partition before or after, ascending.
fn hosts((partition, before, after): Ends<'_>) -> Vec<BrokerIdx> {
    let mut hosts: Vec<BrokerIdx> =
        before.seats(partition).iter().chain(after.seats(partition)).map(|seat| seat.broker).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

/// Violations in `placement` that name the partition, one of its brokers, or one of its dirs.
fn touching(
    snapshot: &Snapshot,
    policy: &Policy,
    groups: &Groups,
    placement: &Placement,
    usage: &Usage,
    ends: Ends<'_>,
) -> Vec<Violation> {
    let (partition, before, after) = ends;
    let hosts = hosts(ends);
    let dirs: Vec<_> = before.seats(partition).iter().chain(after.seats(partition)).filter_map(|s| s.log_dir).collect();
    let mut found = Vec::new();
    each_violation(snapshot, policy, groups, placement, usage, |violation| {
        let touches = match violation.subject {
            Subject::Partition(p) | Subject::Replica(p, _) => p == partition,
            Subject::Broker(broker) => hosts.contains(&broker),
            Subject::LogDir(dir) => dirs.contains(&dir),
        };
        if touches {
            found.push(violation);
        }
    });
    found
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests;
