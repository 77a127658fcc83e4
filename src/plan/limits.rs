//! What a batch may still take: its bytes, its leader changes, what each broker and rack sends and receives.

use super::change::Standing;
use super::step::Step;
use super::words::duration;
use super::{Batch, MoveKind, Pacing};
use crate::model::human;
use crate::model::{BrokerIdx, PartitionIdx, Snapshot};

/// Says which partitions alone make a batch longer or larger than was asked for: a copy cannot be divided.
pub(super) fn oversized(
    snapshot: &Snapshot,
    pacing: &Pacing,
    throttle_bytes_per_sec: f64,
    batches: &[Batch],
) -> Option<String> {
    if pacing.batch_seconds.is_none() && pacing.batch_bytes.is_none() {
        return None;
    }
    let mut standing = Standing::new(snapshot);
    let mut found: Vec<(u64, PartitionIdx, usize)> = Vec::new();
    for (index, batch) in batches.iter().enumerate() {
        for (partition, changes) in standing.changes(batch) {
            let largest = changes.iter().map(super::change::Change::bytes).max().unwrap_or(0);
            let is_large = pacing.batch_bytes.is_some_and(|most| largest > most);
            let seconds = seconds_alone(snapshot, partition, largest, throttle_bytes_per_sec);
            let is_long = pacing.batch_seconds.is_some_and(|most| seconds.is_none_or(|seconds| seconds > most));
            found.extend((largest > 0 && (is_large || is_long)).then_some((largest, partition, index + 1)));
        }
        standing.advance(batch);
    }
    let (bytes, partition, batch) =
        found.iter().copied().max_by_key(|(bytes, p, _)| (*bytes, std::cmp::Reverse(*p)))?;
    let more = if found.len() > 1 { format!(" (and {} more partitions)", found.len() - 1) } else { String::new() };
    Some(format!(
        "batch {batch} passes what was asked of a batch: {}{more} is one copy of {}, {} at {}, and a copy cannot be \
         divided; a higher --throttle makes it shorter",
        snapshot.partition_name(partition),
        human::bytes_f64(bytes as f64),
        duration(seconds_alone(snapshot, partition, bytes, throttle_bytes_per_sec)),
        human::rate(throttle_bytes_per_sec)
    ))
}

/// Seconds that one copy of `partition` takes by itself; none where it never ends.
fn seconds_alone(snapshot: &Snapshot, partition: PartitionIdx, bytes: u64, throttle_bytes_per_sec: f64) -> Option<f64> {
    let rate = throttle_bytes_per_sec - snapshot.partition(partition).bytes_in_per_sec;
    (rate > 0.0).then(|| bytes as f64 / rate)
}

/// What the batch being filled has taken of its allowance.
pub(super) struct Tally<'a> {
    snapshot: &'a Snapshot,
    pacing: &'a Pacing,
    throttle_bytes_per_sec: f64,
    steps: usize,
    bytes: u64,
    leader_changes: u32,
    /// By broker: out, in, between dirs.
    brokers: Vec<[Stream; 3]>,
    /// By rack: copies sent and received.
    racks: Vec<[u32; 2]>,
    /// Brokers that are not as they were at the start of the batch.
    touched: Vec<usize>,
}

/// A copy by itself: what is asked first of a step, without looking at all of it.
#[derive(Clone, Copy, Default)]
pub(super) struct Gate {
    copy: Option<(BrokerIdx, BrokerIdx)>,
    bytes: f64,
    written: f64,
}

