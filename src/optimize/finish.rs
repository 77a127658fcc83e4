//! From the search's state to what it hands on: final order of seats, reasons, excuses.

use super::floor::{Floor, floors};
use super::log_dir_writes::{writes_excuses, writes_reason};
use super::penalty::Bands;
use super::problem::{LANES, NONE, Problem, row};
use super::repair::{fault, rack_broken};
use super::solution::Reason;
use super::state::{NO_LEADER, State};
use crate::model::load::{Unjudged, unjudged};
use crate::model::{BrokerIdx, Criterion, Excuse, Freedom, Goal, LogDirIdx, PartitionIdx, Placement, Rule, Seat, band};

/// The placement that `state` means. A leader that differs from the snapshot's goes to position 0, to be elected there.
pub(crate) fn placement(problem: &Problem<'_>, state: &State) -> Placement {
    let snapshot = problem.snapshot;
    let mut placement = Placement::with_capacity(problem.partitions.len(), problem.slot_partition.len());
    for p in snapshot.partition_indices() {
        let old = snapshot.partition(p).leader;
        let mut seats: Vec<Seat> = problem.slots(row(p.row())).map(|s| seat(state, s)).collect();
        let offset = state.leader[p.row()];
        let leader = seats.get(usize::from(offset)).map(|s| s.broker);
        if offset != NO_LEADER && leader != old {
            seats[..=usize::from(offset)].rotate_right(1);
        }
        placement.push(seats, if offset == NO_LEADER { old } else { leader });
    }
    placement
}

fn seat(state: &State, s: usize) -> Seat {
    let dir = state.dir[s];
    Seat {
        broker: BrokerIdx::new(state.broker[s] as usize),
        log_dir: (dir != NONE).then(|| LogDirIdx::new(dir as usize)),
    }
}

/// Why each changed partition changed, in the snapshot's order.
pub(crate) fn reasons(problem: &Problem<'_>, before: &State, after: &State) -> Vec<Reason> {
    let changed = |p: &u32| {
        after.leader[*p as usize] != before.leader[*p as usize]
            || problem.slots(*p).any(|s| after.broker[s] != before.broker[s] || after.dir[s] != before.dir[s])
    };
    (0..row(problem.partitions.len())).filter(changed).map(|p| reason(problem, before, after, p)).collect()
}

fn reason(problem: &Problem<'_>, before: &State, after: &State, p: u32) -> Reason {
    let partition = PartitionIdx::new(p as usize);
    let moved: Vec<usize> = problem.slots(p).filter(|&s| after.broker[s] != before.broker[s]).collect();
    for &s in &moved {
        if let Some(rule) = fault(problem, before, row(s)) {
            let detail = repaired(problem, before, s, rule);
            return Reason { partition, criterion: Criterion::Rule(rule), detail };
        }
    }
    if !moved.is_empty() && rack_broken(problem, before, p) {
        let racks = problem.topics[problem.partitions[p as usize].topic as usize].racks;
        let detail = format!("replicas shared a rack though {racks} are there");
        return Reason { partition, criterion: Criterion::Rule(Rule::Rack), detail };
    }
    let (criterion, detail) = moved
        .first()
        .map(|&s| served(problem, before, before.broker[s], after.broker[s], true))
        .or_else(|| dir_reason(problem, before, after, p))
        .unwrap_or_else(|| leader_reason(problem, before, after, p));
    Reason { partition, criterion, detail }
}

fn repaired(problem: &Problem<'_>, before: &State, s: usize, rule: Rule) -> String {
    let broker = &problem.snapshot.brokers[before.broker[s] as usize];
    match rule {
        Rule::DuplicateReplica => format!("broker {} held the partition twice", broker.id),
        Rule::OfflineLogDir => {
            let dir = before.dir[s] as usize;
            format!("{} of broker {} is offline", problem.snapshot.log_dirs[dir].path, broker.id)
        }
        Rule::ResourceGroup => format!("broker {} is not of the topic's group", broker.id),
        _ => format!("broker {} is {}", broker.id, broker.state.name()),
    }
}

