//! `evenkeel snapshot cruise-control`: reads the answers that were saved, the clock, and writes the snapshot.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::kafka_cli;
use crate::cli::common::{self, Format};
use crate::cli::exit::{CliError, Verdict};
use crate::ingest::cruise_control::{Sources, import};
use crate::ingest::kafka_cli::{Imported, Source, rfc3339};
use crate::ingest::{Fault, Faults, codes, render};

const HOW_TO: &str = "\
To save the answers (none of these calls changes anything):
  mkdir saved && cd saved && CC=http://cruise-control:9090/kafkacruisecontrol
  curl -sf \"$CC/kafka_cluster_state?json=true&verbose=true\"     > kafka_cluster_state.json
  curl -sf \"$CC/partition_load?json=true\"                       > partition_load.json
  curl -sf \"$CC/load?json=true&populate_disk_info=true\"         > load.json
  cp /etc/cruise-control/{capacity.json,brokerSets.json} .      # capacityJBOD.json, capacityCores.json too

Examples:
  evenkeel snapshot cruise-control --dir saved --out snapshot
  evenkeel snapshot cruise-control --dir saved --inventory inventory.toml --cluster-id MkU3OEVB --out snapshot

Exit status: 0 written; 2 bad usage or input, nothing written; 1 anything else.";

const CLUSTER_STATE: &str = "kafka_cluster_state.json";
const PARTITION_LOAD: &str = "partition_load.json";
const LOAD: &str = "load.json";
const CAPACITIES: [&str; 3] = ["capacity.json", "capacityJBOD.json", "capacityCores.json"];
const BROKER_SETS: &str = "brokerSets.json";
const INVENTORY: &str = "inventory.toml";

/// Arguments of `evenkeel snapshot cruise-control`.
#[derive(Debug, clap::Args)]
#[command(after_help = HOW_TO)]
pub(super) struct Args {
    /// Directory with kafka_cluster_state.json and partition_load.json; and load.json, capacity.json,
    /// capacityJBOD.json, capacityCores.json, brokerSets.json, inventory.toml where they are
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Directory to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace the directory if it exists
    #[arg(long)]
    force: bool,
    /// What the operator knows: groups, machine models, capacities (docs/inventory.md)
    #[arg(long, value_name = "FILE")]
    inventory: Option<PathBuf>,
    /// The capacity files, in place of those in --dir
    #[arg(long, value_name = "FILE", num_args = 1..)]
    capacity: Vec<PathBuf>,
    /// Kafka's cluster id, which Cruise Control does not tell
    #[arg(long, value_name = "ID")]
    cluster_id: Option<String>,
    /// When the answers were saved (RFC 3339, UTC) [default: now]
    #[arg(long, value_name = "TIME")]
    captured_at: Option<String>,
    /// The brokers' Kafka version
    #[arg(long, value_name = "VERSION")]
    kafka_version: Option<String>,
    /// Directory of machine models beside the built-in ones
    #[arg(long, value_name = "DIR")]
    machines: Option<PathBuf>,
    /// Output on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> Result<Verdict, CliError> {
    common::refuse_existing(&args.out, args.force)?;
    let Imported { snapshot, summary, .. } = import(&sources(args)?)?;
    common::write(&args.out, &render::snapshot_files(&snapshot), args.force)?;
    common::warn(&summary.warnings);
    let out = args.out.display();
    common::print(&match args.format {
        Format::Text => format!("{out}: {summary}\nnext: evenkeel check {out}\n"),
        Format::Json => format!("{:#}\n", kafka_cli::json(&summary, &args.out)),
    })?;
    Ok(Verdict::Done)
}

/// Reads all files, reporting each that is missing or cannot be read.
fn sources(args: &Args) -> Result<Sources, CliError> {
    let catalogue = common::catalogue(args.machines.as_deref())?;
    let mut faults = Faults::default();
    let cluster_state =
        required(&args.dir.join(CLUSTER_STATE), "/kafka_cluster_state?json=true&verbose=true", &mut faults);
    let partition_load = required(&args.dir.join(PARTITION_LOAD), "/partition_load?json=true", &mut faults);
    let mut optional = |name: &str| read_if_there(args.dir.join(name), &mut faults);
    let load = optional(LOAD);
    let broker_sets = optional(BROKER_SETS);
    let beside = match args.capacity.is_empty() {
        true => CAPACITIES.iter().filter_map(|name| optional(name)).collect(),
        false => Vec::new(),
    };
    let inventory = match &args.inventory {
        Some(path) => read(path, &mut faults),
        None => optional(INVENTORY),
    };
    let given: Vec<Source> = args.capacity.iter().filter_map(|path| read(path, &mut faults)).collect();
    let (Some((cluster_state, partition_load)), false) = (cluster_state.zip(partition_load), faults.has_errors())
    else {
        return Err(CliError::Input(faults));
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Ok(Sources {
        cluster_state,
        partition_load,
        load,
        capacities: if args.capacity.is_empty() { beside } else { given },
        broker_sets,
        inventory,
        cluster_id: args.cluster_id.clone(),
        captured_at: args.captured_at.clone().unwrap_or_else(|| rfc3339(i64::try_from(now).unwrap_or(0))),
        kafka_version: args.kafka_version.clone(),
        catalogue,
    })
}

fn required(path: &Path, call: &str, faults: &mut Faults) -> Option<Source> {
    if path.exists() {
        return read(path, faults);
    }
    let fault = Fault::error(codes::MISSING_FILE, path, "the file is not there");
    faults.push(fault.help(format!("save what Cruise Control answers to {call}")));
    None
}

fn read_if_there(path: PathBuf, faults: &mut Faults) -> Option<Source> {
    if path.exists() { read(&path, faults) } else { None }
}

fn read(path: &Path, faults: &mut Faults) -> Option<Source> {
    match std::fs::read(path).and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other)) {
        Ok(text) => Some(Source { path: path.to_owned(), text }),
        Err(error) => {
            let fault = Fault::error(codes::UNREADABLE, path, format!("the file cannot be read: {error}"));
            faults.push(fault.help("check the path, its permissions, and that it is UTF-8"));
            None
        }
    }
}
