//! `evenkeel snapshot kafka-cli`: reads a capture's files, the clock, and writes the snapshot.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::output::{self, OutputArgs, SavedArgs, unix_seconds};
use super::prometheus::PrometheusArgs;
use crate::cli::common::EndOfHeading;
use crate::cli::exit::{CliError, Verdict};
use crate::cli::progress::Progress;
use crate::ingest::Faults;
use crate::ingest::kafka_cli::{MetricSource, Source, Sources, import, parse_rfc3339};
use crate::ingest::prometheus::Preset;

/// How to capture, for `--help`; docs/snapshot-kafka-cli.md says more.
const HOW_TO: &str = "\
To capture (none of these commands changes anything; Kafka's scripts may lack the .sh):
  mkdir -p capture/metrics && cd capture && B=\"--bootstrap-server broker1:9092\"
  kafka-topics.sh $B --describe                            > topics.txt
  kafka-log-dirs.sh $B --describe                          > log-dirs.txt
  kafka-configs.sh $B --describe --all --entity-type brokers > broker-configs.txt
  kafka-configs.sh $B --describe --entity-type topics      > topic-configs.txt
  kafka-reassign-partitions.sh $B --list                   > reassignments.txt
  for t in users clients \"users --entity-type clients\"; do
    kafka-configs.sh $B --describe --entity-type $t; done  > quotas.txt
  kafka-cluster.sh list-endpoints $B                       > brokers.txt     # Kafka 4
  kafka-broker-api-versions.sh $B                          > brokers.txt     # before
  kafka-cluster.sh cluster-id $B                           > cluster-id.txt
  # before Kafka 2.8: kafka-topics.sh and, for topics, kafka-configs.sh with --zookeeper zk1:2181, and
  Z=\"zookeeper-shell.sh zk1:2181\"; $Z get /cluster/id     > cluster-id.txt
  for i in 1 2 3; do echo /brokers/ids/$i; $Z get /brokers/ids/$i; done > brokers.txt
  $Z get /admin/reassign_partitions                        > reassignments.txt 2>&1
  P='http://prometheus:9090/api/v1/query_range' R=\"start=$(date -d -1day +%s)&end=$(date +%s)&step=300\"
  curl -sG $P -d \"$R\" -d 'query=sum by(broker,topic)(rate(kafka_server_brokertopicmetrics_bytesinpersec_total[5m]))' \\
    > metrics/bytes_in_rate.json
  # the same for bytes_out_rate, log_end_offset_rate (by broker, topic, partition), replication_in_rate and
  # replication_out_rate (by broker); without Prometheus, two scrapes of each broker some minutes apart:
  for i in 1 2 3; do { echo \"# scraped_at $(date +%s)\"; curl -s http://broker$i:7071/metrics; } \\
    > metrics/broker-$i.$(date +%s).prom; done

Examples:
  evenkeel snapshot kafka-cli --dir capture --inventory inventory.toml --out snapshot
  evenkeel snapshot kafka-cli --topics t.txt --log-dirs d.txt --cluster-id MkU3OEVBNTcwNTJENDM2Qk --out snapshot
  evenkeel snapshot kafka-cli --dir capture --metrics bytes_in_rate=in.json 3=scrape.prom --statistic p99 --out snapshot
  evenkeel snapshot kafka-cli --dir capture --prometheus http://prometheus:9090 --metrics msk --window 7d --out snapshot";

/// The files of `--dir`, each known by its name; `*` stands for anything.
const TOPICS: &str = "topics.txt";
const LOG_DIRS: &str = "log-dirs*.txt";
const CONFIGS: [&str; 2] = ["broker-configs*.txt", "topic-configs*.txt"];
const BROKERS: &str = "brokers.txt";
const REASSIGNMENTS: &str = "reassignments.txt";
const QUOTAS: &str = "quotas*.txt";
const CLUSTER_ID: &str = "cluster-id.txt";
const INVENTORY: &str = "inventory.toml";
const METRICS: [&str; 3] = ["metrics/*.json", "metrics/*.prom", "metrics/*.txt"];

/// Arguments of `evenkeel snapshot kafka-cli`.
#[derive(Debug, clap::Args)]
#[command(after_help = HOW_TO)]
pub(super) struct Args {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    saved: SavedArgs,
    #[command(flatten)]
    capture: CaptureArgs,
    #[command(flatten)]
    metrics: MetricArgs,
    #[command(flatten)]
    prometheus: PrometheusArgs,
}

/// Where the capture is.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Capture")]
struct CaptureArgs {
    /// Directory with files called as below; flags take the place of its files
    #[arg(long, value_name = "DIR", required_unless_present_all = ["topics", "log_dirs"])]
    dir: Option<PathBuf>,
    /// Output of kafka-topics --describe [in --dir: topics.txt]
    #[arg(long, value_name = "FILE")]
    topics: Option<PathBuf>,
    /// Output of kafka-log-dirs --describe [in --dir: log-dirs*.txt]
    #[arg(long, value_name = "FILE", num_args = 1..)]
    log_dirs: Vec<PathBuf>,
    /// Output of kafka-configs --describe of brokers (--all for racks) and topics [in --dir: broker-configs*.txt,
    /// topic-configs*.txt]
    #[arg(long, value_name = "FILE", num_args = 1..)]
    configs: Vec<PathBuf>,
    /// Output of kafka-cluster list-endpoints or kafka-broker-api-versions, or what ZooKeeper holds of each broker: hosts and
    /// racks [in --dir: brokers.txt]
    #[arg(long, value_name = "FILE")]
    brokers: Option<PathBuf>,
    /// Output of kafka-reassign-partitions --list, or what ZooKeeper holds at /admin/reassign_partitions [in --dir:
    /// reassignments.txt]
    #[arg(long, value_name = "FILE")]
    reassignments: Option<PathBuf>,
    /// Output of kafka-configs --describe of users and client ids: quotas in force [in --dir: quotas*.txt]
    #[arg(long, value_name = "FILE", num_args = 1..)]
    quotas: Vec<PathBuf>,
    #[command(flatten)]
    end: EndOfHeading,
}

/// Where traffic figures are.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Metrics")]
struct MetricArgs {
    /// Answers of Prometheus (JSON) or scrapes of a broker, with the signal or broker id where neither content nor name
    /// says so [in --dir: metrics/*.json, *.prom, *.txt]. With --prometheus: what its metrics are called, jmx-exporter,
    /// strimzi, msk or confluent
    #[arg(long, value_name = "[SIGNAL=|ID=]FILE|PRESET", num_args = 1..)]
    metrics: Vec<String>,
    /// The metric that measures a signal, where it is not called as usual (also in the inventory's [metrics])
    #[arg(long = "metric", value_name = "SIGNAL=NAME", value_parser = parse_metric)]
    names: Vec<(String, String)>,
    #[command(flatten)]
    end: EndOfHeading,
}

fn parse_metric(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(signal, name)| !signal.is_empty() && !name.is_empty());
    parts.map(|(signal, name)| (signal.to_owned(), name.to_owned())).ok_or_else(|| "write SIGNAL=NAME".to_owned())
}

