//! `evenkeel what-if …`: weighs a change or a mishap before it happens. One file per question.

pub mod failure;
pub mod federation;
pub mod isolate;
pub mod mirror;
pub mod upgrade;

use std::path::PathBuf;

use super::common::{self, Format};
use super::exit::{CliError, Verdict};
use crate::report::sheet::Sheet;
use crate::report::what_if;

/// The questions.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// What becomes of partitions when brokers, log dirs or racks fail at once.
    Failure(failure::Args),
    /// How many clusters stand behind one logical cluster, and how it grows.
    Federation(federation::Args),
    /// What classes of topics need as resource groups of their own, and the plan that moves them there.
    Isolate(isolate::Args),
    /// What mirroring between sites takes: flows, processes, traffic and its price.
    Mirror(mirror::Args),
    /// A new cluster beside the old one, or the brokers one after the other.
    Upgrade(upgrade::Args),
}

/// Runs the command.
///
/// # Errors
/// Bad input, or what the system refused.
pub fn run(command: &Command) -> Result<Verdict, CliError> {
    match command {
        Command::Failure(args) => failure::run(args),
        Command::Federation(args) => federation::run(args),
        Command::Isolate(args) => isolate::run(args),
        Command::Mirror(args) => mirror::run(args),
        Command::Upgrade(args) => upgrade::run(args),
    }
}

/// Where an answer is written to beside stdout.
#[derive(Debug, clap::Args)]
pub(super) struct OutArgs {
    /// Directory to write the answer to, as a page and as JSON
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace what is already there
    #[arg(long, requires = "out")]
    force: bool,
}

impl OutArgs {
    /// Refuses an output directory that is there already, before any work is done for it.
    pub(super) fn check(&self) -> Result<(), CliError> {
        self.out.as_deref().map_or(Ok(()), |dir| common::refuse_existing(dir, self.force))
    }

    /// Prints the answer, and writes it where that is asked for.
    fn give(&self, format: Format, name: &str, sheet: &Sheet, json: Vec<u8>) -> Result<(), CliError> {
        show(format, sheet, &json)?;
        self.write(name, sheet, json)
    }

    /// Writes the answer where that is asked for.
    pub(super) fn write(&self, name: &str, sheet: &Sheet, json: Vec<u8>) -> Result<(), CliError> {
        match &self.out {
            Some(dir) => common::write(dir, &what_if::files(name, sheet, json), self.force),
            None => Ok(()),
        }
    }
}

/// Prints the answer.
fn show(format: Format, sheet: &Sheet, json: &[u8]) -> Result<(), CliError> {
    match format {
        Format::Text => common::print(&sheet.to_text()),
        Format::Json => common::print(&String::from_utf8_lossy(json)),
    }
}