/// The goal that a change from broker `from` to `to` serves most: the one furthest outside on either side. Leadership
/// changes loads of network out, cpu and leaders only.
fn served(problem: &Problem<'_>, before: &State, from: u32, to: u32, replica: bool) -> (Criterion, String) {
    let mut best: Option<(f64, usize, u32)> = None;
    for lane in (0..LANES).filter(|&lane| replica || matches!(lane, 2 | 3 | 5)) {
        for (b, sign) in [(from, 1.0), (to, -1.0)] {
            let (low, high) = before.bands.band(b as usize, lane);
            let ratio = before.bands.ratio(b as usize, &before.load[b as usize], lane);
            let outside = if sign > 0.0 { ratio - high } else { low - ratio };
            if outside.is_finite() && best.is_none_or(|(most, ..)| outside > most) {
                best = Some((outside, lane, b));
            }
        }
    }
    if replica && before.scatter.is_beyond(from) && best.is_none_or(|(outside, ..)| outside <= 0.0) {
        let (id, width) = (problem.snapshot.brokers[from as usize].id, before.scatter.width(from));
        let detail = format!("broker {id} shares partitions with {width} others, limit {}", before.scatter.limit());
        return (Criterion::Goal(Goal::ScatterWidth), detail);
    }
    let Some((outside, lane, b)) = best.filter(|(outside, ..)| *outside > -0.1) else {
        return (Criterion::Goal(Goal::TopicSpread), "too many replicas of the topic on one broker".to_owned());
    };
    let (low, high) = before.bands.band(b as usize, lane);
    let ratio = before.bands.ratio(b as usize, &before.load[b as usize], lane);
    let goal = Goal::BROKER[lane];
    let id = problem.snapshot.brokers[b as usize].id;
    let side = if outside > 0.0 { "" } else { ", near the edge: makes room for others" };
    (
        Criterion::Goal(goal),
        format!("broker {id} at {ratio:.2} of the mean {}, band {low:.2}–{high:.2}{side}", goal.name()),
    )
}

fn dir_reason(problem: &Problem<'_>, before: &State, after: &State, p: u32) -> Option<(Criterion, String)> {
    let s = problem.slots(p).find(|&s| after.dir[s] != before.dir[s])?;
    let dir = before.dir[s];
    if dir == NONE {
        return None;
    }
    let facts = &problem.dirs[dir as usize];
    let share = before.dir_bytes[dir as usize] / facts.capacity_bytes;
    let hard = before.dir_bytes[dir as usize] > facts.limit_bytes;
    let criterion = if hard { Criterion::Rule(Rule::LogDirCapacity) } else { Criterion::Goal(Goal::LogDir) };
    let path = &problem.snapshot.log_dirs[dir as usize].path;
    let id = problem.snapshot.brokers[before.broker[s] as usize].id;
    let busy = if hard { None } else { writes_reason(problem, before, after, s) };
    Some(busy.unwrap_or_else(|| (criterion, format!("{path} of broker {id} at {:.1} %", share * 100.0))))
}

fn leader_reason(problem: &Problem<'_>, before: &State, after: &State, p: u32) -> (Criterion, String) {
    let broker = |state: &State| {
        let offset = state.leader[p as usize];
        problem.slots(p).nth(usize::from(offset)).map(|s| state.broker[s])
    };
    match (broker(before), broker(after)) {
        (Some(from), Some(to)) => crowded_leaders(problem, before, p, from)
            .map(|detail| (Criterion::Goal(Goal::LeadersPerTopic), detail))
            .unwrap_or_else(|| served(problem, before, from, to, false)),
        _ => (Criterion::Goal(Goal::Leaders), "leadership follows the replicas".to_owned()),
    }
}

/// How many leaders of the topic of `p` crowd on `broker`, in words; none where they do not.
fn crowded_leaders(problem: &Problem<'_>, before: &State, p: u32, broker: u32) -> Option<String> {
    let (t, leaders) = (problem.partitions[p as usize].topic, &before.leader_spread);
    let limit = leaders.limit(problem, t);
    let crowds = limit != NONE && leaders.crowds(problem, &before.broker, t, broker);
    let words = || {
        let (name, id) = (&problem.snapshot.topics[t as usize].name, problem.snapshot.brokers[broker as usize].id);
        let count = leaders.count(problem, &before.broker, t, broker);
        format!("broker {id} leads {count} partitions of {name}, limit {limit}")
    };
    crowds.then(words)
}

