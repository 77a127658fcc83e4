//! `evenkeel snapshot kafka`: captures a running cluster.

use std::path::PathBuf;
use std::time::Duration;

use super::kafka_cli;
use super::prometheus::{PrometheusArgs, parse_preset, parse_statistic};
use crate::cli::common::{self, Format};
use crate::cli::exit::{CliError, Verdict};
use crate::cli::live::ClusterArgs;
use crate::cli::progress::Progress;
use crate::ingest::catalogue::Catalogue;
use crate::ingest::kafka_cli::{Imported, Source, observed};
use crate::ingest::prometheus::Preset;
use crate::ingest::{Fault, Faults, codes, render};
use crate::live;
use crate::live::surroundings::{Surroundings as _, System};
use crate::model::Statistic;

const EXAMPLES: &str = "\
Nothing is changed. The principal needs Describe on the cluster and the topics; what is denied is
named and left out. docs/live.md says where each figure is from.

Examples:
  evenkeel snapshot kafka --bootstrap-server broker1:9092 --out snapshot
  evenkeel snapshot kafka --bootstrap-server broker1:9093,broker2:9093 --sample 5m \\
    --command-config client.properties --inventory inventory.toml --out snapshot
  evenkeel snapshot kafka --bootstrap-server broker1:9092 --prometheus http://prometheus:9090 \\
    --metrics strimzi --window 7d --statistic p95 --history 400d --out snapshot

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
    /// Directory to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace the directory if it exists
    #[arg(long)]
    force: bool,
    /// What the operator knows: groups, machine models, capacities (docs/inventory.md)
    #[arg(long, value_name = "FILE")]
    inventory: Option<PathBuf>,
    /// Time between the two readings that rates are taken from; 0s for one reading and no rates [default: 60s, and 0s
    /// with --prometheus]
    #[arg(long, value_name = "DURATION", value_parser = common::parse_duration)]
    sample: Option<Duration>,
    /// Directory of machine models beside the built-in ones
    #[arg(long, value_name = "DIR")]
    machines: Option<PathBuf>,
    /// Output on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    prometheus: PrometheusArgs,
    /// What the brokers' metrics are called: jmx-exporter, strimzi, msk or confluent [default: jmx-exporter]
    #[arg(long, value_name = "PRESET", value_parser = parse_preset, help_heading = "Prometheus")]
    metrics: Option<Preset>,
    /// What traffic figures of --prometheus stand for: mean, p50, p95, p99 or max of the simultaneous total
    #[arg(long, value_name = "STATISTIC", default_value = "p95", value_parser = parse_statistic, help_heading = "Prometheus")]
    statistic: Statistic,
}

/// Long enough for every producer to have written, short enough to wait for.
const SAMPLE: Duration = Duration::from_secs(60);

/// Runs the command.
pub(super) fn run(args: &Args) -> Result<Verdict, CliError> {
    common::refuse_existing(&args.out, args.force)?;
    let catalogue = match &args.machines {
        Some(dir) => Catalogue::with_dir(dir)?,
        None => Catalogue::builtin(),
    };
    let inventory = inventory(args)?;
    let prometheus = args.prometheus.open(args.metrics, args.statistic)?;
    let sample = args.sample.unwrap_or(if prometheus.is_some() { Duration::ZERO } else { SAMPLE });
    let observed = {
        let progress = Progress::new();
        progress.show("connecting", 0.0);
        let connection = args.cluster.connect()?;
        let mut observed = live::capture(&connection, sample, &System, &|stage, share| progress.show(stage, share))?;
        if let Some(prometheus) = prometheus {
            observed.measured = Some(prometheus.measure(System.unix_seconds() as i64, &progress)?);
        }
        observed
    };
    let Imported { snapshot, summary, beside } = observed::import(&observed, inventory.as_ref(), &catalogue)?;
    common::write(&args.out, &[render::snapshot_files(&snapshot), beside].concat(), args.force)?;
    common::warn(&summary.warnings);
    let out = args.out.display();
    common::print(&match args.format {
        Format::Text => format!("{out}: {summary}\nnext: evenkeel check {out}\n"),
        Format::Json => format!("{:#}\n", kafka_cli::json(&summary, &args.out)),
    })?;
    Ok(Verdict::Done)
}

/// Read before the cluster is asked: a mistake in it is told at once.
fn inventory(args: &Args) -> Result<Option<Source>, CliError> {
    let Some(path) = &args.inventory else { return Ok(None) };
    let text = std::fs::read(path).and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other));
    match text {
        Ok(text) => {
            let source = Source { path: path.clone(), text };
            crate::ingest::inventory::Inventory::parse(&source.path, &source.text)?;
            Ok(Some(source))
        }
        Err(error) => {
            let mut faults = Faults::default();
            let fault = Fault::error(codes::UNREADABLE, path, format!("the file cannot be read: {error}"));
            faults.push(fault.help("check the path, its permissions, and that it is UTF-8"));
            Err(faults.into())
        }
    }
}
