//! Traffic from captured metrics against figures worked out by hand.

use super::*;

fn close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() <= 1e-6 * wanted.abs().max(1.0), "{found}, not {wanted}");
}

fn total(snapshot: &Snapshot, rate: impl Fn(&Partition) -> f64) -> f64 {
    snapshot.partitions.iter().map(rate).sum()
}

/// A cluster with the topic `big` of the captured metrics: partitions 0 to 14, led by brokers 1 to 4 in turn.
fn big() -> Sources {
    let mut topics = "Topic: big\tPartitionCount: 15\tReplicationFactor: 1\tConfigs: \n".to_owned();
    let mut dirs = vec![String::new(); 6];
    for number in 0..15 {
        let leader = number % 4 + 1;
        topics += &format!("\tTopic: big\tPartition: {number}\tLeader: {leader}\tReplicas: {leader}\tIsr: {leader}\n");
        dirs[leader - 1] += &format!("{{\"partition\":\"big-{number}\",\"size\":1000}},");
    }
    let brokers: Vec<String> = dirs
        .iter()
        .zip(1..)
        .map(|(replicas, broker)| {
            let replicas = replicas.trim_end_matches(',');
            format!(
                "{{\"broker\":{broker},\"logDirs\":[{{\"logDir\":\"/d\",\"error\":null,\"partitions\":[{replicas}]}}]}}"
            )
        })
        .collect();
    let source = |name: &str, text: String| Source { path: PathBuf::from(name), text };
    sources(source("topics.txt", topics), source("log-dirs.txt", format!("{{\"brokers\":[{}]}}", brokers.join(","))))
}

/// Bytes per second into topic `big`, every half minute, from bytes_in_rate.by-topic.json.
fn captured_big() -> Vec<f64> {
    let answer: serde_json::Value = serde_json::from_str(&fixture("metrics/bytes_in_rate.by-topic.json").text).unwrap();
    let series = answer["data"]["result"].as_array().unwrap();
    let big = series.iter().find(|s| s["metric"]["topic"] == "big").unwrap();
    big["values"].as_array().unwrap().iter().map(|v| v[1].as_str().unwrap().parse().unwrap()).collect()
}

#[test]
fn partitions_sum_to_the_statistic_of_the_captured_total() {
    let mut values = captured_big();
    let mean = values.iter().sum::<f64>() / 15.0;
    values.sort_by(f64::total_cmp);
    // Rank 0.95 · 14 = 13.3 of 0…14.
    let p95 = values[13] + 0.3 * (values[14] - values[13]);
    for (statistic, wanted) in [(Statistic::Mean, mean), (Statistic::P95, p95), (Statistic::Max, 5_606_705.921_887_434)]
    {
        let metrics = vec![metric("bytes_in_rate.by-topic.json"), metric("log_end_offset_rate.json")];
        let imported = imported(&Sources { statistic, metrics, ..big() });
        close(total(&imported.snapshot, |p| p.bytes_in_per_sec), wanted);
        let window = imported.snapshot.cluster.window.unwrap();
        assert_eq!(window.statistic, statistic);
        assert_eq!((&*window.start, &*window.end), ("2026-11-21T05:14:22Z", "2026-11-21T05:21:22Z"));
    }
}

#[test]
fn a_topics_rate_falls_to_partitions_by_their_offsets() {
    let metrics = vec![metric("bytes_in_rate.by-topic.json"), metric("log_end_offset_rate.json")];
    let imported = imported(&Sources { statistic: Statistic::Mean, metrics, ..big() });
    let snapshot = &imported.snapshot;
    let answer: serde_json::Value = serde_json::from_str(&fixture("metrics/log_end_offset_rate.json").text).unwrap();
    let offset_rate = |number: u32| -> Option<f64> {
        let series = answer["data"]["result"].as_array().unwrap();
        let own = series.iter().find(|s| s["metric"]["partition"].as_str() == Some(&*number.to_string()))?;
        let values = own["values"].as_array().unwrap();
        Some(values.iter().map(|v| v[1].as_str().unwrap().parse::<f64>().unwrap()).sum::<f64>() / values.len() as f64)
    };
    let known: Vec<f64> = (0..15).filter_map(offset_rate).collect();
    assert_eq!(known.len(), 10, "the capture leaves out partitions 5 to 9");
    let usual = known.iter().sum::<f64>() / 10.0;
    let all = usual * 15.0;
    let rate = captured_big().iter().sum::<f64>() / 15.0;
    for number in 0..15 {
        let weight = offset_rate(number).unwrap_or(usual);
        close(find(snapshot, "big", number).bytes_in_per_sec, rate * weight / all);
    }
    close(find(snapshot, "big", 0).messages_in_per_sec, offset_rate(0).unwrap());
    assert_eq!(total(snapshot, |p| p.bytes_out_per_sec), 0.0);
}

