//! A real Kafka behind Kerberos, with a realm and a KDC of its own: what librdkafka can ask is captured, what it cannot is
//! named; a stale keytab, a ticket that ran out and none at all are told as such.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "this test needs a part of what end-to-end tests share")]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use evenkeel::ingest::catalogue::Catalogue;
use evenkeel::ingest::snapshot_dir;
use evenkeel::model::Snapshot;
use support::lab::Lab;
use support::observed::observe;
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

struct Site {
    lab: Lab,
    work: TempDir,
    /// Where the realm's files are.
    kdc: PathBuf,
    bootstrap: String,
}

#[test]
fn a_cluster_behind_kerberos_is_captured_and_refusals_are_clear() {
    if let Some(missing) = missing() {
        eprintln!("SKIPPED: Kerberos is not tested, for there is no {missing}; ./dev setup fetches it on Debian");
        return;
    }
    let lab = Lab::start(&[("KLAB_KERBEROS", "1"), ("KLAB_BROKERS", "3")]);
    let env = lab.run("env", &[]);
    let value = |key: &str| env.lines().find_map(|line| line.strip_prefix(key)).unwrap().to_owned();
    let (kdc, bootstrap) = (PathBuf::from(value("KDC=")), value("SECURE_BOOTSTRAP="));
    let site = Site { lab, work: TempDir::new().unwrap(), kdc, bootstrap };
    for (name, assignment) in [("orders", "1:2,1:3,1:2,2:1"), ("audit.log-7", "1,1")] {
        let settings = ["--config", "retention.ms=86400000"];
        let create = ["--create", "--topic", name, "--replica-assignment", assignment];
        site.lab.run("topics", &[&create[..], &settings].concat());
    }

    what_librdkafka_can_ask_is_captured_and_the_rest_named(&site);
    records_written_are_counted(&site);
    a_ticket_of_ones_own_serves(&site);
    refusals_tell_what_is_wrong(&site);
    no_plan_is_carried_out(&site);
}

/// What of the things that are needed is not here.
fn missing() -> Option<&'static str> {
    let is_on_path = |name: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).chain(["/usr/sbin".into()]).any(|dir| dir.join(name).is_file())
    };
    let is_unpacked = |name: &str| Path::new(ROOT).join("target/tools/kdc/usr/sbin").join(name).is_file();
    let modules = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut modules = modules.chain(["/usr/lib".into(), "/usr/lib64".into()]);
    if !is_on_path("kinit") {
        return Some("kinit (krb5-user)");
    }
    if !modules.any(|dir| dir.join("sasl2/libgssapiv2.so").exists()) {
        return Some("GSSAPI module of libsasl2 (libsasl2-modules-gssapi-mit)");
    }
    let has = |name: &str| is_on_path(name) || is_unpacked(name);
    (!["krb5kdc", "kadmin.local", "kdb5_util"].into_iter().all(has)).then_some("krb5kdc (krb5-kdc, krb5-admin-server)")
}

fn what_librdkafka_can_ask_is_captured_and_the_rest_named(site: &Site) {
    let told = site.capture("placed", "planner.keytab", &["--sample", "0s"], 0);
    for missing in ["log dirs", "reassignments under way", "quotas in force"] {
        let line = told.lines().find(|line| line.starts_with(&format!("  - {missing}")));
        assert!(line.is_some_and(|line| line.contains("Kerberos")), "{missing} in {told}");
    }
    let placed = site.read("placed");
    let said = observe(&site.lab.run("topics", &["--describe"]), &site.lab.run("log-dirs", &["--describe"]));
    assert_eq!((placed.partitions.len(), said.len()), (6, 6));
    for partition in placed.partition_indices() {
        let row = placed.partition(partition);
        let topic = placed.topic(row.topic);
        let told = &said[&(topic.name.clone(), u64::from(row.number))];
        let id = |broker| u64::try_from(placed.broker(broker).id).unwrap();
        let replicas = placed.replicas_of(partition);
        assert_eq!(replicas.iter().map(|replica| id(replica.broker)).collect::<Vec<_>>(), told.replicas);
        assert_eq!(row.leader.map(id), Some(told.leader));
        assert_eq!(replicas.iter().filter(|replica| replica.in_sync).count(), told.in_sync);
        assert_eq!(topic.retention_ms, Some(86_400_000));
    }
    assert_eq!(placed.racks, ["rack-1", "rack-2", "rack-3"]);
    assert!(placed.brokers.iter().all(|broker| broker.state.is_active() && broker.rack.is_some()));
    assert_eq!(placed.log_dirs.len(), 0);
}

