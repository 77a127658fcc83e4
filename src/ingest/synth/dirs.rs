//! Log dirs: which of a broker's replicas is on which, and which dirs have failed or are cordoned.

use rand::RngExt;
use rand_pcg::Pcg64;

use super::draft::Draft;
use super::faults::{choose, is_serving};
use super::spec::{SynthError, SynthSpec};
use super::stream;
use crate::model::{BrokerIdx, LogDir, LogDirIdx, LogDirState};

/// A dir gets no more while another has room: disks are watched.
const FULL: f64 = 0.90;
/// What any dir holds at most; everything shrinks where chance would pass it.
const BRIM: f64 = 0.97;
/// The most of a disk that is not Kafka's: file system, indexes, the odd leftover.
const OTHER_SHARE: f64 = 0.01;
/// How many brokers had dirs added later, with full drift.
const GROWN_SHARE: f64 = 0.6;
/// The share of such a broker's drifted replicas that stayed on its first dir.
const ON_FIRST_SHARE: f64 = 0.6;

/// Log dirs and what is on them.
#[derive(Clone, Debug)]
pub(super) struct Dirs {
    /// By broker, then path.
    pub rows: Vec<LogDir>,
    /// The dir of each replica.
    pub of_replica: Vec<LogDirIdx>,
}

/// Makes every broker's dirs and fills them.
///
/// # Errors
/// More dirs are to fail than may.
pub(super) fn fill(draft: &mut Draft, spec: &SynthSpec) -> Result<Dirs, SynthError> {
    let mut rng = stream(spec.seed, "dirs");
    let rows = rows(draft, spec, &mut rng);
    let of_replica = assign(draft, spec, &rows, &mut rng);
    let mut dirs = Dirs { rows, of_replica };
    let mut rng = stream(spec.seed, "dir-faults");
    fail(draft, &mut dirs, spec, &mut rng)?;
    cordon(draft, &mut dirs, spec, &mut rng)?;
    shrink_to_fit(draft, &dirs);
    Ok(dirs)
}

fn rows(draft: &Draft, spec: &SynthSpec, rng: &mut Pcg64) -> Vec<LogDir> {
    let mut rows = Vec::with_capacity(draft.fleet.machines.len() * spec.log_dirs as usize);
    // Paths sort as numbers do.
    let width = if spec.log_dirs > 9 { 2 } else { 1 };
    for (broker, machine) in draft.fleet.machines.iter().enumerate() {
        for number in 1..=spec.log_dirs {
            let capacity_bytes = (draft.hardware.log_dir_bytes as f64 * machine.size) as u64;
            let other = rng.random_range(0.0..OTHER_SHARE) * capacity_bytes as f64;
            rows.push(LogDir {
                broker: BrokerIdx::new(broker),
                path: format!("/data{number:0width$}"),
                capacity_bytes: Some(capacity_bytes),
                write_capacity_bytes_per_sec: None,
                state: LogDirState::Online,
                // In whole megabytes, which is what file systems report.
                other_used_bytes: (other / 1e6) as u64 * 1_000_000,
            });
        }
    }
    rows
}

/// What is on the dirs of the brokers while they are filled.
struct Filling<'a> {
    rows: &'a [LogDir],
    bytes: Vec<f64>,
    replicas: Vec<u32>,
    dirs_per_broker: usize,
}

