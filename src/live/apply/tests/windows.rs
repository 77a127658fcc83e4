//! Windows and predictions against a cluster in memory, whose clock begins at midnight UTC.

use super::*;
use crate::live::apply::windows::Windows;

fn windows(texts: &[&str]) -> Option<Windows> {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    Some(Windows::parse(&texts, Some("UTC")).unwrap())
}

/// A plan of one batch: each of these partitions, of so many bytes, leaves broker 2 for 3.
fn one_batch(sizes: &[u64]) -> (Work, Cluster) {
    let cluster = Cluster::new(&[1, 2, 3], &["/a", "/b"]);
    let one = |(number, bytes): (usize, &u64)| {
        let number = i32::try_from(number).unwrap();
        Target { copy_bytes: *bytes, ..target(number, &[(1, "/a"), (2, "/a")], &[(1, "/a"), (3, "/a")]) }
    };
    let targets: Vec<Target> = sizes.iter().enumerate().map(one).collect();
    targets.iter().for_each(|target| cluster.place(&target.partition, &target.before));
    let step = Step { batch: 1, targets: targets.clone(), ..Step::default() };
    let undo = Step { targets: targets.iter().map(undo).collect(), ..step.clone() };
    let work = Work { batches: vec![step], rollbacks: vec![undo], cluster_id: "lab".to_owned(), ..Work::default() };
    (work, cluster)
}

fn carry_out(cluster: &Cluster, work: &Work, options: Options) -> (Result<Report, ApplyError>, Vec<String>) {
    let notes = RefCell::new(Vec::new());
    let tell = |event: &Event| {
        if let Event::Note(text) = event {
            notes.borrow_mut().push(text.clone());
        }
    };
    let mut journal = Memory::default();
    let guard = Guard::default();
    let mut run =
        Apply { admin: cluster, journal: &mut journal, surroundings: cluster, guard: &guard, tell: &tell, options };
    (apply(&mut run, work), notes.into_inner())
}

#[test]
fn nothing_begins_outside_a_window_and_nothing_is_set_there() {
    let (work, cluster) = one_batch(&[100]);
    let options = Options { windows: windows(&["00:10-00:40"]), ..OPTIONS };
    let (report, notes) = carry_out(&cluster, &work, options);
    report.unwrap();
    assert!(cluster.seconds_of("reassign t-0")[0] >= 600.0);
    assert_eq!(notes, ["outside the windows: waits until 1970-01-01 00:10 UTC"]);
}

#[test]
fn a_batch_that_does_not_end_within_a_window_waits_for_one_in_which_it_does() {
    // 370 s at the throttle, up to 401 s.
    let (work, cluster) = one_batch(&[370_000]);
    let options = Options { windows: windows(&["00:00-00:05", "00:20-00:50"]), ..OPTIONS };
    let (report, notes) = carry_out(&cluster, &work, options);
    report.unwrap();
    assert!(cluster.seconds_of("reassign t-0")[0] >= 1_200.0, "{notes:?}");
    assert!(notes[0].contains("batch 1 takes up to 7 min, longer than this window lasts"), "{notes:?}");
}

#[test]
fn a_batch_larger_than_any_window_is_carried_out_in_several() {
    // Two of the three end within a quarter of an hour: 2 · 370 s · 1.07 + 5 s.
    let (work, cluster) = one_batch(&[370_000, 360_000, 370_000]);
    cluster.copy_in(800.0);
    let options = Options { windows: windows(&["00:00-00:15", "00:30-00:45"]), ..OPTIONS };
    let (report, notes) = carry_out(&cluster, &work, options);
    let report = report.unwrap();
    let began = |name: &str| cluster.seconds_of(name)[0];
    assert!(began("reassign t-1") < 10.0 && began("reassign t-0") < 10.0, "the smallest first");
    assert!(began("reassign t-2") >= 1_800.0, "{notes:?}");
    assert!(notes.iter().any(|note| note.starts_with("1 partition left for the next window")), "{notes:?}");
    // What it waited is no time that it took: 800 s of copies, twice.
    let measured = report.measured[0];
    assert!((1_500.0..1_700.0).contains(&measured.seconds), "{measured:?}");
    assert!(measured.held_seconds > 900.0, "{measured:?}");
}

#[test]
fn copies_that_run_when_a_window_ends_go_on() {
    let (work, cluster) = one_batch(&[100]);
    cluster.copy_in(1_000.0);
    let options = Options { windows: windows(&["00:00-00:10", "00:30-01:30"]), ..OPTIONS };
    carry_out(&cluster, &work, options).0.unwrap();
    assert_eq!(cluster.seconds_of("reassign t-0").len(), 1);
    assert!(cluster.seconds_of("cancel").is_empty());
    assert!(cluster.unix_seconds() < 1_100.0);
}

