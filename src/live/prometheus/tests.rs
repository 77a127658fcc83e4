//! Engines as small servers on this machine: what they are asked, what is made of their dialects and refusals.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod recorded;

use rand::Rng as _;
use rand_pcg::Pcg64Mcg;

use super::past::Period;
use super::*;
use crate::live::http::tests::{Answered, Asked, Server};

const NOW: i64 = 1_795_238_486;

const WEEK: Duration = Duration::from_secs(604_800);

fn fixture(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)).unwrap()
}

/// A vector of series: labels as JSON, values.
fn vector(series: &[(&str, f64)]) -> String {
    let one = |(labels, value): &(&str, f64)| format!("{{\"metric\":{{{labels}}},\"value\":[{NOW},\"{value}\"]}}");
    let all: Vec<String> = series.iter().map(one).collect();
    format!("{{\"status\":\"success\",\"data\":{{\"resultType\":\"vector\",\"result\":[{}]}}}}", all.join(","))
}

fn open(server: &Server, config: &str) -> Prometheus {
    let file = Path::new("prom.toml");
    let config = PrometheusConfig::parse(file, &format!("attempts = 1\n{config}")).unwrap();
    Prometheus::open(&server.url(), config, file, None).unwrap()
}

fn request(statistic: Statistic) -> Request {
    Request { preset: Preset::JmxExporter, window: WEEK, statistic, history: None }
}

fn measure(server: &Server, config: &str) -> Result<Measured, PrometheusError> {
    open(server, config).measure(&request(Statistic::P95), NOW, &|_| ())
}

/// A site with two topics: 60 and 40 bytes/s in the mean, 150 together in the p95.
fn site(asked: &Asked) -> String {
    let query = asked.parameters["query"].as_str();
    let starts = |text: &str| query.starts_with(text);
    let is_bytes_in = query.contains("_bytesin(");
    if starts("min_over_time") {
        return vector(&[("", (NOW - 604_800) as f64)]);
    }
    if is_bytes_in && !query.contains("replication") && !query.contains("process_cpu") {
        if starts("avg_over_time") {
            return vector(&[("", 100.0)]);
        }
        if starts("quantile_over_time(0.95,") {
            return vector(&[("", 150.0)]);
        }
        let topics = [("\"broker\":\"1\",\"topic\":\"a\"", 60.0), ("\"instance\":\"h2:7071\",\"topic\":\"b\"", 40.0)];
        return vector(&topics);
    }
    if query.contains("kafka_log_log_logendoffset") {
        return vector(&[("\"broker\":\"1\",\"topic\":\"a\",\"partition\":\"7\"", 5.0)]);
    }
    vector(&[])
}

#[test]
fn percentiles_are_the_engines_work_and_means_are_of_topics() {
    let server = Server::start(|asked, _| Some(Answered::json(200, site(asked))));
    let measured = measure(&server, "").unwrap();
    let bytes_in: Vec<&MeasuredSeries> = measured.series.iter().filter(|s| s.quantity == Quantity::BytesIn).collect();
    let shown: Vec<(Option<&str>, Option<&str>, f64)> =
        bytes_in.iter().map(|s| (s.broker.as_deref(), s.topic.as_deref(), s.value)).collect();
    assert_eq!(shown, [(Some("1"), Some("a"), 60.0), (Some("h2:7071"), Some("b"), 40.0)]);
    assert_eq!(measured.totals[&Quantity::BytesIn], Total { statistic: 150.0, mean: 100.0 });
    let offsets = measured.series.iter().find(|s| s.quantity == Quantity::LogEndOffset).unwrap();
    assert_eq!((offsets.partition, offsets.value), (Some(7), 5.0));
    assert_eq!(measured.window.statistic, Statistic::P95);
    assert_eq!((measured.window.start, measured.window.end), (rfc3339(NOW - 604_800), rfc3339(NOW)));
    assert_eq!((measured.derived, measured.missing), (Vec::<String>::new(), Vec::new()));
    let asked = server.asked();
    assert!(asked.iter().all(|asked| asked.path == "/api/v1/query" && asked.parameters["time"] == NOW.to_string()));
    let queries: Vec<&str> = asked.iter().map(|asked| asked.parameters["query"].as_str()).collect();
    let total = "quantile_over_time(0.95, (sum(rate({__name__=~\"kafka_server_brokertopicmetrics_bytesin(persec)?(_all)?\
                 _total\",topic=\"\"}[5m])))[7d:5m])";
    assert!(queries.contains(&total), "{queries:#?}");
    let topics = "sum by (broker,broker_id,instance,topic) (rate({__name__=~\"kafka_server_brokertopicmetrics_bytesin(persec)\
                  ?_total\",topic!=\"\"}[7d]))";
    assert!(queries.contains(&topics), "{queries:#?}");
}