/// Runs the command.
pub(super) fn run(args: &Args) -> Result<Verdict, CliError> {
    args.output.check()?;
    args.output.give(&import(&sources(args)?)?, args.prometheus.history_format())
}

/// Reads all files, reporting each that cannot be read.
fn sources(args: &Args) -> Result<Sources, CliError> {
    let catalogue = args.output.catalogue()?;
    let mut files = Files { dir: args.capture.dir.as_deref(), faults: Faults::default() };
    let CaptureArgs { topics, log_dirs, configs, brokers, reassignments, quotas, .. } = &args.capture;
    let topics = files.one(topics.as_deref(), TOPICS);
    let log_dirs = files.many(log_dirs, &[LOG_DIRS]);
    let configs = files.many(configs, &CONFIGS);
    let brokers = files.one(brokers.as_deref(), BROKERS);
    let reassignments = files.one(reassignments.as_deref(), REASSIGNMENTS);
    let quotas = files.many(quotas, &[QUOTAS]);
    let cluster_id_file = files.one(None, CLUSTER_ID);
    let inventory = files.one(args.output.inventory.as_deref(), INVENTORY);
    let (preset, metric_files) = preset(&args.metrics.metrics, args.prometheus.is_given())?;
    let prometheus = args.prometheus.open(preset)?;
    let metrics = if prometheus.is_some() { Vec::new() } else { files.metrics(metric_files) };
    if files.faults.has_errors() {
        return Err(CliError::Input(files.faults));
    }
    let Some(topics) = topics.filter(|_| !log_dirs.is_empty()) else {
        let missing = "--dir holds no topics.txt or no log-dirs.txt: capture them, or give --topics and --log-dirs";
        return Err(CliError::Usage(missing.to_owned()));
    };
    let captured_at = args.saved.captured_at();
    // Figures are of the time before the capture, whenever it is read.
    let end = parse_rfc3339(&captured_at).unwrap_or_else(|| unix_seconds(SystemTime::now()) as i64);
    let mut measured = prometheus.map(|source| source.measure(end, &Progress::new())).transpose()?;
    if let Some(measured) = measured.as_mut().filter(|_| !files.matching(&METRICS).is_empty()) {
        measured.derived.push("files of metrics in --dir are not used beside --prometheus".to_owned());
    }
    Ok(Sources {
        topics,
        log_dirs,
        configs,
        brokers,
        reassignments,
        quotas,
        metrics,
        inventory,
        cluster_id: args.saved.cluster_id.clone(),
        cluster_id_file,
        captured_at,
        measured,
        kafka_version: args.saved.kafka_version.clone(),
        statistic: args.prometheus.statistic(),
        metric_names: args.metrics.names.clone(),
        catalogue,
    })
}

