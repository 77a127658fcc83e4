//! Histories as files: what is read, what is refused and where, and that nothing mutilated panics.

#![expect(clippy::unwrap_used, reason = "a failing test may panic")]

use std::fs;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::*;
use crate::ingest::render::{HistoryFormat, history_file};
use crate::model::BrokerState;
use crate::model::fixture::Fixture;

fn snapshot() -> Snapshot {
    let fixture = Fixture::default().broker(1, "a", "", BrokerState::Alive).broker(2, "a", "", BrokerState::Alive);
    fixture.partition(("t", 0), 1, (1.0, 1.0), &[(1, "", 5, true)]).build()
}

fn read_text(text: &str) -> Result<(Option<History>, Faults), Faults> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("history.csv"), text).unwrap();
    read(dir.path(), &snapshot())
}

fn errors(text: &str) -> Vec<String> {
    let faults = read_text(text).unwrap_err();
    faults.list.iter().map(ToString::to_string).collect()
}

const GOOD: &str = "\
timestamp,broker_id,topic,metric,value
2026-11-02T00:00:00Z,2,,size_bytes,20
2026-11-01T00:00:00Z,2,,size_bytes,10.5
2026-11-01T00:00:00Z,,,cpu_utilization,0.25
2026-11-01T00:00:00+00:00,,t,bytes_in_per_sec,7
2026-11-01T00:00:00.5Z,1,t,bytes_in_per_sec,3
";

#[test]
fn rows_become_series_sorted_by_metric_subject_and_time() {
    let (history, warnings) = read_text(GOOD).unwrap();
    assert!(warnings.list.is_empty(), "{warnings}");
    let series = history.unwrap().series;
    let named: Vec<_> = series.iter().map(|s| (s.metric, s.subject.broker_id, s.subject.topic.as_deref())).collect();
    assert_eq!(
        named,
        [
            (Metric::BytesIn, None, Some("t")),
            (Metric::BytesIn, Some(1), Some("t")),
            (Metric::Size, Some(2), None),
            (Metric::Cpu, None, None),
        ]
    );
    assert_eq!(series[2].values, [10.5, 20.0]);
    assert_eq!(series[2].times_sec, [1_793_491_200, 1_793_577_600]);
}

#[test]
fn no_file_is_no_history_and_two_are_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(read(dir.path(), &snapshot()).unwrap().0, None);
    fs::write(dir.path().join("history.csv"), GOOD).unwrap();
    fs::write(dir.path().join("history.parquet"), "").unwrap();
    assert_eq!(read(dir.path(), &snapshot()).unwrap_err().list[0].code, codes::TWO_FILES);
}

#[test]
fn faults_name_line_column_and_what_to_do() {
    let text = "timestamp,broker_id,metric,value\n\
                yesterday,1,size_bytes,1\n\
                2026-11-01T00:00:00+02:00,1,size_bytes,1\n\
                2026-11-01T00:00:00Z,1,size_byte,1\n\
                2026-11-01T00:00:00Z,1,size_bytes,-1\n\
                2026-11-01T00:00:00Z,1,size_bytes,NaN\n\
                2026-11-01T00:00:00Z,1,cpu_utilization,35\n\
                2026-11-01T00:00:00Z,x,size_bytes,1\n\
                2026-11-01T00:00:00Z,1,size_bytes\n\
                2026-11-03T00:00:00Z,1,size_bytes,1\n\
                2026-11-03T00:00:00Z,1,size_bytes,2\n";
    insta::assert_snapshot!(errors(text).join("\n"));
}

#[test]
fn what_has_left_the_cluster_is_kept_with_a_warning() {
    let text = "timestamp,broker_id,topic,metric,value\n\
                2026-11-01T00:00:00Z,7,,size_bytes,1\n\
                2026-11-01T00:00:00Z,,gone,size_bytes,1\n";
    let (history, warnings) = read_text(text).unwrap();
    let warnings: Vec<String> = warnings.list.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2);
    assert!(warnings[0].starts_with("history.csv:2:22: warning[W107]: broker 7 is not listed in brokers.csv"));
    assert!(warnings[1].starts_with("history.csv:3:23: warning[W107]: topic \"gone\" is not listed in topics.csv"));
    assert_eq!(history.unwrap().series.len(), 2);
}

