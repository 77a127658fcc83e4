//! Every reader of a file that somebody else may have written, given mutilated ones: cut off, with pieces put in, lost,
//! doubled or exchanged. Each is read or refused with words; none panics. What snapshots' own tables, captures of Kafka's
//! tools and answers of engines are made of has tests of this kind beside its readers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Display;
use std::fs;
use std::path::Path;

use evenkeel::ingest::catalogue::Catalogue;
use evenkeel::ingest::inventory::Inventory;
use evenkeel::ingest::kafka_cli::settings;
use evenkeel::ingest::prometheus::PrometheusConfig;
use evenkeel::ingest::scenario::{classes, federation, sites, upgrade};
use evenkeel::ingest::{clients, history, kafka_files, plan_moves, policy, quotas, snapshot_dir};
use evenkeel::live::ClientProperties;
use evenkeel::live::apply::FileJournal;
use evenkeel::model::{Policy, Snapshot};
use evenkeel::verify::plan_dir::{BatchFiles, PlanDir, TextFile, judge_dir};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// How many mutilated files each reader is given.
const CASES: usize = 200;

/// A linear congruential generator (Knuth's MMIX constants): the same mutations on every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

/// What readers trip over.
const SPLINTERS: [&[u8]; 24] = [
    b"-1",
    b"0",
    b"99999999999999999999",
    b"1e308",
    b"1e-320",
    b"NaN",
    b"inf",
    b"null",
    b"true",
    b"\"",
    b"'",
    b"[",
    b"]",
    b"[[",
    b"{",
    b"}",
    b",",
    b"\n",
    b"\r",
    b"=",
    b"\\",
    b"\0",
    b"\xc3\xa9",
    b"\xff",
];

fn mutilated(whole: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=chance.below(3) {
        let (at, length) = (chance.below(bytes.len() + 1), chance.below(9));
        let end = (at + length).min(bytes.len());
        let splinter = SPLINTERS[chance.below(SPLINTERS.len())];
        match chance.below(6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.splice(at..at, splinter.iter().copied())),
            2 => drop(bytes.splice(at..end, splinter.iter().copied())),
            3 => drop(bytes.drain(at..end)),
            4 => bytes.extend_from_within(at..end),
            _ => {
                // A number, if there is one behind: most of what is read are numbers.
                let digit = bytes[at..].iter().position(u8::is_ascii_digit).map(|offset| at + offset);
                if let Some(digit) = digit {
                    drop(bytes.splice(digit..=digit, splinter.iter().copied()));
                }
            }
        }
    }
    bytes
}

/// Gives `read` the file as it is, which it must take, and then mutilated ones.
fn try_on<E: Display>(name: &str, whole: &[u8], read: impl Fn(&Path) -> Result<(), E>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, whole).unwrap();
    read(&path).map_err(|error| format!("{name} as it is: {error}")).unwrap();
    let mut chance = Chance(name.len() as u64);
    let mut refused = 0;
    for _ in 0..CASES {
        fs::write(&path, mutilated(whole, &mut chance)).unwrap();
        if let Err(error) = read(&path) {
            assert!(!error.to_string().trim().is_empty(), "{name}");
            refused += 1;
        }
    }
    assert!((1..CASES).contains(&refused), "{name}: {refused} of {CASES} refused");
}

fn file(path: &str) -> Vec<u8> {
    fs::read(Path::new(ROOT).join(path)).unwrap()
}

fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}

/// The first lines of a file, which are enough of it.
fn head(path: &str, lines: usize) -> Vec<u8> {
    file(path).split_inclusive(|byte| *byte == b'\n').take(lines).flatten().copied().collect()
}

#[test]
fn tables_beside_a_snapshot() {
    try_on("clients.csv", &file("fixtures/failure/clients.csv"), |path| clients::read(path).map(drop));
    let rows = "user,client_id,producer_byte_rate,consumer_byte_rate,request_percentage,controller_mutation_rate\n\
                etl,load er,1048576,2097152,,\n<default>,,,,50.5,\n,mirror,1e6,,,3\n";
    try_on("quotas.csv", rows.as_bytes(), |path| quotas::read(path).map(drop));
    let snapshot = snapshot("fixtures/history");
    try_on("history.csv", &head("fixtures/history/history.csv", 12), |path| {
        history::read(path.parent().unwrap(), &snapshot).map(drop)
    });
}

fn snapshot(dir: &str) -> Snapshot {
    snapshot_dir::read(&Path::new(ROOT).join(dir), &Catalogue::builtin()).unwrap().0
}

#[test]
fn policies_inventories_and_machines() {
    try_on("policy.toml", &file("models/policies/default.toml"), |path| policy::read(path).map(drop));
    try_on("inventory.toml", &file("fixtures/kafka-cli/inventory.toml"), |path| {
        Inventory::parse(path, &text(path)).map(drop)
    });
    try_on("machine.toml", &file("models/machines/i3en.3xlarge.toml"), |path| {
        Catalogue::with_dir(path.parent().unwrap()).map(drop)
    });
}

