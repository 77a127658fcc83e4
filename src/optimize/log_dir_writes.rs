//! Evens what log dirs write, within brokers, once their bytes are even: disks that are equally full still run hot where
//! the busy partitions are. Off unless a policy has a band for it, and where what some disk can write is unknown.
//!
//! A dir is too busy beyond its band. A single replica that is arriving anyway goes to another dir first, for that copies
//! nothing; then the one that takes most off for its bytes, or two are exchanged. No step fills a dir beyond what evening
//! by bytes allows it, and each brings the broker's excess down, so that it ends.

use super::log_dirs::{ceilings, is_pursued, may_change_dir};
use super::problem::{NONE, Problem, row};
use super::state::State;
use crate::model::policy::Bands;
use crate::model::{Criterion, Excuse, Goal, band};

/// Steps per broker: a guard against a broker with ten thousand replicas that cannot be evened.
const STEPS_MAX: usize = 500;
/// How many of the replicas that write most on a dir are tried in exchanges: smaller ones hardly change anything.
const EXCHANGED: usize = 24;
/// What a copy counts at least, in mean replicas: of small ones the busiest goes.
const LEAST_COPY: f64 = 0.1;
/// The least step worth a copy, of the broker's mean: below are the errors of sums of floats.
const LEAST_GAIN: f64 = 1e-6;

/// One serving dir and what it writes.
#[derive(Clone, Copy, Debug)]
struct Dir {
    row: u32,
    /// Bytes per second.
    writes: f64,
    /// What its disk can, bytes per second.
    most: f64,
    /// The most bytes that it should hold.
    ceiling: f64,
}

/// A broker's dirs and the highest write utilization that is inside.
struct Writes {
    broker: u32,
    dirs: Vec<Dir>,
    mean: f64,
    limit: f64,
}

/// Replicas that go from one dir to another, and back.
#[derive(Clone, Copy, Debug)]
struct Step {
    slot: u32,
    to: u32,
    /// What comes back in exchange.
    back: Option<u32>,
}

/// Evens what the dirs of every broker write.
pub(crate) fn even_writes(problem: &Problem<'_>, state: &mut State) {
    let policy = problem.policy;
    if !policy.bands.is_on(Goal::LogDirWrites) || !policy.scope.pursues(Goal::LogDirWrites) {
        return;
    }
    for broker in 0..row(problem.brokers.len()) {
        let facts = &problem.brokers[broker as usize];
        if facts.dirs_planned && !facts.excluded && problem.in_scope(facts.group) {
            even_broker(problem, state, broker);
        }
    }
}

/// Σ over dirs of the distance beyond the band ÷ their broker's mean, as the judge reports it.
pub(crate) fn writes_excess(problem: &Problem<'_>, state: &State) -> f64 {
    let brokers = 0..row(problem.brokers.len());
    brokers.filter_map(|b| Some(writes(problem, state, b)?.excess())).sum()
}

/// A log dir that writes beyond the band; shares are of what its disk can.
struct TooBusy {
    row: u32,
    share: f64,
    /// The highest share that is inside.
    limit: f64,
    /// What its busiest replica alone writes.
    busiest: f64,
}

/// The log dirs of `broker` that write beyond the band.
fn too_busy(problem: &Problem<'_>, state: &State, broker: u32) -> Vec<TooBusy> {
    let Some(writes) = writes(problem, state, broker) else { return Vec::new() };
    let beyond = writes.dirs.iter().filter(|dir| band::exceeds(dir.share(), writes.limit));
    let busiest = |dir: &Dir| {
        let own = state.on_broker[broker as usize].iter().filter(|&&s| state.dir[s as usize] == dir.row);
        own.map(|&s| written(problem, s)).fold(0.0, f64::max) / dir.most
    };
    let found = |dir: &Dir| TooBusy { row: dir.row, share: dir.share(), limit: writes.limit, busiest: busiest(dir) };
    beyond.map(found).collect()
}

