//! `evenkeel snapshot cruise-control`: reads the answers that were saved, or asks for them, and the clock, and writes the
//! snapshot.

mod url;

use std::path::{Path, PathBuf};

use self::url::UrlArgs;
use super::output::{OutputArgs, SavedArgs, read};
use crate::cli::exit::{CliError, Verdict};
use crate::ingest::cruise_control::{Sources, import};
use crate::ingest::kafka_cli::Source;
use crate::ingest::render::HistoryFormat;
use crate::ingest::{Fault, Faults, codes};

const HOW_TO: &str = "\
With --url, Cruise Control is asked; its files, which it does not show, come from --dir all the same.
Nothing is changed. To save the answers instead:
  mkdir saved && cd saved && CC=http://cruise-control:9090/kafkacruisecontrol
  curl -sf \"$CC/kafka_cluster_state?json=true&verbose=true\"     > kafka_cluster_state.json
  curl -sf \"$CC/partition_load?json=true\"                       > partition_load.json
  curl -sf \"$CC/load?json=true&populate_disk_info=true\"         > load.json
  cp /etc/cruise-control/{capacity.json,brokerSets.json} .      # capacityJBOD.json, capacityCores.json too

Examples:
  evenkeel snapshot cruise-control --url http://cruise-control:9090/kafkacruisecontrol --out snapshot
  evenkeel snapshot cruise-control --url https://cc.example.org/kafkacruisecontrol --dir /etc/cruise-control \\
    --user-file cc-user --password-file cc-password --ca-file ca.pem --out snapshot
  evenkeel snapshot cruise-control --dir saved --out snapshot
  evenkeel snapshot cruise-control --dir saved --inventory inventory.toml --cluster-id MkU3OEVB --out snapshot

Exit status: 0 written; 2 bad usage or input, nothing written; 1 anything else, such as a Cruise
Control that does not answer.";

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
    /// Directory with kafka_cluster_state.json and partition_load.json, and load.json, unless --url is given; and
    /// capacity.json, capacityJBOD.json, capacityCores.json, brokerSets.json, inventory.toml where they are
    #[arg(long, value_name = "DIR", required_unless_present = "url")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    /// The capacity files, in place of those in --dir
    #[arg(long, value_name = "FILE", num_args = 1..)]
    capacity: Vec<PathBuf>,
    #[command(flatten)]
    saved: SavedArgs,
    #[command(flatten)]
    url: UrlArgs,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> Result<Verdict, CliError> {
    args.output.check()?;
    let (sources, told) = sources(args)?;
    let mut imported = import(&sources)?;
    imported.summary.derived.extend(told);
    args.output.give(&imported, HistoryFormat::default())
}

/// Reads all files, reporting each that is missing or cannot be read, and then asks where an address is given; with what
/// is to be told of that.
fn sources(args: &Args) -> Result<(Sources, Vec<String>), CliError> {
    let catalogue = args.output.catalogue()?;
    let mut faults = Faults::default();
    let saved = args.dir.as_deref().filter(|_| args.url.is_absent()).map(|dir| saved(dir, &mut faults));
    let mut optional = |name: &str| read_if_there(args.dir.as_deref()?.join(name), &mut faults);
    let broker_sets = optional(BROKER_SETS);
    let beside = match args.capacity.is_empty() {
        true => CAPACITIES.iter().filter_map(|name| optional(name)).collect(),
        false => Vec::new(),
    };
    let inventory = match &args.output.inventory {
        Some(path) => read(path, &mut faults),
        None => optional(INVENTORY),
    };
    let given: Vec<Source> = args.capacity.iter().filter_map(|path| read(path, &mut faults)).collect();
    if faults.has_errors() {
        return Err(CliError::Input(faults));
    }
    let answers = match saved.flatten() {
        Some(saved) => saved,
        None => args.url.fetch()?,
    };
    let sources = Sources {
        cluster_state: answers.cluster_state,
        partition_load: answers.partition_load,
        load: answers.load,
        capacities: if args.capacity.is_empty() { beside } else { given },
        broker_sets,
        inventory,
        cluster_id: args.saved.cluster_id.clone(),
        captured_at: args.saved.captured_at(),
        kafka_version: args.saved.kafka_version.clone(),
        catalogue,
    };
    Ok((sources, answers.told))
}

/// What Cruise Control answered.
struct Answers {
    cluster_state: Source,
    partition_load: Source,
    load: Option<Source>,
    told: Vec<String>,
}

/// The answers that lie in `dir`.
fn saved(dir: &Path, faults: &mut Faults) -> Option<Answers> {
    let cluster_state = required(&dir.join(CLUSTER_STATE), "/kafka_cluster_state?json=true&verbose=true", faults);
    let partition_load = required(&dir.join(PARTITION_LOAD), "/partition_load?json=true", faults);
    let load = read_if_there(dir.join(LOAD), faults);
    let (cluster_state, partition_load) = cluster_state.zip(partition_load)?;
    Some(Answers { cluster_state, partition_load, load, told: Vec::new() })
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
