//! The least excess that any placement has: what racks, and replicas larger than a band, force.
//!
//! Racks: a partition of f replicas over R racks keeps at most ⌈f/R⌉ in each, so at least f − ⌈f/R⌉·(R−1). What a rack's
//! brokers must hold together, or cannot hold, may put their mean outside the band; the excess is least where the largest
//! of them takes it all. A replica larger than the upper edge puts whoever holds it outside. Both are proven from the
//! snapshot alone, whatever the search finds.

use super::problem::{DISK, NONE, PartitionFacts, Problem, REPLICAS, row};
use super::repair::rack_broken;
use super::state::State;
use crate::model::{Freedom, Goal, band};

/// The least excess of one group's goal, and what forces it.
#[derive(Clone, Debug)]
pub(crate) struct Floor {
    pub(crate) group: u32,
    pub(crate) lane: usize,
    pub(crate) excess: f64,
    pub(crate) causes: Vec<Cause>,
}

impl Floor {
    /// What forces it, in words with numbers.
    pub(crate) fn why(&self, problem: &Problem<'_>) -> String {
        let is_count = Goal::BROKER[self.lane].is_count();
        let figure = |value: f64| if is_count { format!("{value:.0}") } else { format!("{value:.4}") };
        let rack_name = |rack: u32| problem.snapshot.racks[rack as usize].as_str();
        let cause = |cause: &Cause| match cause {
            Cause::RackOver { rack, mean, edge, .. } => format!(
                "the rack rule puts at least {} on the average broker of rack {}, above the edge {}",
                figure(*mean),
                rack_name(*rack),
                figure(*edge)
            ),
            Cause::RackUnder { rack, mean, edge } => format!(
                "the rack rule lets at most {} on the average broker of rack {}, below the edge {}",
                figure(*mean),
                rack_name(*rack),
                figure(*edge)
            ),
            Cause::Replica { partition, share, edge } => format!(
                "one replica of {} is {} of the largest broker, above the edge {}",
                problem.snapshot.partition_name(crate::model::PartitionIdx::new(*partition as usize)),
                figure(*share),
                figure(*edge)
            ),
        };
        self.causes.iter().map(cause).collect::<Vec<_>>().join("; ")
    }

    /// The edge to which the band of `rack`'s brokers has to be widened, `edge` being the policy's upper one (`above`) or
    /// lower one in means: what the rack must hold on average, and the policy's `share` of it more, or less. None where
    /// the rack is no cause on that side.
    pub(crate) fn widened(&self, rack: u32, above: bool, edge: f64, share: f64) -> Option<f64> {
        let forced = |cause: &Cause| match cause {
            Cause::RackOver { rack: own, mean, edge, .. } if above && *own == rack => Some(mean / edge * (1.0 + share)),
            Cause::RackUnder { rack: own, mean, edge } if !above && *own == rack => Some(mean / edge * (1.0 - share)),
            _ => None,
        };
        self.causes.iter().find_map(forced).map(|factor| factor * edge)
    }

    /// What would take the cause away.
    pub(crate) fn remedy(&self, problem: &Problem<'_>) -> String {
        let capacities = || problem.brokers.iter().map(|facts| facts.capacity[self.lane]).filter(|c| *c > 0.0);
        let largest = capacities().fold(0.0, f64::max);
        let of_cause = |cause: &Cause| match cause {
            Cause::RackOver { rack, lacking, .. } => {
                let unit = if Goal::BROKER[self.lane].is_count() || largest <= 0.0 { 1.0 } else { largest };
                let name = &problem.snapshot.racks[*rack as usize];
                Some(format!("add about {:.0} of the largest brokers to rack {name}", (lacking / unit).ceil()))
            }
            Cause::RackUnder { .. } => None,
            Cause::Replica { .. } => Some("split the topic over more partitions, or shorten its retention".to_owned()),
        };
        let remedies: Vec<String> = self.causes.iter().filter_map(of_cause).collect();
        if remedies.is_empty() {
            "make the racks equally large, or widen the band".to_owned()
        } else {
            remedies.join("; ")
        }
    }
}

