//! Series from captured answers and scrapes, and rates against figures worked out by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use super::rates::{figures, mean, rates};
use super::*;
use crate::model::Statistic;

fn source(name: &str, text: &str, tag: Option<&str>) -> MetricSource {
    let file = Source { path: PathBuf::from(name), text: text.to_owned() };
    MetricSource { file, tag: tag.map(str::to_owned), modified_unix_seconds: None }
}

fn read_all(sources: &[MetricSource]) -> (SeriesSet, Vec<&'static str>) {
    let mut faults = Faults::default();
    let set = read(sources, &MetricNames::default(), &BTreeMap::new(), &mut faults);
    (set, faults.list.iter().map(|f| f.code).collect())
}

fn captured(name: &str) -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kafka-cli/metrics");
    std::fs::read_to_string(dir.join(name)).unwrap()
}

fn series(quantity: Quantity, form: Form, origin: Origin, samples: &[(f64, f64)]) -> Series {
    let samples = samples.iter().map(|&(unix_seconds, value)| Sample { unix_seconds, value }).collect();
    Series { quantity, form, origin, broker: Some(1), topic: None, partition: None, samples }
}

#[test]
fn a_named_answer_is_known_by_its_name_and_a_rate_by_its_files() {
    let reset = source("counter-reset.json", &captured("counter-reset.json"), None);
    let rate = source("bytes_in_rate.by-broker.json", &captured("bytes_in_rate.by-broker.json"), None);
    let (set, codes) = read_all(&[reset, rate]);
    assert_eq!(codes, Vec::<&str>::new());
    let replication: Vec<&Series> = set.list.iter().filter(|s| s.quantity == Quantity::ReplicationIn).collect();
    assert_eq!((replication.len(), replication[0].broker, replication[0].form), (1, Some(6), Form::Counter));
    let bytes_in: Vec<&Series> = set.list.iter().filter(|s| s.quantity == Quantity::BytesIn).collect();
    assert_eq!(bytes_in.len(), 21);
    assert!(bytes_in.iter().all(|s| s.broker.is_some() && s.topic.is_some() && s.samples.len() == 15));
}

#[test]
fn a_restart_starts_the_counter_from_nothing() {
    let (set, _) = read_all(&[source("counter-reset.json", &captured("counter-reset.json"), None)]);
    let found: Vec<f64> = rates(&set.list[0]).iter().map(|s| s.value).collect();
    // 886244626, same, same, then (a minute on) 0, 0, 0, 1 MiB, 2 MiB, 13 MiB, 13 MiB, half a minute apart each.
    let mib = 1_048_576.0;
    assert_eq!(found, [0.0, 0.0, 0.0, 0.0, 0.0, mib / 30.0, mib / 30.0, 11.0 * mib / 30.0, 0.0]);
}

#[test]
fn a_level_that_falls_shrank_and_a_counter_that_falls_started_anew() {
    let samples = [(0.0, 100.0), (10.0, 40.0), (20.0, 90.0)];
    let of = |form: Form| -> Vec<f64> {
        let series = series(Quantity::LogSize, form, Origin::Prometheus, &samples);
        rates(&series).iter().map(|s| s.value).collect()
    };
    assert_eq!(of(Form::Level), [0.0, 5.0]);
    assert_eq!(of(Form::Counter), [4.0, 5.0]);
    assert_eq!(of(Form::Rate), [100.0, 40.0, 90.0]);
}

#[test]
fn scrapes_give_one_mean_at_a_common_moment() {
    let scrape =
        series(Quantity::BytesIn, Form::Counter, Origin::Scrape, &[(1000.0, 0.0), (1020.0, 400.0), (1100.0, 1000.0)]);
    assert_eq!(rates(&scrape), [Sample { unix_seconds: 0.0, value: 10.0 }]);
    let single = series(Quantity::BytesIn, Form::Counter, Origin::Scrape, &[(1000.0, 5.0)]);
    assert_eq!(rates(&single), []);
}

