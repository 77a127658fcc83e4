//! `evenkeel snapshot cruise-control` as an operator runs it: saved answers and configuration files in, a snapshot
//! directory out, faults by place.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

/// Runs the program; its exit status, stdout and stderr.
fn evenkeel(args: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("evenkeel").unwrap().args(args).env("NO_COLOR", "1").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A copy of the saved answers that a test may change, and room for what is written.
struct Saved(TempDir);

impl Saved {
    fn new() -> Self {
        let saved = Self(TempDir::new().unwrap());
        fs::create_dir(saved.path("saved")).unwrap();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cruise-control");
        for entry in fs::read_dir(fixtures).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), saved.path("saved").join(entry.file_name())).unwrap();
        }
        saved
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path("saved").join(name), content).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path("saved").join(name)).unwrap();
    }

    /// Runs the command on the saved answers; the snapshot goes to `out`.
    fn import(&self, more: &[&str]) -> (i32, String, String) {
        let (dir, out) = (self.text("saved"), self.text("out"));
        let args =
            ["snapshot", "cruise-control", "--dir", &dir, "--captured-at", "2026-11-21T05:14:22Z", "--out", &out];
        evenkeel(&[&args[..], more].concat())
    }

    /// A column of a written table, by the values of its key columns.
    fn column(&self, table: &str, column: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path("out").join(table)).unwrap();
        let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        let at = lines.next().unwrap().iter().position(|name| name == column);
        lines.map(|row| at.map(|at| row[at].clone()).unwrap_or_default()).collect()
    }
}

/// A capacity file: its default, and what broker 0 has.
fn capacities(default: &str, first: &str) -> String {
    format!(
        "{{\"brokerCapacities\":[{{\"brokerId\":\"-1\",\"capacity\":{default}}},\n\
         {{\"brokerId\":\"0\",\"capacity\":{first}}}]}}"
    )
}

