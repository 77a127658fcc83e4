//! A plan of several batches on a real Kafka: cancelled and rolled back in its middle, then carried out under a throttle,
//! within the time that was predicted for it. Nothing is left behind: no replica, no order, no setting.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::lab::Lab;
use support::observed::{Key, Observed, observe};
use tempfile::TempDir;

/// With fetches in small pieces a throttle bites at once, and what it allows is what is measured.
const SMALL_FETCHES: &str = "replica.fetch.response.max.bytes=262144\nreplica.fetch.max.bytes=65536";

/// Bytes of each partition; all twenty sit on brokers 1 and 2.
const PARTITION_BYTES: usize = 1_500_000;

/// Bytes of a batch, and its throttle: some twelve seconds each.
const PACE: [&str; 4] = ["--batch-bytes", "12MB", "--throttle", "1MB"];

/// Longer than anything here takes, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(180);

struct Site {
    lab: Lab,
    work: TempDir,
    bootstrap: String,
}

#[test]
fn a_plan_of_several_batches_ends_when_predicted_and_can_be_stopped_in_its_middle() {
    let lab = Lab::start(&[("KLAB_PROPS", SMALL_FETCHES)]);
    let assignment = vec!["1:2"; 20].join(",");
    lab.run("topics", &["--create", "--topic", "orders", "--replica-assignment", &assignment]);
    lab.produce((0..20).map(|p| ("orders".to_owned(), p, PARTITION_BYTES)));
    let bootstrap = lab.bootstrap();
    let site = Site { lab, work: TempDir::new().unwrap(), bootstrap };
    // Somebody's own throttle, which must be there unchanged at the end.
    fs::write(site.path("setting.properties"), "leader.replication.throttled.rate=987654321").unwrap();
    let args = ["--alter", "--entity-type", "brokers", "--entity-name", "1"];
    site.lab.run_on_file("configs", &args, "--add-config-file", &site.path("setting.properties"));
    let (first, settings) = (site.observed(), site.settings());
    let dirs = [site.lab.log_dir(1, 1), site.lab.log_dir(1, 2)];
    assert!(first.values().all(|seen| seen.leader == 1 && dirs.contains(&seen.log_dirs[0])));

    // The volume behind the dirs is the machine's; the plan is to mind the dirs' own size.
    fs::write(site.path("inventory.toml"), "[[brokers]]\nids = \"all\"\nlog_dir_capacity_bytes = 60000000\n").unwrap();
    let (inventory, snapshot) = (site.text("inventory.toml"), site.text("s"));
    let capture = ["snapshot", "kafka", "--bootstrap-server", &site.bootstrap, "--sample", "0s"];
    site.evenkeel(&[&capture[..], &["--inventory", &inventory, "--out", &snapshot]].concat());
    site.evenkeel(&[&["rebalance", &site.text("s"), "--out", &site.text("plan")][..], &PACE].concat());
    let batches = fs::read_dir(site.path("plan/batches")).unwrap().count();
    assert!(batches >= 3, "{batches} batches");

    nothing_begins_outside_a_window(&site);
    assert_eq!((site.observed(), site.settings()), (first.clone(), settings.clone()));

    stopped_in_the_second_batch(&site, &first, &settings);
    let told = site.evenkeel(&site.apply(&["--rollback", "--throttle", "unlimited"]));
    assert!(told.contains("rolled back: "), "{told}");
    assert_eq!((site.observed(), site.settings()), (first.clone(), settings.clone()));

    the_plan_takes_as_long_as_predicted(&site, batches);
    assert_eq!(site.settings(), settings);
    assert_ne!(site.observed(), first);
}

/// The window opens in some hours.
fn nothing_begins_outside_a_window(site: &Site) {
    let hour = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() / 3600 % 24;
    let window = format!("{:02}:00-{:02}:00", (hour + 3) % 24, (hour + 5) % 24);
    let journal = site.text("waiting.journal");
    let flags = ["--window", &window, "--window-zone", "UTC", "--throttle", "1MB", "--journal", &journal];
    let child = site.start(&site.apply(&flags), "waiting.log");
    site.until("the run waits for its window", || site.log("waiting.log").contains("outside the windows: waits until"));
    assert!(site.reassignments().contains("No partition reassignments found"));
    kill(child);
}

