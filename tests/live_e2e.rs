//! A real Kafka, asked and told directly: what `snapshot kafka` captures is what Kafka's own tools say; what `apply`
//! carries out can be killed, cancelled, resumed, held up by a broker that goes away, and rolled back, and the cluster is
//! then as it was, settings included. One cluster serves all of it in turn.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "live_e2e/failures.rs"]
mod failures;
#[path = "live_e2e/rates.rs"]
mod rates;
mod support;
#[path = "support/tools_output.rs"]
mod tools_output;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use evenkeel::ingest::catalogue::Catalogue;
use evenkeel::ingest::snapshot_dir;
use evenkeel::model::{Placement, Snapshot};
use support::lab::{BROKERS, Lab};
use support::observed::observe;
use tempfile::TempDir;

/// Fetches in small pieces, so that throttles bite at once.
const SMALL_FETCHES: &str = "replica.fetch.response.max.bytes=262144\nreplica.fetch.max.bytes=65536";

/// Only whom an ACL allows it may ask anything, but for the lab's own users.
const ACLS: &str = "\nauthorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
                    super.users=User:ANONYMOUS;User:lab";

/// What each log dir can hold: the plan has to mind it.
const LOG_DIR_CAPACITY_BYTES: u64 = 6_300_000;

/// Slow enough that a batch is under way for as long as a test wants it to be.
const CRAWL: &str = "150000";

/// Longer than anything here takes, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(180);

const PASSWORD: &str = "lab-secret";

/// The cluster and a directory for files.
struct Site {
    lab: Lab,
    work: TempDir,
    env: BTreeMap<String, String>,
}

#[test]
fn a_real_cluster_is_captured_and_a_plan_carried_out_stopped_and_undone() {
    let lab = Lab::start(&[("KLAB_SECURE", "1"), ("KLAB_PROPS", &(SMALL_FETCHES.to_owned() + ACLS))]);
    let env = lab.run("env", &[]);
    let env = env.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let site = Site { lab, work: TempDir::new().unwrap(), env };
    place_badly(&site.lab);

    captures_equal_what_kafkas_tools_say(&site);
    refusals_are_clear_and_tell_no_secret(&site);
    failures::what_a_principal_may_not_see_is_named(&site);
    failures::quotas_in_force_are_captured(&site);
    rates::are_those_of_a_producer(&site);
    a_plan_is_stopped_resumed_and_undone(&site);
}

/// A topic of the scenario.
struct Topic {
    name: &'static str,
    partitions: u16,
    /// Brokers of a partition, the preferred leader first.
    replicas: fn(u16) -> Vec<u16>,
    /// Bytes of partition 0; each further one has a little more.
    bytes: usize,
}

/// Two topics that fill brokers 1, 2 and 4, and a third that is well placed.
const TOPICS: [Topic; 3] = [
    Topic { name: "orders", partitions: 12, replicas: |_| vec![1, 4, 2], bytes: 350_000 },
    Topic { name: "clicks", partitions: 12, replicas: |_| vec![1, 4], bytes: 450_000 },
    Topic {
        name: "audit.log-7",
        partitions: 6,
        replicas: |p| (p..p + 3).map(|b| b % BROKERS + 1).collect(),
        bytes: 100_000,
    },
];

fn place_badly(lab: &Lab) {
    for Topic { name, partitions, replicas, bytes } in TOPICS {
        let ids = |p| replicas(p).iter().map(u16::to_string).collect::<Vec<_>>().join(":");
        let assignment = (0..partitions).map(ids).collect::<Vec<_>>().join(",");
        lab.run("topics", &["--create", "--topic", name, "--replica-assignment", &assignment]);
        lab.produce((0..partitions).map(|p| (name.to_owned(), i32::from(p), bytes + 10_000 * usize::from(p))));
    }
}