#[test]
fn figures_sum_to_the_statistic_of_the_simultaneous_total() {
    let at = |values: &[f64]| -> Vec<Sample> {
        let moments = (0..).map(|i| f64::from(i) * 30.0);
        moments.zip(values).map(|(unix_seconds, &value)| Sample { unix_seconds, value }).collect()
    };
    // Peaks at different moments: the total is 10, 10, 10, 14, its mean 11, its maximum 14, not 8 + 12 = 20.
    let keyed = vec![("a", at(&[8.0, 2.0, 2.0, 2.0])), ("b", at(&[2.0, 8.0, 8.0, 12.0]))];
    let max = figures(&keyed, Statistic::Max);
    assert_eq!((max.total, max.mean), (14.0, 11.0));
    let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
    assert!(close(max.by_key["a"], 3.5 * 14.0 / 11.0) && close(max.by_key["b"], 7.5 * 14.0 / 11.0));
    assert!(close(figures(&keyed, Statistic::P95).total, 10.0 + 0.85 * 4.0), "rank 2.85 of 0…3, interpolated");
    assert!(close(figures(&keyed, Statistic::P50).total, 10.0));
    assert!(close(figures(&keyed, Statistic::Mean).total, 11.0));
}

#[test]
fn a_missed_sample_is_held_for_one_step_and_then_counts_as_nothing() {
    let samples = |times: &[f64]| times.iter().map(|&unix_seconds| Sample { unix_seconds, value: 6.0 }).collect();
    let keyed: Vec<(&str, Vec<Sample>)> =
        vec![("whole", samples(&[0.0, 30.0, 60.0, 90.0, 120.0, 150.0])), ("gap", samples(&[0.0, 30.0, 120.0, 150.0]))];
    let means = figures(&keyed, Statistic::Mean).by_key;
    assert_eq!((means["whole"], means["gap"]), (6.0, 5.0), "held at 60, nothing at 90");
}

#[test]
fn the_captured_brokers_sum_to_the_captured_topics() {
    let total = |name: &str| {
        let (set, codes) = read_all(&[source(name, &captured(name), None)]);
        assert_eq!(codes, Vec::<&str>::new());
        let keyed: Vec<((), Vec<Sample>)> = set.list.iter().map(|s| ((), rates(s))).collect();
        figures(&keyed, Statistic::Max).total
    };
    let (by_topic, by_broker) = (total("bytes_in_rate.by-topic.json"), total("bytes_in_rate.by-broker.json"));
    assert!((by_topic - 5_606_705.921_887_434).abs() < 1.0, "the first value of topic big");
    assert!((by_topic - by_broker).abs() / by_topic < 1e-6, "{by_topic} {by_broker}");
}

#[test]
fn what_is_no_answer_to_a_query_is_refused() {
    let found = |name: &str, text: &str| read_all(&[source(name, text, None)]).1;
    assert_eq!(found("error.json", &captured("error.json")), [codes::METRICS_ANSWER]);
    assert_eq!(found("buildinfo.json", &captured("buildinfo.json")), [codes::METRICS_ANSWER]);
    assert_eq!(found("empty.json", &captured("empty.json")), [codes::METRICS_IGNORED]);
    assert_eq!(found("x.json", "{\"status\":"), [codes::METRICS_SYNTAX]);
    assert_eq!(
        found("in.json", &captured("bytes_in_rate.by-topic.json")),
        [codes::METRICS_SIGNAL],
        "no name, no signal"
    );
    let bad_value = captured("counter-reset.json").replace("\"2097152\"", "\"two\"");
    assert_eq!(found("x.json", &bad_value), [codes::METRICS_SYNTAX]);
    let other = captured("counter-reset.json").replace("replicationbytesinpersec", "unheardof");
    assert_eq!(found("x.json", &other), [codes::METRICS_IGNORED]);
}

