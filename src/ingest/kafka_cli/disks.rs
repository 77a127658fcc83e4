//! Log dirs' sizes from what machines export of their filesystems.
//!
//! A dir is on the filesystem whose mount point is the longest that its path begins with. What is used there beside the
//! replicas is size − available − Σ replicas of the dirs on it, and counts to the first of them. A filesystem with
//! several dirs is not split: each would count it whole.

use std::collections::BTreeMap;

use super::measured::{Brokers, Measured, MeasuredDisk};
use super::metrics::signals::MetricNames;
use super::summary::{Summary, few};
use crate::model::Snapshot;

/// More is no size of a disk: what a snapshot's files take.
const BYTES_MAX: f64 = (1_u64 << 53) as f64;

/// Fills in what `snapshot` does not know of its log dirs.
pub(super) fn fill(measured: &Measured, snapshot: &mut Snapshot, names: &MetricNames, summary: &mut Summary) {
    let brokers = Brokers::new(snapshot, names, measured.names_are_numbered);
    let known = measured.disks.iter().filter_map(|disk| Some((brokers.find(disk.broker.as_deref()?)?, disk)));
    let known: Vec<(i32, &MeasuredDisk)> = known.filter(|(_, disk)| disk.size_bytes >= 1.0).collect();
    // Log dirs by the filesystem that they are on: an offset into `known`.
    let mut on: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, dir) in snapshot.log_dirs.iter().enumerate() {
        let id = snapshot.broker(dir.broker).id;
        let candidates = known.iter().enumerate().filter(|(_, (broker, disk))| *broker == id && holds(disk, &dir.path));
        if let Some((at, _)) = candidates.max_by_key(|(_, (_, disk))| disk.mountpoint.trim_end_matches('/').len()) {
            on.entry(at).or_default().push(row);
        }
    }
    let mut shared = Vec::new();
    for (at, rows) in on {
        let Some((id, disk)) = known.get(at) else { continue };
        let [row] = rows[..] else {
            shared.push(format!("{} of broker {id}", disk.mountpoint));
            continue;
        };
        if snapshot.log_dirs[row].capacity_bytes.is_some() {
            continue;
        }
        let listed: u64 = snapshot
            .replicas
            .iter()
            .filter(|replica| replica.log_dir.is_some_and(|dir| dir.row() == row))
            .fold(0, |sum, replica| sum.saturating_add(replica.size_bytes));
        // Conversion saturates, and what is not positive is nothing.
        let size = disk.size_bytes.min(BYTES_MAX) as u64;
        snapshot.log_dirs[row].capacity_bytes = Some(size);
        if let Some(available) = disk.available_bytes {
            snapshot.log_dirs[row].other_used_bytes = size.saturating_sub(available as u64).saturating_sub(listed);
        }
    }
    if !shared.is_empty() {
        summary.derived.push(format!(
            "several log dirs are on one filesystem, whose size is not theirs: {}. Give log_dir_capacity_bytes in the \
             inventory",
            few(&shared)
        ));
    }
}

fn holds(disk: &MeasuredDisk, path: &str) -> bool {
    let mount = disk.mountpoint.trim_end_matches('/');
    path.strip_prefix(mount).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dir_is_on_the_mount_point_that_its_path_begins_with() {
        let disk = |mountpoint: &str| MeasuredDisk {
            broker: None,
            mountpoint: mountpoint.to_owned(),
            size_bytes: 1.0,
            available_bytes: None,
        };
        for (mount, path, is_on) in
            [("/", "/data1", true), ("/data1", "/data1/kafka", true), ("/data1", "/data10", false), ("/d/", "/d", true)]
        {
            assert_eq!(holds(&disk(mount), path), is_on, "{mount} {path}");
        }
    }
}
