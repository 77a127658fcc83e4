//! Policies that are sound, and one per fault.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]

use std::path::Path;

use super::*;
use crate::model::{Goal, TopicPartition, TopicPattern};

fn policy(text: &str) -> Policy {
    parse(Path::new("p.toml"), text).unwrap().0
}

/// What is printed for a policy that is refused.
fn refusal(text: &str) -> String {
    parse(Path::new("p.toml"), text).unwrap_err().to_string()
}

#[test]
fn the_shipped_policy_is_the_default() {
    let text = include_str!("../../../models/policies/default.toml");
    assert_eq!(policy(text), Policy::default());
    assert_eq!(policy(""), Policy::default());
}

#[test]
fn shipped_policies_are_found_by_name_and_are_sound() {
    for (name, _) in SHIPPED {
        let (by_name, _) = read(Path::new(name)).unwrap();
        let (by_file, _) = read(Path::new(&format!("models/policies/{name}.toml"))).unwrap();
        assert_eq!(by_name, by_file, "{name}");
    }
    assert_eq!(shipped(Path::new("gentle.toml")), shipped(Path::new("gentle")));
    assert_eq!(shipped(Path::new("elsewhere/gentle")), None);
    let (gentle, _) = read(Path::new("gentle")).unwrap();
    assert_eq!((gentle.trigger(Goal::Disk), gentle.bands.disk), (0.20, 0.10));
    assert!(gentle.trigger(Goal::Replicas).is_infinite());
    assert_eq!((gentle.floors[&Goal::Cpu], gentle.budget.max_moved_share), (0.40, Some(0.05)));
    let (cruise_control, _) = read(Path::new("cruise-control")).unwrap();
    let required = Goal::BROKER.into_iter().filter(|goal| !goal.is_optional());
    assert!(required.into_iter().all(|goal| cruise_control.bands.of(goal) == 0.09));
}

#[test]
fn triggers_floors_and_shares_are_read_and_checked() {
    let read = policy("[triggers]\ndisk = 0.3\nleaders = \"never\"\ntopic_spread = 2\n[floors]\ncpu = 0.5\n");
    assert_eq!((read.trigger(Goal::Disk), read.trigger(Goal::NetworkIn)), (0.3, 0.10));
    assert_eq!((read.trigger(Goal::Leaders), read.trigger(Goal::TopicSpread)), (f64::INFINITY, 2.0));
    assert_eq!(policy("[triggers]\ndisk = 0.01").trigger(Goal::Disk), 0.10, "a trigger inside its band is the band");
    assert_eq!(read.floors.get(&Goal::Cpu), Some(&0.5));
    assert_eq!(policy("[budget]\nmax_moved_share = \"unlimited\"").budget.max_moved_share, None);
    for (text, wanted) in [
        ("[triggers]\ndisk = \"often\"", "2:8: error[E203]: triggers.disk is a string, not a number or \"never\""),
        ("[triggers]\ncpu = 1.5", "2:7: error[E204]: triggers.cpu is 1.5, not at least 0 and below 1"),
        ("[triggers]\ndsk = 1", "2:1: error[E202]: unknown key \"dsk\" in [triggers]"),
        ("[floors]\nleaders = 0.4", "2:1: error[E202]: unknown key \"leaders\" in [floors]"),
        ("[floors]\ndisk = 40", "2:8: error[E204]: floors.disk is 40, not from 0 to 1"),
        ("[budget]\nmax_moved_share = 5", "2:19: error[E204]: budget.max_moved_share is 5, not from 0 to 1"),
    ] {
        let printed = refusal(text);
        assert!(printed.starts_with(&format!("p.toml:{wanted}")), "{printed}");
    }
}

#[test]
fn optional_goals_are_off_until_a_band_switches_them_on() {
    let optional = || Goal::ALL.into_iter().filter(|goal| goal.is_optional());
    for name in SHIPPED.map(|(name, _)| name) {
        let (shipped, _) = read(Path::new(name)).unwrap();
        assert!(optional().all(|goal| !shipped.bands.is_on(goal)), "{name}");
    }
    let text = "[bands]\ndisk_writes = 0.15\nlog_dir_writes = 1.5\nleaders_per_topic = 0.25\nleaders_per_topic_slack = 2\nscatter_width = 6\n";
    let read = policy(text).bands;
    assert!(optional().all(|goal| read.is_on(goal)));
    assert_eq!((read.disk_writes, read.leaders_per_topic, read.leaders_per_topic_slack), (0.15, 0.25, 2));
    assert_eq!((read.log_dir_writes, read.scatter_width), (1.5, 6.0));
    for (text, wanted) in [
        ("[bands]\nscatter_width = 2.5", "2:17: error[E203]"),
        ("[bands]\ndisk_writes = 1.5", "2:15: error[E204]: bands.disk_writes is 1.5, not at least 0 and below 1"),
        ("[triggers]\nscatter_width = 3", "2:1: error[E202]: unknown key \"scatter_width\" in [triggers]"),
    ] {
        let printed = refusal(text);
        assert!(printed.starts_with(&format!("p.toml:{wanted}")), "{printed}");
    }
}

