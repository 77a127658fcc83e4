//! `evenkeel what-if mirror`.

use std::path::PathBuf;

use super::OutArgs;
use crate::capacity::mirror::mirror;
use crate::cli::common::{self, Format};
use crate::cli::exit::{CliError, Verdict};
use crate::ingest::scenario::sites::{self, Topology};
use crate::ingest::snapshot_dir;
use crate::model::Policy;
use crate::report::what_if::mirror as report;

const EXAMPLES: &str = "\
Examples:
  evenkeel what-if mirror fixtures/scenarios/mirror-five-sites.toml --topology active-active --redundancy 2
  evenkeel what-if mirror sites.toml --topology hub-and-spoke --out mirror
  evenkeel what-if mirror sites.toml --topology hub-and-spoke --snapshot hangzhou=snapshot
  evenkeel what-if mirror sites.toml --topology active-standby --format json | jq .wan_monthly_cost

docs/what-if-mirror.md explains the file and every figure.";

/// Arguments of `evenkeel what-if mirror`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The sites and the links between them (TOML)
    sites: PathBuf,
    /// Who sends to whom
    #[arg(long, value_enum)]
    topology: TopologyArg,
    /// Processes per flow
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    redundancy: u64,
    /// A snapshot of a site's cluster, to which the load of mirroring is added; may be given for each site
    #[arg(long, value_name = "SITE=DIR", value_parser = parse_snapshot)]
    snapshot: Vec<(String, PathBuf)>,
    /// Output on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    out: OutArgs,
}

/// Who sends to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum TopologyArg {
    /// Every spoke to the hub: n-1 flows
    HubAndSpoke,
    /// Every site to every other: n*(n-1) flows
    ActiveActive,
    /// The active site to every standby: n-1 flows
    ActiveStandby,
}

impl From<TopologyArg> for Topology {
    fn from(topology: TopologyArg) -> Self {
        match topology {
            TopologyArg::HubAndSpoke => Self::HubAndSpoke,
            TopologyArg::ActiveActive => Self::ActiveActive,
            TopologyArg::ActiveStandby => Self::ActiveStandby,
        }
    }
}

fn parse_snapshot(text: &str) -> Result<(String, PathBuf), String> {
    let parts = text.split_once('=').filter(|(name, dir)| !name.is_empty() && !dir.is_empty());
    let (name, dir) =
        parts.ok_or_else(|| "write a site and its snapshot, e.g. hangzhou=snapshots/hangzhou".to_owned())?;
    Ok((name.to_owned(), PathBuf::from(dir)))
}

/// Runs the command.
///
/// # Errors
/// Bad input, or what the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    args.out.check()?;
    let topology = args.topology.into();
    let sites = sites::read(&args.sites, topology)?;
    let mut found = mirror(&sites, topology, args.redundancy);
    let catalogue = common::catalogue(None)?;
    for (name, dir) in &args.snapshot {
        let row = sites.sites.iter().position(|site| site.name == *name);
        let Some(row) = row else {
            return Err(CliError::Usage(format!("--snapshot {name}={}: no such site in the file", dir.display())));
        };
        let (snapshot, warnings) = snapshot_dir::read(dir, &catalogue)?;
        common::warn(&warnings);
        found.add_to(&sites, row, &snapshot, &Policy::default());
    }
    args.out.give(args.format, "mirror", &report::sheet(&sites, &found), report::json(&sites, &found))?;
    Ok(Verdict::Done)
}
