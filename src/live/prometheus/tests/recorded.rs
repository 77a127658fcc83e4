//! What engines really answered, played back: figures of one week's end by each engine, brokers by each preset's rules, and
//! refusals. fixtures/prometheus/README.md tells how they were recorded; a query that is written otherwise than then is
//! not among them, and takes a new recording.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::*;
use crate::ingest::kafka_cli::measured::MeasuredSeries;
use crate::model::Metric;

/// When the engines were asked for: 20:00 on that day.
const RECORDED: i64 = 1_795_291_200;

/// When brokers with the presets' rules were scraped.
const SCRAPED: i64 = 1_795_291_980;

/// A question and its answer.
#[derive(Clone, Deserialize)]
struct Exchange {
    #[serde(default)]
    name: String,
    path: String,
    parameters: BTreeMap<String, String>,
    status: u16,
    content_type: String,
    body: String,
}

impl Exchange {
    fn answered(&self) -> Answered {
        Answered {
            status: self.status,
            headers: vec![("Content-Type", self.content_type.clone())],
            body: self.body.clone().into(),
        }
    }
}

fn exchanges(name: &str) -> Vec<Exchange> {
    fixture(&format!("prometheus/{name}.jsonl")).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What was said where answers are not as they should be.
fn said(name: &str) -> Exchange {
    exchanges("said").into_iter().find(|exchange| exchange.name == name).unwrap()
}

/// A server that knows what was recorded below `prefix`, and nothing else.
fn played(name: &str, prefix: &'static str) -> Server {
    let recorded = exchanges(name);
    Server::start(move |asked, _| {
        let is_it = |one: &&Exchange| one.path == asked.path && one.parameters == asked.parameters;
        let known = recorded.iter().find(is_it);
        assert!(asked.path.starts_with(prefix), "{}", asked.path);
        let missing = || Answered::html(500, &format!("not recorded: {:?}", asked.parameters));
        Some(known.map_or_else(missing, Exchange::answered))
    })
}

fn measured(server: &Server, prefix: &str, config: &str, request: &Request, now: i64) -> Measured {
    let file = Path::new("prom.toml");
    let config = PrometheusConfig::parse(file, &format!("attempts = 1\nrate_range_seconds = 30\n{config}")).unwrap();
    let prometheus = Prometheus::open(&format!("{}{prefix}", server.url()), config, file, None).unwrap();
    prometheus.measure(request, now, &|_| ()).unwrap()
}

fn of_engine(name: &str, prefix: &'static str) -> Measured {
    let server = played(&format!("engines/{name}"), prefix);
    let history = Some((Duration::from_secs(600), Duration::from_secs(300)));
    let request =
        Request { preset: Preset::JmxExporter, window: Duration::from_secs(600), statistic: Statistic::P95, history };
    measured(&server, prefix, "step_seconds = 10\n[match]\njob = \"kafka\"", &request, RECORDED)
}

/// Values by what they are of.
fn figures(measured: &Measured) -> BTreeMap<String, f64> {
    let named = |s: &MeasuredSeries| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        (format!("{:?} {} {} {:?}", s.quantity, text(&s.broker), text(&s.topic), s.partition), s.value)
    };
    let totals = measured.totals.iter().flat_map(|(quantity, total)| {
        [(format!("{quantity:?} mean"), total.mean), (format!("{quantity:?} p95"), total.statistic)]
    });
    let past = measured.history.iter().flat_map(|series| {
        let of = format!("{:?} {:?} {:?}", series.metric, series.broker, series.topic);
        series.points.iter().map(move |(time, value)| (format!("{of} at {time}"), *value))
    });
    measured.series.iter().map(named).chain(totals).chain(past).collect()
}

fn assert_near(found: &BTreeMap<String, f64>, wanted: &BTreeMap<String, f64>, share: f64, engine: &str) {
    let names = |figures: &BTreeMap<String, f64>| figures.keys().cloned().collect::<BTreeSet<String>>();
    assert_eq!(names(found), names(wanted), "{engine}");
    for (name, value) in wanted {
        let other = found[name];
        assert!((other - value).abs() <= share * value.abs().max(1.0), "{engine}: {name} {other}, not {value}");
    }
}

