//! The named cases: what `synth` makes, and for what it cannot make, what is done to that afterwards.

use evenkeel::ingest::{SynthFaults, SynthSpec, synthesize};
use evenkeel::model::{BrokerIdx, BrokerState, LogDir, LogDirIdx, PartitionIdx, Snapshot, TopicIdx};

/// Seed of every case.
pub(crate) const SEED: u64 = 1;

/// A named cluster.
pub(crate) struct Case {
    /// Its name; the part before the slash is its size.
    pub(crate) name: String,
    spec: SynthSpec,
    alter: fn(&mut Snapshot),
}

impl Case {
    /// Makes the cluster.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = synthesize(&self.spec).unwrap();
        (self.alter)(&mut snapshot);
        snapshot
    }
}

/// A size: brokers, partitions, log dirs per broker.
type Size = (&'static str, u32, u32, u32);

/// Sizes of the speed table; the last only when asked for.
const SIZES: [Size; 5] =
    [("S", 12, 1_000, 1), ("M", 60, 10_000, 1), ("L", 300, 100_000, 4), ("XL", 1_000, 335_000, 4), XXL];
const XXL: Size = ("XXL", 2_000, 1_000_000, 4);

fn base((_, brokers, partitions, log_dirs): Size) -> SynthSpec {
    SynthSpec { brokers, partitions, racks: 3, log_dirs, seed: SEED, drift: 0.5, ..SynthSpec::default() }
}

/// All cases, smallest first; those of 3 million replicas only where `xxl`.
pub(crate) fn all(xxl: bool) -> Vec<Case> {
    let mut cases = Vec::new();
    for size in SIZES.into_iter().filter(|s| xxl || s.0 != XXL.0) {
        let named = |name: &str, spec: SynthSpec, alter: fn(&mut Snapshot)| Case {
            name: format!("{}/{name}", size.0),
            spec,
            alter,
        };
        let spec = || base(size);
        // As many in each of three racks: else no placement brings the racks into the bands.
        let tenth = (size.1 / 10).next_multiple_of(3);
        let faults = SynthFaults::default();
        cases.push(named("rebalance", spec(), keep));
        cases.push(named("expansion", SynthSpec { expanded: tenth, drift: 0.2, ..spec() }, keep));
        let draining = SynthFaults { draining: tenth.min(20), ..faults };
        cases.push(named("drain", SynthSpec { faults: draining, drift: 0.2, ..spec() }, keep));
        if size.0 == "M" {
            let special = |(name, spec, alter): Special| named(name, spec, alter);
            cases.extend(special_cases(size).into_iter().map(special));
        }
    }
    cases
}

/// The cases that planners are compared on, smallest first: one log dir a broker, since not all plan log dirs.
pub(crate) fn compared() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, brokers, partitions, _) in SIZES.into_iter().take(3) {
        let spec = || base((name, brokers, partitions, 1));
        let tenth = (brokers / 10).next_multiple_of(3);
        let named = |name: &str, spec: SynthSpec, alter: fn(&mut Snapshot)| Case {
            name: format!("{brokers}/{name}"),
            spec,
            alter,
        };
        cases.push(named("drifted", spec(), keep));
        cases.push(named("expanded", SynthSpec { expanded: tenth, drift: 0.2, ..spec() }, keep));
        cases.push(named("grown twice", SynthSpec { disk_utilization: 0.35, ..spec() }, crowd_old_brokers));
    }
    cases
}