/// Where slot `s` left a dir that writes beyond the band, or for one in exchange with its replicas.
pub(crate) fn writes_reason(
    problem: &Problem<'_>,
    before: &State,
    after: &State,
    s: usize,
) -> Option<(Criterion, String)> {
    let broker = before.broker[s];
    let busy = too_busy(problem, before, broker);
    let from = busy.iter().find(|dir| dir.row == before.dir[s]);
    let (dir, aside) = match (from, busy.iter().find(|dir| dir.row == after.dir[s])) {
        (Some(dir), _) => (dir, ""),
        (None, Some(dir)) => (dir, ", in exchange for a busier replica"),
        (None, None) => return None,
    };
    let path = &problem.snapshot.log_dirs[dir.row as usize].path;
    let id = problem.snapshot.brokers[broker as usize].id;
    let (share, limit) = (dir.share * 100.0, dir.limit * 100.0);
    let detail = format!("{path} of broker {id} writes {share:.1} % of what it can, limit {limit:.1} %{aside}");
    Some((Criterion::Goal(Goal::LogDirWrites), detail))
}

/// Log dirs that write beyond their broker's band still.
pub(crate) fn writes_excuses(problem: &Problem<'_>, state: &State, all: &mut Vec<Excuse>) {
    for (b, facts) in problem.brokers.iter().enumerate() {
        for dir in too_busy(problem, state, row(b)) {
            let (why, remedy) = if !facts.dirs_movable {
                ("Kafka moves nothing between this broker's dirs", "replace the failed dir, then plan again")
            } else if dir.busiest > dir.limit {
                ("its busiest replica alone is above it", "split that topic over more partitions, or a faster disk")
            } else {
                ("no exchange of replicas that fits brings it down", "widen log_dir_writes or log_dir, or more disks")
            };
            let id = problem.snapshot.brokers[b].id;
            all.push(Excuse {
                subject: format!("{} of broker {id}", problem.snapshot.log_dirs[dir.row as usize].path),
                criterion: Some(Criterion::Goal(Goal::LogDirWrites)),
                value: Some(dir.share),
                limit: Some(dir.limit),
                why: format!("it writes {:.4} of what it can, above the limit {:.4}; {why}", dir.share, dir.limit),
                remedy: remedy.to_owned(),
            });
        }
    }
}

impl Dir {
    fn empty(problem: &Problem<'_>, dir: u32) -> Self {
        let facts = &problem.dirs[dir as usize];
        Self { row: dir, writes: 0.0, most: facts.writes_max, ceiling: facts.limit_bytes }
    }

    fn share(&self) -> f64 {
        self.writes / self.most
    }

    /// How far beyond `limit` it is with `more` bytes per second.
    fn beyond(&self, limit: f64, more: f64) -> f64 {
        ((self.writes + more) / self.most - limit).max(0.0)
    }
}

impl Writes {
    fn excess(&self) -> f64 {
        let beyond = self.dirs.iter().filter(|dir| band::exceeds(dir.share(), self.limit));
        beyond.map(|dir| dir.share() - self.limit).sum::<f64>() / self.mean
    }

    /// What the excess of `from` and `to` loses when `rate` goes from one to the other, in means.
    fn gain(&self, from: &Dir, to: &Dir, rate: f64) -> f64 {
        let now = from.beyond(self.limit, 0.0) + to.beyond(self.limit, 0.0);
        (now - from.beyond(self.limit, -rate) - to.beyond(self.limit, rate)) / self.mean
    }
}

/// Bytes per second that `slot` writes wherever it is.
fn written(problem: &Problem<'_>, slot: u32) -> f64 {
    problem.partitions[problem.slot_partition[slot as usize] as usize].written
}

/// What the serving dirs of a broker in band write; none where the goal is off, what a disk can write is unknown, or
/// nothing is written.
fn writes(problem: &Problem<'_>, state: &State, broker: u32) -> Option<Writes> {
    let facts = &problem.brokers[broker as usize];
    if !facts.in_band || !problem.policy.bands.is_on(Goal::LogDirWrites) {
        return None;
    }
    let (first, count) = facts.dirs;
    let serving = (first..first + count).filter(|&d| problem.dirs[d as usize].serving);
    let mut dirs: Vec<Dir> = serving.map(|d| Dir::empty(problem, d)).collect();
    for &slot in &state.on_broker[broker as usize] {
        if let Some(dir) = dirs.iter_mut().find(|dir| dir.row == state.dir[slot as usize]) {
            dir.writes += written(problem, slot);
        }
    }
    let mean = dirs.iter().map(|dir| dir.writes).sum::<f64>() / dirs.iter().map(|dir| dir.most).sum::<f64>();
    let is_known = dirs.iter().all(|dir| dir.most > 0.0);
    let limit = band::log_dir_writes(mean, &problem.policy.bands);
    (is_known && mean > 0.0).then_some(Writes { broker, dirs, mean, limit })
}