/// Writes [`GOOD`]'s rows as Parquet, times as `unit` says.
fn write_parquet(dir: &Path, unit: &str, per_second: i64) {
    let message = format!(
        "message history {{ required int64 timestamp (TIMESTAMP({unit},true)); optional int32 broker_id; \
         optional binary topic (STRING); required binary metric (STRING); required double value; }}"
    );
    let schema = Arc::new(parse_message_type(&message).unwrap());
    let properties = WriterProperties::builder().set_compression(parquet::basic::Compression::SNAPPY).build();
    let file = fs::File::create(dir.join("history.parquet")).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let times = [1_793_577_600, 1_793_491_200, 1_793_491_200, 1_793_491_200, 1_793_491_200].map(|s| s * per_second);
    let text = |names: &[&str]| names.iter().map(|name| ByteArray::from(*name)).collect::<Vec<_>>();
    let metrics = text(&["size_bytes", "size_bytes", "cpu_utilization", "bytes_in_per_sec", "bytes_in_per_sec"]);
    for column in 0..5 {
        let mut next = group.next_column().unwrap().unwrap();
        match column {
            0 => next.typed::<Int64Type>().write_batch(&times, None, None).unwrap(),
            1 => next.typed::<Int32Type>().write_batch(&[2, 2, 1], Some(&[1, 1, 0, 0, 1]), None).unwrap(),
            2 => next.typed::<ByteArrayType>().write_batch(&text(&["t", "t"]), Some(&[0, 0, 0, 1, 1]), None).unwrap(),
            3 => next.typed::<ByteArrayType>().write_batch(&metrics, None, None).unwrap(),
            _ => next.typed::<DoubleType>().write_batch(&[20.0, 10.5, 0.25, 7.0, 3.0], None, None).unwrap(),
        };
        next.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn parquet_says_the_same_as_csv_in_every_unit_of_time() {
    let (wanted, _) = read_text(GOOD).unwrap();
    for (unit, per_second) in [("MILLIS", 1_000), ("MICROS", 1_000_000), ("NANOS", 1_000_000_000)] {
        let dir = tempfile::tempdir().unwrap();
        write_parquet(dir.path(), unit, per_second);
        let (history, warnings) = read(dir.path(), &snapshot()).unwrap();
        assert!(warnings.list.is_empty() && history == wanted, "{unit}: {history:?}");
    }
}

#[test]
fn what_is_written_as_parquet_is_read_back_and_is_the_same_for_the_same_history() {
    let history = read_text(GOOD).unwrap().0.unwrap();
    for format in [HistoryFormat::Parquet, HistoryFormat::Csv] {
        let dir = tempfile::tempdir().unwrap();
        let file = history_file(&history, format).unwrap();
        fs::write(dir.path().join(&file.path), &file.bytes).unwrap();
        let (found, warnings) = read(dir.path(), &snapshot()).unwrap();
        assert!(warnings.list.is_empty() && found.as_ref() == Some(&history), "{format:?}: {found:?}");
        assert_eq!(history_file(&history, format).unwrap().bytes, file.bytes);
    }
    let none = history_file(&History::default(), HistoryFormat::Parquet).unwrap();
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(none.path), none.bytes).unwrap();
    assert_eq!(read(dir.path(), &snapshot()).unwrap().0, Some(History::default()));
}

/// Cuts and overwrites by a small generator of its own: no chance in tests.
#[test]
fn a_hundred_mutilated_files_are_read_or_refused_and_never_panic() {
    let mut state = 7_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let dir = tempfile::tempdir().unwrap();
    write_parquet(dir.path(), "MILLIS", 1_000);
    let parquet = fs::read(dir.path().join("history.parquet")).unwrap();
    fs::remove_file(dir.path().join("history.parquet")).unwrap();
    for round in 0..100 {
        let (name, whole) =
            if round % 2 == 0 { ("history.csv", GOOD.as_bytes()) } else { ("history.parquet", &parquet[..]) };
        let mut bytes = whole.to_vec();
        for _ in 0..=next(4) {
            let at = next(bytes.len().max(1));
            match next(3) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes[at] = b",\"\n\r-9eZ\xff\0"[next(10)],
                _ => drop(bytes.remove(at.min(bytes.len() - 1))),
            }
            if bytes.is_empty() {
                bytes.push(b'x');
            }
        }
        fs::write(dir.path().join(name), &bytes).unwrap();
        if let Err(faults) = read(dir.path(), &snapshot()) {
            assert!(faults.has_errors());
        }
        fs::remove_file(dir.path().join(name)).unwrap();
    }
}
