//! How long a batch takes, by letting its copies flow through leaders' and followers' quotas.
//!
//! Input: a batch's [`Pace`], a throttle. Output: [`Runs`], which tells [`Durations`]: the span that nine of ten runs end
//! in and its middle.
//! The model: copies from one leader to one receiver are one flow; flows share each broker's quota, out and in, max–min
//! fairly (Bertsekas and Gallager, *Data Networks*, 6.5.2: raise all rates alike, freeze what a full quota holds).
//! When one ends the rest speed up.
//!
//! What a quota alone does not tell was measured on Kafka 4.3 with known plans:
//! - the first response of each fetcher, up to `replica.fetch.response.max.bytes`, passes whole before the quota bites;
//! - a quota is kept over 11 samples of 1 s (`replication.quota.window.num` and `.size.seconds`): a quiet start is credit,
//!   and what the batch before copied in a burst is waited out, by a small batch for longer than its own copies take;
//! - what is written meanwhile is copied too, for each partition until its copy has caught up: partitions end one after
//!   the other at best, all at the end at worst;
//! - moves between dirs end up to a tenth late, and the tool needs seconds to see the end.

use std::collections::BTreeMap;

use super::pace::{Flow, Pace};
use crate::model::BrokerIdx;

/// `replica.fetch.response.max.bytes`, Kafka's default.
pub const FETCH_RESPONSE_MAX_BYTES: f64 = 10_485_760.0;

/// `replication.quota.window.num` × `replication.quota.window.size.seconds`, Kafka's defaults.
const QUOTA_WINDOW_SECONDS: f64 = 11.0;

/// Copies with small fetches ended up to 7 % after bytes ÷ throttle, and none with any setting began to end earlier than
/// the credits explain by more than 5 %.
const SLOWER: f64 = 1.07;
const FASTER: f64 = 0.95;

/// Copies between dirs ended 11 % late (101.3 MB at 3 MB/s in 37.4 s).
const LOG_DIRS_SLOWER: f64 = 1.11;

/// What starting a batch, electing leaders and seeing that it has ended take.
const OVERHEAD_SECONDS: [f64; 3] = [1.0, 2.0, 5.0];

/// More flows than these are not followed one by one: the busiest quota decides. With so many to many, quotas stay full
/// until near the end, and a simulation would take longer than the rest of the plan.
const FLOWS_MAX: usize = 2_000;

/// Flows that end at about the same time end together: so many steps suffice for any number of them.
const STEPS: usize = 32;

/// No simulation takes more steps; what is not done by then is called endless.
const STEPS_MAX: usize = 4096;

/// While something is written to it, a flow is followed from the end of one partition to the end of the next, but in no
/// smaller steps than this share of its bytes.
const SHARE_PER_STEP: f64 = 0.05;

/// Constraints that are full at nearly the same rate are taken as full together.
const LEVEL: f64 = 1.02;

/// Seconds that nine of ten runs take at least, half of them, and one of ten at least; none where they never end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Durations {
    /// Nine of ten take longer.
    pub p10: Option<f64>,
    /// Half take longer.
    pub p50: Option<f64>,
    /// One of ten takes longer.
    pub p90: Option<f64>,
}

impl Durations {
    /// One after the other, as if all were as fast or slow as the first: wider than independent ones would be.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        let add = |a: Option<f64>, b: Option<f64>| Some(a? + b?);
        Self { p10: add(self.p10, next.p10), p50: add(self.p50, next.p50), p90: add(self.p90, next.p90) }
    }
}

/// What one run is like.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Bytes that each flow gets before the quota bites.
    burst_bytes: f64,
    /// Whether partitions end one after the other, so that what is written to the rest fades.
    fades: bool,
}

/// How long a batch's copies flow, between brokers and within, by how lucky the run is; none where they never end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Runs {
    fast: Option<Seconds>,
    middle: Option<Seconds>,
    slow: Option<Seconds>,
}

/// Until all copies between brokers, and all between dirs, are made.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Seconds {
    between: f64,
    within: f64,
}

/// Lets `pace` flow at a throttle, with fetches of Kafka's default size.
#[must_use]
pub fn simulate(pace: &Pace, throttle_bytes_per_sec: f64) -> Runs {
    simulate_with(pace, throttle_bytes_per_sec, FETCH_RESPONSE_MAX_BYTES)
}

/// The same with another `replica.fetch.response.max.bytes`.
#[must_use]
pub fn simulate_with(pace: &Pace, throttle_bytes_per_sec: f64, fetch_response_max_bytes: f64) -> Runs {
    let run = |share: f64, fades: bool| {
        let run = Run { burst_bytes: share * fetch_response_max_bytes, fades };
        Some(Seconds {
            between: between_brokers(pace, throttle_bytes_per_sec, run)?,
            within: within_brokers(pace, throttle_bytes_per_sec, fades)?,
        })
    };
    Runs { fast: run(1.0, true), middle: run(0.5, true), slow: run(0.0, false) }
}

