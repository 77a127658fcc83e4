//! Faults of rows, and of rows that contradict each other.

use super::{BROKERS, CLUSTER, Dir, LOG_DIRS, PARTITIONS, REPLICAS, TOPICS};
use crate::ingest::fault::Faults;

/// Checks what is printed where `from` in the file `name` of a sound directory becomes `to`.
fn check(name: &str, from: &str, to: &str, wanted: &str) {
    let dir = Dir::new();
    dir.edit(name, from, to);
    assert_eq!(dir.refusal(), wanted);
}

#[test]
fn a_row_of_the_wrong_width() {
    let wanted =
        "replicas.csv:3:1: error[E109]: the row has 6 fields, the header 7\n  help: quote fields that hold commas";
    check("replicas.csv", "t,0,1,2,/d,100,true", "t,0,1,2,/d,100", wanted);
    let wanted =
        "brokers.csv:2:1: error[E109]: the row has 4 fields, the header 3\n  help: quote fields that hold commas";
    check("brokers.csv", "1,a,alive", "1,a,alive,", wanted);
}

#[test]
fn a_required_value_that_is_empty() {
    let wanted = "replicas.csv:3:5: error[E110]: position is empty\n  help: fill in position";
    check("replicas.csv", "t,0,1,2,/d", "t,0,,2,/d", wanted);
    let wanted = "brokers.csv:4:5: error[E110]: state is empty\n  help: fill in state";
    check("brokers.csv", "3,c,alive", "3,c,  ", wanted);
    let wanted = "topics.csv:2:1: error[E110]: topic is empty\n  help: fill in topic";
    let dir = Dir::new();
    dir.put("topics.csv", "topic,resource_group\n,\nt,\nu,\n");
    assert_eq!(dir.refusal(), wanted);
}

#[test]
fn numbers_that_are_none() {
    for (from, to, wanted) in [
        ("/d,100,true", "/d,12kB,true", "2:12: error[E111]: size_bytes \"12kB\" is not a number"),
        ("/d,100,true", "/d,1.5,true", "2:12: error[E111]: size_bytes \"1.5\" is not a whole number"),
        ("/d,100,true", "/d,-5,true", "2:12: error[E112]: size_bytes \"-5\" is negative"),
        ("/d,100,true", "/d,NaN,true", "2:12: error[E112]: size_bytes \"NaN\" is not finite"),
        (
            "/d,100,true",
            "/d,9007199254740993,true",
            "2:12: error[E112]: size_bytes \"9007199254740993\" is above 9007199254740992",
        ),
        ("t,0,0,1,", "t,0,0,-1,", "2:7: error[E112]: broker_id \"-1\" is negative"),
        ("t,0,0,1,", "t,0,0,2147483648,", "2:7: error[E112]: broker_id \"2147483648\" is above 2147483647"),
        ("t,0,0,1,", "t,-1,0,1,", "2:3: error[E112]: partition \"-1\" is negative"),
        ("t,0,0,1,", "t,0,99999,1,", "2:5: error[E112]: position \"99999\" is above 32767"),
    ] {
        let dir = Dir::new();
        dir.edit("replicas.csv", from, to);
        assert_eq!(dir.refusal(), format!("replicas.csv:{wanted}\n  help: write a whole number in digits"));
    }
    for (from, to, wanted) in [
        ("t,0,1,10,20,1", "t,0,1,inf,20,1", "2:7: error[E112]: bytes_in_per_sec \"inf\" is not finite"),
        ("t,0,1,10,20,1", "t,0,1,10,-0.5,1", "2:10: error[E112]: bytes_out_per_sec \"-0.5\" is negative"),
        ("t,0,1,10,20,1", "t,0,1,10,20,ten", "2:13: error[E111]: messages_in_per_sec \"ten\" is not a number"),
        ("t,0,1,10,20,1", "t,0,1,1e99,20,1", "2:7: error[E112]: bytes_in_per_sec \"1e99\" is above 9007199254740992"),
    ] {
        let dir = Dir::new();
        dir.edit("partitions.csv", from, to);
        let printed = dir.refusal();
        assert!(
            printed.contains(&format!("partitions.csv:{wanted}\n  help: write a number such as 1250000.5")),
            "{printed}"
        );
    }
}

#[test]
fn minus_one_is_taken_for_leaders_and_retention_alone() {
    let dir = Dir::new();
    dir.edit("partitions.csv", "t,0,1,", "t,0,-1,");
    assert_eq!(dir.snapshot().partitions[0].leader, None);
    let wanted =
        "partitions.csv:2:5: error[E112]: leader \"-2\" is negative\n  help: write a whole number in digits, or -1";
    check("partitions.csv", "t,0,1,", "t,0,-2,", wanted);
}

