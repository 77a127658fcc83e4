//! When each batch ends: throttles, durations, what other throttles would bring, and what will not end at all.
//!
//! Input: batches and the operator's [`Pacing`]. Output: a [`Timetable`]. Each batch has a throttle of its own where
//! none is asked for, since the brokers that it burdens differ.

use rayon::prelude::*;

use super::change::{Change, Standing};
use super::elections::leader_after;
use super::fluid::{Durations, Runs, simulate};
use super::pace::Pace;
use super::throttle::{Basis, Headroom, Networks, Throttle};
use super::words::duration;
use super::{Batch, Pacing};
use crate::model::{BrokerIdx, NotEvaluated, PartitionIdx, Placement, Policy, Snapshot, human};

/// Multiples of the plan's throttle that the sweep shows.
const SWEEP: [f64; 7] = [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0];

/// Up to so many batches have throttles of their own; more are carried out in a loop, with the least of them.
pub const BATCHES_WITH_OWN_THROTTLE: usize = 20;

/// The throttle for a deadline is found to 1 %: finer than any prediction.
const DEADLINE_STEPS: usize = 60;

/// How long the plan takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Timetable {
    /// One per batch.
    pub batches: Vec<BatchTime>,
    /// All batches one after the other.
    pub total: Durations,
    /// The least of the batches' throttles; where nothing is copied, the default.
    pub throttle: Throttle,
    /// The least that a broker's network has left in any batch; none where no capacity is known.
    pub headroom: Option<Headroom>,
    /// What throttles around it would bring.
    pub sweep: Vec<SweepRow>,
    /// What the operator should know before starting, as sentences without a full stop.
    pub warnings: Vec<String>,
    /// Figures that cannot be computed, and why.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// How long a batch takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchTime {
    /// Seconds from its start.
    pub durations: Durations,
    /// What it is carried out with.
    pub throttle: Throttle,
    /// What the throttle must exceed for it to end at all, bytes per second.
    pub least_throttle_bytes_per_sec: f64,
    /// The broker with most to copy; none where nothing is copied.
    pub busiest: Option<BrokerIdx>,
}

/// The whole plan at one throttle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SweepRow {
    /// Of every batch.
    pub throttle_bytes_per_sec: u64,
    /// Of all batches.
    pub durations: Durations,
    /// Whether every broker stays below its network limits; none where no capacity is known.
    pub keeps_limits: Option<bool>,
}

/// The throttle that the batches are to be filled for, before there are any.
pub(super) fn planned_throttle(
    snapshot: &Snapshot,
    networks: &Networks,
    pacing: &Pacing,
    changes: &[(PartitionIdx, Vec<Change>)],
) -> Throttle {
    let given = pacing.throttle_bytes_per_sec.map(|bytes_per_sec| Throttle { bytes_per_sec, basis: Basis::Given });
    given.unwrap_or_else(|| networks.throttle(&Pace::of(snapshot, changes)))
}

impl Timetable {
    /// The timetable of `batches`.
    #[must_use]
    pub fn of(snapshot: &Snapshot, policy: &Policy, batches: &[Batch], after: &Placement, pacing: &Pacing) -> Self {
        let networks = Networks::of(snapshot, policy, after);
        Self::with_networks(snapshot, &networks, batches, pacing, Vec::new())
    }

    pub(super) fn with_networks(
        snapshot: &Snapshot,
        networks: &Networks,
        batches: &[Batch],
        pacing: &Pacing,
        notes: Vec<String>,
    ) -> Self {
        let paces = paces(snapshot, batches);
        let mut warnings = Vec::new();
        let asked = asked(pacing, &paces, &mut warnings);
        let is_shared = paces.len() > BATCHES_WITH_OWN_THROTTLE;
        let shared = if is_shared { asked.or_else(|| least_of(networks, &paces)) } else { asked };
        let time = |(row, pace): (usize, &Pace)| {
            let throttle = shared.unwrap_or_else(|| networks.throttle(pace));
            let rate = throttle.bytes_per_sec as f64;
            let runs = simulate(pace, rate);
            let time = BatchTime {
                durations: if row == 0 { runs.first() } else { runs.next() },
                throttle,
                least_throttle_bytes_per_sec: pace.least_throttle_bytes_per_sec(),
                busiest: pace.estimate(rate).busiest,
            };
            (time, runs)
        };
        let (times, runs): (Vec<BatchTime>, Vec<Runs>) = paces.par_iter().enumerate().map(time).unzip();
        let copying = times.iter().zip(&paces).filter(|(_, pace)| !pace.flows.is_empty() || !pace.log_dirs.is_empty());
        let throttle = copying.map(|(time, _)| time.throttle).min_by_key(|throttle| throttle.bytes_per_sec);
        let throttle = throttle.unwrap_or_else(|| asked.unwrap_or_else(|| networks.throttle(&Pace::default())));
        let least_headroom = paces.iter().filter_map(|pace| networks.least(pace));
        let headroom =
            least_headroom.min_by(|a, b| a.throttle_max_bytes_per_sec().total_cmp(&b.throttle_max_bytes_per_sec()));
        let total = total(&runs);
        let mut table = Self {
            total,
            sweep: sweep(&paces, (throttle, shared.map(|_| total)), headroom),
            headroom,
            batches: times,
            throttle,
            warnings,
            not_evaluated: Vec::new(),
        };
        table.warn_of_limits(snapshot, headroom);
        table.warn_of_endless();
        table.warnings.extend(notes);
        table
    }