impl Runs {
    /// For a batch that begins when nothing has been copied for a while.
    #[must_use]
    pub fn first(self) -> Durations {
        self.durations([QUOTA_WINDOW_SECONDS, 0.5 * QUOTA_WINDOW_SECONDS], 0.0)
    }

    /// For a batch that begins when another has just ended: it finds the quotas free at best, and spent at worst.
    #[must_use]
    pub fn next(self) -> Durations {
        let copies = self.slow.is_some_and(|slow| slow.between.max(slow.within) > 0.0);
        self.durations([QUOTA_WINDOW_SECONDS, 0.0], if copies { QUOTA_WINDOW_SECONDS } else { 0.0 })
    }

    /// What a batch adds to a run of many: what one has to wait for, the one before has had.
    #[must_use]
    pub fn among_many(self) -> Durations {
        self.durations([0.0; 2], 0.0)
    }

    fn durations(self, credit_seconds: [f64; 2], wait_seconds: f64) -> Durations {
        let [least, middle, most] = OVERHEAD_SECONDS;
        let after = |seconds: f64, credit: f64| (seconds - credit).max(0.0);
        let [fast_credit, middle_credit] = credit_seconds;
        let p10 = self.fast.map(|run| after(FASTER * run.between.max(run.within), fast_credit) + least);
        let p50 = self.middle.map(|run| after(run.between, middle_credit).max(run.within) + middle);
        let p90 = self.slow.map(|run| (SLOWER * run.between).max(LOG_DIRS_SLOWER * run.within) + wait_seconds + most);
        let at_least = |low: Option<f64>, high: Option<f64>| high.map(|high| low.map_or(high, |low| high.max(low)));
        let p50 = at_least(p10, p50);
        Durations { p10, p50, p90: at_least(p50, p90) }
    }
}

/// Seconds until all dirs are done; each broker copies apart from all others.
fn within_brokers(pace: &Pace, throttle: f64, fades: bool) -> Option<f64> {
    let run = Run { burst_bytes: 0.0, fades };
    let flows = pace.log_dirs.iter().map(|(&broker, flow)| ((broker, broker), flow));
    run_out(streams(flows, run), throttle, run)
}

/// Seconds until all copies between brokers are made; none where they never are.
fn between_brokers(pace: &Pace, throttle: f64, run: Run) -> Option<f64> {
    if pace.flows.len() > FLOWS_MAX {
        return busiest_quota(pace, throttle, run);
    }
    let flows = pace.flows.iter().map(|(&ends, flow)| (ends, flow));
    run_out(streams(flows, run), throttle, run)
}

/// Seconds until the quota with most to carry is done, if it is full all the time.
fn busiest_quota(pace: &Pace, throttle: f64, run: Run) -> Option<f64> {
    let mut quotas: BTreeMap<(BrokerIdx, usize), (f64, f64)> = BTreeMap::new();
    for (&(from, to), flow) in &pace.flows {
        let bytes = (flow.bytes - run.burst_bytes).max(0.0);
        for (quota, taken) in [((from, 0), flow.written + flow.followed), ((to, 1), flow.written)] {
            let sums = quotas.entry(quota).or_default();
            *sums = (sums.0 + bytes, sums.1 + taken);
        }
    }
    let one = |&(bytes, taken): &(f64, f64)| match (taken >= throttle, taken > 0.0 && run.fades) {
        _ if bytes <= 0.0 => Some(0.0),
        (true, _) => None,
        // The rest r of b falls by throttle − taken·r/b: b/taken · ln(throttle ÷ (throttle − taken)).
        (false, true) => Some(bytes / taken * (throttle / (throttle - taken)).ln()),
        (false, false) => Some(bytes / (throttle - taken)),
    };
    quotas.values().map(one).try_fold(0.0, |longest: f64, seconds| Some(longest.max(seconds?)))
}

/// A flow on its way.
#[derive(Clone, Copy)]
struct Stream {
    /// Offsets of its quotas: the leader's out, the receiver's in.
    quotas: [usize; 2],
    flow: Flow,
    /// Bytes still to copy.
    rest: f64,
    rate: f64,
}

impl Stream {
    /// The share of its partitions that are still being copied, and so of what is written and followed.
    fn share(&self, run: Run) -> f64 {
        if run.fades { self.partitions_left() / self.flow.copies.max(1.0) } else { 1.0 }
    }