#[test]
fn utilizations_are_fractions() {
    let dir = Dir::new();
    dir.put("brokers.csv", "broker_id,state,cpu_utilization\n1,alive,60\n2,alive,\n3,alive,1\n");
    assert_eq!(
        dir.refusal(),
        "brokers.csv:2:9: error[E112]: cpu_utilization 60 is above 1\n  help: write a fraction: 0.6 for 60 %"
    );
}

#[test]
fn capacities_are_above_zero() {
    let wanted = "log_dirs.csv:2:6: error[E113]: capacity_bytes is 0\n  \
                  help: write the disk's size, or leave it empty where that is unknown";
    check("log_dirs.csv", "1,/d,1000,", "1,/d,0,", wanted);
    let dir = Dir::new();
    dir.put("brokers.csv", "broker_id,state,cpu_cores\n1,alive,0.0\n2,alive,\n3,alive,1\n");
    assert_eq!(
        dir.refusal(),
        "brokers.csv:2:9: error[E113]: cpu_cores is 0\n  \
         help: write what the hardware can do, or leave it empty where that is unknown"
    );
}

#[test]
fn values_that_are_none_of_those_allowed() {
    let wanted = "brokers.csv:2:5: error[E114]: state \"alvie\" is none of alive, new, draining, down, dead\n  \
                  help: the nearest is alive";
    check("brokers.csv", "1,a,alive", "1,a,alvie", wanted);
    let wanted = "log_dirs.csv:2:11: error[E114]: state \"Offline\" is none of online, offline, cordoned\n  \
                  help: the nearest is offline";
    check("log_dirs.csv", "1,/d,1000,online", "1,/d,1000,Offline", wanted);
    let wanted = "replicas.csv:2:16: error[E114]: in_sync \"True\" is none of true, false\n  help: the nearest is true";
    check("replicas.csv", "1,/d,100,true", "1,/d,100,True", wanted);
}

#[test]
fn rows_that_are_listed_twice() {
    let wanted =
        "brokers.csv:5:1: error[E115]: broker 2 is listed twice, first in line 3\n  help: remove one of the rows";
    check("brokers.csv", "3,c,alive\n", "3,c,alive\n2,b,dead\n", wanted);
    let wanted = "log_dirs.csv:3:3: error[E115]: log dir \"/d\" of broker 1 is listed twice, first in line 2\n  \
                  help: remove one of the rows";
    check("log_dirs.csv", "1,/d,1000,online\n", "1,/d,1000,online\n1,/d,5,online\n", wanted);
    let wanted =
        "topics.csv:4:1: error[E115]: topic \"t\" is listed twice, first in line 2\n  help: remove one of the rows";
    check("topics.csv", "u\n", "u\nt\n", wanted);
    let wanted = "partitions.csv:3:3: error[E115]: partition t-0 is listed twice, first in line 2\n  \
                  help: remove one of the rows";
    check("partitions.csv", "t,0,1,10,20,1\n", "t,0,1,10,20,1\nt,0,1,1,1,1\n", wanted);
    let wanted = "replicas.csv:7:5: error[E115]: position 0 of t-0 is listed twice, first in line 2\n  \
                  help: remove one of the rows, or number the positions 0, 1, 2, …";
    check("replicas.csv", "u,0,0,3,/d,7,true\n", "u,0,0,3,/d,7,true\nt,0,0,3,/d,1,true\n", wanted);
}

#[test]
fn a_broker_that_holds_two_replicas_of_a_partition_is_no_fault_of_the_files() {
    let dir = Dir::new();
    dir.edit("replicas.csv", "t,0,1,2,/d", "t,0,1,1,/d");
    assert_eq!(dir.warnings(), "");
}

#[test]
fn names_that_have_no_row_of_their_own() {
    let wanted = "log_dirs.csv:4:1: error[E104]: broker 9 is not listed in brokers.csv\n  \
                  help: add its row; a broker that is gone has state dead";
    let dir = Dir::new();
    dir.put(
        "log_dirs.csv",
        format!("{}9,/d,10,online\n", "broker_id,log_dir,capacity_bytes,state\n1,/d,1,online\n2,/d,1,online\n"),
    );
    assert!(dir.refusal().starts_with(wanted), "{}", dir.refusal());
    let wanted = "replicas.csv:3:9: error[E104]: log dir \"/data9\" is not listed for broker 2\n  \
                  help: add it to log_dirs.csv, or use one of /d";
    check("replicas.csv", "t,0,1,2,/d", "t,0,1,2,/data9", wanted);
    let wanted = "replicas.csv:3:7: error[E104]: broker 8 is not listed in brokers.csv\n  \
                  help: add its row; a broker that is gone has state dead";
    check("replicas.csv", "t,0,1,2,/d", "t,0,1,8,/d", wanted);
    let wanted = "replicas.csv:3:1: error[E104]: topic \"x\" is not listed in topics.csv\n  \
                  help: add its row, or remove this one";
    check("replicas.csv", "t,0,1,2,/d", "x,0,1,2,/d", wanted);
    let wanted = "replicas.csv:3:3: error[E104]: partition t-7 is not listed in partitions.csv\n  \
                  help: add its row there, or remove this one";
    check("replicas.csv", "t,0,1,2,/d", "t,7,1,2,/d", wanted);
    let wanted = "partitions.csv:2:5: error[E104]: broker 8 is not listed in brokers.csv\n  \
                  help: add its row; a broker that is gone has state dead";
    check("partitions.csv", "t,0,1,", "t,0,8,", wanted);
}