/// A case before it knows its size: its name, what is synthesized, what is done to that.
type Special = (&'static str, SynthSpec, fn(&mut Snapshot));

/// What is not about size, on 60 brokers.
fn special_cases(size: Size) -> Vec<Special> {
    let spec = || base(size);
    let broken = |faults: SynthFaults| SynthSpec { faults, ..spec() };
    let faults = SynthFaults::default();
    let mixed = vec![(2, 1.0), (3, 4.0), (4, 1.0)];
    let grouped = SynthFaults { wrong_group: 40, ..faults };
    vec![
        ("balanced", SynthSpec { drift: 0.0, ..spec() }, keep),
        ("dead brokers", broken(SynthFaults { dead: 2, ..faults }), keep),
        ("offline dirs", SynthSpec { log_dirs: 4, ..broken(SynthFaults { offline_dirs: 3, ..faults }) }, keep),
        ("resource groups", SynthSpec { groups: 3, ..broken(grouped) }, keep),
        ("heterogeneous brokers", SynthSpec { heterogeneous: true, ..spec() }, keep),
        ("unequal racks", SynthSpec { racks: 4, rack_skew: 0.5, ..spec() }, keep),
        ("RF 2, 3, 4 mixed", SynthSpec { racks: 5, replication: mixed, ..spec() }, keep),
        ("RF = racks", SynthSpec { racks: 4, replication: vec![(4, 1.0)], disk_utilization: 0.4, ..spec() }, keep),
        ("RF above racks", SynthSpec { racks: 2, ..spec() }, keep),
        ("six racks", SynthSpec { racks: 6, ..spec() }, keep),
        ("one partition larger than a band", SynthSpec { disk_utilization: 0.35, ..spec() }, grow_one_partition),
        ("12 dirs", SynthSpec { log_dirs: 12, ..spec() }, keep),
        ("JBOD of 1 to 12 dirs", SynthSpec { log_dirs: 12, ..spec() }, merge_log_dirs),
        ("topics of 1 to 5,000 partitions", SynthSpec { topics: Some(2_000), ..spec() }, merge_topics),
        ("heavy tails", SynthSpec { disk_utilization: 0.35, ..spec() }, fatten_tail),
        ("expanded twice, never rebalanced", SynthSpec { disk_utilization: 0.35, ..spec() }, crowd_old_brokers),
    ]
}

fn keep(_: &mut Snapshot) {}

/// The first partition that goals may move becomes half of a mean broker's bytes; a band is a fifth wide.
fn grow_one_partition(snapshot: &mut Snapshot) {
    let total: u64 = snapshot.replicas.iter().map(|r| r.size_bytes).sum();
    let rows = partition_rows(snapshot, |name| !name.starts_with("__"));
    let size_bytes = total / snapshot.brokers.len() as u64 / 2;
    let partition = &snapshot.partitions[rows[0]];
    for replica in &mut snapshot.replicas[partition.replica_rows()] {
        replica.size_bytes = size_bytes;
    }
}

/// Every fiftieth partition becomes six times as large and busy.
fn fatten_tail(snapshot: &mut Snapshot) {
    for row in partition_rows(snapshot, |name| !name.starts_with("__")).into_iter().step_by(50) {
        let partition = &mut snapshot.partitions[row];
        partition.bytes_in_per_sec *= 6.0;
        partition.bytes_out_per_sec *= 6.0;
        partition.messages_in_per_sec *= 6.0;
        for replica in &mut snapshot.replicas[partition.replica_rows()] {
            replica.size_bytes *= 6;
        }
    }
}

fn partition_rows(snapshot: &Snapshot, wanted: impl Fn(&str) -> bool) -> Vec<usize> {
    let topics = snapshot.topics.iter().filter(|topic| wanted(&topic.name));
    topics.flat_map(evenkeel::model::Topic::partition_rows).collect()
}

/// Broker `b` keeps 1 + b mod 12 dirs, each as large as those that it took over.
fn merge_log_dirs(snapshot: &mut Snapshot) {
    let mut dirs: Vec<LogDir> = Vec::new();
    let mut target = vec![0; snapshot.log_dirs.len()];
    for (b, broker) in snapshot.brokers.iter_mut().enumerate() {
        let old = broker.log_dir_rows();
        let (first, count) = (dirs.len(), old.len().min(1 + b % 12));
        for (offset, row) in old.enumerate() {
            target[row] = first + offset % count;
            let dir = &snapshot.log_dirs[row];
            if offset < count {
                dirs.push(dir.clone());
                continue;
            }
            let merged = &mut dirs[first + offset % count];
            merged.capacity_bytes = merged.capacity_bytes.zip(dir.capacity_bytes).map(|(a, b)| a + b);
            merged.other_used_bytes += dir.other_used_bytes;
        }
        broker.first_log_dir = u32::try_from(first).unwrap();
        broker.log_dir_count = u32::try_from(count).unwrap();
    }
    snapshot.log_dirs = dirs;
    for replica in &mut snapshot.replicas {
        replica.log_dir = replica.log_dir.map(|dir| LogDirIdx::new(target[dir.row()]));
    }
}

/// Neighbouring topics become one until it has 5,000 partitions; the others keep theirs, down to 1.
fn merge_topics(snapshot: &mut Snapshot) {
    let first = snapshot.topics.iter().position(|topic| !topic.name.starts_with("__")).unwrap();
    let mut end = first;
    let mut partitions = 0;
    while partitions < 5_000 && end < snapshot.topics.len() {
        partitions += snapshot.topics[end].partition_count;
        end += 1;
    }
    snapshot.topics[first].partition_count = partitions;
    snapshot.topics.drain(first + 1..end);
    for (t, topic) in snapshot.topics.iter().enumerate() {
        for (number, row) in topic.partition_rows().enumerate() {
            snapshot.partitions[row].topic = TopicIdx::new(t);
            if t == first {
                snapshot.partitions[row].number = u32::try_from(number).unwrap();
            }
        }
    }
}

/// Half of the partitions were made when there were two thirds of the brokers, a quarter when there were five sixths,
/// and none of them moved when brokers came.
fn crowd_old_brokers(snapshot: &mut Snapshot) {
    let brokers = snapshot.brokers.len();
    for (p, row) in snapshot.partition_indices().zip(0_usize..) {
        let existing = match row % 4 {
            0 | 1 => brokers * 2 / 3,
            2 => brokers * 5 / 6,
            _ => continue,
        };
        for replica in snapshot.partition(p).replica_rows() {
            if snapshot.replicas[replica].broker.row() >= existing {
                send_back(snapshot, p, replica, existing);
            }
        }
    }
    for broker in snapshot.brokers.iter_mut().filter(|b| b.state == BrokerState::New) {
        broker.state = BrokerState::Alive;
    }
}

/// Puts a replica on one of the first `existing` brokers, in its own rack and beside none of its partition.
fn send_back(snapshot: &mut Snapshot, p: PartitionIdx, replica: usize, existing: usize) {
    let from = snapshot.replicas[replica].broker;
    let rack = snapshot.broker(from).rack;
    let hosts: Vec<BrokerIdx> = snapshot.replicas_of(p).iter().map(|r| r.broker).collect();
    let fits = |b: &BrokerIdx| snapshot.broker(*b).rack == rack && !hosts.contains(b);
    let candidates: Vec<BrokerIdx> = (0..existing).map(BrokerIdx::new).filter(fits).collect();
    let Some(&to) = candidates.get(p.row() % candidates.len().max(1)) else { return };
    let offset = snapshot.replicas[replica].log_dir.map(|d| d.row() - snapshot.broker(from).first_log_dir as usize);
    let first = snapshot.broker(to).first_log_dir as usize;
    snapshot.replicas[replica].broker = to;
    snapshot.replicas[replica].log_dir = offset.map(|offset| LogDirIdx::new(first + offset));
    let partition = &mut snapshot.partitions[p.row()];
    if partition.leader == Some(from) {
        partition.leader = Some(to);
    }
}