#[test]
fn what_a_broker_counted_falls_to_the_partitions_that_it_leads_and_brokers_are_measured() {
    let metrics = vec![metric("bytes_in_rate.by-broker.json"), metric("replication_in_rate.json")];
    let imported = imported(&Sources { statistic: Statistic::Mean, metrics, ..big() });
    let snapshot = &imported.snapshot;
    let mean_of = |file: &str, wanted: &dyn Fn(&serde_json::Value) -> bool| -> f64 {
        let answer: serde_json::Value = serde_json::from_str(&fixture(file).text).unwrap();
        let series = answer["data"]["result"].as_array().unwrap().iter().filter(|s| wanted(&s["metric"]));
        let values = series.flat_map(|s| s["values"].as_array().unwrap().clone());
        values.map(|v| v[1].as_str().unwrap().parse::<f64>().unwrap()).sum::<f64>() / 15.0
    };
    // Sizes are alike and offsets unknown: broker 1's four partitions take equal parts of what it counted.
    let one = mean_of("metrics/bytes_in_rate.by-broker.json", &|m| m["broker"] == "1" && m["topic"] == "big");
    for number in [0, 4, 8, 12] {
        close(find(snapshot, "big", number).bytes_in_per_sec, one / 4.0);
    }
    let replication = mean_of("metrics/replication_in_rate.json", &|m| m["broker"] == "1");
    close(snapshot.brokers[0].measured_network_in_bytes_per_sec.unwrap(), one + replication);
    assert_eq!(
        snapshot.brokers[0].measured_network_out_bytes_per_sec, None,
        "replication out is not among the metrics"
    );
    insta::assert_snapshot!("measured", imported.summary.to_string());
}

#[test]
fn a_topics_sum_beside_its_brokers_does_not_count_twice() {
    let once = vec![metric("bytes_in_rate.by-broker.json")];
    let twice = vec![metric("bytes_in_rate.by-topic.json"), metric("bytes_in_rate.by-broker.json")];
    let of =
        |metrics: Vec<MetricSource>| total(&imported(&Sources { metrics, ..big() }).snapshot, |p| p.bytes_in_per_sec);
    close(of(twice), of(once));
}

#[test]
fn topics_that_are_not_in_the_capture_do_not_count() {
    let metrics = vec![metric("bytes_in_rate.by-topic.json")];
    let imported = imported(&Sources { metrics, ..healthy() });
    assert_eq!(total(&imported.snapshot, |p| p.bytes_in_per_sec), 0.0);
    assert!(imported.summary.to_string().contains("metrics know 1 topic that the topics' capture does not (big)"));
}

fn scrapes() -> Vec<MetricSource> {
    vec![metric("broker-1.second.prom"), metric("broker-1.first.prom")]
}

#[test]
fn two_scrapes_give_the_rates_worked_out_by_hand() {
    // In a minute, orders took 600,000 bytes and 480 records, 120 into partition 1 and 360 into 7, which broker 1 leads;
    // partition 3, a follower that is catching up, grew by 100,000. Consumers read 120,000 bytes.
    let imported = imported(&Sources { metrics: scrapes(), ..healthy() });
    let snapshot = &imported.snapshot;
    for (number, part) in [(1, 0.25), (7, 0.75), (3, 0.0)] {
        let partition = find(snapshot, "orders", number);
        close(partition.bytes_in_per_sec, 10_000.0 * part);
        close(partition.bytes_out_per_sec, 2_000.0 * part);
        close(partition.messages_in_per_sec, 8.0 * part);
    }
    let one = &snapshot.brokers[0];
    close(one.measured_network_in_bytes_per_sec.unwrap(), 10_000.0 + 1_000.0);
    close(one.measured_network_out_bytes_per_sec.unwrap(), 2_000.0 + 20_000.0);
    assert_eq!(one.cpu_utilization, None, "cores are not known");
    let window = snapshot.cluster.window.clone().unwrap();
    assert_eq!((window.statistic, &*window.start), (Statistic::Mean, "2026-11-21T05:13:20Z"));
    assert_eq!(window.end, "2026-11-21T05:14:20Z");
    insta::assert_snapshot!("scraped", imported.summary.to_string());
}