fn captures_equal_what_kafkas_tools_say(site: &Site) {
    let plain = site.capture("plain");
    let properties = site.properties("client.properties", PASSWORD, &site.env["CA"]);
    let told = site.secure(&["--command-config", &properties], "secure", 0);
    assert!(!told.contains(PASSWORD), "{told}");
    for file in ["brokers.csv", "partitions.csv", "replicas.csv", "topics.csv"] {
        let read = |dir: &str| fs::read_to_string(site.path(dir).join(file)).unwrap();
        assert_eq!(read("plain"), read("secure"), "{file}");
    }
    let said = observe(&site.lab.run("topics", &["--describe"]), &site.lab.run("log-dirs", &["--describe"]));
    assert_eq!(plain.partitions.len(), said.len());
    for partition in plain.partition_indices() {
        let row = plain.partition(partition);
        let key = (plain.topic(row.topic).name.clone(), u64::from(row.number));
        let told = &said[&key];
        let replicas = plain.replicas_of(partition);
        let id = |broker| u64::try_from(plain.broker(broker).id).unwrap();
        assert_eq!(replicas.iter().map(|r| id(r.broker)).collect::<Vec<_>>(), told.replicas, "{key:?}");
        assert_eq!(row.leader.map(id), Some(told.leader), "{key:?}");
        assert_eq!(replicas.iter().filter(|r| r.in_sync).count(), told.in_sync, "{key:?}");
        let dirs: Vec<String> = replicas.iter().map(|r| plain.log_dir(r.log_dir.unwrap()).path.clone()).collect();
        assert_eq!(dirs, told.log_dirs, "{key:?}");
        let of_leader = replicas.iter().find(|r| Some(r.broker) == row.leader).unwrap();
        assert_eq!(of_leader.size_bytes, told.size_bytes, "{key:?}");
    }
    assert_eq!(plain.racks, ["rack-1", "rack-2", "rack-3"]);
    assert_eq!(plain.brokers.len(), usize::from(BROKERS));
    let dirs: Vec<&str> = plain.log_dirs[..2].iter().map(|dir| dir.path.as_str()).collect();
    assert_eq!(dirs, [site.lab.log_dir(1, 1), site.lab.log_dir(1, 2)]);
    // Without an inventory, a dir is as large as the volume that it is on.
    let secure = site.read("secure");
    assert!(secure.log_dirs.iter().all(|dir| dir.capacity_bytes > Some(LOG_DIR_CAPACITY_BYTES)));
}

fn refusals_are_clear_and_tell_no_secret(site: &Site) {
    let ca = site.env["CA"].clone();
    let wrong = site.properties("wrong.properties", "not-the-secret", &ca);
    let told = site.secure(&["--command-config", &wrong], "none", 1);
    assert!(told.contains("invalid credentials") && told.contains("help:"), "{told}");
    assert!(!told.contains("not-the-secret"), "{told}");

    // A certificate of somebody's, but of nobody who signed the brokers'.
    let stranger = Path::new(&ca).with_file_name("stranger.pem").display().to_string();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=stranger"])
        .args(["-keyout", "/dev/null", "-out", &stranger])
        .output()
        .unwrap();
    assert!(made.status.success());
    let told = site.secure(&["--command-config", &site.properties("ca.properties", PASSWORD, &stranger)], "none", 1);
    assert!(told.contains("certificate"), "{told}");

    let arguments = ["snapshot", "kafka", "--bootstrap-server", "127.0.0.1:1", "--timeout", "5s", "--out"];
    let told = site.evenkeel(&[&arguments[..], &[&site.text("none")]].concat(), 1);
    assert!(told.contains("127.0.0.1:1") && told.contains("check the address"), "{told}");

    let jks = site.properties("jks.properties", PASSWORD, "/etc/trust.jks");
    let told = site.secure(&["--command-config", &jks], "none", 2);
    assert!(told.contains("jks.properties:4:1: error[E723]") && told.contains("keytool -list -rfc"), "{told}");
    assert!(!site.path("none").exists());
}