    /// Whether some batch never ends at its throttle.
    #[must_use]
    pub fn is_endless(&self) -> bool {
        self.batches.iter().any(|time| time.durations.p50.is_none())
    }

    fn warn_of_limits(&mut self, snapshot: &Snapshot, headroom: Option<Headroom>) {
        let copies = self.batches.iter().any(|time| time.busiest.is_some());
        let Some(headroom) = headroom else {
            if copies && self.throttle.basis == Basis::Unknown {
                self.not_evaluated.push(NotEvaluated {
                    what: "throttle from headroom".to_owned(),
                    why: format!(
                        "no broker that the plan copies from or to has a network capacity; {} is a common rate",
                        human::rate(self.throttle.bytes_per_sec as f64)
                    ),
                });
            }
            return;
        };
        if self.throttle.bytes_per_sec as f64 > headroom.throttle_max_bytes_per_sec() {
            let broker = snapshot.broker(headroom.broker);
            let left =
                if headroom.bytes_per_sec > 0.0 { human::rate(headroom.bytes_per_sec) } else { "nothing".to_owned() };
            self.warnings.push(format!(
                "a throttle of {} may take broker {} past {}: it has {left} left",
                human::rate(self.throttle.bytes_per_sec as f64),
                broker.id,
                headroom.rule.name()
            ));
        }
    }

    fn warn_of_endless(&mut self) {
        let endless = |time: &&BatchTime| time.durations.p90.is_none();
        let count = self.batches.iter().filter(endless).count();
        let Some(first) = self.batches.iter().position(|time| time.durations.p90.is_none()) else { return };
        let least = self.batches.iter().map(|time| time.least_throttle_bytes_per_sec).fold(0.0, f64::max);
        let time = &self.batches[first];
        let may = if time.durations.p50.is_none() { "never ends" } else { "may never end" };
        let others = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
        let why = format!(
            "batch {}{others} {may} at {}: what is written to the partitions that move, and what their followers read, \
             takes up to {}, and the throttle must exceed that",
            first + 1,
            human::rate(time.throttle.bytes_per_sec as f64),
            human::rate(least)
        );
        self.not_evaluated.push(NotEvaluated { what: "duration_seconds".to_owned(), why: why.clone() });
        self.warnings.push(why);
    }
}

/// The least of the throttles that the batches would have by themselves.
fn least_of(networks: &Networks, paces: &[Pace]) -> Option<Throttle> {
    let copying = paces.iter().filter(|pace| !pace.flows.is_empty() || !pace.log_dirs.is_empty());
    copying.map(|pace| networks.throttle(pace)).min_by_key(|throttle| throttle.bytes_per_sec)
}

/// The throttle that was asked for, by itself or by a deadline.
fn asked(pacing: &Pacing, paces: &[Pace], warnings: &mut Vec<String>) -> Option<Throttle> {
    if let Some(bytes_per_sec) = pacing.throttle_bytes_per_sec {
        return Some(Throttle { bytes_per_sec, basis: Basis::Given });
    }
    let deadline = pacing.deadline_seconds?;
    let found = least_throttle(paces, deadline);
    if found.is_none() {
        warnings.push(format!(
            "no throttle ends the plan within {}: its batches take longer to start and end than that",
            duration(Some(deadline))
        ));
    }
    Some(Throttle { bytes_per_sec: found?, basis: Basis::Deadline })
}