/// The preset among `--metrics`, which with Prometheus takes nothing else, and files without it.
fn preset(metrics: &[String], has_prometheus: bool) -> Result<(Option<Preset>, &[String]), CliError> {
    match (metrics, has_prometheus) {
        ([name], true) => match Preset::by_name(name) {
            Some(preset) => Ok((Some(preset), &[])),
            None => {
                let known = Preset::ALL.map(Preset::name).join(", ");
                Err(CliError::Usage(format!("--metrics {name}: with --prometheus, write one of {known}")))
            }
        },
        ([_, _, ..], true) => Err(CliError::Usage("with --prometheus, --metrics takes one preset".to_owned())),
        _ => Ok((None, metrics)),
    }
}

/// Files by flag, else by name in a directory.
struct Files<'a> {
    dir: Option<&'a Path>,
    faults: Faults,
}

impl Files<'_> {
    /// The file of a flag, else the one called `name`, where there is one.
    fn one(&mut self, flag: Option<&Path>, name: &str) -> Option<Source> {
        let named = || self.dir.map(|dir| dir.join(name)).filter(|path| path.exists());
        let path = flag.map(Path::to_owned).or_else(named)?;
        self.read(path)
    }

    /// The files of a flag, else those whose names match, in name order.
    fn many(&mut self, flag: &[PathBuf], patterns: &[&str]) -> Vec<Source> {
        let paths = if flag.is_empty() { self.matching(patterns) } else { flag.to_vec() };
        paths.into_iter().filter_map(|path| self.read(path)).collect()
    }

    fn metrics(&mut self, flag: &[String]) -> Vec<MetricSource> {
        let tagged: Vec<(Option<String>, PathBuf)> = if flag.is_empty() {
            self.matching(&METRICS).into_iter().map(|path| (None, path)).collect()
        } else {
            flag.iter().map(|text| split_tag(text)).collect()
        };
        let mut found = Vec::new();
        for (tag, path) in tagged {
            let modified = std::fs::metadata(&path).and_then(|m| m.modified()).ok();
            if let Some(file) = self.read(path) {
                found.push(MetricSource { file, tag, modified_unix_seconds: modified.map(unix_seconds) });
            }
        }
        found
    }

    /// The files below the directory that match any of `patterns`, whose only `*` is in the file's name.
    fn matching(&self, patterns: &[&str]) -> Vec<PathBuf> {
        let Some(dir) = self.dir else { return Vec::new() };
        let mut found = BTreeSet::new();
        for pattern in patterns {
            let (below, name) = pattern.rsplit_once('/').unwrap_or((".", pattern));
            let (start, end) = name.split_once('*').unwrap_or((name, ""));
            // A directory that is not there holds nothing.
            let entries = std::fs::read_dir(dir.join(below)).into_iter().flatten().flatten();
            for entry in entries {
                let file_name = entry.file_name();
                let text = file_name.to_string_lossy();
                let matches = text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end);
                if matches && entry.path().is_file() {
                    found.insert(if below == "." { dir.join(&file_name) } else { dir.join(below).join(&file_name) });
                }
            }
        }
        found.into_iter().collect()
    }

    fn read(&mut self, path: PathBuf) -> Option<Source> {
        output::read(&path, &mut self.faults)
    }
}