/// Everything that is not as the rules and goals want it, and why.
pub(crate) fn excuses(problem: &Problem<'_>, state: &State) -> Vec<Excuse> {
    let mut all = Vec::new();
    for p in 0..row(problem.partitions.len()) {
        partition_excuses(problem, state, p, &mut all);
    }
    let exact = Bands::of(problem, &state.load, 0.0, 0.0);
    let floors = floors(problem, state);
    for b in 0..problem.brokers.len() {
        broker_excuses(problem, state, (&exact, &floors), b, &mut all);
    }
    topic_excuses(problem, state, &mut all);
    leader_excuses(problem, state, &mut all);
    scatter_excuses(problem, state, &mut all);
    dir_excuses(problem, state, &mut all);
    writes_excuses(problem, state, &mut all);
    all
}

fn partition_excuses(problem: &Problem<'_>, state: &State, p: u32, all: &mut Vec<Excuse>) {
    let index = PartitionIdx::new(p as usize);
    let subject = || problem.snapshot.partition_name(index);
    if let Some(why) = unjudged(problem.snapshot, index) {
        let (why, remedy) = match why {
            Unjudged::NoLeader => {
                ("it has no leader: nothing can be copied from", "bring a broker with an in-sync replica back")
            }
            Unjudged::ReplicaOnDownBroker => (
                "a replica is on a broker that is down, and Kafka refuses plans that name it",
                "bring the broker back, or declare it dead",
            ),
            Unjudged::Reassigning => ("a reassignment is under way", "let it finish or cancel it, then capture again"),
        };
        all.push(Excuse {
            subject: subject(),
            criterion: None,
            value: None,
            limit: None,
            why: why.to_owned(),
            remedy: remedy.to_owned(),
        });
        return;
    }
    for s in problem.slots(p) {
        if let Some(rule) = fault(problem, state, row(s)) {
            all.push(stuck(problem, state, p, s, rule, subject()));
        }
    }
    if rack_broken(problem, state, p) {
        let s = problem.slots(p).start;
        all.push(stuck(problem, state, p, s, Rule::Rack, subject()));
    }
}

/// Why a replica could not be moved out of a violation: counts who is eligible and what rules each out.
fn stuck(problem: &Problem<'_>, state: &State, p: u32, s: usize, rule: Rule, subject: String) -> Excuse {
    let facts = &problem.partitions[p as usize];
    let topic = &problem.topics[facts.topic as usize];
    let (mut eligible, mut hosting, mut racked, mut full) = (0, 0, 0, 0);
    for b in 0..row(problem.brokers.len()) {
        if !problem.may_receive(topic, b) {
            continue;
        }
        eligible += 1;
        if problem.slots(p).any(|s| state.broker[s] == b) {
            hosting += 1;
        } else if !super::destinations::rack_allows(problem, state, row(s), b) {
            racked += 1;
        } else if super::destinations::choose_dir(problem, state, row(s), b).is_none() {
            full += 1;
        }
    }
    let held = if facts.freedom == Freedom::Fixed {
        "the policy allows no entry for it".to_owned()
    } else if problem.is_pinned(row(s)) {
        "the policy or a flag keeps it there".to_owned()
    } else {
        format!(
            "of {eligible} brokers that may take it, {hosting} hold it already, {racked} would break the rack rule and \
             {full} have no log dir with {:.0} bytes of room",
            facts.copy_bytes
        )
    };
    let remedy = match (eligible, full) {
        _ if facts.freedom == Freedom::Fixed || problem.is_pinned(row(s)) => {
            "take it out of the policy's lists, or plan without the flag"
        }
        (_, full) if full > 0 => "add disk capacity or brokers to its group, or shorten retention",
        _ => "add brokers to its group in racks that it does not use, or lower its replication factor",
    };
    Excuse {
        subject,
        criterion: Some(Criterion::Rule(rule)),
        value: Some(eligible as f64),
        limit: Some(f64::from(facts.slot_count)),
        why: held,
        remedy: remedy.to_owned(),
    }
}

