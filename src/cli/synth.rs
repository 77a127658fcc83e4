//! `evenkeel synth`.

use std::path::{Path, PathBuf};

use super::common::EndOfHeading;
use super::exit::{CliError, Verdict};
use crate::ingest::synth::history_file;
use crate::ingest::{SynthError, SynthFaults, SynthSpec, render, synthesize};
use crate::model::Snapshot;
use crate::writer;

/// Examples for `--help`.
const EXAMPLES: &str = "\
Examples:
  A cluster that has drifted for a while, with one broker to be emptied:
    evenkeel synth --brokers 24 --partitions 1000 --racks 3 --seed 7 --draining 1 --out snapshot
  Three resource groups, six brokers just added:
    evenkeel synth --brokers 60 --partitions 8000 --racks 3 --groups 3 --expanded 6 --out snapshot
  In balance, to see that nothing is planned for it:
    evenkeel synth --brokers 12 --partitions 600 --racks 3 --drift 0 --out snapshot
  With a year of metrics to forecast from:
    evenkeel synth --brokers 12 --partitions 600 --racks 3 --history-days 365 --out snapshot";

/// Arguments of `evenkeel synth`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Brokers that hold replicas; ids run from 1
    #[arg(long, value_name = "N")]
    brokers: u32,
    /// Partitions in all topics
    #[arg(long, value_name = "N")]
    partitions: u32,
    /// Racks; 0 for brokers that name none
    #[arg(long, value_name = "N")]
    racks: u32,
    /// Seed of every random choice: the same seed gives the same bytes
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Directory to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace the directory if it exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    shape: Shape,
    #[command(flatten)]
    faults: FaultArgs,
}

/// What the cluster looks like.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Shape")]
struct Shape {
    /// Topics [default: one per 16 partitions]
    #[arg(long, value_name = "N")]
    topics: Option<u32>,
    /// Replication factors with weights among topics
    #[arg(long, value_name = "F[:W],…", default_value = "3", value_delimiter = ',', value_parser = parse_factor)]
    replication: Vec<(u32, f64)>,
    /// How unequal racks are: 0 equal, 0.5 the largest three times the smallest
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    rack_skew: f64,
    /// Resource groups; brokers and topics are split among them
    #[arg(long, value_name = "N", default_value_t = 0)]
    groups: u32,
    /// Log dirs per broker
    #[arg(long, value_name = "N", default_value_t = 1)]
    log_dirs: u32,
    /// Make two in five brokers machines of twice the size
    #[arg(long)]
    heterogeneous: bool,
    /// Mean disk utilization
    #[arg(long, value_name = "SHARE", default_value_t = 0.45)]
    disk_utilization: f64,
    /// How far operation has driven the placement off balance: 0 not at all, 1 badly
    #[arg(long, value_name = "SHARE", default_value_t = 0.3)]
    drift: f64,
    /// Empty brokers beside --brokers, in state new
    #[arg(long, value_name = "N", default_value_t = 0)]
    expanded: u32,
    /// Days of metrics to write to history.csv; 0 for none
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=3_650))]
    history_days: u32,
    #[command(flatten)]
    end: EndOfHeading,
}

/// What is broken.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Faults")]
struct FaultArgs {
    /// Brokers that are gone
    #[arg(long, value_name = "N", default_value_t = 0)]
    dead: u32,
    /// Brokers that must be emptied
    #[arg(long, value_name = "N", default_value_t = 0)]
    draining: u32,
    /// Brokers that do not answer but are expected back
    #[arg(long, value_name = "N", default_value_t = 0)]
    down: u32,
    /// Log dirs that have failed
    #[arg(long, value_name = "N", default_value_t = 0)]
    offline_dirs: u32,
    /// Log dirs that take nothing new
    #[arg(long, value_name = "N", default_value_t = 0)]
    cordoned: u32,
    /// Partitions with too many replicas in one rack
    #[arg(long, value_name = "N", default_value_t = 0)]
    rack_violations: u32,
    /// Replicas on brokers of another group
    #[arg(long, value_name = "N", default_value_t = 0)]
    wrong_group: u32,
    /// Partitions with a running reassignment
    #[arg(long, value_name = "N", default_value_t = 0)]
    reassigning: u32,
    /// Partitions without a leader
    #[arg(long, value_name = "N", default_value_t = 0)]
    no_leader: u32,
    #[command(flatten)]
    end: EndOfHeading,
}

/// Reads `3` or `3:0.5`.
fn parse_factor(text: &str) -> Result<(u32, f64), String> {
    let (factor, weight) = text.split_once(':').unwrap_or((text, "1"));
    let factor = factor.parse().map_err(|_| format!("\"{factor}\" is not a replication factor"))?;
    let weight = weight.parse().map_err(|_| format!("\"{weight}\" is not a weight"))?;
    Ok((factor, weight))
}

impl Args {
    fn spec(&self) -> SynthSpec {
        let Self { shape, faults, .. } = self;
        SynthSpec {
            brokers: self.brokers,
            partitions: self.partitions,
            topics: shape.topics,
            racks: self.racks,
            rack_skew: shape.rack_skew,
            groups: shape.groups,
            log_dirs: shape.log_dirs,
            replication: shape.replication.clone(),
            heterogeneous: shape.heterogeneous,
            disk_utilization: shape.disk_utilization,
            drift: shape.drift,
            expanded: shape.expanded,
            faults: SynthFaults {
                dead: faults.dead,
                draining: faults.draining,
                down: faults.down,
                offline_dirs: faults.offline_dirs,
                cordoned: faults.cordoned,
                rack_violations: faults.rack_violations,
                wrong_group: faults.wrong_group,
                reassigning: faults.reassigning,
                no_leader: faults.no_leader,
            },
            seed: self.seed,
        }
    }
}

impl From<SynthError> for CliError {
    fn from(error: SynthError) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Runs the command.
///
/// # Errors
/// A cluster that cannot be, or what the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    let snapshot = synthesize(&args.spec())?;
    let mut files = render::snapshot_files(&snapshot);
    if args.shape.history_days > 0 {
        files.push(history_file(&snapshot, args.shape.history_days, args.seed));
    }
    let written = writer::write_dir(&args.out, &files, args.force);
    written.map_err(|e| if e.is_usage() { CliError::Usage(e.to_string()) } else { CliError::Failed(e.to_string()) })?;
    anstream::println!("{}", summary(&snapshot, &args.out));
    Ok(Verdict::Done)
}

/// What was written, in a line.
fn summary(snapshot: &Snapshot, out: &Path) -> String {
    format!(
        "{}: {} brokers, {} topics, {} partitions, {} replicas",
        out.display(),
        snapshot.brokers.len(),
        snapshot.topics.len(),
        snapshot.partitions.len(),
        snapshot.replicas.len(),
    )
}