#[test]
fn every_key_is_taken() {
    let policy = policy(
        r#"
default_group = "core"
excess_tolerance = 0
limits = { disk = 1, network_in = 0.7, network_out = 0.6, cpu = 0.5, log_dir = 0.9, replicas_per_broker = 4_000 }
[bands]
disk = 0
leaders = 0.2
topic_spread = 3
topic_spread_slack = 0
log_dir = 2.5
log_dir_floor = 0.4
[weights]
network_out = 2
[topics]
exclude = ["tmp-*", "x"]
frozen = []
[brokers]
no_receive = [3, 1]
[pin]
"my-topic-12" = [1, 2]
[budget]
max_moved_bytes = "2TB"
max_moves = 10
"#,
    );
    assert_eq!(policy.default_group.as_deref(), Some("core"));
    assert_eq!((policy.excess_tolerance, policy.limits.disk, policy.limits.replicas_per_broker), (0.0, 1.0, 4000));
    assert_eq!((policy.limits.network_in, policy.limits.network_out), (0.7, 0.6));
    assert_eq!((policy.limits.cpu, policy.limits.log_dir), (0.5, 0.9));
    assert!(!policy.bands.is_on(Goal::Disk));
    assert_eq!((policy.bands.leaders, policy.bands.replicas, policy.bands.topic_spread), (0.2, 0.10, 3.0));
    assert_eq!((policy.bands.topic_spread_slack, policy.bands.log_dir, policy.bands.log_dir_floor), (0, 2.5, 0.4));
    assert_eq!((policy.weight(Goal::NetworkOut), policy.weight(Goal::Disk)), (2.0, 1.0));
    assert_eq!(policy.exclude, [TopicPattern::new("tmp-*").unwrap(), TopicPattern::literal("x")]);
    assert!(policy.frozen.is_empty());
    assert_eq!(policy.no_receive.iter().copied().collect::<Vec<_>>(), [1, 3]);
    assert_eq!(policy.pin[&TopicPartition { topic: "my-topic".to_owned(), partition: 12 }], [1, 2]);
    assert_eq!((policy.budget.max_moved_bytes, policy.budget.max_moves), (Some(2_000_000_000_000), Some(10)));
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    let wanted = "p.toml:2:1: error[E202]: unknown key \"dsk\" in [limits]\n  help: the nearest known key is disk";
    assert_eq!(refusal("[limits]\ndsk = 0.8"), wanted);
    let wanted = "p.toml:1:1: error[E202]: unknown key \"budgets\" at the top\n  help: the nearest known key is budget";
    assert_eq!(refusal("budgets = 1"), wanted);
    assert!(refusal("[weights]\nmemory = 1").contains("unknown key \"memory\" in [weights]"));
}

#[test]
fn values_out_of_range_are_refused_where_they_stand() {
    for (text, line, wanted) in [
        ("[limits]\ndisk = 1.01", "2:8", "limits.disk is 1.01, not above 0 and at most 1"),
        ("[limits]\ncpu = 0", "2:7", "limits.cpu is 0, not above 0 and at most 1"),
        ("[limits]\nreplicas_per_broker = 0", "2:23", "limits.replicas_per_broker is 0, not from 1 to 4294967295"),
        ("[bands]\nleaders = 1", "2:11", "bands.leaders is 1, not at least 0 and below 1"),
        ("[bands]\nlog_dir = -0.1", "2:11", "bands.log_dir is -0.1, not from 0 to 1000"),
        ("[bands]\nlog_dir_floor = 2", "2:17", "bands.log_dir_floor is 2, not from 0 to 1"),
        ("[bands]\ndisk = nan", "2:8", "bands.disk is nan, not at least 0 and below 1"),
        ("[weights]\ncpu = inf", "2:7", "weights.cpu is inf, not from 0 to 1000000"),
        ("excess_tolerance = 1", "1:20", "excess_tolerance is 1, not at least 0 and below 1"),
        ("[brokers]\nno_receive = [-1]", "2:15", "a broker id of brokers.no_receive is -1, not from 0 to 2147483647"),
        ("[budget]\nmax_moves = -1", "2:13", "budget.max_moves is -1, not from 0 to 18446744073709551615"),
    ] {
        let printed = refusal(text);
        assert!(printed.starts_with(&format!("p.toml:{line}: error[E204]: {wanted}\n")), "{printed}");
    }
}