/// The least throttle with which nine of ten runs end within `deadline` seconds, to 1 %.
fn least_throttle(paces: &[Pace], deadline: f64) -> Option<u64> {
    let meets = |rate: f64| whole(paces, rate).p90.is_some_and(|p90| p90 <= deadline);
    let mut low = paces.iter().map(Pace::least_throttle_bytes_per_sec).fold(1e5, f64::max);
    let mut high = low * 2.0;
    // 10 TB/s: beyond any network.
    while !meets(high) {
        if high > 1e13 {
            return None;
        }
        (low, high) = (high, high * 4.0);
    }
    for _ in 0..DEADLINE_STEPS {
        if high / low < 1.01 {
            break;
        }
        let middle = (low * high).sqrt();
        if meets(middle) { high = middle } else { low = middle }
    }
    Some(high.ceil() as u64)
}

/// All batches at one throttle.
fn whole(paces: &[Pace], throttle_bytes_per_sec: f64) -> Durations {
    // Simulated side by side, added in order: the sum is the same at any thread count.
    let runs: Vec<Runs> = paces.par_iter().map(|pace| simulate(pace, throttle_bytes_per_sec)).collect();
    total(&runs)
}

/// Batches one right after the other.
fn total(runs: &[Runs]) -> Durations {
    let nothing = Durations { p10: Some(0.0), p50: Some(0.0), p90: Some(0.0) };
    let Some((first, rest)) = runs.split_first() else { return nothing };
    rest.iter().map(|runs| runs.among_many()).fold(first.first(), Durations::then)
}

/// What multiples of `throttle` would bring; `own` is what it brings itself, where that is known.
fn sweep(paces: &[Pace], (throttle, own): (Throttle, Option<Durations>), headroom: Option<Headroom>) -> Vec<SweepRow> {
    if paces.iter().all(|pace| pace.flows.is_empty() && pace.log_dirs.is_empty()) {
        return Vec::new();
    }
    let row = |multiple: f64| {
        let rate = (throttle.bytes_per_sec as f64 * multiple).round();
        SweepRow {
            throttle_bytes_per_sec: rate as u64,
            durations: own.filter(|_| multiple == 1.0).unwrap_or_else(|| whole(paces, rate)),
            keeps_limits: headroom.map(|headroom| rate <= headroom.throttle_max_bytes_per_sec()),
        }
    };
    SWEEP.into_par_iter().map(row).collect()
}

/// What each batch asks of the brokers, copies coming from whoever leads by then.
fn paces(snapshot: &Snapshot, batches: &[Batch]) -> Vec<Pace> {
    let mut standing = Standing::new(snapshot);
    let mut leaders: Vec<Option<BrokerIdx>> = snapshot.partitions.iter().map(|p| p.leader).collect();
    let mut paces = Vec::with_capacity(batches.len());
    for batch in batches {
        paces.push(Pace::led_by(snapshot, &standing.changes(batch), |p| leaders[p.row()]));
        standing.advance(batch);
        for entry in &batch.entries {
            let leader = &mut leaders[entry.partition.row()];
            *leader = leader.and_then(|old| leader_after(snapshot, Some(old), &entry.seats, false));
        }
        for &partition in &batch.elections {
            leaders[partition.row()] = standing.held(partition).first().map(|held| held.seat.broker);
        }
    }
    paces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::pace::Flow;

    fn pace(gigabytes: f64, written: f64) -> Pace {
        let flow = Flow { copies: 10.0, bytes: gigabytes * 1e9, written, followed: written };
        Pace { flows: [((BrokerIdx::new(0), BrokerIdx::new(1)), flow)].into(), ..Pace::default() }
    }

    #[test]
    fn the_throttle_for_a_deadline_is_the_least_that_meets_it() {
        let paces = [pace(100.0, 1e6), pace(300.0, 2e6)];
        let rate = least_throttle(&paces, 6.0 * 3600.0).unwrap_or(0) as f64;
        let p90 = |rate: f64| whole(&paces, rate).p90.unwrap_or(f64::INFINITY);
        assert!(p90(rate) <= 6.0 * 3600.0 && p90(rate * 0.98) > 6.0 * 3600.0, "{rate}");
        assert_eq!(least_throttle(&paces, 1.0), None, "two batches take longer to start and end");
    }

    #[test]
    fn a_higher_throttle_never_takes_longer() {
        let throttle = Throttle { bytes_per_sec: 20_000_000, basis: Basis::Given };
        let rows = sweep(&[pace(100.0, 1e6)], (throttle, None), None);
        assert_eq!(rows.len(), SWEEP.len());
        assert!(rows.windows(2).all(|pair| pair[0].durations.p90 >= pair[1].durations.p90), "{rows:?}");
    }
}