#[test]
fn a_row_that_is_lost_brings_no_others_with_it() {
    let wanted =
        "brokers.csv:3:1: error[E111]: broker_id \"two\" is not a number\n  help: write a whole number in digits";
    check("brokers.csv", "2,b,alive", "two,b,alive", wanted);
    let wanted = "partitions.csv:3:3: error[E110]: partition is empty\n  help: fill in partition";
    check("partitions.csv", "t,1,2,", "t,,2,", wanted);
}

#[test]
fn positions_with_a_gap() {
    let wanted = "replicas.csv:3:5: error[E116]: t-0 has a replica at position 2 and none at 1\n  \
                  help: number a partition's positions 0, 1, 2, … without gaps";
    check("replicas.csv", "t,0,1,2,/d", "t,0,2,2,/d", wanted);
}

#[test]
fn a_leader_that_holds_no_replica() {
    let wanted = "partitions.csv:2:5: error[E117]: leader 3 holds no replica of t-0, brokers 1, 2 do\n  \
                  help: write one of them, or -1 where nobody leads";
    check("partitions.csv", "t,0,1,", "t,0,3,", wanted);
}

#[test]
fn a_partition_without_replicas() {
    let wanted = "partitions.csv:4:1: error[E118]: partition u-0 has no rows in replicas.csv\n  \
                  help: add a row for each replica, or remove this one";
    check("replicas.csv", "u,0,0,3,/d,7,true\n", "", wanted);
}

#[test]
fn a_group_with_the_reserved_name() {
    let dir = Dir::new();
    dir.put("topics.csv", "topic,resource_group\nt,default\nu,\n");
    assert_eq!(
        dir.refusal(),
        "topics.csv:2:3: error[E119]: no resource group can be called \"default\": it stands for what has no group\n  \
         help: leave the field empty, or choose another name"
    );
    dir.put("topics.csv", TOPICS)
        .put("brokers.csv", "broker_id,state,resource_group\n1,alive,default\n2,alive,\n3,alive,\n");
    assert!(dir.refusal().starts_with("brokers.csv:2:9: error[E119]: "));
}

#[test]
fn a_quote_that_is_never_closed() {
    let dir = Dir::new();
    dir.put("brokers.csv", "broker_id,state,host\n1,alive,\"a\"\"b\"\n2,alive,\"c\n3,alive,d\n");
    let printed = dir.refusal();
    assert_eq!(
        printed,
        "brokers.csv:3:9: error[E120]: the quote that starts here is never closed\n  \
         help: close it, or write quotes within a quoted field twice"
    );
}

#[test]
fn a_name_with_control_characters() {
    let dir = Dir::new();
    dir.put("topics.csv", "topic\nt\nu\n\"v\x1b[2J\"\n");
    assert_eq!(
        dir.refusal(),
        "topics.csv:4:1: error[E121]: topic \"v\\u{1b}[2J\" holds control characters\n  help: remove them"
    );
}

#[test]
fn sizes_that_add_up_to_more_than_can_be_counted() {
    let dir = Dir::new();
    let rows: String = (0..600).map(|p| format!("t,{p},0,1,/d,9007199254740992,true\n")).collect();
    dir.put("replicas.csv", format!("{}\n{rows}", REPLICAS.lines().next().unwrap()));
    let rows: String = (0..600).map(|p| format!("t,{p},1,1,1,1\n")).collect();
    dir.put("partitions.csv", format!("{}\n{rows}", PARTITIONS.lines().next().unwrap()));
    assert_eq!(
        dir.refusal(),
        "replicas.csv:1:1: error[E122]: replicas add up to 5404319552844595200 bytes, above 4611686018427387904\n  \
         help: check the unit: all sizes are bytes"
    );
}