#[test]
fn cpu_is_cores_in_use_of_those_that_there_are() {
    let with = |line: &str| {
        let text = format!("[[brokers]]\nids = 1\n{line}\n");
        let inventory = Some(Source { path: PathBuf::from("inventory.toml"), text });
        imported(&Sources { metrics: scrapes(), inventory, ..healthy() })
    };
    close(with("cpu_cores = 2").snapshot.brokers[0].cpu_utilization.unwrap(), 0.25);
    close(with("machine_model = \"m7g.large\"").snapshot.brokers[0].cpu_utilization.unwrap(), 0.25);
    let beyond = with("cpu_cores = 0.25");
    assert_eq!(beyond.snapshot.brokers[0].cpu_utilization, None);
    assert!(beyond.summary.to_string().contains("more cores in use than there are"));
}

#[test]
fn a_single_scrape_gives_no_rate_and_says_so() {
    let imported = imported(&Sources { metrics: vec![metric("broker-1.first.prom")], ..healthy() });
    assert_eq!(total(&imported.snapshot, |p| p.bytes_in_per_sec), 0.0);
    assert_eq!(imported.snapshot.cluster.window, None);
    assert!(imported.summary.to_string().contains("rates of broker 1: there is a single scrape"));
}

#[test]
fn an_offset_without_a_broker_is_not_trusted_while_its_partition_moves() {
    let offsets = "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[\
        {\"metric\":{\"topic\":\"hot_single\",\"partition\":\"0\"},\"values\":[[0,\"9000\"],[30,\"9000\"]]},\
        {\"metric\":{\"topic\":\"hot_single\",\"partition\":\"2\"},\"values\":[[0,\"1\"],[30,\"1\"]]},\
        {\"metric\":{\"topic\":\"hot_single\",\"partition\":\"3\"},\"values\":[[0,\"3\"],[30,\"3\"]]}]}}";
    let bytes = "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[\
        {\"metric\":{\"topic\":\"hot_single\"},\"values\":[[0,\"800\"],[30,\"800\"]]}]}}";
    let file = |name: &str, text: &str| MetricSource {
        file: Source { path: PathBuf::from(name), text: text.to_owned() },
        ..MetricSource::default()
    };
    let metrics = vec![file("log_end_offset_rate.json", offsets), file("bytes_in_rate.json", bytes)];
    let imported = imported(&Sources { metrics, ..capture("reassigning") });
    // Partitions 0 and 1 move: they count with the mean of the others, 2.
    for (number, wanted) in [(0, 200.0), (1, 200.0), (2, 100.0), (3, 300.0)] {
        close(find(&imported.snapshot, "hot_single", number).bytes_in_per_sec, wanted);
    }
}

#[test]
fn a_sites_own_names_are_understood() {
    let mut scrapes = scrapes();
    for scrape in &mut scrapes {
        scrape.file.text =
            scrape.file.text.replace("kafka_server_brokertopicmetrics_bytesinpersec_total", "our_bytes_in");
    }
    let unnamed = imported(&Sources { metrics: scrapes.clone(), ..healthy() });
    assert!(unnamed.summary.to_string().contains("taken from the growth of leaders' logs"));
    let metric_names = vec![("bytes_in_total".to_owned(), "our_bytes_in".to_owned())];
    let named = imported(&Sources { metrics: scrapes, metric_names, ..healthy() });
    close(find(&named.snapshot, "orders", 7).bytes_in_per_sec, 7_500.0);
}