/// What forces excess.
#[derive(Clone, Debug)]
pub(crate) enum Cause {
    /// A rack's brokers hold at least so much of what they can carry, on average; capacity that would bring them inside.
    RackOver { rack: u32, mean: f64, edge: f64, lacking: f64 },
    /// A rack's brokers hold at most so much.
    RackUnder { rack: u32, mean: f64, edge: f64 },
    /// A partition's replica alone fills so much of the largest broker.
    Replica { partition: u32, share: f64, edge: f64 },
}

/// The lanes that only copies change.
const FORCED: [usize; 3] = [DISK, 1, REPLICAS];

/// The least and greatest that something can be.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    least: f64,
    most: f64,
}

impl Span {
    fn add(&mut self, least: f64, most: f64) {
        self.least += least;
        self.most += most;
    }
}

/// Every group's and goal's floor above zero, in their order.
pub(crate) fn floors(problem: &Problem<'_>, state: &State) -> Vec<Floor> {
    let mut all = Vec::new();
    for group in 0..row(problem.groups.names().len()) {
        for lane in FORCED {
            if problem.is_on(lane) {
                all.extend(Family::new(problem, state, group, lane).and_then(|family| family.floor()));
            }
        }
    }
    all
}

/// A group's brokers towards one goal.
struct Family<'a, 'b> {
    problem: &'a Problem<'b>,
    state: &'a State,
    group: u32,
    lane: usize,
    /// The group's brokers that are compared, with their capacities (1 where loads or counts are).
    members: Vec<(usize, f64)>,
    /// The racks whose brokers are all compared.
    racks: Vec<u32>,
    /// What the group holds.
    total: Span,
    /// What each of `racks` holds.
    by_rack: Vec<Span>,
}

impl<'a, 'b> Family<'a, 'b> {
    fn new(problem: &'a Problem<'b>, state: &'a State, group: u32, lane: usize) -> Option<Self> {
        let is_member = |b: &usize| problem.brokers[*b].in_band && problem.brokers[*b].group == group;
        let brokers: Vec<usize> = (0..problem.brokers.len()).filter(is_member).collect();
        let known = !Goal::BROKER[lane].is_count() && brokers.iter().all(|&b| problem.brokers[b].capacity[lane] > 0.0);
        let members: Vec<(usize, f64)> =
            brokers.iter().map(|&b| (b, if known { problem.brokers[b].capacity[lane] } else { 1.0 })).collect();
        let mut racks: Vec<u32> = brokers.iter().map(|&b| problem.brokers[b].rack).filter(|&r| r != NONE).collect();
        racks.sort_unstable();
        racks.dedup();
        let uncompared =
            |rack: u32| problem.brokers.iter().any(|f| f.rack == rack && f.group == group && f.active && !f.in_band);
        racks.retain(|&rack| !uncompared(rack));
        if members.is_empty() {
            return None;
        }
        let by_rack = vec![Span::default(); racks.len()];
        let mut family = Self { problem, state, group, lane, members, racks, total: Span::default(), by_rack };
        family.add_up();
        (family.total.most > 0.0).then_some(family)
    }

    fn add_up(&mut self) {
        let (problem, state, lane) = (self.problem, self.state, self.lane);
        if lane == DISK {
            for dir in problem.snapshot.log_dirs.iter().filter(|d| d.state.is_serving()) {
                self.hold(dir.broker.row(), dir.other_used_bytes as f64);
            }
        }
        for (p, facts) in problem.partitions.iter().enumerate() {
            let topic = &problem.topics[facts.topic as usize];
            let slots = problem.slots(row(p));
            if facts.freedom == Freedom::Fixed {
                for s in slots {
                    self.hold(state.broker[s] as usize, state.demand_here(problem, row(s))[lane]);
                }
            } else if topic.group == self.group {
                let size = size(problem, facts, row(p), lane);
                let replicas = f64::from(facts.slot_count);
                self.total.add(replicas * size.least, replicas * size.most);
                let bound = topic.racks > 0 && !rack_broken(problem, state, row(p));
                let most = if bound { f64::from(u32::from(facts.slot_count).div_ceil(topic.racks)) } else { replicas };
                let others = f64::from(topic.racks.saturating_sub(1));
                let least = if bound { (replicas - most * others).max(0.0) } else { 0.0 };
                self.by_rack.iter_mut().for_each(|rack| rack.add(least * size.least, most * size.most));
            } else if topic.group == NONE {
                // It may sit in any group: nothing of it is certain.
                let size = size(problem, facts, row(p), lane);
                let replicas = f64::from(facts.slot_count);
                self.total.add(0.0, replicas * size.most);
                self.by_rack.iter_mut().for_each(|rack| rack.add(0.0, replicas * size.most));
            }
        }
    }