fn a_plan_is_stopped_resumed_and_undone(site: &Site) {
    // Somebody's own settings, which must be there unchanged at the end.
    for (kind, name, setting) in [
        ("brokers", "1", "leader.replication.throttled.rate=987654321"),
        ("topics", "orders", "leader.replication.throttled.replicas=0:6,1:6"),
    ] {
        let file = site.path("setting.properties");
        fs::write(&file, setting).unwrap();
        let args = ["--alter", "--entity-type", kind, "--entity-name", name];
        site.lab.run_on_file("configs", &args, "--add-config-file", &file);
    }
    let settings = site.settings();

    let before = site.capture("before");
    site.evenkeel(&["rebalance", &site.text("before"), "--out", &site.text("plan")], 0);
    let calls = site.apply(&["--dry-run"], 0);
    assert!(calls.contains("AlterPartitionReassignments orders-") && calls.contains("ElectLeaders"), "{calls}");
    assert!(!site.path("plan.journal").exists());
    assert_eq!(placement(&site.capture("untouched")), placement(&before));

    // Killed while a batch is under way, and cancelled.
    let child = site.start_apply(&["--throttle", CRAWL], "crawl.log");
    site.until("a reassignment is under way", || site.reassignments().contains("adding:"));
    kill(child);
    assert_ne!(site.settings(), settings);
    site.apply(&[], 2);
    let told = site.apply(&["--cancel"], 0);
    assert!(told.contains("cancelled: ") && !told.contains("cancelled: 0"), "{told}");
    assert!(site.reassignments().contains("No partition reassignments found"));
    assert_eq!(site.settings(), settings);
    for (now, then) in placement(&site.capture("cancelled")).values().zip(placement(&before).values()) {
        assert_eq!(now.0.len(), then.0.len(), "a replication factor changed");
    }

    // Gone on with, killed again, gone on with once more; a broker that is copied to goes away and comes back.
    let child = site.start_apply(&["--resume", "--throttle", CRAWL], "again.log");
    site.until("a reassignment is under way", || site.reassignments().contains("adding:"));
    kill(child);
    let receiver = site.reassignments();
    let receiver = receiver.split("adding: ").nth(1).unwrap().split(['.', ',']).next().unwrap().to_owned();
    let child = site.start_apply(&["--resume", "--throttle", CRAWL], "held.log");
    site.lab.run("end", &[&receiver]);
    site.until("the plan is held", || site.log("held.log").contains(&format!("broker {receiver} is away")));
    site.lab.run("again", &[&receiver]);
    site.until("the plan goes on", || site.log("held.log").contains("goes on"));
    assert!(site.log("held.log").contains("held since "), "{}", site.log("held.log"));
    kill(child);
    let told = site.apply(&["--resume", "--throttle", "unlimited"], 0);
    assert!(told.contains("applied: "), "{told}");
    assert_eq!(site.settings(), settings);
    let after = site.capture("after");
    let check: serde_json::Value =
        serde_json::from_str(&site.stdout(&["check", &site.text("after"), "--format", "json"], 0)).unwrap();
    assert_eq!(check["hard"], serde_json::json!({}));
    assert_carried_out(site, &after);

    // The snapshot is of another time now.
    let told = site.apply(&["--journal", &site.text("other.journal")], 2);
    assert!(told.contains("not as in the snapshot") && told.contains("--allow-drift"), "{told}");

    let told = site.apply(&["--rollback", "--throttle", "unlimited"], 0);
    assert!(told.contains("rolled back: "), "{told}");
    let (restored, then) = (placement(&site.capture("restored")), placement(&before));
    for (name, (seats, leader)) in &then {
        assert_eq!(restored[name].0, *seats, "{name}");
        // The third topic is none of the plan's: what its leaders do when a broker restarts is not undone.
        assert!(restored[name].1 == *leader || name.starts_with("audit"), "{name}: {:?}", restored[name].1);
    }
    assert_eq!(site.settings(), settings);

    failures::a_dir_that_failed_is_offline(site);
    failures::what_is_lost_shows_as_in_kafkas_tools(site);
}

/// Every entry of the plan's reassignment stands as it says.
fn assert_carried_out(site: &Site, after: &Snapshot) {
    let file = fs::read(site.path("plan").join("reassignment.json")).unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&file).unwrap();
    let seats = placement(after);
    for entry in plan["partitions"].as_array().unwrap() {
        let name = format!("{}-{}", entry["topic"].as_str().unwrap(), entry["partition"]);
        let wanted: Vec<(i64, String)> = entry["replicas"]
            .as_array()
            .unwrap()
            .iter()
            .zip(entry["log_dirs"].as_array().unwrap())
            .map(|(id, dir)| (id.as_i64().unwrap(), dir.as_str().unwrap().to_owned()))
            .collect();
        assert_eq!(seats[&name].0, wanted, "{name}");
    }
}

/// Broker and dir of each replica, and the leader.
type Stand = (Vec<(i64, String)>, Option<i32>);

