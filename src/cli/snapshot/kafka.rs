//! `evenkeel snapshot kafka`: captures a running cluster.

use std::time::Duration;

use super::output::{self, OutputArgs};
use super::prometheus::{PrometheusArgs, parse_preset};
use crate::cli::common::{self, EndOfHeading};
use crate::cli::exit::{CliError, Verdict};
use crate::cli::live::ClusterArgs;
use crate::cli::progress::Progress;
use crate::ingest::Faults;
use crate::ingest::inventory::Inventory;
use crate::ingest::kafka_cli::Source;
use crate::ingest::kafka_cli::observed::{self, Observed};
use crate::ingest::kafka_cli::reporter::Reported;
use crate::ingest::prometheus::Preset;
use crate::live::admin::ErrorKind;
use crate::live::surroundings::{Surroundings as _, System};
use crate::live::{self, Connection};

const EXAMPLES: &str = "\
Nothing is changed. The principal needs Describe on the cluster and the topics; what is denied is
named and left out. docs/live.md says where each figure is from.

Examples:
  evenkeel snapshot kafka --bootstrap-server broker1:9092 --out snapshot
  evenkeel snapshot kafka --bootstrap-server broker1:9093,broker2:9093 --sample 5m \\
    --command-config client.properties --inventory inventory.toml --out snapshot
  evenkeel snapshot kafka --bootstrap-server broker1:9092 --prometheus http://prometheus:9090 \\
    --metrics strimzi --window 7d --history 400d --history-format parquet --out snapshot
  evenkeel snapshot kafka --bootstrap-server broker1:9092 --cruise-control-metrics-topic \\
    --window 1h --out snapshot

A client.properties for SASL_SSL with SCRAM:
  security.protocol=SASL_SSL
  sasl.mechanism=SCRAM-SHA-512
  sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\
    username=\"u\" password=\"p\";
  ssl.truststore.type=PEM
  ssl.truststore.location=/etc/kafka/ca.pem

Exit status: 0 written; 2 bad usage or input; 1 anything else, such as a cluster that does not
answer.";

/// Arguments of `evenkeel snapshot kafka`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    output: OutputArgs,
    /// Time between the two readings that rates are taken from; 0s for one reading and no rates [default: 60s, and 0s
    /// with --prometheus]
    #[arg(long, value_name = "DURATION", value_parser = common::parse_duration)]
    sample: Option<Duration>,
    #[command(flatten)]
    reporter: MetricsTopicArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    prometheus: PrometheusArgs,
    /// What the brokers' metrics are called: jmx-exporter, strimzi, msk or confluent [default: jmx-exporter]
    #[arg(long, value_name = "PRESET", value_parser = parse_preset, help_heading = "Prometheus")]
    metrics: Option<Preset>,
}

/// The topic of Cruise Control's metrics reporter.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Traffic from Cruise Control's metrics reporter")]
struct MetricsTopicArgs {
    /// Take traffic and cpu use from the topic that the brokers' metrics reporter writes to, called __CruiseControlMetrics
    /// unless named here; --sample then only tells how a topic's traffic falls to its partitions
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = DEFAULT_METRICS_TOPIC)]
    #[arg(conflicts_with_all = ["prometheus", "prometheus_config", "history", "metrics"])]
    cruise_control_metrics_topic: Option<String>,
    #[command(flatten)]
    end: EndOfHeading,
}

/// `CruiseControlMetricsReporter.DEFAULT_CRUISE_CONTROL_METRICS_TOPIC` of linkedin/cruise-control.
const DEFAULT_METRICS_TOPIC: &str = "__CruiseControlMetrics";

/// How far back the reporter's records count unless told otherwise: five of its intervals.
const REPORTED: Duration = Duration::from_secs(300);
/// Long enough for every producer to have written, short enough to wait for.
const SAMPLE: Duration = Duration::from_secs(60);

/// Runs the command.
pub(super) fn run(args: &Args) -> Result<Verdict, CliError> {
    args.output.check()?;
    let catalogue = args.output.catalogue()?;
    let inventory = inventory(args)?;
    let prometheus = match args.reporter.cruise_control_metrics_topic {
        Some(_) => None,
        None => args.prometheus.open(args.metrics)?,
    };
    let sample = args.sample.unwrap_or(if prometheus.is_some() { Duration::ZERO } else { SAMPLE });
    let observed = {
        let progress = Progress::new();
        progress.show("connecting", 0.0);
        let connection = args.cluster.connect()?;
        // First: that there is no such topic is told at once.
        let reported = reported(args, &connection, &progress)?;
        let captured = live::capture(&connection, sample, &System, &|stage, share| progress.show(stage, share))?;
        let now = System.unix_seconds() as i64;
        let measured = prometheus.map(|source| source.measure(now, &progress)).transpose()?;
        Observed { reported, measured, ..captured }
    };
    args.output.give(&observed::import(&observed, inventory.as_ref(), &catalogue)?, args.prometheus.history_format())
}

/// What the metrics reporters wrote, where it is asked for.
fn reported(args: &Args, connection: &Connection, progress: &Progress) -> Result<Option<Reported>, CliError> {
    let Some(topic) = &args.reporter.cruise_control_metrics_topic else { return Ok(None) };
    let show = |share: f64| progress.show("metrics topic", share);
    let reported = live::reported(connection, topic, args.prometheus.window().unwrap_or(REPORTED), &System, &show).map_err(|error| match error.kind {
        ErrorKind::NotFound => CliError::Failed(format!(
            "{error}\n  help: --cruise-control-metrics-topic takes the name that cruise.control.metrics.topic has in the \
             brokers' server.properties"
        )),
        ErrorKind::Denied => CliError::Failed(format!("{error}\n  help: the principal needs Read on the topic")),
        _ => error.into(),
    })?;
    Ok(Some(reported))
}

/// Read before the cluster is asked: a mistake in it is told at once.
fn inventory(args: &Args) -> Result<Option<Source>, CliError> {
    let Some(path) = &args.output.inventory else { return Ok(None) };
    let mut faults = Faults::default();
    let Some(source) = output::read(path, &mut faults) else { return Err(faults.into()) };
    Inventory::parse(&source.path, &source.text)?;
    Ok(Some(source))
}
