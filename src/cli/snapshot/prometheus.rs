//! The flags by which traffic comes from an engine that speaks PromQL, and what they resolve to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::common::{self, EndOfHeading};
use crate::cli::exit::CliError;
use crate::cli::progress::Progress;
use crate::ingest::kafka_cli::Measured;
use crate::ingest::prometheus::{Preset, PrometheusConfig, codes};
use crate::ingest::render::HistoryFormat;
use crate::ingest::{Fault, Faults};
use crate::live::prometheus::{Prometheus, PrometheusError, Request};
use crate::model::Statistic;

/// Where a bearer token may be, for machines that hand out secrets that way.
const TOKEN_VARIABLE: &str = "EVENKEEL_PROMETHEUS_TOKEN";

/// Long enough for every day of the week.
const WINDOW: Duration = Duration::from_secs(7 * 24 * 3600);

/// Traffic from Prometheus, Thanos, Mimir or VictoriaMetrics.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Prometheus")]
pub(super) struct PrometheusArgs {
    /// Take traffic from this engine: its address before /api/v1 (docs/snapshot-prometheus.md)
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    /// How it is reached and what it calls things: credentials, CA, step, metrics, labels. A bearer token may also be in
    /// $EVENKEEL_PROMETHEUS_TOKEN
    #[arg(long, value_name = "FILE")]
    prometheus_config: Option<PathBuf>,
    /// The time up to now that traffic figures are of [default: 7d; 5m with --cruise-control-metrics-topic]
    #[arg(long, value_name = "DURATION", value_parser = common::parse_duration)]
    window: Option<Duration>,
    /// What traffic figures stand for: mean, p50, p95, p99 or max of the simultaneous total
    #[arg(long, value_name = "STATISTIC", default_value = "p95", value_parser = parse_statistic)]
    statistic: Statistic,
    /// Write a history, so far back, for `evenkeel forecast`
    #[arg(long, value_name = "DURATION", value_parser = common::parse_duration)]
    history: Option<Duration>,
    /// Time between two points of the history
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = common::parse_duration)]
    history_step: Duration,
    /// Write the history as history.csv or as history.parquet: csv or parquet
    #[arg(long, value_name = "FORMAT", default_value = "csv", value_parser = parse_history_format)]
    history_format: HistoryFormat,
    #[command(flatten)]
    end: EndOfHeading,
}

/// An engine, ready to be asked, and for what.
pub(super) struct Source {
    prometheus: Prometheus,
    request: Request,
}

impl PrometheusArgs {
    /// How far back figures go, where that was said.
    pub(super) fn window(&self) -> Option<Duration> {
        self.window
    }

    /// What figures stand for.
    pub(super) fn statistic(&self) -> Statistic {
        self.statistic
    }

    /// How a history is written.
    pub(super) fn history_format(&self) -> HistoryFormat {
        self.history_format
    }

    /// Whether an engine is to be asked.
    pub(super) fn is_given(&self) -> bool {
        self.prometheus.is_some() || self.prometheus_config.is_some()
    }

    /// Reads the configuration; nothing is asked yet. None where no flag names an engine.
    ///
    /// # Errors
    /// Faults of the configuration; flags that have no meaning without an engine.
    pub(super) fn open(&self, preset: Option<Preset>) -> Result<Option<Source>, CliError> {
        if !self.is_given() {
            return match (self.window, self.history, preset) {
                (None, None, None) => Ok(None),
                _ => {
                    Err(CliError::Usage("--window, --history and a preset of metrics take --prometheus URL".to_owned()))
                }
            };
        }
        let window = self.window.unwrap_or(WINDOW);
        if window.as_secs() == 0 || self.history_step.as_secs() == 0 {
            return Err(CliError::Usage("--window and --history-step take a second at least".to_owned()));
        }
        let (config, file) = match &self.prometheus_config {
            Some(path) => (read(path)?, path.as_path()),
            None => (PrometheusConfig::default(), Path::new("command line")),
        };
        let url = self.prometheus.clone().or_else(|| config.url.clone());
        let url =
            url.ok_or_else(|| CliError::Usage("give --prometheus URL, or url in --prometheus-config".to_owned()))?;
        let preset = preset.or(config.preset).unwrap_or_default();
        let token = std::env::var(TOKEN_VARIABLE).ok().filter(|token| !token.is_empty());
        let prometheus = Prometheus::open(&url, config, file, token.as_deref())?;
        let history = self.history.map(|back| (back, self.history_step));
        let request = Request { preset, window, statistic: self.statistic, history };
        Ok(Some(Source { prometheus, request }))
    }
}

impl Source {
    /// Asks the engine for figures that end at `now` (seconds since 1970).
    ///
    /// # Errors
    /// It does not answer, or refuses.
    pub(super) fn measure(&self, now: i64, progress: &Progress) -> Result<Measured, CliError> {
        progress.show("prometheus", 0.0);
        Ok(self.prometheus.measure(&self.request, now, &|share| progress.show("prometheus", share))?)
    }
}

impl From<PrometheusError> for CliError {
    fn from(error: PrometheusError) -> Self {
        Self::Failed(error.to_string())
    }
}

fn read(path: &Path) -> Result<PrometheusConfig, CliError> {
    let text = std::fs::read(path).and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other));
    match text {
        Ok(text) => Ok(PrometheusConfig::parse(path, &text)?),
        Err(error) => {
            let mut faults = Faults::default();
            let fault = Fault::error(codes::UNREADABLE, path, format!("the file cannot be read: {error}"));
            faults.push(fault.help("check the path, its permissions, and that it is UTF-8"));
            Err(faults.into())
        }
    }
}

/// A statistic by its name.
fn parse_statistic(text: &str) -> Result<Statistic, String> {
    let names = Statistic::ALL.map(Statistic::name).join(", ");
    Statistic::ALL.into_iter().find(|s| s.name() == text).ok_or_else(|| format!("write one of {names}"))
}

fn parse_history_format(text: &str) -> Result<HistoryFormat, String> {
    match text {
        "csv" => Ok(HistoryFormat::Csv),
        "parquet" => Ok(HistoryFormat::Parquet),
        _ => Err("write csv or parquet".to_owned()),
    }
}

/// A preset by its name.
pub(super) fn parse_preset(text: &str) -> Result<Preset, String> {
    let names = Preset::ALL.map(Preset::name).join(", ");
    Preset::by_name(text).ok_or_else(|| format!("write one of {names}"))
}