impl Filling<'_> {
    fn utilization(&self, row: usize, size_bytes: f64) -> f64 {
        (self.bytes[row] + size_bytes) / self.rows[row].capacity_bytes.unwrap_or(1) as f64
    }

    fn of_broker(&self, broker: usize) -> std::ops::Range<usize> {
        broker * self.dirs_per_broker..(broker + 1) * self.dirs_per_broker
    }

    fn put(&mut self, row: usize, size_bytes: f64) -> LogDirIdx {
        self.bytes[row] += size_bytes;
        self.replicas[row] += 1;
        LogDirIdx::new(row)
    }

    fn emptiest(&self, broker: usize) -> usize {
        let rows = self.of_broker(broker);
        rows.clone()
            .min_by(|&a, &b| self.utilization(a, 0.0).total_cmp(&self.utilization(b, 0.0)))
            .unwrap_or(rows.start)
    }

    /// Kafka's own choice, the dir with the fewest replicas whatever their size, while it has room.
    fn fewest(&self, broker: usize, size_bytes: f64) -> usize {
        let has_room = |row: &usize| self.utilization(*row, size_bytes) <= FULL;
        let row = self.of_broker(broker).filter(has_room).min_by_key(|&row| (self.replicas[row], row));
        row.unwrap_or_else(|| self.emptiest(broker))
    }
}

/// Gives every replica a dir: well kept ones the emptiest, largest first; drifted ones as Kafka does, but for brokers
/// whose other dirs were added later: there most of them are on the first.
fn assign(draft: &Draft, spec: &SynthSpec, rows: &[LogDir], rng: &mut Pcg64) -> Vec<LogDirIdx> {
    let mut filling = Filling {
        rows,
        bytes: rows.iter().map(|d| d.other_used_bytes as f64).collect(),
        replicas: vec![0; rows.len()],
        dirs_per_broker: spec.log_dirs as usize,
    };
    let grown: Vec<bool> = draft.fleet.machines.iter().map(|_| rng.random_bool(GROWN_SHARE * spec.drift)).collect();
    let mut of_replica = vec![LogDirIdx::new(0); draft.hosts.len()];
    let mut kept = Vec::new();
    let mut drifted = Vec::new();
    for p in 0..draft.partitions.len() {
        for row in draft.partitions[p].replica_rows() {
            let list = if rng.random_bool(spec.drift) { &mut drifted } else { &mut kept };
            list.push((row, draft.size_bytes[p]));
        }
    }
    kept.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    for (row, size) in kept {
        of_replica[row] = filling.put(filling.emptiest(draft.hosts[row] as usize), size);
    }
    for (row, size) in drifted {
        let broker = draft.hosts[row] as usize;
        let first = filling.of_broker(broker).start;
        let to_first = rng.random_bool(ON_FIRST_SHARE) && grown[broker] && filling.utilization(first, size) <= FULL;
        let dir = if to_first { first } else { filling.fewest(broker, size) };
        of_replica[row] = filling.put(dir, size);
    }
    of_replica
}

/// Shrinks all replicas where a dir holds more than a disk can: few and large replicas may not
/// pack, and a partition's last replica has to go somewhere when its dir fails.
fn shrink_to_fit(draft: &mut Draft, dirs: &Dirs) {
    let mut bytes = vec![0.0; dirs.rows.len()];
    for p in 0..draft.partitions.len() {
        draft.partitions[p].replica_rows().for_each(|row| bytes[dirs.of_replica[row].row()] += draft.size_bytes[p]);
    }
    let room = |dir: &LogDir| BRIM * dir.capacity_bytes.unwrap_or(0) as f64 - dir.other_used_bytes as f64;
    let fits = |(dir, bytes): (&LogDir, &f64)| if *bytes > 0.0 { room(dir) / bytes } else { 1.0 };
    let factor = dirs.rows.iter().zip(&bytes).map(fits).fold(1.0, f64::min);
    if factor < 1.0 {
        draft.size_bytes.iter_mut().for_each(|size| *size = (*size * factor).floor());
    }
}