/// Offsets tell records; without log dirs nothing tells bytes.
fn records_written_are_counted(site: &Site) {
    let mut command = site.command("counted", "planner.keytab", &["--sample", "15s"]);
    let child = command.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    // Before the first reading or after it: what is written until the end of the sample is more than nothing.
    for _ in 0..20 {
        site.lab.produce((0..2).map(|partition| ("orders".to_owned(), partition, 32_000)));
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let counted = site.read("counted");
    let busy: Vec<u32> =
        counted.partitions.iter().filter(|row| row.messages_in_per_sec > 0.0).map(|row| row.number).collect();
    assert_eq!(busy, [0, 1]);
    assert!(counted.partitions.iter().all(|row| row.bytes_in_per_sec == 0.0));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("what producers write to 2 partitions: counts as 0"), "{told}");
}

fn a_ticket_of_ones_own_serves(site: &Site) {
    site.kinit("1h");
    let told = site.capture("own", "", &["--sample", "0s"], 0);
    assert!(told.contains("3 brokers"), "{told}");
}

fn refusals_tell_what_is_wrong(site: &Site) {
    let told = site.capture("none", "stale.keytab", &[], 1);
    assert!(told.contains("no Kerberos ticket for planner@EVENKEEL.TEST: kinit: ") && told.contains("help:"), "{told}");

    fs::remove_file(site.path("tickets")).unwrap();
    let told = site.capture("none", "", &[], 1);
    assert!(told.contains("GSSAPI") && told.contains("help: check keyTab"), "{told}");

    site.kinit("2s");
    std::thread::sleep(std::time::Duration::from_secs(4));
    let told = site.capture("none", "", &[], 1);
    assert!(told.to_lowercase().contains("expired"), "{told}");

    let mut command = site.command("none", "planner.keytab", &[]);
    let told = told_by(command.env("SASL_PATH", site.work.path()), 1);
    assert!(told.contains("libsasl2-modules-gssapi-mit"), "{told}");

    let told = site.capture("none", "nowhere.keytab", &[], 2);
    assert!(told.contains("client.properties: error[E720]") && told.contains("nowhere.keytab"), "{told}");
    assert!(!site.path("none").exists());
}

/// The protocol's other client, which alone can reassign, does not know Kerberos.
fn no_plan_is_carried_out(site: &Site) {
    site.evenkeel(&["rebalance", &site.text("placed"), "--out", &site.text("plan")], 0);
    let properties = site.properties("planner.keytab");
    let connect = ["--bootstrap-server", &site.bootstrap, "--command-config", &properties];
    let told = site.evenkeel(&[&["apply", &site.text("placed"), &site.text("plan")], &connect[..]].concat(), 1);
    assert!(told.contains("Kerberos (GSSAPI) serves for"), "{told}");
    assert!(site.lab.run("reassign", &["--list"]).contains("No partition reassignments found"));
}

impl Site {
    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn read(&self, name: &str) -> Snapshot {
        snapshot_dir::read(&self.path(name), &Catalogue::builtin()).unwrap().0
    }

    /// A program with this realm's settings and tickets of its own.
    fn in_realm(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        let tickets = format!("FILE:{}", self.text("tickets"));
        command.args(args).env("KRB5_CONFIG", self.kdc.join("krb5.conf")).env("KRB5CCNAME", tickets);
        command
    }

    /// A ticket that is good for so long.
    fn kinit(&self, life: &str) {
        let keytab = self.kdc.join("planner.keytab").display().to_string();
        let output = self.in_realm("kinit", &["-l", life, "-k", "-t", &keytab, "planner"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A properties file with one of the realm's keytabs, or with none.
    fn properties(&self, keytab: &str) -> String {
        let path = self.kdc.join(keytab).display().to_string();
        let login = if keytab.is_empty() {
            "useTicketCache=true".to_owned()
        } else {
            format!("useKeyTab=true keyTab=\"{path}\" principal=\"planner@EVENKEEL.TEST\"")
        };
        let text = format!(
            "security.protocol=SASL_PLAINTEXT\nsasl.kerberos.service.name=kafka\n\
             sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required {login};\n"
        );
        fs::write(self.path("client.properties"), text).unwrap();
        self.text("client.properties")
    }

    fn command(&self, out: &str, keytab: &str, more: &[&str]) -> Command {
        let (properties, out) = (self.properties(keytab), self.text(out));
        let to = ["snapshot", "kafka", "--bootstrap-server", &self.bootstrap, "--command-config", &properties];
        let args = [&to[..], &["--timeout", "60s", "--out", &out], more].concat();
        self.in_realm(env!("CARGO_BIN_EXE_evenkeel"), &args)
    }

    /// Captures with one of the realm's keytabs, or with none; both outputs. The exit status must be `status`.
    fn capture(&self, out: &str, keytab: &str, more: &[&str], status: i32) -> String {
        told_by(&mut self.command(out, keytab, more), status)
    }

    fn evenkeel(&self, args: &[&str], status: i32) -> String {
        told_by(&mut self.in_realm(env!("CARGO_BIN_EXE_evenkeel"), args), status)
    }
}

fn told_by(command: &mut Command, status: i32) -> String {
    let output = command.output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{command:?}\n{told}");
    told
}