#[test]
fn saved_answers_become_a_snapshot_that_check_reads() {
    let saved = Saved::new();
    let (status, stdout, stderr) = saved.import(&["--cluster-id", "MkU3OEVBNTcwNTJENDM2Qk"]);
    assert_eq!(status, 0, "{stderr}");
    assert!(
        stdout.contains("4 brokers (1 down), 5 log dirs (1 offline), 3 topics, 7 partitions, 13 replicas"),
        "{stdout}"
    );
    assert!(stdout.contains("next: evenkeel check "), "{stdout}");
    assert!(stderr.contains("warning[W372]: no load of 1 partition"), "{stderr}");
    let cluster = fs::read_to_string(saved.path("out").join("cluster.toml")).unwrap();
    assert!(cluster.contains("MkU3OEVBNTcwNTJENDM2Qk") && cluster.contains("cruise-control"), "{cluster}");
    // 100,000 MB of 2^20 bytes; 512 KB/s of 2^10 bytes.
    assert_eq!(saved.column("log_dirs.csv", "capacity_bytes")[0], "104857600000");
    assert!(saved.column("partitions.csv", "bytes_in_per_sec").contains(&"524288".to_owned()));
    let (status, json, _) = evenkeel(&["check", &saved.text("out"), "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(status == 0 || status == 3, "{json}");
    assert!(report["balance"]["blue"].is_object() && report["balance"]["green"].is_object(), "{json}");

    let (status, _, stderr) = saved.import(&[]);
    assert_eq!(status, 2, "an existing directory needs --force: {stderr}");
    let (status, json, _) = saved.import(&["--force", "--format", "json"]);
    let summary: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((status, &summary["snapshot"]), (0, &serde_json::json!(saved.text("out"))));
}

#[test]
fn a_capacity_file_by_log_dir_gives_each_dir_its_size() {
    let saved = Saved::new();
    assert_eq!(saved.import(&[]).0, 0);
    let mega = 1_048_576_u64;
    let sizes: Vec<String> = [100_000, 50_000, 50_000, 50_000, 50_000].map(|mb| (mb * mega).to_string()).into();
    assert_eq!(saved.column("log_dirs.csv", "capacity_bytes"), sizes);
    assert_eq!(saved.column("brokers.csv", "cpu_cores"), ["32", "16", "16", "16"]);
    assert_eq!(saved.column("brokers.csv", "network_in_capacity_bytes_per_sec")[0], (50_000 * 1_024).to_string());
}

#[test]
fn a_capacity_file_in_all_gives_a_broker_with_one_dir_its_size_and_no_cores() {
    let saved = Saved::new();
    saved.remove("capacityJBOD.json");
    saved.remove("load.json");
    let of = |disk: u32| format!("{{\"DISK\":\"{disk}\",\"CPU\":\"100\",\"NW_IN\":\"1000\",\"NW_OUT\":\"2000\"}}");
    saved.write("capacity.json", &capacities(&of(60_000), &of(70_000)));
    let (status, _, stderr) = saved.import(&[]);
    assert_eq!(status, 0, "{stderr}");
    let sizes = saved.column("log_dirs.csv", "capacity_bytes");
    assert_eq!(sizes[0], (70_000_u64 * 1_048_576).to_string());
    assert!(sizes[1].is_empty(), "how 60,000 MB are divided between two dirs is not told: {sizes:?}");
    assert!(saved.column("brokers.csv", "cpu_cores").iter().all(String::is_empty));
    assert_eq!(saved.column("brokers.csv", "network_out_capacity_bytes_per_sec")[3], (2_000 * 1_024).to_string());
}

#[test]
fn a_capacity_file_with_cores_gives_cores_and_the_flag_names_the_file_that_counts() {
    let saved = Saved::new();
    let of = |cores: u32| {
        format!("{{\"DISK\":\"60000\",\"CPU\":{{\"num.cores\":\"{cores}\"}},\"NW_IN\":\"1000\",\"NW_OUT\":\"1000\"}}")
    };
    saved.write("capacityCores.json", &capacities(&of(8), &of(24)));
    // Both files lie there, as in Cruise Control's distribution, and say different things.
    let (status, _, stderr) = saved.import(&[]);
    assert_eq!(status, 2);
    assert!(stderr.contains("error[E373]") && stderr.contains("give only the file"), "{stderr}");
    let chosen = saved.text("saved/capacityCores.json");
    let (status, _, stderr) = saved.import(&["--capacity", &chosen]);
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(saved.column("brokers.csv", "cpu_cores"), ["24", "8", "8", "8"]);
}

#[test]
fn broker_sets_are_resource_groups_and_the_file_stands_over_the_state() {
    let saved = Saved::new();
    assert_eq!(saved.import(&[]).0, 0);
    assert_eq!(saved.column("brokers.csv", "resource_group"), ["blue", "blue", "green", "green"]);
    assert_eq!(saved.column("topics.csv", "resource_group"), ["", "green", "blue"]);
    let sets = "{\"brokerSets\":[{\"brokerSetId\":\"all\",\"brokerIds\":[0,1,2,3]}]}";
    saved.write("brokerSets.json", sets);
    assert_eq!(saved.import(&["--force"]).0, 0);
    assert_eq!(saved.column("brokers.csv", "resource_group"), ["all"; 4]);
}

#[test]
fn faults_are_reported_by_place_all_at_once_and_nothing_is_written() {
    let saved = Saved::new();
    let path = saved.path("saved").join("kafka_cluster_state.json");
    let state = fs::read_to_string(&path).unwrap();
    fs::write(&path, state.replacen("\"leader\": 2,", "\"leader\": 7,", 1)).unwrap();
    saved.write("partition_load.json", "{\"records\": [{\"topic\": 3}]}");
    let (status, stdout, stderr) = saved.import(&[]);
    assert_eq!((status, stdout.as_str()), (2, ""));
    assert!(stderr.contains("partition_load.json:1:") && stderr.contains("error[E370]"), "{stderr}");
    saved.write("partition_load.json", "{\"records\": []}");
    let (status, _, stderr) = saved.import(&[]);
    assert_eq!(status, 2);
    let place = stderr.lines().find(|line| line.contains("error[E373]")).unwrap();
    assert!(place.contains("kafka_cluster_state.json:") && place.contains("leader 7"), "{place}");
    assert!(stderr.contains("  help: "), "{stderr}");
    assert!(!saved.path("out").exists());
}

#[test]
fn an_answer_that_is_missing_or_not_ready_is_told_with_the_call() {
    let saved = Saved::new();
    saved.write("partition_load.json", "{\"progress\":[{\"operation\":\"Load\"}],\"version\":1}");
    let (status, _, stderr) = saved.import(&[]);
    assert_eq!(status, 2);
    assert!(stderr.contains("error[E371]") && stderr.contains("User-Task-ID"), "{stderr}");
    saved.remove("partition_load.json");
    let (status, _, stderr) = saved.import(&[]);
    assert_eq!(status, 2);
    assert!(stderr.contains("partition_load.json: error[") && stderr.contains("/partition_load?json=true"), "{stderr}");
    let (status, _, stderr) = evenkeel(&["snapshot", "cruise-control", "--out", &saved.text("out")]);
    assert_eq!(status, 2);
    assert!(stderr.contains("--dir"), "{stderr}");
}

/// What is asked for after `/kafkacruisecontrol/`, and its headers in lower case.
type Answerer = fn(&str, &str) -> (u16, String);

/// Answers requests at an address of its own for as long as the test runs.
fn serve(answer: Answerer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/kafkacruisecontrol", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let target = lines.next().unwrap_or_default().to_lowercase();
            let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).map(|l| l.to_lowercase()).collect();
            let asked = target.split(' ').nth(1).unwrap_or_default().trim_start_matches("/kafkacruisecontrol/");
            let (status, body) = answer(asked, &headers.join("\n"));
            let head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nUser-Task-ID: 5ce7c299\r\n");
            let length = body.len();
            // A client that went away is the test's business.
            drop(write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}"));
        }
    });
    address
}