#[test]
fn a_cluster_without_brokers() {
    let dir = Dir::new();
    dir.put("brokers.csv", "broker_id,state\n");
    let printed = dir.refusal();
    assert!(
        printed.starts_with("brokers.csv:1:1: error[E123]: the cluster has no brokers\n  help: add a row"),
        "{printed}"
    );
}

#[test]
fn unknown_rates_count_as_zero_and_are_named_once_per_column() {
    let dir = Dir::new();
    dir.put(
        "partitions.csv",
        "topic,partition,leader,bytes_in_per_sec,messages_in_per_sec\nt,0,1,10,1\nt,1,2,,1\nu,0,3,,1\n",
    );
    assert_eq!(
        dir.warnings(),
        "partitions.csv:1:1: warning[W103]: bytes_out_per_sec is unknown for 3 of 3 partitions and counts as 0 there\n  \
         help: add bytes_out_per_sec from your metrics, or expect loads that are too low\n\
         partitions.csv:3:7: warning[W103]: bytes_in_per_sec is unknown for 2 of 3 partitions and counts as 0 there\n  \
         help: add bytes_in_per_sec from your metrics, or expect loads that are too low"
    );
    assert_eq!(dir.snapshot().partitions[1].bytes_in_per_sec, 0.0);
}

#[test]
fn an_unknown_machine_model_is_a_warning_with_near_names() {
    let dir = Dir::new();
    dir.put("brokers.csv", "broker_id,state,machine_model\n1,alive,\n2,alive,i4i.4xl\n3,alive,i4i.4xl\n");
    assert_eq!(
        dir.warnings(),
        "brokers.csv:3:9: warning[W104]: machine model \"i4i.4xl\" of 2 brokers is not in the catalogue: \
         nothing is filled in from it\n  \
         help: the nearest are i4i.4xlarge, r6i.4xlarge, m7g.4xlarge; or add the model to a directory of your own"
    );
}

#[test]
fn more_log_dirs_than_disks_leave_capacities_unknown() {
    let dir = Dir::new();
    dir.put("brokers.csv", "broker_id,state,machine_model\n1,alive,i4i.4xlarge\n2,alive,\n3,alive,\n");
    dir.put("log_dirs.csv", format!("{LOG_DIRS}1,/e,,online\n"));
    assert_eq!(
        dir.warnings(),
        "log_dirs.csv:5:6: warning[W105]: broker 1 has 2 log dirs and its model i4i.4xlarge has 1 disks: \
         capacities stay unknown\n  help: write capacity_bytes for each log dir"
    );
}

#[test]
fn a_topics_group_that_no_broker_names_is_a_warning() {
    let dir = Dir::new();
    dir.put("topics.csv", "topic,resource_group\nt,cor\nu,cor\n");
    dir.put("brokers.csv", "broker_id,state,resource_group\n1,alive,core\n2,alive,core\n3,alive,core\n");
    assert_eq!(
        dir.warnings(),
        "topics.csv:2:3: warning[W106]: resource group \"cor\" of 2 topics is named by no broker\n  \
         help: name it in brokers.csv, or correct it here"
    );
}

#[test]
fn all_faults_are_reported_in_the_order_of_files_and_lines() {
    let dir = Dir::new();
    dir.put("cluster.toml", CLUSTER.replace("format = 1", "format = 9"));
    dir.put("brokers.csv", BROKERS.replace("1,a,alive", "1,a,up").replace("2,b,alive", "2,b,"));
    dir.put("replicas.csv", REPLICAS.replace(",true", ",yes"));
    let places: Vec<(String, Option<u64>)> =
        dir.read().unwrap_err().list.iter().map(|f| (f.file.display().to_string(), f.line)).collect();
    let wanted = [
        ("cluster.toml", 1),
        ("brokers.csv", 2),
        ("brokers.csv", 3),
        ("replicas.csv", 2),
        ("replicas.csv", 3),
        ("replicas.csv", 4),
        ("replicas.csv", 5),
        ("replicas.csv", 6),
    ];
    assert_eq!(places, wanted.map(|(file, line)| (file.to_owned(), Some(line))));
}

#[test]
fn faults_beyond_the_cap_are_counted() {
    let dir = Dir::new();
    let rows: String = (0..1000).map(|p| format!("t,{p},0,1,/d,x,true\n")).collect();
    dir.put("replicas.csv", format!("{}\n{rows}", REPLICAS.lines().next().unwrap()));
    let faults = dir.read().unwrap_err();
    assert_eq!(faults.list.len(), Faults::CAP);
    // A size each, and all but two partitions that are not listed.
    assert_eq!(faults.list.len() as u64 + faults.errors_beyond_cap, 1000 + 998);
    assert_eq!((faults.list[0].line, faults.list[0].column), (Some(2), Some(12)));
}