/// Why `b` stays outside its bands: what the group's floor proves, and what nothing proves.
fn broker_excuses(
    problem: &Problem<'_>,
    state: &State,
    (exact, floors): (&Bands, &[Floor]),
    b: usize,
    all: &mut Vec<Excuse>,
) {
    for lane in 0..LANES {
        let (low, high) = exact.band(b, lane);
        let ratio = exact.ratio(b, &state.load[b], lane);
        if ratio <= high * (1.0 + 1e-9) && ratio >= low * (1.0 - 1e-9) {
            continue;
        }
        let (side, edge) = if ratio > high { ("above", high) } else { ("below", low) };
        let group = problem.brokers[b].group;
        let (proof, remedy) = match floors.iter().find(|floor| (floor.group, floor.lane) == (group, lane)) {
            None => (
                "not proven unavoidable".to_owned(),
                "search longer with --effort thorough, widen the band, or add brokers".to_owned(),
            ),
            Some(floor) => {
                let outside = |b: usize| {
                    let (low, high) = exact.band(b, lane);
                    let ratio = exact.ratio(b, &state.load[b], lane);
                    if problem.brokers[b].group == group { (ratio - high).max(low - ratio).max(0.0) } else { 0.0 }
                };
                let sum: f64 = (0..problem.brokers.len()).map(outside).sum();
                // In every placement some broker is outside by that much; which one is open.
                let share = if floor.excess >= sum * (1.0 - problem.policy.excess_tolerance) {
                    format!("the group's excess of {sum:.4} is proven unavoidable")
                } else {
                    format!("{:.4} of the group's excess of {sum:.4} are proven unavoidable", floor.excess)
                };
                let band = problem.policy.bands.of(Goal::BROKER[lane]);
                let widened = floor.widened(problem.brokers[b].rack, ratio > high, edge, band);
                let kept = |edge: f64| if ratio > high { ratio <= edge } else { ratio >= edge };
                let widened = widened.map_or_else(String::new, |edge| {
                    let stands = if kept(edge) { "within" } else { "beyond" };
                    format!("; {stands} {edge:.4}, to which its rack's band is widened")
                });
                (format!("{share}: {}{widened}", floor.why(problem)), floor.remedy(problem))
            }
        };
        let (shown, shown_edge) = apart(ratio, edge);
        all.push(Excuse {
            subject: format!("broker {}", problem.snapshot.brokers[b].id),
            criterion: Some(Criterion::Goal(Goal::BROKER[lane])),
            value: Some(ratio),
            limit: Some(edge),
            why: format!("{shown} of its group's mean stays {side} the band's edge {shown_edge}; {proof}"),
            remedy,
        });
    }
}

/// Both figures with the digits, four at least, that tell them apart.
fn apart(value: f64, edge: f64) -> (String, String) {
    let with = |digits: usize| (format!("{value:.digits$}"), format!("{edge:.digits$}"));
    (4..12).map(with).find(|(value, edge)| value != edge).unwrap_or_else(|| with(12))
}

/// Topics that stay beyond their limit on a broker.
fn topic_excuses(problem: &Problem<'_>, state: &State, all: &mut Vec<Excuse>) {
    for (t, facts) in problem.topics.iter().enumerate().filter(|(_, facts)| facts.spread_limit != NONE) {
        let name = &problem.snapshot.topics[t].name;
        let (first, count) = facts.slots;
        let mut hosts: Vec<u32> = (first..first + count).map(|s| state.broker[s as usize]).collect();
        hosts.sort_unstable();
        for same in hosts.chunk_by(|x, y| x == y) {
            let (b, count) = (same[0], row(same.len()));
            if count <= facts.spread_limit || !state.spread.judges(problem, row(t), b) {
                continue;
            }
            let (why, remedy) = if facts.free {
                ("not proven unavoidable", "search longer with --effort thorough, or widen topic_spread")
            } else {
                ("goals may not move this topic", "take it out of the policy's frozen or excluded topics")
            };
            all.push(Excuse {
                subject: format!("topic {name} on broker {}", problem.snapshot.brokers[b as usize].id),
                criterion: Some(Criterion::Goal(Goal::TopicSpread)),
                value: Some(f64::from(count)),
                limit: Some(f64::from(facts.spread_limit)),
                why: format!("{count} replicas stay above the limit of {}; {why}", facts.spread_limit),
                remedy: remedy.to_owned(),
            });
        }
    }
}