fn fixture(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cruise-control").join(name)).unwrap()
}

#[test]
fn a_running_cruise_control_gives_what_its_saved_answers_give() {
    let saved = Saved::new();
    assert_eq!(saved.import(&[]).0, 0);
    let tables = ["brokers.csv", "log_dirs.csv", "topics.csv", "partitions.csv", "replicas.csv"];
    let read = |out: &str| tables.map(|table| fs::read_to_string(saved.path(out).join(table)).unwrap());
    for name in ["kafka_cluster_state.json", "partition_load.json", "load.json"] {
        saved.remove(name);
    }
    // It lets nobody in without a password, is still at work when it is first asked for loads, and does not know of disks.
    let address = serve(|asked, headers| {
        if !headers.contains("authorization: basic dmlld2vyomh1bnrlcji=") {
            return (401, String::new());
        }
        let name = asked.split('?').next().unwrap();
        if asked.contains("populate_disk_info") {
            return (400, "{\"errorMessage\":\"Unrecognized endpoint parameters in LOAD GET request\"}".to_owned());
        }
        if name == "partition_load" && !headers.contains("user-task-id: 5ce7c299") {
            return (202, "{\"progress\":[{\"operation\":\"Load\"}],\"version\":1}".to_owned());
        }
        (200, fixture(&format!("{name}.json")))
    });
    fs::write(saved.path("user"), "viewer\n").unwrap();
    fs::write(saved.path("password"), "hunter2\n").unwrap();
    let (dir, out, user, password) =
        (saved.text("saved"), saved.text("live"), saved.text("user"), saved.text("password"));
    let head = ["snapshot", "cruise-control", "--url", &address, "--dir", &dir, "--out", &out];
    let who = ["--user-file", &user, "--password-file", &password];
    let (status, stdout, stderr) = evenkeel(&[&head[..], &who].concat());
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.contains("/load was asked without populate_disk_info"), "{stdout}");
    assert_eq!(read("live"), read("out"));

    fs::write(saved.path("password"), "a-wrong-one").unwrap();
    let (status, _, stderr) = evenkeel(&[&head[..], &who, &["--force"]].concat());
    assert_eq!(status, 1);
    assert!(stderr.contains("status 401") && stderr.contains("help: give --user-file"), "{stderr}");
    assert!(!stderr.contains("a-wrong-one"), "{stderr}");
    assert_eq!(read("live"), read("out"), "what was there stays");
}

#[test]
fn an_answer_of_a_running_one_is_judged_at_its_address_and_bad_usage_is_refused() {
    let saved = Saved::new();
    let out = saved.text("out");
    let address = serve(|_, _| (200, "{\n \"records\": 3}".to_owned()));
    let (status, _, stderr) = evenkeel(&["snapshot", "cruise-control", "--url", &address, "--out", &out]);
    assert_eq!(status, 2);
    assert!(stderr.contains(&format!("{address}/partition_load:2:")) && stderr.contains("error[E370]"), "{stderr}");
    let with_password = "http://viewer:hunter2@127.0.0.1:1/kafkacruisecontrol";
    let (status, _, stderr) = evenkeel(&["snapshot", "cruise-control", "--url", with_password, "--out", &out]);
    assert_eq!(status, 2);
    assert!(stderr.contains("give credentials in files") && !stderr.contains("hunter2"), "{stderr}");
    let (status, _, stderr) = evenkeel(&["snapshot", "cruise-control", "--url", "http://127.0.0.1:1/x", "--out", &out]);
    assert_eq!(status, 1);
    assert!(
        stderr.contains("http://127.0.0.1:1/x/kafka_cluster_state: ") && stderr.contains("check the address"),
        "{stderr}"
    );
    let (status, _, stderr) =
        evenkeel(&["snapshot", "cruise-control", "--dir", &out, "--bearer-token-file", "token", "--out", &out]);
    assert_eq!(status, 2);
    assert!(stderr.contains("--url"), "{stderr}");
    assert!(!saved.path("out").exists());
}