/// `bytes_in_rate=in.json` is a signal and a file; a path may hold an equals sign further on.
fn split_tag(text: &str) -> (Option<String>, PathBuf) {
    let is_tag =
        |tag: &str| !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    match text.split_once('=').filter(|(tag, _)| is_tag(tag)) {
        Some((tag, path)) => (Some(tag.to_owned()), PathBuf::from(path)),
        None => (None, PathBuf::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_file_may_name_its_signal_or_broker() {
        let path = PathBuf::from;
        assert_eq!(split_tag("bytes_in_rate=a=b.json"), (Some("bytes_in_rate".to_owned()), path("a=b.json")));
        assert_eq!(split_tag("3=x.prom"), (Some("3".to_owned()), path("x.prom")));
        assert_eq!(split_tag("dir/x=1.json"), (None, path("dir/x=1.json")));
    }

    #[test]
    fn a_directory_is_read_by_names_in_name_order() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kafka-cli/healthy");
        let files = Files { dir: Some(&dir), faults: Faults::default() };
        let names = |patterns: &[&str]| -> Vec<PathBuf> { files.matching(patterns) };
        let wanted = ["broker-configs-1.txt", "broker-configs-dynamic.txt", "topic-configs.txt"].map(|n| dir.join(n));
        assert_eq!(names(&CONFIGS), wanted);
        assert_eq!(names(&[LOG_DIRS]), [dir.join("log-dirs.txt")]);
    }

    #[test]
    fn with_prometheus_metrics_are_a_preset_and_without_it_files() {
        let of = |names: &[&str], has_prometheus| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            preset(&names, has_prometheus)
                .map(|(preset, files)| (preset, files.len()))
                .map_err(|error| error.to_string())
        };
        assert_eq!(of(&["msk"], true), Ok((Some(Preset::Msk), 0)));
        assert_eq!(of(&["msk"], false), Ok((None, 1)));
        assert_eq!(of(&[], true), Ok((None, 0)));
        assert!(of(&["in.json"], true).is_err_and(|told| told.contains("jmx-exporter, strimzi, msk, confluent")));
        assert!(of(&["msk", "strimzi"], true).is_err());
    }

    #[test]
    fn a_file_that_is_not_there_is_a_fault() {
        let mut files = Files { dir: None, faults: Faults::default() };
        assert!(files.one(Some(Path::new("/nowhere/topics.txt")), TOPICS).is_none());
        assert!(files.faults.has_errors());
    }
}