#[test]
fn scenarios() {
    let catalogue = Catalogue::builtin();
    let shipped = |name: &str| file(&format!("fixtures/scenarios/{name}.toml"));
    try_on("sites.toml", &shipped("mirror-five-sites"), |path| {
        sites::read(path, sites::Topology::ActiveActive).map(drop)
    });
    try_on("federation.toml", &shipped("federation-sixty-clusters"), |path| federation::read(path).map(drop));
    try_on("upgrade.toml", &shipped("upgrade"), |path| upgrade::read(path, &catalogue).map(drop));
    for name in ["isolate-three-classes", "isolate-business-online-offline"] {
        try_on("classes.toml", &shipped(name), |path| classes::read(path).map(drop));
    }
}

#[test]
fn settings_of_brokers_and_of_connections() {
    try_on("broker-configs.txt", &head("fixtures/kafka-cli/healthy/broker-configs-1.txt", 40), |path| {
        settings::read(path).map(drop)
    });
    let properties = "security.protocol = SASL_SSL\nsasl.mechanism: SCRAM-SHA-512\nsasl.jaas.config=org.Scram required \\\n\
                      username=\"u\\u0041\" password=\"p;=\";\nssl.truststore.certificates=-----BEGIN\\n-----END\n";
    try_on("client.properties", properties.as_bytes(), |path| ClientProperties::read(path).map(drop));
    let kerberos = "security.protocol=SASL_PLAINTEXT\nsasl.jaas.config=com.sun.Krb5LoginModule required useKeyTab=true \
                    principal=\"a@B\" serviceName='kafka';\n";
    try_on("client.properties", kerberos.as_bytes(), |path| ClientProperties::read(path).map(drop));
    let prometheus = "url = \"http://h:9090\"\nuser = \"u\"\npassword_file = \"p\"\nconcurrency = 4\nstep_seconds = 300\n\
                      [metrics]\nbytes_in = \"in\"\n[labels]\ntopic = \"t\"\n";
    try_on("prometheus.toml", prometheus.as_bytes(), |path| PrometheusConfig::parse(path, &text(path)).map(drop));
}

#[test]
fn plans_of_others_and_our_own() {
    let bytes = |path: &Path| fs::read(path).unwrap();
    let plan = |name: &str| file(&format!("reports/demo-plan/{name}"));
    let entries = br#"{"version":1,"partitions":[{"topic":"a","partition":0,"replicas":[1,2],"log_dirs":["any","/d"]},
        {"topic":"b","partition":3,"replicas":[2]}]}"#;
    try_on("reassignment.json", entries, |path| kafka_files::read_reassignment(path, &bytes(path)).map(drop));
    let elections = br#"{"partitions":[{"topic":"a","partition":0},{"topic":"b","partition":3}]}"#;
    try_on("leader-election.json", elections, |path| kafka_files::read_elections(path, &bytes(path)).map(drop));
    let stated = plan("plan.json");
    try_on("plan.json", &stated, |path| kafka_files::read_stated_plan(path, &bytes(path)).map(drop));
    try_on("plan.json", &stated, |path| plan_moves::read_planned_moves(path, &bytes(path)).map(drop));
}

/// A journal is never made by hand, but its last line may be cut off, and disks lose what is in the middle.
#[test]
fn journals() {
    let lines = r#"{"record":"begin","command":"apply","plan_sha256":"ab","cluster_id":"c","at":"2026-11-21T00:00:00Z"}
{"record":"skipped","partitions":["a-0"]}
{"record":"batch","batch":1,"state":"started","at":"2026-11-21T00:00:01Z"}
{"record":"found","settings":[]}
{"record":"restored","at":"2026-11-21T00:00:02Z"}
"#;
    try_on("plan.journal", lines.as_bytes(), |path| FileJournal::open(path).map(drop));
}

/// A whole plan, with one of its files mutilated at a time, as the judge takes it.
#[test]
fn plans_that_are_judged() {
    let snapshot = snapshot("fixtures/demo");
    let read = |name: &str| TextFile { path: name.into(), bytes: file(&format!("reports/demo-plan/{name}")) };
    let batch = |number: &str| {
        let [reassignment, elections, rollback] =
            ["reassignment", "leader-election", "rollback"].map(|name| read(&format!("batches/{number}/{name}.json")));
        BatchFiles { reassignment, elections, rollback }
    };
    let whole = PlanDir {
        plan: read("plan.json"),
        reassignment: read("reassignment.json"),
        elections: read("leader-election.json"),
        rollback: read("rollback.json"),
        batches: vec![batch("001"), batch("002")],
    };
    let policy = Policy::default();
    assert!(judge_dir(&snapshot, &policy, &whole).is_ok());
    let mut chance = Chance(3);
    let mut refused = 0;
    for case in 0..CASES {
        let mut plan = whole.clone();
        let BatchFiles { reassignment, elections, rollback } = plan.batches.first_mut().unwrap();
        let files = [&mut plan.plan, &mut plan.reassignment, &mut plan.elections, &mut plan.rollback];
        let mut files: Vec<&mut TextFile> = files.into_iter().chain([reassignment, elections, rollback]).collect();
        let number = files.len();
        let file = &mut files[case % number];
        file.bytes = mutilated(&file.bytes, &mut chance);
        match judge_dir(&snapshot, &policy, &plan) {
            Ok(judgement) => assert!(judgement.deviations.iter().all(|found| !found.message.is_empty())),
            Err(faults) => {
                assert!(faults.has_errors());
                refused += 1;
            }
        }
    }
    assert!((CASES / 10..CASES).contains(&refused), "{refused} of {CASES} refused");
}