#[test]
fn answers_do_not_depend_on_how_many_are_asked_at_once() {
    let server = Server::start(|asked, _| Some(Answered::json(200, site(asked))));
    let [one, many] = ["concurrency = 1", "concurrency = 16"].map(|config| format!("{:?}", measure(&server, config)));
    assert_eq!(one, many);
}

#[test]
fn each_statistic_is_asked_for_by_its_function() {
    let server = Server::start(|asked, _| Some(Answered::json(200, site(asked))));
    let functions = [(Statistic::Max, "max_over_time(("), (Statistic::P50, "quantile_over_time(0.5, ((")];
    for (statistic, function) in functions.into_iter().chain([(Statistic::P99, "quantile_over_time(0.99, (")]) {
        open(&server, "").measure(&request(statistic), NOW, &|_| ()).unwrap();
        let function = function.trim_end_matches('(');
        assert!(server.asked().iter().any(|asked| asked.parameters["query"].starts_with(function)), "{function}");
    }
    let before = server.asked().len();
    let measured = open(&server, "").measure(&request(Statistic::Mean), NOW, &|_| ()).unwrap();
    assert_eq!(measured.totals[&Quantity::BytesIn], Total { statistic: 100.0, mean: 100.0 });
    let asked = server.asked();
    assert!(asked[before..].iter().all(|asked| !asked.parameters["query"].starts_with("quantile_over_time")));
}

#[test]
fn a_shorter_past_than_asked_for_is_used_and_told() {
    let server = Server::start(|asked, _| {
        let start = asked.parameters["query"].starts_with("min_over_time");
        Some(Answered::json(200, if start { vector(&[("", (NOW - 3_300) as f64)]) } else { site(asked) }))
    });
    let measured = measure(&server, "").unwrap();
    assert_eq!(measured.derived, ["Prometheus holds 1h of the 7d asked for: figures are of these"]);
    assert_eq!(measured.window.start, rfc3339(NOW - 3_600));
    assert!(server.asked().iter().any(|asked| asked.parameters["query"].contains("[1h:5m]")));
}

#[test]
fn an_engine_without_the_metrics_is_told_with_what_was_asked_for() {
    let empty = fixture("kafka-cli/metrics/empty.json").replace("matrix", "vector");
    let server = Server::start(move |_, _| Some(Answered::json(200, empty.clone())));
    let measured = measure(&server, "[match]\ncluster = \"eu\"").unwrap();
    assert!(measured.series.is_empty() && measured.totals.is_empty());
    let told = &measured.missing[0];
    assert!(
        told.contains("bytesin(persec)?_total\",topic!=\"\",cluster=\"eu\"}") && told.contains("--metrics"),
        "{told}"
    );
}

/// Of several storage nodes only VictoriaMetrics' cluster is partial.
#[test]
fn a_partial_answer_is_used_and_told() {
    let answer = fixture("prometheus/victoriametrics-partial.json");
    let server = Server::start(move |asked, _| {
        let is_topics = asked.parameters["query"].starts_with("sum by (broker,broker_id,instance,topic)");
        Some(Answered::json(200, if is_topics { answer.clone() } else { site(asked) }))
    });
    let measured = measure(&server, "").unwrap();
    assert!(measured.series.iter().any(|s| s.value == 125.5), "the rest is used");
    let (derived, missing) = (measured.derived.join("\n"), measured.missing.join("\n"));
    assert!(missing.contains("partial") && missing.contains("too low"), "{missing}");
    assert!(derived.contains("values of metrics that are no numbers left out"), "{derived}");
}