    /// Counts what `broker` holds whatever a plan does.
    fn hold(&mut self, broker: usize, load: f64) {
        let facts = &self.problem.brokers[broker];
        if !facts.in_band || facts.group != self.group {
            return;
        }
        self.total.add(load, load);
        if let Some(rack) = self.racks.iter().position(|rack| *rack == facts.rack) {
            self.by_rack[rack].add(load, load);
        }
    }

    fn floor(&self) -> Option<Floor> {
        let room: f64 = self.members.iter().map(|(_, capacity)| capacity).sum();
        let mean = Span { least: self.total.least / room, most: self.total.most / room };
        let (low, high) = self.edges(mean);
        let mut causes = Vec::new();
        let mut excess = 0.0;
        for (rack, span) in self.racks.iter().zip(&self.by_rack) {
            let here = self.members.iter().filter(|(b, _)| self.problem.brokers[*b].rack == *rack);
            let (sum, largest) = here.fold((0.0, 0.0_f64), |(sum, most), (_, c)| (sum + c, most.max(*c)));
            let over = (span.least - high * sum) / (largest * mean.most);
            let under = (low * sum - span.most) / (largest * mean.most);
            if over > LEAST {
                excess += over;
                let lacking = span.least / high - sum;
                causes.push(Cause::RackOver { rack: *rack, mean: span.least / sum, edge: high, lacking });
            } else if under > LEAST {
                excess += under;
                causes.push(Cause::RackUnder { rack: *rack, mean: span.most / sum, edge: low });
            }
        }
        if let Some((alone, cause)) = self.largest_replica(mean.most, high)
            && alone > excess
        {
            (excess, causes) = (alone, vec![cause]);
        }
        (excess > LEAST).then_some(Floor { group: self.group, lane: self.lane, excess, causes })
    }

    /// The band's edges: the widest that means allow.
    fn edges(&self, mean: Span) -> (f64, f64) {
        let goal = Goal::BROKER[self.lane];
        let share = self.problem.policy.bands.of(goal);
        if goal.is_count() {
            let brokers = self.members.len();
            let low = band::count(self.total.least as u64, brokers, share).0;
            (low as f64, band::count(self.total.most.ceil() as u64, brokers, share).1 as f64)
        } else {
            (mean.least * (1.0 - share), mean.most * (1.0 + share))
        }
    }

    /// The excess that the largest replica forces on all brokers that hold one.
    fn largest_replica(&self, mean: f64, high: f64) -> Option<(f64, Cause)> {
        if self.lane == REPLICAS {
            return None;
        }
        let largest = self.members.iter().map(|(_, capacity)| *capacity).fold(0.0, f64::max);
        let problem = self.problem;
        let own = |facts: &PartitionFacts| {
            facts.freedom != Freedom::Fixed && problem.topics[facts.topic as usize].group == self.group
        };
        let partitions = problem.partitions.iter().enumerate().filter(|(_, facts)| own(facts));
        let excess = |(p, facts): (usize, &PartitionFacts)| {
            let share = size(problem, facts, row(p), self.lane).least / largest;
            let all = f64::from(facts.slot_count) * (share - high) / mean;
            (all, Cause::Replica { partition: row(p), share, edge: high })
        };
        partitions.map(excess).reduce(|a, b| if b.0 > a.0 { b } else { a })
    }
}

/// Floors below that are sums of floats.
const LEAST: f64 = 1e-6;

