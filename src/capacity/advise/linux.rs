//! What brokers need of the hosts that they run on, by what they hold. A snapshot does not know what is set there.

use std::collections::BTreeMap;

use super::brokers::Hardware;
use super::{Advice, Finding, Value};
use crate::capacity::not_evaluated::broker_list;
use crate::model::settings::BrokerSettings;
use crate::model::{BrokerIdx, Snapshot};

const KAFKA_OS: &str = "Kafka documentation, Hardware and OS";

/// Open files that brokers should be allowed at least, as a start.
const OPEN_FILES_LEAST: u64 = 100_000;

/// Linux's default of `vm.max_map_count`.
const MAPS_DEFAULT: u64 = 65_530;

/// Memory maps of a segment: its offset index and its time index.
const MAPS_PER_SEGMENT: u64 = 2;

/// Kafka's default of `log.segment.bytes`.
const SEGMENT_BYTES_DEFAULT: u64 = 1 << 30;

/// Adds what `classes` of brokers need.
pub(super) fn linux(
    snapshot: &Snapshot,
    settings: Option<&BrokerSettings>,
    classes: &BTreeMap<Hardware, Vec<BrokerIdx>>,
    advice: &mut Advice,
) {
    let segments = segments(snapshot, settings);
    let most = snapshot.broker_indices().max_by_key(|b| (segments[b.row()], std::cmp::Reverse(b.row())));
    if let Some(busiest) = most {
        let (count, id) = (segments[busiest.row()], snapshot.broker(busiest).id);
        advice.findings.extend(open_files(count, id));
        advice.findings.extend(maps(count, id));
    }
    advice.findings.push(mount());
    let single: Vec<BrokerIdx> = classes.iter().filter(|(h, _)| h.disks == 1).flat_map(|(_, b)| b.clone()).collect();
    if !single.is_empty() {
        advice.findings.push(Finding {
            setting: "log.dirs",
            subject: broker_list(snapshot, &single),
            now: Some(Value::Number(1)),
            advised: "several disks, a log dir each".into(),
            why: "one disk carries all reads and writes, and its failure takes the whole broker along".to_owned(),
            unless: "the dir is on RAID 10 or on network storage that is as fast and as safe".to_owned(),
            source: KAFKA_OS,
            command: None,
        });
    }
    advice.absent("hosts", "limits, mounts and file systems of the hosts are not part of a snapshot: check them there");
}

/// Segments by broker: each replica has one at least.
fn segments(snapshot: &Snapshot, settings: Option<&BrokerSettings>) -> Vec<u64> {
    let segment_bytes: Vec<u64> = snapshot
        .brokers
        .iter()
        .map(|b| {
            let value = settings.and_then(|s| s.value(b.id, "log.segment.bytes"));
            value.and_then(|v| v.parse().ok()).filter(|bytes| *bytes > 0).unwrap_or(SEGMENT_BYTES_DEFAULT)
        })
        .collect();
    let mut segments = vec![0_u64; snapshot.brokers.len()];
    for replica in &snapshot.replicas {
        let row = replica.broker.row();
        segments[row] = segments[row].saturating_add(replica.size_bytes.div_ceil(segment_bytes[row]).max(1));
    }
    segments
}

fn open_files(segments: u64, id: i32) -> Option<Finding> {
    // Twice what is open today: a day's growth or a recovery must not run into it.
    let advised = segments.saturating_mul(2).next_multiple_of(10_000).max(OPEN_FILES_LEAST);
    Some(Finding {
        setting: "nofile",
        subject: "every host".to_owned(),
        now: None,
        advised: Value::Number(advised),
        why: format!(
            "broker {id} has most segments, {segments}, each an open file (Σ partition size ÷ segment size), and connections \
             take one each; Kafka asks for {OPEN_FILES_LEAST} to begin with"
        ),
        unless: String::new(),
        source: KAFKA_OS,
        command: Some(format!("systemd unit of the broker: LimitNOFILE={advised}; see it with cat /proc/PID/limits")),
    })
}

fn maps(segments: u64, id: i32) -> Option<Finding> {
    let needed = segments.saturating_mul(MAPS_PER_SEGMENT);
    // Half of the limit is left for growth, libraries and the heap.
    let advised = needed.saturating_mul(2).checked_next_power_of_two()?;
    (advised > MAPS_DEFAULT && needed > MAPS_DEFAULT / 2).then(|| Finding {
        setting: "vm.max_map_count",
        subject: "every host".to_owned(),
        now: None,
        advised: Value::Number(advised),
        why: format!(
            "broker {id} maps {MAPS_PER_SEGMENT} indexes for each of {segments} segments, {needed} in all; Linux's default is \
             {MAPS_DEFAULT}, beyond which the broker ends with an out-of-memory error"
        ),
        unless: String::new(),
        source: KAFKA_OS,
        command: Some(format!("sysctl -w vm.max_map_count={advised}, and the same in /etc/sysctl.d/")),
    })
}

fn mount() -> Finding {
    Finding {
        setting: "mount",
        subject: "every log dir".to_owned(),
        now: None,
        advised: "XFS, noatime".into(),
        why: "XFS needs little tuning for Kafka and served requests faster in its authors' comparison with ext4; without noatime \
              every read writes the time of access"
            .to_owned(),
        unless: "ext4 is in use and produce latency is as wanted".to_owned(),
        source: KAFKA_OS,
        command: Some("findmnt -o TARGET,FSTYPE,OPTIONS shows what is; add noatime in /etc/fstab".to_owned()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::super::brokers::brokers;
    use super::*;
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerState, LogDirState};

    const GIB: u64 = 1 << 30;

    fn advice(size_bytes: u64, segment: Option<&str>) -> Advice {
        let snapshot = Fixture::default()
            .broker(1, "", "", BrokerState::Alive)
            .dir(1, "/d", 1 << 50, LogDirState::Online, 0)
            .partition(("t", 0), 1, (1.0, 1.0), &[(1, "/d", size_bytes, true)])
            .build();
        let mut settings = BrokerSettings::default();
        settings.cluster.extend(segment.map(|s| ("log.segment.bytes".to_owned(), s.to_owned())));
        brokers(&snapshot, Some(&settings))
    }

    fn of(advice: &Advice, setting: &str) -> Option<Value> {
        advice.findings.iter().find(|f| f.setting == setting).map(|f| f.advised.clone())
    }

    #[test]
    fn open_files_and_maps_follow_segments() {
        let few = advice(10 * GIB, None);
        assert_eq!(of(&few, "nofile"), Some(Value::Number(100_000)));
        assert_eq!(of(&few, "vm.max_map_count"), None, "20 maps");
        // 60,000 segments of a GiB: 120,000 files with room, 120,000 maps.
        let many = advice(60_000 * GIB, None);
        assert_eq!(of(&many, "nofile"), Some(Value::Number(120_000)));
        assert_eq!(of(&many, "vm.max_map_count"), Some(Value::Number(262_144)));
        // Segments of an eighth are eight times as many.
        assert_eq!(of(&advice(60_000 * GIB, Some("134217728")), "nofile"), Some(Value::Number(960_000)));
    }

    #[test]
    fn a_single_disk_is_named() {
        let advice = advice(1, None);
        let finding = advice.findings.iter().find(|f| f.setting == "log.dirs").unwrap();
        assert_eq!((finding.subject.as_str(), finding.now.clone()), ("broker 1", Some(Value::Number(1))));
        assert_eq!(of(&advice, "mount"), Some("XFS, noatime".into()));
    }
}