#[test]
fn a_copy_that_a_move_between_dirs_makes_is_no_partition() {
    let server = Server::start(|asked, _| {
        let is_offsets = asked.parameters["query"].contains("kafka_log_log_logendoffset");
        let series = [
            ("\"broker\":\"1\",\"topic\":\"a\",\"partition\":\"7\"", 5.0),
            ("\"broker\":\"1\",\"topic\":\"a\",\"partition\":\"7, is-future=true\"", 900.0),
        ];
        Some(Answered::json(200, if is_offsets { vector(&series) } else { site(asked) }))
    });
    let measured = measure(&server, "").unwrap();
    let offsets: Vec<_> = measured.series.iter().filter(|s| s.quantity == Quantity::LogEndOffset).collect();
    assert_eq!(offsets.iter().map(|s| (s.partition, s.value)).collect::<Vec<_>>(), [(Some(7), 5.0)]);
}

#[test]
fn refusals_say_what_to_do() {
    let html = "<html><head><title>Sign in</title></head></html>";
    let json = |status: u16, name: &str| Answered::json(status, fixture(name));
    let moved =
        Answered { headers: vec![("Location", "https://sso/login?next=s3cret".to_owned())], ..Answered::html(302, "") };
    let cases: Vec<(Answered, &str, &str)> = vec![
        (json(400, "kafka-cli/metrics/error.json"), "unclosed left parenthesis", "selectors"),
        (Answered::html(403, html), "status 403, answered \"Sign in\"", "X-Scope-OrgID"),
        (Answered::html(404, html), "status 404", "…/prometheus for Mimir"),
        (Answered::html(200, html), "answered with a page, \"Sign in\"", "before /api/v1"),
        (Answered::json(200, "{\"status\":"), "no JSON of a query", "before /api/v1"),
        (
            Answered::json(200, "{\"status\":\"success\",\"data\":{\"resultType\":\"string\",\"result\":[1,\"x\"]}}"),
            "a string",
            "PromQL",
        ),
        (Answered::html(503, ""), "status 503, answered nothing", "try again"),
        (moved, "status 302, sent on to https://sso/login", "not followed"),
    ];
    for (answered, message, help) in cases {
        let server = Server::start(move |_, _| Some(answered.clone()));
        let error = measure(&server, "").unwrap_err();
        assert!(error.message.contains(message) && !error.message.contains("s3cret"), "{}", error.message);
        assert!(error.help.contains(help), "{}: {}", error.message, error.help);
    }
}

const REFUSED: &str = "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"too many samples\"}";

#[test]
fn what_one_query_lacks_does_not_take_the_rest() {
    let server = Server::start(|asked, _| {
        let is_replication = asked.parameters["query"].contains("replication");
        let refused = Answered::json(422, REFUSED);
        Some(if is_replication { refused } else { Answered::json(200, site(asked)) })
    });
    let measured = measure(&server, "").unwrap();
    assert_eq!(measured.totals[&Quantity::BytesIn], Total { statistic: 150.0, mean: 100.0 });
    assert!(measured.missing.iter().any(|line| line.starts_with("what brokers copy from leaders: the query failed (")));
    let server = Server::start(|asked, _| {
        let is_topics = asked.parameters["query"].starts_with("sum by (broker,broker_id,instance,topic)");
        let refused = Answered::json(422, REFUSED);
        Some(if is_topics { refused } else { Answered::json(200, site(asked)) })
    });
    assert!(
        measure(&server, "").unwrap_err().message.contains("too many samples"),
        "without topics there is no traffic"
    );
}

#[test]
fn a_proxy_that_takes_no_forms_is_asked_by_address() {
    let server = Server::start(|asked, _| {
        Some(if asked.method == "POST" { Answered::html(405, "") } else { Answered::json(200, site(asked)) })
    });
    assert_eq!(measure(&server, "").unwrap().totals[&Quantity::BytesIn].statistic, 150.0);
}