/// What one replica of `p` brings a broker: its copies may be larger than what is there.
fn size(problem: &Problem<'_>, facts: &PartitionFacts, p: u32, lane: usize) -> Span {
    match lane {
        DISK => {
            let sizes = problem.slots(p).map(|s| problem.snapshot.replicas[s].size_bytes as f64);
            Span { least: sizes.fold(facts.copy_bytes, f64::min), most: facts.copy_bytes }
        }
        REPLICAS => Span { least: 1.0, most: 1.0 },
        _ => Span { least: facts.traffic.network_in, most: facts.traffic.network_in },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerState, LogDirState, Policy, Snapshot};

    /// One broker in rack a, one in b, two in c, a disk of 1,000 bytes each, and partitions with a replica in every rack.
    fn unequal_racks(partitions: u32, bytes: u64) -> Snapshot {
        let mut fixture = Fixture::default();
        for (id, rack) in [(1, "a"), (2, "b"), (3, "c"), (4, "c")] {
            fixture = fixture.broker(id, rack, "", BrokerState::Alive).dir(id, "/d", 1_000, LogDirState::Online, 0);
        }
        for number in 0..partitions {
            let third = if number % 2 == 0 { 3 } else { 4 };
            let replicas = [(1, "/d", bytes, true), (2, "/d", bytes, true), (third, "/d", bytes, true)];
            fixture = fixture.partition(("t", number), 1, (0.0, 0.0), &replicas);
        }
        fixture.build()
    }

    fn disk_floor(snapshot: &Snapshot) -> Option<Floor> {
        let policy = Policy::default();
        let problem = Problem::new(snapshot, &policy);
        floors(&problem, &State::new(&problem)).into_iter().find(|floor| floor.lane == DISK)
    }

    /// Mean 0.45, band 0.405–0.495: racks a and b hold 0.6 of their disks, rack c 0.3. (0.6 − 0.495) ÷ 0.45 for each of
    /// two brokers, (0.405 − 0.3) ÷ 0.45 for each of two others.
    #[test]
    fn racks_of_unequal_size_force_what_they_must_hold() {
        let floor = disk_floor(&unequal_racks(6, 100)).map(|floor| (floor.excess, floor.causes.len()));
        assert!(floor.is_some_and(|(excess, causes)| (excess - 0.42 / 0.45).abs() < 1e-9 && causes == 3), "{floor:?}");
    }

    /// What rack a must hold is 0.6 ÷ 0.45 of the mean, and a tenth more is allowed; rack c gets 0.3 ÷ 0.45 at most, and a
    /// tenth less. The other sides stay as they were.
    #[test]
    fn bands_are_widened_to_what_racks_must_hold() {
        let floor = disk_floor(&unequal_racks(6, 100));
        let widened =
            |rack: u32, above: bool, edge: f64| floor.as_ref().and_then(|f| f.widened(rack, above, edge, 0.1));
        assert!(widened(0, true, 1.1).is_some_and(|edge| (edge - 1.1 * 0.6 / 0.45).abs() < 1e-9));
        assert!(widened(2, false, 0.9).is_some_and(|edge| (edge - 0.9 * 0.3 / 0.45).abs() < 1e-9));
        assert_eq!((widened(0, false, 0.9), widened(2, true, 1.1)), (None, None));
    }

    #[test]
    fn the_floor_is_what_the_placement_has_where_nothing_is_better() {
        let snapshot = unequal_racks(6, 100);
        let policy = Policy::default();
        let problem = Problem::new(&snapshot, &policy);
        let state = State::new(&problem);
        let exact = super::super::penalty::Bands::of(&problem, &state.load, 0.0, 0.0);
        let excess: f64 = (0..4)
            .map(|b| {
                let ((low, high), ratio) = (exact.band(b, DISK), exact.ratio(b, &state.load[b], DISK));
                (ratio - high).max(low - ratio).max(0.0)
            })
            .sum();
        let floor = disk_floor(&snapshot).map_or(0.0, |floor| floor.excess);
        assert!((excess - floor).abs() < 1e-9, "{excess} against {floor}");
    }

    /// One partition of 800 bytes on three of four brokers: mean 0.6, upper edge 0.66, 3 × (0.8 − 0.66) ÷ 0.6 = 0.7; the racks
    /// force more: (0.8 − 0.66) × 2 and (0.54 × 2 − 0.8) in units of 0.6.
    #[test]
    fn the_dearest_cause_counts() {
        let floor = disk_floor(&unequal_racks(1, 800)).map_or(0.0, |floor| floor.excess);
        assert!((floor - (0.28 + 0.28) / 0.6).abs() < 1e-9, "{floor}");
    }
}