/// Topics that keep more leaders on a broker than their limit.
fn leader_excuses(problem: &Problem<'_>, state: &State, all: &mut Vec<Excuse>) {
    let leaders = &state.leader_spread;
    for t in (0..row(problem.topics.len())).filter(|&t| leaders.limit(problem, t) != NONE) {
        let (name, limit) = (&problem.snapshot.topics[t as usize].name, leaders.limit(problem, t));
        for b in (0..row(problem.brokers.len())).filter(|&b| leaders.crowds(problem, &state.broker, t, b)) {
            let count = leaders.count(problem, &state.broker, t, b);
            let (why, remedy) = if problem.topics[t as usize].free {
                ("not proven unavoidable", "search longer with --effort thorough, or widen leaders_per_topic")
            } else {
                ("goals may not move this topic", "take it out of the policy's frozen or excluded topics")
            };
            all.push(Excuse {
                subject: format!("topic {name} on broker {}", problem.snapshot.brokers[b as usize].id),
                criterion: Some(Criterion::Goal(Goal::LeadersPerTopic)),
                value: Some(f64::from(count)),
                limit: Some(f64::from(limit)),
                why: format!("{count} leaders stay above the limit of {limit}; {why}"),
                remedy: remedy.to_owned(),
            });
        }
    }
}

/// Brokers that share partitions with more others than their limit.
fn scatter_excuses(problem: &Problem<'_>, state: &State, all: &mut Vec<Excuse>) {
    let most = problem.partitions.iter().map(|facts| facts.slot_count).max().unwrap_or(0);
    let limit = state.scatter.limit();
    for b in (0..row(problem.brokers.len())).filter(|&b| state.scatter.is_beyond(b)) {
        let width = state.scatter.width(b);
        let (why, remedy) = if u32::from(most) > limit + 1 {
            ("a partition alone has more replicas than the limit allows", "set scatter_width to its replicas less one")
        } else {
            ("not proven unavoidable", "raise scatter_width, or search longer with --effort thorough")
        };
        all.push(Excuse {
            subject: format!("broker {}", problem.snapshot.brokers[b as usize].id),
            criterion: Some(Criterion::Goal(Goal::ScatterWidth)),
            value: Some(f64::from(width)),
            limit: Some(f64::from(limit)),
            why: format!("it shares partitions with {width} others, above the limit of {limit}; {why}"),
            remedy: remedy.to_owned(),
        });
    }
}

/// Log dirs that stay above their broker's band.
fn dir_excuses(problem: &Problem<'_>, state: &State, all: &mut Vec<Excuse>) {
    if !problem.policy.bands.is_on(Goal::LogDir) {
        return;
    }
    for (b, facts) in problem.brokers.iter().enumerate().filter(|(_, facts)| facts.in_band) {
        let dirs =
            || (facts.dirs.0 as usize..(facts.dirs.0 + facts.dirs.1) as usize).filter(|&d| problem.dirs[d].serving);
        let room: f64 = dirs().map(|d| problem.dirs[d].capacity_bytes).sum();
        let mean = dirs().map(|d| state.dir_bytes[d]).sum::<f64>() / room;
        let limit = band::log_dir(mean, &problem.policy.bands);
        let share = |d: usize| state.dir_bytes[d] / problem.dirs[d].capacity_bytes;
        for d in dirs().filter(|&d| band::exceeds(share(d), limit)) {
            let slots = state.on_broker[b].iter().filter(|&&s| state.dir[s as usize] as usize == d);
            let bytes = |&s: &u32| state.bytes_on(problem, s, row(b));
            let largest = slots.map(bytes).fold(0.0, f64::max) / problem.dirs[d].capacity_bytes;
            let (why, remedy) = if !facts.dirs_movable {
                ("Kafka moves nothing between this broker's dirs", "replace the failed dir, then plan again")
            } else if largest > limit {
                ("its largest replica alone is above it", "split that topic over more partitions")
            } else {
                ("not proven unavoidable", "search longer with --effort thorough, or widen log_dir")
            };
            let (shown, shown_limit) = apart(share(d), limit);
            all.push(Excuse {
                subject: format!("{} of broker {}", problem.snapshot.log_dirs[d].path, problem.snapshot.brokers[b].id),
                criterion: Some(Criterion::Goal(Goal::LogDir)),
                value: Some(share(d)),
                limit: Some(limit),
                why: format!("{shown} of its capacity stays above the limit {shown_limit}; {why}"),
                remedy: remedy.to_owned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::apart;

    #[test]
    fn what_stays_outside_by_a_hair_is_shown_outside() {
        assert_eq!(apart(1.1234, 1.1), ("1.1234".to_owned(), "1.1000".to_owned()));
        assert_eq!(apart(0.899_996, 0.9), ("0.899996".to_owned(), "0.900000".to_owned()));
        assert_eq!(apart(1.0, 1.0).0, "1.000000000000");
    }
}
