//! Topics and partitions: names, sizes, rates. Partition counts follow Zipf's law, rates are log-normal between topics
//! and nearly alike within one, and what a partition holds is what it received during its retention.

use rand::RngExt;
use rand_distr::{Distribution, LogNormal};
use rand_pcg::Pcg64;

use super::draft::Draft;
use super::fleet::Fleet;
use super::spec::SynthSpec;
use super::stream;
use crate::model::{GroupIdx, Partition, Topic, TopicIdx};

/// Exponent of Zipf's law over topics by partition count: a little flatter than words, as measured clusters are.
const ZIPF_EXPONENT: f64 = 0.95;
/// No topic has more partitions: beyond this operators split topics.
const MAX_TOPIC_PARTITIONS: usize = 4_096;
/// Spread of per-partition rates between topics (standard deviation of the logarithm).
const TOPIC_SIGMA: f64 = 1.0;
/// Spread of rates among a topic's partitions: keys are hashed, so they differ little.
const PARTITION_SIGMA: f64 = 0.25;
/// Days of retention and their share of topics.
const RETENTION_DAYS: [(f64, f64); 5] = [(1.0, 0.15), (3.0, 0.25), (7.0, 0.45), (14.0, 0.10), (30.0, 0.05)];
/// How many times consumers read what is produced, and the share of topics.
const FAN_OUT: [(f64, f64); 6] = [(0.0, 0.10), (1.0, 0.40), (2.0, 0.27), (3.0, 0.14), (5.0, 0.07), (8.0, 0.02)];
/// The share of compacted topics, whose size does not follow their rate.
const COMPACTED_SHARE: f64 = 0.08;
/// Milliseconds in a day.
const MS_PER_DAY: f64 = 86_400_000.0;
/// The consumers' offsets topic, which clusters of some size have.
const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// Kafka's default for `offsets.topic.num.partitions`.
const OFFSETS_PARTITIONS: usize = 50;
/// Clusters with fewer partitions go without the offsets topic: it would dominate them.
const OFFSETS_FROM_PARTITIONS: u32 = 500;

/// What a topic's partitions have in common.
struct Profile {
    name: String,
    partitions: usize,
    replication_factor: u32,
    /// Relative produce rate of a partition.
    rate: f64,
    fan_out: f64,
    /// None for compacted topics.
    retention_days: Option<f64>,
    /// Days of production that a partition holds.
    kept_days: f64,
    message_bytes: f64,
}

/// Draws topics and partitions, without places; rates and sizes are relative until [`super::scale`] makes them bytes.
pub(super) fn draw(spec: &SynthSpec, fleet: Fleet) -> Draft {
    let mut rng = stream(spec.seed, "topics");
    let mut profiles = profiles(spec, &mut rng);
    profiles.sort_by(|a, b| a.name.cmp(&b.name));
    let homes = homes(&profiles, &fleet);
    let mut draft = Draft::empty(fleet);
    for (profile, home) in profiles.into_iter().zip(homes) {
        push_topic(&mut draft, profile, home, spec, &mut rng);
    }
    draft
}

fn profiles(spec: &SynthSpec, rng: &mut Pcg64) -> Vec<Profile> {
    let mut counts = Vec::new();
    let mut left = spec.partitions as usize;
    let has_offsets = spec.partitions >= OFFSETS_FROM_PARTITIONS && spec.topic_count() > 1;
    if has_offsets {
        left -= OFFSETS_PARTITIONS;
        counts.push(OFFSETS_PARTITIONS);
    }
    let topics = (spec.topic_count() as usize - counts.len()).min(left);
    counts.extend(zipf_counts(left, topics));
    let names = names(counts.len());
    let profile = |(rank, (partitions, name)): (usize, (usize, String))| {
        if has_offsets && rank == 0 { offsets(spec, partitions) } else { profile(spec, name, partitions, rng) }
    };
    counts.into_iter().zip(names).enumerate().map(profile).collect()
}

fn profile(spec: &SynthSpec, name: String, partitions: usize, rng: &mut Pcg64) -> Profile {
    let retention = pick(&RETENTION_DAYS, rng);
    let compacted = rng.random_bool(COMPACTED_SHARE);
    // A compacted partition holds its keys' last values: anything from a day's to months' worth of writes.
    let kept_days = if compacted { log_normal(2.0, 1.0, rng) } else { retention };
    Profile {
        name,
        partitions,
        replication_factor: pick(&spec.replication, rng),
        rate: log_normal(0.0, TOPIC_SIGMA, rng),
        fan_out: pick(&FAN_OUT, rng) * rng.random_range(0.9..1.05),
        retention_days: (!compacted).then_some(retention),
        kept_days,
        message_bytes: log_normal(6.5, 0.8, rng).max(32.0),
    }
}

fn offsets(spec: &SynthSpec, partitions: usize) -> Profile {
    Profile {
        name: OFFSETS_TOPIC.to_owned(),
        partitions,
        replication_factor: spec.max_replication().min(3),
        rate: 0.05,
        fan_out: 0.0,
        retention_days: None,
        kept_days: 0.1,
        message_bytes: 150.0,
    }
}

/// Partition counts by rank, Zipf-distributed, at least one each, summing to `total`.
fn zipf_counts(total: usize, topics: usize) -> Vec<usize> {
    let weight = |rank: usize| (rank as f64 + 1.0).powf(-ZIPF_EXPONENT);
    let sum: f64 = (0..topics).map(weight).sum();
    let cap = MAX_TOPIC_PARTITIONS.max(total.div_ceil(topics.max(1)));
    let spare = total - topics;
    let share = |rank| ((spare as f64 * weight(rank) / sum) as usize + 1).min(cap);
    let mut counts: Vec<usize> = (0..topics).map(share).collect();
    let mut left = total - counts.iter().sum::<usize>();
    // What rounding and the cap left over goes round the ranks, largest first.
    while left > 0 {
        for count in counts.iter_mut().filter(|c| **c < cap) {
            if left == 0 {
                break;
            }
            *count += 1;
            left -= 1;
        }
    }
    counts
}

