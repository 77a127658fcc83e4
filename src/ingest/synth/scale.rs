//! Turns relative sizes and rates into bytes, and buys the hardware that they fill as far as asked.

use super::draft::Draft;
use super::spec::SynthSpec;

/// What the small machine of a cluster can do; the large one does twice as much.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hardware {
    /// Of each log dir.
    pub log_dir_bytes: u64,
    /// In each direction.
    pub network_bytes_per_sec: f64,
    /// Cores.
    pub cores: f64,
}

/// Mean utilization of the busier network direction.
pub(super) const NETWORK_UTILIZATION: f64 = 0.30;
/// Mean utilization of cores.
pub(super) const CPU_UTILIZATION: f64 = 0.35;
/// What a replica holds on average, before capacities are rounded to what can be bought.
const TYPICAL_REPLICA_BYTES: f64 = 20e9;
/// Log dirs that can be bought, in GB.
const LOG_DIR_SIZES_GB: [u64; 14] =
    [32, 64, 128, 256, 512, 1_000, 2_000, 3_000, 4_000, 6_000, 8_000, 12_000, 16_000, 24_000];
/// No replica is more than this share of a mean broker's load: one that alone overfills a broker's band makes every
/// figure of the cluster about itself.
const LARGEST_SHARE: f64 = 0.06;
/// … unless replicas are so few that an ordinary one is.
const LARGEST_MULTIPLE: f64 = 2.0;
/// No replica takes more of a log dir, so that dirs can be filled evenly.
const LARGEST_OF_LOG_DIR: f64 = 0.30;
/// Cores of the small machine.
const CORES: f64 = 16.0;

/// Scales `draft` to `spec`'s utilizations.
pub(super) fn scale(draft: &mut Draft, spec: &SynthSpec) {
    clip_heavy(draft);
    let machines: f64 = draft.fleet.members.iter().flatten().map(|&b| draft.fleet.machines[b].size).sum();
    let dirs = machines * f64::from(spec.log_dirs);
    let wanted = draft.replica_count() as f64 * TYPICAL_REPLICA_BYTES / spec.disk_utilization.max(0.05) / dirs;
    let gigabytes = LOG_DIR_SIZES_GB.into_iter().find(|&gb| gb as f64 * 1e9 >= wanted).unwrap_or(24_000);
    let log_dir_bytes = gigabytes * 1_000_000_000;

    let total = total(draft, |d, p| d.size_bytes[p]);
    let largest = draft.size_bytes.iter().copied().fold(0.0, f64::max);
    let to_fill = spec.disk_utilization * dirs * log_dir_bytes as f64 / total;
    let factor = to_fill.min(LARGEST_OF_LOG_DIR * log_dir_bytes as f64 / largest);
    for (partition, size) in draft.partitions.iter_mut().zip(&mut draft.size_bytes) {
        *size = (*size * factor).round();
        partition.bytes_in_per_sec = (partition.bytes_in_per_sec * factor).round();
        partition.bytes_out_per_sec = (partition.bytes_out_per_sec * factor).round();
        partition.messages_in_per_sec = (partition.messages_in_per_sec * factor * 100.0).round() / 100.0;
    }

    let received = self::total(draft, |d, p| d.partitions[p].bytes_in_per_sec);
    let sent: f64 = (0..draft.partitions.len()).map(|p| draft.replica_load(p, true)[2]).sum();
    let busier = received.max(sent).max(1.0);
    draft.hardware = Hardware {
        log_dir_bytes,
        network_bytes_per_sec: three_digits(busier / NETWORK_UTILIZATION / machines),
        cores: CORES,
    };
}

/// Sums a figure over all replicas.
fn total(draft: &Draft, figure: impl Fn(&Draft, usize) -> f64) -> f64 {
    (0..draft.partitions.len()).map(|p| figure(draft, p) * f64::from(draft.partitions[p].replica_count)).sum()
}

/// Cuts what is so heavy that no placement could balance it; a few rounds, since cutting lowers the mean.
fn clip_heavy(draft: &mut Draft) {
    let brokers = draft.fleet.members.iter().map(Vec::len).sum::<usize>() as f64;
    let replicas = draft.replica_count() as f64;
    let heaviest = |total: f64| (LARGEST_SHARE * total / brokers).max(LARGEST_MULTIPLE * total / replicas);
    for _ in 0..4 {
        let size = heaviest(total(draft, |d, p| d.size_bytes[p]));
        let received = heaviest(total(draft, |d, p| d.partitions[p].bytes_in_per_sec));
        // Only leaders serve consumers: one replica in as many as the replication factor.
        let sent: f64 = draft.partitions.iter().map(|p| p.bytes_out_per_sec).sum();
        let sent = (LARGEST_SHARE * sent / brokers).max(LARGEST_MULTIPLE * sent / draft.partitions.len() as f64);
        for (partition, bytes) in draft.partitions.iter_mut().zip(&mut draft.size_bytes) {
            *bytes = bytes.min(size);
            partition.bytes_in_per_sec = partition.bytes_in_per_sec.min(received);
            partition.bytes_out_per_sec = partition.bytes_out_per_sec.min(sent);
        }
    }
}

/// `value` to three significant digits, as capacities are quoted.
fn three_digits(value: f64) -> f64 {
    let mut unit = 1.0;
    while value / unit >= 1_000.0 {
        unit *= 10.0;
    }
    (value / unit).ceil() * unit
}
