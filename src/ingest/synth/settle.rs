//! Brings a first placement into balance, as a cluster that is well looked after would be: random leadership changes,
//! moves and swaps, each kept where it brings the brokers concerned nearer to their fair shares.

use rand::RngExt;
use rand_pcg::Pcg64;

use super::draft::Draft;
use super::{below, stream};
use crate::model::policy::Bands;
use crate::model::{Loads, band};

/// Tries per replica between looks at the whole, and how often that is repeated at most.
const ROUNDS: usize = 400;
/// Tries in all: keeps the largest clusters, which round robin balances well already, to seconds.
const MAX_TRIES: usize = 12_000_000;
/// Settled when every load is this near its fair share: safely inside the default bands of 10 %.
const NEAR: f64 = 0.06;

/// Settles `draft`.
pub(super) fn settle(draft: &mut Draft, seed: u64) {
    let mut rng = stream(seed, "settle");
    let mut spread = Spread::of(draft);
    let per_round = draft.hosts.len().max(100);
    for _ in 0..ROUNDS.min(MAX_TRIES.div_ceil(per_round)) {
        if is_settled(draft) {
            break;
        }
        for _ in 0..per_round {
            match below(&mut rng, 4) {
                0 => try_lead(draft, &mut rng),
                1 => try_move(draft, &mut spread, &mut rng),
                _ => try_swap(draft, &mut spread, &mut rng),
            }
        }
    }
    draft.recount();
}

fn is_settled(draft: &Draft) -> bool {
    let near = |b: usize| {
        (0..draft.loads[b].len()).all(|column| {
            let off = (draft.share(b, column) - 1.0).abs();
            // A count cannot be nearer than half of one; a load that nobody has is settled.
            draft.relative[b][column] == 0.0
                || off <= NEAR.max(if column > 3 { draft.relative[b][column] } else { 0.0 })
        })
    };
    draft.fleet.members.iter().flatten().all(|&b| near(b))
}

/// How many replicas of each topic each broker holds, against the most that the default band allows.
struct Spread {
    brokers: usize,
    counts: Vec<u16>,
    limits: Vec<u16>,
}

impl Spread {
    fn of(draft: &Draft) -> Self {
        let brokers = draft.fleet.machines.len();
        let mut counts = vec![0_u16; brokers * draft.topics.len()];
        let mut totals = vec![0_u64; draft.topics.len()];
        for p in 0..draft.partitions.len() {
            let topic = draft.partitions[p].topic.row();
            for &host in draft.hosts_of(p) {
                counts[topic * brokers + host as usize] += 1;
                totals[topic] += 1;
            }
        }
        let bands = Bands::default();
        let limit = |(total, home): (u64, &usize)| {
            let limit = band::topic_spread(total, draft.fleet.members[*home].len(), &bands);
            u16::try_from(limit).unwrap_or(u16::MAX)
        };
        let limits = totals.into_iter().zip(&draft.homes).map(limit).collect();
        Self { brokers, counts, limits }
    }

    fn admits(&self, topic: usize, to: usize) -> bool {
        self.counts[topic * self.brokers + to] < self.limits[topic]
    }

    fn shift(&mut self, topic: usize, from: usize, to: usize) {
        self.counts[topic * self.brokers + from] -= 1;
        self.counts[topic * self.brokers + to] += 1;
    }
}

/// How much farther from their fair shares `from` and `to` are after `load` goes from one to the other.
fn cost_change(draft: &Draft, from: usize, to: usize, load: &Loads) -> f64 {
    let part = |b: usize, sign: f64| -> f64 {
        (0..load.len())
            .map(|column| {
                let off = draft.share(b, column) - 1.0;
                let change = sign * load[column] * draft.relative[b][column];
                change * (2.0 * off + change)
            })
            .sum()
    };
    part(from, -1.0) + part(to, 1.0)
}

fn try_lead(draft: &mut Draft, rng: &mut Pcg64) {
    let p = below(rng, draft.partitions.len());
    let factor = draft.partitions[p].replica_count as usize;
    if factor < 2 {
        return;
    }
    let position = 1 + below(rng, factor - 1);
    let (leads, follows) = (draft.replica_load(p, true), draft.replica_load(p, false));
    let difference = std::array::from_fn(|column| leads[column] - follows[column]);
    if cost_change(draft, draft.host(p, 0), draft.host(p, position), &difference) < 0.0 {
        draft.elect(p, position);
        draft.prefer(p, position);
    }
}

fn try_move(draft: &mut Draft, spread: &mut Spread, rng: &mut Pcg64) {
    let (p, position) = any_replica(draft, rng);
    let members = &draft.fleet.members[draft.home(p)];
    let (from, to) = (draft.host(p, position), members[below(rng, members.len())]);
    let topic = draft.partitions[p].topic.row();
    if !draft.fits(p, position, to) || !spread.admits(topic, to) {
        return;
    }
    if cost_change(draft, from, to, &draft.replica_load(p, position == 0)) < 0.0 {
        draft.relocate(p, position, to);
        spread.shift(topic, from, to);
    }
}

fn try_swap(draft: &mut Draft, spread: &mut Spread, rng: &mut Pcg64) {
    let ((p, at), (q, other_at)) = (any_replica(draft, rng), any_replica(draft, rng));
    if p == q || draft.home(p) != draft.home(q) {
        return;
    }
    let (a, b) = (draft.host(p, at), draft.host(q, other_at));
    if !draft.fits(p, at, b) || !draft.fits(q, other_at, a) {
        return;
    }
    let (topic, other_topic) = (draft.partitions[p].topic.row(), draft.partitions[q].topic.row());
    if topic != other_topic && !(spread.admits(topic, b) && spread.admits(other_topic, a)) {
        return;
    }
    let (load, other_load) = (draft.replica_load(p, at == 0), draft.replica_load(q, other_at == 0));
    let difference = std::array::from_fn(|column| load[column] - other_load[column]);
    if cost_change(draft, a, b, &difference) < 0.0 {
        draft.relocate(p, at, b);
        draft.relocate(q, other_at, a);
        spread.shift(topic, a, b);
        spread.shift(other_topic, b, a);
    }
}

fn any_replica(draft: &Draft, rng: &mut Pcg64) -> (usize, usize) {
    let p = below(rng, draft.partitions.len());
    let factor = draft.partitions[p].replica_count;
    (p, rng.random_range(0..factor) as usize)
}