#[test]
fn the_command_line_names_signals_and_brokers() {
    let text = captured("bytes_in_rate.by-topic.json");
    assert_eq!(read_all(&[source("in.json", &text, Some("bytes_out_rate"))]).0.list[0].quantity, Quantity::BytesOut);
    assert_eq!(
        read_all(&[source("in.json", &text, Some("bytes_in_rat"))]).1,
        [codes::METRIC_NAME, codes::METRICS_SIGNAL]
    );
    let scrape = captured("broker-1.first.prom");
    let (set, codes) = read_all(&[source("x.prom", &scrape, Some("1"))]);
    assert_eq!((codes, set.single_scrapes), (Vec::new(), vec![1]));
    assert_eq!(read_all(&[source("x.prom", &scrape, None)]).1, [codes::SCRAPE_ORIGIN]);
    let untimed = scrape.replace("# scraped_at 1795238000", "");
    assert_eq!(read_all(&[source("broker-1.prom", &untimed, None)]).1, [codes::SCRAPE_ORIGIN]);
    assert_eq!(read_all(&[source("broker-1.1795238000.prom", &untimed, None)]).1, Vec::<&str>::new());
    let dated = MetricSource { modified_unix_seconds: Some(1.0), ..source("broker-1.prom", &untimed, None) };
    assert_eq!(read_all(&[dated]).1, [codes::METRICS_LIMITED]);
}

#[test]
fn a_scrape_of_something_else_is_refused() {
    assert_eq!(read_all(&[source("broker-1.prom", "# scraped_at 5\nup 1\n", None)]).1, [codes::METRICS_SYNTAX]);
    let bad = "# scraped_at 5\nprocess_cpu_seconds_total many\n";
    assert_eq!(read_all(&[source("broker-1.prom", bad, None)]).1, [codes::METRICS_SYNTAX, codes::METRICS_SYNTAX]);
}

#[test]
fn brokers_are_known_by_instance_and_host_too() {
    let answer = |labels: &str| {
        let metric = "\"__name__\":\"kafka_server_brokertopicmetrics_bytesinpersec_total\",\"topic\":\"t\"";
        let text = format!(
            "{{\"status\":\"success\",\"data\":{{\"resultType\":\"matrix\",\"result\":[{{\"metric\":{{{metric},{labels}}},\
             \"values\":[[1,\"1\"],[2,\"NaN\"],[3,\"2\"]]}}]}}}}"
        );
        let mut names = MetricNames::default();
        names.instances.insert("k7:9404".to_owned(), 7);
        let hosts = BTreeMap::from([("k8".to_owned(), 8)]);
        let set = read(&[source("x.json", &text, None)], &names, &hosts, &mut Faults::default());
        (set.list[0].broker, set.list[0].samples.len(), set.not_finite, set.unknown_instances)
    };
    assert_eq!(answer("\"instance\":\"k7:9404\""), (Some(7), 2, 1, Vec::new()));
    assert_eq!(answer("\"instance\":\"k8:9404\"").0, Some(8));
    assert_eq!(answer("\"broker\":\"k8\"").0, Some(8));
    let unknown = answer("\"instance\":\"k9:9404\"");
    assert_eq!((unknown.0, unknown.3), (None, vec!["k9:9404".to_owned()]));
}

#[test]
fn future_copies_are_left_out_and_files_of_one_series_are_joined() {
    let scrape = |at: u32, offset: u32| {
        let text = format!(
            "# scraped_at {at}\nkafka_log_log_logendoffset{{topic=\"t\",partition=\"0\"}} {offset}\n\
             kafka_log_log_logendoffset{{topic=\"t\",partition=\"0\",is_future=\"true\"}} 5\n"
        );
        source("broker-3.prom", &text, None)
    };
    let (set, _) = read_all(&[scrape(1060, 700), scrape(1000, 100)]);
    assert_eq!((set.list.len(), set.list[0].broker), (1, Some(3)));
    assert_eq!(mean(&rates(&set.list[0])), Some(10.0));
}