/// How each partition stands, by name.
fn placement(snapshot: &Snapshot) -> BTreeMap<String, Stand> {
    let placement = Placement::of(snapshot);
    let one = |partition| {
        let seat = |seat: &evenkeel::model::Seat| {
            let dir = seat.log_dir.map(|dir| snapshot.log_dir(dir).path.clone()).unwrap_or_default();
            (i64::from(snapshot.broker(seat.broker).id), dir)
        };
        let seats = placement.seats(partition).iter().map(seat).collect();
        let leader = placement.leader(partition).map(|broker| snapshot.broker(broker).id);
        (snapshot.partition_name(partition), (seats, leader))
    };
    snapshot.partition_indices().map(one).collect()
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

    fn inventory(&self) -> String {
        let entry = format!("[[brokers]]\nids = \"all\"\nlog_dir_capacity_bytes = {LOG_DIR_CAPACITY_BYTES}\n");
        fs::write(self.path("inventory.toml"), entry).unwrap();
        self.text("inventory.toml")
    }

    fn properties(&self, name: &str, password: &str, ca: &str) -> String {
        self.properties_of("lab", name, password, ca)
    }

    fn properties_of(&self, user: &str, name: &str, password: &str, ca: &str) -> String {
        let text = format!(
            "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n\
             sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"{user}\" \
             password=\"{password}\";\nssl.truststore.location={ca}\n"
        );
        fs::write(self.path(name), text).unwrap();
        self.text(name)
    }

    /// Runs the program; both outputs. Its exit status must be `status`.
    fn evenkeel(&self, args: &[&str], status: i32) -> String {
        let output = self.run(args, status);
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    fn stdout(&self, args: &[&str], status: i32) -> String {
        String::from_utf8(self.run(args, status).stdout).unwrap()
    }

    fn run(&self, args: &[&str], status: i32) -> Output {
        let output = Command::new(env!("CARGO_BIN_EXE_evenkeel")).args(args).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "evenkeel {args:?}\n{told}");
        output
    }

    /// Captures without rates and reads what was written.
    fn capture(&self, name: &str) -> Snapshot {
        let inventory = self.inventory();
        let args = ["snapshot", "kafka", "--bootstrap-server", &self.env["BOOTSTRAP"], "--sample", "0s"];
        let out = self.text(name);
        self.evenkeel(&[&args[..], &["--inventory", &inventory, "--out", &out]].concat(), 0);
        self.read(name)
    }

    fn secure(&self, more: &[&str], name: &str, status: i32) -> String {
        let args = ["snapshot", "kafka", "--bootstrap-server", &self.env["SECURE_BOOTSTRAP"], "--sample", "0s"];
        let out = self.text(name);
        self.evenkeel(&[&args[..], &["--out", &out], more].concat(), status)
    }

    fn read(&self, name: &str) -> Snapshot {
        snapshot_dir::read(&self.path(name), &Catalogue::builtin()).unwrap().0
    }

    fn apply_args<'a>(&'a self, more: &[&'a str], texts: &'a [String; 2]) -> Vec<&'a str> {
        let [snapshot, plan] = texts;
        let args = ["apply", snapshot, plan, "--bootstrap-server", &self.env["BOOTSTRAP"], "--poll", "300ms"];
        [&args[..], more].concat()
    }

    fn apply(&self, more: &[&str], status: i32) -> String {
        let texts = [self.text("before"), self.text("plan")];
        self.evenkeel(&self.apply_args(more, &texts), status)
    }

    fn start_apply(&self, more: &[&str], log: &str) -> Child {
        let texts = [self.text("before"), self.text("plan")];
        self.start(&self.apply_args(more, &texts), log)
    }

    /// Starts the program with its stderr in a file.
    fn start(&self, args: &[&str], log: &str) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
        let log = fs::File::create(self.path(log)).unwrap();
        command.args(args).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    fn wait(&self, mut child: Child, log: &str, status: i32) {
        let ended = child.wait().unwrap();
        assert_eq!(ended.code(), Some(status), "{}", self.log(log));
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn reassignments(&self) -> String {
        self.lab.run("reassign", &["--list"])
    }

    /// What brokers and topics are set to at run time.
    fn settings(&self) -> String {
        let of = |kind: &str| self.lab.run("configs", &["--describe", "--entity-type", kind]);
        of("brokers") + &of("topics")
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