fn even_broker(problem: &Problem<'_>, state: &mut State, broker: u32) {
    let by_bytes = ceilings(problem, state, broker, is_pursued(problem, state, broker)).unwrap_or_default();
    for step in 0..STEPS_MAX {
        let Some(mut writes) = writes(problem, state, broker) else { return };
        if step == 0 && waits(problem, &writes) {
            return;
        }
        for dir in &mut writes.dirs {
            let ceiling = by_bytes.iter().find(|(row, _)| *row == dir.row).map(|(_, bytes)| *bytes);
            dir.ceiling = ceiling.unwrap_or(dir.ceiling);
        }
        let worst = writes.dirs.iter().copied().max_by(|a, b| a.share().total_cmp(&b.share()).then(b.row.cmp(&a.row)));
        let Some(worst) = worst.filter(|dir| band::exceeds(dir.share(), writes.limit)) else { return };
        let Some(step) =
            best_move(problem, state, &writes, &worst).or_else(|| best_swap(problem, state, &writes, &worst))
        else {
            return;
        };
        state.relocate(problem, step.slot, broker, step.to);
        if let Some(back) = step.back {
            state.relocate(problem, back, broker, worst.row);
        }
    }
}

/// Whether the goal has a trigger that no dir is beyond.
fn waits(problem: &Problem<'_>, writes: &Writes) -> bool {
    let Some(&trigger) = problem.policy.triggers.get(&Goal::LogDirWrites) else { return false };
    let at = Bands { log_dir_writes: trigger, ..problem.policy.bands.clone() };
    let limit = band::log_dir_writes(writes.mean, &at);
    !writes.dirs.iter().any(|dir| band::exceeds(dir.share(), limit))
}

/// Dirs that may receive replicas from `from`.
fn targets<'a>(problem: &'a Problem<'_>, writes: &'a Writes, from: &'a Dir) -> impl Iterator<Item = &'a Dir> {
    writes.dirs.iter().filter(|dir| dir.row != from.row && problem.dirs[dir.row as usize].receives)
}

/// The replicas on `dir` that may leave it and write something.
fn leaving(problem: &Problem<'_>, state: &State, writes: &Writes, dir: &Dir) -> Vec<u32> {
    let own = state.on_broker[writes.broker as usize].iter().copied();
    let own = own.filter(|&s| state.dir[s as usize] == dir.row && dir.row != NONE);
    own.filter(|&s| may_change_dir(problem, state, (writes.broker, true), s)).collect()
}

/// What copying `slot` to another dir counts: nothing where it is arriving anyway.
fn price(problem: &Problem<'_>, state: &State, broker: u32, slot: u32) -> f64 {
    if state.home_of(problem, slot, broker).is_none() {
        return 0.0;
    }
    state.bytes_on(problem, slot, broker).max(LEAST_COPY * problem.mean_copy_bytes)
}

/// The better of two steps: what copies nothing, then the most gain for the bytes, then the first by slot.
fn better(best: Option<(f64, Step)>, gain: f64, price: f64, step: Step) -> Option<(f64, Step)> {
    // A step that copies nothing is worth more than any that does, and among these the gain decides.
    let worth = if price > 0.0 { gain / price } else { 1e12 * gain };
    let key = |worth: f64, step: &Step| (worth, std::cmp::Reverse((step.slot, step.to, step.back)));
    match &best {
        Some((least, old)) if key(*least, old).partial_cmp(&key(worth, &step)) != Some(std::cmp::Ordering::Less) => {
            best
        }
        _ => Some((worth, step)),
    }
}