    /// Its partitions that are still being copied, the one under way included.
    fn partitions_left(&self) -> f64 {
        let copies = self.flow.copies.max(1.0);
        // The tolerance keeps rounding from finding a sliver of a partition that has ended.
        (self.rest / self.flow.bytes * copies - 1e-6).ceil().clamp(1.0, copies)
    }

    /// By how much the rest falls per second.
    fn progress(&self, run: Run) -> f64 {
        self.rate - self.flow.written * self.share(run)
    }

    /// Bytes that it may copy before its share changes: to the end of the partition under way; of many small ones, some.
    fn until_share_changes(&self, run: Run) -> f64 {
        if !run.fades || self.flow.written + self.flow.followed <= 0.0 {
            return f64::INFINITY;
        }
        let others = (self.partitions_left() - 1.0) * self.flow.bytes / self.flow.copies.max(1.0);
        (self.rest - others).max(SHARE_PER_STEP * self.flow.bytes)
    }
}

/// Seconds until every stream has ended; none where one never does.
fn run_out((mut streams, quotas): (Vec<Stream>, usize), throttle: f64, run: Run) -> Option<f64> {
    let mut seconds = 0.0;
    for _ in 0..STEPS_MAX {
        streams.retain(|stream| stream.rest > 1e-6 * stream.flow.bytes);
        if streams.is_empty() {
            return Some(seconds);
        }
        share_quotas(&mut streams, quotas, throttle, run);
        seconds += advance(&mut streams, run)?;
    }
    None
}

fn streams<'a>(flows: impl Iterator<Item = ((BrokerIdx, BrokerIdx), &'a Flow)>, run: Run) -> (Vec<Stream>, usize) {
    let mut offsets: BTreeMap<(BrokerIdx, usize), usize> = BTreeMap::new();
    let mut streams = Vec::new();
    for ((from, to), flow) in flows.filter(|(_, flow)| flow.bytes > 0.0) {
        let mut quota = |broker, direction| {
            let next = offsets.len();
            *offsets.entry((broker, direction)).or_insert(next)
        };
        let quotas = [quota(from, 0), quota(to, 1)];
        let rest = flow.bytes - run.burst_bytes.min(flow.bytes);
        streams.push(Stream { quotas, flow: *flow, rest, rate: 0.0 });
    }
    (streams, offsets.len())
}

/// Gives each stream its max–min fair rate.
fn share_quotas(streams: &mut [Stream], quotas: usize, throttle: f64, run: Run) {
    let mut free = vec![throttle; quotas];
    let mut users = vec![0_u32; quotas];
    for stream in streams.iter_mut() {
        stream.rate = 0.0;
        free[stream.quotas[0]] -= stream.flow.followed * stream.share(run);
        stream.quotas.iter().for_each(|&q| users[q] += 1);
    }
    let level = |q: usize, free: &[f64], users: &[u32]| match users[q] {
        0 => f64::INFINITY,
        users => free[q].max(0.0) / f64::from(users),
    };
    let mut levels: Vec<f64> = (0..quotas).map(|q| level(q, &free, &users)).collect();
    let mut open: Vec<usize> = (0..streams.len()).collect();
    let mut touched: Vec<usize> = Vec::new();
    while !open.is_empty() {
        let highest = levels.iter().copied().fold(f64::INFINITY, f64::min) * LEVEL;
        open.retain(|&row| {
            let stream = &mut streams[row];
            let [out, into] = stream.quotas;
            let rate = levels[out].min(levels[into]);
            if rate > highest {
                return true;
            }
            stream.rate = rate;
            for quota in stream.quotas {
                free[quota] -= rate;
                users[quota] -= 1;
            }
            touched.extend(stream.quotas);
            false
        });
        for quota in touched.drain(..) {
            levels[quota] = level(quota, &free, &users);
        }
    }
}

/// Lets time pass until some streams end or what is written has faded enough to count anew; none where nothing flows.
fn advance(streams: &mut [Stream], run: Run) -> Option<f64> {
    let mut ends: Vec<f64> = Vec::with_capacity(streams.len());
    for stream in streams.iter() {
        let progress = stream.progress(run);
        if progress > 0.0 {
            // A stream that ends within the step ends it, however little that is.
            ends.push(stream.rest.min(stream.until_share_changes(run)) / progress);
        }
    }
    let nth = (ends.len() / STEPS).min(ends.len().checked_sub(1)?);
    let (_, step, _) = ends.select_nth_unstable_by(nth, f64::total_cmp);
    let step = *step;
    for stream in streams.iter_mut() {
        stream.rest = (stream.rest - stream.progress(run) * step).clamp(0.0, stream.flow.bytes);
    }
    Some(step)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
#[path = "fluid_tests.rs"]
mod tests;
