//! What a real cluster refuses or has lost: calls that ACLs deny, a log dir that failed; and the quotas that it enforces.

use std::fs;

use evenkeel::model::LogDirState;

use super::Site;
use crate::tools_output::tools_output;

const READER_PASSWORD: &str = "reader-secret";

/// Gives a principal more and more rights: from nothing to be seen, over one topic, to the log dirs of all.
pub(super) fn what_a_principal_may_not_see_is_named(site: &Site) {
    let properties = site.properties_of("reader", "reader.properties", READER_PASSWORD, &site.env["CA"]);
    let capture = |name: &str, status: i32| {
        let told = site.secure(&["--command-config", &properties, "--force"], name, status);
        assert!(!told.contains(READER_PASSWORD), "{told}");
        told
    };
    let told = capture("blind", 1);
    assert!(told.contains("this principal sees no topic") && told.contains("needs Describe"), "{told}");
    assert!(!site.path("blind").exists());

    let allow = |what: &[&str]| {
        site.lab.run("acls", &[&["--add", "--allow-principal", "User:reader"], what].concat());
    };
    allow(&["--operation", "Describe", "--topic", "orders"]);
    let told = capture("one-topic", 0);
    for missing in ["reassignments under way", "quotas in force", "configs of brokers", "configs of topics", "log dirs"]
    {
        assert!(told.contains(&format!("  - {missing}")), "{missing} in {told}");
    }
    let one = site.read("one-topic");
    let names: Vec<&str> = one.topics.iter().map(|topic| topic.name.as_str()).collect();
    assert_eq!((names, one.partitions.len(), one.log_dirs.len()), (vec!["orders"], 12, 0));
    assert!(one.brokers.iter().all(|broker| broker.state.is_active() && broker.rack.is_some()));

    allow(&["--operation", "Describe", "--cluster"]);
    let told = capture("log-dirs", 0);
    assert!(told.contains("2 topics that only log dirs know, such as audit.log-7"), "{told}");
    let dirs = site.read("log-dirs");
    assert_eq!((dirs.topics.len(), dirs.log_dirs.len()), (1, 12));
    assert!(dirs.replicas.iter().all(|replica| replica.log_dir.is_some() && replica.size_bytes > 0));
}

/// Of a user with a client id, and of everybody else.
pub(super) fn quotas_in_force_are_captured(site: &Site) {
    let set = |quota: &str, entity: &[&str]| {
        site.lab.run("configs", &[&["--alter", "--add-config", quota], entity].concat());
    };
    let etl =
        ["--entity-type", "users", "--entity-name", "etl", "--entity-type", "clients", "--entity-name", "load er"];
    set("producer_byte_rate=1048576,consumer_byte_rate=2097152", &etl);
    set("request_percentage=50.5", &["--entity-type", "users", "--entity-default"]);
    site.capture("quotas");
    let written = fs::read_to_string(site.path("quotas").join("quotas.csv")).unwrap();
    let header = "user,client_id,producer_byte_rate,consumer_byte_rate,request_percentage,controller_mutation_rate\n";
    assert_eq!(written, format!("{header}etl,load er,1048576,2097152,,\n<default>,,,,50.5,\n"));

    fs::write(
        site.path("clients.csv"),
        "user,client_id,produce_bytes_per_sec,consume_bytes_per_sec\netl,load er,300000,0\n",
    )
    .unwrap();
    let args = ["advise", "quotas", &site.text("quotas"), "--clients", &site.text("clients.csv"), "--format", "json"];
    let advice: serde_json::Value = serde_json::from_str(&site.stdout(&args, 0)).unwrap();
    assert_eq!(advice["findings"][0]["now"], 1_048_576, "{advice}");
}

/// A file where a dir was: the broker finds out when it next writes there, and goes on with its other one.
pub(super) fn a_dir_that_failed_is_offline(site: &Site) {
    let failed = site.lab.log_dir(5, 2);
    // Out of the way at one stroke: what is removed piece by piece the broker makes anew.
    fs::rename(&failed, format!("{failed}.away")).unwrap();
    fs::write(&failed, "").unwrap();
    let offline = || {
        let found = site.capture("offline");
        let _ = fs::remove_dir_all(site.path("offline"));
        let offline = found.log_dirs.iter().filter(|dir| dir.state == LogDirState::Offline);
        let paths: Vec<String> = offline.map(|dir| dir.path.clone()).collect();
        (found, paths)
    };
    site.until("the broker finds out", || offline().1 == [failed.clone()]);
    let (found, _) = offline();
    let five = found.broker_by_id(5).unwrap();
    assert!(found.broker(five).state.is_active());
    let lost = found.log_dir_by_path(five, &failed);
    let on_it = found.replicas.iter().filter(|replica| replica.log_dir == lost);
    assert!(on_it.clone().count() > 0 && on_it.clone().all(|replica| !replica.in_sync && replica.size_bytes > 0));
}

/// With the failed dir and without broker 6: the live snapshot is, byte for byte, what is made of the tools' output.
pub(super) fn what_is_lost_shows_as_in_kafkas_tools(site: &Site) {
    site.lab.run("end", &["6"]);
    let without = site.capture("without");
    let states: Vec<&str> = without.brokers.iter().map(|broker| broker.state.name()).collect();
    assert_eq!(states, ["alive", "alive", "alive", "alive", "alive", "down"]);

    let quotas = ["--describe", "--entity-type", "users", "--entity-type", "clients"];
    tools_output(&site.lab, &site.path("tools"), &[("quotas", "configs", &quotas)]);
    let (inventory, tools, out) = (site.inventory(), site.text("tools"), site.text("by-tools"));
    site.evenkeel(&["snapshot", "kafka-cli", "--dir", &tools, "--inventory", &inventory, "--out", &out], 0);
    for file in ["brokers.csv", "log_dirs.csv", "topics.csv", "partitions.csv", "replicas.csv"] {
        let read = |dir: &str| fs::read_to_string(site.path(dir).join(file)).unwrap();
        assert_eq!(read("without"), read("by-tools"), "{file}");
    }
    let quotas = fs::read_to_string(site.path("by-tools").join("quotas.csv")).unwrap();
    assert!(quotas.contains("\netl,load er,1048576,2097152,,\n"), "{quotas}");
}