/// Distinct names by rank, made of words; versions follow where the words are used up.
fn names(count: usize) -> Vec<String> {
    const DOMAINS: [&str; 16] = [
        "orders",
        "payments",
        "clicks",
        "users",
        "inventory",
        "shipping",
        "search",
        "fraud",
        "billing",
        "sessions",
        "catalog",
        "pricing",
        "telemetry",
        "audit",
        "ads",
        "support",
    ];
    const EVENTS: [&str; 15] = [
        "events",
        "created",
        "updated",
        "raw",
        "enriched",
        "aggregates",
        "snapshots",
        "changelog",
        "commands",
        "failures",
        "retries",
        "metrics",
        "views",
        "archive",
        "state",
    ];
    let name = |rank: usize| {
        // 16 and 15 have no common factor, so that each pair occurs once per 240 ranks.
        let stem = format!("{}.{}", DOMAINS[rank % DOMAINS.len()], EVENTS[rank % EVENTS.len()]);
        match rank / (DOMAINS.len() * EVENTS.len()) {
            0 => stem,
            version => format!("{stem}.v{}", version + 1),
        }
    };
    (0..count).map(name).collect()
}

/// Gives each topic a group so that traffic per broker is alike: heavy topics first, each to the least loaded group.
fn homes(profiles: &[Profile], fleet: &Fleet) -> Vec<usize> {
    let mut order: Vec<usize> = (0..profiles.len()).collect();
    let weight = |p: &Profile| p.rate * p.partitions as f64 * f64::from(p.replication_factor);
    order.sort_by(|&a, &b| weight(&profiles[b]).total_cmp(&weight(&profiles[a])).then(a.cmp(&b)));
    let size = |group: &Vec<usize>| group.iter().map(|&row| fleet.machines[row].size).sum::<f64>();
    let sizes: Vec<f64> = fleet.members.iter().map(size).collect();
    let mut loads = vec![0.0; sizes.len()];
    let mut homes = vec![0; profiles.len()];
    for topic in order {
        let fill = |g: usize| (loads[g] + weight(&profiles[topic])) / sizes[g];
        let home = (0..sizes.len()).min_by(|&a, &b| fill(a).total_cmp(&fill(b))).unwrap_or(0);
        loads[home] += weight(&profiles[topic]);
        homes[topic] = home;
    }
    homes
}

fn push_topic(draft: &mut Draft, profile: Profile, home: usize, spec: &SynthSpec, rng: &mut Pcg64) {
    let topic = TopicIdx::new(draft.topics.len());
    let factor = profile.replication_factor;
    for number in 0..profile.partitions {
        let rate = profile.rate * log_normal(0.0, PARTITION_SIGMA, rng);
        // Segments are deleted whole, so that a little more or less than the retention is on disk.
        let kept = profile.kept_days * rng.random_range(0.9..1.1);
        draft.push_partition(
            Partition {
                bytes_in_per_sec: rate,
                bytes_out_per_sec: rate * profile.fan_out,
                messages_in_per_sec: rate / profile.message_bytes,
                topic,
                number: u32::try_from(number).unwrap_or(u32::MAX),
                leader: None,
                first_replica: 0,
                replica_count: factor,
            },
            rate * kept * MS_PER_DAY / 1_000.0,
        );
    }
    let first = draft.partitions.len() - profile.partitions;
    draft.homes.push(home);
    draft.topics.push(Topic {
        name: profile.name,
        group: spec.is_grouped().then(|| GroupIdx::new(home)),
        min_insync_replicas: Some(factor.saturating_sub(1).max(1)),
        cleanup_policy: Some(if profile.retention_days.is_some() { "delete" } else { "compact" }.to_owned()),
        retention_ms: profile.retention_days.map(|days| (days * MS_PER_DAY) as i64),
        retention_bytes: None,
        first_partition: u32::try_from(first).unwrap_or(u32::MAX),
        partition_count: u32::try_from(profile.partitions).unwrap_or(u32::MAX),
    });
}

fn pick<T: Copy + Default>(choices: &[(T, f64)], rng: &mut Pcg64) -> T {
    let total: f64 = choices.iter().map(|(_, weight)| weight).sum();
    let mut at = rng.random_range(0.0..1.0) * total;
    for &(value, weight) in choices {
        if at < weight {
            return value;
        }
        at -= weight;
    }
    choices.last().map_or_else(T::default, |(value, _)| *value)
}

/// A log-normal draw; the parameters are ours and valid.
pub(super) fn log_normal(mu: f64, sigma: f64, rng: &mut Pcg64) -> f64 {
    LogNormal::new(mu, sigma).map_or(1.0, |distribution| distribution.sample(rng))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_counts_hit_the_total_and_fall_with_rank() {
        for (total, topics) in [(1, 1), (7, 7), (1_000, 63), (335_000, 20_938), (9_000, 1)] {
            let counts = zipf_counts(total, topics);
            assert_eq!(counts.iter().sum::<usize>(), total);
            assert!(counts.iter().all(|&c| c > 0));
            assert!(counts.windows(2).all(|pair| pair[0] >= pair[1]), "{total} over {topics}");
        }
    }

    #[test]
    fn names_are_distinct() {
        let mut all = names(1_000);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 1_000);
    }
}