/// Slow enough that the batch is under way while Kafka's tools look. Killed there and cancelled: no partition has more or
/// fewer replicas than before.
fn stopped_in_the_second_batch(site: &Site, first: &BTreeMap<Key, Observed>, settings: &str) {
    let child = site.start(&site.apply(&["--throttle", "400000"]), "stopped.log");
    site.until("batch 2 is under way", || {
        site.log("stopped.log").contains("batch 2 of") && site.reassignments().contains("adding:")
    });
    kill(child);
    assert_ne!(site.settings(), *settings, "its throttles are still set");
    let told = site.evenkeel(&site.apply(&["--cancel"]));
    assert!(told.contains("cancelled: ") && !told.contains("cancelled: 0"), "{told}");
    assert!(site.reassignments().contains("No partition reassignments found"));
    assert_eq!(site.settings(), *settings);
    let now = site.observed();
    let moved = now.iter().filter(|(key, seen)| seen.replicas != first[*key].replicas).count();
    assert!((1..20).contains(&moved), "batch 1 alone is through: {moved} partitions moved");
    for (key, seen) in &now {
        assert_eq!((seen.replicas.len(), seen.in_sync), (2, 2), "{key:?}");
    }
}

/// One batch in ten may take longer than its p90, on a machine that does much else more of them: the whole plan may not.
fn the_plan_takes_as_long_as_predicted(site: &Site, batches: usize) {
    let told = site.evenkeel(&site.apply(&["--throttle", "1MB", "--format", "json"]));
    let report: serde_json::Value = serde_json::from_str(&told).unwrap();
    // With --nocapture, what a reader of docs/live.md sees.
    println!("{}\n{report:#}", site.log("stopped.log"));
    let measured = report["measured"].as_array().unwrap();
    assert_eq!(measured.len(), batches, "{report:#}");
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    for batch in measured {
        assert!(number(&batch["copied_bytes"]) >= number(&batch["planned_bytes"]) * 0.99, "{batch:#}");
        let (span, seconds) = (&batch["predicted_seconds"], number(&batch["seconds"]));
        let is_within = number(&span["p10"]) <= seconds && seconds <= number(&span["p90"]);
        assert_eq!(batch["as_predicted"], is_within, "{batch:#}");
    }
    let seconds: f64 = measured.iter().map(|batch| number(&batch["seconds"])).sum();
    let plan: serde_json::Value = serde_json::from_slice(&fs::read(site.path("plan/plan.json")).unwrap()).unwrap();
    let span = &plan["pace"]["duration_seconds"];
    assert!(number(&span["p10"]) <= seconds && seconds <= number(&span["p90"]), "{seconds} s, {span:#}");
    let journal = fs::read_to_string(site.path("plan.journal")).unwrap();
    assert!(journal.matches("\"record\":\"measured\"").count() >= batches, "{journal}");
}

/// Ends a run as `kill -9` does.
fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

impl Site {
    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn apply(&self, more: &[&str]) -> Vec<String> {
        let (snapshot, plan) = (self.text("s"), self.text("plan"));
        let fixed = ["apply", &snapshot, &plan, "--bootstrap-server", &self.bootstrap, "--poll", "300ms"];
        fixed.iter().chain(more).map(|text| (*text).to_owned()).collect()
    }

    /// Runs the program, which must succeed; what it printed.
    fn evenkeel(&self, args: &[impl AsRef<std::ffi::OsStr> + std::fmt::Debug]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_evenkeel")).args(args).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "evenkeel {args:?}\n{told}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts the program with its stderr in a file.
    fn start(&self, args: &[String], log: &str) -> Child {
        let log = fs::File::create(self.path(log)).unwrap();
        Command::new(env!("CARGO_BIN_EXE_evenkeel")).args(args).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    fn reassignments(&self) -> String {
        self.lab.run("reassign", &["--list"])
    }

    /// What brokers and topics are set to at run time.
    fn settings(&self) -> String {
        let of = |kind: &str| self.lab.run("configs", &["--describe", "--entity-type", kind]);
        of("brokers") + &of("topics")
    }

    /// Where Kafka's own tools say that replicas are.
    fn observed(&self) -> BTreeMap<Key, Observed> {
        observe(&self.lab.run("topics", &["--describe"]), &self.lab.run("log-dirs", &["--describe"]))
    }

    /// Waits until `is_so`.
    fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}