/// The best single replica to take off `from`.
fn best_move(problem: &Problem<'_>, state: &State, writes: &Writes, from: &Dir) -> Option<Step> {
    let mut best = None;
    for slot in leaving(problem, state, writes, from) {
        let (rate, bytes) = (written(problem, slot), state.bytes_on(problem, slot, writes.broker));
        for to in targets(problem, writes, from) {
            let gain = writes.gain(from, to, rate);
            if gain > LEAST_GAIN && state.dir_bytes[to.row as usize] + bytes <= to.ceiling {
                let step = Step { slot, to: to.row, back: None };
                best = better(best, gain, price(problem, state, writes.broker, slot), step);
            }
        }
    }
    best.map(|(_, step)| step)
}

/// The best two replicas to exchange between `from` and another dir: one of those that write most for one that writes
/// less. The one that comes first must fit beside what is there.
fn best_swap(problem: &Problem<'_>, state: &State, writes: &Writes, from: &Dir) -> Option<Step> {
    let bytes = |slot: u32| state.bytes_on(problem, slot, writes.broker);
    let mut busy = leaving(problem, state, writes, from);
    busy.sort_by(|&a, &b| written(problem, b).total_cmp(&written(problem, a)).then(a.cmp(&b)));
    busy.truncate(EXCHANGED);
    let mut best = None;
    for to in targets(problem, writes, from).filter(|_| problem.dirs[from.row as usize].receives) {
        let others = leaving(problem, state, writes, to);
        for (&slot, &back) in busy.iter().flat_map(|slot| others.iter().map(move |back| (slot, back))) {
            let gain = writes.gain(from, to, written(problem, slot) - written(problem, back));
            let more = bytes(slot) - bytes(back);
            let held = |dir: &Dir| state.dir_bytes[dir.row as usize];
            let fits = held(to) + more <= to.ceiling.max(held(to))
                && held(from) - more <= from.ceiling.max(held(from))
                && held(to) + bytes(slot) <= problem.dirs[to.row as usize].capacity_bytes;
            if gain > LEAST_GAIN && fits {
                let price = price(problem, state, writes.broker, slot) + price(problem, state, writes.broker, back);
                best = better(best, gain, price, Step { slot, to: to.row, back: Some(back) });
            }
        }
    }
    best.map(|(_, step)| step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerState, LogDirState, Policy, Snapshot};

    /// One broker with dirs /a and /b of `capacity` bytes that can write 100 B/s each; topics t0, t1, … of one partition
    /// by (dir, bytes per second, bytes).
    fn snapshot(capacity: u64, replicas: &[(&str, f64, u64)]) -> Snapshot {
        let mut fixture = Fixture::default().broker(1, "", "", BrokerState::Alive);
        for path in ["/a", "/b"] {
            fixture = fixture.dir(1, path, capacity, LogDirState::Online, 0);
        }
        for (number, &(dir, rate, bytes)) in replicas.iter().enumerate() {
            fixture = fixture.partition((&format!("t{number}"), 0), 1, (rate, 0.0), &[(1, dir, bytes, true)]);
        }
        let mut snapshot = fixture.build();
        snapshot.log_dirs.iter_mut().for_each(|dir| dir.write_capacity_bytes_per_sec = Some(100.0));
        snapshot
    }

    /// A dir may write a quarter more than the mean.
    fn policy() -> Policy {
        let mut policy = Policy::default();
        policy.bands.log_dir_writes = 0.25;
        policy
    }

    /// Each replica's dir after evening, the excess before and after, and who is excused.
    fn evened(snapshot: &Snapshot, policy: &Policy) -> (Vec<u32>, [f64; 2], Vec<String>) {
        let problem = Problem::new(snapshot, policy);
        let before = State::new(&problem);
        let mut after = before.clone();
        even_writes(&problem, &mut after);
        after.recount(&problem);
        let mut excuses = Vec::new();
        writes_excuses(&problem, &after, &mut excuses);
        let told = excuses.into_iter().map(|excuse| format!("{}: {}", excuse.subject, excuse.why)).collect();
        (after.dir.clone(), [&before, &after].map(|state| writes_excess(&problem, state)), told)
    }

    fn close(found: [f64; 2], wanted: [f64; 2]) -> bool {
        found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12)
    }

    #[test]
    fn the_replica_that_takes_the_excess_off_goes_to_the_other_dir() {
        // 60 and 20 of 100: mean 0.4, limit 0.5, excess 0.1 ÷ 0.4. Without 20 both write 40; the one of 40 would only
        // change sides.
        let even = snapshot(1_000, &[("/a", 40.0, 100), ("/a", 20.0, 100), ("/b", 10.0, 100), ("/b", 10.0, 100)]);
        let (dirs, excess, excused) = evened(&even, &policy());
        assert_eq!(dirs, [0, 1, 1, 1]);
        assert!(close(excess, [0.25, 0.0]) && excused.is_empty(), "{excess:?} {excused:?}");
        assert_eq!(evened(&even, &Policy::default()).0, [0, 0, 1, 1], "off, it moves nothing");
    }

    #[test]
    fn a_compacted_topic_writes_twice_what_is_produced() {
        // 20 produced are 40 written, beside 20 on the same dir: the same figures as above.
        let mut compacted =
            snapshot(1_000, &[("/a", 20.0, 100), ("/a", 20.0, 100), ("/b", 10.0, 100), ("/b", 10.0, 100)]);
        compacted.topics[0].cleanup_policy = Some("compact,delete".to_owned());
        assert!(close(evened(&compacted, &policy()).1, [0.25, 0.0]));
    }

    #[test]
    fn where_bytes_leave_no_room_two_are_exchanged() {
        // 80 % of 300 bytes is the most: no third replica fits on /b. The one of 40 would need 320 while both are there.
        let full = snapshot(300, &[("/a", 40.0, 120), ("/a", 20.0, 80), ("/b", 10.0, 100), ("/b", 10.0, 100)]);
        let (dirs, excess, _) = evened(&full, &policy());
        assert_eq!(dirs, [0, 1, 0, 1]);
        assert!(close(excess, [0.25, 0.0]), "50 of 100 is at the limit, not beyond it");
        let fuller = snapshot(250, &[("/a", 40.0, 120), ("/a", 20.0, 80), ("/b", 10.0, 100), ("/b", 10.0, 100)]);
        let (dirs, excess, excused) = evened(&fuller, &policy());
        assert_eq!(dirs, [0, 0, 1, 1], "220 bytes are more than 80 % of 250");
        assert_eq!(excess[0], excess[1]);
        let why =
            "writes 0.6000 of what it can, above the limit 0.5000; no exchange of replicas that fits brings it down";
        assert_eq!(excused, [format!("/a of broker 1: it {why}")]);
    }

    #[test]
    fn a_replica_that_writes_too_much_alone_is_excused_by_that() {
        let (dirs, _, excused) = evened(&snapshot(1_000, &[("/a", 60.0, 100), ("/b", 10.0, 100)]), &policy());
        assert_eq!(dirs, [0, 1]);
        assert!(excused[0].ends_with("its busiest replica alone is above it"), "{excused:?}");
    }

    #[test]
    fn without_figures_or_a_reason_nothing_moves() {
        let replicas = [("/a", 40.0, 100), ("/a", 20.0, 100), ("/b", 10.0, 100), ("/b", 10.0, 100)];
        let mut unknown = snapshot(1_000, &replicas);
        unknown.log_dirs[1].write_capacity_bytes_per_sec = None;
        assert_eq!(evened(&unknown, &policy()), (vec![0, 0, 1, 1], [0.0, 0.0], Vec::new()));
        let waits = |trigger: f64| {
            let mut policy = policy();
            policy.triggers.insert(Goal::LogDirWrites, trigger);
            evened(&snapshot(1_000, &replicas), &policy).0 == [0, 0, 1, 1]
        };
        // /a is at 1.5 times the mean.
        assert_eq!([0.4, 0.6, f64::INFINITY].map(waits), [false, true, true]);
        let mut narrow = policy();
        narrow.scope.goals = Some([Goal::Disk].into_iter().collect());
        assert_eq!(evened(&snapshot(1_000, &replicas), &narrow).0, [0, 0, 1, 1], "the run is after another goal");
    }
}