#[test]
fn values_of_the_wrong_kind_are_refused() {
    for (text, wanted) in [
        ("default_group = 3", "default_group is an integer, not a string"),
        ("limits = 3", "limits is an integer, not a table"),
        ("[limits]\ndisk = \"80%\"", "limits.disk is a string, not a number"),
        ("[topics]\nexclude = \"x\"", "topics.exclude is a string, not a list"),
        ("[topics]\nexclude = [1]", "a pattern of topics.exclude is an integer, not a string"),
        ("[bands]\ntopic_spread_slack = 1.5", "bands.topic_spread_slack is a float, not a whole number"),
        ("[budget]\nmax_moves = true", "budget.max_moves is a boolean, not a whole number or \"unlimited\""),
        ("[budget]\nmax_moved_bytes = \"5 things\"", "is neither a size such as \"500GiB\" nor \"unlimited\""),
        ("[budget]\nmax_moves = \"5GB\"", "budget.max_moves \"5GB\" is neither a whole number nor \"unlimited\""),
    ] {
        let printed = refusal(text);
        assert!(printed.contains("error[E203]") && printed.contains(wanted), "{printed}");
    }
}

#[test]
fn pins_split_at_the_last_hyphen_and_name_each_broker_once() {
    let printed = refusal("[pin]\n\"orders\" = [1]");
    assert!(
        printed.contains("p.toml:2:1: error[E206]: pin \"orders\" is not of the form topic-partition"),
        "{printed}"
    );
    assert!(refusal("[pin]\n\"-3\" = [1]").contains("E206"));
    assert!(refusal("[pin]\n\"a-+3\" = [1]").contains("E206"));
    assert!(refusal("[pin]\n\"a-99999999999\" = [1]").contains("E206"));
    let printed = refusal("[pin]\n\"a-1\" = [7, 7]");
    assert!(printed.contains("p.toml:2:13: error[E207]: pin \"a-1\" names broker 7 twice"), "{printed}");
    assert!(refusal("[pin]\n\"a-1\" = [7]\n\"a-01\" = [8]").contains("is for a partition that has one already"));
}

#[test]
fn patterns_that_do_not_compile_are_refused() {
    let printed = refusal("[topics]\nfrozen = [\"ok\", \"a[\"]");
    assert!(printed.contains("p.toml:2:17: error[E205]: pattern \"a[\" is not one"), "{printed}");
}

#[test]
fn what_is_not_toml_is_refused_where_it_breaks() {
    let printed = refusal("[limits]\ndisk = = 1\n");
    assert!(printed.starts_with("p.toml:2:8: error[E201]: "), "{printed}");
}

#[test]
fn a_file_that_is_not_there_is_a_fault() {
    let printed = read(Path::new("/nonexistent/p.toml")).unwrap_err().to_string();
    assert!(printed.starts_with("/nonexistent/p.toml: error[E201]: the policy cannot be read: "), "{printed}");
}

#[test]
fn names_are_checked_against_the_snapshot() {
    let catalogue = crate::ingest::catalogue::Catalogue::builtin();
    let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/contract-example"));
    let (snapshot, _) = crate::ingest::snapshot_dir::read(dir, &catalogue).unwrap();
    let wanted = policy(
        r#"
default_group = "cor"
[brokers]
no_receive = [99]
[pin]
"orders-0" = [1, 2, 3]
"orders-9" = [1]
"clicsk-0" = [1]
"pay-0" = [98]
"#,
    );
    let faults = check_against(&wanted, &snapshot, Path::new("p.toml"));
    let printed: Vec<String> =
        faults.list.iter().map(|f| format!("{} {}; {}", f.code, f.message, f.help.as_deref().unwrap())).collect();
    assert_eq!(
        printed,
        [
            "E210 default_group \"cor\" is no broker's resource group; the nearest group is core",
            "E212 no_receive names broker 99, which the snapshot lacks; brokers are 1, 2, 3, 4, 5, 6, 7",
            "E211 pin \"clicsk-0\" is for a partition that the snapshot lacks; the nearest topic is clicks",
            "E213 pin \"orders-0\" names 3 brokers for 2 replicas; \
             name at most as many brokers as the partition has replicas",
            "E211 pin \"orders-9\" is for a partition that the snapshot lacks; orders has 3 partitions",
            "E212 pin \"pay-0\" names broker 98, which the snapshot lacks; brokers are 1, 2, 3, 4, 5, 6, 7",
        ]
    );
    let sound = policy("default_group = \"core\"\n[pin]\n\"orders-0\" = [1, 4]");
    assert_eq!(check_against(&sound, &snapshot, Path::new("p.toml")), Faults::default());
}