#[test]
fn clients_are_told_apart_by_user_and_id_and_added_up_over_brokers() {
    let server = Server::start(|asked, _| {
        let query = asked.parameters["query"].as_str();
        let of = |text: &str| query.contains(text);
        Some(Answered::json(
            200,
            if of("quota_byte_rate{resource=~\"Produce.*\"}") {
                vector(&[
                    ("\"clientId\":\"c1\",\"resource\":\"Produce, user=alice\"", 10.0),
                    ("\"clientId\":\"c2\",\"resource\":\"Produce\"", 20.0),
                ])
            } else if of("quota_byte_rate{resource=~\"Fetch.*\"}") {
                vector(&[("\"clientId\":\"c1\",\"resource\":\"Fetch, user=alice\"", 30.0)])
            } else if of("throttle_time") {
                vector(&[
                    ("\"clientId\":\"c1\",\"resource\":\"Fetch, user=alice\"", 7.0),
                    ("\"clientId\":\"c1\",\"resource\":\"Produce, user=alice\"", 3.0),
                ])
            } else {
                site(asked)
            },
        ))
    });
    let measured = measure(&server, "").unwrap();
    let shown = measured.clients.iter().map(|c| {
        let id = &c.identity;
        let (produce, consume) = (c.produce_bytes_per_sec, c.consume_bytes_per_sec);
        (id.user.as_deref(), id.client_id.as_deref(), produce, consume, c.throttle_ms)
    });
    let shown: Vec<_> = shown.collect();
    let expected = [(None, Some("c2"), 20.0, 0.0, None), (Some("alice"), Some("c1"), 10.0, 30.0, Some(7.0))];
    assert_eq!(shown, expected);
}

#[test]
fn a_long_history_is_asked_for_in_pieces_that_engines_take() {
    let period = Period::new(NOW, Duration::from_secs(400 * 86_400), Duration::from_secs(300));
    let mut next = None;
    let mut points = 0;
    for piece in period.pieces() {
        let When::Range(start, end, step) = piece else { unreachable!() };
        assert!(step == 300 && start % 300 == 0 && (end - start) / step < 11_000);
        assert!(next.is_none_or(|next| next == start));
        points += (end - start) / step + 1;
        next = Some(end + step);
    }
    assert_eq!(points, 400 * 288);
    assert_eq!(next, Some(NOW / 300 * 300 + 300));
    let days = Period::new(NOW, Duration::from_secs(30 * 86_400), Duration::from_secs(86_400)).pieces();
    assert_eq!(days, [When::Range(NOW / 86_400 * 86_400 - 29 * 86_400, NOW / 86_400 * 86_400, 86_400)]);
}

#[test]
fn the_first_step_of_a_history_that_begins_within_it_is_left_out() {
    let server = Server::start(|asked, _| {
        if asked.path != "/api/v1/query_range" {
            return Some(Answered::json(200, site(asked)));
        }
        let query = asked.parameters["query"].as_str();
        let end: i64 = asked.parameters["end"].parse().unwrap();
        let values = [(end - 172_800, 1.0), (end - 86_400, 100.0), (end, 110.0)];
        let values: Vec<String> = values.iter().map(|(time, value)| format!("[{time},\"{value}\"]")).collect();
        let is_whole = query.starts_with("sum(rate(") && query.contains("_bytesin(");
        let result = format!("{{\"metric\":{{}},\"values\":[{}]}}", values.join(","));
        let result = if is_whole { result } else { String::new() };
        Some(Answered::json(
            200,
            format!("{{\"status\":\"success\",\"data\":{{\"resultType\":\"matrix\",\"result\":[{result}]}}}}"),
        ))
    });
    let history = Some((Duration::from_secs(400 * 86_400), Duration::from_secs(86_400)));
    let request = Request { history, ..request(Statistic::P95) };
    let measured = open(&server, "").measure(&request, NOW, &|_| ()).unwrap();
    let values: Vec<f64> = measured.history.iter().flat_map(|s| s.points.iter().map(|(_, value)| *value)).collect();
    assert_eq!(values, [100.0, 110.0]);
    assert!(measured.derived.contains(&"the history goes back 2 days: Prometheus holds no more".to_owned()));
}