#[test]
fn or_are_cancelled_and_begin_again_in_the_next_one() {
    let (work, cluster) = one_batch(&[100]);
    cluster.copy_in(1_000.0);
    let windows = windows(&["00:00-00:10", "00:30-01:30"]);
    let options = Options { windows, window_end: WindowEnd::Cancel, ..OPTIONS };
    let (report, notes) = carry_out(&cluster, &work, options);
    report.unwrap();
    assert!((600.0..620.0).contains(&cluster.seconds_of("cancel t-0")[0]));
    let asked = cluster.seconds_of("reassign t-0 [1, 3]");
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[1] >= 1_800.0);
    assert!(notes.iter().any(|note| note.contains("1 move cancelled")), "{notes:?}");
    assert_eq!(cluster.replicas(&tp(0)), [1, 3]);
    assert!(cluster.settings().is_empty());
}

#[test]
fn without_a_throttle_a_window_that_is_open_will_do() {
    let (work, cluster) = one_batch(&[10_000_000]);
    let options = Options { windows: windows(&["00:10-00:20"]), throttle: Throttle::Unlimited, ..OPTIONS };
    carry_out(&cluster, &work, options).0.unwrap();
    let at = cluster.seconds_of("reassign t-0")[0];
    assert!((600.0..700.0).contains(&at), "{at}");
}

#[test]
fn a_partition_that_no_window_is_long_enough_for_is_refused_beforehand() {
    let (work, cluster) = one_batch(&[100, 10_000_000]);
    let options = Options { windows: windows(&["01:00-02:00"]), ..OPTIONS };
    let text = carry_out(&cluster, &work, options).0.unwrap_err().to_string();
    assert!(text.contains("t-1 (9.54 MiB) takes up to 2 h 59 min"), "{text}");
    assert!(text.contains("longer than any window"), "{text}");
    assert!(cluster.calls().is_empty());
}

#[test]
fn elections_wait_for_a_window_with_settings_as_they_were_found() {
    let (mut work, cluster) = one_batch(&[100]);
    work.batches[0].targets[0].after = seats(&[(3, "/a"), (1, "/a")]);
    work.batches[0].elections = vec![tp(0)];
    cluster.copy_in(1_000.0);
    let options = Options { windows: windows(&["00:00-00:10", "00:30-01:30"]), ..OPTIONS };
    let (report, notes) = carry_out(&cluster, &work, options);
    assert!(report.unwrap().measured[0].held_seconds > 700.0);
    assert_eq!(cluster.leader(&tp(0)), Some(3));
    assert!(cluster.unix_seconds() >= 1_800.0);
    assert!(notes.iter().any(|note| note.contains("nobody is elected")), "{notes:?}");
}

#[test]
fn each_batch_is_measured_beside_what_was_predicted() {
    let measure = |copy_seconds: f64| {
        let (work, cluster) = one_batch(&[4_000]);
        cluster.copy_in(copy_seconds);
        carry_out(&cluster, &work, OPTIONS).0.unwrap().measured[0]
    };
    let usual = measure(4.0);
    let span = usual.predicted_seconds.unwrap();
    assert!(span.p10 <= span.p50 && span.p50 <= span.p90 && (9.0..10.0).contains(&span.p90), "{span:?}");
    assert_eq!((usual.batch, usual.planned_bytes, usual.copied_bytes), (1, 4_000, 100));
    assert_eq!(usual.is_as_predicted(), Some(true), "{usual:?}");
    let slow = measure(60.0);
    assert_eq!(slow.is_as_predicted(), Some(false), "{slow:?}");
    assert!(slow.seconds >= 60.0);
}

#[test]
fn what_was_measured_is_in_the_journal_and_outlives_a_crash() {
    let cluster = cluster();
    let mut journal = Memory::default();
    cluster.die_after_looks(Some(14));
    run(&cluster, &mut journal, OPTIONS, apply).0.unwrap_err();
    cluster.die_after_looks(None);
    let (report, _) = run(&cluster, &mut journal, Options { resume: true, ..OPTIONS }, apply);
    assert_eq!(report.unwrap().measured.iter().map(|measured| measured.batch).collect::<Vec<_>>(), [1, 2]);
    let lines = journal.records.iter().filter(|record| matches!(record, Record::Measured(_))).count();
    assert_eq!(lines, 2);
    let line =
        serde_json::to_string(journal.records.iter().find(|r| matches!(r, Record::Measured(_))).unwrap()).unwrap();
    assert!(line.starts_with(r#"{"record":"measured","batch":1,"predicted_seconds":{"p10":"#), "{line}");
}