/// Fails dirs of alive brokers that have others, and moves the last serving replica of a partition off them.
fn fail(draft: &mut Draft, dirs: &mut Dirs, spec: &SynthSpec, rng: &mut Pcg64) -> Result<(), SynthError> {
    let wanted = spec.faults.offline_dirs;
    let per_broker = spec.log_dirs as usize;
    let mut holds = vec![false; dirs.rows.len()];
    dirs.of_replica.iter().for_each(|dir| holds[dir.row()] = true);
    let candidates: Vec<usize> =
        (0..dirs.rows.len()).filter(|&row| holds[row] && draft.fleet.is_active(row / per_broker)).collect();
    // A broker whose last dir fails shuts down: that is `down`, not this.
    let may = |chosen: &std::collections::BTreeSet<usize>, row: usize| {
        chosen.iter().filter(|&&c| c / per_broker == row / per_broker).count() + 1 < per_broker
    };
    let chosen = choose(candidates, wanted, rng, may);
    if chosen.len() < wanted as usize {
        let possible = u32::try_from(chosen.len()).unwrap_or(u32::MAX);
        return Err(SynthError::TooManyFaults { fault: "offline-dirs", wanted, possible });
    }
    chosen.iter().for_each(|&row| dirs.rows[row].state = LogDirState::Offline);
    for p in 0..draft.partitions.len() {
        keep_a_leader(draft, dirs, p, per_broker);
    }
    Ok(())
}

/// Leaves partition `p` a leader that serves: another replica, or its own on the emptiest dir that is left.
fn keep_a_leader(draft: &mut Draft, dirs: &mut Dirs, p: usize, per_broker: usize) {
    let rows = draft.partitions[p].replica_rows();
    let is_copy = |row: usize| {
        draft.reassignments.iter().any(|(r, kind)| *r == row && *kind == crate::model::Reassignment::Adding)
    };
    let serves = |row: usize| {
        is_serving(draft.fleet.machines[draft.hosts[row] as usize].state)
            && dirs.rows[dirs.of_replica[row].row()].state.is_serving()
            && !is_copy(row)
    };
    let leader = draft.leaders[p];
    let Some(leading) = rows.clone().find(|&row| draft.hosts[row] == leader) else { return };
    if serves(leading) {
        return;
    }
    if let Some(successor) = rows.clone().find(|&row| serves(row)) {
        draft.elect(p, successor - rows.start);
        return;
    }
    let broker = leader as usize;
    let online = (broker * per_broker..(broker + 1) * per_broker).filter(|&d| dirs.rows[d].state.is_serving());
    let bytes = bytes_on(draft, dirs, broker, per_broker);
    let emptiest = online.min_by(|&a, &b| bytes[a % per_broker].total_cmp(&bytes[b % per_broker]));
    if let Some(dir) = emptiest {
        dirs.of_replica[leading] = LogDirIdx::new(dir);
    }
}

/// Bytes on each dir of `broker`.
fn bytes_on(draft: &Draft, dirs: &Dirs, broker: usize, per_broker: usize) -> Vec<f64> {
    let mut bytes = vec![0.0; per_broker];
    for (p, partition) in draft.partitions.iter().enumerate() {
        for row in partition.replica_rows().filter(|&row| draft.hosts[row] as usize == broker) {
            bytes[dirs.of_replica[row].row() % per_broker] += draft.size_bytes[p];
        }
    }
    bytes
}

fn cordon(draft: &Draft, dirs: &mut Dirs, spec: &SynthSpec, rng: &mut Pcg64) -> Result<(), SynthError> {
    let wanted = spec.faults.cordoned;
    let per_broker = spec.log_dirs as usize;
    let usable = |row: &usize| dirs.rows[*row].state == LogDirState::Online && draft.fleet.is_active(row / per_broker);
    let chosen = choose((0..dirs.rows.len()).filter(usable).collect(), wanted, rng, |_, _| true);
    if chosen.len() < wanted as usize {
        let possible = u32::try_from(chosen.len()).unwrap_or(u32::MAX);
        return Err(SynthError::TooManyFaults { fault: "cordoned", wanted, possible });
    }
    chosen.into_iter().for_each(|row| dirs.rows[row].state = LogDirState::Cordoned);
    Ok(())
}