#[test]
fn settings_that_contradict_each_other_are_faults_and_secrets_stay_hidden() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("token"), "tok-3n\n").unwrap();
    let file = dir.path().join("prom.toml");
    let server = Server::start(|asked, _| Some(Answered::json(200, site(asked))));
    let open = |text: &str, url: &str| {
        let config = PrometheusConfig::parse(&file, text).unwrap();
        Prometheus::open(url, config, &file, Some("from-environment"))
    };
    let prometheus = open("bearer_token_file = \"token\"", &server.url()).ok().unwrap();
    prometheus.measure(&request(Statistic::P95), NOW, &|_| ()).unwrap();
    assert!(server.asked().iter().all(|asked| asked.headers["authorization"] == "Bearer tok-3n"));
    open("", &server.url()).ok().unwrap().measure(&request(Statistic::P95), NOW, &|_| ()).unwrap();
    assert_eq!(server.asked().last().unwrap().headers["authorization"], "Bearer from-environment");
    let code = |text: &str, url: &str| open(text, url).err().map(|faults| faults.list[0].to_string()).unwrap();
    for (text, url, words) in [
        ("bearer_token_file = \"none\"", "http://h", "E740"),
        ("ca_file = \"token\"", "http://h", "holds no certificate"),
        ("user = \"u\"", "http://h", "belong together"),
        ("bearer_token_file = \"token\"\nuser = \"u\"", "http://h", "both given"),
        ("", "http://u:p4ss@h", "credentials in files"),
        ("[headers]\n\"a b\" = \"v4lue\"", "http://h", "cannot be sent"),
    ] {
        let told = code(text, url);
        assert!(told.contains(words) && !told.contains("p4ss") && !told.contains("v4lue"), "{told}");
        assert!(!told.contains("tok-3n"), "{told}");
    }
}

/// `text` cut off, or with characters lost, doubled or exchanged for others that JSON and TOML give a meaning to.
fn mutilated(text: &str, chance: &mut Pcg64Mcg) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..1 + chance.next_u32() % 3 {
        let at = chance.next_u32() as usize % chars.len().max(1);
        match chance.next_u32() % 4 {
            0 => chars.truncate(at),
            1 if at < chars.len() => drop(chars.remove(at)),
            2 if at < chars.len() => chars.insert(at, chars[at]),
            _ => {
                let with = "\"[]{},:.-0e9nN \\\u{0}é=#".chars().nth(chance.next_u32() as usize % 20).unwrap();
                chars.insert(at, with);
            }
        }
    }
    chars.into_iter().collect()
}

#[test]
fn no_mutilated_answer_or_config_panics_and_no_figure_is_made_of_one() {
    let chance = std::sync::Mutex::new(Pcg64Mcg::new(20_261_121));
    let server =
        Server::start(move |asked, _| Some(Answered::json(200, mutilated(&site(asked), &mut chance.lock().unwrap()))));
    let mut refused = 0;
    for _ in 0..150 {
        match measure(&server, "concurrency = 1") {
            Ok(measured) => assert!(measured.series.iter().all(|series| series.value.is_finite())),
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty());
            }
        }
    }
    assert!((1..150).contains(&refused), "{refused} of 150 refused");
    let whole = "url = \"http://h:9090\"\nuser = \"u\"\npassword_file = \"p\"\nconcurrency = 4\nstep_seconds = 300\n\
                 [metrics]\nbytes_in = \"in\"\n[labels]\ntopic = \"t\"\n";
    assert!(PrometheusConfig::parse(Path::new("prom.toml"), whole).is_ok());
    let mut chance = Pcg64Mcg::new(7);
    for _ in 0..300 {
        let text = mutilated(whole, &mut chance);
        if let Err(faults) = PrometheusConfig::parse(Path::new("prom.toml"), &text) {
            assert!(faults.has_errors(), "{text}");
        }
    }
}