#[test]
fn engines_give_the_same_figures_of_the_same_data() {
    let prometheus = of_engine("prometheus", "");
    let written: f64 =
        prometheus.series.iter().filter(|s| s.quantity == Quantity::BytesIn).map(|series| series.value).sum();
    let total = prometheus.totals[&Quantity::BytesIn];
    assert!((written / total.mean - 1.0).abs() < 0.02 && total.statistic > total.mean, "{written} {total:?}");
    let topics: BTreeSet<&str> = prometheus.series.iter().filter_map(|series| series.topic.as_deref()).collect();
    assert!(topics.contains("orders") && topics.contains("clicks"), "{topics:?}");
    let past: Vec<f64> = prometheus
        .history
        .iter()
        .filter(|series| series.metric == Metric::BytesIn && series.broker.is_none() && series.topic.is_none())
        .flat_map(|series| series.points.iter().map(|(_, value)| *value))
        .collect();
    assert_eq!(past.len(), 2, "{past:?}");
    assert_eq!(prometheus.missing, Vec::<String>::new());

    // One and the same implementation, of which later versions leave out a range's first moment; and another one, which
    // neither extrapolates rates nor stops at a range's bounds.
    let wanted = figures(&prometheus);
    for (engine, prefix, share) in [("thanos", "", 0.02), ("mimir", "/prometheus", 0.02), ("victoriametrics", "", 0.25)]
    {
        let measured = of_engine(engine, prefix);
        assert_near(&figures(&measured), &wanted, share, engine);
        assert_eq!(measured.missing, Vec::<String>::new(), "{engine}");
    }
}

/// Of a preset's brokers: the topics that are written to and read, partitions with offsets and sizes, clients.
type Seen = (Vec<String>, Vec<String>, BTreeSet<u32>, BTreeSet<u32>, Vec<(Option<String>, Option<String>)>);

fn seen(preset: Preset, name: &str, job: &str) -> (Seen, Measured) {
    let server = played(&format!("presets/{name}"), "");
    let request = Request { preset, window: Duration::from_secs(60), statistic: Statistic::P95, history: None };
    let measured = measured(&server, "", &format!("step_seconds = 20\n[match]\njob = \"{job}\""), &request, SCRAPED);
    let of = |quantity| measured.series.iter().filter(move |series| series.quantity == quantity);
    let topics = |quantity| {
        let mut topics: Vec<String> = of(quantity).filter_map(|series| series.topic.clone()).collect();
        topics.sort();
        topics
    };
    let partitions = |quantity| {
        of(quantity).filter(|s| s.topic.as_deref() == Some("shop.baskets")).filter_map(|s| s.partition).collect()
    };
    let clients = measured.clients.iter().map(|c| (c.identity.user.clone(), c.identity.client_id.clone())).collect();
    let seen = (
        topics(Quantity::BytesIn),
        topics(Quantity::BytesOut),
        partitions(Quantity::LogEndOffset),
        partitions(Quantity::LogSize),
        clients,
    );
    (seen, measured)
}

