//! `evenkeel advise`: settings that the snapshot gives reason to change. Nothing is changed; each finding has its
//! source and its command.

use std::path::PathBuf;

use super::common::{self, Format, InputArgs};
use super::exit::{CliError, Verdict};
use super::what_if::OutArgs;
use crate::capacity::advise::{Advice, brokers, quotas, topics};
use crate::ingest::kafka_cli::settings;
use crate::ingest::{self, clients};
use crate::model::Snapshot;
use crate::model::clients::Quota;
use crate::model::settings::BrokerSettings;
use crate::report;
use crate::report::sheet::Sheet;

const QUOTA_EXAMPLES: &str = "\
Examples:
  evenkeel advise quotas snapshot --clients snapshot/clients.csv
  evenkeel advise quotas snapshot --clients clients.csv --headroom 1.5 --out quotas
  evenkeel advise quotas snapshot --clients clients.csv --format json | jq -r '.findings[].command'

quotas.csv is what `snapshot kafka` writes of the quotas in force, beside the snapshot's tables (docs/advise.md).
clients.csv: user?, client_id?, produce_bytes_per_sec, consume_bytes_per_sec, throttle_ms?; a row without user and
client_id is everybody else. Exit status: 0 advised; 2 bad usage or input; 1 anything else.";

const BROKER_EXAMPLES: &str = "\
Examples:
  evenkeel advise brokers snapshot
  kafka-configs --bootstrap-server HOST:9092 --entity-type brokers --entity-name 1 --describe --all > configs.txt
  evenkeel advise brokers snapshot --configs configs.txt --out advice

Exit status: 0 advised; 2 bad usage or input; 1 anything else.";

const TOPIC_EXAMPLES: &str = "\
Examples:
  evenkeel advise topics snapshot
  evenkeel advise topics snapshot --format json | jq '.findings[] | select(.setting == \"min.insync.replicas\")'

Exit status: 0 advised; 2 bad usage or input; 1 anything else.";

/// Arguments of `evenkeel advise`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    about: About,
}

/// What advice is about.
#[derive(Debug, clap::Subcommand)]
enum About {
    /// Broker settings from hardware, and what the hosts need.
    Brokers(BrokerArgs),
    /// Client quotas from what clients do today.
    Quotas(QuotaArgs),
    /// Replication, min ISR, partitions, cleanup and retention of topics.
    Topics(TopicArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = BROKER_EXAMPLES)]
struct BrokerArgs {
    #[command(flatten)]
    input: InputArgs,
    /// Settings in force: what `kafka-configs --describe --all` prints for brokers, or a server.properties that all share
    #[arg(long, value_name = "FILE")]
    configs: Option<PathBuf>,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = QUOTA_EXAMPLES)]
struct QuotaArgs {
    #[command(flatten)]
    input: InputArgs,
    /// What clients do today (CSV, plain or gzipped)
    #[arg(long, value_name = "FILE")]
    clients: PathBuf,
    /// The quotas in force (default: the snapshot's quotas.csv, where there is one)
    #[arg(long, value_name = "FILE")]
    quotas: Option<PathBuf>,
    /// How far above what a client uses its quota is
    #[arg(long, value_name = "FACTOR", default_value_t = quotas::HEADROOM, value_parser = parse_factor)]
    headroom: f64,
    /// Settings in force, for the threads that request_percentage is a share of
    #[arg(long, value_name = "FILE")]
    configs: Option<PathBuf>,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = TOPIC_EXAMPLES)]
struct TopicArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    out: OutArgs,
}

fn parse_factor(text: &str) -> Result<f64, String> {
    let factor = text.parse::<f64>().ok().filter(|factor| (1.0..=100.0).contains(factor));
    factor.ok_or_else(|| "write a factor from 1 to 100, e.g. 1.3".to_owned())
}

/// Runs the command.
///
/// # Errors
/// Bad input, or what the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    let (input, out) = match &args.about {
        About::Brokers(args) => (&args.input, &args.out),
        About::Quotas(args) => (&args.input, &args.out),
        About::Topics(args) => (&args.input, &args.out),
    };
    out.check()?;
    common::on_threads(input.search.threads, || {
        let (snapshot, policy) = common::load(input)?;
        let (text, json, sheet) = match &args.about {
            About::Brokers(args) => {
                let settings = read_settings(args.configs.as_ref())?;
                show("brokers", &snapshot, &brokers::brokers(&snapshot, settings.as_ref()))
            }
            About::Quotas(args) => {
                let (clients, warnings) = clients::read(&args.clients)?;
                common::warn(&warnings);
                let settings = read_settings(args.configs.as_ref())?;
                let in_force = read_quotas(args)?;
                let in_force = quotas::InForce::new(in_force.as_deref());
                let advice = quotas::quotas(&snapshot, &policy, &clients, in_force, settings.as_ref(), args.headroom);
                (
                    report::advise::quotas_to_text(&snapshot, &advice),
                    report::advise::quotas_to_json(&advice),
                    report::advise::quotas_sheet(&snapshot, &advice),
                )
            }
            About::Topics(_) => show("topics", &snapshot, &topics::topics(&snapshot, &policy)),
        };
        match input.format {
            Format::Text => common::print(&text)?,
            Format::Json => common::print(&String::from_utf8_lossy(&json))?,
        }
        out.write("advice", &sheet, json)?;
        Ok(Verdict::Done)
    })?
}

/// The file given, or the snapshot's own.
fn read_quotas(args: &QuotaArgs) -> Result<Option<Vec<Quota>>, CliError> {
    let own = args.input.snapshot.join(ingest::quotas::FILE);
    let Some(path) = args.quotas.clone().or_else(|| own.exists().then_some(own)) else { return Ok(None) };
    let (quotas, warnings) = ingest::quotas::read(&path)?;
    common::warn(&warnings);
    Ok(Some(quotas))
}

/// Advice about `subject` as text, JSON and page.
fn show(subject: &'static str, snapshot: &Snapshot, advice: &Advice) -> (String, Vec<u8>, Sheet) {
    (
        report::advise::to_text(snapshot, subject, advice),
        report::advise::to_json(advice),
        report::advise::sheet(snapshot, subject, advice),
    )
}

fn read_settings(path: Option<&PathBuf>) -> Result<Option<BrokerSettings>, CliError> {
    let Some(path) = path else { return Ok(None) };
    let (settings, warnings) = settings::read(path)?;
    common::warn(&warnings);
    Ok(Some(settings))
}