impl Gate {
    /// The first copy of the only step of `steps`; open where there are several, or none.
    pub(super) fn of(snapshot: &Snapshot, steps: &[Step]) -> Self {
        let [step] = steps else { return Self::default() };
        let is_copy = |change: &&super::change::Change| change.kind == MoveKind::Replica && change.to.is_some();
        let copy = step.changes.iter().find(is_copy).and_then(|change| Some((step.leader?, change.to?)));
        Self {
            copy: copy.map(|(leader, to)| (leader, to.seat.broker)),
            bytes: copy.map_or(0.0, |(_, to)| to.bytes as f64),
            written: snapshot.partition(step.partition).bytes_in_per_sec,
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Stream {
    copies: u32,
    bytes: f64,
    /// Written to what is copied meanwhile, bytes per second; it takes part of the throttle.
    written: f64,
}

/// Offsets into a broker's streams.
const OUT: usize = 0;
const IN: usize = 1;
const DIRS: usize = 2;

impl<'a> Tally<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, pacing: &'a Pacing, throttle_bytes_per_sec: f64) -> Self {
        Self {
            snapshot,
            pacing,
            throttle_bytes_per_sec,
            steps: 0,
            bytes: 0,
            leader_changes: 0,
            brokers: vec![<[Stream; 3]>::default(); snapshot.brokers.len()],
            racks: vec![[0, 0]; snapshot.racks.len()],
            touched: Vec::new(),
        }
    }

    /// Begins the next batch.
    pub(super) fn clear(&mut self) {
        (self.steps, self.bytes, self.leader_changes) = (0, 0, 0);
        for row in self.touched.drain(..) {
            self.brokers[row] = <[Stream; 3]>::default();
        }
        self.racks.fill([0, 0]);
    }

    /// Whether no step that copies anything fits any more.
    pub(super) fn is_full(&self) -> bool {
        self.pacing.batch_bytes.is_some_and(|most| self.bytes >= most)
    }

    /// Whether `step` keeps the batch within its allowance. The first step always does: it can go nowhere else.
    pub(super) fn admits(&self, step: &Step) -> bool {
        if self.steps == 0 {
            return true;
        }
        if step.changes_leader() && self.leader_changes >= self.pacing.leader_changes_max {
            return false;
        }
        let bytes: u64 = step.changes.iter().map(super::change::Change::bytes).sum();
        if bytes > 0 && self.pacing.batch_bytes.is_some_and(|most| self.bytes.saturating_add(bytes) > most) {
            return false;
        }
        let written = self.snapshot.partition(step.partition).bytes_in_per_sec;
        streams(step).all(|(broker, direction, bytes)| self.takes(broker, direction, bytes as f64, written))
    }

    /// Whether the batch may have room for a step behind `gate`; where not, [`Tally::admits`] would say no as well.
    pub(super) fn may_admit(&self, gate: &Gate) -> bool {
        let takes = |(from, to)| {
            self.takes(from, OUT, gate.bytes, gate.written) && self.takes(to, IN, gate.bytes, gate.written)
        };
        self.steps == 0 || gate.copy.is_none_or(takes)
    }

    fn takes(&self, broker: BrokerIdx, direction: usize, bytes: f64, written: f64) -> bool {
        let stream = self.brokers[broker.row()][direction];
        if direction != DIRS {
            if self.pacing.moves_per_broker_max.is_some_and(|most| stream.copies >= most) {
                return false;
            }
            let rack = self.snapshot.broker(broker).rack.map(|rack| self.racks[rack.row()][direction]);
            if rack.zip(self.pacing.moves_per_rack_max).is_some_and(|(copies, most)| copies >= most) {
                return false;
            }
        }
        self.pacing.batch_seconds.is_none_or(|seconds| {
            let rate = self.throttle_bytes_per_sec - stream.written - written;
            stream.copies == 0 || stream.bytes + bytes <= seconds * rate
        })
    }

    /// Counts `step`.
    pub(super) fn add(&mut self, step: &Step) {
        self.steps += 1;
        self.leader_changes += u32::from(step.changes_leader());
        self.bytes = step.changes.iter().fold(self.bytes, |sum, change| sum.saturating_add(change.bytes()));
        let written = self.snapshot.partition(step.partition).bytes_in_per_sec;
        for (broker, direction, bytes) in streams(step) {
            let stream = &mut self.brokers[broker.row()][direction];
            stream.copies += 1;
            stream.bytes += bytes as f64;
            stream.written += written;
            self.touched.push(broker.row());
            let rack = self.snapshot.broker(broker).rack.filter(|_| direction != DIRS);
            if let Some(rack) = rack {
                self.racks[rack.row()][direction] += 1;
            }
        }
    }
}

impl Step {
    /// Whether another broker leads after it.
    pub(super) fn changes_leader(&self) -> bool {
        self.leader != self.leader_after
    }
}

/// What `step` has brokers send, receive and copy between dirs.
fn streams(step: &Step) -> impl Iterator<Item = (BrokerIdx, usize, u64)> + '_ {
    step.changes.iter().flat_map(|change| {
        let to = change.to.map(|held| (held.seat.broker, held.bytes));
        let is_copy = change.kind == MoveKind::Replica;
        let into = to.map(|(broker, bytes)| (broker, if is_copy { IN } else { DIRS }, bytes));
        let out = to.filter(|_| is_copy).and_then(|(_, bytes)| Some((step.leader?, OUT, bytes)));
        into.into_iter().chain(out)
    })
}