#[test]
fn each_preset_finds_what_brokers_export_by_its_published_rules() {
    let text = |text: &str| Some(text.to_owned());
    let clients = vec![(None, text("reader")), (text("ANONYMOUS"), text("basket-writer"))];
    for (preset, name, job, broker, partitions, clients) in [
        (Preset::JmxExporter, "jmx-exporter", "jmx2", "5", [0, 1], clients.clone()),
        // Its rule for KRaft's metrics takes quotas as well, and puts users and clients into metrics' names.
        (Preset::JmxExporter, "jmx-exporter-kraft", "kraft3", "6", [1, 2], Vec::new()),
        (Preset::Strimzi, "strimzi", "strimzi", "events-kafka-4", [0, 4], Vec::new()),
        (Preset::Msk, "msk", "msk", "7", [2, 3], clients.clone()),
        (Preset::Confluent, "confluent", "confluent", "broker8", [3, 4], clients),
    ] {
        let ((written, read, offsets, sizes, found), measured) = seen(preset, name, job);
        for topics in [&written, &read] {
            assert!(topics.contains(&"shop.baskets".to_owned()), "{name}: {topics:?}");
        }
        let partitions = BTreeSet::from(partitions);
        assert_eq!((offsets, sizes), (partitions.clone(), partitions), "{name}");
        assert_eq!(found, clients, "{name}");
        let brokers: BTreeSet<&str> = measured.series.iter().filter_map(|series| series.broker.as_deref()).collect();
        assert_eq!(brokers, BTreeSet::from([broker]), "{name}");
        for quantity in [Quantity::BytesIn, Quantity::BytesOut, Quantity::MessagesIn, Quantity::NetworkIn] {
            assert!(measured.totals.get(&quantity).is_some_and(|total| total.mean > 0.0), "{name}: {quantity:?}");
        }
        let has_cpu = measured.series.iter().any(|series| series.quantity == Quantity::CpuCores);
        assert_eq!(has_cpu, preset != Preset::Msk, "{name}: a node exporter stands beside MSK's brokers");
        assert_eq!(measured.missing, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn what_engines_say_beside_their_answers_is_told_as_what_it_is() {
    let told = |name: &str| {
        let answer = said(name);
        let server = Server::start(move |asked, _| {
            let is_topics = asked.parameters["query"].starts_with("sum by (broker,broker_id,instance,topic)");
            Some(if is_topics { answer.answered() } else { Answered::json(200, site(asked)) })
        });
        let measured = measure(&server, "").unwrap();
        assert!(measured.series.iter().any(|s| s.topic.as_deref() == Some("orders")), "{name}: the rest is used");
        (measured.derived.join("\n"), measured.missing.join("\n"))
    };
    let (_, missing) = told("thanos-partial");
    assert!(missing.contains("warns of: fetch series for Store Gateway") && missing.contains("refused"), "{missing}");
    for name in ["mimir-infos", "thanos-infos"] {
        let (derived, missing) = told(name);
        assert!(derived.contains("remarks: PromQL info: metric might not be a counter"), "{name}: {derived}");
        assert_eq!(missing, "", "{name}");
    }
}

#[test]
fn what_engines_refuse_is_told_with_what_to_do() {
    for (name, message, help) in [
        ("prometheus-bad-query", "unclosed left parenthesis", "selectors"),
        ("prometheus-wrong-path", "status 404, answered \"404 page not found\"", "before /api/v1"),
        ("prometheus-too-many-points", "exceeded maximum resolution of 11,000 points", "selectors"),
        ("prometheus-too-many-samples", "too many samples", "shorter --window"),
        ("thanos-bad-query", "unclosed left parenthesis", "selectors"),
        ("thanos-wrong-path", "status 404", "…/prometheus for Mimir"),
        ("mimir-no-tenant", "status 401, answered \"no org id\"", "X-Scope-OrgID"),
        ("mimir-too-long", "err-mimir-max-query-length", "shorter --window"),
        ("mimir-too-many-series", "err-mimir-max-series-per-query", "shorter --window"),
        ("mimir-bad-query", "unclosed left parenthesis", "selectors"),
        ("mimir-wrong-path", "status 404", "…/prometheus for Mimir"),
        ("victoriametrics-bad-query", "argList: unexpected token", "selectors"),
        ("victoriametrics-too-long", "too long query; got 18001 bytes", "shorter --window"),
        ("victoriametrics-too-many-samples", "maxSamplesPerQuery", "shorter --window"),
        ("victoriametrics-wrong-path", "status 400, answered \"remoteAddr", "before /api/v1"),
    ] {
        let answer = said(name);
        let server = Server::start(move |_, _| Some(answer.answered()));
        let error = measure(&server, "").unwrap_err();
        assert!(error.message.contains(message), "{name}: {}", error.message);
        assert!(error.help.contains(help), "{name}: {}", error.help);
    }
    // A tenant that has no data is no refusal.
    let answer = said("mimir-other-tenant");
    let server = Server::start(move |_, _| Some(answer.answered()));
    assert!(measure(&server, "").unwrap().missing[0].starts_with("what producers write: Prometheus has no rate of"));
}
