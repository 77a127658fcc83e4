//! How long what is left of a step takes, and how much of it ends in time. Pure.
//!
//! The model is the plan's own ([`crate::plan::fluid`]), fed with what the cluster shows now: who leads, what is copied
//! already, how large the brokers' fetches are.

use std::collections::{BTreeMap, BTreeSet};

use super::look::{Look, Phase};
use super::work::Target;
use crate::live::admin::{Configs, Resource, TopicPartition};
use crate::model::BrokerIdx;
use crate::plan::fluid::{Durations, FETCH_RESPONSE_MAX_BYTES, simulate_with};
use crate::plan::pace::{Flow, Pace};

/// The broker setting that says how much a fetch brings at most.
const FETCH_RESPONSE_KEY: &str = "replica.fetch.response.max.bytes";

/// What the plan's least duration allows for starting Kafka's tool.
const TOOL_START_SECONDS: f64 = 1.0;

/// The largest response that a follower of `found` may get whole before a quota bites, bytes; Kafka's default where no
/// broker tells.
#[must_use]
pub fn fetch_response_max_bytes(found: &BTreeMap<Resource, Configs>) -> f64 {
    let told = found.values().filter_map(|configs| configs.get(FETCH_RESPONSE_KEY)?.value.as_ref()?.parse().ok());
    told.reduce(f64::max).unwrap_or(FETCH_RESPONSE_MAX_BYTES)
}

/// What is left to copy of `targets`.
#[must_use]
pub fn pace<'t>(targets: impl IntoIterator<Item = &'t Target>, look: &Look) -> Pace {
    let mut pace = Pace::default();
    for target in targets.into_iter().filter(|target| look.phase(target) != Phase::Done) {
        let found = look.partitions.get(&target.partition);
        let leader = found.and_then(|found| found.leader).or_else(|| target.before.first().map(|(id, _)| *id));
        let mut followed = target.bytes_in_per_sec * target.before.len().saturating_sub(1) as f64;
        for copy in look.copies_of(target) {
            let flow = match (copy.is_between_dirs, leader) {
                (true, _) => pace.log_dirs.entry(broker(copy.broker)).or_default(),
                (false, Some(leader)) => pace.flows.entry((broker(leader), broker(copy.broker))).or_default(),
                (false, None) => continue,
            };
            // Its followers are counted once, however many copies are made of it.
            flow.followed += if copy.is_between_dirs { 0.0 } else { std::mem::take(&mut followed) };
            add(flow, copy.all_bytes.saturating_sub(copy.done_bytes), target.bytes_in_per_sec);
        }
    }
    pace
}

fn add(flow: &mut Flow, bytes: u64, written: f64) {
    flow.copies += 1.0;
    flow.bytes += bytes as f64;
    flow.written += written;
}

/// Brokers by id stand in for brokers by row: the model compares them and nothing else.
fn broker(id: i32) -> BrokerIdx {
    BrokerIdx::new(usize::try_from(id).unwrap_or(0))
}

/// How long `targets` take from where `look` sees them; after other copies they may have to wait for the quotas first.
#[must_use]
pub fn durations<'t>(
    targets: impl IntoIterator<Item = &'t Target>,
    look: &Look,
    throttle_bytes_per_sec: u64,
    fetch_response_max_bytes: f64,
    after_others: bool,
) -> Durations {
    let runs = simulate_with(&pace(targets, look), throttle_bytes_per_sec as f64, fetch_response_max_bytes);
    let predicted = if after_others { runs.next() } else { runs.first() };
    // No tool of Kafka's has to start: a single small copy was seen to take 0.4 s in all.
    Durations { p10: predicted.p10.map(|p10| (p10 - TOOL_START_SECONDS).max(0.0)), ..predicted }
}

/// Seconds that nine of ten runs of `targets` take at most, whatever was copied before, with Kafka's own fetches; none
/// where they may never end.
#[must_use]
pub fn longest_seconds<'t>(
    targets: impl IntoIterator<Item = &'t Target>,
    look: &Look,
    throttle_bytes_per_sec: u64,
) -> Option<f64> {
    durations(targets, look, throttle_bytes_per_sec, FETCH_RESPONSE_MAX_BYTES, true).p90
}

/// Which of `waiting` may begin beside `running` so that nine of ten runs end within `seconds`: the smallest first, as
/// many as fit. What is left waits for a longer window.
#[must_use]
pub fn that_end_within<'t>(
    seconds: f64,
    running: &[&'t Target],
    waiting: &[&'t Target],
    look: &Look,
    throttle_bytes_per_sec: u64,
) -> BTreeSet<TopicPartition> {
    let mut order: Vec<&Target> = waiting.to_vec();
    order.sort_by_key(|target| (target.copy_bytes, target.partition.clone()));
    let fits = |count: usize| {
        let all = running.iter().chain(&order[..count]).copied();
        longest_seconds(all, look, throttle_bytes_per_sec).is_some_and(|longest| longest <= seconds)
    };
    // One more never takes less time, so that the most that fit are found by halving.
    let (mut most, mut least_beyond) = (0, order.len() + 1);
    while most + 1 < least_beyond {
        let middle = usize::midpoint(most, least_beyond);
        if fits(middle) { most = middle } else { least_beyond = middle }
    }
    order[..most].iter().map(|target| target.partition.clone()).collect()
}
